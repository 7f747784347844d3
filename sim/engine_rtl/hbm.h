// SPDX-License-Identifier: BSD-3-Clause
// The memory that sl_record_hbm is for, in simulation: one stack of HBM2 as a card's controller shows it, clock by
// clock of the card.
//
//   16 pseudo-channels, each with 16 banks in 4 groups, rows of 1 KiB, a word of 32 bytes a burst
//
// What is modelled: a bounded queue a channel (ready is low while it is full), the way to the DRAM and back, a row that
// must be opened and closed (tRCD, tRP, tRAS: a bank is busy for tRC), four activations at most in tFAW, the data bus
// and its turn from writing to reading, and refresh of all banks, at another time in each channel. A channel works in
// the order of its requests; it opens rows for those that wait behind. What is not: no reordering within a channel,
// which a real controller has to gain bandwidth, no refresh bank by bank, no temperature, no errors.
//
// The figures of the DRAM are those that JESD235 allows a part of 8 Gbit a channel, as DRAMsim3 gives them
// (configs/HBM2_8Gb_x128.ini, 1 GHz). 16 ports of 256 bits a stack, each with answers in order for one AXI ID: Xilinx
// PG276. The way there and back is what measurements of that controller leave: 107 ns for a read of an open row
// (Wang et al., Shuhai, FCCM 2020) less CL and the burst.
//
// Of a read and a write of one word that are under way together nobody may expect an order, so either is at the time of
// its request or of its answer, by chance.
#ifndef SLUICE_SIM_ENGINE_RTL_HBM_H
#define SLUICE_SIM_ENGINE_RTL_HBM_H

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <deque>
#include <unordered_map>
#include <vector>

class Hbm {
public:
	static constexpr unsigned CHANNELS = 16;
	static constexpr size_t WORD = 32;
	using Word = std::array<uint8_t, WORD>;

	struct Request {
		uint64_t done; // ps
		uint64_t address;
		bool late; // memory is read or written with the answer, not with the request
		Word data;
		bool stored;
	};

	// pct: how often in 100 requests more time passes than the DRAM needs, and in 100 clocks a channel is not ready.
	void reset(uint64_t seed, unsigned pct)
	{
		now = 0;
		random = seed ? seed : 1;
		unsteady = pct;
		for (unsigned c = 0; c < CHANNELS; c++) {
			channel[c] = Channel();
			channel[c].refresh = T_REFI * c / CHANNELS + T_REFI; // its next one
		}
	}

	bool ready(unsigned c)
	{
		return channel[c].reads.size() + channel[c].writes.size() < QUEUE && !(unsteady && next() % 100 < unsteady);
	}
	void read(unsigned c, uint64_t address)
	{
		Request r = { schedule(c, address, false), address, (next() & 1) != 0, {}, false };

		if (!r.late)
			r.data = load(c, address);
		channel[c].reads.push_back(r);
	}
	void write(unsigned c, uint64_t address, const void *data)
	{
		Request r = { schedule(c, address, true), address, (next() & 1) != 0, {}, false };

		memcpy(r.data.data(), data, WORD);
		channel[c].writes.push_back(r);
		if (!r.late) // and all before it
			for (Request &w : channel[c].writes)
				store(c, w);
	}
	// The answer that is there, or NULL.
	const Request *answer(unsigned c)
	{
		std::deque<Request> &q = channel[c].reads;

		if (q.empty() || q.front().done > now)
			return nullptr;
		if (q.front().late) {
			q.front().data = load(c, q.front().address);
			q.front().late = false;
		}
		return &q.front();
	}
	void answered(unsigned c) { channel[c].reads.pop_front(); }
	bool acknowledges(unsigned c) const { return !channel[c].writes.empty() && channel[c].writes.front().done <= now; }
	void acknowledged(unsigned c)
	{
		store(c, channel[c].writes.front());
		channel[c].writes.pop_front();
	}
	void clock() { now += CLOCK; }

private:
	// Picoseconds.
	static constexpr uint64_t CLOCK = 3106; // of the card: 322 MHz
	static constexpr uint64_t T_RCD = 14000, T_RP = 14000, T_RAS = 34000, T_CL = 14000, T_CWL = 4000, T_WR = 16000;
	static constexpr uint64_t T_RTP = 6000, T_RRD = 4000, T_FAW = 30000, T_WTR = 8000, T_BURST = 2000;
	static constexpr uint64_t T_RFC = 350000, T_REFI = 3900000; // (DRAMsim3: tRFC 260 ns; larger parts need 350)
	static constexpr uint64_t THERE = 45000, BACK = 45000;
	static constexpr uint64_t UNSTEADY_MAX = 400000;
	static constexpr size_t QUEUE = 32;
	static constexpr unsigned BANKS = 16;
	static constexpr uint64_t CLOSED = UINT64_MAX;

	struct Bank {
		uint64_t row = CLOSED;
		uint64_t open = 0;  // since
		uint64_t close = 0; // not before
		uint64_t act = 0;   // not before
	};
	struct Channel {
		Bank bank[BANKS];
		std::deque<Request> reads, writes;
		std::deque<uint64_t> acts; // the last four
		uint64_t column = 0;       // not before
		uint64_t wrote = 0;        // end of the last write's data
		uint64_t refresh = 0;
		uint64_t read_done = 0, write_done = 0;
		std::unordered_map<uint64_t, Word> memory;
	};
	std::array<Channel, CHANNELS> channel;
	uint64_t now = 0, random = 1;
	unsigned unsteady = 0;

