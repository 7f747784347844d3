/* SPDX-License-Identifier: BSD-3-Clause */
/* Prefix tables: which table, room, sets and the order of meters; what each condition means is in the vectors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hw/model/prefix.h"
#include "tests/model/frame.h"

static void test_table_of(void **state)
{
	static const struct {
		const char *what;
		struct sl_class_prefix prefix;
		uint32_t mode, table;
	} rows[] = {
		{ "exact", { .proto = 6, .proto_mask = 255, .port_lo = 80, .port_hi = 80 }, SL_PREFIX_MODE_DST,
		  SL_PREFIX_TABLE_DST_EXACT },
		{ "range", { .proto = 6, .proto_mask = 255, .port_lo = 80, .port_hi = 81 }, SL_PREFIX_MODE_DST,
		  SL_PREFIX_TABLE_DST_WIDE },
		{ "any port", { .proto = 6, .proto_mask = 255, .port_hi = 65535 }, SL_PREFIX_MODE_SRC,
		  SL_PREFIX_TABLE_SRC_WIDE },
		{ "any protocol", { .port_lo = 80, .port_hi = 80 }, SL_PREFIX_MODE_SRC, SL_PREFIX_TABLE_SRC_WIDE },
		{ "exact source", { .proto = 17, .proto_mask = 255 }, SL_PREFIX_MODE_SRC, SL_PREFIX_TABLE_SRC_EXACT },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		print_message("row %s\n", rows[i].what);
		assert_int_equal(sl_prefix_table_of(&rows[i].prefix, rows[i].mode), rows[i].table);
	}
}

/* Puts a prefix into the emptier of its buckets; false if both are full. */
static bool place(struct sl_prefix_bucket *tables, const struct sl_class_prefix *prefix)
{
	const uint32_t table = sl_prefix_table_of(prefix, SL_PREFIX_MODE_DST), hash = sl_prefix_hash_of(prefix, table);
	struct sl_class_prefix *best = NULL;
	unsigned int most = 0;

	for (uint32_t bank = 0; bank < 2; bank++) {
		struct sl_class_prefix *slot = &tables[sl_prefix_bucket_index(table, bank, hash)].slot0;
		unsigned int empty = 0;

		for (unsigned int way = 0; way < SL_PREFIX_WAYS; way++)
			empty += slot[way].family == 0;
		if (empty > most) {
			most = empty;
			best = slot + SL_PREFIX_WAYS - empty;
		}
	}
	if (!best)
		return false;
	*best = *prefix;
	return true;
}

static void shaped(unsigned int shape, uint32_t n, struct sl_class_prefix *p)
{
	const uint8_t high = (uint8_t)(n >> 8), low = (uint8_t)n;

	*p = (struct sl_class_prefix){ .family = 4, .port_hi = 65535, .addr = { 10 }, .sets = 1 };
	if (shape % 2 || shape / 2 == 3) {
		p->proto_mask = 255;
		p->proto = 6;
		p->port_lo = p->port_hi = (uint16_t)(shape / 2 == 3 ? 8000 + n % 64 : 443);
	}
	switch (shape / 2) {
	case 0: /* neighbours */
		p->addr[2] = high;
		p->addr[3] = low;
		break;
	case 1: /* the first of every /24 */
		p->addr[1] = high;
		p->addr[2] = low;
		p->addr[3] = 1;
		break;
	case 2: /* the first of every /64 */
		p->family = 6;
		p->addr[6] = high;
		p->addr[7] = low;
		p->addr[15] = 1;
		break;
	default: /* 256 addresses with 64 services each */
		p->addr[3] = (uint8_t)(n >> 6);
	}
}

