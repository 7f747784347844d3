/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Receive: empty mbufs go to the card in bulk, completions come back in the same order. A frame may span several mbufs.
 *
 * Metadata: hash.fdir.hi holds the mark (RTE_MBUF_F_RX_FDIR | RTE_MBUF_F_RX_FDIR_ID) of frames that a rule marked, and
 * hash.rss the flow key's hash (RTE_MBUF_F_RX_RSS_HASH) of frames that had a key. The two do not overlap: rss shares
 * its
 * word with fdir.lo, which is not used.
 */
#include "driver/fpga/port.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_malloc.h>
#include <rte_mbuf.h>

#include "driver/fpga/log.h"
#include "driver/fpga/memory.h"

#define RX_FLAG_EOP  1
#define RX_FLAG_MARK 2
/* Buffers taken from the pool at once. */
#define RX_BULK 64

/* Fills empty entries; rings the doorbell if anything was added. */
static void refill(struct sl_rxq *rxq)
{
	struct sl_queue *q = &rxq->queue;
	unsigned int room = sl_queue_room(q);

	while (room > 0) {
		struct rte_mbuf *fresh[RX_BULK];
		unsigned int n = RTE_MIN(room, (unsigned int)RX_BULK);

		if (rte_pktmbuf_alloc_bulk(rxq->pool, fresh, n)) {
			rte_eth_devices[rxq->port_id].data->rx_mbuf_alloc_failed += n;
			break;
		}
		for (unsigned int i = 0; i < n; i++) {
			struct sl_rx_desc *desc = sl_queue_sq_at(q, q->sq_tail);

			desc->iova = rte_mbuf_data_iova_default(fresh[i]);
			desc->len = rxq->buffer_len;
			desc->reserved0 = 0;
			rxq->buffers[q->sq_tail] = fresh[i];
			q->sq_tail = (q->sq_tail + 1) & q->sq_mask;
		}
		room -= n;
	}
}

/* Puts the metadata of the last completion on a whole frame. */
static void finish(struct rte_mbuf *m, const struct sl_rx_cpl *cpl, uint16_t port_id)
{
	uint64_t flags = 0;

	m->port = port_id;
	m->packet_type = 0;
	if (cpl->flags & RX_FLAG_MARK) {
		m->hash.fdir.hi = cpl->mark;
		flags |= RTE_MBUF_F_RX_FDIR | RTE_MBUF_F_RX_FDIR_ID;
	}
	if (cpl->hash) {
		m->hash.rss = cpl->hash;
		flags |= RTE_MBUF_F_RX_RSS_HASH;
	}
	m->ol_flags = flags;
}

/* Appends the completed buffer to the frame under way; NULL unless the frame is whole. */
static struct rte_mbuf *take(struct sl_rxq *rxq, const struct sl_rx_cpl *cpl)
{
	struct rte_mbuf *m = rxq->buffers[cpl->sq_index];
	struct rte_mbuf *frame;

	rxq->buffers[cpl->sq_index] = NULL;
	m->data_off = RTE_PKTMBUF_HEADROOM;
	m->data_len = (uint16_t)cpl->len;
	m->pkt_len = cpl->len;
	m->nb_segs = 1;
	m->next = NULL;
	if (!rxq->first) {
		rxq->first = m;
	} else {
		rxq->first->nb_segs++;
		rxq->first->pkt_len += cpl->len;
		rxq->last->next = m;
	}
	rxq->last = m;
	if (!(cpl->flags & RX_FLAG_EOP))
		return NULL;
	frame = rxq->first;
	rxq->first = NULL;
	finish(frame, cpl, rxq->port_id);
	return frame;
}

/* What a card must not say; a queue that lies is not read any more. */
static bool contradicts(const struct sl_rxq *rxq, const struct sl_rx_cpl *cpl)
{
	return cpl->sq_index != rxq->expected || cpl->len == 0 || cpl->len > rxq->buffer_len ||
		!rxq->buffers[rxq->expected] ||
		(rxq->first && rxq->first->nb_segs >= SL_RX_SEGMENTS_MAX);
}

