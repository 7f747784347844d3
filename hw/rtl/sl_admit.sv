// SPDX-License-Identifier: BSD-3-Clause
// Which transmit queues of the host may begin a frame: those whose port has room for it. A port's queue in sl_tx is
// accounted for here in beats: a frame takes its own when it begins, they come back as they leave the queue or when the
// frame could not be read. So a frame that has begun always gets through to its port's queue, whatever that port's MAC
// does, and a port that pauses holds back its own queues alone.
//
//   sl_txq: a frame begins ──► in work, frame buffer, stream ──► sl_tx: queue ──► wire
//     ▲ admit_o        │ take                                      │ pop
//     └── room of a port ◄─────────────────────────────────────────┘
//
// Of a frame that begins in one clock, admit_o knows three clocks later; until then two more may begin. So a port that
// admits has room for three of the longest.
`default_nettype none
module sl_admit #(
  parameter int unsigned NPORTS = 2,
  parameter int unsigned N = 16,                 // queues
  parameter int unsigned ROOM = 1020,            // beats of a port
  parameter int unsigned FRAME_MAX = sl_pkg::FRAME_MAX
) (
  input  wire logic              clk_i,
  input  wire logic              rst_ni,
  input  wire logic [3*N-1:0]    port_all_i,     // each queue's port
  output logic [N-1:0]           admit_o,        // it may begin a frame
  // A frame begins; one that has begun will not come.
  input  wire logic              take_i,
  input  wire logic [2:0]        take_port_i,
  input  wire logic [13:0]       take_len_i,     // bytes
  input  wire logic              give_i,
  input  wire logic [2:0]        give_port_i,
  input  wire logic [13:0]       give_len_i,
  // A beat has left the port's queue.
  input  wire logic [NPORTS-1:0] pop_i
);
  localparam int unsigned W = $clog2(ROOM + 1);
  localparam int unsigned THREE = 3 * ((FRAME_MAX + 63) / 64);
  logic              take_q, give_q;
  logic [2:0]        take_port_q, give_port_q;
  logic [8:0]        take_beats_q, give_beats_q;
  logic [NPORTS-1:0] pop_q, ok;
  (* mem2reg *) logic [W-1:0] room_q [0:NPORTS-1];

  always_ff @(posedge clk_i) begin
    take_port_q  <= take_port_i;
    give_port_q  <= give_port_i;
    take_beats_q <= 9'((15'(take_len_i) + 15'd63) >> 6);
    give_beats_q <= 9'((15'(give_len_i) + 15'd63) >> 6);
    if (!rst_ni) begin
      take_q  <= 1'b0;
      give_q  <= 1'b0;
      pop_q   <= '0;
      admit_o <= '0;
      for (int p = 0; p < NPORTS; p++) room_q[p] <= W'(ROOM);
    end else begin
      take_q <= take_i;
      give_q <= give_i;
      pop_q  <= pop_i;
      for (int p = 0; p < NPORTS; p++)
        room_q[p] <= room_q[p] + ((give_q && give_port_q == 3'(p)) ? W'(give_beats_q) : '0)
                     - ((take_q && take_port_q == 3'(p)) ? W'(take_beats_q) : '0) + W'(pop_q[p]);
      for (int i = 0; i < N; i++) begin
        admit_o[i] <= 1'b0;
        for (int p = 0; p < NPORTS; p++) if (port_all_i[3*i +: 3] == 3'(p)) admit_o[i] <= ok[p];
      end
    end
  end
  always_comb for (int p = 0; p < NPORTS; p++) ok[p] = room_q[p] >= W'(THREE);

`ifndef SYNTHESIS
  initial assert (ROOM >= THREE) else $fatal(1, "sl_admit: no room for three frames");
  logic [NPORTS-1:0] over, short_d;
  always_comb begin
    for (int p = 0; p < NPORTS; p++) begin
      over[p]    = room_q[p] > W'(ROOM);
      short_d[p] = take_q && take_port_q == 3'(p) && room_q[p] < W'(take_beats_q);
    end
  end
  a_room: assert property (@(posedge clk_i) disable iff (!rst_ni) over == '0);
  a_take: assert property (@(posedge clk_i) disable iff (!rst_ni) short_d == '0);
`endif
endmodule
