/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The classification table against a card that checks every write: a live rule must match somewhere at every moment,
 * the
 * live rules must stand in order, and no count may be lost by a move. The fake counts one frame for the lowest match of
 * each
 * rule after every write.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "driver/fpga/rules.h"

#define SLOTS 64
#define WATCHED 128  /* rules that the fake follows, by mark */

static struct {
	struct sl_class_rule slots[SLOTS];
	struct sl_counter_pair stats[SLOTS];
	bool live[WATCHED];            /* must match at every moment */
	uint64_t counted[WATCHED];     /* frames that went to the rule */
	unsigned int writes;
	int fail_after;                /* writes until one fails; negative never */
	int fail_with;                 /* its error; 0: -EIO */
	bool fail_applies;             /* it was carried out all the same */
} card;

/* One frame for each rule that must be there. */
static void traffic(void)
{
	for (unsigned int mark = 0; mark < WATCHED; mark++) {
		int found = -1;

		for (int i = 0; i < SLOTS && found < 0; i++)
			if (card.slots[i].valid && card.slots[i].mark == mark)
				found = i;
		if (card.live[mark] && found < 0)
			fail_msg("rule %u does not match for a moment", mark);
		if (found >= 0) {
			card.stats[found].packets++;
			card.stats[found].bytes += 100;
			card.counted[mark]++;
		}
	}
}

int sl_admin_exec(struct sl_admin *admin, enum sl_admin_op op, const void *arg, uint32_t arg_len, void *answer,
	uint32_t answer_len)
{
	const struct sl_rule_arg *write = arg;
	const struct sl_index_arg *at = arg;

	(void)admin;
	switch (op) {
	case SL_ADMIN_OP_RULE_WRITE:
		assert_int_equal(arg_len, sizeof(*write));
		assert_in_range(write->index, 0, SLOTS - 1);
		if (card.fail_after >= 0 && card.fail_after-- == 0) {
			if (card.fail_applies)
				card.slots[write->index] = write->rule;
			return card.fail_with ? card.fail_with : -EIO;
		}
		if (write->rule.cookie != card.slots[write->index].cookie)
			card.stats[write->index] = (struct sl_counter_pair){0};
		card.slots[write->index] = write->rule;
		card.writes++;
		traffic();
		return 0;
	case SL_ADMIN_OP_RULE_READ: {
		struct sl_rule_arg out = {.index = at->index, .rule = card.slots[at->index]};

		memcpy(answer, &out, answer_len);
		return 0;
	}
	case SL_ADMIN_OP_RULE_STATS:
		memcpy(answer, &card.stats[at->index], answer_len);
		return 0;
	default:
		fail_msg("unexpected command");
		return -EINVAL;
	}
}

static int set_up(void **state)
{
	(void)state;
	memset(&card, 0, sizeof(card));
	card.fail_after = -1;
	return 0;
}

/* Live rules are sorted by priority, then creation, and what the driver believes is what the card holds. */
static void check(struct sl_rules *rules)
{
	const struct sl_rule *before = NULL;

	for (uint32_t i = 0; i < SLOTS; i++) {
		const struct sl_rule *rule = rules->slots[i];

		if (!rule) {
			assert_int_equal(card.slots[i].valid, 0);
			continue;
		}
		assert_int_equal(rule->index, i);
		assert_memory_equal(&rule->content, &card.slots[i], sizeof(rule->content));
		if (rule->held)
			continue;
		if (before && (before->priority > rule->priority || (before->priority == rule->priority &&
			before->order > rule->order)))
			fail_msg("index %u is out of order", i);
		before = rule;
	}
}

static struct sl_rule *add(struct sl_rules *rules, uint32_t mark, uint32_t priority)
{
	const struct sl_class_rule content = {.mark = mark, .verdict = SL_VERDICT_HOST};
	struct sl_rule *rule = NULL;
	int rc = sl_rules_add(rules, &content, priority, 1, &rule);

