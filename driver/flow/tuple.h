/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The pattern of a group-1 rule in neutral form: one connection's exact tuple within a tenant, or everything else.
 *
 *	meta data is TENANT / [eth] / ipv4|ipv6 src, dst / tcp|udp src, dst         one connection
 *	[eth]                                                                       the catch-all: what no tuple matched
 *	tag data is TAG / [eth]                                                     that of rules that set this tag
 */
#ifndef SLUICE_DRIVER_FLOW_TUPLE_H
#define SLUICE_DRIVER_FLOW_TUPLE_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_flow.h>

struct sl_tuple {
	bool catch_all;
	uint32_t tag;            /* catch-all: 0 any */
	uint16_t tenant;
	uint8_t family;          /* 4 or 6 */
	uint8_t proto;           /* 6 or 17 */
	uint8_t src[16], dst[16];
	rte_be16_t sport, dport;
};

/* 0, or a refusal in error. */
int sl_tuple_parse(const struct rte_flow_item pattern[], struct sl_tuple *tuple, struct rte_flow_error *error);

#endif
