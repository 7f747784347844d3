/* SPDX-License-Identifier: BSD-3-Clause */
/* Items and actions, one helper each, in the order in which a rule names them. */
#include "host/flow_rule.h"

#include <netinet/in.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "host/offload.h"

#define TCP_FIN 1
#define TCP_SYN 2
#define TCP_RST 4
#define TCP_ACK 16
#define AGE_S 0xffff /* the host decides; the action makes the card remember the last hit, and 18 hours need no event */
#define CATCH_ALL_PRIORITY 1
#define SEEN 65536u

static const uint8_t ones[16] = { 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255 };

static void item(struct sl_flow_rule *r, enum rte_flow_item_type type, const void *spec, const void *last, const void *mask)
{
	r->pattern[r->items++] = (struct rte_flow_item){ .type = type, .spec = spec, .last = last, .mask = mask };
	r->pattern[r->items].type = RTE_FLOW_ITEM_TYPE_END;
}

static void act(struct sl_flow_rule *r, enum rte_flow_action_type type, const void *conf)
{
	r->actions[r->acts++] = (struct rte_flow_action){ .type = type, .conf = conf };
	r->actions[r->acts].type = RTE_FLOW_ACTION_TYPE_END;
}

static void begin(struct sl_flow_rule *r, uint32_t group, uint32_t priority)
{
	memset(r, 0, sizeof(*r));
	r->attr = (struct rte_flow_attr){ .group = group, .priority = priority, .transfer = 1 };
}

/* ---- connections ---------------------------------------------------------------------------------------------- */

static void conn_pattern(struct sl_flow_rule *r, const struct sl_key *key)
{
	r->meta.data = key->tenant;
	r->meta_mask.data = UINT32_MAX;
	item(r, RTE_FLOW_ITEM_TYPE_META, &r->meta, NULL, &r->meta_mask);
	item(r, RTE_FLOW_ITEM_TYPE_ETH, NULL, NULL, NULL);
	if (key->family == 4) {
		memcpy(&r->ip4[0].spec.hdr.src_addr, key->src, 4);
		memcpy(&r->ip4[0].spec.hdr.dst_addr, key->dst, 4);
		r->ip4[0].mask.hdr.src_addr = r->ip4[0].mask.hdr.dst_addr = UINT32_MAX;
		item(r, RTE_FLOW_ITEM_TYPE_IPV4, &r->ip4[0].spec, NULL, &r->ip4[0].mask);
	} else {
		memcpy(r->ip6[0].spec.hdr.src_addr, key->src, 16);
		memcpy(r->ip6[0].spec.hdr.dst_addr, key->dst, 16);
		memcpy(r->ip6[0].mask.hdr.src_addr, ones, 16);
		memcpy(r->ip6[0].mask.hdr.dst_addr, ones, 16);
		item(r, RTE_FLOW_ITEM_TYPE_IPV6, &r->ip6[0].spec, NULL, &r->ip6[0].mask);
	}
	if (key->proto == IPPROTO_TCP) {
		r->tcp.spec.hdr.src_port = key->sport;
		r->tcp.spec.hdr.dst_port = key->dport;
		r->tcp.mask.hdr.src_port = r->tcp.mask.hdr.dst_port = UINT16_MAX;
		item(r, RTE_FLOW_ITEM_TYPE_TCP, &r->tcp.spec, NULL, &r->tcp.mask);
	} else {
		r->udp.spec.hdr.src_port = key->sport;
		r->udp.spec.hdr.dst_port = key->dport;
		r->udp.mask.hdr.src_port = r->udp.mask.hdr.dst_port = UINT16_MAX;
		item(r, RTE_FLOW_ITEM_TYPE_UDP, &r->udp.spec, NULL, &r->udp.mask);
	}
}

