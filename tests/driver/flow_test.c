/* SPDX-License-Identifier: BSD-3-Clause */
/* rte_flow rules to neutral rules and on to the card's terms: what is accepted means exactly this, what is refused says
 * why. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <rte_flow.h>

#include "driver/flow/encap.h"
#include "driver/flow/fate.h"
#include "driver/flow/match.h"
#include "driver/flow/rewrite.h"
#include "driver/flow/tuple.h"
#include "driver/flow/tunnel.h"
#include "driver/fpga/compile.h"

#define END {.type = RTE_FLOW_ITEM_TYPE_END}
#define ITEM(kind, s) {.type = RTE_FLOW_ITEM_TYPE_##kind, .spec = s}
#define MASKED(kind, s, m) {.type = RTE_FLOW_ITEM_TYPE_##kind, .spec = s, .mask = m}
#define RANGED(kind, s, l, m) {.type = RTE_FLOW_ITEM_TYPE_##kind, .spec = s, .last = l, .mask = m}
#define BARE(kind) {.type = RTE_FLOW_ITEM_TYPE_##kind}
#define ACTION(kind, c) {.type = RTE_FLOW_ACTION_TYPE_##kind, .conf = c}
#define ACTION_END {.type = RTE_FLOW_ACTION_TYPE_END}

#define IP4(...) &(const struct rte_flow_item_ipv4){.hdr = {__VA_ARGS__}}
#define IP6(...) &(const struct rte_flow_item_ipv6){.hdr = {__VA_ARGS__}}
#define UDP(...) &(const struct rte_flow_item_udp){.hdr = {__VA_ARGS__}}
#define TCP(...) &(const struct rte_flow_item_tcp){.hdr = {__VA_ARGS__}}
#define ETH(...) &(const struct rte_flow_item_eth){__VA_ARGS__}
#define VLAN(...) &(const struct rte_flow_item_vlan){__VA_ARGS__}
#define VXLAN(v) &(const struct rte_flow_item_vxlan){.hdr = {.vx_vni = RTE_BE32((v) << 8)}}
#define GENEVE_ITEM(...) &((const struct rte_flow_item_geneve){__VA_ARGS__})
#define GRE_ITEM(...) &((const struct rte_flow_item_gre){__VA_ARGS__})
#define KEY(n) &((const rte_be32_t){RTE_BE32(n)})
#define TO_UDP(n) MASKED(UDP, UDP(.dst_port = RTE_BE16(n)), UDP(.dst_port = 0xffff))
#define TUNNEL(kind) {.type = (enum rte_flow_item_type)SL_ITEM_TYPE_TUNNEL, .spec = &(const uint8_t){SL_TUNNEL_MODE_##kind}}
#define PORT(n) &(const struct rte_flow_item_ethdev){.port_id = n}
#define TAG_ITEM(n, i) &(const struct rte_flow_item_tag){.data = n, .index = i}
#define META(n) &(const struct rte_flow_item_meta){.data = n}

/* --- patterns of group 0 -------------------------------------------------------------------------------------------
 * */

struct match_row {
	const char *what;
	struct rte_flow_item pattern[10];
	struct sl_match wanted;              /* only the differences to "any frame" are named: see fill() */
	int code;                            /* refusals: errno, type, item and a part of the sentence */
	enum rte_flow_error_type type;
	int item;
	const char *sentence;
};

/* What a row leaves 0 but means "any". */
static void fill(struct sl_match *m)
{
	struct sl_match_packet *packets[2] = {&m->outer, &m->inner};

	for (unsigned int i = 0; i < 2; i++)
		packets[i]->ttl_max = packets[i]->ttl_max ? packets[i]->ttl_max : 255;
	m->sport_hi = m->sport_hi ? m->sport_hi : UINT16_MAX;
	m->dport_hi = m->dport_hi ? m->dport_hi : UINT16_MAX;
}

