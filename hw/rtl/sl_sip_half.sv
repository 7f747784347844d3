// SPDX-License-Identifier: BSD-3-Clause
// Half a SipHash round (Aumasson and Bernstein) in one clock. Which half of which round is fixed where it is used; the
// state is {v3, v2, v1, v0}.
`default_nettype none
module sl_sip_half #(
  parameter int unsigned ROUND = 0,
  parameter int unsigned SECOND = 0
) (
  input  wire logic         clk_i,
  input  wire logic         rst_ni,
  input  wire logic         valid_i,
  input  wire logic         v6_i,
  input  wire logic [319:0] words_i,
  input  wire logic [255:0] state_i,
  output logic              valid_o,
  output logic              v6_o,
  output logic [319:0]      words_o,
  output logic [255:0]      state_o
);
  function automatic logic [255:0] first(input logic [255:0] s, input logic [63:0] m, input logic [63:0] f);
    logic [63:0] v0, v1, v2, v3, a, b;
    v0 = s[63:0];
    v1 = s[127:64];
    v2 = s[191:128] ^ f;
    v3 = s[255:192] ^ m;
    a = v0 + v1;
    b = v2 + v3;
    first = {{v3[47:0], v3[63:48]} ^ b, b, {v1[50:0], v1[63:51]} ^ a, {a[31:0], a[63:32]}};
  endfunction

  function automatic logic [255:0] second(input logic [255:0] s, input logic [63:0] m);
    logic [63:0] v0, v1, v2, v3, a, b;
    v0 = s[63:0];
    v1 = s[127:64];
    v2 = s[191:128];
    v3 = s[255:192];
    a = v2 + v1;
    b = v0 + v3;
    second = {{v3[42:0], v3[63:43]} ^ b, {a[31:0], a[63:32]}, {v1[46:0], v1[63:47]} ^ a, b ^ m};
  endfunction

  // What this round absorbs: a word, the length, or nothing.
  logic [63:0] m;
  assign m = ROUND < 5 ? words_i[63:0] : ROUND == 5 ? {v6_i ? 8'd40 : 8'd16, 56'd0} : 64'd0;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_o <= 1'b0;
    else         valid_o <= valid_i;
    if (valid_i) begin
      v6_o    <= v6_i;
      words_o <= SECOND != 0 ? {64'd0, words_i[319:64]} : words_i;
      if (ROUND >= 2 && ROUND <= 4 && !v6_i) state_o <= state_i;
      else if (SECOND != 0)                  state_o <= second(state_i, m);
      else                                   state_o <= first(state_i, m, ROUND == 6 ? 64'hff : 64'd0);
    end
  end
endmodule
