/* SPDX-License-Identifier: BSD-3-Clause */
/* Copies entries and counters for the control thread. A flow's id is its entry and its check word, so that a successor in
 * the same entry has another id. */
#include "host/view.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_ethdev.h>

#include "host/first.h"
#include "host/offload.h"
#include "host/places.h"
#include "host/port.h"
#include "host/port_view.h"
#include "host/refusal.h"
#include "host/worker.h"

#define LOOK_MAX 65536u /* entries that one call looks at */
#define REFRESH_MS 250u /* that the control thread waits for the card; a grace period of XDP takes up to 100 */

static uint64_t boot_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static uint64_t flow_id(uint32_t index, const struct sl_conn_copy *conn)
{
	return (uint64_t)conn->check << 32 | (index + 1);
}

static void flow_fill(uint32_t index, const struct sl_conn_copy *conn, uint64_t now_ms, struct sl_flow_view *out)
{
	static const char *const states[] = { "free", "embryonic", "established", "closing" };

	memset(out, 0, sizeof(*out));
	out->id = flow_id(index, conn);
	out->key = conn->key;
	out->backend_id = conn->backend_id;
	out->backend_address = sl_addr_make(conn->backend_family, conn->backend_addr);
	out->backend_port = ntohs(conn->backend_port);
	if (conn->mode == SL_MODE_FULLNAT && sl_conn_source(conn->nat.source)) {
		out->source_address = *sl_conn_source(conn->nat.source);
		out->source_port = ntohs(conn->nat.source_port);
	}
	out->hardware = conn->offload == SL_CONN_HARDWARE;
	out->reason = conn->reason;
	if (conn->reason == SL_REASON_INSERT_FAILED)
		sl_refusal_get(index, out->detail, sizeof(out->detail));
	out->state = states[conn->state & 3];
	out->since_ms = conn->since_ms;
	out->idle_ms = sl_conn_idle_ms(&conn->last_seen_ms, now_ms);
	out->hw_packets = conn->hw_packets;
	out->hw_bytes = conn->hw_bytes;
	out->sw_packets = conn->sw_packets;
	out->sw_bytes = conn->sw_bytes;
}

static unsigned int flow_list(void *ctx, uint64_t *cursor, bool (*match)(void *arg, const struct sl_flow_view *view),
			      void *arg, struct sl_flow_view *out, unsigned int max)
{
	const struct sl_conn_table *table = ctx;
	const uint32_t capacity = sl_conn_table_capacity(table);
	const uint64_t now_ms = boot_ms();
	uint64_t index = *cursor;
	unsigned int n = 0;
	struct sl_conn_copy conn;

	for (uint32_t looked = 0; index < capacity && n < max && looked < LOOK_MAX; index++, looked++) {
		if (!sl_conn_read(table, (uint32_t)index, &conn))
			continue;
		flow_fill((uint32_t)index, &conn, now_ms, &out[n]);
		if (!match || match(arg, &out[n]))
			n++;
	}
	*cursor = index < capacity ? index : 0;
	return n;
}

static bool flow_read(const struct sl_conn_table *table, uint64_t id, uint32_t *index, struct sl_conn_copy *conn)
{
	*index = (uint32_t)id - 1;
	return *index < sl_conn_table_capacity(table) && sl_conn_read(table, *index, conn) && conn->check == id >> 32;
}

static int flow_get(void *ctx, uint64_t id, struct sl_flow_view *out)
{
	struct sl_conn_copy conn;
	uint32_t index;
	bool stale = false;

	if (!flow_read(ctx, id, &index, &conn))
		return -ENOENT;
	if (conn.offload == SL_CONN_HARDWARE) {
		stale = !sl_offload_refresh(index, REFRESH_MS);
		if (!flow_read(ctx, id, &index, &conn))
			return -ENOENT;
	}
	flow_fill(index, &conn, boot_ms(), out);
	out->counters_stale = stale;
	return 0;
}

