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

/*
 * Pointer arguments are never NULL. What BPF programs call says so first: the kernel's verifier looks at each such
 * function by itself, and has to see it. (From 6.8 on a tag at the argument would do.)
 */
#ifdef __bpf__
#define SL_NONNULL(pointers)      \
	do {                      \
		if (!(pointers))  \
			return 0; \
	} while (0)
#else
#define SL_NONNULL(pointers) ((void)0)
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

/*
 * Loads and stores of the memory's byte order, at any address. The compiler for BPF makes of a memcpy() single bytes where it knows
 * no alignment; the machines that run XDP at speed need none.
 */
#ifdef __bpf__
typedef uint16_t __attribute__((may_alias)) sl_any16;
typedef uint32_t __attribute__((may_alias)) sl_any32;
typedef uint64_t __attribute__((may_alias)) sl_any64;
#define SL_LOAD(bits, p) (*(const sl_any##bits *)(p))
#define SL_STORE(bits, p, value) (*(sl_any##bits *)(p) = (value))
#else
#define SL_LOAD(bits, p)                                                                                               \
	({                                                                                                             \
		uint##bits##_t value_;                                                                                 \
		__builtin_memcpy(&value_, (p), sizeof(value_));                                                        \
		value_;                                                                                                \
	})
#define SL_STORE(bits, p, value)                                                                                       \
	do {                                                                                                           \
		const uint##bits##_t value_ = (value);                                                                 \
		__builtin_memcpy((p), &value_, sizeof(value_));                                                        \
	} while (0)
#endif

static inline uint32_t sl_load16(const void *p)
{
	return SL_LOAD(16, p);
}

static inline uint32_t sl_load32(const void *p)
{
	return SL_LOAD(32, p);
}

static inline uint64_t sl_load64(const void *p)
{
	return SL_LOAD(64, p);
}

static inline void sl_store32(void *p, uint32_t value)
{
	SL_STORE(32, p, value);
}

static inline void sl_store64(void *p, uint64_t value)
{
	SL_STORE(64, p, value);
}

static inline uint32_t sl_load_be16(const uint8_t *p)
{
#ifdef __bpf__
	return __builtin_bswap16((uint16_t)SL_LOAD(16, p));
#else
	return (uint32_t)p[0] << 8 | p[1];
#endif
}

static inline void sl_store_be16(uint8_t *p, uint32_t value)
{
#ifdef __bpf__
	SL_STORE(16, p, __builtin_bswap16((uint16_t)value));
#else
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
#endif
}

#endif
