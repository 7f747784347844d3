/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The summary of rules (hw/xdp/named.h) against the stages: random rules and prefixes of a few addresses and values, and frames of the
 * same few. Each frame once with the summary and once without: what the summary lets pass, the stages give to the kernel because
 * no rule matches it; it is counted as they count it; and of the frames that no rule matches most are known by the summary. And what
 * kernel=keep makes of frames that rules name, while no socket takes them.
 *
 * named_test SLUICE.bpf.o [SEED]
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "driver/xdp/named.h"

#define ROUNDS 400
#define FRAMES 60 /* of a round */
#define FRAME_BYTES 80
#define ADDRESSES 6
#define NOT_WRITTEN 255 /* reason of a frame that the stages did not see */

struct test {
	struct bpf_object *object;
	int prog, config, scratch, rules, named, reasons, cpus;
	struct sl_prefix_bucket *prefixes;
	struct sl_xdp_scratch *seen;
	uint64_t random;
	unsigned int passed_by_summary, passed_by_stages, kept, kept_from, wrong;
};

static const uint8_t own_mac[6] = { 2, 0, 0, 0, 0, 1 };

static void must(bool good, const char *what)
{
	if (!good) {
		fprintf(stderr, "named_test: %s: %s\n", what, strerror(errno));
		exit(1);
	}
}

static uint32_t below(struct test *t, uint32_t n)
{
	t->random = t->random * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(t->random >> 33) % n;
}

#define ONE_OF(t, ...) (((const uint32_t[]){ __VA_ARGS__ })[below(t, sizeof((const uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t))])

static void open_all(struct test *t, const char *path)
{
	struct bpf_map *map;

	t->object = bpf_object__open(path);
	must(t->object && !bpf_object__load(t->object), path);
	t->prog = bpf_program__fd(bpf_object__find_program_by_name(t->object, "sluice"));
	t->config = bpf_object__find_map_fd_by_name(t->object, "config");
	t->scratch = bpf_object__find_map_fd_by_name(t->object, "scratch");
	t->rules = bpf_object__find_map_fd_by_name(t->object, "rules");
	t->named = bpf_object__find_map_fd_by_name(t->object, "named");
	t->reasons = bpf_object__find_map_fd_by_name(t->object, "reason_count");
	map = bpf_object__find_map_by_name(t->object, "prefixes");
	t->prefixes = mmap(NULL, SL_PREFIX_BUCKETS * sizeof(*t->prefixes), PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);
	must(t->prefixes != MAP_FAILED, "prefixes");
	t->cpus = libbpf_num_possible_cpus();
	t->seen = calloc((size_t)t->cpus, sizeof(*t->seen));
	must(t->seen != NULL, "memory");
}

/* One of few, of which the last two are of frames alone: no rule has them. */
static void address(uint32_t n, unsigned int family, uint8_t to[16])
{
	memset(to, 0, 16);
	to[0] = family == 4 ? 10 : 0xfd;
	to[family == 4 ? 3 : 15] = (uint8_t)(n + 1);
	to[1] = n < 3 ? 1 : 2;
}

static void mask(uint8_t a[16], uint32_t plen)
{
	for (uint32_t i = 0; i < 16; i++)
		a[i] &= plen >= 8 * (i + 1) ? 0xff : plen <= 8 * i ? 0 : (uint8_t)(0xff00 >> (plen - 8 * i));
}

