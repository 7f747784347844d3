/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A flood of one service leaves others theirs. A worker of simulated speed and time: its queue has 1,024 places, a frame of a known
 * connection takes it 10 units, another one 40, one that is shed 1; it does RATE known ones in a millisecond. The service that is to be
 * left alone sends half of that, one of 64 a SYN of a new connection. Everything else is the agent's.
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
#define RUN_MS 60u
#define UNITS_MS (10u * RATE)
#define PLACES 1024u
#define OLD_FLOWS 256u
#define NEW_EVERY 64u
#define ROOM 128u
#define SPARED "192.0.2.1"   /* dsr-l2 */
#define TCP_B "192.0.2.13"   /* dsr-l2, 16 half open */
#define UDP_B "192.0.2.16"

enum kind { OLD, NEW, OTHER, OTHER_OLD };

struct sim {
	struct bench *b;
	struct sl_shed *shed;
	struct frame frame[4]; /* of each kind; ports are put in */
	uint8_t queue[PLACES];
	unsigned int queued, flood_rate; /* in queue; frames a millisecond */
	uint64_t units, owed[2], sent[4], got[4], turn;
	uint8_t bytes[SL_FAST_BURST][ROOM + 128];
};

static void sim_up(struct sim *s, struct bench *b, struct frame flood, unsigned int flood_rate)
{
	*s = (struct sim){ .b = b, .shed = sl_shed_create(1), .flood_rate = flood_rate };
	assert_non_null(s->shed);
	s->frame[OLD] = tcp(SPARED, 1, ACK);
	s->frame[NEW] = tcp(SPARED, 1, SYN);
	s->frame[OTHER] = flood;
	s->frame[OTHER_OLD] = tcp(TCP_B, 1, ACK);
	card.caps = 0;
	for (uint16_t port = 1; port <= OLD_FLOWS; port++)
		handshake(b, SPARED, port);
	handshake(b, TCP_B, 1);
	b->sp.shed = s->shed;
}

static void sim_down(struct sim *s)
{
	s->b->sp.shed = NULL;
	sl_shed_destroy(s->shed);
}

static void offer(struct sim *s, enum kind kind)
{
	s->sent[kind]++;
	if (s->queued < PLACES)
		s->queue[s->queued++] = (uint8_t)kind;
}

/* What comes in that many units of time, mixed; one of 256 frames of the flooded service is of its connection. */
static void arrive(struct sim *s, unsigned int units)
{
	s->owed[0] += (uint64_t)units * RATE / 2;
	s->owed[1] += (uint64_t)units * s->flood_rate;
	while (s->owed[0] >= UNITS_MS || s->owed[1] >= UNITS_MS) {
		const unsigned int which = s->owed[1] > s->owed[0] * s->flood_rate / (RATE / 2);

		s->turn++;
		s->owed[which] -= s->owed[which] < UNITS_MS ? s->owed[which] : UNITS_MS;
		if (which)
			offer(s, s->sent[OTHER_OLD] < s->sent[OTHER] / 256 ? OTHER_OLD : OTHER);
		else
			offer(s, (s->sent[OLD] + s->sent[NEW]) % NEW_EVERY ? OLD : NEW);
	}
}

static uint8_t *stamp(struct sim *s, unsigned int i, enum kind kind)
{
	uint8_t *data = s->bytes[i] + ROOM;
	const uint64_t n = s->turn * 31 + i;

	memcpy(data, s->frame[kind].b, s->frame[kind].len);
	if (kind == OLD)
		put16(data + 34, (unsigned int)(1 + n % OLD_FLOWS));
	else if (kind == NEW)
		put16(data + 34, (unsigned int)(1000 + s->got[NEW] % 60000));
	else if (kind == OTHER)
		put16(data + 34, (unsigned int)(2 + n % 65000));
	return data;
}

