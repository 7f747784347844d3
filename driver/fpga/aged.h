/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which connections the card has told of as aged (docs/device.md, 9). The interrupt thread notes flow ids; everything
 * else is done by callers under the card's flow lock. What was noted is a hint: sl_aged_take() asks the card whether the
 * flow is still as idle as its rule says.
 */
#ifndef SLUICE_DRIVER_FPGA_AGED_H
#define SLUICE_DRIVER_FPGA_AGED_H

#include <stdbool.h>
#include <stdint.h>

#include "sluice/contract.h"

struct rte_flow;
struct sl_flows;

struct sl_aged {
	uint64_t *noted;          /* a bit for each flow id */
	struct rte_flow **rule;   /* by flow id: the rule with AGE, or NULL */
	uint8_t *owner;           /* by flow id: of that rule, 0 none; read by the interrupt thread */
	uint32_t ids;
	uint32_t reported;        /* owners that were told since they last asked, a bit each; atomic */
};

int sl_aged_open(struct sl_aged *aged, uint32_t ids);
void sl_aged_close(struct sl_aged *aged);

/* A rule with AGE has this flow id from now on, or no longer. */
void sl_aged_watch(struct sl_aged *aged, uint32_t flow_id, struct rte_flow *rule, uint8_t owner);
void sl_aged_forget(struct sl_aged *aged, uint32_t flow_id);

/* Interrupt thread: event AGED. The owner that has to be told, 0 nobody. */
uint8_t sl_aged_note(struct sl_aged *aged, uint32_t flow_id);

/* The contexts of an owner's aged rules (the rule itself where it has none), at most max of them; with max 0 how many there
 * are. Those that were seen meanwhile are none. A number, or a negative errno. */
int sl_aged_take(struct sl_aged *aged, struct sl_flows *flows, uint8_t owner, void **contexts, uint32_t max);

#endif
