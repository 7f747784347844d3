/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Updates of the real firmware on the simulated management core, through the admin queue: a good image is taken and
 * confirmed, one that crashes or hangs is gone back from, a power cut at any point of an update leaves a card that starts.
 * The images are the built one with another version and, where they are to fail, a broken entry.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "sim/flash.h"
#include "sim/mgmt.h"
#include "sluice/image.h"
#include "tests/firmware/fake.h"

#define IMAGE "build/firmware/sluice-fw.bin"
#define NEW_VERSION 0x000900u

static struct sl_engine datapath;
static struct sl_mgmt *core;
static uint32_t now_ms;
static uint8_t image[SL_IMAGE_LENGTH_MAX];
static uint32_t image_len;
static char flash_path[64];

static void power_on(void)
{
	const struct sl_mgmt_config config = {
		.image_path = IMAGE, .flash_path = flash_path, .ops = &fake_engine, .engine = &datapath, .ports = 1,
		.port = { { { 2, 0, 0, 0, 0, 0x11 }, 1500, true } }, .random_seed = 7, .now_ms = now_ms,
		.console = getenv("SLUICE_TEST_CONSOLE") ? stderr : NULL,
	};
	char err[200] = "";

	fake_reset(&datapath, 1);
	core = sl_mgmt_create(&config, err, sizeof(err));
	if (!core)
		fail_msg("%s", err);
}

static void power_off(void)
{
	sl_mgmt_destroy(core);
	core = NULL;
}

/* What the core reads as FLASH_STATUS (the linker puts this in between). */
static bool flash_stuck;
uint32_t __real_sl_flash_status(struct sl_flash *flash, uint32_t ms);
uint32_t __wrap_sl_flash_status(struct sl_flash *flash, uint32_t ms);

uint32_t __wrap_sl_flash_status(struct sl_flash *flash, uint32_t ms)
{
	return flash_stuck || __real_sl_flash_status(flash, ms);
}

static void run_ms(uint32_t ms)
{
	while (ms--)
		sl_mgmt_step(core, ++now_ms, SL_MGMT_INSNS_PER_MS);
}

static int set_up(void **state)
{
	int fd;

	(void)state;
	flash_stuck = false;
	snprintf(flash_path, sizeof(flash_path), "build/tests/firmware/flash-XXXXXX");
	fd = mkstemp(flash_path);
	if (fd < 0)
		return -1;
	close(fd);
	power_on();
	run_ms(50);
	return sl_mgmt_status(core) != SL_MGMT_STATUS_SERVING;
}

static int tear_down(void **state)
{
	(void)state;
	power_off();
	unlink(flash_path);
	return 0;
}

/* The status of a command, or -1 if the power was cut (cut_ms of card time ran out) before it ended. */
static int admin(uint8_t opcode, const void *arg, uint32_t len, void *answer, uint32_t *cut_ms)
{
	struct sl_admin_cmd cmd = { .opcode = opcode, .len = len };
	struct sl_admin_cpl cpl;

	memcpy(cmd.arg, arg, len);
	assert_true(sl_mgmt_admin_submit(core, &cmd));
	for (unsigned int i = 0; i < 3000; i++) {
		if (cut_ms && (*cut_ms)-- == 0)
			return -1;
		sl_mgmt_step(core, ++now_ms, cut_ms ? SL_MGMT_INSNS_PER_MS / 8 : SL_MGMT_INSNS_PER_MS);
		if (sl_mgmt_admin_done(core, &cpl)) {
			if (answer)
				memcpy(answer, cpl.answer, cpl.len);
			return cpl.status;
		}
	}
	fail_msg("no completion of opcode %u", opcode);
	return -1;
}

static int indexed(uint8_t opcode, uint32_t index, uint32_t *cut_ms)
{
	const struct sl_index_arg arg = { .index = index };

	return admin(opcode, &arg, sizeof(arg), NULL, cut_ms);
}

static struct sl_image_state state_of(uint32_t slot)
{
	const struct sl_index_arg arg = { .index = slot };
	struct sl_image_state s;

	assert_int_equal(admin(SL_ADMIN_OP_IMAGE_STATE, &arg, sizeof(arg), &s, NULL), SL_STATUS_OK);
	return s;
}

