/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stages action and rewrite: for each way to change a frame, the whole new frame is compared field by field, and its
 * checksums are summed up anew.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "hw/model/action.h"
#include "hw/model/edit.h"
#include "hw/model/key.h"
#include "hw/model/rewrite.h"
#include "sluice/record.h"
#include "tests/model/frame.h"

enum outer { OUTER_NONE, OUTER_L2, OUTER_L2_TAG, OUTER_IP4, OUTER_IP6, OUTER_VXLAN4, OUTER_VXLAN6 };

struct row {
	const char *what;
	struct test_shape shape;
	int record_flags;
	enum outer outer;
	bool decap;
	bool zero_csum; /* UDP without checksum */
};

#define SRC SL_RECORD_FLAG_NAT_SRC
#define DST SL_RECORD_FLAG_NAT_DST
#define TTL SL_RECORD_FLAG_DEC_TTL

static const struct row rows[] = {
	{ "as it is", { .family = 4, .proto = 6, .payload = 5 }, 0, .outer = OUTER_NONE },
	{ "as it is, tag, padding", { .family = 6, .proto = 17, .vid = 5, .payload = 1, .padding = 7 }, TTL,
	  .outer = OUTER_NONE },
	{ "l2 v4", { .family = 4, .proto = 6, .payload = 31 }, 0, .outer = OUTER_L2 },
	{ "l2 v6", { .family = 6, .proto = 6, .payload = 31 }, TTL, .outer = OUTER_L2 },
	{ "l2 adds tag", { .family = 4, .proto = 17, .payload = 3, .padding = 9 }, TTL, .outer = OUTER_L2_TAG },
	{ "nat dst v4 tcp", { .family = 4, .proto = 6, .payload = 33 }, DST | TTL, .outer = OUTER_L2 },
	{ "nat src v4 udp", { .family = 4, .proto = 17, .payload = 33 }, SRC, .outer = OUTER_L2 },
	{ "fullnat v4 tcp", { .family = 4, .proto = 6, .payload = 33, .vid = 8 }, SRC | DST | TTL, .outer = OUTER_L2 },
	{ "fullnat v6 tcp", { .family = 6, .proto = 6, .payload = 32 }, SRC | DST | TTL, .outer = OUTER_L2 },
	{ "fullnat v6 udp", { .family = 6, .proto = 17, .payload = 30 }, SRC | DST | TTL, .outer = OUTER_L2_TAG },
	{ "nat v4 udp without checksum", { .family = 4, .proto = 17, .payload = 30 }, DST, .outer = OUTER_L2,
	  .zero_csum = true },
	{ "ip4 in ip4", { .family = 4, .proto = 6, .payload = 11, .padding = 3 }, TTL, .outer = OUTER_IP4 },
	{ "ip6 in ip4", { .family = 6, .proto = 6, .payload = 11 }, 0, .outer = OUTER_IP4 },
	{ "ip4 in ip6", { .family = 4, .proto = 17, .payload = 1300 }, 0, .outer = OUTER_IP6 },
	{ "vxlan over ip4", { .family = 4, .proto = 6, .payload = 100 }, TTL, .outer = OUTER_VXLAN4 },
	{ "vxlan over ip6", { .family = 6, .proto = 17, .payload = 100 }, TTL, .outer = OUTER_VXLAN6 },
	{ "decap to l2", { .family = 4, .proto = 17, .inner = 6, .payload = 40 }, TTL, .outer = OUTER_L2, .decap = true },
	{ "decap, inner l2 kept", { .family = 6, .proto = 17, .inner = 4, .payload = 40 }, 0,
	  .outer = OUTER_NONE, .decap = true },
	{ "decap, nat, vxlan", { .family = 4, .proto = 17, .inner = 4, .payload = 40, .vid = 2 }, SRC | DST | TTL,
	  .outer = OUTER_VXLAN4, .decap = true },
};

static const uint8_t new_src[16] = { 10, 1, 2, 3 }, new_dst[16] = { 203, 0, 113, 9 };