/* 16 Ki prefixes as operators number them find room in one table without one being moved. */
static void test_fill(void **state)
{
	struct sl_prefix_bucket *tables = calloc(SL_PREFIX_BUCKETS, sizeof(*tables));

	(void)state;
	assert_non_null(tables);
	for (unsigned int shape = 0; shape < 7; shape++) {
		memset(tables, 0, SL_PREFIX_BUCKETS * sizeof(*tables));
		for (uint32_t n = 0; n < 16384; n++) {
			struct sl_class_prefix p;

			shaped(shape, n, &p);
			if (!place(tables, &p))
				fail_msg("shape %u: no room for prefix %u", shape, n);
		}
	}
	free(tables);
}

/* Order of the meters: exact before wide, bank 0 before bank 1, way 0 first; only of the rule's set. */
static void test_meter(void **state)
{
	struct sl_prefix_bucket *tables = calloc(SL_PREFIX_BUCKETS, sizeof(*tables));
	const struct test_shape shape = { .family = 4, .proto = 6 };
	struct sl_class_rule rule = { .meter = 5, .prefix_mode = SL_PREFIX_MODE_DST, .prefix_set = 2 };
	struct sl_class_prefix p = { .family = 4, .addr = { 198, 51, 100, 10 }, .port_hi = 65535, .sets = 4, .meter = 20 };
	struct sl_prefix_sets sets;
	struct sl_headers headers;
	struct test_frame frame;
	uint32_t hash;

	(void)state;
	assert_non_null(tables);
	frame_build(&frame, &shape);
	assert_int_equal(sl_parse(sl_window_at(frame.b), frame.len, 0, 4789, &headers), 0);
	sl_prefix_find(tables, &headers, &sets);
	assert_int_equal(sets.of[SL_PREFIX_MODE_DST] | sets.of[SL_PREFIX_MODE_SRC], 0);
	assert_int_equal(sl_prefix_meter(tables, &headers, &rule), 5);
	hash = sl_prefix_hash_of(&p, SL_PREFIX_TABLE_DST_WIDE);
	tables[sl_prefix_bucket_index(SL_PREFIX_TABLE_DST_WIDE, 1, hash)].slot2 = p;
	sl_prefix_find(tables, &headers, &sets);
	assert_int_equal(sets.of[SL_PREFIX_MODE_DST], 4);
	assert_int_equal(sl_prefix_meter(tables, &headers, &rule), 20);
	p.meter = 21;
	tables[sl_prefix_bucket_index(SL_PREFIX_TABLE_DST_WIDE, 0, hash)].slot3 = p;
	assert_int_equal(sl_prefix_meter(tables, &headers, &rule), 21);
	p.meter = SL_PREFIX_METER_RULE;
	tables[sl_prefix_bucket_index(SL_PREFIX_TABLE_DST_WIDE, 0, hash)].slot1 = p;
	assert_int_equal(sl_prefix_meter(tables, &headers, &rule), 5);
	p = (struct sl_class_prefix){ .family = 4, .addr = { 198, 51, 100, 10 }, .port_lo = 80, .port_hi = 80, .proto = 6,
				.proto_mask = 255, .sets = 8, .meter = 22 };
	hash = sl_prefix_hash_of(&p, SL_PREFIX_TABLE_DST_EXACT);
	tables[sl_prefix_bucket_index(SL_PREFIX_TABLE_DST_EXACT, 1, hash)].slot0 = p;
	assert_int_equal(sl_prefix_meter(tables, &headers, &rule), 5);
	sl_prefix_find(tables, &headers, &sets);
	assert_int_equal(sets.of[SL_PREFIX_MODE_DST], 12);
	tables[sl_prefix_bucket_index(SL_PREFIX_TABLE_DST_EXACT, 1, hash)].slot0.sets = 0xc;
	assert_int_equal(sl_prefix_meter(tables, &headers, &rule), 22);
	rule.prefix_mode = SL_PREFIX_MODE_NONE;
	assert_int_equal(sl_prefix_meter(tables, &headers, &rule), 5);
	free(tables);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table_of),
		cmocka_unit_test(test_fill),
		cmocka_unit_test(test_meter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
