/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The simulated bus: a SOCK_SEQPACKET socket over which one driver at a time accesses the BAR, maps its memory and gets
 * interrupts (docs/device.md chapter 12). It owns the mappings; registers are the card's.
 */
#ifndef SLUICE_SIM_BUS_H
#define SLUICE_SIM_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/iova.h"

struct sl_bus; /* opaque */

struct sl_bus_ops {
	uint32_t (*read)(void *ctx, uint32_t offset); /* offset is aligned and within the BAR */
	void (*write)(void *ctx, uint32_t offset, uint32_t value);
	/* The owner has gone; its mappings are still there and go after this call. */
	void (*closed)(void *ctx);
};

/* Listens at `path`. Mappings go to `memory`, which must outlive the bus. A socket file that nobody serves is replaced. NULL on
 * failure, with a sentence in err. */
struct sl_bus *sl_bus_create(const char *path, struct sl_iova *memory, const struct sl_bus_ops *ops, void *ctx,
			     char *err, size_t err_len);
/* Disconnects everybody and removes the socket file. */
void sl_bus_destroy(struct sl_bus *bus);

/* Descriptor that becomes readable (level-triggered) when sl_bus_step() has something to do. */
int sl_bus_fd(const struct sl_bus *bus);
/* Accepts, and handles a bounded number of messages. False if there was nothing to do. */
bool sl_bus_step(struct sl_bus *bus);
/* Interrupt; nothing happens without an owner. */
void sl_bus_raise(struct sl_bus *bus, unsigned int vector);
/* Process id of the owner, 0 if there is none. */
int sl_bus_owner(const struct sl_bus *bus);

#endif
