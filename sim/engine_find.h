/* SPDX-License-Identifier: BSD-3-Clause */
/* Datapath engines by name; see engine.h for what they do. */
#ifndef SLUICE_SIM_ENGINE_FIND_H
#define SLUICE_SIM_ENGINE_FIND_H

#include <stdbool.h>
#include <stddef.h>

#include "sim/engine.h"

/* "model", "rtl" or "rtl-hbm"; with `trace` the RTL is the one that can write a waveform. NULL, with a sentence in err, if
 * there is none of that name or its library cannot be loaded. */
const struct sl_engine_ops *sl_engine_find(const char *name, bool trace, char *err, size_t err_len);

#endif
