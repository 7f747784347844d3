/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Queues and DMA against an engine and a management core that live in this file: wrap and phase, full rings, hostile
 * descriptors, errors, interrupts, resets.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sim/dma.h"
#include "tests/sim/host.h"

#define FRAMES 64
#define BAD_IOVA 0x1000ull

/* ---- the in-test engine: frames for the host come from a list, frames for the wire go to one ---- */

struct frame {
	struct sl_host_meta meta;
	uint32_t len;
	uint8_t data[SL_FRAME_MAX];
};

static struct frame to_host[FRAMES], to_wire[FRAMES];
static unsigned int to_host_count, to_host_taken, to_wire_count;
static struct sl_flow_done done[FRAMES];
static unsigned int done_count, done_taken, done_allowed;
static bool wire_full;

static bool engine_host_tx(struct sl_engine *e, unsigned int port, const uint8_t *data, uint32_t len)
{
	struct frame *f = &to_wire[to_wire_count % FRAMES];

	(void)e;
	if (wire_full)
		return false;
	f->meta.port = (uint8_t)port;
	f->len = len;
	memcpy(f->data, data, len);
	to_wire_count++;
	return true;
}

static uint32_t engine_host_out(struct sl_engine *e, struct sl_host_meta *meta, uint8_t *buf)
{
	const struct frame *f = &to_host[to_host_taken % FRAMES];

	(void)e;
	if (to_host_taken == to_host_count)
		return 0;
	to_host_taken++;
	*meta = f->meta;
	memcpy(buf, f->data, f->len);
	return f->len;
}

static bool engine_flow_submit(struct sl_engine *e, const struct sl_flow_cmd *cmd)
{
	struct sl_flow_done *d = &done[done_count % FRAMES];

	(void)e;
	*d = (struct sl_flow_done){ .cpl = { .flow_id = cmd->flow_id, .tag = cmd->tag, .opcode = cmd->opcode } };
	memset(&d->state, 0x5a, sizeof(d->state));
	done_count++;
	return true;
}

static bool engine_flow_done(struct sl_engine *e, struct sl_flow_done *d)
{
	(void)e;
	if (done_taken == done_count || done_taken >= done_allowed)
		return false;
	*d = done[done_taken++ % FRAMES];
	return true;
}

static unsigned int aged_waiting, aged_taken;

static bool engine_aged(struct sl_engine *e, struct sl_aged *aged)
{
	(void)e;
	if (aged_taken == aged_waiting)
		return false;
	*aged = (struct sl_aged){ .flow_id = 100 + aged_taken, .last_seen_ms = 1000 + aged_taken };
	aged_taken++;
	return true;
}

static const struct sl_engine_ops engine = {
	.name = "test",
	.host_tx = engine_host_tx,
	.host_out = engine_host_out,
	.flow_submit = engine_flow_submit,
	.flow_done = engine_flow_done,
	.aged = engine_aged,
};

/* ---- the in-test management core: answers what it is given when allowed to ---- */

static struct sl_admin_cmd mailbox;
static bool mailbox_full, mailbox_answers = true;
static uint32_t status_bits = SL_MGMT_STATUS_SERVING;
static unsigned int dropped[SL_REASONS], events_waiting, core_events_lost;

bool sl_mgmt_admin_submit(struct sl_mgmt *m, const struct sl_admin_cmd *cmd)
{
	(void)m;
	assert_false(mailbox_full);
	mailbox = *cmd;
	mailbox_full = true;
	return true;
}

bool sl_mgmt_admin_done(struct sl_mgmt *m, struct sl_admin_cpl *cpl)
{
	(void)m;
	if (!mailbox_full || !mailbox_answers)
		return false;
	mailbox_full = false;
	*cpl = (struct sl_admin_cpl){ .tag = mailbox.tag, .opcode = mailbox.opcode };
	memcpy(cpl->answer, mailbox.arg, sizeof(cpl->answer));
	return true;
}

bool sl_mgmt_event(struct sl_mgmt *m, struct sl_event *event)
{
	(void)m;
	if (events_waiting == 0)
		return false;
	*event = (struct sl_event){ .type = SL_EVENT_TYPE_LINK, .arg0 = events_waiting-- };
	return true;
}

uint32_t sl_mgmt_events_lost(const struct sl_mgmt *m)
{
	(void)m;
	return core_events_lost;
}

void sl_mgmt_count_drop(struct sl_mgmt *m, unsigned int reason, uint32_t bytes)
{
	(void)m;
	(void)bytes;
	dropped[reason]++;
}

uint32_t sl_mgmt_status(const struct sl_mgmt *m)
{
	(void)m;
	return status_bits;
}

/* ---- a card made of these ---- */

static struct host host;
static struct sl_iova memory;
static struct sl_dma dma;
static unsigned int raised[SL_QUEUES];

static void on_raise(void *ctx, unsigned int vector)
{
	(void)ctx;
	raised[vector]++;
}

static uint32_t reg_read(struct host *h, uint32_t offset)
{
	uint32_t value;

	(void)h;
	assert_true(sl_queue_read(&dma.queues, offset, &value));
	return value;
}

