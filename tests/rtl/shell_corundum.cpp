// SPDX-License-Identifier: BSD-3-Clause
// The wrapper that places the card in Corundum's shell (hw/shell, docs/shell.md), against a shell that behaves as badly
// as its interface allows: descriptors are accepted late, their parts mixed with those of others, their ends told in
// any order; the RAMs are accessed in pieces, a segment alone or both; every ready comes and goes. Real bytes go
// through, and all of them are compared. Each row of `all` is one promise. SHELL_SEED chooses another sequence.
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <iterator>
#include <list>
#include <map>
#include <vector>

#include "Vsl_corundum_bar.h"
#include "Vsl_corundum_dma.h"
#include "Vsl_corundum_port.h"
#include "verilated.h"
#include "tests/rtl/rows.h"

namespace {

using rows::expect;

constexpr unsigned BEAT = 64, BURST = 512;
constexpr uint64_t BASE = 0x123456700000; // of host memory, at a page
constexpr size_t READ_SIZE = 1u << 16, WRITE_SIZE = 1u << 17;
constexpr uint64_t BAD_PAGE = BASE + 0x4000;                // reads of this page fail,
constexpr uint64_t BAD_WRITES = BASE + READ_SIZE + 0x2000; // and writes to this one

uint64_t first, state;
uint32_t draw()
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return static_cast<uint32_t>(state >> 16);
}
unsigned below(unsigned n) { return draw() % n; }
bool chance(unsigned percent) { return below(100) < percent; }

template <class T> void put(T &port, size_t at, const void *from, size_t n)
{
	memcpy(reinterpret_cast<uint8_t *>(&port) + at, from, n);
}
template <class T> void get(void *to, const T &port, size_t at, size_t n)
{
	memcpy(to, reinterpret_cast<const uint8_t *>(&port) + at, n);
}

// How willing everyone is, in percent: some worlds are slow on one side, some run at full speed.
struct Pace {
	unsigned ask = 60, descriptor = 60, ram = 70, answer = 70, latency = 40;
};

// The shell's end of the DMA interface: descriptors, host memory, the two RAM ports.
struct Shell {
	struct Op {
		uint64_t host;
		unsigned ram, len, tag, moved = 0, done = 0, wait, waiting[2] = {}, pending = 0;
		bool bad = false;
		std::vector<uint8_t> bytes;
	};
	std::vector<uint8_t> reads, writes;
	std::list<Op> rd, wr;         // accepted, not ended
	std::deque<unsigned> acks[2]; // tags of RAM writes taken, whose done is to come
	struct Fetch {
		Op *op;
		unsigned from, n; // of the segment's bytes, and how many
		size_t at;        // of the operation
	};
	std::deque<Fetch> fetches[2];
	Pace pace;

	Shell()
	{
		for (size_t i = 0; i < READ_SIZE; i++)
			reads.push_back(static_cast<uint8_t>(draw()));
		writes.assign(WRITE_SIZE, 0xee);
	}
};

// One burst that the card has asked for.
struct Read {
	uint64_t addr;
	unsigned beats, got = 0;
	bool ended = false;
};
struct Write {
	uint64_t addr;
	unsigned id, first, len, sent = 0, beats;
	std::vector<uint8_t> bytes; // whole beats
};

struct Dma {
	VerilatedContext context;
	Vsl_corundum_dma top{&context, "dma"};
	Shell shell;
	std::map<unsigned, Read> reads;
	std::deque<Write> aw, w, b; // to be asked for; whose data is to come; whose answer is
	std::vector<bool> busy = std::vector<bool>(WRITE_SIZE / BURST);
	std::vector<uint8_t> expected = std::vector<uint8_t>(WRITE_SIZE, 0xee);
	uint64_t reads_done = 0, writes_done = 0, errors = 0, begun = 0, carried = 0;
	bool ar_drawn = false, more = true;

	Dma()
	{
		context.assertOn(true);
		top.rst_ni = 0;
		for (int i = 0; i < 8; i++)
			tick();
		top.rst_ni = 1;
	}
	void tick()
	{
		top.eval();
		if (top.rst_ni)
			take();
		top.clk_i = 1;
		top.eval();
		if (top.rst_ni) {
			expect(top.writes_begun_o == begun % 128, "the writes that have begun are counted");
			expect((carried - top.writes_done_o) % 128 < 64, "and none as carried out that is not");
		}
		drive();
		top.clk_i = 0;
		top.eval();
	}

