// SPDX-License-Identifier: BSD-3-Clause
// Whole frames from one clock to another, between a MAC and the card (docs/shell.md). A frame is given on when all of
// it is here, so it leaves without a pause. Beats lie in a ring; what crosses is the number of frames in, one way, and
// of beats out, the other, in Gray code. A frame that does not fit is dropped whole and counted if DROP is set;
// otherwise the sender waits.
//
//   s_clk_i   beats ─► ring ─► frames in  ───────► frames to give ─► beats   m_clk_i
//                      room ◄─ beats out  ◄───────
//
// A reset of either side empties the ring. It has to last four clocks of the slower side. Out of a reset of the other
// side, a frame that had begun to leave ends with a beat that is marked bad, and the rest of one that had begun to come
// is dropped, as is all that comes while the other side is in reset.
`default_nettype none
module sl_frame_cdc #(
  parameter int unsigned LOG2 = 9,               // beats
  parameter int unsigned DROP = 1
) (
  input  wire logic         s_clk_i,
  input  wire logic         s_rst_ni,
  input  wire logic         s_valid_i,
  output logic              s_ready_o,
  input  wire logic [511:0] s_data_i,
  input  wire logic [63:0]  s_keep_i,
  input  wire logic         s_last_i,
  input  wire logic         s_bad_i,             // with last
  output logic [15:0]       s_dropped_o,         // frames, in Gray code
  input  wire logic         m_clk_i,
  input  wire logic         m_rst_ni,
  output logic              m_valid_o,
  input  wire logic         m_ready_i,
  output logic [511:0]      m_data_o,
  output logic [63:0]       m_keep_o,
  output logic              m_last_o,
  output logic              m_bad_o
);
  localparam int unsigned DEPTH = 1 << LOG2;
  typedef logic [LOG2:0] count_t;
  function automatic count_t to_gray(input count_t n);
    to_gray = n ^ (n >> 1);
  endfunction
  function automatic count_t from_gray(input count_t g);
    for (int i = LOG2; i >= 0; i--) from_gray[i] = ^(g >> i);
  endfunction

  (* ram_style = "block" *)       logic [511+65:0] ring [0:DEPTH-1];
  (* ram_style = "distributed" *) logic            lasts [0:DEPTH-1];

  // The sender's side.
  (* async_reg = "true" *) count_t out_1_q, out_2_q;
  (* async_reg = "true" *) logic   m_up_1_q, m_up_2_q;
  count_t      wr_q, start_q, frames_q, frames_gray_q, out_gray_q;
  logic        in_q, skip_q, full, take, keep, lose;
  logic [15:0] lost_q;
  assign full      = wr_q - from_gray(out_2_q) == count_t'(DEPTH);
  assign s_ready_o = DROP != 0 || !full || skip_q || !m_up_2_q;
  assign take      = s_valid_i && s_ready_o;
  assign lose      = skip_q || !m_up_2_q || full;
  assign keep      = take && !lose;
  always_ff @(posedge s_clk_i) begin
    out_1_q  <= out_gray_q;
    out_2_q  <= out_1_q;
    m_up_1_q <= m_rst_ni;
    m_up_2_q <= m_up_1_q;
    if (!s_rst_ni) begin
      in_q   <= 1'b0;
      skip_q <= 1'b0;
      lost_q <= '0;
    end else begin
      if (take) in_q <= !s_last_i;
      // From the first beat that is lost to the frame's last.
      skip_q <= take ? lose && !s_last_i : skip_q || (in_q && !m_up_2_q);
      if (take && lose && s_last_i) lost_q <= lost_q + 16'd1;
    end
    if (!s_rst_ni || !m_up_2_q) begin
      wr_q     <= '0;
      start_q  <= '0;
      frames_q <= '0;
    end else if (take) begin
      wr_q <= lose ? start_q : wr_q + 1'b1;
      if (s_last_i && !lose) begin
        start_q  <= wr_q + 1'b1;
        frames_q <= frames_q + 1'b1;
      end
    end
    frames_gray_q <= to_gray(frames_q);
    s_dropped_o   <= lost_q ^ (lost_q >> 1);
    if (keep) ring[wr_q[LOG2-1:0]]  <= {s_bad_i, s_keep_i, s_data_i};
    if (keep) lasts[wr_q[LOG2-1:0]] <= s_last_i;
  end

  // The receiver's side.
  (* async_reg = "true" *) count_t in_1_q, in_2_q;
  (* async_reg = "true" *) logic   s_up_1_q, s_up_2_q;
  count_t rd_q, given_q;
  logic   open_q, step, last, close;
  assign step  = s_up_2_q && given_q != from_gray(in_2_q) && (!m_valid_o || m_ready_i);
  assign last  = lasts[rd_q[LOG2-1:0]];
  assign close = !s_up_2_q && open_q && (!m_valid_o || m_ready_i);
  always_ff @(posedge m_clk_i) begin
    in_1_q   <= frames_gray_q;
    in_2_q   <= in_1_q;
    s_up_1_q <= s_rst_ni;
    s_up_2_q <= s_up_1_q;
    if (!m_rst_ni) begin
      m_valid_o <= 1'b0;
      open_q    <= 1'b0;
    end else begin
      if (m_ready_i) m_valid_o <= 1'b0;
      if (step) begin
        m_valid_o <= 1'b1;
        open_q    <= !last;
      end
      if (close) begin
        m_valid_o <= 1'b1;
        open_q    <= 1'b0;
      end
    end
    if (!m_rst_ni || !s_up_2_q) begin
      rd_q    <= '0;
      given_q <= '0;
    end else if (step) begin
      rd_q <= rd_q + 1'b1;
      if (last) given_q <= given_q + 1'b1;
    end
    out_gray_q <= to_gray(rd_q);
    if (step) {m_bad_o, m_keep_o, m_data_o} <= ring[rd_q[LOG2-1:0]];
    if (step) m_last_o <= last;
    if (close) begin
      m_bad_o  <= 1'b1;
      m_keep_o <= 64'd1;
      m_last_o <= 1'b1;
    end
  end

`ifndef SYNTHESIS
  a_fits: assert property (@(posedge s_clk_i) disable iff (!s_rst_ni)
    DROP == 0 && s_valid_i && full |-> wr_q - start_q != count_t'(DEPTH));
  a_stable: assert property (@(posedge m_clk_i) disable iff (!m_rst_ni)
    m_valid_o && !m_ready_i |=> m_valid_o && $stable(m_data_o) && $stable(m_last_o));
  a_no_pause: assert property (@(posedge m_clk_i) disable iff (!m_rst_ni || !s_up_2_q)
    m_valid_o && m_ready_i && !m_last_o |=> m_valid_o);
`endif
endmodule
