/* SPDX-License-Identifier: BSD-3-Clause */
/* The bench of the slow path's tests: ports, next hops and the card are faked here; configuration and services are the real ones. */
#ifndef SLUICE_TESTS_HOST_SLOW_BENCH_H
#define SLUICE_TESTS_HOST_SLOW_BENCH_H

#include "host/slowpath.h"
#include "hw/model/hash.h"
#include "sluice/record.h"
#include "tests/host/frame.h"
#include "tests/host/one_port.h"

#ifndef CAPACITY /* of the connection table; a test that opens more than a few connections wants more */
#define CAPACITY 256u
#endif

/* ---- fakes ------------------------------------------------------------------------------------------------------ */

static struct {
	unsigned int count;
	enum sl_offload_op op;
	uint32_t index;
	bool full;
	uint32_t caps;
} card;

static inline bool card_submit(enum sl_offload_op op, uint32_t index, unsigned int port)
{
	(void)port;
	if (card.full)
		return false;
	card.count++;
	card.op = op;
	card.index = index;
	return true;
}

static inline uint32_t card_capable(void)
{
	return card.caps;
}

/* ---- the bench -------------------------------------------------------------------------------------------------- */

static const char config_text[] =
	"node: {name: test, fullnat: {sources: [10.0.0.40, '2001:db8:40::1'], quarantine_ms: 60000}}\n"
	"ports: [{name: p0, device: net_sluice_xdp0, vtep: 10.0.0.1, kernel: {interface: sl0}}]\n"
	"tenants: [{name: red, id: 7, vlan: 12}, {name: blue, id: 8, vni: 500, trusted_vteps: [10.0.0.9,"
	"{address: 10.0.0.8, tunnel: geneve}, {address: 10.0.0.7, tunnel: gre, key: 5}, {address: 10.0.0.6, tunnel: gue},"
	"{address: 10.0.0.5, tunnel: ipip}, {address: 10.0.0.4, tunnel: gre}]}]\n"
	"services:\n"
#define S(name, vip, proto, mode, more, backends) \
	"- {name: " name ", vip: '" vip "', protocol: " proto ", port: 80, mode: " mode ", health: {type: none}" more ", backends: [" \
	backends "]}\n"
	S("dsr", "192.0.2.1", "tcp", "dsr-l2", "", "{name: b1, address: 10.1.0.1}, {name: b2, address: 10.1.0.2}")
	S("nat", "192.0.2.2", "tcp", "nat", "", "{name: b1, address: 10.1.0.1, port: 8080}")
	S("ipip", "192.0.2.3", "tcp", "ipip", "", "{name: b1, address: 10.1.0.1}")
	S("vxlan", "192.0.2.4", "tcp", "vxlan", "", "{name: b1, address: 10.1.0.1, vni: 9, inner_mac: '02:00:00:00:99:01'}")
	S("never", "192.0.2.5", "tcp", "dsr-l2", ", offload: {policy: never}", "{name: b1, address: 10.1.0.1}")
	S("packets", "192.0.2.6", "tcp", "dsr-l2", ", offload: {policy: packets, packets: 4}", "{name: b1, address: 10.1.0.1}")
	S("udp", "192.0.2.7", "udp", "dsr-l2", ", offload: {udp_packets: 3}", "{name: b1, address: 10.1.0.1}")
	S("lost", "192.0.2.8", "tcp", "dsr-l2", "", "{name: b1, address: 10.1.0.77}")
	S("drained", "192.0.2.9", "tcp", "dsr-l2", "", "{name: b1, address: 10.1.0.1, weight: 0}")
	S("red", "192.0.2.1", "tcp", "dsr-l2", ", tenant: red", "{name: b1, address: 10.1.0.3}")
	S("blue", "192.0.2.1", "tcp", "dsr-l2", ", tenant: blue", "{name: b1, address: 10.1.0.4}")
	S("vms", "192.0.2.10", "tcp", "vxlan", "", "{name: vm1, address: 10.1.0.1, vni: 9, inner_mac: '02:00:00:00:99:01'},"
	  "{name: vm2, address: 10.1.0.1, vni: 9, inner_mac: '02:00:00:00:99:02'}")
	S("nat6", "2001:db8::2", "tcp", "nat", "", "{name: b1, address: '2001:db8:1::1', port: 8080}")
	S("udp-nat", "192.0.2.11", "udp", "nat", "", "{name: b1, address: 10.1.0.1, port: 8080}")
	S("small", "192.0.2.12", "tcp", "nat", ", admission: {half_open: 16, connections: 64}", "{name: b1, address: 10.1.0.1, port: 8081}")
	S("small-dsr", "192.0.2.13", "tcp", "dsr-l2", ", admission: {half_open: 16}", "{name: b1, address: 10.1.0.1}")
	S("proving", "192.0.2.14", "tcp", "dsr-l2", ", admission: {challenge: always}", "{name: b1, address: 10.1.0.1}")
	S("trusting", "192.0.2.15", "tcp", "nat", ", admission: {half_open: 16, challenge: never}", "{name: b1, address: 10.1.0.1, port: 8082}")
	S("metered", "192.0.2.17", "tcp", "dsr-l2", ", misses: {rate_pps: 1000, burst: 10}", "{name: b1, address: 10.1.0.1}")
	S("udp-ipip", "192.0.2.16", "udp", "ipip", "", "{name: b1, address: 10.1.0.1}")
	S("full", "192.0.2.18", "tcp", "fullnat", "", "{name: b1, address: 10.1.0.1, port: 8080}, {name: b2, address: 10.1.0.2, port: 8080}")
	S("full6", "2001:db8::4", "tcp", "fullnat", "", "{name: b1, address: '2001:db8:1::1', port: 8080}")
	S("udp-full", "192.0.2.18", "udp", "fullnat", "", "{name: b1, address: 10.1.0.1}")
	S("first", "192.0.2.19", "tcp", "dsr-l2", ", first_packet: xdp, admission: {half_open: 16}",
	  "{name: b1, address: 10.1.0.1}, {name: b2, address: 10.1.0.2}")
	S("first-udp", "192.0.2.20", "udp", "dsr-l2", ", first_packet: xdp",
	  "{name: b1, address: 10.1.0.1}, {name: b2, address: 10.1.0.2}")
	S("udp-nat6", "2001:db8::3", "udp", "nat", "", "{name: b1, address: '2001:db8:1::1', port: 8080}");

