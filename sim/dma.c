/* SPDX-License-Identifier: BSD-3-Clause */
/* The DMA engine; see dma.h and docs/device.md. */
#include "sim/dma.h"

#include <string.h>

#define RX_FLAG_EOP  1u
#define RX_FLAG_MARK 2u
#define TX_FLAG_EOP  1u
#define EVENT_ROOM   4u /* AGED events leave so much of the ring to others */

void sl_dma_init(struct sl_dma *d, struct sl_iova *memory, unsigned int ports, const struct sl_engine_ops *ops,
		 struct sl_engine *engine, struct sl_mgmt *mgmt, void (*raise)(void *ctx, unsigned int vector), void *ctx)
{
	memset(d, 0, sizeof(*d));
	sl_queue_init(&d->queues, memory, ports, raise, ctx);
	d->ops = ops;
	d->engine = engine;
	d->mgmt = mgmt;
}

void sl_dma_host_if_reset(struct sl_dma *d)
{
	sl_queue_reset(&d->queues);
	d->admin_busy = false;
	d->events_told = sl_dma_events_lost(d);
}

void sl_dma_card_reset(struct sl_dma *d)
{
	sl_dma_host_if_reset(d);
	d->flow_first = 0;
	d->flow_count = 0;
	memset(d->flow_waiting, 0, sizeof(d->flow_waiting));
}

/* ---- receive ---- */

/* The rx queue for a frame: of the port's n enabled queues number (hash x n) >> 32. SL_QUEUES if there is none. */
static unsigned int rx_queue(const struct sl_dma *d, const struct sl_host_meta *meta)
{
	unsigned int number[SL_RX_QUEUES], n = 0;

	for (unsigned int i = SL_QUEUE_RX0; i < SL_QUEUE_RX0 + SL_RX_QUEUES; i++)
		if (d->queues.queue[i].enabled && d->queues.queue[i].port == meta->port)
			number[n++] = i;
	return n == 0 ? SL_QUEUES : number[((uint64_t)meta->hash * n) >> 32];
}

/* The buffers for a frame of len bytes: their number, or 0 if they do not suffice or the queue has stopped. */
static unsigned int rx_buffers(struct sl_dma *d, unsigned int number, uint32_t len,
			       struct sl_rx_desc desc[SL_RX_SEGMENTS_MAX])
{
	const struct sl_queue *q = &d->queues.queue[number];
	uint32_t announced = sl_queue_pending(q), room = sl_queue_room(q);
	uint32_t limit = announced < room ? announced : room;

	if (limit > SL_RX_SEGMENTS_MAX)
		limit = SL_RX_SEGMENTS_MAX;
	for (unsigned int i = 0; i < limit; i++) {
		if (!sl_queue_peek(&d->queues, number, i, &desc[i]))
			return 0;
		if (desc[i].len < SL_RX_BUFFER_MIN) {
			sl_queue_fail(&d->queues, number, SL_STATUS_BAD_VALUE);
			return 0;
		}
		if (desc[i].len >= len)
			return i + 1;
		len -= desc[i].len;
	}
	return 0;
}

/* Writes the frame into its buffers, then the completions. False if the queue stopped. */
static bool rx_write(struct sl_dma *d, unsigned int number, const struct sl_host_meta *meta, uint32_t len,
		     const struct sl_rx_desc *desc, unsigned int buffers)
{
	struct sl_queue *q = &d->queues.queue[number];
	uint32_t at = 0;

	for (unsigned int i = 0; i < buffers; i++) {
		const uint32_t part = len - at < desc[i].len ? len - at : desc[i].len;
		struct sl_rx_cpl cpl = {
			.len = part,
			.sq_index = (uint16_t)q->sq_head,
			.port = meta->port,
			.reason = meta->reason,
			.mark = meta->mark_valid ? meta->mark : 0,
			.hash = meta->hash,
			.flow_id = meta->flow_id,
			.time_ms = d->time_ms,
			.rule = meta->rule,
			.tenant = meta->tenant,
			.frame_len = (uint16_t)len,
			.flags = (i + 1 == buffers ? RX_FLAG_EOP : 0) | (meta->mark_valid ? RX_FLAG_MARK : 0),
		};

		if (!sl_iova_write(d->queues.memory, desc[i].iova, d->frame + at, part)) {
			sl_queue_fail(&d->queues, number, SL_STATUS_DMA_ERROR);
			return false;
		}
		q->sq_head = sl_queue_sq_after(q, 1);
		if (!sl_queue_complete(&d->queues, number, &cpl))
			return false;
		at += part;
	}
	return true;
}

