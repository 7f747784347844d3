/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Decodes the vector corpus. A corpus that does not have the documented form is refused with the vector's name; nothing
 * is guessed.
 */
#include "tests/vectors/load.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One load: where to go and what to say when the file is wrong. */
struct reader {
	const char *vector;
	char *err;
	size_t err_len;
	jmp_buf wrong;
};

static _Noreturn void wrong(struct reader *r, const char *format, ...)
{
	char what[160];
	va_list ap;

	va_start(ap, format);
	vsnprintf(what, sizeof(what), format, ap);
	va_end(ap);
	snprintf(r->err, r->err_len, "vector %s: %s", r->vector, what);
	longjmp(r->wrong, 1);
}

static json_t *get(struct reader *r, const json_t *object, const char *name)
{
	json_t *value = json_object_get(object, name);

	if (value == NULL)
		wrong(r, "%s is missing", name);
	return value;
}

static uint64_t number(struct reader *r, const json_t *object, const char *name)
{
	const json_t *value = get(r, object, name);

	if (json_is_boolean(value))
		return json_is_true(value);
	if (!json_is_integer(value))
		wrong(r, "%s is no number", name);
	return (uint64_t)json_integer_value(value);
}

static const char *text(struct reader *r, const json_t *object, const char *name)
{
	const char *s = json_string_value(get(r, object, name));

	if (s == NULL)
		wrong(r, "%s is no text", name);
	return s;
}

static const json_t *list(struct reader *r, const json_t *object, const char *name, size_t *count)
{
	const json_t *value = get(r, object, name);

	if (!json_is_array(value))
		wrong(r, "%s is no list", name);
	*count = json_array_size(value);
	return value;
}

static void *room(struct reader *r, size_t count, size_t size)
{
	void *p = calloc(count ? count : 1, size);

	if (p == NULL)
		wrong(r, "out of memory");
	return p;
}

static unsigned int nibble(struct reader *r, char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned int)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned int)(c - 'a') + 10;
	wrong(r, "'%c' is no hexadecimal digit", c);
}

static void hex_into(struct reader *r, const char *hex, void *out, size_t size)
{
	uint8_t *p = out;

	if (strlen(hex) != 2 * size)
		wrong(r, "%zu hexadecimal digits instead of %zu", strlen(hex), 2 * size);
	for (size_t i = 0; i < size; i++)
		p[i] = (uint8_t)(nibble(r, hex[2 * i]) << 4 | nibble(r, hex[2 * i + 1]));
}

static struct sl_vector_bytes bytes(struct reader *r, const json_t *object, const char *name)
{
	const char *hex = text(r, object, name);
	struct sl_vector_bytes b = {.len = (uint32_t)(strlen(hex) / 2)};

	b.data = room(r, b.len, 1);
	hex_into(r, hex, b.data, b.len);
	return b;
}

/* As sl_<enum>_name() writes it, below `limit`. */
static int by_name(const char *(*name_of)(unsigned int), unsigned int limit, const char *name)
{
	for (unsigned int i = 0; i < limit; i++)
		if (name_of(i) != NULL && strcmp(name_of(i), name) == 0)
			return (int)i;
	return -1;
}

int sl_vector_reason(const char *name)
{
	return by_name(sl_reason_name, SL_REASONS, name);
}

static uint8_t named(struct reader *r, const json_t *object, const char *field, const char *(*name_of)(unsigned int))
{
	const char *name = text(r, object, field);
	int value = by_name(name_of, 256, name);

	if (value < 0)
		wrong(r, "%s \"%s\" is unknown", field, name);
	return (uint8_t)value;
}

static void read_macs(struct reader *r, struct sl_vector *v, const json_t *state)
{
	const json_t *all = list(r, state, "macs", &v->mac_count);

	v->macs = room(r, v->mac_count, sizeof(*v->macs));
	for (size_t i = 0; i < v->mac_count; i++) {
		const json_t *o = json_array_get(all, i);
		const char *mac = text(r, o, "mac");

		v->macs[i].index = (uint32_t)number(r, o, "index");
		v->macs[i].port_mask = (uint8_t)number(r, o, "port_mask");
		v->macs[i].valid = (uint8_t)number(r, o, "valid");
		if (strlen(mac) != 17)
			wrong(r, "mac %s should be xx:xx:xx:xx:xx:xx", mac);
		for (int b = 0; b < 6; b++)
			v->macs[i].mac[b] = (uint8_t)(nibble(r, mac[3 * b]) << 4 | nibble(r, mac[3 * b + 1]));
	}
}

