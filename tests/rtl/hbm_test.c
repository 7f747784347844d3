/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Records in HBM (libsl_rtl_hbm*.so; the memory is sim/engine_rtl/hbm.h), what the tests of the card with records on
 * chip do not look at: records that change while their flow's frames come, back to back or alone, flows that are deleted
 * under their frames, and card resets while the memory owes answers. That each frame leaves with the record of its time
 * is also an assertion of sl_record_hbm.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/rtl/numbered.h"

#define FRAME 80
#define UPDATES 300
#define RESETS 40
#define FLOWS 64
#define MEET 60
#define DELETES 60
#define CLOCKS_MAX 200000

static const struct sl_engine_ops *ops;

/* Updates of one flow, at random distances, under its own frames: no frame is torn or goes back to an older record. */
static void updates(struct sl_key key, unsigned int stall)
{
	const struct sl_engine_config config = { .ports = 2, .stall_seed = stall ? 3 : 0, .stall_pct = stall };
	struct sl_engine *e = rtl_start(ops, &config);
	struct sl_record record = numbered(&key, 1);
	uint8_t in[FRAME], out[SL_FRAME_MAX];
	struct sl_flow_done done;
	unsigned int port, sent = 0, left = 0, submitted = 1, completed = 1, last = 1, seen = 0;
	uint32_t random = 7;

	assert_int_equal(rtl_command(ops, e, SL_FLOW_OP_INSERT, &key, &record, 1).cpl.status, SL_STATUS_OK);
	rtl_frame(in, FRAME, &key);
	for (unsigned int i = 0; completed < UPDATES || left < sent; i++) {
		assert_true(i < CLOCKS_MAX);
		while (completed < UPDATES && sent - left < 600 && ops->wire_in(e, sent & 1, in, FRAME, false))
			sent++;
		random = random * 1664525 + 1013904223;
		/* Sometimes several at once, sometimes when all is quiet in memory. */
		for (unsigned int n = random >> 28 ? 0 : 1 + (random >> 20 & 3); n > 0 && submitted < UPDATES; n--) {
			struct sl_flow_cmd cmd = { .opcode = SL_FLOW_OP_UPDATE, .key = key };

			cmd.record = numbered(&key, submitted + 1);
			submitted += ops->flow_submit(e, &cmd);
		}
		ops->step(e, 1, 1 + (random >> 16 & 15));
		while (ops->flow_done(e, &done)) {
			assert_int_equal(done.cpl.status, SL_STATUS_OK);
			completed++;
		}
		while (ops->wire_out(e, &port, out) != 0) {
			const unsigned int n = number_of(out);

			assert_true(n >= last && n <= submitted);
			seen += n != last;
			last = n;
			left++;
		}
	}
	assert_int_equal(last, UPDATES);
	assert_true(seen > UPDATES / 3);
	ops->destroy(e);
}

static void test_updates(void **state)
{
	(void)state;
	for (unsigned int stall = 0; stall <= 40; stall += 40) {
		updates(rtl_key(1), stall);
		updates(rtl_key_v6(1), stall);
	}
}

/* Until nothing is under way: frames that left (*number is the last one's record), frames of them for the host. */
static unsigned int settle(struct sl_engine *e, unsigned int *number, unsigned int *host)
{
	unsigned int left = 0, port, clocks = 0;
	struct sl_host_meta meta;
	uint8_t out[SL_FRAME_MAX];

	do {
		ops->step(e, 1, 10);
		assert_true(clocks++ < CLOCKS_MAX);
		for (; ops->wire_out(e, &port, out) != 0; left++)
			*number = number_of(out);
		for (; ops->host_out(e, &meta, out) != 0; left++)
			++*host;
	} while (!ops->idle(e));
	return left;
}

static void update(struct sl_engine *e, const struct sl_key *key, unsigned int n)
{
	struct sl_flow_cmd cmd = { .opcode = SL_FLOW_OP_UPDATE, .key = *key, .record = numbered(key, n) };

	assert_true(ops->flow_submit(e, &cmd));
}

/*
 * An update meets a frame in any clock, and all else is quiet: the frame has the record before or after, and the next
 * one, when memory has taken the update, the one after.
 */
static void test_meeting(void **state)
{
	const struct sl_engine_config config = { .ports = 2 };
	const struct sl_key key = rtl_key(1);
	const struct sl_record record = numbered(&key, 1);
	struct sl_engine *e = rtl_start(ops, &config);
	unsigned int n = 1, number, host = 0;
	struct sl_flow_done done;
	uint8_t in[FRAME];

	(void)state;
	assert_int_equal(rtl_command(ops, e, SL_FLOW_OP_INSERT, &key, &record, 1).cpl.status, SL_STATUS_OK);
	rtl_frame(in, FRAME, &key);
	for (int ahead = -MEET; ahead <= MEET; ahead++) {
		update(e, &key, ++n); /* and no read is shared any more */
		assert_int_equal(settle(e, &number, &host), 0);
		if (ahead > 0) {
			update(e, &key, ++n);
			ops->step(e, 1, (uint32_t)ahead);
		}
		assert_true(ops->wire_in(e, 0, in, FRAME, false));
		if (ahead <= 0) {
			ops->step(e, 1, (uint32_t)-ahead);
			update(e, &key, ++n);
		}
		assert_int_equal(settle(e, &number, &host), 1);
		assert_in_range(number, ahead == MEET ? n : n - 1, ahead == -MEET ? n - 1 : n);
		assert_true(ops->wire_in(e, 0, in, FRAME, false));
		assert_int_equal(settle(e, &number, &host), 1);
		assert_int_equal(number, n);
		while (ops->flow_done(e, &done))
			assert_int_equal(done.cpl.status, SL_STATUS_OK);
	}
	assert_int_equal(host, 0);
	ops->destroy(e);
}

