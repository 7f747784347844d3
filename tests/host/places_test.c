/* SPDX-License-Identifier: BSD-3-Clause */
/* Places of a Maglev table that the XDP program decides: when one changes hands, and what makes it wait. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "host/places.h"

#define SIZE 7u
#define ID 3u
#define B1 11u
#define B2 12u
#define START UINT64_C(1000)

static const uint16_t one[SIZE] = { B1, B1, B1, B1, B1, B1, B1 }, two[SIZE] = { B1, B2, B1, B2, B1, B2, B1 }, none[SIZE];

static void owners_are(const uint16_t *wanted)
{
	for (uint32_t i = 0; i < SIZE; i++)
		assert_int_equal(sl_places_owner(ID, i), wanted[i]);
}

static void pass(uint64_t now_ms)
{
	assert_true(sl_places_tick(now_ms));
	sl_places_pass_end(now_ms);
}

/* A service of one backend whose places are all the program's. */
static int up(void **state)
{
	(void)state;
	assert_int_equal(sl_places_begin(ID, SIZE, NULL, START), 0);
	assert_true(sl_places_want(ID, one, START));
	pass(START);
	owners_are(one);
	return 0;
}

static int down(void **state)
{
	(void)state;
	sl_places_free();
	return 0;
}

static void a_new_service_is_given_after_a_look(void **state)
{
	(void)state;
	assert_int_equal(sl_places_begin(ID, SIZE, NULL, START), 0);
	assert_true(sl_places_want(ID, one, START));
	owners_are(none);
	assert_int_equal(sl_places_held(ID), SIZE);
	assert_true(sl_places_tick(START));
	sl_places_seen(ID, 2, B1);
	sl_places_seen(ID, 4, B2); /* of a backend that nobody wants there */
	assert_true(sl_places_pass_end(START));
	for (uint32_t i = 0; i < SIZE; i++)
		assert_int_equal(sl_places_owner(ID, i), i == 4 ? 0 : B1);
	assert_int_equal(sl_places_held(ID), 1);
	assert_false(sl_places_tick(START + SL_PLACES_AGAIN_MS - 1));
	pass(START + SL_PLACES_AGAIN_MS);
	owners_are(one);
	assert_false(sl_places_want(ID, one, START));
}

static void a_change_waits(void **state)
{
	const uint64_t hold = START + 100 + SL_PLACES_HOLD_MS, settle = hold + SL_PLACES_SETTLE_MS;

	(void)state;
	assert_true(sl_places_want(ID, two, START + 100));
	for (uint32_t i = 0; i < SIZE; i++) {
		assert_int_equal(sl_places_owner(ID, i), i % 2 ? 0 : B1);
		assert_int_equal(sl_places_before(ID, i), i % 2 ? B1 : 0);
	}
	assert_int_equal(sl_places_held(ID), 3);
	assert_false(sl_places_tick(hold - 1));
	assert_int_equal(sl_places_before(ID, 1), B1);
	assert_false(sl_places_tick(hold));
	assert_int_equal(sl_places_before(ID, 1), 0);
	assert_int_equal(sl_places_owner(ID, 1), 0);
	assert_false(sl_places_tick(settle - 1));
	assert_true(sl_places_tick(settle));
	sl_places_seen(ID, 3, B1); /* keeps its connection */
	assert_true(sl_places_pass_end(settle));
	assert_int_equal(sl_places_owner(ID, 1), B2);
	assert_int_equal(sl_places_owner(ID, 3), 0);
	assert_int_equal(sl_places_owner(ID, 5), B2);
}

/* The program has sent SYNs to the first owner alone, and is waited for from the last change on. */
static void changes_after_changes(void **state)
{
	static const uint16_t third[SIZE] = { B1, 13, B1, B2, B1, B1, B1 };

	(void)state;
	sl_places_want(ID, two, START + 100);
	sl_places_want(ID, third, START + 5000);
	assert_int_equal(sl_places_before(ID, 1), B1);
	assert_int_equal(sl_places_owner(ID, 5), 0); /* back where it was, and still held */
	assert_false(sl_places_tick(START + 100 + SL_PLACES_HOLD_MS)); /* what is held is held together */
	assert_true(sl_places_tick(START + 100 + SL_PLACES_HOLD_MS + SL_PLACES_SETTLE_MS));
	assert_true(sl_places_want(ID, one, START + 60000)); /* in the middle of the pass */
	assert_false(sl_places_pass_end(START + 60000));
	assert_int_equal(sl_places_owner(ID, 1), 0);
	pass(START + 60000);
	owners_are(one);
}

