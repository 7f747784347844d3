/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The card's action table: how frames leave. Flows with equal content share an entry; an indirect action has an entry
 * of
 * its own, so that one write moves all its flows. A slot is given to new content only after its last user is gone, and
 * its generation advances with each new meaning.
 *
 * While rules are replayed after a restart some entries are *held*: flows in the card use them though no rule of this
 * process does yet. They are never overwritten, and equal content takes them over. All calls under the card's flow
 * lock.
 */
#ifndef SLUICE_DRIVER_FPGA_ACTIONS_H
#define SLUICE_DRIVER_FPGA_ACTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "driver/fpga/admin.h"
#include "sluice/contract.h"

#define SL_ACTION_NONE UINT32_MAX

struct sl_action_entry {
	struct sl_action content;  /* what the card holds, if known */
	uint32_t refs;             /* users in this process */
	uint32_t held;             /* flows of an earlier owner that name the entry */
	bool exclusive;            /* belongs to an indirect action */
	bool known;                /* content was read from or written to the card */
};

struct sl_actions {
	struct sl_admin *admin;
	struct sl_action_entry *entries;
	uint32_t count;
	uint32_t cursor; /* where the search for a free slot goes on: the slot freed last is reused last */
};

int sl_actions_open(struct sl_actions *actions, struct sl_admin *admin, uint32_t count);
void sl_actions_close(struct sl_actions *actions);

/* A flow of an earlier owner names the entry (reads it from the card once); -EINVAL if there is no such entry. */
int sl_actions_hold(struct sl_actions *actions, uint32_t index);
void sl_actions_unhold(struct sl_actions *actions, uint32_t index);

/* An entry with this content (generation and VALID are set here); shared unless exclusive. 0, -ENOSPC or a card's
 * error. */
int sl_actions_get(struct sl_actions *actions, const struct sl_action *content, bool exclusive, uint32_t *index);
void sl_actions_ref(struct sl_actions *actions, uint32_t index);
void sl_actions_put(struct sl_actions *actions, uint32_t index);
/* New content in place: all flows that use the entry change with the next packet. */
int sl_actions_rewrite(struct sl_actions *actions, uint32_t index, const struct sl_action *content);
/* New MTU for every used entry that leaves by the port. */
int sl_actions_set_mtu(struct sl_actions *actions, uint8_t port, uint16_t mtu);
/* What the card itself says about an entry. */
int sl_actions_read(struct sl_actions *actions, uint32_t index, struct sl_action *content);

#endif