static uint32_t running(void)
{
	return state_of(0).running ? 0 : 1;
}

/* Of the image that is to come. */
static void make_image(uint32_t version, const uint32_t *at_entry, size_t n)
{
	struct sl_image_header h;
	FILE *f = fopen(IMAGE, "rb");

	assert_non_null(f);
	image_len = (uint32_t)fread(image, 1, sizeof(image), f);
	fclose(f);
	memcpy(&h, image, sizeof(h));
	h.image_version = version;
	h.crc32 = 0;
	memcpy(image, &h, sizeof(h));
	if (n)
		memcpy(image + h.entry, at_entry, n);
	h.crc32 = sl_image_crc32(0, image, image_len);
	memcpy(image, &h, sizeof(h));
}

/* Puts the image into the slot and selects it. False if the power was cut. */
static bool update(uint32_t slot, uint32_t *cut_ms)
{
	const uint32_t base = slot * SL_FLASH_SLOT_BYTES;
	int status;

	for (uint32_t at = 0; at < image_len; at += SL_FLASH_SECTOR_BYTES) {
		status = indexed(SL_ADMIN_OP_IMAGE_ERASE, base + at, cut_ms);
		if (status < 0)
			return false;
		assert_int_equal(status, SL_STATUS_OK);
	}
	for (uint32_t at = 0; at < image_len; at += 224) {
		struct sl_image_write arg = { .address = base + at,
					      .len = (uint16_t)(image_len - at < 224 ? image_len - at : 224) };

		memcpy(arg.data, image + at, arg.len);
		status = admin(SL_ADMIN_OP_IMAGE_WRITE, &arg, sizeof(arg), NULL, cut_ms);
		if (status < 0)
			return false;
		assert_int_equal(status, SL_STATUS_OK);
	}
	status = indexed(SL_ADMIN_OP_IMAGE_SELECT, slot, cut_ms);
	assert_true(status <= SL_STATUS_OK);
	return status == SL_STATUS_OK;
}

static void restart(void)
{
	assert_int_equal(indexed(SL_ADMIN_OP_RESET, SL_RESET_KIND_FIRMWARE, NULL), SL_STATUS_OK);
	run_ms(50);
}

static void a_good_image_is_confirmed(void **state)
{
	struct sl_image_state s;

	(void)state;
	s = state_of(0);
	assert_true(s.valid && s.running && s.selected && s.confirmed);
	make_image(NEW_VERSION, NULL, 0);
	assert_true(update(1, NULL));
	assert_int_equal(running(), 0);
	restart();
	assert_int_equal(sl_mgmt_status(core), SL_MGMT_STATUS_SERVING);
	assert_int_equal(datapath.hash_key_writes, 4); /* the datapath noticed nothing */
	s = state_of(1);
	assert_true(s.running && !s.confirmed && s.attempts == SL_BOOT_ATTEMPTS - 1 && s.version == NEW_VERSION);
	run_ms(10000);
	s = state_of(1);
	assert_true(s.confirmed);
	for (unsigned int i = 0; i < SL_BOOT_ATTEMPTS + 2; i++)
		restart();
	power_off();
	power_on();
	run_ms(50);
	assert_int_equal(running(), 1);
	/* And back, by the same way. */
	make_image(0x000100, NULL, 0);
	assert_true(update(0, NULL));
	restart();
	assert_int_equal(running(), 0);
	assert_int_equal(state_of(0).sequence, 3);
}

