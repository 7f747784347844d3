/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ways out of a card for bonds: for each home (host/bond.h) one represented_port as an indirect action, which all rules of the
 * home's connections name. When the member that a home leaves by changes, one update moves them all. Offload thread only.
 */
#ifndef SLUICE_HOST_WAYS_H
#define SLUICE_HOST_WAYS_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_flow.h>

/* Makes the way of a member of a bond, if it is one and has none; rules without it name their port themselves. */
void sl_way_open(unsigned int home, uint16_t proxy);
/* NULL: none. */
const struct rte_flow_action_handle *sl_way_of(unsigned int home);
/* All of them to where they have to lead now. False: one could not be moved. */
bool sl_ways_move(void);
void sl_ways_forget(void);

#endif
