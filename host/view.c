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

#include "host/offload.h"
#include "host/port.h"
#include "host/refusal.h"
#include "host/worker.h"

#define LOOK_MAX 65536u /* entries that one call looks at */
#define REFRESH_MS 50u  /* that the control thread waits for the card */

static uint64_t boot_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static uint64_t flow_id(uint32_t index, const struct sl_conn *conn)
{
	return (uint64_t)conn->check << 32 | (index + 1);
}

static void flow_fill(uint32_t index, const struct sl_conn *conn, uint64_t now_ms, struct sl_flow_view *out)
{
	static const char *const states[] = { "free", "embryonic", "established", "closing" };

	memset(out, 0, sizeof(*out));
	out->id = flow_id(index, conn);
	out->key = conn->key;
	out->backend_id = conn->backend_id;
	out->backend_address = sl_addr_make(conn->backend_family, conn->backend_addr);
	out->backend_port = ntohs(conn->backend_port);
	out->hardware = conn->offload == SL_CONN_HARDWARE;
	out->reason = conn->reason;
	if (conn->reason == SL_REASON_INSERT_FAILED)
		sl_refusal_get(index, out->detail, sizeof(out->detail));
	out->state = states[conn->state & 3];
	out->since_ms = sl_conn_since_ms(conn);
	out->idle_ms = now_ms > conn->last_seen_ms ? now_ms - conn->last_seen_ms : 0;
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
	struct sl_conn conn;

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

static bool flow_read(const struct sl_conn_table *table, uint64_t id, uint32_t *index, struct sl_conn *conn)
{
	*index = (uint32_t)id - 1;
	return *index < sl_conn_table_capacity(table) && sl_conn_read(table, *index, conn) && conn->check == id >> 32;
}

static int flow_get(void *ctx, uint64_t id, struct sl_flow_view *out)
{
	struct sl_conn conn;
	uint32_t index;

	if (!flow_read(ctx, id, &index, &conn))
		return -ENOENT;
	if (conn.offload == SL_CONN_HARDWARE && sl_offload_refresh(index, REFRESH_MS) && !flow_read(ctx, id, &index, &conn))
		return -ENOENT;
	flow_fill(index, &conn, boot_ms(), out);
	return 0;
}

static int flow_evict(void *ctx, uint64_t id)
{
	struct sl_conn conn;
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

/* The card's own counters, where the driver has them under these names. */
static void port_xstats(const struct sl_port *p, struct sl_port_view *out)
{
	const int n = rte_eth_xstats_get_names(p->port_id, NULL, 0);
	struct rte_eth_xstat_name *names = n > 0 ? calloc((size_t)n, sizeof(*names)) : NULL;
	struct rte_eth_xstat *values = n > 0 ? calloc((size_t)n, sizeof(*values)) : NULL;
	char packets[RTE_ETH_XSTATS_NAME_SIZE], bytes[RTE_ETH_XSTATS_NAME_SIZE];

	if (names && values && rte_eth_xstats_get_names(p->port_id, names, (unsigned int)n) == n &&
	    rte_eth_xstats_get(p->port_id, values, (unsigned int)n) == n) {
		for (int i = 0; i < n; i++) {
			const char *name = names[values[i].id].name;

			if (!strcmp(name, "wire_rx_packets"))
				out->rx_packets = values[i].value;
			else if (!strcmp(name, "wire_rx_bytes"))
				out->rx_bytes = values[i].value;
			else if (!strcmp(name, "wire_tx_packets"))
				out->tx_packets = values[i].value;
			else if (!strcmp(name, "wire_tx_bytes"))
				out->tx_bytes = values[i].value;
			if (strncmp(name, "reason_", 7))
				continue;
			out->has_reasons = true;
			for (unsigned int r = 0; r < SL_REASON_HANDSHAKE; r++) {
				if (!sl_reason_name(r))
					continue;
				snprintf(packets, sizeof(packets), "reason_%s_packets", sl_reason_name(r));
				snprintf(bytes, sizeof(bytes), "reason_%s_bytes", sl_reason_name(r));
				if (!strcmp(name, packets))
					out->reason_packets[r] = values[i].value;
				else if (!strcmp(name, bytes))
					out->reason_bytes[r] = values[i].value;
			}
		}
	}
	free(names);
	free(values);
}

static void port_meters(const struct sl_offload_port_info *info, struct sl_port_view *out)
{
	const char *why = !info->caps ? "no offload" : !(info->caps & SL_CAP_METER) ? "the driver has no such meters" :
			  "no rule needs it";

	snprintf(out->meters_error, sizeof(out->meters_error), "%s", info->meters_error);
	for (unsigned int i = 0; i < SL_METERED_CLASSES; i++) {
		const struct sl_meter_info *m = &info->meters[i];

		out->meter[i].name = sl_metered_name(i);
		out->meter[i].made = m->made && info->caps & SL_CAP_METER;
		out->meter[i].rate_pps = m->rate_pps;
		out->meter[i].burst = m->burst;
		snprintf(out->meter[i].why, sizeof(out->meter[i].why), "%s", m->why[0] || out->meter[i].made ? m->why : why);
	}
}

static void port_capabilities(unsigned int index, struct sl_port_view *out)
{
	static const struct {
		uint32_t cap;
		const char *name;
	} names[] = {
		{ SL_CAP_L2, "l2-rewrite" },	{ SL_CAP_NAT4, "nat-ipv4" },	      { SL_CAP_NAT6, "nat-ipv6" },
		{ SL_CAP_IPIP, "ip-in-ip" },	{ SL_CAP_VXLAN_ENCAP, "vxlan-encap" }, { SL_CAP_VXLAN_DECAP, "vxlan-decap" },
		{ SL_CAP_COPY, "copy-to-host" }, { SL_CAP_INDIRECT, "shared-actions" }, { SL_CAP_IPV6, "ipv6" },
		{ SL_CAP_METER, "meters" },	{ SL_CAP_METER_COPY, "meters-of-copies" }, { SL_CAP_METER_MISS, "meters-of-misses" },
		{ SL_CAP_GRE, "gre" },		{ SL_CAP_GUE, "gue" },		      { SL_CAP_GENEVE, "geneve-encap" },
	};
	struct sl_offload_port_info info;

	sl_offload_port_info_get(index, &info);
	if (sl_port_at(index)->gone) {
		memset(&info, 0, sizeof(info));
		snprintf(info.refusal, sizeof(info.refusal), "%s", "the device has gone; restart sluiced when it is back");
	}
	out->offload = info.caps;
	out->capability_count = sizeof(names) / sizeof(names[0]);
	for (unsigned int i = 0; i < out->capability_count; i++) {
		out->capability[i].name = names[i].name;
		out->capability[i].supported = info.caps & names[i].cap;
	}
	snprintf(out->refusal, sizeof(out->refusal), "%s", info.refusal);
	out->rules = info.rules;
	snprintf(out->rules_error, sizeof(out->rules_error), "%s", info.rules_error);
	port_meters(&info, out);
}

static void port_view(void *ctx, unsigned int index, struct sl_port_view *out)
{
	const struct sl_port *p = sl_port_at(index);
	struct rte_eth_dev_info info;
	struct rte_eth_stats stats;
	struct rte_eth_link link;

	(void)ctx;
	memset(out, 0, sizeof(*out));
	snprintf(out->name, sizeof(out->name), "%s", p->name);
	snprintf(out->device, sizeof(out->device), "%s", p->device);
	snprintf(out->kernel_interface, sizeof(out->kernel_interface), "%s", p->kernel_name);
	memcpy(out->mac, p->mac, sizeof(out->mac));
	out->mtu = p->mtu;
	port_capabilities(index, out);
	if (p->gone)
		return;
	if (!rte_eth_dev_info_get(p->port_id, &info) && info.driver_name)
		snprintf(out->driver, sizeof(out->driver), "%s", info.driver_name);
	if (!rte_eth_link_get_nowait(p->port_id, &link))
		out->link = link.link_status;
	if (!rte_eth_stats_get(p->port_id, &stats)) {
		out->rx_packets = stats.ipackets;
		out->rx_bytes = stats.ibytes;
		out->tx_packets = stats.opackets;
		out->tx_bytes = stats.obytes;
		out->rx_missed = stats.imissed + stats.rx_nombuf;
		out->rx_errors = stats.ierrors;
		out->tx_errors = stats.oerrors;
	}
	port_xstats(p, out);
	if (rte_eth_dev_fw_version_get(p->port_id, out->firmware, sizeof(out->firmware)))
		out->firmware[0] = '\0';
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
					     .sw_packets = stats.sw_packets, .sw_bytes = stats.sw_bytes };
}

void sl_view_init(struct sl_conn_table *table, struct sl_control_ops *ops)
{
	ops->flow_list = flow_list;
	ops->flow_get = flow_get;
	ops->flow_evict = flow_evict;
	ops->port_count = port_count;
	ops->port = port_view;
	ops->data = data_view;
	ops->backend = backend_view;
	ops->ctx = table;
}
