/* SPDX-License-Identifier: BSD-3-Clause */
/* Stage table. See table.h. */
#include "hw/model/table.h"

/* Where a slot is. */
struct place {
	uint32_t bank;
	uint32_t bucket;
	uint32_t way;
};

size_t sl_table_size(uint32_t log2)
{
	const size_t slots = (size_t)1 << log2;

	if (log2 < SL_TABLE_LOG2_MIN || log2 > SL_TABLE_LOG2_MAX)
		return 0;
	return slots * (sizeof(struct sl_table_slot) + sizeof(struct sl_flow_state) + sizeof(uint32_t));
}

void sl_table_init(struct sl_table *table, uint32_t log2, void *memory)
{
	const size_t slots = (size_t)1 << log2, buckets = slots / (SL_TABLE_WAYS * SL_TABLE_BANKS);

	table->flow = memory;
	table->bank[0] = (struct sl_table_bucket *)(table->flow + slots);
	table->bank[1] = table->bank[0] + buckets;
	table->free_id = (uint32_t *)(table->bank[1] + buckets);
	table->log2 = log2;
	table->bucket_mask = (uint32_t)buckets - 1;
	table->moves = 0;
	table->refused = 0;
	table->seed = (struct sl_hash_seed){ 0, 0 };
	sl_table_clear(table, 0);
}

void sl_table_clear(struct sl_table *table, uint8_t epoch)
{
	const uint32_t slots = 1u << table->log2;

	for (uint32_t id = 0; id < slots; id++) {
		table->flow[id].counters.now_ms = SL_TABLE_FREE;
		table->free_id[id] = id;
	}
	for (uint32_t bank = 0; bank < SL_TABLE_BANKS; bank++) {
		for (uint32_t i = 0; i <= table->bucket_mask; i++) {
			for (uint32_t way = 0; way < SL_TABLE_WAYS; way++)
				table->bank[bank][i].slot[way].valid = 0;
		}
	}
	table->free_head = 0;
	table->free_count = slots;
	table->high = 0;
	table->v6_left = slots >> SL_TABLE_V6_SHIFT;
	table->epoch = epoch;
}

uint32_t sl_table_bucket_find(const struct sl_table_bucket *bucket, uint64_t hash, uint32_t epoch, uint32_t from)
{
	SL_NONNULL(bucket);
	for (uint32_t way = 0; way < SL_TABLE_WAYS; way++) {
		const struct sl_table_slot *slot = &bucket->slot[way];

		if (way >= from && slot->hash == hash && slot->valid && slot->epoch == epoch)
			return way;
	}
	return SL_TABLE_WAYS;
}

static inline struct sl_table_slot *slot_at(const struct sl_table *table, const struct place *place)
{
	return &table->bank[place->bank][place->bucket].slot[place->way];
}

static inline bool key_equal(const struct sl_key *a, const struct sl_key *b)
{
	uint64_t x[5], y[5];

	__builtin_memcpy(x, a, sizeof(x));
	__builtin_memcpy(y, b, sizeof(y));
	return ((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]) | (x[3] ^ y[3]) | (x[4] ^ y[4])) == 0;
}

static inline uint32_t find(const struct sl_table *table, const struct sl_key *key, uint64_t hash, struct place *place)
{
	for (uint32_t bank = 0; bank < SL_TABLE_BANKS; bank++) {
		const uint32_t index = sl_table_bucket_index(hash, bank, table->bucket_mask);
		const struct sl_table_bucket *bucket = &table->bank[bank][index];
		uint32_t way = sl_table_bucket_find(bucket, hash, table->epoch, 0);

		while (way < SL_TABLE_WAYS) {
			const uint32_t id = bucket->slot[way].flow_id;

			if (key_equal(&table->flow[id].key, key)) {
				*place = (struct place){ bank, index, way };
				return id;
			}
			way = sl_table_bucket_find(bucket, hash, table->epoch, way + 1);
		}
	}
	return SL_FLOW_ID_NONE;
}

uint32_t sl_table_lookup(const struct sl_table *table, const struct sl_key *key, uint64_t hash)
{
	struct place place;

	return find(table, key, hash, &place);
}

/* Free slots of a bucket; *first is the lowest free way. */
static inline uint32_t bucket_free(const struct sl_table_bucket *bucket, uint32_t *first)
{
	uint32_t n = 0;

	for (uint32_t way = SL_TABLE_WAYS; way-- > 0;) {
		if (!bucket->slot[way].valid) {
			*first = way;
			n++;
		}
	}
	return n;
}

/* Bank of a node's bucket: it changes from one level of a tree to the next (nodes 0, 1-4, 5-20, 21-84, ...). */
static inline uint32_t node_bank(uint32_t tree, uint32_t node)
{
	return tree ^ ((node >= 1 && node <= 4) || (node >= 21 && node <= 84));
}

/* The resident that candidate c of a tree is: way c % 4 of node c / 4. */
static inline struct place candidate_place(const struct sl_table *table, uint32_t tree, uint32_t c)
{
	const uint32_t node = c / SL_TABLE_WAYS;

	return (struct place){ node_bank(tree, node), table->node[tree][node], c % SL_TABLE_WAYS };
}

