/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The vector corpus against the XDP program in this kernel: each frame through BPF_PROG_TEST_RUN, verdict, bytes and
 * metadata compared. What a BPF test run or XDP cannot express is counted by reason, never passed silently. Also the
 * table stage's lookup, which the program itself does not need (its flows are a kernel map), through the verifier.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "hw/model/table.h"
#include "driver/xdp/table.h"
#include "hw/xdp/sluice.h"
#include "tests/vectors/load.h"
#include "tests/xdp/stage_table.h"

#define TABLE_LOG2 8 /* buckets of a bank */
#define TIME_BASE 1000 /* config.time_ms 0 would mean the kernel's clock */
#define FAILURES_SHOWN 50
#define FLOWS_MAX 2048
#define MODES 9u

enum skip { SKIP_NONE, SKIP_STEPS, SKIP_COPY, SKIP_FCS, SKIP_LENGTH, SKIPS };

static const char *const skip_text[SKIPS] = {
	[SKIP_STEPS] = "flow commands or register writes between frames",
	[SKIP_COPY] = "copies: XDP cannot duplicate a frame",
	[SKIP_FCS] = "a bad FCS is never handed to XDP",
	[SKIP_LENGTH] = "frame length that a BPF test run does not take",
};

struct mode_count {
	const char *mode;
	unsigned int passed;
};

struct test {
	struct bpf_object *object;
	int prog, config, scratch, rules, actions, meters, prefixes, reasons;
	struct sl_xdp_scratch *seen; /* by CPU */
	int cpus;
	struct sl_xdp_table_maps maps;
	struct sl_xdp_table table;
	uint32_t flow_id[FLOWS_MAX]; /* by the vector's number */
	unsigned int fast; /* frames that the short cut took */
	unsigned int variants; /* of them, alike with and without a memo */
	unsigned int passed, failed, shown, skipped[SKIPS];
	struct mode_count modes[MODES];
};

static int map_fd(const struct test *t, const char *name)
{
	const int fd = bpf_object__find_map_fd_by_name(t->object, name);

	if (fd < 0) {
		fprintf(stderr, "map %s is missing\n", name);
		exit(1);
	}
	return fd;
}

static void size_map(struct bpf_object *object, const char *name, uint32_t entries)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, name);

	if (map)
		bpf_map__set_max_entries(map, entries);
}

static struct bpf_object *load(const char *path)
{
	struct bpf_object *object = bpf_object__open(path);

	if (object) {
		size_map(object, "flows4", SL_XDP_BANKS << TABLE_LOG2);
		size_map(object, "flows6", SL_XDP_BANKS << TABLE_LOG2);
		for (unsigned int i = 0; i < 4; i++)
			size_map(object, (const char *[]){ "nat4", "foreign4", "foreign6", "flow_meta" }[i],
				 SL_XDP_WAYS * SL_XDP_BANKS << TABLE_LOG2);
	}
	if (!object || bpf_object__load(object)) {
		fprintf(stderr, "%s: not loaded: %s\n", path, strerror(errno));
		exit(1);
	}
	return object;
}

static void *map_memory(const struct test *t, const char *name, size_t entry)
{
	void *memory = mmap(NULL, sl_xdp_table_bytes(TABLE_LOG2, entry), PROT_READ | PROT_WRITE, MAP_SHARED, map_fd(t, name), 0);

	if (memory == MAP_FAILED) {
		fprintf(stderr, "map %s: %s\n", name, strerror(errno));
		exit(1);
	}
	return memory;
}

