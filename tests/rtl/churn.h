/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Replaces flows of a table at a constant load, on the RTL and on the model with the same commands, and compares every
 * completion, while minimum-size frames of installed flows arrive on both ports as fast as the pipeline takes them.
 * What the table did meanwhile is counted here; the caller judges.
 */
#ifndef SLUICE_TESTS_RTL_CHURN_H
#define SLUICE_TESTS_RTL_CHURN_H

#include "tests/rtl/rtl_card.h"

enum churn_hits {
	CHURN_NO_HITS,
	CHURN_HIT_STABLE, /* flows that are never replaced, at random: each frame must leave */
	CHURN_HIT_TURN,	  /* the same in the order in which they were inserted */
	CHURN_HIT_ONE,	  /* the first alone */
	CHURN_HIT_ALL,	  /* any flow, also while it is removed: then counters are compared as a sum */
};

#define CHURN_STABLE 64 /* unless the caller changes it */
#define CHURN_FRAME 64
#define CHURN_EXPECTED 1024

struct churn_key {
	uint32_t n;
	bool present;
};

struct churn {
	const struct sl_engine_ops *ops;
	struct sl_engine *e;
	struct sl_engine *model;
	enum churn_hits hits;
	bool sums; /* the model, which sees no frames, has other counters from here on */
	unsigned int v6; /* percent of the keys that are IPv6 */
	bool sequential; /* keys count up and the oldest is replaced; else both at random */
	struct churn_key *key;
	uint32_t count, stable; /* keys, and how many of the first are never replaced */
	uint32_t oldest, next, turn;
	uint64_t random;
	struct sl_flow_cpl expected[CHURN_EXPECTED]; /* ring: completions of the model that the RTL has still to give */
	uint32_t submitted, completed;
	uint64_t counted;  /* frames in the final counters of removed flows */
	uint64_t refused;  /* inserts */
	uint64_t sent, left, to_host; /* frames into the card, out to the wire, to the host */
	char why[200];	   /* the first difference, or empty */
};

/* `keys` flows are inserted without frames. Both engines are set up here; false: they differ. */
bool churn_open(struct churn *c, const struct sl_engine_ops *ops, const struct sl_engine_config *config, uint32_t keys,
		unsigned int v6, bool sequential, uint64_t seed);
void churn_close(struct churn *c);

/* So many removals each followed by an insertion, or removals alone; the clocks they took, all completed. */
uint64_t churn_replace(struct churn *c, uint32_t count);
uint64_t churn_remove(struct churn *c, uint32_t count);

/* Frames alone, for about so many clocks; the clocks. */
uint64_t churn_run(struct churn *c, uint32_t clocks);

/* Waits until nothing is under way. */
void churn_settle(struct churn *c);

/* Frames in the counters of the flows that are there, by queries. No frames are sent from here on. */
uint64_t churn_remaining(struct churn *c);

#endif