	if (rc) {
		assert_int_equal(rc, -ENOSPC);
		return NULL;
	}
	card.live[mark] = true;
	check(rules);
	return rule;
}

static void check_count(struct sl_rules *rules, const struct sl_rule *rule)
{
	struct sl_counter_pair stats;

	assert_int_equal(sl_rules_stats(rules, rule, &stats), 0);
	if (stats.packets != card.counted[rule->content.mark] || stats.bytes != 100 * stats.packets)
		fail_msg("rule %u: %lu frames of %lu are known", rule->content.mark, (unsigned long)stats.packets,
			 (unsigned long)card.counted[rule->content.mark]);
}

static const struct {
	const char *what;
	uint32_t priorities[8];
	unsigned int n;
	unsigned int order[8];  /* the rules as they must stand, by creation */
} order_rows[] = {
	{"appended", {1, 2, 3}, 3, {0, 1, 2}},
	{"prepended", {3, 2, 1}, 3, {2, 1, 0}},
	{"equal priorities keep the order of creation", {5, 5, 5, 5}, 4, {0, 1, 2, 3}},
	{"between", {1, 9, 5, 5, 1, 9}, 6, {0, 4, 2, 3, 1, 5}},
	{"no gap", {1, 2, 1, 1, 1, 1, 1, 0}, 8, {7, 0, 2, 3, 4, 5, 6, 1}},
};

static void test_order(void **state)
{
	for (unsigned int row = 0; row < sizeof(order_rows) / sizeof(order_rows[0]); row++) {
		struct sl_rules rules;
		unsigned int at = 0;

		set_up(state);
		assert_int_equal(sl_rules_open(&rules, NULL, SLOTS), 0);
		for (uint32_t i = 0; i < order_rows[row].n; i++)
			assert_non_null(add(&rules, i, order_rows[row].priorities[i]));
		for (unsigned int i = 0; i < SLOTS; i++)
			if (card.slots[i].valid && card.slots[i].mark != order_rows[row].order[at++])
				fail_msg("%s: rule %u at place %u", order_rows[row].what, card.slots[i].mark, at - 1);
		assert_int_equal(at, order_rows[row].n);
		sl_rules_close(&rules);
	}
}

/* Random creations and removals up to a full table. */
static void test_moves(void **state)
{
	struct sl_rule *live[WATCHED] = {0};
	unsigned int seed = 20240607, n = 0;
	struct sl_rules rules;

	(void)state;
	assert_int_equal(sl_rules_open(&rules, NULL, SLOTS), 0);
	for (unsigned int step = 0; step < 2000; step++) {
		uint32_t mark = (uint32_t)rand_r(&seed) % WATCHED;

		if (live[mark]) {
			check_count(&rules, live[mark]);
			card.live[mark] = false;
			assert_int_equal(sl_rules_remove(&rules, live[mark]), 0);
			card.counted[mark] = 0;
			live[mark] = NULL;
			n--;
		} else {
			live[mark] = add(&rules, mark, (uint32_t)rand_r(&seed) % 5);
			assert_true(live[mark] ? n < SLOTS : n == SLOTS);
			n += live[mark] ? 1 : 0;
		}
	}
	for (uint32_t mark = 0; mark < WATCHED; mark++)
		if (live[mark])
			check_count(&rules, live[mark]);
	sl_rules_close(&rules);
}

