/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What floods of one service take from another, in the agent's software datapath: frames of both arrive by one receive queue of
 * 1,024 places at rates that are held in simulated time, and the time of the work is measured. What finds no place is lost, whoever
 * it is for, as at a NIC.
 *
 * The service that is to be left alone has half a million established connections (ipip), whose frames come in random order at half
 * of the rate at which they alone saturate the core; one in 64 of its frames is a SYN of a new connection. The floods are of another
 * service, each frame from an address and port of its own, at once, twice and four times the rate that saturates the core. Each is run
 * with shedding (host/shed), as the agent is, and without; medians of ROUNDS. No port is driven: what receiving, sending and freeing a
 * buffer cost comes on top, for shed frames too.
 *
 * flood_bench JSON
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include <urcu-qsbr.h>

#include "tests/bench/flow_world.h"

#define FLOWS (1u << 19)
#define CAPACITY (1u << 20)
#define NEW_EVERY 64u
#define ROUNDS 3
#define SATURATE_ROUNDS 2048u
#define WARM_NS 30e6
#define RUN_NS 150e6
#define IDLE_NS 1000.0 /* until the next look at an empty queue */
#define SYN 2
#define ACK 16

struct flood {
	const char *name, *words;
	enum world_service service;
	uint8_t flags;
};

static const struct flood floods[] = {
	{ "syn_ipip", "SYNs, ipip", WORLD_FLOOD_IPIP, SYN },
	{ "syn_nat", "SYNs, nat (challenged)", WORLD_FLOOD_NAT, SYN },
	{ "ack_ipip", "ACKs, ipip", WORLD_FLOOD_IPIP, ACK },
	{ "udp_ipip", "UDP, ipip", WORLD_FLOOD_UDP, 0 },
};

/* Frames of one service: what came and what left again. */
struct tally {
	uint64_t offered, forwarded;
};

struct load {
	struct world *w;
	const struct flood *flood;
	double rate[2], owed[2]; /* of the service and of the flood: frames a nanosecond; frames that have come and are not taken */
	uint32_t next_new;
	struct tally old, new, other;
	uint8_t kind[WORLD_RING];
	double now_ns, expired_ns;
};

enum kind { OLD, NEW, OTHER };

static uint64_t seed = 88172645463325252u;

static uint32_t any(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 16);
}

static void fail(const char *what)
{
	fprintf(stderr, "flood_bench: %s\n", what);
	exit(1);
}

static struct tally *tally_of(struct load *l, enum kind kind)
{
	return kind == OLD ? &l->old : kind == NEW ? &l->new : &l->other;
}

static void put(struct load *l, uint32_t i, enum kind kind)
{
	l->kind[i] = (uint8_t)kind;
	if (kind == OLD)
		world_stamp(l->w, i, WORLD_IPIP, any() & (FLOWS - 1), ACK, false);
	else if (kind == NEW)
		world_stamp(l->w, i, WORLD_IPIP, FLOWS + l->next_new++, SYN, false);
	else
		world_stamp(l->w, i, l->flood->service, any(), l->flood->flags, false);
}

/* What has come since the last time: mixed as it came, and what the queue has no place for is counted as offered alone. Returns how
 * many frames are in it. */
static uint32_t arrive(struct load *l)
{
	const double came = l->owed[0] + l->owed[1], part = came > WORLD_RING ? WORLD_RING / came : 1;
	double turn[2] = { 0, 0.999 };
	uint32_t n = 0;

	for (uint64_t i = 0; i < (uint64_t)came; i++) {
		enum kind kind = OTHER;

		turn[0] += l->owed[0] / came;
		if (turn[0] >= 1) {
			turn[0] -= 1;
			kind = (l->old.offered + l->new.offered) % NEW_EVERY ? OLD : NEW;
		}
		tally_of(l, kind)->offered++;
		turn[1] += part;
		if (turn[1] >= 1 && n < WORLD_RING) {
			turn[1] -= 1;
			put(l, n++, kind);
		}
	}
	l->owed[0] = l->owed[0] - (double)(uint64_t)came * (came > 0 ? l->owed[0] / came : 0);
	l->owed[1] = came - (double)(uint64_t)came - l->owed[0];
	return n;
}

/* What asking for the time takes. */
static double clock_ns(void)
{
	static double each = -1;

	if (each < 0) {
		uint64_t sum = world_ns();

		for (unsigned int n = 0; n < 1000; n++)
			world_ns();
		sum = world_ns() - sum;
		each = (double)sum / 1001;
	}
	return each;
}

/* One turn of the worker: what is in the queue, and what its clock asks for. Returns nanoseconds. */
static double turn(struct load *l, uint32_t n)
{
	struct world *w = l->w;
	const double clock = clock_ns();
	const uint64_t start = world_ns();
	double took;

	w->sp.now_ms = 1000000 + (uint64_t)(l->now_ns / 1e6);
	if (l->now_ns - l->expired_ns >= 1e6) {
		l->expired_ns = l->now_ns;
		sl_slowpath_expire(&w->sp, CAPACITY / SL_CONN_SHARDS / 1000 + 1);
	}
	world_run(w, n);
	took = (double)(world_ns() - start) - clock;
	return took > 1 ? took : 1;
}

