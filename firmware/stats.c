/* SPDX-License-Identifier: BSD-3-Clause */
/* Counters by reason. */
#include "firmware/stats.h"

#include <stddef.h>

#include "firmware/hal.h"
#include "firmware/memory.h"
#include "firmware/table.h"

#define MAGIC 0x54415453u
#define FIRST_HOST_REASON 128u /* given by the host only: the card has no such counters */

struct folded {
	uint64_t total;
	uint32_t last; /* the register when it was last read */
};

enum { NO_HOST_PACKETS, NO_HOST_BYTES, HOST_FULL_PACKETS, HOST_FULL_BYTES, FOLDED };

static const uint32_t registers[FOLDED] = {
	[NO_HOST_PACKETS] = SL_MGMT_NO_HOST_PACKETS,
	[NO_HOST_BYTES] = SL_MGMT_NO_HOST_BYTES,
	[HOST_FULL_PACKETS] = SL_MGMT_HOST_FULL_PACKETS,
	[HOST_FULL_BYTES] = SL_MGMT_HOST_FULL_BYTES,
};

static struct {
	uint32_t magic;
	struct folded folded[FOLDED];
} kept SL_NOINIT;

void sl_stats_open(bool fresh)
{
	if (!fresh && kept.magic == MAGIC)
		return;
	for (uint32_t i = 0; i < FOLDED; i++) {
		kept.folded[i].total = 0;
		kept.folded[i].last = sl_hal_mgmt_read(registers[i]);
	}
	kept.magic = MAGIC;
}

void sl_stats_poll(void)
{
	for (uint32_t i = 0; i < FOLDED; i++) {
		const uint32_t now = sl_hal_mgmt_read(registers[i]);

		kept.folded[i].total += (uint32_t)(now - kept.folded[i].last);
		kept.folded[i].last = now;
	}
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
	sl_stats_poll();
	n = SL_REASONS - first < SL_STATS_PAIRS ? SL_REASONS - first : SL_STATS_PAIRS;
	for (uint32_t i = 0; i < n && first + i < FIRST_HOST_REASON; i++) {
		struct sl_counter_pair *pair = &c->answer.pairs[i];
		const enum sl_status status = sl_table_read(SL_CSR_TABLE_REASON, first + i, pair, sizeof(*pair));

		if (status != SL_STATUS_OK)
			return status;
		if (first + i == SL_REASON_NO_HOST) {
			pair->packets += kept.folded[NO_HOST_PACKETS].total;
			pair->bytes += kept.folded[NO_HOST_BYTES].total;
		}
		if (first + i == SL_REASON_HOST_FULL) {
			pair->packets += kept.folded[HOST_FULL_PACKETS].total;
			pair->bytes += kept.folded[HOST_FULL_BYTES].total;
		}
	}
	c->answer_len = n * sizeof(struct sl_counter_pair);
	return SL_STATUS_OK;
}
