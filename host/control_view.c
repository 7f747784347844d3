/* SPDX-License-Identifier: BSD-3-Clause */
/* What the agent knows, as JSON. docs/control.md lists the fields; times are ISO 8601 and milliseconds since 1970. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "host/control_private.h"
#include "sluice/remedies.h"

static json_t *number(uint64_t n)
{
	return json_integer((json_int_t)(n > INT64_MAX ? INT64_MAX : n));
}

static void set_number(json_t *to, const char *key, uint64_t n)
{
	json_object_set_new(to, key, number(n));
}

/* Text that may not be UTF-8 (a driver's words) must not make the answer fail. */
static void set_text(json_t *to, const char *key, const char *text)
{
	json_t *value = json_string(text);

	json_object_set_new(to, key, value ? value : json_string("?"));
}

static void set_time(json_t *to, int64_t ms)
{
	time_t seconds = (time_t)(ms / 1000);
	char text[64];
	struct tm tm;
	size_t n;

	if (ms <= 0 || !gmtime_r(&seconds, &tm))
		return;
	n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + n, sizeof(text) - n, ".%03dZ", (int)(ms % 1000));
	set_text(to, "since", text);
	set_number(to, "since_ms", (uint64_t)ms);
}

static void set_addr(json_t *to, const char *key, const struct sl_addr *addr)
{
	char text[SL_ADDR_TEXT];

	set_text(to, key, sl_addr_text(addr, text));
}

static void set_mac(json_t *to, const char *key, const uint8_t mac[6])
{
	char text[18];

	snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
	set_text(to, key, text);
}

static const char *protocol_name(unsigned int protocol)
{
	return protocol == IPPROTO_TCP ? "tcp" : protocol == IPPROTO_UDP ? "udp" : "?";
}

static const char *tenant_name(uint16_t id)
{
	const struct sl_services *s = sl_services_current();

	for (unsigned int i = 0; s && i < s->tenant_count; i++)
		if (s->tenants[i].id == id)
			return s->tenants[i].name;
	return "?";
}

static json_t *counters_json(const struct sl_backend_counters *c)
{
	json_t *out = json_object();

	set_number(out, "hw_packets", c->hw_packets);
	set_number(out, "hw_bytes", c->hw_bytes);
	set_number(out, "sw_packets", c->sw_packets);
	set_number(out, "sw_bytes", c->sw_bytes);
	set_number(out, "packets", c->hw_packets + c->sw_packets);
	set_number(out, "bytes", c->hw_bytes + c->sw_bytes);
	return out;
}

static void backend_counters(struct sl_control *c, uint32_t id, struct sl_backend_counters *out)
{
	memset(out, 0, sizeof(*out));
	if (c->ops.backend)
		c->ops.backend(c->ops.ctx, id, out);
}

static void set_port(json_t *to, const struct sl_service *s)
{
	char text[16];

	if (s->port_lo == s->port_hi)
		snprintf(text, sizeof(text), "%u", s->port_lo);
	else if (s->port_lo)
		snprintf(text, sizeof(text), "%u-%u", s->port_lo, s->port_hi);
	else
		snprintf(text, sizeof(text), "any");
	set_text(to, "port", text);
}

/* Who decides new connections; of those that XDP does, its counters. */
static void set_first_packet(struct sl_control *c, json_t *to, const struct sl_service *s)
{
	struct sl_first_counters n;
	json_t *first = json_object();

	set_text(first, "by", s->first_xdp ? "xdp" : "host");
	if (s->first_xdp && c->ops.first && c->ops.first(c->ops.ctx, s->id, &n)) {
		json_object_set_new(first, "stands", json_boolean(n.stands));
		set_number(first, "packets", n.packets);
		set_number(first, "bytes", n.bytes);
		set_number(first, "syns", n.syns);
		set_number(first, "unhinted", n.unhinted);
		set_number(first, "places", n.places);
		set_number(first, "held", n.held);
	}
	json_object_set_new(to, "first_packet", first);
}

