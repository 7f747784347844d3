/* SPDX-License-Identifier: BSD-3-Clause */
/* The model as an engine: registers, the path of frames with every counter, commands, bounds, reset. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "sim/engine.h"
#include "sluice/record.h"
#include "tests/model/frame.h"

static const struct sl_engine_ops *const ops = &sl_engine_model;
static struct sl_engine *engine;
static uint32_t now;

static void table_write(uint32_t table, uint32_t index, const void *entry, size_t size)
{
	uint32_t word[SL_CSR_TBL_DATA_COUNT] = { 0 };

	memcpy(word, entry, size);
	for (unsigned int i = 0; i < SL_CSR_TBL_DATA_COUNT; i++)
		ops->csr_write(engine, SL_CSR_TBL_DATA(i), word[i]);
	ops->csr_write(engine, SL_CSR_TBL_SEL, table << 24 | index);
	ops->csr_write(engine, SL_CSR_TBL_CMD, 2);
}

static void table_read(uint32_t table, uint32_t index, void *entry, size_t size)
{
	uint32_t word[SL_CSR_TBL_DATA_COUNT];

	ops->csr_write(engine, SL_CSR_TBL_SEL, table << 24 | index);
	ops->csr_write(engine, SL_CSR_TBL_CMD, 1);
	for (unsigned int i = 0; i < SL_CSR_TBL_DATA_COUNT; i++)
		word[i] = ops->csr_read(engine, SL_CSR_TBL_DATA(i));
	memcpy(entry, word, size);
}

static uint64_t packets(uint32_t table, uint32_t index)
{
	struct sl_counter_pair pair;

	table_read(table, index, &pair, sizeof(pair));
	return pair.packets;
}

/* An engine of two enabled ports; rule 0 sends TCP to port 80 to the flows with a copy; action 0 leaves by port 1. */
static int setup(void **state)
{
	const struct sl_engine_config config = { .ports = 2, .table_log2 = 8 };
	const struct sl_class_rule rule = { .valid = 1, .verdict = SL_VERDICT_FLOWS, .flags = SL_RULE_FLAG_COPY, .meter = 2,
					    .tenant = 5, .copy_mark = 99, .cookie = 1, .port_mask = 0xff, .proto = 6,
					    .proto_mask = 255, .ttl_max = 255, .dport_lo = 80, .dport_hi = 80,
					    .sport_hi = 0xffff };
	const struct sl_action action = { .flags = SL_ACTION_FLAG_VALID, .port = 1 };
	char err[128];

	(void)state;
	engine = ops->create(&config, err, sizeof(err));
	assert_non_null(engine);
	now = 0;
	ops->csr_write(engine, SL_CSR_PORT_FLAGS(0), 1);
	ops->csr_write(engine, SL_CSR_PORT_FLAGS(1), 1);
	ops->csr_write(engine, SL_CSR_CTRL, 1);
	ops->csr_write(engine, SL_CSR_MISS_MARK, 1234);
	ops->csr_write(engine, SL_CSR_MISS_FLAGS, 1);
	ops->csr_write(engine, SL_CSR_MAC_LO(0), 0x00000002);
	ops->csr_write(engine, SL_CSR_MAC_HI(0), 0x80030100);
	table_write(SL_CSR_TABLE_CLASS, 0, &rule, sizeof(rule));
	table_write(SL_CSR_TABLE_ACTION, 0, &action, sizeof(action));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ops->destroy(engine);
	return 0;
}

static void run(void)
{
	while (!ops->idle(engine))
		assert_true(ops->step(engine, now, 1000) > 0);
}

static struct sl_flow_done command(unsigned int opcode, const struct sl_key *key)
{
	struct sl_flow_cmd cmd = { .opcode = (uint8_t)opcode, .key = *key };
	struct sl_flow_done done;

	assert_true(ops->flow_submit(engine, &cmd));
	run();
	assert_true(ops->flow_done(engine, &done));
	return done;
}

static const struct sl_key flow_key = { .src = { 192, 0, 2, 1 }, .dst = { 198, 51, 100, 10 }, .sport = 0xe803,
					.dport = 0x5000, .tenant = 5, .proto = 6, .family = 4 };
