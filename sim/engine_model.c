/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The card's datapath as the C model: hw/model's stages between bounded queues, and the datapath's registers. Clearing
 * after a reset or an epoch write takes no time here. Unknown and unaligned registers read 0 and ignore writes.
 *
 * Nothing is lost inside: a frame or command is taken up only when what it can produce has room (frames for the host
 * excepted, which are dropped with HOST_OVERFLOW as on the card).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hw/model/pipeline.h"
#include "hw/model/table.h"
#include "sim/engine.h"

#define QUEUE_FRAMES 256
#define QUEUE_COMMANDS 64
#define AGE_BATCH 256 /* flows that a sweep looks at in one step */

struct frame {
	uint32_t len; /* as received; at most SL_FRAME_MAX bytes are kept */
	uint8_t port;
	bool bad_fcs;
	struct sl_host_meta meta;
	uint8_t data[SL_FRAME_MAX];
};

struct frame_queue {
	struct frame *slot; /* QUEUE_FRAMES */
	uint32_t head;
	uint32_t count;
};

/* The sweep for aged flows. */
struct sweep {
	uint32_t period_ms, begun_ms;
	uint32_t next; /* flow id */
	bool running, again;
	bool waits; /* `aged` has not been taken */
	struct sl_aged aged;
	uint32_t told; /* since reset */
};

struct sl_engine {
	struct sl_engine_config config;
	struct sweep sweep;
	struct sl_pipeline_config registers;
	struct sl_class_table rules;
	struct sl_prefix_bucket *prefixes; /* SL_PREFIX_BUCKETS */
	uint32_t prefix_count;
	struct sl_action actions[SL_ACTIONS];
	struct sl_punt_meter meters[SL_METERS];
	struct sl_counter_pair reason_count[SL_REASONS];
	struct sl_counter_pair port_count[2 * SL_PORTS_MAX];
	struct sl_counter_pair rule_count[SL_CLASS_RULES];
	struct sl_table table;
	void *table_memory;
	uint32_t ctrl;
	uint32_t hash_key[SL_CSR_HASH_KEY_COUNT];
	uint32_t mac_lo[SL_MAC_FILTERS]; /* as written; the filter takes it with MAC_HI */
	uint32_t tbl_sel;
	uint32_t tbl_status;
	uint32_t tbl_data[SL_CSR_TBL_DATA_COUNT];
	uint32_t time_ms;
	uint64_t clocks;
	struct frame_queue wire_in[SL_PORTS_MAX];
	struct frame_queue wire_out;
	struct frame_queue host_out;
	struct sl_flow_cmd cmd[QUEUE_COMMANDS];
	struct sl_flow_done done[QUEUE_COMMANDS];
	uint32_t cmd_head, cmd_count, done_head, done_count;
	struct sl_pipeline_result result;
};

static bool queue_full(const struct frame_queue *q)
{
	return q->count == QUEUE_FRAMES;
}

static struct frame *queue_back(struct frame_queue *q)
{
	return &q->slot[(q->head + q->count) % QUEUE_FRAMES];
}

static struct frame *queue_front(struct frame_queue *q)
{
	return &q->slot[q->head];
}

static void queue_pop(struct frame_queue *q)
{
	q->head = (q->head + 1) % QUEUE_FRAMES;
	q->count--;
}

static void count(struct sl_counter_pair *pair, uint32_t len)
{
	pair->packets++;
	pair->bytes += len;
}

static uint32_t stored_len(uint32_t len)
{
	return len < SL_FRAME_MAX ? len : SL_FRAME_MAX;
}

/* The pipeline's lookups. */

static const struct sl_class_rule *class_find(void *ctx, const struct sl_headers *headers, uint32_t *index,
					      uint32_t *meter)
{
	struct sl_engine *e = ctx;
	struct sl_prefix_sets sets = { { 0 } };

	if (e->rules.asking)
		sl_prefix_find(e->prefixes, headers, &sets);
	*index = (uint32_t)sl_class_find(&e->rules, headers, &sets);
	if (*index == SL_CLASS_NONE)
		return NULL;
	*meter = sl_prefix_meter(e->prefixes, headers, &e->rules.rule[*index]);
	return &e->rules.rule[*index];
}

