/* SPDX-License-Identifier: BSD-3-Clause */
/* The connection table and its file: both directions, bounds, clashes, deadlines, adoption after SIGKILL, and files that
 * must be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "host/conn.h"
#include "host/state.h"

#define CAPACITY 256u
#define BIG 1024u

static const uint64_t hash_key[2] = { 1, 2 };

static struct sl_conn_table *table_make(struct sl_conn *entries, uint32_t capacity)
{
	uint32_t adopted, dropped;
	struct sl_conn_table *t = sl_conn_table_create(entries, capacity, hash_key, &adopted, &dropped);

	assert_non_null(t);
	return t;
}

/* Connection n: client 10.0.0.x, port from n, to 192.0.2.1:80, backend 10.1.0.1:8080. */
static struct sl_conn_new conn_of(uint32_t n, unsigned int mode)
{
	struct sl_conn_new c = { .mode = (uint8_t)mode, .backend_family = 4, .backend_port = htons(8080),
				 .nat = mode == SL_MODE_NAT, .state = SL_CONN_EMBRYONIC, .unproven = true, .now_ms = 1000 };
	const uint32_t client = htonl(0x0a000000u + (n >> 12)), vip = htonl(0xc0000201u), backend = htonl(0x0a010001u);

	memcpy(c.key.src, &client, 4);
	memcpy(c.key.dst, &vip, 4);
	memcpy(c.backend_addr, &backend, 4);
	c.key.sport = htons((uint16_t)(1024 + (n & 0xfff)));
	c.key.dport = htons(80);
	c.key.proto = IPPROTO_TCP;
	c.key.family = 4;
	return c;
}

static unsigned int shard_of(const struct sl_conn_table *t, const struct sl_conn_new *c)
{
	return sl_conn_shard(t, c->key.src, c->key.sport, c->key.tenant);
}

static int add(struct sl_conn_table *t, const struct sl_conn_new *c, uint32_t *index)
{
	return sl_conn_create(t, shard_of(t, c), c, index);
}

static void test_directions(void **state)
{
	static const struct {
		const char *what;
		unsigned int mode;
		bool back;
	} rows[] = { { "dsr-l2 has one direction", SL_MODE_DSR_L2, false }, { "nat has two", SL_MODE_NAT, true },
		     { "ipip has one", SL_MODE_IPIP, false }, { "vxlan has one", SL_MODE_VXLAN, false } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sl_conn *entries = calloc(1, sl_conn_memory_bytes(CAPACITY, NULL));
		struct sl_conn_table *t = table_make(entries, CAPACITY);
		const struct sl_conn_new c = conn_of(1, rows[i].mode);
		const unsigned int shard = shard_of(t, &c);
		struct sl_key back;
		bool reverse = true;
		uint32_t index;

		print_message("%s\n", rows[i].what);
		assert_int_equal(add(t, &c, &index), 0);
		assert_int_equal(sl_conn_find(t, shard, &c.key, &reverse), index);
		assert_false(reverse);
		sl_conn_reverse_key(t, index, &back);
		/* Both directions belong to one shard: that of the client. */
		assert_int_equal(sl_conn_shard(t, back.dst, back.dport, 0), shard);
		assert_int_equal(sl_conn_find(t, shard, &back, &reverse), rows[i].back ? index : SL_CONN_NONE);
		assert_int_equal(reverse, rows[i].back);
		sl_conn_free(t, index);
		assert_int_equal(sl_conn_find(t, shard, &c.key, &reverse), SL_CONN_NONE);
		assert_int_equal(sl_conn_find(t, shard, &back, &reverse), SL_CONN_NONE);
		assert_int_equal(sl_conn_table_used(t), 0);
		assert_int_equal(sl_conn_table_unproven(t), 0);
		sl_conn_table_destroy(t);
		free(entries);
	}
}

