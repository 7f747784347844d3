/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Keeping the classification table sorted.
 *
 * Live rules are sorted by index; held ones stand anywhere between them. A new rule belongs strictly between its live
 * neighbours `prev` and `next`:
 *
 *	index   0   1   2   3   4   5   6   7
 *	        A   h   .   B   C   .   .   D         h held, . free
 *
 *	new X between A and B: index 2.   New Y between B and C: no gap; the nearest free place is 5, so C moves there
 *	(copy at 5, clear 4) and Y is written at 4.
 *
 * Counters belong to an index and restart when it is written with another cookie. A moved rule therefore gets a new
 * cookie in its new place; the old place is cleared under its old cookie, read, and what it counted is kept in `base`.
 */
#include "driver/fpga/rules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_random.h>

/* Where the first rule of an empty table stands, so that there is room before it. */
#define FIRST_INDEX 16

static uint64_t new_cookie(uint8_t owner)
{
	return (uint64_t)owner << 56 | (rte_rand() & UINT64_C(0x00ffffffffffffff)) | 1;
}

static int write_slot(struct sl_rules *rules, uint32_t index, const struct sl_class_rule *content)
{
	struct sl_rule_arg arg = {.index = index, .rule = *content};

	return sl_admin_exec(rules->admin, SL_ADMIN_OP_RULE_WRITE, &arg, sizeof(arg), NULL, 0);
}

static int read_stats(struct sl_rules *rules, uint32_t index, struct sl_counter_pair *stats)
{
	const struct sl_index_arg arg = {.index = index};

	return sl_admin_exec(rules->admin, SL_ADMIN_OP_RULE_STATS, &arg, sizeof(arg), stats, sizeof(*stats));
}

int sl_rules_read(struct sl_rules *rules, uint32_t index, struct sl_class_rule *content)
{
	const struct sl_index_arg arg = {.index = index};
	struct sl_rule_arg answer;
	int rc = sl_admin_exec(rules->admin, SL_ADMIN_OP_RULE_READ, &arg, sizeof(arg), &answer, sizeof(answer));

	*content = answer.rule;
	return rc;
}

int sl_rules_open(struct sl_rules *rules, struct sl_admin *admin, uint32_t count)
{
	memset(rules, 0, sizeof(*rules));
	rules->admin = admin;
	rules->count = count < SL_CLASS_RULES ? count : SL_CLASS_RULES;
	for (uint32_t i = 0; i < rules->count; i++) {
		struct sl_class_rule content;
		struct sl_rule *rule;
		int rc = sl_rules_read(rules, i, &content);

		if (rc == 0 && !content.valid)
			continue;
		rule = rc == 0 ? calloc(1, sizeof(*rule)) : NULL;
		if (!rule) {
			sl_rules_close(rules);
			return rc ? rc : -ENOMEM;
		}
		rule->content = content;
		rule->owner = (uint8_t)(content.cookie >> 56);
		rule->index = i;
		rule->held = true;
		rules->slots[i] = rule;
	}
	return 0;
}

void sl_rules_close(struct sl_rules *rules)
{
	for (uint32_t i = 0; i < SL_CLASS_RULES; i++) {
		free(rules->slots[i]);
		rules->slots[i] = NULL;
	}
	rules->count = 0;
}

/* Clears a slot; with its own cookie, so that its counters can still be read, or for good. */
static int clear_slot(struct sl_rules *rules, uint32_t index, uint64_t cookie)
{
	const struct sl_class_rule empty = {.cookie = cookie};

	return write_slot(rules, index, &empty);
}

/* The card has not said whether it wrote this free place: what may be there is nobody's. */
static void doubt(struct sl_rules *rules, uint32_t index, const struct sl_class_rule *content, uint8_t owner)
{
	struct sl_rule *rule = calloc(1, sizeof(*rule));

	if (!rule)
		return;
	*rule = (struct sl_rule){.content = *content, .owner = owner, .index = index, .held = true, .doubtful = true};
	rules->slots[index] = rule;
	rules->doubtful++;
}

/* Clears a rule's place and forgets the rule. */
static int drop(struct sl_rules *rules, struct sl_rule *rule)
{
	int rc = clear_slot(rules, rule->index, 0);

	if (rc)
		return rc;
	rules->doubtful -= rule->doubtful;
	rules->slots[rule->index] = NULL;
	free(rule);
	return 0;
}

/* Clears doubtful places, so that what is believed is what is there. */
static int settle(struct sl_rules *rules)
{
	int rc = 0;

	for (uint32_t i = 0; rules->doubtful && i < rules->count && rc == 0; i++)
		if (rules->slots[i] && rules->slots[i]->doubtful)
			rc = drop(rules, rules->slots[i]);
	return rc;
}

