/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The slow path, frame by frame: what is forwarded where and how, what is answered, held, dropped and why, and when the
 * card is asked for what. Ports, next hops and the card are faked here; configuration and services are the real ones.
 *
 *   client 10.9.0.1, 2001:db8:9::1 (MAC client)  --->  port 0 (MAC own)  --->  backends 10.1.0.1.. (MAC 02:b0:..:last byte)
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

static struct sl_conn *conn_of(struct bench *b, const struct frame *f)
{
	run(b, f);
	assert_int_not_equal(b->v.index, SL_CONN_NONE);
	return sl_conn_at(b->table, b->v.index);
}

static void answer(struct bench *b, enum sl_offload_op op, uint32_t index, enum sl_reason reason, bool gone)
{
	const struct sl_offload_result r = { .index = index, .op = (uint8_t)op, .reason = (uint8_t)reason };

	assert_int_equal(sl_slowpath_offload_done(&b->sp, &r), gone);
}

/* Handshake, and the card takes it. */
static uint32_t offloaded(struct bench *b, const char *vip, uint16_t sport)
{
	handshake(b, vip, sport);
	assert_int_equal(card.op, SL_OFFLOAD_INSERT);
	answer(b, SL_OFFLOAD_INSERT, card.index, SL_REASON_OFFLOADED, false);
	assert_int_equal(sl_conn_rest_at(b->table, card.index)->reason, SL_REASON_OFFLOADED);
	return card.index;
}

/* ---- forwarding ------------------------------------------------------------------------------------------------- */

