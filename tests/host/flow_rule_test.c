/* SPDX-License-Identifier: BSD-3-Clause */
/* Which classification rules a configuration wants, and what they say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <rte_flow.h>
#include <urcu-qsbr.h>

#include "host/flow_rule.h"
#include "tests/host/four_services.h"

struct bench {
	struct sl_config *config;
	struct sl_service_table *services;
};

static int bench_up(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	struct sl_config_error error;
	char err[256];

	if (sl_config_parse("t", four_services, sizeof(four_services) - 1, &b->config, &error))
		fail_msg("%s", error.text);
	b->services = sl_service_table_create(b->config, &(struct sl_service_table_ops){ 0 }, err, sizeof(err));
	*state = b;
	return 0;
}

static int bench_down(void **state)
{
	struct bench *b = *state;

	sl_service_table_destroy(b->services);
	sl_config_free(b->config);
	free(b);
	return 0;
}

static void test_wanted(void **state)
{
	struct bench *b = *state;
	struct sl_class out[64];
	const unsigned int n = sl_class_wanted(sl_services_current(), 0, b->config->ports[0].vtep, 1, true, false, out, 64);
	unsigned int kinds[SL_CLASS_KINDS] = { 0 };

	/* Three tenants, each in one family: fragments, TTL, FIN, RST for each; SYNs to two VIPs of the default tenant,
	 * one of red, and of all in the tunnel; the VIPs; one NAT source; one tunnel; what is left for the kernel. */
	for (unsigned int i = 0; i < n; i++) {
		kinds[out[i].kind]++;
		assert_true(i == 0 || out[i].kind >= out[i - 1].kind);
	}
	for (unsigned int kind = SL_CLASS_FRAGMENT; kind <= SL_CLASS_RST; kind++)
		assert_int_equal(kinds[kind], kind == SL_CLASS_SYN ? 4 : 3);
	assert_int_equal(kinds[SL_CLASS_VIP], 3);
	assert_int_equal(kinds[SL_CLASS_SOURCE], 1);
	assert_int_equal(kinds[SL_CLASS_TUNNEL], 1);
	assert_int_equal(kinds[SL_CLASS_KERNEL], 1);
	assert_int_equal(kinds[SL_CLASS_GROUPCAST], 1);
	/* With many rules one for SYNs to all addresses of each tenant and family has to do. */
	assert_int_equal(sl_class_wanted(sl_services_current(), 0, b->config->ports[0].vtep, 1, false, false, out, 64), n - 1);
	for (unsigned int i = 0; i < n - 1; i++)
		assert_false(out[i].kind == SL_CLASS_SYN && out[i].addr.family);
	/* No room: the number wanted is told. */
	assert_true(sl_class_wanted(sl_services_current(), 0, b->config->ports[0].vtep, 1, true, false, out, 4) >= n);
}

/* With pass, ICMP of nat backends has rules of its own, of the address and the protocol. */
static void test_wanted_pass(void **state)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 };
	struct bench *b = *state;
	struct sl_class out[64], icmp[64];
	const struct rte_flow_item_ipv4 *spec = NULL, *mask = NULL;
	const unsigned int n = sl_class_wanted(sl_services_current(), 0, b->config->ports[0].vtep, 1, true, false, out, 64);
	unsigned int found = 0;
	struct sl_flow_rule rule;

	assert_int_equal(sl_class_wanted(sl_services_current(), 0, b->config->ports[0].vtep, 1, true, true, icmp, 64), n + 1);
	for (unsigned int i = 0; i < n + 1; i++) {
		if (icmp[i].kind != SL_CLASS_SOURCE || icmp[i].proto != IPPROTO_ICMP)
			continue;
		found++;
		sl_flow_rule_class(&rule, &icmp[i], mac, 0, &(struct sl_class_how){ 0 });
	}
	assert_int_equal(found, 1);
	for (const struct rte_flow_item *item = rule.pattern; item->type != RTE_FLOW_ITEM_TYPE_END; item++) {
		assert_true(item->type != RTE_FLOW_ITEM_TYPE_TCP && item->type != RTE_FLOW_ITEM_TYPE_UDP);
		if (item->type == RTE_FLOW_ITEM_TYPE_IPV4) {
			spec = item->spec;
			mask = item->mask;
		}
	}
	assert_non_null(spec);
	assert_int_equal(spec->hdr.next_proto_id, IPPROTO_ICMP);
	assert_int_equal(mask->hdr.next_proto_id, 0xff);
	assert_int_equal(mask->hdr.src_addr, UINT32_MAX);
	assert_int_equal(mask->hdr.dst_addr, 0);
}

