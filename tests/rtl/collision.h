/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IPv6 keys that differ in the source address alone and whose hashes are equal under the seed of rtl_card.h, so that a
 * slot of the card cannot tell them apart. tests/model/hash_collision.c found them.
 */
#ifndef SLUICE_TESTS_RTL_COLLISION_H
#define SLUICE_TESTS_RTL_COLLISION_H

#include <string.h>

#include "sluice/contract.h"

static inline struct sl_key collision_key(uint64_t x)
{
	struct sl_key key = { .src = { 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 1 },
			      .dst = { 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 80 },
			      .sport = 0x3412, .dport = 0x5000, .tenant = 5, .proto = 6, .family = 6 };

	memcpy(key.src + 8, &x, sizeof(x));
	return key;
}

/* The numbers of keys with equal hashes. */
#define COLLISIONS 2
static const uint64_t collision[COLLISIONS][2] __attribute__((unused)) = {
	{ 0x2d23d638655dc13b, 0x7b08f8bd327cd87d }, /* 0xae18f1be4fbf9516 */
	{ 0xb9d02941b9ef9b50, 0xf9b3a19b449033d0 }, /* 0xaea1546e208a9046 */
};

#endif
