/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How many prefixes the firmware finds room for: its own placement, in the host build, fills the tables, and the C model
 * says of each what a frame to it finds there. SLUICE_SEED chooses other services and addresses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "firmware/crash.h"
#include "firmware/firmware.h"
#include "hw/model/prefix.h"
#include "tests/firmware/core.h"

#define SERVICES 16384u /* that are promised */
#define PREFIXES (2 * SL_PREFIX_WAYS << SL_PREFIX_BUCKETS_LOG2) /* slots of one table */
#define SEEDS 4u
#define TCP 6
#define UDP 17

static struct sl_firmware fw;
static uint64_t random_state;
static struct sl_class_prefix made[PREFIXES];

static uint32_t below(uint32_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 32) % n;
}

static void begin(uint32_t seed)
{
	const char *other = getenv("SLUICE_SEED");

	random_state = (strtoull(other ? other : "0", NULL, 0) + 1) * 0x9e3779b97f4a7c15ull + seed;
	core_power_on();
	sl_crash_forget();
	sl_firmware_boot(&fw);
	assert_int_equal(core.status, SL_MGMT_STATUS_SERVING);
}

static enum sl_status set_in(uint32_t mode, const struct sl_class_prefix *prefix, uint32_t sets)
{
	struct sl_prefix_arg arg = { .table = sl_prefix_table_of(prefix, mode), .prefix = *prefix };

	arg.prefix.sets = sets;
	return core_admin(&fw, SL_ADMIN_OP_PREFIX_SET, &arg, sizeof(arg));
}

static enum sl_status set(const struct sl_class_prefix *prefix, uint32_t sets)
{
	return set_in(SL_PREFIX_MODE_DST, prefix, sets);
}

/* ---- what a frame finds ---- */

/* The sets that a frame to (or from) this address, protocol and port is in, by the model. */
static uint32_t found(uint32_t mode, const struct sl_class_prefix *to, uint32_t proto, uint32_t port)
{
	struct sl_headers headers = { .outer = { .family = to->family, .proto = (uint8_t)proto, .l3_off = 14 } };
	struct sl_packet *outer = &headers.outer;
	struct sl_prefix_sets sets;

	memcpy(mode == SL_PREFIX_MODE_DST ? outer->dst : outer->src, to->addr, sizeof(to->addr));
	outer->l4_off = (uint16_t)(outer->l3_off + (to->family == 6 ? 40 : 20));
	if (proto == TCP || proto == UDP) {
		outer->flags = SL_PACKET_L4;
		outer->sport = outer->dport = (uint16_t)port;
	}
	sl_prefix_find(&core.datapath.bucket[0], &headers, &sets);
	return sets.of[mode];
}

static bool matches(const struct sl_class_prefix *p, uint32_t proto, uint32_t port)
{
	const bool ports = p->port_lo || p->port_hi != 65535, l4 = proto == TCP || proto == UDP;

	return (!p->proto_mask || p->proto == proto) && (!ports || (l4 && p->port_lo <= port && port <= p->port_hi));
}

/* ---- services as there are ---- */

static const struct sl_class_prefix any_port = { .sets = 1, .port_hi = 65535, .meter = SL_PREFIX_METER_RULE };

static void give_ports(struct sl_class_prefix *p, uint32_t proto, uint32_t lo, uint32_t hi)
{
	p->proto = (uint8_t)proto;
	p->proto_mask = 0xff;
	p->port_lo = (uint16_t)lo;
	p->port_hi = (uint16_t)hi;
}

/* A network somewhere: IPv4 of 20 to 32 bits, IPv6 of 32 to 128. */
static uint32_t network(struct sl_class_prefix *vip)
{
	uint32_t bits;

	*vip = any_port;
	vip->family = below(5) < 3 ? 4 : 6;
	bits = vip->family == 4 ? 20 + below(13) : 32 + below(97);
	for (uint32_t i = 0; i < (vip->family == 4 ? 4 : 16); i++)
		vip->addr[i] = (uint8_t)(8 * i + 8 <= bits ? below(256) : 8 * i < bits ? below(256) & 0xff00u >> bits % 8 : 0);
	return vip->family == 4 ? 32 - bits : 128 - bits < 12 ? 128 - bits : 12;
}

/* The prefixes of one VIP, at most seven: HTTP and HTTPS, QUIC, ports of its own, any port, ranges. */
static uint32_t services_of(const struct sl_class_prefix *vip, struct sl_class_prefix *p)
{
	uint32_t n = 0, ranges = below(100) < 85 ? 0 : 1 + below(3);

	for (uint32_t i = 0; i < 7; i++)
		p[i] = *vip;
	if (below(100) < 80)
		give_ports(&p[n++], TCP, 443, 443);
	if (below(100) < 50)
		give_ports(&p[n++], TCP, 80, 80);
	if (below(100) < 30)
		give_ports(&p[n++], UDP, 443, 443);
	for (uint32_t lo = 1000 + below(5000); ranges; ranges--, lo += 2000)
		give_ports(&p[n++], below(2) ? TCP : UDP, lo, lo + 1 + below(1500));
	if (n == 0 || below(100) < 10)
		n++; /* any port of any protocol */
	for (uint32_t i = 0; i < n; i++)
		p[i].sets = 1u << below(32);
	return n;
}

