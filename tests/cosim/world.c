/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/cosim/world.h"

#include <string.h>

#include "sluice/prefix.h"
#include "sluice/record.h"

static uint16_t be16(uint16_t v)
{
	return (uint16_t)(v >> 8 | v << 8);
}

static void make_pools(struct world *w, struct chance *c)
{
	for (int i = 0; i < WORLD_MACS; i++) {
		chance_fill(c, w->mac[i], 6);
		w->mac[i][0] &= 0xfe;
	}
	w->mac[3][0] |= 1;
	for (int i = 0; i < WORLD_ADDRESSES; i++) {
		/* Neighbours, so that prefixes of every length both hit and miss. */
		chance_fill(c, w->address[0][i], 4);
		chance_fill(c, w->address[1][i], 16);
		if (i % 2) {
			memcpy(w->address[0][i], w->address[0][i - 1], 4);
			memcpy(w->address[1][i], w->address[1][i - 1], 16);
			w->address[0][i][chance_below(c, 4)] ^= (uint8_t)(1u << chance_below(c, 8));
			w->address[1][i][chance_below(c, 16)] ^= (uint8_t)(1u << chance_below(c, 8));
		}
		w->port[i] = (uint16_t)chance_word(c);
	}
	w->port[0] = 80;
	for (int i = 0; i < WORLD_VLANS; i++)
		w->vlan[i] = (uint16_t)chance_below(c, 4096);
	for (int i = 0; i < WORLD_VNIS; i++)
		w->vni[i] = chance_below(c, 1u << 24);
	for (int i = 0; i < WORLD_TENANTS; i++)
		w->tenant[i] = (uint16_t)chance_word(c);
	const unsigned int v4 = chance_percent(c, 75) ? 60 : 30; /* percent; else the small table has no room for all of IPv6 */

	for (int i = 0; i < WORLD_TUPLES; i++) {
		struct tuple *t = &w->tuple[i];

		t->family = chance_percent(c, v4) ? 4 : 6;
		memcpy(t->src, w->address[t->family == 6][chance_below(c, WORLD_ADDRESSES)], 16);
		memcpy(t->dst, w->address[t->family == 6][chance_below(c, WORLD_ADDRESSES)], 16);
		t->sport = (uint16_t)(1024 + i); /* unique */
		t->dport = w->port[chance_below(c, WORLD_ADDRESSES)];
		t->proto = chance_percent(c, 70) ? 6 : 17;
	}
}

static void mask_prefix(uint8_t address[16], unsigned int plen)
{
	for (unsigned int i = 0; i < 16; i++) {
		unsigned int bits = plen > 8 * i ? plen - 8 * i : 0;

		if (bits < 8)
			address[i] &= (uint8_t)(0xff00u >> bits);
	}
}

static void rule_addresses(const struct world *w, struct chance *c, struct sl_class_rule *r)
{
	const unsigned int width = r->l3 == 4 ? 32 : 128;
	const int six = r->l3 == 6;

	if (chance_percent(c, 50)) {
		r->src_plen = (uint8_t)(chance_percent(c, 50) ? width : chance_below(c, width + 1));
		memcpy(r->src, w->address[six][chance_below(c, WORLD_ADDRESSES)], six ? 16 : 4);
		mask_prefix(r->src, r->src_plen);
	}
	if (chance_percent(c, 50)) {
		r->dst_plen = (uint8_t)(chance_percent(c, 50) ? width : chance_below(c, width + 1));
		memcpy(r->dst, w->address[six][chance_below(c, WORLD_ADDRESSES)], six ? 16 : 4);
		mask_prefix(r->dst, r->dst_plen);
	}
	if (chance_percent(c, 30)) {
		r->proto = (uint8_t)(chance_percent(c, 80) ? (chance_percent(c, 60) ? 6 : 17) : chance_below(c, 256));
		r->proto_mask = 255;
	}
}

static void rule_ports(const struct world *w, struct chance *c, struct sl_class_rule *r)
{
	uint16_t low = w->port[chance_below(c, WORLD_ADDRESSES)], high = low;

	if (chance_percent(c, 30))
		high = (uint16_t)chance_between(c, low, 65535);
	if (chance_percent(c, 70)) {
		r->dport_lo = low;
		r->dport_hi = high;
	} else {
		r->sport_lo = (uint16_t)chance_below(c, 2000);
		r->sport_hi = (uint16_t)chance_between(c, r->sport_lo, 2000);
	}
}

