/* SPDX-License-Identifier: BSD-3-Clause */
/* Parsing of group-0 patterns: one function per item, in the order of the layers. */
#include "driver/flow/match.h"

#include <string.h>

#include <rte_byteorder.h>

#include "driver/flow/item.h"
#include "driver/flow/refuse.h"
#include "driver/flow/tunnel.h"
#include "sluice/contract.h"

/* How far the pattern has come; an item may only lead on. */
enum layer { START, ETH, VLAN, IP, L4, GRE, TUNNEL, INNER_ETH, INNER_IP, INNER_L4 };

struct parser {
	struct sl_match *match;
	struct rte_flow_error *error;
	enum layer layer;
	bool type_is_tag;          /* eth type or has_vlan says that a tag follows */
	bool untagged;             /* has_vlan says that none does */
};

#define BAD(p, item, sentence) sl_refuse((p)->error, EINVAL, RTE_FLOW_ERROR_TYPE_ITEM, item, sentence)
#define CANNOT(p, type, item, sentence) sl_refuse((p)->error, ENOTSUP, RTE_FLOW_ERROR_TYPE_##type, item, sentence)

static bool inside(const struct parser *p)
{
	return p->layer >= GRE;
}

static struct sl_match_packet *packet(struct parser *p)
{
	return inside(p) ? &p->match->inner : &p->match->outer;
}

static int parse_port(struct parser *p, const struct rte_flow_item *item)
{
	static const struct rte_flow_item_ethdev supported = {.port_id = 0xffff};
	struct rte_flow_item_ethdev spec, last, mask;
	int rc = SL_ITEM_READ(item, ethdev, &supported, NULL, p->error);

	if (rc)
		return rc;
	if (p->layer != START || p->match->port_set)
		return BAD(p, item, "represented_port stands once, before all other items");
	if (mask.port_id && mask.port_id != 0xffff)
		return CANNOT(p, ITEM_MASK, item, "an ethdev id is matched whole");
	p->match->port_set = mask.port_id != 0;
	p->match->ethdev = spec.port_id;
	return 0;
}

static int parse_inner_eth(struct parser *p, const struct rte_flow_item *item)
{
	static const uint8_t nothing[sizeof(struct rte_flow_item_eth)];
	struct rte_flow_item_eth spec, last, mask;

	if (p->layer >= TUNNEL && p->match->tunnel == SL_TUNNEL_MODE_GENEVE)
		return CANNOT(p, ITEM, item, "the card does not tell Geneve's frames from its bare packets: leave the inner eth item out");
	if (p->layer != TUNNEL)
		return BAD(p, item, "an inner eth item follows vxlan");
	p->layer = INNER_ETH;
	return SL_ITEM_READ(item, eth, nothing, NULL, p->error);
}

static int parse_eth(struct parser *p, const struct rte_flow_item *item)
{
	static const struct rte_flow_item_eth supported = {
		.hdr.dst_addr.addr_bytes = "\xff\xff\xff\xff\xff\xff",
		.hdr.ether_type = RTE_BE16(0xffff),
		.has_vlan = 1,
	};
	struct rte_flow_item_eth spec, last, mask;
	int rc;

	if (inside(p))
		return parse_inner_eth(p, item);
	if (p->layer != START)
		return BAD(p, item, "eth stands before all other protocols");
	p->layer = ETH;
	rc = SL_ITEM_READ(item, eth, &supported, NULL, p->error);
	if (rc)
		return rc;
	memcpy(p->match->dmac_mask, mask.hdr.dst_addr.addr_bytes, 6);
	memcpy(p->match->dmac, spec.hdr.dst_addr.addr_bytes, 6);
	if (mask.hdr.ether_type) {
		if (mask.hdr.ether_type != RTE_BE16(0xffff))
			return CANNOT(p, ITEM_MASK, item, "an ethertype is matched whole");
		p->match->ethertype = rte_be_to_cpu_16(spec.hdr.ether_type);
		if (p->match->ethertype == 0)
			return CANNOT(p, ITEM_SPEC, item, "ethertype 0 cannot be matched");
	}
	if (p->match->ethertype == RTE_ETHER_TYPE_VLAN) {
		p->match->ethertype = 0;
		p->type_is_tag = true;
	}
	p->type_is_tag |= mask.has_vlan && spec.has_vlan;
	p->untagged = mask.has_vlan && !spec.has_vlan;
	return 0;
}

