// SPDX-License-Identifier: BSD-3-Clause
// The contexts of all queues of one kind (docs/device.md, 2 to 4): registers, doorbells, indexes, phase, interrupt
// arming, and the writing of completions. What the entries mean is the business of the engine beside it.
//
// A queue that has stopped may still have work under way: its engine says so (active_i), or completions are not yet
// acknowledged. Until that has ended a read of its Q_CTRL is held (bar_ready_o), so a driver that reads bit 0 as 0
// knows that nothing of it is touched any more, and a queue that is enabled again starts only then (start_q). A write
// is never held: on PCIe it is posted, and the answers to our own reads may wait behind it.
//
//   cq_head ── consumed by the host    cq_done ── acknowledged by memory: interrupts look at this one
//   cq_tail ── issued: room and the check of the CQ_HEAD doorbell look at this one (the host may be faster than the
//              acknowledgement)
//   owed_q  ── issued and not acknowledged: as the host may be faster, as many as a ring's size or more
`default_nettype none
module sl_queue #(
  parameter int unsigned N = 16,
  parameter int unsigned NL = 4,            // log2 of N, at least 1
  parameter int unsigned CQ_LOG2 = 5,       // log2 of a completion's bytes
  parameter bit          HAS_SQ = 1'b1,
  parameter bit          HAS_PORT = 1'b1,
  parameter bit          AHEAD = 1'b0,      // submissions are fetched ahead: a driver that laps the ring is not seen
  parameter int unsigned CPL_LOG2 = 1,      // log2 of the completions that wait for sl_dma_wr
  parameter int unsigned ACK_LOG2 = 4,      // log2 of those not acknowledged
  parameter int unsigned NPORTS = 2
) (
  input  wire logic                        clk_i,
  input  wire logic                        rst_ni,
  input  wire logic                        reset_i,         // host interface reset
  // From sl_bar: one access, taken when ready.
  input  wire logic                        bar_valid_i,
  input  wire logic                        bar_write_i,
  input  wire logic                        bar_db_i,        // a doorbell; bar_reg_i is 0 for SQ_TAIL, 1 for CQ_HEAD
  input  wire logic [NL-1:0]               bar_number_i,
  input  wire logic [2:0]                  bar_reg_i,       // Q_SQ_LO .. Q_IRQ
  input  wire logic [31:0]                 bar_data_i,
  output logic                             bar_ready_o,
  output logic [31:0]                      bar_data_o,
  // To the engine: the selected queue, and bits of all.
  input  wire logic [NL-1:0]               sel_i,
  output logic                             en_o,
  output logic [63:0]                      sq_addr_o,
  output logic [14:0]                      sq_head_o,
  output logic [14:0]                      sq_mask_o,
  output logic [14:0]                      pending_o,
  output logic [14:0]                      room_o,
  output logic [2:0]                       port_o,
  output logic [N-1:0]                     en_all_o,
  output logic [3*N-1:0]                   port_all_o,
  // (Of the last clock: what was consumed or completed since is not in them.)
  output logic [N-1:0]                     ready_o,         // has submissions and room
  output logic [N-1:0]                     room_all_o,      // a completion has room
  output logic [15*N-1:0]                  tail_all_o,
  // To whoever fetches submissions ahead.
  input  wire logic [NL-1:0]               fetch_i,
  output logic [63:0]                      fetch_addr_o,
  output logic [14:0]                      fetch_mask_o,
  // From the engine.
  input  wire logic                        consume_i,
  input  wire logic [NL-1:0]               consume_queue_i,
  input  wire logic [4:0]                  consume_n_i,
  input  wire logic                        fail_i,
  input  wire logic [NL-1:0]               fail_queue_i,
  input  wire logic [7:0]                  fail_status_i,
  input  wire logic [N-1:0]                active_i,        // DMA of its entries or buffers is under way
  // Completions; of a queue that is not enabled they are dropped.
  input  wire logic                        cpl_valid_i,
  output logic                             cpl_ready_o,
  input  wire logic [NL-1:0]               cpl_queue_i,
  input  wire logic [(8<<CQ_LOG2)-1:0]     cpl_data_i,      // the phase is filled in here
  output logic [14:0]                      cpl_head_o,      // first submission of that queue not consumed
  // A client of sl_dma_wr.
  output logic                             wr_valid_o,
  input  wire logic                        wr_ready_i,
  output logic [63:0]                      wr_addr_o,
  output logic [13:0]                      wr_len_o,
  output logic [511:0]                     wr_data_o,
  input  wire logic                        wr_pop_i,
  input  wire logic                        b_valid_i,
  input  wire logic                        b_err_i,
  output logic [N-1:0]                     raise_o,         // interrupts
  output logic                             busy_o           // completions or interrupts under way
);
  localparam int unsigned BITS = 8 << CQ_LOG2;
  localparam int unsigned BEATS = (CQ_LOG2 > 6) ? (1 << (CQ_LOG2 - 6)) : 1;
  localparam logic [2:0] REG_SIZE = 3'd4, REG_CTRL = 3'd5, REG_STATUS = 3'd6, REG_IRQ = 3'd7;

  logic [N-1:0] en_q, armed_q, phase_q, start_q, drained, start;   // start_q: enabled, and not yet drained
  (* mem2reg *) logic [31:0]  sq_lo_q [0:N-1], sq_hi_q [0:N-1], cq_lo_q [0:N-1], cq_hi_q [0:N-1], size_q [0:N-1];
  (* mem2reg *) logic [7:0]   port_q [0:N-1], status_q [0:N-1];
  (* mem2reg *) logic [3:0]   cq_log2_q [0:N-1];  // of this life: acknowledged perhaps when the next is set up
  (* mem2reg *) logic [14:0]  sq_head_q [0:N-1], sq_tail_q [0:N-1];
  (* mem2reg *) logic [14:0]  cq_head_q [0:N-1], cq_tail_q [0:N-1], cq_done_q [0:N-1];
  (* mem2reg *) logic [ACK_LOG2:0] owed_q [0:N-1];

  function automatic logic [14:0] mask(input logic [3:0] log2);
    mask = (15'd1 << log2) - 15'd1;   // 15 gives all ones
  endfunction

  // The BAR's access.
  logic [NL-1:0] bn;
  logic [14:0]   b_cq_mask, b_sq_mask;
  logic          b_take, b_ctrl, b_idle, good, enable, disable_it, set_irq, db_tail, db_head, db_bad;
  assign bn         = bar_number_i;
  assign b_cq_mask  = mask(size_q[bn][11:8]);
  assign b_sq_mask  = mask(size_q[bn][3:0]);
  assign b_take     = bar_valid_i && bar_write_i;
  assign b_ctrl     = !bar_db_i && bar_reg_i == REG_CTRL;
  assign b_idle     = !en_q[bn] && !start_q[bn];
  assign bar_ready_o = bar_write_i || !b_ctrl || en_q[bn] || (drained[bn] && !start_q[bn]);
  always_comb for (int i = 0; i < N; i++) drained[i] = !active_i[i] && owed_q[i] == '0;
  assign start      = start_q & drained;

  function automatic logic size_good(input logic [7:0] log2);
    size_good = log2 >= 8'(sl_pkg::QUEUE_LOG2_MIN) && log2 <= 8'(sl_pkg::QUEUE_LOG2_MAX);
  endfunction
  always_comb begin
    good = size_good(size_q[bn][15:8]) && cq_lo_q[bn][11:0] == 12'd0;
    if (HAS_SQ && (!size_good(size_q[bn][7:0]) || sq_lo_q[bn][11:0] != 12'd0 || size_q[bn][7:0] > size_q[bn][15:8]))
      good = 1'b0;
    if (HAS_PORT && 32'(bar_data_i[15:8]) >= NPORTS) good = 1'b0;
  end
  assign enable     = b_take && b_ctrl && b_idle && bar_data_i[0];
  assign disable_it = b_take && b_ctrl && !b_idle && !bar_data_i[0];
  assign set_irq = b_take && !bar_db_i && bar_reg_i == REG_IRQ && en_q[bn];
  assign db_tail = b_take && bar_db_i && bar_reg_i == 3'd0 && en_q[bn];
  assign db_head = b_take && bar_db_i && bar_reg_i == 3'd1 && en_q[bn];
  logic [14:0]   consumed, written;
  assign consumed = (bar_data_i[14:0] - cq_head_q[bn]) & b_cq_mask;
  assign written  = (cq_tail_q[bn] - cq_head_q[bn]) & b_cq_mask;
  always_comb begin
    db_bad = 1'b0;
    if (db_tail) db_bad = !HAS_SQ || bar_data_i > 32'(b_sq_mask);
    if (db_head) db_bad = bar_data_i > 32'(b_cq_mask) || consumed > written;
  end

  always_comb begin
    bar_data_o = '0;
    if (!bar_db_i) begin
      case (bar_reg_i)
        3'd0:       bar_data_o = sq_lo_q[bn];
        3'd1:       bar_data_o = sq_hi_q[bn];
        3'd2:       bar_data_o = cq_lo_q[bn];
        3'd3:       bar_data_o = cq_hi_q[bn];
        REG_SIZE:   bar_data_o = size_q[bn];
        REG_CTRL:   bar_data_o = {16'd0, port_q[bn], 7'd0, en_q[bn]};
        REG_STATUS: bar_data_o = {24'd0, status_q[bn]};
        default:    bar_data_o = '0;
      endcase
    end
  end

  // The engine's view.
  logic [14:0]  s_cq_mask;
  logic [N-1:0] room, ready_q;
  assign s_cq_mask = mask(size_q[sel_i][11:8]);
  assign en_o      = en_q[sel_i];
  assign sq_addr_o = {sq_hi_q[sel_i], sq_lo_q[sel_i]};
  assign sq_head_o = sq_head_q[sel_i];
  assign sq_mask_o = mask(size_q[sel_i][3:0]);
  assign pending_o = en_q[sel_i] ? (sq_tail_q[sel_i] - sq_head_q[sel_i]) & sq_mask_o : '0;
  assign room_o    = en_q[sel_i] ? (cq_head_q[sel_i] - cq_tail_q[sel_i] - 15'd1) & s_cq_mask : '0;
  assign port_o    = port_q[sel_i][2:0];
  assign en_all_o  = en_q;
  always_comb begin
    for (int i = 0; i < N; i++) begin
      port_all_o[3*i +: 3] = port_q[i][2:0];
      room[i] = ((cq_head_q[i] - cq_tail_q[i] - 15'd1) & mask(size_q[i][11:8])) != '0;
      tail_all_o[15*i +: 15] = sq_tail_q[i];
    end
  end
  always_ff @(posedge clk_i) begin
    room_all_o <= rst_ni ? room : '0;
    for (int i = 0; i < N; i++) ready_q[i] <= rst_ni && en_q[i] && sq_tail_q[i] != sq_head_q[i] && room[i];
  end
  assign ready_o      = ready_q & en_q;
  assign fetch_addr_o = {sq_hi_q[fetch_i], sq_lo_q[fetch_i]};
  assign fetch_mask_o = mask(size_q[fetch_i][3:0]);

  // Completions: taken with their address, handed to sl_dma_wr, remembered until they are acknowledged.
  logic [NL-1:0]   ack_number, wr_number;
  logic [BITS-1:0] cpl_oldest;
  logic [63:0]     cpl_addr;
  logic [1:0]      cpl_beat_q;
  logic            ack_valid, cpl_take, cpl_last, data_valid;
  logic [ACK_LOG2:0] acks;
  logic [CPL_LOG2:0] asks, datas;
  logic [N-1:0]    fail, irq;
  sl_fifo #(.W(NL + 64), .LOG2(CPL_LOG2)) u_ask (
    .clk_i, .rst_ni, .push_i(cpl_take), .data_i({cpl_queue_i, cpl_addr}), .pop_i(wr_valid_o && wr_ready_i),
    .valid_o(wr_valid_o), .data_o({wr_number, wr_addr_o}), .count_o(asks)
  );
  sl_fifo #(.W(BITS), .LOG2(CPL_LOG2)) u_data (
    .clk_i, .rst_ni, .push_i(cpl_take), .data_i({7'd0, phase_q[cpl_queue_i], cpl_data_i[BITS-9:0]}),
    .pop_i(wr_pop_i && cpl_last), .valid_o(data_valid), .data_o(cpl_oldest), .count_o(datas)
  );
  sl_fifo #(.W(NL), .LOG2(ACK_LOG2)) u_ack (
    .clk_i, .rst_ni, .push_i(wr_valid_o && wr_ready_i), .data_i(wr_number), .pop_i(b_valid_i), .valid_o(ack_valid),
    .data_o(ack_number), .count_o(acks)
  );
  assign cpl_ready_o = !datas[CPL_LOG2] && 32'(acks) + 32'(asks) < (1 << ACK_LOG2);
  assign cpl_take    = cpl_valid_i && cpl_ready_o && en_q[cpl_queue_i];
  assign cpl_addr    = {cq_hi_q[cpl_queue_i], cq_lo_q[cpl_queue_i]} + (64'(cq_tail_q[cpl_queue_i]) << CQ_LOG2);
  assign cpl_last    = 32'(cpl_beat_q) == BEATS - 1;
  assign cpl_head_o  = sq_head_q[cpl_queue_i];
  assign wr_len_o    = 14'(BITS / 8);
  if (BEATS == 1) begin : g_one
    assign wr_data_o = 512'(cpl_oldest);
  end else begin : g_many
    always_comb begin
      wr_data_o = cpl_oldest[511:0];
      for (int i = 1; i < BEATS; i++) if (cpl_beat_q == 2'(i)) wr_data_o = cpl_oldest[512*i +: 512];
    end
  end
  assign busy_o = data_valid || acks != '0 || irq != '0;

  logic [14:0] c_mask, c_next, a_mask;
  assign c_mask = mask(size_q[cpl_queue_i][11:8]);
  assign c_next = (cq_tail_q[cpl_queue_i] + 15'd1) & c_mask;
  assign a_mask = mask(cq_log2_q[ack_number]);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) cpl_beat_q <= '0;
    else if (wr_pop_i) cpl_beat_q <= cpl_last ? '0 : cpl_beat_q + 2'd1;
  end

  // Errors: the queue stops by itself; an armed interrupt is raised.
  always_comb begin
    for (int i = 0; i < N; i++) begin
      fail[i] = en_q[i] && ((db_bad && bn == NL'(i)) || (fail_i && fail_queue_i == NL'(i))
                            || (b_valid_i && b_err_i && ack_number == NL'(i)));
      irq[i]  = en_q[i] && armed_q[i] && (fail[i] || cq_head_q[i] != cq_done_q[i]);
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni || reset_i) begin
      en_q    <= '0;
      start_q <= '0;
      armed_q <= '0;
      raise_o <= '0;
      for (int i = 0; i < N; i++) begin
        sq_lo_q[i]  <= '0;
        sq_hi_q[i]  <= '0;
        cq_lo_q[i]  <= '0;
        cq_hi_q[i]  <= '0;
        size_q[i]   <= '0;
        port_q[i]   <= '0;
        status_q[i] <= '0;
      end
    end else begin
      raise_o <= irq;
      armed_q <= armed_q & ~irq & ~fail;
      en_q    <= (en_q & ~fail) | start;
      start_q <= start_q & ~start;
      for (int i = 0; i < N; i++) begin
        if (fail[i]) status_q[i] <= (fail_i && fail_queue_i == NL'(i)) ? fail_status_i
                                    : db_bad && bn == NL'(i) ? sl_pkg::STATUS_BAD_VALUE : sl_pkg::STATUS_DMA_ERROR;
      end
      if (set_irq && !fail[bn]) armed_q[bn] <= bar_data_i[0];
      if (disable_it) begin
        en_q[bn]    <= 1'b0;
        start_q[bn] <= 1'b0;
        armed_q[bn] <= 1'b0;
        port_q[bn]  <= bar_data_i[15:8];
      end
      if (b_take && !bar_db_i && b_idle) begin
        case (bar_reg_i)
          3'd0:     sq_lo_q[bn] <= bar_data_i;
          3'd1:     sq_hi_q[bn] <= bar_data_i;
          3'd2:     cq_lo_q[bn] <= bar_data_i;
          3'd3:     cq_hi_q[bn] <= bar_data_i;
          REG_SIZE: size_q[bn]  <= bar_data_i;
          REG_CTRL: port_q[bn]  <= bar_data_i[15:8];
          default: ;
        endcase
      end
      if (enable) begin
        start_q[bn]  <= good;
        status_q[bn] <= good ? sl_pkg::STATUS_OK : sl_pkg::STATUS_BAD_VALUE;
      end
    end
    for (int i = 0; i < N; i++) begin
      if (start[i]) begin
        sq_head_q[i] <= '0;
        sq_tail_q[i] <= '0;
        cq_head_q[i] <= '0;
        cq_tail_q[i] <= '0;
        cq_done_q[i] <= '0;
        cq_log2_q[i] <= size_q[i][11:8];
        phase_q[i]   <= 1'b1;
      end
    end
    if (db_tail && !db_bad) sq_tail_q[bn] <= bar_data_i[14:0];
    if (db_head && !db_bad) cq_head_q[bn] <= bar_data_i[14:0];
    if (consume_i) sq_head_q[consume_queue_i] <= (sq_head_q[consume_queue_i] + 15'(consume_n_i))
                                                 & mask(size_q[consume_queue_i][3:0]);
    if (cpl_take) begin
      cq_tail_q[cpl_queue_i] <= c_next;
      if (c_next == '0) phase_q[cpl_queue_i] <= !phase_q[cpl_queue_i];
    end
    if (b_valid_i) cq_done_q[ack_number] <= (cq_done_q[ack_number] + 15'd1) & a_mask;
    for (int i = 0; i < N; i++)
      owed_q[i] <= rst_ni ? owed_q[i] + (ACK_LOG2+1)'(cpl_take && cpl_queue_i == NL'(i))
                            - (ACK_LOG2+1)'(b_valid_i && ack_number == NL'(i)) : '0;
  end

`ifndef SYNTHESIS
  logic [14:0] c_room, u_pending;
  logic        u_en;
  assign u_en      = en_q[consume_queue_i];
  assign u_pending = (sq_tail_q[consume_queue_i] - sq_head_q[consume_queue_i]) & mask(size_q[consume_queue_i][3:0]);
  assign c_room  = (cq_head_q[cpl_queue_i] - cq_tail_q[cpl_queue_i] - 15'd1) & c_mask;
  a_room: assert property (@(posedge clk_i) disable iff (!rst_ni) cpl_take |-> c_room != '0);
  a_ack: assert property (@(posedge clk_i) disable iff (!rst_ni) b_valid_i |-> ack_valid);
  a_consume: assert property (@(posedge clk_i) disable iff (!rst_ni)
    consume_i && u_en && !AHEAD |-> 15'(consume_n_i) <= u_pending);
  a_data: assert property (@(posedge clk_i) disable iff (!rst_ni) wr_pop_i |-> data_valid);
  a_start_stopped: assert property (@(posedge clk_i) disable iff (!rst_ni) (start_q & en_q) == '0);
`endif
endmodule
