// SPDX-License-Identifier: BSD-3-Clause
// Transmit queues (docs/device.md, 6): frames from the host's buffers to the datapath. A queue is served for one batch
// of at most 16 descriptors, then a completion, then the next queue:
//
//   read descriptors ─► find EOP, check ─► read segments ─► frame buffer ─► all readable? ─► to the port
//        │ no EOP yet: wait for the doorbell      (frame by frame)            └ no: forget, count, skip
//
// A frame leaves only when all of it has been read.
`default_nettype none
module sl_txq #(
  parameter int unsigned N = 16,
  parameter int unsigned NL = 4,
  parameter int unsigned BUF_LOG2 = 8            // beats of the frame buffer; more than one frame
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
  // sl_queue.
  output logic [NL-1:0]          sel_o,
  input  wire logic              en_i,
  input  wire logic [N-1:0]      ready_i,
  input  wire logic [N-1:0]      tail_i,
  input  wire logic [63:0]       sq_addr_i,
  input  wire logic [14:0]       sq_head_i,
  input  wire logic [14:0]       sq_mask_i,
  input  wire logic [14:0]       pending_i,
  input  wire logic [2:0]        port_i,
  output logic                   consume_o,
  output logic [4:0]             consume_n_o,
  output logic                   fail_o,
  output logic [N-1:0]           active_o,
  input  wire logic [N-1:0]      en_all_i,
  output logic                   cpl_valid_o,
  input  wire logic              cpl_ready_i,
  output logic [63:0]            cpl_data_o,
  // sl_dma_rd.
  output logic                   rd_valid_o,
  input  wire logic              rd_ready_i,
  output logic [63:0]            rd_addr_o,
  output logic [13:0]            rd_len_o,
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
  localparam logic [3:0] IDLE = 4'd0, CTX = 4'd1, REQ1 = 4'd2, REQ2 = 4'd3, WAIT = 4'd4, SCAN = 4'd5, ROOM = 4'd6,
                         PAY = 4'd7, END = 4'd8, REPORT = 4'd9;
  localparam int unsigned MOST = sl_pkg::TX_SEGMENTS_MAX;

  logic [3:0]    state_q;
  logic [NL-1:0] sel_q, pick;
  logic          pick_valid;
  logic [N-1:0]  stuck_q, skip_q, waiting;
  logic [127:0]  desc_q [0:MOST-1];
  logic [4:0]    limit_q, limit, first_q, filled_q;
  logic          reqs_q, bad_q, told_q, report_q;
  logic [4:0]    from_q, i_q;                     // the frame's first descriptor; the one looked at
  logic [13:0]   len_q, len_d, out_left_q;
  logic          good_q, good_d, frame_bad_q, ended_q;
  logic [4:0]    ask_q, got_q;                    // segments asked for, received
  logic [15:0]   errors_q;

  assign waiting = ready_i & ~stuck_q;
  always_comb begin
    pick = sel_q;
    pick_valid = 1'b0;
    for (int i = N; i >= 1; i--) begin
      if (waiting[(32'(sel_q) + i) % N]) begin
        pick = NL'((32'(sel_q) + i) % N);
        pick_valid = 1'b1;
      end
    end
  end
  assign sel_o = sel_q;
  assign limit = pending_i < 15'(MOST) ? pending_i[4:0] : 5'(MOST);
  logic [15:0] to_end;
  assign to_end = 16'(sq_mask_i) + 16'd1 - 16'(sq_head_i);

  // The descriptor looked at.
  logic [31:0] desc_len;
  logic        desc_eop, last_here;
  assign desc_len  = desc_q[i_q[3:0]][95:64];
  assign desc_eop  = desc_q[i_q[3:0]][96];
  assign good_d    = good_q && desc_len != '0 && desc_len <= 32'(sl_pkg::FRAME_MAX) - 32'(len_q);
  assign len_d     = good_d ? len_q + desc_len[13:0] : len_q;
  assign last_here = i_q + 5'd1 == limit_q;

  logic [4:0] rest;               // beyond the ring's end
  assign rest = limit_q - first_q;
  assign rd_valid_o = state_q == REQ1 || state_q == REQ2 || (state_q == PAY && ask_q <= i_q);
  always_comb begin
    rd_addr_o = sq_addr_i;
    rd_len_o  = 14'(rest) << 4;
    if (state_q == REQ1) begin
      rd_addr_o = sq_addr_i + (64'(sq_head_i) << 4);
      rd_len_o  = 14'(first_q) << 4;
    end
    if (state_q == PAY) begin
      rd_addr_o = desc_q[ask_q[3:0]][63:0];
      rd_len_o  = desc_q[ask_q[3:0]][77:64];
    end
  end

  // Bytes of the segments, packed into beats.
  logic [7:0]          held;
  logic [511:0]        packed_beat;
  logic                pop, push;
  logic [6:0]          pop_n;
  logic [BUF_LOG2:0]   wr_q, commit_q, rd_q, free;
  assign push  = state_q == PAY && rsp_valid_i;
  assign pop_n = out_left_q > 14'd64 ? 7'd64 : out_left_q[6:0];
  assign pop   = state_q == PAY && out_left_q != '0 && held >= {1'b0, pop_n};
  sl_gear u_gear (
    .clk_i, .rst_ni, .clear_i(state_q == ROOM), .push_i(push), .push_n_i(rsp_bytes_i), .data_i(rsp_data_i), .pop_i(pop),
    .pop_n_i(pop_n), .count_o(held), .data_o(packed_beat)
  );

  // The frame buffer: what is not committed can be forgotten.
  logic [522:0] mem [0:(1<<BUF_LOG2)-1];
  logic         commit, forget, out_read;
  logic [6:0]   out_bytes;
  logic         pay_done;
  assign pay_done = state_q == PAY && out_left_q == '0 && got_q == i_q + 5'd1 - from_q;
  assign commit   = pay_done && !frame_bad_q;
  assign forget   = pay_done && frame_bad_q;
  assign free     = (BUF_LOG2+1)'(1 << BUF_LOG2) - (wr_q - rd_q);
  assign out_read = rd_q != commit_q && (!m_axis_tvalid || m_axis_tready);
  assign m_axis_tkeep = out_bytes[6] ? '1 : (64'd1 << out_bytes[5:0]) - 64'd1;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      wr_q          <= '0;
      commit_q      <= '0;
      rd_q          <= '0;
      m_axis_tvalid <= 1'b0;
    end else begin
      if (pop)    wr_q <= wr_q + 1'b1;
      if (forget) wr_q <= commit_q;
      if (commit) commit_q <= wr_q;
      if (out_read) rd_q <= rd_q + 1'b1;
      if (!m_axis_tvalid || m_axis_tready) m_axis_tvalid <= out_read;
    end
    if (pop) mem[wr_q[BUF_LOG2-1:0]] <= {port_i, out_left_q <= 14'd64, pop_n, packed_beat};
    if (out_read) {m_axis_tdest, m_axis_tlast, out_bytes, m_axis_tdata} <= mem[rd_q[BUF_LOG2-1:0]];
  end

  // A frame's end: its descriptors are used.
  logic [4:0] used;
  assign used        = i_q + 5'd1 - from_q;
  assign consume_o   = state_q == END;
  assign consume_n_o = used;
  assign fail_o      = state_q == SCAN && bad_q;
  assign cpl_valid_o = state_q == REPORT && report_q && en_i;
  assign cpl_data_o  = {32'd0, errors_q, 1'b0, sq_head_i};

  always_ff @(posedge clk_i) begin
    sent_o  <= commit && rst_ni;
    error_o <= 1'b0;
    if (!rst_ni) begin
      state_q <= IDLE;
      sel_q   <= '0;
      stuck_q <= '0;
      skip_q  <= '0;
    end else begin
      stuck_q <= stuck_q & ~tail_i & en_all_i;
      skip_q  <= skip_q & en_all_i;
      case (state_q)
        IDLE: begin
          if (pick_valid) begin
            sel_q   <= pick;
            state_q <= CTX;
          end
        end
        CTX: state_q <= limit == '0 ? IDLE : REQ1;
        REQ1: if (rd_ready_i) state_q <= first_q == limit_q ? WAIT : REQ2;
        REQ2: if (rd_ready_i) state_q <= WAIT;
        WAIT: if (rsp_valid_i && rsp_last_i && !reqs_q) state_q <= SCAN;
        SCAN: begin
          if (bad_q || !en_i) begin
            state_q <= REPORT;
          end else if (desc_eop) begin
            state_q <= (good_d && len_d >= 14'(sl_pkg::FRAME_MIN) && !skip_q[sel_q]) ? ROOM : END;
          end else if (last_here) begin
            state_q <= REPORT;
            if (skip_q[sel_q] || used == 5'(MOST)) state_q <= END;
            else if (from_q == '0 && !told_q && !tail_i[sel_q]) stuck_q[sel_q] <= 1'b1;
          end
        end
        ROOM: if (free > (BUF_LOG2+1)'((len_q + 14'd63) >> 6)) state_q <= PAY;
        PAY: if (pay_done) state_q <= END;
        END: begin
          state_q <= (i_q + 5'd1 == limit_q || !en_i) ? REPORT : SCAN;
          if (!skip_q[sel_q] && frame_bad_q) error_o <= 1'b1;
          skip_q[sel_q] <= !ended_q && en_i;
        end
        REPORT: if (!report_q || !en_i || cpl_ready_i) state_q <= IDLE;
        default: state_q <= IDLE;
      endcase
    end
    if (state_q == CTX) begin
      limit_q  <= limit;
      first_q  <= 16'(limit) > to_end ? to_end[4:0] : limit;
      reqs_q   <= 16'(limit) > to_end;
      filled_q <= '0;
      from_q   <= '0;
      i_q      <= '0;
      len_q    <= '0;
      good_q   <= 1'b1;
      bad_q    <= 1'b0;
      told_q   <= tail_i[sel_q];
      report_q <= 1'b0;
      errors_q <= '0;
    end else if (tail_i[sel_q]) begin
      told_q <= 1'b1;
    end
    if (rsp_valid_i && state_q != PAY) begin
      for (int j = 0; j < 4; j++) begin
        if (7'(16 * j) < rsp_bytes_i) desc_q[4'(filled_q + 5'(j))] <= rsp_data_i[128*j +: 128];
      end
      filled_q <= filled_q + 5'(rsp_bytes_i >> 4);
      if (rsp_last_i) reqs_q <= 1'b0;
      if (rsp_last_i && rsp_err_i) bad_q <= 1'b1;
    end
    if (state_q == SCAN) begin
      good_q      <= good_d;
      len_q       <= len_d;
      ended_q     <= desc_eop;
      frame_bad_q <= !(desc_eop && good_d && len_d >= 14'(sl_pkg::FRAME_MIN));
      if (!desc_eop && !last_here) i_q <= i_q + 5'd1;
    end
    if (state_q == ROOM) begin
      ask_q      <= from_q;
      got_q      <= '0;
      out_left_q <= len_q;
    end
    if (state_q == PAY) begin
      if (rd_valid_o && rd_ready_i) ask_q <= ask_q + 5'd1;
      if (rsp_valid_i && rsp_last_i) begin
        got_q <= got_q + 5'd1;
        if (rsp_err_i) frame_bad_q <= 1'b1;
      end
      if (pop) out_left_q <= out_left_q - 14'(pop_n);
    end
    if (state_q == END) begin
      report_q <= 1'b1;
      from_q   <= i_q + 5'd1;
      i_q      <= i_q + 5'd1;
      len_q    <= '0;
      good_q   <= 1'b1;
      if (!skip_q[sel_q] && frame_bad_q) errors_q <= errors_q + 16'd1;
    end
  end
  always_comb begin
    for (int i = 0; i < N; i++) active_o[i] = state_q != IDLE && sel_q == NL'(i);
  end
  assign busy_o = state_q != IDLE || pick_valid || m_axis_tvalid || rd_q != commit_q;

`ifndef SYNTHESIS
  initial assert ((1 << BUF_LOG2) * sl_pkg::BEAT_BYTES > sl_pkg::FRAME_MAX + 64)
    else $fatal(1, "sl_txq: the buffer must hold a whole frame");
  a_buffer: assert property (@(posedge clk_i) disable iff (!rst_ni) pop |-> free != '0);
  a_read_committed: assert property (@(posedge clk_i) disable iff (!rst_ni) out_read |-> rd_q != commit_q);
  a_stable: assert property (@(posedge clk_i) disable iff (!rst_ni)
    m_axis_tvalid && !m_axis_tready |=> m_axis_tvalid && $stable(m_axis_tdata) && $stable(m_axis_tlast));
`endif
endmodule
