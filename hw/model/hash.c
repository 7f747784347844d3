/* SPDX-License-Identifier: BSD-3-Clause */
/* Stage hash: SipHash with one compression and three finalisation rounds (Aumasson, Bernstein). See hash.h. */
#include "hw/model/hash.h"

struct sip {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotate(uint64_t x, unsigned int n)
{
	return x << n | x >> (64 - n);
}

static inline void sip_round(struct sip *s)
{
	s->v0 += s->v1;
	s->v1 = rotate(s->v1, 13) ^ s->v0;
	s->v0 = rotate(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rotate(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rotate(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rotate(s->v1, 17) ^ s->v2;
	s->v2 = rotate(s->v2, 32);
}

static inline void sip_absorb(struct sip *s, uint64_t word)
{
	s->v3 ^= word;
	sip_round(s);
	s->v0 ^= word;
}

static inline uint64_t load_le64(const void *p)
{
	uint64_t value;

	__builtin_memcpy(&value, p, 8);
	return value;
}

uint64_t sl_hash_key(const struct sl_key *key SL_NONNULL, const struct sl_hash_seed *seed SL_NONNULL)
{
	struct sip s = {
		.v0 = seed->k0 ^ 0x736f6d6570736575,
		.v1 = seed->k1 ^ 0x646f72616e646f6d,
		.v2 = seed->k0 ^ 0x6c7967656e657261,
		.v3 = seed->k1 ^ 0x7465646279746573,
	};
	uint64_t len = 40;

	if (key->family == 4) {
		len = 16;
		sip_absorb(&s, (load_le64(key->src) & 0xffffffff) | load_le64(key->dst) << 32);
	} else {
		sip_absorb(&s, load_le64(key->src));
		sip_absorb(&s, load_le64(key->src + 8));
		sip_absorb(&s, load_le64(key->dst));
		sip_absorb(&s, load_le64(key->dst + 8));
	}
	sip_absorb(&s, load_le64(&key->sport));
	sip_absorb(&s, len << 56);
	s.v2 ^= 0xff;
	sip_round(&s);
	sip_round(&s);
	sip_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