static void a_bad_image_is_gone_back_from(void **state)
{
	static const struct { const char *what; uint32_t code[2]; } rows[] = {
		{ "traps at once", { 0, 0 } },
		{ "hangs at once", { 0x0000006f, 0x0000006f } },
		{ "writes into the ROM", { 0x20000537, 0x00052023 } }, /* lui a0, 0x20000; sw zero, 0(a0) */
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sl_image_state s;

		print_message("%s\n", rows[i].what);
		make_image(NEW_VERSION, rows[i].code, sizeof(rows[i].code));
		assert_true(update(1, NULL));
		assert_int_equal(indexed(SL_ADMIN_OP_RESET, SL_RESET_KIND_FIRMWARE, NULL), SL_STATUS_OK);
		/* Each start is ended by the watchdog. */
		for (unsigned int ms = 0; ms < 5100 * SL_BOOT_ATTEMPTS + 100 && sl_mgmt_status(core) != SL_MGMT_STATUS_SERVING; ms++)
			run_ms(1);
		run_ms(50);
		assert_int_equal(sl_mgmt_status(core), SL_MGMT_STATUS_SERVING);
		s = state_of(1);
		assert_true(!s.running && s.valid && s.attempts == 0);
		assert_int_equal(running(), 0);
		assert_int_equal(datapath.ctrl, 1);
		assert_int_equal(datapath.hash_key_writes, 4);
		tear_down(state);
		assert_int_equal(set_up(state), 0);
	}
}

/* Serves, and crashes three times within its first ten seconds. */
static void an_image_that_crashes_later_is_gone_back_from(void **state)
{
	(void)state;
	make_image(NEW_VERSION, NULL, 0);
	assert_true(update(1, NULL));
	restart();
	assert_int_equal(running(), 1);
	for (unsigned int i = 0; i < SL_BOOT_ATTEMPTS; i++) {
		sl_mgmt_fault_inject(core, SL_MGMT_FAULT_ILLEGAL);
		run_ms(200);
	}
	assert_int_equal(running(), 0);
	assert_int_equal(sl_mgmt_status(core), SL_MGMT_STATUS_SERVING); /* the crashes were not this image's */
}

/* Serves nothing but what helps, and starts again by itself until its starts are used up. */
static void an_image_that_fails_its_self_test_is_gone_back_from(void **state)
{
	(void)state;
	make_image(NEW_VERSION, NULL, 0);
	assert_true(update(1, NULL));
	datapath.abi++;
	restart();
	run_ms(1000);
	assert_int_equal(running(), 0);
	assert_int_equal(state_of(1).attempts, 0);
	assert_int_equal(sl_mgmt_status(core), SL_MGMT_STATUS_FAILED); /* a confirmed one stays, for what it still serves */
	datapath.abi--;
	restart();
	assert_int_equal(sl_mgmt_status(core), SL_MGMT_STATUS_SERVING);
	assert_int_equal(running(), 0);
}

/* Until the new image has confirmed itself the one before it is what the card falls back to. */
static void the_image_before_is_kept_during_the_trial(void **state)
{
	struct sl_image_write write = { .address = 0, .len = 4 };

	(void)state;
	make_image(NEW_VERSION, NULL, 0);
	assert_true(update(1, NULL));
	restart();
	assert_int_equal(running(), 1);
	assert_int_equal(indexed(SL_ADMIN_OP_IMAGE_ERASE, 0, NULL), SL_STATUS_IN_USE);
	assert_int_equal(admin(SL_ADMIN_OP_IMAGE_WRITE, &write, sizeof(write), NULL, NULL), SL_STATUS_IN_USE);
	assert_int_equal(indexed(SL_ADMIN_OP_IMAGE_SELECT, 0, NULL), SL_STATUS_IN_USE);
	assert_true(state_of(0).confirmed);
	run_ms(10000);
	assert_true(state_of(1).confirmed);
	make_image(NEW_VERSION + 1, NULL, 0);
	assert_true(update(0, NULL));
}

/* By the host or by a trap, in every millisecond of an erasure: the loader waits until the flash can be read. */
static void a_reset_during_an_erasure(void **state)
{
	static const char *const by[] = { "RESET FIRMWARE", "RESET CARD", "a trap" };
	const struct sl_index_arg arg = { .index = SL_FLASH_SLOT_BYTES };
	struct sl_admin_cmd cmd = { .opcode = SL_ADMIN_OP_IMAGE_ERASE, .len = sizeof(arg) };
	struct sl_admin_cpl cpl;

	memcpy(cmd.arg, &arg, sizeof(arg));
	for (unsigned int i = 0; i < 3 * (SL_FLASH_ERASE_MS + 2); i++) {
		print_message("%s after %u ms\n", by[i % 3], i / 3);
		assert_true(sl_mgmt_admin_submit(core, &cmd));
		sl_mgmt_step(core, now_ms, SL_MGMT_INSNS_PER_MS);
		run_ms(i / 3);
		if (i % 3 == 0)
			sl_mgmt_reset(core, SL_RESET_KIND_FIRMWARE);
		else if (i % 3 == 1)
			sl_mgmt_reset(core, SL_RESET_KIND_CARD);
		else
			sl_mgmt_fault_inject(core, SL_MGMT_FAULT_ILLEGAL);
		run_ms(60);
		assert_int_equal(sl_mgmt_status(core), SL_MGMT_STATUS_SERVING);
		assert_true(sl_mgmt_admin_done(core, &cpl));
		assert_int_equal(cpl.status, i / 3 < SL_FLASH_ERASE_MS ? SL_STATUS_ABORTED : SL_STATUS_OK);
		tear_down(state);
		assert_int_equal(set_up(state), 0);
	}
}