static const struct match_row match_rows[] = {
	{.what = "everything", .pattern = {END}},
	{.what = "a bare eth matches tagged frames too", .pattern = {BARE(ETH), END}},
	{.what = "port", .pattern = {ITEM(REPRESENTED_PORT, PORT(3)), BARE(ETH), END}, .wanted = {.port_set = true,
		.ethdev = 3}},
	{.what = "destination MAC and its mask",
	 .pattern = {MASKED(ETH, ETH(.hdr.dst_addr.addr_bytes = "\x02\xff\x00\x00\x00\x01"),
	 	ETH(.hdr.dst_addr.addr_bytes = "\xff\x0f\x00\x00\x00\xff")), END},
	 .wanted = {.dmac = {2, 0x0f, 0, 0, 0, 1}, .dmac_mask = {0xff, 0x0f, 0, 0, 0, 0xff}}},
	{.what = "ethertype means untagged",
	 .pattern = {MASKED(ETH, ETH(.hdr.ether_type = RTE_BE16(0x0806)), ETH(.hdr.ether_type = RTE_BE16(0xffff))),
	 	END},
	 .wanted = {.ethertype = 0x0806, .vlan = SL_MATCH_VLAN_UNTAGGED}},
	{.what = "has_vlan 0 means untagged", .pattern = {MASKED(ETH, ETH(.has_vlan = 0), ETH(.has_vlan = 1)), END},
	 .wanted = {.vlan = SL_MATCH_VLAN_UNTAGGED}},
	{.what = "VLAN id", .pattern = {BARE(ETH), ITEM(VLAN, VLAN(.hdr.vlan_tci = RTE_BE16(42))), BARE(IPV4), END},
	 .wanted = {.vlan = SL_MATCH_VLAN_SINGLE, .vid = 42, .outer = {.family = 4}}},
	{.what = "VLAN id before anything", .pattern = {BARE(ETH), ITEM(VLAN, VLAN(.hdr.vlan_tci = RTE_BE16(42))), END},
	 .wanted = {.vlan = SL_MATCH_VLAN_VID, .vid = 42}},
	{.what = "two VLAN ids", .pattern = {BARE(ETH), ITEM(VLAN, VLAN(.hdr.vlan_tci = RTE_BE16(42))),
		ITEM(VLAN, VLAN(.hdr.vlan_tci = RTE_BE16(43))), BARE(IPV6), END},
	 .wanted = {.vlan = SL_MATCH_VLAN_QINQ, .vid = 42, .vid2 = 43, .outer = {.family = 6}}},
	{.what = "IPv4 prefix", .pattern = {BARE(ETH), MASKED(IPV4, IP4(.dst_addr = RTE_BE32(0x0a010203)),
		IP4(.dst_addr = RTE_BE32(0xffff0000))), END},
	 .wanted = {.vlan = SL_MATCH_VLAN_UNTAGGED, .outer = {.family = 4}, .dst = {10, 1}, .dst_plen = 16}},
	{.what = "IPv6 prefix and protocol",
	 .pattern = {BARE(ETH), MASKED(IPV6, IP6(.src_addr = "\x20\x01\x0d\xb8", .proto = 58),
	 	IP6(.src_addr = "\xff\xff\xff\xfe", .proto = 255)), END},
	 .wanted = {.vlan = SL_MATCH_VLAN_UNTAGGED, .outer = {.family = 6, .proto_set = true, .proto = 58},
	 	.src = {0x20, 1, 0x0d, 0xb8}, .src_plen = 31}},
	{.what = "TTL up to 1",
	 .pattern = {BARE(ETH), RANGED(IPV4, IP4(.time_to_live = 0), IP4(.time_to_live = 1), IP4(.time_to_live = 255)),
	 	END},
	 .wanted = {.vlan = SL_MATCH_VLAN_UNTAGGED, .outer = {.family = 4, .ttl_max = 1}}},
	{.what = "hop limit up to 1",
	 .pattern = {BARE(ETH), RANGED(IPV6, IP6(.hop_limits = 0), IP6(.hop_limits = 1), IP6(.hop_limits = 255)), END},
	 .wanted = {.vlan = SL_MATCH_VLAN_UNTAGGED, .outer = {.family = 6, .ttl_max = 1}}},
	{.what = "IPv4 fragments",
	 .pattern = {BARE(ETH), RANGED(IPV4, IP4(.fragment_offset = RTE_BE16(1)),
	 	IP4(.fragment_offset = RTE_BE16(0x3fff)),
				       IP4(.fragment_offset = RTE_BE16(0x3fff))), END},
	 .wanted = {.vlan = SL_MATCH_VLAN_UNTAGGED, .outer = {.family = 4, .frag = SL_MATCH_FRAG_YES}}},
	{.what = "no IPv4 fragments", .pattern = {BARE(ETH), MASKED(IPV4, IP4(.fragment_offset = 0),
		IP4(.fragment_offset = RTE_BE16(0x3fff))), END},
	 .wanted = {.vlan = SL_MATCH_VLAN_UNTAGGED, .outer = {.family = 4, .frag = SL_MATCH_FRAG_NO}}},
	{.what = "IPv6 fragments",
	 .pattern = {BARE(ETH), MASKED(IPV6, &((const struct rte_flow_item_ipv6){.has_frag_ext = 1}),
	 	&((const struct rte_flow_item_ipv6){.has_frag_ext = 1})), END},
	 .wanted = {.vlan = SL_MATCH_VLAN_UNTAGGED, .outer = {.family = 6, .frag = SL_MATCH_FRAG_YES}}},
	{.what = "TCP port range and flags",
	 .pattern = {BARE(ETH), BARE(IPV4), RANGED(TCP, TCP(.dst_port = RTE_BE16(80), .tcp_flags = 2),
	 	TCP(.dst_port = RTE_BE16(90)),
						   TCP(.dst_port = 0xffff, .tcp_flags = 0x12)), END},
	 .wanted = {.vlan = SL_MATCH_VLAN_UNTAGGED, .outer = {.family = 4, .proto_set = true, .proto = 6,
	 	.tcp_flags = 2, .tcp_flags_mask = 0x12},
		    .dport_lo = 80, .dport_hi = 90}},
	{.what = "UDP source port", .pattern = {BARE(ETH), BARE(IPV6), MASKED(UDP, UDP(.src_port = RTE_BE16(53)),
		UDP(.src_port = 0xffff)), END},
	 .wanted = {.vlan = SL_MATCH_VLAN_UNTAGGED, .outer = {.family = 6, .proto_set = true, .proto = 17},
	 	.sport_lo = 53, .sport_hi = 53}},
	{.what = "tunnel with inner flags",
	 .pattern = {BARE(ETH), BARE(IPV4), MASKED(UDP, UDP(.dst_port = RTE_BE16(4789)), UDP(.dst_port = 0xffff)),
	 	ITEM(VXLAN, VXLAN(77)), BARE(ETH),
		     BARE(IPV6), MASKED(TCP, TCP(.tcp_flags = 1), TCP(.tcp_flags = 1)), END},
	 .wanted = {.vlan = SL_MATCH_VLAN_UNTAGGED, .outer = {.family = 4, .proto_set = true, .proto = 17},
	 	.dport_lo = 4789, .dport_hi = 4789,
		    .tunnel = SL_TUNNEL_MODE_VNI, .vni = 77, .vni_mask = 0xffffff,
		    .inner = {.family = 6, .proto_set = true, .proto = 6, .tcp_flags = 1, .tcp_flags_mask = 1}}},
	{.what = "tunnel with inner TTL",
	 .pattern = {BARE(ETH), BARE(IPV4), BARE(UDP), BARE(VXLAN), BARE(ETH),
		     RANGED(IPV4, IP4(.time_to_live = 0), IP4(.time_to_live = 1), IP4(.time_to_live = 255)), END},
	 .wanted = {.vlan = SL_MATCH_VLAN_UNTAGGED, .outer = {.family = 4, .proto_set = true, .proto = 17},
	 	.tunnel = SL_TUNNEL_MODE_VNI,
		    .inner = {.family = 4, .ttl_max = 1}}},
	{.what = "Geneve", .pattern = {BARE(ETH), BARE(IPV6), TO_UDP(6081), ITEM(GENEVE, GENEVE_ITEM(.vni = "\x01\x02\x03")), BARE(IPV4), END},
	 .wanted = {.vlan = SL_MATCH_VLAN_UNTAGGED, .outer = {.family = 6, .proto_set = true, .proto = 17}, .dport_lo = 6081,
		    .dport_hi = 6081, .tunnel = SL_TUNNEL_MODE_GENEVE, .vni = 0x010203, .vni_mask = 0xffffff,
		    .inner = {.family = 4}}},
	{.what = "GRE of any key", .pattern = {BARE(ETH), BARE(IPV4), BARE(GRE), END},
	 .wanted = {.vlan = SL_MATCH_VLAN_UNTAGGED, .outer = {.family = 4}, .tunnel = SL_TUNNEL_MODE_GRE}},
	{.what = "GRE with a key", .pattern = {BARE(ETH), BARE(IPV4), BARE(GRE), ITEM(GRE_KEY, KEY(0xff000001)), BARE(IPV6),
		MASKED(TCP, TCP(.tcp_flags = 4), TCP(.tcp_flags = 4)), END},
	 .wanted = {.vlan = SL_MATCH_VLAN_UNTAGGED, .outer = {.family = 4}, .tunnel = SL_TUNNEL_MODE_GRE, .vni = 0xff000001,
		    .vni_mask = 0xffffffff,
		    .inner = {.family = 6, .proto_set = true, .proto = 6, .tcp_flags = 4, .tcp_flags_mask = 4}}},
	{.what = "IP in IP", .pattern = {BARE(ETH), ITEM(IPV4, IP4(.src_addr = RTE_BE32(0x0a000001))), BARE(IPV6), BARE(UDP), END},
	 .wanted = {.vlan = SL_MATCH_VLAN_UNTAGGED, .outer = {.family = 4}, .src = {10, 0, 0, 1}, .src_plen = 32, .dst_plen = 32,
		    .tunnel = SL_TUNNEL_MODE_IPIP, .inner = {.family = 6, .proto_set = true, .proto = 17}}},
	{.what = "IP in IP of any kind", .pattern = {TUNNEL(IPIP), BARE(ETH), BARE(IPV4), END},
	 .wanted = {.vlan = SL_MATCH_VLAN_UNTAGGED, .outer = {.family = 4}, .tunnel = SL_TUNNEL_MODE_IPIP}},
	{.what = "GUE", .pattern = {TUNNEL(GUE), ITEM(REPRESENTED_PORT, PORT(3)), BARE(ETH), BARE(IPV4), TO_UDP(6080), BARE(IPV4),
		MASKED(TCP, TCP(.tcp_flags = 2), TCP(.tcp_flags = 18)), END},
	 .wanted = {.port_set = true, .ethdev = 3, .vlan = SL_MATCH_VLAN_UNTAGGED,
		    .outer = {.family = 4, .proto_set = true, .proto = 17}, .dport_lo = 6080, .dport_hi = 6080,
		    .tunnel = SL_TUNNEL_MODE_GUE,
		    .inner = {.family = 4, .proto_set = true, .proto = 6, .tcp_flags = 2, .tcp_flags_mask = 18}}},

	{.what = "Geneve's protocol", .pattern = {BARE(ETH), BARE(IPV4), TO_UDP(6081), MASKED(GENEVE,
		GENEVE_ITEM(.protocol = RTE_BE16(0x6558)), GENEVE_ITEM(.protocol = 0xffff)), END}, .code = ENOTSUP,
	 .type = RTE_FLOW_ERROR_TYPE_ITEM_MASK, .item = 3, .sentence = "does not tell Geneve's protocol types apart"},
	{.what = "an Ethernet frame in Geneve", .pattern = {BARE(ETH), BARE(IPV4), TO_UDP(6081), BARE(GENEVE), BARE(ETH), END},
	 .code = ENOTSUP, .type = RTE_FLOW_ERROR_TYPE_ITEM, .item = 4, .sentence = "leave the inner eth item out"},
	{.what = "Geneve elsewhere", .pattern = {BARE(ETH), BARE(IPV4), TO_UDP(6080), BARE(GENEVE), END}, .code = ENOTSUP,
	 .type = RTE_FLOW_ERROR_TYPE_ITEM, .item = 3, .sentence = "UDP port 6081 only"},
	{.what = "Geneve in nothing", .pattern = {BARE(ETH), BARE(IPV4), BARE(GENEVE), END}, .code = EINVAL,
	 .type = RTE_FLOW_ERROR_TYPE_ITEM, .item = 2, .sentence = "geneve follows udp"},
	{.what = "GRE key 0", .pattern = {BARE(ETH), BARE(IPV4), BARE(GRE), ITEM(GRE_KEY, KEY(0)), END}, .code = ENOTSUP,
	 .type = RTE_FLOW_ERROR_TYPE_ITEM_SPEC, .item = 3, .sentence = "a GRE key of 0 from none"},
	{.what = "GRE key without gre", .pattern = {BARE(ETH), BARE(IPV4), ITEM(GRE_KEY, KEY(1)), END}, .code = EINVAL,
	 .type = RTE_FLOW_ERROR_TYPE_ITEM, .item = 2, .sentence = "gre_key follows gre"},
	{.what = "GRE without a key", .pattern = {BARE(ETH), BARE(IPV4), MASKED(GRE, GRE_ITEM(.c_rsvd0_ver = 0),
		GRE_ITEM(.c_rsvd0_ver = RTE_BE16(0x2000))), END}, .code = ENOTSUP,
	 .type = RTE_FLOW_ERROR_TYPE_ITEM_MASK, .item = 2, .sentence = "leave the flags out"},
	{.what = "GRE's protocol", .pattern = {BARE(ETH), BARE(IPV4), ITEM(GRE, GRE_ITEM(.protocol = RTE_BE16(0x0800))), END},
	 .code = ENOTSUP, .type = RTE_FLOW_ERROR_TYPE_ITEM_MASK, .item = 2, .sentence = "leave the protocol out"},
	{.what = "GRE in TCP", .pattern = {BARE(ETH), MASKED(IPV4, IP4(.next_proto_id = 6), IP4(.next_proto_id = 255)), BARE(GRE), END}, .code = EINVAL,
	 .type = RTE_FLOW_ERROR_TYPE_ITEM, .item = 2, .sentence = "IP protocol contradicts"},
	{.what = "IP behind UDP", .pattern = {BARE(ETH), BARE(IPV4), TO_UDP(6080), BARE(IPV4), END}, .code = ENOTSUP,
	 .type = RTE_FLOW_ERROR_TYPE_ITEM, .item = 3, .sentence = "does not tell its variants"},
	{.what = "GUE elsewhere", .pattern = {TUNNEL(GUE), BARE(ETH), BARE(IPV4), TO_UDP(6081), END}, .code = ENOTSUP,
	 .type = RTE_FLOW_ERROR_TYPE_ITEM, .item = 4, .sentence = "another UDP port"},
	{.what = "GUE in TCP", .pattern = {TUNNEL(GUE), BARE(ETH), BARE(IPV4), BARE(TCP), END}, .code = EINVAL,
	 .type = RTE_FLOW_ERROR_TYPE_ITEM, .item = 4, .sentence = "contradicts the tunnel item"},
	{.what = "two kinds", .pattern = {TUNNEL(GUE), BARE(ETH), BARE(IPV4), BARE(GRE), END}, .code = EINVAL,
	 .type = RTE_FLOW_ERROR_TYPE_ITEM, .item = 3, .sentence = "of another kind"},
	{.what = "a tunnel item inside", .pattern = {BARE(ETH), TUNNEL(GUE), END}, .code = EINVAL,
	 .type = RTE_FLOW_ERROR_TYPE_ITEM, .item = 1, .sentence = "before all other items"},
	{.what = "an outer TTL of IP in IP", .pattern = {BARE(ETH),
		RANGED(IPV4, IP4(.time_to_live = 0), IP4(.time_to_live = 1), IP4(.time_to_live = 255)), BARE(IPV4), END},
	 .code = ENOTSUP, .type = RTE_FLOW_ERROR_TYPE_ITEM, .item = 3, .sentence = "inner packet only"},

	{.what = "source MAC", .pattern = {ITEM(ETH, ETH(.hdr.dst_addr.addr_bytes = "\x02")), END}, .code = ENOTSUP,
	 .type = RTE_FLOW_ERROR_TYPE_ITEM_MASK, .item = 0, .sentence = "a field of this item cannot be matched"},
	{.what = "mask without spec", .pattern = {{.type = RTE_FLOW_ITEM_TYPE_ETH, .mask = ETH(.has_vlan = 1)}, END},
		.code = EINVAL,
	 .type = RTE_FLOW_ERROR_TYPE_ITEM_SPEC, .item = 0, .sentence = "needs a spec"},
	{.what = "any VLAN id", .pattern = {BARE(ETH), BARE(VLAN), END}, .code = ENOTSUP,
		.type = RTE_FLOW_ERROR_TYPE_ITEM_MASK, .item = 1,
	 .sentence = "needs an exact VLAN id"},
	{.what = "VLAN priority", .pattern = {BARE(ETH), MASKED(VLAN, VLAN(.hdr.vlan_tci = RTE_BE16(0xe001)),
		VLAN(.hdr.vlan_tci = RTE_BE16(0xefff))), END},
	 .code = ENOTSUP, .type = RTE_FLOW_ERROR_TYPE_ITEM_MASK, .item = 1,
	 	.sentence = "a field of this item cannot be matched"},
	{.what = "has_vlan 1 alone", .pattern = {MASKED(ETH, ETH(.has_vlan = 1), ETH(.has_vlan = 1)), END},
		.code = ENOTSUP,
	 .type = RTE_FLOW_ERROR_TYPE_ITEM, .item = 1, .sentence = "by a vlan item with an exact VLAN id"},
	{.what = "three tags", .pattern = {BARE(ETH), ITEM(VLAN, VLAN(.hdr.vlan_tci = RTE_BE16(1))),
		ITEM(VLAN, VLAN(.hdr.vlan_tci = RTE_BE16(2))), ITEM(VLAN, VLAN(.hdr.vlan_tci = RTE_BE16(3))), END},
	 .code = ENOTSUP, .type = RTE_FLOW_ERROR_TYPE_ITEM, .item = 3, .sentence = "two VLAN tags"},
	{.what = "mask with a gap", .pattern = {BARE(ETH), MASKED(IPV4, IP4(.src_addr = 1),
		IP4(.src_addr = RTE_BE32(0xff00ff00))), END}, .code = ENOTSUP,
	 .type = RTE_FLOW_ERROR_TYPE_ITEM_MASK, .item = 1, .sentence = "the mask has a gap"},
	{.what = "exact TTL", .pattern = {BARE(ETH), MASKED(IPV4, IP4(.time_to_live = 9), IP4(.time_to_live = 255)),
		END}, .code = ENOTSUP,
	 .type = RTE_FLOW_ERROR_TYPE_ITEM_SPEC, .item = 1, .sentence = "from 0 up to a bound"},
	{.what = "more-fragments bit alone",
	 .pattern = {BARE(ETH), MASKED(IPV4, IP4(.fragment_offset = RTE_BE16(0x2000)),
	 	IP4(.fragment_offset = RTE_BE16(0x2000))), END}, .code = ENOTSUP,
	 .type = RTE_FLOW_ERROR_TYPE_ITEM_SPEC, .item = 1, .sentence = "fragment_offset is matched as a whole"},
	{.what = "address range", .pattern = {BARE(ETH), RANGED(IPV4, IP4(.dst_addr = RTE_BE32(1)),
		IP4(.dst_addr = RTE_BE32(9)), IP4(.dst_addr = 0xffffffff)), END},
	 .code = ENOTSUP, .type = RTE_FLOW_ERROR_TYPE_ITEM_LAST, .item = 1, .sentence = "leave last out"},
	{.what = "falling port range",
	 .pattern = {BARE(ETH), BARE(IPV4), RANGED(TCP, TCP(.dst_port = RTE_BE16(90)), TCP(.dst_port = RTE_BE16(80)),
	 	TCP(.dst_port = 0xffff)), END},
	 .code = ENOTSUP, .type = RTE_FLOW_ERROR_TYPE_ITEM_MASK, .item = 2, .sentence = "rising range"},
	{.what = "TCP without IP", .pattern = {BARE(ETH), BARE(TCP), END}, .code = ENOTSUP,
		.type = RTE_FLOW_ERROR_TYPE_ITEM, .item = 1,
	 .sentence = "follow an ipv4 or ipv6 item"},
	{.what = "ethertype against IP version",
	 .pattern = {MASKED(ETH, ETH(.hdr.ether_type = RTE_BE16(0x86dd)), ETH(.hdr.ether_type = 0xffff)), BARE(IPV4),
	 	END}, .code = EINVAL,
	 .type = RTE_FLOW_ERROR_TYPE_ITEM, .item = 1, .sentence = "contradicts the IP version"},
	{.what = "protocol against TCP", .pattern = {BARE(ETH), MASKED(IPV4, IP4(.next_proto_id = 17),
		IP4(.next_proto_id = 255)), BARE(TCP), END},
	 .code = EINVAL, .type = RTE_FLOW_ERROR_TYPE_ITEM, .item = 2, .sentence = "contradicts this item"},
	{.what = "VXLAN over TCP", .pattern = {BARE(ETH), BARE(IPV4), BARE(TCP), BARE(VXLAN), END}, .code = EINVAL,
	 .type = RTE_FLOW_ERROR_TYPE_ITEM, .item = 3, .sentence = "vxlan follows udp"},
	{.what = "VXLAN at another port",
	 .pattern = {BARE(ETH), BARE(IPV4), MASKED(UDP, UDP(.dst_port = RTE_BE16(8472)), UDP(.dst_port = 0xffff)),
	 	BARE(VXLAN), END}, .code = ENOTSUP,
	 .type = RTE_FLOW_ERROR_TYPE_ITEM, .item = 3, .sentence = "UDP port 4789 only"},
	{.what = "outer TTL of a tunnel",
	 .pattern = {BARE(ETH), RANGED(IPV4, IP4(.time_to_live = 0), IP4(.time_to_live = 1), IP4(.time_to_live = 255)),
	 	BARE(UDP), BARE(VXLAN), END},
	 .code = ENOTSUP, .type = RTE_FLOW_ERROR_TYPE_ITEM, .item = 4, .sentence = "in its inner packet only"},
	{.what = "inner address", .pattern = {BARE(ETH), BARE(IPV4), BARE(UDP), BARE(VXLAN), BARE(ETH), ITEM(IPV4,
		IP4(.dst_addr = 1)), END},
	 .code = ENOTSUP, .type = RTE_FLOW_ERROR_TYPE_ITEM_MASK, .item = 5, .sentence = "are matched in group 1"},
	{.what = "inner port",
	 .pattern = {BARE(ETH), BARE(IPV4), BARE(UDP), BARE(VXLAN), BARE(ETH), BARE(IPV4), ITEM(TCP,
	 	TCP(.dst_port = 1)), END}, .code = ENOTSUP,
	 .type = RTE_FLOW_ERROR_TYPE_ITEM_MASK, .item = 6, .sentence = "are matched in group 1"},
	{.what = "meta", .pattern = {ITEM(META, META(1)), END}, .code = ENOTSUP, .type = RTE_FLOW_ERROR_TYPE_ITEM,
		.item = 0,
	 .sentence = "group 0 matches represented_port"},
};

