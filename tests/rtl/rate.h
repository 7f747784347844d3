/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets per clock and latency of one kind of frame, for the benchmarks of the RTL. */
#ifndef SLUICE_TESTS_RTL_RATE_H
#define SLUICE_TESTS_RTL_RATE_H

#include "tests/rtl/rtl_card.h"

#define CLOCKS_STEP 1
#define BEATS(n) (((n) + SL_BEAT_BYTES - 1) / SL_BEAT_BYTES)

struct rate {
	double frames_per_clock;
	double allowed;
	uint32_t out_len;
	uint32_t latency;
};

/* Sends `count` frames on both ports in turn and takes the clocks between the frames of the middle part. */
static inline struct rate rate_measure(const struct sl_engine_ops *ops, struct sl_engine *e, const uint8_t *frame,
				       uint32_t len, uint32_t count)
{
	static uint8_t out[SL_FRAME_MAX];
	struct rate r = { 0 };
	uint64_t first = 0, last = 0, start;
	uint32_t seen = 0, n;
	unsigned int port;

	start = ops->clocks(e);
	ops->wire_in(e, 0, frame, len, false);
	while ((n = ops->wire_out(e, &port, out)) == 0)
		ops->step(e, 1, CLOCKS_STEP);
	r.out_len = n;
	/* The last beat of the frame is out now; its first was BEATS - 1 clocks before. */
	r.latency = (uint32_t)(ops->clocks(e) - start) - 1 - (BEATS(n) - 1);
	while (!ops->idle(e))
		ops->step(e, 1, 100);

	for (uint32_t i = 0; i < count; i++)
		ops->wire_in(e, i & 1, frame, len, false);
	while (seen < count && ops->step(e, 1, CLOCKS_STEP) != 0) {
		while (ops->wire_out(e, &port, out) != 0) {
			seen++;
			if (seen == count / 4)
				first = ops->clocks(e);
			if (seen == count * 3 / 4)
				last = ops->clocks(e);
		}
	}
	r.frames_per_clock = (double)(count * 3 / 4 - count / 4) / (double)(last - first);
	r.allowed = 1.0 / (double)(BEATS(len) > BEATS(r.out_len) ? BEATS(len) : BEATS(r.out_len));
	return r;
}

#endif
