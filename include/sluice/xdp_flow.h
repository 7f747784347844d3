/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * The flow table as the XDP program (hw/xdp) and its owner in user space share it: two banks of buckets of four entries, one
 * table for IPv4 and one for IPv6. A flow is in one of two buckets that its hash names. An entry is a cache line (IPv6: two)
 * with all that a hit needs but what NAT writes of IPv4, which lies beside it by the same index.
 *
 * One writer (driver/xdp/table.c), through mapped memory, without locks: `word` is written last and cleared first, and a tag
 * only says where to look. Programs on all processors read meanwhile; a flow that is moved is at both places for a moment. They
 * write counters, last_seen_ms, owner, memo and the rule in `what`.
 *
 * Counting is exact and without atomic operations for the processor that saw the flow first (`owner`); others count atomically
 * into a sl_xdp_foreign of the same index. A flow's counts are the sum of both.
 */
#ifndef SLUICE_XDP_FLOW_H
#define SLUICE_XDP_FLOW_H

#include <stdint.h>

#define SL_XDP_WAYS 4
#define SL_XDP_BANKS 2

/* The last eight bytes of a struct sl_key, and of an entry's key, as one little-endian word. */
#define SL_XDP_WORD(sport, dport, tenant, proto, family)                                                               \
	((uint64_t)(sport) | (uint64_t)(dport) << 16 | (uint64_t)(tenant) << 32 | (uint64_t)(proto) << 48 |             \
	 (uint64_t)(family) << 56)

/* What the program keeps in an entry beside the key. */
struct sl_xdp_hit {
	uint16_t tag[SL_XDP_WAYS]; /* in way 0: of the bucket's four entries, 0 free */
	uint32_t flow_id;
	uint32_t what; /* sl_xdp_what: loaded and stored as one, so that nobody sees an action with another's flags */
	uint32_t memo; /* sl_xdp_memo, 0 none */
	uint32_t last_seen_ms;
};

struct sl_xdp_flow4 {
	uint32_t src, dst; /* wire order */
	uint64_t word;     /* SL_XDP_WORD; the byte of the family is 0 while the entry is free */
	struct sl_xdp_hit hit;
	uint32_t owner; /* processor + 1, 0 none yet */
	uint32_t reserved;
	uint64_t packets, bytes;
};

/* NAT operands, as in a struct sl_record. */
struct sl_xdp_nat4 {
	uint32_t new_src, new_dst;
	uint16_t new_sport, new_dport;
	uint16_t l3_delta, l4_delta;
};

struct sl_xdp_flow6 {
	uint64_t src[2], dst[2]; /* wire order */
	uint64_t word;
	struct sl_xdp_hit hit;
	uint64_t packets, bytes;
	uint8_t new_src[16], new_dst[16];
	uint16_t new_sport, new_dport;
	uint16_t l3_delta, l4_delta;
	uint32_t owner;
	uint32_t reserved;
};

struct sl_xdp_bucket4 {
	struct sl_xdp_flow4 way[SL_XDP_WAYS];
};

struct sl_xdp_bucket6 {
	struct sl_xdp_flow6 way[SL_XDP_WAYS];
};

struct sl_xdp_foreign {
	uint64_t packets, bytes;
};

/* Index of the action entry, record_flag; the highest byte is the program's: with memo, the classification rule. */
static inline uint32_t sl_xdp_what(uint32_t action, uint32_t flags)
{
	return (action & 0xffff) | (flags & 0xff) << 16;
}

static inline uint32_t sl_xdp_action(uint32_t what)
{
	return what & 0xffff;
}

static inline uint8_t sl_xdp_flags(uint32_t what)
{
	return (uint8_t)(what >> 16);
}

static inline uint32_t sl_xdp_rule(uint32_t what)
{
	return what >> 24;
}

/* What only the owner needs of a flow; map `flow_meta`, by flow id. */
struct sl_xdp_meta {
	uint64_t cookie;
	uint64_t packets, bytes; /* counted at places that the flow has left */
	uint32_t place;          /* its entry */
	uint16_t age_s;
	uint8_t owner;
	uint8_t family;          /* 0: the id is free */
	uint8_t told;            /* the host was told that it aged, and last_seen_ms then */
	uint8_t reserved[3];
	uint32_t told_ms;
};

