/* SPDX-License-Identifier: BSD-3-Clause */
/* The IMAGE_* commands in the host build: what is refused, what is done, and what a flash that does not work leads to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "sluice/image.h"
#include "tests/firmware/core.h"

#define SLOT1 SL_FLASH_SLOT_BYTES
#define BYTES 4000u

static struct sl_firmware fw;
static uint32_t image_words[BYTES / 4]; /* a sealed image of no meaning */

static int boot(void **state)
{
	uint8_t *image = (uint8_t *)image_words;
	struct sl_image_header h = { SL_IMAGE_MAGIC, SL_IMAGE_HEADER_VERSION, sizeof(h), 0x020305, BYTES, sizeof(h), 0,
				     SL_ABI_VERSION, 0 };

	(void)state;
	core_power_on();
	sl_firmware_boot(&fw);
	for (unsigned int i = 0; i < BYTES; i++)
		image[i] = (uint8_t)(i * 7);
	memcpy(image, &h, sizeof(h));
	h.crc32 = sl_image_crc32(0, image, BYTES);
	memcpy(image, &h, sizeof(h));
	return fw.failed;
}

static enum sl_status indexed(enum sl_admin_op op, uint32_t index)
{
	const struct sl_index_arg arg = { .index = index };

	return core_admin(&fw, (uint8_t)op, &arg, sizeof(arg));
}

static enum sl_status write_at(uint32_t address, const void *data, uint16_t len)
{
	struct sl_image_write arg = { .address = address, .len = len };

	memcpy(arg.data, data, len < sizeof(arg.data) ? len : sizeof(arg.data));
	return core_admin(&fw, SL_ADMIN_OP_IMAGE_WRITE, &arg, sizeof(arg));
}

static void put_image(void)
{
	const uint8_t *image = (const uint8_t *)image_words;

	assert_int_equal(indexed(SL_ADMIN_OP_IMAGE_ERASE, SLOT1), SL_STATUS_OK);
	for (uint32_t at = 0; at < BYTES; at += 200)
		assert_int_equal(write_at(SLOT1 + at, image + at, 200), SL_STATUS_OK);
}

static struct sl_image_state state_of(uint32_t slot)
{
	struct sl_image_state s;

	assert_int_equal(indexed(SL_ADMIN_OP_IMAGE_STATE, slot), SL_STATUS_OK);
	assert_int_equal(core.response.len, sizeof(s));
	memcpy(&s, core.response.answer, sizeof(s));
	assert_int_equal(s.slot, slot);
	return s;
}

