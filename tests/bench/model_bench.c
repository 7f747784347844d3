/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How fast the model's whole pipeline runs on one core, for hits: parse to rewrite and flow counters, 64-byte frames,
 * frame after frame of another flow, as they would lie in a receive ring; the table is met in random order, because it
 * is hashed. They are taken in bursts, so that the table's memory is fetched while other frames are parsed. The head of
 * the new frame is made; the frame is not sent. Time is the processor's, without what other
 * programs took of it. Prints a table and, with a file name, JSON.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "hw/model/pipeline.h"
#include "hw/model/table.h"
#include "sluice/record.h"
#include "tests/model/frame.h"

#define FLOWS_MAX 65536
#define FRAME_BYTES 64
#define TABLE_LOG2 17
#define RULES 8
#define BURST 16

struct bench {
	struct sl_table table;
	struct sl_class_table rules;
	struct sl_action action;
	struct sl_pipeline_config config;
	uint8_t frame[FLOWS_MAX][FRAME_BYTES];
};

static const struct sl_class_rule *class_find(void *ctx, const struct sl_headers *headers, uint32_t *index,
					      uint32_t *meter)
{
	static const struct sl_prefix_sets none;
	struct bench *b = ctx;

	*index = (uint32_t)sl_class_find(&b->rules, headers, &none);
	*meter = 0;
	return *index == SL_CLASS_NONE ? NULL : &b->rules.rule[*index];
}

static const struct sl_record *flow_find(void *ctx, const struct sl_key *key, uint64_t hash, uint32_t *flow_id)
{
	struct bench *b = ctx;

	*flow_id = sl_table_lookup(&b->table, key, hash);
	return *flow_id == SL_FLOW_ID_NONE ? NULL : &b->table.flow[*flow_id].record;
}

static const struct sl_action *action_get(void *ctx, uint32_t index)
{
	struct bench *b = ctx;

	return index == 0 ? &b->action : NULL;
}

static bool meter_take(void *ctx, uint32_t meter)
{
	(void)ctx;
	(void)meter;
	return true;
}

static const struct sl_lookups lookups = { class_find, flow_find, action_get, meter_take };

struct mode {
	const char *name;
	uint8_t record_flags;
	uint8_t action_flags;
	uint8_t hdr_len, l3_off, l4_off;
};

static const struct mode modes[] = {
	{ "l2", SL_RECORD_FLAG_DEC_TTL, SL_ACTION_FLAG_STRIP_L2, 14, 14, 0 },
	{ "nat", SL_RECORD_FLAG_DEC_TTL | SL_RECORD_FLAG_NAT_DST, SL_ACTION_FLAG_STRIP_L2, 14, 14, 0 },
	{ "ipip", 0, SL_ACTION_FLAG_STRIP_L2 | SL_ACTION_FLAG_OUTER_V4, 34, 14, 0 },
	{ "vxlan", 0, SL_ACTION_FLAG_STRIP_L2 | SL_ACTION_FLAG_OUTER_V4 | SL_ACTION_FLAG_OUTER_UDP, 64, 14, 34 },
};

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Rules as an agent writes them: SYN, fragments, TTL and FIN/RST before the VIP's rule, which is the last. */
static void make_rules(struct bench *b)
{
	const struct sl_class_rule any = { .valid = 1, .port_mask = 0xff, .sport_hi = 0xffff, .dport_hi = 0xffff,
					   .ttl_max = 255, .l3 = 4, .dst = { 198, 51, 100, 10 }, .dst_plen = 32,
					   .verdict = SL_VERDICT_HOST };

	for (unsigned int i = 0; i < RULES; i++)
		b->rules.rule[i] = any;
	b->rules.rule[0].tcp_flags = b->rules.rule[0].tcp_flags_mask = 2;
	b->rules.rule[1].frag = SL_FRAG_MODE_YES;
	b->rules.rule[2].ttl_max = 1;
	b->rules.rule[3].tcp_flags = b->rules.rule[3].tcp_flags_mask = 1;
	b->rules.rule[4].tcp_flags = b->rules.rule[4].tcp_flags_mask = 4;
	b->rules.rule[5].dport_lo = b->rules.rule[5].dport_hi = 443;
	b->rules.rule[6].l3 = 6;
	b->rules.rule[7].verdict = SL_VERDICT_FLOWS;
	b->rules.valid = (1u << RULES) - 1;
}

