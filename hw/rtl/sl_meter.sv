// SPDX-License-Identifier: BSD-3-Clause
// One punt meter: a token bucket of frames (structure meter). Of a tick and a frame in one clock the tick comes first.
`default_nettype none
module sl_meter (
  input  wire logic         clk_i,
  input  wire logic         rst_ni,
  input  wire logic         write_i,
  input  wire logic [127:0] data_i,      // structure meter
  input  wire logic         tick_i,
  input  wire logic [1:0]   tick_size_i,
  input  wire logic         take_i,
  output logic              pass_o       // combinational with tick_i: a token would be there
);
  logic [31:0] rate_q, burst_q;
  logic [39:0] tokens_q, cap, more;
  logic [56:0] grown;

  assign cap = {burst_q, 8'd0};
  always_comb begin
    grown = 57'(tokens_q);
    more = tokens_q;
    if (tick_i) begin
      case (tick_size_i)
        2'd0:    grown = 57'(tokens_q) + 57'(rate_q);
        2'd1:    grown = 57'(tokens_q) + 57'({rate_q, 8'd0});
        2'd2:    grown = 57'(tokens_q) + 57'({rate_q, 16'd0});
        default: grown = 57'(tokens_q) + {1'b0, rate_q, 24'd0};
      endcase
      more = grown > 57'(cap) ? cap : grown[39:0];
    end
  end
  assign pass_o = rate_q == 32'd0 || more >= 40'd256;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      rate_q   <= '0;
      burst_q  <= '0;
      tokens_q <= '0;
    end else if (write_i) begin
      rate_q   <= data_i[31:0];
      burst_q  <= data_i[63:32];
      tokens_q <= {data_i[63:32], 8'd0};
    end else if (tick_i || take_i) begin
      tokens_q <= (take_i && rate_q != 32'd0 && more >= 40'd256) ? more - 40'd256 : more;
    end
  end
endmodule