/* The loader gives up, but for good it halts only when it has seen that nothing may be started. */
static void a_flash_that_stays_busy(void **state)
{
	(void)state;
	flash_stuck = true;
	sl_mgmt_reset(core, SL_RESET_KIND_FIRMWARE);
	run_ms(SL_FLASH_ERASE_MAX_MS - 10);
	assert_int_equal(sl_mgmt_status(core), 0);
	run_ms(20);
	assert_int_equal(sl_mgmt_status(core), SL_MGMT_STATUS_FAILED | SL_MGMT_STATUS_SILENT);
	run_ms(5000);
	flash_stuck = false;
	run_ms(5000);
	assert_int_equal(sl_mgmt_status(core), SL_MGMT_STATUS_SERVING);
}

/* ---- power cuts ---- */

#define CUT_OLD 0x000a00u
#define CUT_BEFORE 0x000900u

/* The flash as the file has it, in `bytes`, or back. */
static void flash_copy(uint8_t *bytes, bool back)
{
	FILE *f = fopen(flash_path, "r+b");

	assert_non_null(f);
	assert_int_equal(back ? fwrite(bytes, 1, SL_FLASH_BYTES, f) : fread(bytes, 1, SL_FLASH_BYTES, f), SL_FLASH_BYTES);
	fclose(f);
}

/* Updates the other slot, and waits until that has confirmed itself. */
static void update_and_confirm(uint32_t version)
{
	const uint32_t slot = running() ^ 1;

	make_image(version, NULL, 0);
	assert_true(update(slot, NULL));
	restart();
	run_ms(10000);
	assert_int_equal(running(), slot);
	assert_true(state_of(slot).confirmed);
}

/* Slot 0 ran when the power was cut, slot 1 was to be replaced. Either slot 0 starts, and the card can be updated again, or
 * slot 1 does, as one that has just been selected. True for slot 1. */
static bool starts_after_the_cut(uint32_t old)
{
	struct sl_image_state s;

	power_off();
	power_on();
	run_ms(60);
	assert_int_equal(sl_mgmt_status(core), SL_MGMT_STATUS_SERVING);
	if (!running()) {
		assert_int_equal(state_of(0).version, old);
		assert_int_equal(indexed(SL_ADMIN_OP_IMAGE_ERASE, SL_FLASH_SLOT_BYTES, NULL), SL_STATUS_OK);
		return false;
	}
	s = state_of(1);
	assert_int_equal(s.sequence, state_of(0).sequence + 1);
	assert_true(!s.confirmed && s.attempts == SL_BOOT_ATTEMPTS - 1);
	return true;
}

static void flash_restore(uint8_t *bytes)
{
	power_off();
	flash_copy(bytes, true);
	power_on();
	run_ms(60);
}

/*
 * Slot 0 runs; the power is cut after n eighths of a millisecond's work of putting a new image into slot 1. The image that
 * ran starts or, when all was done, the new one: never what slot 1 held before. The card can be updated again.
 */
static void cut_at_any_time(uint32_t old, unsigned int step)
{
	static uint8_t before[SL_FLASH_BYTES];
	unsigned int olds = 0, news = 0;

	flash_copy(before, false);
	make_image(NEW_VERSION, NULL, 0);
	for (uint32_t after = 0; news < 2; after += step) {
		uint32_t cut_ms = after;
		const bool done = update(1, &cut_ms);

		if (starts_after_the_cut(old)) {
			assert_int_equal(state_of(1).version, NEW_VERSION);
			news++;
		} else {
			assert_false(done);
			olds++;
		}
		flash_restore(before);
		assert_true(after < 5000);
	}
	assert_true(olds > 5);
}

