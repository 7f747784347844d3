/* SPDX-License-Identifier: BSD-3-Clause */
/* Members and prefixes. See prefixes.h. */
#include "driver/fpga/prefixes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sluice/prefix.h"

static struct sl_prefix_entry **chain_of(struct sl_prefixes *prefixes, const struct sl_class_prefix *p)
{
	return &prefixes->chain[sl_prefix_hash(p->addr, p->family) % SL_PREFIX_CHAINS];
}

static bool same_address(const struct sl_class_prefix *a, const struct sl_class_prefix *b)
{
	return a->family == b->family && memcmp(a->addr, b->addr, sizeof(a->addr)) == 0;
}

/* But for sets and meter. */
static bool same_match(const struct sl_class_prefix *a, const struct sl_class_prefix *b)
{
	return same_address(a, b) && a->proto == b->proto && a->proto_mask == b->proto_mask && a->port_lo == b->port_lo &&
	       a->port_hi == b->port_hi;
}

static bool overlap(const struct sl_class_prefix *a, const struct sl_class_prefix *b)
{
	return same_address(a, b) && ((a->proto ^ b->proto) & a->proto_mask & b->proto_mask) == 0 &&
	       a->port_lo <= b->port_hi && b->port_lo <= a->port_hi;
}

static struct sl_prefix_entry *find(struct sl_prefixes *prefixes, uint8_t mode, const struct sl_class_prefix *p)
{
	struct sl_prefix_entry *e = *chain_of(prefixes, p);

	while (e && !(e->mode == mode && e->content.meter == p->meter && same_match(&e->content, p)))
		e = e->next;
	return e;
}

static void forget(struct sl_prefixes *prefixes, struct sl_prefix_entry *entry)
{
	struct sl_prefix_entry **at = chain_of(prefixes, &entry->content);

	while (*at != entry)
		at = &(*at)->next;
	*at = entry->next;
	prefixes->unsure -= entry->unsure;
	free(entry);
}

/* Writes an entry's sets; an unanswered command leaves it unsure of them. */
static int write_sets(struct sl_prefixes *prefixes, struct sl_prefix_entry *entry, uint32_t sets)
{
	struct sl_prefix_arg arg = {.table = sl_prefix_table_of(&entry->content, entry->mode), .prefix = entry->content};
	int rc;

	arg.prefix.sets = sets;
	rc = sl_admin_exec(prefixes->admin, SL_ADMIN_OP_PREFIX_SET, &arg, sizeof(arg), NULL, 0);
	if (rc == -ENOENT && sets == 0)
		rc = 0;
	if (rc == -ETIMEDOUT && !entry->unsure) {
		entry->unsure = true;
		prefixes->unsure++;
	} else if (rc == 0) {
		prefixes->unsure -= entry->unsure;
		entry->unsure = false;
		entry->content.sets = sets;
	}
	return rc;
}

/* Writes what is believed to stand once more, where the card has not confirmed it. */
static int settle(struct sl_prefixes *prefixes)
{
	int rc = 0;

	for (uint32_t i = 0; prefixes->unsure && rc == 0 && i < SL_PREFIX_CHAINS; i++) {
		struct sl_prefix_entry *next;

		for (struct sl_prefix_entry *e = prefixes->chain[i]; e && rc == 0; e = next) {
			next = e->next;
			if (e->unsure)
				rc = write_sets(prefixes, e, e->content.sets);
			if (rc == 0 && e->content.sets == 0)
				forget(prefixes, e);
		}
	}
	return rc;
}

static int put(struct sl_prefixes *prefixes, uint8_t mode, const struct sl_class_prefix *p, uint32_t set)
{
	struct sl_prefix_entry *entry = find(prefixes, mode, p);
	const uint32_t bit = 1u << set;
	int rc = 0;

	if (!entry) {
		entry = calloc(1, sizeof(*entry));
		if (!entry)
			return -ENOMEM;
		entry->content = *p;
		entry->content.sets = 0;
		entry->mode = mode;
		entry->next = *chain_of(prefixes, p);
		*chain_of(prefixes, p) = entry;
	}
	if (!(entry->content.sets & bit))
		rc = write_sets(prefixes, entry, entry->content.sets | bit);
	if (rc == 0)
		entry->live |= bit;
	else if (entry->content.sets == 0 && !entry->unsure)
		forget(prefixes, entry);
	return rc;
}

static int take_out(struct sl_prefixes *prefixes, struct sl_prefix_entry *entry, uint32_t sets)
{
	int rc = write_sets(prefixes, entry, entry->content.sets & ~sets);

	if (rc)
		return rc;
	entry->live &= ~sets;
	if (entry->content.sets == 0)
		forget(prefixes, entry);
	return 0;
}

