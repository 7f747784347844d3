/* SPDX-License-Identifier: BSD-3-Clause */
/* The functions on memory that a freestanding program must bring along; memory.c is for the core, the host has a libc. */
#ifndef SLUICE_FIRMWARE_MEMORY_H
#define SLUICE_FIRMWARE_MEMORY_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t n);
void *memset(void *to, int byte, size_t n);

#endif
