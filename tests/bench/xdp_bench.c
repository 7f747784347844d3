/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The XDP program's time per frame, by the kernel's test runs (xdp_wrap.bpf.c makes the frames): hits of one flow and of a million
 * at random in a table for four million, IPv4 and IPv6, SYNs of connections that are not there and are decided by a Maglev table (one
 * client, and a million), and frames that are not for a VIP; beside the time of a program that swaps MACs under the same
 * wrapper, of one that moves the frame's head besides (`xdp_head_ns`), and of one that counts in a random line of as much memory
 * (`xdp_line_ns`). Rounds alternate; minimum and median of each are printed, the minimum is written.
 *
 * xdp_bench SLUICE.bpf.o WRAP.bpf.o JSON
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
#include <sys/random.h>
#include <unistd.h>

#include "driver/xdp/named.h"
#include "driver/xdp/table.h"
#include "hw/xdp/sluice.h"
#include "sluice/first.h"
#include "tests/bench/xdp_wrap.h"

#define LOG2_V4 19 /* 4 Mi entries */
#define LOG2_V6 19
#define FLOWS (1u << 20)
#define ROUNDS 7
#define RUNS_HOT 1000000u
#define RUNS_MANY 2000000u

enum { SWAP, SLUICE, LINE, HEAD, PROGRAMS };

struct row {
	const char *name;
	uint32_t program, mask;
	bool v6, vip, new;
	uint32_t ns[ROUNDS];
};

struct bench {
	struct bpf_object *sluice, *wrapper;
	int wrap, run;
	struct sl_xdp_table_maps maps;
	struct sl_xdp_table table;
};

static void must(bool good, const char *what)
{
	if (!good) {
		fprintf(stderr, "xdp_bench: %s: %s\n", what, strerror(errno));
		exit(1);
	}
}

static int fd_of(struct bpf_object *o, const char *name)
{
	const int fd = bpf_object__find_map_fd_by_name(o, name);

	must(fd >= 0, name);
	return fd;
}

static int program_of(struct bpf_object *o, const char *name)
{
	return bpf_program__fd(bpf_object__find_program_by_name(o, name));
}

static void size_map(struct bpf_object *o, const char *name, uint32_t entries)
{
	bpf_map__set_max_entries(bpf_object__find_map_by_name(o, name), entries);
}

static void *memory(struct bench *b, const char *name, uint32_t log2, size_t entry)
{
	void *p = mmap(NULL, sl_xdp_table_bytes(log2, entry), PROT_READ | PROT_WRITE, MAP_SHARED, fd_of(b->sluice, name), 0);

	must(p != MAP_FAILED, name);
	return p;
}

static const struct sl_hash_seed sip_seed = { 0x0123456789abcdef, 0xfedcba9876543210 };

static void load(struct bench *b, const char *sluice, const char *wrapper)
{
	uint8_t random_bytes[sizeof(struct sl_xdp_seed)];
	int programs;

	b->sluice = bpf_object__open(sluice);
	must(b->sluice != NULL, sluice);
	size_map(b->sluice, "flows4", SL_XDP_BANKS << LOG2_V4);
	size_map(b->sluice, "flows6", SL_XDP_BANKS << LOG2_V6);
	size_map(b->sluice, "nat4", SL_XDP_BANKS * SL_XDP_WAYS << LOG2_V4);
	size_map(b->sluice, "foreign4", SL_XDP_BANKS * SL_XDP_WAYS << LOG2_V4);
	size_map(b->sluice, "foreign6", SL_XDP_BANKS * SL_XDP_WAYS << LOG2_V6);
	size_map(b->sluice, "flow_meta", SL_XDP_BANKS * SL_XDP_WAYS << LOG2_V4);
	must(!bpf_object__load(b->sluice), sluice);
	b->wrapper = bpf_object__open(wrapper);
	must(b->wrapper && !bpf_object__load(b->wrapper), wrapper);
	b->wrap = fd_of(b->wrapper, "wrap");
	b->run = program_of(b->wrapper, "wrapper");
	programs = fd_of(b->wrapper, "programs");
	for (uint32_t i = 0; i < PROGRAMS; i++) {
		static const char *const name[PROGRAMS] = { "swap", "sluice", "line", "head" };
		const int fd = program_of(i == SLUICE ? b->sluice : b->wrapper, name[i]);

		must(!bpf_map_update_elem(programs, &i, &fd, 0), "programs");
	}
	b->maps = (struct sl_xdp_table_maps){
		.flows4 = memory(b, "flows4", LOG2_V4, sizeof(struct sl_xdp_flow4)),
		.flows6 = memory(b, "flows6", LOG2_V6, sizeof(struct sl_xdp_flow6)),
		.nat4 = memory(b, "nat4", LOG2_V4, sizeof(struct sl_xdp_nat4)),
		.foreign4 = memory(b, "foreign4", LOG2_V4, sizeof(struct sl_xdp_foreign)),
		.foreign6 = memory(b, "foreign6", LOG2_V6, sizeof(struct sl_xdp_foreign)),
		.meta = memory(b, "flow_meta", LOG2_V4, sizeof(struct sl_xdp_meta)),
		.log2_v4 = LOG2_V4, .log2_v6 = LOG2_V6
	};
	must(getrandom(random_bytes, sizeof(random_bytes), 0) == sizeof(random_bytes), "random bytes");
	sl_xdp_seed_make(&b->maps.seed, random_bytes);
	must(!sl_xdp_table_open(&b->table, &b->maps), "table");
}

