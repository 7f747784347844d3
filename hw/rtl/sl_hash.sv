// SPDX-License-Identifier: BSD-3-Clause
// Stage hash (docs/datapath.md, 5): SipHash-1-3 of a flow key, pipelined by half rounds, one key per clock, always 18
// clocks. IPv6 keys are five words, IPv4 keys two (addresses, and the structure's last word): these pass rounds 2 to 4
// unchanged.
//
//   round   0    1    2    3    4    5         6..8
//   word    w0   w1   w2   w3   w4   length    (v2 ^= 0xff, three rounds)
//
// A round's first half takes its word into v3, its second half into v0 (sl_sip_half).
`default_nettype none
module sl_hash (
  input  wire logic         clk_i,
  input  wire logic         rst_ni,
  input  wire logic [127:0] seed_i,
  input  wire logic         valid_i,
  input  wire logic [319:0] key_i,
  output logic              valid_o,
  output logic [63:0]       hash_o
);
  localparam int unsigned HALVES = 18;

  logic [HALVES:0]       valid;
  logic [HALVES:0]       v6;
  logic [320*HALVES+319:0] words;   // a stage's words; word 0 is the next one
  logic [256*HALVES+255:0] state;

  logic is_v6;
  assign is_v6 = key_i[sl_pkg::KEY_FAMILY_LSB +: 8] != 8'd4;
  assign valid[0] = valid_i;
  assign v6[0]    = is_v6;
  assign words[319:0] = is_v6 ? key_i : {192'd0, key_i[319:256], key_i[128 +: 32], key_i[31:0]};
  assign state[255:0] = {seed_i[127:64] ^ 64'h7465646279746573, seed_i[63:0] ^ 64'h6c7967656e657261,
                         seed_i[127:64] ^ 64'h646f72616e646f6d, seed_i[63:0] ^ 64'h736f6d6570736575};

  for (genvar i = 0; i < HALVES; i++) begin : g_half
    sl_sip_half #(.ROUND(i / 2), .SECOND(i % 2)) u_half (
      .clk_i, .rst_ni, .valid_i(valid[i]), .v6_i(v6[i]), .words_i(words[320*i +: 320]), .state_i(state[256*i +: 256]),
      .valid_o(valid[i+1]), .v6_o(v6[i+1]), .words_o(words[320*(i+1) +: 320]), .state_o(state[256*(i+1) +: 256])
    );
  end

  assign valid_o = valid[HALVES];
  assign hash_o  = state[256*HALVES +: 64] ^ state[256*HALVES+64 +: 64] ^ state[256*HALVES+128 +: 64]
                   ^ state[256*HALVES+192 +: 64];
endmodule
