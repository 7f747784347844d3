// SPDX-License-Identifier: BSD-3-Clause
// What sl_corundum meets of Corundum's module of this name, for lint: names, directions and widths.
`default_nettype none
module pcie_msix #(
  parameter int unsigned IRQ_INDEX_WIDTH = 6,
  parameter int unsigned AXIL_DATA_WIDTH = 32,
  parameter int unsigned AXIL_ADDR_WIDTH = 16,
  parameter int unsigned AXIL_STRB_WIDTH = 4
) (
  input  wire logic clk,
  input  wire logic rst,
  input  wire logic [AXIL_ADDR_WIDTH-1:0] s_axil_awaddr,
  input  wire logic [3-1:0] s_axil_awprot,
  input  wire logic s_axil_awvalid,
  output logic      s_axil_awready,
  input  wire logic [AXIL_DATA_WIDTH-1:0] s_axil_wdata,
  input  wire logic [AXIL_STRB_WIDTH-1:0] s_axil_wstrb,
  input  wire logic s_axil_wvalid,
  output logic      s_axil_wready,
  output logic      [2-1:0] s_axil_bresp,
  output logic      s_axil_bvalid,
  input  wire logic s_axil_bready,
  input  wire logic [AXIL_ADDR_WIDTH-1:0] s_axil_araddr,
  input  wire logic [3-1:0] s_axil_arprot,
  input  wire logic s_axil_arvalid,
  output logic      s_axil_arready,
  output logic      [AXIL_DATA_WIDTH-1:0] s_axil_rdata,
  output logic      [2-1:0] s_axil_rresp,
  output logic      s_axil_rvalid,
  input  wire logic s_axil_rready,
  input  wire logic [IRQ_INDEX_WIDTH-1:0] irq_index,
  input  wire logic irq_valid,
  output logic      irq_ready
);
  assign s_axil_awready = '0;
  assign s_axil_wready = '0;
  assign s_axil_bresp = '0;
  assign s_axil_bvalid = '0;
  assign s_axil_arready = '0;
  assign s_axil_rdata = '0;
  assign s_axil_rresp = '0;
  assign s_axil_rvalid = '0;
  assign irq_ready = '0;
endmodule
