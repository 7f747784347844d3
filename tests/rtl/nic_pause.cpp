// SPDX-License-Identifier: BSD-3-Clause
// A MAC of the whole card in RTL (hw/rtl/sl_nic.sv) that takes nothing for long, as one does that is told to pause: what
// the host sends to that port waits in its own queues, and nothing else does. With the RTL's assertions. Each row of
// `rows` is one promise.
//
//   tx queue 0 ─┬─► port 0, paused
//   tx queue 1 ─┴─► port 1
#include <cinttypes>
#include <cstdio>

#include "Vsl_nic.h"

#include "tests/rtl/driven_card.h"
#include "tests/rtl/rows.h"

namespace {

using rows::expect;

constexpr size_t MEMORY = 4u << 20;
constexpr uint64_t BUFFERS = 0x100000, BUFFER = 0x2800, KINDS = 64;
constexpr unsigned LOG2 = 10, RING = 1u << LOG2, PORTS = 2, TX = SL_QUEUE_TX0;
constexpr uint64_t BEGIN_CLOCKS = 3000, RATE_CLOCKS = 4000, SOON = 4000;

struct Memory {
	std::vector<uint8_t> memory = std::vector<uint8_t>(MEMORY);
};

struct Card : Memory, DrivenCard<Vsl_nic> {
	bool paused[PORTS] = {};
	uint64_t beats[PORTS] = {}, frames[PORTS] = {}, wrong = 0;
	unsigned posted[PORTS] = {};
	uint32_t len;

	explicit Card(uint32_t n) : DrivenCard("sl_nic", flat(memory, 0)), len(n)
	{
		board.latency_min = 200;
		board.latency_spread = 60;
		power_on();
		run(100);
		for (unsigned q = 0; q < PORTS; q++)
			start(q);
	}
	static uint64_t ring(unsigned q, bool cq) { return 0x10000u * (q + 1) + (cq ? 0x8000 : 0); }
	// Frame n of a queue is full of n and the queue's number.
	static uint8_t fill(unsigned q, uint64_t n) { return (uint8_t)(n * PORTS + q); }
	void start(unsigned q)
	{
		for (unsigned i = 0; i < RING; i++) {
			const uint64_t buffer = BUFFERS + (i % KINDS * PORTS + q) * BUFFER;
			const sl_tx_desc d = {buffer, len, 1, 0};

			memset(&memory[buffer], fill(q, i % KINDS), len);
			memcpy(&memory[ring(q, false) + i * sizeof(d)], &d, sizeof(d));
		}
		posted[q] = 0;
		queue_start(TX + q, q, ring(q, false), ring(q, true), LOG2);
	}
	void post(unsigned q, unsigned n)
	{
		posted[q] += n;
		board.bar_write(SL_BAR_DB_SQ_TAIL(TX + q), posted[q] % RING);
	}
	// The driver: as many new frames as have left, completions forgotten.
	void refill(unsigned q)
	{
		board.bar_write(SL_BAR_DB_CQ_HEAD(TX + q), completed(q));
		post(q, RING - 2 - (posted[q] - (unsigned)frames[q]));
	}
	uint32_t completed(unsigned q)
	{
		uint32_t n = 0;

		while (n < RING - 1 && (memory[ring(q, true) + (heads[q] + n) % RING * 8 + 7] & 1) == !((heads[q] + n) / RING & 1))
			n++;
		heads[q] += n;
		return heads[q] % RING;
	}
	unsigned heads[PORTS] = {};

