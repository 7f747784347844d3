// SPDX-License-Identifier: BSD-3-Clause
// The datapath engine of sim/engine.h on the Verilated RTL. It plays what is around sl_core on a card: MACs, the DMA
// engine's side of the streams, and the management core's AXI4-Lite port, one clock at a time. Frames wait in queues
// here until their stream takes them; nothing of the datapath's behaviour is decided here.
//
// A wire is never held back, but a simulated port can wait: a frame starts only if the receive buffer has room for it,
// so RX_OVERFLOW is seen only with wire_waits_not.
//
// Built in flavours (see rules.mk): the same file with assertions, with tracing (SL_RTL_TRACE), with line coverage
// (SL_RTL_COVER), with a small table, with records in HBM (SL_RTL_HBM).
#include <cstdio>
#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "Vsl_core.h"
#include "verilated.h"

#define _Static_assert static_assert
extern "C" {
#include "sim/engine.h"
}
#include "sim/engine_rtl/coverage.h"
#include "sim/engine_rtl/waveform.h"
#ifdef SL_RTL_HBM
#include "sim/engine_rtl/hbm.h"
#endif

namespace {

constexpr unsigned PORTS = 2;
constexpr size_t BEAT = SL_BEAT_BYTES;
constexpr size_t FRAMES_IN_MAX = 8192;   // that wait for a port
constexpr size_t BYTES_IN_MAX = 4 << 20; // of them
constexpr size_t FRAMES_OUT_MAX = 4096;  // that wait for the caller, per port
constexpr size_t HOST_OUT_MAX = 16;      // more wait in the card's host buffer
constexpr size_t COMMANDS_MAX = 64;
constexpr size_t AGED_MAX = 1;           // flows that have aged and wait for the caller: more wait in the card
constexpr uint32_t CSR_CLOCKS_MAX = 1000;
constexpr uint32_t CLEAR_CLOCKS_MAX = 1u << 22;
constexpr uint32_t TIME_CLOCKS_MAX = 4 * 255 + 2; // sl_clock: 255 steps of each of its sizes
#ifdef SL_RTL_HBM
constexpr bool POWER_STAYS = true;       // a reset is one of the card alone
#else
constexpr bool POWER_STAYS = false;
#endif
constexpr uint16_t ROOM_MARGIN = 4;      // beats between the RTL's hint and the truth

struct Frame {
	std::vector<uint8_t> bytes;
	bool bad_fcs = false;
	unsigned port = 0;
	sl_host_meta meta{};
};

// xorshift64*: the stalls of a seed are the same everywhere.
struct Random {
	uint64_t state;
	uint32_t next()
	{
		state ^= state >> 12;
		state ^= state << 25;
		state ^= state >> 27;
		return (uint32_t)(state * 0x2545f4914f6cdd1dull >> 32);
	}
};

// Bits of a wide Verilator port, lowest first.
uint32_t bits(const uint32_t *words, unsigned lsb, unsigned width)
{
	uint64_t v = words[lsb / 32];

	if (lsb % 32 + width > 32)
		v |= (uint64_t)words[lsb / 32 + 1] << 32;
	return (uint32_t)(v >> (lsb % 32) & ((1ull << width) - 1));
}

} // namespace

struct sl_engine {
	std::unique_ptr<VerilatedContext> context;
	std::unique_ptr<Vsl_core> top;
	Random random{1};
	unsigned stall_pct = 0;
	bool wire_waits_not = false;
	uint64_t clocks = 0;
	uint32_t time_ms = 0;

	std::deque<Frame> wire_in[PORTS], wire_out, host_tx, host_out;
	size_t wire_in_bytes = 0;
	size_t wire_in_at[PORTS] = {}; // bytes of the first frame already sent
	bool wire_in_started[PORTS] = {};
	size_t host_tx_at = 0;
	Frame partial_out[PORTS], partial_host;
	std::deque<sl_flow_cmd> commands;
	std::deque<sl_flow_done> done;
	std::deque<sl_aged> aged;

	Waveform<Vsl_core> waveform;
#ifdef SL_RTL_HBM
	HbmPorts<Vsl_core> hbm;
#endif

