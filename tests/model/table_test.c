/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stage table: commands one by one, the rules of placement, and how full the table gets. The load figures are printed:
 * the share of slots in use when the first insert is refused, for random and for sequential keys.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hw/model/table.h"
#include "tests/rtl/collision.h"

static struct sl_table table;
static void *memory;

static void open_table(uint32_t log2, uint64_t seed)
{
	free(memory);
	memory = aligned_alloc(64, (sl_table_size(log2) + 63) & ~(size_t)63);
	assert_non_null(memory);
	sl_table_init(&table, log2, memory);
	table.seed = (struct sl_hash_seed){ seed, ~seed };
}

static struct sl_flow_cpl run(unsigned int opcode, uint64_t n, uint64_t cookie, uint32_t now_ms)
{
	struct sl_flow_cmd cmd = { .opcode = (uint8_t)opcode, .tag = 77, .flow_id = (uint32_t)n };
	struct sl_flow_state state;
	struct sl_flow_cpl cpl;

	memcpy(cmd.key.src, &n, 4);
	cmd.key.sport = (uint16_t)(n >> 32);
	cmd.key.proto = 6;
	cmd.key.family = 4;
	cmd.record.cookie = cookie;
	sl_table_command(&table, &cmd, now_ms, &cpl, &state);
	assert_int_equal(cpl.tag, 77);
	assert_int_equal(cpl.opcode, opcode);
	if (opcode == SL_FLOW_OP_DUMP && cpl.status == SL_STATUS_OK)
		assert_int_equal(state.record.cookie, cookie);
	return cpl;
}

static uint32_t find(uint64_t n)
{
	struct sl_key key = { .proto = 6, .family = 4, .sport = (uint16_t)(n >> 32) };

	memcpy(key.src, &n, 4);
	return sl_table_lookup(&table, &key, sl_hash_key(&key, &table.seed));
}

struct command_row {
	const char *what;
	unsigned int opcode;
	uint64_t n;
	uint64_t cookie;
	uint32_t now_ms;
	/* expected */
	unsigned int status;
	uint32_t flow_id;
	uint64_t packets;
	uint32_t idle_ms;
	uint32_t occupancy;
};

#define NONE SL_FLOW_ID_NONE
/* Before every command at time t, flow of key 1 (if present) gets one hit of 100 bytes at time t - 5. */
static const struct command_row command_rows[] = {
	{ "nop", SL_FLOW_OP_NOP, 1, 0, 10, SL_STATUS_OK, NONE, 0, 0, 0 },
	{ "unknown opcode", 99, 1, 0, 10, SL_STATUS_BAD_OPCODE, NONE, 0, 0, 0 },
	{ "query absent", SL_FLOW_OP_QUERY, 1, 0, 10, SL_STATUS_NOT_FOUND, NONE, 0, 0, 0 },
	{ "update absent", SL_FLOW_OP_UPDATE, 1, 0, 10, SL_STATUS_NOT_FOUND, NONE, 0, 0, 0 },
	{ "delete absent", SL_FLOW_OP_DELETE, 1, 0, 10, SL_STATUS_NOT_FOUND, NONE, 0, 0, 0 },
	{ "dump free", SL_FLOW_OP_DUMP, 0, 0, 10, SL_STATUS_NOT_FOUND, NONE, 0, 0, 0 },
	{ "dump beyond", SL_FLOW_OP_DUMP, 1024, 0, 10, SL_STATUS_BAD_INDEX, NONE, 0, 0, 0 },
	{ "insert", SL_FLOW_OP_INSERT, 1, 5, 10, SL_STATUS_OK, 0, 0, 0, 1 },
	{ "insert another", SL_FLOW_OP_INSERT, 2, 6, 20, SL_STATUS_OK, 1, 0, 0, 2 },
	{ "query", SL_FLOW_OP_QUERY, 1, 0, 30, SL_STATUS_OK, 0, 2, 5, 2 },
	{ "insert present", SL_FLOW_OP_INSERT, 1, 7, 40, SL_STATUS_EXISTS, 0, 3, 5, 2 },
	{ "dump", SL_FLOW_OP_DUMP, 0, 7, 45, SL_STATUS_OK, 0, 0, 0, 2 },
	{ "update", SL_FLOW_OP_UPDATE, 1, 8, 50, SL_STATUS_OK, 0, 5, 5, 2 },
	{ "dump updated", SL_FLOW_OP_DUMP, 0, 8, 55, SL_STATUS_OK, 0, 0, 0, 2 },
	{ "delete", SL_FLOW_OP_DELETE, 1, 0, 60, SL_STATUS_OK, 0, 7, 5, 1 },
	{ "dump deleted", SL_FLOW_OP_DUMP, 0, 0, 60, SL_STATUS_NOT_FOUND, NONE, 0, 0, 1 },
	{ "next id, not the freed one", SL_FLOW_OP_INSERT, 3, 0, 70, SL_STATUS_OK, 2, 0, 0, 2 },
	{ "never hit", SL_FLOW_OP_QUERY, 2, 0, 80, SL_STATUS_OK, 1, 0, 60, 2 },
};

