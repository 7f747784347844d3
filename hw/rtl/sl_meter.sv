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
  logic [39:0] tokens_q;
  logic [56:0] add, grown;
  logic [8:0]  low;
  logic        over, enough, spend;

  always_comb begin
    add = '0;
    if (tick_i) begin
      case (tick_size_i)
        2'd0:    add = 57'(rate_q);
        2'd1:    add = 57'({rate_q, 8'd0});
        2'd2:    add = 57'({rate_q, 16'd0});
        default: add = {1'b0, rate_q, 24'd0};
      endcase
    end
  end
  assign grown = 57'(tokens_q) + add;
  assign over  = tick_i && grown > 57'({burst_q, 8'd0});

  // Is the lesser of the sum and the cap a whole token (256)? Both must be, which is known before either is.
  assign low    = 9'(tokens_q[7:0]) + 9'(add[7:0]);
  assign enough = (tokens_q[39:8] != '0 || add[56:8] != '0 || low[8]) && (!tick_i || burst_q != '0);
  assign pass_o = rate_q == 32'd0 || enough;
  assign spend  = take_i && rate_q != 32'd0 && enough;

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
      case ({over, spend})
        2'b00:   tokens_q <= grown[39:0];
        2'b01:   tokens_q <= {grown[39:8] - 32'd1, grown[7:0]};
        2'b10:   tokens_q <= {burst_q, 8'd0};
        default: tokens_q <= {burst_q - 32'd1, 8'd0};
      endcase
    end
  end
endmodule