	bool stall() { return stall_pct != 0 && random.next() % 100 < stall_pct; }
	void drive(bool inject);
	void take();
	void clock(bool inject);
	bool working() const;
	void chase();
	void reset();
	void reset_card();
	uint32_t axil_read(uint32_t offset);
	void axil_write(uint32_t offset, uint32_t value);
	void settle_clear();
};

// Inputs for the coming clock.
void sl_engine::drive(bool inject)
{
	Vsl_core &t = *top;
	uint32_t valid = 0, last = 0, user = 0, ready = 0;

	for (unsigned p = 0; p < PORTS; p++) {
		if (wire_out.size() < FRAMES_OUT_MAX && !stall())
			ready |= 1u << p;
		if (wire_in[p].empty() || (!inject && !wire_in_started[p]) || stall())
			continue;
		Frame &f = wire_in[p].front();
		if (!wire_in_started[p]) {
			size_t beats = (f.bytes.size() + BEAT - 1) / BEAT;
			const size_t most = (SL_FRAME_MAX + BEAT - 1) / BEAT;
			const uint16_t room = (uint16_t)(t.rx_free_o >> (16 * p));

			if (beats > most)
				beats = most;
			if (!wire_waits_not && room < beats + ROOM_MARGIN)
				continue;
			wire_in_started[p] = true;
		}
		const size_t left = f.bytes.size() - wire_in_at[p];
		const size_t n = left < BEAT ? left : BEAT;
		const uint64_t keep = n == BEAT ? ~0ull : (1ull << n) - 1;
		uint8_t *data = (uint8_t *)&t.s_axis_tdata[0] + BEAT * p;

		memcpy(data, f.bytes.data() + wire_in_at[p], n);
		memset(data + n, 0, BEAT - n);
		t.s_axis_tkeep[2 * p] = (uint32_t)keep;
		t.s_axis_tkeep[2 * p + 1] = (uint32_t)(keep >> 32);
		valid |= 1u << p;
		if (n == left) {
			last |= 1u << p;
			user |= f.bad_fcs ? 1u << p : 0;
		}
	}
	t.s_axis_tvalid = valid;
	t.s_axis_tlast = last;
	t.s_axis_tuser = user;
	t.m_axis_tready = ready;
	t.m_axis_host_tready = host_out.size() < HOST_OUT_MAX && !stall();
	t.m_axis_aged_tready = aged.size() < AGED_MAX && !stall();
	t.m_axis_cpl_tready = done.size() < COMMANDS_MAX && !stall();

	// A stream that has offered a beat goes on offering it until it is taken.
	if (host_tx.empty() || (!inject && host_tx_at == 0)) {
		t.s_axis_host_tvalid = 0;
	} else if (!t.s_axis_host_tvalid && !stall()) {
		Frame &f = host_tx.front();
		const size_t left = f.bytes.size() - host_tx_at;
		const size_t n = left < BEAT ? left : BEAT;

		memcpy(&t.s_axis_host_tdata[0], f.bytes.data() + host_tx_at, n);
		memset((uint8_t *)&t.s_axis_host_tdata[0] + n, 0, BEAT - n);
		t.s_axis_host_tkeep = n == BEAT ? ~0ull : (1ull << n) - 1;
		t.s_axis_host_tlast = n == left;
		t.s_axis_host_tdest = f.port;
		t.s_axis_host_tvalid = 1;
	}
	if (commands.empty() || (!inject && !t.s_axis_cmd_tvalid)) {
		t.s_axis_cmd_tvalid = 0;
	} else if (!t.s_axis_cmd_tvalid && !stall()) {
		memcpy(&t.s_axis_cmd_tdata[0], &commands.front(), sizeof(sl_flow_cmd));
		t.s_axis_cmd_tvalid = 1;
	}
}

