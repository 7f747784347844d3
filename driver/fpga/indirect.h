/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Indirect actions made of raw_encap: a next hop that many rules name and one update moves. Each has action entries of
 * its own, one per egress port and IP version that its rules need; it keeps them until it is destroyed. All calls under
 * the card's flow lock.
 */
#ifndef SLUICE_DRIVER_FPGA_INDIRECT_H
#define SLUICE_DRIVER_FPGA_INDIRECT_H

#include "driver/flow/encap.h"
#include "driver/fpga/port.h"

struct sl_indirect {
	TAILQ_ENTRY(sl_indirect) next;
	struct sl_encap encap;
	uint32_t rules;          /* that use it */
	bool copied;             /* some of them copy into its outer IP header, which they name by its version */
	uint32_t actions[SL_PORTS_MAX][2]; /* by port and IP version (4, 6); SL_ACTION_NONE */
};

/* The port's indirect action behind a handle, or NULL. */
struct sl_indirect *sl_indirect_find(const struct sl_port *port, const void *handle);

struct sl_indirect *sl_indirect_create(struct sl_port *port, const struct sl_encap *encap);
/* One more rule uses it. copies: and copies fields into its outer header. */
void sl_indirect_use(struct sl_indirect *indirect, bool copies);
/* -EBUSY while rules use it. */
int sl_indirect_destroy(struct sl_port *port, struct sl_indirect *indirect);
/* New contents for all its rules. -EINVAL if a rule's packets are of another IP version than the new template says, or
 * copy into an outer header of another version. */
int sl_indirect_update(struct sl_port *port, struct sl_indirect *indirect, const struct sl_encap *encap);

/* The action entry for packets of a family that leave by a port of the card. -EINVAL if the template is for the other
 * family. */
int sl_indirect_entry(struct sl_port *port, struct sl_indirect *indirect, uint8_t egress, uint16_t mtu, uint8_t family,
		      uint32_t *action);

#endif