uint16_t sl_rx_burst(void *queue, struct rte_mbuf **packets, uint16_t n)
{
	struct sl_rxq *rxq = queue;
	struct sl_queue *q = &rxq->queue;
	const struct sl_rx_cpl *cpl;
	uint64_t bytes = 0;
	uint16_t done = 0;

	if (unlikely(rxq->broken))
		return 0;
	while (done < n && (cpl = sl_queue_completion(q)) != NULL) {
		struct rte_mbuf *frame;

		if (unlikely(contradicts(rxq, cpl))) {
			rxq->broken = true;
			rxq->counts.errors++;
			SL_LOG(ERR, "port %u: a completion of receive queue %u contradicts its descriptors; it is not read any more",
				rxq->port_id, rxq->context);
			break;
		}
		frame = take(rxq, cpl);
		rxq->expected = (rxq->expected + 1) & q->sq_mask;
		q->sq_head = rxq->expected;
		sl_queue_consume(q);
		if (frame) {
			bytes += frame->pkt_len;
			packets[done++] = frame;
		}
	}
	rxq->counts.packets += done;
	rxq->counts.bytes += bytes;
	if (sl_queue_room(q) >= rxq->free_thresh)
		refill(rxq);
	if (q->sq_told != q->sq_tail || sl_queue_unreleased(q) > q->cq_mask / 2)
		sl_queue_ring(q, 0);
	return done;
}

static int check(const struct rte_eth_dev *dev, struct rte_mempool *pool, uint16_t buffer_len)
{
	const uint32_t frame = dev->data->mtu + RTE_ETHER_HDR_LEN + RTE_VLAN_HLEN;

	if (!sl_memory_holds_pool(pool)) {
		SL_LOG(ERR, "mempool %s lies outside DPDK's own memory, where the card cannot reach it", pool->name);
		return -EINVAL;
	}
	if (buffer_len < SL_RX_BUFFER_MIN || (uint32_t)buffer_len * SL_RX_SEGMENTS_MAX < frame) {
		SL_LOG(ERR, "mempool %s: %u bytes a buffer are too few for frames of %u bytes", pool->name, buffer_len,
			frame);
		return -EINVAL;
	}
	if (buffer_len < frame && !(dev->data->dev_conf.rxmode.offloads & RTE_ETH_RX_OFFLOAD_SCATTER)) {
		SL_LOG(ERR, "frames of %u bytes need larger buffers than %u bytes, or the offload RX_OFFLOAD_SCATTER",
			frame, buffer_len);
		return -EINVAL;
	}
	return 0;
}

