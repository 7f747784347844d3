/* SPDX-License-Identifier: BSD-3-Clause */
/* Ports of fullnat: each is given once to a backend, rests after use, and all come back; what an agent before this one left is kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>

#include "host/sources.h"

#define CAPACITY 65536u
#define LOW 20000u
#define PORTS 4096u
#define REST_MS 30000u

struct world {
	struct sl_addr numbers[SL_CONN_SOURCES];
	struct sl_config_fullnat config;
	void *entries;
	struct sl_conn_table *table;
	struct sl_sources *sources;
};

static struct sl_addr v4(uint8_t last)
{
	return (struct sl_addr){ .family = 4, .bytes = { 10, 0, 0, last } };
}

static void table_make(struct world *w)
{
	static const uint64_t key[2] = { 5, 6 };
	uint32_t adopted, dropped;

	sl_conn_sources_use(w->numbers);
	w->table = sl_conn_table_create(w->entries, CAPACITY, key, &adopted, &dropped);
	assert_non_null(w->table);
	assert_int_equal(dropped, 0);
	assert_int_equal(sl_sources_open(w->numbers, &w->config, w->table), 0);
	w->sources = sl_sources_create(w->table, &w->config);
	assert_non_null(w->sources);
}

static int up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	w->config = (struct sl_config_fullnat){ .source_count = 1, .source = { v4(40) }, .port_lo = LOW, .port_hi = LOW + PORTS - 1,
						.quarantine_ms = REST_MS };
	w->entries = calloc(1, sl_conn_memory_bytes(CAPACITY, NULL));
	table_make(w);
	*state = w;
	return 0;
}

static int down(void **state)
{
	struct world *w = *state;

	sl_sources_destroy(w->sources);
	sl_conn_table_destroy(w->table);
	free(w->entries);
	free(w);
	return 0;
}

/* A connection of client n to this backend. */
static struct sl_conn_new conn_of(uint32_t n, uint8_t backend, uint64_t now_ms)
{
	struct sl_conn_new c = { .mode = SL_MODE_FULLNAT, .nat = true, .backend_family = 4, .backend_port = htons(80),
				 .backend_addr = { 10, 1, 0, backend }, .state = SL_CONN_EMBRYONIC, .now_ms = now_ms,
				 .key = { .src = { 10, 9, (uint8_t)(n >> 8), (uint8_t)n }, .dst = { 192, 0, 2, backend },
					  .sport = htons((uint16_t)(1024 + (n >> 16))), .dport = htons(80), .proto = IPPROTO_TCP,
					  .family = 4 } };

	return c;
}

static unsigned int shard_of(const struct world *w, const struct sl_key *key)
{
	return sl_conn_shard(w->table, key->src, key->sport, key->tenant);
}

/* Makes it, or says why not. */
static int open_conn(struct world *w, uint32_t n, uint8_t backend, uint64_t now_ms, uint32_t *index)
{
	struct sl_conn_new c = conn_of(n, backend, now_ms);
	const unsigned int shard = shard_of(w, &c.key);
	int rc = sl_sources_take(w->sources, shard, &c);

	if (!rc)
		assert_int_equal(sl_conn_create(w->table, shard, &c, index), 0);
	return rc;
}

static void close_conn(struct world *w, uint32_t index, uint64_t now_ms)
{
	sl_sources_give(w->sources, index, now_ms);
	sl_conn_free(w->table, index);
}

/* Until no shard has one left: every port once, each with the shard of its connection; another backend has them all again. */
static void test_every_port_once(void **state)
{
	struct world *w = *state;

	for (uint8_t backend = 1; backend <= 2; backend++) {
		static uint8_t seen[65536];
		uint32_t taken = 0, index;

		memset(seen, 0, sizeof(seen));
		for (uint32_t n = 0; n < PORTS * 4; n++) {
			struct sl_key key, back;
			uint16_t port;
			bool reverse = false;
			int rc = open_conn(w, n, backend, 1000000, &index);

			if (rc) {
				assert_int_equal(rc, -EADDRNOTAVAIL);
				continue;
			}
			taken++;
			port = ntohs(sl_conn_nat_at(w->table, index)->source_port);
			assert_in_range(port, LOW, LOW + PORTS - 1);
			assert_int_equal(seen[port]++, 0);
			sl_conn_key(w->table, index, &key);
			sl_conn_reverse_key(w->table, index, &back);
			assert_memory_equal(back.dst, "\x0a\0\0\x28", 4);
			assert_int_equal(sl_conn_shard(w->table, back.dst, back.dport, 0), shard_of(w, &key));
			assert_int_equal(sl_conn_find(w->table, shard_of(w, &key), &back, &reverse), index);
			assert_true(reverse);
			if (backend == 1)
				continue;
			close_conn(w, index, 1000000); /* and it is not given again for a while */
		}
		assert_int_equal(taken, PORTS);
	}
}

