/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The real firmware image on the simulated management core, against the fake datapath: boot, every command, resets,
 * crashes, hangs, bad images. What the firmware answers to bad commands is tested in commands.c, without the core.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "firmware/crash.h"
#include "sim/mgmt.h"
#include "sluice/image.h"
#include "tests/firmware/fake.h"

#define IMAGE "build/firmware/sluice-fw.bin"

static struct sl_engine datapath;
static struct sl_mgmt *core;
static uint32_t now_ms;

static struct sl_mgmt_config good_config(void)
{
	return (struct sl_mgmt_config){
		.image_path = IMAGE,
		.ops = &fake_engine,
		.engine = &datapath,
		.ports = 2,
		.port = { { { 2, 0, 0, 0, 0, 0x11 }, 1500, true }, { { 2, 0, 0, 0, 0, 0x22 }, 9000, false } },
		.random_seed = 0x5eed,
		.now_ms = now_ms,
		.console = getenv("SLUICE_TEST_CONSOLE") ? stderr : NULL,
	};
}

/* Card time goes on by ms, one step each. */
static uint64_t run_ms(uint32_t ms)
{
	uint64_t insns = 0;

	while (ms--)
		insns += sl_mgmt_step(core, ++now_ms, SL_MGMT_INSNS_PER_MS);
	return insns;
}

static int set_up(void **state)
{
	const struct sl_mgmt_config config = good_config();
	char err[200] = "";

	(void)state;
	fake_reset(&datapath, 2);
	core = sl_mgmt_create(&config, err, sizeof(err));
	if (!core) {
		fprintf(stderr, "%s\n", err);
		return -1;
	}
	return 0;
}

static int set_up_booted(void **state)
{
	if (set_up(state))
		return -1;
	run_ms(50);
	return sl_mgmt_status(core) == SL_MGMT_STATUS_SERVING ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	sl_mgmt_destroy(core);
	core = NULL;
	return 0;
}

/* Submits, and steps until the completion is there. */
static struct sl_admin_cpl admin(uint8_t opcode, const void *arg, uint32_t len)
{
	static uint16_t tag = 100;
	struct sl_admin_cmd cmd = { .opcode = opcode, .tag = ++tag, .len = len };
	struct sl_admin_cpl cpl;

	if (len)
		memcpy(cmd.arg, arg, len);
	assert_true(sl_mgmt_admin_submit(core, &cmd));
	assert_false(sl_mgmt_admin_submit(core, &cmd));
	for (unsigned int i = 0; i < 3000; i++) {
		run_ms(1);
		if (sl_mgmt_admin_done(core, &cpl)) {
			assert_int_equal(cpl.tag, tag);
			assert_int_equal(cpl.opcode, opcode);
			return cpl;
		}
	}
	fail_msg("no completion of opcode %u", opcode);
	abort();
}

static struct sl_admin_cpl admin_index(uint8_t opcode, uint32_t index)
{
	const struct sl_index_arg arg = { .index = index };

	return admin(opcode, &arg, sizeof(arg));
}

static const char *read_log(void)
{
	static char text[8192];
	uint32_t at = 0;

	for (;;) {
		const struct sl_admin_cpl cpl = admin_index(SL_ADMIN_OP_LOG_READ, at);

		assert_int_equal(cpl.status, SL_STATUS_OK);
		if (cpl.len == 0)
			break;
		assert_true(at + cpl.len < sizeof(text));
		memcpy(text + at, cpl.answer, cpl.len);
		at += cpl.len;
	}
	text[at] = 0;
	return text;
}

static void boots_and_sleeps(void **state)
{
	uint64_t insns;

	(void)state;
	assert_int_equal(sl_mgmt_status(core), 0);
	insns = run_ms(20);
	assert_int_equal(sl_mgmt_status(core), SL_MGMT_STATUS_SERVING);
	assert_int_equal(datapath.ctrl, 1);
	assert_int_equal(datapath.hash_key_writes, 4);
	assert_int_equal(datapath.bad_writes, 0);
	assert_int_not_equal(datapath.hash_key[0], datapath.hash_key[1]);
	assert_int_equal(datapath.vxlan_port, SL_VXLAN_PORT);
	assert_int_equal(datapath.meter[SL_METERS - 1].burst, 65535);
	print_message("boot: %llu instructions\n", (unsigned long long)insns);
	assert_true(insns < 200000);
	insns = run_ms(1000);
	print_message("one second asleep: %llu instructions\n", (unsigned long long)insns);
	assert_true(insns > 100 && insns < 10000);
	assert_true(sl_mgmt_wait_ms(core, now_ms) > 0 && sl_mgmt_wait_ms(core, now_ms) <= 100);
}