static const struct test_shape tcp = { .family = 4, .proto = 6, .payload = 10 };

static void send_frame(const struct test_shape *shape, unsigned int port, bool bad_fcs)
{
	struct test_frame frame;

	frame_build(&frame, shape);
	assert_true(ops->wire_in(engine, port, frame.b, frame.len, bad_fcs));
	run();
}

static void test_path(void **state)
{
	uint8_t out[SL_FRAME_MAX];
	struct test_frame frame;
	struct sl_host_meta meta;
	struct sl_flow_done done;
	unsigned int port;

	(void)state;
	frame_build(&frame, &tcp);
	send_frame(&tcp, 0, false);
	assert_int_equal(ops->host_out(engine, &meta, out), frame.len);
	assert_memory_equal(out, frame.b, frame.len);
	assert_int_equal(meta.reason, SL_REASON_MISS);
	assert_int_equal(meta.mark, 1234);
	assert_true(meta.mark_valid);
	assert_int_equal(meta.tenant, 5);
	assert_int_equal(meta.rule, 0);
	assert_int_equal(meta.flow_id, SL_FLOW_ID_NONE);
	assert_int_not_equal(meta.hash, 0);

	assert_int_equal(command(SL_FLOW_OP_INSERT, &flow_key).cpl.status, SL_STATUS_OK);
	now = 50;
	send_frame(&tcp, 0, false);
	assert_int_equal(ops->wire_out(engine, &port, out), frame.len);
	assert_int_equal(port, 1);
	assert_memory_equal(out, frame.b, frame.len);
	assert_int_equal(ops->host_out(engine, &meta, out), frame.len);
	assert_int_equal(meta.reason, SL_REASON_COPY);
	assert_int_equal(meta.mark, 99);
	assert_int_equal(meta.flow_id, 0);
	assert_int_equal(ops->host_out(engine, &meta, out), 0);
	now = 70;
	ops->step(engine, now, 1);
	done = command(SL_FLOW_OP_QUERY, &flow_key);
	assert_int_equal(done.cpl.packets, 1);
	assert_int_equal(done.cpl.bytes, frame.len);
	assert_int_equal(done.cpl.idle_ms, 20);

	assert_int_equal(packets(SL_CSR_TABLE_REASON, SL_REASON_MISS), 1);
	assert_int_equal(packets(SL_CSR_TABLE_REASON, SL_REASON_FORWARDED), 1);
	assert_int_equal(packets(SL_CSR_TABLE_REASON, SL_REASON_COPY), 1);
	assert_int_equal(packets(SL_CSR_TABLE_RULE, 0), 2);
	assert_int_equal(packets(SL_CSR_TABLE_PORT, 0), 2);
	assert_int_equal(packets(SL_CSR_TABLE_PORT, 3), 1);
	assert_int_equal(ops->csr_read(engine, SL_CSR_OCCUPANCY), 1);
	assert_int_equal(ops->csr_read(engine, SL_CSR_TIME_MS), 70);
	ops->csr_write(engine, SL_CSR_EPOCH, 3);
	assert_int_equal(ops->csr_read(engine, SL_CSR_OCCUPANCY), 0);
	assert_int_equal(command(SL_FLOW_OP_QUERY, &flow_key).cpl.status, SL_STATUS_NOT_FOUND);
}

struct verdict_row {
	const char *what;
	struct test_shape shape;
	unsigned int port, len; /* len 0: as built */
	bool bad_fcs;
	uint32_t port_flags;
	int reason;
	bool host;
};

static const struct verdict_row verdict_rows[] = {
	{ "runt", { .family = 4, .proto = 6 }, 0, 13, true, 0, SL_REASON_RUNT, false },
	{ "oversize", { .family = 4, .proto = 6 }, 0, 9601, true, 0, SL_REASON_OVERSIZE, false },
	{ "bad fcs", { .family = 4, .proto = 6 }, 0, 0, true, 0, SL_REASON_BAD_FCS, false },
	{ "port down", { .family = 4, .proto = 6 }, 0, 0, false, 0, SL_REASON_PORT_DOWN, false },
	{ "kernel", { .family = 4, .proto = 17 }, 0, 0, false, 1, SL_REASON_KERNEL, true },
	{ "miss", { .family = 4, .proto = 6 }, 1, 0, false, 1, SL_REASON_MISS, true },
	{ "longest", { .family = 4, .proto = 17 }, 0, 9600, false, 1, SL_REASON_KERNEL, true },
};

