/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The vector corpus against the XDP program in this kernel: each frame through BPF_PROG_TEST_RUN, verdict, bytes and
 * metadata compared. What a BPF test run or XDP cannot express is counted by reason, never passed silently. Also the
 * table stage's lookup, which the program itself does not need (its flows are a kernel map), through the verifier.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hw/model/table.h"
#include "tests/xdp/card.h"
#include "tests/xdp/program.h"
#include "tests/xdp/stage_table.h"

#define FAILURES_SHOWN 50
#define MODES 9u

struct mode_count {
	const char *mode;
	unsigned int passed;
};

struct test {
	struct xdp_program x;
	struct xdp_card card;
	unsigned int fast; /* frames that the short cut took */
	unsigned int kernel; /* frames that no rule matches */
	unsigned int variants; /* of both, alike with and without a memo */
	unsigned int passed, failed, shown, skipped[XDP_SKIPS];
	struct mode_count modes[MODES];
};

static bool fail(struct test *t, const struct sl_vector *v, size_t step, const char *what)
{
	if (t->shown++ < FAILURES_SHOWN)
		printf("FAIL %s, step %zu: %s\n", v->name, step, what);
	return false;
}

static uint64_t packets_of_all(struct test *t, const struct sl_vector *v)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < v->flow_count; i++)
		sum += xdp_flow_packets(&t->x, t->x.flow_id[i]);
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
	xdp_must(bpf_map_update_elem(t->x.config, &zero, config, 0), "config");
	xdp_must(bpf_prog_test_run_opts(t->x.prog, &opts), "run");
	config->generation = kept;
	r->verdict = opts.retval;
	r->len = opts.data_size_out;
}

/* A frame that the host's program has just had, to the card: the one that has left its flow's memo is sent there too. */
static const char *run_card(struct test *t, const uint8_t *frame, uint32_t len, const struct result *host, bool its_own)
{
	const unsigned int sent = t->card.sent;
	const char *differs = xdp_card_run(&t->card, frame, len, host->verdict, host->bytes, host->len);

	return differs || !its_own || t->card.sent > sent ? differs : "a card does not send the frame";
}

/* Flows that have a memo of this generation go into the card. */
static bool fill_card(struct test *t, const struct sl_vector *v, const struct sl_xdp_config *config)
{
	unsigned int n = 0;

	xdp_card_begin(&t->card, config);
	for (size_t i = 0; i < v->flow_count; i++)
		n += xdp_card_put(&t->card, &t->x, t->x.flow_id[i], config);
	return n > 0;
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

	xdp_must(bpf_map_lookup_elem(t->x.rules, &zero, &kept), "rules");
	table = kept;
	for (unsigned int i = 0; i < SL_CLASS_RULES; i++) {
		static const uint8_t none[6];

		if (memcmp(table.rule[i].dmac_mask, none, sizeof(none)) == 0) {
			memset(table.rule[i].dmac_mask, 0xff, sizeof(none));
			memcpy(table.rule[i].dmac, frame, sizeof(none));
		}
	}
	xdp_must(bpf_map_update_elem(t->x.rules, &zero, &table, 0), "rules");
	xdp_named_put(&t->x, &table, config);
	config->generation++;
	for (size_t i = 0; good && i <= sizeof(variants) / sizeof(variants[0]); i++) {
		uint8_t changed[9700];
		const bool cut = i == sizeof(variants) / sizeof(variants[0]); /* the last: a byte is missing */
		const char *card = NULL;

		memcpy(changed, frame, len);
		if (!cut && !make_variant(changed, len, &variants[i]))
			continue;
		run_with(t, config, config->generation, frame, len, &with); /* the memo is this frame's */
		if (fill_card(t, v, config)) {
			run_with(t, config, config->generation, frame, len, &with);
			card = run_card(t, frame, len, &with, true);
		}
		run_with(t, config, config->generation, changed, len - cut, &with);
		if (!card)
			card = run_card(t, changed, len - cut, &with, false);
		if (card)
			fail(t, v, step, card);
		run_with(t, config, 0, changed, len - cut, &without);
		good = with.verdict == without.verdict && with.len == without.len && memcmp(with.bytes, without.bytes, with.len) == 0;
		good = good && !card;
		if (!good && !card) {
			char what[64];

			snprintf(what, sizeof(what), "variant %zu: verdict %u by the short cut, %u", i, with.verdict, without.verdict);
			fail(t, v, step, what);
		}
		t->variants++;
	}
	xdp_must(bpf_map_update_elem(t->x.rules, &zero, &kept, 0), "rules");
	xdp_named_put(&t->x, &kept, config);
	config->generation++;
	return good;
}

/*
 * The frames that are forwarded once more, twice each, with memos: the second time by the short cut where it takes the frame,
 * with the same verdict and bytes as ever, and counted.
 */