/* Moves a rule to a free place without a gap and without losing a count. */
static int move(struct sl_rules *rules, struct sl_rule *rule, uint32_t to)
{
	const uint32_t from = rule->index;
	struct sl_class_rule content = rule->content;
	struct sl_counter_pair counted;
	int rc;

	content.cookie = new_cookie(rule->owner);
	rc = write_slot(rules, to, &content);
	if (rc == -ETIMEDOUT)
		doubt(rules, to, &content, rule->owner);
	if (rc)
		return rc;
	rc = clear_slot(rules, from, rule->content.cookie);
	if (rc && rc != -ETIMEDOUT)
		return rc;
	rules->slots[from] = NULL;
	if (rc)
		doubt(rules, from, &rule->content, rule->owner);
	rule->content = content;
	rule->index = to;
	rules->slots[to] = rule;
	if (rc)
		return rc;
	rc = read_stats(rules, from, &counted);
	if (rc == 0) {
		rule->base.packets += counted.packets;
		rule->base.bytes += counted.bytes;
	}
	return rc;
}

/* The live neighbours of a new rule of this priority: indexes, -1 and count where there is none. */
static void neighbours(const struct sl_rules *rules, uint32_t priority, int *prev, int *next)
{
	*prev = -1;
	*next = (int)rules->count;
	for (uint32_t i = 0; i < rules->count; i++) {
		const struct sl_rule *rule = rules->slots[i];

		if (!rule || rule->held)
			continue;
		if (rule->priority <= priority)
			*prev = (int)i;
		else if (*next == (int)rules->count)
			*next = (int)i;
	}
}

/* A free index between the neighbours: the middle one, or close to the only neighbour. -1 if there is none. */
static int free_between(const struct sl_rules *rules, int prev, int next)
{
	const int count = (int)rules->count;
	int wish, best = -1;

	if (prev < 0 && next == count)
		wish = FIRST_INDEX;
	else if (next == count)
		wish = prev + 1;
	else if (prev < 0)
		wish = next - 1;
	else
		wish = (prev + next) / 2;
	for (int i = prev + 1; i < next; i++)
		if (!rules->slots[i] && (best < 0 || abs(i - wish) < abs(best - wish)))
			best = i;
	return best;
}

/* Makes room by moving rules one place up or down, whichever moves fewer. The freed index, or a negative errno. */
static int make_room(struct sl_rules *rules, int prev, int next)
{
	const int count = (int)rules->count;
	int up = next, down = prev, rc;

	while (up < count && rules->slots[up])
		up++;
	while (down >= 0 && rules->slots[down])
		down--;
	if (up >= count && down < 0)
		return -ENOSPC;
	if (down < 0 || (up < count && up - next <= prev - down)) {
		for (int i = up; i > next; i--) {
			rc = move(rules, rules->slots[i - 1], (uint32_t)i);
			if (rc)
				return rc;
		}
		return next;
	}
	for (int i = down; i < prev; i++) {
		rc = move(rules, rules->slots[i + 1], (uint32_t)i);
		if (rc)
			return rc;
	}
	return prev;
}

/* Meters have numbers of the card that an earlier driver may have given out in another order, and a jump's meter is that of
 * the catch-all of the moment: they do not tell rules apart. */
static bool same(const struct sl_class_rule *a, const struct sl_class_rule *b)
{
	struct sl_class_rule copy = *a;

	copy.cookie = b->cookie;
	copy.meter = b->meter;
	return memcmp(&copy, b, sizeof(copy)) == 0;
}

static struct sl_rule *find_held(const struct sl_rules *rules, const struct sl_class_rule *content, uint8_t owner,
	int from,
				 int to)
{
	for (int i = from; i < to; i++) {
		struct sl_rule *rule = rules->slots[i];

		if (rule && rule->held && rule->owner == owner && same(content, &rule->content))
			return rule;
	}
	return NULL;
}

/* The table is full of live and held rules: the held one that yields to all others goes first. */
static int evict_held(struct sl_rules *rules)
{
	for (uint32_t i = rules->count; i-- > 0; ) {
		struct sl_rule *rule = rules->slots[i];

		if (rule && rule->held)
			return drop(rules, rule);
	}
	return -ENOSPC;
}

/* An index for a rule of this priority, moving others if need be; or a negative errno. */
static int find_place(struct sl_rules *rules, uint32_t priority)
{
	int prev, next, index;

	for (unsigned int tries = 0; tries < 2; tries++) {
		neighbours(rules, priority, &prev, &next);
		index = free_between(rules, prev, next);
		if (index < 0)
			index = make_room(rules, prev, next);
		if (index != -ENOSPC)
			return index;
		if (evict_held(rules))
			break;
	}
	return -ENOSPC;
}

