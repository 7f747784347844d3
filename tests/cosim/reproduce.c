/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/cosim/reproduce.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/vectors/json.h"

static json_t *state_json(const struct world *w, const struct sl_flow_state *flows, size_t flow_count)
{
	json_t *rules = json_array(), *actions = json_array(), *meters = json_array(), *macs = json_array();
	json_t *list = json_array(), *prefixes = json_array();

	for (unsigned int i = 0; i < SL_CLASS_RULES; i++)
		if (w->rule[i].valid)
			sl_entry_json(rules, i, &w->rule[i], sizeof(w->rule[i]));
	for (unsigned int i = 0; i < WORLD_ACTIONS; i++)
		sl_entry_json(actions, i, &w->action[i], sizeof(w->action[i]));
	for (unsigned int i = 0; i < SL_METERS; i++)
		if (w->meter[i].rate)
			sl_entry_json(meters, i, &w->meter[i], sizeof(w->meter[i]));
	for (unsigned int i = 0; i < w->prefix_count; i++)
		sl_entry_json(prefixes, w->prefix[i].index, &w->prefix[i].bucket, sizeof(w->prefix[i].bucket));
	for (int i = 0; i < SL_MAC_FILTERS; i++) {
		const uint8_t *m = w->filter[i].mac;
		char text[18];

		snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
		json_array_append_new(macs, json_pack("{s:i,s:s,s:i,s:i}", "index", i, "mac", text, "port_mask",
						      w->filter[i].port_mask, "valid", w->filter[i].valid));
	}
	for (size_t i = 0; i < flow_count; i++)
		json_array_append_new(list, json_pack("{s:o,s:o,s:{}}", "key", sl_hex_json(&flows[i].key, sizeof(flows[i].key)),
						      "record", sl_hex_json(&flows[i].record, sizeof(flows[i].record)), "fields"));
	return json_pack("{s:i,s:o,s:i,s:I,s:b,s:[ii],s:o,s:o,s:o,s:o,s:o,s:o}", "ctrl", 1, "hash_key",
			 sl_hex_json(w->hash_key, sizeof(w->hash_key)), "vxlan_port", (int)w->vxlan_port, "miss_mark",
			 (json_int_t)w->miss_mark, "miss_mark_valid", (int)w->miss_flags, "ports", (int)w->port_flags[0],
			 (int)w->port_flags[1], "macs", macs, "rules", rules, "actions", actions, "meters", meters, "prefixes",
			 prefixes, "flows", list);
}

static json_t *output_json(const struct sl_card_frame *f)
{
	const struct sl_host_meta *m = &f->meta;
	const bool hit = m->flow_id != SL_FLOW_ID_NONE;

	if (!f->to_host)
		return json_pack("{s:s,s:i,s:o}", "to", "wire", "port", (int)f->port, "hex", sl_hex_json(f->data, f->len));
	return json_pack("{s:s,s:i,s:o,s:s,s:I,s:b,s:i,s:i,s:I,s:b,s:i}", "to", "host", "port", (int)m->port, "hex",
			 sl_hex_json(f->data, f->len), "reason", sl_reason_name(m->reason), "mark", (json_int_t)m->mark, "mark_valid",
			 (int)m->mark_valid, "rule", (int)m->rule, "tenant", (int)m->tenant, "hash", (json_int_t)m->hash,
			 "hit", (int)hit, "flow", hit ? (int)m->flow_id : -1);
}

/* The card's verdict counters grew by one frame since `before`: which reason, and whether a copy. */
static void verdict(struct sl_card *card, struct sl_counter_pair *before, const char **reason, const char **copy)
{
	for (unsigned int i = 0; i <= SL_REASON_HOST_OVERFLOW; i++) {
		struct sl_counter_pair now;

		if (sl_reason_name(i) == NULL)
			continue;
		sl_card_table_read(card, SL_CSR_TABLE_REASON, i, &now, sizeof(now));
		if (now.packets != before[i].packets) {
			if (i == SL_REASON_COPY || i == SL_REASON_COPY_METERED)
				*copy = sl_reason_name(i);
			else
				*reason = sl_reason_name(i);
		}
		before[i] = now;
	}
}

/* Gives the model one frame and writes its answer. The rule is that of the RULE counter that grew. */
static json_t *step_json(struct sl_card *model, const struct traffic_frame *f, struct sl_counter_pair *before,
			 struct sl_counter_pair *rules)
{
	const char *reason = "forwarded", *copy = NULL;
	json_t *outputs = json_array(), *step;
	int rule = 255;

	sl_card_forget(model);
	sl_card_wire_in(model, f->port, f->data, f->len, f->bad_fcs);
	sl_card_settle(model);
	verdict(model, before, &reason, &copy);
	for (int i = 0; i < SL_CLASS_RULES; i++) {
		struct sl_counter_pair now;

		sl_card_table_read(model, SL_CSR_TABLE_RULE, (uint32_t)i, &now, sizeof(now));
		if (now.packets != rules[i].packets)
			rule = i;
		rules[i] = now;
	}
	for (size_t i = 0; i < model->frame_count; i++)
		json_array_append_new(outputs, output_json(&model->frames[i]));
	step = json_pack("{s:s,s:i,s:i,s:o,s:b,s:s,s:i,s:o}", "kind", "frame", "time_ms", 0, "port", (int)f->port, "hex",
			 sl_hex_json(f->data, f->len), "bad_fcs", (int)f->bad_fcs, "reason", reason, "rule", rule, "outputs", outputs);
	if (copy != NULL)
		json_object_set_new(step, "copy", json_string(copy));
	return step;
}

