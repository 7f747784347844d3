// SPDX-License-Identifier: BSD-3-Clause
// What the host interface in RTL (hw/rtl/sl_hif.sv) carries: frames of one size to the host and from it, through one
// queue each and through four, with a host memory as far away as behind PCIe: 200 to 260 clocks to a read's first beat,
// 100 to 160 to a write's acknowledgement, reads out of order, beats of different reads mixed. Rings are full before it
// begins, so the card's own pace is measured, from the first to the last beat. Floors are asserted: what the pipelines
// are built for.
//
// A frame costs one more beat of writes (its completion) and a quarter of one of reads (its descriptor) than its
// payload has; "bus" is all beats together. And how often it interrupts a driver that always asks for the next one,
// with and without a hold-off.
#include <cinttypes>
#include <memory>
#include <string>

#include "Vsl_hif.h"
#include "verilated.h"

#include "sim/engine_rtl/coverage.h"
#include "sim/nic_rtl/board.h"

#define _Static_assert static_assert
#include "sluice/contract.h"

namespace {

constexpr uint64_t BASE = 0x100000000ull;
constexpr size_t MEMORY = 32u << 20, LINE = SL_BEAT_BYTES, BUFFER = 2048;
constexpr unsigned RING_LOG2 = 10, RING = 1u << RING_LOG2, FRAMES = 3000, QUEUES_MOST = 4;
constexpr uint64_t CLOCKS_MAX = 200000;

struct Row {
	unsigned bytes, queues;
	bool rx, tx;
	double rx_floor, tx_floor; // beats of payload per clock
};

struct Tally {
	uint64_t first = 0, last = 0, frames = 0, beats = 0;
	void count(uint64_t now, bool end)
	{
		if (beats++ == 0)
			first = now;
		last = now;
		frames += end;
	}
	double per_clock(uint64_t n) const { return last > first ? (double)n / (double)(last - first + 1) : 0; }
};

struct Rate {
	VerilatedContext context;
	Vsl_hif top{&context, "sl_hif"};
	std::vector<uint8_t> memory = std::vector<uint8_t>(MEMORY);
	Board<Vsl_hif> board;
	Row row;
	uint64_t clocks = 0;
	Tally to_host, from_host, reads, writes;
	unsigned posted[2][QUEUES_MOST] = {}, seen[2][QUEUES_MOST] = {};
	unsigned given = 0; // frames that the datapath has begun to give
	size_t given_at = 0;
	uint64_t wrong = 0;
	uint8_t tx_popped = 0; // the port that has taken a beat in the last clock, a bit
	bool go = false; // the datapath gives frames
	bool asks = false; // the driver asks for interrupts
	uint64_t irqs = 0, irq_last = 0, irq_gap = UINT64_MAX; // least clocks between two

	explicit Rate(const Row &r);
	void clock();
	void drive();
	void take();
	void run();
	void queue_start(unsigned number, unsigned port, unsigned i, bool tx);
	void post(unsigned i, bool tx);
	void consume(unsigned i, bool tx);
	uint8_t *at(uint64_t iova) { return memory.data() + (iova - BASE); }
	static uint64_t ring(unsigned i, bool tx, bool cq) { return BASE + (((tx ? 4 : 0) + i) * 2 + cq) * 0x10000; }
	static uint64_t buffer(unsigned i, bool tx, unsigned n)
	{
		return BASE + 0x200000 + (((tx ? 4 : 0) + i) * RING + n % RING) * BUFFER;
	}
	static unsigned number(unsigned i, bool tx) { return (tx ? SL_QUEUE_TX0 : SL_QUEUE_RX0) + i; }
};

Rate::Rate(const Row &r)
	: board(top,
		{[this](uint64_t a, void *to, size_t n) {
			 if (a < BASE || a + n > BASE + MEMORY)
				 return false;
			 memcpy(to, at(a), n);
			 return true;
		 },
		 [this](uint64_t a, const void *from, size_t n) {
			 if (a < BASE || a + n > BASE + MEMORY)
				 return false;
			 memcpy(at(a), from, n);
			 return true;
		 }},
		[this](unsigned) {
			if (irqs++ != 0 && clocks - irq_last < irq_gap)
				irq_gap = clocks - irq_last;
			irq_last = clocks;
		}),
	  row(r)
{
	board.random.state = 77;
	board.latency_min = 200;
	board.latency_spread = 60;
	board.write_latency_min = 100;
	board.clock = [this] { clock(); };
	top.rst_ni = 0;
	for (int i = 0; i < 4; i++)
		clock();
	top.rst_ni = 1;
	clock();
}

void Rate::drive()
{
	top.m_axis_tx_tready = 1;
	top.tx_pop_i = tx_popped;
	top.s_axis_rx_tvalid = go && row.rx && given < FRAMES;
	if (!top.s_axis_rx_tvalid)
		return;
	memset(&top.s_axis_rx_tuser[0], 0, sizeof(top.s_axis_rx_tuser));
	top.s_axis_rx_tuser[1] = (given % QUEUES_MOST) << 30; // the hash
	top.s_axis_rx_tuser[137 / 32] |= row.bytes << 137 % 32;
	memset(&top.s_axis_rx_tdata[0], (int)(given & 0xff), LINE);
	top.s_axis_rx_tlast = given_at + LINE >= row.bytes;
}

void Rate::take()
{
	tx_popped = top.m_axis_tx_tvalid ? 1u << top.m_axis_tx_tdest : 0;
	if (tx_popped)
		from_host.count(clocks, top.m_axis_tx_tlast);
	if (top.m_axi_rvalid && top.m_axi_rready)
		reads.count(clocks, false);
	if (top.m_axi_wvalid && top.m_axi_wready)
		writes.count(clocks, false);
	if (!top.s_axis_rx_tvalid || !top.s_axis_rx_tready)
		return;
	to_host.count(clocks, top.s_axis_rx_tlast);
	given_at += LINE;
	if (given_at >= row.bytes) {
		given_at = 0;
		given++;
	}
}

void Rate::clock()
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
	clocks++;
}

