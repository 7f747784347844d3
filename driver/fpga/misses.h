/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What group 1 does with misses: the catch-alls. The card has one mark for all misses, and each rule that jumps says under
 * which meter what leaves the flow table for the host goes: so there is one catch-all for each tag that jumping rules set
 * (rte_flow's set_tag, item tag), and they differ in their meters alone. Equal ones are shared by a card's ports. Tag 0
 * stands for a catch-all without the item: of frames whose tag has none of its own. All calls under the card's flow lock.
 */
#ifndef SLUICE_DRIVER_FPGA_MISSES_H
#define SLUICE_DRIVER_FPGA_MISSES_H

#include <stdbool.h>
#include <stdint.h>

#include "driver/fpga/rules.h"

#define SL_CATCH_ALLS 64

struct sl_catch_all {
	uint32_t refs;
	uint32_t tag;
	uint32_t mark;
	uint32_t priority;
	bool mark_set;
	uint8_t meter;
};

struct sl_misses {
	struct sl_catch_all catch_alls[SL_CATCH_ALLS]; /* free: refs 0 */
};

/* The catch-all of exactly this tag, or NULL. */
const struct sl_catch_all *sl_misses_find(const struct sl_misses *misses, uint32_t tag);
/* Meter of what a rule with this tag sends to the host after a miss; `none` if no catch-all concerns it. */
uint8_t sl_misses_meter(const struct sl_misses *misses, uint32_t tag, uint8_t none);
/* The smallest priority number of all; UINT32_MAX without any. */
uint32_t sl_misses_priority(const struct sl_misses *misses);

/* NULL, or why the card could not do this one beside what it has. */
const char *sl_misses_refuse(const struct sl_misses *misses, const struct sl_rules *rules,
			     const struct sl_catch_all *wanted);
/* Adds a reference; the first writes the mark and the meters of the rules it concerns. 0, -ENOSPC or a card's error. */
int sl_misses_add(struct sl_misses *misses, struct sl_rules *rules, const struct sl_catch_all *wanted, uint8_t none);
int sl_misses_remove(struct sl_misses *misses, struct sl_rules *rules, uint32_t tag, uint8_t none);
/* Takes a reference back and leaves the card as it is. */
void sl_misses_drop(struct sl_misses *misses, uint32_t tag);
/* Brings card and rules in line after another driver's have gone. */
int sl_misses_settle(struct sl_misses *misses, struct sl_rules *rules, uint8_t none);

#endif
