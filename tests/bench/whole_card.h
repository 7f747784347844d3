/* SPDX-License-Identifier: BSD-3-Clause */
/* The whole card (sl_nic) with its flow queue, in clocks: what a host gets of it, with records on chip and in HBM. */
#ifndef SLUICE_TESTS_BENCH_WHOLE_CARD_H
#define SLUICE_TESTS_BENCH_WHOLE_CARD_H

#include <stdbool.h>
#include <stdint.h>

struct whole_card {
	double packets_per_clock;             /* minimum-size frames of random flows on both ports */
	uint32_t latency, latency_max;        /* of a frame by itself: the median, the longest */
	double inserts_per_clock, deletes_per_clock; /* by one flow queue, without frames */
};

/* `library`: of sim/nic_rtl. False: a frame is lost or a command fails. */
bool whole_card_measure(const char *library, const char *what, struct whole_card *found);

#endif
