/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/host/agent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/fastpath.h"
#include "host/port.h"
#include "hw/model/action.h"
#include "hw/model/class.h"
#include "hw/model/key.h"
#include "sluice/record.h"

#define CAPACITY 64u
#define TUNNELS (SL_VXLAN_PORT | SL_TUNNEL_FLAG_GENEVE | SL_TUNNEL_FLAG_GRE | SL_TUNNEL_FLAG_GUE | SL_TUNNEL_FLAG_IPIP)

/* One of the two: connections and counters of its own. */
struct agent {
	void *entries;
	struct sl_worker_stats stats;
	struct sl_slow_backend backends[SL_SERVICE_IDS + 1];
	uint32_t retry[CAPACITY];
	struct sl_slowpath sp;
};

/* What became of a frame. */
struct fate {
	unsigned int fate, reason, port;
	uint32_t len;
	uint8_t bytes[SL_FRAME_MAX + SL_FAST_ROOM];
};

unsigned int agent_opened[AGENT_TUNNELS];
unsigned int agent_short_cuts;

static struct agent plain, quick; /* by the slow path alone; by the short cut where it takes the frame */

static struct {
	struct sl_services services;
	struct sl_service service;
	struct sl_backend backend;
	struct sl_config_tenant tenants[2];
	struct sl_egress egress;
	struct sl_action back;
	const struct sl_vector *vector;
	struct sl_addr sources[SL_CONN_SOURCES];
} fake;

#define BOTH_ENDS (SL_RECORD_FLAG_NAT_SRC | SL_RECORD_FLAG_NAT_DST)

/* Whether the flow leads to a client: nat has only there a new source, fullnat is told by the flow that leads here. */
static bool leads_back(const struct sl_vector_flow *flow)
{
	if ((flow->record.flags & BOTH_ENDS) != BOTH_ENDS)
		return flow->record.flags & SL_RECORD_FLAG_NAT_SRC;
	for (const struct sl_vector_flow *f = fake.vector->flows; f < flow; f++)
		if (!memcmp(f->record.new_dst, flow->key.src, 16) && f->record.new_dport == flow->key.sport)
			return true;
	return false;
}

/* ---- what the slow path asks ------------------------------------------------------------------------------------ */

struct sl_egress *sl_egress_entries[SL_SERVICE_IDS] = { [1] = &fake.egress };

bool sl_egress_return_port(const struct sl_services *services, const struct sl_conn *conn, const struct sl_conn_nat *nat,
			   struct sl_egress_port *port)
{
	(void)nat;
	(void)services;
	(void)conn;
	memset(port, 0, sizeof(*port));
	return true;
}

void sl_egress_return_action(const struct sl_conn *conn, const struct sl_conn_nat *nat, const struct sl_egress_port *port,
			     struct sl_action *action)
{
	(void)nat;
	(void)conn;
	(void)port;
	*action = fake.back;
}

bool sl_services_has_vip(const struct sl_services *s, uint16_t tenant, unsigned int family, const uint8_t *vip)
{
	(void)s;
	for (size_t i = 0; i < fake.vector->flow_count; i++) {
		const struct sl_vector_flow *f = &fake.vector->flows[i];

		if (f->key.tenant == tenant && f->key.family == family && !memcmp(f->key.dst, vip, 16) && !leads_back(f))
			return true;
	}
	return false;
}

const struct sl_service *sl_services_lookup(const struct sl_services *s, uint16_t tenant, unsigned int family,
					    const uint8_t *vip, unsigned int protocol, uint16_t port)
{
	(void)s, (void)tenant, (void)family, (void)vip, (void)protocol, (void)port;
	return NULL;
}

const struct sl_backend *sl_service_select(const struct sl_services *s, const struct sl_service *service,
					   const struct sl_key *key)
{
	(void)s, (void)service, (void)key;
	return NULL;
}

const struct sl_backend *sl_service_find(const struct sl_service *service, unsigned int mode, const struct sl_addr *address,
					 uint16_t port, uint16_t tag)
{
	(void)service, (void)mode, (void)address, (void)port, (void)tag;
	return NULL;
}

