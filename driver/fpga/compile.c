/* SPDX-License-Identifier: BSD-3-Clause */
/* Neutral rules in the card's own terms. */
#include "driver/fpga/compile.h"

#include <string.h>

#include "driver/flow/refuse.h"
#include "sluice/record.h"

#define CANNOT(type, cause, sentence) sl_refuse(error, ENOTSUP, RTE_FLOW_ERROR_TYPE_##type, cause, sentence)

static uint8_t frag_mode(enum sl_match_frag frag)
{
	return frag == SL_MATCH_FRAG_YES ? SL_FRAG_MODE_YES : frag == SL_MATCH_FRAG_NO ? SL_FRAG_MODE_NO
		: SL_FRAG_MODE_ANY;
}

static uint8_t vlan_mode(enum sl_match_vlan vlan)
{
	static const uint8_t modes[] = {
		[SL_MATCH_VLAN_ANY] = SL_VLAN_MODE_ANY, [SL_MATCH_VLAN_UNTAGGED] = SL_VLAN_MODE_UNTAGGED,
		[SL_MATCH_VLAN_VID] = SL_VLAN_MODE_VID, [SL_MATCH_VLAN_SINGLE] = SL_VLAN_MODE_SINGLE,
		[SL_MATCH_VLAN_QINQ] = SL_VLAN_MODE_QINQ,
	};

	return modes[vlan];
}

static void compile_match(const struct sl_match *match, struct sl_class_rule *rule)
{
	const struct sl_match_packet *effective = match->tunnel ? &match->inner : &match->outer;

	memcpy(rule->dmac, match->dmac, 6);
	memcpy(rule->dmac_mask, match->dmac_mask, 6);
	rule->vlan_mode = vlan_mode(match->vlan);
	rule->vid = match->vid;
	rule->vid2 = match->vid2;
	rule->ethertype = match->ethertype;
	rule->l3 = match->outer.family;
	rule->proto = match->outer.proto;
	rule->proto_mask = match->outer.proto_set ? 255 : 0;
	memcpy(rule->src, match->src, 16);
	memcpy(rule->dst, match->dst, 16);
	rule->src_plen = match->src_plen;
	rule->dst_plen = match->dst_plen;
	rule->sport_lo = match->sport_lo;
	rule->sport_hi = match->sport_hi;
	rule->dport_lo = match->dport_lo;
	rule->dport_hi = match->dport_hi;
	/* The card looks at the innermost packet: a rule about a plain packet's TTL, fragments or flags must not see
	 * tunnels. */
	rule->tunnel_mode = match->tunnel ? match->tunnel
			  : sl_match_looks_inside(effective) ? SL_TUNNEL_MODE_NONE : SL_TUNNEL_MODE_ANY;
	rule->vni = match->vni;
	rule->vni_mask = match->vni_mask;
	rule->inner_l3 = match->inner.family;
	rule->inner_proto = match->inner.proto_set ? match->inner.proto : 0;
	rule->frag = frag_mode(effective->frag);
	rule->ttl_max = effective->ttl_max;
	rule->tcp_flags = effective->tcp_flags;
	rule->tcp_flags_mask = effective->tcp_flags_mask;
}

/* Frames reach the host by the port that received them: naming another port would be a lie. */
static int check_host_port(const struct sl_compile_env *env, const struct sl_class_rule *rule, uint16_t ethdev,
	const void *cause,
			   struct rte_flow_error *error)
{
	const int port = env->port_of(env->ctx, ethdev);

	if (port < 0)
		return sl_refuse(error, EINVAL, RTE_FLOW_ERROR_TYPE_ACTION_CONF, cause,
			"this ethdev is not a port of the card");
	if (rule->port_mask != 1u << port)
		return CANNOT(ACTION_CONF, cause,
			"frames reach the host through the port that received them: match that represented_port");
	return 0;
}

static int compile_host(const struct sl_compile_env *env, const struct sl_fate *fate, struct sl_class_rule *rule,
			struct rte_flow_error *error)
{
	rule->verdict = SL_VERDICT_HOST;
	rule->flags = fate->mark_set ? SL_RULE_FLAG_MARK : 0;
	rule->mark = fate->mark;
	rule->meter = env->unlimited_meter;
	if (fate->meter_set) {
		if (env->meter < 0)
			return sl_refuse(error, ENOENT, RTE_FLOW_ERROR_TYPE_ACTION_CONF, fate->decided_by,
				"this port has no such meter");
		rule->meter = (uint8_t)env->meter;
	}
	return check_host_port(env, rule, fate->ethdev, fate->decided_by, error);
}

