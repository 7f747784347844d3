/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames of one packet from a client to the port, with right checksums. (The model has frames of its own.) */
#ifndef SLUICE_TESTS_HOST_FRAME_H
#define SLUICE_TESTS_HOST_FRAME_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <arpa/inet.h>

#include "sluice/record.h"

/* TCP flags */
#define FIN 1
#define SYN 2
#define RST 4
#define PSH 8
#define ACK 16

static const uint8_t own[6] = { 2, 0, 0, 0, 0, 1 }, client[6] = { 2, 0, 0, 0, 0, 2 };

struct frame {
	uint8_t b[2048];
	uint32_t len;
};

static inline void put16(uint8_t *p, unsigned int v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline uint32_t sum16(uint32_t sum, const uint8_t *p, uint32_t n)
{
	for (uint32_t i = 0; i + 1 < n; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	return n & 1 ? sum + ((uint32_t)p[n - 1] << 8) : sum;
}

static inline uint16_t l4_sum(const uint8_t *ip, uint32_t ip_len)
{
	const uint32_t off = ip[0] >> 4 == 4 ? 20 : 40, n = ip_len - off;
	const uint8_t proto = ip[ip[0] >> 4 == 4 ? 9 : 6];
	uint32_t sum = proto == 1 ? 0 : sum16(proto + n, ip + (off == 20 ? 12 : 8), off == 20 ? 8 : 32);

	return (uint16_t)~sl_csum_fold(sum16(sum, ip + off, n));
}

struct spec {
	const char *src, *dst;
	uint16_t sport, dport;
	uint8_t proto, flags, ttl;
	uint16_t vlan, payload;
	const uint8_t *smac;
	uint16_t frag;
	uint8_t tos;
};

static inline struct frame make(struct spec s)
{
	const bool six = strchr(s.src, ':');
	struct frame f = { .len = 0 };
	uint32_t off = 12, l4len = s.proto == 17 ? 8 : 20, ip_len = (six ? 40 : 20) + l4len + s.payload;
	uint8_t *ip, *l4;

	memcpy(f.b, own, 6);
	memcpy(f.b + 6, s.smac ? s.smac : client, 6);
	if (s.vlan) {
		put16(f.b + off, 0x8100);
		put16(f.b + off + 2, s.vlan);
		off += 4;
	}
	put16(f.b + off, six ? 0x86dd : 0x0800);
	ip = f.b + off + 2;
	if (six) {
		ip[0] = (uint8_t)(0x60 | s.tos >> 4);
		ip[1] = (uint8_t)(s.tos << 4);
		put16(ip + 4, l4len + s.payload);
		ip[6] = s.proto;
		ip[7] = s.ttl ? s.ttl : 64;
		inet_pton(AF_INET6, s.src, ip + 8);
		inet_pton(AF_INET6, s.dst, ip + 24);
	} else {
		ip[0] = 0x45;
		ip[1] = s.tos;
		put16(ip + 2, ip_len);
		put16(ip + 6, s.frag ? s.frag : 0x4000);
		ip[8] = s.ttl ? s.ttl : 64;
		ip[9] = s.proto;
		inet_pton(AF_INET, s.src, ip + 12);
		inet_pton(AF_INET, s.dst, ip + 16);
		put16(ip + 10, (uint16_t)~sl_csum_fold(sum16(0, ip, 20)));
	}
	l4 = ip + (six ? 40 : 20);
	put16(l4, s.sport);
	put16(l4 + 2, s.dport);
	if (s.proto == 17) {
		put16(l4 + 4, 8u + s.payload);
	} else {
		l4[7] = 100; /* sequence number */
		l4[11] = 200; /* acknowledged */
		l4[12] = 0x50;
		l4[13] = s.flags;
	}
	memset(l4 + l4len, 'x', s.payload);
	put16(l4 + (s.proto == 17 ? 6 : 16), l4_sum(ip, ip_len));
	f.len = off + 2 + ip_len;
	return f;
}

#endif
