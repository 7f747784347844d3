// SPDX-License-Identifier: BSD-3-Clause
// The card's host interface: everything between the datapath's streams, host memory, the host's BAR and the management
// core (docs/host-interface.md). Five kinds of queues, each with its contexts (sl_queue) and its engine, share one
// reader and one writer of host memory.
//
//   s_axil_bar ─► sl_bar ─► sl_queue x 5 ─► sl_irq
//                              │ ▲
//   s_axis_rx ────────────► sl_rxq      ─┐
//   m_axis_tx ◄── sl_admit ─ sl_txq      ├─► sl_dma_rd, sl_dma_wr ─► m_axi
//   m_axis_cmd, s_axis_cpl ─ sl_flowq    │
//   s_axil_mgmt ─► sl_mgmt ─ sl_adminq  ─┤
//                          └ sl_eventq  ─┘
//
// A card reset (sl_reset) takes the queues and their engines, when they are quiet, together with the datapath
// (card_no); what the management core counts stays.
`default_nettype none
module sl_hif #(
  parameter int unsigned NPORTS = 2
) (
  input  wire logic               clk_i,
  input  wire logic               rst_ni,          // power-on
  input  wire logic [31:0]        time_ms_i,
  // The datapath.
  output logic                    card_no,         // its reset
  input  wire logic               s_axis_rx_tvalid,
  output logic                    s_axis_rx_tready,
  input  wire logic [511:0]       s_axis_rx_tdata,
  input  wire logic               s_axis_rx_tlast,
  input  wire logic [sl_dp_pkg::META_W-1:0] s_axis_rx_tuser,
  output logic                    m_axis_tx_tvalid,
  input  wire logic               m_axis_tx_tready,
  output logic [511:0]            m_axis_tx_tdata,
  output logic [63:0]             m_axis_tx_tkeep,
  output logic                    m_axis_tx_tlast,
  output logic [2:0]              m_axis_tx_tdest,
  input  wire logic [NPORTS-1:0]  tx_pop_i,          // a beat of it has left the port's queue
  output logic                    m_axis_cmd_tvalid,
  input  wire logic               m_axis_cmd_tready,
  output logic [1023:0]           m_axis_cmd_tdata,
  input  wire logic               s_axis_cpl_tvalid,
  output logic                    s_axis_cpl_tready,
  input  wire logic [255:0]       s_axis_cpl_tdata,
  input  wire logic [1023:0]      s_axis_cpl_state,
  input  wire logic               s_axis_aged_tvalid,   // flows that have aged: last seen, flow id
  output logic                    s_axis_aged_tready,
  input  wire logic [63:0]        s_axis_aged_tdata,
  // Host memory: AXI4, 512 bits, bursts of up to 8 beats.
  output logic                    m_axi_arvalid,
  input  wire logic               m_axi_arready,
  output logic [6:0]              m_axi_arid,
  output logic [63:0]             m_axi_araddr,
  output logic [7:0]              m_axi_arlen,
  input  wire logic               m_axi_rvalid,
  output logic                    m_axi_rready,
  input  wire logic [6:0]         m_axi_rid,
  input  wire logic [511:0]       m_axi_rdata,
  input  wire logic [1:0]         m_axi_rresp,
  input  wire logic               m_axi_rlast,
  output logic                    m_axi_awvalid,
  input  wire logic               m_axi_awready,
  output logic [3:0]              m_axi_awid,
  output logic [63:0]             m_axi_awaddr,
  output logic [7:0]              m_axi_awlen,
  output logic                    m_axi_wvalid,
  input  wire logic               m_axi_wready,
  output logic [511:0]            m_axi_wdata,
  output logic [63:0]             m_axi_wstrb,
  output logic                    m_axi_wlast,
  input  wire logic               m_axi_bvalid,
  output logic                    m_axi_bready,
  input  wire logic [3:0]         m_axi_bid,
  input  wire logic [1:0]         m_axi_bresp,
  // The host's BAR 0.
  input  wire logic               s_axil_bar_awvalid,
  output logic                    s_axil_bar_awready,
  input  wire logic [15:0]        s_axil_bar_awaddr,
  input  wire logic               s_axil_bar_wvalid,
  output logic                    s_axil_bar_wready,
  input  wire logic [31:0]        s_axil_bar_wdata,
  output logic                    s_axil_bar_bvalid,
  input  wire logic               s_axil_bar_bready,
  output logic [1:0]              s_axil_bar_bresp,
  input  wire logic               s_axil_bar_arvalid,
  output logic                    s_axil_bar_arready,
  input  wire logic [15:0]        s_axil_bar_araddr,
  output logic                    s_axil_bar_rvalid,
  input  wire logic               s_axil_bar_rready,
  output logic [31:0]             s_axil_bar_rdata,
  output logic [1:0]              s_axil_bar_rresp,
  // The management core's block.
  input  wire logic               s_axil_mgmt_awvalid,
  output logic                    s_axil_mgmt_awready,
  input  wire logic [11:0]        s_axil_mgmt_awaddr,
  input  wire logic               s_axil_mgmt_wvalid,
  output logic                    s_axil_mgmt_wready,
  input  wire logic [31:0]        s_axil_mgmt_wdata,
  output logic                    s_axil_mgmt_bvalid,
  input  wire logic               s_axil_mgmt_bready,
  output logic [1:0]              s_axil_mgmt_bresp,
  input  wire logic               s_axil_mgmt_arvalid,
  output logic                    s_axil_mgmt_arready,
  input  wire logic [11:0]        s_axil_mgmt_araddr,
  output logic                    s_axil_mgmt_rvalid,
  input  wire logic               s_axil_mgmt_rready,
  output logic [31:0]             s_axil_mgmt_rdata,
  output logic [1:0]              s_axil_mgmt_rresp,
  // The board: link and factory address of each port (MTU in 63:48, MAC in 47:0), a random word every clock.
  input  wire logic [NPORTS-1:0]  link_i,
  input  wire logic [64*NPORTS-1:0] port_i,
  input  wire logic [31:0]        random_i,
  // Interrupt requests, by vector.
  output logic                    irq_valid_o,
  input  wire logic               irq_ready_i,
  output logic [5:0]              irq_vector_o,
  // The management core's processor: wake up; it has asked to sleep or print; start again, and why.
  output logic                    wake_o,
  output logic                    sleep_o,
  output logic                    console_o,
  output logic [31:0]             core_data_o,
  output logic                    restart_o,
  output logic [1:0]              restart_cause_o,
  output logic                    busy_o           // a clock would change something
);
  localparam int unsigned RD = 5;   // readers: segments of tx, descriptors of rx, flow, admin, descriptors of tx
  // writers: rx payload, completions of rx and tx, DUMP, completions of flow, admin and event queues
  localparam int unsigned WR = 7;

  logic [4:0]   bar_valid, bar_ready;
  logic         bar_write, bar_db, host_if, resetting, host_reset, core_reset, restart, restarting;
  logic [3:0]   bar_number;
  logic [2:0]   bar_reg, status;
  logic [31:0]  bar_data, host_kind, heartbeat, events_lost, core_data, core_kind;
  logic [159:0] bar_value;
  logic         holdoff_set;
  logic [5:0]   holdoff_number;
  logic [15:0]  holdoff;
  logic [1:0]   cause;
  logic         bar_busy, irq_busy, rx_busy, tx_busy, flow_busy, admin_busy, event_busy, rd_busy, wr_busy;

  logic [RD-1:0]     rd_valid, rd_ready, rd_hold, rsp_valid;
  logic [64*RD-1:0]  rd_addr;
  logic [14*RD-1:0]  rd_len;
  logic [511:0]      rsp_data;
  logic [6:0]        rsp_bytes;
  logic              rsp_last, rsp_err;
  sl_dma_rd #(.NC(RD)) u_rd (
    .clk_i, .rst_ni(card_no), .req_valid_i(rd_valid), .req_ready_o(rd_ready), .req_addr_i(rd_addr), .req_len_i(rd_len),
    .hold_i(rd_hold), .rsp_valid_o(rsp_valid), .rsp_data_o(rsp_data), .rsp_bytes_o(rsp_bytes), .rsp_last_o(rsp_last),
    .rsp_err_o(rsp_err), .m_axi_arvalid, .m_axi_arready, .m_axi_arid, .m_axi_araddr, .m_axi_arlen, .m_axi_rvalid,
    .m_axi_rready, .m_axi_rid, .m_axi_rdata, .m_axi_rresp, .m_axi_rlast, .busy_o(rd_busy)
  );

  assign rd_hold[RD-1:1] = '0;

  logic [WR-1:0]     wr_valid, wr_ready, wr_pop, b_valid, pend;
  logic [64*WR-1:0]  wr_addr;
  logic [14*WR-1:0]  wr_len;
  logic [8*WR-1:0]   wr_avail;
  logic [512*WR-1:0] wr_data;
  logic [6:0]        wr_pop_n;
  logic              b_err;
  sl_dma_wr #(.NC(WR)) u_wr (
    .clk_i, .rst_ni(card_no), .req_valid_i(wr_valid), .req_ready_o(wr_ready), .req_addr_i(wr_addr), .req_len_i(wr_len),
    .avail_i(wr_avail), .data_i(wr_data), .pop_o(wr_pop), .pop_n_o(wr_pop_n), .b_valid_o(b_valid), .b_err_o(b_err),
    .pend_o(pend), .m_axi_awvalid, .m_axi_awready, .m_axi_awid, .m_axi_awaddr, .m_axi_awlen, .m_axi_wvalid,
    .m_axi_wready,
    .m_axi_wdata, .m_axi_wstrb, .m_axi_wlast, .m_axi_bvalid, .m_axi_bready, .m_axi_bid, .m_axi_bresp, .busy_o(wr_busy)
  );

  // admin
  logic [0:0]  admin_sel, admin_cpl_queue;
  logic         admin_en, admin_consume, admin_fail, admin_cpl_valid, admin_cpl_ready, admin_cpl_busy;
  logic [63:0]  admin_sq;
  logic [14:0]  admin_head, admin_mask, admin_pending, admin_room;
  logic [2:0]   admin_port;
  logic [0:0] admin_en_all, admin_ready, admin_room_all, admin_active, admin_raise;
  logic [14:0] admin_tail_all;
  logic [63:0] admin_fetch_addr;
  logic [14:0] admin_fetch_mask, admin_cpl_head;
  logic [2:0] admin_ports;
  logic [4:0]   admin_consume_n;
  logic [7:0]   admin_fail_status;
  logic [2047:0] admin_cpl_data;
  sl_queue #(.N(1), .NL(1), .CQ_LOG2(8), .HAS_PORT(1'b0), .NPORTS(NPORTS)) u_admin (
    .clk_i, .rst_ni(card_no), .reset_i(host_if), .bar_valid_i(bar_valid[0]), .bar_write_i(bar_write), .bar_db_i(bar_db),
    .bar_number_i(bar_number[0:0]), .bar_reg_i(bar_reg), .bar_data_i(bar_data), .bar_ready_o(bar_ready[0]),
    .bar_data_o(bar_value[0 +: 32]), .sel_i(admin_sel), .en_o(admin_en), .sq_addr_o(admin_sq),
    .sq_head_o(admin_head), .sq_mask_o(admin_mask), .pending_o(admin_pending), .room_o(admin_room),
    .port_o(admin_port), .en_all_o(admin_en_all), .port_all_o(admin_ports), .ready_o(admin_ready),
    .room_all_o(admin_room_all), .tail_all_o(admin_tail_all), .fetch_i(admin_sel), .fetch_addr_o(admin_fetch_addr),
    .fetch_mask_o(admin_fetch_mask), .consume_i(admin_consume), .consume_queue_i(admin_sel),
    .consume_n_i(admin_consume_n), .fail_i(admin_fail), .fail_queue_i(admin_sel), .fail_status_i(admin_fail_status),
    .active_i(admin_active), .cpl_valid_i(admin_cpl_valid),
    .cpl_ready_o(admin_cpl_ready), .cpl_queue_i(admin_cpl_queue), .cpl_data_i(admin_cpl_data),
    .cpl_head_o(admin_cpl_head), .wr_valid_o(wr_valid[5]), .wr_ready_i(wr_ready[5]),
    .wr_addr_o(wr_addr[64*5 +: 64]),
    .wr_len_o(wr_len[14*5 +: 14]), .wr_data_o(wr_data[512*5 +: 512]), .wr_pop_i(wr_pop[5]),
    .b_valid_i(b_valid[5]), .b_err_i(b_err), .raise_o(admin_raise), .busy_o(admin_cpl_busy)
  );
  assign wr_avail[8*5 +: 8] = 8'd64;

  // event
  logic [0:0]  event_sel, event_cpl_queue;
  logic         event_en, event_consume, event_fail, event_cpl_valid, event_cpl_ready, event_cpl_busy;
  logic [63:0]  event_sq;
  logic [14:0]  event_head, event_mask, event_pending, event_room;
  logic [2:0]   event_port;
  logic [0:0] event_en_all, event_ready, event_room_all, event_active, event_raise;
  logic [14:0] event_tail_all;
  logic [63:0] event_fetch_addr;
  logic [14:0] event_fetch_mask, event_cpl_head;
  logic [2:0] event_ports;
  logic [4:0]   event_consume_n;
  logic [7:0]   event_fail_status;
  logic [255:0] event_cpl_data;
  sl_queue #(.N(1), .NL(1), .CQ_LOG2(5), .HAS_SQ(1'b0), .HAS_PORT(1'b0), .NPORTS(NPORTS)) u_event (
    .clk_i, .rst_ni(card_no), .reset_i(host_if), .bar_valid_i(bar_valid[1]), .bar_write_i(bar_write), .bar_db_i(bar_db),
    .bar_number_i(bar_number[0:0]), .bar_reg_i(bar_reg), .bar_data_i(bar_data), .bar_ready_o(bar_ready[1]),
    .bar_data_o(bar_value[32 +: 32]), .sel_i(event_sel), .en_o(event_en), .sq_addr_o(event_sq),
    .sq_head_o(event_head), .sq_mask_o(event_mask), .pending_o(event_pending), .room_o(event_room),
    .port_o(event_port), .en_all_o(event_en_all), .port_all_o(event_ports), .ready_o(event_ready),
    .room_all_o(event_room_all), .tail_all_o(event_tail_all), .fetch_i(event_sel), .fetch_addr_o(event_fetch_addr),
    .fetch_mask_o(event_fetch_mask), .consume_i(event_consume), .consume_queue_i(event_sel),
    .consume_n_i(event_consume_n), .fail_i(event_fail), .fail_queue_i(event_sel), .fail_status_i(event_fail_status),
    .active_i(event_active), .cpl_valid_i(event_cpl_valid),
    .cpl_ready_o(event_cpl_ready), .cpl_queue_i(event_cpl_queue), .cpl_data_i(event_cpl_data),
    .cpl_head_o(event_cpl_head), .wr_valid_o(wr_valid[6]), .wr_ready_i(wr_ready[6]),
    .wr_addr_o(wr_addr[64*6 +: 64]),
    .wr_len_o(wr_len[14*6 +: 14]), .wr_data_o(wr_data[512*6 +: 512]), .wr_pop_i(wr_pop[6]),
    .b_valid_i(b_valid[6]), .b_err_i(b_err), .raise_o(event_raise), .busy_o(event_cpl_busy)
  );
  assign wr_avail[8*6 +: 8] = 8'd64;

  // flow
  logic [2:0]  flow_sel, flow_cpl_queue;
  logic         flow_en, flow_consume, flow_fail, flow_cpl_valid, flow_cpl_ready, flow_cpl_busy;
  logic [63:0]  flow_sq;
  logic [14:0]  flow_head, flow_mask, flow_pending, flow_room;
  logic [2:0]   flow_port;
  logic [7:0] flow_en_all, flow_ready, flow_room_all, flow_active, flow_raise;
  logic [119:0] flow_tail_all;
  logic [63:0] flow_fetch_addr;
  logic [14:0] flow_fetch_mask, flow_cpl_head;
  logic [23:0] flow_ports;
  logic [4:0]   flow_consume_n;
  logic [7:0]   flow_fail_status;
  logic [255:0] flow_cpl_data;
  sl_queue #(.N(8), .NL(3), .CQ_LOG2(5), .HAS_PORT(1'b0), .NPORTS(NPORTS)) u_flow (
    .clk_i, .rst_ni(card_no), .reset_i(host_if), .bar_valid_i(bar_valid[2]), .bar_write_i(bar_write), .bar_db_i(bar_db),
    .bar_number_i(bar_number[2:0]), .bar_reg_i(bar_reg), .bar_data_i(bar_data), .bar_ready_o(bar_ready[2]),
    .bar_data_o(bar_value[64 +: 32]), .sel_i(flow_sel), .en_o(flow_en), .sq_addr_o(flow_sq),
    .sq_head_o(flow_head), .sq_mask_o(flow_mask), .pending_o(flow_pending), .room_o(flow_room),
    .port_o(flow_port), .en_all_o(flow_en_all), .port_all_o(flow_ports), .ready_o(flow_ready),
    .room_all_o(flow_room_all), .tail_all_o(flow_tail_all), .fetch_i(flow_sel), .fetch_addr_o(flow_fetch_addr),
    .fetch_mask_o(flow_fetch_mask), .consume_i(flow_consume), .consume_queue_i(flow_sel),
    .consume_n_i(flow_consume_n), .fail_i(flow_fail), .fail_queue_i(flow_sel), .fail_status_i(flow_fail_status),
    .active_i(flow_active), .cpl_valid_i(flow_cpl_valid),
    .cpl_ready_o(flow_cpl_ready), .cpl_queue_i(flow_cpl_queue), .cpl_data_i(flow_cpl_data),
    .cpl_head_o(flow_cpl_head), .wr_valid_o(wr_valid[4]), .wr_ready_i(wr_ready[4]),
    .wr_addr_o(wr_addr[64*4 +: 64]),
    .wr_len_o(wr_len[14*4 +: 14]), .wr_data_o(wr_data[512*4 +: 512]), .wr_pop_i(wr_pop[4]),
    .b_valid_i(b_valid[4]), .b_err_i(b_err), .raise_o(flow_raise), .busy_o(flow_cpl_busy)
  );
  assign wr_avail[8*4 +: 8] = 8'd64;

  // rx
  logic [3:0]  rx_sel, rx_fetch, rx_consume_queue, rx_fail_queue, rx_cpl_queue;
  logic         rx_en, rx_consume, rx_fail, rx_cpl_valid, rx_cpl_ready, rx_cpl_busy;
  logic [63:0]  rx_sq;
  logic [14:0]  rx_head, rx_mask, rx_pending, rx_room;
  logic [2:0]   rx_port;
  logic [15:0] rx_en_all, rx_ready, rx_room_all, rx_active, rx_raise;
  logic [239:0] rx_tail_all;
  logic [63:0] rx_fetch_addr;
  logic [14:0] rx_fetch_mask, rx_cpl_head;
  logic [47:0] rx_ports;
  logic [4:0]   rx_consume_n;
  logic [7:0]   rx_fail_status;
  logic [255:0] rx_cpl_data;
  sl_queue #(.N(16), .NL(4), .CQ_LOG2(5), .AHEAD(1'b1), .CPL_LOG2(3), .ACK_LOG2(7), .NPORTS(NPORTS)) u_rx (
    .clk_i, .rst_ni(card_no), .reset_i(host_if), .bar_valid_i(bar_valid[3]), .bar_write_i(bar_write), .bar_db_i(bar_db),
    .bar_number_i(bar_number[3:0]), .bar_reg_i(bar_reg), .bar_data_i(bar_data), .bar_ready_o(bar_ready[3]),
    .bar_data_o(bar_value[96 +: 32]), .sel_i(rx_sel), .en_o(rx_en), .sq_addr_o(rx_sq),
    .sq_head_o(rx_head), .sq_mask_o(rx_mask), .pending_o(rx_pending), .room_o(rx_room),
    .port_o(rx_port), .en_all_o(rx_en_all), .port_all_o(rx_ports), .ready_o(rx_ready),
    .room_all_o(rx_room_all), .tail_all_o(rx_tail_all), .fetch_i(rx_fetch), .fetch_addr_o(rx_fetch_addr),
    .fetch_mask_o(rx_fetch_mask), .consume_i(rx_consume), .consume_queue_i(rx_consume_queue),
    .consume_n_i(rx_consume_n), .fail_i(rx_fail), .fail_queue_i(rx_fail_queue), .fail_status_i(rx_fail_status),
    .active_i(rx_active), .cpl_valid_i(rx_cpl_valid),
    .cpl_ready_o(rx_cpl_ready), .cpl_queue_i(rx_cpl_queue), .cpl_data_i(rx_cpl_data),
    .cpl_head_o(rx_cpl_head), .wr_valid_o(wr_valid[1]), .wr_ready_i(wr_ready[1]),
    .wr_addr_o(wr_addr[64*1 +: 64]),
    .wr_len_o(wr_len[14*1 +: 14]), .wr_data_o(wr_data[512*1 +: 512]), .wr_pop_i(wr_pop[1]),
    .b_valid_i(b_valid[1]), .b_err_i(b_err), .raise_o(rx_raise), .busy_o(rx_cpl_busy)
  );
  assign wr_avail[8*1 +: 8] = 8'd64;

  // tx
  logic [3:0]  tx_sel, tx_fetch, tx_consume_queue, tx_fail_queue, tx_cpl_queue;
  logic         tx_en, tx_consume, tx_fail, tx_cpl_valid, tx_cpl_ready, tx_cpl_busy;
  logic [63:0]  tx_sq;
  logic [14:0]  tx_head, tx_mask, tx_pending, tx_room;
  logic [2:0]   tx_port;
  logic [15:0] tx_en_all, tx_ready, tx_room_all, tx_active, tx_raise;
  logic [239:0] tx_tail_all;
  logic [63:0] tx_fetch_addr;
  logic [14:0] tx_fetch_mask, tx_cpl_head;
  logic [47:0] tx_ports;
  logic [4:0]   tx_consume_n;
  logic [7:0]   tx_fail_status;
  logic [63:0] tx_cpl_data;
  sl_queue #(.N(16), .NL(4), .CQ_LOG2(3), .AHEAD(1'b1), .CPL_LOG2(2), .NPORTS(NPORTS)) u_tx (
    .clk_i, .rst_ni(card_no), .reset_i(host_if), .bar_valid_i(bar_valid[4]), .bar_write_i(bar_write), .bar_db_i(bar_db),
    .bar_number_i(bar_number[3:0]), .bar_reg_i(bar_reg), .bar_data_i(bar_data), .bar_ready_o(bar_ready[4]),
    .bar_data_o(bar_value[128 +: 32]), .sel_i(tx_sel), .en_o(tx_en), .sq_addr_o(tx_sq),
    .sq_head_o(tx_head), .sq_mask_o(tx_mask), .pending_o(tx_pending), .room_o(tx_room),
    .port_o(tx_port), .en_all_o(tx_en_all), .port_all_o(tx_ports), .ready_o(tx_ready),
    .room_all_o(tx_room_all), .tail_all_o(tx_tail_all), .fetch_i(tx_fetch), .fetch_addr_o(tx_fetch_addr),
    .fetch_mask_o(tx_fetch_mask), .consume_i(tx_consume), .consume_queue_i(tx_consume_queue),
    .consume_n_i(tx_consume_n), .fail_i(tx_fail), .fail_queue_i(tx_fail_queue), .fail_status_i(tx_fail_status),
    .active_i(tx_active), .cpl_valid_i(tx_cpl_valid),
    .cpl_ready_o(tx_cpl_ready), .cpl_queue_i(tx_cpl_queue), .cpl_data_i(tx_cpl_data),
    .cpl_head_o(tx_cpl_head), .wr_valid_o(wr_valid[2]), .wr_ready_i(wr_ready[2]),
    .wr_addr_o(wr_addr[64*2 +: 64]),
    .wr_len_o(wr_len[14*2 +: 14]), .wr_data_o(wr_data[512*2 +: 512]), .wr_pop_i(wr_pop[2]),
    .b_valid_i(b_valid[2]), .b_err_i(b_err), .raise_o(tx_raise), .busy_o(tx_cpl_busy)
  );
  assign wr_avail[8*2 +: 8] = 8'd64;

  // Receive.
  logic        no_host, host_full, rx_done, rx_use, rx_more, rx_err, rx_flag, rx_big, rx_desc_busy, rxq_busy;
  logic [4:0]  rx_look_n, rx_use_n;
  logic [7:0]  rx_have;
  logic [13:0] rx_drop_len, rx_len;
  logic [14:0] rx_index;
  logic [15:0] rx_have_all, rx_came, rx_fetching, rx_working;
  logic [63:0] rx_iova;
  assign rx_consume       = rx_cpl_valid && rx_cpl_ready;
  assign rx_consume_queue = rx_cpl_queue;
  assign rx_consume_n     = 5'd1;
  assign rx_active        = rx_fetching | rx_working;
  assign rx_busy          = rx_desc_busy || rxq_busy;
  sl_desc u_rx_desc (
    .clk_i, .rst_ni(card_no), .en_all_i(rx_en_all), .tail_all_i(rx_tail_all), .fetch_o(rx_fetch),
    .fetch_addr_i(rx_fetch_addr), .fetch_mask_i(rx_fetch_mask), .rd_valid_o(rd_valid[1]), .rd_ready_i(rd_ready[1]),
    .rd_addr_o(rd_addr[64 +: 64]), .rd_len_o(rd_len[14 +: 14]), .rsp_valid_i(rsp_valid[1]), .rsp_data_i(rsp_data),
    .rsp_bytes_i(rsp_bytes), .rsp_last_i(rsp_last), .rsp_err_i(rsp_err), .look_i(rx_sel), .look_mask_i(rx_mask),
    .look_n_i(rx_look_n), .look_index_o(rx_index), .look_have_o(rx_have), .look_more_o(rx_more), .desc_err_o(rx_err),
    .desc_flag_o(rx_flag), .desc_big_o(rx_big), .desc_len_o(rx_len), .desc_iova_o(rx_iova), .use_valid_i(rx_use),
    .use_n_i(rx_use_n), .have_all_o(rx_have_all), .came_o(rx_came), .active_o(rx_fetching), .busy_o(rx_desc_busy)
  );
  sl_rxq u_rxq (
    .clk_i, .rst_ni(card_no), .time_ms_i, .s_axis_tvalid(s_axis_rx_tvalid), .s_axis_tready(s_axis_rx_tready),
    .s_axis_tdata(s_axis_rx_tdata), .s_axis_tlast(s_axis_rx_tlast), .s_axis_tuser(s_axis_rx_tuser), .sel_o(rx_sel),
    .en_i(rx_en), .en_all_i(rx_en_all), .port_all_i(rx_ports), .room_i(rx_room), .fail_o(rx_fail),
    .fail_queue_o(rx_fail_queue), .fail_status_o(rx_fail_status), .active_o(rx_working), .cpl_valid_o(rx_cpl_valid),
    .cpl_ready_i(rx_cpl_ready), .cpl_queue_o(rx_cpl_queue), .cpl_data_o(rx_cpl_data), .cpl_head_i(rx_cpl_head),
    .look_n_o(rx_look_n), .look_have_i(rx_have), .look_more_i(rx_more), .desc_err_i(rx_err), .desc_big_i(rx_big),
    .desc_len_i(rx_len), .desc_iova_i(rx_iova), .use_valid_o(rx_use), .use_n_o(rx_use_n), .wr_valid_o(wr_valid[0]),
    .wr_ready_i(wr_ready[0]), .wr_addr_o(wr_addr[0 +: 64]), .wr_len_o(wr_len[0 +: 14]), .wr_avail_o(wr_avail[0 +: 8]),
    .wr_data_o(wr_data[0 +: 512]), .wr_pop_i(wr_pop[0]), .wr_pop_n_i(wr_pop_n), .b_valid_i(b_valid[0]), .b_err_i(b_err),
    .done_o(rx_done), .no_host_o(no_host), .host_full_o(host_full), .drop_len_o(rx_drop_len), .busy_o(rxq_busy)
  );

  // Transmit.
  logic        tx_sent, tx_error, tx_use, tx_more, tx_err, tx_eop, tx_big, tx_desc_busy, txq_busy;
  logic [4:0]  tx_look_n, tx_use_n;
  logic [7:0]  tx_have;
  logic [13:0] tx_len;
  logic [14:0] tx_index;
  logic [15:0] tx_have_all, tx_came, tx_fetching, tx_working;
  logic [63:0] tx_iova;
  assign tx_fail_status = sl_pkg::STATUS_DMA_ERROR;
  assign tx_fail_queue  = tx_sel;
  assign tx_active      = tx_fetching | tx_working;
  assign tx_busy        = tx_desc_busy || txq_busy;
  sl_desc u_tx_desc (
    .clk_i, .rst_ni(card_no), .en_all_i(tx_en_all), .tail_all_i(tx_tail_all), .fetch_o(tx_fetch),
    .fetch_addr_i(tx_fetch_addr), .fetch_mask_i(tx_fetch_mask), .rd_valid_o(rd_valid[4]), .rd_ready_i(rd_ready[4]),
    .rd_addr_o(rd_addr[256 +: 64]), .rd_len_o(rd_len[56 +: 14]), .rsp_valid_i(rsp_valid[4]), .rsp_data_i(rsp_data),
    .rsp_bytes_i(rsp_bytes), .rsp_last_i(rsp_last), .rsp_err_i(rsp_err), .look_i(tx_sel), .look_mask_i(tx_mask),
    .look_n_i(tx_look_n), .look_index_o(tx_index), .look_have_o(tx_have), .look_more_o(tx_more), .desc_err_o(tx_err),
    .desc_flag_o(tx_eop), .desc_big_o(tx_big), .desc_len_o(tx_len), .desc_iova_o(tx_iova), .use_valid_i(tx_use),
    .use_n_i(tx_use_n), .have_all_o(tx_have_all), .came_o(tx_came), .active_o(tx_fetching), .busy_o(tx_desc_busy)
  );
  logic        tx_take, tx_give;
  logic [2:0]  tx_give_port;
  logic [13:0] tx_take_len, tx_give_len;
  logic [15:0] tx_admit;
  sl_admit #(.NPORTS(NPORTS), .ROOM((1 << sl_dp_pkg::TX_HOST_LOG2) - 4)) u_admit (
    .clk_i, .rst_ni(card_no), .port_all_i(tx_ports), .admit_o(tx_admit), .take_i(tx_take), .take_port_i(tx_port),
    .take_len_i(tx_take_len), .give_i(tx_give), .give_port_i(tx_give_port), .give_len_i(tx_give_len), .pop_i(tx_pop_i)
  );
  sl_txq u_txq (
    .clk_i, .rst_ni(card_no), .m_axis_tvalid(m_axis_tx_tvalid), .m_axis_tready(m_axis_tx_tready),
    .m_axis_tdata(m_axis_tx_tdata), .m_axis_tkeep(m_axis_tx_tkeep), .m_axis_tlast(m_axis_tx_tlast),
    .m_axis_tdest(m_axis_tx_tdest), .sel_o(tx_sel), .en_all_i(tx_en_all), .room_all_i(tx_room_all), .room_i(tx_room),
    .port_i(tx_port), .admit_i(tx_admit), .take_o(tx_take), .take_len_o(tx_take_len), .give_o(tx_give),
    .give_port_o(tx_give_port), .give_len_o(tx_give_len), .consume_o(tx_consume),
    .consume_queue_o(tx_consume_queue), .consume_n_o(tx_consume_n),
    .fail_o(tx_fail), .active_o(tx_working), .cpl_valid_o(tx_cpl_valid), .cpl_ready_i(tx_cpl_ready),
    .cpl_queue_o(tx_cpl_queue), .cpl_data_o(tx_cpl_data), .cpl_head_i(tx_cpl_head), .look_n_o(tx_look_n),
    .look_have_i(tx_have), .have_all_i(tx_have_all), .came_i(tx_came), .desc_err_i(tx_err), .desc_eop_i(tx_eop),
    .desc_big_i(tx_big), .desc_len_i(tx_len), .desc_iova_i(tx_iova), .use_valid_o(tx_use), .use_n_o(tx_use_n),
    .rd_valid_o(rd_valid[0]), .rd_ready_i(rd_ready[0]), .rd_addr_o(rd_addr[0 +: 64]), .rd_len_o(rd_len[0 +: 14]),
    .rd_hold_o(rd_hold[0]), .rsp_valid_i(rsp_valid[0]), .rsp_data_i(rsp_data), .rsp_bytes_i(rsp_bytes),
    .rsp_last_i(rsp_last), .rsp_err_i(rsp_err), .sent_o(tx_sent), .error_o(tx_error), .busy_o(txq_busy)
  );

  // Flow commands.
  assign flow_fail_status = sl_pkg::STATUS_DMA_ERROR;
  sl_flowq u_flowq (
    .clk_i, .rst_ni(card_no), .m_axis_cmd_tvalid, .m_axis_cmd_tready, .m_axis_cmd_tdata, .s_axis_cpl_tvalid,
    .s_axis_cpl_tready, .s_axis_cpl_tdata, .s_axis_cpl_state, .sel_o(flow_sel), .en_all_i(flow_en_all),
    .ready_i(flow_ready), .sq_addr_i(flow_sq), .sq_head_i(flow_head), .sq_mask_i(flow_mask), .pending_i(flow_pending),
    .room_i(flow_room), .consume_o(flow_consume), .consume_n_o(flow_consume_n), .fail_o(flow_fail),
    .active_o(flow_active), .cpl_valid_o(flow_cpl_valid), .cpl_ready_i(flow_cpl_ready), .cpl_queue_o(flow_cpl_queue),
    .cpl_data_o(flow_cpl_data), .rd_valid_o(rd_valid[2]), .rd_ready_i(rd_ready[2]), .rd_addr_o(rd_addr[128 +: 64]),
    .rd_len_o(rd_len[28 +: 14]), .rsp_valid_i(rsp_valid[2]), .rsp_data_i(rsp_data), .rsp_last_i(rsp_last),
    .rsp_err_i(rsp_err), .wr_valid_o(wr_valid[3]), .wr_ready_i(wr_ready[3]), .wr_addr_o(wr_addr[192 +: 64]),
    .wr_len_o(wr_len[42 +: 14]), .wr_avail_o(wr_avail[24 +: 8]), .wr_data_o(wr_data[1536 +: 512]), .wr_pop_i(wr_pop[3]),
    .wr_pop_n_i(wr_pop_n), .b_valid_i(b_valid[3]), .b_err_i(b_err), .pend_i(pend[3]), .busy_o(flow_busy)
  );

  // Admin commands and events; these outlive a card reset.
  logic        mbox_read, mbox_write, mbox_done, mbox_pending, answering, event_push;
  logic [5:0]  mbox_index;
  logic [31:0] mbox_req, mbox_rsp;
  logic [255:0] event_data;
  assign admin_sel = 1'b0;
  assign admin_cpl_queue = 1'b0;
  assign admin_consume_n = 5'd1;
  assign admin_fail_status = sl_pkg::STATUS_DMA_ERROR;
  sl_adminq u_adminq (
    .clk_i, .rst_ni, .reset_i(host_if), .restart_i(restart), .serving_i(status[1:0] != 2'd0), .index_i(mbox_index),
    .req_read_i(mbox_read), .req_word_o(mbox_req), .rsp_word_o(mbox_rsp), .rsp_write_i(mbox_write),
    .rsp_data_i(core_data), .answer_i(mbox_done), .pending_o(mbox_pending), .done_o(answering), .en_i(admin_en),
    .ready_i(admin_ready), .sq_addr_i(admin_sq), .sq_head_i(admin_head), .consume_o(admin_consume), .fail_o(admin_fail),
    .active_o(admin_active), .cpl_valid_o(admin_cpl_valid), .cpl_ready_i(admin_cpl_ready), .cpl_data_o(admin_cpl_data),
    .rd_valid_o(rd_valid[3]), .rd_ready_i(rd_ready[3]), .rd_addr_o(rd_addr[192 +: 64]), .rd_len_o(rd_len[42 +: 14]),
    .rd_rsp_valid_i(rsp_valid[3]), .rd_rsp_data_i(rsp_data), .rd_rsp_last_i(rsp_last), .rd_rsp_err_i(rsp_err),
    .busy_o(admin_busy)
  );
  assign event_sel = 1'b0;
  assign event_cpl_queue = 1'b0;
  assign event_consume = 1'b0;
  assign event_consume_n = '0;
  assign event_fail = 1'b0;
  assign event_fail_status = '0;
  assign event_active = 1'b0;
  sl_eventq u_eventq (
    .clk_i, .rst_ni, .reset_i(host_if), .time_ms_i, .push_i(event_push), .event_i(event_data),
    .aged_valid_i(s_axis_aged_tvalid), .aged_ready_o(s_axis_aged_tready), .aged_i(s_axis_aged_tdata),
    .lost_o(events_lost),
    .en_i(event_en), .room_i(event_room), .cpl_valid_o(event_cpl_valid), .cpl_ready_i(event_cpl_ready),
    .cpl_data_o(event_cpl_data), .busy_o(event_busy)
  );

  sl_mgmt #(.NPORTS(NPORTS)) u_mgmt (
    .clk_i, .rst_ni, .time_ms_i,
    .s_axil_awvalid(s_axil_mgmt_awvalid), .s_axil_awready(s_axil_mgmt_awready), .s_axil_awaddr(s_axil_mgmt_awaddr),
    .s_axil_wvalid(s_axil_mgmt_wvalid), .s_axil_wready(s_axil_mgmt_wready), .s_axil_wdata(s_axil_mgmt_wdata),
    .s_axil_bvalid(s_axil_mgmt_bvalid), .s_axil_bready(s_axil_mgmt_bready), .s_axil_bresp(s_axil_mgmt_bresp),
    .s_axil_arvalid(s_axil_mgmt_arvalid), .s_axil_arready(s_axil_mgmt_arready), .s_axil_araddr(s_axil_mgmt_araddr),
    .s_axil_rvalid(s_axil_mgmt_rvalid), .s_axil_rready(s_axil_mgmt_rready), .s_axil_rdata(s_axil_mgmt_rdata),
    .s_axil_rresp(s_axil_mgmt_rresp), .link_i, .port_i, .random_i, .wake_o, .sleep_o, .console_o, .data_o(core_data),
    .host_if_i(host_if), .restart_i(restart), .cause_i(cause), .reset_o(core_reset),
    .reset_kind_o(core_kind), .mbox_index_o(mbox_index),
    .mbox_read_o(mbox_read), .mbox_req_i(mbox_req), .mbox_rsp_i(mbox_rsp), .mbox_write_o(mbox_write),
    .mbox_done_o(mbox_done), .mbox_pending_i(mbox_pending), .event_push_o(event_push), .event_o(event_data),
    .no_host_i(no_host), .host_full_i(host_full), .drop_len_i(rx_drop_len), .status_o(status), .heartbeat_o(heartbeat)
  );
  assign core_data_o     = core_data;
  assign restart_o       = restart;
  assign restart_cause_o = cause;

  logic dma;
  assign dma = rx_active != '0 || tx_active != '0 || flow_active != '0 || admin_active || rx_cpl_busy || tx_cpl_busy
               || flow_cpl_busy || admin_cpl_busy || event_cpl_busy;
  sl_reset u_reset (
    .clk_i, .rst_ni, .host_valid_i(host_reset), .host_kind_i(host_kind), .core_valid_i(core_reset),
    .core_kind_i(core_kind), .answering_i(answering || admin_cpl_busy), .dma_i(dma), .host_if_o(host_if), .card_no,
    .restart_o(restart), .cause_o(cause), .busy_o(resetting), .restarting_o(restarting)
  );

  sl_bar #(.NPORTS(NPORTS)) u_bar (
    .clk_i, .rst_ni,
    .s_axil_awvalid(s_axil_bar_awvalid), .s_axil_awready(s_axil_bar_awready), .s_axil_awaddr(s_axil_bar_awaddr),
    .s_axil_wvalid(s_axil_bar_wvalid), .s_axil_wready(s_axil_bar_wready), .s_axil_wdata(s_axil_bar_wdata),
    .s_axil_bvalid(s_axil_bar_bvalid), .s_axil_bready(s_axil_bar_bready), .s_axil_bresp(s_axil_bar_bresp),
    .s_axil_arvalid(s_axil_bar_arvalid), .s_axil_arready(s_axil_bar_arready), .s_axil_araddr(s_axil_bar_araddr),
    .s_axil_rvalid(s_axil_bar_rvalid), .s_axil_rready(s_axil_bar_rready), .s_axil_rdata(s_axil_bar_rdata),
    .s_axil_rresp(s_axil_bar_rresp), .bar_valid_o(bar_valid), .bar_write_o(bar_write), .bar_db_o(bar_db),
    .bar_number_o(bar_number), .bar_reg_o(bar_reg), .bar_data_o(bar_data), .bar_ready_i(bar_ready),
    .bar_data_i(bar_value), .holdoff_set_o(holdoff_set), .holdoff_number_o(holdoff_number), .holdoff_i(holdoff),
    .status_i(status & {3{!restarting}}), .heartbeat_i(heartbeat), .time_ms_i,
    .events_lost_i(events_lost),
    .host_if_i(host_if), .resetting_i(resetting), .reset_o(host_reset), .reset_kind_o(host_kind), .busy_o(bar_busy)
  );

  sl_irq u_irq (
    .clk_i, .rst_ni, .reset_i(host_if), .raise_i({16'd0, tx_raise, rx_raise, 6'd0, flow_raise, event_raise,
    admin_raise}),
    .irq_valid_o, .irq_ready_i, .irq_vector_o, .set_i(holdoff_set), .number_i(holdoff_number),
    .data_i(bar_data[15:0]), .data_o(holdoff), .busy_o(irq_busy)
  );

  assign busy_o = bar_busy || irq_busy || rx_busy || tx_busy || flow_busy || admin_busy || event_busy || rd_busy
                  || wr_busy || resetting || dma || s_axil_mgmt_awvalid || s_axil_mgmt_arvalid;

`ifndef SYNTHESIS
  logic raised;
  assign raised = {tx_raise, rx_raise, flow_raise, event_raise, admin_raise} != '0;
  a_raise_busy: assert property (@(posedge clk_i) disable iff (!rst_ni) raised |-> $past(busy_o));
  a_reset_quiet: assert property (@(posedge clk_i) disable iff (!rst_ni) !card_no |-> !rd_busy && !wr_busy);
`endif
endmodule