static struct sl_class_rule random_rule(struct test *t)
{
	const bool v6 = below(t, 2);
	struct sl_class_rule r = {
		.valid = 1, .verdict = (uint8_t)ONE_OF(t, SL_VERDICT_HOST, SL_VERDICT_FLOWS, SL_VERDICT_DROP),
		.port_mask = (uint8_t)ONE_OF(t, 1, 1, 3, 2), .l3 = (uint8_t)ONE_OF(t, 0, v6 ? 6 : 4, v6 ? 6 : 4),
		.ethertype = (uint16_t)ONE_OF(t, 0, 0, 0, 0x0800, 0x86dd, 0x0806),
		.vlan_mode = (uint8_t)ONE_OF(t, SL_VLAN_MODE_ANY, SL_VLAN_MODE_ANY, SL_VLAN_MODE_UNTAGGED, SL_VLAN_MODE_VID),
		.tunnel_mode = (uint8_t)ONE_OF(t, SL_TUNNEL_MODE_ANY, SL_TUNNEL_MODE_ANY, SL_TUNNEL_MODE_NONE, SL_TUNNEL_MODE_NONE + 1),
		.frag = (uint8_t)ONE_OF(t, SL_FRAG_MODE_ANY, SL_FRAG_MODE_ANY, SL_FRAG_MODE_NO, SL_FRAG_MODE_YES),
		.ttl_max = (uint8_t)ONE_OF(t, 255, 255, 255, 1, 64), .sport_hi = 0xffff,
		.dport_lo = (uint16_t)ONE_OF(t, 0, 80), .dport_hi = 0xffff, .inner_l3 = (uint8_t)ONE_OF(t, 0, 0, 0, 0, 4),
		.proto = (uint8_t)ONE_OF(t, 0, 0, 1, 6, 17), .dst_plen = (uint8_t)ONE_OF(t, 0, 0, 0, 16, 32, 128),
		.src_plen = (uint8_t)ONE_OF(t, 0, 0, 0, 16, 32, 128), .prefix_mode = (uint8_t)ONE_OF(t, 0, 0, 0, 0, 1, 2),
		.prefix_set = (uint8_t)below(t, 2),
	};

	r.proto_mask = r.proto ? 255 : 0;
	r.tcp_flags_mask = (uint8_t)ONE_OF(t, 0, 0, 2, 5);
	r.tcp_flags = r.tcp_flags_mask & (uint8_t)ONE_OF(t, 2, 1, 5, 0);
	if (below(t, 3) == 0) {
		memcpy(r.dmac, own_mac, 6);
		memset(r.dmac_mask, 0xff, 6);
	}
	address(below(t, ADDRESSES - 2), v6 ? 6 : 4, r.dst);
	address(below(t, ADDRESSES - 2), v6 ? 6 : 4, r.src);
	mask(r.dst, r.dst_plen);
	mask(r.src, r.src_plen);
	return r;
}

static void set_prefixes(struct test *t)
{
	memset(t->prefixes, 0, SL_PREFIX_BUCKETS * sizeof(*t->prefixes));
	for (uint32_t n = below(t, 4); n > 0; n--) {
		struct sl_class_prefix p = { .sets = 1 + below(t, 3), .family = below(t, 2) ? 4 : 6, .meter = SL_PREFIX_METER_RULE,
					     .port_hi = 0xffff };
		const uint32_t mode = below(t, 2) ? SL_PREFIX_MODE_DST : SL_PREFIX_MODE_SRC;
		uint32_t table;

		if (below(t, 2)) {
			p.proto = 6;
			p.proto_mask = 0xff;
			p.port_lo = p.port_hi = 80;
		}
		address(below(t, ADDRESSES - 2), p.family, p.addr);
		table = sl_prefix_table_of(&p, mode);
		t->prefixes[sl_prefix_bucket_index(table, 0, sl_prefix_hash_of(&p, table))].slot0 = p;
	}
}

