// SPDX-License-Identifier: BSD-3-Clause
// What sl_corundum meets of Corundum's module of this name, for lint: names, directions and widths.
`default_nettype none
module pcie_axil_master #(
  parameter int unsigned AXIL_DATA_WIDTH = 32,
  parameter int unsigned AXIL_ADDR_WIDTH = 24,
  parameter int unsigned AXIL_STRB_WIDTH = 4
) (
  input  wire logic clk,
  input  wire logic rst,
  output logic      [AXIL_ADDR_WIDTH-1:0] m_axil_awaddr,
  output logic      [3-1:0] m_axil_awprot,
  output logic      m_axil_awvalid,
  input  wire logic m_axil_awready,
  output logic      [AXIL_DATA_WIDTH-1:0] m_axil_wdata,
  output logic      [AXIL_STRB_WIDTH-1:0] m_axil_wstrb,
  output logic      m_axil_wvalid,
  input  wire logic m_axil_wready,
  input  wire logic [2-1:0] m_axil_bresp,
  input  wire logic m_axil_bvalid,
  output logic      m_axil_bready,
  output logic      [AXIL_ADDR_WIDTH-1:0] m_axil_araddr,
  output logic      [3-1:0] m_axil_arprot,
  output logic      m_axil_arvalid,
  input  wire logic m_axil_arready,
  input  wire logic [AXIL_DATA_WIDTH-1:0] m_axil_rdata,
  input  wire logic [2-1:0] m_axil_rresp,
  input  wire logic m_axil_rvalid,
  output logic      m_axil_rready
);
  assign m_axil_awaddr = '0;
  assign m_axil_awprot = '0;
  assign m_axil_awvalid = '0;
  assign m_axil_wdata = '0;
  assign m_axil_wstrb = '0;
  assign m_axil_wvalid = '0;
  assign m_axil_bready = '0;
  assign m_axil_araddr = '0;
  assign m_axil_arprot = '0;
  assign m_axil_arvalid = '0;
  assign m_axil_rready = '0;
endmodule
