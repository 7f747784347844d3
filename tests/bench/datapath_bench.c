/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The agent's software datapath from memory, without a port: whole packets (parse, find, follow, rewrite, encapsulate) of a million
 * and of eight million TCP connections that are all live, in random order; the table's lookup against DPDK's rte_hash with the
 * same keys in the same run; and connections over their whole life while a million others are live. Frames are put into a ring of
 * 1,024 buffers between the measured times. Time is the thread's; rounds alternate, the median and the best are told.
 *
 * `line` is the limit by which to judge the others on a machine: the time of one prefetched read of a line of random place in
 * memory as large as the connections' entries; and of one that is changed, as a packet changes its connection's.
 *
 * A table's growth from one million connections to sixteen, in a file as the agent has it: how long bursts of 64 frames take meanwhile,
 * and when it does not grow. A processor that others use too has long ones anyway, so compare the two.
 *
 * datapath_bench JSON [FLOWS_LOG2... [0]]    0: growth and lives; without arguments all of it
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <rte_eal.h>
#include <rte_hash.h>
#include <rte_hash_crc.h>
#include <rte_memory.h>

#include <urcu-qsbr.h>

#include "host/conn_index.h"
#include "tests/bench/flow_world.h"

#define ROUNDS 5
#define ROUND_FRAMES (1u << 20)
#define LOOKUP_BURST 64u
#define LOOKUP_LAG 24u /* lookups begun between asking for a bucket and looking at it */
#define LIFE_OTHERS (1u << 20)
#define GROWTH_FROM (1u << 20)
#define GROWTH_TO (1u << 24)
#define GROWTH_PAUSE_US 100u
#define LIFE_TICK_MS 10u
#define LIFE_TICK_COUNT 8u /* batches of WORLD_RING connections in that time: 800,000 a second */
#define LIFE_ROUND_TICKS 100u
#define LIFE_CAPACITY (8u << 20)
#define FIN 1
#define SYN 2
#define ACK 16

struct figure {
	double ns[ROUNDS];
};

static uint64_t seed = 88172645463325252u;

static uint32_t any(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 16);
}

static void fail(const char *what, uint32_t n, uint32_t of)
{
	fprintf(stderr, "datapath_bench: %s: %u of %u\n", what, n, of);
	exit(1);
}

