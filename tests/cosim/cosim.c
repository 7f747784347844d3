/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Differential co-simulation: the C model, which defines the datapath's behaviour, against another card engine (the
 * Verilated RTL), through sim/engine.h alone.
 *
 *   cosim --other LIBRARY [--symbol NAME] [--packets N] [--seed N] [--stall PERCENT] [--world N]
 *        [--reproduction FILE]
 *
 * The run is a sequence of worlds (random rules, actions, meters, registers, connections), each of batches: flow
 * commands, hostile frames on one port, on both, commands under traffic, rewritten entries, frames from the host. After
 * each batch both engines must have given the same frames, host metadata and completions and counted the same.
 *
 * What is not compared because nothing defines it: the order between frames of two ports (batches with two sources are
 * compared as sets and only where no meter is limited), and the order of commands and frames (commands under traffic
 * touch other flows than the traffic). Batches are small enough for every buffer: full buffers are tested by
 * tests/vectors/bounds.c.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/cosim/reproduce.h"

#define BATCH_FRAMES 160
#define WORLD_BATCHES 40
/* What may be under way at once; the host buffers of both engines hold it. */
#define CHUNK_BYTES 12000

struct run {
	struct pair pair;
	struct world world;
	struct chance chance;
	struct traffic_frame *frames; /* of the present batch, BATCH_FRAMES */
	size_t frame_count;
	uint32_t table_slots;
	uint64_t packets, commands, batches, worlds;
	uint64_t reason[SL_REASON_HOST_OVERFLOW + 1]; /* frames of the worlds that ended */
	uint64_t seed;
	const char *reproduction; /* where a mismatch is written */
	uint16_t tag;
	unsigned int stall;
	uint64_t moves, refused; /* of the worlds that ended */
	bool two_sources;
	bool fill; /* commands are to fill the table: every connection alike */
};

static void random_command(struct run *r, bool churn_only, struct sl_flow_cmd *cmd)
{
	struct chance *c = &r->chance;
	const uint32_t kind = chance_below(c, 100);
	unsigned int tuple = chance_below(c, r->fill ? WORLD_TUPLES : 1 + chance_below(c, WORLD_TUPLES));

	if (churn_only)
		tuple |= 1;
	memset(cmd, 0, sizeof(*cmd));
	cmd->tag = r->tag++;
	world_key(&r->world, c, tuple, &cmd->key);
	world_record(&r->world, c, &cmd->key, &cmd->record);
	if (kind < 50)
		cmd->opcode = SL_FLOW_OP_INSERT;
	else if (kind < 75)
		cmd->opcode = SL_FLOW_OP_DELETE;
	else if (kind < 85)
		cmd->opcode = SL_FLOW_OP_UPDATE;
	else if (kind < 94 || churn_only)
		cmd->opcode = SL_FLOW_OP_QUERY;
	else if (kind < 98)
		cmd->opcode = SL_FLOW_OP_DUMP;
	else
		cmd->opcode = (uint8_t)(chance_percent(c, 50) ? SL_FLOW_OP_NOP : chance_between(c, 6, 255));
	if (cmd->opcode == SL_FLOW_OP_DUMP)
		cmd->flow_id = chance_percent(c, 95) ? chance_below(c, r->table_slots) : (uint32_t)chance_word(c);
}

/* Commands only; many inserts where the table is to be full. */
static bool commands(struct run *r, unsigned int count, bool fill)
{
	struct sl_flow_cmd cmd;

	r->fill = fill;
	for (unsigned int i = 0; i < count; i++) {
		random_command(r, false, &cmd);
		if (fill && chance_percent(&r->chance, 80))
			cmd.opcode = SL_FLOW_OP_INSERT;
		if (!pair_command(&r->pair, &cmd) || (i % 32 == 31 && !pair_settle(&r->pair)))
			return false;
		r->commands++;
	}
	r->fill = false;
	return true;
}