static int compile_jump(const struct sl_compile_env *env, const struct sl_match *match, const struct sl_fate *fate,
			struct sl_class_rule *rule, struct rte_flow_error *error)
{
	rule->verdict = SL_VERDICT_FLOWS;
	rule->meter = env->flow_meter;
	rule->tenant = fate->tenant;
	if (fate->decap && !match->tunnel)
		return CANNOT(ACTION, fate->decided_by,
			"a decapsulation needs an item of its tunnel: what is none cannot be opened");
	if (fate->decap && fate->decap != match->tunnel)
		return CANNOT(ACTION, fate->decided_by, "the rule matches a tunnel of another kind than the one that it opens");
	if (fate->decap)
		rule->flags |= SL_RULE_FLAG_DECAP;
	if (!fate->copy)
		return 0;
	if (!env->copies)
		return CANNOT(ACTION, fate->decided_by, "this datapath cannot duplicate a frame: send it to the host alone");
	rule->flags |= SL_RULE_FLAG_COPY;
	rule->copy_mark = fate->copy_mark;
	return check_host_port(env, rule, fate->copy_ethdev, fate->decided_by, error);
}

int sl_compile_rule(const struct sl_compile_env *env, const struct sl_match *match, const struct sl_fate *fate,
		    struct sl_class_rule *rule, struct rte_flow_error *error)
{
	int port;

	memset(rule, 0, sizeof(*rule));
	compile_match(match, rule);
	if (rule->tunnel_mode > SL_TUNNEL_MODE_VNI && !env->tunnels)
		return CANNOT(ITEM, NULL, "this card's firmware does not say that it opens other tunnels than VXLAN");
	rule->port_mask = (uint8_t)((1u << env->ports) - 1);
	if (match->port_set) {
		port = env->port_of(env->ctx, match->ethdev);
		if (port < 0)
			return sl_refuse(error, EINVAL, RTE_FLOW_ERROR_TYPE_ITEM, NULL,
				"represented_port: this ethdev is not a port of the card");
		rule->port_mask = (uint8_t)(1u << port);
	}
	switch (fate->kind) {
	case SL_FATE_HOST: return compile_host(env, fate, rule, error);
	case SL_FATE_FLOWS: return compile_jump(env, match, fate, rule, error);
	default: rule->verdict = SL_VERDICT_DROP; return 0;
	}
}

void sl_compile_key(const struct sl_tuple *tuple, struct sl_key *key)
{
	memset(key, 0, sizeof(*key));
	memcpy(key->src, tuple->src, sizeof(key->src));
	memcpy(key->dst, tuple->dst, sizeof(key->dst));
	key->sport = tuple->sport;
	key->dport = tuple->dport;
	key->tenant = tuple->tenant;
	key->proto = tuple->proto;
	key->family = tuple->family;
}

void sl_compile_record(const struct sl_rewrite *rewrite, const struct sl_key *key, uint8_t owner,
	struct sl_record *record)
{
	memset(record, 0, sizeof(*record));
	record->owner = owner;
	record->age_s = (uint16_t)(rewrite->age ? rewrite->age_s : 0);
	if (rewrite->dec_ttl)
		record->flags |= SL_RECORD_FLAG_DEC_TTL;
	if (rewrite->copy_ecn)
		record->flags |= SL_RECORD_FLAG_COPY_ECN;
	if (rewrite->copy_dscp)
		record->flags |= SL_RECORD_FLAG_COPY_DSCP;
	/* The card replaces address and port together: what the rule leaves alone is replaced by itself. */
	if (rewrite->src_set || rewrite->sport_set) {
		record->flags |= SL_RECORD_FLAG_NAT_SRC;
		memcpy(record->new_src, rewrite->src_set ? rewrite->src : key->src, sizeof(record->new_src));
		record->new_sport = rewrite->sport_set ? rewrite->sport : key->sport;
	}
	if (rewrite->dst_set || rewrite->dport_set) {
		record->flags |= SL_RECORD_FLAG_NAT_DST;
		memcpy(record->new_dst, rewrite->dst_set ? rewrite->dst : key->dst, sizeof(record->new_dst));
		record->new_dport = rewrite->dport_set ? rewrite->dport : key->dport;
	}
	sl_record_set_deltas(key, record);
}

void sl_compile_action(const struct sl_encap *encap, uint8_t port, uint16_t mtu, struct sl_action *action)
{
	memset(action, 0, sizeof(*action));
	action->flags = SL_ACTION_FLAG_VALID;
	action->port = port;
	action->mtu = mtu;
	if (!encap)
		return;
	action->flags |= SL_ACTION_FLAG_STRIP_L2;
	action->hdr_len = encap->len;
	memcpy(action->hdr, encap->hdr, encap->len);
	if (encap->outer) {
		action->flags |= encap->outer == 4 ? SL_ACTION_FLAG_OUTER_V4 : SL_ACTION_FLAG_OUTER_V6;
		action->l3_off = encap->l3_off;
	}
	if (encap->udp) {
		action->flags |= SL_ACTION_FLAG_OUTER_UDP;
		action->l4_off = encap->l4_off;
	}
}
