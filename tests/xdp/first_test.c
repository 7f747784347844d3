/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * First packets in the XDP program (hw/xdp/first.h) by BPF test runs: which backend each frame leaves to, by a hash that is not ours
 * (libxxhash), what it leaves behind, and what is left to the host.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "driver/xdp/table.h"
#include "hw/xdp/sluice.h"
#include "sluice/first.h"

#define LOG2 8
#define HOPS 3u
#define PLACES 251u
#define SEED UINT64_C(0x5eed)
#define HINTS 64u /* room */
#define TUPLES 300u
#define FIN 1
#define SYN 2
#define RST 4
#define ACK 16
#define PASS 2u
#define TX 3u

static struct {
	struct bpf_object *object;
	int prog, config, first, hints, counts;
	struct sl_xdp_table_maps maps;
	struct sl_xdp_table table;
	struct sl_xdp_config c;
	struct sl_first_table service;
	int cpus;
	unsigned int failed;
} t;

static const uint8_t own_mac[6] = { 2, 0x53, 0x4c, 0, 0, 1 };
static uint8_t out[2048];
static uint32_t out_len;

static void must(bool good, const char *what)
{
	if (!good) {
		fprintf(stderr, "first_test: %s: %s\n", what, strerror(errno));
		exit(1);
	}
}

static void expect(bool good, const char *what)
{
	if (good)
		return;
	t.failed++;
	printf("FAIL %s\n", what);
}

static int fd_of(const char *name)
{
	const int fd = bpf_object__find_map_fd_by_name(t.object, name);

	must(fd >= 0, name);
	return fd;
}

static void size_map(const char *name, uint32_t entries)
{
	bpf_map__set_max_entries(bpf_object__find_map_by_name(t.object, name), entries);
}

static void *memory(const char *name, size_t entry)
{
	void *p = mmap(NULL, sl_xdp_table_bytes(LOG2, entry), PROT_READ | PROT_WRITE, MAP_SHARED, fd_of(name), 0);

	must(p != MAP_FAILED, name);
	return p;
}

static void load(const char *path)
{
	t.object = bpf_object__open(path);
	must(t.object != NULL, path);
	size_map("flows4", SL_XDP_BANKS << LOG2);
	size_map("flows6", SL_XDP_BANKS << LOG2);
	for (unsigned int i = 0; i < 4; i++)
		size_map((const char *[]){ "nat4", "foreign4", "foreign6", "flow_meta" }[i], SL_XDP_WAYS * SL_XDP_BANKS << LOG2);
	size_map("hints", HINTS);
	must(!bpf_object__load(t.object), path);
	t.prog = bpf_program__fd(bpf_object__find_program_by_name(t.object, "sluice"));
	t.config = fd_of("config");
	t.first = fd_of("first");
	t.hints = fd_of("hints");
	t.counts = fd_of("first_count");
	t.cpus = libbpf_num_possible_cpus();
	t.maps = (struct sl_xdp_table_maps){
		.flows4 = memory("flows4", sizeof(struct sl_xdp_flow4)), .flows6 = memory("flows6", sizeof(struct sl_xdp_flow6)),
		.nat4 = memory("nat4", sizeof(struct sl_xdp_nat4)), .foreign4 = memory("foreign4", sizeof(struct sl_xdp_foreign)),
		.foreign6 = memory("foreign6", sizeof(struct sl_xdp_foreign)), .meta = memory("flow_meta", sizeof(struct sl_xdp_meta)),
		.log2_v4 = LOG2, .log2_v6 = LOG2, .seed.mix = { 1, 1 },
	};
	must(!sl_xdp_table_open(&t.table, &t.maps), "table");
}

static void config_put(void)
{
	const uint32_t zero = 0;

	must(!bpf_map_update_elem(t.config, &zero, &t.c, 0), "config");
}

static void service_put(void)
{
	const int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "test", 4, sizeof(t.service), 1, NULL);
	const uint32_t zero = 0;

	must(fd >= 0 && !bpf_map_update_elem(fd, &zero, &t.service, 0), "service");
	must(!bpf_map_update_elem(t.first, &t.service.key, &fd, 0), "first");
	close(fd);
}