static void open_program(struct test *t, const char *path)
{
	const uint32_t loopback = 1;
	int ports;

	t->object = load(path);
	t->prog = bpf_program__fd(bpf_object__find_program_by_name(t->object, "sluice"));
	t->config = map_fd(t, "config");
	t->scratch = map_fd(t, "scratch");
	t->rules = map_fd(t, "rules");
	t->maps = (struct sl_xdp_table_maps){
		.flows4 = map_memory(t, "flows4", sizeof(struct sl_xdp_flow4)),
		.flows6 = map_memory(t, "flows6", sizeof(struct sl_xdp_flow6)),
		.nat4 = map_memory(t, "nat4", sizeof(struct sl_xdp_nat4)),
		.foreign4 = map_memory(t, "foreign4", sizeof(struct sl_xdp_foreign)),
		.foreign6 = map_memory(t, "foreign6", sizeof(struct sl_xdp_foreign)),
		.meta = map_memory(t, "flow_meta", sizeof(struct sl_xdp_meta)),
		.log2_v4 = TABLE_LOG2,
		.log2_v6 = TABLE_LOG2,
	};
	t->actions = map_fd(t, "actions");
	t->meters = map_fd(t, "meters");
	t->prefixes = map_fd(t, "prefixes");
	t->reasons = map_fd(t, "reason_count");
	/* Test runs do not redirect, but the map must name a device for every port. */
	ports = map_fd(t, "ports");
	for (uint32_t port = 0; port < SL_PORTS_MAX; port++)
		bpf_map_update_elem(ports, &port, &loopback, 0);
	t->cpus = libbpf_num_possible_cpus();
	t->seen = calloc((size_t)t->cpus, sizeof(*t->seen));
	if (!t->seen)
		exit(1);
}

static void must(int error, const char *what)
{
	if (error) {
		fprintf(stderr, "%s: %s\n", what, strerror(errno));
		exit(1);
	}
}

static void make_config(const struct sl_vector *v, struct sl_xdp_config *c)
{
	*c = (struct sl_xdp_config){
		.log2_v4 = TABLE_LOG2, .log2_v6 = TABLE_LOG2, .ttl_max = 1,
		.pipeline = { .ports = SL_VECTOR_PORTS, .tunnels = v->vxlan_port, .miss_mark = v->miss_mark,
			      .miss_mark_valid = v->miss_mark_valid, .enabled = v->ctrl & 1 },
	};
	memcpy(&c->pipeline.seed, v->hash_key, sizeof(v->hash_key));
	for (unsigned int port = 0; port < SL_VECTOR_PORTS; port++)
		c->pipeline.filter.port_flags[port] = (uint8_t)v->port_flags[port];
	for (size_t i = 0; i < v->mac_count; i++) {
		const struct sl_vector_mac *m = &v->macs[i];

		memcpy(&c->pipeline.filter.mac_lo[m->index], m->mac, 4);
		c->pipeline.filter.mac_hi[m->index] = m->mac[4] | (uint32_t)m->mac[5] << 8 |
						      (uint32_t)m->port_mask << 16 | (uint32_t)m->valid << 31;
	}
}

