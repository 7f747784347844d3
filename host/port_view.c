/* SPDX-License-Identifier: BSD-3-Clause */
/* A thread of its own asks the drivers, one port at a time; who wants to know waits for it, but not for long. */
#include "host/port_view.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_ethdev.h>

#include "host/bond.h"
#include "host/meters.h"
#include "host/offload.h"
#include "host/port.h"

#define WAIT_MS 500u       /* for an answer */
#define WAIT_AGAIN_MS 20u  /* while an earlier question is not answered yet */

/* What only the device can tell. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t change;
	pthread_t thread;
	bool running, stop;
	bool wanted[SL_PORTS];              /* asked for, and the thread has not begun */
	bool busy;                          /* it asks */
	struct sl_port_view told[SL_PORTS]; /* as of told_ms */
	uint64_t told_ms[SL_PORTS];         /* CLOCK_MONOTONIC; 0 never */
} ask = { .lock = PTHREAD_MUTEX_INITIALIZER };

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
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
	for (unsigned int i = 0; i < SL_METERED_CLASSES + info->service_meter_count && i < RTE_DIM(out->meter); i++) {
		const struct sl_service_meter *s = i < SL_METERED_CLASSES ? NULL : &info->service_meter[i - SL_METERED_CLASSES];
		const struct sl_meter_info *m = s ? &s->meter : &info->meters[i];

		out->meter[i].name = s ? "misses" : sl_metered_name(i);
		if (s)
			snprintf(out->meter[i].service, sizeof(out->meter[i].service), "%s", s->service);
		out->meter[i].made = m->made && info->caps & SL_CAP_METER;
		out->meter[i].rate_pps = m->rate_pps;
		out->meter[i].burst = m->burst;
		snprintf(out->meter[i].why, sizeof(out->meter[i].why), "%s", m->why[0] || out->meter[i].made ? m->why : why);
		out->meter_count = i + 1;
	}
}