	// What the clock's edge carries over, before it.
	void take()
	{
		Shell &s = shell;

		if (top.s_axi_arvalid && top.s_axi_arready) {
			reads[top.s_axi_arid] = {top.s_axi_araddr, top.s_axi_arlen + 1u};
			ar_drawn = false;
		}
		if (top.s_axi_rvalid && top.s_axi_rready)
			beat();
		if (top.s_axi_awvalid && top.s_axi_awready) {
			w.push_back(aw.front());
			aw.pop_front();
		}
		if (top.s_axi_wvalid && top.s_axi_wready) {
			Write &now = w.front();

			begun += now.sent == 0;
			if (++now.sent == now.beats) {
				b.push_back(now);
				w.pop_front();
			}
		}
		if (top.s_axi_bvalid && top.s_axi_bready)
			answer();
		if (top.rd_desc_valid_o && top.rd_desc_ready_i) {
			s.rd.push_back({top.rd_desc_dma_addr_o, top.rd_desc_ram_addr_o, top.rd_desc_len_o, top.rd_desc_tag_o});
			s.rd.back().wait = below(s.pace.latency);
			s.rd.back().bad = (s.rd.back().host & ~0xfffull) == BAD_PAGE;
			expect(s.rd.back().len != 0 && s.rd.back().len <= BURST, "a read descriptor has a burst's length");
		}
		if (top.wr_desc_valid_o && top.wr_desc_ready_i) {
			s.wr.push_back({top.wr_desc_dma_addr_o, top.wr_desc_ram_addr_o, top.wr_desc_len_o, top.wr_desc_tag_o});
			s.wr.back().wait = below(s.pace.latency);
			s.wr.back().bytes.resize(s.wr.back().len);
			expect(s.wr.back().len != 0 && s.wr.back().len <= BURST, "a write descriptor has a burst's length");
		}
		for (unsigned seg = 0; seg < 2; seg++) {
			if (top.ram_wr_done_o >> seg & 1) {
				expect(!s.acks[seg].empty(), "the RAM confirms what was written");
				if (!s.acks[seg].empty()) {
					for (Shell::Op &op : s.rd)
						if (op.tag == s.acks[seg].front())
							op.waiting[seg]--;
					s.acks[seg].pop_front();
				}
			}
			if ((top.ram_wr_valid_i & top.ram_wr_ready_o) >> seg & 1)
				s.acks[seg].push_back(wr_tag);
			if ((top.ram_rd_resp_valid_o & top.ram_rd_resp_ready_i) >> seg & 1) {
				Shell::Fetch f = s.fetches[seg].front();

				get(&f.op->bytes[f.at], top.ram_rd_resp_data_o, BEAT * seg + f.from, f.n);
				f.op->done += f.n;
				s.fetches[seg].pop_front();
			}
		}
		expect(((top.ram_wr_valid_i & ~top.ram_wr_ready_o) & 3) == 0, "a RAM takes what the shell writes");
		taken_rd = top.ram_rd_valid_i & top.ram_rd_ready_o;
	}
	unsigned wr_tag = 0, taken_rd = 0;

	void beat()
	{
		auto found = reads.find(top.s_axi_rid);
		uint8_t line[BEAT];

		if (found == reads.end()) {
			expect(false, "only what was asked for is answered");
			return;
		}
		Read &r = found->second;
		const bool bad = (r.addr & ~0xfffull) == BAD_PAGE;

		expect(r.ended, "no data before the shell has read all of it");
		expect((top.s_axi_rresp != 0) == bad, "an error is told, and no other");
		get(line, top.s_axi_rdata, 0, BEAT);
		if (!bad)
			expect(!memcmp(line, &shell.reads[r.addr - BASE + BEAT * r.got], BEAT), "the bytes of host memory");
		r.got++;
		expect(top.s_axi_rlast == (r.got == r.beats), "last at the burst's last beat");
		errors += bad;
		if (r.got == r.beats) {
			reads.erase(found);
			reads_done++;
		}
	}
	void answer()
	{
		if (b.empty()) {
			expect(false, "an answer has a burst");
			return;
		}
		Write now = b.front();
		const size_t at = now.addr - BASE - READ_SIZE, line = at / BURST * BURST;

		b.pop_front();
		expect(now.id == top.s_axi_bid, "answers come in the order of the bursts");
		const bool bad = (now.addr & ~0xfffull) == BAD_WRITES;

		expect((top.s_axi_bresp != 0) == bad, "a write's error is told, and no other");
		if (!bad)
			memcpy(&expected[at + now.first], &now.bytes[now.first], now.len);
		expect(!memcmp(&expected[line], &shell.writes[line], BURST), "the bytes are in host memory, and no others");
		busy[line / BURST] = false;
		writes_done++;
	}

