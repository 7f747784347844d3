/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The offload thread. Everything that touches rte_flow happens here or, before the thread exists, in sl_offload_init().
 *
 *   workers --requests--> [thread: rules of connections, next hops as shared actions] --results--> owner of the connection
 *
 * A connection has at most one request that changes it under way (its `offload` state says so), a worker frees it only
 * after REMOVE was answered, and these requests are done in order: so an entry read here is never another connection's.
 * Questions how long a connection has been idle wait in a ring of their own behind all others: thousands of connections
 * that close at a time must not delay the one that opens. Such a question may meet the slot's next connection; it is
 * answered for that one, which does no harm.
 *
 * A rule whose removal the driver could not confirm (the card did not answer in time) may still forward. Its connection is
 * *parked*: what was asked for is answered when the rule is known to be gone, and until then no other connection gets its entry.
 *
 * Bounds: the request rings (a full one is reported to the worker, which tries again), the counters read per SWEEP_EVERY_MS
 * (SWEEP_CONNS connections if they take no longer, and more for SWEEP_MS), next hops HOPS_MAX (then TABLE_FULL).
 */
#include "host/offload.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <rte_ethdev.h>
#include <rte_ring.h>
#include <urcu-qsbr.h>

#include "host/bond.h"
#include "host/classes.h"
#include "host/config.h"
#include "host/egress.h"
#include "host/first.h"
#include "host/flow_rule.h"
#include "host/hops.h"
#include "host/log.h"
#include "host/meters.h"
#include "host/port.h"
#include "host/port_info.h"
#include "host/probe.h"
#include "host/refusal.h"
#include "host/returns.h"
#include "host/slowpath.h"
#include "host/ways.h"
#include "host/worker.h"

#define REQUESTS 8192u
#define BATCH 64u
#define QUERY_BATCH 8u
#define SWEEP_EVERY_MS 100u
#define SWEEP_CONNS 32u
#define SWEEP_MS 10u
#define IDLE_MS 100
#define RESULT_WAIT_US 100u
#define PARKED_EVERY_MS 500u
#define OP_NONE 14 /* parked, and nobody waits for an answer */
#define OP_REFRESH 15 /* control thread: query, and count it in `refreshed` */
#define REFRESH_STEP_US 200u
#define BY_WAY UINT8_MAX /* the rule leaves by its home's way, which moves without it */

struct offload_request {
	uint32_t index;
	uint8_t op;
	uint8_t port; /* SL_OFFLOAD_ANY_PORT: not known */
	uint16_t reserved;
};

/* A connection that is in the card. */
struct offload_flow {
	struct rte_flow *rule[2];  /* forward, way back (NAT) */
	struct sl_hop *hop[2];
	uint8_t out[2];            /* port that the rule itself names, or BY_WAY */
	uint64_t packets[2], bytes[2]; /* as last read */
	uint64_t base_packets, base_bytes; /* counted before this time in the card */
	uint32_t backend_id;
	uint32_t at;     /* position in `active` */
	uint16_t proxy;
	uint8_t port;    /* whose driver has the rules */
	bool in;
	bool adopted;    /* its counters may have gone on: what they say first is part of the base */
	bool parked;     /* `at` is its position in off.parked */
	uint8_t op, reason; /* parked: the answer */
};

static struct {
	struct sl_conn_table *table;
	struct offload_flow *flow; /* by connection */
	uint32_t *active;
	uint32_t active_count, cursor;
	uint32_t *parked;
	uint32_t parked_count;
	uint64_t parked_ms;        /* last tried */
	uint64_t (*backend)[2];    /* packets, bytes by backend id */
	struct sl_offload_port_info info[SL_PORTS];
	uint16_t proxy[SL_PORTS];
	bool ready[SL_PORTS];      /* group 0 and catch-all were put in place */
	bool lost[SL_PORTS];       /* the device has gone and its connections were told */
	uint32_t capable;          /* of all ports together */
	struct rte_ring *requests;
	struct rte_ring *queries;  /* SL_OFFLOAD_QUERY only */
	struct sl_offload_stats stats;
	pthread_t thread;
	bool running;
	int wake;
	uint32_t sleeping, stop, configure, nexthops, bonds;
	uint32_t configure_asked, configure_did; /* how often; the control thread's, the offload thread's */
	void (*configured)(void);
	bool ways_due;             /* a way could not be moved: again */
	uint64_t bonds_ms;         /* when sl_offload_bonds_changed() was called */
	uint32_t refresh_asked;    /* control thread */
	uint32_t refreshed;        /* of them done; requests are done in order */
} off = { .wake = -1 };