static void check_refusal(const char *what, int rc, const struct rte_flow_error *error, int code,
	enum rte_flow_error_type type,
			  const void *cause, const char *sentence)
{
	if (rc != -code || error->type != type || (cause && error->cause != cause) || !error->message ||
		!strstr(error->message, sentence))
		fail_msg("%s: rc %d, type %d, message \"%s\"; wanted -%d, %d, \"%s\"%s", what, rc, error->type,
			 error->message ? error->message : "", code, type, sentence, cause && error->cause != cause
			 	? " (another cause)" : "");
}

static void test_match(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(match_rows) / sizeof(match_rows[0]); i++) {
		const struct match_row *row = &match_rows[i];
		struct sl_match got, wanted = row->wanted;
		struct rte_flow_error error = {0};
		int rc = sl_match_parse(row->pattern, &got, &error);

		if (row->code) {
			check_refusal(row->what, rc, &error, row->code, row->type, &row->pattern[row->item],
				row->sentence);
			continue;
		}
		fill(&wanted);
		if (rc)
			fail_msg("%s: refused: %s", row->what, error.message);
		if (memcmp(&got, &wanted, sizeof(got)))
			fail_msg("%s: another meaning", row->what);
	}
}

/* --- tuples --------------------------------------------------------------------------------------------------------
 * */

