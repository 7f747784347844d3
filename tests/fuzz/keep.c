/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/fuzz/keep.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/vectors/json.h"

static json_t *macs_json(const struct sl_vector *v)
{
	json_t *list = json_array();

	for (size_t i = 0; i < v->mac_count; i++) {
		const struct sl_vector_mac *m = &v->macs[i];
		char text[18];

		snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", m->mac[0], m->mac[1], m->mac[2], m->mac[3], m->mac[4],
			 m->mac[5]);
		json_array_append_new(list, json_pack("{s:i,s:s,s:i,s:i}", "index", (int)m->index, "mac", text, "port_mask",
						      m->port_mask, "valid", m->valid));
	}
	return list;
}

static json_t *state_json(const struct sl_vector *v)
{
	json_t *rules = json_array(), *actions = json_array(), *meters = json_array(), *prefixes = json_array(), *flows = json_array();

	for (size_t i = 0; i < v->rule_count; i++)
		sl_entry_json(rules, v->rules[i].index, &v->rules[i].rule, sizeof(v->rules[i].rule));
	for (size_t i = 0; i < v->action_count; i++)
		sl_entry_json(actions, v->actions[i].index, &v->actions[i].action, sizeof(v->actions[i].action));
	for (size_t i = 0; i < v->meter_count; i++)
		sl_entry_json(meters, v->meters[i].index, &v->meters[i].meter, sizeof(v->meters[i].meter));
	for (size_t i = 0; i < v->bucket_count; i++)
		sl_entry_json(prefixes, v->buckets[i].index, &v->buckets[i].bucket, sizeof(v->buckets[i].bucket));
	for (size_t i = 0; i < v->flow_count; i++)
		json_array_append_new(flows, json_pack("{s:o,s:o,s:{}}", "key", sl_hex_json(&v->flows[i].key, sizeof(v->flows[i].key)), "record",
						       sl_hex_json(&v->flows[i].record, sizeof(v->flows[i].record)), "fields"));
	return json_pack("{s:i,s:o,s:i,s:I,s:b,s:[ii],s:o,s:o,s:o,s:o,s:o,s:o}", "ctrl", (int)v->ctrl, "hash_key",
			 sl_hex_json(v->hash_key, sizeof(v->hash_key)), "vxlan_port", (int)v->vxlan_port, "miss_mark",
			 (json_int_t)v->miss_mark, "miss_mark_valid", (int)v->miss_mark_valid, "ports", (int)v->port_flags[0],
			 (int)v->port_flags[1], "macs", macs_json(v), "rules", rules, "actions", actions, "meters", meters, "prefixes",
			 prefixes, "flows", flows);
}

static json_t *output_json(const struct sl_vector_output *o)
{
	if (!o->to_host)
		return json_pack("{s:s,s:i,s:o}", "to", "wire", "port", o->port, "hex", sl_hex_json(o->frame.data, o->frame.len));
	return json_pack("{s:s,s:i,s:o,s:s,s:I,s:b,s:i,s:i,s:I,s:b,s:i}", "to", "host", "port", o->port, "hex",
			 sl_hex_json(o->frame.data, o->frame.len), "reason", sl_reason_name(o->reason), "mark", (json_int_t)o->mark,
			 "mark_valid", (int)o->mark_valid, "rule", o->rule, "tenant", o->tenant, "hash", (json_int_t)o->hash, "hit",
			 (int)o->hit, "flow", o->flow);
}

static json_t *step_json(const struct sl_vector_step *step)
{
	json_t *outputs = json_array(), *object;

	for (size_t i = 0; i < step->outputs; i++)
		json_array_append_new(outputs, output_json(&step->output[i]));
	object = json_pack("{s:s,s:i,s:i,s:o,s:b,s:s,s:i,s:o}", "kind", "frame", "time_ms", (int)step->time_ms, "port", step->port,
			   "hex", sl_hex_json(step->frame.data, step->frame.len), "bad_fcs", (int)step->bad_fcs, "reason",
			   sl_reason_name(step->reason), "rule", step->rule, "outputs", outputs);
	if (step->copy)
		json_object_set_new(object, "copy", json_string(sl_reason_name(step->copy)));
	return object;
}

void keep_vector(json_t *vectors, const struct sl_vector *v, const char *name, const char *about)
{
	json_t *steps = json_array(), *counters = json_array();

	for (size_t i = 0; i < v->step_count; i++)
		json_array_append_new(steps, step_json(&v->steps[i]));
	for (size_t i = 0; i < v->flow_count; i++)
		json_array_append_new(counters, json_pack("{s:i,s:b,s:I,s:I,s:I}", "flow", (int)i, "present", (int)v->flows[i].present,
							  "packets", (json_int_t)v->flows[i].packets, "bytes",
							  (json_int_t)v->flows[i].bytes, "last_seen_ms",
							  (json_int_t)v->flows[i].last_seen_ms));
	json_array_append_new(vectors, json_pack("{s:s,s:s,s:s,s:o,s:o,s:o}", "name", name, "about", about, "mode", v->mode, "state",
						 state_json(v), "steps", steps, "counters", counters));
}

bool keep_write(json_t *vectors, const char *path)
{
	json_t *corpus = json_pack("{s:i,s:O}", "format", 1, "vectors", vectors);
	const int failed = json_dump_file(corpus, path, JSON_INDENT(1));

	json_decref(corpus);
	return !failed;
}