#define NEW_PORT 81
#define PLACES 16381 /* node.maglev_size as it is unless configured */
#define BACKENDS 16

static const uint8_t own_mac[6] = { 2, 0x53, 0x4c, 0, 0, 1 };
static const uint8_t vip4[4] = { 10, 78, 0, 100 }, vip6[16] = { 0xfd, 0x78, [15] = 0x64 };

/* A service of backends that are all sent to by this action. */
static void put_service(struct bench *b, const struct sl_action *action)
{
	static struct sl_first_table service = { .size = PLACES, .hop_count = BACKENDS,
						 .key = { .proto = 6, .family = 4 } };
	const int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "service", 4, sizeof(service), 1, NULL);
	const uint32_t zero = 0;

	service.key.port = htons(NEW_PORT);
	memcpy(service.key.vip, vip4, 4);
	for (uint32_t i = 0; i < BACKENDS; i++)
		service.hop[i].action = *action;
	for (uint32_t i = 0; i < PLACES; i++)
		service.place[i] = (uint16_t)(i * 7 % BACKENDS);
	must(fd >= 0 && !bpf_map_update_elem(fd, &zero, &service, 0), "service");
	must(!bpf_map_update_elem(fd_of(b->sluice, "first"), &service.key, &fd, 0), "first");
	close(fd);
}