static void same_seed_same_run(void **state)
{
	const struct sl_mgmt_config config = good_config();
	uint32_t key[SL_CSR_HASH_KEY_COUNT];
	char err[200];
	uint64_t first;

	first = run_ms(300);
	memcpy(key, datapath.hash_key, sizeof(key));
	tear_down(state);
	fake_reset(&datapath, 2);
	core = sl_mgmt_create(&config, err, sizeof(err));
	assert_non_null(core);
	assert_int_equal(run_ms(300), first);
	assert_memory_equal(datapath.hash_key, key, sizeof(key));
}

static void small_budgets_add_up(void **state)
{
	struct sl_admin_cpl cpl;
	const struct sl_admin_cmd nop = { .opcode = SL_ADMIN_OP_NOP, .tag = 7 };
	uint32_t spent = 0;

	(void)state;
	assert_true(sl_mgmt_admin_submit(core, &nop));
	while (!sl_mgmt_admin_done(core, &cpl)) {
		const uint32_t n = sl_mgmt_step(core, now_ms, 3);

		assert_int_equal(n, 3);
		spent += n;
		assert_true(spent < 20000);
	}
	print_message("NOP: %u instructions\n", spent);
	assert_int_equal(cpl.status, SL_STATUS_OK);
	assert_int_equal(cpl.tag, 7);
}

static void serves_every_command(void **state)
{
	const struct sl_rule_arg rule = { .index = 63, .rule = fake_good_rule() };
	const struct sl_action_arg action = { .index = 4095, .action = fake_good_action() };
	const struct sl_meter_arg meter = { .index = 15, .meter = { .rate = 256, .burst = 32 } };
	const struct sl_mac_filter mac = { .index = 7, .valid = 1, .port_mask = 2, .mac = { 2, 3, 4, 5, 6, 7 } };
	const struct sl_port_config port = { .port = 1, .enable = 1, .allmulti = 1 };
	const struct sl_miss_arg miss = { .mark = 0xabc, .valid = 1 };
	const struct { uint8_t opcode; const void *arg; uint32_t len, index, answer_len; } rows[] = {
		{ SL_ADMIN_OP_NOP, NULL, 0, 0, 0 },
		{ SL_ADMIN_OP_GET_CAPS, NULL, 0, 0, sizeof(struct sl_caps) },
		{ SL_ADMIN_OP_PORT_SET, &port, sizeof(port), 0, 0 },
		{ SL_ADMIN_OP_PORT_GET, NULL, 8, 1, sizeof(struct sl_port_state) },
		{ SL_ADMIN_OP_MAC_SET, &mac, sizeof(mac), 0, 0 },
		{ SL_ADMIN_OP_RULE_WRITE, &rule, sizeof(rule), 0, 0 },
		{ SL_ADMIN_OP_RULE_READ, NULL, 8, 63, sizeof(rule) },
		{ SL_ADMIN_OP_RULE_STATS, NULL, 8, 63, sizeof(struct sl_counter_pair) },
		{ SL_ADMIN_OP_ACTION_WRITE, &action, sizeof(action), 0, 0 },
		{ SL_ADMIN_OP_ACTION_READ, NULL, 8, 4095, sizeof(action) },
		{ SL_ADMIN_OP_METER_SET, &meter, sizeof(meter), 0, 0 },
		{ SL_ADMIN_OP_REASON_STATS, NULL, 8, 64, 14 * sizeof(struct sl_counter_pair) },
		{ SL_ADMIN_OP_PORT_STATS, NULL, 8, 1, sizeof(struct sl_port_stats) },
		{ SL_ADMIN_OP_VXLAN_PORT, NULL, 8, SL_TUNNEL_FLAG_IPIP | 8472, 0 },
		{ SL_ADMIN_OP_MISS_MARK, &miss, sizeof(miss), 0, 0 },
		{ SL_ADMIN_OP_FLOW_CLEAR, NULL, 0, 0, 0 },
		{ SL_ADMIN_OP_HEALTH_GET, NULL, 0, 0, sizeof(struct sl_health) },
	};
	struct sl_admin_cpl cpl;

	(void)state;
	datapath.occupancy = 5;
	datapath.clear_after_epoch = 2000;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct sl_index_arg index = { .index = rows[i].index };

		cpl = admin(rows[i].opcode, rows[i].arg ? rows[i].arg : rows[i].len ? &index : NULL, rows[i].len);
		print_message("%s\n", sl_admin_op_name(rows[i].opcode));
		assert_int_equal(cpl.status, SL_STATUS_OK);
		assert_int_equal(cpl.len, rows[i].answer_len);
		if (rows[i].opcode == SL_ADMIN_OP_RULE_READ)
			assert_memory_equal(cpl.answer, &rule, sizeof(rule));
		if (rows[i].opcode == SL_ADMIN_OP_ACTION_READ)
			assert_memory_equal(cpl.answer, &action, sizeof(action));
	}
	assert_int_equal(datapath.port_flags[1], 5);
	assert_int_equal(datapath.mac_lo[7], 0x05040302);
	assert_int_equal(datapath.mac_hi[7], 0x80020706);
	assert_int_equal(datapath.meter[15].rate, 256);
	assert_int_equal(datapath.vxlan_port, SL_TUNNEL_FLAG_IPIP | 8472);
	assert_int_equal(datapath.miss_mark, 0xabc);
	assert_int_equal(datapath.miss_flags, 1);
	assert_int_equal(datapath.epoch, 1);
	assert_int_equal(datapath.clearing, 0);
	assert_int_equal(datapath.bad_writes, 0);
	assert_int_equal(admin(99, NULL, 0).status, SL_STATUS_BAD_OPCODE);
	assert_int_equal(admin(SL_ADMIN_OP_NOP, &rule, 4).status, SL_STATUS_BAD_LENGTH);
}