static void rx_deliver(struct sl_dma *d, const struct sl_host_meta *meta, uint32_t len)
{
	struct sl_rx_desc desc[SL_RX_SEGMENTS_MAX];
	const unsigned int number = rx_queue(d, meta);
	unsigned int buffers;

	if (number == SL_QUEUES) {
		d->stats.rx_no_host++;
		sl_mgmt_count_drop(d->mgmt, SL_REASON_NO_HOST, len);
		return;
	}
	buffers = rx_buffers(d, number, len, desc);
	if (buffers == 0 || !rx_write(d, number, meta, len, desc, buffers)) {
		d->stats.rx_host_full++;
		sl_mgmt_count_drop(d->mgmt, SL_REASON_HOST_FULL, len);
		return;
	}
	d->stats.rx_frames++;
}

static bool rx_step(struct sl_dma *d)
{
	bool worked = false;

	for (unsigned int i = 0; i < 4 * SL_DMA_BATCH; i++) {
		struct sl_host_meta meta;
		uint32_t len = d->ops->host_out(d->engine, &meta, d->frame);

		if (len == 0)
			break;
		rx_deliver(d, &meta, len);
		worked = true;
	}
	return worked;
}

/* ---- transmit ---- */

enum tx_result { TX_WAIT, TX_FRAME, TX_BAD, TX_STOPPED };

/* Reads the frame at the head of the queue into d->frame. *used is how many descriptors it has; with TX_BAD at least those
 * that are to be skipped now, and *ended tells whether its last one is among them. */
static enum tx_result tx_gather(struct sl_dma *d, unsigned int number, uint32_t *used, uint32_t *len, bool *ended)
{
	const uint32_t announced = sl_queue_pending(&d->queues.queue[number]);
	bool good = !d->tx_skip[number];

	*len = 0;
	*ended = false;
	for (uint32_t i = 0; i < announced && i < SL_TX_SEGMENTS_MAX; i++) {
		struct sl_tx_desc desc;

		if (!sl_queue_peek(&d->queues, number, i, &desc))
			return TX_STOPPED;
		*used = i + 1;
		if (good && (desc.len == 0 || desc.len > SL_FRAME_MAX - *len ||
			     !sl_iova_read(d->queues.memory, desc.iova, d->frame + *len, desc.len)))
			good = false;
		if (good)
			*len += desc.len;
		if (desc.flags & TX_FLAG_EOP) {
			*ended = true;
			return good && *len >= SL_FRAME_MIN ? TX_FRAME : TX_BAD;
		}
	}
	return announced >= SL_TX_SEGMENTS_MAX || d->tx_skip[number] ? TX_BAD : TX_WAIT;
}

/* One frame of the queue. False if it has to wait. */
static bool tx_frame(struct sl_dma *d, unsigned int number)
{
	struct sl_queue *q = &d->queues.queue[number];
	uint32_t used = 0, len;
	bool ended;

	switch (tx_gather(d, number, &used, &len, &ended)) {
	case TX_FRAME:
		if (!d->ops->host_tx(d->engine, q->port, d->frame, len))
			return false;
		d->stats.tx_frames++;
		break;
	case TX_BAD:
		if (!d->tx_skip[number]) {
			d->tx_errors[number]++;
			d->stats.tx_errors++;
		}
		d->tx_skip[number] = !ended;
		break;
	case TX_WAIT:
	case TX_STOPPED:
		return false;
	}
	q->sq_head = sl_queue_sq_after(q, used);
	d->tx_report[number] = true;
	return true;
}

