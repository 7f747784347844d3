/* SPDX-License-Identifier: BSD-3-Clause */
/* Action entries of backends, made from mode, next hop and port; all writing is the control thread's. */
#include "host/egress.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <urcu-qsbr.h>
#include <xxhash.h>

#include "host/bond.h"
#include "host/kernel.h"
#include "host/log.h"
#include "host/port.h"
#include "host/state.h"
#include "hw/model/action.h"
#include "sluice/record.h"

#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_IPV6 0x86dd
#define ETHERTYPE_VLAN 0x8100
#define ETHERTYPE_QINQ 0x88a8
#define ETHERTYPE_TEB 0x6558 /* transparent Ethernet bridging */
#define OUTER_TTL 64
#define HOP_PROBES 256u

struct sl_egress *sl_egress_entries[SL_SERVICE_IDS];

static struct {
	struct sl_addr vtep[SL_PORTS][2]; /* by port: IPv4, IPv6 */
	struct sl_nexthops *nexthops;
	struct sl_state_hop *hops;
	uint32_t version;
} egress;

static uint8_t *put_be16(uint8_t *p, unsigned int value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
	return p + 2;
}

static uint8_t *put_bytes(uint8_t *p, const void *from, size_t n)
{
	memcpy(p, from, n);
	return p + n;
}

static unsigned int ethertype_of(unsigned int family)
{
	return family == 4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6;
}

/* With two tags the outer one is a service tag (802.1ad). */
static uint8_t *put_eth(uint8_t *p, const uint8_t dst[6], const uint8_t src[6], uint16_t vid, uint16_t inner_vid,
			unsigned int ethertype)
{
	p = put_bytes(p, dst, 6);
	p = put_bytes(p, src, 6);
	if (vid)
		p = put_be16(put_be16(p, inner_vid ? ETHERTYPE_QINQ : ETHERTYPE_VLAN), vid);
	if (inner_vid)
		p = put_be16(put_be16(p, ETHERTYPE_VLAN), inner_vid);
	return put_be16(p, ethertype);
}

static uint16_t ipv4_checksum(const uint8_t *header)
{
	uint32_t sum = 0;

	for (unsigned int i = 0; i < 20; i += 2)
		sum += (uint32_t)header[i] << 8 | header[i + 1];
	return (uint16_t)~sl_csum_fold(sum);
}

/* Outer IP header with length 0: whoever sends the packet adds it. */
static uint8_t *put_outer(uint8_t *p, const struct sl_addr *src, const struct sl_addr *dst, unsigned int proto)
{
	static const uint8_t v4[12] = { 0x45, 0, 0, 0, 0, 0, 0x40, 0, OUTER_TTL }, v6[8] = { 0x60 };
	uint8_t *const start = p;

	if (dst->family == 4) {
		p = put_bytes(p, v4, sizeof(v4));
		p = put_bytes(p, src->bytes, 4);
		p = put_bytes(p, dst->bytes, 4);
		start[9] = (uint8_t)proto;
		put_be16(start + 10, ipv4_checksum(start));
		return p;
	}
	p = put_bytes(p, v6, sizeof(v6));
	start[6] = (uint8_t)proto;
	start[7] = OUTER_TTL;
	p = put_bytes(p, src->bytes, 16);
	return put_bytes(p, dst->bytes, 16);
}

/* UDP with length 0 and no checksum (RFC 6935); the source port is entropy. */
static uint8_t *put_udp(uint8_t *p, unsigned int port)
{
	return put_be16(put_be16(put_be16(put_be16(p, SL_ENTROPY_BASE), port), 0), 0);
}

/* The rest of a VXLAN or Geneve header, whose first four bytes are given, and the inner Ethernet header. */
static uint8_t *put_virtual(uint8_t *p, unsigned int first, unsigned int second, const struct sl_backend *backend,
			    const uint8_t inner_src[6], unsigned int inner_family)
{
	p = put_be16(put_be16(p, first), second);
	p = put_be16(p, backend->vni >> 8);
	p = put_be16(p, backend->vni << 8 & 0xffff);
	return put_eth(p, backend->inner_mac, inner_src, 0, 0, ethertype_of(inner_family));
}

/* The protocol of what put_tunnel() puts behind the outer IP header. */
static unsigned int tunnel_proto(unsigned int mode, unsigned int inner_family)
{
	switch (mode) {
	case SL_MODE_IPIP:
		return inner_family == 4 ? IPPROTO_IPIP : IPPROTO_IPV6;
	case SL_MODE_GRE:
		return IPPROTO_GRE;
	default:
		return IPPROTO_UDP;
	}
}

