// SPDX-License-Identifier: BSD-3-Clause
// What the host interface in RTL (hw/rtl/sl_hif.sv) promises in time while something else takes its time: a host memory
// that does not answer, a port that takes no frames, another queue with much to send; and what resets leave.
// Each row of `rows` is one promise.
#include <cinttypes>
#include <cstdio>

#include "Vsl_hif.h"

#include "tests/rtl/driven_card.h"
#include "tests/rtl/rows.h"

namespace {

using rows::expect;

constexpr size_t MEMORY = 1u << 20;
constexpr uint64_t BUFFER = 0x80000;
constexpr unsigned LOG2 = 8, RING = 1u << LOG2, SOON = 200, FRAME = 1500;
constexpr unsigned TX = SL_QUEUE_TX0;

struct Memory {
	std::vector<uint8_t> memory = std::vector<uint8_t>(MEMORY);
};

struct Card : Memory, DrivenCard<Vsl_hif> {
	uint64_t sent[8] = {}; // frames, by port
	std::vector<unsigned> order; // ports of the frames sent
	uint8_t tx_popped = 0; // the port that has taken a beat in the last clock, a bit

	Card() : DrivenCard("sl_hif", flat(memory, 0))
	{
		board.latency_min = 8;
		power_on();
		tx_start(0, 0);
		tx_start(1, 1);
	}
	static uint64_t ring(unsigned n, bool cq) { return 0x10000u * (n + 1) + (cq ? 0x8000 : 0); }
	void tx_start(unsigned n, unsigned port, uint32_t len = FRAME, uint64_t buffer = BUFFER)
	{
		for (unsigned i = 0; i < RING; i++) {
			const sl_tx_desc d = {buffer, len, 1, 0};

			memcpy(&memory[ring(n, false) + i * sizeof(d)], &d, sizeof(d));
		}
		queue_start(TX + n, port, ring(n, false), ring(n, true), LOG2);
	}
	// The host's memory answers no reads, or it does again.
	void deaf(bool on) { board.deaf = on; }