static const struct {
	const char *what;
	struct rte_flow_item pattern[6];
	struct sl_tuple wanted;
	int code;
	enum rte_flow_error_type type;
	int item;
	const char *sentence;
} tuple_rows[] = {
	{.what = "catch-all", .pattern = {END}, .wanted = {.catch_all = true}},
	{.what = "catch-all with eth", .pattern = {BARE(ETH), END}, .wanted = {.catch_all = true}},
	{.what = "catch-all of a tag", .pattern = {ITEM(TAG, TAG_ITEM(7, 0)), BARE(ETH), END},
		.wanted = {.catch_all = true, .tag = 7}},
	{.what = "tag 0", .pattern = {ITEM(TAG, TAG_ITEM(0, 0)), END}, .code = ENOTSUP,
		.type = RTE_FLOW_ERROR_TYPE_ITEM_MASK, .sentence = "there is one tag"},
	{.what = "another tag", .pattern = {ITEM(TAG, TAG_ITEM(7, 1)), END}, .code = ENOTSUP,
		.type = RTE_FLOW_ERROR_TYPE_ITEM_MASK, .sentence = "there is one tag"},
	{.what = "half a tag", .pattern = {MASKED(TAG, TAG_ITEM(7, 0), TAG_ITEM(15, 255)), END}, .code = ENOTSUP,
		.type = RTE_FLOW_ERROR_TYPE_ITEM_MASK, .sentence = "there is one tag"},
	{.what = "tag of a connection", .pattern = {ITEM(META, META(1)), ITEM(TAG, TAG_ITEM(7, 0)), END}, .code = ENOTSUP,
		.type = RTE_FLOW_ERROR_TYPE_ITEM, .item = 2, .sentence = "only a catch-all"},
	{.what = "IPv4 TCP",
	 .pattern = {ITEM(META, META(5)), BARE(ETH), ITEM(IPV4, IP4(.src_addr = RTE_BE32(0x01020304),
	 	.dst_addr = RTE_BE32(0x05060708))),
		     ITEM(TCP, TCP(.src_port = RTE_BE16(1000), .dst_port = RTE_BE16(80))), END},
	 .wanted = {.tenant = 5, .family = 4, .proto = 6, .src = {1, 2, 3, 4}, .dst = {5, 6, 7, 8},
	 	.sport = RTE_BE16(1000), .dport = RTE_BE16(80)}},
	{.what = "IPv6 UDP without eth",
	 .pattern = {ITEM(META, META(0)), ITEM(IPV6, IP6(.src_addr = "\x20\x01", .dst_addr = "\xfd")), ITEM(UDP,
	 	UDP(.src_port = 1, .dst_port = 2)), END},
	 .wanted = {.family = 6, .proto = 17, .src = {0x20, 1}, .dst = {0xfd}, .sport = 1, .dport = 2}},
	{.what = "no tenant", .pattern = {BARE(ETH), ITEM(IPV4, IP4(.src_addr = 1)), ITEM(TCP, TCP(.src_port = 1)),
		END}, .code = ENOTSUP,
	 .type = RTE_FLOW_ERROR_TYPE_ITEM, .item = 3, .sentence = "without meta the rule would mean any"},
	{.what = "large tenant", .pattern = {ITEM(META, META(65536)), END}, .code = ENOTSUP,
		.type = RTE_FLOW_ERROR_TYPE_ITEM_SPEC, .item = 0,
	 .sentence = "0 to 65535"},
	{.what = "masked tenant", .pattern = {MASKED(META, META(1), META(0xffff)), END}, .code = ENOTSUP,
		.type = RTE_FLOW_ERROR_TYPE_ITEM_MASK, .item = 0,
	 .sentence = "matched whole"},
	{.what = "address prefix", .pattern = {ITEM(META, META(1)), MASKED(IPV4, IP4(.src_addr = 1),
		IP4(.src_addr = 0xffffffff, .dst_addr = 0xffffff)), END},
	 .code = ENOTSUP, .type = RTE_FLOW_ERROR_TYPE_ITEM_MASK, .item = 1, .sentence = "both addresses, whole"},
	{.what = "one port", .pattern = {ITEM(META, META(1)), ITEM(IPV4, IP4(.src_addr = 1)), MASKED(TCP,
		TCP(.dst_port = 1), TCP(.dst_port = 0xffff)), END},
	 .code = ENOTSUP, .type = RTE_FLOW_ERROR_TYPE_ITEM_MASK, .item = 2, .sentence = "both ports, whole"},
	{.what = "no ports", .pattern = {ITEM(META, META(1)), ITEM(IPV4, IP4(.src_addr = 1)), END}, .code = ENOTSUP,
	 .type = RTE_FLOW_ERROR_TYPE_ITEM, .item = 2, .sentence = "exact tuples"},
	{.what = "destination MAC", .pattern = {ITEM(ETH, ETH(.has_vlan = 0)), END}, .code = ENOTSUP,
		.type = RTE_FLOW_ERROR_TYPE_ITEM_MASK, .item = 0,
	 .sentence = "cannot be matched"},
	{.what = "VLAN", .pattern = {ITEM(META, META(1)), BARE(VLAN), END}, .code = ENOTSUP,
		.type = RTE_FLOW_ERROR_TYPE_ITEM, .item = 1,
	 .sentence = "group 1 matches meta, eth"},
};

static void test_tuple(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(tuple_rows) / sizeof(tuple_rows[0]); i++) {
		struct rte_flow_error error = {0};
		struct sl_tuple got;
		int rc = sl_tuple_parse(tuple_rows[i].pattern, &got, &error);

		if (tuple_rows[i].code) {
			check_refusal(tuple_rows[i].what, rc, &error, tuple_rows[i].code, tuple_rows[i].type,
				      &tuple_rows[i].pattern[tuple_rows[i].item], tuple_rows[i].sentence);
			continue;
		}
		if (rc)
			fail_msg("%s: refused: %s", tuple_rows[i].what, error.message);
		if (memcmp(&got, &tuple_rows[i].wanted, sizeof(got)))
			fail_msg("%s: another meaning", tuple_rows[i].what);
	}
}

/* --- fates ---------------------------------------------------------------------------------------------------------
 * */

#define DECAP(kind) {.type = (enum rte_flow_action_type)SL_ACTION_TYPE_DECAP, .conf = &(const uint8_t){SL_TUNNEL_MODE_##kind}}
#define TO(n) &(const struct rte_flow_action_ethdev){.port_id = n}
#define MARK(n) &(const struct rte_flow_action_mark){.id = n}
#define JUMP(n) &(const struct rte_flow_action_jump){.group = n}
#define TENANT(d, m) &(const struct rte_flow_action_set_meta){.data = d, .mask = m}
#define TAG(d, m) &(const struct rte_flow_action_set_tag){.data = d, .mask = m}
#define SAMPLE(r, ...) &(const struct rte_flow_action_sample){.ratio = r, .actions = (const struct rte_flow_action[]){__VA_ARGS__, ACTION_END}}

static const struct {
	const char *what;
	struct rte_flow_action actions[8];
	struct sl_fate wanted;
	int code;
	enum rte_flow_error_type type;
	const char *sentence;
} fate_rows[] = {
	{.what = "drop and count", .actions = {ACTION(COUNT, NULL), ACTION(DROP, NULL), ACTION_END},
		.wanted = {.kind = SL_FATE_DROP, .count = true}},
	{.what = "host", .actions = {ACTION(MARK, MARK(7)), ACTION(METER,
		&((const struct rte_flow_action_meter){.mtr_id = 3})),
				      ACTION(PORT_REPRESENTOR, TO(2)), ACTION_END},
	 .wanted = {.kind = SL_FATE_HOST, .mark_set = true, .mark = 7, .meter_set = true, .meter = 3, .ethdev = 2}},
	{.what = "flows", .actions = {ACTION(VXLAN_DECAP, NULL), ACTION(SET_META, TENANT(5, 0xffffffff)),
				       ACTION(SAMPLE, SAMPLE(1, ACTION(MARK, MARK(9)), ACTION(PORT_REPRESENTOR,
				       	TO(1)))), ACTION(JUMP, JUMP(1)), ACTION_END},
	 .wanted = {.kind = SL_FATE_FLOWS, .decap = SL_TUNNEL_MODE_VNI, .tenant = 5, .copy = true, .copy_mark = 9, .copy_ethdev = 1}},
	{.what = "decap of this driver", .actions = {DECAP(GUE), ACTION(JUMP, JUMP(1)), ACTION_END},
	 .wanted = {.kind = SL_FATE_FLOWS, .decap = SL_TUNNEL_MODE_GUE}},
	{.what = "two decaps", .actions = {DECAP(GUE), ACTION(VXLAN_DECAP, NULL), ACTION(JUMP, JUMP(1)), ACTION_END},
	 .code = EINVAL, .type = RTE_FLOW_ERROR_TYPE_ACTION, .sentence = "one tunnel is opened"},
	{.what = "a decap that ends at the host", .actions = {DECAP(IPIP), ACTION(PORT_REPRESENTOR, TO(1)), ACTION_END},
	 .code = ENOTSUP, .type = RTE_FLOW_ERROR_TYPE_ACTION, .sentence = "need a jump"},
	{.what = "tagged flows, metered copies", .actions = {ACTION(SET_TAG, TAG(7, UINT32_MAX)),
		ACTION(SAMPLE, SAMPLE(1, ACTION(METER, &((const struct rte_flow_action_meter){.mtr_id = 3})),
			ACTION(PORT_REPRESENTOR, TO(1)))), ACTION(JUMP, JUMP(1)), ACTION_END},
	 .wanted = {.kind = SL_FATE_FLOWS, .tag = 7, .copy = true, .copy_meter_set = true, .copy_meter = 3, .copy_ethdev = 1}},
	{.what = "half a tag", .actions = {ACTION(SET_TAG, TAG(7, 15)), ACTION(JUMP, JUMP(1)), ACTION_END}, .code = ENOTSUP,
	 .type = RTE_FLOW_ERROR_TYPE_ACTION_CONF, .sentence = "there is one tag"},
	{.what = "tag of frames for the host", .actions = {ACTION(SET_TAG, TAG(7, UINT32_MAX)), ACTION(PORT_REPRESENTOR, TO(1)),
		ACTION_END}, .code = ENOTSUP,
	 .type = RTE_FLOW_ERROR_TYPE_ACTION, .sentence = "need a jump"},
	{.what = "nothing", .actions = {ACTION(COUNT, NULL), ACTION_END}, .code = EINVAL,
		.type = RTE_FLOW_ERROR_TYPE_ACTION_NUM, .sentence = "no fate"},
	{.what = "two fates", .actions = {ACTION(DROP, NULL), ACTION(JUMP, JUMP(1)), ACTION_END}, .code = EINVAL,
		.type = RTE_FLOW_ERROR_TYPE_ACTION,
	 .sentence = "one fate"},
	{.what = "jump elsewhere", .actions = {ACTION(JUMP, JUMP(2)), ACTION_END}, .code = ENOTSUP,
		.type = RTE_FLOW_ERROR_TYPE_ACTION_CONF,
	 .sentence = "the only one to jump to"},
	{.what = "sampling", .actions = {ACTION(SAMPLE, SAMPLE(2, ACTION(PORT_REPRESENTOR, TO(1)))), ACTION(JUMP,
		JUMP(1)), ACTION_END}, .code = ENOTSUP,
	 .type = RTE_FLOW_ERROR_TYPE_ACTION_CONF, .sentence = "ratio must be 1"},
	{.what = "copy to nowhere", .actions = {ACTION(SAMPLE, SAMPLE(1, ACTION(MARK, MARK(1)))), ACTION(JUMP, JUMP(1)),
		ACTION_END}, .code = ENOTSUP,
	 .type = RTE_FLOW_ERROR_TYPE_ACTION, .sentence = "goes to a port_representor"},
	{.what = "half a tenant", .actions = {ACTION(SET_META, TENANT(5, 0xff)), ACTION(JUMP, JUMP(1)), ACTION_END},
		.code = ENOTSUP,
	 .type = RTE_FLOW_ERROR_TYPE_ACTION_CONF, .sentence = "set as a whole"},
	{.what = "tenant of dropped frames", .actions = {ACTION(SET_META, TENANT(5, 0xffff)), ACTION(DROP, NULL),
		ACTION_END}, .code = ENOTSUP,
	 .type = RTE_FLOW_ERROR_TYPE_ACTION, .sentence = "need a jump"},
	{.what = "marked jump", .actions = {ACTION(MARK, MARK(1)), ACTION(JUMP, JUMP(1)), ACTION_END}, .code = ENOTSUP,
	 .type = RTE_FLOW_ERROR_TYPE_ACTION, .sentence = "carry a mark"},
	{.what = "metered jump", .actions = {ACTION(METER, &((const struct rte_flow_action_meter){.mtr_id = 1})),
		ACTION(JUMP, JUMP(1)), ACTION_END},
	 .code = ENOTSUP, .type = RTE_FLOW_ERROR_TYPE_ACTION, .sentence = "a meter limits what reaches the host"},
	{.what = "no configuration", .actions = {ACTION(JUMP, NULL), ACTION_END}, .code = EINVAL,
		.type = RTE_FLOW_ERROR_TYPE_ACTION,
	 .sentence = "needs a configuration"},
	{.what = "queue", .actions = {ACTION(QUEUE, NULL), ACTION_END}, .code = ENOTSUP,
		.type = RTE_FLOW_ERROR_TYPE_ACTION,
	 .sentence = "a rule that classifies can drop"},
};