/* The action's header as the contract wants it: outer IPv4 with length 0 and the checksum right for that. */
static void make_action(struct sl_action *a, enum outer outer, unsigned int inner_family)
{
	unsigned int at = 12, is4 = outer == OUTER_IP4 || outer == OUTER_VXLAN4;
	const bool vxlan = outer == OUTER_VXLAN4 || outer == OUTER_VXLAN6;

	memset(a, 0, sizeof(*a));
	a->flags = SL_ACTION_FLAG_VALID;
	a->port = 1;
	if (outer == OUTER_NONE)
		return;
	a->flags |= SL_ACTION_FLAG_STRIP_L2;
	memcpy(a->hdr, "\x02\xaa\xaa\xaa\xaa\xaa\x02\xbb\xbb\xbb\xbb\xbb", 12);
	if (outer == OUTER_L2_TAG) {
		put16(a->hdr + at, 0x8100);
		put16(a->hdr + at + 2, 44);
		at += 4;
	}
	put16(a->hdr + at, outer < OUTER_IP4 ? (inner_family == 4 ? 0x0800 : 0x86dd) : is4 ? 0x0800 : 0x86dd);
	at += 2;
	a->l3_off = (uint8_t)at;
	if (outer >= OUTER_IP4) {
		struct test_shape s = { .family = is4 ? 4 : 6, .proto = vxlan ? 17 : inner_family == 4 ? 4 : 41 };
		uint8_t *ip = a->hdr + at;

		at += frame_ip(ip, &s, 0);
		put16(ip + (is4 ? 2 : 4), 0);
		if (is4) {
			put16(ip + 10, 0);
			put16(ip + 10, 0xffff & ~test_sum(ip, 20, 0));
		}
		a->flags |= is4 ? SL_ACTION_FLAG_OUTER_V4 : SL_ACTION_FLAG_OUTER_V6;
	}
	if (vxlan) {
		a->l4_off = (uint8_t)at;
		a->flags |= SL_ACTION_FLAG_OUTER_UDP;
		put16(a->hdr + at + 2, 4789);
		a->hdr[at + 8] = 8;
		at += 16;
		memcpy(a->hdr + at, "\x02\xcc\xcc\xcc\xcc\xcc\x02\xdd\xdd\xdd\xdd\xdd", 12);
		put16(a->hdr + at + 12, inner_family == 4 ? 0x0800 : 0x86dd);
		at += 14;
	}
	a->hdr_len = (uint8_t)at;
}

/* The looked-up IP packet as it must come out, except for its checksums. */
static void check_inner(const uint8_t *ip, const uint8_t *old, unsigned int len, const struct row *row)
{
	const bool v4 = old[0] >> 4 == 4;
	const unsigned int n = v4 ? 4 : 16, at = v4 ? 12 : 8, head = v4 ? 20 : 40, proto = v4 ? old[9] : old[6];
	const unsigned int ttl_at = v4 ? 8 : 7, csum = head + (proto == 6 ? 16 : 6);
	uint8_t expected[FRAME_ROOM];

	memcpy(expected, old, len);
	if (row->record_flags & SRC) {
		memcpy(expected + at, new_src, n);
		put16(expected + head, 5555);
	}
	if (row->record_flags & DST) {
		memcpy(expected + at + n, new_dst, n);
		put16(expected + head + 2, 6666);
	}
	if (row->record_flags & TTL)
		expected[ttl_at]--;
	if (v4)
		memcpy(expected + 10, ip + 10, 2);
	if (row->record_flags & (SRC | DST) && !row->zero_csum)
		memcpy(expected + csum, ip + csum, 2);
	assert_memory_equal(ip, expected, len);
	if (v4)
		assert_int_equal(test_sum(ip, 20, 0), 0xffff);
	if (!row->zero_csum)
		assert_int_equal(test_l4_sum(ip, len), 0xffff);
}

static void check_outer(const uint8_t *out, unsigned int len, const struct row *row, const struct sl_action *a,
			uint64_t hash)
{
	const uint8_t *ip = out + a->l3_off, *udp = out + a->l4_off;

	assert_memory_equal(out, a->hdr, a->l3_off);
	if (row->outer < OUTER_IP4)
		return;
	if (a->flags & SL_ACTION_FLAG_OUTER_V4) {
		assert_int_equal(get16(ip + 2), len - a->l3_off);
		assert_int_equal(test_sum(ip, 20, 0), 0xffff);
	} else {
		assert_int_equal(get16(ip + 4), len - a->l3_off - 40);
	}
	if (a->flags & SL_ACTION_FLAG_OUTER_UDP) {
		assert_int_equal(get16(udp), 0xc000 | (hash >> 48 & 0x3fff));
		assert_int_equal(get16(udp + 4), len - a->l4_off);
		assert_int_equal(get16(udp + 6), 0);
		assert_memory_equal(udp + 8, a->hdr + a->l4_off + 8, 22u);
	}
}

