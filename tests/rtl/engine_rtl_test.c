/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Smoke test of the Verilated datapath behind sim/engine.h: one frame each for host, every mode and decapsulation, the
 * flow commands, a full table, receive buffers overrun, rules written under traffic, a trace, reset, registers, tables,
 * time and bad configurations. The behaviour in full is held against the model by tests/vectors and tests/cosim.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#include "sluice/prefix.h"
#include "tests/rtl/collision.h"
#include "tests/rtl/rtl_card.h"

#ifndef RTL_TABLE_LOG2 /* of RTL_LIBRARY */
#define RTL_TABLE_LOG2 SL_TABLE_LOG2_DEFAULT
#endif
#ifndef RTL_LIBRARY_TRACE /* the builds for mutants and coverage: traces say nothing of the RTL */
#define RTL_LIBRARY_TRACE NULL
#endif

static const struct sl_engine_ops *ops;
static uint8_t frame[SL_FRAME_MAX], out[SL_FRAME_MAX];

static struct sl_engine *start(void)
{
	const struct sl_engine_config config = { .ports = 2, .table_log2 = RTL_TABLE_LOG2 };

	return rtl_start(ops, &config);
}

static void run(struct sl_engine *e)
{
	for (int i = 0; i < 100 && !ops->idle(e); i++)
		ops->step(e, 10, 10000);
	assert_true(ops->idle(e));
}

/* Lengths and offsets that each mode must give to a 100-byte frame. */
static void test_modes(void **state)
{
	static const struct {
		enum rtl_mode mode;
		uint32_t len, ip_at;
	} rows[] = { { RTL_L2, 100, 14 }, { RTL_NAT, 100, 14 }, { RTL_IPIP, 120, 34 }, { RTL_VXLAN, 150, 64 } };
	struct sl_engine *e = start();
	unsigned int port;

	(void)state;
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sl_key key = rtl_key(i);
		struct sl_record record = rtl_record(&key, rows[i].mode);

		assert_int_equal(rtl_command(ops, e, SL_FLOW_OP_INSERT, &key, &record, 10).cpl.status, SL_STATUS_OK);
		rtl_frame(frame, 100, &key);
		assert_true(ops->wire_in(e, 0, frame, 100, false));
		run(e);
		assert_int_equal(ops->wire_out(e, &port, out), rows[i].len);
		assert_int_equal(port, 1);
		assert_memory_equal(out, "\x02\x00\x00\x00\x00\x99", 6);
		assert_int_equal(rtl_csum(out + RTL_ETH, 20), 0);
		assert_int_equal(rtl_csum(out + rows[i].ip_at, 20), 0);
		if (rows[i].mode == RTL_NAT) {
			assert_memory_equal(out + RTL_ETH + 12, "\xac\x10\x00\x01\xac\x10\x00\x02\x0f\xa0\x1f\x90", 12);
			assert_int_equal(out[RTL_ETH + 8], 63);
		} else {
			assert_memory_equal(out + rows[i].ip_at, frame + RTL_ETH, 100 - RTL_ETH);
		}
	}
	assert_int_equal(rtl_count(ops, e, SL_CSR_TABLE_REASON, SL_REASON_FORWARDED), 4);
	assert_int_equal(rtl_count(ops, e, SL_CSR_TABLE_RULE, 0), 4);
	assert_int_equal(rtl_count(ops, e, SL_CSR_TABLE_PORT, 0), 4);
	assert_int_equal(rtl_count(ops, e, SL_CSR_TABLE_PORT, 3), 4);
	ops->destroy(e);
}

static void test_decap(void **state)
{
	struct sl_class_rule rule = { .valid = 1, .verdict = SL_VERDICT_FLOWS, .tenant = RTL_TENANT, .port_mask = 3,
				      .flags = SL_RULE_FLAG_DECAP, .ttl_max = 255, .sport_hi = 0xffff, .dport_hi = 0xffff,
				      .tunnel_mode = SL_TUNNEL_MODE_VNI, .vni = 77, .vni_mask = 0xffffff };
	struct sl_engine *e = start();
	struct sl_key key = rtl_key(0);
	struct sl_record record = rtl_record(&key, RTL_VXLAN);
	unsigned int port;
	uint32_t len;

	(void)state;
	rtl_command(ops, e, SL_FLOW_OP_INSERT, &key, &record, 10);
	rtl_frame(frame, 100, &key);
	ops->wire_in(e, 0, frame, 100, false);
	run(e);
	len = ops->wire_out(e, &port, out);
	assert_int_equal(len, 150);

	/* The encapsulated frame comes back: decapsulated, it is the first connection again, now sent plainly. */
	rtl_table_write(ops, e, SL_CSR_TABLE_CLASS, 0, &rule, sizeof(rule));
	record = rtl_record(&key, RTL_L2);
	assert_int_equal(rtl_command(ops, e, SL_FLOW_OP_UPDATE, &key, &record, 10).cpl.packets, 1);
	ops->wire_in(e, 1, out, len, false);
	run(e);
	assert_int_equal(ops->wire_out(e, &port, out), 100);
	assert_memory_equal(out + RTL_ETH, frame + RTL_ETH, 100 - RTL_ETH);
	ops->destroy(e);
}

static void test_host(void **state)
{
	struct sl_class_rule rule = { .valid = 1, .verdict = SL_VERDICT_HOST, .flags = SL_RULE_FLAG_MARK, .mark = 0xabcd,
				      .port_mask = 3, .ttl_max = 255, .sport_hi = 0xffff, .dport_hi = 0xffff };
	struct sl_engine *e = start();
	struct sl_key key = rtl_key(0);
	struct sl_host_meta meta;

	(void)state;
	rtl_frame(frame, 333, &key);
	ops->wire_in(e, 1, frame, 333, false);
	run(e);
	assert_int_equal(ops->host_out(e, &meta, out), 333);
	assert_int_equal(meta.reason, SL_REASON_MISS);
	assert_int_equal(meta.port, 1);
	assert_int_equal(meta.tenant, RTL_TENANT);
	assert_true(meta.hash != 0);
	assert_int_equal(meta.flow_id, SL_FLOW_ID_NONE);
	rtl_table_write(ops, e, SL_CSR_TABLE_CLASS, 0, &rule, sizeof(rule));
	ops->wire_in(e, 0, frame, 333, false);
	run(e);
	assert_int_equal(ops->host_out(e, &meta, out), 333);
	assert_memory_equal(frame, out, 333);
	assert_int_equal(meta.reason, SL_REASON_RULE);
	assert_true(meta.mark_valid);
	assert_int_equal(meta.mark, 0xabcd);

	/* And from the host to the wire, as it is. */
	unsigned int port;
	ops->host_tx(e, 1, frame, 333);
	run(e);
	assert_int_equal(ops->wire_out(e, &port, out), 333);
	assert_int_equal(port, 1);
	assert_memory_equal(frame, out, 333);
	ops->destroy(e);
}