static bool run_again(struct test *t, const struct sl_vector *v, struct sl_xdp_config *config)
{
	static struct sl_class_table table;
	const uint32_t zero = 0;

	xdp_must(bpf_map_lookup_elem(t->x.rules, &zero, &table), "rules");
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

		if (!step->outputs || (step->output[0].to_host && step->reason != SL_REASON_KERNEL))
			continue;
		config->port = step->port;
		memcpy(config->mac, step->frame.data, sizeof(config->mac));
		xdp_named_put(&t->x, &table, config);
		config->generation++;
		if (step->output[0].to_host) {
			t->kernel++;
			if (!run_variants(t, v, i, config))
				return false;
			continue;
		}
		for (unsigned int pass = 0; pass < 2; pass++) {
			const uint64_t before = packets_of_all(t, v);
			const char *differs;
			bool fast;

			config->tenant = v->flow_count ? v->flows[0].key.tenant : 0;
			differs = xdp_frame_run(&t->x, step, config, &fast);
			if (!differs && fast && pass == 0)
				differs = "the short cut without a memo";
			if (!differs && packets_of_all(t, v) != before + 1)
				differs = "flow counters";
			if (differs) {
				char what[80];

				snprintf(what, sizeof(what), "again: %s", differs);
				return fail(t, v, i, what);
			}
			t->fast += fast;
			if (fast && !run_variants(t, v, i, config))
				return false;
		}
	}
	return true;
}

static bool run_frames(struct test *t, const struct sl_vector *v, struct sl_xdp_config *config)
{
	const char *differs;

	for (size_t i = 0; i < v->step_count; i++) {
		bool fast;

		differs = xdp_frame_run(&t->x, &v->steps[i], config, &fast);
		if (differs)
			return fail(t, v, i, differs);
	}
	differs = xdp_flows_check(&t->x, v);
	return !differs || fail(t, v, v->step_count, differs);
}

static void run_vector(struct test *t, const struct sl_vector *v)
{
	const enum xdp_skip skip = xdp_cannot_express(v);
	struct sl_xdp_config config;
	bool good;

	t->skipped[skip]++;
	if (skip != XDP_SKIP_NONE)
		return;
	xdp_config_make(v, &config);
	xdp_state_load(&t->x, v, &config);
	good = run_frames(t, v, &config) && run_again(t, v, &config);
	xdp_state_clear(&t->x, v);
	t->passed += good;
	t->failed += !good;
	for (unsigned int i = 0; i < MODES; i++) {
		if (good && strcmp(v->mode, t->modes[i].mode) == 0)
			t->modes[i].passed++;
	}
}

/* A frame of the flow of this number to an address that is only its. Its destination MAC is zero. */
static void full_frame(uint32_t n, bool v6, uint8_t frame[74])
{
	uint8_t *ip = frame + 14, *l4 = ip + (v6 ? 40 : 20);
	const struct variant same_again = { .at = { 14, 0 }, .set = true, .value = 0x45 };

	memset(frame, 0, 74);
	frame[12] = v6 ? 0x86 : 8;
	frame[13] = v6 ? 0xdd : 0;
	if (v6) {
		memcpy(ip, (const uint8_t[]){ 0x60, 0, 0, 0, 0, 20, 6, 64 }, 8);
		memcpy(ip + 20, &n, 4);
	} else {
		memcpy(ip, (const uint8_t[]){ 0x45, 0, 0, 60, 0, 0, 0, 0, 64, 6 }, 10);
		memcpy(ip + 12, &n, 4);
	}
	l4[3] = 80;
	l4[12] = 0x50;
	l4[13] = 0x10;
	if (!v6)
		make_variant(frame, 74, &same_again);
}

/* A flow with a memo that leaves by another port is not forwarded while the port that its frames come by is not enabled. */
static bool run_disabled(struct test *t, struct sl_xdp_config *config, bool v6)
{
	const struct sl_action action = { .port = 1, .hdr_len = 14, .flags = SL_ACTION_FLAG_VALID | SL_ACTION_FLAG_STRIP_L2 };
	static struct result r;
	uint8_t frame[74];
	bool good;

	full_frame(0, v6, frame);
	config->pipeline.ports = 2;
	config->pipeline.filter.port_flags[1] = SL_PORT_FLAG_ENABLE;
	xdp_action_put(&t->x, 0, &action, config);
	run_with(t, config, 1, frame, sizeof(frame), &r);
	good = r.verdict == 4;
	config->pipeline.filter.port_flags[0] = 0;
	run_with(t, config, 1, frame, sizeof(frame), &r);
	return good && r.verdict == 1;
}

