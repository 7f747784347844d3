/* SPDX-License-Identifier: BSD-3-Clause */
/* What an application's struct rte_flow * points to. */
#ifndef SLUICE_DRIVER_FPGA_RTE_FLOW_RULE_H
#define SLUICE_DRIVER_FPGA_RTE_FLOW_RULE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "driver/fpga/flows.h"
#include "driver/fpga/prefixes.h"
#include "driver/fpga/rules.h"

struct sl_indirect;

enum sl_rule_kind {
	SL_RULE_CLASS,      /* group 0 */
	SL_RULE_FLOW,       /* group 1, a connection */
	SL_RULE_CATCH_ALL,  /* group 1, misses */
};

struct rte_flow {
	TAILQ_ENTRY(rte_flow) next;
	enum sl_rule_kind kind;
	struct sl_rule *rule;              /* CLASS; of a member the one that it is a prefix of */
	struct sl_prefix_member *member;   /* CLASS: or NULL */
	struct sl_flow *flow;              /* FLOW */
	uint32_t action;                   /* FLOW: action entry */
	struct sl_indirect *indirect, *way; /* FLOW: or NULL */
	bool mac;                          /* FLOW: made by set_mac, so untagged frames only */
	bool count, age;
	uint32_t age_s;
	void *age_context;
	int meter;                         /* of the card, or negative */
	uint32_t tag;                      /* CATCH_ALL */
	struct sl_counter_pair count_base; /* shown counters start here */
};

#endif
