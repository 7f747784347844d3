/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Makes a mismatch small: the present state on two cards that were just reset, then one frame after another until one
 * alone differs. What remains is written as a corpus of one vector (tests/vectors/README.md), the model's answer as the
 * expectation, so that build/bin/vectors replays it.
 */
#ifndef SLUICE_TESTS_COSIM_REPRODUCE_H
#define SLUICE_TESTS_COSIM_REPRODUCE_H

#include "tests/cosim/pair.h"

/* True if a single frame was found that differs; otherwise all frames are written. name: the vector's. */
bool reproduce(struct pair *p, const struct world *w, const struct traffic_frame *frames, size_t count, uint32_t flow_ids,
	       const char *name, const char *path);

#endif