static void calm_shortens_the_wait_alone(void **state)
{
	(void)state;
	sl_places_want(ID, two, START + 100);
	sl_places_calm(ID, START + 200);
	assert_false(sl_places_tick(START + 200));
	sl_places_calm(ID, START + 300);
	assert_false(sl_places_tick(START + 200 + SL_PLACES_SETTLE_MS - 1));
	pass(START + 200 + SL_PLACES_SETTLE_MS);
	owners_are(two);
}

static void what_an_earlier_agent_left(void **state)
{
	const uint16_t left[SIZE] = { B1, B1, 0, B1, B1, B1, B1 };

	(void)state;
	assert_int_equal(sl_places_begin(ID, SIZE, left, START), 0);
	sl_places_want(ID, one, START);
	owners_are(left);
	assert_int_equal(sl_places_held(ID), 1);
	assert_false(sl_places_tick(START + SL_PLACES_HOLD_MS - 1));
	assert_false(sl_places_tick(START + SL_PLACES_HOLD_MS));
	pass(START + SL_PLACES_HOLD_MS + SL_PLACES_SETTLE_MS);
	owners_are(one);
}

/* UDP has no SYN: for two rounds of hints after a change that took a place, none before or after. */
static void fresh_until_hints_were_taken(void **state)
{
	(void)state;
	assert_false(sl_places_fresh(ID));
	sl_places_want(ID, two, START + 100);
	for (unsigned int i = 0; i < SL_PLACES_FRESH; i++) {
		assert_true(sl_places_fresh(ID));
		sl_places_heard();
	}
	assert_false(sl_places_fresh(ID));
	sl_places_heard();
	assert_false(sl_places_fresh(ID));
	sl_places_want(ID, two, START + 300); /* no change */
	assert_false(sl_places_fresh(ID));
	assert_false(sl_places_fresh(ID + 1));
	assert_false(sl_places_fresh(99999));
}

static void no_backend_and_the_end(void **state)
{
	(void)state;
	sl_places_want(ID, none, START);
	owners_are(none);
	assert_int_equal(sl_places_held(ID), 0);
	sl_places_end(ID);
	assert_false(sl_places_begun(ID));
	assert_int_equal(sl_places_before(ID, 0), 0);
	assert_int_equal(sl_places_before(ID + 1, 0), 0);
	assert_int_equal(sl_places_before(99999, 0), 0);
	assert_int_equal(sl_places_before(ID, SIZE), 0);
	assert_false(sl_places_tick(START + 100000));
}

/* A backend that is removed stays known as long as a packet of its may come that makes an entry. */
static void backends_are_awaited(void **state)
{
	static const uint16_t all_two[SIZE] = { B2, B2, B2, B2, B2, B2, B2 };
	const uint64_t hold = START + 100 + SL_PLACES_HOLD_MS;

	(void)state;
	assert_true(sl_places_await(B1));
	assert_false(sl_places_await(B2));
	sl_places_want(ID, all_two, START + 100);
	assert_true(sl_places_await(B1));
	assert_false(sl_places_tick(hold - 1));
	assert_true(sl_places_await(B1));
	sl_places_tick(hold);
	assert_false(sl_places_await(B1));
	pass(hold + SL_PLACES_SETTLE_MS);
	owners_are(all_two);
	assert_true(sl_places_await(B2));
	sl_places_want(ID, none, hold + 30000); /* no backend is left */
	assert_true(sl_places_await(B2));
	sl_places_end(ID);
	assert_false(sl_places_await(B2));
	assert_int_equal(sl_places_begin(ID, SIZE, one, START), 0);
	assert_int_equal(sl_places_begin(ID, SIZE, all_two, START), 0);
	assert_false(sl_places_await(B1));
	assert_true(sl_places_await(B2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_new_service_is_given_after_a_look, NULL, down),
		cmocka_unit_test_setup_teardown(a_change_waits, up, down),
		cmocka_unit_test_setup_teardown(changes_after_changes, up, down),
		cmocka_unit_test_setup_teardown(calm_shortens_the_wait_alone, up, down),
		cmocka_unit_test_setup_teardown(what_an_earlier_agent_left, NULL, down),
		cmocka_unit_test_setup_teardown(fresh_until_hints_were_taken, up, down),
		cmocka_unit_test_setup_teardown(backends_are_awaited, up, down),
		cmocka_unit_test_setup_teardown(no_backend_and_the_end, up, down),
	};

	return cmocka_run_group_tests_name("host/places", tests, NULL, NULL);
}
