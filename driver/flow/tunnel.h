/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tunnels by their kind. rte_flow has an action that opens VXLAN, and none that opens Geneve, GRE, GUE or IP in IP whatever
 * is in front of and behind their headers; nor has it an item for GUE. So this driver gives them out: an item that matches a
 * tunnel of a kind (rte_flow_tunnel_match) and an action that opens it (rte_flow_tunnel_decap_set).
 *
 * The item stands before all others; what follows an IP item (and udp, geneve, gre, gre_key) is then of the inner packet.
 * The action removes the outer headers and merges the ECN field (RFC 6040). It leaves an Ethernet frame: where the tunnel
 * carried a bare IP packet, with a header that only serves to be replaced (raw_decap, raw_encap).
 */
#ifndef SLUICE_DRIVER_FLOW_TUNNEL_H
#define SLUICE_DRIVER_FLOW_TUNNEL_H

#include <rte_flow.h>

#include "sluice/contract.h"

/* Types of their own; spec and conf point to the kind, a uint8_t of enum sl_tunnel_mode. */
#define SL_ITEM_TYPE_TUNNEL   (-0x5100)
#define SL_ACTION_TYPE_DECAP  (-0x5101)

/* The kind that an application means, or a refusal: a negative errno. What else it says of the tunnel is matched by items. */
int sl_tunnel_kind(const struct rte_flow_tunnel *tunnel, struct rte_flow_error *error);

/* The item and the action; they are the same for all rules and live as long as the program. */
struct rte_flow_item *sl_tunnel_item(int kind);
struct rte_flow_action *sl_tunnel_action(int kind);

/* The bit of register VXLAN_PORT that makes the card recognise this kind; 0 for what it always does. */
uint32_t sl_tunnel_flag(unsigned int mode);

#endif
