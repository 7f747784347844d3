// SPDX-License-Identifier: BSD-3-Clause
// What the whole card in RTL (hw/rtl/sl_nic.sv) owes to those around it when a card reset meets what is under way: the
// management core's register accesses, frames on the wire. With the RTL's assertions. Each row of `rows` is one promise.
#include <cinttypes>
#include <cstdio>

#include "Vsl_nic.h"

#include "tests/rtl/driven_card.h"

namespace {

constexpr size_t MEMORY = 1u << 20;
constexpr uint64_t BUFFER = 0x80000, RESET_CLOCKS = 100000;
constexpr unsigned LOG2 = 8, PORTS = 2, TX = SL_QUEUE_TX0;

int failed;

void expect(bool good, const char *what)
{
	if (good)
		return;
	printf("        not so: %s\n", what);
	failed++;
}

struct Memory {
	std::vector<uint8_t> memory = std::vector<uint8_t>(MEMORY);
};

struct Card : Memory, DrivenCard<Vsl_nic> {
	Card() : DrivenCard("sl_nic", flat(memory, 0))
	{
		board.latency_min = 8;
		top.link_i = (1u << PORTS) - 1;
		power_on();
		settle_clear();
	}
	void settle_clear()
	{
		for (uint64_t i = 0; i < RESET_CLOCKS && (top.clearing_o || board.bar_read(SL_BAR_RESET) != 0); i++)
			clock();
	}
};

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

struct Row {
	const char *what;
	void (*test)();
};

} // namespace

int main()
{
	static const Row rows[] = {
		{"the datapath's registers answer around a card reset", csr_answers},
	};
	unsigned bad = 0;

	for (const Row &row : rows) {
		failed = 0;
		row.test();
		printf("%-60s %s\n", row.what, failed ? "FAILED" : "ok");
		bad += failed != 0;
	}
	printf("nic_reset: %zu rows, %u failed\n", sizeof(rows) / sizeof(rows[0]), bad);
	return bad != 0;
}
