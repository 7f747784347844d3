/* SPDX-License-Identifier: BSD-3-Clause */
/* The command line of sluice-sim. */
#ifndef SLUICE_SIM_OPTIONS_H
#define SLUICE_SIM_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/port.h"
#include "sluice/contract.h"

struct sl_options {
	const char *engine;   /* "model", "rtl" or "rtl-hbm" */
	const char *bus;
	const char *firmware;
	const char *flash;
	struct sl_port_spec port[SL_PORTS_MAX];
	unsigned int ports;
	unsigned int table_log2;
	const char *trace;     /* NULL none */
	uint64_t trace_clocks;
	bool help;
};

extern const char sl_options_usage[];

/* 0, or -EINVAL with a sentence in err. Strings stay in argv. */
int sl_options_parse(int argc, char **argv, struct sl_options *options, char *err, size_t err_len);

#endif