/* A table filled until a flow is refused: frames of all flows find theirs, in whatever way of a bucket it is, and no other. */
static bool run_full(struct test *t, bool v6)
{
	static struct sl_class_table table = { .valid = 1 };
	struct sl_xdp_config config = { .log2_v4 = XDP_TABLE_LOG2, .log2_v6 = XDP_TABLE_LOG2, .ttl_max = 1, .seed = t->x.maps.seed, .time_ms = 1 };
	const struct sl_action action = { .hdr_len = 14, .flags = SL_ACTION_FLAG_VALID | SL_ACTION_FLAG_STRIP_L2 };
	static struct result r;
	const uint32_t zero = 0;
	uint32_t count = 0;
	uint8_t frame[74];
	bool good = true;

	table.rule[0] = (struct sl_class_rule){ .valid = 1, .verdict = SL_VERDICT_FLOWS, .port_mask = 1, .ttl_max = 255,
						.sport_hi = 0xffff, .dport_hi = 0xffff };
	config.pipeline = (struct sl_pipeline_config){ .ports = 1, .enabled = 1, .filter.port_flags = { SL_PORT_FLAG_ENABLE } };
	xdp_must(bpf_map_update_elem(t->x.rules, &zero, &table, 0), "rules");
	xdp_action_put(&t->x, 0, &action, &config);
	xdp_must(sl_xdp_table_open(&t->x.table, &t->x.maps), "table");
	for (; t->x.table.refused == 0; count++) {
		struct sl_flow_cmd insert = { .opcode = SL_FLOW_OP_INSERT, .key = { .dport = htons(80), .proto = 6, .family = v6 ? 6 : 4 } };
		struct sl_flow_cpl cpl;

		memcpy(insert.key.src + (v6 ? 12 : 0), &count, 4);
		sl_xdp_table_command(&t->x.table, &insert, 1, &cpl, NULL);
	}
	for (uint32_t n = 0; n < count + 100; n++) {
		const bool there = n < count - 1; /* the last was refused */

		full_frame(n, v6, frame);
		for (unsigned int pass = 0; pass < 3; pass++) { /* by the stages, then leaving a memo, then by the short cut */
			run_with(t, &config, pass > 0, frame, sizeof(frame), &r);
			good &= r.verdict == (there ? 3u : 2u);
		}
	}
	for (uint32_t id = 0; id < t->x.table.ids; id++)
		good &= xdp_flow_packets(&t->x, id) == (t->x.maps.meta[id].family ? 3u : 0u);
	good &= run_disabled(t, &config, v6);
	sl_xdp_table_clear(&t->x.table);
	sl_xdp_table_close(&t->x.table);
	printf("full table of IPv%u: %u flows: %s\n", v6 ? 6 : 4, count - 1, good ? "passed" : "FAILED");
	return good && count > SL_XDP_BANKS * SL_XDP_WAYS * 9 / 10 << XDP_TABLE_LOG2;
}

/* The table stage's bucket lookup as BPF, for each way and a miss. */
static bool run_table(const char *path)
{
	struct bpf_object *object = xdp_object_load(path);
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
		xdp_must(bpf_map_update_elem(map, &zero, &s, 0), "stage");
		xdp_must(bpf_prog_test_run_opts(prog, &opts), "stage_table");
		xdp_must(bpf_map_lookup_elem(map, &zero, &s), "stage");
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
	bool good = argc == 5;
	char err[256];
	cpu_set_t one;

	if (!good) {
		fprintf(stderr, "usage: xdp_test SLUICE.bpf.o STAGE_TABLE.bpf.o CORPUS.json OFFLOAD.bpf.o\n");
		return 2;
	}
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	xdp_must(sched_setaffinity(0, sizeof(one), &one), "processor 0"); /* so that scratch of CPU 0 is the frame's */
	xdp_program_open(&t.x, argv[1]);
	xdp_card_open(&t.card, argv[4]);
	good = run_table(argv[2]);
	corpus = sl_corpus_load(argv[3], err, sizeof(err));
	if (!corpus) {
		fprintf(stderr, "%s\n", err);
		return 1;
	}
	for (size_t i = 0; i < corpus->count; i++)
		run_vector(&t, &corpus->vectors[i]);
	good &= run_full(&t, false);
	good &= run_full(&t, true);
	for (unsigned int i = 1; i < XDP_SKIPS; i++)
		printf("%u not expressible: %s\n", t.skipped[i], xdp_skip_text[i]);
	for (unsigned int i = 0; i < MODES; i++) {
		printf("mode %s: %u passed\n", t.modes[i].mode, t.modes[i].passed);
		good &= t.modes[i].passed > 0;
	}
	printf("%u frames by the short cut, %u that no rule matches, %u variants of them\n", t.fast, t.kernel, t.variants);
	printf("%u of them sent by a card's program, %u passed on to the host's\n", t.card.sent, t.card.passed);
	good &= t.card.sent > 1000 && t.card.passed > 1000;
	good &= t.fast > 500 && t.kernel > 0 && t.variants > 20 * t.fast;
	printf("%u passed, %u failed\n", t.passed, t.failed);
	sl_corpus_free(corpus);
	xdp_card_close(&t.card);
	xdp_program_close(&t.x);
	return good && t.failed == 0 ? 0 : 1;
}