static void test_commands(void **state)
{
	struct sl_engine *e = start();
	struct sl_key key = rtl_key(0), other = rtl_key(1);
	struct sl_record record = rtl_record(&key, RTL_L2);
	struct sl_flow_done done;
	unsigned int port;

	(void)state;
	assert_int_equal(rtl_command(ops, e, SL_FLOW_OP_QUERY, &key, NULL, 10).cpl.status, SL_STATUS_NOT_FOUND);
	done = rtl_command(ops, e, SL_FLOW_OP_INSERT, &key, &record, 10);
	assert_int_equal(done.cpl.status, SL_STATUS_OK);
	assert_int_equal(done.cpl.flow_id, 0);
	assert_int_equal(done.cpl.tag, 7);
	rtl_frame(frame, 200, &key);
	for (int i = 0; i < 1000; i++)
		ops->wire_in(e, 0, frame, 200, false);
	run(e);
	while (ops->wire_out(e, &port, out) != 0)
		;
	done = rtl_command(ops, e, SL_FLOW_OP_INSERT, &key, &record, 35);
	assert_int_equal(done.cpl.status, SL_STATUS_EXISTS);
	assert_int_equal(done.cpl.packets, 1000);
	assert_int_equal(done.cpl.bytes, 200000);
	assert_int_equal(done.cpl.idle_ms, 25);
	assert_int_equal(rtl_command(ops, e, SL_FLOW_OP_INSERT, &other, &record, 35).cpl.flow_id, 1);
	assert_int_equal(ops->csr_read(e, SL_CSR_OCCUPANCY), 2);
	done = rtl_command(ops, e, SL_FLOW_OP_DELETE, &key, NULL, 40);
	assert_int_equal(done.cpl.packets, 1000);
	assert_int_equal(rtl_command(ops, e, SL_FLOW_OP_DELETE, &key, NULL, 40).cpl.status, SL_STATUS_NOT_FOUND);
	assert_int_equal(ops->csr_read(e, SL_CSR_OCCUPANCY), 1);
	ops->csr_write(e, SL_CSR_EPOCH, 1);
	assert_int_equal(ops->csr_read(e, SL_CSR_STATUS), 0);
	assert_int_equal(rtl_command(ops, e, SL_FLOW_OP_QUERY, &other, NULL, 40).cpl.status, SL_STATUS_NOT_FOUND);
	ops->destroy(e);
}

/* A small table is filled until it refuses; what it accepted is all there. */
static void test_full(void **state)
{
	const struct sl_engine_ops *small = rtl_load(RTL_LIBRARY_SMALL);
	const struct sl_engine_config config = { .ports = 2, .table_log2 = 8 };
	struct sl_engine *e = rtl_start(small, &config);
	uint8_t accepted[400] = { 0 };
	unsigned int n = 0;

	(void)state;
	for (unsigned int i = 0; i < 400; i++) {
		struct sl_key key = rtl_key(i);
		struct sl_record record = rtl_record(&key, RTL_L2);
		const unsigned int status = rtl_command(small, e, SL_FLOW_OP_INSERT, &key, &record, 10).cpl.status;

		assert_true(status == SL_STATUS_OK || status == SL_STATUS_NO_SPACE);
		accepted[i] = status == SL_STATUS_OK;
		n += accepted[i];
	}
	assert_true(n > 230);
	assert_int_equal(small->csr_read(e, SL_CSR_OCCUPANCY), n);
	assert_int_equal(small->csr_read(e, SL_CSR_REFUSED), 400 - n);
	assert_true(small->csr_read(e, SL_CSR_MOVES) > 0);
	for (unsigned int i = 0; i < 400; i++) {
		struct sl_key key = rtl_key(i);

		assert_int_equal(rtl_command(small, e, SL_FLOW_OP_QUERY, &key, NULL, 10).cpl.status,
				 accepted[i] ? SL_STATUS_OK : SL_STATUS_NOT_FOUND);
	}
	small->destroy(e);
}

/*
 * Keys that only their addresses tell apart, and only in some of their bits, while a small table has them in the same
 * buckets: each has its own flow.
 */
static void test_addresses(void **state)
{
	static const struct {
		unsigned int family, keys; /* as many IPv6 keys as have room */
		unsigned int shift;	   /* of the addresses' last four bytes, as one number */
		bool dst;
	} rows[] = { { 4, 200, 0, false }, { 4, 200, 20, false }, { 4, 200, 0, true }, { 6, 128, 0, false }, { 6, 128, 20, true } };
	const struct sl_engine_ops *small = rtl_load(RTL_LIBRARY_SMALL);
	const struct sl_engine_config config = { .ports = 2, .table_log2 = 8 };

	(void)state;
	for (unsigned int r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		struct sl_engine *e = rtl_start(small, &config);

		for (unsigned int again = 0; again < 2; again++) {
			for (uint32_t i = 0; i < rows[r].keys; i++) {
				struct sl_key key = rows[r].family == 4 ? rtl_key(0) : rtl_key_v6(0);
				const struct sl_record record = rtl_record(&key, RTL_L2);
				uint8_t *a = (rows[r].dst ? key.dst : key.src) + (rows[r].family == 4 ? 0 : 12);
				struct sl_flow_done done;

				for (unsigned int byte = 0; byte < 4; byte++)
					a[byte] ^= (uint8_t)(i << rows[r].shift >> (8 * byte));
				done = rtl_command(small, e, again ? SL_FLOW_OP_QUERY : SL_FLOW_OP_INSERT, &key, &record, 10);
				assert_int_equal(done.cpl.status, SL_STATUS_OK);
				assert_int_equal(done.cpl.flow_id, i);
			}
		}
		small->destroy(e);
	}
}

