/* SPDX-License-Identifier: BSD-3-Clause */
/* The firmware's host build: start, self-test, restart, turns, log, crash record, counters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "firmware/crash.h"
#include "firmware/firmware.h"
#include "firmware/log.h"
#include "tests/firmware/core.h"

static struct sl_firmware fw;

static int power_on(void **state)
{
	(void)state;
	core_power_on();
	sl_crash_forget();
	return 0;
}

static int power_on_and_boot(void **state)
{
	power_on(state);
	sl_firmware_boot(&fw);
	return core.status == SL_MGMT_STATUS_SERVING ? 0 : -1;
}

static const char *whole_log(void)
{
	static char text[SL_LOG_BYTES + 1];
	uint32_t n = 0, got;

	while ((got = sl_log_read(n, (uint8_t *)text + n, 100)) != 0)
		n += got;
	text[n] = 0;
	return text;
}

static const char *last_line_with(const char *needle)
{
	const char *found = NULL;

	for (const char *at = whole_log(); (at = strstr(at, needle)) != NULL; at++)
		found = at;
	return found;
}

static void fresh_start_sets_up(void **state)
{
	(void)state;
	sl_firmware_boot(&fw);
	assert_int_equal(core.status, SL_MGMT_STATUS_SERVING);
	assert_int_equal(core.datapath.ctrl, 1);
	assert_int_equal(core.datapath.hash_key_writes, 4);
	for (unsigned int i = 1; i < 4; i++)
		assert_int_not_equal(core.datapath.hash_key[i], core.datapath.hash_key[0]);
	for (unsigned int i = 0; i < SL_METERS; i++) {
		assert_int_equal(core.datapath.meter[i].rate, 0);
		assert_int_equal(core.datapath.meter[i].burst, 65535);
	}
	assert_int_equal(core.datapath.vxlan_port, SL_VXLAN_PORT);
	assert_int_equal(core.datapath.age_period, SL_AGE_PERIOD_MS);
	assert_int_equal(core.datapath.clearing, 0);
	assert_int_equal(core.event_count, 0);
	assert_int_equal(core.bad_accesses, 0);
	assert_int_equal(core.datapath.bad_writes, 0);
}

static void restarts(void **state)
{
	static const struct { const char *what; uint32_t cause, ctrl; unsigned int key_writes, events; } rows[] = {
		{ "firmware reset, datapath in use", SL_RESET_KIND_FIRMWARE, 1, 0, 1 },
		{ "firmware reset before set-up", SL_RESET_KIND_FIRMWARE, 0, 4, 1 },
		{ "card reset", SL_RESET_KIND_CARD, 0, 4, 1 },
		{ "power-on", 0, 0, 4, 0 },
		{ "power-on, a datapath that was not reset", 0, 1, 4, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		print_message("%s\n", rows[i].what);
		core_power_on();
		core.boot_cause = rows[i].cause;
		core.datapath.ctrl = rows[i].ctrl;
		core.datapath.vxlan_port = 99;
		sl_firmware_boot(&fw);
		assert_int_equal(core.status, SL_MGMT_STATUS_SERVING);
		assert_int_equal(core.datapath.ctrl, 1);
		assert_int_equal(core.datapath.hash_key_writes, rows[i].key_writes);
		assert_int_equal(core.datapath.table_writes, rows[i].key_writes ? SL_METERS : 0);
		assert_int_equal(core.datapath.vxlan_port, rows[i].key_writes ? SL_VXLAN_PORT : 99);
		assert_int_equal(core.datapath.bad_writes, 0);
		assert_int_equal(core.event_count, rows[i].events);
		if (rows[i].events) {
			assert_int_equal(core.events[0].type, SL_EVENT_TYPE_RESET);
			assert_int_equal(core.events[0].arg0, rows[i].cause);
		}
	}
}

static void self_test_failures(void **state)
{
	static const struct { const char *what; uint32_t *field; uint32_t value; const char *log; } rows[] = {
		{ "mgmt id", &core.id, 1, "mgmt.ID, expected 0x1 0x31434c53" },
		{ "datapath id", &core.datapath.id, 0, "csr.ID, expected 0x0 0x31504453" },
		{ "datapath ABI", &core.datapath.abi, 2, "csr.ABI, expected 0x2 0x1" },
		{ "no ports", &core.datapath.config, 16, "ports of the datapath, of the card 0x0 0x2" },
		{ "too many ports", &core.datapath.config, 16 | 9 << 8, "ports of the datapath, of the card 0x9 0x2" },
		{ "fewer ports than the card", &core.datapath.config, 16 | 1 << 8, "ports of the datapath, of the card 0x1 0x2" },
		{ "clearing for ever", &core.datapath.clearing, UINT32_MAX, "does not finish clearing" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint32_t heartbeat;

		print_message("%s\n", rows[i].what);
		core_power_on();
		*rows[i].field = rows[i].value;
		heartbeat = core.heartbeat;
		sl_firmware_boot(&fw);
		assert_int_equal(core.status, SL_MGMT_STATUS_FAILED);
		assert_int_equal(core.datapath.ctrl, 0);
		assert_int_equal(core.datapath.hash_key_writes, 0);
		assert_non_null(last_line_with(rows[i].log));
		assert_true(core.heartbeat > heartbeat);
		assert_int_equal(core_admin(&fw, SL_ADMIN_OP_NOP, NULL, 0), SL_STATUS_OK);
		assert_int_equal(core_admin(&fw, SL_ADMIN_OP_HEALTH_GET, NULL, 0), SL_STATUS_OK);
		assert_int_equal(core_admin(&fw, SL_ADMIN_OP_GET_CAPS, NULL, 0), SL_STATUS_BUSY);
		assert_int_equal(core_admin(&fw, SL_ADMIN_OP_FLOW_CLEAR, NULL, 0), SL_STATUS_BUSY);
	}
}

static void meters_that_hang_fail_the_boot(void **state)
{
	(void)state;
	core.datapath.table_stuck = true;
	sl_firmware_boot(&fw);
	assert_int_equal(core.status, SL_MGMT_STATUS_FAILED);
	assert_int_equal(core.datapath.ctrl, 0);
	assert_non_null(last_line_with("meters cannot be written"));
}

static void turns_do_what_is_pending(void **state)
{
	const uint32_t heartbeat = core.heartbeat, sleeps = core.sleeps;

	(void)state;
	sl_firmware_turn(&fw);
	assert_int_equal(core.heartbeat, heartbeat + 1);
	assert_int_equal(core.sleeps, sleeps + 1);
	assert_int_equal(core.responses, 0);
	core.pending = SL_PENDING_HOST_IF_RESET;
	sl_firmware_turn(&fw);
	assert_int_equal(core.hif_acks, 1);
	core.link = 2;
	core.pending = SL_PENDING_LINK;
	sl_firmware_turn(&fw);
	assert_int_equal(core.event_count, 2);
	assert_int_equal(core.events[0].type, SL_EVENT_TYPE_LINK);
	assert_int_equal(core.events[0].arg0, 0);
	assert_int_equal(core.events[0].arg1, 0);
	assert_int_equal(core.events[1].arg0, 1);
	assert_int_equal(core.events[1].arg1, 1);
	core.link = 2 | 0x80; /* a port that this card does not have */
	core.pending = SL_PENDING_LINK;
	sl_firmware_turn(&fw);
	assert_int_equal(core.event_count, 2);
	assert_int_equal(core.pending, 0);
	assert_int_equal(core.bad_accesses, 0);
}

