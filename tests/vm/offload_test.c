/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The driver's hardware-offload mode (driver/xdp/offload.c) on the kernel's simulated network card, netdevsim: it takes
 * programs and maps that are bound to it, checks and refuses like a card's driver, and never runs them. So what a card
 * has counted is written into its map here, and the frames by which the host's program classifies flows are test runs
 * of the program.
 *
 *	offload_test INTERFACE DEBUGFS ROOM [BUS_ID]
 *
 * DEBUGFS: where netdevsim has its switches for faults. ROOM: entries that its maps have. Without BUS_ID, the device's,
 * only what is about flows. Needs root and a BPF file system; offload.sh has all of it.
 */
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "driver/fpga/card.h"
#include "driver/fpga/log.h"
#include "driver/xdp/datapath.h"
#include "driver/xdp/offload.h"
#include "hw/xdp/offload.h"

#define PIN "/sys/fs/bpf/offload_test"
#define ACTION 3u
#define RULE 5u
#define HOP_MAC { 2, 0, 0, 0, 0, 0x11 }

int sl_driver_logtype;
static char said[8192]; /* the driver's log since hush() */
static const char *iface, *debugfs, *doing = "";
static unsigned int passed, failed, room;
static struct sl_xdp *x;
static struct sl_port_config enabled = { .port = 0, .enable = 1 };
static uint8_t own_mac[6];

int rte_log(uint32_t level, uint32_t type, const char *format, ...)
{
	const size_t used = strlen(said);
	va_list args;

	(void)type;
	(void)level;
	va_start(args, format);
	vsnprintf(said + used, sizeof(said) - used, format, args);
	va_end(args);
	return 0;
}

int sl_card_port_of(struct sl_card *card, uint16_t ethdev_id)
{
	(void)card;
	(void)ethdev_id;
	return 0;
}

/* -- saying -------------------------------------------------------------------------------------------------------- */

static void must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "offload_test: %s: %s: %s\n%s", doing, what, strerror(errno), said);
	exit(1);
}

static void expect(bool good, const char *what)
{
	if (good) {
		passed++;
		return;
	}
	failed++;
	printf("FAIL %s: %s\n", doing, what);
}

static void equal(uint64_t got, uint64_t wanted, const char *what)
{
	if (got != wanted)
		printf("got %llu, wanted %llu: ", (unsigned long long)got, (unsigned long long)wanted);
	expect(got == wanted, what);
}

static void begin(const char *what)
{
	doing = what;
	said[0] = '\0';
	printf("--- %s\n", what);
	fflush(stdout);
}

static void expect_said(const char *sentence)
{
	if (!strstr(said, sentence))
		printf("wanted in the log: \"%s\"; the log:\n%s", sentence, said);
	expect(strstr(said, sentence) != NULL, "the log");
}

/* What `card show` has in its line firmware. */
static void expect_text(const char *wanted)
{
	char text[512];

	sl_xdp_offload_say(x, 0, text, sizeof(text));
	if (!strstr(text, wanted))
		printf("wanted \"%s\", got \"%s\": ", wanted, text);
	expect(strstr(text, wanted) != NULL, "what is said of the card");
}

/* -- the card as netdevsim shows it -------------------------------------------------------------------------------- */

static void fault(const char *name, bool accept)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", debugfs, name);
	f = fopen(path, "w");
	must(f != NULL, path);
	fputs(accept ? "Y" : "N", f);
	must(fclose(f) == 0, path);
}

/* The program of a mode: its descriptor, or -1. */
static int program_of(bool card)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, opts);
	uint32_t id;

	must(bpf_xdp_query(x->port[0].ifindex, 0, &opts) == 0, "query");
	id = card ? opts.hw_prog_id : opts.drv_prog_id ? opts.drv_prog_id : opts.skb_prog_id;
	return id ? bpf_prog_get_fd_by_id(id) : -1;
}

static bool card_runs(void)
{
	const int program = program_of(true);

	if (program >= 0)
		close(program);
	return program >= 0;
}