static int check_vlan(struct parser *p, const struct rte_flow_item *item, const struct rte_flow_item_vlan *mask)
{
	if (mask->hdr.vlan_tci != RTE_BE16(0x0fff))
		return CANNOT(p, ITEM_MASK, item, "a VLAN item needs an exact VLAN id, and nothing else of the tag");
	if (mask->hdr.eth_proto && mask->hdr.eth_proto != RTE_BE16(0xffff))
		return CANNOT(p, ITEM_MASK, item, "an ethertype is matched whole");
	return 0;
}

static int parse_second_vlan(struct parser *p, const struct rte_flow_item *item, const struct rte_flow_item_vlan *spec,
	const struct rte_flow_item_vlan *mask)
{
	int rc = check_vlan(p, item, mask);

	if (rc)
		return rc;
	if (p->match->vlan == SL_MATCH_VLAN_QINQ)
		return CANNOT(p, ITEM, item, "the card recognises two VLAN tags");
	if (p->match->ethertype)
		return BAD(p, item, "a VLAN tag cannot stand here");
	p->match->vlan = SL_MATCH_VLAN_QINQ;
	p->match->vid2 = rte_be_to_cpu_16(spec->hdr.vlan_tci);
	p->match->ethertype = rte_be_to_cpu_16(spec->hdr.eth_proto);
	p->type_is_tag = false;
	return 0;
}

static int parse_vlan(struct parser *p, const struct rte_flow_item *item)
{
	static const struct rte_flow_item_vlan supported = {.hdr.vlan_tci = RTE_BE16(0x0fff),
		.hdr.eth_proto = RTE_BE16(0xffff)};
	struct rte_flow_item_vlan spec, last, mask;
	int rc = SL_ITEM_READ(item, vlan, &supported, NULL, p->error);

	if (rc)
		return rc;
	if (p->layer == VLAN)
		return parse_second_vlan(p, item, &spec, &mask);
	if (p->layer > VLAN || p->untagged || (p->match->ethertype && p->match->ethertype != RTE_ETHER_TYPE_QINQ))
		return BAD(p, item, "a VLAN tag cannot stand here");
	if (p->match->ethertype)
		return CANNOT(p, ITEM, item,
			"the card does not tell a service tag from a second customer tag: leave the type to vlan items");
	rc = check_vlan(p, item, &mask);
	if (rc)
		return rc;
	p->layer = VLAN;
	p->match->vlan = SL_MATCH_VLAN_VID;
	p->match->vid = rte_be_to_cpu_16(spec.hdr.vlan_tci);
	p->match->ethertype = rte_be_to_cpu_16(spec.hdr.eth_proto);
	p->type_is_tag = p->match->ethertype == RTE_ETHER_TYPE_VLAN;
	if (p->type_is_tag)
		p->match->ethertype = 0;
	return 0;
}

/* The tunnel that the pattern has come to, which the tunnel item may have said before. */
static int enter_tunnel(struct parser *p, const struct rte_flow_item *item, uint8_t kind)
{
	if (p->match->tunnel && p->match->tunnel != kind)
		return BAD(p, item, "the tunnel is of another kind than the tunnel item says");
	p->match->tunnel = kind;
	p->layer = TUNNEL;
	return 0;
}

