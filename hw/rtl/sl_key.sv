// SPDX-License-Identifier: BSD-3-Clause
// Stage key (docs/datapath.md, 4): builds the flow key of the packet that is looked up, the outer one or with DECAP the
// inner one, or says why there is none. An ICMP error has the key of the flow that it is about. Latency: 1 clock.
`default_nettype none
module sl_key (
  input  wire logic                clk_i,
  input  wire logic                rst_ni,
  input  wire logic                valid_i,
  input  wire sl_dp_pkg::parsed_t  parsed_i,
  input  wire sl_dp_pkg::job_t     job_i,
  output logic                     valid_o,
  output logic [319:0]             key_o,     // structure key; 0 without one
  output sl_dp_pkg::job_t          job_o
);
  // RFC 6040, section 4.2: the ECN field of a decapsulated packet. CE outside and not ECN-capable inside is dropped.
  function automatic logic [1:0] merge_ecn(input logic [1:0] inner, input logic [1:0] outer);
    merge_ecn = inner;
    if (inner != 2'd0 && outer == 2'd3)      merge_ecn = 2'd3;
    else if (inner == 2'd2 && outer == 2'd1) merge_ecn = 2'd1;
  endfunction

  sl_dp_pkg::ip_t ip;
  logic [7:0]     reason;
  logic [319:0]   key;
  logic           has_key, quote;

  always_comb begin
    // (Undefined without a frame: nothing looks at it then.)
    ip = 'x;
    if (valid_i) ip = job_i.decap ? parsed_i.inner : parsed_i.outer;
    reason = job_i.reason;
    if (valid_i && job_i.reason == sl_pkg::REASON_FORWARDED) begin
      if (job_i.decap && parsed_i.tunnel == 3'd0)       reason = sl_pkg::REASON_TUNNEL_INNER;
      else if (job_i.decap && !ip.v4 && !ip.v6)         reason = sl_pkg::REASON_TUNNEL_INNER;
      else if (ip.bad_ip)                               reason = sl_pkg::REASON_BAD_IP;
      else if (ip.bad_csum)                             reason = sl_pkg::REASON_BAD_IP_CSUM;
      else if (job_i.decap && parsed_i.outer.tos[1:0] == 2'd3 && ip.tos[1:0] == 2'd0)
        reason = sl_pkg::REASON_TUNNEL_ECN;
      else if (!ip.v4 && !ip.v6)                        reason = sl_pkg::REASON_NO_L4;
      else if (ip.frag)                                 reason = sl_pkg::REASON_FRAGMENT;
      else if (ip.options)                              reason = sl_pkg::REASON_IP_OPTIONS;
      else if (ip.ext)                                  reason = sl_pkg::REASON_EXT_HDR;
      else if (ip.icmp)                                 reason = sl_pkg::REASON_ICMP_ERROR;
      else if (!ip.tcp && !ip.udp)                      reason = sl_pkg::REASON_NO_L4;
      else if (!ip.l4_ok)                               reason = sl_pkg::REASON_BAD_L4;
    end
    quote   = reason == sl_pkg::REASON_ICMP_ERROR;
    has_key = reason == sl_pkg::REASON_FORWARDED || quote;
    key = 'x;
    if (valid_i) begin
      key = {ip.v6 ? 8'd6 : 8'd4, ip.proto, job_i.tenant, ip.dport, ip.sport, ip.dst, ip.src};
      if (quote) key = {ip.v6 ? 8'd6 : 8'd4, ip.q_udp ? 8'd17 : 8'd6, job_i.tenant, ip.q_dport, ip.q_sport, ip.q_dst,
                        ip.q_src};
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_o <= 1'b0;
    else         valid_o <= valid_i;
    if (valid_i) begin
      key_o         <= has_key ? key : '0;
      job_o         <= job_i;
      job_o.reason  <= reason;
      job_o.has_key <= has_key;
      job_o.v6      <= ip.v6;
      job_o.udp     <= ip.udp;
      job_o.ttl     <= ip.ttl;
      job_o.tos     <= {ip.tos[7:2], job_i.decap ? merge_ecn(ip.tos[1:0], parsed_i.outer.tos[1:0]) : ip.tos[1:0]};
      job_o.ip_len   <= ip.ip_len;
      job_o.l4_words <= ip.l4_words;
      job_o.csum     <= ip.csum;
    end
  end
endmodule
