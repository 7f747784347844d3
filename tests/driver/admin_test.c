/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rings, admin and flow queues against a card in this process that follows docs/device.md: phase bits, wrap-around, a
 * firmware that is silent, late or restarting, a card that refuses a queue, is reset by others, or goes away.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "driver/fpga/admin.h"
#include "driver/fpga/flowq.h"

int sl_driver_logtype;

/* --- memory and the card -------------------------------------------------------------------------------------------
 * */

const struct rte_memzone *rte_memzone_reserve_aligned(const char *name, size_t len, int socket_id, unsigned int flags,
	unsigned int align)
{
	struct rte_memzone *zone = calloc(1, sizeof(*zone));

	(void)name;
	(void)socket_id;
	(void)flags;
	zone->addr = aligned_alloc(align, (len + align - 1) / align * align);
	memset(zone->addr, 0xff, len);
	zone->iova = (uint64_t)(uintptr_t)zone->addr;
	zone->len = len;
	return zone;
}

int rte_memzone_free(const struct rte_memzone *zone)
{
	free(zone->addr);
	free((void *)(uintptr_t)zone);
	return 0;
}

struct fake_queue {
	uint64_t sq, cq;
	uint32_t size, control, status;
	uint32_t sq_head, sq_tail, cq_tail, cq_head;
	uint8_t phase;
};

static struct {
	struct sl_bus bus;
	struct fake_queue queues[SL_QUEUES];
	uint32_t registers[0x20 / 4];
	int irq[SL_QUEUES];
	bool gone;
	bool silent;             /* executes nothing */
	unsigned int abort;      /* admin commands to abort before one succeeds */
	unsigned int vanish_in;  /* doorbells until the card goes; 0 never */
	bool refuse;             /* does not start queues */
	unsigned int executed;
} card;

static struct fake_queue *queue_at(uint32_t offset, uint32_t *field)
{
	*field = (offset - SL_BAR_Q_SQ_LO(0)) % 64;
	return &card.queues[(offset - SL_BAR_Q_SQ_LO(0)) / 64];
}

static void complete(unsigned int id, const void *entry, size_t size)
{
	struct fake_queue *q = &card.queues[id];
	uint32_t entries = 1u << (q->size >> 8 & 0xff);
	uint8_t *at = (uint8_t *)(uintptr_t)q->cq + q->cq_tail * size;

	assert_int_not_equal((q->cq_tail + 1) % entries, q->cq_head);
	memcpy(at, entry, size);
	at[size - 1] = q->phase;
	q->cq_tail = (q->cq_tail + 1) % entries;
	if (q->cq_tail == 0)
		q->phase ^= 1;
}

static void run_admin(void)
{
	struct fake_queue *q = &card.queues[SL_QUEUE_ADMIN];
	const uint32_t entries = 1u << (q->size & 0xff);

	while (q->sq_head != q->sq_tail && !card.silent) {
		const struct sl_admin_cmd *cmd = (const struct sl_admin_cmd *)(uintptr_t)q->sq + q->sq_head;
		struct sl_admin_cpl cpl = {.tag = cmd->tag, .opcode = cmd->opcode, .len = 4};

		q->sq_head = (q->sq_head + 1) % entries;
		cpl.sq_head = (uint16_t)q->sq_head;
		cpl.answer[0] = cmd->arg[0];
		if (card.abort) {
			card.abort--;
			cpl.status = SL_STATUS_ABORTED;
		} else if (cmd->opcode > SL_ADMIN_OP_HEALTH_GET) {
			cpl.status = SL_STATUS_BAD_OPCODE;
		}
		card.executed++;
		complete(SL_QUEUE_ADMIN, &cpl, sizeof(cpl));
	}
}

static void run_flow(void)
{
	struct fake_queue *q = &card.queues[SL_QUEUE_FLOW0];
	const uint32_t entries = 1u << (q->size & 0xff);

	while (q->sq_head != q->sq_tail && !card.silent) {
		const struct sl_flow_cmd *cmd = (const struct sl_flow_cmd *)(uintptr_t)q->sq + q->sq_head;
		struct sl_flow_cpl cpl = {.tag = cmd->tag, .opcode = cmd->opcode, .flow_id = cmd->flow_id,
			.packets = cmd->key.tenant};

		q->sq_head = (q->sq_head + 1) % entries;
		cpl.sq_head = (uint16_t)q->sq_head;
		if (cmd->opcode == SL_FLOW_OP_DUMP && cmd->flow_id % 3 == 0) {
			struct sl_flow_state *state = (struct sl_flow_state *)(uintptr_t)cmd->iova;

			memset(state, 0, sizeof(*state));
			state->record.cookie = cmd->flow_id;
		} else if (cmd->opcode == SL_FLOW_OP_DUMP) {
			cpl.status = SL_STATUS_NOT_FOUND;
		}
		card.executed++;
		complete(SL_QUEUE_FLOW0, &cpl, sizeof(cpl));
	}
}

