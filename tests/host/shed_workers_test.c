/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A flood of one service leaves others theirs, where one receive queue feeds several workers:
 *
 *      queue of 1,024 places ── worker 0 ──┬── ring of 1,024 places ── worker 1
 *                                          └── ring of 1,024 places ── worker 2 ...
 *
 * Workers of simulated speed and time, as in shed_test: a frame of a known connection takes one 10 units, another one 40, one that is shed 1
 * or 2, one that is handed over 4. The service that is to be left alone sends half of what worker 0 could do alone. Everything else is
 * the agent's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <urcu-qsbr.h>

#define CAPACITY 32768u
#include "host/fastpath.h"
#include "host/log.h"
#include "tests/host/slow_bench.h"

#define RATE 4000u
#define WARM_MS 60u
#define RUN_MS 30u
#define UNITS_MS (10u * RATE)
#define PLACES 1024u
#define LANES 4u
#define OLD_FLOWS 256u
#define NEW_EVERY 64u
#define ROOM 128u
#define SPARED "192.0.2.1" /* dsr-l2 */
#define TCP_B "192.0.2.13" /* dsr-l2, 16 half open */
#define UDP_B "192.0.2.16"

enum kind { OLD, NEW, FLOOD, KINDS };

struct item {
	uint8_t kind;
	uint16_t port;
};

struct lane {
	struct sl_slowpath sp;
	struct sl_worker_stats stats;
	struct sl_slow_backend backends[SL_SERVICE_IDS + 1];
	struct item queue[PLACES];
	unsigned int queued, slow; /* in the queue or ring; a unit takes it that many */
	uint64_t units, lost;
};

struct sim {
	struct bench *b;
	unsigned int count, flood_rate; /* workers; frames a millisecond */
	struct frame frame[KINDS];
	struct lane lane[LANES];
	struct sl_shed *shed_of[SL_CONN_SHARDS];
	uint64_t owed[2], sent[KINDS], got[KINDS], turn;
	uint8_t bytes[SL_FAST_BURST][ROOM + 128];
};

static struct sim *sim_up(struct bench *b, struct frame flood, unsigned int times, unsigned int count, unsigned int slow)
{
	struct sim *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->b = b;
	s->count = count;
	s->flood_rate = RATE * times;
	s->frame[OLD] = tcp(SPARED, 1, ACK);
	s->frame[NEW] = tcp(SPARED, 1, SYN);
	s->frame[FLOOD] = flood;
	card.caps = 0;
	for (uint16_t port = 1; port <= OLD_FLOWS; port++)
		handshake(b, SPARED, port);
	for (unsigned int i = 0; i < count; i++) {
		struct lane *w = &s->lane[i];

		w->slow = i ? slow : 1;
		w->sp = b->sp;
		w->sp.shards = 0;
		for (unsigned int shard = i; shard < SL_CONN_SHARDS; shard += count)
			w->sp.shards |= 1u << shard;
		w->sp.stats = &w->stats;
		w->sp.backends = w->backends;
		w->sp.fragments = sl_fragments_create(5 + i);
		w->sp.admission = sl_admission_create(SL_CONN_SHARDS);
		w->sp.shed = sl_shed_create(1 + i);
		w->sp.shed->own = (uint32_t)__builtin_popcount(w->sp.shards) * 256 / SL_CONN_SHARDS;
		w->sp.shed_of = s->shed_of;
		for (unsigned int shard = i; shard < SL_CONN_SHARDS; shard += count)
			s->shed_of[shard] = w->sp.shed;
	}
	return s;
}

static void sim_down(struct sim *s)
{
	for (unsigned int i = 0; i < s->count; i++) {
		sl_fragments_destroy(s->lane[i].sp.fragments);
		sl_admission_destroy(s->lane[i].sp.admission);
		sl_shed_destroy(s->lane[i].sp.shed);
	}
	free(s);
}

static bool put(struct lane *w, struct item item)
{
	if (w->queued == PLACES) {
		w->lost++;
		return false;
	}
	w->queue[w->queued++] = item;
	return true;
}

static void offer(struct sim *s, enum kind kind)
{
	const uint64_t n = s->turn++;

	s->sent[kind]++;
	put(&s->lane[0], (struct item){ (uint8_t)kind, (uint16_t)(kind == OLD ? 1 + n % OLD_FLOWS : kind == NEW ? 1000 + n % 60000 :
										2 + n % 65000) });
}

/* What comes in that many units of time, mixed. */
static void arrive(struct sim *s, unsigned int units)
{
	s->owed[0] += (uint64_t)units * RATE / 2;
	s->owed[1] += (uint64_t)units * s->flood_rate;
	while (s->owed[0] >= UNITS_MS || s->owed[1] >= UNITS_MS) {
		const unsigned int which = s->owed[1] >= UNITS_MS &&
					   (s->owed[0] < UNITS_MS || s->owed[1] > s->owed[0] * s->flood_rate / (RATE / 2));

		s->owed[which] -= UNITS_MS;
		offer(s, which ? FLOOD : (s->sent[OLD] + s->sent[NEW]) % NEW_EVERY ? OLD : NEW);
	}
}

