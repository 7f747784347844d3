/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How packets leave: for each backend the action entry (header template, port, MTU) that its mode and its next hop give,
 * the same structure the card uses. The control thread makes entries anew when services or next hops change and
 * publishes each by pointer (liburcu, flavour qsbr); workers and the offload thread read them.
 */
#ifndef SLUICE_HOST_EGRESS_H
#define SLUICE_HOST_EGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "host/conn.h"
#include "host/nexthop.h"
#include "host/service.h"
#include "sluice/contract.h"

struct sl_egress {
	bool ready;           /* the next hop's MAC is known and its interface is a port's */
	uint8_t port;         /* index of the port that packets leave by (action.port too) */
	uint32_t room;        /* sl_action_room(), 0 if not ready */
	uint32_t version;     /* of this backend's entry: grows with every change */
	struct sl_addr target; /* whose next hop it is */
	uint64_t identity;     /* of the backend */
	struct sl_action action;
};

/* What of a port an action needs. */
struct sl_egress_port {
	uint8_t index;
	uint8_t mac[6];
	uint16_t mtu;
	uint16_t vid;         /* tag that frames leave with, 0 none */
	uint16_t inner_vid;   /* second tag behind it, 0 none */
	struct sl_addr vtep4, vtep6; /* family 0: none */
};

/* Fills *action for a backend of this mode behind that next hop; inner_family is the VIP's. False: the mode cannot be
 * expressed (no tunnel source of the family). */
bool sl_egress_action(const struct sl_backend *backend, unsigned int inner_family, const struct sl_egress_port *port,
		      const struct sl_nexthop *nexthop, struct sl_action *action);
/* The way back to a client: Ethernet only, to the MAC its packets came from. */
void sl_egress_return_action(const struct sl_conn *conn, const struct sl_conn_nat *nat, const struct sl_egress_port *port,
			     struct sl_action *action);

/* The port of the way back, with the tags of the connection's tenant. False: the port does not exist. */
bool sl_egress_return_port(const struct sl_services *services, const struct sl_conn *conn, const struct sl_conn_nat *nat,
			   struct sl_egress_port *port);

/* ---- readers ---- */
/* By backend id; written by egress.c alone, and here only so that no packet costs a call. */
extern struct sl_egress *sl_egress_entries[SL_SERVICE_IDS];
/* NULL: no such backend. Valid until the reader's next quiescent state. (An rcu_dereference(), of which liburcu may make a call.) */
static inline const struct sl_egress *sl_egress_of(uint32_t backend_id)
{
	return backend_id < SL_SERVICE_IDS ? __atomic_load_n(&sl_egress_entries[backend_id], __ATOMIC_CONSUME) : NULL;
}

/* ---- control thread ---- */
struct sl_config;
struct sl_state_hop;
/* Where next hops that work are remembered for the next agent; what it holds is used until the network says otherwise. */
void sl_egress_remember(struct sl_state_hop *hops);
void sl_egress_configure(const struct sl_config *config);
/* Brings the table in line with the snapshot. nexthops NULL: they do not exist yet, nothing is ready. */
void sl_egress_services_changed(const struct sl_services *services, struct sl_nexthops *nexthops);
/* True if an entry changed. */
bool sl_egress_nexthop_changed(const struct sl_services *services, const struct sl_addr *target,
			       const struct sl_nexthop *nexthop);
void sl_egress_clear(void);

#endif