static int flow_evict(void *ctx, uint64_t id)
{
	struct sl_conn_copy conn;
	uint32_t index;

	if (!flow_read(ctx, id, &index, &conn))
		return -ENOENT;
	if (conn.flags & SL_CONN_EVICTED || (conn.offload != SL_CONN_HARDWARE && conn.offload != SL_CONN_INSERTING))
		return -EALREADY;
	return sl_worker_evict(index, conn.check);
}

static unsigned int port_count(void *ctx)
{
	(void)ctx;
	return sl_port_count();
}

static void data_view(void *ctx, struct sl_data_view *out)
{
	const struct sl_conn_table *table = ctx;
	struct sl_offload_stats offload;
	struct sl_worker_stats stats;

	memset(out, 0, sizeof(*out));
	sl_worker_stats_sum(&stats);
	sl_offload_stats_get(&offload);
	out->adopted_connections = offload.adopted_conns;
	out->adopted_rules = offload.adopted_rules;
	out->connections = sl_conn_table_used(table);
	out->connections_max = sl_conn_table_capacity(table);
	out->hardware_connections = offload.hardware;
	out->inserted = offload.inserted;
	out->removed = offload.removed;
	out->refused = offload.refused;
	out->retries = offload.retries;
	out->table_full = offload.table_full;
	out->unconfirmed = offload.unconfirmed;
	out->hw_packets = offload.hw_packets;
	out->hw_bytes = offload.hw_bytes;
	out->sw_packets = stats.reason_packets[SL_REASON_SOFTWARE];
	out->sw_bytes = stats.reason_bytes[SL_REASON_SOFTWARE];
	out->created = stats.conns_created;
	out->expired = stats.conns_expired;
	out->closed = stats.conns_closed;
	out->kernel_rx = stats.kernel_rx;
	out->kernel_tx = stats.kernel_tx;
	out->icmp_sent = stats.icmp_sent;
	out->icmp_passed = stats.icmp_passed;
	out->icmp_limited = stats.icmp_limited;
	out->mss_lowered = stats.mss_lowered;
	out->cut = stats.cut;
	out->source_ports = stats.source_ports_taken - stats.source_ports_given;
	out->tx_dropped = stats.tx_dropped;
	out->held_dropped = stats.held_dropped;
	memcpy(out->reason_packets, stats.reason_packets, sizeof(out->reason_packets));
	memcpy(out->reason_bytes, stats.reason_bytes, sizeof(out->reason_bytes));
}

static void backend_view(void *ctx, uint32_t backend_id, struct sl_backend_counters *out)
{
	struct sl_backend_stats stats;

	(void)ctx;
	sl_worker_backend_stats(backend_id, &stats);
	*out = (struct sl_backend_counters){ .connections = stats.connections, .connections_total = stats.connections_total,
					     .hw_packets = stats.hw_packets, .hw_bytes = stats.hw_bytes,
					     .sw_packets = stats.sw_packets, .sw_bytes = stats.sw_bytes,
					     .awaited = sl_places_await((uint16_t)backend_id) };
}

static bool first_view(void *ctx, uint32_t service_id, struct sl_first_counters *out)
{
	struct sl_first_view v;

	(void)ctx;
	if (!sl_first_view(service_id, &v))
		return false;
	*out = (struct sl_first_counters){ .packets = v.packets, .bytes = v.bytes, .syns = v.syns, .unhinted = v.unhinted,
					   .places = v.places, .held = v.held, .stands = v.stands };
	return true;
}

void sl_view_init(struct sl_conn_table *table, struct sl_control_ops *ops)
{
	ops->flow_list = flow_list;
	ops->flow_get = flow_get;
	ops->flow_evict = flow_evict;
	ops->port_count = port_count;
	ops->port = sl_port_view_get;
	ops->port_gone = sl_port_view_gone;
	ops->data = data_view;
	ops->backend = backend_view;
	ops->first = first_view;
	ops->ctx = table;
}