static const struct sl_record *flow_find(void *ctx, const struct sl_key *key, uint64_t hash, uint32_t *flow_id)
{
	struct sl_engine *e = ctx;

	*flow_id = sl_table_lookup(&e->table, key, hash);
	return *flow_id == SL_FLOW_ID_NONE ? NULL : &e->table.flow[*flow_id].record;
}

static const struct sl_action *action_get(void *ctx, uint32_t index)
{
	struct sl_engine *e = ctx;

	return index < SL_ACTIONS ? &e->actions[index] : NULL;
}

static bool meter_take(void *ctx, uint32_t meter)
{
	struct sl_engine *e = ctx;

	return sl_punt_take(&e->meters[meter % SL_METERS]);
}

static const struct sl_lookups lookups = { class_find, flow_find, action_get, meter_take };

/* Frames. */

static void reset(struct sl_engine *e)
{
	memset(&e->registers, 0, sizeof(e->registers));
	e->registers.ports = e->config.ports;
	memset(&e->rules, 0, sizeof(e->rules));
	memset(e->prefixes, 0, SL_PREFIX_BUCKETS * sizeof(*e->prefixes));
	e->prefix_count = 0;
	memset(e->actions, 0, sizeof(e->actions));
	memset(e->meters, 0, sizeof(e->meters));
	memset(e->reason_count, 0, sizeof(e->reason_count));
	memset(e->port_count, 0, sizeof(e->port_count));
	memset(e->rule_count, 0, sizeof(e->rule_count));
	memset(e->hash_key, 0, sizeof(e->hash_key));
	memset(e->mac_lo, 0, sizeof(e->mac_lo));
	memset(e->tbl_data, 0, sizeof(e->tbl_data));
	memset(&e->sweep, 0, sizeof(e->sweep));
	e->sweep.begun_ms = e->time_ms;
	e->ctrl = 0;
	e->tbl_sel = 0;
	e->tbl_status = 0;
	sl_table_init(&e->table, e->config.table_log2, e->table_memory);
	for (unsigned int port = 0; port < SL_PORTS_MAX; port++)
		e->wire_in[port].count = 0;
	e->wire_out.count = 0;
	e->host_out.count = 0;
	e->cmd_count = 0;
	e->done_count = 0;
}

/* Puts the frame as it came into the host's queue; false if there is no room. */
static bool deliver(struct sl_engine *e, const struct frame *f, uint32_t reason, bool mark_valid, uint32_t mark)
{
	const struct sl_pipeline_result *result = &e->result;
	struct frame *out;

	if (queue_full(&e->host_out))
		return false;
	out = queue_back(&e->host_out);
	out->len = f->len;
	memcpy(out->data, f->data, f->len);
	out->meta = (struct sl_host_meta){
		.mark = mark,
		.hash = result->hash,
		.flow_id = result->flow_id,
		.tenant = result->tenant,
		.port = f->port,
		.reason = (uint8_t)reason,
		.rule = result->rule,
		.mark_valid = mark_valid,
	};
	e->host_out.count++;
	return true;
}

/* Stage emit. */
static void emit(struct sl_engine *e, const struct frame *f)
{
	const struct sl_pipeline_result *result = &e->result;
	const struct sl_rewrite *rewrite = &result->rewrite;
	const uint32_t payload_len = (uint32_t)rewrite->payload_end - rewrite->payload_off;
	struct frame *out = queue_back(&e->wire_out);

	out->port = result->port_out;
	out->len = rewrite->head_len + payload_len;
	memcpy(out->data, rewrite->head, rewrite->head_len);
	memcpy(out->data + rewrite->head_len, f->data + rewrite->payload_off, payload_len);
	e->wire_out.count++;
	count(&e->port_count[2 * out->port + 1], out->len);
	sl_table_count(&e->table, result->flow_id, f->len, e->time_ms);
	if (result->copy == SL_REASON_COPY && deliver(e, f, SL_REASON_COPY, true, result->copy_mark))
		count(&e->reason_count[SL_REASON_COPY], f->len);
	else if (result->copy)
		count(&e->reason_count[SL_REASON_COPY_METERED], f->len);
}

