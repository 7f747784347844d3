// SPDX-License-Identifier: BSD-3-Clause
// The management core's block by itself: counters of what the host did not get, beyond 32 bits, with a frame in every
// clock, and what a start of the core leaves of them.
#include <cstdint>

#include "Vsl_mgmt.h"
#include "Vsl_mgmt___024root.h"
#include "tests/rtl/rows.h"
#include "verilated.h"

#define _Static_assert static_assert
extern "C" {
#include "sluice/contract.h"
}

namespace {

using rows::expect;

constexpr uint32_t LO[4] = { SL_MGMT_NO_HOST_PACKETS, SL_MGMT_NO_HOST_BYTES, SL_MGMT_HOST_FULL_PACKETS,
			     SL_MGMT_HOST_FULL_BYTES };

struct Bench {
	VerilatedContext context;
	Vsl_mgmt top{ &context };
	uint64_t want[4] = {};     // in the order of the registers
	uint32_t seed = 1;
	bool frames = false;       // one in every clock, lost for either reason or both

	Bench()
	{
		clock();
		top.rst_ni = 1;
		top.s_axil_bready = top.s_axil_rready = 1;
	}
	uint32_t random()
	{
		return seed = seed * 1664525 + 1013904223;
	}
	void edge()
	{
		top.clk_i = 0;
		top.eval();
		top.clk_i = 1;
		top.eval();
	}
	void clock()
	{
		const uint32_t which = frames ? 1 + (random() >> 16) % 3 : 0, len = 60 + (random() >> 8) % 9541;

		top.no_host_i = which & 1;
		top.host_full_i = which >> 1;
		top.drop_len_i = (uint16_t)len;
		edge();
		for (unsigned r = 0; r < 2; r++) {
			want[2 * r] += which >> r & 1;
			want[2 * r + 1] += which >> r & 1 ? len : 0;
		}
		top.no_host_i = top.host_full_i = 0;
	}
	// The register as it was before the clock of the read. Its word is there after that clock.
	uint32_t read(uint32_t offset)
	{
		top.s_axil_arvalid = 1;
		top.s_axil_araddr = (uint16_t)offset;
		clock();
		top.s_axil_arvalid = 0;
		const uint32_t word = top.s_axil_rdata;
		clock();
		return word;
	}
	void write(uint32_t offset, uint32_t word)
	{
		top.s_axil_awvalid = top.s_axil_wvalid = 1;
		top.s_axil_awaddr = (uint16_t)offset;
		top.s_axil_wdata = word;
		clock();
		top.s_axil_awvalid = top.s_axil_wvalid = 0;
		clock();
	}
	// What the counter read, and what it had to read: of one moment, though frames go on between the halves.
	bool exact(unsigned counter)
	{
		const uint64_t now = want[counter];
		const uint32_t lo = read(LO[counter]);

		for (uint32_t wait = random() >> 30; wait; wait--)
			clock();
		return (lo | (uint64_t)read(SL_MGMT_DROPS_HI) << 32) == now;
	}
	void preset(uint64_t value)
	{
		auto *root = top.rootp;

		root->sl_mgmt__DOT__no_host_q = root->sl_mgmt__DOT__no_host_bytes_q = value;
		root->sl_mgmt__DOT__full_q = root->sl_mgmt__DOT__full_bytes_q = value;
		for (uint64_t &w : want)
			w = value;
	}
	void start(unsigned cause)
	{
		top.restart_i = 1;
		top.cause_i = (uint8_t)cause;
		clock();
		top.restart_i = 0;
	}
	// The core starts again when it is the watchdog's turn, as the card sees to.
	void pass(uint32_t ms)
	{
		while (ms--) {
			top.time_ms_i++;
			clock();
			if (top.reset_o)
				start(top.reset_kind_o);
		}
	}
};

// Nobody reads meanwhile.
void nothing_wraps()
{
	Bench b;

	b.frames = true;
	while (b.want[1] < 3ull << 32)
		b.clock();
	b.frames = false;
	for (unsigned i = 0; i < 4; i++)
		expect(b.exact(i), "12 GiB of frames are counted");
}

void halves_belong_together()
{
	static const uint64_t starts[] = { UINT32_MAX - 40ull, (5ull << 32) - 3, ~0ull - (1ull << 40), (1ull << 48) - 99999 };

	for (uint64_t at : starts) {
		Bench b;

		b.preset(at);
		b.frames = true;
		for (unsigned i = 0; i < 400; i++)
			expect(b.exact(i % 4), "both halves are of the clock in which the lower was read");
	}
}

void starts()
{
	Bench b;

	b.preset(7ull << 32 | 5);
	b.start(SL_RESET_KIND_FIRMWARE);
	for (unsigned i = 0; i < 4; i++)
		expect(b.exact(i), "a start of the firmware alone keeps what was counted");
	b.start(SL_RESET_KIND_CARD);
	for (uint64_t &w : b.want)
		w = 0;
	for (unsigned i = 0; i < 4; i++)
		expect(b.exact(i), "a card reset begins anew");
}

void hangs()
{
	Bench b;

	b.pass(990);
	b.start(SL_RESET_KIND_FIRMWARE);
	expect(b.read(SL_MGMT_HANGS) == 0, "less than a second without a heartbeat is no hang");
	b.pass(1000);
	expect(b.top.status_o == 4, "a second is");
	b.start(SL_RESET_KIND_FIRMWARE);
	expect(b.read(SL_MGMT_HANGS) == 1, "which a start that the host asks for ends");
	b.pass(1100);
	b.start(SL_RESET_KIND_CARD);
	expect(b.read(SL_MGMT_HANGS) == 2, "also a card reset");
	b.pass(4990);
	expect(b.read(SL_MGMT_HANGS) == 2, "until then nothing has ended it");
	b.pass(20);
	expect(b.read(SL_MGMT_HANGS) == 3, "the watchdog ends it, once");
	b.pass(900);
	expect(b.read(SL_MGMT_HANGS) == 3, "and begins to wait again");
	b.write(SL_MGMT_SLEEP, 0xffffffff);
	b.pass(3000);
	expect(b.top.status_o == 4, "a core that has halted is silent");
	b.start(SL_RESET_KIND_FIRMWARE);
	expect(b.read(SL_MGMT_HANGS) == 3, "but does not hang");
}

} // namespace

int main()
{
	static const rows::Row all[] = {
		{"nothing wraps", nothing_wraps},
		{"the halves of a counter belong together", halves_belong_together},
		{"starts of the core", starts},
		{"hangs are counted, whoever ends them", hangs},
	};

	return rows::run("mgmt_test", all);
}
