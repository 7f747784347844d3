/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames for the model's tests, made byte by byte with checksums computed here, not by the code under test.
 */
#ifndef SLUICE_TESTS_MODEL_FRAME_H
#define SLUICE_TESTS_MODEL_FRAME_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define FRAME_ROOM 2048

struct test_frame {
	unsigned int len;
	uint8_t b[FRAME_ROOM];
};

/* What to build. Addresses are fixed: 192.0.2.1 -> 198.51.100.10 and 2001:db8::1 -> 2001:db8::10. */
struct test_shape {
	int family; /* 4, 6 */
	int proto;  /* 6, 17 */
	int vid;    /* 0 untagged */
	int inner;  /* 0, or family of an inner TCP packet behind VXLAN (proto must be 17) */
	unsigned int payload;
	unsigned int padding; /* after the IP packet */
	uint16_t sport;       /* 0: 1000 */
	uint16_t dport;       /* 0: 80, with inner 4789 */
};

static inline void put16(uint8_t *p, unsigned int v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline unsigned int get16(const uint8_t *p)
{
	return (unsigned int)p[0] << 8 | p[1];
}

/* One's-complement sum over n bytes, an odd one padded. */
static inline uint32_t test_sum(const uint8_t *p, unsigned int n, uint32_t sum)
{
	for (unsigned int i = 0; i < n; i++)
		sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* Sum of pseudo header and L4 of the IP packet at ip of ip_len bytes; 0xffff if its checksum is right. */
static inline uint32_t test_l4_sum(const uint8_t *ip, unsigned int ip_len)
{
	const unsigned int head = ip[0] >> 4 == 4 ? 4u * (ip[0] & 15) : 40;
	const unsigned int proto = head == 40 ? ip[6] : ip[9];
	uint32_t sum = head == 40 ? test_sum(ip + 8, 32, 0) : test_sum(ip + 12, 8, 0);

	return test_sum(ip + head, ip_len - head, sum + proto + ip_len - head);
}

static inline unsigned int frame_ip(uint8_t *ip, const struct test_shape *s, unsigned int l4_len)
{
	static const uint8_t src6[16] = { 0x20, 1, 0x0d, 0xb8, [15] = 1 }, dst6[16] = { 0x20, 1, 0x0d, 0xb8, [15] = 16 };

	if (s->family == 4) {
		memset(ip, 0, 20);
		ip[0] = 0x45;
		put16(ip + 2, 20 + l4_len);
		ip[6] = 0x40;
		ip[8] = 64;
		ip[9] = (uint8_t)s->proto;
		memcpy(ip + 12, "\xc0\x00\x02\x01\xc6\x33\x64\x0a", 8);
		put16(ip + 10, 0xffff & ~test_sum(ip, 20, 0));
		return 20;
	}
	memset(ip, 0, 40);
	ip[0] = 0x60;
	put16(ip + 4, l4_len);
	ip[6] = (uint8_t)s->proto;
	ip[7] = 64;
	memcpy(ip + 8, src6, 16);
	memcpy(ip + 24, dst6, 16);
	return 40;
}

/* Writes an Ethernet frame at p; its length without padding. */
static inline unsigned int frame_put(uint8_t *p, const struct test_shape *s)
{
	const struct test_shape inner = { .family = s->inner, .proto = 6, .payload = s->payload };
	const unsigned int head = s->proto == 6 ? 20 : 8;
	unsigned int at = 12, payload = s->payload, ip_at;
	uint8_t body[FRAME_ROOM] = { 0 };

	memcpy(p, "\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\x99", 12);
	if (s->vid) {
		put16(p + at, 0x8100);
		put16(p + at + 2, 0x6000 | (unsigned int)s->vid);
		at += 4;
	}
	put16(p + at, s->family == 4 ? 0x0800 : 0x86dd);
	at += 2;
	if (s->inner) {
		body[0] = 8;
		memcpy(body + 4, "\x01\x02\x03", 3);
		payload = 8 + frame_put(body + 8, &inner);
	} else {
		for (unsigned int i = 0; i < payload; i++)
			body[i] = (uint8_t)(i * 7 + 1);
	}
	ip_at = at;
	at += frame_ip(p + at, s, head + payload);
	memset(p + at, 0, head);
	put16(p + at, s->sport ? s->sport : 1000);
	put16(p + at + 2, s->dport ? s->dport : s->inner ? 4789 : 80);
	if (s->proto == 6) {
		p[at + 12] = 0x50;
		p[at + 13] = 0x10;
	} else {
		put16(p + at + 4, 8 + payload);
	}
	memcpy(p + at + head, body, payload);
	put16(p + at + (s->proto == 6 ? 16 : 6), 0xffff & ~test_l4_sum(p + ip_at, at + head + payload - ip_at));
	return at + head + payload;
}

static inline void frame_build(struct test_frame *f, const struct test_shape *s)
{
	memset(f, 0, sizeof(*f));
	f->len = frame_put(f->b, s);
	memset(f->b + f->len, 0xee, s->padding);
	f->len += s->padding;
}

#endif
