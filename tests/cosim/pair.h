/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two cards that must behave alike: `model`, which defines the behaviour, and `other`. Whatever is done is done to both;
 * pair_compare() then compares all that came out and all that was counted.
 */
#ifndef SLUICE_TESTS_COSIM_PAIR_H
#define SLUICE_TESTS_COSIM_PAIR_H

#include "tests/cosim/traffic.h"

struct pair {
	struct sl_card model, other;
	char why[512];
};

bool pair_reset(struct pair *p, const struct world *w);
bool pair_table(struct pair *p, unsigned int table, uint32_t index, const void *entry, size_t len);
void pair_csr(struct pair *p, uint32_t offset, uint32_t value);
void pair_time(struct pair *p, uint32_t ms);
bool pair_frame(struct pair *p, const struct traffic_frame *frame);
bool pair_host_tx(struct pair *p, unsigned int port, const uint8_t *frame, uint32_t len);
bool pair_command(struct pair *p, const struct sl_flow_cmd *cmd);
bool pair_settle(struct pair *p);

/*
 * Compares frames, completions, counters and table figures since the last call, then forgets them. ordered: frames of
 * each destination in order (one source of frames); else as a set. False with a sentence in why.
 */
bool pair_compare(struct pair *p, bool ordered);

/* Compares every flow id's state; ids below `ids`. */
bool pair_compare_flows(struct pair *p, uint32_t ids);

#endif