static void conn_nat(struct sl_flow_rule *r, const struct sl_key *key, const struct sl_record *record)
{
	const bool four = key->family == 4;

	if (record->flags & SL_RECORD_FLAG_NAT_SRC) {
		memcpy(&r->set4_src.ipv4_addr, record->new_src, 4);
		memcpy(r->set6_src.ipv6_addr, record->new_src, 16);
		r->tp_src.port = record->new_sport;
		act(r, four ? RTE_FLOW_ACTION_TYPE_SET_IPV4_SRC : RTE_FLOW_ACTION_TYPE_SET_IPV6_SRC,
		    four ? (const void *)&r->set4_src : &r->set6_src);
		act(r, RTE_FLOW_ACTION_TYPE_SET_TP_SRC, &r->tp_src);
	}
	if (record->flags & SL_RECORD_FLAG_NAT_DST) {
		memcpy(&r->set4_dst.ipv4_addr, record->new_dst, 4);
		memcpy(r->set6_dst.ipv6_addr, record->new_dst, 16);
		r->tp_dst.port = record->new_dport;
		act(r, four ? RTE_FLOW_ACTION_TYPE_SET_IPV4_DST : RTE_FLOW_ACTION_TYPE_SET_IPV6_DST,
		    four ? (const void *)&r->set4_dst : &r->set6_dst);
		act(r, RTE_FLOW_ACTION_TYPE_SET_TP_DST, &r->tp_dst);
	}
}

/* The Ethernet header goes, with its tags: what leaves has its own. */
static void conn_decap(struct sl_flow_rule *r, const struct sl_key *key, uint16_t vid, uint16_t inner_vid)
{
	const uint16_t vids[2] = { vid, inner_vid };
	uint8_t *type = &r->decap_data[12];

	for (unsigned int i = 0; i < 2 && vids[i]; i++) {
		type[0] = i == 0 && inner_vid ? 0x88 : 0x81;
		type[1] = i == 0 && inner_vid ? 0xa8 : 0x00;
		type[2] = (uint8_t)(vids[i] >> 8);
		type[3] = (uint8_t)vids[i];
		type += 4;
	}
	type[0] = key->family == 4 ? 0x08 : 0x86;
	type[1] = key->family == 4 ? 0x00 : 0xdd;
	r->decap = (struct rte_flow_action_raw_decap){ .data = r->decap_data, .size = (size_t)(type + 2 - r->decap_data) };
	act(r, RTE_FLOW_ACTION_TYPE_RAW_DECAP, &r->decap);
}

/* What the record copies from the packet into the outer header, if the entry has one. */
static void conn_copy(struct sl_flow_rule *r, const struct sl_key *key, const struct sl_record *record,
		      const struct sl_action *action)
{
	const bool four = key->family == 4, outer4 = action->flags & SL_ACTION_FLAG_OUTER_V4;

	if (!(action->flags & (SL_ACTION_FLAG_OUTER_V4 | SL_ACTION_FLAG_OUTER_V6)))
		return;
	if (record->flags & SL_RECORD_FLAG_COPY_ECN) {
		r->copy_ecn.operation = RTE_FLOW_MODIFY_SET;
		r->copy_ecn.dst.field = outer4 ? RTE_FLOW_FIELD_IPV4_ECN : RTE_FLOW_FIELD_IPV6_ECN;
		r->copy_ecn.dst.level = 1;
		r->copy_ecn.src.field = four ? RTE_FLOW_FIELD_IPV4_ECN : RTE_FLOW_FIELD_IPV6_ECN;
		r->copy_ecn.src.level = 2;
		r->copy_ecn.width = 2;
		act(r, RTE_FLOW_ACTION_TYPE_MODIFY_FIELD, &r->copy_ecn);
	}
	if (record->flags & SL_RECORD_FLAG_COPY_DSCP) {
		r->copy_dscp.operation = RTE_FLOW_MODIFY_SET;
		r->copy_dscp.dst.field = outer4 ? RTE_FLOW_FIELD_IPV4_DSCP : RTE_FLOW_FIELD_IPV6_DSCP;
		r->copy_dscp.dst.level = 1;
		r->copy_dscp.src.field = four ? RTE_FLOW_FIELD_IPV4_DSCP : RTE_FLOW_FIELD_IPV6_DSCP;
		r->copy_dscp.src.level = 2;
		r->copy_dscp.width = 6;
		act(r, RTE_FLOW_ACTION_TYPE_MODIFY_FIELD, &r->copy_dscp);
	}
}