static uint64_t boot_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void add(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

/* ---- counters ------------------------------------------------------------------------------------------------- */

/* Reads one direction; *idle_ms is lowered to how long it has been idle, if the driver knows. */
static void query_rule(struct offload_flow *flow, unsigned int direction, bool age, uint64_t *idle_ms)
{
	struct sl_flow_rule_counts counts;

	sl_flow_rule_query(flow->proxy, flow->rule[direction], age, &counts);
	if (counts.known) {
		if (counts.packets != flow->packets[direction] && !flow->adopted)
			*idle_ms = 0;
		flow->packets[direction] = counts.packets;
		flow->bytes[direction] = counts.bytes_known ? counts.bytes : flow->bytes[direction];
	}
	*idle_ms = RTE_MIN(*idle_ms, counts.idle_ms);
}

/* The first counters of an adopted connection: the base, saved by the last agent, holds them already. */
static void base_adjust(struct offload_flow *flow)
{
	const uint64_t packets = flow->packets[0] + flow->packets[1], bytes = flow->bytes[0] + flow->bytes[1];

	flow->adopted = false;
	flow->base_packets -= RTE_MIN(flow->base_packets, packets);
	flow->base_bytes -= RTE_MIN(flow->base_bytes, bytes);
}

/* Brings the entry's hardware counters and last_seen_ms up to date. */
static void flow_query(uint32_t index, bool age)
{
	struct offload_flow *flow = &off.flow[index];
	struct sl_conn *conn = sl_conn_at(off.table, index);
	struct sl_conn_card *card = sl_conn_card_at(off.table, index);
	uint64_t idle_ms = UINT64_MAX, packets, bytes, now;

	/* A card that hangs lets the driver wait, but nobody who waits for a grace period: no snapshot is in use here. */
	rcu_thread_offline();
	for (unsigned int d = 0; d < 2; d++) {
		if (flow->rule[d])
			query_rule(flow, d, age, &idle_ms);
	}
	rcu_thread_online();
	off.stats.queries++;
	if (flow->adopted)
		base_adjust(flow);
	packets = flow->base_packets + flow->packets[0] + flow->packets[1];
	bytes = flow->base_bytes + flow->bytes[0] + flow->bytes[1];
	if (packets > card->packets) {
		add(&off.stats.hw_packets, packets - card->packets);
		add(&off.stats.hw_bytes, bytes - card->bytes);
		add(&off.backend[flow->backend_id][0], packets - card->packets);
		add(&off.backend[flow->backend_id][1], bytes - card->bytes);
		__atomic_store_n(&card->packets, packets, __ATOMIC_RELAXED);
		__atomic_store_n(&card->bytes, bytes, __ATOMIC_RELAXED);
	}
	if (idle_ms == UINT64_MAX)
		return;
	now = boot_ms();
	if (idle_ms < sl_conn_idle_ms(&conn->last_seen_ms, now))
		__atomic_store_n(&conn->last_seen_ms, (uint32_t)(now - idle_ms), __ATOMIC_RELAXED);
}

/* Reads the counters of some connections in turn; what workers ask for goes first. */
static void sweep(void)
{
	const uint64_t start = boot_ms();

	for (unsigned int i = 0; i < off.active_count; i++) {
		if (boot_ms() - start >= (i < SWEEP_CONNS ? SWEEP_EVERY_MS : SWEEP_MS) || (i && !rte_ring_empty(off.requests)))
			break;
		if (__atomic_load_n(&off.bonds, __ATOMIC_RELAXED))
			break;
		if (off.cursor >= off.active_count)
			off.cursor = 0;
		flow_query(off.active[off.cursor++], false);
		rcu_quiescent_state();
	}
}

/* ---- connections ---------------------------------------------------------------------------------------------- */

static bool port_alive(unsigned int port)
{
	return !__atomic_load_n(&sl_port_at(port)->gone, __ATOMIC_ACQUIRE);
}

static bool port_usable(unsigned int port)
{
	return port < sl_port_count() && off.ready[port] && port_alive(port);
}

static enum sl_reason reason_of(int rc)
{
	return rc == ENOSPC || rc == ENOMEM ? SL_REASON_TABLE_FULL : SL_REASON_INSERT_FAILED;
}

static int rule_create(uint32_t index, bool reverse)
{
	struct offload_flow *flow = &off.flow[index];
	const struct sl_hop *hop = flow->hop[reverse];
	const struct rte_flow_action_handle *way = hop->handle ? sl_way_of(hop->action.port) : NULL;
	const unsigned int out = sl_bond_out(hop->action.port);
	const struct sl_conn *conn = sl_conn_at(off.table, index);
	struct rte_flow_error error = { 0 };
	struct sl_egress_port port;
	struct sl_flow_rule rule;
	struct sl_record record;
	struct sl_key key;
	int rc;

	sl_slowpath_record(off.table, index, reverse, &key, &record);
	sl_egress_return_port(sl_services_current(), conn, sl_conn_nat_at(off.table, index), &port);
	sl_flow_rule_conn(&rule, &key, port.vid, port.inner_vid, &record, &hop->action, hop->handle, way,
			  sl_port_at(out)->port_id);
	flow->out[reverse] = way ? BY_WAY : (uint8_t)out;
	rcu_thread_offline(); /* the rule refers to the hop's copy of the action */
	flow->rule[reverse] = rte_flow_create(flow->proxy, &rule.attr, rule.pattern, rule.actions, &error);
	rcu_thread_online();
	if (flow->rule[reverse])
		return 0;
	rc = rte_errno ? rte_errno : EINVAL;
	sl_refusal_keep(index, error.message ? error.message : "no words", strerror(rc));
	return rc;
}

/* False: the card did not answer, and may have the rule or not. */
static bool rule_destroy(uint32_t index, unsigned int direction)
{
	struct offload_flow *flow = &off.flow[index];
	struct rte_flow_error error = { 0 };
	const int rc = rte_flow_destroy(flow->proxy, flow->rule[direction], &error);

	if (sl_flow_rule_may_stand(rc))
		return false;
	if (rc)
		sl_log(SL_LOG_WARN, "rule-destroy", "connection=%u error=%s", index,
		       error.message ? error.message : "none given");
	return true;
}

static void leave_active(uint32_t index)
{
	struct offload_flow *flow = &off.flow[index];

	off.active[flow->at] = off.active[--off.active_count];
	off.flow[off.active[flow->at]].at = flow->at;
	flow->in = false;
	__atomic_store_n(&off.stats.hardware, off.active_count, __ATOMIC_RELAXED);
}

static void leave_parked(uint32_t index)
{
	struct offload_flow *flow = &off.flow[index];

	off.parked[flow->at] = off.parked[--off.parked_count];
	off.flow[off.parked[flow->at]].at = flow->at;
	flow->parked = false;
	__atomic_store_n(&off.stats.unconfirmed, off.parked_count, __ATOMIC_RELAXED);
}

/* False: rules are left whose removal was not confirmed; park it. */
static bool flow_clear(uint32_t index, bool device_lost)
{
	struct offload_flow *flow = &off.flow[index];
	bool clean = true;

	/* Forward first: what still comes back of the other direction keeps its translation as long as possible. */
	rcu_thread_offline();
	for (unsigned int d = 0; d < 2 && clean; d++) {
		clean = !flow->rule[d] || device_lost || rule_destroy(index, d);
		if (!clean)
			break;
		flow->rule[d] = NULL;
		if (flow->hop[d])
			sl_hop_put(flow->hop[d], device_lost);
		flow->hop[d] = NULL;
	}
	rcu_thread_online();
	if (flow->in)
		leave_active(index);
	if (!clean)
		return false;
	if (flow->parked)
		leave_parked(index);
	memset(flow, 0, sizeof(*flow));
	return true;
}

/* The hops of both directions, or why not. */
static enum sl_reason flow_hops(uint32_t index)
{
	struct offload_flow *flow = &off.flow[index];
	const struct sl_conn *conn = sl_conn_at(off.table, index);
	const struct sl_egress *egress = sl_egress_of(conn->backend_id);
	const bool indirect = off.info[flow->port].caps & SL_CAP_INDIRECT;
	const unsigned int spread = sl_conn_shard_of(off.table, index); /* as the workers do */
	const struct sl_conn_nat *nat = sl_conn_nat_at(off.table, index);
	struct sl_egress_port port;
	struct sl_action action;
	struct sl_addr client;
	uint32_t version;
	struct sl_key key;

	if (!egress || !egress->ready)
		return SL_REASON_NO_NEXTHOP;
	if (off.proxy[egress->port] != flow->proxy) {
		sl_refusal_keep(index, "the client's packets come by another card than they leave by", "one card's rule cannot do both");
		return SL_REASON_NO_CARD;
	}
	/* A rule has the MTU of the port that it leaves by; a smaller one, of a route, it could not keep. */
	if (egress->action.mtu < sl_port_at(egress->port)->mtu) {
		sl_refusal_keep(index, "the next hop's MTU is smaller than its port's", "no rule can say that");
		return SL_REASON_INSERT_FAILED;
	}
	action = egress->action;
	action.port = (uint8_t)sl_bond_home(action.port, spread);
	version = egress->version;
	rcu_thread_offline(); /* a hop's first user makes its action in the card */
	flow->hop[0] = sl_hop_get(flow->proxy, conn->backend_id, version, &action, indirect);
	rcu_thread_online();
	if (!flow->hop[0])
		return SL_REASON_TABLE_FULL;
	if (!conn->nat)
		return SL_REASON_OFFLOADED;
	if (!sl_egress_return_port(sl_services_current(), conn, nat, &port))
		return SL_REASON_NO_NEXTHOP;
	sl_egress_return_action(conn, nat, &port, &action);
	action.port = (uint8_t)sl_bond_home(action.port, spread);
	rcu_thread_offline();
	flow->hop[1] = sl_hop_get(flow->proxy, SL_HOP_CLIENT, 0, &action, indirect);
	rcu_thread_online();
	if (!flow->hop[1])
		return SL_REASON_TABLE_FULL;
	sl_conn_key(off.table, index, &key);
	client = sl_addr_make(key.family, key.src);
	if (flow->hop[1]->refs == 1)
		flow->hop[1]->way = sl_return_open(&client, port.index, nat->last_hop);
	else
		sl_return_join(flow->hop[1]->way, &client);
	return SL_REASON_OFFLOADED;
}

/* By a rule of the port, and of each other member of its bond. */
static bool covered(unsigned int port, const struct sl_key *key, bool source)
{
	const unsigned int lead = sl_bond_lead(port);
	bool all = sl_classes_cover(lead, key, source);

	for (unsigned int i = lead + 1; all && i < lead + sl_bond_members(lead); i++)
		all = sl_classes_cover(i, key, source);
	return all;
}

/* False: the connection's packets would not come to its rule, as classification rules are missing. Then nothing is gained,
 * and the connection would be called offloaded while all its packets pass the host. */
static bool flow_reachable(uint32_t index)
{
	const struct sl_conn *conn = sl_conn_at(off.table, index);
	const struct sl_egress *egress = sl_egress_of(conn->backend_id);
	struct sl_key key, reverse;

	sl_conn_key(off.table, index, &key);
	sl_conn_reverse_key(off.table, index, &reverse);
	if (covered(off.flow[index].port, &key, false) &&
	    (!conn->nat || covered(egress->port, &reverse, true)))
		return true;
	sl_refusal_keep(index, "its VIP or backend has no classification rule", "`card show` says why");
	return false;
}

/* Rules that may still be there: nobody is told of them yet, and nobody waits. */
static void flow_left(uint32_t index, bool clean)
{
	struct offload_flow *flow = &off.flow[index];

	if (clean || flow->parked)
		return;
	flow->parked = true;
	flow->op = OP_NONE;
	flow->at = off.parked_count;
	off.parked[off.parked_count++] = index;
	__atomic_store_n(&off.stats.unconfirmed, off.parked_count, __ATOMIC_RELAXED);
}

/* The port whose card gets the rules: where the client's packets come by. */
static uint8_t port_of(uint32_t index, uint8_t came_by)
{
	const struct sl_conn *conn = sl_conn_at(off.table, index);
	const struct sl_egress *egress = sl_egress_of(conn->backend_id);

	if (conn->nat)
		return sl_conn_nat_at(off.table, index)->last_hop_port;
	return came_by != SL_OFFLOAD_ANY_PORT ? came_by : egress ? (uint8_t)sl_bond_lead(egress->port) : 0;
}

/* Puts a connection into the card: the way back first. */
static enum sl_reason flow_insert(uint32_t index, uint8_t came_by)
{
	const struct sl_conn_card *card = sl_conn_card_take(off.table, index);
	const uint8_t port = port_of(index, came_by);
	struct offload_flow *flow = &off.flow[index];
	enum sl_reason reason;
	int rc = 0;

	if (flow->parked && !flow_clear(index, false)) {
		sl_refusal_keep(index, "a rule of this entry's last connection may still be in the card", strerror(ETIMEDOUT));
		return SL_REASON_INSERT_FAILED;
	}
	if (!port_usable(port))
		return SL_REASON_NO_CARD;
	if (!card) {
		sl_refusal_keep(index, "no shared memory is left for its counters", strerror(ENOSPC));
		return SL_REASON_INSERT_FAILED;
	}
	memset(flow, 0, sizeof(*flow));
	flow->port = port;
	flow->proxy = off.proxy[flow->port];
	flow->backend_id = sl_conn_at(off.table, index)->backend_id;
	flow->base_packets = card->packets;
	flow->base_bytes = card->bytes;
	reason = flow_hops(index);
	if (reason == SL_REASON_OFFLOADED && !flow_reachable(index))
		reason = SL_REASON_INSERT_FAILED;
	if (reason == SL_REASON_OFFLOADED && flow->hop[1])
		rc = rule_create(index, true);
	if (reason == SL_REASON_OFFLOADED && !rc)
		rc = rule_create(index, false);
	if (rc)
		reason = reason_of(rc);
	if (reason != SL_REASON_OFFLOADED) {
		flow_left(index, flow_clear(index, false));
		add(reason == SL_REASON_TABLE_FULL ? &off.stats.table_full : &off.stats.refused, 1);
		return reason;
	}
	flow->in = true;
	flow->at = off.active_count;
	off.active[off.active_count++] = index;
	__atomic_store_n(&off.stats.hardware, off.active_count, __ATOMIC_RELAXED);
	add(&off.stats.inserted, 1);
	return SL_REASON_OFFLOADED;
}

static void flow_remove(uint32_t index)
{
	if (!off.flow[index].in)
		return;
	flow_query(index, false);
	flow_left(index, flow_clear(index, false));
	add(&off.stats.removed, 1);
}

/* A result must not be lost; workers always empty their ring, so this waits only while one is behind. */
static void answer(uint32_t index, unsigned int op, enum sl_reason reason)
{
	const struct sl_offload_result result = { .index = index, .op = (uint8_t)op, .reason = (uint8_t)reason };

	while (!sl_worker_offload_result(&result) && !__atomic_load_n(&off.stop, __ATOMIC_RELAXED)) {
		rcu_quiescent_state();
		usleep(RESULT_WAIT_US);
	}
}

/* Answers at once, or when the connection's rules are known to be gone. */
static void answer_clean(uint32_t index, unsigned int op, enum sl_reason reason)
{
	struct offload_flow *flow = &off.flow[index];

	if (!flow->parked) {
		answer(index, op, reason);
		return;
	}
	flow->op = (uint8_t)op;
	flow->reason = (uint8_t)reason;
}

/* Tries again what was not confirmed; a card's first that is not again tells of the others: it still hangs. */
static void parked_retry(void)
{
	bool hangs[SL_PORTS] = { false };

	for (uint32_t i = off.parked_count; i-- > 0;) {
		const uint32_t index = off.parked[i];
		const struct offload_flow was = off.flow[index];

		if (hangs[was.port])
			continue;
		hangs[was.port] = !flow_clear(index, !port_alive(was.port));
		if (hangs[was.port])
			continue;
		if (was.op != OP_NONE)
			answer(index, was.op, was.reason);
		rcu_quiescent_state();
	}
	off.parked_ms = boot_ms();
}

static void request_run(const struct offload_request *r)
{
	switch (r->op) {
	case SL_OFFLOAD_INSERT:
		answer_clean(r->index, SL_OFFLOAD_INSERT, flow_insert(r->index, r->port));
		break;
	case SL_OFFLOAD_REMOVE:
		flow_remove(r->index);
		answer_clean(r->index, SL_OFFLOAD_REMOVE, SL_REASON_CLOSING);
		break;
	case SL_OFFLOAD_QUERY:
		if (off.flow[r->index].in)
			flow_query(r->index, true);
		answer(r->index, SL_OFFLOAD_QUERY, SL_REASON_OFFLOADED);
		break;
	case OP_REFRESH:
		if (off.flow[r->index].in)
			flow_query(r->index, false);
		__atomic_store_n(&off.refreshed, off.refreshed + 1, __ATOMIC_RELEASE);
		break;
	default:
		break;
	}
}

/* ---- next hops ------------------------------------------------------------------------------------------------ */

/* The connection's rules are made again, for a next hop that could not be changed in place. */
static void flow_remake(uint32_t index)
{
	const uint8_t came_by = off.flow[index].port;
	enum sl_reason reason;

	flow_remove(index);
	reason = flow_insert(index, came_by);
	add(&off.stats.retries, 1);
	if (reason != SL_REASON_OFFLOADED)
		answer_clean(index, SL_OFFLOAD_LOST, reason);
}

static void hop_refresh(struct sl_hop *hop)
{
	const struct sl_egress *egress = sl_egress_of(hop->id);
	struct sl_action action;
	uint32_t version;

	if (!egress || !egress->ready || egress->version == hop->version || egress->action.mtu != hop->action.mtu)
		return;
	action = egress->action;
	version = egress->version;
	if (sl_bond_lead(hop->action.port) == action.port)
		action.port = hop->action.port; /* its home stays */
	rcu_thread_offline();
	sl_hop_update(hop, version, &action);
	rcu_thread_online();
}

/* Ways back that have moved: connections in software learn it from their packets, those in hardware here. */
static void returns_refresh(void)
{
	static struct sl_hop *moved[SL_RETURNS];
	unsigned int n;

	rcu_thread_offline();
	n = sl_hop_returns_moved(moved, SL_RETURNS);
	rcu_thread_online();
	for (uint32_t i = off.active_count; n && i-- > 0;) {
		const uint32_t index = off.active[i];
		const struct sl_hop *hop = off.flow[index].hop[1];
		unsigned int j = 0;

		while (j < n && moved[j] != hop)
			j++;
		if (!hop || j == n)
			continue;
		sl_conn_set_last_hop(sl_conn_nat_at(off.table, index), hop->action.hdr, sl_conn_nat_at(off.table, index)->last_hop_port);
		if (hop->stale)
			flow_remake(index);
		rcu_quiescent_state();
	}
}

static void nexthops_refresh(void)
{
	returns_refresh();
	/* First what can be changed in place: one write moves all flows of a next hop. */
	sl_hop_for_each(hop_refresh);
	for (uint32_t i = off.active_count; i-- > 0;) {
		const struct sl_hop *hop = off.flow[off.active[i]].hop[0];
		const struct sl_egress *egress = sl_egress_of(hop->id);

		if (egress && egress->ready && egress->version != hop->version)
			flow_remake(off.active[i]);
		rcu_quiescent_state();
	}
}

/* ---- bonds ---------------------------------------------------------------------------------------------------- */

/* The members in use have changed: first one action for all flows of a home, then the rules that name their port themselves. */
static void bonds_refresh(void)
{
	const uint64_t start = boot_ms(), asked = __atomic_load_n(&off.bonds_ms, __ATOMIC_RELAXED);
	unsigned int remade = 0;

	off.ways_due = !sl_ways_move();
	for (uint32_t i = off.active_count; i-- > 0;) {
		const uint32_t index = off.active[i];
		const struct offload_flow *flow = &off.flow[index];
		bool moved = false;

		for (unsigned int d = 0; d < 2; d++)
			moved |= flow->hop[d] && flow->out[d] != BY_WAY && flow->out[d] != sl_bond_out(flow->hop[d]->action.port);
		if (moved)
			flow_remake(index);
		remade += moved;
		rcu_quiescent_state();
	}
	sl_log(off.ways_due ? SL_LOG_WARN : SL_LOG_INFO, "bond-moved", "flows=%u again=%u took_ms=%u after_ms=%u done=%s",
	       off.active_count, remade, (unsigned int)(boot_ms() - start), (unsigned int)(boot_ms() - asked),
	       off.ways_due ? "no" : "yes");
}

/* ---- ports ---------------------------------------------------------------------------------------------------- */

static void capable_update(void)
{
	uint32_t caps = UINT32_MAX;

	for (unsigned int i = 0; i < sl_port_count(); i++)
		caps &= sl_port_at(i)->gone ? 0 : off.info[i].caps;
	__atomic_store_n(&off.capable, sl_port_count() ? caps : 0, __ATOMIC_RELEASE);
}

uint32_t sl_offload_capable(void)
{
	return __atomic_load_n(&off.capable, __ATOMIC_ACQUIRE);
}

static void classes_apply(unsigned int i)
{
	struct sl_offload_port_info *info = &off.info[i];

	info->rules = sl_classes_sync(i, sl_services_current(), info->rules_error, sizeof(info->rules_error));
	sl_port_info_meters(i, sl_services_current(), info);
}

static void port_bring_up(unsigned int i)
{
	const struct sl_port *p = sl_port_at(i);

	sl_probe_port(off.proxy[i], p->port_id, &off.info[i]);
	sl_meters_open(i, off.proxy[i]);
	sl_port_info_meters(i, sl_services_current(), &off.info[i]);
	if (sl_bond_members(i) && p->domain == UINT16_MAX && off.info[i].caps) {
		off.info[i].caps = 0;
		snprintf(off.info[i].refusal, sizeof(off.info[i].refusal), "%s",
			 "the driver does not say that a bond's members are of one card (switch domain): no offload in bonds");
	}
	if (!off.info[i].caps)
		return;
	off.ready[i] = true;
	if (off.info[i].caps & SL_CAP_WAY)
		sl_way_open(i, off.proxy[sl_bond_lead(i)]);
	sl_port_info_probe_meters(i, off.proxy[i], &off.info[i]);
	if (sl_classes_open(i, off.proxy[i], off.info[i].caps, off.info[i].rules_error, sizeof(off.info[i].rules_error)))
		sl_log(SL_LOG_ERROR, "rules", "port=%s error=%s", p->name, off.info[i].rules_error);
	classes_apply(i);
}

static void classes_sync(bool all)
{
	for (unsigned int i = 0; i < sl_port_count(); i++) {
		if (!port_usable(i) || (!all && !sl_classes_unsure(i)))
			continue;
		rcu_thread_offline();
		sl_meters_apply(i);
		rcu_thread_online();
		classes_apply(i);
	}
}

/* A device was pulled: its rules are gone without a trace, its connections go on in software. */
static void ports_check(void)
{
	for (unsigned int port = 0; port < sl_port_count(); port++) {
		if (!__atomic_load_n(&sl_port_at(port)->gone, __ATOMIC_ACQUIRE) || off.lost[port])
			continue;
		off.lost[port] = true;
		off.ready[port] = false;
		capable_update();
		sl_classes_forget(port);
		for (uint32_t i = off.active_count; i-- > 0;) {
			const uint32_t index = off.active[i];

			if (off.flow[index].port != port)
				continue;
			flow_clear(index, true);
			answer(index, SL_OFFLOAD_LOST, SL_REASON_NO_CARD);
		}
	}
}

/* One connection that was in hardware, or on its way in or out, when the last agent ended. The driver adopts its rules if
 * the card still holds them; that their counters go on tells. Of closing connections nobody needs to know. */
static void adopt_conn(uint32_t index)
{
	struct sl_conn *conn = sl_conn_at(off.table, index);
	struct offload_flow *flow = &off.flow[index];
	const enum sl_reason reason = flow_insert(index, SL_OFFLOAD_ANY_PORT);

	if (reason != SL_REASON_OFFLOADED && flow->parked) {
		/* One of its rules may stand: the entry is its own until that is gone. */
		conn->offload = SL_CONN_REMOVING;
		flow->op = SL_OFFLOAD_REMOVE;
		flow->reason = (uint8_t)reason;
		return;
	}
	if (reason != SL_REASON_OFFLOADED) {
		conn->offload = SL_CONN_SOFTWARE;
		sl_conn_set_reason(off.table, index, reason);
		return;
	}
	flow->adopted = true;
	if (!(conn->flags & SL_CONN_EVICTED))
		sl_conn_set_reason(off.table, index, SL_REASON_OFFLOADED); /* it was on its way in, or out */
	if (conn->state == SL_CONN_CLOSING)
		return; /* there may be thousands; the sweep reads them */
	flow_query(index, false);
	if (flow->packets[0] + flow->packets[1])
		off.stats.adopted_rules++;
}

static void adopt_conns(void)
{
	for (uint32_t index = 0; index < sl_conn_table_capacity(off.table); index++) {
		const struct sl_conn *conn = sl_conn_at(off.table, index);

		if (conn->state == SL_CONN_FREE)
			continue;
		off.stats.adopted_conns++;
		if (conn->offload == SL_CONN_HARDWARE)
			adopt_conn(index);
	}
}

int sl_offload_init(const struct sl_config *config, struct sl_conn_table *table, char *err, size_t err_len)
{
	const uint32_t capacity = sl_conn_table_capacity(table);

	off.table = table;
	off.flow = calloc(capacity, sizeof(*off.flow));
	off.active = calloc(capacity, sizeof(*off.active));
	off.parked = calloc(capacity, sizeof(*off.parked));
	off.backend = calloc(SL_SERVICE_IDS, sizeof(*off.backend));
	off.requests = rte_ring_create_elem("offload", sizeof(struct offload_request), REQUESTS, SOCKET_ID_ANY, RING_F_SC_DEQ);
	off.queries = rte_ring_create_elem("offload-query", sizeof(struct offload_request), REQUESTS, SOCKET_ID_ANY,
					   RING_F_SC_DEQ);
	off.wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (!off.flow || !off.active || !off.parked || !off.backend || !off.requests || !off.queries || off.wake < 0 ||
	    sl_first_init(config->node.workers, table)) {
		snprintf(err, err_len, "out of memory for offloading %u connections", capacity);
		return -ENOMEM;
	}
	sl_classes_configure(config);
	sl_meters_configure(config);
	for (unsigned int i = 0; i < sl_port_count(); i++) {
		struct rte_flow_error error;

		if (rte_flow_pick_transfer_proxy(sl_port_at(i)->port_id, &off.proxy[i], &error))
			off.proxy[i] = sl_port_at(i)->port_id;
		port_bring_up(i);
	}
	capable_update();
	adopt_conns();
	return 0;
}

/* ---- the thread ----------------------------------------------------------------------------------------------- */

static void thread_sleep(void)
{
	struct pollfd fd = { .fd = off.wake, .events = POLLIN };
	uint64_t drained;

	__atomic_store_n(&off.sleeping, 1, __ATOMIC_SEQ_CST);
	rcu_thread_offline();
	if (rte_ring_empty(off.requests) && rte_ring_empty(off.queries) && !__atomic_load_n(&off.configure, __ATOMIC_RELAXED) &&
	    !__atomic_load_n(&off.nexthops, __ATOMIC_RELAXED) && !__atomic_load_n(&off.bonds, __ATOMIC_RELAXED) && poll(&fd, 1, IDLE_MS) > 0 &&
	    read(off.wake, &drained, sizeof(drained)) < 0)
		sl_log(SL_LOG_DEBUG, "offload-wake", "error=%s", strerror(errno));
	rcu_thread_online();
	__atomic_store_n(&off.sleeping, 0, __ATOMIC_RELAXED);
}

/* Up to `max` requests of a ring; how many there were. */
static unsigned int requests_run(struct rte_ring *ring, unsigned int max)
{
	struct offload_request request;
	unsigned int n = 0;

	for (; n < max && !rte_ring_dequeue_elem(ring, &request, sizeof(request)); n++) {
		request_run(&request);
		rcu_quiescent_state();
	}
	return n;
}

static void *thread_run(void *arg)
{
	uint64_t swept = boot_ms();

	(void)arg;
	rcu_register_thread();
	while (!__atomic_load_n(&off.stop, __ATOMIC_RELAXED)) {
		const uint32_t configure = __atomic_exchange_n(&off.configure, 0, __ATOMIC_ACQ_REL);
		const uint32_t bonds = __atomic_exchange_n(&off.bonds, 0, __ATOMIC_ACQ_REL);
		const uint32_t nexthops = __atomic_exchange_n(&off.nexthops, 0, __ATOMIC_ACQ_REL);
		unsigned int n;

		if (configure | bonds | nexthops)
			sl_first_changed(boot_ms()); /* before all else: what it decides meanwhile is by the table of before */
		if (configure) {
			/* Whoever asked has published what for before that. */
			const uint32_t asked = __atomic_load_n(&off.configure_asked, __ATOMIC_ACQUIRE);

			classes_sync(true);
			__atomic_store_n(&off.configure_did, asked, __ATOMIC_RELEASE);
			if (off.configured)
				off.configured();
		}
		if (bonds)
			bonds_refresh();
		if (nexthops)
			nexthops_refresh();
		ports_check();
		if (boot_ms() - off.parked_ms >= PARKED_EVERY_MS) {
			if (off.ways_due)
				bonds_refresh();
			parked_retry();
			classes_sync(false);
		}
		n = requests_run(off.requests, BATCH);
		n += requests_run(off.queries, QUERY_BATCH);
		if (boot_ms() - swept >= SWEEP_EVERY_MS) {
			sweep();
			sl_first_tick(boot_ms());
			swept = boot_ms();
		}
		rcu_quiescent_state();
		if (!n)
			thread_sleep();
	}
	rcu_unregister_thread();
	return NULL;
}

int sl_offload_start(char *err, size_t err_len)
{
	int rc;

	/* Drivers that take rules only while the port runs. */
	for (unsigned int i = 0; i < sl_port_count(); i++) {
		if (!off.info[i].caps)
			port_bring_up(i);
		sl_log(SL_LOG_INFO, "offload", "port=%s capabilities=0x%x rules=%u refusal=%s", sl_port_at(i)->name,
		       off.info[i].caps, off.info[i].rules, off.info[i].refusal);
	}
	capable_update();
	rc = pthread_create(&off.thread, NULL, thread_run, NULL);
	if (rc) {
		snprintf(err, err_len, "the offload thread does not start: %s", strerror(rc));
		return -rc;
	}
	off.running = true;
	return 0;
}

void sl_offload_stop(void)
{
	if (!off.running)
		return;
	__atomic_store_n(&off.stop, 1, __ATOMIC_RELAXED);
	eventfd_write(off.wake, 1);
	pthread_join(off.thread, NULL);
	off.running = false;
}

/* The card keeps what it has: the next agent adopts it. */
void sl_offload_fini(void)
{
	if (off.wake >= 0)
		close(off.wake);
	rte_ring_free(off.requests);
	rte_ring_free(off.queries);
	free(off.flow);
	free(off.active);
	free(off.parked);
	free(off.backend);
	off.backend = NULL;
	off.wake = -1;
	off.stop = off.active_count = off.parked_count = off.cursor = 0;
	memset(&off.stats, 0, sizeof(off.stats));
	memset(off.ready, 0, sizeof(off.ready));
	memset(off.lost, 0, sizeof(off.lost));
	sl_ways_forget();
	sl_first_fini();
}

/* ---- other threads -------------------------------------------------------------------------------------------- */

static void thread_wake(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(&off.sleeping, __ATOMIC_RELAXED) && eventfd_write(off.wake, 1))
		return; /* a full counter has woken it already */
}

