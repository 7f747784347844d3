/* SPDX-License-Identifier: BSD-3-Clause */
/* Firmware images in the boot flash. */
#include "firmware/flash.h"

#include <stdbool.h>
#include <stddef.h>

#include "firmware/firmware.h"
#include "firmware/hal.h"
#include "firmware/log.h"
#include "firmware/memory.h"
#include "firmware/slot.h"
#include "sluice/image.h"

#define FLASH_BYTES (SL_FLASH_SLOTS * SL_FLASH_SLOT_BYTES)
#define BUSY 1u
#define UNCONFIRMED (1u << 8)
#define PASSED_OVER (1u << 9)
#define BEAT_BYTES 4096u     /* read between two heartbeats */

_Static_assert(SL_FLASH_STATE >= SL_IMAGE_LENGTH_MAX, "an image ends before its slot's state");
_Static_assert(SL_FLASH_STATE + SL_FLASH_SECTOR_BYTES == SL_FLASH_SLOT_BYTES, "the state is in the last sector");

/* `to` is aligned to words. */
static void flash_read(uint32_t address, void *to, uint32_t bytes)
{
	uint32_t *at = to;

	sl_hal_mgmt_write(SL_MGMT_FLASH_ADDR, address);
	for (uint32_t i = 0; i < bytes / 4; i++)
		at[i] = sl_hal_mgmt_read(SL_MGMT_FLASH_DATA);
}

/* A flash that is busy, since an erasure did not end in time, takes nothing and reads as zeros, which is also what a state that
 * is confirmed, or not selected any more, looks like. So each command looks first. */
static enum sl_status flash_idle(void)
{
	return sl_hal_mgmt_read(SL_MGMT_FLASH_STATUS) & BUSY ? SL_STATUS_FLASH_ERROR : SL_STATUS_OK;
}

/* Programs words and reads them back. */
static enum sl_status flash_program(uint32_t address, const void *from, uint32_t bytes)
{
	const uint8_t *at = from;
	uint32_t word;

	if (flash_idle() != SL_STATUS_OK)
		return SL_STATUS_FLASH_ERROR;
	sl_hal_mgmt_write(SL_MGMT_FLASH_ADDR, address);
	for (uint32_t i = 0; i < bytes; i += 4) {
		memcpy(&word, at + i, sizeof(word));
		sl_hal_mgmt_write(SL_MGMT_FLASH_DATA, word);
	}
	sl_hal_mgmt_write(SL_MGMT_FLASH_ADDR, address);
	for (uint32_t i = 0; i < bytes; i += 4) {
		memcpy(&word, at + i, sizeof(word));
		if (sl_hal_mgmt_read(SL_MGMT_FLASH_DATA) != word)
			return SL_STATUS_FLASH_ERROR;
	}
	return SL_STATUS_OK;
}

/* The end of BUSY may be an earlier erasure's, and a part may fail: what counts is that the sector holds ones. */
static enum sl_status flash_erase(uint32_t address)
{
	const uint32_t start = sl_hal_mgmt_read(SL_MGMT_TIME_MS);

	if (flash_idle() != SL_STATUS_OK)
		return SL_STATUS_FLASH_ERROR;
	sl_hal_mgmt_write(SL_MGMT_FLASH_ERASE, address);
	while (flash_idle() != SL_STATUS_OK) {
		sl_firmware_beat();
		if (sl_hal_mgmt_read(SL_MGMT_TIME_MS) - start > SL_FLASH_ERASE_MAX_MS)
			return SL_STATUS_FLASH_ERROR;
	}
	sl_hal_mgmt_write(SL_MGMT_FLASH_ADDR, address);
	for (uint32_t i = 0; i < SL_FLASH_SECTOR_BYTES; i += 4)
		if (sl_hal_mgmt_read(SL_MGMT_FLASH_DATA) != 0xffffffff)
			return SL_STATUS_FLASH_ERROR;
	return SL_STATUS_OK;
}

static void state_read(uint32_t slot, struct sl_slot_state *state)
{
	flash_read(slot * SL_FLASH_SLOT_BYTES + SL_FLASH_STATE, state, sizeof(*state));
}

/* Programs the word at `field` of a slot's state. */
static enum sl_status state_program(uint32_t slot, size_t field, uint32_t word)
{
	return flash_program(slot * SL_FLASH_SLOT_BYTES + SL_FLASH_STATE + (uint32_t)field, &word, sizeof(word));
}

