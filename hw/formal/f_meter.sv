// SPDX-License-Identifier: BSD-3-Clause
// Proof harness of sl_meter. ledger_q is what it may still pass at most since the last write, without the cap; left_q
// is what it owes at least of the burst. Tokens are 1/256 of a frame; those that a tick brings and a frame takes are in
// the sums a clock later, here (ticked_q, passed_q) as there. (hierconn: flatten joins these to u_dut's own.)
`default_nettype none
module f_meter (
  input wire logic         clk_i,
  input wire logic         write_i,
  input wire logic [127:0] data_i,
  input wire logic         tick_i,
  input wire logic [1:0]   tick_size_i,
  input wire logic         take_i
);
  logic rst_n = 1'b0;
  always_ff @(posedge clk_i) rst_n <= 1'b1;

  logic pass;
  sl_meter u_dut (.clk_i, .rst_ni(rst_n), .write_i, .data_i, .tick_i, .tick_size_i, .take_i, .pass_o(pass));
  (* hierconn *) logic [39:0] \u_dut.tokens_q ;
  (* hierconn *) logic [39:0] \u_dut.missing_q ;
  (* hierconn *) logic [39:0] \u_dut.add_q ;
  (* hierconn *) logic [32:0] \u_dut.less_q ;
  (* hierconn *) logic        \u_dut.spend_q ;
  (* hierconn *) logic        \u_dut.off_q ;
  (* hierconn *) logic [31:0] \u_dut.rate_q ;
  (* hierconn *) logic [31:0] \u_dut.burst_q ;

  logic [71:0] ledger_q;
  logic [55:0] ticked_q;
  logic [31:0] burst_q, rate_q, left_q;
  logic        passed, passed_q;
  assign passed = take_i && pass && rate_q != '0;
  always_ff @(posedge clk_i) begin
    ticked_q <= rst_n && tick_i && !write_i ? 56'(rate_q) << {tick_size_i, 3'd0} : 56'd0;
    passed_q <= rst_n && !write_i && passed;
    if (!rst_n) begin
      ledger_q <= '0;
      burst_q  <= '0;
      rate_q   <= '0;
      left_q   <= '0;
    end else if (write_i) begin
      ledger_q <= {32'd0, data_i[63:32], 8'd0};
      burst_q  <= data_i[63:32];
      rate_q   <= data_i[31:0];
      left_q   <= data_i[63:32];
    end else begin
      ledger_q <= ledger_q + 72'(ticked_q) - (passed_q ? 72'd256 : 72'd0);
      if (passed && left_q != '0) left_q <= left_q - 32'd1;
    end
  end

  always_comb begin
    assume (ledger_q[71:64] == 8'd0);    // the ledger does not wrap: 2^56 frames
    if (rst_n) begin
      capped: assert (73'(\u_dut.tokens_q ) + 73'(\u_dut.missing_q ) == 73'({burst_q, 8'd0})
                      && burst_q == \u_dut.burst_q );
      fewer:  assert (72'(\u_dut.tokens_q ) <= ledger_q && 56'(\u_dut.add_q ) <= ticked_q
                      && rate_q == \u_dut.rate_q );
      limit:  assert (!passed || ledger_q >= (passed_q ? 72'd512 : 72'd256));
      spends: assert (\u_dut.spend_q == passed_q && (!passed_q || \u_dut.tokens_q [39:8] != '0)
                      && \u_dut.off_q == (rate_q == '0)
                      && \u_dut.less_q == {1'b0, \u_dut.add_q [39:8]} - 33'd1);
      enough: assert (\u_dut.tokens_q [39:8] >= left_q && (!passed_q || \u_dut.tokens_q [39:8] > left_q)
                      && rate_q == \u_dut.rate_q );
      burst_passes: assert (left_q == '0 || pass);
    end
  end
endmodule
