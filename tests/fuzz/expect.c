/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/fuzz/expect.h"

#include <string.h>

#include "hw/model/pipeline.h"

/* A card with the vector's state. Its flow table is the vector's list. */
struct card {
	const struct sl_vector *v;
	struct sl_pipeline_config config;
	struct sl_class_table rules;
	struct sl_punt_meter meters[SL_METERS];
};

static struct sl_prefix_bucket prefixes[SL_PREFIX_BUCKETS];
static struct sl_pipeline_result result;

static const struct sl_class_rule *class_find(void *ctx, const struct sl_headers *headers, uint32_t *index, uint32_t *meter)
{
	struct card *card = ctx;
	struct sl_prefix_sets sets = { { 0 } };

	if (card->rules.asking)
		sl_prefix_find(prefixes, headers, &sets);
	*index = (uint32_t)sl_class_find(&card->rules, headers, &sets);
	if (*index == SL_CLASS_NONE)
		return NULL;
	*meter = sl_prefix_meter(prefixes, headers, &card->rules.rule[*index]);
	return &card->rules.rule[*index];
}

static const struct sl_record *flow_find(void *ctx, const struct sl_key *key, uint64_t hash, uint32_t *flow_id)
{
	const struct card *card = ctx;

	(void)hash;
	*flow_id = SL_FLOW_ID_NONE;
	for (size_t i = 0; i < card->v->flow_count; i++) {
		if (memcmp(&card->v->flows[i].key, key, sizeof(*key)) == 0) {
			*flow_id = (uint32_t)i;
			return &card->v->flows[i].record;
		}
	}
	return NULL;
}

static const struct sl_action *action_get(void *ctx, uint32_t index)
{
	static const struct sl_action none;
	const struct card *card = ctx;

	for (size_t i = 0; i < card->v->action_count; i++)
		if (card->v->actions[i].index == index)
			return &card->v->actions[i].action;
	return index < SL_ACTIONS ? &none : NULL;
}

static bool meter_take(void *ctx, uint32_t meter)
{
	struct card *card = ctx;

	return sl_punt_take(&card->meters[meter % SL_METERS]);
}

static const struct sl_lookups lookups = { class_find, flow_find, action_get, meter_take };

static void card_make(struct card *card, const struct sl_vector *v)
{
	struct sl_pipeline_config *c = &card->config;

	memset(card, 0, sizeof(*card));
	card->v = v;
	*c = (struct sl_pipeline_config){ .ports = SL_VECTOR_PORTS, .tunnels = v->vxlan_port, .miss_mark = v->miss_mark,
					  .miss_mark_valid = v->miss_mark_valid, .enabled = v->ctrl & 1 };
	memcpy(&c->seed, v->hash_key, sizeof(v->hash_key));
	for (unsigned int port = 0; port < SL_VECTOR_PORTS; port++)
		c->filter.port_flags[port] = (uint8_t)v->port_flags[port];
	for (size_t i = 0; i < v->mac_count; i++) {
		const struct sl_vector_mac *m = &v->macs[i];

		memcpy(&c->filter.mac_lo[m->index], m->mac, 4);
		c->filter.mac_hi[m->index] = m->mac[4] | (uint32_t)m->mac[5] << 8 | (uint32_t)m->port_mask << 16 |
					     (m->valid ? SL_MAC_HI_VALID : 0);
	}
	for (size_t i = 0; i < v->rule_count; i++) {
		card->rules.rule[v->rules[i].index] = v->rules[i].rule;
		card->rules.valid |= (uint64_t)(v->rules[i].rule.valid != 0) << v->rules[i].index;
		card->rules.asking |= (uint64_t)sl_prefix_asked(&v->rules[i].rule) << v->rules[i].index;
	}
	for (size_t i = 0; i < v->meter_count; i++)
		sl_punt_set(&card->meters[v->meters[i].index], v->meters[i].meter.rate, v->meters[i].meter.burst);
	for (size_t i = 0; i < v->bucket_count; i++)
		prefixes[v->buckets[i].index] = v->buckets[i].bucket;
}

