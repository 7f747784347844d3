// SPDX-License-Identifier: BSD-3-Clause
// The admin queue (docs/device.md, 8) and the mailbox behind it: one command at a time from the ring to the management
// core, its answer back as a completion. A host interface reset forgets a command that the core has not looked at; the
// answer to one that it has is awaited and thrown away. A core that restarts answers with ABORTED.
`default_nettype none
module sl_adminq (
  input  wire logic          clk_i,
  input  wire logic          rst_ni,
  input  wire logic          reset_i,        // host interface reset
  input  wire logic          restart_i,      // the core starts again
  input  wire logic          serving_i,      // it takes commands
  // sl_mgmt: the mailbox's registers.
  input  wire logic [5:0]    index_i,
  input  wire logic          req_read_i,
  output logic [31:0]        req_word_o,
  output logic [31:0]        rsp_word_o,
  input  wire logic          rsp_write_i,
  input  wire logic [31:0]   rsp_data_i,
  input  wire logic          answer_i,       // MBOX_DONE
  output logic               pending_o,
  output logic               done_o,         // an answer is on its way to the ring
  // sl_queue.
  input  wire logic          en_i,
  input  wire logic          ready_i,
  input  wire logic [63:0]   sq_addr_i,
  input  wire logic [14:0]   sq_head_i,
  output logic               consume_o,
  output logic               fail_o,
  output logic               active_o,
  output logic               cpl_valid_o,
  input  wire logic          cpl_ready_i,
  output logic [2047:0]      cpl_data_o,
  // sl_dma_rd.
  output logic               rd_valid_o,
  input  wire logic          rd_ready_i,
  output logic [63:0]        rd_addr_o,
  output logic [13:0]        rd_len_o,
  input  wire logic          rd_rsp_valid_i,
  input  wire logic [511:0]  rd_rsp_data_i,
  input  wire logic          rd_rsp_last_i,
  input  wire logic          rd_rsp_err_i,
  output logic               busy_o
);
  localparam logic [1:0] IDLE = 2'd0, REQ = 2'd1, WAIT = 2'd2, TAKE = 2'd3;
  localparam logic [31:0] ANSWER_MAX = 32'd232;

  logic [1:0]    state_q, beat_q;
  logic          err_q, full_q, looked_q, discard_q, done_q, abort_q, dead_q, submit;
  logic          told_q;           // done_q a clock ago: ready_i may not know of the answer yet
  logic [2047:0] req_q, rsp_q;
  logic [31:0]   len;

  assign rd_valid_o = state_q == REQ;
  assign rd_addr_o  = sq_addr_i + (64'(sq_head_i) << 8);
  assign rd_len_o   = 14'd256;
  assign fail_o     = state_q == TAKE && err_q;
  assign submit     = state_q == TAKE && !err_q && en_i;
  assign consume_o  = submit;
  assign active_o   = state_q != IDLE;
  assign pending_o  = full_q && !discard_q;
  assign done_o     = done_q;
  assign req_word_o = req_q[32*index_i +: 32];
  assign rsp_word_o = rsp_q[32*index_i +: 32];

  assign len         = rsp_q[31:0] > ANSWER_MAX ? ANSWER_MAX : rsp_q[31:0];
  assign cpl_valid_o = done_q && !dead_q && en_i;
  assign cpl_data_o  = abort_q
    ? {1968'd0, 1'b0, sq_head_i, req_q[7:0], sl_pkg::STATUS_ABORTED, req_q[31:16], 32'd0}
    : {rsp_q[2047:80], 1'b0, sq_head_i, req_q[7:0], rsp_q[55:48], req_q[31:16], len};

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q   <= IDLE;
      full_q    <= 1'b0;
      looked_q  <= 1'b0;
      discard_q <= 1'b0;
      done_q    <= 1'b0;
      abort_q   <= 1'b0;
      dead_q    <= 1'b0;
      rsp_q     <= '0;
    end else begin
      case (state_q)
        IDLE: if (ready_i && serving_i && !full_q && !done_q && !told_q) state_q <= REQ;
        REQ:  if (rd_ready_i) state_q <= WAIT;
        WAIT: if (rd_rsp_valid_i && rd_rsp_last_i) state_q <= TAKE;
        default: state_q <= IDLE;
      endcase
      if (!en_i) dead_q <= 1'b1;
      if (req_read_i) looked_q <= full_q;
      if (rsp_write_i) rsp_q[32*index_i +: 32] <= rsp_data_i;
      if (done_q && (dead_q || (en_i && cpl_ready_i))) done_q <= 1'b0;
      if (submit) begin
        full_q   <= 1'b1;
        looked_q <= 1'b0;
        dead_q   <= 1'b0;
        rsp_q    <= '0;
      end
      if (full_q && (answer_i || restart_i)) begin
        full_q    <= 1'b0;
        discard_q <= 1'b0;
        done_q    <= !discard_q;
        abort_q   <= restart_i;
      end
      if (reset_i) begin
        done_q    <= 1'b0;
        discard_q <= full_q && looked_q && !answer_i && !restart_i;
        full_q    <= full_q && looked_q && !answer_i && !restart_i;
      end
    end
    told_q <= done_q;
    if (state_q == IDLE) begin
      beat_q <= '0;
      err_q  <= 1'b0;
    end
    if (rd_rsp_valid_i) begin
      req_q[512*beat_q +: 512] <= rd_rsp_data_i;
      beat_q <= beat_q + 2'd1;
      if (rd_rsp_last_i && rd_rsp_err_i) err_q <= 1'b1;
    end
  end
  assign busy_o = state_q != IDLE || done_q || told_q || (ready_i && serving_i && !full_q);

`ifndef SYNTHESIS
  a_empty: assert property (@(posedge clk_i) disable iff (!rst_ni) rd_rsp_valid_i |-> !full_q && !done_q);
  a_commanded: assert property (@(posedge clk_i) disable iff (!rst_ni) $rose(done_q) |-> $past(full_q));
`endif
endmodule
