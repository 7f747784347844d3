// SPDX-License-Identifier: BSD-3-Clause
// Receive queues (docs/device.md, 5): frames of the datapath into the buffers of the rx rings, one frame at a time.
//
//   choose queue ─► read descriptors ─► does it fit? ─► write payload ─► all acknowledged ─► completions
//                                        │ no
//                                        └► drop, counted: nothing has been written
`default_nettype none
module sl_rxq #(
  parameter int unsigned N = 16,
  parameter int unsigned NL = 4
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
  // sl_queue.
  output logic [NL-1:0]          sel_o,
  input  wire logic              en_i,
  input  wire logic [N-1:0]      en_all_i,
  input  wire logic [3*N-1:0]    port_all_i,
  input  wire logic [63:0]       sq_addr_i,
  input  wire logic [14:0]       sq_head_i,
  input  wire logic [14:0]       sq_mask_i,
  input  wire logic [14:0]       pending_i,
  input  wire logic [14:0]       room_i,
  output logic                   consume_o,      // one entry
  output logic                   fail_o,
  output logic [7:0]             fail_status_o,
  output logic [N-1:0]           active_o,
  output logic                   cpl_valid_o,
  input  wire logic              cpl_ready_i,
  output logic [255:0]           cpl_data_o,
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
  input  wire logic              pend_i,
  // One pulse per frame.
  output logic                   done_o,
  output logic                   no_host_o,
  output logic                   host_full_o,
  output logic [13:0]            done_len_o,
  output logic                   busy_o
);
  localparam logic [3:0] IDLE = 4'd0, COUNT = 4'd1, PICK = 4'd2, CTX = 4'd3, REQ1 = 4'd4, REQ2 = 4'd5, WAIT = 4'd6,
                         FIT = 4'd7, WRITE = 4'd8, FLUSH = 4'd9, CPL = 4'd10, DRAIN = 4'd11;
  localparam int unsigned MOST = sl_pkg::RX_SEGMENTS_MAX;

  logic [3:0]            state_q;
  sl_dp_pkg::host_meta_t meta_q;
  logic [N-1:0]          mask_q, mask_d;
  logic [NL-1:0]         sel_q, pick;
  logic [NL:0]           n, index_q;
  logic [127:0]          desc_q [0:MOST-1];
  logic [4:0]            limit_q, limit, first_q, filled_q, i_q, buffers_q;
  logic [13:0]           left_q, in_left_q, part;
  logic                  err_q, reqs_q, bad_q;
  logic [31:0]           desc_len;
  logic [63:0]           desc_iova;

  // The queue: of the port's n enabled ones number (hash x n) >> 32.
  always_comb begin
    for (int i = 0; i < N; i++) mask_d[i] = en_all_i[i] && 8'(port_all_i[3*i +: 3]) == s_axis_tuser.port;
    n = '0;
    for (int i = 0; i < N; i++) n = n + (NL+1)'(mask_q[i]);
  end
  logic [NL:0] seen;
  always_comb begin
    pick = '0;
    seen = '0;
    for (int i = 0; i < N; i++) begin
      if (mask_q[i] && seen == index_q) pick = NL'(i);
      seen = seen + (NL+1)'(mask_q[i]);
    end
  end
  assign sel_o = sel_q;

  always_comb begin
    limit = 5'(MOST);
    if (pending_i < 15'(MOST)) limit = pending_i[4:0];
    if (room_i < 15'(limit)) limit = room_i[4:0];
    // No buffer is shorter than 64 bytes.
    if (((meta_q.len + 14'd63) >> 6) < 14'(limit)) limit = 5'((meta_q.len + 14'd63) >> 6);
  end
  logic [15:0] to_end;
  assign to_end = 16'(sq_mask_i) + 16'd1 - 16'(sq_head_i);

  assign desc_len  = desc_q[i_q[3:0]][95:64];
  assign desc_iova = desc_q[i_q[3:0]][63:0];
  assign part      = desc_len < 32'(left_q) ? desc_len[13:0] : left_q;

  logic [4:0] rest;               // beyond the ring's end
  assign rest = limit_q - first_q;
  assign rd_valid_o = state_q == REQ1 || state_q == REQ2;
  assign rd_addr_o  = sq_addr_i + (state_q == REQ1 ? 64'(sq_head_i) << 4 : 64'd0);
  assign rd_len_o   = state_q == REQ1 ? 14'(first_q) << 4 : 14'(rest) << 4;
  assign wr_valid_o = state_q == WRITE;
  assign wr_addr_o  = desc_iova;
  assign wr_len_o   = part;

  logic [7:0] held;
  logic       push;
  logic [6:0] push_n;
  assign push_n = in_left_q > 14'd64 ? 7'd64 : in_left_q[6:0];
  assign s_axis_tready = state_q == DRAIN
                         || ((state_q == WRITE || state_q == FLUSH) && in_left_q != '0 && held <= 8'd64);
  assign push = s_axis_tvalid && s_axis_tready && state_q != DRAIN;
  sl_gear u_gear (
    .clk_i, .rst_ni, .clear_i(state_q == CTX), .push_i(push), .push_n_i(push_n), .data_i(s_axis_tdata),
    .pop_i(wr_pop_i),
    .pop_n_i(wr_pop_n_i), .count_o(held), .data_o(wr_data_o)
  );
  assign wr_avail_o = held;

  logic last_cpl;
  assign last_cpl    = i_q + 5'd1 == buffers_q;
  assign cpl_valid_o = state_q == CPL && en_i;
  assign consume_o   = cpl_valid_o && cpl_ready_i;
  assign cpl_data_o  = {8'd0, 6'd0, meta_q.mark_valid, last_cpl, 2'd0, meta_q.len, meta_q.tenant, 8'd0, meta_q.rule,
                        time_ms_i, meta_q.flow_id, meta_q.hash, meta_q.mark_valid ? meta_q.mark : 32'd0, meta_q.reason,
                        meta_q.port, 1'b0, sq_head_i, 18'd0, part};
  always_comb begin
    fail_o = 1'b0;
    fail_status_o = sl_pkg::STATUS_DMA_ERROR;
    if (state_q == FIT && bad_q) fail_o = 1'b1;
    if (state_q == FIT && !bad_q && desc_len < 32'(sl_pkg::RX_BUFFER_MIN)) begin
      fail_o = 1'b1;
      fail_status_o = sl_pkg::STATUS_BAD_VALUE;
    end
    if (state_q == FLUSH && !pend_i && in_left_q == '0 && err_q) fail_o = 1'b1;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q     <= IDLE;
      no_host_o   <= 1'b0;
      host_full_o <= 1'b0;
      done_o      <= 1'b0;
    end else begin
      no_host_o   <= 1'b0;
      host_full_o <= 1'b0;
      done_o      <= 1'b0;
      case (state_q)
        IDLE: if (s_axis_tvalid) state_q <= COUNT;
        COUNT: begin
          state_q <= PICK;
          if (n == '0) begin
            no_host_o <= 1'b1;
            state_q   <= DRAIN;
          end
        end
        PICK: state_q <= CTX;
        CTX: begin
          state_q <= REQ1;
          if (limit == '0) begin
            host_full_o <= 1'b1;
            state_q     <= DRAIN;
          end
        end
        REQ1: if (rd_ready_i) state_q <= first_q == limit_q ? WAIT : REQ2;
        REQ2: if (rd_ready_i) state_q <= WAIT;
        WAIT: if (rsp_valid_i && rsp_last_i && !reqs_q) state_q <= FIT;
        FIT: begin
          if (fail_o || (desc_len < 32'(left_q) && i_q + 5'd1 == limit_q)) begin
            host_full_o <= 1'b1;
            state_q     <= DRAIN;
          end else if (desc_len >= 32'(left_q)) begin
            state_q <= WRITE;
          end
        end
        WRITE: if (wr_ready_i && i_q + 5'd1 == buffers_q) state_q <= FLUSH;
        FLUSH: begin
          if (!pend_i && in_left_q == '0) begin
            state_q <= CPL;
            if (err_q || !en_i) begin
              host_full_o <= 1'b1;
              state_q     <= IDLE;
            end
          end
        end
        CPL: begin
          if (!en_i) state_q <= IDLE;
          else if (cpl_ready_i && last_cpl) begin
            state_q <= IDLE;
            done_o  <= 1'b1;
          end
        end
        DRAIN: if (s_axis_tvalid && s_axis_tlast) state_q <= IDLE;
        default: state_q <= IDLE;
      endcase
    end
    if (state_q == IDLE && s_axis_tvalid) begin
      meta_q     <= s_axis_tuser;
      done_len_o <= s_axis_tuser.len;
      mask_q     <= mask_d;
    end
    if (state_q == COUNT) index_q <= (NL+1)'((37'(meta_q.hash) * 37'(n)) >> 32);
    if (state_q == PICK) sel_q <= pick;
    if (state_q == CTX) begin
      limit_q   <= limit;
      first_q   <= 16'(limit) > to_end ? to_end[4:0] : limit;
      reqs_q    <= 16'(limit) > to_end;
      filled_q  <= '0;
      i_q       <= '0;
      left_q    <= meta_q.len;
      in_left_q <= meta_q.len;
      err_q     <= 1'b0;
      bad_q     <= 1'b0;
    end
    if (rsp_valid_i) begin
      for (int j = 0; j < 4; j++) begin
        if (7'(16 * j) < rsp_bytes_i) desc_q[4'(filled_q + 5'(j))] <= rsp_data_i[128*j +: 128];
      end
      filled_q <= filled_q + 5'(rsp_bytes_i >> 4);
      if (rsp_last_i) reqs_q <= 1'b0;
      if (rsp_last_i && rsp_err_i) bad_q <= 1'b1;
    end
    if (state_q == FIT) begin
      i_q    <= i_q + 5'd1;
      left_q <= left_q - part;
      if (desc_len >= 32'(left_q)) begin
        buffers_q <= i_q + 5'd1;
        i_q       <= '0;
        left_q    <= meta_q.len;
      end
    end
    if ((state_q == WRITE && wr_ready_i) || consume_o) begin
      i_q    <= i_q + 5'd1;
      left_q <= left_q - part;
      if (state_q == WRITE && i_q + 5'd1 == buffers_q) begin
        i_q    <= '0;
        left_q <= meta_q.len;
      end
    end
    if (push) in_left_q <= in_left_q - 14'(push_n);
    if (b_valid_i && b_err_i) err_q <= 1'b1;
  end
  always_comb begin
    for (int i = 0; i < N; i++) active_o[i] = state_q >= CTX && state_q <= CPL && sel_q == NL'(i);
  end
  assign busy_o = state_q != IDLE || s_axis_tvalid;

`ifndef SYNTHESIS
  a_whole: assert property (@(posedge clk_i) disable iff (!rst_ni)
    push |-> s_axis_tlast == (in_left_q <= 14'd64));
  a_payload_first: assert property (@(posedge clk_i) disable iff (!rst_ni) cpl_valid_o |-> !pend_i);
`endif
endmodule
