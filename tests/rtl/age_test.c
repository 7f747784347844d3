/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The sweep for aged flows, the same on the model and on the RTL: who is told of, when and how often; that a sweep waits
 * for whom it tells; and that it delays neither frames nor commands.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/rtl/rtl_card.h"

#define LOG2 8
#define FLOWS 200u
#define FRAME 64u

static const struct sl_engine_ops *engines[2];
static uint8_t frame[SL_FRAME_MAX];

struct card {
	const struct sl_engine_ops *ops;
	struct sl_engine *e;
	uint32_t now_ms;
	uint32_t ids;         /* of told flows: how often, by id */
	uint32_t told[1u << LOG2];
	uint32_t last_seen_ms[1u << LOG2];
};

static void card_open(struct card *c, const struct sl_engine_ops *ops)
{
	const struct sl_engine_config config = { .ports = 2, .table_log2 = LOG2 };

	memset(c, 0, sizeof(*c));
	c->ops = ops;
	c->e = rtl_start(ops, &config);
}

static uint32_t insert(struct card *c, unsigned int n, uint16_t age_s)
{
	const struct sl_key key = rtl_key(n);
	struct sl_record record = rtl_record(&key, RTL_L2);
	struct sl_flow_done done;

	record.age_s = age_s;
	done = rtl_command(c->ops, c->e, SL_FLOW_OP_INSERT, &key, &record, c->now_ms);
	assert_int_equal(done.cpl.status, SL_STATUS_OK);
	return done.cpl.flow_id;
}

static void send(struct card *c, unsigned int n)
{
	const struct sl_key key = rtl_key(n);

	rtl_frame(frame, FRAME, &key);
	assert_true(c->ops->wire_in(c->e, 0, frame, FRAME, false));
}

static void take_frames(struct card *c)
{
	unsigned int port;

	while (c->ops->wire_out(c->e, &port, frame))
		;
}

/* Until nothing is under way; whom the card tells of is counted. */
static uint32_t settle(struct card *c, uint32_t now_ms)
{
	struct sl_aged aged;
	uint32_t n = 0;

	c->now_ms = now_ms;
	for (int i = 0; i < 2000; i++) {
		c->ops->step(c->e, now_ms, 1000);
		take_frames(c);
		while (c->ops->aged(c->e, &aged)) {
			assert_true(aged.flow_id < 1u << LOG2);
			c->told[aged.flow_id]++;
			c->last_seen_ms[aged.flow_id] = aged.last_seen_ms;
			n++;
			i = 0;
		}
		if (c->ops->idle(c->e) && i > 2)
			return n;
	}
	fail_msg("the card does not come to rest");
	return 0;
}

/* Once in an idle period, and never a flow without an age. */
static void test_once(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		struct card c;
		uint32_t never, two, five;

		card_open(&c, engines[i]);
		c.ops->csr_write(c.e, SL_CSR_AGE_PERIOD, 100);
		c.now_ms = 1000;
		never = insert(&c, 0, 0);
		two = insert(&c, 1, 2);
		five = insert(&c, 2, 5);
		assert_int_equal(settle(&c, 2999), 0);
		assert_int_equal(settle(&c, 3100), 1);
		assert_int_equal(c.told[two], 1);
		assert_int_equal(c.last_seen_ms[two], 1000);
		assert_int_equal(settle(&c, 5000), 0);
		send(&c, 1);
		assert_int_equal(settle(&c, 5001), 0);
		assert_int_equal(settle(&c, 6101), 1);
		assert_int_equal(c.told[five], 1);
		assert_int_equal(settle(&c, 7000), 0);
		assert_int_equal(settle(&c, 7101), 1);
		assert_int_equal(c.told[two], 2);
		assert_int_equal(c.last_seen_ms[two], 5001);
		assert_int_equal(settle(&c, 60000), 0);
		assert_int_equal(c.told[never], 0);
		assert_int_equal(c.ops->csr_read(c.e, SL_CSR_AGED), 3);
		/* Written again: all who have aged, as a new driver must hear of them. */
		c.ops->csr_write(c.e, SL_CSR_AGE_PERIOD, 100);
		assert_int_equal(settle(&c, 60001), 2);
		assert_int_equal(settle(&c, 60200), 0);
		c.ops->destroy(c.e);
	}
}

