// SPDX-License-Identifier: BSD-3-Clause
// What a slot holds of a flow key, from bit 0:
//
//   source port, destination port, tenant, protocol (56) | IPv6 (1) | where | rest (64 together)
//
// IPv4: where and rest are the two addresses. IPv6: `rest` is the hash without the bits that are the key's buckets,
// and `where` names the entry of the memory of IPv6 keys that holds the addresses. A slot's place and its bucket in the
// other bank are the other bits of the hash: keys that differ, yet have equal tags in one place, have equal 64-bit
// hashes. Combinational.
`default_nettype none
module sl_slot_tag #(
  parameter int unsigned BUCKET_LOG2 = 13,
  parameter int unsigned V6_LOG2 = 15
) (
  input  wire logic [319:0]         key_i,
  input  wire logic [63:0]          hash_i,
  input  wire logic [V6_LOG2-1:0]   where_i,
  output logic [120:0]              tag_o,
  output logic [120:0]              mask_o    // what of a slot's tag has to be equal
);
  localparam int unsigned WHERE_W = 2 * BUCKET_LOG2;
  logic v6;
  assign v6     = key_i[sl_pkg::KEY_FAMILY_LSB +: 8] == 8'd6;
  assign tag_o  = {v6 ? {hash_i[63:32+BUCKET_LOG2], hash_i[31:BUCKET_LOG2], WHERE_W'(where_i)}
                      : {key_i[sl_pkg::KEY_DST_LSB +: 32], key_i[sl_pkg::KEY_SRC_LSB +: 32]},
                   v6, key_i[sl_pkg::KEY_SPORT_LSB +: 56]};
  assign mask_o = {{(64-WHERE_W){1'b1}}, {WHERE_W{!v6}}, 57'h1ff_ffff_ffff_ffff};
endmodule
