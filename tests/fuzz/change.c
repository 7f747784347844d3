/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Changes of a scene's state. What a card would refuse (firmware/rule.h, firmware/action.h say so) is not done: the engines need
 * not agree on what nobody can ask them for.
 */
#include <stddef.h>
#include <string.h>

#include "firmware/action.h"
#include "firmware/rule.h"
#include "sluice/record.h"
#include "tests/fuzz/expect.h"
#include "tests/fuzz/scene.h"

#define TUNNEL_FLAGS (SL_TUNNEL_FLAG_GENEVE | SL_TUNNEL_FLAG_GRE | SL_TUNNEL_FLAG_GUE | SL_TUNNEL_FLAG_IPIP)

static void change_port(struct sl_vector *v, const struct scene_change *c)
{
	v->port_flags[c->index % SL_VECTOR_PORTS] =
		c->value & (SL_PORT_FLAG_ENABLE | SL_PORT_FLAG_PROMISCUOUS | SL_PORT_FLAG_ALL_MULTICAST);
}

static void change_tunnels(struct sl_vector *v, const struct scene_change *c)
{
	static const uint16_t port[] = { SL_VXLAN_PORT, 0, 8472, SL_GENEVE_PORT };

	v->vxlan_port = c->index & 1 ? SL_VXLAN_PORT | TUNNEL_FLAGS : (c->value & TUNNEL_FLAGS) | port[c->at % 4];
}

/* The address without the bits that its prefix has not. */
static void mask(uint8_t *address, uint8_t *plen, uint8_t family)
{
	const uint8_t max = family == 4 ? 32 : family == 6 ? 128 : 0;

	if (*plen > max)
		*plen = max;
	for (unsigned int i = *plen / 8; i < 16; i++)
		address[i] &= i == *plen / 8u ? (uint8_t)(0xff00u >> *plen % 8) : 0;
}

/* What rules must keep together. */
static void tidy(struct sl_class_rule *r)
{
	if (r->verdict != SL_VERDICT_FLOWS)
		r->flags &= (uint8_t)~(SL_RULE_FLAG_COPY | SL_RULE_FLAG_DECAP);
	r->tcp_flags &= r->tcp_flags_mask;
	r->vid &= 0xfff;
	r->vid2 &= 0xfff;
	if (r->tunnel_mode != SL_TUNNEL_MODE_GRE) {
		r->vni &= 0xffffff;
		r->vni_mask &= 0xffffff;
	}
	r->vni &= r->vni_mask;
	mask(r->src, &r->src_plen, r->l3);
	mask(r->dst, &r->dst_plen, r->l3);
	for (unsigned int i = 0; i < 6; i++)
		r->dmac[i] &= r->dmac_mask[i];
}

static void change_rule(struct sl_vector *v, const struct scene_change *c)
{
	static const struct field {
		uint8_t offset, size, below; /* below: values are less, 0: any */
	} fields[] = {
#define FIELD(name, below) { offsetof(struct sl_class_rule, name), sizeof(((struct sl_class_rule *)0)->name), below }
		FIELD(valid, 2), FIELD(verdict, 3), FIELD(flags, 8), FIELD(meter, SL_METERS), FIELD(tenant, 4), FIELD(vid2, 0),
		FIELD(mark, 0), FIELD(copy_mark, 0), FIELD(port_mask, 0), FIELD(l3, 7), FIELD(vlan_mode, 5), FIELD(tunnel_mode, 7),
		FIELD(vid, 0), FIELD(ethertype, 0), FIELD(proto, 0), FIELD(tcp_flags, 0), FIELD(tcp_flags_mask, 0), FIELD(frag, 3),
		FIELD(ttl_max, 0), FIELD(inner_l3, 7), FIELD(inner_proto, 0), FIELD(vni, 0), FIELD(vni_mask, 0), FIELD(sport_lo, 0),
		FIELD(sport_hi, 0), FIELD(dport_lo, 0), FIELD(dport_hi, 0), FIELD(src_plen, 129), FIELD(dst_plen, 129),
		FIELD(prefix_mode, 3), FIELD(prefix_set, 3),
#undef FIELD
	};
	const struct field *f = &fields[c->at % (sizeof(fields) / sizeof(fields[0]))];
	const uint32_t value = f->below ? c->value % f->below : c->value;
	struct sl_class_rule r;

	if (!v->rule_count)
		return;
	r = v->rules[c->index % v->rule_count].rule;
	memcpy((uint8_t *)&r + f->offset, &value, f->size);
	if (f->offset == offsetof(struct sl_class_rule, proto))
		r.proto_mask = c->value & 0x100 ? 0 : 0xff;
	tidy(&r);
	if (sl_rule_good(&r))
		v->rules[c->index % v->rule_count].rule = r;
}

