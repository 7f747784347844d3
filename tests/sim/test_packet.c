/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ports on veth interfaces and on TAPs, with the kernel's own TCP and its offloads switched on:
 *
 *      namespace A                namespace C                     namespace B
 *     ┌────────────┐      ┌───────────────────────────┐      ┌────────────┐
 *     │ 10.9.0.1   ├──────┤ pa   port 0 card port 1 pb ├──────┤ 10.9.0.2   │
 *     │ fd09::1    │ veth │       ▲            │      │ veth │ fd09::2    │
 *     └────────────┘      └───────┼────────────┼──────┘      └────────────┘
 *                                 └─ this test ◄┘
 *
 * With TAPs pa and pb are the card's own, and eth0 is each one's kernel interface, moved into A and B.
 *
 * The test is the card's host and carries each frame from one port to the other. What the veths hand over is up to 64 KB
 * long and has unfinished checksums; what reaches the host must be what a wire carries.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/sim/host.h"

#define PORT       7777
#define BYTES      (3u << 20)
#define DATAGRAM   1000u
#define DATAGRAMS  30u
#define FRAME_ROOM 2048u
#define RING_LOG2  9u
#define LIMIT_S    20

static char tag[24];
static struct host host;
static struct ring admin, rx[2], tx[2];
static size_t rx_buffer[2], tx_buffer[2];
static pid_t card;
static unsigned int frames, longest, bad_checksums;

static void shell(const char *format, ...)
{
	char command[600];
	va_list ap;

	va_start(ap, format);
	vsnprintf(command, sizeof(command), format, ap);
	va_end(ap);
	if (system(command) != 0)
		fail_msg("failed: %s", command);
}

/* ---- the wire's ends: children in their namespaces ---- */

static void enter(char side)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/var/run/netns/%s%c", tag, side);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET) != 0)
		_exit(10);
	close(fd);
	alarm(LIMIT_S);
}

static socklen_t address(struct sockaddr_storage *to, const char *text)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)to;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)to;

	memset(to, 0, sizeof(*to));
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(PORT);
		return sizeof(*v4);
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(PORT);
	return inet_pton(AF_INET6, text, &v6->sin6_addr) == 1 ? sizeof(*v6) : 0;
}

static uint8_t pattern(uint32_t at)
{
	return (uint8_t)(at * 31 + (at >> 8) * 7 + (at >> 16));
}

static int tcp_send(int fd)
{
	static uint8_t block[65536];

	for (uint32_t at = 0; at < BYTES; at += sizeof(block)) {
		for (uint32_t i = 0; i < sizeof(block); i++)
			block[i] = pattern(at + i);
		for (uint32_t done = 0; done < sizeof(block);) {
			ssize_t n = send(fd, block + done, sizeof(block) - done, MSG_NOSIGNAL);

			if (n <= 0)
				return 20;
			done += (uint32_t)n;
		}
	}
	return shutdown(fd, SHUT_WR) == 0 ? 0 : 21;
}

static int tcp_receive(int fd)
{
	static uint8_t block[65536];
	uint32_t at = 0;
	ssize_t n;

	while ((n = recv(fd, block, sizeof(block), 0)) > 0)
		for (ssize_t i = 0; i < n; i++)
			if (block[i] != pattern(at++))
				return 22;
	return n == 0 && at == BYTES ? 0 : 23;
}

/* Namespace B: accepts one connection, receives all, sends all; then takes the datagrams. `gate` is written when it listens. */
static int server(const char *ip, int gate)
{
	struct sockaddr_storage local;
	socklen_t len = address(&local, ip);
	int listener = socket(local.ss_family, SOCK_STREAM, 0), datagrams = socket(local.ss_family, SOCK_DGRAM, 0), fd, rc;
	uint8_t block[4096];
	const int on = 1;

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(listener, (struct sockaddr *)&local, len) != 0 || listen(listener, 1) != 0 ||
	    bind(datagrams, (struct sockaddr *)&local, len) != 0 || write(gate, "x", 1) != 1)
		return 30;
	fd = accept(listener, NULL, NULL);
	rc = tcp_receive(fd);
	if (rc == 0)
		rc = tcp_send(fd);
	for (unsigned int i = 0; rc == 0 && i < DATAGRAMS; i++)
		if (recv(datagrams, block, sizeof(block), 0) != (ssize_t)DATAGRAM || block[0] != i)
			rc = 31;
	return rc;
}

