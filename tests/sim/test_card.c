/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The whole card as a process (real firmware image, once with the C model and once with the RTL, or with the engine that
 * SL_CARD_ENGINE names) with a host in this file:
 *
 *      in0.pcap ─► port 0 ┐      ┌ port 1 ─► out1.pcap
 *     out0.pcap ◄─        │ card │        ◄─ (nothing)
 *                         └──┬───┘
 *                  bus, rings, memory: this test
 *
 * The input file has five frames of one UDP flow to VIP 10.0.0.2. The card reads it when port 0 is enabled, so that
 * whether a rule and a flow are there beforehand decides who forwards the frames.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "sluice/record.h"
#include "tests/sim/host.h"

#define FRAMES   5u
#define PAYLOAD  11u
#define FRAME_LEN (14u + 20u + 8u + PAYLOAD)
#define TENANT   3

/* The simulator that has the card in RTL, in ../lib from there. */
#ifndef RTL_PROGRAM
#define RTL_PROGRAM "build/bin/sluice-sim"
#endif

/* The model with sanitizers and a small table; the RTL as it is. */
static const struct engine {
	const char *program, *name, *more;
	unsigned int table_log2; /* 0: whatever it was built with */
	bool asked; /* only by its name */
} engines[] = {
	{ "build/tests/sim/sluice-sim", "model", "--table-log2=10", 10, false },
	{ RTL_PROGRAM, "rtl", NULL, 0, false },
	{ RTL_PROGRAM, "rtl-hbm", NULL, 0, true },
};
static const struct engine *engine;
static char folder[64];
static const uint8_t port0_mac[6] = { 0x02, 0, 0, 0, 0, 0x10 };
static const uint8_t out_header[14] = { 0x02, 0, 0, 0, 0, 0x22, 0x02, 0, 0, 0, 0, 0x11, 0x08, 0x00 };
static struct host host;
static struct ring admin, event, rx, tx, flow;
static pid_t card;

static const char *file(const char *name)
{
	static char path[4][128];
	static unsigned int next;
	char *p = path[next++ % 4];

	snprintf(p, sizeof(path[0]), "%s/%s", folder, name);
	return p;
}

/* Frame number i of the flow: its payload begins with i. */
static void frame_make(uint8_t *f, unsigned int i)
{
	static const uint8_t head[42] = {
		0x02, 0, 0, 0, 0, 0x10, 0x02, 0, 0, 0, 0, 0x99, 0x08, 0x00,
		0x45, 0, 0, 28 + PAYLOAD, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
		0x04, 0xd2, 0, 53, 0, 8 + PAYLOAD, 0, 0, /* UDP without checksum */
	};
	uint32_t sum = 0;

	memset(f, 'p', FRAME_LEN);
	memcpy(f, head, sizeof(head));
	for (unsigned int n = 14; n < 34; n += 2)
		sum += (uint32_t)f[n] << 8 | f[n + 1];
	sum = ~((sum & 0xffff) + (sum >> 16));
	f[24] = (uint8_t)(sum >> 8);
	f[25] = (uint8_t)sum;
	f[42] = (uint8_t)i;
}

static void input_write(void)
{
	pcap_t *format = pcap_open_dead(DLT_EN10MB, 65535);
	pcap_dumper_t *out = pcap_dump_open(format, file("in0.pcap"));
	uint8_t f[FRAME_LEN];

	for (unsigned int i = 0; i < FRAMES; i++) {
		struct pcap_pkthdr header = { .caplen = FRAME_LEN, .len = FRAME_LEN };

		frame_make(f, i);
		pcap_dump((u_char *)out, &header, f);
	}
	pcap_dump_close(out);
	pcap_close(format);
}