	void drive()
	{
		drive_card();
		drive_shell();
	}
	void drive_card()
	{
		const Pace &p = shell.pace;

		if (!ar_drawn && more && chance(p.ask) && reads.size() < 128) {
			unsigned id = below(128);
			const unsigned beats = 1 + below(8), line = below(READ_SIZE / BURST);

			while (reads.count(id))
				id = (id + 1) % 128;
			top.s_axi_arid = id;
			top.s_axi_arlen = beats - 1;
			top.s_axi_araddr = BASE + line * BURST + BEAT * below(9 - beats);
			ar_drawn = true;
		}
		top.s_axi_arvalid = ar_drawn;
		top.s_axi_rready = chance(p.answer);
		top.s_axi_bready = chance(p.answer);
		if (more && aw.size() + w.size() < 4 && chance(p.ask)) {
			Write n;
			unsigned line = below(WRITE_SIZE / BURST), last;

			while (busy[line])
				line = (line + 1) % (WRITE_SIZE / BURST);
			busy[line] = true;
			n.first = below(BURST);
			last = n.first + below(BURST - n.first);
			if (chance(30)) {
				n.first = 0;
				last = BURST - 1;
			}
			n.addr = BASE + READ_SIZE + line * BURST + n.first / BEAT * BEAT;
			n.len = last - n.first + 1;
			n.beats = last / BEAT - n.first / BEAT + 1;
			n.first %= BEAT;
			n.id = below(16);
			for (unsigned i = 0; i < n.beats * BEAT; i++)
				n.bytes.push_back(static_cast<uint8_t>(draw()));
			aw.push_back(n);
		}
		top.s_axi_awvalid = !aw.empty() && (top.s_axi_awvalid || chance(p.ask));
		if (top.s_axi_awvalid) {
			top.s_axi_awid = aw.front().id;
			top.s_axi_awaddr = aw.front().addr;
			top.s_axi_awlen = aw.front().beats - 1;
		}
		top.s_axi_wvalid = !w.empty() && (w_held() || chance(p.ask));
		if (top.s_axi_wvalid) {
			const Write &now = w.front();
			uint64_t strobes = ~0ull;

			if (now.sent == 0)
				strobes &= ~0ull << now.first;
			if (now.sent == now.beats - 1)
				strobes &= ~0ull >> (63 - (now.first + now.len - 1) % BEAT);
			top.s_axi_wstrb = strobes;
			top.s_axi_wlast = now.sent == now.beats - 1;
			put(top.s_axi_wdata, 0, &now.bytes[BEAT * now.sent], BEAT);
			offered = now.sent;
		}
	}
	unsigned offered = ~0u;
	bool w_held() const { return top.s_axi_wvalid && offered == w.front().sent; }