static void run_row(const struct row *row)
{
	struct sl_rewrite rewrite = { .hash = 0x123456789abcdef0 };
	struct sl_record record = { .flags = (uint8_t)row->record_flags };
	const struct sl_packet *p;
	struct sl_headers headers;
	struct sl_action action;
	struct test_frame frame;
	struct sl_key key;
	uint8_t out[FRAME_ROOM + 200];
	unsigned int len, ip_len;

	frame_build(&frame, &row->shape);
	if (row->zero_csum)
		put16(frame.b + 14 + 20 + 6, 0);
	assert_int_equal(sl_parse(sl_window_at(frame.b), frame.len, 0, 4789, &headers), 0);
	assert_int_equal(sl_key_build(&headers, 0, row->decap, &key), 0);
	p = sl_headers_packet(&headers, row->decap);
	make_action(&action, row->outer, p->family);
	memcpy(record.new_src, new_src, p->family == 4 ? 4 : 16);
	memcpy(record.new_dst, new_dst, p->family == 4 ? 4 : 16);
	put16((uint8_t *)&record.new_sport, 5555);
	put16((uint8_t *)&record.new_dport, 6666);
	sl_record_set_deltas(&key, &record);
	assert_int_equal(sl_action_check(p, &record, &action, 2), SL_REASON_FORWARDED);
	assert_int_equal(sl_rewrite(sl_window_at(frame.b), p, &record, &action, &rewrite), 0);
	len = rewrite.head_len + rewrite.payload_end - rewrite.payload_off;
	assert_int_equal(len, sl_action_frame_len(p, &action));
	memcpy(out, rewrite.head, rewrite.head_len);
	memcpy(out + rewrite.head_len, frame.b + rewrite.payload_off, len - rewrite.head_len);
	ip_len = p->l3_end - p->l3_off;
	check_inner(out + len - ip_len, frame.b + p->l3_off, ip_len, row);
	if (row->outer == OUTER_NONE)
		assert_memory_equal(out, frame.b + p->eth_off, len - ip_len);
	else
		check_outer(out, len, row, &action, rewrite.hash);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		print_message("row %s\n", rows[i].what);
		run_row(&rows[i]);
	}
}

/* A UDP checksum that comes to 0 is written 0xffff. */
static void test_udp_zero_result(void **state)
{
	const struct test_shape shape = { .family = 4, .proto = 17 };
	struct sl_record record = { .flags = DST };
	struct sl_action action = { .flags = SL_ACTION_FLAG_VALID };
	struct sl_rewrite rewrite = { 0 };
	struct sl_headers headers;
	struct test_frame frame;

	(void)state;
	frame_build(&frame, &shape);
	assert_int_equal(sl_parse(sl_window_at(frame.b), frame.len, 0, 0, &headers), 0);
	record.l4_delta = (uint16_t)get16(frame.b + 14 + 20 + 6); /* ~c + c is 0xffff, whose complement is 0 */
	sl_rewrite(sl_window_at(frame.b), &headers.outer, &record, &action, &rewrite);
	assert_int_equal(get16(rewrite.head + 14 + 20 + 6), 0xffff);
}

struct action_row {
	const char *what;
	int flags; /* of the action, added to VALID unless negative */
	unsigned int port, hdr_len, l3_off, mtu, ttl, record_flags, ip_len;
	int reason;
};

static const struct action_row action_rows[] = {
	{ "good", 0, 1, 0, 0, 0, 64, TTL, 100, SL_REASON_FORWARDED },
	{ "not valid", -1, 1, 0, 0, 0, 64, 0, 100, SL_REASON_BAD_ACTION },
	{ "not valid before ttl", -1, 1, 0, 0, 0, 1, TTL, 100, SL_REASON_BAD_ACTION },
	{ "ttl 1", 0, 1, 0, 0, 0, 1, TTL, 100, SL_REASON_TTL },
	{ "ttl 0", 0, 1, 0, 0, 0, 0, TTL, 100, SL_REASON_TTL },
	{ "ttl 2", 0, 1, 0, 0, 0, 2, TTL, 100, SL_REASON_FORWARDED },
	{ "ttl 1 kept", 0, 1, 0, 0, 0, 1, 0, 100, SL_REASON_FORWARDED },
	{ "mtu equal", 0, 1, 0, 0, 100, 64, 0, 100, SL_REASON_FORWARDED },
	{ "mtu less", 0, 1, 0, 0, 99, 64, 0, 100, SL_REASON_MTU },
	{ "mtu equal with ip4", SL_ACTION_FLAG_STRIP_L2 | SL_ACTION_FLAG_OUTER_V4, 1, 34, 14, 120, 64, 0, 100,
	  SL_REASON_FORWARDED },
	{ "mtu less with ip4", SL_ACTION_FLAG_STRIP_L2 | SL_ACTION_FLAG_OUTER_V4, 1, 34, 14, 119, 64, 0, 100, SL_REASON_MTU },
	{ "mtu less with ip6", SL_ACTION_FLAG_STRIP_L2 | SL_ACTION_FLAG_OUTER_V6, 1, 54, 14, 139, 64, 0, 100, SL_REASON_MTU },
	{ "port down", 0, 2, 0, 0, 0, 64, 0, 100, SL_REASON_PORT_DOWN },
	{ "port does not exist", 0, 200, 0, 0, 0, 64, 0, 100, SL_REASON_PORT_DOWN },
	{ "mtu before port", 0, 2, 0, 0, 99, 64, 0, 100, SL_REASON_MTU },
	{ "9600", SL_ACTION_FLAG_STRIP_L2, 1, 14, 14, 0, 64, 0, 9586, SL_REASON_FORWARDED },
	{ "9601", SL_ACTION_FLAG_STRIP_L2, 1, 14, 14, 0, 64, 0, 9587, SL_REASON_MTU },
	{ "9601 behind port", SL_ACTION_FLAG_STRIP_L2, 2, 14, 14, 0, 64, 0, 9587, SL_REASON_PORT_DOWN },
};

