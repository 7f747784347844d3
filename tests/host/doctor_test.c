/* SPDX-License-Identifier: BSD-3-Clause */
/* What `sluice doctor` (build/bin/sluice, or $SLUICE_BIN) says of a card's bus socket, by the card's answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "host/doctor_wire.h"
#include "sluice/contract.h"

#define AGENT -1  /* the owner is the process behind the control socket */
#define SILENT -1 /* the card takes the connection and says nothing */
#define NOBODY -2 /* nobody listens */

static char directory[64], card_path[96], control_path[96], config_path[96];

static int listen_at(const char *path, int type)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) || listen(fd, 8))
		_exit(2);
	return fd;
}

/* A process that is agent and card: it listens as an agent does, and refuses a HELLO as told. */
static pid_t start(int refusal, int owner)
{
	int ready[2], card, fd;
	char byte = 0;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct sl_bus_frame f;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		listen_at(control_path, SOCK_STREAM);
		card = refusal == NOBODY ? -1 : listen_at(card_path, SOCK_SEQPACKET);
		if (write(ready[1], &byte, 1) != 1 || card < 0 || (fd = accept(card, NULL, NULL)) < 0 ||
		    read(fd, &f, sizeof(f)) != (ssize_t)sizeof(f) || f.type != SL_BUS_MSG_HELLO ||
		    f.a != SL_BUS_VERSION || refusal == SILENT)
			for (;;)
				pause();
		f = (struct sl_bus_frame){ .type = SL_BUS_MSG_REFUSED, .a = (uint64_t)refusal,
					   .b = (uint64_t)(owner == AGENT ? getpid() : owner) };
		if (write(fd, &f, sizeof(f)) < 0)
			_exit(2);
		for (;;)
			pause();
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

/* The line about the card of p0. */
static void ask_doctor(char *line, size_t size)
{
	const char *bin = getenv("SLUICE_BIN");
	char command[512];
	FILE *f;

	snprintf(command, sizeof(command), "%s doctor %s 2>&1", bin ? bin : "build/bin/sluice", config_path);
	f = popen(command, "r");
	assert_non_null(f);
	do {
		if (!fgets(line, (int)size, f)) {
			line[0] = '\0';
			break;
		}
	} while (strncmp(line, "card of p0", 10) != 0);
	while (fgetc(f) != EOF)
		;
	pclose(f);
}

static const struct {
	const char *description;
	int refusal, owner;
	const char *status, *contains;
} rows[] = {
	{ "free", EPROTO, 0, " good ", "answers at" },
	{ "this agent's", EBUSY, AGENT, " good ", "in use by the agent that runs, process" },
	{ "another's", EBUSY, 1, " bad ", "in use by process 1 " },
	{ "another version", EPROTONOSUPPORT, 0, " bad ", "another version of the bus" },
	{ "silent", SILENT, 0, " bad ", "timed out" },
	{ "no card", NOBODY, 0, " bad ", "start the simulated card first" },
};

static void the_card_is_told_by_its_refusal(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		pid_t pid = start(rows[i].refusal, rows[i].owner);
		char line[1024];

		ask_doctor(line, sizeof(line));
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		unlink(card_path);
		unlink(control_path);
		if (!strstr(line, rows[i].status) || !strstr(line, rows[i].contains))
			fail_msg("%s: no \"%s\" or \"%s\" in: %s", rows[i].description, rows[i].status,
				 rows[i].contains, line);
	}
}