static json_t *service_json(struct sl_control *c, const struct sl_service *s)
{
	struct sl_backend_counters sum = { 0 }, one;
	unsigned int up = 0, configured = 0;
	json_t *out = json_object();

	for (unsigned int i = 0; i < s->backend_count; i++) {
		backend_counters(c, s->backends[i]->id, &one);
		sum.connections += one.connections;
		sum.connections_total += one.connections_total;
		sum.hw_packets += one.hw_packets;
		sum.hw_bytes += one.hw_bytes;
		sum.sw_packets += one.sw_packets;
		sum.sw_bytes += one.sw_bytes;
		configured += s->backends[i]->state != SL_BACKEND_RETIRED;
		up += s->backends[i]->state == SL_BACKEND_UP;
	}
	set_text(out, "name", s->name);
	set_text(out, "tenant", tenant_name(s->tenant));
	set_addr(out, "vip", &s->vip);
	set_text(out, "protocol", protocol_name(s->protocol));
	set_port(out, s);
	set_text(out, "mode", sl_mode_name(s->mode));
	set_text(out, "scheduler", "maglev");
	json_object_set_new(out, "announce", json_boolean(s->announce));
	set_text(out, "offload", sl_offload_policy_name(s->offload.policy));
	set_text(out, "state", s->retired ? "retired" : s->usable_count ? "up" : "down");
	set_number(out, "backends", configured);
	set_number(out, "backends_up", up);
	set_number(out, "connections", sum.connections);
	set_number(out, "connections_total", sum.connections_total);
	json_object_set_new(out, "counters", counters_json(&sum));
	set_first_packet(c, out, s);
	return out;
}

json_t *sl_control_services_json(struct sl_control *c)
{
	const struct sl_services *s = sl_services_current();
	json_t *list = json_array();

	for (unsigned int i = 0; i < s->service_count; i++)
		json_array_append_new(list, service_json(c, s->services[i]));
	return list;
}

static json_t *check_json(const struct sl_check_view *v)
{
	json_t *out = json_object();

	set_addr(out, "address", &v->address);
	set_number(out, "port", v->port);
	set_number(out, "interval_ms", v->check.interval_ms);
	set_number(out, "timeout_ms", v->check.timeout_ms);
	set_number(out, "rise", v->check.rise);
	set_number(out, "fall", v->check.fall);
	set_number(out, "checks", v->checks);
	set_number(out, "failures", v->failures);
	set_number(out, "streak", v->streak);
	json_object_set_new(out, "last_ok", json_boolean(v->last_ok));
	set_number(out, "last_ms", v->last_ms);
	set_text(out, "last_error", v->last_error);
	return out;
}

static json_t *nexthop_json(const struct sl_nexthop *n)
{
	json_t *out = json_object();

	set_text(out, "state", sl_nexthop_state_name(n->state));
	set_addr(out, "gateway", &n->gateway);
	set_mac(out, "mac", n->mac);
	set_number(out, "ifindex", (uint64_t)n->ifindex);
	set_number(out, "mtu", n->mtu);
	return out;
}

static json_t *backend_json(struct sl_control *c, const struct sl_backend *b)
{
	const struct sl_addr *target = sl_backend_target(b);
	struct sl_backend_counters counters;
	struct sl_check_view check;
	struct sl_nexthop nexthop;
	json_t *out = json_object();

	backend_counters(c, b->id, &counters);
	set_number(out, "id", b->id);
	set_text(out, "service", b->service->name);
	set_text(out, "name", b->name);
	set_addr(out, "address", &b->address);
	if (b->port)
		set_number(out, "port", b->port);
	if (sl_mode_virtual(b->mode)) {
		set_addr(out, "vtep", &b->vtep);
		set_number(out, "vni", b->vni);
		set_mac(out, "inner_mac", b->inner_mac);
	}
	if (b->mode == SL_MODE_GUE) {
		set_number(out, "gue_port", b->gue_port);
		set_number(out, "gue_variant", b->gue_variant);
	}
	set_number(out, "weight", b->weight);
	set_text(out, "state", sl_backend_state_name(b->state));
	json_object_set_new(out, "usable", json_boolean(b->usable));
	set_time(out, b->since_ms);
	set_number(out, "connections", counters.connections);
	set_number(out, "connections_total", counters.connections_total);
	json_object_set_new(out, "counters", counters_json(&counters));
	if (c->checks && sl_checks_get(c->checks, b->id, &check))
		json_object_set_new(out, "health", check_json(&check));
	if (c->nexthops && sl_nexthops_get(c->nexthops, target, &nexthop))
		json_object_set_new(out, "nexthop", nexthop_json(&nexthop));
	return out;
}