struct bench {
	struct sl_config *config;
	struct sl_service_table *services;
	struct sl_addr sources[SL_CONN_SOURCES];
	struct sl_conn *entries;
	struct sl_conn_table *table;
	struct sl_worker_stats stats;
	struct sl_slow_backend backends[SL_SERVICE_IDS + 1];
	uint32_t retry[CAPACITY];
	struct sl_slowpath sp;
	struct sl_slow_verdict v;
};

static inline void hop_ready(const struct sl_services *s, const struct sl_addr *addr)
{
	struct sl_nexthop hop = { .state = SL_NEXTHOP_READY, .ifindex = 5, .mtu = 1500 };

	hop.mac[0] = 2;
	hop.mac[1] = 0xb0;
	hop.mac[5] = addr->bytes[addr->family == 4 ? 3 : 15];
	sl_egress_nexthop_changed(s, addr, &hop);
}

static inline int bench_up(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	static const uint64_t key[2] = { 3, 4 };
	struct sl_config_error error;
	const struct sl_services *s;
	uint32_t adopted, dropped;
	char err[256];

	port0 = (struct sl_port){ .mtu = 1500, .kernel_ifindex = 5 };
	memcpy(port0.mac, own, 6);
	memset(&card, 0, sizeof(card));
	card.caps = UINT32_MAX;
	if (sl_config_parse("t", config_text, sizeof(config_text) - 1, &b->config, &error))
		fail_msg("%s", error.text);
	b->services = sl_service_table_create(b->config, &(struct sl_service_table_ops){ 0 }, err, sizeof(err));
	assert_non_null(b->services);
	s = sl_services_current();
	sl_egress_configure(b->config);
	sl_egress_services_changed(s, NULL);
	for (uint32_t id = 1; id < SL_SERVICE_IDS; id++) {
		if (s->backend[id] && s->backend[id]->address.bytes[3] != 77)
			hop_ready(s, &s->backend[id]->address);
	}
	b->entries = calloc(1, sl_conn_memory_bytes(CAPACITY, NULL));
	sl_conn_sources_use(b->sources);
	b->table = sl_conn_table_create(b->entries, CAPACITY, key, &adopted, &dropped);
	assert_int_equal(sl_sources_open(b->sources, &b->config->node.fullnat, b->table), 0);
	b->sp = (struct sl_slowpath){ .table = b->table, .shards = 0xffff, .services = s, .now_ms = 1000000, .stats = &b->stats,
				      .backends = b->backends, .retry = b->retry, .fragments = sl_fragments_create(5),
				      .admission = sl_admission_create(SL_CONN_SHARDS),
				      .source_ports = sl_sources_create(b->table, &b->config->node.fullnat), .offload = card_submit, .capable = card_capable };
	b->sp.port[0] = (struct sl_slow_port){ .up = true, .vtep = { b->config->ports[0].vtep[0] } };
	memcpy(b->sp.port[0].mac, own, 6);
	*state = b;
	return 0;
}

