/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/xdp/program.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "driver/xdp/named.h"
#include "hw/model/table.h"

void xdp_must(int error, const char *what)
{
	if (error) {
		fprintf(stderr, "%s: %s\n", what, strerror(errno));
		exit(1);
	}
}

static int map_fd(const struct xdp_program *x, const char *name)
{
	const int fd = bpf_object__find_map_fd_by_name(x->object, name);

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

struct bpf_object *xdp_object_load(const char *path)
{
	struct bpf_object *object = bpf_object__open(path);

	if (object) {
		size_map(object, "flows4", SL_XDP_BANKS << XDP_TABLE_LOG2);
		size_map(object, "flows6", SL_XDP_BANKS << XDP_TABLE_LOG2);
		for (unsigned int i = 0; i < 4; i++)
			size_map(object, (const char *[]){ "nat4", "foreign4", "foreign6", "flow_meta" }[i],
				 SL_XDP_WAYS * SL_XDP_BANKS << XDP_TABLE_LOG2);
	}
	if (!object || bpf_object__load(object)) {
		fprintf(stderr, "%s: not loaded: %s\n", path, strerror(errno));
		exit(1);
	}
	return object;
}

static void *map_memory(const struct xdp_program *x, const char *name, size_t entry)
{
	void *memory = mmap(NULL, sl_xdp_table_bytes(XDP_TABLE_LOG2, entry), PROT_READ | PROT_WRITE, MAP_SHARED, map_fd(x, name), 0);

	if (memory == MAP_FAILED) {
		fprintf(stderr, "map %s: %s\n", name, strerror(errno));
		exit(1);
	}
	return memory;
}

/* A test run has ended when it returns: there is nobody to wait for. */
static void grace(void)
{
}

void xdp_program_open(struct xdp_program *x, const char *path)
{
	const uint32_t loopback = 1;
	int ports;

	x->object = xdp_object_load(path);
	x->prog = bpf_program__fd(bpf_object__find_program_by_name(x->object, "sluice"));
	x->config = map_fd(x, "config");
	x->scratch = map_fd(x, "scratch");
	x->rules = map_fd(x, "rules");
	x->maps = (struct sl_xdp_table_maps){
		.flows4 = map_memory(x, "flows4", sizeof(struct sl_xdp_flow4)),
		.flows6 = map_memory(x, "flows6", sizeof(struct sl_xdp_flow6)),
		.nat4 = map_memory(x, "nat4", sizeof(struct sl_xdp_nat4)),
		.foreign4 = map_memory(x, "foreign4", sizeof(struct sl_xdp_foreign)),
		.foreign6 = map_memory(x, "foreign6", sizeof(struct sl_xdp_foreign)),
		.meta = map_memory(x, "flow_meta", sizeof(struct sl_xdp_meta)),
		.log2_v4 = XDP_TABLE_LOG2,
		.log2_v6 = XDP_TABLE_LOG2,
		.grace = grace,
	};
	x->actions = map_fd(x, "actions");
	x->meters = map_fd(x, "meters");
	x->prefixes = map_fd(x, "prefixes");
	x->prefix_memory = mmap(NULL, SL_PREFIX_BUCKETS * sizeof(*x->prefix_memory), PROT_READ, MAP_SHARED, x->prefixes, 0);
	if (x->prefix_memory == MAP_FAILED) {
		fprintf(stderr, "map prefixes: %s\n", strerror(errno));
		exit(1);
	}
	x->reasons = map_fd(x, "reason_count");
	x->rules_counted = map_fd(x, "rule_count");
	/* Test runs do not redirect, but the map must name a device for every port. */
	ports = map_fd(x, "ports");
	for (uint32_t port = 0; port < SL_PORTS_MAX; port++)
		bpf_map_update_elem(ports, &port, &loopback, 0);
	x->cpus = libbpf_num_possible_cpus();
	x->seen = calloc((size_t)x->cpus, sizeof(*x->seen));
	if (!x->seen)
		exit(1);
}

void xdp_config_make(const struct sl_vector *v, struct sl_xdp_config *c)
{
	*c = (struct sl_xdp_config){
		.log2_v4 = XDP_TABLE_LOG2, .log2_v6 = XDP_TABLE_LOG2, .ttl_max = 1,
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

void xdp_named_put(struct xdp_program *x, const struct sl_class_table *rules, const struct sl_xdp_config *config)
{
	static struct sl_xdp_named named;
	const uint32_t zero = 0;

	sl_xdp_named_make(&named, rules, x->prefix_memory, config, 1);
	xdp_must(bpf_map_update_elem(map_fd(x, "named"), &zero, &named, 0), "named");
}

void xdp_action_put(struct xdp_program *x, uint32_t index, const struct sl_action *action, const struct sl_xdp_config *config)
{
	struct sl_action entry = *action;

	entry.reserved1 = sl_xdp_room(action, &config->pipeline);
	xdp_must(bpf_map_update_elem(x->actions, &index, &entry, 0), "action");
}

void xdp_state_load(struct xdp_program *x, const struct sl_vector *v, struct sl_xdp_config *config)
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
	xdp_must(bpf_map_update_elem(x->rules, &zero, &table, 0), "rules");
	for (uint32_t i = 0; i < SL_METERS; i++) {
		struct sl_punt_meter meter = { .reserved = XDP_TIME_BASE };

		for (size_t m = 0; m < v->meter_count; m++) {
			if (v->meters[m].index == i)
				sl_punt_set(&meter, v->meters[m].meter.rate, v->meters[m].meter.burst);
		}
		xdp_must(bpf_map_update_elem(x->meters, &i, &meter, 0), "meter");
	}
	for (size_t i = 0; i < v->bucket_count; i++)
		xdp_must(bpf_map_update_elem(x->prefixes, &v->buckets[i].index, &v->buckets[i].bucket, 0), "prefixes");
	for (uint32_t i = 0; i < 64; i++)
		xdp_must(bpf_map_update_elem(x->actions, &i, &no_action, 0), "action");
	for (size_t i = 0; i < v->action_count; i++)
		xdp_action_put(x, v->actions[i].index, &v->actions[i].action, config);
	xdp_must(getrandom(random_bytes, sizeof(random_bytes), 0) < 0, "random bytes");
	sl_xdp_seed_make(&x->maps.seed, random_bytes);
	config->seed = x->maps.seed;
	xdp_must(sl_xdp_table_open(&x->table, &x->maps), "table");
	for (size_t i = 0; i < v->flow_count; i++) {
		const struct sl_flow_cmd insert = { .opcode = SL_FLOW_OP_INSERT, .key = v->flows[i].key,
						    .record = v->flows[i].record };
		struct sl_flow_cpl cpl;

		sl_xdp_table_command(&x->table, &insert, XDP_TIME_BASE, &cpl, NULL);
		x->flow_id[i] = cpl.flow_id;
		if (cpl.status) {
			fprintf(stderr, "%s: flow %zu: status %u\n", v->name, i, cpl.status);
			exit(1);
		}
	}
}

void xdp_state_clear(struct xdp_program *x, const struct sl_vector *v)
{
	static const struct sl_prefix_bucket no_prefix;
	static const struct sl_action no_action;

	sl_xdp_table_clear(&x->table);
	sl_xdp_table_close(&x->table);
	for (size_t i = 0; i < v->action_count; i++)
		xdp_must(bpf_map_update_elem(x->actions, &v->actions[i].index, &no_action, 0), "action");
	for (size_t i = 0; i < v->bucket_count; i++)
		xdp_must(bpf_map_update_elem(x->prefixes, &v->buckets[i].index, &no_prefix, 0), "prefixes");
}

const char *const xdp_skip_text[XDP_SKIPS] = {
	[XDP_SKIP_STEPS] = "flow commands or register writes between frames",
	[XDP_SKIP_COPY] = "copies: XDP cannot duplicate a frame",
	[XDP_SKIP_FCS] = "a bad FCS is never handed to XDP",
	[XDP_SKIP_LENGTH] = "frame length that a BPF test run does not take",
};

enum xdp_skip xdp_cannot_express(const struct sl_vector *v)
{
	if (!v->frames_only)
		return XDP_SKIP_STEPS;
	for (size_t i = 0; i < v->rule_count; i++) {
		if (v->rules[i].rule.flags & SL_RULE_FLAG_COPY)
			return XDP_SKIP_COPY;
	}
	for (size_t i = 0; i < v->step_count; i++) {
		if (v->steps[i].bad_fcs)
			return XDP_SKIP_FCS;
		if (v->steps[i].frame.len < SL_FRAME_MIN)
			return XDP_SKIP_LENGTH;
	}
	return XDP_SKIP_NONE;
}

static const char *check_host(const struct xdp_program *x, const struct sl_vector_output *o, const struct sl_xdp_scratch *s)
{
	if (s->fate != SL_FATE_HOST || s->reason != o->reason || s->rule != o->rule || s->tenant != o->tenant)
		return "host metadata: reason, rule or tenant";
	if (s->mark_valid != o->mark_valid || (o->mark_valid && s->mark != o->mark))
		return "host metadata: mark";
	if ((uint32_t)s->hash != o->hash)
		return "host metadata: hash";
	return s->flow_id != (o->hit ? x->flow_id[o->flow] : SL_FLOW_ID_NONE) ? "host metadata: flow" : NULL;
}

static uint64_t packets_counted(const struct xdp_program *x, int map, uint32_t index)
{
	struct sl_counter_pair pair[256];
	uint64_t total = 0;

	xdp_must(bpf_map_lookup_elem(map, &index, pair), "counter");
	for (int cpu = 0; cpu < x->cpus; cpu++)
		total += pair[cpu].packets;
	return total;
}

/* Of the step's verdict and, with one, rule. */
static uint64_t counted(const struct xdp_program *x, const struct sl_vector_step *step)
{
	return packets_counted(x, x->reasons, step->reason) +
	       (step->rule < SL_CLASS_RULES ? packets_counted(x, x->rules_counted, step->rule) : 0);
}

/* What the stages left in scratch about the frame. */
static const char *check_stages(const struct xdp_program *x, const struct sl_vector_step *step)
{
	const struct sl_vector_output *o = step->outputs ? &step->output[0] : NULL;
	const struct sl_xdp_scratch *s = &x->seen[0];

	if (s->reason != step->reason)
		return sl_reason_text(s->reason);
	if (step->rule != SL_CLASS_NONE && s->rule != step->rule)
		return "rule";
	if (o && o->to_host)
		return check_host(x, o, s);
	return o && s->port_out != o->port ? "port" : NULL;
}

const char *xdp_frame_run(struct xdp_program *x, const struct sl_vector_step *step, struct sl_xdp_config *config, bool *fast)
{
	static uint8_t out[65536];
	static const struct sl_xdp_scratch untouched = { .reason = XDP_UNTOUCHED };
	const struct sl_vector_output *o = step->outputs ? &step->output[0] : NULL;
	const uint64_t before = counted(x, step);
	const uint32_t zero = 0;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = step->frame.data, .data_size_in = step->frame.len, .data_out = out,
		    .data_size_out = sizeof(out));
	unsigned int verdict;

	config->port = step->port;
	config->time_ms = XDP_TIME_BASE + step->time_ms;
	xdp_must(bpf_map_update_elem(x->config, &zero, config, 0), "config");
	for (int cpu = 0; cpu < x->cpus; cpu++)
		x->seen[cpu] = untouched;
	xdp_must(bpf_map_update_elem(x->scratch, &zero, x->seen, 0), "scratch");
	if (bpf_prog_test_run_opts(x->prog, &opts))
		return strerror(errno);
	xdp_must(bpf_map_lookup_elem(x->scratch, &zero, x->seen), "scratch");
	*fast = x->seen[0].reason == XDP_UNTOUCHED;
	if (!*fast && check_stages(x, step))
		return check_stages(x, step);
	if (counted(x, step) != before + 1 + (step->rule < SL_CLASS_RULES))
		return "counter of reason or rule";
	verdict = !o ? 1 : o->to_host ? 2 : o->port == step->port ? 3 : 4; /* XDP_DROP, PASS, TX, REDIRECT */
	if (opts.retval != verdict)
		return "XDP verdict";
	return o && (opts.data_size_out != o->frame.len || memcmp(out, o->frame.data, o->frame.len) != 0) ? "bytes" : NULL;
}

const char *xdp_flows_check(struct xdp_program *x, const struct sl_vector *v)
{
	for (size_t i = 0; i < v->flow_count; i++) {
		const struct sl_flow_cmd look = { .opcode = SL_FLOW_OP_DUMP, .flow_id = x->flow_id[i] };
		struct sl_flow_state flow;
		struct sl_flow_cpl cpl;

		sl_xdp_table_command(&x->table, &look, 0, &cpl, &flow);
		if (cpl.status)
			return "flow is gone";
		if (flow.counters.packets != v->flows[i].packets || flow.counters.bytes != v->flows[i].bytes ||
		    flow.counters.last_seen_ms != XDP_TIME_BASE + v->flows[i].last_seen_ms)
			return "flow counters";
	}
	return NULL;
}

uint64_t xdp_flow_packets(struct xdp_program *x, uint32_t id)
{
	const struct sl_flow_cmd look = { .opcode = SL_FLOW_OP_DUMP, .flow_id = id };
	struct sl_flow_state flow;
	struct sl_flow_cpl cpl;

	sl_xdp_table_command(&x->table, &look, 0, &cpl, &flow);
	return cpl.status ? 0 : flow.counters.packets;
}

void xdp_program_close(struct xdp_program *x)
{
	bpf_object__close(x->object);
	free(x->seen);
}