void sl_flow_rule_conn(struct sl_flow_rule *r, const struct sl_key *key, uint16_t vid, uint16_t inner_vid,
		       const struct sl_record *record, const struct sl_action *action,
		       const struct rte_flow_action_handle *indirect, const struct rte_flow_action_handle *way,
		       uint16_t out_ethdev)
{
	begin(r, 1, 0);
	conn_pattern(r, key);
	if (record->flags & SL_RECORD_FLAG_DEC_TTL)
		act(r, RTE_FLOW_ACTION_TYPE_DEC_TTL, NULL);
	conn_nat(r, key, record);
	conn_decap(r, key, vid, inner_vid);
	r->encap = (struct rte_flow_action_raw_encap){ .data = (uint8_t *)(uintptr_t)action->hdr, .size = action->hdr_len };
	act(r, indirect ? RTE_FLOW_ACTION_TYPE_INDIRECT : RTE_FLOW_ACTION_TYPE_RAW_ENCAP,
	    indirect ? (const void *)indirect : &r->encap);
	conn_copy(r, key, record, action);
	r->age.timeout = AGE_S;
	act(r, RTE_FLOW_ACTION_TYPE_COUNT, NULL);
	act(r, RTE_FLOW_ACTION_TYPE_AGE, &r->age);
	r->out.port_id = out_ethdev;
	act(r, way ? RTE_FLOW_ACTION_TYPE_INDIRECT : RTE_FLOW_ACTION_TYPE_REPRESENTED_PORT, way ? (const void *)way : &r->out);
}

/* mark 0: none */
static void to_host(struct sl_flow_rule *r, uint32_t mark, const uint32_t *mtr_id, uint16_t ethdev)
{
	r->mark.id = mark;
	r->host.port_id = ethdev;
	if (mark)
		act(r, RTE_FLOW_ACTION_TYPE_MARK, &r->mark);
	if (mtr_id) {
		r->meter.mtr_id = *mtr_id;
		act(r, RTE_FLOW_ACTION_TYPE_METER, &r->meter);
	}
	act(r, RTE_FLOW_ACTION_TYPE_PORT_REPRESENTOR, &r->host);
}

void sl_flow_rule_catch_all(struct sl_flow_rule *r, uint16_t host_ethdev, const struct sl_class_how *how)
{
	begin(r, 1, CATCH_ALL_PRIORITY);
	if (how->tag) {
		r->tag.data = how->tag;
		r->tag_mask = (struct rte_flow_item_tag){ .data = UINT32_MAX, .index = UINT8_MAX };
		item(r, RTE_FLOW_ITEM_TYPE_TAG, &r->tag, NULL, &r->tag_mask);
	}
	item(r, RTE_FLOW_ITEM_TYPE_ETH, NULL, NULL, NULL);
	to_host(r, SL_MARK_MISS, how->mtr_id, host_ethdev);
}

/* ---- classification ------------------------------------------------------------------------------------------- */

/* Those in `out`, open addressing: index + 1, 0 free. Emptied when the first is added. */
static _Thread_local uint32_t class_seen[SEEN];

static void class_add(const struct sl_class *want, struct sl_class *out, unsigned int max, unsigned int *n)
{
	uint32_t at = XXH32(want, sizeof(*want), 0) % SEEN;

	if (*n == 0)
		memset(class_seen, 0, sizeof(class_seen));
	for (; class_seen[at]; at = (at + 1) % SEEN) {
		if (!memcmp(&out[class_seen[at] - 1], want, sizeof(*want)))
			return;
	}
	if (*n < max && *n < SEEN / 2) {
		out[*n] = *want;
		class_seen[at] = *n + 1;
	}
	(*n)++;
}

enum sl_metered sl_class_metered(unsigned int kind)
{
	static const uint8_t of[SL_CLASS_KINDS] = {
		[SL_CLASS_FRAGMENT] = SL_METERED_FRAGMENT, [SL_CLASS_TTL] = SL_METERED_TTL,
		[SL_CLASS_SYN] = SL_METERED_SYN,	   [SL_CLASS_FIN] = SL_METERED_CLOSE,
		[SL_CLASS_RST] = SL_METERED_CLOSE,	   [SL_CLASS_VIP] = SL_METERED_VIP,
		[SL_CLASS_SOURCE] = SL_METERED_SOURCE,	   [SL_CLASS_TUNNEL] = SL_METERED_TUNNEL,
		[SL_CLASS_KERNEL] = SL_METERED_KERNEL,	   [SL_CLASS_GROUPCAST] = SL_METERED_KERNEL,
	};

	return of[kind];
}

bool sl_class_jumps(unsigned int kind, bool copy)
{
	return kind == SL_CLASS_FIN || kind == SL_CLASS_RST ? copy : kind >= SL_CLASS_VIP && kind <= SL_CLASS_TUNNEL;
}