static uint32_t make_frame(struct test *t, uint8_t f[FRAME_BYTES])
{
	const bool v6 = below(t, 2), tcp = below(t, 3) != 0;
	uint8_t *ip = f + 14, *l4 = ip + (v6 ? 40 : 20), a[2][16];
	uint32_t sum = 0;

	memset(f, 0, FRAME_BYTES);
	memcpy(f, own_mac, 6);
	f[5] ^= below(t, 10) == 0;
	address(below(t, ADDRESSES), v6 ? 6 : 4, a[0]);
	address(below(t, ADDRESSES), v6 ? 6 : 4, a[1]);
	memcpy(f + 12, v6 ? (const uint8_t[]){ 0x86, 0xdd } : (const uint8_t[]){ 8, 0 }, 2);
	if (v6) {
		memcpy(ip, (const uint8_t[]){ 0x60, 0, 0, 0, 0, 20, tcp ? 6 : 17, (uint8_t)ONE_OF(t, 64, 65, 1, 255) }, 8);
		memcpy(ip + 8, a, 32);
	} else {
		memcpy(ip, (const uint8_t[]){ 0x45, 0, 0, 40, 0, 0, 0, 0, (uint8_t)ONE_OF(t, 64, 65, 1, 255), tcp ? 6 : 17 }, 10);
		ip[6] = below(t, 20) == 0 ? 0x20 : 0x40;
		memcpy(ip + 12, a[0], 4);
		memcpy(ip + 16, a[1], 4);
		for (unsigned int i = 0; i < 20; i += 2)
			sum += (uint32_t)ip[i] << 8 | ip[i + 1];
		sum = ~((sum & 0xffff) + (sum >> 16)) & 0xffff;
		ip[10] = (uint8_t)(sum >> 8);
		ip[11] = (uint8_t)sum;
	}
	l4[3] = (uint8_t)ONE_OF(t, 80, 80, 22);
	if (tcp) {
		l4[12] = 0x50;
		l4[13] = (uint8_t)ONE_OF(t, 0x10, 0x02, 0x11);
	} else {
		l4[5] = 20;
	}
	return v6 ? 74 : 60;
}

static uint64_t kernel_count(const struct test *t)
{
	const uint32_t reason = SL_REASON_KERNEL;
	struct sl_counter_pair pair[256];
	uint64_t sum = 0;

	must(t->cpus <= 256 && !bpf_map_lookup_elem(t->reasons, &reason, pair), "reason_count");
	for (int cpu = 0; cpu < t->cpus; cpu++)
		sum += (pair[cpu].packets << 32) + pair[cpu].bytes;
	return sum;
}

/* The verdict; *reason that the stages gave, *counted what KERNEL has more, packets in the upper half. */
static uint32_t run(struct test *t, struct sl_xdp_config *c, uint16_t generation, uint8_t *frame, uint32_t len, uint8_t *reason,
		    uint64_t *counted)
{
	const uint64_t before = kernel_count(t);
	const uint32_t zero = 0;
	uint8_t out[256];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = len, .data_out = out, .data_size_out = sizeof(out));

	for (int cpu = 0; cpu < t->cpus; cpu++)
		t->seen[cpu].reason = NOT_WRITTEN;
	must(!bpf_map_update_elem(t->scratch, &zero, t->seen, 0), "scratch");
	c->generation = generation;
	must(!bpf_map_update_elem(t->config, &zero, c, 0), "config");
	must(!bpf_prog_test_run_opts(t->prog, &opts), "run");
	must(!bpf_map_lookup_elem(t->scratch, &zero, t->seen), "scratch");
	*reason = t->seen[0].reason;
	*counted = kernel_count(t) - before;
	return opts.retval;
}

/* Whether the rule asks for an address of the packet. */
static bool names(const struct sl_class_rule *r, const struct sl_packet *p)
{
	const uint8_t whole = p->family == 4 ? 32 : 128;

	return r->dst_plen >= whole || r->src_plen >= whole || sl_prefix_asked(r);
}

/* Whether neither address of the packet is one that rules may have. */
static bool stranger(const struct sl_packet *p)
{
	const unsigned int last = p->family == 4 ? 3 : 15;

	return p->src[last] > ADDRESSES - 2 && p->dst[last] > ADDRESSES - 2;
}

/* With kernel=keep and nobody to take it: what a rule names by its address is dropped, and of the rest only what shares an address with
 * some rule. Verdict and reason were those without keep. */
static bool keep_good(struct test *t, struct sl_xdp_config *c, const struct sl_class_table *table, uint8_t *frame, uint32_t len,
		      uint32_t verdict, uint8_t reason)
{
	const struct sl_packet *p = &t->seen[0].headers.outer;
	uint64_t counted;
	uint32_t kept;
	uint8_t again, rule;

	c->kernel_pass = SL_XDP_KERNEL_KEEP;
	kept = run(t, c, 1, frame, len, &again, &counted);
	c->kernel_pass = 0;
	rule = t->seen[0].rule;
	if (reason == SL_REASON_MAC_FILTER)
		return kept == XDP_PASS;
	if (verdict != XDP_PASS || reason == SL_REASON_KERNEL)
		return kept == verdict;
	t->kept += kept == XDP_PASS;
	t->kept_from += kept == XDP_DROP;
	if (rule < SL_CLASS_RULES && names(&table->rule[rule], p))
		return kept == XDP_DROP;
	return kept == XDP_PASS || (kept == XDP_DROP && !stranger(p));
}