/* Things bound to a device that exist at all. */
static unsigned int bound_programs(void)
{
	struct bpf_prog_info info;
	unsigned int n = 0;
	uint32_t id = 0;

	while (bpf_prog_get_next_id(id, &id) == 0) {
		const int fd = bpf_prog_get_fd_by_id(id);
		uint32_t len = sizeof(info);

		memset(&info, 0, sizeof(info));
		n += fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &len) == 0 && info.ifindex != 0;
		if (fd >= 0)
			close(fd);
	}
	return n;
}

static unsigned int bound_maps(void)
{
	struct bpf_map_info info;
	unsigned int n = 0;
	uint32_t id = 0;

	while (bpf_map_get_next_id(id, &id) == 0) {
		const int fd = bpf_map_get_fd_by_id(id);
		uint32_t len = sizeof(info);

		memset(&info, 0, sizeof(info));
		n += fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &len) == 0 && info.ifindex != 0;
		if (fd >= 0)
			close(fd);
	}
	return n;
}

/* What was bound is freed a moment after its last descriptor is closed. */
static void expect_nothing_bound(void)
{
	for (int wait = 0; wait < 40 && (bound_programs() || bound_maps()); wait++)
		usleep(50000);
	equal(bound_programs(), 0, "programs left in the card");
	equal(bound_maps(), 0, "maps left in the card");
}

static int card_map(const char *name)
{
	const int program = program_of(true);
	uint32_t ids[8], len = sizeof(struct bpf_prog_info);
	struct bpf_prog_info info = { .nr_map_ids = 8, .map_ids = (uintptr_t)ids };
	int fd = -1;

	must(program >= 0 && bpf_obj_get_info_by_fd(program, &info, &len) == 0, "the card's program");
	for (uint32_t i = 0; i < info.nr_map_ids && fd < 0; i++) {
		struct bpf_map_info map = { 0 };
		uint32_t map_len = sizeof(map);

		fd = bpf_map_get_fd_by_id(ids[i]);
		must(fd >= 0 && bpf_obj_get_info_by_fd(fd, &map, &map_len) == 0, "a map of the card");
		if (strcmp(map.name, name) == 0)
			break;
		close(fd);
		fd = -1;
	}
	close(program);
	must(fd >= 0, name);
	return fd;
}

static struct sl_xdp_offload_config card_config(void)
{
	const int map = card_map("offload_config");
	struct sl_xdp_offload_config c;
	const uint32_t zero = 0;

	must(bpf_map_lookup_elem(map, &zero, &c) == 0, "the card's configuration");
	close(map);
	return c;
}

/* The flow as the card has it; false if it has not. */
static bool card_flow(const struct sl_key *key, struct sl_xdp_offload_flow *f)
{
	const int map = card_map("offload_flows");
	const bool there = bpf_map_lookup_elem(map, key, f) == 0;

	close(map);
	return there;
}

/* As if it had forwarded that many more. */
static void card_counts(const struct sl_key *key, uint64_t packets, uint64_t bytes)
{
	const int map = card_map("offload_flows");
	struct sl_xdp_offload_flow f;

	must(bpf_map_lookup_elem(map, key, &f) == 0, "a flow in the card");
	f.packets += packets;
	f.bytes += bytes;
	must(bpf_map_update_elem(map, key, &f, BPF_EXIST) == 0, "a flow in the card");
	close(map);
}

/* -- the driver's user --------------------------------------------------------------------------------------------- */

static void admin(enum sl_admin_op op, const void *arg)
{
	uint8_t answer[4096] = { 0 };

	equal(x->dp.ops->admin(&x->dp, op, arg, answer), SL_STATUS_OK, "status of an admin command");
}

static struct sl_key key_of(unsigned int n)
{
	struct sl_key key = { .src = { 10, 0, 0, (uint8_t)n }, .dst = { 192, 0, 2, 1 }, .proto = 6, .family = 4 };

	key.sport = __builtin_bswap16((uint16_t)(1000 + n));
	key.dport = __builtin_bswap16(80);
	return key;
}

static struct sl_flow_cpl flow(enum sl_flow_op op, unsigned int n)
{
	struct sl_flow_cmd cmd = { .opcode = (uint8_t)op, .key = key_of(n) };
	struct sl_flow_state state;
	struct sl_flow_cpl cpl = { 0 };