static uint8_t *stamp(struct sim *s, unsigned int i, struct item item)
{
	uint8_t *data = s->bytes[i] + ROOM;

	memcpy(data, s->frame[item.kind].b, s->frame[item.kind].len);
	put16(data + 34, item.port);
	return data;
}

/* What the short cut leaves; the units that it takes. */
static unsigned int slow(struct sim *s, struct lane *w, const struct sl_fast_frame *f, struct item item)
{
	sl_slowpath_run(&w->sp, f->data, f->len, 0, false, &s->b->v);
	if (s->b->v.fate == SL_SLOW_ELSEWHERE) {
		put(&s->lane[s->b->v.shard % s->count], item);
		return 4;
	}
	s->got[item.kind] += s->b->v.fate == SL_SLOW_FORWARD;
	return 40;
}

/* One burst as host/receive and host/worker do it; the units that it took. */
static unsigned int turn(struct sim *s, struct lane *w)
{
	const unsigned int n = w->queued < SL_FAST_BURST ? w->queued : SL_FAST_BURST;
	struct item item[SL_FAST_BURST];
	static struct sl_fast_burst burst;
	unsigned int units = n ? 0 : 10;

	w->sp.now_ms = 1000000 + w->units / UNITS_MS;
	sl_shed_burst(w->sp.shed, w->sp.services, w == s->lane ? 0 : SL_SHED_RING, n, SL_FAST_BURST, w->sp.now_ms);
	burst.count = 0;
	for (unsigned int i = 0; i < n; i++) {
		const uint32_t len = s->frame[w->queue[i].kind].len;
		uint8_t *data = stamp(s, i, w->queue[i]);

		if (w == s->lane && w->sp.shed->count && sl_fastpath_sheds(&w->sp, data, len, len, 0)) {
			assert_int_equal(w->queue[i].kind, FLOOD);
			units++;
			continue;
		}
		item[burst.count] = w->queue[i];
		burst.frame[burst.count++] = (struct sl_fast_frame){ .data = data, .len = len, .fit = true };
	}
	w->queued -= n;
	memmove(w->queue, w->queue + n, w->queued * sizeof(w->queue[0]));
	sl_fastpath_begin(&w->sp, &burst);
	for (unsigned int i = 0; i < burst.count; i++) {
		const bool forwarded = sl_fastpath_run(&w->sp, &burst, i);

		s->got[item[i].kind] += forwarded;
		if (burst.frame[i].shed)
			assert_int_equal(item[i].kind, FLOOD);
		units += forwarded ? 10 : burst.frame[i].shed ? 2 : slow(s, w, &burst.frame[i], item[i]);
	}
	return units * w->slow;
}

/* Workers have their turns in the order of their clocks. */
static void simulate(struct sim *s, unsigned int ms)
{
	const uint64_t end = s->lane[0].units + (uint64_t)ms * UNITS_MS;

	memset(s->sent, 0, sizeof(s->sent));
	memset(s->got, 0, sizeof(s->got));
	while (s->lane[0].units < end) {
		struct lane *w = &s->lane[0];
		unsigned int units;

		for (unsigned int i = 1; i < s->count; i++)
			w = s->lane[i].units < w->units ? &s->lane[i] : w;
		units = turn(s, w);
		w->units += units;
		if (w == s->lane)
			arrive(s, units);
	}
}

static unsigned int percent(const struct sim *s, enum kind kind)
{
	return s->sent[kind] ? (unsigned int)(100 * s->got[kind] / s->sent[kind]) : 100;
}

/* slow_by: a unit takes workers that own no queue that many. least: percent of the spared service. */
static void check_flood(struct bench *b, struct frame flood, unsigned int times, unsigned int count, unsigned int slow_by, unsigned int least)
{
	struct sim *s = sim_up(b, flood, times, count, slow_by);
	uint64_t overload = 0;

	simulate(s, WARM_MS);
	simulate(s, RUN_MS);
	for (unsigned int i = 0; i < count; i++)
		overload += s->lane[i].stats.reason_packets[SL_REASON_OVERLOAD];
	print_message("flood x%u, %u workers: %u %% of connections' packets, %u %% of new ones, of the flooded service %u %%; %lu shed, %lu had no "
		      "place in a ring\n", times, count, percent(s, OLD), percent(s, NEW), percent(s, FLOOD), (unsigned long)overload,
		      (unsigned long)(s->lane[1].lost + s->lane[2].lost + s->lane[3].lost));
	assert_true(percent(s, OLD) >= least && percent(s, NEW) >= least);
	assert_true(overload > 0 && s->got[FLOOD] >= RUN_MS * SL_SHED_LET_MS / 8); /* it is not dead */
	/* When it is over, so is the shedding. */
	s->flood_rate = RATE / 200;
	for (unsigned int i = 0; i < count; i++)
		s->lane[i].units += (uint64_t)SL_SHED_MOST * UNITS_MS;
	simulate(s, 100); /* what lies in the rings */
	simulate(s, 50);
	for (unsigned int i = 0; i < count; i++)
		if (s->lane[i].sp.shed->count)
			fail_msg("worker %u still sheds %u, level %u", i, s->lane[i].sp.shed->id[0], s->lane[i].sp.shed->service[s->lane[i].sp.shed->id[0]].level);
	assert_true(percent(s, OLD) >= 99 && percent(s, NEW) >= 99 && percent(s, FLOOD) >= 99);
	sim_down(s);
}