/* Whatever the firmware did meanwhile, and with no turn between. */
static void drops_have_64_bits(void **state)
{
	const struct sl_index_arg first = { .index = SL_REASON_HOST_FULL };
	struct sl_counter_pair pairs[6];

	(void)state;
	core.drops[0] = 0x100000010;
	core.drops[1] = 0xfffffffffffff000;
	core.drops[2] = 0x2fffffffd;
	core.drops[3] = 300;
	assert_int_equal(core_admin(&fw, SL_ADMIN_OP_REASON_STATS, &first, sizeof(first)), SL_STATUS_OK);
	memcpy(pairs, core.response.answer, sizeof(pairs));
	assert_int_equal(pairs[0].packets, 1000 + SL_REASON_HOST_FULL + 0x2fffffffd);
	assert_int_equal(pairs[0].bytes, ((uint64_t)SL_REASON_HOST_FULL << 33 | 7) + 300);
	assert_int_equal(pairs[1].packets, 1000 + SL_REASON_HOST_FULL + 1);
	assert_int_equal(pairs[5].packets, 1000 + SL_REASON_NO_HOST + 0x100000010);
	assert_int_equal(pairs[5].bytes, ((uint64_t)SL_REASON_NO_HOST << 33 | 7) + 0xfffffffffffff000);

	/* A restart of the firmware keeps what the card has counted; a card reset zeroes it there. */
	core.drops[2] = 0x7fffffffd;
	core.boot_cause = SL_RESET_KIND_FIRMWARE;
	sl_firmware_boot(&fw);
	assert_int_equal(core_admin(&fw, SL_ADMIN_OP_REASON_STATS, &first, sizeof(first)), SL_STATUS_OK);
	memcpy(pairs, core.response.answer, sizeof(pairs));
	assert_int_equal(pairs[0].packets, 1000 + SL_REASON_HOST_FULL + 0x7fffffffd);
	assert_int_equal(pairs[5].packets, 1000 + SL_REASON_NO_HOST + 0x100000010);
}

