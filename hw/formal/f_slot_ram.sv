// SPDX-License-Identifier: BSD-3-Clause
// Proof harness of sl_slot_ram: at any address, a read on either port gives, one clock later, what was last written
// before it, and the output holds until the next read.
`default_nettype none
module f_slot_ram #(
  parameter int unsigned W = 2,
  parameter int unsigned LOG2 = 2
) (
  input wire logic            clk_i,
  input wire logic            a_read_i,
  input wire logic [LOG2-1:0] a_addr_i,
  input wire logic            b_read_i,
  input wire logic            b_write_i,
  input wire logic [LOG2-1:0] b_addr_i,
  input wire logic [W-1:0]    b_data_i
);
  logic started_q = 1'b0;
  always_ff @(posedge clk_i) started_q <= 1'b1;

  (* anyconst *) logic [LOG2-1:0] addr;
  logic [W-1:0] a_data, b_data, value_q, a_value_q, b_value_q;
  logic         written_q = 1'b0, a_known_q = 1'b0, b_known_q = 1'b0;
  sl_slot_ram #(.W(W), .LOG2(LOG2)) u_dut (
    .clk_i, .a_read_i, .a_addr_i, .a_data_o(a_data), .b_read_i, .b_write_i, .b_addr_i, .b_data_i, .b_data_o(b_data)
  );

  always_ff @(posedge clk_i) begin
    if (b_write_i && b_addr_i == addr) begin
      written_q <= 1'b1;
      value_q   <= b_data_i;
    end
    if (a_read_i) begin
      a_known_q <= written_q && a_addr_i == addr;
      a_value_q <= value_q;
    end
    if (b_read_i && !b_write_i) begin
      b_known_q <= written_q && b_addr_i == addr;
      b_value_q <= value_q;
    end
  end

  always_comb begin
    if (started_q) begin
      packets:  assert (!a_known_q || a_data == a_value_q);
      commands: assert (!b_known_q || b_data == b_value_q);
    end
  end
endmodule
