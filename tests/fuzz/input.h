/* SPDX-License-Identifier: BSD-3-Clause */
/* A fuzzer's input as numbers: little-endian, zeros where it has ended. */
#ifndef SLUICE_TESTS_FUZZ_INPUT_H
#define SLUICE_TESTS_FUZZ_INPUT_H

#include <stddef.h>
#include <stdint.h>

struct input {
	const uint8_t *at;
	size_t left;
};

static inline uint32_t take(struct input *in, unsigned int bytes)
{
	uint32_t value = 0;

	for (unsigned int i = 0; i < bytes && in->left; i++, in->left--)
		value |= (uint32_t)*in->at++ << 8 * i;
	return value;
}

#endif
