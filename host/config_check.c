/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Checks across the parts of a configuration: names and addresses used twice, services that overlap, families that
 * cannot meet, tunnels without an end. Runs only when every part was read without a mistake.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "host/config_reader.h"
#include "sluice/first.h"

/* The node of item i of section `section`, and of key in it if there is one: the place of a message. */
static const yaml_node_t *item_node(struct sl_reader *r, yaml_node_t *root, const char *section, unsigned int i)
{
	return sl_reader_item(r, sl_reader_peek(r, root, section), i);
}

static const yaml_node_t *key_node(struct sl_reader *r, const yaml_node_t *item, const char *key)
{
	const yaml_node_t *node = sl_reader_peek(r, item, key);

	return node ? node : item;
}

static const yaml_node_t *member_node(struct sl_reader *r, const yaml_node_t *item, unsigned int i)
{
	return sl_reader_item(r, sl_reader_peek(r, sl_reader_peek(r, item, "bond"), "members"), i);
}

/* The interface below a device that an engine made of it; NULL: the driver's own business. */
static const char *wire_of(const struct sl_config_port *p, char wire[SL_CONFIG_NAME_MAX])
{
	const char *at = strstr(p->device, ",iface=");

	if (!at || sscanf(at, ",iface=%63[^,]", wire) != 1)
		return NULL;
	return wire;
}

static void check_wire(struct sl_reader *r, const yaml_node_t *own, const yaml_node_t *item, const struct sl_config_port *p)
{
	const yaml_node_t *place = key_node(r, own, sl_reader_peek(r, own, "interface") ? "interface" : "device");
	char wire[SL_CONFIG_NAME_MAX], other[SL_CONFIG_NAME_MAX];
	const struct sl_config *c = r->config;

	if (!wire_of(p, wire))
		return;
	for (const struct sl_config_port *o = c->ports; o < p; o++)
		if (wire_of(o, other) && !strcmp(wire, other) && strcmp(o->device, p->device))
			sl_reader_error(r, place, "port \"%s\" has the same interface \"%s\"", o->name, wire);
	for (unsigned int i = 0; i < c->port_count; i++)
		if (!strcmp(c->ports[i].kernel_interface, wire)) {
			sl_reader_error(r, key_node(r, item, "kernel"),
					"the kernel interface has the name of the wire \"%s\"; give a name that is free, sluiced makes the interface",
					wire);
			return;
		}
}

static void check_ports(struct sl_reader *r, yaml_node_t *root)
{
	const struct sl_config *c = r->config;
	unsigned int items = 0;

	for (unsigned int i = 0; i < c->port_count; i++) {
		const struct sl_config_port *p = &c->ports[i];
		const yaml_node_t *item = item_node(r, root, "ports", p->bond.member ? items - 1 : items++);
		const yaml_node_t *own = p->bond.members ? member_node(r, item, p->bond.member) : item;

		snprintf(r->thing, sizeof(r->thing), "port \"%s\"", p->name);
		check_wire(r, own, item, p);
		for (unsigned int j = 0; j < i; j++) {
			if (!strcmp(p->name, c->ports[j].name))
				sl_reader_error(r, key_node(r, own, "name"), "there are two ports of this name");
			if (!strcmp(p->device, c->ports[j].device))
				sl_reader_error(r, key_node(r, own, "device"), "port \"%s\" has the same device",
						c->ports[j].name);
			if (p->bond.members && !p->bond.member && c->ports[j].bond.members &&
			    !strcmp(p->bond.name, c->ports[j].bond.name))
				sl_reader_error(r, key_node(r, item, "name"), "there are two bonds of this name");
			if (!p->bond.member && !strcmp(p->kernel_interface, c->ports[j].kernel_interface))
				sl_reader_error(r, key_node(r, item, "kernel"),
						"port \"%s\" has the same kernel interface", c->ports[j].name);
		}
	}
}

static bool have_vtep(const struct sl_config *c, unsigned int family)
{
	for (unsigned int i = 0; i < c->port_count; i++)
		for (unsigned int j = 0; j < c->ports[i].vtep_count; j++)
			if (c->ports[i].vtep[j].family == family)
				return true;
	return false;
}

/* A tunnel's source may also be an address of a kernel interface. */
static bool have_source(const struct sl_config *c, unsigned int family)
{
	for (unsigned int i = 0; i < c->port_count; i++)
		for (unsigned int j = 0; j < c->ports[i].kernel_address_count; j++)
			if (c->ports[i].kernel_address[j].addr.family == family)
				return true;
	return have_vtep(c, family);
}