static void port_capabilities(unsigned int index, struct sl_port_view *out)
{
	static const struct {
		uint32_t cap;
		const char *name;
	} names[] = {
		{ SL_CAP_L2, "l2-rewrite" },	{ SL_CAP_NAT4, "nat-ipv4" },	      { SL_CAP_NAT6, "nat-ipv6" },
		{ SL_CAP_FULLNAT4, "fullnat-ipv4" }, { SL_CAP_FULLNAT6, "fullnat-ipv6" },
		{ SL_CAP_IPIP, "ip-in-ip" },	{ SL_CAP_VXLAN_ENCAP, "vxlan-encap" }, { SL_CAP_VXLAN_DECAP, "vxlan-decap" },
		{ SL_CAP_COPY, "copy-to-host" }, { SL_CAP_INDIRECT, "shared-actions" }, { SL_CAP_IPV6, "ipv6" },
		{ SL_CAP_METER, "meters" },	{ SL_CAP_METER_COPY, "meters-of-copies" }, { SL_CAP_METER_MISS, "meters-of-misses" },
		{ SL_CAP_GRE, "gre" },		{ SL_CAP_GUE, "gue" },		      { SL_CAP_GENEVE, "geneve-encap" },
		{ SL_CAP_WAY, "shared-ports" },	{ SL_CAP_GENEVE_DECAP, "geneve-decap" }, { SL_CAP_GRE_DECAP, "gre-decap" },
		{ SL_CAP_GUE_DECAP, "gue-decap" }, { SL_CAP_IPIP_DECAP, "ip-in-ip-decap" },
		{ 0, "nat-between-ipv4-and-ipv6" }, /* rte_flow has no words for it, so that there is no sample rule */
	};
	struct sl_offload_port_info info;

	sl_offload_port_info_get(index, &info);
	if (sl_port_at(index)->gone || sl_port_at(index)->missing) {
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

static void device_view(const struct sl_port *p, struct sl_port_view *out)
{
	struct rte_eth_dev_info info;
	struct rte_eth_stats stats;
	struct rte_eth_link link;

	memset(out, 0, sizeof(*out));
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

static int next_wanted(void)
{
	for (unsigned int i = 0; i < SL_PORTS; i++)
		if (ask.wanted[i])
			return (int)i;
	return -1;
}

static void *ask_run(void *arg)
{
	static struct sl_port_view view;

	(void)arg;
	pthread_mutex_lock(&ask.lock);
	while (!ask.stop) {
		const int port = next_wanted();

		if (port < 0) {
			pthread_cond_wait(&ask.change, &ask.lock);
			continue;
		}
		ask.wanted[port] = false;
		ask.busy = true;
		pthread_mutex_unlock(&ask.lock);
		device_view(sl_port_at((unsigned int)port), &view);
		pthread_mutex_lock(&ask.lock);
		ask.busy = false;
		ask.told[port] = view;
		ask.told_ms[port] = now_ms();
		pthread_cond_broadcast(&ask.change);
	}
	pthread_mutex_unlock(&ask.lock);
	return NULL;
}

/* Under the lock. */
static bool ask_start(void)
{
	pthread_condattr_t attr;

	if (ask.running)
		return true;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&ask.change, &attr);
	pthread_condattr_destroy(&attr);
	ask.stop = false;
	ask.running = !pthread_create(&ask.thread, NULL, ask_run, NULL);
	return ask.running;
}

/* The device's part of *out, as it is now or as it was told last; false: it has told nothing yet. */
static bool device_ask(unsigned int port, struct sl_port_view *out)
{
	const uint64_t begin = now_ms();
	bool told;

	pthread_mutex_lock(&ask.lock);
	if (ask_start()) {
		const uint64_t until = begin + (ask.busy ? WAIT_AGAIN_MS : WAIT_MS);
		const struct timespec end = { .tv_sec = (time_t)(until / 1000), .tv_nsec = (long)(until % 1000) * 1000000 };

		ask.wanted[port] = true;
		pthread_cond_broadcast(&ask.change);
		while (ask.told_ms[port] < begin && pthread_cond_timedwait(&ask.change, &ask.lock, &end) != ETIMEDOUT)
			;
	}
	told = ask.told_ms[port] != 0;
	*out = ask.told[port];
	out->answered = ask.told_ms[port] >= begin;
	out->told_ms_ago = out->answered ? 0 : now_ms() - ask.told_ms[port];
	pthread_mutex_unlock(&ask.lock);
	return told;
}

static void port_bond(unsigned int index, struct sl_port_view *out)
{
	struct sl_bond_view bond;

	sl_bond_view_get(index, &bond);
	if (!bond.name)
		return;
	snprintf(out->bond.name, sizeof(out->bond.name), "%s", bond.name);
	out->bond.mode = bond.mode;
	out->bond.state = bond.state;
	out->bond.failovers = bond.failovers;
}

void sl_port_view_get(void *ctx, unsigned int index, struct sl_port_view *out)
{
	const struct sl_port *p = sl_port_at(index);

	(void)ctx;
	memset(out, 0, sizeof(*out));
	if (!p->gone && !device_ask(index, out))
		out->told_ms_ago = 0;
	out->answered |= p->gone;
	snprintf(out->name, sizeof(out->name), "%s", p->name);
	snprintf(out->device, sizeof(out->device), "%s", p->device);
	snprintf(out->kernel_interface, sizeof(out->kernel_interface), "%s", p->kernel_name);
	out->kernel_pass = p->pass;
	memcpy(out->mac, p->mac, sizeof(out->mac));
	out->mtu = p->mtu;
	port_bond(index, out);
	port_capabilities(index, out);
}

void sl_port_view_stop(void)
{
	pthread_mutex_lock(&ask.lock);
	if (!ask.running) {
		pthread_mutex_unlock(&ask.lock);
		return;
	}
	ask.stop = true;
	ask.running = false;
	pthread_cond_broadcast(&ask.change);
	pthread_mutex_unlock(&ask.lock);
	pthread_join(ask.thread, NULL);
	pthread_cond_destroy(&ask.change);
}

bool sl_port_view_gone(void *ctx, unsigned int index)
{
	(void)ctx;
	return __atomic_load_n(&sl_port_at(index)->gone, __ATOMIC_ACQUIRE) || sl_port_at(index)->missing;
}
