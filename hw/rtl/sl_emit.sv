// SPDX-License-Identifier: BSD-3-Clause
// Stage emit (docs/datapath.md, 9): joins a frame's new first bytes (the block from rewrite) with the rest of the
// packet and sends it to its port. All beats of all frames are written to a ring as they pass parse; here they are read
// again.
//
//   new frame:   | header (hdr_len) | IP packet: first 96 bytes | rest of the IP packet          |
//                 \_________________ block ________________/     \__ ring, shifted by src_off - hdr_len __/
//
// The ring has two banks, even and odd beats, so that the 128 bytes that one output beat may need are read in one
// clock. An output beat therefore needs one clock, whatever the shift: a frame takes as many clocks as it has output
// beats, and a frame that is not forwarded takes one.
`default_nettype none
module sl_emit #(
  parameter int unsigned NPORTS = 2,
  parameter int unsigned RING_LOG2 = 9,
  parameter int unsigned FRAMES_LOG2 = 7
) (
  input  wire logic               clk_i,
  input  wire logic               rst_ni,
  // Beats as they come from sl_arb.
  input  wire logic               beat_i,
  input  wire logic [511:0]       data_i,
  // One per frame, from rewrite.
  input  wire logic               valid_i,
  input  wire logic               forward_i,
  input  wire logic [7:0]         beats_i,
  input  wire sl_dp_pkg::shape_t  shape_i,
  input  wire logic [1663:0]      block_i,
  // Credits back to sl_arb.
  output logic                    done_o,
  output logic [7:0]              done_beats_o,
  // To the ports; room_i: there is room for eight more beats.
  input  wire logic [NPORTS-1:0]  room_i,
  output logic [NPORTS-1:0]       valid_o,
  output logic [511:0]            data_o,
  output logic [6:0]              bytes_o,    // of this beat
  output logic                    last_o,
  output logic                    busy_o
);
  localparam int unsigned AW = RING_LOG2 + 2;    // signed numbers of beats
  localparam int unsigned ENTRY_W = 1 + 8 + 8 + 9 + AW + sl_dp_pkg::SHAPE_W + 1664;

  // The ring.
  logic [511:0] even_mem [0:(1<<(RING_LOG2-1))-1];
  logic [511:0] odd_mem  [0:(1<<(RING_LOG2-1))-1];
  logic [511:0] even_q, odd_q;
  logic [RING_LOG2:0] wr_q, base_q, at_q, present;   // at_q: base_q and as many beats as are sent of the frame
  always_ff @(posedge clk_i) begin
    if (!rst_ni)     wr_q <= '0;
    else if (beat_i) wr_q <= wr_q + 1'b1;
    if (beat_i && !wr_q[0]) even_mem[wr_q[RING_LOG2-1:1]] <= data_i;
    if (beat_i && wr_q[0])  odd_mem[wr_q[RING_LOG2-1:1]]  <= data_i;
  end
  assign present = wr_q - base_q;

  // What depends on the frame alone is worked out before it waits: its last output beat, how far the packet moves, and
  // how many of its beats must be there before it starts (start_ok below).
  logic [7:0]         in_last, last_beat;
  logic [8:0]         in_shift, shift;       // signed
  logic signed [AW-1:0] in_needs, needs;
  assign in_last  = 8'((shape_i.out_len + 14'd63) >> 6) - 8'd1;
  assign in_shift = 9'(shape_i.src_off) - 9'(shape_i.hdr_len);
  assign in_needs = AW'(beats_i) + AW'(1) - AW'(in_last);

  logic               head_valid, forward, pop;
  logic [7:0]         beats;
  sl_dp_pkg::shape_t  shape;
  logic [1663:0]      block;
  logic [FRAMES_LOG2:0] entries_free;
  logic [ENTRY_W-1:0]   head;
  sl_ram_fifo #(.W(ENTRY_W), .LOG2(FRAMES_LOG2)) u_frames (
    .clk_i, .rst_ni, .push_i(valid_i), .commit_i(1'b1), .pop_i(pop),
    .data_i({forward_i, beats_i, in_last, in_shift, in_needs, shape_i, block_i}), .free_o(entries_free),
    .valid_o(head_valid), .data_o(head)
  );
  assign {forward, beats, last_beat, shift, needs, shape} = head[ENTRY_W-1:1664];
  assign block = head[1663:0];

  // e0: choose the beat and read.
  logic [7:0]  out_q;                     // output beat of the head frame
  logic signed [AW-1:0] move, second;     // whole beats of shift; the second beat that it needs, relative to base
  logic [RING_LOG2:0] addr, addr_second;
  logic        last, whole, enough;
  logic [7:0]  block_bytes, left;         // bytes of this output beat that come from the block
  // (x - ~y is x + y + 1 in one addition.)
  assign move   = {{(AW-3){shift[8]}}, shift[8:6]};
  assign second = AW'(out_q) - ~move;
  assign addr   = at_q + move[RING_LOG2:0];
  assign addr_second = at_q - ~move[RING_LOG2:0];
  assign last  = out_q == last_beat;
  // All beats of the frame are there, or the two that this output beat needs (those before the frame always are).
  assign whole  = present >= (RING_LOG2+1)'(beats);
  assign enough = present != '0 && $signed({1'b0, present}) > second;
  assign left  = (8'(shape.hdr_len) + 8'd96) - {out_q[1:0], 6'd0};
  assign block_bytes = (out_q > 8'd3 || {out_q[1:0], 6'd0} >= 8'(shape.hdr_len) + 8'd96) ? 8'd0
                       : left > 8'd64 ? 8'd64 : left;

  logic room, start_ok;
  always_comb begin
    room = 1'b0;
    for (int p = 0; p < NPORTS; p++) if (shape.port == 3'(p)) room = room_i[p];
  end
  // A new frame much shorter than the old one (padding, long tunnel headers) must not overtake the old one's beats: it
  // starts late enough never to pause. The old beats come without pause, one per clock.
  assign start_ok = out_q != 8'd0 || $signed({1'b0, present}) >= needs;
  // A frame's beats are given back when all of them have passed parse, with its last output beat if it is forwarded.
  assign pop  = head_valid && whole && (!forward || (last && room));

  logic         valid1_q, valid2_q, valid3_q, last1_q, last2_q, last3_q, odd1_q;
  logic [5:0]   shift1_q, shift2_q;
  logic [2:0]   port1_q, port2_q, port3_q;
  logic [6:0]   bytes1_q, bytes2_q, bytes3_q;
  logic [7:0]   from1_q, from2_q, from3_q;
  logic [511:0] block1_q, block2_q, block3_q;
  logic         go;
  assign go = head_valid && forward && room && (whole || (!last && enough && start_ok));
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      out_q  <= '0;
      base_q <= '0;
      at_q   <= '0;
      valid1_q <= 1'b0;
      valid2_q <= 1'b0;
      valid3_q <= 1'b0;
      done_o <= 1'b0;
    end else begin
      if (go) out_q <= last ? 8'd0 : out_q + 8'd1;
      if (pop) begin
        base_q <= base_q + (RING_LOG2+1)'(beats);
        at_q   <= base_q + (RING_LOG2+1)'(beats);
      end else if (go) begin
        at_q   <= at_q + 1'b1;
      end
      done_o   <= pop;
      valid1_q <= go;
      valid2_q <= valid1_q;
      valid3_q <= valid2_q;
    end
    if (pop) done_beats_o <= beats;
    if (go) begin
      even_q   <= even_mem[addr_second[RING_LOG2-1:1]];
      odd_q    <= odd_mem[addr[RING_LOG2-1:1]];
      odd1_q   <= addr[0];
      shift1_q <= shift[5:0];
      port1_q  <= shape.port;
      last1_q  <= last;
      bytes1_q <= last ? 7'(shape.out_len - {out_q, 6'd0}) : 7'd64;
      from1_q  <= block_bytes;
      case (out_q[1:0])
        2'd0:    block1_q <= block[511:0];
        2'd1:    block1_q <= block[1023:512];
        2'd2:    block1_q <= block[1535:1024];
        default: block1_q <= 512'(block[1663:1536]);
      endcase
    end
  end

  // e1: two beats in order, shifted by whole 16 bytes; e2: by the rest; e3: joined.
  logic [639:0]  coarse2_q;
  logic [511:0]  fine3_q;

  function automatic logic [639:0] coarse(input logic [1023:0] pair, input logic [1:0] n);
    coarse = 640'(pair >> {n, 7'd0});
  endfunction

  function automatic logic [511:0] join_at(input logic [511:0] front, input logic [511:0] rest, input logic [7:0] n);
    logic [511:0] mask;
    mask = n[6] ? '0 : {512{1'b1}} << {n[5:0], 3'd0};
    join_at = (rest & mask) | (front & ~mask);
  endfunction

  always_ff @(posedge clk_i) begin
    if (valid1_q) begin
      coarse2_q <= coarse(odd1_q ? {even_q, odd_q} : {odd_q, even_q}, shift1_q[5:4]);
      shift2_q  <= shift1_q;
      {port2_q, last2_q, bytes2_q, from2_q, block2_q} <= {port1_q, last1_q, bytes1_q, from1_q, block1_q};
    end
    if (valid2_q) begin
      fine3_q <= 512'(coarse2_q >> {shift2_q[3:0], 3'd0});
      {port3_q, last3_q, bytes3_q, from3_q, block3_q} <= {port2_q, last2_q, bytes2_q, from2_q, block2_q};
    end
    if (valid3_q) begin
      data_o  <= join_at(block3_q, fine3_q, from3_q);
      bytes_o <= bytes3_q;
      last_o  <= last3_q;
    end
    if (!rst_ni) valid_o <= '0;
    else for (int p = 0; p < NPORTS; p++) valid_o[p] <= valid3_q && port3_q == 3'(p);
  end
  assign busy_o = valid1_q || valid2_q || valid3_q || done_o;
endmodule