/* An IP item behind another, or behind the UDP item of GUE: of the inner packet. */
static int enter_bare(struct parser *p, const struct rte_flow_item *item, uint8_t family)
{
	const struct sl_match_packet *outer = &p->match->outer;

	if (p->layer == L4) {
		if (p->match->tunnel != SL_TUNNEL_MODE_GUE)
			return CANNOT(p, ITEM, item, "an IP item behind udp needs a tunnel item of GUE: the card does not tell its variants");
	} else if (!p->match->tunnel || p->match->tunnel == SL_TUNNEL_MODE_IPIP) {
		if (outer->proto_set && outer->proto != (family == 4 ? 4 : 41))
			return BAD(p, item, "the IP protocol contradicts this item");
		return enter_tunnel(p, item, SL_TUNNEL_MODE_IPIP);
	}
	p->layer = TUNNEL;
	return 0;
}

/* Position and family of an IP item. */
static int enter_ip(struct parser *p, const struct rte_flow_item *item, uint8_t family, uint16_t ethertype)
{
	const int rc = p->layer == IP || p->layer == L4 ? enter_bare(p, item, family) : 0;

	if (rc)
		return rc;
	if (p->layer == INNER_ETH || p->layer == TUNNEL || p->layer == GRE) {
		p->layer = INNER_IP;
		p->match->inner.family = family;
		return 0;
	}
	if (p->layer > VLAN)
		return CANNOT(p, ITEM, item, "an IP item follows eth, vlan or a tunnel's inner eth");
	if (p->match->ethertype && p->match->ethertype != ethertype)
		return BAD(p, item, "the ethertype contradicts the IP version");
	p->layer = IP;
	p->match->outer.family = family;
	p->match->ethertype = 0;
	return 0;
}

static int set_addresses(struct parser *p, const struct rte_flow_item *item, const uint8_t *spec[2],
	const uint8_t *mask[2], unsigned int n)
{
	uint8_t *out[2] = {p->match->src, p->match->dst};
	uint8_t *plen[2] = {&p->match->src_plen, &p->match->dst_plen};

	for (unsigned int i = 0; i < 2; i++) {
		int bits = sl_item_prefix(mask[i], n);

		if (bits < 0)
			return CANNOT(p, ITEM_MASK, item, "an address is matched by prefix: the mask has a gap");
		if (bits && inside(p))
			return CANNOT(p, ITEM_MASK, item, "addresses inside a tunnel are matched in group 1, not here");
		if (bits) {
			sl_item_masked(out[i], spec[i], mask[i], n);
			*plen[i] = (uint8_t)bits;
		}
	}
	return 0;
}

static int set_proto(struct parser *p, const struct rte_flow_item *item, uint8_t spec, uint8_t mask)
{
	if (mask == 0)
		return 0;
	if (mask != 0xff)
		return CANNOT(p, ITEM_MASK, item, "an IP protocol is matched whole");
	if (spec == 0 && inside(p))
		return CANNOT(p, ITEM_SPEC, item, "protocol 0 inside a tunnel cannot be matched");
	packet(p)->proto_set = true;
	packet(p)->proto = spec;
	return 0;
}

static int set_ttl(struct parser *p, const struct rte_flow_item *item, uint8_t spec, uint8_t last, uint8_t mask)
{
	if (mask == 0)
		return 0;
	if (mask != 0xff || spec != 0)
		return CANNOT(p, ITEM_SPEC, item,
			"a TTL or hop limit is matched from 0 up to a bound: spec 0, last N, mask 255");
	packet(p)->ttl_max = last;
	return 0;
}