int sl_rx_setup(struct rte_eth_dev *dev, uint16_t queue, uint16_t entries, unsigned int socket,
		const struct rte_eth_rxconf *conf, struct rte_mempool *pool)
{
	struct sl_port *port = sl_port_of(dev);
	const uint16_t room = rte_pktmbuf_data_room_size(pool);
	const uint16_t buffer_len = room > RTE_PKTMBUF_HEADROOM ? room - RTE_PKTMBUF_HEADROOM : 0;
	struct sl_queue_config config;
	char name[RTE_MEMZONE_NAMESIZE];
	struct sl_rxq *rxq;
	int context, rc;

	sl_rx_release(dev, queue);
	rc = check(dev, pool, buffer_len);
	if (rc)
		return rc;
	rxq = rte_zmalloc_socket("sluice_rxq", sizeof(*rxq), RTE_CACHE_LINE_SIZE, (int)socket);
	if (!rxq)
		return -ENOMEM;
	context = sl_card_take_queue(port->card, &port->card->rx_used);
	if (context < 0) {
		SL_LOG(ERR, "all %d receive queues of the card are in use", SL_RX_QUEUES);
		rte_free(rxq);
		return context;
	}
	snprintf(name, sizeof(name), "sluice%u_rx%d", port->card->number, context);
	config = (struct sl_queue_config){
		.name = name,
		.id = (uint16_t)(SL_QUEUE_RX0 + context),
		.port = port->port,
		.sq_log2 = (uint8_t)rte_log2_u32(entries),
		.cq_log2 = (uint8_t)rte_log2_u32(entries),
		.sq_entry = sizeof(struct sl_rx_desc),
		.cq_entry = sizeof(struct sl_rx_cpl),
		.socket_id = (int)socket,
	};
	rxq->card = port->card;
	rxq->context = (uint32_t)context;
	rxq->pool = pool;
	rxq->buffer_len = buffer_len;
	rxq->port_id = dev->data->port_id;
	rxq->free_thresh = conf->rx_free_thresh ? conf->rx_free_thresh : 32;
	rxq->free_thresh = RTE_MIN(rxq->free_thresh, (uint16_t)(entries / 4));
	rxq->buffers = rte_zmalloc_socket("sluice_rxq", sizeof(*rxq->buffers) << config.sq_log2, 0, (int)socket);
	rc = rxq->buffers ? sl_queue_create(&rxq->queue, port->card->bus, &config) : -ENOMEM;
	dev->data->rx_queues[queue] = rxq;
	if (rc)
		sl_rx_release(dev, queue);
	return rc;
}

void sl_rx_release(struct rte_eth_dev *dev, uint16_t queue)
{
	struct sl_rxq *rxq = dev->data->rx_queues[queue];

	if (!rxq)
		return;
	sl_rx_stop(rxq);
	sl_queue_destroy(&rxq->queue);
	sl_card_drop_queue(rxq->card, &rxq->card->rx_used, rxq->context);
	rte_free(rxq->buffers);
	rte_free(rxq);
	dev->data->rx_queues[queue] = NULL;
}

int sl_rx_start(struct sl_rxq *rxq)
{
	int rc = sl_queue_start(&rxq->queue);

	if (rc)
		return rc;
	rxq->expected = 0;
	rxq->broken = false;
	refill(rxq);
	if (rxq->queue.sq_tail == 0) {
		SL_LOG(ERR, "mempool %s has no buffer for a receive queue", rxq->pool->name);
		sl_rx_stop(rxq);
		return -ENOMEM;
	}
	return sl_queue_ring(&rxq->queue, rxq->card->config.timeout_ms);
}

void sl_rx_stop(struct sl_rxq *rxq)
{
	if (!rxq->queue.running)
		return;
	/* A card that does not confirm may still write to the buffers: better lost than written to while others use
	 * them. */
	if (sl_queue_stop(&rxq->queue, rxq->card->config.timeout_ms) && !sl_card_gone(rxq->card)) {
		SL_LOG(ERR, "the card did not stop receive queue %u; its buffers are not used again", rxq->context);
		memset(rxq->buffers, 0, sizeof(*rxq->buffers) * (rxq->queue.sq_mask + 1u));
	}
	for (unsigned int i = 0; i <= rxq->queue.sq_mask; i++) {
		if (rxq->buffers[i])
			rte_pktmbuf_free_seg(rxq->buffers[i]);
		rxq->buffers[i] = NULL;
	}
	if (rxq->first)
		rte_pktmbuf_free(rxq->first);
	rxq->first = rxq->last = NULL;
}

int sl_rx_intr_enable(struct rte_eth_dev *dev, uint16_t queue)
{
	struct sl_rxq *rxq = dev->data->rx_queues[queue];

	return sl_queue_arm(&rxq->queue);
}

int sl_rx_intr_disable(struct rte_eth_dev *dev, uint16_t queue)
{
	struct sl_rxq *rxq = dev->data->rx_queues[queue];

	return sl_queue_disarm(&rxq->queue);
}