static bool card_submit(enum sl_offload_op op, uint32_t index, unsigned int port)
{
	(void)port;
	(void)op, (void)index;
	return false;
}

/* ---- one frame -------------------------------------------------------------------------------------------------- */

static const struct sl_action *action_of(const struct sl_vector *v, uint32_t index)
{
	for (size_t i = 0; i < v->action_count; i++) {
		if (v->actions[i].index == index)
			return &v->actions[i].action;
	}
	return NULL;
}

static const struct sl_vector_flow *flow_of(const struct sl_vector *v, const struct sl_key *key)
{
	for (size_t i = 0; i < v->flow_count; i++) {
		if (!memcmp(&v->flows[i].key, key, sizeof(*key)))
			return &v->flows[i];
	}
	return NULL;
}

static uint8_t mode_of(unsigned int kind)
{
	for (uint8_t mode = 0; mode < SL_MODES; mode++)
		if (sl_mode_tunnel_kind(mode) == kind)
			return mode;
	return SL_MODES;
}

static void tenant_set(const struct sl_headers *h, uint16_t id, bool decap)
{
	memset(fake.tenants, 0, sizeof(fake.tenants));
	fake.tenants[0].id = decap || h->outer.tags ? (uint16_t)(id + 1) : id;
	fake.tenants[1].id = id;
	if (decap) {
		fake.tenants[1].has_vni = true; /* and of GRE the key, if that is not 0 */
		fake.tenants[1].vni = h->vni;
		fake.tenants[1].trusted_count = 1;
		fake.tenants[1].trusted[0] = (struct sl_config_source){ .address = sl_addr_make(h->outer.family, h->outer.src),
			.tunnel = mode_of(h->tunnel), .has_key = h->vni != 0, .key = h->vni };
	} else {
		fake.tenants[1].vlan = h->outer.tags ? h->outer.vid : 4095;
		fake.tenants[1].inner_vlan = h->outer.tags == 2 ? h->outer.vid2 : 0;
	}
}

/* The connection that the flow stands for. NULL: the agent has none such. */
static bool conn_make(struct sl_slowpath *sp, const struct sl_vector_flow *flow)
{
	const uint8_t nat = flow->record.flags & BOTH_ENDS;
	const bool back = leads_back(flow);
	struct sl_record expected = flow->record;
	struct sl_conn_new c = { .mode = nat == BOTH_ENDS ? SL_MODE_FULLNAT : nat ? SL_MODE_NAT : SL_MODE_DSR_L2,
				 .nat = nat, .backend_family = flow->key.family,
				 .backend_id = 1, .state = SL_CONN_ESTABLISHED, .now_ms = 1000 };
	unsigned int shard;
	uint32_t index;

	sl_record_set_deltas(&flow->key, &expected);
	if (!(flow->record.flags & SL_RECORD_FLAG_DEC_TTL) ||
	    (nat && (expected.l3_delta != flow->record.l3_delta || expected.l4_delta != flow->record.l4_delta)))
		return false;
	c.key = flow->key;
	if (nat == BOTH_ENDS) {
		fake.sources[1].family = flow->key.family;
		memcpy(fake.sources[1].bytes, back ? flow->key.dst : flow->record.new_src, 16);
		c.source = 1;
		c.source_port = back ? flow->key.dport : flow->record.new_sport;
		if (!c.source_port)
			return false; /* it never chooses that */
	}
	if (back) {
		memcpy(c.key.src, nat == BOTH_ENDS ? flow->record.new_dst : flow->key.dst, 16);
		c.key.sport = nat == BOTH_ENDS ? flow->record.new_dport : flow->key.dport;
		memcpy(c.key.dst, flow->record.new_src, 16);
		c.key.dport = flow->record.new_sport;
		memcpy(c.backend_addr, flow->key.src, 16);
		c.backend_port = flow->key.sport;
	} else {
		memcpy(c.backend_addr, flow->record.new_dst, 16);
		c.backend_port = nat ? flow->record.new_dport : flow->key.dport;
	}
	/* As the agent chooses source ports, both directions have one shard. */
	shard = back ? sl_conn_shard(sp->table, flow->key.dst, flow->key.dport, c.key.tenant) :
		       sl_conn_shard(sp->table, c.key.src, c.key.sport, c.key.tenant);
	return !sl_conn_create(sp->table, shard, &c, &index);
}

