// SPDX-License-Identifier: BSD-3-Clause
// The functions of sim/dma.h and sim/queue.h on the Verilated host interface (hw/rtl/sl_hif.sv), so that
// tests/sim/test_dma.c runs on the RTL as it runs on the simulator's own DMA: same rings, same hostile drivers. It plays
// the datapath's side of the streams with the test's engine, and the firmware with the test's management core, through
// the registers that the firmware uses. Memory is as slow and unordered as sim/nic_rtl/board.h makes it; HIF_SEED chooses.
#include <memory>

#include "Vsl_hif.h"
#include "verilated.h"

#include "sim/engine_rtl/coverage.h"
#include "sim/nic_rtl/board.h"

#define _Static_assert static_assert
#define _Bool bool
extern "C" {
#include "sim/dma.h"
}

namespace {

constexpr uint32_t STEP_CLOCKS_MAX = 200000;
constexpr uint32_t QUIET_CLOCKS = 8;
constexpr size_t LINE = SL_BEAT_BYTES;

struct Hif {
	VerilatedContext context;
	Vsl_hif top{&context, "sl_hif"};
	sl_dma *dma;
	Board<Vsl_hif> board;
	std::vector<uint8_t> in, out; // frame for the host, frame from the host
	size_t in_at = 0;
	uint8_t tx_popped = 0; // the port that has taken a beat in the last clock, a bit
	bool out_waits = false, flow_taken = false, in_taken = false, aged_taken = false;
	bool stepping = false; // frames for the host come only then
	uint64_t moved = 0;
	uint32_t drops[2] = {};