static void test_commands(void **state)
{
	(void)state;
	open_table(10, 1);
	for (size_t i = 0; i < sizeof(command_rows) / sizeof(command_rows[0]); i++) {
		const struct command_row *row = &command_rows[i];
		struct sl_flow_cpl cpl;

		print_message("row %s\n", row->what);
		if (find(1) != NONE)
			sl_table_count(&table, find(1), 100, row->now_ms - 5);
		cpl = run(row->opcode, row->n, row->cookie, row->now_ms);
		assert_int_equal(cpl.status, row->status);
		assert_int_equal(cpl.flow_id, row->flow_id);
		assert_int_equal(cpl.packets, row->packets);
		assert_int_equal(cpl.bytes, 100 * row->packets);
		assert_int_equal(cpl.idle_ms, row->idle_ms);
		assert_int_equal(sl_table_occupancy(&table), row->occupancy);
	}
}

/* Counters go on where 32 bits end, and begin anew where 64 do, as in the RTL (flow_count_test). */
static void test_counters_wrap(void **state)
{
	static const struct sl_counters starts[] = {
		{ .packets = UINT32_MAX, .bytes = UINT32_MAX - 99 },
		{ .packets = UINT64_MAX - 1, .bytes = UINT64_MAX - 150 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		uint32_t id;
		struct sl_flow_cpl cpl;

		open_table(10, 1);
		id = run(SL_FLOW_OP_INSERT, 1, 5, 10).flow_id;
		table.flow[id].counters.packets = starts[i].packets;
		table.flow[id].counters.bytes = starts[i].bytes;
		for (unsigned int n = 0; n < 3; n++)
			sl_table_count(&table, id, 100, 20);
		cpl = run(SL_FLOW_OP_QUERY, 1, 0, 30);
		assert_int_equal(cpl.packets, starts[i].packets + 3);
		assert_int_equal(cpl.bytes, starts[i].bytes + 300);
		assert_int_equal(cpl.idle_ms, 10);
	}
}

static unsigned int status_of(unsigned int opcode, const struct sl_key *key)
{
	struct sl_flow_cmd cmd = { .opcode = (uint8_t)opcode, .key = *key };
	struct sl_flow_state flow;
	struct sl_flow_cpl cpl;

	sl_table_command(&table, &cmd, 10, &cpl, &flow);
	return cpl.status;
}

/* Half of the slots may be IPv6 keys; a removed one makes room. */
static void test_v6_room(void **state)
{
	struct sl_key key = { .proto = 6, .family = 6 };

	(void)state;
	open_table(8, 3);
	for (unsigned int i = 0; i < 128; i++) {
		key.src[9] = (uint8_t)i;
		assert_int_equal(status_of(SL_FLOW_OP_INSERT, &key), SL_STATUS_OK);
	}
	key.src[8] = 1;
	assert_int_equal(status_of(SL_FLOW_OP_INSERT, &key), SL_STATUS_NO_SPACE);
	assert_int_equal(table.refused, 1);
	assert_int_equal(run(SL_FLOW_OP_INSERT, 1, 0, 10).status, SL_STATUS_OK);
	key.src[8] = 0;
	assert_int_equal(status_of(SL_FLOW_OP_INSERT, &key), SL_STATUS_EXISTS);
	assert_int_equal(status_of(SL_FLOW_OP_DELETE, &key), SL_STATUS_OK);
	key.src[8] = 1;
	assert_int_equal(status_of(SL_FLOW_OP_INSERT, &key), SL_STATUS_OK);
	key.src[8] = 2;
	assert_int_equal(status_of(SL_FLOW_OP_INSERT, &key), SL_STATUS_NO_SPACE);
	sl_table_clear(&table, 1);
	assert_int_equal(status_of(SL_FLOW_OP_INSERT, &key), SL_STATUS_OK);
}

/* Two IPv6 keys with the same 64-bit hash and last word: one may be in the table. */
static void test_v6_collision(void **state)
{
	(void)state;
	open_table(10, 0);
	table.seed = (struct sl_hash_seed){ 0x0204060801020304, 0x04080c100306090c };
	for (unsigned int pair = 0; pair < COLLISIONS; pair++) {
		struct sl_key a = collision_key(collision[pair][0]), b = collision_key(collision[pair][1]);

		assert_true(sl_hash_key(&a, &table.seed) == sl_hash_key(&b, &table.seed));
		assert_int_equal(status_of(SL_FLOW_OP_INSERT, &a), SL_STATUS_OK);
		assert_int_equal(status_of(SL_FLOW_OP_INSERT, &b), SL_STATUS_NO_SPACE);
		assert_int_equal(status_of(SL_FLOW_OP_QUERY, &b), SL_STATUS_NOT_FOUND);
		assert_int_equal(sl_table_lookup(&table, &b, sl_hash_key(&b, &table.seed)), SL_FLOW_ID_NONE);
		assert_int_equal(status_of(SL_FLOW_OP_DELETE, &a), SL_STATUS_OK);
		assert_int_equal(status_of(SL_FLOW_OP_INSERT, &b), SL_STATUS_OK);
	}
}

struct key_row {
	const char *what;
	struct sl_key key;
	unsigned int status;
};

static const struct key_row key_rows[] = {
	{ "IPv4", { .src = { 1, 2, 3, 4 }, .family = 4 }, SL_STATUS_NOT_FOUND },
	{ "IPv6", { .src = { [15] = 1 }, .family = 6 }, SL_STATUS_NOT_FOUND },
	{ "no family", { .family = 0 }, SL_STATUS_BAD_VALUE },
	{ "no family, a bit away", { .family = 7 }, SL_STATUS_BAD_VALUE },
	{ "IPv4, a fifth byte", { .src = { [4] = 1 }, .family = 4 }, SL_STATUS_BAD_VALUE },
	{ "IPv4, a sixteenth byte", { .dst = { [15] = 1 }, .family = 4 }, SL_STATUS_BAD_VALUE },
};

static void test_keys(void **state)
{
	(void)state;
	open_table(8, 3);
	for (size_t i = 0; i < sizeof(key_rows) / sizeof(key_rows[0]); i++) {
		print_message("row %s\n", key_rows[i].what);
		assert_int_equal(status_of(SL_FLOW_OP_QUERY, &key_rows[i].key), key_rows[i].status);
	}
}

/* Every slot names a taken id whose key hashes to it, no key and no id twice; returns the slots in use. */
static uint32_t check_table(void)
{
	const uint32_t slots = 1u << table.log2;
	uint8_t *seen = calloc(1, slots);
	uint32_t used = 0;

	assert_non_null(seen);
	for (uint32_t i = 0; i < slots; i++) {
		const uint32_t bank = i / (slots / 2), index = i % (slots / 2) / 4;
		const struct sl_table_slot *slot = &table.bank[bank][index].slot[i % 4];

		if (!slot->valid)
			continue;
		used++;
		assert_true(slot->flow_id < slots);
		assert_int_equal(seen[slot->flow_id], 0);
		seen[slot->flow_id] = 1;
		assert_int_equal(table.flow[slot->flow_id].counters.now_ms, 1);
		assert_true(slot->hash == sl_hash_key(&table.flow[slot->flow_id].key, &table.seed));
		assert_int_equal(sl_table_bucket_index(slot->hash, bank, table.bucket_mask), index);
		assert_int_equal(sl_table_lookup(&table, &table.flow[slot->flow_id].key, slot->hash), slot->flow_id);
	}
	free(seen);
	assert_int_equal(used, sl_table_occupancy(&table));
	return used;
}

struct load_row {
	uint32_t log2;
	bool sequential;
	double least; /* load before the first refusal */
};

static const struct load_row load_rows[] = {
	{ 10, false, 0.95 }, { 10, true, 0.95 }, { 16, false, 0.95 }, { 16, true, 0.95 },
};

static void test_load(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(load_rows) / sizeof(load_rows[0]); i++) {
		const struct load_row *row = &load_rows[i];
		const uint32_t slots = 1u << row->log2;
		uint64_t n = 12345;
		uint32_t first = 0, total = 0;

		open_table(row->log2, 42 + i);
		for (uint32_t k = 0; k < slots; k++) {
			const struct sl_flow_cpl cpl = run(SL_FLOW_OP_INSERT, row->sequential ? k : n >> 8, k, 0);

			n = n * 6364136223846793005u + 1442695040888963407u;
			if (cpl.status != SL_STATUS_OK && !first)
				first = sl_table_occupancy(&table);
			total += cpl.status == SL_STATUS_OK;
		}
		print_message("log2 %u %s: first refusal at %.1f %%, after %u keys %.1f %% placed, %u moves, %u refused\n",
			      row->log2, row->sequential ? "sequential" : "random", 100.0 * first / slots, slots,
			      100.0 * total / slots, table.moves, table.refused);
		assert_true(first >= row->least * slots);
		assert_int_equal(total, check_table());
		assert_int_equal(total + table.refused, slots);
		assert_true(table.moves > 0);
	}
}

