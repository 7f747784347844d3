// SPDX-License-Identifier: BSD-3-Clause
// The last reads of records (sl_record_hbm), so that a flow's frames close behind each other share one: a frame whose
// record was asked for by one of the last WINDOW frames (or up to N more), and not written since, takes the slot of
// that read. In a ring, oldest first out, by number or by age.
//
//   clock 0: lookup_i, compare ─► clock 1: hit_o, slot_o; take_i: the lookup reads for itself, into take_slot_i
//
// A lookup that comes in the same clock as a write precedes it. The entry that is given out next has matched nothing
// for a clock: what was found in it is still there when it is looked at.
`default_nettype none
module sl_record_share #(
  parameter int unsigned TABLE_LOG2 = 16,
  parameter int unsigned SLOT_LOG2 = 9,
  parameter int unsigned LOG2 = 5,
  parameter int unsigned WINDOW = 80
) (
  input  wire logic                  clk_i,
  input  wire logic                  rst_ni,
  input  wire logic                  lookup_i,
  input  wire logic [TABLE_LOG2-1:0] flow_i,
  input  wire logic [SLOT_LOG2-1:0]  now_i,         // the lookup's own slot; slots are given out in turn
  output logic                       hit_o,
  output logic [SLOT_LOG2:0]         slot_o,        // and a bit that goes with it
  input  wire logic                  take_i,        // not with hit_o
  input  wire logic [SLOT_LOG2:0]    take_slot_i,
  input  wire logic                  write_i,
  input  wire logic [TABLE_LOG2-1:0] write_flow_i
);
  localparam int unsigned N = 1 << LOG2;
  logic [N-1:0]             valid_q, match_q, match, gone;
  logic [N*TABLE_LOG2-1:0]  flows_q;
  logic [N*(SLOT_LOG2+1)-1:0] slots_q;
  logic [LOG2-1:0]          wr_q, rd_q, held;
  logic [TABLE_LOG2-1:0]    flow1_q;
  logic                     lookup1_q, follow_q, written_q, take, drop, old_q, any_q;
  logic [SLOT_LOG2:0]       last_q;
  logic [SLOT_LOG2-1:0]     oldest, age;

  always_comb begin
    match = '0;
    gone  = '0;
    for (int i = 0; i < N; i++) begin
      match[i] = valid_q[i] && flows_q[i*TABLE_LOG2 +: TABLE_LOG2] == flow_i;
      gone[i]  = write_i && flows_q[i*TABLE_LOG2 +: TABLE_LOG2] == write_flow_i;
    end
  end

  // A write that came with the lookup or after it: the read's record is the old one, which nobody else may have.
  assign take = take_i && !written_q && !(write_i && write_flow_i == flow1_q);

  // The oldest entry leaves when it is old, or when the ring is full but for two. Its age is known a clock late, so
  // that the old leave in every second clock: N of them that came at once are N clocks late at most.
  assign held = wr_q - rd_q;
  always_comb begin
    oldest = '0;
    for (int i = 0; i < N; i++) oldest |= rd_q == LOG2'(i) ? slots_q[i*(SLOT_LOG2+1) +: SLOT_LOG2] : '0;
  end
  assign age  = now_i - oldest;
  assign drop = held >= LOG2'(N - 2) || old_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q   <= '0;
      wr_q      <= '0;
      rd_q      <= '0;
      lookup1_q <= 1'b0;
      follow_q  <= 1'b0;
      written_q <= 1'b0;
      match_q   <= '0;
      any_q     <= 1'b0;
      old_q     <= 1'b0;
    end else begin
      old_q     <= held != '0 && !drop && age >= SLOT_LOG2'(WINDOW);
      lookup1_q <= lookup_i;
      match_q   <= lookup_i ? match : '0;
      any_q     <= lookup_i && match != '0;
      follow_q  <= lookup_i && take_i && flow_i == flow1_q;
      written_q <= write_i && write_flow_i == flow_i;
      for (int i = 0; i < N; i++) begin
        if (take && wr_q == LOG2'(i))                      valid_q[i] <= 1'b1;
        else if (gone[i] || (drop && rd_q == LOG2'(i)))    valid_q[i] <= 1'b0;
      end
      if (take) wr_q <= wr_q + 1'b1;
      if (drop) rd_q <= rd_q + 1'b1;
    end
    flow1_q <= flow_i;
    last_q  <= take_slot_i;
    for (int i = 0; i < N; i++) begin
      if (take && wr_q == LOG2'(i)) begin
        flows_q[i*TABLE_LOG2 +: TABLE_LOG2]       <= flow1_q;
        slots_q[i*(SLOT_LOG2+1) +: SLOT_LOG2 + 1] <= take_slot_i;
      end
    end
  end

  always_comb begin
    slot_o = follow_q ? last_q : '0;
    for (int i = 0; i < N; i++) slot_o |= match_q[i] ? slots_q[i*(SLOT_LOG2+1) +: SLOT_LOG2 + 1] : '0;
  end
  assign hit_o = follow_q || any_q;

`ifndef SYNTHESIS
  a_one: assert property (@(posedge clk_i) disable iff (!rst_ni) $onehot0({follow_q, match_q}));
  a_take: assert property (@(posedge clk_i) disable iff (!rst_ni) take_i |-> lookup1_q && !hit_o);
  a_old: assert property (@(posedge clk_i) disable iff (!rst_ni) held != '0 |-> 32'(age) <= WINDOW + N + 2);
  a_drop: assert property (@(posedge clk_i) disable iff (!rst_ni) drop |-> held != '0);
  a_empty: assert property (@(posedge clk_i) disable iff (!rst_ni) !valid_q[wr_q]);
`endif
endmodule