static void set_up(unsigned int family)
{
	static const uint8_t outer[34] = { 0, 0, 0, 0, 0, 0, 2, 0x53, 0x4c, 0, 0, 1, 8, 0, 0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 4, 0, 0,
					   10, 77, 0, 2, 10, 77, 0, 11 };

	t.c = (struct sl_xdp_config){
		.seed = t.maps.seed, .time_ms = 1000, .log2_v4 = LOG2, .log2_v6 = LOG2, .generation = 1, .tcp_flags = 7, .ttl_max = 1,
		.pipeline = { .ports = 1, .enabled = 1, .filter.port_flags = { SL_PORT_FLAG_ENABLE } }, .first = 1,
	};
	memcpy(t.c.mac, own_mac, 6);
	memcpy(&t.c.pipeline.filter.mac_lo[0], own_mac, 4);
	t.c.pipeline.filter.mac_hi[0] = own_mac[4] | (uint32_t)own_mac[5] << 8 | 1u << 16 | 1u << 31;
	config_put();
	t.service = (struct sl_first_table){ .seed = SEED, .size = PLACES, .hop_count = HOPS, .slot = 5,
					     .key = { .port = htons(80), .proto = 6, .family = (uint8_t)family, .vip[0] = 10, .vip[3] = 100 } };
	for (unsigned int i = 0; i < HOPS; i++) { /* the last one by IP in IP */
		struct sl_first_hop *hop = &t.service.hop[i];

		hop->identity = 7000 + i;
		hop->action = (struct sl_action){ .hdr_len = i == 2 ? 34 : 14, .l3_off = 14, .l4_off = 34, .mtu = 1500,
						  .flags = SL_ACTION_FLAG_VALID | SL_ACTION_FLAG_STRIP_L2 | (i == 2 ? SL_ACTION_FLAG_OUTER_V4 : 0) };
		memcpy(hop->action.hdr, outer, sizeof(outer));
		hop->action.hdr[5] = (uint8_t)(0x10 + i);
		if (family == 6 && i != 2)
			memcpy(hop->action.hdr + 12, (const uint8_t[]){ 0x86, 0xdd }, 2);
	}
	for (unsigned int i = 0; i < PLACES; i++)
		t.service.place[i] = (uint16_t)(i * 7 % HOPS);
	service_put();
}

struct frame {
	uint8_t b[1600];
	uint32_t len;
	struct sl_key key;
};

static void sum_put(uint8_t *ip)
{
	uint32_t sum = 0;

	ip[10] = ip[11] = 0;
	for (unsigned int i = 0; i < 20; i += 2)
		sum += (uint32_t)ip[i] << 8 | ip[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~((sum & 0xffff) + (sum >> 16));
	ip[10] = (uint8_t)(sum >> 8);
	ip[11] = (uint8_t)sum;
}

/* A segment of client number n, of `payload` bytes. */
static struct frame frame_of(unsigned int family, uint32_t n, uint8_t flags, uint32_t payload)
{
	struct frame f = { .key = { .proto = 6, .family = (uint8_t)family, .sport = htons((uint16_t)(1024 + n % 977)), .dport = htons(80) } };
	const uint32_t l3 = family == 4 ? 20 : 40, client = htonl(0x0a010000 + n * 31);
	uint8_t *ip = f.b + 14, *tcp = ip + l3;

	memcpy(f.key.src + (family == 4 ? 0 : 8), &client, 4);
	memcpy(f.key.dst, t.service.key.vip, 16);
	memcpy(f.b, own_mac, 6);
	f.b[6] = 4;
	memcpy(f.b + 12, family == 4 ? (const uint8_t[]){ 8, 0 } : (const uint8_t[]){ 0x86, 0xdd }, 2);
	f.len = 14 + l3 + 20 + payload;
	if (family == 4) {
		ip[0] = 0x45;
		ip[2] = (uint8_t)((f.len - 14) >> 8);
		ip[3] = (uint8_t)(f.len - 14);
		ip[8] = 64;
		ip[9] = 6;
		memcpy(ip + 12, f.key.src, 4);
		memcpy(ip + 16, f.key.dst, 4);
		sum_put(ip);
	} else {
		ip[0] = 0x60;
		ip[4] = (uint8_t)((20 + payload) >> 8);
		ip[5] = (uint8_t)(20 + payload);
		ip[6] = 6;
		ip[7] = 64;
		memcpy(ip + 8, f.key.src, 16);
		memcpy(ip + 24, f.key.dst, 16);
	}
	memcpy(tcp, &f.key.sport, 2);
	memcpy(tcp + 2, &f.key.dport, 2);
	tcp[12] = 0x50;
	tcp[13] = flags;
	return f;
}

static uint32_t run(const struct frame *f)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = f->b, .data_size_in = f->len, .data_out = out, .data_size_out = sizeof(out));

	must(!bpf_prog_test_run_opts(t.prog, &opts), "test run");
	out_len = opts.data_size_out;
	return opts.retval;
}

