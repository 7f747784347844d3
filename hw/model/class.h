/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stage class (docs/datapath.md section 3): which classification rule decides, and what becomes of a frame that no rule
 * matches. Rules are literal; nothing here knows what a service is.
 */
#ifndef SLUICE_MODEL_CLASS_H
#define SLUICE_MODEL_CLASS_H

#include "hw/model/prefix.h"

#define SL_CLASS_NONE 255 /* rule index of a frame that no rule matched */

/* The rules of a card. Bit n of valid repeats rule[n].valid, so that empty entries cost nothing; bit n of asking likewise. */
struct sl_class_table {
	uint64_t valid;
	uint64_t asking; /* for a prefix */
	struct sl_class_rule rule[SL_CLASS_RULES];
};

/* Destination-MAC filter and port flags, as in the registers MAC_LO, MAC_HI and PORT_FLAGS. */
struct sl_class_filter {
	uint32_t mac_lo[SL_MAC_FILTERS];
	uint32_t mac_hi[SL_MAC_FILTERS];
	uint8_t port_flags[SL_PORTS_MAX];
};

/* True if every condition of the rule but that of a prefix holds. Does not look at rule->valid. */
bool sl_class_match(const struct sl_class_rule *rule, const struct sl_headers *headers);

/* Index of the first valid rule that matches, or SL_CLASS_NONE. sets: those that the frame is in; of no account unless a valid
 * rule asks for one. */
int sl_class_find(const struct sl_class_table *table, const struct sl_headers *headers, const struct sl_prefix_sets *sets);

/* Without a rule: SL_REASON_KERNEL or SL_REASON_MAC_FILTER. */
int sl_class_default(const struct sl_class_filter *filter, const struct sl_headers *headers);

#endif