static int by_size(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(const struct figure *f)
{
	struct figure sorted = *f;

	qsort(sorted.ns, ROUNDS, sizeof(sorted.ns[0]), by_size);
	return sorted.ns[ROUNDS / 2];
}

static double best(const struct figure *f)
{
	double least = f->ns[0];

	for (unsigned int i = 1; i < ROUNDS; i++)
		least = f->ns[i] < least ? f->ns[i] : least;
	return least;
}

/* ---- what is measured ------------------------------------------------------------------------------------------- */

/* All flows of that many from `first` on do what their packet with these flags does. */
static uint64_t run_all(struct world *w, enum world_service service, uint32_t first, uint32_t count, uint8_t flags, bool back)
{
	uint64_t ns = 0;

	for (uint32_t done = 0; done < count; done += WORLD_RING) {
		const uint32_t n = count - done < WORLD_RING ? count - done : WORLD_RING;
		uint64_t start;
		uint32_t forwarded;

		for (uint32_t i = 0; i < n; i++)
			world_stamp(w, i, service, first + done + i, flags, back);
		start = world_ns();
		forwarded = world_run(w, n);
		ns += world_ns() - start;
		if (forwarded != n)
			fail("frames forwarded", forwarded, n);
	}
	return ns;
}

static double measure_packets(struct world *w, enum world_service service, uint32_t flows)
{
	uint64_t ns = 0;

	for (uint32_t done = 0; done < ROUND_FRAMES; done += WORLD_RING) {
		uint64_t start;

		for (uint32_t i = 0; i < WORLD_RING; i++)
			world_stamp(w, i, service, any() & (flows - 1), ACK, false);
		start = world_ns();
		if (world_run(w, WORLD_RING) != WORLD_RING)
			fail("frames forwarded: not all", 0, WORLD_RING);
		ns += world_ns() - start;
	}
	return (double)ns / ROUND_FRAMES;
}

/* A burst as host/fastpath looks it up, with the keys compared; how many were found. */
static uint32_t lookup_burst(struct sl_conn_table *t, const struct sl_key *key)
{
	struct sl_conn_lookup l[LOOKUP_BURST], *late[LOOKUP_BURST];
	uint32_t found = 0, n = 0;
	bool reverse = false;

	for (uint32_t i = 0; i < LOOKUP_BURST + LOOKUP_LAG; i++) {
		struct sl_conn_lookup *before = &l[i >= LOOKUP_LAG ? i - LOOKUP_LAG : 0];

		if (i < LOOKUP_BURST) {
			l[i].key = key[i];
			l[i].back = false;
			l[i].shard = (uint8_t)sl_conn_client_shard(t, l[i].word, l[i].word[4] & 0xffff,
								   l[i].word[4] >> 32 & 0xffff);
			sl_conn_lookup_begin(t, &l[i], true);
		}
		if (i >= LOOKUP_LAG && !sl_conn_lookup_bucket(t, before)) {
			sl_conn_lookup_late(t, before);
			late[n++] = before;
		}
	}
	for (uint32_t i = 0; i < n; i++)
		sl_conn_lookup_bucket(t, late[i]);
	for (uint32_t i = 0; i < LOOKUP_BURST; i++)
		found += (l[i].index != SL_CONN_NONE && sl_conn_lookup_found(t, &l[i])) ||
			 sl_conn_find(t, l[i].shard, &key[i], &reverse) != SL_CONN_NONE;
	return found;
}

/* key: ROUND_FRAMES of them. */
static double measure_lookup(struct world *w, const struct sl_key *key)
{
	uint32_t found = 0;
	uint64_t start = world_ns();

	for (uint32_t i = 0; i < ROUND_FRAMES; i += LOOKUP_BURST)
		found += lookup_burst(w->table, &key[i]);
	start = world_ns() - start;
	if (found != ROUND_FRAMES)
		fail("connections found", found, ROUND_FRAMES);
	return (double)start / ROUND_FRAMES;
}

/* What an IPv4 key is to a hash: 16 bytes. */
struct small_key {
	uint8_t bytes[16];
};

static struct small_key small(const struct sl_key *key)
{
	struct small_key s;

	memcpy(s.bytes, key->src, 4);
	memcpy(s.bytes + 4, key->dst, 4);
	memcpy(s.bytes + 8, &key->sport, 8);
	return s;
}

static struct rte_hash *hash_make(uint32_t flows)
{
	const struct rte_hash_parameters parameters = { .name = "flows", .entries = flows + flows / 8,
							.key_len = sizeof(struct small_key), .hash_func = rte_hash_crc };
	struct rte_hash *h = rte_hash_create(&parameters);

	if (!h)
		fail("no rte_hash for flows", 0, flows);
	for (uint32_t i = 0; i < flows; i++) {
		struct sl_key key;
		struct small_key s;

		world_key(WORLD_IPIP, i, &key);
		s = small(&key);
		if (rte_hash_add_key(h, &s) < 0)
			fail("keys of rte_hash", i, flows);
	}
	return h;
}

static double measure_hash(const struct rte_hash *h, const struct small_key *key)
{
	const void *burst[LOOKUP_BURST];
	int32_t position[LOOKUP_BURST];
	uint32_t found = 0;
	uint64_t start = world_ns();

	for (uint32_t i = 0; i < ROUND_FRAMES; i += LOOKUP_BURST) {
		for (uint32_t n = 0; n < LOOKUP_BURST; n++)
			burst[n] = &key[i + n];
		rte_hash_lookup_bulk(h, burst, LOOKUP_BURST, position);
		for (uint32_t n = 0; n < LOOKUP_BURST; n++)
			found += position[n] >= 0;
	}
	start = world_ns() - start;
	if (found != ROUND_FRAMES)
		fail("keys found in rte_hash", found, ROUND_FRAMES);
	return (double)start / ROUND_FRAMES;
}

/* change: each line is written, if with what was there, and so has to go back to memory some time. */
static double measure_line(uint8_t *memory, size_t bytes, bool change)
{
	const uint64_t lines = bytes / 64;
	uint8_t *burst[LOOKUP_BURST];
	uint64_t sum = 0, start = world_ns();

	for (uint32_t i = 0; i < ROUND_FRAMES; i += LOOKUP_BURST) {
		for (uint32_t n = 0; n < LOOKUP_BURST; n++) {
			burst[n] = memory + (uint64_t)any() * lines / UINT32_MAX % lines * 64;
			__builtin_prefetch(burst[n]);
		}
		for (uint32_t n = 0; n < LOOKUP_BURST; n++) {
			sum += *burst[n];
			if (change)
				*(volatile uint8_t *)burst[n] = *burst[n];
		}
	}
	__asm__ volatile("" : : "r"(sum));
	return (double)(world_ns() - start) / ROUND_FRAMES;
}

/* ---- flows ------------------------------------------------------------------------------------------------------ */

/* WORLD_RING connections are opened. */
static void open_all(struct world *w, enum world_service service, uint32_t first)
{
	run_all(w, service, first, WORLD_RING, SYN, false);
	if (service == WORLD_NAT)
		run_all(w, service, first, WORLD_RING, SYN | ACK, true);
	run_all(w, service, first, WORLD_RING, ACK, false);
}

static struct world *flows_make(uint32_t flows, uint32_t capacity, enum world_service service)
{
	struct world *w = world_make(capacity + 16384, false, service == WORLD_NAT);

	if (service == WORLD_NAT)
		sl_conn_table_expect_nat(w->table); /* as the agent does for its services */

	for (uint32_t first = 0; first < flows; first += WORLD_RING)
		open_all(w, service, first);
	if (sl_conn_table_used(w->table) != flows)
		fail("connections live", sl_conn_table_used(w->table), flows);
	return w;
}

/* Of a full table: what all connections have is as large whether they live or not, what only some have is of the live ones. */
static double bytes_each(const struct world *w)
{
	const struct sl_conn_table *t = w->table;
	const uint32_t chunks = (t->capacity + SL_CONN_CHUNK - 1) / SL_CONN_CHUNK;
	uint64_t some = 0;

	for (uint32_t i = 0; i < chunks; i++)
		some += t->chunk[SL_CONN_PART_NAT][i] * (uint64_t)SL_CONN_CHUNK *
			(sizeof(struct sl_conn_nat) + sizeof(*t->handshake));
	return (double)(sl_conn_table_bytes(t) - some) / t->capacity + (double)some / sl_conn_table_used(t);
}

static void measure_nat_bytes(FILE *json)
{
	struct world *w = flows_make(LIFE_OTHERS, LIFE_OTHERS + LIFE_OTHERS / 8, WORLD_NAT);

	printf("%.1f bytes a nat connection\n", bytes_each(w));
	fprintf(json, "\"bytes_per_nat_connection\": %.1f,\n", bytes_each(w));
	world_end(w);
}

static void keys_draw(uint32_t flows, struct sl_key *key, struct small_key *s)
{
	for (uint32_t i = 0; i < ROUND_FRAMES; i++) {
		world_key(WORLD_IPIP, any() & (flows - 1), &key[i]);
		s[i] = small(&key[i]);
	}
}

static void measure_flows(uint32_t log2, FILE *json)
{
	const uint32_t flows = 1u << log2;
	struct world *w = flows_make(flows, flows + flows / 8, WORLD_IPIP);
	struct sl_key *key = malloc(ROUND_FRAMES * sizeof(*key));
	struct small_key *s = malloc(ROUND_FRAMES * sizeof(*s));
	struct rte_hash *h = hash_make(flows);
	struct figure packets, lookup, hash, line, written, ratio;

	if (!key || !s)
		fail("no memory for keys", 0, ROUND_FRAMES);
	for (unsigned int round = 0; round < ROUNDS; round++) {
		keys_draw(flows, key, s);
		hash.ns[round] = measure_hash(h, s);
		lookup.ns[round] = measure_lookup(w, key);
		ratio.ns[round] = lookup.ns[round] / hash.ns[round];
		packets.ns[round] = measure_packets(w, WORLD_IPIP, flows);
		line.ns[round] = measure_line((uint8_t *)w->entries, w->entries_bytes, false);
		written.ns[round] = measure_line((uint8_t *)w->entries, w->entries_bytes, true);
	}
	printf("%u flows, medians: packet %.1f ns (%.2f Mpps, best %.2f), lookup %.1f ns, rte_hash bulk %.1f ns, ratio %.2f, "
	       "line %.1f ns (changed %.1f), %.1f bytes a connection\n", flows, median(&packets), 1e3 / median(&packets),
	       1e3 / best(&packets), median(&lookup), median(&hash), median(&ratio), median(&line), median(&written), bytes_each(w));
	fprintf(json, "\"flows_2e%u\": {\"packet_ns\": %.1f, \"mpps\": %.2f, \"best_mpps\": %.2f, \"lookup_ns\": %.1f, "
		"\"rte_hash_ns\": %.1f, \"lookup_vs_rte_hash\": %.2f, \"line_ns\": %.1f, \"changed_line_ns\": %.1f, "
		"\"bytes_per_connection\": %.1f},\n", log2, median(&packets), 1e3 / median(&packets), 1e3 / best(&packets),
		median(&lookup), median(&hash), median(&ratio), median(&line), median(&written), bytes_each(w));
	rte_hash_free(h);
	free(s);
	free(key);
	world_end(w);
}

/* ---- lives ------------------------------------------------------------------------------------------------------ */

/* One batch of connections from their first packet to their last; nanoseconds. */
static uint64_t lives_run(struct world *w, enum world_service service, uint32_t first)
{
	const bool both = service == WORLD_NAT;
	uint64_t ns = run_all(w, service, first, WORLD_RING, SYN, false);

	if (both)
		ns += run_all(w, service, first, WORLD_RING, SYN | ACK, true);
	ns += run_all(w, service, first, WORLD_RING, ACK, false);
	ns += run_all(w, service, first, WORLD_RING, FIN | ACK, false);
	if (both)
		ns += run_all(w, service, first, WORLD_RING, FIN | ACK, true);
	return ns + run_all(w, service, first, WORLD_RING, ACK, false);
}

/* Time goes on by a tick, as a worker sees it. */
static uint64_t tick(struct world *w)
{
	const uint64_t start = world_ns();

	w->sp.now_ms += LIFE_TICK_MS;
	sl_slowpath_expire(&w->sp, sl_conn_table_capacity(w->table) / SL_CONN_SHARDS / (1000 / LIFE_TICK_MS) + 1);
	return world_ns() - start;
}

static uint64_t lives_round(struct world *w, enum world_service service, uint32_t *next)
{
	uint64_t ns = 0;

	for (unsigned int t = 0; t < LIFE_ROUND_TICKS; t++) {
		for (unsigned int i = 0; i < LIFE_TICK_COUNT; i++) {
			ns += lives_run(w, service, *next);
			*next += WORLD_RING;
		}
		ns += tick(w);
	}
	return ns;
}

/* Connections a second, with their removal: a first time without measuring until as many go as come. */
static double measure_lives(enum world_service service, FILE *json, const char *name)
{
	struct world *w = flows_make(LIFE_OTHERS, LIFE_CAPACITY, service);
	uint32_t next = LIFE_OTHERS;
	struct figure life;
	uint64_t gone;

	for (unsigned int round = 0; round < 4; round++)
		lives_round(w, service, &next);
	gone = w->stats.conns_closed;
	for (unsigned int round = 0; round < ROUNDS; round++)
		life.ns[round] = (double)lives_round(w, service, &next) / (LIFE_ROUND_TICKS * LIFE_TICK_COUNT * WORLD_RING);
	gone = w->stats.conns_closed - gone;
	if (gone < ROUNDS * LIFE_ROUND_TICKS * LIFE_TICK_COUNT * WORLD_RING / 10 * 9)
		fail("connections removed", (uint32_t)gone, ROUNDS * LIFE_ROUND_TICKS * LIFE_TICK_COUNT * WORLD_RING);
	printf("%s: a life takes %.0f ns (best %.0f): %.0f connections a second\n", name, median(&life), best(&life),
	       1e9 / median(&life));
	fprintf(json, "\"%s\": %.0f,\n", name, 1e9 / median(&life));
	world_end(w);
	return median(&life);
}

/* ---- growth ----------------------------------------------------------------------------------------------------- */

static void grow(struct world *w, enum world_service service, uint32_t from, uint32_t to)
{
	for (uint32_t first = from; first < to; first += WORLD_RING)
		open_all(w, service, first);
}

/* Bursts of the given length in microseconds and longer, of a million. */
static double bursts_of(const struct world *w, uint32_t us)
{
	uint64_t all = 0, long_ones = 0;

	for (uint32_t i = 0; i < WORLD_US; i++) {
		all += w->bursts[i];
		long_ones += i >= us ? w->bursts[i] : 0;
	}
	return all ? (double)long_ones * 1e6 / (double)all : 0;
}

/* So long, or shorter, were all but 100 of a million. */
static uint32_t burst_us(const struct world *w)
{
	uint32_t us = WORLD_US - 1;

	while (us && bursts_of(w, us) <= 100)
		us--;
	return us + 1;
}

static void measure_growth(enum world_service service, FILE *json, const char *name)
{
	struct world *w = world_make(GROWTH_TO + 65536, true, service == WORLD_NAT);
	double long_growing;
	uint32_t growing;

	if (service == WORLD_NAT)
		sl_conn_table_expect_nat(w->table);
	grow(w, service, 0, GROWTH_FROM);
	w->watch = true;
	grow(w, service, GROWTH_FROM, GROWTH_TO);
	growing = burst_us(w);
	long_growing = bursts_of(w, GROWTH_PAUSE_US);
	if (sl_conn_table_used(w->table) != GROWTH_TO)
		fail("connections live", sl_conn_table_used(w->table), GROWTH_TO);
	memset(w->bursts, 0, sizeof(w->bursts));
	for (uint32_t i = 0; i < 2 * (GROWTH_TO - GROWTH_FROM) / ROUND_FRAMES; i++)
		measure_packets(w, service, GROWTH_TO);
	printf("%s: all but 100 of a million bursts: %u us growing, %u not; of a million over %u us: %.1f, %.1f\n", name, growing,
	       burst_us(w), GROWTH_PAUSE_US, long_growing, bursts_of(w, GROWTH_PAUSE_US));
	fprintf(json, "\"%s\": {\"burst_us\": %u, \"steady_burst_us\": %u, \"long_of_a_million\": %.1f, "
		"\"steady_long_of_a_million\": %.1f},\n", name, growing, burst_us(w), long_growing, bursts_of(w, GROWTH_PAUSE_US));
	world_end(w);
}

static int advise(const struct rte_memseg_list *msl, void *arg)
{
	(void)arg;
	if (madvise(msl->base_va, msl->len, MADV_HUGEPAGE))
		perror("datapath_bench: rte_hash has no huge pages");
	return 0;
}

int main(int argc, char **argv)
{
	static char *eal[] = { "datapath_bench", "--no-huge", "-m", "3072", "--no-shconf", "--no-telemetry", "--no-pci", "-l", "1",
			       "--log-level", "error", NULL };
	FILE *json = argc > 1 ? fopen(argv[1], "w") : NULL;

	if (!json || rte_eal_init(sizeof(eal) / sizeof(eal[0]) - 1, eal) < 0) {
		fprintf(stderr, "usage: datapath_bench JSON [FLOWS_LOG2... [0]]\n");
		return 2;
	}
	setlinebuf(stdout);
	rte_memseg_list_walk(advise, NULL);
	rcu_register_thread();
	fprintf(json, "{");
	for (int i = 2; i < argc; i++) {
		if (atoi(argv[i]))
			measure_flows((uint32_t)atoi(argv[i]), json);
	}
	if (argc == 2) {
		measure_flows(20, json);
		measure_flows(23, json);
	}
	if (argc == 2 || !atoi(argv[argc - 1])) {
		measure_nat_bytes(json);
		measure_growth(WORLD_L2, json, "growth");
		measure_growth(WORLD_NAT, json, "growth_nat");
		measure_lives(WORLD_L2, json, "new_connections_per_s");
		measure_lives(WORLD_NAT, json, "new_nat_connections_per_s");
	}
	fprintf(json, "\"rounds\": %u}\n", ROUNDS);
	fclose(json);
	rcu_unregister_thread();
	return 0;
}
