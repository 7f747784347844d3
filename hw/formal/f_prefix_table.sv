// SPDX-License-Identifier: BSD-3-Clause
// Proof harness of sl_prefix_table: any one place (bank, bucket, way) and what was last written there, as a structure.
// A packet whose hash names the bucket is in the entry's sets exactly if the entry matches as docs/datapath.md, 3 says,
// and in none of another's; a write that meets the read is seen as a whole or not at all.
`default_nettype none
module f_prefix_table #(
  parameter int unsigned WIDE = 0,
  parameter int unsigned BANK = 0,
  parameter int unsigned WAY = 0,
  parameter int unsigned LOG2 = 1
) (
  input wire logic            clk_i,
  input wire logic            csr_read_i,
  input wire logic            csr_write_i,
  input wire logic            csr_clear_i,
  input wire logic            csr_bank_i,
  input wire logic [LOG2-1:0] csr_bucket_i,
  input wire logic [1023:0]   csr_data_i,
  input wire logic            read_i,
  input wire logic [31:0]     hash_i,
  input wire logic            valid_i,
  input wire logic            v4_i,
  input wire logic            v6_i,
  input wire logic            l4_i,
  input wire logic [7:0]      proto_i,
  input wire logic [15:0]     port_i,
  input wire logic [127:0]    addr_i
);
  (* anyconst *) logic [LOG2-1:0] bucket;
  logic [1023:0] csr_data;
  logic [255:0]  sets, entry_q, read_q;
  logic [63:0]   meters;
  logic          known_q = 1'b0, read_known_q = 1'b0, judged_q = 1'b0, match, match_q, was_read_q = 1'b0;
  logic [31:0]   sets_q;
  logic [7:0]    meter_q;
  logic [255:0]  csr_q;                               // what commands saw a clock ago, and whether they read then
  logic          csr_new_q = 1'b1;
  sl_prefix_table #(.WIDE(WIDE), .LOG2(LOG2)) u_dut (
    .clk_i, .csr_read_i, .csr_write_i, .csr_clear_i, .csr_bank_i, .csr_bucket_i, .csr_data_i, .csr_data_o(csr_data),
    .read_i, .hash_i, .valid_i, .v4_i, .v6_i, .l4_i, .proto_i, .port_i, .addr_i, .sets_o(sets), .meters_o(meters)
  );

  logic [15:0] lo, hi;
  logic [7:0]  family;
  assign family = read_q[sl_pkg::CLASS_PREFIX_FAMILY_LSB +: 8];
  assign lo     = read_q[sl_pkg::CLASS_PREFIX_PORT_LO_LSB +: 16];
  assign hi     = read_q[sl_pkg::CLASS_PREFIX_PORT_HI_LSB +: 16];
  assign match  = (family == 8'd4 ? v4_i : family == 8'd6 ? v6_i : 1'b0)
                  && (read_q[sl_pkg::CLASS_PREFIX_PROTO_MASK_LSB +: 8] == 8'd0
                      || read_q[sl_pkg::CLASS_PREFIX_PROTO_LSB +: 8] == proto_i)
                  && ((l4_i && lo <= port_i && port_i <= hi) || (WIDE != 0 && lo == 16'd0 && hi == 16'hffff))
                  && read_q[sl_pkg::CLASS_PREFIX_ADDR_LSB +: 128] == addr_i;

  always_ff @(posedge clk_i) begin
    was_read_q <= read_i;
    csr_q      <= csr_data[256*WAY +: 256];
    csr_new_q  <= csr_read_i;
    if (csr_bucket_i == bucket && (csr_clear_i || (csr_write_i && csr_bank_i == 1'(BANK)))) begin
      known_q <= 1'b1;
      entry_q <= csr_clear_i ? '0 : csr_data_i[256*WAY +: 256];
    end
    if (read_i) begin
      read_known_q <= known_q && hash_i[16*BANK +: LOG2] == bucket;
      read_q       <= entry_q;
    end
    judged_q <= valid_i && read_known_q;
    match_q  <= match;
    sets_q   <= read_q[sl_pkg::CLASS_PREFIX_SETS_LSB +: 32];
    meter_q  <= read_q[sl_pkg::CLASS_PREFIX_METER_LSB +: 8];
  end

  always_comb begin
    assume (!(v4_i && v6_i));
    assume (!valid_i || was_read_q);
    assume (csr_data_i[256*WAY + sl_pkg::CLASS_PREFIX_FAMILY_LSB +: 8] == 8'd0
            || csr_data_i[256*WAY + sl_pkg::CLASS_PREFIX_FAMILY_LSB +: 8] == 8'd4
            || csr_data_i[256*WAY + sl_pkg::CLASS_PREFIX_FAMILY_LSB +: 8] == 8'd6);
    in_sets: assert (!judged_q || sets[32*(4*BANK + WAY) +: 32] == (match_q ? sets_q : 32'd0));
    held:    assert (csr_new_q || csr_data[256*WAY +: 256] == csr_q);
    meter:   assert (!judged_q || !match_q || meters[8*(4*BANK + WAY) +: 8] == meter_q);
  end
endmodule
