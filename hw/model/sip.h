/* SPDX-License-Identifier: BSD-3-Clause */
/* SipHash-1-3 (Aumasson, Bernstein) of the words of a flow key, for hash.c and for who has the words at hand. */
#ifndef SLUICE_MODEL_SIP_H
#define SLUICE_MODEL_SIP_H

#include "hw/model/hash.h"

struct sl_sip {
	uint64_t v0, v1, v2, v3;
};

static inline __attribute__((always_inline)) uint64_t sl_sip_rotate(uint64_t x, unsigned int n)
{
	return x << n | x >> (64 - n);
}

static inline __attribute__((always_inline)) void sl_sip_round(struct sl_sip *s)
{
	s->v0 += s->v1;
	s->v1 = sl_sip_rotate(s->v1, 13) ^ s->v0;
	s->v0 = sl_sip_rotate(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = sl_sip_rotate(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = sl_sip_rotate(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = sl_sip_rotate(s->v1, 17) ^ s->v2;
	s->v2 = sl_sip_rotate(s->v2, 32);
}

static inline __attribute__((always_inline)) void sl_sip_absorb(struct sl_sip *s, uint64_t word)
{
	s->v3 ^= word;
	sl_sip_round(s);
	s->v0 ^= word;
}

static inline __attribute__((always_inline)) struct sl_sip sl_sip_begin(const struct sl_hash_seed *seed)
{
	return (struct sl_sip){
		.v0 = seed->k0 ^ 0x736f6d6570736575,
		.v1 = seed->k1 ^ 0x646f72616e646f6d,
		.v2 = seed->k0 ^ 0x6c7967656e657261,
		.v3 = seed->k1 ^ 0x7465646279746573,
	};
}

/* len: bytes absorbed. */
static inline __attribute__((always_inline)) uint64_t sl_sip_end(struct sl_sip *s, uint64_t len)
{
	sl_sip_absorb(s, len << 56);
	s->v2 ^= 0xff;
	sl_sip_round(s);
	sl_sip_round(s);
	sl_sip_round(s);
	return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

/* sl_hash_key() of an IPv4 key: its addresses, the source's in the low half, and the last eight bytes of the key. */
static inline __attribute__((always_inline)) uint64_t sl_sip_ipv4(const struct sl_hash_seed *seed, uint64_t addresses,
								  uint64_t word)
{
	struct sl_sip s = sl_sip_begin(seed);

	sl_sip_absorb(&s, addresses);
	sl_sip_absorb(&s, word);
	return sl_sip_end(&s, 16);
}

/* And of an IPv6 key. */
static inline __attribute__((always_inline)) uint64_t sl_sip_ipv6(const struct sl_hash_seed *seed, const uint64_t src[2],
								  const uint64_t dst[2], uint64_t word)
{
	struct sl_sip s = sl_sip_begin(seed);

	sl_sip_absorb(&s, src[0]);
	sl_sip_absorb(&s, src[1]);
	sl_sip_absorb(&s, dst[0]);
	sl_sip_absorb(&s, dst[1]);
	sl_sip_absorb(&s, word);
	return sl_sip_end(&s, 40);
}

#endif