/* The agent copies the ECN field into every tunnel's outer header, and never the DSCP. */
static bool copies_as_agent(const struct sl_record *record, const struct sl_action *action, const struct sl_packet *packet)
{
	const uint8_t *ip = &action->hdr[action->l3_off];
	const uint32_t ecn = action->flags & SL_ACTION_FLAG_OUTER_V4 ? ip[1] & 3u : ip[1] >> 4 & 3u;

	if (!(action->flags & (SL_ACTION_FLAG_OUTER_V4 | SL_ACTION_FLAG_OUTER_V6)))
		return true;
	return !(record->flags & SL_RECORD_FLAG_COPY_DSCP) &&
	       (record->flags & SL_RECORD_FLAG_COPY_ECN || ecn == (packet->tos & 3u));
}

static int reason_here(unsigned int reason)
{
	switch (reason) {
	case SL_REASON_FORWARDED:
		return SL_REASON_SOFTWARE;
	case SL_REASON_TTL:
		return SL_REASON_TTL_EXPIRED;
	case SL_REASON_MTU:
		return SL_REASON_TOO_BIG;
	default:
		return (int)reason;
	}
}

static bool same_output(const struct sl_vector_step *step, const struct sl_slow_verdict *v)
{
	const struct sl_rewrite *r = &v->rewrite;
	const uint32_t payload = (uint32_t)r->payload_end - r->payload_off;

	for (size_t i = 0; i < step->outputs; i++) {
		const struct sl_vector_output *o = &step->output[i];

		if (!o->to_host && o->port == v->port && o->frame.len == r->head_len + payload &&
		    !memcmp(o->frame.data, r->head, r->head_len) &&
		    !memcmp(o->frame.data + r->head_len, step->frame.data + r->payload_off, payload))
			return true;
	}
	return false;
}

/* ---- two agents -------------------------------------------------------------------------------------------------- */

static void agent_up(struct agent *a)
{
	static const uint64_t hash_key[2] = { 1, 2 };
	uint32_t adopted, dropped;

	memset(a, 0, sizeof(*a));
	sl_conn_sources_use(fake.sources);
	a->entries = calloc(1, sl_conn_memory_bytes(CAPACITY, NULL));
	a->sp = (struct sl_slowpath){ .shards = 0xffff, .now_ms = 1000, .stats = &a->stats, .backends = a->backends, .retry = a->retry,
				      .fragments = sl_fragments_create(1), .admission = sl_admission_create(SL_CONN_SHARDS),
				      .offload = card_submit,
				      .table = sl_conn_table_create(a->entries, CAPACITY, hash_key, &adopted, &dropped) };
	if (!a->sp.table || !a->sp.fragments || !a->sp.admission)
		abort();
}

static void agent_down(struct agent *a)
{
	sl_conn_table_destroy(a->sp.table);
	sl_fragments_destroy(a->sp.fragments);
	sl_admission_destroy(a->sp.admission);
	free(a->entries);
}

static void world_make(const struct sl_vector *v)
{
	memset(&fake.services, 0, sizeof(fake.services));
	fake.vector = v;
	fake.backend = (struct sl_backend){ .id = 1, .service = &fake.service };
	fake.service.offload.policy = SL_OFFLOAD_NEVER;
	fake.services.backend[1] = &fake.backend;
	fake.services.tenants = fake.tenants;
	fake.services.tenant_count = 2;
}