void Rate::post(unsigned i, bool tx)
{
	const unsigned n = posted[tx][i]++;

	if (tx) {
		const sl_tx_desc d = {buffer(i, true, n), row.bytes, 1, 0};
		memcpy(at(ring(i, true, false) + n % RING * sizeof(d)), &d, sizeof(d));
	} else {
		const sl_rx_desc d = {buffer(i, false, n), BUFFER, 0};
		memcpy(at(ring(i, false, false) + n % RING * sizeof(d)), &d, sizeof(d));
	}
}

void Rate::queue_start(unsigned q, unsigned port, unsigned i, bool tx)
{
	board.bar_write(SL_BAR_Q_SQ_LO(q), (uint32_t)ring(i, tx, false));
	board.bar_write(SL_BAR_Q_SQ_HI(q), (uint32_t)(ring(i, tx, false) >> 32));
	board.bar_write(SL_BAR_Q_CQ_LO(q), (uint32_t)ring(i, tx, true));
	board.bar_write(SL_BAR_Q_CQ_HI(q), (uint32_t)(ring(i, tx, true) >> 32));
	board.bar_write(SL_BAR_Q_SIZE(q), RING_LOG2 | RING_LOG2 << 8);
	board.bar_write(SL_BAR_Q_CTRL(q), 1 | port << 8);
}

// The driver: takes what has completed, posts as much again, and rings when a quarter of the ring has gone by.
void Rate::consume(unsigned i, bool tx)
{
	const size_t size = tx ? sizeof(sl_tx_cpl) : sizeof(sl_rx_cpl);
	const unsigned before = seen[tx][i];

	for (;;) {
		const uint8_t *cpl = at(ring(i, tx, true) + seen[tx][i] % RING * size);

		if ((cpl[size - 1] & 1) != !(seen[tx][i] / RING & 1))
			break;
		if (!tx) {
			const uint8_t *payload = at(buffer(i, false, seen[0][i]));
			const unsigned frame = row.queues == 1 ? seen[0][i] : seen[0][i] * QUEUES_MOST + i;

			for (unsigned b = 0; b < row.bytes; b++)
				wrong += payload[b] != (uint8_t)frame;
			post(i, false);
		}
		seen[tx][i]++;
	}
	if (!asks && before / (RING / 4) == seen[tx][i] / (RING / 4))
		return;
	board.bar_write(SL_BAR_DB_CQ_HEAD(number(i, tx)), seen[tx][i] % RING);
	if (!tx)
		board.bar_write(SL_BAR_DB_SQ_TAIL(number(i, tx)), posted[0][i] % RING);
	if (asks)
		board.bar_write(SL_BAR_Q_IRQ(number(i, tx)), 1);
}

void Rate::run()
{
	for (unsigned i = 0; i < row.queues; i++)
		for (unsigned tx = 0; tx < 2; tx++) {
			if (!(tx ? row.tx : row.rx))
				continue;
			queue_start(number(i, tx), 0, i, tx);
			for (unsigned n = 0; n < RING - 1; n++)
				post(i, tx);
		}
	for (unsigned i = row.queues; i-- > 0;)
		for (unsigned tx = 0; tx < 2; tx++)
			if (tx ? row.tx : row.rx)
				board.bar_write(SL_BAR_DB_SQ_TAIL(number(i, tx)), RING - 1);
	go = true;
	while (clocks < CLOCKS_MAX && (top.busy_o || !board.idle())) {
		clock();
		for (unsigned i = 0; clocks % 64 == 0 && i < row.queues; i++)
			for (unsigned tx = 0; tx < 2; tx++)
				if (tx ? row.tx : row.rx)
					consume(i, tx);
	}
}

