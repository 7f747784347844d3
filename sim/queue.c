/* SPDX-License-Identifier: BSD-3-Clause */
/* Queue contexts and rings; see queue.h and docs/device.md. */
#include "sim/queue.h"

#include <assert.h>
#include <string.h>

#define SL_QUEUE_STRIDE  64u
#define SL_QUEUE_DB_STRIDE 8u
#define SL_QUEUE_REGS_BASE SL_BAR_Q_SQ_LO(0)
#define SL_QUEUE_REGS_END  SL_BAR_Q_SQ_LO(SL_QUEUES)
#define SL_QUEUE_DB_BASE   SL_BAR_DB_SQ_TAIL(0)
#define SL_QUEUE_DB_END    SL_BAR_DB_SQ_TAIL(SL_QUEUES)

/* Indexes of sl_queue.reg: the order of the registers. */
enum { REG_SQ_LO, REG_SQ_HI, REG_CQ_LO, REG_CQ_HI, REG_SIZE, REG_CTRL, REG_STATUS, REG_IRQ };

static enum sl_queue_kind kind_of(unsigned int number)
{
	if (number == SL_QUEUE_ADMIN)
		return SL_QUEUE_KIND_ADMIN;
	if (number == SL_QUEUE_EVENT)
		return SL_QUEUE_KIND_EVENT;
	if (number >= SL_QUEUE_FLOW0 && number < SL_QUEUE_FLOW0 + SL_FLOW_QUEUES)
		return SL_QUEUE_KIND_FLOW;
	if (number >= SL_QUEUE_RX0 && number < SL_QUEUE_RX0 + SL_RX_QUEUES)
		return SL_QUEUE_KIND_RX;
	if (number >= SL_QUEUE_TX0 && number < SL_QUEUE_TX0 + SL_TX_QUEUES)
		return SL_QUEUE_KIND_TX;
	return SL_QUEUE_KIND_NONE;
}

uint32_t sl_queue_sq_entry(enum sl_queue_kind kind)
{
	switch (kind) {
	case SL_QUEUE_KIND_ADMIN: return sizeof(struct sl_admin_cmd);
	case SL_QUEUE_KIND_FLOW:  return sizeof(struct sl_flow_cmd);
	case SL_QUEUE_KIND_RX:    return sizeof(struct sl_rx_desc);
	case SL_QUEUE_KIND_TX:    return sizeof(struct sl_tx_desc);
	default:                  return 0;
	}
}

uint32_t sl_queue_cq_entry(enum sl_queue_kind kind)
{
	switch (kind) {
	case SL_QUEUE_KIND_ADMIN: return sizeof(struct sl_admin_cpl);
	case SL_QUEUE_KIND_EVENT: return sizeof(struct sl_event);
	case SL_QUEUE_KIND_FLOW:  return sizeof(struct sl_flow_cpl);
	case SL_QUEUE_KIND_RX:    return sizeof(struct sl_rx_cpl);
	case SL_QUEUE_KIND_TX:    return sizeof(struct sl_tx_cpl);
	default:                  return 0;
	}
}

void sl_queue_init(struct sl_queue_set *set, struct sl_iova *memory, unsigned int ports,
		   void (*raise)(void *ctx, unsigned int vector), void *ctx)
{
	*set = (struct sl_queue_set){ .memory = memory, .ports = ports, .raise = raise, .ctx = ctx };
	for (unsigned int i = 0; i < SL_QUEUES; i++)
		set->queue[i].kind = kind_of(i);
}

static void stop(struct sl_queue *q)
{
	q->enabled = false;
	q->armed = false;
	q->life++;
}

void sl_queue_reset(struct sl_queue_set *set)
{
	for (unsigned int i = 0; i < SL_QUEUES; i++) {
		stop(&set->queue[i]);
		set->queue[i].status = SL_STATUS_OK;
		memset(set->queue[i].reg, 0, sizeof(set->queue[i].reg));
	}
}

static void irq_check(struct sl_queue_set *set, unsigned int number)
{
	struct sl_queue *q = &set->queue[number];

	if (q->enabled && q->armed && q->cq_head != q->cq_tail) {
		q->armed = false;
		set->raise(set->ctx, number);
	}
}

void sl_queue_fail(struct sl_queue_set *set, unsigned int number, enum sl_status status)
{
	struct sl_queue *q = &set->queue[number];
	bool armed = q->armed;

	stop(q);
	q->status = (uint8_t)status;
	if (armed)
		set->raise(set->ctx, number);
}

/* True if log2 is allowed; *size is then the number of entries. */
static bool size_decode(uint32_t log2, uint32_t *size)
{
	*size = 1u << (log2 & 31u);
	return log2 >= SL_QUEUE_LOG2_MIN && log2 <= SL_QUEUE_LOG2_MAX;
}

