/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/fuzz/scene.h"

#include <string.h>

#include "tests/fuzz/input.h"

void scene_read(struct scene *s, const uint8_t *data, size_t size)
{
	struct input in = { data, size };

	memset(s, 0, sizeof(*s));
	s->base = (uint16_t)take(&in, 2);
	s->changes = take(&in, 1) % (SCENE_CHANGES + 1);
	s->frames = take(&in, 1) % (SCENE_FRAMES + 1);
	for (unsigned int i = 0; i < s->changes; i++) {
		struct scene_change *c = &s->change[i];

		c->what = (uint8_t)(take(&in, 1) % SCENE_WHATS);
		c->index = (uint8_t)take(&in, 1);
		c->at = (uint16_t)take(&in, 2);
		c->value = take(&in, 4);
	}
	for (unsigned int i = 0; i < s->frames; i++) {
		struct scene_frame *f = &s->frame[i];

		f->port = (uint8_t)(take(&in, 1) % SL_VECTOR_PORTS);
		f->len = 1 + take(&in, 2) % SCENE_FRAME_MAX;
		f->given = take(&in, 2) % (SCENE_FRAME_BYTES + 1);
		if (f->given > f->len)
			f->given = f->len;
		for (uint32_t b = 0; b < f->given; b++)
			f->data[b] = (uint8_t)take(&in, 1);
	}
}

static uint8_t *put(uint8_t *at, uint32_t value, unsigned int bytes)
{
	for (unsigned int i = 0; i < bytes; i++)
		*at++ = (uint8_t)(value >> 8 * i);
	return at;
}

size_t scene_write(const struct scene *s, uint8_t *data, size_t room)
{
	uint8_t *at = data;
	size_t need = 4 + 8 * s->changes;

	for (unsigned int i = 0; i < s->frames; i++)
		need += 5 + s->frame[i].given;
	if (need > room)
		return 0;
	at = put(at, s->base, 2);
	at = put(at, s->changes, 1);
	at = put(at, s->frames, 1);
	for (unsigned int i = 0; i < s->changes; i++) {
		at = put(at, s->change[i].what, 1);
		at = put(at, s->change[i].index, 1);
		at = put(at, s->change[i].at, 2);
		at = put(at, s->change[i].value, 4);
	}
	for (unsigned int i = 0; i < s->frames; i++) {
		const struct scene_frame *f = &s->frame[i];

		at = put(at, f->port, 1);
		at = put(at, f->len - 1, 2);
		at = put(at, f->given, 2);
		memcpy(at, f->data, f->given);
		at += f->given;
	}
	return need;
}

void scene_of(struct scene *s, const struct sl_corpus *corpus, size_t base, size_t first)
{
	const struct sl_vector *v = &corpus->vectors[base % corpus->count];

	memset(s, 0, sizeof(*s));
	s->base = (uint16_t)(base % corpus->count);
	for (size_t i = first; i < v->step_count && s->frames < SCENE_FRAMES; i++) {
		const struct sl_vector_step *step = &v->steps[i];
		struct scene_frame *f = &s->frame[s->frames];

		if (step->kind != SL_VECTOR_FRAME)
			continue;
		s->frames++;
		f->port = step->port;
		f->len = step->frame.len < SCENE_FRAME_MAX ? step->frame.len : SCENE_FRAME_MAX;
		f->given = f->len < SCENE_FRAME_BYTES ? f->len : SCENE_FRAME_BYTES;
		memcpy(f->data, step->frame.data, f->given);
		while (f->given && f->data[f->given - 1] == 0)
			f->given--;
	}
}

/* The vector's tables, with room for what changes add. */
static struct {
	struct sl_vector vector;
	struct sl_vector_mac macs[SL_MAC_FILTERS];
	struct sl_vector_rule rules[SCENE_ENTRIES];
	struct sl_vector_action actions[SCENE_ENTRIES];
	struct sl_vector_meter meters[SCENE_ENTRIES];
	struct sl_vector_bucket buckets[SCENE_ENTRIES];
	struct sl_vector_flow flows[SCENE_FLOWS];
	struct sl_vector_step steps[2 * SCENE_FRAMES];
	uint8_t frames[SCENE_FRAMES][SCENE_FRAME_MAX];
	uint8_t outputs[2 * SCENE_FRAMES][SL_VECTOR_OUTPUTS_MAX][SL_FRAME_MAX];
} scene;

static size_t copy(void *to, const void *from, size_t count, size_t room, size_t size)
{
	const size_t n = count < room ? count : room;

	memcpy(to, from, n * size);
	return n;
}

struct sl_vector *scene_vector(const struct scene *s, const struct sl_corpus *corpus)
{
	struct sl_vector *v = &scene.vector;

	*v = corpus->vectors[s->base % corpus->count];
	v->mac_count = copy(scene.macs, v->macs, v->mac_count, SL_MAC_FILTERS, sizeof(*v->macs));
	v->rule_count = copy(scene.rules, v->rules, v->rule_count, SCENE_ENTRIES, sizeof(*v->rules));
	v->action_count = copy(scene.actions, v->actions, v->action_count, SCENE_ENTRIES, sizeof(*v->actions));
	v->meter_count = copy(scene.meters, v->meters, v->meter_count, SCENE_ENTRIES, sizeof(*v->meters));
	v->bucket_count = copy(scene.buckets, v->buckets, v->bucket_count, SCENE_ENTRIES, sizeof(*v->buckets));
	v->flow_count = copy(scene.flows, v->flows, v->flow_count, SCENE_FLOWS - SCENE_CHANGES, sizeof(*v->flows));
	v->macs = scene.macs;
	v->rules = scene.rules;
	v->actions = scene.actions;
	v->meters = scene.meters;
	v->buckets = scene.buckets;
	v->flows = scene.flows;
	v->steps = scene.steps;
	v->mode = "";
	v->frames_only = true;
	v->step_count = 2 * s->frames;
	memset(scene.steps, 0, sizeof(scene.steps));
	for (unsigned int i = 0; i < v->step_count; i++) {
		const struct scene_frame *f = &s->frame[i % s->frames];
		struct sl_vector_step *step = &v->steps[i];

		step->kind = SL_VECTOR_FRAME;
		step->port = f->port;
		step->frame = (struct sl_vector_bytes){ scene.frames[i % s->frames], f->len };
		memset(step->frame.data, 0, f->len);
		memcpy(step->frame.data, f->data, f->given);
		for (unsigned int o = 0; o < SL_VECTOR_OUTPUTS_MAX; o++)
			step->output[o].frame.data = scene.outputs[i][o];
	}
	for (unsigned int i = 0; i < s->changes; i++)
		scene_change(v, &s->change[i], corpus);
	return v;
}