/* A new driver finds three rules, creates two again (one of them in another order) and sweeps the third. */
static void test_adoption(void **state)
{
	struct sl_rule *rule;
	struct sl_rules rules;
	unsigned int writes;

	(void)state;
	assert_int_equal(sl_rules_open(&rules, NULL, SLOTS), 0);
	for (uint32_t mark = 0; mark < 3; mark++)
		add(&rules, mark, mark);
	sl_rules_close(&rules);
	assert_int_equal(sl_rules_open(&rules, NULL, SLOTS), 0);
	assert_int_equal(sl_rules_add(&rules, &rules.slots[18]->content, 2, 7, &rule), 0);
	assert_int_not_equal(rule->index, 18);        /* equal content of another owner is not adopted */
	assert_int_equal(sl_rules_remove(&rules, rule), 0);
	writes = card.writes;
	rule = add(&rules, 1, 1);
	assert_int_equal(card.writes, writes);        /* adopted where it stands */
	check_count(&rules, rule);
	rule = add(&rules, 0, 5);                     /* now behind rule 1: moved, and its counters with it */
	assert_true(rule->index > 17);
	check_count(&rules, rule);
	assert_true(card.slots[18].valid);            /* rule 2 works until the sweep */
	card.live[2] = false;
	assert_int_equal(sl_rules_sweep(&rules, 1u << 2), 0); /* that of another owner */
	assert_int_equal(sl_rules_sweep(&rules, 1u << 1), 1);
	check(&rules);
	sl_rules_close(&rules);
}

/* Held rules make room when the table is full of old and new ones. */
static void test_full_of_old(void **state)
{
	struct sl_rules rules;

	(void)state;
	assert_int_equal(sl_rules_open(&rules, NULL, SLOTS), 0);
	for (uint32_t mark = 0; mark < 60; mark++)
		add(&rules, mark, mark);
	memset(card.live, 0, sizeof(card.live));
	sl_rules_close(&rules);
	assert_int_equal(sl_rules_open(&rules, NULL, SLOTS), 0);
	for (uint32_t mark = 60; mark < 124; mark++)
		assert_non_null(add(&rules, mark, mark));
	assert_null(add(&rules, 124, 200));
	assert_int_equal(sl_rules_sweep(&rules, UINT32_MAX), 0);
	sl_rules_close(&rules);
}

/* A card that fails in the middle: an error, and what is believed is still what is there. */
static void test_failure(void **state)
{
	const struct sl_class_rule content = {.mark = 9, .verdict = SL_VERDICT_HOST};
	struct sl_rules rules;
	struct sl_rule *rule;

	(void)state;
	assert_int_equal(sl_rules_open(&rules, NULL, SLOTS), 0);
	add(&rules, 0, 1);
	add(&rules, 1, 3);
	card.fail_after = 0;
	assert_int_equal(sl_rules_add(&rules, &content, 2, 1, &rule), -EIO);
	check(&rules);
	card.fail_after = -1;
	add(&rules, 2, 2);
	sl_rules_close(&rules);
}

static uint8_t meter_of_tag(const void *ctx, uint32_t tag)
{
	return tag ? (uint8_t)tag : *(const uint8_t *)ctx;
}

/* The meters of catch-alls go to the rules that jump, by their tags; but not to those that copy. */
static void test_flow_meter(void **state)
{
	const struct sl_class_rule jump = {.mark = 1, .verdict = SL_VERDICT_FLOWS, .meter = 15};
	const struct sl_class_rule copying = {.mark = 2, .verdict = SL_VERDICT_FLOWS, .meter = 15, .flags = SL_RULE_FLAG_COPY};
	const uint8_t four = 4;
	struct sl_rule *copies;
	struct sl_rules rules;
	struct sl_rule *rule;

	(void)state;
	assert_int_equal(sl_rules_open(&rules, NULL, SLOTS), 0);
	add(&rules, 0, 0);
	assert_int_equal(sl_rules_add(&rules, &jump, 1, 1, &rule), 0);
	assert_int_equal(sl_rules_add(&rules, &copying, 2, 1, &copies), 0);
	assert_int_equal(sl_rules_set_flow_meters(&rules, meter_of_tag, &four), 0);
	assert_int_equal(card.slots[rule->index].meter, 4);
	assert_int_equal(card.slots[rule->index - 1].meter, 0);
	assert_int_equal(card.slots[copies->index].meter, 15);
	rule->tag = 6;
	assert_int_equal(sl_rules_set_flow_meters(&rules, meter_of_tag, &four), 0);
	assert_int_equal(card.slots[rule->index].meter, 6);
	check(&rules);
	sl_rules_close(&rules);
	assert_int_equal(sl_rules_open(&rules, NULL, SLOTS), 0);
	assert_int_equal(sl_rules_add(&rules, &jump, 1, 1, &rule), 0);
	assert_false(rule->held);
	assert_int_equal(card.slots[rule->index].meter, 15); /* the wanted one */
	check(&rules);
	sl_rules_close(&rules);
}