/* Whether packets of one source could be meant for both. (Those with a VNI are told apart by it.) */
static bool sources_clash(const struct sl_config_source *a, const struct sl_config_source *b)
{
	if (a->tunnel != b->tunnel || sl_mode_virtual(a->tunnel) || !sl_addr_equal(&a->address, &b->address))
		return false;
	return a->tunnel != SL_MODE_GRE || !a->has_key || !b->has_key || a->key == b->key;
}

static void check_source(struct sl_reader *r, const yaml_node_t *tenant, unsigned int t, unsigned int number)
{
	const struct sl_config *c = r->config;
	const struct sl_config_source *s = &c->tenants[t].trusted[number];
	const yaml_node_t *item = sl_reader_item(r, sl_reader_peek(r, tenant, "trusted_vteps"), number);

	if (!have_vtep(c, s->address.family))
		sl_reader_error(r, key_node(r, tenant, "trusted_vteps"),
				"no port has an IPv%u vtep that its tunnels could end at", s->address.family);
	if (sl_mode_virtual(s->tunnel) && !c->tenants[t].has_vni)
		sl_reader_error(r, item, "\"vni\" is missing; tunnel %s needs the network that its packets are of",
				sl_mode_name(s->tunnel));
	if (s->has_key && s->tunnel != SL_MODE_GRE)
		sl_reader_error(r, key_node(r, item, "key"), "key belongs to tunnel gre; this source's is %s",
				sl_mode_name(s->tunnel));
	for (unsigned int i = 1; i < t; i++)
		for (unsigned int j = 0; j < c->tenants[i].trusted_count; j++)
			if (sources_clash(s, &c->tenants[i].trusted[j]))
				sl_reader_error(r, item, "tenant \"%s\" trusts the same source of %s tunnels: nothing tells "
						"their packets apart", c->tenants[i].name, sl_mode_name(s->tunnel));
}

static bool any_virtual(const struct sl_config_tenant *t)
{
	for (unsigned int i = 0; i < t->trusted_count; i++)
		if (sl_mode_virtual(t->trusted[i].tunnel))
			return true;
	return false;
}

static void check_tenants(struct sl_reader *r, yaml_node_t *root)
{
	const struct sl_config *c = r->config;

	for (unsigned int i = 1; i < c->tenant_count; i++) {
		const struct sl_config_tenant *t = &c->tenants[i];
		const yaml_node_t *item = item_node(r, root, "tenants", i - 1);

		snprintf(r->thing, sizeof(r->thing), "tenant \"%s\"", t->name);
		if (t->vlan ? t->has_vni : !t->has_vni && !t->trusted_count)
			sl_reader_error(r, item, "give either vlan, or vni with trusted_vteps");
		else if (t->inner_vlan && !t->vlan)
			sl_reader_error(r, key_node(r, item, "inner_vlan"), "inner_vlan belongs to vlan, not to vni");
		else if (t->vlan && t->trusted_count)
			sl_reader_error(r, key_node(r, item, "trusted_vteps"),
					"trusted_vteps belongs to vni, not to vlan");
		else if (t->has_vni && !t->trusted_count)
			sl_reader_error(r, item, "\"trusted_vteps\" is missing: whose tunnel packets are believed");
		else if (t->has_vni && !any_virtual(t))
			sl_reader_error(r, key_node(r, item, "vni"),
					"vni belongs to tunnels vxlan and geneve; no trusted source has such");
		for (unsigned int j = 0; j < t->trusted_count; j++)
			check_source(r, item, i, j);
		for (unsigned int j = 0; j < i; j++) {
			const struct sl_config_tenant *o = &c->tenants[j];

			if (!strcmp(t->name, o->name))
				sl_reader_error(r, key_node(r, item, "name"), j ? "there are two tenants of this name" :
						"this name stands for untagged traffic; choose another");
			if (t->id == o->id)
				sl_reader_error(r, key_node(r, item, "id"), "tenant \"%s\" has the same id %u", o->name,
						t->id);
			if (t->vlan && t->vlan == o->vlan && t->inner_vlan == o->inner_vlan)
				sl_reader_error(r, key_node(r, item, "vlan"), "tenant \"%s\" has the same vlan %u%s",
						o->name, t->vlan, t->inner_vlan ? " and inner_vlan" : "");
			if (t->has_vni && o->has_vni && t->vni == o->vni)
				sl_reader_error(r, key_node(r, item, "vni"), "tenant \"%s\" has the same vni %u",
						o->name, t->vni);
		}
	}
}

static void set_thing(struct sl_reader *r, const struct sl_config_service *s, const struct sl_config_backend *b)
{
	if (b)
		snprintf(r->thing, sizeof(r->thing), "service \"%s\", backend \"%s\"", s->name, b->name);
	else
		snprintf(r->thing, sizeof(r->thing), "service \"%s\"", s->name);
}

