// SPDX-License-Identifier: BSD-3-Clause
// Stage hash (docs/datapath.md, 5): SipHash-1-3 of a frame's flow key. The addresses come first in the message and are
// known long before it is decided which packet of a tunnel counts, and for which tenant: both packets' addresses are
// hashed while the frame is classified, and only what follows waits for that.
//
//   round    0    1    2    3   │  4      5        6..8
//   IPv6     w0   w1   w2   w3  │  last   length   (v2 ^= 0xff, three rounds)
//   IPv4     w0   (pass)        │  last   length
//            outer and inner    │  the one chosen
//
// A clock a round; the addresses' rounds wait for the choice. The hash is there 6 clocks after it (choose_i).
`default_nettype none
module sl_hash (
  input  wire logic         clk_i,
  input  wire logic         rst_ni,
  input  wire logic [127:0] seed_i,
  // From parse: destination and source, IPv4 in the low 32 bits of each; the inner packet's two clocks later.
  input  wire logic         outer_valid_i,
  input  wire logic         outer_v6_i,
  input  wire logic [255:0] outer_addresses_i,
  input  wire logic         inner_valid_i,
  input  wire logic         inner_v6_i,
  input  wire logic [255:0] inner_addresses_i,
  // From class: the key's last word of either packet.
  input  wire logic         choose_i,
  input  wire logic         choose_inner_i,
  input  wire logic [63:0]  outer_last_i,
  input  wire logic [63:0]  inner_last_i,
  output logic              valid_o,
  output logic [63:0]       hash_o
);
  logic [255:0] start;
  // (In registers: the seed is set while nothing is hashed, and a round has no time for constants.)
  always_ff @(posedge clk_i)
    start <= {seed_i[127:64] ^ 64'h7465646279746573, seed_i[63:0] ^ 64'h6c7967656e657261,
              seed_i[127:64] ^ 64'h646f72616e646f6d, seed_i[63:0] ^ 64'h736f6d6570736575};

  function automatic logic [255:0] message(input logic v6, input logic [255:0] addresses);
    message = v6 ? addresses : {192'd0, addresses[128 +: 32], addresses[31:0]};
  endfunction

  // (First into registers: a round has no time for the choice of the addresses either.)
  logic         outer_first_q, outer_first_v6_q, inner_first_q, inner_first_v6_q;
  logic [255:0] outer_message_q, inner_message_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) {inner_first_q, outer_first_q} <= '0;
    else         {inner_first_q, outer_first_q} <= {inner_valid_i, outer_valid_i};
    if (outer_valid_i) {outer_first_v6_q, outer_message_q} <= {outer_v6_i, message(outer_v6_i, outer_addresses_i)};
    if (inner_valid_i) {inner_first_v6_q, inner_message_q} <= {inner_v6_i, message(inner_v6_i, inner_addresses_i)};
  end

  logic         outer_hashed, outer_hashed_v6, inner_hashed, inner_hashed_v6;
  logic         late_valid, late_v6, inner_valid, inner_v6;
  logic [255:0] outer_state, late_state, hashed_state, inner_state, outer_words, inner_words;
  sl_sip_rounds #(.TO(3), .WORDS_W(256)) u_outer (
    .clk_i, .rst_ni, .valid_i(outer_first_q), .v6_i(outer_first_v6_q), .words_i(outer_message_q), .state_i(start),
    .valid_o(outer_hashed), .v6_o(outer_hashed_v6), .words_o(outer_words), .state_o(outer_state)
  );
  sl_delay #(.W(257), .N(5)) u_late (
    .clk_i, .rst_ni, .valid_i(outer_hashed), .data_i({outer_hashed_v6, outer_state}), .valid_o(late_valid),
    .data_o({late_v6, late_state})
  );
  sl_sip_rounds #(.TO(3), .WORDS_W(256)) u_inner (
    .clk_i, .rst_ni, .valid_i(inner_first_q), .v6_i(inner_first_v6_q), .words_i(inner_message_q), .state_i(start),
    .valid_o(inner_hashed), .v6_o(inner_hashed_v6), .words_o(inner_words), .state_o(hashed_state)
  );
  sl_delay #(.W(257), .N(3)) u_inner_late (
    .clk_i, .rst_ni, .valid_i(inner_hashed), .data_i({inner_hashed_v6, hashed_state}), .valid_o(inner_valid),
    .data_o({inner_v6, inner_state})
  );

  logic         valid_q, v6_q, end_v6;
  logic [63:0]  last_q, end_words;
  logic [255:0] state_q, state;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_q <= 1'b0;
    else         valid_q <= choose_i;
    if (choose_i) begin
      last_q  <= choose_inner_i ? inner_last_i : outer_last_i;
      v6_q    <= choose_inner_i ? inner_v6 : late_v6;
      state_q <= choose_inner_i ? inner_state : late_state;
    end
  end
  sl_sip_rounds #(.FROM(4), .WORDS_W(64)) u_rest (
    .clk_i, .rst_ni, .valid_i(valid_q), .v6_i(v6_q), .words_i(last_q), .state_i(state_q), .valid_o, .v6_o(end_v6),
    .words_o(end_words), .state_o(state)
  );
  assign hash_o = state[63:0] ^ state[127:64] ^ state[191:128] ^ state[255:192];

`ifndef SYNTHESIS
  a_in_step: assert property (@(posedge clk_i) disable iff (!rst_ni)
    choose_i == late_valid && choose_i == inner_valid);
`endif
endmodule