/* One frame from ingress to its verdict. wire_out has room. */
static void process(struct sl_engine *e, const struct frame *f)
{
	struct sl_pipeline_result *result = &e->result;
	uint32_t reason = (uint32_t)sl_ingress_check(&e->registers, f->len, f->port, f->bad_fcs);

	count(&e->port_count[2 * f->port], f->len);
	if (reason == 0) {
		sl_pipeline_run(&lookups, e, &e->registers, sl_window_at(f->data), f->len, f->port, result);
		reason = result->reason;
		if (result->rule != SL_CLASS_NONE)
			count(&e->rule_count[result->rule], f->len);
		if (result->fate == SL_FATE_HOST && !deliver(e, f, reason, result->mark_valid, result->mark))
			reason = SL_REASON_HOST_OVERFLOW;
		if (result->fate == SL_FATE_FORWARD)
			emit(e, f);
	}
	count(&e->reason_count[reason], f->len);
}

static void tick(struct sl_engine *e, uint32_t time_ms)
{
	const uint32_t elapsed = time_ms - e->time_ms;

	if (elapsed == 0)
		return;
	e->time_ms = time_ms;
	for (unsigned int i = 0; i < SL_METERS; i++)
		sl_punt_tick(&e->meters[i], elapsed);
}

static void sweep_start(struct sl_engine *e, bool again)
{
	struct sweep *s = &e->sweep;

	s->running = s->period_ms != 0;
	s->again = again;
	s->begun_ms = e->time_ms;
	s->next = 0;
}

/* Some flows further. */
static void sweep_step(struct sl_engine *e)
{
	struct sweep *s = &e->sweep;

	if (!s->running && s->period_ms != 0 && e->time_ms - s->begun_ms >= s->period_ms)
		sweep_start(e, false);
	for (unsigned int i = 0; i < AGE_BATCH && s->running && !s->waits; i++) {
		const uint32_t id = s->next++;

		if (id >= e->table.high) {
			s->running = false;
		} else if (sl_table_age(&e->table, id, e->time_ms, s->again)) {
			s->aged = (struct sl_aged){ id, e->table.flow[id].counters.last_seen_ms };
			s->waits = true;
			s->told++;
		}
	}
}

static bool run_command(struct sl_engine *e)
{
	struct sl_flow_done *done = &e->done[(e->done_head + e->done_count) % QUEUE_COMMANDS];

	if (e->cmd_count == 0 || e->done_count == QUEUE_COMMANDS)
		return false;
	sl_table_command(&e->table, &e->cmd[e->cmd_head], e->time_ms, &done->cpl, &done->state);
	e->cmd_head = (e->cmd_head + 1) % QUEUE_COMMANDS;
	e->cmd_count--;
	e->done_count++;
	return true;
}

static bool run_frame(struct sl_engine *e, unsigned int port)
{
	struct frame_queue *q = &e->wire_in[port];

	if (q->count == 0 || queue_full(&e->wire_out))
		return false;
	process(e, queue_front(q));
	queue_pop(q);
	return true;
}

static uint32_t model_step(struct sl_engine *e, uint32_t time_ms, uint32_t budget)
{
	uint32_t spent = 0;
	bool worked = true;

	tick(e, time_ms);
	while (worked && spent < budget) {
		worked = run_command(e);
		spent += worked;
		for (unsigned int port = 0; port < e->config.ports && spent < budget; port++) {
			if (run_frame(e, port)) {
				worked = true;
				spent++;
			}
		}
	}
	sweep_step(e);
	e->clocks += spent;
	return spent;
}

