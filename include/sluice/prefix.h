/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where a prefix stands in the card (docs/datapath.md, 3): its table, and its bucket in each of the table's two banks. The
 * hash spreads an operator's addresses and ports, it need not resist anyone: a frame changes nothing in these tables. It is
 * twelve rounds of Simon's round function (Beaulieu et al.), two gates deep each, so that the card does four in a clock. An
 * IPv6 address's middle, its tenants and subnets, goes in after the first four: in one word with its ends, tenants and hosts
 * that are both counted up would meet before anything is mixed.
 */
#ifndef SLUICE_PREFIX_H
#define SLUICE_PREFIX_H

#include <stdbool.h>

#include "sluice/contract.h"

/* One side of a packet: of the destination or of the source. */
struct sl_prefix_side {
	uint8_t addr[16]; /* IPv4 in the first four, the rest zero */
	uint32_t port;    /* host order */
	uint8_t family;   /* 4 or 6; 0 matches nothing */
	uint8_t proto;
	uint8_t l4;       /* not 0: TCP or UDP, no fragment, good L4, so that the port means something */
};

static inline uint32_t sl_prefix_load(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint32_t sl_prefix_rotate(uint32_t x, unsigned int n)
{
	return x << n | x >> (32 - n);
}

static inline uint32_t sl_prefix_rotate16(uint32_t x, unsigned int n)
{
	return (x << n | x >> (16 - n)) & 0xffff;
}

/*
 * Bits 11:0 are the bucket in bank 0, 27:16 in bank 1. protocol_port: proto << 16 | port in exact tables, 0 in wide ones.
 * (Rotated so, bytes 5, 7, 9 and 11, which count tenants, subnets and hosts, do not meet in `middle`.)
 */
static inline uint32_t sl_prefix_hash(const uint8_t *addr, uint32_t protocol_port)
{
	static const uint16_t constants[12] = { 0x243f, 0x6a88, 0x85a3, 0x08d3, 0x1319, 0x8a2e,
						0x0370, 0x7344, 0xa409, 0x3822, 0x299f, 0x31d0 };
	const uint32_t ends = sl_prefix_load(addr) ^ sl_prefix_rotate(sl_prefix_load(addr + 12), 21) ^ protocol_port;
	const uint32_t middle = sl_prefix_rotate(sl_prefix_load(addr + 4), 7) ^
				sl_prefix_rotate(sl_prefix_load(addr + 8), 15);
	uint32_t left = ends & 0xffff, right = ends >> 16;

	for (unsigned int i = 0; i < 12; i++) {
		const uint32_t next = right ^ (sl_prefix_rotate16(left, 1) & sl_prefix_rotate16(left, 8)) ^
				      sl_prefix_rotate16(left, 2) ^ constants[i];

		right = left;
		left = next;
		if (i == 3) {
			left ^= middle & 0xffff;
			right ^= middle >> 16;
		}
	}
	return right << 16 | left;
}

static inline bool sl_prefix_table_wide(uint32_t table)
{
	return table & 1;
}

/* Index of a bucket in csr_table PREFIX. */
static inline uint32_t sl_prefix_bucket_index(uint32_t table, uint32_t bank, uint32_t hash)
{
	return table << (SL_PREFIX_BUCKETS_LOG2 + 1) | bank << SL_PREFIX_BUCKETS_LOG2 |
	       (hash >> (16 * bank) & ((1u << SL_PREFIX_BUCKETS_LOG2) - 1));
}

/* The table of a prefix of the given mode (DST or SRC): exact if it names a protocol and one port. */
static inline uint32_t sl_prefix_table_of(const struct sl_class_prefix *prefix, uint32_t mode)
{
	const bool exact = prefix->proto_mask == 0xff && prefix->port_lo == prefix->port_hi;

	return (mode == SL_PREFIX_MODE_SRC ? SL_PREFIX_TABLE_SRC_EXACT : SL_PREFIX_TABLE_DST_EXACT) + (exact ? 0 : 1);
}

static inline uint32_t sl_prefix_hash_of(const struct sl_class_prefix *prefix, uint32_t table)
{
	return sl_prefix_hash(prefix->addr,
			      sl_prefix_table_wide(table) ? 0 : (uint32_t)prefix->proto << 16 | prefix->port_lo);
}

#endif
