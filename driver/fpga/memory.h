/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DPDK's memory, given to the card: every page of the EAL's segments under the IOVA that the EAL uses (virtual or
 * physical address), also pages that are added later. Control threads only.
 */
#ifndef SLUICE_DRIVER_FPGA_MEMORY_H
#define SLUICE_DRIVER_FPGA_MEMORY_H

#include <stdbool.h>

#include <rte_mempool.h>

#include "driver/fpga/bus.h"

/* Maps all memory the EAL has and follows its changes until sl_memory_unshare(). 0 or a negative errno, logged. */
int sl_memory_share(struct sl_bus *bus);
void sl_memory_unshare(struct sl_bus *bus);

/* True if the card can reach all objects of the pool. */
bool sl_memory_holds_pool(struct rte_mempool *pool);

#endif
