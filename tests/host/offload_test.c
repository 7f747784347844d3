/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Offload against a fake driver: what is concluded from refusals, the order of a connection's rules, shared next hops, a full table, and a device that disappears. The rte_flow
 * functions of this program stand before DPDK's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_flow.h>
#include <rte_mtr.h>
#include <unistd.h>
#include <urcu-qsbr.h>

#include "host/bond.h"
#include "host/classes.h"
#include "host/egress.h"
#include "host/flow_rule.h"
#include "host/offload.h"
#include "host/port.h"
#include "host/probe.h"
#include "host/refusal.h"
#include "host/returns.h"
#include "host/worker.h"
#include "tests/host/fake_driver.h"
#include "tests/host/four_services.h"

#define CAPACITY 64u

/* ---- the fake agent around it ----------------------------------------------------------------------------------- */

static struct sl_port port0 = { .mac = { 2, 0, 0, 0, 0, 1 }, .mtu = 1500, .kernel_ifindex = 5 };

/* The bond's second member: its own ethdev, all else the first one's. */
static struct sl_port port1 = { .index = 1, .port_id = 1, .mac = { 2, 0, 0, 0, 0, 1 }, .mtu = 1500, .kernel_ifindex = 5 };

static unsigned int port_count = 1;

unsigned int sl_port_count(void)
{
	return port_count;
}

struct sl_port *sl_port_at(unsigned int index)
{
	return index == 1 && port_count == 2 ? &port1 : &port0;
}

static struct sl_offload_result last;
static unsigned int answers;

bool sl_worker_offload_result(const struct sl_offload_result *result)
{
	last = *result;
	__atomic_add_fetch(&answers, 1, __ATOMIC_RELEASE);
	return true;
}

static void wait_answers(unsigned int n)
{
	rcu_thread_offline();
	for (unsigned int i = 0; i < 3000 && __atomic_load_n(&answers, __ATOMIC_ACQUIRE) < n; i++)
		usleep(1000);
	rcu_thread_online();
	assert_true(__atomic_load_n(&answers, __ATOMIC_ACQUIRE) >= n);
}

struct bench {
	struct sl_config *config;
	struct sl_service_table *services;
	void *entries;
	struct sl_conn_table *table;
};

static uint16_t route_mtu = 1500;

static void hop_set(uint8_t last_byte)
{
	const struct sl_addr target = { .family = 4, .bytes = { 10, 1, 0, 1 } };
	const struct sl_nexthop hop = { .state = SL_NEXTHOP_READY, .ifindex = 5, .mtu = route_mtu,
					.mac = { 2, 0, 0, 1, 0, last_byte } };

	sl_egress_nexthop_changed(sl_services_current(), &target, &hop);
}

static int bench_up(void **state)
{
	static const uint64_t key[2] = { 3, 4 };
	struct bench *b = calloc(1, sizeof(*b));
	struct sl_config_error error;
	uint32_t adopted, dropped;
	char err[256];

	memset(&driver, 0, sizeof(driver));
	memset(pool, 0, sizeof(pool));
	port0.gone = false;
	answers = 0;
	if (sl_config_parse("t", four_services, sizeof(four_services) - 1, &b->config, &error))
		fail_msg("%s", error.text);
	b->services = sl_service_table_create(b->config, &(struct sl_service_table_ops){ 0 }, err, sizeof(err));
	sl_egress_configure(b->config);
	sl_egress_services_changed(sl_services_current(), NULL);
	hop_set(1);
	b->entries = calloc(1, sl_conn_memory_bytes(CAPACITY, NULL));
	b->table = sl_conn_table_create(b->entries, CAPACITY, key, &adopted, &dropped);
	*state = b;
	return 0;
}

static int bench_down(void **state)
{
	struct bench *b = *state;

	sl_egress_clear();
	sl_service_table_destroy(b->services);
	sl_conn_table_destroy(b->table);
	sl_config_free(b->config);
	free(b->entries);
	free(b);
	return 0;
}

static uint32_t backend_of(const char *service)
{
	const struct sl_services *s = sl_services_current();

	for (unsigned int i = 0; i < s->service_count; i++) {
		if (!strcmp(s->services[i]->name, service))
			return s->services[i]->backends[0]->id;
	}
	fail_msg("no service %s", service);
	return 0;
}

static uint32_t conn_make(struct bench *b, const char *service, uint16_t sport)
{
	const bool nat = !strcmp(service, "nat");
	struct sl_conn_new c = { .key = { .src = { 10, 9, 0, 1 }, .dst = { 192, 0, 2, nat ? 2 : 1 }, .sport = htons(sport),
					  .dport = htons(80), .proto = 6, .family = 4 },
				 .backend_addr = { 10, 1, 0, 1 }, .backend_port = htons(8080), .backend_family = 4, .nat = nat,
				 .mode = nat ? SL_MODE_NAT : SL_MODE_DSR_L2, .backend_id = backend_of(service),
				 .state = SL_CONN_ESTABLISHED, .now_ms = 1 };
	uint32_t index;

	assert_int_equal(sl_conn_create(b->table, sl_conn_shard(b->table, c.key.src, c.key.sport, 0), &c, &index), 0);
	return index;
}

/* ---- probing ---------------------------------------------------------------------------------------------------- */