/* Frames in a capture; frame `index` is copied to *f if it is there. */
static unsigned int output_read(const char *name, unsigned int index, uint8_t *f, uint32_t *len)
{
	char why[PCAP_ERRBUF_SIZE];
	pcap_t *in = pcap_open_offline(file(name), why);
	struct pcap_pkthdr *header;
	const u_char *data;
	unsigned int count = 0;

	if (in == NULL)
		return 0;
	for (; pcap_next_ex(in, &header, &data) == 1; count++)
		if (count == index) {
			memcpy(f, data, header->len);
			*len = header->len;
		}
	pcap_close(in);
	return count;
}

static unsigned int output_wait(const char *name, unsigned int wanted, unsigned int index, uint8_t *f, uint32_t *len)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < 400 && n < wanted; i++) {
		n = output_read(name, index, f, len);
		if (n < wanted)
			usleep(5000);
	}
	return n;
}

static pid_t card_start(void)
{
	char name[32], bus[160], port0[400], port1[200];
	const char *argv[] = { engine->program, name, bus, "--firmware=build/firmware/sluice-fw.bin", port0, port1,
			       engine->more, NULL };

	snprintf(name, sizeof(name), "--engine=%s", engine->name);
	snprintf(bus, sizeof(bus), "--bus=%s", file("bus"));
	snprintf(port0, sizeof(port0), "--port=pcap:%s,%s,mac=02:00:00:00:00:10", file("in0.pcap"), file("out0.pcap"));
	snprintf(port1, sizeof(port1), "--port=pcap:,%s,mac=02:00:00:00:00:11,mtu=1400", file("out1.pcap"));
	return program_start(argv, "sluice-sim: ready");
}

/* Chapter 1 of docs/device.md, and the queues. */
static void attach(struct host *h)
{
	host_open(h);
	assert_int_equal(host_attach(h, file("bus"), NULL), 0);
	assert_int_equal(h->read(h, SL_BAR_ID), SL_CARD_ID);
	assert_int_equal(h->read(h, SL_BAR_ABI), SL_ABI_VERSION);
	for (unsigned int i = 0; i < SL_QUEUES; i++) /* whatever an earlier host left */
		assert_int_equal(h->read(h, SL_BAR_Q_CTRL(i)) & 1u, 0);
	h->write(h, SL_BAR_RESET, SL_RESET_KIND_HOST_IF);
	assert_int_equal(h->read(h, SL_BAR_RESET), 0);
	assert_int_equal(h->read(h, SL_BAR_STATUS) & 7u, 1);
	assert_int_equal(h->read(h, SL_BAR_PORTS), 2);
	ring_start(&event, h, SL_QUEUE_EVENT, 4, 0);
	ring_start(&admin, h, SL_QUEUE_ADMIN, 4, 0);
	ring_start(&rx, h, SL_QUEUE_RX0, 5, 0);
	ring_start(&tx, h, SL_QUEUE_TX0, 4, 1);
	ring_start(&flow, h, SL_QUEUE_FLOW0, 4, 0);
	for (unsigned int i = 0; i < 31; i++) {
		struct sl_rx_desc *desc = ring_sq(&rx);

		*desc = (struct sl_rx_desc){ .iova = host_iova(host_alloc(h, 2048, 64)), .len = 2048 };
		ring_push(&rx);
	}
	ring_doorbell(&rx);
}

static int setup(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/sluice-card-test.XXXXXX");
	assert_non_null(mkdtemp(folder));
	input_write();
	card = card_start();
	attach(&host);
	return 0;
}

static int teardown(void **state)
{
	static const char *const files[] = { "in0.pcap", "out0.pcap", "out1.pcap", "bus" };

	(void)state;
	host_close(&host);
	assert_int_equal(program_stop(card), 0);
	assert_int_equal(access(file("bus"), F_OK), -1);
	for (unsigned int i = 0; i < 4; i++)
		unlink(file(files[i]));
	assert_int_equal(rmdir(folder), 0);
	return 0;
}

