/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Next hops in a network namespace of this process' own:
 *
 *     a0 10.9.0.1/24 fd09::1/64  ----veth----  b0 10.9.0.2/24 fd09::2/64 (in a second namespace, answers ARP and ND)
 *
 * Skipped (with a word) where namespaces cannot be made.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <uv.h>

#include "host/log.h"
#include "host/nexthop.h"

static uv_loop_t loop;
static struct sl_nexthops *hops;
static unsigned int changes, unready; /* notifications; of them of next hops that are not ready */
static char peer[32];

__attribute__((format(printf, 1, 2))) static void sh(const char *format, ...)
{
	char command[512];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	if (system(command))
		fail_msg("%s", command);
}

static void on_change(void *ctx, const struct sl_addr *addr, const struct sl_nexthop *nexthop)
{
	(void)ctx, (void)addr;
	changes++;
	unready += nexthop->state != SL_NEXTHOP_READY;
}

static struct sl_addr addr(const char *text)
{
	struct sl_addr a;

	assert_int_equal(sl_addr_parse(text, &a), 0);
	return a;
}

static struct sl_nexthop get(const char *text)
{
	struct sl_addr a = addr(text);
	struct sl_nexthop n;

	assert_true(sl_nexthops_get(hops, &a, &n));
	return n;
}

static bool wait_state(const char *text, unsigned int state, unsigned int ms)
{
	for (unsigned int i = 0; i < ms; i++) {
		uv_run(&loop, UV_RUN_NOWAIT);
		if (get(text).state == state)
			return true;
		usleep(1000);
	}
	return false;
}

static void watch(const char *text)
{
	struct sl_addr a = addr(text);

	assert_int_equal(sl_nexthops_watch(hops, &a), 0);
}

static void unwatch(const char *text)
{
	struct sl_addr a = addr(text);

	sl_nexthops_unwatch(hops, &a);
}

static void peer_mac(uint8_t mac[6])
{
	static const uint8_t fixed[6] = { 2, 0, 0, 0, 9, 2 };

	memcpy(mac, fixed, 6);
}

static void expect_ready(const char *text)
{
	uint8_t mac[6], own[6] = { 2, 0, 0, 0, 9, 1 };
	struct sl_nexthop n;

	if (!wait_state(text, SL_NEXTHOP_READY, 3000))
		fail_msg("%s: %s", text, sl_nexthop_state_name(get(text).state));
	n = get(text);
	peer_mac(mac);
	assert_memory_equal(n.mac, mac, 6);
	assert_memory_equal(n.source_mac, own, 6);
	assert_int_equal(n.ifindex, (int)if_nametoindex("a0"));
}

static void a_neighbour_is_resolved(void **state)
{
	(void)state;
	watch("10.9.0.2");
	watch("fd09::2");
	expect_ready("10.9.0.2");
	expect_ready("fd09::2");
	assert_int_equal(get("10.9.0.2").mtu, 1500);
	assert_true(changes >= 1);
}

static void a_gateway_is_used_and_routes_are_followed(void **state)
{
	struct sl_addr gateway = addr("10.9.0.2");
	struct sl_nexthop n;

	(void)state;
	watch("192.0.2.77");
	assert_int_equal(get("192.0.2.77").state, SL_NEXTHOP_NO_ROUTE);
	sh("ip route add 192.0.2.0/24 via 10.9.0.2 mtu 1400");
	expect_ready("192.0.2.77");
	n = get("192.0.2.77");
	assert_true(sl_addr_equal(&n.gateway, &gateway));
	assert_int_equal(n.mtu, 1400);
	sh("ip route del 192.0.2.0/24");
	assert_true(wait_state("192.0.2.77", SL_NEXTHOP_NO_ROUTE, 1000));
	unwatch("192.0.2.77");
}

static void a_new_mac_is_followed(void **state)
{
	static const uint8_t other[6] = { 2, 0, 0, 0, 9, 0x77 };
	bool seen = false;

	(void)state;
	sh("ip neigh replace 10.9.0.2 lladdr 02:00:00:00:09:77 dev a0 nud permanent");
	for (unsigned int i = 0; i < 1000 && !seen; i++) {
		uv_run(&loop, UV_RUN_NOWAIT);
		seen = !memcmp(get("10.9.0.2").mac, other, 6);
		usleep(1000);
	}
	assert_true(seen);
	/* Forgotten by the kernel: the MAC stays in use while it asks again, then the right one is back. */
	unready = 0;
	sh("ip neigh del 10.9.0.2 dev a0");
	for (unsigned int i = 0; i < 3000 && !memcmp(get("10.9.0.2").mac, other, 6); i++) {
		uv_run(&loop, UV_RUN_NOWAIT);
		usleep(1000);
	}
	expect_ready("10.9.0.2");
	assert_int_equal(unready, 0);
}