#define OTHER_DECAPS (SL_CAP_GENEVE_DECAP | SL_CAP_GRE_DECAP | SL_CAP_GUE_DECAP | SL_CAP_IPIP_DECAP)

static void test_probe(void **state)
{
	static const struct {
		enum rte_flow_action_type refuse;
		uint32_t without; /* of what is there otherwise */
	} rows[] = {
		{ RTE_FLOW_ACTION_TYPE_END, 0 },
		{ RTE_FLOW_ACTION_TYPE_SAMPLE, SL_CAP_COPY },
		{ RTE_FLOW_ACTION_TYPE_VXLAN_DECAP, SL_CAP_VXLAN_DECAP },
		{ RTE_FLOW_ACTION_TYPE_FLAG, OTHER_DECAPS },     /* the fake driver's own */
		{ RTE_FLOW_ACTION_TYPE_INDIRECT, SL_CAP_INDIRECT | SL_CAP_WAY },
		{ RTE_FLOW_ACTION_TYPE_SET_IPV6_DST, SL_CAP_NAT6 | SL_CAP_FULLNAT6 },
		{ RTE_FLOW_ACTION_TYPE_SET_IPV4_DST, SL_CAP_NAT4 | SL_CAP_FULLNAT4 },
		{ RTE_FLOW_ACTION_TYPE_SET_IPV4_SRC, SL_CAP_FULLNAT4 },
		/* A tunnel that would lose the ECN field is none. */
		{ RTE_FLOW_ACTION_TYPE_MODIFY_FIELD,
		  SL_CAP_IPIP | SL_CAP_VXLAN_ENCAP | SL_CAP_GRE | SL_CAP_GUE | SL_CAP_GENEVE },
		{ RTE_FLOW_ACTION_TYPE_JUMP, UINT32_MAX },       /* no classification: nothing */
		{ RTE_FLOW_ACTION_TYPE_RAW_ENCAP, UINT32_MAX },  /* no mode: nothing */
	};
	const uint32_t all = SL_CAP_L2 | SL_CAP_NAT4 | SL_CAP_NAT6 | SL_CAP_IPIP | SL_CAP_VXLAN_ENCAP | SL_CAP_VXLAN_DECAP |
			     SL_CAP_COPY | SL_CAP_INDIRECT | SL_CAP_IPV6 | SL_CAP_CLASSES | SL_CAP_GRE | SL_CAP_GUE |
			     SL_CAP_GENEVE | SL_CAP_WAY | OTHER_DECAPS | SL_CAP_FULLNAT4 | SL_CAP_FULLNAT6;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sl_offload_port_info info;

		driver.refuse = rows[i].refuse;
		sl_probe_port(0, 0, &info);
		assert_int_equal(info.caps, all & ~rows[i].without);
		assert_int_equal(driver.live, 0); /* samples are removed */
		assert_int_equal(driver.handles, 0);
		if (!rows[i].without) { /* full of what an earlier agent left: the samples have no room, and are understood */
			driver.fail = ENOSPC;
			sl_probe_port(0, 0, &info);
			assert_int_equal(info.caps, all);
			assert_string_equal(info.refusal, "");
			driver.fail = 0;
		}
		if (i && rows[i].refuse != RTE_FLOW_ACTION_TYPE_INDIRECT)
			assert_non_null(strstr(info.refusal, "the fake card cannot"));
	}
	/* Two timeouts are no refusal; a third is. */
	driver.refuse = RTE_FLOW_ACTION_TYPE_END;
	for (unsigned int timeouts = 2; timeouts <= 3; timeouts++) {
		struct sl_offload_port_info info;

		driver.timeouts = timeouts;
		sl_probe_port(0, 0, &info);
		assert_int_equal(info.caps, timeouts == 2 ? all : 0);
	}
	/* A driver without words for a tunnel; it is asked once a port. */
	driver.no_tunnel = RTE_FLOW_ITEM_TYPE_GRE;
	{
		struct sl_offload_port_info info;

		sl_probe_port(1, 1, &info);
		assert_int_equal(info.caps, all & ~(uint32_t)SL_CAP_GRE_DECAP);
		assert_string_equal(info.refusal,
				    "the driver has no words for gre tunnels: the fake card cannot open it (Operation not supported)");
	}
	driver.no_tunnel = RTE_FLOW_ITEM_TYPE_END;
}

/* ---- meters ----------------------------------------------------------------------------------------------------- */

static void test_probe_meters(void **state)
{
	static const struct {
		enum rte_flow_action_type refuse;
		uint32_t caps;
	} rows[] = {
		{ RTE_FLOW_ACTION_TYPE_END, SL_CAP_METER | SL_CAP_METER_MISS | SL_CAP_METER_COPY },
		{ RTE_FLOW_ACTION_TYPE_METER, 0 },
		{ RTE_FLOW_ACTION_TYPE_SET_TAG, SL_CAP_METER | SL_CAP_METER_COPY },
		{ RTE_FLOW_ACTION_TYPE_SAMPLE, SL_CAP_METER | SL_CAP_METER_MISS },
	};

	(void)state;
	driver.profile_of[1] = 1;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sl_offload_port_info info = { .caps = SL_CAP_COPY };

		driver.refuse = rows[i].refuse;
		sl_probe_meters(0, 0, 1, &info);
		assert_int_equal(info.caps & ~SL_CAP_COPY, rows[i].caps);
		assert_int_equal(driver.live, 0);
		assert_int_equal(!i, !info.meters_error[0]);
	}
}

