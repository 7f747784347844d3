/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Admin commands in the firmware's host build: every opcode with right, short and long arguments, every bound of every
 * field, answers, and random commands (SLUICE_SEED replays them).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "firmware/crash.h"
#include "firmware/firmware.h"
#include "firmware/table.h"
#include "sluice/prefix.h"
#include "tests/firmware/arguments.h"
#include "tests/firmware/core.h"

#define FUZZ_COMMANDS 200000u

static struct sl_firmware fw;

static int boot(void **state)
{
	(void)state;
	core_power_on();
	core_flash_image();
	sl_crash_forget();
	sl_firmware_boot(&fw);
	return core.status == SL_MGMT_STATUS_SERVING ? 0 : -1;
}

/* A refused command changes nothing in the datapath and answers nothing. */
static void expect(unsigned int opcode, const uint8_t *arg, uint32_t len, enum sl_status status)
{
	static struct sl_engine before;

	before = core.datapath;
	assert_int_equal(core_admin(&fw, (uint8_t)opcode, arg, len), status);
	assert_int_equal(core.response.opcode, opcode);
	assert_int_equal(core.response.tag, 0x1234);
	assert_int_equal(core.response.phase, 0);
	if (status != SL_STATUS_OK) {
		static const uint8_t zero[sizeof(core.response.answer)];

		assert_int_equal(core.response.len, 0);
		assert_memory_equal(core.response.answer, zero, sizeof(zero));
		assert_memory_equal(&before, &core.datapath, sizeof(before));
	}
}

static void lengths(void **state)
{
	uint8_t arg[240];

	(void)state;
	for (unsigned int opcode = 0; opcode <= SL_ADMIN_OP_AGE_SET; opcode++) {
		const uint32_t len = core_argument(opcode, arg);
		const uint32_t wrong[] = { len + 1, len + 4, len * 2 + 8, 240, 241, 0x80000000, 0xffffffff };

		print_message("%s: %u bytes\n", sl_admin_op_name(opcode), len);
		expect(opcode, arg, len, SL_STATUS_OK);
		for (uint32_t n = 0; n < len; n++)
			expect(opcode, arg, n, SL_STATUS_BAD_LENGTH);
		for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
			expect(opcode, arg, wrong[i], SL_STATUS_BAD_LENGTH);
	}
	for (unsigned int opcode = SL_ADMIN_OP_AGE_SET + 1; opcode < 256; opcode++)
		expect(opcode, NULL, 0, SL_STATUS_BAD_OPCODE);
}

struct bound {
	const char *what;
	unsigned int opcode;
	uint32_t at, size; /* the field of the good argument that is changed */
	uint64_t value;
	enum sl_status status;
};

#define FIELD(type, field) offsetof(type, field), sizeof(((type *)0)->field)
#define INDEX FIELD(struct sl_index_arg, index)
#define PORT(field) SL_ADMIN_OP_PORT_SET, FIELD(struct sl_port_config, field)
#define MAC(field) SL_ADMIN_OP_MAC_SET, FIELD(struct sl_mac_filter, field)
#define RULE(field) SL_ADMIN_OP_RULE_WRITE, FIELD(struct sl_rule_arg, rule.field)
#define ACTION(field) SL_ADMIN_OP_ACTION_WRITE, FIELD(struct sl_action_arg, action.field)
#define PREFIX(field) SL_ADMIN_OP_PREFIX_SET, FIELD(struct sl_prefix_arg, prefix.field)
#define METER(field) SL_ADMIN_OP_METER_SET, FIELD(struct sl_meter_arg, field)
#define OK SL_STATUS_OK
#define VALUE SL_STATUS_BAD_VALUE
#define RANGE SL_STATUS_BAD_INDEX

