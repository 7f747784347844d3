/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Backends that leave the configuration while they have connections, over a restart. The connection table's file holds of a
 * backend no more than its address; a file beside it (".backends") says what all of them were, of which service. Those that the
 * next agent's configuration does not have any more it begins with, and then applies its configuration: so they are retired and
 * keep their connections, whether they left while the last agent ran or when there was none.
 */
#ifndef SLUICE_HOST_RETIRED_H
#define SLUICE_HOST_RETIRED_H

#include "host/config.h"
#include "host/service.h"

/* Writes the snapshot's backends, the retired ones too, if they have changed since the last call; no file if there are none.
 * `state`: node.state. 0, or a negative errno and nothing has changed. Control thread. */
int sl_retired_save(const char *state, const struct sl_services *now);
/* A configuration of what the file has and `config` has not, with the tenants and the node of `config`. NULL: there is nothing,
 * or the file is damaged or another version's (which is logged). Free with sl_config_free(). */
struct sl_config *sl_retired_load(const struct sl_config *config);

#endif