static size_t dump_flows(struct sl_card *card, struct sl_flow_state *flows, uint32_t ids)
{
	size_t count = 0;

	for (uint32_t id = 0; id < ids; id++) {
		struct sl_flow_cmd cmd = {.opcode = SL_FLOW_OP_DUMP, .flow_id = id};

		sl_card_forget(card);
		if (sl_card_command(card, &cmd) && sl_card_settle(card) && card->done_count == 1 &&
		    card->done[0].cpl.status == SL_STATUS_OK)
			flows[count++] = card->done[0].state;
	}
	return count;
}

static bool restore(struct pair *p, const struct world *w, const struct sl_flow_state *flows, size_t count)
{
	pair_time(p, 1);
	if (!pair_reset(p, w))
		return false;
	for (size_t i = 0; i < count; i++) {
		struct sl_flow_cmd cmd = {.opcode = SL_FLOW_OP_INSERT, .key = flows[i].key, .record = flows[i].record};

		if (!pair_command(p, &cmd) || !pair_settle(p))
			return false;
	}
	return pair_compare(p, true);
}

static json_t *counters_json(struct sl_card *model, size_t flow_count, uint32_t began_ms)
{
	json_t *list = json_array();

	for (size_t i = 0; i < flow_count; i++) {
		struct sl_flow_cmd cmd = {.opcode = SL_FLOW_OP_DUMP, .flow_id = (uint32_t)i};
		const struct sl_counters *c;

		sl_card_forget(model);
		sl_card_command(model, &cmd);
		sl_card_settle(model);
		c = &model->done[0].state.counters;
		json_array_append_new(list, json_pack("{s:i,s:b,s:I,s:I,s:I}", "flow", (int)i, "present", 1, "packets",
						      (json_int_t)c->packets, "bytes", (json_int_t)c->bytes, "last_seen_ms",
						      (json_int_t)(c->last_seen_ms - began_ms)));
	}
	return list;
}

static bool write_corpus(struct pair *p, const struct world *w, const struct sl_flow_state *flows, size_t flow_count,
			 const struct traffic_frame *frames, size_t count, const char *name, const char *path)
{
	static struct sl_counter_pair reasons[SL_REASON_HOST_OVERFLOW + 1], rules[SL_CLASS_RULES];
	json_t *steps = json_array(), *vector, *counters;
	const char *ignored;
	int written;

	memset(rules, 0, sizeof(rules));
	restore(p, w, flows, flow_count);
	verdict(&p->model, reasons, &ignored, &ignored);
	for (size_t i = 0; i < count; i++)
		json_array_append_new(steps, step_json(&p->model, &frames[i], reasons, rules));
	counters = counters_json(&p->model, flow_count, p->model.now_ms);
	vector = json_pack("{s:s,s:s,s:s,s:o,s:o,s:o}", "name", name, "about", "found by co-simulation", "mode", "", "state",
			   state_json(w, flows, flow_count), "steps", steps, "counters", counters);
	vector = json_pack("{s:i,s:[o]}", "format", 1, "vectors", vector);
	mkdir("build", 0777);
	mkdir("build/cosim", 0777);
	written = json_dump_file(vector, path, JSON_INDENT(1));
	json_decref(vector);
	return written == 0;
}

bool reproduce(struct pair *p, const struct world *w, const struct traffic_frame *frames, size_t count, uint32_t flow_ids,
	       const char *name, const char *path)
{
	struct sl_flow_state *flows = calloc(flow_ids, sizeof(*flows));
	size_t flow_count, first = 0, found = count;
	bool single;

	if (flows == NULL)
		abort();
	p->model.error[0] = p->other.error[0] = '\0';
	flow_count = dump_flows(&p->model, flows, flow_ids);
	for (first = 0; first < count && found == count; first++) {
		p->model.error[0] = p->other.error[0] = '\0';
		if (first % 16 == 0 && !restore(p, w, flows, flow_count)) {
			printf("cosim: the state alone differs: %s\n", p->why);
			count = 0;
			break;
		}
		if (!pair_frame(p, &frames[first]) || !pair_settle(p) || !pair_compare(p, true))
			found = first;
	}
	single = found < count;
	if (single)
		printf("cosim: alone, frame %zu: %s\n", found, p->why);
	else
		printf("cosim: no frame of the batch differs alone: commands, several frames or time are needed\n");
	p->model.error[0] = p->other.error[0] = '\0';
	if (write_corpus(p, w, flows, flow_count, single ? &frames[found] : frames, single ? 1 : count, name, path))
		printf("cosim: written to %s; replay: build/bin/vectors --corpus %s --engine rtl --rtl LIBRARY\n", path, path);
	free(flows);
	return single;
}
