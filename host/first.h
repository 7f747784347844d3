/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Services whose new connections the XDP program decides (first_packet: xdp): their Maglev tables and next hops are brought to the
 * cards (sluice/first.h), place by place as host/places allows, and what the program tells of new connections goes to host/learn.
 *
 * Threads: the offload thread, or before it exists; but for sl_first_view().
 */
#ifndef SLUICE_HOST_FIRST_H
#define SLUICE_HOST_FIRST_H

#include <stdbool.h>
#include <stdint.h>

#include "host/conn.h"

struct sl_first_view {
	uint64_t packets, bytes; /* decided in XDP */
	uint64_t syns;           /* of them SYNs */
	uint64_t unhinted;       /* that were to be told to the agent, but there was no room */
	uint32_t places, held;   /* of the Maglev table; those that the agent decides for now */
	bool stands;             /* every card has the table */
};

/* 0 or -ENOMEM. */
int sl_first_init(unsigned int workers, struct sl_conn_table *table);
/* Services, next hops or ways out have changed. */
void sl_first_changed(uint64_t now_ms);
/* Every 100 ms or so: takes hints, goes on with a pass over the connection table. */
void sl_first_tick(uint64_t now_ms);
/* The cards keep their tables: they decide on, and the next agent takes them over. After the threads. */
void sl_first_fini(void);

/* Control thread. False: the service is decided by the agent. */
bool sl_first_view(uint32_t service_id, struct sl_first_view *view);

#endif