/* Writes a rule's meter in its place: under the same cookie, so that its counters go on. */
static int set_meter(struct sl_rules *rules, struct sl_rule *rule, uint8_t meter)
{
	struct sl_class_rule content = rule->content;
	int rc;

	if (content.meter == meter)
		return 0;
	content.meter = meter;
	rc = write_slot(rules, rule->index, &content);
	if (rc == 0)
		rule->content = content;
	return rc;
}

static void enliven(struct sl_rules *rules, struct sl_rule *rule, uint32_t priority)
{
	rule->held = false;
	rule->priority = priority;
	rule->order = rules->next_order++;
}

/* Takes over a held rule of equal content, in its place if the order allows. 1 taken, 0 none, or a negative errno. */
static int adopt(struct sl_rules *rules, const struct sl_class_rule *content, uint32_t priority, uint8_t owner,
		 struct sl_rule **taken)
{
	int prev, next, index, rc;
	struct sl_rule *rule;

	neighbours(rules, priority, &prev, &next);
	rule = find_held(rules, content, owner, prev + 1, next);
	if (!rule) {
		rule = find_held(rules, content, owner, 0, (int)rules->count);
		if (!rule)
			return 0;
		index = find_place(rules, priority);
		if (index < 0)
			return index == -ENOSPC ? 0 : index;
		/* find_place may have evicted it. */
		rule = find_held(rules, content, owner, 0, (int)rules->count);
		if (!rule)
			return 0;
		rc = move(rules, rule, (uint32_t)index);
		if (rc)
			return rc;
	}
	rc = set_meter(rules, rule, content->meter);
	if (rc)
		return rc;
	enliven(rules, rule, priority);
	*taken = rule;
	return 1;
}

int sl_rules_add(struct sl_rules *rules, const struct sl_class_rule *wanted, uint32_t priority, uint8_t owner,
		 struct sl_rule **added)
{
	struct sl_class_rule content = *wanted;
	struct sl_rule *rule;
	int index, rc;

	content.valid = 1;
	rc = settle(rules);
	if (rc)
		return rc;
	rc = adopt(rules, &content, priority, owner, added);
	if (rc)
		return rc < 0 ? rc : 0;
	index = find_place(rules, priority);
	if (index < 0)
		return index;
	rule = calloc(1, sizeof(*rule));
	if (!rule)
		return -ENOMEM;
	content.cookie = new_cookie(owner);
	rc = write_slot(rules, (uint32_t)index, &content);
	if (rc == -ETIMEDOUT)
		doubt(rules, (uint32_t)index, &content, owner);
	if (rc) {
		free(rule);
		return rc;
	}
	rule->content = content;
	rule->owner = owner;
	rule->index = (uint32_t)index;
	rules->slots[index] = rule;
	enliven(rules, rule, priority);
	*added = rule;
	return 0;
}

int sl_rules_remove(struct sl_rules *rules, struct sl_rule *rule)
{
	int rc = settle(rules);

	return rc ? rc : drop(rules, rule);
}

int sl_rules_stats(struct sl_rules *rules, const struct sl_rule *rule, struct sl_counter_pair *stats)
{
	int rc = read_stats(rules, rule->index, stats);

	stats->packets += rule->base.packets;
	stats->bytes += rule->base.bytes;
	return rc;
}

int sl_rules_sweep(struct sl_rules *rules, uint32_t owners)
{
	int swept = 0;

	for (uint32_t i = 0; i < rules->count; i++) {
		struct sl_rule *rule = rules->slots[i];
		int rc;

		if (!rule || !rule->held || rule->owner > 31 || !(owners & 1u << rule->owner))
			continue;
		rc = drop(rules, rule);
		if (rc)
			return rc;
		swept++;
	}
	return swept;
}

int sl_rules_set_flow_meters(struct sl_rules *rules, uint8_t (*meter_of)(const void *ctx, uint32_t tag), const void *ctx)
{
	for (uint32_t i = 0; i < rules->count; i++) {
		struct sl_rule *rule = rules->slots[i];
		int rc;

		if (!rule || rule->held || rule->content.verdict != SL_VERDICT_FLOWS ||
		    rule->content.flags & SL_RULE_FLAG_COPY)
			continue;
		rc = set_meter(rules, rule, meter_of(ctx, rule->tag));
		if (rc)
			return rc;
	}
	return 0;
}