/* Puts the vector's state into the maps; what it does not name is as after a reset. */
static void load_state(struct test *t, const struct sl_vector *v, struct sl_xdp_config *config)
{
	static const struct sl_action no_action;
	static struct sl_class_table table;
	uint8_t random_bytes[sizeof(struct sl_xdp_seed)] = { 0 };
	const uint32_t zero = 0;

	memset(&table, 0, sizeof(table));
	for (size_t i = 0; i < v->rule_count; i++) {
		table.rule[v->rules[i].index] = v->rules[i].rule;
		table.valid |= (uint64_t)(v->rules[i].rule.valid != 0) << v->rules[i].index;
		table.asking |= (uint64_t)sl_prefix_asked(&v->rules[i].rule) << v->rules[i].index;
	}
	must(bpf_map_update_elem(t->rules, &zero, &table, 0), "rules");
	for (uint32_t i = 0; i < SL_METERS; i++) {
		struct sl_punt_meter meter = { .reserved = TIME_BASE };

		for (size_t m = 0; m < v->meter_count; m++) {
			if (v->meters[m].index == i)
				sl_punt_set(&meter, v->meters[m].meter.rate, v->meters[m].meter.burst);
		}
		must(bpf_map_update_elem(t->meters, &i, &meter, 0), "meter");
	}
	for (size_t i = 0; i < v->bucket_count; i++)
		must(bpf_map_update_elem(t->prefixes, &v->buckets[i].index, &v->buckets[i].bucket, 0), "prefixes");
	for (uint32_t i = 0; i < 64; i++)
		must(bpf_map_update_elem(t->actions, &i, &no_action, 0), "action");
	for (size_t i = 0; i < v->action_count; i++)
		must(bpf_map_update_elem(t->actions, &v->actions[i].index, &v->actions[i].action, 0), "action");
	must(getrandom(random_bytes, sizeof(random_bytes), 0) < 0, "random bytes");
	sl_xdp_seed_make(&t->maps.seed, random_bytes);
	config->seed = t->maps.seed;
	must(sl_xdp_table_open(&t->table, &t->maps), "table");
	for (size_t i = 0; i < v->flow_count; i++) {
		const struct sl_flow_cmd insert = { .opcode = SL_FLOW_OP_INSERT, .key = v->flows[i].key,
						    .record = v->flows[i].record };
		struct sl_flow_cpl cpl;

		sl_xdp_table_command(&t->table, &insert, TIME_BASE, &cpl, NULL);
		t->flow_id[i] = cpl.flow_id;
		if (cpl.status) { fprintf(stderr, "%s: flow %zu: status %u\n", v->name, i, cpl.status); exit(1); }
	}
}

static void clear_state(struct test *t, const struct sl_vector *v)
{
	static const struct sl_prefix_bucket no_prefix;
	static const struct sl_action no_action;

	sl_xdp_table_clear(&t->table);
	sl_xdp_table_close(&t->table);
	for (size_t i = 0; i < v->action_count; i++)
		must(bpf_map_update_elem(t->actions, &v->actions[i].index, &no_action, 0), "action");
	for (size_t i = 0; i < v->bucket_count; i++)
		must(bpf_map_update_elem(t->prefixes, &v->buckets[i].index, &no_prefix, 0), "prefixes");
}

static bool fail(struct test *t, const struct sl_vector *v, size_t step, const char *what)
{
	if (t->shown++ < FAILURES_SHOWN)
		printf("FAIL %s, step %zu: %s\n", v->name, step, what);
	return false;
}

static bool check_host(struct test *t, const struct sl_vector *v, size_t step, const struct sl_vector_output *o,
		       const struct sl_xdp_scratch *s)
{
	if (s->fate != SL_FATE_HOST || s->reason != o->reason || s->rule != o->rule || s->tenant != o->tenant)
		return fail(t, v, step, "host metadata: reason, rule or tenant");
	if (s->mark_valid != o->mark_valid || (o->mark_valid && s->mark != o->mark))
		return fail(t, v, step, "host metadata: mark");
	if ((uint32_t)s->hash != o->hash)
		return fail(t, v, step, "host metadata: hash");
	if (s->flow_id != (o->hit ? t->flow_id[o->flow] : SL_FLOW_ID_NONE))
		return fail(t, v, step, "host metadata: flow");
	return true;
}

static uint64_t reason_total(const struct test *t, uint32_t reason)
{
	struct sl_counter_pair pair[256];
	uint64_t total = 0;

	must(bpf_map_lookup_elem(t->reasons, &reason, pair), "reason counter");
	for (int cpu = 0; cpu < t->cpus; cpu++)
		total += pair[cpu].packets;
	return total;
}