static bool tenant_uses(const struct sl_services *services, uint16_t tenant, unsigned int family)
{
	for (unsigned int i = 0; i < services->service_count; i++) {
		if (services->services[i]->tenant == tenant && services->services[i]->vip.family == family)
			return true;
	}
	return false;
}

static const struct sl_addr *own_vtep(const struct sl_addr *vteps, unsigned int count, unsigned int family)
{
	for (unsigned int i = 0; i < count; i++) {
		if (vteps[i].family == family)
			return &vteps[i];
	}
	return NULL;
}

/* The tenant's rules of one kind: on its VLAN (or untagged) and inside each of its tunnels. */
static void class_of_tenant(const struct sl_services *services, const struct sl_config_tenant *tenant, struct sl_class want,
			    const struct sl_addr *vteps, unsigned int vtep_count, bool syn_by_vip, struct sl_class *out,
			    unsigned int max, unsigned int *n)
{
	want.tenant = tenant->id;
	want.vlan = tenant->vlan;
	want.inner_vlan = tenant->inner_vlan;
	for (unsigned int family = 4; family <= 6; family += 2) {
		want.family = (uint8_t)family;
		if (want.kind != SL_CLASS_TUNNEL && (tenant->vlan || !tenant->trusted_count) &&
		    tenant_uses(services, tenant->id, family) &&
		    (want.kind != SL_CLASS_SYN || !syn_by_vip))
			class_add(&want, out, max, n);
	}
	want.vlan = want.inner_vlan = 0;
	for (unsigned int i = 0; i < tenant->trusted_count; i++) {
		const struct sl_config_source *s = &tenant->trusted[i];
		const struct sl_addr *vtep = own_vtep(vteps, vtep_count, s->address.family);

		if (!vtep)
			continue;
		want.tunnel = s->tunnel;
		want.network = sl_mode_virtual(s->tunnel) || s->has_key;
		want.vni = s->has_key ? s->key : want.network ? tenant->vni : 0;
		want.vtep = *vtep;
		want.peer = s->address;
		for (unsigned int family = 4; family <= 6; family += 2) {
			want.family = (uint8_t)(want.kind == SL_CLASS_TUNNEL ? 0 : family);
			if (want.kind == SL_CLASS_TUNNEL || tenant_uses(services, tenant->id, family))
				class_add(&want, out, max, n);
		}
	}
}

static const struct sl_config_tenant *tenant_by_id(const struct sl_services *services, uint16_t id)
{
	for (unsigned int i = 0; i < services->tenant_count; i++) {
		if (services->tenants[i].id == id)
			return &services->tenants[i];
	}
	return NULL;
}

static void class_of_service(const struct sl_services *services, const struct sl_service *s, struct sl_class want,
			     bool syn_by_vip, bool pass, struct sl_class *out, unsigned int max, unsigned int *n)
{
	const bool vip = want.kind == SL_CLASS_VIP || (want.kind == SL_CLASS_SYN && s->protocol == IPPROTO_TCP);
	const struct sl_config_tenant *tenant = tenant_by_id(services, s->tenant);

	if (!tenant || (tenant->trusted_count && !tenant->vlan))
		return; /* inside tunnels the TUNNEL rule takes everything */
	want.tenant = s->tenant;
	want.vlan = tenant->vlan;
	want.inner_vlan = tenant->inner_vlan;
	want.family = s->vip.family;
	want.addr = s->vip;
	if (vip && s->misses.rate_pps && !s->retired) {
		struct sl_class own = want;

		own.service = s->id + 1;
		own.proto = s->protocol;
		own.port_lo = s->port_lo;
		own.port_hi = s->port_hi;
		class_add(&own, out, max, n);
	}
	if (vip && (want.kind != SL_CLASS_SYN || syn_by_vip))
		class_add(&want, out, max, n);
	for (unsigned int i = 0; want.kind == SL_CLASS_SOURCE && sl_mode_nat(s->mode) && i < s->backend_count; i++) {
		const struct sl_backend *b = s->backends[i];

		want.addr = b->address;
		want.proto = s->protocol;
		want.port_lo = b->port ? b->port : s->port_lo;
		want.port_hi = b->port ? b->port : s->port_hi;
		class_add(&want, out, max, n);
		if (!pass)
			continue;
		want.proto = want.family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
		want.port_lo = want.port_hi = 0;
		class_add(&want, out, max, n);
	}
}