static void rule_conditions(const struct world *w, struct chance *c, struct sl_class_rule *r)
{
	static const uint16_t ethertypes[] = {0x0800, 0x86dd, 0x0806, 0x8100, 0x1234};
	static const uint8_t inner_protos[] = {6, 17, 1, 58, 44};

	if (chance_percent(c, 10))
		r->port_mask = (uint8_t)chance_below(c, 4);
	if (chance_percent(c, 15)) {
		chance_fill(c, r->dmac_mask, 6);
		if (chance_percent(c, 60))
			memset(r->dmac_mask, 0xff, 6);
		for (int i = 0; i < 6; i++)
			r->dmac[i] = w->mac[chance_below(c, 2)][i] & r->dmac_mask[i];
	}
	if (chance_percent(c, 20))
		r->vlan_mode = (uint8_t)chance_between(c, 1, 4);
	r->vid2 = w->vlan[chance_below(c, WORLD_VLANS)];
	r->vid = w->vlan[chance_below(c, WORLD_VLANS)];
	if (chance_percent(c, 10))
		r->ethertype = ethertypes[chance_below(c, 5)];
	if (chance_percent(c, 60)) {
		r->l3 = chance_percent(c, 50) ? 4 : 6;
		rule_addresses(w, c, r);
	}
	if (chance_percent(c, 30))
		rule_ports(w, c, r);
	if (chance_percent(c, 20)) {
		r->tcp_flags_mask = (uint8_t)(1u << chance_below(c, 8) | 1u << chance_below(c, 8));
		r->tcp_flags = (uint8_t)chance_word(c) & r->tcp_flags_mask;
	}
	if (chance_percent(c, 15))
		r->frag = (uint8_t)chance_between(c, 1, 2);
	if (chance_percent(c, 10))
		r->ttl_max = (uint8_t)chance_below(c, 70);
	if (chance_percent(c, 20)) {
		r->tunnel_mode = (uint8_t)chance_between(c, 1, chance_percent(c, 50) ? 2 : 6);
		r->vni_mask = chance_percent(c, 60) ? 0xffffff : chance_below(c, 1u << 24);
		r->vni = w->vni[chance_below(c, WORLD_VNIS)] & r->vni_mask;
	}
	if (chance_percent(c, 5))
		r->inner_l3 = chance_percent(c, 50) ? 4 : 6;
	if (chance_percent(c, 5))
		r->inner_proto = inner_protos[chance_below(c, sizeof(inner_protos))];
}

static uint8_t random_set(struct chance *c)
{
	static const uint8_t sets[WORLD_SETS] = { 0, 1, SL_PREFIX_SETS - 1 };

	return sets[chance_below(c, WORLD_SETS)];
}

void world_rule(const struct world *w, struct chance *c, struct sl_class_rule *rule)
{
	memset(rule, 0, sizeof(*rule));
	rule->valid = !chance_percent(c, 5);
	rule->port_mask = 0xff;
	rule->sport_hi = rule->dport_hi = 65535;
	rule->ttl_max = 255;
	rule->meter = (uint8_t)chance_below(c, SL_METERS);
	rule->tenant = w->tenant[chance_percent(c, 80) ? 0 : chance_below(c, WORLD_TENANTS)];
	rule->mark = (uint32_t)chance_word(c);
	rule->copy_mark = (uint32_t)chance_word(c);
	rule->cookie = chance_word(c);
	switch (chance_below(c, 10)) {
	case 0:
		rule->verdict = SL_VERDICT_DROP;
		break;
	case 1:
	case 2:
		rule->verdict = SL_VERDICT_HOST;
		rule->flags = chance_percent(c, 60) ? SL_RULE_FLAG_MARK : 0;
		break;
	default:
		rule->verdict = SL_VERDICT_FLOWS;
		rule->flags = (uint8_t)((chance_percent(c, 20) ? SL_RULE_FLAG_COPY : 0) |
					(chance_percent(c, 15) ? SL_RULE_FLAG_DECAP : 0));
	}
	rule_conditions(w, c, rule);
	if (chance_percent(c, 35)) {
		rule->prefix_mode = (uint8_t)chance_between(c, SL_PREFIX_MODE_DST, SL_PREFIX_MODE_SRC);
		rule->prefix_set = random_set(c);
	}
}

