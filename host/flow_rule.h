/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rte_flow rules in words of ours: connections (group 1) from key, record and action entry, and classification (group 0)
 * from what a configuration wants. Pure: nothing here calls a driver.
 */
#ifndef SLUICE_HOST_FLOW_RULE_H
#define SLUICE_HOST_FLOW_RULE_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_flow.h>

#include "host/config.h"
#include "host/service.h"
#include "sluice/contract.h"

#define SL_TUNNEL_WORDS_MAX 2

/* What a driver gives out for a tunnel (rte_flow_tunnel_match, rte_flow_tunnel_decap_set): rte_flow itself has an action that
 * opens VXLAN alone, and no item for GUE, nor for IP in IP whatever is in it. */
struct sl_tunnel_words {
	const struct rte_flow_item *items;
	const struct rte_flow_action *actions;
	uint32_t item_count, action_count; /* at most SL_TUNNEL_WORDS_MAX */
};

/* One rule with all the storage its items and actions point to; not to be copied. */
struct sl_flow_rule {
	struct rte_flow_attr attr;
	struct rte_flow_item pattern[12 + SL_TUNNEL_WORDS_MAX];
	struct rte_flow_action actions[14 + SL_TUNNEL_WORDS_MAX];
	unsigned int items, acts;
	struct rte_flow_item_ethdev port;
	struct rte_flow_item_meta meta, meta_mask;
	struct rte_flow_item_tag tag, tag_mask;
	struct rte_flow_item_eth eth, eth_mask;
	struct rte_flow_item_vlan vlan, vlan2, vlan_mask;
	struct { struct rte_flow_item_ipv4 spec, last, mask; } ip4[2];
	struct { struct rte_flow_item_ipv6 spec, last, mask; } ip6[2];
	struct { struct rte_flow_item_tcp spec, last, mask; } tcp;
	struct { struct rte_flow_item_udp spec, last, mask; } udp;
	struct rte_flow_item_vxlan vxlan, vxlan_mask;
	struct rte_flow_item_geneve geneve, geneve_mask;
	rte_be32_t gre_key, gre_key_mask;
	struct rte_flow_action_set_ipv4 set4_src, set4_dst;
	struct rte_flow_action_set_ipv6 set6_src, set6_dst;
	struct rte_flow_action_set_tp tp_src, tp_dst;
	struct rte_flow_action_raw_decap decap;
	uint8_t decap_data[22];
	struct rte_flow_action_raw_encap encap;
	struct rte_flow_action_modify_field copy_ecn, copy_dscp;
	struct rte_flow_action_age age;
	struct rte_flow_action_ethdev out, host;
	struct rte_flow_action_mark mark;
	struct rte_flow_action_meter meter;
	struct rte_flow_action_set_tag set_tag;
	struct rte_flow_action_set_meta set_meta;
	struct rte_flow_action_jump jump;
	struct rte_flow_action_sample sample;
	struct rte_flow_action sample_actions[4];
	struct rte_flow_action_mark sample_mark;
};

/* One direction of a connection. vid, inner_vid: the tags its packets come with, 0 none. action stays the caller's (its header is
 * pointed to). indirect: a handle in the place of raw_encap, or NULL; way: one in that of represented_port, which out_ethdev
 * says otherwise. */
void sl_flow_rule_conn(struct sl_flow_rule *rule, const struct sl_key *key, uint16_t vid, uint16_t inner_vid,
		       const struct sl_record *record, const struct sl_action *action,
		       const struct rte_flow_action_handle *indirect, const struct rte_flow_action_handle *way,
		       uint16_t out_ethdev);
/* What a rule says beside what it matches: no meter, no tag and no copy unless given. */
struct sl_class_how {
	const uint32_t *mtr_id; /* of what goes to the host: at once, or as a copy */
	uint32_t tag;           /* of frames that go to group 1, for the catch-all that takes their misses; 0 none */
	bool copy;              /* FIN and RST are copied to the host and go on; else they go to the host alone */
	const struct sl_tunnel_words *tunnel; /* of rules inside a tunnel that is not VXLAN */
};

