/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Next hops from the kernel's routes and neighbours (rtnetlink through libmnl): for an IP address, the interface it is
 * reached by, the MAC address to put in the frame and the path's MTU. Changes come as notifications, nothing polls.
 * All of it belongs to the control thread's uv loop; only addresses that somebody watches are known.
 *
 * A watched address whose neighbour is not known is probed (the kernel's own ARP or ND), also again with growing pauses
 * while it stays unknown; a stale neighbour in use is asked to confirm itself.
 */
#ifndef SLUICE_HOST_NEXTHOP_H
#define SLUICE_HOST_NEXTHOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "host/config.h"

enum sl_nexthop_state {
	SL_NEXTHOP_RESOLVING, /* the route is known, the neighbour is not yet */
	SL_NEXTHOP_READY,
	SL_NEXTHOP_NO_ROUTE,  /* unreachable, prohibited, blackholed or a local address */
	SL_NEXTHOP_FAILED,    /* the neighbour does not answer; it is asked again */
};

struct sl_nexthop {
	uint8_t state;           /* enum sl_nexthop_state; the rest is valid as far as it is known */
	int ifindex;             /* egress kernel interface: struct sl_port's kernel_ifindex */
	uint8_t mac[6];          /* of the next hop; valid if READY */
	uint8_t source_mac[6];   /* of the egress interface */
	uint16_t mtu;            /* of the route if it has one, else of the interface */
	struct sl_addr gateway;  /* whose MAC it is: the gateway, or the address itself */
	struct sl_addr source;   /* what the kernel would send from; family 0 if unknown */
};

struct sl_nexthops;

/* A watched address has another next hop. Called from the uv loop, never from within sl_nexthops_watch(). */
typedef void sl_nexthop_fn(void *ctx, const struct sl_addr *addr, const struct sl_nexthop *nexthop);

/* At most `max` addresses are watched. NULL and a sentence in err on failure. */
struct sl_nexthops *sl_nexthops_create(uv_loop_t *loop, unsigned int max, sl_nexthop_fn *changed, void *ctx, char *err,
				       size_t err_len);
/* Closes its handles; the loop must run once more before it is closed. */
void sl_nexthops_destroy(struct sl_nexthops *n);

/* Begins to watch an address (counted: each watch needs an unwatch). -ENOSPC: too many. */
int sl_nexthops_watch(struct sl_nexthops *n, const struct sl_addr *addr);
void sl_nexthops_unwatch(struct sl_nexthops *n, const struct sl_addr *addr);
/* What is known now of a watched address; false if it is not watched. */
bool sl_nexthops_get(const struct sl_nexthops *n, const struct sl_addr *addr, struct sl_nexthop *out);
/* All watched addresses, for the control socket. */
void sl_nexthops_for_each(const struct sl_nexthops *n, sl_nexthop_fn *fn, void *ctx);

const char *sl_nexthop_state_name(unsigned int state);

#endif