static void log_is_a_ring(void **state)
{
	const char *text;
	uint8_t bytes[8];

	(void)state;
	for (uint32_t i = 0; i < 1000; i++)
		sl_log_values("line", i, 0xffffffff);
	text = whole_log();
	assert_int_equal(strlen(text), SL_LOG_BYTES);
	assert_null(strstr(text, "line 0x0 "));
	assert_non_null(strstr(text, "] line 0x3e7 0xffffffff\n"));
	assert_string_equal(text + SL_LOG_BYTES - 22, "line 0x3e7 0xffffffff\n");
	assert_int_equal(sl_log_read(SL_LOG_BYTES - 3, bytes, sizeof(bytes)), 3);
	assert_int_equal(sl_log_read(SL_LOG_BYTES, bytes, sizeof(bytes)), 0);
	assert_int_equal(sl_log_read(UINT32_MAX, bytes, sizeof(bytes)), 0);
	sl_log_open(); /* as after a restart */
	assert_int_equal(strlen(whole_log()), SL_LOG_BYTES);
}

static void log_lines_show_the_time(void **state)
{
	static const struct { uint32_t ms; const char *line; } rows[] = {
		{ 0, "[       0.000] x\n" },
		{ 12345, "[      12.345] x\n" },
		{ 4294967295u, "[ 4294967.295] x\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *text;

		core.time_ms = rows[i].ms;
		core.time_reads = 0;
		sl_log_text("x");
		text = whole_log();
		assert_string_equal(text + strlen(text) - strlen(rows[i].line), rows[i].line);
	}
}

static void crashes_are_reported_and_bounded(void **state)
{
	(void)state;
	for (unsigned int i = 1; i <= SL_CRASH_HALT; i++) {
		core.reset = 0;
		sl_crash_trap(7, 0x1230 + i, 0xbad0 + i);
		assert_int_equal(core.reset, i < SL_CRASH_HALT ? SL_RESET_KIND_FIRMWARE : 0);
		assert_int_equal(core.halts, i);
		core.boot_cause = SL_RESET_KIND_FIRMWARE;
		sl_firmware_boot(&fw);
		assert_int_equal(core.status, i < SL_CRASH_LIMIT ? SL_MGMT_STATUS_SERVING : SL_MGMT_STATUS_FAILED);
		assert_int_equal(core.datapath.ctrl, 1);
	}
	assert_non_null(last_line_with("crash: cause, pc 0x7 0x1236"));
	assert_non_null(last_line_with("crash: value, time in ms 0xbad6"));
	core.time_ms += SL_CRASH_SETTLED_MS;
	sl_firmware_turn(&fw);
	sl_firmware_boot(&fw);
	assert_int_equal(core.status, SL_MGMT_STATUS_SERVING);
	sl_crash_trap(2, 0x40, 0);
	sl_crash_trap(2, 0x41, 0);
	sl_crash_trap(2, 0x42, 0);
	core.boot_cause = SL_RESET_KIND_CARD;
	core.datapath.ctrl = 0;
	sl_firmware_boot(&fw);
	assert_int_equal(core.status, SL_MGMT_STATUS_SERVING);
	assert_non_null(last_line_with("crash: cause, pc 0x2 0x42"));
	/* What RAM holds when the power comes on is no record, whatever it looks like. */
	sl_crash_trap(2, 0x50, 0);
	sl_crash_trap(2, 0x51, 0);
	sl_crash_trap(2, 0x52, 0);
	core.boot_cause = 0;
	core.datapath.ctrl = 0;
	sl_firmware_boot(&fw);
	assert_int_equal(core.status, SL_MGMT_STATUS_SERVING);
	assert_null(last_line_with("crash: cause, pc 0x2 0x52"));
}

#define ROW(name, setup) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW(fresh_start_sets_up, power_on),
		ROW(restarts, power_on),
		ROW(self_test_failures, power_on),
		ROW(meters_that_hang_fail_the_boot, power_on),
		ROW(turns_do_what_is_pending, power_on_and_boot),
		ROW(drops_have_64_bits, power_on_and_boot),
		ROW(log_is_a_ring, power_on_and_boot),
		ROW(log_lines_show_the_time, power_on_and_boot),
		ROW(crashes_are_reported_and_bounded, power_on_and_boot),
	};

	return cmocka_run_group_tests_name("firmware/boot", tests, NULL, NULL);
}
