/* SPDX-License-Identifier: BSD-3-Clause */
/* What xdp_bench.c and its wrapper share. */
#ifndef SLUICE_TESTS_BENCH_XDP_WRAP_H
#define SLUICE_TESTS_BENCH_XDP_WRAP_H

#include <stdint.h>

#define WRAP_FRAME 78 /* Ethernet, IPv6, TCP and a little; the same for IPv4 */

#define WRAP_LINES (1u << 22)

struct wrap_line {
	uint64_t count[8];
};

struct wrap {
	uint64_t random;
	uint32_t program;
	uint32_t mask;     /* flows - 1; 0: the frame as it is */
	uint32_t v6;
	uint32_t csum; /* IPv4: sum of the header's words but the source address, in the memory's byte order */
	uint8_t frame[80];
};

/* Wire order. 16 flows an address. */
static inline uint32_t wrap_address(uint32_t flow)
{
	return __builtin_bswap32(0x0a000000 | flow >> 4);
}

static inline uint32_t wrap_port(uint32_t flow)
{
	return __builtin_bswap16((uint16_t)(2048 + (flow & 15)));
}

#endif
