/* SPDX-License-Identifier: BSD-3-Clause */
/* One sample connection for each mode and family, one sample classification for each feature. */
#include "host/probe.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_flow.h>

#include "host/egress.h"
#include "host/flow_rule.h"
#include "host/tunnels.h"
#include "sluice/record.h"

static const uint8_t sample_mac[6] = { 0x02, 0x53, 0x4c, 0xff, 0xff, 0xfe };

#define SAMPLE_TAG 0x7fffffffu
#define TRIES 3u /* of a card that does not answer */

struct probe {
	uint16_t proxy, ethdev;
	char *refusal; /* of sl_offload_port_info */
	size_t refusal_len;
};

static struct sl_addr sample_addr(unsigned int family, uint8_t last)
{
	static const uint8_t v4[4] = { 192, 0, 2, 0 }, v6[4] = { 0x20, 0x01, 0x0d, 0xb8 };
	struct sl_addr a = { .family = (uint8_t)family };

	memcpy(a.bytes, family == 4 ? v4 : v6, 4);
	a.bytes[family == 4 ? 3 : 15] = last;
	return a;
}

/* Makes the rule and removes it. The first refusal is kept. A full table is none: it is full of rules that an earlier agent
 * made and this one is about to adopt, and the driver has understood the sample before it looked for room. No answer is none
 * either for a while: what a busy card were said not to do would be taken out of it. */
static bool try_rule(const struct probe *p, const struct sl_flow_rule *rule)
{
	struct rte_flow_error error = { 0 };
	struct rte_flow *flow = NULL;

	for (unsigned int i = 0; i < TRIES && !flow && (!i || rte_errno == ETIMEDOUT); i++)
		flow = rte_flow_create(p->proxy, &rule->attr, rule->pattern, rule->actions, &error);
	if (!flow) {
		if (rte_errno == ENOSPC)
			return true;
		if (!p->refusal[0])
			snprintf(p->refusal, p->refusal_len, "%s (%s)", error.message ? error.message : "no words",
				 rte_strerror(rte_errno));
		return false;
	}
	rte_flow_destroy(p->proxy, flow, &error);
	return true;
}

/* A sample key, NAT record and action of this mode. */
static void sample(unsigned int mode, unsigned int family, unsigned int variant, struct sl_key *key,
		   struct sl_record *record, struct sl_action *action)
{
	const struct sl_addr src = sample_addr(family, 1), dst = sample_addr(family, 2), next = sample_addr(family, 3);
	struct sl_backend backend = { .mode = (uint8_t)mode, .address = next, .vtep = next, .vni = 1,
				      .gue_port = SL_GUE_PORT, .gue_variant = (uint8_t)variant };
	const struct sl_nexthop hop = { .state = SL_NEXTHOP_READY, .mac = { 2, 0x53, 0x4c, 0xff, 0xff, 1 }, .mtu = 1500 };
	struct sl_egress_port port = { .mtu = 1500 };

	*key = (struct sl_key){ .sport = RTE_BE16(1), .dport = RTE_BE16(9), .proto = 6, .family = (uint8_t)family };
	memcpy(key->src, src.bytes, 16);
	memcpy(key->dst, dst.bytes, 16);
	*record = (struct sl_record){ .flags = SL_RECORD_FLAG_DEC_TTL | SL_RECORD_FLAG_COPY_ECN };
	if (sl_mode_nat(mode)) {
		record->flags |= SL_RECORD_FLAG_NAT_DST;
		memcpy(record->new_dst, next.bytes, 16);
		record->new_dport = RTE_BE16(10);
	}
	if (mode == SL_MODE_FULLNAT) {
		record->flags |= SL_RECORD_FLAG_NAT_SRC;
		memcpy(record->new_src, sample_addr(family, 4).bytes, 16);
		record->new_sport = RTE_BE16(11);
	}
	sl_record_set_deltas(key, record);
	memcpy(port.mac, sample_mac, 6);
	*(family == 4 ? &port.vtep4 : &port.vtep6) = src;
	sl_egress_action(&backend, family, &port, &hop, action);
}

