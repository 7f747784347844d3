/* SPDX-License-Identifier: BSD-3-Clause */
/* The MSS option of SYNs through the slow path: in nat, both ways, lowered to the way's MTU with a right checksum. */
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

#define NARROW 1400u /* the backend's route */

/* A SYN with these options (a multiple of 4 bytes) and 5 bytes of data. */
static struct frame syn(struct spec spec, const uint8_t *options, uint32_t n)
{
	const uint32_t l3 = strchr(spec.src, ':') ? 40 : 20;
	struct frame f;
	uint8_t *l4;

	spec.proto = 6;
	spec.payload = (uint16_t)(n + 5);
	f = make(spec);
	l4 = f.b + 14 + l3;
	l4[12] = (uint8_t)((20 + n) / 4 << 4);
	memcpy(l4 + 20, options, n);
	put16(l4 + 16, 0);
	put16(l4 + 16, l4_sum(f.b + 14, f.len - 14));
	return f;
}

static int narrow_up(void **state)
{
	const int rc = bench_up(state);
	const struct sl_services *s = sl_services_current();
	struct sl_nexthop hop = { .state = SL_NEXTHOP_READY, .ifindex = 5, .mtu = NARROW, .mac = { 2, 0xb0, 0, 0, 0, 1 } };

	for (uint32_t id = 1; !rc && id < SL_SERVICE_IDS; id++) {
		if (s->backend[id] && s->backend[id]->mode == SL_MODE_NAT)
			sl_egress_nexthop_changed(s, &s->backend[id]->address, &hop);
	}
	return rc;
}

static const struct row {
	const char *what;
	const char *vip;
	uint8_t n, at; /* bytes of options; where the MSS is in them, 0 none */
	uint8_t options[12];
	uint16_t before, after;
} rows[] = {
	{ "1460 is too much", "192.0.2.2", 4, 2, { 2, 4, 0, 0 }, 1460, 1360 },
	{ "IPv6", "2001:db8::2", 4, 2, { 2, 4, 0, 0 }, 1440, 1340 },
	{ "1360 fits", "192.0.2.2", 4, 2, { 2, 4, 0, 0 }, 1360, 1360 },
	{ "536 fits", "192.0.2.2", 4, 2, { 2, 4, 0, 0 }, 536, 536 },
	{ "behind a NOP, at an odd place", "192.0.2.2", 8, 3, { 1, 2, 4, 0, 0, 1, 1, 0 }, 9000, 1360 },
	{ "behind other options", "192.0.2.2", 12, 10, { 4, 2, 3, 3, 7, 1, 1, 1, 2, 4 }, 65535, 1360 },
	{ "behind the end of options", "192.0.2.2", 8, 3, { 0, 2, 4, 0, 0 }, 9000, 9000 },
	{ "an option without length", "192.0.2.2", 8, 4, { 8, 0, 2, 4, 0, 0 }, 9000, 9000 },
	{ "an option of length 1", "192.0.2.2", 8, 4, { 8, 1, 2, 4, 0, 0 }, 9000, 9000 },
	{ "an MSS of another length", "192.0.2.2", 8, 2, { 2, 6, 0, 0 }, 9000, 9000 },
	{ "cut off", "192.0.2.2", 4, 0, { 1, 2, 4, 0xff }, 0, 0 },
	{ "no options", "192.0.2.2", 0, 0, { 0 }, 0, 0 },
	{ "dsr: not ours to change", "192.0.2.1", 4, 2, { 2, 4, 0, 0 }, 1460, 1460 },
};

static void test_client_syn(void **state)
{
	struct bench *b = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const bool six = strchr(rows[i].vip, ':');
		const struct spec spec = { .src = six ? "2001:db8:9::1" : "10.9.0.1", .dst = rows[i].vip, .sport = (uint16_t)(100 + i), .dport = 80,
					   .flags = SYN };
		const uint64_t lowered = b->stats.mss_lowered;
		uint8_t options[12];
		struct frame f, o;

		memcpy(options, rows[i].options, sizeof(options));
		if (rows[i].at)
			put16(options + rows[i].at, rows[i].before);
		f = syn(spec, options, rows[i].n);
		print_message("%s\n", rows[i].what);
		expect(b, f, SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
		o = sent(b, &f); /* verifies the checksums */
		assert_int_equal(o.len, f.len);
		if (rows[i].at)
			put16(options + rows[i].at, rows[i].after);
		assert_memory_equal(o.b + 14 + (six ? 40 : 20) + 20, options, rows[i].n);
		assert_memory_equal(o.b + o.len - 5, "xxxxx", 5);
		assert_int_equal(b->stats.mss_lowered, lowered + (rows[i].before != rows[i].after));
	}
}

/* The backend's SYN-ACK limits what the client sends. */
static void test_server_syn(void **state)
{
	struct bench *b = *state;
	const uint8_t options[] = { 2, 4, 1460 >> 8, 1460 & 255 };
	struct frame f = syn((struct spec){ .src = "10.1.0.1", .dst = "10.9.0.1", .sport = 8080, .dport = 1, .flags = SYN | ACK }, options, 4), o;

	expect(b, tcp("192.0.2.2", 1, SYN), SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	expect(b, f, SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	o = sent(b, &f);
	assert_int_equal(o.b[14 + 42] << 8 | o.b[14 + 43], 1360);
	/* Later segments are left alone, whatever they look like. */
	f = syn((struct spec){ .src = "10.9.0.1", .dst = "192.0.2.2", .sport = 1, .dport = 80, .flags = ACK }, options, 4);
	expect(b, f, SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	o = sent(b, &f);
	assert_int_equal(o.b[14 + 42] << 8 | o.b[14 + 43], 1460);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, narrow_up, bench_down)
	const struct CMUnitTest tests[] = { T(test_client_syn), T(test_server_syn) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
