/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Segmentation and checksum completion. Frames are built and checked by code of this file that shares nothing with the
 * code under test: every cut frame is parsed from its first byte and every checksum in it is verified by summing.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sim/port_segment.h"

#define TCP 6
#define UDP 17

/* What a row's frame looks like. */
struct shape {
	const char *what;
	unsigned int family, proto;
	unsigned int outer;   /* 0 none, 4 or 6: VXLAN in this family; 14 IP in IPv4 */
	unsigned int tags;    /* 802.1Q tags inside the frame */
	unsigned int options; /* bytes of TCP options */
	uint32_t payload, size;
	uint8_t gso;
	bool no_start;        /* as from GRO: no checksum start is given */
	unsigned int frames;  /* expected */
};

static uint8_t big[80000], cut[80000];
static uint32_t start, l4_at, header_len;

static uint32_t words(const uint8_t *p, uint32_t n)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < n; i++)
		sum += i % 2 == 0 ? (uint32_t)p[i] << 8 : p[i];
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static uint32_t put(uint32_t at, const char *hex)
{
	for (; *hex != '\0'; hex++) {
		unsigned int byte;

		if (*hex == ' ')
			continue;
		assert_int_equal(sscanf(hex, "%2x", &byte), 1);
		big[at++] = (uint8_t)byte;
		hex++;
	}
	return at;
}

static uint32_t put_ethernet(uint32_t at, unsigned int family, unsigned int tags)
{
	at = put(at, "020000000001 020000000002");
	for (unsigned int i = 0; i < tags; i++)
		at = put(at, "8100 0064");
	return put(at, family == 4 ? "0800" : "86dd");
}

/* Lengths are those of the large frame or of nothing, as a kernel leaves them: here zero, to see that they are set. */
static uint32_t put_ip(uint32_t at, unsigned int family, unsigned int proto)
{
	if (family == 4) {
		at = put(at, "4500 0000 fffe 4000 40 00 0000 0a000001 0a000002");
		big[at - 11] = (uint8_t)proto;
	} else {
		at = put(at, "60000000 0000 00 40 20010db8000000000000000000000001 20010db8000000000000000000000002");
		big[at - 34] = (uint8_t)proto;
	}
	return at;
}

static uint32_t build(const struct shape *s)
{
	uint32_t at = 0;

	memset(big, 0, sizeof(big));
	if (s->outer == 14) {
		at = put_ip(put_ethernet(at, 4, s->tags), 4, s->family == 4 ? 4 : 41);
		at = put_ip(at, s->family, s->proto);
	} else if (s->outer != 0) {
		at = put_ip(put_ethernet(at, s->outer, s->tags), s->outer, UDP);
		at = put(at, s->outer == 4 ? "c000 12b5 0000 0000" : "c000 12b5 0000 beef"); /* without and with checksum */
		at = put(at, "08000000 00007b00");
		at = put_ip(put_ethernet(at, s->family, 0), s->family, s->proto);
	} else {
		at = put_ip(put_ethernet(at, s->family, s->tags), s->family, s->proto);
	}
	l4_at = start = at;
	if (s->proto == TCP) {
		at = put(at, "04d2 0050 ffffff00 00000001 50 99 1000 0000 0000"); /* CWR, ACK, PSH, FIN */
		big[l4_at + 12] = (uint8_t)((20 + s->options) / 4 << 4);
		for (unsigned int i = 0; i < s->options; i++)
			big[at++] = 1;
	} else {
		at = put(at, "04d2 0050 0000 0000");
	}
	header_len = at;
	for (uint32_t i = 0; i < s->payload; i++)
		big[at++] = (uint8_t)(i * 13 + i / 251);
	return at;
}

static uint32_t get16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

