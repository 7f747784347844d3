/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The very image of the simulated card on two processors, side by side: Unicorn, as in the simulator, and
 * qemu-system-riscv32 (core_qemu.h), each with its own block "mgmt", boot flash and fake datapath. What the host sees must be
 * the same, byte for byte: completions, events, console, status; and so must what the firmware does: every access to a register
 * in its order, and all of the RAM at the end.
 *
 *	 loader ROM, sluice-fw.bin                     loader ROM, sluice-fw.bin
 *	 Unicorn ──► bus ──► mgmt, flash, datapath     QEMU ──► bus ──► mgmt, flash, datapath
 *	              └── access n ──────── equal? ──────── access n ──┘
 *
 * So that both do the same at the same time, a millisecond of card time is ACCESSES_PER_MS accesses, not instructions.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/mgmt.h"
#include "sluice/image.h"
#include "tests/firmware/core_qemu.h"
#include "tests/firmware/fake.h"

#define IMAGE "build/firmware/sluice-fw.bin"
#define ACCESSES_PER_MS 400u
#define ACCESSES_MAX 400000u
#define HANG_INSNS 1000000u /* without an access: Unicorn's core hangs */

struct access {
	uint32_t address, value;
	bool store;
};

/* A processor whose accesses are counted and noted. */
struct sl_core {
	const struct sl_core_ops *ops;
	struct sl_core *inner;
	struct sl_core_bus bus, *outer;
	uint32_t left;
	uint32_t count;
	struct access access[ACCESSES_MAX];
};

static struct side {
	const struct sl_core_ops ops;
	const struct sl_core_ops *processor;
	struct sl_core *core;
	struct sl_engine datapath;
	struct sl_mgmt *mgmt;
	FILE *console;
	char *said;
	size_t said_len;
} unicorn, qemu;

static uint32_t now_ms;

/* ---- the processors ---- */

static void note(struct sl_core *core, uint32_t address, uint32_t value, bool store)
{
	assert_true(core->count < ACCESSES_MAX);
	core->access[core->count++] = (struct access){ address, value, store };
	core->left -= core->left > 0;
	core->bus.stop = core->outer->stop || core->left == 0;
}

static uint32_t noted_read(void *user, uint32_t address)
{
	struct sl_core *core = user;
	const uint32_t value = core->outer->read(core->outer->user, address);

	note(core, address, value, false);
	return value;
}

static void noted_write(void *user, uint32_t address, uint32_t value)
{
	struct sl_core *core = user;

	core->outer->write(core->outer->user, address, value);
	note(core, address, value, true);
}

static struct sl_core *noted_create(struct side *side, struct sl_core_bus *bus, const uint8_t *rom, size_t rom_bytes, char *err,
				    size_t err_len)
{
	struct sl_core *core = calloc(1, sizeof(*core));

	assert_non_null(core);
	core->outer = bus;
	core->bus = (struct sl_core_bus){ .read = noted_read, .write = noted_write, .user = core };
	core->ops = side->processor;
	core->inner = core->ops->create(&core->bus, rom, rom_bytes, err, err_len);
	assert_non_null(core->inner);
	side->core = core;
	return core;
}

static struct sl_core *unicorn_create(struct sl_core_bus *bus, const uint8_t *rom, size_t rom_bytes, char *err, size_t err_len)
{
	return noted_create(&unicorn, bus, rom, rom_bytes, err, err_len);
}

static struct sl_core *qemu_create(struct sl_core_bus *bus, const uint8_t *rom, size_t rom_bytes, char *err, size_t err_len)
{
	return noted_create(&qemu, bus, rom, rom_bytes, err, err_len);
}

static void noted_destroy(struct sl_core *core)
{
	core->ops->destroy(core->inner);
	free(core);
}

static int noted_reset(struct sl_core *core)
{
	return core->ops->reset(core->inner);
}

/* A millisecond's accesses, or until the processor sleeps. The budget counts as spent when there is no more to do in it. */
static uint64_t noted_run(struct sl_core *core, uint64_t budget)
{
	core->left = ACCESSES_PER_MS;
	core->bus.stop = false;
	while (!core->bus.stop && !core->bus.dead && core->ops->run(core->inner, HANG_INSNS) < HANG_INSNS)
		; /* Unicorn's run ends at a trap too */
	core->outer->dead = core->bus.dead;
	return core->outer->stop ? 1 : budget;
}

static void noted_poke(struct sl_core *core, const uint32_t *code, unsigned int n)
{
	core->ops->poke(core->inner, code, n);
}

