/* SPDX-License-Identifier: BSD-3-Clause */
/* Fragments of datagrams: which go on, wait or are refused, in which order, and what happens at each bound. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host/fragments.h"

#define PORTS 0x01020304u
#define GO SL_FRAGMENT_GO
#define WAIT SL_FRAGMENT_WAIT
#define REFUSE SL_FRAGMENT_REFUSE

static int up(void **state)
{
	*state = sl_fragments_create(99);
	return *state ? 0 : -1;
}

static int down(void **state)
{
	sl_fragments_destroy(*state);
	return 0;
}

static struct sl_fragment fragment(uint32_t id, uint32_t begin, uint32_t end, bool more)
{
	return (struct sl_fragment){ .src = { 10, 9, 0, 1 }, .dst = { 192, 0, 2, 1 }, .id = id, .family = 4, .proto = 17,
				     .begin = begin, .end = end, .more = more, .ports = begin ? 0 : PORTS };
}

static enum sl_fragment_fate take_at(struct sl_fragments *t, struct sl_fragment f, uint64_t now_ms, uint32_t *datagram)
{
	uint32_t ports = 0;
	const enum sl_fragment_fate fate = sl_fragments_take(t, &f, now_ms, &ports, datagram);

	if (fate == GO)
		assert_int_equal(ports, PORTS);
	return fate;
}

static enum sl_fragment_fate take(struct sl_fragments *t, struct sl_fragment f)
{
	uint32_t datagram;

	return take_at(t, f, 1000, &datagram);
}

struct step {
	uint32_t begin, end;
	bool more;
	enum sl_fragment_fate fate;
};

static const struct row {
	const char *what;
	struct step step[6];
} rows[] = {
	{ "in order", { { 0, 1480, true, GO }, { 1480, 2960, true, GO }, { 2960, 3000, false, GO } } },
	{ "the last before the middle", { { 0, 1480, true, GO }, { 2960, 3000, false, GO }, { 1480, 2960, true, GO } } },
	{ "the first one last", { { 2960, 3000, false, WAIT }, { 1480, 2960, true, WAIT }, { 0, 1480, true, GO } } },
	{ "one twice, and the rest goes on", { { 0, 1480, true, GO }, { 0, 1480, true, REFUSE }, { 1480, 1500, false, GO } } },
	{ "overlap by its end", { { 0, 1480, true, GO }, { 1472, 2960, true, REFUSE }, { 2960, 3000, false, REFUSE } } },
	{ "overlap by its begin", { { 1480, 2960, true, WAIT }, { 0, 1488, true, REFUSE }, { 2960, 3000, false, REFUSE } } },
	{ "one inside another", { { 0, 1480, true, GO }, { 8, 16, true, REFUSE }, { 1480, 1500, false, REFUSE } } },
	{ "same begin, other end", { { 0, 1480, true, GO }, { 0, 1472, true, REFUSE }, { 1480, 1500, false, REFUSE } } },
	{ "no multiple of 8", { { 0, 1483, true, REFUSE }, { 1480, 1500, false, REFUSE } } },
	{ "two ends", { { 0, 1480, true, GO }, { 2960, 3000, false, GO }, { 1480, 1500, false, REFUSE }, { 1480, 2960, true, REFUSE } } },
	{ "an end before what was seen", { { 0, 1480, true, GO }, { 2960, 3008, true, GO }, { 1480, 1500, false, REFUSE } } },
	{ "behind the end", { { 0, 1480, true, GO }, { 1480, 1500, false, GO } } },
	{ "nothing in it", { { 0, 1480, true, GO }, { 1480, 1480, true, REFUSE } } },
	{ "beyond 65535 bytes", { { 0, 1480, true, GO }, { 65528, 65536, false, REFUSE } } },
	{ "up to 65535 bytes", { { 0, 1480, true, GO }, { 65528, 65535, false, GO } } },
};

static void test_order_and_overlap(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (unsigned int n = 0; n < 6 && rows[i].step[n].end; n++) {
			const struct step *s = &rows[i].step[n];
			const enum sl_fragment_fate fate = take(*state, fragment((uint32_t)i, s->begin, s->end, s->more));

			if (fate != s->fate)
				fail_msg("%s: fragment %u: fate %d, wanted %d", rows[i].what, n, fate, s->fate);
		}
	}
}

/* Each part of what names a datagram tells it from others. */
static void test_names(void **state)
{
	struct sl_fragment f = fragment(1, 0, 1480, true), other[6];

	assert_int_equal(take(*state, f), GO);
	f = fragment(1, 1480, 1500, false);
	for (unsigned int i = 0; i < 6; i++)
		other[i] = f;
	other[0].src[15] = other[1].dst[3] = 9;
	other[2].id = 2;
	other[3].tenant = 3;
	other[4].family = 6;
	other[5].proto = 6;
	for (unsigned int i = 0; i < 6; i++)
		assert_int_equal(take(*state, other[i]), WAIT);
	assert_int_equal(take(*state, f), GO);
}

