/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stage hash (docs/datapath.md section 5): SipHash-1-3 of a flow key. Keyed, because linear hashes (CRC, Toeplitz) let
 * anyone fill one bucket on purpose.
 */
#ifndef SLUICE_MODEL_HASH_H
#define SLUICE_MODEL_HASH_H

#include "hw/model/window.h"

/* The 128-bit key: k0 is HASH_KEY words 0 (low) and 1, k1 words 2 and 3. */
struct sl_hash_seed {
	uint64_t k0;
	uint64_t k1;
};

/* IPv4 (family 4) hashes 16 bytes of the key, everything else all 40. */
uint64_t sl_hash_key(const struct sl_key *key, const struct sl_hash_seed *seed);

/* UDP source port of an encapsulated packet, host order. */
static inline uint32_t sl_hash_entropy(uint64_t hash)
{
	return SL_ENTROPY_BASE | (uint32_t)(hash >> 48 & 0x3fff);
}

#endif
