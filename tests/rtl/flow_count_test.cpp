// SPDX-License-Identifier: BSD-3-Clause
// Flow counters where 32 and 64 bits end: entries of sl_flow_count are set just below, frames come at one per clock, and
// every read is exact. Nothing is folded: 64 bits of bytes at 100 Gb/s last for 46 years. (The model's: table_test.)
#include <cinttypes>
#include <cstdio>

#include "Vsl_flow_count.h"
#include "Vsl_flow_count___024root.h"
#include "verilated.h"

#define _Static_assert static_assert
extern "C" {
#include "sluice/contract.h"
}

namespace {

constexpr unsigned FLOWS = 16, FRAMES = 1000;

struct Counters {
	uint64_t packets, bytes;
};

const Counters starts[] = {
	{ 0, 0 },
	{ UINT32_MAX - 2ull, UINT32_MAX - 100ull },
	{ UINT32_MAX, UINT32_MAX },
	{ (1ull << 48) - 1, (1ull << 48) - 1 },
	{ UINT64_MAX - 2, UINT64_MAX - 100 },
	{ UINT32_MAX - 500ull, UINT64_MAX - 40000 },
};

struct Bench {
	VerilatedContext context;
	Vsl_flow_count top{ &context };

	void clock()
	{
		top.clk_i = 0;
		top.eval();
		top.clk_i = 1;
		top.eval();
		top.valid_i = 0;
		top.read_i = 0;
		top.fresh_i = 0;
		top.born_i = 0;
		top.last_i = 0;
	}
	void read(unsigned flow, bool fresh)
	{
		top.read_i = 1;
		top.fresh_i = fresh;
		top.read_index_i = (uint8_t)flow;
		clock();
		clock();
	}
	Counters seen() const
	{
		const auto &d = top.data_o;

		return { d[0] | (uint64_t)d[1] << 32, d[2] | (uint64_t)d[3] << 32 };
	}
	// Writes the entry and its copy; of its life and mark, nothing.
	void preset(unsigned flow, const Counters &c)
	{
		auto *root = top.rootp;

		for (auto *mem : { &root->sl_flow_count__DOT__mem, &root->sl_flow_count__DOT__copy_mem }) {
			auto &entry = (*mem)[flow];

			entry[0] = (uint32_t)c.packets;
			entry[1] = (uint32_t)(c.packets >> 32);
			entry[2] = (uint32_t)c.bytes;
			entry[3] = (uint32_t)(c.bytes >> 32);
		}
	}
	void frame(unsigned flow, unsigned len)
	{
		top.valid_i = 1;
		top.index_i = (uint8_t)flow;
		top.len_i = (uint16_t)len;
		clock();
	}
};

unsigned failed;

void check(const char *what, unsigned row, const Counters &got, const Counters &want)
{
	if (got.packets == want.packets && got.bytes == want.bytes)
		return;
	fprintf(stderr, "flow_count_test: %s, start %u: %" PRIu64 " frames %" PRIu64 " bytes, not %" PRIu64 " and %" PRIu64 "\n", what,
		row, got.packets, got.bytes, want.packets, want.bytes);
	failed++;
}

void hot_flow(Bench &b, unsigned row)
{
	Counters want = starts[row];
	const unsigned flow = row;

	b.read(flow, true); // a flow begins, and has a frame, so that the entry counts
	b.top.born_i = 1;
	b.top.born_index_i = (uint8_t)flow;
	b.clock();
	b.frame(flow, 64);
	for (unsigned i = 0; i < 4; i++)
		b.clock();
	b.preset(flow, want);
	for (unsigned i = 0; i < FRAMES; i++) {
		const unsigned len = 60 + i % 9541;

		want.packets++;
		want.bytes += len;
		b.frame(flow, len);
	}
	for (unsigned i = 0; i < 4; i++)
		b.clock();
	b.read(flow, false);
	check("one flow in every clock", row, b.seen(), want);
}

// All flows in turn, and reads beside the frames: each is what had been written two clocks before.
void mixed(Bench &b)
{
	Counters want[FLOWS] = {};

	for (unsigned row = 0; row < sizeof(starts) / sizeof(starts[0]); row++) {
		want[row] = starts[row];
		b.preset(row, starts[row]);
	}
	for (unsigned i = 0; i < FRAMES * 6; i++) {
		const unsigned row = (i * 7 + i / 13) % 6, len = 60 + (i * 31) % 9000;

		want[row].packets++;
		want[row].bytes += len;
		b.frame(row, len);
	}
	for (unsigned i = 0; i < 4; i++)
		b.clock();
	for (unsigned row = 0; row < 6; row++) {
		b.read(row, false);
		check("six flows in turn", row, b.seen(), want[row]);
	}
}

} // namespace

int main()
{
	Bench b;

	b.top.rst_ni = 0;
	b.clock();
	b.clock();
	b.top.rst_ni = 1;
	for (unsigned row = 0; row < sizeof(starts) / sizeof(starts[0]); row++)
		hot_flow(b, row);
	mixed(b);
	b.top.final();
	printf("flow_count_test: %zu starts, %u frames each and in turn: %s\n", sizeof(starts) / sizeof(starts[0]), FRAMES,
	       failed ? "wrong" : "exact");
	return failed != 0;
}
