// SPDX-License-Identifier: BSD-3-Clause
// What the whole card in RTL (hw/rtl/sl_nic.sv) owes to those around it when a card reset meets what is under way: the
// management core's register accesses, frames on the wire; and whoever stops the clock while the card says that it is not busy.
// With the RTL's assertions. Each row of `rows` is one promise.
#include <cinttypes>
#include <cstdio>

#include "Vsl_nic.h"

#include "tests/rtl/driven_card.h"
#include "tests/rtl/rows.h"

namespace {

using rows::expect;
using rows::failed;

constexpr size_t MEMORY = 1u << 20;
constexpr uint64_t BUFFER = 0x80000, RESET_CLOCKS = 100000;
constexpr unsigned LOG2 = 8, PORTS = 2, TX = SL_QUEUE_TX0;

struct Memory {
	std::vector<uint8_t> memory = std::vector<uint8_t>(MEMORY);
};

struct Card : Memory, DrivenCard<Vsl_nic> {
	unsigned ready_every = 1; // clocks from one beat that the MACs take to the next; 0: they take none
	unsigned sent[PORTS] = {}, cut[PORTS] = {};
	bool inside[PORTS] = {}, waits[PORTS] = {};
	unsigned pauses = 0, changes = 0; // inside a frame; of a beat that waits to be taken
	uint8_t last_beat[PORTS] = {};
	unsigned in_left = 0, in_every = 1; // beats still to come on port 0's wire; clocks between two

	Card() : DrivenCard("sl_nic", flat(memory, 0))
	{
		board.latency_min = 8;
		top.link_i = (1u << PORTS) - 1;
		power_on();
		settle_clear();
	}
	void drive() override
	{
		top.m_axis_tready = ready_every != 0 && clocks % ready_every == 0 ? (1u << PORTS) - 1 : 0;
		top.s_axis_tvalid = in_left != 0 && clocks % in_every == 0;
		top.s_axis_tlast = in_left == 1;
		memset(&top.s_axis_tkeep[0], 0xff, 8);
	}
	void take() override
	{
		for (unsigned p = 0; p < PORTS; p++) {
			const bool valid = top.m_axis_tvalid >> p & 1, last = top.m_axis_tlast >> p & 1;
			const uint8_t beat = (uint8_t)(last << 7) ^ (uint8_t)top.m_axis_tdata[16 * p] ^ (uint8_t)top.m_axis_tkeep[2 * p];

			pauses += inside[p] && !valid;
			changes += waits[p] && (!valid || beat != last_beat[p]);
			waits[p] = valid && !(top.m_axis_tready >> p & 1);
			last_beat[p] = beat;
			if (!valid || waits[p])
				continue;
			inside[p] = !last;
			sent[p] += last && !(top.m_axis_tuser >> p & 1);
			cut[p] += last && (top.m_axis_tuser >> p & 1);
		}
		in_left -= top.s_axis_tvalid & 1;
	}
	void frame_send(unsigned queue, unsigned port, uint32_t len)
	{
		const uint64_t sq = 0x10000u * (queue + 1);
		const sl_tx_desc d = {BUFFER, len, 1, 0};

		memcpy(&memory[sq], &d, sizeof(d));
		queue_start(TX + queue, port, sq, sq + 0x8000, LOG2);
		board.bar_write(SL_BAR_DB_SQ_TAIL(TX + queue), 1);
	}
	void card_reset()
	{
		board.bar_write(SL_BAR_RESET, SL_RESET_KIND_CARD);
		settle_clear();
	}
	uint64_t port_frames(unsigned index)
	{
		board.csr_write(SL_CSR_TBL_SEL, (uint32_t)SL_CSR_TABLE_PORT << 24 | index);
		board.csr_write(SL_CSR_TBL_CMD, 1);
		while (board.csr_read(SL_CSR_TBL_STATUS) & 1)
			;
		return board.csr_read(SL_CSR_TBL_DATA(0));
	}
	void settle_clear()
	{
		for (uint64_t i = 0; i < RESET_CLOCKS && (top.clearing_o || board.bar_read(SL_BAR_RESET) != 0); i++)
			clock();
	}
};

// Frames without a pause on port 0's wire: one of so many beats for the host, short ones that are dropped, a short one for the
// host.
struct Crowd : Card {
	unsigned beats = 0, dropped = 0, at = 0;

