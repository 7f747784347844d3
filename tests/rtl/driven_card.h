// SPDX-License-Identifier: BSD-3-Clause
// A Verilated top with the ports of hw/rtl/sl_hif.sv (sl_hif itself, or the whole sl_nic) on a board
// (sim/nic_rtl/board.h), a clock at a time. A test derives from it: it drives the other inputs, looks at what a clock
// transfers, and plays the driver with the helpers below.
#ifndef SLUICE_TESTS_RTL_DRIVEN_CARD_H
#define SLUICE_TESTS_RTL_DRIVEN_CARD_H

#include <cstdint>
#include <cstring>
#include <vector>

#include "verilated.h"

#include "sim/engine_rtl/coverage.h"
#include "sim/nic_rtl/board.h"

#define _Static_assert static_assert
#include "sluice/contract.h"

template <class Top> class DrivenCard {
public:
	static constexpr size_t LINE = SL_BEAT_BYTES;

	VerilatedContext context;
	Top top;
	Board<Top> board;
	uint64_t clocks = 0;

	DrivenCard(const char *name, BoardMemory memory)
		: top(&context, name), board(top, std::move(memory), [this](unsigned vector) { raised(vector); })
	{
		board.clock = [this] { clock(); };
	}
	virtual ~DrivenCard()
	{
		top.final();
		rtl_cover_write(context);
	}

	void power_on()
	{
		top.rst_ni = 0;
		for (int i = 0; i < 4; i++)
			clock();
		top.rst_ni = 1;
		clock();
	}
	void clock()
	{
		drive();
		board.drive();
		top.clk_i = 0;
		top.eval();
		take();
		board.take();
		top.clk_i = 1;
		top.eval();
		board.settle();
		settle();
		clocks++;
	}
	void run(uint64_t n)
	{
		while (n-- > 0)
			clock();
	}
	void queue_set(unsigned q, uint64_t sq, uint64_t cq, unsigned log2)
	{
		board.bar_write(SL_BAR_Q_SQ_LO(q), (uint32_t)sq);
		board.bar_write(SL_BAR_Q_SQ_HI(q), (uint32_t)(sq >> 32));
		board.bar_write(SL_BAR_Q_CQ_LO(q), (uint32_t)cq);
		board.bar_write(SL_BAR_Q_CQ_HI(q), (uint32_t)(cq >> 32));
		board.bar_write(SL_BAR_Q_SIZE(q), log2 | log2 << 8);
	}
	void queue_start(unsigned q, unsigned port, uint64_t sq, uint64_t cq, unsigned log2)
	{
		queue_set(q, sq, cq, log2);
		board.bar_write(SL_BAR_Q_CTRL(q), 1 | port << 8);
	}
	// A host memory of n bytes at base; elsewhere is none.
	static BoardMemory flat(std::vector<uint8_t> &bytes, uint64_t base)
	{
		return {[&bytes, base](uint64_t a, void *to, size_t n) {
				if (a < base || a - base + n > bytes.size())
					return false;
				memcpy(to, bytes.data() + (a - base), n);
				return true;
			},
			[&bytes, base](uint64_t a, const void *from, size_t n) {
				if (a < base || a - base + n > bytes.size())
					return false;
				memcpy(bytes.data() + (a - base), from, n);
				return true;
			}};
	}

protected:
	virtual void drive() {}  // inputs for the coming clock
	virtual void take() {}   // what it transfers, seen just before its edge
	virtual void settle() {} // just after its edge
	virtual void raised(unsigned /* vector */) {}
};

#endif
