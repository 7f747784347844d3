/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the connection table is inside, for conn.c and for who looks up many packets at a time (host/fastpath.c). A shard has two
 * indexes, of the ways forth and of the ways back (nat); each is a hash of buckets of sixteen slots, a cache line each; a key has two
 * buckets.
 *
 *   slot: tag (a part of the hash, what the rest leaves) | connection within the shard + 1; 0: empty
 *
 * A slot goes into the first bucket of its key unless that is nearly full, so that nearly every lookup reads one line of the
 * index, and then one of the connection, or two (nat, IPv6): a tag that fits without the key being the same is rare (tag_mask).
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
	struct sl_conn_bucket *buckets[2]; /* by direction: forth, back */
	uint32_t free[2];    /* lists of freed connections without and with more parts, by number within the shard + 1; 0: none */
	uint32_t fresh[2];   /* those from the first to before the second were never used */
	uint32_t free_count; /* of all of them */
	uint32_t unproven;
	uint32_t scan;       /* next connection to look at */
	uint32_t now_s;      /* of the last look */
	char pad[64];
};

/* Parts that have memory only where they are needed. */
enum sl_conn_part { SL_CONN_PART_NAT, SL_CONN_PART_SIX, SL_CONN_PART_CARD, SL_CONN_PARTS };

struct sl_conn_table {
	struct sl_conn *entries;
	struct sl_conn_rest *rest;
	struct sl_conn_nat *nat;
	struct sl_conn_six *six;
	struct sl_conn_card *card;
	uint8_t *chunk[SL_CONN_PARTS]; /* by chunk: 1 if the part has memory there; written by the owner of any shard */
	uint16_t *deadline;    /* 0: free; 1: due; else the lower half of the second */
	uint32_t *handshake;   /* see sl_conn_handshake_at(); memory only where nat connections have been */
	uint32_t capacity;
	uint32_t shard_entries;
	uint32_t bucket_count; /* of a shard and direction */
	uint32_t entry_mask;   /* of a slot: connection within the shard + 1 */
	uint32_t tag_mask;     /* of a slot */
	uint32_t unproven_max; /* of a shard */
	uint32_t two_way;      /* there are, or were, ways back */
	int fd;                /* -1: all memory is there */
	uint64_t start;        /* of the memory in that file */
	uint64_t shard_key[3]; /* these two are made of the state's hash key */
	uint32_t hash_key[10]; /* two for each word of a key */
	uint64_t hash_mix[3];  /* the last two are multipliers */
	struct sl_conn_shard shard[SL_CONN_SHARDS];
};

/* ---- host/conn_parts.c ------------------------------------------------------------------------------------------ */
size_t sl_conn_part_size(enum sl_conn_part part);
void sl_conn_parts_place(struct sl_conn_table *t, void *memory);
/* The part has memory for connection `index` from now on. A chunk is one to three pages. */
bool sl_conn_part_take(struct sl_conn_table *t, enum sl_conn_part part, uint32_t index);
/* Whether the way back of one in mode fullnat leads to this key's destination, from its source; the ports of backends are equal. */
bool sl_conn_full_equal(const struct sl_conn_table *t, uint32_t index, const struct sl_key *key);
/* What the check word must be. */
uint32_t sl_conn_copy_check(const struct sl_conn_copy *copy);

static inline bool sl_conn_is_six(const struct sl_conn_table *t, uint32_t index)
{
	return t->rest[index].more & SL_CONN_MORE_SIX;
}

static inline bool sl_conn_is_two_way(const struct sl_conn_table *t, uint32_t index)
{
	return t->entries[index].nat;
}

/* ---- the index -------------------------------------------------------------------------------------------------- */

static inline uint64_t sl_conn_multiply(uint64_t a, uint64_t b)
{
	return a * b ^ (uint64_t)((unsigned __int128)a * b >> 64);
}

