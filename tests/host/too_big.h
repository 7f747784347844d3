/* SPDX-License-Identifier: BSD-3-Clause */
/* ICMP errors for the slow path's tests: what a router says about a packet that is too big, and how an answer is looked at. */
#ifndef SLUICE_TESTS_HOST_TOO_BIG_H
#define SLUICE_TESTS_HOST_TOO_BIG_H

#include "tests/host/slow_bench.h"

#define ROUTER "10.8.0.1"
#define ROUTER6 "2001:db8:8::1"

/* What a router says to the sender of `quoted`: too big, about the packet's first `bytes`. `from` and the quote are of one family. */
static inline struct frame too_big_of(const char *from, struct spec quoted, uint16_t bytes)
{
	const bool six = strchr(from, ':');
	const struct frame q = make(quoted);
	struct frame f = make((struct spec){ .src = from, .dst = quoted.src, .proto = 6, .payload = (uint16_t)(bytes + 8 - 20) });
	const uint32_t l3 = six ? 40 : 20;
	uint8_t *icmp = f.b + 14 + l3;

	f.b[14 + (six ? 6 : 9)] = six ? 58 : 1;
	memset(icmp, 0, 8);
	icmp[0] = six ? 2 : 3;
	icmp[1] = six ? 0 : 4;
	put16(icmp + 6, 1400);
	memcpy(icmp + 8, q.b + 14, bytes);
	if (!six) {
		put16(f.b + 24, 0);
		put16(f.b + 24, (uint16_t)~sl_csum_fold(sum16(0, f.b + 14, 20)));
	}
	put16(icmp + 2, l4_sum(f.b + 14, f.len - 14));
	return f;
}

/* With the quoted packet's header and eight bytes, as little as may be. */
static inline struct frame too_big(const char *from, struct spec quoted)
{
	return too_big_of(from, quoted, strchr(from, ':') ? 48 : 28);
}

/* The reply's ICMP message has right checksums; returns where its IP header begins. */
static inline const uint8_t *reply_checked(const struct bench *b, uint32_t l3)
{
	const uint8_t *ip = b->v.reply.frame + l3;

	if (ip[0] >> 4 == 4)
		assert_int_equal(sl_csum_fold(sum16(0, ip, 20)), 0xffff);
	assert_int_equal(l4_sum(ip, b->v.reply.len - l3), 0);
	return ip;
}

#endif
