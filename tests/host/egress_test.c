/* SPDX-License-Identifier: BSD-3-Clause */
/* What stands between the outer IP header and the packet in each mode that tunnels, byte by byte; next hops of all backends
 * that a table can hold, remembered for the next agent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host/egress.h"
#include "host/log.h"
#include "host/port.h"
#include "host/state.h"

#define MAC_HOP { 2, 0, 0, 0, 0, 1 }
#define MAC_OWN { 2, 0, 0, 0, 0, 2 }
#define MAC_IN  { 2, 0, 0, 0, 0, 3 }
#define ENTROPY "\xc0\x00"
#define INNER "\x02\0\0\0\0\x03\x02\0\0\0\0\x02"

/* The outer header is of `over`; its protocol and what follows it are given. */
static const struct {
	const char *what;
	unsigned int mode, family, over, proto, len;
	const char *bytes;
	uint16_t gue_port;
	uint8_t gue_variant;
} rows[] = {
	{ "ipip 4in4", SL_MODE_IPIP, 4, 4, 4, 0, "", 0, 0 },
	{ "ipip 6in4", SL_MODE_IPIP, 6, 4, 41, 0, "", 0, 0 },
	{ "gre 4in4", SL_MODE_GRE, 4, 4, 47, 4, "\0\0\x08\0", 0, 0 },
	{ "gre 6in6", SL_MODE_GRE, 6, 6, 47, 4, "\0\0\x86\xdd", 0, 0 },
	{ "gue 4in4", SL_MODE_GUE, 4, 4, 17, 12, ENTROPY "\x17\xc0\0\0\0\0" "\0\x04\0\0", SL_GUE_PORT, 0 },
	{ "gue 6in4", SL_MODE_GUE, 6, 4, 17, 12, ENTROPY "\x26\x9e\0\0\0\0" "\0\x29\0\0", 9886, 0 },
	{ "gue variant 1", SL_MODE_GUE, 4, 6, 17, 8, ENTROPY "\x17\xc0\0\0\0\0", SL_GUE_PORT, 1 },
	{ "vxlan 4in4", SL_MODE_VXLAN, 4, 4, 17, 30, ENTROPY "\x12\xb5\0\0\0\0" "\x08\0\0\0\x01\x02\x03\0" INNER "\x08\0", 0, 0 },
	{ "geneve 4in6", SL_MODE_GENEVE, 4, 6, 17, 30, ENTROPY "\x17\xc1\0\0\0\0" "\0\0\x65\x58\x01\x02\x03\0" INNER "\x08\0", 0,
	  0 },
	{ "geneve 6in4", SL_MODE_GENEVE, 6, 4, 17, 30, ENTROPY "\x17\xc1\0\0\0\0" "\0\0\x65\x58\x01\x02\x03\0" INNER "\x86\xdd",
	  0, 0 },
};

static struct sl_port one_port = { .kernel_ifindex = 5, .mtu = 1500 };

unsigned int sl_port_count(void)
{
	return 1;
}

struct sl_port *sl_port_at(unsigned int index)
{
	return index ? NULL : &one_port;
}

static struct sl_addr address(unsigned int family, uint8_t last)
{
	struct sl_addr a = { .family = (uint8_t)family };

	a.bytes[0] = 10;
	a.bytes[family == 4 ? 3 : 15] = last;
	return a;
}

static void test_tunnels(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct sl_egress_port port = { .index = 1, .mac = MAC_OWN, .mtu = 1500, .vtep4 = address(4, 1),
						     .vtep6 = address(6, 1) };
		const struct sl_nexthop hop = { .state = SL_NEXTHOP_READY, .mac = MAC_HOP, .mtu = 1400 };
		/* A virtual network's tunnel ends at the VTEP, every other one at the backend. */
		struct sl_backend b = { .mode = (uint8_t)rows[i].mode, .address = address(rows[i].over, 7),
					.vtep = address(rows[i].over, 8), .vni = 0x010203, .inner_mac = MAC_IN,
					.gue_port = rows[i].gue_port, .gue_variant = rows[i].gue_variant };
		const unsigned int outer = rows[i].over == 4 ? 20 : 40, last = sl_mode_virtual(rows[i].mode) ? 8 : 7;
		struct sl_action a;

		print_message("%s\n", rows[i].what);
		assert_true(sl_egress_action(&b, rows[i].family, &port, &hop, &a));
		assert_int_equal(a.hdr_len, 14 + outer + rows[i].len);
		assert_int_equal(a.hdr[14 + outer - 1], last);
		assert_int_equal(a.hdr[14 + (rows[i].over == 4 ? 9 : 6)], rows[i].proto);
		assert_memory_equal(a.hdr + 14 + outer, rows[i].bytes, rows[i].len);
		assert_int_equal(a.l3_off, 14);
		assert_int_equal(a.l4_off, rows[i].proto == 17 ? 14 + outer : 0);
		assert_int_equal(a.flags, SL_ACTION_FLAG_VALID | SL_ACTION_FLAG_STRIP_L2 |
				 (rows[i].over == 4 ? SL_ACTION_FLAG_OUTER_V4 : SL_ACTION_FLAG_OUTER_V6) |
				 (rows[i].proto == 17 ? SL_ACTION_FLAG_OUTER_UDP : 0));
		assert_int_equal(a.mtu, 1400);
		b.address = b.vtep = address(rows[i].over == 4 ? 6 : 4, 9);
		assert_true(sl_egress_action(&b, rows[i].family, &port, &hop, &a));
		assert_int_equal(a.hdr[14] >> 4, rows[i].over == 4 ? 6 : 4);
	}
}