	explicit Hif(sl_dma *d);
	~Hif() { rtl_cover_write(context); }
	void clock();
	void drive();
	void take();
	void status();
	void firmware();
	void reset(unsigned kind);
	bool busy();
};

std::unique_ptr<Hif> hif;

Hif::Hif(sl_dma *d)
	: dma(d), board(top,
			{[d](uint64_t at, void *to, size_t n) { return sl_iova_read(d->queues.memory, at, to, n); },
			 [d](uint64_t at, const void *from, size_t n) { return sl_iova_publish(d->queues.memory, at, from, n); }},
			[d](unsigned vector) { d->queues.raise(d->queues.ctx, vector); })
{
	const char *seed = getenv("HIF_SEED");

	board.random.state = seed ? strtoull(seed, nullptr, 0) | 1 : 0x51u;
	board.latency_min = 1;
	board.latency_spread = 60;
	board.stall_pct = 20;
	board.clock = [this] { clock(); };
	top.rst_ni = 0;
	for (int i = 0; i < 4; i++)
		clock();
	top.rst_ni = 1;
	clock();
}

void set_bits(uint32_t *words, unsigned lsb, unsigned width, uint64_t value)
{
	for (unsigned i = 0; i < width; i++)
		if (value >> i & 1)
			words[(lsb + i) / 32] |= 1u << (lsb + i) % 32;
}

// sl_dp_pkg::host_meta_t from its last field, which is in the lowest bits.
void set_meta(uint32_t *words, const sl_host_meta &m, size_t len)
{
	memset(words, 0, 20);
	set_bits(words, 0, 32, m.flow_id);
	set_bits(words, 32, 32, m.hash);
	set_bits(words, 64, 32, m.mark);
	set_bits(words, 96, 1, m.mark_valid);
	set_bits(words, 97, 16, m.tenant);
	set_bits(words, 113, 8, m.rule);
	set_bits(words, 121, 8, m.reason);
	set_bits(words, 129, 8, m.port);
	set_bits(words, 137, 14, len);
}

void Hif::drive()
{
	static uint8_t frame[SL_FRAME_MAX];

	if (out_waits && dma->ops->host_tx(dma->engine, top.m_axis_tx_tdest, out.data(), (uint32_t)out.size())) {
		out.clear();
		out_waits = false;
		moved++;
	}
	top.m_axis_tx_tready = !out_waits;
	top.tx_pop_i = tx_popped;
	top.m_axis_cmd_tready = board.random.below(4) != 0;
	if (!top.s_axis_cpl_tvalid && top.rst_ni) {
		sl_flow_done done;

		if (dma->ops->flow_done(dma->engine, &done)) {
			memcpy(&top.s_axis_cpl_tdata[0], &done.cpl, sizeof(done.cpl));
			memcpy(&top.s_axis_cpl_state[0], &done.state, sizeof(done.state));
			top.s_axis_cpl_tvalid = 1;
		}
	}
	if (!top.s_axis_aged_tvalid && stepping) {
		sl_aged aged;

		if (dma->ops->aged(dma->engine, &aged)) {
			top.s_axis_aged_tdata = (uint64_t)aged.last_seen_ms << 32 | aged.flow_id;
			top.s_axis_aged_tvalid = 1;
		}
	}
	if (in.empty() && stepping) {
		sl_host_meta meta;
		const uint32_t len = dma->ops->host_out(dma->engine, &meta, frame);

		if (len != 0) {
			in.assign(frame, frame + len);
			in_at = 0;
			set_meta(&top.s_axis_rx_tuser[0], meta, len);
		}
	}
	if (!in.empty() && !top.s_axis_rx_tvalid) {
		const size_t left = in.size() - in_at, n = left < LINE ? left : LINE;

		memset(&top.s_axis_rx_tdata[0], 0xee, LINE);
		memcpy(&top.s_axis_rx_tdata[0], in.data() + in_at, n);
		top.s_axis_rx_tlast = n == left;
		top.s_axis_rx_tvalid = 1;
	}
}

void Hif::take()
{
	flow_taken = top.s_axis_cpl_tvalid && top.s_axis_cpl_tready;
	aged_taken = top.s_axis_aged_tvalid && top.s_axis_aged_tready;
	in_taken = top.s_axis_rx_tvalid && top.s_axis_rx_tready;
	tx_popped = top.m_axis_tx_tvalid && top.m_axis_tx_tready ? 1u << top.m_axis_tx_tdest : 0;
	if (tx_popped) {
		const size_t n = ~top.m_axis_tx_tkeep == 0 ? LINE : (size_t)__builtin_ctzll(~top.m_axis_tx_tkeep);
		const uint8_t *bytes = (const uint8_t *)&top.m_axis_tx_tdata[0];

		out.insert(out.end(), bytes, bytes + n);
		out_waits = top.m_axis_tx_tlast;
	}
	if (top.m_axis_cmd_tvalid && top.m_axis_cmd_tready) {
		sl_flow_cmd cmd;

		memcpy(&cmd, &top.m_axis_cmd_tdata[0], sizeof(cmd));
		dma->ops->flow_submit(dma->engine, &cmd);
		moved++;
	}
}

void Hif::clock()
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
	if (flow_taken)
		top.s_axis_cpl_tvalid = 0;
	if (aged_taken) {
		top.s_axis_aged_tvalid = 0;
		moved++;
	}
	if (in_taken) {
		top.s_axis_rx_tvalid = 0;
		in_at += LINE;
		if (in_at >= in.size()) {
			in.clear();
			moved++;
		}
	}
}

bool Hif::busy()
{
	return top.busy_o || !board.idle() || !in.empty() || top.s_axis_cpl_tvalid || (out_waits && board.random.below(64) != 0);
}

void Hif::status()
{
	const uint32_t status = sl_mgmt_status(dma->mgmt);

	if (board.mgmt_read(SL_MGMT_STATUS) != status)
		board.mgmt_write(SL_MGMT_STATUS, status);
}

