/* SPDX-License-Identifier: BSD-3-Clause */
/* Stages parse and key: one row per rule of docs/datapath.md sections 2 and 4. Each frame is copied to a heap block of
 * exactly its length, so that a read behind its end is caught. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "hw/model/key.h"
#include "hw/model/parse.h"
#include "tests/model/frame.h"

struct patch {
	unsigned int off;
	uint8_t value;
};

struct row {
	const char *what;
	struct test_shape shape;
	struct patch patch[6]; /* off 0 ends the list */
	int cut;               /* bytes taken off the frame's end */
	bool fix_csum;         /* the IPv4 checksum at offset 14 is made right after patching */
	bool decap;
	/* expected */
	int reason;            /* of sl_parse */
	int key;               /* of sl_key_build */
	int family;
	int flags;
	int effective_family;
	bool vxlan;
	int tags; /* if not as the shape says */
};

#define V4 { .family = 4, .proto = 6, .payload = 20 }
#define V4U { .family = 4, .proto = 17, .payload = 20 }
#define V6 { .family = 6, .proto = 6, .payload = 20 }
#define V6U { .family = 6, .proto = 17, .payload = 20 }
#define VX4 { .family = 4, .proto = 17, .inner = 4, .payload = 20 }
#define VX6 { .family = 6, .proto = 17, .inner = 6, .payload = 20, .vid = 9 }
#define L4 SL_PACKET_L4