static void port_enable(uint8_t port)
{
	const struct sl_port_config config = { .port = port, .enable = 1 };
	struct sl_mac_filter filter = { .index = port, .valid = 1, .port_mask = (uint8_t)(1u << port) };
	struct sl_admin_cpl cpl;

	memcpy(filter.mac, port0_mac, sizeof(filter.mac));
	filter.mac[5] = (uint8_t)(filter.mac[5] + port);
	assert_int_equal(host_admin(&admin, SL_ADMIN_OP_MAC_SET, &filter, sizeof(filter), &cpl), SL_STATUS_OK);
	assert_int_equal(host_admin(&admin, SL_ADMIN_OP_PORT_SET, &config, sizeof(config), &cpl), SL_STATUS_OK);
}

/* A rule that sends IPv4 to the VIP to the flows, an action out of port 1, and the flow. */
static void flow_install(void)
{
	struct sl_rule_arg rule = { .rule = { .valid = 1, .verdict = SL_VERDICT_FLOWS, .tenant = TENANT, .port_mask = 1,
					      .l3 = 4, .ttl_max = 255, .sport_hi = 0xffff, .dport_hi = 0xffff,
					      .dst = { 10, 0, 0, 2 }, .dst_plen = 32, .cookie = 77 } };
	struct sl_action_arg action = { .index = 4, .action = { .hdr_len = 14, .port = 1, .mtu = 1400, .generation = 1,
								.flags = SL_ACTION_FLAG_VALID | SL_ACTION_FLAG_STRIP_L2 } };
	struct sl_flow_cmd *cmd = ring_sq(&flow);
	struct sl_admin_cpl cpl;
	const struct sl_flow_cpl *done;

	memcpy(action.action.hdr, out_header, sizeof(out_header));
	assert_int_equal(host_admin(&admin, SL_ADMIN_OP_ACTION_WRITE, &action, sizeof(action), &cpl), SL_STATUS_OK);
	*cmd = (struct sl_flow_cmd){ .opcode = SL_FLOW_OP_INSERT, .tag = 99,
				     .key = { .src = { 10, 0, 0, 1 }, .dst = { 10, 0, 0, 2 }, .sport = htons(1234),
					      .dport = htons(53), .tenant = TENANT, .proto = 17, .family = 4 },
				     .record = { .action = 4, .cookie = 0x1122334455667788 } };
	sl_record_set_deltas(&cmd->key, &cmd->record);
	ring_push(&flow);
	ring_doorbell(&flow);
	done = ring_wait(&flow);
	assert_int_equal(done->status, SL_STATUS_OK);
	assert_int_equal(done->tag, 99);
	assert_int_equal(done->sq_head, flow.sq_tail);
	assert_int_equal(done->flow_id, 0);
	ring_pop(&flow);
	assert_int_equal(host_admin(&admin, SL_ADMIN_OP_RULE_WRITE, &rule, sizeof(rule), &cpl), SL_STATUS_OK);
}

static void capabilities(void **state)
{
	const struct sl_index_arg one = { .index = 1 };
	struct sl_admin_cpl cpl;
	struct sl_caps caps;
	struct sl_port_state port;

	(void)state;
	assert_int_equal(host_admin(&admin, SL_ADMIN_OP_GET_CAPS, NULL, 0, &cpl), SL_STATUS_OK);
	assert_int_equal(cpl.len, sizeof(caps));
	memcpy(&caps, cpl.answer, sizeof(caps));
	assert_int_equal(caps.abi_version, SL_ABI_VERSION);
	assert_int_equal(caps.ports, 2);
	if (engine->table_log2 != 0)
		assert_int_equal(caps.table_log2, engine->table_log2);
	assert_int_equal(host_admin(&admin, SL_ADMIN_OP_PORT_GET, &one, sizeof(one), &cpl), SL_STATUS_OK);
	memcpy(&port, cpl.answer, sizeof(port));
	assert_int_equal(port.mtu, 1400);
	assert_int_equal(port.link, 1);
	assert_int_equal(port.mac[5], 0x11);
	assert_int_equal(host_admin(&admin, 200, NULL, 0, &cpl), SL_STATUS_BAD_OPCODE);
}