static void world_give(struct sl_slowpath *sp, const struct sl_vector *v, const struct sl_vector_step *step, const struct sl_headers *h)
{
	sp->services = &fake.services;
	memcpy(&sp->entropy, v->hash_key, sizeof(v->hash_key));
	for (unsigned int p = 0; p < SL_VECTOR_PORTS; p++) {
		sp->port[p].up = v->port_flags[p] & 1;
		if (step->frame.len >= 6)
			memcpy(sp->port[p].mac, step->frame.data, 6);
		sp->port[p].vtep[0] = sl_addr_make(h->outer.family, h->outer.dst);
	}
}

static void judge(struct agent *a, const struct sl_vector_step *step, struct sl_slow_verdict *v, struct fate *is)
{
	const struct sl_rewrite *r = &v->rewrite;

	memset(v, 0, offsetof(struct sl_slow_verdict, rewrite));
	sl_slowpath_run(&a->sp, step->frame.data, step->frame.len, step->port, false, v);
	is->fate = v->fate;
	is->reason = v->fate == SL_SLOW_WAIT || v->fate == SL_SLOW_HOLD || v->fate == SL_SLOW_ELSEWHERE ? 0 : v->reason;
	is->port = v->port;
	is->len = 0;
	if (v->fate == SL_SLOW_FORWARD) {
		is->len = r->head_len + (uint32_t)r->payload_end - r->payload_off;
		memcpy(is->bytes, r->head, r->head_len);
		memcpy(is->bytes + r->head_len, step->frame.data + r->payload_off, is->len - r->head_len);
	} else if (v->fate == SL_SLOW_REPLY || v->fate == SL_SLOW_PASS) {
		is->len = v->reply.len;
		memcpy(is->bytes, v->reply.frame, v->reply.len);
	}
}

/* NULL, or what the short cut does differently. `would`: the slow path alone. */
static const char *cut_short(const struct sl_vector_step *step, const struct fate *would)
{
	static uint8_t room[SL_FAST_ROOM + SL_FRAME_MAX];
	static struct sl_slow_verdict verdict;
	static struct sl_fast_burst burst;
	static struct fate is;
	struct sl_fast_frame *f = &burst.frame[0];
	const bool fit = step->frame.len <= SL_FRAME_MAX;

	if (fit)
		memcpy(room + SL_FAST_ROOM, step->frame.data, step->frame.len);
	burst.count = 1;
	*f = (struct sl_fast_frame){ .data = room + SL_FAST_ROOM, .len = step->frame.len, .port = step->port, .fit = fit };
	sl_fastpath_begin(&quick.sp, &burst);
	if (sl_fastpath_run(&quick.sp, &burst, 0)) {
		agent_short_cuts++;
		if (would->fate != SL_SLOW_FORWARD || would->reason != SL_REASON_SOFTWARE || would->port != f->port)
			return "verdict by the short cut";
		return would->len != f->len || memcmp(would->bytes, f->data, f->len) ? "bytes by the short cut" : NULL;
	}
	if (fit && memcmp(room + SL_FAST_ROOM, step->frame.data, step->frame.len))
		return "a frame that the short cut left was changed";
	judge(&quick, step, &verdict, &is);
	if (is.fate != would->fate || is.reason != would->reason || is.port != would->port)
		return "verdict behind the short cut";
	return is.len != would->len || memcmp(is.bytes, would->bytes, is.len) ? "bytes behind the short cut" : NULL;
}

/* Wall-clock times may differ, and nothing else. */
static const char *compare(void)
{
	for (uint32_t i = 0; i < CAPACITY; i++)
		sl_conn_rest_at(quick.sp.table, i)->since = sl_conn_rest_at(plain.sp.table, i)->since;
	if (memcmp(quick.entries, plain.entries, sl_conn_memory_bytes(CAPACITY, NULL)))
		return "connections after the short cut";
	return memcmp(&quick.stats, &plain.stats, sizeof(plain.stats)) || memcmp(quick.backends, plain.backends, sizeof(plain.backends)) ?
		       "counters after the short cut" : NULL;
}

/* A frame through both. *is: what the slow path alone says. */
static const char *through_both(const struct sl_vector_step *step, struct sl_slow_verdict *verdict, struct fate *is)
{
	const char *differs;

	judge(&plain, step, verdict, is);
	differs = cut_short(step, is);
	return differs ? differs : compare();
}

