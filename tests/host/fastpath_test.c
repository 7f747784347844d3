/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The short cut does what the slow path does. Two agents with the same configuration get the same frames, in bursts: one through
 * both, the other through the slow path alone. Random connections of every mode live and end; their frames are right, or differ
 * in a few bytes. Whatever leaves must be the same, and so must connections and counters.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "host/fastpath.h"
#include "tests/host/frame.h"
#include "tests/host/one_port.h"

#define CAPACITY 2048u
#define CLIENTS 40u
#define BURSTS 12000u
#define ROOM 128u

static uint32_t caps;
static unsigned int asked; /* how often the card was asked since a frame began, and by which port that one came: 1 + port */

static bool card_submit(enum sl_offload_op op, uint32_t index, unsigned int port)
{
	(void)index;
	asked = asked * 8 + (op == SL_OFFLOAD_INSERT) * (1 + port);
	return false; /* the card's ring is full: connections stay in software */
}

static uint32_t card_capable(void)
{
	return caps;
}

static const char config_text[] =
	"node: {name: test}\n"
	"ports: [{name: p0, device: d0, vtep: 10.0.0.1, kernel: {interface: sl0}}]\n"
	"tenants: [{name: red, id: 7, vlan: 12}]\n"
	"services:\n"
#define S(name, vip, proto, mode, more, backends) \
	"- {name: " name ", vip: '" vip "', protocol: " proto ", port: 80, mode: " mode ", health: {type: none}" more ", backends: [" \
	backends "]}\n"
	S("dsr", "192.0.2.1", "tcp", "dsr-l2", "", "{name: b1, address: 10.1.0.1}, {name: b2, address: 10.1.0.2}")
	S("nat", "192.0.2.2", "tcp", "nat", "", "{name: b1, address: 10.1.0.1, port: 8080}")
	S("ipip", "192.0.2.3", "tcp", "ipip", "", "{name: b1, address: 10.1.0.1}")
	S("vxlan", "192.0.2.4", "tcp", "vxlan", "", "{name: b1, address: 10.1.0.1, vni: 9, inner_mac: '02:00:00:00:99:01'}")
	S("never", "192.0.2.5", "tcp", "dsr-l2", ", offload: {policy: never}", "{name: b1, address: 10.1.0.1}")
	S("packets", "192.0.2.6", "tcp", "gre", ", offload: {policy: packets, packets: 4}", "{name: b1, address: 10.1.0.1}")
	S("udp", "192.0.2.7", "udp", "gue", ", offload: {udp_packets: 5}", "{name: b1, address: 10.1.0.1}")
	S("udpnat", "192.0.2.8", "udp", "nat", "", "{name: b1, address: 10.1.0.1, port: 8080}")
	S("red", "192.0.2.1", "tcp", "dsr-l2", ", tenant: red", "{name: b1, address: 10.1.0.3}")
	S("six", "2001:db8::1", "tcp", "ipip", "", "{name: b1, address: 10.1.0.1}")
	S("nat6", "2001:db8::2", "tcp", "nat", "", "{name: b1, address: '2001:db8:1::1', port: 8080}")
	S("udp6", "2001:db8::3", "udp", "nat", "", "{name: b1, address: '2001:db8:1::1', port: 8080}");

static const struct target {
	const char *vip, *backend;
	uint8_t proto;
} targets[] = {
	{ "192.0.2.1", NULL, 6 }, { "192.0.2.2", "10.1.0.1", 6 }, { "192.0.2.3", NULL, 6 }, { "192.0.2.4", NULL, 6 },
	{ "192.0.2.5", NULL, 6 }, { "192.0.2.6", NULL, 6 }, { "192.0.2.7", NULL, 17 }, { "192.0.2.8", "10.1.0.1", 17 },
	{ "2001:db8::1", NULL, 6 }, { "2001:db8::2", "2001:db8:1::1", 6 }, { "2001:db8::3", "2001:db8:1::1", 17 },
	{ "192.0.2.99", NULL, 6 },
};

struct agent {
	struct sl_conn *entries;
	struct sl_conn_table *table;
	struct sl_worker_stats stats;
	struct sl_slow_backend backends[SL_SERVICE_IDS + 1];
	uint32_t retry[CAPACITY];
	struct sl_slowpath sp;
};

struct out {
	unsigned int fate, port, reason;
	uint32_t len;
	uint8_t bytes[2048 + ROOM];
};

static uint64_t seed;

static uint32_t any(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 20) % below;
}

static void hop_ready(const struct sl_services *s, const struct sl_addr *addr, uint16_t mtu, uint8_t mac)
{
	struct sl_nexthop hop = { .state = SL_NEXTHOP_READY, .ifindex = 5, .mtu = mtu, .mac = { 2, 0xb0, 0, 0, mac, 1 } };

	sl_egress_nexthop_changed(s, addr, &hop);
}