/* Random inserts and deletes against a plain array of what should be there; ids are reused in the order freed. */
static void test_churn(void **state)
{
	uint32_t id_of[600], x = 99;

	(void)state;
	open_table(9, 3);
	memset(id_of, 0xff, sizeof(id_of));
	for (unsigned int i = 0; i < 20000; i++) {
		const uint32_t n = (x = x * 1664525 + 1013904223) >> 8 & 0x1ff;
		const uint32_t expected_id = table.free_id[table.free_head];
		struct sl_flow_cpl cpl;

		assert_int_equal(find(n), id_of[n]);
		if (x >> 31) {
			cpl = run(SL_FLOW_OP_INSERT, n, i, i);
			if (id_of[n] != NONE)
				assert_int_equal(cpl.status, SL_STATUS_EXISTS);
			else if (cpl.status == SL_STATUS_OK)
				assert_int_equal(cpl.flow_id, expected_id);
			id_of[n] = cpl.flow_id;
		} else {
			cpl = run(SL_FLOW_OP_DELETE, n, 0, i);
			assert_int_equal(cpl.status, id_of[n] == NONE ? SL_STATUS_NOT_FOUND : SL_STATUS_OK);
			id_of[n] = NONE;
		}
	}
	check_table();
}

/* A resident that a search may move: where it is, how many have to move before the new key has a place, and which of
 * the key's residents has to go then. */
