/* SPDX-License-Identifier: BSD-3-Clause */
/* See churn.h. */
#include "tests/rtl/churn.h"

#define STEP 100	   /* clocks between two looks at the engine */
#define BACKLOG 600	   /* frames that wait in front of the pipeline */
#define KEYS (1u << 24)	   /* that rtl_key() tells apart */
#define V6 (1u << 24)	   /* marks the number of an IPv6 key */
#define IN_FLIGHT_MAX 400  /* commands */
#define SETTLE_CLOCKS 2000000

static uint32_t below(struct churn *c, uint32_t n)
{
	c->random = c->random * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((c->random >> 32) * n >> 32);
}

/* A key that was not used before. */
static uint32_t new_key(struct churn *c)
{
	const uint32_t i = c->next++;

	return (c->sequential ? i : i * 0x9e3779b1u) % KEYS + (i * 37 % 100 < c->v6 ? V6 : 0);
}

static struct sl_key key_of(uint32_t n)
{
	return n < V6 ? rtl_key(n) : rtl_key_v6(n);
}

static void take_completions(struct churn *c)
{
	struct sl_flow_done done;

	while (c->ops->flow_done(c->e, &done)) {
		const struct sl_flow_cpl *a = &c->expected[c->completed % CHURN_EXPECTED], *b = &done.cpl;
		const bool counters = c->sums || (a->packets == b->packets && a->bytes == b->bytes);

		if (c->completed == c->submitted || a->status != b->status || a->flow_id != b->flow_id || a->tag != b->tag ||
		    a->opcode != b->opcode || !counters) {
			if (c->why[0] == '\0')
				snprintf(c->why, sizeof(c->why), "completion %u: model op %u status %u flow %u frames %llu, "
					 "RTL op %u status %u flow %u frames %llu", c->completed, a->opcode, a->status, a->flow_id,
					 (unsigned long long)a->packets, b->opcode, b->status, b->flow_id,
					 (unsigned long long)b->packets);
		}
		if (b->status == SL_STATUS_OK && (b->opcode == SL_FLOW_OP_DELETE || b->opcode == SL_FLOW_OP_QUERY))
			c->counted += b->packets;
		c->completed++;
	}
}

/* Whose frame is next. */
static const struct churn_key *hit(struct churn *c)
{
	switch (c->hits) {
	case CHURN_HIT_STABLE:
		return &c->key[below(c, c->stable)];
	case CHURN_HIT_TURN:
		return &c->key[c->turn++ % c->stable];
	case CHURN_HIT_ONE:
		return &c->key[0];
	default:
		return &c->key[below(c, c->count)];
	}
}

static void feed(struct churn *c, unsigned int frames)
{
	uint8_t frame[2 * CHURN_FRAME]; /* room for the headers of any kind of frame */

	for (unsigned int i = 0; i < frames; i++) {
		const struct sl_key key = key_of(hit(c)->n);

		rtl_frame(frame, CHURN_FRAME, &key);
		if (c->ops->wire_in(c->e, i & 1, frame, CHURN_FRAME, false))
			c->sent++;
	}
}

static void step(struct churn *c)
{
	static uint8_t out[SL_FRAME_MAX];
	struct sl_host_meta meta;
	unsigned int port;

	c->sums |= c->hits == CHURN_HIT_ALL;
	if (c->hits != CHURN_NO_HITS)
		feed(c, c->sent == 0 ? BACKLOG : STEP);
	c->ops->step(c->e, 1, STEP);
	while (c->ops->wire_out(c->e, &port, out) != 0)
		c->left++;
	while (c->ops->host_out(c->e, &meta, out) != 0)
		c->to_host++;
	take_completions(c);
}

/* To both engines; the model's completion. */
static struct sl_flow_cpl command(struct churn *c, unsigned int op, uint32_t n)
{
	const struct sl_key key = key_of(n);
	const struct sl_flow_cmd cmd = { .opcode = (uint8_t)op, .tag = (uint16_t)c->submitted, .key = key,
					 .record = rtl_record(&key, RTL_L2) };
	struct sl_flow_done done = { 0 };