unsigned int sl_class_wanted(const struct sl_services *services, uint8_t port, const struct sl_addr *vteps,
			     unsigned int vtep_count, bool syn_by_vip, bool pass, struct sl_class *out, unsigned int max)
{
	unsigned int n = 0;

	for (unsigned int kind = SL_CLASS_FRAGMENT; kind < SL_CLASS_KINDS; kind++) {
		struct sl_class want;

		memset(&want, 0, sizeof(want));
		want.kind = (uint8_t)kind;
		want.port = port;
		if (kind >= SL_CLASS_KERNEL) {
			class_add(&want, out, max, &n);
			continue;
		}
		for (unsigned int i = 0; i < services->service_count; i++)
			class_of_service(services, services->services[i], want, syn_by_vip, pass, out, max, &n);
		for (unsigned int i = 0; kind != SL_CLASS_VIP && kind != SL_CLASS_SOURCE && i < services->tenant_count; i++)
			class_of_tenant(services, &services->tenants[i], want, vteps, vtep_count, syn_by_vip, out, max, &n);
	}
	return n;
}

static void class_ipv4(struct sl_flow_rule *r, unsigned int which, const struct sl_class *want)
{
	struct rte_flow_item_ipv4 *spec = &r->ip4[which].spec, *last = &r->ip4[which].last, *mask = &r->ip4[which].mask;

	if (want->kind == SL_CLASS_FRAGMENT) {
		spec->hdr.fragment_offset = RTE_BE16(1);
		last->hdr.fragment_offset = mask->hdr.fragment_offset = RTE_BE16(0x3fff);
	} else if (want->kind == SL_CLASS_TTL) {
		last->hdr.time_to_live = 1;
		mask->hdr.time_to_live = 0xff;
	} else if (want->kind == SL_CLASS_VIP || (want->kind == SL_CLASS_SYN && want->addr.family)) {
		memcpy(&spec->hdr.dst_addr, want->addr.bytes, 4);
		mask->hdr.dst_addr = UINT32_MAX;
	} else if (want->kind == SL_CLASS_SOURCE) {
		memcpy(&spec->hdr.src_addr, want->addr.bytes, 4);
		mask->hdr.src_addr = UINT32_MAX;
		if (want->proto == IPPROTO_ICMP) {
			spec->hdr.next_proto_id = IPPROTO_ICMP;
			mask->hdr.next_proto_id = UINT8_MAX;
		}
	}
	item(r, RTE_FLOW_ITEM_TYPE_IPV4, spec, want->kind <= SL_CLASS_TTL ? last : NULL, mask);
}

static void class_ipv6(struct sl_flow_rule *r, unsigned int which, const struct sl_class *want)
{
	struct rte_flow_item_ipv6 *spec = &r->ip6[which].spec, *last = &r->ip6[which].last, *mask = &r->ip6[which].mask;

	if (want->kind == SL_CLASS_FRAGMENT) {
		spec->has_frag_ext = mask->has_frag_ext = 1;
	} else if (want->kind == SL_CLASS_TTL) {
		last->hdr.hop_limits = 1;
		mask->hdr.hop_limits = 0xff;
	} else if (want->kind == SL_CLASS_VIP || (want->kind == SL_CLASS_SYN && want->addr.family)) {
		memcpy(spec->hdr.dst_addr, want->addr.bytes, 16);
		memcpy(mask->hdr.dst_addr, ones, 16);
	} else if (want->kind == SL_CLASS_SOURCE) {
		memcpy(spec->hdr.src_addr, want->addr.bytes, 16);
		memcpy(mask->hdr.src_addr, ones, 16);
		if (want->proto == IPPROTO_ICMPV6) {
			spec->hdr.proto = IPPROTO_ICMPV6;
			mask->hdr.proto = UINT8_MAX;
		}
	}
	item(r, RTE_FLOW_ITEM_TYPE_IPV6, spec, want->kind == SL_CLASS_TTL ? last : NULL, mask);
}

static void class_ip(struct sl_flow_rule *r, unsigned int which, const struct sl_class *want)
{
	if (want->family == 4)
		class_ipv4(r, which, want);
	else
		class_ipv6(r, which, want);
}

