/* SPDX-License-Identifier: BSD-3-Clause */
/* Crash record and restart. */
#include "firmware/crash.h"

#include "firmware/flash.h"
#include "firmware/hal.h"
#include "firmware/log.h"

#define MAGIC 0x32535243u

static struct {
	uint32_t magic;
	uint32_t in_row;   /* crashes since the last one forgotten */
	uint32_t reported; /* 1: the log holds it */
	uint32_t cause;
	uint32_t pc;
	uint32_t value;
	uint32_t time_ms;
	uint32_t slot;     /* of the boot flash, that the firmware which crashed was started from */
	uint32_t hangs;    /* that are accounted for */
} record SL_NOINIT;

/* What hung left no record: the card's count tells. A slot's first start is not blamed for the last one's hang. */
static void note_hang(void)
{
	const uint32_t hangs = sl_hal_mgmt_read(SL_MGMT_HANGS);

	if (hangs == record.hangs)
		return;
	record.hangs = hangs;
	record.in_row++;
	record.reported = 0;
	record.cause = SL_CRASH_HANG;
	record.pc = 0;
	record.value = hangs;
	record.time_ms = sl_hal_mgmt_read(SL_MGMT_TIME_MS);
}

static void log_record(void)
{
	if (record.in_row == 0 || record.reported)
		return;
	sl_log_values("crash: cause, pc", record.cause, record.pc);
	sl_log_values("crash: value, time in ms", record.value, record.time_ms);
	record.reported = 1;
}

bool sl_crash_report(void)
{
	if (record.magic != MAGIC) {
		sl_crash_forget();
		return false;
	}
	log_record();
	note_hang();
	log_record();
	if (record.slot != sl_flash_running()) /* another image: its crashes are not this one's */
		sl_crash_forget();
	return record.in_row >= SL_CRASH_LIMIT;
}

void sl_crash_forget(void)
{
	record.in_row = 0;
	record.reported = 1;
	record.slot = sl_flash_running();
	record.hangs = sl_hal_mgmt_read(SL_MGMT_HANGS);
	record.magic = MAGIC;
}

void sl_crash_trap(uint32_t cause, uint32_t pc, uint32_t value)
{
	if (record.magic != MAGIC)
		record.hangs = sl_hal_mgmt_read(SL_MGMT_HANGS);
	record.in_row = record.magic == MAGIC && record.slot == sl_flash_running() ? record.in_row + 1 : 1;
	record.slot = sl_flash_running();
	record.reported = 0;
	record.cause = cause;
	record.pc = pc;
	record.value = value;
	record.time_ms = sl_hal_mgmt_read(SL_MGMT_TIME_MS);
	record.magic = MAGIC;
	if (record.in_row < SL_CRASH_HALT)
		sl_hal_mgmt_write(SL_MGMT_RESET, SL_RESET_KIND_FIRMWARE);
	sl_hal_halt();
}