static void bad_arguments(void **state)
{
	static const struct { enum sl_admin_op op; uint32_t index; enum sl_status status; } rows[] = {
		{ SL_ADMIN_OP_IMAGE_STATE, 2, SL_STATUS_BAD_INDEX },
		{ SL_ADMIN_OP_IMAGE_STATE, 0xffffffff, SL_STATUS_BAD_INDEX },
		{ SL_ADMIN_OP_IMAGE_SELECT, 2, SL_STATUS_BAD_INDEX },
		{ SL_ADMIN_OP_IMAGE_SELECT, 0, SL_STATUS_IN_USE },
		{ SL_ADMIN_OP_IMAGE_SELECT, 1, SL_STATUS_BAD_IMAGE },
		{ SL_ADMIN_OP_IMAGE_ERASE, 0, SL_STATUS_IN_USE },
		{ SL_ADMIN_OP_IMAGE_ERASE, SLOT1 + 4, SL_STATUS_BAD_INDEX },
		{ SL_ADMIN_OP_IMAGE_ERASE, SLOT1 + SL_FLASH_STATE, SL_STATUS_BAD_INDEX },
		{ SL_ADMIN_OP_IMAGE_ERASE, SL_FLASH_BYTES, SL_STATUS_BAD_INDEX },
		{ SL_ADMIN_OP_IMAGE_ERASE, 0xfffff000, SL_STATUS_BAD_INDEX },
		{ SL_ADMIN_OP_IMAGE_READ, 2, SL_STATUS_BAD_INDEX },
		{ SL_ADMIN_OP_IMAGE_READ, SL_FLASH_BYTES, SL_STATUS_BAD_INDEX },
	};
	static const struct { uint32_t address; uint16_t len; enum sl_status status; } writes[] = {
		{ 0, 4, SL_STATUS_IN_USE },
		{ SLOT1, 0, SL_STATUS_BAD_VALUE },
		{ SLOT1, 3, SL_STATUS_BAD_VALUE },
		{ SLOT1, 228, SL_STATUS_BAD_VALUE },
		{ SLOT1 + 2, 4, SL_STATUS_BAD_INDEX },
		{ SLOT1 + SL_FLASH_STATE - 4, 8, SL_STATUS_BAD_INDEX },
		{ SLOT1 + SL_FLASH_STATE, 4, SL_STATUS_BAD_INDEX },
		{ SL_FLASH_BYTES, 4, SL_STATUS_BAD_INDEX },
		{ 0xfffffffc, 8, SL_STATUS_BAD_INDEX },
	};
	static uint8_t before[SL_FLASH_BYTES];
	static const uint8_t zero[228];

	(void)state;
	memcpy(before, core.flash.bytes, sizeof(before));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct sl_index_arg reserved = { .index = rows[i].index, .reserved0 = 1 };

		assert_int_equal(indexed(rows[i].op, rows[i].index), rows[i].status);
		assert_int_equal(core_admin(&fw, (uint8_t)rows[i].op, &reserved, sizeof(reserved)), SL_STATUS_BAD_VALUE);
	}
	for (size_t i = 0; i < sizeof(writes) / sizeof(writes[0]); i++)
		assert_int_equal(write_at(writes[i].address, zero, writes[i].len), writes[i].status);
	assert_memory_equal(core.flash.bytes, before, sizeof(before));
}

static void an_image_is_put_in_place(void **state)
{
	struct sl_image_state s;

	(void)state;
	put_image();
	s = state_of(1);
	assert_true(s.valid && !s.running && !s.selected && !s.confirmed && s.version == 0x020305 && s.length == BYTES);
	assert_int_equal(indexed(SL_ADMIN_OP_IMAGE_SELECT, 1), SL_STATUS_OK);
	s = state_of(1);
	assert_true(s.valid && s.selected && !s.confirmed && s.attempts == SL_BOOT_ATTEMPTS && s.sequence == 1);
	assert_true(state_of(0).running);
	assert_int_equal(indexed(SL_ADMIN_OP_IMAGE_READ, SLOT1), SL_STATUS_OK);
	assert_memory_equal(core.response.answer, image_words, core.response.len);
	assert_int_equal(core.response.len, SL_ANSWER_BYTES);
	assert_int_equal(indexed(SL_ADMIN_OP_IMAGE_READ, SL_FLASH_BYTES - 8), SL_STATUS_OK);
	assert_int_equal(core.response.len, 8);
	/* Again: while its state is being erased, it does not count as selected. */
	assert_int_equal(indexed(SL_ADMIN_OP_IMAGE_SELECT, 1), SL_STATUS_OK);
	assert_int_equal(core.flash_erased, 0);
	assert_int_equal(state_of(1).sequence, 2);
	/* Selected: it is not written over, and an erasure of any part unselects it first. */
	assert_int_equal(write_at(SLOT1 + BYTES, "\0\0\0", 4), SL_STATUS_FLASH_ERROR);
	assert_int_equal(indexed(SL_ADMIN_OP_IMAGE_ERASE, SLOT1 + 8 * SL_FLASH_SECTOR_BYTES), SL_STATUS_OK);
	s = state_of(1);
	assert_true(s.valid && !s.selected);
}