int report(const Row &row)
{
	auto r = std::make_unique<Rate>(row);
	int failed = 0;

	r->run();
	const double rx = r->to_host.per_clock(r->to_host.beats), tx = r->from_host.per_clock(r->from_host.beats);
	printf("%5u bytes, %u queue%s %-9s", row.bytes, row.queues, row.queues > 1 ? "s," : ", ",
	       row.rx && row.tx ? "rx and tx" : row.rx ? "rx" : "tx");
	if (row.rx)
		printf("  rx %.3f beats %.3f frames", rx, r->to_host.per_clock(r->to_host.frames));
	if (row.tx)
		printf("  tx %.3f beats %.3f frames", tx, r->from_host.per_clock(r->from_host.frames));
	printf("  bus: writes %.3f reads %.3f a clock, %u reads at once\n", r->writes.per_clock(r->writes.beats),
	       r->reads.per_clock(r->reads.beats), r->board.outstanding_most);
	if (row.rx && (rx < row.rx_floor || r->to_host.frames != FRAMES))
		failed = printf("        rx: %" PRIu64 " frames of %u; the floor is %.3f beats\n", r->to_host.frames, FRAMES,
				row.rx_floor);
	if (row.tx && (tx < row.tx_floor || r->from_host.frames != (RING - 1) * row.queues))
		failed = printf("        tx: %" PRIu64 " frames; the floor is %.3f beats\n", r->from_host.frames,
				row.tx_floor);
	if (r->wrong != 0)
		failed = printf("        rx: %" PRIu64 " bytes are not those of the frame\n", r->wrong);
	r->top.final();
	rtl_cover_write(r->context);
	return failed != 0;
}

// The hold-off is kept, at most a round of all vectors and a memory's latency longer; without, every look gets one.
int moderation(uint32_t holdoff)
{
	auto r = std::make_unique<Rate>(Row{256, 1, true, false, 0, 0});
	const unsigned q = Rate::number(0, false);
	int failed = 0;

	r->asks = true;
	r->board.bar_write(SL_BAR_Q_HOLDOFF(q), holdoff);
	if (r->board.bar_read(SL_BAR_Q_HOLDOFF(q)) != holdoff || r->board.bar_read(SL_BAR_Q_HOLDOFF(10)) != 0)
		failed = printf("        Q_HOLDOFF does not read as written\n");
	r->run();
	const double every = r->irqs ? (double)r->clocks / (double)r->irqs : 0;

	printf("hold-off %5u: %" PRIu64 " interrupts, one in %.0f clocks, two at least %" PRIu64 " apart\n", holdoff, r->irqs,
	       every, r->irq_gap);
	if (holdoff ? r->irq_gap < holdoff || every > holdoff * 1.2 : every > 200)
		failed = printf("        hold-off %u: not what it should be\n", holdoff);
	r->board.bar_write(SL_BAR_RESET, SL_RESET_KIND_HOST_IF);
	while (r->board.bar_read(SL_BAR_RESET) != 0)
		;
	if (r->board.bar_read(SL_BAR_Q_HOLDOFF(q)) != 0)
		failed = printf("        a host interface reset keeps Q_HOLDOFF\n");
	r->top.final();
	rtl_cover_write(r->context);
	return failed != 0;
}

} // namespace

int main()
{
	static const Row rows[] = {
		{64, 1, true, false, 0.41, 0},   {64, 4, true, false, 0.45, 0},   {256, 1, true, false, 0.78, 0},
		{256, 4, true, false, 0.78, 0},  {1536, 1, true, false, 0.94, 0}, {64, 1, false, true, 0, 0.43},
		{64, 4, false, true, 0, 0.43},   {256, 1, false, true, 0, 0.9},   {256, 4, false, true, 0, 0.9},
		{1536, 1, false, true, 0, 0.97}, {100, 1, true, true, 0.6, 0.68}, {256, 1, true, true, 0.75, 0.8},
		{1536, 4, true, true, 0.94, 0.96},
	};
	int failed = 0;

	for (const Row &row : rows)
		failed += report(row);
	for (uint32_t holdoff : {0u, 1500u, 60000u / 16})
		failed += moderation(holdoff);
	printf("hif_rate: %zu rows, %d failed\n", sizeof(rows) / sizeof(rows[0]), failed);
	return failed != 0;
}