static int drop(struct sl_prefixes *prefixes, uint8_t mode, const struct sl_class_prefix *p, uint32_t set)
{
	struct sl_prefix_entry *entry = find(prefixes, mode, p);

	return entry ? take_out(prefixes, entry, 1u << set) : 0;
}

/* The same of a prefix in a set that no rule asks for any more: if it fails, it is done before the set is used again. */
static void abandon(struct sl_prefixes *prefixes, uint8_t mode, const struct sl_class_prefix *p, uint32_t set)
{
	struct sl_prefix_entry *entry = find(prefixes, mode, p);

	if (!entry)
		return;
	entry->live &= ~(1u << set);
	take_out(prefixes, entry, 1u << set);
}

/* Takes every prefix out of these sets, where no member has it. Returns how many, or a negative errno. */
static int take_all_out(struct sl_prefixes *prefixes, uint32_t sets)
{
	int count = 0;

	for (uint32_t i = 0; i < SL_PREFIX_CHAINS; i++) {
		struct sl_prefix_entry *next;

		for (struct sl_prefix_entry *e = prefixes->chain[i]; e; e = next) {
			const uint32_t unwanted = e->content.sets & sets & ~e->live;
			int rc;

			next = e->next;
			if (!unwanted)
				continue;
			rc = take_out(prefixes, e, unwanted);
			if (rc)
				return rc;
			count++;
		}
	}
	return count;
}

/* Sets of rules, live or held, whose owner has its bit in owners. */
static uint32_t sets_of(const struct sl_prefixes *prefixes, uint32_t owners)
{
	uint32_t sets = 0;

	for (uint32_t i = 0; i < prefixes->rules->count; i++) {
		const struct sl_rule *rule = prefixes->rules->slots[i];

		if (rule && rule->content.prefix_mode && rule->owner < 32 && (owners >> rule->owner & 1))
			sets |= 1u << rule->content.prefix_set;
	}
	return sets;
}

/* ---- which rules may be members -------------------------------------------------------------------------------- */

static bool full_address(uint8_t l3, uint8_t plen)
{
	return (l3 == 4 && plen == 32) || (l3 == 6 && plen == 128);
}

static bool any_ports(uint16_t lo, uint16_t hi)
{
	return lo == 0 && hi == 0xffff;
}

/* Splits a rule into a prefix and what is left. False if it is not about one address, or is about a tunnel (of any kind:
 * such rules are few, and each keeps its own counters), or copies (its meter is that of the copies). */
static bool split(const struct sl_class_rule *wanted, struct sl_class_rule *rest, struct sl_class_prefix *p)
{
	const bool dst = full_address(wanted->l3, wanted->dst_plen) && wanted->src_plen == 0 &&
			 any_ports(wanted->sport_lo, wanted->sport_hi);
	const bool src = full_address(wanted->l3, wanted->src_plen) && wanted->dst_plen == 0 &&
			 any_ports(wanted->dport_lo, wanted->dport_hi);

	if ((!dst && !src) || wanted->flags & SL_RULE_FLAG_COPY || wanted->tunnel_mode > SL_TUNNEL_MODE_NONE)
		return false;
	*p = (struct sl_class_prefix){.family = wanted->l3, .proto = wanted->proto_mask ? wanted->proto : 0,
				.proto_mask = wanted->proto_mask, .meter = SL_PREFIX_METER_RULE,
				.port_lo = dst ? wanted->dport_lo : wanted->sport_lo,
				.port_hi = dst ? wanted->dport_hi : wanted->sport_hi};
	memcpy(p->addr, dst ? wanted->dst : wanted->src, sizeof(p->addr));
	*rest = *wanted;
	rest->valid = 1;
	rest->l3 = rest->proto = rest->proto_mask = rest->src_plen = rest->dst_plen = 0;
	memset(rest->src, 0, sizeof(rest->src));
	memset(rest->dst, 0, sizeof(rest->dst));
	rest->sport_lo = rest->dport_lo = 0;
	rest->sport_hi = rest->dport_hi = 0xffff;
	rest->prefix_mode = dst ? SL_PREFIX_MODE_DST : SL_PREFIX_MODE_SRC;
	return true;
}

/* But for cookie, meter and set. */
static bool same_rest(const struct sl_class_rule *a, const struct sl_class_rule *b)
{
	struct sl_class_rule copy = *a;

	copy.cookie = b->cookie;
	copy.meter = b->meter;
	copy.prefix_set = b->prefix_set;
	return memcmp(&copy, b, sizeof(copy)) == 0;
}

