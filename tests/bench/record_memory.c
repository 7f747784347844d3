/* SPDX-License-Identifier: BSD-3-Clause */
/* See record_memory.h. */
#include "tests/bench/record_memory.h"

#include "tests/rtl/churn.h"

#define FLOWS (1u << (SL_TABLE_LOG2_DEFAULT - 1))
#define STABLE (FLOWS / 2)
#define WARM_UP 4000 /* clocks */
#define CLOCKS 60000
#define REPLACEMENTS 8000
#define SINGLES 1000
#define SEED 11

struct pattern {
	const char *name;
	enum churn_hits hits;
};

static const struct pattern patterns[] = {
	{ "random flows", CHURN_HIT_STABLE },
	{ "flows in turn", CHURN_HIT_TURN },
	{ "one flow", CHURN_HIT_ONE },
};
#define PATTERNS (sizeof(patterns) / sizeof(patterns[0]))

/* Frames that leave in a clock: [pattern][replacing]. */
struct rates {
	double per_clock[PATTERNS][2];
};

static bool rates_measure(const struct sl_engine_ops *ops, struct rates *r)
{
	const struct sl_engine_config config = { .ports = 2 };
	static struct churn c;
	bool good = churn_open(&c, ops, &config, FLOWS, 0, false, SEED);

	c.stable = STABLE;
	for (size_t p = 0; p < PATTERNS; p++) {
		for (int replacing = 0; replacing < 2; replacing++) {
			c.hits = patterns[p].hits;
			churn_run(&c, WARM_UP);
			const uint64_t before = c.left;
			const uint64_t clocks = replacing ? churn_replace(&c, REPLACEMENTS) : churn_run(&c, CLOCKS);

			r->per_clock[p][replacing] = (double)(c.left - before) / (double)clocks;
			if (replacing)
				printf("%s: a replacement in %.2f clocks\n", patterns[p].name, (double)clocks / REPLACEMENTS);
			churn_settle(&c);
		}
	}
	if (c.why[0] != '\0')
		fprintf(stderr, "%s\n", c.why);
	good &= c.why[0] == '\0' && c.left == c.sent && c.refused == 0;
	churn_close(&c);
	return good;
}

static int by_value(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* Frames of random flows, one at a time, at all distances from a refresh. */
static bool latency_measure(const struct sl_engine_ops *ops, struct record_memory *found)
{
	const struct sl_engine_config config = { .ports = 2 };
	static uint32_t latency[SINGLES];
	static struct churn c;
	uint8_t frame[CHURN_FRAME], out[SL_FRAME_MAX];
	unsigned int port;
	bool good = churn_open(&c, ops, &config, SINGLES, 0, false, SEED);

	for (uint32_t i = 0; i < SINGLES; i++) {
		const struct sl_key key = rtl_key(c.key[i * 7 % SINGLES].n);

		while (!ops->idle(c.e))
			ops->step(c.e, 1, 1);
		ops->csr_read(c.e, SL_CSR_CONFIG); /* (some clocks pass) */
		for (uint32_t n = i * 37 % 50; n > 0; n--)
			ops->csr_read(c.e, SL_CSR_CONFIG);
		const uint64_t start = ops->clocks(c.e);

		rtl_frame(frame, CHURN_FRAME, &key);
		ops->wire_in(c.e, 0, frame, CHURN_FRAME, false);
		while (ops->wire_out(c.e, &port, out) == 0)
			ops->step(c.e, 1, 1);
		latency[i] = (uint32_t)(ops->clocks(c.e) - start) - 1;
	}
	churn_close(&c);
	qsort(latency, SINGLES, sizeof(latency[0]), by_value);
	found->latency = latency[SINGLES / 2];
	found->latency_max = latency[SINGLES - 1];
	printf("records in HBM: a frame by itself takes %u to %u clocks, half of them at most %u\n", latency[0],
	       found->latency_max, found->latency);
	return good;
}

bool record_memory_compare(const struct sl_engine_ops *chip, const struct sl_engine_ops *hbm, struct record_memory *found)
{
	struct rates on_chip, in_hbm;
	bool good = rates_measure(chip, &on_chip);

	good &= rates_measure(hbm, &in_hbm);
	found->packets_per_clock = 9;
	for (size_t p = 0; p < PATTERNS; p++) {
		for (int replacing = 0; replacing < 2; replacing++) {
			const double rate = in_hbm.per_clock[p][replacing];

			printf("%s%s: %.4f frames a clock with records on chip, %.4f in HBM\n", patterns[p].name,
			       replacing ? ", flows replaced" : "", on_chip.per_clock[p][replacing], rate);
			if (rate < found->packets_per_clock)
				found->packets_per_clock = rate;
		}
	}
	return latency_measure(hbm, found) && good;
}
