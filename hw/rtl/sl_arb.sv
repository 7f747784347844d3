// SPDX-License-Identifier: BSD-3-Clause
// Takes whole frames from the ports in turn and feeds them to the pipeline, one beat per clock and no gap between
// frames. From here on nothing can stall: a beat is taken only if the emit and punt rings have room for it, and a frame
// only if their queues have an entry for it. These credits come back when emit and punt are done with a frame.
//
// bubble_i asks for one clock in which no frame starts: a register read needs one in the counters' pipeline.
`default_nettype none
module sl_arb #(
  parameter int unsigned NPORTS = 2,
  parameter int unsigned RING_LOG2 = 9,     // beats of the emit and punt rings
  parameter int unsigned FRAMES = 120       // frames in flight
) (
  input  wire logic                  clk_i,
  input  wire logic                  rst_ni,
  input  wire logic                  bubble_i,
  input  wire logic [NPORTS-1:0]     desc_valid_i,
  input  wire logic [NPORTS*14-1:0]  desc_len_i,
  output logic      [NPORTS-1:0]     desc_pop_o,
  output logic      [NPORTS-1:0]     rd_o,
  input  wire logic [NPORTS*512-1:0] rd_data_i,
  // To parse.
  output logic                       valid_o,
  output logic                       sop_o,
  output logic                       eop_o,
  output logic      [2:0]            port_o,
  output logic      [13:0]           len_o,
  output logic      [511:0]          data_o,
  // Credits back: a frame and its beats.
  input  wire logic                  emit_done_i,
  input  wire logic [7:0]            emit_beats_i,
  input  wire logic                  punt_done_i,
  input  wire logic [7:0]            punt_beats_i,
  output logic                       busy_o
);
  logic [RING_LOG2:0] emit_used_q, punt_used_q;
  localparam int unsigned COUNT_W = FRAMES > 255 ? 10 : 8;
  logic [COUNT_W-1:0] emit_frames_q, punt_frames_q;

  logic       mid_q;          // inside a frame
  logic [2:0] port_q;         // of the present or last frame
  logic [7:0] left_q;         // beats still to take after this one

  logic       room, start, pick_valid, take;
  logic [2:0] pick;
  logic [13:0] pick_len, less;
  logic [7:0]  pick_left;     // its beats but for the first

  // The next port after the last one that has a frame.
  always_comb begin
    pick = port_q;
    pick_valid = 1'b0;
    for (int i = NPORTS; i >= 1; i--) begin
      if (desc_valid_i[(32'(port_q) + i) % NPORTS]) begin
        pick = 3'((32'(port_q) + i) % NPORTS);
        pick_valid = 1'b1;
      end
    end
    pick_len  = '0;
    pick_left = '0;
    for (int p = 0; p < NPORTS; p++) begin
      less = desc_len_i[14*p +: 14] - 14'd1;
      if (pick == 3'(p)) begin
        pick_len  = desc_len_i[14*p +: 14];
        pick_left = less[13:6];
      end
    end
  end

  // From registers, of the counts a clock ago, so with one beat and one frame less than would have room.
  logic room_q, entry_q;
  always_ff @(posedge clk_i) begin
    room_q  <= rst_ni && emit_used_q < (RING_LOG2+1)'((1 << RING_LOG2) - 2)
               && punt_used_q < (RING_LOG2+1)'((1 << RING_LOG2) - 2);
    entry_q <= rst_ni && emit_frames_q < COUNT_W'(FRAMES - 1) && punt_frames_q < COUNT_W'(FRAMES - 1);
  end
  assign room  = room_q;
  assign start = !mid_q && pick_valid && room && entry_q && !bubble_i;
  assign take  = start || (mid_q && room);

  always_comb begin
    desc_pop_o = '0;
    rd_o = '0;
    for (int p = 0; p < NPORTS; p++) begin
      desc_pop_o[p] = start && pick == 3'(p);
      rd_o[p] = (start && pick == 3'(p)) || (mid_q && room && port_q == 3'(p));
    end
  end

  // What has not come back. (Sums do not wait for the decision.)
  logic [RING_LOG2:0] emit_rest, punt_rest;
  assign emit_rest = emit_used_q - (emit_done_i ? (RING_LOG2+1)'(emit_beats_i) : '0);
  assign punt_rest = punt_used_q - (punt_done_i ? (RING_LOG2+1)'(punt_beats_i) : '0);
  logic [COUNT_W-1:0] emit_left, punt_left;
  assign emit_left = emit_frames_q - COUNT_W'(emit_done_i);
  assign punt_left = punt_frames_q - COUNT_W'(punt_done_i);
  logic [2:0] rd_port_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      mid_q         <= 1'b0;
      port_q        <= '0;
      left_q        <= '0;
      valid_o       <= 1'b0;
      sop_o         <= 1'b0;
      eop_o         <= 1'b0;
      emit_used_q   <= '0;
      punt_used_q   <= '0;
      emit_frames_q <= '0;
      punt_frames_q <= '0;
    end else begin
      valid_o <= take;
      sop_o   <= start;
      eop_o   <= (start && pick_left == 8'd0) || (mid_q && left_q == 8'd1);
      if (start) begin
        port_q <= pick;
        left_q <= pick_left;
        mid_q  <= pick_left != 8'd0;
      end else if (take) begin
        left_q <= left_q - 8'd1;
        mid_q  <= left_q != 8'd1;
      end
      emit_used_q   <= take ? emit_rest + 1'b1 : emit_rest;
      punt_used_q   <= take ? punt_rest + 1'b1 : punt_rest;
      emit_frames_q <= start ? emit_left + 1'b1 : emit_left;
      punt_frames_q <= start ? punt_left + 1'b1 : punt_left;
    end
    if (take) rd_port_q <= start ? pick : port_q;
    if (start) len_o <= pick_len;
  end

  assign port_o = rd_port_q;
  always_comb begin
    data_o = rd_data_i[511:0];
    for (int p = 1; p < NPORTS; p++) if (rd_port_q == 3'(p)) data_o = rd_data_i[512*p +: 512];
  end
  assign busy_o = mid_q || desc_valid_i != '0 || valid_o || emit_frames_q != '0 || punt_frames_q != '0;

`ifndef SYNTHESIS
  a_credits: assert property (@(posedge clk_i) disable iff (!rst_ni)
    emit_done_i |-> emit_frames_q != '0 && emit_used_q >= (RING_LOG2+1)'(emit_beats_i));
  a_credits_punt: assert property (@(posedge clk_i) disable iff (!rst_ni)
    punt_done_i |-> punt_frames_q != '0 && punt_used_q >= (RING_LOG2+1)'(punt_beats_i));
`endif
endmodule