static bool vlans_differ(const struct sl_class_rule *a, const struct sl_class_rule *b)
{
	if (a->vlan_mode == SL_VLAN_MODE_ANY || b->vlan_mode == SL_VLAN_MODE_ANY)
		return false;
	if (a->vlan_mode == SL_VLAN_MODE_UNTAGGED || b->vlan_mode == SL_VLAN_MODE_UNTAGGED)
		return a->vlan_mode != b->vlan_mode;
	if (a->vid != b->vid)
		return true;
	return a->vlan_mode == SL_VLAN_MODE_QINQ && b->vlan_mode == SL_VLAN_MODE_QINQ && a->vid2 != b->vid2;
}

static bool prefix_differs(const uint8_t *a, uint8_t a_len, const uint8_t *b, uint8_t b_len)
{
	const unsigned int bits = a_len < b_len ? a_len : b_len;

	if (memcmp(a, b, bits / 8))
		return true;
	return bits % 8 && (a[bits / 8] ^ b[bits / 8]) >> (8 - bits % 8);
}

static bool addresses_differ(const struct sl_class_rule *a, const struct sl_class_rule *b)
{
	if (!a->l3 || !b->l3)
		return false;
	return a->l3 != b->l3 || prefix_differs(a->src, a->src_plen, b->src, b->src_plen) ||
	       prefix_differs(a->dst, a->dst_plen, b->dst, b->dst_plen);
}

/* Whether no frame can meet both rules; said only where it is plain. Prefixes that they ask for are left to the caller. */
static bool disjoint(const struct sl_class_rule *a, const struct sl_class_rule *b)
{
	for (int i = 0; i < 6; i++)
		if ((a->dmac[i] ^ b->dmac[i]) & a->dmac_mask[i] & b->dmac_mask[i])
			return true;
	if (!(a->port_mask & b->port_mask) || vlans_differ(a, b) || addresses_differ(a, b))
		return true;
	if ((a->tcp_flags ^ b->tcp_flags) & a->tcp_flags_mask & b->tcp_flags_mask)
		return true;
	if ((a->proto ^ b->proto) & a->proto_mask & b->proto_mask)
		return true;
	return a->dport_lo > b->dport_hi || b->dport_lo > a->dport_hi || a->sport_lo > b->sport_hi || b->sport_lo > a->sport_hi;
}

/* Whether a live prefix of the rule's set may be met by a frame of p. But if `meter`, not one under the same meter, nor an
 * exact one if p is wide: those decide as the earlier rule would. */
static bool set_meets(struct sl_prefixes *prefixes, const struct sl_rule *rule, const struct sl_class_prefix *p, bool meter)
{
	const uint8_t mode = rule->content.prefix_mode;
	const bool wide = sl_prefix_table_wide(sl_prefix_table_of(p, mode));

	for (const struct sl_prefix_entry *e = *chain_of(prefixes, p); e; e = e->next) {
		if (e->mode != mode || !(e->live >> rule->content.prefix_set & 1) || !overlap(&e->content, p))
			continue;
		if (same_match(&e->content, p) || !meter)
			return true;
		if (e->content.meter != p->meter && !(wide && !sl_prefix_table_wide(sl_prefix_table_of(&e->content, mode))))
			return true;
	}
	return false;
}

/* Whether a member of the rule decides as a rule of this priority that is made now. Rules before it are older or more
 * important; of those behind it none of its priority may meet the same frames. */
static bool may_join(struct sl_prefixes *prefixes, const struct sl_rule *rule, const struct sl_class_rule *wanted,
		     const struct sl_class_prefix *p)
{
	if (set_meets(prefixes, rule, p, true))
		return false;
	for (uint32_t i = rule->index + 1; i < prefixes->rules->count; i++) {
		const struct sl_rule *other = prefixes->rules->slots[i];

		if (!other || other->held || other->priority != rule->priority || disjoint(&other->content, wanted))
			continue;
		if (other->content.prefix_mode != rule->content.prefix_mode || set_meets(prefixes, other, p, false))
			return false;
	}
	return true;
}

/* ---- members ------------------------------------------------------------------------------------------------------ */

/* The meter that a member's prefix names. A jump whose tag is its rule's follows the rule. */
static uint8_t meter_in(const struct sl_rule *rule, const struct sl_class_rule *wanted, uint32_t tag)
{
	if (wanted->verdict == SL_VERDICT_FLOWS)
		return tag == rule->tag ? SL_PREFIX_METER_RULE : wanted->meter;
	return wanted->meter == rule->content.meter ? SL_PREFIX_METER_RULE : wanted->meter;
}

