/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* The XDP program's maps, and how it counts. Part of sluice.bpf.c. */
#ifndef SLUICE_XDP_MAPS_H
#define SLUICE_XDP_MAPS_H

#include <linux/bpf.h>

#include "hw/xdp/sluice.h"

#include <bpf/bpf_helpers.h>

/* Arrays that their owner maps into its memory. */
#define MAPPED(name, entries, entry)               \
	struct {                                   \
		__uint(type, BPF_MAP_TYPE_ARRAY);  \
		__uint(max_entries, entries);      \
		__uint(map_flags, BPF_F_MMAPABLE); \
		__type(key, uint32_t);             \
		__type(value, entry);              \
	} name SEC(".maps")

MAPPED(config, SL_PORTS_MAX, struct sl_xdp_config);

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, uint32_t);
	__type(value, struct sl_xdp_scratch);
} scratch SEC(".maps");

MAPPED(rules, SL_XDP_RULE_TABLES, struct sl_class_table);

/* What these and the prefixes name. */
MAPPED(named, 1, struct sl_xdp_named);

/* The prefix tables, by index of csr_table PREFIX. */
MAPPED(prefixes, SL_PREFIX_BUCKETS, struct sl_prefix_bucket);

/* The flow table; the loader sets the numbers of entries (2 << log2 buckets, four times as many flows). */
#define BUCKETS_MIN (SL_XDP_BANKS << SL_XDP_LOG2_MIN)
#define FLOWS_MIN (SL_XDP_WAYS * BUCKETS_MIN)
MAPPED(flows4, BUCKETS_MIN, struct sl_xdp_bucket4);
MAPPED(flows6, BUCKETS_MIN, struct sl_xdp_bucket6);
MAPPED(nat4, FLOWS_MIN, struct sl_xdp_nat4);
MAPPED(foreign4, FLOWS_MIN, struct sl_xdp_foreign);
MAPPED(foreign6, FLOWS_MIN, struct sl_xdp_foreign);

/* What the table's owner keeps of each flow, so that the next one finds it; the program does not look at it. */
MAPPED(flow_meta, FLOWS_MIN, struct sl_xdp_meta);

MAPPED(actions, SL_ACTIONS, struct sl_action);

MAPPED(meters, SL_METERS, struct sl_punt_meter); /* reserved: time of the last tick */

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SL_REASONS);
	__type(key, uint32_t);
	__type(value, struct sl_counter_pair);
} reason_count SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SL_CLASS_RULES);
	__type(key, uint32_t);
	__type(value, struct sl_counter_pair);
} rule_count SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, SL_PORTS_MAX);
	__type(key, uint32_t);
	__type(value, uint32_t);
} ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, SL_PORTS_MAX * SL_XDP_QUEUES);
	__type(key, uint32_t);
	__type(value, uint32_t);
} xsks SEC(".maps");

/* The value as the compiler must take it, so that its comparisons stay in a form that the verifier takes as bounds. */
static __always_inline uint64_t opaque(uint64_t value)
{
	__asm__ volatile("" : "+r"(value));
	return value;
}

static __always_inline void count(void *map, uint32_t index, uint32_t len)
{
	struct sl_counter_pair *pair = bpf_map_lookup_elem(map, &index);

	if (pair) {
		pair->packets++;
		pair->bytes += len;
	}
}

#endif