static unsigned int status_of(struct sl_engine *e, unsigned int op, const struct sl_key *key)
{
	const struct sl_record record = rtl_record(key, RTL_L2);

	return rtl_command(ops, e, op, key, &record, 10).cpl.status;
}

/* What becomes of a frame of that key: forwarded, else the reason of its way to the host. */
static unsigned int fate_of(struct sl_engine *e, const struct sl_key *key)
{
	struct sl_host_meta meta;
	unsigned int port;

	rtl_frame(frame, 90, key);
	assert_true(ops->wire_in(e, 0, frame, 90, false));
	while (!ops->idle(e))
		ops->step(e, 10, 10);
	if (ops->wire_out(e, &port, frame) != 0)
		return SL_REASON_FORWARDED;
	assert_true(ops->host_out(e, &meta, frame) != 0);
	return meta.reason;
}

/* Two IPv6 keys that only their addresses tell apart: one at a time may be in the table, the other is never taken for it. */
static void test_collision(void **state)
{
	const struct sl_engine_config config = { .ports = 2, .table_log2 = RTL_TABLE_LOG2 };
	struct sl_engine *e = rtl_start(ops, &config);

	(void)state;
	for (unsigned int pair = 0; pair < COLLISIONS; pair++) {
		for (unsigned int first = 0; first < 2; first++) {
			const struct sl_key in = collision_key(collision[pair][first]);
			const struct sl_key other = collision_key(collision[pair][!first]);

			assert_int_equal(status_of(e, SL_FLOW_OP_INSERT, &in), SL_STATUS_OK);
			assert_int_equal(status_of(e, SL_FLOW_OP_INSERT, &other), SL_STATUS_NO_SPACE);
			assert_int_equal(status_of(e, SL_FLOW_OP_UPDATE, &other), SL_STATUS_NOT_FOUND);
			assert_int_equal(status_of(e, SL_FLOW_OP_QUERY, &other), SL_STATUS_NOT_FOUND);
			assert_int_equal(status_of(e, SL_FLOW_OP_DELETE, &other), SL_STATUS_NOT_FOUND);
			assert_int_equal(fate_of(e, &in), SL_REASON_FORWARDED);
			assert_int_equal(fate_of(e, &other), SL_REASON_MISS);
			assert_int_equal(status_of(e, SL_FLOW_OP_INSERT, &in), SL_STATUS_EXISTS);
			assert_int_equal(rtl_command(ops, e, SL_FLOW_OP_DELETE, &in, NULL, 10).cpl.packets, 1);
			assert_int_equal(fate_of(e, &in), SL_REASON_MISS);
		}
	}
	ops->destroy(e);
}

/* A key that is none is refused; what a record's structure has room for and the card does not keep reads as zero. */
static void test_dump_v6(void **state)
{
	const struct sl_engine_config config = { .ports = 2, .table_log2 = RTL_TABLE_LOG2 };
	struct sl_engine *e = rtl_start(ops, &config);

	(void)state;
	for (unsigned int v6 = 0; v6 < 2; v6++) {
		struct sl_flow_cmd cmd = { .opcode = SL_FLOW_OP_DUMP, .flow_id = 2 * v6 };
		const struct sl_key other = rtl_key_v6(8);
		struct sl_key key = v6 ? rtl_key_v6(7) : rtl_key(7), bad = key;
		struct sl_record record, kept;
		struct sl_flow_done done;

		for (unsigned int i = 0; i < sizeof(record); i++)
			((uint8_t *)&record)[i] = (uint8_t)(i + 100);
		kept = record;
		kept.reserved1 = 0;
		memset(kept.new_src + 4, 0, v6 ? 0 : 12);
		memset(kept.new_dst + 4, 0, v6 ? 0 : 12);
		bad.family = v6 ? 5 : 4;
		bad.dst[15] = 1;
		assert_int_equal(rtl_command(ops, e, SL_FLOW_OP_INSERT, &bad, &record, 10).cpl.status, SL_STATUS_BAD_VALUE);
		assert_int_equal(rtl_command(ops, e, SL_FLOW_OP_INSERT, &key, &record, 10).cpl.status, SL_STATUS_OK);
		status_of(e, SL_FLOW_OP_INSERT, &other); /* ids: 0 the IPv4 key, 1 the other, 2 the IPv6 key */
		assert_true(ops->flow_submit(e, &cmd));
		cmd = (struct sl_flow_cmd){ .opcode = SL_FLOW_OP_QUERY, .key = other };
		assert_true(ops->flow_submit(e, &cmd)); /* reads other addresses, and does not disturb it */
		while (!ops->flow_done(e, &done))
			ops->step(e, 10, 10);
		assert_int_equal(done.cpl.status, SL_STATUS_OK);
		assert_memory_equal(&done.state.key, &key, sizeof(key));
		assert_memory_equal(&done.state.record, &kept, sizeof(kept));
		while (!ops->flow_done(e, &done))
			ops->step(e, 10, 10);
	}
	ops->destroy(e);
}

/* Frames that carry their number and their port behind the TCP header, and what became of them, by port of arrival. */
struct overrun {
	struct sl_engine *e;
	uint64_t sent[2], sent_bytes[2], got[2], got_bytes[2];
	uint32_t next[2]; /* no frame before this number may still come */
};

/* Some frames fill a third of the receive buffer, so that it overflows inside a frame too. */
static uint32_t overrun_frame(uint32_t number, unsigned int port)
{
	const uint32_t len = number % 61 == 7 ? 9000 + number % 601 : 60 + number * 37 % 301;
	const struct sl_key key = rtl_key(0);

	rtl_frame(frame, len, &key);
	memcpy(frame + RTL_ETH + 40, &number, sizeof(number));
	frame[RTL_ETH + 44] = (uint8_t)port;
	return len;
}

static void overrun_send(struct overrun *o, unsigned int port)
{
	const uint32_t len = overrun_frame((uint32_t)o->sent[port], port);

	assert_true(ops->wire_in(o->e, port, frame, len, false));
	o->sent[port]++;
	o->sent_bytes[port] += len;
}