static void a_damaged_image_is_not_selected(void **state)
{
	(void)state;
	put_image();
	assert_int_equal(indexed(SL_ADMIN_OP_IMAGE_SELECT, 1), SL_STATUS_OK);
	for (uint32_t at = 0; at < BYTES; at += 117) {
		core.flash.bytes[SLOT1 + at] ^= 0x10;
		assert_int_equal(indexed(SL_ADMIN_OP_IMAGE_SELECT, 1), SL_STATUS_BAD_IMAGE);
		assert_false(state_of(1).valid);
		core.flash.bytes[SLOT1 + at] ^= 0x10;
	}
	assert_true(state_of(1).valid);
}

/* The next sequence is one more than the highest of a slot that was selected. What half an erasure leaves is not one. */
static void sequences(void **state)
{
	static const struct { uint32_t magic, sequence, check; bool selected; uint32_t next; } rows[] = {
		{ SL_SLOT_MAGIC, 41, ~41u, true, 42 },
		{ SL_SLOT_MAGIC, 0xfffffffd, 2, true, 0xfffffffe },
		{ SL_SLOT_MAGIC, 0xfffffffe, 1, true, 0 }, /* none is left: refused */
		{ SL_SLOT_MAGIC, 0xffffffff, 0, false, 1 },
		{ SL_SLOT_MAGIC, 0xffffffff, 0xffffffff, false, 1 },
		{ SL_SLOT_MAGIC, 0, 0xffffffff, false, 1 },
		{ SL_SLOT_MAGIC, 41, ~43u, false, 1 },
		{ SL_SLOT_MAGIC, 43, ~41u, false, 1 },
		{ 0, 41, ~41u, false, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sl_slot_state s = { rows[i].magic, rows[i].sequence, 0xffffffff, 0, rows[i].check, { 0 } };

		put_image();
		memcpy(core.flash.bytes + SLOT1 + SL_FLASH_STATE, &s, sizeof(s));
		assert_int_equal(state_of(1).selected, rows[i].selected);
		assert_int_equal(state_of(1).sequence, rows[i].selected ? rows[i].sequence : 0);
		assert_int_equal(indexed(SL_ADMIN_OP_IMAGE_SELECT, 1), rows[i].next ? SL_STATUS_OK : SL_STATUS_FLASH_ERROR);
		if (rows[i].next)
			assert_int_equal(state_of(1).sequence, rows[i].next);
	}
}

static void a_flash_that_fails(void **state)
{
	(void)state;
	put_image();
	core.flash_stuck = true;
	assert_int_equal(indexed(SL_ADMIN_OP_IMAGE_ERASE, SLOT1), SL_STATUS_FLASH_ERROR);
	core.flash_stuck = false;
	put_image();
	core.flash_flip = 1;
	assert_int_equal(write_at(SLOT1 + BYTES, "\1\2\3\4", 4), SL_STATUS_FLASH_ERROR);
	core.flash_flip = 0;
	assert_int_equal(write_at(SLOT1, "\xff\xff\xff\xff", 4), SL_STATUS_FLASH_ERROR); /* ones over zeros */
}

static bool erased(uint32_t address)
{
	for (uint32_t i = 0; i < SL_FLASH_SECTOR_BYTES; i++)
		if (core.flash.bytes[address + i] != 0xff)
			return false;
	return true;
}

/* An erasure that goes on after FLASH_ERASE_MAX_MS. Until it ends the part takes no other, and reads as zeros: nothing is said
 * to be done, and nothing of that is taken for what the flash holds. */
static void a_flash_that_is_slow(void **state)
{
	const uint32_t first = SLOT1, second = SLOT1 + SL_FLASH_SECTOR_BYTES;
	unsigned int refused = 0;

	(void)state;
	put_image();
	assert_int_equal(indexed(SL_ADMIN_OP_IMAGE_SELECT, 1), SL_STATUS_OK);
	memset(core.flash.bytes + second, 0x5a, SL_FLASH_SECTOR_BYTES);
	core.flash.erase_ms = SL_FLASH_ERASE_MAX_MS + 40;
	assert_int_equal(indexed(SL_ADMIN_OP_IMAGE_ERASE, first), SL_STATUS_FLASH_ERROR);
	core.flash.erase_from_ms += 80; /* it still ends when it would have, while the next ones are in time */
	core.flash.erase_ms -= 80;
	assert_int_equal(indexed(SL_ADMIN_OP_IMAGE_STATE, 1), SL_STATUS_FLASH_ERROR);
	assert_int_equal(indexed(SL_ADMIN_OP_IMAGE_READ, first), SL_STATUS_FLASH_ERROR);
	assert_int_equal(indexed(SL_ADMIN_OP_IMAGE_SELECT, 1), SL_STATUS_FLASH_ERROR);
	assert_int_equal(write_at(second, "\0\0\0", 4), SL_STATUS_FLASH_ERROR);
	for (;; refused++) {
		const enum sl_status status = indexed(SL_ADMIN_OP_IMAGE_ERASE, second);

		assert_int_equal(status == SL_STATUS_OK, erased(second));
		if (status == SL_STATUS_OK)
			break;
		assert_int_equal(status, SL_STATUS_FLASH_ERROR);
		assert_true(refused < 100);
	}
	assert_in_range(refused, 10, 40);
	assert_true(erased(first));
	assert_false(state_of(1).selected);
}

/* A part that says it has erased, and has not: a word of the sector, anywhere, is not all ones. */
static void an_erasure_is_looked_at(void **state)
{
	static const uint32_t at[] = { 0, 4, 2048, SL_FLASH_SECTOR_BYTES - 4 };

	(void)state;
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		core.flash_weak = SLOT1 + at[i];
		assert_int_equal(indexed(SL_ADMIN_OP_IMAGE_ERASE, SLOT1), SL_STATUS_FLASH_ERROR);
		assert_int_equal(indexed(SL_ADMIN_OP_IMAGE_ERASE, SLOT1 + SL_FLASH_SECTOR_BYTES), SL_STATUS_OK);
	}
}