/* In front of the rules from this index on. */
static void rule_insert(struct sl_vector *v, unsigned int index, const struct sl_class_rule *rule)
{
	index %= 4;
	for (size_t i = 0; i < v->rule_count; i++)
		if (v->rules[i].index == SL_CLASS_RULES - 1)
			return;
	for (size_t i = 0; i < v->rule_count; i++)
		v->rules[i].index += v->rules[i].index >= index;
	if (v->rule_count < SCENE_ENTRIES)
		v->rules[v->rule_count++] = (struct sl_vector_rule){ index, *rule };
}

static void change_rule_of(struct sl_vector *v, const struct scene_change *c, const struct sl_corpus *corpus)
{
	const struct sl_vector *from = &corpus->vectors[c->at % corpus->count];
	const struct sl_vector_rule *rule = from->rule_count ? &from->rules[c->value % from->rule_count] : NULL;

	if (!rule || !sl_rule_good(&rule->rule))
		return;
	rule_insert(v, c->index, &rule->rule);
}

/* What nearly every card has: a rule that sends some packets of a connection elsewhere. */
static void change_rule_new(struct sl_vector *v, const struct scene_change *c)
{
	struct sl_class_rule r = { .valid = 1, .verdict = c->at & 8 ? SL_VERDICT_DROP : SL_VERDICT_HOST, .port_mask = 0xff, .ttl_max = 255,
				   .sport_hi = 0xffff, .dport_hi = 0xffff };

	switch (c->at % 5) {
	case 0: case 1:
		r.tcp_flags = (uint8_t)c->value;
		r.tcp_flags_mask = (uint8_t)(c->value | 1u << c->index % 6);
		break;
	case 2:
		r.ttl_max = (uint8_t)c->value;
		break;
	case 3:
		r.frag = SL_FRAG_MODE_YES;
		break;
	default:
		r.port_mask = (uint8_t)c->value;
	}
	tidy(&r);
	if (sl_rule_good(&r))
		rule_insert(v, c->at >> 8, &r);
}

static void change_action(struct sl_vector *v, const struct scene_change *c)
{
	struct sl_action a;

	if (!v->action_count)
		return;
	a = v->actions[c->index % v->action_count].action;
	switch (c->at % 4) {
	case 0:
		a.mtu = (uint16_t)c->value;
		break;
	case 1:
		a.port = (uint8_t)(c->value % SL_VECTOR_PORTS);
		break;
	case 2:
		a.flags ^= SL_ACTION_FLAG_VALID;
		break;
	case 3: /* the Ethernet header stays */
		a = (struct sl_action){ .flags = SL_ACTION_FLAG_VALID, .port = a.port, .mtu = a.mtu };
		break;
	}
	if (sl_action_good(&a, SL_VECTOR_PORTS))
		v->actions[c->index % v->action_count].action = a;
}

static void change_action_of(struct sl_vector *v, const struct scene_change *c, const struct sl_corpus *corpus)
{
	const struct sl_vector *from = &corpus->vectors[c->at % corpus->count];
	const struct sl_vector_action *action = from->action_count ? &from->actions[c->value % from->action_count] : NULL;

	if (action && v->action_count && sl_action_good(&action->action, SL_VECTOR_PORTS))
		v->actions[c->index % v->action_count].action = action->action;
}

static void change_flow(struct sl_vector *v, const struct scene_change *c)
{
	const uint8_t may = SL_RECORD_FLAG_DEC_TTL | SL_RECORD_FLAG_COPY_ECN | SL_RECORD_FLAG_COPY_DSCP;
	struct sl_record *r;

	if (!v->flow_count)
		return;
	r = &v->flows[c->index % v->flow_count].record;
	r->flags ^= c->value & may;
	if (v->action_count && c->at % 4 == 0)
		r->action = v->actions[c->at / 4 % v->action_count].index;
}

