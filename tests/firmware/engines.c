/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The real firmware image with real datapaths: what it writes is what they hold, every table of the contract is there,
 * and resets do what they promise. With the C model, and with the datapath's RTL (the whole card's is with
 * its own management block, which tests/system and tests/testpmd use).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/engine.h"
#include "sim/mgmt.h"
#include "sluice/record.h"
#include "tests/firmware/fake.h"
#include "tests/rtl/rtl_card.h"

#define ENGINE_BUDGET 4000u

struct card {
	const struct sl_engine_ops *ops;
	struct sl_engine *engine;
	struct sl_mgmt *core;
	uint32_t now_ms;
};

static void run_ms(struct card *c, uint32_t ms)
{
	while (ms--) {
		c->now_ms++;
		c->ops->step(c->engine, c->now_ms, ENGINE_BUDGET);
		sl_mgmt_step(c->core, c->now_ms, SL_MGMT_INSNS_PER_MS);
	}
}

static bool boots(struct card *c)
{
	for (unsigned int i = 0; i < 3000 && sl_mgmt_status(c->core) == 0; i++)
		run_ms(c, 1);
	return sl_mgmt_status(c->core) == SL_MGMT_STATUS_SERVING;
}

static void power_on(struct card *c, const struct sl_engine_ops *ops)
{
	const struct sl_engine_config engine = { .ports = 2, .table_log2 = SL_TABLE_LOG2_DEFAULT };
	struct sl_mgmt_config config = {
		.image_path = "build/firmware/sluice-fw.bin",
		.ports = 2,
		.port = { { { 2, 0, 0, 0, 0, 1 }, 1500, true }, { { 2, 0, 0, 0, 0, 2 }, 1500, true } },
		.random_seed = 1,
		.console = getenv("SLUICE_TEST_CONSOLE") ? stderr : NULL,
	};
	char err[300] = "";

	memset(c, 0, sizeof(*c));
	c->ops = ops;
	c->engine = c->ops->create(&engine, err, sizeof(err));
	if (!c->engine)
		fail_msg("%s", err);
	config.ops = c->ops;
	config.engine = c->engine;
	c->core = sl_mgmt_create(&config, err, sizeof(err));
	if (!c->core)
		fail_msg("%s", err);
	assert_true(boots(c));
}

static void power_off(struct card *c)
{
	sl_mgmt_destroy(c->core);
	c->ops->destroy(c->engine);
}

static struct sl_admin_cpl admin(struct card *c, uint8_t opcode, const void *arg, uint32_t len)
{
	struct sl_admin_cmd cmd = { .opcode = opcode, .len = len };
	struct sl_admin_cpl cpl = { 0 };

	if (len)
		memcpy(cmd.arg, arg, len);
	assert_true(sl_mgmt_admin_submit(c->core, &cmd));
	for (unsigned int i = 0; i < 3000; i++) {
		run_ms(c, 1);
		if (sl_mgmt_admin_done(c->core, &cpl)) {
			if (cpl.status != SL_STATUS_OK)
				fail_msg("%s: %s", sl_admin_op_name(opcode), sl_status_text(cpl.status));
			return cpl;
		}
	}
	fail_msg("%s: no completion", sl_admin_op_name(opcode));
	abort();
}

static struct sl_admin_cpl admin_index(struct card *c, uint8_t opcode, uint32_t index)
{
	const struct sl_index_arg arg = { .index = index };

	return admin(c, opcode, &arg, sizeof(arg));
}

static void write_and_read_tables(struct card *c)
{
	static const uint32_t rules[] = { 0, 63 }, actions[] = { 0, 4095 };
	struct sl_rule_arg rule = { .rule = fake_good_rule() };
	struct sl_action_arg action = { .action = fake_good_action() };
	struct sl_meter_arg meter = { .meter = { .rate = 256, .burst = 65535 } };

	for (unsigned int i = 0; i < 2; i++) {
		struct sl_admin_cpl cpl;

		rule.index = rules[i];
		admin(c, SL_ADMIN_OP_RULE_WRITE, &rule, sizeof(rule));
		cpl = admin_index(c, SL_ADMIN_OP_RULE_READ, rules[i]);
		assert_memory_equal(cpl.answer, &rule, sizeof(rule));
		cpl = admin_index(c, SL_ADMIN_OP_RULE_STATS, rules[i]);
		assert_int_equal(((struct sl_counter_pair *)cpl.answer)->packets, 0);
		action.index = actions[i];
		admin(c, SL_ADMIN_OP_ACTION_WRITE, &action, sizeof(action));
		cpl = admin_index(c, SL_ADMIN_OP_ACTION_READ, actions[i]);
		assert_memory_equal(cpl.answer, &action, sizeof(action));
		memset(&action.action, 0, sizeof(action.action));
		rule.rule.valid = 0;
	}
	for (meter.index = 0; meter.index < SL_METERS; meter.index++)
		admin(c, SL_ADMIN_OP_METER_SET, &meter, sizeof(meter));
	for (uint32_t first = 0; first < SL_REASONS; first += 14)
		admin_index(c, SL_ADMIN_OP_REASON_STATS, first);
	admin_index(c, SL_ADMIN_OP_VXLAN_PORT, 8472);
	assert_int_equal(c->ops->csr_read(c->engine, SL_CSR_VXLAN_PORT), 8472);
}

