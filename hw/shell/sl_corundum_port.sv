// SPDX-License-Identifier: BSD-3-Clause
// One port: the MAC's two clocks on one side, the card's on the other (docs/shell.md). tuser is the shell's bit 0: a
// bad frame, in both directions.
`default_nettype none
module sl_corundum_port #(
  parameter int unsigned RX_LOG2 = 9,            // beats of 64 bytes
  parameter int unsigned TX_LOG2 = 9
) (
  input  wire logic         clk_i,
  input  wire logic         rst_ni,
  input  wire logic         rx_clk_i,
  input  wire logic         rx_rst_ni,
  input  wire logic         rx_up_i,             // the MAC has a link; rx_clk_i
  input  wire logic         s_axis_rx_tvalid,
  input  wire logic [511:0] s_axis_rx_tdata,
  input  wire logic [63:0]  s_axis_rx_tkeep,
  input  wire logic         s_axis_rx_tlast,
  input  wire logic         s_axis_rx_tuser,
  input  wire logic         tx_clk_i,
  input  wire logic         tx_rst_ni,
  output logic              m_axis_tx_tvalid,
  input  wire logic         m_axis_tx_tready,
  output logic [511:0]      m_axis_tx_tdata,
  output logic [63:0]       m_axis_tx_tkeep,
  output logic              m_axis_tx_tlast,
  output logic              m_axis_tx_tuser,
  // The card.
  output logic              m_axis_rx_tvalid,    // cannot be held back
  output logic [511:0]      m_axis_rx_tdata,
  output logic [63:0]       m_axis_rx_tkeep,
  output logic              m_axis_rx_tlast,
  output logic              m_axis_rx_tuser,
  input  wire logic         s_axis_tx_tvalid,
  output logic              s_axis_tx_tready,
  input  wire logic [511:0] s_axis_tx_tdata,
  input  wire logic [63:0]  s_axis_tx_tkeep,
  input  wire logic         s_axis_tx_tlast,
  input  wire logic         s_axis_tx_tuser,
  output logic              link_o,
  output logic [15:0]       rx_dropped_o,        // frames for which there was no room, or the card was in reset
  output logic [15:0]       tx_dropped_o         // frames for a MAC in reset
);
  function automatic logic [15:0] from_gray(input logic [15:0] g);
    for (int i = 0; i < 16; i++) from_gray[i] = ^(g >> i);
  endfunction

  logic        rx_ready;
  logic [15:0] rx_lost, tx_lost;
  sl_frame_cdc #(.LOG2(RX_LOG2), .DROP(1)) u_rx (
    .s_clk_i(rx_clk_i), .s_rst_ni(rx_rst_ni), .s_valid_i(s_axis_rx_tvalid), .s_ready_o(rx_ready),
    .s_data_i(s_axis_rx_tdata), .s_keep_i(s_axis_rx_tkeep), .s_last_i(s_axis_rx_tlast), .s_bad_i(s_axis_rx_tuser),
    .s_dropped_o(rx_lost), .m_clk_i(clk_i), .m_rst_ni(rst_ni), .m_valid_o(m_axis_rx_tvalid), .m_ready_i(1'b1),
    .m_data_o(m_axis_rx_tdata), .m_keep_o(m_axis_rx_tkeep), .m_last_o(m_axis_rx_tlast), .m_bad_o(m_axis_rx_tuser)
  );
  sl_frame_cdc #(.LOG2(TX_LOG2), .DROP(0)) u_tx (
    .s_clk_i(clk_i), .s_rst_ni(rst_ni), .s_valid_i(s_axis_tx_tvalid), .s_ready_o(s_axis_tx_tready),
    .s_data_i(s_axis_tx_tdata), .s_keep_i(s_axis_tx_tkeep), .s_last_i(s_axis_tx_tlast), .s_bad_i(s_axis_tx_tuser),
    .s_dropped_o(tx_lost), .m_clk_i(tx_clk_i), .m_rst_ni(tx_rst_ni), .m_valid_o(m_axis_tx_tvalid),
    .m_ready_i(m_axis_tx_tready), .m_data_o(m_axis_tx_tdata), .m_keep_o(m_axis_tx_tkeep), .m_last_o(m_axis_tx_tlast),
    .m_bad_o(m_axis_tx_tuser)
  );

  (* async_reg = "true" *) logic [15:0] lost_1_q, lost_2_q;
  (* async_reg = "true" *) logic        up_1_q, up_2_q;
  always_ff @(posedge clk_i) begin
    lost_1_q <= rx_lost;
    lost_2_q <= lost_1_q;
    up_1_q   <= rx_up_i && rx_rst_ni;
    up_2_q   <= up_1_q;
    rx_dropped_o <= from_gray(lost_2_q);
    tx_dropped_o <= from_gray(tx_lost);
  end
  assign link_o = up_2_q;

`ifndef SYNTHESIS
  a_rx_ready: assert property (@(posedge rx_clk_i) disable iff (!rx_rst_ni) rx_ready);
`endif
endmodule