static uint8_t *put_tunnel(uint8_t *p, const struct sl_backend *backend, const uint8_t inner_src[6], unsigned int inner_family)
{
	switch (backend->mode) {
	case SL_MODE_VXLAN:
		return put_virtual(put_udp(p, SL_VXLAN_PORT), 0x0800, 0, backend, inner_src, inner_family);
	case SL_MODE_GENEVE:
		return put_virtual(put_udp(p, SL_GENEVE_PORT), 0, ETHERTYPE_TEB, backend, inner_src, inner_family);
	case SL_MODE_GRE:
		return put_be16(put_be16(p, 0), ethertype_of(inner_family));
	case SL_MODE_GUE:
		p = put_udp(p, backend->gue_port);
		return backend->gue_variant ? p : put_be16(put_be16(p, inner_family == 4 ? IPPROTO_IPIP : IPPROTO_IPV6), 0);
	default:
		return p;
	}
}

bool sl_egress_action(const struct sl_backend *backend, unsigned int inner_family, const struct sl_egress_port *port,
		      const struct sl_nexthop *nexthop, struct sl_action *action)
{
	const bool tunnel = sl_mode_tunnel(backend->mode);
	const struct sl_addr *target = sl_backend_target(backend);
	const struct sl_addr *source = target->family == 4 ? &port->vtep4 : &port->vtep6;
	uint8_t *p = action->hdr;

	memset(action, 0, sizeof(*action));
	if (tunnel && source->family != target->family)
		source = &nexthop->source;
	if (tunnel && source->family != target->family)
		return false;
	action->flags = SL_ACTION_FLAG_VALID | SL_ACTION_FLAG_STRIP_L2;
	action->port = port->index;
	action->mtu = nexthop->mtu && nexthop->mtu < port->mtu ? nexthop->mtu : port->mtu;
	p = put_eth(p, nexthop->mac, port->mac, port->vid, port->inner_vid,
		    ethertype_of(tunnel ? target->family : inner_family));
	action->l3_off = (uint8_t)(p - action->hdr);
	if (tunnel) {
		const unsigned int proto = tunnel_proto(backend->mode, inner_family);

		action->flags |= target->family == 4 ? SL_ACTION_FLAG_OUTER_V4 : SL_ACTION_FLAG_OUTER_V6;
		p = put_outer(p, source, target, proto);
		if (proto == IPPROTO_UDP) {
			action->flags |= SL_ACTION_FLAG_OUTER_UDP;
			action->l4_off = (uint8_t)(p - action->hdr);
		}
		p = put_tunnel(p, backend, port->mac, inner_family);
	}
	action->hdr_len = (uint8_t)(p - action->hdr);
	return true;
}

void sl_egress_return_action(const struct sl_conn *conn, const struct sl_conn_nat *nat, const struct sl_egress_port *port,
			     struct sl_action *action)
{
	memset(action, 0, sizeof(*action));
	action->flags = SL_ACTION_FLAG_VALID | SL_ACTION_FLAG_STRIP_L2;
	action->port = port->index;
	action->mtu = port->mtu;
	action->l3_off = action->hdr_len = (uint8_t)(put_eth(action->hdr, nat->last_hop, port->mac, port->vid, port->inner_vid,
							    ethertype_of(conn->family)) - action->hdr);
}

static void port_fill(const struct sl_port *p, uint16_t vid, struct sl_egress_port *out)
{
	*out = (struct sl_egress_port){ .index = (uint8_t)p->index, .mtu = p->mtu, .vid = vid,
					.vtep4 = egress.vtep[p->index][0], .vtep6 = egress.vtep[p->index][1] };
	memcpy(out->mac, p->mac, sizeof(out->mac));
}

bool sl_egress_return_port(const struct sl_services *services, const struct sl_conn *conn, const struct sl_conn_nat *nat,
			   struct sl_egress_port *port)
{
	uint16_t vid = 0, inner_vid = 0;

	if (nat->last_hop_port >= sl_port_count())
		return false;
	for (unsigned int i = 0; i < services->tenant_count; i++) {
		if (services->tenants[i].id == conn->tenant) {
			vid = services->tenants[i].vlan;
			inner_vid = services->tenants[i].inner_vlan;
		}
	}
	port_fill(sl_port_at(sl_bond_lead(nat->last_hop_port)), vid, port);
	port->inner_vid = inner_vid;
	return true;
}

/* The port of a kernel interface, or of the one below a VLAN interface. */
static bool port_of(int ifindex, struct sl_egress_port *out)
{
	uint16_t vid = 0;
	int below;

	for (unsigned int pass = 0; pass < 2; pass++) {
		for (unsigned int i = 0; i < sl_port_count(); i++) {
			if (sl_port_at(i)->kernel_ifindex == ifindex) {
				port_fill(sl_port_at(i), vid, out);
				return true;
			}
		}
		if (!sl_kernel_vlan(ifindex, &below, &vid))
			return false;
		ifindex = below;
	}
	return false;
}

