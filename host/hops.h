/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Next hops in a card: one shared action (an indirect raw_encap where the driver has it) for all connections that leave the
 * same way. Offload thread only, but for sl_hop_count().
 */
#ifndef SLUICE_HOST_HOPS_H
#define SLUICE_HOST_HOPS_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_flow.h>

#include "sluice/contract.h"

#define SL_HOPS_MAX SL_ACTIONS
#define SL_HOP_CLIENT UINT32_MAX /* id of ways back to clients: told apart by their header */

struct sl_hop {
	struct sl_hop *next; /* of the same hash, or free */
	uint32_t id;         /* backend id, or SL_HOP_CLIENT */
	uint32_t version;    /* of struct sl_egress */
	uint32_t refs;
	uint16_t proxy;
	struct sl_action action;
	bool stale;          /* rules and handle have an earlier header */
	uint32_t way;        /* of ways back: as sl_return_open() numbers them, or 0 */
	struct rte_flow_action_handle *handle; /* NULL: rules carry the header themselves */
};

/* The hop of this id and port (and header, for clients), made if it is new. NULL: none left, or the driver refused. */
struct sl_hop *sl_hop_get(uint16_t proxy, uint32_t id, uint32_t version, const struct sl_action *action, bool indirect);
/* device_lost: nothing is left to destroy. */
void sl_hop_put(struct sl_hop *hop, bool device_lost);
/* New header in place. False: impossible, its rules must be made again. */
bool sl_hop_update(struct sl_hop *hop, uint32_t version, const struct sl_action *action);
/* Every hop of a backend. */
void sl_hop_for_each(void (*fn)(struct sl_hop *hop));
/* Ways back that lead to another MAC from now on, up to max; with their new header. What could not be changed in place has
 * `stale` set: its rules must be made again. */
unsigned int sl_hop_returns_moved(struct sl_hop **moved, unsigned int max);
uint32_t sl_hop_count(void);

#endif