/* Rules of group 0 of this kind in the card have this meter, and at least one is there. */
static void check_kind(unsigned int kind, uint32_t meter, uint32_t copy_meter, uint32_t tag)
{
	unsigned int seen = 0;

	for (unsigned int i = 0; i < driver.created; i++) {
		const struct rte_flow *f = &pool[i];

		if (f->gone || f->attr.group || f->attr.priority / 2 != kind)
			continue;
		seen++;
		assert_int_equal(f->meter, meter);
		assert_int_equal(f->copy_meter, copy_meter);
		assert_int_equal(f->tag, tag);
	}
	assert_true(seen);
}

static void check_catch_all(uint32_t tag, uint32_t meter)
{
	unsigned int seen = 0;

	for (unsigned int i = 0; i < driver.created; i++) {
		if (pool[i].gone || !pool[i].attr.group || !pool[i].attr.priority || pool[i].tag != tag)
			continue;
		seen++;
		assert_int_equal(pool[i].meter, meter);
	}
	assert_int_equal(seen, 1);
}

#define MTR(metered) (SL_METERED_##metered + 1)
#define CLASS_TAG(metered) (1u << 8 | MTR(metered))

static void agent_up(struct bench *b)
{
	char err[256];

	assert_int_equal(sl_offload_init(b->config, b->table, err, sizeof(err)), 0);
	assert_int_equal(sl_offload_start(err, sizeof(err)), 0);
}

static void agent_down(void)
{
	sl_offload_stop();
	sl_offload_fini();
	sl_classes_forget(0);
}

/* A request that comes back shows that what was asked for before is done. */
static void settle(struct bench *b)
{
	answers = 0;
	assert_true(sl_offload_submit(SL_OFFLOAD_QUERY, conn_make(b, "dsr", 60000), 0));
	wait_answers(1);
}

static void test_meters(void **state)
{
	struct bench *b = *state;
	struct sl_offload_port_info info;
	unsigned int rules;

	agent_up(b);
	check_kind(SL_CLASS_FRAGMENT, MTR(FRAGMENT), 0, 0);
	check_kind(SL_CLASS_TTL, MTR(TTL), 0, 0);
	check_kind(SL_CLASS_SYN, MTR(SYN), 0, 0);
	check_kind(SL_CLASS_FIN, 0, MTR(CLOSE), CLASS_TAG(CLOSE));
	check_kind(SL_CLASS_RST, 0, MTR(CLOSE), CLASS_TAG(CLOSE));
	check_kind(SL_CLASS_VIP, 0, 0, CLASS_TAG(VIP));
	check_kind(SL_CLASS_SOURCE, 0, 0, CLASS_TAG(SOURCE));
	check_kind(SL_CLASS_TUNNEL, 0, 0, CLASS_TAG(TUNNEL));
	check_kind(SL_CLASS_KERNEL, MTR(KERNEL), 0, 0);
	check_kind(SL_CLASS_GROUPCAST, MTR(KERNEL), 0, 0);
	check_catch_all(CLASS_TAG(CLOSE), MTR(CLOSE));
	check_catch_all(CLASS_TAG(VIP), MTR(VIP));
	check_catch_all(CLASS_TAG(SOURCE), MTR(SOURCE));
	check_catch_all(CLASS_TAG(TUNNEL), MTR(TUNNEL));
	assert_int_equal(driver.meters, SL_METERED_CLASSES);

	/* Another rate: the meter's profile is replaced, no rule is touched. */
	rules = driver.created + driver.destroyed;
	b->config->node.meters[SL_METERED_SYN] = (struct sl_config_meter){ 77, 32 };
	sl_meters_configure(b->config);
	sl_offload_configure();
	settle(b);
	sl_offload_port_info_get(0, &info);
	assert_int_equal(driver.cir[driver.profile_of[MTR(SYN)]], 77);
	assert_int_equal(info.meters[SL_METERED_SYN].rate_pps, 77);
	assert_true(info.meters[SL_METERED_SYN].made);
	assert_int_equal(driver.profile_updates, 1);
	assert_int_equal(driver.profiles, SL_METERED_CLASSES); /* the old one is gone */
	assert_int_equal(driver.created + driver.destroyed, rules);
	agent_down();
}

