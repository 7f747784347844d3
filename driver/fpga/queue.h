/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A pair of rings shared with the card, as docs/device.md chapters 2 to 4 describe it: submission ring (SQ) written by
 * the driver, completion ring (CQ) written by the card, phase bit in the last byte of a completion, doorbells with ring
 * indexes. What the entries mean is left to admin.c, flowq.c, rx.c and tx.c.
 *
 * A queue is used by one thread at a time. Doorbells that the bus could not take are kept and rung by the next call of
 * sl_queue_ring().
 */
#ifndef SLUICE_DRIVER_FPGA_QUEUE_H
#define SLUICE_DRIVER_FPGA_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_common.h>
#include <rte_memzone.h>

#include "driver/fpga/bus.h"

/* The rings hold little-endian integers and this driver reads them as they are. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the driver supports little-endian hosts only");

struct sl_queue {
	struct sl_bus *bus;
	uint8_t *sq;
	uint8_t *cq;
	uint16_t id;
	uint16_t sq_mask;
	uint16_t cq_mask;
	uint16_t sq_entry;     /* bytes */
	uint16_t cq_entry;     /* bytes */
	uint16_t sq_tail;      /* next entry to write */
	uint16_t sq_head;      /* first entry the card may still read */
	uint16_t cq_head;      /* first completion not consumed */
	uint16_t cq_told;      /* index last written to DB_CQ_HEAD */
	uint16_t sq_told;      /* index last written to DB_SQ_TAIL */
	uint8_t phase;         /* of the next completion */
	uint8_t port;
	uint8_t sq_log2;
	uint8_t cq_log2;
	bool running;
	const struct rte_memzone *memory;
};

struct sl_queue_config {
	const char *name;      /* unique in the process */
	uint16_t id;
	uint8_t port;          /* rx and tx queues */
	uint8_t sq_log2;       /* 0: no submission ring */
	uint8_t cq_log2;
	uint16_t sq_entry;
	uint16_t cq_entry;
	int socket_id;
};

/* Takes memory for the rings. 0 or -ENOMEM. */
int sl_queue_create(struct sl_queue *q, struct sl_bus *bus, const struct sl_queue_config *config);
void sl_queue_destroy(struct sl_queue *q);

/* Starts with empty rings. -EINVAL if the card refuses, -EIO if it has gone. */
int sl_queue_start(struct sl_queue *q);
/* Returns when the card no longer touches rings and buffers, or after timeout_ms. */
int sl_queue_stop(struct sl_queue *q, unsigned int timeout_ms);

/* Writes the doorbells that are due; completions are always released before new work is announced. */
int sl_queue_ring(struct sl_queue *q, unsigned int wait_ms);
/* Releases consumed completions and arms the interrupt. */
int sl_queue_arm(struct sl_queue *q);
int sl_queue_disarm(struct sl_queue *q);

/* Waits for a completion: looks, then sleeps on the interrupt. 0, -ETIMEDOUT, or -EIO if the card has gone. */
int sl_queue_wait(struct sl_queue *q, unsigned int timeout_ms);

static inline void *sl_queue_sq_at(const struct sl_queue *q, uint16_t index)
{
	return q->sq + (size_t)index * q->sq_entry;
}

/* The next completion, or NULL. Its contents may be read until the next sl_queue_ring() after sl_queue_consume(). */
static inline const void *sl_queue_completion(const struct sl_queue *q)
{
	const uint8_t *entry = q->cq + (size_t)q->cq_head * q->cq_entry;

	if ((__atomic_load_n(entry + q->cq_entry - 1, __ATOMIC_ACQUIRE) & 1) != q->phase)
		return NULL;
	return entry;
}

static inline void sl_queue_consume(struct sl_queue *q)
{
	q->cq_head = (q->cq_head + 1) & q->cq_mask;
	if (q->cq_head == 0)
		q->phase ^= 1;
}

/* Entries that may be written before the ring is full. */
static inline unsigned int sl_queue_room(const struct sl_queue *q)
{
	return (uint16_t)(q->sq_head - q->sq_tail - 1) & q->sq_mask;
}

static inline uint16_t sl_queue_unreleased(const struct sl_queue *q)
{
	return (uint16_t)(q->cq_head - q->cq_told) & q->cq_mask;
}

#endif