static bool model_idle(const struct sl_engine *e)
{
	if ((e->cmd_count != 0 && e->done_count != QUEUE_COMMANDS) || (e->sweep.running && !e->sweep.waits))
		return false;
	for (unsigned int port = 0; port < e->config.ports; port++) {
		if (e->wire_in[port].count != 0 && !queue_full(&e->wire_out))
			return false;
	}
	return true;
}

static bool model_wire_in(struct sl_engine *e, unsigned int port, const uint8_t *data, uint32_t len, bool bad_fcs)
{
	struct frame *f;

	if (port >= e->config.ports || queue_full(&e->wire_in[port]))
		return false;
	f = queue_back(&e->wire_in[port]);
	f->len = len;
	f->port = (uint8_t)port;
	f->bad_fcs = bad_fcs;
	memcpy(f->data, data, stored_len(len));
	e->wire_in[port].count++;
	return true;
}

static bool model_host_tx(struct sl_engine *e, unsigned int port, const uint8_t *data, uint32_t len)
{
	struct frame *f;

	if (port >= e->config.ports || len > SL_FRAME_MAX)
		return true; /* cannot be sent, now or later */
	if (queue_full(&e->wire_out))
		return false;
	f = queue_back(&e->wire_out);
	f->len = len;
	f->port = (uint8_t)port;
	memcpy(f->data, data, len);
	e->wire_out.count++;
	count(&e->port_count[2 * port + 1], len);
	return true;
}

static uint32_t model_wire_out(struct sl_engine *e, unsigned int *port, uint8_t *buf)
{
	const struct frame *f = queue_front(&e->wire_out);

	if (e->wire_out.count == 0)
		return 0;
	*port = f->port;
	memcpy(buf, f->data, f->len);
	queue_pop(&e->wire_out);
	return f->len;
}

static uint32_t model_host_out(struct sl_engine *e, struct sl_host_meta *meta, uint8_t *buf)
{
	const struct frame *f = queue_front(&e->host_out);

	if (e->host_out.count == 0)
		return 0;
	*meta = f->meta;
	memcpy(buf, f->data, f->len);
	queue_pop(&e->host_out);
	return f->len;
}

static bool model_flow_submit(struct sl_engine *e, const struct sl_flow_cmd *cmd)
{
	if (e->cmd_count == QUEUE_COMMANDS)
		return false;
	e->cmd[(e->cmd_head + e->cmd_count) % QUEUE_COMMANDS] = *cmd;
	e->cmd_count++;
	return true;
}

static bool model_flow_done(struct sl_engine *e, struct sl_flow_done *done)
{
	if (e->done_count == 0)
		return false;
	*done = e->done[e->done_head];
	e->done_head = (e->done_head + 1) % QUEUE_COMMANDS;
	e->done_count--;
	return true;
}

static bool model_aged(struct sl_engine *e, struct sl_aged *aged)
{
	if (!e->sweep.waits)
		return false;
	*aged = e->sweep.aged;
	e->sweep.waits = false;
	return true;
}

/* Registers. */

/* An entry of a table that TBL_CMD may read or write. */
struct entry {
	void *data;
	uint32_t size;
	bool writable;
};

static struct entry table_entry(struct sl_engine *e, uint32_t table, uint32_t index)
{
	const struct entry none = { NULL, 0, false };

