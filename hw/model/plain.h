/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A short cut of stage parse for the frames that there are most of: TCP or UDP right behind an IPv4 header without options or an
 * IPv6 header, right behind an Ethernet header without tags, neither fragment nor tunnel, nothing wrong. Whatever is not
 * seen at once to be such a frame is left to sl_parse(), which says the same of those that are (tests/model/plain_test.c).
 */
#ifndef SLUICE_MODEL_PLAIN_H
#define SLUICE_MODEL_PLAIN_H

#include "hw/model/window.h"

#define SL_PLAIN4_BYTES 54 /* that must be readable: Ethernet, IPv4, TCP */
#define SL_PLAIN6_BYTES 74

struct sl_plain {
	uint64_t ports;    /* source and destination port, wire order, in the lowest four bytes */
	uint32_t l3_len;   /* of the IP packet */
	uint32_t payload;  /* of it behind the IP header */
	uint8_t proto;
	uint8_t ttl;
	uint8_t tos;
	uint8_t tcp_flags; /* 0 of UDP */
};

/* A constant as it stands in memory in network order. */
#define SL_PLAIN_BE16(x) ((uint16_t)(((x) & 0xff) << 8 | (x) >> 8))

/*
 * Whether a sum of 16-bit words, not 0, is 0xffff when its carries are added: whether 65535 divides it. Those numbers are its
 * multiples up to 2^64 / 65535 once more when multiplied by the inverse of 65535, and no others are.
 */
static inline __attribute__((always_inline)) bool sl_plain_sum(uint64_t sum)
{
	return sum * UINT64_C(0xfffefffefffeffff) <= UINT64_MAX / 65535;
}

/* tunnels: as csr.VXLAN_PORT, 0 none. */
static inline __attribute__((always_inline)) bool sl_plain_l4(const uint8_t *l4, uint32_t tunnels, struct sl_plain *p)
{
	p->ports = sl_load32(l4);
	p->tcp_flags = 0;
	if (p->proto == 6) {
		const uint32_t data_off = 4 * (l4[12] >> 4);

		p->tcp_flags = l4[13];
		return data_off >= 20 && data_off <= p->payload;
	}
	if (p->proto != 17)
		return false;
	if (tunnels) {
		const uint32_t dport = sl_load_be16(l4 + 2);

		if (dport == (tunnels & 0xffff) || dport == SL_GENEVE_PORT || dport == SL_GUE_PORT)
			return false;
	}
	if (p->payload < 8)
		return false;
	return sl_load_be16(l4 + 4) >= 8 && sl_load_be16(l4 + 4) <= p->payload;
}

/* frame: SL_PLAIN4_BYTES readable bytes of a frame of frame_len. */
static inline __attribute__((always_inline)) bool sl_plain4(const uint8_t *frame, uint32_t frame_len, uint32_t tunnels,
							    struct sl_plain *p)
{
	const uint8_t *ip = frame + 14;
	const uint64_t first = sl_load64(ip), second = sl_load64(ip + 8); /* version to fragment; TTL to source */
	uint64_t sum;

	if (sl_load16(frame + 12) != SL_PLAIN_BE16(0x0800) ||
	    (first & (0xff | (uint64_t)SL_PLAIN_BE16(0x3fff) << 48)) != 0x45)
		return false;
	p->l3_len = __builtin_bswap16((uint16_t)(first >> 16));
	if (p->l3_len < 28 || 14 + p->l3_len > frame_len)
		return false;
	sum = (uint32_t)first + (first >> 32) + (uint32_t)second + (second >> 32) + sl_load32(ip + 16);
	if (!sl_plain_sum(sum))
		return false;
	p->payload = p->l3_len - 20;
	p->proto = (uint8_t)(second >> 8);
	p->ttl = (uint8_t)second;
	p->tos = (uint8_t)(first >> 8);
	return sl_plain_l4(ip + 20, tunnels, p);
}

/* The same for IPv6, of SL_PLAIN6_BYTES. */
static inline __attribute__((always_inline)) bool sl_plain6(const uint8_t *frame, uint32_t frame_len, uint32_t tunnels,
							    struct sl_plain *p)
{
	const uint8_t *ip = frame + 14;

	if (sl_load16(frame + 12) != SL_PLAIN_BE16(0x86dd) || ip[0] >> 4 != 6)
		return false;
	p->payload = sl_load_be16(ip + 4);
	p->l3_len = p->payload + 40;
	if (14 + p->l3_len > frame_len)
		return false;
	p->proto = ip[6];
	p->ttl = ip[7];
	p->tos = (uint8_t)(sl_load_be16(ip) >> 4);
	return sl_plain_l4(ip + 40, tunnels, p);
}

#endif
