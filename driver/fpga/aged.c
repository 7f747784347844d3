/* SPDX-License-Identifier: BSD-3-Clause */
/* Aged connections. See aged.h. */
#include "driver/fpga/aged.h"

#include <errno.h>
#include <stdlib.h>

#include "driver/fpga/rte_flow_rule.h"

int sl_aged_open(struct sl_aged *aged, uint32_t ids)
{
	aged->ids = ids;
	aged->reported = 0;
	aged->noted = calloc((ids + 63) / 64, sizeof(*aged->noted));
	aged->rule = calloc(ids, sizeof(*aged->rule));
	aged->owner = calloc(ids, sizeof(*aged->owner));
	return aged->noted && aged->rule && aged->owner ? 0 : -ENOMEM;
}

void sl_aged_close(struct sl_aged *aged)
{
	free(aged->noted);
	free(aged->rule);
	free(aged->owner);
	aged->noted = NULL;
	aged->rule = NULL;
	aged->owner = NULL;
}

static void unnote(struct sl_aged *aged, uint32_t flow_id)
{
	__atomic_and_fetch(&aged->noted[flow_id / 64], ~(UINT64_C(1) << flow_id % 64), __ATOMIC_RELAXED);
}

void sl_aged_watch(struct sl_aged *aged, uint32_t flow_id, struct rte_flow *rule, uint8_t owner)
{
	if (flow_id >= aged->ids)
		return;
	aged->rule[flow_id] = rule;
	__atomic_store_n(&aged->owner[flow_id], owner, __ATOMIC_RELAXED);
}

void sl_aged_forget(struct sl_aged *aged, uint32_t flow_id)
{
	if (flow_id >= aged->ids)
		return;
	aged->rule[flow_id] = NULL;
	__atomic_store_n(&aged->owner[flow_id], 0, __ATOMIC_RELAXED);
	unnote(aged, flow_id);
}

uint8_t sl_aged_note(struct sl_aged *aged, uint32_t flow_id)
{
	uint8_t owner;
	uint32_t bit;

	if (flow_id >= aged->ids)
		return 0;
	__atomic_or_fetch(&aged->noted[flow_id / 64], UINT64_C(1) << flow_id % 64, __ATOMIC_SEQ_CST);
	owner = __atomic_load_n(&aged->owner[flow_id], __ATOMIC_RELAXED);
	bit = 1u << (owner & 31);
	return owner && !(__atomic_fetch_or(&aged->reported, bit, __ATOMIC_SEQ_CST) & bit) ? owner : 0;
}

/* 1: still idle; 0: seen since. */
static int still_aged(struct sl_flows *flows, const struct rte_flow *rule)
{
	struct sl_flow_cpl cpl;
	int rc = sl_flows_query(flows, rule->flow, &cpl);

	return rc ? rc : cpl.idle_ms / 1000 >= rule->age_s;
}

int sl_aged_take(struct sl_aged *aged, struct sl_flows *flows, uint8_t owner, void **contexts, uint32_t max)
{
	uint32_t n = 0;

	__atomic_and_fetch(&aged->reported, ~(1u << (owner & 31)), __ATOMIC_SEQ_CST);
	for (uint32_t id = 0; id < aged->ids && (max == 0 || n < max); id++) {
		const uint64_t word = __atomic_load_n(&aged->noted[id / 64], __ATOMIC_SEQ_CST) >> id % 64;
		struct rte_flow *rule = aged->rule[id];
		int rc;

		if (word == 0)
			id |= 63;
		if (!(word & 1) || !rule || aged->owner[id] != owner)
			continue;
		rc = still_aged(flows, rule);
		if (rc < 0)
			return rc;
		if (rc == 0)
			unnote(aged, id);
		else if (max)
			contexts[n++] = rule->age_context ? rule->age_context : rule;
		else
			n++;
	}
	return (int)n;
}
