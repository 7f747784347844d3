// SPDX-License-Identifier: BSD-3-Clause
// What the datapath's modules pass to each other inside the card. What others see of the card (registers, structures,
// reasons) is in the generated package sl_pkg; nothing here is a contract with software.
//
// Byte n of a frame, an address or a structure is always bits [8*n +: 8]: "memory order". Numbers are plain.
`default_nettype none
package sl_dp_pkg;
  // log2 of the beats of a port's queue of frames from the host (sl_tx): what sl_admit gives out, but for two.
  localparam int unsigned TX_HOST_LOG2 = 10;

  // One IP packet's headers, of the outer or of a tunnel's inner frame.
  typedef struct packed {
    logic         v4;        // by ethertype; v4 and v6 both 0: no L3
    logic         v6;
    logic         bad_ip;
    logic         bad_csum;
    logic         frag;
    logic         options;   // IPv4 options that are not the card's business
    logic         ext;       // IPv6 extension header that is not followed
    logic         tcp;       // TCP or UDP, not a fragment; l4_ok says whether its header is good
    logic         udp;
    logic         l4_ok;
    logic         icmp;      // ICMP error; about the flow with the key fields q_*
    logic         q_udp;     // else TCP
    logic [15:0]  q_sport;   // memory order, as the rest
    logic [15:0]  q_dport;
    logic [127:0] q_src;
    logic [127:0] q_dst;
    logic [7:0]   proto;
    logic [7:0]   ttl;
    logic [7:0]   tos;       // traffic class
    logic [7:0]   flags;     // TCP flags, 0 unless tcp and l4_ok
    logic [15:0]  ip_len;    // header and payload
    logic [15:0]  sport;     // memory order
    logic [15:0]  dport;     // memory order
    logic [15:0]  csum;      // of TCP or UDP, memory order
    logic [4:0]   l4_words;  // where the L4 header begins, in 32-bit words from the IP header
    logic [127:0] src;       // memory order; IPv4 in the low 32 bits, rest zero
    logic [127:0] dst;
  } ip_t;

  // What parse found out about a frame.
  typedef struct packed {
    logic [2:0]  port;
    logic [13:0] len;
    logic [47:0] dmac;       // memory order
    logic [1:0]  tags;       // VLAN tags, 0 to 2
    logic [11:0] vid;        // of the outer one
    logic [11:0] vid2;       // of the inner one
    logic [15:0] etype;
    ip_t         outer;
    logic [2:0]  tunnel;     // sl_pkg::TUNNEL_MODE_VNI (VXLAN) and above, 0 none
    logic [31:0] vni;        // GRE: its key
    logic [6:0]  in_off;     // of the inner IP header from the outer one
    logic        in_eth;     // an Ethernet header is in front of it
    ip_t         inner;      // means something only with tunnel
  } parsed_t;

  // What travels with a frame from class to the verdict. reason 0: on its way to be forwarded; 1-63: to the host;
  // 64 and above: dropped.
  typedef struct packed {
    logic [2:0]  port;
    logic [13:0] len;
    logic [1:0]  tags;
    logic [7:0]  reason;
    logic [7:0]  rule;       // 255 none; else in bit 6 which of its two pairs of counters, in bits 5:0 its index
    logic [15:0] tenant;
    logic        mark_valid;
    logic [31:0] mark;
    logic        copy;
    logic [31:0] copy_mark;
    logic        decap;
    logic [6:0]  in_off;     // of the inner IP header from the outer one
    logic        in_eth;     // an Ethernet header is in front of it
    logic        v6;         // of the packet looked up, as the rest
    logic        udp;
    logic [7:0]  ttl;
    logic [7:0]  tos;        // to forward with
    logic [15:0] ip_len;
    logic [4:0]  l4_words;
    logic [15:0] csum;       // of L4, memory order
    logic        has_key;    // the hash was computed
  } job_t;

  // The lookup's answer.
  typedef struct packed {
    logic [31:0] flow_id;    // FLOW_ID_NONE unless hit
    logic [63:0] hash;
  } found_t;

  // How the new frame is made; valid for forwarded frames.
  typedef struct packed {
    logic [2:0]  port;       // to leave by
    logic [13:0] out_len;
    logic [6:0]  hdr_len;    // bytes in front of the IP packet
    logic [6:0]  src_off;    // offset of the IP packet in the frame as received
    logic [15:0] ip_len;
  } shape_t;

  // Beside a frame for the host.
  typedef struct packed {
    logic [13:0] len;
    logic [7:0]  port;
    logic [7:0]  reason;
    logic [7:0]  rule;
    logic [15:0] tenant;
    logic        mark_valid;
    logic [31:0] mark;
    logic [31:0] hash;
    logic [31:0] flow_id;
  } host_meta_t;
  // Widths, for flat ports and memories.
  localparam int unsigned IP_W     = 12 + 4*8 + 6*16 + 5 + 4*128;
  localparam int unsigned PARSED_W = 3 + 14 + 48 + 2 + 24 + 16 + 2*IP_W + 3 + 32 + 8;
  localparam int unsigned JOB_W    = 3 + 14 + 2 + 8 + 8 + 16 + 33 + 33 + 11 + 8 + 8 + 16 + 5 + 16 + 1;
  localparam int unsigned META_W   = 14 + 8 + 8 + 8 + 16 + 33 + 64;
endpackage
