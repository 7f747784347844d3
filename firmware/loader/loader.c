/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The loader: what the management core runs first after every reset, from a ROM that no update can break. It starts the
 * firmware image that was selected last and goes back to an earlier one when that cannot be loaded or does not stand the
 * test:
 *
 *	erased ──IMAGE_SELECT──► selected ──each start clears one bit of attempts──► passed over when none is left
 *	                            │
 *	                            └──the firmware has run for SL_CRASH_SETTLED_MS: confirmed──► started without counting
 *
 * An image that crashes or hangs before it confirms itself therefore costs BOOT_ATTEMPTS starts, by the trap handler or the
 * watchdog, and then the one before it runs again. Traffic is in the datapath and notices none of this. The area of RAM that
 * survives restarts (log, crash record) is not touched.
 */
#include <stdbool.h>
#include <stdint.h>

#include "firmware/hal.h"
#include "firmware/memory.h"
#include "firmware/slot.h"
#include "sluice/image.h"

#define NONE SL_SLOT_NONE
#define BUSY 1u

uint32_t sl_loader_run(void);

/* Address 0 is where the image goes; the compiler must not take it for a null pointer. */
static uint8_t *ram_start(void)
{
	uintptr_t address = 0;

	__asm__("" : "+r"(address));
	return (uint8_t *)address;
}

static void say(const char *text)
{
	while (*text)
		sl_hal_mgmt_write(SL_MGMT_CONSOLE, (uint8_t)*text++);
}

static void say_of_slot(uint32_t slot, const char *text)
{
	say("loader: slot ");
	sl_hal_mgmt_write(SL_MGMT_CONSOLE, '0' + slot);
	say(": ");
	say(text);
	say("\n");
}

/* A reset may come while the firmware erases a sector, and does not end that: until then nothing can be read. A flash that
 * takes longer than any does is looked at again when the watchdog has started the core once more. */
static void flash_wait(void)
{
	const uint32_t start = sl_hal_mgmt_read(SL_MGMT_TIME_MS);

	while (sl_hal_mgmt_read(SL_MGMT_FLASH_STATUS) & BUSY) {
		if (sl_hal_mgmt_read(SL_MGMT_TIME_MS) - start <= SL_FLASH_ERASE_MAX_MS)
			continue;
		say("loader: the boot flash stays busy\n");
		sl_hal_mgmt_write(SL_MGMT_STATUS, SL_MGMT_STATUS_FAILED);
		for (;;)
			;
	}
}

/* `to` is aligned to words. */
static void flash_read(uint32_t address, void *to, uint32_t bytes)
{
	uint32_t *at = to;

	sl_hal_mgmt_write(SL_MGMT_FLASH_ADDR, address);
	for (uint32_t i = 0; i < bytes / 4; i++)
		at[i] = sl_hal_mgmt_read(SL_MGMT_FLASH_DATA);
}

static bool may_start(const struct sl_slot_state *state)
{
	return state->confirmed == 0 || (state->attempts & ((1u << SL_BOOT_ATTEMPTS) - 1)) != 0;
}

/* The selected slot of the highest sequence below `below` that may start, or NONE; *passed: one was met that may not. */
static uint32_t best(uint64_t below, bool *passed, struct sl_slot_state *chosen)
{
	uint32_t found = NONE;

	for (uint32_t slot = 0; slot < SL_FLASH_SLOTS; slot++) {
		struct sl_slot_state state;

		flash_read(slot * SL_FLASH_SLOT_BYTES + SL_FLASH_STATE, &state, sizeof(state));
		if (!sl_slot_selected(&state) || state.sequence >= below)
			continue;
		if (!may_start(&state)) {
			*passed = true;
			continue;
		}
		if (found == NONE || state.sequence > chosen->sequence) {
			found = slot;
			*chosen = state;
		}
	}
	return found;
}

/* Copies the slot's image into RAM. NULL, or why it may not run. */
static const char *load(uint32_t slot, uint32_t *entry)
{
	struct sl_image_header header;
	const char *wrong;

	flash_read(slot * SL_FLASH_SLOT_BYTES, &header, sizeof(header));
	wrong = sl_image_header_check(&header);
	if (wrong)
		return wrong;
	flash_read(slot * SL_FLASH_SLOT_BYTES, ram_start(), header.length);
	*entry = header.entry;
	return sl_image_check(ram_start(), header.length, SL_ABI_VERSION);
}

/* Clears the lowest bit of attempts that is left. */
static void attempt(uint32_t slot, const struct sl_slot_state *state)
{
	sl_hal_mgmt_write(SL_MGMT_FLASH_ADDR, slot * SL_FLASH_SLOT_BYTES + SL_FLASH_STATE +
					      (uint32_t)offsetof(struct sl_slot_state, attempts));
	sl_hal_mgmt_write(SL_MGMT_FLASH_DATA, state->attempts & (state->attempts - 1));
}

/* Returns the address to go to. */
uint32_t sl_loader_run(void)
{
	uint64_t below = 1ull << 32;
	bool passed = false;

	flash_wait();
	for (uint32_t n = 0; n < SL_FLASH_SLOTS; n++) {
		struct sl_slot_state state = { .magic = 0 };
		const uint32_t slot = best(below, &passed, &state);
		const char *wrong;
		uint32_t entry;

		if (slot == NONE)
			break;
		wrong = load(slot, &entry);
		if (!wrong) {
			if (state.confirmed)
				attempt(slot, &state);
			sl_hal_mgmt_write(SL_MGMT_BOOT_SLOT, slot | (state.confirmed ? 1u << 8 : 0) | (passed ? 1u << 9 : 0));
			return entry;
		}
		say_of_slot(slot, wrong);
		passed = true;
		below = state.sequence;
	}
	say("loader: no slot of the boot flash holds an image that may be started\n");
	sl_hal_mgmt_write(SL_MGMT_STATUS, SL_MGMT_STATUS_FAILED);
	sl_hal_halt();
	return 0;
}