/* A driver that cannot meter, or not any more: the rules are made without, and it is said. */
/* A service with a rate of its own: its SYNs and its misses have its meter, in rules before those of its address. */
static void test_meter_of_service(void **state)
{
	struct sl_service *s = (struct sl_service *)(uintptr_t)sl_services_current()->services[1];
	const uint32_t tag = (s->id + 1) << 16 | 1u << 8, meter = SL_METERED_CLASSES + 1;
	struct bench *b = *state;
	const uint32_t conn = conn_make(b, "dsr", 60000);
	unsigned int own = 0;

	s->misses = (struct sl_config_meter){ 500, 50 };
	agent_up(b);
	for (unsigned int i = 0; i < driver.created; i++) {
		const struct rte_flow *f = &pool[i];

		if (f->attr.group || f->attr.priority % 2)
			continue;
		own++;
		assert_int_equal(f->attr.priority, 2 * (f->tag ? SL_CLASS_VIP : SL_CLASS_SYN));
		assert_int_equal(f->tag, f->tag ? tag : 0);
		assert_int_equal(f->meter, f->tag ? 0 : meter);
	}
	assert_int_equal(own, 2);
	check_catch_all(tag, meter);
	check_catch_all(CLASS_TAG(VIP), MTR(VIP));
	assert_int_equal(driver.meters, SL_METERED_CLASSES + 1);
	assert_int_equal(driver.cir[driver.profile_of[meter]], 500);

	/* Another rate, then none: nothing of it is left. */
	s->misses.rate_pps = 700;
	sl_offload_configure();
	answers = 0;
	assert_true(sl_offload_submit(SL_OFFLOAD_QUERY, conn, 0));
	wait_answers(1);
	assert_int_equal(driver.cir[driver.profile_of[meter]], 700);
	s->misses.rate_pps = 0;
	sl_offload_configure();
	answers = 0;
	assert_true(sl_offload_submit(SL_OFFLOAD_QUERY, conn, 0));
	wait_answers(1);
	own = 0;
	for (unsigned int i = 0; i < driver.created; i++)
		own += !pool[i].gone && (pool[i].tag == tag || pool[i].meter == meter);
	assert_int_equal(own, 0);
	assert_int_equal(driver.meters, SL_METERED_CLASSES);
	agent_down();
}

static void test_without_meters(void **state)
{
	struct bench *b = *state;
	struct sl_offload_port_info info;

	driver.no_meters = true;
	agent_up(b);
	sl_offload_port_info_get(0, &info);
	assert_int_equal(info.rules, 21); /* what is the kernel's needs no rule */
	assert_string_equal(info.rules_error, "");
	assert_non_null(strstr(info.meters_error, "the fake card has no meters"));
	assert_false(info.meters[SL_METERED_SYN].made);
	check_kind(SL_CLASS_SYN, 0, 0, 0);
	check_kind(SL_CLASS_VIP, 0, 0, 0);
	check_catch_all(0, 0);
	agent_down();
}

/* Rules of four ports would not fit a card's table with one for the SYNs to each VIP. */
static void test_many_rules(void **state)
{
	struct bench *b = *state;
	struct sl_offload_port_info info;

	driver.no_meters = true;
	port_count = 4;
	agent_up(b);
	sl_offload_port_info_get(0, &info);
	assert_int_equal(info.rules, 20); /* one less than above */
	for (unsigned int i = 1; i < port_count; i++)
		sl_classes_forget(i);
	agent_down();
	port_count = 1;
}

static void test_few_meters(void **state)
{
	struct bench *b = *state;
	struct sl_offload_port_info info;

	driver.meters_max = 3; /* SYN, VIP; then in the order of rules: fragments */
	agent_up(b);
	sl_offload_port_info_get(0, &info);
	check_kind(SL_CLASS_SYN, MTR(SYN), 0, 0);
	check_catch_all(CLASS_TAG(VIP), MTR(VIP));
	check_kind(SL_CLASS_FRAGMENT, MTR(FRAGMENT), 0, 0);
	check_kind(SL_CLASS_TTL, 0, 0, 0);
	check_kind(SL_CLASS_FIN, 0, 0, CLASS_TAG(CLOSE));
	check_catch_all(CLASS_TAG(CLOSE), 0);
	assert_false(info.meters[SL_METERED_TTL].made);
	assert_non_null(strstr(info.meters[SL_METERED_TTL].why, "no meter is left"));
	assert_int_equal(driver.profiles, 3);
	agent_down();
}

/* ---- connections ------------------------------------------------------------------------------------------------ */

/* Found in shared memory as being in hardware; the card still has it, and its counters went on to 50. */
static void test_adopted(void **state)
{
	struct bench *b = *state;
	const uint32_t dsr = conn_make(b, "dsr", 2), adopted = conn_make(b, "nat", 3);
	struct sl_offload_stats stats;
	char err[256];

	sl_conn_at(b->table, adopted)->offload = SL_CONN_HARDWARE;
	sl_conn_card_take(b->table, adopted)->packets = 70;
	sl_conn_rest_at(b->table, adopted)->reason = SL_REASON_PENDING; /* the last agent did not live to see its rules made */
	driver.hits = 50;
	assert_int_equal(sl_offload_init(b->config, b->table, err, sizeof(err)), 0);
	sl_offload_stats_get(&stats);
	assert_int_equal(stats.adopted_conns, 2);
	assert_int_equal(stats.adopted_rules, 1);
	assert_int_equal(sl_conn_rest_at(b->table, adopted)->reason, SL_REASON_OFFLOADED);
	assert_int_equal(sl_conn_card_at(b->table, adopted)->packets, 100); /* two directions of 50 */
	assert_int_equal(driver.live, 4 + 23 + 2); /* catch-alls, classification, the adopted one */
	assert_int_equal(driver.handles, 2);
	assert_false(sl_offload_refresh(adopted, 1)); /* nobody who would do it */
	assert_int_equal(sl_offload_start(err, sizeof(err)), 0);

	/* Fresh counters are in the entry when the wait is over; a connection in software has none to read. */
	driver.hits = 60;
	rcu_thread_offline();
	assert_true(sl_offload_refresh(adopted, 3000));
	assert_int_equal(sl_conn_card_at(b->table, adopted)->packets, 120);
	assert_true(sl_offload_refresh(dsr, 3000));
	rcu_thread_online();
	assert_null(sl_conn_card_at(b->table, dsr)); /* it was in no card */
	assert_true(sl_offload_submit(SL_OFFLOAD_REMOVE, adopted, 0)); /* its next hops are free for the next test */
	wait_answers(1);
	agent_down();
}

