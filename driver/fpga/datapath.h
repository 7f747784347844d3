/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A datapath that this process programs itself, in place of a card behind a bus: admin and flow commands are executed at once
 * by the caller's thread, with the meaning and the statuses that docs/device.md gives them on a card. Everything above the
 * two command queues (rules, prefixes, actions, flows, adoption, rte_flow) does not know the difference.
 *
 * admin and flow are called under their queue's lock, so each is serialised, but one of each may run at a time.
 */
#ifndef SLUICE_DRIVER_FPGA_DATAPATH_H
#define SLUICE_DRIVER_FPGA_DATAPATH_H

#include <stdint.h>

#include "sluice/contract.h"

struct sl_datapath;

struct sl_datapath_ops {
	/* arg has the length that the opcode asks for; answer, zeroed, that of struct sl_admin_cpl's. Returns an sl_status. */
	uint8_t (*admin)(struct sl_datapath *dp, enum sl_admin_op op, const void *arg, void *answer);
	/* cpl.status tells how it ended; state is written by DUMP with status OK. */
	void (*flow)(struct sl_datapath *dp, const struct sl_flow_cmd *cmd, struct sl_flow_cpl *cpl, struct sl_flow_state *state);
	/* Looks for aged flows and calls told() for each, once until it is seen again; under the flow queue's lock, at most
	 * `batch` flows from *next on, which is advanced (0: the sweep has ended). */
	void (*age)(struct sl_datapath *dp, uint32_t *next, uint32_t batch, void (*told)(void *ctx, uint32_t flow_id), void *ctx);
	/* Leaves it: it goes on forwarding. Frees dp. */
	void (*close)(struct sl_datapath *dp);
};

struct sl_datapath {
	const struct sl_datapath_ops *ops;
};

#endif