/* One product of NH (Black and others, UMAC, RFC 4418): the halves of a word, each with a part of the key added. */
SL_CONN_INLINE uint64_t sl_conn_product(uint64_t word, const uint32_t key[2])
{
	return (uint64_t)((uint32_t)word + key[0]) * ((uint32_t)(word >> 32) + key[1]);
}

/* struct sl_conn's addresses: of a key's first four words. */
SL_CONN_INLINE uint64_t sl_conn_addresses(const struct sl_conn_table *t, const uint64_t word[4], bool ipv4)
{
	uint64_t sum = 0;

	if (ipv4)
		return word[0] | word[2] << 32;
	for (unsigned int i = 0; i < 4; i++)
		sum += sl_conn_product(word[i], &t->hash_key[2 * i]);
	return sum;
}

/*
 * Of the words of a key. NH is universal: of two keys that anyone chose without knowing the hash key, the odds are 2^-32 that their
 * sums are equal. Two more multiplications spread the sum over all bits.
 */
SL_CONN_INLINE uint64_t sl_conn_hash(const struct sl_conn_table *t, uint64_t addresses, uint64_t tail, bool ipv4)
{
	const uint64_t sum = sl_conn_product(tail, &t->hash_key[8]) +
			     (ipv4 ? sl_conn_product(addresses, &t->hash_key[0]) : addresses);

	return sl_conn_multiply(sl_conn_multiply(sum ^ t->hash_mix[0], t->hash_mix[1]) ^ sum, t->hash_mix[2]);
}

/* Of a client's address (two words) and port. The shard decides about which worker, so a short keyed hash is enough for it. */
SL_CONN_INLINE unsigned int sl_conn_client_shard(const struct sl_conn_table *t, const uint64_t client[2],
									       uint64_t port, uint64_t tenant)
{
	const uint64_t address = sl_conn_multiply(client[0] ^ t->shard_key[0], client[1] ^ t->shard_key[1]);

	return (unsigned int)(sl_conn_multiply(address ^ (port | tenant << 16), t->shard_key[2]) >> 60) % SL_CONN_SHARDS;
}

SL_CONN_INLINE struct sl_conn_bucket *sl_conn_bucket_of(const struct sl_conn_table *t, const struct sl_conn_shard *s,
							bool back, uint64_t hash, unsigned int which)
{
	return &s->buckets[back][(uint64_t)(uint32_t)(hash >> (32 * which)) * t->bucket_count >> 32];
}

/* Bits that neither bucket is chosen by alone: the whole hash is folded. Never 0, which an empty slot has. */
SL_CONN_INLINE uint32_t sl_conn_tag(const struct sl_conn_table *t, uint64_t hash)
{
	const uint32_t tag = (uint32_t)((hash * UINT64_C(0x9E3779B97F4A7C15)) >> 32) & t->tag_mask;

	return tag ? tag : t->entry_mask + 1;
}

/* Bit n: slot n has the tag, and so is not empty. */
SL_CONN_INLINE uint32_t sl_conn_bucket_match(const struct sl_conn_table *t,
									  const struct sl_conn_bucket *b, uint32_t tag)
{
#ifdef __SSE2__
	const __m128i mask = _mm_set1_epi32((int)t->tag_mask), want = _mm_set1_epi32((int)tag);
	__m128i same[4];

#pragma GCC unroll 4
	for (unsigned int i = 0; i < 4; i++) {
		const __m128i slot = _mm_load_si128((const __m128i *)(const void *)&b->slot[4 * i]);

		same[i] = _mm_cmpeq_epi32(_mm_and_si128(slot, mask), want);
	}
	return (uint32_t)_mm_movemask_epi8(_mm_packs_epi16(_mm_packs_epi32(same[0], same[1]), _mm_packs_epi32(same[2], same[3])));
#else
	uint32_t bits = 0;

	for (unsigned int i = 0; i < SL_CONN_WAYS; i++)
		bits |= (uint32_t)((b->slot[i] & t->tag_mask) == tag) << i;
	return bits;
#endif
}