/* Checks one IP header at `at` of a frame of len bytes; returns where its payload begins. */
static uint32_t check_ip(uint32_t at, uint32_t len, unsigned int index, uint32_t *pseudo)
{
	if (cut[at] >> 4 == 4) {
		assert_int_equal(get16(&cut[at + 2]), len - at);
		assert_int_equal(get16(&cut[at + 4]), (0xfffe + index) & 0xffff);
		assert_int_equal(words(&cut[at], 20), 0xffff);
		*pseudo = words(&cut[at + 12], 8) + cut[at + 9];
		return at + 20;
	}
	assert_int_equal(get16(&cut[at + 4]), len - at - 40);
	*pseudo = words(&cut[at + 8], 32) + cut[at + 6];
	return at + 40;
}

static uint32_t folded(uint32_t sum)
{
	return (sum & 0xffff) + (sum >> 16);
}

/* One wire frame: every length, identification, flag, sequence number and checksum. */
static void check(const struct shape *s, uint32_t len, unsigned int index, uint32_t offset, bool last)
{
	uint32_t at = 14 + 4 * s->tags, pseudo, l4;

	at = check_ip(at, len, index, &pseudo);
	if (s->outer == 4 || s->outer == 6) {
		assert_int_equal(get16(&cut[at + 4]), len - at);
		if (get16(&cut[at + 6]) != 0)
			assert_int_equal(folded(pseudo + (len - at) + words(&cut[at], len - at)), 0xffff);
		else
			assert_int_equal(s->outer, 4);
		at += 8 + 8 + 14;
	}
	l4 = s->outer != 0 ? check_ip(at, len, index, &pseudo) : at;
	assert_int_equal(l4, l4_at);
	pseudo = folded(pseudo + (len - l4));
	assert_int_equal(folded(pseudo + words(&cut[l4], len - l4)), 0xffff);
	if (s->proto == TCP) {
		assert_int_equal(ntohl(*(uint32_t *)(void *)memcpy(&(uint32_t){ 0 }, &cut[l4 + 4], 4)), 0xffffff00u + offset);
		assert_int_equal(cut[l4 + 13], 0x10 | (index == 0 ? 0x80 : 0) | (last ? 0x09 : 0));
	} else {
		assert_int_equal(get16(&cut[l4 + 4]), len - l4);
		assert_int_not_equal(get16(&cut[l4 + 6]), 0);
	}
	assert_memory_equal(&cut[header_len], &big[header_len + offset], len - header_len);
}

static const struct shape cuts[] = {
	{ "TCP over IPv4", 4, TCP, 0, 0, 0, 10000, 1460, 1, false, 7 },
	{ "exactly full segments", 4, TCP, 0, 0, 12, 4 * 1448, 1448, 1, false, 4 },
	{ "one byte over", 4, TCP, 0, 0, 12, 1449, 1448, 1, false, 2 },
	{ "less than one segment", 4, TCP, 0, 0, 12, 100, 1448, 1, false, 1 },
	{ "no payload", 4, TCP, 0, 0, 12, 0, 1448, 1, false, 1 },
	{ "longest", 4, TCP, 0, 0, 12, 65000, 1448, 1, false, 45 },
	{ "odd segment size", 4, TCP, 0, 0, 40, 5003, 537, 1, false, 10 },
	{ "with ECN", 4, TCP, 0, 0, 12, 5000, 1448, 0x81, false, 4 },
	{ "tagged", 4, TCP, 0, 1, 12, 5000, 1448, 1, false, 4 },
	{ "double tagged", 4, TCP, 0, 2, 12, 5000, 1448, 1, false, 4 },
	{ "TCP over IPv6", 6, TCP, 0, 0, 12, 20000, 1428, 4, false, 15 },
	{ "UDP over IPv4", 4, UDP, 0, 0, 0, 5000, 1472, 5, false, 4 },
	{ "UDP over IPv6", 6, UDP, 0, 0, 0, 5000, 1452, 5, false, 4 },
	{ "merged by GRO, IPv4", 4, TCP, 0, 0, 12, 5000, 1448, 1, true, 4 },
	{ "merged by GRO, IPv6", 6, TCP, 0, 0, 12, 5000, 1428, 4, true, 4 },
	{ "VXLAN over IPv4", 4, TCP, 4, 0, 12, 5000, 1398, 1, false, 4 },
	{ "VXLAN over IPv6 with checksum", 4, TCP, 6, 0, 12, 5000, 1378, 1, false, 4 },
	{ "IPv6 in VXLAN", 6, TCP, 4, 0, 12, 5000, 1378, 4, false, 4 },
	{ "IPv4 in IPv4", 4, TCP, 14, 0, 12, 5000, 1428, 1, false, 4 },
	{ "IPv6 in IPv4", 6, TCP, 14, 0, 12, 5000, 1408, 4, false, 4 },
};