	switch (table) {
	case SL_CSR_TABLE_CLASS:
		return index < SL_CLASS_RULES ? (struct entry){ &e->rules.rule[index], 128, true } : none;
	case SL_CSR_TABLE_ACTION:
		return index < SL_ACTIONS ? (struct entry){ &e->actions[index], 128, true } : none;
	case SL_CSR_TABLE_METER:
		return index < SL_METERS ? (struct entry){ &e->meters[index], 16, true } : none;
	case SL_CSR_TABLE_REASON:
		return index < SL_REASONS ? (struct entry){ &e->reason_count[index], 16, false } : none;
	case SL_CSR_TABLE_PORT:
		return index < 2 * e->config.ports ? (struct entry){ &e->port_count[index], 16, false } : none;
	case SL_CSR_TABLE_RULE:
		return index < SL_CLASS_RULES ? (struct entry){ &e->rule_count[index], 16, false } : none;
	case SL_CSR_TABLE_PREFIX:
		return index < SL_PREFIX_BUCKETS ? (struct entry){ &e->prefixes[index], 128, true } : none;
	default:
		return none;
	}
}

static uint32_t bucket_count(const struct sl_prefix_bucket *bucket)
{
	return (bucket->slot0.family != 0) + (bucket->slot1.family != 0) + (bucket->slot2.family != 0) +
	       (bucket->slot3.family != 0);
}

static void write_bucket(struct sl_engine *e, struct sl_prefix_bucket *bucket)
{
	e->prefix_count -= bucket_count(bucket);
	memcpy(bucket, e->tbl_data, sizeof(*bucket));
	e->prefix_count += bucket_count(bucket);
}

static void write_rule(struct sl_engine *e, uint32_t index, const void *data)
{
	struct sl_class_rule *rule = &e->rules.rule[index];
	const uint64_t old_cookie = rule->cookie;

	memcpy(rule, data, sizeof(*rule));
	if (rule->cookie != old_cookie)
		e->rule_count[index] = (struct sl_counter_pair){ 0, 0 };
	e->rules.valid &= ~(1ull << index);
	if (rule->valid)
		e->rules.valid |= 1ull << index;
	e->rules.asking &= ~(1ull << index);
	if (rule->valid && sl_prefix_asked(rule))
		e->rules.asking |= 1ull << index;
}

/* TBL_SEL goes on to the first bucket that holds a prefix, no further than to the end of its PREFIX_FIND_BUCKETS. */
static bool find_bucket(struct sl_engine *e)
{
	const uint32_t index = e->tbl_sel & 0xffffff;

	if (e->tbl_sel >> 24 != SL_CSR_TABLE_PREFIX || index >= SL_PREFIX_BUCKETS)
		return false;
	while (bucket_count(&e->prefixes[e->tbl_sel & 0xffffff]) == 0) {
		if ((e->tbl_sel + 1) % SL_PREFIX_FIND_BUCKETS == 0)
			return false;
		e->tbl_sel++;
	}
	return true;
}

static void table_command(struct sl_engine *e, uint32_t command)
{
	const bool found = command != 3 || find_bucket(e);
	const uint32_t table = e->tbl_sel >> 24, index = e->tbl_sel & 0xffffff;
	const struct entry entry = table_entry(e, table, index);

	if (command < 1 || command > 3)
		return;
	if (!found) {
		e->tbl_status = 2;
		return;
	}
	if (!entry.data || (command == 2 && !entry.writable)) {
		e->tbl_status = 2;
		return;
	}
	e->tbl_status = 0;
	if (command != 2) {
		memset(e->tbl_data, 0, sizeof(e->tbl_data));
		if (table == SL_CSR_TABLE_METER)
			memcpy(e->tbl_data, entry.data, 8); /* rate and burst; tokens are not shown */
		else
			memcpy(e->tbl_data, entry.data, entry.size);
	} else if (table == SL_CSR_TABLE_CLASS) {
		write_rule(e, index, e->tbl_data);
	} else if (table == SL_CSR_TABLE_PREFIX) {
		write_bucket(e, entry.data);
	} else if (table == SL_CSR_TABLE_METER) {
		sl_punt_set(&e->meters[index], e->tbl_data[0], e->tbl_data[1]);
	} else {
		memcpy(entry.data, e->tbl_data, entry.size);
	}
}

