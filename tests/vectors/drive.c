/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/vectors/drive.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Reasons that the datapath can give. */
#define DATAPATH_REASONS (SL_REASON_HOST_OVERFLOW + 1)

struct drive {
	struct sl_card *card;
	const struct sl_vector *vector;
	const struct sl_vector_step *step;
	size_t step_index;
	uint32_t began_ms;
	uint32_t flow_id[256]; /* of the vector's flows */
	struct sl_counter_pair reason[DATAPATH_REASONS];
	struct sl_counter_pair port[2 * SL_CARD_PORTS];
	struct sl_counter_pair rule; /* the step's, before it */
	char *why;
	size_t why_len;
};

#define REFUSE(d, ...) (snprintf((d)->why, (d)->why_len, __VA_ARGS__), false)

static bool apply(struct drive *d)
{
	const struct sl_vector *v = d->vector;
	struct sl_card *card = d->card;

	if (!sl_card_reset(card))
		return REFUSE(d, "%s", card->error);
	sl_card_hash_key(card, v->hash_key);
	sl_card_write(card, SL_CSR_VXLAN_PORT, v->vxlan_port);
	sl_card_write(card, SL_CSR_MISS_MARK, v->miss_mark);
	sl_card_write(card, SL_CSR_MISS_FLAGS, v->miss_mark_valid);
	for (unsigned int i = 0; i < SL_VECTOR_PORTS; i++)
		sl_card_write(card, SL_CSR_PORT_FLAGS(i), v->port_flags[i]);
	for (unsigned int i = 0; i < SL_MAC_FILTERS; i++)
		sl_card_mac(card, i, (const uint8_t[6]){0}, 0, false);
	for (size_t i = 0; i < v->mac_count; i++)
		sl_card_mac(card, v->macs[i].index, v->macs[i].mac, v->macs[i].port_mask, v->macs[i].valid);
	for (size_t i = 0; i < v->rule_count; i++)
		sl_card_table_write(card, SL_CSR_TABLE_CLASS, v->rules[i].index, &v->rules[i].rule, sizeof(v->rules[i].rule));
	for (size_t i = 0; i < v->action_count; i++)
		sl_card_table_write(card, SL_CSR_TABLE_ACTION, v->actions[i].index, &v->actions[i].action,
				    sizeof(v->actions[i].action));
	for (size_t i = 0; i < v->meter_count; i++)
		sl_card_table_write(card, SL_CSR_TABLE_METER, v->meters[i].index, &v->meters[i].meter,
				    sizeof(v->meters[i].meter));
	for (size_t i = 0; i < v->bucket_count; i++)
		sl_card_table_write(card, SL_CSR_TABLE_PREFIX, v->buckets[i].index, &v->buckets[i].bucket,
				    sizeof(v->buckets[i].bucket));
	sl_card_write(card, SL_CSR_CTRL, v->ctrl);
	return card->error[0] ? REFUSE(d, "%s", card->error) : true;
}

static bool insert_flows(struct drive *d)
{
	const struct sl_vector *v = d->vector;

	if (v->flow_count > sizeof(d->flow_id) / sizeof(d->flow_id[0]))
		return REFUSE(d, "%zu flows are too many", v->flow_count);
	for (size_t i = 0; i < v->flow_count; i++) {
		struct sl_flow_cmd cmd = {.opcode = SL_FLOW_OP_INSERT, .tag = (uint16_t)i, .key = v->flows[i].key,
					  .record = v->flows[i].record};

		sl_card_forget(d->card);
		if (!sl_card_command(d->card, &cmd) || !sl_card_settle(d->card))
			return REFUSE(d, "%s", d->card->error);
		if (d->card->done_count != 1 || d->card->done[0].cpl.status != SL_STATUS_OK)
			return REFUSE(d, "flow %zu was not inserted", i);
		d->flow_id[i] = d->card->done[0].cpl.flow_id;
		if (d->flow_id[i] != i)
			return REFUSE(d, "flow %zu has id %u", i, d->flow_id[i]);
	}
	return true;
}

static bool datapath_reason(unsigned int i)
{
	return sl_reason_name(i) != NULL && i < DATAPATH_REASONS;
}

/* Reads all counters; true if each has grown as `grown` says (packets; bytes all of the same frame). */
static bool check_reasons(struct drive *d)
{
	const struct sl_vector_step *s = d->step;

	for (unsigned int i = 0; i < DATAPATH_REASONS; i++) {
		struct sl_counter_pair now;
		uint64_t packets, bytes, want;

		if (!datapath_reason(i))
			continue;
		if (!sl_card_table_read(d->card, SL_CSR_TABLE_REASON, i, &now, sizeof(now)))
			return REFUSE(d, "%s", d->card->error);
		packets = now.packets - d->reason[i].packets;
		bytes = now.bytes - d->reason[i].bytes;
		d->reason[i] = now;
		if (s == NULL)
			continue;
		want = (i == s->reason) + (s->copy != 0 && i == s->copy);
		if (packets != want || bytes != want * s->frame.len)
			return REFUSE(d, "reason %s counted %llu frames, %llu bytes; expected %s", sl_reason_name(i),
				      (unsigned long long)packets, (unsigned long long)bytes, sl_reason_name(s->reason));
	}
	return true;
}

