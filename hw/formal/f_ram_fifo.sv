// SPDX-License-Identifier: BSD-3-Clause
// Proof harness of sl_ram_fifo, for both rules by which a writer may know that there is room: CREDITS = 0, he looks at
// free_o; CREDITS = 1, he counts what he pushed and what was popped. Frames are committed at will. The marked entry is
// any entry (as in f_fifo).
`default_nettype none
module f_ram_fifo #(
  parameter int unsigned W = 2,
  parameter int unsigned LOG2 = 2,
  parameter int unsigned CREDITS = 0
) (
  input wire logic         clk_i,
  input wire logic         push_i,
  input wire logic         commit_i,
  input wire logic [W-1:0] data_i,
  input wire logic         pop_i,
  input wire logic         mark_i
);
  logic rst_n = 1'b0;
  always_ff @(posedge clk_i) rst_n <= 1'b1;

  // inside_q: pushed and not popped, one more than the memory when the output register is full; ready_q: committed.
  logic            push, pop, valid, marked_q, was_ready_q;
  logic [W-1:0]    data, value_q;
  logic [LOG2:0]   free;
  logic [LOG2+1:0] inside_q, ready_q, inside_d, ready_d, ahead_q;
  assign push = push_i && (CREDITS != 0 ? inside_q < (LOG2+2)'(1 << LOG2) : free != '0);
  assign pop  = pop_i && valid;
  assign inside_d = inside_q + (LOG2+2)'(push) - (LOG2+2)'(pop);
  assign ready_d  = push && commit_i ? inside_d : ready_q - (LOG2+2)'(pop);
  sl_ram_fifo #(.W(W), .LOG2(LOG2)) u_dut (
    .clk_i, .rst_ni(rst_n), .push_i(push), .commit_i, .data_i, .free_o(free), .valid_o(valid), .data_o(data),
    .pop_i(pop)
  );

  always_ff @(posedge clk_i) begin
    if (!rst_n) begin
      inside_q    <= '0;
      ready_q     <= '0;
      marked_q    <= 1'b0;
      was_ready_q <= 1'b0;
    end else begin
      inside_q    <= inside_d;
      ready_q     <= ready_d;
      was_ready_q <= ready_q != (LOG2+2)'(pop);
      if (marked_q) begin
        if (pop && ahead_q == '0) marked_q <= 1'b0;
        if (pop) ahead_q <= ahead_q - 1'b1;
      end else if (push && mark_i) begin
        marked_q <= 1'b1;
        ahead_q  <= inside_q - (LOG2+2)'(pop);
        value_q  <= data_i;
      end
    end
  end

  (* hierconn *) logic \u_dut.read_q ;
  always_comb begin
    if (rst_n) begin
      order:     assert (!(valid && marked_q && ahead_q == '0) || data == value_q);
      committed: assert (!valid || ready_q != '0);
      prompt:    assert (valid == was_ready_q);   // one entry per clock as long as there are committed ones
      overflow:  assert (!push || free != '0);
      // (Room that a read has made is told a clock later.)
      free_ok:   assert (inside_q + (LOG2+2)'(free) + (LOG2+2)'(\u_dut.read_q )
                         == (LOG2+2)'(1 << LOG2) + (LOG2+2)'(valid));
    end
  end
endmodule
