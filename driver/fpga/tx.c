/* SPDX-License-Identifier: BSD-3-Clause */
/* Transmit: every segment of an mbuf chain is a descriptor; a completion frees all segments before it. */
#include "driver/fpga/port.h"

#include <errno.h>
#include <stdio.h>

#include <rte_malloc.h>
#include <rte_mbuf.h>

#include "driver/fpga/log.h"

#define TX_FLAG_EOP 1
/* A bus without room stalls its writer, as PCIe does: nobody else would ring for the last frames of a burst. */
#define DOORBELL_WAIT_MS 2

/* Frees what the card has read. */
static void reclaim(struct sl_txq *txq)
{
	struct sl_queue *q = &txq->queue;
	const struct sl_tx_cpl *cpl;

	while ((cpl = sl_queue_completion(q)) != NULL) {
		const uint16_t head = cpl->sq_head & q->sq_mask;

		/* Only what was submitted can be read: a head beyond the tail is ignored. */
		if (((uint16_t)(head - q->sq_head) & q->sq_mask) <= ((uint16_t)(q->sq_tail - q->sq_head) & q->sq_mask)) {
			while (q->sq_head != head) {
				rte_pktmbuf_free_seg(txq->buffers[q->sq_head]);
				txq->buffers[q->sq_head] = NULL;
				q->sq_head = (q->sq_head + 1) & q->sq_mask;
			}
		}
		txq->counts.errors += cpl->errors;
		sl_queue_consume(q);
	}
}

static void post(struct sl_txq *txq, struct rte_mbuf *m)
{
	struct sl_queue *q = &txq->queue;

	while (m) {
		struct sl_tx_desc *desc = sl_queue_sq_at(q, q->sq_tail);
		struct rte_mbuf *next = m->next;

		desc->iova = rte_mbuf_data_iova(m);
		desc->len = m->data_len;
		desc->flags = next ? 0 : TX_FLAG_EOP;
		desc->reserved0 = 0;
		txq->buffers[q->sq_tail] = m;
		q->sq_tail = (q->sq_tail + 1) & q->sq_mask;
		m = next;
	}
}

/* Segments without bytes cannot be described; frames of a wrong length the card would refuse. */
static bool sendable(const struct rte_mbuf *m)
{
	if (m->nb_segs > SL_TX_SEGMENTS_MAX || m->pkt_len < SL_FRAME_MIN || m->pkt_len > SL_FRAME_MAX)
		return false;
	if (likely(m->nb_segs == 1))
		return true;
	for (; m; m = m->next)
		if (m->data_len == 0)
			return false;
	return true;
}

uint16_t sl_tx_burst(void *queue, struct rte_mbuf **packets, uint16_t n)
{
	struct sl_txq *txq = queue;
	struct sl_queue *q = &txq->queue;
	uint64_t bytes = 0, sent = 0;
	uint16_t done = 0;

	if (unlikely(sl_card_gone(txq->card)))
		return 0;
	if (sl_queue_room(q) < txq->free_thresh)
		reclaim(txq);
	for (; done < n; done++) {
		struct rte_mbuf *m = packets[done];

		if (unlikely(!sendable(m))) {
			txq->counts.errors++;
			rte_pktmbuf_free(m);
			continue;
		}
		if (sl_queue_room(q) < m->nb_segs)
			break;
		bytes += m->pkt_len;
		sent++;
		post(txq, m);
	}
	txq->counts.packets += sent;
	txq->counts.bytes += bytes;
	sl_queue_ring(q, DOORBELL_WAIT_MS);
	return done;
}

int sl_tx_cleanup(void *queue, uint32_t n)
{
	struct sl_txq *txq = queue;
	const uint16_t before = txq->queue.sq_head;

	(void)n;
	reclaim(txq);
	return (uint16_t)(txq->queue.sq_head - before) & txq->queue.sq_mask;
}

int sl_tx_setup(struct rte_eth_dev *dev, uint16_t queue, uint16_t entries, unsigned int socket,
		const struct rte_eth_txconf *conf)
{
	struct sl_port *port = sl_port_of(dev);
	struct sl_queue_config config;
	char name[RTE_MEMZONE_NAMESIZE];
	struct sl_txq *txq;
	int context, rc;

	sl_tx_release(dev, queue);
	txq = rte_zmalloc_socket("sluice_txq", sizeof(*txq), RTE_CACHE_LINE_SIZE, (int)socket);
	if (!txq)
		return -ENOMEM;
	context = sl_card_take_queue(port->card, &port->card->tx_used);
	if (context < 0) {
		SL_LOG(ERR, "all %d transmit queues of the card are in use", SL_TX_QUEUES);
		rte_free(txq);
		return context;
	}
	snprintf(name, sizeof(name), "sluice%u_tx%d", port->card->number, context);
	config = (struct sl_queue_config){
		.name = name,
		.id = (uint16_t)(SL_QUEUE_TX0 + context),
		.port = port->port,
		.sq_log2 = (uint8_t)rte_log2_u32(entries),
		.cq_log2 = (uint8_t)rte_log2_u32(entries),
		.sq_entry = sizeof(struct sl_tx_desc),
		.cq_entry = sizeof(struct sl_tx_cpl),
		.socket_id = (int)socket,
	};
	txq->card = port->card;
	txq->context = (uint32_t)context;
	txq->free_thresh = conf->tx_free_thresh ? conf->tx_free_thresh : entries / 2;
	txq->buffers = rte_zmalloc_socket("sluice_txq", sizeof(*txq->buffers) << config.sq_log2, 0, (int)socket);
	rc = txq->buffers ? sl_queue_create(&txq->queue, port->card->bus, &config) : -ENOMEM;
	dev->data->tx_queues[queue] = txq;
	if (rc)
		sl_tx_release(dev, queue);
	return rc;
}

void sl_tx_release(struct rte_eth_dev *dev, uint16_t queue)
{
	struct sl_txq *txq = dev->data->tx_queues[queue];

	if (!txq)
		return;
	sl_tx_stop(txq);
	sl_queue_destroy(&txq->queue);
	sl_card_drop_queue(txq->card, &txq->card->tx_used, txq->context);
	rte_free(txq->buffers);
	rte_free(txq);
	dev->data->tx_queues[queue] = NULL;
}

int sl_tx_start(struct sl_txq *txq)
{
	return sl_queue_start(&txq->queue);
}

void sl_tx_stop(struct sl_txq *txq)
{
	if (!txq->queue.running)
		return;
	if (sl_queue_stop(&txq->queue, txq->card->config.timeout_ms) && !sl_card_gone(txq->card)) {
		SL_LOG(ERR, "the card did not stop transmit queue %u; its buffers are not used again", txq->context);
		return;
	}
	for (unsigned int i = 0; i <= txq->queue.sq_mask; i++) {
		if (txq->buffers[i])
			rte_pktmbuf_free_seg(txq->buffers[i]);
		txq->buffers[i] = NULL;
	}
}
