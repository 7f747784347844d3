// SPDX-License-Identifier: BSD-3-Clause
// The waveform of a Verilated top: an FST file of about the last N clocks. When N clocks are in the file it is kept as
// FILE.before and a new one is begun, so that between N and 2 N clocks remain. Only in builds with SL_RTL_TRACE; in
// others open() says that there is none, and the rest is nothing.
#ifndef SLUICE_SIM_ENGINE_RTL_WAVEFORM_H
#define SLUICE_SIM_ENGINE_RTL_WAVEFORM_H

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>

#include "sim/engine.h"
#include "verilated.h"
#ifdef SL_RTL_TRACE
#include "verilated_fst_c.h"
#endif

template <class Top> class Waveform {
public:
	// Before the top is made.
	static void prepare(VerilatedContext &context)
	{
#ifdef SL_RTL_TRACE
		context.traceEverOn(true);
#else
		(void)context;
#endif
	}

#ifdef SL_RTL_TRACE
	bool open(Top &top, const struct sl_engine_config &config, char *err, size_t err_len)
	{
		if (!config.trace_path)
			return true;
		trace = std::make_unique<VerilatedFstC>();
		top.trace(trace.get(), 99);
		path = config.trace_path;
		keep = config.trace_clocks ? config.trace_clocks : DEFAULT_CLOCKS;
		trace->open(path.c_str());
		if (!trace->isOpen()) {
			snprintf(err, err_len, "%s: cannot be written", config.trace_path);
			return false;
		}
		until = keep;
		return true;
	}
	void close()
	{
		if (trace)
			trace->close();
	}
	void low(uint64_t clocks)
	{
		if (trace)
			trace->dump(2 * clocks);
	}
	void high(uint64_t clocks)
	{
		if (!trace)
			return;
		trace->dump(2 * clocks + 1);
		if (clocks < until)
			return;
		trace->close();
		rename(path.c_str(), (path + ".before").c_str());
		trace->open(path.c_str());
		until = clocks + keep;
	}

private:
	static constexpr uint64_t DEFAULT_CLOCKS = 100000;
	std::unique_ptr<VerilatedFstC> trace;
	std::string path;
	uint64_t keep = 0, until = 0;
#else
	bool open(Top &, const struct sl_engine_config &config, char *err, size_t err_len)
	{
		if (config.trace_path)
			snprintf(err, err_len, "this build of the RTL cannot trace");
		return !config.trace_path;
	}
	void close() {}
	void low(uint64_t) {}
	void high(uint64_t) {}
#endif
};

#endif