static bool submit(uint8_t op, uint32_t index, uint8_t port)
{
	struct rte_ring *ring = op == SL_OFFLOAD_QUERY ? off.queries : off.requests;
	struct offload_request request = { .index = index, .op = op, .port = port };

	if (rte_ring_enqueue_elem(ring, &request, sizeof(request)))
		return false;
	thread_wake();
	return true;
}

bool sl_offload_submit(enum sl_offload_op op, uint32_t index, unsigned int port)
{
	return submit((uint8_t)op, index, (uint8_t)port);
}

bool sl_offload_refresh(uint32_t index, uint32_t wait_ms)
{
	const uint64_t until = boot_ms() + wait_ms;
	uint32_t ticket;

	if (!off.running || !submit(OP_REFRESH, index, SL_OFFLOAD_ANY_PORT))
		return false;
	ticket = ++off.refresh_asked;
	while ((int32_t)(__atomic_load_n(&off.refreshed, __ATOMIC_ACQUIRE) - ticket) < 0) {
		if (boot_ms() >= until)
			return false;
		usleep(REFRESH_STEP_US);
	}
	return true;
}

void sl_offload_configure(void)
{
	__atomic_store_n(&off.configure_asked, off.configure_asked + 1, __ATOMIC_RELEASE);
	__atomic_store_n(&off.configure, 1, __ATOMIC_RELEASE);
	if (off.running)
		thread_wake();
}