/* A flow is deleted under its frames: its last counters are of all that were forwarded; its id's next flow has none. */
static void test_delete(void **state)
{
	const struct sl_engine_config config = { .ports = 2, .stall_seed = 5, .stall_pct = 20 };
	const struct sl_key key = rtl_key(1);
	const struct sl_record record = numbered(&key, 1);
	struct sl_flow_cmd cmd = { .opcode = SL_FLOW_OP_DELETE, .key = key };
	struct sl_engine *e = rtl_start(ops, &config);
	unsigned int divided = 0;
	uint8_t in[FRAME];

	(void)state;
	rtl_frame(in, FRAME, &key);
	for (unsigned int round = 0; round < DELETES; round++) {
		unsigned int sent = 0, left, number, host = 0;
		struct sl_flow_done done;

		assert_int_equal(rtl_command(ops, e, SL_FLOW_OP_INSERT, &key, &record, 1).cpl.status, SL_STATUS_OK);
		assert_int_equal(rtl_command(ops, e, SL_FLOW_OP_QUERY, &key, NULL, 1).cpl.packets, 0);
		while (sent < 100)
			sent += ops->wire_in(e, sent & 1, in, FRAME, false);
		ops->step(e, 1, 1 + 3 * round);
		assert_true(ops->flow_submit(e, &cmd));
		left = settle(e, &number, &host);
		assert_int_equal(left, sent);
		assert_true(ops->flow_done(e, &done));
		assert_int_equal(done.cpl.status, SL_STATUS_OK);
		assert_int_equal(done.cpl.packets, sent - host);
		divided += host != 0 && host != sent;
	}
	assert_true(divided > DELETES / 3);
	ops->destroy(e);
}

/* A flow's record can be read back as soon as it is written, and after the memory has it. */
static void test_dump(void **state)
{
	const struct sl_engine_config config = { .ports = 2 };
	struct sl_engine *e = rtl_start(ops, &config);

	(void)state;
	for (unsigned int n = 0; n < FLOWS; n++) {
		const struct sl_key key = rtl_key(n);
		const struct sl_record record = numbered(&key, n + 1);
		struct sl_flow_cmd cmd = { .opcode = SL_FLOW_OP_DUMP };
		struct sl_flow_done done = rtl_command(ops, e, SL_FLOW_OP_INSERT, &key, &record, 1);

		cmd.flow_id = done.cpl.flow_id;
		for (int again = 0; again < 2; again++) {
			assert_true(ops->flow_submit(e, &cmd));
			for (int i = 0; !ops->flow_done(e, &done); i++) {
				assert_true(i < 1000);
				ops->step(e, 1, 1);
			}
			assert_int_equal(done.cpl.status, SL_STATUS_OK);
			assert_memory_equal(&done.state.record, &record, sizeof(record));
			assert_memory_equal(&done.state.key, &key, sizeof(key));
			while (!ops->idle(e))
				ops->step(e, 1, 100);
		}
	}
	ops->destroy(e);
}

/* Resets in the middle of reads and writes: what the memory still answers is nobody's, and ids have other records. */
static void test_reset(void **state)
{
	const struct sl_engine_config config = { .ports = 2, .stall_seed = 9, .stall_pct = 20 };
	struct sl_engine *e = rtl_start(ops, &config);
	uint8_t in[FRAME], out[SL_FRAME_MAX];
	unsigned int port;

	(void)state;
	for (unsigned int round = 1; round <= RESETS; round++) {
		for (unsigned int n = 0; n < FLOWS; n++) {
			const struct sl_key key = rtl_key(n);
			const struct sl_record record = numbered(&key, round * FLOWS + n);

			assert_int_equal(rtl_command(ops, e, SL_FLOW_OP_INSERT, &key, &record, 1).cpl.flow_id, n);
			rtl_frame(in, FRAME, &key);
			assert_true(ops->wire_in(e, 0, in, FRAME, false));
		}
		for (unsigned int n = 0; n < FLOWS;) {
			if (ops->wire_out(e, &port, out) == 0)
				ops->step(e, 1, 1);
			else
				assert_int_equal(number_of(out), round * FLOWS + n++);
			assert_true(ops->clocks(e) < 100ull * CLOCKS_MAX);
		}
		for (unsigned int n = 0; n < 4 * FLOWS; n++) {
			const struct sl_key key = rtl_key(n % FLOWS);
			struct sl_flow_cmd cmd = { .opcode = SL_FLOW_OP_UPDATE, .key = key, .record = numbered(&key, 7) };

			rtl_frame(in, FRAME, &key);
			ops->wire_in(e, n & 1, in, FRAME, false);
			if (n < FLOWS)
				ops->flow_submit(e, &cmd);
		}
		ops->step(e, 1, 40 + 7 * round);
		ops->reset(e);
		numbered_configure(ops, e);
	}
	ops->destroy(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_updates), cmocka_unit_test(test_meeting),
					    cmocka_unit_test(test_delete), cmocka_unit_test(test_dump),
					    cmocka_unit_test(test_reset) };

	ops = rtl_load(RTL_LIBRARY_SMALL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