static int fake_write32(struct sl_bus *bus, uint32_t offset, uint32_t value, unsigned int wait_ms)
{
	struct fake_queue *q;
	uint32_t field;

	(void)bus;
	(void)wait_ms;
	if (card.gone)
		return -EIO;
	if (offset >= SL_BAR_DB_SQ_TAIL(0)) {
		q = &card.queues[(offset - SL_BAR_DB_SQ_TAIL(0)) / 8];
		if (card.vanish_in && --card.vanish_in == 0) {
			card.gone = true;
			return -EIO;
		}
		if (offset % 8) {
			q->cq_head = value;
			return 0;
		}
		q->sq_tail = value;
		run_admin();
		run_flow();
		return 0;
	}
	if (offset < SL_BAR_Q_SQ_LO(0))
		return 0;
	q = queue_at(offset, &field);
	switch (field) {
	case 0x00: q->sq = (q->sq & ~UINT64_C(0xffffffff)) | value; break;
	case 0x04: q->sq = (q->sq & 0xffffffff) | (uint64_t)value << 32; break;
	case 0x08: q->cq = (q->cq & ~UINT64_C(0xffffffff)) | value; break;
	case 0x0c: q->cq = (q->cq & 0xffffffff) | (uint64_t)value << 32; break;
	case 0x10: q->size = value; break;
	case 0x14:
		q->control = card.refuse ? 0 : value;
		q->status = card.refuse ? SL_STATUS_BAD_VALUE : 0;
		q->sq_head = q->sq_tail = q->cq_head = q->cq_tail = 0;
		q->phase = 1;
		break;
	case 0x1c:
		if (value && q->cq_tail != q->cq_head)
			eventfd_write(card.irq[q - card.queues], 1);
		break;
	}
	return 0;
}

static int fake_read32(struct sl_bus *bus, uint32_t offset, uint32_t *value)
{
	uint32_t field;

	(void)bus;
	if (card.gone)
		return -EIO;
	if (offset < sizeof(card.registers)) {
		*value = card.registers[offset / 4];
		return 0;
	}
	*value = offset == SL_BAR_Q_STATUS((offset - SL_BAR_Q_SQ_LO(0)) / 64) ? queue_at(offset, &field)->status
									       : queue_at(offset, &field)->control;
	return 0;
}

static int fake_irq_fd(const struct sl_bus *bus, unsigned int vector)
{
	(void)bus;
	return card.irq[vector];
}

static int fake_watch_fd(const struct sl_bus *bus)
{
	(void)bus;
	return -1;
}

static bool fake_gone(const struct sl_bus *bus)
{
	(void)bus;
	return card.gone;
}

static void fake_abandon(struct sl_bus *bus)
{
	(void)bus;
	card.gone = true;
}

static const struct sl_bus_ops fake_ops = {
	.read32 = fake_read32,
	.write32 = fake_write32,
	.irq_fd = fake_irq_fd,
	.watch_fd = fake_watch_fd,
	.gone = fake_gone,
	.abandon = fake_abandon,
};

static struct sl_admin admin;
static struct sl_flowq flowq;

static int set_up(void **state)
{
	(void)state;
	memset(&card, 0, sizeof(card));
	memset(&admin, 0, sizeof(admin));
	memset(&flowq, 0, sizeof(flowq));
	card.bus.ops = &fake_ops;
	for (unsigned int i = 0; i < SL_QUEUES; i++)
		card.irq[i] = i <= SL_QUEUE_FLOW0 ? eventfd(0, EFD_NONBLOCK) : -1;
	return sl_admin_open(&admin, &card.bus, "admin", 50) || sl_flowq_open(&flowq, &card.bus, "flow", 50);
}

static int tear_down(void **state)
{
	(void)state;
	sl_admin_close(&admin);
	sl_flowq_close(&flowq);
	for (unsigned int i = 0; i <= SL_QUEUE_FLOW0; i++)
		close(card.irq[i]);
	return 0;
}

