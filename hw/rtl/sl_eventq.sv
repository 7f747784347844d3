// SPDX-License-Identifier: BSD-3-Clause
// The event queue (docs/device.md, 9): events of the management core wait here until the ring has taken them. What
// finds no place, here or in the ring, is counted, and one OVERFLOW event tells the host as soon as there is room.
`default_nettype none
module sl_eventq #(
  parameter int unsigned LOG2 = 6      // log2 of the events kept
) (
  input  wire logic         clk_i,
  input  wire logic         rst_ni,
  input  wire logic         reset_i,   // host interface reset
  input  wire logic [31:0]  time_ms_i,
  input  wire logic         push_i,
  input  wire logic [255:0] event_i,
  // Flows that have aged (last seen, flow id). They wait where they come from until the host is sure to get them, and
  // leave room for other events.
  input  wire logic         aged_valid_i,
  output logic              aged_ready_o,
  input  wire logic [63:0]  aged_i,
  output logic [31:0]       lost_o,    // since power-on
  // sl_queue.
  input  wire logic         en_i,
  input  wire logic [14:0]  room_i,
  output logic              cpl_valid_o,
  input  wire logic         cpl_ready_i,
  output logic [255:0]      cpl_data_o,
  output logic              busy_o
);
  localparam logic [14:0] ROOM = 15'd4;
  logic         full, valid, pop, tell, lose, aged;
  logic [255:0] oldest;
  logic [LOG2:0] count;
  logic [31:0]  told_q;

  assign full         = count == (LOG2+1)'(1 << LOG2);
  assign aged_ready_o = en_i && !reset_i && !push_i && count == '0 && room_i >= ROOM;
  assign aged         = aged_valid_i && aged_ready_o;
  sl_fifo #(.W(256), .LOG2(LOG2)) u_events (
    .clk_i, .rst_ni(rst_ni && !reset_i), .push_i((push_i && !full) || aged),
    .data_i(aged ? {128'd0, time_ms_i, aged_i, 16'd0, 16'(sl_pkg::EVENT_TYPE_AGED)} : event_i), .pop_i(pop),
    .valid_o(valid), .data_o(oldest), .count_o(count)
  );
  assign tell        = lost_o != told_q;
  assign cpl_valid_o = en_i && room_i != '0 && (tell || valid);
  assign cpl_data_o  = tell ? {128'd0, time_ms_i, 32'd0, lost_o - told_q, 16'd0,
    16'(sl_pkg::EVENT_TYPE_OVERFLOW)} : oldest;
  assign lose        = valid && en_i && room_i == '0;
  assign pop         = valid && (!en_i || lose || (!tell && cpl_ready_i));

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      lost_o <= '0;
      told_q <= '0;
    end else begin
      lost_o <= lost_o + 32'(lose) + 32'(push_i && full);
      if (!en_i || reset_i || (cpl_valid_o && cpl_ready_i && tell)) told_q <= lost_o;
    end
  end
  assign busy_o = valid || cpl_valid_o || (!en_i && tell);

`ifndef SYNTHESIS
  logic [31:0] untold;
  assign untold = lost_o - told_q;
  a_count: assert property (@(posedge clk_i) disable iff (!rst_ni)
    lost_o == $past(lost_o) || lost_o - $past(lost_o) <= 32'd2);
  a_told: assert property (@(posedge clk_i) disable iff (!rst_ni) !untold[31]);
  a_told_first: assert property (@(posedge clk_i) disable iff (!rst_ni)
    cpl_valid_o && tell |-> cpl_data_o[15:0] == 16'(sl_pkg::EVENT_TYPE_OVERFLOW) && !pop);
  a_pop: assert property (@(posedge clk_i) disable iff (!rst_ni) pop |-> !en_i || lose || cpl_valid_o);
  // What waits for the host to make room is no work of the card's.
  a_busy: assert property (@(posedge clk_i) disable iff (!rst_ni)
    busy_o == (valid || (tell && (!en_i || room_i != '0))));
  a_discarded: assert property (@(posedge clk_i) disable iff (!rst_ni) !en_i && valid |-> pop && !cpl_valid_o);
`endif
endmodule
