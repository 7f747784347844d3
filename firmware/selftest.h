/* SPDX-License-Identifier: BSD-3-Clause */
/* What must hold before the firmware touches anything. */
#ifndef SLUICE_FIRMWARE_SELFTEST_H
#define SLUICE_FIRMWARE_SELFTEST_H

#include <stdbool.h>

/* RAM, both register blocks, and the datapath's tables. Logs what fails. */
bool sl_selftest_run(void);

#endif