static void reg_write(struct host *h, uint32_t offset, uint32_t value)
{
	(void)h;
	assert_true(sl_queue_write(&dma.queues, offset, value));
}

static void step(struct host *h)
{
	(void)h;
	sl_dma_step(&dma, 7);
}

static int setup(void **state)
{
	(void)state;
	host_open(&host);
	host.read = reg_read;
	host.write = reg_write;
	host.poll = step;
	assert_int_equal(sl_iova_map(&memory, HOST_IOVA, HOST_SPLIT, host.memfd, 0), 0);
	assert_int_equal(sl_iova_map(&memory, HOST_IOVA + HOST_SPLIT, HOST_MEMORY - HOST_SPLIT, host.memfd, HOST_SPLIT), 0);
	sl_dma_init(&dma, &memory, 2, &engine, NULL, NULL, on_raise, NULL);
	to_host_count = to_host_taken = to_wire_count = done_count = done_taken = 0;
	done_allowed = UINT32_MAX;
	wire_full = mailbox_full = false;
	mailbox_answers = true;
	status_bits = SL_MGMT_STATUS_SERVING;
	events_waiting = core_events_lost = 0;
	aged_waiting = aged_taken = 0;
	memset(dropped, 0, sizeof(dropped));
	memset(raised, 0, sizeof(raised));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	sl_iova_clear(&memory);
	host_close(&host);
	return 0;
}

static struct frame *give(uint32_t len, uint8_t port, uint32_t hash)
{
	struct frame *f = &to_host[to_host_count++ % FRAMES];

	*f = (struct frame){ .meta = { .port = port, .hash = hash, .rule = 255, .flow_id = SL_FLOW_ID_NONE }, .len = len };
	for (uint32_t i = 0; i < len; i++)
		f->data[i] = (uint8_t)(i * 3 + to_host_count);
	return f;
}

static size_t rx_post(struct ring *rx, uint32_t len)
{
	struct sl_rx_desc *desc = ring_sq(rx);
	size_t at = host_alloc(&host, len, 1);

	*desc = (struct sl_rx_desc){ .iova = host_iova(at), .len = len };
	ring_push(rx);
	return at;
}

static void tx_post(struct ring *tx, uint64_t iova, uint32_t len, bool eop)
{
	struct sl_tx_desc *desc = ring_sq(tx);

	*desc = (struct sl_tx_desc){ .iova = iova, .len = len, .flags = eop };
	ring_push(tx);
}

/* ---- tests ---- */

