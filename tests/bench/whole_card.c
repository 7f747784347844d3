/* SPDX-License-Identifier: BSD-3-Clause */
/* See whole_card.h. */
#include "tests/bench/whole_card.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/rtl/nic_host.h"
#include "tests/rtl/numbered.h"

#define FLOWS 4096u
#define FRAME 64u
#define FRAMES 40000u
#define WARM_UP 8000u
#define SINGLES 500u
#define SEED 11u

static struct ring queue;
static bool good;

/* `count` commands, the ring kept full; the clocks. */
static uint64_t commands(unsigned int op, unsigned int count)
{
	const uint64_t start = ops->clocks(e);
	unsigned int given = 0, done = 0;

	while (done < count) {
		const struct sl_flow_cpl *cpl;

		while (given < count && given - done < RING - 1) {
			struct sl_flow_cmd *cmd = ring_put(&queue);

			*cmd = (struct sl_flow_cmd){ .opcode = (uint8_t)op, .key = rtl_key(given) };
			if (op == SL_FLOW_OP_INSERT)
				cmd->record = numbered(&cmd->key, given);
			given++;
		}
		ring_doorbell(&queue);
		ops->step(e, time_ms, 32);
		while ((cpl = ring_get(&queue)) != NULL) {
			good &= cpl->status == SL_STATUS_OK;
			done++;
		}
		ring_done(&queue);
	}
	return ops->clocks(e) - start;
}

static uint32_t random_frame(unsigned int port)
{
	const struct sl_key key = rtl_key(below(FLOWS));
	uint8_t f[FRAME];

	rtl_frame(f, FRAME, &key);
	return ops->wire_in(e, port, f, FRAME, false);
}

/* The wires are never without frames while it is taken. */
static double rate(void)
{
	static uint8_t out[SL_FRAME_MAX];
	uint32_t sent = 0, left = 0, from = 0;
	uint64_t start = 0;
	unsigned int port;

	while (sent < FRAMES) {
		while (sent < FRAMES && sent - left < 4000 && random_frame(sent & 1))
			sent++;
		ops->step(e, time_ms, 64);
		while (ops->wire_out(e, &port, out) != 0)
			left++;
		if (start == 0 && left >= WARM_UP) {
			start = ops->clocks(e);
			from = left;
		}
	}
	const double per_clock = (double)(left - from) / (double)(ops->clocks(e) - start);

	rest();
	while (ops->wire_out(e, &port, out) != 0)
		left++;
	good &= left == FRAMES;
	return per_clock;
}

static int by_value(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void latency(struct whole_card *found)
{
	static uint32_t clocks[SINGLES];
	uint8_t out[SL_FRAME_MAX];
	unsigned int port;

	for (uint32_t i = 0; i < SINGLES; i++) {
		for (uint32_t n = below(50); n > 0; n--) /* (some clocks pass) */
			ops->nic->bar_read(e, SL_BAR_ID);
		rest();
		const uint64_t start = ops->clocks(e);

		random_frame(0);
		while (ops->wire_out(e, &port, out) == 0)
			ops->step(e, time_ms, 1);
		clocks[i] = (uint32_t)(ops->clocks(e) - start) - 1;
	}
	qsort(clocks, SINGLES, sizeof(clocks[0]), by_value);
	found->latency = clocks[SINGLES / 2];
	found->latency_max = clocks[SINGLES - 1];
}

bool whole_card_measure(const char *library, const char *what, struct whole_card *found)
{
	good = true;
	ops = rtl_load(library);
	nic_start(SEED, 0);
	numbered_configure(ops, e);
	queue = (struct ring){ 0 };
	ring_make(&queue, SL_QUEUE_FLOW0, sizeof(struct sl_flow_cmd), sizeof(struct sl_flow_cpl));
	found->inserts_per_clock = FLOWS / (double)commands(SL_FLOW_OP_INSERT, FLOWS);
	rest();
	found->packets_per_clock = rate();
	latency(found);
	found->deletes_per_clock = FLOWS / (double)commands(SL_FLOW_OP_DELETE, FLOWS);
	ops->destroy(e);
	printf("whole card, %s: %.4f frames a clock; a frame by itself takes %u clocks, at most %u; by its flow queue an insert in "
	       "%.1f clocks, a delete in %.1f\n", what, found->packets_per_clock, found->latency, found->latency_max,
	       1 / found->inserts_per_clock, 1 / found->deletes_per_clock);
	return good;
}
