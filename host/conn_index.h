/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the connection table is inside, for conn.c and for who looks up many packets at a time (host/fastpath.c). The index of a
 * shard is a hash of buckets of sixteen slots, a cache line each; a key has two buckets.
 *
 *   slot: tag (a part of the hash, what the rest leaves) | 1 bit: way back | entry within the shard + 1; 0: empty
 *
 * A slot goes into the first bucket of its key unless that is nearly full, so that nearly every lookup reads one line of the
 * index, and then one or two of the entry: a tag that fits without the key being the same is rare (tag_bits).
 *
 * Owner of the shard only.
 */
#ifndef SLUICE_HOST_CONN_INDEX_H
#define SLUICE_HOST_CONN_INDEX_H

#include "host/conn.h"
#include "hw/model/window.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define SL_CONN_INLINE static inline __attribute__((always_inline))

#define SL_CONN_WAYS 16u
#define SL_CONN_WAYS_CROWDED 12u /* from here on the emptier of the two buckets takes a new slot */

struct sl_conn_bucket {
	uint32_t slot[SL_CONN_WAYS];
} __attribute__((aligned(64)));
_Static_assert(sizeof(struct sl_conn_bucket) == 64, "a bucket is a cache line");

struct sl_conn_shard {
	struct sl_conn_bucket *buckets;
	uint32_t *free; /* stack of entry indexes */
	uint32_t free_count;
	uint32_t unproven;
	uint32_t scan; /* next entry to look at */
	char pad[64];
};

struct sl_conn_table {
	struct sl_conn *entries;
	struct sl_conn_bucket *buckets; /* of all shards */
	uint32_t *deadline_s; /* 0: free */
	uint32_t capacity;
	uint32_t shard_entries;
	uint32_t bucket_count; /* of a shard */
	uint32_t entry_mask;   /* of a slot: entry within the shard + 1 */
	uint32_t back_bit;     /* of a slot: the way back */
	uint32_t tag_mask;     /* of a slot */
	uint32_t unproven_max; /* of a shard */
	uint64_t shard_key[3]; /* these two are made of the state's hash key */
	uint64_t hash_key[8];
	struct sl_conn_shard shard[SL_CONN_SHARDS];
};

