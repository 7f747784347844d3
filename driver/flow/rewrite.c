/* SPDX-License-Identifier: BSD-3-Clause */
/* Parsing of the actions of rules that forward. */
#include "driver/flow/rewrite.h"

#include <string.h>

#include <rte_ether.h>

#include "driver/flow/refuse.h"

#define BAD(p, action, sentence) sl_refuse((p)->error, EINVAL, RTE_FLOW_ERROR_TYPE_ACTION, action, sentence)
#define CANNOT(p, type, action, sentence) sl_refuse((p)->error, ENOTSUP, RTE_FLOW_ERROR_TYPE_##type, action, sentence)

struct parser {
	struct sl_rewrite *rewrite;
	struct rte_flow_error *error;
	uint8_t family;
	const struct rte_flow_action *mac_src, *mac_dst, *decap, *encap, *vxlan;
	/* vxlan_encap's headers, waiting for the MAC addresses of the inner frame */
	uint8_t tunnel[SL_ENCAP_MAX];
	size_t tunnel_len;
};

static int set_address(struct parser *p, const struct rte_flow_action *action, bool source)
{
	const bool four = action->type == RTE_FLOW_ACTION_TYPE_SET_IPV4_SRC ||
		action->type == RTE_FLOW_ACTION_TYPE_SET_IPV4_DST;
	uint8_t *to = source ? p->rewrite->src : p->rewrite->dst;

	if (p->family != (four ? 4 : 6))
		return CANNOT(p, ACTION, action,
			"the address is of another IP version than the packets that the rule matches: NAT between IPv4 and IPv6 is not done");
	memcpy(to, action->conf, four ? 4 : 16);
	if (source)
		p->rewrite->src_set = true;
	else
		p->rewrite->dst_set = true;
	return 0;
}

static int set_port(struct parser *p, const struct rte_flow_action *action, bool source)
{
	const rte_be16_t port = ((const struct rte_flow_action_set_tp *)action->conf)->port;

	if (source) {
		p->rewrite->sport = port;
		p->rewrite->sport_set = true;
	} else {
		p->rewrite->dport = port;
		p->rewrite->dport_set = true;
	}
	return 0;
}

static int raw_decap(struct parser *p, const struct rte_flow_action *action)
{
	const struct rte_flow_action_raw_decap *conf = action->conf;

	if (p->decap || p->encap)
		return BAD(p, action, "one raw_decap, before the encapsulation");
	if (conf->size != RTE_ETHER_HDR_LEN && conf->size != RTE_ETHER_HDR_LEN + RTE_VLAN_HLEN &&
	    conf->size != RTE_ETHER_HDR_LEN + 2 * RTE_VLAN_HLEN)
		return CANNOT(p, ACTION_CONF, action,
			"raw_decap removes the Ethernet header, 14 bytes, or 18 or 22 with its tags");
	p->decap = action;
	return 0;
}

static int raw_encap(struct parser *p, const struct rte_flow_action *action)
{
	const struct rte_flow_action_raw_encap *conf = action->conf;

	if (p->encap)
		return BAD(p, action, "one encapsulation");
	p->encap = action;
	p->rewrite->l2 = SL_REWRITE_L2_ENCAP;
	return sl_encap_parse(conf->data, conf->size, &p->rewrite->encap, action, p->error);
}

/* The first is an encapsulation; one behind an encapsulation is the port to leave by. */
static int indirect(struct parser *p, const struct rte_flow_action *action)
{
	if (p->encap && p->rewrite->egress)
		return BAD(p, action, "one encapsulation and one represented_port");
	if (p->encap) {
		p->rewrite->egress = action;
		p->rewrite->way = action->conf;
		return 0;
	}
	p->encap = action;
	p->rewrite->l2 = SL_REWRITE_L2_INDIRECT;
	p->rewrite->indirect = action->conf;
	return 0;
}