	cmd.record = (struct sl_record){ .action = ACTION, .flags = SL_RECORD_FLAG_DEC_TTL };
	x->dp.ops->flow(&x->dp, &cmd, &cpl, &state);
	return cpl;
}

static void insert(unsigned int n)
{
	equal(flow(SL_FLOW_OP_INSERT, n).status, SL_STATUS_OK, "insertion");
}

static void told(void *ctx, uint32_t flow_id)
{
	(void)ctx;
	(void)flow_id;
}

/* Two whole sweeps: what was told to change before has settled after the first. */
static void sweep(void)
{
	for (unsigned int n = 0; n < 2; n++) {
		uint32_t next = 0;

		do {
			x->dp.ops->age(&x->dp, &next, 16, told, NULL);
		} while (next != 0);
	}
}

static uint16_t sum_of(const uint8_t *p, unsigned int len)
{
	uint32_t sum = 0;

	for (unsigned int i = 0; i < len; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* A segment of the flow through the host's program. True if it left, to the next hop. */
static bool host_forwards(unsigned int n)
{
	static const uint8_t hop[] = HOP_MAC;
	const struct sl_key key = key_of(n);
	uint8_t frame[60] = { [12] = 8, [13] = 0, [14] = 0x45, [17] = 40, [22] = 64, [23] = 6, [46] = 0x50, [47] = 0x10 };
	uint8_t out[256];
	const int program = bpf_program__fd(bpf_object__find_program_by_name(x->object, "sluice")); /* the port's, port 0 */
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame), .data_out = out,
		    .data_size_out = sizeof(out));
	uint16_t sum;

	memcpy(frame, own_mac, 6);
	memcpy(frame + 26, key.src, 4);
	memcpy(frame + 30, key.dst, 4);
	memcpy(frame + 34, &key.sport, 4);
	sum = sum_of(frame + 14, 20);
	frame[24] = (uint8_t)(sum >> 8);
	frame[25] = (uint8_t)sum;
	must(program >= 0 && bpf_prog_test_run_opts(program, &opts) == 0, "the host's program");
	return opts.retval == XDP_TX && memcmp(out, hop, sizeof(hop)) == 0;
}

/* Flows that the host's program has classified, so that the sweep may put them into the card. */
static void classify(unsigned int first, unsigned int last)
{
	for (unsigned int n = first; n <= last; n++) {
		must(host_forwards(n), "a flow is not forwarded");
		must(host_forwards(n), "a flow is not forwarded again");
	}
}

static void write_action(uint32_t mtu)
{
	static const uint8_t hop[] = HOP_MAC;
	struct sl_action_arg arg = {
		.index = ACTION,
		.action = { .hdr_len = 14, .flags = SL_ACTION_FLAG_VALID | SL_ACTION_FLAG_STRIP_L2, .mtu = (uint16_t)mtu,
			    .hdr = { [12] = 8 } },
	};

	memcpy(arg.action.hdr, hop, sizeof(hop));
	memcpy(arg.action.hdr + 6, own_mac, sizeof(own_mac));
	admin(SL_ADMIN_OP_ACTION_WRITE, &arg);
}

static void write_rule(uint64_t cookie)
{
	const struct sl_rule_arg arg = {
		.index = RULE,
		.rule = { .valid = 1, .verdict = SL_VERDICT_FLOWS, .cookie = cookie, .port_mask = 1, .l3 = 4, .proto = 6,
			  .proto_mask = 255, .ttl_max = 255, .sport_hi = 65535, .dport_lo = 80, .dport_hi = 80 },
	};

	admin(SL_ADMIN_OP_RULE_WRITE, &arg);
}

