// SPDX-License-Identifier: BSD-3-Clause
// Writes of records that the memory has not acknowledged (sl_record_hbm). A lookup of a record that is written here
// takes it from here, so no read has to wait for a write; and a write is sent only when the frames looked up before it
// have their records, so no write overtakes a read. What the memory makes of reads and writes that are under way at the
// same time is therefore no matter.
//
//   write_i ─► ring: flow, record, frames to wait for ─► (all left) w_valid_o ─► acked_i ─► free
//                │
//   flow_i ──────┴► clock 1: hit_o, index_o ─► data_o of any index
//
// Of several writes of one record the last answers. A lookup that comes in the same clock as a write precedes it.
`default_nettype none
module sl_record_pending #(
  parameter int unsigned TABLE_LOG2 = 16,
  parameter int unsigned LOG2 = 6,
  parameter int unsigned W = 240,
  parameter int unsigned COUNT_W = 16       // numbers of frames
) (
  input  wire logic                  clk_i,
  input  wire logic                  rst_ni,
  input  wire logic                  por_ni,
  input  wire logic                  lookup_i,
  input  wire logic [TABLE_LOG2-1:0] flow_i,
  output logic                       hit_o,
  output logic [LOG2-1:0]            index_o,
  input  wire logic [LOG2-1:0]       index_i,       // keeps its record for four clocks after index_o
  output logic [W-1:0]               data_o,
  // Commands.
  output logic                       room_o,
  input  wire logic                  write_i,
  input  wire logic [TABLE_LOG2-1:0] write_flow_i,
  input  wire logic [W-1:0]          write_data_i,
  output logic                       same_o,        // write_flow_i has a write that waits; one clock later
  input  wire logic [COUNT_W-1:0]    begun_i,       // frames up to and with this clock
  input  wire logic [COUNT_W-1:0]    left_i,        // of them, those that have their record
  // To a channel.
  input  wire logic                  hold_i,        // nothing new: a channel still has writes from before a reset
  output logic                       w_valid_o,
  input  wire logic                  w_ready_i,
  output logic [LOG2-1:0]            w_index_o,
  output logic [TABLE_LOG2-1:0]      w_flow_o,
  output logic [W-1:0]               w_data_o,
  input  wire logic                  acked_i,
  input  wire logic [LOG2-1:0]       acked_index_i,
  output logic                       busy_o
);
  localparam int unsigned N = 1 << LOG2;
  (* ram_style = "distributed" *) logic [W-1:0]       data_mem [0:N-1];
  (* ram_style = "distributed" *) logic [COUNT_W-1:0] wait_mem [0:N-1];
  (* ram_style = "distributed" *) logic [TABLE_LOG2-1:0] flow_mem [0:N-1];
  logic [N-1:0]            live_q, done_q, match_q, match, same;
  logic [N*TABLE_LOG2-1:0] flows_q;
  logic [LOG2:0]           wr_q, send_q, free_q, held;
  logic [COUNT_W-1:0]      ahead;
  logic                    passed, load, give, hit_q;

  always_comb begin
    match = '0;
    same  = '0;
    for (int i = 0; i < N; i++) begin
      match[i] = live_q[i] && flows_q[i*TABLE_LOG2 +: TABLE_LOG2] == flow_i;
      same[i]  = live_q[i] && flows_q[i*TABLE_LOG2 +: TABLE_LOG2] == write_flow_i;
    end
  end

  // A count that wrapped waits once more: never too short.
  assign ahead  = left_i - wait_mem[send_q[LOG2-1:0]];
  assign passed = !ahead[COUNT_W-1] || begun_i == left_i;
  assign load   = rst_ni && !hold_i && send_q != wr_q && passed && (!w_valid_o || w_ready_i);
  assign give   = free_q != send_q && done_q[free_q[LOG2-1:0]];
  assign held   = wr_q - free_q;

  always_ff @(posedge clk_i) begin
    if (write_i) begin
      data_mem[wr_q[LOG2-1:0]] <= write_data_i;
      wait_mem[wr_q[LOG2-1:0]] <= begun_i;
      flow_mem[wr_q[LOG2-1:0]] <= write_flow_i;
      for (int i = 0; i < N; i++)
        if (wr_q[LOG2-1:0] == LOG2'(i)) flows_q[i*TABLE_LOG2 +: TABLE_LOG2] <= write_flow_i;
    end
    if (load) begin
      w_index_o <= send_q[LOG2-1:0];
      w_flow_o  <= flow_mem[send_q[LOG2-1:0]];
      w_data_o  <= data_mem[send_q[LOG2-1:0]];
    end
    same_o <= same != '0;
  end
  assign data_o = data_mem[index_i];

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      wr_q    <= '0;
      send_q  <= '0;
      free_q  <= '0;
      live_q  <= '0;
      done_q  <= '0;
      hit_q   <= 1'b0;
      match_q <= '0;
      room_o  <= 1'b0;
    end else begin
      hit_q   <= lookup_i && match != '0;
      match_q <= lookup_i ? match : '0;
      room_o  <= held < (LOG2+1)'(N - 8);
      for (int i = 0; i < N; i++) begin
        if (write_i && wr_q[LOG2-1:0] == LOG2'(i))                                 live_q[i] <= 1'b1;
        else if ((write_i && same[i]) || (acked_i && acked_index_i == LOG2'(i)))   live_q[i] <= 1'b0;
        if (acked_i && acked_index_i == LOG2'(i))                                  done_q[i] <= 1'b1;
        else if (give && free_q[LOG2-1:0] == LOG2'(i))                             done_q[i] <= 1'b0;
      end
      if (write_i) wr_q   <= wr_q + 1'b1;
      if (load)    send_q <= send_q + 1'b1;
      if (give)    free_q <= free_q + 1'b1;
    end
    // (What is offered to the memory outlives a card reset.)
    if (!por_ni) w_valid_o <= 1'b0;
    else         w_valid_o <= load || (w_valid_o && !w_ready_i);
  end

  always_comb begin
    index_o = '0;
    for (int i = 0; i < N; i++) index_o |= match_q[i] ? LOG2'(i) : '0;
  end
  assign hit_o  = hit_q;
  assign busy_o = held != '0 || w_valid_o;

`ifndef SYNTHESIS
  a_one: assert property (@(posedge clk_i) disable iff (!rst_ni) $onehot0(match_q) && hit_q == (match_q != '0));
  a_room: assert property (@(posedge clk_i) disable iff (!rst_ni) write_i |-> held < (LOG2+1)'(N - 4));
  // What memory has acknowledged is in memory: nobody is told of it here, and the entry was not so from before a reset.
  a_done: assert property (@(posedge clk_i) disable iff (!rst_ni) (done_q & live_q) == '0);
  a_stable: assert property (@(posedge clk_i) disable iff (!por_ni)
    w_valid_o && !w_ready_i |=> w_valid_o && $stable(w_data_o) && $stable(w_flow_o));
`endif
endmodule
