/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libFuzzer against the datapath of every engine that is software: a scene (scene.h) is a state and a few frames, each twice;
 * hw/model says what must become of them (expect.h), and then must
 *
 *	the XDP program in this kernel, by test runs: all stages, then again with memos, so that the short cut takes what it can
 *	the agent's slow path, and its short cut beside it (tests/host/agent.h), where the agent can be in such a state
 *
 * give the same verdict, bytes, port, reason, metadata and counters. What XDP cannot do (copies, frames without an Ethernet
 * header) is left out. A scene that differs is written as a vector, which other runners replay, and ends the process.
 *
 * With SL_FUZZ_SEEDS=FOLDER it writes the corpus' vectors there as scenes and ends. With SL_FUZZ_KEEP=FILE all scenes that it is
 * given are written there as one corpus, with the model's answers, at the end: so the RTL is asked about what was found.
 * SL_FUZZ_XDP=0 leaves the kernel out, for those who may not load programs.
 */
#include <sched.h>
#include <bpf/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/expect.h"
#include "tests/fuzz/keep.h"
#include "tests/fuzz/mutate.h"
#include "tests/fuzz/scene.h"
#include "tests/host/agent.h"
#include "tests/xdp/program.h"

#define CORPUS "build/vectors/corpus.json"
#define PROGRAM "build/hw/xdp/sluice.bpf.o"
#define DIFFERS "build/fuzz/datapath/differs.json"

static struct sl_corpus *corpus;
static struct xdp_program program;
static bool with_xdp = true;
static json_t *kept;
static unsigned long long frames, short_cuts, compared; /* by XDP; of them by its short cut; by the agent */

static void print_bytes(const char *what, const struct sl_vector_bytes *b)
{
	fprintf(stderr, "  %s, %u bytes:", what, b->len);
	for (uint32_t i = 0; i < b->len && i < 160; i++)
		fprintf(stderr, "%s%02x", i % 32 ? "" : "\n    ", b->data[i]);
	fprintf(stderr, "\n");
}

static _Noreturn void differ(const struct sl_vector *v, const char *engine, size_t at, const char *what)
{
	fprintf(stderr, "%s differs from hw/model in the state of %s, changed, step %zu: %s\n", engine, v->name, at, what);
	if (at < v->step_count) {
		const struct sl_vector_step *step = &v->steps[at];

		fprintf(stderr, "  hw/model: %s, rule %u, %s\n", sl_reason_name(step->reason), step->rule,
			!step->outputs ? "dropped" : step->output[0].to_host ? "to the host" : "forwarded");
		print_bytes("the frame", &step->frame);
		if (step->outputs && !step->output[0].to_host)
			print_bytes("forwarded", &step->output[0].frame);
	}
	kept = json_array();
	keep_vector(kept, v, "fuzz", "found by tests/fuzz/datapath_fuzz.c");
	if (keep_write(kept, DIFFERS))
		fprintf(stderr, "  written to " DIFFERS "; replay with build/bin/vectors --corpus, build/tests/xdp/xdp_test or "
				"build/tests/host/vectors_software\n");
	abort();
}

/* ---- XDP -------------------------------------------------------------------------------------------------------- */

/* As the driver sets it for these rules (driver/xdp/admin.c); the address is that of most frames. */
static void short_cut(const struct sl_vector *v, struct sl_xdp_config *c)
{
	uint32_t first = SL_CLASS_RULES;

	c->generation = 1;
	if (v->step_count && v->steps[0].frame.len >= sizeof(c->mac))
		memcpy(c->mac, v->steps[0].frame.data, sizeof(c->mac));
	for (size_t i = 0; i < v->rule_count; i++) {
		const struct sl_class_rule *r = &v->rules[i].rule;

		if (!r->valid)
			continue;
		c->tcp_flags |= r->tcp_flags_mask;
		if (r->ttl_max != UINT8_MAX && r->ttl_max > c->ttl_max)
			c->ttl_max = r->ttl_max;
		if (r->verdict == SL_VERDICT_FLOWS && !(r->flags & SL_RULE_FLAG_DECAP) && v->rules[i].index < first) {
			first = v->rules[i].index;
			c->tenant = r->tenant;
		}
	}
}

