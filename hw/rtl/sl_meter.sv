// SPDX-License-Identifier: BSD-3-Clause
// One punt meter: a token bucket of frames (structure meter), 1/256 of one each. Beside the tokens it keeps what is
// missing to the burst, so that adding and finding out whether the sum would be too much are one step:
//
//   t: a tick is made into tokens (add_q); a frame is judged   t+1: both are in tokens_q and missing_q
//
// A frame does not see the tokens of a tick that is one or two clocks old: they are for the next one.
`default_nettype none
module sl_meter (
  input  wire logic         clk_i,
  input  wire logic         rst_ni,
  input  wire logic         write_i,
  input  wire logic [127:0] data_i,      // structure meter
  input  wire logic         tick_i,
  input  wire logic [1:0]   tick_size_i,
  input  wire logic         take_i,
  output logic              pass_o       // a token would be there
);
  logic [31:0] rate_q, burst_q;
  logic [39:0] tokens_q, missing_q;      // together the burst
  logic        off_q;                    // no rate: everything passes
  logic        spend_q;                  // a token that is still in tokens_q
  logic        enough;
  assign enough = tokens_q[39:9] != '0 || (tokens_q[8] && !spend_q);
  assign pass_o = off_q || enough;

  // What a tick adds: all ones is more than any burst misses. Also with a token less, for a frame in the same clock.
  logic [39:0] add, add_q;
  logic [32:0] less_q;                   // signed, without the low byte
  always_comb begin
    add = '0;
    if (tick_i && !write_i) begin
      case (tick_size_i)
        2'd0:    add = {8'd0, rate_q};
        2'd1:    add = {rate_q, 8'd0};
        2'd2:    add = {rate_q[23:0], 16'd0} | {40{rate_q[31:24] != '0}};
        default: add = {rate_q[15:0], 24'd0} | {40{rate_q[31:16] != '0}};
      endcase
    end
  end

  logic [40:0] change, left;             // signed; left: of what is missing
  logic [39:0] grown;
  logic        full;
  assign change = {spend_q ? less_q : {1'b0, add_q[39:8]}, add_q[7:0]};
  assign grown  = tokens_q + change[39:0];
  assign left   = {1'b0, missing_q} - change;
  assign full   = left[40];

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      rate_q    <= '0;
      burst_q   <= '0;
      off_q     <= 1'b1;
      tokens_q  <= '0;
      missing_q <= '0;
      add_q     <= '0;
      less_q    <= '1;
      spend_q   <= 1'b0;
    end else begin
      add_q   <= add;
      less_q  <= {1'b0, add[39:8]} - 33'd1;
      spend_q <= take_i && !write_i && !off_q && enough;
      if (write_i) begin
        rate_q    <= data_i[31:0];
        burst_q   <= data_i[63:32];
        off_q     <= data_i[31:0] == '0;
        tokens_q  <= {data_i[63:32], 8'd0};
        missing_q <= '0;
      end else begin
        tokens_q  <= full ? {burst_q, 8'd0} : grown;
        missing_q <= full ? '0 : left[39:0];
      end
    end
  end
endmodule
