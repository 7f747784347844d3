/* SPDX-License-Identifier: BSD-3-Clause */
/* Whose a frame is: by its tags, or by the tunnel that it came in and who sent that. */
#include <string.h>

#include "host/slowpath_private.h"

static const struct sl_config_tenant *tenant_of_tags(const struct sl_services *s, const struct sl_packet *packet)
{
	const uint16_t inner = packet->tags == 2 ? packet->vid2 : 0;

	for (unsigned int i = 0; i < s->tenant_count; i++) {
		/* (An inner tag of VLAN 0 is no tenant's: a tenant's inner_vlan is at least 1.) */
		if (s->tenants[i].vlan == packet->vid && s->tenants[i].inner_vlan == inner && (packet->tags == 2) == (inner != 0))
			return &s->tenants[i];
	}
	return NULL;
}

/* Whether the tenant trusts this source of this tunnel, with its VNI or key. */
static bool trusts(const struct sl_config_tenant *t, const struct sl_addr *src, const struct sl_headers *h)
{
	for (unsigned int i = 0; i < t->trusted_count; i++) {
		const struct sl_config_source *s = &t->trusted[i];

		if (sl_mode_tunnel_kind(s->tunnel) != h->tunnel || !sl_addr_equal(&s->address, src))
			continue;
		if (sl_mode_virtual(s->tunnel) ? t->vni == h->vni : !s->has_key || s->key == h->vni)
			return true;
	}
	return false;
}

/* The tenant whose tunnel this is: untagged, to our VTEP, with its network, from a source that it trusts. */
static const struct sl_config_tenant *tenant_of_tunnel(const struct sl_slowpath *sp, const struct slow_frame *f)
{
	const struct sl_headers *h = &f->headers;
	const struct sl_addr dst = sl_addr_make(h->outer.family, h->outer.dst), src = sl_addr_make(h->outer.family, h->outer.src);
	const struct sl_slow_port *port = &sp->port[f->port];

	if (!h->tunnel || h->outer.tags || (!sl_addr_equal(&dst, &port->vtep[0]) && !sl_addr_equal(&dst, &port->vtep[1])))
		return NULL;
	for (unsigned int i = 0; i < sp->services->tenant_count; i++) {
		const struct sl_config_tenant *t = &sp->services->tenants[i];

		if (trusts(t, &src, h))
			return t;
	}
	return NULL;
}

bool sl_slow_classify(const struct sl_slowpath *sp, struct slow_frame *f)
{
	const struct sl_config_tenant *tenant = tenant_of_tunnel(sp, f);

	f->decap = tenant;
	if (!tenant && f->headers.outer.tags) {
		tenant = tenant_of_tags(sp->services, &f->headers.outer);
		if (!tenant)
			return false;
	}
	f->tenant = tenant ? tenant->id : sp->services->tenants[0].id;
	f->packet = sl_headers_packet(&f->headers, f->decap);
	return true;
}
