/* SPDX-License-Identifier: BSD-3-Clause */
/* The driver's log: one DPDK log type, pmd.net.sluice. Messages are sentences without a final newline. */
#ifndef SLUICE_DRIVER_FPGA_LOG_H
#define SLUICE_DRIVER_FPGA_LOG_H

#include <rte_log.h>

extern int sl_driver_logtype;

#define SL_LOG(level, ...) \
	rte_log(RTE_LOG_##level, sl_driver_logtype, \
		RTE_FMT("net_sluice: " RTE_FMT_HEAD(__VA_ARGS__,) "\n", RTE_FMT_TAIL(__VA_ARGS__,)))

#endif