/* One frame; false and a line if anything differs. */
static bool run_frame(struct test *t, const struct sl_vector *v, size_t index, struct sl_xdp_config *config)
{
	static uint8_t out[65536];
	const struct sl_vector_step *step = &v->steps[index];
	const struct sl_vector_output *o = step->outputs ? &step->output[0] : NULL;
	const uint64_t before = reason_total(t, step->reason);
	const uint32_t zero = 0;
	const struct sl_xdp_scratch *s = &t->seen[0];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = step->frame.data, .data_size_in = step->frame.len, .data_out = out,
		    .data_size_out = sizeof(out));
	unsigned int verdict;

	config->port = step->port;
	config->time_ms = TIME_BASE + step->time_ms;
	must(bpf_map_update_elem(t->config, &zero, config, 0), "config");
	if (bpf_prog_test_run_opts(t->prog, &opts))
		return fail(t, v, index, strerror(errno));
	must(bpf_map_lookup_elem(t->scratch, &zero, t->seen), "scratch");
	if (s->reason != step->reason || reason_total(t, step->reason) != before + 1)
		return fail(t, v, index, sl_reason_text(s->reason));
	if (step->rule != SL_CLASS_NONE && s->rule != step->rule)
		return fail(t, v, index, "rule");
	verdict = !o ? 1 : o->to_host ? 2 : o->port == step->port ? 3 : 4; /* XDP_DROP, PASS, TX, REDIRECT */
	if (opts.retval != verdict)
		return fail(t, v, index, "XDP verdict");
	if (!o)
		return true;
	if (opts.data_size_out != o->frame.len || memcmp(out, o->frame.data, o->frame.len) != 0)
		return fail(t, v, index, "bytes");
	if (o->to_host)
		return check_host(t, v, index, o, s);
	return s->port_out == o->port || fail(t, v, index, "port");
}

static bool check_flows(struct test *t, const struct sl_vector *v)
{
	for (size_t i = 0; i < v->flow_count; i++) {
		const struct sl_flow_cmd look = { .opcode = SL_FLOW_OP_DUMP, .flow_id = t->flow_id[i] };
		struct sl_flow_state flow;
		struct sl_flow_cpl cpl;

		sl_xdp_table_command(&t->table, &look, 0, &cpl, &flow);
		if (cpl.status)
			return fail(t, v, v->step_count, "flow is gone");
		if (flow.counters.packets != v->flows[i].packets || flow.counters.bytes != v->flows[i].bytes ||
		    flow.counters.last_seen_ms != TIME_BASE + v->flows[i].last_seen_ms)
			return fail(t, v, v->step_count, "flow counters");
	}
	return true;
}

static uint64_t flow_packets(struct test *t, uint32_t id)
{
	const struct sl_flow_cmd look = { .opcode = SL_FLOW_OP_DUMP, .flow_id = id };
	struct sl_flow_state flow;
	struct sl_flow_cpl cpl;

	sl_xdp_table_command(&t->table, &look, 0, &cpl, &flow);
	return cpl.status ? 0 : flow.counters.packets;
}

static uint64_t packets_of_all(struct test *t, const struct sl_vector *v)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < v->flow_count; i++)
		sum += flow_packets(t, t->flow_id[i]);
	return sum;
}

struct variant {
	uint8_t at[2]; /* byte of a frame with IPv4, with IPv6; 0: of this family there is none */
	bool set;      /* else exclusive or */
	uint8_t value;
	bool bad_sum;  /* the IPv4 header's checksum is not made right again */
};

/* A frame of which a short cut must not say what it says of the original, or only if all the stages do as well. */
static const struct variant variants[] = {
	{ { 5, 5 }, false, 1, false },   /* destination MAC */
	{ { 13, 13 }, false, 1, false }, /* Ethertype */
	{ { 14, 14 }, false, 1, false }, { { 14, 14 }, false, 0x20, false }, /* version, IHL */
	{ { 15, 15 }, false, 0x30, false }, { { 15, 0 }, false, 3, false },  /* TOS, traffic class */
	{ { 16, 18 }, true, 0, false }, { { 17, 19 }, false, 1, false }, { { 17, 19 }, false, 8, false }, /* length */
	{ { 20, 0 }, false, 0x20, false }, { { 21, 0 }, false, 1, false }, /* fragments */
	{ { 22, 21 }, true, 0, false }, { { 22, 21 }, true, 1, false }, { { 22, 21 }, true, 2, false }, /* TTL */
	{ { 23, 20 }, false, 1, false }, { { 23, 20 }, true, 6, false }, { { 23, 20 }, true, 17, false }, /* protocol */
	{ { 25, 0 }, false, 1, true }, /* checksum */
	{ { 29, 37 }, false, 1, false }, { { 35, 55 }, false, 1, false }, { { 37, 57 }, false, 1, false }, /* flow */
	{ { 39, 59 }, true, 7, false }, { { 39, 59 }, false, 1, false }, /* UDP's length */
	{ { 46, 66 }, true, 0x40, false }, { { 46, 66 }, true, 0xf0, false }, /* TCP's data offset */
	{ { 47, 67 }, false, 1, false }, { { 47, 67 }, false, 2, false }, { { 47, 67 }, false, 4, false }, /* flags */
};