static struct frame udp(const char *vip)
{
	return make((struct spec){ .src = "10.9.0.2", .dst = vip, .sport = 1, .dport = 80, .proto = 17 });
}

/* Worker 0 is behind: a fourth of the frames is its own, and shows who is flooded. */
static void test_receiver_behind(void **state)
{
	check_flood(*state, tcp(TCP_B, 1, SYN), 1, 4, 1, 95);
}

static void test_receiver_behind_more(void **state)
{
	check_flood(*state, tcp(TCP_B, 1, SYN), 2, 4, 1, 95);
}

static void test_receiver_behind_udp(void **state)
{
	check_flood(*state, udp(UDP_B), 2, 4, 1, 95);
}

/* Worker 1 is behind, as its processor has other work too: its ring fills, and worker 0 has time. */
static void test_owner_behind(void **state)
{
	check_flood(*state, tcp(TCP_B, 1, SYN), 1, 2, 2, 95);
}

static void test_owner_behind_ack(void **state)
{
	check_flood(*state, tcp(TCP_B, 1, ACK), 1, 2, 2, 95);
}

static void test_owner_behind_udp(void **state)
{
	check_flood(*state, udp(UDP_B), 1, 2, 2, 95);
}

/* A worker that bears what it is handed has nothing shed for it. */
static void test_no_overload(void **state)
{
	struct sim *s = sim_up(*state, tcp(TCP_B, 1, SYN), 0, 4, 1);

	s->flood_rate = RATE / 10;
	simulate(s, RUN_MS);
	for (unsigned int i = 0; i < s->count; i++) {
		assert_int_equal(s->lane[i].stats.reason_packets[SL_REASON_OVERLOAD], 0);
		assert_int_equal(s->lane[i].lost, 0);
	}
	assert_true(percent(s, FLOOD) >= 99);
	sim_down(s);
}

/* The owner takes what others dropped for it as if it had come; only what it has a level for is dropped, and only SYNs by half of it. */
static void test_what_others_drop(void **state)
{
	struct bench *b = *state;
	struct sl_shed *mine = sl_shed_create(1), *owner = sl_shed_create(2);

	assert_false(sl_shed_over(mine, owner, 3, true));
	for (unsigned int i = 0; i < SL_SHED_BEHIND / SL_FAST_BURST; i++) {
		sl_shed_burst(owner, b->sp.services, SL_SHED_RING, SL_FAST_BURST, SL_FAST_BURST, 1);
		sl_shed_missed(owner, 3);
		for (unsigned int n = 0; n < SL_FAST_BURST / 2; n++)
			sl_shed_missed(owner, 3);
	}
	assert_true(sl_shed_any(owner) && sl_shed_level(owner, 3) == SL_SHED_RISE);
	for (unsigned int i = 0; i < 10000; i++)
		assert_false(sl_shed_over(mine, owner, 3, false));
	for (unsigned int i = 0; i < 10000; i++)
		sl_shed_over(mine, owner, 3, true);
	assert_in_range(owner->service[3].outside, 1000, 1500); /* 32 of 256, less what is let */
	assert_int_equal(mine->handed, owner->service[3].outside);
	assert_false(sl_shed_over(mine, owner, 4, true));
	const uint32_t missed = owner->service[3].missed, frames = owner->frames, outside = owner->service[3].outside;
	sl_shed_burst(owner, b->sp.services, SL_SHED_RING, 0, SL_FAST_BURST, 1);
	assert_int_equal(owner->frames, frames + outside);
	assert_int_equal(owner->service[3].missed, (frames ? missed : 0) + outside);
	assert_int_equal(owner->service[3].outside, 0);
	sl_shed_destroy(mine);
	sl_shed_destroy(owner);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, bench_up, bench_down)
	const struct CMUnitTest tests[] = { T(test_receiver_behind), T(test_receiver_behind_more), T(test_receiver_behind_udp), T(test_owner_behind),
					    T(test_owner_behind_ack), T(test_owner_behind_udp), T(test_no_overload), T(test_what_others_drop) };

	sl_log_level_set(SL_LOG_ERROR);
	return cmocka_run_group_tests_name("host/shed with workers", tests, NULL, NULL);
}
