/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The actions of a rule that does not forward, in neutral form: group 0, and the catch-all of group 1.
 *
 *	drop [count]
 *	[mark] [meter] [count] port_representor                                                          to the host
 *	[vxlan_decap | that of tunnel.h] [set_meta] [set_tag] [sample ratio 1 {[mark] [meter] port_representor}] [count] jump group 1
 */
#ifndef SLUICE_DRIVER_FLOW_FATE_H
#define SLUICE_DRIVER_FLOW_FATE_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_flow.h>

enum sl_fate_kind { SL_FATE_NONE, SL_FATE_DROP, SL_FATE_HOST, SL_FATE_FLOWS };

struct sl_fate {
	enum sl_fate_kind kind;
	const struct rte_flow_action *decided_by;  /* the action that gave kind, for refusals */
	uint16_t ethdev;         /* HOST: whose host queues */
	bool mark_set;
	uint32_t mark;
	bool meter_set;
	uint32_t meter;          /* rte_mtr id */
	bool count;
	uint8_t decap;           /* enum sl_tunnel_mode of the tunnel that is opened, or 0 */
	uint16_t tenant;
	bool copy;
	uint16_t copy_ethdev;
	uint32_t copy_mark;
	bool copy_meter_set;
	uint32_t copy_meter;     /* rte_mtr id */
	uint32_t tag;            /* FLOWS: for a catch-all of group 1 to match; 0 none */
};

/* 0, or a refusal in error. */
int sl_fate_parse(const struct rte_flow_action actions[], struct sl_fate *fate, struct rte_flow_error *error);

#endif