static void agent_up(struct agent *a, const struct sl_config *config)
{
	static const uint64_t key[2] = { 3, 4 };
	uint32_t adopted, dropped;

	memset(a, 0, sizeof(*a));
	a->entries = calloc(1, sl_conn_memory_bytes(CAPACITY, NULL));
	a->table = sl_conn_table_create(a->entries, CAPACITY, key, &adopted, &dropped);
	a->sp = (struct sl_slowpath){ .table = a->table, .shards = 0xfffd, .now_ms = 1000000, .stats = &a->stats,
				      .backends = a->backends, .retry = a->retry, .fragments = sl_fragments_create(5),
				      .admission = sl_admission_create(SL_CONN_SHARDS), .offload = card_submit, .capable = card_capable,
				      .entropy = { 5, 6 } };
	a->sp.port[0] = (struct sl_slow_port){ .up = true, .vtep = { config->ports[0].vtep[0] } };
	memcpy(a->sp.port[0].mac, own, 6);
	a->sp.port[1] = a->sp.port[0];
}

static void agent_down(struct agent *a)
{
	sl_conn_table_destroy(a->table);
	sl_fragments_destroy(a->sp.fragments);
	sl_admission_destroy(a->sp.admission);
	free(a->entries);
}

/* ---- frames ----------------------------------------------------------------------------------------------------- */

static const uint8_t macs[3][6] = { { 2, 0, 0, 0, 0, 2 }, { 2, 0, 0, 0, 0, 3 }, { 2, 0, 0, 0, 0, 4 } };

static uint8_t random_flags(void)
{
	static const uint8_t flags[] = { ACK, ACK, ACK, ACK, ACK, ACK | 8, SYN, SYN, FIN | ACK, RST };

	return flags[any(sizeof(flags))];
}

static struct frame random_frame(void)
{
	const struct target *t = &targets[any(sizeof(targets) / sizeof(targets[0]))];
	const bool six = strchr(t->vip, ':'), back = t->backend && any(3) == 0;
	const char *who = six ? "2001:db8:9::1" : "10.9.0.1";
	const uint16_t port = (uint16_t)(1000 + any(CLIENTS));
	struct frame f = make((struct spec){ .src = back ? t->backend : who, .dst = back ? who : t->vip, .proto = t->proto,
					     .sport = back ? 8080 : port, .dport = back ? port : 80, .flags = random_flags(),
					     .ttl = any(20) ? 64 : (uint8_t)(1 + any(2)), .smac = macs[any(100) ? 0 : any(3)],
					     .vlan = any(30) ? 0 : 12, .payload = (uint16_t)(any(10) ? any(60) : any(1500)),
					     .frag = any(60) || six ? 0 : 0x2000, .tos = (uint8_t)(any(3) ? 0 : any(256)) });

	if (f.len < 60)
		f.len = 60; /* padding, of zeroes */
	f.len += any(4) ? 0 : any(9);
	if (any(12) == 0) {
		for (uint32_t n = 1 + any(3); n; n--)
			f.b[any(60)] = (uint8_t)any(256);
	}
	return f;
}

/* ---- runs ------------------------------------------------------------------------------------------------------- */

static void slow(struct agent *a, const struct frame *f, unsigned int port, struct out *o)
{
	struct sl_slow_verdict v = { .port = 0 };

	sl_slowpath_run(&a->sp, f->b, f->len, port, false, &v);
	*o = (struct out){ .fate = v.fate, .reason = v.fate == SL_SLOW_ELSEWHERE ? 0 : v.reason, .port = v.port };
	if (v.fate == SL_SLOW_FORWARD) {
		memcpy(o->bytes, v.rewrite.head, v.rewrite.head_len);
		memcpy(o->bytes + v.rewrite.head_len, f->b + v.rewrite.payload_off,
		       (size_t)(v.rewrite.payload_end - v.rewrite.payload_off));
		o->len = v.rewrite.head_len + (uint32_t)(v.rewrite.payload_end - v.rewrite.payload_off);
	} else if (v.fate == SL_SLOW_REPLY || v.fate == SL_SLOW_PASS) {
		o->len = v.reply.len;
		memcpy(o->bytes, v.reply.frame, v.reply.len);
	}
}

