/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The owner of the XDP program's flow table, on ordinary memory: what its readers would find after every command, how full it gets,
 * that counts are kept through moves, and what is left of an owner that ended at any point.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "driver/xdp/table.h"

#define LOG2 10
#define PLACES (SL_XDP_BANKS * SL_XDP_WAYS << LOG2)

static struct sl_xdp_table_maps maps;
static struct sl_xdp_table table;

static unsigned int graces;

/* No program runs here: there is nobody to wait for. */
static void no_wait(void)
{
	graces++;
}

static void *memory(size_t entry)
{
	void *p = aligned_alloc(128, sl_xdp_table_bytes(LOG2, entry));

	assert_non_null(p);
	memset(p, 0, sl_xdp_table_bytes(LOG2, entry));
	return p;
}

static void open_new(uint64_t seed)
{
	uint8_t random[sizeof(struct sl_xdp_seed)];

	for (size_t i = 0; i < sizeof(random); i++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		random[i] = (uint8_t)(seed >> 56);
	}

	maps = (struct sl_xdp_table_maps){
		.flows4 = memory(sizeof(struct sl_xdp_flow4)), .flows6 = memory(sizeof(struct sl_xdp_flow6)),
		.nat4 = memory(sizeof(struct sl_xdp_nat4)), .foreign4 = memory(sizeof(struct sl_xdp_foreign)),
		.foreign6 = memory(sizeof(struct sl_xdp_foreign)), .meta = memory(sizeof(struct sl_xdp_meta)),
		.log2_v4 = LOG2, .log2_v6 = LOG2, .grace = no_wait,
	};
	sl_xdp_seed_make(&maps.seed, random);
	assert_int_equal(sl_xdp_table_open(&table, &maps), 0);
}

static void close_all(void)
{
	sl_xdp_table_close(&table);
	free(maps.flows4);
	free(maps.flows6);
	free(maps.nat4);
	free(maps.foreign4);
	free(maps.foreign6);
	free(maps.meta);
}

static struct sl_key key_of(uint32_t n, unsigned int family)
{
	struct sl_key key = { .sport = (uint16_t)n, .dport = 80, .proto = 6, .family = (uint8_t)family };

	memcpy(key.src, &n, 4);
	if (family == 6)
		memcpy(key.src + 12, &n, 4);
	key.dst[0] = 10;
	return key;
}

static struct sl_flow_cpl exec(unsigned int op, const struct sl_key *key, const struct sl_record *record, uint32_t id,
			       struct sl_flow_state *state)
{
	struct sl_flow_cmd cmd = { .opcode = (uint8_t)op, .flow_id = id };
	struct sl_flow_cpl cpl;

	if (key)
		cmd.key = *key;
	if (record)
		cmd.record = *record;
	sl_xdp_table_command(&table, &cmd, 1000, &cpl, state);
	return cpl;
}

/* The entry that the program would find, by tags and all of the key; NULL none. Two would be wrong, but for one flow. */
static struct sl_xdp_hit *look_up(const struct sl_key *key, uint32_t *place)
{
	const uint64_t word = SL_XDP_WORD(key->sport, key->dport, key->tenant, key->proto, key->family);
	uint64_t a[4];
	struct sl_xdp_hit *found = NULL;
	struct sl_xdp_hash h;

	memcpy(&a[0], key->src, sizeof(key->src));
	memcpy(&a[2], key->dst, sizeof(key->dst));
	h = key->family == 4 ? sl_xdp_hash4(&maps.seed, (a[0] & 0xffffffff) | a[2] << 32, word, LOG2)
			     : sl_xdp_hash6(&maps.seed, a, word, LOG2);
	for (unsigned int bank = 0; bank < SL_XDP_BANKS; bank++) {
		const uint32_t first = SL_XDP_WAYS * h.bucket[bank];
		struct sl_xdp_flow4 *v4 = (struct sl_xdp_flow4 *)maps.flows4 + first;
		struct sl_xdp_flow6 *v6 = (struct sl_xdp_flow6 *)maps.flows6 + first;

		for (unsigned int way = 0; way < SL_XDP_WAYS; way++) {
			const bool same = key->family == 4 ? v4[way].word == word && memcmp(&v4[way].src, key->src, 4) == 0
							   : v6[way].word == word && memcmp(v6[way].src, key->src, 16) == 0;

			if (!same || (key->family == 4 ? v4->hit.tag[way] : v6->hit.tag[way]) != sl_xdp_tag(&h))
				continue;
			assert_null(found);
			found = key->family == 4 ? &v4[way].hit : &v6[way].hit;
			*place = first + way;
		}
	}
	return found;
}