static inline int bench_down(void **state)
{
	struct bench *b = *state;

	sl_egress_clear();
	sl_service_table_destroy(b->services);
	sl_conn_table_destroy(b->table);
	sl_fragments_destroy(b->sp.fragments);
	sl_admission_destroy(b->sp.admission);
	sl_sources_destroy(b->sp.source_ports);
	sl_config_free(b->config);
	free(b->entries);
	free(b);
	return 0;
}

/* ---- frames ----------------------------------------------------------------------------------------------------- */

static inline struct frame tcp(const char *vip, uint16_t sport, uint8_t flags)
{
	return make((struct spec){ .src = strchr(vip, ':') ? "2001:db8:9::1" : "10.9.0.1", .dst = vip, .sport = sport, .dport = 80,
				   .proto = 6, .flags = flags });
}

static inline const struct sl_slow_verdict *run(struct bench *b, const struct frame *f)
{
	sl_slowpath_run(&b->sp, f->b, f->len, 0, false, &b->v);
	return &b->v;
}

static inline void expect(struct bench *b, struct frame f, enum sl_slow_fate fate, enum sl_reason reason)
{
	const uint64_t before = b->stats.reason_packets[reason];

	run(b, &f);
	if (b->v.fate != fate || b->v.reason != reason)
		fail_msg("fate %u reason %s, wanted fate %u reason %s", b->v.fate, sl_reason_name(b->v.reason), fate,
			 sl_reason_name(reason));
	if (fate != SL_SLOW_HOLD)
		assert_int_equal(b->stats.reason_packets[reason], before + 1);
}

/* The frame that a FORWARD verdict makes, its innermost checksums verified. */
static inline struct frame sent(const struct bench *b, const struct frame *f)
{
	const struct sl_rewrite *r = &b->v.rewrite;
	struct frame out = { .len = r->head_len + (uint32_t)(r->payload_end - r->payload_off) };
	struct sl_headers h;
	const struct sl_packet *p;

	memcpy(out.b, r->head, r->head_len);
	memcpy(out.b + r->head_len, f->b + r->payload_off, (size_t)(r->payload_end - r->payload_off));
	assert_int_equal(sl_parse(sl_window_at(out.b), out.len, 0, SL_VXLAN_PORT, &h), 0);
	p = sl_headers_effective(&h);
	if (p->flags & SL_PACKET_L4)
		assert_int_equal(l4_sum(out.b + p->l3_off, (uint32_t)p->l3_end - p->l3_off), 0);
	return out;
}

/* What the backend of a connection of nat or fullnat sends. */
static inline struct frame from_backend(const struct bench *b, uint32_t index, uint8_t flags)
{
	char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN];
	struct sl_key key;

	sl_conn_reverse_key(b->table, index, &key);
	inet_ntop(key.family == 4 ? AF_INET : AF_INET6, key.src, src, sizeof(src));
	inet_ntop(key.family == 4 ? AF_INET : AF_INET6, key.dst, dst, sizeof(dst));
	return make((struct spec){ .src = src, .dst = dst, .sport = ntohs(key.sport), .dport = ntohs(key.dport), .proto = key.proto, .flags = flags });
}

/* With the backend's part in it where that comes by. */
static inline void handshake(struct bench *b, const char *vip, uint16_t sport)
{
	expect(b, tcp(vip, sport, SYN), SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	if (sl_conn_at(b->table, b->v.index)->nat)
		expect(b, from_backend(b, b->v.index, SYN | ACK), SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	expect(b, tcp(vip, sport, ACK), SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
}

#endif
