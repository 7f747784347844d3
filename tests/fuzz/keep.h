/* SPDX-License-Identifier: BSD-3-Clause */
/* Writes vectors that were made in memory as a corpus (tests/vectors/README.md), so that every runner of it replays them. */
#ifndef SLUICE_TESTS_FUZZ_KEEP_H
#define SLUICE_TESTS_FUZZ_KEEP_H

#include "tests/vectors/load.h"

/* A vector of frames alone, appended to a list (json_array()). */
void keep_vector(json_t *vectors, const struct sl_vector *v, const char *name, const char *about);

/* False: the file could not be written. The list is the caller's. */
bool keep_write(json_t *vectors, const char *path);

#endif
