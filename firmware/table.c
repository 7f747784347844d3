/* SPDX-License-Identifier: BSD-3-Clause */
/* Windowed access to the datapath's tables. Entries pass through TBL_DATA and are read and written as a whole. */
#include "firmware/table.h"

#include "firmware/firmware.h"
#include "firmware/hal.h"
#include "firmware/log.h"
#include "firmware/memory.h"

#define COMMAND_READ 1u
#define COMMAND_WRITE 2u
#define COMMAND_FIND 3u
#define STATUS_BUSY 1u
#define STATUS_NO_ENTRY 2u
#define CLEARING 1u

static enum sl_status wait_idle(uint32_t *status)
{
	for (uint32_t i = 0; i < SL_TABLE_POLLS; i++) {
		*status = sl_hal_csr_read(SL_CSR_TBL_STATUS);
		if (!(*status & STATUS_BUSY))
			return SL_STATUS_OK;
	}
	return SL_STATUS_TIMEOUT;
}

static enum sl_status command(enum sl_csr_table table, uint32_t index, uint32_t cmd)
{
	uint32_t status;

	sl_hal_csr_write(SL_CSR_TBL_SEL, index | (uint32_t)table << 24);
	sl_hal_csr_write(SL_CSR_TBL_CMD, cmd);
	if (wait_idle(&status) != SL_STATUS_OK) {
		sl_log_values("datapath does not answer: table, entry", (uint32_t)table, index);
		return SL_STATUS_TIMEOUT;
	}
	return status & STATUS_NO_ENTRY ? SL_STATUS_BAD_INDEX : SL_STATUS_OK;
}

/* An access that timed out earlier may still hold the window. */
static enum sl_status command_when_idle(enum sl_csr_table table, uint32_t index, uint32_t cmd)
{
	uint32_t unused;

	return wait_idle(&unused) == SL_STATUS_OK ? command(table, index, cmd) : SL_STATUS_TIMEOUT;
}

enum sl_status sl_table_find(uint32_t index, uint32_t *found)
{
	const enum sl_status status = command_when_idle(SL_CSR_TABLE_PREFIX, index, COMMAND_FIND);

	*found = sl_hal_csr_read(SL_CSR_TBL_SEL) & 0xffffff;
	return status;
}

enum sl_status sl_table_read(enum sl_csr_table table, uint32_t index, void *entry, uint32_t bytes)
{
	uint32_t words[SL_CSR_TBL_DATA_COUNT];
	enum sl_status status = command_when_idle(table, index, COMMAND_READ);

	if (status != SL_STATUS_OK)
		return status;
	for (uint32_t i = 0; i < bytes / 4; i++)
		words[i] = sl_hal_csr_read(SL_CSR_TBL_DATA(i));
	memcpy(entry, words, bytes);
	return SL_STATUS_OK;
}

enum sl_status sl_table_write(enum sl_csr_table table, uint32_t index, const void *entry, uint32_t bytes)
{
	uint32_t words[SL_CSR_TBL_DATA_COUNT];
	uint32_t unused;

	if (wait_idle(&unused) != SL_STATUS_OK)
		return SL_STATUS_TIMEOUT;
	memcpy(words, entry, bytes);
	for (uint32_t i = 0; i < bytes / 4; i++)
		sl_hal_csr_write(SL_CSR_TBL_DATA(i), words[i]);
	return command(table, index, COMMAND_WRITE);
}

enum sl_status sl_table_write_again(enum sl_csr_table table, uint32_t index)
{
	return command(table, index, COMMAND_WRITE);
}

bool sl_table_wait_clear(void)
{
	const uint32_t start_ms = sl_hal_mgmt_read(SL_MGMT_TIME_MS);

	for (uint32_t i = 0; i < SL_TABLE_CLEAR_POLLS; i++) {
		if (!(sl_hal_csr_read(SL_CSR_STATUS) & CLEARING))
			return true;
		if (sl_hal_mgmt_read(SL_MGMT_TIME_MS) - start_ms > SL_TABLE_CLEAR_MS)
			break;
		sl_firmware_beat();
		sl_hal_mgmt_write(SL_MGMT_SLEEP, 1); /* returns at once while a command waits */
	}
	sl_log_text("the datapath does not finish clearing its tables");
	return false;
}
