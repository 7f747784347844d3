/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fragments through the slow path: each arrives at the backend of its connection, and what the backend puts together is the
 * client's datagram with right checksums, whatever the order, the mode and the family.
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

#include "tests/host/slow_bench.h"

#define PIECE 400u
#define PAYLOAD 1100u /* with the UDP header three pieces */
#define PIECES 3u

static bool six(const struct frame *f)
{
	return f->b[12] == 0x86;
}

/* Piece n of a datagram without tags. */
static struct frame piece(const struct frame *whole, unsigned int n, uint32_t id)
{
	const uint32_t l3 = six(whole) ? 40 : 20, head = six(whole) ? 8 : 0, begin = n * PIECE;
	const uint32_t all = whole->len - 14 - l3, len = all - begin < PIECE ? all - begin : PIECE;
	const bool more = begin + len < all;
	struct frame f = { .len = 14 + l3 + head + len };
	uint8_t *ip = f.b + 14;

	memcpy(f.b, whole->b, 14 + l3);
	memcpy(f.b + 14 + l3 + head, whole->b + 14 + l3 + begin, len);
	if (six(whole)) {
		put16(ip + 4, head + len);
		ip[40] = ip[6];
		ip[6] = 44;
		put16(ip + 42, begin | more);
		put16(ip + 46, id);
	} else {
		put16(ip + 2, l3 + len);
		put16(ip + 4, id);
		put16(ip + 6, begin / 8 | (more ? 0x2000 : 0));
		put16(ip + 10, 0);
		put16(ip + 10, (uint16_t)~sl_csum_fold(sum16(0, ip, 20)));
	}
	return f;
}

static struct frame datagram(const char *vip, uint16_t sport)
{
	return make((struct spec){ .src = strchr(vip, ':') ? "2001:db8:9::1" : "10.9.0.1", .dst = vip, .sport = sport, .dport = 80,
				   .proto = 17, .payload = PAYLOAD });
}

/* What a receiver makes of the pieces: the first one's headers without the fragment header, the others' data behind. */
static void assemble(struct frame *out, const struct frame *f)
{
	const uint32_t l3 = six(f) ? 40 : 20, head = six(f) ? 8 : 0;
	const uint8_t *ip = f->b + 14;
	const uint32_t begin = six(f) ? ((uint32_t)ip[42] << 8 | ip[43]) & 0xfff8 : (((uint32_t)ip[6] << 8 | ip[7]) & 0x1fff) * 8;
	const uint32_t len = f->len - 14 - l3 - head;

	if (six(f) ? ip[6] != 44 : sl_csum_fold(sum16(0, ip, 20)) != 0xffff)
		fail_msg("a fragment left with a bad header");
	memcpy(out->b + 14 + l3 + begin, f->b + 14 + l3 + head, len);
	if (!begin) {
		memcpy(out->b, f->b, 14 + l3);
		if (six(f))
			out->b[14 + 6] = ip[40];
	}
	out->len += len;
}

static void assembled(const struct frame *out, const struct frame *whole)
{
	const uint32_t l3 = six(whole) ? 40 : 20, ip_len = l3 + out->len;

	assert_int_equal(out->len, whole->len - 14 - l3);
	assert_int_equal(l4_sum(out->b + 14, ip_len), 0);
	assert_memory_equal(out->b + 14 + l3 + 8, whole->b + 14 + l3 + 8, whole->len - 14 - l3 - 8);
}

static const unsigned int orders[6][PIECES] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
static const char *const vips[] = { "192.0.2.7", "192.0.2.11", "2001:db8::3" }; /* dsr-l2, nat, nat */

static void frames_equal(const struct frame *o, const char *vip)
{
	static const uint8_t b1[6] = { 2, 0xb0, 0, 0, 0, 1 };

	assert_memory_equal(o->b, b1, 6);
	if (!strcmp(vip, vips[1]))
		assert_memory_equal(o->b + 30, "\x0a\x01\x00\x01", 4);
	if (!strcmp(vip, vips[2]))
		assert_int_equal(o->b[38 + 1], 0x01);
}

static void one_order(struct bench *b, const char *vip, const unsigned int order[PIECES], uint32_t id)
{
	const struct frame whole = datagram(vip, (uint16_t)(1000 + id));
	struct frame out = { .len = 0 }, p[PIECES], o;
	uint32_t ports;
	unsigned int port;
	struct frame *waited;

	for (unsigned int i = 0; i < PIECES; i++) {
		p[i] = piece(&whole, order[i], id);
		run(b, &p[i]);
		if (b->v.fate == SL_SLOW_WAIT) {
			assert_null(sl_fragments_hold(b->sp.fragments, b->v.datagram, &p[i], 0, b->sp.now_ms));
			continue;
		}
		if (b->v.fate != SL_SLOW_FORWARD)
			fail_msg("%s: piece %u: fate %u, reason %s", vip, order[i], b->v.fate, sl_reason_name(b->v.reason));
		o = sent(b, &p[i]);
		frames_equal(&o, vip);
		assemble(&out, &o);
		if (b->v.datagram == SL_FRAGMENT_NONE)
			continue;
		for (const uint32_t datagram = b->v.datagram; (waited = sl_fragments_next(b->sp.fragments, datagram, &ports, &port));) {
			sl_slowpath_run_fragment(&b->sp, waited->b, waited->len, port, ports, &b->v);
			assert_int_equal(b->v.fate, SL_SLOW_FORWARD);
			o = sent(b, waited);
			frames_equal(&o, vip);
			assemble(&out, &o);
		}
	}
	assembled(&out, &whole);
	assert_null(sl_fragments_drain(b->sp.fragments));
}

