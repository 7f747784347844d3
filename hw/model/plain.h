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
	uint64_t sum = 0;

	if (sl_load16(frame + 12) != SL_PLAIN_BE16(0x0800) || ip[0] != 0x45 ||
	    (sl_load16(ip + 6) & SL_PLAIN_BE16(0x3fff)) != 0)
		return false;
	p->l3_len = sl_load_be16(ip + 2);
	if (p->l3_len < 28 || 14 + p->l3_len > frame_len)
		return false;
	for (uint32_t i = 0; i < 20; i += 4)
		sum += sl_load32(ip + i);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	if (((sum & 0xffff) + (sum >> 16)) != 0xffff)
		return false;
	p->payload = p->l3_len - 20;
	p->proto = ip[9];
	p->ttl = ip[8];
	p->tos = ip[1];
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