/* `count` prefixes, those of a VIP one after another. */
static void make_services(uint32_t from, uint32_t count)
{
	while (count) {
		struct sl_class_prefix vip, services[7];
		uint32_t n, hosts = 1u << network(&vip);

		for (uint32_t host = 0; host < hosts && host < 40 && count; host++) {
			n = services_of(&vip, services);
			n = n < count ? n : count;
			memcpy(&made[from], services, n * sizeof(services[0]));
			from += n;
			count -= n;
			for (unsigned int i = vip.family == 4 ? 3 : 15; ++vip.addr[i] == 0; i--)
				;
		}
	}
}

/* What frames to every VIP find is what the prefixes that stand say, no more and no less. */
static void check_services(const bool *stands)
{
	static const uint32_t protocols[] = { TCP, UDP, 1 };

	for (uint32_t from = 0, end; from < SERVICES; from = end) {
		for (end = from; end < SERVICES && !memcmp(made[end].addr, made[from].addr, 16); end++)
			;
		for (uint32_t i = from; i < end; i++) {
			const uint32_t ports[] = { made[i].port_lo, made[i].port_hi, below(65536) };

			for (unsigned int k = 0; k < 9; k++) {
				uint32_t sets = 0;

				for (uint32_t j = from; j < end; j++)
					if (stands[j] && matches(&made[j], protocols[k / 3], ports[k % 3]))
						sets |= made[j].sets;
				assert_int_equal(found(SL_PREFIX_MODE_DST, &made[i], protocols[k / 3], ports[k % 3]), sets);
			}
		}
	}
}

static void as_many_as_are_promised(void **state)
{
	static bool stands[SERVICES];
	static const struct sl_prefix_bucket empty[SL_PREFIX_BUCKETS];

	(void)state;
	for (uint32_t seed = 0; seed < SEEDS; seed++) {
		uint32_t exact = 0, v6 = 0;

		begin(seed);
		make_services(0, SERVICES);
		for (uint32_t i = 0; i < SERVICES; i++) {
			exact += sl_prefix_table_of(&made[i], SL_PREFIX_MODE_DST) == SL_PREFIX_TABLE_DST_EXACT;
			v6 += made[i].family == 6;
			stands[i] = true;
			if (set(&made[i], made[i].sets) != SL_STATUS_OK)
				fail_msg("seed %u: prefix %u of the services has no room", seed, i);
		}
		print_message("seed %u: %u prefixes, %u of them exact, %u of IPv6\n", seed, SERVICES, exact, v6);
		check_services(stands);
		for (uint32_t i = 0; i < SERVICES; i++) {
			if (below(2))
				continue;
			stands[i] = false;
			assert_int_equal(set(&made[i], 0), SL_STATUS_OK);
			assert_int_equal(set(&made[i], 0), SL_STATUS_NOT_FOUND);
		}
		check_services(stands);
		for (uint32_t i = 0; i < SERVICES; i++) {
			if (!stands[i])
				assert_int_equal(set(&made[i], made[i].sets), SL_STATUS_OK);
			stands[i] = true;
		}
		check_services(stands);
		for (uint32_t i = 0; i < SERVICES; i++)
			assert_int_equal(set(&made[i], 0), SL_STATUS_OK);
		assert_memory_equal(&core.datapath.bucket[0], empty, sizeof(empty));
	}
}

/* ---- one table until it refuses ---- */

static uint8_t net[16]; /* of a shape's addresses, by the seed */

static void v4(struct sl_class_prefix *p, uint32_t host)
{
	*p = any_port;
	p->family = 4;
	memcpy(p->addr, net, 2);
	p->addr[2] = (uint8_t)(host >> 8);
	p->addr[3] = (uint8_t)host;
}

/* The network's number ends with byte `at`. */
static void v6(struct sl_class_prefix *p, unsigned int at, uint32_t number, uint32_t host)
{
	*p = any_port;
	p->family = 6;
	memcpy(p->addr, net, at - 1);
	p->addr[0] = 0x20;
	p->addr[at - 1] = (uint8_t)(number >> 8);
	p->addr[at] = (uint8_t)number;
	p->addr[14] |= (uint8_t)(host >> 8);
	p->addr[15] = (uint8_t)host;
}

