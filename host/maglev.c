/* SPDX-License-Identifier: BSD-3-Clause */
/* Weighted Maglev tables. */
#include "host/maglev.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define EMPTY UINT16_MAX

struct turn {
	uint32_t place, skip; /* next place of the permutation, distance to the one after it */
	uint64_t due;         /* takes a turn in round n once n x weight reaches this */
};

static int by_identity(const void *a, const void *b)
{
	const struct sl_maglev_member *x = a, *y = b;

	return x->identity < y->identity ? -1 : x->identity > y->identity;
}

static void start(struct turn *t, uint64_t identity, uint32_t size)
{
	t->place = (uint32_t)(XXH64(&identity, sizeof(identity), 1) % size);
	t->skip = (uint32_t)(XXH64(&identity, sizeof(identity), 2) % (size - 1)) + 1;
	t->due = 0;
}

/* size is a prime, so a permutation visits every place: while one is free this ends within size steps. */
static void take(uint16_t *table, uint32_t size, struct turn *t, uint16_t value)
{
	while (table[t->place] != EMPTY)
		t->place = (t->place + t->skip) % size;
	table[t->place] = value;
}

int sl_maglev_build(uint16_t *table, uint32_t size, struct sl_maglev_member *members, unsigned int count)
{
	struct turn *turns = calloc(count ? count : 1, sizeof(*turns));
	uint16_t heaviest = 0;
	uint32_t filled = 0;

	if (!turns)
		return -ENOMEM;
	qsort(members, count, sizeof(*members), by_identity);
	for (unsigned int i = 0; i < count; i++) {
		start(&turns[i], members[i].identity, size);
		heaviest = members[i].weight > heaviest ? members[i].weight : heaviest;
	}
	for (uint32_t i = 0; i < size; i++)
		table[i] = EMPTY;
	for (uint64_t round = 1; count && filled < size; round++) {
		for (unsigned int i = 0; i < count && filled < size; i++) {
			if (round * members[i].weight < turns[i].due)
				continue;
			turns[i].due += heaviest;
			take(table, size, &turns[i], members[i].value);
			filled++;
		}
	}
	free(turns);
	return 0;
}
