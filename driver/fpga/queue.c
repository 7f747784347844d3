/* SPDX-License-Identifier: BSD-3-Clause */
/* Life of a queue, doorbells and waiting. The entries are the users' business. */
#include "driver/fpga/queue.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "driver/fpga/log.h"
#include "sluice/contract.h"

/* Looks at the ring this often before it sleeps: a card that answers at once costs no system calls. */
#define LOOKS 64

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

int sl_queue_create(struct sl_queue *q, struct sl_bus *bus, const struct sl_queue_config *config)
{
	size_t sq_bytes = config->sq_log2 ? RTE_ALIGN_CEIL((size_t)config->sq_entry << config->sq_log2, SL_RING_ALIGN)
		: 0;
	size_t cq_bytes = RTE_ALIGN_CEIL((size_t)config->cq_entry << config->cq_log2, SL_RING_ALIGN);

	memset(q, 0, sizeof(*q));
	q->memory = rte_memzone_reserve_aligned(config->name, sq_bytes + cq_bytes, config->socket_id,
		RTE_MEMZONE_IOVA_CONTIG,
						SL_RING_ALIGN);
	if (!q->memory) {
		SL_LOG(ERR, "no memory for the rings of %s (%zu bytes)", config->name, sq_bytes + cq_bytes);
		return -ENOMEM;
	}
	q->bus = bus;
	q->id = config->id;
	q->port = config->port;
	q->sq_log2 = config->sq_log2;
	q->cq_log2 = config->cq_log2;
	q->sq_entry = config->sq_entry;
	q->cq_entry = config->cq_entry;
	q->sq_mask = (uint16_t)((1u << config->sq_log2) - 1);
	q->cq_mask = (uint16_t)((1u << config->cq_log2) - 1);
	q->sq = q->memory->addr;
	q->cq = q->sq + sq_bytes;
	return 0;
}

void sl_queue_destroy(struct sl_queue *q)
{
	if (q->memory)
		rte_memzone_free(q->memory);
	memset(q, 0, sizeof(*q));
}

/* Tells why the card did not start the queue. */
static int refused(struct sl_queue *q)
{
	uint32_t status = 0;

	if (q->bus->ops->read32(q->bus, SL_BAR_Q_STATUS(q->id), &status))
		return -EIO;
	SL_LOG(ERR, "the card does not start queue %u: %s", q->id, sl_status_text(status) ? sl_status_text(status)
		: "unknown status");
	return -EINVAL;
}

int sl_queue_start(struct sl_queue *q)
{
	const uint64_t sq = q->memory->iova, cq = q->memory->iova + (uint64_t)(q->cq - q->sq);
	const struct {
		uint32_t offset, value;
	} writes[] = {
		{SL_BAR_Q_SQ_LO(q->id), (uint32_t)sq},
		{SL_BAR_Q_SQ_HI(q->id), (uint32_t)(sq >> 32)},
		{SL_BAR_Q_CQ_LO(q->id), (uint32_t)cq},
		{SL_BAR_Q_CQ_HI(q->id), (uint32_t)(cq >> 32)},
		{SL_BAR_Q_SIZE(q->id), (uint32_t)q->sq_log2 | (uint32_t)q->cq_log2 << 8},
		{SL_BAR_Q_CTRL(q->id), 1 | (uint32_t)q->port << 8},
	};
	uint32_t control;
	int rc;

	memset(q->sq, 0, (size_t)(q->cq - q->sq) + ((size_t)q->cq_entry << q->cq_log2));
	q->sq_tail = q->sq_head = q->cq_head = q->cq_told = q->sq_told = 0;
	q->phase = 1;
	__atomic_thread_fence(__ATOMIC_RELEASE);
	for (unsigned int i = 0; i < RTE_DIM(writes); i++) {
		rc = q->bus->ops->write32(q->bus, writes[i].offset, writes[i].value, 1000);
		if (rc)
			return rc;
	}
	rc = q->bus->ops->read32(q->bus, SL_BAR_Q_CTRL(q->id), &control);
	if (rc)
		return rc;
	if (!(control & 1))
		return refused(q);
	q->running = true;
	return 0;
}

int sl_queue_stop(struct sl_queue *q, unsigned int timeout_ms)
{
	const uint64_t end = now_ms() + timeout_ms;
	uint32_t control;
	int rc;

	if (!q->running)
		return 0;
	q->running = false;
	rc = q->bus->ops->write32(q->bus, SL_BAR_Q_CTRL(q->id), 0, timeout_ms);
	while (rc == 0) {
		rc = q->bus->ops->read32(q->bus, SL_BAR_Q_CTRL(q->id), &control);
		if (rc || !(control & 1))
			break;
		if (now_ms() > end)
			rc = -ETIMEDOUT;
		else
			usleep(100);
	}
	if (rc == -ETIMEDOUT) /* its memory is about to be another's: the card must not write there when it wakes up */
		q->bus->ops->abandon(q->bus);
	return rc;
}

int sl_queue_ring(struct sl_queue *q, unsigned int wait_ms)
{
	int rc;

	if (q->cq_told != q->cq_head) {
		rc = q->bus->ops->write32(q->bus, SL_BAR_DB_CQ_HEAD(q->id), q->cq_head, wait_ms);
		if (rc)
			return rc;
		q->cq_told = q->cq_head;
	}
	if (q->sq_told != q->sq_tail) {
		__atomic_thread_fence(__ATOMIC_RELEASE);
		rc = q->bus->ops->write32(q->bus, SL_BAR_DB_SQ_TAIL(q->id), q->sq_tail, wait_ms);
		if (rc)
			return rc;
		q->sq_told = q->sq_tail;
	}
	return 0;
}

int sl_queue_arm(struct sl_queue *q)
{
	int rc = sl_queue_ring(q, 100);

	return rc ? rc : q->bus->ops->write32(q->bus, SL_BAR_Q_IRQ(q->id), 1, 100);
}

int sl_queue_disarm(struct sl_queue *q)
{
	return q->bus->ops->write32(q->bus, SL_BAR_Q_IRQ(q->id), 0, 100);
}

int sl_queue_wait(struct sl_queue *q, unsigned int timeout_ms)
{
	const int irq = q->bus->ops->irq_fd(q->bus, q->id);
	const uint64_t end = now_ms() + timeout_ms;
	struct pollfd wake[2] = {{.fd = irq, .events = POLLIN}, {.fd = q->bus->ops->watch_fd(q->bus),
		.events = POLLRDHUP}};
	uint64_t count;

	for (unsigned int i = 0; i < LOOKS; i++) {
		if (sl_queue_completion(q))
			return 0;
		sched_yield();
	}
	for (;;) {
		uint64_t now = now_ms();
		int rc;

		if (q->bus->ops->gone(q->bus))
			return -EIO;
		/* An interrupt left over from an earlier wait only makes this one look once more. */
		rc = sl_queue_arm(q);
		if (rc)
			return rc;
		if (sl_queue_completion(q))
			return 0;
		if (now >= end)
			return -ETIMEDOUT;
		if (poll(wake, 2, (int)(end - now)) > 0) {
			if (read(irq, &count, sizeof(count)) < 0 && errno != EAGAIN)
				return -EIO;
			if (wake[1].revents)
				q->bus->ops->abandon(q->bus);
		}
		if (sl_queue_completion(q))
			return 0;
	}
}