	void drive_shell()
	{
		Shell &s = shell;
		const Pace &p = s.pace;

		top.rd_desc_ready_i = s.rd.size() < 64 && chance(p.descriptor);
		top.wr_desc_ready_i = s.wr.size() < 32 && chance(p.descriptor);
		for (Shell::Op &op : s.rd)
			op.wait -= op.wait != 0;
		for (Shell::Op &op : s.wr)
			op.wait -= op.wait != 0;

		// Reads: one piece of any operation in a clock, up to 64 bytes wherever they lie; the end when all are confirmed.
		top.ram_wr_valid_i = 0;
		if (!s.rd.empty() && chance(p.ram)) {
			Shell::Op &op = *std::next(s.rd.begin(), below(s.rd.size()));

			if (op.wait == 0 && op.moved < op.len && !op.bad)
				piece_to_ram(op);
		}
		top.rd_status_valid_i = 0;
		top.rd_status_error_i = draw(); // of no meaning without valid
		top.rd_status_tag_i = draw();
		for (auto op = s.rd.begin(); op != s.rd.end() && !s.rd.empty(); ++op) {
			if (op->wait || (!op->bad && (op->moved < op->len || op->waiting[0] || op->waiting[1])) || chance(50))
				continue;
			top.rd_status_valid_i = 1;
			top.rd_status_error_i = op->bad ? 10 : 0;
			top.rd_status_tag_i = op->tag;
			reads[op->tag].ended = true;
			s.rd.erase(op);
			break;
		}
		// Writes: read in order, told in any.
		fetch();
		top.wr_status_valid_i = 0;
		top.wr_status_tag_i = draw();
		top.wr_status_error_i = draw();
		for (auto op = s.wr.begin(); op != s.wr.end(); ++op) {
			if (op->done < op->len || op->wait || chance(50))
				continue;
			const bool bad = (op->host & ~0xfffull) == BAD_WRITES;

			if (!bad)
				memcpy(&s.writes[op->host - BASE - READ_SIZE], op->bytes.data(), op->len);
			top.wr_status_valid_i = 1;
			top.wr_status_error_i = bad ? 8 : 0;
			top.wr_status_tag_i = op->tag;
			carried++;
			s.wr.erase(op);
			break;
		}
	}
	void piece_to_ram(Shell::Op &op)
	{
		const unsigned n = std::min(chance(70) ? BEAT : 1 + below(BEAT), op.len - op.moved);
		uint64_t strobes[2] = {};
		uint8_t data[2][BEAT];

		for (auto &segment : data)
			for (uint8_t &byte : segment)
				byte = static_cast<uint8_t>(draw());
		for (unsigned i = 0; i < n; i++) {
			const unsigned at = op.ram + op.moved + i, seg = at / BEAT % 2;

			strobes[seg] |= 1ull << at % BEAT;
			data[seg][at % BEAT] = shell.reads[op.host - BASE + op.moved + i];
			set_row(top.ram_wr_addr_i, seg, at / (2 * BEAT));
		}
		for (unsigned seg = 0; seg < 2; seg++) {
			put(top.ram_wr_be_i, 8 * seg, &strobes[seg], 8);
			put(top.ram_wr_data_i, BEAT * seg, data[seg], BEAT);
			if (strobes[seg]) {
				top.ram_wr_valid_i |= 1 << seg;
				op.waiting[seg]++;
			}
		}
		wr_tag = op.tag;
		op.moved += n;
	}
	static constexpr unsigned ROW_W = 16 - 7;
	template <class T> static void set_row(T &port, unsigned seg, unsigned row)
	{
		port = static_cast<T>((port & ~(((1u << ROW_W) - 1) << ROW_W * seg)) | row << ROW_W * seg);
	}
	void fetch()
	{
		Shell &s = shell;

		top.ram_rd_resp_ready_i = (chance(s.pace.ram) ? 1 : 0) | (chance(s.pace.ram) ? 2 : 0);
		for (unsigned seg = 0; seg < 2; seg++) {
			if (top.ram_rd_valid_i >> seg & 1 && !(taken_rd >> seg & 1))
				continue; // not taken: stays as it is
			if (top.ram_rd_valid_i >> seg & 1)
				s.fetches[seg].push_back(asked[seg]);
			top.ram_rd_valid_i &= ~(1 << seg);
			if (!chance(s.pace.ram))
				continue;
			// The next bytes in this segment that nobody has asked for, of the oldest operation that has any.
			for (Shell::Op &op : s.wr) {
				if (op.wait)
					continue;
				unsigned at = op.ram + op.waiting[seg];

				while (at < op.ram + op.len && at / BEAT % 2 != seg)
					at = (at / BEAT + 1) * BEAT;
				if (at >= op.ram + op.len)
					continue;
				const unsigned end = std::min((at / BEAT + 1) * BEAT, op.ram + op.len);

				asked[seg] = {&op, at % BEAT, end - at, at - op.ram};
				op.waiting[seg] = end - op.ram;
				set_row(top.ram_rd_addr_i, seg, at / (2 * BEAT));
				top.ram_rd_valid_i |= 1 << seg;
				break;
			}
		}
	}
	Shell::Fetch asked[2] = {};
	bool idle() const { return reads.empty() && aw.empty() && w.empty() && b.empty() && !ar_drawn; }
};

void dma_run(const Pace &pace, unsigned clocks)
{
	Dma dma;

	dma.shell.pace = pace;
	for (unsigned i = 0; i < clocks; i++)
		dma.tick();
	dma.more = false;
	for (unsigned i = 0; i < 20000 && !dma.idle(); i++)
		dma.tick();
	expect(dma.idle(), "everything is answered in the end");
	expect(dma.reads_done > clocks / 50 && dma.writes_done > clocks / 50 && dma.errors, "there was something to compare");
	expect(dma.top.writes_done_o == dma.begun % 128, "every write is counted as carried out in the end");
	expect(dma.expected == dma.shell.writes, "host memory is what was written");
}
void dma_mixed() { dma_run({}, 20000); }
void dma_slow_shell() { dma_run({80, 20, 30, 90, 200}, 20000); }
void dma_slow_card() { dma_run({90, 90, 100, 15, 5}, 20000); }
void dma_full_speed() { dma_run({100, 100, 100, 100, 20}, 20000); }

// BAR 0: a card and an MSI-X table that are behind it, and a DMA whose writes a read must not pass.
struct Bar {
	VerilatedContext context;
	Vsl_corundum_bar top{&context, "bar"};
	struct Write {
		uint32_t addr, data, strobes;
	};
	std::deque<Write> seen[2]; // at the card, at the table
	bool aw_got[2] = {}, w_got[2] = {}, b_due[2] = {}, r_due[2] = {};
	uint32_t aw_addr[2] = {}, r_addr[2] = {};
	unsigned begun = 0, done = 0, must = 0;
	bool hold_reads = false;

