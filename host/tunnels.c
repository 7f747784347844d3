/* SPDX-License-Identifier: BSD-3-Clause */
/* See tunnels.h. */
#include "host/tunnels.h"

#include <stdio.h>

#include <rte_byteorder.h>
#include <rte_ethdev.h>
#include <rte_errno.h>
#include <rte_flow.h>

struct words {
	bool asked, given;
	struct sl_tunnel_words words;
	char why[160];
};

static struct words words_of[RTE_MAX_ETHPORTS][SL_MODES];

/* As rte_flow names it: by the type of its item, and where it has none of its own by that of what is around or in it. */
static struct rte_flow_tunnel describe(unsigned int tunnel)
{
	struct rte_flow_tunnel t = { .type = RTE_FLOW_ITEM_TYPE_VXLAN };

	switch (tunnel) {
	case SL_MODE_GENEVE: t.type = RTE_FLOW_ITEM_TYPE_GENEVE; break;
	case SL_MODE_GRE: t.type = RTE_FLOW_ITEM_TYPE_GRE; break;
	case SL_MODE_IPIP: t.type = RTE_FLOW_ITEM_TYPE_IPV4; break;
	case SL_MODE_GUE:
		t.type = RTE_FLOW_ITEM_TYPE_UDP;
		t.tp_dst = RTE_BE16(SL_GUE_PORT);
		break;
	default: break;
	}
	return t;
}

static void ask(struct words *w, uint16_t proxy, unsigned int tunnel)
{
	struct rte_flow_tunnel t = describe(tunnel);
	struct rte_flow_action *actions = NULL;
	struct rte_flow_item *items = NULL;
	struct rte_flow_error error = { 0 };

	w->asked = true;
	if (rte_flow_tunnel_match(proxy, &t, &items, &w->words.item_count, &error) ||
	    rte_flow_tunnel_decap_set(proxy, &t, &actions, &w->words.action_count, &error)) {
		snprintf(w->why, sizeof(w->why), "the driver has no words for %s tunnels: %s (%s)", sl_mode_name(tunnel),
			 error.message ? error.message : "no reason given", rte_strerror(rte_errno));
		return;
	}
	if (w->words.item_count > SL_TUNNEL_WORDS_MAX || w->words.action_count > SL_TUNNEL_WORDS_MAX) {
		snprintf(w->why, sizeof(w->why), "the driver has more words for %s tunnels than fit a rule", sl_mode_name(tunnel));
		return;
	}
	w->words.items = items;
	w->words.actions = actions;
	w->given = true;
}

const struct sl_tunnel_words *sl_tunnels_words(uint16_t proxy, unsigned int tunnel, const char **why)
{
	struct words *w = &words_of[proxy][tunnel];

	if (!w->asked)
		ask(w, proxy, tunnel);
	*why = w->why;
	return w->given ? &w->words : NULL;
}
