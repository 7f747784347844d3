/* SPDX-License-Identifier: BSD-3-Clause */
/* Stages class and punt: each condition of a rule once true and once false; filters; meters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "hw/model/class.h"
#include "hw/model/punt.h"
#include "tests/model/frame.h"

#define ANY .valid = 1, .port_mask = 0xff, .sport_hi = 0xffff, .dport_hi = 0xffff, .ttl_max = 255
#define T4 { .family = 4, .proto = 6 }
#define U6 { .family = 6, .proto = 17, .vid = 7 }
#define VX { .family = 4, .proto = 17, .inner = 6 }

struct row {
	const char *what;
	struct test_shape shape;
	struct sl_class_rule rule;
	bool match;
};

#pragma GCC diagnostic ignored "-Woverride-init" /* a row changes some of ANY */
static const struct row rows[] = {
	{ "any", T4, { ANY }, true },
	{ "port not in mask", T4, { ANY, .port_mask = 0xfe }, false },
	{ "dmac", T4, { ANY, .dmac = { 2, 0, 0, 0, 0, 1 }, .dmac_mask = { 255, 255, 255, 255, 255, 255 } }, true },
	{ "other dmac", T4, { ANY, .dmac = { 2, 0, 0, 0, 0, 2 }, .dmac_mask = { 255, 255, 255, 255, 255, 255 } }, false },
	{ "multicast bit", T4, { ANY, .dmac = { 1 }, .dmac_mask = { 1 } }, false },
	{ "untagged", T4, { ANY, .vlan_mode = SL_VLAN_MODE_UNTAGGED }, true },
	{ "untagged, tagged frame", U6, { ANY, .vlan_mode = SL_VLAN_MODE_UNTAGGED }, false },
	{ "vid", U6, { ANY, .vlan_mode = SL_VLAN_MODE_VID, .vid = 7 }, true },
	{ "other vid", U6, { ANY, .vlan_mode = SL_VLAN_MODE_VID, .vid = 8 }, false },
	{ "vid 0, untagged frame", T4, { ANY, .vlan_mode = SL_VLAN_MODE_VID }, false },
	{ "ethertype", U6, { ANY, .ethertype = 0x86dd }, true },
	{ "other ethertype", U6, { ANY, .ethertype = 0x0806 }, false },
	{ "ipv6", U6, { ANY, .l3 = 6 }, true },
	{ "ipv4, ipv6 frame", U6, { ANY, .l3 = 4 }, false },
	{ "dst /32", T4, { ANY, .l3 = 4, .dst = { 198, 51, 100, 10 }, .dst_plen = 32 }, true },
	{ "other dst /32", T4, { ANY, .l3 = 4, .dst = { 198, 51, 100, 11 }, .dst_plen = 32 }, false },
	{ "dst /31", T4, { ANY, .l3 = 4, .dst = { 198, 51, 100, 10 }, .dst_plen = 31 }, true },
	{ "src /23", T4, { ANY, .l3 = 4, .src = { 192, 0, 2, 0 }, .src_plen = 23 }, true },
	{ "other src /22", T4, { ANY, .l3 = 4, .src = { 192, 0, 4, 0 }, .src_plen = 22 }, false },
	{ "src6 /64", U6, { ANY, .l3 = 6, .src = { 0x20, 1, 0x0d, 0xb8 }, .src_plen = 64 }, true },
	{ "other src6 /64", U6, { ANY, .l3 = 6, .src = { 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 1 }, .src_plen = 64 }, false },
	{ "dst6 /128", U6, { ANY, .l3 = 6, .dst = { 0x20, 1, 0x0d, 0xb8, [15] = 16 }, .dst_plen = 128 }, true },
	{ "other dst6 /128", U6, { ANY, .l3 = 6, .dst = { 0x20, 1, 0x0d, 0xb8, [15] = 17 }, .dst_plen = 128 }, false },
	{ "dst6 /124", U6, { ANY, .l3 = 6, .dst = { 0x20, 1, 0x0d, 0xb8, [15] = 16 }, .dst_plen = 124 }, true },
	{ "proto", T4, { ANY, .proto = 6, .proto_mask = 255 }, true },
	{ "other proto", T4, { ANY, .proto = 17, .proto_mask = 255 }, false },
	{ "dport range low end", T4, { ANY, .dport_lo = 80, .dport_hi = 90 }, true },
	{ "dport range high end", T4, { ANY, .dport_lo = 70, .dport_hi = 80 }, true },
	{ "dport below", T4, { ANY, .dport_lo = 81, .dport_hi = 90 }, false },
	{ "sport", T4, { ANY, .sport_lo = 1000, .sport_hi = 1000 }, true },
	{ "sport above", T4, { ANY, .sport_lo = 1, .sport_hi = 999 }, false },
	{ "tcp ack", T4, { ANY, .tcp_flags = 0x10, .tcp_flags_mask = 0x12 }, true },
	{ "tcp syn", T4, { ANY, .tcp_flags = 2, .tcp_flags_mask = 2 }, false },
	{ "tcp flags, udp frame", U6, { ANY, .tcp_flags_mask = 2 }, false },
	{ "tcp flags of inner", VX, { ANY, .tcp_flags = 0x10, .tcp_flags_mask = 0x12 }, true },
	{ "not a fragment", T4, { ANY, .frag = SL_FRAG_MODE_NO }, true },
	{ "fragment", T4, { ANY, .frag = SL_FRAG_MODE_YES }, false },
	{ "ttl max", T4, { ANY, .ttl_max = 64 }, true },
	{ "ttl above", T4, { ANY, .ttl_max = 63 }, false },
	{ "no tunnel", T4, { ANY, .tunnel_mode = SL_TUNNEL_MODE_NONE }, true },
	{ "no tunnel, vxlan frame", VX, { ANY, .tunnel_mode = SL_TUNNEL_MODE_NONE }, false },
	{ "vni", VX, { ANY, .tunnel_mode = SL_TUNNEL_MODE_VNI, .vni = 0x010203, .vni_mask = 0xffffff }, true },
	{ "other vni", VX, { ANY, .tunnel_mode = SL_TUNNEL_MODE_VNI, .vni = 0x010204, .vni_mask = 0xffffff }, false },
	{ "vni masked", VX, { ANY, .tunnel_mode = SL_TUNNEL_MODE_VNI, .vni = 0x010200, .vni_mask = 0xffff00 }, true },
	{ "vni, no tunnel", T4, { ANY, .tunnel_mode = SL_TUNNEL_MODE_VNI }, false },
	{ "inner l3", VX, { ANY, .inner_l3 = 6 }, true },
	{ "other inner l3", VX, { ANY, .inner_l3 = 4 }, false },
	{ "inner l3, no tunnel", T4, { ANY, .inner_l3 = 4 }, false },
	{ "inner proto", VX, { ANY, .inner_proto = 6 }, true },
	{ "other inner proto", VX, { ANY, .inner_proto = 17 }, false },
};

