// SPDX-License-Identifier: BSD-3-Clause
// Stage parse (docs/datapath.md, 2): collects the first three beats of a frame (all that any header check looks at: the
// deepest byte is 22 + 40 + 8 + 8 + 14 + 72 + 20 = 184) and reads the headers from them in a pipeline, one frame per
// clock. The beats themselves pass by to the emit and punt rings in sl_core. Faults are noted here, acted on in class.
//
//   window, types ─► p1: Ethernet ─► outer IP ────────────(4 clocks)────────────► p5 ─► p6 ─► p7 parsed_o
//                    what may be behind UDP └─► p2: tunnel ─► p3: inner Ethernet ─► inner IP ─► p7 ┘
`default_nettype none
module sl_parse (
  input  wire logic           clk_i,
  input  wire logic           rst_ni,
  input  wire logic [19:0]    tunnels_i,      // register VXLAN_PORT
  input  wire logic           valid_i,
  input  wire logic           sop_i,
  input  wire logic           eop_i,
  input  wire logic [2:0]     port_i,
  input  wire logic [13:0]    len_i,
  input  wire logic [511:0]   data_i,
  // The window, for rewrite (in order, one per frame).
  output logic                window_valid_o,
  output logic      [1535:0]  window_o,
  // The addresses, for hash: of the outer and, two clocks later, what would be the inner packet.
  output logic                outer_early_o,
  output logic                outer_v6_o,
  output logic [255:0]        outer_addresses_o,
  output logic                inner_early_o,
  output logic                inner_v6_o,
  output logic [255:0]        inner_addresses_o,
  output logic                valid_o,
  output sl_dp_pkg::parsed_t  parsed_o
);
  function automatic logic [15:0] be16(input logic [15:0] x);
    be16 = {x[7:0], x[15:8]};
  endfunction

  // Collect.
  logic [1:0] beat_q, beat;
  logic       full;
  assign beat = sop_i ? 2'd0 : beat_q;
  assign full = valid_i && beat != 2'd3 && (eop_i || beat == 2'd2);
  logic [2:0]  w_port_q;
  logic [13:0] w_len_q;
  // What the types are behind the addresses, behind one tag and behind two, noted as the first beat comes.
  logic        c_tag_q, s_tag_q, second_q, one_fits_q, two_fit_q;
  logic [2:0]  is_v6_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      window_valid_o <= 1'b0;
      beat_q <= 2'd0;
    end else begin
      window_valid_o <= full;
      if (valid_i) beat_q <= (full || beat == 2'd3) ? 2'd3 : beat + 2'd1;
    end
    if (valid_i) begin
      if (beat == 2'd0) begin
        window_o <= 1536'(data_i);
        w_port_q <= port_i;
        w_len_q  <= len_i;
        c_tag_q    <= be16(data_i[111:96]) == 16'h8100;
        s_tag_q    <= be16(data_i[111:96]) == 16'h88a8;
        second_q   <= be16(data_i[143:128]) == 16'h8100;
        one_fits_q <= len_i >= 14'd18;
        two_fit_q  <= len_i >= 14'd22;
        is_v6_q    <= {be16(data_i[175:160]) == 16'h86dd, be16(data_i[143:128]) == 16'h86dd,
                       be16(data_i[111:96]) == 16'h86dd};
      end
      if (beat == 2'd1) window_o[1023:512]  <= data_i;
      if (beat == 2'd2) window_o[1535:1024] <= data_i;
    end
  end

  // p1: Ethernet, and what is in the places where a tunnel would be told, as if the packet were of either family. p2
  // makes of it which tunnel the packet is; later it turns out whether IP and UDP are good.
  localparam int unsigned HINT_W = 7, LOOK_W = 3 + 1 + 6 + 1 + 2 + 32;
  typedef struct packed {
    logic        udp;        // the next header
    logic        gre;
    logic        v4;
    logic        v6;
    logic        vxlan;      // the destination port
    logic        geneve;
    logic        gue;
  } hint_t;
  function automatic logic [HINT_W-1:0] hint(input logic [7:0] proto, input logic [15:0] dport,
                                             input logic [19:0] tunnels);
    hint = {proto == 8'd17, proto == 8'd47, proto == 8'd4, proto == 8'd41,
            tunnels[15:0] != 16'd0 && dport == tunnels[15:0], tunnels[16] && dport == 16'(sl_pkg::GENEVE_PORT),
            tunnels[18] && dport == 16'(sl_pkg::GUE_PORT)};
  endfunction
  typedef struct packed {
    logic [2:0]  mode;       // sl_pkg::TUNNEL_MODE_*, 0 none
    logic        is_udp;     // by UDP, so that UDP's length counts
    logic [5:0]  at;         // one bit: 0, 4, 8, 12, 16 or 30 bytes behind the outer IP header is the inner one
    logic        more;       // one more byte at least is needed
    logic [1:0]  family;     // of a bare inner packet: bit 0 IPv4, bit 1 IPv6
    logic [31:0] vni;
  } look_t;
  // t: 16 bytes from behind the IP header on; known: a hint_t.
  function automatic logic [LOOK_W-1:0] look(input logic [127:0] t, input logic [HINT_W-1:0] known,
                                             input logic [19:0] tunnels);
    logic [31:0]  vni;
    logic [2:0]   mode;
    logic [5:0]   at;
    logic         is_udp, is_gre, is_v4, is_v6, vxlan, geneve, gue;
    logic [1:0]   family, ethertype, number;
    {is_udp, is_gre, is_v4, is_v6, vxlan, geneve, gue} = known;
    mode      = 3'd0;
    at        = 6'd0;
    family    = 2'd0;
    vni       = 32'd0;
    ethertype = {be16(t[95:80]) == 16'h86dd, be16(t[95:80]) == 16'h0800};
    number    = {t[79:72] == 8'd41, t[79:72] == 8'd4};
    if (is_udp) begin
      if (vxlan) begin
        if (t[67]) mode = 3'(sl_pkg::TUNNEL_MODE_VNI);
        at  = 6'b100000;
        vni = {8'd0, t[103:96], t[111:104], t[119:112]};
      end else if (geneve) begin
        if (t[71:64] == 8'd0 && t[79:78] == 2'd0) mode = 3'(sl_pkg::TUNNEL_MODE_GENEVE);
        at     = be16(t[95:80]) == 16'h6558 ? 6'b100000 : 6'b010000;
        family = ethertype;
        vni    = {8'd0, t[103:96], t[111:104], t[119:112]};
      end else if (gue) begin
        if (t[71:68] == 4'd4 || t[71:68] == 4'd6) begin
          mode   = 3'(sl_pkg::TUNNEL_MODE_GUE);
          at     = 6'b000100;
          family = {t[69], !t[69]};
        end else begin
          if (t[71:64] == 8'd0 && t[95:80] == 16'd0) mode = 3'(sl_pkg::TUNNEL_MODE_GUE);
          at     = 6'b001000;
          family = number;
        end
      end
    end else if (is_gre) begin
      if (tunnels[17] && {t[7:6], t[4:0]} == 7'd0 && t[15:8] == 8'd0) mode = 3'(sl_pkg::TUNNEL_MODE_GRE);
      at     = t[5] ? 6'b000100 : 6'b000010;
      family = {be16(t[31:16]) == 16'h86dd, be16(t[31:16]) == 16'h0800};
      if (t[5]) vni = {t[39:32], t[47:40], t[55:48], t[63:56]};
    end else if (is_v4 || is_v6) begin
      if (tunnels[19]) mode = 3'(sl_pkg::TUNNEL_MODE_IPIP);
      at     = 6'b000001;
      family = {is_v6, is_v4};
    end
    look = {mode, is_udp, at, is_udp && at[2], family, vni};
  endfunction

  typedef struct packed {
    logic [2:0]  port;
    logic [13:0] len;
    logic [47:0] dmac;
    logic [1:0]  tags;
    logic [11:0] vid;
    logic [11:0] vid2;
    logic [15:0] etype;
  } eth_t;
  eth_t          eth_d, eth1_q, eth2_q, eth7;
  hint_t         hint4_1_q, hint6_1_q;
  logic          v6_1_q, v6_d;
  logic          valid1_q, cut, second;
  logic [1327:0] view;
  logic [13:0]   len1_q;
  logic [1327:0] view1_q;   // 166 bytes from the outer IP header on

  always_comb begin
    eth_d.port   = w_port_q;
    eth_d.len    = w_len_q;
    eth_d.dmac   = window_o[47:0];
    // A service tag is one only in front of a customer's.
    second       = second_q && one_fits_q;
    if (c_tag_q)                eth_d.tags = second ? 2'd2 : 2'd1;
    else if (s_tag_q && second) eth_d.tags = 2'd2;
    else                        eth_d.tags = 2'd0;
    cut          = (eth_d.tags == 2'd1 && !one_fits_q) || (eth_d.tags == 2'd2 && !two_fit_q);
    eth_d.vid    = {window_o[115:112], window_o[127:120]};
    eth_d.vid2   = {window_o[147:144], window_o[159:152]};
    if (cut)                      eth_d.etype = 16'd0;
    else if (eth_d.tags == 2'd2)  eth_d.etype = be16(window_o[175:160]);
    else if (eth_d.tags == 2'd1)  eth_d.etype = be16(window_o[143:128]);
    else                          eth_d.etype = be16(window_o[111:96]);
    v6_d         = !cut && (eth_d.tags == 2'd2 ? is_v6_q[2] : eth_d.tags == 2'd1 ? is_v6_q[1] : is_v6_q[0]);
    view         = eth_d.tags == 2'd2 ? window_o[176 +: 1328]
                   : eth_d.tags == 2'd1 ? window_o[144 +: 1328] : window_o[112 +: 1328];
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid1_q <= 1'b0;
    else         valid1_q <= window_valid_o;
    if (window_valid_o) begin
      eth1_q  <= eth_d;
      v6_1_q  <= v6_d;
      hint4_1_q <= hint(view[79:72], be16(view[176 +: 16]), tunnels_i);
      hint6_1_q <= hint(view[55:48], be16(view[336 +: 16]), tunnels_i);
      len1_q  <= cut ? 14'd0 : w_len_q - 14'd14 - 14'({eth_d.tags, 2'b00});
      view1_q <= view;
    end
  end

  logic           outer_valid;
  sl_dp_pkg::ip_t outer5, outer7;
  sl_parse_ip u_outer (
    .clk_i, .rst_ni, .valid_i(valid1_q), .etype_i(eth1_q.etype), .len_i(len1_q), .view_i(view1_q[767:0]),
    .early_valid_o(outer_early_o), .early_v6_o(outer_v6_o), .early_addresses_o(outer_addresses_o),
    .valid_o(outer_valid), .ip_o(outer5)
  );

  // p2: which tunnel. The place right behind an IPv4 header without options or an IPv6 header is looked at.
  look_t         look2_q;
  logic          valid2_q, count_ip2_q;
  logic [15:0]   outer_len2_q;
  logic [1007:0] l4, l4_2_q;   // 126 bytes from behind the outer IP header on: tunnel 16, Ethernet 14, IP 96
  hint_t         hint1;
  // (Undefined without a frame: nothing looks at it then.)
  always_comb begin
    l4 = 'x;
    if (valid1_q) l4 = v6_1_q ? view1_q[320 +: 1008] : view1_q[160 +: 1008];
    hint1 = v6_1_q ? hint6_1_q : hint4_1_q;
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid2_q <= 1'b0;
    else         valid2_q <= valid1_q;
    if (valid1_q) begin
      eth2_q       <= eth1_q;
      look2_q      <= look(l4[127:0], hint1, tunnels_i);
      l4_2_q       <= l4;
      outer_len2_q <= hint1.udp ? be16(l4[47:32]) : v6_1_q ? be16(view1_q[47:32]) : be16(view1_q[31:16]);
      count_ip2_q  <= !hint1.udp && !v6_1_q;    // an IPv4 header is part of its own length
    end
  end

  // p3: what would be in it.
  typedef struct packed {
    look_t       look;
    logic        fits;     // the outer packet has room for the tunnel's headers
  } tun_t;
  localparam int unsigned TUN_W = LOOK_W + 1;
  tun_t          tun3_q, tun7;
  logic          valid3_q;
  logic [13:0]   inner_len3_q;
  logic [15:0]   inner_etype3_q;
  logic [5:0]    skip;     // what of the length is no inner packet
  logic [767:0]  inner_view3_q;
  assign skip = (count_ip2_q ? 6'd20 : 6'd0)
                + (look2_q.at[5] ? 6'd30 : {1'b0, look2_q.at[4], look2_q.at[3] || look2_q.at[2],
                                            look2_q.at[3] || look2_q.at[1], 2'b00});
  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid3_q <= 1'b0;
    else         valid3_q <= valid2_q;
    if (valid2_q) begin
      tun3_q.look    <= look2_q;
      tun3_q.fits    <= outer_len2_q >= {10'd0, skip[5:1], look2_q.more};    // (skip is even)
      inner_len3_q   <= outer_len2_q[13:0] - 14'(skip);
      inner_etype3_q <= look2_q.at[5] ? be16(l4_2_q[239:224])
                        : look2_q.family[0] ? 16'h0800 : look2_q.family[1] ? 16'h86dd : 16'd0;
      inner_view3_q  <= ({768{look2_q.at[0]}} & l4_2_q[0 +: 768]) | ({768{look2_q.at[1]}} & l4_2_q[32 +: 768])
                        | ({768{look2_q.at[2]}} & l4_2_q[64 +: 768]) | ({768{look2_q.at[3]}} & l4_2_q[96 +: 768])
                        | ({768{look2_q.at[4]}} & l4_2_q[128 +: 768]) | ({768{look2_q.at[5]}} & l4_2_q[240 +: 768]);
    end
  end

  logic           inner_valid;
  sl_dp_pkg::ip_t inner7;
  sl_parse_ip u_inner (
    .clk_i, .rst_ni, .valid_i(valid3_q), .etype_i(inner_etype3_q), .len_i(inner_len3_q), .view_i(inner_view3_q),
    .early_valid_o(inner_early_o), .early_v6_o(inner_v6_o), .early_addresses_o(inner_addresses_o),
    .valid_o(inner_valid), .ip_o(inner7)
  );

  logic eth_valid, tun_valid, late_valid;
  sl_delay #(.W(107), .N(5)) u_eth (
    .clk_i, .rst_ni, .valid_i(valid2_q), .data_i(eth2_q), .valid_o(eth_valid), .data_o(eth7)
  );
  sl_delay #(.W(TUN_W), .N(4)) u_tun (
    .clk_i, .rst_ni, .valid_i(valid3_q), .data_i(tun3_q), .valid_o(tun_valid), .data_o(tun7)
  );
  sl_delay #(.W(sl_dp_pkg::IP_W), .N(2)) u_late (
    .clk_i, .rst_ni, .valid_i(outer_valid), .data_i(outer5), .valid_o(late_valid), .data_o(outer7)
  );

  // Put together: class keeps it. A tunnel's outer packet is no fragment and has no options or extension headers.
  logic is_tunnel;
  assign is_tunnel = (outer7.v4 || outer7.v6) && tun7.fits && !outer7.frag && !outer7.bad_ip
                     && outer7.l4_words == (outer7.v6 ? 5'd10 : 5'd5) && (!tun7.look.is_udp || outer7.l4_ok);
  always_comb begin
    parsed_o.port   = eth7.port;
    parsed_o.len    = eth7.len;
    parsed_o.dmac   = eth7.dmac;
    parsed_o.tags   = eth7.tags;
    parsed_o.vid    = eth7.vid;
    parsed_o.vid2   = eth7.vid2;
    parsed_o.etype  = eth7.etype;
    parsed_o.outer  = outer7;
    parsed_o.tunnel = is_tunnel ? tun7.look.mode : 3'd0;
    parsed_o.vni    = tun7.look.vni;
    parsed_o.in_off = (outer7.v6 ? 7'd40 : 7'd20)
                      + (tun7.look.at[5] ? 7'd30 : {2'd0, tun7.look.at[4], tun7.look.at[3] || tun7.look.at[2],
                                                    tun7.look.at[3] || tun7.look.at[1], 2'b00});
    parsed_o.in_eth = tun7.look.at[5];
    parsed_o.inner  = inner7;
  end
  assign valid_o = inner_valid;

`ifndef SYNTHESIS
  a_in_step: assert property (@(posedge clk_i) disable iff (!rst_ni)
    inner_valid == eth_valid && inner_valid == tun_valid && inner_valid == late_valid);
  a_window_once: assert property (@(posedge clk_i) disable iff (!rst_ni)
    valid_i && sop_i |-> beat_q == 2'd3 || beat_q == 2'd0);
`endif
endmodule
