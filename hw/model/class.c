/* SPDX-License-Identifier: BSD-3-Clause */
/* Stage class. See class.h. */
#include "hw/model/class.h"

static inline uint64_t load_be64(const uint8_t *p)
{
	uint64_t value;

	__builtin_memcpy(&value, p, 8);
	return __builtin_bswap64(value);
}

/* The first plen bits are equal. An absent address is all zero. */
static inline bool prefix_match(const uint8_t *address, const uint8_t *prefix, uint32_t plen)
{
	const uint64_t high = (load_be64(address) ^ load_be64(prefix));

	if (plen == 0)
		return true;
	if (plen < 64)
		return high >> (64 - plen) == 0;
	if (high != 0)
		return false;
	if (plen == 64)
		return true;
	plen = plen > 128 ? 128 : plen;
	return (load_be64(address + 8) ^ load_be64(prefix + 8)) >> (128 - plen) == 0;
}

static inline uint64_t load_mac(const uint8_t *p)
{
	uint32_t low;
	uint16_t high;

	__builtin_memcpy(&low, p, 4);
	__builtin_memcpy(&high, p + 4, 2);
	return (uint64_t)high << 32 | low;
}

static inline bool mac_match(const struct sl_class_rule *rule, const uint8_t *dmac)
{
	return (load_mac(dmac) & load_mac(rule->dmac_mask)) == load_mac(rule->dmac);
}

static inline bool vlan_match(const struct sl_class_rule *rule, const struct sl_packet *outer)
{
	switch (rule->vlan_mode) {
	case SL_VLAN_MODE_ANY: return true;
	case SL_VLAN_MODE_UNTAGGED: return outer->tags == 0;
	case SL_VLAN_MODE_VID: return outer->tags != 0 && outer->vid == rule->vid;
	case SL_VLAN_MODE_QINQ: return outer->tags == 2 && outer->vid == rule->vid && outer->vid2 == rule->vid2;
	case SL_VLAN_MODE_SINGLE: return outer->tags == 1 && outer->vid == rule->vid;
	default: return false;
	}
}

static inline bool ports_match(const struct sl_class_rule *rule, const struct sl_packet *outer)
{
	const bool any_sport = rule->sport_lo == 0 && rule->sport_hi == 0xffff;
	const bool any_dport = rule->dport_lo == 0 && rule->dport_hi == 0xffff;

	if (any_sport && any_dport)
		return true;
	if (!(outer->flags & SL_PACKET_L4))
		return false;
	return (any_sport || (outer->sport >= rule->sport_lo && outer->sport <= rule->sport_hi)) &&
	       (any_dport || (outer->dport >= rule->dport_lo && outer->dport <= rule->dport_hi));
}

/* Fragment, TTL and TCP flags: of the effective packet. */
static inline bool effective_match(const struct sl_class_rule *rule, const struct sl_packet *effective)
{
	const bool fragment = effective->flags & SL_PACKET_FRAGMENT;

	if (effective->ttl > rule->ttl_max)
		return false;
	if (rule->frag != SL_FRAG_MODE_ANY && fragment != (rule->frag == SL_FRAG_MODE_YES))
		return false;
	if (rule->tcp_flags_mask == 0)
		return true;
	return (effective->flags & SL_PACKET_L4) && effective->proto == 6 &&
	       (effective->tcp_flags & rule->tcp_flags_mask) == rule->tcp_flags;
}

static inline bool tunnel_match(const struct sl_class_rule *rule, const struct sl_headers *headers)
{
	const struct sl_packet *inner = &headers->inner;
	const bool inner_good = headers->tunnel && inner->family != 0;

	if (rule->tunnel_mode == SL_TUNNEL_MODE_NONE && headers->tunnel)
		return false;
	if (rule->tunnel_mode > SL_TUNNEL_MODE_NONE &&
	    (rule->tunnel_mode != headers->tunnel || (headers->vni & rule->vni_mask) != rule->vni))
		return false;
	if (rule->inner_l3 != 0 && (!inner_good || inner->family != rule->inner_l3))
		return false;
	return rule->inner_proto == 0 || (inner_good && inner->proto == rule->inner_proto);
}

bool sl_class_match(const struct sl_class_rule *rule, const struct sl_headers *headers)
{
	SL_NONNULL(rule && headers);
	const struct sl_packet *outer = &headers->outer;

	if (!(rule->port_mask >> (headers->port & 7) & 1))
		return false;
	if (rule->l3 != 0 && rule->l3 != outer->family)
		return false;
	if (rule->ethertype != 0 && rule->ethertype != outer->ethertype)
		return false;
	if (((outer->proto ^ rule->proto) & rule->proto_mask) != 0)
		return false;
	/* The cheap conditions first. */
	return effective_match(rule, sl_headers_effective(headers)) && vlan_match(rule, outer) && ports_match(rule, outer) &&
	       tunnel_match(rule, headers) && mac_match(rule, headers->dmac) &&
	       prefix_match(outer->dst, rule->dst, rule->dst_plen) && prefix_match(outer->src, rule->src, rule->src_plen);
}

static inline bool in_set(const struct sl_class_rule *rule, const struct sl_prefix_sets *sets)
{
	const uint32_t of = rule->prefix_mode == SL_PREFIX_MODE_DST ? sets->of[SL_PREFIX_MODE_DST]
								     : sets->of[SL_PREFIX_MODE_SRC];

	return !sl_prefix_asked(rule) || (of >> (rule->prefix_set & 31) & 1);
}

int sl_class_find(const struct sl_class_table *table, const struct sl_headers *headers,
		  const struct sl_prefix_sets *sets)
{
	SL_NONNULL(table && headers && sets);
	uint64_t left = table->valid;

	for (uint32_t i = 0; i < SL_CLASS_RULES && left != 0; i++, left >>= 1) {
		if ((left & 1) && in_set(&table->rule[i], sets) && sl_class_match(&table->rule[i], headers))
			return (int)i;
	}
	return SL_CLASS_NONE;
}

int sl_class_default(const struct sl_class_filter *filter, const struct sl_headers *headers)
{
	SL_NONNULL(filter && headers);
	const uint8_t *dmac = headers->dmac;
	const uint32_t port = headers->port & (SL_PORTS_MAX - 1);
	const uint32_t flags = filter->port_flags[port];
	const uint32_t lo = dmac[0] | (uint32_t)dmac[1] << 8 | (uint32_t)dmac[2] << 16 | (uint32_t)dmac[3] << 24;
	const uint32_t hi = dmac[4] | (uint32_t)dmac[5] << 8;

	if (lo == 0xffffffff && hi == 0xffff)
		return SL_REASON_KERNEL;
	if (flags & (dmac[0] & 1 ? SL_PORT_FLAG_ALL_MULTICAST : SL_PORT_FLAG_PROMISCUOUS))
		return SL_REASON_KERNEL;
	for (uint32_t i = 0; i < SL_MAC_FILTERS; i++) {
		const uint32_t entry = filter->mac_hi[i];

		if (entry >> 31 && (entry >> (16 + port) & 1) && (entry & 0xffff) == hi && filter->mac_lo[i] == lo)
			return SL_REASON_KERNEL;
	}
	return SL_REASON_MAC_FILTER;
}