static void test_every_order(void **state)
{
	uint32_t id = 0;

	for (unsigned int i = 0; i < 3; i++) {
		for (unsigned int n = 0; n < 6; n++)
			one_order(*state, vips[i], orders[n], ++id);
	}
	assert_int_equal(((struct bench *)*state)->stats.conns_created, 18); /* one for each datagram's ports */
}

/* What a nat backend answers in fragments gets the VIP as its source. */
static void test_nat_return(void **state)
{
	struct bench *b = *state;
	struct frame whole = datagram("192.0.2.11", 1000), out = { .len = 0 }, p, o;

	expect(b, whole, SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	whole = make((struct spec){ .src = "10.1.0.1", .dst = "10.9.0.1", .sport = 8080, .dport = 1000, .proto = 17, .payload = PAYLOAD });
	for (unsigned int i = 0; i < PIECES; i++) {
		p = piece(&whole, i, 7);
		expect(b, p, SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
		o = sent(b, &p);
		assert_memory_equal(o.b, client, 6);
		assert_memory_equal(o.b + 26, "\xc0\x00\x02\x0b", 4);
		assemble(&out, &o);
	}
	assembled(&out, &whole);
	assert_memory_equal(out.b + 34, "\x00\x50", 2); /* from the VIP's port */
}

/* What is not a service's goes to the kernel as it came, and nothing is remembered of it. */
static void test_others(void **state)
{
	struct bench *b = *state;
	struct frame whole = datagram("192.0.2.99", 1000), p = piece(&whole, 1, 1);

	expect(b, p, SL_SLOW_KERNEL, SL_REASON_NO_SERVICE);
	/* From a nat backend, of no connection: in order behind its first one. */
	whole = make((struct spec){ .src = "10.1.0.1", .dst = "10.9.0.1", .sport = 53, .dport = 1000, .proto = 17, .payload = PAYLOAD });
	p = piece(&whole, 0, 2);
	expect(b, p, SL_SLOW_KERNEL, SL_REASON_NO_SERVICE);
	p = piece(&whole, 2, 2);
	expect(b, p, SL_SLOW_KERNEL, SL_REASON_NO_SERVICE);
	/* A ping in fragments to a VIP. */
	whole = datagram("192.0.2.7", 1000);
	whole.b[23] = 1;
	for (unsigned int i = 0; i < PIECES; i++) {
		p = piece(&whole, i, 3);
		expect(b, p, SL_SLOW_KERNEL, SL_REASON_NO_SERVICE);
	}
}

static void test_refused(void **state)
{
	struct bench *b = *state;
	struct frame whole = datagram("192.0.2.11", 1000), p = piece(&whole, 0, 1);

	expect(b, p, SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	expect(b, p, SL_SLOW_DROP, SL_REASON_FRAG_OVERLAP);
	p = piece(&whole, 1, 1);
	p.b[21] -= 1; /* begins 8 bytes earlier */
	put16(p.b + 24, 0);
	put16(p.b + 24, (uint16_t)~sl_csum_fold(sum16(0, p.b + 14, 20)));
	expect(b, p, SL_SLOW_DROP, SL_REASON_FRAG_OVERLAP);
	p = piece(&whole, 2, 1);
	expect(b, p, SL_SLOW_DROP, SL_REASON_FRAG_OVERLAP);
	/* TCP flags would be in the second one (RFC 1858). */
	whole = make((struct spec){ .src = "10.9.0.1", .dst = "192.0.2.1", .sport = 1000, .dport = 80, .proto = 6, .flags = SYN, .payload = 1000 });
	p = piece(&whole, 0, 2);
	put16(p.b + 16, 28);
	put16(p.b + 24, 0);
	put16(p.b + 24, (uint16_t)~sl_csum_fold(sum16(0, p.b + 14, 20)));
	expect(b, p, SL_SLOW_DROP, SL_REASON_FRAG_UNSUPPORTED);
}

/* A TTL that runs out is answered for the first fragment alone; a connection that has gone takes nat's later ones with it. */
static void test_later_ones(void **state)
{
	struct bench *b = *state;
	struct spec spec = { .src = "10.9.0.1", .dst = "192.0.2.7", .sport = 1000, .dport = 80, .proto = 17, .payload = PAYLOAD, .ttl = 1 };
	struct frame whole = make(spec), p = piece(&whole, 0, 1);

	expect(b, p, SL_SLOW_REPLY, SL_REASON_TTL_EXPIRED);
	p = piece(&whole, 1, 1);
	expect(b, p, SL_SLOW_DROP, SL_REASON_TTL_EXPIRED);
	whole = datagram("192.0.2.11", 2000);
	p = piece(&whole, 0, 2);
	expect(b, p, SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	sl_conn_free(b->table, b->v.index);
	p = piece(&whole, 1, 2);
	expect(b, p, SL_SLOW_DROP, SL_REASON_FRAG_LOST);
}

/* Two workers: the one that follows the datagram tells the connection's owner the ports. */
static void test_owner(void **state)
{
	struct bench *b = *state;
	unsigned int passed_on = 0;

	for (uint32_t id = 1; id < 64; id++) {
		const struct frame whole = datagram("192.0.2.7", (uint16_t)id), p = piece(&whole, 0, id);

		b->sp.shards = 0x5555;
		run(b, &p);
		if (b->v.fate == SL_SLOW_ELSEWHERE && !b->v.ports) { /* another follows it */
			b->sp.shards = 0xaaaa;
			run(b, &p);
		}
		if (b->v.fate == SL_SLOW_FORWARD)
			continue;
		assert_int_equal(b->v.fate, SL_SLOW_ELSEWHERE);
		assert_int_not_equal(b->v.datagram, SL_FRAGMENT_NONE);
		passed_on++;
		b->sp.shards ^= 0xffff;
		assert_true(b->sp.shards >> b->v.shard & 1);
		sl_slowpath_run_fragment(&b->sp, p.b, p.len, 0, b->v.ports, &b->v);
		assert_int_equal(b->v.fate, SL_SLOW_FORWARD);
	}
	assert_true(passed_on > 16 && passed_on < 48);
}

/* The pieces that a packet without DF leaves in: none too long, each in the tunnel, together what it was. */
static void cut_checked(struct bench *b, struct frame f, unsigned int pieces, uint32_t l2, uint32_t l3)
{
	const uint32_t mtu = l3 ? 1500 : 1400;
	struct frame out = { .len = 0 };
	struct sl_cut_piece piece;
	unsigned int n;

	expect(b, f, SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	assert_int_not_equal(b->v.cut.mtu, 0);
	for (n = 0; sl_cut_piece(&b->v.cut, &b->v.rewrite, n, &piece); n++) {
		struct frame o = { .len = piece.head_len + piece.payload_end - piece.payload_off };
		struct sl_headers h;

		memcpy(o.b, piece.head, piece.head_len);
		memcpy(o.b + piece.head_len, f.b + piece.payload_off, piece.payload_end - piece.payload_off);
		assert_true(o.len - l2 <= mtu);
		assert_int_equal(sl_parse(sl_window_at(o.b), o.len, 0, SL_TUNNEL_FLAG_IPIP, &h), 0);
		assert_int_equal(h.outer.l3_end, o.len);
		assert_int_equal(h.tunnel, l3 ? SL_TUNNEL_MODE_IPIP : 0);
		memmove(o.b + 14, o.b + 14 + l3, o.len - 14 - l3);
		o.len -= l3;
		assert_int_equal((o.b[14 + 6] & 0x20) != 0, n + 1 < pieces);
		assemble(&out, &o);
	}
	assert_int_equal(n, pieces);
	assembled(&out, &f);
}

static void test_cut(void **state)
{
	struct bench *b = *state;
	struct spec spec = { .src = "10.9.0.1", .dst = "192.0.2.16", .sport = 1, .dport = 80, .proto = 17, .payload = 1472 };
	struct sl_nexthop hop = { .state = SL_NEXTHOP_READY, .ifindex = 5, .mtu = 1400, .mac = { 2, 0xb0, 0, 0, 0, 1 } };
	const struct sl_addr b1 = { 4, { 10, 1, 0, 1 } };

	/* With DF its sender is told. */
	expect(b, make(spec), SL_SLOW_REPLY, SL_REASON_TOO_BIG);
	spec.frag = 0x8000; /* DF clear (a bit that means nothing, so that make() does not set it) */
	cut_checked(b, make(spec), 2, 14, 20);
	/* nat over a narrow route, and whatever stands against it otherwise. */
	sl_egress_nexthop_changed(sl_services_current(), &b1, &hop);
	spec.dst = "192.0.2.11";
	cut_checked(b, make(spec), 2, 14, 0);
	assert_int_equal(b->stats.cut, 2);
	spec.ttl = 1;
	expect(b, make(spec), SL_SLOW_REPLY, SL_REASON_TTL_EXPIRED);
	spec.ttl = 64;
	b->sp.port[0].up = false;
	expect(b, make(spec), SL_SLOW_DROP, SL_REASON_PORT_DOWN);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, bench_up, bench_down)
	const struct CMUnitTest tests[] = { T(test_every_order), T(test_nat_return), T(test_others), T(test_refused), T(test_later_ones),
					    T(test_owner), T(test_cut) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