static bool frames(struct run *r, unsigned int count, bool clean, bool with_commands)
{
	const uint8_t port = (uint8_t)chance_below(&r->chance, SL_CARD_PORTS);
	uint32_t under_way = 0;
	struct sl_flow_cmd cmd;

	for (unsigned int i = 0; i < count; i++) {
		struct traffic_frame *f = &r->frames[r->frame_count++];

		traffic_frame(&r->world, &r->chance, clean, f);
		f->port = r->two_sources ? (uint8_t)chance_below(&r->chance, SL_CARD_PORTS) : port;
		if (under_way + f->len > CHUNK_BYTES) {
			if (!pair_settle(&r->pair))
				return false;
			under_way = 0;
		}
		under_way += f->len + 150;
		if (!pair_frame(&r->pair, f))
			return false;
		r->packets++;
		if (with_commands && chance_percent(&r->chance, 30)) {
			random_command(r, true, &cmd);
			if (!pair_command(&r->pair, &cmd))
				return false;
			r->commands++;
		}
	}
	return true;
}

static bool host_frames(struct run *r, unsigned int count)
{
	uint8_t data[1514];

	for (unsigned int i = 0; i < count; i++) {
		const uint32_t len = chance_between(&r->chance, 14, sizeof(data));

		chance_fill(&r->chance, data, len);
		if (!pair_host_tx(&r->pair, chance_below(&r->chance, SL_CARD_PORTS), data, len))
			return false;
	}
	return true;
}

/* One entry or register is given another meaning between two frames. */
static bool rewrite(struct run *r)
{
	struct world *w = &r->world;
	struct chance *c = &r->chance;
	const uint32_t i = chance_below(c, WORLD_ACTIONS);

	switch (chance_below(c, 16)) {
	case 0:
	case 1:
	case 2:
	case 3:
		world_action(w, c, &w->action[i]);
		return pair_table(&r->pair, SL_CSR_TABLE_ACTION, i, &w->action[i], sizeof(w->action[i]));
	case 4:
	case 5:
	case 6: {
		const uint64_t cookie = w->rule[i].cookie;

		world_rule(w, c, &w->rule[i]);
		if (chance_percent(c, 50))
			w->rule[i].cookie = cookie; /* its counters go on */
		return pair_table(&r->pair, SL_CSR_TABLE_CLASS, i, &w->rule[i], sizeof(w->rule[i]));
	}
	case 7:
		w->rule[i].valid = 0;
		return pair_table(&r->pair, SL_CSR_TABLE_CLASS, i, &w->rule[i], sizeof(w->rule[i]));
	case 8:
		if (w->metered) {
			const uint32_t m = i % SL_METERS;

			w->meter[m] = (struct sl_meter){.rate = chance_below(c, 3000), .burst = chance_between(c, 1, 30)};
			return pair_table(&r->pair, SL_CSR_TABLE_METER, m, &w->meter[m], sizeof(w->meter[m]));
		}
		return true;
	case 9:
		w->port_flags[i % 2] = (chance_percent(c, 90) ? 1 : 0) | chance_below(c, 4) << 1;
		pair_csr(&r->pair, SL_CSR_PORT_FLAGS(i % 2), w->port_flags[i % 2]);
		return true;
	case 10:
		w->miss_mark = (uint32_t)chance_word(c);
		pair_csr(&r->pair, SL_CSR_MISS_MARK, w->miss_mark);
		return true;
	case 11:
	case 12:
	case 13:
	case 14: {
		const unsigned int at = world_prefix(w, c);

		return pair_table(&r->pair, SL_CSR_TABLE_PREFIX, w->prefix[at].index, &w->prefix[at].bucket,
				  sizeof(w->prefix[at].bucket));
	}
	default:
		if (chance_percent(c, 20))
			pair_csr(&r->pair, SL_CSR_EPOCH, chance_below(c, 256));
		return true;
	}
}

