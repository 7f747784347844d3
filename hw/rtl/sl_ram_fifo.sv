// SPDX-License-Identifier: BSD-3-Clause
// A large queue in block memory. Entries become readable when committed: a writer that commits at a frame's end makes
// it store and forward, one that commits every entry makes it a plain queue. The oldest entry is held in the output
// register, so one entry leaves per clock. There is no full flag: the writer looks at free_o or keeps credits.
// Whether there is something to read, and the room, are kept in registers; room that a read makes is told a clock
// later.
`default_nettype none
module sl_ram_fifo #(
  parameter int unsigned W = 8,
  parameter int unsigned LOG2 = 6
) (
  input  wire logic          clk_i,
  input  wire logic          rst_ni,
  input  wire logic          push_i,
  input  wire logic          commit_i,   // with push_i: this entry and all before it are readable
  input  wire logic [W-1:0]  data_i,
  output logic      [LOG2:0] free_o,
  output logic               valid_o,
  output logic      [W-1:0]  data_o,
  input  wire logic          pop_i
);
  logic [W-1:0] mem [0:(1<<LOG2)-1];
  logic [LOG2:0] wr_q, commit_q, rd_q, rd_next_q, free_q, more, less;
  logic          read, read_q, some_q;               // some_q: rd_q != commit_q

  assign read   = some_q && (!valid_o || pop_i);
  assign free_o = free_q;
  assign more   = free_q + 1'b1;
  assign less   = free_q - 1'b1;

  always_ff @(posedge clk_i) begin
    if (push_i) mem[wr_q[LOG2-1:0]] <= data_i;
    if (read)   data_o <= mem[rd_q[LOG2-1:0]];
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      wr_q      <= '0;
      commit_q  <= '0;
      rd_q      <= '0;
      rd_next_q <= (LOG2+1)'(1);
      free_q    <= (LOG2+1)'(1 << LOG2);
      some_q    <= 1'b0;
      read_q    <= 1'b0;
      valid_o   <= 1'b0;
    end else begin
      if (push_i) wr_q <= wr_q + 1'b1;
      if (push_i && commit_i) commit_q <= wr_q + 1'b1;
      if (read) begin
        rd_q      <= rd_next_q;
        rd_next_q <= rd_next_q + 1'b1;
      end
      read_q <= read;
      if (push_i != read_q) free_q <= read_q ? more : less;
      some_q  <= (push_i && commit_i) || (read ? rd_next_q != commit_q : some_q);
      valid_o <= read || (valid_o && !pop_i);
    end
  end

`ifndef SYNTHESIS
  a_no_overflow: assert property (@(posedge clk_i) disable iff (!rst_ni) push_i |-> free_o != '0);
  a_no_underflow: assert property (@(posedge clk_i) disable iff (!rst_ni) pop_i |-> valid_o);
`endif
endmodule