// What this clock transfers, seen just before its edge.
void sl_engine::take()
{
	Vsl_core &t = *top;

	for (unsigned p = 0; p < PORTS; p++) {
		if (t.s_axis_tvalid >> p & 1) {
			Frame &f = wire_in[p].front();

			wire_in_at[p] += BEAT;
			if (wire_in_at[p] >= f.bytes.size()) {
				wire_in_bytes -= f.bytes.size();
				wire_in[p].pop_front();
				wire_in_at[p] = 0;
				wire_in_started[p] = false;
			}
		}
		if (t.m_axis_tvalid >> p & t.m_axis_tready >> p & 1) {
			const uint64_t keep = (uint64_t)t.m_axis_tkeep[2 * p + 1] << 32 | t.m_axis_tkeep[2 * p];
			const size_t n = keep == ~0ull ? BEAT : (size_t)__builtin_ctzll(~keep);
			const uint8_t *data = (const uint8_t *)&t.m_axis_tdata[0] + BEAT * p;
			Frame &f = partial_out[p];

			f.bytes.insert(f.bytes.end(), data, data + n);
			if (t.m_axis_tlast >> p & 1) {
				f.port = p;
				wire_out.push_back(std::move(f));
				f = Frame();
			}
		}
	}
	if (t.m_axis_host_tvalid && t.m_axis_host_tready) {
		const uint64_t keep = t.m_axis_host_tkeep;
		const size_t n = keep == ~0ull ? BEAT : (size_t)__builtin_ctzll(~keep);
		const uint8_t *data = (const uint8_t *)&t.m_axis_host_tdata[0];
		Frame &f = partial_host;

		f.bytes.insert(f.bytes.end(), data, data + n);
		if (t.m_axis_host_tlast) {
			// sl_dp_pkg::host_meta_t from its last field, which is in the lowest bits.
			const uint32_t *m = &t.m_axis_host_tuser[0];

			f.meta.flow_id = bits(m, 0, 32);
			f.meta.hash = bits(m, 32, 32);
			f.meta.mark = bits(m, 64, 32);
			f.meta.mark_valid = bits(m, 96, 1);
			f.meta.tenant = (uint16_t)bits(m, 97, 16);
			f.meta.rule = (uint8_t)bits(m, 113, 8);
			f.meta.reason = (uint8_t)bits(m, 121, 8);
			f.meta.port = (uint8_t)bits(m, 129, 8);
			host_out.push_back(std::move(f));
			f = Frame();
		}
	}
	if (t.s_axis_host_tvalid && t.s_axis_host_tready) {
		t.s_axis_host_tvalid = 0;
		host_tx_at += BEAT;
		if (host_tx_at >= host_tx.front().bytes.size()) {
			host_tx.pop_front();
			host_tx_at = 0;
		}
	}
	if (t.s_axis_cmd_tvalid && t.s_axis_cmd_tready) {
		t.s_axis_cmd_tvalid = 0;
		commands.pop_front();
	}
	if (t.m_axis_aged_tvalid && t.m_axis_aged_tready)
		aged.push_back({(uint32_t)t.m_axis_aged_tdata, (uint32_t)(t.m_axis_aged_tdata >> 32)});
	if (t.m_axis_cpl_tvalid && t.m_axis_cpl_tready) {
		sl_flow_done d;

		memcpy(&d.cpl, &t.m_axis_cpl_tdata[0], sizeof(d.cpl));
		memcpy(&d.state, &t.m_axis_cpl_state[0], sizeof(d.state));
		done.push_back(d);
	}
}

void sl_engine::clock(bool inject)
{
	drive(inject);
#ifdef SL_RTL_HBM
	hbm.drive(*top);
#endif
	top->clk_i = 0;
	top->eval();
	// The streams' inputs change only after the edge: take() notes what the edge will transfer.
	const bool host_fired = top->s_axis_host_tvalid && top->s_axis_host_tready;
	const bool cmd_fired = top->s_axis_cmd_tvalid && top->s_axis_cmd_tready;
	take();
#ifdef SL_RTL_HBM
	hbm.take(*top);
#endif
	top->s_axis_host_tvalid |= host_fired;
	top->s_axis_cmd_tvalid |= cmd_fired;
	waveform.low(clocks);
	top->clk_i = 1;
	top->eval();
	if (host_fired)
		top->s_axis_host_tvalid = 0;
	if (cmd_fired)
		top->s_axis_cmd_tvalid = 0;
	waveform.high(clocks);
	clocks++;
}

bool sl_engine::working() const
{
	const Vsl_core &t = *top;

	if (!wire_in[0].empty() || !wire_in[1].empty() || !host_tx.empty() || !commands.empty())
		return true;
	return t.busy_o || (t.m_axis_aged_tvalid && aged.size() < AGED_MAX) || (t.m_axis_host_tvalid && host_out.size() < HOST_OUT_MAX);
}