// What the firmware and the card's loop would do with the test's management core.
void Hif::firmware()
{
	sl_admin_cpl cpl;
	sl_event event;
	uint32_t words[64];

	if (!dma->admin_busy && (board.mgmt_read(SL_MGMT_PENDING) & SL_PENDING_MAILBOX)) {
		for (unsigned i = 0; i < 64; i++)
			words[i] = board.mgmt_read(SL_MGMT_MBOX_REQ(i));
		sl_mgmt_admin_submit(dma->mgmt, (const sl_admin_cmd *)words);
		dma->admin_busy = true;
		moved++;
	}
	if (dma->admin_busy && sl_mgmt_admin_done(dma->mgmt, &cpl)) {
		memcpy(words, &cpl, sizeof(cpl));
		for (unsigned i = 0; i < 64; i++)
			board.mgmt_write(SL_MGMT_MBOX_RSP(i), words[i]);
		board.mgmt_write(SL_MGMT_MBOX_DONE, 1);
		dma->admin_busy = false;
		moved++;
	}
	while (sl_mgmt_event(dma->mgmt, &event)) {
		memcpy(words, &event, sizeof(event));
		for (unsigned i = 0; i < 8; i++)
			board.mgmt_write(SL_MGMT_EVENT_DATA(i), words[i]);
		board.mgmt_write(SL_MGMT_EVENT_PUSH, 1);
		moved++;
	}
}

void Hif::reset(unsigned kind)
{
	board.bar_write(SL_BAR_RESET, kind);
	while (board.bar_read(SL_BAR_RESET) != 0)
		;
	in.clear();
	top.s_axis_rx_tvalid = 0;
	if (kind == SL_RESET_KIND_CARD)
		top.s_axis_cpl_tvalid = 0;
}

} // namespace

extern "C" {

void sl_dma_init(struct sl_dma *d, struct sl_iova *memory, unsigned int ports, const struct sl_engine_ops *ops,
		 struct sl_engine *engine, struct sl_mgmt *mgmt, void (*raise)(void *ctx, unsigned int vector), void *ctx)
{
	memset(d, 0, sizeof(*d));
	d->queues.memory = memory;
	d->queues.ports = ports;
	d->queues.raise = raise;
	d->queues.ctx = ctx;
	d->ops = ops;
	d->engine = engine;
	d->mgmt = mgmt;
	hif = std::make_unique<Hif>(d);
}

void sl_dma_host_if_reset(struct sl_dma *)
{
	hif->reset(SL_RESET_KIND_HOST_IF);
}

void sl_dma_card_reset(struct sl_dma *)
{
	hif->reset(SL_RESET_KIND_CARD);
}

void sl_queue_reset(struct sl_queue_set *)
{
	hif->reset(SL_RESET_KIND_HOST_IF);
}

bool sl_queue_read(struct sl_queue_set *, uint32_t offset, uint32_t *value)
{
	*value = hif->board.bar_read(offset);
	return true;
}

bool sl_queue_write(struct sl_queue_set *, uint32_t offset, uint32_t value)
{
	hif->status();
	hif->board.bar_write(offset, value);
	for (uint32_t i = 0; i < QUIET_CLOCKS * 4; i++)
		hif->clock();
	return true;
}

bool sl_dma_step(struct sl_dma *d, uint32_t time_ms)
{
	Hif &h = *hif;
	const uint64_t before = h.moved;
	static const unsigned reasons[2] = {SL_REASON_NO_HOST, SL_REASON_HOST_FULL};

	h.top.time_ms_i = time_ms;
	h.stepping = true;
	h.status();
	for (unsigned round = 0; round < 2; round++) {
		for (uint32_t i = 0, quiet = 0; i < STEP_CLOCKS_MAX && quiet < QUIET_CLOCKS; i++) {
			h.clock();
			quiet = h.busy() ? 0 : quiet + 1;
		}
		h.firmware();
	}
	for (uint32_t i = 0, quiet = 0; i < STEP_CLOCKS_MAX && quiet < QUIET_CLOCKS; i++) {
		h.clock();
		quiet = h.busy() ? 0 : quiet + 1;
	}
	h.stepping = false;
	for (unsigned i = 0; i < 2; i++) {
		const uint32_t count = h.board.mgmt_read(i ? SL_MGMT_HOST_FULL_PACKETS : SL_MGMT_NO_HOST_PACKETS);

		for (; h.drops[i] != count; h.drops[i]++)
			sl_mgmt_count_drop(d->mgmt, reasons[i], 0);
	}
	return h.moved != before;
}

uint32_t sl_dma_events_lost(const struct sl_dma *)
{
	return hif->board.bar_read(SL_BAR_EVENTS_LOST);
}

} // extern "C"