static void card_forget(const struct sl_vector *v)
{
	for (size_t i = 0; i < v->bucket_count; i++)
		memset(&prefixes[v->buckets[i].index], 0, sizeof(prefixes[0]));
}

/* The frame in a buffer in which a window can be looked through, which is longer than a short frame. */
static const struct sl_window *window_of(const struct sl_vector_step *step)
{
	static struct sl_window window;
	const uint32_t n = step->frame.len < sizeof(window.b) ? step->frame.len : (uint32_t)sizeof(window.b);

	memset(&window, 0xee, sizeof(window)); /* behind the end nothing may be believed */
	memcpy(window.b, step->frame.data, n);
	return &window;
}

static void run(struct card *card, const struct sl_vector_step *step)
{
	const int reason = sl_ingress_check(&card->config, step->frame.len, step->port, step->bad_fcs);

	if (reason == 0) {
		sl_pipeline_run(&lookups, card, &card->config, window_of(step), step->frame.len, step->port, &result);
		return;
	}
	memset(&result, 0, sizeof(result));
	result.fate = SL_FATE_DROP;
	result.reason = (uint8_t)reason;
	result.rule = SL_CLASS_NONE;
	result.flow_id = SL_FLOW_ID_NONE;
}

static void to_host(struct sl_vector_step *step, uint8_t reason, bool mark_valid, uint32_t mark)
{
	struct sl_vector_output *o = &step->output[step->outputs++];
	uint8_t *const data = o->frame.data;

	*o = (struct sl_vector_output){ .to_host = true, .frame = { data, step->frame.len }, .port = step->port, .reason = reason,
					.rule = result.rule, .mark_valid = mark_valid, .mark = mark, .tenant = result.tenant,
					.hash = result.hash, .hit = result.flow_id != SL_FLOW_ID_NONE,
					.flow = result.flow_id == SL_FLOW_ID_NONE ? -1 : (int)result.flow_id };
	memcpy(data, step->frame.data, step->frame.len);
}

static void forward(struct sl_vector *v, struct sl_vector_step *step)
{
	const struct sl_rewrite *r = &result.rewrite;
	struct sl_vector_output *o = &step->output[step->outputs++];
	const uint32_t payload = (uint32_t)r->payload_end - r->payload_off;

	o->to_host = false;
	o->port = result.port_out;
	o->flow = -1;
	o->frame.len = r->head_len + payload;
	memcpy(o->frame.data, r->head, r->head_len);
	memcpy(o->frame.data + r->head_len, step->frame.data + r->payload_off, payload);
	v->flows[result.flow_id].packets++;
	v->flows[result.flow_id].bytes += step->frame.len;
	step->copy = result.copy;
	if (step->copy == SL_REASON_COPY)
		to_host(step, SL_REASON_COPY, true, result.copy_mark);
}

void expect(struct sl_vector *v)
{
	static struct card card;

	card_make(&card, v);
	for (size_t i = 0; i < v->flow_count; i++) {
		v->flows[i].present = true;
		v->flows[i].packets = v->flows[i].bytes = 0;
		v->flows[i].last_seen_ms = 0;
	}
	for (size_t i = 0; i < v->step_count; i++) {
		struct sl_vector_step *step = &v->steps[i];

		run(&card, step);
		step->reason = result.reason;
		step->rule = result.rule;
		step->outputs = 0;
		if (result.fate == SL_FATE_FORWARD)
			forward(v, step);
		else if (result.fate == SL_FATE_HOST)
			to_host(step, result.reason, result.mark_valid, result.mark);
	}
	card_forget(v);
}

bool expect_key(const struct sl_vector *v, const struct sl_vector_step *step, struct sl_key *key)
{
	static struct card card;

	card_make(&card, v);
	run(&card, step);
	card_forget(v);
	*key = result.key;
	return step->frame.len >= SL_FRAME_MIN && result.rule != SL_CLASS_NONE && result.has_key;
}
