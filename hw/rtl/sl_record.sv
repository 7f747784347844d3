// SPDX-License-Identifier: BSD-3-Clause
// Structure record from what the card keeps of it, from bit 0:
//
//   IPv4 source, destination (64) | ports (32) | action (32) | deltas (32) | flags, owner, age_s (32) | cookie (64)
//
// and, of an IPv6 flow, the new source and destination from the memory of IPv6 keys. Reserved fields read as zero.
// Combinational; sl_command does the inverse.
`default_nettype none
module sl_record (
  input  wire logic [255:0] kept_i,
  input  wire logic         v6_i,
  input  wire logic [255:0] addresses_i,   // of an IPv6 flow
  output logic [511:0]      record_o
);
  always_comb begin
    record_o = '0;
    if (v6_i) begin
      record_o[sl_pkg::RECORD_NEW_SRC_LSB +: 256] = addresses_i;
    end else begin
      record_o[sl_pkg::RECORD_NEW_SRC_LSB +: 32] = kept_i[31:0];
      record_o[sl_pkg::RECORD_NEW_DST_LSB +: 32] = kept_i[63:32];
    end
    record_o[sl_pkg::RECORD_NEW_SPORT_LSB +: 192] = kept_i[255:64];
  end
endmodule
