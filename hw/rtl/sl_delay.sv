// SPDX-License-Identifier: BSD-3-Clause
// N registers in a row for what travels beside a pipeline; a stage holds its value while nothing valid passes.
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
  logic [N-1:0]   valid_q;
  logic [N*W-1:0] data_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_q <= '0;
    else         valid_q <= N'({valid_q, valid_i});
  end

  for (genvar i = 0; i < N; i++) begin : g_stage
    if (i == 0) begin : g_first
      always_ff @(posedge clk_i) if (valid_i) data_q[W-1:0] <= data_i;
    end else begin : g_next
      always_ff @(posedge clk_i) if (valid_q[i-1]) data_q[i*W +: W] <= data_q[(i-1)*W +: W];
    end
  end

  assign valid_o = valid_q[N-1];
  assign data_o  = data_q[(N-1)*W +: W];
endmodule
