/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The card's figures in clocks of the RTL, as issue and performance page ask for them. Usage: card_bench LIBRARY HBM_LIBRARY
 * NIC_LIBRARY NIC_HBM_LIBRARY MEMORY JSON: the datapath, then the whole card, each with records on chip and in HBM. MEMORY
 * is what table_memory.py printed and becomes part of the JSON.
 * Replacements run with minimum-size hits on both ports as fast as the pipeline takes frames, and are compared with the
 * model one by one. Exits non-zero if hits have bubbles, a hit is lost or a completion differs.
 */
#include "tests/bench/record_memory.h"
#include "tests/bench/table_load.h"
#include "tests/bench/whole_card.h"
#include "tests/rtl/churn.h"
#include "tests/rtl/rate.h"

#define WARM_UP 300
#define REPLACEMENTS 20000
#define SEEDS 20
#define EFFICIENCY 0.999
#define HBM_OF_CHIP 0.99

struct figures {
	double packets_per_clock, beat_efficiency, hits_beside_misses;
	uint32_t latency_clocks;
	double per_clock_50, per_clock_90, deletes_per_clock;
};

static void lower(double *least, double value)
{
	if (value < *least)
		*least = value;
}

/* Around each number of beats in and out, and the ends. */
static const uint32_t sizes[] = { 60, 64, 65, 78, 79, 90, 94, 95, 96, 127, 128, 129, 192, 193, 256, 257, 511, 577, 1024, 1279, 1500, 1518,
				  2048, 4097, 9000, 9502, 9550, SL_FRAME_MAX };

#define SIZES (sizeof(sizes) / sizeof(sizes[0]))
#define MIX 6000u /* frames */

static struct sl_key key_of(unsigned int m, bool six)
{
	return six ? rtl_key_v6(m) : rtl_key(m);
}

/* Frames of all modes, sizes and both families in any order, on both ports: what max(in, out) beats of each would take, of what they took. */
static double bench_mix(const struct sl_engine_ops *ops, struct sl_engine *e)
{
	static uint8_t frame[SL_FRAME_MAX], out[SL_FRAME_MAX];
	uint64_t beats = 0, first = 0, last = 0, x = 88172645463325252u;
	uint32_t seen = 0;
	unsigned int port;

	for (uint32_t i = 0; i < MIX; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		const enum rtl_mode m = (enum rtl_mode)(x % RTL_MODES);
		const bool six = x >> 8 & 1 && m != RTL_NAT;
		uint32_t len = sizes[(x >> 16) % (SIZES - 8)]; /* not the longest: they would be nearly all */
		const struct sl_key key = key_of(m, six);

		if (six && len < 94)
			len = 94;
		rtl_frame(frame, len, &key);
		ops->wire_in(e, i & 1, frame, len, false);
		if (i >= MIX / 4 && i < MIX * 3 / 4)
			beats += BEATS(len) > BEATS(len + rtl_added(m)) ? BEATS(len) : BEATS(len + rtl_added(m));
	}
	while (seen < MIX && ops->step(e, 1, CLOCKS_STEP) != 0) {
		while (ops->wire_out(e, &port, out) != 0) {
			seen++;
			if (seen == MIX / 4)
				first = ops->clocks(e);
			if (seen == MIX * 3 / 4)
				last = ops->clocks(e);
		}
	}
	return seen == MIX ? (double)beats / (double)(last - first) : 0;
}

/* All sizes, modes and families without commands; the latency of a minimum-size frame. */
static void bench_hits(const struct sl_engine_ops *ops, struct figures *f)
{
	const struct sl_engine_config config = { .ports = 2 };
	struct sl_engine *e = rtl_start(ops, &config);
	static uint8_t frame[SL_FRAME_MAX];

	for (unsigned int n = 0; n < 2 * RTL_MODES; n++) {
		const enum rtl_mode m = (enum rtl_mode)(n / 2);
		const bool six = n & 1;
		const struct sl_key key = key_of(m, six);
		const struct sl_record record = rtl_record(&key, m);

		if (six && m == RTL_NAT)
			continue; /* (its record is of IPv4) */
		rtl_command(ops, e, SL_FLOW_OP_INSERT, &key, &record, 1);
		for (size_t s = 0; s < SIZES; s++) {
			if (sizes[s] + rtl_added(m) > SL_FRAME_MAX || (six && sizes[s] < 94))
				continue; /* would be longer than a frame may be; too short for its headers */
			rtl_frame(frame, sizes[s], &key);
			const struct rate r = rate_measure(ops, e, frame, sizes[s], sizes[s] > 2000 ? 120 : 2000);

			if (r.frames_per_clock < r.allowed * EFFICIENCY)
				printf("%s, IPv%c, %u bytes: %.4f frames a clock, beats allow %.4f\n", rtl_mode_name[m], six ? '6' : '4', sizes[s],
				       r.frames_per_clock, r.allowed);
			lower(&f->beat_efficiency, r.frames_per_clock / r.allowed);
			if (m == RTL_L2 && !six && sizes[s] == CHURN_FRAME) {
				f->latency_clocks = r.latency;
				lower(&f->packets_per_clock, r.frames_per_clock);
			}
		}
	}
	const double mix = bench_mix(ops, e);

	lower(&f->beat_efficiency, mix);
	ops->destroy(e);
	printf("hits: efficiency %.4f (mixed %.4f), latency %u clocks\n", f->beat_efficiency, mix, f->latency_clocks);
}