static void https_vips(struct sl_class_prefix *p, uint32_t i)
{
	v4(p, i);
	give_ports(p, TCP, 443, 443);
}

static void http_and_https(struct sl_class_prefix *p, uint32_t i)
{
	v4(p, i / 2);
	give_ports(p, TCP, i % 2 ? 443 : 80, i % 2 ? 443 : 80);
}

static void ports_of_one_vip(struct sl_class_prefix *p, uint32_t i)
{
	v4(p, 1);
	give_ports(p, i % 2 ? UDP : TCP, 1 + i / 2, 1 + i / 2);
}

static void whole_vips(struct sl_class_prefix *p, uint32_t i)
{
	v4(p, i);
}

/* One range for 70 of 100 VIPs, two for 20, three for 7, four for 3. */
static void ranges(struct sl_class_prefix *p, uint32_t i)
{
	static uint32_t host, left, of_host;

	if (i == 0)
		host = left = 0;
	if (left == 0) {
		const uint32_t share = below(100);

		left = of_host = share < 70 ? 1 : share < 90 ? 2 : share < 97 ? 3 : 4;
		host++;
	}
	v4(p, host);
	left--;
	give_ports(p, (of_host - left) % 2 ? TCP : UDP, 1000 * (of_host - left), 1000 * (of_host - left) + 500);
}

static void v6_of_one_64(struct sl_class_prefix *p, uint32_t i)
{
	v6(p, 7, 1, i + 1);
}

static void v6_64_of_128(struct sl_class_prefix *p, uint32_t i)
{
	v6(p, 7, i / 128, i % 128 + 1);
}

static void v6_48_of_one(struct sl_class_prefix *p, uint32_t i)
{
	v6(p, 5, i, 1);
}

static void v6_48_of_16(struct sl_class_prefix *p, uint32_t i)
{
	v6(p, 5, i / 16, i % 16 + 1);
}

static void v6_48_of_128(struct sl_class_prefix *p, uint32_t i)
{
	v6(p, 5, i / 128, i % 128 + 1);
}

static void v6_48_of_128_https(struct sl_class_prefix *p, uint32_t i)
{
	v6_48_of_128(p, i);
	give_ports(p, TCP, 443, 443);
}

/* Each tenant's /48 has four subnets. */
static void v6_48_of_4_64(struct sl_class_prefix *p, uint32_t i)
{
	v6(p, 5, i / 64, i % 16 + 1);
	p->addr[7] = (uint8_t)(i / 16 % 4 + 1);
}

static void v6_32_of_128(struct sl_class_prefix *p, uint32_t i)
{
	v6(p, 3, i / 128, i % 128 + 1);
}

/* Bytes 8 and 9 tell the hosts of a /48 apart. */
static void v6_48_of_far_hosts(struct sl_class_prefix *p, uint32_t i)
{
	v6(p, 5, i / 128, 1);
	p->addr[9] = (uint8_t)(i % 128 + 1);
}

static void v6_interfaces(struct sl_class_prefix *p, uint32_t i)
{
	(void)i;
	v6(p, 7, 1, 0);
	for (unsigned int at = 8; at < 16; at++)
		p->addr[at] = (uint8_t)below(256);
}

/* The refusal changed nothing, and ends as soon as one of those in the way has gone. */
static void check_refusal(uint32_t mode, const struct sl_class_prefix *refused)
{
	static struct sl_prefix_bucket before[SL_PREFIX_BUCKETS];
	const uint32_t table = sl_prefix_table_of(refused, mode);
	const uint32_t bucket = sl_prefix_bucket_index(table, below(2), sl_prefix_hash_of(refused, table));
	const struct sl_class_prefix victim = (&core.datapath.bucket[bucket].slot0)[below(SL_PREFIX_WAYS)];

	memcpy(before, &core.datapath.bucket[0], sizeof(before));
	assert_int_equal(set_in(mode, refused, 1), SL_STATUS_NO_SPACE);
	assert_memory_equal(before, &core.datapath.bucket[0], sizeof(before));
	assert_int_equal(set_in(mode, &victim, 0), SL_STATUS_OK);
	assert_int_equal(set_in(mode, refused, 1), SL_STATUS_OK);
}