static uint8_t *noted_ram(struct sl_core *core)
{
	return core->ops->ram(core->inner);
}

#define NOTED(create_) \
	{ \
		.create = create_, .destroy = noted_destroy, .reset = noted_reset, .run = noted_run, .poke = noted_poke, \
		.ram = noted_ram, \
	}

static struct side unicorn = { .ops = NOTED(unicorn_create), .processor = &sl_core_unicorn };
static struct side qemu = { .ops = NOTED(qemu_create), .processor = &sl_core_qemu };

/* ---- side by side ---- */

static void power_on(struct side *s)
{
	const struct sl_mgmt_config config = {
		.image_path = IMAGE,
		.processor = &s->ops,
		.ops = &fake_engine,
		.engine = &s->datapath,
		.ports = 2,
		.port = { { { 2, 0, 0, 0, 0, 0x11 }, 1500, true }, { { 2, 0, 0, 0, 0, 0x22 }, 9000, false } },
		.random_seed = 0x5eed,
		.now_ms = now_ms,
		.console = s->console = open_memstream(&s->said, &s->said_len),
	};
	char err[200] = "";

	fake_reset(&s->datapath, 2);
	s->mgmt = sl_mgmt_create(&config, err, sizeof(err));
	if (!s->mgmt)
		fail_msg("%s", err);
}

static void power_off(struct side *s)
{
	sl_mgmt_destroy(s->mgmt);
	fclose(s->console);
	free(s->said);
}

static int set_up(void **state)
{
	(void)state;
	power_on(&unicorn);
	power_on(&qemu);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	power_off(&unicorn);
	power_off(&qemu);
	return 0;
}

static void same_accesses(void)
{
	const struct sl_core *u = unicorn.core, *q = qemu.core;

	for (uint32_t i = 0; i < u->count && i < q->count; i++) {
		const struct access *a = &u->access[i], *b = &q->access[i];

		if (a->address != b->address || a->value != b->value || a->store != b->store)
			fail_msg("access %u: Unicorn %s 0x%x: 0x%x, QEMU %s 0x%x: 0x%x", i, a->store ? "write" : "read",
				 a->address, a->value, b->store ? "write" : "read", b->address, b->value);
	}
	assert_int_equal(u->count, q->count);
}

static void same_events(void)
{
	struct sl_event u, q;

	while (sl_mgmt_event(unicorn.mgmt, &u)) {
		assert_true(sl_mgmt_event(qemu.mgmt, &q));
		assert_memory_equal(&u, &q, sizeof(u));
	}
	assert_false(sl_mgmt_event(qemu.mgmt, &q));
}

static void same_state(void)
{
	same_accesses();
	same_events();
	fflush(unicorn.console);
	fflush(qemu.console);
	assert_string_equal(unicorn.said, qemu.said);
	assert_int_equal(sl_mgmt_status(unicorn.mgmt), sl_mgmt_status(qemu.mgmt));
	assert_int_equal(sl_mgmt_heartbeat(unicorn.mgmt), sl_mgmt_heartbeat(qemu.mgmt));
	assert_memory_equal(&unicorn.datapath, &qemu.datapath, sizeof(qemu.datapath));
	assert_memory_equal(noted_ram(unicorn.core), noted_ram(qemu.core), SL_IMAGE_RAM_BYTES);
}

/* In steps of `step` ms. */
static void run_ms(uint32_t ms, uint32_t step)
{
	for (uint32_t at = 0; at < ms; at += step) {
		now_ms += step;
		sl_mgmt_step(unicorn.mgmt, now_ms, UINT32_MAX);
		sl_mgmt_step(qemu.mgmt, now_ms, UINT32_MAX);
	}
}

static struct sl_admin_cpl admin(uint8_t opcode, const void *arg, uint32_t len)
{
	static uint16_t tag = 100;
	struct sl_admin_cmd cmd = { .opcode = opcode, .tag = ++tag, .len = len };
	struct sl_admin_cpl u, q;

	if (len)
		memcpy(cmd.arg, arg, len);
	assert_true(sl_mgmt_admin_submit(unicorn.mgmt, &cmd));
	assert_true(sl_mgmt_admin_submit(qemu.mgmt, &cmd));
	for (unsigned int i = 0; i < 100; i++) {
		bool done;

		run_ms(1, 1);
		done = sl_mgmt_admin_done(unicorn.mgmt, &u);
		assert_int_equal(sl_mgmt_admin_done(qemu.mgmt, &q), done);
		if (!done)
			continue;
		assert_memory_equal(&u, &q, sizeof(u));
		assert_int_equal(u.tag, tag);
		return u;
	}
	fail_msg("no completion of opcode %u", opcode);
	abort();
}

