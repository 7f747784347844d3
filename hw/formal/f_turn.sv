// SPDX-License-Identifier: BSD-3-Clause
// Proof harness of sl_turn. Whoever asks goes on until it is served; the user serves when it likes, as sl_dma_cut does:
// the turn goes on when nobody has it, or when it is served.
`default_nettype none
module f_turn #(
  parameter int unsigned N = 5,
  parameter int unsigned NL = 3
) (
  input wire logic         clk_i,
  input wire logic [N-1:0] ask_i,
  input wire logic         serve_i
);
  logic rst_n = 1'b0;
  always_ff @(posedge clk_i) rst_n <= 1'b1;

  logic          valid, served;
  logic [N-1:0]  asks_q, turn;
  logic [NL-1:0] index;
  assign served = valid && serve_i;
  sl_turn #(.N(N), .NL(NL)) u_dut (
    .clk_i, .rst_ni(rst_n), .req_i(asks_q), .next_i(!valid || serve_i), .valid_o(valid), .turn_o(turn), .index_o(index)
  );

  // While the last asks, how often another was served; and whether nobody was although somebody asked.
  logic [3:0] others_q;
  logic       idle_q;
  always_ff @(posedge clk_i) begin
    if (!rst_n) asks_q <= '0;
    else        asks_q <= (asks_q & ~(served ? turn : '0)) | ask_i;
    if (!rst_n || !asks_q[N-1] || (served && turn[N-1])) others_q <= '0;
    else if (served)                                 others_q <= others_q + 4'd1;
    idle_q <= rst_n && asks_q != '0 && !valid;
  end

  logic [N-1:0] bit_of;
  always_comb for (int i = 0; i < N; i++) bit_of[i] = index == NL'(i);
  always_comb begin
    if (rst_n) begin
      one:    assert (turn == bit_of && turn != '0);
      asked:  assert (valid == ((asks_q & turn) != '0));
      fair:   assert (others_q <= 4'(N));
      prompt: assert (!idle_q || valid);
    end
  end
endmodule