/* A port rests, and of those that have rested the one that has longest is the first. */
static void test_quarantine(void **state)
{
	struct world *w = *state;
	const uint64_t begin = 1000000;
	uint32_t index[3], used = 0, n = 0;
	uint16_t port[3];
	struct sl_conn_new c = conn_of(0, 1, begin);
	const unsigned int shard = shard_of(w, &c.key);
	int rc = 0;

	/* All ports of one shard. */
	for (; !rc && n < 200000; n++) {
		uint32_t i;

		c = conn_of(n, 1, begin);
		if (shard_of(w, &c.key) != shard)
			continue;
		rc = open_conn(w, n, 1, begin, &i);
		if (!rc && used < 3) {
			index[used] = i;
			port[used] = ntohs(sl_conn_nat_at(w->table, i)->source_port);
		}
		used += !rc;
	}
	assert_int_equal(rc, -EADDRNOTAVAIL);
	n--; /* the one that got none */
	close_conn(w, index[1], begin + 1000);
	close_conn(w, index[0], begin + 2000);
	close_conn(w, index[2], begin + 3000);
	for (unsigned int i = 0; i < 3; i++) {
		static const unsigned int order[3] = { 1, 0, 2 };

		c = conn_of(n, 1, begin + (i + 1) * 1000 + REST_MS - 1000);
		assert_int_equal(sl_sources_take(w->sources, shard, &c), -EADDRNOTAVAIL);
		c.now_ms += 1000;
		assert_int_equal(sl_sources_take(w->sources, shard, &c), 0);
		assert_int_equal(ntohs(c.source_port), port[order[i]]);
	}
	/* What was taken in vain is free at once. */
	assert_int_equal(sl_sources_take(w->sources, shard, &c), -EADDRNOTAVAIL);
	sl_sources_untake(w->sources, shard, &c);
	assert_int_equal(sl_sources_take(w->sources, shard, &c), 0);
}

/* The next agent finds connections in the table: their ports are theirs, their address keeps its number, and when they end they are
 * in turn again. */
static void test_adoption(void **state)
{
	struct world *w = *state;
	static uint32_t index[PORTS];
	uint32_t kept = 0, more = 0, i;

	for (uint32_t n = 0; n < PORTS / 2; n++)
		kept += !open_conn(w, n, 1, 1000000, &index[kept]);
	sl_sources_destroy(w->sources);
	sl_conn_table_destroy(w->table);
	w->config.source[0] = v4(41); /* in front of the old one, which goes on */
	w->config.source[1] = v4(40);
	w->config.source_count = 2;
	table_make(w);
	assert_int_equal(sl_conn_table_used(w->table), kept);
	for (uint32_t n = PORTS; n < PORTS * 8; n++)
		more += !open_conn(w, n, 1, 1001000, &i);
	assert_int_equal(kept + more, 2 * PORTS);
	for (uint32_t k = 0; k < kept; k++)
		close_conn(w, index[k], 1002000);
	for (uint32_t n = PORTS * 8; n < PORTS * 16; n++)
		more += !open_conn(w, n, 1, 1003000 + REST_MS, &i);
	assert_int_equal(more, 2 * PORTS);
}

/* An address that no connection has any more gives its number back. */
static void test_numbers(void **state)
{
	struct world *w = *state;

	for (unsigned int i = 0; i < 3 * SL_CONN_SOURCES; i++) {
		w->config.source[0] = (struct sl_addr){ .family = 4, .bytes = { 10, 2, (uint8_t)i, 1 } };
		assert_int_equal(sl_sources_open(w->numbers, &w->config, w->table), 0);
	}
	assert_null(sl_conn_source(0));
	assert_null(sl_conn_source(SL_CONN_SOURCES));
}

/* Hours later, whatever sixteen bits of seconds say. */
static void test_later(void **state)
{
	struct world *w = *state;
	uint64_t now_ms = 1000000;
	uint32_t index, first;

	assert_int_equal(open_conn(w, 0, 1, now_ms, &first), 0);
	for (unsigned int i = 1; i < 200; i++) {
		now_ms += 1000 * (65536 / 16 - 7);
		assert_int_equal(open_conn(w, i, 1, now_ms, &index), 0);
		close_conn(w, index, now_ms);
	}
}

/* A service of many ports to many backends is many tuples: they are let go of, and not more than a bound are there. */
static void test_many_tuples(void **state)
{
	struct world *w = *state;
	uint64_t now_ms = 1000000;
	uint32_t index, made = 0;

	for (uint32_t n = 0; n < 4 * 20000; n++) {
		struct sl_conn_new c = conn_of(n, 1, now_ms);

		c.backend_port = htons((uint16_t)(n % 20000 + 1));
		if (!sl_sources_take(w->sources, shard_of(w, &c.key), &c)) {
			assert_int_equal(sl_conn_create(w->table, shard_of(w, &c.key), &c, &index), 0);
			close_conn(w, index, now_ms);
			made++;
		}
		assert_true(sl_sources_pools(w->sources) <= 65536);
	}
	assert_true(made > 65536);
	now_ms += 2 * REST_MS;
	assert_int_equal(open_conn(w, 1, 2, now_ms, &index), 0);
	assert_int_equal(sl_sources_pools(w->sources), 1);
}

/* Backends that are not used any more cost nothing for ever. */
static void test_idle_pools(void **state)
{
	struct world *w = *state;
	uint64_t now_ms = 1000000;
	uint32_t index;

	for (unsigned int round = 0; round < 20; round++, now_ms += 2 * REST_MS) {
		for (unsigned int backend = 1; backend <= 60; backend++) {
			if (!open_conn(w, backend, (uint8_t)backend, now_ms, &index))
				close_conn(w, index, now_ms);
			assert_true(sl_sources_pools(w->sources) <= 128);
		}
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, up, down)
	const struct CMUnitTest tests[] = { T(test_every_port_once), T(test_quarantine), T(test_adoption), T(test_numbers), T(test_later), T(test_many_tuples), T(test_idle_pools) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