static void run_round(struct test *t, unsigned int round)
{
	static struct sl_class_table table;
	static struct sl_xdp_named named;
	struct sl_xdp_config c = { .log2_v4 = 1, .log2_v6 = 1, .time_ms = 1, .ttl_max = 1,
				   .pipeline = { .ports = 2, .enabled = 1, .filter.port_flags = { SL_PORT_FLAG_ENABLE } } };
	const uint32_t zero = 0;

	memcpy(c.mac, own_mac, 6);
	memcpy(&c.pipeline.filter.mac_lo[0], own_mac, 4);
	c.pipeline.filter.mac_hi[0] = own_mac[4] | (uint32_t)own_mac[5] << 8 | 1u << 16 | (round % 8 ? SL_MAC_HI_VALID : 0);
	c.pipeline.filter.port_flags[0] = round % 16 == 5 ? 0 : SL_PORT_FLAG_ENABLE;
	memset(&table, 0, sizeof(table));
	set_prefixes(t);
	for (uint32_t n = below(t, 5), i = 0; i < n; i++) {
		struct sl_class_rule *r = &table.rule[i];

		*r = random_rule(t);
		table.valid |= UINT64_C(1) << i;
		table.asking |= (uint64_t)sl_prefix_asked(r) << i;
		c.tcp_flags |= r->tcp_flags_mask;
		if (r->ttl_max < 255 && r->ttl_max > c.ttl_max)
			c.ttl_max = r->ttl_max;
	}
	must(!bpf_map_update_elem(t->rules, &zero, &table, 0), "rules");
	sl_xdp_named_make(&named, &table, t->prefixes, &c, 1);
	must(!bpf_map_update_elem(t->named, &zero, &named, 0), "named");
	for (unsigned int i = 0; i < FRAMES; i++) {
		uint8_t frame[FRAME_BYTES], with, without;
		uint64_t counted[2];
		const uint32_t len = make_frame(t, frame);
		const uint32_t short_cut = run(t, &c, 1, frame, len, &with, &counted[0]);
		const uint32_t stages = run(t, &c, 0, frame, len, &without, &counted[1]);
		bool good = short_cut == stages && counted[0] == counted[1] && (with == NOT_WRITTEN ? without == SL_REASON_KERNEL : with == without);

		good = keep_good(t, &c, &table, frame, len, stages, without) && good;
		t->passed_by_summary += with == NOT_WRITTEN;
		t->passed_by_stages += without == SL_REASON_KERNEL;
		if (!good && t->wrong++ < 10)
			printf("FAIL round %u, frame %u: verdict %u, reason %u; by the stages %u, %u\n", round, i, short_cut, with, stages,
			       without);
	}
}

int main(int argc, char **argv)
{
	static struct test t;
	cpu_set_t one;

	if (argc < 2) {
		fprintf(stderr, "usage: named_test SLUICE.bpf.o [SEED]\n");
		return 2;
	}
	t.random = argc > 2 ? strtoull(argv[2], NULL, 0) : (uint64_t)time(NULL);
	printf("seed %llu\n", (unsigned long long)t.random);
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	must(!sched_setaffinity(0, sizeof(one), &one), "processor 0"); /* so that scratch of CPU 0 is the frame's */
	open_all(&t, argv[1]);
	for (unsigned int round = 0; round < ROUNDS; round++)
		run_round(&t, round);
	printf("summary of rules: %u frames, %u for the kernel because no rule matches, %u of them by the summary; of others without a socket, "
	       "with kernel=keep, %u for the kernel, %u dropped; %u wrong\n", ROUNDS * FRAMES, t.passed_by_stages, t.passed_by_summary, t.kept,
	       t.kept_from, t.wrong);
	bpf_object__close(t.object);
	return t.wrong || t.passed_by_summary < ROUNDS * FRAMES / 20 || !t.kept || !t.kept_from;
}