static void write_hash_key(struct sl_engine *e, uint32_t word, uint32_t value)
{
	const uint32_t *key = e->hash_key;

	e->hash_key[word] = value;
	e->registers.seed.k0 = key[0] | (uint64_t)key[1] << 32;
	e->registers.seed.k1 = key[2] | (uint64_t)key[3] << 32;
	e->table.seed = e->registers.seed;
}

static void write_mac_filter(struct sl_engine *e, uint32_t index, uint32_t mac_hi)
{
	e->registers.filter.mac_lo[index] = e->mac_lo[index];
	e->registers.filter.mac_hi[index] = mac_hi & 0x80ffffff;
}

/* True if offset lies in a register array; *index is its element. */
static bool in_array(uint32_t offset, uint32_t first, uint32_t stride, uint32_t n, uint32_t *index)
{
	if (offset < first || offset >= first + stride * n || (offset - first) % stride != 0)
		return false;
	*index = (offset - first) / stride;
	return true;
}

static uint32_t read_array(const struct sl_engine *e, uint32_t offset)
{
	const struct sl_class_filter *filter = &e->registers.filter;
	uint32_t i;

	if (in_array(offset, SL_CSR_TBL_DATA(0), 4, SL_CSR_TBL_DATA_COUNT, &i))
		return e->tbl_data[i];
	if (in_array(offset, SL_CSR_PORT_FLAGS(0), 4, SL_CSR_PORT_FLAGS_COUNT, &i))
		return filter->port_flags[i];
	if (in_array(offset, SL_CSR_MAC_LO(0), 8, SL_CSR_MAC_LO_COUNT, &i))
		return e->mac_lo[i];
	if (in_array(offset, SL_CSR_MAC_HI(0), 8, SL_CSR_MAC_HI_COUNT, &i))
		return filter->mac_hi[i];
	return 0;
}

static uint32_t model_csr_read(struct sl_engine *e, uint32_t offset)
{
	switch (offset) {
	case SL_CSR_ID: return SL_DATAPATH_ID;
	case SL_CSR_ABI: return SL_ABI_VERSION;
	case SL_CSR_CONFIG: return e->config.table_log2 | e->config.ports << 8;
	case SL_CSR_STATUS: return 0;
	case SL_CSR_CTRL: return e->ctrl;
	case SL_CSR_EPOCH: return e->table.epoch;
	case SL_CSR_VXLAN_PORT: return e->registers.tunnels;
	case SL_CSR_MISS_MARK: return e->registers.miss_mark;
	case SL_CSR_MISS_FLAGS: return e->registers.miss_mark_valid;
	case SL_CSR_TIME_MS: return e->time_ms;
	case SL_CSR_OCCUPANCY: return sl_table_occupancy(&e->table);
	case SL_CSR_MOVES: return e->table.moves;
	case SL_CSR_REFUSED: return e->table.refused;
	case SL_CSR_AGE_PERIOD: return e->sweep.period_ms;
	case SL_CSR_AGED: return e->sweep.told;
	case SL_CSR_PREFIXES: return e->prefix_count;
	case SL_CSR_TBL_SEL: return e->tbl_sel;
	case SL_CSR_TBL_STATUS: return e->tbl_status;
	default: return read_array(e, offset);
	}
}

static void write_array(struct sl_engine *e, uint32_t offset, uint32_t value)
{
	struct sl_class_filter *filter = &e->registers.filter;
	uint32_t i;

	if (in_array(offset, SL_CSR_TBL_DATA(0), 4, SL_CSR_TBL_DATA_COUNT, &i))
		e->tbl_data[i] = value;
	else if (in_array(offset, SL_CSR_PORT_FLAGS(0), 4, SL_CSR_PORT_FLAGS_COUNT, &i) && i < e->config.ports)
		filter->port_flags[i] = value & 7;
	else if (in_array(offset, SL_CSR_MAC_LO(0), 8, SL_CSR_MAC_LO_COUNT, &i))
		e->mac_lo[i] = value;
	else if (in_array(offset, SL_CSR_MAC_HI(0), 8, SL_CSR_MAC_HI_COUNT, &i))
		write_mac_filter(e, i, value);
	else if (in_array(offset, SL_CSR_HASH_KEY(0), 4, SL_CSR_HASH_KEY_COUNT, &i))
		write_hash_key(e, i, value);
}