static bool make_variant(uint8_t *frame, uint32_t len, const struct variant *v)
{
	const bool is_v4 = frame[12] == 0x08;
	const uint8_t at = v->at[!is_v4];
	uint32_t sum = 0;

	if (at == 0 || at >= len)
		return false;
	frame[at] = v->set ? v->value : frame[at] ^ v->value;
	if (!is_v4 || v->bad_sum)
		return true;
	frame[24] = frame[25] = 0;
	for (unsigned int i = 14; i < 34; i += 2)
		sum += (uint32_t)frame[i] << 8 | frame[i + 1];
	sum = ~((sum & 0xffff) + (sum >> 16) + ((sum & 0xffff) + (sum >> 16) > 0xffff));
	frame[24] = (uint8_t)(sum >> 8);
	frame[25] = (uint8_t)sum;
	return true;
}

struct result {
	uint32_t verdict, len;
	uint8_t bytes[65536];
};

static void run_with(struct test *t, struct sl_xdp_config *config, uint16_t generation, const uint8_t *frame, uint32_t len,
		     struct result *r)
{
	const uint16_t kept = config->generation;
	const uint32_t zero = 0;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = len, .data_out = r->bytes,
		    .data_size_out = sizeof(r->bytes));

	config->generation = generation;
	must(bpf_map_update_elem(t->config, &zero, config, 0), "config");
	must(bpf_prog_test_run_opts(t->prog, &opts), "run");
	config->generation = kept;
	r->verdict = opts.retval;
	r->len = opts.data_size_out;
}

/*
 * Variants of a frame that the short cut takes, with the flow's memo and without any: the same comes of them. Each rule that asks
 * for no destination MAC asks for this frame's meanwhile, so that another matters.
 */
static bool run_variants(struct test *t, const struct sl_vector *v, size_t step, struct sl_xdp_config *config)
{
	static struct result with, without;
	static struct sl_class_table table, kept;
	const uint8_t *frame = v->steps[step].frame.data;
	const uint32_t len = v->steps[step].frame.len, zero = 0;
	bool good = true;

	must(bpf_map_lookup_elem(t->rules, &zero, &kept), "rules");
	table = kept;
	for (unsigned int i = 0; i < SL_CLASS_RULES; i++) {
		static const uint8_t none[6];

		if (memcmp(table.rule[i].dmac_mask, none, sizeof(none)) == 0) {
			memset(table.rule[i].dmac_mask, 0xff, sizeof(none));
			memcpy(table.rule[i].dmac, frame, sizeof(none));
		}
	}
	must(bpf_map_update_elem(t->rules, &zero, &table, 0), "rules");
	config->generation++;
	for (size_t i = 0; good && i <= sizeof(variants) / sizeof(variants[0]); i++) {
		uint8_t changed[9700];
		const bool cut = i == sizeof(variants) / sizeof(variants[0]); /* the last: a byte is missing */

		memcpy(changed, frame, len);
		if (!cut && !make_variant(changed, len, &variants[i]))
			continue;
		run_with(t, config, config->generation, frame, len, &with); /* the memo is this frame's */
		run_with(t, config, config->generation, changed, len - cut, &with);
		run_with(t, config, 0, changed, len - cut, &without);
		good = with.verdict == without.verdict && with.len == without.len && memcmp(with.bytes, without.bytes, with.len) == 0;
		if (!good) {
			char what[64];

			snprintf(what, sizeof(what), "variant %zu: verdict %u by the short cut, %u", i, with.verdict, without.verdict);
			fail(t, v, step, what);
		}
		t->variants++;
	}
	must(bpf_map_update_elem(t->rules, &zero, &kept, 0), "rules");
	config->generation++;
	return good;
}

