// SPDX-License-Identifier: BSD-3-Clause
// Memory with a read port for the packets and a read-or-write port for commands; both read one clock later. A read of
// an entry that is being written sees the old one.
`default_nettype none
module sl_slot_ram #(
  parameter int unsigned W = 8,
  parameter int unsigned LOG2 = 4
) (
  input  wire logic            clk_i,
  input  wire logic            a_read_i,
  input  wire logic [LOG2-1:0] a_addr_i,
  output logic      [W-1:0]    a_data_o,
  input  wire logic            b_read_i,
  input  wire logic            b_write_i,
  input  wire logic [LOG2-1:0] b_addr_i,
  input  wire logic [W-1:0]    b_data_i,
  output logic      [W-1:0]    b_data_o
);
  logic [W-1:0] mem [0:(1<<LOG2)-1];

  always_ff @(posedge clk_i) if (a_read_i) a_data_o <= mem[a_addr_i];

  always_ff @(posedge clk_i) begin
    if (b_write_i)     mem[b_addr_i] <= b_data_i;
    else if (b_read_i) b_data_o <= mem[b_addr_i];
  end
endmodule