static void parse(const struct test_shape *shape, struct sl_headers *headers)
{
	struct test_frame frame;

	frame_build(&frame, shape);
	assert_int_equal(sl_parse(sl_window_at(frame.b), frame.len, 0, 4789, headers), 0);
}

static void test_conditions(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sl_headers headers;

		print_message("row %s\n", rows[i].what);
		parse(&rows[i].shape, &headers);
		assert_int_equal(sl_class_match(&rows[i].rule, &headers), rows[i].match);
	}
}

static void test_order(void **state)
{
	static const struct sl_prefix_sets none;
	static struct sl_class_table table;
	const struct test_shape shape = T4;
	struct sl_headers headers;

	(void)state;
	parse(&shape, &headers);
	assert_int_equal(sl_class_find(&table, &headers, &none), SL_CLASS_NONE);
	for (unsigned int i = 0; i < SL_CLASS_RULES; i++)
		table.rule[i] = (struct sl_class_rule){ ANY };
	table.valid = 1ull << 63 | 1ull << 40;
	assert_int_equal(sl_class_find(&table, &headers, &none), 40);
	table.rule[40].l3 = 6;
	assert_int_equal(sl_class_find(&table, &headers, &none), 63);
	table.valid |= 1;
	assert_int_equal(sl_class_find(&table, &headers, &none), 0);
}