struct candidate {
	uint32_t bank, bucket, way, depth, first;
};

struct queue {
	struct candidate c[400];
	uint32_t head, tail;
};

static void push_bucket(struct queue *q, uint32_t bank, uint32_t bucket, uint32_t depth, uint32_t first)
{
	for (uint32_t way = 0; way < 4; way++)
		q->c[q->tail++] = (struct candidate){ bank, bucket, way, depth, depth == 1 ? way : first };
}

/* The next candidate of a tree; true if it can move. Else, down to level four, the residents in its way follow. */
static bool visit(struct queue *q, struct candidate *c)
{
	const struct sl_table_bucket *to;
	uint32_t bucket;

	*c = q->c[q->head++];
	bucket = sl_table_bucket_index(table.bank[c->bank][c->bucket].slot[c->way].hash, 1 - c->bank, table.bucket_mask);
	to = &table.bank[1 - c->bank][bucket];
	for (uint32_t way = 0; way < 4; way++)
		if (!to->slot[way].valid)
			return true;
	if (c->depth < 4)
		push_bucket(q, 1 - c->bank, bucket, c->depth + 1, c->first);
	return false;
}

/* The definition's search, with queues: moves and the slot of the new key; 0 moves: none needed or none possible. */
static uint32_t expected_moves(uint64_t hash, uint32_t *bank, uint32_t *way)
{
	static struct queue tree[2];
	struct candidate c;

	for (uint32_t t = 0; t < 2; t++) {
		const uint32_t bucket = sl_table_bucket_index(hash, t, table.bucket_mask);

		tree[t].head = tree[t].tail = 0;
		for (uint32_t w = 0; w < 4; w++)
			if (!table.bank[t][bucket].slot[w].valid)
				return 0;
		push_bucket(&tree[t], t, bucket, 1, 0);
	}
	while (tree[0].head < tree[0].tail) {
		for (uint32_t t = 0; t < 2; t++) {
			if (visit(&tree[t], &c)) {
				*bank = t;
				*way = c.first;
				return c.depth;
			}
		}
	}
	return 0;
}

