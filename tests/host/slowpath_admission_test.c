/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * New connections under budgets and challenges: what a flood of SYNs costs its own service and no other, and how a client that
 * is real comes in all the same.
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

#define CAPACITY 4096u
#include "tests/host/slow_bench.h"

#define SMALL "192.0.2.12"    /* nat, 16 half open, 64 connections */
#define DSR "192.0.2.13"      /* dsr-l2, 16 half open */
#define PROVING "192.0.2.14"  /* dsr-l2, always a challenge */
#define TRUSTING "192.0.2.15" /* nat, 16 half open, never a challenge */
#define HALF_OPEN 16u

/* SYNs until the service's half-open budget is used up; the port of the last one. */
static uint16_t fill(struct bench *b, const char *vip)
{
	const uint64_t before = b->stats.conns_created;
	uint16_t port = 0;

	while (b->stats.conns_created < before + HALF_OPEN) {
		const struct frame f = tcp(vip, ++port, SYN);

		run(b, &f);
		assert_true(port < 200 && b->v.reason != SL_REASON_SERVICE_FULL && b->v.reason != SL_REASON_CHALLENGED);
	}
	return port;
}

static uint32_t number(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The number that a challenge to this SYN acknowledges. */
static uint32_t challenged(struct bench *b, struct frame syn)
{
	const bool six = syn.b[12] == 0x86;
	const uint8_t *tcp;

	expect(b, syn, SL_SLOW_REPLY, SL_REASON_CHALLENGED);
	tcp = b->v.reply.frame + 14 + (six ? 40 : 20);
	assert_memory_equal(b->v.reply.frame, client, 6);
	assert_memory_equal(tcp, "\0\x50", 2);
	assert_int_equal(tcp[13], ACK);
	assert_int_equal(l4_sum(b->v.reply.frame + 14, b->v.reply.len - 14), 0);
	assert_int_not_equal(number(tcp + 8), number(syn.b + 14 + (six ? 40 : 20) + 4) + 1);
	return number(tcp + 8);
}

/* `at`: 38 the sequence number, 42 the acknowledged one. */
static struct frame numbered(struct frame f, unsigned int at, uint32_t n)
{
	put16(f.b + at, n >> 16);
	put16(f.b + at + 2, n & 0xffff);
	put16(f.b + 50, 0);
	put16(f.b + 50, l4_sum(f.b + 14, f.len - 14));
	return f;
}

static struct frame reset(const char *vip, uint16_t port, uint32_t sequence)
{
	return numbered(tcp(vip, port, RST), 38, sequence);
}

static void test_challenge(void **state)
{
	struct bench *b = *state;
	const uint16_t port = (uint16_t)(fill(b, SMALL) + 1);
	const uint32_t cookie = challenged(b, tcp(SMALL, port, SYN));

	/* Neither a guess nor another's number helps. */
	expect(b, reset(SMALL, port, cookie + 1), SL_SLOW_DROP, SL_REASON_NOT_SYN);
	expect(b, reset(SMALL, (uint16_t)(port + 1), cookie), SL_SLOW_DROP, SL_REASON_NOT_SYN);
	challenged(b, tcp(SMALL, port, SYN));
	expect(b, reset(SMALL, port, cookie), SL_SLOW_DROP, SL_REASON_CHALLENGE_PASSED);
	expect(b, tcp(SMALL, port, SYN), SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	/* The connection is like any other: to the card when the handshake is done. */
	expect(b, from_backend(b, b->v.index, SYN | ACK), SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	expect(b, tcp(SMALL, port, ACK), SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	assert_int_equal(card.op, SL_OFFLOAD_INSERT);
	assert_int_equal(card.index, b->v.index);
	/* Others are challenged still, and no other service is touched. */
	challenged(b, tcp(SMALL, (uint16_t)(port + 1), SYN));
	expect(b, tcp("192.0.2.2", port, SYN), SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	assert_int_equal(b->stats.conns_created, HALF_OPEN + 2);
}

/* A handshake that is done, and an entry that goes, make room. */
static void test_room(void **state)
{
	struct bench *b = *state;
	const uint16_t port = fill(b, SMALL);

	expect(b, from_backend(b, b->v.index, SYN | ACK), SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	challenged(b, tcp(SMALL, (uint16_t)(port + 1), SYN));
	expect(b, tcp(SMALL, port, ACK), SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	expect(b, tcp(SMALL, (uint16_t)(port + 1), SYN), SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	challenged(b, tcp(SMALL, (uint16_t)(port + 2), SYN));
	b->sp.now_ms += 31000; /* timeouts.syn_ms */
	sl_slowpath_expire(&b->sp, CAPACITY);
	fill(b, SMALL);
}

static bool established(struct bench *b, struct frame ack)
{
	run(b, &ack);
	assert_int_equal(b->v.fate, SL_SLOW_FORWARD);
	return sl_conn_at(b->table, b->v.index)->state == SL_CONN_ESTABLISHED;
}

/* Where the backend's SYN-ACK is seen, nobody ends a handshake who has not seen it: who forges SYNs forges ACKs too. */
static void test_forged_handshakes(void **state)
{
	struct bench *b = *state;
	const uint16_t port = fill(b, SMALL);
	uint32_t index;

	assert_false(established(b, tcp(SMALL, port, ACK))); /* the backend has not answered */
	index = b->v.index;
	expect(b, numbered(from_backend(b, index, SYN | ACK), 38, 0xfffffffe), SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	assert_false(established(b, numbered(tcp(SMALL, port, ACK), 42, 0xfffffffe)));
	assert_false(established(b, numbered(tcp(SMALL, port, ACK), 42, 0x0000ffff)));
	expect(b, from_backend(b, index, RST), SL_SLOW_FORWARD, SL_REASON_SOFTWARE); /* its answer to those */
	assert_false(established(b, numbered(tcp(SMALL, port, ACK), 42, 0xffffffff)));
	/* None of them made room. */
	assert_int_equal(sl_conn_table_unproven(b->table), HALF_OPEN);
	challenged(b, tcp(SMALL, (uint16_t)(port + 1), SYN));
	assert_int_equal(card.count, 0);
}

/* The client's ACK of it, or of a bit more, does, over the number's wrap too; so does what the backend sends, whose SYN-ACK of before it may
 * have been (SYN cookies). */
static void test_true_handshakes(void **state)
{
	struct bench *b = *state;
	const uint32_t of_backend[] = { 0, 100, 0xfffffffe, 0xffffffff, 0x7fffffff };
	uint16_t port = 0;

	for (unsigned int i = 0; i < sizeof(of_backend) / sizeof(of_backend[0]); i++) {
		expect(b, tcp("192.0.2.2", ++port, SYN), SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
		expect(b, numbered(from_backend(b, b->v.index, SYN | ACK), 38, of_backend[i]), SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
		assert_true(established(b, numbered(tcp("192.0.2.2", port, ACK), 42, of_backend[i] + 1 + i * 1460)));
		assert_int_equal(card.count, i + 1);
	}
	expect(b, tcp("192.0.2.2", ++port, SYN), SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	expect(b, numbered(from_backend(b, b->v.index, SYN | ACK), 38, 1000000), SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	expect(b, numbered(from_backend(b, b->v.index, SYN | ACK), 38, 9000000), SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	assert_false(established(b, numbered(tcp("192.0.2.2", port, ACK), 42, 1000001)));
	expect(b, from_backend(b, b->v.index, ACK), SL_SLOW_FORWARD, SL_REASON_SOFTWARE); /* of a SYN that it has (RFC 5961) */
	assert_false(established(b, numbered(tcp("192.0.2.2", port, ACK), 42, 1000001)));
	expect(b, from_backend(b, b->v.index, PSH | ACK), SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	assert_true(established(b, numbered(tcp("192.0.2.2", port, ACK), 42, 1000101)));
}

/* Of a handshake that an agent before has begun, the number is not known. */
static void test_adopted_handshake(void **state)
{
	struct bench *b = *state;
	static const uint64_t key[2] = { 3, 4 };
	uint32_t adopted, dropped;

	expect(b, tcp("192.0.2.2", 1, SYN), SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	sl_conn_table_destroy(b->table);
	b->sp.table = b->table = sl_conn_table_create(b->entries, CAPACITY, key, &adopted, &dropped);
	assert_int_equal(adopted, 1);
	assert_int_equal(sl_slowpath_adopt(&b->sp), 1);
	assert_true(established(b, tcp("192.0.2.2", 1, ACK)));
}

/* Connections of which one side alone is seen, and UDP, can all be forged: they do not get the part of the table that is for the others. */
static void test_reserve(void **state)
{
	struct bench *b = *state;
	unsigned int full = 0;
	uint16_t port = 0;

	while (full < 200) {
		const struct frame s = tcp("192.0.2.1", ++port, SYN), a = tcp("192.0.2.1", port, ACK);

		run(b, &s);
		assert_int_equal(b->v.fate, SL_SLOW_FORWARD);
		full += b->v.index == SL_CONN_NONE;
		run(b, &a);
		assert_true(port < 20000);
	}
	assert_in_range(sl_conn_table_used(b->table), CAPACITY / 2, CAPACITY / 4 * 3);
	for (uint16_t p = 1; p < 200; p++)
		handshake(b, "192.0.2.2", p);
}

static void test_keys_turn(void **state)
{
	struct bench *b = *state;
	const uint16_t port = (uint16_t)(fill(b, SMALL) + 1);
	uint32_t cookie = challenged(b, tcp(SMALL, port, SYN)), next;

	/* One change of the key is borne, two are not. */
	b->sp.now_ms += SL_ADMISSION_KEY_MS;
	next = challenged(b, tcp(SMALL, port, SYN));
	assert_int_not_equal(next, cookie);
	expect(b, reset(SMALL, port, cookie), SL_SLOW_DROP, SL_REASON_CHALLENGE_PASSED);
	b->sp.now_ms += 2 * SL_ADMISSION_KEY_MS;
	expect(b, reset(SMALL, port, next), SL_SLOW_DROP, SL_REASON_NOT_SYN);
	/* What was proven is not for ever. */
	cookie = challenged(b, tcp(SMALL, port, SYN));
	expect(b, reset(SMALL, port, cookie), SL_SLOW_DROP, SL_REASON_CHALLENGE_PASSED);
	b->sp.now_ms += SL_ADMISSION_PROVEN_MS + 1000;
	challenged(b, tcp(SMALL, port, SYN));
}

/* Forged SYNs and resets without end fill nothing. */
static void test_floods(void **state)
{
	struct bench *b = *state;
	const uint16_t port = (uint16_t)(fill(b, SMALL) + 1);

	for (unsigned int i = 0; i < 60000; i++) {
		const struct frame s = tcp(SMALL, (uint16_t)(port + i % 60000), SYN), r = reset(SMALL, (uint16_t)(port + i % 60000), i * 77777);

		run(b, &s);
		run(b, &r);
	}
	assert_int_equal(b->stats.conns_created, HALF_OPEN);
	assert_int_equal(sl_conn_table_used(b->table), HALF_OPEN);
	assert_int_equal(b->stats.reason_packets[SL_REASON_CHALLENGE_PASSED], 0);
}

/* A mode that hashes needs no entry: over budget it forwards without. */
static void test_dsr_over_budget(void **state)
{
	struct bench *b = *state;
	const uint16_t port = (uint16_t)(fill(b, DSR) + 1);

	expect(b, tcp(DSR, port, SYN), SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	assert_int_equal(b->v.index, SL_CONN_NONE);
	assert_int_equal(b->stats.reason_packets[SL_REASON_SERVICE_FULL], 1);
	/* Forged ACKs find no room either. */
	expect(b, tcp(DSR, port, ACK), SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	assert_int_equal(b->v.index, SL_CONN_NONE);
	assert_int_equal(b->stats.conns_created, HALF_OPEN);
}

static void test_always_and_never(void **state)
{
	struct bench *b = *state;
	uint32_t cookie = challenged(b, tcp(PROVING, 1, SYN));

	expect(b, reset(PROVING, 1, cookie), SL_SLOW_DROP, SL_REASON_CHALLENGE_PASSED);
	expect(b, tcp(PROVING, 1, SYN), SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	expect(b, tcp(TRUSTING, (uint16_t)(fill(b, TRUSTING) + 1), SYN), SL_SLOW_DROP, SL_REASON_SERVICE_FULL);
}

/* The budget of connections holds for proven clients too. */
static void test_connections(void **state)
{
	struct bench *b = *state;
	unsigned int made = 0;
	uint16_t port = 0;

	for (struct frame f; made < 64; made += b->v.fate == SL_SLOW_FORWARD) {
		f = tcp(SMALL, ++port, SYN);
		run(b, &f);
		assert_true(port < 200 && b->v.reason != SL_REASON_SERVICE_FULL);
		if (b->v.fate == SL_SLOW_FORWARD)
			expect(b, from_backend(b, b->v.index, SYN | ACK), SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
		f = tcp(SMALL, port, ACK);
		run(b, &f);
	}
	expect(b, tcp(SMALL, (uint16_t)(port + 1), SYN), SL_SLOW_DROP, SL_REASON_SERVICE_FULL);
	/* Of the agent before: what it left counts. */
	sl_admission_destroy(b->sp.admission);
	b->sp.admission = sl_admission_create(SL_CONN_SHARDS);
	assert_int_equal(sl_slowpath_adopt(&b->sp), 64);
	expect(b, tcp(SMALL, (uint16_t)(port + 1), SYN), SL_SLOW_DROP, SL_REASON_SERVICE_FULL);
	/* A worker that has half of the table has half of the budget. */
	b->sp.shards = 0xff;
	sl_admission_destroy(b->sp.admission);
	b->sp.admission = sl_admission_create(SL_CONN_SHARDS);
	for (unsigned int id = 1; id < SL_SERVICE_IDS; id++) {
		const struct sl_service *s = sl_services_service(b->sp.services, id);
		uint32_t cookie;

		if (!s || s->admission.connections != 64)
			continue;
		for (unsigned int i = 0; i < 32; i++) {
			assert_int_equal(sl_admission_ask(b->sp.admission, s, &(struct sl_key){ 0 }, false, 8, 0, &cookie), SL_ADMIT);
			sl_admission_add(b->sp.admission, s, false);
		}
		assert_int_equal(sl_admission_ask(b->sp.admission, s, &(struct sl_key){ 0 }, false, 8, 0, &cookie), SL_ADMIT_FULL);
		assert_int_equal(sl_admission_ask(b->sp.admission, s, &(struct sl_key){ 0 }, false, 16, 0, &cookie), SL_ADMIT);
	}
}

/* A service's own meter of packets of no connection, where no card has one; connections are not under it. */
static void test_meter(void **state)
{
	struct bench *b = *state;

	expect(b, tcp("192.0.2.17", 1, SYN), SL_SLOW_FORWARD, SL_REASON_SOFTWARE); /* the card's business */
	card.caps = 0;
	for (uint16_t port = 2; port < 12; port++)
		expect(b, tcp("192.0.2.17", port, SYN), SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	expect(b, tcp("192.0.2.17", 12, SYN), SL_SLOW_DROP, SL_REASON_METERED);
	expect(b, tcp("192.0.2.17", 12, ACK), SL_SLOW_DROP, SL_REASON_METERED);
	expect(b, tcp("192.0.2.17", 1, ACK), SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	expect(b, tcp("192.0.2.1", 12, SYN), SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	/* A packet a millisecond, and after a pause no more than the burst. */
	b->sp.now_ms++;
	expect(b, tcp("192.0.2.17", 12, SYN), SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	expect(b, tcp("192.0.2.17", 13, SYN), SL_SLOW_DROP, SL_REASON_METERED);
	b->sp.now_ms += 5000;
	for (uint16_t port = 13; port < 23; port++)
		expect(b, tcp("192.0.2.17", port, SYN), SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	expect(b, tcp("192.0.2.17", 23, SYN), SL_SLOW_DROP, SL_REASON_METERED);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, bench_up, bench_down)
	const struct CMUnitTest tests[] = { T(test_challenge), T(test_room), T(test_keys_turn), T(test_floods), T(test_dsr_over_budget),
					    T(test_always_and_never), T(test_connections), T(test_meter), T(test_forged_handshakes),
					    T(test_true_handshakes), T(test_adopted_handshake), T(test_reserve) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