/* Of a connection of the pool, or of nobody. */
static void random_prefix(const struct world *w, struct chance *c, uint32_t mode, struct sl_class_prefix *p)
{
	const struct tuple *t = &w->tuple[chance_below(c, WORLD_TUPLES)];
	const uint16_t port = mode == SL_PREFIX_MODE_SRC ? t->sport : t->dport;

	*p = (struct sl_class_prefix){.family = t->family, .port_hi = 65535,
				.meter = (uint8_t)(chance_percent(c, 40) ? SL_PREFIX_METER_RULE : chance_below(c, SL_METERS))};
	memcpy(p->addr, mode == SL_PREFIX_MODE_SRC ? t->src : t->dst, t->family == 4 ? 4 : 16);
	if (chance_percent(c, 10))
		p->addr[chance_below(c, 4)] ^= (uint8_t)(1u << chance_below(c, 8));
	for (int i = 0; i < 2; i++)
		p->sets |= 1u << random_set(c);
	if (chance_percent(c, 75)) {
		p->proto = (uint8_t)(chance_percent(c, 90) ? t->proto : chance_below(c, 256));
		p->proto_mask = 255;
	}
	if (chance_percent(c, 70)) {
		p->port_lo = p->port_hi = port;
		if (chance_percent(c, 30)) {
			p->port_lo = (uint16_t)chance_between(c, port > 300 ? port - 300u : 0, port);
			p->port_hi = (uint16_t)chance_between(c, port, 65535);
		}
	}
}

/* The bucket of that index among those in use, which may be a new one; the last if there are too many. */
static unsigned int use_bucket(struct world *w, uint32_t index)
{
	unsigned int i = 0;

	while (i < w->prefix_count && w->prefix[i].index != index)
		i++;
	if (i == WORLD_BUCKETS)
		return WORLD_BUCKETS - 1;
	if (i == w->prefix_count) {
		w->prefix[i].index = index;
		w->prefix_count++;
	}
	return i;
}

unsigned int world_prefix(struct world *w, struct chance *c)
{
	const uint32_t mode = chance_between(c, SL_PREFIX_MODE_DST, SL_PREFIX_MODE_SRC);
	struct sl_class_prefix p;
	uint32_t table;
	unsigned int at;

	random_prefix(w, c, mode, &p);
	table = sl_prefix_table_of(&p, mode);
	if (w->prefix_count && chance_percent(c, 30)) {
		at = chance_below(c, w->prefix_count);
		(&w->prefix[at].bucket.slot0)[chance_below(c, SL_PREFIX_WAYS)] = (struct sl_class_prefix){0};
		return at;
	}
	at = use_bucket(w, sl_prefix_bucket_index(table, chance_below(c, 2), sl_prefix_hash_of(&p, table)));
	(&w->prefix[at].bucket.slot0)[chance_below(c, SL_PREFIX_WAYS)] = p;
	return at;
}

/* A header template; the outer IPv4 checksum is right for total length 0 or, rarely, anything. */
static void action_header(const struct world *w, struct chance *c, struct sl_action *a)
{
	unsigned int len = 14 + 4 * chance_below(c, 3);

	chance_fill(c, a->hdr, sizeof(a->hdr));
	memcpy(a->hdr, w->mac[0], 6);
	a->flags |= SL_ACTION_FLAG_STRIP_L2;
	a->l3_off = (uint8_t)len;
	if (chance_percent(c, 60)) {
		const bool six = chance_percent(c, 50);

		a->flags |= six ? SL_ACTION_FLAG_OUTER_V6 : SL_ACTION_FLAG_OUTER_V4;
		a->hdr[len] = six ? 0x60 : 0x45;
		a->hdr[len + (six ? 4 : 2)] = 0;
		a->hdr[len + (six ? 5 : 3)] = 0;
		len += six ? 40 : 20;
		if (chance_percent(c, 60)) {
			a->flags |= SL_ACTION_FLAG_OUTER_UDP;
			a->l4_off = (uint8_t)len;
			len += chance_percent(c, 80) ? 30 : 8;
		}
	} else if (chance_percent(c, 10)) {
		len = chance_below(c, SL_ACTION_HDR_BYTES + 1);
		a->l3_off = (uint8_t)(len < 14 ? len : 14);
	}
	a->hdr_len = (uint8_t)len;
	memset(a->hdr + len, 0, sizeof(a->hdr) - len);
}

