// SPDX-License-Identifier: BSD-3-Clause
// Stage parse (docs/datapath.md, 2): collects the first three beats of a frame (all that any header check looks at: the
// deepest byte is 22 + 40 + 8 + 8 + 14 + 72 + 20 = 184) and reads the headers from them in a pipeline, one frame per
// clock. The beats themselves pass by to the emit and punt rings in sl_core. Faults are noted here, acted on in class.
//
//   window ─► p1: Ethernet ─► outer IP ───────(4 clocks)──────► p5 ─► p6 parsed_o
//                        └──► p2: VXLAN, inner Ethernet ─► inner IP ──► p6 ┘
`default_nettype none
module sl_parse (
  input  wire logic           clk_i,
  input  wire logic           rst_ni,
  input  wire logic [15:0]    vxlan_port_i,   // plain; 0 none
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

  // p1: Ethernet.
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

  // p2: what would be a VXLAN header and the frame inside, behind an IPv4 header without options or an IPv6 header.
  typedef struct packed {
    logic        is;       // by port, flag and length, which has room for VXLAN and an inner Ethernet header
    logic [23:0] vni;
  } tun_t;
  tun_t          tun2_q, tun6;
  logic          valid2_q;
  logic [13:0]   inner_len2_q;
  logic [15:0]   inner_etype2_q, udp_len;
  logic [767:0]  inner_view2_q;
  logic [1007:0] udp;      // 126 bytes from the UDP header on: UDP 8, VXLAN 8, Ethernet 14, IP 96
  // (Undefined without a frame: nothing looks at it then.)
  always_comb begin
    udp = 'x;
    if (valid1_q) udp = eth1_q.etype == 16'h86dd ? view1_q[320 +: 1008] : view1_q[160 +: 1008];
  end
  assign udp_len = be16(udp[47:32]);
  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid2_q <= 1'b0;
    else         valid2_q <= valid1_q;
    if (valid1_q) begin
      tun2_q.is      <= udp_len >= 16'd30 && udp[67] && vxlan_port_i != 16'd0 && be16(udp[31:16]) == vxlan_port_i;
      tun2_q.vni     <= {udp[103:96], udp[111:104], udp[119:112]};
      inner_len2_q   <= 14'(udp_len - 16'd30);
      inner_etype2_q <= be16(udp[239:224]);
      inner_view2_q  <= udp[240 +: 768];
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
  sl_delay #(.W(25), .N(4)) u_tun (
    .clk_i, .rst_ni, .valid_i(valid2_q), .data_i(tun2_q), .valid_o(tun_valid), .data_o(tun6)
  );
  always_ff @(posedge clk_i) if (outer_valid) outer6_q <= outer5;

  // Put together: class keeps it.
  always_comb begin
    parsed_o.port   = eth6.port;
    parsed_o.len    = eth6.len;
    parsed_o.dmac   = eth6.dmac;
    parsed_o.tags   = eth6.tags;
    parsed_o.vid    = eth6.vid;
    parsed_o.vid2   = eth6.vid2;
    parsed_o.etype  = eth6.etype;
    parsed_o.outer  = outer6_q;
    parsed_o.vxlan  = outer6_q.udp && outer6_q.l4_ok
                      && outer6_q.l4_words == (outer6_q.v6 ? 5'd10 : 5'd5) && tun6.is;
    parsed_o.vni    = tun6.vni;
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