static inline uint32_t sl_conn_slot_entry(const struct sl_conn_table *t, const struct sl_conn_shard *s, uint32_t slot)
{
	return (uint32_t)(s - t->shard) * t->shard_entries + (slot & t->entry_mask) - 1;
}

/* Whether the way forth of connection `index` has this key. addresses: the key's (sl_conn_addresses()). */
SL_CONN_INLINE bool sl_conn_forth_equal(const struct sl_conn_table *t, uint32_t index, const struct sl_key *key,
					uint64_t addresses)
{
	const struct sl_conn *conn = &t->entries[index];

	return conn->addresses == addresses && conn->tail == sl_load64(&key->sport) &&
	       (conn->family == 4 ||
		(!memcmp(t->six[index].src, key->src, sizeof(key->src)) && !memcmp(t->six[index].dst, key->dst, sizeof(key->dst))));
}

/* The same of the way back of one in mode nat or fullnat. */
SL_CONN_INLINE bool sl_conn_back_equal(const struct sl_conn_table *t, uint32_t index, const struct sl_key *key,
				       uint64_t addresses)
{
	const struct sl_conn *conn = &t->entries[index];
	const struct sl_conn_nat *nat = &t->nat[index];

	if (key->family != conn->family || key->proto != conn->proto || key->tenant != conn->tenant || key->sport != nat->backend_port)
		return false;
	if (nat->source_port)
		return sl_conn_full_equal(t, index, key);
	if (key->dport != conn->sport)
		return false;
	if (key->family == 4)
		return addresses == (nat->backend4 | conn->addresses << 32);
	return !memcmp(key->src, t->six[index].backend, sizeof(key->src)) && !memcmp(key->dst, t->six[index].src, sizeof(key->dst));
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
	uint64_t addresses; /* as in struct sl_conn */
	uint64_t hash;
	const struct sl_conn_bucket *bucket;
	uint32_t index; /* of the first entry that has the tag, or SL_CONN_NONE */
	uint8_t shard;
	bool back;      /* the key is one of the way back */
};

/* word, back and shard are set. */
SL_CONN_INLINE void sl_conn_lookup_begin(const struct sl_conn_table *t, struct sl_conn_lookup *l, bool ipv4)
{
	l->addresses = sl_conn_addresses(t, l->word, ipv4);
	l->hash = sl_conn_hash(t, l->addresses, l->word[4], ipv4);
	l->bucket = sl_conn_bucket_of(t, &t->shard[l->shard], l->back, l->hash, 0);
	l->index = SL_CONN_NONE;
	__builtin_prefetch(l->bucket, 1);
}

/* False: no connection of the bucket has the tag. */
SL_CONN_INLINE bool sl_conn_lookup_bucket(const struct sl_conn_table *t, struct sl_conn_lookup *l)
{
	const uint32_t match = sl_conn_bucket_match(t, l->bucket, sl_conn_tag(t, l->hash));

	if (!match)
		return false;
	l->index = l->shard * t->shard_entries + (l->bucket->slot[__builtin_ctz(match)] & t->entry_mask) - 1;
	__builtin_prefetch(&t->entries[l->index], 1);
	if (t->two_way)
		__builtin_prefetch(&t->nat[l->index], 1);
	return true;
}

static inline void sl_conn_lookup_late(const struct sl_conn_table *t, struct sl_conn_lookup *l)
{
	l->bucket = sl_conn_bucket_of(t, &t->shard[l->shard], l->back, l->hash, 1);
	__builtin_prefetch(l->bucket, 1);
}

/* Whether connection `index` is the one looked for. If not, sl_conn_find() may still find another. */
SL_CONN_INLINE bool sl_conn_lookup_found(const struct sl_conn_table *t, const struct sl_conn_lookup *l)
{
	return l->back ? sl_conn_back_equal(t, l->index, &l->key, l->addresses)
		       : sl_conn_forth_equal(t, l->index, &l->key, l->addresses);
}

#endif
