// SPDX-License-Identifier: BSD-3-Clause
// Rounds FROM to TO of SipHash-1-3 over a flow key, one key per clock, a round a clock. The words of the message
// come from bit 0 on and are used up by the rounds that take them; the state between such modules is {v3, v2, v1, v0}.
`default_nettype none
module sl_sip_rounds #(
  parameter int unsigned FROM = 0,
  parameter int unsigned TO = 8,
  parameter int unsigned WORDS_W = 320
) (
  input  wire logic               clk_i,
  input  wire logic               rst_ni,
  input  wire logic               valid_i,
  input  wire logic               v6_i,
  input  wire logic [WORDS_W-1:0] words_i,
  input  wire logic [255:0]       state_i,
  output logic                    valid_o,
  output logic                    v6_o,
  output logic [WORDS_W-1:0]      words_o,
  output logic [255:0]            state_o
);
  localparam int unsigned N = TO - FROM + 1;
  logic [N:0]             valid, v6;       // what enters round FROM + n; last, what leaves
  logic [(N+1)*WORDS_W-1:0] words;
  logic [(N+1)*256-1:0]   state;
  assign valid[0]            = valid_i;
  assign v6[0]               = v6_i;
  assign words[WORDS_W-1:0]  = words_i;
  assign state[255:0]        = state_i;
  for (genvar n = 0; n < N; n++) begin : g_round
    sl_sip_round #(.ROUND(FROM + n), .WORDS_W(WORDS_W)) u_round (
      .clk_i, .rst_ni, .valid_i(valid[n]), .v6_i(v6[n]), .words_i(words[n*WORDS_W +: WORDS_W]),
      .state_i(state[n*256 +: 256]), .valid_o(valid[n+1]), .v6_o(v6[n+1]),
      .words_o(words[(n+1)*WORDS_W +: WORDS_W]), .state_o(state[(n+1)*256 +: 256])
    );
  end
  assign valid_o = valid[N];
  assign v6_o    = v6[N];
  assign words_o = words[N*WORDS_W +: WORDS_W];
  assign state_o = state[N*256 +: 256];
endmodule
