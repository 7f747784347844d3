// SPDX-License-Identifier: BSD-3-Clause
// Line coverage of a Verilated top: in builds with SL_RTL_COVER each context leaves one file in the folder that the
// environment's SL_RTL_COVER names, when it is told to; in others nothing.
#ifndef SLUICE_SIM_ENGINE_RTL_COVERAGE_H
#define SLUICE_SIM_ENGINE_RTL_COVERAGE_H

#include "verilated.h"
#ifdef SL_RTL_COVER
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <verilated_cov.h>
#endif

static inline void rtl_cover_write(VerilatedContext &context)
{
#ifdef SL_RTL_COVER
	const char *folder = getenv("SL_RTL_COVER");
	static unsigned number;

	if (folder == nullptr)
		return;
	context.coveragep()->write(
		(std::string(folder) + "/" + std::to_string(getpid()) + "-" + std::to_string(number++) + ".dat").c_str());
#else
	(void)context;
#endif
}

#endif