static struct sl_service many_service = { .vip = { .family = 4, .bytes = { 192, 0, 2, 1 } } };
static struct sl_backend many[SL_SERVICE_IDS];
static struct sl_services snapshot;

static struct sl_addr target_of(uint32_t n)
{
	return (struct sl_addr){ .family = 4, .bytes = { 10, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n } };
}

/* Backends `first` to `last` of the table have targets from `number` on. */
static void backends_are(uint32_t first, uint32_t last, uint32_t number)
{
	for (uint32_t id = first; id <= last; id++) {
		many[id] = (struct sl_backend){ .id = id, .mode = SL_MODE_DSR_L2, .service = &many_service,
						.address = target_of(number + id), .identity = number + id };
		snapshot.backend[id] = &many[id];
	}
}

static void all_seen(uint32_t first, uint32_t last)
{
	for (uint32_t id = first; id <= last; id++) {
		const struct sl_nexthop hop = { .state = SL_NEXTHOP_READY, .ifindex = 5, .mtu = 1500, .mac = MAC_HOP };

		sl_egress_nexthop_changed(&snapshot, &many[id].address, &hop);
	}
}

static void no_news(void *ctx, const struct sl_addr *addr, const struct sl_nexthop *nexthop)
{
	(void)ctx, (void)addr, (void)nexthop;
}

/* What the next agent knows before it asks anybody. */
static uint32_t known_after_restart(struct sl_state_hop *hops, uint32_t last)
{
	uint32_t known = 0;

	sl_egress_clear();
	sl_egress_remember(hops);
	sl_egress_services_changed(&snapshot, NULL);
	for (uint32_t id = 1; id <= last; id++)
		known += sl_egress_of(id)->ready;
	return known;
}

static void test_next_hops_are_remembered(void **state)
{
	struct sl_state_hop *hops = calloc(SL_STATE_HOPS, sizeof(*hops));
	const uint32_t last = SL_SERVICE_IDS - 1;
	struct sl_nexthops *none;
	uv_loop_t loop;
	char err[256];

	(void)state;
	uv_loop_init(&loop);
	none = sl_nexthops_create(&loop, 0, no_news, NULL, err, sizeof(err)); /* no room: nothing is asked of the network */
	assert_non_null(none);
	sl_log_level_set((enum sl_log_level)-1);
	backends_are(1, last, 1000000);
	sl_egress_remember(hops);
	sl_egress_services_changed(&snapshot, none);
	all_seen(1, last);
	assert_int_equal(known_after_restart(hops, last), last);
	/* Half of the backends are replaced again and again; what they had does not push out what the others have. */
	sl_egress_services_changed(&snapshot, none);
	for (uint32_t round = 1; round <= 12; round++) {
		backends_are(2000, last, 1000000 + round * SL_SERVICE_IDS);
		sl_egress_services_changed(&snapshot, none);
		all_seen(2000, last);
	}
	assert_int_equal(known_after_restart(hops, last), last);
	/* An id that has passed to another backend does not keep the action of the one before. */
	backends_are(1, 1, 77);
	sl_egress_services_changed(&snapshot, NULL);
	assert_false(sl_egress_of(1)->ready);
	sl_log_level_set(SL_LOG_INFO);
	sl_egress_clear();
	sl_nexthops_destroy(none);
	uv_run(&loop, UV_RUN_NOWAIT);
	uv_loop_close(&loop);
	free(hops);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_tunnels), cmocka_unit_test(test_next_hops_are_remembered) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