/* Appends one header of a vxlan_encap definition. */
static int add_tunnel_header(struct parser *p, const struct rte_flow_item *item)
{
	uint8_t *at = p->tunnel + p->tunnel_len;
	size_t n;

	switch (item->type) {
	case RTE_FLOW_ITEM_TYPE_VOID: return 0;
	case RTE_FLOW_ITEM_TYPE_ETH: n = sizeof(struct rte_ether_hdr); break;
	case RTE_FLOW_ITEM_TYPE_VLAN: n = sizeof(struct rte_vlan_hdr); break;
	case RTE_FLOW_ITEM_TYPE_IPV4: n = sizeof(struct rte_ipv4_hdr); break;
	case RTE_FLOW_ITEM_TYPE_IPV6: n = sizeof(struct rte_ipv6_hdr); break;
	case RTE_FLOW_ITEM_TYPE_UDP: n = sizeof(struct rte_udp_hdr); break;
	case RTE_FLOW_ITEM_TYPE_VXLAN: n = sizeof(struct rte_vxlan_hdr); break;
	default: return CANNOT(p, ACTION_CONF, p->vxlan,
		"vxlan_encap is made of eth, vlan, ipv4 or ipv6, udp and vxlan");
	}
	if (!item->spec || p->tunnel_len + n + RTE_ETHER_HDR_LEN > sizeof(p->tunnel))
		return CANNOT(p, ACTION_CONF, p->vxlan,
			"a header of vxlan_encap has no contents, or there are too many");
	memcpy(at, item->spec, n);
	p->tunnel_len += n;
	/* What the definition leaves out has its usual value. */
	if (item->type == RTE_FLOW_ITEM_TYPE_IPV4 && ((struct rte_ipv4_hdr *)at)->time_to_live == 0)
		((struct rte_ipv4_hdr *)at)->time_to_live = 64;
	if (item->type == RTE_FLOW_ITEM_TYPE_IPV6 && ((struct rte_ipv6_hdr *)at)->hop_limits == 0)
		((struct rte_ipv6_hdr *)at)->hop_limits = 64;
	if (item->type == RTE_FLOW_ITEM_TYPE_VXLAN)
		at[0] |= 0x08;
	return 0;
}

/* The ethertypes of a definition may be left 0: they follow from the next item. */
static void fill_type(struct parser *p, const struct rte_flow_item *next, size_t type_end)
{
	uint8_t *type = p->tunnel + type_end - 2;
	uint16_t value = next->type == RTE_FLOW_ITEM_TYPE_VLAN ? RTE_ETHER_TYPE_VLAN
			: next->type == RTE_FLOW_ITEM_TYPE_IPV4 ? RTE_ETHER_TYPE_IPV4
			: RTE_ETHER_TYPE_IPV6;

	type[0] = (uint8_t)(value >> 8);
	type[1] = (uint8_t)value;
}

static int vxlan_encap(struct parser *p, const struct rte_flow_action *action)
{
	const struct rte_flow_action_vxlan_encap *conf = action->conf;
	size_t type_end = 0;

	if (p->encap)
		return BAD(p, action, "one encapsulation");
	if (!conf->definition)
		return BAD(p, action, "vxlan_encap needs a definition");
	p->encap = p->vxlan = action;
	for (const struct rte_flow_item *item = conf->definition; item->type != RTE_FLOW_ITEM_TYPE_END; item++) {
		int rc;

		if (type_end && item->type != RTE_FLOW_ITEM_TYPE_VOID) {
			fill_type(p, item, type_end);
			type_end = 0;
		}
		rc = add_tunnel_header(p, item);
		if (rc)
			return rc;
		if (item->type == RTE_FLOW_ITEM_TYPE_ETH || item->type == RTE_FLOW_ITEM_TYPE_VLAN)
			type_end = p->tunnel_len;
	}
	return 0;
}

/* The ECN field or DSCP that an IP version's field id means; false for every other field. */
static bool tos_field(enum rte_flow_field_id field, uint8_t *family, bool *ecn)
{
	*family = field == RTE_FLOW_FIELD_IPV4_ECN || field == RTE_FLOW_FIELD_IPV4_DSCP ? 4 : 6;
	*ecn = field == RTE_FLOW_FIELD_IPV4_ECN || field == RTE_FLOW_FIELD_IPV6_ECN;
	return *ecn || field == RTE_FLOW_FIELD_IPV4_DSCP || field == RTE_FLOW_FIELD_IPV6_DSCP;
}

