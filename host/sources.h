/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Source addresses and ports of mode fullnat: where a connection seems to come from to its backend, so that answers come back
 * here whatever the backend's routes are.
 *
 * A port is taken for one tuple of backend address, port and protocol; the same port may serve other tuples meanwhile. Of a
 * tuple's free ports the one that has rested longest is taken, and none that was given back less than the quarantine ago: the
 * backend may still hold the connection before in TIME_WAIT (RFC 9293, 3.6.1). Ports of a shard are those whose way back has that
 * shard (sl_conn_shard()), so that both directions of a connection belong to one worker.
 *
 * Memory: some 700 bytes for each tuple, address and shard that has had a connection lately, and 8 for each port of it that was used; at
 * most 65,536 such a worker.
 *
 * Threads: one struct sl_sources for each worker, for the shards that it owns; sl_sources_open() before workers run.
 */
#ifndef SLUICE_HOST_SOURCES_H
#define SLUICE_HOST_SOURCES_H

#include <stdint.h>

#include "host/config.h"
#include "host/conn.h"

struct sl_sources;

/* Gives the configured addresses their numbers among the SL_CONN_SOURCES of the state (host/conn.h), where connections that were
 * adopted may have others. -ENOSPC: no number is free. */
int sl_sources_open(struct sl_addr *numbers, const struct sl_config_fullnat *config, const struct sl_conn_table *table);

/* NULL: out of memory. The table and the numbers stay the caller's. */
struct sl_sources *sl_sources_create(struct sl_conn_table *table, const struct sl_config_fullnat *config);
void sl_sources_destroy(struct sl_sources *sources);

/* Fills new->source and source_port; everything else of the key and the backend is set. 0; -EADDRNOTAVAIL: all ports towards this
 * backend are used or in quarantine; -ENOMEM. */
int sl_sources_take(struct sl_sources *sources, unsigned int shard, struct sl_conn_new *new);
/* Connection `index` is about to be freed, at now_ms. */
void sl_sources_give(struct sl_sources *sources, uint32_t index, uint64_t now_ms);
/* What was taken for a connection that was not made: free at once. */
void sl_sources_untake(struct sl_sources *sources, unsigned int shard, const struct sl_conn_new *new);

/* Tuples that have ports of their own now, for tests. */
uint32_t sl_sources_pools(const struct sl_sources *sources);

#endif
