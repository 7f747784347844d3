// SPDX-License-Identifier: BSD-3-Clause
// What a board puts around the card's host interface, for a Verilated top with the ports of hw/rtl/sl_hif.sv: host memory
// behind AXI4 with latency and reordering, a master for each AXI4-Lite port, and the receiver of interrupt requests.
//
// Memory: every burst gets a random latency from a seed. Reads of different IDs return in any order, beat by beat between
// each other; writes take effect when they are acknowledged, in order of one ID, in any order between IDs. So a completion
// that did not wait for its payload would be seen. Like on PCIe the answer to a register read pushes writes ahead of it.
#ifndef SLUICE_SIM_NIC_RTL_BOARD_H
#define SLUICE_SIM_NIC_RTL_BOARD_H

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <vector>

// xorshift64*: the latencies of a seed are the same everywhere.
struct BoardRandom {
	uint64_t state = 1;
	uint32_t next()
	{
		state ^= state >> 12;
		state ^= state << 25;
		state ^= state >> 27;
		return (uint32_t)(state * 0x2545f4914f6cdd1dull >> 32);
	}
	uint32_t below(uint32_t n) { return n > 1 ? next() % n : 0; }
};

struct BoardMemory {
	std::function<bool(uint64_t, void *, size_t)> read;
	std::function<bool(uint64_t, const void *, size_t)> write; // the last byte becomes visible last
};