static struct sl_admin_cpl admin_index(uint8_t opcode, uint32_t index)
{
	const struct sl_index_arg arg = { .index = index };

	return admin(opcode, &arg, sizeof(arg));
}

static void boot(void)
{
	run_ms(50, 1);
	assert_int_equal(sl_mgmt_status(unicorn.mgmt), SL_MGMT_STATUS_SERVING);
	same_state();
}

static bool said(const char *text)
{
	fflush(unicorn.console);
	return strstr(unicorn.said, text) != NULL;
}

/* ---- tests ---- */

static void commands(void **state)
{
	const struct sl_rule_arg rule = { .index = 63, .rule = fake_good_rule() };
	const struct sl_rule_arg bad_rule = { .index = 64, .rule = fake_good_rule() };
	const struct sl_action_arg action = { .index = 4095, .action = fake_good_action() };
	const struct sl_meter_arg meter = { .index = 15, .meter = { .rate = 256, .burst = 32 } };
	const struct sl_mac_filter mac = { .index = 7, .valid = 1, .port_mask = 2, .mac = { 2, 3, 4, 5, 6, 7 } };
	const struct sl_port_config port = { .port = 1, .enable = 1, .allmulti = 1 };
	const struct sl_miss_arg miss = { .mark = 0xabc, .valid = 1 };
	const struct { uint8_t opcode; const void *arg; uint32_t len, index; enum sl_status status; } rows[] = {
		{ SL_ADMIN_OP_NOP, NULL, 0, 0, SL_STATUS_OK },
		{ SL_ADMIN_OP_GET_CAPS, NULL, 0, 0, SL_STATUS_OK },
		{ SL_ADMIN_OP_PORT_SET, &port, sizeof(port), 0, SL_STATUS_OK },
		{ SL_ADMIN_OP_PORT_GET, NULL, 8, 1, SL_STATUS_OK },
		{ SL_ADMIN_OP_MAC_SET, &mac, sizeof(mac), 0, SL_STATUS_OK },
		{ SL_ADMIN_OP_RULE_WRITE, &rule, sizeof(rule), 0, SL_STATUS_OK },
		{ SL_ADMIN_OP_RULE_WRITE, &bad_rule, sizeof(rule), 0, SL_STATUS_BAD_INDEX },
		{ SL_ADMIN_OP_RULE_READ, NULL, 8, 63, SL_STATUS_OK },
		{ SL_ADMIN_OP_RULE_STATS, NULL, 8, 63, SL_STATUS_OK },
		{ SL_ADMIN_OP_ACTION_WRITE, &action, sizeof(action), 0, SL_STATUS_OK },
		{ SL_ADMIN_OP_ACTION_READ, NULL, 8, 4095, SL_STATUS_OK },
		{ SL_ADMIN_OP_METER_SET, &meter, sizeof(meter), 0, SL_STATUS_OK },
		{ SL_ADMIN_OP_REASON_STATS, NULL, 8, 64, SL_STATUS_OK },
		{ SL_ADMIN_OP_PORT_STATS, NULL, 8, 1, SL_STATUS_OK },
		{ SL_ADMIN_OP_VXLAN_PORT, NULL, 8, 8472, SL_STATUS_OK },
		{ SL_ADMIN_OP_MISS_MARK, &miss, sizeof(miss), 0, SL_STATUS_OK },
		{ SL_ADMIN_OP_FLOW_CLEAR, NULL, 0, 0, SL_STATUS_OK },
		{ SL_ADMIN_OP_HEALTH_GET, NULL, 0, 0, SL_STATUS_OK },
		{ SL_ADMIN_OP_IMAGE_STATE, NULL, 8, 0, SL_STATUS_OK },
		{ SL_ADMIN_OP_IMAGE_READ, NULL, 8, 1000, SL_STATUS_OK },
		{ SL_ADMIN_OP_IMAGE_SELECT, NULL, 8, 1, SL_STATUS_BAD_IMAGE },
		{ SL_ADMIN_OP_LOG_READ, NULL, 8, 0, SL_STATUS_OK },
		{ SL_ADMIN_OP_NOP, &rule, 4, 0, SL_STATUS_BAD_LENGTH },
		{ 99, NULL, 0, 0, SL_STATUS_BAD_OPCODE },
	};

	(void)state;
	unicorn.datapath.clear_after_epoch = qemu.datapath.clear_after_epoch = 500;
	boot();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct sl_index_arg index = { .index = rows[i].index };
		const struct sl_admin_cpl cpl =
			admin(rows[i].opcode, rows[i].arg ? rows[i].arg : rows[i].len ? &index : NULL, rows[i].len);

		assert_int_equal(cpl.status, rows[i].status);
		if (rows[i].opcode == SL_ADMIN_OP_GET_CAPS)
			print_message("capabilities: %u ports, %s\n", ((const struct sl_caps *)cpl.answer)->ports,
				      ((const struct sl_caps *)cpl.answer)->fw_name);
	}
	sl_mgmt_link_set(unicorn.mgmt, 1, true);
	sl_mgmt_link_set(qemu.mgmt, 1, true);
	run_ms(500, 50);
	same_state();
	print_message("%u register accesses and %u bytes of RAM are the same\n", qemu.core->count, SL_IMAGE_RAM_BYTES);
}

