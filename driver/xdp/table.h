/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The owner of the XDP program's flow table (sluice/xdp_flow.h): executes flow commands on the maps, which are mapped into this
 * process, with the meaning that they have on a card (docs/device.md). One thread, or calls serialised by the caller; programs on
 * all processors forward meanwhile and are never held up.
 *
 * Insertion looks for room like the card does: the emptier of two buckets, else residents are moved, the last of a path first,
 * each copied before its old place is cleared. What is cleared is used again only when no program can still be counting there
 * (membarrier(2) waits for them, once for many); what they counted meanwhile is the flow's, or, of a flow that is gone,
 * in `late`.
 */
#ifndef SLUICE_DRIVER_XDP_TABLE_H
#define SLUICE_DRIVER_XDP_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sluice/xdp_flow.h"
#include "sluice/contract.h"

#define SL_XDP_ZOMBIES 4096 /* places left behind for which one grace period is waited */

/* The mapped maps. Entries and what is beside them: 8 << log2. */
struct sl_xdp_table_maps {
	void *flows4, *flows6;
	struct sl_xdp_nat4 *nat4;
	struct sl_xdp_foreign *foreign4, *foreign6;
	struct sl_xdp_meta *meta; /* 8 << log2_v4 */
	uint32_t log2_v4, log2_v6; /* buckets of a bank */
	struct sl_xdp_seed seed;
	void (*grace)(void); /* returns when no program runs any more that ran when it was called; NULL: membarrier(2) */
	/* Called before a flow's counts are told; leaving: before it is changed or removed, too. NULL: only programs forward. */
	void (*ask)(void *ctx, uint32_t flow_id, bool leaving);
	void *ask_ctx;
};

/* A flow as it is now. */
struct sl_xdp_flow_view {
	struct sl_key key;
	struct sl_record record;
	uint32_t memo;
	uint32_t rule;
	uint32_t last_seen_ms;
};

struct sl_xdp_zombie {
	uint32_t place;
	uint32_t flow_id; /* SL_FLOW_ID_NONE: deleted */
	uint8_t family;
	uint64_t packets, bytes; /* told already, of a deleted one */
};

struct sl_xdp_table {
	struct sl_xdp_table_maps maps;
	uint8_t *busy[2]; /* by place, of IPv4 and IPv6 */
	uint32_t *free_id; /* stack */
	uint32_t free_count, ids;
	uint32_t occupancy, moves, refused;
	struct sl_xdp_counts { uint64_t packets, bytes; } late; /* of flows that were gone */
	struct sl_xdp_zombie zombie[SL_XDP_ZOMBIES];
	uint32_t zombies;
	uint32_t moved; /* of them those whose flow has another place */
};

/* Bytes of a map's memory for so many buckets: entries of 64 or 128 bytes. */
size_t sl_xdp_table_bytes(uint32_t log2, size_t entry);

/* A seed out of random bytes. */
void sl_xdp_seed_make(struct sl_xdp_seed *seed, const uint8_t random[sizeof(struct sl_xdp_seed)]);

/* Takes what the maps hold, flows of an earlier owner too. The maps stay the caller's. 0 or -ENOMEM. */
int sl_xdp_table_open(struct sl_xdp_table *table, const struct sl_xdp_table_maps *maps);
void sl_xdp_table_close(struct sl_xdp_table *table);

/* Forgets every flow. */
void sl_xdp_table_clear(struct sl_xdp_table *table);

/* As sl_table_command() of the model; now_ms: the programs' time. */
void sl_xdp_table_command(struct sl_xdp_table *table, const struct sl_flow_cmd *cmd, uint32_t now_ms, struct sl_flow_cpl *cpl,
			  struct sl_flow_state *state);

/* Whether the host is to be told that the flow has aged; once, until it is seen again. */
bool sl_xdp_table_age(struct sl_xdp_table *table, uint32_t flow_id, uint32_t now_ms);

/* False without such a flow. */
bool sl_xdp_table_view(const struct sl_xdp_table *table, uint32_t flow_id, struct sl_xdp_flow_view *view);

/* Adds what somebody else forwarded of the flow, who saw it at now_ms. */
void sl_xdp_table_add(struct sl_xdp_table *table, uint32_t flow_id, uint64_t packets, uint64_t bytes, uint32_t now_ms);

/* Waits until no program counts at a place that was left, and takes what was counted there. */
void sl_xdp_table_settle(struct sl_xdp_table *table);

/* The rules have been numbered anew: no memo is valid. */
void sl_xdp_table_forget_memos(struct sl_xdp_table *table);

#endif
