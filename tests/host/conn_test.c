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
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "host/conn.h"
#include "host/conn_index.h"
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

/* No key's tag is that of an empty slot, so an empty bucket has no key; a slot is found by its tag in every place. */
static void test_tags(void **state)
{
	struct sl_conn *entries = calloc(1, sl_conn_memory_bytes(CAPACITY, NULL));
	struct sl_conn_table *t = table_make(entries, CAPACITY);

	(void)state;
	for (uint64_t hash = 0; hash < 4; hash++) {
		const uint32_t tag = sl_conn_tag(t, hash);
		struct sl_conn_bucket b = { { 0 } };

		assert_int_equal(tag & t->entry_mask, 0);
		assert_int_equal(sl_conn_bucket_match(t, &b, tag), 0);
		for (unsigned int i = 0; i < SL_CONN_WAYS; i++) {
			b.slot[i] = tag | (i + 1);
			b.slot[(i + 1) % SL_CONN_WAYS] = sl_conn_tag(t, hash + 1) | 1;
			assert_int_equal(sl_conn_bucket_match(t, &b, tag), 1u << i);
			b.slot[i] = 0;
		}
	}
	sl_conn_table_destroy(t);
	free(entries);
}

static void test_clash(void **state)
{
	struct sl_conn *entries = calloc(1, sl_conn_memory_bytes(CAPACITY, NULL));
	struct sl_conn_table *t = table_make(entries, CAPACITY);
	struct sl_conn_new a = conn_of(1, SL_MODE_NAT), b = a;
	bool reverse = false;
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

/* ---- counters ---------------------------------------------------------------------------------------------------- */

/* Exact over the bit where the upper half begins, also to one who reads, or dies, between the two stores. */
static void test_counters(void **state)
{
	static const uint64_t from[] = { 0, 0x7fffffff, 0x80000000, 0xffffffff, 0x17fffffff };
	struct sl_conn *entries = calloc(1, sl_conn_memory_bytes(CAPACITY, NULL));
	struct sl_conn_table *t = table_make(entries, CAPACITY);
	const struct sl_conn_new c = conn_of(1, SL_MODE_DSR_L2);
	struct sl_conn_rest *rest;
	struct sl_conn_copy copy;
	struct sl_conn *conn;
	uint32_t index;

	(void)state;
	assert_int_equal(add(t, &c, &index), 0);
	conn = sl_conn_at(t, index);
	rest = sl_conn_rest_at(t, index);
	for (size_t i = 0; i < sizeof(from) / sizeof(from[0]); i++) {
		conn->sw_packets = conn->sw_bytes = (uint32_t)from[i];
		rest->packets_high = rest->bytes_high = (uint32_t)(from[i] >> 31);
		sl_conn_count(conn, rest, 1514);
		sl_conn_get(t, index, &copy);
		assert_int_equal(copy.sw_packets, from[i] + 1);
		assert_int_equal(copy.sw_bytes, from[i] + 1514);
		rest->bytes_high = (uint32_t)(from[i] >> 31); /* as if that store had not been made yet */
		sl_conn_get(t, index, &copy);
		assert_int_equal(copy.sw_bytes, from[i] + 1514);
	}
	conn->sw_bytes = rest->bytes_high = 0;
	for (uint64_t i = 1; i < 20; i++) {
		sl_conn_count(conn, rest, 0x60000000);
		sl_conn_get(t, index, &copy);
		assert_int_equal(copy.sw_bytes, i * 0x60000000);
	}
	sl_conn_table_destroy(t);
	free(entries);
}

/* What is later than half of the second can say is looked at before, and what is past at once. */
static void test_deadlines(void **state)
{
	static const struct {
		const char *what;
		uint64_t now_ms, at_ms, first_ms;
	} rows[] = {
		{ "soon", 1000000, 1060000, 1061000 },
		{ "now, as zero", 1000000, 0, 1000000 },
		{ "past", 100000000, 60000000, 100000000 },
		{ "over the end of the half", 65534000, 65537000, 65538000 },
		{ "in two days", 1000000, 173800000, 1000000 + 16384000 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sl_conn *entries = calloc(1, sl_conn_memory_bytes(CAPACITY, NULL));
		struct sl_conn_table *t = table_make(entries, CAPACITY);
		struct sl_conn_new c = conn_of(3, SL_MODE_DSR_L2);
		const unsigned int shard = shard_of(t, &c);
		uint32_t index, due[8];

		print_message("%s\n", rows[i].what);
		c.now_ms = rows[i].now_ms;
		assert_int_equal(add(t, &c, &index), 0);
		sl_conn_set_deadline(t, index, rows[i].at_ms);
		if (rows[i].first_ms > rows[i].now_ms)
			assert_int_equal(scan_all(t, shard, rows[i].first_ms - 2000, due, 8), 0);
		assert_int_equal(scan_all(t, shard, rows[i].first_ms, due, 8), 1);
		sl_conn_table_destroy(t);
		free(entries);
	}
}

/* ---- parts ------------------------------------------------------------------------------------------------------- */

#define MANY 65536u

/* Connection n of three kinds in turn; what kind it is. */
static enum { PLAIN, NAT, SIX, KINDS } kind_of(uint32_t n, struct sl_conn_new *c)
{
	const unsigned int kind = n % KINDS;

	*c = conn_of(n, kind == NAT ? SL_MODE_NAT : SL_MODE_IPIP);
	c->unproven = false;
	if (kind == SIX) {
		c->key.family = c->backend_family = 6;
		memset(c->key.src + 4, 0x20, 12);
		memset(c->backend_addr + 4, 0x30, 12);
	}
	return kind;
}

/* In a file with holes, as the agent has it. */
static void *file_make(uint32_t capacity, int *fd)
{
	size_t always;
	const size_t bytes = sl_conn_memory_bytes(capacity, &always);
	void *p;

	*fd = memfd_create("conn_test", MFD_CLOEXEC);
	assert_true(*fd >= 0);
	assert_int_equal(ftruncate(*fd, (off_t)bytes), 0);
	assert_int_equal(posix_fallocate(*fd, 0, (off_t)always), 0);
	p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	assert_ptr_not_equal(p, MAP_FAILED);
	return p;
}

static uint64_t file_blocks(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return (uint64_t)st.st_blocks * 512;
}

static void find_one(struct sl_conn_table *t, uint32_t n, bool there)
{
	struct sl_conn_new c;
	const unsigned int kind = kind_of(n, &c);
	struct sl_conn_copy copy;
	bool reverse = false;
	const uint32_t index = sl_conn_find(t, shard_of(t, &c), &c.key, &reverse);
	struct sl_key back;

	assert_int_equal(index != SL_CONN_NONE, there);
	if (!there)
		return;
	assert_false(reverse);
	assert_true(sl_conn_read(t, index, &copy));
	assert_memory_equal(&copy.key, &c.key, sizeof(c.key));
	assert_memory_equal(copy.backend_addr, c.backend_addr, sizeof(c.backend_addr));
	assert_int_equal(copy.backend_family, kind == SIX ? 6 : 4);
	sl_conn_reverse_key(t, index, &back);
	assert_int_equal(sl_conn_find(t, shard_of(t, &c), &back, &reverse), kind == NAT ? index : SL_CONN_NONE);
}

/* From one connection to a full table, with lookups of what was there before at each step, and back, twice: the second time takes no
 * more memory, so nothing has been left behind. */
static void test_growth(void **state)
{
	uint32_t entered[MANY], adopted, dropped, index;
	uint64_t memory = 0, blocks = 0;
	struct sl_conn_table *t;
	int fd;
	void *entries = file_make(MANY, &fd);

	(void)state;
	t = sl_conn_table_create(entries, MANY, hash_key, &adopted, &dropped);
	sl_conn_table_in_file(t, fd, 0);
	for (unsigned int round = 0; round < 2; round++) {
		uint32_t count = 0;

		for (uint32_t n = 0; sl_conn_table_used(t) < MANY && n < 4 * MANY; n++) {
			struct sl_conn_new c;

			kind_of(n, &c);
			if (add(t, &c, &index))
				continue;
			entered[count++] = n;
			find_one(t, entered[(n * 2654435761u) % count], true);
		}
		assert_int_equal(count, MANY);
		if (round) {
			assert_int_equal(sl_conn_table_bytes(t), memory);
			assert_int_equal(file_blocks(fd), blocks);
		}
		memory = sl_conn_table_bytes(t);
		blocks = file_blocks(fd);
		for (uint32_t i = 0; i < count; i++) {
			struct sl_conn_new c;
			bool reverse = false;

			kind_of(entered[i], &c);
			index = sl_conn_find(t, shard_of(t, &c), &c.key, &reverse);
			assert_int_not_equal(index, SL_CONN_NONE);
			sl_conn_free(t, index);
			find_one(t, entered[i], false);
		}
		assert_int_equal(sl_conn_table_used(t), 0);
	}
	sl_conn_table_destroy(t);
	munmap(entries, sl_conn_memory_bytes(MANY, NULL));
	close(fd);
}

/* What each kind takes: a plain one no more than all take, and one of another kind only its part. */
static void test_parts(void **state)
{
	static const struct {
		const char *what;
		unsigned int kind;
		uint64_t each; /* bytes more */
	} rows[] = { { "plain", PLAIN, 0 }, { "nat", NAT, 16 }, { "ipv6", SIX, 48 } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint32_t adopted, dropped, index;
		uint64_t before;
		struct sl_conn_table *t;
		int fd;
		void *entries = file_make(MANY, &fd);

		print_message("%s\n", rows[i].what);
		t = sl_conn_table_create(entries, MANY, hash_key, &adopted, &dropped);
		sl_conn_table_in_file(t, fd, 0);
		before = file_blocks(fd);
		for (uint32_t n = rows[i].kind; sl_conn_table_used(t) < MANY && n < 12 * MANY; n += KINDS) {
			struct sl_conn_new c;

			kind_of(n, &c);
			add(t, &c, &index);
		}
		assert_int_equal(sl_conn_table_used(t), MANY);
		assert_int_equal(file_blocks(fd) - before, MANY * rows[i].each);
		assert_int_equal(sl_conn_card_at(t, 0), NULL);
		assert_non_null(sl_conn_card_take(t, 0));
		assert_int_equal(file_blocks(fd) - before, MANY * rows[i].each + SL_CONN_CHUNK * sizeof(struct sl_conn_card));
		sl_conn_table_destroy(t);
		munmap(entries, sl_conn_memory_bytes(MANY, NULL));
		close(fd);
	}
}

/* Shared memory has run out (here: the file cannot be written): who needs more is refused, and leaves nothing. Others go on. */
static void test_no_memory(void **state)
{
	uint32_t adopted, dropped, index;
	struct sl_conn_table *t;
	struct sl_conn_new c;
	char path[64];
	int fd, deaf;
	void *entries = file_make(MANY, &fd);

	(void)state;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	deaf = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(deaf >= 0);
	t = sl_conn_table_create(entries, MANY, hash_key, &adopted, &dropped);
	sl_conn_table_in_file(t, deaf, 0);
	for (uint32_t n = 0; n < 300; n++) {
		const int want = kind_of(n, &c) == PLAIN ? 0 : -ENOSPC;

		assert_int_equal(add(t, &c, &index), want);
		find_one(t, n, !want);
	}
	assert_int_equal(sl_conn_table_used(t), 100);
	assert_int_equal(sl_conn_table_unproven(t), 0);
	assert_null(sl_conn_card_take(t, index));
	assert_null(sl_conn_card_at(t, index));
	/* There is some again. */
	sl_conn_table_in_file(t, fd, 0);
	kind_of(SIX, &c);
	assert_int_equal(add(t, &c, &index), 0);
	assert_non_null(sl_conn_card_take(t, index));
	sl_conn_table_destroy(t);
	munmap(entries, sl_conn_memory_bytes(MANY, NULL));
	close(deaf);
	close(fd);
}

/* ---- SIGKILL ---------------------------------------------------------------------------------------------------- */

/* Creates, changes and frees connections for ever. */
static void churn(struct sl_conn *entries, uint32_t seed)
{
	uint32_t adopted, dropped;
	struct sl_conn_table *t = sl_conn_table_create(entries, BIG, hash_key, &adopted, &dropped);

	for (;;) {
		struct sl_conn_new c;
		bool reverse = false;
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
		bool reverse = false;

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
	struct sl_conn_new c = conn_of(1, SL_MODE_NAT), six;
	uint32_t adopted, dropped, index;
	struct sl_conn_copy copy;
	struct sl_conn_table *t;
	struct sl_state s, other;
	bool reverse = false;
	char path[64], err[512];

	(void)state;
	path_make(path, sizeof(path));
	assert_int_equal(sl_state_open(&s, path, 1000, err, sizeof(err)), 0);
	assert_true(s.created);
	assert_int_equal(s.capacity, 1008);
	assert_int_equal(sl_state_open(&other, path, 1000, err, sizeof(err)), -EBUSY);
	assert_non_null(strstr(err, "another sluiced"));
	t = sl_conn_table_create(s.entries, s.capacity, s.hash_key, &adopted, &dropped);
	sl_conn_table_in_file(t, s.fd, s.start);
	assert_int_equal(add(t, &c, &index), 0);
	kind_of(SIX, &six);
	assert_int_equal(add(t, &six, &index), 0);
	sl_conn_card_take(t, index)->packets = 5;
	sl_conn_table_destroy(t);
	sl_state_close(&s);
	/* Another capacity wanted: the file's own counts. */
	assert_int_equal(sl_state_open(&s, path, 64, err, sizeof(err)), 0);
	assert_false(s.created);
	assert_int_equal(s.capacity, 1008);
	t = sl_conn_table_create(s.entries, s.capacity, s.hash_key, &adopted, &dropped);
	assert_int_equal(adopted, 2);
	assert_int_equal(dropped, 0);
	index = sl_conn_find(t, shard_of(t, &six), &six.key, &reverse);
	assert_int_not_equal(index, SL_CONN_NONE);
	assert_true(sl_conn_read(t, index, &copy));
	assert_memory_equal(&copy.key, &six.key, sizeof(six.key));
	assert_int_equal(copy.hw_packets, 5);
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
		cmocka_unit_test(test_directions),    cmocka_unit_test(test_tags),
		cmocka_unit_test(test_clash),	      cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_prove),	      cmocka_unit_test(test_timeouts),	  cmocka_unit_test(test_scan),
		cmocka_unit_test(test_since),	      cmocka_unit_test(test_counters),	  cmocka_unit_test(test_deadlines),
		cmocka_unit_test(test_growth),	      cmocka_unit_test(test_parts),	  cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_read),	      cmocka_unit_test(test_adoption_of_damage),
		cmocka_unit_test(test_sigkill),	      cmocka_unit_test(test_file_adopted),
		cmocka_unit_test(test_file_refused),
	};

	return cmocka_run_group_tests_name("conn", tests, NULL, NULL);
}