static void model_csr_write(struct sl_engine *e, uint32_t offset, uint32_t value)
{
	switch (offset) {
	case SL_CSR_CTRL:
		e->ctrl = value & 1;
		e->registers.enabled = value & 1;
		break;
	case SL_CSR_EPOCH:
		sl_table_clear(&e->table, value & 0xff);
		e->sweep.running = false;
		break;
	case SL_CSR_AGE_PERIOD:
		e->sweep.period_ms = value;
		sweep_start(e, true);
		break;
	case SL_CSR_VXLAN_PORT:
		e->registers.tunnels = value & 0xfffff;
		break;
	case SL_CSR_MISS_MARK:
		e->registers.miss_mark = value;
		break;
	case SL_CSR_MISS_FLAGS:
		e->registers.miss_mark_valid = value & 1;
		break;
	case SL_CSR_TBL_SEL:
		e->tbl_sel = value;
		break;
	case SL_CSR_TBL_CMD:
		table_command(e, value);
		break;
	default:
		write_array(e, offset, value);
		break;
	}
}

/* Life. */

static void model_destroy(struct sl_engine *e)
{
	if (!e)
		return;
	for (unsigned int port = 0; port < SL_PORTS_MAX; port++)
		free(e->wire_in[port].slot);
	free(e->wire_out.slot);
	free(e->host_out.slot);
	free(e->table_memory);
	free(e->prefixes);
	free(e);
}

static bool queue_create(struct frame_queue *q)
{
	q->slot = malloc(QUEUE_FRAMES * sizeof(*q->slot));
	return q->slot != NULL;
}

static struct sl_engine *model_create(const struct sl_engine_config *config, char *err, size_t err_len)
{
	struct sl_engine *e;
	bool ok;

	if (config->ports < 1 || config->ports > SL_PORTS_MAX) {
		snprintf(err, err_len, "ports %u is out of range 1-%u", config->ports, SL_PORTS_MAX);
		return NULL;
	}
	if (sl_table_size(config->table_log2) == 0) {
		snprintf(err, err_len, "table-log2 %u is out of range %u-%u", config->table_log2, SL_TABLE_LOG2_MIN,
			 SL_TABLE_LOG2_MAX);
		return NULL;
	}
	e = calloc(1, sizeof(*e));
	ok = e != NULL;
	if (ok) {
		e->config = *config;
		e->table_memory = aligned_alloc(64, (sl_table_size(config->table_log2) + 63) & ~(size_t)63);
		e->prefixes = calloc(SL_PREFIX_BUCKETS, sizeof(*e->prefixes));
		ok = e->table_memory && e->prefixes && queue_create(&e->wire_out) && queue_create(&e->host_out);
		for (unsigned int port = 0; ok && port < config->ports; port++)
			ok = queue_create(&e->wire_in[port]);
	}
	if (!ok) {
		snprintf(err, err_len, "no memory for a table of 2^%u flows: %s", config->table_log2, strerror(ENOMEM));
		model_destroy(e);
		return NULL;
	}
	reset(e);
	return e;
}

static uint64_t model_clocks(const struct sl_engine *e)
{
	return e->clocks;
}

const struct sl_engine_ops sl_engine_model = {
	.name = "model",
	.create = model_create,
	.destroy = model_destroy,
	.csr_read = model_csr_read,
	.csr_write = model_csr_write,
	.wire_in = model_wire_in,
	.host_tx = model_host_tx,
	.flow_submit = model_flow_submit,
	.step = model_step,
	.wire_out = model_wire_out,
	.host_out = model_host_out,
	.flow_done = model_flow_done,
	.aged = model_aged,
	.idle = model_idle,
	.clocks = model_clocks,
	.reset = reset,
};
