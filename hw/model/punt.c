/* SPDX-License-Identifier: BSD-3-Clause */
/* Stage punt. See punt.h. */
#include "hw/model/punt.h"

static inline uint32_t limit(const struct sl_punt_meter *meter)
{
	return (meter->burst & 0xffff) * SL_PUNT_FRAME_TOKENS;
}

uint32_t sl_punt_set(struct sl_punt_meter *meter, uint32_t rate, uint32_t burst)
{
	meter->rate = rate;
	meter->burst = burst;
	meter->tokens = limit(meter);
	return meter->tokens;
}

uint32_t sl_punt_tick(struct sl_punt_meter *meter, uint32_t elapsed_ms)
{
	SL_NONNULL(meter);
	const uint64_t tokens = meter->tokens + (uint64_t)meter->rate * elapsed_ms;

	meter->tokens = tokens > limit(meter) ? limit(meter) : (uint32_t)tokens;
	return meter->tokens;
}

int sl_punt_take(struct sl_punt_meter *meter)
{
	SL_NONNULL(meter);
	if (meter->rate == 0)
		return 1;
	if (meter->tokens < SL_PUNT_FRAME_TOKENS)
		return 0;
	meter->tokens -= SL_PUNT_FRAME_TOKENS;
	return 1;
}
