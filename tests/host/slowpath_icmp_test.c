/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ICMP errors of the network through the slow path: to the backend of the connection that they are about, in every mode, known
 * or not; and in nat from the backend's side to the client.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <urcu-qsbr.h>

#include "tests/host/too_big.h"

/* About a packet that the VIP sent to the client. */
static struct frame about_vip(const char *vip, uint8_t proto, uint16_t client_port)
{
	const bool six = strchr(vip, ':');

	return too_big(six ? ROUTER6 : ROUTER, (struct spec){ .src = vip, .dst = six ? "2001:db8:9::1" : "10.9.0.1", .sport = 80,
							      .dport = client_port, .proto = proto, .flags = ACK });
}

static void test_to_backend(void **state)
{
	struct bench *b = *state;
	const uint8_t *ip;

	handshake(b, "192.0.2.1", 1);
	expect(b, about_vip("192.0.2.1", 6, 1), SL_SLOW_PASS, SL_REASON_SOFTWARE);
	assert_int_equal(b->v.reply.frame[1], 0xb0); /* to a backend's MAC */
	ip = reply_checked(b, 14);
	assert_memory_equal(ip + 16, "\xc0\x00\x02\x01", 4);
	assert_int_equal(ip[8], 63);

	handshake(b, "192.0.2.2", 1);
	expect(b, about_vip("192.0.2.2", 6, 1), SL_SLOW_PASS, SL_REASON_SOFTWARE);
	ip = reply_checked(b, 14);
	assert_memory_equal(ip + 16, "\x0a\x01\x00\x01", 4);      /* to the backend */
	assert_memory_equal(ip + 28 + 12, "\x0a\x01\x00\x01", 4); /* about its own packet */
	assert_memory_equal(ip + 28 + 20, "\x1f\x90", 2);

	handshake(b, "2001:db8::2", 1);
	expect(b, about_vip("2001:db8::2", 6, 1), SL_SLOW_PASS, SL_REASON_SOFTWARE);
	ip = reply_checked(b, 14);
	assert_int_equal(ip[7], 63);
	assert_memory_equal(ip + 24, "\x20\x01\x0d\xb8\0\x01", 6);
	assert_memory_equal(ip + 48 + 8, "\x20\x01\x0d\xb8\0\x01", 6);
	assert_memory_equal(ip + 48 + 40, "\x1f\x90", 2);
	assert_int_equal(b->stats.icmp_passed, 3);
}

/* In the tunnel that the connection's packets take, so that the backend learns the path's MTU to the client. */
static void test_in_tunnels(void **state)
{
	struct bench *b = *state;
	struct sl_headers h;

	handshake(b, "192.0.2.3", 1);
	expect(b, about_vip("192.0.2.3", 6, 1), SL_SLOW_PASS, SL_REASON_SOFTWARE);
	assert_int_equal(sl_parse(sl_window_at(b->v.reply.frame), b->v.reply.len, 0, SL_TUNNEL_FLAG_IPIP, &h), 0);
	assert_int_equal(h.tunnel, SL_TUNNEL_MODE_IPIP);
	assert_memory_equal(h.outer.dst, "\x0a\x01\x00\x01", 4);
	assert_memory_equal(reply_checked(b, h.inner.l3_off) + 16, "\xc0\x00\x02\x03", 4);

	handshake(b, "192.0.2.4", 1);
	expect(b, about_vip("192.0.2.4", 6, 1), SL_SLOW_PASS, SL_REASON_SOFTWARE);
	assert_int_equal(sl_parse(sl_window_at(b->v.reply.frame), b->v.reply.len, 0, SL_VXLAN_PORT, &h), 0);
	assert_int_equal(h.vni, 9);
	assert_true(h.outer.sport >= 0xc000);
	assert_memory_equal(reply_checked(b, h.inner.l3_off) + 16, "\xc0\x00\x02\x04", 4);
}