static int ask(uint8_t value, uint8_t *answer)
{
	uint8_t out[8];
	int rc = sl_admin_exec(&admin, SL_ADMIN_OP_NOP, &value, 1, out, sizeof(out));

	*answer = out[0];
	return rc;
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* --- tests ---------------------------------------------------------------------------------------------------------
 * */

static void test_laps(void **state)
{
	uint8_t answer;

	(void)state;
	for (unsigned int i = 0; i < 100; i++) { /* several laps of the ring, so that the phase changes */
		assert_int_equal(ask((uint8_t)i, &answer), 0);
		assert_int_equal(answer, i);
	}
	assert_int_equal(sl_admin_exec(&admin, 200, NULL, 0, NULL, 0), -ENOTSUP);
}

static void test_restart(void **state)
{
	uint8_t answer;

	(void)state;
	card.abort = 2;
	assert_int_equal(ask(7, &answer), 0);
	assert_int_equal(answer, 7);
	assert_int_equal(card.executed, 3);
	card.abort = 10;
	assert_int_equal(ask(7, &answer), -ECANCELED);
}

/* Each command waits its time, none hangs, and late answers are not taken for those of others. */
static void test_silence(void **state)
{
	const uint64_t begin = now_ms();
	uint8_t answer;

	(void)state;
	card.silent = true;
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(ask(1, &answer), -ETIMEDOUT);
	assert_in_range(now_ms() - begin, 150, 2000);
	card.silent = false;
	assert_int_equal(ask(9, &answer), 0);
	assert_int_equal(answer, 9);
	assert_int_equal(card.executed, 4);
	assert_false(card.gone);
}

static void test_silence_fills_ring(void **state)
{
	uint8_t answer;

	(void)state;
	admin.timeout_ms = 1;
	card.silent = true;
	for (unsigned int i = 0; i < 40; i++)
		assert_int_equal(ask(1, &answer), -ETIMEDOUT);
	/* It wakes up, answers everything, and is of use again. */
	card.silent = false;
	run_admin();
	assert_int_equal(ask(9, &answer), 0);
	assert_int_equal(answer, 9);
}

static void test_flow_silence(void **state)
{
	const struct sl_key key = {.tenant = 3};
	struct sl_flow_cpl cpl;

	(void)state;
	flowq.timeout_ms = 1;
	card.silent = true;
	for (unsigned int i = 0; i < 300; i++)
		assert_int_equal(sl_flowq_exec(&flowq, SL_FLOW_OP_QUERY, &key, NULL, &cpl), -ETIMEDOUT);
	card.silent = false;
	run_flow();
	assert_int_equal(sl_flowq_exec(&flowq, SL_FLOW_OP_QUERY, &key, NULL, &cpl), 0);
	assert_int_equal(cpl.packets, 3);
}

/* Somebody else reset the card: the queue is off though we did not stop it. */
static void test_foreign_reset(void **state)
{
	uint8_t answer;

	(void)state;
	card.silent = true;
	card.queues[SL_QUEUE_ADMIN].control = 0;
	assert_int_equal(ask(1, &answer), -ETIMEDOUT);
	assert_true(card.gone);
	assert_int_equal(ask(1, &answer), -EIO);
}

static void test_gone(void **state)
{
	const struct sl_key key = {.tenant = 1};
	struct sl_flow_cpl cpl;
	uint8_t answer;

	(void)state;
	card.vanish_in = 3;
	assert_int_equal(ask(1, &answer), 0);
	assert_int_equal(ask(1, &answer), -EIO);
	assert_int_equal(answer, 0);
	assert_int_equal(sl_flowq_exec(&flowq, SL_FLOW_OP_QUERY, &key, NULL, &cpl), -EIO);
}

static void test_refused(void **state)
{
	struct sl_admin other = {0};

	(void)state;
	card.refuse = true;
	assert_int_equal(sl_admin_open(&other, &card.bus, "other", 50), -EINVAL);
}

static void test_flow(void **state)
{
	struct sl_flow_cpl cpl;

	(void)state;
	for (uint16_t i = 0; i < 600; i++) {
		const struct sl_key key = {.tenant = i};

		assert_int_equal(sl_flowq_exec(&flowq, SL_FLOW_OP_QUERY, &key, NULL, &cpl), 0);
		assert_int_equal(cpl.packets, i);
	}
}

static int seen(void *ctx, uint32_t flow_id, const struct sl_flow_state *state)
{
	uint32_t *sum = ctx;

	assert_int_equal(state->record.cookie, flow_id);
	assert_int_equal(flow_id % 3, 0);
	*sum += 1;
	return flow_id == 900;
}

static void test_dump(void **state)
{
	uint32_t found = 0;

	(void)state;
	assert_int_equal(sl_flowq_dump(&flowq, 0, 700, seen, &found), 0);
	assert_int_equal(found, 234);
	found = 0;
	assert_int_equal(sl_flowq_dump(&flowq, 600, 4000, seen, &found), 1); /* stopped by seen() */
	assert_int_equal(found, 101);
	card.silent = true;
	assert_int_equal(sl_flowq_dump(&flowq, 0, 10, seen, &found), -ETIMEDOUT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(laps), TEST(restart), TEST(silence), TEST(silence_fills_ring), TEST(foreign_reset), TEST(gone),
			TEST(refused), TEST(flow),
		TEST(flow_silence), TEST(dump),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