static void until_one_is_refused(void **state)
{
	static const struct {
		const char *what;
		void (*make)(struct sl_class_prefix *p, uint32_t i);
		uint32_t mode, at_least;
	} rows[] = {
		{ "VIPs in order, one port", https_vips, SL_PREFIX_MODE_DST, 30500 },
		{ "VIPs in order, two ports", http_and_https, SL_PREFIX_MODE_DST, 30500 },
		{ "one VIP, all its ports", ports_of_one_vip, SL_PREFIX_MODE_DST, 30500 },
		{ "backends in order, one port", https_vips, SL_PREFIX_MODE_SRC, 30500 },
		{ "VIPs in order, any port", whole_vips, SL_PREFIX_MODE_DST, 30500 },
		{ "VIPs in order, one to four ranges each", ranges, SL_PREFIX_MODE_DST, 27000 },
		{ "IPv6, one /64", v6_of_one_64, SL_PREFIX_MODE_DST, 30500 },
		{ "IPv6, random interface identifiers", v6_interfaces, SL_PREFIX_MODE_DST, 30500 },
		{ "IPv6, 128 VIPs in each /64", v6_64_of_128, SL_PREFIX_MODE_DST, 30500 },
		{ "IPv6, one VIP in each /48", v6_48_of_one, SL_PREFIX_MODE_DST, 30500 },
		{ "IPv6, 16 VIPs in each /48", v6_48_of_16, SL_PREFIX_MODE_DST, 30500 },
		{ "IPv6, 128 VIPs in each /48", v6_48_of_128, SL_PREFIX_MODE_DST, 30500 },
		{ "IPv6, 128 VIPs in each /48, one port", v6_48_of_128_https, SL_PREFIX_MODE_DST, 30500 },
		{ "IPv6, four /64 of 16 VIPs in each /48", v6_48_of_4_64, SL_PREFIX_MODE_DST, 30500 },
		{ "IPv6, 128 VIPs in each /48, bytes 8 and 9", v6_48_of_far_hosts, SL_PREFIX_MODE_DST, 30500 },
		{ "IPv6, 128 VIPs in each /32", v6_32_of_128, SL_PREFIX_MODE_DST, 30500 },
	};

	(void)state;
	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		uint32_t least = PREFIXES, most = 0;

		for (uint32_t seed = 0; seed < SEEDS; seed++) {
			uint32_t n = 0;

			begin(seed);
			for (unsigned int i = 0; i < sizeof(net); i++)
				net[i] = (uint8_t)below(256);
			for (; n < PREFIXES; n++) {
				rows[r].make(&made[n], n);
				if (set_in(rows[r].mode, &made[n], 1) != SL_STATUS_OK)
					break;
			}
			assert_true(n < PREFIXES);
			assert_int_equal(core.response.status, SL_STATUS_NO_SPACE);
			for (uint32_t i = 0; i < n; i++)
				assert_int_equal(found(rows[r].mode, &made[i], made[i].proto_mask ? made[i].proto : 1, made[i].port_lo), 1);
			assert_int_equal(found(rows[r].mode, &made[n], made[n].proto_mask ? made[n].proto : 1, made[n].port_lo), 0);
			check_refusal(rows[r].mode, &made[n]);
			least = n < least ? n : least;
			most = n > most ? n : most;
		}
		print_message("%-40s the first refusal after %5u to %5u, %2u %% of the table or more\n", rows[r].what, least, most,
			      least * 100 / PREFIXES);
		assert_true(least >= rows[r].at_least);
	}
}

/* How many of the first n stand. */
static uint32_t standing(uint32_t n)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < n; i++)
		count += found(SL_PREFIX_MODE_DST, &made[i], 1, 0);
	return count;
}

/* The firmware ends after any of the writes that make room: what stood stands, and the command can be repeated. */
static void room_that_was_half_made(void **state)
{
	static struct sl_prefix_bucket before[SL_PREFIX_BUCKETS];
	unsigned int chains = 0, longest = 0;

	(void)state;
	begin(1);
	for (uint32_t n = 0; chains < 6; n++) {
		const unsigned int writes = core.datapath.table_writes;
		unsigned int moves;

		assert_true(n < PREFIXES);
		whole_vips(&made[n], n);
		if (n > 30500)
			memcpy(before, &core.datapath.bucket[0], sizeof(before));
		assert_int_equal(set(&made[n], 1), SL_STATUS_OK);
		moves = core.datapath.table_writes - writes - 1;
		if (n <= 30500 || moves < 3)
			continue;
		chains++;
		longest = moves > longest ? moves : longest;
		for (unsigned int cut = 1; cut <= moves + 1; cut++) {
			memcpy(&core.datapath.bucket[0], before, sizeof(before));
			core.datapath.writes_left = cut;
			assert_int_equal(set(&made[n], 1), SL_STATUS_TIMEOUT);
			core.datapath.table_stuck = false;
			assert_int_equal(standing(n), n);
			assert_int_equal(set(&made[n], 1), SL_STATUS_OK);
			assert_int_equal(standing(n + 1), n + 1);
		}
	}
	print_message("up to %u moves for one prefix\n", longest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_many_as_are_promised),
		cmocka_unit_test(until_one_is_refused),
		cmocka_unit_test(room_that_was_half_made),
	};

	return cmocka_run_group_tests_name("firmware/prefixes", tests, NULL, NULL);
}
