/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The backends' health over a restart of the agent, in a file beside the connection table's (".health"). The next agent begins
 * with what the last one knew: so its Maglev tables are the same from the first packet on, and it takes `fall` failed checks, as
 * ever, to hold a backend of adopted connections for dead. With the first check alone deciding, as for a backend that nobody
 * knows, one lost frame would: a SYN that the client repeats meanwhile would be given to another backend, while the first one's
 * SYN-ACK is on its way.
 */
#ifndef SLUICE_HOST_LAST_HEALTH_H
#define SLUICE_HOST_LAST_HEALTH_H

#include "host/service.h"

/* Writes which of the snapshot's backends are up and down, if that has changed since the last call. `state`: node.state. 0, or a
 * negative errno and nothing has changed. Control thread. */
int sl_last_health_save(const char *state, const struct sl_services *now);
/* Gives those backends of the table that have not been checked yet the health that the file tells, and publishes. A file that is
 * damaged or another version's tells nothing (which is logged). Control thread, before there are checks. */
void sl_last_health_restore(const char *state, struct sl_service_table *table);

#endif