/*
 * The frames that are forwarded once more, twice each, with memos: the second time by the short cut where it takes the frame,
 * with the same verdict and bytes as ever, and counted.
 */
static bool run_again(struct test *t, const struct sl_vector *v, struct sl_xdp_config *config)
{
	const struct sl_xdp_scratch poison = { .reason = 255 };
	const uint32_t zero = 0;

	config->generation = 0;
	config->tcp_flags = 0;
	for (size_t i = 0; i < v->rule_count; i++) {
		const struct sl_class_rule *rule = &v->rules[i].rule;

		config->tcp_flags |= rule->tcp_flags_mask;
		if (rule->valid && rule->ttl_max < 255 && rule->ttl_max > config->ttl_max)
			config->ttl_max = rule->ttl_max;
	}
	for (size_t i = 0; i < v->step_count; i++) {
		const struct sl_vector_step *step = &v->steps[i];

		if (!step->outputs || step->output[0].to_host)
			continue;
		memcpy(config->mac, step->frame.data, sizeof(config->mac));
		config->generation++;
		for (unsigned int pass = 0; pass < 2; pass++) {
			static uint8_t out[65536];
			const struct sl_vector_output *o = &step->output[0];
			const uint64_t before = packets_of_all(t, v), forwarded = reason_total(t, SL_REASON_FORWARDED);
			LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = step->frame.data, .data_size_in = step->frame.len,
				    .data_out = out, .data_size_out = sizeof(out));

			config->port = step->port;
			config->tenant = v->flow_count ? v->flows[0].key.tenant : 0;
			for (int cpu = 0; cpu < t->cpus; cpu++)
				t->seen[cpu] = poison;
			must(bpf_map_update_elem(t->config, &zero, config, 0), "config");
			must(bpf_map_update_elem(t->scratch, &zero, t->seen, 0), "scratch");
			must(bpf_prog_test_run_opts(t->prog, &opts), "run");
			must(bpf_map_lookup_elem(t->scratch, &zero, t->seen), "scratch");
			t->fast += t->seen[0].reason == 255;
			if (t->seen[0].reason == 255 && pass == 0)
				return fail(t, v, i, "the short cut without a memo");
			if (opts.retval != (o->port == step->port ? 3u : 4u))
				return fail(t, v, i, "XDP verdict, again");
			if (opts.data_size_out != o->frame.len || memcmp(out, o->frame.data, o->frame.len) != 0)
				return fail(t, v, i, "bytes, again");
			if (packets_of_all(t, v) != before + 1 || reason_total(t, SL_REASON_FORWARDED) != forwarded + 1)
				return fail(t, v, i, "counters, again");
			if (t->seen[0].reason == 255 && !run_variants(t, v, i, config))
				return false;
		}
	}
	return true;
}

static enum skip cannot_express(const struct sl_vector *v)
{
	if (!v->frames_only)
		return SKIP_STEPS;
	for (size_t i = 0; i < v->rule_count; i++) {
		if (v->rules[i].rule.flags & SL_RULE_FLAG_COPY)
			return SKIP_COPY;
	}
	for (size_t i = 0; i < v->step_count; i++) {
		if (v->steps[i].bad_fcs)
			return SKIP_FCS;
		if (v->steps[i].frame.len < SL_FRAME_MIN)
			return SKIP_LENGTH;
	}
	return SKIP_NONE;
}

