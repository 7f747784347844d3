// SPDX-License-Identifier: BSD-3-Clause
// The card in Corundum's shell, where that has its own NIC, mqnic_core (docs/shell.md): the shell's DMA interface,
// register accesses, interrupt requests and MACs on one side, sl_nic on the other, and sl_board for what is left.
`default_nettype none
module sl_corundum #(
  parameter int unsigned NPORTS = 2,
  parameter int unsigned TABLE_LOG2 = 16,
  parameter int unsigned CLK_NS_NUM = 4,         // period of clk_i
  parameter int unsigned CLK_NS_DENOM = 1,
  parameter int unsigned DMA_LEN_W = 16,
  parameter int unsigned DMA_TAG_W = 16,
  parameter int unsigned RAM_ADDR_W = 17,
  localparam int unsigned ROW_W = RAM_ADDR_W - 7
) (
  input  wire logic                  clk_i,
  input  wire logic                  rst_i,
  // Descriptors.
  output logic [63:0]                m_axis_dma_read_desc_dma_addr,
  output logic [RAM_ADDR_W-1:0]      m_axis_dma_read_desc_ram_addr,
  output logic [DMA_LEN_W-1:0]       m_axis_dma_read_desc_len,
  output logic [DMA_TAG_W-1:0]       m_axis_dma_read_desc_tag,
  output logic                       m_axis_dma_read_desc_valid,
  input  wire logic                  m_axis_dma_read_desc_ready,
  input  wire logic [DMA_TAG_W-1:0]  s_axis_dma_read_desc_status_tag,
  input  wire logic [3:0]            s_axis_dma_read_desc_status_error,
  input  wire logic                  s_axis_dma_read_desc_status_valid,
  output logic [63:0]                m_axis_dma_write_desc_dma_addr,
  output logic [RAM_ADDR_W-1:0]      m_axis_dma_write_desc_ram_addr,
  output logic [DMA_LEN_W-1:0]       m_axis_dma_write_desc_len,
  output logic [DMA_TAG_W-1:0]       m_axis_dma_write_desc_tag,
  output logic                       m_axis_dma_write_desc_valid,
  input  wire logic                  m_axis_dma_write_desc_ready,
  input  wire logic [DMA_TAG_W-1:0]  s_axis_dma_write_desc_status_tag,
  input  wire logic [3:0]            s_axis_dma_write_desc_status_error,
  input  wire logic                  s_axis_dma_write_desc_status_valid,
  // The RAMs that they name, two segments of 64 bytes.
  input  wire logic [2*64-1:0]       dma_ram_wr_cmd_be,
  input  wire logic [2*ROW_W-1:0]    dma_ram_wr_cmd_addr,
  input  wire logic [2*512-1:0]      dma_ram_wr_cmd_data,
  input  wire logic [1:0]            dma_ram_wr_cmd_valid,
  output logic [1:0]                 dma_ram_wr_cmd_ready,
  output logic [1:0]                 dma_ram_wr_done,
  input  wire logic [2*ROW_W-1:0]    dma_ram_rd_cmd_addr,
  input  wire logic [1:0]            dma_ram_rd_cmd_valid,
  output logic [1:0]                 dma_ram_rd_cmd_ready,
  output logic [2*512-1:0]           dma_ram_rd_resp_data,
  output logic [1:0]                 dma_ram_rd_resp_valid,
  input  wire logic [1:0]            dma_ram_rd_resp_ready,
  // BAR 0.
  input  wire logic [23:0]           s_axil_ctrl_awaddr,
  input  wire logic                  s_axil_ctrl_awvalid,
  output logic                       s_axil_ctrl_awready,
  input  wire logic [31:0]           s_axil_ctrl_wdata,
  input  wire logic [3:0]            s_axil_ctrl_wstrb,
  input  wire logic                  s_axil_ctrl_wvalid,
  output logic                       s_axil_ctrl_wready,
  output logic [1:0]                 s_axil_ctrl_bresp,
  output logic                       s_axil_ctrl_bvalid,
  input  wire logic                  s_axil_ctrl_bready,
  input  wire logic [23:0]           s_axil_ctrl_araddr,
  input  wire logic                  s_axil_ctrl_arvalid,
  output logic                       s_axil_ctrl_arready,
  output logic [31:0]                s_axil_ctrl_rdata,
  output logic [1:0]                 s_axil_ctrl_rresp,
  output logic                       s_axil_ctrl_rvalid,
  input  wire logic                  s_axil_ctrl_rready,
  // MSI-X: the shell's table, and requests by its index.
  output logic [15:0]                m_axil_msix_awaddr,
  output logic                       m_axil_msix_awvalid,
  input  wire logic                  m_axil_msix_awready,
  output logic [31:0]                m_axil_msix_wdata,
  output logic [3:0]                 m_axil_msix_wstrb,
  output logic                       m_axil_msix_wvalid,
  input  wire logic                  m_axil_msix_wready,
  input  wire logic [1:0]            m_axil_msix_bresp,
  input  wire logic                  m_axil_msix_bvalid,
  output logic                       m_axil_msix_bready,
  output logic [15:0]                m_axil_msix_araddr,
  output logic                       m_axil_msix_arvalid,
  input  wire logic                  m_axil_msix_arready,
  input  wire logic [31:0]           m_axil_msix_rdata,
  input  wire logic [1:0]            m_axil_msix_rresp,
  input  wire logic                  m_axil_msix_rvalid,
  output logic                       m_axil_msix_rready,
  output logic [5:0]                 irq_index,
  output logic                       irq_valid,
  input  wire logic                  irq_ready,
  // MACs, each direction in a clock of its own; tuser: bad.
  input  wire logic [NPORTS-1:0]     tx_clk,
  input  wire logic [NPORTS-1:0]     tx_rst,
  output logic [512*NPORTS-1:0]      m_axis_tx_tdata,
  output logic [64*NPORTS-1:0]       m_axis_tx_tkeep,
  output logic [NPORTS-1:0]          m_axis_tx_tvalid,
  input  wire logic [NPORTS-1:0]     m_axis_tx_tready,
  output logic [NPORTS-1:0]          m_axis_tx_tlast,
  output logic [NPORTS-1:0]          m_axis_tx_tuser,
  input  wire logic [NPORTS-1:0]     rx_clk,
  input  wire logic [NPORTS-1:0]     rx_rst,
  input  wire logic [512*NPORTS-1:0] s_axis_rx_tdata,
  input  wire logic [64*NPORTS-1:0]  s_axis_rx_tkeep,
  input  wire logic [NPORTS-1:0]     s_axis_rx_tvalid,
  input  wire logic [NPORTS-1:0]     s_axis_rx_tlast,
  input  wire logic [NPORTS-1:0]     s_axis_rx_tuser,
  input  wire logic [NPORTS-1:0]     rx_status
);
  localparam int unsigned WR_LOG2 = 5;
  localparam int unsigned WORDS = 2 + NPORTS;
  localparam int unsigned TICKS = 1_000_000 * CLK_NS_DENOM / CLK_NS_NUM;   // of clk_i in a millisecond
  logic rst_n;
  always_ff @(posedge clk_i) rst_n <= !rst_i;

  logic [31:0] tick_q, ms_q, ms;
  always_ff @(posedge clk_i) begin
    if (!rst_n) begin
      tick_q <= '0;
      ms_q   <= '0;
    end else begin
      tick_q <= tick_q == 32'(TICKS - 1) ? '0 : tick_q + 32'd1;
      if (tick_q == 32'(TICKS - 1)) ms_q <= ms_q + 32'd1;
    end
  end

  // Host memory.
  logic         arvalid, arready, rvalid, rready, rlast, awvalid, awready, wvalid, wready, wlast, bvalid, bready;
  logic [6:0]   arid, rid;
  logic [63:0]  araddr, awaddr, wstrb;
  logic [7:0]   arlen, awlen;
  logic [511:0] rdata, wdata;
  logic [1:0]   rresp, bresp;
  logic [3:0]   awid, bid;
  logic [WR_LOG2+1:0] writes_begun, writes_done;
  sl_corundum_dma #(.ADDR_W(RAM_ADDR_W), .LEN_W(DMA_LEN_W), .TAG_W(DMA_TAG_W), .WR_LOG2(WR_LOG2)) u_dma (
    .clk_i, .rst_ni(rst_n), .s_axi_arvalid(arvalid), .s_axi_arready(arready), .s_axi_arid(arid), .s_axi_araddr(araddr),
    .s_axi_arlen(arlen), .s_axi_rvalid(rvalid), .s_axi_rready(rready), .s_axi_rid(rid), .s_axi_rdata(rdata),
    .s_axi_rresp(rresp), .s_axi_rlast(rlast), .s_axi_awvalid(awvalid), .s_axi_awready(awready), .s_axi_awid(awid),
    .s_axi_awaddr(awaddr), .s_axi_awlen(awlen), .s_axi_wvalid(wvalid), .s_axi_wready(wready), .s_axi_wdata(wdata),
    .s_axi_wstrb(wstrb), .s_axi_wlast(wlast), .s_axi_bvalid(bvalid), .s_axi_bready(bready), .s_axi_bid(bid),
    .s_axi_bresp(bresp), .writes_begun_o(writes_begun), .writes_done_o(writes_done),
    .rd_desc_valid_o(m_axis_dma_read_desc_valid), .rd_desc_ready_i(m_axis_dma_read_desc_ready),
    .rd_desc_dma_addr_o(m_axis_dma_read_desc_dma_addr), .rd_desc_ram_addr_o(m_axis_dma_read_desc_ram_addr),
    .rd_desc_len_o(m_axis_dma_read_desc_len), .rd_desc_tag_o(m_axis_dma_read_desc_tag),
    .rd_status_valid_i(s_axis_dma_read_desc_status_valid), .rd_status_tag_i(s_axis_dma_read_desc_status_tag),
    .rd_status_error_i(s_axis_dma_read_desc_status_error), .wr_desc_valid_o(m_axis_dma_write_desc_valid),
    .wr_desc_ready_i(m_axis_dma_write_desc_ready), .wr_desc_dma_addr_o(m_axis_dma_write_desc_dma_addr),
    .wr_desc_ram_addr_o(m_axis_dma_write_desc_ram_addr), .wr_desc_len_o(m_axis_dma_write_desc_len),
    .wr_desc_tag_o(m_axis_dma_write_desc_tag), .wr_status_valid_i(s_axis_dma_write_desc_status_valid),
    .wr_status_tag_i(s_axis_dma_write_desc_status_tag), .wr_status_error_i(s_axis_dma_write_desc_status_error),
    .ram_wr_valid_i(dma_ram_wr_cmd_valid), .ram_wr_ready_o(dma_ram_wr_cmd_ready), .ram_wr_be_i(dma_ram_wr_cmd_be),
    .ram_wr_addr_i(dma_ram_wr_cmd_addr), .ram_wr_data_i(dma_ram_wr_cmd_data), .ram_wr_done_o(dma_ram_wr_done),
    .ram_rd_valid_i(dma_ram_rd_cmd_valid), .ram_rd_ready_o(dma_ram_rd_cmd_ready), .ram_rd_addr_i(dma_ram_rd_cmd_addr),
    .ram_rd_resp_valid_o(dma_ram_rd_resp_valid), .ram_rd_resp_ready_i(dma_ram_rd_resp_ready),
    .ram_rd_resp_data_o(dma_ram_rd_resp_data)
  );

  // BAR 0.
  logic        bar_awvalid, bar_awready, bar_wvalid, bar_wready, bar_bvalid, bar_bready;
  logic        bar_arvalid, bar_arready, bar_rvalid, bar_rready;
  logic [15:0] bar_awaddr, bar_araddr;
  logic [31:0] bar_wdata, bar_rdata;
  logic [3:0]  bar_wstrb;
  logic [1:0]  bar_bresp, bar_rresp;
  logic [32*WORDS-1:0] words;
  sl_corundum_bar #(.WORDS(WORDS), .COUNT_W(WR_LOG2 + 2)) u_bar (
    .clk_i, .rst_ni(rst_n), .s_axil_awvalid(s_axil_ctrl_awvalid), .s_axil_awready(s_axil_ctrl_awready),
    .s_axil_awaddr(s_axil_ctrl_awaddr), .s_axil_wvalid(s_axil_ctrl_wvalid), .s_axil_wready(s_axil_ctrl_wready),
    .s_axil_wdata(s_axil_ctrl_wdata), .s_axil_wstrb(s_axil_ctrl_wstrb), .s_axil_bvalid(s_axil_ctrl_bvalid),
    .s_axil_bready(s_axil_ctrl_bready), .s_axil_bresp(s_axil_ctrl_bresp), .s_axil_arvalid(s_axil_ctrl_arvalid),
    .s_axil_arready(s_axil_ctrl_arready), .s_axil_araddr(s_axil_ctrl_araddr), .s_axil_rvalid(s_axil_ctrl_rvalid),
    .s_axil_rready(s_axil_ctrl_rready), .s_axil_rdata(s_axil_ctrl_rdata), .s_axil_rresp(s_axil_ctrl_rresp),
    .m_axil_awvalid({m_axil_msix_awvalid, bar_awvalid}), .m_axil_awready({m_axil_msix_awready, bar_awready}),
    .m_axil_awaddr(bar_awaddr), .m_axil_wvalid({m_axil_msix_wvalid, bar_wvalid}),
    .m_axil_wready({m_axil_msix_wready, bar_wready}), .m_axil_wdata(bar_wdata), .m_axil_wstrb(bar_wstrb),
    .m_axil_bvalid({m_axil_msix_bvalid, bar_bvalid}), .m_axil_bready({m_axil_msix_bready, bar_bready}),
    .m_axil_bresp({m_axil_msix_bresp, bar_bresp}), .m_axil_arvalid({m_axil_msix_arvalid, bar_arvalid}),
    .m_axil_arready({m_axil_msix_arready, bar_arready}), .m_axil_araddr(bar_araddr),
    .m_axil_rvalid({m_axil_msix_rvalid, bar_rvalid}), .m_axil_rready({m_axil_msix_rready, bar_rready}),
    .m_axil_rdata({m_axil_msix_rdata, bar_rdata}), .m_axil_rresp({m_axil_msix_rresp, bar_rresp}), .words_i(words),
    .writes_begun_i(writes_begun), .writes_done_i(writes_done)
  );
  assign m_axil_msix_awaddr = bar_awaddr;
  assign m_axil_msix_wdata  = bar_wdata;
  assign m_axil_msix_wstrb  = bar_wstrb;
  assign m_axil_msix_araddr = bar_araddr;

  // MACs.
  logic [NPORTS-1:0]     rx_tvalid, rx_tlast, rx_tuser, tx_tvalid, tx_tready, tx_tlast, tx_tuser, link;
  logic [512*NPORTS-1:0] rx_tdata, tx_tdata;
  logic [64*NPORTS-1:0]  rx_tkeep, tx_tkeep;
  assign words[31:0]  = 32'h736c_7368;           // "slsh"
  assign words[63:32] = 32'(NPORTS);
  for (genvar p = 0; p < NPORTS; p++) begin : g_port
    sl_corundum_port u_port (
      .clk_i, .rst_ni(rst_n), .rx_clk_i(rx_clk[p]), .rx_rst_ni(!rx_rst[p]), .rx_up_i(rx_status[p]),
      .s_axis_rx_tvalid(s_axis_rx_tvalid[p]), .s_axis_rx_tdata(s_axis_rx_tdata[512*p +: 512]),
      .s_axis_rx_tkeep(s_axis_rx_tkeep[64*p +: 64]), .s_axis_rx_tlast(s_axis_rx_tlast[p]),
      .s_axis_rx_tuser(s_axis_rx_tuser[p]), .tx_clk_i(tx_clk[p]), .tx_rst_ni(!tx_rst[p]),
      .m_axis_tx_tvalid(m_axis_tx_tvalid[p]), .m_axis_tx_tready(m_axis_tx_tready[p]),
      .m_axis_tx_tdata(m_axis_tx_tdata[512*p +: 512]), .m_axis_tx_tkeep(m_axis_tx_tkeep[64*p +: 64]),
      .m_axis_tx_tlast(m_axis_tx_tlast[p]), .m_axis_tx_tuser(m_axis_tx_tuser[p]),
      .m_axis_rx_tvalid(rx_tvalid[p]), .m_axis_rx_tdata(rx_tdata[512*p +: 512]), .m_axis_rx_tkeep(rx_tkeep[64*p +: 64]),
      .m_axis_rx_tlast(rx_tlast[p]), .m_axis_rx_tuser(rx_tuser[p]), .s_axis_tx_tvalid(tx_tvalid[p]),
      .s_axis_tx_tready(tx_tready[p]), .s_axis_tx_tdata(tx_tdata[512*p +: 512]),
      .s_axis_tx_tkeep(tx_tkeep[64*p +: 64]), .s_axis_tx_tlast(tx_tlast[p]), .s_axis_tx_tuser(tx_tuser[p]),
      .link_o(link[p]), .rx_dropped_o(words[64 + 32*p +: 16]), .tx_dropped_o(words[80 + 32*p +: 16])
    );
  end

  // The card, and what the board brings.
  logic        mgmt_awvalid, mgmt_awready, mgmt_wvalid, mgmt_wready, mgmt_bvalid, mgmt_bready;
  logic        mgmt_arvalid, mgmt_arready, mgmt_rvalid, mgmt_rready;
  logic        csr_awvalid, csr_awready, csr_wvalid, csr_wready, csr_bvalid, csr_bready;
  logic        csr_arvalid, csr_arready, csr_rvalid, csr_rready;
  logic [11:0] mgmt_awaddr, mgmt_araddr, csr_awaddr, csr_araddr;
  logic [31:0] mgmt_wdata, mgmt_rdata, csr_wdata, csr_rdata;
  logic [1:0]  mgmt_bresp, mgmt_rresp, csr_bresp, csr_rresp, restart_cause;
  logic        wake, sleep, console, restart, busy, clearing;
  logic [31:0] core_data, random;
  logic [64*NPORTS-1:0] factory;
  logic [16*NPORTS-1:0] rx_free;
  logic [15:0]     no_ar, no_r, no_w, no_b;
  logic [16*28-1:0] no_ar_addr;
  logic [27:0]     no_w_addr;
  logic [255:0]    no_w_data;
  sl_nic #(.NPORTS(NPORTS), .TABLE_LOG2(TABLE_LOG2), .RECORDS_HBM(0)) u_nic (
    .clk_i, .rst_ni(rst_n), .time_ms_i(ms_q), .time_ms_o(ms),
    .s_axis_tvalid(rx_tvalid), .s_axis_tdata(rx_tdata), .s_axis_tkeep(rx_tkeep), .s_axis_tlast(rx_tlast),
    .s_axis_tuser(rx_tuser), .rx_free_o(rx_free), .m_axis_tvalid(tx_tvalid), .m_axis_tready(tx_tready),
    .m_axis_tdata(tx_tdata), .m_axis_tkeep(tx_tkeep), .m_axis_tlast(tx_tlast), .m_axis_tuser(tx_tuser),
    .m_axi_arvalid(arvalid), .m_axi_arready(arready), .m_axi_arid(arid), .m_axi_araddr(araddr), .m_axi_arlen(arlen),
    .m_axi_rvalid(rvalid), .m_axi_rready(rready), .m_axi_rid(rid), .m_axi_rdata(rdata), .m_axi_rresp(rresp),
    .m_axi_rlast(rlast), .m_axi_awvalid(awvalid), .m_axi_awready(awready), .m_axi_awid(awid), .m_axi_awaddr(awaddr),
    .m_axi_awlen(awlen), .m_axi_wvalid(wvalid), .m_axi_wready(wready), .m_axi_wdata(wdata), .m_axi_wstrb(wstrb),
    .m_axi_wlast(wlast), .m_axi_bvalid(bvalid), .m_axi_bready(bready), .m_axi_bid(bid), .m_axi_bresp(bresp),
    .hbm_ar_valid_o(no_ar), .hbm_ar_ready_i('0), .hbm_ar_addr_o(no_ar_addr), .hbm_r_valid_i('0), .hbm_r_ready_o(no_r),
    .hbm_r_data_i('0), .hbm_w_valid_o(no_w), .hbm_w_ready_i('0), .hbm_w_addr_o(no_w_addr), .hbm_w_data_o(no_w_data),
    .hbm_b_valid_i('0), .hbm_b_ready_o(no_b),
    .s_axil_bar_awvalid(bar_awvalid), .s_axil_bar_awready(bar_awready), .s_axil_bar_awaddr(bar_awaddr),
    .s_axil_bar_wvalid(bar_wvalid), .s_axil_bar_wready(bar_wready), .s_axil_bar_wdata(bar_wdata),
    .s_axil_bar_bvalid(bar_bvalid), .s_axil_bar_bready(bar_bready), .s_axil_bar_bresp(bar_bresp),
    .s_axil_bar_arvalid(bar_arvalid), .s_axil_bar_arready(bar_arready), .s_axil_bar_araddr(bar_araddr),
    .s_axil_bar_rvalid(bar_rvalid), .s_axil_bar_rready(bar_rready), .s_axil_bar_rdata(bar_rdata),
    .s_axil_bar_rresp(bar_rresp),
    .s_axil_mgmt_awvalid(mgmt_awvalid), .s_axil_mgmt_awready(mgmt_awready), .s_axil_mgmt_awaddr(mgmt_awaddr),
    .s_axil_mgmt_wvalid(mgmt_wvalid), .s_axil_mgmt_wready(mgmt_wready), .s_axil_mgmt_wdata(mgmt_wdata),
    .s_axil_mgmt_bvalid(mgmt_bvalid), .s_axil_mgmt_bready(mgmt_bready), .s_axil_mgmt_bresp(mgmt_bresp),
    .s_axil_mgmt_arvalid(mgmt_arvalid), .s_axil_mgmt_arready(mgmt_arready), .s_axil_mgmt_araddr(mgmt_araddr),
    .s_axil_mgmt_rvalid(mgmt_rvalid), .s_axil_mgmt_rready(mgmt_rready), .s_axil_mgmt_rdata(mgmt_rdata),
    .s_axil_mgmt_rresp(mgmt_rresp),
    .s_axil_csr_awvalid(csr_awvalid), .s_axil_csr_awready(csr_awready), .s_axil_csr_awaddr(csr_awaddr),
    .s_axil_csr_wvalid(csr_wvalid), .s_axil_csr_wready(csr_wready), .s_axil_csr_wdata(csr_wdata),
    .s_axil_csr_bvalid(csr_bvalid), .s_axil_csr_bready(csr_bready), .s_axil_csr_bresp(csr_bresp),
    .s_axil_csr_arvalid(csr_arvalid), .s_axil_csr_arready(csr_arready), .s_axil_csr_araddr(csr_araddr),
    .s_axil_csr_rvalid(csr_rvalid), .s_axil_csr_rready(csr_rready), .s_axil_csr_rdata(csr_rdata),
    .s_axil_csr_rresp(csr_rresp),
    .link_i(link), .port_i(factory), .random_i(random), .irq_valid_o(irq_valid), .irq_ready_i(irq_ready),
    .irq_vector_o(irq_index), .wake_o(wake), .sleep_o(sleep), .console_o(console), .core_data_o(core_data),
    .restart_o(restart), .restart_cause_o(restart_cause), .busy_o(busy), .clearing_o(clearing)
  );
  sl_board #(.NPORTS(NPORTS)) u_board (
    .clk_i, .rst_ni(rst_n),
    .m_axil_mgmt_awvalid(mgmt_awvalid), .m_axil_mgmt_awready(mgmt_awready), .m_axil_mgmt_awaddr(mgmt_awaddr),
    .m_axil_mgmt_wvalid(mgmt_wvalid), .m_axil_mgmt_wready(mgmt_wready), .m_axil_mgmt_wdata(mgmt_wdata),
    .m_axil_mgmt_bvalid(mgmt_bvalid), .m_axil_mgmt_bready(mgmt_bready), .m_axil_mgmt_bresp(mgmt_bresp),
    .m_axil_mgmt_arvalid(mgmt_arvalid), .m_axil_mgmt_arready(mgmt_arready), .m_axil_mgmt_araddr(mgmt_araddr),
    .m_axil_mgmt_rvalid(mgmt_rvalid), .m_axil_mgmt_rready(mgmt_rready), .m_axil_mgmt_rdata(mgmt_rdata),
    .m_axil_mgmt_rresp(mgmt_rresp),
    .m_axil_csr_awvalid(csr_awvalid), .m_axil_csr_awready(csr_awready), .m_axil_csr_awaddr(csr_awaddr),
    .m_axil_csr_wvalid(csr_wvalid), .m_axil_csr_wready(csr_wready), .m_axil_csr_wdata(csr_wdata),
    .m_axil_csr_bvalid(csr_bvalid), .m_axil_csr_bready(csr_bready), .m_axil_csr_bresp(csr_bresp),
    .m_axil_csr_arvalid(csr_arvalid), .m_axil_csr_arready(csr_arready), .m_axil_csr_araddr(csr_araddr),
    .m_axil_csr_rvalid(csr_rvalid), .m_axil_csr_rready(csr_rready), .m_axil_csr_rdata(csr_rdata),
    .m_axil_csr_rresp(csr_rresp),
    .wake_i(wake), .sleep_i(sleep), .console_i(console), .core_data_i(core_data), .restart_i(restart),
    .restart_cause_i(restart_cause), .random_o(random), .port_o(factory)
  );
endmodule
