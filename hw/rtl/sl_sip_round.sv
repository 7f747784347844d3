// SPDX-License-Identifier: BSD-3-Clause
// One SipHash round (Aumasson and Bernstein) in two clocks. Which round it is, is fixed where it is used; the state is
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

  logic         valid_q, v6_q, skip, skip_q;
  logic [WORDS_W-1:0] words_q;
  logic [255:0] state_q;
  logic [63:0]  m, m_q;
  // IPv4 keys have two words, the first and the last.
  assign skip   = ROUND >= 1 && ROUND <= 3 && !v6_i;
  assign skip_q = ROUND >= 1 && ROUND <= 3 && !v6_q;
  assign m      = ROUND < 5 ? words_i[63:0] : ROUND == 5 ? {v6_i ? 8'd40 : 8'd16, 56'd0} : 64'd0;
  assign m_q    = ROUND < 5 ? words_q[63:0] : ROUND == 5 ? {v6_q ? 8'd40 : 8'd16, 56'd0} : 64'd0;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) {valid_o, valid_q} <= '0;
    else         {valid_o, valid_q} <= {valid_q, valid_i};
    if (valid_i) begin
      v6_q    <= v6_i;
      words_q <= words_i;
      state_q <= skip ? state_i : first(state_i, m, ROUND == 6 ? 64'hff : 64'd0);
    end
    if (valid_q) begin
      v6_o    <= v6_q;
      words_o <= words_q >> 64;
      state_o <= skip_q ? state_q : second(state_q, m_q);
    end
  end
endmodule
