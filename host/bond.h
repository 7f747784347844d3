/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bonds: ports of one card that are one port to everybody but this file, the workers' queues and the card's rules. The first
 * member stands for the bond (*lead*): connections, next hops and the kernel interface are its. By which member a frame
 * leaves is said here, in two steps: its *home* is the member that its connection is given to (in balance-xor by the
 * connection, in active-backup the lead), and *out* is the member that takes a home's frames now. Only the second changes
 * when links do, so nothing that a connection is made of changes with it.
 *
 * A port without a bond is its own lead, home and out. Links are told by whoever knows them; nothing here asks a device.
 */
#ifndef SLUICE_HOST_BOND_H
#define SLUICE_HOST_BOND_H

#include <stdbool.h>
#include <stdint.h>

#include "host/config.h"

/* Before everything else here. */
void sl_bond_configure(const struct sl_config *config);

/* ---- any thread ---- */
unsigned int sl_bond_lead(unsigned int port);
/* Its place among the members, from 0, and how many there are (0: no bond). */
unsigned int sl_bond_member(unsigned int port);
unsigned int sl_bond_members(unsigned int port);
/* The home of a connection of the lead's; spread: any number that its packets of this direction have in common. */
unsigned int sl_bond_home(unsigned int lead, unsigned int spread);
unsigned int sl_bond_out(unsigned int home);
/* False: what comes by this port to many (broadcast, multicast) has come by the member in use as well. */
bool sl_bond_hears(unsigned int port);

/* ---- control thread ---- */
void sl_bond_link(unsigned int port, bool up, uint64_t now_ms);
/* Chooses anew; to be called also when no link changes, as up_delay_ms passes. Bit n: frames of the bond with lead n leave by other
 * members than before. */
uint32_t sl_bond_settle(uint64_t now_ms);

struct sl_bond_view {
	const char *name; /* NULL: the port is in no bond */
	const char *mode;
	const char *state; /* "active", "backup" (active-backup alone), "waiting" (up_delay_ms), "down" */
	uint64_t failovers; /* of the bond: changes of the members in use since the start */
};
void sl_bond_view_get(unsigned int port, struct sl_bond_view *view);

#endif