/*
 * Breadth first: candidate c of both trees, then c + 1. Where a candidate could go is the bucket of node c + 1. True if
 * that bucket has a free slot, *to.
 */
static inline bool try_candidate(struct sl_table *table, uint32_t tree, uint32_t c, struct place *to)
{
	const struct place from = candidate_place(table, tree, c);

	to->bank = 1 - from.bank;
	to->bucket = sl_table_bucket_index(slot_at(table, &from)->hash, to->bank, table->bucket_mask);
	table->node[tree][c + 1] = to->bucket;
	return bucket_free(&table->bank[to->bank][to->bucket], &to->way) != 0;
}

/* Both buckets of the hash are full: frees a slot in one of them by moving residents, the last of the path first. */
static inline bool displace(struct sl_table *table, uint64_t hash, struct place *place)
{
	uint32_t tree, c;
	struct place to;

	for (tree = 0; tree < SL_TABLE_BANKS; tree++)
		table->node[tree][0] = sl_table_bucket_index(hash, tree, table->bucket_mask);
	for (c = 0; c < SL_TABLE_CANDIDATES; c++) {
		for (tree = 0; tree < SL_TABLE_BANKS; tree++) {
			if (try_candidate(table, tree, c, &to))
				goto found;
		}
	}
	return false;
found:
	for (;;) {
		const struct place from = candidate_place(table, tree, c);

		*slot_at(table, &to) = *slot_at(table, &from);
		table->moves++;
		to = from;
		if (c < SL_TABLE_WAYS)
			break;
		c = c / SL_TABLE_WAYS - 1;
	}
	*place = to;
	return true;
}

/* A place for a new key of that hash, made free if need be. */
static inline bool make_room(struct sl_table *table, uint64_t hash, struct place *place)
{
	uint32_t way[SL_TABLE_BANKS] = { 0, 0 }, bucket[SL_TABLE_BANKS], n[SL_TABLE_BANKS], bank;

	for (bank = 0; bank < SL_TABLE_BANKS; bank++) {
		bucket[bank] = sl_table_bucket_index(hash, bank, table->bucket_mask);
		n[bank] = bucket_free(&table->bank[bank][bucket[bank]], &way[bank]);
	}
	if (n[0] == 0 && n[1] == 0)
		return displace(table, hash, place);
	bank = n[1] > n[0];
	*place = (struct place){ bank, bucket[bank], way[bank] };
	return true;
}

/* Ports, tenant, protocol, family. */
static inline uint64_t last_word(const struct sl_key *key)
{
	uint64_t x[5];

	__builtin_memcpy(x, key, sizeof(x));
	return x[4];
}

/* Whether an IPv6 key may not be told from one in its buckets, by what a slot of the card holds: the hash and the last word. */
static inline bool ambiguous(const struct sl_table *table, const struct sl_key *key, uint64_t hash)
{
	for (uint32_t bank = 0; bank < SL_TABLE_BANKS; bank++) {
		const struct sl_table_bucket *bucket =
			&table->bank[bank][sl_table_bucket_index(hash, bank, table->bucket_mask)];
		uint32_t way = sl_table_bucket_find(bucket, hash, table->epoch, 0);

		while (way < SL_TABLE_WAYS) {
			if (last_word(&table->flow[bucket->slot[way].flow_id].key) == last_word(key))
				return true;
			way = sl_table_bucket_find(bucket, hash, table->epoch, way + 1);
		}
	}
	return false;
}

/* What the card keeps of a record: not what is reserved, and of IPv4 addresses not what is behind them. */
static inline struct sl_record kept(const struct sl_flow_cmd *cmd)
{
	struct sl_record record = cmd->record;

	for (uint32_t i = 4; cmd->key.family == 4 && i < 16; i++) {
		record.new_src[i] = 0;
		record.new_dst[i] = 0;
	}
	record.reserved1 = 0;
	return record;
}

/* Whether a key is one: IPv4 with nothing behind the addresses, or IPv6. */
static inline bool key_good(const struct sl_key *key)
{
	uint32_t rest = 0;

	for (uint32_t i = 4; i < 16; i++)
		rest |= key->src[i] | key->dst[i];
	return key->family == 6 || (key->family == 4 && rest == 0);
}

/* A new flow; its id, or SL_FLOW_ID_NONE. */
static inline uint32_t insert(struct sl_table *table, const struct sl_flow_cmd *cmd, uint64_t hash, uint32_t now_ms)
{
	const uint32_t mask = (1u << table->log2) - 1;
	const bool v6 = cmd->key.family == 6;
	struct sl_flow_state *flow;
	struct place place;
	uint32_t id;

	if (table->free_count == 0 || (v6 && (table->v6_left == 0 || ambiguous(table, &cmd->key, hash))) ||
	    !make_room(table, hash, &place)) {
		table->refused++;
		return SL_FLOW_ID_NONE;
	}
	id = table->free_id[table->free_head];
	table->free_head = (table->free_head + 1) & mask;
	table->free_count--;
	table->high = table->high > id ? table->high : id + 1;
	table->v6_left -= v6;
	flow = &table->flow[id];
	flow->key = cmd->key;
	flow->record = kept(cmd);
	flow->counters = (struct sl_counters){ .last_seen_ms = now_ms, .now_ms = SL_TABLE_TAKEN };
	*slot_at(table, &place) =
		(struct sl_table_slot){ .hash = hash, .flow_id = id, .epoch = table->epoch, .valid = 1 };
	return id;
}