static void check_virtual_backend(struct sl_reader *r, const yaml_node_t *item, const char *mode, struct sl_config_backend *b)
{
	static const uint8_t none[6];

	if (!b->vtep.family)
		b->vtep = b->address;
	if (!sl_reader_peek(r, item, "vni"))
		sl_reader_error(r, item, "\"vni\" is missing; mode %s needs the network the backend is in", mode);
	if (!memcmp(b->inner_mac, none, sizeof(none)))
		sl_reader_error(r, item,
				"\"inner_mac\" is missing; mode %s needs the MAC of the backend in its network", mode);
	if (!have_vtep(r->config, b->vtep.family))
		sl_reader_error(r, item, "no port has an IPv%u vtep for the tunnel to start from", b->vtep.family);
}

/* Keys that mean nothing in this mode. */
static void check_mode_keys(struct sl_reader *r, const yaml_node_t *item, unsigned int mode)
{
	static const struct {
		const char *key, *modes;
		unsigned int of[2];
	} keys[] = {
		{ "vni", "modes vxlan and geneve", { SL_MODE_VXLAN, SL_MODE_GENEVE } },
		{ "vtep", "modes vxlan and geneve", { SL_MODE_VXLAN, SL_MODE_GENEVE } },
		{ "inner_mac", "modes vxlan and geneve", { SL_MODE_VXLAN, SL_MODE_GENEVE } },
		{ "gue_port", "mode gue", { SL_MODE_GUE, SL_MODE_GUE } },
		{ "gue_variant", "mode gue", { SL_MODE_GUE, SL_MODE_GUE } },
	};

	for (unsigned int i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (mode != keys[i].of[0] && mode != keys[i].of[1] && sl_reader_peek(r, item, keys[i].key))
			sl_reader_error(r, key_node(r, item, keys[i].key), "%s belongs to %s; this service is %s", keys[i].key,
					keys[i].modes, sl_mode_name(mode));
	}
}

static void check_backend(struct sl_reader *r, const yaml_node_t *item, const struct sl_config_service *s,
			  struct sl_config_backend *b)
{
	if (sl_mode_virtual(s->mode))
		check_virtual_backend(r, item, sl_mode_name(s->mode), b);
	check_mode_keys(r, item, s->mode);
	if ((s->mode == SL_MODE_DSR_L2 || sl_mode_nat(s->mode)) && b->address.family != s->vip.family)
		sl_reader_error(r, key_node(r, item, "address"),
				"an IPv%u backend cannot serve an IPv%u VIP in mode %s", b->address.family,
				s->vip.family, sl_mode_name(s->mode));
	if (sl_mode_tunnel(s->mode) && !sl_mode_virtual(s->mode) && !have_source(r->config, b->address.family))
		sl_reader_error(r, key_node(r, item, "address"),
				"no port has an IPv%u address for the tunnel to start from", b->address.family);
	if (b->port && !sl_mode_nat(s->mode))
		sl_reader_error(r, key_node(r, item, "port"),
				"port belongs to modes nat and fullnat; in mode %s a packet keeps its port", sl_mode_name(s->mode));
	if (sl_addr_equal(&b->address, &s->vip))
		sl_reader_error(r, key_node(r, item, "address"), "a backend cannot have the VIP's address");
}

static bool backends_equal(const struct sl_config_backend *a, const struct sl_config_backend *b)
{
	return sl_addr_equal(&a->address, &b->address) && a->port == b->port && sl_addr_equal(&a->vtep, &b->vtep) &&
	       a->vni == b->vni && a->gue_port == b->gue_port && a->gue_variant == b->gue_variant &&
	       !memcmp(a->inner_mac, b->inner_mac, sizeof(a->inner_mac));
}

static void check_backends(struct sl_reader *r, const yaml_node_t *service, struct sl_config_service *s)
{
	yaml_node_t *list = sl_reader_peek(r, service, "backends");

	for (unsigned int i = 0; i < s->backend_count; i++) {
		struct sl_config_backend *b = &s->backends[i];
		const yaml_node_t *item = sl_reader_item(r, list, i);

		set_thing(r, s, b);
		check_backend(r, item, s, b);
		for (unsigned int j = 0; j < i; j++) {
			if (!strcmp(b->name, s->backends[j].name))
				sl_reader_error(r, key_node(r, item, "name"),
						"the service has two backends of this name");
			else if (backends_equal(b, &s->backends[j]))
				sl_reader_error(r, key_node(r, item, "address"), "backend \"%s\" is the same server",
						s->backends[j].name);
		}
	}
}

/* Kind of a service's ports: one, a range, any. A packet goes to the narrowest, so only equal kinds can clash. */
static unsigned int port_kind(const struct sl_config_service *s)
{
	return s->port_lo == s->port_hi ? 0 : s->port_lo ? 1 : 2;
}