void world_action(const struct world *w, struct chance *c, struct sl_action *action)
{
	memset(action, 0, sizeof(*action));
	action->flags = chance_percent(c, 95) ? SL_ACTION_FLAG_VALID : 0;
	action->port = (uint8_t)(chance_percent(c, 95) ? chance_below(c, SL_CARD_PORTS) : chance_below(c, 256));
	if (chance_percent(c, 30))
		action->mtu = (uint16_t)(chance_percent(c, 80) ? chance_between(c, 30, 250) : chance_word(c));
	action->generation = (uint32_t)chance_word(c);
	if (chance_percent(c, 80))
		action_header(w, c, action);
}

void world_key(const struct world *w, struct chance *c, unsigned int tuple, struct sl_key *key)
{
	const struct tuple *t = &w->tuple[tuple];

	memset(key, 0, sizeof(*key));
	memcpy(key->src, t->src, t->family == 4 ? 4 : 16);
	memcpy(key->dst, t->dst, t->family == 4 ? 4 : 16);
	key->sport = be16(t->sport);
	key->dport = be16(t->dport);
	key->proto = t->proto;
	key->family = t->family;
	key->tenant = w->tenant[chance_percent(c, 85) ? 0 : chance_below(c, WORLD_TENANTS)];
	if (chance_percent(c, 2)) /* another key, or none: IPv4 with more behind an address, no family */
		((uint8_t *)key)[chance_below(c, sizeof(*key))] ^= (uint8_t)(1u << chance_below(c, 8));
}

void world_record(const struct world *w, struct chance *c, const struct sl_key *key, struct sl_record *record)
{
	const int six = key->family == 6;

	memset(record, 0, sizeof(*record));
	record->action = chance_below(c, WORLD_ACTIONS);
	if (chance_percent(c, 2))
		record->action = (uint32_t)chance_word(c) >> chance_below(c, 32);
	if (chance_percent(c, 40)) {
		record->flags |= SL_RECORD_FLAG_NAT_SRC;
		memcpy(record->new_src, w->address[six][chance_below(c, WORLD_ADDRESSES)], six ? 16 : 4);
		record->new_sport = (uint16_t)chance_word(c);
	}
	if (chance_percent(c, 40)) {
		record->flags |= SL_RECORD_FLAG_NAT_DST;
		memcpy(record->new_dst, w->address[six][chance_below(c, WORLD_ADDRESSES)], six ? 16 : 4);
		record->new_dport = (uint16_t)chance_word(c);
	}
	if (chance_percent(c, 50))
		record->flags |= SL_RECORD_FLAG_DEC_TTL;
	if (chance_percent(c, 40))
		record->flags |= SL_RECORD_FLAG_COPY_ECN;
	if (chance_percent(c, 20))
		record->flags |= SL_RECORD_FLAG_COPY_DSCP;
	record->owner = (uint8_t)chance_word(c);
	record->cookie = chance_word(c);
	sl_record_set_deltas(key, record);
	if (chance_percent(c, 10)) {
		record->l3_delta = (uint16_t)chance_word(c);
		record->l4_delta = (uint16_t)chance_word(c);
	}
	if (chance_percent(c, 10)) { /* what the card does not keep */
		record->age_s = (uint16_t)chance_word(c);
		record->reserved1 = chance_word(c);
		record->new_src[15] = (uint8_t)chance_word(c);
	}
}

