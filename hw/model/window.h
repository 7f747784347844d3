/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The header window: the only bytes of a frame that the stages see, and how they read it. The stages in this folder
 * are pure functions over windows and small structures: no library, no heap, no state of their own. Each stage is one
 * file pair and compiles for the card's engine, the host and (clang -target bpf) the kernel's verifier.
 */
#ifndef SLUICE_MODEL_WINDOW_H
#define SLUICE_MODEL_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sluice/contract.h"

/*
 * The first min(frame length, SL_WINDOW_BYTES) bytes of a frame, contiguous. Nothing after them is ever read: every
 * length is checked against the frame's first, and the deepest header chain ends at byte 184. The type is longer only
 * so that a verifier, which knows an offset no better than "below 256", sees every read inside it. So a pointer to a
 * frame's bytes may be cast to this type (sl_window_at) however short the frame is.
 */
#define SL_WINDOW_SLACK 96
struct sl_window {
	uint8_t b[SL_WINDOW_BYTES + SL_WINDOW_SLACK];
};

/* Pointer arguments of stages are never NULL; the verifier has to be told, where the function is defined. */
#ifdef __bpf__
#define SL_NONNULL __attribute__((btf_decl_tag("arg:nonnull")))
#else
#define SL_NONNULL
#endif

static inline const struct sl_window *sl_window_at(const void *frame)
{
	return (const struct sl_window *)frame;
}

/* An offset as the verifier can follow it; elsewhere the value as it is. */
static inline uint32_t sl_window_offset(uint32_t off)
{
#ifdef __bpf__
	uint64_t bounded = off;

	__asm__ volatile("%0 &= 0xff" : "+r"(bounded));
	return (uint32_t)bounded;
#else
	return off;
#endif
}

static inline uint32_t sl_load_be16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static inline void sl_store_be16(uint8_t *p, uint32_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

#endif