static inline void remove(struct sl_table *table, const struct place *place)
{
	struct sl_table_slot *slot = slot_at(table, place);
	const uint32_t mask = (1u << table->log2) - 1;

	slot->valid = 0;
	table->flow[slot->flow_id].counters.now_ms = SL_TABLE_FREE;
	table->v6_left += table->flow[slot->flow_id].key.family == 6;
	table->free_id[(table->free_head + table->free_count) & mask] = slot->flow_id;
	table->free_count++;
}

static inline void complete(const struct sl_table *table, uint32_t id, uint32_t now_ms, struct sl_flow_cpl *cpl)
{
	const struct sl_counters *counters = &table->flow[id].counters;

	cpl->flow_id = id;
	cpl->packets = counters->packets;
	cpl->bytes = counters->bytes;
	cpl->idle_ms = now_ms - counters->last_seen_ms;
}

/* INSERT, DELETE, UPDATE and QUERY. */
static inline uint32_t command_by_key(struct sl_table *table, const struct sl_flow_cmd *cmd, uint32_t now_ms,
				      struct sl_flow_cpl *cpl)
{
	const uint64_t hash = sl_hash_key(&cmd->key, &table->seed);
	struct place place;
	const uint32_t id = find(table, &cmd->key, hash, &place);

	if (!key_good(&cmd->key))
		return SL_STATUS_BAD_VALUE;
	if (id == SL_FLOW_ID_NONE) {
		if (cmd->opcode != SL_FLOW_OP_INSERT)
			return SL_STATUS_NOT_FOUND;
		cpl->flow_id = insert(table, cmd, hash, now_ms);
		return cpl->flow_id == SL_FLOW_ID_NONE ? SL_STATUS_NO_SPACE : SL_STATUS_OK;
	}
	complete(table, id, now_ms, cpl);
	if (cmd->opcode == SL_FLOW_OP_INSERT || cmd->opcode == SL_FLOW_OP_UPDATE)
		table->flow[id].record = kept(cmd);
	else if (cmd->opcode == SL_FLOW_OP_DELETE)
		remove(table, &place);
	return cmd->opcode == SL_FLOW_OP_INSERT ? SL_STATUS_EXISTS : SL_STATUS_OK;
}

static inline uint32_t dump(const struct sl_table *table, uint32_t id, uint32_t now_ms, struct sl_flow_cpl *cpl,
			    struct sl_flow_state *state)
{
	if (id >> table->log2 != 0)
		return SL_STATUS_BAD_INDEX;
	if (table->flow[id].counters.now_ms == SL_TABLE_FREE)
		return SL_STATUS_NOT_FOUND;
	cpl->flow_id = id;
	*state = table->flow[id];
	state->counters.now_ms = now_ms;
	return SL_STATUS_OK;
}

bool sl_table_age(struct sl_table *table, uint32_t flow_id, uint32_t now_ms, bool again)
{
	struct sl_flow_state *flow = &table->flow[flow_id];
	const uint32_t limit_ms = flow->record.age_s * 1000u;

	if (flow->counters.now_ms == SL_TABLE_FREE || limit_ms == 0 ||
	    (flow->counters.now_ms == SL_TABLE_TOLD && !again) || now_ms - flow->counters.last_seen_ms < limit_ms)
		return false;
	flow->counters.now_ms = SL_TABLE_TOLD;
	return true;
}

void sl_table_command(struct sl_table *table, const struct sl_flow_cmd *cmd, uint32_t now_ms,
		      struct sl_flow_cpl *cpl, struct sl_flow_state *state)
{
	uint32_t status;

	*cpl = (struct sl_flow_cpl){ .flow_id = SL_FLOW_ID_NONE, .tag = cmd->tag, .opcode = cmd->opcode };
	switch (cmd->opcode) {
	case SL_FLOW_OP_NOP:
		status = SL_STATUS_OK;
		break;
	case SL_FLOW_OP_INSERT:
	case SL_FLOW_OP_DELETE:
	case SL_FLOW_OP_UPDATE:
	case SL_FLOW_OP_QUERY:
		status = command_by_key(table, cmd, now_ms, cpl);
		break;
	case SL_FLOW_OP_DUMP:
		status = dump(table, cmd->flow_id, now_ms, cpl, state);
		break;
	default:
		status = SL_STATUS_BAD_OPCODE;
		break;
	}
	cpl->status = (uint8_t)status;
}