static void read_tables(struct reader *r, struct sl_vector *v, const json_t *state)
{
	const json_t *rules = list(r, state, "rules", &v->rule_count);
	const json_t *actions = list(r, state, "actions", &v->action_count);
	const json_t *meters = list(r, state, "meters", &v->meter_count);
	const json_t *buckets = list(r, state, "prefixes", &v->bucket_count);

	v->rules = room(r, v->rule_count, sizeof(*v->rules));
	v->actions = room(r, v->action_count, sizeof(*v->actions));
	v->meters = room(r, v->meter_count, sizeof(*v->meters));
	for (size_t i = 0; i < v->rule_count; i++) {
		v->rules[i].index = (uint32_t)number(r, json_array_get(rules, i), "index");
		hex_into(r, text(r, json_array_get(rules, i), "hex"), &v->rules[i].rule, sizeof(struct sl_class_rule));
	}
	for (size_t i = 0; i < v->action_count; i++) {
		v->actions[i].index = (uint32_t)number(r, json_array_get(actions, i), "index");
		hex_into(r, text(r, json_array_get(actions, i), "hex"), &v->actions[i].action, sizeof(struct sl_action));
	}
	for (size_t i = 0; i < v->meter_count; i++) {
		v->meters[i].index = (uint32_t)number(r, json_array_get(meters, i), "index");
		hex_into(r, text(r, json_array_get(meters, i), "hex"), &v->meters[i].meter, sizeof(struct sl_meter));
	}
	v->buckets = room(r, v->bucket_count, sizeof(*v->buckets));
	for (size_t i = 0; i < v->bucket_count; i++) {
		v->buckets[i].index = (uint32_t)number(r, json_array_get(buckets, i), "index");
		hex_into(r, text(r, json_array_get(buckets, i), "hex"), &v->buckets[i].bucket, sizeof(struct sl_prefix_bucket));
	}
}

static void read_flows(struct reader *r, struct sl_vector *v, const json_t *object, const json_t *state)
{
	const json_t *flows = list(r, state, "flows", &v->flow_count);
	size_t ends;
	const json_t *end = list(r, object, "counters", &ends);

	if (ends != v->flow_count)
		wrong(r, "%zu counters for %zu flows", ends, v->flow_count);
	v->flows = room(r, v->flow_count, sizeof(*v->flows));
	for (size_t i = 0; i < v->flow_count; i++) {
		struct sl_vector_flow *f = &v->flows[i];
		const json_t *o = json_array_get(flows, i), *e = json_array_get(end, i);

		hex_into(r, text(r, o, "key"), &f->key, sizeof(f->key));
		hex_into(r, text(r, o, "record"), &f->record, sizeof(f->record));
		f->fields = get(r, o, "fields");
		f->present = number(r, e, "present");
		f->packets = number(r, e, "packets");
		f->bytes = number(r, e, "bytes");
		f->last_seen_ms = (uint32_t)number(r, e, "last_seen_ms");
	}
}

static void read_state(struct reader *r, struct sl_vector *v, const json_t *object)
{
	const json_t *state = get(r, object, "state");
	size_t ports;
	const json_t *flags = list(r, state, "ports", &ports);

	if (ports != SL_VECTOR_PORTS)
		wrong(r, "%zu ports instead of %d", ports, SL_VECTOR_PORTS);
	for (size_t i = 0; i < ports; i++)
		v->port_flags[i] = (uint32_t)json_integer_value(json_array_get(flags, i));
	v->ctrl = (uint32_t)number(r, state, "ctrl");
	hex_into(r, text(r, state, "hash_key"), v->hash_key, sizeof(v->hash_key));
	v->vxlan_port = (uint32_t)number(r, state, "vxlan_port");
	v->miss_mark = (uint32_t)number(r, state, "miss_mark");
	v->miss_mark_valid = number(r, state, "miss_mark_valid");
	read_macs(r, v, state);
	read_tables(r, v, state);
	read_flows(r, v, object, state);
}

static void read_output(struct reader *r, const json_t *o, struct sl_vector_output *out)
{
	out->to_host = strcmp(text(r, o, "to"), "host") == 0;
	out->frame = bytes(r, o, "hex");
	out->port = (uint8_t)number(r, o, "port");
	out->flow = -1;
	if (!out->to_host)
		return;
	out->reason = named(r, o, "reason", sl_reason_name);
	out->rule = (uint8_t)number(r, o, "rule");
	out->mark = (uint32_t)number(r, o, "mark");
	out->mark_valid = number(r, o, "mark_valid");
	out->tenant = (uint16_t)number(r, o, "tenant");
	out->hash = (uint32_t)number(r, o, "hash");
	out->hit = number(r, o, "hit");
	out->flow = (int)(int64_t)number(r, o, "flow");
}

static void read_frame(struct reader *r, const json_t *o, struct sl_vector_step *step)
{
	const json_t *outputs = list(r, o, "outputs", &step->outputs);

	step->frame = bytes(r, o, "hex");
	step->port = (uint8_t)number(r, o, "port");
	step->bad_fcs = number(r, o, "bad_fcs");
	step->reason = named(r, o, "reason", sl_reason_name);
	step->rule = (uint8_t)number(r, o, "rule");
	if (json_object_get(o, "copy") != NULL)
		step->copy = named(r, o, "copy", sl_reason_name);
	if (step->outputs > SL_VECTOR_OUTPUTS_MAX)
		wrong(r, "%zu outputs", step->outputs);
	for (size_t i = 0; i < step->outputs; i++)
		read_output(r, json_array_get(outputs, i), &step->output[i]);
}

