/* SPDX-License-Identifier: BSD-3-Clause */
/* What stands between the outer IP header and the packet in each mode that tunnels, byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "host/egress.h"
#include "host/port.h"

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

/* No ports: nothing here asks for the way to a backend. */
unsigned int sl_port_count(void)
{
	return 0;
}

struct sl_port *sl_port_at(unsigned int index)
{
	(void)index;
	return NULL;
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

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_tunnels) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
