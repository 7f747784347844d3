// SPDX-License-Identifier: BSD-3-Clause
// The card's time in milliseconds. It follows time_ms_i, which never goes back, in steps of 1, 256, 65536 or 16777216
// ms per clock, so that the meters, which grow with every step, never need to multiply.
`default_nettype none
module sl_clock (
  input  wire logic        clk_i,
  input  wire logic        rst_ni,
  input  wire logic [31:0] time_ms_i,
  output logic [31:0]      time_ms_o,
  output logic             tick_o,       // time_ms_o has just advanced
  output logic [1:0]       tick_size_o   // by 256 to this power
);
  logic [31:0] behind;
  assign behind = time_ms_i - time_ms_o;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      time_ms_o   <= '0;
      tick_o      <= 1'b0;
      tick_size_o <= 2'd0;
    end else begin
      tick_o <= behind != 32'd0;
      if (behind[31:24] != 8'd0)      {tick_size_o, time_ms_o} <= {2'd3, time_ms_o + 32'h0100_0000};
      else if (behind[23:16] != 8'd0) {tick_size_o, time_ms_o} <= {2'd2, time_ms_o + 32'h0001_0000};
      else if (behind[15:8] != 8'd0)  {tick_size_o, time_ms_o} <= {2'd1, time_ms_o + 32'h0000_0100};
      else if (behind[7:0] != 8'd0)   {tick_size_o, time_ms_o} <= {2'd0, time_ms_o + 32'h0000_0001};
    end
  end
endmodule