static const struct bound bounds[] = {
	{ "port 0", PORT(port), 0, OK },
	{ "port beyond", PORT(port), 2, RANGE },
	{ "enable 2", PORT(enable), 2, VALUE },
	{ "promiscuous", PORT(promisc), 1, OK },
	{ "promiscuous 2", PORT(promisc), 2, VALUE },
	{ "all multicast 255", PORT(allmulti), 255, VALUE },
	{ "port reserved", PORT(reserved0[5]), 1, VALUE },
	{ "port state beyond", SL_ADMIN_OP_PORT_GET, INDEX, 2, RANGE },
	{ "port state reserved", SL_ADMIN_OP_PORT_GET, FIELD(struct sl_index_arg, reserved0), 1, VALUE },
	{ "port counters beyond", SL_ADMIN_OP_PORT_STATS, INDEX, 0xffffffff, RANGE },
	{ "port counters reserved", SL_ADMIN_OP_PORT_STATS, FIELD(struct sl_index_arg, reserved0), 1, VALUE },

	{ "last filter", MAC(index), 7, OK },
	{ "filter beyond", MAC(index), 8, RANGE },
	{ "filter valid 2", MAC(valid), 2, VALUE },
	{ "filter of ports that are not there", MAC(port_mask), 255, OK },
	{ "filter reserved", MAC(reserved0), 1, VALUE },

	{ "last rule", SL_ADMIN_OP_RULE_WRITE, FIELD(struct sl_rule_arg, index), 63, OK },
	{ "rule beyond", SL_ADMIN_OP_RULE_WRITE, FIELD(struct sl_rule_arg, index), 64, RANGE },
	{ "rule argument reserved", SL_ADMIN_OP_RULE_WRITE, FIELD(struct sl_rule_arg, reserved0), 1, VALUE },
	{ "rule not valid", RULE(valid), 0, OK },
	{ "rule valid 2", RULE(valid), 2, VALUE },
	{ "verdict 3", RULE(verdict), 3, VALUE },
	{ "copy without flows", RULE(verdict), SL_VERDICT_HOST, VALUE },
	{ "decap", RULE(flags), SL_RULE_FLAG_DECAP, OK },
	{ "mark", RULE(flags), SL_RULE_FLAG_MARK, OK },
	{ "unknown rule flag", RULE(flags), 8, VALUE },
	{ "last meter of a rule", RULE(meter), 63, OK },
	{ "meter of a rule beyond", RULE(meter), 64, VALUE },
	{ "prefix of the destination", RULE(prefix_mode), SL_PREFIX_MODE_DST, OK },
	{ "prefix mode 3", RULE(prefix_mode), 3, VALUE },
	{ "set without a prefix", RULE(prefix_set), 1, VALUE },
	{ "last set", SL_ADMIN_OP_RULE_WRITE, offsetof(struct sl_rule_arg, rule.prefix_mode), 2, 0x1f01, OK },
	{ "set beyond", SL_ADMIN_OP_RULE_WRITE, offsetof(struct sl_rule_arg, rule.prefix_mode), 2, 0x2002, VALUE },

	{ "prefix table beyond", SL_ADMIN_OP_PREFIX_SET, FIELD(struct sl_prefix_arg, table), 4, RANGE },
	{ "prefix in another table", SL_ADMIN_OP_PREFIX_SET, FIELD(struct sl_prefix_arg, table), 1, VALUE },
	{ "prefix of the source", SL_ADMIN_OP_PREFIX_SET, FIELD(struct sl_prefix_arg, table), 2, OK },
	{ "prefix argument reserved", SL_ADMIN_OP_PREFIX_SET, FIELD(struct sl_prefix_arg, reserved0), 1, VALUE },
	{ "prefix reserved", PREFIX(reserved0), 1, VALUE },
	{ "prefix of no family", PREFIX(family), 0, VALUE },
	{ "prefix of family 5", PREFIX(family), 5, VALUE },
	{ "prefix of IPv6", PREFIX(family), 6, OK },
	{ "IPv4 prefix of five bytes", PREFIX(addr[4]), 1, VALUE },
	{ "prefix's ports end before they begin", PREFIX(port_hi), 79, VALUE },
	{ "range in the exact table", PREFIX(port_hi), 81, VALUE },
	{ "any protocol in the exact table", PREFIX(proto_mask), 0, VALUE },
	{ "prefix's protocol mask 254", PREFIX(proto_mask), 254, VALUE },
	{ "last meter of a prefix", PREFIX(meter), 63, OK },
	{ "meter of a prefix beyond", PREFIX(meter), 64, VALUE },
	{ "meter 254 of a prefix", PREFIX(meter), 254, VALUE },
	{ "last bucket", SL_ADMIN_OP_PREFIX_LIST, INDEX, SL_PREFIX_BUCKETS - 1, OK },
	{ "bucket beyond", SL_ADMIN_OP_PREFIX_LIST, INDEX, SL_PREFIX_BUCKETS, RANGE },
	{ "bucket reserved", SL_ADMIN_OP_PREFIX_LIST, FIELD(struct sl_index_arg, reserved0), 1, VALUE },
	{ "last inner VLAN", RULE(vid2), 4095, OK },
	{ "inner VLAN 4096", RULE(vid2), 4096, VALUE },
	{ "rule reserved 1", RULE(reserved1[3]), 1, VALUE },
	{ "rule reserved 2", RULE(reserved2[19]), 1, VALUE },
	{ "MAC bits outside of the mask", RULE(dmac[3]), 1, VALUE },
	{ "MAC mask", RULE(dmac_mask[3]), 1, OK },
	{ "any family with a prefix", RULE(l3), 0, VALUE },
	{ "IPv6", RULE(l3), 6, OK },
	{ "family 5", RULE(l3), 5, VALUE },
	{ "last VLAN mode", RULE(vlan_mode), SL_VLAN_MODE_SINGLE, OK },
	{ "VLAN mode beyond", RULE(vlan_mode), SL_VLAN_MODE_SINGLE + 1, VALUE },
	{ "last VLAN", RULE(vid), 4095, OK },
	{ "VLAN 4096", RULE(vid), 4096, VALUE },
	{ "tunnel mode VNI", RULE(tunnel_mode), 2, OK },
	{ "tunnel mode IP in IP", RULE(tunnel_mode), 6, OK },
	{ "tunnel mode 7", RULE(tunnel_mode), 7, VALUE },
	{ "protocol mask 0", RULE(proto_mask), 0, OK },
	{ "protocol mask 254", RULE(proto_mask), 254, VALUE },
	{ "TCP flags outside of the mask", RULE(tcp_flags), 2, VALUE },
	{ "any TCP flags", RULE(tcp_flags_mask), 0, OK },
	{ "fragments", RULE(frag), 2, OK },
	{ "fragment mode 3", RULE(frag), 3, VALUE },
	{ "inner IPv6", RULE(inner_l3), 6, OK },
	{ "inner family 1", RULE(inner_l3), 1, VALUE },
	{ "last VNI", RULE(vni), 0xffffff, OK },
	{ "VNI of 25 bits", RULE(vni), 0x1000000, VALUE },
	{ "VNI mask of 25 bits", RULE(vni_mask), 0x1000000, VALUE },
	{ "source ports of one", RULE(sport_lo), 65535, OK },
	{ "destination ports begin after their end", RULE(dport_lo), 81, VALUE },
	{ "destination ports end before they begin", RULE(dport_hi), 79, VALUE },
	{ "prefix of 33 bits of IPv4", RULE(dst_plen), 33, VALUE },
	{ "address beyond its prefix", RULE(dst_plen), 31, VALUE },
	{ "address without prefix", RULE(dst_plen), 0, VALUE },
	{ "IPv4 address of five bytes", RULE(dst[4]), 1, VALUE },
	{ "source prefix of 32", RULE(src_plen), 32, OK },
	{ "source prefix of 33", RULE(src_plen), 33, VALUE },
	{ "source without prefix", RULE(src[0]), 10, VALUE },
	{ "rule read beyond", SL_ADMIN_OP_RULE_READ, INDEX, 64, RANGE },
	{ "rule read reserved", SL_ADMIN_OP_RULE_READ, FIELD(struct sl_index_arg, reserved0), 1, VALUE },
	{ "rule counters beyond", SL_ADMIN_OP_RULE_STATS, INDEX, 64, RANGE },
	{ "rule counters reserved", SL_ADMIN_OP_RULE_STATS, FIELD(struct sl_index_arg, reserved0), 1, VALUE },

	{ "last action", SL_ADMIN_OP_ACTION_WRITE, FIELD(struct sl_action_arg, index), 4095, OK },
	{ "action beyond", SL_ADMIN_OP_ACTION_WRITE, FIELD(struct sl_action_arg, index), 4096, RANGE },
	{ "action argument reserved", SL_ADMIN_OP_ACTION_WRITE, FIELD(struct sl_action_arg, reserved0), 1, VALUE },
	{ "longest header", ACTION(hdr_len), 112, OK },
	{ "header too long", ACTION(hdr_len), 113, VALUE },
	{ "header shorter than Ethernet", ACTION(hdr_len), 13, VALUE },
	{ "header ends inside UDP", ACTION(hdr_len), 41, VALUE },
	{ "header ends after UDP", ACTION(hdr_len), 42, OK },
	{ "no outer headers", ACTION(flags), SL_ACTION_FLAG_VALID | SL_ACTION_FLAG_STRIP_L2, OK },
	{ "header without STRIP_L2", ACTION(flags), SL_ACTION_FLAG_VALID, VALUE },
	{ "outer IPv4 alone", ACTION(flags), 7, OK },
	{ "outer IPv4 and IPv6", ACTION(flags), 15, VALUE },
	{ "outer UDP without IP", ACTION(flags), 19, VALUE },
	{ "outer IPv6 that is IPv4", ACTION(flags), 11, VALUE },
	{ "unknown action flag", ACTION(flags), 39, VALUE },
	{ "leaves by a port that is not there", ACTION(port), 2, VALUE },
	{ "IP inside Ethernet", ACTION(l3_off), 13, VALUE },
	{ "IP elsewhere", ACTION(l3_off), 15, VALUE },
	{ "IP beyond the header", ACTION(l3_off), 45, VALUE },
	{ "UDP inside IP", ACTION(l4_off), 33, VALUE },
	{ "UDP at the end", ACTION(l4_off), 56, OK },
	{ "UDP beyond the header", ACTION(l4_off), 57, VALUE },
	{ "action reserved 0", ACTION(reserved0), 1, VALUE },
	{ "action reserved 1", ACTION(reserved1), 1, VALUE },
	{ "outer IPv4 with options", ACTION(hdr[14]), 0x46, VALUE },
	{ "outer IPv4 with a length", ACTION(hdr[17]), 20, VALUE },
	{ "outer IPv4 with a wrong checksum", ACTION(hdr[25]), 0xee, VALUE },
	{ "action read beyond", SL_ADMIN_OP_ACTION_READ, INDEX, 4096, RANGE },
	{ "action read reserved", SL_ADMIN_OP_ACTION_READ, FIELD(struct sl_index_arg, reserved0), 1, VALUE },

	{ "meter beyond", METER(index), 64, RANGE },
	{ "meter argument reserved", METER(reserved0), 1, VALUE },
	{ "burst 0", METER(meter.burst), 0, VALUE },
	{ "burst 1", METER(meter.burst), 1, OK },
	{ "largest burst", METER(meter.burst), 65535, OK },
	{ "burst too large", METER(meter.burst), 65536, VALUE },
	{ "unlimited", METER(meter.rate), 0, OK },
	{ "meter reserved", METER(meter.reserved0), 1ull << 40, VALUE },

	{ "last reason", SL_ADMIN_OP_REASON_STATS, INDEX, 255, OK },
	{ "reason beyond", SL_ADMIN_OP_REASON_STATS, INDEX, 256, RANGE },
	{ "reason reserved", SL_ADMIN_OP_REASON_STATS, FIELD(struct sl_index_arg, reserved0), 1, VALUE },
	{ "no VXLAN", SL_ADMIN_OP_VXLAN_PORT, INDEX, 0, OK },
	{ "bits above the tunnels", SL_ADMIN_OP_VXLAN_PORT, INDEX, 0x100000, VALUE },
	{ "no sweeps", SL_ADMIN_OP_AGE_SET, INDEX, 0, OK },
	{ "sweep period reserved", SL_ADMIN_OP_AGE_SET, FIELD(struct sl_index_arg, reserved0), 1, VALUE },
	{ "UDP port reserved", SL_ADMIN_OP_VXLAN_PORT, FIELD(struct sl_index_arg, reserved0), 1, VALUE },
	{ "no miss mark", SL_ADMIN_OP_MISS_MARK, FIELD(struct sl_miss_arg, valid), 0, OK },
	{ "miss mark valid 2", SL_ADMIN_OP_MISS_MARK, FIELD(struct sl_miss_arg, valid), 2, VALUE },
	{ "reset of the host interface", SL_ADMIN_OP_RESET, INDEX, SL_RESET_KIND_HOST_IF, VALUE },
	{ "reset of the card", SL_ADMIN_OP_RESET, INDEX, SL_RESET_KIND_CARD, OK },
	{ "reset 4", SL_ADMIN_OP_RESET, INDEX, 4, VALUE },
	{ "reset reserved", SL_ADMIN_OP_RESET, FIELD(struct sl_index_arg, reserved0), 1, VALUE },
	{ "log beyond its end", SL_ADMIN_OP_LOG_READ, INDEX, 0xffffffff, OK },
	{ "log reserved", SL_ADMIN_OP_LOG_READ, FIELD(struct sl_index_arg, reserved0), 1, VALUE },
};