/* A frame of the flow: by the processor that it belongs to, or another one. */
static void frame(const struct sl_key *key, bool foreign)
{
	uint32_t place = 0;
	struct sl_xdp_hit *hit = look_up(key, &place);

	assert_non_null(hit);
	if (foreign) {
		struct sl_xdp_foreign *f = key->family == 4 ? &maps.foreign4[place] : &maps.foreign6[place];

		f->packets++;
		f->bytes += 100;
	} else if (key->family == 4) {
		((struct sl_xdp_flow4 *)maps.flows4)[place].packets++;
		((struct sl_xdp_flow4 *)maps.flows4)[place].bytes += 100;
	} else {
		((struct sl_xdp_flow6 *)maps.flows6)[place].packets++;
		((struct sl_xdp_flow6 *)maps.flows6)[place].bytes += 100;
	}
}

static void test_commands(void **state)
{
	const unsigned int families[2] = { 4, 6 };

	(void)state;
	open_new(1);
	for (unsigned int i = 0; i < 2; i++) {
		const struct sl_key key = key_of(7, families[i]);
		struct sl_record record = { .action = 3, .flags = SL_RECORD_FLAG_NAT_DST, .new_dst = { 10, 9, 8, 7 }, .age_s = 5,
					    .new_dport = 99, .l3_delta = 1, .l4_delta = 2, .owner = 1, .cookie = 77 };
		struct sl_flow_state got;
		struct sl_flow_cpl cpl;
		uint32_t place, id;

		assert_int_equal(exec(SL_FLOW_OP_QUERY, &key, NULL, 0, NULL).status, SL_STATUS_NOT_FOUND);
		assert_int_equal(exec(SL_FLOW_OP_DELETE, &key, NULL, 0, NULL).status, SL_STATUS_NOT_FOUND);
		cpl = exec(SL_FLOW_OP_INSERT, &key, &record, 0, NULL);
		assert_int_equal(cpl.status, SL_STATUS_OK);
		id = cpl.flow_id;
		frame(&key, false);
		frame(&key, true);
		assert_int_equal(exec(SL_FLOW_OP_DUMP, NULL, NULL, id, &got).status, SL_STATUS_OK);
		assert_memory_equal(&got.key, &key, sizeof(key));
		assert_memory_equal(&got.record, &record, sizeof(record));
		assert_int_equal(got.counters.packets, 2);
		/* Other operands: it moves, counts are kept. The same with another action: it stays. */
		record.new_dport = 98;
		cpl = exec(SL_FLOW_OP_UPDATE, &key, &record, 0, NULL);
		assert_int_equal(cpl.status, SL_STATUS_OK);
		frame(&key, true);
		record.action = 4;
		assert_int_equal(exec(SL_FLOW_OP_INSERT, &key, &record, 0, NULL).status, SL_STATUS_EXISTS);
		frame(&key, false);
		assert_int_equal(sl_xdp_action(look_up(&key, &place)->what), 4);
		assert_int_equal(exec(SL_FLOW_OP_DUMP, NULL, NULL, id, &got).status, SL_STATUS_OK);
		assert_memory_equal(&got.record, &record, sizeof(record));
		cpl = exec(SL_FLOW_OP_QUERY, &key, NULL, 0, NULL);
		assert_int_equal(cpl.packets, 4);
		assert_int_equal(cpl.bytes, 400);
		cpl = exec(SL_FLOW_OP_DELETE, &key, NULL, 0, NULL);
		assert_int_equal(cpl.packets, 4);
		assert_null(look_up(&key, &place));
		assert_int_equal(exec(SL_FLOW_OP_DUMP, NULL, NULL, id, &got).status, SL_STATUS_NOT_FOUND);
	}
	assert_int_equal(exec(SL_FLOW_OP_DUMP, NULL, NULL, PLACES, NULL).status, SL_STATUS_BAD_INDEX);
	assert_int_equal(exec(9, NULL, NULL, 0, NULL).status, SL_STATUS_BAD_OPCODE);
	assert_int_equal(table.late.packets, 0);
	sl_xdp_table_settle(&table);
	assert_int_equal(graces, 1); /* one for all four places that were left */
	close_all();
}