static void test_connections(void **state)
{
	struct bench *b = *state;
	const uint32_t first = conn_make(b, "nat", 1), second = conn_make(b, "nat", 2);
	unsigned int rules, handles;

	agent_up(b);
	assert_true(sl_offload_submit(SL_OFFLOAD_INSERT, first, 0));
	wait_answers(1);
	rules = driver.live;
	handles = driver.handles;

	/* The way back first; forward is removed first. */
	memset(driver.order, 0, sizeof(driver.order));
	assert_true(sl_offload_submit(SL_OFFLOAD_INSERT, second, 0));
	wait_answers(2);
	assert_int_equal(last.reason, SL_REASON_OFFLOADED);
	assert_string_equal(driver.order, "RF");
	assert_int_equal(driver.handles, handles); /* next hops are shared */
	assert_true(sl_offload_submit(SL_OFFLOAD_REMOVE, second, 0));
	wait_answers(3);
	assert_string_equal(driver.order, "RFfr");
	assert_int_equal(driver.live, rules);

	/* A next hop moves: one write, no rule is touched. */
	rules = driver.created;
	driver.updates = 0;
	hop_set(9);
	sl_offload_nexthops_changed();
	assert_true(sl_offload_submit(SL_OFFLOAD_QUERY, first, 0));
	wait_answers(4);
	assert_int_equal(driver.updates, 1);
	assert_int_equal(driver.created, rules);

	/* No rule can say the smaller MTU of a route: its connections leave the card, and come back with the port's. */
	route_mtu = 1400;
	hop_set(9);
	sl_offload_nexthops_changed();
	wait_answers(5);
	assert_int_equal(last.op, SL_OFFLOAD_LOST);
	assert_int_equal(last.reason, SL_REASON_INSERT_FAILED);
	route_mtu = 1500;
	hop_set(9);
	assert_true(sl_offload_submit(SL_OFFLOAD_INSERT, first, 0));
	wait_answers(6);
	assert_int_equal(last.reason, SL_REASON_OFFLOADED);
	assert_true(sl_offload_submit(SL_OFFLOAD_REMOVE, first, 0));
	wait_answers(7);
	agent_down();
}

/* A rule is in the card that the client's packets come by, and leads out by a port of it: else it would be called offloaded for nothing. */
static void test_two_cards(void **state)
{
	struct bench *b = *state;
	const uint32_t dsr = conn_make(b, "dsr", 2), other = conn_make(b, "dsr", 3);
	struct sl_offload_stats stats;
	char words[200];

	port_count = 2;
	driver.no_meters = true; /* the fake has one card's */
	agent_up(b);
	assert_true(sl_offload_submit(SL_OFFLOAD_INSERT, dsr, 1));
	wait_answers(1);
	assert_int_equal(last.reason, SL_REASON_NO_CARD);
	sl_refusal_get(dsr, words, sizeof(words));
	assert_non_null(strstr(words, "come by another card"));
	assert_true(sl_offload_submit(SL_OFFLOAD_INSERT, dsr, 0));
	assert_true(sl_offload_submit(SL_OFFLOAD_INSERT, other, SL_OFFLOAD_ANY_PORT));
	wait_answers(3);
	sl_offload_stats_get(&stats);
	assert_int_equal(stats.hardware, 2);
	assert_true(sl_offload_submit(SL_OFFLOAD_REMOVE, dsr, 0)); /* its next hops are free for the next test */
	assert_true(sl_offload_submit(SL_OFFLOAD_REMOVE, other, 0));
	wait_answers(5);
	agent_down();
	port_count = 1;
}

static void test_refused(void **state)
{
	struct bench *b = *state;
	const uint32_t nat = conn_make(b, "nat", 1), dsr = conn_make(b, "dsr", 2);
	struct sl_offload_stats stats;
	unsigned int destroyed;
	char words[200];

	/* A full card and a refusing one. */
	agent_up(b);
	assert_true(sl_offload_submit(SL_OFFLOAD_INSERT, nat, 0));
	wait_answers(1);
	driver.fail = ENOSPC;
	assert_true(sl_offload_submit(SL_OFFLOAD_INSERT, dsr, 0));
	wait_answers(2);
	assert_int_equal(last.reason, SL_REASON_TABLE_FULL);
	driver.fail = EINVAL;
	assert_true(sl_offload_submit(SL_OFFLOAD_INSERT, dsr, 0));
	wait_answers(3);
	assert_int_equal(last.reason, SL_REASON_INSERT_FAILED);
	sl_refusal_get(dsr, words, sizeof(words));
	assert_non_null(strstr(words, "the fake card cannot"));
	driver.fail = 0;

	/* Without its classification rule no packet would come to it. */
	sl_classes_forget(0);
	assert_true(sl_offload_submit(SL_OFFLOAD_INSERT, dsr, 0));
	wait_answers(4);
	assert_int_equal(last.reason, SL_REASON_INSERT_FAILED);
	sl_refusal_get(dsr, words, sizeof(words));
	assert_non_null(strstr(words, "no classification rule"));

	/* The device is pulled: its connections are told, nothing is called for them. */
	sl_offload_stats_get(&stats);
	assert_int_equal(stats.hardware, 1);
	destroyed = driver.destroyed;
	port0.gone = true;
	assert_true(sl_offload_submit(SL_OFFLOAD_INSERT, dsr, 0));
	wait_answers(6); /* one for this request, one for the connection that was in the card */
	sl_offload_stats_get(&stats);
	assert_int_equal(stats.hardware, 0);
	assert_int_equal(driver.destroyed, destroyed);
	assert_int_equal(sl_offload_capable(), 0);
	assert_int_equal(last.reason, SL_REASON_NO_CARD);
	agent_down();
}