/* Reads the whole image. NULL, or why the loader would refuse it. */
static const char *image_check(uint32_t slot, struct sl_image_header *header)
{
	const uint32_t base = slot * SL_FLASH_SLOT_BYTES;
	const char *wrong;
	uint8_t part[64] __attribute__((aligned(4)));
	uint32_t crc;

	flash_read(base, header, sizeof(*header));
	wrong = sl_image_header_check(header);
	if (wrong)
		return wrong;
	crc = sl_image_header_crc32(header);
	for (uint32_t at = sizeof(*header); at < header->length;) {
		const uint32_t left = header->length - at, n = left < sizeof(part) ? left : (uint32_t)sizeof(part);

		flash_read(base + at, part, n);
		crc = sl_image_crc32(crc, part, n);
		at += n;
		if (at % BEAT_BYTES < sizeof(part))
			sl_firmware_beat();
	}
	return sl_image_body_check(header, crc, SL_ABI_VERSION);
}

uint32_t sl_flash_running(void)
{
	return sl_hal_mgmt_read(SL_MGMT_BOOT_SLOT) & 0xff;
}

static bool on_trial(void)
{
	return sl_hal_mgmt_read(SL_MGMT_BOOT_SLOT) & UNCONFIRMED;
}

static bool slot_confirmed(uint32_t slot)
{
	struct sl_slot_state state;

	state_read(slot, &state);
	return sl_slot_selected(&state) && state.confirmed == 0;
}

/* Not the image that runs, nor, while that is on trial, the one to go back to. */
static bool in_use(uint32_t slot)
{
	return slot == sl_flash_running() || (on_trial() && slot_confirmed(slot));
}

bool sl_flash_can_go_back(void)
{
	struct sl_image_header header;

	for (uint32_t slot = 0; on_trial() && slot < SL_FLASH_SLOTS; slot++)
		if (slot != sl_flash_running() && slot_confirmed(slot) && !image_check(slot, &header))
			return true;
	return false;
}

/* Only images may be written by the host, and none in use; a slot's state is the firmware's own. */
static enum sl_status may_change(uint32_t address, uint32_t bytes)
{
	const uint32_t in_slot = address % SL_FLASH_SLOT_BYTES;

	if (address >= FLASH_BYTES || in_slot >= SL_FLASH_STATE || bytes > SL_FLASH_STATE - in_slot)
		return SL_STATUS_BAD_INDEX;
	if (flash_idle() != SL_STATUS_OK)
		return SL_STATUS_FLASH_ERROR;
	return in_use(address / SL_FLASH_SLOT_BYTES) ? SL_STATUS_IN_USE : SL_STATUS_OK;
}

enum sl_status sl_flash_run_state(struct sl_firmware *fw, struct sl_command *c)
{
	const uint32_t slot = c->arg.index.index;
	struct sl_image_state *answer = &c->answer.image;
	struct sl_image_header header;
	struct sl_slot_state state;

	(void)fw;
	if (c->arg.index.reserved0)
		return SL_STATUS_BAD_VALUE;
	if (slot >= SL_FLASH_SLOTS)
		return SL_STATUS_BAD_INDEX;
	if (flash_idle() != SL_STATUS_OK)
		return SL_STATUS_FLASH_ERROR;
	answer->slot = (uint8_t)slot;
	answer->running = slot == sl_flash_running();
	if (!image_check(slot, &header)) {
		answer->valid = 1;
		answer->version = header.image_version;
		answer->length = header.length;
		answer->crc32 = header.crc32;
	}
	state_read(slot, &state);
	if (sl_slot_selected(&state)) {
		answer->selected = 1;
		answer->sequence = state.sequence;
		answer->confirmed = state.confirmed == 0;
		for (uint32_t bit = 0; bit < SL_BOOT_ATTEMPTS; bit++)
			answer->attempts = (uint8_t)(answer->attempts + (state.attempts >> bit & 1));
	}
	c->answer_len = sizeof(*answer);
	return SL_STATUS_OK;
}

/* The slot's state goes first: from here on the loader does not try what is being replaced. One word is programmed, which no
 * power cut leaves half done; the sector is erased when the slot is selected again. */
static enum sl_status unselect(uint32_t slot)
{
	struct sl_slot_state state;

	state_read(slot, &state);
	return state.magic == 0 ? SL_STATUS_OK : state_program(slot, offsetof(struct sl_slot_state, magic), 0);
}

enum sl_status sl_flash_run_erase(struct sl_firmware *fw, struct sl_command *c)
{
	const uint32_t address = c->arg.index.index;
	enum sl_status status;

	(void)fw;
	if (c->arg.index.reserved0)
		return SL_STATUS_BAD_VALUE;
	if (address % SL_FLASH_SECTOR_BYTES)
		return SL_STATUS_BAD_INDEX;
	status = may_change(address, SL_FLASH_SECTOR_BYTES);
	if (status == SL_STATUS_OK)
		status = unselect(address / SL_FLASH_SLOT_BYTES);
	return status == SL_STATUS_OK ? flash_erase(address) : status;
}