/* A prefix that no table of residents makes room for is refused in milliseconds. */
static void a_full_table_refuses_in_time(void **state)
{
	const struct sl_prefix_arg arg = { .table = SL_PREFIX_TABLE_DST_WIDE,
					   .prefix = { .addr = { 192, 0, 2, 1 }, .family = 4, .port_hi = 65535, .sets = 1 } };
	const uint32_t from_ms = now_ms;
	uint32_t x = 1;

	(void)state;
	for (uint32_t i = 0; i < SL_PREFIX_BUCKETS * SL_PREFIX_WAYS; i++) {
		struct sl_class_prefix *p = &datapath.bucket[i / SL_PREFIX_WAYS].slot0 + i % SL_PREFIX_WAYS;

		*p = arg.prefix;
		x = x * 1664525 + 1013904223;
		memcpy(p->addr, &x, sizeof(x));
	}
	assert_int_equal(admin(SL_ADMIN_OP_PREFIX_SET, &arg, sizeof(arg)).status, SL_STATUS_NO_SPACE);
	print_message("a full table refuses after %u ms, %u instructions each\n", now_ms - from_ms, SL_MGMT_INSNS_PER_MS);
	assert_true(now_ms - from_ms < 100);
}

static void answers_timeout_when_the_datapath_hangs(void **state)
{
	(void)state;
	datapath.table_stuck = true;
	assert_int_equal(admin_index(SL_ADMIN_OP_RULE_READ, 0).status, SL_STATUS_TIMEOUT);
	assert_int_equal(sl_mgmt_status(core), SL_MGMT_STATUS_SERVING);
	datapath.table_stuck = false;
	assert_int_equal(admin_index(SL_ADMIN_OP_RULE_READ, 0).status, SL_STATUS_OK);
	datapath.clear_after_epoch = UINT32_MAX;
	assert_int_equal(admin(SL_ADMIN_OP_FLOW_CLEAR, NULL, 0).status, SL_STATUS_TIMEOUT);
	assert_int_equal(sl_mgmt_status(core), SL_MGMT_STATUS_SERVING);
}

static void firmware_reset_keeps_the_datapath(void **state)
{
	struct sl_event event;
	struct sl_health health;
	uint32_t key[SL_CSR_HASH_KEY_COUNT];
	unsigned int table_writes;
	struct sl_admin_cpl cpl;

	(void)state;
	sl_mgmt_count_drop(core, SL_REASON_NO_HOST, 100);
	run_ms(200);
	memcpy(key, datapath.hash_key, sizeof(key));
	table_writes = datapath.table_writes;
	datapath.vxlan_port = 1234;
	assert_int_equal(admin_index(SL_ADMIN_OP_RESET, SL_RESET_KIND_FIRMWARE).status, SL_STATUS_OK);
	run_ms(50);
	sl_mgmt_count_drop(core, SL_REASON_NO_HOST, 11);
	assert_false(sl_mgmt_card_reset_wanted(core));
	assert_int_equal(sl_mgmt_status(core), SL_MGMT_STATUS_SERVING);
	assert_int_equal(datapath.ctrl, 1);
	assert_memory_equal(datapath.hash_key, key, sizeof(key));
	assert_int_equal(datapath.hash_key_writes, 4);
	assert_int_equal(datapath.table_writes, table_writes);
	assert_int_equal(datapath.vxlan_port, 1234);
	assert_true(sl_mgmt_event(core, &event));
	assert_int_equal(event.type, SL_EVENT_TYPE_RESET);
	assert_int_equal(event.arg0, SL_RESET_KIND_FIRMWARE);
	assert_false(sl_mgmt_event(core, &event));
	cpl = admin(SL_ADMIN_OP_HEALTH_GET, NULL, 0);
	memcpy(&health, cpl.answer, sizeof(health));
	assert_int_equal(health.last_reset, SL_RESET_KIND_FIRMWARE);
	assert_int_equal(health.boots, 2);
	assert_true(health.uptime_ms < 100);
	cpl = admin_index(SL_ADMIN_OP_REASON_STATS, SL_REASON_NO_HOST);
	assert_int_equal(((struct sl_counter_pair *)cpl.answer)->packets, 1000 + SL_REASON_NO_HOST + 2);
	assert_non_null(strstr(read_log(), "cause, starts 0x0 0x1")); /* the log is older than the restart */
}