/* Namespace A. The datagrams leave as one large one that the card has to cut. */
static int client(const char *ip)
{
	static uint8_t block[DATAGRAM * DATAGRAMS];
	struct sockaddr_storage remote;
	socklen_t len = address(&remote, ip);
	int fd = socket(remote.ss_family, SOCK_STREAM, 0), rc;
	const int segment = DATAGRAM;

	if (connect(fd, (struct sockaddr *)&remote, len) != 0)
		return 40;
	rc = tcp_send(fd);
	if (rc == 0)
		rc = tcp_receive(fd);
	close(fd);
	fd = socket(remote.ss_family, SOCK_DGRAM, 0);
	for (unsigned int i = 0; i < DATAGRAMS; i++)
		block[i * DATAGRAM] = (uint8_t)i;
	if (rc == 0 && (setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof(segment)) != 0 ||
			connect(fd, (struct sockaddr *)&remote, len) != 0 ||
			send(fd, block, sizeof(block), 0) != (ssize_t)sizeof(block)))
		rc = 41;
	return rc;
}

/* ---- the card's host ---- */

static uint32_t sum(uint32_t so_far, const uint8_t *p, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		so_far += i % 2 == 0 ? (uint32_t)p[i] << 8 : p[i];
	return so_far;
}

static bool sum_good(uint32_t s)
{
	while (s > 0xffff)
		s = (s & 0xffff) + (s >> 16);
	return s == 0xffff;
}

/* Looks at a frame as the wire would carry it: lengths and every checksum of TCP and UDP over IP. */
static void frame_check(const uint8_t *f, uint32_t len)
{
	const uint32_t at = 14;
	uint32_t l4, end;
	uint8_t proto;

	frames++;
	if (len > longest)
		longest = len;
	if (f[at - 2] == 0x08 && f[at - 1] == 0x00) {
		l4 = at + (f[at] & 15u) * 4u;
		end = at + ((uint32_t)f[at + 2] << 8 | f[at + 3]);
		proto = f[at + 9];
		bad_checksums += !sum_good(sum(0, f + at, l4 - at));
		if ((proto == 6 || proto == 17) && (end > len || !sum_good(sum(proto + (end - l4), f + at + 12, 8) +
									sum(0, f + l4, end - l4))))
			bad_checksums++;
	} else if (f[at - 2] == 0x86 && f[at - 1] == 0xdd) {
		l4 = at + 40;
		end = l4 + ((uint32_t)f[at + 4] << 8 | f[at + 5]);
		proto = f[at + 6];
		if ((proto == 6 || proto == 17) && (end > len || !sum_good(sum(proto + (end - l4), f + at + 8, 32) +
									sum(0, f + l4, end - l4))))
			bad_checksums++;
	}
}

/* Carries what has arrived on one port to the other. */
static bool carry(unsigned int from)
{
	struct ring *in = &rx[from], *out = &tx[1 - from];
	bool worked = false;

	for (unsigned int i = 0; i < 64; i++) {
		const struct sl_rx_cpl *cpl = ring_peek(in);
		size_t slot = tx_buffer[1 - from] + (size_t)out->sq_tail * FRAME_ROOM;
		struct sl_tx_desc *desc = ring_sq(out);
		struct sl_rx_desc *again = ring_sq(in);

		if (cpl == NULL)
			break;
		worked = true;
		memcpy(host.memory + slot, host.memory + rx_buffer[from] + (size_t)cpl->sq_index * FRAME_ROOM, cpl->len);
		frame_check(host.memory + slot, cpl->len);
		*desc = (struct sl_tx_desc){ .iova = host_iova(slot), .len = cpl->len, .flags = 1 };
		ring_push(out);
		*again = (struct sl_rx_desc){
			.iova = host_iova(rx_buffer[from] + (size_t)in->sq_tail * FRAME_ROOM), .len = FRAME_ROOM };
		ring_push(in);
		ring_pop(in);
	}
	if (worked) {
		ring_doorbell(out);
		ring_doorbell(in);
	}
	while (ring_peek(out) != NULL)
		ring_pop(out);
	return worked;
}