static bool batch(struct run *r, unsigned int number)
{
	struct chance *c = &r->chance;
	bool ordered = true, good = true;

	r->frame_count = 0;
	r->two_sources = false;
	pair_time(&r->pair, chance_percent(c, 90) ? chance_below(c, 4) : chance_below(c, 100));
	if (number == 0)
		good = commands(r, chance_between(c, 1, 9) * 100, true);
	else
		switch (chance_below(c, 10)) {
		case 0:
			good = commands(r, chance_between(c, 1, 60), chance_percent(c, 50));
			break;
		case 1:
		case 2:
			for (uint32_t i = chance_between(c, 1, 4); i && good; i--)
				good = rewrite(r);
			good = good && frames(r, chance_between(c, 1, BATCH_FRAMES), false, false);
			break;
		case 3:
		case 4:
			good = frames(r, chance_between(c, 1, BATCH_FRAMES), true, true);
			break;
		case 5:
			ordered = false;
			good = host_frames(r, chance_between(c, 1, 6)) && frames(r, chance_between(c, 1, 40), false, false);
			break;
		case 6:
		case 7:
			r->two_sources = !r->world.metered;
			ordered = !r->two_sources;
			good = frames(r, chance_between(c, 1, BATCH_FRAMES), false, false);
			break;
		default:
			good = frames(r, chance_between(c, 1, BATCH_FRAMES), false, false);
		}
	r->batches++;
	return good && pair_settle(&r->pair) && pair_compare(&r->pair, ordered);
}

static void add_reasons(struct run *r)
{
	for (unsigned int i = 0; i <= SL_REASON_HOST_OVERFLOW; i++) {
		struct sl_counter_pair pair = {0};

		if (sl_reason_name(i) != NULL)
			sl_card_table_read(&r->pair.model, SL_CSR_TABLE_REASON, i, &pair, sizeof(pair));
		r->reason[i] += pair.packets;
	}
	r->moves += sl_card_read(&r->pair.model, SL_CSR_MOVES);
	r->refused += sl_card_read(&r->pair.model, SL_CSR_REFUSED);
}

static void print_reasons(const struct run *r)
{
	printf("cosim: verdicts:");
	for (unsigned int i = 0; i <= SL_REASON_HOST_OVERFLOW; i++)
		if (r->reason[i])
			printf(" %s %llu", sl_reason_name(i), (unsigned long long)r->reason[i]);
	printf("; slots moved %llu, inserts refused %llu\n", (unsigned long long)r->moves, (unsigned long long)r->refused);
}

static bool world(struct run *r, uint64_t number)
{
	r->chance.state = r->seed + number * 0x1000193;
	world_make(&r->world, &r->chance);
	pair_time(&r->pair, 1);
	if (!pair_reset(&r->pair, &r->world))
		return false;
	r->worlds++;
	for (unsigned int i = 0; i < WORLD_BATCHES; i++)
		if (!batch(r, i)) {
			char name[64];

			printf("cosim: MISMATCH in world %llu batch %u of seed %llu: %s\n", (unsigned long long)number, i,
			       (unsigned long long)r->seed, r->pair.why);
			printf("cosim: the whole run again: COSIM_SEED=%llu COSIM_STALL=%u make cosim (from this world: "
			       "COSIM_WORLD=%llu; other stalls then)\n", (unsigned long long)r->seed, r->stall,
			       (unsigned long long)number);
			fflush(stdout);
			snprintf(name, sizeof(name), "cosim-%llu-%llu-%u", (unsigned long long)r->seed,
				 (unsigned long long)number, i);
			reproduce(&r->pair, &r->world, r->frames, r->frame_count, r->table_slots < 4096 ? r->table_slots : 4096,
				  name, r->reproduction);
			return false;
		}
	if (r->table_slots <= 4096 && !pair_compare_flows(&r->pair, r->table_slots)) {
		printf("cosim: MISMATCH in the table after world %llu of seed %llu: %s\n", (unsigned long long)number,
		       (unsigned long long)r->seed, r->pair.why);
		return false;
	}
	add_reasons(r);
	return true;
}

struct options {
	const char *library, *symbol, *reproduction;
	uint64_t packets, seed, stall, first;
};