struct filter_row {
	const char *what;
	uint8_t dmac[6];
	uint32_t port, mac_hi, port_flags;
	int reason;
};

/* The entry's MAC is 02:00:00:00:00:01 or, with the multicast rows, 33:33:00:00:00:01: mac_lo follows dmac. */
static const struct filter_row filter_rows[] = {
	{ "unicast of the port", { 2, 0, 0, 0, 0, 1 }, 1, 0x80020100, 1, SL_REASON_KERNEL },
	{ "other port's", { 2, 0, 0, 0, 0, 1 }, 1, 0x80010100, 1, SL_REASON_MAC_FILTER },
	{ "entry not valid", { 2, 0, 0, 0, 0, 1 }, 1, 0x00020100, 1, SL_REASON_MAC_FILTER },
	{ "other mac", { 2, 0, 0, 0, 0, 1 }, 1, 0x80020200, 1, SL_REASON_MAC_FILTER },
	{ "promiscuous", { 2, 0, 0, 0, 0, 1 }, 1, 0, 3, SL_REASON_KERNEL },
	{ "all multicast is not promiscuous", { 2, 0, 0, 0, 0, 1 }, 1, 0, 5, SL_REASON_MAC_FILTER },
	{ "broadcast", { 255, 255, 255, 255, 255, 255 }, 0, 0, 1, SL_REASON_KERNEL },
	{ "multicast", { 0x33, 0x33, 0, 0, 0, 1 }, 0, 0, 1, SL_REASON_MAC_FILTER },
	{ "multicast of the filter", { 0x33, 0x33, 0, 0, 0, 1 }, 0, 0x80010100, 1, SL_REASON_KERNEL },
	{ "all multicast", { 0x33, 0x33, 0, 0, 0, 1 }, 0, 0, 5, SL_REASON_KERNEL },
};

static void test_filter(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(filter_rows) / sizeof(filter_rows[0]); i++) {
		const struct filter_row *row = &filter_rows[i];
		struct sl_class_filter filter = { 0 };
		struct sl_headers headers = { .port = (uint8_t)row->port };

		print_message("row %s\n", row->what);
		memcpy(headers.dmac, row->dmac, 6);
		memcpy(&filter.mac_lo[5], row->dmac, 4);
		filter.mac_hi[5] = row->mac_hi;
		filter.port_flags[row->port] = (uint8_t)row->port_flags;
		assert_int_equal(sl_class_default(&filter, &headers), row->reason);
	}
}

static void test_meter(void **state)
{
	struct sl_punt_meter meter = { 0 };

	(void)state;
	for (unsigned int i = 0; i < 1000; i++)
		assert_true(sl_punt_take(&meter)); /* rate 0 */
	sl_punt_set(&meter, 128, 3);
	for (unsigned int i = 0; i < 3; i++)
		assert_true(sl_punt_take(&meter));
	assert_false(sl_punt_take(&meter));
	sl_punt_tick(&meter, 1);
	assert_false(sl_punt_take(&meter));
	sl_punt_tick(&meter, 1);
	assert_true(sl_punt_take(&meter));
	sl_punt_tick(&meter, 0xffffffff); /* no more than the burst, however long it was */
	for (unsigned int i = 0; i < 3; i++)
		assert_true(sl_punt_take(&meter));
	assert_false(sl_punt_take(&meter));
	sl_punt_set(&meter, 1, 65535);
	assert_int_equal(meter.tokens, 65535u * 256);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_conditions), cmocka_unit_test(test_order),
					    cmocka_unit_test(test_filter), cmocka_unit_test(test_meter) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