static inline uint64_t sl_conn_multiply(uint64_t a, uint64_t b)
{
	const unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* One product of NH (Black and others, UMAC, RFC 4418): the halves of a word, each with a half of the key added. */
SL_CONN_INLINE uint64_t sl_conn_product(uint64_t word, uint64_t key)
{
	return (uint64_t)((uint32_t)word + (uint32_t)key) * (uint32_t)((word >> 32) + (key >> 32));
}

/*
 * Of the words of a key. NH is universal: of two keys that anyone chose without knowing the hash key, the odds are 2^-32 that their
 * sums are equal. Two more multiplications spread the sum over all bits.
 */
SL_CONN_INLINE uint64_t sl_conn_hash_words(const struct sl_conn_table *t, const uint64_t word[5],
									 bool ipv4)
{
	uint64_t sum = sl_conn_product(word[4], t->hash_key[4]);

	if (ipv4) {
		sum += sl_conn_product(word[0] | word[2] << 32, t->hash_key[0]);
	} else {
		for (unsigned int i = 0; i < 4; i++)
			sum += sl_conn_product(word[i], t->hash_key[i]);
	}
	return sl_conn_multiply(sl_conn_multiply(sum ^ t->hash_key[5], t->hash_key[6]) ^ sum, t->hash_key[7]);
}

static inline uint64_t sl_conn_hash(const struct sl_conn_table *t, const struct sl_key *key)
{
	const uint64_t word[5] = { sl_load64(key->src), sl_load64(key->src + 8), sl_load64(key->dst), sl_load64(key->dst + 8),
				   sl_load64(&key->sport) };

	return sl_conn_hash_words(t, word, key->family == 4);
}

/* Of a client's address (two words) and port. The shard decides about which worker, so a short keyed hash is enough for it. */
SL_CONN_INLINE unsigned int sl_conn_client_shard(const struct sl_conn_table *t, const uint64_t client[2],
									       uint64_t port, uint64_t tenant)
{
	const uint64_t address = sl_conn_multiply(client[0] ^ t->shard_key[0], client[1] ^ t->shard_key[1]);

	return (unsigned int)(sl_conn_multiply(address ^ (port | tenant << 16), t->shard_key[2]) >> 60) % SL_CONN_SHARDS;
}

SL_CONN_INLINE struct sl_conn_bucket *sl_conn_bucket_of(const struct sl_conn_table *t,
										     const struct sl_conn_shard *s,
										     uint64_t hash, unsigned int which)
{
	return &s->buckets[(uint64_t)(uint32_t)(hash >> (32 * which)) * t->bucket_count >> 32];
}

/* Bits that neither bucket is chosen by alone: the whole hash is folded. */
SL_CONN_INLINE uint32_t sl_conn_tag(const struct sl_conn_table *t, uint64_t hash)
{
	return (uint32_t)((hash * UINT64_C(0x9E3779B97F4A7C15)) >> 32) & t->tag_mask;
}

/* Bit n: slot n is not empty and has the tag (with either direction). */
SL_CONN_INLINE uint32_t sl_conn_bucket_match(const struct sl_conn_table *t,
									  const struct sl_conn_bucket *b, uint32_t tag)
{
	uint32_t bits = 0;

#ifdef __SSE2__
	const __m128i mask = _mm_set1_epi32((int)t->tag_mask), want = _mm_set1_epi32((int)tag), zero = _mm_setzero_si128();

#pragma GCC unroll 4
	for (unsigned int i = 0; i < SL_CONN_WAYS; i += 4) {
		const __m128i slot = _mm_load_si128((const __m128i *)(const void *)&b->slot[i]);
		const __m128i tagged = _mm_cmpeq_epi32(_mm_and_si128(slot, mask), want);
		const __m128i same = _mm_andnot_si128(_mm_cmpeq_epi32(slot, zero), tagged);

		bits |= (uint32_t)_mm_movemask_ps(_mm_castsi128_ps(same)) << i;
	}
#else
	for (unsigned int i = 0; i < SL_CONN_WAYS; i++)
		bits |= (uint32_t)(b->slot[i] && (b->slot[i] & t->tag_mask) == tag) << i;
#endif
	return bits;
}

static inline uint32_t sl_conn_slot_entry(const struct sl_conn_table *t, const struct sl_conn_shard *s, uint32_t slot)
{
	return (uint32_t)(s - t->shard) * t->shard_entries + (slot & t->entry_mask) - 1;
}

SL_CONN_INLINE bool sl_conn_key_equal(const struct sl_key *a, const struct sl_key *b)
{
	const uint8_t *x = a->src, *y = b->src;

	return ((sl_load64(x) ^ sl_load64(y)) | (sl_load64(x + 8) ^ sl_load64(y + 8)) | (sl_load64(x + 16) ^ sl_load64(y + 16)) |
		(sl_load64(x + 24) ^ sl_load64(y + 24)) | (sl_load64(x + 32) ^ sl_load64(y + 32))) == 0;
}

/*
 * Many lookups at a time: begin all, look at the buckets of all, a lag behind, which asks for the entries, then (late) at the
 * second buckets of those that are in no first one; and only then at the entries. The memory of one is read while that of others
 * is on its way.
 */
struct sl_conn_lookup {
	union {
		struct sl_key key;
		uint64_t word[5]; /* of it: addresses, and the rest */
	};
	uint64_t hash;
	const struct sl_conn_bucket *bucket;
	uint32_t index; /* of the first entry that has the tag, or SL_CONN_NONE */
	uint8_t shard;
	bool back;      /* the key is one of the way back */
};

/* word, back and shard are set. */
SL_CONN_INLINE void sl_conn_lookup_begin(const struct sl_conn_table *t, struct sl_conn_lookup *l, bool ipv4)
{
	l->hash = sl_conn_hash_words(t, l->word, ipv4);
	l->bucket = sl_conn_bucket_of(t, &t->shard[l->shard], l->hash, 0);
	l->index = SL_CONN_NONE;
	__builtin_prefetch(l->bucket, 1);
}

/* False: no entry of the bucket has the tag and direction. */
SL_CONN_INLINE bool sl_conn_lookup_bucket(const struct sl_conn_table *t, struct sl_conn_lookup *l)
{
	const uint32_t back = l->back ? t->back_bit : 0;

	for (uint32_t match = sl_conn_bucket_match(t, l->bucket, sl_conn_tag(t, l->hash)); match; match &= match - 1) {
		const uint32_t slot = l->bucket->slot[__builtin_ctz(match)];

		if ((slot & t->back_bit) != back)
			continue;
		l->index = l->shard * t->shard_entries + (slot & t->entry_mask) - 1;
		__builtin_prefetch(&t->entries[l->index], 1);
		if (l->back)
			__builtin_prefetch(t->entries[l->index].backend_addr, 1);
		return true;
	}
	return false;
}

static inline void sl_conn_lookup_late(const struct sl_conn_table *t, struct sl_conn_lookup *l)
{
	l->bucket = sl_conn_bucket_of(t, &t->shard[l->shard], l->hash, 1);
	__builtin_prefetch(l->bucket, 1);
}

/* Whether entry `index` is the one looked for. If not, sl_conn_find() may still find another. */
SL_CONN_INLINE bool sl_conn_lookup_found(const struct sl_conn_table *t, const struct sl_conn_lookup *l)
{
	const struct sl_conn *conn = &t->entries[l->index];
	struct sl_key reverse;

	if (!l->back)
		return sl_conn_key_equal(&conn->key, &l->key);
	if (!sl_mode_nat(conn->mode))
		return false;
	sl_conn_reverse_key(conn, &reverse);
	return sl_conn_key_equal(&reverse, &l->key);
}

#endif
