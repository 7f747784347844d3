// SPDX-License-Identifier: BSD-3-Clause
// Stage rewrite (docs/datapath.md, 8): makes the new frame's first bytes. They are the action's header template (or the
// Ethernet header as it came) with its lengths completed, followed by the first 96 bytes of the IP packet with NAT and
// TTL applied; every header that changes lies within these. The rest of the packet follows in emit.
//
//   window ─► r1 pick IP packet ─► r2 addresses, sums ─► r3 lengths, sums folded ─► r4 checksums; r4, r5 shift ─► block
//
// Latency: 5 clocks, one frame per clock; frames that are not forwarded pass without meaning.
`default_nettype none
module sl_rewrite (
  input  wire logic                clk_i,
  input  wire logic                rst_ni,
  input  wire logic                valid_i,
  input  wire sl_dp_pkg::job_t     job_i,
  input  wire logic [63:0]         hash_i,
  input  wire logic [511:0]        record_i,
  input  wire logic [1023:0]       action_i,
  input  wire sl_dp_pkg::shape_t   shape_i,
  input  wire logic [1535:0]       window_i,
  output logic                     valid_o,
  output logic                     forward_o,
  output logic [7:0]               beats_o,     // of the frame as received
  output sl_dp_pkg::shape_t        shape_o,
  output logic [1663:0]            block_o      // 112 + 96 bytes; shape_o.hdr_len + 96 of them mean something
);
  function automatic logic [15:0] be16(input logic [15:0] x);
    be16 = {x[7:0], x[15:8]};
  endfunction

  // One's-complement sum folded to 16 bits.
  function automatic logic [15:0] fold(input logic [18:0] sum);
    logic [16:0] once;
    once = 17'(sum[15:0]) + 17'(sum[18:16]);
    fold = once[15:0] + 16'(once[16]);
  endfunction

  // The 96 bytes from one of the places where an IP packet can start: behind 14, 18 or 22 bytes of Ethernet header, and
  // behind an outer IP header of 20 or 40 bytes and 0, 4, 8, 12, 16 or 30 bytes of tunnel.
  function automatic logic [767:0] pick(input logic [1535:0] window, input logic [6:0] off);
    case (off)
      7'd14:   pick = window[8*14 +: 768];
      7'd18:   pick = window[8*18 +: 768];
      7'd22:   pick = window[8*22 +: 768];
      7'd34:   pick = window[8*34 +: 768];
      7'd38:   pick = window[8*38 +: 768];
      7'd42:   pick = window[8*42 +: 768];
      7'd46:   pick = window[8*46 +: 768];
      7'd50:   pick = window[8*50 +: 768];
      7'd54:   pick = window[8*54 +: 768];
      7'd58:   pick = window[8*58 +: 768];
      7'd62:   pick = window[8*62 +: 768];
      7'd64:   pick = window[8*64 +: 768];
      7'd66:   pick = window[8*66 +: 768];
      7'd68:   pick = window[8*68 +: 768];
      7'd70:   pick = window[8*70 +: 768];
      7'd72:   pick = window[8*72 +: 768];
      7'd74:   pick = window[8*74 +: 768];
      7'd78:   pick = window[8*78 +: 768];
      7'd84:   pick = window[8*84 +: 768];
      7'd88:   pick = window[8*88 +: 768];
      default: pick = window[8*92 +: 768];
    endcase
  endfunction

  // The Ethernet header in front of it, with its tags if it has any (only an outer one can).
  function automatic logic [175:0] ethernet(input logic [1535:0] window, input logic [6:0] off);
    case (off)
      7'd64:   ethernet = window[8*50 +: 176];
      7'd68:   ethernet = window[8*54 +: 176];
      7'd72:   ethernet = window[8*58 +: 176];
      7'd84:   ethernet = window[8*70 +: 176];
      7'd88:   ethernet = window[8*74 +: 176];
      7'd92:   ethernet = window[8*78 +: 176];
      default: ethernet = window[175:0];
    endcase
  endfunction

  logic        valid1_q, valid2_q, valid3_q, valid4_q;
  logic        fwd1_q, fwd2_q, fwd3_q, fwd4_q;
  logic [7:0]  beats1_q, beats2_q, beats3_q, beats4_q;
  sl_dp_pkg::shape_t shape1_q, shape2_q, shape3_q, shape4_q;
  logic        go;
  assign go = valid_i && job_i.reason == sl_pkg::REASON_FORWARDED;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) {valid_o, valid4_q, valid3_q, valid2_q, valid1_q} <= '0;
    else         {valid_o, valid4_q, valid3_q, valid2_q, valid1_q} <= {valid4_q, valid3_q, valid2_q, valid1_q, valid_i};
    if (valid_i) begin
      fwd1_q   <= go;
      beats1_q <= 8'((job_i.len + 14'd63) >> 6);
      shape1_q <= shape_i;
    end
    if (valid1_q) {fwd2_q, beats2_q, shape2_q} <= {fwd1_q, beats1_q, shape1_q};
    if (valid2_q) {fwd3_q, beats3_q, shape3_q} <= {fwd2_q, beats2_q, shape2_q};
    if (valid3_q) {fwd4_q, beats4_q, shape4_q} <= {fwd3_q, beats3_q, shape3_q};
    if (valid4_q) {forward_o, beats_o, shape_o} <= {fwd4_q, beats4_q, shape4_q};
  end

  // r1: the packet, the header, and what the checksums need.
  logic [6:0]   l3_off;
  logic [895:0] hdr_i;
  assign l3_off = action_i[sl_pkg::ACTION_L3_OFF_LSB +: 7];
  assign hdr_i  = action_i[sl_pkg::ACTION_HDR_LSB +: 896];
  logic [767:0] ip1_q;
  logic [511:0] rec1_q;
  logic [895:0] hdr1_q;
  logic [23:0]  at1_q;                      // one bit: the word where the L4 header begins
  logic [15:0]  csum1_q;
  logic         v6_1_q, udp_1_q, strip_1_q;
  logic [7:0]   flags1_q;
  logic [6:0]   l3_off1_q, l4_off1_q;
  logic [15:0]  entropy1_q, outer_len1_q, outer_sum1_q, outer_tos1_q;
  logic [7:0]   tos1_q, copied1_q;
  always_ff @(posedge clk_i) begin
    if (go) begin
      ip1_q      <= pick(window_i, shape_i.src_off);
      rec1_q     <= record_i;
      strip_1_q  <= action_i[sl_pkg::ACTION_FLAGS_LSB + 1];
      hdr1_q     <= action_i[sl_pkg::ACTION_FLAGS_LSB + 1] ? hdr_i : 896'(ethernet(window_i, shape_i.src_off));
      flags1_q   <= action_i[sl_pkg::ACTION_FLAGS_LSB +: 8];
      l3_off1_q  <= l3_off;
      l4_off1_q  <= action_i[sl_pkg::ACTION_L4_OFF_LSB +: 7];
      v6_1_q     <= job_i.v6;
      udp_1_q    <= job_i.udp;
      at1_q      <= 24'd1 << job_i.l4_words;
      csum1_q    <= job_i.csum;
      entropy1_q <= 16'(sl_pkg::ENTROPY_BASE) | {2'b00, hash_i[61:48]};
      tos1_q     <= job_i.tos;
      copied1_q  <= {{6{record_i[sl_pkg::RECORD_FLAGS_LSB + 4]}}, {2{record_i[sl_pkg::RECORD_FLAGS_LSB + 3]}}};
      // Of the template: length so far, checksum, and the two bytes with version and TOS.
      outer_len1_q <= 16'(shape_i.hdr_len) - 16'(l3_off) + shape_i.ip_len;
      outer_sum1_q <= 16'(hdr_i[895:80] >> {l3_off, 3'd0});
      outer_tos1_q <= 16'(hdr_i >> {l3_off, 3'd0});
    end
  end

  // r2: NAT, TTL and TOS; sums.
  // The L4 header begins at one of the words 5 to 18.
  function automatic logic [767:0] nat(input logic [767:0] ip, input logic [511:0] rec, input logic v6,
                                       input logic [7:0] tos, input logic [23:0] at);
    logic [7:0] ttl;
    nat = ip;
    ttl = v6 ? ip[63:56] : ip[71:64];
    if (rec[sl_pkg::RECORD_FLAGS_LSB + 2]) ttl = ttl - 8'd1;
    if (v6) nat[63:56] = ttl;
    else    nat[71:64] = ttl;
    if (v6) nat[15:0]  = {tos[3:0], ip[11:8], ip[7:4], tos[7:4]};
    else    nat[15:8]  = tos;
    if (rec[sl_pkg::RECORD_FLAGS_LSB]) begin
      if (v6) nat[191:64] = rec[sl_pkg::RECORD_NEW_SRC_LSB +: 128];
      else    nat[127:96] = rec[sl_pkg::RECORD_NEW_SRC_LSB +: 32];
      for (int i = 5; i < 19; i++) if (at[i]) nat[32*i +: 16] = rec[sl_pkg::RECORD_NEW_SPORT_LSB +: 16];
    end
    if (rec[sl_pkg::RECORD_FLAGS_LSB + 1]) begin
      if (v6) nat[319:192] = rec[sl_pkg::RECORD_NEW_DST_LSB +: 128];
      else    nat[159:128] = rec[sl_pkg::RECORD_NEW_DST_LSB +: 32];
      for (int i = 5; i < 19; i++) if (at[i]) nat[32*i + 16 +: 16] = rec[sl_pkg::RECORD_NEW_DPORT_LSB +: 16];
    end
  endfunction

  logic        is_nat;
  assign is_nat = rec1_q[sl_pkg::RECORD_FLAGS_LSB] || rec1_q[sl_pkg::RECORD_FLAGS_LSB + 1];
  // What new TTL and ECN add to the IPv4 checksum. TTL: ~m + m' is 0xfeff whatever the word m was. ECN, the only part
  // of the TOS that ever changes: 0xffff and the difference.
  function automatic logic [17:0] edits(input logic ttl, input logic [1:0] old_ecn, input logic [1:0] ecn);
    edits = ttl ? 18'h0feff : 18'd0;
    if (old_ecn != ecn) edits = edits + 18'h0ffff - 18'(old_ecn) + 18'(ecn);
  endfunction

  // Version and TOS of the outer header, in memory order, with what is copied from the packet.
  function automatic logic [15:0] outer_tos(input logic [15:0] old, input logic v6, input logic [7:0] tos,
                                            input logic [7:0] copied);
    logic [7:0] now;
    now = ((v6 ? {old[3:0], old[15:12]} : old[15:8]) & ~copied) | (tos & copied);
    outer_tos = v6 ? {now[3:0], old[11:8], old[7:4], now[7:4]} : {now, old[7:0]};
  endfunction

  logic       ecn_edit;
  logic [7:0] tos_new, tos_old;
  assign tos_new  = tos1_q & copied1_q;
  assign tos_old  = outer_tos1_q[15:8] & copied1_q;
  assign ecn_edit = ip1_q[9:8] != tos1_q[1:0];

  logic [767:0] ip2_q;
  logic [23:0]  at2_q;
  logic [895:0] hdr2_q;
  logic         v6_2_q, udp_2_q, nat_2_q, edit_2_q, l4_zero2_q;
  logic [111:0] at_v4_2q, at_v6_2q, at_udp2_q;   // one bit: the byte where this header of the template begins; or none
  logic [18:0]  l3_sum2_q, l4_sum2_q, outer_sum2_q;
  logic [15:0]  outer_len2_q, payload2_q, udp_len2_q, entropy2_q, outer_tos2_q;
  always_ff @(posedge clk_i) begin
    if (valid1_q && fwd1_q) begin
      ip2_q        <= nat(ip1_q, rec1_q, v6_1_q, tos1_q, at1_q);
      at2_q        <= at1_q;
      hdr2_q       <= hdr1_q;
      v6_2_q       <= v6_1_q;
      udp_2_q      <= udp_1_q;
      at_v4_2q     <= 112'(strip_1_q && flags1_q[2]) << l3_off1_q;
      at_v6_2q     <= 112'(strip_1_q && flags1_q[3]) << l3_off1_q;
      at_udp2_q    <= 112'(strip_1_q && flags1_q[4]) << l4_off1_q;
      entropy2_q   <= entropy1_q;
      nat_2_q      <= is_nat;
      edit_2_q     <= rec1_q[sl_pkg::RECORD_FLAGS_LSB + 2] || ecn_edit;
      l4_zero2_q   <= udp_1_q && csum1_q == 16'd0;
      l3_sum2_q    <= 19'(16'(~be16(ip1_q[95:80]))) + (is_nat ? 19'(rec1_q[sl_pkg::RECORD_L3_DELTA_LSB +: 16]) : 19'd0)
                      + 19'(edits(rec1_q[sl_pkg::RECORD_FLAGS_LSB + 2], ip1_q[9:8], tos1_q[1:0]));
      l4_sum2_q    <= 19'(16'(~be16(csum1_q))) + 19'(rec1_q[sl_pkg::RECORD_L4_DELTA_LSB +: 16]);
      outer_sum2_q <= 19'(16'(~be16(outer_sum1_q))) + 19'(outer_len1_q)
                      + (copied1_q != 8'd0 ? {11'h0ff, ~tos_old} : 19'd0) + 19'(tos_new);
      outer_len2_q <= outer_len1_q;
      payload2_q   <= outer_len1_q - 16'd40;
      outer_tos2_q <= outer_tos(outer_tos1_q, flags1_q[3], tos1_q, copied1_q);
      udp_len2_q   <= 16'(shape1_q.hdr_len) - 16'(l4_off1_q) + shape1_q.ip_len;
    end
  end

  // r3: lengths go in, sums are folded. r4: checksums go in.
  function automatic logic [767:0] ip_sums(input logic [767:0] ip, input logic v6, input logic udp, input logic l3,
                                           input logic [15:0] l3_sum, input logic l4, input logic [15:0] l4_sum,
                                           input logic [23:0] at);
    ip_sums = ip;
    if (!v6 && l3) ip_sums[95:80] = be16(l3_sum);
    for (int i = 5; i < 19; i++) begin
      if (l4 && udp && at[i])  ip_sums[32*i + 48 +: 16]  = be16(l4_sum);
      if (l4 && !udp && at[i]) ip_sums[32*i + 128 +: 16] = be16(l4_sum);
    end
  endfunction

  // A number, in network order, at the byte that at points to. Each byte chooses by itself: moving the number to its
  // place would be a shifter of the whole header.
  function automatic logic [895:0] put(input logic [895:0] hdr, input logic [111:0] at, input logic [15:0] value);
    logic [112:0] behind;
    behind = {at, 1'b0};
    put = hdr;
    for (int i = 0; i < 112; i++) begin
      if (at[i])     put[8*i +: 8] = value[15:8];
      if (behind[i]) put[8*i +: 8] = value[7:0];
    end
  endfunction

  function automatic logic [895:0] complete(input logic [895:0] hdr, input logic [111:0] at_v4,
                                            input logic [111:0] at_v6, input logic [111:0] at_udp,
                                            input logic [15:0] tos, input logic [15:0] len,
                                            input logic [15:0] payload, input logic [15:0] udp_len,
                                            input logic [15:0] sport);
    complete = put(hdr, at_v4 | at_v6, be16(tos));
    complete = put(complete, at_v4 << 2, len);
    complete = put(complete, at_v6 << 4, payload);
    complete = put(complete, at_udp, sport);
    complete = put(complete, at_udp << 4, udp_len);
  endfunction

  // Whether a sum folds to 0xffff, of which the complement is 0: told from the sum itself, as no carry comes out then.
  function automatic logic folds_to_ones(input logic [18:0] sum);
    folds_to_ones = sum[15:3] == 13'h1fff && sum[2:0] == ~sum[18:16];
  endfunction

  logic [767:0] ip3_q;
  logic [895:0] hdr3_q;
  logic [111:0] sum_at3_q;                  // one bit: the byte where the outer checksum begins
  logic [15:0]  l3_new3_q, l4_new3_q, outer_new3_q;
  logic [23:0]  at3_q;
  logic         v6_3_q, udp_3_q, l3_edit3_q, l4_edit3_q, l4_ones3_q;
  always_ff @(posedge clk_i) begin
    if (valid2_q && fwd2_q) begin
      ip3_q        <= ip2_q;
      hdr3_q       <= complete(hdr2_q, at_v4_2q, at_v6_2q, at_udp2_q, outer_tos2_q, outer_len2_q, payload2_q,
                               udp_len2_q, entropy2_q);
      sum_at3_q    <= at_v4_2q << 10;
      l3_new3_q    <= ~fold(l3_sum2_q);
      l4_new3_q    <= ~fold(l4_sum2_q);
      outer_new3_q <= ~fold(outer_sum2_q);
      at3_q        <= at2_q;
      v6_3_q       <= v6_2_q;
      udp_3_q      <= udp_2_q;
      l3_edit3_q   <= nat_2_q || edit_2_q;
      l4_edit3_q   <= nat_2_q && !l4_zero2_q;
      l4_ones3_q   <= udp_2_q && folds_to_ones(l4_sum2_q);
    end
  end

  // r4: cut the header to its length and shift the packet behind it by whole 16 bytes; r5: by the rest.
  function automatic logic [895:0] cut(input logic [895:0] hdr, input logic [6:0] len);
    cut = hdr & ~({896{1'b1}} << {len, 3'd0});
  endfunction

  logic [895:0]  hdr4_q;
  logic [1663:0] ip4_q;
  always_ff @(posedge clk_i) begin
    if (valid3_q && fwd3_q) begin
      hdr4_q <= cut(put(hdr3_q, sum_at3_q, outer_new3_q), shape3_q.hdr_len);
      ip4_q  <= 1664'(ip_sums(ip3_q, v6_3_q, udp_3_q, l3_edit3_q, l3_new3_q, l4_edit3_q,
                              l4_ones3_q ? 16'hffff : l4_new3_q, at3_q)) << {shape3_q.hdr_len[6:4], 7'd0};
    end
    if (valid4_q && fwd4_q) block_o <= (ip4_q << {shape4_q.hdr_len[3:0], 3'd0}) | 1664'(hdr4_q);
  end
endmodule