static void test_fate(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(fate_rows) / sizeof(fate_rows[0]); i++) {
		struct rte_flow_error error = {0};
		struct sl_fate got;
		int rc = sl_fate_parse(fate_rows[i].actions, &got, &error);

		if (fate_rows[i].code) {
			check_refusal(fate_rows[i].what, rc, &error, fate_rows[i].code, fate_rows[i].type, NULL,
				fate_rows[i].sentence);
			continue;
		}
		if (rc)
			fail_msg("%s: refused: %s", fate_rows[i].what, error.message);
		got.decided_by = NULL;
		if (memcmp(&got, &fate_rows[i].wanted, sizeof(got)))
			fail_msg("%s: another meaning", fate_rows[i].what);
	}
}

/* --- header templates ----------------------------------------------------------------------------------------------
 * */

#define MACS "\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\x02"
#define V4(len, id, ttl, proto, csum) "\x45\x00" len id "\x00\x00" ttl proto csum "\xc0\x00\x02\x01\xc0\x00\x02\x09"
#define V6(len, proto) "\x60\x00\x00\x00" len proto "\x40" "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01" "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02"
#define UDP_VXLAN(sport, dport, len, csum) sport dport len csum "\x08\x00\x00\x00\x00\x00\x4d\x00"
#define UDP_TO(port) "\x00\x00" port "\x00\x00\x00\x00"
#define GENEVE(start, type) start type "\x00\x00\x4d\x00"
#define V4_MACS(proto, csum) MACS "\x08\x00" V4("\x00\x00", "\x00\x00", "\x40", proto, csum)
#define BYTES(s) (const uint8_t *)(s), sizeof(s) - 1