json_t *sl_control_backends_json(struct sl_control *c, const char *service)
{
	const struct sl_services *s = sl_services_current();
	json_t *list = json_array();

	for (unsigned int i = 0; i < s->service_count; i++) {
		const struct sl_service *of = s->services[i];

		for (unsigned int j = 0; j < of->backend_count && (!service || !strcmp(service, of->name)); j++)
			json_array_append_new(list, backend_json(c, of->backends[j]));
	}
	return list;
}

json_t *sl_control_flow_json(struct sl_control *c, const struct sl_flow_view *v)
{
	const struct sl_backend *b = sl_services_backend(sl_services_current(), v->backend_id);
	struct sl_backend_counters counters = { .hw_packets = v->hw_packets, .hw_bytes = v->hw_bytes,
						.sw_packets = v->sw_packets, .sw_bytes = v->sw_bytes };
	struct sl_addr client = sl_addr_make(v->key.family, v->key.src), vip = sl_addr_make(v->key.family, v->key.dst);
	const char *sentence = sl_reason_text(v->reason);
	json_t *out = json_object();
	char id[20];

	(void)c;
	snprintf(id, sizeof(id), "%llx", (unsigned long long)v->id);
	set_text(out, "id", id);
	set_text(out, "tenant", tenant_name(v->key.tenant));
	set_text(out, "protocol", protocol_name(v->key.proto));
	set_addr(out, "client", &client);
	set_number(out, "client_port", ntohs(v->key.sport));
	set_addr(out, "vip", &vip);
	set_number(out, "port", ntohs(v->key.dport));
	set_text(out, "service", b ? b->service->name : "-");
	set_text(out, "backend", b ? b->name : "-");
	set_addr(out, "backend_address", &v->backend_address);
	set_number(out, "backend_port", v->backend_port);
	if (v->source_address.family) {
		set_addr(out, "source_address", &v->source_address);
		set_number(out, "source_port", v->source_port);
	}
	set_text(out, "state", v->state ? v->state : "?");
	set_text(out, "where", v->hardware ? "hardware" : "software");
	set_text(out, "reason", sl_reason_name(v->reason));
	set_text(out, "reason_text", sentence ? sentence : "No sentence for this reason.");
	set_text(out, "remedy", sl_reason_remedy(v->reason) ? sl_reason_remedy(v->reason) : "");
	set_text(out, "detail", v->detail);
	set_time(out, v->since_ms);
	set_number(out, "idle_ms", v->idle_ms);
	json_object_set_new(out, "counters", counters_json(&counters));
	return out;
}

static json_t *reasons_json(const uint64_t *packets, const uint64_t *bytes)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < SL_REASONS; i++) {
		json_t *one;

		if (!packets[i])
			continue;
		one = json_object();
		set_number(one, "reason", i);
		set_text(one, "name", sl_reason_name(i));
		set_text(one, "text", sl_reason_text(i) ? sl_reason_text(i) : "");
		set_number(one, "packets", packets[i]);
		set_number(one, "bytes", bytes[i]);
		json_array_append_new(list, one);
	}
	return list;
}

static json_t *meters_json(const struct sl_port_view *p)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < p->meter_count; i++) {
		json_t *one = json_object();

		set_text(one, "class", p->meter[i].name ? p->meter[i].name : "?");
		if (p->meter[i].service[0])
			set_text(one, "service", p->meter[i].service);
		json_object_set_new(one, "in_card", json_boolean(p->meter[i].made));
		set_number(one, "rate_pps", p->meter[i].rate_pps);
		set_number(one, "burst", p->meter[i].burst);
		set_text(one, "why", p->meter[i].why);
		json_array_append_new(list, one);
	}
	return list;
}

