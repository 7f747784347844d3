/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One worker's datapath without ports: the agent's own configuration, services, next hops, connection table and slow path, and
 * frames of many clients in a ring of buffers, as a receive ring has them.
 */
#ifndef SLUICE_TESTS_BENCH_FLOW_WORLD_H
#define SLUICE_TESTS_BENCH_FLOW_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "host/slowpath.h"

#define WORLD_RING 1024u  /* frames that lie there at a time */
#define WORLD_ROOM 128u   /* bytes in front of a frame's data */
#define WORLD_STRIDE 576u /* from one frame to the next: as in a packet pool, not a power of two */
#define WORLD_FRAME 60u   /* bytes of a frame */

/* The last three are those that a flood is of: TCP in ipip, TCP in nat, UDP in ipip. */
enum world_service { WORLD_L2, WORLD_IPIP, WORLD_NAT, WORLD_FLOOD_IPIP, WORLD_FLOOD_NAT, WORLD_FLOOD_UDP, WORLD_SERVICES };

#define WORLD_US 1024u

struct world_frame {
	uint8_t *data; /* where it was received */
	uint32_t len;
	bool forwarded; /* by the last world_run() */
};

struct world {
	struct sl_config *config;
	struct sl_service_table *services;
	void *entries;
	size_t entries_bytes; /* that are there from the start */
	size_t memory_bytes;
	int fd;               /* of the memory; -1: huge pages of nobody's */
	struct sl_conn_table *table;
	struct sl_worker_stats stats;
	struct sl_slow_backend backends[SL_SERVICE_IDS + 1];
	uint32_t *retry;
	struct sl_slowpath sp;
	uint8_t *ring;
	struct world_frame frame[WORLD_RING];
	bool watch;           /* world_run() measures each burst */
	uint32_t bursts[WORLD_US]; /* of them, by microseconds; the last: as long or longer */
};

/* A table for `capacity` connections, in huge pages or, as the agent has it, in a file in shared memory; nat: services of that are
 * there too, and so a quarter of the table is not for others. Ends the program with a sentence if something fails. */
struct world *world_make(uint32_t capacity, bool file, bool nat);
void world_end(struct world *w);

/* Frame i of the ring becomes one of flow number `flow`: TCP with these flags, or UDP as its service is, from the client to the service, or (back) from the
 * service's backend to the client. */
void world_stamp(struct world *w, uint32_t i, enum world_service service, uint32_t flow, uint8_t flags, bool back);
/* Runs the first n frames of the ring as a worker does, in bursts; the new frames lie in their buffers. Returns how many were
 * forwarded. */
uint32_t world_run(struct world *w, uint32_t n);
/* Key of a flow's frames from the client. */
void world_key(enum world_service service, uint32_t flow, struct sl_key *key);

/* Nanoseconds of this thread's processor time. */
uint64_t world_ns(void);
/* Huge pages, where the kernel gives them; zeroed. */
void *world_memory(size_t bytes);

#endif