static void enable_checks(void **state)
{
	static const struct {
		const char *what;
		unsigned int queue;
		uint32_t sq_lo, cq_lo, size, ctrl;
		bool good;
	} rows[] = {
		{ "rx", SL_QUEUE_RX0, 0x10000, 0x20000, 0x0404, 0x001, true },
		{ "rx, last port", SL_QUEUE_RX0, 0x10000, 0x20000, 0x0404, 0x101, true },
		{ "rx, no such port", SL_QUEUE_RX0, 0x10000, 0x20000, 0x0404, 0x201, false },
		{ "largest", SL_QUEUE_TX0, 0x10000, 0x20000, 0x0f0f, 0x001, true },
		{ "too large", SL_QUEUE_TX0, 0x10000, 0x20000, 0x1010, 0x001, false },
		{ "too small", SL_QUEUE_TX0, 0x10000, 0x20000, 0x0202, 0x001, false },
		{ "absurd", SL_QUEUE_TX0, 0x10000, 0x20000, 0xffff, 0x001, false },
		{ "log2 beyond 31", SL_QUEUE_TX0, 0x10000, 0x20000, 0x2424, 0x001, false },
		{ "CQ larger", SL_QUEUE_FLOW0, 0x10000, 0x20000, 0x0504, 0x001, true },
		{ "CQ smaller", SL_QUEUE_FLOW0, 0x10000, 0x20000, 0x0405, 0x001, false },
		{ "SQ misaligned", SL_QUEUE_ADMIN, 0x10040, 0x20000, 0x0404, 0x001, false },
		{ "CQ misaligned", SL_QUEUE_ADMIN, 0x10000, 0x20800, 0x0404, 0x001, false },
		{ "event without SQ", SL_QUEUE_EVENT, 0x10001, 0x20000, 0x04ff, 0x001, true },
		{ "no such queue", 10, 0x10000, 0x20000, 0x0404, 0x001, false },
		{ "no such queue", 48, 0x10000, 0x20000, 0x0404, 0x001, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned int q = rows[i].queue;

		sl_queue_reset(&dma.queues);
		reg_write(&host, SL_BAR_Q_SQ_LO(q), rows[i].sq_lo);
		reg_write(&host, SL_BAR_Q_CQ_LO(q), rows[i].cq_lo);
		reg_write(&host, SL_BAR_Q_SIZE(q), rows[i].size);
		reg_write(&host, SL_BAR_Q_CTRL(q), rows[i].ctrl);
		if ((reg_read(&host, SL_BAR_Q_CTRL(q)) & 1u) != rows[i].good)
			fail_msg("%s: enabled %d", rows[i].what, !rows[i].good);
		assert_int_equal(reg_read(&host, SL_BAR_Q_STATUS(q)), rows[i].good ? SL_STATUS_OK : SL_STATUS_BAD_VALUE);
		reg_write(&host, SL_BAR_Q_SIZE(q), 0x0303);
#ifdef DMA_IS_RTL /* a queue that does not exist has no registers there: they read 0 */
		if (q == 10 || q == 48)
			continue;
#endif
		assert_int_equal(reg_read(&host, SL_BAR_Q_SIZE(q)), rows[i].good ? rows[i].size : 0x0303);
		reg_write(&host, SL_BAR_Q_CTRL(q), 0);
		assert_int_equal(reg_read(&host, SL_BAR_Q_CTRL(q)) & 1u, 0);
	}
}

static void doorbell_checks(void **state)
{
	static const struct {
		const char *what;
		bool head;
		uint32_t value;
		unsigned int completions; /* present before */
		bool good;
	} rows[] = {
		{ "last index", false, 15, 0, true },      { "the ring's size", false, 16, 0, false },
		{ "all bits", false, UINT32_MAX, 0, false }, { "nothing consumed", true, 0, 0, true },
		{ "more than there is", true, 1, 0, false }, { "all there is", true, 3, 3, true },
		{ "one too many", true, 4, 3, false },      { "backwards", true, 15, 3, false },
		{ "beyond the ring", true, 16, 3, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ring flow;

		ring_start(&flow, &host, SL_QUEUE_FLOW0, 4, 0);
		for (unsigned int n = 0; n < rows[i].completions; n++) {
			memset(ring_sq(&flow), 0, flow.sq_entry);
			ring_push(&flow);
		}
		ring_doorbell(&flow);
		step(&host);
		step(&host);
		reg_write(&host, SL_BAR_Q_IRQ(SL_QUEUE_FLOW0), 0);
		reg_write(&host, rows[i].head ? SL_BAR_DB_CQ_HEAD(SL_QUEUE_FLOW0) : SL_BAR_DB_SQ_TAIL(SL_QUEUE_FLOW0),
			  rows[i].value);
		if ((reg_read(&host, SL_BAR_Q_CTRL(SL_QUEUE_FLOW0)) & 1u) != rows[i].good)
			fail_msg("%s: queue runs: %d", rows[i].what, !rows[i].good);
		assert_int_equal(reg_read(&host, SL_BAR_Q_STATUS(SL_QUEUE_FLOW0)),
				 rows[i].good ? SL_STATUS_OK : SL_STATUS_BAD_VALUE);
		sl_dma_card_reset(&dma);
		done_count = done_taken = 0;
	}
}

/* Many laps of a small ring: every frame arrives in its buffer, in order, with the right phase. */
static void rx_wraps(void **state)
{
	struct ring rx;
	size_t at[8];

	(void)state;
	ring_start(&rx, &host, SL_QUEUE_RX0, 3, 1);
	for (unsigned int i = 0; i < 7; i++)
		at[i] = rx_post(&rx, 128);
	ring_doorbell(&rx);
	for (unsigned int i = 0; i < 100; i++) {
		const unsigned int slot = i % 8;
		const struct frame *f = give(60 + i % 60, 1, 0);
		const struct sl_rx_cpl *cpl = ring_wait(&rx);

		assert_int_equal(cpl->sq_index, slot);
		assert_int_equal(cpl->len, f->len);
		assert_int_equal(cpl->frame_len, f->len);
		assert_int_equal(cpl->flags, 1);
		assert_int_equal(cpl->port, 1);
		assert_int_equal(cpl->rule, 255);
		assert_int_equal(cpl->time_ms, 7);
		assert_int_equal(cpl->flow_id, SL_FLOW_ID_NONE);
		assert_memory_equal(host.memory + at[slot], f->data, f->len);
		ring_pop(&rx);
		assert_null(ring_peek(&rx));
		at[(slot + 7) % 8] = rx_post(&rx, 128);
		ring_doorbell(&rx);
	}
	assert_int_equal(dropped[SL_REASON_HOST_FULL], 0);
}

static void rx_metadata(void **state)
{
	struct ring rx;
	struct frame *f = give(100, 0, 0x89abcdef);
	const struct sl_rx_cpl *cpl;

	(void)state;
	f->meta = (struct sl_host_meta){ .mark = 0x11223344, .hash = 0x89abcdef, .flow_id = 5, .tenant = 9, .port = 0,
					 .reason = SL_REASON_TTL, .rule = 3, .mark_valid = true };
	ring_start(&rx, &host, SL_QUEUE_RX0, 3, 0);
	rx_post(&rx, 128);
	ring_doorbell(&rx);
	cpl = ring_wait(&rx);
	assert_int_equal(cpl->mark, 0x11223344);
	assert_int_equal(cpl->hash, 0x89abcdef);
	assert_int_equal(cpl->flow_id, 5);
	assert_int_equal(cpl->tenant, 9);
	assert_int_equal(cpl->reason, SL_REASON_TTL);
	assert_int_equal(cpl->rule, 3);
	assert_int_equal(cpl->flags, 3);
}

static void rx_chains(void **state)
{
	static const struct {
		const char *what;
		uint32_t buffer;
		unsigned int posted;
		uint32_t frame;
		unsigned int used; /* 0: dropped */
	} rows[] = {
		{ "fits exactly", 64, 3, 64, 1 },
		{ "one byte more", 64, 3, 65, 2 },
		{ "three buffers", 64, 3, 192, 3 },
		{ "too few announced", 64, 3, 193, 0 },
		{ "as many as allowed", 64, 20, 16 * 64, 16 },
		{ "more than allowed", 64, 20, 16 * 64 + 1, 0 },
		{ "none announced", 64, 0, 64, 0 },
		{ "longest frame", 2048, 5, SL_FRAME_MAX, 5 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ring rx;
		size_t at[32];
		uint32_t seen = 0;
		const struct frame *f;

		memset(dropped, 0, sizeof(dropped));
		ring_start(&rx, &host, SL_QUEUE_RX0, 5, 0);
		for (unsigned int n = 0; n < rows[i].posted; n++)
			at[n] = rx_post(&rx, rows[i].buffer);
		ring_doorbell(&rx);
		f = give(rows[i].frame, 0, 0);
		step(&host);
		for (unsigned int n = 0; n < rows[i].used; n++) {
			const struct sl_rx_cpl *cpl = ring_peek(&rx);

			if (cpl == NULL)
				fail_msg("%s: completion %u is missing", rows[i].what, n);
			assert_int_equal(cpl->sq_index, n);
			assert_int_equal(cpl->frame_len, f->len);
			assert_int_equal(cpl->flags & 1u, n + 1 == rows[i].used);
			assert_memory_equal(host.memory + at[n], f->data + seen, cpl->len);
			seen += cpl->len;
			ring_pop(&rx);
		}
		assert_int_equal(seen, rows[i].used > 0 ? f->len : 0);
		assert_null(ring_peek(&rx));
		assert_int_equal(dropped[SL_REASON_HOST_FULL], rows[i].used == 0);
		reg_write(&host, SL_BAR_Q_CTRL(SL_QUEUE_RX0), 0);
	}
}

/* The CQ is not consumed: nothing is overwritten, frames are dropped until the head moves. */
static void rx_completions_full(void **state)
{
	struct ring rx;

	(void)state;
	ring_start(&rx, &host, SL_QUEUE_RX0, 3, 0);
	for (unsigned int lap = 0; lap < 2; lap++) {
		for (unsigned int i = 0; i < 7; i++)
			rx_post(&rx, 64);
		ring_doorbell(&rx);
		for (unsigned int i = 0; i < 7; i++)
			give(60, 0, 0);
		step(&host);
	}
	assert_int_equal(dropped[SL_REASON_HOST_FULL], 7);
	for (unsigned int i = 0; i < 7; i++) {
		assert_int_equal(((const struct sl_rx_cpl *)ring_wait(&rx))->sq_index, i);
		ring_pop(&rx);
	}
	give(60, 0, 0);
	assert_int_equal(((const struct sl_rx_cpl *)ring_wait(&rx))->sq_index, 7);
}

static void rx_spread(void **state)
{
	static const struct {
		uint32_t hash;
		uint8_t port;
		unsigned int queue; /* of 4 on port 0: RX0 + 0, 2, 3, 5; SL_QUEUES: no queue */
	} rows[] = {
		{ 0, 0, SL_QUEUE_RX0 },
		{ 0x3fffffff, 0, SL_QUEUE_RX0 },
		{ 0x40000000, 0, SL_QUEUE_RX0 + 2 },
		{ 0x80000000, 0, SL_QUEUE_RX0 + 3 },
		{ 0xffffffff, 0, SL_QUEUE_RX0 + 5 },
		{ 0xffffffff, 1, SL_QUEUE_RX0 + 1 },
		{ 0xffffffff, 2, SL_QUEUES },
	};
	static const struct {
		unsigned int queue, port;
	} queues[] = { { 0, 0 }, { 1, 1 }, { 2, 0 }, { 3, 0 }, { 5, 0 } };
	struct ring rx[5];

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		ring_start(&rx[i], &host, SL_QUEUE_RX0 + queues[i].queue, 4, queues[i].port);
		for (unsigned int n = 0; n < 15; n++)
			rx_post(&rx[i], 64);
		ring_doorbell(&rx[i]);
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned int got = SL_QUEUES;

		give(60, rows[i].port, rows[i].hash);
		step(&host);
		for (size_t n = 0; n < 5; n++)
			if (ring_peek(&rx[n]) != NULL) {
				got = rx[n].number;
				ring_pop(&rx[n]);
			}
		assert_int_equal(got, rows[i].queue);
	}
	assert_int_equal(dropped[SL_REASON_NO_HOST], 1);
}

/* Errors that stop an rx queue; the others go on. */
static void rx_hostile(void **state)
{
	static const struct {
		const char *what;
		uint64_t iova;
		uint32_t len;
		unsigned int status;
	} rows[] = {
		{ "no room", HOST_IOVA, 0, SL_STATUS_BAD_VALUE },
		{ "too little room", HOST_IOVA, 63, SL_STATUS_BAD_VALUE },
		{ "not mapped", BAD_IOVA, 2048, SL_STATUS_DMA_ERROR },
		{ "ends outside", HOST_IOVA + HOST_MEMORY - 32, 2048, SL_STATUS_DMA_ERROR },
		{ "around 2^64", UINT64_MAX - 8, 2048, SL_STATUS_DMA_ERROR },
		{ "more room than memory, not needed", HOST_IOVA + HOST_MEMORY - 64, UINT32_MAX, SL_STATUS_OK },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ring rx;
		struct sl_rx_desc *desc;

		memset(raised, 0, sizeof(raised));
		ring_start(&rx, &host, SL_QUEUE_RX0, 3, 0);
		desc = ring_sq(&rx);
		*desc = (struct sl_rx_desc){ .iova = rows[i].iova, .len = rows[i].len };
		ring_push(&rx);
		ring_doorbell(&rx);
		reg_write(&host, SL_BAR_Q_IRQ(SL_QUEUE_RX0), 1);
		give(64, 0, 0);
		step(&host);
		if (reg_read(&host, SL_BAR_Q_STATUS(SL_QUEUE_RX0)) != rows[i].status)
			fail_msg("%s: status %u", rows[i].what, reg_read(&host, SL_BAR_Q_STATUS(SL_QUEUE_RX0)));
		assert_int_equal(reg_read(&host, SL_BAR_Q_CTRL(SL_QUEUE_RX0)) & 1u, rows[i].status == SL_STATUS_OK);
		assert_int_equal(raised[SL_QUEUE_RX0], 1);
		assert_int_equal(ring_peek(&rx) != NULL, rows[i].status == SL_STATUS_OK);
		reg_write(&host, SL_BAR_Q_CTRL(SL_QUEUE_RX0), 0);
	}
	assert_int_equal(dropped[SL_REASON_HOST_FULL], 5);
}

/* Rings themselves outside memory. */
static void ring_not_mapped(void **state)
{
	(void)state;
	for (unsigned int which = 0; which < 2; which++) {
		struct ring tx;
		size_t data = host_alloc(&host, 64, 64);

		ring_start(&tx, &host, SL_QUEUE_TX0, 3, 0);
		reg_write(&host, SL_BAR_Q_CTRL(SL_QUEUE_TX0), 0);
		reg_write(&host, which ? SL_BAR_Q_SQ_HI(SL_QUEUE_TX0) : SL_BAR_Q_CQ_HI(SL_QUEUE_TX0), 0x1234);
		reg_write(&host, SL_BAR_Q_CTRL(SL_QUEUE_TX0), 1);
		tx_post(&tx, host_iova(data), 64, true);
		ring_doorbell(&tx);
		step(&host);
		assert_int_equal(reg_read(&host, SL_BAR_Q_STATUS(SL_QUEUE_TX0)), SL_STATUS_DMA_ERROR);
		assert_int_equal(reg_read(&host, SL_BAR_Q_CTRL(SL_QUEUE_TX0)) & 1u, 0);
		assert_int_equal(to_wire_count, 1); /* sent in the first round, but not completed */
	}
}

/* Rings of commands outside memory: nothing is executed, and the queue serves again when it is put right. */
static void command_ring_not_mapped(void **state)
{
	static const unsigned int queues[] = { SL_QUEUE_FLOW0, SL_QUEUE_FLOW0 + 7, SL_QUEUE_ADMIN };

	(void)state;
	for (size_t i = 0; i < sizeof(queues) / sizeof(queues[0]); i++) {
		const unsigned int q = queues[i];
		struct ring ring;
		uint8_t arg[8] = { 1 };
		struct sl_admin_cpl cpl;

		ring_start(&ring, &host, q, 3, 0);
		reg_write(&host, SL_BAR_Q_CTRL(q), 0);
		reg_write(&host, SL_BAR_Q_SQ_HI(q), 0x1234);
		reg_write(&host, SL_BAR_Q_CTRL(q), 1);
		memset(ring_sq(&ring), 0, q == SL_QUEUE_ADMIN ? sizeof(struct sl_admin_cmd) : sizeof(struct sl_flow_cmd));
		ring_push(&ring);
		ring_doorbell(&ring);
		step(&host);
		assert_int_equal(reg_read(&host, SL_BAR_Q_STATUS(q)), SL_STATUS_DMA_ERROR);
		assert_int_equal(reg_read(&host, SL_BAR_Q_CTRL(q)) & 1u, 0);
		assert_false(mailbox_full);
		assert_null(ring_peek(&ring));
		ring_start(&ring, &host, q, 3, 0);
		if (q == SL_QUEUE_ADMIN) {
			assert_int_equal(host_admin(&ring, 9, arg, sizeof(arg), &cpl), SL_STATUS_OK);
			continue;
		}
		*(struct sl_flow_cmd *)ring_sq(&ring) = (struct sl_flow_cmd){ .opcode = SL_FLOW_OP_QUERY, .tag = 7 };
		ring_push(&ring);
		ring_doorbell(&ring);
		assert_int_equal(((const struct sl_flow_cpl *)ring_wait(&ring))->tag, 7);
	}
}

static void tx_gathers(void **state)
{
	struct ring tx;
	size_t data = host_alloc(&host, 4096, 1);
	size_t split = HOST_SPLIT - 100;
	const struct sl_tx_cpl *cpl;

	(void)state;
	for (unsigned int i = 0; i < 4096; i++)
		host.memory[data + i] = (uint8_t)(i * 5);
	for (unsigned int i = 0; i < 200; i++)
		host.memory[split + i] = (uint8_t)(i ^ 0x33);
	ring_start(&tx, &host, SL_QUEUE_TX0 + 3, 5, 1);
	tx_post(&tx, host_iova(data) + 1, 33, false);
	tx_post(&tx, host_iova(data) + 1000, 1, false);
	tx_post(&tx, host_iova(split), 200, true); /* across two mappings */
	tx_post(&tx, host_iova(data), 60, true);
	ring_doorbell(&tx);
	cpl = ring_wait(&tx);
	assert_int_equal(cpl->sq_head, 4);
	assert_int_equal(cpl->errors, 0);
	assert_int_equal(to_wire_count, 2);
	assert_int_equal(to_wire[0].meta.port, 1);
	assert_int_equal(to_wire[0].len, 234);
	assert_memory_equal(to_wire[0].data, host.memory + data + 1, 33);
	assert_memory_equal(to_wire[0].data + 33, host.memory + data + 1000, 1);
	assert_memory_equal(to_wire[0].data + 34, host.memory + split, 200);
	assert_int_equal(to_wire[1].len, 60);
}

/* One bad frame between two good ones: it is skipped and counted, the good ones are sent. */
static void tx_hostile(void **state)
{
	static const struct {
		const char *what;
		unsigned int segments;
		uint64_t iova;
		uint32_t len;
		bool good;
	} rows[] = {
		{ "as many segments as allowed", 16, HOST_IOVA, 4, true },
		{ "one segment too many", 17, HOST_IOVA, 4, false },
		{ "more than two batches of segments", 40, HOST_IOVA, 4, false },
		{ "empty", 1, HOST_IOVA, 0, false },
		{ "an empty segment", 3, HOST_IOVA, 0, false },
		{ "shorter than a header", 1, HOST_IOVA, 13, false },
		{ "a header", 1, HOST_IOVA, 14, true },
		{ "longest", 1, HOST_IOVA, SL_FRAME_MAX, true },
		{ "too long", 1, HOST_IOVA, SL_FRAME_MAX + 1, false },
		{ "too long together", 3, HOST_IOVA, SL_FRAME_MAX / 2, false },
		{ "huge", 1, HOST_IOVA, UINT32_MAX, false },
		{ "huge twice", 2, HOST_IOVA, 0x80000000, false },
		{ "not mapped", 1, BAD_IOVA, 64, false },
		{ "ends outside", 1, HOST_IOVA + HOST_MEMORY - 10, 64, false },
		{ "around 2^64", 1, UINT64_MAX - 8, 64, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ring tx;
		unsigned int errors = 0, head = 0;

		to_wire_count = 0;
		ring_start(&tx, &host, SL_QUEUE_TX0, 6, 0);
		tx_post(&tx, HOST_IOVA, 61, true);
		for (unsigned int n = 0; n < rows[i].segments; n++)
			tx_post(&tx, rows[i].iova, rows[i].len, n + 1 == rows[i].segments);
		tx_post(&tx, HOST_IOVA, 62, true);
		ring_doorbell(&tx);
		while (head != rows[i].segments + 2) {
			const struct sl_tx_cpl *cpl = ring_wait(&tx);

			head = cpl->sq_head;
			errors += cpl->errors;
			ring_pop(&tx);
		}
		if (errors != !rows[i].good || to_wire_count != 2u + rows[i].good)
			fail_msg("%s: %u errors, %u frames", rows[i].what, errors, to_wire_count);
		assert_int_equal(to_wire[0].len, 61);
		assert_int_equal(to_wire[to_wire_count - 1].len, 62);
		reg_write(&host, SL_BAR_Q_CTRL(SL_QUEUE_TX0), 0);
	}
}

/* A frame without its end waits; an engine without room makes the queue wait, not drop. */
static void tx_waits(void **state)
{
	struct ring tx;

	(void)state;
	ring_start(&tx, &host, SL_QUEUE_TX0, 4, 0);
	tx_post(&tx, HOST_IOVA, 30, false);
	ring_doorbell(&tx);
	assert_false(sl_dma_step(&dma, 1));
	assert_null(ring_peek(&tx));
	tx_post(&tx, HOST_IOVA, 30, true);
	ring_doorbell(&tx);
	wire_full = true;
	assert_false(sl_dma_step(&dma, 1));
#ifndef DMA_IS_RTL /* it has a buffer for the frame: the descriptors are read, so they complete */
	assert_null(ring_peek(&tx));
#endif
	assert_int_equal(to_wire_count, 0);
	wire_full = false;
	step(&host);
	assert_int_equal(((const struct sl_tx_cpl *)ring_wait(&tx))->sq_head, 2);
	assert_int_equal(to_wire_count, 1);
	assert_int_equal(to_wire[0].len, 60);
}

static void tx_completions_full(void **state)
{
	struct ring tx;

	(void)state;
	ring_start(&tx, &host, SL_QUEUE_TX0, 3, 0);
	for (unsigned int i = 0; i < 30; i++) {
		tx_post(&tx, HOST_IOVA, 60, true);
		ring_doorbell(&tx);
		step(&host);
	}
	assert_int_equal(to_wire_count, 7);
	for (unsigned int i = 0; i < 7; i++) {
		assert_int_equal(((const struct sl_tx_cpl *)ring_wait(&tx))->sq_head, i + 1);
		ring_pop(&tx);
	}
}

static void flow_order(void **state)
{
	struct ring flow[2];
	unsigned int seen[2] = { 0, 0 };

	(void)state;
	ring_start(&flow[0], &host, SL_QUEUE_FLOW0, 5, 0);
	ring_start(&flow[1], &host, SL_QUEUE_FLOW0 + 7, 5, 0);
	for (unsigned int lap = 0; lap < 5; lap++) {
		for (unsigned int i = 0; i < 31; i++)
			for (unsigned int q = 0; q < 2; q++) {
				struct sl_flow_cmd *cmd = ring_sq(&flow[q]);

				*cmd = (struct sl_flow_cmd){ .opcode = SL_FLOW_OP_QUERY, .tag = (uint16_t)(lap * 31 + i + q * 1000) };
				ring_push(&flow[q]);
			}
		for (unsigned int q = 0; q < 2; q++)
			ring_doorbell(&flow[q]);
		for (unsigned int i = 0; i < 31; i++)
			for (unsigned int q = 0; q < 2; q++) {
				const struct sl_flow_cpl *cpl = ring_wait(&flow[q]);

				assert_int_equal(cpl->tag, seen[q] + q * 1000);
				assert_int_equal(cpl->opcode, SL_FLOW_OP_QUERY);
				seen[q]++;
				assert_int_equal(cpl->sq_head, seen[q] % 32);
				ring_pop(&flow[q]);
			}
	}
}

static void flow_dump(void **state)
{
	struct ring flow;
	size_t at;
	struct sl_flow_cmd *cmd;

	(void)state;
	ring_start(&flow, &host, SL_QUEUE_FLOW0, 3, 0);
	at = host_alloc(&host, sizeof(struct sl_flow_state), 8);
	cmd = ring_sq(&flow);
	*cmd = (struct sl_flow_cmd){ .opcode = SL_FLOW_OP_DUMP, .iova = BAD_IOVA };
	ring_push(&flow);
	cmd = ring_sq(&flow);
	*cmd = (struct sl_flow_cmd){ .opcode = SL_FLOW_OP_DUMP, .iova = host_iova(at) };
	ring_push(&flow);
	ring_doorbell(&flow);
	assert_int_equal(((const struct sl_flow_cpl *)ring_wait(&flow))->status, SL_STATUS_DMA_ERROR);
	ring_pop(&flow);
	assert_int_equal(((const struct sl_flow_cpl *)ring_wait(&flow))->status, SL_STATUS_OK);
	assert_int_equal(host.memory[at], 0x5a);
	assert_int_equal(host.memory[at + sizeof(struct sl_flow_state) - 1], 0x5a);
}

/* What the engine still had when a queue stopped must not complete in the queue's next life. */
static void flow_stale(void **state)
{
	struct ring flow;
	struct sl_flow_cmd *cmd;

	(void)state;
	done_allowed = 0;
	ring_start(&flow, &host, SL_QUEUE_FLOW0, 3, 0);
	cmd = ring_sq(&flow);
	*cmd = (struct sl_flow_cmd){ .tag = 1 };
	ring_push(&flow);
	ring_doorbell(&flow);
	step(&host);
	sl_dma_host_if_reset(&dma);
	assert_int_equal(reg_read(&host, SL_BAR_Q_CTRL(SL_QUEUE_FLOW0)), 0);
	ring_start(&flow, &host, SL_QUEUE_FLOW0, 3, 0);
	cmd = ring_sq(&flow);
	*cmd = (struct sl_flow_cmd){ .tag = 2 };
	ring_push(&flow);
	ring_doorbell(&flow);
	done_allowed = UINT32_MAX;
	assert_int_equal(((const struct sl_flow_cpl *)ring_wait(&flow))->tag, 2);
	ring_pop(&flow);
	step(&host);
	assert_null(ring_peek(&flow));
}

static void admin_commands(void **state)
{
	struct ring admin;
	struct sl_admin_cpl cpl;
	uint8_t arg[232];

	(void)state;
	memset(arg, 0x77, sizeof(arg));
	ring_start(&admin, &host, SL_QUEUE_ADMIN, 3, 0);
	for (unsigned int i = 0; i < 20; i++) {
		assert_int_equal(host_admin(&admin, i, arg, sizeof(arg), &cpl), SL_STATUS_OK);
		assert_memory_equal(cpl.answer, arg, sizeof(arg));
	}
	/* Without firmware commands wait; failed firmware takes them too; one whose queue stopped is not answered. */
	status_bits = 0;
	memset(ring_sq(&admin), 0, sizeof(struct sl_admin_cmd));
	ring_push(&admin);
	ring_doorbell(&admin);
	step(&host);
	assert_false(mailbox_full);
	status_bits = SL_MGMT_STATUS_FAILED;
	mailbox_answers = false;
	step(&host);
	assert_true(mailbox_full);
	reg_write(&host, SL_BAR_Q_CTRL(SL_QUEUE_ADMIN), 0);
	ring_start(&admin, &host, SL_QUEUE_ADMIN, 3, 0);
	mailbox_answers = true;
	step(&host);
	assert_null(ring_peek(&admin));
	assert_int_equal(host_admin(&admin, 5, arg, sizeof(arg), &cpl), SL_STATUS_OK);
}

static void events(void **state)
{
	struct ring event;
	const struct sl_event *e;

	(void)state;
	events_waiting = 3; /* nobody listens: gone, not lost */
	step(&host);
	ring_start(&event, &host, SL_QUEUE_EVENT, 3, 0);
	step(&host);
	assert_null(ring_peek(&event));
	events_waiting = 10;
	step(&host);
	assert_int_equal(sl_dma_events_lost(&dma), 3);
#ifndef DMA_IS_RTL /* there all that is lost is counted in one place */
	core_events_lost = 2;
#endif
	for (unsigned int i = 0; i < 7; i++) {
		e = ring_wait(&event);
		assert_int_equal(e->type, SL_EVENT_TYPE_LINK);
		assert_int_equal(e->arg0, 10 - i);
		ring_pop(&event);
	}
	e = ring_wait(&event);
	assert_int_equal(e->type, SL_EVENT_TYPE_OVERFLOW);
	assert_int_equal(e->arg0, 3 + core_events_lost);
	ring_pop(&event);
	step(&host);
	assert_null(ring_peek(&event));
}

/* Flows that have aged wait for whom they are told, leave room for other events, and are all told. */
static void aged_flows(void **state)
{
	struct ring event;
	const struct sl_event *e;

	(void)state;
	aged_waiting = 20;
	step(&host);
	assert_true(aged_taken <= 1); /* the RTL's wire holds one */
	ring_start(&event, &host, SL_QUEUE_EVENT, 3, 0);
	for (unsigned int i = 0; i < 5; i++)
		step(&host);
	assert_in_range(aged_taken, 4, 5);
	events_waiting = 3;
	step(&host);
	for (unsigned int i = 0; i < 23; i++) {
		const bool link = i >= 4 && i < 7;

		e = ring_wait(&event);
		assert_int_equal(e->type, link ? SL_EVENT_TYPE_LINK : SL_EVENT_TYPE_AGED);
		if (!link) {
			assert_int_equal(e->arg0, 100 + (i < 4 ? i : i - 3));
			assert_int_equal(e->arg1, 1000 + (i < 4 ? i : i - 3));
		}
		ring_pop(&event);
	}
	assert_int_equal(aged_taken, 20);
	assert_null(ring_peek(&event));
	assert_int_equal(sl_dma_events_lost(&dma), 0);
}

/* Arming before, between and after completions: never lost, never twice. */
static void interrupts(void **state)
{
	struct ring rx;

	(void)state;
	ring_start(&rx, &host, SL_QUEUE_RX0, 4, 0);
	for (unsigned int i = 0; i < 15; i++)
		rx_post(&rx, 64);
	ring_doorbell(&rx);
	give(60, 0, 0);
	step(&host);
	assert_int_equal(raised[SL_QUEUE_RX0], 0); /* never armed */
	reg_write(&host, SL_BAR_Q_IRQ(SL_QUEUE_RX0), 1);
	assert_int_equal(raised[SL_QUEUE_RX0], 1); /* there was one already */
	give(60, 0, 0);
	step(&host);
	assert_int_equal(raised[SL_QUEUE_RX0], 1); /* one shot */
	ring_pop(&rx);
	reg_write(&host, SL_BAR_Q_IRQ(SL_QUEUE_RX0), 1);
	assert_int_equal(raised[SL_QUEUE_RX0], 2); /* the second is still there */
	ring_pop(&rx);
	reg_write(&host, SL_BAR_Q_IRQ(SL_QUEUE_RX0), 1);
	assert_int_equal(raised[SL_QUEUE_RX0], 2);
	give(60, 0, 0);
	step(&host);
	assert_int_equal(raised[SL_QUEUE_RX0], 3);
	ring_pop(&rx);
	reg_write(&host, SL_BAR_Q_IRQ(SL_QUEUE_RX0), 1);
	reg_write(&host, SL_BAR_Q_IRQ(SL_QUEUE_RX0), 0);
	give(60, 0, 0);
	step(&host);
	assert_int_equal(raised[SL_QUEUE_RX0], 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define ROW(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		ROW(enable_checks), ROW(doorbell_checks), ROW(rx_wraps), ROW(rx_metadata), ROW(rx_chains),
		ROW(rx_completions_full), ROW(rx_spread), ROW(rx_hostile), ROW(ring_not_mapped),
		ROW(command_ring_not_mapped), ROW(tx_gathers),
		ROW(tx_hostile), ROW(tx_waits), ROW(tx_completions_full), ROW(flow_order), ROW(flow_dump),
		ROW(flow_stale), ROW(admin_commands), ROW(events), ROW(aged_flows), ROW(interrupts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
