// SPDX-License-Identifier: BSD-3-Clause
// Proof harness of sl_eventq. Events come when they like, flows that have aged when they are let in; the ring takes
// what it likes, has room or not, is enabled or not, and is reset at any time. Two counts stand for all that is owed
// to the host: events that are held, and losses that it has not been told of. Numbers of losses have four bits here.
`default_nettype none
module f_eventq #(
  parameter int unsigned LOG2 = 2
) (
  input wire logic        clk_i,
  input wire logic        reset_i,
  input wire logic        push_i,
  input wire logic        aged_valid_i,
  input wire logic        en_i,
  input wire logic [14:0] room_i,
  input wire logic        cpl_ready_i
);
  logic rst_n = 1'b0;
  always_ff @(posedge clk_i) rst_n <= 1'b1;

  logic          aged_ready, cpl_valid, busy, is_report, taken, enters, refused, lapses, gone;
  logic [3:0]    lost, lost_q, told_q, owed;
  logic [255:0]  cpl;
  logic [LOG2:0] held_q;
  sl_eventq #(.LOG2(LOG2)) u_dut (
    .clk_i, .rst_ni(rst_n), .reset_i, .time_ms_i('0), .push_i, .event_i(256'd1), .aged_valid_i,
    .aged_ready_o(aged_ready), .aged_i('0), .lost_o(lost), .en_i, .room_i, .cpl_valid_o(cpl_valid), .cpl_ready_i,
    .cpl_data_o(cpl), .busy_o(busy)
  );
  assign is_report = cpl[15:0] == 16'(sl_pkg::EVENT_TYPE_OVERFLOW);
  assign taken     = cpl_valid && cpl_ready_i;
  assign refused   = push_i && held_q == (LOG2+1)'(1 << LOG2);
  assign enters    = (push_i && !refused) || (aged_valid_i && aged_ready);
  assign lapses    = en_i && room_i == '0 && held_q != '0;     // its turn, and no room in the ring: lost, and counted
  assign gone      = (taken && !is_report) || lapses || (!en_i && held_q != '0);
  assign owed      = lost_q - told_q;
  always_ff @(posedge clk_i) begin
    if (!rst_n) begin
      held_q <= '0;
      lost_q <= '0;
      told_q <= '0;
    end else begin
      held_q <= reset_i ? '0 : held_q + (LOG2+1)'(enters) - (LOG2+1)'(gone);
      lost_q <= lost_q + 4'(refused) + 4'(lapses);
      if (reset_i || !en_i || (taken && is_report)) told_q <= lost_q;
    end
  end

  always_comb begin
    if (rst_n) begin
      counted:   assert (lost == lost_q);
      no_ghost:  assert (!cpl_valid || (en_i && room_i != '0 && (is_report ? owed != '0 : held_q != '0)));
      told:      assert (!(cpl_valid && is_report) || cpl[35:32] == owed);
      no_wait:   assert (!en_i || room_i == '0 || (held_q == '0 && owed == '0) || cpl_valid);
      bounded:   assert (held_q <= (LOG2+1)'(1 << LOG2));
      aged_safe: assert (!aged_ready || (en_i && held_q == '0 && room_i >= 15'd4));
    end
  end
endmodule