/* A datagram that is complete, or too old, leaves: its identification may be another's. */
static void test_over(void **state)
{
	uint32_t d;

	assert_int_equal(take(*state, fragment(1, 0, 1480, true)), GO);
	assert_int_equal(take(*state, fragment(1, 1480, 1500, false)), GO);
	assert_int_equal(take(*state, fragment(1, 0, 1480, true)), GO);
	assert_int_equal(take_at(*state, fragment(1, 0, 1480, true), 1000 + SL_FRAGMENT_LIFE_MS - 1, &d), REFUSE);
	assert_int_equal(take_at(*state, fragment(1, 0, 1480, true), 1000 + SL_FRAGMENT_LIFE_MS, &d), GO);
}

static void test_waiting(void **state)
{
	char frame[4];
	uint32_t d, ports;
	unsigned int port;

	/* Two of datagram 1 and one of 2 wait. */
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(take_at(*state, fragment(1 + i / 2, 1480 + 8 * i, 1488 + 8 * i, true), 1000, &d), WAIT);
		assert_null(sl_fragments_hold(*state, d, &frame[i], 5 + i, 1000));
	}
	assert_int_equal(take_at(*state, fragment(1, 0, 1480, true), 1100, &d), GO);
	for (unsigned int i = 0; i < 2; i++) {
		assert_ptr_equal(sl_fragments_next(*state, d, &ports, &port), &frame[i]);
		assert_int_equal(ports, PORTS);
		assert_int_equal(port, 5 + i);
	}
	assert_null(sl_fragments_next(*state, d, &ports, &port));
	/* The third waits until its time is over. */
	assert_null(sl_fragments_expire(*state, 1000 + SL_FRAGMENT_LIFE_MS - 1));
	assert_ptr_equal(sl_fragments_expire(*state, 1000 + SL_FRAGMENT_LIFE_MS), &frame[2]);
	assert_null(sl_fragments_expire(*state, 1000 + SL_FRAGMENT_LIFE_MS));
	assert_null(sl_fragments_drain(*state));
}

/* A new datagram in an old one's place does not get what waits for the old one. */
static void test_waiting_for_another(void **state)
{
	uint32_t first, d, ports;
	unsigned int port;
	char frame;

	assert_int_equal(take_at(*state, fragment(0, 1480, 1488, true), 1000, &first), WAIT);
	sl_fragments_hold(*state, first, &frame, 0, 1000);
	for (uint32_t id = 1; id < 100000; id++) {
		assert_int_equal(take_at(*state, fragment(id, 0, 1480, true), 1001, &d), GO);
		if (d == first)
			break;
	}
	assert_int_equal(d, first);
	assert_null(sl_fragments_next(*state, d, &ports, &port));
	assert_ptr_equal(sl_fragments_drain(*state), &frame);
}

/* Any number of datagrams that never end: those that come in order with nothing between go on. */
static void test_flood(void **state)
{
	static char frame[SL_FRAGMENT_HELD + 1];
	uint32_t d, ports;
	unsigned int port;

	for (uint32_t id = 0; id < 100000; id++)
		take_at(*state, fragment(id, 1480, 1488, true), 1000, &d);
	assert_int_equal(take(*state, fragment(100000, 0, 1480, true)), GO);
	assert_int_equal(take(*state, fragment(100000, 1480, 1500, false)), GO);

	/* Of what waits the oldest gives way, in turn. */
	for (unsigned int i = 0; i <= SL_FRAGMENT_HELD; i++) {
		assert_int_equal(take_at(*state, fragment(100001, 8 + 8 * (i % 32), 16 + 8 * (i % 32), true), 1000, &d), i < 32 ? WAIT : REFUSE);
		assert_ptr_equal(sl_fragments_hold(*state, 7, &frame[i], 0, 1000), i < SL_FRAGMENT_HELD ? NULL : &frame[0]);
	}
	assert_ptr_equal(sl_fragments_next(*state, 7, &ports, &port), &frame[1]);
	for (unsigned int i = 2; i <= SL_FRAGMENT_HELD; i++)
		assert_ptr_equal(sl_fragments_expire(*state, 1000 + SL_FRAGMENT_LIFE_MS), &frame[i]);
	assert_null(sl_fragments_drain(*state));
}

static void test_pieces(void **state)
{
	for (uint32_t i = 0; i < SL_FRAGMENT_PIECES; i++)
		assert_int_equal(take(*state, fragment(1, 16 * i, 16 * i + 8, true)), GO);
	assert_int_equal(take(*state, fragment(1, 8, 16, true)), REFUSE);
	assert_int_equal(take(*state, fragment(1, 24, 32, true)), REFUSE);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, up, down)
	const struct CMUnitTest tests[] = {
		T(test_order_and_overlap), T(test_names), T(test_over), T(test_waiting), T(test_waiting_for_another), T(test_flood),
		T(test_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