static void test_verdicts(void **state)
{
	static uint8_t data[9601], out[SL_FRAME_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(verdict_rows) / sizeof(verdict_rows[0]); i++) {
		const struct verdict_row *row = &verdict_rows[i];
		const uint64_t before = packets(SL_CSR_TABLE_REASON, (uint32_t)row->reason);
		struct sl_host_meta meta;
		struct test_frame frame;
		uint32_t len;

		print_message("row %s\n", row->what);
		frame_build(&frame, &row->shape);
		memcpy(data, frame.b, frame.len);
		len = row->len ? row->len : frame.len;
		ops->csr_write(engine, SL_CSR_PORT_FLAGS(row->port), row->port_flags);
		assert_true(ops->wire_in(engine, row->port, data, len, row->bad_fcs));
		run();
		assert_int_equal(packets(SL_CSR_TABLE_REASON, (uint32_t)row->reason), before + 1);
		assert_int_equal(ops->host_out(engine, &meta, out), row->host ? len : 0);
		if (row->host)
			assert_int_equal(meta.reason, row->reason);
	}
}

static void test_bounds(void **state)
{
	const struct sl_meter meter = { .rate = 1, .burst = 2 };
	uint8_t out[SL_FRAME_MAX];
	struct sl_host_meta meta;
	struct test_frame frame;
	unsigned int port, held = 0;

	(void)state;
	for (unsigned int i = 0; i < 300; i++) /* misses: host queue of 256 */
		send_frame(&tcp, 0, false);
	assert_int_equal(packets(SL_CSR_TABLE_REASON, SL_REASON_HOST_OVERFLOW), 44);
	command(SL_FLOW_OP_INSERT, &flow_key);
	send_frame(&tcp, 0, false); /* forwarded although its copy finds no room */
	assert_int_equal(packets(SL_CSR_TABLE_REASON, SL_REASON_COPY_METERED), 1);
	assert_true(ops->wire_out(engine, &port, out) > 0);
	while (ops->host_out(engine, &meta, out))
		held++;
	assert_int_equal(held, 256);

	table_write(SL_CSR_TABLE_METER, 2, &meter, sizeof(meter));
	for (unsigned int i = 0; i < 5; i++)
		send_frame(&tcp, 0, false);
	assert_int_equal(packets(SL_CSR_TABLE_REASON, SL_REASON_COPY), 2);
	assert_int_equal(packets(SL_CSR_TABLE_REASON, SL_REASON_COPY_METERED), 4);
	command(SL_FLOW_OP_DELETE, &flow_key);
	send_frame(&tcp, 0, false);
	assert_int_equal(packets(SL_CSR_TABLE_REASON, SL_REASON_METERED), 1);

	frame_build(&frame, &tcp); /* nobody takes wire frames: 5 wait there, the rest waits before the pipeline */
	for (unsigned int i = 5; i < 256; i++)
		assert_true(ops->host_tx(engine, 0, frame.b, frame.len));
	assert_false(ops->host_tx(engine, 0, frame.b, frame.len));
	for (unsigned int i = 0; i < 256; i++)
		assert_true(ops->wire_in(engine, 0, frame.b, frame.len, false));
	assert_false(ops->wire_in(engine, 0, frame.b, frame.len, false));
	assert_true(ops->wire_in(engine, 1, frame.b, frame.len, false));
	assert_true(ops->idle(engine));
	assert_int_equal(ops->step(engine, now, 10), 0);
	ops->reset(engine);
	assert_int_equal(ops->wire_out(engine, &port, out), 0);
	assert_int_equal(ops->csr_read(engine, SL_CSR_CTRL), 0);
	assert_int_equal(packets(SL_CSR_TABLE_REASON, SL_REASON_METERED), 0);
	assert_int_equal(ops->wire_in(engine, 2, frame.b, frame.len, false), false);
}

struct csr_row {
	const char *what;
	uint32_t offset, write, read;
};

