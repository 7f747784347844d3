/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/cosim/pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIFFER(p, ...) (snprintf((p)->why, sizeof((p)->why), __VA_ARGS__), false)

static bool healthy(struct pair *p)
{
	if (p->model.error[0])
		return DIFFER(p, "%s", p->model.error);
	if (p->other.error[0])
		return DIFFER(p, "%s", p->other.error);
	return true;
}

bool pair_reset(struct pair *p, const struct world *w)
{
	sl_card_reset(&p->model);
	sl_card_reset(&p->other);
	world_apply(w, &p->model);
	world_apply(w, &p->other);
	return healthy(p);
}

bool pair_table(struct pair *p, unsigned int table, uint32_t index, const void *entry, size_t len)
{
	sl_card_table_write(&p->model, table, index, entry, len);
	sl_card_table_write(&p->other, table, index, entry, len);
	return healthy(p);
}

void pair_csr(struct pair *p, uint32_t offset, uint32_t value)
{
	sl_card_write(&p->model, offset, value);
	sl_card_write(&p->other, offset, value);
}

void pair_time(struct pair *p, uint32_t ms)
{
	p->model.now_ms += ms;
	p->other.now_ms += ms;
	pair_settle(p);
}

bool pair_frame(struct pair *p, const struct traffic_frame *f)
{
	sl_card_wire_in(&p->model, f->port, f->data, f->len, f->bad_fcs);
	sl_card_wire_in(&p->other, f->port, f->data, f->len, f->bad_fcs);
	return healthy(p);
}

static bool host_tx(struct sl_card *card, unsigned int port, const uint8_t *frame, uint32_t len)
{
	for (int i = 0; i < SL_CARD_STEPS_MAX; i++) {
		if (card->ops->host_tx(card->engine, port, frame, len))
			return true;
		card->ops->step(card->engine, card->now_ms, SL_CARD_BUDGET);
	}
	return false;
}

bool pair_host_tx(struct pair *p, unsigned int port, const uint8_t *frame, uint32_t len)
{
	if (!host_tx(&p->model, port, frame, len) || !host_tx(&p->other, port, frame, len))
		return DIFFER(p, "no engine takes a frame from the host any more");
	return true;
}

bool pair_command(struct pair *p, const struct sl_flow_cmd *cmd)
{
	sl_card_command(&p->model, cmd);
	sl_card_command(&p->other, cmd);
	return healthy(p);
}

bool pair_settle(struct pair *p)
{
	sl_card_settle(&p->model);
	sl_card_settle(&p->other);
	return healthy(p);
}

/* One destination's frames of a card, as an array of pointers. */
struct stream {
	const struct sl_card_frame **frame;
	size_t count;
};

static struct stream stream_of(const struct sl_card *card, bool to_host, unsigned int port)
{
	struct stream s = {.frame = calloc(card->frame_count + 1, sizeof(*s.frame))};

	if (s.frame == NULL)
		abort();
	for (size_t i = 0; i < card->frame_count; i++) {
		const struct sl_card_frame *f = &card->frames[i];

		if (f->to_host == to_host && (to_host || f->port == port))
			s.frame[s.count++] = f;
	}
	return s;
}

static int by_content(const void *a, const void *b)
{
	const struct sl_card_frame *x = *(const struct sl_card_frame *const *)a;
	const struct sl_card_frame *y = *(const struct sl_card_frame *const *)b;

	if (x->len != y->len)
		return x->len < y->len ? -1 : 1;
	if (x->meta.port != y->meta.port)
		return x->meta.port < y->meta.port ? -1 : 1;
	if (x->meta.reason != y->meta.reason)
		return x->meta.reason < y->meta.reason ? -1 : 1;
	return memcmp(x->data, y->data, x->len);
}

static void describe(char *out, size_t n, const struct sl_card_frame *f)
{
	if (f->to_host)
		snprintf(out, n, "%u bytes from port %u, %s rule %u tenant %u hash %#x flow %#x mark %#x (%d)", f->len,
			 f->meta.port, sl_reason_name(f->meta.reason) ? sl_reason_name(f->meta.reason) : "?", f->meta.rule,
			 f->meta.tenant, f->meta.hash, f->meta.flow_id, f->meta.mark, f->meta.mark_valid);
	else
		snprintf(out, n, "%u bytes", f->len);
}

static bool same_frame(struct pair *p, const char *where, size_t i, const struct sl_card_frame *a,
		       const struct sl_card_frame *b)
{
	const struct sl_host_meta *m = &a->meta, *n = &b->meta;
	char one[128], two[128];

	describe(one, sizeof(one), a);
	describe(two, sizeof(two), b);
	if (a->to_host && (m->port != n->port || m->reason != n->reason || m->rule != n->rule || m->tenant != n->tenant ||
			   m->hash != n->hash || m->flow_id != n->flow_id || m->mark_valid != n->mark_valid ||
			   (m->mark_valid && m->mark != n->mark)))
		return DIFFER(p, "%s frame %zu: model %s; other %s", where, i, one, two);
	if (a->len != b->len)
		return DIFFER(p, "%s frame %zu: model %s; other %s", where, i, one, two);
	for (uint32_t k = 0; k < a->len; k++)
		if (a->data[k] != b->data[k])
			return DIFFER(p, "%s frame %zu (%s): byte %u is %02x in the model, %02x in the other", where, i, one, k,
				      a->data[k], b->data[k]);
	return true;
}