static void fill(struct bench *b, const struct mode *mode, unsigned int flows)
{
	sl_table_clear(&b->table, 0);
	b->action = (struct sl_action){ .flags = mode->action_flags | SL_ACTION_FLAG_VALID, .hdr_len = mode->hdr_len,
					.l3_off = mode->l3_off, .l4_off = mode->l4_off, .mtu = 1500 };
	for (unsigned int i = 0; i < flows; i++) {
		const struct test_shape shape = { .family = 4, .proto = 6, .payload = 10,
						  .sport = (uint16_t)(1024 + i % 32768) };
		struct sl_flow_cmd cmd = { .opcode = SL_FLOW_OP_INSERT };
		struct sl_headers headers;
		struct sl_flow_cpl cpl;
		struct test_frame frame;

		frame_build(&frame, &shape);
		put16(frame.b + 28, 0xc000 + i / 32768);
		put16(frame.b + 24, 0);
		put16(frame.b + 24, 0xffff & ~test_sum(frame.b + 14, 20, 0));
		memcpy(b->frame[i], frame.b, FRAME_BYTES);
		sl_parse(sl_window_at(b->frame[i]), FRAME_BYTES, 0, 0, &headers);
		sl_key_build(&headers, 0, 0, &cmd.key);
		cmd.record = (struct sl_record){ .flags = mode->record_flags, .new_dst = { 10, 0, 0, 9 }, .new_dport = 0x901f };
		sl_record_set_deltas(&cmd.key, &cmd.record);
		sl_table_command(&b->table, &cmd, 0, &cpl, NULL);
		if (cpl.status != SL_STATUS_OK) {
			fprintf(stderr, "flow %u: %s\n", i, sl_status_text(cpl.status));
			exit(1);
		}
	}
}

/* BURST frames from `first` on, as a receive loop takes them. */
static void run_burst(struct bench *b, unsigned int flows, unsigned int first)
{
	static struct sl_pipeline_result results[BURST];

	for (unsigned int i = 0; i < BURST; i++) {
		const struct sl_window *window = sl_window_at(b->frame[(first + i) % flows]);

		if (sl_ingress_check(&b->config, FRAME_BYTES, 0, 0) != 0)
			exit(1);
		if (!sl_pipeline_begin(&lookups, b, &b->config, window, FRAME_BYTES, 0, &results[i])) {
			fprintf(stderr, "frame not looked up: %s\n", sl_reason_text(results[i].reason));
			exit(1);
		}
		sl_table_prefetch(&b->table, results[i].rewrite.hash);
	}
	for (unsigned int i = 0; i < BURST; i++) {
		const struct sl_window *window = sl_window_at(b->frame[(first + i) % flows]);

		sl_pipeline_finish(&lookups, b, &b->config, window, &results[i]);
		if (results[i].fate != SL_FATE_FORWARD) {
			fprintf(stderr, "frame not forwarded: %s\n", sl_reason_text(results[i].reason));
			exit(1);
		}
		sl_table_count(&b->table, results[i].flow_id, FRAME_BYTES, first);
	}
}

/* Nanoseconds per frame, the best of five runs. frames: a multiple of BURST. */
static double measure(struct bench *b, unsigned int flows, unsigned int frames)
{
	double best = 1e9;

	for (unsigned int run = 0; run < 5; run++) {
		const uint64_t start = cpu_ns();
		double ns;

		for (unsigned int i = 0; i < frames; i += BURST)
			run_burst(b, flows, i);
		ns = (double)(cpu_ns() - start) / frames;
		best = ns < best ? ns : best;
	}
	return best;
}

int main(int argc, char **argv)
{
	static const unsigned int flow_counts[] = { 1, FLOWS_MAX };
	struct bench *b = calloc(1, sizeof(*b));
	void *memory = aligned_alloc(64, (sl_table_size(TABLE_LOG2) + 63) & ~(size_t)63);
	FILE *json = argc > 1 ? fopen(argv[1], "w") : NULL;
	const char *comma = "";

	if (!b || !memory || (argc > 1 && !json)) {
		perror("model_bench");
		return 1;
	}
	sl_table_init(&b->table, TABLE_LOG2, memory);
	b->config = (struct sl_pipeline_config){ .ports = 1, .tunnels = SL_VXLAN_PORT, .enabled = 1 };
	b->config.filter.port_flags[0] = SL_PORT_FLAG_ENABLE;
	make_rules(b);
	printf("whole pipeline, hits, %u-byte frames, %u rules, one core, best of 5\n%-8s %8s %10s %8s\n", FRAME_BYTES, RULES,
	       "mode", "flows", "ns/packet", "Mpps");
	if (json)
		fprintf(json, "{\"frame_bytes\": %u, \"rules\": %u, \"rows\": [", FRAME_BYTES, RULES);
	for (size_t m = 0; m < sizeof(modes) / sizeof(modes[0]); m++) {
		for (size_t f = 0; f < 2; f++) {
			double ns;

			fill(b, &modes[m], flow_counts[f]);
			ns = measure(b, flow_counts[f], 1u << 18);
			printf("%-8s %8u %10.1f %8.2f\n", modes[m].name, flow_counts[f], ns, 1e3 / ns);
			if (json)
				fprintf(json, "%s\n{\"mode\": \"%s\", \"flows\": %u, \"ns_per_packet\": %.1f, \"mpps\": %.2f}",
					comma, modes[m].name, flow_counts[f], ns, 1e3 / ns);
			comma = ",";
		}
	}
	if (json) {
		fprintf(json, "\n]}\n");
		fclose(json);
	}
	free(memory);
	free(b);
	return 0;
}
