// SPDX-License-Identifier: BSD-3-Clause
// Whether a slot is a flow's, in parts, each of two LUTs behind the memory that the slot comes from: who asks ands them
// a clock later. A module of its own, so that it is mapped for its own depth and not for that of what is around it. The
// slot is described in sl_table. Combinational.
`default_nettype none
module sl_slot_same #(
  parameter int unsigned TAG_W = 121,
  parameter int unsigned ALT = 137,         // where in the slot its bucket in the other bank and its epoch begin
  parameter int unsigned EPOCH = 150,
  parameter int unsigned PARTS = 2 + TAG_W/11
) (
  input  wire logic [EPOCH+8:0]     slot_i,
  input  wire logic [TAG_W-1:0]     tag_i,
  input  wire logic [TAG_W-1:0]     mask_i,
  input  wire logic [EPOCH-ALT-1:0] alt_i,  // the flow's bucket in the other bank
  input  wire logic [7:0]           epoch_i,
  output logic      [PARTS-1:0]     same_o
);
  assign same_o[0] = slot_i[EPOCH+8] && slot_i[EPOCH +: 8] == epoch_i;
  assign same_o[1] = slot_i[EPOCH-1:ALT] == alt_i;
  for (genvar i = 0; i < PARTS - 2; i++) begin : g_tag
    assign same_o[2+i] = ((slot_i[11*i +: 11] ^ tag_i[11*i +: 11]) & mask_i[11*i +: 11]) == '0;
  end
endmodule