static bool check_ports(struct drive *d)
{
	const struct sl_vector_step *s = d->step;

	for (unsigned int i = 0; i < 2 * SL_CARD_PORTS; i++) {
		struct sl_counter_pair now;
		uint64_t packets = 0, bytes = 0;

		if (!sl_card_table_read(d->card, SL_CSR_TABLE_PORT, i, &now, sizeof(now)))
			return REFUSE(d, "%s", d->card->error);
		if (s != NULL && i == 2u * s->port) {
			packets = 1;
			bytes = s->frame.len;
		}
		for (size_t o = 0; s != NULL && o < s->outputs; o++)
			if (!s->output[o].to_host && i == 2u * s->output[o].port + 1) {
				packets++;
				bytes += s->output[o].frame.len;
			}
		if (s != NULL && (now.packets - d->port[i].packets != packets || now.bytes - d->port[i].bytes != bytes))
			return REFUSE(d, "port %u %s counted %llu frames, %llu bytes instead of %llu, %llu", i / 2,
				      i % 2 ? "sent" : "received", (unsigned long long)(now.packets - d->port[i].packets),
				      (unsigned long long)(now.bytes - d->port[i].bytes), (unsigned long long)packets,
				      (unsigned long long)bytes);
		d->port[i] = now;
	}
	return true;
}

static bool check_rule(struct drive *d, bool after)
{
	struct sl_counter_pair now;

	if (d->step->rule >= SL_CLASS_RULES)
		return true;
	if (!sl_card_table_read(d->card, SL_CSR_TABLE_RULE, d->step->rule, &now, sizeof(now)))
		return REFUSE(d, "%s", d->card->error);
	if (after && (now.packets != d->rule.packets + 1 || now.bytes != d->rule.bytes + d->step->frame.len))
		return REFUSE(d, "rule %u did not count the frame", d->step->rule);
	d->rule = now;
	return true;
}

static bool check_meta(struct drive *d, const struct sl_vector_output *want, const struct sl_host_meta *got)
{
	const uint32_t flow_id = want->hit ? d->flow_id[want->flow] : SL_FLOW_ID_NONE;

	if (got->port != want->port || got->reason != want->reason || got->rule != want->rule || got->tenant != want->tenant)
		return REFUSE(d, "host got port %u reason %u rule %u tenant %u instead of %u %u %u %u", got->port, got->reason,
			      got->rule, got->tenant, want->port, want->reason, want->rule, want->tenant);
	if (got->mark_valid != want->mark_valid || (want->mark_valid && got->mark != want->mark))
		return REFUSE(d, "host got mark %#x (%d) instead of %#x (%d)", got->mark, got->mark_valid, want->mark,
			      want->mark_valid);
	if (got->hash != want->hash || got->flow_id != flow_id)
		return REFUSE(d, "host got hash %#x flow %#x instead of %#x %#x", got->hash, got->flow_id, want->hash, flow_id);
	return true;
}

static bool check_bytes(struct drive *d, const struct sl_vector_bytes *want, const struct sl_card_frame *got)
{
	uint32_t at = 0;

	while (at < want->len && at < got->len && want->data[at] == got->data[at])
		at++;
	if (at == want->len && at == got->len)
		return true;
	if (at < want->len && at < got->len)
		return REFUSE(d, "%s frame of %u bytes: byte %u is %02x instead of %02x", got->to_host ? "host" : "wire",
			      got->len, at, got->data[at], want->data[at]);
	return REFUSE(d, "%s frame has %u bytes instead of %u", got->to_host ? "host" : "wire", got->len, want->len);
}

static bool check_outputs(struct drive *d)
{
	const struct sl_vector_step *s = d->step;

	for (size_t i = 0; i < s->outputs; i++) {
		const struct sl_vector_output *want = &s->output[i];
		const struct sl_card_frame *got = NULL;

		for (size_t k = 0; k < d->card->frame_count && got == NULL; k++)
			if (d->card->frames[k].to_host == want->to_host)
				got = &d->card->frames[k];
		if (got == NULL)
			return REFUSE(d, "no frame for the %s", want->to_host ? "host" : "wire");
		if (!want->to_host && got->port != want->port)
			return REFUSE(d, "left by port %u instead of %u", got->port, want->port);
		if (!check_bytes(d, &want->frame, got) || (want->to_host && !check_meta(d, want, &got->meta)))
			return false;
	}
	if (d->card->frame_count != s->outputs)
		return REFUSE(d, "%zu frames came out instead of %zu", d->card->frame_count, s->outputs);
	return true;
}

static bool run_frame(struct drive *d)
{
	const struct sl_vector_step *s = d->step;

	if (!check_rule(d, false))
		return false;
	if (!sl_card_wire_in(d->card, s->port, s->frame.data, s->frame.len, s->bad_fcs) || !sl_card_settle(d->card))
		return REFUSE(d, "%s", d->card->error);
	return check_reasons(d) && check_outputs(d) && check_rule(d, true) && check_ports(d);
}

