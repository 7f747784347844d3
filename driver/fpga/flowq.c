/* SPDX-License-Identifier: BSD-3-Clause */
/* Flow commands: one at a time for rules, a ring full at a time for dumps. */
#include "driver/fpga/flowq.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "driver/fpga/log.h"

#define FLOWQ_LOG2 8
#define FLOWQ_BATCH ((1u << FLOWQ_LOG2) - 1)

int sl_flowq_open(struct sl_flowq *fq, struct sl_bus *bus, const char *name, unsigned int timeout_ms)
{
	const struct sl_queue_config config = {
		.name = name,
		.id = SL_QUEUE_FLOW0,
		.sq_log2 = FLOWQ_LOG2,
		.cq_log2 = FLOWQ_LOG2,
		.sq_entry = sizeof(struct sl_flow_cmd),
		.cq_entry = sizeof(struct sl_flow_cpl),
		.socket_id = SOCKET_ID_ANY,
	};
	char states[RTE_MEMZONE_NAMESIZE];
	int rc = sl_queue_create(&fq->queue, bus, &config);

	if (rc)
		return rc;
	pthread_mutex_init(&fq->lock, NULL);
	fq->timeout_ms = timeout_ms;
	snprintf(states, sizeof(states), "%s_d", name);
	fq->states = rte_memzone_reserve_aligned(states, sizeof(struct sl_flow_state) << FLOWQ_LOG2, SOCKET_ID_ANY,
						 RTE_MEMZONE_IOVA_CONTIG, SL_RING_ALIGN);
	rc = fq->states ? sl_queue_start(&fq->queue) : -ENOMEM;
	if (rc)
		sl_flowq_close(fq);
	return rc;
}

void sl_flowq_open_local(struct sl_flowq *fq, struct sl_datapath *datapath)
{
	pthread_mutex_init(&fq->lock, NULL);
	fq->datapath = datapath;
}

void sl_flowq_close(struct sl_flowq *fq)
{
	if (fq->datapath)
		pthread_mutex_destroy(&fq->lock);
	fq->datapath = NULL;
	if (!fq->queue.memory)
		return;
	sl_queue_stop(&fq->queue, fq->timeout_ms);
	sl_queue_destroy(&fq->queue);
	if (fq->states)
		rte_memzone_free(fq->states);
	fq->states = NULL;
	pthread_mutex_destroy(&fq->lock);
}

/* Late answers to commands given up: their entries are free again. */
static void drop_late(struct sl_queue *q)
{
	const struct sl_flow_cpl *cpl;

	while ((cpl = sl_queue_completion(q)) != NULL) {
		q->sq_head = cpl->sq_head & q->sq_mask;
		sl_queue_consume(q);
	}
}

static struct sl_flow_cmd *next_cmd(struct sl_flowq *fq, enum sl_flow_op op, uint16_t tag)
{
	struct sl_queue *q = &fq->queue;
	struct sl_flow_cmd *cmd;

	if (sl_queue_room(q) == 0)
		return NULL;
	cmd = sl_queue_sq_at(q, q->sq_tail);
	memset(cmd, 0, sizeof(*cmd));
	cmd->opcode = (uint8_t)op;
	cmd->tag = tag;
	q->sq_tail = (q->sq_tail + 1) & q->sq_mask;
	return cmd;
}

/* Takes the completion with the tag; completions of commands given up earlier are skipped. */
static int take(struct sl_flowq *fq, uint16_t tag, struct sl_flow_cpl *cpl)
{
	struct sl_queue *q = &fq->queue;

	for (;;) {
		int rc = sl_queue_wait(q, fq->timeout_ms);

		if (rc)
			return rc;
		memcpy(cpl, sl_queue_completion(q), sizeof(*cpl));
		q->sq_head = cpl->sq_head & q->sq_mask;
		sl_queue_consume(q);
		if (cpl->tag == tag)
			return 0;
	}
}

static int exec_locked(struct sl_flowq *fq, enum sl_flow_op op, const struct sl_key *key,
	const struct sl_record *record,
		       struct sl_flow_cpl *cpl)
{
	struct sl_flow_cmd *cmd;
	uint16_t tag = fq->tag++;
	int rc;

	if (fq->queue.bus->ops->gone(fq->queue.bus))
		return -EIO;
	drop_late(&fq->queue);
	cmd = next_cmd(fq, op, tag);
	if (!cmd)
		return -ETIMEDOUT;
	cmd->key = *key;
	if (record)
		cmd->record = *record;
	rc = sl_queue_ring(&fq->queue, fq->timeout_ms);
	if (rc == 0)
		rc = take(fq, tag, cpl);
	if (rc == -ETIMEDOUT)
		SL_LOG(ERR, "the card did not complete flow command %s within %u ms", sl_flow_op_name(op),
			fq->timeout_ms);
	return rc;
}

