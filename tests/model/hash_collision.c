/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Finds two IPv6 keys of equal last words whose 64-bit hashes are equal, under the seed of tests/rtl/rtl_card.h: what the
 * flow table cannot tell apart by its slots, and no test meets by chance. Minutes of processor time; the pairs found
 * are constants of the tests (tests/rtl/collision.h). Usage: hash_collision [start].
 *
 * Trails x -> hash(key(x)) from random starts end at points whose upper bits are zero (van Oorschot and Wiener, 1999). Two
 * trails of one end have merged, and did so by a collision.
 */
#include <stdio.h>
#include <stdlib.h>

#include "hw/model/hash.h"
#include "tests/rtl/collision.h"

#define TRAIL_LOG2 20
#define TRAILS (1u << 16)
#define TRAIL_MAX (40ull << TRAIL_LOG2)

struct trail {
	uint64_t end, start, steps;
};

static const struct sl_hash_seed seed = { 0x0204060801020304, 0x04080c100306090c };
static struct trail trails[TRAILS];

static uint64_t next(uint64_t x)
{
	const struct sl_key key = collision_key(x);

	return sl_hash_key(&key, &seed);
}

static bool is_end(uint64_t x)
{
	return x >> (64 - TRAIL_LOG2) == 0;
}

static void meet(struct trail a, struct trail b)
{
	uint64_t x = a.start, y = b.start;

	for (; a.steps > b.steps; a.steps--)
		x = next(x);
	for (; b.steps > a.steps; b.steps--)
		y = next(y);
	if (x == y)
		return; /* one trail starts on the other */
	while (next(x) != next(y)) {
		x = next(x);
		y = next(y);
	}
	printf("0x%016llx 0x%016llx: both 0x%016llx\n", (unsigned long long)x, (unsigned long long)y,
	       (unsigned long long)next(x));
	exit(0);
}

int main(int argc, char **argv)
{
	uint64_t start = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;

	for (uint32_t n = 0; n < TRAILS; n++, start++) {
		struct trail t = { .end = next(start), .start = start, .steps = 1 };

		for (; !is_end(t.end) && t.steps < TRAIL_MAX; t.steps++)
			t.end = next(t.end);
		if (!is_end(t.end))
			continue;
		uint32_t i = (uint32_t)(t.end % TRAILS);

		for (; trails[i].steps != 0; i = (i + 1) % TRAILS) {
			if (trails[i].end == t.end)
				meet(trails[i], t);
		}
		trails[i] = t;
	}
	return 1;
}
