// SPDX-License-Identifier: BSD-3-Clause The card, as a shell would place it (docs/host-interface.md): the datapath and
// the host interface. Around it are MACs, host memory behind AXI4, the host's register accesses, and the management
// core's processor.
`default_nettype none
module sl_nic #(
  parameter int unsigned NPORTS = 2,
  parameter int unsigned TABLE_LOG2 = 16,
  parameter int unsigned RECORDS_HBM = 0           // 1: records are in the memory at hbm_*
) (
  input  wire logic               clk_i,
  input  wire logic               rst_ni,          // power-on
  input  wire logic [31:0]        time_ms_i,       // never goes back
  output logic [31:0]             time_ms_o,       // as far as the datapath has followed it
  // MACs, port 0 lowest. Receive cannot be held back; tuser with tlast: bad FCS.
  input  wire logic [NPORTS-1:0]     s_axis_tvalid,
  input  wire logic [512*NPORTS-1:0] s_axis_tdata,
  input  wire logic [64*NPORTS-1:0]  s_axis_tkeep,
  input  wire logic [NPORTS-1:0]     s_axis_tlast,
  input  wire logic [NPORTS-1:0]     s_axis_tuser,
  output logic [16*NPORTS-1:0]       rx_free_o,
  output logic [NPORTS-1:0]          m_axis_tvalid,
  input  wire logic [NPORTS-1:0]     m_axis_tready,
  output logic [512*NPORTS-1:0]      m_axis_tdata,
  output logic [64*NPORTS-1:0]       m_axis_tkeep,
  output logic [NPORTS-1:0]          m_axis_tlast,
  output logic [NPORTS-1:0]          m_axis_tuser,  // with tlast: cut off, to be sent with a wrong FCS
  // Host memory: AXI4, 512 bits, bursts of up to 8 beats that never cross 4 KiB.
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
  // The management core's two blocks.
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
  input  wire logic               s_axil_csr_awvalid,
  output logic                    s_axil_csr_awready,
  input  wire logic [11:0]        s_axil_csr_awaddr,
  input  wire logic               s_axil_csr_wvalid,
  output logic                    s_axil_csr_wready,
  input  wire logic [31:0]        s_axil_csr_wdata,
  output logic                    s_axil_csr_bvalid,
  input  wire logic               s_axil_csr_bready,
  output logic [1:0]              s_axil_csr_bresp,
  input  wire logic               s_axil_csr_arvalid,
  output logic                    s_axil_csr_arready,
  input  wire logic [11:0]        s_axil_csr_araddr,
  output logic                    s_axil_csr_rvalid,
  input  wire logic               s_axil_csr_rready,
  output logic [31:0]             s_axil_csr_rdata,
  output logic [1:0]              s_axil_csr_rresp,
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
  output logic                    busy_o,          // a clock would change something
  output logic                    clearing_o       // tables are being cleared
);
  logic            card_n, rx_valid, rx_ready, rx_last, tx_valid, tx_ready, tx_last, core_busy, hif_busy;
  logic            cmd_valid, cmd_ready, cpl_valid, cpl_ready;
  logic [511:0]    rx_data, tx_data;
  logic [63:0]     rx_keep, tx_keep;
  logic [2:0]      tx_dest;
  logic [NPORTS-1:0] tx_pop;
  logic [1023:0]   cmd_data, cpl_state;
  logic [255:0]    cpl_data;
  logic            aged_valid, aged_ready, host_aged_valid, host_aged_ready;
  logic [63:0]     aged, host_aged;
  logic [sl_dp_pkg::META_W-1:0] rx_user;

  // The same streams on the host interface's side of the register slices between it and the datapath.
  logic         host_rx_valid, host_rx_ready, host_rx_last, host_tx_valid, host_tx_ready, host_tx_last;
  logic [511:0] host_rx_data, host_tx_data;
  logic [63:0]  host_tx_keep;
  logic [2:0]   host_tx_dest;
  logic [sl_dp_pkg::META_W-1:0] host_rx_user;
  sl_skid #(.W(512 + 1 + sl_dp_pkg::META_W)) u_rx (
    .clk_i, .rst_ni(card_n), .valid_i(rx_valid), .ready_o(rx_ready), .data_i({rx_user, rx_last, rx_data}),
    .valid_o(host_rx_valid), .ready_i(host_rx_ready), .data_o({host_rx_user, host_rx_last, host_rx_data})
  );
  sl_skid #(.W(512 + 64 + 1 + 3)) u_tx (
    .clk_i, .rst_ni(card_n), .valid_i(host_tx_valid), .ready_o(host_tx_ready),
    .data_i({host_tx_dest, host_tx_last, host_tx_keep, host_tx_data}), .valid_o(tx_valid), .ready_i(tx_ready),
    .data_o({tx_dest, tx_last, tx_keep, tx_data})
  );
  sl_skid #(.W(64)) u_aged (
    .clk_i, .rst_ni(card_n), .valid_i(aged_valid), .ready_o(aged_ready), .data_i(aged), .valid_o(host_aged_valid),
    .ready_i(host_aged_ready), .data_o(host_aged)
  );

  sl_core #(.NPORTS(NPORTS), .TABLE_LOG2(TABLE_LOG2), .RECORDS_HBM(RECORDS_HBM)) u_core (
    .clk_i, .rst_ni(card_n), .por_ni(rst_ni), .time_ms_i, .time_ms_o,
    .s_axis_tvalid, .s_axis_tdata, .s_axis_tkeep, .s_axis_tlast,
    .s_axis_tuser, .rx_free_o, .m_axis_tvalid, .m_axis_tready, .m_axis_tdata, .m_axis_tkeep, .m_axis_tlast,
    .m_axis_tuser,
    .m_axis_host_tvalid(rx_valid), .m_axis_host_tready(rx_ready), .m_axis_host_tdata(rx_data),
    .m_axis_host_tkeep(rx_keep), .m_axis_host_tlast(rx_last), .m_axis_host_tuser(rx_user),
    .s_axis_host_tvalid(tx_valid), .s_axis_host_tready(tx_ready), .s_axis_host_tdata(tx_data),
    .s_axis_host_tkeep(tx_keep), .s_axis_host_tlast(tx_last), .s_axis_host_tdest(tx_dest), .tx_pop_o(tx_pop),
    .s_axis_cmd_tvalid(cmd_valid), .s_axis_cmd_tready(cmd_ready), .s_axis_cmd_tdata(cmd_data),
    .m_axis_cpl_tvalid(cpl_valid), .m_axis_cpl_tready(cpl_ready), .m_axis_cpl_tdata(cpl_data),
    .m_axis_cpl_state(cpl_state), .m_axis_aged_tvalid(aged_valid), .m_axis_aged_tready(aged_ready),
    .m_axis_aged_tdata(aged),
    .s_axil_awvalid(s_axil_csr_awvalid), .s_axil_awready(s_axil_csr_awready), .s_axil_awaddr(s_axil_csr_awaddr),
    .s_axil_wvalid(s_axil_csr_wvalid), .s_axil_wready(s_axil_csr_wready), .s_axil_wdata(s_axil_csr_wdata),
    .s_axil_bvalid(s_axil_csr_bvalid), .s_axil_bready(s_axil_csr_bready), .s_axil_bresp(s_axil_csr_bresp),
    .s_axil_arvalid(s_axil_csr_arvalid), .s_axil_arready(s_axil_csr_arready), .s_axil_araddr(s_axil_csr_araddr),
    .s_axil_rvalid(s_axil_csr_rvalid), .s_axil_rready(s_axil_csr_rready), .s_axil_rdata(s_axil_csr_rdata),
    .s_axil_rresp(s_axil_csr_rresp), .hbm_ar_valid_o, .hbm_ar_ready_i, .hbm_ar_addr_o, .hbm_r_valid_i, .hbm_r_ready_o,
    .hbm_r_data_i, .hbm_w_valid_o, .hbm_w_ready_i, .hbm_w_addr_o, .hbm_w_data_o, .hbm_b_valid_i, .hbm_b_ready_o,
    .busy_o(core_busy), .clearing_o
  );

  sl_hif #(.NPORTS(NPORTS)) u_hif (
    .clk_i, .rst_ni, .time_ms_i, .card_no(card_n), .s_axis_rx_tvalid(host_rx_valid), .s_axis_rx_tready(host_rx_ready),
    .s_axis_rx_tdata(host_rx_data), .s_axis_rx_tlast(host_rx_last), .s_axis_rx_tuser(host_rx_user),
    .m_axis_tx_tvalid(host_tx_valid), .m_axis_tx_tready(host_tx_ready), .m_axis_tx_tdata(host_tx_data),
    .m_axis_tx_tkeep(host_tx_keep), .m_axis_tx_tlast(host_tx_last), .m_axis_tx_tdest(host_tx_dest), .tx_pop_i(tx_pop),
    .m_axis_cmd_tvalid(cmd_valid), .m_axis_cmd_tready(cmd_ready),
    .m_axis_cmd_tdata(cmd_data),
    .s_axis_cpl_tvalid(cpl_valid), .s_axis_cpl_tready(cpl_ready), .s_axis_cpl_tdata(cpl_data),
    .s_axis_cpl_state(cpl_state), .s_axis_aged_tvalid(host_aged_valid), .s_axis_aged_tready(host_aged_ready),
    .s_axis_aged_tdata(host_aged),
    .m_axi_arvalid, .m_axi_arready, .m_axi_arid, .m_axi_araddr, .m_axi_arlen, .m_axi_rvalid, .m_axi_rready, .m_axi_rid,
    .m_axi_rdata, .m_axi_rresp, .m_axi_rlast, .m_axi_awvalid, .m_axi_awready, .m_axi_awid, .m_axi_awaddr, .m_axi_awlen,
    .m_axi_wvalid, .m_axi_wready, .m_axi_wdata, .m_axi_wstrb, .m_axi_wlast, .m_axi_bvalid, .m_axi_bready, .m_axi_bid,
    .m_axi_bresp,
    .s_axil_bar_awvalid, .s_axil_bar_awready, .s_axil_bar_awaddr, .s_axil_bar_wvalid, .s_axil_bar_wready,
    .s_axil_bar_wdata, .s_axil_bar_bvalid, .s_axil_bar_bready, .s_axil_bar_bresp, .s_axil_bar_arvalid,
    .s_axil_bar_arready, .s_axil_bar_araddr, .s_axil_bar_rvalid, .s_axil_bar_rready, .s_axil_bar_rdata,
    .s_axil_bar_rresp,
    .s_axil_mgmt_awvalid, .s_axil_mgmt_awready, .s_axil_mgmt_awaddr, .s_axil_mgmt_wvalid, .s_axil_mgmt_wready,
    .s_axil_mgmt_wdata, .s_axil_mgmt_bvalid, .s_axil_mgmt_bready, .s_axil_mgmt_bresp, .s_axil_mgmt_arvalid,
    .s_axil_mgmt_arready, .s_axil_mgmt_araddr, .s_axil_mgmt_rvalid, .s_axil_mgmt_rready, .s_axil_mgmt_rdata,
    .s_axil_mgmt_rresp, .link_i, .port_i, .random_i, .irq_valid_o, .irq_ready_i, .irq_vector_o, .wake_o, .sleep_o,
    .console_o, .core_data_o, .restart_o, .restart_cause_o, .busy_o(hif_busy)
  );
  assign busy_o = core_busy || hif_busy || rx_valid || host_rx_valid
                  || tx_valid || (aged_valid && aged_ready) || (host_aged_valid && host_aged_ready);

`ifndef SYNTHESIS
  // What is between the datapath and the host interface, in neither.
  a_busy: assert property (@(posedge clk_i) disable iff (!card_n) rx_valid || host_rx_valid || tx_valid |-> busy_o);
`endif
endmodule
