// SPDX-License-Identifier: BSD-3-Clause
// The datapath of the card (docs/datapath.md), from MAC receive to MAC transmit and to the host. DMA, queues and the
// management core are around it, not in it.
//
//                                     ┌──────────► sl_hash ──────────┐
//  s_axis ─► sl_ingress ─┬► sl_arb ─► sl_parse ─► sl_class ─► sl_key ─┴──────────► sl_table ─► sl_action ─┬► sl_rewrite
//            (per port) ─┘     │                                          ▲ sl_command ◄─ s_axis_cmd      │      │
//                              │ beats                                                                    ▼      ▼
//                              ├───────────────────────────────────────────────────────────────────► sl_punt  sl_emit
//                              │                                                                       │        │
//  s_axis_host ──────────────────────────────────────────────────────────────────► sl_tx ◄─────────────┼────────┘
//                                                                      m_axis ◄─ (per port)    m_axis_host
//
// Beside sl_parse, sl_prefix finds the prefixes that sl_class asks for.
//
// Ports of several MACs are concatenated, port 0 lowest. From sl_arb on nothing stalls (its credits see to that) and a
// frame's headers take the same number of clocks to each stage.
`default_nettype none
module sl_core #(
  parameter int unsigned NPORTS = 2,
  parameter int unsigned TABLE_LOG2 = 16,
  parameter int unsigned RECORDS_HBM = 0               // 1: records are in the memory at hbm_*
) (
  input  wire logic                    clk_i,
  input  wire logic                    rst_ni,         // card
  input  wire logic                    por_ni,         // power-on: what faces others outlives a card reset
  input  wire logic [31:0]             time_ms_i,      // never goes back
  output logic [31:0]                  time_ms_o,      // as far as it has been followed
  // From the MACs. No back-pressure; tuser with tlast: bad FCS.
  input  wire logic [NPORTS-1:0]       s_axis_tvalid,
  input  wire logic [512*NPORTS-1:0]   s_axis_tdata,
  input  wire logic [64*NPORTS-1:0]    s_axis_tkeep,
  input  wire logic [NPORTS-1:0]       s_axis_tlast,
  input  wire logic [NPORTS-1:0]       s_axis_tuser,
  output logic [16*NPORTS-1:0]         rx_free_o,      // beats of room in the receive buffer: a hint for pause frames
  // To the MACs.
  output logic [NPORTS-1:0]            m_axis_tvalid,
  input  wire logic [NPORTS-1:0]       m_axis_tready,
  output logic [512*NPORTS-1:0]        m_axis_tdata,
  output logic [64*NPORTS-1:0]         m_axis_tkeep,
  output logic [NPORTS-1:0]            m_axis_tlast,
  output logic [NPORTS-1:0]            m_axis_tuser,   // with tlast: cut off, to be sent with a wrong FCS
  // To the host; tuser is valid with every beat.
  output logic                         m_axis_host_tvalid,
  input  wire logic                    m_axis_host_tready,
  output logic [511:0]                 m_axis_host_tdata,
  output logic [63:0]                  m_axis_host_tkeep,
  output logic                         m_axis_host_tlast,
  output logic [sl_dp_pkg::META_W-1:0] m_axis_host_tuser,   // sl_dp_pkg::host_meta_t
  // From the host; tdest, constant in a frame, is the port.
  input  wire logic                    s_axis_host_tvalid,
  output logic                         s_axis_host_tready,
  input  wire logic [511:0]            s_axis_host_tdata,
  input  wire logic [63:0]             s_axis_host_tkeep,
  input  wire logic                    s_axis_host_tlast,
  input  wire logic [2:0]              s_axis_host_tdest,
  output logic [NPORTS-1:0]            tx_pop_o,            // one of these beats has left its port's queue
  // Flow commands (flow_cmd) and their completions (flow_cpl; flow_state beside it for DUMP).
  input  wire logic                    s_axis_cmd_tvalid,
  output logic                         s_axis_cmd_tready,
  input  wire logic [1023:0]           s_axis_cmd_tdata,
  output logic                         m_axis_cpl_tvalid,
  input  wire logic                    m_axis_cpl_tready,
  output logic [255:0]                 m_axis_cpl_tdata,
  output logic [1023:0]                m_axis_cpl_state,
  // Flows that have aged: last seen, flow id.
  output logic                         m_axis_aged_tvalid,
  input  wire logic                    m_axis_aged_tready,
  output logic [63:0]                  m_axis_aged_tdata,
  // Registers.
  input  wire logic                    s_axil_awvalid,
  output logic                         s_axil_awready,
  input  wire logic [11:0]             s_axil_awaddr,
  input  wire logic                    s_axil_wvalid,
  output logic                         s_axil_wready,
  input  wire logic [31:0]             s_axil_wdata,
  output logic                         s_axil_bvalid,
  input  wire logic                    s_axil_bready,
  output logic [1:0]                   s_axil_bresp,
  input  wire logic                    s_axil_arvalid,
  output logic                         s_axil_arready,
  input  wire logic [11:0]             s_axil_araddr,
  output logic                         s_axil_rvalid,
  input  wire logic                    s_axil_rready,
  output logic [31:0]                  s_axil_rdata,
  output logic [1:0]                   s_axil_rresp,
  // Memory of the records, if they are not on chip (sl_record_hbm): 16 channels of 32-byte words.
  output logic [15:0]                  hbm_ar_valid_o,
  input  wire logic [15:0]             hbm_ar_ready_i,
  output logic [16*28-1:0]             hbm_ar_addr_o,
  input  wire logic [15:0]             hbm_r_valid_i,
  output logic [15:0]                  hbm_r_ready_o,
  input  wire logic [16*256-1:0]       hbm_r_data_i,
  output logic [15:0]                  hbm_w_valid_o,
  input  wire logic [15:0]             hbm_w_ready_i,
  output logic [27:0]                  hbm_w_addr_o,
  output logic [255:0]                 hbm_w_data_o,
  input  wire logic [15:0]             hbm_b_valid_i,
  output logic [15:0]                  hbm_b_ready_o,
  // Something is under way other than frames that wait for the host.
  output logic                         busy_o,
  output logic                         clearing_o
);
  // Frames in flight, and their beats: what the latency needs, with records in HBM some 300 clocks more.
  localparam int unsigned RING_LOG2 = RECORDS_HBM != 0 ? 10 : 9;
  localparam int unsigned FRAMES_LOG2 = RECORDS_HBM != 0 ? 9 : 7;
  localparam int unsigned FRAMES = RECORDS_HBM != 0 ? (1 << FRAMES_LOG2) - 128 : (1 << FRAMES_LOG2) - 8;
  localparam int unsigned BUCKET_LOG2 = TABLE_LOG2 - 3;
  localparam int unsigned V6_LOG2 = TABLE_LOG2 - sl_pkg::TABLE_V6_SHIFT;
  localparam int unsigned SLOT_W = 121 + TABLE_LOG2 + BUCKET_LOG2 + 9, SLOT_S = 192, KEPT_W = 240;

  // Time and registers.
  logic        tick, clearing_table, clear, miss_valid, rule_write, action_read, action_write, meter_write;
  logic [1:0]  tick_size;
  logic [31:0] occupancy, moves, refused, miss_mark, aged, age_period;
  logic        age_start;
  logic [7:0]  epoch, mac_valid;
  logic [127:0] seed;
  logic [19:0] tunnels;
  logic [NPORTS-1:0] port_up;
  logic [63:0] port_flags, mac_ports;
  logic [8*48-1:0] mac;
  logic [5:0]  rule_index;
  logic [11:0] action_index;
  logic [5:0]  meter_index;
  logic        prefix_read, prefix_write, prefix_clear;
  logic [14:0] prefix_index;
  logic [1023:0] prefix_data;
  logic [1023:0] rule, entry, action_data;
  logic        rule_pair;
  logic [15:0] rules_begun, rules_ended;
  logic        count_req, count_clear, count_ack, csr_busy;
  logic [7:0]  count_table, count_index;
  logic [127:0] count_data;

  sl_clock u_clock (.clk_i, .rst_ni, .time_ms_i, .time_ms_o, .tick_o(tick), .tick_size_o(tick_size));

  sl_csr #(.NPORTS(NPORTS), .TABLE_LOG2(TABLE_LOG2)) u_csr (
    .clk_i, .rst_ni, .por_ni,
    .s_axil_awvalid, .s_axil_awready, .s_axil_awaddr, .s_axil_wvalid, .s_axil_wready, .s_axil_wdata,
    .s_axil_bvalid, .s_axil_bready, .s_axil_bresp, .s_axil_arvalid, .s_axil_arready, .s_axil_araddr,
    .s_axil_rvalid, .s_axil_rready, .s_axil_rdata, .s_axil_rresp,
    .time_ms_i(time_ms_o), .clearing_i(clearing_table), .occupancy_i(occupancy), .moves_i(moves), .refused_i(refused),
    .aged_i(aged), .age_period_o(age_period), .age_start_o(age_start),
    .clearing_o, .clear_o(clear), .epoch_o(epoch), .seed_o(seed), .tunnels_o(tunnels), .miss_mark_o(miss_mark),
    .miss_valid_o(miss_valid), .port_up_o(port_up), .port_flags_o(port_flags), .mac_o(mac), .mac_ports_o(mac_ports),
    .mac_valid_o(mac_valid), .rule_write_o(rule_write), .rule_index_o(rule_index), .rule_o(rule),
    .rule_pair_o(rule_pair), .begun_i(rules_begun), .ended_i(rules_ended), .entry_o(entry),
    .action_read_o(action_read), .action_write_o(action_write), .action_index_o(action_index),
    .action_data_i(action_data), .meter_write_o(meter_write), .meter_index_o(meter_index),
    .prefix_read_o(prefix_read), .prefix_write_o(prefix_write), .prefix_clear_o(prefix_clear),
    .prefix_index_o(prefix_index), .prefix_data_i(prefix_data),
    .count_req_o(count_req), .count_table_o(count_table), .count_index_o(count_index), .count_clear_o(count_clear),
    .count_ack_i(count_ack), .count_data_i(count_data), .busy_o(csr_busy)
  );

  // ingress, arb.
  logic [NPORTS-1:0]     kept_valid, kept_ready, desc_valid, desc_pop, rd, rx_event, ingress_busy;
  logic [14*NPORTS-1:0]  kept_len, desc_len;
  logic [512*NPORTS-1:0] rd_data;
  logic [16*NPORTS-1:0]  rx_len;
  logic [8*NPORTS-1:0]   rx_reason;
  for (genvar p = 0; p < NPORTS; p++) begin : g_ingress
    sl_ingress u_ingress (
      .clk_i, .rst_ni, .por_ni, .enable_i(port_up[p]),
      .s_axis_tvalid(s_axis_tvalid[p]), .s_axis_tdata(s_axis_tdata[512*p +: 512]),
      .s_axis_tkeep(s_axis_tkeep[64*p +: 64]), .s_axis_tlast(s_axis_tlast[p]), .s_axis_tuser(s_axis_tuser[p]),
      .free_o(rx_free_o[16*p +: 16]), .desc_valid_o(kept_valid[p]), .desc_len_o(kept_len[14*p +: 14]),
      .desc_pop_i(kept_valid[p] && kept_ready[p]), .rd_i(rd[p]), .rd_data_o(rd_data[512*p +: 512]),
      .event_o(rx_event[p]),
      .event_len_o(rx_len[16*p +: 16]), .event_reason_o(rx_reason[8*p +: 8]), .busy_o(ingress_busy[p])
    );
    // (What sl_arb decides is too late for a memory's next word.)
    sl_skid #(.W(14)) u_desc (
      .clk_i, .rst_ni, .valid_i(kept_valid[p]), .ready_o(kept_ready[p]), .data_i(kept_len[14*p +: 14]),
      .valid_o(desc_valid[p]), .ready_i(desc_pop[p]), .data_o(desc_len[14*p +: 14])
    );
  end

  logic         beat, sop, eop, bubble, emit_done, punt_done, arb_busy;
  logic [2:0]   beat_port;
  logic [13:0]  beat_len;
  logic [511:0] beat_data;
  logic [7:0]   emit_done_beats, punt_done_beats;
  sl_arb #(.NPORTS(NPORTS), .RING_LOG2(RING_LOG2), .FRAMES(FRAMES)) u_arb (
    .clk_i, .rst_ni, .bubble_i(bubble), .desc_valid_i(desc_valid), .desc_len_i(desc_len), .desc_pop_o(desc_pop),
    .rd_o(rd), .rd_data_i(rd_data), .valid_o(beat), .sop_o(sop), .eop_o(eop), .port_o(beat_port), .len_o(beat_len),
    .data_o(beat_data), .emit_done_i(emit_done), .emit_beats_i(emit_done_beats), .punt_done_i(punt_done),
    .punt_beats_i(punt_done_beats), .busy_o(arb_busy)
  );

  // parse, class, key, hash.
  logic                action_valid;
  logic                window_valid, parsed_valid, classed_valid, key_valid, hash_valid;
  logic [1535:0]       window, window_late;
  sl_dp_pkg::parsed_t  parsed, classed;
  sl_dp_pkg::job_t     job_class, job_key, job_hash, job_table, job_action;
  logic [319:0]        key, key_hash;
  logic [63:0]         hash;
  logic                outer_early, outer_v6, inner_early, inner_v6, choose, choose_inner;
  logic [255:0]        outer_addresses, inner_addresses;
  logic [63:0]         outer_last, inner_last;
  sl_parse u_parse (
    .clk_i, .rst_ni, .tunnels_i(tunnels), .valid_i(beat), .sop_i(sop), .eop_i(eop), .port_i(beat_port),
    .len_i(beat_len), .data_i(beat_data), .window_valid_o(window_valid), .window_o(window),
    .outer_early_o(outer_early), .outer_v6_o(outer_v6), .outer_addresses_o(outer_addresses),
    .inner_early_o(inner_early), .inner_v6_o(inner_v6), .inner_addresses_o(inner_addresses),
    .valid_o(parsed_valid), .parsed_o(parsed)
  );
  localparam int unsigned METERS_LOG2 = RECORDS_HBM != 0 ? FRAMES_LOG2 : 5;
  logic [4*8*32-1:0] prefix_sets;
  logic [4*8*8-1:0]  prefix_meters;
  logic              meter_valid, meter_late_valid;
  logic [5:0]        meter, meter_late;
  logic [METERS_LOG2:0] meter_count;
  sl_prefix u_prefix (
    .clk_i, .rst_ni, .csr_read_i(prefix_read), .csr_write_i(prefix_write), .csr_clear_i(prefix_clear),
    .csr_index_i(prefix_index), .csr_data_i(entry), .csr_data_o(prefix_data), .window_valid_i(window_valid),
    .window_i(window), .parsed_valid_i(parsed_valid), .parsed_i(parsed), .sets_o(prefix_sets), .meters_o(prefix_meters)
  );
  sl_class u_class (
    .clk_i, .rst_ni, .rule_write_i(rule_write), .rule_index_i(rule_index), .rule_i(rule), .rule_pair_i(rule_pair),
    .port_flags_i(port_flags), .mac_i(mac), .mac_ports_i(mac_ports), .mac_valid_i(mac_valid), .valid_i(parsed_valid),
    .parsed_i(parsed),
    .early_o(choose), .early_inner_o(choose_inner), .early_outer_last_o(outer_last), .early_inner_last_o(inner_last),
    .sets_i(prefix_sets), .meters_i(prefix_meters),
    .valid_o(classed_valid), .parsed_o(classed), .job_o(job_class), .meter_valid_o(meter_valid), .meter_o(meter)
  );
  sl_key u_key (
    .clk_i, .rst_ni, .valid_i(classed_valid), .parsed_i(classed), .job_i(job_class), .valid_o(key_valid), .key_o(key),
    .job_o(job_key)
  );
  sl_hash u_hash (
    .clk_i, .rst_ni, .seed_i(seed),
    .outer_valid_i(outer_early), .outer_v6_i(outer_v6), .outer_addresses_i(outer_addresses),
    .inner_valid_i(inner_early), .inner_v6_i(inner_v6), .inner_addresses_i(inner_addresses),
    .choose_i(choose), .choose_inner_i(choose_inner), .outer_last_i(outer_last), .inner_last_i(inner_last),
    .valid_o(hash_valid), .hash_o(hash)
  );
  sl_fifo #(.W(6), .LOG2(METERS_LOG2)) u_meter (
    .clk_i, .rst_ni, .push_i(meter_valid), .data_i(meter), .pop_i(action_valid), .valid_o(meter_late_valid),
    .data_o(meter_late), .count_o(meter_count)
  );
  logic       beside_valid;
  logic [5:0] beside_count;
  sl_fifo #(.W(sl_dp_pkg::JOB_W + 320), .LOG2(5)) u_beside (
    .clk_i, .rst_ni, .push_i(key_valid), .data_i({job_key, key}), .pop_i(hash_valid), .valid_o(beside_valid),
    .data_o({job_hash, key_hash}), .count_o(beside_count)
  );

  // table and its commands.
  logic                   table_valid, slot_read, record_read, record_write, v6_read, v6_write, cmd_busy;
  logic [7:0]             slot_write;
  logic [BUCKET_LOG2-1:0] bucket0, bucket1;
  logic [SLOT_W-1:0]      slot;
  logic [8*SLOT_S-1:0]    slots;
  logic [TABLE_LOG2-1:0]  cmd_flow, flow_index;
  logic [KEPT_W-1:0]      cmd_record_w, cmd_record_r;
  logic [V6_LOG2-1:0]     cmd_v6_index;
  logic [511:0]           cmd_v6_w, cmd_v6_r, record_table, record_action;
  sl_dp_pkg::found_t      found_table, found_action;
  logic                   flow_read, flow_fresh, flow_last, flow_born, flow_removed, flow_told, flow_mark;
  logic                   age_read, age_touched, age_tell, age_tell_mark, age_tell_ready, age_busy;
  logic [TABLE_LOG2-1:0]  age_index;
  logic [15:0]            cmd_age, cmd_age_dumped;
  logic [159:0]           flow_data;
  logic                   found_valid, record_room, record_valid, records_busy;
  sl_dp_pkg::job_t        job_found;
  sl_dp_pkg::found_t      found;
  logic [511:0]           record_found;
  logic [KEPT_W-1:0]      cmd_record_chip;
  logic [15:0]            begun, ended;
  sl_table #(.TABLE_LOG2(TABLE_LOG2), .V6_LOG2(V6_LOG2), .RECORDS_HBM(RECORDS_HBM)) u_table (
    .clk_i, .rst_ni, .clearing_i(clearing_table), .epoch_i(epoch), .miss_mark_i(miss_mark), .miss_valid_i(miss_valid),
    .valid_i(hash_valid), .hash_i(hash), .key_i(key_hash), .job_i(job_hash), .valid_o(found_valid), .job_o(job_found),
    .found_o(found), .record_o(record_found), .c_slot_read_i(slot_read), .c_slot_write_i(slot_write),
    .c_bucket0_i(bucket0), .c_bucket1_i(bucket1), .c_slot_i(slot), .c_slots_o(slots), .c_record_read_i(record_read),
    .c_record_write_i(record_write), .c_flow_i(cmd_flow), .c_record_i(cmd_record_w), .c_record_o(cmd_record_chip),
    .c_v6_read_i(v6_read), .c_v6_write_i(v6_write), .c_v6_index_i(cmd_v6_index), .c_v6_i(cmd_v6_w), .c_v6_o(cmd_v6_r)
  );
  if (RECORDS_HBM == 0) begin : g_records_chip
    assign {table_valid, job_table, found_table, record_table} = {found_valid, job_found, found, record_found};
    assign {record_room, record_valid, records_busy}           = 3'b110;
    assign cmd_record_r                                        = cmd_record_chip;
    assign {begun, ended, hbm_ar_valid_o, hbm_ar_addr_o, hbm_r_ready_o, hbm_w_valid_o, hbm_w_addr_o, hbm_w_data_o,
            hbm_b_ready_o} = '0;
  end else begin : g_records_hbm
    sl_record_hbm #(.TABLE_LOG2(TABLE_LOG2), .SLOT_LOG2(FRAMES_LOG2)) u_records (
      .clk_i, .rst_ni, .por_ni, .bubble_i(bubble), .valid_i(found_valid), .job_i(job_found), .found_i(found),
      .addresses_i(record_found[sl_pkg::RECORD_NEW_SRC_LSB +: 256]), .valid_o(table_valid), .job_o(job_table),
      .found_o(found_table), .record_o(record_table), .c_room_o(record_room), .c_read_i(record_read),
      .c_write_i(record_write), .c_flow_i(cmd_flow), .c_record_i(cmd_record_w), .c_valid_o(record_valid),
      .c_record_o(cmd_record_r), .busy_o(records_busy), .hbm_ar_valid_o, .hbm_ar_ready_i, .hbm_ar_addr_o,
      .hbm_r_valid_i, .hbm_r_ready_o, .hbm_r_data_i, .hbm_w_valid_o, .hbm_w_ready_i, .hbm_w_addr_o, .hbm_w_data_o,
      .hbm_b_valid_i, .hbm_b_ready_o
    );
    sl_flight u_flight (
      .clk_i, .rst_ni, .lookup_i(hash_valid), .verdict_i(verdict), .begun_o(begun), .ended_o(ended)
    );
  end
  sl_command #(.TABLE_LOG2(TABLE_LOG2), .V6_LOG2(V6_LOG2), .RECORDS_HBM(RECORDS_HBM)) u_command (
    .clk_i, .rst_ni, .seed_i(seed), .epoch_i(epoch), .time_ms_i(time_ms_o), .clear_i(clear),
    .clearing_o(clearing_table), .occupancy_o(occupancy), .moves_o(moves), .refused_o(refused), .s_axis_cmd_tvalid,
    .s_axis_cmd_tready, .s_axis_cmd_tdata, .m_axis_cpl_tvalid, .m_axis_cpl_tready, .m_axis_cpl_tdata, .m_axis_cpl_state,
    .slot_read_o(slot_read), .slot_write_o(slot_write), .bucket0_o(bucket0), .bucket1_o(bucket1), .slot_o(slot),
    .slots_i(slots), .record_read_o(record_read), .record_write_o(record_write), .flow_o(cmd_flow),
    .record_o(cmd_record_w), .record_i(cmd_record_r), .record_room_i(record_room),
    .record_valid_i(record_valid), .v6_read_o(v6_read), .v6_write_o(v6_write),
    .v6_index_o(cmd_v6_index), .v6_o(cmd_v6_w), .v6_i(cmd_v6_r),
    .count_read_o(flow_read), .count_fresh_o(flow_fresh), .count_last_o(flow_last), .count_index_o(flow_index),
    .count_data_i(flow_data), .born_o(flow_born), .removed_o(flow_removed),
    .age_s_o(cmd_age), .age_s_i(cmd_age_dumped), .begun_i(begun), .ended_i(ended), .busy_o(cmd_busy)
  );
  sl_age #(.TABLE_LOG2(TABLE_LOG2)) u_age (
    .clk_i, .rst_ni, .time_ms_i(time_ms_o), .clearing_i(clearing_table), .period_ms_i(age_period), .start_i(age_start),
    .write_i(record_write), .born_i(flow_born), .remove_i(flow_removed), .flow_i(cmd_flow),
    .age_s_i(cmd_age), .dump_i(record_read), .dump_age_s_o(cmd_age_dumped),
    .taken_i(flow_read), .read_o(age_read), .index_o(age_index),
    .last_seen_i(flow_data[159:128]), .told_i(flow_told), .mark_i(flow_mark), .touched_i(age_touched),
    .tell_o(age_tell), .tell_mark_o(age_tell_mark), .tell_ready_i(age_tell_ready), .m_axis_aged_tvalid,
    .m_axis_aged_tready, .m_axis_aged_tdata, .aged_o(aged), .busy_o(age_busy)
  );

  // action, rewrite, emit.
  logic              block_valid, block_forward, window_late_valid;
  logic [1023:0]     action;
  sl_dp_pkg::shape_t shape_action, shape_block;
  logic [7:0]        block_beats;
  logic [1663:0]     block;
  logic [FRAMES_LOG2:0] window_free;
  sl_action #(.NPORTS(NPORTS)) u_action (
    .clk_i, .rst_ni, .port_up_i(port_up), .csr_read_i(action_read), .csr_write_i(action_write),
    .csr_index_i(action_index), .csr_data_i(entry), .csr_data_o(action_data), .valid_i(table_valid), .job_i(job_table),
    .found_i(found_table), .record_i(record_table), .valid_o(action_valid), .job_o(job_action),
    .found_o(found_action), .record_o(record_action), .action_o(action), .shape_o(shape_action)
  );
  sl_ram_fifo #(.W(1536), .LOG2(FRAMES_LOG2)) u_window (
    .clk_i, .rst_ni, .push_i(window_valid), .commit_i(1'b1), .data_i(window), .free_o(window_free),
    .valid_o(window_late_valid), .data_o(window_late), .pop_i(action_valid)
  );
  sl_rewrite u_rewrite (
    .clk_i, .rst_ni, .valid_i(action_valid), .job_i(job_action), .hash_i(found_action.hash), .record_i(record_action),
    .action_i(action), .shape_i(shape_action), .window_i(window_late), .valid_o(block_valid), .forward_o(block_forward),
    .beats_o(block_beats), .shape_o(shape_block), .block_o(block)
  );
  logic [NPORTS-1:0] emit_room, emit_valid, tx_event, tx_busy;
  logic [511:0]      emit_data;
  logic [6:0]        emit_bytes;
  logic              emit_last, emit_busy;
  sl_emit #(.NPORTS(NPORTS), .RING_LOG2(RING_LOG2), .FRAMES_LOG2(FRAMES_LOG2)) u_emit (
    .clk_i, .rst_ni, .beat_i(beat), .data_i(beat_data), .valid_i(block_valid), .forward_i(block_forward),
    .beats_i(block_beats), .shape_i(shape_block), .block_i(block), .done_o(emit_done), .done_beats_o(emit_done_beats),
    .room_i(emit_room), .valid_o(emit_valid), .data_o(emit_data), .bytes_o(emit_bytes), .last_o(emit_last),
    .busy_o(emit_busy)
  );

  // Transmit.
  logic [16*NPORTS-1:0] tx_len;
  logic [NPORTS-1:0]    host_room;
  for (genvar p = 0; p < NPORTS; p++) begin : g_tx
    sl_tx #(.HOST_LOG2(sl_dp_pkg::TX_HOST_LOG2)) u_tx (
      .clk_i, .rst_ni, .por_ni, .emit_valid_i(emit_valid[p]), .emit_data_i(emit_data), .emit_bytes_i(emit_bytes),
      .emit_last_i(emit_last), .emit_room_o(emit_room[p]),
      .host_valid_i(s_axis_host_tvalid && s_axis_host_tready && s_axis_host_tdest == 3'(p)),
      .host_data_i(s_axis_host_tdata), .host_keep_i(s_axis_host_tkeep), .host_last_i(s_axis_host_tlast),
      .host_room_o(host_room[p]), .host_pop_o(tx_pop_o[p]), .m_axis_tvalid(m_axis_tvalid[p]),
      .m_axis_tready(m_axis_tready[p]),
      .m_axis_tdata(m_axis_tdata[512*p +: 512]), .m_axis_tkeep(m_axis_tkeep[64*p +: 64]),
      .m_axis_tlast(m_axis_tlast[p]), .m_axis_tuser(m_axis_tuser[p]), .event_o(tx_event[p]),
      .event_len_o(tx_len[16*p +: 16]), .busy_o(tx_busy[p])
    );
  end
  always_comb begin
    s_axis_host_tready = 1'b0;
    for (int p = 0; p < NPORTS; p++) if (s_axis_host_tdest == 3'(p)) s_axis_host_tready = host_room[p];
  end

  // punt, counters.
  logic        verdict, copy, copy_lost, punt_busy, counters_busy;
  logic [7:0]  verdict_reason, verdict_rule;
  logic [13:0] verdict_len;
  logic [31:0] verdict_flow;
  logic [6:0]  host_bytes;
  sl_dp_pkg::host_meta_t host_meta;
  sl_punt #(.RING_LOG2(RING_LOG2), .FRAMES_LOG2(FRAMES_LOG2)) u_punt (
    .clk_i, .rst_ni, .tick_i(tick), .tick_size_i(tick_size), .meter_write_i(meter_write), .meter_index_i(meter_index),
    .meter_data_i(entry[127:0]), .beat_i(beat), .data_i(beat_data), .valid_i(action_valid),
    .job_i(job_action), .meter_i(meter_late), .found_i(found_action), .done_o(punt_done),
    .done_beats_o(punt_done_beats),
    .verdict_o(verdict), .reason_o(verdict_reason), .len_o(verdict_len), .rule_o(verdict_rule),
    .flow_id_o(verdict_flow), .copy_o(copy), .copy_lost_o(copy_lost), .m_axis_host_tvalid, .m_axis_host_tready,
    .m_axis_host_tdata, .m_axis_host_bytes(host_bytes), .m_axis_host_tlast, .m_axis_host_tuser(host_meta),
    .busy_o(punt_busy)
  );
  sl_flight u_rule_flight (
    .clk_i, .rst_ni, .lookup_i(parsed_valid), .verdict_i(verdict), .begun_o(rules_begun), .ended_o(rules_ended)
  );
  assign m_axis_host_tuser = host_meta;
  assign m_axis_host_tkeep = host_bytes[6] ? '1 : (64'd1 << host_bytes[5:0]) - 64'd1;

  sl_counters #(.NPORTS(NPORTS), .TABLE_LOG2(TABLE_LOG2)) u_counters (
    .clk_i, .rst_ni, .time_ms_i(time_ms_o), .verdict_i(verdict), .reason_i(verdict_reason), .len_i(verdict_len),
    .rule_i(verdict_rule), .flow_id_i(verdict_flow), .copy_i(copy), .copy_lost_i(copy_lost), .rx_i(rx_event),
    .rx_len_i(rx_len), .rx_reason_i(rx_reason), .tx_i(tx_event), .tx_len_i(tx_len), .flow_read_i(flow_read || age_read),
    .flow_fresh_i(flow_fresh), .flow_last_i(flow_last), .flow_index_i(flow_read ? flow_index : age_index),
    .flow_data_o(flow_data), .flow_told_o(flow_told), .flow_mark_o(flow_mark), .age_index_i(age_index),
    .age_touched_o(age_touched), .age_tell_i(age_tell), .age_tell_mark_i(age_tell_mark),
    .age_tell_ready_o(age_tell_ready),
    .flow_born_i(flow_born), .flow_born_index_i(cmd_flow),
    .bubble_o(bubble), .csr_req_i(count_req), .csr_table_i(count_table), .csr_index_i(count_index),
    .csr_clear_i(count_clear), .csr_ack_o(count_ack), .csr_data_o(count_data), .busy_o(counters_busy)
  );

  assign busy_o = csr_busy || ingress_busy != '0 || arb_busy || emit_busy || cmd_busy || m_axis_cpl_tvalid || punt_busy
                  || tx_busy != '0 || counters_busy || age_busy || records_busy || time_ms_o != time_ms_i;

`ifndef SYNTHESIS
  initial assert (NPORTS >= 1 && NPORTS <= sl_pkg::PORTS_MAX) else $fatal(1, "sl_core: NPORTS is out of range");
  initial assert (TABLE_LOG2 >= 6 && TABLE_LOG2 <= 24) else $fatal(1, "sl_core: TABLE_LOG2 is out of range");
  a_beside: assert property (@(posedge clk_i) disable iff (!rst_ni) hash_valid |-> beside_valid && beside_count != '0);
  a_meter: assert property (@(posedge clk_i) disable iff (!rst_ni)
                            action_valid |-> meter_late_valid && meter_count != '0);
  a_window: assert property (@(posedge clk_i) disable iff (!rst_ni) action_valid |-> window_late_valid);
  a_window_room: assert property (@(posedge clk_i) disable iff (!rst_ni) window_valid |-> window_free != '0);
`endif
endmodule
