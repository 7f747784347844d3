// SPDX-License-Identifier: BSD-3-Clause
// Stage ingress (docs/datapath.md, 1): one port's receive side. The MAC cannot be held back, so each frame is written
// to a ring as it comes and kept only if its end says that it is good; the frames behind it then overwrite it.
//
//      beats  rd_q ─► | frame | frame | frame |  being written ... | ◄─ wr_q
//                                             ^ start_q (the frame being written)
//
// A kept frame has a descriptor (its length). The reader (sl_arb) takes one beat per clock; its data follows one clock
// later. Every frame ends in one event for the counters. What a kept frame is, later stages find out. Of a frame that a
// card reset meets the rest is not looked at.
`default_nettype none
module sl_ingress #(
  parameter int unsigned LOG2 = 9   // log2 of the ring's beats
) (
  input  wire logic         clk_i,
  input  wire logic         rst_ni,         // card
  input  wire logic         por_ni,         // power-on
  input  wire logic         enable_i,
  // From the MAC; tkeep is contiguous from byte 0, tuser on the last beat says that the FCS is wrong.
  input  wire logic         s_axis_tvalid,
  input  wire logic [511:0] s_axis_tdata,
  input  wire logic [63:0]  s_axis_tkeep,
  input  wire logic         s_axis_tlast,
  input  wire logic         s_axis_tuser,
  output logic [15:0]       free_o,         // beats of room
  // To sl_arb.
  output logic              desc_valid_o,
  output logic [13:0]       desc_len_o,
  input  wire logic         desc_pop_i,
  input  wire logic         rd_i,
  output logic [511:0]      rd_data_o,
  // To sl_counters: one pulse per frame.
  output logic              event_o,
  output logic [15:0]       event_len_o,
  output logic [7:0]        event_reason_o, // 0: kept
  output logic              busy_o
);
  localparam int unsigned BEATS_MAX = (sl_pkg::FRAME_MAX + sl_pkg::BEAT_BYTES - 1) / sl_pkg::BEAT_BYTES;

  // Bit i is set where the last byte is in an odd one of the keep's parts of 2^i bytes. (All bits at once: three LUTs,
  // so that nothing else here may be mapped deeper than the wire path's clock allows.)
  function automatic logic [6:0] keep_count(input logic [63:0] keep);
    keep_count = {keep[63], 6'd0};
    for (int i = 0; i < 6; i++)
      for (int n = (1 << i); n < 64; n += 2 << i)
        keep_count[i] = keep_count[i] | (keep[n - 1] & !keep[n + (1 << i) - 1]);
  endfunction

  logic [511:0] mem [0:(1<<LOG2)-1];

  // First register: the beat as it came, with its bytes counted.
  logic         in_valid_q, in_last_q, in_bad_q;
  logic [511:0] in_data_q;
  logic [6:0]   in_bytes_q;
  logic         enable_q;
  logic         mid_q, mid_d, skip_q;       // inside a frame; inside one that began before the card reset ended
  assign mid_d = s_axis_tvalid ? !s_axis_tlast : mid_q;
  always_ff @(posedge clk_i) begin
    enable_q <= rst_ni && enable_i;
    mid_q <= por_ni && mid_d;
    if (!rst_ni)     skip_q <= por_ni && mid_d;
    else if (!mid_d) skip_q <= 1'b0;
    if (!rst_ni) in_valid_q <= 1'b0;
    else         in_valid_q <= s_axis_tvalid && !skip_q;
    if (s_axis_tvalid) begin
      in_data_q  <= s_axis_tdata;
      in_last_q  <= s_axis_tlast;
      in_bad_q   <= s_axis_tuser;
      in_bytes_q <= keep_count(s_axis_tkeep);
    end
  end

  // What a frame is short of the least length (0 when it is not) and of more than the greatest (negative: it is longer)
  // is counted down beside its length, so that a frame's end is judged by two subtractions at once.
  localparam logic [6:0] MIN = 7'(sl_pkg::FRAME_MIN);
  localparam logic [16:0] MAX = 17'(sl_pkg::FRAME_MAX);
  logic [LOG2:0] wr_q, start_q, rd_q, used_q;
  logic [15:0]   len_q, len_d;
  logic          len_end_q;                 // a frame without end is counted no further
  logic [6:0]    lacks_q;
  logic [7:0]    over_d;                    // negative: the beat does not make up for what lacks
  logic [16:0]   left_q, left_d;
  logic [7:0]    beats_q;
  logic          lost_q, full_q, store, runt, oversize, last, good, wrong, keep, read_q;
  logic [7:0]    reason;

  assign store    = in_valid_q && !full_q && !lost_q && beats_q < 8'(BEATS_MAX);
  assign len_d    = len_end_q ? len_q : len_q + 16'(in_bytes_q);
  assign over_d   = {1'b0, in_bytes_q} - {1'b0, lacks_q};
  assign left_d   = left_q - 17'(in_bytes_q);
  assign runt     = over_d[7];
  assign oversize = left_q[16] || left_d[16];

  always_comb begin
    reason = 8'd0;
    if (runt)                  reason = sl_pkg::REASON_RUNT;
    else if (oversize)         reason = sl_pkg::REASON_OVERSIZE;
    else if (in_bad_q)         reason = sl_pkg::REASON_BAD_FCS;
    else if (!enable_q)        reason = sl_pkg::REASON_PORT_DOWN;
    else if (lost_q || full_q) reason = sl_pkg::REASON_RX_OVERFLOW;
  end
  // The length is judged last. What follows if it is good is chosen beside that, so that one LUT is behind it.
  assign last  = in_valid_q && in_last_q;
  assign good  = last && !left_q[16] && !in_bad_q && enable_q && !lost_q && !full_q;
  assign wrong = runt || left_d[16];
  assign keep  = good && !wrong;

  always_ff @(posedge clk_i) begin
    if (store) mem[wr_q[LOG2-1:0]] <= in_data_q;
    if (rd_i)  rd_data_o <= mem[rd_q[LOG2-1:0]];
  end

  // Beats in the ring; what is read now is free in the clock after the next.
  logic [LOG2:0] kept, grown, back, used, next;
  assign kept  = used_q - (LOG2+1)'(read_q);
  assign grown = used_q + (LOG2+1)'(!read_q);
  assign back  = used_q - (LOG2+1)'(beats_q) - (LOG2+1)'(read_q);
  assign used  = last && !good ? back : store ? grown : kept;
  assign next  = last && !good ? start_q : good || store ? wr_q + 1'b1 : wr_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      used_q <= '0;
      full_q <= 1'b0;
      read_q <= 1'b0;
    end else begin
      read_q <= rd_i;
      used_q <= good && wrong ? back : used;
      full_q <= good && wrong ? back[LOG2] : used[LOG2];
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      wr_q      <= '0;
      start_q   <= '0;
      rd_q      <= '0;
      len_q     <= '0;
      len_end_q <= 1'b0;
      lacks_q   <= MIN;
      left_q    <= MAX;
      beats_q   <= '0;
      lost_q    <= 1'b0;
      event_o   <= 1'b0;
    end else begin
      event_o <= last;
      wr_q    <= good && wrong ? start_q : next;
      if (keep) start_q <= wr_q + 1'b1;
      if (rd_i) rd_q <= rd_q + 1'b1;
      if (last) begin
        len_q     <= '0;
        len_end_q <= 1'b0;
        lacks_q   <= MIN;
        left_q    <= MAX;
        beats_q   <= '0;
        lost_q    <= 1'b0;
      end else if (in_valid_q) begin
        len_q     <= len_d;
        len_end_q <= len_d[15:8] == '1;
        lacks_q   <= runt ? -over_d[6:0] : '0;
        if (!left_q[16]) left_q <= left_d;
        if (store) beats_q <= beats_q + 8'd1;
        if (full_q) lost_q <= 1'b1;
      end
    end
    if (last) begin
      event_len_o    <= len_d;
      event_reason_o <= reason;
    end
  end

  // Descriptors: the oldest is in registers, so that sl_arb need not wait for a memory, and the youngest on its way
  // into the memory, so that the memory need not wait for a frame's judgement.
  (* ram_style = "distributed" *) logic [13:0] desc_mem [0:(1<<LOG2)-1];
  logic [LOG2:0] desc_wr_q, desc_rd_q;
  logic [13:0]   kept_len, young_len_q;
  logic          young_q, stored, load;
  assign kept_len = len_q[13:0] + 14'(in_bytes_q);
  assign stored   = desc_wr_q != desc_rd_q;
  assign load     = !desc_valid_o || desc_pop_i;
  always_ff @(posedge clk_i) begin
    if (young_q) desc_mem[desc_wr_q[LOG2-1:0]] <= young_len_q;
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      desc_wr_q    <= '0;
      desc_rd_q    <= '0;
      desc_valid_o <= 1'b0;
      young_q      <= 1'b0;
    end else begin
      if (young_q)                     desc_wr_q <= desc_wr_q + 1'b1;
      if (load && (stored || young_q)) desc_rd_q <= desc_rd_q + 1'b1;
      if (load) desc_valid_o <= stored || young_q || keep;
      young_q <= keep && (!load || stored || young_q);
    end
    if (load) desc_len_o <= stored ? desc_mem[desc_rd_q[LOG2-1:0]] : young_q ? young_len_q : kept_len;
    young_len_q <= kept_len;
  end

  assign free_o = 16'(1 << LOG2) - 16'(used_q);
  assign busy_o = in_valid_q || len_q != 16'd0 || desc_valid_o || young_q || stored || event_o || s_axis_tvalid;

`ifndef SYNTHESIS
  initial assert (LOG2 >= 8) else $fatal(1, "sl_ingress: the ring must hold a whole frame");
  a_read_stored: assert property (@(posedge clk_i) disable iff (!rst_ni) rd_i |-> rd_q != start_q);
  a_bounded: assert property (@(posedge clk_i) disable iff (!rst_ni) used_q <= (LOG2+1)'(1 << LOG2));
  a_used: assert property (@(posedge clk_i) disable iff (!rst_ni) used_q == wr_q - rd_q + (LOG2+1)'(read_q));
`endif
endmodule