static int exec_local(struct sl_flowq *fq, enum sl_flow_op op, const struct sl_key *key, const struct sl_record *record,
		      struct sl_flow_cpl *cpl)
{
	struct sl_flow_cmd cmd = { .opcode = (uint8_t)op, .key = *key };

	if (record)
		cmd.record = *record;
	memset(cpl, 0, sizeof(*cpl));
	fq->datapath->ops->flow(fq->datapath, &cmd, cpl, NULL);
	return 0;
}

int sl_flowq_exec(struct sl_flowq *fq, enum sl_flow_op op, const struct sl_key *key, const struct sl_record *record,
		  struct sl_flow_cpl *cpl)
{
	int rc;

	pthread_mutex_lock(&fq->lock);
	rc = fq->datapath ? exec_local(fq, op, key, record, cpl) : exec_locked(fq, op, key, record, cpl);
	pthread_mutex_unlock(&fq->lock);
	return rc;
}

bool sl_flowq_idle(struct sl_flowq *fq)
{
	struct sl_queue *q = &fq->queue;
	bool idle;

	if (fq->datapath)
		return true;
	pthread_mutex_lock(&fq->lock);
	/* A doorbell that found no room on the bus is rung again. */
	idle = !q->bus->ops->gone(q->bus) && sl_queue_ring(q, 0) == 0;
	if (idle) {
		drop_late(q);
		idle = q->sq_head == q->sq_tail;
	}
	pthread_mutex_unlock(&fq->lock);
	return idle;
}

/* One ring full of DUMP commands; found[i] says whether states[i] was written. */
static int dump_batch(struct sl_flowq *fq, uint32_t first, uint32_t count, bool *found)
{
	uint16_t tags[FLOWQ_BATCH];
	struct sl_flow_cpl cpl;
	int rc;

	if (fq->queue.bus->ops->gone(fq->queue.bus))
		return -EIO;
	drop_late(&fq->queue);
	for (uint32_t i = 0; i < count; i++) {
		struct sl_flow_cmd *cmd = next_cmd(fq, SL_FLOW_OP_DUMP, fq->tag);

		if (!cmd)
			return -ETIMEDOUT;
		tags[i] = fq->tag++;
		cmd->flow_id = first + i;
		cmd->iova = fq->states->iova + i * sizeof(struct sl_flow_state);
	}
	rc = sl_queue_ring(&fq->queue, fq->timeout_ms);
	for (uint32_t i = 0; i < count && rc == 0; i++) {
		rc = take(fq, tags[i], &cpl);
		found[i] = rc == 0 && cpl.status == SL_STATUS_OK;
		if (rc == 0 && cpl.status != SL_STATUS_OK && cpl.status != SL_STATUS_NOT_FOUND) {
			SL_LOG(ERR, "the card refused to dump flow %u: %s", first + i,
				sl_status_text(cpl.status) ? sl_status_text(cpl.status) : "unknown status");
			rc = -EIO;
		}
	}
	return rc;
}

static int dump_local(struct sl_flowq *fq, uint32_t first, uint32_t count,
		      int (*seen)(void *ctx, uint32_t flow_id, const struct sl_flow_state *state), void *ctx)
{
	int rc = 0;

	for (uint32_t i = 0; i < count && rc == 0; i++) {
		struct sl_flow_cmd cmd = { .opcode = SL_FLOW_OP_DUMP, .flow_id = first + i };
		struct sl_flow_state state;
		struct sl_flow_cpl cpl = { 0 };

		pthread_mutex_lock(&fq->lock);
		fq->datapath->ops->flow(fq->datapath, &cmd, &cpl, &state);
		if (cpl.status == SL_STATUS_OK)
			rc = seen(ctx, first + i, &state);
		pthread_mutex_unlock(&fq->lock);
	}
	return rc;
}

int sl_flowq_dump(struct sl_flowq *fq, uint32_t first, uint32_t count,
		  int (*seen)(void *ctx, uint32_t flow_id, const struct sl_flow_state *state), void *ctx)
{
	const struct sl_flow_state *states;
	bool found[FLOWQ_BATCH];
	int rc = 0;

	if (fq->datapath)
		return dump_local(fq, first, count, seen, ctx);
	states = fq->states->addr;
	for (uint32_t done = 0; done < count && rc == 0; ) {
		uint32_t n = RTE_MIN(count - done, FLOWQ_BATCH);

		pthread_mutex_lock(&fq->lock);
		rc = dump_batch(fq, first + done, n, found);
		for (uint32_t i = 0; i < n && rc == 0; i++)
			if (found[i])
				rc = seen(ctx, first + done + i, &states[i]);
		pthread_mutex_unlock(&fq->lock);
		done += n;
	}
	return rc;
}