	uint32_t next()
	{
		random ^= random >> 12;
		random ^= random << 25;
		random ^= random >> 27;
		return (uint32_t)(random * 0x2545f4914f6cdd1dull >> 32);
	}
	Word load(unsigned c, uint64_t address)
	{
		const auto found = channel[c].memory.find(address);
		Word never;

		never.fill(0xa5);
		return found == channel[c].memory.end() ? never : found->second;
	}

	// At the latest with its acknowledgement; writes of a channel one after the other.
	void store(unsigned c, Request &write)
	{
		if (!write.stored)
			channel[c].memory[write.address] = write.data;
		write.stored = true;
	}

	// All refreshes that begin by then are over: when the channel goes on. Their banks are closed.
	uint64_t refreshed(Channel &ch, uint64_t at)
	{
		while (at >= ch.refresh) {
			const uint64_t end = ch.refresh + T_RFC;

			for (Bank &b : ch.bank)
				b = { CLOSED, 0, 0, std::max(b.act, end) };
			ch.refresh += T_REFI;
			ch.column = std::max(ch.column, end);
			at = std::max(at, end);
		}
		return at;
	}

	// When the request is answered. Its address from the lowest bits: bytes, a bit of the bank group, column, the bank's
	// other bits, row.
	uint64_t schedule(unsigned c, uint64_t address, bool write)
	{
		Channel &ch = channel[c];
		const uint64_t word = address / WORD, row = word >> 9;
		Bank &b = ch.bank[(word & 1) | (word >> 6 & 7) << 1];
		uint64_t at = refreshed(ch, now + THERE), column;

		if (b.row != row) {
			if (b.row != CLOSED)
				b.act = std::max(b.act, std::max(at, std::max(b.close, b.open + T_RAS)) + T_RP);
			at = std::max(at, b.act);
			if (!ch.acts.empty())
				at = std::max(at, ch.acts.back() + T_RRD);
			if (ch.acts.size() == 4) {
				at = std::max(at, ch.acts.front() + T_FAW);
				ch.acts.pop_front();
			}
			at = refreshed(ch, at);
			ch.acts.push_back(at);
			b = { row, at, 0, 0 };
			at += T_RCD;
		}
		column = std::max(at, ch.column);
		if (!write)
			column = std::max(column, ch.wrote + T_WTR);
		ch.column = column + T_BURST;
		if (write) {
			ch.wrote = column + T_CWL + T_BURST;
			b.close = std::max(b.close, ch.wrote + T_WR);
		} else {
			b.close = std::max(b.close, column + T_RTP);
		}
		uint64_t done = column + (write ? T_CWL : T_CL) + T_BURST + BACK;
		if (unsteady && next() % 100 < unsteady)
			done += next() % UNSTEADY_MAX;
		uint64_t &last = write ? ch.write_done : ch.read_done;
		last = std::max(done, last + 1);
		return last;
	}
};

// Its ports of a Verilated top.
template <class Top> class HbmPorts {
public:
	uint64_t reads = 0, writes = 0; // taken since creation

	void reset(uint64_t seed, unsigned pct) { hbm.reset(seed, pct); }
	// Inputs for the coming clock. What was offered stays until it is taken.
	void drive(Top &t)
	{
		uint32_t ar = 0, w = 0, r = 0, b = 0;

		for (unsigned c = 0; c < Hbm::CHANNELS; c++) {
			const Hbm::Request *answer = hbm.answer(c);

			ar |= (hbm.ready(c) ? 1u : 0u) << c;
			w |= (hbm.ready(c) ? 1u : 0u) << c;
			b |= (hbm.acknowledges(c) ? 1u : 0u) << c;
			if (answer) {
				r |= 1u << c;
				memcpy(&t.hbm_r_data_i[8 * c], answer->data.data(), Hbm::WORD);
			}
		}
		t.hbm_ar_ready_i = ar;
		t.hbm_w_ready_i = w;
		t.hbm_r_valid_i = r;
		t.hbm_b_valid_i = b;
	}
	// What this clock transfers, seen just before its edge.
	void take(Top &t)
	{
		for (unsigned c = 0; c < Hbm::CHANNELS; c++) {
			if (t.hbm_r_valid_i >> c & t.hbm_r_ready_o >> c & 1)
				hbm.answered(c);
			if (t.hbm_b_valid_i >> c & t.hbm_b_ready_o >> c & 1)
				hbm.acknowledged(c);
			if (t.hbm_ar_valid_o >> c & t.hbm_ar_ready_i >> c & 1) {
				hbm.read(c, address(t, c));
				reads++;
			}
			if (t.hbm_w_valid_o >> c & t.hbm_w_ready_i >> c & 1) {
				hbm.write(c, t.hbm_w_addr_o, &t.hbm_w_data_o[0]);
				writes++;
			}
		}
		hbm.clock();
	}

private:
	Hbm hbm;

	static uint64_t address(Top &t, unsigned c)
	{
		const unsigned lsb = 28 * c;
		uint64_t v = t.hbm_ar_addr_o[lsb / 32];

		if (lsb % 32 + 28 > 32)
			v |= (uint64_t)t.hbm_ar_addr_o[lsb / 32 + 1] << 32;
		return v >> lsb % 32 & 0xfffffff;
	}
};

#endif
