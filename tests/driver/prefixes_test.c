/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rules that become prefixes decide as they would one by one. A list of rules in the order of (priority, creation) says what
 * must become of a frame; the fake card has rules and prefix tables, and the C model finds what would become of it there.
 * Rules come and go at random, the driver is restarted, and the card leaves commands unanswered (SLUICE_SEED replays).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <errno.h>

#include "driver/fpga/prefixes.h"
#include "hw/model/class.h"
#include "sluice/prefix.h"

#define RULES 400
#define STEPS 12000
#define FRAMES 12

static struct {
	struct sl_class_table rules;
	struct sl_prefix_bucket tables[SL_PREFIX_BUCKETS];
	uint32_t prefixes, commands;
	unsigned int mute_pct; /* PREFIX_SET that is not answered */
	bool full;             /* PREFIX_SET finds no room */
} card;

static uint64_t random_state;

static uint32_t below(uint32_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 32) % n;
}

static int card_rule(const struct sl_rule_arg *arg)
{
	const uint64_t bit = 1ull << arg->index;

	card.rules.rule[arg->index] = arg->rule;
	card.rules.valid = arg->rule.valid ? card.rules.valid | bit : card.rules.valid & ~bit;
	card.rules.asking = sl_prefix_asked(&arg->rule) ? card.rules.asking | bit : card.rules.asking & ~bit;
	return 0;
}

static int card_prefix(const struct sl_prefix_arg *arg)
{
	const uint32_t hash = sl_prefix_hash_of(&arg->prefix, arg->table);
	struct sl_class_prefix *room = NULL;

	for (uint32_t i = 0; i < 2 * SL_PREFIX_WAYS; i++) {
		struct sl_class_prefix *slot = &card.tables[sl_prefix_bucket_index(arg->table, i / SL_PREFIX_WAYS, hash)].slot0 +
					 i % SL_PREFIX_WAYS;
		struct sl_class_prefix copy = *slot;

		copy.sets = arg->prefix.sets;
		if (memcmp(&copy, &arg->prefix, sizeof(copy)) == 0) {
			*slot = arg->prefix.sets ? arg->prefix : (struct sl_class_prefix){0};
			card.prefixes -= arg->prefix.sets == 0;
			return 0;
		}
		if (!slot->family && !room)
			room = slot;
	}
	if (!arg->prefix.sets)
		return -ENOENT;
	if (!room || card.full)
		return -ENOSPC;
	*room = arg->prefix;
	card.prefixes++;
	return 0;
}

static void card_list(uint32_t from, struct sl_prefix_list *list)
{
	struct sl_prefix_arg *entry = &list->entry0;

	*list = (struct sl_prefix_list){.total = card.prefixes, .next = from};
	for (; list->next < SL_PREFIX_BUCKETS && list->count < 2; list->next++) {
		const struct sl_class_prefix *slot = &card.tables[list->next].slot0;

		for (int way = 0; way < SL_PREFIX_WAYS; way++)
			if (slot[way].family && list->count < 5)
				entry[list->count++] = (struct sl_prefix_arg){.table = list->next >> 13, .prefix = slot[way]};
	}
}

int sl_admin_exec(struct sl_admin *admin, enum sl_admin_op op, const void *arg, uint32_t arg_len, void *answer,
		  uint32_t answer_len)
{
	const struct sl_index_arg *at = arg;

	(void)admin;
	(void)arg_len;
	card.commands++;
	switch (op) {
	case SL_ADMIN_OP_RULE_WRITE: return card_rule(arg);
	case SL_ADMIN_OP_RULE_READ: {
		const struct sl_rule_arg out = {.index = at->index, .rule = card.rules.rule[at->index]};

		memcpy(answer, &out, answer_len);
		return 0;
	}
	case SL_ADMIN_OP_RULE_STATS: memset(answer, 0, answer_len); return 0;
	case SL_ADMIN_OP_PREFIX_SET:
		if (below(100) < card.mute_pct) {
			if (below(2))
				card_prefix(arg);
			return -ETIMEDOUT;
		}
		return card_prefix(arg);
	case SL_ADMIN_OP_PREFIX_LIST: card_list(at->index, answer); return 0;
	default: fail_msg("unexpected command"); return -EINVAL;
	}
}

/* ---- the rules that an application has made ------------------------------------------------------------------------ */