/* An earlier driver gave its meters out in another order: its rule is adopted with the meter that it has now, and counts on. */
static void test_adopted_meter(void **state)
{
	struct sl_class_rule content = {.mark = 1, .verdict = SL_VERDICT_HOST, .meter = 2};
	struct sl_counter_pair counted;
	struct sl_rules rules;
	struct sl_rule *rule;

	(void)state;
	assert_int_equal(sl_rules_open(&rules, NULL, SLOTS), 0);
	assert_int_equal(sl_rules_add(&rules, &content, 1, 1, &rule), 0);
	sl_rules_close(&rules);
	assert_int_equal(sl_rules_open(&rules, NULL, SLOTS), 0);
	content.meter = 3;
	assert_int_equal(sl_rules_add(&rules, &content, 1, 1, &rule), 0);
	assert_int_equal(card.slots[rule->index].meter, 3);
	assert_int_equal(sl_rules_sweep(&rules, UINT32_MAX), 0);
	assert_int_equal(sl_rules_stats(&rules, rule, &counted), 0);
	assert_int_equal(counted.packets, card.counted[1]);
	assert_int_equal(counted.packets, 2); /* one at each write of the slot */
	check(&rules);
	sl_rules_close(&rules);
}

/* A write that is not answered, whether it was carried out or not, at each step of an insert that moves others. */
static void test_unanswered(void **state)
{
	const struct sl_class_rule content = {.mark = 9, .verdict = SL_VERDICT_HOST};

	(void)state;
	for (unsigned int applies = 0; applies < 2; applies++) {
		for (int step = 0; step < 3; step++) {
			unsigned int seen[WATCHED] = {0};
			struct sl_rules rules;
			struct sl_rule *rule;

			set_up(state);
			assert_int_equal(sl_rules_open(&rules, NULL, SLOTS), 0);
			add(&rules, 0, 1);
			add(&rules, 1, 3); /* next to it: a rule between them moves one */
			card.fail_after = step;
			card.fail_with = -ETIMEDOUT;
			card.fail_applies = applies;
			assert_int_equal(sl_rules_add(&rules, &content, 2, 1, &rule), -ETIMEDOUT);
			card.fail_after = -1;
			/* The next change of anything finds out; what was not made is not there. */
			add(&rules, 2, 5);
			check(&rules);
			for (unsigned int i = 0; i < SLOTS; i++)
				seen[card.slots[i].mark] += card.slots[i].valid;
			assert_int_equal(seen[0] + seen[1] + seen[2], 3);
			assert_int_equal(seen[9], 0);
			assert_int_equal(rules.doubtful, 0);
			assert_int_equal(sl_rules_add(&rules, &content, 2, 1, &rule), 0);
			check(&rules);
			sl_rules_close(&rules);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_order, set_up),
		cmocka_unit_test_setup(test_moves, set_up),
		cmocka_unit_test_setup(test_adoption, set_up),
		cmocka_unit_test_setup(test_full_of_old, set_up),
		cmocka_unit_test_setup(test_failure, set_up),
		cmocka_unit_test_setup(test_flow_meter, set_up), cmocka_unit_test_setup(test_adopted_meter, set_up),
		cmocka_unit_test_setup(test_unanswered, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
