/* SPDX-License-Identifier: BSD-3-Clause */
/* See learn.h. */
#include "host/learn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>

#include <rte_ring.h>

#include "host/slowpath_private.h"

#define TCP_FIN 1
#define TCP_RST 4
#define HINTS_AT_ONCE 64u
#define ADD_MOST (1u << 30) /* bytes that sl_conn_add() takes */

static struct {
	struct rte_ring *ring[SL_WORKERS_MAX];
	unsigned int workers;
	struct sl_conn_table *table;
} learn;

int sl_learn_open(unsigned int workers, struct sl_conn_table *table)
{
	learn.workers = workers;
	learn.table = table;
	for (unsigned int i = 0; i < workers; i++) {
		char name[32];

		snprintf(name, sizeof(name), "learn%u", i);
		learn.ring[i] = rte_ring_create_elem(name, sizeof(struct sl_first_hint), SL_LEARN_RING, SOCKET_ID_ANY,
						     RING_F_SP_ENQ | RING_F_SC_DEQ);
		if (!learn.ring[i])
			return -ENOMEM;
	}
	return 0;
}

void sl_learn_close(void)
{
	for (unsigned int i = 0; i < learn.workers; i++) {
		rte_ring_free(learn.ring[i]);
		learn.ring[i] = NULL;
	}
	learn.workers = 0;
}

static unsigned int shard_of(const struct sl_conn_table *table, const struct sl_key *key)
{
	return sl_conn_shard(table, key->src, key->sport, key->tenant);
}

bool sl_learn_put(const struct sl_first_hint *hint)
{
	struct sl_first_hint copy = *hint;

	return !rte_ring_enqueue_elem(learn.ring[shard_of(learn.table, &hint->key) % learn.workers], &copy, sizeof(copy));
}

unsigned int sl_learn_run(unsigned int worker, struct sl_slowpath *sp)
{
	struct sl_first_hint hint;
	unsigned int n = 0;

	for (; n < HINTS_AT_ONCE && !rte_ring_dequeue_elem(learn.ring[worker], &hint, sizeof(hint)); n++)
		sl_learn_hint(sp, &hint);
	return n;
}

/* Where the program has sent the packets; what a table that is no longer the agent's may say, this one decides anew. */
static const struct sl_backend *backend_of(const struct sl_slowpath *sp, const struct sl_service *service,
					   const struct sl_first_hint *hint)
{
	for (unsigned int i = 0; i < service->backend_count; i++)
		if (service->backends[i]->identity == hint->identity)
			return service->backends[i];
	return sl_slow_backend(sp, service, &hint->key, hint->key.proto == IPPROTO_TCP);
}

static uint32_t connection_new(struct sl_slowpath *sp, const struct sl_first_hint *hint, unsigned int shard)
{
	const struct sl_key *key = &hint->key;
	const struct sl_service *service = sl_services_lookup(sp->services, key->tenant, key->family, key->dst, key->proto,
							      ntohs(key->dport));
	const uint32_t parts = (uint32_t)__builtin_popcount(sp->shards);
	const struct sl_backend *backend;
	uint32_t index, cookie;

	/* The last packets of a connection make no entry, here as in run_new(). */
	if (!service || sl_mode_nat(service->mode) || hint->tcp_flags & (TCP_FIN | TCP_RST))
		return SL_CONN_NONE;
	backend = backend_of(sp, service, hint);
	if (!backend)
		return SL_CONN_NONE;
	if (sl_admission_ask(sp->admission, service, key, false, parts, sp->now_ms, &cookie) == SL_ADMIT_FULL) {
		count(sp, SL_REASON_SERVICE_FULL, 0);
		return SL_CONN_NONE;
	}
	if (sl_slow_conn_make(sp, key, shard, backend, false, &index)) {
		count(sp, SL_REASON_CONN_FULL, 0);
		return SL_CONN_NONE;
	}
	return index;
}

/* The packets went by the card; of an entry that the offload thread has, its counter is that thread's. */
static void count_hint(struct sl_slowpath *sp, uint32_t index, const struct sl_first_hint *hint)
{
	struct sl_conn *const conn = sl_conn_at(sp->table, index);
	struct sl_conn_card *const card = conn->offload == SL_CONN_SOFTWARE ? sl_conn_card_take(sp->table, index) : NULL;
	struct sl_conn_rest *const rest = sl_conn_rest_at(sp->table, index);
	struct sl_slow_backend *b = &sp->backends[conn->backend_id];

	b->first_packets += hint->packets;
	b->first_bytes += hint->bytes;
	if (card) {
		__atomic_store_n(&card->packets, card->packets + hint->packets, __ATOMIC_RELAXED);
		__atomic_store_n(&card->bytes, card->bytes + hint->bytes, __ATOMIC_RELAXED);
	} else {
		sl_conn_add(&conn->sw_packets, &rest->packets_high, hint->packets);
		for (uint64_t left = hint->bytes; left; left -= left < ADD_MOST ? left : ADD_MOST)
			sl_conn_add(&conn->sw_bytes, &rest->bytes_high, left < ADD_MOST ? (uint32_t)left : ADD_MOST);
	}
}

void sl_learn_hint(struct sl_slowpath *sp, const struct sl_first_hint *hint)
{
	const unsigned int shard = shard_of(sp->table, &hint->key);
	bool reverse = false;
	uint32_t index = sl_conn_find(sp->table, shard, &hint->key, &reverse);
	const struct sl_backend *backend;
	struct sl_conn *conn;

	if (index == SL_CONN_NONE)
		index = connection_new(sp, hint, shard);
	if (index == SL_CONN_NONE || reverse)
		return;
	conn = sl_conn_at(sp->table, index);
	backend = sl_services_backend(sp->services, conn->backend_id);
	if (!backend)
		return;
	sl_slowpath_follow(sp, index, hint->tcp_flags, NULL, false, backend->service);
	count_hint(sp, index, hint);
	if (hint->packets > 1) /* what the second one says */
		sl_slowpath_follow(sp, index, hint->tcp_flags, NULL, false, backend->service);
	sl_slowpath_consider(sp, index, backend->service, SL_OFFLOAD_ANY_PORT);
}