static const struct row rows[] = {
	{ "ipv4 tcp", V4, .family = 4, .flags = L4, .effective_family = 4 },
	{ "ipv4 udp", V4U, .family = 4, .flags = L4, .effective_family = 4 },
	{ "ipv6 tcp", V6, .family = 6, .flags = L4, .effective_family = 6 },
	{ "ipv6 udp", V6U, .family = 6, .flags = L4, .effective_family = 6 },
	{ "tag", { .family = 4, .proto = 6, .vid = 77 }, .family = 4, .flags = L4, .effective_family = 4 },
	{ "padding", { .family = 4, .proto = 17, .padding = 9 }, .family = 4, .flags = L4, .effective_family = 4 },
	{ "other ethertype", V4, { { 12, 0x08 }, { 13, 0x06 } }, .key = SL_REASON_NO_L4 },
	{ "second tag", { .family = 4, .proto = 6, .vid = 5 }, { { 16, 0x81 }, { 17, 0x00 } }, .key = SL_REASON_NO_L4,
	  .tags = 2 },
	{ "service tag alone", { .family = 4, .proto = 6, .vid = 5 }, { { 12, 0x88 }, { 13, 0xa8 } },
	  .key = SL_REASON_NO_L4, .tags = -1 },
	{ "second tag cut off", { .family = 4, .proto = 6, .vid = 5 }, { { 16, 0x81 }, { 17, 0x00 } }, .cut = 58 - 21,
	  .key = SL_REASON_NO_L4, .tags = 2 },
	{ "tag cut off", { .family = 4, .proto = 6, .vid = 5 }, .cut = 58 - 17, .key = SL_REASON_NO_L4 },
	{ "ethernet alone", V4, .cut = 60, .reason = SL_REASON_BAD_IP },
	{ "ipv4 cut in header", V4, .cut = 74 - 33, .reason = SL_REASON_BAD_IP },
	{ "ipv4 version 5", V4, { { 14, 0x55 } }, .fix_csum = true, .reason = SL_REASON_BAD_IP },
	{ "ipv4 ihl 4", V4, { { 14, 0x44 } }, .fix_csum = true, .reason = SL_REASON_BAD_IP },
	{ "ipv4 total < header", V4, { { 17, 19 } }, .fix_csum = true, .reason = SL_REASON_BAD_IP },
	{ "ipv4 total < long header", V4, { { 14, 0x4f }, { 17, 59 } }, .fix_csum = true, .reason = SL_REASON_BAD_IP },
	{ "ipv4 total > frame", V4, { { 17, 61 } }, .fix_csum = true, .reason = SL_REASON_BAD_IP },
	{ "ipv4 checksum", V4, { { 22, 63 } }, .reason = SL_REASON_BAD_IP_CSUM },
	{ "ipv4 options", { .family = 4, .proto = 17, .payload = 20 }, { { 14, 0x46 }, { 42, 0 }, { 43, 16 } },
	  .fix_csum = true, .family = 4, .flags = L4, .effective_family = 4 },
	{ "ipv4 options instead of tcp", V4, { { 14, 0x4b } }, .fix_csum = true, .family = 4, .flags = SL_PACKET_BAD_L4,
	  .effective_family = 4, .key = SL_REASON_BAD_L4 },
	{ "ipv4 source route", V4, { { 14, 0x46 }, { 34, 131 }, { 35, 3 } }, .fix_csum = true, .family = 4,
	  .flags = SL_PACKET_OPTIONS | SL_PACKET_BAD_L4, .effective_family = 4, .key = SL_REASON_IP_OPTIONS },
	{ "ipv4 source route behind the options", V4, { { 14, 0x46 }, { 37, 131 }, { 38, 3 } }, .fix_csum = true, .family = 4,
	  .flags = SL_PACKET_BAD_L4, .effective_family = 4, .key = SL_REASON_BAD_L4 },
	{ "ipv4 first fragment", V4, { { 20, 0x20 } }, .fix_csum = true, .family = 4, .flags = SL_PACKET_FRAGMENT,
	  .effective_family = 4, .key = SL_REASON_FRAGMENT },
	{ "ipv4 last fragment", V4, { { 21, 1 } }, .fix_csum = true, .family = 4, .flags = SL_PACKET_FRAGMENT,
	  .effective_family = 4, .key = SL_REASON_FRAGMENT },
	{ "ipv4 icmp", V4, { { 23, 1 } }, .fix_csum = true, .family = 4, .effective_family = 4, .key = SL_REASON_NO_L4 },
	{ "tcp offset 4", V4, { { 46, 0x40 } }, .family = 4, .flags = SL_PACKET_BAD_L4, .effective_family = 4,
	  .key = SL_REASON_BAD_L4 },
	{ "tcp offset beyond", V4, { { 46, 0xb0 } }, .family = 4, .flags = SL_PACKET_BAD_L4, .effective_family = 4,
	  .key = SL_REASON_BAD_L4 },
	{ "tcp truncated", V4, { { 17, 39 } }, .fix_csum = true, .family = 4, .flags = SL_PACKET_BAD_L4,
	  .effective_family = 4, .key = SL_REASON_BAD_L4 },
	{ "udp truncated", V4U, { { 17, 27 } }, .fix_csum = true, .family = 4, .flags = SL_PACKET_BAD_L4,
	  .effective_family = 4, .key = SL_REASON_BAD_L4 },
	{ "udp length 7", V4U, { { 39, 7 } }, .family = 4, .flags = SL_PACKET_BAD_L4, .effective_family = 4,
	  .key = SL_REASON_BAD_L4 },
	{ "udp length beyond", V4U, { { 39, 29 } }, .family = 4, .flags = SL_PACKET_BAD_L4, .effective_family = 4,
	  .key = SL_REASON_BAD_L4 },
	{ "ipv6 cut", V6, .cut = 94 - 53, .reason = SL_REASON_BAD_IP },
	{ "ipv6 version", V6, { { 14, 0x40 } }, .reason = SL_REASON_BAD_IP },
	{ "ipv6 payload beyond", V6, { { 19, 41 } }, .reason = SL_REASON_BAD_IP },
	{ "ipv6 fragment", V6, { { 20, 44 } }, .family = 6, .flags = SL_PACKET_FRAGMENT, .effective_family = 6,
	  .key = SL_REASON_FRAGMENT },
	{ "ipv6 hop-by-hop", V6U, { { 20, 0 }, { 54, 17 }, { 55, 0 }, { 66, 0 }, { 67, 20 } }, .family = 6, .flags = L4,
	  .effective_family = 6 },
	{ "ipv6 hop-by-hop beyond the packet", V6U, { { 20, 0 }, { 54, 17 }, { 55, 4 } }, .family = 6, .flags = SL_PACKET_EXTENSION,
	  .effective_family = 6, .key = SL_REASON_EXT_HDR },
	{ "ipv6 router alert", V6U, { { 20, 0 }, { 55, 0 }, { 56, 5 }, { 57, 2 } }, .family = 6, .flags = SL_PACKET_EXTENSION,
	  .effective_family = 6, .key = SL_REASON_EXT_HDR },
	{ "ipv6 shim6", V6, { { 20, 140 } }, .family = 6, .flags = SL_PACKET_EXTENSION, .effective_family = 6,
	  .key = SL_REASON_EXT_HDR },
	{ "ipv4 icmp error", { .family = 4, .proto = 6, .payload = 40 }, { { 23, 1 }, { 34, 3 }, { 42, 0x45 }, { 48, 0 }, { 49, 0 },
	  { 51, 6 } }, .fix_csum = true, .family = 4, .flags = SL_PACKET_ICMP_ERROR, .effective_family = 4,
	  .key = SL_REASON_ICMP_ERROR },
	{ "ipv4 icmp echo", { .family = 4, .proto = 6, .payload = 40 }, { { 23, 1 }, { 34, 8 }, { 42, 0x45 }, { 48, 0 }, { 49, 0 },
	  { 51, 6 } }, .fix_csum = true, .family = 4, .effective_family = 4, .key = SL_REASON_NO_L4 },
	{ "ipv6 icmp", V6, { { 20, 58 } }, .family = 6, .effective_family = 6, .key = SL_REASON_NO_L4 },
	{ "decap without tunnel", V4, .decap = true, .family = 4, .flags = L4, .effective_family = 4,
	  .key = SL_REASON_TUNNEL_INNER },
	{ "vxlan in ipv4", VX4, .decap = true, .family = 4, .flags = L4, .effective_family = 4, .vxlan = true },
	{ "vxlan in ipv6, tag", VX6, .decap = true, .family = 6, .flags = L4, .effective_family = 6, .vxlan = true },
	{ "vxlan 6 in 4", { .family = 4, .proto = 17, .inner = 6 }, .decap = true, .family = 4, .flags = L4,
	  .effective_family = 6, .vxlan = true },
	{ "vxlan without flag", VX4, { { 42, 0xf7 } }, .decap = true, .family = 4, .flags = L4, .effective_family = 4,
	  .key = SL_REASON_TUNNEL_INNER },
	{ "vxlan with ethernet alone", VX4, { { 39, 30 } }, .decap = true, .family = 4, .flags = L4, .effective_family = 4,
	  .vxlan = true, .key = SL_REASON_BAD_IP },
	{ "vxlan shorter", VX4, { { 39, 29 } }, .decap = true, .family = 4, .flags = L4, .effective_family = 4,
	  .key = SL_REASON_TUNNEL_INNER },
	{ "other port", { .family = 4, .proto = 17, .inner = 4, .dport = 4790 }, .decap = true, .family = 4, .flags = L4,
	  .effective_family = 4, .key = SL_REASON_TUNNEL_INNER },
	{ "inner arp", VX4, { { 63, 0x06 } }, .decap = true, .family = 4, .flags = L4, .effective_family = 4,
	  .vxlan = true, .key = SL_REASON_TUNNEL_INNER },
	{ "inner tag", VX4, { { 62, 0x81 }, { 63, 0x00 } }, .decap = true, .family = 4, .flags = L4,
	  .effective_family = 4, .vxlan = true, .key = SL_REASON_TUNNEL_INNER },
	{ "inner bad checksum", VX4, { { 72, 1 } }, .decap = true, .family = 4, .flags = L4, .effective_family = 4,
	  .vxlan = true, .key = SL_REASON_BAD_IP_CSUM },
	{ "inner too long", VX4, { { 67, 61 } }, .decap = true, .family = 4, .flags = L4, .effective_family = 4,
	  .vxlan = true, .key = SL_REASON_BAD_IP },
};

