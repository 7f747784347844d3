/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Weighted Maglev tables (Eisenbud et al., "Maglev: A Fast and Reliable Software Network Load Balancer", NSDI 2016,
 * section 3.4): each backend has its own permutation of the table's places, and in turn each takes its next free place.
 * A backend of weight w gets turns in proportion to w, and every backend of weight > 0 gets one turn in the first
 * round. The table depends on the set of (identity, weight) alone, not on their order, so nodes with one configuration
 * agree.
 */
#ifndef SLUICE_HOST_MAGLEV_H
#define SLUICE_HOST_MAGLEV_H

#include <stdint.h>

struct sl_maglev_member {
	uint64_t identity; /* well mixed, unique */
	uint16_t weight;   /* > 0 */
	uint16_t value;    /* what the table says for its places */
};

/* Fills table[0..size-1]; size is a prime > count. Sorts the members. 0 or -ENOMEM. */
int sl_maglev_build(uint16_t *table, uint32_t size, struct sl_maglev_member *members, unsigned int count);

#endif