static void run_xdp(const struct sl_vector *v, bool memos)
{
	const char *engine = memos ? "XDP with memos" : "XDP";
	static struct sl_class_table rules;
	const uint32_t zero = 0;
	struct sl_xdp_config config;
	const char *differs;

	xdp_config_make(v, &config);
	xdp_state_load(&program, v, &config);
	if (memos) {
		short_cut(v, &config);
		xdp_must(bpf_map_lookup_elem(program.rules, &zero, &rules), "rules");
	}
	for (size_t i = 0; i < v->step_count; i++) {
		bool fast;

		if (v->steps[i].frame.len < SL_FRAME_MIN)
			continue;
		config.port = v->steps[i].port;
		if (memos)
			xdp_named_put(&program, &rules, &config);
		differs = xdp_frame_run(&program, &v->steps[i], &config, &fast);
		if (differs)
			differ(v, engine, i, differs);
		if (fast && !memos)
			differ(v, engine, i, "the short cut without a memo");
		frames++;
		short_cuts += fast;
	}
	differs = xdp_flows_check(&program, v);
	if (differs)
		differ(v, engine, v->step_count, differs);
	xdp_state_clear(&program, v);
}

/* ---- libFuzzer -------------------------------------------------------------------------------------------------- */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct scene s;
	struct sl_vector *v;
	const char *differs;
	char name[32];

	scene_read(&s, data, size);
	v = scene_vector(&s, corpus);
	if (kept)
		v->step_count = s.frames; /* once will do */
	expect(v);
	if (kept) {
		snprintf(name, sizeof(name), "fuzz-%zu", json_array_size(kept));
		keep_vector(kept, v, name, v->name);
		return 0;
	}
	for (size_t i = 0; i < s.frames; i++) {
		const enum agent_outcome outcome = agent_frame_run(v, &v->steps[i], &differs);

		if (outcome == AGENT_DIFFERS)
			differ(v, "the agent", i, differs);
		compared += outcome == AGENT_SAME;
	}
	for (unsigned int memos = 0; with_xdp && memos < 2; memos++) {
		const enum xdp_skip skip = xdp_cannot_express(v);

		if (skip == XDP_SKIP_NONE || skip == XDP_SKIP_LENGTH)
			run_xdp(v, memos);
	}
	return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed);

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
	static struct scene s;
	size_t n;

	scene_read(&s, data, size);
	scene_mutate(&s, seed, corpus);
	for (n = scene_write(&s, data, max); n == 0; n = scene_write(&s, data, max))
		s.frames--;
	return n;
}

static void seeds_write(const char *folder)
{
	static uint8_t bytes[SCENE_BYTES];
	static struct scene s;

	for (size_t i = 0; i < corpus->count; i++) {
		const size_t steps = corpus->vectors[i].step_count;

		for (size_t first = 0; first < steps && first < 4 * SCENE_FRAMES; first += SCENE_FRAMES) {
			char path[256];
			FILE *f;

			scene_of(&s, corpus, i, first);
			snprintf(path, sizeof(path), "%s/%zu-%zu", folder, i, first);
			f = fopen(path, "wb");
			xdp_must(!f || !fwrite(bytes, scene_write(&s, bytes, sizeof(bytes)), 1, f), path);
			fclose(f);
		}
	}
}

static void at_end(void)
{
	const char *keep = getenv("SL_FUZZ_KEEP");

	if (kept && keep)
		xdp_must(!keep_write(kept, keep), keep);
	else
		fprintf(stderr, "%llu frames through XDP, %llu of them by its short cut; %llu compared with the agent, %u by its short cut\n",
			frames, short_cuts, compared, agent_short_cuts);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *seeds = getenv("SL_FUZZ_SEEDS"), *xdp = getenv("SL_FUZZ_XDP");
	char err[256];
	cpu_set_t one;

	(void)argc;
	(void)argv;
	corpus = sl_corpus_load(CORPUS, err, sizeof(err));
	if (!corpus) {
		fprintf(stderr, "%s\n", err);
		exit(1);
	}
	if (seeds) {
		seeds_write(seeds);
		exit(0);
	}
	if (getenv("SL_FUZZ_KEEP"))
		kept = json_array();
	with_xdp = !kept && !(xdp && !strcmp(xdp, "0"));
	atexit(at_end);
	if (!with_xdp)
		return 0;
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	xdp_must(sched_setaffinity(0, sizeof(one), &one), "processor 0"); /* so that scratch of CPU 0 is the frame's */
	xdp_program_open(&program, PROGRAM);
	return 0;
}
