// SPDX-License-Identifier: BSD-3-Clause
// Proof harness of sl_fifo. The one who pushes keeps credits: he starts with as many as there are entries, spends one
// per push and gets it back with the pop. Any entry may be the marked one: it must come out where and as it went in,
// which for every entry means that none is lost, doubled, changed or overtaken.
`default_nettype none
module f_fifo #(
  parameter int unsigned W = 3,
  parameter int unsigned LOG2 = 2
) (
  input wire logic         clk_i,
  input wire logic         push_i,
  input wire logic [W-1:0] data_i,
  input wire logic         pop_i,
  input wire logic         mark_i
);
  logic rst_n = 1'b0;
  always_ff @(posedge clk_i) rst_n <= 1'b1;

  logic          push, pop, valid, marked_q;
  logic [W-1:0]  data, value_q;
  logic [LOG2:0] count, credits_q, held, ahead_q;
  assign push   = push_i && credits_q != '0;
  assign pop    = pop_i && valid;
  assign held = (LOG2+1)'(1 << LOG2) - credits_q;
  sl_fifo #(.W(W), .LOG2(LOG2)) u_dut (
    .clk_i, .rst_ni(rst_n), .push_i(push), .data_i, .pop_i(pop), .valid_o(valid), .data_o(data), .count_o(count)
  );

  always_ff @(posedge clk_i) begin
    if (!rst_n) begin
      credits_q <= (LOG2+1)'(1 << LOG2);
      marked_q  <= 1'b0;
    end else begin
      credits_q <= credits_q - (LOG2+1)'(push) + (LOG2+1)'(pop);
      if (marked_q) begin
        if (pop && ahead_q == '0) marked_q <= 1'b0;
        if (pop) ahead_q <= ahead_q - 1'b1;
      end else if (push && mark_i) begin
        marked_q <= 1'b1;
        ahead_q  <= held - (LOG2+1)'(pop);
        value_q  <= data_i;
      end
    end
  end

  always_comb begin
    if (rst_n) begin
      order:    assert (!marked_q || ahead_q != '0 || (valid && data == value_q));
      count_ok: assert (count == held && valid == (held != '0));
      overflow: assert (!push || count < (LOG2+1)'(1 << LOG2));
    end
  end
endmodule