static void test_clash(void **state)
{
	struct sl_conn *entries = calloc(1, sl_conn_memory_bytes(CAPACITY, NULL));
	struct sl_conn_table *t = table_make(entries, CAPACITY);
	struct sl_conn_new a = conn_of(1, SL_MODE_NAT), b = a;
	bool reverse;
	uint32_t i, j;

	(void)state;
	/* Another VIP, the same client tuple and the same backend: the way back could not be told apart. */
	b.key.dst[3] = 9;
	assert_int_equal(add(t, &a, &i), 0);
	assert_int_equal(add(t, &b, &j), -EADDRINUSE);
	assert_int_equal(sl_conn_find(t, shard_of(t, &b), &b.key, &reverse), SL_CONN_NONE);
	assert_int_equal(sl_conn_table_used(t), 1);
	sl_conn_free(t, i);
	assert_int_equal(add(t, &b, &j), 0);
	sl_conn_table_destroy(t);
	free(entries);
}

static void test_bounds(void **state)
{
	struct sl_conn *entries = calloc(1, sl_conn_memory_bytes(BIG, NULL));
	struct sl_conn_table *t = table_make(entries, BIG);
	uint32_t index, unproven = 0, proven = 0, n = 0;

	(void)state;
	/* A flood of SYNs gets a quarter of the table, no more. */
	for (; n < BIG * 2; n++) {
		const struct sl_conn_new c = conn_of(n, SL_MODE_DSR_L2);
		const int rc = add(t, &c, &index);

		assert_true(rc == 0 || rc == -EDQUOT);
		unproven += rc == 0;
	}
	assert_int_equal(unproven, BIG / 4);
	assert_int_equal(sl_conn_table_unproven(t), BIG / 4);
	/* Proven ones still find room, NAT too (two places each), until the shard is full. */
	for (uint32_t i = 0; i < BIG * 4; i++, n++) {
		struct sl_conn_new c = conn_of(n, SL_MODE_NAT);
		int rc;

		c.unproven = false;
		c.backend_port = htons((uint16_t)(i >> 8));
		rc = add(t, &c, &index);
		assert_true(rc == 0 || rc == -ENOSPC);
		proven += rc == 0;
	}
	assert_int_equal(proven, BIG - BIG / 4);
	assert_int_equal(sl_conn_table_used(t), BIG);
	sl_conn_table_destroy(t);
	free(entries);
}

static void test_prove(void **state)
{
	struct sl_conn *entries = calloc(1, sl_conn_memory_bytes(CAPACITY, NULL));
	struct sl_conn_table *t = table_make(entries, CAPACITY);
	const struct sl_conn_new c = conn_of(7, SL_MODE_DSR_L2);
	uint32_t index;

	(void)state;
	assert_int_equal(add(t, &c, &index), 0);
	assert_int_equal(sl_conn_table_unproven(t), 1);
	sl_conn_prove(t, index);
	sl_conn_prove(t, index);
	assert_int_equal(sl_conn_table_unproven(t), 0);
	sl_conn_free(t, index);
	assert_int_equal(sl_conn_table_unproven(t), 0);
	sl_conn_table_destroy(t);
	free(entries);
}

static void test_timeouts(void **state)
{
	static const struct sl_config_timeouts timeouts = { .syn_ms = 1, .established_ms = 2, .fin_ms = 3, .udp_ms = 4 };
	static const struct {
		uint8_t proto, state;
		uint32_t want;
	} rows[] = { { IPPROTO_TCP, SL_CONN_EMBRYONIC, 1 }, { IPPROTO_TCP, SL_CONN_ESTABLISHED, 2 },
		     { IPPROTO_TCP, SL_CONN_CLOSING, 3 }, { IPPROTO_UDP, SL_CONN_ESTABLISHED, 4 } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct sl_conn conn = { .proto = rows[i].proto, .state = rows[i].state };

		assert_int_equal(sl_conn_timeout_ms(&conn, &timeouts), rows[i].want);
	}
}

