/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Backends that left the configuration while they had connections, for the next agent: beside the connection table's file,
 * which holds of a backend no more than its address, a file (".retired") says what service and backend they were. The next
 * agent begins with them and then applies its configuration, so that they are retired again and keep their connections.
 */
#ifndef SLUICE_HOST_RETIRED_H
#define SLUICE_HOST_RETIRED_H

#include "host/config.h"
#include "host/service.h"

/* Writes what is retired in the snapshot if that has changed; no file if there is nothing. `state`: node.state. 0, or a
 * negative errno and nothing has changed. Control thread. */
int sl_retired_save(const char *state, const struct sl_services *now);
/* A configuration of what was retired, with the tenants and the node of `config`. NULL: nothing was, or the file is damaged or
 * another version's (which is logged). Free with sl_config_free(). */
struct sl_config *sl_retired_load(const struct sl_config *config);

#endif