/* To one service: its ports, in tcp or udp of r. */
static void class_service_ports(struct sl_flow_rule *r, const struct sl_class *want)
{
	const uint16_t lo = rte_cpu_to_be_16(want->port_lo), hi = rte_cpu_to_be_16(want->port_hi);

	if (want->port_lo == 0 && want->port_hi == UINT16_MAX)
		return;
	r->tcp.spec.hdr.dst_port = r->udp.spec.hdr.dst_port = lo;
	r->tcp.last.hdr.dst_port = r->udp.last.hdr.dst_port = hi;
	r->tcp.mask.hdr.dst_port = r->udp.mask.hdr.dst_port = UINT16_MAX;
}

static void class_l4(struct sl_flow_rule *r, const struct sl_class *want)
{
	const bool range = want->service && want->port_lo != want->port_hi && (want->port_lo || want->port_hi != UINT16_MAX);
	const uint16_t lo = rte_cpu_to_be_16(want->port_lo), hi = rte_cpu_to_be_16(want->port_hi);

	if (want->kind == SL_CLASS_SYN || want->kind == SL_CLASS_FIN || want->kind == SL_CLASS_RST) {
		r->tcp.spec.hdr.tcp_flags = r->tcp.mask.hdr.tcp_flags =
			want->kind == SL_CLASS_SYN ? TCP_SYN : want->kind == SL_CLASS_FIN ? TCP_FIN : TCP_RST;
		if (want->kind == SL_CLASS_SYN) /* a SYN with ACK is an answer */
			r->tcp.mask.hdr.tcp_flags |= TCP_ACK;
		if (want->service)
			class_service_ports(r, want);
		r->tcp.last.hdr.tcp_flags = r->tcp.spec.hdr.tcp_flags;
		item(r, RTE_FLOW_ITEM_TYPE_TCP, &r->tcp.spec, range ? &r->tcp.last : NULL, &r->tcp.mask);
	} else if (want->kind == SL_CLASS_VIP && want->service && want->proto == IPPROTO_TCP) {
		class_service_ports(r, want);
		item(r, RTE_FLOW_ITEM_TYPE_TCP, &r->tcp.spec, range ? &r->tcp.last : NULL, &r->tcp.mask);
	} else if (want->kind == SL_CLASS_VIP && want->service) {
		class_service_ports(r, want);
		item(r, RTE_FLOW_ITEM_TYPE_UDP, &r->udp.spec, range ? &r->udp.last : NULL, &r->udp.mask);
	} else if (want->kind == SL_CLASS_VIP) {
		return;
	} else if (want->kind == SL_CLASS_SOURCE && want->proto == IPPROTO_TCP) {
		r->tcp.spec.hdr.src_port = lo;
		r->tcp.last.hdr.src_port = hi;
		r->tcp.mask.hdr.src_port = UINT16_MAX;
		item(r, RTE_FLOW_ITEM_TYPE_TCP, &r->tcp.spec, lo == hi ? NULL : &r->tcp.last, &r->tcp.mask);
	} else if (want->kind == SL_CLASS_SOURCE && want->proto == IPPROTO_UDP) {
		r->udp.spec.hdr.src_port = lo;
		r->udp.last.hdr.src_port = hi;
		r->udp.mask.hdr.src_port = UINT16_MAX;
		item(r, RTE_FLOW_ITEM_TYPE_UDP, &r->udp.spec, lo == hi ? NULL : &r->udp.last, &r->udp.mask);
	}
}

static void class_tunnel_udp(struct sl_flow_rule *r, uint16_t port)
{
	r->udp.spec.hdr.dst_port = rte_cpu_to_be_16(port);
	r->udp.mask.hdr.dst_port = UINT16_MAX;
	item(r, RTE_FLOW_ITEM_TYPE_UDP, &r->udp.spec, NULL, &r->udp.mask);
}

