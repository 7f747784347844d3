/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The whole card in RTL, with its assertions, under a hostile host: frames from the wire, from the host, and flow commands
 * at once, every bus stalling at random, and a part of the descriptors pointing where there is no memory. Whatever the
 * addresses are, the card comes to rest in time, every frame is delivered whole or counted, what cannot be read costs
 * its frame alone, and what cannot be written stops its queue alone. The seed is printed; NIC_SEED replays one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/rtl/nic_host.h"

#define BUFFER   2048u
#define ROUNDS   60u
#define FRAMES   12u /* of each kind in a round, at most */
#define SEEDS    3u
#define FLOWS    16u

struct expected {
	uint32_t len, id;
};

static struct ring tx[PORTS], rx[PORTS], flow;
static struct expected to_wire[PORTS][FRAMES], to_host[PORTS][FRAMES];
static unsigned int to_wire_count[PORTS], to_host_count[PORTS], bad_frames[PORTS], bad_dumps;
static uint32_t next_id;
static unsigned int seen_bad_tx, seen_stopped_rx, seen_bad_dumps, seen_delivered;

static void frame_fill(uint8_t *f, uint32_t len, uint32_t id)
{
	const struct sl_key key = rtl_key(id % FLOWS);

	rtl_frame(f, len, &key);
	memcpy(f + 50, &id, sizeof(id));
	for (uint32_t i = 54; i < len; i++)
		f[i] = (uint8_t)(id + i);
}

static void frame_check(const uint8_t *f, uint32_t len, struct expected want)
{
	uint8_t wanted[SL_FRAME_MAX];

	frame_fill(wanted, want.len, want.id);
	assert_int_equal(len, want.len);
	assert_memory_equal(f, wanted, len);
}

/* A frame of one to four segments; one in four has a segment that is not there. */
static void tx_post(unsigned int port, uint32_t buffer)
{
	const unsigned int segments = 1 + below(4), bad = below(4) ? segments : below(segments);
	const uint32_t len = 60 + below(1400), id = next_id++;
	uint32_t at = 0;

	frame_fill(memory + buffer, len, id);
	for (unsigned int i = 0; i < segments; i++) {
		const uint32_t n = i + 1 == segments ? len - at : 1 + below((len - at) / 2);
		struct sl_tx_desc *d = ring_put(&tx[port]);

		*d = (struct sl_tx_desc){ .iova = BASE + buffer + at, .len = n, .flags = i + 1 == segments };
		if (i == bad)
			d->iova = below(2) ? NOWHERE + at : BASE + MEMORY - n / 2;
		at += n;
	}
	if (bad < segments)
		bad_frames[port]++;
	else
		to_wire[port][to_wire_count[port]++] = (struct expected){ len, id };
}

static void tx_check(unsigned int port)
{
	const struct sl_tx_cpl *cpl;
	unsigned int errors = 0;
	uint32_t head = UINT32_MAX;

	while ((cpl = ring_get(&tx[port])) != NULL) {
		errors += cpl->errors;
		head = cpl->sq_head;
	}
	ring_done(&tx[port]);
	assert_int_equal(head, tx[port].tail);
	assert_int_equal(errors, bad_frames[port]);
	seen_bad_tx += errors;
}

static void wires_check(void)
{
	unsigned int port, got[PORTS] = { 0 };
	uint8_t f[SL_FRAME_MAX];
	uint32_t len;

	while ((len = ops->wire_out(e, &port, f)) != 0) {
		assert_true(got[port] < to_wire_count[port]);
		frame_check(f, len, to_wire[port][got[port]++]);
	}
	for (unsigned int p = 0; p < PORTS; p++)
		assert_int_equal(got[p], to_wire_count[p]);
}

/* Delivered frames are the first ones, in order; the rest is counted, and only after a buffer that is not there. */
static unsigned int rx_check(unsigned int port)
{
	const struct sl_rx_cpl *cpl;
	unsigned int got = 0;
	uint8_t f[SL_FRAME_MAX];
	uint32_t len = 0;

	while ((cpl = ring_get(&rx[port])) != NULL) {
		const struct sl_rx_desc *d = (const void *)(memory + rx[port].sq + cpl->sq_index * rx[port].entry);

		assert_true(mapped(d->iova, cpl->len));
		memcpy(f + len, memory + (d->iova - BASE), cpl->len);
		len += cpl->len;
		if ((cpl->flags & 1u) == 0)
			continue;
		assert_int_equal(len, cpl->frame_len);
		frame_check(f, len, to_host[port][got++]);
		len = 0;
	}
	ring_done(&rx[port]);
	if (got != to_host_count[port]) {
		assert_int_equal(ops->nic->bar_read(e, SL_BAR_Q_CTRL(rx[port].number)) & 1u, 0);
		assert_int_equal(ops->nic->bar_read(e, SL_BAR_Q_STATUS(rx[port].number)), SL_STATUS_DMA_ERROR);
		seen_stopped_rx++;
	}
	seen_delivered += got;
	return got;
}

static void rx_post(unsigned int port, uint32_t buffers)
{
	ring_start(&rx[port]);
	for (unsigned int i = 0; i < RING - 1; i++) {
		struct sl_rx_desc *d = ring_put(&rx[port]);

		*d = (struct sl_rx_desc){ .iova = BASE + buffers + i * BUFFER + below(64), .len = 512 + below(1024) };
		if (below(60) == 0)
			d->iova = below(2) ? NOWHERE : BASE + MEMORY - 30;
	}
	ring_doorbell(&rx[port]);
}

