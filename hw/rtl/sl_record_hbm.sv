// SPDX-License-Identifier: BSD-3-Clause
// Records in memory that answers late, out of order among its channels, and not at all while it refreshes: HBM. Stands
// behind sl_table instead of a memory on chip; frames wait here for their record and leave in order.
//
//   sl_table ─► compare ─┬─────────────► frames, in order ──────────────► slot answered? ─► record ─► sl_action
//      │        (share,  │                                                    ▲
//      │        pending) └► requests ─► a channel ─► (HBM) ─► answers ─► slot ┘
//   sl_command ─► sl_record_pending ──► a channel
//
// A frame has a slot, given out in turn: a read's answer is written there. It reads for itself, or takes the slot of
// the last read of the same record (sl_record_share), or has the record of a write under way copied into its slot of a
// memory beside (sl_record_pending). Each of GROUPS memories takes one answer a clock, of its own channels. Whether a
// slot is answered is one bit, turned by each answer.
//
// Order: what the frame gets is the record at the clock in which it came, after all writes before it. Nothing here
// holds a frame back: sl_arb's credits bound the frames, and a slot given out again is one that nobody looks at any
// more.
`default_nettype none
module sl_record_hbm #(
  parameter int unsigned TABLE_LOG2 = 16,
  parameter int unsigned SLOT_LOG2 = 9,
  parameter int unsigned WINDOW = 80,       // frames that may share a read, and 32 more
  parameter int unsigned LATE = 2,          // clocks that a write follows, so that it keeps its place among lookups
  parameter int unsigned KEPT_W = 240,      // of a record, as in sl_record
  parameter int unsigned COUNT_W = 16
) (
  input  wire logic                  clk_i,
  input  wire logic                  rst_ni,        // card
  input  wire logic                  por_ni,        // the memory's side outlives a card reset
  input  wire logic                  bubble_i,      // a clock without a frame
  input  wire logic                  valid_i,
  input  wire sl_dp_pkg::job_t       job_i,
  input  wire sl_dp_pkg::found_t     found_i,
  input  wire logic [255:0]          addresses_i,   // of an IPv6 flow's record
  output logic                       valid_o,
  output sl_dp_pkg::job_t            job_o,
  output sl_dp_pkg::found_t          found_o,
  output logic [511:0]               record_o,
  // Commands. A read is answered when valid is set again.
  output logic                       c_room_o,      // for what one more command writes
  input  wire logic                  c_read_i,
  input  wire logic                  c_write_i,
  input  wire logic [TABLE_LOG2-1:0] c_flow_i,
  input  wire logic [KEPT_W-1:0]     c_record_i,
  output logic                       c_valid_o,
  output logic [KEPT_W-1:0]          c_record_o,
  output logic                       busy_o,
  // Channels of 32-byte words. Reads are answered in order, writes too. A write, address and data at once, is offered
  // to one channel.
  output logic [15:0]                hbm_ar_valid_o,
  input  wire logic [15:0]           hbm_ar_ready_i,
  output logic [16*28-1:0]           hbm_ar_addr_o, // bytes, in the channel
  input  wire logic [15:0]           hbm_r_valid_i,
  output logic [15:0]                hbm_r_ready_o,
  input  wire logic [16*256-1:0]     hbm_r_data_i,
  output logic [15:0]                hbm_w_valid_o,
  input  wire logic [15:0]           hbm_w_ready_i,
  output logic [27:0]                hbm_w_addr_o,
  output logic [255:0]               hbm_w_data_o,
  input  wire logic [15:0]           hbm_b_valid_i,
  output logic [15:0]                hbm_b_ready_o
);
  localparam int unsigned CHANNELS = 16, GROUPS = 4, EACH = CHANNELS / GROUPS;
  localparam int unsigned ADDR_W = TABLE_LOG2 - 4;
  localparam int unsigned FOR_W = SLOT_LOG2 + 2;          // a command's, the answer's bit, the slot
  localparam int unsigned PENDING_LOG2 = 6;
  localparam int unsigned ENTRY_W = 1 + 1 + 2 + 1 + SLOT_LOG2 + sl_dp_pkg::JOB_W + 96 + 256;

  // Records that are close in number are in different channels, and so are those a power of two apart.
  function automatic logic [3:0] channel(input logic [TABLE_LOG2-1:0] flow);
    logic [23:0] f;
    f       = 24'(flow);
    channel = f[3:0] ^ f[7:4] ^ f[11:8] ^ f[15:12] ^ f[19:16] ^ f[23:20];
  endfunction

  // Writes, as late as lookups.
  logic                  write;
  logic [TABLE_LOG2-1:0] write_flow;
  logic [KEPT_W-1:0]     write_data;
  sl_delay #(.W(TABLE_LOG2 + KEPT_W), .N(LATE)) u_late (
    .clk_i, .rst_ni, .valid_i(c_write_i), .data_i({c_flow_i, c_record_i}), .valid_o(write),
    .data_o({write_flow, write_data})
  );

  // Clock 0: who else has asked for the record, or writes it.
  logic [COUNT_W-1:0]    tail_q, left_q, begun;
  logic [TABLE_LOG2-1:0] flow, dump_flow_q;
  logic                  need;
  assign flow  = found_i.flow_id[TABLE_LOG2-1:0];
  assign need  = valid_i && found_i.flow_id != sl_pkg::FLOW_ID_NONE && job_i.reason == sl_pkg::REASON_FORWARDED;
  assign begun = tail_q + COUNT_W'(valid_i);

  logic                    share_hit, ask, pending_hit, pending_room, same, w_valid, w_taken, pending_busy;
  logic                    acked, acked_q;
  logic [SLOT_LOG2:0]      share_slot, own_slot;
  logic [PENDING_LOG2-1:0] pending_index, copy_index_q, w_index, acked_index, acked_index_q;
  logic [KEPT_W-1:0]       copy_data, w_data;
  logic [TABLE_LOG2-1:0]   w_flow;
  sl_record_share #(.TABLE_LOG2(TABLE_LOG2), .SLOT_LOG2(SLOT_LOG2), .WINDOW(WINDOW)) u_share (
    .clk_i, .rst_ni, .lookup_i(need), .flow_i(flow), .now_i(tail_q[SLOT_LOG2-1:0]), .hit_o(share_hit),
    .slot_o(share_slot), .take_i(ask), .take_slot_i(own_slot), .write_i(write), .write_flow_i(write_flow)
  );
  sl_record_pending #(.TABLE_LOG2(TABLE_LOG2), .LOG2(PENDING_LOG2), .W(KEPT_W), .COUNT_W(COUNT_W)) u_pending (
    .clk_i, .rst_ni, .por_ni, .lookup_i(need), .flow_i(flow), .hit_o(pending_hit), .index_o(pending_index),
    .index_i(copy_index_q), .data_o(copy_data), .room_o(pending_room), .write_i(write),
    .write_flow_i(write ? write_flow : dump_flow_q), .write_data_i(write_data), .same_o(same), .begun_i(begun),
    .left_i(left_q), .hold_i(stale != '0), .w_valid_o(w_valid), .w_ready_i(w_taken), .w_index_o(w_index),
    .w_flow_o(w_flow), .w_data_o(w_data), .acked_i(acked_q), .acked_index_i(acked_index_q), .busy_o(pending_busy)
  );
  assign c_room_o = pending_room;

  // Clock 1: its slot; a request if nobody has asked.
  logic                  valid1_q, need1_q, copy1;
  sl_dp_pkg::job_t       job1_q;
  sl_dp_pkg::found_t     found1_q;
  logic [255:0]          addresses1_q;
  logic [SLOT_LOG2-1:0]  slot1_q;
  logic [3:0]            channel1_q;
  logic [SLOT_LOG2:0]    slot1;
  logic [GROUPS-1:0]     turned1, turned_head, turned_next;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid1_q <= 1'b0;
      tail_q   <= '0;
    end else begin
      valid1_q <= valid_i;
      tail_q   <= begun;
    end
    if (valid_i) begin
      need1_q      <= need;
      job1_q       <= job_i;
      found1_q     <= found_i;
      addresses1_q <= addresses_i;
      slot1_q      <= tail_q[SLOT_LOG2-1:0];
      channel1_q   <= channel(flow);
    end
  end
  assign copy1    = need1_q && pending_hit;
  assign ask      = valid1_q && need1_q && !pending_hit && !share_hit;
  assign own_slot = {!turned1[channel1_q[3:2]], slot1_q};
  assign slot1    = pending_hit || !share_hit ? own_slot : share_slot;

  // Clock 2: the copy of what is being written.
  logic                 copy_q;
  logic [SLOT_LOG2-1:0] copy_slot_q;
  always_ff @(posedge clk_i) begin
    copy_q       <= rst_ni && valid1_q && copy1;
    copy_slot_q  <= slot1_q;
    copy_index_q <= pending_index;
  end

  // Frames in order: the oldest, of which it is known whether its slot is answered, and the next.
  logic               next_valid, next_need, next_copy, head_valid_q, ready_q, head_need_q, head_copy_q, load, pop;
  logic [1:0]         next_group, head_group_q;
  logic [SLOT_LOG2:0] next_slot, head_slot_q;
  sl_dp_pkg::job_t    next_job, head_job_q;
  sl_dp_pkg::found_t  next_found, head_found_q;
  logic [255:0]       next_addresses, head_addresses_q;
  logic [SLOT_LOG2:0] frames_free;
  sl_ram_fifo #(.W(ENTRY_W), .LOG2(SLOT_LOG2)) u_frames (
    .clk_i, .rst_ni, .push_i(valid1_q), .commit_i(1'b1),
    .data_i({need1_q, copy1, channel1_q[3:2], slot1, job1_q, found1_q, addresses1_q}), .free_o(frames_free),
    .valid_o(next_valid), .data_o({next_need, next_copy, next_group, next_slot, next_job, next_found, next_addresses}),
    .pop_i(load)
  );
  assign pop  = head_valid_q && ready_q && !bubble_i;
  assign load = next_valid && (!head_valid_q || pop);
  always_ff @(posedge clk_i) begin
    if (!rst_ni) head_valid_q <= 1'b0;
    else         head_valid_q <= load || (head_valid_q && !pop);
    if (load) begin
      ready_q <= !next_need || next_copy || turned_next[next_group] == next_slot[SLOT_LOG2];
      {head_need_q, head_copy_q, head_group_q, head_slot_q} <= {next_need, next_copy, next_group, next_slot};
      {head_job_q, head_found_q, head_addresses_q}          <= {next_job, next_found, next_addresses};
    end else if (turned_head[head_group_q] == head_slot_q[SLOT_LOG2]) begin
      ready_q <= 1'b1;
    end
  end

  // Requests, in order to the channels; a command's read goes between them.
  localparam logic [2:0] REST = 3'd0, CHECK = 3'd1, LOOK = 3'd2, ASK = 3'd3, AWAIT = 3'd4;
  logic [2:0]            dump_state_q;
  logic                  asked_valid, asked_load, asked_pop, dump_ask, dump_answer, sent_q, asked_valid_q;
  logic [3:0]            asked_channel, asked_channel_q, sent_channel_q, dump_channel;
  logic [ADDR_W-1:0]     asked_addr, asked_addr_q, sent_addr_q;
  logic [SLOT_LOG2:0]    asked_slot, asked_slot_q, requests_free;
  logic [FOR_W-1:0]      sent_for_q;
  logic [CHANNELS-1:0]   room, stale, channel_busy;
  sl_ram_fifo #(.W(4 + ADDR_W + SLOT_LOG2 + 1), .LOG2(SLOT_LOG2)) u_requests (
    .clk_i, .rst_ni, .push_i(ask), .commit_i(1'b1),
    .data_i({channel1_q, found1_q.flow_id[TABLE_LOG2-1:4], own_slot}), .free_o(requests_free), .valid_o(asked_valid),
    .data_o({asked_channel, asked_addr, asked_slot}), .pop_i(asked_load)
  );
  assign dump_channel = channel(dump_flow_q);
  assign dump_ask     = dump_state_q == ASK && room[dump_channel];
  assign asked_pop    = asked_valid_q && room[asked_channel_q] && !dump_ask;
  assign asked_load   = asked_valid && (!asked_valid_q || asked_pop);
  always_ff @(posedge clk_i) begin
    asked_valid_q <= rst_ni && (asked_load || (asked_valid_q && !asked_pop));
    if (asked_load) {asked_channel_q, asked_addr_q, asked_slot_q} <= {asked_channel, asked_addr, asked_slot};
    sent_q         <= rst_ni && (asked_pop || dump_ask);
    sent_channel_q <= dump_ask ? dump_channel : asked_channel_q;
    sent_addr_q    <= dump_ask ? dump_flow_q[TABLE_LOG2-1:4] : asked_addr_q;
    sent_for_q     <= {dump_ask, asked_slot_q};
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      dump_state_q <= REST;
    end else begin
      case (dump_state_q)
        REST:    if (c_read_i) dump_state_q <= CHECK;
        CHECK:   if (!write)   dump_state_q <= LOOK;
        LOOK:    dump_state_q <= same ? CHECK : ASK;    // (its write is acknowledged some day)
        ASK:     if (dump_ask) dump_state_q <= AWAIT;
        default: if (dump_answer) dump_state_q <= REST;
      endcase
    end
    if (c_read_i) dump_flow_q <= c_flow_i;
  end
  assign c_valid_o = dump_state_q == REST;

  // Channels. Writes are acknowledged by one at a time.
  logic [CHANNELS*FOR_W-1:0]        fors;
  logic [CHANNELS*PENDING_LOG2-1:0] ackeds;
  logic [CHANNELS-1:0]              answered, acks;
  logic [3:0]                       w_channel;
  assign w_channel = channel(w_flow);
  for (genvar c = 0; c < CHANNELS; c++) begin : g_channel
    logic [ADDR_W-1:0] addr;
    sl_record_channel #(.ADDR_W(ADDR_W), .FOR_W(FOR_W), .WRITE_W(PENDING_LOG2)) u_channel (
      .clk_i, .rst_ni, .por_ni, .room_o(room[c]), .push_i(sent_q && sent_channel_q == 4'(c)), .addr_i(sent_addr_q),
      .for_i(sent_for_q), .for_o(fors[c*FOR_W +: FOR_W]), .stale_o(stale[c]), .answered_i(answered[c]),
      .written_i(hbm_w_valid_o[c] && hbm_w_ready_i[c]), .write_i(w_index),
      .acked_i(acks[c]), .acked_o(ackeds[c*PENDING_LOG2 +: PENDING_LOG2]), .offering_i(w_valid),
      .ar_valid_o(hbm_ar_valid_o[c]), .ar_ready_i(hbm_ar_ready_i[c]), .ar_addr_o(addr), .busy_o(channel_busy[c])
    );
    assign hbm_ar_addr_o[28*c +: 28] = 28'({addr, 5'd0});
    assign hbm_w_valid_o[c]          = w_valid && w_channel == 4'(c);
    assign acks[c]                   = hbm_b_valid_i[c] && hbm_b_ready_o[c];
  end
  assign w_taken      = (hbm_w_valid_o & hbm_w_ready_i) != '0;
  assign hbm_w_addr_o = 28'({w_flow[TABLE_LOG2-1:4], 5'd0});
  assign hbm_w_data_o = 256'(w_data);
  always_comb begin
    hbm_b_ready_o = '0;
    for (int c = CHANNELS - 1; c >= 0; c--) if (hbm_b_valid_i[c]) hbm_b_ready_o = 16'd1 << c;
  end
  always_comb begin
    acked       = 1'b0;
    acked_index = '0;
    for (int c = 0; c < CHANNELS; c++) begin
      acked       |= acks[c] && !stale[c];
      acked_index |= acks[c] ? ackeds[c*PENDING_LOG2 +: PENDING_LOG2] : '0;
    end
  end
  always_ff @(posedge clk_i) begin
    acked_q       <= rst_ni && acked;
    acked_index_q <= acked_index;
  end

  // Answers: of the channels of a group one a clock, in turn, into the group's memory.
  logic [GROUPS-1:0]        answer_q, command_q;
  logic [GROUPS*KEPT_W-1:0] answer_data_q, kept1;
  assign hbm_r_ready_o = answered;
  for (genvar g = 0; g < GROUPS; g++) begin : g_group
    logic [1:0]            pick, last_q;
    logic                  any, turned_q;
    logic [EACH-1:0]       valid;
    logic [FOR_W-1:0]      what;
    logic [KEPT_W-1:0]     data;
    logic [SLOT_LOG2-1:0]  slot_q;
    logic [KEPT_W-1:0]     kept_q;
    logic [KEPT_W-1:0]     kept_mem [0:(1<<SLOT_LOG2)-1];
    (* ram_style = "distributed" *) logic turned_mem [0:(1<<SLOT_LOG2)-1];
    assign valid = hbm_r_valid_i[EACH*g +: EACH];
    always_comb begin
      pick = last_q;
      for (int i = EACH; i >= 1; i--) if (valid[last_q + 2'(i)]) pick = last_q + 2'(i);
      what = '0;
      data = '0;
      for (int i = 0; i < EACH; i++) begin
        if (pick == 2'(i)) what = fors[(EACH*g+i)*FOR_W +: FOR_W];
        if (pick == 2'(i)) data = hbm_r_data_i[(EACH*g+i)*256 +: KEPT_W];
      end
    end
    assign any = valid != '0;
    for (genvar i = 0; i < EACH; i++) begin : g_each
      assign answered[EACH*g + i] = any && pick == 2'(i);
    end
    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        last_q       <= '0;
        answer_q[g]  <= 1'b0;
        command_q[g] <= 1'b0;
      end else begin
        if (any) last_q <= pick;
        answer_q[g]  <= any && !stale[4'(EACH*g) + 4'(pick)] && !what[FOR_W-1];
        command_q[g] <= any && !stale[4'(EACH*g) + 4'(pick)] && what[FOR_W-1];
      end
      {turned_q, slot_q} <= what[SLOT_LOG2:0];
      answer_data_q[g*KEPT_W +: KEPT_W] <= data;
      if (answer_q[g]) turned_mem[slot_q] <= turned_q;
    end
    always_ff @(posedge clk_i) begin
      if (answer_q[g]) kept_mem[slot_q] <= answer_data_q[g*KEPT_W +: KEPT_W];
      if (pop) kept_q <= kept_mem[head_slot_q[SLOT_LOG2-1:0]];
    end
    assign turned1[g]     = turned_mem[slot1_q];
    assign turned_next[g] = turned_mem[next_slot[SLOT_LOG2-1:0]];
    assign turned_head[g] = turned_mem[head_slot_q[SLOT_LOG2-1:0]];
    assign kept1[g*KEPT_W +: KEPT_W] = kept_q;
  end
  assign dump_answer = command_q != '0;
  always_ff @(posedge clk_i) begin
    for (int g = 0; g < GROUPS; g++) if (command_q[g]) c_record_o <= answer_data_q[g*KEPT_W +: KEPT_W];
  end

  // The oldest frame leaves when its slot is answered.
  logic [KEPT_W-1:0]    copy_mem [0:(1<<SLOT_LOG2)-1];
  logic [KEPT_W-1:0]    copied_q, kept;
  logic                 out1_q, out_copy_q, out_need_q;
  logic [1:0]           out_group_q;
  sl_dp_pkg::job_t      out_job_q;
  sl_dp_pkg::found_t    out_found_q;
  logic [255:0]         out_addresses_q;
  logic [511:0]         record;
  always_ff @(posedge clk_i) begin
    if (copy_q) copy_mem[copy_slot_q] <= copy_data;
    if (pop)    copied_q <= copy_mem[head_slot_q[SLOT_LOG2-1:0]];
  end
  always_comb begin
    kept = '0;
    if (out_copy_q)      kept = copied_q;
    else if (out_need_q) kept = kept1[32'(out_group_q)*KEPT_W +: KEPT_W];
  end
  sl_record u_kept (
    .kept_i(kept), .v6_i(out_job_q.v6), .addresses_i(out_addresses_q), .age_s_i(16'd0), .record_o(record)
  );
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      out1_q  <= 1'b0;
      valid_o <= 1'b0;
      left_q  <= '0;
    end else begin
      out1_q  <= pop;
      valid_o <= out1_q;
      left_q  <= left_q + COUNT_W'(pop);
    end
    if (pop) begin
      out_copy_q      <= head_copy_q;
      out_need_q      <= head_need_q;
      out_group_q     <= head_group_q;
      out_job_q       <= head_job_q;
      out_found_q     <= head_found_q;
      out_addresses_q <= head_addresses_q;
    end
    if (out1_q) begin
      job_o    <= out_job_q;
      found_o  <= out_found_q;
      record_o <= record;
    end
  end
  assign busy_o = pending_busy || dump_state_q != REST || channel_busy != '0;

`ifndef SYNTHESIS
  initial assert (TABLE_LOG2 >= 6 && TABLE_LOG2 <= 24) else $fatal(1, "sl_record_hbm: TABLE_LOG2 is out of range");

  // A frame leaves with the record as it was when the frame was looked up, whatever was written before or since.
  logic [KEPT_W-1:0] now_kept [0:(1<<TABLE_LOG2)-1];
  logic [KEPT_W-1:0] should [0:(1<<SLOT_LOG2)-1];
  logic [KEPT_W-1:0] should_q;
  logic [COUNT_W-1:0] waiting;
  always_ff @(posedge clk_i) begin
    if (valid_i) should[tail_q[SLOT_LOG2-1:0]] <= now_kept[flow];
    if (write)   now_kept[write_flow] <= write_data;
    if (pop)     should_q <= should[left_q[SLOT_LOG2-1:0]];
  end
  a_record: assert property (@(posedge clk_i) disable iff (!rst_ni) out1_q && out_need_q |-> kept == should_q);
  // Neither is a slot given out while somebody may still look at it.
  assign waiting = tail_q - left_q;
  a_slots: assert property (@(posedge clk_i) disable iff (!rst_ni)
    32'(waiting) + WINDOW + 40 <= (1 << SLOT_LOG2) && frames_free != '0 && requests_free != '0);
  a_dump: assert property (@(posedge clk_i) disable iff (!rst_ni) c_read_i |-> c_valid_o);
`endif
endmodule