/* Level 1 is the outermost header, the one just pushed (0 means it too); level 2 is the packet's own. */
static int modify_field(struct parser *p, const struct rte_flow_action *action)
{
	const struct rte_flow_action_modify_field *conf = action->conf;
	struct sl_rewrite *rewrite = p->rewrite;
	bool ecn, from_ecn;
	uint8_t outer, inner;

	if (!p->encap)
		return CANNOT(p, ACTION, action, "modify_field copies into a header that an encapsulation before it has pushed");
	if (conf->operation != RTE_FLOW_MODIFY_SET || !tos_field(conf->dst.field, &outer, &ecn) ||
	    !tos_field(conf->src.field, &inner, &from_ecn) || ecn != from_ecn)
		return CANNOT(p, ACTION_CONF, action, "modify_field sets the ECN field or DSCP from the same field");
	if (conf->dst.level > 1 || conf->src.level != 2)
		return CANNOT(p, ACTION_CONF, action,
			"modify_field copies from the packet (level 2) to the outer header (level 1)");
	if (conf->width != (ecn ? 2u : 6u) || conf->dst.offset || conf->src.offset)
		return CANNOT(p, ACTION_CONF, action, "modify_field copies a whole field: 2 bits of ECN, 6 of DSCP");
	if (inner != p->family)
		return BAD(p, action, "modify_field reads another IP version than the packets that the rule matches");
	if (rewrite->copy_outer && rewrite->copy_outer != outer)
		return BAD(p, action, "there is one outer header, and it is of one IP version");
	rewrite->copy_ecn |= ecn;
	rewrite->copy_dscp |= !ecn;
	rewrite->copy_outer = outer;
	rewrite->copy_action = action;
	return 0;
}

int sl_rewrite_check_outer(const struct sl_rewrite *rewrite, const struct sl_encap *encap, struct rte_flow_error *error)
{
	if (!rewrite->copy_outer || rewrite->copy_outer == encap->outer)
		return 0;
	return sl_refuse(error, EINVAL, RTE_FLOW_ERROR_TYPE_ACTION, rewrite->copy_action,
		"modify_field names another IP version than the outer header of the encapsulation");
}

static int egress(struct parser *p, const struct rte_flow_action *action)
{
	if (p->rewrite->egress)
		return BAD(p, action, "one represented_port");
	p->rewrite->egress = action;
	p->rewrite->ethdev = ((const struct rte_flow_action_ethdev *)action->conf)->port_id;
	return 0;
}

static int age(struct parser *p, const struct rte_flow_action *action)
{
	const struct rte_flow_action_age *conf = action->conf;

	if (conf->timeout > UINT16_MAX)
		return CANNOT(p, ACTION_CONF, action->conf, "age has a timeout of at most 65535 seconds");
	p->rewrite->age = true;
	p->rewrite->age_s = conf->timeout;
	p->rewrite->age_context = conf->context;
	return 0;
}

static int parse_action(struct parser *p, const struct rte_flow_action *action)
{
	switch (action->type) {
	case RTE_FLOW_ACTION_TYPE_VOID: return 0;
	case RTE_FLOW_ACTION_TYPE_COUNT: p->rewrite->count = true; return 0;
	case RTE_FLOW_ACTION_TYPE_DEC_TTL: p->rewrite->dec_ttl = true; return 0;
	default: break;
	}
	if (!action->conf)
		return BAD(p, action, "this action is unknown here, or needs a configuration");
	switch (action->type) {
	case RTE_FLOW_ACTION_TYPE_SET_IPV4_SRC:
	case RTE_FLOW_ACTION_TYPE_SET_IPV6_SRC: return set_address(p, action, true);
	case RTE_FLOW_ACTION_TYPE_SET_IPV4_DST:
	case RTE_FLOW_ACTION_TYPE_SET_IPV6_DST: return set_address(p, action, false);
	case RTE_FLOW_ACTION_TYPE_SET_TP_SRC: return set_port(p, action, true);
	case RTE_FLOW_ACTION_TYPE_SET_TP_DST: return set_port(p, action, false);
	case RTE_FLOW_ACTION_TYPE_SET_MAC_SRC: p->mac_src = action; return 0;
	case RTE_FLOW_ACTION_TYPE_SET_MAC_DST: p->mac_dst = action; return 0;
	case RTE_FLOW_ACTION_TYPE_RAW_DECAP: return raw_decap(p, action);
	case RTE_FLOW_ACTION_TYPE_RAW_ENCAP: return raw_encap(p, action);
	case RTE_FLOW_ACTION_TYPE_INDIRECT: return indirect(p, action);
	case RTE_FLOW_ACTION_TYPE_VXLAN_ENCAP: return vxlan_encap(p, action);
	case RTE_FLOW_ACTION_TYPE_MODIFY_FIELD: return modify_field(p, action);
	case RTE_FLOW_ACTION_TYPE_AGE: return age(p, action);
	case RTE_FLOW_ACTION_TYPE_REPRESENTED_PORT: return egress(p, action);
	default: return CANNOT(p, ACTION, action, "group 1 cannot do this action to a packet");
	}
}