static void read_command(struct reader *r, const json_t *o, struct sl_vector_step *step)
{
	uint8_t state[sizeof(struct sl_key) + sizeof(struct sl_record)];

	hex_into(r, text(r, o, "hex"), &step->cmd, sizeof(step->cmd));
	step->cpl.status = named(r, o, "status", sl_status_name);
	step->cpl.flow_id = (uint32_t)number(r, o, "flow_id");
	step->cpl.tag = step->cmd.tag;
	step->cpl.opcode = step->cmd.opcode;
	if (json_object_get(o, "packets") != NULL) {
		step->has_counters = true;
		step->cpl.packets = number(r, o, "packets");
		step->cpl.bytes = number(r, o, "bytes");
		step->cpl.idle_ms = (uint32_t)number(r, o, "idle_ms");
	}
	if (json_object_get(o, "state") != NULL) {
		step->has_state = true;
		hex_into(r, text(r, o, "state"), state, sizeof(state));
		memcpy(&step->state_key, state, sizeof(step->state_key));
		memcpy(&step->state_record, state + sizeof(struct sl_key), sizeof(step->state_record));
	}
}

static void read_step(struct reader *r, const json_t *o, struct sl_vector *v, struct sl_vector_step *step)
{
	const char *kind = text(r, o, "kind");

	step->time_ms = (uint32_t)number(r, o, "time_ms");
	if (strcmp(kind, "frame") == 0) {
		step->kind = SL_VECTOR_FRAME;
		read_frame(r, o, step);
		return;
	}
	v->frames_only = false;
	if (strcmp(kind, "command") == 0) {
		step->kind = SL_VECTOR_COMMAND;
		read_command(r, o, step);
	} else if (strcmp(kind, "write") == 0) {
		step->kind = SL_VECTOR_WRITE;
		step->table = named(r, o, "table", sl_csr_table_name);
		step->index = (uint32_t)number(r, o, "index");
		step->frame = bytes(r, o, "hex");
	} else if (strcmp(kind, "csr") == 0) {
		step->kind = SL_VECTOR_CSR;
		step->offset = (uint32_t)number(r, o, "offset");
		step->value = (uint32_t)number(r, o, "value");
	} else {
		wrong(r, "step kind \"%s\" is unknown", kind);
	}
}

static void read_vector(struct reader *r, json_t *object, struct sl_vector *v)
{
	const json_t *steps;

	r->vector = "(unnamed)";
	v->json = object;
	v->name = text(r, object, "name");
	r->vector = v->name;
	v->about = text(r, object, "about");
	v->mode = text(r, object, "mode");
	v->frames_only = true;
	read_state(r, v, object);
	steps = list(r, object, "steps", &v->step_count);
	v->steps = room(r, v->step_count, sizeof(*v->steps));
	for (size_t i = 0; i < v->step_count; i++)
		read_step(r, json_array_get(steps, i), v, &v->steps[i]);
}

static int decode(struct reader *r, struct sl_corpus *corpus)
{
	const json_t *vectors;

	if (setjmp(r->wrong))
		return -1;
	if (number(r, corpus->json, "format") != 1)
		wrong(r, "format is not 1");
	vectors = list(r, corpus->json, "vectors", &corpus->count);
	corpus->vectors = room(r, corpus->count, sizeof(*corpus->vectors));
	for (size_t i = 0; i < corpus->count; i++)
		read_vector(r, json_array_get(vectors, i), &corpus->vectors[i]);
	return 0;
}

struct sl_corpus *sl_corpus_load(const char *path, char *err, size_t err_len)
{
	struct reader r = {.vector = "(none)", .err = err, .err_len = err_len};
	struct sl_corpus *corpus = calloc(1, sizeof(*corpus));
	json_error_t error;

	if (corpus == NULL) {
		snprintf(err, err_len, "out of memory");
		return NULL;
	}
	corpus->json = json_load_file(path, 0, &error);
	if (corpus->json == NULL) {
		snprintf(err, err_len, "%s:%d: %s", path, error.line, error.text);
		free(corpus);
		return NULL;
	}
	if (decode(&r, corpus) != 0) {
		sl_corpus_free(corpus);
		return NULL;
	}
	return corpus;
}

void sl_corpus_free(struct sl_corpus *corpus)
{
	if (corpus == NULL)
		return;
	for (size_t i = 0; corpus->vectors != NULL && i < corpus->count; i++) {
		struct sl_vector *v = &corpus->vectors[i];

		for (size_t s = 0; v->steps != NULL && s < v->step_count; s++) {
			for (size_t o = 0; o < SL_VECTOR_OUTPUTS_MAX; o++)
				free(v->steps[s].output[o].frame.data);
			free(v->steps[s].frame.data);
		}
		free(v->steps);
		free(v->macs);
		free(v->rules);
		free(v->actions);
		free(v->meters);
		free(v->buckets);
		free(v->flows);
	}
	free(corpus->vectors);
	json_decref(corpus->json);
	free(corpus);
}
