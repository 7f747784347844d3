/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Connections that began in the XDP program (sluice/first.h) enter the connection table: the offload thread passes hints on, and the
 * worker that owns a connection's shard makes its entry, within the service's budgets (host/admission.h), or brings the one that
 * there is up to date. From there it is a connection like others: it is offloaded by its service's policy.
 *
 * Bounds: a ring of SL_LEARN_RING hints for each worker. One that finds no room is counted; the connection's next packet leaves
 * another one.
 */
#ifndef SLUICE_HOST_LEARN_H
#define SLUICE_HOST_LEARN_H

#include <stdbool.h>
#include <stdint.h>

#include "host/slowpath.h"
#include "sluice/first.h"

#define SL_LEARN_RING 16384u

/* Control thread, before the threads and after them. 0 or -ENOMEM. */
int sl_learn_open(unsigned int workers, struct sl_conn_table *table);
void sl_learn_close(void);

/* Offload thread. False: no room. */
bool sl_learn_put(const struct sl_first_hint *hint);
/* A worker: takes some of its own; how many. */
unsigned int sl_learn_run(unsigned int worker, struct sl_slowpath *sp);

/* One hint, of a shard that is the worker's. */
void sl_learn_hint(struct sl_slowpath *sp, const struct sl_first_hint *hint);

#endif