/* One burst through both; how many took the short cut. */
static unsigned int run_burst(struct agent *fast, struct agent *plain, unsigned int n)
{
	static struct frame frame[SL_FAST_BURST];
	static uint8_t room[SL_FAST_BURST][ROOM + 2048];
	static struct sl_fast_burst burst;
	static struct out want, got;
	unsigned int port[SL_FAST_BURST], of_plain;
	unsigned int taken = 0;

	burst.count = n;
	for (unsigned int i = 0; i < n; i++) {
		frame[i] = random_frame();
		memcpy(room[i] + ROOM, frame[i].b, frame[i].len);
		burst.frame[i].data = room[i] + ROOM;
		burst.frame[i].len = frame[i].len;
		port[i] = any(8) == 0; /* what comes by the second one leaves by the first as well */
		burst.frame[i].port = port[i];
		burst.frame[i].fit = any(50);
	}
	sl_fastpath_begin(&fast->sp, &burst);
	for (unsigned int i = 0; i < n; i++) {
		const struct sl_fast_frame *f = &burst.frame[i];

		asked = 0;
		slow(plain, &frame[i], port[i], &want);
		of_plain = asked;
		asked = 0;
		if (sl_fastpath_run(&fast->sp, &burst, i)) {
			taken++;
			got = (struct out){ .fate = SL_SLOW_FORWARD, .reason = SL_REASON_SOFTWARE, .port = f->port, .len = f->len };
			memcpy(got.bytes, f->data, f->len);
		} else {
			assert_memory_equal(room[i] + ROOM, frame[i].b, frame[i].len); /* untouched */
			slow(fast, &frame[i], port[i], &got);
		}
		assert_int_equal(asked, of_plain);
		assert_int_equal(got.fate, want.fate);
		assert_int_equal(got.reason, want.reason);
		assert_int_equal(got.port, want.port);
		assert_int_equal(got.len, want.len);
		assert_memory_equal(got.bytes, want.bytes, want.len);
	}
	return taken;
}

/* Wall-clock times may differ, and nothing else. */
static void compare(struct agent *fast, struct agent *plain)
{
	for (uint32_t i = 0; i < CAPACITY; i++) {
		sl_conn_rest_at(fast->table, i)->since = sl_conn_rest_at(plain->table, i)->since;
	}
	assert_memory_equal(fast->entries, plain->entries, sl_conn_memory_bytes(CAPACITY, NULL));
	assert_memory_equal(&fast->stats, &plain->stats, sizeof(fast->stats));
	assert_memory_equal(fast->backends, plain->backends, sizeof(fast->backends));
}

/* The world changes, now and then, for both. */
static void change(struct agent *fast, struct agent *plain, const struct sl_services *s)
{
	static const struct sl_addr b1 = { .family = 4, .bytes = { 10, 1, 0, 1 } };

	fast->sp.now_ms += any(50);
	if (any(400) == 0)
		fast->sp.port[0].up = !fast->sp.port[0].up;
	else if (any(20) == 0)
		fast->sp.port[0].up = true;
	if (any(300) == 0)
		caps = any(3) ? 0 : UINT32_MAX;
	if (any(200) == 0)
		hop_ready(s, &b1, (uint16_t)(any(2) ? 1500 : 600), (uint8_t)any(4));
	plain->sp.now_ms = fast->sp.now_ms;
	plain->sp.port[0] = fast->sp.port[0];
	if (any(100) == 0) {
		sl_slowpath_expire(&fast->sp, CAPACITY);
		sl_slowpath_expire(&plain->sp, CAPACITY);
	}
}

static void test_same(void **state)
{
	static struct agent fast, plain;
	struct sl_service_table *services;
	struct sl_config *config;
	struct sl_config_error error;
	const struct sl_services *s;
	unsigned int taken = 0, all = 0;
	char err[256];

	(void)state;
	seed = getenv("SEED") ? strtoull(getenv("SEED"), NULL, 10) : (uint64_t)time(NULL);
	print_message("SEED=%llu\n", (unsigned long long)seed);
	seed = seed * 6364136223846793005u + 1;
	port0 = (struct sl_port){ .mtu = 1500, .kernel_ifindex = 5 };
	memcpy(port0.mac, own, 6);
	if (sl_config_parse("t", config_text, sizeof(config_text) - 1, &config, &error))
		fail_msg("%s", error.text);
	services = sl_service_table_create(config, &(struct sl_service_table_ops){ 0 }, err, sizeof(err));
	assert_non_null(services);
	s = sl_services_current();
	sl_egress_configure(config);
	sl_egress_services_changed(s, NULL);
	for (uint32_t id = 1; id < SL_SERVICE_IDS; id++) {
		if (s->backend[id])
			hop_ready(s, &s->backend[id]->address, 1500, 0);
	}
	agent_up(&fast, config);
	agent_up(&plain, config);
	fast.sp.services = plain.sp.services = s;
	for (unsigned int i = 0; i < BURSTS; i++) {
		const unsigned int n = 1 + any(SL_FAST_BURST);

		change(&fast, &plain, s);
		taken += run_burst(&fast, &plain, n);
		all += n;
		if (i % 64 == 0)
			compare(&fast, &plain);
	}
	compare(&fast, &plain);
	print_message("%u of %u frames took the short cut\n", taken, all);
	assert_true(taken > all / 8);
	agent_down(&fast);
	agent_down(&plain);
	sl_egress_clear();
	sl_service_table_destroy(services);
	sl_config_free(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_same) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