static void test_class_rules(void **state)
{
#define VXLAN .tunnel = SL_MODE_VXLAN, .network = true
	static const struct rte_flow_item driver_item = { .type = RTE_FLOW_ITEM_TYPE_MARK }; /* the driver's: any two words */
	static const struct rte_flow_action driver_action = { .type = RTE_FLOW_ACTION_TYPE_FLAG };
	static const struct sl_tunnel_words words = { &driver_item, &driver_action, 1, 1 };
	static const uint32_t meter = 3;
	static const struct {
		struct sl_class want;
		struct sl_class_how how;
		const char *items; /* one letter each: P represented_port E eth V vlan 4 6 T tcp U udp X vxlan G geneve R gre K gre_key
				    * W the driver's */
		const char *acts;  /* m mark M meter h host d decap D the driver's s set_meta t set_tag c sample j jump */
	} rows[] = {
		{ { .kind = SL_CLASS_SYN, .family = 4 }, { .copy = true }, "PE4T", "mh" },
		{ { .kind = SL_CLASS_FIN, .family = 6 }, { .copy = true }, "PE6T", "scj" },
		{ { .kind = SL_CLASS_FIN, .family = 6 }, { 0 }, "PE6T", "mh" },
		{ { .kind = SL_CLASS_TTL, .family = 4, .vlan = 12 }, { .copy = true }, "PEV4", "mh" },
		{ { .kind = SL_CLASS_VIP, .family = 4 }, { .copy = true }, "PE4", "sj" },
		{ { .kind = SL_CLASS_VIP, .family = 6, .vlan = 12, .inner_vlan = 13 }, { .copy = true }, "PEVV6", "sj" },
		{ { .kind = SL_CLASS_SOURCE, .family = 4, .proto = 17 }, { .copy = true }, "PE4U", "sj" },
		{ { .kind = SL_CLASS_TUNNEL, .vtep.family = 4, VXLAN }, { .copy = true }, "PE4UXE", "dsj" },
		{ { .kind = SL_CLASS_RST, .family = 6, .vtep.family = 4, VXLAN }, { .copy = true }, "PE4UXE6T", "dscj" },
		{ { .kind = SL_CLASS_TUNNEL, .vtep.family = 6, .tunnel = SL_MODE_GENEVE, .network = true }, { .tunnel = &words },
		  "PE6UG", "Dsj" },
		{ { .kind = SL_CLASS_SYN, .family = 4, .vtep.family = 4, .tunnel = SL_MODE_GENEVE, .network = true },
		  { .tunnel = &words }, "PE4UG4T", "mh" },
		{ { .kind = SL_CLASS_TUNNEL, .vtep.family = 4, .tunnel = SL_MODE_GRE }, { .tunnel = &words }, "PE4R", "Dsj" },
		{ { .kind = SL_CLASS_FIN, .family = 6, .vtep.family = 4, .tunnel = SL_MODE_GRE, .network = true },
		  { .tunnel = &words, .copy = true }, "PE4RK6T", "Dscj" },
		{ { .kind = SL_CLASS_TUNNEL, .vtep.family = 4, .tunnel = SL_MODE_GUE }, { .tunnel = &words }, "WPE4U", "Dsj" },
		{ { .kind = SL_CLASS_TTL, .family = 4, .vtep.family = 6, .tunnel = SL_MODE_GUE }, { .tunnel = &words }, "WPE6U4",
		  "mh" },
		{ { .kind = SL_CLASS_TUNNEL, .vtep.family = 4, .tunnel = SL_MODE_IPIP }, { .tunnel = &words }, "WPE4", "Dsj" },
		{ { .kind = SL_CLASS_RST, .family = 6, .vtep.family = 4, .tunnel = SL_MODE_IPIP }, { .tunnel = &words }, "WPE46T", "mh" },
		{ { .kind = SL_CLASS_SYN, .family = 4 }, { .mtr_id = &meter }, "PE4T", "mMh" },
		{ { .kind = SL_CLASS_VIP, .family = 4 }, { .mtr_id = &meter, .tag = 5 }, "PE4", "stj" },
		{ { .kind = SL_CLASS_RST, .family = 4 }, { .mtr_id = &meter, .tag = 5, .copy = true }, "PE4T", "stcj" },
		{ { .kind = SL_CLASS_VIP, .family = 4, .service = 1, .proto = 6, .port_lo = 80, .port_hi = 80 }, { 0 }, "PE4T", "sj" },
		{ { .kind = SL_CLASS_VIP, .family = 6, .service = 1, .proto = 17, .port_hi = 65535 }, { 0 }, "PE6U", "sj" },
		{ { .kind = SL_CLASS_SYN, .family = 4, .service = 1, .proto = 6, .port_lo = 80, .port_hi = 90 }, { 0 }, "PE4T", "mh" },
		{ { .kind = SL_CLASS_KERNEL }, { .mtr_id = &meter }, "PE", "Mh" },
		{ { .kind = SL_CLASS_GROUPCAST }, { .mtr_id = &meter }, "PE", "Mh" },
	};
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sl_flow_rule r;
		char items[16] = "", acts[16] = "";

		sl_flow_rule_class(&r, &rows[i].want, mac, 3, &rows[i].how);
		for (unsigned int n = 0; n < r.items; n++) {
			static const struct { enum rte_flow_item_type type; char letter; } letters[] = {
				{ RTE_FLOW_ITEM_TYPE_REPRESENTED_PORT, 'P' }, { RTE_FLOW_ITEM_TYPE_ETH, 'E' },
				{ RTE_FLOW_ITEM_TYPE_VLAN, 'V' }, { RTE_FLOW_ITEM_TYPE_IPV4, '4' }, { RTE_FLOW_ITEM_TYPE_IPV6, '6' },
				{ RTE_FLOW_ITEM_TYPE_TCP, 'T' }, { RTE_FLOW_ITEM_TYPE_UDP, 'U' }, { RTE_FLOW_ITEM_TYPE_VXLAN, 'X' },
				{ RTE_FLOW_ITEM_TYPE_GENEVE, 'G' }, { RTE_FLOW_ITEM_TYPE_GRE, 'R' }, { RTE_FLOW_ITEM_TYPE_GRE_KEY, 'K' },
				{ RTE_FLOW_ITEM_TYPE_MARK, 'W' } };

			for (size_t l = 0; l < sizeof(letters) / sizeof(letters[0]); l++) {
				if (letters[l].type == r.pattern[n].type)
					items[n] = letters[l].letter;
			}
		}
		for (unsigned int n = 0; n < r.acts; n++) {
			static const struct { enum rte_flow_action_type type; char letter; } letters[] = {
				{ RTE_FLOW_ACTION_TYPE_MARK, 'm' }, { RTE_FLOW_ACTION_TYPE_PORT_REPRESENTOR, 'h' },
				{ RTE_FLOW_ACTION_TYPE_VXLAN_DECAP, 'd' }, { RTE_FLOW_ACTION_TYPE_SET_META, 's' },
				{ RTE_FLOW_ACTION_TYPE_SAMPLE, 'c' }, { RTE_FLOW_ACTION_TYPE_JUMP, 'j' },
				{ RTE_FLOW_ACTION_TYPE_METER, 'M' }, { RTE_FLOW_ACTION_TYPE_SET_TAG, 't' },
				{ RTE_FLOW_ACTION_TYPE_FLAG, 'D' } };

			for (size_t l = 0; l < sizeof(letters) / sizeof(letters[0]); l++) {
				if (letters[l].type == r.actions[n].type)
					acts[n] = letters[l].letter;
			}
		}
		assert_string_equal(items, rows[i].items);
		assert_string_equal(acts, rows[i].acts);
		assert_int_equal(r.attr.group, 0);
		assert_int_equal(r.attr.priority, 2 * rows[i].want.kind + (rows[i].want.service ? 0 : 1));
		assert_int_equal(r.pattern[r.items].type, RTE_FLOW_ITEM_TYPE_END);
	}
}

