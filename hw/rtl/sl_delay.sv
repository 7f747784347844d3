// SPDX-License-Identifier: BSD-3-Clause
// N registers in a row (at most 5) for what travels beside a pipeline; a stage holds its value while nothing valid
// passes.
`default_nettype none
module sl_delay #(
  parameter int unsigned W = 8,
  parameter int unsigned N = 1
) (
  input  wire logic         clk_i,
  input  wire logic         rst_ni,
  input  wire logic         valid_i,
  input  wire logic [W-1:0] data_i,
  output logic              valid_o,
  output logic      [W-1:0] data_o
);
  logic [4:0]   valid_q;
  logic [W-1:0] data1_q, data2_q, data3_q, data4_q, data5_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_q <= '0;
    else         valid_q <= {valid_q[3:0], valid_i};
  end
  always_ff @(posedge clk_i) if (valid_i)              data1_q <= data_i;
  always_ff @(posedge clk_i) if (N >= 2 && valid_q[0]) data2_q <= data1_q;
  always_ff @(posedge clk_i) if (N >= 3 && valid_q[1]) data3_q <= data2_q;
  always_ff @(posedge clk_i) if (N >= 4 && valid_q[2]) data4_q <= data3_q;
  always_ff @(posedge clk_i) if (N >= 5 && valid_q[3]) data5_q <= data4_q;

  assign valid_o = valid_q[N-1];
  assign data_o  = N == 1 ? data1_q : N == 2 ? data2_q : N == 3 ? data3_q : N == 4 ? data4_q : data5_q;

`ifndef SYNTHESIS
  initial assert (N >= 1 && N <= 5) else $fatal(1, "sl_delay: N is out of range");
`endif
endmodule