static void segments(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		const struct shape *s = &cuts[i];
		const uint32_t len = build(s);
		struct virtio_net_hdr offload = { .gso_type = s->gso, .gso_size = (uint16_t)s->size };
		struct sl_segment segment;
		uint32_t offset = 0, n;
		unsigned int count = 0;

		if (!s->no_start) {
			offload.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
			offload.csum_start = (uint16_t)start;
			offload.csum_offset = s->proto == TCP ? 16 : 6;
		}
		if (sl_segment_begin(&segment, &offload, big, len) != 0)
			fail_msg("%s: refused", s->what);
		while ((n = sl_segment_next(&segment, cut)) != 0) {
			if (n > header_len + s->size)
				fail_msg("%s: frame of %u bytes", s->what, n);
			check(s, n, count, offset, offset + (n - header_len) == s->payload);
			offset += n - header_len;
			count++;
		}
		if (count != s->frames || offset != s->payload)
			fail_msg("%s: %u frames with %u bytes", s->what, count, offset);
	}
}

/* Whole frames with an unfinished checksum: the field holds the pseudo header's sum. */
static void checksums(void **state)
{
	static const struct shape rows[] = {
		{ .what = "TCP, even", .family = 4, .proto = TCP, .payload = 100 },
		{ .what = "TCP, odd", .family = 4, .proto = TCP, .payload = 101 },
		{ .what = "TCP over IPv6", .family = 6, .proto = TCP, .payload = 33 },
		{ .what = "UDP", .family = 4, .proto = UDP, .payload = 7 },
		{ .what = "inside VXLAN", .family = 4, .proto = TCP, .outer = 4, .payload = 50 },
		{ .what = "tagged", .family = 4, .proto = TCP, .tags = 1, .payload = 50 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const uint32_t len = build(&rows[i]), field = start + (rows[i].proto == TCP ? 16 : 6);
		const uint32_t addresses = rows[i].family == 4 ? words(&big[start - 8], 8) : words(&big[start - 32], 32);
		const uint32_t pseudo = folded(addresses + rows[i].proto + (len - start));
		const struct virtio_net_hdr offload = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = (uint16_t)start,
							.csum_offset = (uint16_t)(field - start) };
		struct sl_segment segment;

		big[field] = (uint8_t)(pseudo >> 8);
		big[field + 1] = (uint8_t)pseudo;
		assert_int_equal(sl_segment_begin(&segment, &offload, big, len), 0);
		assert_int_equal(sl_segment_next(&segment, cut), len);
		if (folded(pseudo + words(&cut[start], len - start)) != 0xffff)
			fail_msg("%s: checksum %04x", rows[i].what, get16(&cut[field]));
		assert_memory_equal(cut, big, field);
		assert_memory_equal(cut + field + 2, big + field + 2, len - field - 2);
		assert_int_equal(sl_segment_next(&segment, cut), 0);
	}
}

/* A UDP checksum that comes out as 0 is sent as 0xffff; TCP's is left. */
static void zero_checksum(void **state)
{
	const struct shape udp = { .family = 4, .proto = UDP, .payload = 2 };
	const uint32_t len = build(&udp);
	struct virtio_net_hdr offload = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = (uint16_t)start, .csum_offset = 6 };
	struct sl_segment segment;
	uint32_t sum;

	(void)state;
	big[len - 2] = big[len - 1] = 0;
	sum = 0xffff - words(&big[start], len - start);
	big[len - 2] = (uint8_t)(sum >> 8);
	big[len - 1] = (uint8_t)sum;
	assert_int_equal(sl_segment_begin(&segment, &offload, big, len), 0);
	sl_segment_next(&segment, cut);
	assert_int_equal(get16(&cut[start + 6]), 0xffff);
}

