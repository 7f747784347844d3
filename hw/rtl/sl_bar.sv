// SPDX-License-Identifier: BSD-3-Clause
// BAR 0 (docs/device.md, 1): an AXI4-Lite slave for the host. Global registers are here, those of queues and the
// doorbells in the five sl_queue. A write is taken at once, whatever the card waits for: on PCIe it is posted, and the
// answers to the card's own reads may wait behind it. A read of Q_CTRL is held while its queue is being drained, reads
// of queues while a reset is under way; writes to queues then do nothing.
`default_nettype none
module sl_bar #(
  parameter int unsigned NPORTS = 2
) (
  input  wire logic         clk_i,
  input  wire logic         rst_ni,
  input  wire logic         s_axil_awvalid,
  output logic              s_axil_awready,
  input  wire logic [15:0]  s_axil_awaddr,
  input  wire logic         s_axil_wvalid,
  output logic              s_axil_wready,
  input  wire logic [31:0]  s_axil_wdata,
  output logic              s_axil_bvalid,
  input  wire logic         s_axil_bready,
  output logic [1:0]        s_axil_bresp,
  input  wire logic         s_axil_arvalid,
  output logic              s_axil_arready,
  input  wire logic [15:0]  s_axil_araddr,
  output logic              s_axil_rvalid,
  input  wire logic         s_axil_rready,
  output logic [31:0]       s_axil_rdata,
  output logic [1:0]        s_axil_rresp,
  // To the queues: one bit per kind (admin, event, flow, rx, tx).
  output logic [4:0]        bar_valid_o,
  output logic              bar_write_o,
  output logic              bar_db_o,
  output logic [3:0]        bar_number_o,    // within its kind
  output logic [2:0]        bar_reg_o,
  output logic [31:0]       bar_data_o,
  input  wire logic [4:0]   bar_ready_i,
  input  wire logic [159:0] bar_data_i,
  // To sl_irq: Q_HOLDOFF of one vector.
  output logic              holdoff_set_o,
  output logic [5:0]        holdoff_number_o,
  input  wire logic [15:0]  holdoff_i,
  // What the global registers show.
  input  wire logic [2:0]   status_i,
  input  wire logic [31:0]  heartbeat_i,
  input  wire logic [31:0]  time_ms_i,
  input  wire logic [31:0]  events_lost_i,
  input  wire logic         host_if_i,       // host interface reset
  input  wire logic         resetting_i,
  output logic              reset_o,         // write to RESET
  output logic [31:0]       reset_kind_o,
  output logic              busy_o
);
  logic        write, read, take, is_reg, is_holdoff, is_db, is_reset, held;
  logic [15:0] addr;
  logic [5:0]  number;
  logic [4:0]  kind;
  logic [63:0] none_q;       // of queues that do not exist: enabling was refused
  logic        none;

  // Writes first; one access at a time.
  assign write    = s_axil_awvalid && s_axil_wvalid && !s_axil_bvalid;
  assign read     = s_axil_arvalid && !s_axil_rvalid && !write;
  assign addr     = write ? s_axil_awaddr : s_axil_araddr;
  assign is_reg   = addr[15:12] == 4'h1 && !addr[5];
  assign is_holdoff = addr[15:12] == 4'h1 && addr[5:2] == 4'h8 && kind != '0;
  assign is_db    = addr[15:9] == 7'h20;
  assign is_reset = addr == 16'h0014;
  assign number   = is_db ? addr[8:3] : addr[11:6];
  always_comb begin
    kind = '0;
    bar_number_o = number[3:0];
    if (number == 6'(sl_pkg::QUEUE_ADMIN)) kind[0] = 1'b1;
    if (number == 6'(sl_pkg::QUEUE_EVENT)) begin
      kind[1] = 1'b1;
      bar_number_o = '0;
    end
    if (number >= 6'(sl_pkg::QUEUE_FLOW0) && number < 6'(sl_pkg::QUEUE_FLOW0 + sl_pkg::FLOW_QUEUES)) begin
      kind[2] = 1'b1;
      bar_number_o = 4'(number - 6'(sl_pkg::QUEUE_FLOW0));
    end
    if (number >= 6'(sl_pkg::QUEUE_RX0) && number < 6'(sl_pkg::QUEUE_RX0 + sl_pkg::RX_QUEUES)) begin
      kind[3] = 1'b1;
      bar_number_o = 4'(number - 6'(sl_pkg::QUEUE_RX0));
    end
    if (number >= 6'(sl_pkg::QUEUE_TX0) && number < 6'(sl_pkg::QUEUE_TX0 + sl_pkg::TX_QUEUES)) begin
      kind[4] = 1'b1;
      bar_number_o = 4'(number - 6'(sl_pkg::QUEUE_TX0));
    end
  end
  assign none        = is_reg && kind == '0;
  assign held        = (is_reg || is_db) && ((kind & ~bar_ready_i) != '0 || resetting_i);
  assign take        = write || (read && !held);
  assign bar_valid_o = take && (is_reg || is_db) && !resetting_i ? kind : '0;
  assign bar_write_o = write;
  assign bar_db_o    = is_db;
  assign bar_reg_o   = is_db ? {2'd0, addr[2]} : addr[4:2];
  assign bar_data_o  = s_axil_wdata;
  assign holdoff_set_o    = take && write && is_holdoff && !resetting_i;
  assign holdoff_number_o = number;
  assign reset_o      = take && write && is_reset;
  assign reset_kind_o = s_axil_wdata;

  assign s_axil_awready = take && write;
  assign s_axil_wready  = take && write;
  assign s_axil_arready = take && read;
  assign s_axil_bresp   = 2'b00;
  assign s_axil_rresp   = 2'b00;

  logic [31:0] value;
  always_comb begin
    value = '0;
    for (int k = 0; k < 5; k++) if ((is_reg || is_db) && kind[k]) value = bar_data_i[32*k +: 32];
    if (is_holdoff) value = 32'(holdoff_i);
    if (none && addr[4:2] == 3'd6 && none_q[number]) value = 32'(sl_pkg::STATUS_BAD_VALUE);
    case (addr)
      16'h0000: value = 32'(sl_pkg::CARD_ID);
      16'h0004: value = 32'(sl_pkg::ABI_VERSION);
      16'h0008: value = 32'(status_i);
      16'h000c: value = heartbeat_i;
      16'h0010: value = 32'(NPORTS);
      16'h0014: value = 32'(resetting_i);
      16'h0018: value = time_ms_i;
      16'h001c: value = events_lost_i;
      default: ;
    endcase
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      s_axil_bvalid <= 1'b0;
      s_axil_rvalid <= 1'b0;
      none_q        <= '0;
    end else begin
      if (s_axil_bready) s_axil_bvalid <= 1'b0;
      if (s_axil_rready) s_axil_rvalid <= 1'b0;
      if (take && write) s_axil_bvalid <= 1'b1;
      if (take && read)  s_axil_rvalid <= 1'b1;
      if (host_if_i) none_q <= '0;
      else if (take && write && none && addr[4:2] == 3'd5 && s_axil_wdata[0]) none_q[number] <= 1'b1;
    end
    if (take && read) s_axil_rdata <= value;
  end
  assign busy_o = s_axil_awvalid || s_axil_wvalid || s_axil_arvalid || s_axil_bvalid || s_axil_rvalid;

`ifndef SYNTHESIS
  a_posted: assert property (@(posedge clk_i) disable iff (!rst_ni) write |-> s_axil_awready && s_axil_wready);
  a_b_stable: assert property (@(posedge clk_i) disable iff (!rst_ni)
    s_axil_bvalid && !s_axil_bready |=> s_axil_bvalid);
  a_r_stable: assert property (@(posedge clk_i) disable iff (!rst_ni)
    s_axil_rvalid && !s_axil_rready |=> s_axil_rvalid && $stable(s_axil_rdata));
`endif
endmodule
