// SPDX-License-Identifier: BSD-3-Clause
// Reads one IP header, its options or extension headers and the TCP, UDP or ICMP header behind them (docs/datapath.md,
// 2). Used twice by sl_parse: for the outer packet and for a tunnel's inner one. Latency: 4 clocks, one packet per
// clock.
`default_nettype none
module sl_parse_ip (
  input  wire logic         clk_i,
  input  wire logic         rst_ni,
  input  wire logic         valid_i,
  input  wire logic [15:0]  etype_i,
  input  wire logic [13:0]  len_i,    // bytes of the frame from the IP header on
  input  wire logic [767:0] view_i,   // 96 bytes from the IP header on; zero or rubbish behind the frame's end
  output logic              early_valid_o,   // three clocks before ip_o
  output logic              early_v6_o,
  output logic [255:0]      early_addresses_o,
  output logic              valid_o,
  output sl_dp_pkg::ip_t    ip_o
);
  function automatic logic [15:0] be16(input logic [15:0] x);
    be16 = {x[7:0], x[15:8]};
  endfunction

  // Next headers that are extensions (docs/datapath.md lists them).
  function automatic logic is_ext(input logic [7:0] nh);
    is_ext = nh == 8'd0 || nh == 8'd43 || nh == 8'd60 || nh == 8'd51 || nh == 8'd50 || nh == 8'd135 || nh == 8'd139
             || nh == 8'd140;
  endfunction

  // May an IPv6 header with this next header be passed, if it begins with these four bytes? A hop-by-hop header only as
  // the first; its options are looked at elsewhere.
  function automatic logic passes(input logic [7:0] nh, input logic [31:0] head, input logic first);
    passes = nh == 8'd60 || (nh == 8'd0 && first) || (nh == 8'd43 && head[23:16] != 8'd0 && head[31:24] == 8'd0);
  endfunction

  // Where a source route or a router alert seems to stand among IPv4 options, or a router alert in an IPv6 hop-by-hop
  // header.
  function automatic logic [58:0] asks(input logic [767:0] view, input logic v6, input logic [6:0] stop);
    logic [7:0] kind, len;
    asks = '0;
    for (int i = 20; i < 59; i++) begin
      kind = view[8*i +: 8];
      len  = view[8*i + 8 +: 8];
      if (!v6 && 7'(i) + 7'd1 < stop)
        asks[i] = ((kind == 8'd131 || kind == 8'd137) && len >= 8'd3) || (kind == 8'd148 && len == 8'd4);
    end
    for (int i = 42; i < 71; i++) begin
      if (v6 && 7'(i) + 7'd1 < stop && view[8*i +: 16] == 16'h0205) asks[i - 22] = 1'b1;
    end
  endfunction

  // The 20 bytes of L4 header behind an IPv4 header of ihl words.
  function automatic logic [159:0] l4_of(input logic [767:0] view, input logic [3:0] ihl);
    l4_of = view[160 +: 160];
    for (int i = 6; i < 16; i++) if (ihl == 4'(i)) l4_of = view[32*i +: 160];
  endfunction

  // Sum of the header's 16-bit words 3n..3n+2, as far as they belong to the header.
  function automatic logic [17:0] sum3(input logic [767:0] view, input logic [3:0] ihl, input int n);
    logic [47:0] words;
    words = '0;
    for (int w = 0; w < 3; w++) if (3*n + w < 2 * 32'(ihl)) words[16*w +: 16] = be16(view[48*n + 16*w +: 16]);
    sum3 = 18'(words[15:0]) + 18'(words[31:16]) + 18'(words[47:32]);
  endfunction

  // Stage 1: the IP header's fields and lengths.
  logic               valid1_q, valid2_q, valid3_q;
  sl_dp_pkg::ip_t     ip1_q, ip2_q, ip3_q, ip1_d;
  logic [15:0]        pay1_q, pay2_q;
  logic [3:0]         ihl;
  logic [15:0]        total, payload;
  logic               v4, v6, frag4;
  logic [7:0]         proto;

  assign v4    = etype_i == 16'h0800;
  assign v6    = etype_i == 16'h86dd;
  assign ihl   = view_i[3:0];
  assign total = be16(view_i[31:16]);
  assign frag4 = (be16(view_i[63:48]) & 16'h3fff) != 16'd0;
  assign proto = v4 ? view_i[79:72] : v6 ? view_i[55:48] : 8'd0;

  // IPv6: the first extension header, and the second one behind it. Lengths are in words of eight bytes; room: of the
  // payload, at most EXT_BYTES.
  localparam logic [2:0] EXT_WORDS = 3'(sl_pkg::EXT_BYTES / 8);
  logic        ext_first;                   // it may be followed, but for its options
  logic        ext_second;                  // if the first one is and there is room, so may be the second
  logic [2:0]  ext_words, ext_room, ext_words2;   // words2: of both
  logic [31:0] head2;
  logic [15:0] plen;
  assign ext_words = {1'b0, view_i[8*41 +: 2]} + 3'd1;
  assign plen      = be16(view_i[47:32]);
  assign ext_room  = plen[15:3] > 13'(EXT_WORDS) ? EXT_WORDS : plen[5:3];
  assign ext_first = v6 && passes(proto, view_i[320 +: 32], 1'b1) && view_i[8*41 + 2 +: 6] == 6'd0
                     && ext_words <= ext_room;
  always_comb begin
    case (view_i[8*41 +: 2])
      2'd0:    head2 = view_i[384 +: 32];
      2'd1:    head2 = view_i[448 +: 32];
      default: head2 = view_i[512 +: 32];
    endcase
    ext_words2 = ext_words + {1'b0, head2[9:8]} + 3'd1;
    ext_second = passes(view_i[320 +: 8], head2, 1'b0) && head2[15:10] == 6'd0;
  end

  always_comb begin
    ip1_d     = '0;
    payload   = 16'd0;
    ip1_d.v4  = v4;
    ip1_d.v6  = v6;
    if (valid_i && v4) begin
      ip1_d.bad_ip  = len_i < 14'd20 || view_i[7:4] != 4'd4 || ihl < 4'd5 || total < 16'({ihl, 2'b00})
                      || total > 16'(len_i);
      ip1_d.frag    = frag4;
      ip1_d.ttl     = view_i[71:64];
      ip1_d.tos     = view_i[15:8];
      ip1_d.src     = 128'(view_i[127:96]);
      ip1_d.dst     = 128'(view_i[159:128]);
      ip1_d.ip_len  = total;
      payload       = total - 16'({ihl, 2'b00});
    end else if (valid_i && v6) begin
      payload       = be16(view_i[47:32]);
      ip1_d.bad_ip  = len_i < 14'd40 || view_i[7:4] != 4'd6 || 17'(payload) + 17'd40 > 17'(len_i);
      ip1_d.ttl     = view_i[63:56];
      ip1_d.tos     = {view_i[3:0], view_i[15:12]};
      ip1_d.src     = view_i[191:64];
      ip1_d.dst     = view_i[319:192];
      ip1_d.ip_len  = payload + 16'd40;
    end
    // An ICMP error right behind the IP header, and the packet that it quotes. Stage 2 looks at its length.
    if (v6) begin
      ip1_d.icmp    = proto == 8'd58 && view_i[320 +: 8] != 8'd0 && view_i[320 +: 8] <= 8'd4
                      && view_i[8*48 + 4 +: 4] == 4'd6 && (view_i[8*54 +: 8] == 8'd6 || view_i[8*54 +: 8] == 8'd17);
      ip1_d.q_udp   = view_i[8*54 +: 8] == 8'd17;
      ip1_d.q_src   = view_i[8*72 +: 128];
      ip1_d.q_dst   = view_i[8*56 +: 128];
      ip1_d.q_sport = view_i[8*90 +: 16];
      ip1_d.q_dport = view_i[8*88 +: 16];
    end else begin
      ip1_d.icmp    = v4 && proto == 8'd1 && !frag4 && ihl == 4'd5
                      && (view_i[160 +: 8] == 8'd3 || view_i[160 +: 8] == 8'd11 || view_i[160 +: 8] == 8'd12)
                      && view_i[8*28 +: 8] == 8'h45 && (be16(view_i[8*34 +: 16]) & 16'h1fff) == 16'd0
                      && (view_i[8*37 +: 8] == 8'd6 || view_i[8*37 +: 8] == 8'd17);
      ip1_d.q_udp   = view_i[8*37 +: 8] == 8'd17;
      ip1_d.q_src   = 128'(view_i[8*44 +: 32]);
      ip1_d.q_dst   = 128'(view_i[8*40 +: 32]);
      ip1_d.q_sport = view_i[8*50 +: 16];
      ip1_d.q_dport = view_i[8*48 +: 16];
    end
    ip1_d.proto    = proto;
    ip1_d.l4_words = v4 ? {1'b0, ihl} : 5'd10;
  end

  // The checksum is summed in three steps: ten sums of three words, three sums of those, one.
  logic [10*18-1:0] sum1_q;
  logic [159:0]     l4v4_q, l4_q;
  logic [415:0]     tail1_q;                // IPv6: everything behind the header that matters
  logic [58:0]      asks1_q;
  logic             ext1_q, hop1_q, second1_q, room1_q;
  // Of none, one or two extension headers: the L4 header's place in words, payload, next header and what that is (TCP,
  // UDP, fragment, extension).
  logic [3*3-1:0]   words1_q;
  logic [2*13-1:0]  less1_q;
  logic [2*8-1:0]   next1_q;
  logic [3*4-1:0]   kind1_q;
  function automatic logic [3:0] kind_of(input logic [7:0] nh);
    kind_of = {nh == 8'd6, nh == 8'd17, nh == 8'd44, is_ext(nh)};
  endfunction
  always_ff @(posedge clk_i) begin
    if (valid_i) begin
      ip1_q  <= ip1_d;
      pay1_q <= payload;
      l4v4_q <= l4_of(view_i, ihl);
      tail1_q      <= view_i[320 +: 416];
      asks1_q      <= asks(view_i, v6, v6 ? 7'd40 + 7'({ext_words, 3'd0}) : {1'b0, ihl, 2'b00});
      ext1_q       <= ext_first;
      hop1_q       <= proto == 8'd0;
      second1_q    <= ext_second;
      room1_q      <= {1'b0, ext_words} + {2'b00, head2[9:8]} + 4'd1 <= {1'b0, ext_room};
      words1_q     <= {ext_words2, ext_words, 3'd0};
      less1_q      <= {plen[15:3] - 13'(ext_words2), plen[15:3] - 13'(ext_words)};
      next1_q      <= {head2[7:0], view_i[320 +: 8]};
      kind1_q      <= {kind_of(head2[7:0]), kind_of(view_i[320 +: 8]), kind_of(proto)};
      for (int n = 0; n < 10; n++) sum1_q[18*n +: 18] <= sum3(view_i, ihl, n);
    end
  end

  assign early_valid_o     = valid1_q;
  assign early_v6_o        = ip1_q.v6;
  // An error's key is its quote's. (One too short, which stage 2 tells, has no key.)
  assign early_addresses_o = ip1_q.icmp ? {ip1_q.q_dst, ip1_q.q_src} : {ip1_q.dst, ip1_q.src};

  // Stage 2: how many extension headers are followed, the L4 header behind them, and fewer sums.
  logic        first, second;               // that many
  logic [2:0]  words;                       // up to the L4 header
  logic [3:0]  kind;
  logic [12:0] less;
  logic [7:0]  proto2;
  logic        v6_2, frag2;
  always_comb begin
    first  = ext1_q && !(hop1_q && asks1_q[48:20] != '0);
    second = first && second1_q && room1_q;
    words  = second ? words1_q[8:6] : first ? words1_q[5:3] : words1_q[2:0];
    kind   = second ? kind1_q[11:8] : first ? kind1_q[7:4] : kind1_q[3:0];
    less   = second ? less1_q[25:13] : first ? less1_q[12:0] : pay1_q[15:3];
    proto2 = second ? next1_q[15:8] : first ? next1_q[7:0] : ip1_q.proto;
    v6_2   = ip1_q.v6;
    frag2  = v6_2 ? kind[1] : ip1_q.frag;
  end

  logic [3*20-1:0] sum2_q;
  always_ff @(posedge clk_i) begin
    if (valid1_q) begin
      ip2_q          <= ip1_q;
      ip2_q.proto    <= proto2;
      ip2_q.frag     <= frag2;
      ip2_q.ext      <= v6_2 && kind[0];
      ip2_q.options  <= ip1_q.v4 && asks1_q != '0;
      ip2_q.icmp     <= ip1_q.icmp && pay1_q >= (v6_2 ? 16'd56 : 16'd36);
      ip2_q.tcp      <= kind[3] && !frag2 && (ip1_q.v4 || ip1_q.v6);
      ip2_q.udp      <= kind[2] && !frag2 && (ip1_q.v4 || ip1_q.v6);
      ip2_q.l4_words <= v6_2 ? 5'd10 + {1'b0, words, 1'b0} : ip1_q.l4_words;
      pay2_q         <= {less, pay1_q[2:0]};
      case ({v6_2, words})
        4'b1000: l4_q <= tail1_q[0 +: 160];
        4'b1001: l4_q <= tail1_q[64 +: 160];
        4'b1010: l4_q <= tail1_q[128 +: 160];
        4'b1011: l4_q <= tail1_q[192 +: 160];
        4'b1100: l4_q <= tail1_q[256 +: 160];
        default: l4_q <= l4v4_q;
      endcase
      sum2_q[0 +: 20]  <= 20'(sum1_q[0 +: 18]) + 20'(sum1_q[18 +: 18]) + 20'(sum1_q[36 +: 18]);
      sum2_q[20 +: 20] <= 20'(sum1_q[54 +: 18]) + 20'(sum1_q[72 +: 18]) + 20'(sum1_q[90 +: 18]);
      sum2_q[40 +: 20] <= 20'(sum1_q[108 +: 18]) + 20'(sum1_q[126 +: 18]) + 20'(sum1_q[144 +: 18])
                          + 20'(sum1_q[162 +: 18]);
    end
  end

  // Stage 3: is the L4 header good?
  logic [15:0] udp_len;
  logic        tcp_ok, udp_ok, tcp3_q, udp3_q;
  logic [7:0]  flags3_q;
  logic [21:0] sum3_q;
  assign udp_len = be16(l4_q[47:32]);
  assign tcp_ok  = pay2_q >= 16'd20 && l4_q[103:100] >= 4'd5 && pay2_q >= 16'({l4_q[103:100], 2'b00});
  assign udp_ok  = pay2_q >= 16'd8 && udp_len >= 16'd8 && udp_len <= pay2_q;
  always_ff @(posedge clk_i) begin
    if (valid2_q) begin
      ip3_q       <= ip2_q;
      tcp3_q      <= tcp_ok;
      udp3_q      <= udp_ok;
      flags3_q    <= l4_q[111:104];
      ip3_q.sport <= l4_q[15:0];
      ip3_q.dport <= l4_q[31:16];
      ip3_q.csum  <= ip2_q.udp ? l4_q[63:48] : l4_q[143:128];
      sum3_q      <= 22'(sum2_q[0 +: 20]) + 22'(sum2_q[20 +: 20]) + 22'(sum2_q[40 +: 20]);
    end
  end

  // Stage 4: the verdicts. Folded once, the sum has at most 17 bits; both 0xffff and 0x1fffe fold to 0xffff.
  logic [16:0] folded;
  assign folded = 17'(sum3_q[15:0]) + 17'(sum3_q[21:16]);
  always_ff @(posedge clk_i) begin
    if (valid3_q) begin
      ip_o          <= ip3_q;
      ip_o.l4_ok    <= (ip3_q.tcp && tcp3_q) || (ip3_q.udp && udp3_q);
      ip_o.flags    <= (ip3_q.tcp && tcp3_q) ? flags3_q : 8'd0;
      ip_o.bad_csum <= ip3_q.v4 && !ip3_q.bad_ip && folded != 17'h0ffff && folded != 17'h1fffe;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) {valid_o, valid3_q, valid2_q, valid1_q} <= '0;
    else         {valid_o, valid3_q, valid2_q, valid1_q} <= {valid3_q, valid2_q, valid1_q, valid_i};
  end
endmodule
