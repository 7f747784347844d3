/* SPDX-License-Identifier: BSD-3-Clause */
/* Admin commands: submit, wait within the bound, match the completion by its tag. */
#include "driver/fpga/admin.h"

#include <errno.h>
#include <string.h>

#include "driver/fpga/log.h"

#define ADMIN_LOG2 4
/* A firmware restart aborts the command in its mailbox; more than a few in a row is a broken card. */
#define ADMIN_REPEATS 3

int sl_admin_errno(uint8_t status)
{
	switch (status) {
	case SL_STATUS_OK: return 0;
	case SL_STATUS_EXISTS: return -EEXIST;
	case SL_STATUS_NOT_FOUND: return -ENOENT;
	case SL_STATUS_NO_SPACE: return -ENOSPC;
	case SL_STATUS_BAD_OPCODE: return -ENOTSUP;
	case SL_STATUS_BUSY: return -EBUSY;
	case SL_STATUS_DMA_ERROR: return -EFAULT;
	case SL_STATUS_ABORTED: return -ECANCELED;
	case SL_STATUS_TIMEOUT: return -ETIMEDOUT;
	case SL_STATUS_BAD_IMAGE: return -EBADMSG;
	case SL_STATUS_IN_USE: return -EBUSY;
	case SL_STATUS_FLASH_ERROR: return -EREMOTEIO;
	default: return -EINVAL;
	}
}

int sl_admin_open(struct sl_admin *admin, struct sl_bus *bus, const char *name, unsigned int timeout_ms)
{
	const struct sl_queue_config config = {
		.name = name,
		.id = SL_QUEUE_ADMIN,
		.sq_log2 = ADMIN_LOG2,
		.cq_log2 = ADMIN_LOG2,
		.sq_entry = sizeof(struct sl_admin_cmd),
		.cq_entry = sizeof(struct sl_admin_cpl),
		.socket_id = SOCKET_ID_ANY,
	};
	int rc = sl_queue_create(&admin->queue, bus, &config);

	if (rc)
		return rc;
	pthread_mutex_init(&admin->lock, NULL);
	admin->timeout_ms = timeout_ms;
	rc = sl_queue_start(&admin->queue);
	if (rc)
		sl_admin_close(admin);
	return rc;
}

void sl_admin_open_local(struct sl_admin *admin, struct sl_datapath *datapath)
{
	pthread_mutex_init(&admin->lock, NULL);
	admin->datapath = datapath;
}

void sl_admin_close(struct sl_admin *admin)
{
	if (admin->datapath)
		pthread_mutex_destroy(&admin->lock);
	admin->datapath = NULL;
	if (!admin->queue.memory)
		return;
	sl_queue_stop(&admin->queue, admin->timeout_ms);
	sl_queue_destroy(&admin->queue);
	pthread_mutex_destroy(&admin->lock);
}

/* A silent firmware: hung, or did another reset take the card from us? */
static void explain_silence(struct sl_admin *admin, enum sl_admin_op op)
{
	struct sl_bus *bus = admin->queue.bus;
	uint32_t control, status;

	const int rc = bus->ops->read32(bus, SL_BAR_STATUS, &status);

	if (rc == -ETIMEDOUT)
		SL_LOG(ERR, "the card did not answer command %s, nor anything else, within %u ms each; it is asked again",
			sl_admin_op_name(op), admin->timeout_ms);
	if (rc || bus->ops->read32(bus, SL_BAR_Q_CTRL(SL_QUEUE_ADMIN), &control))
		return;
	if (!(control & 1)) {
		SL_LOG(ERR,
			"the card was reset by someone else; its rules are gone and this driver must be started again");
		bus->ops->abandon(bus);
		return;
	}
	SL_LOG(ERR, "the firmware did not answer command %s within %u ms%s", sl_admin_op_name(op), admin->timeout_ms,
		status & SL_MGMT_STATUS_SILENT ? "; it has stopped beating" : status & SL_MGMT_STATUS_SERVING ? "" : "; it is starting");
}

/* Takes the completion with the tag; completions of commands given up earlier are skipped. */
static int take(struct sl_admin *admin, uint16_t tag, struct sl_admin_cpl *cpl)
{
	for (;;) {
		const struct sl_admin_cpl *entry;
		int rc = sl_queue_wait(&admin->queue, admin->timeout_ms);

		if (rc)
			return rc;
		entry = sl_queue_completion(&admin->queue);
		*cpl = *entry;
		admin->queue.sq_head = cpl->sq_head & admin->queue.sq_mask;
		sl_queue_consume(&admin->queue);
		if (cpl->tag == tag)
			return 0;
	}
}

/* Late answers to commands given up: their entries are free again. */
static void drop_late(struct sl_queue *q)
{
	const struct sl_admin_cpl *cpl;

	while ((cpl = sl_queue_completion(q)) != NULL) {
		q->sq_head = cpl->sq_head & q->sq_mask;
		sl_queue_consume(q);
	}
}

static int exec_once(struct sl_admin *admin, enum sl_admin_op op, const void *arg, uint32_t arg_len,
	struct sl_admin_cpl *cpl)
{
	struct sl_queue *q = &admin->queue;
	struct sl_admin_cmd *cmd;
	uint16_t tag;
	int rc;

	if (q->bus->ops->gone(q->bus))
		return -EIO;
	drop_late(q);
	if (sl_queue_room(q) == 0)
		return -ETIMEDOUT; /* every entry is a command that the firmware never answered */
	cmd = sl_queue_sq_at(q, q->sq_tail);
	memset(cmd, 0, sizeof(*cmd));
	tag = admin->tag++;
	cmd->opcode = (uint8_t)op;
	cmd->tag = tag;
	cmd->len = arg_len;
	if (arg_len)
		memcpy(cmd->arg, arg, arg_len);
	q->sq_tail = (q->sq_tail + 1) & q->sq_mask;
	rc = sl_queue_ring(q, admin->timeout_ms);
	if (rc == 0)
		rc = take(admin, tag, cpl);
	if (rc == -ETIMEDOUT)
		explain_silence(admin, op);
	return rc;
}

static int exec_local(struct sl_admin *admin, enum sl_admin_op op, const void *arg, struct sl_admin_cpl *cpl)
{
	memset(cpl, 0, sizeof(*cpl));
	cpl->status = admin->datapath->ops->admin(admin->datapath, op, arg, cpl->answer);
	cpl->len = sizeof(cpl->answer);
	return 0;
}

int sl_admin_exec(struct sl_admin *admin, enum sl_admin_op op, const void *arg, uint32_t arg_len, void *answer,
		  uint32_t answer_len)
{
	struct sl_admin_cpl cpl;
	int rc = -ECANCELED;

	if (arg_len > sizeof(((struct sl_admin_cmd *)NULL)->arg) || answer_len > sizeof(cpl.answer))
		return -EINVAL;
	pthread_mutex_lock(&admin->lock);
	for (unsigned int i = 0; i < ADMIN_REPEATS && rc == -ECANCELED; i++) {
		rc = admin->datapath ? exec_local(admin, op, arg, &cpl) : exec_once(admin, op, arg, arg_len, &cpl);
		if (rc == 0)
			rc = sl_admin_errno(cpl.status);
	}
	pthread_mutex_unlock(&admin->lock);
	if (answer_len) {
		uint32_t n = rc ? 0 : RTE_MIN(answer_len, cpl.len);

		memcpy(answer, cpl.answer, n);
		memset((uint8_t *)answer + n, 0, answer_len - n);
	}
	return rc;
}