	void take() override
	{
		tx_popped = top.m_axis_tx_tvalid && top.m_axis_tx_tready ? 1u << top.m_axis_tx_tdest : 0;
		if (top.m_axis_tx_tvalid && top.m_axis_tx_tready && top.m_axis_tx_tlast) {
			sent[top.m_axis_tx_tdest]++;
			order.push_back(top.m_axis_tx_tdest);
		}
	}
	void drive() override
	{
		top.m_axis_tx_tready = 1;
		top.tx_pop_i = tx_popped;
		top.m_axis_cmd_tready = 1;
	}
	bool bar_write_soon(uint32_t offset, uint32_t value)
	{
		uint32_t n;

		top.s_axil_bar_awvalid = top.s_axil_bar_wvalid = top.s_axil_bar_bready = 1;
		top.s_axil_bar_awaddr = offset;
		top.s_axil_bar_wdata = value;
		for (n = 0; n < SOON && !top.s_axil_bar_bvalid; n++) {
			top.eval();
			const bool taken = top.s_axil_bar_awready;

			clock();
			if (taken)
				top.s_axil_bar_awvalid = top.s_axil_bar_wvalid = 0;
		}
		top.s_axil_bar_awvalid = top.s_axil_bar_wvalid = 0;
		clock();
		return n < SOON;
	}
	// A read that may be held: its value, or -1 if it is not answered so soon. The master goes on asking.
	int64_t bar_read_soon(uint32_t offset)
	{
		top.s_axil_bar_arvalid = top.s_axil_bar_rready = 1;
		top.s_axil_bar_araddr = offset;
		for (unsigned n = 0; n < SOON; n++) {
			top.eval();
			const bool taken = top.s_axil_bar_arready;

			clock();
			if (taken)
				top.s_axil_bar_arvalid = 0;
			if (top.s_axil_bar_rvalid) {
				const uint32_t value = top.s_axil_bar_rdata;

				clock();
				return value;
			}
		}
		return -1;
	}
};

// Posted writes are taken while the card's own reads are not answered: of a queue that drains, of others, of RESET.
void writes_wait_for_nothing()
{
	Card c;

	c.deaf(true);
	c.board.bar_write(SL_BAR_DB_SQ_TAIL(TX), 20);
	c.run(100);
	expect(c.bar_write_soon(SL_BAR_Q_CTRL(TX), 0), "a stop is taken");
	expect(c.bar_write_soon(SL_BAR_Q_SIZE(TX), LOG2 | LOG2 << 8), "a register of a queue that drains is taken");
	expect(c.bar_write_soon(SL_BAR_Q_CTRL(TX), 1), "an enable of a queue that drains is taken");
	expect(c.bar_read_soon(SL_BAR_Q_CTRL(TX)) == -1, "Q_CTRL of a queue that drains is held");
	expect(c.bar_write_soon(SL_BAR_DB_SQ_TAIL(TX + 1), 4), "a doorbell passes a read that is held");
	c.deaf(false);
	c.run(2000);
	expect(c.sent[1] == 4, "the other queue goes on");
	expect(c.bar_read_soon(SL_BAR_Q_CTRL(TX)) == 1, "the queue runs when it has drained");
	const uint64_t before = c.sent[0];
	c.board.bar_write(SL_BAR_DB_SQ_TAIL(TX), 3);
	c.run(2000);
	expect(c.sent[0] == before + 3, "from its ring's beginning");
}

// An enable that waits can be taken back; a refused one is refused at once.
void an_enable_that_waits()
{
	Card c;

	c.deaf(true);
	c.board.bar_write(SL_BAR_DB_SQ_TAIL(TX), 20);
	c.run(100);
	expect(c.bar_write_soon(SL_BAR_Q_CTRL(TX), 0) && c.bar_write_soon(SL_BAR_Q_CTRL(TX), 1)
		&& c.bar_write_soon(SL_BAR_Q_SQ_LO(TX), 0x123) && c.bar_write_soon(SL_BAR_Q_CTRL(TX), 0), "all are taken");
	c.deaf(false);
	c.run(2000);
	expect(c.bar_read_soon(SL_BAR_Q_CTRL(TX)) == 0, "it was taken back");
	expect(c.bar_read_soon(SL_BAR_Q_SQ_LO(TX)) == (int64_t)Card::ring(0, false), "while it waits registers stand");
	expect(c.bar_write_soon(SL_BAR_Q_SQ_LO(TX), 0x123) && c.bar_write_soon(SL_BAR_Q_CTRL(TX), 1), "taken");
	expect(c.bar_read_soon(SL_BAR_Q_CTRL(TX)) == 0 && c.bar_read_soon(SL_BAR_Q_STATUS(TX)) == SL_STATUS_BAD_VALUE,
		"a misaligned ring is refused");
}

// During a reset too: writes to queues do nothing then, further resets follow.
void writes_during_a_reset()
{
	for (unsigned kind : {SL_RESET_KIND_HOST_IF, SL_RESET_KIND_CARD}) {
		Card c;
		unsigned restarts = 0;

		c.deaf(true);
		c.board.bar_write(SL_BAR_DB_SQ_TAIL(TX), 20);
		c.run(100);
		expect(c.bar_write_soon(SL_BAR_RESET, kind), "RESET is taken");
		expect(c.bar_write_soon(SL_BAR_DB_SQ_TAIL(TX + 1), 4), "a doorbell is taken");
		expect(c.bar_write_soon(SL_BAR_Q_HOLDOFF(TX), 4), "a hold-off is taken");
		expect(c.bar_write_soon(SL_BAR_Q_SIZE(TX), 7), "a register is taken");
		expect(c.bar_write_soon(SL_BAR_RESET, SL_RESET_KIND_FIRMWARE), "another RESET is taken");
		expect(c.bar_read_soon(SL_BAR_RESET) == 1, "RESET reads 1 meanwhile");
		c.deaf(false);
		for (unsigned i = 0; i < 3000; i++) {
			c.clock();
			restarts += c.top.restart_o;
		}
		expect(c.bar_read_soon(SL_BAR_RESET) == 0, "it ends");
		expect(restarts == (kind == SL_RESET_KIND_CARD ? 2 : 1), "the one asked for meanwhile follows");
		expect(c.bar_read_soon(SL_BAR_Q_SIZE(TX)) == 0 && c.bar_read_soon(SL_BAR_Q_HOLDOFF(TX)) == 0,
			"what was written meanwhile did nothing");
		expect(c.sent[1] == 0, "nor did the doorbell");
	}
}

// Of two queues with much to send each sends sixteen frames, and then the other has its turn. The frames take longer than
// their descriptors, so that once both queues have begun, neither has to wait for its own.
void queues_take_turns()
{
	Card c;
	unsigned in_turn = 0, most = 0;

	for (unsigned n = 0; n < 2; n++) {
		c.board.bar_write(SL_BAR_Q_CTRL(TX + n), 0);
		c.tx_start(n, n, 5 * SL_BEAT_BYTES);
		c.board.bar_write(SL_BAR_DB_SQ_TAIL(TX + n), RING - 1);
	}
	c.run(4000);
	expect(c.sent[0] == RING - 1 && c.sent[1] == RING - 1, "all are sent");
	for (size_t i = 1; i < c.order.size(); i++) {
		in_turn = c.order[i] == c.order[i - 1] ? in_turn + 1 : 1;
		if (i >= RING * 3 / 4 && i < RING * 3 / 2)
			most = in_turn > most ? in_turn : most;
	}
	expect(most == 16, "sixteen at a time");
}

// Power-on reset in the middle of reads that fail: nothing is left of them.
void power_on_again()
{
	for (unsigned after = 20; after <= 120; after += 20) {
		Card c;

		c.board.bar_write(SL_BAR_Q_CTRL(TX), 0);
		c.tx_start(0, 0, FRAME, MEMORY);
		c.board.bar_write(SL_BAR_DB_SQ_TAIL(TX), RING - 1);
		c.run(after);
		c.board.reset();
		c.power_on();
		c.board.reset();
		c.sent[0] = 0;
		c.tx_start(0, 0);
		c.board.bar_write(SL_BAR_DB_SQ_TAIL(TX), RING - 1);
		c.run(RING * 40);
		expect(c.sent[0] == RING - 1, "all frames are sent after it");
	}
}

// The core that starts again has to find a slot first.
void a_restart_of_the_core()
{
	Card c;

	c.board.mgmt_write(SL_MGMT_BOOT_SLOT, 0x101);
	expect(c.board.mgmt_read(SL_MGMT_BOOT_SLOT) == 0x101, "the loader says what it started");
	c.board.bar_write(SL_BAR_RESET, SL_RESET_KIND_HOST_IF);
	c.run(SOON);
	expect(c.board.mgmt_read(SL_MGMT_BOOT_SLOT) == 0x101, "that stays when the host interface is reset");
	c.board.bar_write(SL_BAR_RESET, SL_RESET_KIND_FIRMWARE);
	c.run(SOON);
	expect(c.board.mgmt_read(SL_MGMT_BOOT_SLOT) == SL_SLOT_NONE, "and is gone when the core starts again");
}

// Completions that memory acknowledges when their queue has stopped: by a reset, or to start again with a smaller ring.
void late_acknowledgements()
{
	for (bool reset : {true, false}) {
		Card c;

		c.board.write_latency_min = 2000;
		for (unsigned i = 1; i <= 12; i++) {
			c.board.bar_write(SL_BAR_DB_SQ_TAIL(TX), i);
			c.run(60);
		}
		if (reset) {
			expect(c.bar_write_soon(SL_BAR_RESET, SL_RESET_KIND_HOST_IF), "RESET is taken");
		} else {
			expect(c.bar_write_soon(SL_BAR_Q_CTRL(TX), 0) && c.bar_write_soon(SL_BAR_Q_SIZE(TX), 3 | 3 << 8)
				&& c.bar_write_soon(SL_BAR_Q_CTRL(TX), 1), "a smaller ring is taken");
			expect(c.bar_read_soon(SL_BAR_Q_CTRL(TX)) == -1, "completions are still to be acknowledged");
		}
		c.run(6000);
		expect(c.bar_read_soon(SL_BAR_RESET) == 0, "a reset ends");
		expect(c.bar_read_soon(SL_BAR_Q_CTRL(TX)) == (reset ? 0 : 1), "Q_CTRL is answered");
	}
}

} // namespace

int main()
{
	static const rows::Row all[] = {
		{"posted writes wait for no read of the card's", writes_wait_for_nothing},
		{"an enable that waits for its queue to drain", an_enable_that_waits},
		{"posted writes during a reset", writes_during_a_reset},
		{"queues with much to send take turns", queues_take_turns},
		{"a restart of the management core", a_restart_of_the_core},
		{"power-on reset in the middle of reads that fail", power_on_again},
		{"acknowledgements that come after the queue's end", late_acknowledgements},
	};

	return rows::run("hif_bounds", all);
}
