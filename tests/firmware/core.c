/* SPDX-License-Identifier: BSD-3-Clause */
/* Block "mgmt" without a core, and the firmware's accessors. */
#include "tests/firmware/core.h"

#include <string.h>

#include "firmware/hal.h"

struct core core;

void core_power_on(void)
{
	memset(&core, 0, sizeof(core));
	fake_reset(&core.datapath, 2);
	core.id = SL_CARD_ID;
	core.ports = 2;
	core.link = 1;
	core.boots = 1;
	core.random = 1;
	core.flash_left = UINT32_MAX;
	core.flash.erase_ms = SL_FLASH_ERASE_MS;
	memset(core.flash.bytes, 0xff, sizeof(core.flash.bytes));
}

enum sl_status core_admin(struct sl_firmware *fw, uint8_t opcode, const void *arg, uint32_t len)
{
	memset(&core.request, 0, sizeof(core.request));
	memset(&core.response, 0xee, sizeof(core.response));
	core.request.opcode = opcode;
	core.request.tag = 0x1234;
	core.request.len = len;
	if (arg)
		memcpy(core.request.arg, arg, len < sizeof(core.request.arg) ? len : sizeof(core.request.arg));
	core.pending |= SL_PENDING_MAILBOX;
	sl_firmware_turn(fw);
	return core.response.status;
}

uint32_t sl_hal_csr_read(uint32_t offset)
{
	return fake_csr_read(&core.datapath, offset);
}

void sl_hal_csr_write(uint32_t offset, uint32_t value)
{
	fake_csr_write(&core.datapath, offset, value);
}

/* The boot flash of the real simulator behind the registers. Time passes with each look at its status. */
static uint32_t flash_read(uint32_t offset)
{
	switch (offset) {
	case SL_MGMT_FLASH_ADDR: return core.flash.address;
	case SL_MGMT_FLASH_DATA: {
		const bool weak = core.flash_weak && core.flash.address == core.flash_weak;

		return sl_flash_read(&core.flash, core.time_ms) ^ core.flash_flip ^ (weak ? 0x8000 : 0);
	}
	case SL_MGMT_FLASH_STATUS:
		core.time_ms++;
		return core.flash_stuck || sl_flash_status(&core.flash, core.time_ms);
	default: return core.boot_slot;
	}
}

static void flash_change(uint32_t offset, uint32_t value)
{
	if (!core.flash_left)
		return;
	core.flash_left--;
	if (offset == SL_MGMT_FLASH_DATA)
		sl_flash_program(&core.flash, value, core.time_ms);
	else
		sl_flash_erase(&core.flash, value, core.time_ms);
}

static uint32_t word_of(const void *memory, uint32_t offset)
{
	uint32_t word;

	memcpy(&word, (const uint8_t *)memory + offset, sizeof(word));
	return word;
}

uint32_t sl_hal_mgmt_read(uint32_t offset)
{
	if (offset >= SL_MGMT_MBOX_REQ(0) && offset < SL_MGMT_MBOX_REQ(SL_MGMT_MBOX_REQ_COUNT))
		return word_of(&core.request, offset - SL_MGMT_MBOX_REQ(0));
	if (offset >= SL_MGMT_PORT_MAC_LO(0) && offset < SL_MGMT_PORT_MAC_LO(SL_MGMT_PORT_MAC_LO_COUNT)) {
		const uint32_t port = (offset - SL_MGMT_PORT_MAC_LO(0)) / 8;

		return offset % 8 ? 0x05dc0000 | port << 8 | 0x05 : 0x04030202;
	}
	switch (offset) {
	case SL_MGMT_ID: return core.id;
	case SL_MGMT_TIME_MS: return core.time_ms += ++core.time_reads % 64 == 0;
	case SL_MGMT_PENDING: return core.pending;
	case SL_MGMT_HEARTBEAT: return core.heartbeat;
	case SL_MGMT_BOOT_CAUSE: return core.boot_cause;
	case SL_MGMT_BOOTS: return core.boots;
	case SL_MGMT_RANDOM: return core.random = core.random * 1664525 + 1013904223;
	case SL_MGMT_LINK:
		core.pending &= ~SL_PENDING_LINK;
		return core.link;
	case SL_MGMT_PORTS: return core.ports;
	case SL_MGMT_FLASH_ADDR:
	case SL_MGMT_FLASH_DATA:
	case SL_MGMT_FLASH_STATUS:
	case SL_MGMT_BOOT_SLOT: return flash_read(offset);
	case SL_MGMT_HANGS: return core.hangs;
	case SL_MGMT_NO_HOST_PACKETS:
	case SL_MGMT_NO_HOST_BYTES:
	case SL_MGMT_HOST_FULL_PACKETS:
	case SL_MGMT_HOST_FULL_BYTES:
		core.drops_hi = (uint32_t)(core.drops[(offset - SL_MGMT_NO_HOST_PACKETS) / 4] >> 32);
		return (uint32_t)core.drops[(offset - SL_MGMT_NO_HOST_PACKETS) / 4];
	case SL_MGMT_DROPS_HI: return core.drops_hi;
	default:
		core.bad_accesses++;
		return 0;
	}
}

static void push_event(void)
{
	if (core.event_count < CORE_EVENTS)
		core.events[core.event_count++] = core.event;
}

void sl_hal_mgmt_write(uint32_t offset, uint32_t value)
{
	if (offset >= SL_MGMT_MBOX_RSP(0) && offset < SL_MGMT_MBOX_RSP(SL_MGMT_MBOX_RSP_COUNT)) {
		memcpy((uint8_t *)&core.response + offset - SL_MGMT_MBOX_RSP(0), &value, sizeof(value));
		return;
	}
	if (offset >= SL_MGMT_EVENT_DATA(0) && offset < SL_MGMT_EVENT_DATA(SL_MGMT_EVENT_DATA_COUNT)) {
		memcpy((uint8_t *)&core.event + offset - SL_MGMT_EVENT_DATA(0), &value, sizeof(value));
		return;
	}
	switch (offset) {
	case SL_MGMT_SLEEP: core.sleeps++; break;
	case SL_MGMT_STATUS: core.status = value; break;
	case SL_MGMT_HEARTBEAT:
		core.heartbeat = value;
		if (core.time_ms - core.beat_ms > core.silence_ms)
			core.silence_ms = core.time_ms - core.beat_ms;
		core.beat_ms = core.time_ms;
		break;
	case SL_MGMT_RESET: core.reset = value; break;
	case SL_MGMT_CONSOLE: break;
	case SL_MGMT_HIF_ACK:
		core.pending &= ~SL_PENDING_HOST_IF_RESET;
		core.hif_acks++;
		break;
	case SL_MGMT_MBOX_DONE:
		core.pending &= ~SL_PENDING_MAILBOX;
		core.responses++;
		break;
	case SL_MGMT_EVENT_PUSH: push_event(); break;
	case SL_MGMT_FLASH_ADDR: core.flash.address = value; break;
	case SL_MGMT_FLASH_ERASE: core.flash_erased = word_of(core.flash.bytes, value % SL_FLASH_BYTES); /* fall through */
	case SL_MGMT_FLASH_DATA: flash_change(offset, value); break;
	case SL_MGMT_BOOT_SLOT: core.boot_slot = value; break;
	default: core.bad_accesses++; break;
	}
}

void sl_hal_halt(void)
{
	core.halts++;
}
