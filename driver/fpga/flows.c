/* SPDX-License-Identifier: BSD-3-Clause */
/* Flow table book-keeping around the flow queue's commands. */
#include "driver/fpga/flows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_jhash.h>
#include <rte_random.h>

static uint32_t hash_key(const void *key, uint32_t len, uint32_t seed)
{
	return rte_jhash(key, len, seed);
}

int sl_flows_open(struct sl_flows *flows, struct sl_flowq *queue, struct sl_actions *actions, const char *name,
		  uint32_t capacity)
{
	const struct rte_hash_parameters parameters = {
		.name = name,
		.entries = capacity,
		.key_len = sizeof(struct sl_key),
		.hash_func = hash_key,
		.hash_func_init_val = (uint32_t)rte_rand(),
		.socket_id = SOCKET_ID_ANY,
		/* Every key the card can hold must fit. */
		.extra_flag = RTE_HASH_EXTRA_FLAGS_EXT_TABLE,
	};

	flows->queue = queue;
	flows->actions = actions;
	flows->live = flows->held = 0;
	TAILQ_INIT(&flows->doubtful);
	flows->by_key = rte_hash_create(&parameters);
	return flows->by_key ? 0 : -rte_errno;
}

void sl_flows_close(struct sl_flows *flows)
{
	const void *key;
	void *data;
	uint32_t at = 0;

	if (!flows->by_key)
		return;
	while (rte_hash_iterate(flows->by_key, &key, &data, &at) >= 0)
		free(data);
	rte_hash_free(flows->by_key);
	flows->by_key = NULL;
}

static struct sl_flow *find(const struct sl_flows *flows, const struct sl_key *key)
{
	void *data;

	return rte_hash_lookup_data(flows->by_key, key, &data) >= 0 ? data : NULL;
}

bool sl_flows_has(const struct sl_flows *flows, const struct sl_key *key)
{
	const struct sl_flow *flow = find(flows, key);

	return flow && !flow->held;
}

/* -ENOSPC: as many as the card can hold are known, so it has no room either. */
static int remember(struct sl_flows *flows, const struct sl_key *key, struct sl_flow **made)
{
	struct sl_flow *flow = calloc(1, sizeof(*flow));
	int rc;

	if (!flow)
		return -ENOMEM;
	flow->key = *key;
	rc = rte_hash_add_key_data(flows->by_key, key, flow);
	if (rc) {
		free(flow);
		return rc;
	}
	*made = flow;
	return 0;
}

static void forget(struct sl_flows *flows, struct sl_flow *flow)
{
	rte_hash_del_key(flows->by_key, &flow->key);
	free(flow);
}

int sl_flows_hold(struct sl_flows *flows, uint32_t flow_id, const struct sl_flow_state *state)
{
	struct sl_flow *flow = find(flows, &state->key);
	int rc;

	if (flow)
		return 0;
	rc = remember(flows, &state->key, &flow);
	if (rc)
		return rc;
	flow->record = state->record;
	flow->flow_id = flow_id;
	flow->held = true;
	flows->held++;
	return 0;
}

static void release_hold(struct sl_flows *flows, struct sl_flow *flow)
{
	sl_actions_unhold(flows->actions, flow->record.action);
	if (flow->replaced)
		sl_actions_unhold(flows->actions, flow->instead);
	if (flow->doubtful)
		TAILQ_REMOVE(&flows->doubtful, flow, next);
	flow->held = flow->doubtful = flow->replaced = false;
	flows->held--;
}

/* The card has not said whether it inserted the flow. The entry is in use and known, so holding it reads nothing. */
static void doubt(struct sl_flows *flows, struct sl_flow *flow, const struct sl_record *record)
{
	sl_actions_hold(flows->actions, record->action);
	if (flow->held) {
		flow->replaced = true;
		flow->instead = record->action;
	} else {
		flow->record = *record;
		flow->held = true;
		flows->held++;
	}
	flow->doubtful = true;
	TAILQ_INSERT_TAIL(&flows->doubtful, flow, next);
}

int sl_flows_add(struct sl_flows *flows, const struct sl_key *key, const struct sl_record *record,
	struct sl_flow **added)
{
	struct sl_flow *flow = find(flows, key);
	struct sl_flow_cpl cpl;
	bool fresh;
	int rc = 0;

	if (flow && !flow->held)
		return -EEXIST;
	if (flow && flow->doubtful) {
		rc = sl_flows_remove(flows, flow);
		flow = NULL;
	}
	if (rc)
		return rc;
	fresh = !flow;
	rc = fresh ? remember(flows, key, &flow) : 0;
	if (rc)
		return rc;
	rc = sl_flowq_exec(flows->queue, SL_FLOW_OP_INSERT, key, record, &cpl);
	if (rc == 0 && cpl.status != SL_STATUS_EXISTS)
		rc = sl_admin_errno(cpl.status);
	if (rc == -ETIMEDOUT)
		doubt(flows, flow, record);
	else if (rc && fresh)
		forget(flows, flow);
	if (rc)
		return rc;
	if (!fresh)
		release_hold(flows, flow);
	flow->record = *record;
	flow->flow_id = cpl.flow_id;
	flows->live++;
	*added = flow;
	return 0;
}

int sl_flows_remove(struct sl_flows *flows, struct sl_flow *flow)
{
	struct sl_flow_cpl cpl;
	int rc = sl_flowq_exec(flows->queue, SL_FLOW_OP_DELETE, &flow->key, NULL, &cpl);

	if (rc == 0 && cpl.status != SL_STATUS_NOT_FOUND)
		rc = sl_admin_errno(cpl.status);
	if (rc)
		return rc;
	if (flow->held)
		release_hold(flows, flow);
	else
		flows->live--;
	forget(flows, flow);
	return 0;
}

void sl_flows_release(struct sl_flows *flows, struct sl_flow *flow)
{
	/* The entry is in use and known, so this reads nothing. */
	sl_actions_hold(flows->actions, flow->record.action);
	flow->held = true;
	flows->held++;
	flows->live--;
}

int sl_flows_query(struct sl_flows *flows, const struct sl_flow *flow, struct sl_flow_cpl *counters)
{
	int rc = sl_flowq_exec(flows->queue, SL_FLOW_OP_QUERY, &flow->key, NULL, counters);

	return rc ? rc : sl_admin_errno(counters->status);
}

/* One pass over the table. Deleting may move an entry past the iterator, so that a pass can miss some. */
static int sweep_pass(struct sl_flows *flows, uint32_t owners)
{
	const void *key;
	void *data;
	uint32_t at = 0;
	int swept = 0;

	while (rte_hash_iterate(flows->by_key, &key, &data, &at) >= 0) {
		struct sl_flow *flow = data;
		int rc;

		if (!flow->held || flow->record.owner > 31 || !(owners & 1u << flow->record.owner))
			continue;
		rc = sl_flows_remove(flows, flow);
		if (rc)
			return rc;
		swept++;
	}
	return swept;
}

int sl_flows_sweep(struct sl_flows *flows, uint32_t owners)
{
	int total = 0, swept;

	do {
		swept = flows->held ? sweep_pass(flows, owners) : 0;
		if (swept < 0)
			return swept;
		total += swept;
	} while (swept > 0);
	return total;
}

bool sl_flows_settle(struct sl_flows *flows, unsigned int max)
{
	struct sl_flow *flow;

	while ((flow = TAILQ_FIRST(&flows->doubtful)) != NULL && max-- && sl_flowq_idle(flows->queue))
		if (sl_flows_remove(flows, flow))
			break;
	return TAILQ_EMPTY(&flows->doubtful);
}
