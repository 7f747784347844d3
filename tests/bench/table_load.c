/* SPDX-License-Identifier: BSD-3-Clause */
/* See table_load.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hw/model/table.h"
#include "tests/bench/table_load.h"

#define REPLACEMENTS 10

static void command(struct sl_table *table, unsigned int op, uint32_t n)
{
	struct sl_flow_cmd cmd = { .opcode = (uint8_t)op, .key = { .proto = 6, .family = 4 } };
	struct sl_flow_state state;
	struct sl_flow_cpl cpl;

	memcpy(cmd.key.src, &n, sizeof(n));
	sl_table_command(table, &cmd, 0, &cpl, &state);
}

static uint64_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 32;
}

uint32_t table_load_refused(uint32_t log2, double load, bool sequential, uint64_t seed)
{
	const uint32_t count = (uint32_t)(load * (double)(1u << log2));
	void *memory = aligned_alloc(64, (sl_table_size(log2) + 63) & ~(size_t)63);
	uint32_t *key = calloc(count, sizeof(*key)), next = 0;
	uint64_t random = seed;
	static struct sl_table table;

	if (memory == NULL || key == NULL)
		abort();
	sl_table_init(&table, log2, memory);
	table.seed.k0 = next_random(&random) << 32 | next_random(&random);
	table.seed.k1 = next_random(&random) << 32 | next_random(&random);
	for (uint32_t i = 0; i < count * (1 + REPLACEMENTS); i++) {
		const uint32_t victim = i < count || sequential ? i % count : (uint32_t)(next_random(&random) * count >> 32);

		if (i >= count)
			command(&table, SL_FLOW_OP_DELETE, key[victim]);
		key[victim] = sequential ? next++ : next++ * 0x9e3779b1u;
		command(&table, SL_FLOW_OP_INSERT, key[victim]);
	}
	free(key);
	free(memory);
	return table.refused;
}

double table_load_before_refusal(uint32_t log2, uint32_t seeds)
{
	for (int percent = 95; percent < 100; percent++) {
		for (uint32_t seed = 1; seed <= seeds; seed++) {
			for (int sequential = 0; sequential < 2; sequential++) {
				const uint32_t refused = table_load_refused(log2, percent / 100.0, sequential, seed);

				if (refused == 0)
					continue;
				printf("load %d %%: seed %u, %s keys: %u refused\n", percent, seed,
				       sequential ? "sequential" : "random", refused);
				return percent == 95 ? 0 : (percent - 1) / 100.0;
			}
		}
		printf("load %d %%: %u seeds, none refused\n", percent, seeds);
		fflush(stdout);
	}
	return 0.99;
}