struct made {
	struct sl_class_rule content;
	uint32_t priority, tag;
	uint64_t order;
	struct sl_prefix_member *member; /* or */
	struct sl_rule *rule;
};

static struct made made[RULES];
static unsigned int made_count;
static uint64_t order;
static struct sl_rules rules;
static struct sl_prefixes prefixes;

static uint8_t meter_of(const void *ctx, uint32_t tag)
{
	(void)ctx;
	return (uint8_t)(20 + tag);
}

static int enter(struct made *m)
{
	int rc = sl_prefixes_add(&prefixes, &m->content, m->priority, 1, m->tag, &m->member);

	if (rc == 0)
		m->rule = m->member->rule;
	if (rc <= 0)
		return rc;
	m->member = NULL;
	rc = sl_rules_add(&rules, &m->content, m->priority, 1, &m->rule);
	if (rc == 0)
		m->rule->tag = m->tag;
	return rc;
}

static void random_rule(struct made *m)
{
	struct sl_class_rule *r = &m->content;
	const uint16_t port = (uint16_t)(80 + below(4));

	*m = (struct made){.priority = below(3), .tag = below(3), .order = order++};
	*r = (struct sl_class_rule){.port_mask = (uint8_t)(1u << below(2)), .sport_hi = 65535, .dport_hi = 65535, .ttl_max = 255};
	r->verdict = (uint8_t)(below(2) ? SL_VERDICT_FLOWS : SL_VERDICT_HOST);
	r->meter = r->verdict == SL_VERDICT_FLOWS ? meter_of(NULL, m->tag) : (uint8_t)below(4);
	r->mark = r->verdict == SL_VERDICT_HOST ? m->priority : 0;
	r->tenant = (uint16_t)below(2);
	r->vlan_mode = (uint8_t)(below(3) ? SL_VLAN_MODE_ANY : SL_VLAN_MODE_VID);
	r->vid = r->vlan_mode ? (uint16_t)(5 + r->tenant) : 0;
	if (below(5) == 0)
		r->tcp_flags = r->tcp_flags_mask = 2;
	if (below(4) == 0)
		r->tunnel_mode = (uint8_t)below(SL_TUNNEL_MODE_IPIP + 1);
	r->l3 = below(4) ? 4 : 6;
	if (below(2)) {
		r->dst[0] = (uint8_t)(10 + below(4));
		r->dst_plen = r->l3 == 4 ? 32 : 128;
		if (below(3)) {
			r->dport_lo = port;
			r->dport_hi = below(3) ? port : (uint16_t)(port + below(3));
		}
	} else if (below(8)) {
		r->src[0] = (uint8_t)(10 + below(4));
		r->src_plen = r->l3 == 4 ? 32 : 128;
		if (below(3))
			r->sport_lo = r->sport_hi = port;
	} else {
		r->dst[0] = 8;
		r->dst_plen = 5;
	}
	if (r->tcp_flags_mask || below(2)) {
		r->proto = below(4) ? 6 : 17;
		r->proto_mask = 255;
	}
}

static void random_frame(struct sl_headers *h)
{
	struct sl_packet *p = &h->outer;

	memset(h, 0, sizeof(*h));
	h->port = (uint8_t)below(2);
	p->family = below(4) ? 4 : 6;
	p->proto = below(4) ? 6 : 17;
	p->flags = below(8) ? SL_PACKET_L4 : 0;
	p->tcp_flags = p->flags && p->proto == 6 && below(3) == 0 ? 2 : 0;
	p->ttl = 64;
	p->l4_off = p->family == 6 ? 40 : 20; /* no extension headers: ports behind them are no prefix's */
	p->tags = (uint8_t)below(2);
	p->vid = (uint16_t)(p->tags ? 5 + below(2) : 0);
	p->src[0] = (uint8_t)(10 + below(4));
	p->dst[0] = (uint8_t)(10 + below(4));
	h->tunnel = (uint8_t)(below(3) ? 0 : SL_TUNNEL_MODE_VNI + below(5));
	if (p->flags) {
		p->sport = (uint16_t)(79 + below(6));
		p->dport = (uint16_t)(79 + below(6));
	}
}

