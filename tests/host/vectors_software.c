/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Runs the vector corpus against the slow path. A vector's flows become connections, its actions the way to the backend and
 * back; services and next hops are faked from them. What the agent never does cannot be expressed and is counted as
 * skipped: forwarding without decrementing the TTL, keeping the Ethernet header, classification by
 * rules, misses. Frames that parsing ends are judged in every vector.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/port.h"
#include "host/slowpath.h"
#include "hw/model/key.h"
#include "sluice/record.h"
#include "tests/vectors/load.h"

#define CAPACITY 64u
#define TUNNELS (SL_VXLAN_PORT | SL_TUNNEL_FLAG_GENEVE | SL_TUNNEL_FLAG_GRE | SL_TUNNEL_FLAG_GUE | SL_TUNNEL_FLAG_IPIP)
#define OPENED 5u /* kinds of tunnels */

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

const struct sl_egress *sl_egress_of(uint32_t backend_id)
{
	return backend_id == 1 ? &fake.egress : NULL;
}

bool sl_egress_return_port(const struct sl_services *services, const struct sl_conn *conn, struct sl_egress_port *port)
{
	(void)services;
	(void)conn;
	memset(port, 0, sizeof(*port));
	return true;
}

void sl_egress_return_action(const struct sl_conn *conn, const struct sl_egress_port *port, struct sl_action *action)
{
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

static bool card_submit(enum sl_offload_op op, uint32_t index)
{
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
	struct sl_conn_new c = { .mode = nat == BOTH_ENDS ? SL_MODE_FULLNAT : nat ? SL_MODE_NAT : SL_MODE_DSR_L2, .nat = nat, .backend_family = flow->key.family,
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

static void bench_up(struct sl_slowpath *sp, const struct sl_vector *v, const struct sl_vector_step *step,
		     const struct sl_headers *h)
{
	memset(&fake.services, 0, sizeof(fake.services));
	fake.vector = v;
	fake.backend = (struct sl_backend){ .id = 1, .service = &fake.service };
	fake.service.offload.policy = SL_OFFLOAD_NEVER;
	fake.services.backend[1] = &fake.backend;
	fake.services.tenants = fake.tenants;
	fake.services.tenant_count = 2;
	sp->services = &fake.services;
	memcpy(&sp->entropy, v->hash_key, sizeof(v->hash_key));
	for (unsigned int p = 0; p < SL_VECTOR_PORTS; p++) {
		sp->port[p].up = v->port_flags[p] & 1;
		if (step->frame.len >= 6)
			memcpy(sp->port[p].mac, step->frame.data, 6);
		sp->port[p].vtep[0] = sl_addr_make(h->outer.family, h->outer.dst);
	}
}

enum outcome { PASSED, FAILED, SKIPPED };

/* Reasons that end a frame in parsing, whatever the state. */
static bool ends_in_parse(unsigned int reason)
{
	return reason == SL_REASON_RUNT || reason == SL_REASON_OVERSIZE || reason == SL_REASON_BAD_IP ||
	       reason == SL_REASON_BAD_IP_CSUM;
}

/* Whether the rule that the frame matches opens its tunnel. */
static bool opens(const struct sl_vector *v, const struct sl_vector_step *step)
{
	for (size_t i = 0; i < v->rule_count; i++)
		if (v->rules[i].index == step->rule)
			return v->rules[i].rule.flags & SL_RULE_FLAG_DECAP;
	return false;
}

static unsigned int opened[OPENED]; /* forwarded out of tunnels, by kind */

static enum outcome frame_run(struct sl_slowpath *sp, const struct sl_vector *v, const struct sl_vector_step *step,
			      struct sl_slow_verdict *verdict)
{
	const bool decap = !strcmp(v->mode, "vxlan-decap") || opens(v, step);
	const struct sl_vector_flow *flow = NULL;
	const struct sl_action *action;
	struct sl_headers h = { 0 };
	struct sl_key key;
	int parsed = SL_REASON_RUNT;

	if (v->vxlan_port > 0xffff && v->vxlan_port != TUNNELS)
		return SKIPPED; /* the agent recognises every tunnel, at the usual ports */
	if (step->bad_fcs || !(v->ctrl & 1) || !(v->port_flags[step->port] & 1) || (step->frame.len && step->frame.data[0] & 1))
		return SKIPPED;
	if (step->frame.len >= SL_FRAME_MIN && step->frame.len <= SL_FRAME_MAX)
		parsed = sl_parse(sl_window_at(step->frame.data), step->frame.len, 0, TUNNELS, &h);
	for (size_t i = 0; !parsed && i < v->flow_count && !flow; i++) {
		if (!sl_key_build(&h, v->flows[i].key.tenant, decap, &key))
			flow = flow_of(v, &key);
	}
	bench_up(sp, v, step, &h);
	tenant_set(&h, flow ? flow->key.tenant : 1, decap && h.tunnel);
	if (flow && step->rule != 255 && !ends_in_parse(step->reason)) {
		action = action_of(v, flow->record.action);
		if (!action || !(action->flags & SL_ACTION_FLAG_VALID) || !(action->flags & SL_ACTION_FLAG_STRIP_L2) ||
		    step->reason == SL_REASON_RULE || step->copy || (v->vxlan_port != SL_VXLAN_PORT && v->vxlan_port != TUNNELS) ||
		    !copies_as_agent(&flow->record, action, sl_headers_packet(&h, decap)) || !conn_make(sp, flow))
			return SKIPPED;
		fake.egress = (struct sl_egress){ .ready = true, .action = *action };
		fake.back = *action;
	} else if (step->reason != SL_REASON_TUNNEL_ECN && (!ends_in_parse(step->reason) || decap)) {
		return SKIPPED;
	}
	sl_slowpath_run(sp, step->frame.data, step->frame.len, step->port, false, verdict);
	/* The agent's rules open untagged tunnels, those of the corpus all. */
	if (decap && h.tunnel && h.outer.tags && !ends_in_parse(step->reason))
		return verdict->fate == SL_SLOW_KERNEL ? PASSED : FAILED;
	if (verdict->reason != reason_here(step->reason))
		return FAILED;
	if (verdict->fate == SL_SLOW_FORWARD && !same_output(step, verdict))
		return FAILED;
	if (verdict->fate == SL_SLOW_FORWARD && decap)
		opened[h.tunnel - SL_TUNNEL_MODE_VNI]++;
	return PASSED;
}

static enum outcome step_run(const struct sl_vector *v, const struct sl_vector_step *step)
{
	static struct sl_worker_stats stats;
	static struct sl_slow_backend backends[SL_SERVICE_IDS + 1];
	static uint32_t retry[CAPACITY];
	static struct sl_slow_verdict verdict;
	static const uint64_t hash_key[2] = { 1, 2 };
	struct sl_conn *entries = calloc(CAPACITY, sizeof(*entries));
	struct sl_slowpath sp = { .shards = 0xffff, .now_ms = 1000, .stats = &stats, .backends = backends, .retry = retry,
				  .fragments = sl_fragments_create(1), .admission = sl_admission_create(SL_CONN_SHARDS), .offload = card_submit };
	uint32_t adopted, dropped;
	enum outcome outcome;

	sl_conn_sources_use(fake.sources);
	sp.table = sl_conn_table_create(entries, CAPACITY, hash_key, &adopted, &dropped);
	outcome = frame_run(&sp, v, step, &verdict);
	if (outcome == FAILED)
		printf("FAILED %s: wanted %s, got fate %u reason %s\n", v->name, sl_reason_name(step->reason), verdict.fate,
		       sl_reason_name(verdict.reason));
	sl_conn_table_destroy(sp.table);
	sl_fragments_destroy(sp.fragments);
	sl_admission_destroy(sp.admission);
	free(entries);
	return outcome;
}

int main(int argc, char **argv)
{
	static const char *const names[] = { "dsr-l2", "nat", "ipip", "vxlan", "gre", "gue", "geneve", "fullnat", "vxlan-decap" };
	unsigned int vectors = 0, modes[SL_MODES + 1] = { 0 }, sum[3] = { 0 };
	struct sl_corpus *corpus;
	char err[256];

	corpus = sl_corpus_load(argc > 1 ? argv[1] : "build/vectors/corpus.json", err, sizeof(err));
	if (!corpus) {
		fprintf(stderr, "vectors_software: %s\n", err);
		return 1;
	}
	for (size_t i = 0; i < corpus->count; i++) {
		const struct sl_vector *v = &corpus->vectors[i];
		unsigned int mine[3] = { 0 };

		for (size_t s = 0; v->frames_only && s < v->step_count; s++)
			mine[step_run(v, &v->steps[s])]++;
		sum[mine[FAILED] ? FAILED : mine[PASSED] ? PASSED : SKIPPED]++;
		vectors++;
		for (unsigned int m = 0; m < SL_MODES + 1; m++)
			modes[m] += mine[PASSED] && !strcmp(v->mode, names[m]);
	}
	sl_corpus_free(corpus);
	printf("%u passed, %u failed, %u skipped (the agent cannot be in such a state)\n", sum[PASSED], sum[FAILED], sum[SKIPPED]);
	for (unsigned int m = 0; m < SL_MODES + 1; m++) {
		printf("  %s: %u\n", names[m], modes[m]);
		/* A corpus that no longer reaches a mode must not look like success. */
		if (!modes[m])
			sum[FAILED]++;
	}
	for (unsigned int kind = 0; kind < OPENED; kind++) {
		printf("  forwarded out of %s: %u\n", sl_tunnel_mode_name(SL_TUNNEL_MODE_VNI + kind), opened[kind]);
		if (!opened[kind])
			sum[FAILED]++;
	}
	return sum[FAILED] ? 1 : 0;
}
