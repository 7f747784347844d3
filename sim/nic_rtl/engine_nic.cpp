// SPDX-License-Identifier: BSD-3-Clause
// The whole card in RTL behind sim/engine.h: what is around sl_nic on a board is played here, a clock at a time: MACs
// (wires.h), host memory with latency and reordering, register accesses, interrupts (board.h), and the memory of the
// records in the card that has it (sim/engine_rtl/hbm.h). The clock stands while nothing is under way.
#include <memory>

#include "Vsl_nic.h"
#include "verilated.h"

#include "sim/nic_rtl/board.h"
#include "sim/nic_rtl/wires.h"

#include "sim/engine_rtl/coverage.h"
#include "sim/engine_rtl/hbm.h"
#include "sim/engine_rtl/waveform.h"

namespace {

#ifdef SL_RTL_HBM
constexpr bool RECORDS_HBM = true;
#else
constexpr bool RECORDS_HBM = false;
#endif
constexpr unsigned PORTS = 2;
constexpr uint32_t CSR_POLLS_MAX = 1000;
constexpr uint32_t CLEAR_CLOCKS_MAX = 1u << 22;
constexpr uint32_t IRQ_CLOCKS = 4; // from a register write to its interrupt request

// Tracing is switched on before the top exists.
struct Traced {
	explicit Traced(VerilatedContext &context) { Waveform<Vsl_nic>::prepare(context); }
};

} // namespace

struct sl_engine {
	VerilatedContext context;
	Traced traced{context};
	Vsl_nic top{&context, "sl_nic"};
	Waveform<Vsl_nic> waveform;
	sl_nic_host host{};
	Wires<Vsl_nic, PORTS> wires{top};
	Board<Vsl_nic> board;
	HbmPorts<Vsl_nic> hbm; // stands still if records are on chip
	uint64_t clocks = 0;
	uint32_t time_ms = 0, link = 0;
	unsigned restart = 0;
	bool inject = false;

	sl_engine();
	void clock();
	bool working() const { return wires.waiting() || top.busy_o || !board.idle(); }
	void chase();
	void settle_clear();
	void power_on();
};

sl_engine::sl_engine()
	: board(top,
		{[this](uint64_t at, void *to, size_t n) { return host.read && host.read(host.ctx, at, to, n); },
		 [this](uint64_t at, const void *from, size_t n) { return host.write && host.write(host.ctx, at, from, n); }},
		[this](unsigned vector) { host.raise(host.ctx, vector); })
{
	board.clock = [this] { clock(); };
}

void sl_engine::clock()
{
	wires.drive(inject);
	board.drive();
	if (RECORDS_HBM)
		hbm.drive(top);
	top.random_i = board.random.next();
	top.clk_i = 0;
	top.eval();
	wires.take();
	board.take();
	if (RECORDS_HBM)
		hbm.take(top);
	if (top.restart_o)
		restart = top.restart_cause_o;
	waveform.low(clocks);
	top.clk_i = 1;
	top.eval();
	board.settle();
	waveform.high(clocks);
	clocks++;
}

// The card's time first catches up, so that meters have grown before the frames that follow.
void sl_engine::chase()
{
	top.time_ms_i = time_ms;
	while (top.time_ms_o != time_ms)
		clock();
}

void sl_engine::settle_clear()
{
	for (uint32_t i = 0; i < CLEAR_CLOCKS_MAX && top.clearing_o; i++)
		clock();
}

void sl_engine::power_on()
{
	wires.clear();
	board.reset();
	hbm.reset(board.random.state, board.stall_pct);
	top.link_i = link;
	top.time_ms_i = time_ms;
	top.rst_ni = 0;
	for (int i = 0; i < 8; i++)
		clock();
	top.rst_ni = 1;
	clock();
	settle_clear();
	chase();
}

static void nic_destroy(struct sl_engine *e)
{
	if (e) {
		e->waveform.close();
		e->top.final();
		rtl_cover_write(e->context);
	}
	delete e;
}

static struct sl_engine *nic_create(const struct sl_engine_config *config, char *err, size_t err_len)
{
	if (config->ports != PORTS) {
		snprintf(err, err_len, "the RTL is built for %u ports", PORTS);
		return nullptr;
	}
	auto e = std::make_unique<sl_engine>();
	if (!e->waveform.open(e->top, *config, err, err_len))
		return nullptr;
	e->board.random.state = config->stall_seed ? config->stall_seed : 1;
	e->board.stall_pct = config->stall_seed ? config->stall_pct : 0;
	e->power_on();
	return e.release();
}

// Registers of the datapath: the same protocol as the other two, by the board.
static uint32_t nic_csr_read(struct sl_engine *e, uint32_t offset)
{
	e->chase();
	return e->board.csr_read(offset);
}