static void run(struct load *l, double ns)
{
	const double end = l->now_ns + ns;

	l->old = l->new = l->other = (struct tally){ 0 };
	while (l->now_ns < end) {
		const uint32_t n = arrive(l);
		const double took = n ? turn(l, n) : IDLE_NS;

		for (uint32_t i = 0; i < n; i++)
			tally_of(l, l->kind[i])->forwarded += l->w->frame[i].forwarded;
		l->now_ns += took;
		l->owed[0] += took * l->rate[0];
		l->owed[1] += took * l->rate[1];
	}
}

/* Frames a nanosecond of established connections alone. */
static double saturate(struct load *l)
{
	uint64_t ns = 0;

	for (uint32_t i = 0; i < SATURATE_ROUNDS; i++) {
		for (uint32_t n = 0; n < WORLD_RING; n++)
			put(l, n, OLD);
		ns += (uint64_t)turn(l, WORLD_RING);
	}
	return (double)SATURATE_ROUNDS * WORLD_RING / (double)ns;
}

static void connect_all(struct world *w)
{
	for (uint32_t first = 0; first < FLOWS; first += WORLD_RING) {
		for (uint32_t i = 0; i < 2 * WORLD_RING; i++) {
			world_stamp(w, i % WORLD_RING, WORLD_IPIP, first + i % WORLD_RING, i < WORLD_RING ? SYN : ACK, false);
			if (i % WORLD_RING == WORLD_RING - 1 && world_run(w, WORLD_RING) != WORLD_RING)
				fail("frames forwarded: not all");
		}
	}
	if (sl_conn_table_used(w->table) != FLOWS)
		fail("connections live: not all");
}

static struct load load_make(const struct flood *flood, bool shedding)
{
	struct load l = { .w = world_make(CAPACITY, false, true), .flood = flood };

	connect_all(l.w);
	l.w->sp.shed = shedding ? sl_shed_create(1) : NULL;
	return l;
}

static double lost(const struct tally *t)
{
	return t->offered ? 100.0 * (1 - (double)t->forwarded / (double)t->offered) : 0;
}

/* times: the flood's rate, in rates that saturate the core; 0: none. */
/* Connections that the service has in the table. */
static uint32_t entries_of(const struct world *w, enum world_service service)
{
	const struct sl_services *s = w->sp.services;
	const struct sl_service *of;
	struct sl_key key;
	uint32_t n = 0;

	world_key(service, 0, &key);
	of = sl_services_lookup(s, 0, key.family, key.dst, key.proto, ntohs(key.dport));
	for (uint32_t id = 0; id < SL_SERVICE_IDS; id++)
		n += s->backend[id] && s->backend[id]->service == of ? w->backends[id].connections : 0;
	return n;
}

static int by_size(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *of)
{
	qsort(of, ROUNDS, sizeof(of[0]), by_size);
	return of[ROUNDS / 2];
}

/* times: the flood's rate, in rates that saturate the core; 0: none. */
static void measure(const struct flood *flood, unsigned int times, bool shedding, FILE *json)
{
	double core[ROUNDS], old[ROUNDS], new[ROUNDS], other[ROUNDS];
	uint32_t entries = 0;

	for (unsigned int round = 0; round < ROUNDS; round++) {
		struct load l = load_make(flood, shedding);
		const double saturating = saturate(&l);

		l.rate[0] = saturating / 2;
		l.rate[1] = saturating * times;
		run(&l, WARM_NS);
		run(&l, RUN_NS);
		core[round] = saturating * 1e3;
		old[round] = lost(&l.old);
		new[round] = lost(&l.new);
		other[round] = lost(&l.other);
		entries = entries_of(l.w, flood->service) > entries ? entries_of(l.w, flood->service) : entries;
		world_end(l.w);
	}
	printf("%-22s x%u, %s: of the service's packets %.2f %% are lost, of its new connections %.2f %%; of the flood %.2f %%; the core does "
	       "%.1f Mpps\n", times ? flood->words : "no flood", times, shedding ? "shedding" : "not shedding", median(old), median(new),
	       median(other), median(core));
	fprintf(json, "%s  {\"flood\": \"%s\", \"words\": \"%s\", \"times\": %u, \"shedding\": %s, \"core_mpps\": %.2f, "
		"\"lost_percent\": %.2f, \"new_lost_percent\": %.2f, \"flood_lost_percent\": %.2f, \"flood_entries\": %u}",
		times ? ",\n" : "", times ? flood->name : "none", times ? flood->words : "none", times, shedding ? "true" : "false",
		median(core), median(old), median(new), median(other), entries);
}

int main(int argc, char **argv)
{
	static const unsigned int times[] = { 1, 2, 4 };
	FILE *json = argc == 2 ? fopen(argv[1], "w") : NULL;

	if (!json) {
		fprintf(stderr, "usage: flood_bench JSON\n");
		return 2;
	}
	setlinebuf(stdout);
	rcu_register_thread();
	fprintf(json, "{\"runs\": [\n");
	measure(&floods[0], 0, true, json);
	for (size_t i = 0; i < sizeof(floods) / sizeof(floods[0]); i++) {
		for (size_t n = 0; n < sizeof(times) / sizeof(times[0]); n++) {
			measure(&floods[i], times[n], false, json);
			measure(&floods[i], times[n], true, json);
		}
	}
	fprintf(json, "\n]}\n");
	fclose(json);
	rcu_unregister_thread();
	return 0;
}