/* One action (IP in IP), a rule a family that sends the VIP's frames to the flows, and the configuration. */
static void set_up(struct bench *b)
{
	static struct sl_class_table rules;
	static struct sl_xdp_named named;
	struct sl_xdp_config config = {
		.seed = b->maps.seed, .time_mul = 4 << 16,
		.pipeline = { .seed = sip_seed, .ports = 1, .enabled = 1, .filter.port_flags = { SL_PORT_FLAG_ENABLE } },
		.log2_v4 = LOG2_V4, .log2_v6 = LOG2_V6, .generation = 1, .tcp_flags = 7, .ttl_max = 1, .first = 1,
	};
	struct sl_action action = { .hdr_len = 34, .l3_off = 14, .l4_off = 34, .mtu = 1500,
				    .flags = SL_ACTION_FLAG_VALID | SL_ACTION_FLAG_STRIP_L2 | SL_ACTION_FLAG_OUTER_V4 };
	static const uint8_t outer[34] = { 2, 0, 0, 0, 0, 9, 2, 0x53, 0x4c, 0, 0, 1, 8, 0, 0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 4, 0, 0,
					   10, 77, 0, 2, 10, 77, 0, 11 };
	uint32_t zero = 0, sum = 0;

	memcpy(config.mac, own_mac, 6);
	memcpy(&config.pipeline.filter.mac_lo[0], own_mac, 4);
	config.pipeline.filter.mac_hi[0] = own_mac[4] | (uint32_t)own_mac[5] << 8 | 1u << 16 | 1u << 31;
	memcpy(action.hdr, outer, sizeof(outer));
	for (int i = 14; i < 34; i += 2)
		sum += (uint32_t)outer[i] << 8 | outer[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~((sum & 0xffff) + (sum >> 16)) & 0xffff;
	action.hdr[24] = (uint8_t)(sum >> 8);
	action.hdr[25] = (uint8_t)sum;
	for (int i = 0; i < 2; i++) {
		struct sl_class_rule *r = &rules.rule[i];

		*r = (struct sl_class_rule){ .valid = 1, .verdict = SL_VERDICT_FLOWS, .port_mask = 1, .l3 = i ? 6 : 4, .ttl_max = 255,
					     .sport_hi = 0xffff, .dport_hi = 0xffff, .dst_plen = i ? 128 : 32 };
		memcpy(r->dmac, own_mac, 6);
		memset(r->dmac_mask, 0xff, 6);
		memcpy(r->dst, i ? vip6 : vip4, i ? 16 : 4);
	}
	rules.valid = 3;
	sl_xdp_named_make(&named, &rules, NULL, &config, 1);
	must(!bpf_map_update_elem(fd_of(b->sluice, "named"), &zero, &named, 0), "named");
	must(!bpf_map_update_elem(fd_of(b->sluice, "config"), &zero, &config, 0), "config");
	must(!bpf_map_update_elem(fd_of(b->sluice, "rules"), &zero, &rules, 0), "rules");
	action.reserved1 = sl_xdp_room(&action, &config.pipeline);
	must(!bpf_map_update_elem(fd_of(b->sluice, "actions"), &zero, &action, 0), "actions");
	put_service(b, &action);
}

static void insert_flows(struct bench *b, unsigned int family)
{
	for (uint32_t i = 0; i < FLOWS; i++) {
		struct sl_flow_cmd cmd = { .opcode = SL_FLOW_OP_INSERT, .record.flags = SL_RECORD_FLAG_DEC_TTL };
		const uint32_t address = wrap_address(i);
		struct sl_flow_cpl cpl;

		if (family == 4) {
			memcpy(cmd.key.src, &address, 4);
			memcpy(cmd.key.dst, vip4, 4);
		} else {
			cmd.key.src[0] = 0xfd;
			memcpy(cmd.key.src + 12, &address, 4);
			memcpy(cmd.key.dst, vip6, 16);
		}
		cmd.key.sport = (uint16_t)wrap_port(i);
		cmd.key.dport = htons(80);
		cmd.key.proto = 6;
		cmd.key.family = (uint8_t)family;
		sl_xdp_table_command(&b->table, &cmd, 1, &cpl, NULL);
		must(cpl.status == 0, "a flow was refused");
	}
}

static void make_frame(struct wrap *w, bool v6, bool vip, bool new)
{
	uint8_t *f = w->frame, *ip = f + 14, *l4 = ip + (v6 ? 40 : 20);
	const uint32_t address = wrap_address(0);
	uint32_t sum = 0;

	memcpy(f, own_mac, 6);
	memset(f + 6, 4, 6);
	f[12] = v6 ? 0x86 : 8;
	f[13] = v6 ? 0xdd : 0;
	if (v6) {
		ip[0] = 0x60;
		ip[5] = WRAP_FRAME - 54;
		ip[6] = 6;
		ip[7] = 64;
		ip[8] = 0xfd;
		memcpy(ip + 20, &address, 4);
		memcpy(ip + 24, vip6, 16);
		ip[39] = vip ? ip[39] : 1;
	} else {
		ip[0] = 0x45;
		ip[3] = WRAP_FRAME - 14;
		ip[6] = 0x40;
		ip[8] = 64;
		ip[9] = 6;
		memcpy(ip + 16, vip4, 4);
		ip[19] = vip ? ip[19] : 1;
		for (int i = 0; i < 20; i += 2) {
			uint16_t word;

			memcpy(&word, ip + i, 2);
			sum += word;
		}
		w->csum = (sum & 0xffff) + (sum >> 16);
		memcpy(ip + 12, &address, 4);
		sum = w->csum + (address & 0xffff) + (address >> 16);
		sum = (sum & 0xffff) + (sum >> 16);
		sum = ~((sum & 0xffff) + (sum >> 16));
		memcpy(ip + 10, &sum, 2);
	}
	w->v6 = v6;
	l4[0] = (uint8_t)wrap_port(0);
	l4[1] = (uint8_t)(wrap_port(0) >> 8);
	l4[3] = new ? NEW_PORT : 80;
	l4[12] = 0x50;
	l4[13] = new ? 2 : 0x10;
}

static uint32_t run(struct bench *b, const struct row *row, unsigned int round, uint32_t runs)
{
	struct wrap w = { .random = 88172645463325252u + round, .program = row->program, .mask = row->mask };
	uint8_t in[WRAP_FRAME] = { 0 }, out[256];
	const uint32_t zero = 0;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in, .data_size_in = sizeof(in), .data_out = out,
		    .data_size_out = sizeof(out), .repeat = (int)runs);

	make_frame(&w, row->v6, row->vip, row->new);
	must(!bpf_map_update_elem(b->wrap, &zero, &w, 0), "wrap");
	must(!bpf_prog_test_run_opts(b->run, &opts), "test run");
	if (opts.retval != (row->vip ? 3u : 2u)) {
		fprintf(stderr, "xdp_bench: %s: verdict %u\n", row->name, opts.retval);
		exit(1);
	}
	return opts.duration;
}

