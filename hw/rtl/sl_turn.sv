// SPDX-License-Identifier: BSD-3-Clause
// Whose turn it is of several who ask, around in a circle. The turn is a register, so that nothing that depends on it
// waits for the choice: it is chosen a clock ahead, and while nobody asks it stays where it was. Whoever has the turn
// and asks (valid_o) is served by the user of this module in that clock or a later one; with next_i the turn goes to
// the next one that asks, and to the same one only if no other does. A user that serves one in every clock gets a
// request from whoever asks without a gap.
`default_nettype none
module sl_turn #(
  parameter int unsigned N = 5,
  parameter int unsigned NL = 3             // bits of its number
) (
  input  wire logic          clk_i,
  input  wire logic          rst_ni,
  input  wire logic [N-1:0]  req_i,
  input  wire logic          next_i,
  output logic               valid_o,
  output logic      [N-1:0]  turn_o,        // one bit
  output logic      [NL-1:0] index_o        // its number
);
  // after_q: those behind the turn, who come before all others.
  logic [N-1:0] after_q, behind, behind_lower, lower, first;
  logic         any;
  assign valid_o = (req_i & turn_o) != '0;
  assign behind  = req_i & after_q;
  assign any     = behind != '0;
  always_comb begin
    behind_lower = '0;
    lower        = '0;
    for (int i = 1; i < N; i++) begin
      behind_lower[i] = behind_lower[i-1] || behind[i-1];
      lower[i]        = lower[i-1] || req_i[i-1];
    end
    first = any ? behind & ~behind_lower : req_i & ~lower;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      turn_o  <= N'(1);
      index_o <= '0;
      after_q <= ~N'(1);
    end else if (next_i && req_i != '0) begin
      turn_o  <= first;
      after_q <= any ? behind_lower : lower;
      for (int b = 0; b < NL; b++) begin
        index_o[b] <= 1'b0;
        for (int i = 0; i < N; i++) if (first[i] && i[b]) index_o[b] <= 1'b1;
      end
    end
  end
endmodule