void sl_offload_configured(void (*done)(void))
{
	off.configured = done;
}

bool sl_offload_configure_done(void)
{
	return __atomic_load_n(&off.configure_did, __ATOMIC_ACQUIRE) == off.configure_asked;
}

void sl_offload_nexthops_changed(void)
{
	__atomic_store_n(&off.nexthops, 1, __ATOMIC_RELEASE);
	if (off.running)
		thread_wake();
}

void sl_offload_bonds_changed(void)
{
	__atomic_store_n(&off.bonds_ms, boot_ms(), __ATOMIC_RELAXED);
	__atomic_store_n(&off.bonds, 1, __ATOMIC_RELEASE);
	if (off.running)
		thread_wake();
}

void sl_offload_stats_get(struct sl_offload_stats *stats)
{
	*stats = off.stats;
	stats->nexthops = sl_hop_count();
}

void sl_offload_port_info_get(unsigned int port_index, struct sl_offload_port_info *info)
{
	*info = off.info[port_index];
}

void sl_offload_backend_counters(uint32_t backend_id, uint64_t *packets, uint64_t *bytes)
{
	*packets = off.backend ? __atomic_load_n(&off.backend[backend_id][0], __ATOMIC_RELAXED) : 0;
	*bytes = off.backend ? __atomic_load_n(&off.backend[backend_id][1], __ATOMIC_RELAXED) : 0;
}