static bool tx_queue_step(struct sl_dma *d, unsigned int number)
{
	struct sl_queue *q = &d->queues.queue[number];
	bool worked = false;

	if (d->tx_life[number] != q->life) {
		d->tx_life[number] = q->life;
		d->tx_errors[number] = 0;
		d->tx_report[number] = false;
		d->tx_skip[number] = false;
	}
	for (unsigned int i = 0; i < SL_DMA_BATCH && sl_queue_room(q) > 0 && sl_queue_pending(q) > 0; i++) {
		if (!tx_frame(d, number))
			break;
		worked = true;
	}
	if (d->tx_report[number] && sl_queue_room(q) > 0) {
		struct sl_tx_cpl cpl = { .sq_head = (uint16_t)q->sq_head };

		cpl.errors = d->tx_errors[number] > UINT16_MAX ? UINT16_MAX : (uint16_t)d->tx_errors[number];
		d->tx_errors[number] -= cpl.errors;
		d->tx_report[number] = false;
		sl_queue_complete(&d->queues, number, &cpl);
		worked = true;
	}
	return worked;
}

/* ---- flow commands ---- */

static bool flow_submit(struct sl_dma *d, unsigned int number)
{
	struct sl_queue *q = &d->queues.queue[number];
	bool worked = false;

	for (unsigned int i = 0; i < SL_DMA_BATCH && d->flow_count < SL_DMA_FLOWS_MAX; i++) {
		struct sl_flow_cmd cmd;

		if (sl_queue_pending(q) == 0 || sl_queue_room(q) <= d->flow_waiting[number])
			break;
		if (!sl_queue_peek(&d->queues, number, 0, &cmd) || !d->ops->flow_submit(d->engine, &cmd))
			break;
		q->sq_head = sl_queue_sq_after(q, 1);
		d->flow[(d->flow_first + d->flow_count++) % SL_DMA_FLOWS_MAX] = (struct sl_dma_flow){
			.queue = number, .life = q->life, .sq_next = q->sq_head, .iova = cmd.iova };
		d->flow_waiting[number]++;
		d->stats.flow_commands++;
		worked = true;
	}
	return worked;
}

static bool flow_finish(struct sl_dma *d)
{
	struct sl_flow_done done;
	bool worked = false;

	while (d->flow_count > 0 && d->ops->flow_done(d->engine, &done)) {
		const struct sl_dma_flow flow = d->flow[d->flow_first];
		const struct sl_queue *q = &d->queues.queue[flow.queue];

		d->flow_first = (d->flow_first + 1) % SL_DMA_FLOWS_MAX;
		d->flow_count--;
		d->flow_waiting[flow.queue]--;
		worked = true;
		if (!q->enabled || q->life != flow.life)
			continue;
		if (done.cpl.opcode == SL_FLOW_OP_DUMP && done.cpl.status == SL_STATUS_OK &&
		    !sl_iova_write(d->queues.memory, flow.iova, &done.state, sizeof(done.state)))
			done.cpl.status = SL_STATUS_DMA_ERROR;
		done.cpl.sq_head = (uint16_t)flow.sq_next;
		sl_queue_complete(&d->queues, flow.queue, &done.cpl);
	}
	return worked;
}

static bool flow_step(struct sl_dma *d)
{
	bool worked = flow_finish(d);

	for (unsigned int i = 0; i < SL_FLOW_QUEUES; i++)
		worked |= flow_submit(d, SL_QUEUE_FLOW0 + (d->flow_turn + i) % SL_FLOW_QUEUES);
	d->flow_turn = (d->flow_turn + 1) % SL_FLOW_QUEUES;
	return worked;
}

