/* SPDX-License-Identifier: BSD-3-Clause */
/* A small table of catch-alls; what they say about meters is written into the rules that jump. */
#include "driver/fpga/misses.h"

#include <errno.h>
#include <string.h>

#include "driver/fpga/prefixes.h"

struct view {
	const struct sl_misses *misses;
	uint8_t none;
};

static struct sl_catch_all *find(struct sl_misses *misses, uint32_t tag)
{
	for (unsigned int i = 0; i < SL_CATCH_ALLS; i++)
		if (misses->catch_alls[i].refs && misses->catch_alls[i].tag == tag)
			return &misses->catch_alls[i];
	return NULL;
}

const struct sl_catch_all *sl_misses_find(const struct sl_misses *misses, uint32_t tag)
{
	return find((struct sl_misses *)(uintptr_t)misses, tag);
}

uint8_t sl_misses_meter(const struct sl_misses *misses, uint32_t tag, uint8_t none)
{
	const struct sl_catch_all *c = tag ? sl_misses_find(misses, tag) : NULL;

	if (!c)
		c = sl_misses_find(misses, 0);
	return c ? c->meter : none;
}

uint32_t sl_misses_priority(const struct sl_misses *misses)
{
	uint32_t least = UINT32_MAX;

	for (unsigned int i = 0; i < SL_CATCH_ALLS; i++)
		if (misses->catch_alls[i].refs && misses->catch_alls[i].priority < least)
			least = misses->catch_alls[i].priority;
	return least;
}

/* A rule's copies have the meter that it names: its misses, which the card sends under the same, must not say another. */
static bool contradicts_copies(const struct sl_misses *misses, const struct sl_rules *rules,
			       const struct sl_catch_all *wanted)
{
	for (uint32_t i = 0; i < rules->count; i++) {
		const struct sl_rule *rule = rules->slots[i];

		if (rule && !rule->held && rule->content.flags & SL_RULE_FLAG_COPY && rule->content.meter != wanted->meter &&
		    (rule->tag == wanted->tag || (!wanted->tag && !sl_misses_find(misses, rule->tag))))
			return true;
	}
	return false;
}

const char *sl_misses_refuse(const struct sl_misses *misses, const struct sl_rules *rules,
			     const struct sl_catch_all *wanted)
{
	for (unsigned int i = 0; i < SL_CATCH_ALLS; i++) {
		const struct sl_catch_all *c = &misses->catch_alls[i];

		if (!c->refs)
			continue;
		if (c->mark != wanted->mark || c->mark_set != wanted->mark_set ||
		    (c->tag == wanted->tag && c->meter != wanted->meter))
			return "the card has another catch-all in group 1: all its ports share one mark for misses, and one "
			       "meter for each tag";
		if (c->tag && !wanted->tag && c->priority >= wanted->priority)
			return "the catch-all without a tag needs a larger priority number than those with one";
		if (!c->tag && wanted->tag && wanted->priority >= c->priority)
			return "a catch-all with a tag needs a smaller priority number than the one without";
	}
	if (contradicts_copies(misses, rules, wanted))
		return "the copies and the misses of a rule pass one meter: a rule of this tag copies under another";
	return NULL;
}

static uint8_t meter_of(const void *ctx, uint32_t tag)
{
	const struct view *view = ctx;

	return sl_misses_meter(view->misses, tag, view->none);
}

int sl_misses_settle(struct sl_misses *misses, struct sl_rules *rules, uint8_t none)
{
	const struct view view = {.misses = misses, .none = none};
	struct sl_miss_arg arg = {.valid = 0};
	int rc;

	for (unsigned int i = 0; i < SL_CATCH_ALLS; i++)
		if (misses->catch_alls[i].refs && misses->catch_alls[i].mark_set)
			arg = (struct sl_miss_arg){.mark = misses->catch_alls[i].mark, .valid = 1};
	rc = sl_admin_exec(rules->admin, SL_ADMIN_OP_MISS_MARK, &arg, sizeof(arg), NULL, 0);
	if (rc == 0)
		rc = sl_rules_set_flow_meters(rules, meter_of, &view);
	if (rc == 0 && rules->prefixes)
		rc = sl_prefixes_set_flow_meters(rules->prefixes, meter_of, &view);
	return rc;
}

int sl_misses_add(struct sl_misses *misses, struct sl_rules *rules, const struct sl_catch_all *wanted, uint8_t none)
{
	struct sl_catch_all *c = find(misses, wanted->tag);
	int rc;

	if (c) {
		c->refs++;
		return 0;
	}
	for (unsigned int i = 0; i < SL_CATCH_ALLS && !c; i++)
		if (!misses->catch_alls[i].refs)
			c = &misses->catch_alls[i];
	if (!c)
		return -ENOSPC;
	*c = *wanted;
	c->refs = 1;
	rc = sl_misses_settle(misses, rules, none);
	if (rc)
		c->refs = 0;
	return rc;
}

int sl_misses_remove(struct sl_misses *misses, struct sl_rules *rules, uint32_t tag, uint8_t none)
{
	struct sl_catch_all *c = find(misses, tag);
	int rc;

	if (--c->refs)
		return 0;
	rc = sl_misses_settle(misses, rules, none);
	if (rc)
		c->refs = 1;
	return rc;
}

void sl_misses_drop(struct sl_misses *misses, uint32_t tag)
{
	find(misses, tag)->refs--;
}