/* Filled with sequential and with random keys until one is refused; then all flows replaced at 95 %. */
static void test_load(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		const struct sl_record record = { .action = 1 };
		uint32_t n = 0, place, multiplier = seed % 2 ? 1 : 2654435761u;
		struct sl_key key;

		open_new(seed);
		for (;; n++) {
			key = key_of(n * multiplier, 4);
			if (exec(SL_FLOW_OP_INSERT, &key, &record, 0, NULL).status)
				break;
			frame(&key, n % 3 == 0);
		}
		assert_true(n >= PLACES * 96 / 100);
		assert_int_equal(table.occupancy, n);
		for (uint32_t i = PLACES * 95 / 100; i < n; i++) {
			key = key_of(i * multiplier, 4);
			assert_int_equal(exec(SL_FLOW_OP_DELETE, &key, NULL, 0, NULL).packets, 1);
		}
		n = PLACES * 95 / 100;
		for (uint32_t i = 0; i < 2 * n; i++) {
			key = key_of(i * multiplier, 4);
			assert_int_equal(exec(SL_FLOW_OP_DELETE, &key, NULL, 0, NULL).packets, 1);
			key = key_of((i + n) * multiplier, 4);
			assert_int_equal(exec(SL_FLOW_OP_INSERT, &key, &record, 0, NULL).status, SL_STATUS_OK);
			frame(&key, i % 5 == 0);
		}
		for (uint32_t i = 2 * n; i < 3 * n; i++) {
			key = key_of(i * multiplier, 4);
			assert_non_null(look_up(&key, &place));
			assert_int_equal(exec(SL_FLOW_OP_QUERY, &key, NULL, 0, NULL).packets, 1);
		}
		assert_true(table.moves > 0);
		close_all();
	}
}

/* Another owner takes the same maps, also with what one leaves that ends in the middle of a move or with places not settled. */
static void test_adopted(void **state)
{
	const struct sl_record record = { .action = 1, .cookie = 5 };
	struct sl_xdp_table left;
	struct sl_key key;
	uint32_t place;

	(void)state;
	open_new(3);
	for (uint32_t n = 0; n < 500; n++) {
		key = key_of(n, n % 2 ? 4 : 6);
		assert_int_equal(exec(SL_FLOW_OP_INSERT, &key, &record, 0, NULL).status, SL_STATUS_OK);
		frame(&key, n % 3 == 0);
	}
	for (uint32_t n = 0; n < 100; n++) {
		struct sl_record other = record;

		key = key_of(n, n % 2 ? 4 : 6);
		other.new_sport = 1;
		other.flags = SL_RECORD_FLAG_NAT_SRC;
		assert_int_equal(exec(SL_FLOW_OP_UPDATE, &key, &other, 0, NULL).status, SL_STATUS_OK);
		frame(&key, false);
	}
	assert_true(table.zombies > 0);
	/* Where a move stood: copied, and not yet said to be there. */
	key = key_of(499, 4);
	assert_non_null(look_up(&key, &place));
	{
		struct sl_xdp_flow4 *flows = maps.flows4, copy = flows[place];
		const struct sl_xdp_hash h = sl_xdp_hash4(&maps.seed, (uint64_t)copy.dst << 32 | copy.src, copy.word, LOG2);
		const unsigned int other = h.bucket[0] == place / SL_XDP_WAYS ? 1 : 0;

		for (uint32_t to = SL_XDP_WAYS * h.bucket[other]; to < SL_XDP_WAYS * (h.bucket[other] + 1); to++) {
			if (flows[to].word != 0 || table.busy[0][to])
				continue;
			flows[to].src = copy.src;
			flows[to].dst = copy.dst;
			flows[to].hit.flow_id = copy.hit.flow_id;
			flows[to].word = copy.word;
			flows[SL_XDP_WAYS * h.bucket[other]].hit.tag[to % SL_XDP_WAYS] = (uint16_t)sl_xdp_tag(&h);
			flows[to].packets = 3;
			break;
		}
	}
	left = table; /* ends without a word */
	assert_int_equal(sl_xdp_table_open(&table, &maps), 0);
	assert_int_equal(table.occupancy, 500);
	for (uint32_t n = 0; n < 500; n++) {
		key = key_of(n, n % 2 ? 4 : 6);
		assert_non_null(look_up(&key, &place));
		assert_int_equal(exec(SL_FLOW_OP_QUERY, &key, NULL, 0, NULL).packets, n < 100 ? 2 : n == 499 ? 4 : 1);
	}
	sl_xdp_table_clear(&table);
	assert_int_equal(table.occupancy, 0);
	free(left.busy[0]);
	free(left.busy[1]);
	free(left.free_id);
	close_all();
}