enum sl_status sl_flash_run_write(struct sl_firmware *fw, struct sl_command *c)
{
	const struct sl_image_write *arg = &c->arg.image;
	struct sl_slot_state state;
	enum sl_status status;

	(void)fw;
	if (arg->reserved0 || arg->len == 0 || arg->len % 4 || arg->len > sizeof(arg->data))
		return SL_STATUS_BAD_VALUE;
	if (arg->address % 4)
		return SL_STATUS_BAD_INDEX;
	status = may_change(arg->address, arg->len);
	if (status != SL_STATUS_OK)
		return status;
	state_read(arg->address / SL_FLASH_SLOT_BYTES, &state);
	if (sl_slot_selected(&state)) /* a selected image is erased before it is written over */
		return SL_STATUS_FLASH_ERROR;
	return flash_program(arg->address, arg->data, arg->len);
}

enum sl_status sl_flash_run_read(struct sl_firmware *fw, struct sl_command *c)
{
	const uint32_t address = c->arg.index.index;
	uint32_t n = sizeof(c->answer.bytes);

	(void)fw;
	if (c->arg.index.reserved0)
		return SL_STATUS_BAD_VALUE;
	if (address % 4 || address >= FLASH_BYTES)
		return SL_STATUS_BAD_INDEX;
	if (flash_idle() != SL_STATUS_OK)
		return SL_STATUS_FLASH_ERROR;
	if (n > FLASH_BYTES - address)
		n = FLASH_BYTES - address;
	flash_read(address, c->answer.bytes, n);
	c->answer_len = n;
	return SL_STATUS_OK;
}

static uint32_t sequence_next(void)
{
	struct sl_slot_state state;
	uint32_t highest = 0;

	for (uint32_t slot = 0; slot < SL_FLASH_SLOTS; slot++) {
		state_read(slot, &state);
		if (sl_slot_selected(&state) && state.sequence > highest)
			highest = state.sequence;
	}
	return highest + 1;
}

enum sl_status sl_flash_run_select(struct sl_firmware *fw, struct sl_command *c)
{
	const uint32_t slot = c->arg.index.index;
	struct sl_image_header header;
	enum sl_status status;
	const char *wrong;
	uint32_t sequence;

	(void)fw;
	if (c->arg.index.reserved0)
		return SL_STATUS_BAD_VALUE;
	if (slot >= SL_FLASH_SLOTS)
		return SL_STATUS_BAD_INDEX;
	if (flash_idle() != SL_STATUS_OK)
		return SL_STATUS_FLASH_ERROR;
	if (in_use(slot))
		return SL_STATUS_IN_USE;
	wrong = image_check(slot, &header);
	if (wrong) {
		sl_log_text(wrong);
		return SL_STATUS_BAD_IMAGE;
	}
	sequence = sequence_next();
	if (sequence == 0xffffffff) { /* no flash lives to see so many */
		sl_log_text("image: the sequence numbers are used up");
		return SL_STATUS_FLASH_ERROR;
	}
	status = unselect(slot);
	if (status == SL_STATUS_OK)
		status = flash_erase(slot * SL_FLASH_SLOT_BYTES + SL_FLASH_STATE);
	if (status == SL_STATUS_OK)
		status = state_program(slot, offsetof(struct sl_slot_state, sequence), sequence);
	if (status == SL_STATUS_OK)
		status = state_program(slot, offsetof(struct sl_slot_state, check), ~sequence);
	if (status == SL_STATUS_OK)
		status = state_program(slot, offsetof(struct sl_slot_state, magic), SL_SLOT_MAGIC);
	if (status == SL_STATUS_OK)
		sl_log_values("image selected: slot, version", slot, header.image_version);
	return status;
}

void sl_flash_report(void)
{
	const uint32_t boot = sl_hal_mgmt_read(SL_MGMT_BOOT_SLOT);

	if (boot & PASSED_OVER)
		sl_log_values("image: a later selected one was passed over; slot, version", boot & 0xff, SL_FIRMWARE_VERSION);
	else
		sl_log_values("image: slot, version", boot & 0xff, SL_FIRMWARE_VERSION);
}

void sl_flash_confirm(void)
{
	const uint32_t boot = sl_hal_mgmt_read(SL_MGMT_BOOT_SLOT), slot = boot & 0xff;

	if (!(boot & UNCONFIRMED) || slot >= SL_FLASH_SLOTS)
		return;
	if (state_program(slot, offsetof(struct sl_slot_state, confirmed), 0) == SL_STATUS_OK) {
		sl_hal_mgmt_write(SL_MGMT_BOOT_SLOT, boot & ~UNCONFIRMED);
		sl_log_values("image: it has run well and is confirmed; slot, version", slot, SL_FIRMWARE_VERSION);
	} else {
		sl_log_text("image: the boot flash did not keep the confirmation");
	}
}