/* ---- one frame -------------------------------------------------------------------------------------------------- */

/* Reasons that end a frame in parsing, whatever the state. */
static bool ends_in_parse(unsigned int reason)
{
	return reason == SL_REASON_RUNT || reason == SL_REASON_OVERSIZE || reason == SL_REASON_BAD_IP ||
	       reason == SL_REASON_BAD_IP_CSUM;
}

/* Reasons of a frame whose flow was found. */
static bool is_of_flow(unsigned int reason)
{
	return reason == SL_REASON_FORWARDED || reason == SL_REASON_TTL || reason == SL_REASON_MTU || reason == SL_REASON_PORT_DOWN;
}

/* That the frame matched, or NULL. */
static const struct sl_class_rule *rule_of(const struct sl_vector *v, const struct sl_vector_step *step)
{
	for (size_t i = 0; i < v->rule_count; i++)
		if (v->rules[i].index == step->rule)
			return &v->rules[i].rule;
	return NULL;
}

/* The flow that the frame is of, if its headers give a key. */
static const struct sl_vector_flow *flow_hit(const struct sl_vector *v, const struct sl_headers *h, uint16_t tenant, bool decap)
{
	struct sl_key key;

	return sl_key_build(h, tenant, decap, &key) ? NULL : flow_of(v, &key);
}

/* Whether a tenant can have the frame's tags (docs/config.md: 1 to 4094). */
static bool tags_of_tenant(const struct sl_packet *outer)
{
	return (outer->tags == 0 || (outer->vid > 0 && outer->vid < 4095)) && (outer->tags < 2 || (outer->vid2 > 0 && outer->vid2 < 4095));
}

/* Makes the state. False: the agent cannot be in such a one, or says something else of the frame by what it is. */
static bool express(const struct sl_vector *v, const struct sl_vector_step *step, const struct sl_headers *h,
		    const struct sl_vector_flow *flow, bool decap)
{
	const struct sl_action *action = flow ? action_of(v, flow->record.action) : NULL;
	bool made;

	if (!flow || step->rule == SL_CLASS_NONE || ends_in_parse(step->reason))
		return step->reason == SL_REASON_TUNNEL_ECN || (ends_in_parse(step->reason) && !decap);
	if (!action || (action->flags & (SL_ACTION_FLAG_VALID | SL_ACTION_FLAG_STRIP_L2)) !=
			       (SL_ACTION_FLAG_VALID | SL_ACTION_FLAG_STRIP_L2))
		return false;
	fake.egress = (struct sl_egress){ .ready = true, .action = *action, .room = sl_action_room(action) };
	fake.back = *action;
	fake.backend.mode = (flow->record.flags & BOTH_ENDS) == BOTH_ENDS ? SL_MODE_FULLNAT :
			    flow->record.flags & BOTH_ENDS ? SL_MODE_NAT : SL_MODE_DSR_L2;
	made = conn_make(&plain.sp, flow) && conn_make(&quick.sp, flow);
	if (leads_back(flow) && sl_services_has_vip(NULL, flow->key.tenant, flow->key.family, flow->key.dst))
		return false; /* a client whose address is a VIP */
	return made && tags_of_tenant(&h->outer) && is_of_flow(step->reason) && !step->copy &&
	       (v->vxlan_port == SL_VXLAN_PORT || v->vxlan_port == TUNNELS) &&
	       copies_as_agent(&flow->record, action, sl_headers_packet(h, decap));
}