_Static_assert(sizeof(struct sl_xdp_flow4) == 64, "an IPv4 entry is a cache line");
_Static_assert(sizeof(struct sl_xdp_flow6) == 128, "an IPv6 entry is two");

/*
 * The table's own hash: BPF has no rotation, which makes SipHash longer than all the rest of a hit. NH (Black et al., UMAC,
 * CRYPTO 99) brings a key to 64 bits: two flows that somebody chooses who does not know the seed have the same with a chance of
 * 2^-32. Two multiplications with shifts between them mix these, since NH is linear in an address where all else is the same, and
 * neighbours in both banks would be neighbours.
 */
struct sl_xdp_seed {
	uint32_t nh[10];
	uint32_t reserved[2];
	uint64_t mix[2]; /* odd */
};

struct sl_xdp_hash {
	uint32_t bucket[SL_XDP_BANKS]; /* over both banks */
	uint64_t mix;                  /* what all of this comes from: sl_xdp_tag() */
	uint32_t way;                  /* of either bucket, where the flow is if there was room: a reader looks there first */
};

static inline __attribute__((always_inline)) uint64_t sl_xdp_nh(const struct sl_xdp_seed *seed, uint32_t i, uint64_t x)
{
	return (uint64_t)(uint32_t)((uint32_t)x + seed->nh[i]) * (uint32_t)((uint32_t)(x >> 32) + seed->nh[i + 1]);
}

static inline __attribute__((always_inline)) struct sl_xdp_hash sl_xdp_hash_end(const struct sl_xdp_seed *seed, uint64_t x,
									       uint32_t log2)
{
	const uint32_t mask = (1u << (log2 & 31)) - 1;

	x = (x ^ x >> 32) * seed->mix[0];
	x = (x ^ x >> 29) * seed->mix[1];
	x ^= x >> 32;
	return (struct sl_xdp_hash){
		.bucket = { (uint32_t)x & mask, ((uint32_t)(x >> 24) & mask) | (mask + 1) },
		.mix = x,
		.way = x >> 62,
	};
}

/* Of 16 bits, never 0. Not asked for by readers that find the flow where they look first. */
static inline __attribute__((always_inline)) uint64_t sl_xdp_tag(const struct sl_xdp_hash *hash)
{
	return hash->mix >> 48 ? hash->mix >> 48 : 1;
}

/* log2: buckets of a bank, at least 1. */
static inline __attribute__((always_inline)) struct sl_xdp_hash sl_xdp_hash4(const struct sl_xdp_seed *seed, uint64_t addresses,
									    uint64_t word, uint32_t log2)
{
	return sl_xdp_hash_end(seed, sl_xdp_nh(seed, 0, addresses) + sl_xdp_nh(seed, 2, word), log2);
}

static inline __attribute__((always_inline)) struct sl_xdp_hash sl_xdp_hash6(const struct sl_xdp_seed *seed,
									    const uint64_t addresses[4], uint64_t word,
									    uint32_t log2)
{
	return sl_xdp_hash_end(seed,
			       sl_xdp_nh(seed, 0, addresses[0]) + sl_xdp_nh(seed, 2, addresses[1]) +
				       sl_xdp_nh(seed, 4, addresses[2]) + sl_xdp_nh(seed, 6, addresses[3]) +
				       sl_xdp_nh(seed, 8, word),
			       log2);
}

/*
 * Under what circumstances a classification once found for a flow holds again: the same generation of rules, port and TCP
 * flags. (The rest of what rules look at is in the key, or does not occur in frames that a memo is made of or looked at for.)
 */
static inline uint32_t sl_xdp_memo(uint32_t generation, uint32_t port, uint32_t tcp_flags)
{
	return generation << 16 | (tcp_flags & 0xff) << 8 | 0x80 | (port & 0x7f);
}

#endif
