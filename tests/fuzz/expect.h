/* SPDX-License-Identifier: BSD-3-Clause */
/* What hw/model says of a vector's frames: the reference of the datapath's fuzzer. */
#ifndef SLUICE_TESTS_FUZZ_EXPECT_H
#define SLUICE_TESTS_FUZZ_EXPECT_H

#include "tests/vectors/load.h"

/* Fills the steps' reasons, rules and outputs (whose frames have room for SL_FRAME_MAX bytes) and the flows' counters. */
void expect(struct sl_vector *v);

/* The key that the frame is looked up by, in the vector's present state. False: it is not. */
bool expect_key(const struct sl_vector *v, const struct sl_vector_step *step, struct sl_key *key);

#endif
