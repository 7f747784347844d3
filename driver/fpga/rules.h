/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The card's classification table (rte_flow group 0). The lowest matching index wins, so live rules stand in the order
 * of (priority, creation); gaps between them are kept where possible. To make room a rule is moved without a moment in
 * which it does not match: the copy is written first, then the old place is cleared.
 *
 * Rules found in the card at start are *held*: they go on working until a rule of equal content and owner is created
 * (which adopts them, counters kept) or sl_rules_sweep() removes them. All calls under the card's flow lock.
 */
#ifndef SLUICE_DRIVER_FPGA_RULES_H
#define SLUICE_DRIVER_FPGA_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "driver/fpga/admin.h"
#include "sluice/contract.h"

struct sl_rule {
	struct sl_class_rule content;   /* as in the card, cookie included */
	struct sl_counter_pair base;    /* counted at places the rule has left */
	uint64_t order;                 /* creation */
	uint32_t priority;
	uint32_t index;
	uint32_t tag;                   /* jumping rules: what set_tag gives their frames, or 0; the card knows nothing of it */
	uint32_t members;               /* that ask for a prefix: group 0 rules that are prefixes of this one (prefixes.h) */
	uint8_t owner;                  /* port that created it, plus 1 */
	bool held;
	bool doubtful;                  /* and held: a write of this place was not answered; cleared before the next change */
};

struct sl_prefixes;

struct sl_rules {
	struct sl_admin *admin;
	struct sl_rule *slots[SL_CLASS_RULES];
	uint32_t count;                 /* slots that the card has */
	uint32_t doubtful;
	uint64_t next_order;
	struct sl_prefixes *prefixes;   /* that its rules ask for, or NULL */
};

/* Reads the card's table; what it holds becomes held. */
int sl_rules_open(struct sl_rules *rules, struct sl_admin *admin, uint32_t count);
void sl_rules_close(struct sl_rules *rules);

/* Adds a rule or adopts a held one, whose meter becomes the wanted one; valid and cookie of content are set here. 0, -ENOSPC
 * or a card's error. */
int sl_rules_add(struct sl_rules *rules, const struct sl_class_rule *content, uint32_t priority, uint8_t owner,
		 struct sl_rule **rule);
int sl_rules_remove(struct sl_rules *rules, struct sl_rule *rule);
int sl_rules_stats(struct sl_rules *rules, const struct sl_rule *rule, struct sl_counter_pair *stats);

/* Removes held rules whose owner has its bit in owners (bit n: owner n); returns how many, or a negative errno. */
int sl_rules_sweep(struct sl_rules *rules, uint32_t owners);
/* Every live rule that jumps to the flow table uses the meter of its tag for what leaves for the host. But those that copy:
 * their meter is that of their copies. */
int sl_rules_set_flow_meters(struct sl_rules *rules, uint8_t (*meter_of)(const void *ctx, uint32_t tag), const void *ctx);
/* What the card itself holds at an index. */
int sl_rules_read(struct sl_rules *rules, uint32_t index, struct sl_class_rule *content);

#endif
