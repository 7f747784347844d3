/* SPDX-License-Identifier: BSD-3-Clause */
/* See tunnel.h. */
#include "driver/flow/tunnel.h"

#include <rte_byteorder.h>

#include "driver/flow/refuse.h"

#define KINDS (SL_TUNNEL_MODE_IPIP + 1)

static const uint8_t kinds[KINDS] = {
	[SL_TUNNEL_MODE_VNI] = SL_TUNNEL_MODE_VNI, [SL_TUNNEL_MODE_GENEVE] = SL_TUNNEL_MODE_GENEVE,
	[SL_TUNNEL_MODE_GRE] = SL_TUNNEL_MODE_GRE, [SL_TUNNEL_MODE_GUE] = SL_TUNNEL_MODE_GUE,
	[SL_TUNNEL_MODE_IPIP] = SL_TUNNEL_MODE_IPIP,
};

#define CANNOT(sentence) sl_refuse(error, ENOTSUP, RTE_FLOW_ERROR_TYPE_UNSPECIFIED, tunnel, sentence)

int sl_tunnel_kind(const struct rte_flow_tunnel *tunnel, struct rte_flow_error *error)
{
	if (tunnel->tun_id)
		return CANNOT("a tunnel is given by its type alone: its network is matched by an item");
	switch (tunnel->type) {
	case RTE_FLOW_ITEM_TYPE_VXLAN: return SL_TUNNEL_MODE_VNI;
	case RTE_FLOW_ITEM_TYPE_GENEVE: return SL_TUNNEL_MODE_GENEVE;
	case RTE_FLOW_ITEM_TYPE_GRE: return SL_TUNNEL_MODE_GRE;
	case RTE_FLOW_ITEM_TYPE_IPV4:
	case RTE_FLOW_ITEM_TYPE_IPV6: return SL_TUNNEL_MODE_IPIP;
	case RTE_FLOW_ITEM_TYPE_UDP:
		if (tunnel->tp_dst == RTE_BE16(SL_GUE_PORT))
			return SL_TUNNEL_MODE_GUE;
		return CANNOT("a tunnel of type udp is GUE: its destination port (tp_dst) is 6080");
	default: return CANNOT("the card opens vxlan, geneve, gre, GUE (type udp) and IP in IP (type ipv4 or ipv6)");
	}
}

struct rte_flow_item *sl_tunnel_item(int kind)
{
	static struct rte_flow_item items[KINDS];

	items[kind].type = (enum rte_flow_item_type)SL_ITEM_TYPE_TUNNEL;
	items[kind].spec = &kinds[kind];
	return &items[kind];
}

struct rte_flow_action *sl_tunnel_action(int kind)
{
	static struct rte_flow_action actions[KINDS];

	actions[kind].type = (enum rte_flow_action_type)SL_ACTION_TYPE_DECAP;
	actions[kind].conf = &kinds[kind];
	return &actions[kind];
}

uint32_t sl_tunnel_flag(unsigned int mode)
{
	static const uint32_t flags[KINDS] = {
		[SL_TUNNEL_MODE_GENEVE] = SL_TUNNEL_FLAG_GENEVE, [SL_TUNNEL_MODE_GRE] = SL_TUNNEL_FLAG_GRE,
		[SL_TUNNEL_MODE_GUE] = SL_TUNNEL_FLAG_GUE, [SL_TUNNEL_MODE_IPIP] = SL_TUNNEL_FLAG_IPIP,
	};

	return mode < KINDS ? flags[mode] : 0;
}