static const struct csr_row csr_rows[] = {
	{ "id", SL_CSR_ID, 1, SL_DATAPATH_ID },
	{ "abi", SL_CSR_ABI, 77, SL_ABI_VERSION },
	{ "config", SL_CSR_CONFIG, 0, 2 << 8 | 8 },
	{ "status", SL_CSR_STATUS, 1, 0 },
	{ "ctrl", SL_CSR_CTRL, 0xffffffff, 1 },
	{ "epoch", SL_CSR_EPOCH, 0x1ff, 0xff },
	{ "hash key is write-only", SL_CSR_HASH_KEY(1), 5, 0 },
	{ "vxlan port and tunnels", SL_CSR_VXLAN_PORT, 0xff8472, 0xf8472 },
	{ "miss mark", SL_CSR_MISS_MARK, 0xdeadbeef, 0xdeadbeef },
	{ "miss flags", SL_CSR_MISS_FLAGS, 0xfe, 0 },
	{ "port flags", SL_CSR_PORT_FLAGS(1), 0xff, 7 },
	{ "port flags of no port", SL_CSR_PORT_FLAGS(2), 0xff, 0 },
	{ "mac lo", SL_CSR_MAC_LO(7), 0x11223344, 0x11223344 },
	{ "mac hi", SL_CSR_MAC_HI(7), 0xffffffff, 0x80ffffff },
	{ "data", SL_CSR_TBL_DATA(31), 7, 7 },
	{ "unaligned", SL_CSR_CTRL + 1, 7, 0 },
	{ "unaligned in array", SL_CSR_TBL_DATA(0) + 2, 7, 0 },
	{ "unknown", 0xff0, 7, 0 },
	{ "beyond", 0x100000, 7, 0 },
};

static void test_registers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(csr_rows) / sizeof(csr_rows[0]); i++) {
		print_message("row %s\n", csr_rows[i].what);
		ops->csr_write(engine, csr_rows[i].offset, csr_rows[i].write);
		assert_int_equal(ops->csr_read(engine, csr_rows[i].offset), csr_rows[i].read);
	}
}

/* Half of a new address must match nothing: a filter entry changes when its second word is written. */
static void test_mac_filter(void **state)
{
	const struct test_shape udp = { .family = 4, .proto = 17 };

	(void)state;
	ops->csr_write(engine, SL_CSR_MAC_LO(0), 0x00000006);
	assert_int_equal(ops->csr_read(engine, SL_CSR_MAC_LO(0)), 6);
	send_frame(&udp, 0, false);
	assert_int_equal(packets(SL_CSR_TABLE_REASON, SL_REASON_KERNEL), 1);
	ops->csr_write(engine, SL_CSR_MAC_HI(0), 0x80030100);
	send_frame(&udp, 0, false);
	assert_int_equal(packets(SL_CSR_TABLE_REASON, SL_REASON_KERNEL), 1);
	assert_int_equal(packets(SL_CSR_TABLE_REASON, SL_REASON_MAC_FILTER), 1);
	ops->reset(engine);
	assert_int_equal(ops->csr_read(engine, SL_CSR_MAC_LO(0)), 0);
}

struct window_row {
	const char *what;
	uint32_t table, index, command, status;
};

static const struct window_row window_rows[] = {
	{ "class", SL_CSR_TABLE_CLASS, 63, 1, 0 },
	{ "class beyond", SL_CSR_TABLE_CLASS, 64, 2, 2 },
	{ "action", SL_CSR_TABLE_ACTION, 4095, 2, 0 },
	{ "action beyond", SL_CSR_TABLE_ACTION, 4096, 1, 2 },
	{ "meter beyond", SL_CSR_TABLE_METER, SL_METERS, 1, 2 },
	{ "bucket beyond", SL_CSR_TABLE_PREFIX, SL_PREFIX_BUCKETS, 1, 2 },
	{ "no prefix in these buckets", SL_CSR_TABLE_PREFIX, 0x7001, 3, 2 },
	{ "find beyond", SL_CSR_TABLE_PREFIX, SL_PREFIX_BUCKETS, 3, 2 },
	{ "nothing is found in rules", SL_CSR_TABLE_CLASS, 0, 3, 2 },
	{ "reason", SL_CSR_TABLE_REASON, 255, 1, 0 },
	{ "reason is read-only", SL_CSR_TABLE_REASON, 0, 2, 2 },
	{ "port", SL_CSR_TABLE_PORT, 3, 1, 0 },
	{ "port beyond", SL_CSR_TABLE_PORT, 4, 1, 2 },
	{ "rule is read-only", SL_CSR_TABLE_RULE, 0, 2, 2 },
	{ "no such table", 9, 0, 1, 2 },
	{ "greatest index", SL_CSR_TABLE_ACTION, 0xffffff, 2, 2 },
};

