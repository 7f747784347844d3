/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The card's flow table (rte_flow group 1) as this process knows it: which keys it has inserted, and which the card
 * holds from an earlier owner (*held*) until they are inserted again (adopted, counters kept) or swept. All calls under
 * the card's flow lock.
 *
 * An insert that the card did not answer in time may be carried out later all the same. Such a flow is *doubtful*: held, with
 * the action entries that it may name, until a delete of its key is answered; commands of a queue are carried out in order,
 * so that nothing is left then. sl_flows_settle() does that when the card answers again.
 */
#ifndef SLUICE_DRIVER_FPGA_FLOWS_H
#define SLUICE_DRIVER_FPGA_FLOWS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <rte_hash.h>

#include "driver/fpga/actions.h"
#include "driver/fpga/flowq.h"

struct sl_flow {
	struct sl_key key;
	struct sl_record record;
	uint32_t flow_id;
	bool held;
	bool doubtful;       /* and held: the card may hold it, or not */
	bool replaced;       /* doubtful: it may name `instead`, not record.action */
	uint32_t instead;
	TAILQ_ENTRY(sl_flow) next; /* doubtful */
};

struct sl_flows {
	struct sl_flowq *queue;
	struct sl_actions *actions;
	struct rte_hash *by_key;
	uint32_t live;
	uint32_t held;
	TAILQ_HEAD(, sl_flow) doubtful; /* of the held ones */
};

int sl_flows_open(struct sl_flows *flows, struct sl_flowq *queue, struct sl_actions *actions, const char *name,
		  uint32_t capacity);
void sl_flows_close(struct sl_flows *flows);

/* The card holds this flow from before. */
int sl_flows_hold(struct sl_flows *flows, uint32_t flow_id, const struct sl_flow_state *state);

/* True if this process has inserted the key. */
bool sl_flows_has(const struct sl_flows *flows, const struct sl_key *key);

/* Inserts; record.action is an entry that the caller has a reference of. -EEXIST if this process has the key already,
 * -ENOSPC if the card has no room. After -ETIMEDOUT the flow is doubtful. */
int sl_flows_add(struct sl_flows *flows, const struct sl_key *key, const struct sl_record *record,
	struct sl_flow **flow);
int sl_flows_remove(struct sl_flows *flows, struct sl_flow *flow);
/* The flow stays in the card as one of an earlier owner. */
void sl_flows_release(struct sl_flows *flows, struct sl_flow *flow);
int sl_flows_query(struct sl_flows *flows, const struct sl_flow *flow, struct sl_flow_cpl *counters);

/* Removes doubtful flows from a card that has answered everything; at most max. False: some are left. */
bool sl_flows_settle(struct sl_flows *flows, unsigned int max);

/* Deletes held flows whose owner has its bit in owners; returns how many, or a negative errno. */
int sl_flows_sweep(struct sl_flows *flows, uint32_t owners);

#endif