/* Takes what was forwarded: whole, unchanged behind the Ethernet header, in order within its port. */
static void overrun_take(struct overrun *o)
{
	unsigned int port;
	uint32_t len, number;

	while ((len = ops->wire_out(o->e, &port, out)) != 0) {
		const unsigned int from = out[RTL_ETH + 44];

		assert_int_equal(port, 1);
		assert_in_range(from, 0, 1);
		memcpy(&number, out + RTL_ETH + 40, sizeof(number));
		assert_in_range(number, o->next[from], o->sent[from] - 1);
		assert_int_equal(len, overrun_frame(number, from));
		assert_memory_equal(out + RTL_ETH, frame + RTL_ETH, len - RTL_ETH);
		o->next[from] = number + 1;
		o->got[from]++;
		o->got_bytes[from] += len;
	}
}

static void overrun_drain(struct overrun *o)
{
	for (int i = 0; i < 1000 && !ops->idle(o->e); i++) {
		ops->step(o->e, 10, 1000);
		overrun_take(o);
	}
	overrun_take(o);
	assert_true(ops->idle(o->e));
}

static void overrun_count(struct overrun *o, uint32_t table, uint32_t index, uint64_t frames, uint64_t bytes)
{
	assert_int_equal(rtl_count(ops, o->e, table, index), frames);
	assert_int_equal(ops->csr_read(o->e, SL_CSR_TBL_DATA(2)), bytes);
}

static void overrun_check(struct overrun *o)
{
	const uint64_t sent = o->sent[0] + o->sent[1], sent_bytes = o->sent_bytes[0] + o->sent_bytes[1];
	const uint64_t got = o->got[0] + o->got[1], got_bytes = o->got_bytes[0] + o->got_bytes[1];
	const struct sl_key key = rtl_key(0);

	overrun_count(o, SL_CSR_TABLE_REASON, SL_REASON_RX_OVERFLOW, sent - got, sent_bytes - got_bytes);
	overrun_count(o, SL_CSR_TABLE_REASON, SL_REASON_FORWARDED, got, got_bytes);
	overrun_count(o, SL_CSR_TABLE_PORT, 0, o->sent[0], o->sent_bytes[0]);
	overrun_count(o, SL_CSR_TABLE_PORT, 2, o->sent[1], o->sent_bytes[1]);
	overrun_count(o, SL_CSR_TABLE_PORT, 3, got, got_bytes);
	assert_int_equal(rtl_command(ops, o->e, SL_FLOW_OP_QUERY, &key, NULL, 10).cpl.packets, got);
}

/*
 * Receive buffers overrun at line rate, by two ports that bring twice what the pipeline takes, and behind a transmitter
 * that stands still. Only whole frames are lost, each is counted, and afterwards none is lost.
 */
static void test_overrun(void **state)
{
	static const struct {
		unsigned int ports, frames;
		bool hold; /* nobody takes what port 1 sends until all frames have come */
	} rows[] = { { 2, 2500, false }, { 1, 6000, true } };
	const struct sl_engine_config config = { .ports = 2, .table_log2 = RTL_TABLE_LOG2, .wire_waits_not = true };
	const struct sl_key key = rtl_key(0);
	const struct sl_record record = rtl_record(&key, RTL_L2);

	(void)state;
	for (unsigned int r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		struct overrun o = { .e = rtl_start(ops, &config) };
		uint64_t lost = 0;

		rtl_command(ops, o.e, SL_FLOW_OP_INSERT, &key, &record, 10);
		for (int round = 0; round < 3; round++) {
			for (unsigned int i = 0; i < rows[r].frames * rows[r].ports; i++)
				overrun_send(&o, i % rows[r].ports);
			if (rows[r].hold)
				ops->step(o.e, 10, 60000);
			overrun_drain(&o);
			assert_true(o.sent[0] + o.sent[1] - o.got[0] - o.got[1] > lost + 100);
			lost = o.sent[0] + o.sent[1] - o.got[0] - o.got[1];
			overrun_check(&o);
		}
		/* What the ports have room for is forwarded to the last frame. */
		for (unsigned int i = 0; i < 200; i++) {
			overrun_send(&o, i % 2);
			overrun_drain(&o);
		}
		assert_int_equal(o.sent[0] + o.sent[1] - o.got[0] - o.got[1], lost);
		overrun_check(&o);
		print_message("overrun with %u port(s): %llu of %llu frames dropped\n", rows[r].ports, (unsigned long long)lost,
			      (unsigned long long)(o.sent[0] + o.sent[1]));
		ops->destroy(o.e);
	}
}

/*
 * Rules that are written while a frame is compared in every clock. Frames of two kinds come; one has its source in prefix
 * set 5, no destination is in any set. Without the rule that is written both kinds are forwarded.
 */
enum { CHANGE_FRAMES = 200, CHANGE_SHIFTS = 4, CHANGE_LEN = 60, CHANGE_BELOW = 40 };
enum { COOKIES = 8, COOKIE_SHIFTS = 8 };
enum { CHANGE_LOST = 1000, CHANGE_MARK = 2000 }; /* what became of a frame, beside forwarded: dropped, or to the host */

struct change_rule {
	bool valid;
	bool any; /* or nothing that comes */
	uint8_t prefix_mode, prefix_set, verdict;
	uint32_t mark;
};

static struct sl_key change_key(unsigned int kind)
{
	return rtl_key(kind << 16);
}

static void change_prefix(struct sl_engine *e, uint32_t mode, const uint8_t *address, unsigned int set)
{
	struct sl_prefix_bucket bucket = { .slot0 = { .sets = 1u << set, .port_hi = 65535, .family = 4 } };
	uint32_t table;

	memcpy(bucket.slot0.addr, address, 4);
	table = sl_prefix_table_of(&bucket.slot0, mode);
	rtl_table_write(ops, e, SL_CSR_TABLE_PREFIX,
			sl_prefix_bucket_index(table, 0, sl_prefix_hash_of(&bucket.slot0, table)), &bucket, sizeof(bucket));
}

static struct sl_engine *change_start(void)
{
	const struct sl_class_rule below = { .valid = 1, .verdict = SL_VERDICT_FLOWS, .tenant = RTL_TENANT, .port_mask = 3,
					     .ttl_max = 255, .sport_hi = 0xffff, .dport_hi = 0xffff };
	struct sl_engine *e = start();

