/* SPDX-License-Identifier: BSD-3-Clause */
/* How full the flow table (the model's) stays without refusing an insert while its flows are replaced again and again. */
#ifndef SLUICE_TESTS_BENCH_TABLE_LOAD_H
#define SLUICE_TESTS_BENCH_TABLE_LOAD_H

#include <stdbool.h>
#include <stdint.h>

/* Inserts refused while a table of 2^log2 slots is filled to `load` and then every flow replaced ten times, on average:
 * random keys in random order, or sequential ones, the oldest first. */
uint32_t table_load_refused(uint32_t log2, double load, bool sequential, uint64_t seed);

/* Greatest load in steps of 0.01, from 0.95 on, at which none of `seeds` seeds refuses, with either kind; 0: none. */
double table_load_before_refusal(uint32_t log2, uint32_t seeds);

#endif
