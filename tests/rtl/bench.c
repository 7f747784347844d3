/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Counts clocks of the RTL: packets per clock of hits by size and mode, against what the beats allow; latency; inserts;
 * and how fast this machine simulates. Usage: bench LIBRARY JSON. Exits non-zero if hits have bubbles.
 */
#include <time.h>

#include "tests/rtl/rtl_card.h"

#define CLOCKS_STEP 1
#define BEATS(n) (((n) + SL_BEAT_BYTES - 1) / SL_BEAT_BYTES)

/* Of processor time: the machine may be busy with other things. */
static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

struct rate {
	double frames_per_clock;
	double allowed;
	uint32_t out_len;
	uint32_t latency;
};

/* Sends `count` frames on both ports in turn and takes the clocks between the frames of the middle part. */
static struct rate measure(const struct sl_engine_ops *ops, struct sl_engine *e, const uint8_t *frame, uint32_t len,
			   uint32_t count)
{
	static uint8_t out[SL_FRAME_MAX];
	struct rate r = { 0 };
	uint64_t first = 0, last = 0, start;
	uint32_t seen = 0, n;
	unsigned int port;

	start = ops->clocks(e);
	ops->wire_in(e, 0, frame, len, false);
	while ((n = ops->wire_out(e, &port, out)) == 0)
		ops->step(e, 1, CLOCKS_STEP);
	r.out_len = n;
	/* The last beat of the frame is out now; its first was BEATS - 1 clocks before. */
	r.latency = (uint32_t)(ops->clocks(e) - start) - 1 - (BEATS(n) - 1);
	while (!ops->idle(e))
		ops->step(e, 1, 100);

	for (uint32_t i = 0; i < count; i++)
		ops->wire_in(e, i & 1, frame, len, false);
	while (seen < count && ops->step(e, 1, CLOCKS_STEP) != 0) {
		while (ops->wire_out(e, &port, out) != 0) {
			seen++;
			if (seen == count / 4)
				first = ops->clocks(e);
			if (seen == count * 3 / 4)
				last = ops->clocks(e);
		}
	}
	r.frames_per_clock = (double)(count * 3 / 4 - count / 4) / (double)(last - first);
	r.allowed = 1.0 / (double)(BEATS(len) > BEATS(r.out_len) ? BEATS(len) : BEATS(r.out_len));
	return r;
}

static bool bench_hits(const struct sl_engine_ops *ops, struct sl_engine *e, FILE *json)
{
	static const uint32_t sizes[] = { 64, 65, 128, 256, 257, 1500, 9550, 9600 };
	static uint8_t frame[SL_FRAME_MAX];
	bool full = true;
	const char *comma = "";

	fprintf(json, "  \"hits\": [");
	for (int m = 0; m < RTL_MODES; m++) {
		struct sl_key key = rtl_key((unsigned int)m);
		struct sl_record record = rtl_record(&key, (enum rtl_mode)m);

		rtl_command(ops, e, SL_FLOW_OP_INSERT, &key, &record, 1);
		for (unsigned int s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
			if (sizes[s] == SL_FRAME_MAX && (m == RTL_IPIP || m == RTL_VXLAN))
				continue; /* would be longer than a frame may be */
			rtl_frame(frame, sizes[s], &key);
			struct rate r = measure(ops, e, frame, sizes[s], sizes[s] > 2000 ? 120 : 1200);

			if (r.frames_per_clock < r.allowed * 0.999)
				full = false;
			printf("%-6s %5u -> %5u bytes: %.4f frames/clock, beats allow %.4f, latency %u clocks\n",
			       rtl_mode_name[m], sizes[s], r.out_len, r.frames_per_clock, r.allowed, r.latency);
			fprintf(json, "%s\n    {\"mode\": \"%s\", \"bytes\": %u, \"out_bytes\": %u, \"frames_per_clock\": %.5f, "
				"\"allowed\": %.5f, \"latency_clocks\": %u}", comma, rtl_mode_name[m], sizes[s], r.out_len,
				r.frames_per_clock, r.allowed, r.latency);
			comma = ",";
		}
	}
	fprintf(json, "\n  ],\n");
	return full;
}

/* Clocks per insert while the table fills from `from` to `to` flows. */
static double bench_inserts(const struct sl_engine_ops *ops, struct sl_engine *e, uint32_t from, uint32_t to)
{
	const uint64_t start = ops->clocks(e);
	struct sl_flow_done done;
	uint32_t sent = from, got = from;

	while (got < to) {
		for (; sent < to; sent++) {
			struct sl_key key = rtl_key(100 + sent);
			struct sl_flow_cmd cmd = { .opcode = SL_FLOW_OP_INSERT, .key = key, .record = rtl_record(&key, RTL_L2) };

			if (!ops->flow_submit(e, &cmd))
				break;
		}
		ops->step(e, 1, 200);
		while (ops->flow_done(e, &done))
			got++;
	}
	return (double)(ops->clocks(e) - start) / (to - from);
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: bench LIBRARY JSON\n");
		return 2;
	}
	const struct sl_engine_ops *ops = rtl_load(argv[1]);
	const struct sl_engine_config config = { .ports = 2 };
	struct sl_engine *e = rtl_start(ops, &config);
	FILE *json = fopen(argv[2], "w");
	double began, empty, loaded, clocks_per_s;
	uint64_t clocks;
	bool full;

	if (json == NULL) {
		perror(argv[2]);
		return 1;
	}
	fprintf(json, "{\n");
	began = seconds();
	clocks = ops->clocks(e);
	full = bench_hits(ops, e, json);
	clocks_per_s = (double)(ops->clocks(e) - clocks) / (seconds() - began);
	empty = bench_inserts(ops, e, 0, 2000);
	bench_inserts(ops, e, 2000, 57000);
	loaded = bench_inserts(ops, e, 57000, 59000);
	printf("inserts: %.1f clocks each in an empty table, %.1f at 87-90 %% load (%u moves, %u refused)\n", empty, loaded,
	       ops->csr_read(e, SL_CSR_MOVES), ops->csr_read(e, SL_CSR_REFUSED));
	printf("simulation: %.2f M clocks/s under load\n", clocks_per_s / 1e6);
	fprintf(json, "  \"insert_clocks_empty\": %.2f,\n  \"insert_clocks_loaded\": %.2f,\n  \"clocks_per_s\": %.0f,\n"
		"  \"no_bubbles\": %s\n}\n", empty, loaded, clocks_per_s, full ? "true" : "false");
	fclose(json);
	ops->destroy(e);
	if (!full)
		fprintf(stderr, "hits have bubbles\n");
	return full ? 0 : 1;
}