	rtl_table_write(ops, e, SL_CSR_TABLE_CLASS, CHANGE_BELOW, &below, sizeof(below));
	for (unsigned int kind = 0; kind < 2; kind++) {
		const struct sl_key key = change_key(kind);
		const struct sl_record record = rtl_record(&key, RTL_L2);

		assert_int_equal(rtl_command(ops, e, SL_FLOW_OP_INSERT, &key, &record, 10).cpl.status, SL_STATUS_OK);
		if (kind == 1)
			change_prefix(e, SL_PREFIX_MODE_SRC, key.src, 5);
	}
	return e;
}

static struct sl_class_rule change_entry(const struct change_rule *c)
{
	struct sl_class_rule rule = { .valid = 1, .verdict = c->verdict, .flags = SL_RULE_FLAG_MARK, .mark = c->mark,
				      .tenant = RTL_TENANT, .port_mask = 3, .ttl_max = 255, .sport_hi = 0xffff,
				      .dport_lo = c->any ? 0 : 9999, .dport_hi = c->any ? 0xffff : 9999,
				      .prefix_mode = c->prefix_mode, .prefix_set = c->prefix_set };

	return c->valid ? rule : (struct sl_class_rule){ 0 };
}

/* What the rule makes of a frame. */
static unsigned int change_fate(const struct change_rule *c, unsigned int kind)
{
	if (!c->valid || !c->any || (c->prefix_mode == SL_PREFIX_MODE_DST) ||
	    (c->prefix_mode == SL_PREFIX_MODE_SRC && !(c->prefix_set == 5 && kind == 1)))
		return SL_REASON_FORWARDED;
	return c->verdict == SL_VERDICT_DROP ? (unsigned int)CHANGE_LOST : CHANGE_MARK + c->mark;
}

/* Of each port's frames, by number, what became of them. */
struct change {
	struct sl_engine *e;
	unsigned int fate[2][CHANGE_FRAMES];
};

static void change_number(struct change *c, unsigned int fate)
{
	const unsigned int port = out[RTL_ETH + 41], number = out[RTL_ETH + 40];

	assert_in_range(port, 0, 1);
	assert_in_range(number, 0, CHANGE_FRAMES - 1);
	assert_int_equal(c->fate[port][number], CHANGE_LOST);
	c->fate[port][number] = fate;
}

static void change_take(struct change *c)
{
	struct sl_host_meta meta;
	unsigned int port;

	while (ops->wire_out(c->e, &port, out) != 0)
		change_number(c, SL_REASON_FORWARDED);
	while (ops->host_out(c->e, &meta, out) != 0) {
		assert_int_equal(meta.reason, SL_REASON_RULE);
		change_number(c, CHANGE_MARK + meta.mark);
	}
}

static void change_send(struct change *c)
{
	for (unsigned int n = 0; n < CHANGE_FRAMES; n++) {
		for (unsigned int port = 0; port < 2; port++) {
			const struct sl_key key = change_key(n & 1);

			rtl_frame(frame, CHANGE_LEN, &key);
			frame[RTL_ETH + 40] = (uint8_t)n;
			frame[RTL_ETH + 41] = (uint8_t)port;
			assert_true(ops->wire_in(c->e, port, frame, CHANGE_LEN, false));
			c->fate[port][n] = CHANGE_LOST;
		}
	}
}

/* Two ports bring twice what the pipeline takes: when all have come as many wait, and one is compared in each clock. */
static void change_run(struct change *c, const struct change_rule *from, const struct change_rule *to, unsigned int shift)
{
	const struct sl_class_rule old = change_entry(from), new = change_entry(to);
	uint32_t words[32] = { 0 };

	rtl_table_write(ops, c->e, SL_CSR_TABLE_CLASS, 0, &old, sizeof(old));
	memcpy(words, &new, sizeof(new));
	for (uint32_t i = 0; i < 32; i++)
		ops->csr_write(c->e, SL_CSR_TBL_DATA(i), words[i]);
	change_send(c);
	ops->step(c->e, 10, CHANGE_FRAMES + shift);
	change_take(c);
	ops->csr_write(c->e, SL_CSR_TBL_CMD, 2);
	for (int i = 0; i < 1000 && !ops->idle(c->e); i++) {
		ops->step(c->e, 10, 10);
		change_take(c);
	}
	assert_true(ops->idle(c->e));
	change_take(c);
}

static void change_check(const struct change *c, const struct change_rule *from, const struct change_rule *to)
{
	for (unsigned int port = 0; port < 2; port++) {
		for (unsigned int kind = 0; kind < 2; kind++) {
			const unsigned int old = change_fate(from, kind), new = change_fate(to, kind);
			unsigned int n = kind;

			while (n < CHANGE_FRAMES && c->fate[port][n] == old)
				n += 2;
			assert_true(old == new || (n > kind && n < CHANGE_FRAMES - 2));
			for (; n < CHANGE_FRAMES; n += 2)
				assert_int_equal(c->fate[port][n], new);
		}
	}
}

/* Each frame meets the old rule or the new one: no mixture of the two, and never the old one behind the new. */
static void test_rule_change(void **state)
{
	static const struct {
		struct change_rule rule[2]; /* from one to the other and back */
	} rows[] = {
		{ { { true, true, SL_PREFIX_MODE_SRC, 7, SL_VERDICT_DROP, 0 }, { .valid = false } } },
		{ { { true, true, SL_PREFIX_MODE_SRC, 5, SL_VERDICT_DROP, 0 }, { .valid = false } } },
		{ { { true, true, SL_PREFIX_MODE_DST, 7, SL_VERDICT_HOST, 1 }, { .valid = false } } },
		{ { { true, true, SL_PREFIX_MODE_SRC, 7, SL_VERDICT_HOST, 1 },
		    { true, false, SL_PREFIX_MODE_SRC, 5, SL_VERDICT_DROP, 0 } } },
		{ { { true, true, SL_PREFIX_MODE_DST, 5, SL_VERDICT_HOST, 1 },
		    { true, false, SL_PREFIX_MODE_SRC, 5, SL_VERDICT_HOST, 2 } } },
		{ { { true, true, SL_PREFIX_MODE_SRC, 5, SL_VERDICT_HOST, 1 },
		    { true, true, SL_PREFIX_MODE_NONE, 0, SL_VERDICT_HOST, 2 } } },
		{ { { true, true, SL_PREFIX_MODE_NONE, 0, SL_VERDICT_DROP, 0 },
		    { true, false, SL_PREFIX_MODE_SRC, 5, SL_VERDICT_HOST, 2 } } },
	};
	struct change c = { .e = change_start() };

	(void)state;
	for (unsigned int r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		for (unsigned int back = 0; back < 2; back++) {
			for (unsigned int shift = 0; shift < CHANGE_SHIFTS; shift++) {
				change_run(&c, &rows[r].rule[back], &rows[r].rule[!back], shift);
				change_check(&c, &rows[r].rule[back], &rows[r].rule[!back]);
			}
		}
	}
	ops->destroy(c.e);
}