static void card_attach(void)
{
	char path[64];
	struct sl_admin_cpl cpl;

	snprintf(path, sizeof(path), "/tmp/%s.bus", tag);
	host_open(&host);
	assert_int_equal(host_attach(&host, path, NULL), 0);
	ring_start(&admin, &host, SL_QUEUE_ADMIN, 4, 0);
	for (unsigned int i = 0; i < 2; i++) {
		const struct sl_port_config config = { .port = (uint8_t)i, .enable = 1, .promisc = 1, .allmulti = 1 };

		ring_start(&rx[i], &host, SL_QUEUE_RX0 + i, RING_LOG2, i);
		ring_start(&tx[i], &host, SL_QUEUE_TX0 + i, RING_LOG2, i);
		rx_buffer[i] = host_alloc(&host, (size_t)FRAME_ROOM << RING_LOG2, 64);
		tx_buffer[i] = host_alloc(&host, (size_t)FRAME_ROOM << RING_LOG2, 64);
		for (unsigned int n = 0; n + 1 < 1u << RING_LOG2; n++) {
			struct sl_rx_desc *desc = ring_sq(&rx[i]);

			*desc = (struct sl_rx_desc){ .iova = host_iova(rx_buffer[i] + (size_t)n * FRAME_ROOM), .len = FRAME_ROOM };
			ring_push(&rx[i]);
		}
		ring_doorbell(&rx[i]);
		assert_int_equal(host_admin(&admin, SL_ADMIN_OP_PORT_SET, &config, sizeof(config), &cpl), SL_STATUS_OK);
	}
}

static void namespaces_make(void)
{
	snprintf(tag, sizeof(tag), "slp%d", (int)getpid());
	shell("ip netns add %sA && ip netns add %sB && ip netns add %sC", tag, tag, tag);
	shell("ip netns exec %sC sysctl -qw net.ipv6.conf.all.disable_ipv6=1", tag);
}

static void card_start(const char *kind)
{
	char command[600];
	const char *argv[] = { "sh", "-c", command, NULL };

	snprintf(command, sizeof(command),
		 "exec ip netns exec %sC build/tests/sim/sluice-sim --engine model --bus /tmp/%s.bus --firmware "
		 "build/firmware/sluice-fw.bin --port %s:pa --port %s:pb 2>/tmp/%s.log", tag, tag, kind, kind, tag);
	card = program_start(argv, "sluice-sim: ready");
}

static void ends_up(void)
{
	for (unsigned int i = 0; i < 2; i++)
		shell("ip -n %s%c addr add 10.9.0.%u/24 dev eth0 && ip -n %s%c -6 addr add fd09::%u/64 dev eth0 nodad && "
		      "ip -n %s%c link set eth0 up", tag, 'A' + i, i + 1, tag, 'A' + i, i + 1, tag, 'A' + i);
}

static int setup_veth(void **state)
{
	(void)state;
	namespaces_make();
	for (unsigned int i = 0; i < 2; i++)
		shell("ip -n %sC link add p%c type veth peer name eth0 netns %s%c && ip -n %sC link set p%c up", tag, 'a' + i,
		      tag, 'A' + i, tag, 'a' + i);
	ends_up();
	card_start("afpacket");
	card_attach();
	return 0;
}

static int setup_tap(void **state)
{
	(void)state;
	namespaces_make();
	card_start("tap");
	for (unsigned int i = 0; i < 2; i++)
		shell("ip -n %sC link set p%c netns %s%c name eth0", tag, 'a' + i, tag, 'A' + i);
	ends_up();
	card_attach();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	host_close(&host);
	assert_int_equal(program_stop(card), 0);
	shell("ip netns del %sA; ip netns del %sB; ip netns del %sC; rm -f /tmp/%s.log", tag, tag, tag, tag);
	return 0;
}

/* Runs client and server at the two ends while frames are carried between the ports. */
static void transfer(const char *ip)
{
	int gate[2], status[2] = { -1, -1 };
	time_t began = time(NULL);
	pid_t child[2];
	char byte;

	frames = longest = bad_checksums = 0;
	assert_int_equal(pipe(gate), 0);
	child[1] = fork();
	if (child[1] == 0) {
		enter('B');
		_exit(server(ip, gate[1]));
	}
	assert_int_equal(read(gate[0], &byte, 1), 1);
	child[0] = fork();
	if (child[0] == 0) {
		enter('A');
		_exit(client(ip));
	}
	for (unsigned int left = 2; left > 0 && time(NULL) - began < LIMIT_S;) {
		if (!carry(0) && !carry(1))
			usleep(100);
		for (unsigned int i = 0; i < 2; i++)
			if (child[i] != 0 && waitpid(child[i], &status[i], WNOHANG) == child[i]) {
				child[i] = 0;
				left--;
			}
	}
	for (unsigned int i = 0; i < 2; i++)
		if (child[i] != 0)
			kill(child[i], SIGKILL);
	close(gate[0]);
	close(gate[1]);
	if (status[0] != 0 || status[1] != 0)
		fail_msg("%s: client %d, server %d after %u frames", ip, WEXITSTATUS(status[0]), WEXITSTATUS(status[1]), frames);
	assert_int_equal(bad_checksums, 0);
	assert_int_equal(longest, 1514); /* full frames, and none longer */
	assert_true(frames > 2 * BYTES / 1460);
}