static void run_vector(struct test *t, const struct sl_vector *v)
{
	const enum skip skip = cannot_express(v);
	struct sl_xdp_config config;
	bool good = true;

	t->skipped[skip]++;
	if (skip != SKIP_NONE)
		return;
	make_config(v, &config);
	load_state(t, v, &config);
	for (size_t i = 0; good && i < v->step_count; i++)
		good = run_frame(t, v, i, &config);
	good = good && check_flows(t, v);
	good = good && run_again(t, v, &config);
	clear_state(t, v);
	t->passed += good;
	t->failed += !good;
	for (unsigned int i = 0; i < MODES; i++) {
		if (good && strcmp(v->mode, t->modes[i].mode) == 0)
			t->modes[i].passed++;
	}
}

/* The table stage's bucket lookup as BPF, for each way and a miss. */
static bool run_table(const char *path)
{
	struct bpf_object *object = load(path);
	const int prog = bpf_program__fd(bpf_object__find_program_by_name(object, "stage_table"));
	const int map = bpf_object__find_map_fd_by_name(object, "stage");
	const uint32_t zero = 0;
	bool good = true;

	for (uint32_t way = 0; way <= SL_TABLE_WAYS; way++) {
		struct sl_stage_table s = { .hash = 77, .epoch = 3, .way = 99 };
		uint8_t frame[64] = { 0 };
		LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame));

		for (uint32_t i = 0; i < SL_TABLE_WAYS; i++)
			s.bucket.slot[i] = (struct sl_table_slot){ .hash = i == way ? 77 : 76, .epoch = 3, .valid = 1 };
		must(bpf_map_update_elem(map, &zero, &s, 0), "stage");
		must(bpf_prog_test_run_opts(prog, &opts), "stage_table");
		must(bpf_map_lookup_elem(map, &zero, &s), "stage");
		good &= s.way == way;
	}
	bpf_object__close(object);
	printf("table stage: %s\n", good ? "passed" : "FAILED");
	return good;
}

int main(int argc, char **argv)
{
	struct test t = { .modes = { { "dsr-l2", 0 }, { "nat", 0 }, { "ipip", 0 }, { "vxlan", 0 }, { "vxlan-decap", 0 },
				    { "gre", 0 }, { "gue", 0 }, { "geneve", 0 }, { "fullnat", 0 } } };
	struct sl_corpus *corpus;
	bool good = argc == 4;
	char err[256];
	cpu_set_t one;

	if (!good) {
		fprintf(stderr, "usage: xdp_test SLUICE.bpf.o STAGE_TABLE.bpf.o CORPUS.json\n");
		return 2;
	}
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	must(sched_setaffinity(0, sizeof(one), &one), "processor 0"); /* so that scratch of CPU 0 is the frame's */
	open_program(&t, argv[1]);
	good = run_table(argv[2]);
	corpus = sl_corpus_load(argv[3], err, sizeof(err));
	if (!corpus) {
		fprintf(stderr, "%s\n", err);
		return 1;
	}
	for (size_t i = 0; i < corpus->count; i++)
		run_vector(&t, &corpus->vectors[i]);
	for (unsigned int i = 1; i < SKIPS; i++)
		printf("%u not expressible: %s\n", t.skipped[i], skip_text[i]);
	for (unsigned int i = 0; i < MODES; i++) {
		printf("mode %s: %u passed\n", t.modes[i].mode, t.modes[i].passed);
		good &= t.modes[i].passed > 0;
	}
	printf("%u frames by the short cut, %u variants of them\n", t.fast, t.variants);
	good &= t.fast > 500 && t.variants > 20 * t.fast;
	printf("%u passed, %u failed\n", t.passed, t.failed);
	sl_corpus_free(corpus);
	bpf_object__close(t.object);
	free(t.seen);
	return good && t.failed == 0 ? 0 : 1;
}