static int parse_ipv4(struct parser *p, const struct rte_flow_item *item)
{
	static const struct rte_flow_item_ipv4 supported = {.hdr = {
		.time_to_live = 0xff, .fragment_offset = RTE_BE16(0x3fff), .next_proto_id = 0xff,
		.src_addr = RTE_BE32(0xffffffff), .dst_addr = RTE_BE32(0xffffffff),
	}};
	static const struct rte_flow_item_ipv4 ranged = {.hdr = {.time_to_live = 0xff,
		.fragment_offset = RTE_BE16(0x3fff)}};
	struct rte_flow_item_ipv4 spec, last, mask;
	const uint8_t *addresses[2] = {(uint8_t *)&spec.hdr.src_addr, (uint8_t *)&spec.hdr.dst_addr};
	const uint8_t *masks[2] = {(uint8_t *)&mask.hdr.src_addr, (uint8_t *)&mask.hdr.dst_addr};
	int rc = enter_ip(p, item, 4, RTE_ETHER_TYPE_IPV4);

	if (rc == 0)
		rc = SL_ITEM_READ(item, ipv4, &supported, &ranged, p->error);
	if (rc == 0)
		rc = set_addresses(p, item, addresses, masks, 4);
	if (rc == 0)
		rc = set_proto(p, item, spec.hdr.next_proto_id, mask.hdr.next_proto_id);
	if (rc == 0)
		rc = set_ttl(p, item, spec.hdr.time_to_live, last.hdr.time_to_live, mask.hdr.time_to_live);
	if (rc || mask.hdr.fragment_offset == 0)
		return rc;
	if (mask.hdr.fragment_offset == RTE_BE16(0x3fff) && spec.hdr.fragment_offset == 0 &&
		last.hdr.fragment_offset == 0)
		packet(p)->frag = SL_MATCH_FRAG_NO;
	else if (mask.hdr.fragment_offset == RTE_BE16(0x3fff) && spec.hdr.fragment_offset == RTE_BE16(1) &&
		 last.hdr.fragment_offset == RTE_BE16(0x3fff))
		packet(p)->frag = SL_MATCH_FRAG_YES;
	else
		return CANNOT(p, ITEM_SPEC, item,
			"fragment_offset is matched as a whole: spec 1, last 0x3fff, mask 0x3fff for fragments; spec 0, mask 0x3fff for others");
	return 0;
}

static int parse_ipv6(struct parser *p, const struct rte_flow_item *item)
{
	static const struct rte_flow_item_ipv6 supported = {
		.hdr = {
			.proto = 0xff, .hop_limits = 0xff,
			.src_addr = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
			.dst_addr = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
		},
		.has_frag_ext = 1,
	};
	static const struct rte_flow_item_ipv6 ranged = {.hdr = {.hop_limits = 0xff}};
	struct rte_flow_item_ipv6 spec, last, mask;
	const uint8_t *addresses[2] = {spec.hdr.src_addr, spec.hdr.dst_addr};
	const uint8_t *masks[2] = {mask.hdr.src_addr, mask.hdr.dst_addr};
	int rc = enter_ip(p, item, 6, RTE_ETHER_TYPE_IPV6);

	if (rc == 0)
		rc = SL_ITEM_READ(item, ipv6, &supported, &ranged, p->error);
	if (rc == 0)
		rc = set_addresses(p, item, addresses, masks, 16);
	if (rc == 0)
		rc = set_proto(p, item, spec.hdr.proto, mask.hdr.proto);
	if (rc == 0)
		rc = set_ttl(p, item, spec.hdr.hop_limits, last.hdr.hop_limits, mask.hdr.hop_limits);
	if (rc == 0 && mask.has_frag_ext)
		packet(p)->frag = spec.has_frag_ext ? SL_MATCH_FRAG_YES : SL_MATCH_FRAG_NO;
	return rc;
}

/* Position and protocol of a TCP or UDP item. */
static int enter_l4(struct parser *p, const struct rte_flow_item *item, uint8_t proto)
{
	if (p->layer != IP && p->layer != INNER_IP)
		return CANNOT(p, ITEM, item, "tcp and udp follow an ipv4 or ipv6 item");
	if (packet(p)->proto_set && packet(p)->proto != proto)
		return BAD(p, item, "the IP protocol contradicts this item");
	packet(p)->proto_set = true;
	packet(p)->proto = proto;
	p->layer = p->layer == IP ? L4 : INNER_L4;
	return 0;
}

