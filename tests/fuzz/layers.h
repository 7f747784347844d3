/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a frame consists of, as the fuzzer's mutator sees it. It reads as a generous receiver would, whatever lengths and checksums
 * say, and has nothing in common with hw/model's parser.
 */
#ifndef SLUICE_TESTS_FUZZ_LAYERS_H
#define SLUICE_TESTS_FUZZ_LAYERS_H

#include "tests/fuzz/scene.h"

enum layer_kind {
	LAYER_ETHERNET, LAYER_TAG, LAYER_IPV4, LAYER_IPV6, LAYER_EXTENSION, LAYER_TCP, LAYER_UDP, LAYER_ICMP, LAYER_GRE, LAYER_TUNNEL
};

#define LAYERS_MAX 16u

struct layer {
	uint8_t kind, proto; /* LAYER_IPV4 and LAYER_IPV6: what follows the headers */
	uint16_t at, len;    /* len: of the header */
};

/* How many there are. */
unsigned int layers_of(const struct scene_frame *f, struct layer *layer);

/* Makes lengths right and, if asked for, checksums, from the inside out. */
void layers_fix(struct scene_frame *f, bool lengths, bool checksums);

#endif
