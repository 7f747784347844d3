/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The pattern of a group-0 rule (classification) in neutral form. What is not set matches any frame.
 *
 *	[represented_port] / eth [dst] / [vlan vid [/ vlan vid]] / [ipv4|ipv6] / [tcp|udp]
 *	[represented_port] / eth [dst] / [vlan vid [/ vlan vid]] / ipv4|ipv6 / TUNNEL / [ipv4|ipv6] / [tcp|udp]
 *	TUNNEL: udp / vxlan [vni] / [eth], udp / geneve [vni], gre [/ gre_key], or nothing: IP in IP
 *	[tunnel item (tunnel.h) /] before all that; of GUE it says that what follows udp is inside
 *
 * Geneve, GRE and GUE are not told apart any further: by what type of packets they carry, or whether they have a GRE key
 * that is 0 or none. What asks for that is refused. Of a tunnel's inner packet only family, protocol, TTL, fragmentation and
 * TCP flags can be matched; where the pattern has a tunnel, TTL, fragmentation and flags must be asked of the inner packet,
 * otherwise of the only one.
 */
#ifndef SLUICE_DRIVER_FLOW_MATCH_H
#define SLUICE_DRIVER_FLOW_MATCH_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_flow.h>

/* VID: one tag or two, the outer one of that id; SINGLE: one tag; QINQ: two. */
enum sl_match_vlan { SL_MATCH_VLAN_ANY, SL_MATCH_VLAN_UNTAGGED, SL_MATCH_VLAN_VID, SL_MATCH_VLAN_SINGLE, SL_MATCH_VLAN_QINQ };
enum sl_match_frag { SL_MATCH_FRAG_ANY, SL_MATCH_FRAG_NO, SL_MATCH_FRAG_YES };

/* What can be asked of an outer or an inner packet. */
struct sl_match_packet {
	uint8_t family;          /* 0 any frame, 4, 6 */
	bool proto_set;
	uint8_t proto;
	enum sl_match_frag frag;
	uint8_t ttl_max;         /* 255 any */
	uint8_t tcp_flags, tcp_flags_mask;
};

struct sl_match {
	bool port_set;
	uint16_t ethdev;         /* receiving port, with port_set */
	uint8_t dmac[6], dmac_mask[6];
	enum sl_match_vlan vlan;
	uint16_t vid, vid2;
	uint16_t ethertype;      /* 0 any; host order */
	struct sl_match_packet outer;
	uint8_t src[16], dst[16];
	uint8_t src_plen, dst_plen;
	uint16_t sport_lo, sport_hi, dport_lo, dport_hi;
	uint8_t tunnel;          /* enum sl_tunnel_mode: VNI (VXLAN) and above, 0 none */
	uint32_t vni, vni_mask;
	struct sl_match_packet inner;
};

/* 0, or a refusal in error. */
int sl_match_parse(const struct rte_flow_item pattern[], struct sl_match *match, struct rte_flow_error *error);

/* True if TTL, fragmentation or TCP flags are asked of the packet. */
bool sl_match_looks_inside(const struct sl_match_packet *packet);

#endif
