/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Boot and turn. A start after power-on or a card reset finds an empty datapath and sets it up; a restart of the firmware
 * alone finds traffic flowing through tables that are in use and touches nothing.
 */
#include "firmware/firmware.h"

#include "firmware/crash.h"
#include "firmware/event.h"
#include "firmware/flash.h"
#include "firmware/hal.h"
#include "firmware/log.h"
#include "firmware/memory.h"
#include "firmware/meter.h"
#include "firmware/port.h"
#include "firmware/selftest.h"

#define CTRL_ENABLE 1u

void sl_firmware_beat(void)
{
	sl_hal_mgmt_write(SL_MGMT_HEARTBEAT, sl_hal_mgmt_read(SL_MGMT_HEARTBEAT) + 1);
}

static bool datapath_set_up(void)
{
	sl_hal_csr_write(SL_CSR_CTRL, 0);
	for (uint32_t i = 0; i < SL_CSR_HASH_KEY_COUNT; i++)
		sl_hal_csr_write(SL_CSR_HASH_KEY(i), sl_hal_mgmt_read(SL_MGMT_RANDOM));
	if (sl_meter_set_defaults() != SL_STATUS_OK) {
		sl_log_text("boot: the datapath's meters cannot be written");
		return false;
	}
	sl_hal_csr_write(SL_CSR_VXLAN_PORT, SL_VXLAN_PORT);
	sl_hal_csr_write(SL_CSR_AGE_PERIOD, SL_AGE_PERIOD_MS);
	sl_hal_csr_write(SL_CSR_CTRL, CTRL_ENABLE);
	return true;
}

static void boot_datapath(struct sl_firmware *fw)
{
	bool in_use;

	if (!sl_selftest_run()) {
		fw->failed = true;
		return;
	}
	/* A firmware that died before it had set the datapath up leaves CTRL 0. */
	in_use = fw->boot_cause == SL_RESET_KIND_FIRMWARE && sl_hal_csr_read(SL_CSR_CTRL) & CTRL_ENABLE;
	if (!in_use && !datapath_set_up())
		fw->failed = true;
}

/* A card reset begins anew, but not before the log has taken the last crash. After power-on RAM holds no record. */
static bool crashed_too_often(uint32_t cause)
{
	const bool too_often = cause && sl_crash_report();

	if (cause == SL_RESET_KIND_FIRMWARE)
		return too_often;
	sl_crash_forget();
	return false;
}

void sl_firmware_boot(struct sl_firmware *fw)
{
	memset(fw, 0, sizeof(*fw));
	sl_hal_mgmt_write(SL_MGMT_STATUS, 0);
	sl_firmware_beat();
	fw->boot_cause = sl_hal_mgmt_read(SL_MGMT_BOOT_CAUSE);
	fw->boot_time_ms = sl_hal_mgmt_read(SL_MGMT_TIME_MS);
	fw->ports = sl_hal_mgmt_read(SL_MGMT_PORTS);
	sl_log_open();
	sl_log_values(SL_FIRMWARE_NAME " starts: cause, starts", fw->boot_cause, sl_hal_mgmt_read(SL_MGMT_BOOTS));
	sl_flash_report();
	if (sl_hal_mgmt_read(SL_MGMT_HANGS) != 0)
		sl_log_values("hangs: ended since power-on, cause of this start", sl_hal_mgmt_read(SL_MGMT_HANGS), fw->boot_cause);
	if (crashed_too_often(fw->boot_cause)) {
		sl_log_text("boot: too many crashes in a row; only what helps to find out why, or to replace the image, is served");
		fw->failed = true;
	}
	if (!fw->failed)
		boot_datapath(fw);
	fw->link = sl_hal_mgmt_read(SL_MGMT_LINK);
	sl_hal_mgmt_write(SL_MGMT_STATUS, fw->failed ? SL_MGMT_STATUS_FAILED : SL_MGMT_STATUS_SERVING);
	if (fw->boot_cause)
		sl_event_push(SL_EVENT_TYPE_RESET, fw->boot_cause, 0);
	sl_log_text(fw->failed ? "boot: failed" : "boot: serving");
	if (fw->failed && sl_flash_can_go_back()) {
		sl_log_text("image: on trial and failed; starting again, until the one before it is gone back to");
		sl_hal_mgmt_write(SL_MGMT_RESET, SL_RESET_KIND_FIRMWARE);
	}
}

void sl_firmware_turn(struct sl_firmware *fw)
{
	const uint32_t pending = sl_hal_mgmt_read(SL_MGMT_PENDING);

	if (pending & SL_PENDING_HOST_IF_RESET) {
		sl_log_text("the host interface was reset");
		sl_hal_mgmt_write(SL_MGMT_HIF_ACK, 1);
	}
	if (pending & SL_PENDING_LINK)
		sl_port_poll_link(fw);
	if (pending & SL_PENDING_MAILBOX)
		sl_mailbox_serve(fw);
	if (fw->reset) {
		sl_log_values("reset asked for by the host: kind, commands", fw->reset, fw->commands);
		sl_hal_mgmt_write(SL_MGMT_RESET, fw->reset);
		return;
	}
	if (!fw->settled && sl_hal_mgmt_read(SL_MGMT_TIME_MS) - fw->boot_time_ms >= SL_CRASH_SETTLED_MS) {
		fw->settled = true;
		sl_crash_forget();
		if (!fw->failed)
			sl_flash_confirm();
	}
	sl_firmware_beat();
	sl_hal_mgmt_write(SL_MGMT_SLEEP, SL_FIRMWARE_SLEEP_MS);
}