/*
 * Hits on port 0 while port 1 brings frames as fast as it can: frames of port 0 that leave per clock. misses: port 1's are
 * all of unknown connections; taken: the host takes what it is given, otherwise nothing.
 */
static double hits_beside(const struct sl_engine_ops *ops, uint32_t len, bool misses, bool taken)
{
	const struct sl_engine_config config = { .ports = 2 };
	struct sl_engine *e = rtl_start(ops, &config);
	const struct sl_key hit = rtl_key(0), miss = rtl_key(1);
	const struct sl_record record = rtl_record(&hit, RTL_L2);
	static uint8_t in[2][SL_FRAME_MAX], out[SL_FRAME_MAX];
	struct sl_host_meta meta;
	uint64_t first = 0, last = 0;
	const uint32_t frames = len > 500 ? 800 : 8000;
	uint32_t seen = 0, n;
	unsigned int port;

	rtl_command(ops, e, SL_FLOW_OP_INSERT, &hit, &record, 1);
	rtl_frame(in[0], len, &hit);
	rtl_frame(in[1], len, misses ? &miss : &hit);
	in[0][len - 1] = 0xa5; /* which port it came by */
	in[1][len - 1] = 0x5a;
	for (uint32_t i = 0; i < frames; i++)
		ops->wire_in(e, i & 1, in[i & 1], len, false);
	for (bool more = true; more;) {
		more = ops->step(e, 1, CLOCKS_STEP) != 0;
		while (taken && ops->host_out(e, &meta, out) != 0)
			;
		while ((n = ops->wire_out(e, &port, out)) != 0) {
			seen += out[n - 1] == 0xa5;
			if (seen == frames / 8 && first == 0)
				first = ops->clocks(e);
			if (seen == frames * 3 / 8 && last == 0)
				last = ops->clocks(e);
		}
	}
	ops->destroy(e);
	return seen == frames / 2 ? (double)(frames / 4) / (double)(last - first) : 0;
}

/* The least of what hits keep of their rate when the other port's frames are misses and not hits. */
static void bench_misses(const struct sl_engine_ops *ops, struct figures *f)
{
	static const uint32_t beside[] = { 64, 65, 256, 1500 };

	for (size_t s = 0; s < sizeof(beside) / sizeof(beside[0]); s++) {
		const double alone = hits_beside(ops, beside[s], false, false);
		const double taken = hits_beside(ops, beside[s], true, true);
		const double left = hits_beside(ops, beside[s], true, false);

		lower(&f->hits_beside_misses, taken / alone);
		lower(&f->hits_beside_misses, left / alone);
		printf("%u bytes: hits of a port %.4f a clock beside hits, %.4f beside misses, %.4f if the host takes none\n",
		       beside[s], alone, taken, left);
	}
}

static bool sound(struct churn *c, const char *what)
{
	churn_settle(c);
	if (c->why[0] != '\0')
		fprintf(stderr, "%s: %s\n", what, c->why);
	else if (c->left != c->sent)
		fprintf(stderr, "%s: %llu frames in, %llu out\n", what, (unsigned long long)c->sent, (unsigned long long)c->left);
	else if (c->refused != 0)
		fprintf(stderr, "%s: %llu inserts refused\n", what, (unsigned long long)c->refused);
	else
		return true;
	return false;
}

/* Replacements at a load, then removals alone, all under hits. */
static bool bench_load(const struct sl_engine_ops *ops, unsigned int percent, bool sequential, struct figures *f)
{
	const struct sl_engine_config config = { .ports = 2 };
	const uint32_t keys = (1u << SL_TABLE_LOG2_DEFAULT) * percent / 100;
	static struct churn c;
	uint64_t clocks, removal;
	double rate, hits;
	bool good;

	good = churn_open(&c, ops, &config, keys, 0, sequential, percent);
	c.hits = CHURN_HIT_STABLE;
	churn_replace(&c, WARM_UP);
	const uint64_t before = c.left;
	clocks = churn_replace(&c, REPLACEMENTS);
	hits = (double)(c.left - before) / (double)clocks;
	removal = churn_remove(&c, REPLACEMENTS);
	rate = (double)REPLACEMENTS / (double)clocks;
	lower(percent == 50 ? &f->per_clock_50 : &f->per_clock_90, rate);
	lower(&f->deletes_per_clock, (double)REPLACEMENTS / (double)removal);
	lower(&f->packets_per_clock, hits);
	lower(&f->beat_efficiency, hits);
	good &= sound(&c, "replacement under hits");
	printf("%u %% %s: a replacement in %.2f clocks (%u moves), a removal alone in %.2f, %.4f hits a clock\n", percent,
	       sequential ? "sequential" : "random", 1 / rate, ops->csr_read(c.e, SL_CSR_MOVES),
	       (double)removal / REPLACEMENTS, hits);
	fflush(stdout);
	churn_close(&c);
	return good;
}

