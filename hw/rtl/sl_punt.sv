// SPDX-License-Identifier: BSD-3-Clause
// Stage punt (docs/datapath.md, 10) and the final verdict of every frame: meters, room in the host buffer, copies. The
// frame's beats wait in a ring of their own, so that a frame for the host is read there while emit sends others.
//
//   beats of all frames ─► ring ─► (skip or copy) ─► host buffer ─► m_axis_host
//   verdicts            ─► queue ────┘
//
// Room in the host buffer is reserved at the verdict, so a frame is delivered whole or not at all.
`default_nettype none
module sl_punt #(
  parameter int unsigned RING_LOG2 = 9,
  parameter int unsigned FRAMES_LOG2 = 7,
  parameter int unsigned HOST_LOG2 = 11      // beats of the host buffer; a quarter as many frames
) (
  input  wire logic                      clk_i,
  input  wire logic                      rst_ni,
  input  wire logic                      tick_i,
  input  wire logic [1:0]                tick_size_i,
  input  wire logic                      meter_write_i,
  input  wire logic [5:0]                meter_index_i,
  input  wire logic [127:0]              meter_data_i,
  // Beats as they come from sl_arb.
  input  wire logic                      beat_i,
  input  wire logic [511:0]              data_i,
  // One per frame, from action.
  input  wire logic                      valid_i,
  input  wire sl_dp_pkg::job_t           job_i,
  input  wire logic [5:0]                meter_i,
  input  wire sl_dp_pkg::found_t         found_i,
  // Credits back to sl_arb.
  output logic                           done_o,
  output logic [7:0]                     done_beats_o,
  // The final verdict, for sl_counters.
  output logic                           verdict_o,
  output logic [7:0]                     reason_o,
  output logic [13:0]                    len_o,
  output logic [7:0]                     rule_o,       // as in job_t
  output logic [31:0]                    flow_id_o,
  output logic                           copy_o,       // copied as well
  output logic                           copy_lost_o,  // should have been
  // To the host.
  output logic                           m_axis_host_tvalid,
  input  wire logic                      m_axis_host_tready,
  output logic [511:0]                   m_axis_host_tdata,
  output logic [6:0]                     m_axis_host_bytes,
  output logic                           m_axis_host_tlast,
  output sl_dp_pkg::host_meta_t          m_axis_host_tuser,
  output logic                           busy_o        // but for frames that wait for the host
);
  // v1: the meter.
  logic [sl_pkg::METERS-1:0] pass, take;
  logic        wants, meter_write_q;
  logic [5:0]  meter_index_q;
  // (A register command's, a clock later: the entry stays that long.)
  always_ff @(posedge clk_i) begin
    meter_write_q <= rst_ni && meter_write_i;
    meter_index_q <= meter_index_i;
  end
  assign wants = valid_i && (job_i.reason == sl_pkg::REASON_FORWARDED ? job_i.copy : job_i.reason < 8'd64);
  for (genvar m = 0; m < sl_pkg::METERS; m++) begin : g_meter
    assign take[m] = wants && meter_i == 6'(m);
    sl_meter u_meter (
      .clk_i, .rst_ni, .write_i(meter_write_q && meter_index_q == 6'(m)), .data_i(meter_data_i),
      .tick_i, .tick_size_i, .take_i(take[m]), .pass_o(pass[m])
    );
  end

  logic              valid1_q, wants1_q, pass1_q;
  sl_dp_pkg::job_t   job1_q;
  sl_dp_pkg::found_t found1_q;
  logic [7:0]        beats1_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid1_q <= 1'b0;
    else         valid1_q <= valid_i;
    if (valid_i) begin
      job1_q   <= job_i;
      found1_q <= found_i;
      beats1_q <= 8'((job_i.len + 14'd63) >> 6);
      wants1_q <= wants;
      pass1_q  <= pass[meter_i];
    end
  end

  // v2: room in the host buffer, and the verdict.
  logic [HOST_LOG2:0]   room_q;       // beats not reserved
  logic [HOST_LOG2-2:0] frames_q;     // frames reserved or waiting
  logic                 fits, accept, beat_out, frame_out;
  logic [HOST_LOG2+1:0] rest;         // beats that would be left; signed
  assign rest   = {1'b0, room_q} - (HOST_LOG2+2)'(beats1_q);
  assign fits   = !rest[HOST_LOG2+1] && !frames_q[HOST_LOG2-2];
  assign accept = valid1_q && wants1_q && pass1_q && fits;

  sl_dp_pkg::host_meta_t meta1;
  always_comb begin
    // (Undefined without a frame: nothing looks at it then.)
    meta1 = 'x;
    if (valid1_q) begin
      meta1.len        = job1_q.len;
      meta1.port       = 8'(job1_q.port);
      meta1.reason     = job1_q.reason;
      meta1.rule       = job1_q.rule[7] ? 8'hff : {2'b00, job1_q.rule[5:0]};
      meta1.tenant     = job1_q.tenant;
      meta1.mark_valid = job1_q.mark_valid;
      meta1.mark       = job1_q.mark;
      meta1.hash       = found1_q.hash[31:0];
      meta1.flow_id    = found1_q.flow_id;
      if (job1_q.reason == sl_pkg::REASON_FORWARDED) begin
        meta1.reason     = sl_pkg::REASON_COPY;
        meta1.mark_valid = 1'b1;
        meta1.mark       = job1_q.copy_mark;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      room_q      <= (HOST_LOG2+1)'(1 << HOST_LOG2);
      frames_q    <= '0;
      verdict_o   <= 1'b0;
      copy_o      <= 1'b0;
      copy_lost_o <= 1'b0;
    end else begin
      room_q   <= (accept ? rest[HOST_LOG2:0] : room_q) + (HOST_LOG2+1)'(beat_out);
      frames_q <= frames_q + (HOST_LOG2-1)'(accept) - (HOST_LOG2-1)'(frame_out);
      verdict_o   <= valid1_q;
      copy_o      <= accept && job1_q.reason == sl_pkg::REASON_FORWARDED;
      copy_lost_o <= valid1_q && wants1_q && !accept && job1_q.reason == sl_pkg::REASON_FORWARDED;
    end
    if (valid1_q) begin
      len_o     <= job1_q.len;
      rule_o    <= job1_q.rule;
      flow_id_o <= found1_q.flow_id;
      reason_o  <= job1_q.reason;
      if (wants1_q && job1_q.reason != sl_pkg::REASON_FORWARDED) begin
        if (!pass1_q)   reason_o <= sl_pkg::REASON_METERED;
        else if (!fits) reason_o <= sl_pkg::REASON_HOST_OVERFLOW;
      end
    end
  end

  // The ring and its reader: one clock to skip a frame, one per beat to copy it, when all of its beats are there. What
  // it does with the frame at the head it knows from registers.
  logic [511:0]       ring_mem [0:(1<<RING_LOG2)-1];
  logic [511:0]       ring_q;
  logic [RING_LOG2:0] wr_q, rd_q, behind_q;             // behind_q: beats behind that frame; negative: some to come
  logic               next_valid, next_take, load, head_valid_q, head_take_q, final_q, whole, pop, read;
  logic [6:0]         tail1, next_tail, head_tail_q;    // bytes of the last beat
  logic [7:0]         next_beats, head_beats_q, left_q; // left_q: to copy, the present one too
  logic [FRAMES_LOG2:0] waiting;
  always_ff @(posedge clk_i) begin
    if (!rst_ni)     wr_q <= '0;
    else if (beat_i) wr_q <= wr_q + 1'b1;
    if (beat_i) ring_mem[wr_q[RING_LOG2-1:0]] <= data_i;
    if (read)   ring_q <= ring_mem[rd_q[RING_LOG2-1:0]];
  end
  assign tail1 = {job1_q.len[5:0] == '0, job1_q.len[5:0]};
  sl_fifo #(.W(16), .LOG2(FRAMES_LOG2)) u_frames (
    .clk_i, .rst_ni, .push_i(valid1_q), .data_i({accept, beats1_q, tail1}), .pop_i(load),
    .valid_o(next_valid), .data_o({next_take, next_beats, next_tail}), .count_o(waiting)
  );
  assign whole = head_valid_q && !behind_q[RING_LOG2];
  assign read  = whole && head_take_q;
  assign pop   = whole && (!head_take_q || final_q);
  assign load  = next_valid && (!head_valid_q || pop);

  logic       push_q, last_q;
  logic [6:0] bytes_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      rd_q         <= '0;
      behind_q     <= '0;
      head_valid_q <= 1'b0;
      push_q       <= 1'b0;
      done_o       <= 1'b0;
    end else begin
      if (read)     rd_q <= rd_q + 1'b1;
      else if (pop) rd_q <= rd_q + (RING_LOG2+1)'(head_beats_q);
      behind_q     <= behind_q - (load ? (RING_LOG2+1)'(next_beats) : '0) + (RING_LOG2+1)'(beat_i);
      head_valid_q <= load || (head_valid_q && !pop);
      push_q <= read;
      done_o <= pop;
    end
    if (load) begin
      {head_take_q, head_beats_q, head_tail_q} <= {next_take, next_beats, next_tail};
      left_q  <= next_beats;
      final_q <= next_beats == 8'd1;
    end else if (read) begin
      left_q  <= left_q - 8'd1;
      final_q <= left_q == 8'd2;
    end
    if (pop) done_beats_o <= head_beats_q;
    if (read) begin
      last_q  <= pop;
      bytes_q <= pop ? head_tail_q : 7'd64;
    end
  end

  // The host buffer.
  logic [HOST_LOG2:0] host_free;
  sl_ram_fifo #(.W(520), .LOG2(HOST_LOG2)) u_host (
    .clk_i, .rst_ni, .push_i(push_q), .commit_i(1'b1), .data_i({last_q, bytes_q, ring_q}), .free_o(host_free),
    .valid_o(m_axis_host_tvalid), .data_o({m_axis_host_tlast, m_axis_host_bytes, m_axis_host_tdata}), .pop_i(beat_out)
  );
  logic meta_valid;
  logic [HOST_LOG2-2:0] metas;
  sl_fifo #(.W(sl_dp_pkg::META_W), .LOG2(HOST_LOG2 - 2)) u_meta (
    .clk_i, .rst_ni, .push_i(accept), .data_i(meta1), .pop_i(frame_out), .valid_o(meta_valid),
    .data_o(m_axis_host_tuser), .count_o(metas)
  );
  assign beat_out  = m_axis_host_tvalid && m_axis_host_tready;
  assign frame_out = beat_out && m_axis_host_tlast;
  assign busy_o    = meter_write_q || valid1_q || next_valid || head_valid_q || push_q || verdict_o || done_o
                     || (meta_valid && !m_axis_host_tvalid);

`ifndef SYNTHESIS
  a_meta_first: assert property (@(posedge clk_i) disable iff (!rst_ni) m_axis_host_tvalid |-> meta_valid);
  a_reserved: assert property (@(posedge clk_i) disable iff (!rst_ni) push_q |-> host_free != '0);
  a_frames: assert property (@(posedge clk_i) disable iff (!rst_ni) metas == frames_q);
`endif
endmodule