static void dumps_post(uint32_t state)
{
	bad_dumps = 0;
	for (unsigned int i = 0; i < FLOWS / 2; i++) {
		struct sl_flow_cmd *cmd = ring_put(&flow);
		const bool bad = below(3) == 0;

		*cmd = (struct sl_flow_cmd){ .opcode = SL_FLOW_OP_DUMP, .tag = (uint16_t)i, .flow_id = i,
					     .iova = bad ? NOWHERE : BASE + state + i * sizeof(struct sl_flow_state) };
		bad_dumps += bad;
	}
}

static void dumps_check(void)
{
	const struct sl_flow_cpl *cpl;
	unsigned int errors = 0, n = 0;

	while ((cpl = ring_get(&flow)) != NULL) {
		assert_int_equal(cpl->tag, n++);
		errors += cpl->status == SL_STATUS_DMA_ERROR;
	}
	ring_done(&flow);
	assert_int_equal(n, FLOWS / 2);
	assert_int_equal(errors, bad_dumps);
	seen_bad_dumps += errors;
}

static uint32_t dropped(void)
{
	return ops->nic->mgmt_read(e, SL_MGMT_NO_HOST_PACKETS) + ops->nic->mgmt_read(e, SL_MGMT_HOST_FULL_PACKETS);
}

static void round_run(uint32_t buffers, uint32_t state)
{
	const uint32_t before = dropped();
	unsigned int lost = 0;
	uint8_t f[SL_FRAME_MAX];

	time_ms++;
	for (unsigned int p = 0; p < PORTS; p++) {
		to_wire_count[p] = to_host_count[p] = bad_frames[p] = 0;
		rx_post(p, buffers + p * RING * BUFFER);
	}
	rest();
	dumps_post(state);
	for (unsigned int p = 0; p < PORTS; p++) {
		for (unsigned int i = 0; i < FRAMES; i++) {
			const uint32_t len = 60 + below(1400), id = next_id++;

			tx_post(p, buffers + ((2 + p) * RING + i) * BUFFER);
			frame_fill(f, len, id);
			to_host[p][to_host_count[p]++] = (struct expected){ len, id };
			assert_true(ops->wire_in(e, p, f, len, false));
		}
		ring_doorbell(&tx[p]);
	}
	ring_doorbell(&flow);
	rest();
	wires_check();
	dumps_check();
	for (unsigned int p = 0; p < PORTS; p++) {
		tx_check(p);
		lost += to_host_count[p] - rx_check(p);
	}
	assert_int_equal(dropped() - before, lost);
}

static void card_start(uint64_t seed)
{
	const struct sl_class_rule rule = { .valid = 1, .verdict = SL_VERDICT_HOST, .port_mask = 3, .ttl_max = 255,
					    .sport_hi = 0xffff, .dport_hi = 0xffff };

	nic_start(seed, 25);
	for (uint32_t p = 0; p < PORTS; p++)
		ops->csr_write(e, SL_CSR_PORT_FLAGS(p), 3);
	rtl_table_write(ops, e, SL_CSR_TABLE_CLASS, 0, &rule, sizeof(rule));
	ops->csr_write(e, SL_CSR_CTRL, 1);
}

static void flows_insert(void)
{
	for (unsigned int i = 0; i < FLOWS; i++) {
		struct sl_flow_cmd *cmd = ring_put(&flow);

		*cmd = (struct sl_flow_cmd){ .opcode = SL_FLOW_OP_INSERT, .key = rtl_key(i) };
	}
	ring_doorbell(&flow);
	rest();
	for (unsigned int i = 0; i < FLOWS; i++) {
		const struct sl_flow_cpl *cpl = ring_get(&flow);

		assert_non_null(cpl);
		assert_int_equal(cpl->status, SL_STATUS_OK);
	}
	ring_done(&flow);
}

static void hostile_memory(void **state)
{
	const char *given = getenv("NIC_SEED");

	(void)state;
	for (unsigned int s = 1; s <= (given ? 1 : SEEDS); s++) {
		const uint64_t seed = given ? strtoull(given, NULL, 0) : s * 7919u;
		uint32_t buffers, states;

		print_message("seed %llu\n", (unsigned long long)seed);
		card_start(seed);
		for (unsigned int p = 0; p < PORTS; p++) {
			ring_make(&tx[p], SL_QUEUE_TX0 + p, sizeof(struct sl_tx_desc), sizeof(struct sl_tx_cpl));
			ring_make(&rx[p], SL_QUEUE_RX0 + p, sizeof(struct sl_rx_desc), sizeof(struct sl_rx_cpl));
		}
		ring_make(&flow, SL_QUEUE_FLOW0, sizeof(struct sl_flow_cmd), sizeof(struct sl_flow_cpl));
		buffers = take(4 * RING * BUFFER);
		states = take(FLOWS * sizeof(struct sl_flow_state));
		flows_insert();
		for (unsigned int r = 0; r < ROUNDS; r++)
			round_run(buffers, states);
		ops->destroy(e);
	}
	print_message("frames not readable %u, rx queues stopped %u, dumps not writable %u, frames delivered %u\n",
		      seen_bad_tx, seen_stopped_rx, seen_bad_dumps, seen_delivered);
	assert_true(seen_bad_tx > 20 && seen_stopped_rx > 5 && seen_bad_dumps > 20 && seen_delivered > 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(hostile_memory) };

	ops = rtl_load(NIC_LIBRARY);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