/* The tunnel's own headers, up to the inner Ethernet header where there is always one. */
static void class_tunnel_headers(struct sl_flow_rule *r, const struct sl_class *want)
{
	switch (want->tunnel) {
	case SL_MODE_VXLAN:
		class_tunnel_udp(r, SL_VXLAN_PORT);
		r->vxlan.hdr.vx_vni = rte_cpu_to_be_32(want->vni << 8);
		r->vxlan_mask.hdr.vx_vni = RTE_BE32(0xffffff00);
		item(r, RTE_FLOW_ITEM_TYPE_VXLAN, &r->vxlan, NULL, &r->vxlan_mask);
		item(r, RTE_FLOW_ITEM_TYPE_ETH, NULL, NULL, NULL);
		break;
	case SL_MODE_GENEVE:
		class_tunnel_udp(r, SL_GENEVE_PORT);
		for (unsigned int i = 0; i < 3; i++) {
			r->geneve.vni[i] = (uint8_t)(want->vni >> (16 - 8 * i));
			r->geneve_mask.vni[i] = UINT8_MAX;
		}
		item(r, RTE_FLOW_ITEM_TYPE_GENEVE, &r->geneve, NULL, &r->geneve_mask);
		break;
	case SL_MODE_GRE:
		item(r, RTE_FLOW_ITEM_TYPE_GRE, NULL, NULL, NULL);
		r->gre_key = rte_cpu_to_be_32(want->vni);
		r->gre_key_mask = UINT32_MAX;
		if (want->network)
			item(r, RTE_FLOW_ITEM_TYPE_GRE_KEY, &r->gre_key, NULL, &r->gre_key_mask);
		break;
	case SL_MODE_GUE: class_tunnel_udp(r, SL_GUE_PORT); break;
	default: break; /* IP in IP: the driver's own item says so */
	}
}

/* Outer headers of a trusted tunnel. */
static void class_tunnel(struct sl_flow_rule *r, const struct sl_class *want)
{
	if (want->vtep.family == 4) {
		memcpy(&r->ip4[0].spec.hdr.src_addr, want->peer.bytes, 4);
		memcpy(&r->ip4[0].spec.hdr.dst_addr, want->vtep.bytes, 4);
		r->ip4[0].mask.hdr.src_addr = r->ip4[0].mask.hdr.dst_addr = UINT32_MAX;
		item(r, RTE_FLOW_ITEM_TYPE_IPV4, &r->ip4[0].spec, NULL, &r->ip4[0].mask);
	} else {
		memcpy(r->ip6[0].spec.hdr.src_addr, want->peer.bytes, 16);
		memcpy(r->ip6[0].spec.hdr.dst_addr, want->vtep.bytes, 16);
		memcpy(r->ip6[0].mask.hdr.src_addr, ones, 16);
		memcpy(r->ip6[0].mask.hdr.dst_addr, ones, 16);
		item(r, RTE_FLOW_ITEM_TYPE_IPV6, &r->ip6[0].spec, NULL, &r->ip6[0].mask);
	}
	class_tunnel_headers(r, want);
}

/* The driver's item stands before all others. */
static bool needs_item(const struct sl_class *want)
{
	return want->vtep.family && (want->tunnel == SL_MODE_GUE || want->tunnel == SL_MODE_IPIP);
}

static void class_decap(struct sl_flow_rule *r, const struct sl_class *want, const struct sl_class_how *how)
{
	if (want->tunnel == SL_MODE_VXLAN) {
		act(r, RTE_FLOW_ACTION_TYPE_VXLAN_DECAP, NULL);
		return;
	}
	for (uint32_t i = 0; i < how->tunnel->action_count; i++)
		act(r, how->tunnel->actions[i].type, how->tunnel->actions[i].conf);
}

static void to_flows(struct sl_flow_rule *r, const struct sl_class *want, uint16_t ethdev, const struct sl_class_how *how)
{
	const bool copy = how->copy && want->kind < SL_CLASS_VIP;
	unsigned int n = 0;

	if (want->vtep.family)
		class_decap(r, want, how);
	r->set_meta = (struct rte_flow_action_set_meta){ .data = want->tenant, .mask = UINT32_MAX };
	act(r, RTE_FLOW_ACTION_TYPE_SET_META, &r->set_meta);
	if (how->tag) {
		r->set_tag = (struct rte_flow_action_set_tag){ .data = how->tag, .mask = UINT32_MAX };
		act(r, RTE_FLOW_ACTION_TYPE_SET_TAG, &r->set_tag);
	}
	if (copy) {
		r->sample_mark.id = SL_MARK_COPY;
		r->host.port_id = ethdev;
		r->sample_actions[n++] = (struct rte_flow_action){ RTE_FLOW_ACTION_TYPE_MARK, &r->sample_mark };
		if (how->mtr_id) {
			r->meter.mtr_id = *how->mtr_id;
			r->sample_actions[n++] = (struct rte_flow_action){ RTE_FLOW_ACTION_TYPE_METER, &r->meter };
		}
		r->sample_actions[n++] = (struct rte_flow_action){ RTE_FLOW_ACTION_TYPE_PORT_REPRESENTOR, &r->host };
		r->sample_actions[n].type = RTE_FLOW_ACTION_TYPE_END;
		r->sample = (struct rte_flow_action_sample){ .ratio = 1, .actions = r->sample_actions };
		act(r, RTE_FLOW_ACTION_TYPE_SAMPLE, &r->sample);
	}
	r->jump.group = 1;
	act(r, RTE_FLOW_ACTION_TYPE_JUMP, &r->jump);
}

