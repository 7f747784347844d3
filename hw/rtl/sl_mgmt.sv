// SPDX-License-Identifier: BSD-3-Clause
// The management core's own block (include/contract/registers.yaml, "mgmt"): an AXI4-Lite slave for the processor. What
// only a processor can do (to sleep, to print, to start again) leaves as a pulse. Survives a card reset; what it counts
// of lost frames begins anew then. The watchdog watches the heartbeat: silence shows in bar.STATUS, and if it goes
// on the core starts again, unless it has halted for good (SLEEP without an end). The boot flash (FLASH_*) is the
// board's.
`default_nettype none
module sl_mgmt #(
  parameter int unsigned NPORTS = 2
) (
  input  wire logic               clk_i,
  input  wire logic               rst_ni,           // power-on
  input  wire logic [31:0]        time_ms_i,
  input  wire logic               s_axil_awvalid,
  output logic                    s_axil_awready,
  input  wire logic [11:0]        s_axil_awaddr,
  input  wire logic               s_axil_wvalid,
  output logic                    s_axil_wready,
  input  wire logic [31:0]        s_axil_wdata,
  output logic                    s_axil_bvalid,
  input  wire logic               s_axil_bready,
  output logic [1:0]              s_axil_bresp,
  input  wire logic               s_axil_arvalid,
  output logic                    s_axil_arready,
  input  wire logic [11:0]        s_axil_araddr,
  output logic                    s_axil_rvalid,
  input  wire logic               s_axil_rready,
  output logic [31:0]             s_axil_rdata,
  output logic [1:0]              s_axil_rresp,
  // The board.
  input  wire logic [NPORTS-1:0]  link_i,
  input  wire logic [64*NPORTS-1:0] port_i,         // MTU in 63:48, factory MAC in 47:0, byte 0 lowest
  input  wire logic [31:0]        random_i,         // a new word every clock
  // The processor.
  output logic                    wake_o,           // PENDING is not 0
  output logic                    sleep_o,
  output logic                    console_o,
  output logic [31:0]             data_o,           // with either
  // Resets.
  input  wire logic               host_if_i,
  input  wire logic               restart_i,
  input  wire logic [1:0]         cause_i,
  output logic                    reset_o,
  output logic [31:0]             reset_kind_o,
  // The mailbox (sl_adminq) and events (sl_eventq).
  output logic [5:0]              mbox_index_o,
  output logic                    mbox_read_o,
  input  wire logic [31:0]        mbox_req_i,
  input  wire logic [31:0]        mbox_rsp_i,
  output logic                    mbox_write_o,
  output logic                    mbox_done_o,
  input  wire logic               mbox_pending_i,
  output logic                    event_push_o,
  output logic [255:0]            event_o,
  // Frames that the host did not get.
  input  wire logic               no_host_i,
  input  wire logic               host_full_i,
  input  wire logic [13:0]        drop_len_i,
  // For bar.
  output logic [2:0]              status_o,
  output logic [31:0]             heartbeat_o
);
  localparam logic [12:0] WATCHDOG_MS = 13'd1000, RESTART_MS = 13'd5000;   // of silence: told; ended
  localparam logic [31:0] FOR_EVER = 32'hffff_ffff;
  localparam logic [31:0] COUNTED_MS = 32'd50;      // most silence that one step of time adds

  logic        write, read;
  logic [11:0] addr;
  logic [1:0]  status_q, cause_q;
  logic [31:0] boots_q, time_q, seen_q, step;
  logic [63:0] no_host_q, no_host_bytes_q, full_q, full_bytes_q;
  logic [31:0] drops_hi_q;  // of the one of these four that was read last
  logic [31:0] slot_q, hangs_q;
  logic [12:0] silent_q, silent_d;
  logic        hif_q, link_changed_q, halted_q, silent, dog;
  logic [NPORTS-1:0] link_q;
  logic [255:0] event_q;
  logic [2:0]  pending;

  assign write = s_axil_awvalid && s_axil_wvalid && !s_axil_bvalid;
  assign read  = s_axil_arvalid && !s_axil_rvalid && !write;
  assign addr  = write ? s_axil_awaddr : s_axil_araddr;
  assign s_axil_awready = write;
  assign s_axil_wready  = write;
  assign s_axil_arready = read;
  assign s_axil_bresp   = 2'b00;
  assign s_axil_rresp   = 2'b00;

  assign pending      = {link_changed_q, hif_q, mbox_pending_i};
  assign wake_o       = pending != '0;
  assign mbox_index_o = addr[7:2];
  assign mbox_read_o  = read && addr[11:8] == 4'h1;
  assign mbox_write_o = write && addr[11:8] == 4'h2;
  assign mbox_done_o  = write && addr == 12'h080;
  assign event_push_o = write && addr == 12'h084;
  assign event_o      = event_q;
  assign sleep_o      = write && addr == 12'h00c;
  assign console_o    = write && addr == 12'h028;
  assign reset_o      = dog || (write && addr == 12'h024);
  assign reset_kind_o = dog ? 32'(sl_pkg::RESET_KIND_FIRMWARE) : s_axil_wdata;
  assign silent       = silent_q >= WATCHDOG_MS;
  assign dog          = silent_q == RESTART_MS && !halted_q && !restart_i;
  assign data_o       = s_axil_wdata;
  assign status_o     = {silent, status_q};

  logic [31:0] value;
  always_comb begin
    value = '0;
    case (addr[11:8])
      4'h0: begin
        case (addr[7:0])
          8'h00: value = 32'(sl_pkg::CARD_ID);
          8'h04: value = time_ms_i;
          8'h08: value = 32'(pending);
          8'h10: value = 32'(status_q);
          8'h14: value = heartbeat_o;
          8'h18: value = 32'(cause_q);
          8'h1c: value = boots_q;
          8'h20: value = random_i;
          8'h30: value = 32'(link_q);
          8'h34: value = 32'(NPORTS);
          8'h88: value = no_host_q[31:0];
          8'h8c: value = no_host_bytes_q[31:0];
          8'h90: value = full_q[31:0];
          8'h94: value = full_bytes_q[31:0];
          8'h98: value = drops_hi_q;
          8'hc8: value = slot_q;
          8'hcc: value = hangs_q;
          default: begin
            for (int p = 0; p < NPORTS; p++)
              if (addr[7:3] == 5'(8 + p)) value = addr[2] ? port_i[64*p + 32 +: 32] : port_i[64*p +: 32];
            for (int i = 0; i < 8; i++) if (addr[7:2] == 6'(40 + i)) value = event_q[32*i +: 32];
          end
        endcase
      end
      4'h1: value = mbox_req_i;
      4'h2: value = mbox_rsp_i;
      default: value = '0;
    endcase
  end
  assign step = time_ms_i - time_q;
  always_comb begin
    silent_d = silent_q + (step > COUNTED_MS ? 13'(COUNTED_MS) : step[12:0]);
    if (silent_d > RESTART_MS) silent_d = RESTART_MS;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      s_axil_bvalid   <= 1'b0;
      s_axil_rvalid   <= 1'b0;
      status_q        <= '0;
      cause_q         <= '0;
      boots_q         <= 32'd1;
      no_host_q       <= '0;
      no_host_bytes_q <= '0;
      full_q          <= '0;
      full_bytes_q    <= '0;
      drops_hi_q      <= '0;
      time_q          <= time_ms_i;
      seen_q          <= '0;
      silent_q        <= '0;
      slot_q          <= 32'(sl_pkg::SLOT_NONE);
      hangs_q         <= '0;
      halted_q        <= 1'b0;
      hif_q           <= 1'b0;
      link_changed_q  <= 1'b0;
      link_q          <= link_i;
      event_q         <= '0;
      heartbeat_o     <= '0;
    end else begin
      if (s_axil_bready) s_axil_bvalid <= 1'b0;
      if (s_axil_rready) s_axil_rvalid <= 1'b0;
      if (write) s_axil_bvalid <= 1'b1;
      if (read)  s_axil_rvalid <= 1'b1;
      if (write && addr == 12'h010) status_q    <= s_axil_wdata[1:0];
      if (write && addr == 12'h014) heartbeat_o <= s_axil_wdata;
      if (write && addr == 12'h02c) hif_q       <= 1'b0;
      if (write && addr == 12'h0c8) slot_q      <= s_axil_wdata;
      if (write || read) halted_q <= sleep_o && s_axil_wdata == FOR_EVER;
      if (write) for (int i = 0; i < 8; i++) if (addr == 12'(32'h0a0 + 4*i)) event_q[32*i +: 32] <= s_axil_wdata;
      if (host_if_i) hif_q <= 1'b1;
      if (read && addr == 12'h030) link_changed_q <= 1'b0;
      link_q <= link_i;
      if (link_i != link_q) link_changed_q <= 1'b1;
      if (no_host_i) begin
        no_host_q       <= no_host_q + 64'd1;
        no_host_bytes_q <= no_host_bytes_q + 64'(drop_len_i);
      end
      if (host_full_i) begin
        full_q       <= full_q + 64'd1;
        full_bytes_q <= full_bytes_q + 64'(drop_len_i);
      end
      if (read) begin
        case (addr)
          12'h088: drops_hi_q <= no_host_q[63:32];
          12'h08c: drops_hi_q <= no_host_bytes_q[63:32];
          12'h090: drops_hi_q <= full_q[63:32];
          12'h094: drops_hi_q <= full_bytes_q[63:32];
          default: ;
        endcase
      end
      time_q <= time_ms_i;
      if (heartbeat_o != seen_q) begin
        seen_q   <= heartbeat_o;
        silent_q <= '0;
      end else begin
        silent_q <= silent_d;
      end
      if (dog) silent_q <= '0;
      if (dog || (restart_i && silent && !halted_q)) hangs_q <= hangs_q + 32'd1;   // a start that ends a hang
      if (restart_i) begin
        slot_q   <= 32'(sl_pkg::SLOT_NONE);
        halted_q <= 1'b0;
        status_q <= '0;
        cause_q  <= cause_i;
        boots_q  <= boots_q + 32'd1;
        silent_q <= '0;
      end
      if (restart_i && cause_i == 2'(sl_pkg::RESET_KIND_CARD)) begin
        no_host_q       <= '0;
        no_host_bytes_q <= '0;
        full_q          <= '0;
        full_bytes_q    <= '0;
      end
    end
    if (read) s_axil_rdata <= value;
  end

`ifndef SYNTHESIS
  a_b_stable: assert property (@(posedge clk_i) disable iff (!rst_ni)
    s_axil_bvalid && !s_axil_bready |=> s_axil_bvalid);
  a_r_stable: assert property (@(posedge clk_i) disable iff (!rst_ni)
    s_axil_rvalid && !s_axil_rready |=> s_axil_rvalid && $stable(s_axil_rdata));
  a_wake: assert property (@(posedge clk_i) disable iff (!rst_ni) mbox_pending_i |-> wake_o);
  a_host_if: assert property (@(posedge clk_i) disable iff (!rst_ni) host_if_i |=> hif_q);
  a_one_pulse: assert property (@(posedge clk_i) disable iff (!rst_ni)
    $countones({sleep_o, console_o, reset_o && !dog, mbox_done_o, event_push_o, mbox_write_o}) <= 1);
  a_silence: assert property (@(posedge clk_i) disable iff (!rst_ni) silent_q <= RESTART_MS);
  a_dog: assert property (@(posedge clk_i) disable iff (!rst_ni) dog |=> !dog);
  a_restarted: assert property (@(posedge clk_i) disable iff (!rst_ni) restart_i |=> status_o == '0);
`endif
endmodule