static int set_ports(struct parser *p, const struct rte_flow_item *item, const uint16_t sport[3],
	const uint16_t dport[3])
{
	uint16_t lo[2], hi[2];
	bool any[2];

	if (!sl_item_range16(sport[0], sport[1], sport[2], &lo[0], &hi[0], &any[0]) ||
	    !sl_item_range16(dport[0], dport[1], dport[2], &lo[1], &hi[1], &any[1]))
		return CANNOT(p, ITEM_MASK, item,
			"a port is matched whole or as a rising range: mask 0 or 0xffff, last not below spec");
	if (inside(p) && (!any[0] || !any[1]))
		return CANNOT(p, ITEM_MASK, item, "ports inside a tunnel are matched in group 1, not here");
	if (inside(p))
		return 0;
	p->match->sport_lo = lo[0];
	p->match->sport_hi = hi[0];
	p->match->dport_lo = lo[1];
	p->match->dport_hi = hi[1];
	return 0;
}

static int parse_tcp(struct parser *p, const struct rte_flow_item *item)
{
	static const struct rte_flow_item_tcp supported = {.hdr = {.src_port = 0xffff, .dst_port = 0xffff,
		.tcp_flags = 0xff}};
	static const struct rte_flow_item_tcp ranged = {.hdr = {.src_port = 0xffff, .dst_port = 0xffff}};
	struct rte_flow_item_tcp spec, last, mask;
	int rc = enter_l4(p, item, 6);

	if (rc == 0)
		rc = SL_ITEM_READ(item, tcp, &supported, &ranged, p->error);
	if (rc)
		return rc;
	packet(p)->tcp_flags = spec.hdr.tcp_flags;
	packet(p)->tcp_flags_mask = mask.hdr.tcp_flags;
	return set_ports(p, item, (const uint16_t[]){spec.hdr.src_port, last.hdr.src_port, mask.hdr.src_port},
			 (const uint16_t[]){spec.hdr.dst_port, last.hdr.dst_port, mask.hdr.dst_port});
}

static int parse_udp(struct parser *p, const struct rte_flow_item *item)
{
	static const struct rte_flow_item_udp supported = {.hdr = {.src_port = 0xffff, .dst_port = 0xffff}};
	struct rte_flow_item_udp spec, last, mask;
	int rc = enter_l4(p, item, 17);

	if (rc == 0)
		rc = SL_ITEM_READ(item, udp, &supported, &supported, p->error);
	if (rc)
		return rc;
	return set_ports(p, item, (const uint16_t[]){spec.hdr.src_port, last.hdr.src_port, mask.hdr.src_port},
			 (const uint16_t[]){spec.hdr.dst_port, last.hdr.dst_port, mask.hdr.dst_port});
}

static int parse_vxlan(struct parser *p, const struct rte_flow_item *item)
{
	static const struct rte_flow_item_vxlan supported = {.hdr.vx_vni = RTE_BE32(0xffffff00)};
	struct rte_flow_item_vxlan spec, last, mask;
	int rc = SL_ITEM_READ(item, vxlan, &supported, NULL, p->error);

	if (rc)
		return rc;
	if (p->layer != L4 || p->match->outer.proto != 17)
		return BAD(p, item, "vxlan follows udp");
	if (p->match->dport_lo > SL_VXLAN_PORT || p->match->dport_hi < SL_VXLAN_PORT)
		return CANNOT(p, ITEM, item, "the card recognises VXLAN at UDP port 4789 only");
	p->match->vni = rte_be_to_cpu_32(spec.hdr.vx_vni) >> 8;
	p->match->vni_mask = rte_be_to_cpu_32(mask.hdr.vx_vni) >> 8;
	return enter_tunnel(p, item, SL_TUNNEL_MODE_VNI);
}

static int parse_geneve(struct parser *p, const struct rte_flow_item *item)
{
	static const struct rte_flow_item_geneve supported = {.vni = {0xff, 0xff, 0xff}, .protocol = RTE_BE16(0xffff)};
	struct rte_flow_item_geneve spec, last, mask;
	int rc = SL_ITEM_READ(item, geneve, &supported, NULL, p->error);

	if (rc)
		return rc;
	if (p->layer != L4 || p->match->outer.proto != 17)
		return BAD(p, item, "geneve follows udp");
	if (mask.protocol)
		return CANNOT(p, ITEM_MASK, item,
			"the card does not tell Geneve's protocol types apart: leave the protocol out");
	if (p->match->dport_lo > SL_GENEVE_PORT || p->match->dport_hi < SL_GENEVE_PORT)
		return CANNOT(p, ITEM, item, "the card recognises Geneve at UDP port 6081 only");
	p->match->vni = (uint32_t)spec.vni[0] << 16 | (uint32_t)spec.vni[1] << 8 | spec.vni[2];
	p->match->vni_mask = (uint32_t)mask.vni[0] << 16 | (uint32_t)mask.vni[1] << 8 | mask.vni[2];
	return enter_tunnel(p, item, SL_TUNNEL_MODE_GENEVE);
}

