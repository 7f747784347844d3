// SPDX-License-Identifier: BSD-3-Clause
// The place of what neither the card nor a shell has, and a board must bring (docs/shell.md): the RV32 management core
// with its memory and boot flash (docs/device.md, 10 and 14; the core's map is in docs/reference/card.md), a source of
// randomness, and each port's factory address. It is empty here: no core, no randomness. A card with this module
// forwards nothing and refuses every admin command, because no firmware sets a rule; a board replaces the file.
`default_nettype none
module sl_board #(
  parameter int unsigned NPORTS = 2
) (
  input  wire logic               clk_i,
  input  wire logic               rst_ni,
  // The block mgmt, but FLASH_*, which the board answers itself, and the datapath's registers.
  output logic                    m_axil_mgmt_awvalid,
  input  wire logic               m_axil_mgmt_awready,
  output logic [11:0]             m_axil_mgmt_awaddr,
  output logic                    m_axil_mgmt_wvalid,
  input  wire logic               m_axil_mgmt_wready,
  output logic [31:0]             m_axil_mgmt_wdata,
  input  wire logic               m_axil_mgmt_bvalid,
  output logic                    m_axil_mgmt_bready,
  input  wire logic [1:0]         m_axil_mgmt_bresp,
  output logic                    m_axil_mgmt_arvalid,
  input  wire logic               m_axil_mgmt_arready,
  output logic [11:0]             m_axil_mgmt_araddr,
  input  wire logic               m_axil_mgmt_rvalid,
  output logic                    m_axil_mgmt_rready,
  input  wire logic [31:0]        m_axil_mgmt_rdata,
  input  wire logic [1:0]         m_axil_mgmt_rresp,
  output logic                    m_axil_csr_awvalid,
  input  wire logic               m_axil_csr_awready,
  output logic [11:0]             m_axil_csr_awaddr,
  output logic                    m_axil_csr_wvalid,
  input  wire logic               m_axil_csr_wready,
  output logic [31:0]             m_axil_csr_wdata,
  input  wire logic               m_axil_csr_bvalid,
  output logic                    m_axil_csr_bready,
  input  wire logic [1:0]         m_axil_csr_bresp,
  output logic                    m_axil_csr_arvalid,
  input  wire logic               m_axil_csr_arready,
  output logic [11:0]             m_axil_csr_araddr,
  input  wire logic               m_axil_csr_rvalid,
  output logic                    m_axil_csr_rready,
  input  wire logic [31:0]        m_axil_csr_rdata,
  input  wire logic [1:0]         m_axil_csr_rresp,
  // The core: there is work; it has asked to sleep or print; start again, and why.
  input  wire logic               wake_i,
  input  wire logic               sleep_i,
  input  wire logic               console_i,
  input  wire logic [31:0]        core_data_i,
  input  wire logic               restart_i,
  input  wire logic [1:0]         restart_cause_i,
  output logic [31:0]             random_o,      // another word in every clock
  output logic [64*NPORTS-1:0]    port_o         // MTU in 63:48, MAC in 47:0
);
  assign m_axil_mgmt_awvalid = 1'b0;
  assign m_axil_mgmt_awaddr  = '0;
  assign m_axil_mgmt_wvalid  = 1'b0;
  assign m_axil_mgmt_wdata   = '0;
  assign m_axil_mgmt_bready  = 1'b1;
  assign m_axil_mgmt_arvalid = 1'b0;
  assign m_axil_mgmt_araddr  = '0;
  assign m_axil_mgmt_rready  = 1'b1;
  assign m_axil_csr_awvalid  = 1'b0;
  assign m_axil_csr_awaddr   = '0;
  assign m_axil_csr_wvalid   = 1'b0;
  assign m_axil_csr_wdata    = '0;
  assign m_axil_csr_bready   = 1'b1;
  assign m_axil_csr_arvalid  = 1'b0;
  assign m_axil_csr_araddr   = '0;
  assign m_axil_csr_rready   = 1'b1;
  assign random_o            = '0;
  assign port_o              = '0;
endmodule
