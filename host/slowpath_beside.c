/* SPDX-License-Identifier: BSD-3-Clause */
/* The slow path beside the packets: what the offload thread answers, an operator's wishes, and connections that have been idle. */
#include "host/slowpath.h"
#include "host/slowpath_private.h"

/* True if the connection has been idle for longer than it may where it is; *over: for longer than it may live. Else
 * *deadline is when to look again. */
static bool conn_idle(const struct sl_slowpath *sp, const struct sl_conn *conn, bool *over, uint64_t *deadline)
{
	const struct sl_backend *backend = sl_slow_conn_backend(sp, conn);
	const uint64_t seen = sp->now_ms - sl_conn_idle_ms(&conn->last_seen_ms, sp->now_ms);
	uint32_t timeout = backend ? sl_conn_timeout_ms(conn, &backend->service->timeouts) : 0;

	*over = seen + timeout <= sp->now_ms;
	if (conn->offload == SL_CONN_HARDWARE && conn->state == SL_CONN_CLOSING && timeout > SL_SLOW_CLOSING_IN_CARD_MS)
		timeout = SL_SLOW_CLOSING_IN_CARD_MS;
	*deadline = seen + timeout;
	return *deadline <= sp->now_ms;
}

/* The card has been asked how long a connection has been idle. */
static void query_done(struct sl_slowpath *sp, uint32_t index)
{
	struct sl_conn *conn = sl_conn_at(sp->table, index);
	uint64_t deadline;
	bool over;

	if (conn->offload != SL_CONN_HARDWARE)
		return;
	if (!conn_idle(sp, conn, &over, &deadline)) {
		sl_conn_set_deadline(sp->table, index, deadline);
	} else if (sl_slow_offload_remove(sp, conn, index) && over) {
		conn->flags |= SL_CONN_DOOMED;
		sl_conn_set_reason(sp->table, index, SL_REASON_IDLE);
		sp->stats->conns_expired++;
	}
}

bool sl_slowpath_offload_done(struct sl_slowpath *sp, const struct sl_offload_result *result)
{
	struct sl_conn *conn = sl_conn_at(sp->table, result->index);

	if (result->op == SL_OFFLOAD_LOST) {
		/* If it is being removed, the answer to that is still to come. */
		if (conn->offload != SL_CONN_HARDWARE)
			return false;
		conn->offload = SL_CONN_SOFTWARE;
		if (conn->flags & SL_CONN_DOOMED) {
			sl_slow_conn_drop(sp, result->index);
			return true;
		}
		sl_conn_set_reason(sp->table, result->index, result->reason);
		sl_slow_retry_later(sp, result->index);
		return false;
	}
	if (result->op == SL_OFFLOAD_QUERY) {
		query_done(sp, result->index);
		return false;
	}
	if (result->op == SL_OFFLOAD_INSERT && result->reason == SL_REASON_OFFLOADED) {
		conn->offload = SL_CONN_HARDWARE;
		sl_conn_rest_at(sp->table, result->index)->more &= (uint8_t)~SL_CONN_TRIED & 15;
		if (conn->state == SL_CONN_CLOSING)
			sl_conn_set_deadline(sp->table, result->index, sp->now_ms + SL_SLOW_CLOSING_IN_CARD_MS);
		if (!(conn->flags & (SL_CONN_DOOMED | SL_CONN_EVICTED)))
			sl_conn_set_reason(sp->table, result->index, SL_REASON_OFFLOADED);
		else if (!sl_slow_offload_remove(sp, conn, result->index))
			sl_conn_set_deadline(sp->table, result->index, 0); /* the next scan tries again: a SYN may be held for it */
		return false;
	}
	conn->offload = SL_CONN_SOFTWARE;
	if (conn->flags & SL_CONN_DOOMED) {
		sl_slow_conn_drop(sp, result->index);
		return true;
	}
	sl_conn_set_reason(sp->table, result->index, conn->flags & SL_CONN_EVICTED ? SL_REASON_EVICTED : result->reason);
	sl_slow_retry_later(sp, result->index);
	return false;
}

void sl_slowpath_evict(struct sl_slowpath *sp, uint32_t index, uint32_t check)
{
	struct sl_conn *conn = sl_conn_at(sp->table, index);

	if (conn->state == SL_CONN_FREE || sl_conn_rest_at(sp->table, index)->check != check)
		return;
	conn->flags |= SL_CONN_EVICTED;
	if (!sl_slow_offload_remove(sp, conn, index))
		sl_conn_set_deadline(sp->table, index, 0); /* the next scan tries again */
}

static void expire_one(struct sl_slowpath *sp, uint32_t index)
{
	struct sl_conn *conn = sl_conn_at(sp->table, index);
	uint64_t deadline;
	bool over;

	sl_conn_set_deadline(sp->table, index, sp->now_ms + 1000);
	if (conn->offload == SL_CONN_HARDWARE && conn->flags & (SL_CONN_DOOMED | SL_CONN_EVICTED)) {
		sl_slow_offload_remove(sp, conn, index);
	} else if (!conn_idle(sp, conn, &over, &deadline)) {
		sl_conn_set_deadline(sp->table, index, deadline);
	} else if (conn->offload == SL_CONN_HARDWARE) {
		if (!sp->offload(SL_OFFLOAD_QUERY, index, SL_OFFLOAD_ANY_PORT))
			sp->stats->offload_queue_full++;
	} else if (conn->offload == SL_CONN_SOFTWARE) {
		sp->stats->conns_expired++;
		count(sp, SL_REASON_IDLE, 0);
		sl_slow_conn_drop(sp, index);
	}
}

void sl_slowpath_expire(struct sl_slowpath *sp, uint32_t count_max)
{
	uint32_t due[32];

	for (unsigned int shard = 0; shard < SL_CONN_SHARDS; shard++) {
		uint32_t left = sp->shards >> shard & 1 ? count_max : 0;

		while (left) {
			const unsigned int n = sl_conn_scan(sp->table, shard, &left, sp->now_ms, due, 32);

			for (unsigned int i = 0; i < n; i++)
				sl_conn_prefetch(sp->table, due[i]);
			for (unsigned int i = 0; i < n; i++)
				expire_one(sp, due[i]);
		}
	}
}
