/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The XDP program in this kernel, as tests drive it: a vector's state goes into its maps, a frame through BPF_PROG_TEST_RUN, and
 * what comes of it is compared with what the vector says. Runs on processor 0 alone. What makes a test impossible at all (no
 * program, a map that is missing) is said and ends the process.
 */
#ifndef SLUICE_TESTS_XDP_PROGRAM_H
#define SLUICE_TESTS_XDP_PROGRAM_H

#include <bpf/libbpf.h>

#include "driver/xdp/table.h"
#include "hw/xdp/sluice.h"
#include "tests/vectors/load.h"

#define XDP_TABLE_LOG2 6   /* buckets of a bank; opening a table looks at every entry */
#define XDP_TIME_BASE 1000 /* config.time_ms 0 would mean the kernel's clock */
#define XDP_FLOWS_MAX 2048
#define XDP_UNTOUCHED 255  /* a reason that there is not: scratch as no stage has seen it */

struct xdp_program {
	struct bpf_object *object;
	int prog, config, scratch, rules, actions, meters, prefixes, reasons, rules_counted;
	struct sl_xdp_scratch *seen; /* by CPU */
	int cpus;
	struct sl_xdp_table_maps maps;
	struct sl_xdp_table table;
	const struct sl_prefix_bucket *prefix_memory;
	uint32_t flow_id[XDP_FLOWS_MAX]; /* by the vector's number */
};

/* What a BPF test run or XDP cannot express. */
enum xdp_skip { XDP_SKIP_NONE, XDP_SKIP_STEPS, XDP_SKIP_COPY, XDP_SKIP_FCS, XDP_SKIP_LENGTH, XDP_SKIPS };

extern const char *const xdp_skip_text[XDP_SKIPS];

enum xdp_skip xdp_cannot_express(const struct sl_vector *v);

/* Says what failed and why (errno), and ends. */
void xdp_must(int error, const char *what);

/* An object with its maps sized for tests, loaded. */
struct bpf_object *xdp_object_load(const char *path);

void xdp_program_open(struct xdp_program *x, const char *path);
void xdp_program_close(struct xdp_program *x);

/* The port's configuration that the vector's registers are, without memos (generation 0). */
void xdp_config_make(const struct sl_vector *v, struct sl_xdp_config *config);

/* Puts the vector's state into the maps; what it does not name is as after a reset. Sets the seed of the flow table in *config. */
void xdp_state_load(struct xdp_program *x, const struct sl_vector *v, struct sl_xdp_config *config);
void xdp_state_clear(struct xdp_program *x, const struct sl_vector *v);

/* An action entry as its owner writes it, for these ports. */
void xdp_action_put(struct xdp_program *x, uint32_t index, const struct sl_action *action, const struct sl_xdp_config *config);

/* The summary of these rules, of the prefixes and of this port (hw/xdp/named.h), which frames with memos need. */
void xdp_named_put(struct xdp_program *x, const struct sl_class_table *rules, const struct sl_xdp_config *config);

/* One frame: NULL, or what differs. *fast: the short cut took it, which leaves no metadata to compare. */
const char *xdp_frame_run(struct xdp_program *x, const struct sl_vector_step *step, struct sl_xdp_config *config, bool *fast);

/* After all frames: the flows' counters. NULL, or what differs. */
const char *xdp_flows_check(struct xdp_program *x, const struct sl_vector *v);

uint64_t xdp_flow_packets(struct xdp_program *x, uint32_t flow_id);

#endif