static void enable(struct sl_queue_set *set, struct sl_queue *q)
{
	struct sl_queue next = { .kind = q->kind, .life = q->life + 1, .enabled = true, .phase = 1 };
	const uint8_t port = (q->reg[REG_CTRL] >> 8) & 0xffu;
	bool good;

	memcpy(next.reg, q->reg, sizeof(next.reg));
	next.sq = (uint64_t)q->reg[REG_SQ_HI] << 32 | q->reg[REG_SQ_LO];
	next.cq = (uint64_t)q->reg[REG_CQ_HI] << 32 | q->reg[REG_CQ_LO];
	good = q->kind != SL_QUEUE_KIND_NONE && size_decode((q->reg[REG_SIZE] >> 8) & 0xffu, &next.cq_size) &&
	       next.cq % SL_RING_ALIGN == 0;
	if (q->kind != SL_QUEUE_KIND_EVENT)
		good = good && size_decode(q->reg[REG_SIZE] & 0xffu, &next.sq_size) && next.sq % SL_RING_ALIGN == 0 &&
		       next.sq_size <= next.cq_size;
	else
		next.sq_size = 1;
	if (q->kind == SL_QUEUE_KIND_RX || q->kind == SL_QUEUE_KIND_TX) {
		good = good && port < set->ports;
		next.port = port;
	}
	if (good)
		*q = next;
	else
		q->status = SL_STATUS_BAD_VALUE;
}

static void doorbell_tail(struct sl_queue_set *set, unsigned int number, uint32_t value)
{
	struct sl_queue *q = &set->queue[number];

	if (value >= q->sq_size || q->kind == SL_QUEUE_KIND_EVENT)
		sl_queue_fail(set, number, SL_STATUS_BAD_VALUE);
	else
		q->sq_tail = value;
}

static void doorbell_head(struct sl_queue_set *set, unsigned int number, uint32_t value)
{
	struct sl_queue *q = &set->queue[number];
	const uint32_t mask = q->cq_size - 1;

	if (value >= q->cq_size || ((value - q->cq_head) & mask) > ((q->cq_tail - q->cq_head) & mask)) {
		sl_queue_fail(set, number, SL_STATUS_BAD_VALUE);
	} else {
		q->cq_head = value;
		irq_check(set, number);
	}
}

static void context_write(struct sl_queue_set *set, unsigned int number, unsigned int reg, uint32_t value)
{
	struct sl_queue *q = &set->queue[number];

	switch (reg) {
	case REG_CTRL:
		if (q->enabled && (value & 1u) == 0)
			stop(q);
		if (q->enabled)
			break;
		q->reg[REG_CTRL] = value & 0xff00u;
		if (value & 1u)
			enable(set, q);
		break;
	case REG_STATUS:
		break;
	case REG_IRQ:
		q->armed = q->enabled && (value & 1u);
		irq_check(set, number);
		break;
	default:
		if (!q->enabled)
			q->reg[reg] = value;
		break;
	}
}

bool sl_queue_write(struct sl_queue_set *set, uint32_t offset, uint32_t value)
{
	if (offset >= SL_QUEUE_REGS_BASE && offset < SL_QUEUE_REGS_END) {
		offset -= SL_QUEUE_REGS_BASE;
		if (offset % SL_QUEUE_STRIDE <= REG_IRQ * 4u)
			context_write(set, offset / SL_QUEUE_STRIDE, offset % SL_QUEUE_STRIDE / 4, value);
		return true;
	}
	if (offset >= SL_QUEUE_DB_BASE && offset < SL_QUEUE_DB_END) {
		unsigned int number = (offset - SL_QUEUE_DB_BASE) / SL_QUEUE_DB_STRIDE;

		if (!set->queue[number].enabled)
			return true;
		if (offset == SL_BAR_DB_SQ_TAIL(number))
			doorbell_tail(set, number, value);
		else
			doorbell_head(set, number, value);
		return true;
	}
	return false;
}

bool sl_queue_read(struct sl_queue_set *set, uint32_t offset, uint32_t *value)
{
	const struct sl_queue *q;

	*value = 0;
	if (offset >= SL_QUEUE_DB_BASE && offset < SL_QUEUE_DB_END)
		return true;
	if (offset < SL_QUEUE_REGS_BASE || offset >= SL_QUEUE_REGS_END)
		return false;
	offset -= SL_QUEUE_REGS_BASE;
	q = &set->queue[offset / SL_QUEUE_STRIDE];
	offset = offset % SL_QUEUE_STRIDE / 4;
	if (offset < REG_CTRL)
		*value = q->reg[offset];
	else if (offset == REG_CTRL)
		*value = q->reg[REG_CTRL] | (q->enabled ? 1u : 0u);
	else if (offset == REG_STATUS)
		*value = q->status;
	return true;
}

bool sl_queue_peek(struct sl_queue_set *set, unsigned int number, uint32_t n, void *entry)
{
	struct sl_queue *q = &set->queue[number];
	const uint32_t size = sl_queue_sq_entry(q->kind);

	assert(n < sl_queue_pending(q));
	if (sl_iova_read(set->memory, q->sq + (uint64_t)sl_queue_sq_after(q, n) * size, entry, size))
		return true;
	sl_queue_fail(set, number, SL_STATUS_DMA_ERROR);
	return false;
}

bool sl_queue_complete(struct sl_queue_set *set, unsigned int number, void *entry)
{
	struct sl_queue *q = &set->queue[number];
	const uint32_t size = sl_queue_cq_entry(q->kind);

	assert(sl_queue_room(q) > 0);
	((uint8_t *)entry)[size - 1] = q->phase;
	if (!sl_iova_publish(set->memory, q->cq + (uint64_t)q->cq_tail * size, entry, size)) {
		sl_queue_fail(set, number, SL_STATUS_DMA_ERROR);
		return false;
	}
	q->cq_tail = (q->cq_tail + 1) & (q->cq_size - 1);
	if (q->cq_tail == 0)
		q->phase ^= 1u;
	irq_check(set, number);
	return true;
}