static int join(struct sl_prefixes *prefixes, struct sl_rule *rule, const struct sl_class_prefix *p, uint32_t tag,
		struct sl_prefix_member **member)
{
	struct sl_prefix_member *made = calloc(1, sizeof(*made));
	int rc = made ? put(prefixes, rule->content.prefix_mode, p, rule->content.prefix_set) : -ENOMEM;

	if (rc) {
		free(made);
		return rc == -ENOSPC ? 1 : rc;
	}
	*made = (struct sl_prefix_member){.rule = rule, .prefix = *p, .tag = tag, .mode = rule->content.prefix_mode};
	TAILQ_INSERT_TAIL(&prefixes->members, made, next);
	rule->members++;
	*member = made;
	return 0;
}

/* A rule to take over with its set, or a set that no rule asks for, emptied. -1 if there is none, or a negative errno. */
static int choose_set(struct sl_prefixes *prefixes, const struct sl_class_rule *rest, uint8_t owner)
{
	uint32_t used = 0;
	int set, rc;

	for (uint32_t i = 0; i < prefixes->rules->count; i++) {
		const struct sl_rule *rule = prefixes->rules->slots[i];

		if (!rule || !rule->content.prefix_mode)
			continue;
		if (rule->held && !rule->doubtful && rule->owner == owner && same_rest(rest, &rule->content))
			return rule->content.prefix_set;
		used |= 1u << rule->content.prefix_set;
	}
	if (used == UINT32_MAX)
		return -EXFULL;
	set = __builtin_ctz(~used);
	rc = take_all_out(prefixes, 1u << set);
	return rc < 0 ? rc : set;
}

/* The first member of a new class rule, or of one that is taken over: its prefix stands before the rule asks for it. */
static int found(struct sl_prefixes *prefixes, struct sl_class_rule *rest, const struct sl_class_prefix *p, uint32_t priority,
		 uint8_t owner, uint32_t tag, struct sl_prefix_member **member)
{
	const int set = choose_set(prefixes, rest, owner);
	struct sl_prefix_member *made;
	struct sl_rule *rule;
	int rc;

	if (set < 0)
		return set == -EXFULL ? 1 : set;
	rest->prefix_set = (uint8_t)set;
	made = calloc(1, sizeof(*made));
	rc = made ? put(prefixes, rest->prefix_mode, p, (uint32_t)set) : -ENOMEM;
	if (rc) {
		free(made);
		return rc == -ENOSPC ? 1 : rc;
	}
	rc = sl_rules_add(prefixes->rules, rest, priority, owner, &rule);
	if (rc) {
		abandon(prefixes, rest->prefix_mode, p, (uint32_t)set);
		free(made);
		return rc;
	}
	rule->tag = tag;
	rule->members = 1;
	*made = (struct sl_prefix_member){.rule = rule, .prefix = *p, .tag = tag, .mode = rest->prefix_mode};
	TAILQ_INSERT_TAIL(&prefixes->members, made, next);
	*member = made;
	return 0;
}

int sl_prefixes_add(struct sl_prefixes *prefixes, const struct sl_class_rule *wanted, uint32_t priority, uint8_t owner,
		    uint32_t tag, struct sl_prefix_member **member)
{
	struct sl_class_rule rest;
	bool others = false;
	struct sl_class_prefix p;
	int rc;

	rc = settle(prefixes);
	if (rc)
		return rc;
	if (!prefixes->usable || !split(wanted, &rest, &p))
		return 1;
	for (uint32_t i = 0; i < prefixes->rules->count; i++) {
		struct sl_rule *rule = prefixes->rules->slots[i];

		if (!rule || rule->held || !rule->members || rule->priority != priority || rule->owner != owner ||
		    !same_rest(&rest, &rule->content))
			continue;
		p.meter = meter_in(rule, wanted, tag);
		if (may_join(prefixes, rule, wanted, &p))
			return join(prefixes, rule, &p, tag, member);
		others = true;
	}
	p.meter = SL_PREFIX_METER_RULE;
	return others ? 1 : found(prefixes, &rest, &p, priority, owner, tag, member);
}

static void member_forget(struct sl_prefixes *prefixes, struct sl_prefix_member *member)
{
	TAILQ_REMOVE(&prefixes->members, member, next);
	member->rule->members--;
	free(member);
}

int sl_prefixes_remove(struct sl_prefixes *prefixes, struct sl_prefix_member *member)
{
	const uint32_t set = member->rule->content.prefix_set;
	struct sl_rule *rule = member->rule;
	int rc = settle(prefixes);

	if (rc)
		return rc;
	if (rule->members > 1) {
		rc = drop(prefixes, member->mode, &member->prefix, set);
		if (rc == 0)
			member_forget(prefixes, member);
		return rc;
	}
	rc = sl_rules_remove(prefixes->rules, rule);
	if (rc)
		return rc;
	TAILQ_REMOVE(&prefixes->members, member, next);
	abandon(prefixes, member->mode, &member->prefix, set);
	free(member);
	return 0;
}

