// SPDX-License-Identifier: BSD-3-Clause
// Proof harness of sl_clock: it never runs ahead, never stands still while it is behind, and says how far it went, so
// that the ticks add up to the time (what the meters grow by).
`default_nettype none
module f_clock (
  input wire logic        clk_i,
  input wire logic [31:0] step_i
);
  logic rst_n = 1'b0;
  always_ff @(posedge clk_i) rst_n <= 1'b1;

  // The time given never goes back; it may wrap only by less than a whole turn ahead of the card's.
  logic [31:0] given_q = '0, now, before_q;
  logic [32:0] behind_q;
  logic        tick, started_q;
  logic [1:0]  size;
  always_ff @(posedge clk_i) begin
    given_q <= given_q + step_i;
  end
  sl_clock u_dut (
    .clk_i, .rst_ni(rst_n), .time_ms_i(given_q), .time_ms_o(now), .tick_o(tick), .tick_size_o(size)
  );

  always_ff @(posedge clk_i) begin
    before_q  <= now;
    behind_q  <= {1'b0, given_q - now};
    started_q <= rst_n;
  end

  logic [31:0] gone;
  assign gone = now - before_q;
  always_comb begin
    assume ({1'b0, given_q - now} + {1'b0, step_i} < 33'h1_0000_0000);
    if (rst_n && started_q) begin
      not_ahead:   assert ({1'b0, gone} <= behind_q);
      not_idle:    assert (tick == (behind_q != 33'd0));
      ticks_add_up: assert (gone == (tick ? 32'd1 << {size, 3'd0} : 32'd0));
    end
  end
endmodule
