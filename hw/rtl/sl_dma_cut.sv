// SPDX-License-Identifier: BSD-3-Clause
// Requests of several clients of host memory, cut into bursts: any number of bytes at any address, the clients in turn
// (sl_turn). A burst ends at a multiple of 512 bytes, so none crosses 4 KiB. What sl_dma_rd and sl_dma_wr
// have in common. A client goes on asking, with the same address and length, until it is ready. One burst may leave in
// every clock.
`default_nettype none
module sl_dma_cut #(
  parameter int unsigned NC = 5            // clients, at most 8
) (
  input  wire logic             clk_i,
  input  wire logic             rst_ni,
  input  wire logic [NC-1:0]    req_valid_i,
  output logic [NC-1:0]         req_ready_o,
  input  wire logic [64*NC-1:0] req_addr_i,
  input  wire logic [14*NC-1:0] req_len_i,       // bytes, not 0
  // Bursts.
  output logic                  valid_o,
  input  wire logic             ready_i,
  output logic [2:0]            client_o,
  output logic [63:0]           addr_o,          // of its first byte
  output logic [9:0]            bytes_o,
  output logic [7:0]            beats_o,         // of 64 bytes, less one
  output logic                  last_o,          // of its request
  output logic [NC-1:0]         pend_o,          // something of the client's is here
  output logic                  busy_o
);
  logic          turn_valid, cut_q, cut_free, cut_last;
  logic [NC-1:0] turn;
  logic [2:0]    index, client_q;
  logic [63:0]   addr_q, pick_addr;
  logic [13:0]   left_q, pick_len;
  logic [9:0]    room_q, tail;
  logic [14:0]   over;                           // bytes behind this burst; negative if it is the last, and not full
  sl_turn #(.N(NC), .NL(3)) u_turn (
    .clk_i, .rst_ni, .req_i(req_valid_i), .next_i(!turn_valid || cut_free), .valid_o(turn_valid), .turn_o(turn),
    .index_o(index)
  );
  always_comb begin
    pick_addr = '0;
    pick_len  = '0;
    for (int c = 0; c < NC; c++) begin
      if (turn[c]) begin
        pick_addr = pick_addr | req_addr_i[64*c +: 64];
        pick_len  = pick_len | req_len_i[14*c +: 14];
      end
    end
  end
  assign req_ready_o = turn & {NC{cut_free}};
  assign over     = {1'b0, left_q} - 15'(room_q);
  assign cut_last = over[14] || over == '0;
  // A burst that is not the last ends at the multiple of 512.
  assign tail     = 10'(addr_q[5:0]) + left_q[9:0] - 10'd1;
  assign valid_o  = cut_q;
  assign client_o = client_q;
  assign addr_o   = addr_q;
  assign bytes_o  = cut_last ? left_q[9:0] : room_q;
  assign beats_o  = cut_last ? {4'd0, tail[9:6]} : {5'd0, ~addr_q[8:6]};
  assign last_o   = cut_last;
  assign cut_free = !cut_q || (ready_i && cut_last);

  always_ff @(posedge clk_i) begin
    if (!rst_ni)       cut_q <= 1'b0;
    else if (cut_free) cut_q <= turn_valid;
    if (cut_free) begin
      client_q <= index;
      addr_q   <= pick_addr;
      left_q   <= pick_len;
      room_q   <= 10'd512 - 10'(pick_addr[8:0]);
    end else if (ready_i) begin
      addr_q   <= {addr_q[63:9] + 55'd1, 9'd0};
      left_q   <= over[13:0];
      room_q   <= 10'd512;
    end
  end
  always_comb for (int c = 0; c < NC; c++) pend_o[c] = cut_q && client_q == 3'(c);
  assign busy_o = cut_q || req_valid_i != '0;

`ifndef SYNTHESIS
  initial assert (NC <= 8) else $fatal(1, "sl_dma_cut: too many clients");
  a_stable: assert property (@(posedge clk_i) disable iff (!rst_ni)
    valid_o && !ready_i |=> valid_o && $stable(addr_o) && $stable(bytes_o));
  for (genvar c = 0; c < NC; c++) begin : g_check
    a_len: assert property (@(posedge clk_i) disable iff (!rst_ni) req_valid_i[c] |-> req_len_i[14*c +: 14] != '0);
    a_asks: assert property (@(posedge clk_i) disable iff (!rst_ni)
      req_valid_i[c] && !req_ready_o[c] |=> req_valid_i[c]);
  end
`endif
endmodule
