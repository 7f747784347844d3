// SPDX-License-Identifier: BSD-3-Clause
// Proof harness of sl_queue. Two queues, whose rings have two or four entries; the host reads and writes what it likes,
// also while a queue runs. The engine consumes what was announced, completes where its ring has room, and says at any
// time that a queue is active; memory takes and acknowledges writes in order, when it likes, with errors.
// What is owed is counted here for each queue: entries announced and not consumed, completions that the host has not
// given back. Any one completion is followed to its write and its acknowledgement.
`default_nettype none
module f_queue (
  input wire logic        clk_i,
  input wire logic        reset_i,
  input wire logic        access_i,
  input wire logic        write_i,
  input wire logic        db_i,
  input wire logic        number_i,
  input wire logic [2:0]  reg_i,
  input wire logic [31:0] data_i,
  input wire logic        sel_i,
  input wire logic        consume_i,
  input wire logic        consume_queue_i,
  input wire logic [4:0]  consume_n_i,
  input wire logic        fail_i,
  input wire logic        fail_queue_i,
  input wire logic [1:0]  active_i,
  input wire logic        cpl_i,
  input wire logic        cpl_queue_i,
  input wire logic [7:0]  cpl_data_i,
  input wire logic        wr_ready_i,
  input wire logic        pop_i,
  input wire logic        ack_i,
  input wire logic        err_i,
  input wire logic        mark_i
);
  localparam logic [2:0] SQ_LO = 3'd0, CQ_LO = 3'd2, CQ_HI = 3'd3, SIZE = 3'd4, CTRL = 3'd5;

  logic rst_n = 1'b0;
  always_ff @(posedge clk_i) rst_n <= 1'b1;

  logic        ready, en_sel, consume, fail, cpl, cpl_ready, taken, wr_valid, asked, popped, acked, busy;
  logic [1:0]  en, en_q, ready_all, room_all, raise;
  logic [31:0] value;
  logic [63:0] sq_addr, fetch_addr, wr_addr;
  logic [2:0]  sq_head, sq_mask, pending, room, fetch_mask, cpl_head, port;
  logic [5:0]  tails, ports;
  logic [13:0] wr_len;
  logic [511:0] wr_data;
  sl_queue #(.N(2), .NL(1), .CQ_LOG2(1), .HAS_PORT(1'b0), .CPL_LOG2(1), .ACK_LOG2(2)) u_dut (
    .clk_i, .rst_ni(rst_n), .reset_i, .bar_valid_i(access_i), .bar_write_i(write_i), .bar_db_i(db_i),
    .bar_number_i(number_i), .bar_reg_i(reg_i), .bar_data_i(data_i), .bar_ready_o(ready), .bar_data_o(value), .sel_i,
    .en_o(en_sel), .sq_addr_o(sq_addr), .sq_head_o(sq_head), .sq_mask_o(sq_mask), .pending_o(pending), .room_o(room),
    .port_o(port), .en_all_o(en), .port_all_o(ports), .ready_o(ready_all), .room_all_o(room_all), .tail_all_o(tails),
    .fetch_i(1'b0), .fetch_addr_o(fetch_addr), .fetch_mask_o(fetch_mask), .consume_i(consume), .consume_queue_i,
    .consume_n_i, .fail_i(fail), .fail_queue_i, .fail_status_i(8'd0), .active_i, .cpl_valid_i(cpl),
    .cpl_ready_o(cpl_ready), .cpl_queue_i, .cpl_data_i({8'd0, cpl_data_i}), .cpl_head_o(cpl_head),
    .wr_valid_o(wr_valid), .wr_ready_i, .wr_addr_o(wr_addr), .wr_len_o(wr_len), .wr_data_o(wr_data), .wr_pop_i(popped),
    .b_valid_i(acked), .b_err_i(err_i), .raise_o(raise), .busy_o(busy)
  );

  // What the host has set up, and what each queue is owed in this life.
  logic [1:0] full, bad, wrong_q, starting_q, offers_q, fits_q;
  logic [5:0] mask, sq_masks, unread_q, pend_q, used_q;
  logic [7:0] written_q;          // of two laps
  logic [5:0] base_q;
  for (genvar i = 0; i < 2; i++) begin : g_queue
    logic       here, idle, good, gives, announces, eats, gets;
    logic [1:0] sq_lo_q, cq_lo_q;
    logic       cq_hi_q;
    logic [15:0] size_q;
    logic [2:0] cm, sm, given, head, gone, at;
    assign here  = access_i && write_i && number_i == 1'(i);
    assign idle  = !en[i] && !starting_q[i];
    assign good  = (size_q[7:0] == 8'd1 || size_q[7:0] == 8'd2) && (size_q[15:8] == 8'd1 || size_q[15:8] == 8'd2)
                   && size_q[7:0] <= size_q[15:8] && !sq_lo_q[0] && !cq_lo_q[0];
    assign cm    = size_q[8] ? 3'd1 : 3'd3;
    assign sm    = size_q[0] ? 3'd1 : 3'd3;
    assign head  = 3'(written_q[4*i +: 4]) - unread_q[3*i +: 3];
    assign given = (data_i[2:0] - head) & cm;
    assign gives     = here && db_i && reg_i == 3'd1 && en[i] && !bad[i];
    assign announces = here && db_i && reg_i == 3'd0 && en[i] && !bad[i];
    assign bad[i]    = here && db_i && en[i] && ((reg_i == 3'd0 && data_i > 32'(sm))
                       || (reg_i == 3'd1 && (data_i > 32'(cm) || given > unread_q[3*i +: 3])));
    assign eats  = consume && consume_queue_i == 1'(i);
    assign gets  = taken && cpl_queue_i == 1'(i);
    assign gone  = eats ? 3'(consume_n_i) : 3'd0;
    assign at    = announces ? data_i[2:0] - used_q[3*i +: 3] : pend_q[3*i +: 3];
    always_ff @(posedge clk_i) begin
      if (!rst_n || reset_i) begin
        {sq_lo_q, cq_lo_q, cq_hi_q, size_q} <= '0;
        starting_q[i] <= 1'b0;
      end else begin
        if (here && !db_i && idle) begin
          case (reg_i)
            SQ_LO:   sq_lo_q <= data_i[1:0];
            CQ_LO:   cq_lo_q <= data_i[1:0];
            CQ_HI:   cq_hi_q <= data_i[0];
            SIZE:    size_q  <= data_i[15:0];
            default: ;
          endcase
        end
        if (here && !db_i && reg_i == CTRL) starting_q[i] <= data_i[0] ? starting_q[i] || (idle && good) : 1'b0;
        if (en[i]) starting_q[i] <= 1'b0;
      end
      unread_q[3*i +: 3]  <= rst_n && en[i] ? unread_q[3*i +: 3] + 3'(gets) - (gives ? given : 3'd0) : '0;
      written_q[4*i +: 4] <= rst_n && en[i] ? written_q[4*i +: 4] + 4'(gets) : '0;
      used_q[3*i +: 3]    <= rst_n && en[i] ? (used_q[3*i +: 3] + gone) & sm : '0;
      pend_q[3*i +: 3]    <= rst_n && en[i] ? (at - gone) & sm : '0;
      wrong_q[i]          <= rst_n && bad[i];
      fits_q[i]           <= en[i] && !full[i];
      offers_q[i]         <= en[i] && !full[i] && pend_q[3*i +: 3] != '0;
    end
    assign mask[3*i +: 3]     = cm;
    assign sq_masks[3*i +: 3] = sm;
    assign base_q[3*i +: 3]   = {cq_hi_q, cq_lo_q};
    assign full[i]            = unread_q[3*i +: 3] == cm;
  end

  // The rules of the engine and of memory.
  logic [2:0] c_pend;
  logic [1:0] asks_q, lines_q;         // not asked for, not written
  logic [2:0] acks_q;                  // asked for, not acknowledged
  logic [2:0] ahead_pop;
  assign c_pend  = consume_queue_i ? pend_q[5:3] : pend_q[2:0];
  assign consume = consume_i && (en[consume_queue_i] ? consume_n_i <= 5'(c_pend) : active_i[consume_queue_i]);
  assign fail    = fail_i;
  assign cpl     = cpl_i && !(en[cpl_queue_i] && full[cpl_queue_i]);
  assign taken   = cpl && cpl_ready && en[cpl_queue_i];
  assign asked   = wr_valid && wr_ready_i;
  assign popped  = pop_i && lines_q > asks_q;       // only what was asked for
  assign ahead_pop = acks_q - 3'(lines_q - asks_q);   // written, not acknowledged
  assign acked   = ack_i && ahead_pop != '0;
  always_ff @(posedge clk_i) begin
    asks_q  <= rst_n ? asks_q + 2'(taken) - 2'(asked) : '0;
    lines_q <= rst_n ? lines_q + 2'(taken) - 2'(popped) : '0;
    acks_q  <= rst_n ? acks_q + 3'(asked) - 3'(acked) : '0;
    en_q    <= rst_n ? en : '0;
  end

  // The completion that is followed: its place, its phase, and how many are before it.
  logic       followed_q, unasked_q, unwritten_q, q_q, lap_q;
  logic [1:0] at_q, before_ask_q, before_write_q;
  logic [2:0] before_ack_q;
  logic [2:0] its_base_q;
  logic [7:0] data_q;
  logic [3:0] written;
  assign written = cpl_queue_i ? written_q[7:4] : written_q[3:0];
  always_ff @(posedge clk_i) begin
    if (!rst_n) begin
      followed_q  <= 1'b0;
      unasked_q   <= 1'b0;
      unwritten_q <= 1'b0;
    end else if (taken && mark_i && !followed_q) begin
      followed_q     <= 1'b1;
      unasked_q      <= 1'b1;
      unwritten_q    <= 1'b1;
      q_q            <= cpl_queue_i;
      its_base_q     <= cpl_queue_i ? base_q[5:3] : base_q[2:0];
      at_q           <= written[1:0] & (cpl_queue_i ? mask[4:3] : mask[1:0]);
      lap_q          <= (cpl_queue_i ? mask[4] : mask[1]) ? written[2] : written[1];
      data_q         <= cpl_data_i;
      before_ask_q   <= asks_q - 2'(asked);
      before_write_q <= lines_q - 2'(popped);
      before_ack_q   <= acks_q + 3'(asks_q) - 3'(acked);
    end else if (followed_q) begin
      before_ask_q   <= before_ask_q - 2'(asked);
      before_write_q <= before_write_q - 2'(popped);
      before_ack_q   <= before_ack_q - 3'(acked);
      if (asked && before_ask_q == '0)    unasked_q   <= 1'b0;
      if (popped && before_write_q == '0) unwritten_q <= 1'b0;
      if (acked && before_ack_q == '0)    followed_q  <= 1'b0;
    end
  end

  // Whether the queue could start: as it was a clock ago.
  logic [1:0] held_q;
  logic       s_en;
  assign s_en = en[sel_i];
  always_ff @(posedge clk_i)
    held_q <= active_i | (followed_q ? (q_q ? 2'b10 : 2'b01) : 2'b00);

  always_comb begin
    if (rst_n) begin
      places:  assert (!(followed_q && unasked_q && before_ask_q == '0 && wr_valid)
                       || (wr_addr == 64'(its_base_q) + (64'(at_q) << 1) && wr_len == 14'd2));
      phases:  assert (!(followed_q && unwritten_q && before_write_q == '0 && popped)
                       || wr_data == 512'({7'd0, !lap_q, data_q}));
      asks:    assert (wr_valid == (asks_q != '0) && asks_q <= lines_q && lines_q <= 2'd2
                       && 3'(lines_q - asks_q) <= acks_q && 3'(asks_q) + acks_q <= 3'd4);
      rooms:   assert (room == (s_en ? (sel_i ? mask[5:3] - unread_q[5:3] : mask[2:0] - unread_q[2:0]) : 3'd0)
                       && unread_q[5:3] <= mask[5:3] && unread_q[2:0] <= mask[2:0]);
      ahead:   assert ((room_all & en & en_q & ~fits_q) == '0);
      submits: assert (pending == (s_en ? (sel_i ? pend_q[5:3] : pend_q[2:0]) : 3'd0)
                       && (!s_en || (sq_head == (sel_i ? used_q[5:3] : used_q[2:0])
                                     && sq_mask == (sel_i ? sq_masks[5:3] : sq_masks[2:0]))));
      readys:  assert ((ready_all & ~offers_q) == '0 && (ready_all & ~en) == '0);
      refused: assert ((wrong_q & en) == '0);
      stopped: assert (!(access_i && !write_i && !db_i && reg_i == CTRL && ready && !en[number_i])
                       || (!active_i[number_i] && !starting_q[number_i] && !(followed_q && q_q == number_i)));
      starts:  assert ((en & ~en_q & held_q) == '0);
      seen_lap: assert (!(followed_q && unwritten_q && before_write_q == '0 && popped && lap_q));
    end
  end
endmodule
