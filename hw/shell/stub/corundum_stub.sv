// SPDX-License-Identifier: BSD-3-Clause
// The wrapper between stubs of the shell's modules, joined as Corundum's mqnic_core_pcie joins its own core to them:
// lint compares names, directions and widths. The ports are what goes on to the MACs.
`default_nettype none
module corundum_stub #(
  parameter int unsigned NPORTS = 2
) (
  input  wire logic clk_i,
  input  wire logic rst_i,
  input  wire logic [NPORTS-1:0] tx_clk,
  input  wire logic [NPORTS-1:0] tx_rst,
  output logic      [512*NPORTS-1:0] m_axis_tx_tdata,
  output logic      [64*NPORTS-1:0] m_axis_tx_tkeep,
  output logic      [NPORTS-1:0] m_axis_tx_tvalid,
  input  wire logic [NPORTS-1:0] m_axis_tx_tready,
  output logic      [NPORTS-1:0] m_axis_tx_tlast,
  output logic      [NPORTS-1:0] m_axis_tx_tuser,
  input  wire logic [NPORTS-1:0] rx_clk,
  input  wire logic [NPORTS-1:0] rx_rst,
  input  wire logic [512*NPORTS-1:0] s_axis_rx_tdata,
  input  wire logic [64*NPORTS-1:0] s_axis_rx_tkeep,
  input  wire logic [NPORTS-1:0] s_axis_rx_tvalid,
  input  wire logic [NPORTS-1:0] s_axis_rx_tlast,
  input  wire logic [NPORTS-1:0] s_axis_rx_tuser,
  input  wire logic [NPORTS-1:0] rx_status
);
  localparam int unsigned DMA_LEN_W = 16, DMA_TAG_W = 16, RAM_ADDR_W = 17, ROW_W = RAM_ADDR_W - 7;
  logic [63:0] m_axis_dma_read_desc_dma_addr;
  logic [RAM_ADDR_W-1:0] m_axis_dma_read_desc_ram_addr;
  logic [DMA_LEN_W-1:0] m_axis_dma_read_desc_len;
  logic [DMA_TAG_W-1:0] m_axis_dma_read_desc_tag;
  logic m_axis_dma_read_desc_valid;
  logic m_axis_dma_read_desc_ready;
  logic [DMA_TAG_W-1:0] s_axis_dma_read_desc_status_tag;
  logic [3:0] s_axis_dma_read_desc_status_error;
  logic s_axis_dma_read_desc_status_valid;
  logic [63:0] m_axis_dma_write_desc_dma_addr;
  logic [RAM_ADDR_W-1:0] m_axis_dma_write_desc_ram_addr;
  logic [DMA_LEN_W-1:0] m_axis_dma_write_desc_len;
  logic [DMA_TAG_W-1:0] m_axis_dma_write_desc_tag;
  logic m_axis_dma_write_desc_valid;
  logic m_axis_dma_write_desc_ready;
  logic [DMA_TAG_W-1:0] s_axis_dma_write_desc_status_tag;
  logic [3:0] s_axis_dma_write_desc_status_error;
  logic s_axis_dma_write_desc_status_valid;
  logic [2*64-1:0] dma_ram_wr_cmd_be;
  logic [2*ROW_W-1:0] dma_ram_wr_cmd_addr;
  logic [2*512-1:0] dma_ram_wr_cmd_data;
  logic [1:0] dma_ram_wr_cmd_valid;
  logic [1:0] dma_ram_wr_cmd_ready;
  logic [1:0] dma_ram_wr_done;
  logic [2*ROW_W-1:0] dma_ram_rd_cmd_addr;
  logic [1:0] dma_ram_rd_cmd_valid;
  logic [1:0] dma_ram_rd_cmd_ready;
  logic [2*512-1:0] dma_ram_rd_resp_data;
  logic [1:0] dma_ram_rd_resp_valid;
  logic [1:0] dma_ram_rd_resp_ready;
  logic [23:0] s_axil_ctrl_awaddr;
  logic s_axil_ctrl_awvalid;
  logic s_axil_ctrl_awready;
  logic [31:0] s_axil_ctrl_wdata;
  logic [3:0] s_axil_ctrl_wstrb;
  logic s_axil_ctrl_wvalid;
  logic s_axil_ctrl_wready;
  logic [1:0] s_axil_ctrl_bresp;
  logic s_axil_ctrl_bvalid;
  logic s_axil_ctrl_bready;
  logic [23:0] s_axil_ctrl_araddr;
  logic s_axil_ctrl_arvalid;
  logic s_axil_ctrl_arready;
  logic [31:0] s_axil_ctrl_rdata;
  logic [1:0] s_axil_ctrl_rresp;
  logic s_axil_ctrl_rvalid;
  logic s_axil_ctrl_rready;
  logic [15:0] m_axil_msix_awaddr;
  logic m_axil_msix_awvalid;
  logic m_axil_msix_awready;
  logic [31:0] m_axil_msix_wdata;
  logic [3:0] m_axil_msix_wstrb;
  logic m_axil_msix_wvalid;
  logic m_axil_msix_wready;
  logic [1:0] m_axil_msix_bresp;
  logic m_axil_msix_bvalid;
  logic m_axil_msix_bready;
  logic [15:0] m_axil_msix_araddr;
  logic m_axil_msix_arvalid;
  logic m_axil_msix_arready;
  logic [31:0] m_axil_msix_rdata;
  logic [1:0] m_axil_msix_rresp;
  logic m_axil_msix_rvalid;
  logic m_axil_msix_rready;
  logic [5:0] irq_index;
  logic irq_valid;
  logic irq_ready;
  logic [2:0] ctrl_awprot, ctrl_arprot;
  logic [5:0] wr_sel, rd_sel;
  sl_corundum #(.NPORTS(NPORTS), .RAM_ADDR_W(RAM_ADDR_W)) u_card (
    .clk_i, .rst_i, .m_axis_dma_read_desc_dma_addr, .m_axis_dma_read_desc_ram_addr, .m_axis_dma_read_desc_len,
    .m_axis_dma_read_desc_tag, .m_axis_dma_read_desc_valid, .m_axis_dma_read_desc_ready,
    .s_axis_dma_read_desc_status_tag, .s_axis_dma_read_desc_status_error, .s_axis_dma_read_desc_status_valid,
    .m_axis_dma_write_desc_dma_addr, .m_axis_dma_write_desc_ram_addr, .m_axis_dma_write_desc_len,
    .m_axis_dma_write_desc_tag, .m_axis_dma_write_desc_valid, .m_axis_dma_write_desc_ready,
    .s_axis_dma_write_desc_status_tag, .s_axis_dma_write_desc_status_error, .s_axis_dma_write_desc_status_valid,
    .dma_ram_wr_cmd_be, .dma_ram_wr_cmd_addr, .dma_ram_wr_cmd_data, .dma_ram_wr_cmd_valid, .dma_ram_wr_cmd_ready,
    .dma_ram_wr_done, .dma_ram_rd_cmd_addr, .dma_ram_rd_cmd_valid, .dma_ram_rd_cmd_ready, .dma_ram_rd_resp_data,
    .dma_ram_rd_resp_valid, .dma_ram_rd_resp_ready, .s_axil_ctrl_awaddr, .s_axil_ctrl_awvalid,
    .s_axil_ctrl_awready, .s_axil_ctrl_wdata, .s_axil_ctrl_wstrb, .s_axil_ctrl_wvalid, .s_axil_ctrl_wready,
    .s_axil_ctrl_bresp, .s_axil_ctrl_bvalid, .s_axil_ctrl_bready, .s_axil_ctrl_araddr, .s_axil_ctrl_arvalid,
    .s_axil_ctrl_arready, .s_axil_ctrl_rdata, .s_axil_ctrl_rresp, .s_axil_ctrl_rvalid, .s_axil_ctrl_rready,
    .m_axil_msix_awaddr, .m_axil_msix_awvalid, .m_axil_msix_awready, .m_axil_msix_wdata, .m_axil_msix_wstrb,
    .m_axil_msix_wvalid, .m_axil_msix_wready, .m_axil_msix_bresp, .m_axil_msix_bvalid, .m_axil_msix_bready,
    .m_axil_msix_araddr, .m_axil_msix_arvalid, .m_axil_msix_arready, .m_axil_msix_rdata, .m_axil_msix_rresp,
    .m_axil_msix_rvalid, .m_axil_msix_rready, .irq_index, .irq_valid, .irq_ready, .tx_clk, .tx_rst,
    .m_axis_tx_tdata, .m_axis_tx_tkeep, .m_axis_tx_tvalid, .m_axis_tx_tready, .m_axis_tx_tlast, .m_axis_tx_tuser,
    .rx_clk, .rx_rst, .s_axis_rx_tdata, .s_axis_rx_tkeep, .s_axis_rx_tvalid, .s_axis_rx_tlast, .s_axis_rx_tuser,
    .rx_status
  );
  dma_if_pcie u_dma (
    .clk(clk_i), .rst(rst_i), .s_axis_read_desc_pcie_addr(m_axis_dma_read_desc_dma_addr),
    .s_axis_read_desc_ram_addr(m_axis_dma_read_desc_ram_addr), .s_axis_read_desc_len(m_axis_dma_read_desc_len),
    .s_axis_read_desc_tag(m_axis_dma_read_desc_tag), .s_axis_read_desc_valid(m_axis_dma_read_desc_valid),
    .s_axis_read_desc_ready(m_axis_dma_read_desc_ready), .s_axis_read_desc_ram_sel('0),
    .m_axis_read_desc_status_tag(s_axis_dma_read_desc_status_tag),
    .m_axis_read_desc_status_error(s_axis_dma_read_desc_status_error),
    .m_axis_read_desc_status_valid(s_axis_dma_read_desc_status_valid),
    .s_axis_write_desc_pcie_addr(m_axis_dma_write_desc_dma_addr),
    .s_axis_write_desc_ram_addr(m_axis_dma_write_desc_ram_addr), .s_axis_write_desc_len(m_axis_dma_write_desc_len),
    .s_axis_write_desc_tag(m_axis_dma_write_desc_tag), .s_axis_write_desc_valid(m_axis_dma_write_desc_valid),
    .s_axis_write_desc_ready(m_axis_dma_write_desc_ready), .s_axis_write_desc_ram_sel('0),
    .m_axis_write_desc_status_tag(s_axis_dma_write_desc_status_tag),
    .m_axis_write_desc_status_error(s_axis_dma_write_desc_status_error),
    .m_axis_write_desc_status_valid(s_axis_dma_write_desc_status_valid), .ram_wr_cmd_be(dma_ram_wr_cmd_be),
    .ram_wr_cmd_addr(dma_ram_wr_cmd_addr), .ram_wr_cmd_data(dma_ram_wr_cmd_data),
    .ram_wr_cmd_valid(dma_ram_wr_cmd_valid), .ram_wr_cmd_ready(dma_ram_wr_cmd_ready),
    .ram_wr_done(dma_ram_wr_done), .ram_rd_cmd_addr(dma_ram_rd_cmd_addr), .ram_rd_cmd_valid(dma_ram_rd_cmd_valid),
    .ram_rd_cmd_ready(dma_ram_rd_cmd_ready), .ram_rd_resp_data(dma_ram_rd_resp_data),
    .ram_rd_resp_valid(dma_ram_rd_resp_valid), .ram_rd_resp_ready(dma_ram_rd_resp_ready), .ram_wr_cmd_sel(wr_sel),
    .ram_rd_cmd_sel(rd_sel)
  );
  pcie_axil_master u_bar (
    .clk(clk_i), .rst(rst_i), .m_axil_awaddr(s_axil_ctrl_awaddr), .m_axil_awvalid(s_axil_ctrl_awvalid),
    .m_axil_awready(s_axil_ctrl_awready), .m_axil_wdata(s_axil_ctrl_wdata), .m_axil_wstrb(s_axil_ctrl_wstrb),
    .m_axil_wvalid(s_axil_ctrl_wvalid), .m_axil_wready(s_axil_ctrl_wready), .m_axil_bresp(s_axil_ctrl_bresp),
    .m_axil_bvalid(s_axil_ctrl_bvalid), .m_axil_bready(s_axil_ctrl_bready), .m_axil_araddr(s_axil_ctrl_araddr),
    .m_axil_arvalid(s_axil_ctrl_arvalid), .m_axil_arready(s_axil_ctrl_arready), .m_axil_rdata(s_axil_ctrl_rdata),
    .m_axil_rresp(s_axil_ctrl_rresp), .m_axil_rvalid(s_axil_ctrl_rvalid), .m_axil_rready(s_axil_ctrl_rready),
    .m_axil_awprot(ctrl_awprot), .m_axil_arprot(ctrl_arprot)
  );
  pcie_msix u_msix (
    .clk(clk_i), .rst(rst_i), .s_axil_awaddr(m_axil_msix_awaddr), .s_axil_awvalid(m_axil_msix_awvalid),
    .s_axil_awready(m_axil_msix_awready), .s_axil_wdata(m_axil_msix_wdata), .s_axil_wstrb(m_axil_msix_wstrb),
    .s_axil_wvalid(m_axil_msix_wvalid), .s_axil_wready(m_axil_msix_wready), .s_axil_bresp(m_axil_msix_bresp),
    .s_axil_bvalid(m_axil_msix_bvalid), .s_axil_bready(m_axil_msix_bready), .s_axil_araddr(m_axil_msix_araddr),
    .s_axil_arvalid(m_axil_msix_arvalid), .s_axil_arready(m_axil_msix_arready), .s_axil_rdata(m_axil_msix_rdata),
    .s_axil_rresp(m_axil_msix_rresp), .s_axil_rvalid(m_axil_msix_rvalid), .s_axil_rready(m_axil_msix_rready),
    .s_axil_awprot('0), .s_axil_arprot('0), .irq_index, .irq_valid, .irq_ready
  );
endmodule