void sl_prefixes_release(struct sl_prefixes *prefixes, struct sl_prefix_member *member)
{
	struct sl_prefix_entry *entry = find(prefixes, member->mode, &member->prefix);

	if (entry)
		entry->live &= ~(1u << member->rule->content.prefix_set);
	if (member->rule->members == 1)
		member->rule->held = true;
	member_forget(prefixes, member);
}

int sl_prefixes_set_flow_meters(struct sl_prefixes *prefixes, uint8_t (*meter_of)(const void *ctx, uint32_t tag),
				const void *ctx)
{
	struct sl_prefix_member *m;

	TAILQ_FOREACH(m, &prefixes->members, next) {
		const uint32_t set = m->rule->content.prefix_set;
		struct sl_class_prefix wanted = m->prefix;
		int rc;

		if (m->rule->content.verdict != SL_VERDICT_FLOWS || m->tag == m->rule->tag)
			continue;
		wanted.meter = meter_of(ctx, m->tag);
		if (wanted.meter == m->prefix.meter)
			continue;
		rc = put(prefixes, m->mode, &wanted, set);
		if (rc == 0)
			rc = drop(prefixes, m->mode, &m->prefix, set);
		if (rc)
			return rc;
		m->prefix.meter = wanted.meter;
	}
	return 0;
}

int sl_prefixes_sweep(struct sl_prefixes *prefixes, uint32_t owners)
{
	return take_all_out(prefixes, sets_of(prefixes, owners) | ~sets_of(prefixes, UINT32_MAX));
}

/* ---- life ------------------------------------------------------------------------------------------------------------ */

int sl_prefixes_read(struct sl_prefixes *prefixes, int (*seen)(void *ctx, const struct sl_prefix_arg *prefix), void *ctx)
{
	struct sl_index_arg from = {.index = 0};
	uint32_t count = 0;
	int rc = 0;

	while (prefixes->usable && rc == 0 && from.index < SL_PREFIX_BUCKETS) {
		struct sl_prefix_list list;
		const struct sl_prefix_arg *entry = &list.entry0;

		rc = sl_admin_exec(prefixes->admin, SL_ADMIN_OP_PREFIX_LIST, &from, sizeof(from), &list, sizeof(list));
		for (uint32_t i = 0; rc == 0 && i < list.count && i < 5; i++, count++)
			rc = seen(ctx, &entry[i]);
		if (rc == 0)
			from.index = count >= list.total || list.next <= from.index ? SL_PREFIX_BUCKETS : list.next;
	}
	return rc;
}

static int hold(void *ctx, const struct sl_prefix_arg *read)
{
	struct sl_prefixes *prefixes = ctx;
	const uint8_t mode = read->table < SL_PREFIX_TABLE_SRC_EXACT ? SL_PREFIX_MODE_DST : SL_PREFIX_MODE_SRC;
	struct sl_prefix_entry *entry = find(prefixes, mode, &read->prefix);

	if (entry)
		return 0; /* moved by the firmware's death in the middle of it: twice the same */
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return -ENOMEM;
	entry->content = read->prefix;
	entry->mode = mode;
	entry->next = *chain_of(prefixes, &read->prefix);
	*chain_of(prefixes, &read->prefix) = entry;
	return 0;
}

int sl_prefixes_open(struct sl_prefixes *prefixes, struct sl_admin *admin, struct sl_rules *rules, bool usable)
{
	int rc;

	memset(prefixes, 0, sizeof(*prefixes));
	TAILQ_INIT(&prefixes->members);
	prefixes->admin = admin;
	prefixes->rules = rules;
	prefixes->usable = usable;
	rules->prefixes = prefixes;
	rc = sl_prefixes_read(prefixes, hold, prefixes);
	if (rc == 0)
		rc = take_all_out(prefixes, ~sets_of(prefixes, UINT32_MAX));
	if (rc < 0)
		sl_prefixes_close(prefixes);
	return rc < 0 ? rc : 0;
}

void sl_prefixes_close(struct sl_prefixes *prefixes)
{
	for (uint32_t i = 0; i < SL_PREFIX_CHAINS; i++)
		while (prefixes->chain[i])
			forget(prefixes, prefixes->chain[i]);
	if (prefixes->rules)
		prefixes->rules->prefixes = NULL;
}