static void fields(void **state)
{
	uint8_t arg[240];

	(void)state;
	for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
		const struct bound *b = &bounds[i];
		const uint32_t len = core_argument(b->opcode, arg);

		memcpy(arg + b->at, &b->value, b->size);
		boot(state);
		if (core_admin(&fw, (uint8_t)b->opcode, arg, len) != b->status)
			fail_msg("%s: status %u, expected %u", b->what, core.response.status, b->status);
		boot(state);
		expect(b->opcode, arg, len, b->status);
		assert_int_equal(core.bad_accesses, 0);
		assert_int_equal(core.datapath.bad_writes, 0);
	}
}

static void ipv6_prefixes(void **state)
{
	struct sl_rule_arg arg = { .rule = fake_good_rule() };

	(void)state;
	arg.rule.l3 = 6;
	memset(arg.rule.src, 0xff, 16);
	for (unsigned int plen = 0; plen < 256; plen++) {
		arg.rule.src_plen = (uint8_t)plen;
		expect(SL_ADMIN_OP_RULE_WRITE, (uint8_t *)&arg, sizeof(arg), plen == 128 ? OK : VALUE);
	}
	for (unsigned int plen = 0; plen <= 128; plen++) {
		memset(arg.rule.src, 0, 16);
		if (plen)
			arg.rule.src[(plen - 1) / 8] = (uint8_t)(0x80 >> (plen - 1) % 8); /* the prefix's last bit */
		arg.rule.src_plen = (uint8_t)plen;
		expect(SL_ADMIN_OP_RULE_WRITE, (uint8_t *)&arg, sizeof(arg), OK);
		if (plen) {
			arg.rule.src_plen--;
			expect(SL_ADMIN_OP_RULE_WRITE, (uint8_t *)&arg, sizeof(arg), VALUE);
		}
	}
}