static const struct made *expected(const struct sl_headers *h)
{
	const struct made *best = NULL;

	for (unsigned int i = 0; i < made_count; i++) {
		const struct made *m = &made[i];

		if (!sl_class_match(&m->content, h))
			continue;
		if (!best || m->priority < best->priority || (m->priority == best->priority && m->order < best->order))
			best = m;
	}
	return best;
}

static void check(void)
{
	for (unsigned int i = 0; i < FRAMES; i++) {
		struct sl_prefix_sets sets;
		struct sl_headers h;
		const struct made *want;
		const struct sl_class_rule *got;
		int index;

		random_frame(&h);
		want = expected(&h);
		sl_prefix_find(card.tables, &h, &sets);
		index = sl_class_find(&card.rules, &h, &sets);
		if (!want) {
			assert_int_equal(index, SL_CLASS_NONE);
			continue;
		}
		assert_int_not_equal(index, SL_CLASS_NONE);
		got = &card.rules.rule[index];
		assert_int_equal(got->verdict, want->content.verdict);
		assert_int_equal(got->tenant, want->content.tenant);
		assert_int_equal(got->mark, want->content.mark);
		assert_int_equal(sl_prefix_meter(card.tables, &h, got), want->content.meter);
	}
}

static int leave(struct made *m)
{
	int rc = m->member ? sl_prefixes_remove(&prefixes, m->member) : sl_rules_remove(&rules, m->rule);

	if (rc == 0)
		*m = made[--made_count];
	return rc;
}

static void open_driver(void)
{
	assert_int_equal(sl_rules_open(&rules, NULL, 64), 0);
	assert_int_equal(sl_prefixes_open(&prefixes, NULL, &rules, true), 0);
}

static int by_order(const void *a, const void *b)
{
	const struct made *x = a, *y = b;

	return x->order < y->order ? -1 : 1;
}

/* The application dies and makes its rules again, some of them no more. */
static void restart(void)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < made_count; i++)
		if (made[i].member)
			sl_prefixes_release(&prefixes, made[i].member);
	sl_prefixes_close(&prefixes);
	sl_rules_close(&rules);
	open_driver();
	qsort(made, made_count, sizeof(made[0]), by_order);
	for (unsigned int i = 0; i < made_count; i++) {
		if (below(10) == 0 || enter(&made[i]))
			continue;
		made[kept++] = made[i];
	}
	made_count = kept;
	assert_true(sl_rules_sweep(&rules, 1u << 1) >= 0);
	assert_true(sl_prefixes_sweep(&prefixes, 1u << 1) >= 0);
	assert_int_equal(sl_rules_set_flow_meters(&rules, meter_of, NULL), 0);
	assert_int_equal(sl_prefixes_set_flow_meters(&prefixes, meter_of, NULL), 0);
}

static int set_up(void **state)
{
	(void)state;
	memset(&card, 0, sizeof(card));
	made_count = 0;
	open_driver();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	while (made_count)
		assert_int_equal(leave(&made[0]), 0);
	assert_int_equal(sl_prefixes_sweep(&prefixes, UINT32_MAX) >= 0, 1);
	assert_int_equal(card.prefixes, 0);
	assert_int_equal(card.rules.valid, 0);
	sl_prefixes_close(&prefixes);
	sl_rules_close(&rules);
	return 0;
}

static void random_steps(unsigned int mute_pct)
{
	const char *replay = getenv("SLUICE_SEED");
	const uint64_t seed = replay ? strtoull(replay, NULL, 0) : (uint64_t)time(NULL) * 2654435761u + 1;
	unsigned int members = 0, plain = 0;

	random_state = seed;
	print_message("SLUICE_SEED=0x%llx\n", (unsigned long long)seed);
	for (unsigned int i = 0; i < STEPS; i++) {
		bool good = true;

		card.mute_pct = mute_pct;
		if (made_count < RULES && below(100) < 55) {
			random_rule(&made[made_count]);
			good = enter(&made[made_count]) == 0;
			members += good && made[made_count].member;
			plain += good && !made[made_count].member;
			made_count += good;
		} else if (made_count) {
			good = leave(&made[below(made_count)]) == 0;
		}
		card.mute_pct = 0;
		if (below(300) == 0) {
			restart();
			good = true;
		}
		/* (What the card has not answered is set right with the next change.) */
		if (good && !prefixes.unsure)
			check();
	}
	print_message("%u members, %u rules by themselves\n", members, plain);
	assert_true(members > 500 && plain > 20);
}