static void test_windows(void **state)
{
	struct sl_class_rule rule;
	struct sl_meter meter = { .rate = 7, .burst = 9 };

	(void)state;
	for (size_t i = 0; i < sizeof(window_rows) / sizeof(window_rows[0]); i++) {
		print_message("row %s\n", window_rows[i].what);
		ops->csr_write(engine, SL_CSR_TBL_SEL, window_rows[i].table << 24 | window_rows[i].index);
		ops->csr_write(engine, SL_CSR_TBL_CMD, window_rows[i].command);
		assert_int_equal(ops->csr_read(engine, SL_CSR_TBL_STATUS), window_rows[i].status);
	}
	table_write(SL_CSR_TABLE_METER, 3, &meter, sizeof(meter));
	memset(&meter, 0xff, sizeof(meter));
	table_read(SL_CSR_TABLE_METER, 3, &meter, sizeof(meter));
	assert_int_equal(meter.rate, 7);
	assert_int_equal(meter.burst, 9);
	assert_int_equal(meter.reserved0, 0);
	/* A find goes to the next bucket that holds a prefix, and no further than its part of the table. */
	table_write(SL_CSR_TABLE_PREFIX, 0x70fe, &(struct sl_prefix_bucket){ .slot2 = { .family = 4, .addr = { 7 } } },
		    sizeof(struct sl_prefix_bucket));
	ops->csr_write(engine, SL_CSR_TBL_SEL, SL_CSR_TABLE_PREFIX << 24 | 0x7001);
	ops->csr_write(engine, SL_CSR_TBL_CMD, 3);
	assert_int_equal(ops->csr_read(engine, SL_CSR_TBL_STATUS), 0);
	assert_int_equal(ops->csr_read(engine, SL_CSR_TBL_SEL), SL_CSR_TABLE_PREFIX << 24 | 0x70fe);
	assert_int_equal(ops->csr_read(engine, SL_CSR_TBL_DATA(16)), 7);
	ops->csr_write(engine, SL_CSR_TBL_SEL, SL_CSR_TABLE_PREFIX << 24 | 0x70ff);
	ops->csr_write(engine, SL_CSR_TBL_CMD, 3);
	assert_int_equal(ops->csr_read(engine, SL_CSR_TBL_STATUS), 2);
	/* A rule's counter restarts with a new cookie only. */
	send_frame(&tcp, 0, false);
	table_read(SL_CSR_TABLE_CLASS, 0, &rule, sizeof(rule));
	assert_int_equal(rule.cookie, 1);
	table_write(SL_CSR_TABLE_CLASS, 0, &rule, sizeof(rule));
	assert_int_equal(packets(SL_CSR_TABLE_RULE, 0), 1);
	rule.cookie = 2;
	table_write(SL_CSR_TABLE_CLASS, 0, &rule, sizeof(rule));
	assert_int_equal(packets(SL_CSR_TABLE_RULE, 0), 0);
}

static void test_create(void **state)
{
	const struct sl_engine_config bad[] = { { .ports = 0, .table_log2 = 8 }, { .ports = 9, .table_log2 = 8 },
						{ .ports = 1, .table_log2 = 2 }, { .ports = 1, .table_log2 = 25 } };
	char err[128];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err[0] = 0;
		assert_null(ops->create(&bad[i], err, sizeof(err)));
		assert_true(err[0] != 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_path, setup, teardown),
		cmocka_unit_test_setup_teardown(test_verdicts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bounds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_registers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mac_filter, setup, teardown),
		cmocka_unit_test_setup_teardown(test_windows, setup, teardown),
		cmocka_unit_test(test_create),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