/* One burst as host/receive and host/worker do it; the units that it took. */
static unsigned int turn(struct sim *s)
{
	const unsigned int n = s->queued < SL_FAST_BURST ? s->queued : SL_FAST_BURST;
	struct sl_slowpath *sp = &s->b->sp;
	static struct sl_fast_burst burst;
	uint8_t kind[SL_FAST_BURST];
	unsigned int units = n ? 0 : 10;

	sl_shed_burst(s->shed, sp->services, 0, n, SL_FAST_BURST, sp->now_ms);
	burst.count = 0;
	for (unsigned int i = 0; i < n; i++) {
		uint8_t *data = stamp(s, i, s->queue[i]);

		if (s->shed->count && sl_fastpath_sheds(sp, data, s->frame[s->queue[i]].len, s->frame[s->queue[i]].len, 0)) {
			assert_int_not_equal(s->queue[i], OLD);
			assert_int_not_equal(s->queue[i], NEW);
			units++;
			continue;
		}
		kind[burst.count] = s->queue[i];
		burst.frame[burst.count++] = (struct sl_fast_frame){ .data = data, .len = s->frame[s->queue[i]].len, .fit = true };
	}
	s->queued -= n;
	memmove(s->queue, s->queue + n, s->queued);
	sl_fastpath_begin(sp, &burst);
	for (unsigned int i = 0; i < burst.count; i++) {
		bool forwarded = sl_fastpath_run(sp, &burst, i);

		units += forwarded ? 10 : burst.frame[i].shed ? 2 : 40;
		if (!forwarded && !burst.frame[i].shed) {
			sl_slowpath_run(sp, burst.frame[i].data, burst.frame[i].len, 0, false, &s->b->v);
			forwarded = s->b->v.fate == SL_SLOW_FORWARD;
		}
		s->got[kind[i]] += forwarded;
	}
	return units;
}

static void simulate(struct sim *s, unsigned int ms)
{
	const uint64_t end = s->units + (uint64_t)ms * UNITS_MS;

	memset(s->sent, 0, sizeof(s->sent));
	memset(s->got, 0, sizeof(s->got));
	while (s->units < end) {
		const unsigned int units = turn(s);

		s->units += units;
		s->b->sp.now_ms = 1000000 + s->units / UNITS_MS;
		arrive(s, units);
	}
}

static unsigned int percent(const struct sim *s, enum kind kind)
{
	return s->sent[kind] ? (unsigned int)(100 * s->got[kind] / s->sent[kind]) : 100;
}

static void check_flood(struct bench *b, struct frame flood, unsigned int times)
{
	struct sim *s = malloc(sizeof(*s));
	const uint32_t before = (sim_up(s, b, flood, RATE * times), sl_conn_table_used(b->table));

	simulate(s, WARM_MS);
	simulate(s, RUN_MS);
	print_message("flood x%u: %u %% of connections' packets, %u %% of new ones, of the flooded service %u %%, its connection's %u %%\n",
		      times, percent(s, OLD), percent(s, NEW), percent(s, OTHER), percent(s, OTHER_OLD));
	assert_true(percent(s, OLD) >= 95 && percent(s, NEW) >= 95);
	assert_true(s->got[OTHER] >= RUN_MS * SL_SHED_LET_MS / 4); /* it is not dead */
	assert_true(b->stats.reason_packets[SL_REASON_OVERLOAD] > 0);
	assert_true(sl_conn_table_used(b->table) - before <= s->sent[NEW] * 2 + CAPACITY / 4);
	/* When it is over, so is the shedding. */
	s->flood_rate = RATE / 20;
	s->units += (uint64_t)SL_SHED_MOST * UNITS_MS;
	simulate(s, 50);
	assert_int_equal(s->shed->count, 0);
	assert_true(percent(s, OLD) >= 99 && percent(s, NEW) >= 99 && percent(s, OTHER) >= 99);
	sim_down(s);
	free(s);
}

static struct frame udp(const char *vip)
{
	return make((struct spec){ .src = "10.9.0.2", .dst = vip, .sport = 1, .dport = 80, .proto = 17 });
}