static bool run_command(struct drive *d)
{
	const struct sl_vector_step *s = d->step;
	const struct sl_flow_cpl *want = &s->cpl, *got;

	if (!sl_card_command(d->card, &s->cmd) || !sl_card_settle(d->card))
		return REFUSE(d, "%s", d->card->error);
	if (d->card->done_count != 1)
		return REFUSE(d, "%zu completions", d->card->done_count);
	got = &d->card->done[0].cpl;
	if (got->status != want->status || got->flow_id != want->flow_id || got->tag != want->tag ||
	    got->opcode != want->opcode)
		return REFUSE(d, "completion: status %s flow %#x tag %#x opcode %u instead of %s %#x %#x %u",
			      sl_status_name(got->status), got->flow_id, got->tag, got->opcode,
			      sl_status_name(want->status), want->flow_id, want->tag, want->opcode);
	if (s->has_counters && s->cmd.opcode != SL_FLOW_OP_DUMP &&
	    (got->packets != want->packets || got->bytes != want->bytes || got->idle_ms != want->idle_ms))
		return REFUSE(d, "completion: %llu packets %llu bytes idle %u ms instead of %llu %llu %u",
			      (unsigned long long)got->packets, (unsigned long long)got->bytes, got->idle_ms,
			      (unsigned long long)want->packets, (unsigned long long)want->bytes, want->idle_ms);
	if (s->has_state) {
		const struct sl_flow_state *state = &d->card->done[0].state;

		if (memcmp(&state->key, &s->state_key, sizeof(state->key)) != 0 ||
		    memcmp(&state->record, &s->state_record, sizeof(state->record)) != 0)
			return REFUSE(d, "the dump has another key or record");
		if (state->counters.packets != want->packets || state->counters.bytes != want->bytes ||
		    state->counters.now_ms - state->counters.last_seen_ms != want->idle_ms)
			return REFUSE(d, "the dump has other counters");
	}
	return true;
}

static bool run_step(struct drive *d)
{
	const struct sl_vector_step *s = d->step;
	const size_t entry_len = s->table == SL_CSR_TABLE_METER ? sizeof(struct sl_meter) : sizeof(struct sl_action);

	d->card->now_ms = d->began_ms + s->time_ms;
	if (!sl_card_settle(d->card))
		return REFUSE(d, "%s", d->card->error);
	sl_card_forget(d->card);
	switch (s->kind) {
	case SL_VECTOR_FRAME:
		return run_frame(d);
	case SL_VECTOR_COMMAND:
		return run_command(d);
	case SL_VECTOR_WRITE:
		if (s->frame.len != entry_len || !sl_card_table_write(d->card, s->table, s->index, s->frame.data, entry_len))
			return REFUSE(d, "table entry of %u bytes was refused", s->frame.len);
		return true;
	case SL_VECTOR_CSR:
		sl_card_write(d->card, s->offset, s->value);
		return true;
	}
	return false;
}

static bool check_flows(struct drive *d)
{
	const struct sl_vector *v = d->vector;

	for (size_t i = 0; i < v->flow_count; i++) {
		const struct sl_vector_flow *f = &v->flows[i];
		struct sl_flow_cmd cmd = {.opcode = SL_FLOW_OP_DUMP, .flow_id = d->flow_id[i]};
		const struct sl_flow_state *state;
		bool present;

		sl_card_forget(d->card);
		if (!sl_card_command(d->card, &cmd) || !sl_card_settle(d->card) || d->card->done_count != 1)
			return REFUSE(d, "flow %zu cannot be dumped", i);
		state = &d->card->done[0].state;
		present = d->card->done[0].cpl.status == SL_STATUS_OK;
		if (present != f->present)
			return REFUSE(d, "flow %zu is%s in the table at the end", i, present ? "" : " not");
		if (present && (state->counters.packets != f->packets || state->counters.bytes != f->bytes ||
				state->counters.last_seen_ms != d->began_ms + f->last_seen_ms))
			return REFUSE(d, "flow %zu ends with %llu packets %llu bytes seen %u instead of %llu %llu %u", i,
				      (unsigned long long)state->counters.packets,
				      (unsigned long long)state->counters.bytes, state->counters.last_seen_ms - d->began_ms,
				      (unsigned long long)f->packets, (unsigned long long)f->bytes, f->last_seen_ms);
	}
	return true;
}

bool sl_drive_vector(struct sl_card *card, const struct sl_vector *vector, char *why, size_t why_len)
{
	struct drive d = {.card = card, .vector = vector, .why = why, .why_len = why_len};
	char inner[200];
	bool passed;

	card->error[0] = '\0';
	card->now_ms += 10;
	d.began_ms = card->now_ms;
	if (!apply(&d) || !insert_flows(&d) || !check_reasons(&d) || !check_ports(&d))
		return false;
	for (size_t i = 0; i < vector->step_count; i++) {
		d.step = &vector->steps[i];
		passed = run_step(&d);
		if (!passed) {
			snprintf(inner, sizeof(inner), "%s", why);
			snprintf(why, why_len, "step %zu: %s", i, inner);
			return false;
		}
	}
	d.step = NULL;
	return check_flows(&d);
}