/* As ethdev.c does it when a port is made. */
static void open_port(void)
{
	struct sl_card_config config = { .flows = 256, .path = PIN };
	struct sl_datapath *dp;
	struct sl_xdp_link link;

	must(sl_xdp_open(&config, &dp) == 0, "open");
	x = sl_xdp_of(dp);
	x->port[0] = (struct sl_xdp_port){ .ifindex = (int)if_nametoindex(iface), .mode = SL_XDP_MODE_OFFLOAD };
	snprintf(x->port[0].name, sizeof(x->port[0].name), "%s", iface);
	must(sl_xdp_link_get(iface, &link) == 0, iface);
	memcpy(own_mac, link.mac, sizeof(own_mac));
	sl_xdp_offload_adopt(x, 0);
}

static void set_up(void)
{
	struct sl_mac_filter mac = { .index = 0, .valid = 1, .port_mask = 1 };

	memcpy(mac.mac, own_mac, sizeof(own_mac));
	admin(SL_ADMIN_OP_MAC_SET, &mac);
	write_rule(1);
	write_action(1500);
	admin(SL_ADMIN_OP_PORT_SET, &enabled);
}

static void close_port(void)
{
	sl_xdp_offload_leave(x, 0);
	x->dp.ops->close(&x->dp);
	x = NULL;
}

/* -- what is tested ------------------------------------------------------------------------------------------------ */

static void test_loading(void)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);
	char wanted[64];
	int program;

	begin("loading");
	equal((uint64_t)-sl_xdp_attach(x, 0), 0, "attach");
	program = program_of(true);
	must(program >= 0, "the card has no program");
	must(bpf_obj_get_info_by_fd(program, &info, &len) == 0, "the card's program");
	close(program);
	expect(strcmp(info.name, "sluice_offload") == 0, "the card's program is not ours");
	expect(info.ifindex == if_nametoindex(iface), "the card's program is not bound to it");
	equal(bound_programs(), 1, "programs in the card");
	equal(bound_maps(), 3, "maps in the card");
	expect(program_of(false) >= 0, "the host's program is not there");
	snprintf(wanted, sizeof(wanted), "0 flows in the card, of %u", room);
	expect_text(wanted);
	expect_said("in hardware-offload mode");
}

static void test_flows(void)
{
	struct sl_xdp_offload_flow f;
	struct sl_key key = key_of(1);
	uint32_t rules = x->generation;
	char wanted[128];

	begin("flows");
	for (unsigned int n = 1; n <= room + 1; n++)
		insert(n);
	sweep();
	expect(!card_flow(&key, &f), "a flow that nobody has classified is in the card");
	expect(x->generation != rules && x->generation != 0, "rules did not settle");
	equal(card_config().generation, x->generation, "the card's generation of rules");
	expect(memcmp(card_config().mac, own_mac, 6) == 0, "the card's MAC");
	classify(1, room + 1);
	sweep();
	for (unsigned int n = 1; n <= room; n++) {
		key = key_of(n);
		expect(card_flow(&key, &f), "a flow is not in the card");
	}
	expect(f.action.hdr_len == 14 && f.record.action == ACTION, "the action of a flow in the card");
	equal(f.memo, sl_xdp_memo(x->generation, 0, 0), "the memo of a flow in the card");
	key = key_of(room + 1);
	expect(!card_flow(&key, &f), "a flow more than there is room for");
	snprintf(wanted, sizeof(wanted), "%u flows in the card, which is full (its map was made for so many); 1 more could be",
		 room);
	expect_text(wanted);
	expect(host_forwards(room + 1), "the host's program does not forward what the card has no room for");
}

static void test_counters(void)
{
	const struct sl_key key = key_of(1);
	struct sl_flow_cpl before = flow(SL_FLOW_OP_QUERY, 1), after;

	begin("counters");
	card_counts(&key, 7, 700);
	after = flow(SL_FLOW_OP_QUERY, 1);
	equal(after.packets - before.packets, 7, "packets that the card forwarded");
	equal(after.bytes - before.bytes, 700, "bytes that the card forwarded");
	card_counts(&key, 3, 300);
	sweep();
	after = flow(SL_FLOW_OP_QUERY, 1);
	equal(after.packets - before.packets, 10, "packets, by the sweep");
	equal(flow(SL_FLOW_OP_QUERY, 1).packets - before.packets, 10, "packets, asked again");
}