static struct sl_counter_pair reason_count(unsigned int reason)
{
	const struct sl_admin_cpl cpl = admin_index(SL_ADMIN_OP_REASON_STATS, reason);
	struct sl_counter_pair pair;

	assert_int_equal(cpl.status, SL_STATUS_OK);
	memcpy(&pair, cpl.answer, sizeof(pair));
	return pair;
}

/* Many times 4 GiB while nobody looks: in a hang until the watchdog ends it, and in a firmware that has halted. */
static void no_dropped_byte_is_forgotten(void **state)
{
	static const struct { const char *what; enum sl_mgmt_fault fault; unsigned int times; uint32_t ms; } rows[] = {
		{ "a hang", SL_MGMT_FAULT_HANG, 1, 5200 }, { "six crashes", SL_MGMT_FAULT_ILLEGAL, 6, 0 },
	};
	static const unsigned int reasons[] = { SL_REASON_NO_HOST, SL_REASON_HOST_FULL };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sl_counter_pair before[2], after;

		print_message("%s\n", rows[i].what);
		for (unsigned int r = 0; r < 2; r++)
			before[r] = reason_count(reasons[r]);
		for (unsigned int n = 0; n < rows[i].times; n++) {
			sl_mgmt_fault_inject(core, rows[i].fault);
			run_ms(150);
		}
		for (unsigned int n = 0; n < 11; n++) {
			sl_mgmt_count_drop(core, SL_REASON_NO_HOST, 0xf0000000);
			sl_mgmt_count_drop(core, SL_REASON_HOST_FULL, 0xf0000001);
		}
		run_ms(rows[i].ms);
		sl_mgmt_count_drop(core, SL_REASON_HOST_FULL, 3);
		for (unsigned int n = 0; n < 2 && rows[i].ms == 0; n++) { /* it answers again when it has run well, and restarts */
			run_ms(SL_CRASH_SETTLED_MS + 500);
			sl_mgmt_reset(core, SL_RESET_KIND_FIRMWARE);
		}
		run_ms(50);
		after = reason_count(SL_REASON_NO_HOST);
		assert_int_equal(after.packets - before[0].packets, 11);
		assert_int_equal(after.bytes - before[0].bytes, 11 * 0xf0000000ull);
		after = reason_count(SL_REASON_HOST_FULL);
		assert_int_equal(after.packets - before[1].packets, 12);
		assert_int_equal(after.bytes - before[1].bytes, 11 * 0xf0000001ull + 3);
		sl_mgmt_reset(core, SL_RESET_KIND_CARD);
		fake_engine.reset(&datapath);
		run_ms(50);
	}
}

static void card_reset_sets_up_anew(void **state)
{
	struct sl_event event;
	struct sl_admin_cpl cpl;
	uint32_t key[SL_CSR_HASH_KEY_COUNT];

	(void)state;
	sl_mgmt_count_drop(core, SL_REASON_HOST_FULL, 100);
	memcpy(key, datapath.hash_key, sizeof(key));
	assert_int_equal(admin_index(SL_ADMIN_OP_RESET, SL_RESET_KIND_CARD).status, SL_STATUS_OK);
	run_ms(1);
	assert_true(sl_mgmt_card_reset_wanted(core));
	assert_int_equal(run_ms(2000), 0); /* halted; no alarm meanwhile */
	assert_int_equal(sl_mgmt_status(core) & SL_MGMT_STATUS_SILENT, 0);
	assert_true(sl_mgmt_wait_ms(core, now_ms) == UINT32_MAX);
	fake_engine.reset(&datapath);
	sl_mgmt_reset(core, SL_RESET_KIND_CARD);
	assert_false(sl_mgmt_card_reset_wanted(core));
	run_ms(50);
	assert_int_equal(sl_mgmt_status(core), SL_MGMT_STATUS_SERVING);
	assert_int_equal(datapath.ctrl, 1);
	assert_int_equal(datapath.hash_key_writes, 4);
	assert_memory_not_equal(datapath.hash_key, key, sizeof(key));
	assert_true(sl_mgmt_event(core, &event));
	assert_int_equal(event.arg0, SL_RESET_KIND_CARD);
	cpl = admin_index(SL_ADMIN_OP_REASON_STATS, SL_REASON_HOST_FULL);
	assert_int_equal(((struct sl_counter_pair *)cpl.answer)->packets, 1000 + SL_REASON_HOST_FULL);
}