static void a_power_cut_at_any_time(void **state)
{
	(void)state;
	cut_at_any_time(state_of(0).version, 9);
}

static void a_power_cut_while_an_old_image_is_replaced(void **state)
{
	(void)state;
	update_and_confirm(CUT_BEFORE);
	update_and_confirm(CUT_OLD);
	cut_at_any_time(CUT_OLD, 3);
}

/* Whatever a cut erasure left of slot 1's state: slot 0 runs on, and slot 1 can be filled again. */
static void a_torn_state(void **state)
{
	static const struct sl_slot_state torn[] = {
		{ SL_SLOT_MAGIC, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, { 0 } },
		{ SL_SLOT_MAGIC, 0xffffffff, 0xffffffff, 0, 0, { 0 } },
		{ SL_SLOT_MAGIC, 0, 0xffffffff, 0, 0xffffffff, { 0 } },
		{ SL_SLOT_MAGIC, 70, 0xffffffff, 0, ~6u, { 0 } },
		{ SL_SLOT_MAGIC, 70, 0xffffffff, 0, 0xffffffff, { 0 } },
		{ 0, 70, 0xffffffff, 0, ~70u, { 0 } },
	};
	static uint8_t before[SL_FLASH_BYTES];

	(void)state;
	update_and_confirm(CUT_BEFORE);
	update_and_confirm(CUT_OLD);
	flash_copy(before, false);
	for (size_t i = 0; i < sizeof(torn) / sizeof(torn[0]); i++) {
		memcpy(before + SL_FLASH_SLOT_BYTES + SL_FLASH_STATE, &torn[i], sizeof(torn[i]));
		flash_restore(before);
		assert_int_equal(running(), 0);
		assert_false(state_of(1).selected);
		make_image(NEW_VERSION, NULL, 0);
		assert_true(update(1, NULL));
		restart();
		assert_int_equal(running(), 1);
		assert_int_equal(state_of(1).sequence, state_of(0).sequence + 1);
	}
}

/* Also of the sector with a slot's state, in which a cut leaves something else each time. */
static void a_power_cut_inside_an_erasure(void **state)
{
	static const struct { uint8_t opcode; uint32_t index; } rows[] = {
		{ SL_ADMIN_OP_IMAGE_ERASE, SL_FLASH_SLOT_BYTES }, { SL_ADMIN_OP_IMAGE_SELECT, 1 },
	};
	static uint8_t before[SL_FLASH_BYTES];
	unsigned int cuts[2] = { 0, 0 };

	(void)state;
	update_and_confirm(CUT_BEFORE);
	update_and_confirm(CUT_OLD);
	flash_copy(before, false);
	for (unsigned int i = 0; i < 96; i++) {
		uint32_t cut_ms = i / 2 % 12;

		cuts[i % 2] += indexed(rows[i % 2].opcode, rows[i % 2].index, &cut_ms) < 0;
		if (starts_after_the_cut(CUT_OLD))
			assert_int_equal(rows[i % 2].opcode, SL_ADMIN_OP_IMAGE_SELECT);
		flash_restore(before);
	}
	assert_true(cuts[0] > 10 && cuts[1] > 10);
}

/* Unicorn sees every store to code; a core with an instruction cache sees the image only after fence.i. */
static void the_loader_fences_what_it_loaded(void **state)
{
	extern const uint8_t sl_loader_rom[], sl_loader_rom_end[];
	static const uint32_t hand_over[] = { 0x0000100f, 0x00050067 }; /* fence.i; jr a0 */
	unsigned int found = 0;

	(void)state;
	for (const uint8_t *at = sl_loader_rom; at + sizeof(hand_over) <= sl_loader_rom_end; at += 4)
		found += memcmp(at, hand_over, sizeof(hand_over)) == 0;
	assert_int_equal(found, 1);
}