static void plain(void **state)
{
	const struct shape tcp = { .family = 4, .proto = TCP, .payload = 500 };
	const struct virtio_net_hdr offload = { .flags = VIRTIO_NET_HDR_F_DATA_VALID };
	struct sl_segment segment;
	uint32_t len = build(&tcp);

	(void)state;
	assert_int_equal(sl_segment_begin(&segment, &offload, big, len), 0);
	assert_int_equal(sl_segment_next(&segment, cut), len);
	assert_memory_equal(cut, big, len);
	assert_true(segment.done);
}

static void refused(void **state)
{
	static const struct {
		const char *what;
		struct shape shape;
		struct virtio_net_hdr offload;
		uint32_t len; /* 0: the whole frame */
		int l4;       /* csum_start is the L4 header plus this */
	} rows[] = {
		{ "shorter than Ethernet", { .family = 4, .proto = TCP }, { 0 }, 13, 0 },
		{ "checksum beyond the end", { .family = 4, .proto = TCP }, { .flags = 1, .csum_offset = 16 }, 50, 0 },
		{ "checksum far beyond", { .family = 4, .proto = TCP }, { .flags = 1, .csum_offset = 65535 }, 0, 0 },
		{ "no segment size", { .family = 4, .proto = TCP }, { .flags = 1, .csum_offset = 16, .gso_type = 1 }, 0, 0 },
		{ "UDP fragmentation", { .family = 4, .proto = UDP },
		  { .flags = 1, .csum_offset = 6, .gso_type = 3, .gso_size = 1000 }, 0, 0 },
		{ "unknown kind", { .family = 4, .proto = TCP },
		  { .flags = 1, .csum_offset = 16, .gso_type = 77, .gso_size = 1000 }, 0, 0 },
		{ "TCP said, UDP there", { .family = 4, .proto = UDP, .payload = 50 },
		  { .flags = 1, .csum_offset = 6, .gso_type = 1, .gso_size = 1000 }, 0, 0 },
		{ "checksum start inside TCP", { .family = 4, .proto = TCP, .payload = 50 },
		  { .flags = 1, .csum_offset = 6, .gso_type = 1, .gso_size = 1000 }, 0, 4 },
		{ "TCP header cut", { .family = 4, .proto = TCP },
		  { .gso_type = 1, .gso_size = 1000 }, 14 + 20 + 19, 0 },
		{ "TCP options cut", { .family = 4, .proto = TCP, .options = 40 },
		  { .flags = 1, .csum_offset = 16, .gso_type = 1, .gso_size = 1000 }, 14 + 20 + 40, 0 },
		{ "IP header cut", { .family = 6, .proto = TCP }, { .gso_type = 4, .gso_size = 1000 }, 50, 0 },
		{ "tunnel cut", { .family = 4, .proto = TCP, .outer = 4 }, { .gso_type = 1, .gso_size = 1000 }, 60, 0 },
		{ "frames would be too long", { .family = 4, .proto = TCP, .payload = 70000 },
		  { .flags = 1, .csum_offset = 16, .gso_type = 1, .gso_size = 65535 }, 0, 0 },
		{ "too long and nothing to cut", { .family = 4, .proto = TCP, .payload = 70000 }, { 0 }, 0, 0 },
		{ "four tags", { .family = 4, .proto = TCP, .tags = 4 }, { .gso_type = 1, .gso_size = 1000 }, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const uint32_t len = build(&rows[i].shape);
		struct virtio_net_hdr offload = rows[i].offload;
		struct sl_segment segment;

		offload.csum_start = (uint16_t)(start + (uint32_t)rows[i].l4);
		if (sl_segment_begin(&segment, &offload, big, rows[i].len != 0 ? rows[i].len : len) != -EINVAL)
			fail_msg("%s: accepted", rows[i].what);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(segments), cmocka_unit_test(checksums), cmocka_unit_test(zero_checksum),
		cmocka_unit_test(plain),    cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
