/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Group 0 rules that differ only in an address, protocol, ports and meter share one class rule, which asks for a prefix out
 * of a set of its own; each of them is then a *member* of that rule and one prefix in the card's tables. Equal prefixes of
 * several sets are one in the card. A rule becomes a member only where it means the same as it would by itself, at its place
 * in the order of (priority, creation); otherwise it is entered as before.
 *
 * Prefixes found in the card at start are held like the rules that ask for them. All calls under the card's flow lock.
 */
#ifndef SLUICE_DRIVER_FPGA_PREFIXES_H
#define SLUICE_DRIVER_FPGA_PREFIXES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "driver/fpga/rules.h"
#include "sluice/contract.h"

#define SL_PREFIX_CHAINS 4096

/* One prefix that the card has, or may have. */
struct sl_prefix_entry {
	struct sl_prefix_entry *next;
	struct sl_class_prefix content;  /* sets: as in the card */
	uint32_t live;             /* sets of which a member has it */
	uint8_t mode;              /* prefix_mode */
	bool unsure;               /* the card has not confirmed content.sets */
};

/* A group 0 rule that is a prefix of another. */
struct sl_prefix_member {
	TAILQ_ENTRY(sl_prefix_member) next;
	struct sl_rule *rule;      /* that asks for it */
	struct sl_class_prefix prefix;   /* sets: unused */
	uint32_t tag;
	uint8_t mode;
};

TAILQ_HEAD(sl_prefix_members, sl_prefix_member);

struct sl_prefixes {
	struct sl_admin *admin;
	struct sl_rules *rules;
	struct sl_prefix_entry *chain[SL_PREFIX_CHAINS];
	struct sl_prefix_members members;
	uint32_t unsure;
	bool usable;               /* the card has prefix tables */
};

/* Calls seen() for every prefix that the card itself holds, until one returns a negative errno. */
int sl_prefixes_read(struct sl_prefixes *prefixes, int (*seen)(void *ctx, const struct sl_prefix_arg *prefix), void *ctx);

/* Reads the card's prefixes; what no rule asks for is removed. After sl_rules_open(). */
int sl_prefixes_open(struct sl_prefixes *prefixes, struct sl_admin *admin, struct sl_rules *rules, bool usable);
void sl_prefixes_close(struct sl_prefixes *prefixes);

/* Enters a rule as a member, whose class rule then is (*member)->rule. 0; 1 if it has to be a rule of its own; or a negative
 * errno. tag: as in sl_rule. */
int sl_prefixes_add(struct sl_prefixes *prefixes, const struct sl_class_rule *wanted, uint32_t priority, uint8_t owner,
		    uint32_t tag, struct sl_prefix_member **member);
int sl_prefixes_remove(struct sl_prefixes *prefixes, struct sl_prefix_member *member);
/* The application has let go of the member; the card keeps it, held. */
void sl_prefixes_release(struct sl_prefixes *prefixes, struct sl_prefix_member *member);
/* As sl_rules_set_flow_meters(), of members whose tag is not that of their rule. */
int sl_prefixes_set_flow_meters(struct sl_prefixes *prefixes, uint8_t (*meter_of)(const void *ctx, uint32_t tag),
				const void *ctx);
/* Removes held prefixes from the sets of these owners' rules, and of rules that are no more. After sl_rules_sweep(). Returns
 * how many, or a negative errno. */
int sl_prefixes_sweep(struct sl_prefixes *prefixes, uint32_t owners);

#endif