static void test_deletion(void)
{
	struct sl_key key = key_of(1), waited = key_of(room + 1);
	struct sl_flow_cpl before = flow(SL_FLOW_OP_QUERY, 1), after;
	struct sl_xdp_offload_flow f;

	begin("deletion");
	card_counts(&key, 2, 200);
	after = flow(SL_FLOW_OP_DELETE, 1);
	equal(after.status, SL_STATUS_OK, "deletion");
	equal(after.packets - before.packets, 2, "packets of a flow's last moment");
	expect(!card_flow(&key, &f), "a deleted flow is in the card");
	sweep();
	expect(card_flow(&waited, &f), "a flow that has waited is not in the card");
	insert(1);
	classify(1, 1);
	sweep();
	expect(!card_flow(&key, &f), "a flow more than there is room for");
}

static void test_action(void)
{
	struct sl_key key = key_of(2);
	struct sl_xdp_offload_flow f;

	begin("action");
	write_action(1400);
	expect(!card_flow(&key, &f), "a flow whose action has changed is in the card");
	classify(1, room + 1);
	sweep();
	expect(card_flow(&key, &f) || room == 2, "a flow whose action has changed did not come back");
	expect_text("flows in the card");
	for (unsigned int n = 1; n <= room + 1; n++) {
		key = key_of(n);
		if (card_flow(&key, &f))
			equal(f.action.mtu, 1400, "the action of a flow in the card");
	}
}

static void test_rules(void)
{
	struct sl_xdp_offload_flow f;
	struct sl_key key = key_of(2);
	unsigned int there = 0;

	begin("rules");
	write_rule(2);
	equal(card_config().generation, 0, "the card's generation while rules change");
	sweep();
	sweep();
	equal(card_config().generation, x->generation, "the card's generation after rules have changed");
	expect(!card_flow(&key, &f), "a flow of earlier rules is in the card");
	classify(1, room + 1);
	sweep();
	for (unsigned int n = 1; n <= room + 1; n++) {
		key = key_of(n);
		there += card_flow(&key, &f);
	}
	equal(there, room, "flows in the card");
	enabled.enable = 0;
	admin(SL_ADMIN_OP_PORT_SET, &enabled);
	equal(card_config().generation, 0, "the card's generation of a port that is disabled");
	enabled.enable = 1;
	admin(SL_ADMIN_OP_PORT_SET, &enabled);
	equal(card_config().generation, x->generation, "the card's generation of a port that is enabled again");
}

/* The time of the programs is what is written there. */
static void pass_time(uint32_t ms)
{
	const uint32_t now_ms = sl_xdp_now(x) + ms;

	for (uint32_t p = 0; p < SL_PORTS_MAX; p++)
		x->maps.config[p].time_ms = now_ms;
}

static void test_idle(void)
{
	struct sl_xdp_offload_flow f;
	struct sl_key key;
	unsigned int out = 0;

	begin("idle flows");
	for (unsigned int n = 1; n <= room + 1; n++) {
		key = key_of(n);
		if (!card_flow(&key, &f))
			out = n;
	}
	must(out != 0, "no flow waits");
	pass_time(11000);
	classify(out, out);
	sweep();
	sweep();
	key = key_of(out);
	expect(card_flow(&key, &f), "no idle flow gave its place to one that waits");
}

/* Its map has less room than it was made for: an entry of nobody's is in it. */
static void test_full(void)
{
	struct sl_xdp_offload_flow f = { 0 };
	const struct sl_key foreign = key_of(200);
	char wanted[128];
	int map;

	begin("full card");
	for (unsigned int n = 1; n <= room + 1; n++)
		equal(flow(SL_FLOW_OP_DELETE, n).status, SL_STATUS_OK, "deletion");
	map = card_map("offload_flows");
	must(bpf_map_update_elem(map, &foreign, &f, BPF_ANY) == 0, "an entry of nobody's");
	for (unsigned int n = 1; n <= room; n++)
		insert(n);
	classify(1, room);
	sweep();
	snprintf(wanted, sizeof(wanted), "full with %u flows of %u that its map was made for (Argument list too long)",
		 room - 1, room);
	expect_said(wanted);
	snprintf(wanted, sizeof(wanted), "%u flows in the card, which is full (Argument list too long); 1 more could be",
		 room - 1);
	expect_text(wanted);
	for (unsigned int n = 1; n <= room; n++)
		expect(host_forwards(n), "the host's program does not forward what the card has no room for");
	must(bpf_map_delete_elem(map, &foreign) == 0, "an entry of nobody's");
	close(map);
	equal(flow(SL_FLOW_OP_DELETE, 1).status, SL_STATUS_OK, "deletion");
	sweep();
	snprintf(wanted, sizeof(wanted), "%u flows in the card, of %u", room - 1, room);
	expect_text(wanted);
}