// The card's time first catches up, so that meters have grown before the frames that follow.
void sl_engine::chase()
{
	if (top->time_ms_i == time_ms)
		return;
	top->time_ms_i = time_ms;
	for (uint32_t i = 0; i < TIME_CLOCKS_MAX && top->time_ms_o != time_ms; i++)
		clock(false);
}

void sl_engine::settle_clear()
{
	for (uint32_t i = 0; i < CLEAR_CLOCKS_MAX && top->clearing_o; i++)
		clock(false);
}

#ifdef SL_RTL_HBM
// The memory outlives a card reset and answers what it was asked before. So do the MACs: frames that have begun end.
void sl_engine::reset_card()
{
	if (clocks == 0)
		hbm.reset(random.state, stall_pct);
	top->rst_ni = 0;
	clock(false);
	while (wire_in_started[0] || wire_in_started[1] || top->m_axis_tvalid)
		clock(false);
}
#endif

void sl_engine::reset()
{
	Vsl_core &t = *top;

#ifdef SL_RTL_HBM
	reset_card();
#endif
	for (unsigned p = 0; p < PORTS; p++) {
		wire_in[p].clear();
		wire_in_at[p] = 0;
		wire_in_started[p] = false;
		partial_out[p] = Frame();
	}
	partial_host = Frame();
	wire_in_bytes = 0;
	host_tx_at = 0;
	wire_out.clear();
	host_tx.clear();
	host_out.clear();
	commands.clear();
	done.clear();
	aged.clear();
	t.s_axis_host_tvalid = 0;
	t.s_axis_cmd_tvalid = 0;
	t.s_axil_awvalid = t.s_axil_wvalid = t.s_axil_arvalid = 0;
	t.s_axil_bready = t.s_axil_rready = 1;
	t.time_ms_i = 0;
	t.rst_ni = 0;
	t.por_ni = POWER_STAYS && clocks != 0;
	for (int i = 0; i < 8; i++)
		clock(false);
	t.rst_ni = t.por_ni = 1;
	clock(false);
	settle_clear();
	chase();
}

uint32_t sl_engine::axil_read(uint32_t offset)
{
	Vsl_core &t = *top;
	uint32_t value = 0;

	t.s_axil_araddr = offset & 0xfff;
	t.s_axil_arvalid = 1;
	for (uint32_t i = 0; i < CSR_CLOCKS_MAX; i++) {
		const bool taken = t.s_axil_arvalid;

		clock(false);
		if (taken)
			t.s_axil_arvalid = 0;
		if (t.s_axil_rvalid) {
			value = t.s_axil_rdata;
			clock(false);
			break;
		}
	}
	return value;
}

void sl_engine::axil_write(uint32_t offset, uint32_t value)
{
	Vsl_core &t = *top;

	t.s_axil_awaddr = offset & 0xfff;
	t.s_axil_wdata = value;
	t.s_axil_awvalid = t.s_axil_wvalid = 1;
	for (uint32_t i = 0; i < CSR_CLOCKS_MAX; i++) {
		clock(false);
		if (t.s_axil_bvalid) {
			t.s_axil_awvalid = t.s_axil_wvalid = 0;
			clock(false);
			break;
		}
	}
	t.s_axil_awvalid = t.s_axil_wvalid = 0;
}

static void rtl_destroy(struct sl_engine *e)
{
	if (!e)
		return;
	e->waveform.close();
	e->top->final();
	rtl_cover_write(*e->context);
	delete e;
}

static uint32_t rtl_csr_read(struct sl_engine *e, uint32_t offset)
{
	e->chase();
	return e->axil_read(offset);
}

static void rtl_csr_write(struct sl_engine *e, uint32_t offset, uint32_t value)
{
	e->chase();
	e->axil_write(offset, value);
	if (offset == SL_CSR_TBL_CMD)
		for (uint32_t i = 0; i < CSR_CLOCKS_MAX && e->axil_read(SL_CSR_TBL_STATUS) & 1; i++)
			;
	e->settle_clear();
}