/* New addresses and ports out of the value. */
static void change_nat(struct sl_vector *v, const struct scene_change *c)
{
	struct sl_vector_flow *f;
	struct sl_record *r;
	unsigned int n;

	if (!v->flow_count)
		return;
	f = &v->flows[c->index % v->flow_count];
	r = &f->record;
	n = f->key.family == 4 ? 4 : 16;
	r->flags &= (uint8_t)~(SL_RECORD_FLAG_NAT_SRC | SL_RECORD_FLAG_NAT_DST);
	r->flags |= c->at & (SL_RECORD_FLAG_NAT_SRC | SL_RECORD_FLAG_NAT_DST);
	memset(r->new_src, 0, sizeof(r->new_src));
	memset(r->new_dst, 0, sizeof(r->new_dst));
	r->new_sport = r->new_dport = 0;
	for (unsigned int i = 0; i < n && r->flags & SL_RECORD_FLAG_NAT_SRC; i++)
		r->new_src[i] = (uint8_t)(f->key.src[i] + (c->value >> i % 4 * 8));
	for (unsigned int i = 0; i < n && r->flags & SL_RECORD_FLAG_NAT_DST; i++)
		r->new_dst[i] = (uint8_t)(f->key.dst[i] ^ (c->value >> i % 4 * 8));
	if (r->flags & SL_RECORD_FLAG_NAT_SRC)
		r->new_sport = (uint16_t)c->value;
	if (r->flags & SL_RECORD_FLAG_NAT_DST)
		r->new_dport = (uint16_t)(c->value >> 16);
	sl_record_set_deltas(&f->key, r);
}

/* A flow for the frame; its action and flags are those of another flow. */
static void change_flow_of(struct sl_vector *v, const struct scene_change *c)
{
	struct sl_vector_flow f = { .fields = NULL };

	if (!v->step_count || v->flow_count == SCENE_FLOWS || !expect_key(v, &v->steps[c->index % v->step_count], &f.key))
		return;
	for (size_t i = 0; i < v->flow_count; i++)
		if (memcmp(&v->flows[i].key, &f.key, sizeof(f.key)) == 0)
			return;
	f.record.flags = c->value & (SL_RECORD_FLAG_DEC_TTL | SL_RECORD_FLAG_COPY_ECN | SL_RECORD_FLAG_COPY_DSCP);
	f.record.action = v->action_count ? v->actions[c->at % v->action_count].index : c->at % SL_ACTIONS;
	v->flows[v->flow_count++] = f;
}

static void change_meter(struct sl_vector *v, const struct scene_change *c)
{
	const uint32_t index = c->index % SL_METERS;
	const struct sl_meter meter = { .rate = c->value & 0xffffff, .burst = 1 + c->at % 4 };

	for (size_t i = 0; i < v->meter_count; i++) {
		if (v->meters[i].index == index) {
			v->meters[i].meter = meter;
			return;
		}
	}
	if (v->meter_count < SCENE_ENTRIES)
		v->meters[v->meter_count++] = (struct sl_vector_meter){ index, meter };
}

static void change_mac(struct sl_vector *v, const struct scene_change *c)
{
	struct sl_vector_mac *m;

	if (!v->mac_count)
		return;
	m = &v->macs[c->index % v->mac_count];
	m->mac[c->at % 6] ^= (uint8_t)c->value;
	m->port_mask = (uint8_t)(c->value >> 8);
	m->valid = c->value >> 16 & 1;
}

void scene_change(struct sl_vector *v, const struct scene_change *c, const struct sl_corpus *corpus)
{
	switch ((enum scene_what)c->what) {
	case SCENE_PORT: change_port(v, c); break;
	case SCENE_TUNNELS: change_tunnels(v, c); break;
	case SCENE_RULE: change_rule(v, c); break;
	case SCENE_RULE_OF: change_rule_of(v, c, corpus); break;
	case SCENE_RULE_NEW: change_rule_new(v, c); break;
	case SCENE_ACTION: change_action(v, c); break;
	case SCENE_ACTION_OF: change_action_of(v, c, corpus); break;
	case SCENE_FLOW: change_flow(v, c); break;
	case SCENE_NAT: change_nat(v, c); break;
	case SCENE_FLOW_OF: change_flow_of(v, c); break;
	case SCENE_METER: change_meter(v, c); break;
	case SCENE_MISS_MARK:
		v->miss_mark = c->value;
		v->miss_mark_valid = c->index & 1;
		break;
	case SCENE_MAC: change_mac(v, c); break;
	case SCENE_WHATS: break;
	}
}