static int64_t wall_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Since when a reason holds is known to a few milliseconds. */
static void test_since(void **state)
{
	struct sl_conn *entries = calloc(1, sl_conn_memory_bytes(CAPACITY, NULL));
	struct sl_conn_table *t = table_make(entries, CAPACITY);
	const struct sl_conn_new c = conn_of(1, SL_MODE_DSR_L2);
	struct sl_conn_copy copy;
	uint32_t index;

	(void)state;
	assert_int_equal(add(t, &c, &index), 0);
	for (unsigned int i = 0; i < 5; i++) {
		const int64_t before = wall_ms();

		sl_conn_set_reason(t, index, i % 2 ? SL_REASON_PENDING : SL_REASON_OFFLOADED);
		sl_conn_get(t, index, &copy);
		assert_in_range(copy.since_ms, before - 20, wall_ms());
		usleep(30000);
	}
	/* The wall clock was set back a little. */
	sl_conn_rest_at(t, index)->since += 1000;
	sl_conn_get(t, index, &copy);
	assert_in_range(copy.since_ms, wall_ms() - 1000, wall_ms());
	sl_conn_table_destroy(t);
	free(entries);
}

/* The whole shard. */
static unsigned int scan_all(struct sl_conn_table *t, unsigned int shard, uint64_t now_ms, uint32_t *due, unsigned int max)
{
	uint32_t count = CAPACITY;

	return sl_conn_scan(t, shard, &count, now_ms, due, max);
}

static void test_scan(void **state)
{
	struct sl_conn *entries = calloc(1, sl_conn_memory_bytes(CAPACITY, NULL));
	struct sl_conn_table *t = table_make(entries, CAPACITY);
	const struct sl_conn_new c = conn_of(3, SL_MODE_DSR_L2);
	const unsigned int shard = shard_of(t, &c);
	uint32_t index, due[8];

	(void)state;
	assert_int_equal(add(t, &c, &index), 0);
	sl_conn_set_deadline(t, index, 60000);
	assert_int_equal(scan_all(t, shard, 59000, due, 8), 0);
	assert_int_equal(scan_all(t, shard, 61000, due, 8), 1);
	assert_int_equal(due[0], index);
	sl_conn_free(t, index);
	assert_int_equal(scan_all(t, shard, 1000000, due, 8), 0);
	sl_conn_table_destroy(t);
	free(entries);
}

static void test_read(void **state)
{
	struct sl_conn *entries = calloc(1, sl_conn_memory_bytes(CAPACITY, NULL));
	struct sl_conn_copy copy;
	struct sl_conn_table *t = table_make(entries, CAPACITY);
	const struct sl_conn_new c = conn_of(3, SL_MODE_DSR_L2);
	uint32_t index;

	(void)state;
	assert_int_equal(add(t, &c, &index), 0);
	assert_true(sl_conn_read(t, index, &copy));
	assert_memory_equal(&copy.key, &c.key, sizeof(c.key));
	/* An entry that is being written anew is not shown. */
	sl_conn_rest_at(t, index)->backend4 ^= 1;
	assert_false(sl_conn_read(t, index, &copy));
	sl_conn_rest_at(t, index)->backend4 ^= 1;
	sl_conn_free(t, index);
	assert_false(sl_conn_read(t, index, &copy));
	sl_conn_table_destroy(t);
	free(entries);
}