static void test_leaving(void)
{
	begin("leaving");
	close_port();
	open_port();
	expect(!card_runs(), "the card's program is there after the driver has left");
	expect_nothing_bound();
	expect(program_of(false) >= 0, "the host's program has gone, too");
	equal(strlen(said), 0, "sentences where nothing has failed");
}

static void test_refusals(void)
{
	static const struct { const char *what, *sentence; } rows[] = {
		{ "ports/0/bpf_map_accept",
		  "its driver takes no maps for the card: one with XDP offload is needed, and its firmware for it: "
		  "Operation not supported" },
		{ "bpf_bind_accept", "the card's driver does not take the program: Operation not supported" },
		{ "bpf_bind_verifier_accept", "the card's driver does not take the program: Operation not supported" },
		{ "ports/0/bpf_xdpoffload_accept",
		  "the card does not take the program that its driver took: Operation not supported" },
	};

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin(rows[i].what);
		fault(rows[i].what, false);
		x->port[0].attached = i != 0; /* the host's is there from the test before; it is looked for once */
		equal((uint64_t)-sl_xdp_attach(x, 0), EOPNOTSUPP, "attach");
		expect(program_of(false) >= 0, "the host's program was taken off, which had been there before");
		fault(rows[i].what, true);
		expect_said(rows[i].sentence);
		expect_said("without mode=offload the host's program does it");
		expect_text(rows[i].sentence);
		expect(!card_runs(), "the card has a program");
		expect_nothing_bound();
	}
	begin("refusal of a new port");
	must(bpf_xdp_detach(x->port[0].ifindex, XDP_FLAGS_DRV_MODE, NULL) == 0, "the host's program");
	fault("bpf_bind_accept", false);
	x->port[0].attached = false;
	equal((uint64_t)-sl_xdp_attach(x, 0), EOPNOTSUPP, "attach");
	fault("bpf_bind_accept", true);
	expect(program_of(false) < 0, "the host's program is on a port that did not start");
	begin("after refusals");
	equal((uint64_t)-sl_xdp_attach(x, 0), 0, "attach");
	expect(card_runs(), "the card has no program");
	expect_text("flows in the card, of");
	set_up();
	sweep();
}

/* A card that keeps the program that it is told to give back. */
static void test_stays(void)
{
	begin("program that stays");
	fault("ports/0/bpf_xdpoffload_accept", false);
	close_port();
	expect_said("the card's program cannot be taken off: Operation not supported");
	open_port();
	expect_said("the program that an earlier driver left in the card cannot be taken off: Operation not supported");
	begin("program that stayed");
	x->port[0].attached = true;
	equal((uint64_t)-sl_xdp_attach(x, 0), EBUSY, "attach");
	expect_said("its card runs a program");
	expect_said("xdpoffload off");
	expect(!strstr(said, "somebody else"), "its own program is said to be somebody else's");
	fault("ports/0/bpf_xdpoffload_accept", true);
	close_port();
	open_port();
	expect(!card_runs(), "an earlier driver's program is in the card");
	x->port[0].attached = true;
	equal((uint64_t)-sl_xdp_attach(x, 0), 0, "attach");
	set_up();
	sweep();
}

