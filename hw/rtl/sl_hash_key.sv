// SPDX-License-Identifier: BSD-3-Clause
// Stage hash for commands (docs/datapath.md, 5): SipHash-1-3 of a flow key, one key per clock, always 9 clocks.
// Packets are hashed while they are classified: sl_hash.
`default_nettype none
module sl_hash_key (
  input  wire logic         clk_i,
  input  wire logic         rst_ni,
  input  wire logic [127:0] seed_i,
  input  wire logic         valid_i,
  input  wire logic [319:0] key_i,
  output logic              valid_o,
  output logic [63:0]       hash_o
);
  logic         v6, unused_v6;
  logic [319:0] unused_words;
  logic [255:0] start, state;
  assign v6    = key_i[sl_pkg::KEY_FAMILY_LSB +: 8] != 8'd4;
  // (In registers: the seed is set while nothing is hashed, and a round has no time for constants.)
  always_ff @(posedge clk_i)
    start <= {seed_i[127:64] ^ 64'h7465646279746573, seed_i[63:0] ^ 64'h6c7967656e657261,
              seed_i[127:64] ^ 64'h646f72616e646f6d, seed_i[63:0] ^ 64'h736f6d6570736575};
  sl_sip_rounds u_rounds (
    .clk_i, .rst_ni, .valid_i, .v6_i(v6),
    .words_i(v6 ? key_i : {key_i[319:256], 192'd0, key_i[128 +: 32], key_i[31:0]}), .state_i(start),
    .valid_o, .v6_o(unused_v6), .words_o(unused_words), .state_o(state)
  );
  assign hash_o = state[63:0] ^ state[127:64] ^ state[191:128] ^ state[255:192];
endmodule
