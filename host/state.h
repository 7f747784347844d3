/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The file in shared memory that holds the connections and outlives the agent: a page of header, then the entries.
 * A second agent on the same file is refused (the file is locked while an agent lives).
 */
#ifndef SLUICE_HOST_STATE_H
#define SLUICE_HOST_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sl_conn;

struct sl_state {
	int fd;
	void *map;
	size_t size;
	struct sl_conn *entries;
	uint32_t capacity;
	uint64_t hash_key[2]; /* drawn when the file was made */
	bool created; /* false: an existing file was adopted */
};

#define SL_STATE_VERSION 1u

/* Opens or creates the file for `capacity` entries (rounded up to a multiple of SL_CONN_SHARDS). An existing file of
 * another capacity is adopted with its own. 0, or a negative errno with a sentence in err that names the file, what was
 * found, what was wanted and the remedy. */
int sl_state_open(struct sl_state *state, const char *path, uint32_t capacity, char *err, size_t err_len);
/* Unmaps; the file stays. */
void sl_state_close(struct sl_state *state);

#endif