/* An id says nothing of the flow that had it before; an update changes the age; a longest age does not overflow. */
static void test_ids(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		const struct sl_key key = rtl_key(1);
		struct sl_record record = rtl_record(&key, RTL_L2);
		struct card c;
		uint32_t id;

		card_open(&c, engines[i]);
		c.ops->csr_write(c.e, SL_CSR_AGE_PERIOD, 50);
		for (unsigned int n = 0; n < FLOWS; n++)
			insert(&c, n, 1);
		assert_int_equal(settle(&c, 1000), FLOWS);
		assert_int_equal(rtl_command(c.ops, c.e, SL_FLOW_OP_DELETE, &key, NULL, 1000).cpl.status, SL_STATUS_OK);
		c.ops->csr_write(c.e, SL_CSR_AGE_PERIOD, 50);
		assert_int_equal(settle(&c, 1001), FLOWS - 1);
		id = insert(&c, 1, 1);
		c.told[id] = 0;
		assert_int_equal(settle(&c, 2000), 0);
		assert_int_equal(settle(&c, 2060), 1);
		assert_int_equal(c.told[id], 1);
		send(&c, 1);
		assert_int_equal(settle(&c, 2061), 0);
		record.age_s = 65535;
		assert_int_equal(rtl_command(c.ops, c.e, SL_FLOW_OP_UPDATE, &key, &record, 2061).cpl.status, SL_STATUS_OK);
		assert_int_equal(settle(&c, 2061 + 65534999), 0);
		assert_int_equal(settle(&c, 2061 + 65535060), 1);
		c.ops->csr_write(c.e, SL_CSR_EPOCH, 1);
		c.ops->csr_write(c.e, SL_CSR_AGE_PERIOD, 50);
		assert_int_equal(settle(&c, 65540000), 0);
		insert(&c, 7, 0); /* has an id that had an age */
		assert_int_equal(settle(&c, 65640000), 0);
		c.ops->csr_write(c.e, SL_CSR_AGE_PERIOD, 0);
		insert(&c, 8, 1);
		assert_int_equal(settle(&c, 65740000), 0);
		c.ops->destroy(c.e);
	}
}

/* Nobody takes them: the sweep waits, the card rests, and none is lost. */
static void test_waits(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		struct card c;

		card_open(&c, engines[i]);
		c.ops->csr_write(c.e, SL_CSR_AGE_PERIOD, 10);
		for (unsigned int n = 0; n < FLOWS; n++)
			insert(&c, n, 1);
		for (unsigned int step = 0; step < 50; step++)
			c.ops->step(c.e, 1000 + step, 10000);
		assert_true(c.ops->idle(c.e));
		assert_true(c.ops->csr_read(c.e, SL_CSR_AGED) <= 3);
		assert_int_equal(settle(&c, 1050), FLOWS);
		for (uint32_t id = 0; id < FLOWS; id++)
			assert_int_equal(c.told[id], 1);
		c.ops->destroy(c.e);
	}
}

/* Clocks until FLOWS x 8 frames and as many queries are done, from one point in time. */
static uint64_t burst_clocks(struct card *c, bool sweeping, uint64_t *frames_out)
{
	struct sl_flow_done done;
	unsigned int port, answered = 0, asked = 0;
	uint64_t start, told;

	c->ops->csr_write(c->e, SL_CSR_AGE_PERIOD, 0);
	settle(c, c->now_ms + 1);
	for (unsigned int n = 0; n < FLOWS * 8; n++)
		send(c, n % FLOWS);
	told = c->ops->csr_read(c->e, SL_CSR_AGED);
	c->ops->csr_write(c->e, SL_CSR_AGE_PERIOD, sweeping ? 1 : 0);
	*frames_out = 0;
	start = c->ops->clocks(c->e);
	while (*frames_out < FLOWS * 8 || answered < FLOWS) {
		if (asked < FLOWS) {
			const struct sl_flow_cmd cmd = { .opcode = SL_FLOW_OP_QUERY, .key = rtl_key(asked) };

			asked += c->ops->flow_submit(c->e, &cmd);
		}
		c->ops->step(c->e, c->now_ms, 1);
		while (c->ops->wire_out(c->e, &port, frame))
			(*frames_out)++;
		while (c->ops->flow_done(c->e, &done))
			answered++;
		assert_true(c->ops->clocks(c->e) - start < 100000);
	}
	assert_int_equal(c->ops->csr_read(c->e, SL_CSR_AGED), told);
	return c->ops->clocks(c->e) - start;
}

static void test_no_delay(void **state)
{
	struct card c;
	uint64_t without, with, frames;

	(void)state;
	card_open(&c, engines[1]);
	for (unsigned int n = 0; n < FLOWS; n++)
		insert(&c, n, 1);
	without = burst_clocks(&c, false, &frames);
	with = burst_clocks(&c, true, &frames);
	assert_int_equal(with, without);
	c.ops->destroy(c.e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_once), cmocka_unit_test(test_ids), cmocka_unit_test(test_waits),
		cmocka_unit_test(test_no_delay),
	};

	engines[0] = &sl_engine_model;
	engines[1] = rtl_load(RTL_LIBRARY_SMALL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