static void nic_csr_write(struct sl_engine *e, uint32_t offset, uint32_t value)
{
	e->chase();
	e->board.csr_write(offset, value);
	if (offset == SL_CSR_TBL_CMD)
		for (uint32_t i = 0; i < CSR_POLLS_MAX && e->board.csr_read(SL_CSR_TBL_STATUS) & 1; i++)
			;
	e->settle_clear();
}

static bool nic_wire_in(struct sl_engine *e, unsigned int port, const uint8_t *frame, uint32_t len, bool bad_fcs)
{
	return e->wires.put(port, frame, len, bad_fcs);
}

static uint32_t nic_step(struct sl_engine *e, uint32_t time_ms, uint32_t budget)
{
	const uint64_t start = e->clocks;

	e->time_ms = time_ms;
	if (e->top.time_ms_i == time_ms && !e->working())
		return 0;
	e->inject = true;
	e->chase();
	while (e->clocks - start < budget && e->working() && e->restart == 0)
		e->clock();
	e->inject = false;
	return (uint32_t)(e->clocks - start);
}

static uint32_t nic_wire_out(struct sl_engine *e, unsigned int *port, uint8_t *buf)
{
	return e->wires.get(port, buf);
}

static bool nic_idle(const struct sl_engine *e)
{
	return !e->working();
}

static uint64_t nic_clocks(const struct sl_engine *e)
{
	return e->clocks;
}

static void nic_reset(struct sl_engine *e)
{
	e->power_on();
}

static void nic_attach(struct sl_engine *e, const struct sl_nic_host *host, const struct sl_nic_port *port,
		       unsigned int ports)
{
	e->host = *host;
	e->link = 0;
	for (unsigned i = 0; i < PORTS && i < ports; i++) {
		memset(&e->top.port_i[2 * i], 0, 8);
		memcpy(&e->top.port_i[2 * i], port[i].mac, 6);
		e->top.port_i[2 * i + 1] |= (uint32_t)port[i].mtu << 16;
		e->link |= port[i].up ? 1u << i : 0;
	}
	e->power_on();
}

static uint32_t nic_bar_read(struct sl_engine *e, uint32_t offset)
{
	return e->board.bar_read(offset);
}

static void nic_bar_write(struct sl_engine *e, uint32_t offset, uint32_t value)
{
	e->board.bar_write(offset, value);
	for (uint32_t i = 0; i < IRQ_CLOCKS; i++)
		e->clock();
}

static uint32_t nic_mgmt_read(struct sl_engine *e, uint32_t offset)
{
	e->chase();
	return e->board.mgmt_read(offset);
}

static void nic_mgmt_write(struct sl_engine *e, uint32_t offset, uint32_t value)
{
	e->board.mgmt_write(offset, value);
}

static bool nic_wake(const struct sl_engine *e)
{
	return e->top.wake_o;
}

static unsigned int nic_restart(struct sl_engine *e)
{
	const unsigned cause = e->restart;

	e->restart = 0;
	if (cause == SL_RESET_KIND_CARD) {
		e->wires.forget();
		e->chase();
		e->settle_clear();
	}
	return cause;
}

static void nic_link_set(struct sl_engine *e, unsigned int port, bool up)
{
	const uint32_t link = (e->link & ~(1u << port)) | (up ? 1u << port : 0);

	if (link == e->link)
		return;
	e->link = link;
	e->top.link_i = link;
	e->clock();
	e->clock();
}

static void nic_print(const struct sl_engine *e, FILE *out)
{
	fprintf(out, "dma: in RTL; read bursts %llu (at most %u outstanding), write bursts %llu, interrupts %llu\n",
		(unsigned long long)e->board.read_bursts, e->board.outstanding_most,
		(unsigned long long)e->board.write_bursts, (unsigned long long)e->board.interrupts);
	if (RECORDS_HBM)
		fprintf(out, "records: in HBM; read %llu times, written %llu times\n", (unsigned long long)e->hbm.reads,
			(unsigned long long)e->hbm.writes);
}

static const struct sl_nic_ops nic_ops = {
	nic_attach, nic_bar_read, nic_bar_write, nic_mgmt_read, nic_mgmt_write, nic_wake, nic_restart, nic_link_set, nic_print,
};

extern "C" __attribute__((visibility("default"))) const struct sl_engine_ops sl_engine_rtl = {
	RECORDS_HBM ? "rtl-hbm" : "rtl",
	nic_create,	nic_destroy, nic_csr_read, nic_csr_write, nic_wire_in, nullptr,	  nullptr,
	nic_step, nic_wire_out, nullptr,     nullptr,	   nullptr,	nic_idle,	  nic_clocks,  nic_reset, &nic_ops,
};