	Bar()
	{
		const uint32_t words[4] = {0x11, 0x22, 0x33, 0x44};

		put(top.words_i, 0, words, sizeof(words));
		top.rst_ni = 0;
		tick();
		tick();
		top.rst_ni = 1;
		tick();
	}
	static uint32_t value(unsigned dest, uint32_t addr) { return (dest ? 0xabc00000 : 0x12300000) + addr * 7; }
	static unsigned resp(unsigned dest, uint32_t addr) { return dest && addr == 0xfffc ? 2 : 0; }

	void tick()
	{
		top.eval();
		for (unsigned d = 0; d < 2 && top.rst_ni; d++) {
			if ((top.m_axil_awvalid & top.m_axil_awready) >> d & 1) {
				expect(!aw_got[d], "one address for a write");
				aw_got[d] = true;
				aw_addr[d] = top.m_axil_awaddr;
			}
			if ((top.m_axil_wvalid & top.m_axil_wready) >> d & 1) {
				expect(!w_got[d], "one datum for a write");
				w_got[d] = true;
				seen[d].push_back({0, top.m_axil_wdata, top.m_axil_wstrb});
			}
			if (aw_got[d] && w_got[d]) {
				seen[d].back().addr = aw_addr[d];
				aw_got[d] = w_got[d] = false;
				b_due[d] = true;
			}
			if ((top.m_axil_bvalid & top.m_axil_bready) >> d & 1)
				b_due[d] = false;
			if ((top.m_axil_arvalid & top.m_axil_arready) >> d & 1) {
				r_due[d] = true;
				r_addr[d] = top.m_axil_araddr;
			}
			if ((top.m_axil_rvalid & top.m_axil_rready) >> d & 1) {
				r_due[d] = false;
				must = begun;
			}
		}
		top.clk_i = 1;
		top.eval();
		top.m_axil_awready = draw();
		top.m_axil_wready = draw();
		top.m_axil_arready = draw();
		// Writes to host memory go on meanwhile, some of them long under way.
		if (begun - done < 60 && chance(40))
			begun++;
		if (begun != done && !hold_reads && chance(40))
			done++;
		top.writes_begun_i = begun;
		top.writes_done_i = done;
		for (unsigned d = 0; d < 2; d++) {
			if (b_due[d] && (top.m_axil_bvalid >> d & 1 || chance(30)))
				top.m_axil_bvalid |= 1 << d;
			else
				top.m_axil_bvalid &= ~(1 << d);
			if (r_due[d] && (top.m_axil_rvalid >> d & 1 || chance(30)))
				top.m_axil_rvalid |= 1 << d;
			else
				top.m_axil_rvalid &= ~(1 << d);
			const unsigned b = resp(d, aw_addr[d]), r = resp(d, r_addr[d]);
			const uint32_t v = value(d, r_addr[d]);

			top.m_axil_bresp = (top.m_axil_bresp & ~(3 << 2 * d)) | b << 2 * d;
			top.m_axil_rresp = (top.m_axil_rresp & ~(3 << 2 * d)) | r << 2 * d;
			top.m_axil_rdata = (top.m_axil_rdata & ~(0xffffffffull << 32 * d)) | static_cast<uint64_t>(v) << 32 * d;
		}
		top.clk_i = 0;
		top.eval();
	}
	unsigned write(uint32_t addr, uint32_t data, unsigned strobes)
	{
		top.s_axil_awvalid = top.s_axil_wvalid = 1;
		top.s_axil_awaddr = addr;
		top.s_axil_wdata = data;
		top.s_axil_wstrb = strobes;
		for (unsigned i = 0; i < 500; i++) {
			top.eval();
			const bool taken = top.s_axil_awready;

			expect(top.s_axil_awready == top.s_axil_wready, "address and datum are taken together");
			tick();
			if (!taken)
				continue;
			top.s_axil_awvalid = top.s_axil_wvalid = 0;
			for (unsigned k = 0; k < 500; k++) {
				top.s_axil_bready = chance(50);
				top.eval();
				const bool end = top.s_axil_bvalid && top.s_axil_bready;
				const unsigned answer = top.s_axil_bresp;

				tick();
				top.s_axil_bready = 0;
				if (end)
					return answer;
			}
		}
		expect(false, "a write is answered");
		return 99;
	}
	unsigned read(uint32_t addr, uint32_t *data, unsigned clocks = 1000)
	{
		bool taken = false;

		top.s_axil_arvalid = 1;
		top.s_axil_araddr = addr;
		for (unsigned i = 0; i < clocks; i++) {
			top.s_axil_rready = chance(50);
			top.eval();
			if (top.s_axil_rvalid && addr < 0x20000)
				expect(static_cast<int>(done - must) >= 0, "no answer passes a write to host memory that began before");
			taken |= top.s_axil_arvalid && top.s_axil_arready;
			const bool end = top.s_axil_rvalid && top.s_axil_rready;
			const unsigned answer = top.s_axil_rresp;

			*data = top.s_axil_rdata;
			tick();
			if (taken)
				top.s_axil_arvalid = 0;
			top.s_axil_rready = 0;
			if (end)
				return answer;
		}
		return 99;
	}
};

