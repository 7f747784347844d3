/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Queue contexts: their registers, doorbells, rings and interrupts, as docs/device.md chapters 2 to 4 say. What the
 * entries mean is dma.c's business.
 *
 * A queue's `life` advances whenever it starts or stops, so that work begun in an earlier life is recognised when it ends.
 */
#ifndef SLUICE_SIM_QUEUE_H
#define SLUICE_SIM_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/iova.h"
#include "sluice/contract.h"

enum sl_queue_kind {
	SL_QUEUE_KIND_NONE,
	SL_QUEUE_KIND_ADMIN,
	SL_QUEUE_KIND_EVENT,
	SL_QUEUE_KIND_FLOW,
	SL_QUEUE_KIND_RX,
	SL_QUEUE_KIND_TX,
};

struct sl_queue {
	enum sl_queue_kind kind;
	bool enabled;
	bool armed;     /* one interrupt is asked for */
	uint8_t phase;  /* of the next completion */
	uint8_t port;   /* rx, tx */
	uint8_t status; /* sl_status of the error that stopped the queue */
	uint32_t life;
	uint64_t sq, cq;           /* IOVAs of the rings */
	uint32_t sq_size, cq_size; /* entries; powers of two */
	uint32_t sq_head, sq_tail; /* next to take; end of what was announced */
	uint32_t cq_head, cq_tail; /* first not consumed by the host; next to write */
	uint32_t reg[6];           /* Q_SQ_LO .. Q_CTRL as written */
};

struct sl_queue_set {
	struct sl_queue queue[SL_QUEUES];
	struct sl_iova *memory;
	unsigned int ports;
	void (*raise)(void *ctx, unsigned int vector); /* interrupt */
	void *ctx;
};

void sl_queue_init(struct sl_queue_set *set, struct sl_iova *memory, unsigned int ports,
		   void (*raise)(void *ctx, unsigned int vector), void *ctx);
/* Stops every queue; registers read 0 again. */
void sl_queue_reset(struct sl_queue_set *set);

/* Registers Q_* and DB_*; false if `offset` is none of them. */
bool sl_queue_read(struct sl_queue_set *set, uint32_t offset, uint32_t *value);
bool sl_queue_write(struct sl_queue_set *set, uint32_t offset, uint32_t value);

/* Announced submissions not yet taken. */
static inline uint32_t sl_queue_pending(const struct sl_queue *q)
{
	return q->enabled ? (q->sq_tail - q->sq_head) & (q->sq_size - 1) : 0;
}

/* Completions that can still be written. */
static inline uint32_t sl_queue_room(const struct sl_queue *q)
{
	return q->enabled ? (q->cq_head - q->cq_tail - 1) & (q->cq_size - 1) : 0;
}

static inline uint32_t sl_queue_sq_after(const struct sl_queue *q, uint32_t n)
{
	return (q->sq_head + n) & (q->sq_size - 1);
}

/* Size of one entry; 0 if the kind has no such ring. */
uint32_t sl_queue_sq_entry(enum sl_queue_kind kind);
uint32_t sl_queue_cq_entry(enum sl_queue_kind kind);

/* Copies the announced submission that is n after the head. On failure the queue has stopped with DMA_ERROR. */
bool sl_queue_peek(struct sl_queue_set *set, unsigned int number, uint32_t n, void *entry);
/* Writes one completion (its last byte, the phase, is set here) and raises the interrupt if armed. There must be room. On
 * failure the queue has stopped with DMA_ERROR. */
bool sl_queue_complete(struct sl_queue_set *set, unsigned int number, void *entry);
/* Stops a queue because of an error. */
void sl_queue_fail(struct sl_queue_set *set, unsigned int number, enum sl_status status);

#endif