static int by_size(const void *a, const void *b)
{
	return *(const uint32_t *)a < *(const uint32_t *)b ? -1 : *(const uint32_t *)a > *(const uint32_t *)b;
}

int main(int argc, char **argv)
{
	static struct row rows[] = {
		{ .name = "xdp_floor_ns", .program = SWAP, .vip = true },
		{ .name = "xdp_head_ns", .program = HEAD, .vip = true },
		{ .name = "xdp_hot_ns", .program = SLUICE, .vip = true },
		{ .name = "xdp_hot_v6_ns", .program = SLUICE, .v6 = true, .vip = true },
		{ .name = "xdp_floor_many_ns", .program = SWAP, .mask = FLOWS - 1, .vip = true },
		{ .name = "xdp_line_ns", .program = LINE, .mask = FLOWS - 1, .vip = true },
		{ .name = "xdp_64k_ns", .program = SLUICE, .mask = 65535, .vip = true },
		{ .name = "xdp_1m_ns", .program = SLUICE, .mask = FLOWS - 1, .vip = true },
		{ .name = "xdp_1m_v6_ns", .program = SLUICE, .mask = FLOWS - 1, .v6 = true, .vip = true },
		{ .name = "xdp_new_ns", .program = SLUICE, .vip = true, .new = true },
		{ .name = "xdp_new_1m_ns", .program = SLUICE, .mask = FLOWS - 1, .vip = true, .new = true },
		{ .name = "xdp_pass_ns", .program = SLUICE },
	};
	static struct bench b;
	FILE *json;
	cpu_set_t one;

	if (argc != 4) {
		fprintf(stderr, "usage: xdp_bench SLUICE.bpf.o WRAP.bpf.o JSON\n");
		return 2;
	}
	CPU_ZERO(&one);
	CPU_SET(1, &one);
	if (sched_setaffinity(0, sizeof(one), &one))
		fprintf(stderr, "xdp_bench: not bound to processor 1\n");
	load(&b, argv[1], argv[2]);
	set_up(&b);
	insert_flows(&b, 4);
	insert_flows(&b, 6);
	for (unsigned int round = 0; round < ROUNDS; round++) {
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
			rows[i].ns[round] = run(&b, &rows[i], round, rows[i].mask ? RUNS_MANY : RUNS_HOT);
	}
	json = fopen(argv[3], "w");
	must(json != NULL, argv[3]);
	fprintf(json, "{");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct row *r = &rows[i];

		qsort(r->ns, ROUNDS, sizeof(r->ns[0]), by_size);
		printf("%-18s %4u ns (median %u)\n", r->name, r->ns[0], r->ns[ROUNDS / 2]);
		fprintf(json, "%s\"%s\": %u", i ? ", " : "", r->name, r->ns[0]);
	}
	fprintf(json, "}\n");
	fclose(json);
	sl_xdp_table_close(&b.table);
	bpf_object__close(b.sluice);
	bpf_object__close(b.wrapper);
	return 0;
}