void bar_ways()
{
	Bar bar;

	for (unsigned i = 0; i < 1500; i++) {
		const uint32_t low = below(4) ? below(0x4000) * 4 : 0xfffc, data = draw();
		const unsigned high = below(5), strobes = chance(70) ? 15 : below(16);
		const size_t was[2] = {bar.seen[0].size(), bar.seen[1].size()};
		const uint32_t addr = (high == 4 ? 1 + below(255) : high) << 16 | low;
		const unsigned to = addr >> 16, answer = bar.write(addr, data, strobes);

		if (to == 0 && strobes == 15)
			expect(answer == 0 && bar.seen[0].size() == was[0] + 1 && bar.seen[1].size() == was[1], "a write to the card");
		else if (to == 1)
			expect(answer == Bar::resp(1, low) && bar.seen[1].size() == was[1] + 1 && bar.seen[0].size() == was[0],
			       "a write to the MSI-X table");
		else
			expect(answer == (to == 0 ? 2 : to == 2 ? 0 : 3) && bar.seen[0].size() == was[0] && bar.seen[1].size() == was[1],
			       "a write to nobody");
		if (to == 0 && strobes == 15 && !bar.seen[0].empty())
			expect(bar.seen[0].back().addr == low && bar.seen[0].back().data == data, "what the card sees");
		if (to == 1 && !bar.seen[1].empty())
			expect(bar.seen[1].back().addr == low && bar.seen[1].back().data == data &&
			               bar.seen[1].back().strobes == strobes,
			       "what the table sees");
	}
	for (unsigned i = 0; i < 1500; i++) {
		const uint32_t low = below(4) ? below(0x4000) * 4 : 0xfffc;
		const unsigned to = below(4) ? below(4) : below(256);
		uint32_t data;
		const unsigned answer = bar.read(to << 16 | low, &data);

		if (to < 2)
			expect(answer == Bar::resp(to, low) && data == Bar::value(to, low), "a read");
		else
			expect(answer == (to == 2 ? 0 : 3) && data == (to == 2 && low < 16 ? 0x11 * (low / 4 + 1) : 0), "a read of no register");
	}
}
void bar_order()
{
	Bar bar;
	uint32_t data;

	for (unsigned i = 0; i < 50; i++)
		bar.tick();
	bar.hold_reads = true;
	for (unsigned i = 0; i < 20; i++)
		bar.tick();
	expect(bar.read(0x10, &data, 300) == 99, "a read waits for the writes to host memory");
	expect(bar.write(0x20, 5, 15) == 0, "a write does not");
	bar.hold_reads = false;
	bar.top.s_axil_arvalid = 0;
	expect(bar.read(0x20000, &data, 1000) == 0 && data == Bar::value(0, 0x10), "and then it is answered");
}

// A port: two MAC clocks and the card's, none a multiple of another.
struct Port {
	struct Frame {
		unsigned number, beats;
		bool bad;
	};
	VerilatedContext context;
	Vsl_corundum_port top{&context, "port"};
	uint64_t now = 0, next[3] = {0, 0, 0};
	const unsigned period[3] = {4000, 3103, 3097};
	// The sender of each direction, and what arrives.
	struct Way {
		unsigned numbers = 0, beat = 0, pace = 50, size = 24, expected = 0, got_beats = 0, number = 0, skipped = 0;
		unsigned bads = 0, whole = 0, closed = 0, total = 0;
		bool on = false, ending = false, resetting = false, again = false;
		Frame frame = {};
		std::deque<Frame> sent;
	} rx, tx;
	unsigned tx_ready = 80;
	bool tx_open = false;

