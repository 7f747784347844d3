// SPDX-License-Identifier: BSD-3-Clause
// Proof harness of sl_arb, with small rings and short frames. The ports hold a descriptor until it is taken and deliver
// a beat one clock after rd_o. Emit and punt give back a frame and any number of the beats that they hold, when they
// like; the harness counts for itself what is in their rings. (hierconn: flatten joins these to u_dut's own.)
`default_nettype none
module f_arb #(
  parameter int unsigned NPORTS = 2,
  parameter int unsigned RING_LOG2 = 2,
  parameter int unsigned FRAMES = 2,
  parameter int unsigned BEATS_MAX = 3
) (
  input wire logic                  clk_i,
  input wire logic                  bubble_i,
  input wire logic [NPORTS-1:0]     arrive_i,
  input wire logic [13:0]           len_i,
  input wire logic [NPORTS*512-1:0] rd_data_i,
  input wire logic                  emit_done_i,
  input wire logic [7:0]            emit_beats_i,
  input wire logic                  punt_done_i,
  input wire logic [7:0]            punt_beats_i
);
  logic rst_n = 1'b0;
  always_ff @(posedge clk_i) rst_n <= 1'b1;

  // Each port has at most one frame waiting, of any length.
  logic [NPORTS-1:0]    waits_q, pop, rd;
  logic [NPORTS*14-1:0] len_q;
  logic                 valid, sop, eop, busy;
  logic [2:0]           port;
  logic [13:0]          len;
  logic [511:0]         data;
  logic                 emit_done, punt_done;
  always_ff @(posedge clk_i) begin
    for (int p = 0; p < NPORTS; p++) begin
      if (!rst_n || pop[p]) waits_q[p] <= 1'b0;
      if (rst_n && arrive_i[p] && (!waits_q[p] || pop[p])) begin
        waits_q[p] <= 1'b1;
        len_q[14*p +: 14] <= len_i;
      end
    end
  end
  sl_arb #(.NPORTS(NPORTS), .RING_LOG2(RING_LOG2), .FRAMES(FRAMES)) u_dut (
    .clk_i, .rst_ni(rst_n), .bubble_i, .desc_valid_i(waits_q), .desc_len_i(len_q), .desc_pop_o(pop), .rd_o(rd),
    .rd_data_i, .valid_o(valid), .sop_o(sop), .eop_o(eop), .port_o(port), .len_o(len), .data_o(data),
    .emit_done_i(emit_done), .emit_beats_i, .punt_done_i(punt_done), .punt_beats_i,
    .busy_o(busy)
  );

  // What was read in the last clock must come out now.
  logic [NPORTS-1:0] rd_q, pop_q;
  logic [13:0]       popped_len_q;
  logic [7:0]        left_q;      // beats of the frame under way after this one
  logic [2:0]        port_q;      // its port
  logic [2:0]        came_from;
  logic [7:0]        beats;
  always_comb begin
    came_from = '0;
    for (int p = 0; p < NPORTS; p++) if (rd_q[p]) came_from = 3'(p);
  end
  assign beats = 8'((len + 14'd63) >> 6);
  always_ff @(posedge clk_i) begin
    rd_q  <= rst_n ? rd : '0;
    pop_q <= rst_n ? pop : '0;
    for (int p = 0; p < NPORTS; p++) if (pop[p]) popped_len_q <= len_q[14*p +: 14];
    if (!rst_n) left_q <= '0;
    else if (valid) begin
      left_q <= sop ? beats - 8'd1 : left_q - 8'd1;
      port_q <= port;
    end
  end

  // Emit and punt: the frames and beats that they hold.
  logic [RING_LOG2+1:0] emit_ring_q, punt_ring_q;
  logic [3:0]           emit_frames_q, punt_frames_q;
  assign emit_done = emit_done_i && emit_frames_q != '0 && emit_beats_i <= 8'(emit_ring_q);
  assign punt_done = punt_done_i && punt_frames_q != '0 && punt_beats_i <= 8'(punt_ring_q);
  (* hierconn *) logic [RING_LOG2:0] \u_dut.emit_used_q ;
  (* hierconn *) logic [RING_LOG2:0] \u_dut.punt_used_q ;
  (* hierconn *) logic [7:0]         \u_dut.emit_frames_q ;
  (* hierconn *) logic [7:0]         \u_dut.punt_frames_q ;
  always_ff @(posedge clk_i) begin
    if (!rst_n) begin
      emit_ring_q   <= '0;
      punt_ring_q   <= '0;
      emit_frames_q <= '0;
      punt_frames_q <= '0;
    end else begin
      emit_ring_q   <= emit_ring_q + (RING_LOG2+2)'(valid) - (emit_done ? (RING_LOG2+2)'(emit_beats_i) : '0);
      punt_ring_q   <= punt_ring_q + (RING_LOG2+2)'(valid) - (punt_done ? (RING_LOG2+2)'(punt_beats_i) : '0);
      emit_frames_q <= emit_frames_q + 4'(valid && sop) - 4'(emit_done);
      punt_frames_q <= punt_frames_q + 4'(valid && sop) - 4'(punt_done);
    end
  end

  // Frames of other ports that started while port 0 waited.
  logic [2:0] others_q;
  always_ff @(posedge clk_i) begin
    if (!rst_n || !waits_q[0] || pop[0]) others_q <= '0;
    else if (pop != '0)                  others_q <= others_q + 3'd1;
  end

  // Nothing is in flight: what waits may start at once.
  logic empty_q;
  always_ff @(posedge clk_i) empty_q <= rst_n && !busy && waits_q != '0 && !bubble_i && emit_ring_q == '0
                                        && punt_ring_q == '0;

  logic bubble_q;
  always_ff @(posedge clk_i) bubble_q <= bubble_i;

  always_comb begin
    assume (len_i != 14'd0 && len_i <= 14'(64*BEATS_MAX));
    if (rst_n) begin
      beats_match: assert (valid == (rd_q != '0) && (!valid || (rd_q & (rd_q - 1'b1)) == '0)
                           && (!valid || (port == came_from && data == rd_data_i[512*came_from +: 512])));
      frames_match: assert ((valid && sop) == (pop_q != '0) && (!(valid && sop) || pop_q == rd_q)
                            && (!valid || len == popped_len_q));
      no_interleave: assert (!valid || (sop ? left_q == 8'd0 : left_q != 8'd0 && port == port_q));
      frame_length:  assert (!valid || eop == ((sop ? beats : left_q) == 8'd1));
      rings:  assert (emit_ring_q <= (RING_LOG2+2)'(1 << RING_LOG2) && punt_ring_q <= (RING_LOG2+2)'(1 << RING_LOG2));
      frames: assert (emit_frames_q <= 4'(FRAMES) && punt_frames_q <= 4'(FRAMES));
      counts: assert (\u_dut.emit_frames_q == 8'(emit_frames_q) + 8'(valid && sop)
                      && \u_dut.punt_frames_q == 8'(punt_frames_q) + 8'(valid && sop)
                      && (RING_LOG2+2)'(\u_dut.emit_used_q ) == emit_ring_q + (RING_LOG2+2)'(valid)
                      && (RING_LOG2+2)'(\u_dut.punt_used_q ) == punt_ring_q + (RING_LOG2+2)'(valid));
      fair:   assert (others_q <= 3'(NPORTS - 1));
      starts: assert (!empty_q || (valid && sop));
      bubble: assert (!(valid && sop) || !bubble_q);
    end
  end
endmodule
