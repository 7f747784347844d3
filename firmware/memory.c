/* SPDX-License-Identifier: BSD-3-Clause */
/* memcpy and memset: the compiler may call them even where the source does not. Built with
 * -fno-tree-loop-distribute-patterns, so that their loops do not become calls of themselves. */
#include "firmware/memory.h"

#include <stdint.h>

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
	uint8_t *t = to;
	const uint8_t *f = from;

	while (n--)
		*t++ = *f++;
	return to;
}

void *memset(void *to, int byte, size_t n)
{
	uint8_t *t = to;

	while (n--)
		*t++ = (uint8_t)byte;
	return to;
}