	Port()
	{
		top.rst_ni = top.rx_rst_ni = top.tx_rst_ni = 0;
		top.rx_up_i = 1;
		rx.pace = tx.pace = 0;
		run(20);
		top.rst_ni = top.rx_rst_ni = top.tx_rst_ni = 1;
		run(20);
		rx.pace = tx.pace = 50;
	}
	void run(unsigned clocks)
	{
		for (unsigned n = 0; n < clocks;) {
			unsigned which = 0;

			for (unsigned i = 1; i < 3; i++)
				if (next[i] < next[which])
					which = i;
			now = next[which];
			next[which] += period[which];
			edge(which);
			n += which == 0;
		}
	}
	void edge(unsigned which)
	{
		top.eval();
		if (which == 0)
			card_takes();
		else if (which == 1 && top.s_axis_rx_tvalid && top.rx_rst_ni)
			sent(rx);
		else if (which == 2)
			mac_takes();
		clock(which) = 1;
		top.eval();
		if (which == 0) {
			if (!tx.on || tx.again)
				offer(tx);
			top.s_axis_tx_tvalid = tx.on;
			if (tx.on)
				fill(tx, top.s_axis_tx_tdata, top.s_axis_tx_tkeep, top.s_axis_tx_tlast, top.s_axis_tx_tuser);
		} else if (which == 1) {
			if (!rx.on || rx.again)
				offer(rx);
			top.s_axis_rx_tvalid = rx.on && top.rx_rst_ni;
			if (rx.on)
				fill(rx, top.s_axis_rx_tdata, top.s_axis_rx_tkeep, top.s_axis_rx_tlast, top.s_axis_rx_tuser);
		} else {
			top.m_axis_tx_tready = chance(tx_ready);
		}
		top.eval();
		clock(which) = 0;
		top.eval();
	}
	CData &clock(unsigned which) { return which == 0 ? top.clk_i : which == 1 ? top.rx_clk_i : top.tx_clk_i; }

	void offer(Way &w)
	{
		w.again = false;
		w.on = chance(w.pace) && !(w.ending && w.beat == 0);
		if (!w.on)
			return;
		if (w.beat == 0)
			w.frame = {w.numbers++, 1 + below(w.size), chance(10)};
	}
	static uint8_t byte(unsigned number, unsigned beat, unsigned i) { return static_cast<uint8_t>(number * 31 + beat * 7 + i); }
	static uint64_t keep(const Frame &f) { return ~0ull >> f.number % 64; }
	template <class D> static void fill(Way &w, D &data, QData &k, CData &last, CData &user)
	{
		uint8_t line[BEAT];

		for (unsigned i = 4; i < BEAT; i++)
			line[i] = byte(w.frame.number, w.beat, i);
		memcpy(line, &w.frame.number, 4);
		put(data, 0, line, BEAT);
		last = w.beat + 1 == w.frame.beats;
		k = last ? keep(w.frame) : ~0ull;
		user = last && w.frame.bad;
	}
	void sent(Way &w)
	{
		w.again = true;
		if (++w.beat == w.frame.beats) {
			w.sent.push_back(w.frame);
			w.total++;
			w.beat = 0;
		}
	}
	// A beat at the other end: it belongs to the next frame that was not lost.
	template <class D> void arrived(Way &w, const D &data, uint64_t k, bool last, bool bad)
	{
		uint8_t line[BEAT];
		unsigned number;

		get(line, data, 0, BEAT);
		memcpy(&number, line, 4);
		if (w.resetting && w.got_beats && last && bad && k == 1 &&
		    !(w.sent.front().bad && keep(w.sent.front()) == 1)) {
			w.closed++; // what a reset cut off
			w.got_beats = 0;
			return;
		}
		if (w.got_beats == 0) {
			while (!w.sent.empty() && w.sent.front().number != number) {
				w.sent.pop_front();
				w.skipped++;
			}
			expect(!w.sent.empty(), "a frame that was sent, in order, whole when it begins");
			w.number = number;
		}
		if (w.sent.empty())
			return;
		const Frame f = w.sent.front();

		for (unsigned i = 4; i < BEAT; i++)
			expect(line[i] == byte(f.number, w.got_beats, i), "the bytes of the frame");
		expect(number == w.number, "one frame's beats together");
		w.got_beats++;
		expect(last == (w.got_beats == f.beats), "its end where it was");
		if (last) {
			expect(k == keep(f), "as many bytes as were sent");
			expect(bad == f.bad, "bad if it was");
			w.bads += f.bad;
			w.whole++;
			w.sent.pop_front();
			w.got_beats = 0;
		}
	}
	void card_takes()
	{
		if (!top.rst_ni)
			return;
		if (top.m_axis_rx_tvalid)
			arrived(rx, top.m_axis_rx_tdata, top.m_axis_rx_tkeep, top.m_axis_rx_tlast, top.m_axis_rx_tuser);
		if (top.s_axis_tx_tvalid && top.s_axis_tx_tready)
			sent(tx);
	}
	void mac_takes()
	{
		if (!top.tx_rst_ni) {
			tx_open = false;
			tx.got_beats = 0;
			return;
		}
		expect(!tx_open || top.m_axis_tx_tvalid, "no pause inside a frame that is sent");
		if (top.m_axis_tx_tvalid && top.m_axis_tx_tready) {
			tx_open = !top.m_axis_tx_tlast;
			arrived(tx, top.m_axis_tx_tdata, top.m_axis_tx_tkeep, top.m_axis_tx_tlast, top.m_axis_tx_tuser);
		}
	}
	void drain()
	{
		rx.ending = tx.ending = true;
		rx.pace = tx.pace = 60;
		while (rx.on || rx.beat || tx.on || tx.beat)
			run(1);
		rx.ending = tx.ending = false;
		rx.pace = tx.pace = 0;
		tx_ready = 100;
		run(3000);
	}
};