static void wait_rules(unsigned int n)
{
	rcu_thread_offline();
	for (unsigned int i = 0; i < 3000 && __atomic_load_n(&driver.live, __ATOMIC_RELAXED) != n; i++)
		usleep(1000);
	rcu_thread_online();
	assert_int_equal(driver.live, n);
}

/* A card that does not answer: nobody is told that a rule is gone before it is. */
static void test_unconfirmed(void **state)
{
	struct bench *b = *state;
	const uint32_t conn = conn_make(b, "nat", 1);
	struct sl_offload_stats stats;
	unsigned int rules;
	char err[256];

	agent_up(b);
	rules = driver.live;
	assert_true(sl_offload_submit(SL_OFFLOAD_INSERT, conn, 0));
	wait_answers(1);
	driver.fail_destroy = ETIMEDOUT;
	assert_true(sl_offload_submit(SL_OFFLOAD_REMOVE, conn, 0));
	assert_true(sl_offload_submit(SL_OFFLOAD_QUERY, conn, 0));
	wait_answers(2);
	assert_int_equal(last.op, SL_OFFLOAD_QUERY); /* not that it is removed */
	sl_offload_stats_get(&stats);
	assert_int_equal(stats.unconfirmed, 1);
	driver.fail_destroy = 0;
	wait_answers(3);
	assert_int_equal(last.op, SL_OFFLOAD_REMOVE);
	assert_int_equal(driver.live, rules);

	/* The way back is in the card, the way forward not, and the first cannot be taken back for a while. */
	driver.fail_forward = driver.fail_destroy = ETIMEDOUT;
	assert_true(sl_offload_submit(SL_OFFLOAD_INSERT, conn, 0));
	assert_true(sl_offload_submit(SL_OFFLOAD_QUERY, conn, 0));
	wait_answers(4);
	assert_int_equal(last.op, SL_OFFLOAD_QUERY);
	driver.fail_forward = driver.fail_destroy = 0;
	wait_answers(5);
	assert_int_equal(last.op, SL_OFFLOAD_INSERT);
	assert_int_equal(last.reason, SL_REASON_INSERT_FAILED);
	assert_int_equal(driver.live, rules);
	assert_true(sl_offload_submit(SL_OFFLOAD_INSERT, conn, 0));
	wait_answers(6);
	assert_int_equal(last.reason, SL_REASON_OFFLOADED);
	sl_offload_stats_get(&stats);
	assert_int_equal(stats.unconfirmed, 0);

	/* A classification rule whose removal is not confirmed is removed later. */
	b->config->service_count--; /* the tunnel's service, and the tenant's rules with it */
	assert_int_equal(sl_service_table_apply(b->services, b->config, err, sizeof(err)), 0);
	sl_service_table_sweep(b->services);
	sl_service_table_sweep(b->services);
	driver.fail_destroy = ETIMEDOUT;
	rules = driver.live;
	sl_offload_configure();
	settle(b);
	assert_int_equal(driver.live, rules);
	driver.fail_destroy = 0;
	wait_rules(rules - 5);
	b->config->service_count++;
	answers = 6;
	assert_true(sl_offload_submit(SL_OFFLOAD_REMOVE, conn, 0)); /* its next hops are free for the next test */
	wait_answers(7);
	agent_down();
}

static unsigned int rules_of_kind(enum sl_class_kind kind)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < driver.created; i++)
		n += !pool[i].gone && !pool[i].attr.group && pool[i].attr.priority / 2 == (uint32_t)kind;
	return n;
}

static void services_are(struct bench *b, bool with_nat)
{
	struct sl_config config = *b->config;
	char err[256];

	config.services += !with_nat; /* it is the first */
	config.service_count -= !with_nat;
	assert_int_equal(sl_service_table_apply(b->services, &config, err, sizeof(err)), 0);
	sl_service_table_sweep(b->services);
	sl_service_table_sweep(b->services);
}

/* A card that hangs while rules change: they are put in place when it answers again, and whoever waits for a grace period, as
 * the control thread does with every snapshot, waits for no card. */