static void test_syn(void **state)
{
	check_flood(*state, tcp(TCP_B, 1, SYN), 1);
}

static void test_syn_more(void **state)
{
	check_flood(*state, tcp(TCP_B, 1, SYN), 4);
}

static void test_ack(void **state)
{
	check_flood(*state, tcp(TCP_B, 1, ACK), 4);
}

static void test_udp(void **state)
{
	check_flood(*state, udp(UDP_B), 4);
}

/* Of SYNs, a connection of the flooded service sees nothing, while these alone can be shed. */
static void test_own_connections(void **state)
{
	struct sim *s = malloc(sizeof(*s));

	sim_up(s, *state, tcp(TCP_B, 1, SYN), RATE);
	simulate(s, WARM_MS);
	simulate(s, RUN_MS);
	assert_true(s->sent[OTHER_OLD] > 500 && percent(s, OTHER_OLD) >= 95);
	sim_down(s);
	free(s);
}

/* A burst that a worker bears sheds nothing; and a queue that is often full but is emptied is no overload. */
static void test_no_overload(void **state)
{
	struct bench *b = *state;
	struct sim *s = malloc(sizeof(*s));

	sim_up(s, b, tcp(TCP_B, 1, SYN), RATE / 10);
	simulate(s, RUN_MS);
	assert_int_equal(b->stats.reason_packets[SL_REASON_OVERLOAD], 0);
	assert_true(percent(s, OTHER) >= 99);
	for (unsigned int i = 0; i < 1000; i++) {
		sl_shed_missed(s->shed, 1);
		sl_shed_burst(s->shed, b->sp.services, i % 2, i % 15 ? SL_FAST_BURST : 3, SL_FAST_BURST, b->sp.now_ms);
	}
	assert_int_equal(s->shed->count, 0);
	sim_down(s);
	free(s);
}

/* Nobody gains by dropping all packets of the only service there is: its connections are looked up. */
static void test_alone(void **state)
{
	struct bench *b = *state;
	struct sl_shed *shed = sl_shed_create(1);
	const struct sl_service *service = sl_services_lookup(b->sp.services, 0, 4, (const uint8_t *)"\xc0\0\2\1\0\0\0\0\0\0\0\0\0\0\0", 6, 80);

	assert_non_null(service);
	for (unsigned int of_connections = 0; of_connections < SL_FAST_BURST / 2; of_connections += 3) {
		for (unsigned int i = 0; i < 100 * SL_SHED_BEHIND / SL_FAST_BURST; i++) {
			sl_shed_burst(shed, b->sp.services, 0, SL_FAST_BURST, SL_FAST_BURST, 1);
			for (unsigned int n = 0; n < SL_FAST_BURST; n++) {
				if (n < of_connections)
					sl_shed_found(shed, service->id);
				else
					sl_shed_missed(shed, service->id);
			}
		}
		assert_int_equal(shed->service[service->id].level, SL_SHED_LATE);
	}
	sl_shed_destroy(shed);
}

/* A worker so slow that each burst is in a millisecond of its own sheds, too. */
static void test_slow(void **state)
{
	struct bench *b = *state;
	struct sl_shed *shed = sl_shed_create(1);

	for (unsigned int i = 0; i < 2 * SL_SHED_BEHIND / SL_FAST_BURST; i++) {
		sl_shed_burst(shed, b->sp.services, 0, SL_FAST_BURST, SL_FAST_BURST, 1 + i);
		for (unsigned int n = 0; n < SL_FAST_BURST; n++)
			sl_shed_missed(shed, 1);
	}
	assert_int_equal(shed->count, 1);
	sl_shed_destroy(shed);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, bench_up, bench_down)
	const struct CMUnitTest tests[] = { T(test_syn), T(test_syn_more), T(test_ack), T(test_udp), T(test_own_connections), T(test_no_overload),
					    T(test_alone), T(test_slow) };

	sl_log_level_set(SL_LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