/* Without a rule the frames are the host's; the interrupt wakes a sleeping host. */
static void frames_to_host(void **state)
{
	struct pollfd vector = { .fd = host.irq[SL_QUEUE_RX0], .events = POLLIN };
	uint8_t expected[FRAME_LEN];

	(void)state;
	host.write(&host, SL_BAR_Q_IRQ(SL_QUEUE_RX0), 1);
	assert_int_equal(poll(&vector, 1, 0), 0);
	port_enable(0);
	assert_int_equal(poll(&vector, 1, 2000), 1);
	for (unsigned int i = 0; i < FRAMES; i++) {
		const struct sl_rx_cpl *cpl = ring_wait(&rx);
		const struct sl_rx_desc *desc = (const void *)(host.memory + rx.sq + cpl->sq_index * sizeof(*desc));

		frame_make(expected, i);
		assert_int_equal(cpl->len, FRAME_LEN);
		assert_int_equal(cpl->reason, SL_REASON_KERNEL);
		assert_int_equal(cpl->port, 0);
		assert_memory_equal(host.memory + (desc->iova - HOST_IOVA), expected, FRAME_LEN);
		ring_pop(&rx);
	}
	assert_null(ring_peek(&rx));
}

/* The counters of a reason, or of all that are a verdict. */
static uint64_t reason_count(uint32_t wanted, bool verdicts)
{
	uint64_t sum = 0;

	for (struct sl_index_arg first = { 0 }; first.index < 128; first.index++) {
		const struct sl_counter_pair *pairs;
		struct sl_admin_cpl cpl;
		uint32_t n;

		assert_int_equal(host_admin(&admin, SL_ADMIN_OP_REASON_STATS, &first, sizeof(first), &cpl), SL_STATUS_OK);
		pairs = (const void *)cpl.answer;
		n = cpl.len / (uint32_t)sizeof(*pairs);
		for (uint32_t i = 0; i < n && first.index + i < 128; i++) {
			const uint32_t reason = first.index + i;

			if (verdicts ? reason != SL_REASON_COPY && reason != SL_REASON_COPY_METERED &&
					       reason != SL_REASON_HOST_FULL && reason != SL_REASON_NO_HOST :
				       reason == wanted)
				sum += pairs[i].packets;
		}
		first.index += n - 1;
	}
	return sum;
}

/* Frames that the receive queues cannot take have the verdict that sent them there, and are counted as lost beside it. */
static void lost(unsigned int buffers, uint32_t reason)
{
	const struct sl_index_arg port = { 0 };
	struct sl_port_stats stats = { 0 };
	struct sl_admin_cpl cpl;

	host.write(&host, SL_BAR_Q_CTRL(SL_QUEUE_RX0), 0);
	while (host.read(&host, SL_BAR_Q_CTRL(SL_QUEUE_RX0)) & 1u)
		usleep(100);
	if (buffers != 0)
		ring_start(&rx, &host, SL_QUEUE_RX0, 5, 0);
	for (unsigned int i = 0; i < buffers; i++) {
		*(struct sl_rx_desc *)ring_sq(&rx) =
			(struct sl_rx_desc){ .iova = host_iova(host_alloc(&host, 2048, 64)), .len = 2048 };
		ring_push(&rx);
	}
	if (buffers != 0)
		ring_doorbell(&rx);
	port_enable(0);
	for (unsigned int i = 0; i < 1000 && reason_count(reason, false) != FRAMES - buffers; i++)
		usleep(2000);
	assert_int_equal(host_admin(&admin, SL_ADMIN_OP_PORT_STATS, &port, sizeof(port), &cpl), SL_STATUS_OK);
	memcpy(&stats, cpl.answer, sizeof(stats));
	assert_int_equal(stats.rx_packets, FRAMES);
	assert_int_equal(reason_count(SL_REASON_KERNEL, false), FRAMES);
	assert_int_equal(reason_count(reason, false), FRAMES - buffers);
	assert_int_equal(reason_count(0, true), FRAMES);
	for (unsigned int i = 0; i < buffers; i++) {
		ring_wait(&rx);
		ring_pop(&rx);
	}
}