static json_t *bond_json(const struct sl_port_view *p)
{
	json_t *out = json_object();

	set_text(out, "name", p->bond.name);
	set_text(out, "mode", p->bond.mode);
	set_text(out, "state", p->bond.state);
	set_number(out, "failovers", p->bond.failovers);
	return out;
}

static json_t *port_json(const struct sl_port_view *p)
{
	json_t *out = json_object(), *capabilities = json_object();

	set_text(out, "name", p->name);
	set_text(out, "device", p->device);
	set_text(out, "driver", p->driver);
	set_text(out, "firmware", p->firmware);
	set_text(out, "kernel_interface", p->kernel_interface);
	json_object_set_new(out, "kernel_pass", json_boolean(p->kernel_pass));
	set_mac(out, "mac", p->mac);
	set_number(out, "mtu", p->mtu);
	set_text(out, "link", p->link ? "up" : "down");
	if (*p->bond.name)
		json_object_set_new(out, "bond", bond_json(p));
	json_object_set_new(out, "answered", json_boolean(p->answered));
	if (!p->answered)
		set_number(out, "told_ms_ago", p->told_ms_ago);
	set_number(out, "rx_packets", p->rx_packets);
	set_number(out, "rx_bytes", p->rx_bytes);
	set_number(out, "tx_packets", p->tx_packets);
	set_number(out, "tx_bytes", p->tx_bytes);
	set_number(out, "rx_missed", p->rx_missed);
	set_number(out, "rx_errors", p->rx_errors);
	set_number(out, "tx_errors", p->tx_errors);
	json_object_set_new(out, "offload", json_boolean(p->offload));
	for (unsigned int i = 0; i < p->capability_count && i < 32; i++)
		json_object_set_new(capabilities, p->capability[i].name, json_boolean(p->capability[i].supported));
	json_object_set_new(out, "capabilities", capabilities);
	set_text(out, "refusal", p->refusal);
	set_number(out, "rules", p->rules);
	set_text(out, "rules_error", p->rules_error);
	json_object_set_new(out, "meters", meters_json(p));
	set_text(out, "meters_error", p->meters_error);
	return out;
}

/* All ports; the card's reasons (a card reports them with each of its ports) from the first port that has them. */
static json_t *ports_json(struct sl_control *c, json_t **reasons)
{
	unsigned int count = c->ops.port_count && c->ops.port ? c->ops.port_count(c->ops.ctx) : 0;
	struct sl_port_view *view = malloc(sizeof(*view));
	json_t *list = json_array();

	*reasons = NULL;
	for (unsigned int i = 0; view && i < count; i++) {
		memset(view, 0, sizeof(*view));
		c->ops.port(c->ops.ctx, i, view);
		if (view->has_reasons && !*reasons)
			*reasons = reasons_json(view->reason_packets, view->reason_bytes);
		json_array_append_new(list, port_json(view));
	}
	free(view);
	if (!*reasons)
		*reasons = json_array();
	return list;
}

static struct sl_data_view *data_view(struct sl_control *c)
{
	struct sl_data_view *view = calloc(1, sizeof(*view));

	if (view && c->ops.data)
		c->ops.data(c->ops.ctx, view);
	return view;
}

json_t *sl_control_card_json(struct sl_control *c)
{
	struct sl_data_view *d = data_view(c);
	json_t *out = json_object(), *reasons;

	if (!d) {
		json_decref(out);
		return NULL;
	}
	json_object_set_new(out, "ports", ports_json(c, &reasons));
	json_object_set_new(out, "reasons", reasons);
	json_object_set_new(out, "table",
			    json_pack("{soso}", "used", number(d->table_used), "size", number(d->table_size)));
	json_object_set_new(out, "adopted", json_pack("{soso}", "connections", number(d->adopted_connections), "rules",
						      number(d->adopted_rules)));
	json_object_set_new(out, "offload",
			    json_pack("{sososososososo}", "hardware_connections", number(d->hardware_connections),
				      "inserted", number(d->inserted), "removed", number(d->removed), "refused",
				      number(d->refused), "retries", number(d->retries), "table_full",
				      number(d->table_full), "unconfirmed", number(d->unconfirmed)));
	free(d);
	return out;
}

