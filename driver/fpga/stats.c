/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Statistics. Basic ones count what passed the host's queues of this ethdev. Extended ones are the card's own:
 * wire_* of this port (everything that the port received and sent, also what the card forwarded by itself), and
 * reason_* , which the card counts for all its ports together.
 */
#include "driver/fpga/port.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Reasons that the card counts; the host's own begin here. */
#define CARD_REASONS 128
/* counter_pairs in one answer. */
#define REASONS_PER_ANSWER 14

static const struct {
	const char *name;
	size_t offset;
} wire_names[] = {
	{"wire_rx_packets", offsetof(struct sl_port_stats, rx_packets)},
	{"wire_rx_bytes", offsetof(struct sl_port_stats, rx_bytes)},
	{"wire_tx_packets", offsetof(struct sl_port_stats, tx_packets)},
	{"wire_tx_bytes", offsetof(struct sl_port_stats, tx_bytes)},
};

int sl_stats_get(struct rte_eth_dev *dev, struct rte_eth_stats *stats)
{
	for (uint16_t i = 0; i < dev->data->nb_rx_queues; i++) {
		const struct sl_queue_counts *rxq = dev->data->rx_queues[i];

		if (!rxq)
			continue;
		stats->ipackets += rxq->packets - rxq->packets_base;
		stats->ibytes += rxq->bytes - rxq->bytes_base;
		stats->ierrors += rxq->errors - rxq->errors_base;
		if (i < RTE_ETHDEV_QUEUE_STAT_CNTRS) {
			stats->q_ipackets[i] = rxq->packets - rxq->packets_base;
			stats->q_ibytes[i] = rxq->bytes - rxq->bytes_base;
		}
	}
	for (uint16_t i = 0; i < dev->data->nb_tx_queues; i++) {
		const struct sl_queue_counts *txq = dev->data->tx_queues[i];

		if (!txq)
			continue;
		stats->opackets += txq->packets - txq->packets_base;
		stats->obytes += txq->bytes - txq->bytes_base;
		stats->oerrors += txq->errors - txq->errors_base;
		if (i < RTE_ETHDEV_QUEUE_STAT_CNTRS) {
			stats->q_opackets[i] = txq->packets - txq->packets_base;
			stats->q_obytes[i] = txq->bytes - txq->bytes_base;
		}
	}
	stats->rx_nombuf = dev->data->rx_mbuf_alloc_failed;
	return 0;
}

/* The queues' counters belong to the datapath, so they are not zeroed but remembered. */
int sl_stats_reset(struct rte_eth_dev *dev)
{
	for (uint16_t i = 0; i < dev->data->nb_rx_queues; i++) {
		struct sl_queue_counts *rxq = dev->data->rx_queues[i];

		if (!rxq)
			continue;
		rxq->packets_base = rxq->packets;
		rxq->bytes_base = rxq->bytes;
		rxq->errors_base = rxq->errors;
	}
	for (uint16_t i = 0; i < dev->data->nb_tx_queues; i++) {
		struct sl_queue_counts *txq = dev->data->tx_queues[i];

		if (!txq)
			continue;
		txq->packets_base = txq->packets;
		txq->bytes_base = txq->bytes;
		txq->errors_base = txq->errors;
	}
	dev->data->rx_mbuf_alloc_failed = 0;
	return 0;
}

/* Reads the counters of all reasons that have a name, in as few commands as their numbers allow. */
static int read_counts(struct sl_port *port, struct sl_port_counts *counts)
{
	struct sl_admin *admin = &port->card->admin;
	struct sl_index_arg arg = {.index = port->port};
	int rc = sl_admin_exec(admin, SL_ADMIN_OP_PORT_STATS, &arg, sizeof(arg), &counts->wire, sizeof(counts->wire));

	for (unsigned int reason = 0; reason < CARD_REASONS && rc == 0; reason++) {
		struct sl_counter_pair answer[REASONS_PER_ANSWER];
		unsigned int n = RTE_MIN((unsigned int)REASONS_PER_ANSWER, CARD_REASONS - reason);

		if (!sl_reason_name(reason))
			continue;
		arg.index = reason;
		rc = sl_admin_exec(admin, SL_ADMIN_OP_REASON_STATS, &arg, sizeof(arg), answer, sizeof(answer));
		memcpy(&counts->reasons[reason], answer, n * sizeof(answer[0]));
		reason += n - 1;
	}
	return rc;
}

static unsigned int xstats_count(void)
{
	unsigned int n = RTE_DIM(wire_names);

	for (unsigned int reason = 0; reason < CARD_REASONS; reason++)
		n += sl_reason_name(reason) ? 2 : 0;
	return n;
}

int sl_xstats_get_names(struct rte_eth_dev *dev, struct rte_eth_xstat_name *names, unsigned int n)
{
	unsigned int at = 0;

	(void)dev;
	if (!names || n < xstats_count())
		return (int)xstats_count();
	for (unsigned int i = 0; i < RTE_DIM(wire_names); i++)
		snprintf(names[at++].name, sizeof(names[0].name), "%s", wire_names[i].name);
	for (unsigned int reason = 0; reason < CARD_REASONS; reason++) {
		const char *name = sl_reason_name(reason);

		if (!name)
			continue;
		snprintf(names[at++].name, sizeof(names[0].name), "reason_%s_packets", name);
		snprintf(names[at++].name, sizeof(names[0].name), "reason_%s_bytes", name);
	}
	return (int)at;
}

int sl_xstats_get(struct rte_eth_dev *dev, struct rte_eth_xstat *xstats, unsigned int n)
{
	struct sl_port *port = sl_port_of(dev);
	const struct sl_port_counts *base = &port->counts_base;
	struct sl_port_counts counts = {0};
	unsigned int at = 0;
	int rc;

	if (!xstats || n < xstats_count())
		return (int)xstats_count();
	rc = read_counts(port, &counts);
	if (rc)
		return rc;
	for (unsigned int i = 0; i < RTE_DIM(wire_names); i++) {
		const uint64_t now = *(const uint64_t *)((const uint8_t *)&counts.wire + wire_names[i].offset);
		const uint64_t then = *(const uint64_t *)((const uint8_t *)&base->wire + wire_names[i].offset);

		xstats[at].id = at;
		xstats[at++].value = now - then;
	}
	for (unsigned int reason = 0; reason < CARD_REASONS; reason++) {
		if (!sl_reason_name(reason))
			continue;
		xstats[at].id = at;
		xstats[at++].value = counts.reasons[reason].packets - base->reasons[reason].packets;
		xstats[at].id = at;
		xstats[at++].value = counts.reasons[reason].bytes - base->reasons[reason].bytes;
	}
	return (int)at;
}

int sl_xstats_reset(struct rte_eth_dev *dev)
{
	struct sl_port *port = sl_port_of(dev);

	sl_stats_reset(dev);
	return read_counts(port, &port->counts_base);
}
