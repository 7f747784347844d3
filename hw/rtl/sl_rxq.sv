// SPDX-License-Identifier: BSD-3-Clause
// Receive queues (docs/device.md, 5): frames of the datapath into the buffers of the rx rings. Four parts work on
// different frames at once, all in the frames' order:
//
//   beats ─► frame FIFO ──────────────────────────────► move: to the writer, or away
//     └ first beat: spread ─► decide ─► segments ───────► write requests ─► acknowledged ─► completions
//                              │ no place: drop, counted        (sl_dma_wr)
//                              └ descriptors of sl_desc
//
// A frame is decided before its first byte is written: all its buffers are known, and a completion entry is kept for
// each. Its completions follow when all its writes have been acknowledged.
//
//   segments:  c_q ── completed ── w_q ── written ── commit_q ── of the frame being decided ── seg_q
//   frames:    c_frame_q ── to complete ── a_frame_q ── not acknowledged ── frame_q
`default_nettype none
module sl_rxq #(
  parameter int unsigned N = 16,
  parameter int unsigned NL = 4,
  parameter int unsigned WORK_LOG2 = 7          // log2 of the frames, and of the buffers, in work
) (
  input  wire logic              clk_i,
  input  wire logic              rst_ni,
  input  wire logic [31:0]       time_ms_i,
  // From the datapath; whole frames, tuser valid with every beat.
  input  wire logic              s_axis_tvalid,
  output logic                   s_axis_tready,
  input  wire logic [511:0]      s_axis_tdata,
  input  wire logic              s_axis_tlast,
  input  wire sl_dp_pkg::host_meta_t s_axis_tuser,
  // sl_queue: the queue that the frame being decided has.
  output logic [NL-1:0]          sel_o,
  input  wire logic              en_i,
  input  wire logic [N-1:0]      en_all_i,
  input  wire logic [3*N-1:0]    port_all_i,
  input  wire logic [14:0]       room_i,
  output logic                   fail_o,
  output logic [NL-1:0]          fail_queue_o,
  output logic [7:0]             fail_status_o,
  output logic [N-1:0]           active_o,
  output logic                   cpl_valid_o,      // taken: its submission is used
  input  wire logic              cpl_ready_i,
  output logic [NL-1:0]          cpl_queue_o,
  output logic [255:0]           cpl_data_o,
  input  wire logic [14:0]       cpl_head_i,
  // sl_desc.
  output logic [4:0]             look_n_o,
  input  wire logic [7:0]        look_have_i,
  input  wire logic              look_more_i,
  input  wire logic              desc_err_i,
  input  wire logic              desc_big_i,
  input  wire logic [13:0]       desc_len_i,
  input  wire logic [63:0]       desc_iova_i,
  output logic                   use_valid_o,
  output logic [4:0]             use_n_o,
  // sl_dma_wr.
  output logic                   wr_valid_o,
  input  wire logic              wr_ready_i,
  output logic [63:0]            wr_addr_o,
  output logic [13:0]            wr_len_o,
  output logic [7:0]             wr_avail_o,
  output logic [511:0]           wr_data_o,
  input  wire logic              wr_pop_i,
  input  wire logic [6:0]        wr_pop_n_i,
  input  wire logic              b_valid_i,
  input  wire logic              b_err_i,
  // One pulse per frame.
  output logic                   done_o,
  output logic                   no_host_o,
  output logic                   host_full_o,
  output logic [13:0]            drop_len_o,
  output logic                   busy_o
);
  localparam int unsigned MOST = sl_pkg::RX_SEGMENTS_MAX;
  localparam int unsigned WORK = 1 << WORK_LOG2;
  localparam int unsigned META_W = sl_dp_pkg::META_W;
  localparam int unsigned COUNT_W = 13;         // bursts, modulo
  typedef logic [WORK_LOG2:0] at_t;

  // Beats, and what the first one says.
  logic         fifo_valid, fifo_last, fifo_pop, push, first_q, head_ready;
  logic [5:0]   fifo_count;
  logic [511:0] fifo_data;
  sl_fifo #(.W(513), .LOG2(5)) u_beats (
    .clk_i, .rst_ni, .push_i(push), .data_i({s_axis_tlast, s_axis_tdata}), .pop_i(fifo_pop), .valid_o(fifo_valid),
    .data_o({fifo_last, fifo_data}), .count_o(fifo_count)
  );
  assign s_axis_tready = !fifo_count[5] && (!first_q || head_ready);
  assign push          = s_axis_tvalid && s_axis_tready;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) first_q <= 1'b1;
    else if (push) first_q <= s_axis_tlast;
  end

  // Spread: of the port's n enabled queues number (hash x n) >> 32.
  sl_dp_pkg::host_meta_t meta1_q, meta2_q, meta;
  logic          valid1_q, valid2_q, valid3_q, ready2, ready3, none2_q, none_q, decided;
  logic [N-1:0]  mask_d, mask1_q, mask2_q;
  logic [NL:0]   n, seen, index2_q;
  logic [NL-1:0] pick, sel_q;
  assign head_ready = !valid1_q || ready2;
  assign ready2     = !valid2_q || ready3;
  assign ready3     = !valid3_q || decided;
  always_comb begin
    for (int i = 0; i < N; i++) mask_d[i] = en_all_i[i] && 8'(port_all_i[3*i +: 3]) == s_axis_tuser.port;
    n    = '0;
    pick = '0;
    seen = '0;
    for (int i = 0; i < N; i++) n = n + (NL+1)'(mask1_q[i]);
    for (int i = 0; i < N; i++) begin
      if (mask2_q[i] && seen == index2_q) pick = NL'(i);
      seen = seen + (NL+1)'(mask2_q[i]);
    end
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid1_q <= 1'b0;
      valid2_q <= 1'b0;
      valid3_q <= 1'b0;
    end else begin
      if (head_ready) valid1_q <= push && first_q;
      if (ready2)     valid2_q <= valid1_q;
      if (ready3)     valid3_q <= valid2_q;
    end
    if (head_ready) begin
      meta1_q <= s_axis_tuser;
      mask1_q <= mask_d;
    end
    if (ready2) begin
      meta2_q  <= meta1_q;
      mask2_q  <= mask1_q;
      index2_q <= (NL+1)'((37'(meta1_q.hash) * 37'(n)) >> 32);
      none2_q  <= n == '0;
    end
    if (ready3) begin
      meta   <= meta2_q;
      sel_q  <= pick;
      none_q <= none2_q;
    end
  end
  assign sel_o = sel_q;

  // Decide. A descriptor that is not good stops its queue, a clock later; a frame that comes in between meets it too.
  logic          fit_q, here_q, begin_ok, full, over, short_d, bad, drop, keep, add;
  logic [4:0]    i_q;
  logic [13:0]   left_q, left, part;
  (* mem2reg *) logic [7:0]    kept_q [0:N-1];                  // completion entries kept for frames in work
  logic [14:0]   room;
  logic [6:0]    bursts;
  logic [COUNT_W-1:0] sum_q, base_q, upto;        // bursts of all frames decided; before this one; with its buffer
  at_t           seg_q, commit_q, w_q, c_q, frame_q, a_frame_q, c_frame_q, held_segs, held_frames;
  logic          stop_q, stop_dma_q;
  logic [NL-1:0] stop_queue_q;
  logic          disp_ready, disp_valid, disp_drop, disp_pop;
  logic [13:0]   disp_len;
  logic [3:0]    disps;
  assign room     = room_i - 15'(kept_q[sel_q]);
  assign held_segs   = seg_q - c_q;
  assign held_frames = frame_q - c_frame_q;
  assign begin_ok = valid3_q && !fit_q && !disps[3] && held_segs <= (WORK_LOG2+1)'(WORK - MOST)
                    && held_frames != (WORK_LOG2+1)'(WORK);
  assign left     = left_q;
  assign short_d  = !desc_big_i && desc_len_i < left;
  assign part     = short_d ? desc_len_i : left;
  assign bad      = desc_err_i || (!desc_big_i && desc_len_i < 14'(sl_pkg::RX_BUFFER_MIN));
  assign full     = i_q == 5'(MOST) || 15'(i_q) >= room;
  assign over     = full || (!here_q && 8'(i_q) >= look_have_i && !look_more_i);
  assign bursts   = 7'((15'(desc_iova_i[8:0]) + 15'(part) - 15'd1) >> 9) + 7'd1;
  assign upto     = sum_q + COUNT_W'(bursts);
  assign add      = fit_q && en_i && !over && here_q && !bad;
  assign keep     = add && !short_d;
  assign drop     = (begin_ok && none_q) || (fit_q && (!en_i || over || (here_q && bad)));
  assign decided  = drop || keep;
  assign look_n_o = !fit_q ? '0 : add ? i_q + 5'd1 : i_q;
  assign use_valid_o = keep;
  assign use_n_o     = i_q + 5'd1;

  // Segments and frames in work.
  localparam int unsigned FRAME_W = NL + 5 + COUNT_W + META_W;
  logic [77:0]        segs [0:WORK-1];
  logic [FRAME_W-1:0] frames [0:WORK-1];
  logic [COUNT_W-1:0] uptos [0:WORK-1];
  logic [WORK-1:0]    err_q;
  always_ff @(posedge clk_i) begin
    if (add) segs[seg_q[WORK_LOG2-1:0]] <= {part, desc_iova_i};
    if (keep) begin
      frames[frame_q[WORK_LOG2-1:0]] <= {sel_q, i_q + 5'd1, upto, meta};
      uptos[frame_q[WORK_LOG2-1:0]]  <= upto;
    end
  end
  sl_fifo #(.W(15), .LOG2(3)) u_disp (
    .clk_i, .rst_ni, .push_i(decided), .data_i({drop, meta.len}), .pop_i(disp_pop), .valid_o(disp_valid),
    .data_o({disp_drop, disp_len}), .count_o(disps)
  );

  // Move.
  logic [7:0]  held;
  logic        gear_push, gear_ready;
  logic [5:0]  tail_n;
  assign tail_n     = disp_len[5:0];
  assign gear_ready = held <= 8'd64;
  assign fifo_pop   = fifo_valid && disp_valid && (disp_drop || gear_ready);
  assign gear_push  = fifo_pop && !disp_drop;
  assign disp_pop   = fifo_pop && fifo_last;
  sl_gear u_gear (
    .clk_i, .rst_ni, .clear_i(1'b0), .push_i(gear_push),
    .push_n_i(fifo_last && tail_n != '0 ? {1'b0, tail_n} : 7'd64), .data_i(fifo_data), .pop_i(wr_pop_i),
    .pop_n_i(wr_pop_n_i), .count_o(held), .data_o(wr_data_o)
  );
  assign wr_avail_o = held;
  assign wr_valid_o = w_q != commit_q;
  assign {wr_len_o, wr_addr_o} = segs[w_q[WORK_LOG2-1:0]];

  // Acknowledgements belong to the oldest frame that lacks some.
  logic [COUNT_W-1:0] acked_q;
  logic               acked_all;
  assign acked_all = b_valid_i && acked_q + COUNT_W'(1) == uptos[a_frame_q[WORK_LOG2-1:0]];

  // Complete.
  logic [NL-1:0]      c_queue;
  logic [4:0]         c_n, c_i_q, c_left;
  logic [COUNT_W-1:0] c_upto;
  sl_dp_pkg::host_meta_t c_meta;
  logic               c_valid, c_err, c_last, c_taken, c_lost, c_end;
  logic [13:0]        c_part;
  assign {c_queue, c_n, c_upto, c_meta} = frames[c_frame_q[WORK_LOG2-1:0]];
  assign c_valid     = c_frame_q != a_frame_q;
  assign c_err       = err_q[c_frame_q[WORK_LOG2-1:0]] || !en_all_i[c_queue];
  assign c_part      = segs[c_q[WORK_LOG2-1:0]][77:64];
  assign c_last      = c_i_q + 5'd1 == c_n;
  assign c_left      = c_n - c_i_q;
  assign cpl_valid_o = c_valid && !c_err;
  assign cpl_queue_o = c_queue;
  assign c_taken     = cpl_valid_o && cpl_ready_i;
  assign c_lost      = c_valid && c_err && !drop && !stop_q;     // one is counted, one queue stopped in a clock
  assign c_end       = (c_taken && c_last) || c_lost;
  assign cpl_data_o  = {8'd0, 6'd0, c_meta.mark_valid, c_last, 2'd0, c_meta.len, c_meta.tenant, 8'd0, c_meta.rule,
                        time_ms_i, c_meta.flow_id, c_meta.hash, c_meta.mark_valid ? c_meta.mark : 32'd0,
                        c_meta.reason, c_meta.port, 1'b0, cpl_head_i, 18'd0, c_part};

  always_comb begin
    fail_o        = stop_q || (c_lost && en_all_i[c_queue]);
    fail_queue_o  = stop_q ? stop_queue_q : c_queue;
    fail_status_o = stop_q && !stop_dma_q ? sl_pkg::STATUS_BAD_VALUE : sl_pkg::STATUS_DMA_ERROR;
  end
  always_ff @(posedge clk_i) begin
    stop_q       <= rst_ni && fit_q && en_i && !over && here_q && bad;
    stop_queue_q <= sel_q;
    stop_dma_q   <= desc_err_i;
  end

  (* mem2reg *) logic [7:0] work_q [0:N-1];                     // frames in work, by queue
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      fit_q       <= 1'b0;
      sum_q       <= '0;
      acked_q     <= '0;
      seg_q       <= '0;
      commit_q    <= '0;
      w_q         <= '0;
      c_q         <= '0;
      frame_q     <= '0;
      a_frame_q   <= '0;
      c_frame_q   <= '0;
      c_i_q       <= '0;
      no_host_o   <= 1'b0;
      host_full_o <= 1'b0;
      done_o      <= 1'b0;
      for (int i = 0; i < N; i++) begin
        kept_q[i] <= '0;
        work_q[i] <= '0;
      end
    end else begin
      no_host_o   <= begin_ok && none_q;
      host_full_o <= (drop && fit_q) || c_lost;
      done_o      <= c_taken && c_last;
      if (begin_ok && !none_q) fit_q <= 1'b1;
      if (decided) fit_q <= 1'b0;
      if (add)  seg_q <= seg_q + 1'b1;
      if (keep) begin
        commit_q <= seg_q + 1'b1;
        frame_q  <= frame_q + 1'b1;
        sum_q    <= upto;
      end
      if (drop && fit_q) begin
        seg_q <= commit_q;
        sum_q <= base_q;
      end else if (add && !keep) begin
        sum_q <= upto;
      end
      if (wr_valid_o && wr_ready_i) w_q <= w_q + 1'b1;
      if (b_valid_i) acked_q <= acked_q + COUNT_W'(1);
      if (acked_all) a_frame_q <= a_frame_q + 1'b1;
      if (c_end) begin
        c_frame_q <= c_frame_q + 1'b1;
        c_i_q     <= '0;
        c_q       <= c_q + (WORK_LOG2+1)'(c_left);
      end else if (c_taken) begin
        c_i_q <= c_i_q + 5'd1;
        c_q   <= c_q + 1'b1;
      end
      for (int i = 0; i < N; i++) begin
        kept_q[i] <= kept_q[i] + ((keep && sel_q == NL'(i)) ? 8'(i_q) + 8'd1 : 8'd0)
                     - ((c_lost && c_queue == NL'(i)) ? 8'(c_left) : 8'd0)
                     - 8'(c_taken && c_queue == NL'(i));
        work_q[i] <= work_q[i] + 8'(keep && sel_q == NL'(i)) - 8'(c_end && c_queue == NL'(i));
      end
    end
    if (keep) err_q[frame_q[WORK_LOG2-1:0]] <= 1'b0;
    if (b_valid_i && b_err_i) err_q[a_frame_q[WORK_LOG2-1:0]] <= 1'b1;
    drop_len_o <= drop ? meta.len : c_meta.len;
    here_q <= 8'(look_n_o) < look_have_i;
    if (!fit_q) begin
      base_q <= sum_q;
      i_q    <= '0;
      left_q <= meta.len;
    end else if (add) begin
      i_q    <= i_q + 5'd1;
      left_q <= left - part;
    end
  end
  always_comb begin
    for (int i = 0; i < N; i++) active_o[i] = work_q[i] != '0 || (fit_q && sel_q == NL'(i));
  end
  assign busy_o = fifo_valid || stop_q || valid1_q || valid2_q || valid3_q || s_axis_tvalid || frame_q != c_frame_q
                  || host_full_o || no_host_o || done_o;

`ifndef SYNTHESIS
  logic [COUNT_W-1:0] ahead;
  assign ahead = acked_q - c_upto;
  a_payload_first: assert property (@(posedge clk_i) disable iff (!rst_ni) cpl_valid_o |-> !ahead[COUNT_W-1]);
  a_busy: assert property (@(posedge clk_i) disable iff (!rst_ni) cpl_valid_o |-> busy_o);
  at_t unwritten;
  assign unwritten = commit_q - w_q;
  a_segs: assert property (@(posedge clk_i) disable iff (!rst_ni) add |-> held_segs < (WORK_LOG2+1)'(WORK));
  a_written: assert property (@(posedge clk_i) disable iff (!rst_ni) unwritten <= (WORK_LOG2+1)'(WORK));
  a_ack: assert property (@(posedge clk_i) disable iff (!rst_ni) b_valid_i |-> frame_q != a_frame_q);
  a_dropped: assert property (@(posedge clk_i) disable iff (!rst_ni) drop |-> !keep && !c_lost);
`endif
endmodule
