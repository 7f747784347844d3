// SPDX-License-Identifier: BSD-3-Clause
// Structure record from what the card keeps of it, from bit 0:
//
//   IPv4 source, destination (64) | ports (32) | action (32) | deltas (32) | flags, owner (16) | cookie (64)
//
// and, of an IPv6 flow, the new source and destination from the memory of IPv6 keys; age_s is sl_age's. Reserved fields
// read as zero.
// Combinational; sl_command does the inverse.
`default_nettype none
module sl_record (
  input  wire logic [239:0] kept_i,
  input  wire logic         v6_i,
  input  wire logic [255:0] addresses_i,   // of an IPv6 flow
  input  wire logic [15:0]  age_s_i,
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
    record_o[sl_pkg::RECORD_NEW_SPORT_LSB +: 112] = kept_i[175:64];
    record_o[sl_pkg::RECORD_AGE_S_LSB +: 16]      = age_s_i;
    record_o[sl_pkg::RECORD_COOKIE_LSB +: 64]     = kept_i[239:176];
  end
endmodule