static void run_row(const struct row *row)
{
	struct sl_headers headers;
	struct test_frame frame;
	struct sl_key key = { 0 };
	uint8_t *exact;
	int reason;

	frame_build(&frame, &row->shape);
	for (unsigned int i = 0; i < 6 && row->patch[i].off; i++)
		frame.b[row->patch[i].off] = row->patch[i].value;
	if (row->fix_csum) {
		put16(frame.b + 24, 0);
		put16(frame.b + 24, 0xffff & ~test_sum(frame.b + 14, 4u * (frame.b[14] & 15), 0));
	}
	frame.len -= (unsigned int)row->cut;
	exact = malloc(frame.len);
	assert_non_null(exact);
	memcpy(exact, frame.b, frame.len);
	memset(&headers, 0xa5, sizeof(headers));
	reason = sl_parse(sl_window_at(exact), frame.len, 3, 4789, &headers);
	assert_int_equal(reason, row->reason);
	assert_int_equal(headers.outer.error, row->reason);
	assert_int_equal(headers.port, 3);
	if (reason == 0) {
		assert_int_equal(headers.outer.family, row->family);
		assert_int_equal(headers.outer.flags, row->flags);
		assert_int_equal(headers.tunnel != 0, row->vxlan);
		assert_int_equal(sl_headers_effective(&headers)->family, row->effective_family);
		assert_int_equal(headers.outer.tags, row->tags < 0 || row->shape.vid == 0 ? 0 : row->tags ? row->tags : 1);
		if (row->cut == 0 && row->tags >= 0)
			assert_int_equal(headers.outer.vid, row->shape.vid);
		assert_int_equal(sl_key_build(&headers, 7, row->decap, &key), row->key);
		if (row->key == 0)
			assert_int_equal(headers.outer.l3_end, frame.len - row->shape.padding);
		if (row->vxlan)
			assert_int_equal(headers.vni, 0x010203);
	}
	free(exact);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		print_message("row %s\n", rows[i].what);
		run_row(&rows[i]);
	}
}

static void test_key_bytes(void **state)
{
	const struct test_shape shape = { .family = 4, .proto = 17, .sport = 0x1234, .dport = 0x5678 };
	const struct sl_key expected = { .src = { 192, 0, 2, 1 }, .dst = { 198, 51, 100, 10 }, .sport = 0x3412,
					 .dport = 0x7856, .tenant = 0xabcd, .proto = 17, .family = 4 };
	struct sl_headers headers;
	struct test_frame frame;
	struct sl_key key;

	(void)state;
	memset(&key, 0xff, sizeof(key));
	frame_build(&frame, &shape);
	assert_int_equal(sl_parse(sl_window_at(frame.b), frame.len, 0, 0, &headers), 0);
	assert_int_equal(sl_key_build(&headers, 0xabcd, 0, &key), 0);
	assert_memory_equal(&key, &expected, sizeof(key));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows), cmocka_unit_test(test_key_bytes) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
