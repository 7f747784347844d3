// SPDX-License-Identifier: BSD-3-Clause
// Bytes in portions of one size, out in portions of another: a window of 128 bytes. Up to 64 bytes may come whenever at
// most 64 are held or will be after what leaves in the same clock; the oldest 64 are visible.
`default_nettype none
module sl_gear (
  input  wire logic         clk_i,
  input  wire logic         rst_ni,
  input  wire logic         clear_i,
  input  wire logic         push_i,
  input  wire logic [6:0]   push_n_i,
  input  wire logic [511:0] data_i,      // bytes from push_n_i on do not matter
  input  wire logic         pop_i,
  input  wire logic [6:0]   pop_n_i,
  output logic [7:0]        count_o,
  output logic [511:0]      data_o
);
  logic [1023:0] hold_q, hold_d;
  logic [7:0]    count_q, left;

  assign left    = pop_i ? count_q - {1'b0, pop_n_i} : count_q;
  assign count_o = count_q;
  assign data_o  = hold_q[511:0];

  function automatic logic [511:0] keep(input logic [511:0] data, input logic [6:0] n);
    for (int i = 0; i < 64; i++) keep[8*i +: 8] = (n[6] || n[5:0] > 6'(i)) ? data[8*i +: 8] : 8'd0;
  endfunction
  always_comb begin
    hold_d = hold_q;
    if (pop_i)  hold_d = hold_q >> {pop_n_i, 3'b000};
    if (push_i) hold_d = hold_d | (1024'(keep(data_i, push_n_i)) << {left, 3'b000});
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) begin
      count_q <= '0;
      hold_q  <= '0;
    end else if (push_i || pop_i) begin
      count_q <= left + (push_i ? {1'b0, push_n_i} : 8'd0);
      hold_q  <= hold_d;
    end
  end

`ifndef SYNTHESIS
  a_no_underflow: assert property (@(posedge clk_i) disable iff (!rst_ni)
    pop_i |-> pop_n_i <= 7'd64 && {1'b0, pop_n_i} <= count_q);
  a_no_overflow: assert property (@(posedge clk_i) disable iff (!rst_ni)
    push_i |-> push_n_i <= 7'd64 && {1'b0, left} + {2'b00, push_n_i} <= 9'd128);
`endif
endmodule
