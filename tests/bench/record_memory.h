/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The card with records in HBM beside the card with records on chip: the same frames and commands for both.
 */
#ifndef SLUICE_TESTS_BENCH_RECORD_MEMORY_H
#define SLUICE_TESTS_BENCH_RECORD_MEMORY_H

#include "sim/engine.h"

struct record_memory {
	double packets_per_clock;      /* with HBM: the least of random flows, flows in turn and one, with and without replacements */
	uint32_t latency, latency_max; /* of a minimum-size frame by itself, first beat in to first beat out: median, worst */
};

/* False: an engine lost a frame, differs from the model or refused a flow. */
bool record_memory_compare(const struct sl_engine_ops *chip, const struct sl_engine_ops *hbm, struct record_memory *found);

#endif
