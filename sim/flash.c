/* SPDX-License-Identifier: BSD-3-Clause */
/* The boot flash. Every change is written to the file at once, as a real one would hold it when the power fails. */
#include "sim/flash.h"

#include <errno.h>
#include <string.h>

/* The file follows [at, at + n). */
static void keep(struct sl_flash *flash, uint32_t at, uint32_t n)
{
	if (!flash->file)
		return;
	if (fseek(flash->file, (long)at, SEEK_SET) || fwrite(flash->bytes + at, 1, n, flash->file) != n || fflush(flash->file))
		fprintf(stderr, "sluice-sim: the flash file cannot be written: %s\n", strerror(errno));
}

static void make_at_factory(struct sl_flash *flash, const uint8_t *image, size_t n)
{
	struct sl_slot_state state;

	memset(flash->bytes, 0xff, sizeof(flash->bytes));
	memcpy(flash->bytes, image, n);
	memset(&state, 0xff, sizeof(state));
	state.magic = SL_SLOT_MAGIC;
	state.sequence = 1;
	state.check = ~state.sequence;
	state.confirmed = 0;
	memcpy(flash->bytes + SL_FLASH_STATE, &state, sizeof(state));
}

int sl_flash_open(struct sl_flash *flash, const char *path, const uint8_t *image, size_t n, char *err, size_t err_len)
{
	size_t had;

	memset(flash, 0, sizeof(*flash));
	flash->erase_ms = SL_FLASH_ERASE_MS;
	make_at_factory(flash, image, n);
	if (!path)
		return 0;
	flash->file = fopen(path, "r+b");
	if (!flash->file && errno == ENOENT)
		flash->file = fopen(path, "w+b");
	if (!flash->file) {
		snprintf(err, err_len, "flash file %s: %s", path, strerror(errno));
		return -1;
	}
	fseek(flash->file, 0, SEEK_END);
	had = (size_t)ftell(flash->file);
	rewind(flash->file);
	if (had == 0) {
		keep(flash, 0, SL_FLASH_BYTES);
		return 0;
	}
	if (had != SL_FLASH_BYTES || fread(flash->bytes, 1, SL_FLASH_BYTES, flash->file) != SL_FLASH_BYTES) {
		snprintf(err, err_len, "flash file %s: %zu bytes; a flash has %u, or 0 to begin with the factory's", path, had,
			 SL_FLASH_BYTES);
		sl_flash_close(flash);
		return -1;
	}
	return 0;
}

void sl_flash_close(struct sl_flash *flash)
{
	if (flash->file)
		fclose(flash->file);
	flash->file = NULL;
}

static uint32_t advance(struct sl_flash *flash)
{
	const uint32_t at = flash->address & (SL_FLASH_BYTES - 4);

	flash->address = at + 4;
	return at;
}

uint32_t sl_flash_read(struct sl_flash *flash, uint32_t now_ms)
{
	const uint32_t at = advance(flash);
	uint32_t word;

	memcpy(&word, flash->bytes + at, sizeof(word));
	return sl_flash_status(flash, now_ms) ? 0 : word;
}

void sl_flash_program(struct sl_flash *flash, uint32_t word, uint32_t now_ms)
{
	const uint32_t at = advance(flash);
	uint32_t old;

	if (sl_flash_status(flash, now_ms))
		return;
	memcpy(&old, flash->bytes + at, sizeof(old));
	word &= old;
	if (flash->worn)
		word |= old & 0x10;
	memcpy(flash->bytes + at, &word, sizeof(word));
	keep(flash, at, sizeof(word));
}

static uint32_t xorshift(uint32_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 17;
	*x ^= *x << 5;
	return *x;
}

/* What the sector holds if the power fails during its erasure: every word as it was, erased, or with some of its bits set,
 * or cleared (a part programs zeros before it erases). */
static void tear(struct sl_flash *flash, uint32_t at, uint32_t now_ms)
{
	uint32_t x = ((now_ms ^ at) * 0x9e3779b1u) | 1;

	for (uint32_t end = at + SL_FLASH_SECTOR_BYTES; at < end; at += 4) {
		const uint32_t how = xorshift(&x) >> 30;
		uint32_t word;

		memcpy(&word, flash->bytes + at, sizeof(word));
		word = how == 0 ? word : how == 1 ? 0xffffffff : how == 2 ? word | xorshift(&x) : word & xorshift(&x);
		memcpy(flash->bytes + at, &word, sizeof(word));
	}
}

void sl_flash_erase(struct sl_flash *flash, uint32_t address, uint32_t now_ms)
{
	const uint32_t at = address & (SL_FLASH_BYTES - SL_FLASH_SECTOR_BYTES);

	if (sl_flash_status(flash, now_ms))
		return;
	tear(flash, at, now_ms);
	keep(flash, at, SL_FLASH_SECTOR_BYTES);
	flash->erasing = true;
	flash->erase_at = at;
	flash->erase_from_ms = now_ms;
}

uint32_t sl_flash_status(struct sl_flash *flash, uint32_t now_ms)
{
	if (flash->erasing && !flash->stuck && now_ms - flash->erase_from_ms >= flash->erase_ms) {
		memset(flash->bytes + flash->erase_at, 0xff, SL_FLASH_SECTOR_BYTES);
		keep(flash, flash->erase_at, SL_FLASH_SECTOR_BYTES);
		flash->erasing = false;
	}
	return flash->erasing;
}