static bool compare_stream(struct pair *p, bool ordered, bool to_host, unsigned int port)
{
	struct stream a = stream_of(&p->model, to_host, port), b = stream_of(&p->other, to_host, port);
	char where[32];
	bool same = true;

	if (to_host)
		snprintf(where, sizeof(where), "host");
	else
		snprintf(where, sizeof(where), "port %u", port);
	if (!ordered) {
		qsort(a.frame, a.count, sizeof(*a.frame), by_content);
		qsort(b.frame, b.count, sizeof(*b.frame), by_content);
	}
	for (size_t i = 0; same && i < a.count && i < b.count; i++)
		same = same_frame(p, where, i, a.frame[i], b.frame[i]);
	if (same && a.count != b.count)
		same = DIFFER(p, "%s: the model gave %zu frames, the other %zu", where, a.count, b.count);
	free(a.frame);
	free(b.frame);
	return same;
}

static bool same_done(struct pair *p, size_t i)
{
	struct sl_flow_done *a = &p->model.done[i], *b = &p->other.done[i];

	a->cpl.sq_head = b->cpl.sq_head = 0;
	a->cpl.phase = b->cpl.phase = 0;
	if (memcmp(&a->cpl, &b->cpl, sizeof(a->cpl)) != 0)
		return DIFFER(p,
			      "completion %zu of opcode %u tag %u: model status %u flow %#x %llu packets %llu bytes idle %u; "
			      "other opcode %u tag %u status %u flow %#x %llu packets %llu bytes idle %u", i,
			      a->cpl.opcode, a->cpl.tag, a->cpl.status, a->cpl.flow_id, (unsigned long long)a->cpl.packets,
			      (unsigned long long)a->cpl.bytes, a->cpl.idle_ms, b->cpl.opcode, b->cpl.tag, b->cpl.status,
			      b->cpl.flow_id, (unsigned long long)b->cpl.packets, (unsigned long long)b->cpl.bytes,
			      b->cpl.idle_ms);
	if (a->cpl.opcode == SL_FLOW_OP_DUMP && a->cpl.status == SL_STATUS_OK &&
	    memcmp(&a->state, &b->state, sizeof(a->state)) != 0)
		return DIFFER(p, "completion %zu: the dump of flow %u differs", i, a->cpl.flow_id);
	return true;
}

static bool compare_counters(struct pair *p, unsigned int table, const char *name, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		struct sl_counter_pair a = {0}, b = {0};

		if (table == SL_CSR_TABLE_REASON && sl_reason_name(i) == NULL)
			continue;
		sl_card_table_read(&p->model, table, i, &a, sizeof(a));
		sl_card_table_read(&p->other, table, i, &b, sizeof(b));
		if (!healthy(p))
			return false;
		if (a.packets != b.packets || a.bytes != b.bytes)
			return DIFFER(p, "counter %s %u (%s): model %llu frames %llu bytes, other %llu, %llu", name, i,
				      table == SL_CSR_TABLE_REASON ? sl_reason_name(i) : "", (unsigned long long)a.packets,
				      (unsigned long long)a.bytes, (unsigned long long)b.packets, (unsigned long long)b.bytes);
	}
	return true;
}

static bool compare_registers(struct pair *p)
{
	static const uint32_t offsets[] = {SL_CSR_OCCUPANCY, SL_CSR_MOVES, SL_CSR_REFUSED, SL_CSR_TIME_MS, SL_CSR_EPOCH,
					  SL_CSR_PREFIXES};

	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		uint32_t a = sl_card_read(&p->model, offsets[i]), b = sl_card_read(&p->other, offsets[i]);

		if (a != b)
			return DIFFER(p, "register %#x: model %u, other %u", offsets[i], a, b);
	}
	return true;
}

bool pair_compare(struct pair *p, bool ordered)
{
	bool same = healthy(p) && compare_stream(p, ordered, true, 0);

	for (unsigned int port = 0; same && port < SL_CARD_PORTS; port++)
		same = compare_stream(p, ordered, false, port);
	for (size_t i = 0; same && i < p->model.done_count && i < p->other.done_count; i++)
		same = same_done(p, i);
	if (same && p->model.done_count != p->other.done_count)
		same = DIFFER(p, "the model gave %zu completions, the other %zu", p->model.done_count, p->other.done_count);
	same = same && compare_counters(p, SL_CSR_TABLE_REASON, "reason", SL_REASON_HOST_OVERFLOW + 1) &&
	       compare_counters(p, SL_CSR_TABLE_PORT, "port", 2 * SL_CARD_PORTS) &&
	       compare_counters(p, SL_CSR_TABLE_RULE, "rule", SL_CLASS_RULES) && compare_registers(p);
	sl_card_forget(&p->model);
	sl_card_forget(&p->other);
	return same;
}

bool pair_compare_flows(struct pair *p, uint32_t ids)
{
	for (uint32_t id = 0; id < ids; id++) {
		struct sl_flow_cmd cmd = {.opcode = SL_FLOW_OP_DUMP, .flow_id = id, .tag = (uint16_t)id};

		if (!pair_command(p, &cmd))
			return false;
		if (id % 32 == 31 && !pair_settle(p))
			return false;
	}
	if (!pair_settle(p))
		return false;
	for (size_t i = 0; i < p->model.done_count && i < p->other.done_count; i++)
		if (!same_done(p, i))
			return false;
	sl_card_forget(&p->model);
	sl_card_forget(&p->other);
	return true;
}
