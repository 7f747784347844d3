// SPDX-License-Identifier: BSD-3-Clause
// Free entries of a memory: 0, 1, 2, ... first, then those given back, oldest first. The next one is looked up before
// it is asked for: ready two clocks after a take, or three after the entry that it waits for was given back.
`default_nettype none
module sl_pool #(
  parameter int unsigned LOG2 = 15
) (
  input  wire logic            clk_i,
  input  wire logic            rst_ni,
  input  wire logic            clear_i,    // all are free
  input  wire logic            give_i,
  input  wire logic [LOG2-1:0] give_index_i,
  output logic                 valid_o,
  output logic      [LOG2-1:0] index_o,
  input  wire logic            take_i,
  output logic                 none_o      // all are taken
);
  logic [LOG2:0]   fresh_q, wr_q, rd_q, taken_q;
  logic [LOG2-1:0] mem [0:(1<<LOG2)-1];
  logic [LOG2-1:0] index_q, given_q;
  logic            valid_q, wait_q, from_fresh, from_given;
  assign from_fresh = !valid_q && !wait_q && !fresh_q[LOG2];
  assign from_given = !valid_q && !wait_q && fresh_q[LOG2] && wr_q != rd_q;

  always_ff @(posedge clk_i) begin
    if (give_i)     mem[wr_q[LOG2-1:0]] <= give_index_i;
    if (from_given) given_q <= mem[rd_q[LOG2-1:0]];
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) begin
      fresh_q <= '0;
      wr_q    <= '0;
      rd_q    <= '0;
      taken_q <= '0;
      valid_q <= 1'b0;
      wait_q  <= 1'b0;
    end else begin
      if (from_fresh) fresh_q <= fresh_q + 1'b1;
      if (from_given) rd_q    <= rd_q + 1'b1;
      if (give_i)     wr_q    <= wr_q + 1'b1;
      taken_q <= taken_q + (LOG2+1)'(take_i) - (LOG2+1)'(give_i);
      wait_q  <= from_given;
      if (from_fresh || wait_q) valid_q <= 1'b1;
      else if (take_i)          valid_q <= 1'b0;
    end
    if (from_fresh)  index_q <= fresh_q[LOG2-1:0];
    else if (wait_q) index_q <= given_q;
  end
  assign valid_o = valid_q;
  assign index_o = index_q;
  assign none_o  = taken_q[LOG2];

`ifndef SYNTHESIS
  a_take: assert property (@(posedge clk_i) disable iff (!rst_ni || clear_i) take_i |-> valid_o);
  a_give: assert property (@(posedge clk_i) disable iff (!rst_ni || clear_i) give_i |-> taken_q != '0);
`endif
`ifdef FORMAL
  // f_taken_q is what was taken and not given back. f_one makes it inductive: every entry is at one place: taken,
  // fresh, in the ring, on its way from there, or offered.
  localparam int unsigned N = 1 << LOG2;
  logic [N-1:0]  f_taken_q;
  logic [1:0]    f_wait_q;
  logic [LOG2:0] f_places, f_count, f_at;
  logic          f_one, f_started_q = 1'b0;
  always_ff @(posedge clk_i) begin
    f_started_q <= 1'b1;
    if (!rst_ni || clear_i) begin
      f_taken_q <= '0;
    end else begin
      if (give_i) f_taken_q[give_index_i] <= 1'b0;
      if (take_i) f_taken_q[index_o]      <= 1'b1;
    end
    if (!rst_ni || clear_i || valid_o || f_taken_q == '1) f_wait_q <= '0;
    else                                                  f_wait_q <= f_wait_q + 2'd1;
  end
  always_comb begin
    f_one   = fresh_q <= (LOG2+1)'(N) && !(valid_q && wait_q);
    f_count = '0;
    for (int i = 0; i < N; i++) begin
      f_count  = f_count + (LOG2+1)'(f_taken_q[i]);
      f_places = (LOG2+1)'(f_taken_q[i]) + (LOG2+1)'((LOG2+1)'(i) >= fresh_q)
                 + (LOG2+1)'(valid_q && index_q == LOG2'(i)) + (LOG2+1)'(wait_q && given_q == LOG2'(i));
      f_at     = rd_q;
      for (int n = 0; n < N; n++) begin
        if (f_at != wr_q) begin
          f_places = f_places + (LOG2+1)'(mem[f_at[LOG2-1:0]] == LOG2'(i));
          f_at     = f_at + 1'b1;
        end
      end
      f_one = f_one && f_places == (LOG2+1)'(1) && f_at == wr_q;
    end
    assume (rst_ni == f_started_q);
    assume (!give_i || (f_taken_q[give_index_i] && !clear_i));
    assume (!take_i || (valid_o && !clear_i));
    if (rst_ni) begin
      f_partition: assert (f_one);
      f_free:      assert (!valid_o || !f_taken_q[index_o]);
      f_counts:    assert (taken_q == f_count && none_o == (f_taken_q == '1));
      f_soon:      assert (f_wait_q + 2'(wait_q) < 2'd3 && (wait_q || valid_o || f_wait_q < 2'd2));
    end
  end
`endif
endmodule