/* Rule 0 has mark and cookie n from now on; of an entry that is in the window already only these are written. */
static void cookie_write(struct sl_engine *e, uint32_t n, bool whole)
{
	const struct sl_class_rule rule = { .valid = 1, .verdict = SL_VERDICT_HOST, .flags = SL_RULE_FLAG_MARK, .mark = n,
					    .cookie = n, .port_mask = 3, .ttl_max = 255, .sport_hi = 0xffff,
					    .dport_hi = 0xffff };

	if (whole) {
		rtl_table_write(ops, e, SL_CSR_TABLE_CLASS, 0, &rule, sizeof(rule));
		return;
	}
	ops->csr_write(e, SL_CSR_TBL_DATA(offsetof(struct sl_class_rule, mark) / 4), n);
	ops->csr_write(e, SL_CSR_TBL_DATA(offsetof(struct sl_class_rule, cookie) / 4), n);
	ops->csr_write(e, SL_CSR_TBL_CMD, 2);
}

/* Takes what has come for the host, and counts it by its rule's mark. */
static void cookie_take(struct sl_engine *e, uint64_t *got)
{
	struct sl_host_meta meta;

	while (ops->host_out(e, &meta, out) != 0) {
		assert_int_equal(meta.reason, SL_REASON_RULE);
		assert_int_equal(meta.rule, 0);
		assert_in_range(meta.mark, 1, COOKIES);
		got[meta.mark]++;
	}
}

/*
 * The counters of a rule with a new cookie are of this rule's frames, all of them and no others: whatever is under way in
 * the pipeline, however close the changes follow each other, and when the counters are read in between as well.
 */
static void test_rule_cookie(void **state)
{
	static const struct {
		uint32_t len;	      /* of frames that follow each other without a gap: a verdict in every clock, or in every n-th */
		unsigned int frames;  /* half of them wait when the changes begin */
		unsigned int changes; /* one right after the other */
		bool read;	      /* the counters after each */
	} rows[] = { { 60, 960, 1, false },  { 60, 960, 2, false },  { 60, 960, 3, false },  { 60, 960, 1, true },
		     { 100, 960, 1, false }, { 100, 960, 2, false }, { 100, 960, 5, false }, { 200, 480, 1, false },
		     { 200, 480, 2, false }, { 200, 480, 3, false }, { 200, 480, 7, false }, { 200, 480, 3, true } };
	const struct sl_key key = rtl_key(0);

	(void)state;
	for (unsigned int r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		struct sl_engine *e = start();

		for (unsigned int shift = 0; shift < COOKIE_SHIFTS; shift++) {
			uint64_t got[COOKIES + 1] = { 0 }, read[COOKIES + 1] = { 0 };
			uint32_t n = 1;

			cookie_write(e, n, true);
			rtl_frame(frame, rows[r].len, &key);
			for (unsigned int i = 0; i < rows[r].frames; i++)
				assert_true(ops->wire_in(e, i & 1, frame, rows[r].len, false));
			for (unsigned int i = 0; i < rows[r].frames / 20 * ((rows[r].len + 63) / 64); i++) {
				ops->step(e, 10, 10);
				cookie_take(e, got);
			}
			ops->step(e, 10, shift);
			while (n <= rows[r].changes) {
				cookie_write(e, ++n, rows[r].read);
				if (rows[r].read)
					read[n] = rtl_count(ops, e, SL_CSR_TABLE_RULE, 0);
			}
			while (!ops->idle(e)) {
				ops->step(e, 10, 10);
				cookie_take(e, got);
			}
			cookie_take(e, got);
			for (uint32_t i = 2; i <= n; i++)
				assert_in_range(read[i], 0, got[i]);
			assert_true(got[1] != 0 && got[n] != 0);
			assert_int_equal(rtl_count(ops, e, SL_CSR_TABLE_RULE, 0), got[n]);
			assert_int_equal(ops->csr_read(e, SL_CSR_TBL_DATA(2)), got[n] * rows[r].len);
		}
		ops->destroy(e);
	}
}

static void test_reset(void **state)
{
	struct sl_engine *e = start();
	struct sl_key key = rtl_key(0);
	struct sl_record record = rtl_record(&key, RTL_L2);

	(void)state;
	rtl_command(ops, e, SL_FLOW_OP_INSERT, &key, &record, 10);
	rtl_frame(frame, 64, &key);
	ops->wire_in(e, 0, frame, 64, false);
	run(e);
	ops->reset(e);
	assert_int_equal(ops->csr_read(e, SL_CSR_CTRL), 0);
	assert_int_equal(ops->csr_read(e, SL_CSR_STATUS), 0);
	assert_int_equal(ops->csr_read(e, SL_CSR_OCCUPANCY), 0);
	assert_int_equal(rtl_count(ops, e, SL_CSR_TABLE_REASON, SL_REASON_FORWARDED), 0);
	ops->wire_in(e, 0, frame, 64, false);
	run(e);
	assert_int_equal(rtl_count(ops, e, SL_CSR_TABLE_REASON, SL_REASON_PORT_DOWN), 1);
	ops->destroy(e);
}

/* An FST file's first block says from when to when it reaches, in half clocks: type, length, start and end (big-endian). */
static void trace_times(const char *path, uint64_t *start, uint64_t *end)
{
	FILE *f = fopen(path, "rb");
	uint8_t head[25];

	assert_non_null(f);
	assert_int_equal(fread(head, 1, sizeof(head), f), sizeof(head));
	fclose(f);
	assert_int_equal(head[0], 0);
	*start = *end = 0;
	for (int i = 0; i < 8; i++) {
		*start = *start << 8 | head[9 + i];
		*end = *end << 8 | head[17 + i];
	}
}

