/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ways back to clients whose next hop moves. Rules of mode nat that lead back carry the MAC that the client's packets came
 * from; when the neighbour that has it (the client's gateway, or the client) gets another MAC, no packet of a connection in
 * hardware would tell. So the control thread watches the route to one client of each way back. Is its next hop the MAC that
 * the packets came from, that neighbour is followed from then on. A way back that the routes do not confirm is left alone, and
 * so is one whose route changes to another neighbour: that says nothing of other clients that share it. For the same reason a
 * client that is its own next hop is followed only while all connections of the way are its own.
 *
 * Bounds: SL_RETURNS ways are watched; others keep their MAC, as without this file.
 */
#ifndef SLUICE_HOST_RETURNS_H
#define SLUICE_HOST_RETURNS_H

#include <stdbool.h>
#include <stdint.h>

#include "host/nexthop.h"

#define SL_RETURNS 256u

/* ---- offload thread ---- */
/* A way back to this client by this port and MAC. A number above 0, or 0: all places are taken. */
uint32_t sl_return_open(const struct sl_addr *client, uint8_t port, const uint8_t mac[6]);
/* Another connection takes the way, to this client. */
void sl_return_join(uint32_t number, const struct sl_addr *client);
void sl_return_close(uint32_t number);
/* True once after each move, with the new MAC. */
bool sl_return_moved(uint32_t number, uint8_t mac[6]);

/* ---- control thread ---- */
/* Called from the offload thread when there is something for sl_returns_sync(). */
void sl_returns_wake(void (*wake)(void));
/* Begins and ends watches. True if a way back has moved. */
bool sl_returns_sync(struct sl_nexthops *nexthops);
/* True if a way back has moved. */
bool sl_returns_nexthop_changed(const struct sl_addr *client, const struct sl_nexthop *nexthop);

#endif
