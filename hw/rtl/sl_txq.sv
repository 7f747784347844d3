// SPDX-License-Identifier: BSD-3-Clause
// Transmit queues (docs/device.md, 6): frames from the host's buffers to the datapath. Four parts work on different
// frames at once, all in the frames' order:
//
//   sl_desc ─► scan: find EOP, check ─► segments ─► ask (sl_dma_rd) ─► lines ─► pack ─► frame buffer ─► port
//                │ no EOP yet: the queue waits until more has come        └ all readable? no: forget
//                └ frames that cannot be sent go through as empty ones
//
// A frame begins only when its port has room for it (sl_admit), is asked for only when the frame buffer has room for
// all of it, and leaves only when all of it has been read: the stream to the ports never waits for one that pauses.
// Its descriptors are used then; a queue's completion follows when none of its frames is in work, or after 16.
//
//   frames:    p_frame_q ── being packed ── a_frame_q ── to ask for ── frame_q
`default_nettype none
module sl_txq #(
  parameter int unsigned N = 16,
  parameter int unsigned NL = 4,
  parameter int unsigned WORK_LOG2 = 7,          // log2 of the frames, and of the segments, in work
  parameter int unsigned BUF_LOG2 = 9            // beats of the frame buffer; more than one frame
) (
  input  wire logic              clk_i,
  input  wire logic              rst_ni,
  // To the datapath.
  output logic                   m_axis_tvalid,
  input  wire logic              m_axis_tready,
  output logic [511:0]           m_axis_tdata,
  output logic [63:0]            m_axis_tkeep,
  output logic                   m_axis_tlast,
  output logic [2:0]             m_axis_tdest,
  // sl_queue: the queue being scanned.
  output logic [NL-1:0]          sel_o,
  input  wire logic [N-1:0]      en_all_i,
  input  wire logic [N-1:0]      room_all_i,
  input  wire logic [14:0]       room_i,
  input  wire logic [2:0]        port_i,
  // sl_admit.
  input  wire logic [N-1:0]      admit_i,
  output logic                   take_o,
  output logic [13:0]            take_len_o,       // to port_i
  output logic                   give_o,
  output logic [2:0]             give_port_o,
  output logic [13:0]            give_len_o,
  output logic                   consume_o,
  output logic [NL-1:0]          consume_queue_o,
  output logic [4:0]             consume_n_o,
  output logic                   fail_o,
  output logic [N-1:0]           active_o,
  output logic                   cpl_valid_o,
  input  wire logic              cpl_ready_i,
  output logic [NL-1:0]          cpl_queue_o,
  output logic [63:0]            cpl_data_o,
  input  wire logic [14:0]       cpl_head_i,
  // sl_desc.
  output logic [4:0]             look_n_o,
  input  wire logic [7:0]        look_have_i,
  input  wire logic [N-1:0]      have_all_i,
  input  wire logic [N-1:0]      came_i,
  input  wire logic              desc_err_i,
  input  wire logic              desc_eop_i,
  input  wire logic              desc_big_i,
  input  wire logic [13:0]       desc_len_i,
  input  wire logic [63:0]       desc_iova_i,
  output logic                   use_valid_o,
  output logic [4:0]             use_n_o,
  // sl_dma_rd.
  output logic                   rd_valid_o,
  input  wire logic              rd_ready_i,
  output logic [63:0]            rd_addr_o,
  output logic [13:0]            rd_len_o,
  output logic                   rd_hold_o,
  input  wire logic              rsp_valid_i,
  input  wire logic [511:0]      rsp_data_i,
  input  wire logic [6:0]        rsp_bytes_i,
  input  wire logic              rsp_last_i,
  input  wire logic              rsp_err_i,
  // One pulse per frame.
  output logic                   sent_o,
  output logic                   error_o,
  output logic                   busy_o
);
  localparam int unsigned MOST = sl_pkg::TX_SEGMENTS_MAX;
  localparam int unsigned WORK = 1 << WORK_LOG2;
  localparam int unsigned BEATS = 1 << BUF_LOG2;
  localparam int unsigned TURN = 16;             // descriptors of a queue before the next has its turn
  localparam logic [1:0] PICK = 2'd0, LOOK = 2'd1, SCAN = 2'd2;
  typedef logic [WORK_LOG2:0] at_t;
  typedef logic [BUF_LOG2:0] beats_t;

  // Scan: which queue.
  logic [1:0]    state_q;
  logic [NL-1:0] sel_q, pick;
  logic          pick_valid;
  logic [N-1:0]  wait_q, skip_q, eligible;       // its frame has no end yet; the rest of a frame is skipped
  (* mem2reg *) logic [WORK_LOG2:0] owed_q [0:N-1];                // frames in work
  assign eligible = en_all_i & have_all_i & room_all_i & admit_i & ~wait_q;
  logic [N-1:0] turn;
  sl_turn #(.N(N), .NL(NL)) u_turn (
    .clk_i, .rst_ni, .req_i(eligible), .next_i(state_q == PICK), .valid_o(pick_valid), .turn_o(turn), .index_o(pick)
  );
  assign sel_o = sel_q;

  // Scan: one descriptor.
  at_t           seg_q, commit_q, s_q, frame_q, a_frame_q, p_frame_q, held_segs, held_frames;
  logic [4:0]    i_q, turn_q;
  logic [13:0]   len_q, len_d;
  logic          here_q, good_q, good_d, space, seen, whole, too_many, out, stop, end_frame, send, next, en, skip;
  logic          admit;
  assign en       = en_all_i[sel_q];
  assign skip     = skip_q[sel_q];
  assign admit    = admit_i[sel_q];
  assign held_segs   = seg_q - s_q;
  assign held_frames = frame_q - p_frame_q;
  assign space    = held_segs <= (WORK_LOG2+1)'(WORK - MOST) && held_frames != (WORK_LOG2+1)'(WORK);
  assign good_d   = good_q && !desc_big_i && desc_len_i != '0
                    && 15'(desc_len_i) + 15'(len_q) <= 15'(sl_pkg::FRAME_MAX);
  assign len_d    = good_d ? len_q + desc_len_i : len_q;
  assign seen     = state_q == SCAN && here_q && en && !desc_err_i && (i_q != '0 || (space && admit));
  assign whole    = seen && desc_eop_i;
  assign too_many = seen && !desc_eop_i && i_q + 5'd1 == 5'(MOST);
  assign out      = state_q == SCAN && !here_q && 8'(i_q) >= look_have_i;     // nothing left to look at
  assign stop     = state_q == SCAN && (out || !en || (i_q == '0 && !admit) || (here_q && desc_err_i));
  assign fail_o   = state_q == SCAN && en && here_q && desc_err_i;
  // The rest of a frame with too many segments goes as it comes.
  logic rest;
  assign rest      = out && en && skip && i_q != '0;
  assign end_frame = whole || too_many || rest;
  assign send      = whole && good_d && len_d >= 14'(sl_pkg::FRAME_MIN) && !skip;
  assign next      = seen && !(end_frame && turn_q >= 5'(TURN - 1));
  assign look_n_o  = state_q != SCAN ? '0 : seen ? i_q + 5'd1 : i_q;
  assign use_valid_o = end_frame;
  assign use_n_o     = rest ? i_q : i_q + 5'd1;
  assign take_o      = send;
  assign take_len_o  = len_d;

  // Segments and frames in work.
  localparam int unsigned FRAME_W = NL + 3 + 14 + 5 + 5 + 1 + 1;
  logic [77:0]        segs [0:WORK-1];
  logic [FRAME_W-1:0] frames [0:WORK-1];
  always_ff @(posedge clk_i) begin
    if (seen) segs[seg_q[WORK_LOG2-1:0]] <= {desc_len_i, desc_iova_i};
    if (end_frame)
      frames[frame_q[WORK_LOG2-1:0]] <= {sel_q, port_i, len_d, use_n_o, i_q + 5'd1, send, !send && !skip};
  end

  // Ask.
  logic [NL-1:0] a_queue;
  logic [2:0]    a_port;
  logic [13:0]   a_len;
  logic [4:0]    a_used, a_n, a_i_q;
  logic          a_send, a_bad, a_valid, a_fits, asked, a_end;
  beats_t        kept_q, a_beats;                // beats of the frame buffer that are promised or full
  assign {a_queue, a_port, a_len, a_used, a_n, a_send, a_bad} = frames[a_frame_q[WORK_LOG2-1:0]];
  assign a_valid    = a_frame_q != frame_q;
  assign a_beats    = (BUF_LOG2+1)'((15'(a_len) + 15'd63) >> 6);
  assign a_fits     = a_i_q != '0 || kept_q + a_beats <= (BUF_LOG2+1)'(BEATS);
  assign rd_valid_o = a_valid && a_send && a_fits;
  assign {rd_len_o, rd_addr_o} = segs[s_q[WORK_LOG2-1:0]];
  assign asked      = rd_valid_o && rd_ready_i;
  assign a_end      = a_valid && (!a_send || (asked && a_i_q + 5'd1 == a_n));

  // Lines of the segments, as they come.
  logic         line_valid, line_last, line_err, line_pop;
  logic [511:0] line_data;
  logic [6:0]   line_bytes;
  logic [3:0]   lines;
  sl_fifo #(.W(521), .LOG2(3)) u_lines (
    .clk_i, .rst_ni, .push_i(rsp_valid_i), .data_i({rsp_last_i, rsp_err_i, rsp_bytes_i, rsp_data_i}), .pop_i(line_pop),
    .valid_o(line_valid), .data_o({line_last, line_err, line_bytes, line_data}), .count_o(lines)
  );
  assign rd_hold_o = lines >= 4'd4;

  // Which frame a line belongs to: an error costs that frame alone.
  at_t             l_frame_q;
  logic [NL-1:0]   l_queue;
  logic [2:0]      l_port;
  logic [13:0]     l_len;
  logic [4:0]      l_used, l_n, l_i_q;
  logic            l_send, l_bad, l_skip;
  logic [WORK-1:0] err_q;
  assign {l_queue, l_port, l_len, l_used, l_n, l_send, l_bad} = frames[l_frame_q[WORK_LOG2-1:0]];
  assign l_skip = l_frame_q != a_frame_q && !l_send;

  // Pack.
  logic [7:0]    held;
  logic [511:0]  packed_beat;
  logic [NL-1:0] p_queue;
  logic [2:0]    p_port;
  logic [13:0]   p_len, p_left_q, p_left;
  logic [4:0]    p_used, p_n;
  logic          p_send, p_bad, p_valid, p_start_q, pop, p_end, p_last, lost;
  logic [6:0]    pop_n;
  assign line_pop = line_valid && held <= 8'd64 && !l_skip;
  assign {p_queue, p_port, p_len, p_used, p_n, p_send, p_bad} = frames[p_frame_q[WORK_LOG2-1:0]];
  assign p_valid = p_frame_q != a_frame_q || (a_valid && a_send && a_i_q != '0 && p_frame_q == a_frame_q);
  assign p_left  = p_start_q ? p_len : p_left_q;
  assign pop_n   = p_left > 14'd64 ? 7'd64 : p_left[6:0];
  assign pop     = p_valid && p_send && held >= {1'b0, pop_n};
  assign p_last  = p_left <= 14'd64;
  assign p_end   = p_valid && (!p_send || (pop && p_last)) && p_frame_q != a_frame_q;
  assign lost    = err_q[p_frame_q[WORK_LOG2-1:0]];
  sl_gear u_gear (
    .clk_i, .rst_ni, .clear_i(1'b0), .push_i(line_pop), .push_n_i(line_bytes), .data_i(line_data), .pop_i(pop),
    .pop_n_i(pop_n), .count_o(held), .data_o(packed_beat)
  );

  // The frame buffer: what is not committed can be forgotten.
  logic [522:0] mem [0:BEATS-1];
  beats_t       wr_q, keep_q, rd_q, forgotten;
  logic         commit, forget, out_read;
  logic [6:0]   out_bytes;
  assign commit   = p_end && p_send && !lost;
  assign forget   = p_end && p_send && lost;
  assign give_o      = forget;
  assign give_port_o = p_port;
  assign give_len_o  = p_len;
  assign forgotten = wr_q + 1'b1 - keep_q;
  assign out_read = rd_q != keep_q && (!m_axis_tvalid || m_axis_tready);
  assign m_axis_tkeep = out_bytes[6] ? '1 : (64'd1 << out_bytes[5:0]) - 64'd1;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      wr_q          <= '0;
      keep_q        <= '0;
      rd_q          <= '0;
      kept_q        <= '0;
      m_axis_tvalid <= 1'b0;
    end else begin
      if (pop)    wr_q <= forget ? keep_q : wr_q + 1'b1;
      if (commit) keep_q <= wr_q + 1'b1;
      if (out_read) rd_q <= rd_q + 1'b1;
      kept_q <= kept_q + ((asked && a_i_q == '0) ? a_beats : '0) - (forget ? forgotten : '0) - (BUF_LOG2+1)'(out_read);
      if (!m_axis_tvalid || m_axis_tready) m_axis_tvalid <= out_read;
    end
    if (pop) mem[wr_q[BUF_LOG2-1:0]] <= {p_port, p_last, pop_n, packed_beat};
    if (out_read) {m_axis_tdest, m_axis_tlast, out_bytes, m_axis_tdata} <= mem[rd_q[BUF_LOG2-1:0]];
  end

  // A frame's end: its descriptors are used.
  assign consume_o       = p_end;
  assign consume_queue_o = p_queue;
  assign consume_n_o     = p_used;

  // Completions.
  (* mem2reg *) logic [4:0]    done_q [0:N-1];                 // frames since the last one; 16 and more are 16
  (* mem2reg *) logic [15:0]   errors_q [0:N-1];
  logic [N-1:0]  report, just_q;                  // just_q: told in the last clock, which its room does not show yet
  logic [N-1:0]  tell_turn;
  logic [NL-1:0] tell;
  logic          tell_valid, told;
  always_comb begin
    for (int i = 0; i < N; i++)
      report[i] = en_all_i[i] && room_all_i[i] && !just_q[i] && done_q[i] != '0 && (owed_q[i] == '0 || done_q[i][4]);
  end
  sl_turn #(.N(N), .NL(NL)) u_tell (
    .clk_i, .rst_ni, .req_i(report), .next_i(!tell_valid || cpl_ready_i), .valid_o(tell_valid), .turn_o(tell_turn),
    .index_o(tell)
  );
  assign cpl_valid_o = tell_valid;
  assign cpl_queue_o = tell;
  assign cpl_data_o  = {32'd0, errors_q[tell], 1'b0, cpl_head_i};
  assign told        = cpl_valid_o && cpl_ready_i;

  always_ff @(posedge clk_i) begin
    sent_o  <= rst_ni && commit;
    error_o <= rst_ni && p_end && (p_bad || (p_send && lost));
    if (!rst_ni) begin
      state_q   <= PICK;
      sel_q     <= '0;
      wait_q    <= '0;
      skip_q    <= '0;
      seg_q     <= '0;
      commit_q  <= '0;
      s_q       <= '0;
      frame_q   <= '0;
      a_frame_q <= '0;
      p_frame_q <= '0;
      l_frame_q <= '0;
      a_i_q     <= '0;
      l_i_q     <= '0;
      p_start_q <= 1'b1;
      for (int i = 0; i < N; i++) begin
        owed_q[i]   <= '0;
        done_q[i]   <= '0;
        errors_q[i] <= '0;
      end
    end else begin
      wait_q <= wait_q & ~came_i & en_all_i;
      skip_q <= skip_q & en_all_i;
      case (state_q)
        PICK: begin
          if (pick_valid) begin
            sel_q   <= pick;
            state_q <= LOOK;
          end
        end
        LOOK: state_q <= (en && room_i > 15'(owed_q[sel_q] != '0 || done_q[sel_q] != '0)) ? SCAN : PICK;
        default: begin
          if (stop || (end_frame && !next)) state_q <= PICK;
          if (stop && out && !rest && en && !came_i[sel_q]) wait_q[sel_q] <= i_q != '0;
        end
      endcase
      if (end_frame && en) skip_q[sel_q] <= !whole;
      // A frame that is not sent, or not whole, leaves no segments.
      if (seen) seg_q <= end_frame && !send ? commit_q : seg_q + 1'b1;
      else if (stop) seg_q <= commit_q;
      if (send) commit_q <= seg_q + 1'b1;
      if (end_frame) frame_q <= frame_q + 1'b1;
      if (asked) begin
        s_q   <= s_q + 1'b1;
        a_i_q <= a_end ? '0 : a_i_q + 5'd1;
      end
      if (a_end) a_frame_q <= a_frame_q + 1'b1;
      if (l_skip) begin
        l_frame_q <= l_frame_q + 1'b1;
      end else if (line_pop && line_last) begin
        l_i_q <= l_i_q + 5'd1 == l_n ? '0 : l_i_q + 5'd1;
        if (l_i_q + 5'd1 == l_n) l_frame_q <= l_frame_q + 1'b1;
      end
      if (p_end) p_frame_q <= p_frame_q + 1'b1;
      if (p_end) p_start_q <= 1'b1;
      else if (pop) p_start_q <= 1'b0;
      for (int i = 0; i < N; i++) begin
        owed_q[i] <= owed_q[i] + (WORK_LOG2+1)'(end_frame && sel_q == NL'(i))
                     - (WORK_LOG2+1)'(p_end && p_queue == NL'(i));
        if (!en_all_i[i]) begin
          done_q[i]   <= '0;
          errors_q[i] <= '0;
        end else begin
          done_q[i] <= (told && tell == NL'(i)) ? 5'(p_end && p_queue == NL'(i))
                       : done_q[i] + 5'(p_end && p_queue == NL'(i) && !done_q[i][4]);
          errors_q[i] <= ((told && tell == NL'(i)) ? 16'd0 : errors_q[i])
                         + 16'(p_end && p_queue == NL'(i) && (p_bad || (p_send && lost)));
        end
      end
    end
    just_q <= told ? tell_turn : '0;
    if (end_frame) err_q[frame_q[WORK_LOG2-1:0]] <= 1'b0;
    if (line_pop && line_last && line_err) err_q[l_frame_q[WORK_LOG2-1:0]] <= 1'b1;
    if (pop) p_left_q <= p_left - 14'(pop_n);
    here_q <= 8'(look_n_o) < look_have_i;
    if (state_q == LOOK) turn_q <= '0;
    else if (seen && !turn_q[4]) turn_q <= turn_q + 5'd1;
    if (state_q != SCAN || end_frame) begin
      i_q    <= '0;
      len_q  <= '0;
      good_q <= 1'b1;
    end else if (seen) begin
      i_q    <= i_q + 5'd1;
      len_q  <= len_d;
      good_q <= good_d;
    end
  end
  always_comb begin
    for (int i = 0; i < N; i++) active_o[i] = owed_q[i] != '0 || (state_q != PICK && sel_q == NL'(i));
  end
  assign busy_o = state_q != PICK || eligible != '0 || m_axis_tvalid || rd_q != keep_q || frame_q != p_frame_q
                  || report != '0 || just_q != '0;

`ifndef SYNTHESIS
  initial assert (BEATS * sl_pkg::BEAT_BYTES > sl_pkg::FRAME_MAX + 64)
    else $fatal(1, "sl_txq: the buffer must hold a whole frame");
  beats_t full;
  assign full = wr_q - rd_q;
  a_buffer: assert property (@(posedge clk_i) disable iff (!rst_ni) pop |-> full < (BUF_LOG2+1)'(BEATS));
  a_kept: assert property (@(posedge clk_i) disable iff (!rst_ni) kept_q <= (BUF_LOG2+1)'(BEATS) && kept_q >= full);
  a_lines: assert property (@(posedge clk_i) disable iff (!rst_ni) rsp_valid_i |-> !lines[3]);
  a_line_frame: assert property (@(posedge clk_i) disable iff (!rst_ni) line_pop |-> l_send);
  a_read_committed: assert property (@(posedge clk_i) disable iff (!rst_ni) out_read |-> rd_q != keep_q);
  a_stable: assert property (@(posedge clk_i) disable iff (!rst_ni)
    m_axis_tvalid && !m_axis_tready |=> m_axis_tvalid && $stable(m_axis_tdata) && $stable(m_axis_tlast));
`endif
endmodule