static void test_displacement(void **state)
{
	uint32_t depth[5] = { 0 }, present[1024], n = 1024;

	(void)state;
	open_table(10, 11);
	for (uint32_t i = 0; i < 20000; i++) {
		const uint32_t k = i < 1000 ? i : i * 7919 % 1000, moves = table.moves;
		struct sl_key key = { .proto = 6, .family = 4 };
		uint32_t expected, bank = 0, way = 0;
		uint64_t hash;

		if (i >= 1000)
			run(SL_FLOW_OP_DELETE, present[k], 0, 0);
		present[k] = n++;
		memcpy(key.src, &present[k], 4);
		hash = sl_hash_key(&key, &table.seed);
		expected = expected_moves(hash, &bank, &way);
		if (run(SL_FLOW_OP_INSERT, present[k], 0, 0).status != SL_STATUS_OK)
			expected = 0;
		assert_int_equal(table.moves - moves, expected);
		depth[expected]++;
		if (expected != 0)
			assert_true(table.bank[bank][sl_table_bucket_index(hash, bank, table.bucket_mask)].slot[way].hash == hash);
	}
	print_message("inserts by moves: none %u, 1: %u, 2: %u, 3: %u, 4: %u; %u refused\n", depth[0], depth[1], depth[2],
		      depth[3], depth[4], table.refused);
	assert_true(depth[1] > 0 && depth[2] > 0 && depth[3] > 0 && depth[4] > 0);
	check_table();
}

static void test_placement(void **state)
{
	(void)state;
	open_table(3, 7); /* one bucket a bank: every key meets every other */
	for (uint32_t n = 0; n < 8; n++) {
		assert_int_equal(run(SL_FLOW_OP_INSERT, n, 0, 0).flow_id, n);
		/* More free slots wins, bank 0 on a tie, lowest way: so the banks take turns. */
		assert_int_equal(table.bank[n & 1][0].slot[n / 2].valid, 1);
		assert_int_equal(table.bank[n & 1][0].slot[n / 2].flow_id, n);
	}
	assert_int_equal(run(SL_FLOW_OP_INSERT, 8, 0, 0).status, SL_STATUS_NO_SPACE);
	assert_int_equal(table.refused, 1);
	assert_int_equal(run(SL_FLOW_OP_DELETE, 5, 0, 0).status, SL_STATUS_OK);
	assert_int_equal(run(SL_FLOW_OP_INSERT, 8, 0, 0).flow_id, 5);
	assert_int_equal(table.moves, 0);
}

static void test_epoch(void **state)
{
	(void)state;
	open_table(4, 7);
	assert_int_equal(run(SL_FLOW_OP_INSERT, 1, 0, 0).flow_id, 0);
	table.epoch = 9; /* what a lookup sees between a new epoch and the end of clearing */
	assert_int_equal(find(1), NONE);
	table.epoch = 0;
	assert_int_equal(find(1), 0);
	sl_table_clear(&table, 9);
	assert_int_equal(find(1), NONE);
	assert_int_equal(sl_table_occupancy(&table), 0);
	assert_int_equal(run(SL_FLOW_OP_DUMP, 0, 0, 0).status, SL_STATUS_NOT_FOUND);
	assert_int_equal(run(SL_FLOW_OP_INSERT, 2, 0, 0).flow_id, 0);
	assert_int_equal(find(2), 0);
	check_table();
}

static int close_table(void **state)
{
	(void)state;
	free(memory);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commands), cmocka_unit_test(test_counters_wrap),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_v6_room),
		cmocka_unit_test(test_v6_collision), cmocka_unit_test(test_placement), cmocka_unit_test(test_displacement),
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_churn), cmocka_unit_test(test_epoch),
	};

	return cmocka_run_group_tests(tests, NULL, close_table);
}