/* The file of a bond whose second member has this bus, and what is said of the bond. */
static void bond_file(const char *second, const char *wanted)
{
	char command[600], text[4096];
	const char *bin = getenv("SLUICE_BIN");
	FILE *f;
	size_t n;

	snprintf(command, sizeof(command), "%s/bond.yaml", directory);
	f = fopen(command, "w");
	assert_non_null(f);
	fprintf(f, "ports:\n- name: b0\n  kernel: {interface: sl0}\n  bond:\n    members:\n"
		   "    - {name: p0, device: \"net_sluice0,bus=/none/a,port=0\"}\n"
		   "    - {name: p1, device: \"net_sluice1,bus=%s,port=1\"}\n", second);
	fclose(f);
	snprintf(command, sizeof(command), "%s doctor %s/bond.yaml 2>&1", bin ? bin : "build/bin/sluice", directory);
	f = popen(command, "r");
	assert_non_null(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	pclose(f);
	snprintf(command, sizeof(command), "%s/bond.yaml", directory);
	unlink(command);
	if (!strstr(text, wanted))
		fail_msg("no \"%s\" in: %s", wanted, text);
}

static void a_bond_is_of_one_card(void **state)
{
	(void)state;
	bond_file("/none/a", "active-backup, 2 members of one card");
	bond_file("/none/a", "1 port (bond b0 of p0, p1), 0 services");
	bond_file("/none/ab", "p0 and p1 are of two cards");
	bond_file("/none/b", "p0 and p1 are of two cards");
}

/* A port of XDP has its maps in a BPF file system. */
static void pins_are_looked_for(void **state)
{
	const char *bin = getenv("SLUICE_BIN");
	char path[128], command[600], text[8192];
	FILE *f;

	(void)state;
	snprintf(path, sizeof(path), "%s/xdp.yaml", directory);
	f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f, "ports: [{name: p0, engine: xdp, interface: lo, pin: %s/x, kernel: {interface: sl0}}]\n", directory);
	fclose(f);
	snprintf(command, sizeof(command), "%s doctor %s 2>&1", bin ? bin : "build/bin/sluice", path);
	f = popen(command, "r");
	assert_non_null(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	pclose(f);
	unlink(path);
	if (!strstr(text, "/x is not in a BPF file system") || !strstr(text, "lo is the loopback interface") || !strstr(text, "1 port, 0 services"))
		fail_msg("%s", text);
}

/* What of an interface makes a bad wire of XDP. */
static void wires_are_judged(void **state)
{
	static const struct {
		struct sl_wire wire;
		unsigned int workers, words;
		const char *found, *remedy; /* of the last word */
	} wires[] = {
		{ { .name = "eth1", .queues = 4, .queues_max = 8 }, 4, 0, "", "" },
		{ { .name = "eth1" }, 4, 0, "", "" }, /* no number of queues: nothing is said */
		{ { .name = "eth1", .queues = 1, .queues_max = 8 }, 4, 1, "eth1 has 1 receive queue for 4 workers: workers 1 to 3 receive nothing from it",
		  "ethtool -L eth1 combined 4 (or rx 4), before sluiced starts" },
		{ { .name = "eth1", .queues = 2, .queues_max = 8 }, 3, 1, "2 receive queues for 3 workers: worker 2 receives nothing", "combined 3" },
		{ { .name = "eth1", .queues = 1, .queues_max = 1 }, 2, 1, "worker 1 receives nothing", "cannot have more than 1: node.workers: 1" },
		{ { .name = "eth1", .addresses = "192.0.2.7" }, 1, 1, "the kernel has 192.0.2.7 at eth1: while sluiced runs all that arrives goes to sl0",
		  "kernel.addresses" },
		{ { .name = "eth1", .offloads = SL_WIRE_LRO }, 1, 1, "(LRO)", "ethtool -K eth1 lro off" },
		{ { .name = "eth1", .offloads = SL_WIRE_LRO | SL_WIRE_GRO_HW, .queues = 1, .addresses = "192.0.2.7" }, 2, 3, "(LRO, GRO-HW)",
		  "ethtool -K eth1 lro off rx-gro-hw off" },
		{ { .name = "lo", .loopback = true, .addresses = "127.0.0.1", .queues = 1 }, 2, 1, "lo is the loopback interface", "ip -br link" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wires) / sizeof(wires[0]); i++) {
		struct sl_wire_word words[SL_WIRE_WORDS];
		const unsigned int n = sl_wire_judge(&wires[i].wire, wires[i].workers, "sl0", words);

		if (n != wires[i].words || (n && (!strstr(words[n - 1].found, wires[i].found) || !strstr(words[n - 1].remedy, wires[i].remedy))))
			fail_msg("row %zu: %u words, the last: %s | %s", i, n, n ? words[n - 1].found : "", n ? words[n - 1].remedy : "");
	}
}

/* A veth pair of its own namespace: one queue, an address; then lo. What the kernel tells is what was set. */
static void a_wire_is_read(void **state)
{
	struct sl_wire wire;
	int fd;

	(void)state;
	if (unshare(CLONE_NEWNET))
		skip();
	if (system("ip link set lo up && ip link add w0 numrxqueues 4 numtxqueues 4 type veth peer name w1 numrxqueues 4 numtxqueues 4 && "
		   "ip link set w0 up && ip link set w1 up && ip addr add 192.0.2.7/24 dev w0 && ip addr add 2001:db8::7/64 dev w0 nodad"))
		skip();
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	sl_wire_read(fd, "w0", &wire);
	assert_false(wire.loopback);
	assert_string_equal(wire.addresses, "192.0.2.7, 2001:db8::7");
	assert_int_equal(wire.queues_max, 4);
	assert_in_range(wire.queues, 1, 4);
	assert_int_equal(wire.offloads, 0);
	sl_wire_read(fd, "w1", &wire);
	assert_string_equal(wire.addresses, "");
	sl_wire_read(fd, "lo", &wire);
	assert_true(wire.loopback);
	close(fd);
}

static int setup(void **state)
{
	FILE *f;

	(void)state;
	strcpy(directory, "/tmp/sluice-doctor-XXXXXX");
	assert_non_null(mkdtemp(directory));
	snprintf(card_path, sizeof(card_path), "%s/card.sock", directory);
	snprintf(control_path, sizeof(control_path), "%s/control.sock", directory);
	snprintf(config_path, sizeof(config_path), "%s/lb.yaml", directory);
	f = fopen(config_path, "w");
	assert_non_null(f);
	fprintf(f, "node: {control: %s}\nports:\n"
		   "- {name: p0, device: \"net_sluice0,bus=%s,port=0\", kernel: {interface: sl0}}\n",
		control_path, card_path);
	fclose(f);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(config_path);
	rmdir(directory);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(the_card_is_told_by_its_refusal),
					   cmocka_unit_test(a_bond_is_of_one_card), cmocka_unit_test(pins_are_looked_for),
					   cmocka_unit_test(wires_are_judged), cmocka_unit_test(a_wire_is_read) };

	return cmocka_run_group_tests_name("host/doctor", tests, setup, teardown);
}
