// SPDX-License-Identifier: BSD-3-Clause
// One prefix table (docs/datapath.md, 3): two banks of buckets with four prefixes each. The bucket that a hash names in
// either bank is read a clock before the packet's headers come, and all eight prefixes are compared with them.
`default_nettype none
module sl_prefix_table #(
  parameter int unsigned WIDE = 0,               // 1: prefixes with any protocol or several ports; else L4 is asked for
  parameter int unsigned LOG2 = 12               // of the buckets in a bank
) (
  input  wire logic              clk_i,
  // Registers: a bucket is read or written as a whole.
  input  wire logic              csr_read_i,
  input  wire logic              csr_write_i,
  input  wire logic              csr_clear_i,    // with csr_bucket_i: of both banks
  input  wire logic              csr_bank_i,
  input  wire logic [LOG2-1:0]   csr_bucket_i,
  input  wire logic [1023:0]     csr_data_i,     // structure prefix_bucket
  output logic [1023:0]          csr_data_o,     // a clock after csr_read_i
  // A packet.
  input  wire logic              read_i,
  input  wire logic [31:0]       hash_i,
  input  wire logic              valid_i,        // a clock later, with the headers
  input  wire logic              v4_i,
  input  wire logic              v6_i,
  input  wire logic              l4_i,
  input  wire logic [7:0]        proto_i,
  input  wire logic [15:0]       port_i,         // plain
  input  wire logic [127:0]      addr_i,
  // A clock after valid_i, of bank 0's ways and then bank 1's: sets (none without a match) and meters.
  output logic [8*32-1:0]        sets_o,
  output logic [8*8-1:0]         meters_o
);
  // In memory a prefix is {valid, v6, any protocol, protocol, meter, ports, sets, address}.
  localparam int unsigned W = 1 + 1 + 1 + 8 + 8 + 32 + 32 + 128;

  function automatic logic [W-1:0] pack(input logic [255:0] p);
    pack = {p[sl_pkg::CLASS_PREFIX_FAMILY_LSB +: 8] != 8'd0, p[sl_pkg::CLASS_PREFIX_FAMILY_LSB +: 8] == 8'd6,
            p[sl_pkg::CLASS_PREFIX_PROTO_MASK_LSB +: 8] == 8'd0, p[sl_pkg::CLASS_PREFIX_PROTO_LSB +: 8],
            p[sl_pkg::CLASS_PREFIX_METER_LSB +: 8], p[sl_pkg::CLASS_PREFIX_PORT_HI_LSB +: 16],
            p[sl_pkg::CLASS_PREFIX_PORT_LO_LSB +: 16], p[sl_pkg::CLASS_PREFIX_SETS_LSB +: 32],
            p[sl_pkg::CLASS_PREFIX_ADDR_LSB +: 128]};
  endfunction

  function automatic logic [255:0] unpack(input logic [W-1:0] m);
    logic [255:0] p;
    p = '0;
    p[sl_pkg::CLASS_PREFIX_ADDR_LSB +: 128]     = m[127:0];
    p[sl_pkg::CLASS_PREFIX_SETS_LSB +: 32]      = m[159:128];
    p[sl_pkg::CLASS_PREFIX_PORT_LO_LSB +: 16]   = m[175:160];
    p[sl_pkg::CLASS_PREFIX_PORT_HI_LSB +: 16]   = m[191:176];
    p[sl_pkg::CLASS_PREFIX_METER_LSB +: 8]      = m[199:192];
    p[sl_pkg::CLASS_PREFIX_PROTO_LSB +: 8]      = m[207:200];
    p[sl_pkg::CLASS_PREFIX_PROTO_MASK_LSB +: 8] = m[210] && !m[208] ? 8'hff : 8'h00;
    p[sl_pkg::CLASS_PREFIX_FAMILY_LSB +: 8]     = !m[210] ? 8'd0 : m[209] ? 8'd6 : 8'd4;
    unpack = p;
  endfunction

  logic [4*W-1:0] entry, found0, found1, back0, back1;
  logic           bank_q;
  always_comb for (int i = 0; i < 4; i++) entry[W*i +: W] = csr_clear_i ? '0 : pack(csr_data_i[256*i +: 256]);
  sl_slot_ram #(.W(4*W), .LOG2(LOG2)) u_bank0 (
    .clk_i, .a_read_i(read_i), .a_addr_i(hash_i[LOG2-1:0]), .a_data_o(found0), .b_read_i(csr_read_i && !csr_bank_i),
    .b_write_i((csr_write_i && !csr_bank_i) || csr_clear_i), .b_addr_i(csr_bucket_i), .b_data_i(entry), .b_data_o(back0)
  );
  sl_slot_ram #(.W(4*W), .LOG2(LOG2)) u_bank1 (
    .clk_i, .a_read_i(read_i), .a_addr_i(hash_i[16 +: LOG2]), .a_data_o(found1), .b_read_i(csr_read_i && csr_bank_i),
    .b_write_i((csr_write_i && csr_bank_i) || csr_clear_i), .b_addr_i(csr_bucket_i), .b_data_i(entry), .b_data_o(back1)
  );
  always_ff @(posedge clk_i) if (csr_read_i) bank_q <= csr_bank_i;
  always_comb for (int i = 0; i < 4; i++) csr_data_o[256*i +: 256] = unpack(bank_q ? back1[W*i +: W] : back0[W*i +: W]);

  // Comparison: in parts, and a clock later all of them.
  logic [8*W-1:0] found;
  assign found = {found1, found0};
  for (genvar i = 0; i < 8; i++) begin : g_way
    logic [W-1:0] p;
    logic         any_port, family_q, proto_q, any_q, range_q;
    logic [3:0]   addr_q;
    logic [31:0]  sets_q;
    assign p        = found[W*i +: W];
    assign any_port = p[191:160] == 32'hffff_0000;
    always_ff @(posedge clk_i) begin
      if (valid_i) begin
        family_q <= p[210] && (p[209] ? v6_i : v4_i);
        proto_q  <= p[208] || p[207:200] == proto_i;
        any_q    <= (any_port && (WIDE != 0 || l4_i));
        range_q  <= l4_i && port_i >= p[175:160] && port_i <= p[191:176];
        for (int n = 0; n < 4; n++) addr_q[n] <= p[32*n +: 32] == addr_i[32*n +: 32];
        sets_q             <= p[159:128];
        meters_o[8*i +: 8] <= p[199:192];
      end
    end
    assign sets_o[32*i +: 32] = family_q && proto_q && (any_q || range_q) && addr_q == '1 ? sets_q : 32'd0;
  end
endmodule