static void outer_ipv6(void **state)
{
	struct sl_action_arg arg = { .action = { .flags = 1 | 2 | 8 | 16, .hdr_len = 14 + 40 + 8, .l3_off = 14, .l4_off = 54 } };

	(void)state;
	arg.action.hdr[14] = 0x60;
	expect(SL_ADMIN_OP_ACTION_WRITE, (uint8_t *)&arg, sizeof(arg), OK);
	arg.action.l4_off = 53;
	expect(SL_ADMIN_OP_ACTION_WRITE, (uint8_t *)&arg, sizeof(arg), VALUE);
	arg.action.l4_off = 54;
	arg.action.hdr_len--;
	expect(SL_ADMIN_OP_ACTION_WRITE, (uint8_t *)&arg, sizeof(arg), VALUE);
	memset(&arg, 0, sizeof(arg)); /* an entry taken away */
	expect(SL_ADMIN_OP_ACTION_WRITE, (uint8_t *)&arg, sizeof(arg), OK);
	arg.action.l3_off = 1;
	expect(SL_ADMIN_OP_ACTION_WRITE, (uint8_t *)&arg, sizeof(arg), VALUE);
}

static void command_headers(void **state)
{
	static const struct { const char *what; uint8_t flags; uint64_t reserved0; } rows[] = {
		{ "flags", 1, 0 }, { "reserved, low half", 0, 1 }, { "reserved, high half", 0, 1ull << 63 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		print_message("%s\n", rows[i].what);
		memset(&core.request, 0, sizeof(core.request));
		core.request.flags = rows[i].flags;
		core.request.reserved0 = rows[i].reserved0;
		core.pending = SL_PENDING_MAILBOX;
		sl_firmware_turn(&fw);
		assert_int_equal(core.response.status, VALUE);
	}
}

static void what_is_written_is_read(void **state)
{
	const struct sl_rule_arg rule = { .index = 9, .rule = fake_good_rule() };
	const struct sl_action_arg action = { .index = 4000, .action = fake_good_action() };
	const struct sl_index_arg nine = { .index = 9 }, four = { .index = 4000 };

	(void)state;
	expect(SL_ADMIN_OP_RULE_WRITE, (const uint8_t *)&rule, sizeof(rule), OK);
	expect(SL_ADMIN_OP_RULE_READ, (const uint8_t *)&nine, sizeof(nine), OK);
	assert_int_equal(core.response.len, sizeof(rule));
	assert_memory_equal(core.response.answer, &rule, sizeof(rule));
	assert_memory_equal(&core.datapath.rule[9], &rule.rule, sizeof(rule.rule));
	expect(SL_ADMIN_OP_ACTION_WRITE, (const uint8_t *)&action, sizeof(action), OK);
	expect(SL_ADMIN_OP_ACTION_READ, (const uint8_t *)&four, sizeof(four), OK);
	assert_int_equal(core.response.len, sizeof(action));
	assert_memory_equal(core.response.answer, &action, sizeof(action));
}

static void answers(void **state)
{
	struct sl_index_arg index = { .index = 1 };
	struct sl_caps caps;
	struct sl_port_state port;
	struct sl_port_stats stats;
	struct sl_health health;
	struct sl_counter_pair pairs[14];

	(void)state;
	expect(SL_ADMIN_OP_GET_CAPS, NULL, 0, OK);
	memcpy(&caps, core.response.answer, sizeof(caps));
	assert_int_equal(caps.abi_version, SL_ABI_VERSION);
	assert_int_equal(caps.fw_version, SL_FIRMWARE_VERSION);
	assert_int_equal(caps.ports, 2);
	assert_int_equal(caps.table_log2, 16);
	assert_int_equal(caps.class_rules, 64);
	assert_int_equal(caps.actions, 4096);
	assert_int_equal(caps.meters, SL_METERS);
	assert_int_equal(caps.flow_queues, 8);
	assert_int_equal(caps.frame_max, 9600);
	assert_int_equal(caps.modes, 0x2fff);
	assert_int_equal(caps.prefixes, 32768);
	assert_string_equal((char *)caps.fw_name, SL_FIRMWARE_NAME);

	core.datapath.port_flags[1] = 1;
	expect(SL_ADMIN_OP_PORT_GET, (uint8_t *)&index, sizeof(index), OK);
	memcpy(&port, core.response.answer, sizeof(port));
	assert_int_equal(port.port, 1);
	assert_int_equal(port.link, 0);
	assert_int_equal(port.enable, 1);
	assert_int_equal(port.mtu, 1500);
	assert_int_equal(port.speed_mbps, 0);
	assert_memory_equal(port.mac, ((uint8_t[]){ 2, 2, 3, 4, 5, 1 }), 6);
	core.link = 2;
	expect(SL_ADMIN_OP_PORT_GET, (uint8_t *)&index, sizeof(index), OK);
	memcpy(&port, core.response.answer, sizeof(port));
	assert_int_equal(port.link, 1);
	assert_int_equal(port.speed_mbps, 100000);

	expect(SL_ADMIN_OP_PORT_STATS, (uint8_t *)&index, sizeof(index), OK);
	memcpy(&stats, core.response.answer, sizeof(stats));
	assert_int_equal(stats.rx_packets, 102);
	assert_int_equal(stats.rx_bytes, 3ull << 32);
	assert_int_equal(stats.tx_packets, 103);
	assert_int_equal(stats.tx_bytes, 4ull << 32);

	index.index = 120; /* up to 127 from the datapath, above by the host only */
	expect(SL_ADMIN_OP_REASON_STATS, (uint8_t *)&index, sizeof(index), OK);
	assert_int_equal(core.response.len, sizeof(pairs));
	memcpy(pairs, core.response.answer, sizeof(pairs));
	assert_int_equal(pairs[7].packets, 1127);
	assert_int_equal(pairs[8].packets, 0);
	index.index = 250;
	expect(SL_ADMIN_OP_REASON_STATS, (uint8_t *)&index, sizeof(index), OK);
	assert_int_equal(core.response.len, 6 * sizeof(pairs[0]));

	core.datapath.occupancy = 11;
	core.datapath.moves = 12;
	core.datapath.refused = 13;
	core.datapath.epoch = 255;
	expect(99, NULL, 0, SL_STATUS_BAD_OPCODE);
	expect(SL_ADMIN_OP_HEALTH_GET, NULL, 0, OK);
	memcpy(&health, core.response.answer, sizeof(health));
	assert_int_equal(health.occupancy, 11);
	assert_int_equal(health.moves, 12);
	assert_int_equal(health.refused, 13);
	assert_int_equal(health.epoch, 255);
	assert_int_equal(health.commands, 7);
	assert_int_equal(health.commands_failed, 1);
	assert_int_equal(health.boots, 1);
	assert_int_equal(health.last_reset, 0);
	assert_int_equal(health.heartbeat, core.heartbeat - 1); /* the turn beat after it */

	expect(SL_ADMIN_OP_FLOW_CLEAR, NULL, 0, OK);
	assert_int_equal(core.datapath.epoch, 0); /* eight bits */
}

static void resets_follow_their_completion(void **state)
{
	struct sl_index_arg kind = { .index = SL_RESET_KIND_CARD };

	(void)state;
	expect(SL_ADMIN_OP_RESET, (uint8_t *)&kind, sizeof(kind), OK);
	assert_int_equal(core.responses, 1);
	assert_int_equal(core.reset, SL_RESET_KIND_CARD);
}

static void a_hung_datapath_times_out(void **state)
{
	static const unsigned int opcodes[] = {
		SL_ADMIN_OP_RULE_WRITE, SL_ADMIN_OP_RULE_READ, SL_ADMIN_OP_RULE_STATS, SL_ADMIN_OP_ACTION_WRITE,
		SL_ADMIN_OP_ACTION_READ, SL_ADMIN_OP_METER_SET, SL_ADMIN_OP_REASON_STATS, SL_ADMIN_OP_PORT_STATS,
		SL_ADMIN_OP_PREFIX_SET,
	};
	uint8_t arg[240];

	(void)state;
	core.datapath.table_stuck = true;
	for (size_t i = 0; i < sizeof(opcodes) / sizeof(opcodes[0]); i++) {
		const uint32_t len = core_argument(opcodes[i], arg);

		assert_int_equal(core_admin(&fw, (uint8_t)opcodes[i], arg, len), SL_STATUS_TIMEOUT);
		assert_int_equal(core.response.len, 0);
	}
	core.datapath.table_stuck = false;
	core.datapath.clear_after_epoch = UINT32_MAX;
	assert_int_equal(core_admin(&fw, SL_ADMIN_OP_FLOW_CLEAR, NULL, 0), SL_STATUS_TIMEOUT);
	core.datapath.clearing = 100;
	core.datapath.clear_after_epoch = 100;
	assert_int_equal(core_admin(&fw, SL_ADMIN_OP_FLOW_CLEAR, NULL, 0), SL_STATUS_OK);
	assert_int_equal(core.datapath.clearing, 0);
}

static enum sl_status set_prefix(uint32_t table, const struct sl_class_prefix *prefix)
{
	const struct sl_prefix_arg arg = { .table = table, .prefix = *prefix };

	return core_admin(&fw, SL_ADMIN_OP_PREFIX_SET, (const uint8_t *)&arg, sizeof(arg));
}

/* How often the prefix with these sets stands in its two buckets. */
static unsigned int stands(uint32_t table, const struct sl_class_prefix *prefix)
{
	unsigned int found = 0;

	for (uint32_t bank = 0; bank < 2; bank++) {
		const struct sl_class_prefix *slot =
			&core.datapath.bucket[sl_prefix_bucket_index(table, bank, sl_prefix_hash_of(prefix, table))].slot0;

		for (unsigned int way = 0; way < SL_PREFIX_WAYS; way++)
			found += memcmp(&slot[way], prefix, sizeof(*prefix)) == 0;
	}
	return found;
}

/* A prefix appears once, changes its sets in its place, and goes; eight of one address have room, a ninth has none. */
static void a_prefix_has_two_buckets(void **state)
{
	struct sl_class_prefix p = core_good_prefix;

	(void)state;
	assert_int_equal(set_prefix(SL_PREFIX_TABLE_DST_EXACT, &p), OK);
	assert_int_equal(stands(SL_PREFIX_TABLE_DST_EXACT, &p), 1);
	p.sets = 0x80000000;
	assert_int_equal(set_prefix(SL_PREFIX_TABLE_DST_EXACT, &p), OK);
	assert_int_equal(stands(SL_PREFIX_TABLE_DST_EXACT, &p), 1);
	assert_int_equal(stands(SL_PREFIX_TABLE_DST_EXACT, &core_good_prefix), 0);
	p.sets = 0;
	assert_int_equal(set_prefix(SL_PREFIX_TABLE_DST_EXACT, &p), OK);
	assert_int_equal(set_prefix(SL_PREFIX_TABLE_DST_EXACT, &p), SL_STATUS_NOT_FOUND);
	p.sets = 1;
	for (p.meter = 0; p.meter < 8; p.meter++)
		assert_int_equal(set_prefix(SL_PREFIX_TABLE_DST_EXACT, &p), OK);
	assert_int_equal(set_prefix(SL_PREFIX_TABLE_DST_EXACT, &p), SL_STATUS_NO_SPACE);
	for (p.meter = 0; p.meter < 8; p.meter++)
		assert_int_equal(stands(SL_PREFIX_TABLE_DST_EXACT, &p), 1);
}

/* Wide prefixes of one address have the same two buckets, whatever their protocols and ports. */
static void a_ninth_range_of_an_address_has_no_room(void **state)
{
	struct sl_class_prefix p = core_good_prefix;

	(void)state;
	for (uint32_t i = 0; i < 9; i++) {
		p.proto = i < 5 ? 6 : 17;
		p.port_lo = (uint16_t)(1000 * i);
		p.port_hi = (uint16_t)(1000 * i + 999);
		assert_int_equal(set_prefix(SL_PREFIX_TABLE_DST_WIDE, &p), i < 8 ? OK : SL_STATUS_NO_SPACE);
	}
	p.port_hi = p.port_lo; /* one port, so it is exact */
	assert_int_equal(set_prefix(SL_PREFIX_TABLE_DST_EXACT, &p), OK);
	p.port_hi++;
	p.addr[3]++;
	assert_int_equal(set_prefix(SL_PREFIX_TABLE_DST_WIDE, &p), OK);
}

/* The firmware ended in the middle of a move: the resident is in both of its buckets. It changes and goes in both. */
static void a_move_that_was_not_ended(void **state)
{
	struct sl_class_prefix p = core_good_prefix;
	const uint32_t table = SL_PREFIX_TABLE_DST_EXACT;

	(void)state;
	for (uint32_t bank = 0; bank < 2; bank++) {
		struct sl_prefix_bucket *bucket =
			&core.datapath.bucket[sl_prefix_bucket_index(table, bank, sl_prefix_hash_of(&p, table))];

		bucket->slot0 = p;
	}
	assert_int_equal(stands(table, &p), 2);
	p.sets = 2;
	assert_int_equal(set_prefix(table, &p), OK);
	assert_int_equal(stands(table, &p), 2);
	p.sets = 0;
	assert_int_equal(set_prefix(table, &p), OK);
	assert_int_equal(set_prefix(table, &p), SL_STATUS_NOT_FOUND);
}

/* Beyond what has room without it, residents are moved: the table takes 80 % of its slots, all of them stand once, and all
 * of them are listed. */
static void residents_make_room(void **state)
{
	const uint32_t count = 26200;
	struct sl_class_prefix p = { .sets = 1, .port_hi = 65535, .family = 6, .addr = { 0x20, 1 }, .meter = 3 };
	struct sl_index_arg from = { 0 };
	uint32_t listed = 0;

	(void)state;
	for (uint32_t i = 0; i < count; i++) {
		p.addr[14] = (uint8_t)(i >> 8);
		p.addr[15] = (uint8_t)i;
		if (set_prefix(SL_PREFIX_TABLE_SRC_WIDE, &p) != OK)
			fail_msg("prefix %u has no room", i);
	}
	for (uint32_t i = 0; i < count; i++) {
		p.addr[14] = (uint8_t)(i >> 8);
		p.addr[15] = (uint8_t)i;
		assert_int_equal(stands(SL_PREFIX_TABLE_SRC_WIDE, &p), 1);
	}
	core.datapath.prefixes = count;
	while (from.index < SL_PREFIX_BUCKETS) {
		struct sl_prefix_list list;

		assert_int_equal(core_admin(&fw, SL_ADMIN_OP_PREFIX_LIST, (const uint8_t *)&from, sizeof(from)), OK);
		memcpy(&list, core.response.answer, sizeof(list));
		assert_int_equal(list.total, count);
		assert_in_range(list.next, from.index + 1, SL_PREFIX_BUCKETS);
		for (uint32_t i = 0; i < list.count; i++) {
			const struct sl_prefix_arg *entry = &list.entry0 + i;

			assert_int_equal(entry->table, SL_PREFIX_TABLE_SRC_WIDE);
			assert_int_equal(stands(entry->table, &entry->prefix), 1);
		}
		listed += list.count;
		from.index = list.next;
	}
	assert_int_equal(listed, count);
}

static void the_datapath_may_have_less(void **state)
{
	uint32_t entry[SL_CSR_TBL_DATA_COUNT] = { 0 };

	(void)state;
	assert_int_equal(sl_table_read(SL_CSR_TABLE_PORT, 3, entry, 16), SL_STATUS_OK);
	assert_int_equal(sl_table_read(SL_CSR_TABLE_PORT, 4, entry, 16), SL_STATUS_BAD_INDEX);
	assert_int_equal(sl_table_read((enum sl_csr_table)99, 0, entry, 16), SL_STATUS_BAD_INDEX);
	assert_int_equal(sl_table_write(SL_CSR_TABLE_REASON, 0, entry, 16), SL_STATUS_BAD_INDEX);
	assert_int_equal(sl_table_write(SL_CSR_TABLE_METER, 0, entry, 16), SL_STATUS_OK);
}

static uint64_t random_state;

static uint32_t random_below(uint32_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 32) % n;
}