/* A trace keeps the last N to 2 N clocks, in two files that follow each other. */
static void test_trace(void **state)
{
	const char *const library = RTL_LIBRARY_TRACE;
	const struct sl_engine_ops *tracing;
	const uint64_t keep = 2000;
	uint64_t before_start, before_end, start, end, last;
	char folder[] = "/tmp/sluice-trace.XXXXXX", path[64], before[80];
	struct sl_engine_config config = { .ports = 2, .table_log2 = SL_TABLE_LOG2_DEFAULT, .trace_clocks = keep };
	struct sl_engine *e;

	(void)state;
	if (!library)
		skip();
	tracing = rtl_load(library);
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/card.fst", folder);
	snprintf(before, sizeof(before), "%s.before", path);
	config.trace_path = path;
	e = rtl_start(tracing, &config);
	last = tracing->clocks(e);
	assert_true(last > 3 * keep);
	tracing->destroy(e);
	trace_times(before, &before_start, &before_end);
	trace_times(path, &start, &end);
	assert_in_range(before_end - before_start, 2 * keep - 4, 2 * keep + 4);
	assert_in_range(start, before_end, before_end + 2);
	assert_in_range(end, 2 * last - 4, 2 * last);
	unlink(path);
	unlink(before);
	rmdir(folder);
}

/* Every register reads as what was written to its bits, or what it says of the card. */
static void test_registers(void **state)
{
	static const struct {
		uint32_t offset, write, read;
	} rows[] = {
		{ SL_CSR_CTRL, 1, 1 },
		{ SL_CSR_EPOCH, 0x1a5, 0xa5 },
		{ SL_CSR_VXLAN_PORT, 0xabcd4789, 0xd4789 },
		{ SL_CSR_MISS_MARK, 0x89abcdef, 0x89abcdef },
		{ SL_CSR_MISS_FLAGS, 1, 1 },
		{ SL_CSR_PORT_FLAGS(0), 3, 3 },
		{ SL_CSR_PORT_FLAGS(1), 5, 5 },
		{ SL_CSR_MAC_LO(0), 0x44332211, 0x44332211 },
		{ SL_CSR_MAC_HI(0), 0x80036655, 0x80036655 },
		{ SL_CSR_MAC_LO(7), 0xddccbbaa, 0xddccbbaa },
		{ SL_CSR_MAC_HI(7), 0x8001ffee, 0x8001ffee },
		{ SL_CSR_TBL_SEL, 0x02000001, 0x02000001 },
		{ SL_CSR_TBL_DATA(0), 0x01234567, 0x01234567 },
		{ SL_CSR_TBL_DATA(31), 0xfedcba98, 0xfedcba98 },
	};
	struct sl_engine *e = start();

	(void)state;
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ops->csr_write(e, rows[i].offset, rows[i].write);
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(ops->csr_read(e, rows[i].offset), rows[i].read);
	assert_int_equal(ops->csr_read(e, SL_CSR_ID), SL_DATAPATH_ID);
	assert_int_equal(ops->csr_read(e, SL_CSR_ABI), SL_ABI_VERSION);
	assert_int_equal(ops->csr_read(e, SL_CSR_CONFIG), 2 << 8 | RTL_TABLE_LOG2);
	ops->destroy(e);
}

/* Tables read as written; what is beyond a table's end, or no table, is an error and changes nothing. */
static void test_tables(void **state)
{
	static const struct {
		uint32_t table, entries, words;
		bool counters; /* read only */
	} rows[] = {
		{ SL_CSR_TABLE_CLASS, SL_CLASS_RULES, sizeof(struct sl_class_rule) / 4, false },
		{ SL_CSR_TABLE_ACTION, SL_ACTIONS, sizeof(struct sl_action) / 4, false },
		{ SL_CSR_TABLE_METER, SL_METERS, sizeof(struct sl_meter) / 4, false },
		{ SL_CSR_TABLE_REASON, SL_REASONS, 0, true },
		{ SL_CSR_TABLE_PORT, 4, 0, true },
		{ SL_CSR_TABLE_RULE, SL_CLASS_RULES, 0, true },
		{ 77, 0, 0, true },
	};
	struct sl_engine *e = start();

	(void)state;
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const uint32_t last = rows[i].table << 24 | (rows[i].entries - 1);

		for (unsigned int w = 0; w < rows[i].words; w++)
			ops->csr_write(e, SL_CSR_TBL_DATA(w), 0x9e3779b9u * (w + 1 + 100 * i));
		ops->csr_write(e, SL_CSR_TBL_SEL, last);
		if (!rows[i].counters)
			ops->csr_write(e, SL_CSR_TBL_CMD, 2);
		for (unsigned int w = 0; w < rows[i].words; w++)
			ops->csr_write(e, SL_CSR_TBL_DATA(w), 0);
		if (rows[i].entries != 0) {
			ops->csr_write(e, SL_CSR_TBL_CMD, 1);
			assert_int_equal(ops->csr_read(e, SL_CSR_TBL_STATUS), 0);
		}
		for (unsigned int w = 0; w < rows[i].words; w++)
			assert_int_equal(ops->csr_read(e, SL_CSR_TBL_DATA(w)), 0x9e3779b9u * (w + 1 + 100 * i));
		if (rows[i].entries != 0 && rows[i].counters) {
			ops->csr_write(e, SL_CSR_TBL_CMD, 2);
			assert_int_equal(ops->csr_read(e, SL_CSR_TBL_STATUS), 2);
		}
		ops->csr_write(e, SL_CSR_TBL_SEL, rows[i].table << 24 | rows[i].entries);
		for (uint32_t command = 1; command <= 2; command++) {
			ops->csr_write(e, SL_CSR_TBL_CMD, command);
			assert_int_equal(ops->csr_read(e, SL_CSR_TBL_STATUS), 2);
		}
	}
	ops->destroy(e);
}

/*
 * What finds from bucket 0 to the end come to are these, and nothing else. They look at a bucket a clock: a driver that
 * comes back to a card waits for all of them.
 */
