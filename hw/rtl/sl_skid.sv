// SPDX-License-Identifier: BSD-3-Clause
// A register slice: valid, ready and data of a stream all come from registers, so that no path goes through. Two
// entries, a transfer per clock. Takes nothing while in reset.
`default_nettype none
module sl_skid #(
  parameter int unsigned W = 8
) (
  input  wire logic         clk_i,
  input  wire logic         rst_ni,
  input  wire logic         valid_i,
  output logic              ready_o,
  input  wire logic [W-1:0] data_i,
  output logic              valid_o,
  input  wire logic         ready_i,
  output logic [W-1:0]      data_o
);
  logic         full_q, full_d;       // the second entry holds what came while the first had to wait
  logic [W-1:0] second_q;
  assign full_d = valid_o && !ready_i && (full_q || (valid_i && ready_o));

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_o <= 1'b0;
      full_q  <= 1'b0;
      ready_o <= 1'b0;
    end else begin
      valid_o <= (valid_o && !ready_i) || full_q || (valid_i && ready_o);
      full_q  <= full_d;
      ready_o <= !full_d;
    end
    if (!valid_o || ready_i) data_o   <= full_q ? second_q : data_i;
    if (ready_o)             second_q <= data_i;
  end

`ifndef SYNTHESIS
  a_stable: assert property (@(posedge clk_i) disable iff (!rst_ni) valid_o && !ready_i |=> valid_o && $stable(data_o));
`endif
endmodule
