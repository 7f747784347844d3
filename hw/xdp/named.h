/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * Which frames no rule can match, as can be told from few of their bytes: most of what a host receives beside its services. The
 * owner of the rules makes a summary of them (driver/xdp/named.c); the program asks it before anything else about plain
 * frames (hw/model/plain.h) to its own MAC address, and gives those that nothing names to the kernel without running the stages. The
 * summary errs to one side: what it calls unnamed no rule matches; what it calls named, the stages judge.
 *
 * A rule that asks for an address, or for a set of prefixes (each is one address), is known by these addresses alone: bits at
 * their hashes, one field for destinations and one for sources. A hash need not resist anyone: who chooses addresses that meet one
 * of ours has the stages run, as they ran for every frame without the summary.
 */
#ifndef SLUICE_XDP_NAMED_H
#define SLUICE_XDP_NAMED_H

#include <stdbool.h>
#include <stdint.h>

#define SL_XDP_NAMED_WORDS 1024 /* of 64 bits */

enum sl_xdp_side { SL_XDP_SIDE_DST, SL_XDP_SIDE_SRC, SL_XDP_SIDES };

/* Map `named`, one entry. Written only while no generation of rules is valid (sl_xdp_config.generation). */
struct sl_xdp_named {
	uint8_t ports4; /* bit n: frames to port n's own address are the kernel's if no rule matches, and no rule of the port asks for */
	uint8_t ports6; /* IPv4, IPv6 frames whatever their addresses */
	uint8_t tcp_flags; /* frames with one of these may match such a rule */
	uint8_t reserved[5];
	uint64_t bits[SL_XDP_SIDES][SL_XDP_NAMED_WORDS];
};

/* Number of an address's bit. address: the four bytes as they stand in memory. */
static inline __attribute__((always_inline)) uint32_t sl_xdp_named4(uint32_t address)
{
	return address * 0x9e3779b1u >> 16;
}

/* The same of the two halves of an IPv6 address. */
static inline __attribute__((always_inline)) uint32_t sl_xdp_named6(uint64_t high, uint64_t low)
{
	return (uint32_t)((high * UINT64_C(0xc2b2ae3d27d4eb4f) ^ low) * UINT64_C(0x9e3779b97f4a7c15) >> 48);
}

static inline __attribute__((always_inline)) bool sl_xdp_named_bit(const uint64_t *bits, uint32_t n)
{
	return bits[n / 64 & (SL_XDP_NAMED_WORDS - 1)] >> n % 64 & 1;
}

_Static_assert(SL_XDP_NAMED_WORDS * 64 == 1 << 16, "the hashes have 16 bits");

#endif
