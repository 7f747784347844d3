/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A second processor for the management core: the unmodified qemu-system-riscv32, machine "none" (a processor and RAM, no
 * device), its memory a file shared with this program, its registers answered over the gdb stub: a watchpoint on their windows
 * stops it before each access, which is then done here, on the bus. Traps are QEMU's own. About 100 us an access; only for tests.
 */
#ifndef SLUICE_TESTS_FIRMWARE_CORE_QEMU_H
#define SLUICE_TESTS_FIRMWARE_CORE_QEMU_H

#include "sim/core.h"

/* Its budget is a number of accesses to the bus; a processor that jumps to itself has spent it. */
extern const struct sl_core_ops sl_core_qemu;

#endif