static uint32_t hop_check(const struct sl_state_hop *hop)
{
	const uint32_t sum = XXH32(hop, offsetof(struct sl_state_hop, check), 0);

	return sum ? sum : 1;
}

/* The remembered next hop of a target, or with `make` a free place for it. NULL: none. */
static struct sl_state_hop *hop_find(const struct sl_addr *target, bool make)
{
	const uint32_t start = XXH32(target, sizeof(*target), 0);
	struct sl_state_hop *place = NULL;

	for (uint32_t i = 0; egress.hops && i < HOP_PROBES; i++) {
		struct sl_state_hop *hop = &egress.hops[(start + i) % SL_STATE_HOPS];

		if (hop->check && sl_addr_equal(&hop->target, target) && hop->check == hop_check(hop))
			return hop;
		if (!place && (!hop->check || hop->check != hop_check(hop)))
			place = hop;
	}
	return make ? place : NULL;
}

static void hop_save(const struct sl_addr *target, const struct sl_nexthop *nexthop, const struct sl_egress_port *port)
{
	struct sl_state_hop *hop = hop_find(target, true), now;

	if (!hop) {
		if (egress.hops)
			sl_log(SL_LOG_WARN, "nexthop-forgotten", "a restart will have to ask for a backend's next hop: no room for it");
		return;
	}
	memset(&now, 0, sizeof(now));
	now.target = *target;
	now.source = nexthop->source;
	memcpy(now.mac, nexthop->mac, sizeof(now.mac));
	now.port = port->index;
	now.vid = port->vid;
	now.mtu = nexthop->mtu;
	now.check = hop_check(&now);
	if (!memcmp(&now, hop, sizeof(now)))
		return;
	__atomic_store_n(&hop->check, 0, __ATOMIC_RELEASE);
	memcpy(hop, &now, offsetof(struct sl_state_hop, check));
	__atomic_store_n(&hop->check, now.check, __ATOMIC_RELEASE);
}

/* Forgets the next hops of targets that no backend has any more. */
static void hops_sweep(void)
{
	static bool used[SL_STATE_HOPS];

	memset(used, 0, sizeof(used));
	for (uint32_t id = 0; id < SL_SERVICE_IDS; id++) {
		const struct sl_state_hop *hop = sl_egress_entries[id] ? hop_find(&sl_egress_entries[id]->target, false) : NULL;

		if (hop)
			used[hop - egress.hops] = true;
	}
	for (uint32_t i = 0; i < SL_STATE_HOPS; i++)
		if (!used[i] && egress.hops[i].check)
			__atomic_store_n(&egress.hops[i].check, 0, __ATOMIC_RELEASE);
}

static bool hop_restore(const struct sl_addr *target, struct sl_nexthop *nexthop, struct sl_egress_port *port)
{
	const struct sl_state_hop *hop = hop_find(target, false);

	if (!hop || hop->port >= sl_port_count())
		return false;
	memset(nexthop, 0, sizeof(*nexthop));
	nexthop->source = hop->source;
	memcpy(nexthop->mac, hop->mac, sizeof(nexthop->mac));
	nexthop->mtu = hop->mtu;
	port_fill(sl_port_at(hop->port), hop->vid, port);
	return true;
}

/* A next hop that is not known now keeps its last known MAC: a backend that is away is health checks' business. */
static struct sl_egress *entry_make(const struct sl_backend *backend, const struct sl_nexthop *nexthop)
{
	struct sl_egress *e = calloc(1, sizeof(*e));
	struct sl_nexthop restored;
	struct sl_egress_port port;

	if (!e)
		return NULL;
	e->version = ++egress.version;
	e->target = *sl_backend_target(backend);
	e->identity = backend->identity;
	if (nexthop && nexthop->state == SL_NEXTHOP_READY && port_of(nexthop->ifindex, &port)) {
		hop_save(&e->target, nexthop, &port);
	} else if ((!nexthop || nexthop->state != SL_NEXTHOP_NO_ROUTE) && hop_restore(&e->target, &restored, &port)) {
		nexthop = &restored;
	} else {
		return e;
	}
	e->port = port.index;
	e->ready = sl_egress_action(backend, backend->service->vip.family, &port, nexthop, &e->action);
	e->room = e->ready ? sl_action_room(&e->action) : 0;
	return e;
}

static bool entry_same(const struct sl_egress *a, const struct sl_egress *b)
{
	return a->ready == b->ready && !memcmp(&a->action, &b->action, sizeof(a->action));
}