static uint32_t hop_of(const struct frame *f)
{
	return t.service.place[XXH64(&f->key, 36, SEED) % PLACES];
}

static bool hint_of(const struct frame *f, struct sl_xdp_hint *hint)
{
	return bpf_map_lookup_elem(t.hints, &f->key, hint) == 0;
}

static struct sl_xdp_first_count counted(void)
{
	struct sl_xdp_first_count cpu[256], sum = { 0 };
	const uint32_t slot = 5;

	must(!bpf_map_lookup_elem(t.counts, &slot, cpu), "first_count");
	for (int i = 0; i < t.cpus; i++) {
		sum.packets += cpu[i].packets;
		sum.bytes += cpu[i].bytes;
		sum.syns += cpu[i].syns;
		sum.unhinted += cpu[i].unhinted;
	}
	return sum;
}

/* The frame left to its backend, whole. */
static bool left_right(const struct frame *f, unsigned int family)
{
	const uint32_t hop = hop_of(f), l3 = family == 4 ? 20 : 40, head = hop == 2 ? 34 : 14;
	const uint8_t *ip = out + head;

	if (out[5] != 0x10 + hop || out_len != f->len - 14 + head)
		return false;
	if (hop == 2 && (((uint32_t)out[16] << 8 | out[17]) != f->len + 6 || out[23] != 4))
		return false;
	return ip[family == 4 ? 8 : 7] == 63 && memcmp(ip + l3, f->b + 14 + l3, f->len - 14 - l3) == 0;
}

static void test_choice(unsigned int family)
{
	const struct sl_xdp_first_count before = counted();
	unsigned int wrong = 0, hops[HOPS] = { 0 };
	struct sl_xdp_first_count after;
	struct sl_xdp_hint hint;

	for (uint32_t n = 0; n < TUPLES; n++) {
		const struct frame f = frame_of(family, n, SYN, 0);

		wrong += run(&f) != TX || !left_right(&f, family) || hint_of(&f, &hint);
		hops[hop_of(&f)]++;
	}
	expect(wrong == 0, "a SYN leaves to the backend of its place and leaves nothing behind");
	expect(hops[0] && hops[1] && hops[2], "every backend was asked for");
	after = counted();
	expect(after.packets - before.packets == TUPLES && after.syns - before.syns == TUPLES && after.unhinted == before.unhinted &&
	       after.bytes - before.bytes == TUPLES * (family == 4 ? 54 : 74), "counters of SYNs");
}

static void test_hints(unsigned int family)
{
	const struct frame first = frame_of(family, 1, ACK, 10), last = frame_of(family, 1, ACK | FIN, 0);
	struct sl_xdp_hint hint = { 0 };

	expect(run(&first) == TX && left_right(&first, family), "an ACK of an unknown connection leaves by its place");
	expect(hint_of(&first, &hint) && hint.identity == 7000 + hop_of(&first) && hint.packets == 1 && hint.bytes == first.len &&
	       hint.tcp_flags == ACK, "its hint");
	expect(run(&last) == TX && hint_of(&first, &hint) && hint.packets == 2 && hint.bytes == first.len + last.len &&
	       hint.tcp_flags == (ACK | FIN), "the hint after a FIN");
	must(!bpf_map_delete_elem(t.hints, &first.key), "hint");
}

