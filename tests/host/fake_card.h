/* SPDX-License-Identifier: BSD-3-Clause */
/* A card with firmware as the control side sees it (sl_control_ops.images and its like), for one test program. */
#ifndef SLUICE_TESTS_HOST_FAKE_CARD_H
#define SLUICE_TESTS_HOST_FAKE_CARD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/control.h"
#include "sluice/image.h"

#define IMAGE_BYTES 4096u

static char image_path[96];

/* What it makes of an update. The functions are called in another thread while the test looks on. */
static struct {
	int images_rc, write_rc;  /* what the calls return */
	bool goes_back, hold;     /* after the trial's first look; in the middle of writing */
	bool confirms;            /* the new one, at the second look */
	unsigned int looks, written;
	struct sl_image_state slot[SL_FLASH_SLOTS];
} card;

static void card_reset(void)
{
	memset(&card, 0, sizeof(card));
	card.confirms = true;
	card.slot[0] = (struct sl_image_state){ .slot = 0, .valid = 1, .running = 1, .selected = 1, .confirmed = 1, .attempts = 3,
						.version = 0x000100, .length = 12000, .sequence = 1 };
	card.slot[1] = (struct sl_image_state){ .slot = 1 };
}

static int images(void *ctx, unsigned int port, struct sl_image_state slot[SL_FLASH_SLOTS])
{
	(void)ctx;
	assert_int_equal(port, 0);
	if (card.slot[1].running && card.goes_back && card.looks++ == 1) {
		card.slot[0].running = 1;
		card.slot[1].running = card.slot[1].attempts = 0;
	}
	if (card.slot[1].running && card.confirms && card.looks++ == 1)
		card.slot[1].confirmed = 1;
	memcpy(slot, card.slot, sizeof(card.slot));
	return card.images_rc;
}

static int image_write(void *ctx, unsigned int port, unsigned int slot, const uint8_t *image, uint32_t length)
{
	(void)ctx;
	assert_int_equal(port, 0);
	assert_int_equal(slot, 1);
	assert_null(sl_image_check(image, length, SL_ABI_VERSION));
	__atomic_store_n(&card.written, length / 2, __ATOMIC_RELAXED);
	while (__atomic_load_n(&card.hold, __ATOMIC_RELAXED))
		usleep(1000);
	__atomic_store_n(&card.written, length, __ATOMIC_RELAXED);
	if (card.write_rc)
		return card.write_rc;
	card.looks = 0;
	card.slot[0].running = 0;
	card.slot[1] = (struct sl_image_state){ .slot = 1, .valid = 1, .running = 1, .selected = 1, .attempts = 2,
						.version = 0x000900, .length = length, .sequence = 2 };
	return 0;
}

static uint32_t image_written(void *ctx, unsigned int port)
{
	(void)ctx, (void)port;
	return __atomic_load_n(&card.written, __ATOMIC_RELAXED);
}

/* An image of version 0.9.0; or one with a byte turned over. */
static void write_image(bool damaged)
{
	static uint32_t words[IMAGE_BYTES / 4];
	struct sl_image_header h = { .magic = SL_IMAGE_MAGIC, .header_version = SL_IMAGE_HEADER_VERSION, .header_len = sizeof(h),
				     .image_version = 0x000900, .length = IMAGE_BYTES, .entry = 64, .abi_version = SL_ABI_VERSION };
	FILE *f = fopen(image_path, "wb");

	assert_non_null(f);
	h.crc32 = sl_image_crc32(sl_image_header_crc32(&h), (const uint8_t *)words + sizeof(h), IMAGE_BYTES - sizeof(h));
	memcpy(words, &h, sizeof(h));
	words[100] = damaged;
	fwrite(words, 1, IMAGE_BYTES, f);
	fclose(f);
	words[100] = 0;
}

#endif