/* A packet that the card may not forward whole, and the agent in pieces: one after the other they carry all of it, and each fits. */
static const char *in_pieces(const struct sl_vector_step *step, const struct sl_slow_verdict *v, const struct fate *whole)
{
	const uint32_t l2_len = v->cut.action.hdr_len;
	uint32_t at = l2_len + 20; /* behind the IP header, which all have */
	struct sl_cut_piece piece;

	for (unsigned int n = 0; sl_cut_piece(&v->cut, &v->rewrite, n, &piece); n++) {
		const uint32_t copied = piece.head_len - l2_len - 20, payload = piece.payload_end - piece.payload_off;
		const uint32_t more = at + copied + payload < whole->len ? 0x2000 : 0;

		if (copied + payload + 20 > v->cut.mtu || at + copied + payload > whole->len ||
		    sl_load_be16(piece.head + l2_len + 6) != (more | (at - l2_len - 20) / 8) ||
		    memcmp(whole->bytes + at, piece.head + l2_len + 20, copied) ||
		    memcmp(whole->bytes + at + copied, step->frame.data + piece.payload_off, payload))
			return "pieces";
		at += copied + payload;
	}
	return at == whole->len ? NULL : "pieces are missing";
}

static const char *as_expected(const struct sl_vector_step *step, const struct sl_headers *h, bool decap,
			       const struct sl_slow_verdict *verdict, const struct fate *is)
{
	/* The agent's rules open untagged tunnels, those of the corpus all. */
	if (decap && h->tunnel && h->outer.tags && !ends_in_parse(step->reason))
		return verdict->fate == SL_SLOW_KERNEL ? NULL : "a tagged tunnel";
	if (step->reason == SL_REASON_MTU && verdict->fate == SL_SLOW_FORWARD && verdict->cut.mtu)
		return in_pieces(step, verdict, is);
	if (step->reason == SL_REASON_MTU && verdict->cut.mtu && verdict->reason == SL_REASON_PORT_DOWN)
		return NULL; /* it would fit in pieces, but for this */
	if (verdict->reason != reason_here(step->reason))
		return sl_reason_name(verdict->reason);
	if (verdict->fate != SL_SLOW_FORWARD)
		return NULL;
	if (!same_output(step, verdict))
		return "bytes";
	if (decap)
		agent_opened[h->tunnel - SL_TUNNEL_MODE_VNI]++;
	return NULL;
}

static bool frame_of_agent(const struct sl_vector *v, const struct sl_vector_step *step)
{
	if (v->vxlan_port > 0xffff && v->vxlan_port != TUNNELS)
		return false; /* the agent recognises every tunnel, at the usual ports */
	return !step->bad_fcs && (v->ctrl & 1) && (v->port_flags[step->port] & 1) && !(step->frame.len && step->frame.data[0] & 1);
}

enum agent_outcome agent_frame_run(const struct sl_vector *v, const struct sl_vector_step *step, const char **differs)
{
	const struct sl_class_rule *rule = rule_of(v, step);
	const bool decap = !strcmp(v->mode, "vxlan-decap") || (rule && rule->flags & SL_RULE_FLAG_DECAP);
	static struct sl_slow_verdict verdict;
	static struct fate is;
	const struct sl_vector_flow *flow = NULL;
	struct sl_headers h = { 0 };
	bool expressed;

	if (!frame_of_agent(v, step))
		return AGENT_SKIPPED;
	agent_up(&plain);
	agent_up(&quick);
	if (step->frame.len >= SL_FRAME_MIN && step->frame.len <= SL_FRAME_MAX &&
	    !sl_parse(sl_window_at(step->frame.data), step->frame.len, 0, TUNNELS, &h) && rule)
		flow = flow_hit(v, &h, rule->tenant, decap);
	world_make(v);
	world_give(&plain.sp, v, step, &h);
	world_give(&quick.sp, v, step, &h);
	tenant_set(&h, flow ? flow->key.tenant : 1, decap && h.tunnel);
	expressed = express(v, step, &h, flow, decap);
	*differs = through_both(step, &verdict, &is);
	if (!*differs && expressed)
		*differs = as_expected(step, &h, decap, &verdict, &is);
	if (!*differs) /* and once more: now the connection is settled */
		*differs = through_both(step, &verdict, &is);
	agent_down(&plain);
	agent_down(&quick);
	return *differs ? AGENT_DIFFERS : expressed ? AGENT_SAME : AGENT_SKIPPED;
}