/* The whole table ten times in RTL, without frames. */
static bool bench_whole(const struct sl_engine_ops *ops, double load)
{
	const struct sl_engine_config config = { .ports = 2 };
	const uint32_t keys = (uint32_t)(load * (double)(1u << SL_TABLE_LOG2_DEFAULT));
	static struct churn c;
	bool good = churn_open(&c, ops, &config, keys, 0, false, 1);
	const uint64_t clocks = churn_replace(&c, 10 * keys);

	good &= sound(&c, "whole table");
	printf("RTL at %.2f: %u replacements like the model, %llu refused, %.1f clocks each\n", load, 10 * keys,
	       (unsigned long long)c.refused, (double)clocks / (10.0 * keys));
	churn_close(&c);
	return good;
}

int main(int argc, char **argv)
{
	struct figures f = { 9, 9, 9, 0, 9, 9, 9 };
	struct record_memory hbm;
	struct whole_card card, card_hbm;
	bool good = true;

	char memory[1000] = "";

	if (argc != 7) {
		fprintf(stderr, "usage: card_bench LIBRARY HBM_LIBRARY NIC_LIBRARY NIC_HBM_LIBRARY MEMORY JSON\n");
		return 2;
	}
	FILE *in = fopen(argv[5], "r");

	if (in == NULL || fread(memory, 1, sizeof(memory) - 1, in) == 0) {
		perror(argv[5]);
		return 1;
	}
	fclose(in);
	const struct sl_engine_ops *ops = rtl_load(argv[1]);

	bench_hits(ops, &f);
	bench_misses(ops, &f);
	for (int i = 0; i < 4; i++)
		good &= bench_load(ops, i < 2 ? 50 : 90, i % 2 != 0, &f);
	good &= bench_whole(ops, 0.95);
	good &= record_memory_compare(ops, rtl_load(argv[2]), &hbm);
	good &= whole_card_measure(argv[3], "records on chip", &card);
	good &= whole_card_measure(argv[4], "records in HBM", &card_hbm);
	const double load = table_load_before_refusal(SL_TABLE_LOG2_DEFAULT, SEEDS);
	FILE *json = fopen(argv[6], "w");

	if (json == NULL) {
		perror(argv[6]);
		return 1;
	}
	fprintf(json, "{\n  \"packets_per_clock\": %.5f,\n  \"beat_efficiency\": %.5f,\n  \"latency_clocks\": %u,\n"
		"  \"hits_beside_misses\": %.5f,\n"
		"  \"inserts_per_clock_50\": %.5f,\n  \"inserts_per_clock_90\": %.5f,\n  \"deletes_per_clock\": %.5f,\n"
		"  \"hbm_packets_per_clock\": %.5f,\n  \"latency_clocks_hbm\": %u,\n  \"latency_clocks_hbm_max\": %u,\n"
		"  \"whole_card_packets_per_clock\": %.5f,\n  \"whole_card_latency_clocks\": %u,\n"
		"  \"whole_card_hbm_packets_per_clock\": %.5f,\n  \"whole_card_latency_clocks_hbm\": %u,\n"
		"  \"load_before_refusal\": %.2f,\n%s}\n",
		f.packets_per_clock, f.beat_efficiency, f.latency_clocks, f.hits_beside_misses, f.per_clock_50, f.per_clock_90, f.deletes_per_clock,
		hbm.packets_per_clock, hbm.latency, hbm.latency_max, card.packets_per_clock, card.latency, card_hbm.packets_per_clock, card_hbm.latency,
		load, memory);
	fclose(json);
	if (f.beat_efficiency < EFFICIENCY)
		fprintf(stderr, "hits have bubbles\n");
	if (f.hits_beside_misses < EFFICIENCY)
		fprintf(stderr, "misses take something from hits\n");
	if (hbm.packets_per_clock < HBM_OF_CHIP * f.packets_per_clock)
		fprintf(stderr, "records in HBM take something from hits\n");
	good &= hbm.packets_per_clock >= HBM_OF_CHIP * f.packets_per_clock;
	if (card_hbm.packets_per_clock < HBM_OF_CHIP * card.packets_per_clock)
		fprintf(stderr, "records in HBM take something from hits of the whole card\n");
	good &= card_hbm.packets_per_clock >= HBM_OF_CHIP * card.packets_per_clock;
	return good && f.beat_efficiency >= EFFICIENCY && f.hits_beside_misses >= EFFICIENCY ? 0 : 1;
}