static struct sl_engine *rtl_create(const struct sl_engine_config *config, char *err, size_t err_len)
{
	if (config->ports != PORTS) {
		snprintf(err, err_len, "the RTL is built for %u ports, not %u", PORTS, config->ports);
		return nullptr;
	}
	auto e = std::make_unique<sl_engine>();
	e->context = std::make_unique<VerilatedContext>();
	e->waveform.prepare(*e->context);
	e->top = std::make_unique<Vsl_core>(e->context.get(), "sl_core");
	e->random.state = config->stall_seed ? config->stall_seed : 1;
	e->stall_pct = config->stall_seed ? (config->stall_pct > 90 ? 90 : config->stall_pct) : 0;
	e->wire_waits_not = config->wire_waits_not;
	if (!e->waveform.open(*e->top, *config, err, err_len))
		return nullptr;
	e->reset();
	const unsigned built = e->axil_read(SL_CSR_CONFIG) & 0xff;
	if (config->table_log2 && config->table_log2 != built) {
		snprintf(err, err_len, "this build of the RTL has table_log2 %u, not %u", built, config->table_log2);
		return nullptr;
	}
	return e.release();
}

static bool rtl_wire_in(struct sl_engine *e, unsigned int port, const uint8_t *frame, uint32_t len, bool bad_fcs)
{
	if (port >= PORTS || !len || e->wire_in[port].size() >= FRAMES_IN_MAX || e->wire_in_bytes + len > BYTES_IN_MAX)
		return false;
	Frame f;
	f.bytes.assign(frame, frame + len);
	f.bad_fcs = bad_fcs;
	e->wire_in_bytes += len;
	e->wire_in[port].push_back(std::move(f));
	return true;
}

static bool rtl_host_tx(struct sl_engine *e, unsigned int port, const uint8_t *frame, uint32_t len)
{
	if (port >= PORTS || !len || len > SL_FRAME_MAX || e->host_tx.size() >= FRAMES_IN_MAX)
		return false;
	Frame f;
	f.bytes.assign(frame, frame + len);
	f.port = port;
	e->host_tx.push_back(std::move(f));
	return true;
}

static bool rtl_flow_submit(struct sl_engine *e, const struct sl_flow_cmd *cmd)
{
	if (e->commands.size() >= COMMANDS_MAX)
		return false;
	e->commands.push_back(*cmd);
	return true;
}

static uint32_t rtl_step(struct sl_engine *e, uint32_t time_ms, uint32_t budget)
{
	const uint64_t start = e->clocks;

	e->time_ms = time_ms;
	if (e->top->time_ms_i == time_ms && !e->working())
		return 0;
	e->chase();
	while (e->clocks - start < budget && e->working())
		e->clock(true);
	return (uint32_t)(e->clocks - start);
}

static uint32_t frame_out(std::deque<Frame> &queue, unsigned int *port, struct sl_host_meta *meta, uint8_t *buf)
{
	if (queue.empty())
		return 0;
	const Frame &f = queue.front();
	const uint32_t len = (uint32_t)f.bytes.size();

	memcpy(buf, f.bytes.data(), len);
	if (port)
		*port = f.port;
	if (meta)
		*meta = f.meta;
	queue.pop_front();
	return len;
}

static uint32_t rtl_wire_out(struct sl_engine *e, unsigned int *port, uint8_t *buf)
{
	return frame_out(e->wire_out, port, nullptr, buf);
}

static uint32_t rtl_host_out(struct sl_engine *e, struct sl_host_meta *meta, uint8_t *buf)
{
	return frame_out(e->host_out, nullptr, meta, buf);
}

static bool rtl_flow_done(struct sl_engine *e, struct sl_flow_done *done)
{
	if (e->done.empty())
		return false;
	*done = e->done.front();
	e->done.pop_front();
	return true;
}

static bool rtl_aged(struct sl_engine *e, struct sl_aged *aged)
{
	if (e->aged.empty())
		return false;
	*aged = e->aged.front();
	e->aged.pop_front();
	return true;
}

static bool rtl_idle(const struct sl_engine *e)
{
	return !e->working();
}

static uint64_t rtl_clocks(const struct sl_engine *e)
{
	return e->clocks;
}

static void rtl_reset(struct sl_engine *e)
{
	e->reset();
}

extern "C" __attribute__((visibility("default"))) const struct sl_engine_ops sl_engine_rtl = {
	"rtl",	      rtl_create,   rtl_destroy,  rtl_csr_read,	 rtl_csr_write, rtl_wire_in, rtl_host_tx, rtl_flow_submit,
	rtl_step,     rtl_wire_out, rtl_host_out, rtl_flow_done, rtl_aged,	rtl_idle,    rtl_clocks,  rtl_reset,
};
