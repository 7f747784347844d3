/* SPDX-License-Identifier: BSD-3-Clause */
/* The short cut of stage parse says of a frame what the stage says, or nothing: random frames near the usual ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hw/model/parse.h"
#include "hw/model/plain.h"

#define FRAMES 400000u

static uint64_t seed = 88172645463325252u;

static uint32_t any(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 20) % below;
}

static void ipv4_checksum(uint8_t *ip)
{
	uint32_t sum = 0;

	ip[10] = ip[11] = 0;
	for (unsigned int i = 0; i < 20; i += 2)
		sum += sl_load_be16(ip + i);
	sum = (sum & 0xffff) + (sum >> 16);
	sl_store_be16(ip + 10, ~((sum & 0xffff) + (sum >> 16)));
}

/* TCP or UDP in IPv4 or IPv6, right but for up to two bytes of the headers; the checksum is right half of the times after that. */
static uint32_t make_frame(uint8_t *f)
{
	static const uint16_t ports[] = { 80, 443, 4789, SL_GENEVE_PORT, SL_GUE_PORT, 53 };
	const bool v6 = any(2), udp = any(2);
	const uint32_t ip_len = v6 ? 40 : 20, payload = (udp ? 8 : 20) + any(40), padding = any(3) ? 0 : any(10);
	uint8_t *ip = f + 14, *l4 = ip + ip_len;

	for (unsigned int i = 0; i < 14 + 40 + 80; i++)
		f[i] = (uint8_t)any(256);
	sl_store_be16(f + 12, v6 ? 0x86dd : 0x0800);
	if (v6) {
		ip[0] = (uint8_t)(0x60 | any(16));
		sl_store_be16(ip + 4, payload);
		ip[6] = udp ? 17 : 6;
	} else {
		ip[0] = 0x45;
		sl_store_be16(ip + 2, 20 + payload);
		ip[6] = any(2) ? 0x40 : 0;
		ip[7] = 0;
		ip[9] = udp ? 17 : 6;
	}
	sl_store_be16(l4 + 2, ports[any(6)]);
	if (udp)
		sl_store_be16(l4 + 4, any(8) ? payload : any(payload + 4));
	else
		l4[12] = (uint8_t)((any(8) ? 5 : any(16)) << 4);
	for (uint32_t n = any(3); n > 0; n--)
		f[12 + any(ip_len + 20)] = (uint8_t)any(256);
	if (!v6 && any(8))
		ipv4_checksum(ip);
	return 14 + ip_len + payload + padding - (any(10) ? 0 : any(20));
}

static void test_agrees(void **state)
{
	static const uint32_t tunnels[] = { 0, 4789, 4789 | SL_TUNNEL_FLAG_GENEVE | SL_TUNNEL_FLAG_GUE, SL_TUNNEL_FLAG_GENEVE };
	unsigned int plain4 = 0, plain6 = 0;
	static struct sl_window window;
	struct sl_headers headers;

	(void)state;
	for (uint32_t i = 0; i < FRAMES; i++) {
		const uint32_t len = make_frame(window.b), t = tunnels[any(4)];
		const struct sl_packet *p = &headers.outer;
		struct sl_plain plain = { 0 };
		const bool is4 = len >= SL_PLAIN4_BYTES && sl_plain4(window.b, len, t, &plain);
		const bool is6 = !is4 && len >= SL_PLAIN6_BYTES && sl_plain6(window.b, len, t, &plain);
		const int error = sl_parse(&window, len, 0, t, &headers);

		if (!is4 && !is6) {
			/* What it leaves alone without need is tunnels' ports that are not opened, and small packets. */
			if (error == 0 && p->flags == SL_PACKET_L4 && p->tags == 0 && headers.tunnel == 0 &&
			    p->l4_off - p->l3_off == (p->family == 4 ? 20 : 40) && len >= SL_PLAIN6_BYTES)
				assert_true(p->proto == 17 && (p->dport == (t & 0xffff) || p->dport == SL_GENEVE_PORT ||
								p->dport == SL_GUE_PORT));
			continue;
		}
		plain4 += is4;
		plain6 += is6;
		assert_int_equal(error, 0);
		assert_int_equal(headers.tunnel, 0);
		assert_int_equal(p->family, is4 ? 4 : 6);
		assert_int_equal(p->flags, SL_PACKET_L4);
		assert_int_equal(p->tags, 0);
		assert_int_equal(p->l4_off, 14 + (is4 ? 20 : 40));
		assert_int_equal(p->l3_end, 14 + plain.l3_len);
		assert_int_equal(p->l3_end - p->l4_off, plain.payload);
		assert_int_equal(p->proto, plain.proto);
		assert_int_equal(p->ttl, plain.ttl);
		assert_int_equal(p->tos, plain.tos);
		assert_int_equal(p->tcp_flags, plain.tcp_flags);
		assert_int_equal(plain.ports, sl_load32(window.b + p->l4_off));
	}
	assert_true(plain4 > FRAMES / 20 && plain6 > FRAMES / 20);
}

/* The sum of a header's words, as far as it can be: near each multiple of 65535, and anywhere. */
static void test_sum(void **state)
{
	(void)state;
	for (uint64_t i = 1; i < 6 << 16; i++) {
		for (uint64_t sum = 65535 * i - 1; sum <= 65535 * i + 1; sum++)
			assert_int_equal(sl_plain_sum(sum), sum % 65535 == 0);
		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		assert_int_equal(sl_plain_sum(seed >> 24), (seed >> 24) % 65535 == 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_agrees), cmocka_unit_test(test_sum) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