static void decide_as_one_by_one(void **state)
{
	(void)state;
	random_steps(0);
}

static void survive_silence(void **state)
{
	(void)state;
	random_steps(10);
}

/* Four thousand services with two ports each, SYNs apart: two class rules, and a restart takes over all of it. */
static void thousands(void **state)
{
	static struct sl_prefix_member *member[8192];
	struct sl_class_rule r = {.port_mask = 1, .sport_hi = 65535, .ttl_max = 255, .l3 = 4, .dst_plen = 32, .dst = {10},
				  .proto = 6, .proto_mask = 255, .verdict = SL_VERDICT_FLOWS, .meter = 20};

	(void)state;
	for (unsigned int round = 0; round < 2; round++) {
		for (unsigned int i = 0; i < 8192; i++) {
			const bool syn = i % 2;

			r.dst[2] = (uint8_t)(i >> 9);
			r.dst[3] = (uint8_t)(i >> 1);
			r.dport_lo = r.dport_hi = 443;
			r.tcp_flags = r.tcp_flags_mask = syn ? 2 : 0;
			card.commands = 0;
			assert_int_equal(sl_prefixes_add(&prefixes, &r, syn ? 0 : 1, 1, 0, &member[i]), 0);
			if (round == 1)
				assert_in_range(card.commands, 0, 1); /* at most the taken-over rule's */
		}
		assert_int_equal(__builtin_popcountll(card.rules.valid), 2);
		assert_int_equal(card.prefixes, 4096);
		if (round == 0) {
			sl_prefixes_close(&prefixes);
			while (!TAILQ_EMPTY(&prefixes.members)) {
				struct sl_prefix_member *m = TAILQ_FIRST(&prefixes.members);

				TAILQ_REMOVE(&prefixes.members, m, next);
				free(m);
			}
			sl_rules_close(&rules);
			open_driver();
		}
	}
	assert_int_equal(sl_rules_sweep(&rules, 2), 0);
	assert_int_equal(sl_prefixes_sweep(&prefixes, 2), 0);
	for (unsigned int i = 0; i < 8192; i++)
		assert_int_equal(sl_prefixes_remove(&prefixes, member[i]), 0);
}

/* A rule about a tunnel of any kind is one by itself; about what is none, a prefix as others. */
static void tunnels(void **state)
{
	struct sl_class_rule r = {.port_mask = 1, .sport_hi = 65535, .dport_hi = 65535, .ttl_max = 255, .l3 = 4, .src_plen = 32,
				  .src = {10}, .verdict = SL_VERDICT_FLOWS, .flags = SL_RULE_FLAG_DECAP, .meter = 20};
	struct sl_prefix_member *member;

	(void)state;
	for (r.tunnel_mode = SL_TUNNEL_MODE_ANY; r.tunnel_mode <= SL_TUNNEL_MODE_IPIP; r.tunnel_mode++) {
		const bool own = r.tunnel_mode > SL_TUNNEL_MODE_NONE;

		assert_int_equal(sl_prefixes_add(&prefixes, &r, 0, 1, 0, &member), own);
		if (!own)
			assert_int_equal(sl_prefixes_remove(&prefixes, member), 0);
	}
}

/* No room in the tables: a rule by itself, until there is none either. */
static void full(void **state)
{
	struct sl_prefix_member *member;
	struct sl_class_rule r = {.port_mask = 1, .sport_hi = 65535, .dport_hi = 65535, .ttl_max = 255, .l3 = 4, .dst_plen = 32,
				  .dst = {10}};

	(void)state;
	card.full = true;
	assert_int_equal(sl_prefixes_add(&prefixes, &r, 0, 1, 0, &member), 1);
	r.flags = SL_RULE_FLAG_COPY;
	card.full = false;
	assert_int_equal(sl_prefixes_add(&prefixes, &r, 0, 1, 0, &member), 1);
	assert_int_equal(card.rules.valid, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(decide_as_one_by_one, set_up, tear_down),
		cmocka_unit_test_setup_teardown(survive_silence, set_up, tear_down),
		cmocka_unit_test_setup_teardown(tunnels, set_up, tear_down),
		cmocka_unit_test_setup_teardown(thousands, set_up, tear_down),
		cmocka_unit_test_setup_teardown(full, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