	sl_engine_model.flow_submit(c->model, &cmd);
	while (!sl_engine_model.flow_done(c->model, &done))
		sl_engine_model.step(c->model, 1, 1);
	while (c->submitted - c->completed >= IN_FLIGHT_MAX || !c->ops->flow_submit(c->e, &cmd))
		step(c);
	c->expected[c->submitted++ % CHURN_EXPECTED] = done.cpl;
	return done.cpl;
}

static void finish_commands(struct churn *c)
{
	for (uint32_t i = 0; i < SETTLE_CLOCKS / STEP && c->completed != c->submitted; i++)
		step(c);
	if (c->completed != c->submitted && c->why[0] == '\0')
		snprintf(c->why, sizeof(c->why), "%u commands were not completed", c->submitted - c->completed);
}

static void insert(struct churn *c, struct churn_key *k)
{
	k->n = new_key(c);
	k->present = command(c, SL_FLOW_OP_INSERT, k->n).status == SL_STATUS_OK;
	c->refused += !k->present;
}

static void take_out(struct churn *c, struct churn_key *k)
{
	if (k->present)
		command(c, SL_FLOW_OP_DELETE, k->n);
	k->present = false;
}

static struct churn_key *victim(struct churn *c)
{
	const uint32_t room = c->count - c->stable;

	return &c->key[c->stable + (c->sequential ? c->oldest++ % room : below(c, room))];
}

bool churn_open(struct churn *c, const struct sl_engine_ops *ops, const struct sl_engine_config *config, uint32_t keys,
		unsigned int v6, bool sequential, uint64_t seed)
{
	struct sl_engine_config model = *config;

	memset(c, 0, sizeof(*c));
	c->ops = ops;
	c->e = rtl_start(ops, config);
	model.table_log2 = ops->csr_read(c->e, SL_CSR_CONFIG) & 0xff;
	c->model = rtl_start(&sl_engine_model, &model);
	c->random = seed;
	c->next = (uint32_t)seed;
	c->v6 = v6;
	c->sequential = sequential;
	c->count = keys;
	c->stable = CHURN_STABLE;
	c->key = calloc(keys, sizeof(*c->key));
	for (uint32_t i = 0; c->key != NULL && i < keys; i++)
		insert(c, &c->key[i]);
	finish_commands(c);
	return c->key != NULL && c->why[0] == '\0';
}

void churn_close(struct churn *c)
{
	c->ops->destroy(c->e);
	sl_engine_model.destroy(c->model);
	free(c->key);
}

uint64_t churn_replace(struct churn *c, uint32_t count)
{
	const uint64_t start = c->ops->clocks(c->e);

	for (uint32_t i = 0; i < count; i++) {
		struct churn_key *k = victim(c);

		take_out(c, k);
		insert(c, k);
	}
	finish_commands(c);
	return c->ops->clocks(c->e) - start;
}

uint64_t churn_remove(struct churn *c, uint32_t count)
{
	const uint64_t start = c->ops->clocks(c->e);

	for (uint32_t i = 0; i < count; i++)
		take_out(c, &c->key[c->stable + i]);
	finish_commands(c);
	return c->ops->clocks(c->e) - start;
}

uint64_t churn_run(struct churn *c, uint32_t clocks)
{
	const uint64_t start = c->ops->clocks(c->e);

	while (c->ops->clocks(c->e) - start < clocks)
		step(c);
	return c->ops->clocks(c->e) - start;
}

void churn_settle(struct churn *c)
{
	const enum churn_hits hits = c->hits;

	c->hits = CHURN_NO_HITS;
	for (uint32_t i = 0; i < SETTLE_CLOCKS / STEP && !c->ops->idle(c->e); i++)
		step(c);
	step(c);
	c->hits = hits;
}

uint64_t churn_remaining(struct churn *c)
{
	const uint64_t before = c->counted;

	c->hits = CHURN_NO_HITS;
	c->sums = true;
	for (uint32_t i = 0; i < c->count; i++)
		if (c->key[i].present)
			command(c, SL_FLOW_OP_QUERY, c->key[i].n);
	finish_commands(c);
	return c->counted - before;
}
