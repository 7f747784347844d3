/* SPDX-License-Identifier: BSD-3-Clause */
/* See named.h. A rule without an address that asks for what no plain frame has, or none with a TTL above all that rules ask for, is kept
 * out. */
#include "driver/xdp/named.h"

#include <string.h>

#define FAMILIES 2

static const unsigned int families[FAMILIES] = { 4, 6 };

static void name(struct sl_xdp_named *named, enum sl_xdp_side side, unsigned int family, const uint8_t address[16])
{
	uint64_t half[2];
	uint32_t low, bit;

	memcpy(half, address, sizeof(half));
	memcpy(&low, address, sizeof(low));
	bit = family == 4 ? sl_xdp_named4(low) : sl_xdp_named6(half[0], half[1]);
	named->bits[side][bit / 64] |= UINT64_C(1) << bit % 64;
}

/* Whether a plain frame of the family, untagged and without a tunnel, could match. */
static bool concerns(const struct sl_class_rule *r, unsigned int family)
{
	const uint16_t ethertype = family == 4 ? 0x0800 : 0x86dd;

	return (r->l3 == 0 || r->l3 == family) && (r->ethertype == 0 || r->ethertype == ethertype) && r->frag != SL_FRAG_MODE_YES &&
	       r->ttl_max == UINT8_MAX && (r->vlan_mode == SL_VLAN_MODE_ANY || r->vlan_mode == SL_VLAN_MODE_UNTAGGED) &&
	       (r->proto_mask == 0 || r->proto == 6 || r->proto == 17) && r->tunnel_mode <= SL_TUNNEL_MODE_NONE && r->inner_l3 == 0 &&
	       r->inner_proto == 0;
}

/* Names what the rule asks for; false if that is no address. */
static bool name_rule(struct sl_xdp_named *named, const struct sl_class_rule *r, unsigned int family)
{
	const uint8_t whole = family == 4 ? 32 : 128;

	if (r->dst_plen >= whole)
		name(named, SL_XDP_SIDE_DST, family, r->dst);
	else if (r->src_plen >= whole)
		name(named, SL_XDP_SIDE_SRC, family, r->src);
	else
		return sl_prefix_asked(r); /* all prefixes are named */
	return true;
}

static void name_prefixes(struct sl_xdp_named *named, const struct sl_prefix_bucket *prefixes)
{
	for (uint32_t b = 0; b < SL_PREFIX_BUCKETS; b++) {
		const uint32_t table = b >> (SL_PREFIX_BUCKETS_LOG2 + 1);
		const struct sl_class_prefix *slot = &prefixes[b].slot0;

		for (uint32_t way = 0; way < SL_PREFIX_WAYS; way++)
			if (slot[way].family != 0)
				name(named, table < SL_PREFIX_TABLE_SRC_EXACT ? SL_XDP_SIDE_DST : SL_XDP_SIDE_SRC, slot[way].family,
				     slot[way].addr);
	}
}

/* Whether the port's filter takes frames to the address that the short cut looks for, promiscuous or not. */
static bool own(const struct sl_xdp_config *c)
{
	const struct sl_class_filter *filter = &c->pipeline.filter;
	const uint8_t *m = c->mac;
	const uint32_t lo = m[0] | (uint32_t)m[1] << 8 | (uint32_t)m[2] << 16 | (uint32_t)m[3] << 24;
	const uint32_t hi = m[4] | (uint32_t)m[5] << 8;

	for (uint32_t i = 0; i < SL_MAC_FILTERS; i++) {
		const uint32_t entry = filter->mac_hi[i];

		if (entry & SL_MAC_HI_VALID && (entry >> (16 + c->port % SL_PORTS_MAX) & 1) && (entry & 0xffff) == hi &&
		    filter->mac_lo[i] == lo)
			return true;
	}
	return false;
}

void sl_xdp_named_make(struct sl_xdp_named *named, const struct sl_class_table *rules, const struct sl_prefix_bucket *prefixes,
		       const struct sl_xdp_config *config, uint32_t ports)
{
	uint8_t *const of[FAMILIES] = { &named->ports4, &named->ports6 };

	memset(named, 0, sizeof(*named));
	for (unsigned int f = 0; f < FAMILIES; f++) {
		for (uint32_t p = 0; p < ports; p++)
			*of[f] |= (uint8_t)(own(&config[p]) << config[p].port % SL_PORTS_MAX);
		for (uint32_t i = 0; i < SL_CLASS_RULES; i++) {
			const struct sl_class_rule *r = &rules->rule[i];

			if (!(rules->valid >> i & 1) || (r->l3 != 0 && r->l3 != families[f]) || name_rule(named, r, families[f]) ||
			    !concerns(r, families[f]))
				continue;
			if (r->tcp_flags & r->tcp_flags_mask)
				named->tcp_flags |= r->tcp_flags;
			else
				*of[f] &= (uint8_t)~r->port_mask;
		}
	}
	if (rules->asking)
		name_prefixes(named, prefixes);
}