static int parse_gre(struct parser *p, const struct rte_flow_item *item)
{
	static const struct rte_flow_item_gre supported = {.c_rsvd0_ver = RTE_BE16(0xffff), .protocol = RTE_BE16(0xffff)};
	struct rte_flow_item_gre spec, last, mask;
	int rc = SL_ITEM_READ(item, gre, &supported, NULL, p->error);

	if (rc)
		return rc;
	if (p->layer != IP)
		return BAD(p, item, "gre follows ipv4 or ipv6");
	if (p->match->outer.proto_set && p->match->outer.proto != 47)
		return BAD(p, item, "the IP protocol contradicts this item");
	if (mask.protocol)
		return CANNOT(p, ITEM_MASK, item,
			"what GRE carries is matched by an inner ipv4 or ipv6 item: leave the protocol out");
	if (mask.c_rsvd0_ver)
		return CANNOT(p, ITEM_MASK, item,
			"GRE has no checksum and no sequence number here, and a key of 0 or none are one: leave the flags out");
	rc = enter_tunnel(p, item, SL_TUNNEL_MODE_GRE);
	if (rc == 0)
		p->layer = GRE;
	return rc;
}

static int parse_gre_key(struct parser *p, const struct rte_flow_item *item)
{
	static const rte_be32_t rte_flow_item_gre_key_mask = RTE_BE32(0xffffffff);
	static const rte_be32_t supported = RTE_BE32(0xffffffff);
	rte_be32_t spec, last, mask;
	int rc = SL_ITEM_READ(item, gre_key, &supported, NULL, p->error);

	if (rc)
		return rc;
	if (p->layer != GRE)
		return BAD(p, item, "gre_key follows gre");
	if (!spec)
		return CANNOT(p, ITEM_SPEC, item, "the card does not tell a GRE key of 0 from none: match another one, or leave gre_key out");
	p->layer = TUNNEL;
	p->match->vni = rte_be_to_cpu_32(spec);
	p->match->vni_mask = rte_be_to_cpu_32(mask);
	return 0;
}

/* That of rte_flow_tunnel_match(). */
static int parse_tunnel(struct parser *p, const struct rte_flow_item *item)
{
	if (p->layer != START || p->match->port_set || p->match->tunnel || !item->spec)
		return BAD(p, item, "the tunnel item stands once, before all other items");
	p->match->tunnel = *(const uint8_t *)item->spec;
	return 0;
}

/* A tunnel that no item but the tunnel item has named: its headers are where that kind has them. */
static int check_tunnel(const struct parser *p, const struct rte_flow_item *end)
{
	static const uint8_t protos[] = {[SL_TUNNEL_MODE_VNI] = 17, [SL_TUNNEL_MODE_GENEVE] = 17, [SL_TUNNEL_MODE_GRE] = 47,
					 [SL_TUNNEL_MODE_GUE] = 17, [SL_TUNNEL_MODE_IPIP] = 0};
	static const uint16_t ports[] = {[SL_TUNNEL_MODE_VNI] = SL_VXLAN_PORT, [SL_TUNNEL_MODE_GENEVE] = SL_GENEVE_PORT,
					 [SL_TUNNEL_MODE_GUE] = SL_GUE_PORT, [SL_TUNNEL_MODE_IPIP] = 0};
	const struct sl_match *m = p->match;
	const uint8_t kind = m->tunnel, proto = m->outer.proto;

	if (!kind)
		return 0;
	if (m->outer.proto_set && (kind == SL_TUNNEL_MODE_IPIP ? proto != 4 && proto != 41 : proto != protos[kind]))
		return BAD(p, end, "the IP protocol contradicts the tunnel item");
	if (protos[kind] == 17 && (m->dport_lo > ports[kind] || m->dport_hi < ports[kind]))
		return CANNOT(p, ITEM, end, "the card recognises this tunnel at another UDP port only: VXLAN 4789, GUE 6080, Geneve 6081");
	if (protos[kind] != 17 && (m->dport_lo || m->dport_hi != UINT16_MAX || m->sport_lo || m->sport_hi != UINT16_MAX))
		return BAD(p, end, "this tunnel has no ports");
	return 0;
}