/* A flash that does not erase, or does not keep what is written: the command says so in time, the heartbeat goes on, nothing is
 * selected, and the old firmware is what starts, also after a power cut. */
static void a_flash_that_fails(void **state)
{
	static const struct { enum sl_mgmt_fault fault; enum sl_status select; } rows[] = {
		{ SL_MGMT_FAULT_FLASH_STUCK, SL_STATUS_FLASH_ERROR }, { SL_MGMT_FAULT_FLASH_WORN, SL_STATUS_BAD_IMAGE },
	};

	make_image(NEW_VERSION, NULL, 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sl_image_write write = { .address = SL_FLASH_SLOT_BYTES, .len = sizeof(write.data) };

		sl_mgmt_fault_inject(core, rows[i].fault);
		memset(write.data, 0, sizeof(write.data));
		/* Also of one that is worn: the slot's state is struck out before its first sector is erased. */
		assert_int_equal(indexed(SL_ADMIN_OP_IMAGE_ERASE, SL_FLASH_SLOT_BYTES, NULL), SL_STATUS_FLASH_ERROR);
		assert_int_equal(sl_mgmt_status(core), SL_MGMT_STATUS_SERVING);
		assert_int_equal(admin(SL_ADMIN_OP_IMAGE_WRITE, &write, sizeof(write), NULL, NULL), SL_STATUS_FLASH_ERROR);
		assert_int_equal(indexed(SL_ADMIN_OP_IMAGE_SELECT, 1, NULL), rows[i].select);
		assert_int_equal(sl_mgmt_status(core), SL_MGMT_STATUS_SERVING);
		power_off();
		power_on();
		run_ms(50);
		assert_int_equal(sl_mgmt_status(core), SL_MGMT_STATUS_SERVING);
		assert_int_equal(running(), 0);
		assert_false(state_of(1).selected);
		tear_down(state);
		assert_int_equal(set_up(state), 0);
	}
}

static void no_image_at_all(void **state)
{
	FILE *f;

	(void)state;
	power_off();
	f = fopen(flash_path, "r+b");
	assert_non_null(f);
	for (unsigned int i = 0; i < SL_FLASH_SLOTS * SL_FLASH_SLOT_BYTES; i++)
		fputc(0xff, f);
	fclose(f);
	power_on();
	run_ms(50);
	assert_int_equal(sl_mgmt_status(core), SL_MGMT_STATUS_FAILED);
	run_ms(7000);
	assert_int_equal(sl_mgmt_status(core), SL_MGMT_STATUS_FAILED | SL_MGMT_STATUS_SILENT); /* halted, and not restarted */
}

static void bad_flash_files(void **state)
{
	struct sl_mgmt_config config = { .image_path = IMAGE, .flash_path = flash_path, .ops = &fake_engine, .engine = &datapath,
					 .ports = 1 };
	char err[200];
	FILE *f;

	(void)state;
	f = fopen(flash_path, "r+b");
	assert_non_null(f);
	assert_int_equal(ftruncate(fileno(f), 1000), 0);
	fclose(f);
	assert_null(sl_mgmt_create(&config, err, sizeof(err)));
	assert_non_null(strstr(err, "1000 bytes; a flash has 262144"));
	config.flash_path = "build/no such folder/flash";
	assert_null(sl_mgmt_create(&config, err, sizeof(err)));
	assert_non_null(strstr(err, "No such file"));
}

#define ROW(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW(a_good_image_is_confirmed), ROW(a_bad_image_is_gone_back_from),
		ROW(an_image_that_crashes_later_is_gone_back_from), ROW(an_image_that_fails_its_self_test_is_gone_back_from),
		ROW(the_image_before_is_kept_during_the_trial), ROW(a_reset_during_an_erasure),
		ROW(a_flash_that_stays_busy), ROW(a_power_cut_at_any_time),
		ROW(a_power_cut_while_an_old_image_is_replaced),
		ROW(a_power_cut_inside_an_erasure),
		ROW(a_torn_state), ROW(a_flash_that_fails), ROW(the_loader_fences_what_it_loaded), ROW(no_image_at_all),
		ROW(bad_flash_files),
	};

	return cmocka_run_group_tests_name("firmware/update", tests, NULL, NULL);
}