static void test_hanging_card(void **state)
{
	struct bench *b = *state;
	struct timespec begin, end;

	services_are(b, false);
	agent_up(b);
	assert_int_equal(rules_of_kind(SL_CLASS_SOURCE), 0);
	driver.fail_catch_all = ETIMEDOUT;
	services_are(b, true);
	sl_offload_configure();
	settle(b);
	assert_int_equal(rules_of_kind(SL_CLASS_SOURCE), 0);
	driver.fail_catch_all = 0;
	rcu_thread_offline();
	for (unsigned int i = 0; i < 3000 && !rules_of_kind(SL_CLASS_SOURCE); i++)
		usleep(1000);
	rcu_thread_online();
	assert_int_equal(rules_of_kind(SL_CLASS_SOURCE), 1);

	driver.slow_us = 500000;
	hop_set(7);
	services_are(b, false);
	sl_offload_configure();
	sl_offload_nexthops_changed();
	usleep(50000);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	synchronize_rcu();
	clock_gettime(CLOCK_MONOTONIC, &end);
	assert_true((end.tv_sec - begin.tv_sec) * 1000 + (end.tv_nsec - begin.tv_nsec) / 1000000 < 300);
	driver.slow_us = 0;
	agent_down();
}

/* What is said of the client's address by the routes: who its next hop is, and of what MAC. */
static bool way_by(uint8_t client, uint8_t neighbour, uint8_t mac)
{
	const struct sl_addr addr = { .family = 4, .bytes = { 10, 9, 0, client } };
	const struct sl_nexthop hop = { .state = SL_NEXTHOP_READY, .ifindex = 5, .mac = { 2, 0, 0, 9, 0, mac },
					.gateway = { .family = 4, .bytes = { 10, 9, 0, neighbour } } };

	return sl_returns_nexthop_changed(&addr, &hop);
}

static bool way_is(uint8_t client, uint8_t mac)
{
	return way_by(client, 254, mac);
}

static void no_news(void *ctx, const struct sl_addr *addr, const struct sl_nexthop *nexthop)
{
	(void)ctx, (void)addr, (void)nexthop;
}

/* The next hop towards clients gets another MAC: one write moves all ways back. One that the routes never confirmed stays. */
static void test_way_back_moves(void **state)
{
	struct bench *b = *state;
	const uint32_t first = conn_make(b, "nat", 1), second = conn_make(b, "nat", 2), apart = conn_make(b, "nat", 3);
	static const uint8_t x[6] = { 2, 0, 0, 9, 0, 1 }, y[6] = { 2, 0, 0, 9, 0, 2 }, z[6] = { 2, 0, 0, 9, 0, 3 };
	struct sl_nexthops *nexthops;
	unsigned int created;
	uv_loop_t loop;
	char err[256];

	uv_loop_init(&loop);
	nexthops = sl_nexthops_create(&loop, 16, no_news, NULL, err, sizeof(err));
	assert_non_null(nexthops);
	memcpy(sl_conn_nat_at(b->table, first)->last_hop, x, 6);
	memcpy(sl_conn_nat_at(b->table, second)->last_hop, x, 6);
	((uint8_t *)&sl_conn_at(b->table, apart)->addresses)[3] = 7;
	memcpy(sl_conn_nat_at(b->table, apart)->last_hop, z, 6);
	agent_up(b);
	assert_true(sl_offload_submit(SL_OFFLOAD_INSERT, first, 0));
	assert_true(sl_offload_submit(SL_OFFLOAD_INSERT, second, 0));
	assert_true(sl_offload_submit(SL_OFFLOAD_INSERT, apart, 0));
	wait_answers(3);
	assert_false(sl_returns_sync(nexthops));
	assert_false(way_is(1, 1)); /* as the packets came */
	assert_false(way_by(1, 253, 2)); /* a route by another gateway: of other clients of the way it says nothing */
	assert_false(way_is(1, 1));
	assert_false(way_is(7, 9)); /* packets go another way than they come */
	assert_true(way_is(1, 2));
	assert_false(way_is(7, 8));
	created = driver.created;
	driver.updates = 0;
	sl_offload_nexthops_changed();
	assert_true(sl_offload_submit(SL_OFFLOAD_QUERY, first, 0));
	wait_answers(4);
	assert_int_equal(driver.updates, 1);
	assert_int_equal(driver.created, created);
	assert_memory_equal(sl_conn_nat_at(b->table, first)->last_hop, y, 6);
	assert_memory_equal(sl_conn_nat_at(b->table, second)->last_hop, y, 6);
	assert_memory_equal(sl_conn_nat_at(b->table, apart)->last_hop, z, 6);
	/* A connection whose packets come from the new MAC shares the way. */
	assert_true(sl_offload_submit(SL_OFFLOAD_REMOVE, second, 0));
	assert_true(sl_offload_submit(SL_OFFLOAD_INSERT, second, 0));
	wait_answers(6);
	for (unsigned int i = 0; i < 3; i++)
		assert_true(sl_offload_submit(SL_OFFLOAD_REMOVE, i == 0 ? first : i == 1 ? second : apart, 0));
	wait_answers(9);
	assert_int_equal(driver.handles, 0);
	assert_false(sl_returns_sync(nexthops)); /* the watches end */
	assert_false(way_is(1, 5));
	agent_down();
	sl_nexthops_destroy(nexthops);
	uv_run(&loop, UV_RUN_NOWAIT);
	uv_loop_close(&loop);
}