static void test_adoption_of_damage(void **state)
{
	struct sl_conn *entries = calloc(1, sl_conn_memory_bytes(CAPACITY, NULL));
	struct sl_conn_table *t = table_make(entries, CAPACITY);
	uint32_t index[6], adopted, dropped;

	(void)state;
	for (uint32_t n = 0; n < 6; n++) {
		struct sl_conn_new c = conn_of(n, SL_MODE_NAT);

		c.unproven = n == 5;
		assert_int_equal(add(t, &c, &index[n]), 0);
	}
	entries[index[0]].addresses ^= 1;   /* another client */
	sl_conn_rest_at(t, index[1])->check ^= 1;
	sl_conn_table_destroy(t);
	entries[index[2]].state = 13;
	entries[index[3]].offload = SL_CONN_HARDWARE;
	entries[index[4]].offload = SL_CONN_REMOVING;
	entries[index[5]].offload = SL_CONN_INSERTING;
	t = sl_conn_table_create(entries, CAPACITY, hash_key, &adopted, &dropped);
	assert_non_null(t);
	assert_int_equal(adopted, 3);
	assert_int_equal(dropped, 3);
	assert_int_equal(sl_conn_table_used(t), 3);
	assert_int_equal(sl_conn_table_unproven(t), 1);
	assert_int_equal(entries[index[3]].offload, SL_CONN_HARDWARE);
	/* Killed while a rule was removed or made: the card has all, some or none of them. */
	assert_int_equal(entries[index[4]].offload, SL_CONN_HARDWARE);
	assert_int_equal(entries[index[5]].offload, SL_CONN_HARDWARE);
	sl_conn_table_destroy(t);
	free(entries);
}

/* ---- SIGKILL ---------------------------------------------------------------------------------------------------- */

/* Creates, changes and frees connections for ever. */
static void churn(struct sl_conn *entries, uint32_t seed)
{
	uint32_t adopted, dropped;
	struct sl_conn_table *t = sl_conn_table_create(entries, BIG, hash_key, &adopted, &dropped);

	for (;;) {
		struct sl_conn_new c;
		bool reverse;
		uint32_t index;
		unsigned int shard;

		seed = seed * 1664525u + 1013904223u;
		c = conn_of((seed >> 8) % (BIG * 2), seed & 1 ? SL_MODE_NAT : SL_MODE_DSR_L2);
		c.unproven = false;
		shard = shard_of(t, &c);
		index = sl_conn_find(t, shard, &c.key, &reverse);
		if (index != SL_CONN_NONE && seed & 0x10000) {
			sl_conn_free(t, index);
		} else if (index != SL_CONN_NONE) {
			sl_conn_count(sl_conn_at(t, index), sl_conn_rest_at(t, index), 60);
			sl_conn_at(t, index)->state = SL_CONN_ESTABLISHED;
		} else {
			sl_conn_create(t, shard, &c, &index);
		}
	}
}

/* Every live entry is whole, is found by its key, and no key is there twice. */
static void check_invariants(struct sl_conn *entries, uint32_t *live)
{
	uint32_t adopted, dropped, found = 0;
	struct sl_conn_table *t = sl_conn_table_create(entries, BIG, hash_key, &adopted, &dropped);

	assert_non_null(t);
	assert_int_equal(dropped, 0);
	for (uint32_t i = 0; i < BIG; i++) {
		struct sl_conn_copy copy;
		struct sl_key back;
		bool reverse;

		if (entries[i].state == SL_CONN_FREE)
			continue;
		assert_true(sl_conn_read(t, i, &copy));
		assert_int_equal(sl_conn_find(t, sl_conn_shard_of(t, i), &copy.key, &reverse), i);
		sl_conn_reverse_key(t, i, &back);
		if (copy.mode == SL_MODE_NAT)
			assert_int_equal(sl_conn_find(t, sl_conn_shard_of(t, i), &back, &reverse), i);
		found++;
	}
	assert_int_equal(found, adopted);
	assert_int_equal(sl_conn_table_used(t), adopted);
	*live = adopted;
	sl_conn_table_destroy(t);
}

