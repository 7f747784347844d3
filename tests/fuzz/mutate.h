/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef SLUICE_TESTS_FUZZ_MUTATE_H
#define SLUICE_TESTS_FUZZ_MUTATE_H

#include "tests/fuzz/scene.h"

/* One or several changes; the seed alone decides, but for what libFuzzer's own mutator does to bytes. */
void scene_mutate(struct scene *s, uint32_t seed, const struct sl_corpus *corpus);

#endif