/* ---- admin commands and events ---- */

static bool admin_step(struct sl_dma *d)
{
	struct sl_queue *q = &d->queues.queue[SL_QUEUE_ADMIN];
	struct sl_admin_cpl cpl;
	struct sl_admin_cmd cmd;
	bool worked = false;

	/* Room was there when the command was taken, and nothing else completes on this queue. */
	if (sl_mgmt_admin_done(d->mgmt, &cpl)) {
		if (d->admin_busy && q->enabled && q->life == d->admin_life) {
			cpl.sq_head = (uint16_t)d->admin_sq_next;
			sl_queue_complete(&d->queues, SL_QUEUE_ADMIN, &cpl);
		}
		d->admin_busy = false;
		worked = true;
	}
	if (d->admin_busy || sl_queue_pending(q) == 0 || sl_queue_room(q) == 0 ||
	    (sl_mgmt_status(d->mgmt) & (SL_MGMT_STATUS_SERVING | SL_MGMT_STATUS_FAILED)) == 0)
		return worked;
	if (!sl_queue_peek(&d->queues, SL_QUEUE_ADMIN, 0, &cmd) || !sl_mgmt_admin_submit(d->mgmt, &cmd))
		return worked;
	q->sq_head = sl_queue_sq_after(q, 1);
	d->admin_busy = true;
	d->admin_life = q->life;
	d->admin_sq_next = q->sq_head;
	d->stats.admin_commands++;
	return true;
}

uint32_t sl_dma_events_lost(const struct sl_dma *d)
{
	return d->events_lost + sl_mgmt_events_lost(d->mgmt);
}

static bool event_step(struct sl_dma *d)
{
	struct sl_queue *q = &d->queues.queue[SL_QUEUE_EVENT];
	const uint32_t lost = sl_dma_events_lost(d);
	struct sl_event event;
	struct sl_aged aged;
	bool worked = false;

	if (!q->enabled)
		d->events_told = lost;
	if (lost != d->events_told && sl_queue_room(q) > 0) {
		event = (struct sl_event){ .type = SL_EVENT_TYPE_OVERFLOW, .arg0 = lost - d->events_told,
					   .time_ms = d->time_ms };
		d->events_told = lost;
		sl_queue_complete(&d->queues, SL_QUEUE_EVENT, &event);
		worked = true;
	}
	while (sl_mgmt_event(d->mgmt, &event)) {
		worked = true;
		if (!q->enabled)
			continue;
		if (sl_queue_room(q) == 0) {
			d->events_lost++;
			continue;
		}
		d->stats.events++;
		sl_queue_complete(&d->queues, SL_QUEUE_EVENT, &event);
	}
	/* Flows that have aged wait in the engine until the host is sure to be told, and leave room for other events. */
	while (q->enabled && sl_queue_room(q) >= EVENT_ROOM && d->ops->aged && d->ops->aged(d->engine, &aged)) {
		event = (struct sl_event){ .type = SL_EVENT_TYPE_AGED, .arg0 = aged.flow_id, .arg1 = aged.last_seen_ms,
					   .time_ms = d->time_ms };
		d->stats.events++;
		sl_queue_complete(&d->queues, SL_QUEUE_EVENT, &event);
		worked = true;
	}
	return worked;
}

bool sl_dma_step(struct sl_dma *d, uint32_t time_ms)
{
	bool worked = false;

	d->time_ms = time_ms;
	for (unsigned int i = SL_QUEUE_TX0; i < SL_QUEUE_TX0 + SL_TX_QUEUES; i++)
		if (d->queues.queue[i].enabled)
			worked |= tx_queue_step(d, i);
	worked |= rx_step(d);
	worked |= flow_step(d);
	worked |= admin_step(d);
	worked |= event_step(d);
	return worked;
}