static void test_modes(void **state)
{
	static const uint8_t b1[6] = { 2, 0xb0, 0, 0, 0, 1 }, inner[6] = { 2, 0, 0, 0, 0x99, 1 };
	struct bench *b = *state;
	struct frame f, o;

	f = tcp("192.0.2.2", 1000, SYN);
	expect(b, f, SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	o = sent(b, &f);
	assert_int_equal(o.len, f.len);
	assert_memory_equal(o.b, b1, 6);
	assert_memory_equal(o.b + 6, own, 6);
	assert_memory_equal(o.b + 30, "\x0a\x01\x00\x01", 4); /* destination: the backend */
	assert_memory_equal(o.b + 36, "\x1f\x90", 2);         /* and its port */
	assert_int_equal(o.b[22], 63);

	f = tcp("2001:db8::2", 1000, SYN);
	expect(b, f, SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	o = sent(b, &f);
	assert_int_equal(o.b[38 + 1], 0x01);
	assert_memory_equal(o.b + 56, "\x1f\x90", 2);
	assert_int_equal(o.b[21], 63);

	f = tcp("192.0.2.1", 1000, SYN);
	expect(b, f, SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	o = sent(b, &f);
	assert_memory_equal(o.b + 30, f.b + 30, o.len - 30); /* addresses and all behind them as they came */

	f = tcp("192.0.2.3", 1000, SYN);
	expect(b, f, SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	o = sent(b, &f);
	assert_int_equal(o.len, f.len + 20);
	assert_int_equal(o.b[23], 4);
	assert_memory_equal(o.b + 26, "\x0a\x00\x00\x01\x0a\x01\x00\x01", 8);

	f = tcp("192.0.2.4", 1000, SYN);
	expect(b, f, SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	o = sent(b, &f);
	assert_int_equal(o.len, f.len + 50);
	assert_memory_equal(o.b + 46, "\0\0\x09", 3);
	assert_memory_equal(o.b + 50, inner, 6);
}

static void test_nat_return(void **state)
{
	static const uint8_t router[6] = { 2, 0, 0, 0, 0, 9 };
	struct bench *b = *state;
	struct frame f = make((struct spec){ .src = "10.1.0.1", .dst = "10.9.0.1", .sport = 8080, .dport = 1000, .proto = 6,
					     .flags = SYN | ACK, .payload = 100, .smac = router }), o;

	/* Nobody's yet: the kernel may have it. */
	expect(b, f, SL_SLOW_KERNEL, SL_REASON_NO_SERVICE);
	expect(b, tcp("192.0.2.2", 1000, SYN), SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	expect(b, f, SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	o = sent(b, &f);
	assert_memory_equal(o.b, client, 6); /* back where the client's frame came from */
	assert_memory_equal(o.b + 26, "\xc0\x00\x02\x02", 4);
	assert_memory_equal(o.b + 34, "\x00\x50\x03\xe8", 4);
	assert_int_equal(conn_of(b, &f)->state, SL_CONN_EMBRYONIC); /* the client has not acknowledged */
}

static void test_not_forwarded(void **state)
{
	static const struct {
		const char *what;
		struct spec spec;
		enum sl_slow_fate fate;
		enum sl_reason reason;
	} rows[] = {
		{ "no such service", { .src = "10.9.0.1", .dst = "192.0.2.1", .sport = 1, .dport = 81, .proto = 6, .flags = SYN }, SL_SLOW_KERNEL, SL_REASON_NO_SERVICE },
		{ "not a VIP", { .src = "10.9.0.1", .dst = "192.0.2.99", .sport = 1, .dport = 80, .proto = 6, .flags = SYN }, SL_SLOW_KERNEL, SL_REASON_NO_SERVICE },
		{ "fragment of neither TCP nor UDP to a VIP", { .src = "10.9.0.1", .dst = "192.0.2.1", .sport = 1, .dport = 80, .proto = 47, .frag = 0x2000 },
		  SL_SLOW_KERNEL, SL_REASON_NO_SERVICE },
		{ "fragment to others", { .src = "10.9.0.1", .dst = "192.0.2.99", .sport = 1, .dport = 80, .proto = 6, .flags = SYN, .frag = 0x2000 }, SL_SLOW_KERNEL,
		  SL_REASON_NO_SERVICE },
		{ "no backend", { .src = "10.9.0.1", .dst = "192.0.2.9", .sport = 1, .dport = 80, .proto = 6, .flags = SYN }, SL_SLOW_DROP, SL_REASON_NO_BACKEND },
		{ "no next hop", { .src = "10.9.0.1", .dst = "192.0.2.8", .sport = 1, .dport = 80, .proto = 6, .flags = SYN }, SL_SLOW_DROP, SL_REASON_NO_NEXTHOP },
		{ "nobody's VLAN", { .src = "10.9.0.1", .dst = "192.0.2.1", .sport = 1, .dport = 80, .proto = 6, .flags = SYN, .vlan = 13 }, SL_SLOW_KERNEL, SL_REASON_KERNEL },
		{ "TTL 1", { .src = "10.9.0.1", .dst = "192.0.2.1", .sport = 1, .dport = 80, .proto = 6, .flags = SYN, .ttl = 1 }, SL_SLOW_REPLY, SL_REASON_TTL_EXPIRED },
		{ "too big for the tunnel", { .src = "10.9.0.1", .dst = "192.0.2.3", .sport = 1, .dport = 80, .proto = 6, .flags = SYN, .payload = 1460 }, SL_SLOW_REPLY,
		  SL_REASON_TOO_BIG },
	};
	struct bench *b = *state;
	struct frame f;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		print_message("%s\n", rows[i].what);
		expect(b, make(rows[i].spec), rows[i].fate, rows[i].reason);
	}
	f = tcp("192.0.2.1", 5, SYN);
	f.b[5] = 99;
	expect(b, f, SL_SLOW_DROP, SL_REASON_MAC_FILTER);
	memset(f.b, 0xff, 6);
	expect(b, f, SL_SLOW_KERNEL, SL_REASON_KERNEL);
	f = tcp("192.0.2.1", 5, SYN);
	f.b[25] ^= 1;
	expect(b, f, SL_SLOW_DROP, SL_REASON_BAD_IP_CSUM);
	f = tcp("192.0.2.1", 5, SYN);
	f.len = 13;
	expect(b, f, SL_SLOW_DROP, SL_REASON_RUNT);
	f = tcp("192.0.2.1", 5, SYN);
	f.b[12] = 8;
	f.b[13] = 6; /* ARP */
	expect(b, f, SL_SLOW_KERNEL, SL_REASON_KERNEL);
	assert_int_equal(card.count, 0);
}

static void test_tenants(void **state)
{
	struct bench *b = *state;
	struct frame f = make((struct spec){ .src = "10.9.0.1", .dst = "192.0.2.1", .sport = 1, .dport = 80, .proto = 6, .flags = SYN, .vlan = 12 }), in, o;
	uint32_t index;

	expect(b, f, SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	o = sent(b, &f);
	assert_int_equal(o.b[5], 3); /* red's own backend, not dsr's */
	index = b->v.index;
	assert_int_equal(sl_conn_at(b->table, index)->tenant, 7);
	/* The same tuple in another tenant is another connection. */
	expect(b, make((struct spec){ .src = "10.9.0.1", .dst = "192.0.2.1", .sport = 1, .dport = 80, .proto = 6, .flags = SYN }), SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	assert_int_not_equal(b->v.index, index);

	/* blue: inside VXLAN from a VTEP it trusts. */
	in = make((struct spec){ .src = "10.9.0.1", .dst = "192.0.2.1", .sport = 1, .dport = 80, .proto = 6, .flags = SYN });
	f = make((struct spec){ .src = "10.0.0.9", .dst = "10.0.0.1", .sport = 50000, .dport = 4789, .proto = 17,
				.payload = (uint16_t)(8 + in.len) });
	memcpy(f.b + 42, "\x08\0\0\0\0\x01\xf4\0", 8);
	memcpy(f.b + 50, in.b, in.len);
	put16(f.b + 40, 0);
	expect(b, f, SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	o = sent(b, &f);
	assert_int_equal(o.len, in.len);
	assert_int_equal(o.b[5], 4);
	assert_int_equal(sl_conn_at(b->table, b->v.index)->tenant, 8);
	/* From a VTEP that nobody trusts it is the host's own business. */
	f.b[29] = 10;
	f.b[25]--;
	expect(b, f, SL_SLOW_KERNEL, SL_REASON_NO_SERVICE);
}

/* A packet in a tunnel: `head`, n bytes of it, stands between the outer IP header and the packet. */
static struct frame tunnelled(const char *src, uint8_t proto, const char *head, uint32_t n)
{
	const struct frame in = make((struct spec){ .src = "10.9.0.1", .dst = "192.0.2.1", .sport = 1, .dport = 80, .proto = 6, .flags = SYN });
	struct frame f = make((struct spec){ .src = src, .dst = "10.0.0.1", .proto = 17, .payload = (uint16_t)(in.len - 14 + n - 8) });

	f.b[23] = proto;
	put16(f.b + 24, 0);
	put16(f.b + 24, (uint16_t)~sl_csum_fold(sum16(0, f.b + 14, 20)));
	memcpy(f.b + 34, head, n);
	if (proto == 17)
		put16(f.b + 38, in.len - 14 + n);
	memcpy(f.b + 34 + n, in.b + 14, in.len - 14);
	return f;
}

/* Of every kind, from who is trusted with this kind and this network; else it is the host's own business. */
static void test_tunnels(void **state)
{
#define PORTS(port) "\xc3\x50" port "\0\0\0\0"
	static const struct {
		const char *src;
		uint8_t proto;
		const char *head;
		uint32_t n;
		bool opened;
	} rows[] = {
		{ "10.0.0.8", 17, PORTS("\x17\xc1") "\0\0\x08\0\0\x01\xf4\0", 16, true },  /* Geneve */
		{ "10.0.0.8", 17, PORTS("\x17\xc1") "\0\0\x08\0\0\x01\xf5\0", 16, false }, /* of another network */
		{ "10.0.0.9", 17, PORTS("\x17\xc1") "\0\0\x08\0\0\x01\xf4\0", 16, false }, /* from who is trusted with VXLAN */
		{ "10.0.0.7", 47, "\x20\0\x08\0\0\0\0\x05", 8, true },		     /* GRE */
		{ "10.0.0.7", 47, "\x20\0\x08\0\0\0\0\x06", 8, false },		     /* with another key */
		{ "10.0.0.7", 47, "\0\0\x08\0", 4, false },				     /* without one */
		{ "10.0.0.4", 47, "\x20\0\x08\0\0\0\0\x06", 8, true },		     /* which this source may have */
		{ "10.0.0.4", 47, "\0\0\x08\0", 4, true },				     /* or not */
		{ "10.0.0.4", 47, "\x80\0\x08\0\0\0\0\0", 8, false },		     /* a checksum is not recognised */
		{ "10.0.0.6", 17, PORTS("\x17\xc0") "\0\x04\0\0", 12, true },		     /* GUE */
		{ "10.0.0.6", 17, PORTS("\x17\xc0"), 8, true },				     /* of the other variant */
		{ "10.0.0.6", 17, PORTS("\x17\xc2"), 8, false },			     /* at another port */
		{ "10.0.0.5", 4, "", 0, true },						     /* IP in IP */
		{ "10.0.0.3", 4, "", 0, false },					     /* from anybody */
	};
	struct bench *b = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct frame f = tunnelled(rows[i].src, rows[i].proto, rows[i].head, rows[i].n);
		struct frame o;

		run(b, &f);
		if (b->v.fate != (rows[i].opened ? SL_SLOW_FORWARD : SL_SLOW_KERNEL))
			fail_msg("row %zu: fate %u reason %s", i, b->v.fate, sl_reason_name(b->v.reason));
		if (!rows[i].opened)
			continue;
		o = sent(b, &f);
		assert_int_equal(o.len, f.len - 20 - rows[i].n);
		assert_int_equal(o.b[5], 4);
		assert_memory_equal(o.b + 12, "\x08\0\x45", 3);
		assert_int_equal(sl_conn_at(b->table, b->v.index)->tenant, 8);
	}
	/* With a tag, here of the tenant red, it is what the tag says. */
	{
		struct frame f = tunnelled("10.0.0.5", 4, "", 0);

		memmove(f.b + 16, f.b + 12, f.len - 12);
		memcpy(f.b + 12, "\x81\0\0\x0c", 4);
		f.len += 4;
		expect(b, f, SL_SLOW_KERNEL, SL_REASON_NO_SERVICE);
	}
	/* To another address than the port's own end of tunnels. */
	{
		struct frame f = tunnelled("10.0.0.5", 4, "", 0);

		f.b[33] = 2;
		f.b[25]--;
		expect(b, f, SL_SLOW_KERNEL, SL_REASON_NO_SERVICE);
	}
}

static void test_unknown_not_syn(void **state)
{
	struct bench *b = *state;
	struct frame f = tcp("192.0.2.1", 7, ACK);
	uint32_t backend;

	/* Where the hash says, the same as its SYN would have gone. */
	backend = sl_conn_at(b->table, run(b, &f)->index)->backend_id;
	assert_int_equal(b->v.fate, SL_SLOW_FORWARD);
	expect(b, tcp("192.0.2.1", 8, SYN), SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	f = tcp("192.0.2.1", 7, SYN);
	assert_int_equal(conn_of(b, &f)->backend_id, backend);
	/* A last packet makes no entry. */
	f = tcp("192.0.2.1", 9, FIN | ACK);
	run(b, &f);
	assert_int_equal(b->v.fate, SL_SLOW_FORWARD);
	assert_int_equal(b->v.index, SL_CONN_NONE);
	/* nat has lost the translation: reset, but never a reset for a reset. */
	expect(b, tcp("192.0.2.2", 7, ACK), SL_SLOW_REPLY, SL_REASON_NOT_SYN);
	f = (struct frame){ .len = b->v.reply.len };
	memcpy(f.b, b->v.reply.frame, f.len);
	assert_memory_equal(f.b, client, 6);
	assert_memory_equal(f.b + 26, "\xc0\x00\x02\x02\x0a\x09\x00\x01", 8);
	assert_int_equal(f.b[47], RST);
	assert_int_equal(f.b[41], 200); /* the sequence number that the client acknowledged */
	assert_int_equal(l4_sum(f.b + 14, f.len - 14), 0);
	assert_int_equal(sl_csum_fold(sum16(0, f.b + 14, 20)), 0xffff);
	expect(b, tcp("192.0.2.2", 7, RST), SL_SLOW_DROP, SL_REASON_NOT_SYN);
}

/* ---- states and the card ---------------------------------------------------------------------------------------- */

static void test_offload_moment(void **state)
{
	struct bench *b = *state;
	struct frame f;

	expect(b, tcp("192.0.2.1", 1, SYN), SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	assert_int_equal(sl_conn_rest_at(b->table, b->v.index)->reason, SL_REASON_HANDSHAKE);
	assert_int_equal(card.count, 0);
	expect(b, tcp("192.0.2.1", 1, ACK), SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	assert_int_equal(card.count, 1);
	assert_int_equal(sl_conn_rest_at(b->table, b->v.index)->reason, SL_REASON_PENDING);
	expect(b, tcp("192.0.2.1", 1, ACK), SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	assert_int_equal(card.count, 1); /* asked once */

	handshake(b, "192.0.2.5", 1);
	assert_int_equal(sl_conn_rest_at(b->table, b->v.index)->reason, SL_REASON_POLICY_NEVER);
	handshake(b, "192.0.2.6", 1);
	assert_int_equal(sl_conn_rest_at(b->table, b->v.index)->reason, SL_REASON_FEW_PACKETS);
	assert_int_equal(card.count, 1);
	handshake(b, "192.0.2.6", 1); /* SYN again: packets 3 and 4 */
	assert_int_equal(card.count, 2);

	f = make((struct spec){ .src = "10.9.0.1", .dst = "192.0.2.7", .sport = 1, .dport = 80, .proto = 17 });
	for (unsigned int n = 1; n <= 3; n++) {
		assert_int_equal(card.count, 2);
		expect(b, f, SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	}
	assert_int_equal(card.count, 3);

	card.caps &= ~(uint32_t)SL_CAP_NAT4;
	handshake(b, "192.0.2.2", 1);
	assert_int_equal(sl_conn_rest_at(b->table, b->v.index)->reason, SL_REASON_NO_CARD);
	assert_int_equal(card.count, 3);
}

static void test_offload_retry(void **state)
{
	struct bench *b = *state;
	uint32_t index;

	handshake(b, "192.0.2.1", 1);
	index = card.index;
	answer(b, SL_OFFLOAD_INSERT, index, SL_REASON_TABLE_FULL, false);
	assert_int_equal(sl_conn_rest_at(b->table, index)->reason, SL_REASON_TABLE_FULL);
	expect(b, tcp("192.0.2.1", 1, ACK), SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	assert_int_equal(card.count, 1); /* not yet */
	b->sp.now_ms += 1100;
	expect(b, tcp("192.0.2.1", 1, ACK), SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	assert_int_equal(card.count, 2);
	answer(b, SL_OFFLOAD_INSERT, index, SL_REASON_TABLE_FULL, false);
	b->sp.now_ms += 1100; /* the pause has doubled */
	expect(b, tcp("192.0.2.1", 1, ACK), SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	assert_int_equal(card.count, 2);
	b->sp.now_ms += 1100;
	expect(b, tcp("192.0.2.1", 1, ACK), SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	assert_int_equal(card.count, 3);
	/* A full ring to the offload thread: the next packet tries again. */
	card.full = true;
	handshake(b, "192.0.2.1", 2);
	assert_int_equal(b->stats.offload_queue_full, 1);
	card.full = false;
	expect(b, tcp("192.0.2.1", 2, ACK), SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	assert_int_equal(card.count, 4);
}

static void test_syn_on_live_entry(void **state)
{
	struct bench *b = *state;
	struct frame f = tcp("192.0.2.1", 1, SYN);
	uint32_t index, created;

	/* Established: to the entry's backend. */
	index = offloaded(b, "192.0.2.1", 1);
	expect(b, f, SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	assert_int_equal(b->v.index, index);
	/* Closing and in software: chosen anew at once. */
	handshake(b, "192.0.2.5", 1);
	expect(b, tcp("192.0.2.5", 1, FIN | ACK), SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	assert_int_equal(sl_conn_at(b->table, b->v.index)->state, SL_CONN_CLOSING);
	created = (uint32_t)b->stats.conns_created;
	expect(b, tcp("192.0.2.5", 1, SYN), SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	assert_int_equal(b->stats.conns_created, created + 1);
	assert_int_equal(sl_conn_at(b->table, b->v.index)->state, SL_CONN_EMBRYONIC);
	/* Closing and in hardware: the card must forget it before that same SYN goes on. */
	expect(b, tcp("192.0.2.1", 1, FIN | ACK), SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	expect(b, f, SL_SLOW_HOLD, SL_REASON_CLOSING);
	assert_int_equal(card.op, SL_OFFLOAD_REMOVE);
	assert_int_equal(card.index, index);
	answer(b, SL_OFFLOAD_REMOVE, index, SL_REASON_CLOSING, true);
	created = (uint32_t)b->stats.conns_created;
	expect(b, f, SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	assert_int_equal(b->stats.conns_created, created + 1);
}

static void test_syn_while_inserting(void **state)
{
	struct bench *b = *state;
	uint32_t index;

	handshake(b, "192.0.2.1", 1);
	index = card.index;
	expect(b, tcp("192.0.2.1", 1, RST), SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	expect(b, tcp("192.0.2.1", 1, SYN), SL_SLOW_HOLD, SL_REASON_CLOSING);
	assert_int_equal(card.count, 1);
	answer(b, SL_OFFLOAD_INSERT, index, SL_REASON_OFFLOADED, false);
	assert_int_equal(card.op, SL_OFFLOAD_REMOVE);
	answer(b, SL_OFFLOAD_REMOVE, index, SL_REASON_CLOSING, true);
	assert_int_equal(sl_conn_at(b->table, index)->state, SL_CONN_FREE);
}

static void test_syn_backend_down(void **state)
{
	struct bench *b = *state;
	struct frame f = tcp("192.0.2.1", 1, SYN);
	uint32_t old = conn_of(b, &f)->backend_id;

	handshake(b, "192.0.2.1", 2);
	sl_service_table_begin(b->services);
	sl_service_table_health(b->services, old, SL_BACKEND_DOWN, 1);
	sl_service_table_commit(b->services);
	b->sp.services = sl_services_current();
	f = tcp("192.0.2.1", 1, ACK);
	assert_int_equal(conn_of(b, &f)->backend_id, old); /* what is under way keeps its backend */
	f = tcp("192.0.2.1", 1, SYN);
	/* In the card meanwhile: it is taken out first. */
	answer(b, SL_OFFLOAD_INSERT, card.index, SL_REASON_INSERT_FAILED, false);
	assert_int_not_equal(conn_of(b, &f)->backend_id, old);
}

/* The only backend is held for dead between its SYN-ACK and the client's repeated SYN, which was under way. */
static void test_syn_crosses_answer(void **state)
{
	struct bench *b = *state;
	struct spec answer = { .src = "10.1.0.1", .dst = "10.9.0.1", .sport = 8080, .dport = 1, .proto = 6, .flags = SYN | ACK };

	for (answer.dport = 1; answer.dport <= 4; answer.dport++) {
		expect(b, tcp("192.0.2.2", answer.dport, SYN), SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
		if (answer.dport != 2) /* the second is not answered */
			expect(b, make(answer), SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
		if (answer.dport == 3) /* the third asks again after its answer */
			expect(b, tcp("192.0.2.2", answer.dport, SYN), SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	}
	sl_service_table_begin(b->services);
	sl_service_table_health(b->services, sl_conn_at(b->table, b->v.index)->backend_id, SL_BACKEND_DOWN, 1);
	sl_service_table_commit(b->services);
	b->sp.services = sl_services_current();
	expect(b, tcp("192.0.2.2", 1, SYN), SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	expect(b, tcp("192.0.2.2", 1, ACK), SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	expect(b, tcp("192.0.2.2", 2, SYN), SL_SLOW_DROP, SL_REASON_NO_BACKEND);
	expect(b, tcp("192.0.2.2", 3, SYN), SL_SLOW_DROP, SL_REASON_NO_BACKEND);
	b->sp.now_ms += 500; /* of the answer to the fourth: this SYN was sent later */
	expect(b, tcp("192.0.2.2", 4, SYN), SL_SLOW_DROP, SL_REASON_NO_BACKEND);
}

static void test_copy(void **state)
{
	struct bench *b = *state;
	struct frame f = tcp("192.0.2.1", 1, FIN | ACK), stray = tcp("192.0.2.1", 2, FIN | ACK);
	const uint32_t index = offloaded(b, "192.0.2.1", 1);
	const uint64_t packets = sl_conn_at(b->table, index)->sw_packets;

	sl_slowpath_run(&b->sp, f.b, f.len, 0, true, &b->v);
	assert_int_equal(b->v.fate, SL_SLOW_DROP); /* the card has sent it already */
	assert_int_equal(b->v.reason, SL_REASON_COPY);
	assert_int_equal(sl_conn_at(b->table, index)->state, SL_CONN_CLOSING);
	assert_int_equal(sl_conn_at(b->table, index)->offload, SL_CONN_HARDWARE);
	assert_int_equal(sl_conn_at(b->table, index)->sw_packets, packets);
	sl_slowpath_run(&b->sp, stray.b, stray.len, 0, true, &b->v);
	assert_int_equal(b->v.fate, SL_SLOW_DROP);
}

static void scan_all(struct bench *b)
{
	sl_slowpath_expire(&b->sp, CAPACITY);
}

static void test_idle(void **state)
{
	struct bench *b = *state;
	const struct sl_config_timeouts *t = &b->config->services[0].timeouts;
	uint32_t index;

	/* In software: gone after its timeout. */
	handshake(b, "192.0.2.5", 1);
	b->sp.now_ms += t->established_ms - 2000;
	scan_all(b);
	assert_int_equal(sl_conn_table_used(b->table), 1);
	b->sp.now_ms += 5000;
	scan_all(b);
	assert_int_equal(sl_conn_table_used(b->table), 0);
	assert_int_equal(b->stats.conns_expired, 1);
	/* In hardware: the card is asked first. */
	index = offloaded(b, "192.0.2.1", 1);
	b->sp.now_ms += t->established_ms + 2000;
	scan_all(b);
	assert_int_equal(card.op, SL_OFFLOAD_QUERY);
	sl_conn_at(b->table, index)->last_seen_ms = b->sp.now_ms - 1000; /* it has seen packets */
	answer(b, SL_OFFLOAD_QUERY, index, SL_REASON_OFFLOADED, false);
	assert_int_equal(card.op, SL_OFFLOAD_QUERY);
	b->sp.now_ms += t->established_ms + 2000;
	scan_all(b);
	answer(b, SL_OFFLOAD_QUERY, index, SL_REASON_OFFLOADED, false);
	assert_int_equal(card.op, SL_OFFLOAD_REMOVE);
	assert_int_equal(sl_conn_table_used(b->table), 1);
	answer(b, SL_OFFLOAD_REMOVE, index, SL_REASON_CLOSING, true);
	assert_int_equal(sl_conn_table_used(b->table), 0);
	/* A half-open one has little time, one that closes too. */
	expect(b, tcp("192.0.2.1", 3, SYN), SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	handshake(b, "192.0.2.5", 3);
	expect(b, tcp("192.0.2.5", 3, FIN | ACK), SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	b->sp.now_ms += (t->syn_ms > t->fin_ms ? t->syn_ms : t->fin_ms) + 3000;
	scan_all(b);
	assert_int_equal(sl_conn_table_used(b->table), 0);
}

/* A SYN waits for a connection to leave the card while the requests to the card have no room: the scan asks again, and a
 * card that goes away meanwhile lets the SYN go too. */
static void test_syn_held_without_room(void **state)
{
	for (unsigned int lost = 0; lost < 2; lost++) {
		struct bench *b = *state;
		uint32_t index;

		handshake(b, "192.0.2.1", (uint16_t)(1 + lost));
		index = card.index;
		sl_conn_set_deadline(b->table, index, b->sp.now_ms + 3600000);
		sl_conn_at(b->table, index)->flags |= SL_CONN_DOOMED;
		card.full = true;
		answer(b, SL_OFFLOAD_INSERT, index, SL_REASON_OFFLOADED, false);
		card.full = false;
		if (lost) {
			answer(b, SL_OFFLOAD_LOST, index, SL_REASON_NO_CARD, true);
		} else {
			scan_all(b);
			assert_int_equal(card.op, SL_OFFLOAD_REMOVE);
			answer(b, SL_OFFLOAD_REMOVE, index, SL_REASON_CLOSING, true);
		}
		assert_int_equal(sl_conn_at(b->table, index)->state, SL_CONN_FREE);
	}
}

static void test_closing_makes_room(void **state)
{
	struct bench *b = *state;
	struct frame fin = tcp("192.0.2.1", 1, FIN | ACK);
	const uint32_t index = offloaded(b, "192.0.2.1", 1);

	sl_slowpath_run(&b->sp, fin.b, fin.len, 0, true, &b->v);
	b->sp.now_ms += 5000;
	scan_all(b);
	assert_int_equal(card.op, SL_OFFLOAD_QUERY);
	/* A half-closed transfer goes on: it stays. */
	sl_conn_at(b->table, index)->last_seen_ms = b->sp.now_ms;
	answer(b, SL_OFFLOAD_QUERY, index, SL_REASON_OFFLOADED, false);
	assert_int_equal(card.op, SL_OFFLOAD_QUERY);
	b->sp.now_ms += 5000;
	scan_all(b);
	answer(b, SL_OFFLOAD_QUERY, index, SL_REASON_OFFLOADED, false);
	assert_int_equal(card.op, SL_OFFLOAD_REMOVE);
	answer(b, SL_OFFLOAD_REMOVE, index, SL_REASON_CLOSING, false);
	/* Out of the card, but still known until its own timeout. */
	assert_int_equal(sl_conn_at(b->table, index)->state, SL_CONN_CLOSING);
	assert_int_equal(sl_conn_rest_at(b->table, index)->reason, SL_REASON_CLOSING);
	scan_all(b);
	assert_int_equal(sl_conn_table_used(b->table), 1);
	b->sp.now_ms += b->config->services[0].timeouts.fin_ms + 2000;
	scan_all(b);
	assert_int_equal(sl_conn_table_used(b->table), 0);
}

static void test_evict(void **state)
{
	struct bench *b = *state;
	const uint32_t index = offloaded(b, "192.0.2.1", 1), check = sl_conn_rest_at(b->table, index)->check;

	sl_slowpath_evict(&b->sp, index, check + 1); /* a predecessor's */
	assert_int_equal(card.count, 1);
	sl_slowpath_evict(&b->sp, index, check);
	assert_int_equal(card.op, SL_OFFLOAD_REMOVE);
	answer(b, SL_OFFLOAD_REMOVE, index, SL_REASON_CLOSING, false);
	assert_int_equal(sl_conn_rest_at(b->table, index)->reason, SL_REASON_EVICTED);
	b->sp.now_ms += 100000;
	expect(b, tcp("192.0.2.1", 1, ACK), SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	assert_int_equal(card.count, 2); /* and stays out */
	assert_int_equal(sl_conn_rest_at(b->table, index)->reason, SL_REASON_EVICTED);
}

static void test_lost(void **state)
{
	struct bench *b = *state;
	const uint32_t index = offloaded(b, "192.0.2.1", 1);

	answer(b, SL_OFFLOAD_LOST, index, SL_REASON_NO_CARD, false);
	assert_int_equal(sl_conn_at(b->table, index)->offload, SL_CONN_SOFTWARE);
	assert_int_equal(sl_conn_rest_at(b->table, index)->reason, SL_REASON_NO_CARD);
	expect(b, tcp("192.0.2.1", 1, ACK), SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
}

static void test_full(void **state)
{
	struct bench *b = *state;

	for (uint16_t n = 0; n < CAPACITY * 4; n++) {
		struct frame f = tcp("192.0.2.1", (uint16_t)(2000 + n), SYN);

		run(b, &f);
		assert_int_equal(b->v.fate, SL_SLOW_FORWARD); /* with an entry or without */
	}
	assert_true(b->stats.reason_packets[SL_REASON_CONN_FULL] > 0);
	assert_int_equal(sl_conn_table_used(b->table), CAPACITY / 4);
	expect(b, tcp("192.0.2.2", 1, SYN), SL_SLOW_DROP, SL_REASON_CONN_FULL);
}

static void test_owner(void **state)
{
	struct bench *b = *state;
	struct frame f = tcp("192.0.2.1", 1, SYN);

	b->sp.shards = 0;
	run(b, &f);
	assert_int_equal(b->v.fate, SL_SLOW_ELSEWHERE);
	b->sp.shards = 1u << b->v.shard;
	expect(b, f, SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
}

static void test_adopt(void **state)
{
	struct bench *b = *state;
	uint32_t index[2], id;

	handshake(b, "192.0.2.2", 1);
	index[0] = b->v.index;
	id = sl_conn_at(b->table, index[0])->backend_id;
	handshake(b, "192.0.2.1", 1);
	index[1] = b->v.index;
	sl_conn_at(b->table, index[0])->backend_id = 4000; /* another run's number */
	((uint8_t *)&sl_conn_rest_at(b->table, index[1])->backend4)[3] = 50; /* not configured any more */
	memset(b->backends, 0, sizeof(b->backends));
	assert_int_equal(sl_slowpath_adopt(&b->sp), 1);
	assert_int_equal(sl_conn_at(b->table, index[0])->backend_id, id);
	assert_int_equal(b->backends[id].connections, 1);
	assert_int_equal(sl_conn_at(b->table, index[1])->state, SL_CONN_FREE);
}

/* Two backends of one address: each connection stays with its own. */
static void test_adopt_by_identity(void **state)
{
	struct bench *b = *state;
	uint32_t index[16], id[16], both = 0;

	for (unsigned int i = 0; i < 16; i++) {
		handshake(b, "192.0.2.10", (uint16_t)(1000 + i));
		index[i] = b->v.index;
		id[i] = sl_conn_at(b->table, index[i])->backend_id;
		both |= id[i] != id[0];
		sl_conn_at(b->table, index[i])->backend_id = 4000;
	}
	assert_true(both);
	assert_int_equal(sl_slowpath_adopt(&b->sp), 16);
	for (unsigned int i = 0; i < 16; i++)
		assert_int_equal(sl_conn_at(b->table, index[i])->backend_id, id[i]);
	/* Of a backend that is not known by its identity any more, one of its address takes over. */
	sl_conn_rest_at(b->table, index[0])->backend_tag ^= 0x5555;
	assert_int_equal(sl_slowpath_adopt(&b->sp), 16);
	assert_true(sl_conn_at(b->table, index[0])->backend_id < 4000);
}

/* ---- ICMP ------------------------------------------------------------------------------------------------------- */

static void test_icmp_made(void **state)
{
	struct bench *b = *state;
	struct frame f = make((struct spec){ .src = "10.9.0.1", .dst = "192.0.2.3", .sport = 1, .dport = 80, .proto = 6, .flags = ACK, .payload = 1460 });
	const uint8_t *r = b->v.reply.frame;

	expect(b, f, SL_SLOW_REPLY, SL_REASON_TOO_BIG);
	assert_memory_equal(r, client, 6);
	assert_memory_equal(r + 26, "\xc0\x00\x02\x03\x0a\x09\x00\x01", 8); /* from the VIP to the client */
	assert_memory_equal(r + 34, "\x03\x04", 2);
	assert_memory_equal(r + 40, "\x05\xc8", 2); /* 1480: 1500 less the outer header */
	assert_memory_equal(r + 42, f.b + 14, 500); /* the packet as it came */
	assert_int_equal(l4_sum(r + 14, b->v.reply.len - 14), 0);
	assert_true(b->v.reply.len <= 14 + 576);

	f = make((struct spec){ .src = "2001:db8:9::1", .dst = "2001:db8::2", .sport = 1, .dport = 80, .proto = 6, .flags = SYN, .ttl = 1 });
	expect(b, f, SL_SLOW_REPLY, SL_REASON_TTL_EXPIRED);
	assert_int_equal(r[54], 3);
	assert_int_equal(l4_sum(r + 14, b->v.reply.len - 14), 0);
	/* Bounded. */
	for (unsigned int n = 0; n < SL_REPLY_RATE + 10; n++)
		run(b, &f);
	assert_int_equal(b->v.fate, SL_SLOW_DROP);
	assert_int_equal(b->v.reason, SL_REASON_TTL_EXPIRED);
	assert_true(b->stats.icmp_limited > 0);
	b->sp.now_ms += 1000;
	expect(b, f, SL_SLOW_REPLY, SL_REASON_TTL_EXPIRED);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, bench_up, bench_down)
	const struct CMUnitTest tests[] = {
		T(test_modes), T(test_nat_return), T(test_not_forwarded), T(test_tenants), T(test_tunnels), T(test_unknown_not_syn),
		T(test_offload_moment), T(test_offload_retry), T(test_syn_on_live_entry), T(test_syn_while_inserting), T(test_syn_held_without_room),
		T(test_syn_backend_down), T(test_syn_crosses_answer), T(test_copy), T(test_idle), T(test_closing_makes_room),
		T(test_evict), T(test_lost), T(test_full), T(test_owner),
		T(test_adopt), T(test_adopt_by_identity), T(test_icmp_made),
	};
	int rc;

	rcu_register_thread();
	rc = cmocka_run_group_tests_name("slowpath", tests, NULL, NULL);
	rcu_unregister_thread();
	return rc;
}
