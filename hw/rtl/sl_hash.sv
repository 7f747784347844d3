// SPDX-License-Identifier: BSD-3-Clause
// Stage hash (docs/datapath.md, 5): SipHash-1-3 of a flow key, pipelined by half rounds, one key per clock, always 18
// clocks. IPv6 keys are five words, IPv4 keys two (addresses, and the structure's last word): these pass rounds 2 to 4
// unchanged.
//
//   round   0    1    2    3    4    5         6..8
//   word    w0   w1   w2   w3   w4   length    (v2 ^= 0xff, three rounds)
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
  // rN is what enters round N.
  logic         r0_valid, r0_v6;
  logic [319:0] r0_words;
  logic [255:0] r0_state;
  logic         r1_valid, r1_v6;
  logic [319:0] r1_words;
  logic [255:0] r1_state;
  logic         r2_valid, r2_v6;
  logic [319:0] r2_words;
  logic [255:0] r2_state;
  logic         r3_valid, r3_v6;
  logic [319:0] r3_words;
  logic [255:0] r3_state;
  logic         r4_valid, r4_v6;
  logic [319:0] r4_words;
  logic [255:0] r4_state;
  logic         r5_valid, r5_v6;
  logic [319:0] r5_words;
  logic [255:0] r5_state;
  logic         r6_valid, r6_v6;
  logic [319:0] r6_words;
  logic [255:0] r6_state;
  logic         r7_valid, r7_v6;
  logic [319:0] r7_words;
  logic [255:0] r7_state;
  logic         r8_valid, r8_v6;
  logic [319:0] r8_words;
  logic [255:0] r8_state;
  logic         r9_valid, r9_v6;
  logic [319:0] r9_words;
  logic [255:0] r9_state;

  assign r0_valid = valid_i;
  assign r0_v6    = key_i[sl_pkg::KEY_FAMILY_LSB +: 8] != 8'd4;
  assign r0_words = r0_v6 ? key_i : {192'd0, key_i[319:256], key_i[128 +: 32], key_i[31:0]};
  assign r0_state = {seed_i[127:64] ^ 64'h7465646279746573, seed_i[63:0] ^ 64'h6c7967656e657261,
                     seed_i[127:64] ^ 64'h646f72616e646f6d, seed_i[63:0] ^ 64'h736f6d6570736575};

  sl_sip_round #(.ROUND(0)) u_round0 (
    .clk_i, .rst_ni, .valid_i(r0_valid), .v6_i(r0_v6), .words_i(r0_words), .state_i(r0_state),
    .valid_o(r1_valid), .v6_o(r1_v6), .words_o(r1_words), .state_o(r1_state)
  );
  sl_sip_round #(.ROUND(1)) u_round1 (
    .clk_i, .rst_ni, .valid_i(r1_valid), .v6_i(r1_v6), .words_i(r1_words), .state_i(r1_state),
    .valid_o(r2_valid), .v6_o(r2_v6), .words_o(r2_words), .state_o(r2_state)
  );
  sl_sip_round #(.ROUND(2)) u_round2 (
    .clk_i, .rst_ni, .valid_i(r2_valid), .v6_i(r2_v6), .words_i(r2_words), .state_i(r2_state),
    .valid_o(r3_valid), .v6_o(r3_v6), .words_o(r3_words), .state_o(r3_state)
  );
  sl_sip_round #(.ROUND(3)) u_round3 (
    .clk_i, .rst_ni, .valid_i(r3_valid), .v6_i(r3_v6), .words_i(r3_words), .state_i(r3_state),
    .valid_o(r4_valid), .v6_o(r4_v6), .words_o(r4_words), .state_o(r4_state)
  );
  sl_sip_round #(.ROUND(4)) u_round4 (
    .clk_i, .rst_ni, .valid_i(r4_valid), .v6_i(r4_v6), .words_i(r4_words), .state_i(r4_state),
    .valid_o(r5_valid), .v6_o(r5_v6), .words_o(r5_words), .state_o(r5_state)
  );
  sl_sip_round #(.ROUND(5)) u_round5 (
    .clk_i, .rst_ni, .valid_i(r5_valid), .v6_i(r5_v6), .words_i(r5_words), .state_i(r5_state),
    .valid_o(r6_valid), .v6_o(r6_v6), .words_o(r6_words), .state_o(r6_state)
  );
  sl_sip_round #(.ROUND(6)) u_round6 (
    .clk_i, .rst_ni, .valid_i(r6_valid), .v6_i(r6_v6), .words_i(r6_words), .state_i(r6_state),
    .valid_o(r7_valid), .v6_o(r7_v6), .words_o(r7_words), .state_o(r7_state)
  );
  sl_sip_round #(.ROUND(7)) u_round7 (
    .clk_i, .rst_ni, .valid_i(r7_valid), .v6_i(r7_v6), .words_i(r7_words), .state_i(r7_state),
    .valid_o(r8_valid), .v6_o(r8_v6), .words_o(r8_words), .state_o(r8_state)
  );
  sl_sip_round #(.ROUND(8)) u_round8 (
    .clk_i, .rst_ni, .valid_i(r8_valid), .v6_i(r8_v6), .words_i(r8_words), .state_i(r8_state),
    .valid_o(r9_valid), .v6_o(r9_v6), .words_o(r9_words), .state_o(r9_state)
  );

  assign valid_o = r9_valid;
  assign hash_o  = r9_state[63:0] ^ r9_state[127:64] ^ r9_state[191:128] ^ r9_state[255:192];
endmodule