static void no_receive_queue(void **state)
{
	(void)state;
	lost(0, SL_REASON_NO_HOST);
}

static void few_buffers(void **state)
{
	(void)state;
	lost(2, SL_REASON_HOST_FULL);
}

static void frame_from_host(void **state)
{
	size_t at = host_alloc(&host, 128, 64);
	struct sl_tx_desc *desc;
	uint8_t sent[2048];
	uint32_t len = 0;

	(void)state;
	port_enable(1);
	for (unsigned int i = 0; i < 100; i++)
		host.memory[at + i] = (uint8_t)(200 - i);
	desc = ring_sq(&tx);
	*desc = (struct sl_tx_desc){ .iova = host_iova(at), .len = 60 };
	ring_push(&tx);
	desc = ring_sq(&tx);
	*desc = (struct sl_tx_desc){ .iova = host_iova(at) + 60, .len = 40, .flags = 1 };
	ring_push(&tx);
	ring_doorbell(&tx);
	assert_int_equal(((const struct sl_tx_cpl *)ring_wait(&tx))->sq_head, 2);
	ring_pop(&tx);
	assert_int_equal(output_wait("out1.pcap", 1, 0, sent, &len), 1);
	assert_int_equal(len, 100);
	assert_memory_equal(sent, host.memory + at, 100);
}

/* With rule and flow the card forwards without the host, also while no host is there; a new host finds the flow. */
static void hardware_forwards(void **state)
{
	uint8_t expected[FRAME_LEN], sent[2048];
	struct sl_flow_cmd *cmd;
	size_t at;
	uint32_t len = 0;
	const struct sl_flow_cpl *done;
	const struct sl_flow_state *dumped;

	(void)state;
	port_enable(1);
	flow_install();
	port_enable(0); /* the wire begins */
	host_close(&host);
	assert_int_equal(output_wait("out1.pcap", FRAMES, 3, sent, &len), FRAMES);
	frame_make(expected, 3);
	memcpy(expected, out_header, sizeof(out_header));
	assert_int_equal(len, FRAME_LEN);
	assert_memory_equal(sent, expected, FRAME_LEN);
	attach(&host);
	assert_null(ring_peek(&rx));
	at = host_alloc(&host, sizeof(*dumped), 64);
	cmd = ring_sq(&flow);
	*cmd = (struct sl_flow_cmd){ .opcode = SL_FLOW_OP_DUMP, .flow_id = 0, .iova = host_iova(at) };
	ring_push(&flow);
	ring_doorbell(&flow);
	done = ring_wait(&flow);
	assert_int_equal(done->status, SL_STATUS_OK);
	dumped = (const void *)(host.memory + at);
	assert_int_equal(dumped->record.cookie, 0x1122334455667788);
	assert_int_equal(dumped->counters.packets, FRAMES);
	assert_int_equal(dumped->counters.bytes, FRAMES * FRAME_LEN);
}

/* A second host is told who is there; after the first has been killed, without a word, the card is free again. */
static void second_host(void **state)
{
	struct host second;
	uint64_t owner = 0;
	int gate[2];
	pid_t child;
	char byte;

	(void)state;
	host_close(&host);
	assert_int_equal(pipe(gate), 0);
	child = fork();
	if (child == 0) {
		host_open(&host);
		_exit(host_attach(&host, file("bus"), NULL) != 0 || write(gate[1], "x", 1) != 1 || pause());
	}
	assert_int_equal(read(gate[0], &byte, 1), 1);
	host_open(&second);
	assert_int_equal(host_attach(&second, file("bus"), &owner), EBUSY);
	assert_int_equal(owner, child);
	host_close(&second);
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
	attach(&host);
	close(gate[0]);
	close(gate[1]);
}