static void crash_is_recorded(void **state)
{
	static const struct { enum sl_mgmt_fault fault; const char *cause; } rows[] = {
		{ SL_MGMT_FAULT_ILLEGAL, "crash: cause, pc 0x2 " },
		{ SL_MGMT_FAULT_STORE, "crash: cause, pc 0x7 " },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const uint32_t from_ms = now_ms;
		unsigned int value = 0, at_ms = 0;
		const char *line;

		sl_mgmt_fault_inject(core, rows[i].fault);
		run_ms(150);
		assert_int_equal(sl_mgmt_status(core), SL_MGMT_STATUS_SERVING);
		line = strstr(read_log(), rows[i].cause);
		assert_non_null(line);
		line = strstr(line, "crash: value, time in ms");
		assert_non_null(line);
		assert_int_equal(sscanf(line, "crash: value, time in ms 0x%x 0x%x", &value, &at_ms), 2);
		assert_in_range(at_ms, from_ms, now_ms);
		assert_int_equal(datapath.ctrl, 1);
		assert_int_equal(datapath.hash_key_writes, 4);
	}
	assert_non_null(strstr(read_log(), "value, time in ms 0x80000000"));
}

static unsigned int times_in_log(const char *text)
{
	unsigned int n = 0;

	for (const char *at = read_log(); (at = strstr(at, text)) != NULL; at++)
		n++;
	return n;
}

/* Three crashes in a row: the firmware serves only what helps; six: it halts and the watchdog tells. Time heals. Each is in
 * the log, also the one that it halted after, and also if the next start is a card reset's. */
static void crashes_are_bounded(void **state)
{
	unsigned int latest = 0;
	uint32_t sixth_ms = 0;

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		sl_mgmt_fault_inject(core, SL_MGMT_FAULT_ILLEGAL);
		run_ms(150);
	}
	assert_int_equal(sl_mgmt_status(core), SL_MGMT_STATUS_FAILED);
	assert_int_equal(datapath.ctrl, 1); /* forwarding goes on */
	assert_int_equal(admin(SL_ADMIN_OP_GET_CAPS, NULL, 0).status, SL_STATUS_BUSY);
	assert_int_equal(admin(SL_ADMIN_OP_HEALTH_GET, NULL, 0).status, SL_STATUS_OK);
	assert_non_null(strstr(read_log(), "too many crashes"));
	run_ms(11000);
	assert_int_equal(admin_index(SL_ADMIN_OP_RESET, SL_RESET_KIND_FIRMWARE).status, SL_STATUS_OK);
	run_ms(50);
	assert_int_equal(sl_mgmt_status(core), SL_MGMT_STATUS_SERVING);
	for (unsigned int i = 0; i < 6; i++) {
		sixth_ms = now_ms;
		sl_mgmt_fault_inject(core, SL_MGMT_FAULT_ILLEGAL);
		run_ms(150);
	}
	run_ms(1200);
	assert_true(sl_mgmt_status(core) & SL_MGMT_STATUS_SILENT);
	assert_true(run_ms(100) == 0);
	fake_engine.reset(&datapath);
	sl_mgmt_reset(core, SL_RESET_KIND_CARD);
	run_ms(50);
	assert_int_equal(sl_mgmt_status(core), SL_MGMT_STATUS_SERVING);
	assert_int_equal(times_in_log("crash: cause, pc 0x2 "), 3 + 6);
	for (const char *at = read_log(); (at = strstr(at, "crash: value, time in ms")) != NULL; at++)
		assert_int_equal(sscanf(at, "crash: value, time in ms 0x%*x 0x%x", &latest), 1);
	assert_in_range(latest, sixth_ms, sixth_ms + 150);
	assert_int_equal(times_in_log("crash: cause, pc 0x101 "), 0); /* it had halted, which is no hang */
}