static int parse_item(struct parser *p, const struct rte_flow_item *item)
{
	if ((int)item->type == SL_ITEM_TYPE_TUNNEL)
		return parse_tunnel(p, item);
	switch (item->type) {
	case RTE_FLOW_ITEM_TYPE_VOID: return 0;
	case RTE_FLOW_ITEM_TYPE_REPRESENTED_PORT: return parse_port(p, item);
	case RTE_FLOW_ITEM_TYPE_ETH: return parse_eth(p, item);
	case RTE_FLOW_ITEM_TYPE_VLAN: return parse_vlan(p, item);
	case RTE_FLOW_ITEM_TYPE_IPV4: return parse_ipv4(p, item);
	case RTE_FLOW_ITEM_TYPE_IPV6: return parse_ipv6(p, item);
	case RTE_FLOW_ITEM_TYPE_TCP: return parse_tcp(p, item);
	case RTE_FLOW_ITEM_TYPE_UDP: return parse_udp(p, item);
	case RTE_FLOW_ITEM_TYPE_VXLAN: return parse_vxlan(p, item);
	case RTE_FLOW_ITEM_TYPE_GENEVE: return parse_geneve(p, item);
	case RTE_FLOW_ITEM_TYPE_GRE: return parse_gre(p, item);
	case RTE_FLOW_ITEM_TYPE_GRE_KEY: return parse_gre_key(p, item);
	default: return CANNOT(p, ITEM, item,
		"group 0 matches represented_port, eth, vlan, ipv4, ipv6, tcp, udp, vxlan, geneve, gre and gre_key only");
	}
}

bool sl_match_looks_inside(const struct sl_match_packet *packet)
{
	return packet->frag != SL_MATCH_FRAG_ANY || packet->ttl_max != 255 || packet->tcp_flags_mask;
}

int sl_match_parse(const struct rte_flow_item pattern[], struct sl_match *match, struct rte_flow_error *error)
{
	struct parser p = {.match = match, .error = error};
	const struct rte_flow_item *item;
	int rc;

	memset(match, 0, sizeof(*match));
	match->outer.ttl_max = match->inner.ttl_max = 255;
	match->sport_hi = match->dport_hi = UINT16_MAX;
	for (item = pattern; item->type != RTE_FLOW_ITEM_TYPE_END; item++) {
		rc = parse_item(&p, item);
		if (rc)
			return rc;
	}
	if (p.type_is_tag)
		return CANNOT(&p, ITEM, item, "tagged frames are matched by a vlan item with an exact VLAN id");
	rc = check_tunnel(&p, item);
	if (rc)
		return rc;
	if (match->tunnel && sl_match_looks_inside(&match->outer))
		return CANNOT(&p, ITEM, item,
			"TTL, fragments and TCP flags of a tunnel are matched in its inner packet only");
	/* What follows a vlan item, or a type, says that no second tag stands between. */
	if (match->vlan == SL_MATCH_VLAN_VID && (match->outer.family || match->ethertype))
		match->vlan = SL_MATCH_VLAN_SINGLE;
	/* An item after eth, or a type, says that no tag stands between; a bare eth matches tagged frames too. */
	if (match->vlan == SL_MATCH_VLAN_ANY && (match->outer.family || match->ethertype || p.untagged))
		match->vlan = SL_MATCH_VLAN_UNTAGGED;
	return 0;
}
