/* SPDX-License-Identifier: BSD-3-Clause */
/* Which member of a bond takes the frames as links go and come, in both modes; ports without a bond stay by themselves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "host/bond.h"

static void set_up(const char *mode)
{
	static const char text[] =
		"ports:\n- {name: a, device: d0, kernel: {interface: sl0}}\n"
		"- name: bond0\n  kernel: {interface: sl1}\n"
		"  bond: {mode: MODE, up_delay_ms: 500, members: [{name: p0, device: d1}, {name: p1, device: d2}]}\n";
	struct sl_config *config;
	struct sl_config_error error;
	char now[sizeof(text) + 32];
	const char *at = strstr(text, "MODE");

	snprintf(now, sizeof(now), "%.*s%s%s", (int)(at - text), text, mode, at + 4);
	if (sl_config_parse("t", now, strlen(now), &config, &error))
		fail_msg("%s", error.text);
	assert_int_equal(config->port_count, 3);
	sl_bond_configure(config);
	sl_config_free(config);
}

/* Links of ports 1 and 2 at a time, and by which ports their traffic leaves then. */
struct row {
	uint64_t now_ms;
	bool link[2];
	unsigned int out[2];
	bool changed;
	const char *state[2];
};

static void run(const struct row *rows, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		const struct row *r = &rows[i];
		struct sl_bond_view view;

		for (unsigned int m = 0; m < 2; m++)
			sl_bond_link(1 + m, r->link[m], r->now_ms);
		assert_int_equal(sl_bond_settle(r->now_ms), r->changed ? 1u << 1 : 0);
		for (unsigned int m = 0; m < 2; m++) {
			assert_int_equal(sl_bond_out(1 + m), r->out[m]);
			sl_bond_view_get(1 + m, &view);
			assert_string_equal(view.state, r->state[m]);
		}
		assert_int_equal(sl_bond_out(0), 0);
	}
}

static void active_backup(void **state)
{
	static const struct row rows[] = {
		{ 0, { false, false }, { 1, 1 }, false, { "down", "down" } },
		{ 10, { true, true }, { 1, 1 }, false, { "active", "backup" } }, /* none was used: no delay */
		{ 1000, { false, true }, { 2, 2 }, true, { "down", "active" } },
		{ 2000, { true, true }, { 2, 2 }, false, { "waiting", "active" } },
		{ 2400, { false, true }, { 2, 2 }, false, { "down", "active" } }, /* it flaps */
		{ 2450, { true, true }, { 2, 2 }, false, { "waiting", "active" } },
		{ 2949, { true, true }, { 2, 2 }, false, { "waiting", "active" } },
		{ 2950, { true, true }, { 1, 1 }, true, { "active", "backup" } },
		{ 3000, { true, false }, { 1, 1 }, false, { "active", "down" } },
		{ 3100, { false, false }, { 1, 1 }, false, { "down", "down" } }, /* who took them last */
		{ 3200, { false, true }, { 2, 2 }, true, { "down", "active" } }, /* no other is left */
	};
	struct sl_bond_view view;

	(void)state;
	set_up("active-backup");
	assert_true(sl_bond_hears(1) && !sl_bond_hears(2) && sl_bond_hears(0));
	run(rows, sizeof(rows) / sizeof(rows[0]));
	assert_true(!sl_bond_hears(1) && sl_bond_hears(2));
	sl_bond_view_get(1, &view);
	assert_int_equal(view.failovers, 3);
	assert_int_equal(sl_bond_home(1, 1), 1);
}

static void balance_xor(void **state)
{
	static const struct row rows[] = {
		{ 0, { true, true }, { 1, 2 }, false, { "active", "active" } },
		{ 1000, { true, false }, { 1, 1 }, true, { "active", "down" } },
		{ 2000, { true, true }, { 1, 1 }, false, { "active", "waiting" } },
		{ 2500, { true, true }, { 1, 2 }, true, { "active", "active" } },
		{ 2600, { false, true }, { 2, 2 }, true, { "down", "active" } },
	};

	(void)state;
	set_up("balance-xor");
	run(rows, sizeof(rows) / sizeof(rows[0]));
	assert_int_equal(sl_bond_home(1, 6), 1);
	assert_int_equal(sl_bond_home(1, 7), 2);
	assert_int_equal(sl_bond_home(0, 7), 0);
	assert_true(sl_bond_hears(1) && sl_bond_hears(2));
	assert_int_equal(sl_bond_lead(2), 1);
	assert_int_equal(sl_bond_lead(0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(active_backup), cmocka_unit_test(balance_xor) };

	return cmocka_run_group_tests_name("host/bond", tests, NULL, NULL);
}
