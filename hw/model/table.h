/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stage table (docs/datapath.md section 6): two banks of buckets of four slots, a record per flow id, and the commands
 * that change them. Memory comes from the caller; nothing is allocated. One thread, or commands and lookups serialised
 * by the caller. A slot here holds the key's hash and the flow id, and the key itself stands beside the record: one bucket
 * is one cache line, a hit touches two more. Slots are found, moved and freed exactly as the definition says.
 */
#ifndef SLUICE_MODEL_TABLE_H
#define SLUICE_MODEL_TABLE_H

#include "hw/model/hash.h"

#define SL_TABLE_LOG2_MIN 3
#define SL_TABLE_LOG2_MAX 24

/* An insert whose two buckets are full looks at so many residents in each of two trees, four levels deep. */
#define SL_TABLE_CANDIDATES (4 + 16 + 64 + 256)

/* counters.now_ms of a flow id. */
enum sl_table_life {
	SL_TABLE_FREE = 0,
	SL_TABLE_TAKEN = 1,
	SL_TABLE_TOLD = 2, /* and the host was told that it has aged; no frame came since */
};

struct sl_table_slot {
	uint64_t hash;
	uint32_t flow_id;
	uint16_t epoch;
	uint16_t valid;
};

struct sl_table_bucket {
	struct sl_table_slot slot[SL_TABLE_WAYS];
};

struct sl_table {
	struct sl_table_bucket *bank[SL_TABLE_BANKS]; /* 2^(log2 - 3) buckets each */
	struct sl_flow_state *flow;                   /* by flow id; now_ms is sl_table_life */
	uint32_t *free_id;                            /* ring of free ids */
	uint32_t free_head;
	uint32_t free_count;
	uint32_t high;    /* ids from here on were not taken since the table was cleared */
	uint32_t v6_left; /* IPv6 keys that may still be inserted */
	uint32_t log2;
	uint32_t bucket_mask;
	uint32_t moves;   /* slots displaced since sl_table_init */
	uint32_t refused; /* inserts refused with NO_SPACE */
	uint8_t epoch;
	struct sl_hash_seed seed;
	/* Of the present search: node 0 of a tree is the key's bucket in bank `tree`, node c + 1 where candidate c could go. */
	uint32_t node[SL_TABLE_BANKS][SL_TABLE_CANDIDATES + 1];
};

/* Bytes of memory for 2^log2 slots and records; 0 if log2 is out of range. */
size_t sl_table_size(uint32_t log2);

/* Takes memory of sl_table_size(log2) bytes, aligned to 64, for as long as the table lives. Empty, epoch 0. */
void sl_table_init(struct sl_table *table, uint32_t log2, void *memory);

/* Forgets every flow: all slots and ids free (ids again 0, 1, 2, ...), counters of flows gone. */
void sl_table_clear(struct sl_table *table, uint8_t epoch);

static inline uint32_t sl_table_occupancy(const struct sl_table *table)
{
	return (1u << table->log2) - table->free_count;
}

/* Bucket of a hash in a bank. */
static inline uint32_t sl_table_bucket_index(uint64_t hash, uint32_t bank, uint32_t bucket_mask)
{
	return (uint32_t)(hash >> (32 * bank)) & bucket_mask;
}

/* Way of the first slot of the bucket that is valid, of this epoch and has this hash, from way `from` on; else 4. */
uint32_t sl_table_bucket_find(const struct sl_table_bucket *bucket, uint64_t hash, uint32_t epoch,
			      uint32_t from);

/* Flow id of the key, or SL_FLOW_ID_NONE. hash is sl_hash_key(key, &table->seed). */
uint32_t sl_table_lookup(const struct sl_table *table, const struct sl_key *key, uint64_t hash);

/* Asks the cache for the buckets that sl_table_lookup will read. Inlined always: the compiler takes a function that
 * only prefetches for one without effect, and drops calls of it. */
static inline __attribute__((always_inline)) void sl_table_prefetch(const struct sl_table *table, uint64_t hash)
{
	for (uint32_t bank = 0; bank < SL_TABLE_BANKS; bank++)
		__builtin_prefetch(&table->bank[bank][sl_table_bucket_index(hash, bank, table->bucket_mask)]);
}

/* A frame of that flow was forwarded: stage emit's counters. */
static inline void sl_table_count(struct sl_table *table, uint32_t flow_id, uint32_t frame_len, uint32_t now_ms)
{
	struct sl_counters *counters = &table->flow[flow_id].counters;

	counters->packets++;
	counters->bytes += frame_len;
	counters->last_seen_ms = now_ms;
	counters->now_ms = SL_TABLE_TAKEN;
}

/*
 * Looks at one flow id, below `high`, for a sweep. True: the flow was not seen for as long as its record says, and the
 * host, which was not told since the flow was last seen (or `again`), is to be told now.
 */
bool sl_table_age(struct sl_table *table, uint32_t flow_id, uint32_t now_ms, bool again);

/*
 * Executes one flow command: completion (but sq_head and phase) into cpl, and for DUMP with status OK the state, whose
 * now_ms is `now_ms`. A flow id beyond the table is BAD_INDEX. An insert that is refused takes no id.
 */
void sl_table_command(struct sl_table *table, const struct sl_flow_cmd *cmd, uint32_t now_ms, struct sl_flow_cpl *cpl,
		      struct sl_flow_state *state);

#endif
