// SPDX-License-Identifier: BSD-3-Clause
// One classification rule's match fields and its comparison with a frame's headers (docs/datapath.md, 3). Latency: 2
// clocks, one frame per clock. What the rule then does is kept by sl_class. A frame is compared with the sets of
// prefixes a clock after the rest, so that part of a rule is written a clock later: each frame meets the old rule or
// the new one.
`default_nettype none
module sl_class_rule (
  input  wire logic                clk_i,
  input  wire logic                rst_ni,
  input  wire logic                write_i,    // to the rule of index_i; this is rule self_i
  input  wire logic                write1_i,   // write_i a clock ago; index_i and rule_i are as they were
  input  wire logic [5:0]          index_i,
  input  wire logic [5:0]          self_i,
  input  wire logic [1023:0]       rule_i,     // structure class_rule
  input  wire logic [127:0]        src_mask_i, // its prefixes as masks
  input  wire logic [127:0]        dst_mask_i,
  input  wire logic                valid_i,
  input  wire sl_dp_pkg::parsed_t  parsed_i,
  // The effective packet's fields and what all rules need of them, prepared by sl_class.
  input  wire logic                eff_frag_i,
  input  wire logic                eff_tcp_i,
  input  wire logic [7:0]          eff_flags_i,
  input  wire logic [7:0]          eff_ttl_i,
  input  wire logic                inner_good_i,
  input  wire logic                valid1_i,   // valid_i a clock ago
  input  wire logic [31:0]         dst_sets_i, // with valid1_i: the sets that the frame's destination and source are in
  input  wire logic [31:0]         src_sets_i,
  output logic                     hit_o       // 2 clocks after valid_i, then until the next frame
);
  logic         valid_q;
  logic [47:0]  dmac_q, dmac_mask_q;
  logic [7:0]   port_mask_q;
  logic         v4_q, v6_q, any_l3_q;
  logic [7:0]   vlan_mode_q, tunnel_mode_q, frag_q, ttl_max_q;
  logic [11:0]  vid_q, vid2_q;
  logic         vid_high_q, vid2_high_q;    // a VID that no frame can have
  logic [15:0]  etype_q;
  logic [7:0]   proto_q, proto_mask_q, flags_q, flags_mask_q, inner_l3_q, inner_proto_q;
  logic [31:0]  vni_q, vni_mask_q;
  logic [15:0]  sport_lo_q, sport_hi_q, dport_lo_q, dport_hi_q;
  logic         ports_any_q;
  logic [127:0] src_q, src_mask_q, dst_q, dst_mask_q;
  logic         by_dst_q, by_src_q;
  logic [4:0]   set_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_q <= 1'b0;
    else if (write_i && index_i == self_i) valid_q <= rule_i[sl_pkg::CLASS_RULE_VALID_LSB +: 8] != 8'd0;
    if (write_i && index_i == self_i) begin
      dmac_q        <= rule_i[sl_pkg::CLASS_RULE_DMAC_LSB +: 48];
      dmac_mask_q   <= rule_i[sl_pkg::CLASS_RULE_DMAC_MASK_LSB +: 48];
      port_mask_q   <= rule_i[sl_pkg::CLASS_RULE_PORT_MASK_LSB +: 8];
      any_l3_q      <= rule_i[sl_pkg::CLASS_RULE_L3_LSB +: 8] == 8'd0;
      v4_q          <= rule_i[sl_pkg::CLASS_RULE_L3_LSB +: 8] == 8'd4;
      v6_q          <= rule_i[sl_pkg::CLASS_RULE_L3_LSB +: 8] == 8'd6;
      vlan_mode_q   <= rule_i[sl_pkg::CLASS_RULE_VLAN_MODE_LSB +: 8];
      tunnel_mode_q <= rule_i[sl_pkg::CLASS_RULE_TUNNEL_MODE_LSB +: 8];
      vid_q         <= rule_i[sl_pkg::CLASS_RULE_VID_LSB +: 12];
      vid_high_q    <= rule_i[sl_pkg::CLASS_RULE_VID_LSB + 12 +: 4] != 4'd0;
      vid2_q        <= rule_i[sl_pkg::CLASS_RULE_VID2_LSB +: 12];
      vid2_high_q   <= rule_i[sl_pkg::CLASS_RULE_VID2_LSB + 12 +: 4] != 4'd0;
      etype_q       <= rule_i[sl_pkg::CLASS_RULE_ETHERTYPE_LSB +: 16];
      proto_q       <= rule_i[sl_pkg::CLASS_RULE_PROTO_LSB +: 8];
      proto_mask_q  <= rule_i[sl_pkg::CLASS_RULE_PROTO_MASK_LSB +: 8];
      flags_q       <= rule_i[sl_pkg::CLASS_RULE_TCP_FLAGS_LSB +: 8];
      flags_mask_q  <= rule_i[sl_pkg::CLASS_RULE_TCP_FLAGS_MASK_LSB +: 8];
      frag_q        <= rule_i[sl_pkg::CLASS_RULE_FRAG_LSB +: 8];
      ttl_max_q     <= rule_i[sl_pkg::CLASS_RULE_TTL_MAX_LSB +: 8];
      inner_l3_q    <= rule_i[sl_pkg::CLASS_RULE_INNER_L3_LSB +: 8];
      inner_proto_q <= rule_i[sl_pkg::CLASS_RULE_INNER_PROTO_LSB +: 8];
      vni_q         <= rule_i[sl_pkg::CLASS_RULE_VNI_LSB +: 32];
      vni_mask_q    <= rule_i[sl_pkg::CLASS_RULE_VNI_MASK_LSB +: 32];
      sport_lo_q    <= rule_i[sl_pkg::CLASS_RULE_SPORT_LO_LSB +: 16];
      sport_hi_q    <= rule_i[sl_pkg::CLASS_RULE_SPORT_HI_LSB +: 16];
      dport_lo_q    <= rule_i[sl_pkg::CLASS_RULE_DPORT_LO_LSB +: 16];
      dport_hi_q    <= rule_i[sl_pkg::CLASS_RULE_DPORT_HI_LSB +: 16];
      ports_any_q   <= rule_i[sl_pkg::CLASS_RULE_SPORT_LO_LSB +: 16] == 16'd0
                       && rule_i[sl_pkg::CLASS_RULE_SPORT_HI_LSB +: 16] == 16'hffff
                       && rule_i[sl_pkg::CLASS_RULE_DPORT_LO_LSB +: 16] == 16'd0
                       && rule_i[sl_pkg::CLASS_RULE_DPORT_HI_LSB +: 16] == 16'hffff;
      src_q         <= rule_i[sl_pkg::CLASS_RULE_SRC_LSB +: 128];
      src_mask_q    <= src_mask_i;
      dst_q         <= rule_i[sl_pkg::CLASS_RULE_DST_LSB +: 128];
      dst_mask_q    <= dst_mask_i;
    end
    if (write1_i && index_i == self_i) begin
      by_dst_q      <= rule_i[sl_pkg::CLASS_RULE_PREFIX_MODE_LSB +: 8] == sl_pkg::PREFIX_MODE_DST;
      by_src_q      <= rule_i[sl_pkg::CLASS_RULE_PREFIX_MODE_LSB +: 8] == sl_pkg::PREFIX_MODE_SRC;
      set_q         <= rule_i[sl_pkg::CLASS_RULE_PREFIX_SET_LSB +: 5];
    end
  end

  // First clock: the conditions in four groups; second clock: all of them.
  logic        seen_q, frame_q, addr_q, ports_q, deep_q;
  logic [15:0] sport, dport;
  logic        l4, vid_equal;
  assign sport = {parsed_i.outer.sport[7:0], parsed_i.outer.sport[15:8]};
  assign dport = {parsed_i.outer.dport[7:0], parsed_i.outer.dport[15:8]};
  assign vid_equal = parsed_i.vid == vid_q && !vid_high_q;
  assign l4    = (parsed_i.outer.tcp || parsed_i.outer.udp) && parsed_i.outer.l4_ok;

  always_ff @(posedge clk_i) begin
    if (valid_i) begin
      seen_q  <= valid_q && eff_ttl_i <= ttl_max_q;
      frame_q <= port_mask_q[parsed_i.port] && (parsed_i.dmac & dmac_mask_q) == dmac_q
                 && (etype_q == 16'd0 || etype_q == parsed_i.etype)
                 && (any_l3_q || (v4_q && parsed_i.outer.v4) || (v6_q && parsed_i.outer.v6))
                 && (vlan_mode_q == sl_pkg::VLAN_MODE_ANY
                     || (vlan_mode_q == sl_pkg::VLAN_MODE_UNTAGGED && parsed_i.tags == 2'd0)
                     || (vlan_mode_q == sl_pkg::VLAN_MODE_VID && parsed_i.tags != 2'd0 && vid_equal)
                     || (vlan_mode_q == sl_pkg::VLAN_MODE_QINQ && parsed_i.tags == 2'd2 && vid_equal
                         && parsed_i.vid2 == vid2_q && !vid2_high_q)
                     || (vlan_mode_q == sl_pkg::VLAN_MODE_SINGLE && parsed_i.tags == 2'd1 && vid_equal));
      addr_q  <= ((parsed_i.outer.src ^ src_q) & src_mask_q) == 128'd0
                 && ((parsed_i.outer.dst ^ dst_q) & dst_mask_q) == 128'd0;
      ports_q <= ((parsed_i.outer.proto ^ proto_q) & proto_mask_q) == 8'd0
                 && (ports_any_q || (l4 && sport >= sport_lo_q && sport <= sport_hi_q && dport >= dport_lo_q
                                     && dport <= dport_hi_q));
      deep_q  <= (flags_mask_q == 8'd0 || (eff_tcp_i && (eff_flags_i & flags_mask_q) == flags_q))
                 && (frag_q == sl_pkg::FRAG_MODE_ANY || (frag_q == sl_pkg::FRAG_MODE_YES) == eff_frag_i)
                 && (tunnel_mode_q == sl_pkg::TUNNEL_MODE_ANY
                     || (tunnel_mode_q == sl_pkg::TUNNEL_MODE_NONE && parsed_i.tunnel == 3'd0)
                     || (tunnel_mode_q == {5'd0, parsed_i.tunnel} && parsed_i.tunnel != 3'd0
                         && (parsed_i.vni & vni_mask_q) == vni_q))
                 && (inner_l3_q == 8'd0 || (inner_good_i && ((inner_l3_q == 8'd4 && parsed_i.inner.v4)
                                                             || (inner_l3_q == 8'd6 && parsed_i.inner.v6))))
                 && (inner_proto_q == 8'd0 || (inner_good_i && inner_proto_q == parsed_i.inner.proto));
    end
  end

  always_ff @(posedge clk_i) begin
    if (valid1_i)
      hit_o <= seen_q && frame_q && addr_q && ports_q && deep_q && (!by_dst_q || dst_sets_i[set_q])
               && (!by_src_q || src_sets_i[set_q]);
  end
endmodule