/* A connection that is not in the table is where the hash would place it; nat has no such way, nor has nobody's. */
static void test_unknown(void **state)
{
	struct bench *b = *state;
	uint8_t to[6];

	for (uint16_t port = 1; port < 20; port++) {
		expect(b, about_vip("192.0.2.1", 6, port), SL_SLOW_PASS, SL_REASON_SOFTWARE);
		memcpy(to, b->v.reply.frame, 6);
		expect(b, tcp("192.0.2.1", port, SYN), SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
		assert_memory_equal(b->v.rewrite.head, to, 6);
	}
	expect(b, about_vip("192.0.2.2", 6, 1), SL_SLOW_DROP, SL_REASON_NO_L4);
	expect(b, about_vip("192.0.2.1", 17, 1), SL_SLOW_DROP, SL_REASON_NO_L4);
	expect(b, about_vip("192.0.2.8", 6, 1), SL_SLOW_DROP, SL_REASON_NO_NEXTHOP);
}

/* From a router between balancer and backend, and from the backend itself (a port that nobody listens on). */
static void test_nat_to_client(void **state)
{
	struct bench *b = *state;
	const struct spec sent = { .src = "10.9.0.1", .dst = "10.1.0.1", .sport = 1, .dport = 8080, .proto = 6, .flags = ACK };
	const struct spec sent6 = { .src = "2001:db8:9::1", .dst = "2001:db8:1::1", .sport = 1, .dport = 8080, .proto = 6, .flags = ACK };
	const uint8_t *ip;

	handshake(b, "192.0.2.2", 1);
	expect(b, too_big(ROUTER, sent), SL_SLOW_PASS, SL_REASON_SOFTWARE);
	assert_memory_equal(b->v.reply.frame, client, 6);
	ip = reply_checked(b, 14);
	assert_memory_equal(ip + 12, "\x0a\x08\x00\x01", 4);      /* from the router */
	assert_memory_equal(ip + 28 + 16, "\xc0\x00\x02\x02", 4); /* about what went to the VIP */
	assert_memory_equal(ip + 28 + 22, "\x00\x50", 2);
	expect(b, too_big("10.1.0.1", sent), SL_SLOW_PASS, SL_REASON_SOFTWARE);
	assert_memory_equal(reply_checked(b, 14) + 12, "\xc0\x00\x02\x02", 4);

	handshake(b, "2001:db8::2", 1);
	expect(b, too_big("2001:db8:1::1", sent6), SL_SLOW_PASS, SL_REASON_SOFTWARE);
	ip = reply_checked(b, 14);
	assert_memory_equal(ip + 8, "\x20\x01\x0d\xb8\0\0", 6);
	assert_memory_equal(ip + 48 + 24, "\x20\x01\x0d\xb8\0\0", 6);
	assert_memory_equal(ip + 48 + 42, "\x00\x50", 2);

	expect(b, too_big(ROUTER, (struct spec){ .src = "10.9.0.1", .dst = "10.1.0.1", .sport = 2, .dport = 8080, .proto = 6 }),
	       SL_SLOW_KERNEL, SL_REASON_NO_SERVICE);
}

static void test_bounds(void **state)
{
	struct bench *b = *state;
	struct frame f = about_vip("192.0.2.1", 6, 1);

	f.b[22] = 1; /* TTL */
	put16(f.b + 24, 0);
	put16(f.b + 24, (uint16_t)~sl_csum_fold(sum16(0, f.b + 14, 20)));
	expect(b, f, SL_SLOW_DROP, SL_REASON_NO_L4);
	for (unsigned int i = 1; i < SL_REPLY_RATE; i++)
		expect(b, about_vip("192.0.2.1", 6, 1), SL_SLOW_PASS, SL_REASON_SOFTWARE);
	expect(b, about_vip("192.0.2.1", 6, 1), SL_SLOW_DROP, SL_REASON_NO_L4);
	assert_int_equal(b->stats.icmp_limited, 1);
	b->sp.now_ms += 1000;
	expect(b, about_vip("192.0.2.1", 6, 1), SL_SLOW_PASS, SL_REASON_SOFTWARE);
}

/* Forged segments, and errors about connections that nobody has, use up no path's MTU. */
static void test_bounds_by_kind(void **state)
{
	struct bench *b = *state;

	handshake(b, "192.0.2.1", 1);
	for (unsigned int i = 0; i < 2 * SL_REPLY_RATE; i++) {
		const struct frame reset = tcp("192.0.2.2", (uint16_t)(2 + i), ACK), unknown = about_vip("192.0.2.1", 6, (uint16_t)(2 + i));

		run(b, &reset);
		assert_int_equal(b->v.fate, i < SL_REPLY_RATE ? SL_SLOW_REPLY : SL_SLOW_DROP);
		run(b, &unknown);
		assert_int_equal(b->v.fate, i < SL_REPLY_RATE ? SL_SLOW_PASS : SL_SLOW_DROP);
	}
	expect(b, about_vip("192.0.2.1", 6, 1), SL_SLOW_PASS, SL_REASON_SOFTWARE);
	expect(b, make((struct spec){ .src = "2001:db8:9::1", .dst = "2001:db8::2", .sport = 1, .dport = 80, .proto = 6, .flags = SYN, .ttl = 1 }),
	       SL_SLOW_REPLY, SL_REASON_TTL_EXPIRED);
}

/* An IPv6 error of full length (RFC 4443 2.4 c) behind the longest header. */
static void test_longest(void **state)
{
	const struct spec quoted = { .src = "2001:db8::2", .dst = "2001:db8:9::1", .sport = 80, .dport = 1, .proto = 6, .flags = ACK,
			       .payload = SL_REPLY_IP };
	const struct sl_action action = { .hdr_len = sizeof(action.hdr) };
	struct sl_reply reply;
	struct sl_headers h;

	(void)state;
	for (uint16_t more = 0; more < 2; more++) {
		const struct frame f = too_big_of(ROUTER6, quoted, (uint16_t)(SL_REPLY_IP - 48 + more));

		assert_int_equal(f.len, 14 + SL_REPLY_IP + more);
		sl_parse(sl_window_at(f.b), f.len, 0, 0, &h);
		assert_true(sl_reply_pass(f.b, sl_headers_effective(&h), &action, 0, NULL, &reply) == !more);
	}
	assert_int_equal(reply.len, sizeof(action.hdr) + SL_REPLY_IP);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, bench_up, bench_down)
	const struct CMUnitTest tests[] = { T(test_to_backend), T(test_in_tunnels), T(test_unknown), T(test_nat_to_client), T(test_bounds),
					    T(test_bounds_by_kind), T(test_longest) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