static const struct {
	const char *what;
	const uint8_t *data;
	size_t size;
	uint8_t family;          /* of the packets */
	const uint8_t *wanted;   /* the completed template, as long as data */
	size_t wanted_size;
	uint8_t flags, l3_off, l4_off; /* of the action entry, less VALID and STRIP_L2 */
	bool other_family;       /* the template is for the other IP version */
	const char *sentence;    /* refused */
} encap_rows[] = {
	{"next hop", BYTES(MACS "\x08\x00"), 4, BYTES(MACS "\x08\x00"), 0, 0, 0, false, NULL},
	{"next hop, ethertype completed", BYTES(MACS "\x00\x00"), 6, BYTES(MACS "\x86\xdd"), 0, 0, 0, false, NULL},
	{"next hop for the other version", BYTES(MACS "\x08\x00"), 6, NULL, 0, 0, 0, 0, true, NULL},
	{"tagged next hop", BYTES(MACS "\x81\x00\x00\x2a\x00\x00"), 4, BYTES(MACS "\x81\x00\x00\x2a\x08\x00"), 0, 0, 0,
		false, NULL},
	/* Checksums: 0x4500 + id + ttl/proto + 0xc000 + 0x0201 + 0xc000 + 0x0209, complemented. */
	{"4in4", BYTES(MACS "\x08\x00" V4("\x12\x34", "\x00\x00", "\x40", "\x00", "\xff\xff")), 4,
	 BYTES(MACS "\x08\x00" V4("\x00\x00", "\x00\x00", "\x40", "\x04", "\xf6\xef")), SL_ACTION_FLAG_OUTER_V4, 14, 0,
	 	false, NULL},
	{"6in4", BYTES(MACS "\x08\x00" V4("\x00\x00", "\x00\x00", "\x40", "\x29", "\x00\x00")), 6,
	 BYTES(MACS "\x08\x00" V4("\x00\x00", "\x00\x00", "\x40", "\x29", "\xf6\xca")), SL_ACTION_FLAG_OUTER_V4, 14, 0,
	 	false, NULL},
	{"6in4 for IPv4", BYTES(MACS "\x08\x00" V4("\x00\x00", "\x00\x00", "\x40", "\x29", "\x00\x00")), 4, NULL, 0, 0,
		0, 0, true, NULL},
	{"4in6", BYTES(MACS "\x86\xdd" V6("\x11\x11", "\x00")), 4, BYTES(MACS "\x86\xdd" V6("\x00\x00", "\x04")),
		SL_ACTION_FLAG_OUTER_V6, 14, 0, false,
	 NULL},
	{"tagged 6in6", BYTES(MACS "\x81\x00\x00\x2a\x86\xdd" V6("\x00\x00", "\x00")), 6,
		BYTES(MACS "\x81\x00\x00\x2a\x86\xdd" V6("\x00\x00", "\x29")),
	 SL_ACTION_FLAG_OUTER_V6, 18, 0, false, NULL},
	{"VXLAN over IPv4",
	 BYTES(MACS "\x08\x00" V4("\x00\x00", "\x00\x00", "\x40", "\x11", "\x00\x00") UDP_VXLAN("\x12\x34", "\x00\x00",
	 	"\x99\x99", "\x00\x00") MACS "\x00\x00"), 4,
	 BYTES(MACS "\x08\x00" V4("\x00\x00", "\x00\x00", "\x40", "\x11", "\xf6\xe2") UDP_VXLAN("\x00\x00", "\x12\xb5",
	 	"\x00\x00", "\x00\x00") MACS "\x08\x00"),
	 SL_ACTION_FLAG_OUTER_V4 | SL_ACTION_FLAG_OUTER_UDP, 14, 34, false, NULL},
	{"VXLAN over IPv6",
	 BYTES(MACS "\x86\xdd" V6("\x00\x00", "\x11") UDP_VXLAN("\x00\x00", "\x12\xb5", "\x00\x00",
	 	"\x00\x00") MACS "\x86\xdd"), 6,
	 BYTES(MACS "\x86\xdd" V6("\x00\x00", "\x11") UDP_VXLAN("\x00\x00", "\x12\xb5", "\x00\x00",
	 	"\x00\x00") MACS "\x86\xdd"),
	 SL_ACTION_FLAG_OUTER_V6 | SL_ACTION_FLAG_OUTER_UDP, 14, 54, false, NULL},
	{"cut Ethernet", BYTES(MACS), 4, NULL, 0, 0, 0, 0, false, "ends inside an Ethernet header"},
	{"two tags", BYTES(MACS "\x88\xa8\x00\x2a\x81\x00\x00\x2b\x00\x00"), 6,
	 BYTES(MACS "\x88\xa8\x00\x2a\x81\x00\x00\x2b\x86\xdd"), 0, 0, 0, false, NULL},
	{"two customer tags and GRE", BYTES(MACS "\x81\x00\x00\x2a\x81\x00\x00\x2b\x08\x00" V4("\x00\x00", "\x00\x00", "\x40",
		"\x2f", "\x00\x00") "\x00\x00\x08\x00"), 4,
	 BYTES(MACS "\x81\x00\x00\x2a\x81\x00\x00\x2b\x08\x00" V4("\x00\x00", "\x00\x00", "\x40", "\x2f", "\xf6\xc4")
		"\x00\x00\x08\x00"), SL_ACTION_FLAG_OUTER_V4, 22, 0, false, NULL},
	{"service tag alone", BYTES(MACS "\x88\xa8\x00\x2a\x08\x00"), 4, NULL, 0, 0, 0, 0, false, "in front of another tag"},
	{"three tags", BYTES(MACS "\x81\x00\x00\x2a\x81\x00\x00\x2b\x81\x00\x00\x2c\x08\x00"), 4, NULL, 0, 0, 0, 0, false,
	 "must be IPv4, IPv6"},
	{"cut tag", BYTES(MACS "\x81\x00\x00\x2a"), 4, NULL, 0, 0, 0, 0, false, "ends inside a VLAN tag"},
	{"ARP", BYTES(MACS "\x08\x06"), 4, NULL, 0, 0, 0, 0, false, "must be IPv4, IPv6"},
	{"no ethertype", BYTES(MACS "\x00\x00" V4("\x00\x00", "\x00\x00", "\x40", "\x04", "\x00\x00")), 4, NULL, 0, 0,
		0, 0, false, "is missing"},
	{"cut IPv4", BYTES(MACS "\x08\x00" "\x45\x00"), 4, NULL, 0, 0, 0, 0, false, "whole and without options"},
	{"no TTL", BYTES(MACS "\x08\x00" V4("\x00\x00", "\x00\x00", "\x00", "\x04", "\x00\x00")), 4, NULL, 0, 0, 0, 0,
		false, "needs a TTL"},
	/* 0xf6ef is the checksum with protocol 4: less 43 for GRE, 13 for UDP. */
	{"GRE", BYTES(V4_MACS("\x2f", "\x00\x00") "\x00\x00\x00\x00"), 6,
	 BYTES(V4_MACS("\x2f", "\xf6\xc4") "\x00\x00\x86\xdd"), SL_ACTION_FLAG_OUTER_V4, 14, 0, false, NULL},
	{"GRE over IPv6", BYTES(MACS "\x86\xdd" V6("\x00\x00", "\x2f") "\x00\x00\x08\x00"), 4,
	 BYTES(MACS "\x86\xdd" V6("\x00\x00", "\x2f") "\x00\x00\x08\x00"), SL_ACTION_FLAG_OUTER_V6, 14, 0, false, NULL},
	{"GRE for IPv4 alone", BYTES(V4_MACS("\x2f", "\x00\x00") "\x00\x00\x08\x00"), 6, NULL, 0, 0, 0, 0, true, NULL},
	{"cut GRE", BYTES(V4_MACS("\x2f", "\x00\x00")), 4, NULL, 0, 0, 0, 0, false, "ends inside the GRE header"},
	{"GRE with a key", BYTES(V4_MACS("\x2f", "\x00\x00") "\x20\x00\x08\x00"), 4, NULL, 0, 0, 0, 0, false,
	 "without checksum, key"},
	{"GRE with Ethernet", BYTES(V4_MACS("\x2f", "\x00\x00") "\x00\x00\x65\x58"), 4, NULL, 0, 0, 0, 0, false,
	 "must carry IPv4, IPv6"},
	{"GRE and more", BYTES(V4_MACS("\x2f", "\x00\x00") "\x00\x00\x08\x00" "more"), 4, NULL, 0, 0, 0, 0, false,
	 "bytes follow"},
	{"GUE", BYTES(V4_MACS("\x11", "\x00\x00") UDP_TO("\x17\xc0") "\x00\x00\x00\x00"), 6,
	 BYTES(V4_MACS("\x11", "\xf6\xe2") UDP_TO("\x17\xc0") "\x00\x29\x00\x00"),
	 SL_ACTION_FLAG_OUTER_V4 | SL_ACTION_FLAG_OUTER_UDP, 14, 34, false, NULL},
	{"GUE on a port of one's own", BYTES(MACS "\x86\xdd" V6("\x00\x00", "\x11") UDP_TO("\x26\x9e") "\x00\x04\x00\x00"),
	 4, BYTES(MACS "\x86\xdd" V6("\x00\x00", "\x11") UDP_TO("\x26\x9e") "\x00\x04\x00\x00"),
	 SL_ACTION_FLAG_OUTER_V6 | SL_ACTION_FLAG_OUTER_UDP, 14, 54, false, NULL},
	{"GUE for IPv4 alone", BYTES(V4_MACS("\x11", "\x00\x00") UDP_TO("\x17\xc0") "\x00\x04\x00\x00"), 6, NULL, 0, 0, 0,
	 0, true, NULL},
	{"GUE variant 1", BYTES(V4_MACS("\x11", "\x00\x00") UDP_TO("\x17\xc0")), 6,
	 BYTES(V4_MACS("\x11", "\xf6\xe2") UDP_TO("\x17\xc0")), SL_ACTION_FLAG_OUTER_V4 | SL_ACTION_FLAG_OUTER_UDP, 14, 34,
	 false, NULL},
	{"GUE without a port", BYTES(V4_MACS("\x11", "\x00\x00") UDP_TO("\x00\x00")), 4, NULL, 0, 0, 0, 0, false,
	 "needs its UDP destination port"},
	{"GUE control", BYTES(V4_MACS("\x11", "\x00\x00") UDP_TO("\x17\xc0") "\x20\x04\x00\x00"), 4, NULL, 0, 0, 0, 0, false,
	 "variant 0, for data"},
	{"GUE with TCP", BYTES(V4_MACS("\x11", "\x00\x00") UDP_TO("\x17\xc0") "\x00\x06\x00\x00"), 4, NULL, 0, 0, 0, 0, false,
	 "must carry IP"},
	{"Geneve", BYTES(V4_MACS("\x11", "\x00\x00") UDP_TO("\x17\xc1") GENEVE("\x00\x00", "\x65\x58") MACS "\x00\x00"), 4,
	 BYTES(V4_MACS("\x11", "\xf6\xe2") UDP_TO("\x17\xc1") GENEVE("\x00\x00", "\x65\x58") MACS "\x08\x00"),
	 SL_ACTION_FLAG_OUTER_V4 | SL_ACTION_FLAG_OUTER_UDP, 14, 34, false, NULL},
	{"Geneve with options",
	 BYTES(V4_MACS("\x11", "\x00\x00") UDP_TO("\x17\xc1") GENEVE("\x01\x00", "\x65\x58") "opts" MACS "\x00\x00"), 4, NULL,
	 0, 0, 0, 0, false, "without options"},
	{"Geneve with IP", BYTES(V4_MACS("\x11", "\x00\x00") UDP_TO("\x17\xc1") GENEVE("\x00\x00", "\x08\x00") MACS "\x00\x00"),
	 4, NULL, 0, 0, 0, 0, false, "must carry Ethernet"},
	{"cut Geneve", BYTES(V4_MACS("\x11", "\x00\x00") UDP_TO("\x17\xc1") GENEVE("\x00\x00", "\x65\x58")), 4, NULL, 0, 0, 0,
	 0, false, "ends inside the Geneve headers"},
	{"ICMP", BYTES(V4_MACS("\x01", "\x00\x00")), 4, NULL, 0, 0, 0, 0, false, "must carry IP"},
	{"cut UDP", BYTES(V4_MACS("\x11", "\x00\x00") "\x00\x00"), 4, NULL, 0, 0, 0, 0, false, "ends inside the UDP header"},
	{"UDP checksum",
	 BYTES(MACS "\x08\x00" V4("\x00\x00", "\x00\x00", "\x40", "\x11", "\x00\x00") UDP_VXLAN("\x00\x00", "\x12\xb5",
	 	"\x00\x00", "\x00\x01") MACS "\x08\x00"), 4,
	 NULL, 0, 0, 0, 0, false, "UDP checksum must be 0"},
	{"cut VXLAN", BYTES(MACS "\x08\x00" V4("\x00\x00", "\x00\x00", "\x40", "\x11", "\x00\x00") UDP_TO("\x12\xb5") "\x08"),
		4, NULL, 0, 0, 0, 0, false,
	 "inside the VXLAN headers"},
	{"rest", BYTES(MACS "\x08\x00" V4("\x00\x00", "\x00\x00", "\x40", "\x04", "\x00\x00") "x"), 4, NULL, 0, 0, 0, 0,
		false, "bytes follow"},
};

static void test_encap(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(encap_rows) / sizeof(encap_rows[0]); i++) {
		const char *what = encap_rows[i].what;
		struct rte_flow_error error = {0};
		struct sl_encap encap;
		struct sl_action action;
		int rc = sl_encap_parse(encap_rows[i].data, encap_rows[i].size, &encap, NULL, &error);

		if (encap_rows[i].sentence) {
			check_refusal(what, rc, &error, ENOTSUP, RTE_FLOW_ERROR_TYPE_ACTION_CONF, NULL,
				encap_rows[i].sentence);
			continue;
		}
		if (rc)
			fail_msg("%s: refused: %s", what, error.message);
		if (sl_encap_complete(&encap, encap_rows[i].family) == encap_rows[i].other_family)
			fail_msg("%s: taken for the wrong IP version", what);
		if (encap_rows[i].other_family)
			continue;
		sl_compile_action(&encap, 1, 1400, &action);
		if (action.hdr_len != encap_rows[i].wanted_size || memcmp(action.hdr, encap_rows[i].wanted,
			action.hdr_len))
			fail_msg("%s: another header", what);
		if (action.flags != (SL_ACTION_FLAG_VALID | SL_ACTION_FLAG_STRIP_L2 | encap_rows[i].flags) ||
			action.l3_off != encap_rows[i].l3_off ||
		    action.l4_off != encap_rows[i].l4_off || action.port != 1 || action.mtu != 1400)
			fail_msg("%s: another action entry", what);
	}
}

/* --- rewrites ------------------------------------------------------------------------------------------------------
 * */

#define SET_MAC(m) &(const struct rte_flow_action_set_mac){.mac_addr = m}
#define RAW(kind, s) &(const struct rte_flow_action_raw_##kind){.data = (uint8_t *)(uintptr_t)(s), .size = sizeof(s) - 1}
#define OUT ACTION(REPRESENTED_PORT, TO(4))
#define ADDRESS &(const struct rte_flow_action_set_ipv4){.ipv4_addr = RTE_BE32(0x0a000001)}
#define TP(n) &(const struct rte_flow_action_set_tp){.port = RTE_BE16(n)}