static void test_action(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(action_rows) / sizeof(action_rows[0]); i++) {
		const struct action_row *row = &action_rows[i];
		const struct sl_packet packet = { .family = 4, .l3_off = 14, .l3_end = (uint16_t)(14 + row->ip_len),
						  .ttl = (uint8_t)row->ttl };
		const struct sl_record record = { .flags = (uint8_t)row->record_flags };
		const struct sl_action action = {
			.flags = row->flags < 0 ? 0 : (uint8_t)(row->flags | SL_ACTION_FLAG_VALID),
			.port = (uint8_t)row->port, .hdr_len = (uint8_t)row->hdr_len, .l3_off = (uint8_t)row->l3_off,
			.mtu = (uint16_t)row->mtu,
		};

		print_message("row %s\n", row->what);
		assert_int_equal(sl_action_check(&packet, &record, &action, 3), row->reason);
	}
}

/* Every checksum, and all TTLs that can be decremented with some of them. */
static void test_hop(void **state)
{
	const struct sl_record record = { .flags = SL_RECORD_FLAG_DEC_TTL };

	(void)state;
	for (uint32_t i = 0; i < 4 << 16; i++) {
		uint8_t expected[20] = { [1] = 7, [8] = (uint8_t)(i * 0x9e3779b1u >> 24 | 1), [9] = i & 0x10000 ? 6 : 17,
					 [10] = (uint8_t)(i >> 8), [11] = (uint8_t)i };
		uint8_t ip[20];

		memcpy(ip, expected, sizeof(ip));
		sl_edit_ipv4(expected, 7, &record);
		sl_edit_hop(ip);
		assert_memory_equal(ip, expected, sizeof(ip));
	}
}

/* A header template copied and filled in at once is the one copied and then filled in. */
static void test_ipip(void **state)
{
	const struct sl_action action = { .flags = SL_ACTION_FLAG_VALID | SL_ACTION_FLAG_OUTER_V4, .hdr_len = 34, .l3_off = 14,
					  .l4_off = 34 };
	static const uint8_t flags[] = { 0, SL_RECORD_FLAG_COPY_ECN, SL_RECORD_FLAG_COPY_DSCP,
					 SL_RECORD_FLAG_COPY_ECN | SL_RECORD_FLAG_COPY_DSCP };
	uint32_t x = 1;

	(void)state;
	for (uint32_t i = 0; i < 200000; i++) {
		const struct sl_record record = { .flags = flags[i % 4] };
		uint8_t hdr[SL_EDIT_IPIP_BYTES], expected[SL_EDIT_IPIP_BYTES + 8], to[SL_EDIT_IPIP_BYTES + 8] = { 0 };
		uint32_t tos, len;

		for (uint32_t n = 0; n < sizeof(hdr); n++) {
			x = x * 1664525 + 1013904223;
			hdr[n] = i % 3 == 0 && n >= 24 && n < 26 ? (uint8_t)-(i & 1) : (uint8_t)(x >> 24);
		}
		tos = x >> 8 & 0xff;
		len = 20 + (x >> 16) % 9000;
		memset(expected, 0, sizeof(expected));
		memcpy(expected, hdr, sizeof(hdr));
		sl_edit_outer(expected + 14, expected + 34, &action, &record, tos, len, 0);
		sl_edit_ipip(to, hdr, sl_edit_copied(&record), tos, len);
		assert_memory_equal(to, expected, sizeof(to));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows), cmocka_unit_test(test_udp_zero_result),
					    cmocka_unit_test(test_action), cmocka_unit_test(test_hop),
					    cmocka_unit_test(test_ipip) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