	void drive() override
	{
		const bool valid = at < beats + dropped + 1, host = at < beats || at == beats + dropped;

		Card::drive();
		top.s_axis_tvalid = valid;
		top.s_axis_tlast = at + 1 >= beats;
		top.s_axis_tdata[0] = host ? 0xffffffffu : 2; // broadcast, or an address that is nobody's
		top.s_axis_tdata[1] = host ? 0xffff : 0;
		at += valid;
	}
	void take() override {}
};

// The clock may stop when the card says that it is not busy: it does not become so again by itself. What the datapath has left and
// the host interface has not begun with is seen when both have had time to come to rest, which a row of drops gives them.
void busy_until_done()
{
	Crowd c;

	c.at = 1;
	c.board.csr_write(SL_CSR_PORT_FLAGS(0), 1);
	c.board.csr_write(SL_CSR_CTRL, 1);
	for (unsigned beats : {1u, 8u, 24u, 64u})
		for (unsigned dropped = 0; dropped < 32 && failed == 0; dropped++) {
			unsigned again = 0;

			c.beats = beats;
			c.dropped = dropped;
			c.at = 0;
			c.clock();
			while (c.at < beats + dropped + 1 || c.top.busy_o)
				c.clock();
			for (unsigned i = 0; i < 30; i++) {
				c.clock();
				again += c.top.busy_o;
			}
			expect(again == 0, "a card that is not busy has nothing to do");
			if (failed)
				printf("        (a frame of %u beats, %u that are dropped, and one more)\n", beats, dropped);
		}
	expect(c.port_frames(0) == 4 * 32 * 2 + 4 * 31 * 32 / 2, "all frames have come");
}

// A register read and a write of the datapath's block, begun so many clocks after the reset was asked for.
void csr_answers()
{
	for (unsigned after = 0; after < 60 && failed == 0; after++) {
		Card c;
		bool read = false, written = false, asks_read = true, asks_write = true;
		uint32_t value = 0;

		c.board.bar_write(SL_BAR_RESET, SL_RESET_KIND_CARD);
		c.run(after);
		c.top.s_axil_csr_araddr = SL_CSR_ID;
		c.top.s_axil_csr_awaddr = SL_CSR_MISS_MARK;
		c.top.s_axil_csr_wdata = 0x1234;
		for (unsigned i = 0; i < 200; i++) {
			c.top.s_axil_csr_arvalid = asks_read;
			c.top.s_axil_csr_awvalid = c.top.s_axil_csr_wvalid = asks_write;
			c.top.s_axil_csr_rready = c.top.s_axil_csr_bready = i % 3 == 0;
			c.top.eval();
			const bool read_taken = c.top.s_axil_csr_arready, write_taken = c.top.s_axil_csr_awready;
			if (c.top.s_axil_csr_rvalid && c.top.s_axil_csr_rready) {
				read = true;
				value = c.top.s_axil_csr_rdata;
			}
			written |= c.top.s_axil_csr_bvalid && c.top.s_axil_csr_bready;
			c.clock();
			asks_read &= !read_taken;
			asks_write &= !write_taken;
		}
		expect(read && value == SL_DATAPATH_ID, "a register read is answered");
		expect(written, "a register write is answered");
		if (failed)
			printf("        (begun %u clocks after the reset was asked for)\n", after);
	}
}

// A frame on the wire ends, said to be bad, without a pause and as soon as the MAC takes it; the next one is whole.
void frames_sent()
{
	for (unsigned every : {1u, 4u, 0u})
		for (unsigned after = 0; after < 24 && failed == 0; after++) {
			Card c;

			c.frame_send(0, 0, 9000);
			while (!c.inside[0])
				c.clock();
			c.ready_every = every;
			c.run(after);
			c.card_reset();
			expect(c.board.bar_read(SL_BAR_RESET) == 0, "the reset ends whatever the MAC does");
			expect(every == 0 || !c.inside[0], "the frame has ended");
			expect(every != 0 || c.waits[0], "a beat that the MAC does not take waits for it");
			c.ready_every = 1;
			c.run(10);
			expect(!c.inside[0] && c.cut[0] == 1 && c.sent[0] == 0, "it ended once, as cut off");
			c.frame_send(0, 0, 1500);
			c.run(1000);
			expect(c.cut[0] == 1 && c.sent[0] == 1, "the next frame is whole");
			expect(c.pauses == 0 && c.changes == 0, "beats do not change and frames do not pause");
			if (failed)
				printf("        (a beat in %u clocks, reset %u clocks after the frame's beginning)\n", every, after);
		}
}

// The rest of a frame that comes in is no frame.
void frames_received()
{
	Card c;

	c.in_every = 128;
	c.in_left = 140;
	c.run(128 * 10);
	c.card_reset();
	c.board.csr_write(SL_CSR_PORT_FLAGS(0), 1);
	c.board.csr_write(SL_CSR_CTRL, 1);
	expect(c.in_left > 2, "the frame is still coming");
	while (c.in_left != 0)
		c.clock();
	c.run(200);
	expect(c.port_frames(0) == 0, "its rest is not counted");
	c.in_left = 2;
	c.run(2 * 128 + 200);
	expect(c.port_frames(0) == 1, "the next frame is");
}

// The management core's silence is told after a second and ends in a restart after five; a step of time counts 50 ms at
// most, a core that sleeps for ever is not restarted, and the link's changes wake it.
void firmware_silent()
{
	Card c;
	unsigned restarts = 0;
	auto pass = [&](unsigned ms, unsigned step) {
		for (unsigned i = 0; i < ms; i += step) {
			c.top.time_ms_i += step;
			for (unsigned k = 0; k < 4; k++) {
				c.clock();
				restarts += c.top.restart_o;
			}
		}
	};

	c.board.mgmt_write(SL_MGMT_HEARTBEAT, 77);
	expect(c.board.bar_read(SL_BAR_HEARTBEAT) == 77, "the heartbeat can be read");
	pass(999, 1);
	expect((c.board.bar_read(SL_BAR_STATUS) & 4) == 0, "a second has not passed");
	pass(1, 1);
	expect((c.board.bar_read(SL_BAR_STATUS) & 4) != 0, "silence is told after a second");
	c.board.mgmt_write(SL_MGMT_HEARTBEAT, 78);
	c.run(4);
	expect((c.board.bar_read(SL_BAR_STATUS) & 4) == 0, "a heartbeat ends it");
	pass(4900, 50);
	pass(98, 1);
	expect(restarts == 0, "five seconds have not passed");
	pass(10, 1);
	expect(restarts == 1 && c.top.restart_cause_o == SL_RESET_KIND_FIRMWARE, "the core starts again after five");
	expect(c.board.mgmt_read(SL_MGMT_HANGS) == 1, "and is told why");
	pass(8000, 400);
	expect(restarts == 1, "a long step of time counts little");
	c.board.mgmt_write(SL_MGMT_HEARTBEAT, 79);
	c.board.mgmt_write(SL_MGMT_SLEEP, 0xffffffffu);
	pass(20000, 50);
	expect(restarts == 1, "a core that sleeps for ever is left alone");
	c.top.link_i ^= 1;
	c.run(4);
	expect(c.top.wake_o, "a link's change wakes");
	(void)c.board.mgmt_read(SL_MGMT_LINK);
	c.run(4);
	expect(!c.top.wake_o, "until it was read");
}

} // namespace

int main()
{
	static const rows::Row all[] = {
		{"the datapath's registers answer around a card reset", csr_answers},
		{"frames that are sent when a card reset comes", frames_sent},
		{"frames that come when a card reset does", frames_received},
		{"the management core's silence", firmware_silent},
		{"busy until nothing is left to do", busy_until_done},
	};

	return rows::run("nic_reset", all);
}