/* What stands in the datapath's tables is good, whatever was asked for. */
static void random_commands(void **state)
{
	const char *replay = getenv("SLUICE_SEED");
	const uint64_t seed = replay ? strtoull(replay, NULL, 0) : (uint64_t)time(NULL) * 2654435761u + 1;
	unsigned int by_status[16] = { 0 };
	uint8_t arg[240];

	(void)state;
	print_message("random commands: SLUICE_SEED=0x%llx\n", (unsigned long long)seed);
	random_state = seed ? seed : 1;
	for (unsigned int i = 0; i < FUZZ_COMMANDS; i++) {
		const unsigned int opcode = random_below(20) ? random_below(SL_ADMIN_OP_AGE_SET + 1) : random_below(256);
		uint32_t len = opcode <= SL_ADMIN_OP_AGE_SET ? core_argument(opcode, arg) : 8;

		for (unsigned int changes = random_below(4); changes; changes--)
			arg[random_below(len ? len : 1)] = (uint8_t)(random_below(2) ? random_below(256) : 1u << random_below(8));
		if (random_below(20) == 0)
			len = random_below(300);
		core.pending |= random_below(8) & (SL_PENDING_LINK | SL_PENDING_HOST_IF_RESET);
		core.link = random_below(4);
		core.event_count = 0;
		core_admin(&fw, (uint8_t)opcode, arg, len);
		fw.reset = 0;
		assert_int_equal(core.responses, i + 1);
		assert_int_equal(core.response.opcode, opcode);
		assert_in_range(core.response.status, 0, SL_STATUS_FLASH_ERROR);
		assert_in_range(core.response.len, 0, sizeof(core.response.answer));
		by_status[core.response.status]++;
		assert_int_equal(core.pending, 0);
		assert_int_equal(core.datapath.ctrl, 1);
		assert_int_equal(core.datapath.hash_key_writes, 4);
	}
	assert_int_equal(core.bad_accesses, 0);
	assert_int_equal(core.datapath.bad_writes, 0);
	assert_int_equal(by_status[SL_STATUS_TIMEOUT], 0);
	assert_true(by_status[SL_STATUS_OK] > FUZZ_COMMANDS / 10);
	for (unsigned int i = 0; i < SL_CLASS_RULES; i++)
		assert_true(core.datapath.rule[i].meter < SL_METERS && core.datapath.rule[i].verdict <= SL_VERDICT_FLOWS);
	for (unsigned int i = 0; i < SL_ACTIONS; i++) {
		const struct sl_action *a = &core.datapath.action[i];

		assert_true(a->hdr_len <= SL_ACTION_HDR_BYTES && a->l3_off <= a->hdr_len && a->l4_off <= a->hdr_len);
		assert_true(a->port < 2 || !(a->flags & SL_ACTION_FLAG_VALID));
	}
}

#define ROW(name) cmocka_unit_test_setup(name, boot)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW(lengths),
		ROW(fields),
		ROW(ipv6_prefixes),
		ROW(outer_ipv6),
		ROW(command_headers),
		ROW(what_is_written_is_read),
		ROW(answers),
		ROW(resets_follow_their_completion),
		ROW(a_hung_datapath_times_out),
		ROW(a_prefix_has_two_buckets), ROW(a_ninth_range_of_an_address_has_no_room), ROW(a_move_that_was_not_ended),
		ROW(residents_make_room),
		ROW(the_datapath_may_have_less),
		ROW(random_commands),
	};

	return cmocka_run_group_tests_name("firmware/commands", tests, NULL, NULL);
}