static void resets(void **state)
{
	static const struct {
		enum sl_reset_kind kind;
		bool by_admin;
		bool queues, rules; /* still there afterwards */
	} rows[] = {
		{ SL_RESET_KIND_HOST_IF, false, false, true },
		{ SL_RESET_KIND_FIRMWARE, false, true, true },
		{ SL_RESET_KIND_FIRMWARE, true, true, true },
		{ SL_RESET_KIND_CARD, false, false, false },
		{ SL_RESET_KIND_CARD, true, false, false },
	};
	struct sl_index_arg index = { 0 };
	struct sl_admin_cpl cpl;
	struct sl_rule_arg rule;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		flow_install();
		index.index = rows[i].kind;
		if (rows[i].by_admin)
			assert_int_equal(host_admin(&admin, SL_ADMIN_OP_RESET, &index, sizeof(index), &cpl), SL_STATUS_OK);
		else
			host.write(&host, SL_BAR_RESET, rows[i].kind);
		if (rows[i].by_admin)
			usleep(50000);
		for (unsigned int n = 0; n < 1000 && (host.read(&host, SL_BAR_RESET) != 0 ||
						      (host.read(&host, SL_BAR_STATUS) & 1u) == 0); n++)
			usleep(2000);
		assert_int_equal(host.read(&host, SL_BAR_STATUS) & 7u, 1);
		assert_int_equal(host.read(&host, SL_BAR_Q_CTRL(SL_QUEUE_ADMIN)) & 1u, rows[i].queues);
		assert_int_equal(host.read(&host, SL_BAR_Q_CTRL(SL_QUEUE_RX0)) & 1u, rows[i].queues);
		if (rows[i].queues) {
			assert_int_equal(((const struct sl_event *)ring_wait(&event))->type, SL_EVENT_TYPE_RESET);
			ring_pop(&event);
		} else {
			host_close(&host);
			attach(&host);
		}
		index.index = 0;
		assert_int_equal(host_admin(&admin, SL_ADMIN_OP_RULE_READ, &index, sizeof(index), &cpl), SL_STATUS_OK);
		memcpy(&rule, cpl.answer, sizeof(rule));
		assert_int_equal(rule.rule.valid, rows[i].rules);
		index = (struct sl_index_arg){ .index = SL_RESET_KIND_CARD };
		host.write(&host, SL_BAR_RESET, SL_RESET_KIND_CARD);
		while ((host.read(&host, SL_BAR_STATUS) & 1u) == 0)
			usleep(2000);
		host_close(&host);
		attach(&host);
	}
}

/* An idle card sleeps. */
static void idle_sleeps(void **state)
{
	unsigned long before[2], after[2];

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		unsigned long *ticks = i == 0 ? before : after;
		char path[64], text[1024], *p;
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%d/stat", (int)card);
		f = fopen(path, "r");
		assert_non_null(f);
		assert_non_null(fgets(text, sizeof(text), f));
		fclose(f);
		p = strrchr(text, ')');
		assert_int_equal(sscanf(p, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &ticks[0], &ticks[1]), 2);
		if (i == 0)
			sleep(1);
	}
	assert_true(after[0] + after[1] - before[0] - before[1] <= (unsigned long)sysconf(_SC_CLK_TCK) / 10);
}

int main(void)
{
	const char *only = getenv("SL_CARD_ENGINE");
	const struct CMUnitTest tests[] = {
#define ROW(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		ROW(capabilities), ROW(frames_to_host), ROW(no_receive_queue), ROW(few_buffers), ROW(frame_from_host),
		ROW(hardware_forwards), ROW(second_host), ROW(resets), ROW(idle_sleeps),
	};

	int failed = 0;

	for (size_t i = 0; i < sizeof(engines) / sizeof(engines[0]); i++) {
		engine = &engines[i];
		if (only != NULL ? strcmp(engine->name, only) != 0 : engine->asked)
			continue;
		failed += cmocka_run_group_tests_name(engine->name, tests, NULL, NULL);
	}
	return failed;
}
