/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * By what a service's Maglev table is asked: XXH64 (xxHash's specification, 0.1.1) of the addresses and ports of a key, 36 bytes
 * in wire order. Agent and XDP program ask with the same, and so does every node. tests/host/service_test.c compares with libxxhash.
 */
#ifndef SLUICE_CHOICE_H
#define SLUICE_CHOICE_H

#include <stdint.h>

#define SL_CHOICE_PRIME1 UINT64_C(0x9e3779b185ebca87)
#define SL_CHOICE_PRIME2 UINT64_C(0xc2b2ae3d27d4eb4f)
#define SL_CHOICE_PRIME3 UINT64_C(0x165667b19e3779f9)
#define SL_CHOICE_PRIME4 UINT64_C(0x85ebca77c2b2ae63)
#define SL_CHOICE_BYTES 36u /* of a struct sl_key: what is before its tenant */

static inline __attribute__((always_inline)) uint64_t sl_choice_turn(uint64_t x, unsigned int by)
{
	return x << by | x >> (64 - by);
}

static inline __attribute__((always_inline)) uint64_t sl_choice_round(uint64_t lane, uint64_t word)
{
	return sl_choice_turn(lane + word * SL_CHOICE_PRIME2, 31) * SL_CHOICE_PRIME1;
}

static inline __attribute__((always_inline)) uint64_t sl_choice_merge(uint64_t hash, uint64_t lane)
{
	return (hash ^ sl_choice_round(0, lane)) * SL_CHOICE_PRIME1 + SL_CHOICE_PRIME4;
}

/* addresses: source and destination as a struct sl_key has them, read in words of the machine (little-endian). ports: source and
 * destination port as they lie there, in the lowest four bytes. */
static inline __attribute__((always_inline)) uint64_t sl_choice_hash(const uint64_t addresses[4], uint32_t ports, uint64_t seed)
{
	const uint64_t a = sl_choice_round(seed + SL_CHOICE_PRIME1 + SL_CHOICE_PRIME2, addresses[0]);
	const uint64_t b = sl_choice_round(seed + SL_CHOICE_PRIME2, addresses[1]);
	const uint64_t c = sl_choice_round(seed, addresses[2]);
	const uint64_t d = sl_choice_round(seed - SL_CHOICE_PRIME1, addresses[3]);
	uint64_t hash = sl_choice_turn(a, 1) + sl_choice_turn(b, 7) + sl_choice_turn(c, 12) + sl_choice_turn(d, 18);

	hash = sl_choice_merge(sl_choice_merge(sl_choice_merge(sl_choice_merge(hash, a), b), c), d) + SL_CHOICE_BYTES;
	hash = sl_choice_turn(hash ^ ports * SL_CHOICE_PRIME1, 23) * SL_CHOICE_PRIME2 + SL_CHOICE_PRIME3;
	hash = (hash ^ hash >> 33) * SL_CHOICE_PRIME2;
	hash = (hash ^ hash >> 29) * SL_CHOICE_PRIME3;
	return hash ^ hash >> 32;
}

#endif
