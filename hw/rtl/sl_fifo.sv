// SPDX-License-Identifier: BSD-3-Clause
// A small queue in distributed memory: the oldest entry is visible at data_o while valid_o is set. It has no full
// flag: whoever pushes must know that there is room (by credits, or by a fixed latency); an assertion watches.
// Whether there is an entry, and how many, come out of registers, so that what depends on it may take a clock.
`default_nettype none
module sl_fifo #(
  parameter int unsigned W = 8,
  parameter int unsigned LOG2 = 4
) (
  input  wire logic          clk_i,
  input  wire logic          rst_ni,
  input  wire logic          push_i,
  input  wire logic [W-1:0]  data_i,
  input  wire logic          pop_i,
  output logic               valid_o,
  output logic      [W-1:0]  data_o,
  output logic      [LOG2:0] count_o
);
  (* ram_style = "distributed" *) logic [W-1:0] mem [0:(1<<LOG2)-1];
  logic [LOG2-1:0] wr_q, rd_q;
  logic [LOG2:0]   count_q, more, less;
  logic            valid_q;

  assign valid_o = valid_q;
  assign count_o = count_q;
  assign data_o  = mem[rd_q];
  assign more    = count_q + 1'b1;
  assign less    = count_q - 1'b1;

  always_ff @(posedge clk_i) begin
    if (push_i) mem[wr_q] <= data_i;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      wr_q    <= '0;
      rd_q    <= '0;
      count_q <= '0;
      valid_q <= 1'b0;
    end else begin
      if (push_i) wr_q <= wr_q + 1'b1;
      if (pop_i && valid_o) rd_q <= rd_q + 1'b1;
      if (push_i != (pop_i && valid_o)) count_q <= push_i ? more : less;
      valid_q <= push_i || (pop_i ? count_q[LOG2:1] != '0 : valid_q);
    end
  end

`ifndef SYNTHESIS
  a_no_overflow: assert property (@(posedge clk_i) disable iff (!rst_ni) push_i |-> (count_o < (LOG2+1)'(1 << LOG2)));
  a_no_underflow: assert property (@(posedge clk_i) disable iff (!rst_ni) pop_i |-> valid_o);
`endif
endmodule
