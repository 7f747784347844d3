// SPDX-License-Identifier: BSD-3-Clause
// Proof harness of sl_skid. Any entry may be the marked one: it must come out where and as it went in, which for every
// entry means that none is lost, doubled, changed or overtaken. It is ready whenever it has room, so that it takes and
// gives one a clock.
`default_nettype none
module f_skid #(
  parameter int unsigned W = 3
) (
  input wire logic         clk_i,
  input wire logic         valid_i,
  input wire logic [W-1:0] data_i,
  input wire logic         ready_i,
  input wire logic         mark_i
);
  logic rst_n = 1'b0;
  logic up_q = 1'b0;             // out of reset for a clock
  always_ff @(posedge clk_i) begin
    rst_n <= 1'b1;
    up_q  <= rst_n;
  end

  logic         push, pop, ready, valid, marked_q;
  logic [W-1:0] data, value_q;
  logic [1:0]   held_q, ahead_q;
  assign push = valid_i && ready;
  assign pop  = valid && ready_i;
  sl_skid #(.W(W)) u_dut (
    .clk_i, .rst_ni(rst_n), .valid_i, .ready_o(ready), .data_i, .valid_o(valid), .ready_i, .data_o(data)
  );

  always_ff @(posedge clk_i) begin
    if (!rst_n) begin
      held_q   <= '0;
      marked_q <= 1'b0;
    end else begin
      held_q <= held_q + 2'(push) - 2'(pop);
      if (marked_q) begin
        if (pop && ahead_q == '0) marked_q <= 1'b0;
        if (pop) ahead_q <= ahead_q - 1'b1;
      end else if (push && mark_i) begin
        marked_q <= 1'b1;
        ahead_q  <= held_q - 2'(pop);
        value_q  <= data_i;
      end
    end
  end

  always_comb begin
    if (rst_n) begin
      order:    assert (!marked_q || ahead_q != '0 || (valid && data == value_q));
      count_ok: assert (held_q <= 2'd2 && valid == (held_q != '0));
      room:     assert (!up_q || ready == (held_q != 2'd2));
      overflow: assert (!push || held_q != 2'd2);
    end
  end
endmodule
