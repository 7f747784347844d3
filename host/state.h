/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The file in shared memory that holds the connections and outlives the agent: a page of header with the addresses that mode fullnat
 * uses, the last known next hops, then the connections, of which what only some of them need is taken when they come: until then the
 * file has holes.
 * A second agent on the same file is refused (the file is locked while an agent lives).
 */
#ifndef SLUICE_HOST_STATE_H
#define SLUICE_HOST_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/config.h"

/* A next hop as it was last seen to work: a new agent makes its connections' rules with it before it can ask the network,
 * and corrects them when it has. Written by the control thread; check is over all before it and written last. */
struct sl_state_hop {
	struct sl_addr target;  /* 17 bytes */
	struct sl_addr source;
	uint8_t mac[6];
	uint8_t port;           /* index */
	uint8_t reserved0;
	uint16_t vid;
	uint16_t mtu;
	uint32_t reserved1[3];
	uint32_t check;
};
_Static_assert(sizeof(struct sl_state_hop) == 64, "one next hop is 64 bytes");
#define SL_STATE_HOPS 8192u /* at most half of them are in use: a backend has one target, and there are SL_SERVICE_IDS */

struct sl_state {
	int fd;
	void *map;
	size_t size;
	struct sl_state_hop *hops; /* SL_STATE_HOPS of them */
	struct sl_addr *sources;   /* SL_CONN_SOURCES of them (host/sources.h) */
	void *entries;        /* sl_conn_memory_bytes(capacity), at byte `start` of the file */
	size_t start;
	uint32_t capacity;
	uint64_t hash_key[2]; /* drawn when the file was made */
	bool created; /* false: an existing file was adopted */
};

#define SL_STATE_VERSION 4u

/* Opens or creates the file for `capacity` entries (rounded up to a multiple of SL_CONN_SHARDS). An existing file of
 * another capacity is adopted with its own. 0, or a negative errno with a sentence in err that names the file, what was
 * found, what was wanted and the remedy. */
int sl_state_open(struct sl_state *state, const char *path, uint32_t capacity, char *err, size_t err_len);
/* Unmaps; the file stays. */
void sl_state_close(struct sl_state *state);

#endif
