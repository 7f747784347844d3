// SPDX-License-Identifier: BSD-3-Clause
// The three resets (docs/device.md, 10), one at a time. A card reset first takes the host interface away and waits
// until no DMA is under way, so that no burst is ever cut off; asked for by the firmware, it first lets the answer to
// the command that asked get to the host. What the host asks for meanwhile waits, each kind once: first a card reset,
// which does the work of the others.
`default_nettype none
module sl_reset (
  input  wire logic        clk_i,
  input  wire logic        rst_ni,
  input  wire logic        host_valid_i,     // from bar.RESET
  input  wire logic [31:0] host_kind_i,
  input  wire logic        core_valid_i,     // from mgmt.RESET
  input  wire logic [31:0] core_kind_i,
  input  wire logic        answering_i,      // an admin completion is on its way
  input  wire logic        dma_i,            // DMA for queues is under way
  output logic             host_if_o,        // pulse
  output logic             card_no,          // reset of the datapath and the queues' engines: a register
  output logic             restart_o,        // pulse: the management core starts again, for this reason
  output logic [1:0]       cause_o,
  output logic             busy_o,           // bar.RESET is not 0
  output logic             restarting_o      // and the management core will start again
);
  localparam logic [2:0] IDLE = 3'd0, ANSWER = 3'd1, STOP = 3'd2, DRAIN = 3'd3, HOLD = 3'd4, START = 3'd5;
  logic [2:0] state_q;
  logic [1:0] kind_q;
  logic [3:0] hold_q;
  logic       dma_q, drain_q;   // dma_i; DRAIN, both a clock ago
  logic       core_q;       // the firmware's request, until it has its turn
  logic [1:0] core_kind_q;
  logic [3:1] host_q, host_new, host_done;   // the host's, by kind
  logic [1:0] host_kind;

  logic       hold;         // HOLD is next

  assign hold      = state_q == DRAIN && drain_q && !dma_q && kind_q == 2'(sl_pkg::RESET_KIND_CARD);
  assign host_if_o = state_q == STOP;
  assign restart_o = state_q == START;
  assign cause_o   = kind_q;
  assign busy_o    = state_q != IDLE || core_q || host_q != '0;
  assign restarting_o = core_q || host_q[sl_pkg::RESET_KIND_FIRMWARE] || host_q[sl_pkg::RESET_KIND_CARD]
                        || (state_q != IDLE && kind_q != 2'(sl_pkg::RESET_KIND_HOST_IF));

  function automatic logic [2:0] first(input logic [31:0] kind, input logic core);
    first = IDLE;
    if (kind == 32'(sl_pkg::RESET_KIND_HOST_IF) && !core) first = STOP;
    if (kind == 32'(sl_pkg::RESET_KIND_FIRMWARE))         first = START;
    if (kind == 32'(sl_pkg::RESET_KIND_CARD))             first = core ? ANSWER : STOP;
  endfunction

  always_comb begin
    host_kind = 2'd0;
    for (int k = 1; k <= 3; k++) begin
      host_new[k] = host_valid_i && host_kind_i == k;
      if (host_q[k] && !host_q[sl_pkg::RESET_KIND_CARD] && host_kind == 2'd0) host_kind = 2'(k);
    end
    if (host_q[sl_pkg::RESET_KIND_CARD]) host_kind = 2'(sl_pkg::RESET_KIND_CARD);
    host_done = '0;
    if (state_q == IDLE && host_kind == 2'(sl_pkg::RESET_KIND_CARD)) host_done = '1;
    else if (state_q == IDLE && host_kind != 2'd0) host_done[host_kind] = 1'b1;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= IDLE;
      host_q  <= '0;
      kind_q  <= '0;
      hold_q  <= '0;
      core_q  <= 1'b0;
      dma_q   <= 1'b0;
      drain_q <= 1'b0;
      card_no <= 1'b0;
    end else begin
      dma_q   <= dma_i;
      drain_q <= state_q == DRAIN;
      card_no <= !hold && (state_q != HOLD || hold_q == 4'd15);
      hold_q <= hold_q + 4'd1;
      host_q <= (host_q & ~host_done) | host_new;
      if (core_valid_i) begin
        core_q      <= 1'b1;
        core_kind_q <= core_kind_i > 32'd3 ? 2'd0 : core_kind_i[1:0];
      end else if (state_q == IDLE && host_q == '0) begin
        core_q <= 1'b0;
      end
      case (state_q)
        IDLE: begin
          if (host_q != '0) begin
            state_q <= first(32'(host_kind), 1'b0);
            kind_q  <= host_kind;
          end else if (core_q) begin
            state_q <= first(32'(core_kind_q), 1'b1);
            kind_q  <= core_kind_q;
          end
        end
        ANSWER: if (!answering_i) state_q <= STOP;
        STOP: state_q <= DRAIN;
        DRAIN: begin
          hold_q <= '0;
          if (hold)                   state_q <= HOLD;
          else if (drain_q && !dma_q) state_q <= IDLE;
        end
        HOLD: if (hold_q == 4'd15) state_q <= START;
        default: state_q <= IDLE;
      endcase
    end
  end

`ifndef SYNTHESIS
  a_card: assert property (@(posedge clk_i) disable iff (!rst_ni) state_q == HOLD |-> !card_no);
  a_card_back: assert property (@(posedge clk_i) disable iff (!rst_ni) state_q != HOLD |=> card_no || state_q == HOLD);
  a_drained: assert property (@(posedge clk_i) disable iff (!rst_ni) state_q == HOLD |-> !dma_i);
  a_stopped_first: assert property (@(posedge clk_i) disable iff (!rst_ni)
    state_q == HOLD && $past(state_q) != HOLD |-> $past(state_q) == DRAIN);
  a_pulse: assert property (@(posedge clk_i) disable iff (!rst_ni) host_if_o |=> !host_if_o);
  a_restart: assert property (@(posedge clk_i) disable iff (!rst_ni)
    restart_o |-> kind_q == 2'(sl_pkg::RESET_KIND_FIRMWARE) || kind_q == 2'(sl_pkg::RESET_KIND_CARD));
  a_told: assert property (@(posedge clk_i) disable iff (!rst_ni) restart_o |-> restarting_o && $past(restarting_o));
  a_answered: assert property (@(posedge clk_i) disable iff (!rst_ni)
    state_q == STOP && $past(state_q) == ANSWER |-> !$past(answering_i));
`endif
endmodule