template <class Top> class Board {
public:
	Board(Top &t, BoardMemory m, std::function<void(unsigned)> r) : top(t), memory(m), raise(r) {}

	BoardRandom random;
	uint32_t latency_min = 4, latency_spread = 4; // clocks
	uint32_t write_latency_min = 0;               // 0: like a read's
	unsigned stall_pct = 0;
	bool deaf = false; // reads are taken and not answered
	uint64_t read_bursts = 0, write_bursts = 0, interrupts = 0;
	uint32_t outstanding_most = 0;
	std::function<void()> clock; // one clock of everything

	void reset()
	{
		reads.clear();
		writes.clear();
		headers.clear();
		data.clear();
		top.m_axi_rvalid = top.m_axi_bvalid = 0;
	}
	bool idle() const
	{
		return reads.empty() && writes.empty() && headers.empty() && !top.m_axi_rvalid && !top.m_axi_bvalid;
	}

	// Inputs for the coming clock.
	void drive()
	{
		top.m_axi_arready = reads.size() < READS_MAX && !stall();
		top.m_axi_awready = headers.size() < HEADERS_MAX && !stall();
		top.m_axi_wready = !stall();
		top.irq_ready_i = !stall();
		if (!top.m_axi_rvalid)
			offer_read();
		if (!top.m_axi_bvalid)
			offer_ack();
	}

	// What this clock transfers, seen just before its edge; settle() after it.
	void take()
	{
		read_taken = top.m_axi_rvalid && top.m_axi_rready;
		ack_taken = top.m_axi_bvalid && top.m_axi_bready;
		if (top.m_axi_arvalid && top.m_axi_arready)
			take_read();
		if (top.m_axi_awvalid && top.m_axi_awready)
			headers.push_back({top.m_axi_awid, top.m_axi_awaddr, top.m_axi_awlen + 1u, 0, {}, {}});
		if (top.m_axi_wvalid && top.m_axi_wready)
			data.push_back(beat());
		match();
		if (top.irq_valid_o && top.irq_ready_i) {
			interrupts++;
			raise(top.irq_vector_o);
		}
		now++;
	}
	void settle()
	{
		if (read_taken)
			top.m_axi_rvalid = 0;
		if (ack_taken)
			top.m_axi_bvalid = 0;
	}

	uint32_t bar_read(uint32_t offset)
	{
		const uint32_t value = access_read(top.s_axil_bar_arvalid, top.s_axil_bar_arready, top.s_axil_bar_araddr,
						   top.s_axil_bar_rvalid, top.s_axil_bar_rready, top.s_axil_bar_rdata, offset);
		flush();
		return value;
	}
	void bar_write(uint32_t offset, uint32_t value)
	{
		access_write(top.s_axil_bar_awvalid, top.s_axil_bar_awready, top.s_axil_bar_awaddr, top.s_axil_bar_wvalid,
			     top.s_axil_bar_wdata, top.s_axil_bar_bvalid, top.s_axil_bar_bready, offset, value);
	}
	uint32_t mgmt_read(uint32_t offset)
	{
		return access_read(top.s_axil_mgmt_arvalid, top.s_axil_mgmt_arready, top.s_axil_mgmt_araddr,
				   top.s_axil_mgmt_rvalid, top.s_axil_mgmt_rready, top.s_axil_mgmt_rdata, offset);
	}
	void mgmt_write(uint32_t offset, uint32_t value)
	{
		access_write(top.s_axil_mgmt_awvalid, top.s_axil_mgmt_awready, top.s_axil_mgmt_awaddr, top.s_axil_mgmt_wvalid,
			     top.s_axil_mgmt_wdata, top.s_axil_mgmt_bvalid, top.s_axil_mgmt_bready, offset, value);
	}

	// Only of a top that has the datapath's registers (sl_nic).
	template <class T = Top> uint32_t csr_read(uint32_t offset)
	{
		T &t = top;

		return access_read(t.s_axil_csr_arvalid, t.s_axil_csr_arready, t.s_axil_csr_araddr, t.s_axil_csr_rvalid,
				   t.s_axil_csr_rready, t.s_axil_csr_rdata, offset & 0xfff);
	}
	template <class T = Top> void csr_write(uint32_t offset, uint32_t value)
	{
		T &t = top;

		access_write(t.s_axil_csr_awvalid, t.s_axil_csr_awready, t.s_axil_csr_awaddr, t.s_axil_csr_wvalid,
			     t.s_axil_csr_wdata, t.s_axil_csr_bvalid, t.s_axil_csr_bready, offset & 0xfff, value);
	}

private:
	static constexpr size_t LINE = 64, READS_MAX = 128, HEADERS_MAX = 16;
	static constexpr uint32_t ACCESS_CLOCKS_MAX = 100000;
	struct Beat {
		uint8_t bytes[LINE];
		uint64_t strobe;
		bool last;
	};
	struct Read {
		uint32_t id, beats, beat;
		uint64_t due;
		uint64_t addr;
		bool good;
		std::vector<uint8_t> bytes;
	};
	struct Write {
		uint32_t id;
		uint64_t addr;
		uint32_t beats;
		uint64_t due;
		std::vector<uint8_t> bytes;
		std::vector<bool> strobes;
		bool written = false, good = true;
	};

	Top &top;
	BoardMemory memory;
	std::function<void(unsigned)> raise;
	std::deque<Read> reads;
	std::deque<Write> writes, headers;
	std::deque<Beat> data;
	uint64_t now = 0;
	bool read_taken = false, ack_taken = false;

	[[noreturn]] void wrong(const char *what)
	{
		fprintf(stderr, "board: %s\n", what);
		abort();
	}
	bool stall() { return stall_pct != 0 && random.below(100) < stall_pct; }
	uint64_t later(uint32_t least) { return now + least + random.below(latency_spread + 1); }

	Beat beat()
	{
		Beat b;

		memcpy(b.bytes, &top.m_axi_wdata[0], LINE);
		b.strobe = top.m_axi_wstrb;
		b.last = top.m_axi_wlast;
		return b;
	}

	void take_read()
	{
		const uint64_t addr = top.m_axi_araddr;
		const uint32_t beats = top.m_axi_arlen + 1u;

		if (addr % LINE != 0 || addr % 4096 + beats * LINE > 4096)
			wrong("a read burst crosses 4 KiB");
		for (const Read &r : reads)
			if (r.id == top.m_axi_arid)
				wrong("a read ID is used twice");
		reads.push_back({top.m_axi_arid, beats, 0, later(latency_min), addr, false, {}});
		read_bursts++;
		if (reads.size() > outstanding_most)
			outstanding_most = (uint32_t)reads.size();
	}

	// Some burst that is due, one beat of it.
	void offer_read()
	{
		unsigned due = 0, pick;

		for (const Read &r : reads)
			due += r.due <= now;
		if (due == 0 || deaf || stall())
			return;
		pick = random.below(due);
		for (size_t i = 0; i < reads.size(); i++) {
			Read &r = reads[i];

			if (r.due > now || pick-- != 0)
				continue;
			if (r.beat == 0) {
				r.bytes.assign(r.beats * LINE, 0xdb);
				r.good = memory.read(r.addr, r.bytes.data(), r.bytes.size());
			}
			memcpy(&top.m_axi_rdata[0], r.bytes.data() + r.beat * LINE, LINE);
			top.m_axi_rid = r.id;
			top.m_axi_rresp = r.good ? 0 : 2;
			top.m_axi_rlast = ++r.beat == r.beats;
			top.m_axi_rvalid = 1;
			if (r.beat == r.beats)
				reads.erase(reads.begin() + (long)i);
			return;
		}
	}

	// Data without a header waits; AXI allows either first.
	void match()
	{
		while (!headers.empty() && !data.empty()) {
			Write &w = headers.front();
			const Beat &b = data.front();

			if (w.bytes.empty() && (w.addr % LINE != 0 || w.addr % 4096 + w.beats * LINE > 4096))
				wrong("a write burst crosses 4 KiB");
			w.bytes.insert(w.bytes.end(), b.bytes, b.bytes + LINE);
			for (size_t i = 0; i < LINE; i++)
				w.strobes.push_back(b.strobe >> i & 1);
			if (b.last != (w.bytes.size() == w.beats * LINE))
				wrong("WLAST does not fit AWLEN");
			if (b.last) {
				w.due = later(write_latency_min ? write_latency_min : latency_min);
				writes.push_back(std::move(w));
				headers.pop_front();
				write_bursts++;
			}
			data.pop_front();
		}
	}

	void carry_out(Write &w)
	{
		size_t first = 0, end;

		while (first < w.strobes.size() && !w.strobes[first])
			first++;
		end = first;
		while (end < w.strobes.size() && w.strobes[end])
			end++;
		for (size_t i = end; i < w.strobes.size(); i++)
			if (w.strobes[i])
				wrong("a write burst has a hole");
		w.good = first == end || memory.write(w.addr + first, w.bytes.data() + first, end - first);
		w.written = true;
	}

	bool first_of_id(size_t i) const
	{
		for (size_t k = 0; k < i; k++)
			if (writes[k].id == writes[i].id)
				return false;
		return true;
	}

	void offer_ack()
	{
		for (size_t i = 0; i < writes.size(); i++) {
			Write &w = writes[i];

			if (w.due > now || !first_of_id(i) || stall())
				continue;
			if (!w.written)
				carry_out(w);
			top.m_axi_bid = w.id;
			top.m_axi_bresp = w.good ? 0 : 2;
			top.m_axi_bvalid = 1;
			writes.erase(writes.begin() + (long)i);
			return;
		}
	}

	void flush()
	{
		for (Write &w : writes)
			if (!w.written)
				carry_out(w);
	}

	template <class Bit, class Addr, class Data>
	uint32_t access_read(Bit &valid, Bit &ready, Addr &addr, Bit &rvalid, Bit &rready, Data &rdata, uint32_t offset)
	{
		uint32_t value;

		valid = 1;
		rready = 1;
		addr = (Addr)offset;
		for (uint32_t i = 0; !rvalid; i++) {
			top.eval();
			const bool taken = ready;

			clock();
			if (taken)
				valid = 0;
			if (i == ACCESS_CLOCKS_MAX)
				wrong("a register read is not answered");
		}
		value = rdata;
		clock();
		return value;
	}

	template <class Bit, class Addr, class Data>
	void access_write(Bit &awvalid, Bit &awready, Addr &addr, Bit &wvalid, Data &wdata, Bit &bvalid, Bit &bready,
			  uint32_t offset, uint32_t value)
	{
		awvalid = wvalid = 1;
		bready = 1;
		addr = (Addr)offset;
		wdata = value;
		for (uint32_t i = 0; !bvalid; i++) {
			top.eval();
			const bool taken = awready;

			clock();
			if (taken)
				awvalid = wvalid = 0;
			if (i == ACCESS_CLOCKS_MAX)
				wrong("a register write is not answered");
		}
		clock();
	}
};

#endif