static const struct rte_flow_item vxlan_definition[] = {
	ITEM(ETH, ETH(.hdr.dst_addr.addr_bytes = "\x02\x00\x00\x00\x00\x01",
		.hdr.src_addr.addr_bytes = "\x02\x00\x00\x00\x00\x02")),
	ITEM(IPV4, IP4(.version_ihl = 0x45, .src_addr = RTE_BE32(0xc0000201), .dst_addr = RTE_BE32(0xc0000209))),
	ITEM(UDP, UDP(.dst_port = RTE_BE16(4789))),
	ITEM(VXLAN, VXLAN(0x4d)),
	END,
};

/* IP in IP over IPv4, and copies of a field of an IPv4 packet into its outer header. */
#define TUNNEL_V4 \
	ACTION(RAW_DECAP, RAW(decap, MACS "\x08\x00")), \
	ACTION(RAW_ENCAP, RAW(encap, MACS "\x08\x00" V4("\x00\x00", "\x00\x00", "\x40", "\x04", "\x00\x00")))
#define COPY(name, bits, to, from) \
	ACTION(MODIFY_FIELD, (&(const struct rte_flow_action_modify_field){ \
		.operation = RTE_FLOW_MODIFY_SET, .width = bits, \
		.dst = {.field = RTE_FLOW_FIELD_IPV4_##name, .level = to}, \
		.src = {.field = RTE_FLOW_FIELD_IPV4_##name, .level = from}}))

static const struct {
	const char *what;
	struct rte_flow_action actions[8];
	enum sl_rewrite_l2 l2;
	const uint8_t *header;    /* the completed template */
	size_t header_len;
	int code;
	enum rte_flow_error_type type;
	const char *sentence;
	bool copy_ecn, copy_dscp;
	bool way;                 /* leaves by an indirect action, not by ethdev 4 */
} rewrite_rows[] = {
	{.what = "as it is", .actions = {OUT, ACTION_END}, .l2 = SL_REWRITE_L2_KEEP},
	{.what = "MACs", .actions = {ACTION(SET_MAC_SRC, SET_MAC("\x02\0\0\0\0\x02")), ACTION(SET_MAC_DST,
		SET_MAC("\x02\0\0\0\0\x01")), OUT, ACTION_END},
	 .l2 = SL_REWRITE_L2_MACS, BYTES(MACS "\x08\x00")},
	{.what = "raw header", .actions = {ACTION(RAW_DECAP, RAW(decap, MACS "\x08\x00")), ACTION(RAW_ENCAP, RAW(encap,
		MACS "\x00\x00")), OUT, ACTION_END},
	 .l2 = SL_REWRITE_L2_ENCAP, BYTES(MACS "\x08\x00")},
	{.what = "indirect", .actions = {ACTION(RAW_DECAP, RAW(decap, MACS "\x08\x00")), ACTION(INDIRECT, "handle"),
		OUT, ACTION_END},
	 .l2 = SL_REWRITE_L2_INDIRECT},
	{.what = "indirect, and the port too", .actions = {ACTION(RAW_DECAP, RAW(decap, MACS "\x08\x00")),
		ACTION(INDIRECT, "handle"), ACTION(INDIRECT, "way"), ACTION_END},
	 .l2 = SL_REWRITE_L2_INDIRECT, .way = true},
	{.what = "two ports", .actions = {ACTION(RAW_DECAP, RAW(decap, MACS "\x08\x00")), ACTION(INDIRECT, "handle"),
		ACTION(INDIRECT, "way"), OUT, ACTION_END},
	 .code = EINVAL, .type = RTE_FLOW_ERROR_TYPE_ACTION, .sentence = "one represented_port"},
	{.what = "three indirect actions", .actions = {ACTION(RAW_DECAP, RAW(decap, MACS "\x08\x00")),
		ACTION(INDIRECT, "handle"), ACTION(INDIRECT, "way"), ACTION(INDIRECT, "more"), ACTION_END},
	 .code = EINVAL, .type = RTE_FLOW_ERROR_TYPE_ACTION, .sentence = "one encapsulation and one represented_port"},
	{.what = "an indirect port alone", .actions = {ACTION(RAW_DECAP, RAW(decap, MACS "\x08\x00")),
		ACTION(INDIRECT, "way"), ACTION_END},
	 .code = EINVAL, .type = RTE_FLOW_ERROR_TYPE_ACTION_NUM, .sentence = "leave by a represented_port"},
	{.what = "vxlan_encap",
	 .actions = {ACTION(SET_MAC_SRC, SET_MAC("\x02\0\0\0\0\x02")), ACTION(SET_MAC_DST, SET_MAC("\x02\0\0\0\0\x01")),
		     ACTION(VXLAN_ENCAP,
		     	&((const struct rte_flow_action_vxlan_encap){.definition = (struct rte_flow_item *)(uintptr_t)vxlan_definition})), OUT,
		     ACTION_END},
	 .l2 = SL_REWRITE_L2_ENCAP,
	 BYTES(MACS "\x08\x00" V4("\x00\x00", "\x00\x00", "\x40", "\x11", "\xf6\xe2") UDP_VXLAN("\x00\x00", "\x12\xb5",
	 	"\x00\x00", "\x00\x00") MACS "\x08\x00")},
	{.what = "copies", .actions = {TUNNEL_V4, COPY(DSCP, 6, 1, 2), COPY(ECN, 2, 0, 2), OUT, ACTION_END},
	 .l2 = SL_REWRITE_L2_ENCAP, .copy_ecn = true, .copy_dscp = true},
	{.what = "copy of ECN alone", .actions = {TUNNEL_V4, COPY(ECN, 2, 1, 2), OUT, ACTION_END},
	 .l2 = SL_REWRITE_L2_ENCAP, .copy_ecn = true},
	{.what = "copy before the encapsulation", .actions = {COPY(ECN, 2, 1, 2), TUNNEL_V4, OUT, ACTION_END},
		.code = ENOTSUP, .type = RTE_FLOW_ERROR_TYPE_ACTION, .sentence = "an encapsulation before it"},
	{.what = "copy of half a field", .actions = {TUNNEL_V4, COPY(ECN, 1, 1, 2), OUT, ACTION_END}, .code = ENOTSUP,
		.type = RTE_FLOW_ERROR_TYPE_ACTION_CONF, .sentence = "a whole field"},
	{.what = "copy inwards", .actions = {TUNNEL_V4, COPY(ECN, 2, 2, 1), OUT, ACTION_END}, .code = ENOTSUP,
		.type = RTE_FLOW_ERROR_TYPE_ACTION_CONF, .sentence = "level 2"},
	{.what = "copy without an outer header",
	 .actions = {ACTION(RAW_DECAP, RAW(decap, MACS "\x08\x00")), ACTION(RAW_ENCAP, RAW(encap, MACS "\x08\x00")),
		COPY(ECN, 2, 1, 2), OUT, ACTION_END},
	 .code = EINVAL, .type = RTE_FLOW_ERROR_TYPE_ACTION, .sentence = "another IP version than the outer header"},
	{.what = "another field", .actions = {TUNNEL_V4, COPY(TTL, 8, 1, 2), OUT, ACTION_END}, .code = ENOTSUP,
		.type = RTE_FLOW_ERROR_TYPE_ACTION_CONF, .sentence = "from the same field"},
	{.what = "no port", .actions = {ACTION(COUNT, NULL), ACTION_END}, .code = EINVAL,
		.type = RTE_FLOW_ERROR_TYPE_ACTION_NUM,
	 .sentence = "the action is missing"},
	{.what = "one MAC", .actions = {ACTION(SET_MAC_SRC, SET_MAC("\x02")), OUT, ACTION_END}, .code = ENOTSUP,
		.type = RTE_FLOW_ERROR_TYPE_ACTION,
	 .sentence = "both MAC addresses"},
	{.what = "encap without decap", .actions = {ACTION(RAW_ENCAP, RAW(encap, MACS "\x08\x00")), OUT, ACTION_END},
		.code = ENOTSUP,
	 .type = RTE_FLOW_ERROR_TYPE_ACTION, .sentence = "raw_decap comes first"},
	{.what = "decap without encap", .actions = {ACTION(RAW_DECAP, RAW(decap, MACS "\x08\x00")), OUT, ACTION_END},
		.code = ENOTSUP,
	 .type = RTE_FLOW_ERROR_TYPE_ACTION, .sentence = "needs a raw_encap after it"},
	{.what = "decap of more", .actions = {ACTION(RAW_DECAP, RAW(decap, MACS "\x08\x00" "more")), ACTION(RAW_DECAP,
		RAW(decap, MACS)), OUT, ACTION_END},
	 .code = EINVAL, .type = RTE_FLOW_ERROR_TYPE_ACTION, .sentence = "one raw_decap"},
	{.what = "decap of an IP header", .actions = {ACTION(RAW_DECAP, RAW(decap,
		MACS "\x08\x00" "20 bytes of a header")), OUT, ACTION_END},
	 .code = ENOTSUP, .type = RTE_FLOW_ERROR_TYPE_ACTION_CONF, .sentence = "14 bytes, or 18"},
	{.what = "encap of the other version",
	 .actions = {ACTION(RAW_DECAP, RAW(decap, MACS "\x08\x00")), ACTION(RAW_ENCAP, RAW(encap, MACS "\x86\xdd")),
	 	OUT, ACTION_END}, .code = EINVAL,
	 .type = RTE_FLOW_ERROR_TYPE_ACTION, .sentence = "another IP version"},
	{.what = "NAT to the other version",
	 .actions = {ACTION(SET_IPV6_DST, (&(const struct rte_flow_action_set_ipv6){.ipv6_addr = {0x20, 1}})), OUT, ACTION_END},
	 .code = ENOTSUP, .type = RTE_FLOW_ERROR_TYPE_ACTION, .sentence = "NAT between IPv4 and IPv6 is not done"},
	{.what = "vxlan_encap without MACs",
	 .actions = {ACTION(VXLAN_ENCAP,
	 	&((const struct rte_flow_action_vxlan_encap){.definition = (struct rte_flow_item *)(uintptr_t)vxlan_definition})), OUT,
		     ACTION_END}, .code = ENOTSUP, .type = RTE_FLOW_ERROR_TYPE_ACTION,
		     	.sentence = "needs set_mac_src and set_mac_dst"},
	{.what = "drop", .actions = {ACTION(DROP, "x"), ACTION_END}, .code = ENOTSUP,
		.type = RTE_FLOW_ERROR_TYPE_ACTION, .sentence = "group 1 cannot do"},
};

static void test_rewrite(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rewrite_rows) / sizeof(rewrite_rows[0]); i++) {
		const char *what = rewrite_rows[i].what;
		struct rte_flow_error error = {0};
		struct sl_rewrite got;
		int rc = sl_rewrite_parse(rewrite_rows[i].actions, 4, &got, &error);

		if (rewrite_rows[i].code) {
			check_refusal(what, rc, &error, rewrite_rows[i].code, rewrite_rows[i].type, NULL,
				rewrite_rows[i].sentence);
			continue;
		}
		if (rc)
			fail_msg("%s: refused: %s", what, error.message);
		if (got.l2 != rewrite_rows[i].l2 || got.ethdev != (rewrite_rows[i].way ? 0 : 4) ||
			!got.way == rewrite_rows[i].way || got.copy_ecn != rewrite_rows[i].copy_ecn ||
			got.copy_dscp != rewrite_rows[i].copy_dscp)
			fail_msg("%s: another meaning", what);
		if (rewrite_rows[i].header &&
		    (got.encap.len != rewrite_rows[i].header_len || memcmp(got.encap.hdr, rewrite_rows[i].header,
		    	got.encap.len)))
			fail_msg("%s: another header", what);
	}
}

/* NAT operands and the checksum deltas that follow from them. */
static void test_record(void **state)
{
	const struct rte_flow_action actions[] = {
		ACTION(DEC_TTL, NULL), ACTION(SET_IPV4_DST, ADDRESS), ACTION(SET_TP_SRC, TP(4000)), TUNNEL_V4,
		COPY(DSCP, 6, 1, 2), COPY(ECN, 2, 1, 2), OUT, ACTION_END,
	};
	const struct sl_tuple tuple = {.family = 4, .proto = 6, .src = {1, 2, 3, 4}, .dst = {10, 0, 0, 2},
		.sport = RTE_BE16(5000), .dport = RTE_BE16(80)};
	struct rte_flow_error error = {0};
	struct sl_rewrite rewrite;
	struct sl_record record;
	struct sl_key key;

	(void)state;
	assert_int_equal(sl_rewrite_parse(actions, 4, &rewrite, &error), 0);
	sl_compile_key(&tuple, &key);
	sl_compile_record(&rewrite, &key, 3, &record);
	assert_int_equal(record.flags, SL_RECORD_FLAG_DEC_TTL | SL_RECORD_FLAG_NAT_SRC | SL_RECORD_FLAG_NAT_DST |
		SL_RECORD_FLAG_COPY_ECN | SL_RECORD_FLAG_COPY_DSCP);
	assert_int_equal(record.owner, 3);
	assert_memory_equal(record.new_src, key.src, 16);
	assert_int_equal(record.new_sport, RTE_BE16(4000));
	assert_memory_equal(record.new_dst, "\x0a\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0", 16);
	assert_int_equal(record.new_dport, RTE_BE16(80));
	/* dst ..2 -> ..1: ~2 + 1 = 0xfffe; ports 5000 -> 4000: ~0x1388 + 0x0fa0 = 0xfc17; parts that stay add 0xffff
	 * (nothing). */
	assert_int_equal(record.l3_delta, 0xfffe);
	assert_int_equal(record.l4_delta, 0xfc16);
}

/* --- class rules ---------------------------------------------------------------------------------------------------
 * */

static int two_ports(void *ctx, uint16_t ethdev)
{
	(void)ctx;
	return ethdev >= 10 && ethdev < 12 ? ethdev - 10 : -1;
}

static const struct {
	const char *what;
	struct sl_match match;
	struct sl_fate fate;
	struct sl_class_rule wanted;
	const char *sentence;
	bool old; /* the card opens VXLAN alone and copies nothing */
} compile_rows[] = {
	{.what = "drop at both ports", .match = {.vlan = SL_MATCH_VLAN_UNTAGGED, .outer = {.family = 4}},
		.fate = {.kind = SL_FATE_DROP},
	 .wanted = {.verdict = SL_VERDICT_DROP, .port_mask = 3, .l3 = 4, .vlan_mode = SL_VLAN_MODE_UNTAGGED}},
	{.what = "flags ask not to see tunnels",
	 .match = {.outer = {.family = 4, .proto_set = true, .proto = 6, .tcp_flags = 2, .tcp_flags_mask = 2},
	 	.port_set = true, .ethdev = 11},
	 .fate = {.kind = SL_FATE_HOST, .ethdev = 11, .mark_set = true, .mark = 9},
	 .wanted = {.verdict = SL_VERDICT_HOST, .flags = SL_RULE_FLAG_MARK, .mark = 9, .meter = 15, .port_mask = 2,
	 	.l3 = 4, .proto = 6, .proto_mask = 255,
		    .tcp_flags = 2, .tcp_flags_mask = 2, .tunnel_mode = SL_TUNNEL_MODE_NONE}},
	{.what = "tunnel",
	 .match = {.outer = {.family = 4, .proto_set = true, .proto = 17}, .tunnel = SL_TUNNEL_MODE_VNI, .vni = 7,
	 	.vni_mask = 0xffffff,
		   .inner = {.family = 6, .frag = SL_MATCH_FRAG_YES}, .port_set = true, .ethdev = 10},
	 .fate = {.kind = SL_FATE_FLOWS, .decap = SL_TUNNEL_MODE_VNI, .tenant = 70, .copy = true, .copy_mark = 3, .copy_ethdev = 10},
	 .wanted = {.verdict = SL_VERDICT_FLOWS, .flags = SL_RULE_FLAG_COPY | SL_RULE_FLAG_DECAP, .tenant = 70,
	 	.copy_mark = 3, .meter = 4, .port_mask = 1,
		    .l3 = 4, .proto = 17, .proto_mask = 255, .tunnel_mode = SL_TUNNEL_MODE_VNI, .vni = 7,
		    	.vni_mask = 0xffffff, .inner_l3 = 6,
		    .frag = SL_FRAG_MODE_YES}},
	{.what = "IP in IP", .match = {.outer = {.family = 6}, .tunnel = SL_TUNNEL_MODE_IPIP, .inner = {.family = 4}},
	 .fate = {.kind = SL_FATE_FLOWS, .decap = SL_TUNNEL_MODE_IPIP},
	 .wanted = {.verdict = SL_VERDICT_FLOWS, .flags = SL_RULE_FLAG_DECAP, .meter = 4, .port_mask = 3, .l3 = 6,
		    .tunnel_mode = SL_TUNNEL_MODE_IPIP, .inner_l3 = 4}},
	{.what = "another tunnel than is opened", .match = {.tunnel = SL_TUNNEL_MODE_GRE},
	 .fate = {.kind = SL_FATE_FLOWS, .decap = SL_TUNNEL_MODE_GUE}, .sentence = "of another kind than the one that it opens"},
	{.what = "an older card", .match = {.tunnel = SL_TUNNEL_MODE_GRE}, .fate = {.kind = SL_FATE_DROP}, .old = true,
	 .sentence = "other tunnels than VXLAN"},
	{.what = "a copy that cannot be made", .fate = {.kind = SL_FATE_FLOWS, .copy = true}, .old = true,
	 .sentence = "cannot duplicate a frame"},
	{.what = "to the host of another port", .match = {.port_set = true, .ethdev = 10},
		.fate = {.kind = SL_FATE_HOST, .ethdev = 11},
	 .sentence = "through the port that received them"},
	{.what = "both ports to the host of one", .fate = {.kind = SL_FATE_HOST, .ethdev = 11},
		.sentence = "through the port that received them"},
	{.what = "foreign port", .match = {.port_set = true, .ethdev = 10}, .fate = {.kind = SL_FATE_HOST, .ethdev = 3},
		.sentence = "not a port of the card"},
	{.what = "unknown meter", .match = {.port_set = true, .ethdev = 10}, .fate = {.kind = SL_FATE_HOST,
		.ethdev = 10, .meter_set = true},
	 .sentence = "no such meter"},
	{.what = "decap of no tunnel", .fate = {.kind = SL_FATE_FLOWS, .decap = SL_TUNNEL_MODE_VNI},
		.sentence = "needs an item of its tunnel"},
};

static void test_compile(void **state)
{
	struct sl_compile_env env = {.ports = 2, .port_of = two_ports, .unlimited_meter = 15, .flow_meter = 4,
		.meter = -ENOENT};

	(void)state;
	for (size_t i = 0; i < sizeof(compile_rows) / sizeof(compile_rows[0]); i++) {
		struct sl_class_rule got, wanted = compile_rows[i].wanted;
		struct sl_match match = compile_rows[i].match;
		struct rte_flow_error error = {0};
		int rc;

		fill(&match);
		env.tunnels = env.copies = !compile_rows[i].old;
		rc = sl_compile_rule(&env, &match, &compile_rows[i].fate, &got, &error);
		if (compile_rows[i].sentence) {
			if (rc >= 0 || !strstr(error.message, compile_rows[i].sentence))
				fail_msg("%s: %d \"%s\"", compile_rows[i].what, rc, error.message ? error.message : "");
			continue;
		}
		wanted.ttl_max = 255;
		wanted.sport_hi = wanted.dport_hi = UINT16_MAX;
		if (rc)
			fail_msg("%s: refused: %s", compile_rows[i].what, error.message);
		if (memcmp(&got, &wanted, sizeof(got)))
			fail_msg("%s: another rule", compile_rows[i].what);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_match), cmocka_unit_test(test_tuple), cmocka_unit_test(test_fate),
			cmocka_unit_test(test_encap),
		cmocka_unit_test(test_rewrite), cmocka_unit_test(test_record), cmocka_unit_test(test_compile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