/* What group 1 does not know: to the host, marked. tag: of these frames only; 0 of all. */
void sl_flow_rule_catch_all(struct sl_flow_rule *rule, uint16_t host_ethdev, const struct sl_class_how *how);

enum sl_class_kind { /* in the order of priority */
	SL_CLASS_FRAGMENT,
	SL_CLASS_TTL,
	SL_CLASS_SYN,
	SL_CLASS_FIN,
	SL_CLASS_RST,
	SL_CLASS_VIP,    /* addressed to a VIP */
	SL_CLASS_SOURCE, /* from a NAT backend */
	SL_CLASS_TUNNEL, /* a trusted tunnel: look inside */
	SL_CLASS_KERNEL, /* everything else to the port's MAC: a rule, so that it has a meter */
	SL_CLASS_GROUPCAST, /* and to multicast and broadcast MACs */
	SL_CLASS_KINDS,
};

/* A classification rule that the configuration wants. Zeroed before it is filled: comparable by memcmp. */
struct sl_class {
	uint8_t kind;
	uint8_t port;       /* index */
	uint8_t family;     /* of the packet meant; inside a tunnel the inner one */
	uint8_t proto;      /* SOURCE (ICMP: with pass), and with a service */
	uint16_t tenant;
	uint16_t vlan;      /* 0: untagged */
	uint16_t inner_vlan; /* 0: no second tag */
	uint32_t vni;       /* with network: VNI, or key of GRE */
	uint8_t tunnel;     /* enum sl_mode, with vtep */
	bool network;
	uint32_t service;   /* VIP and SYN: id + 1 of the one service meant, which has a meter of its own; or 0 */
	uint16_t port_lo, port_hi; /* SOURCE: source ports; with a service: its ports */
	struct sl_addr addr;       /* VIP or SOURCE; SYN: VIP, or none for all */
	struct sl_addr vtep, peer; /* vtep.family != 0: inside this tunnel */
};

/* All rules that the snapshot wants on `port`, in order of priority; at most max. Returns the number wanted, which may be
 * more than max. vteps: the port's own tunnel addresses. syn_by_vip: a rule for SYNs to each VIP, so that SYNs for the kernel
 * are not under their meter; else one for all addresses. pass: what no rule names does not come here, so ICMP of nat backends has rules. */
unsigned int sl_class_wanted(const struct sl_services *services, uint8_t port, const struct sl_addr *vteps,
			     unsigned int vtep_count, bool syn_by_vip, bool pass, struct sl_class *out, unsigned int max);

/* Under whose meter frames of this kind of rule reach the host. */
enum sl_metered sl_class_metered(unsigned int kind);
/* Whether the rule sends frames on to group 1. */
bool sl_class_jumps(unsigned int kind, bool copy);

/* The rule for one of them. */
void sl_flow_rule_class(struct sl_flow_rule *rule, const struct sl_class *want, const uint8_t mac[6], uint16_t ethdev,
			const struct sl_class_how *how);

/* Whether rte_flow_destroy()'s answer leaves it open that the rule stands and goes on: no answer, or that of a card whose
 * firmware does nothing now. Any other error is of a rule or a device that is gone. */
static inline bool sl_flow_rule_may_stand(int rc)
{
	return rc == -ETIMEDOUT || rc == -EBUSY || rc == -EAGAIN;
}

/* What the driver knows of a rule's packets. known: packets is; idle_ms: UINT64_MAX if not known. */
struct sl_flow_rule_counts {
	bool known, bytes_known;
	uint64_t packets, bytes, idle_ms;
};

/* age: ask for idle_ms, too. */
void sl_flow_rule_query(uint16_t proxy, struct rte_flow *rule, bool age, struct sl_flow_rule_counts *counts);

#endif
