// SPDX-License-Identifier: BSD-3-Clause
// One port's transmit side: takes whole frames in turn from emit and from the host. Emit's frames come without a pause,
// the host's are stored whole before they start, so the frame on the wire is never interrupted by us. A card reset
// forgets what is stored; a frame that it meets on the wire gets one more beat, its last, with tuser: the MAC sends it
// with a wrong FCS.
`default_nettype none
module sl_tx #(
  parameter int unsigned EMIT_LOG2 = 6,
  parameter int unsigned HOST_LOG2 = 10
) (
  input  wire logic         clk_i,
  input  wire logic         rst_ni,         // card
  input  wire logic         por_ni,         // power-on
  // From emit.
  input  wire logic         emit_valid_i,
  input  wire logic [511:0] emit_data_i,
  input  wire logic [6:0]   emit_bytes_i,
  input  wire logic         emit_last_i,
  output logic              emit_room_o,    // a clock ago: for eight beats
  // From the host, for this port.
  input  wire logic         host_valid_i,
  input  wire logic [511:0] host_data_i,
  input  wire logic [63:0]  host_keep_i,
  input  wire logic         host_last_i,
  output logic              host_room_o,    // a clock ago: for three beats
  output logic              host_pop_o,     // a beat has left its queue
  // To the MAC.
  output logic              m_axis_tvalid,
  input  wire logic         m_axis_tready,
  output logic [511:0]      m_axis_tdata,
  output logic [63:0]       m_axis_tkeep,
  output logic              m_axis_tlast,
  output logic              m_axis_tuser,   // with tlast: cut off
  // To sl_counters: one pulse per frame sent.
  output logic              event_o,
  output logic [15:0]       event_len_o,
  output logic              busy_o
);
  // How many bytes are kept: the first ones, without a hole. Bit i of the number is set if the borders that the bytes
  // reach, at every multiple of 2^i, are odd in number.
  function automatic logic [6:0] keep_count(input logic [63:0] keep);
    keep_count = {keep[63], 6'd0};
    for (int i = 0; i < 6; i++)
      for (int k = (1 << i) - 1; k < 64; k += 1 << i) keep_count[i] = keep_count[i] ^ keep[k];
  endfunction

  // The same as a mask, in two parts that wait with the beat, so that little is left to do behind the memory: which
  // eights of bytes are full, and the bytes of the one that is not.
  function automatic logic [14:0] keep_parts(input logic [6:0] n);
    for (int a = 0; a < 8; a++) keep_parts[7 + a] = n[6] || n[5:3] > 3'(a);
    for (int b = 0; b < 7; b++) keep_parts[b] = n[2:0] > 3'(b);
  endfunction
  function automatic logic [63:0] keep_mask(input logic [14:0] parts);
    for (int i = 0; i < 64; i++)
      keep_mask[i] = parts[7 + i / 8] || (i % 8 != 7 && parts[i % 8] && (i < 8 || parts[6 + i / 8]));
  endfunction

  logic [EMIT_LOG2:0] emit_free;
  logic [HOST_LOG2:0] host_free;
  logic               e_valid, e_last, e_pop, h_valid, h_last, h_pop;
  logic [6:0]         e_bytes, h_bytes;
  logic [14:0]        e_keep, h_keep;
  logic [511:0]       e_data, h_data;

  sl_ram_fifo #(.W(535), .LOG2(EMIT_LOG2)) u_emit (
    .clk_i, .rst_ni, .push_i(emit_valid_i), .commit_i(1'b1),
    .data_i({emit_last_i, emit_bytes_i, keep_parts(emit_bytes_i), emit_data_i}), .free_o(emit_free),
    .valid_o(e_valid), .data_o({e_last, e_bytes, e_keep, e_data}), .pop_i(e_pop)
  );

  logic         in_valid_q, in_last_q;
  logic [511:0] in_data_q;
  logic [6:0]   in_bytes_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) in_valid_q <= 1'b0;
    else         in_valid_q <= host_valid_i;
    if (host_valid_i) begin
      in_last_q  <= host_last_i;
      in_data_q  <= host_data_i;
      in_bytes_q <= keep_count(host_keep_i);
    end
  end
  sl_ram_fifo #(.W(535), .LOG2(HOST_LOG2)) u_host (
    .clk_i, .rst_ni, .push_i(in_valid_q), .commit_i(in_last_q),
    .data_i({in_last_q, in_bytes_q, keep_parts(in_bytes_q), in_data_q}), .free_o(host_free),
    .valid_o(h_valid), .data_o({h_last, h_bytes, h_keep, h_data}), .pop_i(h_pop)
  );
  // (The host's: for the beat in in_data_q, for one that comes in this clock and for the next.)
  always_ff @(posedge clk_i) begin
    emit_room_o <= rst_ni && emit_free >= (EMIT_LOG2+1)'(8);
    host_pop_o  <= rst_ni && h_pop;
    host_room_o <= rst_ni && host_free >= (HOST_LOG2+1)'(3);
  end

  // Frames in turn, into the output register.
  logic mid_q, host_q;       // inside a frame; of the host (else the last frame's source)
  logic use_host, take, can, cut_q, cut;     // cut_q: a card reset met a frame, whose last beat still has to leave
  assign can      = !m_axis_tvalid || m_axis_tready;
  assign cut      = can && (cut_q || (!rst_ni && mid_q));
  assign use_host = mid_q ? host_q : h_valid && (!e_valid || !host_q);
  assign take     = can && rst_ni && !cut_q && (use_host ? h_valid : e_valid);
  assign h_pop    = take && use_host;
  assign e_pop    = take && !use_host;

  logic [15:0] len_q;
  logic [6:0]  bytes;
  logic        last;
  assign bytes = use_host ? h_bytes : e_bytes;
  assign last  = use_host ? h_last : e_last;
  always_ff @(posedge clk_i) begin
    if (!por_ni) begin
      m_axis_tvalid <= 1'b0;
      cut_q         <= 1'b0;
    end else begin
      if (can) m_axis_tvalid <= take || cut;
      cut_q <= !cut && (cut_q || (!rst_ni && mid_q));
    end
    if (!rst_ni) begin
      mid_q   <= 1'b0;
      host_q  <= 1'b0;
      event_o <= 1'b0;
      len_q   <= '0;
    end else begin
      event_o <= take && last;
      if (take) begin
        mid_q  <= !last;
        host_q <= use_host;
        len_q  <= last ? 16'd0 : len_q + 16'(bytes);
      end
    end
    if (cut) begin
      m_axis_tkeep <= 64'd1;
      m_axis_tlast <= 1'b1;
      m_axis_tuser <= 1'b1;
    end
    if (take) begin
      m_axis_tdata <= use_host ? h_data : e_data;
      m_axis_tkeep <= keep_mask(use_host ? h_keep : e_keep);
      m_axis_tlast <= last;
      m_axis_tuser <= 1'b0;
      event_len_o  <= len_q + 16'(bytes);
    end
  end

  // What came in the last clock or waited then, and what comes.
  logic waits_q;
  always_ff @(posedge clk_i) begin
    waits_q <= m_axis_tvalid || e_valid || h_valid || in_valid_q || emit_valid_i || host_valid_i
               || emit_free != (EMIT_LOG2+1)'(1 << EMIT_LOG2) || host_free != (HOST_LOG2+1)'(1 << HOST_LOG2);
  end
  assign busy_o = waits_q || emit_valid_i || host_valid_i;

`ifndef SYNTHESIS
  // We never pause inside a frame.
  a_no_pause: assert property (@(posedge clk_i) disable iff (!por_ni)
    m_axis_tvalid && m_axis_tready && !m_axis_tlast |=> m_axis_tvalid);
  a_stable: assert property (@(posedge clk_i) disable iff (!por_ni)
    m_axis_tvalid && !m_axis_tready |=> m_axis_tvalid && $stable(m_axis_tlast) && $stable(m_axis_tkeep));
`endif
endmodule