static void class_eth(struct sl_flow_rule *r, const struct sl_class *want, const uint8_t mac[6])
{
	if (want->kind == SL_CLASS_GROUPCAST) {
		r->eth.hdr.dst_addr.addr_bytes[0] = r->eth_mask.hdr.dst_addr.addr_bytes[0] = 1;
	} else {
		memcpy(r->eth.hdr.dst_addr.addr_bytes, mac, 6);
		memcpy(r->eth_mask.hdr.dst_addr.addr_bytes, ones, 6);
	}
	item(r, RTE_FLOW_ITEM_TYPE_ETH, &r->eth, NULL, &r->eth_mask);
}

void sl_flow_rule_class(struct sl_flow_rule *r, const struct sl_class *want, const uint8_t mac[6], uint16_t ethdev,
			const struct sl_class_how *how)
{
	static const uint32_t marks[SL_CLASS_KINDS] = {
		[SL_CLASS_FRAGMENT] = SL_MARK_FRAGMENT, [SL_CLASS_TTL] = SL_MARK_TTL,   [SL_CLASS_SYN] = SL_MARK_SYN,
		[SL_CLASS_FIN] = SL_MARK_CLOSE,		[SL_CLASS_RST] = SL_MARK_CLOSE,
	};

	begin(r, 0, 2u * want->kind + (want->service ? 0 : 1)); /* a service of its own before its address */
	for (uint32_t i = 0; needs_item(want) && i < how->tunnel->item_count; i++)
		item(r, how->tunnel->items[i].type, how->tunnel->items[i].spec, how->tunnel->items[i].last,
		     how->tunnel->items[i].mask);
	r->port.port_id = ethdev;
	item(r, RTE_FLOW_ITEM_TYPE_REPRESENTED_PORT, &r->port, NULL, &rte_flow_item_ethdev_mask);
	class_eth(r, want, mac);
	if (want->vlan) {
		r->vlan.hdr.vlan_tci = rte_cpu_to_be_16(want->vlan);
		r->vlan_mask.hdr.vlan_tci = RTE_BE16(0x0fff);
		item(r, RTE_FLOW_ITEM_TYPE_VLAN, &r->vlan, NULL, &r->vlan_mask);
	}
	if (want->inner_vlan) {
		r->vlan2.hdr.vlan_tci = rte_cpu_to_be_16(want->inner_vlan);
		item(r, RTE_FLOW_ITEM_TYPE_VLAN, &r->vlan2, NULL, &r->vlan_mask);
	}
	if (want->vtep.family)
		class_tunnel(r, want);
	if (want->kind < SL_CLASS_TUNNEL) {
		class_ip(r, 1, want);
		class_l4(r, want);
	}
	if (sl_class_jumps(want->kind, how->copy))
		to_flows(r, want, ethdev, how);
	else
		to_host(r, marks[want->kind], how->mtr_id, ethdev);
}

/* ---- counters ------------------------------------------------------------------------------------------------- */

void sl_flow_rule_query(uint16_t proxy, struct rte_flow *rule, bool age, struct sl_flow_rule_counts *counts)
{
	static const struct rte_flow_action count_action[2] = { { .type = RTE_FLOW_ACTION_TYPE_COUNT } };
	static const struct rte_flow_action age_action[2] = { { .type = RTE_FLOW_ACTION_TYPE_AGE } };
	struct rte_flow_query_count count = { 0 };
	struct rte_flow_query_age aged = { 0 };
	struct rte_flow_error error;

	*counts = (struct sl_flow_rule_counts){ .idle_ms = UINT64_MAX };
	if (!rte_flow_query(proxy, rule, count_action, &count, &error) && count.hits_set) {
		counts->known = true;
		counts->packets = count.hits;
		counts->bytes_known = count.bytes_set;
		counts->bytes = count.bytes;
	}
	if (age && !rte_flow_query(proxy, rule, age_action, &aged, &error) && aged.sec_since_last_hit_valid)
		counts->idle_ms = aged.sec_since_last_hit * UINT64_C(1000);
}
