/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Counts clocks of the RTL: packets per clock of hits by size and mode, against what the beats allow; latency; inserts;
 * and how fast this machine simulates. Usage: bench LIBRARY JSON. Exits non-zero if hits have bubbles.
 */
#include <time.h>

#include "tests/rtl/rate.h"

/* Of processor time: the machine may be busy with other things. */
static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
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
			if (sizes[s] + rtl_added((enum rtl_mode)m) > SL_FRAME_MAX)
				continue; /* would be longer than a frame may be */
			rtl_frame(frame, sizes[s], &key);
			struct rate r = rate_measure(ops, e, frame, sizes[s], sizes[s] > 2000 ? 120 : 1200);

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