/* QEMU takes its traps itself: cause, pc and value in the crash record must be those that sim/core_unicorn.c makes up. A hang is
 * ended by the watchdog. */
static void faults(void **state)
{
	static const struct { enum sl_mgmt_fault fault; uint32_t ms, step; const char *log; } rows[] = {
		{ SL_MGMT_FAULT_ILLEGAL, 300, 10, "crash: cause, pc 0x2 " },
		{ SL_MGMT_FAULT_STORE, 300, 10, "value, time in ms 0x80000000" },
		{ SL_MGMT_FAULT_HANG, 5800, 50, "hangs: ended since power-on, cause of this start 0x1" },
	};

	(void)state;
	boot();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		print_message("%s\n", rows[i].log);
		sl_mgmt_fault_inject(unicorn.mgmt, rows[i].fault);
		sl_mgmt_fault_inject(qemu.mgmt, rows[i].fault);
		run_ms(rows[i].ms, rows[i].step);
		if (!said(rows[i].log))
			fail_msg("the console says\n%s", unicorn.said);
		same_state();
	}
	assert_int_equal(admin(SL_ADMIN_OP_HEALTH_GET, NULL, 0).status, SL_STATUS_OK);
}

/* The same image is written into slot 1 through the admin queue, started from there, and confirmed. */
static void an_update(void **state)
{
	static uint8_t image[SL_IMAGE_LENGTH_MAX];
	struct sl_image_write write = { .len = 0 };
	struct sl_image_state slot;
	struct sl_admin_cpl cpl;
	FILE *f = fopen(IMAGE, "rb");
	uint32_t n;

	(void)state;
	assert_non_null(f);
	n = (uint32_t)fread(image, 1, sizeof(image), f);
	fclose(f);
	boot();
	for (uint32_t at = 0; at < n; at += SL_FLASH_SECTOR_BYTES)
		assert_int_equal(admin_index(SL_ADMIN_OP_IMAGE_ERASE, SL_FLASH_SLOT_BYTES + at).status, SL_STATUS_OK);
	for (uint32_t at = 0; at < n; at += write.len) {
		write.address = SL_FLASH_SLOT_BYTES + at;
		write.len = sizeof(write.data) < n - at ? sizeof(write.data) : (uint16_t)(n - at);
		memcpy(write.data, image + at, write.len);
		assert_int_equal(admin(SL_ADMIN_OP_IMAGE_WRITE, &write, sizeof(write)).status, SL_STATUS_OK);
	}
	assert_int_equal(admin_index(SL_ADMIN_OP_IMAGE_SELECT, 1).status, SL_STATUS_OK);
	assert_int_equal(admin_index(SL_ADMIN_OP_RESET, SL_RESET_KIND_FIRMWARE).status, SL_STATUS_OK);
	run_ms(50, 1);
	same_state();
	cpl = admin_index(SL_ADMIN_OP_IMAGE_STATE, 1);
	memcpy(&slot, cpl.answer, sizeof(slot));
	assert_int_equal(slot.running, 1);
	assert_int_equal(slot.confirmed, 0);
	run_ms(11000, 100);
	assert_true(said("it has run well and is confirmed"));
	same_state();
	print_message("%u register accesses are the same\n", qemu.core->count);
}

#define ROW(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = { ROW(commands), ROW(faults), ROW(an_update) };

	return cmocka_run_group_tests_name("firmware/processors", tests, NULL, NULL);
}
