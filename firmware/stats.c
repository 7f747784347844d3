/* SPDX-License-Identifier: BSD-3-Clause */
/* Counters by reason. */
#include "firmware/stats.h"

#include "firmware/hal.h"
#include "firmware/table.h"

#define FIRST_HOST_REASON 128u /* given by the host only: the card has no such counters */

/* The upper half is of the moment in which the lower one was read. */
static uint64_t drops(uint32_t offset)
{
	const uint32_t low = sl_hal_mgmt_read(offset);

	return low | (uint64_t)sl_hal_mgmt_read(SL_MGMT_DROPS_HI) << 32;
}

enum sl_status sl_stats_run_reasons(struct sl_firmware *fw, struct sl_command *c)
{
	const uint32_t first = c->arg.index.index;
	uint32_t n;

	(void)fw;
	if (first >= SL_REASONS)
		return SL_STATUS_BAD_INDEX;
	if (c->arg.index.reserved0)
		return SL_STATUS_BAD_VALUE;
	n = SL_REASONS - first < SL_STATS_PAIRS ? SL_REASONS - first : SL_STATS_PAIRS;
	for (uint32_t i = 0; i < n && first + i < FIRST_HOST_REASON; i++) {
		struct sl_counter_pair *pair = &c->answer.pairs[i];
		const enum sl_status status = sl_table_read(SL_CSR_TABLE_REASON, first + i, pair, sizeof(*pair));

		if (status != SL_STATUS_OK)
			return status;
		if (first + i == SL_REASON_NO_HOST) {
			pair->packets += drops(SL_MGMT_NO_HOST_PACKETS);
			pair->bytes += drops(SL_MGMT_NO_HOST_BYTES);
		}
		if (first + i == SL_REASON_HOST_FULL) {
			pair->packets += drops(SL_MGMT_HOST_FULL_PACKETS);
			pair->bytes += drops(SL_MGMT_HOST_FULL_BYTES);
		}
	}
	c->answer_len = n * sizeof(struct sl_counter_pair);
	return SL_STATUS_OK;
}