static void a_stale_neighbour_is_asked_to_confirm(void **state)
{
	FILE *f;
	char line[256] = "";

	(void)state;
	sh("ip neigh replace 10.9.0.2 lladdr 02:00:00:00:09:02 dev a0 nud stale");
	for (unsigned int i = 0; i < 300; i++) {
		uv_run(&loop, UV_RUN_NOWAIT);
		usleep(1000);
	}
	f = popen("ip neigh show 10.9.0.2 dev a0", "r");
	assert_non_null(f);
	assert_non_null(fgets(line, sizeof(line), f));
	pclose(f);
	if (!strstr(line, "DELAY") && !strstr(line, "PROBE") && !strstr(line, "REACHABLE"))
		fail_msg("%s", line);
	expect_ready("10.9.0.2");
}

static void a_dead_neighbour_fails_and_returns(void **state)
{
	(void)state;
	sh("sysctl -qw net.ipv4.neigh.a0.retrans_time_ms=50");
	watch("10.9.0.99");
	assert_int_equal(get("10.9.0.99").state, SL_NEXTHOP_RESOLVING);
	assert_true(wait_state("10.9.0.99", SL_NEXTHOP_FAILED, 4000));
	sh("ip netns exec %s ip addr add 10.9.0.99/24 dev b0", peer);
	expect_ready("10.9.0.99"); /* asked again by itself */
	unwatch("10.9.0.99");
}

static void link_mtu_is_followed(void **state)
{
	(void)state;
	sh("ip link set a0 mtu 1450");
	for (unsigned int i = 0; i < 1000 && get("10.9.0.2").mtu != 1450; i++) {
		uv_run(&loop, UV_RUN_NOWAIT);
		usleep(1000);
	}
	assert_int_equal(get("10.9.0.2").mtu, 1450);
}

static uint16_t checksum(const uint8_t *p, size_t n)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < n; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

/* A router's error, from the other namespace, about a packet of this protocol that went from `from` to `to`: the next hop takes `mtu`. */
static void too_big(const char *from, const char *to, uint8_t protocol, uint16_t mtu)
{
	const bool six = strchr(to, ':');
	const int mine = open("/proc/self/ns/net", O_RDONLY);
	uint8_t error[8 + 40 + 8] = { six ? 2 : 3, six ? 0 : 4 }, *quoted = error + 8;
	const size_t len = six ? 56 : 36;
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_addr = { htonl(0x0a090001) } };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	char path[64];
	uint16_t sum;
	int theirs, fd;

	snprintf(path, sizeof(path), "/var/run/netns/%s", peer);
	theirs = open(path, O_RDONLY);
	assert_true(mine >= 0 && theirs >= 0 && !setns(theirs, CLONE_NEWNET));
	fd = socket(six ? AF_INET6 : AF_INET, SOCK_RAW, six ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	assert_true(fd >= 0 && !setns(mine, CLONE_NEWNET));
	error[6] = (uint8_t)(mtu >> 8);
	error[7] = (uint8_t)mtu;
	quoted[0] = six ? 0x60 : 0x45;
	quoted[six ? 4 : 2] = 1400 >> 8;
	quoted[six ? 6 : 9] = protocol;
	quoted[six ? 7 : 8] = 60;
	if (!six)
		quoted[6] = 0x40; /* DF */
	assert_int_equal(inet_pton(six ? AF_INET6 : AF_INET, from, quoted + (six ? 8 : 12)), 1);
	assert_int_equal(inet_pton(six ? AF_INET6 : AF_INET, to, quoted + (six ? 24 : 16)), 1);
	if (!six) {
		sum = checksum(quoted, 20);
		memcpy(quoted + 10, &sum, 2);
		sum = checksum(error, len);
		memcpy(error + 2, &sum, 2);
	}
	inet_pton(AF_INET6, "fd09::1", &v6.sin6_addr);
	assert_int_equal(sendto(fd, error, len, 0, six ? (void *)&v6 : (void *)&four, six ? sizeof(v6) : sizeof(four)), len);
	close(fd);
	close(theirs);
	close(mine);
}

static void run_for(unsigned int ms)
{
	for (unsigned int i = 0; i < ms; i++) {
		uv_run(&loop, UV_RUN_NOWAIT);
		usleep(1000);
	}
}

static void expect_mtu(const char *text, uint16_t mtu)
{
	for (unsigned int i = 0; i < 1000 && get(text).mtu != mtu; i++)
		run_for(1);
	assert_int_equal(get(text).mtu, mtu);
}