/* Brings the L2 actions together. */
static int settle_l2(struct parser *p)
{
	struct sl_rewrite *rewrite = p->rewrite;
	const struct rte_flow_action *one_mac = p->mac_src ? p->mac_src : p->mac_dst;

	rewrite->l2_action = p->encap ? p->encap : one_mac;
	if (!p->mac_src != !p->mac_dst)
		return CANNOT(p, ACTION, one_mac, "both MAC addresses are set or none");
	if (p->vxlan && (!p->mac_src || p->decap))
		return CANNOT(p, ACTION, p->vxlan,
			"vxlan_encap needs set_mac_src and set_mac_dst for the inner frame, and no raw_decap");
	if (p->encap && !p->vxlan && !p->decap)
		return CANNOT(p, ACTION, p->encap,
			"a frame is encapsulated without its own Ethernet header: raw_decap comes first");
	if (p->decap && !p->encap)
		return CANNOT(p, ACTION, p->decap, "raw_decap needs a raw_encap after it");
	if (p->encap && !p->vxlan && one_mac)
		return CANNOT(p, ACTION, one_mac,
			"the encapsulation replaces the MAC addresses: set_mac has no effect");
	if (p->mac_src) {
		const uint8_t *dst = ((const struct rte_flow_action_set_mac *)p->mac_dst->conf)->mac_addr;
		const uint8_t *src = ((const struct rte_flow_action_set_mac *)p->mac_src->conf)->mac_addr;

		sl_encap_ethernet(&rewrite->encap, dst, src);
		rewrite->l2 = SL_REWRITE_L2_MACS;
	}
	if (p->vxlan) {
		uint8_t data[SL_ENCAP_MAX];
		int rc;

		memcpy(data, p->tunnel, p->tunnel_len);
		memcpy(data + p->tunnel_len, rewrite->encap.hdr, RTE_ETHER_HDR_LEN);
		rc = sl_encap_parse(data, p->tunnel_len + RTE_ETHER_HDR_LEN, &rewrite->encap, p->vxlan, p->error);
		if (rc)
			return rc;
		if (!rewrite->encap.udp)
			return CANNOT(p, ACTION_CONF, p->vxlan,
				"vxlan_encap is made of eth, ipv4 or ipv6, udp and vxlan");
		rewrite->l2 = SL_REWRITE_L2_ENCAP;
	}
	if ((rewrite->l2 == SL_REWRITE_L2_ENCAP || rewrite->l2 == SL_REWRITE_L2_MACS) &&
		!sl_encap_complete(&rewrite->encap, p->family))
		return BAD(p, p->encap,
			"the encapsulation names another IP version than the packets that the rule matches");
	return rewrite->l2 == SL_REWRITE_L2_ENCAP ? sl_rewrite_check_outer(rewrite, &rewrite->encap, p->error) : 0;
}

int sl_rewrite_parse(const struct rte_flow_action actions[], uint8_t family, struct sl_rewrite *rewrite,
		     struct rte_flow_error *error)
{
	struct parser p = {.rewrite = rewrite, .error = error, .family = family};

	memset(rewrite, 0, sizeof(*rewrite));
	for (const struct rte_flow_action *action = actions; action->type != RTE_FLOW_ACTION_TYPE_END; action++) {
		int rc = parse_action(&p, action);

		if (rc)
			return rc;
	}
	if (!rewrite->egress)
		return sl_refuse(error, EINVAL, RTE_FLOW_ERROR_TYPE_ACTION_NUM, actions,
			"a connection's packets leave by a represented_port: the action is missing");
	return settle_l2(&p);
}