static void test_ages(void **state)
{
	const struct sl_record record = { .age_s = 2 };
	const struct sl_key key = key_of(1, 4);
	uint32_t id, place;

	(void)state;
	open_new(4);
	id = exec(SL_FLOW_OP_INSERT, &key, &record, 0, NULL).flow_id;
	assert_false(sl_xdp_table_age(&table, id, 2999));
	assert_true(sl_xdp_table_age(&table, id, 3000));
	assert_false(sl_xdp_table_age(&table, id, 9000));
	look_up(&key, &place)->last_seen_ms = 9000;
	assert_false(sl_xdp_table_age(&table, id, 10000));
	assert_true(sl_xdp_table_age(&table, id, 11000));
	/* Seen after the time was looked at. */
	look_up(&key, &place)->last_seen_ms = 11001;
	assert_false(sl_xdp_table_age(&table, id, 11000));
	look_up(&key, &place)->last_seen_ms = 1001; /* exec()'s time is 1000 */
	assert_int_equal(exec(SL_FLOW_OP_QUERY, &key, NULL, 0, NULL).idle_ms, 0);
	close_all();
}

static struct { uint32_t asked, left, flow_id, packets; } elsewhere;

/* Somebody who forwards the flow elsewhere, too. */
static void ask_elsewhere(void *ctx, uint32_t flow_id, bool leaving)
{
	assert_ptr_equal(ctx, &elsewhere);
	elsewhere.asked++;
	elsewhere.left += leaving;
	elsewhere.flow_id = flow_id;
	sl_xdp_table_add(&table, flow_id, elsewhere.packets, 100 * elsewhere.packets, 900);
	elsewhere.packets = 0;
}

/* What is forwarded elsewhere is in what commands tell, and comes back before the flow changes or goes. */
static void test_elsewhere(void **state)
{
	const struct sl_key key = key_of(1, 6), none = key_of(2, 6);
	const struct sl_record record = { .action = 7 }, other = { .action = 8 };
	struct sl_xdp_flow_view view;
	struct sl_flow_cpl cpl;
	uint32_t id;

	(void)state;
	open_new(5);
	table.maps.ask = ask_elsewhere;
	table.maps.ask_ctx = &elsewhere;
	id = exec(SL_FLOW_OP_INSERT, &key, &record, 0, NULL).flow_id;
	exec(SL_FLOW_OP_QUERY, &none, NULL, 0, NULL);
	assert_int_equal(elsewhere.asked, 0);
	assert_true(sl_xdp_table_view(&table, id, &view));
	assert_false(sl_xdp_table_view(&table, id + 1, &view) || sl_xdp_table_view(&table, UINT32_MAX, &view));
	assert_memory_equal(&view.key, &key, sizeof(key));
	assert_int_equal(view.record.action, 7);
	elsewhere.packets = 3;
	cpl = exec(SL_FLOW_OP_QUERY, &key, NULL, 0, NULL);
	assert_int_equal(cpl.packets, 3);
	assert_int_equal(cpl.bytes, 300);
	assert_int_equal(cpl.idle_ms, 100);
	assert_int_equal(elsewhere.flow_id, id);
	assert_int_equal(elsewhere.left, 0);
	exec(SL_FLOW_OP_UPDATE, &key, &other, 0, NULL);
	assert_int_equal(elsewhere.left, 1);
	elsewhere.packets = 2;
	assert_int_equal(exec(SL_FLOW_OP_DELETE, &key, NULL, 0, NULL).packets, 5);
	assert_int_equal(elsewhere.left, 2);
	assert_false(sl_xdp_table_view(&table, id, &view));
	close_all();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_adopted),
		cmocka_unit_test(test_ages),
		cmocka_unit_test(test_elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