/* One broadcast frame: the host gets it, and every counter says so. */
static void count_a_frame(struct card *c)
{
	const struct sl_port_config port = { .port = 0, .enable = 1 };
	uint8_t frame[60] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 9, 8, 6 };
	static uint8_t buf[SL_FRAME_MAX];
	struct sl_port_state state;
	struct sl_host_meta meta;
	struct sl_port_stats stats;
	struct sl_admin_cpl cpl;

	admin(c, SL_ADMIN_OP_PORT_SET, &port, sizeof(port));
	cpl = admin_index(c, SL_ADMIN_OP_PORT_GET, 0);
	memcpy(&state, cpl.answer, sizeof(state));
	assert_int_equal(state.enable, 1);
	assert_int_equal(state.link, 1);
	assert_true(c->ops->wire_in(c->engine, 0, frame, sizeof(frame), false));
	run_ms(c, 2);
	assert_int_equal(c->ops->host_out(c->engine, &meta, buf), sizeof(frame));
	assert_int_equal(meta.reason, SL_REASON_KERNEL);
	cpl = admin_index(c, SL_ADMIN_OP_PORT_STATS, 0);
	memcpy(&stats, cpl.answer, sizeof(stats));
	assert_int_equal(stats.rx_packets, 1);
	assert_int_equal(stats.rx_bytes, sizeof(frame));
	assert_int_equal(stats.tx_packets, 0);
	cpl = admin_index(c, SL_ADMIN_OP_REASON_STATS, SL_REASON_KERNEL);
	assert_int_equal(((struct sl_counter_pair *)cpl.answer)->packets, 1);
	assert_int_equal(((struct sl_counter_pair *)cpl.answer)->bytes, sizeof(frame));
}

static uint32_t occupancy(struct card *c)
{
	const struct sl_admin_cpl cpl = admin(c, SL_ADMIN_OP_HEALTH_GET, NULL, 0);
	struct sl_health health;

	memcpy(&health, cpl.answer, sizeof(health));
	return health.occupancy;
}

static void insert_flow(struct card *c)
{
	struct sl_flow_cmd cmd = {
		.opcode = SL_FLOW_OP_INSERT,
		.key = { .src = { 192, 0, 2, 1 }, .dst = { 192, 0, 2, 2 }, .sport = 1, .dport = 2, .proto = 6, .family = 4 },
	};
	struct sl_flow_done done;

	sl_record_set_deltas(&cmd.key, &cmd.record);
	assert_true(c->ops->flow_submit(c->engine, &cmd));
	run_ms(c, 2);
	assert_true(c->ops->flow_done(c->engine, &done));
	assert_int_equal(done.cpl.status, SL_STATUS_OK);
}

static void everything(struct card *c)
{
	const uint32_t epoch = c->ops->csr_read(c->engine, SL_CSR_EPOCH);

	write_and_read_tables(c);
	count_a_frame(c);
	insert_flow(c);
	assert_int_equal(occupancy(c), 1);
	admin_index(c, SL_ADMIN_OP_RESET, SL_RESET_KIND_FIRMWARE);
	run_ms(c, 2);
	assert_true(boots(c));
	assert_int_equal(occupancy(c), 1);
	assert_int_equal(c->ops->csr_read(c->engine, SL_CSR_VXLAN_PORT), 8472);
	admin(c, SL_ADMIN_OP_FLOW_CLEAR, NULL, 0);
	assert_int_equal(c->ops->csr_read(c->engine, SL_CSR_EPOCH), epoch + 1);
	assert_int_equal(occupancy(c), 0);
	insert_flow(c);
	admin_index(c, SL_ADMIN_OP_RESET, SL_RESET_KIND_CARD);
	run_ms(c, 1);
	assert_true(sl_mgmt_card_reset_wanted(c->core));
	c->ops->reset(c->engine);
	assert_int_equal(c->ops->csr_read(c->engine, SL_CSR_CTRL), 0);
	sl_mgmt_reset(c->core, SL_RESET_KIND_CARD);
	assert_true(boots(c));
	assert_int_equal(occupancy(c), 0);
	assert_int_equal(c->ops->csr_read(c->engine, SL_CSR_VXLAN_PORT), SL_VXLAN_PORT);
}

static void model(void **state)
{
	struct card c;

	(void)state;
	power_on(&c, &sl_engine_model);
	everything(&c);
	power_off(&c);
}

static void rtl(void **state)
{
	struct card c;

	(void)state;
	power_on(&c, rtl_load(RTL_LIB));
	everything(&c);
	power_off(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(model),
		cmocka_unit_test(rtl),
	};

	return cmocka_run_group_tests_name("firmware/engines", tests, NULL, NULL);
}