/* Errors about tunnels' own packets, which no socket of the kernel has sent. */
static void a_path_may_be_narrower_than_its_route(void **state)
{
	(void)state;
	sh("ip route add 10.20.0.0/16 via 10.9.0.2 && ip route add fd20::/64 via fd09::2");
	watch("10.20.0.5");
	watch("10.20.0.6");
	watch("fd20::5");
	expect_mtu("10.20.0.5", 1500);
	too_big("10.9.0.77", "10.20.0.5", IPPROTO_IPIP, 1200); /* about nobody's packet here */
	too_big("10.9.0.1", "10.20.0.5", IPPROTO_IPIP, 1400);
	expect_mtu("10.20.0.5", 1400);
	too_big("10.9.0.1", "10.20.0.5", IPPROTO_UDP, 1390);
	expect_mtu("10.20.0.5", 1390);
	assert_int_equal(get("10.20.0.6").mtu, 1500);
	too_big("fd09::1", "fd20::5", IPPROTO_GRE, 1400);
	expect_mtu("fd20::5", 1400);
	too_big("fd09::1", "fd20::5", IPPROTO_IPV6, 1360);
	expect_mtu("fd20::5", 1360);
	too_big("10.9.0.1", "10.20.0.6", IPPROTO_GRE, 700); /* may be a lie, and IPv6 would not fit */
	expect_mtu("10.20.0.6", 1352);
	/* A route's own MTU is told as ever, and it is the smaller one that counts. */
	sh("ip route replace 10.20.0.0/16 via 10.9.0.2 mtu 1280");
	expect_mtu("10.20.0.5", 1280);
	sh("ip route del 10.20.0.0/16 && ip -6 route del fd20::/64");
	unwatch("10.20.0.5");
	unwatch("10.20.0.6");
	unwatch("fd20::5");
}

static void watches_are_counted_and_bounded(void **state)
{
	struct sl_nexthop n;
	struct sl_addr a = addr("10.9.0.2"), b;

	(void)state;
	watch("10.9.0.2");
	unwatch("10.9.0.2");
	assert_true(sl_nexthops_get(hops, &a, &n));
	for (unsigned int i = 0; i < 6; i++) {
		char text[32];

		snprintf(text, sizeof(text), "203.0.113.%u", i);
		watch(text);
	}
	b = addr("203.0.113.99");
	assert_int_equal(sl_nexthops_watch(hops, &b), -28);
	assert_false(sl_nexthops_get(hops, &b, &n));
	b = addr("127.0.0.1"); /* the namespace's own */
	unwatch("203.0.113.0");
	assert_int_equal(sl_nexthops_watch(hops, &b), 0);
	assert_int_equal(get("127.0.0.1").state, SL_NEXTHOP_NO_ROUTE);
}

static int setup(void **state)
{
	char err[200];

	(void)state;
	snprintf(peer, sizeof(peer), "slnh%d", (int)getpid());
	sh("ip netns add %s", peer);
	sh("ip link set lo up");
	sh("ip link add a0 address 02:00:00:00:09:01 type veth peer name b0 address 02:00:00:00:09:02 netns %s", peer);
	sh("ip addr add 10.9.0.1/24 dev a0 && ip addr add fd09::1/64 dev a0 nodad && ip link set a0 up");
	sh("ip -n %s addr add 10.9.0.2/24 dev b0 && ip -n %s addr add fd09::2/64 dev b0 nodad && ip -n %s link set b0 "
	   "up",
	   peer, peer, peer);
	hops = sl_nexthops_create(&loop, 8, on_change, NULL, err, sizeof(err));
	assert_non_null(hops);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	sl_nexthops_destroy(hops);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
	sh("ip netns del %s", peer);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_neighbour_is_resolved),
		cmocka_unit_test(a_gateway_is_used_and_routes_are_followed),
		cmocka_unit_test(a_new_mac_is_followed),
		cmocka_unit_test(a_stale_neighbour_is_asked_to_confirm),
		cmocka_unit_test(a_dead_neighbour_fails_and_returns),
		cmocka_unit_test(a_path_may_be_narrower_than_its_route),
		cmocka_unit_test(link_mtu_is_followed),
		cmocka_unit_test(watches_are_counted_and_bounded),
	};


	if (unshare(CLONE_NEWNET)) {
		printf("skipped: network namespaces cannot be made here\n");
		return 0;
	}
	sl_log_level_set(SL_LOG_ERROR);
	uv_loop_init(&loop);
	return cmocka_run_group_tests_name("host/nexthop", tests, setup, teardown);
}