/* A client that is its own next hop moves, and its connections with it; not while another client has the same MAC. */
static void test_way_back_of_neighbours(void **state)
{
	struct bench *b = *state;
	const uint32_t first = conn_make(b, "nat", 1), other = conn_make(b, "nat", 2);
	static const uint8_t x[6] = { 2, 0, 0, 9, 0, 1 };
	struct sl_nexthops *nexthops;
	uv_loop_t loop;
	char err[256];

	uv_loop_init(&loop);
	nexthops = sl_nexthops_create(&loop, 16, no_news, NULL, err, sizeof(err));
	assert_non_null(nexthops);
	((uint8_t *)&sl_conn_at(b->table, other)->addresses)[3] = 8;
	memcpy(sl_conn_nat_at(b->table, first)->last_hop, x, 6);
	memcpy(sl_conn_nat_at(b->table, other)->last_hop, x, 6);
	agent_up(b);
	assert_true(sl_offload_submit(SL_OFFLOAD_INSERT, first, 0));
	wait_answers(1);
	sl_returns_sync(nexthops);
	assert_false(way_by(1, 1, 1));
	assert_true(way_by(1, 1, 2));
	sl_offload_nexthops_changed();
	memcpy(sl_conn_nat_at(b->table, other)->last_hop, (const uint8_t[6]){ 2, 0, 0, 9, 0, 2 }, 6);
	assert_true(sl_offload_submit(SL_OFFLOAD_INSERT, other, 0));
	wait_answers(2);
	assert_false(way_by(1, 1, 2));
	assert_false(way_by(1, 1, 3)); /* the other one need not have moved */
	assert_true(sl_offload_submit(SL_OFFLOAD_REMOVE, first, 0));
	assert_true(sl_offload_submit(SL_OFFLOAD_REMOVE, other, 0));
	wait_answers(4);
	sl_returns_sync(nexthops);
	agent_down();
	sl_nexthops_destroy(nexthops);
	uv_run(&loop, UV_RUN_NOWAIT);
	uv_loop_close(&loop);
}

/* The links of a bond's members are such from now on, and the offload thread has followed. */
static void links_are(bool first, bool second, uint64_t now_ms, uint32_t index)
{
	const unsigned int before = answers;

	sl_bond_link(0, first, now_ms);
	sl_bond_link(1, second, now_ms);
	if (sl_bond_settle(now_ms))
		sl_offload_bonds_changed();
	for (unsigned int i = 1; i <= 2; i++) { /* the first may have been under way already */
		assert_true(sl_offload_submit(SL_OFFLOAD_QUERY, index, 0));
		wait_answers(before + i);
	}
}

/* A bond's link goes down and comes back: one update moves all rules; without that, they are made again by the other port. */
static void test_bond(void **state)
{
	static const char text[] = "ports: [{name: b, kernel: {interface: sl0}, bond: {up_delay_ms: 0, "
				   "members: [{name: p0, device: d0}, {name: p1, device: d1}]}}]\n";
	struct bench *b = *state;
	const uint32_t index = conn_make(b, "nat", 1);
	struct sl_config *config;
	struct sl_config_error error;

	assert_int_equal(sl_config_parse("t", text, sizeof(text) - 1, &config, &error), 0);
	for (unsigned int without = 0; without < 2; without++) {
		unsigned int created;

		sl_bond_configure(config);
		port_count = 2;
		memset(&driver, 0, sizeof(driver));
		driver.no_ways = without;
		driver.no_meters = true;
		answers = 0;
		sl_bond_link(0, true, 0);
		sl_bond_link(1, true, 0);
		sl_bond_settle(0);
		agent_up(b);
		assert_true(sl_offload_submit(SL_OFFLOAD_INSERT, index, 0));
		wait_answers(1);
		assert_int_equal(last.reason, SL_REASON_OFFLOADED);
		assert_int_equal(pool[driver.created - 1].out, without ? 0 : UINT16_MAX);
		for (unsigned int up = 0; up < 2; up++) {
			created = driver.created;
			driver.updates = 0;
			links_are(up, true, 10 + up, index);
			assert_int_equal(driver.created, created + (without ? 2 : 0));
			assert_int_equal(driver.updates, without ? 0 : 2); /* two homes that active-backup leaves by one member */
			if (without)
				assert_int_equal(pool[driver.created - 1].out, !up);
			else
				assert_int_equal(driver.updated_to, !up);
		}
		assert_true(sl_offload_submit(SL_OFFLOAD_REMOVE, index, 0));
		wait_answers(6);
		agent_down();
	}
	port_count = 1;
	sl_bond_configure(b->config);
	sl_config_free(config);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, bench_up, bench_down)
	const struct CMUnitTest tests[] = {
		T(test_probe), T(test_probe_meters), T(test_meters),
		T(test_meter_of_service), T(test_without_meters), T(test_many_rules), T(test_few_meters), T(test_adopted),
		T(test_connections), T(test_unconfirmed), T(test_hanging_card), T(test_way_back_moves),
		T(test_way_back_of_neighbours), T(test_refused), T(test_two_cards), T(test_bond),
	};
	char prefix[64], *argv[] = { (char *)"offload_test", (char *)"--no-huge", (char *)"--no-shconf", (char *)"--no-pci",
				     (char *)"--no-telemetry", (char *)"-m", (char *)"64", (char *)"--lcores=0@(0)", prefix };
	int rc;

	snprintf(prefix, sizeof(prefix), "--file-prefix=sltest%ld", (long)getpid());
	if (rte_eal_init(sizeof(argv) / sizeof(argv[0]), argv) < 0)
		return 1;
	rcu_register_thread();
	rc = cmocka_run_group_tests_name("offload", tests, NULL, NULL);
	rcu_unregister_thread();
	rte_eal_cleanup();
	return rc;
}