static bool read_options(int argc, char **argv, struct options *o)
{
	for (int i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--other") == 0)
			o->library = argv[i + 1];
		else if (strcmp(argv[i], "--symbol") == 0)
			o->symbol = argv[i + 1];
		else if (strcmp(argv[i], "--reproduction") == 0)
			o->reproduction = argv[i + 1];
		else if (strcmp(argv[i], "--packets") == 0)
			o->packets = strtoull(argv[i + 1], NULL, 0);
		else if (strcmp(argv[i], "--seed") == 0)
			o->seed = strtoull(argv[i + 1], NULL, 0);
		else if (strcmp(argv[i], "--stall") == 0)
			o->stall = strtoull(argv[i + 1], NULL, 0);
		else if (strcmp(argv[i], "--world") == 0)
			o->first = strtoull(argv[i + 1], NULL, 0);
		else
			return false;
	}
	return argc % 2 == 1 && o->library != NULL;
}

static bool open_pair(struct run *r, const struct options *o)
{
	struct sl_engine_config config = {.ports = SL_CARD_PORTS, .stall_seed = o->stall ? o->seed | 1 : 0,
					  .stall_pct = (unsigned int)o->stall};
	void *handle = dlopen(o->library, RTLD_NOW | RTLD_LOCAL);
	const struct sl_engine_ops *ops = handle ? dlsym(handle, o->symbol) : NULL;
	uint32_t log2;

	if (ops == NULL) {
		printf("cosim: %s\n", dlerror());
		return false;
	}
	if (!sl_card_open(&r->pair.other, ops, &config)) {
		config.table_log2 = 8; /* an engine that has no size of its own */
		if (!sl_card_open(&r->pair.other, ops, &config)) {
			printf("cosim: %s\n", r->pair.other.error);
			return false;
		}
	}
	log2 = sl_card_read(&r->pair.other, SL_CSR_CONFIG) & 0xff;
	config.table_log2 = log2;
	r->table_slots = 1u << log2;
	if (!sl_card_open(&r->pair.model, &sl_engine_model, &config)) {
		printf("cosim: %s\n", r->pair.model.error);
		return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	struct options o = {.symbol = "sl_engine_rtl", .reproduction = "build/cosim/mismatch.json", .packets = 100000, .seed = (uint64_t)time(NULL)};
	static struct run r;
	clock_t began = clock();
	bool good = true;

	if (!read_options(argc, argv, &o)) {
		fprintf(stderr, "usage: cosim --other LIBRARY [--symbol NAME] [--packets N] [--seed N] [--stall PERCENT] "
				"[--world N] [--reproduction FILE]\n");
		return 2;
	}
	r.seed = o.seed;
	r.stall = (unsigned int)o.stall;
	r.reproduction = o.reproduction;
	r.frames = calloc(BATCH_FRAMES + 1, sizeof(*r.frames));
	if (r.frames == NULL || !open_pair(&r, &o))
		return 1;
	printf("cosim: seed %llu, %llu packets, stalls %llu %%, table of %u slots\n", (unsigned long long)o.seed,
	       (unsigned long long)o.packets, (unsigned long long)o.stall, r.table_slots);
	fflush(stdout);
	for (uint64_t i = o.first; good && r.packets < o.packets; i++)
		good = world(&r, i);
	printf("cosim: %llu packets, %llu commands, %llu batches, %llu worlds, %llu clocks, %.0f s of CPU: %s\n",
	       (unsigned long long)r.packets, (unsigned long long)r.commands, (unsigned long long)r.batches,
	       (unsigned long long)r.worlds, (unsigned long long)r.pair.other.ops->clocks(r.pair.other.engine),
	       (double)(clock() - began) / CLOCKS_PER_SEC, good ? "no difference" : "DIFFERENT");
	print_reasons(&r);
	sl_card_close(&r.pair.model);
	sl_card_close(&r.pair.other);
	free(r.frames);
	return good ? 0 : 1;
}
