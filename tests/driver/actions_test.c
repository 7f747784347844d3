/* SPDX-License-Identifier: BSD-3-Clause */
/* The action table: sharing by content, exclusive entries, generations, and entries that flows of an earlier driver
 * use. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "driver/fpga/actions.h"

#define ENTRIES 4

static struct sl_action card[ENTRIES];
static unsigned int writes;
static struct sl_actions actions;

int sl_admin_exec(struct sl_admin *admin, enum sl_admin_op op, const void *arg, uint32_t arg_len, void *answer,
	uint32_t answer_len)
{
	const struct sl_action_arg *write = arg;
	struct sl_action_arg read = {0};

	(void)admin;
	(void)arg_len;
	assert_in_range(write->index, 0, ENTRIES - 1);
	if (op == SL_ADMIN_OP_ACTION_WRITE) {
		card[write->index] = write->action;
		writes++;
		return 0;
	}
	assert_int_equal(op, SL_ADMIN_OP_ACTION_READ);
	read.index = write->index;
	read.action = card[write->index];
	memcpy(answer, &read, answer_len);
	return 0;
}

static int set_up(void **state)
{
	(void)state;
	memset(card, 0, sizeof(card));
	writes = 0;
	return sl_actions_open(&actions, NULL, ENTRIES);
}

static int tear_down(void **state)
{
	(void)state;
	sl_actions_close(&actions);
	return 0;
}

static struct sl_action content(uint8_t first, uint8_t port)
{
	struct sl_action a = {.flags = SL_ACTION_FLAG_VALID | SL_ACTION_FLAG_STRIP_L2, .port = port, .mtu = 1500,
		.hdr_len = 14};

	a.hdr[0] = first;
	return a;
}

static uint32_t get(uint8_t first, bool exclusive)
{
	const struct sl_action a = content(first, 1);
	uint32_t index = SL_ACTION_NONE;
	int rc = sl_actions_get(&actions, &a, exclusive, &index);

	if (rc)
		assert_int_equal(rc, -ENOSPC);
	return index;
}

static void test_sharing(void **state)
{
	uint32_t a, b, own;

	(void)state;
	a = get(1, false);
	assert_int_equal(get(1, false), a);
	assert_int_equal(writes, 1);
	b = get(2, false);
	assert_int_not_equal(a, b);
	own = get(1, true);
	assert_int_not_equal(own, a);
	assert_int_equal(get(1, false), a);
	sl_actions_put(&actions, b);
	own = get(2, true);
	assert_int_not_equal(get(2, false), own);         /* an exclusive entry is not joined */
	assert_int_equal(card[a].hdr[0], 1);
	assert_int_equal(card[own].flags & SL_ACTION_FLAG_VALID, SL_ACTION_FLAG_VALID);
}

static void test_reuse(void **state)
{
	uint32_t first = get(1, false), generation = card[first].generation;

	(void)state;
	for (uint8_t i = 2; i <= ENTRIES; i++)
		get(i, false);
	assert_int_equal(get(9, false), SL_ACTION_NONE);  /* full */
	assert_int_equal(get(1, false), first);           /* but what is there can be shared */
	sl_actions_put(&actions, first);
	assert_int_equal(get(9, false), SL_ACTION_NONE);  /* one user left */
	sl_actions_put(&actions, first);
	assert_int_equal(get(9, false), first);
	assert_int_equal(card[first].generation, generation + 1);
	assert_int_equal(card[first].hdr[0], 9);
}

static void test_rewrite(void **state)
{
	const struct sl_action next = content(7, 1);
	uint32_t own = get(1, true), generation = card[own].generation;

	(void)state;
	assert_int_equal(sl_actions_rewrite(&actions, own, &next), 0);
	assert_int_equal(card[own].hdr[0], 7);
	assert_int_equal(card[own].generation, generation + 1);
	assert_int_equal(sl_actions_set_mtu(&actions, 0, 1400), 0);
	assert_int_equal(card[own].mtu, 1500);            /* of another port */
	assert_int_equal(sl_actions_set_mtu(&actions, 1, 1400), 0);
	assert_int_equal(card[own].mtu, 1400);
}

/* The card has entries that old flows use: never overwritten, and taken over by equal content. */
static void test_held(void **state)
{
	(void)state;
	card[0] = content(5, 1);
	card[0].generation = 40;
	card[1] = content(6, 1);
	assert_int_equal(sl_actions_hold(&actions, 0), 0);
	assert_int_equal(sl_actions_hold(&actions, 0), 0);
	assert_int_equal(sl_actions_hold(&actions, 1), 0);
	assert_int_equal(sl_actions_hold(&actions, ENTRIES), -EINVAL);
	assert_int_equal(get(5, false), 0);
	assert_int_equal(writes, 0);
	assert_int_equal(get(7, false), 2);
	assert_int_equal(get(8, false), 3);
	assert_int_equal(get(9, false), SL_ACTION_NONE);
	sl_actions_unhold(&actions, 1);
	assert_int_equal(get(9, false), 1);
	sl_actions_unhold(&actions, 0);
	sl_actions_unhold(&actions, 0);
	sl_actions_put(&actions, 0);
	assert_int_equal(get(4, false), 0);
	assert_int_equal(card[0].generation, 41);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_sharing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_reuse, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_rewrite, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_held, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