static bool try_conn(const struct probe *p, unsigned int mode, unsigned int family, unsigned int variant)
{
	struct sl_flow_rule rule;
	struct sl_record record;
	struct sl_action action;
	struct sl_key key;

	sample(mode, family, variant, &key, &record, &action);
	sl_flow_rule_conn(&rule, &key, 0, 0, &record, &action, NULL, NULL, p->ethdev);
	return try_rule(p, &rule);
}

/* way: with the way out as an indirect action, too. */
static bool try_indirect(const struct probe *p, bool way)
{
	const struct rte_flow_indir_action_conf conf = { .transfer = 1 };
	const struct rte_flow_action_ethdev to = { .port_id = p->ethdev };
	const struct rte_flow_action out = { RTE_FLOW_ACTION_TYPE_REPRESENTED_PORT, &to };
	struct rte_flow_action_handle *handle, *second = NULL;
	struct rte_flow_action_raw_encap encap;
	struct rte_flow_action make;
	struct rte_flow_error error;
	struct sl_flow_rule rule;
	struct sl_record record;
	struct sl_action action;
	struct sl_key key;
	bool works;

	sample(SL_MODE_DSR_L2, 4, 0, &key, &record, &action);
	encap = (struct rte_flow_action_raw_encap){ .data = action.hdr, .size = action.hdr_len };
	make = (struct rte_flow_action){ RTE_FLOW_ACTION_TYPE_RAW_ENCAP, &encap };
	handle = rte_flow_action_handle_create(p->proxy, &conf, &make, &error);
	if (!handle)
		return rte_errno == ENOSPC;
	if (way)
		second = rte_flow_action_handle_create(p->proxy, &conf, &out, &error);
	sl_flow_rule_conn(&rule, &key, 0, 0, &record, &action, handle, second, p->ethdev);
	works = (second || !way) && try_rule(p, &rule) &&
		!rte_flow_action_handle_update(p->proxy, second ? second : handle, second ? &out : &make, &error);
	if (second)
		rte_flow_action_handle_destroy(p->proxy, second, &error);
	rte_flow_action_handle_destroy(p->proxy, handle, &error);
	return works;
}

static bool try_class(const struct probe *p, const struct sl_class *want, const struct sl_class_how *how)
{
	struct sl_flow_rule rule;

	sl_flow_rule_class(&rule, want, sample_mac, p->ethdev, how);
	return try_rule(p, &rule);
}

/* While the sample stands the card may look into tunnels that it took for plain packets before. */
static bool try_tunnel(const struct probe *p, unsigned int tunnel)
{
	const struct sl_class want = { .kind = SL_CLASS_TUNNEL, .tunnel = (uint8_t)tunnel, .network = sl_mode_virtual(tunnel),
				       .vni = sl_mode_virtual(tunnel), .vtep = sample_addr(4, 2), .peer = sample_addr(4, 3) };
	struct sl_class_how how = { 0 };
	const char *why;

	if (tunnel != SL_MODE_VXLAN) {
		how.tunnel = sl_tunnels_words(p->proxy, tunnel, &why);
		if (!how.tunnel && !p->refusal[0])
			snprintf(p->refusal, p->refusal_len, "%s", why);
	}
	return (tunnel == SL_MODE_VXLAN || how.tunnel) && try_class(p, &want, &how);
}

static uint32_t try_classes(const struct probe *p)
{
	const struct sl_class vip = { .kind = SL_CLASS_VIP, .family = 4, .addr = sample_addr(4, 2) };
	const struct sl_class syn = { .kind = SL_CLASS_SYN, .family = 4 }, fin = { .kind = SL_CLASS_FIN, .family = 4 };
	static const struct {
		unsigned int tunnel;
		uint32_t cap;
	} tunnels[] = {
		{ SL_MODE_VXLAN, SL_CAP_VXLAN_DECAP }, { SL_MODE_GENEVE, SL_CAP_GENEVE_DECAP }, { SL_MODE_GRE, SL_CAP_GRE_DECAP },
		{ SL_MODE_GUE, SL_CAP_GUE_DECAP },     { SL_MODE_IPIP, SL_CAP_IPIP_DECAP },
	};
	const struct sl_class_how plain = { 0 }, copy = { .copy = true };
	uint32_t caps = 0;

	/* Without these two no connection could be offloaded safely. */
	if (!try_class(p, &vip, &plain) || !try_class(p, &syn, &plain))
		return 0;
	caps |= SL_CAP_CLASSES;
	caps |= try_class(p, &fin, &copy) ? SL_CAP_COPY : 0;
	for (unsigned int i = 0; i < sizeof(tunnels) / sizeof(tunnels[0]); i++)
		caps |= try_tunnel(p, tunnels[i].tunnel) ? tunnels[i].cap : 0;
	return caps;
}

