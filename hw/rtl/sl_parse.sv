// SPDX-License-Identifier: BSD-3-Clause
// Stage parse (docs/datapath.md, 2): collects the first three beats of a frame (all that any header check looks at: the
// deepest byte is 22 + 40 + 8 + 8 + 14 + 72 + 20 = 184) and reads the headers from them in a pipeline, one frame per
// clock. The beats themselves pass by to the emit and punt rings in sl_core. Faults are noted here, acted on in class.
//
//   window ─► p1: Ethernet ─► outer IP ───────(4 clocks)──────► p5 ─► p6 parsed_o
//              tunnel? └──► p2: tunnel, inner Ethernet ─► inner IP ─► p6 ┘
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
  // The addresses, for hash: of the outer and, one clock later, what would be the inner packet.
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
      end
      if (beat == 2'd1) window_o[1023:512]  <= data_i;
      if (beat == 2'd2) window_o[1535:1024] <= data_i;
    end
  end

  // p1: Ethernet, and what tunnel the packet is, for each place where its IP header may be and each family; later it
  // turns out which of them counts, and whether IP and UDP are good.
  localparam int unsigned LOOK_W = 3 + 1 + 6 + 1 + 2 + 32;
  typedef struct packed {
    logic [2:0]  mode;       // sl_pkg::TUNNEL_MODE_*, 0 none
    logic        is_udp;     // by UDP, so that UDP's length counts
    logic [5:0]  at;         // one bit: 0, 4, 8, 12, 16 or 30 bytes behind the outer IP header is the inner one
    logic        more;       // one more byte at least is needed
    logic [1:0]  family;     // of a bare inner packet: bit 0 IPv4, bit 1 IPv6
    logic [31:0] vni;
  } look_t;
  // ip: the packet's bytes from its IP header to 16 bytes behind it.
  function automatic logic [LOOK_W-1:0] look(input logic [447:0] ip, input logic v6, input logic [19:0] tunnels);
    logic [7:0]   proto;
    logic [127:0] t;
    logic [15:0]  dport;
    logic [31:0]  vni;
    logic [2:0]   mode;
    logic [5:0]   at;
    logic         is_udp;
    logic [1:0]   family, ethertype, number;
    proto     = v6 ? ip[55:48] : ip[79:72];
    t         = v6 ? ip[447:320] : ip[287:160];
    dport     = be16(t[31:16]);
    mode      = 3'd0;
    at        = 6'd0;
    family    = 2'd0;
    vni       = 32'd0;
    is_udp    = proto == 8'd17;
    if (is_udp) begin
      ethertype = {be16(t[95:80]) == 16'h86dd, be16(t[95:80]) == 16'h0800};
      if (tunnels[15:0] != 16'd0 && dport == tunnels[15:0]) begin
        if (t[67]) mode = 3'(sl_pkg::TUNNEL_MODE_VNI);
        at  = 6'b100000;
        vni = {8'd0, t[103:96], t[111:104], t[119:112]};
      end else if (tunnels[16] && dport == 16'(sl_pkg::GENEVE_PORT)) begin
        if (t[71:64] == 8'd0 && t[79:78] == 2'd0) mode = 3'(sl_pkg::TUNNEL_MODE_GENEVE);
        at     = be16(t[95:80]) == 16'h6558 ? 6'b100000 : 6'b010000;
        family = ethertype;
        vni    = {8'd0, t[103:96], t[111:104], t[119:112]};
      end else if (tunnels[18] && dport == 16'(sl_pkg::GUE_PORT)) begin
        number = {t[79:72] == 8'd41, t[79:72] == 8'd4};
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
    end else if (proto == 8'd47) begin
      if (tunnels[17] && {t[7:6], t[4:0]} == 7'd0 && t[15:8] == 8'd0) mode = 3'(sl_pkg::TUNNEL_MODE_GRE);
      at     = t[5] ? 6'b000100 : 6'b000010;
      family = {be16(t[31:16]) == 16'h86dd, be16(t[31:16]) == 16'h0800};
      if (t[5]) vni = {t[39:32], t[47:40], t[55:48], t[63:56]};
    end else if (proto == 8'd4 || proto == 8'd41) begin
      if (tunnels[19]) mode = 3'(sl_pkg::TUNNEL_MODE_IPIP);
      at     = 6'b000001;
      family = {proto == 8'd41, proto == 8'd4};
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
  eth_t          eth_d, eth1_q, eth6;
  look_t         look1_q;
  logic          v6_1_q;
  logic          valid1_q, cut, second;
  logic [13:0]   len1_q;
  logic [1327:0] view1_q;   // 166 bytes from the outer IP header on

  always_comb begin
    eth_d.port   = w_port_q;
    eth_d.len    = w_len_q;
    eth_d.dmac   = window_o[47:0];
    second       = w_len_q >= 14'd18 && be16(window_o[143:128]) == 16'h8100;
    // A service tag is one only in front of a customer's.
    if (be16(window_o[111:96]) == 16'h8100)                eth_d.tags = second ? 2'd2 : 2'd1;
    else if (be16(window_o[111:96]) == 16'h88a8 && second) eth_d.tags = 2'd2;
    else                                                   eth_d.tags = 2'd0;
    cut          = (eth_d.tags == 2'd1 && w_len_q < 14'd18) || (eth_d.tags == 2'd2 && w_len_q < 14'd22);
    eth_d.vid    = {window_o[115:112], window_o[127:120]};
    eth_d.vid2   = {window_o[147:144], window_o[159:152]};
    if (cut)                      eth_d.etype = 16'd0;
    else if (eth_d.tags == 2'd2)  eth_d.etype = be16(window_o[175:160]);
    else if (eth_d.tags == 2'd1)  eth_d.etype = be16(window_o[143:128]);
    else                          eth_d.etype = be16(window_o[111:96]);
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid1_q <= 1'b0;
    else         valid1_q <= window_valid_o;
    if (window_valid_o) begin
      eth1_q  <= eth_d;
      v6_1_q  <= eth_d.etype == 16'h86dd;
      case ({eth_d.etype == 16'h86dd, eth_d.tags})
        3'd0:    look1_q <= look(window_o[112 +: 448], 1'b0, tunnels_i);
        3'd1:    look1_q <= look(window_o[144 +: 448], 1'b0, tunnels_i);
        3'd2:    look1_q <= look(window_o[176 +: 448], 1'b0, tunnels_i);
        3'd4:    look1_q <= look(window_o[112 +: 448], 1'b1, tunnels_i);
        3'd5:    look1_q <= look(window_o[144 +: 448], 1'b1, tunnels_i);
        default: look1_q <= look(window_o[176 +: 448], 1'b1, tunnels_i);
      endcase
      len1_q  <= cut ? 14'd0 : w_len_q - 14'd14 - 14'({eth_d.tags, 2'b00});
      view1_q <= eth_d.tags == 2'd2 ? window_o[176 +: 1328]
                 : eth_d.tags == 2'd1 ? window_o[144 +: 1328] : window_o[112 +: 1328];
    end
  end

  logic           outer_valid;
  sl_dp_pkg::ip_t outer5, outer6_q;
  sl_parse_ip u_outer (
    .clk_i, .rst_ni, .valid_i(valid1_q), .etype_i(eth1_q.etype), .len_i(len1_q), .view_i(view1_q[767:0]),
    .early_valid_o(outer_early_o), .early_v6_o(outer_v6_o), .early_addresses_o(outer_addresses_o),
    .valid_o(outer_valid), .ip_o(outer5)
  );

  // p2: what would be in the tunnel, right behind an IPv4 header without options or an IPv6 header.
  typedef struct packed {
    look_t       look;
    logic        fits;     // the outer packet has room for the tunnel's headers
  } tun_t;
  localparam int unsigned TUN_W = LOOK_W + 1;
  tun_t          tun2_q, tun6;
  logic          valid2_q;
  logic [13:0]   inner_len2_q;
  logic [15:0]   inner_etype2_q, outer_len;
  logic [16:0]   inner_len;
  logic [5:0]    skip;
  logic [767:0]  inner_view2_q;
  logic [1007:0] l4;       // 126 bytes from behind the outer IP header on: tunnel 16, Ethernet 14, IP 96
  // (Undefined without a frame: nothing looks at it then.)
  always_comb begin
    l4 = 'x;
    if (valid1_q) l4 = v6_1_q ? view1_q[320 +: 1008] : view1_q[160 +: 1008];
    outer_len = look1_q.is_udp ? be16(l4[47:32]) : v6_1_q ? be16(view1_q[47:32]) : be16(view1_q[31:16]);
    // What of that is no inner packet: an IPv4 header is part of its own length.
    skip      = (!look1_q.is_udp && !v6_1_q ? 6'd20 : 6'd0)
                + (look1_q.at[5] ? 6'd30 : {1'b0, look1_q.at[4], look1_q.at[3] || look1_q.at[2],
                                            look1_q.at[3] || look1_q.at[1], 2'b00});
    inner_len = 17'(outer_len) - 17'(skip);
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid2_q <= 1'b0;
    else         valid2_q <= valid1_q;
    if (valid1_q) begin
      tun2_q.look    <= look1_q;
      tun2_q.fits    <= !inner_len[16] && !(look1_q.more && inner_len[15:0] == 16'd0);
      inner_len2_q   <= inner_len[13:0];
      inner_etype2_q <= look1_q.at[5] ? be16(l4[239:224])
                        : look1_q.family[0] ? 16'h0800 : look1_q.family[1] ? 16'h86dd : 16'd0;
      inner_view2_q  <= ({768{look1_q.at[0]}} & l4[0 +: 768]) | ({768{look1_q.at[1]}} & l4[32 +: 768])
                        | ({768{look1_q.at[2]}} & l4[64 +: 768]) | ({768{look1_q.at[3]}} & l4[96 +: 768])
                        | ({768{look1_q.at[4]}} & l4[128 +: 768]) | ({768{look1_q.at[5]}} & l4[240 +: 768]);
    end
  end

  logic           inner_valid;
  sl_dp_pkg::ip_t inner6;
  sl_parse_ip u_inner (
    .clk_i, .rst_ni, .valid_i(valid2_q), .etype_i(inner_etype2_q), .len_i(inner_len2_q), .view_i(inner_view2_q),
    .early_valid_o(inner_early_o), .early_v6_o(inner_v6_o), .early_addresses_o(inner_addresses_o),
    .valid_o(inner_valid), .ip_o(inner6)
  );

  logic eth_valid, tun_valid;
  sl_delay #(.W(107), .N(5)) u_eth (
    .clk_i, .rst_ni, .valid_i(valid1_q), .data_i(eth1_q), .valid_o(eth_valid), .data_o(eth6)
  );
  sl_delay #(.W(TUN_W), .N(4)) u_tun (
    .clk_i, .rst_ni, .valid_i(valid2_q), .data_i(tun2_q), .valid_o(tun_valid), .data_o(tun6)
  );
  always_ff @(posedge clk_i) if (outer_valid) outer6_q <= outer5;

  // Put together: class keeps it. A tunnel's outer packet is no fragment and has no options or extension headers.
  logic is_tunnel;
  assign is_tunnel = (outer6_q.v4 || outer6_q.v6) && tun6.fits && !outer6_q.frag && !outer6_q.bad_ip
                     && outer6_q.l4_words == (outer6_q.v6 ? 5'd10 : 5'd5) && (!tun6.look.is_udp || outer6_q.l4_ok);
  always_comb begin
    parsed_o.port   = eth6.port;
    parsed_o.len    = eth6.len;
    parsed_o.dmac   = eth6.dmac;
    parsed_o.tags   = eth6.tags;
    parsed_o.vid    = eth6.vid;
    parsed_o.vid2   = eth6.vid2;
    parsed_o.etype  = eth6.etype;
    parsed_o.outer  = outer6_q;
    parsed_o.tunnel = is_tunnel ? tun6.look.mode : 3'd0;
    parsed_o.vni    = tun6.look.vni;
    parsed_o.in_off = (outer6_q.v6 ? 7'd40 : 7'd20)
                      + (tun6.look.at[5] ? 7'd30 : {2'd0, tun6.look.at[4], tun6.look.at[3] || tun6.look.at[2],
                                                    tun6.look.at[3] || tun6.look.at[1], 2'b00});
    parsed_o.in_eth = tun6.look.at[5];
    parsed_o.inner  = inner6;
  end
  assign valid_o = inner_valid;

`ifndef SYNTHESIS
  a_in_step: assert property (@(posedge clk_i) disable iff (!rst_ni)
    inner_valid == eth_valid && inner_valid == tun_valid);
  a_window_once: assert property (@(posedge clk_i) disable iff (!rst_ni)
    valid_i && sop_i |-> beat_q == 2'd3 || beat_q == 2'd0);
`endif
endmodule