/* A tenant's packets arrive in the tunnels that it trusts: each of these has its rules, with the network that is meant. */
static void test_tunnel_sources(void **state)
{
	static const struct {
		const char *source; /* of the tenant blue */
		uint8_t tunnel;
		bool network;
		uint32_t vni;
	} rows[] = {
		{ "10.0.0.9", SL_MODE_VXLAN, true, 500 },
		{ "{address: 10.0.0.9, tunnel: geneve}", SL_MODE_GENEVE, true, 500 },
		{ "10.0.0.8, {address: 10.0.0.9, tunnel: gre}", SL_MODE_GRE, false, 0 },
		{ "10.0.0.8, {address: 10.0.0.9, tunnel: gre, key: 7}", SL_MODE_GRE, true, 7 },
		{ "10.0.0.8, {address: 10.0.0.9, tunnel: gue}", SL_MODE_GUE, false, 0 },
		{ "10.0.0.8, {address: 10.0.0.9, tunnel: ipip}", SL_MODE_IPIP, false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *at = strstr(four_services, "[10.0.0.9]");
		char text[2048], err[256];
		struct sl_service_table *services;
		struct sl_config_error error;
		struct sl_config *config;
		struct sl_class out[64];
		unsigned int n, found = 0;

		snprintf(text, sizeof(text), "%.*s[%s]%s", (int)(at - four_services), four_services, rows[i].source,
			 at + strlen("[10.0.0.9]"));
		if (sl_config_parse("t", text, strlen(text), &config, &error))
			fail_msg("%s", error.text);
		services = sl_service_table_create(config, &(struct sl_service_table_ops){ 0 }, err, sizeof(err));
		n = sl_class_wanted(sl_services_current(), 0, config->ports[0].vtep, 1, true, false, out, 64);
		for (unsigned int c = 0; c < n; c++) {
			if (!out[c].vtep.family || out[c].peer.bytes[3] != 9)
				continue;
			assert_int_equal(out[c].tunnel, rows[i].tunnel);
			assert_int_equal(out[c].network, rows[i].network);
			assert_int_equal(out[c].vni, rows[i].vni);
			found++;
		}
		assert_int_equal(found, 6); /* fragments, TTL, SYN, FIN, RST, the tunnel */
		sl_service_table_destroy(services);
		sl_config_free(config);
	}
}

/* A thousand services of four backends each: what a port wants is all of them, each once. */
static void test_thousand_services(void **state)
{
	static struct sl_class out[8192];
	static struct sl_service service[1000];
	static struct sl_backend backend[4000];
	static const struct sl_backend *backends[4000];
	static const struct sl_service *list[1000];
	struct bench *b = *state;
	struct sl_services services = { .service_count = 1000, .services = list, .tenant_count = 1, .tenants = b->config->tenants };
	unsigned int n, kinds[SL_CLASS_KINDS] = { 0 };

	for (unsigned int i = 0; i < 4000; i++) {
		backend[i].address = (struct sl_addr){ .family = 4, .bytes = { 10, 1, (uint8_t)(i >> 8), (uint8_t)i } };
		backend[i].port = (uint16_t)(8000 + i % 2);
		backends[i] = &backend[i];
	}
	for (unsigned int i = 0; i < 1000; i++) {
		service[i] = (struct sl_service){ .id = i, .mode = SL_MODE_NAT, .protocol = 6, .port_lo = 80, .port_hi = 80,
						  .backend_count = 4, .backends = &backends[4 * i],
						  .vip = { .family = 4, .bytes = { 192, 0, (uint8_t)(i >> 8), (uint8_t)i } } };
		list[i] = &service[i];
	}
	n = sl_class_wanted(&services, 0, NULL, 0, false, false, out, 8192);
	for (unsigned int i = 0; i < n && i < 8192; i++)
		kinds[out[i].kind]++;
	assert_int_equal(kinds[SL_CLASS_VIP], 1000);
	assert_int_equal(kinds[SL_CLASS_SOURCE], 4000);
	assert_int_equal(kinds[SL_CLASS_SYN], 1);
	assert_in_range(n, 5000, 5010);
	for (unsigned int i = 1; i < n; i++)
		assert_int_not_equal(memcmp(&out[i], &out[i - 1], sizeof(out[i])), 0);
	list[999] = list[998]; /* again */
	assert_int_equal(sl_class_wanted(&services, 0, NULL, 0, false, false, out, 8192), n - 5);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, bench_up, bench_down)
	const struct CMUnitTest tests[] = { T(test_wanted), T(test_wanted_pass), T(test_thousand_services), T(test_class_rules),
					    cmocka_unit_test(test_tunnel_sources) };
	int rc;

	rcu_register_thread();
	rc = cmocka_run_group_tests_name("flow_rule", tests, NULL, NULL);
	rcu_unregister_thread();
	return rc;
}
