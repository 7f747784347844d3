/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The actions of a group-1 rule (one connection) in neutral form:
 *
 *	[dec_ttl] [set_ipv4_src|dst or set_ipv6_src|dst] [set_tp_src|dst] [L2 [modify_field]] [count] [age] represented_port
 *
 * represented_port may be an indirect action too, behind an encapsulation. L2 is one of: nothing (the frame keeps its Ethernet header), set_mac_src + set_mac_dst, raw_decap + raw_encap,
 * raw_decap +
 * an indirect raw_encap, or set_mac_src + set_mac_dst + vxlan_encap. modify_field after an encapsulation copies the ECN
 * field, the DSCP or (two of them) both from the packet (level 2) into the outer IP header (level 1).
 */
#ifndef SLUICE_DRIVER_FLOW_REWRITE_H
#define SLUICE_DRIVER_FLOW_REWRITE_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_flow.h>

#include "driver/flow/encap.h"

enum sl_rewrite_l2 { SL_REWRITE_L2_KEEP, SL_REWRITE_L2_MACS, SL_REWRITE_L2_ENCAP, SL_REWRITE_L2_INDIRECT };

struct sl_rewrite {
	bool dec_ttl;
	bool src_set, dst_set, sport_set, dport_set;
	uint8_t src[16], dst[16];
	rte_be16_t sport, dport;
	enum sl_rewrite_l2 l2;
	struct sl_encap encap;                /* MACS and ENCAP: completed for the family */
	const void *indirect;                 /* INDIRECT: the handle */
	const struct rte_flow_action *l2_action; /* for refusals */
	const struct rte_flow_action *egress; /* for refusals */
	uint16_t ethdev;                      /* leaves by this port, without a way */
	const void *way;                      /* the handle of an indirect represented_port, or NULL */
	bool copy_ecn, copy_dscp;
	uint8_t copy_outer;           /* IP version of the outer header that a copy names, 0 without one */
	const struct rte_flow_action *copy_action; /* for refusals */
	bool count, age;
	uint32_t age_s;
	void *age_context;
};

/* family: of the packets that the rule matches, 4 or 6. 0, or a refusal in error. */
int sl_rewrite_parse(const struct rte_flow_action actions[], uint8_t family, struct sl_rewrite *rewrite,
		     struct rte_flow_error *error);

/* An indirect encapsulation is known to the caller alone: 0 if its outer header is the one that a modify_field names. */
int sl_rewrite_check_outer(const struct sl_rewrite *rewrite, const struct sl_encap *encap, struct rte_flow_error *error);

#endif