/* New connections' packets that were decided in XDP, of all services. */
static void set_first_totals(struct sl_control *c, json_t *totals)
{
	const struct sl_services *s = sl_services_current();
	uint64_t packets = 0, syns = 0, unhinted = 0;
	struct sl_first_counters n;

	for (unsigned int i = 0; c->ops.first && i < s->service_count; i++) {
		if (!c->ops.first(c->ops.ctx, s->services[i]->id, &n))
			continue;
		packets += n.packets;
		syns += n.syns;
		unhinted += n.unhinted;
	}
	set_number(totals, "first_packets", packets);
	set_number(totals, "first_syns", syns);
	set_number(totals, "first_unhinted", unhinted);
}

json_t *sl_control_stats_json(struct sl_control *c)
{
	struct sl_data_view *d = data_view(c);
	json_t *out = json_object(), *totals = json_object(), *reasons;

	if (!d) {
		json_decref(out);
		json_decref(totals);
		return NULL;
	}
	set_number(totals, "hw_packets", d->hw_packets);
	set_number(totals, "hw_bytes", d->hw_bytes);
	set_number(totals, "sw_packets", d->sw_packets);
	set_number(totals, "sw_bytes", d->sw_bytes);
	set_number(totals, "connections", d->connections);
	set_number(totals, "connections_max", d->connections_max);
	set_number(totals, "hardware_connections", d->hardware_connections);
	set_number(totals, "created", d->created);
	set_number(totals, "closed", d->closed);
	set_number(totals, "expired", d->expired);
	set_number(totals, "kernel_rx", d->kernel_rx);
	set_number(totals, "kernel_tx", d->kernel_tx);
	set_number(totals, "icmp_sent", d->icmp_sent);
	set_number(totals, "icmp_passed", d->icmp_passed);
	set_number(totals, "icmp_limited", d->icmp_limited);
	set_number(totals, "mss_lowered", d->mss_lowered);
	set_number(totals, "cut", d->cut);
	set_number(totals, "source_ports", d->source_ports);
	set_number(totals, "tx_dropped", d->tx_dropped);
	set_number(totals, "held_dropped", d->held_dropped);
	set_first_totals(c, totals);
	json_object_set_new(out, "totals", totals);
	json_object_set_new(out, "reasons", reasons_json(d->reason_packets, d->reason_bytes));
	json_object_set_new(out, "ports", ports_json(c, &reasons));
	json_object_set_new(out, "card_reasons", reasons);
	free(d);
	return out;
}

json_t *sl_control_health_json(struct sl_control *c)
{
	const struct sl_services *s = sl_services_current();
	json_t *out = json_object(), *down = json_array(), *gone = json_array();
	const unsigned int ports = c->ops.port_count && c->ops.port_gone ? c->ops.port_count(c->ops.ctx) : 0;
	unsigned int configured = 0;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	for (unsigned int i = 0; i < s->service_count; i++) {
		configured += !s->services[i]->retired;
		if (!s->services[i]->retired && !s->services[i]->usable_count)
			json_array_append_new(down, json_string(s->services[i]->name));
	}
	for (unsigned int i = 0; i < ports && i < c->config->port_count; i++)
		if (c->ops.port_gone(c->ops.ctx, i))
			json_array_append_new(gone, json_string(c->config->ports[i].name));
	json_object_set_new(out, "healthy", json_boolean(json_array_size(down) + json_array_size(gone) == 0));
	json_object_set_new(out, "services_down", down);
	json_object_set_new(out, "ports_gone", gone);
	set_number(out, "services", configured);
	set_text(out, "node", c->config->node.name);
	set_number(out, "uptime_ms", (uint64_t)((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 - c->started_ms));
	set_number(out, "generation", s->generation);
	set_number(out, "reloads", c->reloads);
	set_text(out, "config", c->path);
	return out;
}