/* The power fails between the changes that a selection makes: the image is selected as a whole or not at all. A half one,
 * of the highest sequence there is, could never be followed by another. */
static void a_selection_cut_short(void **state)
{
	bool whole = false;

	for (uint32_t left = 0; !whole; left++) {
		struct sl_image_state s;

		assert_true(left < 20);
		assert_int_equal(boot(state), 0);
		put_image();
		core.flash_left = left;
		whole = indexed(SL_ADMIN_OP_IMAGE_SELECT, 1) == SL_STATUS_OK;
		s = state_of(1);
		assert_true(s.valid);
		assert_int_equal(s.selected, whole);
		assert_true(!s.selected || s.sequence == 1);
	}
}

/* After ten seconds of life, once; a firmware that failed its self-test never. */
static void confirmation(void **state)
{
	(void)state;
	put_image();
	core.boot_slot = 1 | 1u << 8;
	fw.failed = true;
	fw.settled = false;
	core.time_ms = fw.boot_time_ms + 20000;
	sl_firmware_turn(&fw);
	assert_int_equal(core.boot_slot, 1 | 1u << 8);
	fw.failed = false;
	fw.settled = false;
	core.time_ms = fw.boot_time_ms + 9000;
	sl_firmware_turn(&fw);
	assert_int_equal(core.boot_slot, 1 | 1u << 8);
	core.time_ms = fw.boot_time_ms + 10000;
	sl_firmware_turn(&fw);
	assert_int_equal(core.boot_slot, 1);
	core.boot_slot = 0;
	assert_int_equal(state_of(1).confirmed, 0); /* it was never selected */
	assert_int_equal(core.flash.bytes[SLOT1 + SL_FLASH_STATE + offsetof(struct sl_slot_state, confirmed)], 0);
}

#define ROW(name) cmocka_unit_test_setup(name, boot)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW(bad_arguments), ROW(an_image_is_put_in_place), ROW(a_damaged_image_is_not_selected), ROW(sequences),
		ROW(a_flash_that_fails), ROW(a_flash_that_is_slow), ROW(an_erasure_is_looked_at), ROW(a_selection_cut_short), ROW(confirmation),
	};

	return cmocka_run_group_tests_name("firmware/flash", tests, NULL, NULL);
}