static bool overlap(const struct sl_config_service *a, const struct sl_config_service *b)
{
	return a->tenant == b->tenant && a->protocol == b->protocol && sl_addr_equal(&a->vip, &b->vip) &&
	       port_kind(a) == port_kind(b) && a->port_lo <= b->port_hi && b->port_lo <= a->port_hi;
}

static void check_service(struct sl_reader *r, const yaml_node_t *item, const struct sl_config_service *s)
{
	const struct sl_config *c = r->config;

	if (s->mode == SL_MODE_FULLNAT && !sl_config_fullnat_serves(c, s->vip.family))
		sl_reader_error(r, key_node(r, item, "mode"),
				"mode fullnat needs an IPv%u address in node.fullnat.sources, from which its connections come to backends",
				s->vip.family);
	if (s->health.type == SL_HEALTH_TCP && !s->health.port && port_kind(s)) {
		bool all = sl_mode_nat(s->mode);

		for (unsigned int i = 0; i < s->backend_count; i++)
			all = all && s->backends[i].port;
		if (!all)
			sl_reader_error(
				r, key_node(r, item, "health"),
				"health needs a port: the service has many, so say which one to check (or type: none)");
	}
	if (s->backend_count * 5 > c->node.maglev_size)
		sl_reader_error(r, item, "%u backends need node.maglev_size of at least %u", s->backend_count,
				s->backend_count * 5);
}

/* What the XDP program can decide alone: by a hash, for whoever comes, without knowing any connection. */
static void check_first_packet(struct sl_reader *r, const yaml_node_t *item, const struct sl_config_service *s, unsigned int *services)
{
	const yaml_node_t *key = key_node(r, item, "first_packet");
	const struct sl_config *c = r->config;

	if (s->first_packet != SL_FIRST_PACKET_XDP)
		return;
	for (unsigned int i = 0; i < c->port_count; i++)
		if (strncmp(c->ports[i].device, "net_sluice_xdp", 14))
			sl_reader_error(r, key, "first_packet: xdp needs \"engine: xdp\" for every port; port \"%s\" has another device",
					c->ports[i].name);
	if (sl_mode_nat(s->mode))
		sl_reader_error(r, key, "first_packet: xdp is for modes without a translation; mode %s needs host, where each one is kept",
				sl_mode_name(s->mode));
	if (port_kind(s))
		sl_reader_error(r, key, "first_packet: xdp needs a service with one port");
	if (s->tenant)
		sl_reader_error(r, key, "first_packet: xdp is for tenant \"default\", whose packets have neither a tag nor a tunnel");
	if (s->offload.policy == SL_OFFLOAD_NEVER)
		sl_reader_error(r, key, "first_packet: xdp contradicts offload.policy: never, by which all packets are the host's");
	if (s->admission.challenge == SL_CHALLENGE_ALWAYS)
		sl_reader_error(r, key, "first_packet: xdp contradicts admission.challenge: always, as the host sees no SYN");
	if (s->misses.rate_pps)
		sl_reader_error(r, key, "first_packet: xdp contradicts misses: what is decided in XDP passes no meter");
	if (++*services > SL_FIRST_SERVICES)
		sl_reader_error(r, key, "first_packet: xdp is for at most %u services; this one needs host", SL_FIRST_SERVICES);
}

static void check_services(struct sl_reader *r, yaml_node_t *root)
{
	const struct sl_config *c = r->config;
	unsigned int first = 0;

	for (unsigned int i = 0; i < c->service_count; i++) {
		struct sl_config_service *s = &c->services[i];
		const yaml_node_t *item = item_node(r, root, "services", i);

		set_thing(r, s, NULL);
		check_service(r, item, s);
		check_first_packet(r, item, s, &first);
		for (unsigned int j = 0; j < i; j++) {
			const struct sl_config_service *o = &c->services[j];

			if (!strcmp(s->name, o->name))
				sl_reader_error(r, key_node(r, item, "name"),
						"there are two services of this name; the first is in line %u",
						o->line);
			else if (overlap(s, o))
				sl_reader_error(r, key_node(r, item, "port"),
						"VIP, protocol and %s of service \"%s\" in line %u",
						s->port_lo == o->port_lo && s->port_hi == o->port_hi ?
							"port are those" : "some of the ports are those",
						o->name, o->line);
		}
		check_backends(r, item, s);
	}
	r->thing[0] = '\0';
}

void sl_config_check(struct sl_reader *r, yaml_node_t *root)
{
	check_ports(r, root);
	check_tenants(r, root);
	check_services(r, root);
	sl_config_fullnat_check(r, root);
	r->thing[0] = '\0';
	if (!strcmp(r->config->node.state, r->config->node.control))
		sl_reader_error(r, sl_reader_peek(r, root, "node"), "node: state and control are the same file");
}
