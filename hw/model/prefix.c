/* SPDX-License-Identifier: BSD-3-Clause */
/* Prefix tables. See prefix.h. */
#include "hw/model/prefix.h"

uint32_t sl_prefix_side(const struct sl_headers *headers, uint32_t mode, struct sl_prefix_side *side)
{
	SL_NONNULL(headers && side);
	const struct sl_packet *outer = &headers->outer;
	const bool source = mode == SL_PREFIX_MODE_SRC;

	__builtin_memcpy(side->addr, source ? outer->src : outer->dst, 16);
	side->port = source ? outer->sport : outer->dport;
	side->family = outer->family;
	side->proto = outer->proto;
	/* Ports behind IPv6 extension headers count for no prefix: the tables are asked before those can be followed. */
	side->l4 = (outer->flags & SL_PACKET_L4) != 0 && (outer->family == 4 || outer->l4_off - outer->l3_off == 40);
	return side->family;
}

uint32_t sl_prefix_bucket(const struct sl_prefix_side *side, uint32_t table, uint32_t bank)
{
	SL_NONNULL(side);
	const uint32_t exact = (uint32_t)side->proto << 16 | side->port;

	return sl_prefix_bucket_index(table, bank, sl_prefix_hash(side->addr, sl_prefix_table_wide(table) ? 0 : exact));
}

static inline bool address_equal(const uint8_t *a, const uint8_t *b)
{
	uint64_t x[2], y[2];

	__builtin_memcpy(x, a, 16);
	__builtin_memcpy(y, b, 16);
	return ((x[0] ^ y[0]) | (x[1] ^ y[1])) == 0;
}

static inline bool matches(const struct sl_class_prefix *p, uint32_t table, const struct sl_prefix_side *side)
{
	const bool any_port = p->port_lo == 0 && p->port_hi == 0xffff;

	if (p->family == 0 || p->family != side->family || ((p->proto ^ side->proto) & p->proto_mask) != 0)
		return false;
	if (!sl_prefix_table_wide(table) && !side->l4)
		return false;
	if (!any_port && !(side->l4 && side->port >= p->port_lo && side->port <= p->port_hi))
		return false;
	return address_equal(p->addr, side->addr);
}

uint32_t sl_prefix_bucket_sets(const struct sl_prefix_bucket *bucket, uint32_t table,
			       const struct sl_prefix_side *side)
{
	SL_NONNULL(bucket && side);
	const struct sl_class_prefix *slot = &bucket->slot0;
	uint32_t sets = 0;

	for (uint32_t way = 0; way < SL_PREFIX_WAYS; way++)
		if (matches(&slot[way], table, side))
			sets |= slot[way].sets;
	return sets;
}

int sl_prefix_bucket_meter(const struct sl_prefix_bucket *bucket, uint32_t table,
			   const struct sl_prefix_side *side, uint32_t set)
{
	SL_NONNULL(bucket && side);
	const struct sl_class_prefix *slot = &bucket->slot0;

	for (uint32_t way = 0; way < SL_PREFIX_WAYS; way++)
		if ((slot[way].sets >> (set & 31) & 1) && matches(&slot[way], table, side))
			return slot[way].meter;
	return -1;
}

void sl_prefix_find(const struct sl_prefix_bucket *tables, const struct sl_headers *headers,
		    struct sl_prefix_sets *sets)
{
	sets->of[SL_PREFIX_MODE_NONE] = 0;
	for (uint32_t mode = SL_PREFIX_MODE_DST; mode <= SL_PREFIX_MODE_SRC; mode++) {
		struct sl_prefix_side side;

		sets->of[mode] = 0;
		sl_prefix_side(headers, mode, &side);
		for (uint32_t i = 0; side.family != 0 && i < 4; i++) {
			const uint32_t table = 2 * (mode - 1) + i / 2;

			sets->of[mode] |= sl_prefix_bucket_sets(&tables[sl_prefix_bucket(&side, table, i % 2)], table, &side);
		}
	}
}

uint32_t sl_prefix_meter(const struct sl_prefix_bucket *tables, const struct sl_headers *headers,
			 const struct sl_class_rule *rule)
{
	struct sl_prefix_side side;
	int meter = -1;

	if (!sl_prefix_asked(rule))
		return rule->meter;
	sl_prefix_side(headers, rule->prefix_mode, &side);
	for (uint32_t i = 0; meter < 0 && i < 4; i++) {
		const uint32_t table = 2 * (rule->prefix_mode - 1u) + i / 2;

		meter = sl_prefix_bucket_meter(&tables[sl_prefix_bucket(&side, table, i % 2)], table, &side,
					       rule->prefix_set);
	}
	return meter < 0 || meter == SL_PREFIX_METER_RULE ? rule->meter : (uint32_t)meter;
}
