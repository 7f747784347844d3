/* SPDX-License-Identifier: BSD-3-Clause */
/* Mode fullnat through the slow path: what the backend sees, what the client sees, ICMP errors both ways, ports that run out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <urcu-qsbr.h>

#define CAPACITY 4096u
#include "tests/host/slow_bench.h"
#include "tests/host/too_big.h"

struct way {
	const char *vip, *client, *source;
	unsigned int addr, n; /* offset of the source address in a frame, and length */
};

static const struct way four = { "192.0.2.18", "10.9.0.1", "10.0.0.40", 26, 4 };
static const struct way six = { "2001:db8::4", "2001:db8:9::1", "2001:db8:40::1", 22, 16 };

static void expect_address(const uint8_t *at, const char *text)
{
	uint8_t want[16];

	assert_int_equal(inet_pton(strchr(text, ':') ? AF_INET6 : AF_INET, text, want), 1);
	assert_memory_equal(at, want, strchr(text, ':') ? 16 : 4);
}

static unsigned int port_at(const uint8_t *at)
{
	return (unsigned int)at[0] << 8 | at[1];
}

/* The client's frame as the backend gets it; its address and port in *backend and *port. */
static void towards(struct bench *b, const struct way *w, uint16_t sport, uint8_t flags, char *backend, unsigned int *port)
{
	const struct frame f = tcp(w->vip, sport, flags);
	struct frame out;

	expect(b, f, SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	out = sent(b, &f);
	assert_int_equal(out.b[1], 0xb0); /* to the backend's MAC */
	expect_address(out.b + w->addr, w->source);
	*port = port_at(out.b + w->addr + 2 * w->n);
	assert_true(*port >= 1024);
	assert_int_equal(port_at(out.b + w->addr + 2 * w->n + 2), 8080);
	inet_ntop(w->n == 4 ? AF_INET : AF_INET6, out.b + w->addr + w->n, backend, INET6_ADDRSTRLEN);
}

static void test_both_ways(void **state)
{
	const struct way *ways[] = { &four, &six };
	struct bench *b = *state;

	for (unsigned int i = 0; i < 2; i++) {
		const struct way *w = ways[i];
		char backend[INET6_ADDRSTRLEN], again[INET6_ADDRSTRLEN];
		unsigned int port, same;
		struct frame f, out;
		uint32_t index;

		towards(b, w, 5, SYN, backend, &port);
		index = b->v.index;
		f = make((struct spec){ .src = backend, .dst = w->source, .sport = 8080, .dport = (uint16_t)port, .proto = 6, .flags = SYN | ACK });
		expect(b, f, SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
		assert_int_equal(b->v.index, index);
		out = sent(b, &f);
		assert_memory_equal(out.b, client, 6);
		expect_address(out.b + w->addr, w->vip);
		expect_address(out.b + w->addr + w->n, w->client);
		assert_int_equal(port_at(out.b + w->addr + 2 * w->n), 80);
		assert_int_equal(port_at(out.b + w->addr + 2 * w->n + 2), 5);
		towards(b, w, 5, ACK, again, &same);
		assert_int_equal(same, port);
		assert_string_equal(again, backend);
		assert_int_equal(card.count, i + 1); /* and into the card */
		assert_int_equal(b->stats.source_ports_taken, i + 1);
	}
	/* Nobody's port: the kernel's business, which has the address. */
	expect(b, make((struct spec){ .src = "10.1.0.1", .dst = four.source, .sport = 8080, .dport = 1, .proto = 6, .flags = ACK }),
	       SL_SLOW_KERNEL, SL_REASON_NO_SERVICE);
	expect(b, tcp(four.vip, 77, ACK), SL_SLOW_REPLY, SL_REASON_NOT_SYN);
}

/* The card gets both directions as the software path does them. */
static void test_records(void **state)
{
	struct bench *b = *state;
	struct sl_record there, back;
	uint8_t backend[16];
	uint32_t index;
	struct sl_key key;

	handshake(b, four.vip, 9);
	index = b->v.index;
	sl_conn_backend(b->table, index, backend);
	sl_slowpath_record(b->table, index, false, &key, &there);
	assert_int_equal(there.flags & (SL_RECORD_FLAG_NAT_SRC | SL_RECORD_FLAG_NAT_DST), SL_RECORD_FLAG_NAT_SRC | SL_RECORD_FLAG_NAT_DST);
	expect_address(there.new_src, four.source);
	assert_memory_equal(there.new_dst, backend, 4);
	assert_int_equal(there.new_sport, sl_conn_nat_at(b->table, index)->source_port);
	sl_slowpath_record(b->table, index, true, &key, &back);
	assert_int_equal(back.flags & (SL_RECORD_FLAG_NAT_SRC | SL_RECORD_FLAG_NAT_DST), SL_RECORD_FLAG_NAT_SRC | SL_RECORD_FLAG_NAT_DST);
	expect_address(key.dst, four.source);
	expect_address(back.new_src, four.vip);
	expect_address(back.new_dst, four.client);
	assert_int_equal(back.new_dport, htons(9));
	card.caps = SL_CAP_NAT4;
	handshake(b, four.vip, 10);
	assert_int_equal(sl_conn_rest_at(b->table, b->v.index)->reason, SL_REASON_NO_CARD);
}

/* A connection that has ended gives its port back; until it has rested no other has it. */
static void test_ports_run_out(void **state)
{
	struct bench *b = *state;
	char backend[INET6_ADDRSTRLEN];
	unsigned int port, other;
	uint64_t refused = 0;

	towards(b, &six, 5, SYN, backend, &port);
	towards(b, &six, 5, RST, backend, &other);
	assert_int_equal(other, port);
	b->sp.now_ms += 120000;
	sl_slowpath_expire(&b->sp, CAPACITY);
	assert_int_equal(sl_conn_table_used(b->table), 0);
	assert_int_equal(b->stats.source_ports_given, 1);

	/* With a range so short that one client's ports use it up. */
	sl_sources_destroy(b->sp.source_ports);
	b->config->node.fullnat.port_lo = 30000;
	b->config->node.fullnat.port_hi = 30063;
	b->sp.source_ports = sl_sources_create(b->table, &b->config->node.fullnat);
	for (uint16_t sport = 1; sport < 400; sport++) {
		const struct frame f = tcp(six.vip, sport, SYN);

		run(b, &f);
		if (b->v.fate == SL_SLOW_FORWARD)
			continue;
		assert_int_equal(b->v.fate, SL_SLOW_DROP);
		assert_int_equal(b->v.reason, SL_REASON_SOURCE_PORTS);
		refused++;
	}
	assert_int_equal(b->stats.reason_packets[SL_REASON_SOURCE_PORTS], refused);
	assert_int_equal(sl_conn_table_used(b->table), 399 - refused);
	assert_int_equal(399 - refused, 64);
}

/* As a router between balancer and backend says it, and one between balancer and client. */
static void test_icmp(void **state)
{
	const struct way *ways[] = { &four, &six };
	struct bench *b = *state;

	for (unsigned int i = 0; i < 2; i++) {
		const struct way *w = ways[i];
		const uint32_t l3 = w->n == 4 ? 20 : 40, src = w->addr - 14, quote = l3 + 8;
		const char *router = w->n == 4 ? ROUTER : ROUTER6;
		char backend[INET6_ADDRSTRLEN];
		unsigned int port;
		const uint8_t *ip;

		towards(b, w, 5, SYN, backend, &port);
		expect(b, too_big(router, (struct spec){ .src = w->source, .dst = backend, .sport = (uint16_t)port, .dport = 8080, .proto = 6 }),
		       SL_SLOW_PASS, SL_REASON_SOFTWARE);
		assert_memory_equal(b->v.reply.frame, client, 6);
		ip = reply_checked(b, 14);
		expect_address(ip + src, router);
		expect_address(ip + src + w->n, w->client);
		expect_address(ip + quote + src, w->client);
		expect_address(ip + quote + src + w->n, w->vip);
		assert_int_equal(port_at(ip + quote + l3), 5);
		assert_int_equal(port_at(ip + quote + l3 + 2), 80);

		expect(b, too_big(router, (struct spec){ .src = w->vip, .dst = w->client, .sport = 80, .dport = 5, .proto = 6 }), SL_SLOW_PASS,
		       SL_REASON_SOFTWARE);
		assert_int_equal(b->v.reply.frame[1], 0xb0);
		ip = reply_checked(b, 14);
		expect_address(ip + src + w->n, backend);
		expect_address(ip + quote + src, backend);
		expect_address(ip + quote + src + w->n, w->source);
		assert_int_equal(port_at(ip + quote + l3), 8080);
		assert_int_equal(port_at(ip + quote + l3 + 2), port);
	}
}

/* UDP keeps the port where the backend has none of its own, and an answer in fragments finds its way. */
static void test_udp(void **state)
{
	struct bench *b = *state;
	const struct spec ask = { .src = four.client, .dst = four.vip, .sport = 6, .dport = 80, .proto = 17 };
	struct frame f = make(ask), out;
	unsigned int port;

	expect(b, f, SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	out = sent(b, &f);
	port = port_at(out.b + 34);
	assert_int_equal(port_at(out.b + 36), 80);
	f = make((struct spec){ .src = "10.1.0.1", .dst = four.source, .sport = 80, .dport = (uint16_t)port, .proto = 17, .payload = 64,
				.frag = 0x2000 });
	expect(b, f, SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	assert_memory_equal(b->v.rewrite.head, client, 6);
	expect_address(b->v.rewrite.head + 26, four.vip);
	expect_address(b->v.rewrite.head + 30, four.client);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, bench_up, bench_down)
	const struct CMUnitTest tests[] = { T(test_both_ways), T(test_records), T(test_ports_run_out), T(test_icmp), T(test_udp) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