static void make_rules(struct world *w, struct chance *c)
{
	const unsigned int rules = chance_percent(c, 70) ? chance_below(c, 10) : chance_below(c, SL_CLASS_RULES - 2);
	struct sl_class_rule *last = &w->rule[rules + 1], *tunnel = &w->rule[rules];

	for (unsigned int i = 0; i < rules; i++) {
		world_rule(w, c, &w->rule[i]);
		if (chance_percent(c, 90) && w->rule[i].tcp_flags_mask == 0 && w->rule[i].frag == 0)
			rule_ports(w, c, &w->rule[i]);
	}
	if (chance_percent(c, 85)) {
		world_rule(w, c, tunnel);
		memset(tunnel->dmac_mask, 0, 6);
		*tunnel = (struct sl_class_rule){.valid = 1, .verdict = SL_VERDICT_FLOWS, .flags = SL_RULE_FLAG_DECAP,
						 .tenant = w->tenant[0], .port_mask = 0xff, .sport_hi = 65535,
						 .dport_hi = 65535, .ttl_max = 255, .tunnel_mode = SL_TUNNEL_MODE_VNI};
		if (chance_percent(c, 60))
			tunnel->tunnel_mode = (uint8_t)chance_between(c, SL_TUNNEL_MODE_GENEVE, SL_TUNNEL_MODE_IPIP);
		if (tunnel->tunnel_mode <= SL_TUNNEL_MODE_GRE && chance_percent(c, 30)) {
			tunnel->vni_mask = 0xffffff;
			tunnel->vni = w->vni[chance_below(c, WORLD_VNIS)];
		}
	}
	if (chance_percent(c, 85))
		*last = (struct sl_class_rule){.valid = 1, .verdict = SL_VERDICT_FLOWS, .tenant = w->tenant[0],
					       .flags = chance_percent(c, 20) ? SL_RULE_FLAG_COPY : 0, .copy_mark = 77,
					       .port_mask = 0xff, .sport_hi = 65535, .dport_hi = 65535, .ttl_max = 255};
}

void world_make(struct world *w, struct chance *c)
{
	memset(w, 0, sizeof(*w));
	make_pools(w, c);
	chance_fill(c, w->hash_key, sizeof(w->hash_key));
	w->vxlan_port = (chance_percent(c, 80) ? SL_VXLAN_PORT : w->port[1]) | (chance_percent(c, 80) ? 15 : chance_below(c, 16)) << 16;
	w->miss_mark = (uint32_t)chance_word(c);
	w->miss_flags = chance_below(c, 2);
	for (int i = 0; i < SL_CARD_PORTS; i++)
		w->port_flags[i] = (chance_percent(c, 97) ? 1 : 0) | chance_below(c, 4) << 1;
	for (int i = 0; i < SL_MAC_FILTERS; i++) {
		memcpy(w->filter[i].mac, w->mac[chance_below(c, WORLD_MACS)], 6);
		w->filter[i].port_mask = (uint8_t)chance_below(c, 4);
		w->filter[i].valid = chance_percent(c, 50);
	}
	w->metered = chance_percent(c, 40);
	for (int i = 0; w->metered && i < SL_METERS; i++)
		if (chance_percent(c, 40))
			w->meter[i] = (struct sl_meter){.rate = chance_below(c, 2000), .burst = chance_between(c, 1, 40)};
	make_rules(w, c);
	for (unsigned int i = chance_percent(c, 75) ? chance_below(c, 2 * WORLD_BUCKETS) : 0; i; i--)
		world_prefix(w, c);
	for (int i = 0; i < WORLD_ACTIONS; i++)
		world_action(w, c, &w->action[i]);
}

void world_apply(const struct world *w, struct sl_card *card)
{
	sl_card_hash_key(card, w->hash_key);
	sl_card_write(card, SL_CSR_VXLAN_PORT, w->vxlan_port);
	sl_card_write(card, SL_CSR_MISS_MARK, w->miss_mark);
	sl_card_write(card, SL_CSR_MISS_FLAGS, w->miss_flags);
	for (unsigned int i = 0; i < SL_CARD_PORTS; i++)
		sl_card_write(card, SL_CSR_PORT_FLAGS(i), w->port_flags[i]);
	for (unsigned int i = 0; i < SL_MAC_FILTERS; i++)
		sl_card_mac(card, i, w->filter[i].mac, w->filter[i].port_mask, w->filter[i].valid);
	for (unsigned int i = 0; i < SL_CLASS_RULES; i++)
		sl_card_table_write(card, SL_CSR_TABLE_CLASS, i, &w->rule[i], sizeof(w->rule[i]));
	for (unsigned int i = 0; i < w->prefix_count; i++)
		sl_card_table_write(card, SL_CSR_TABLE_PREFIX, w->prefix[i].index, &w->prefix[i].bucket,
				    sizeof(w->prefix[i].bucket));
	for (unsigned int i = 0; i < WORLD_ACTIONS; i++)
		sl_card_table_write(card, SL_CSR_TABLE_ACTION, i, &w->action[i], sizeof(w->action[i]));
	for (unsigned int i = 0; i < SL_METERS; i++)
		sl_card_table_write(card, SL_CSR_TABLE_METER, i, &w->meter[i], sizeof(w->meter[i]));
	sl_card_write(card, SL_CSR_CTRL, 1);
}