	void drive() override
	{
		top.m_axis_tready = 0;
		for (unsigned p = 0; p < PORTS; p++)
			top.m_axis_tready |= paused[p] ? 0 : 1u << p;
	}
	void take() override
	{
		for (unsigned p = 0; p < PORTS; p++) {
			if (!(top.m_axis_tvalid >> p & top.m_axis_tready >> p & 1))
				continue;
			const uint8_t *bytes = (const uint8_t *)&top.m_axis_tdata[0] + LINE * p;
			const uint8_t want = fill(p, frames[p] % KINDS);

			wrong += bytes[0] != want || bytes[(len - 1) % LINE] != want;
			beats[p]++;
			frames[p] += top.m_axis_tlast >> p & 1;
		}
	}
	// Beats a clock to port q, whose queue never runs dry.
	double rate(unsigned q, uint64_t n)
	{
		const uint64_t before = beats[q], from = clocks;

		while (clocks - from < n) {
			run(100);
			refill(q);
		}
		return (double)(beats[q] - before) / (double)(clocks - from);
	}
	bool quiet_soon(uint32_t offset, uint32_t mask)
	{
		const uint64_t from = clocks;

		top.s_axil_bar_araddr = (uint16_t)offset;
		top.s_axil_bar_rready = 1;
		while (clocks - from < SOON) {
			bool answered = false;

			top.s_axil_bar_arvalid = 1;
			while (!answered && clocks - from < SOON) {
				top.eval();
				const bool taken = top.s_axil_bar_arready;

				clock();
				if (taken)
					top.s_axil_bar_arvalid = 0;
				answered = top.s_axil_bar_rvalid;
			}
			const uint32_t value = top.s_axil_bar_rdata;
			clock();
			if (answered && (value & mask) == 0)
				return true;
		}
		top.s_axil_bar_arvalid = 0;
		return false;
	}
};

// Beats a clock to port 1, perhaps beside frames for port 0, which pauses. (One Verilated context lives at a time.)
double rate_beside(uint32_t len, bool pauses)
{
	Card c(len);
	double rate;

	c.paused[0] = pauses;
	for (unsigned q = pauses ? 0 : 1; q < PORTS; q++)
		c.post(q, RING - 2);
	(void)c.rate(1, BEGIN_CLOCKS);
	rate = c.rate(1, RATE_CLOCKS);
	if (pauses) {
		expect(c.beats[0] == 0, "a port that pauses sends nothing");
		c.paused[0] = false;
		for (unsigned i = 0; i < 400 && c.frames[0] < RING - 2; i++)
			c.run(1000);
		expect(c.frames[0] == RING - 2, "nor does it lose anything");
	}
	expect(c.wrong == 0, "frames are whole and in order");
	return rate;
}

// The other port's frames keep their pace, and none is lost where it waits.
void others_go_on()
{
	for (uint32_t len : {64u, 1500u, 9600u}) {
		const double full = rate_beside(len, false), beside = rate_beside(len, true);

		printf("        %4u bytes: %.3f beats a clock to port 1, %.3f beside port 0 that pauses\n", len,
			full, beside);
		expect(full > (len < 256 ? 0.4 : 0.7), "frames go to port 1");
		expect(beside > full * 0.95, "as many beside a port that pauses");
	}
}

// A queue whose port pauses stops, and starts again.
void a_queue_stops()
{
	for (uint32_t len : {64u, 1500u, 9600u}) {
		Card c(len);

		c.paused[0] = true;
		c.post(0, RING - 2);
		c.run(BEGIN_CLOCKS);
		c.board.bar_write(SL_BAR_Q_CTRL(TX), 0);
		expect(c.quiet_soon(SL_BAR_Q_CTRL(TX), 1), "its queue has stopped");
		c.board.bar_write(SL_BAR_Q_CTRL(TX + 1), 0);
		expect(c.quiet_soon(SL_BAR_Q_CTRL(TX + 1), 1), "and so has the other");
	}
}

// A host interface reset ends, what the card has goes on the wire when the MAC takes it, and the queues work again.
void the_host_interface_is_reset()
{
	for (uint32_t len : {64u, 1500u, 9600u}) {
		Card c(len);

		c.paused[0] = true;
		c.post(0, RING - 2);
		c.run(BEGIN_CLOCKS);
		c.board.bar_write(SL_BAR_RESET, SL_RESET_KIND_HOST_IF);
		expect(c.quiet_soon(SL_BAR_RESET, 1), "the reset has ended");
		c.paused[0] = false;
		c.run(2000);
		expect(c.frames[0] > 0 && c.wrong == 0, "what the card has is sent");
		c.frames[0] = 0;
		c.start(0);
		c.post(0, 20);
		c.run(20 * (len / 64 + 1) + 2000);
		expect(c.frames[0] == 20 && c.wrong == 0, "then the queue works again");
	}
}

} // namespace

int main()
{
	static const rows::Row all[] = {
		{"frames to a port beside one that pauses", others_go_on},
		{"a queue of a port that pauses is stopped", a_queue_stops},
		{"the host interface is reset while a port pauses", the_host_interface_is_reset},
	};

	return rows::run("nic_pause", all);
}
