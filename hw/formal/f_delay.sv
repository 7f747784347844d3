// SPDX-License-Identifier: BSD-3-Clause
// Proof harness of sl_delay: what went in N clocks ago is at the output now, and only that.
`default_nettype none
module f_delay #(
  parameter int unsigned W = 2,
  parameter int unsigned N = 3
) (
  input wire logic         clk_i,
  input wire logic         valid_i,
  input wire logic [W-1:0] data_i
);
  logic rst_n = 1'b0;
  always_ff @(posedge clk_i) rst_n <= 1'b1;

  logic           valid;
  logic [W-1:0]   data;
  logic [N-1:0]   valid_q;
  logic [N*W-1:0] data_q;
  sl_delay #(.W(W), .N(N)) u_dut (.clk_i, .rst_ni(rst_n), .valid_i, .data_i, .valid_o(valid), .data_o(data));
  always_ff @(posedge clk_i) begin
    valid_q <= rst_n ? N'({valid_q, valid_i}) : '0;
    data_q  <= (N*W)'({data_q, data_i});
  end

  always_comb begin
    if (rst_n) begin
      latency: assert (valid == valid_q[N-1] && (!valid || data == data_q[(N-1)*W +: W]));
    end
  end
endmodule