static void test_sigkill(void **state)
{
	struct sl_conn *entries = mmap(NULL, sl_conn_memory_bytes(BIG, NULL), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	const char *given = getenv("SEED");
	uint32_t seed = given ? (uint32_t)strtoul(given, NULL, 0) : (uint32_t)time(NULL), live = 0;

	(void)state;
	assert_ptr_not_equal(entries, MAP_FAILED);
	print_message("SEED=%u\n", seed);
	for (unsigned int round = 0; round < 250; round++) {
		const pid_t pid = fork();

		assert_true(pid >= 0);
		if (!pid)
			churn(entries, seed + round);
		usleep(800 + (seed * (round + 1) * 2654435761u >> 16) % 1500);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		check_invariants(entries, &live);
	}
	print_message("connections after the last kill: %u\n", live);
	assert_true(live > 0);
	munmap(entries, sl_conn_memory_bytes(BIG, NULL));
}

/* ---- the file --------------------------------------------------------------------------------------------------- */

static void path_make(char *path, size_t len)
{
	snprintf(path, len, "/dev/shm/sluice-test-%ld.conn", (long)getpid());
	unlink(path);
}

static void test_file_adopted(void **state)
{
	struct sl_conn_new c = conn_of(1, SL_MODE_NAT);
	uint32_t adopted, dropped, index;
	struct sl_conn_table *t;
	struct sl_state s, other;
	char path[64], err[512];

	(void)state;
	path_make(path, sizeof(path));
	assert_int_equal(sl_state_open(&s, path, 1000, err, sizeof(err)), 0);
	assert_true(s.created);
	assert_int_equal(s.capacity, 1008);
	assert_int_equal(sl_state_open(&other, path, 1000, err, sizeof(err)), -EBUSY);
	assert_non_null(strstr(err, "another sluiced"));
	t = sl_conn_table_create(s.entries, s.capacity, s.hash_key, &adopted, &dropped);
	assert_int_equal(add(t, &c, &index), 0);
	sl_conn_table_destroy(t);
	sl_state_close(&s);
	/* Another capacity wanted: the file's own counts. */
	assert_int_equal(sl_state_open(&s, path, 64, err, sizeof(err)), 0);
	assert_false(s.created);
	assert_int_equal(s.capacity, 1008);
	t = sl_conn_table_create(s.entries, s.capacity, s.hash_key, &adopted, &dropped);
	assert_int_equal(adopted, 1);
	assert_int_equal(dropped, 0);
	sl_conn_table_destroy(t);
	sl_state_close(&s);
	unlink(path);
}

static void test_file_refused(void **state)
{
	static const struct {
		const char *what;
		off_t at;
		const char *bytes;
		size_t n;
		off_t length; /* cut to, 0: not */
		const char *words;
	} rows[] = {
		{ "another kind of file", 0, "GARBAGE!", 8, 0, "wrong magic" },
		{ "another layout version", 8, "\x63\0\0\0", 4, 0, "layout version 99, wanted version 4" },
		{ "another entry size", 12, "\x80\0\0\0", 4, 0, "damaged header" },
		{ "a capacity that does not fit", 16, "\x20\0\0\0", 4, 0, "bytes, wanted" },
		{ "cut off", 0, "", 0, 8192, "found 8192 bytes" },
		{ "no header", 0, "", 0, 10, "too short" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sl_state s;
		char path[64], err[512];
		int fd;

		print_message("%s\n", rows[i].what);
		path_make(path, sizeof(path));
		assert_int_equal(sl_state_open(&s, path, 256, err, sizeof(err)), 0);
		sl_state_close(&s);
		fd = open(path, O_RDWR);
		assert_int_equal(pwrite(fd, rows[i].bytes, rows[i].n, rows[i].at), rows[i].n);
		if (rows[i].length)
			assert_int_equal(ftruncate(fd, rows[i].length), 0);
		close(fd);
		assert_true(sl_state_open(&s, path, 256, err, sizeof(err)) < 0);
		print_message("  %s\n", err);
		assert_non_null(strstr(err, path));
		assert_non_null(strstr(err, rows[i].words));
		assert_non_null(strstr(err, "remove the file"));
		unlink(path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_directions),    cmocka_unit_test(test_clash),	  cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_prove),	      cmocka_unit_test(test_timeouts),	  cmocka_unit_test(test_scan),
		cmocka_unit_test(test_since),
		cmocka_unit_test(test_read),	      cmocka_unit_test(test_adoption_of_damage),
		cmocka_unit_test(test_sigkill),	      cmocka_unit_test(test_file_adopted),
		cmocka_unit_test(test_file_refused),
	};

	return cmocka_run_group_tests_name("conn", tests, NULL, NULL);
}