static void test_other(void)
{
	const struct bpf_insn insns[] = { { .code = 0xb7, .imm = XDP_PASS }, { .code = 0x95 } }; /* r0 = XDP_PASS; exit */
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .prog_ifindex = if_nametoindex(iface));
	int program;

	begin("program of somebody else's");
	close_port();
	open_port();
	program = bpf_prog_load(BPF_PROG_TYPE_XDP, "other", "GPL", insns, 2, &opts);
	must(program >= 0 && bpf_xdp_attach(x->port[0].ifindex, program, XDP_FLAGS_HW_MODE, NULL) == 0, "another program");
	x->port[0].attached = true;
	equal((uint64_t)-sl_xdp_attach(x, 0), EBUSY, "attach");
	expect_said("its card runs a program of somebody else's");
	close_port();
	open_port();
	expect(card_runs(), "another's program was taken off");
	must(bpf_xdp_detach(x->port[0].ifindex, XDP_FLAGS_HW_MODE, NULL) == 0, "another program");
	close(program);
	x->port[0].attached = true;
	equal((uint64_t)-sl_xdp_attach(x, 0), 0, "attach");
	set_up();
	sweep();
}

/* A driver that ends by SIGKILL, with flows in the card that this one goes on to forward. */
static void test_killed(void)
{
	const struct sl_key key = key_of(2);
	struct sl_flow_cpl before, after;
	int status = 0;
	pid_t child;

	begin("killed driver");
	for (uint32_t p = 0; p < SL_PORTS_MAX; p++)
		x->maps.config[p].time_ms = 0; /* the kernel's time again, which goes on by itself */
	close_port();
	child = fork();
	if (child == 0) {
		open_port();
		x->port[0].attached = true; /* the host's, from before */
		must(sl_xdp_attach(x, 0) == 0, "attach");
		set_up();
		flow(SL_FLOW_OP_DELETE, 2);
		insert(2);
		sweep();
		classify(2, 2);
		sweep();
		usleep(300000);
		card_counts(&key, 4, 400);
		kill(getpid(), SIGKILL);
	}
	waitpid(child, &status, 0);
	expect(WIFSIGNALED(status), "the driver was not killed");
	open_port();
	expect(!card_runs(), "a killed driver's program is in the card");
	expect_nothing_bound();
	after = flow(SL_FLOW_OP_QUERY, 2);
	equal(after.status, SL_STATUS_OK, "a flow of a killed driver");
	expect(after.idle_ms < 200, "a flow that the card forwarded is taken for idle");
	x->port[0].attached = true;
	equal((uint64_t)-sl_xdp_attach(x, 0), 0, "attach");
	set_up();
	sweep();
	before = flow(SL_FLOW_OP_QUERY, 2);
	classify(2, 2);
	sweep();
	card_counts(&key, 1, 100);
	after = flow(SL_FLOW_OP_QUERY, 2);
	equal(after.packets - before.packets, 2 + 1, "packets after a restart");
}

/* The device goes while flows are in it. */
static void test_gone(const char *bus_id)
{
	FILE *f = fopen("/sys/bus/netdevsim/del_device", "w");

	begin("device that goes");
	must(f != NULL && fputs(bus_id, f) > 0 && fclose(f) == 0, "del_device");
	sweep();
	expect_said("so its program was taken off");
	expect(!strstr(said, "stays in the card"), "the program of a device that is gone is said to stay");
	expect_text("no flows in the card");
	equal(flow(SL_FLOW_OP_QUERY, 2).status, SL_STATUS_OK, "a flow of a device that is gone");
	equal(flow(SL_FLOW_OP_DELETE, 2).status, SL_STATUS_OK, "deletion of a flow of a device that is gone");
	close_port();
	expect(!strstr(said, "cannot be taken off"), "a device that is gone is asked for its program");
}

int main(int argc, char **argv)
{
	if (argc < 4)
		return 2;
	iface = argv[1];
	debugfs = argv[2];
	room = (unsigned int)atoi(argv[3]);
	open_port();
	set_up();
	test_loading();
	test_flows();
	test_counters();
	test_deletion();
	test_action();
	test_rules();
	test_idle();
	test_full();
	test_leaving();
	if (argc > 4) {
		test_refusals();
		test_stays();
		test_other();
		test_killed();
		test_gone(argv[4]);
	}
	printf("hardware-offload mode, %u entries a map: %u passed, %u failed\n", room, passed, failed);
	return failed != 0;
}