/* What the card says about itself: that large frames did arrive, so that the transfers prove something. */
static unsigned long cut_frames(void)
{
	char path[64], line[512];
	unsigned long total = 0;
	FILE *f;

	kill(card, SIGUSR1);
	usleep(200000);
	snprintf(path, sizeof(path), "/tmp/%s.log", tag);
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		const char *p = strstr(line, "segments ");

		total += p != NULL ? strtoul(p + 9, NULL, 10) : 0;
	}
	fclose(f);
	return total;
}

static void over_ipv4(void **state)
{
	(void)state;
	transfer("10.9.0.2");
	assert_true(cut_frames() > BYTES / 1460);
}

static void over_ipv6(void **state)
{
	(void)state;
	transfer("fd09::2");
	assert_true(cut_frames() > BYTES / 1460);
}

/* Sends one frame out of an interface of a namespace, through a socket of its own. */
static void raw_send(char side, const char *interface, const uint8_t *frame, size_t len)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	pid_t child = fork();
	int status, fd;

	if (child == 0) {
		enter(side);
		fd = socket(AF_PACKET, SOCK_RAW, 0);
		to.sll_ifindex = (int)if_nametoindex(interface);
		_exit(bind(fd, (struct sockaddr *)&to, sizeof(to)) != 0 || send(fd, frame, len, 0) != (ssize_t)len);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* The kernel takes a tag out of the frame and keeps it aside; the card must see it in its place. What the card's own host
 * sends on the interface does not come from the wire. */
static void raw_frames(void **state)
{
	uint8_t ours[64] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0, 0, 0, 0, 1, 0x88, 0xb6 };
	uint8_t theirs[100] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0, 0, 0, 0, 1, 0x81, 0x00, 0x60, 0x05, 0x88, 0xb5 };
	bool seen = false;

	(void)state;
	for (unsigned int i = 18; i < sizeof(theirs); i++)
		theirs[i] = (uint8_t)i;
	raw_send('C', "pa", ours, sizeof(ours));
	raw_send('A', "eth0", theirs, sizeof(theirs));
	while (!seen) { /* others are neighbour discovery */
		const struct sl_rx_cpl *cpl = ring_wait(&rx[0]);
		const uint8_t *f = host.memory + rx_buffer[0] + (size_t)cpl->sq_index * FRAME_ROOM;

		assert_false(f[12] == 0x88 && f[13] == 0xb6);
		if (f[12] == 0x81) {
			assert_int_equal(cpl->len, sizeof(theirs));
			assert_memory_equal(f, theirs, sizeof(theirs));
			seen = true;
		}
		ring_pop(&rx[0]);
	}
}

static void over_tap(void **state)
{
	(void)state;
	transfer("10.9.0.2");
}

static bool link_up(unsigned int port)
{
	const struct sl_index_arg index = { .index = port };
	struct sl_admin_cpl cpl;
	struct sl_port_state answer;

	assert_int_equal(host_admin(&admin, SL_ADMIN_OP_PORT_GET, &index, sizeof(index), &cpl), SL_STATUS_OK);
	memcpy(&answer, cpl.answer, sizeof(answer));
	return answer.link != 0;
}

/* The wire's other end goes down and comes back. */
static void link_follows(void **state)
{
	(void)state;
	for (unsigned int up = 0; up < 2; up++) {
		shell("ip -n %sA link set eth0 %s", tag, up ? "up" : "down");
		for (unsigned int i = 0; i < 100 && link_up(0) != up; i++)
			usleep(20000);
		assert_int_equal(link_up(0), up);
		assert_int_equal(link_up(1), 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define ROW(name, setup) cmocka_unit_test_setup_teardown(name, setup, teardown)
		ROW(over_ipv4, setup_veth), ROW(over_ipv6, setup_veth),  ROW(raw_frames, setup_veth),
		ROW(link_follows, setup_veth), ROW(over_tap, setup_tap), ROW(link_follows, setup_tap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