static void test_full(unsigned int family)
{
	const uint64_t before = counted().unhinted;
	unsigned int wrong = 0;

	for (uint32_t n = 0; n < 2 * HINTS; n++) {
		const struct frame f = frame_of(family, n, ACK, 0);

		wrong += run(&f) != TX || !left_right(&f, family);
	}
	expect(wrong == 0, "packets leave where there is no room for a hint");
	expect(counted().unhinted - before == HINTS, "hints without room are counted");
	for (uint32_t n = 0; n < 2 * HINTS; n++) {
		const struct frame f = frame_of(family, n, ACK, 0);

		bpf_map_delete_elem(t.hints, &f.key);
	}
}

static void host_gets(const struct frame *f, const char *what)
{
	const uint64_t before = counted().packets;

	expect(run(f) == PASS && out_len == f->len && memcmp(out, f->b, f->len) == 0 && counted().packets == before, what);
}

static void test_host(unsigned int family)
{
	struct frame f = frame_of(family, 7, SYN | ACK, 0);
	const uint32_t ttl_at = family == 4 ? 22 : 21;

	host_gets(&f, "SYN-ACK");
	f = frame_of(family, 7, SYN | FIN, 0);
	host_gets(&f, "SYN with FIN");
	f = frame_of(family, 7, SYN, 0);
	f.b[ttl_at] = 1;
	if (family == 4)
		sum_put(f.b + 14);
	host_gets(&f, "TTL 1");
	f = frame_of(family, 7, ACK, 1500 - (family == 4 ? 39 : 59));
	host_gets(&f, "longer than the MTU");
	f = frame_of(family, 7, SYN, 0);
	f.b[14 + (family == 4 ? 20 : 40) + 3] = 81;
	host_gets(&f, "another port");
	f = frame_of(family, 7, SYN, 0);
	t.service.place[XXH64(&f.key, 36, SEED) % PLACES] = SL_FIRST_HOST;
	service_put();
	host_gets(&f, "a place that is the host's");
	set_up(family);
	t.service.hop[hop_of(&f)].action.flags = 0;
	service_put();
	host_gets(&f, "a backend that cannot be sent to");
	set_up(family);
	t.c.pipeline.filter.port_flags[0] = 0;
	config_put();
	expect(run(&f) == 1, "a port that is down");
	set_up(family);
	t.c.first = 0;
	config_put();
	host_gets(&f, "no services");
	set_up(family);
	must(!bpf_map_delete_elem(t.first, &t.service.key), "first");
	host_gets(&f, "a service that has gone");
	set_up(family);
	expect(run(&f) == TX, "and is there again");
}

/* What is in the flow table goes its own way, whatever tenant the short cut looks for. */
static void test_known(unsigned int family)
{
	const struct frame f = frame_of(family, 9, ACK, 0);
	struct sl_flow_cmd cmd = { .opcode = SL_FLOW_OP_INSERT, .key = f.key, .record.flags = SL_RECORD_FLAG_DEC_TTL };
	struct sl_flow_cpl cpl;

	sl_xdp_table_command(&t.table, &cmd, 1, &cpl, NULL);
	must(cpl.status == 0, "insert");
	host_gets(&f, "a flow in the table, which no rule sends there");
	t.c.tenant = 3;
	config_put();
	host_gets(&f, "the same where the short cut looks for another tenant's");
	set_up(family);
	cmd.opcode = SL_FLOW_OP_DELETE;
	sl_xdp_table_command(&t.table, &cmd, 1, &cpl, NULL);
	expect(run(&f) == TX && left_right(&f, family), "the same when it has gone");
	bpf_map_delete_elem(t.hints, &f.key);
}

int main(int argc, char **argv)
{
	cpu_set_t one;

	if (argc != 2) {
		fprintf(stderr, "usage: first_test SLUICE.bpf.o\n");
		return 2;
	}
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	must(!sched_setaffinity(0, sizeof(one), &one), "processor 0");
	load(argv[1]);
	for (unsigned int family = 4; family <= 6; family += 2) {
		set_up(family);
		test_choice(family);
		test_hints(family);
		test_full(family);
		test_host(family);
		test_known(family);
	}
	printf("first packets: %s\n", t.failed ? "FAILED" : "passed");
	sl_xdp_table_close(&t.table);
	bpf_object__close(t.object);
	return t.failed != 0;
}
