// SPDX-License-Identifier: BSD-3-Clause
// Stage class (docs/datapath.md, 3): finds the first of 64 rules that a frame matches and turns it into a verdict; what
// no rule matches is judged by the destination MAC filter. The faults that parse found drop the frame here.
//
// A rule is written as a whole between two frames: its match fields change at once, its prefix condition a clock later
// and what it does three, exactly as many as a frame needs from the one to the other.
//
// Which sets of prefixes a frame is in comes from sl_prefix in k1. Its meter is known two clocks after the rest, long
// before it is asked for.
//
//   k1, k2: 64 x sl_class_rule   k3: first hit, MAC filter   k4: read what the rule does   k5: job   k6, k7: meter
`default_nettype none
module sl_class (
  input  wire logic                 clk_i,
  input  wire logic                 rst_ni,
  // Registers.
  input  wire logic                 rule_write_i,   // index and rule stay a clock longer
  input  wire logic [5:0]           rule_index_i,
  input  wire logic [1023:0]        rule_i,
  input  wire logic                 rule_pair_i,    // which of its two pairs of counters counts its frames
  input  wire logic [8*8-1:0]       port_flags_i,
  input  wire logic [8*48-1:0]      mac_i,          // memory order
  input  wire logic [8*8-1:0]       mac_ports_i,
  input  wire logic [7:0]           mac_valid_i,
  input  wire logic                 valid_i,
  input  wire sl_dp_pkg::parsed_t   parsed_i,
  input  wire logic [4*8*32-1:0]    sets_i,         // of sl_prefix, a clock after valid_i
  input  wire logic [4*8*8-1:0]     meters_i,
  // One clock before the job, for hash: whose packet counts, and both keys' last word. Mean something if the verdict is
  // FLOWS.
  output logic                      early_o,
  output logic                      early_inner_o,
  output logic [63:0]               early_outer_last_o,
  output logic [63:0]               early_inner_last_o,
  output logic                      valid_o,
  output sl_dp_pkg::parsed_t        parsed_o,
  output sl_dp_pkg::job_t           job_o,
  output logic                      meter_valid_o,  // one per frame, in order
  output logic [5:0]                meter_o
);
  // k0: the effective packet.
  logic               valid0_q, valid1_q, valid2_q, valid3_q, valid4_q;
  sl_dp_pkg::parsed_t parsed0_q, parsed4;
  logic               inner_good_q, eff_frag_q, eff_tcp_q;
  logic [7:0]         eff_flags_q, eff_ttl_q;
  logic               inner_good;
  assign inner_good = parsed_i.tunnel != 3'd0 && (parsed_i.inner.v4 || parsed_i.inner.v6) && !parsed_i.inner.bad_ip
                      && !parsed_i.inner.bad_csum;
  always_ff @(posedge clk_i) begin
    if (valid_i) begin
      parsed0_q    <= parsed_i;
      inner_good_q <= inner_good;
      if (inner_good) begin
        eff_frag_q  <= parsed_i.inner.frag;
        eff_tcp_q   <= parsed_i.inner.tcp && parsed_i.inner.l4_ok;
        eff_flags_q <= parsed_i.inner.flags;
        eff_ttl_q   <= parsed_i.inner.ttl;
      end else if (parsed_i.outer.v4 || parsed_i.outer.v6) begin
        eff_frag_q  <= parsed_i.outer.frag;
        eff_tcp_q   <= parsed_i.outer.tcp && parsed_i.outer.l4_ok;
        eff_flags_q <= parsed_i.outer.flags;
        eff_ttl_q   <= parsed_i.outer.ttl;
      end else begin
        eff_frag_q  <= 1'b0;
        eff_tcp_q   <= 1'b0;
        eff_flags_q <= 8'd0;
        eff_ttl_q   <= 8'd255;
      end
    end
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) {valid4_q, valid3_q, valid2_q, valid1_q, valid0_q} <= '0;
    else         {valid4_q, valid3_q, valid2_q, valid1_q, valid0_q} <= {valid3_q, valid2_q, valid1_q, valid0_q,
                                                                        valid_i};
  end

  // k1, k2: the rules.
  // A prefix length as a mask in memory order: bit 7 of byte 0 is the first bit of the address.
  function automatic logic [127:0] prefix_mask(input logic [7:0] plen);
    prefix_mask = '0;
    for (int i = 0; i < 128; i++) if (8'(i) < plen) prefix_mask[8*(i/8) + 7 - (i%8)] = 1'b1;
  endfunction
  // (Undefined without a write: nothing looks at them then.)
  logic [127:0] src_mask, dst_mask;
  always_comb begin
    src_mask = 'x;
    dst_mask = 'x;
    if (rule_write_i) begin
      src_mask = prefix_mask(rule_i[sl_pkg::CLASS_RULE_SRC_PLEN_LSB +: 8]);
      dst_mask = prefix_mask(rule_i[sl_pkg::CLASS_RULE_DST_PLEN_LSB +: 8]);
    end
  end

  logic rule_write1_q;
  always_ff @(posedge clk_i) rule_write1_q <= rst_ni && rule_write_i;

  logic [sl_pkg::CLASS_RULES-1:0] hit;
  for (genvar r = 0; r < sl_pkg::CLASS_RULES; r++) begin : g_rule
    sl_class_rule u_rule (
      .clk_i, .rst_ni, .write_i(rule_write_i), .write1_i(rule_write1_q), .index_i(rule_index_i), .self_i(6'(r)),
      .rule_i, .src_mask_i(src_mask), .dst_mask_i(dst_mask),
      .valid_i(valid0_q), .parsed_i(parsed0_q), .eff_frag_i(eff_frag_q), .eff_tcp_i(eff_tcp_q),
      .eff_flags_i(eff_flags_q), .eff_ttl_i(eff_ttl_q), .inner_good_i(inner_good_q), .valid1_i(valid1_q),
      .dst_sets_i(dst_sets1_q), .src_sets_i(src_sets1_q), .hit_o(hit[r])
    );
  end

  logic [31:0] dst_sets, src_sets, dst_sets1_q, src_sets1_q;
  always_comb begin
    dst_sets = '0;
    src_sets = '0;
    for (int i = 0; i < 16; i++) begin
      dst_sets |= sets_i[32*i +: 32];
      src_sets |= sets_i[512 + 32*i +: 32];
    end
  end
  always_ff @(posedge clk_i) begin
    if (valid0_q) begin
      dst_sets1_q <= dst_sets;
      src_sets1_q <= src_sets;
    end
  end

  // Beside them: may a frame that no rule matches go to the host?
  logic [7:0] mac_hit1_q;
  logic       group1_q, bcast1_q, promisc1_q, allmulti1_q, kernel2_q;
  always_ff @(posedge clk_i) begin
    if (valid0_q) begin
      for (int i = 0; i < 8; i++)
        mac_hit1_q[i] <= mac_valid_i[i] && mac_i[48*i +: 48] == parsed0_q.dmac
                         && mac_ports_i[8*i + 32'(parsed0_q.port)];
      group1_q    <= parsed0_q.dmac[0];
      bcast1_q    <= parsed0_q.dmac == 48'hffff_ffff_ffff;
      promisc1_q  <= port_flags_i[8*32'(parsed0_q.port) + 1];
      allmulti1_q <= port_flags_i[8*32'(parsed0_q.port) + 2];
    end
    if (valid1_q) kernel2_q <= mac_hit1_q != 8'd0 || bcast1_q || (group1_q ? allmulti1_q : promisc1_q);
  end

  // k3: the first hit.
  logic       any3_q, kernel3_q;
  logic [5:0] index3_q;
  function automatic logic [2:0] lowest8(input logic [7:0] hits);
    lowest8 = '0;
    for (int r = 7; r >= 0; r--) if (hits[r]) lowest8 = 3'(r);
  endfunction
  // In two steps: a chain through all 64 would be the longest path of the stage by far.
  function automatic logic [5:0] lowest(input logic [sl_pkg::CLASS_RULES-1:0] hits);
    lowest = '0;
    for (int g = 7; g >= 0; g--) if (hits[8*g +: 8] != 8'd0) lowest = {3'(g), lowest8(hits[8*g +: 8])};
  endfunction
  always_ff @(posedge clk_i) begin
    if (valid2_q) begin
      any3_q    <= hit != '0;
      index3_q  <= lowest(hit);
      kernel3_q <= kernel2_q;
    end
  end

  // k4: what the rule does: counters, verdict, flags, meter, prefix, tenant, mark, copy mark. A frame reads it three
  // clocks after its comparison, so a write comes three clocks after the write of the match fields.
  localparam int unsigned DW = 1 + 2 + 3 + 6 + 2 + 5 + 16 + 32 + 32;
  logic [DW-1:0] does_mem [0:sl_pkg::CLASS_RULES-1];
  logic [DW-1:0] does4_q, does_late;
  logic [5:0]    index_late;
  logic          write_late, any4_q, kernel4_q;
  logic [5:0]    index4_q;
  sl_delay #(.W(DW + 6), .N(3)) u_late (
    .clk_i, .rst_ni, .valid_i(rule_write_i), .data_i({rule_index_i, rule_pair_i,
      rule_i[sl_pkg::CLASS_RULE_VERDICT_LSB +: 2], rule_i[sl_pkg::CLASS_RULE_FLAGS_LSB +: 3],
      rule_i[sl_pkg::CLASS_RULE_METER_LSB +: 6], rule_i[sl_pkg::CLASS_RULE_PREFIX_MODE_LSB +: 2],
      rule_i[sl_pkg::CLASS_RULE_PREFIX_SET_LSB +: 5], rule_i[sl_pkg::CLASS_RULE_TENANT_LSB +: 16],
      rule_i[sl_pkg::CLASS_RULE_MARK_LSB +: 32], rule_i[sl_pkg::CLASS_RULE_COPY_MARK_LSB +: 32]}),
    .valid_o(write_late), .data_o({index_late, does_late})
  );
  always_ff @(posedge clk_i) begin
    if (write_late) does_mem[index_late] <= does_late;
    if (valid3_q) begin
      does4_q   <= does_mem[index3_q];
      any4_q    <= any3_q;
      index4_q  <= index3_q;
      kernel4_q <= kernel3_q;
    end
  end

  logic parsed4_valid;
  sl_delay #(.W(sl_dp_pkg::PARSED_W), .N(4)) u_parsed (
    .clk_i, .rst_ni, .valid_i(valid0_q), .data_i(parsed0_q), .valid_o(parsed4_valid), .data_o(parsed4)
  );

  // k5: the job.
  logic        pair;
  logic [1:0]  verdict;
  logic [2:0]  flags;
  logic [5:0]  meter;
  logic [1:0]  mode;
  logic [4:0]  set;
  logic [15:0] tenant;
  logic [31:0] mark, copy_mark;
  assign {pair, verdict, flags, meter, mode, set, tenant, mark, copy_mark} = does4_q;
  assign early_o            = valid4_q;
  assign early_inner_o      = flags[1];
  assign early_outer_last_o = {parsed4.outer.v6 ? 8'd6 : 8'd4,
                               parsed4.outer.icmp ? (parsed4.outer.q_udp ? 8'd17 : 8'd6) : parsed4.outer.proto, tenant,
                               parsed4.outer.icmp ? {parsed4.outer.q_dport, parsed4.outer.q_sport}
                                                  : {parsed4.outer.dport, parsed4.outer.sport}};
  assign early_inner_last_o = {parsed4.inner.v6 ? 8'd6 : 8'd4,
                               parsed4.inner.icmp ? (parsed4.inner.q_udp ? 8'd17 : 8'd6) : parsed4.inner.proto, tenant,
                               parsed4.inner.icmp ? {parsed4.inner.q_dport, parsed4.inner.q_sport}
                                                  : {parsed4.inner.dport, parsed4.inner.sport}};

  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_o <= 1'b0;
    else         valid_o <= valid4_q;
    if (valid4_q) begin
      parsed_o       <= parsed4;
      job_o          <= '0;
      job_o.port     <= parsed4.port;
      job_o.len      <= parsed4.len;
      job_o.tags     <= parsed4.tags;
      job_o.rule     <= 8'hff;
      job_o.in_off   <= parsed4.in_off;
      job_o.in_eth   <= parsed4.in_eth;
      if (parsed4.outer.bad_ip || parsed4.outer.bad_csum) begin
        job_o.reason <= parsed4.outer.bad_ip ? sl_pkg::REASON_BAD_IP : sl_pkg::REASON_BAD_IP_CSUM;
      end else if (!any4_q) begin
        job_o.reason <= kernel4_q ? sl_pkg::REASON_KERNEL : sl_pkg::REASON_MAC_FILTER;
      end else begin
        job_o.rule   <= {1'b0, pair, index4_q};
        job_o.tenant <= tenant;
        if (verdict == sl_pkg::VERDICT_FLOWS[1:0]) begin
          job_o.reason    <= sl_pkg::REASON_FORWARDED;
          job_o.copy      <= flags[0];
          job_o.copy_mark <= copy_mark;
          job_o.decap     <= flags[1];
        end else if (verdict == sl_pkg::VERDICT_HOST[1:0]) begin
          job_o.reason     <= sl_pkg::REASON_RULE;
          job_o.mark_valid <= flags[2];
          job_o.mark       <= flags[2] ? mark : 32'd0;
        end else begin
          job_o.reason <= sl_pkg::REASON_RULE_DROP;
        end
      end
    end
  end

  // k5, k6: the meter of the first prefix in the rule's set, or the rule's own; of a frame without a rule, meter 0. The
  // meters of the frame's prefixes have waited since k1.
  logic [4*8*32-1:0] sets4;
  logic [4*8*8-1:0]  meters4;
  logic [15:0]       in_set5_q;
  logic [16*8-1:0]   meters5_q;
  logic [5:0]        own5_q;
  logic [7:0]        chosen;
  logic              prefix4_valid, valid5_q;
  sl_delay #(.W(4*8*40), .N(4)) u_prefix (
    .clk_i, .rst_ni, .valid_i(valid0_q), .data_i({sets_i, meters_i}), .valid_o(prefix4_valid), .data_o({sets4, meters4})
  );
  always_ff @(posedge clk_i) begin
    if (!rst_ni) {meter_valid_o, valid5_q} <= '0;
    else         {meter_valid_o, valid5_q} <= {valid5_q, valid4_q};
    if (valid4_q) begin
      for (int i = 0; i < 16; i++)
        in_set5_q[i] <= any4_q && ((mode == sl_pkg::PREFIX_MODE_DST[1:0] && sets4[32*i + 32'(set)])
                                   || (mode == sl_pkg::PREFIX_MODE_SRC[1:0] && sets4[512 + 32*i + 32'(set)]));
      meters5_q <= mode == sl_pkg::PREFIX_MODE_SRC[1:0] ? meters4[255:128] : meters4[127:0];
      own5_q    <= any4_q && !parsed4.outer.bad_ip && !parsed4.outer.bad_csum ? meter : 6'd0;
    end
    if (valid5_q) meter_o <= in_set5_q == '0 || chosen == 8'(sl_pkg::PREFIX_METER_RULE) ? own5_q : chosen[5:0];
  end
  always_comb begin
    chosen = meters5_q[8*15 +: 8];
    for (int i = 14; i >= 0; i--) if (in_set5_q[i]) chosen = meters5_q[8*i +: 8];
  end

`ifndef SYNTHESIS
  a_stays: assert property (@(posedge clk_i) disable iff (!rst_ni) rule_write_i |=> $stable({rule_index_i, rule_i}));
  a_prefix: assert property (@(posedge clk_i) disable iff (!rst_ni) prefix4_valid == valid4_q);
  a_in_step: assert property (@(posedge clk_i) disable iff (!rst_ni) parsed4_valid == valid4_q);
`endif
endmodule
