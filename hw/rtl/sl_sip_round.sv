// SPDX-License-Identifier: BSD-3-Clause
// One SipHash round (Aumasson and Bernstein) in one clock. Which round it is, is fixed where it is used; the state is
// {v3, v2, v1, v0}. A round takes the next word of the message into v3 before and into v0 behind it.
`default_nettype none
module sl_sip_round #(
  parameter int unsigned ROUND = 0,    // 0-4: words, 5: the length, 6-8: the end
  parameter int unsigned WORDS_W = 320
) (
  input  wire logic         clk_i,
  input  wire logic         rst_ni,
  input  wire logic         valid_i,
  input  wire logic         v6_i,
  input  wire logic [WORDS_W-1:0] words_i,
  input  wire logic [255:0] state_i,
  output logic              valid_o,
  output logic              v6_o,
  output logic [WORDS_W-1:0] words_o,  // without the word that this round took
  output logic [255:0]      state_o
);
  // Two additions one behind the other. Each exclusive or is in the LUTs of the addition that takes it: there one
  // operand goes by the LUT into the carry chain, so it is the other that has one. Hence f, which belongs in front of
  // round 6, is behind round 5.
  function automatic logic [255:0] round(input logic [255:0] s, input logic [63:0] m, input logic [63:0] f);
    logic [63:0] v0, v1, v2, v3, a, b, c, d;
    v0 = s[63:0];
    v1 = s[127:64];
    v2 = s[191:128];
    v3 = s[255:192] ^ m;
    a  = v0 + v1;
    b  = v2 + v3;
    v0 = {a[31:0], a[63:32]};
    v1 = {v1[50:0], v1[63:51]} ^ a;
    v3 = {v3[47:0], v3[63:48]} ^ b;
    c  = b + v1;
    d  = v0 + v3;
    round = {{v3[42:0], v3[63:43]} ^ d, {c[31:0], c[63:32]} ^ f, {v1[46:0], v1[63:47]} ^ c, d ^ m};
  endfunction

  logic        skip;
  logic [63:0] m;
  // IPv4 keys have two words, the first and the last.
  assign skip = ROUND >= 1 && ROUND <= 3 && !v6_i;
  assign m    = ROUND < 5 ? words_i[63:0] : ROUND == 5 ? {v6_i ? 8'd40 : 8'd16, 56'd0} : 64'd0;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_o <= 1'b0;
    else         valid_o <= valid_i;
    if (valid_i) begin
      v6_o    <= v6_i;
      words_o <= words_i >> 64;
      state_o <= skip ? state_i : round(state_i, m, ROUND == 5 ? 64'hff : 64'd0);
    end
  end
endmodule