void port_frames()
{
	Port port;

	port.rx.pace = 60;
	port.run(20000);
	port.drain();
	expect(port.rx.whole == port.rx.total && port.tx.whole == port.tx.total, "every frame arrives");
	expect(port.rx.whole > 500 && port.rx.bads && port.tx.bads, "there was something to compare");
	expect(port.top.rx_dropped_o == 0 && port.top.tx_dropped_o == 0, "and none is counted as lost");
}
void port_overload()
{
	Port port;

	port.rx.pace = 100; // more than the card's clock can take
	port.tx.pace = 100;
	port.tx_ready = 100;
	port.run(30000);
	port.drain();
	expect(port.top.rx_dropped_o != 0, "an overload drops");
	expect(port.rx.whole + port.top.rx_dropped_o == port.rx.total, "whole frames, and counts each");
	expect(port.tx.whole == port.tx.total && port.top.tx_dropped_o == 0, "the other direction waits");
	expect(30000 * 99 / 100 < port.rx.whole * 12, "at a beat of the card's clock");
}
void port_small()
{
	Port port;

	port.rx.size = port.tx.size = 1;
	port.rx.pace = 70;
	port.tx.pace = 100;
	port.tx_ready = 60;
	port.run(20000);
	port.drain();
	expect(port.rx.whole == port.rx.total && port.tx.whole == port.tx.total, "every frame of a beat arrives");
	port.rx.size = port.tx.size = 160; // the biggest that the card makes or takes
	port.rx.pace = 50;
	port.tx.pace = 60;
	port.run(20000);
	port.drain();
	expect(port.rx.whole == port.rx.total && port.tx.whole == port.tx.total, "every big frame too");
}
void port_mac_reset()
{
	Port port;

	for (unsigned i = 0; i < 60; i++) {
		port.rx.pace = 40 + below(61);
		port.tx.pace = i % 2 ? 80 : 2; // or a frame so slow that no beat of it meets the reset
		port.run(200 + below(200));
		port.top.rx_rst_ni = port.top.tx_rst_ni = 0;
		port.rx.beat = 0; // the MAC forgets the frame that it was receiving
		port.rx.on = port.rx.again = false;
		port.rx.resetting = true;
		port.top.s_axis_rx_tvalid = 0;
		const unsigned before = port.tx.total;

		port.run(8);
		expect(port.rx.got_beats == 0, "a frame that was cut off is ended, and none begun");
		port.rx.sent.clear();
		port.rx.resetting = false;
		port.run(30);
		expect(!port.top.link_o, "no link while the MAC is in reset");
		expect(port.tx.pace < 80 || port.tx.total > before, "the card's frames do not wait for a MAC in reset");
		port.top.rx_rst_ni = port.top.tx_rst_ni = 1;
		port.tx.sent.clear();
		port.run(20);
	}
	expect(port.rx.closed > 5, "resets met frames");
	expect(port.top.tx_dropped_o != 0, "frames for a MAC in reset are counted");
	port.rx.pace = port.tx.pace = 50;
	port.run(500);
	port.drain();
	expect(port.top.link_o, "the link is back");
	const unsigned numbers = port.rx.total, whole = port.rx.whole, t_numbers = port.tx.total, t_whole = port.tx.whole;

	port.rx.pace = port.tx.pace = 50;
	port.run(3000);
	port.drain();
	expect(port.rx.whole - whole == port.rx.total - numbers, "after it every frame arrives");
	expect(port.tx.whole - t_whole == port.tx.total - t_numbers, "in both directions");
}

} // namespace

int main()
{
	static const rows::Row all[] = {
		{"bursts and descriptors, everyone hesitates", dma_mixed},
		{"a shell that is slow", dma_slow_shell},
		{"a card that is slow", dma_slow_card},
		{"everyone at full speed", dma_full_speed},
		{"BAR 0: who gets what, and what nobody gets", bar_ways},
		{"BAR 0: reads behind writes to host memory", bar_order},
		{"frames between three clocks", port_frames},
		{"more frames than the card's clock can take", port_overload},
		{"frames of a beat, frames of 10 KB", port_small},
		{"a MAC that is reset", port_mac_reset},
	};
	const char *seed = getenv("SHELL_SEED");

	first = seed ? strtoull(seed, nullptr, 0) : 1;
	printf("SHELL_SEED=%" PRIu64 "\n", first);
	return rows::run("shell_corundum", all, [] { state = 0x9e3779b97f4a7c15ull * (first + 1) | 1; });
}