void sl_probe_port(uint16_t proxy, uint16_t ethdev, struct sl_offload_port_info *info)
{
	static const struct {
		uint32_t cap;
		unsigned int mode, family;
	} conns[] = {
		{ SL_CAP_L2, SL_MODE_DSR_L2, 4 },     { SL_CAP_IPV6, SL_MODE_DSR_L2, 6 }, { SL_CAP_NAT4, SL_MODE_NAT, 4 },
		{ SL_CAP_NAT6, SL_MODE_NAT, 6 },      { SL_CAP_FULLNAT4, SL_MODE_FULLNAT, 4 }, { SL_CAP_FULLNAT6, SL_MODE_FULLNAT, 6 },
		      { SL_CAP_IPIP, SL_MODE_IPIP, 4 },
		{ SL_CAP_VXLAN_ENCAP, SL_MODE_VXLAN, 4 }, { SL_CAP_GRE, SL_MODE_GRE, 4 }, { SL_CAP_GUE, SL_MODE_GUE, 4 },
		{ SL_CAP_GENEVE, SL_MODE_GENEVE, 4 },
	};
	const struct probe p = { proxy, ethdev, info->refusal, sizeof(info->refusal) };

	memset(info, 0, sizeof(*info));
	info->caps = try_classes(&p);
	for (unsigned int i = 0; info->caps && i < sizeof(conns) / sizeof(conns[0]); i++)
		info->caps |= try_conn(&p, conns[i].mode, conns[i].family, 0) ? conns[i].cap : 0;
	if (info->caps & SL_CAP_GUE && !try_conn(&p, SL_MODE_GUE, 4, 1))
		info->caps &= ~(uint32_t)SL_CAP_GUE;
	if (info->caps & SL_CAP_L2 && try_indirect(&p, false))
		info->caps |= SL_CAP_INDIRECT;
	if (info->caps & SL_CAP_INDIRECT && try_indirect(&p, true))
		info->caps |= SL_CAP_WAY;
	if (!(info->caps & (SL_CAP_L2 | SL_CAP_NAT4 | SL_CAP_NAT6 | SL_CAP_IPIP | SL_CAP_VXLAN_ENCAP | SL_CAP_GRE | SL_CAP_GUE |
			    SL_CAP_GENEVE)))
		info->caps = 0;
}

/* A catch-all of its own tag with a meter, and a rule that sets this tag. */
static bool try_misses(const struct probe *p, uint32_t mtr_id)
{
	const struct sl_class vip = { .kind = SL_CLASS_VIP, .family = 4, .addr = sample_addr(4, 2) };
	const struct sl_class_how how = { .mtr_id = &mtr_id, .tag = SAMPLE_TAG };
	struct sl_flow_rule rule;

	sl_flow_rule_catch_all(&rule, p->ethdev, &how);
	return try_rule(p, &rule) && try_class(p, &vip, &how);
}

void sl_probe_meters(uint16_t proxy, uint16_t ethdev, uint32_t mtr_id, struct sl_offload_port_info *info)
{
	const struct sl_class syn = { .kind = SL_CLASS_SYN, .family = 4 }, fin = { .kind = SL_CLASS_FIN, .family = 4 };
	const struct sl_class_how host = { .mtr_id = &mtr_id }, copy = { .mtr_id = &mtr_id, .copy = true };
	const struct probe p = { proxy, ethdev, info->meters_error, sizeof(info->meters_error) };

	if (!try_class(&p, &syn, &host))
		return;
	info->caps |= SL_CAP_METER;
	info->caps |= try_misses(&p, mtr_id) ? SL_CAP_METER_MISS : 0;
	if (info->caps & SL_CAP_COPY && try_class(&p, &fin, &copy))
		info->caps |= SL_CAP_METER_COPY;
}