#define FIND_CLOCKS 24 /* register accesses, and a bucket's way */
static void find_all(struct sl_engine *e, const uint32_t buckets[], unsigned int count)
{
	unsigned int found = 0;

	for (uint32_t from = 0; from < SL_PREFIX_BUCKETS;) {
		uint32_t looked_at;
		uint64_t began;

		ops->csr_write(e, SL_CSR_TBL_SEL, SL_CSR_TABLE_PREFIX << 24 | from);
		began = ops->clocks(e);
		ops->csr_write(e, SL_CSR_TBL_CMD, 3);
		looked_at = (ops->csr_read(e, SL_CSR_TBL_SEL) & 0xffffff) - from + 1;
		assert_in_range(ops->clocks(e) - began, 0, looked_at + FIND_CLOCKS);
		if (ops->csr_read(e, SL_CSR_TBL_STATUS) == 2) {
			assert_int_equal((from + looked_at) % SL_PREFIX_FIND_BUCKETS, 0);
			from = (from | (SL_PREFIX_FIND_BUCKETS - 1)) + 1;
			continue;
		}
		assert_int_equal(ops->csr_read(e, SL_CSR_TBL_STATUS), 0);
		assert_in_range(found, 0, count - 1);
		assert_int_equal(ops->csr_read(e, SL_CSR_TBL_SEL), SL_CSR_TABLE_PREFIX << 24 | buckets[found]);
		assert_int_equal(ops->csr_read(e, SL_CSR_TBL_DATA(1)) >> 24, found);
		from = buckets[found++] + 1;
	}
	assert_int_equal(found, count);
}

/* Buckets of the prefix tables: what a prefix can say is kept, in each table and bank; the card counts them. */
static void test_prefixes(void **state)
{
	static const uint32_t buckets[] = { 0, 0xfff, 0x1000, 0x1fff, 0x2000, 0x3abc, 0x3abd, 0x3abe, 0x3ac0, 0x5fff, 0x6000,
					    0x7fff };
	const struct sl_class_prefix prefix = { .addr = { 0x20, 1, [15] = 0x81 }, .sets = 0x80000001, .port_lo = 80, .port_hi = 90,
					  .family = 6, .proto = 17, .proto_mask = 255, .meter = 63 };
	const struct sl_class_prefix any6 = { .addr = { 0x20, 2 }, .sets = 1, .port_hi = 65535, .family = 6 };
	const struct sl_class_prefix udp = { .addr = { 192, 0, 2, 9 }, .sets = 4, .port_lo = 53, .port_hi = 53, .family = 4,
					     .proto = 17, .proto_mask = 255, .meter = 7 };
	const struct sl_class_prefix four = { .addr = { 192, 0, 2, 1 }, .sets = 2, .port_hi = 65535, .family = 4, .meter = 255 };
	const unsigned int count = sizeof(buckets) / sizeof(buckets[0]);
	struct sl_engine *e = start();
	int prefixes = 0;

	(void)state;
	for (unsigned int n = 0; n < 2 * count; n++) {
		const unsigned int i = n % count;
		const bool full = i % 2; /* or with two empty slots */
		struct sl_prefix_bucket bucket = { .slot0 = prefix, .slot3 = four };
		uint32_t words[32];

		if (n == count)
			find_all(e, buckets, count);
		if (full) {
			bucket.slot1 = any6;
			bucket.slot2 = udp;
		}
		bucket.slot0.addr[7] = bucket.slot3.addr[2] = (uint8_t)i;
		memcpy(words, &bucket, sizeof(words));
		ops->csr_write(e, SL_CSR_TBL_SEL, SL_CSR_TABLE_PREFIX << 24 | buckets[i]);
		if (n >= count) {
			ops->csr_write(e, SL_CSR_TBL_CMD, 1);
			for (unsigned int w = 0; w < 32; w++)
				assert_int_equal(ops->csr_read(e, SL_CSR_TBL_DATA(w)), words[w]);
			memset(words, 0, sizeof(words));
		}
		for (unsigned int w = 0; w < 32; w++)
			ops->csr_write(e, SL_CSR_TBL_DATA(w), words[w]);
		prefixes += n < count ? 2 + 2 * full : -2 - 2 * full;
		for (unsigned int twice = 0; twice < 2; twice++) {
			ops->csr_write(e, SL_CSR_TBL_CMD, 2);
			assert_int_equal(ops->csr_read(e, SL_CSR_TBL_STATUS), 0);
			assert_int_equal(ops->csr_read(e, SL_CSR_PREFIXES), prefixes);
		}
	}
	find_all(e, NULL, 0);
	for (unsigned int command = 1; command <= 3; command += 2) {
		ops->csr_write(e, SL_CSR_TBL_SEL, SL_CSR_TABLE_PREFIX << 24 | SL_PREFIX_BUCKETS);
		ops->csr_write(e, SL_CSR_TBL_CMD, command);
		assert_int_equal(ops->csr_read(e, SL_CSR_TBL_STATUS), 2);
	}
	ops->destroy(e);
}

/* The card's time follows jumps of any size (sl_clock takes them in steps of four sizes). */
static void test_time(void **state)
{
	static const uint32_t times[] = { 10, 300, 70000, 70000, 20000000, 20000001, 4000000000u };
	struct sl_engine *e = start();

	(void)state;
	for (unsigned int i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		ops->step(e, times[i], 10000);
		assert_int_equal(ops->csr_read(e, SL_CSR_TIME_MS), times[i]);
	}
	ops->destroy(e);
}

static void test_bad_config(void **state)
{
	static const struct {
		struct sl_engine_config config;
		const char *word;
	} rows[] = {
		{ { .ports = 3 }, "ports" },
		{ { .ports = 2, .table_log2 = 12 }, "table_log2" },
		{ { .ports = 2, .trace_path = "x.fst" }, "trace" },
	};
	char err[256];

	(void)state;
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		err[0] = '\0';
		assert_null(ops->create(&rows[i].config, err, sizeof(err)));
		assert_non_null(strstr(err, rows[i].word));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_modes),	 cmocka_unit_test(test_decap), cmocka_unit_test(test_host),
		cmocka_unit_test(test_commands), cmocka_unit_test(test_full),
		cmocka_unit_test(test_addresses), cmocka_unit_test(test_collision), cmocka_unit_test(test_dump_v6),
		cmocka_unit_test(test_rule_change), cmocka_unit_test(test_rule_cookie),
		cmocka_unit_test(test_reset),	 cmocka_unit_test(test_overrun),  cmocka_unit_test(test_trace),
		cmocka_unit_test(test_registers), cmocka_unit_test(test_tables), cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_time),	 cmocka_unit_test(test_bad_config),
	};

	ops = rtl_load(RTL_LIBRARY);
	return cmocka_run_group_tests_name("rtl", tests, NULL, NULL);
}