/* A driver does not wait for the watchdog: what it ends after a second's silence is a hang, in the log and in the row. */
static void a_hang_that_the_host_ends(void **state)
{
	static const struct {
		const char *what;
		bool hangs;
		uint32_t ms;
		enum sl_reset_kind reset;
		unsigned int logged;
		uint32_t status;
	} rows[] = {
		{ "it beats", false, 3000, SL_RESET_KIND_FIRMWARE, 0, SL_MGMT_STATUS_SERVING },
		{ "silent for less than a second", true, 800, SL_RESET_KIND_FIRMWARE, 0, SL_MGMT_STATUS_SERVING },
		{ "silent for longer", true, 1200, SL_RESET_KIND_FIRMWARE, 1, SL_MGMT_STATUS_SERVING },
		{ "until just before the watchdog", true, 4900, SL_RESET_KIND_FIRMWARE, 2, SL_MGMT_STATUS_SERVING },
		{ "by a card reset, which begins anew", true, 1200, SL_RESET_KIND_CARD, 3, SL_MGMT_STATUS_SERVING },
		{ "one", true, 1200, SL_RESET_KIND_FIRMWARE, 4, SL_MGMT_STATUS_SERVING },
		{ "two", true, 1200, SL_RESET_KIND_FIRMWARE, 5, SL_MGMT_STATUS_SERVING },
		{ "three in a row", true, 1200, SL_RESET_KIND_FIRMWARE, 6, SL_MGMT_STATUS_FAILED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		print_message("%s\n", rows[i].what);
		if (rows[i].hangs)
			sl_mgmt_fault_inject(core, SL_MGMT_FAULT_HANG);
		run_ms(rows[i].ms);
		sl_mgmt_reset(core, rows[i].reset);
		run_ms(50);
		assert_int_equal(sl_mgmt_status(core), rows[i].status);
		assert_int_equal(times_in_log("crash: cause, pc 0x101 0x0"), rows[i].logged);
	}
}

static void hang_is_detected(void **state)
{
	const struct sl_admin_cmd cmd = { .opcode = SL_ADMIN_OP_HEALTH_GET, .tag = 42 };
	struct sl_admin_cpl cpl;

	(void)state;
	sl_mgmt_fault_inject(core, SL_MGMT_FAULT_HANG);
	assert_true(sl_mgmt_admin_submit(core, &cmd));
	run_ms(900);
	assert_int_equal(sl_mgmt_status(core) & SL_MGMT_STATUS_SILENT, 0);
	run_ms(200);
	assert_int_equal(sl_mgmt_status(core), SL_MGMT_STATUS_SERVING | SL_MGMT_STATUS_SILENT);
	assert_false(sl_mgmt_admin_done(core, &cpl));
	sl_mgmt_reset(core, SL_RESET_KIND_FIRMWARE);
	assert_true(sl_mgmt_admin_done(core, &cpl));
	assert_int_equal(cpl.status, SL_STATUS_ABORTED);
	assert_int_equal(cpl.tag, 42);
	run_ms(50);
	assert_int_equal(sl_mgmt_status(core), SL_MGMT_STATUS_SERVING);
	assert_int_equal(admin(SL_ADMIN_OP_NOP, NULL, 0).status, SL_STATUS_OK);
}

/* A register read that never answers: the watchdog frees the core. After three times the firmware leaves the datapath alone, and
 * tells why; a card reset heals. */
static void a_mute_datapath_is_given_up(void **state)
{
	struct sl_admin_cpl cpl;

	(void)state;
	sl_mgmt_fault_inject(core, SL_MGMT_FAULT_MUTE);
	assert_true(sl_mgmt_admin_submit(core, &(struct sl_admin_cmd){ .opcode = SL_ADMIN_OP_RULE_READ, .tag = 9, .len = 8 }));
	run_ms(1200);
	assert_int_equal(sl_mgmt_status(core), SL_MGMT_STATUS_SERVING | SL_MGMT_STATUS_SILENT);
	assert_false(sl_mgmt_admin_done(core, &cpl));
	run_ms(4000);
	assert_true(sl_mgmt_admin_done(core, &cpl));
	assert_int_equal(cpl.status, SL_STATUS_ABORTED);
	run_ms(10200); /* two starts that stand still in the self-test, and one that does not try */
	assert_int_equal(sl_mgmt_status(core), SL_MGMT_STATUS_FAILED);
	assert_int_equal(admin_index(SL_ADMIN_OP_RULE_READ, 0).status, SL_STATUS_BUSY);
	cpl = admin(SL_ADMIN_OP_HEALTH_GET, NULL, 0);
	assert_int_equal(cpl.status, SL_STATUS_OK);
	assert_int_equal(admin_index(SL_ADMIN_OP_IMAGE_STATE, 0).status, SL_STATUS_OK);
	assert_non_null(strstr(read_log(), "crash: cause, pc 0x101 0x0"));
	assert_non_null(strstr(read_log(), "too many crashes"));
	run_ms(20000);
	assert_int_equal(sl_mgmt_status(core), SL_MGMT_STATUS_FAILED); /* not started again and again */
	assert_int_equal(datapath.ctrl, 1);                            /* it forwarded all the time */
	assert_int_equal(admin_index(SL_ADMIN_OP_RESET, SL_RESET_KIND_CARD).status, SL_STATUS_OK);
	run_ms(5);
	fake_engine.reset(&datapath);
	sl_mgmt_reset(core, SL_RESET_KIND_CARD);
	run_ms(50);
	assert_int_equal(sl_mgmt_status(core), SL_MGMT_STATUS_SERVING);
}

static void a_stopped_simulator_is_no_hang(void **state)
{
	(void)state;
	now_ms += 60000;
	sl_mgmt_step(core, now_ms, 1);
	assert_int_equal(sl_mgmt_status(core), SL_MGMT_STATUS_SERVING);
	run_ms(10);
	assert_int_equal(sl_mgmt_status(core), SL_MGMT_STATUS_SERVING);
}

static void failed_self_test_says_why(void **state)
{
	(void)state;
	datapath.id = 0xdead;
	run_ms(50);
	assert_int_equal(sl_mgmt_status(core), SL_MGMT_STATUS_FAILED);
	assert_int_equal(datapath.ctrl, 0);
	assert_int_equal(datapath.hash_key_writes, 0);
	assert_int_equal(admin(SL_ADMIN_OP_GET_CAPS, NULL, 0).status, SL_STATUS_BUSY);
	assert_non_null(strstr(read_log(), "self-test: csr.ID, expected 0xdead 0x31504453"));
	datapath.id = SL_DATAPATH_ID;
	assert_int_equal(admin_index(SL_ADMIN_OP_RESET, SL_RESET_KIND_FIRMWARE).status, SL_STATUS_OK);
	run_ms(50);
	assert_int_equal(sl_mgmt_status(core), SL_MGMT_STATUS_SERVING);
	assert_int_equal(datapath.hash_key_writes, 4); /* the first start had not set the datapath up */
}

static void tables_that_never_clear_fail_the_boot(void **state)
{
	(void)state;
	datapath.clearing = UINT32_MAX;
	run_ms(1900);
	assert_int_equal(sl_mgmt_status(core), 0); /* still waiting, and beating */
	run_ms(300);
	assert_int_equal(sl_mgmt_status(core), SL_MGMT_STATUS_FAILED);
	assert_non_null(strstr(read_log(), "does not finish clearing"));
}

static void link_changes_become_events(void **state)
{
	struct sl_event event;

	(void)state;
	sl_mgmt_link_set(core, 1, true);
	sl_mgmt_link_set(core, 1, true);
	sl_mgmt_link_set(core, 7, true);
	run_ms(2);
	assert_true(sl_mgmt_event(core, &event));
	assert_int_equal(event.type, SL_EVENT_TYPE_LINK);
	assert_int_equal(event.arg0, 1);
	assert_int_equal(event.arg1, 1);
	assert_true(now_ms - event.time_ms <= 2);
	assert_false(sl_mgmt_event(core, &event));
	for (unsigned int i = 0; i < SL_MGMT_EVENTS + 3; i++) {
		sl_mgmt_link_set(core, 0, i % 2);
		run_ms(2);
	}
	assert_int_equal(sl_mgmt_events_lost(core), 3);
}

static void host_if_reset_drops_what_was_asked(void **state)
{
	const struct sl_admin_cmd cmd = { .opcode = SL_ADMIN_OP_NOP, .tag = 1 };
	const struct sl_admin_cmd next = { .opcode = SL_ADMIN_OP_HEALTH_GET, .tag = 2 };
	struct sl_admin_cpl cpl;
	struct sl_event event;

	(void)state;
	assert_true(sl_mgmt_admin_submit(core, &cmd)); /* not looked at yet */
	sl_mgmt_host_if_reset(core);
	run_ms(3);
	assert_false(sl_mgmt_admin_done(core, &cpl));
	for (unsigned int insns = 5; insns < 2000; insns += 50) { /* reset at any point of its execution */
		assert_true(sl_mgmt_admin_submit(core, &cmd));
		sl_mgmt_step(core, now_ms, insns);
		sl_mgmt_host_if_reset(core);
		assert_false(sl_mgmt_admin_done(core, &cpl));
		while (!sl_mgmt_admin_submit(core, &next)) /* whose answer must not be the old command's */
			sl_mgmt_step(core, now_ms, 50);
		run_ms(3);
		assert_true(sl_mgmt_admin_done(core, &cpl));
		assert_int_equal(cpl.tag, next.tag);
		assert_int_equal(cpl.len, sizeof(struct sl_health));
	}
	sl_mgmt_link_set(core, 1, true);
	run_ms(3);
	sl_mgmt_host_if_reset(core);
	assert_false(sl_mgmt_event(core, &event));
	assert_int_equal(admin(SL_ADMIN_OP_NOP, NULL, 0).status, SL_STATUS_OK);
	assert_non_null(strstr(read_log(), "the host interface was reset"));
	assert_int_equal(datapath.ctrl, 1);
}

static void bad_images_are_refused(void **state)
{
	static const struct { const char *what; long cut; long at; uint8_t flip; const char *error; } rows[] = {
		{ "empty", 0, -1, 0, "shorter than an image header" },
		{ "header only", 32, -1, 0, "cut off" },
		{ "cut by four bytes", -4, -1, 0, "cut off" },
		{ "magic", 0x7fffffff, 0, 1, "magic" },
		{ "header version", 0x7fffffff, 4, 2, "version that is not known" },
		{ "header length", 0x7fffffff, 6, 1, "version that is not known" },
		{ "length", 0x7fffffff, 12, 4, "cut off" },
		{ "huge length", 0x7fffffff, 15, 0x80, "not allowed" },
		{ "entry", 0x7fffffff, 18, 0xff, "entry" },
		{ "crc", 0x7fffffff, 20, 1, "checksum" },
		{ "ABI", 0x7fffffff, 24, 8, "checksum" },
		{ "code", 0x7fffffff, 0x200, 0x10, "checksum" },
	};
	static uint8_t image[SL_IMAGE_LENGTH_MAX];
	struct sl_mgmt_config config = good_config();
	char path[] = "build/tests/firmware/bad-image-XXXXXX", err[300];
	FILE *f = fopen(IMAGE, "rb");
	size_t n;
	int fd;

	(void)state;
	assert_non_null(f);
	n = fread(image, 1, sizeof(image), f);
	fclose(f);
	fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	config.image_path = path;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const size_t len = rows[i].cut < 0 ? n - 4 : (size_t)rows[i].cut < n ? (size_t)rows[i].cut : n;

		print_message("%s\n", rows[i].what);
		if (rows[i].at >= 0)
			image[rows[i].at] ^= rows[i].flip;
		f = fopen(path, "wb");
		assert_int_equal(fwrite(image, 1, len, f), len);
		fclose(f);
		if (rows[i].at >= 0)
			image[rows[i].at] ^= rows[i].flip;
		assert_null(sl_mgmt_create(&config, err, sizeof(err)));
		assert_non_null(strstr(err, path));
		assert_non_null(strstr(err, rows[i].error));
	}
	unlink(path);
	assert_null(sl_mgmt_create(&config, err, sizeof(err)));
	assert_non_null(strstr(err, "No such file"));
	config = good_config();
	config.ports = 9;
	assert_null(sl_mgmt_create(&config, err, sizeof(err)));
}

#define FRESH(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define BOOTED(name) cmocka_unit_test_setup_teardown(name, set_up_booted, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FRESH(boots_and_sleeps),
		FRESH(same_seed_same_run),
		BOOTED(small_budgets_add_up),
		BOOTED(serves_every_command),
		BOOTED(a_full_table_refuses_in_time),
		BOOTED(answers_timeout_when_the_datapath_hangs),
		BOOTED(firmware_reset_keeps_the_datapath),
		BOOTED(no_dropped_byte_is_forgotten),
		BOOTED(card_reset_sets_up_anew),
		BOOTED(crash_is_recorded),
		BOOTED(crashes_are_bounded),
		BOOTED(a_hang_that_the_host_ends),
		BOOTED(hang_is_detected),
		BOOTED(a_mute_datapath_is_given_up),
		BOOTED(a_stopped_simulator_is_no_hang),
		FRESH(failed_self_test_says_why),
		FRESH(tables_that_never_clear_fail_the_boot),
		BOOTED(link_changes_become_events),
		BOOTED(host_if_reset_drops_what_was_asked),
		cmocka_unit_test(bad_images_are_refused),
	};

	return cmocka_run_group_tests_name("firmware/mgmt", tests, NULL, NULL);
}
