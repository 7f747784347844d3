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
  localparam int unsigned ENTRY_W = 1 + 8 + 8 + 7 + 3 + 7 + 9 + AW + AW;

  // The ring.
  logic [511:0] even_mem [0:(1<<(RING_LOG2-1))-1];
  logic [511:0] odd_mem  [0:(1<<(RING_LOG2-1))-1];
  logic [511:0] even_q, odd_q;
  logic [RING_LOG2:0] wr_q, base_q, at_q;   // at_q: base_q and as many beats as are sent of the frame
  always_ff @(posedge clk_i) begin
    if (!rst_ni)     wr_q <= '0;
    else if (beat_i) wr_q <= wr_q + 1'b1;
    if (beat_i && !wr_q[0]) even_mem[wr_q[RING_LOG2-1:1]] <= data_i;
    if (beat_i && wr_q[0])  odd_mem[wr_q[RING_LOG2-1:1]]  <= data_i;
  end

  // What depends on the frame alone is worked out before it waits: its last output beat and what that holds, how far
  // the packet moves, and how many of the frame's beats must be there before it starts, and before its first output
  // beat (start_ok and enough below). This waits in a queue of its own, so that the head's is in registers.
  logic [7:0]         in_last, next_last;
  logic [8:0]         in_shift, next_shift;      // signed
  logic [6:0]         in_tail, next_tail, next_hdr_len;
  logic [2:0]         next_port;
  logic [AW-1:0]      in_needs, in_reach, next_needs, next_reach;
  logic [7:0]         next_beats;
  logic               next_valid, next_forward, load, pop, block_there;
  logic [FRAMES_LOG2:0] waiting, blocks_free;
  logic [1663:0]      block;
  assign in_last  = 8'((shape_i.out_len - 14'd1) >> 6);
  assign in_tail  = {shape_i.out_len[5:0] == '0, shape_i.out_len[5:0]};
  assign in_shift = 9'(shape_i.src_off) - 9'(shape_i.hdr_len);
  assign in_needs = AW'(beats_i) + AW'(1) - AW'(in_last);
  assign in_reach = {{(AW-3){in_shift[8]}}, in_shift[8:6]} + AW'(2);
  sl_fifo #(.W(ENTRY_W), .LOG2(FRAMES_LOG2)) u_frames (
    .clk_i, .rst_ni, .push_i(valid_i), .pop_i(load), .valid_o(next_valid), .count_o(waiting),
    .data_i({forward_i, beats_i, in_last, in_tail, shape_i.port, shape_i.hdr_len, in_shift, in_needs, in_reach}),
    .data_o({next_forward, next_beats, next_last, next_tail, next_port, next_hdr_len, next_shift, next_needs,
             next_reach})
  );
  sl_ram_fifo #(.W(1664), .LOG2(FRAMES_LOG2)) u_blocks (
    .clk_i, .rst_ni, .push_i(valid_i), .commit_i(1'b1), .data_i(block_i), .free_o(blocks_free),
    .valid_o(block_there), .data_o(block), .pop_i(pop)
  );

  // The head. Signed numbers of beats, counted on as they come: behind the frame (some still to come), more than it
  // needs to start, and more than its next output beat needs.
  logic                 head_valid_q, forward_q, final_q;
  logic [7:0]           beats_q, left_q;         // left_q: output beats after this one
  logic [2:0]           port_q, out_q;           // out_q: the output beat, 4 and more are 4
  logic [6:0]           tail_q, hdr_len_q;
  logic [8:0]           shift_q;
  logic [RING_LOG2:0]   behind_q;
  logic [AW-1:0]        start_q, more_q;

  // e0: choose the beat and read.
  logic [RING_LOG2:0] move, addr, addr_second;   // whole beats of shift
  logic        whole, enough, start_ok, room, go;
  logic [7:0]  block_bytes, left;                // bytes of this output beat that come from the block
  // (x - ~y is x + y + 1 in one addition.)
  assign move   = {{(RING_LOG2-2){shift_q[8]}}, shift_q[8:6]};
  assign addr   = at_q + move;
  assign addr_second = at_q - ~move;
  // All beats of the frame are there, or the two that this output beat needs (those before the frame always are).
  assign whole  = !behind_q[RING_LOG2];
  assign enough = !more_q[AW-1];
  assign left   = (8'(hdr_len_q) + 8'd96) - {out_q[1:0], 6'd0};
  assign block_bytes = (out_q[2] || {out_q[1:0], 6'd0} >= 8'(hdr_len_q) + 8'd96) ? 8'd0 : left > 8'd64 ? 8'd64 : left;
  always_comb begin
    room = 1'b0;
    for (int p = 0; p < NPORTS; p++) if (port_q == 3'(p)) room = room_i[p];
  end
  // A new frame much shorter than the old one (padding, long tunnel headers) must not overtake the old one's beats: it
  // starts late enough never to pause. The old beats come without pause, one per clock.
  assign start_ok = out_q != '0 || !start_q[AW-1];
  assign go   = head_valid_q && forward_q && room && (whole || (!final_q && enough && start_ok));
  // A frame's beats are given back when all of them have passed parse, with its last output beat if it is forwarded.
  assign pop  = head_valid_q && whole && (!forward_q || (final_q && room));
  assign load = next_valid && (!head_valid_q || pop);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      head_valid_q <= 1'b0;
      behind_q     <= '0;
    end else begin
      head_valid_q <= load || (head_valid_q && !pop);
      behind_q     <= behind_q - (load ? (RING_LOG2+1)'(next_beats) : '0) + (RING_LOG2+1)'(beat_i);
    end
    if (load) begin
      {forward_q, beats_q, left_q, tail_q} <= {next_forward, next_beats, next_last, next_tail};
      {port_q, hdr_len_q, shift_q}         <= {next_port, next_hdr_len, next_shift};
      final_q <= next_last == '0;
      out_q   <= '0;
      start_q <= AW'(behind_q) - next_needs + AW'(beat_i);
      more_q  <= AW'(behind_q) - next_reach + AW'(beat_i);
    end else begin
      start_q <= start_q + AW'(beat_i);
      more_q  <= more_q + AW'(beat_i) - AW'(go);
      if (go) begin
        left_q  <= left_q - 8'd1;
        final_q <= left_q == 8'd1;
        if (!out_q[2]) out_q <= out_q + 3'd1;
      end
    end
  end

  logic         valid1_q, valid2_q, valid3_q, last1_q, last2_q, last3_q, odd1_q;
  logic [5:0]   shift1_q, shift2_q;
  logic [2:0]   port1_q, port2_q, port3_q;
  logic [6:0]   bytes1_q, bytes2_q, bytes3_q;
  logic [7:0]   from1_q, from2_q, from3_q;
  logic [511:0] block1_q, block2_q, block3_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      base_q <= '0;
      at_q   <= '0;
      valid1_q <= 1'b0;
      valid2_q <= 1'b0;
      valid3_q <= 1'b0;
      done_o <= 1'b0;
    end else begin
      if (pop) begin
        base_q <= base_q + (RING_LOG2+1)'(beats_q);
        at_q   <= base_q + (RING_LOG2+1)'(beats_q);
      end else if (go) begin
        at_q   <= at_q + 1'b1;
      end
      done_o   <= pop;
      valid1_q <= go;
      valid2_q <= valid1_q;
      valid3_q <= valid2_q;
    end
    if (pop) done_beats_o <= beats_q;
    if (go) begin
      even_q   <= even_mem[addr_second[RING_LOG2-1:1]];
      odd_q    <= odd_mem[addr[RING_LOG2-1:1]];
      odd1_q   <= addr[0];
      shift1_q <= shift_q[5:0];
      port1_q  <= port_q;
      last1_q  <= final_q;
      bytes1_q <= final_q ? tail_q : 7'd64;
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

`ifndef SYNTHESIS
  // The block comes out of its queue with what belongs to it, and no frame before its first beat.
  a_block: assert property (@(posedge clk_i) disable iff (!rst_ni) head_valid_q == block_there);
  a_begun: assert property (@(posedge clk_i) disable iff (!rst_ni) head_valid_q |-> wr_q != base_q);
`endif
endmodule