/* Publishes `next` (or nothing) in the place of what is there, which *old collects for freeing after a grace period. */
static void entry_publish(uint32_t id, struct sl_egress *next, struct sl_egress **old)
{
	*old = sl_egress_entries[id];
	rcu_assign_pointer(sl_egress_entries[id], next);
}

void sl_egress_remember(struct sl_state_hop *hops)
{
	egress.hops = hops;
}

void sl_egress_configure(const struct sl_config *config)
{
	for (unsigned int i = 0; i < config->port_count; i++) {
		for (unsigned int v = 0; v < config->ports[i].vtep_count; v++)
			egress.vtep[i][config->ports[i].vtep[v].family == 6] = config->ports[i].vtep[v];
	}
}

static void target_watch(const struct sl_backend *backend, const struct sl_addr *target)
{
	const int rc = egress.nexthops ? sl_nexthops_watch(egress.nexthops, target) : 0;

	if (rc)
		sl_log(SL_LOG_ERROR, "nexthop-unwatched", "service=%s backend=%s error=%s", backend->service->name, backend->name,
		       strerror(-rc));
}

static struct sl_egress *backend_sync(const struct sl_backend *backend, uint32_t id)
{
	struct sl_egress *old = NULL, *now = sl_egress_entries[id];
	struct sl_nexthop nexthop;
	struct sl_addr target;

	if (now && (!backend || now->identity != backend->identity)) {
		if (egress.nexthops)
			sl_nexthops_unwatch(egress.nexthops, &now->target);
		entry_publish(id, NULL, &old);
		now = NULL;
	}
	if (backend && !now) {
		struct sl_egress *none;

		target = *sl_backend_target(backend);
		target_watch(backend, &target);
		if (egress.nexthops && sl_nexthops_get(egress.nexthops, &target, &nexthop))
			entry_publish(id, entry_make(backend, &nexthop), &none);
		else
			entry_publish(id, entry_make(backend, NULL), &none);
	}
	return old;
}

/* Next hops exist from now on: entries made before are watched and filled in. */
static void watch_all(const struct sl_services *services, struct sl_nexthops *nexthops)
{
	struct sl_nexthop nexthop;

	egress.nexthops = nexthops;
	for (uint32_t id = 0; id < SL_SERVICE_IDS; id++) {
		const struct sl_addr *target = sl_egress_entries[id] ? &sl_egress_entries[id]->target : NULL;

		if (!target || !services->backend[id])
			continue;
		target_watch(services->backend[id], target);
		if (sl_nexthops_get(nexthops, target, &nexthop)) {
			const struct sl_addr copy = *target;

			sl_egress_nexthop_changed(services, &copy, &nexthop);
		}
	}
}

void sl_egress_services_changed(const struct sl_services *services, struct sl_nexthops *nexthops)
{
	struct sl_egress *old[SL_SERVICE_IDS];
	unsigned int n = 0;

	if (nexthops && !egress.nexthops)
		watch_all(services, nexthops);
	for (uint32_t id = 0; id < SL_SERVICE_IDS; id++) {
		struct sl_egress *gone = backend_sync(services->backend[id], id);

		if (gone)
			old[n++] = gone;
	}
	/* Before there are next hops the services are not all there: what the last agent knew is still wanted. */
	if (egress.hops && egress.nexthops)
		hops_sweep();
	if (n)
		synchronize_rcu();
	while (n)
		free(old[--n]);
}

bool sl_egress_nexthop_changed(const struct sl_services *services, const struct sl_addr *target,
			       const struct sl_nexthop *nexthop)
{
	struct sl_egress *old[SL_SERVICE_IDS], *next;
	unsigned int n = 0;
	bool changed;

	for (uint32_t id = 0; id < SL_SERVICE_IDS; id++) {
		const struct sl_backend *backend = services->backend[id];

		if (!backend || !sl_egress_entries[id] || !sl_addr_equal(&sl_egress_entries[id]->target, target))
			continue;
		next = entry_make(backend, nexthop);
		if (!next)
			continue;
		if (entry_same(next, sl_egress_entries[id])) {
			free(next);
			continue;
		}
		entry_publish(id, next, &old[n++]);
	}
	changed = n;
	if (n)
		synchronize_rcu();
	while (n)
		free(old[--n]);
	return changed;
}

void sl_egress_clear(void)
{
	for (uint32_t id = 0; id < SL_SERVICE_IDS; id++) {
		free(sl_egress_entries[id]);
		sl_egress_entries[id] = NULL;
	}
	egress.nexthops = NULL;
	egress.hops = NULL;
}
