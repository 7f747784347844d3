/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Indirect actions. One made of raw_encap is a next hop that many rules name and one update moves. It has action entries
 * of its own, one per way out and IP version that its rules need; it keeps them until it is destroyed. A way out is a
 * port, or an indirect action made of represented_port: one update of that rewrites the entries of all next hops that are
 * left by it, and so moves all their rules to another port. All calls under the card's flow lock.
 */
#ifndef SLUICE_DRIVER_FPGA_INDIRECT_H
#define SLUICE_DRIVER_FPGA_INDIRECT_H

#include "driver/flow/encap.h"
#include "driver/fpga/port.h"

#define SL_WAYS_MAX 8u                       /* indirect represented_ports of an ethdev */
#define SL_WAYS_OUT (SL_PORTS_MAX + SL_WAYS_MAX)

struct sl_indirect {
	TAILQ_ENTRY(sl_indirect) next;
	bool is_way;             /* made of represented_port */
	uint32_t rules;          /* that use it */
	/* a way */
	uint8_t way;             /* its number, below SL_WAYS_MAX */
	uint16_t ethdev;
	uint8_t egress;          /* port of the card */
	/* an encapsulation */
	struct sl_encap encap;
	bool copied;             /* some of its rules copy into its outer IP header, which they name by its version */
	uint32_t actions[SL_WAYS_OUT][2]; /* by port, or SL_PORTS_MAX + way, and IP version (4, 6); SL_ACTION_NONE */
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

/* The action entry for packets of a family that leave by a port of the card, or (way not NULL) by a way. -EINVAL if the
 * template is for the other family. */
int sl_indirect_entry(struct sl_port *port, struct sl_indirect *indirect, const struct sl_indirect *way, uint8_t egress,
		      uint16_t mtu, uint8_t family, uint32_t *action);

/* NULL: no memory, or SL_WAYS_MAX there already. */
struct sl_indirect *sl_indirect_create_way(struct sl_port *port, uint16_t ethdev, uint8_t egress);
/* All rules of the way leave by another port. After an error some do; it can be called again. */
int sl_indirect_move(struct sl_port *port, struct sl_indirect *way, uint16_t ethdev, uint8_t egress);

#endif
