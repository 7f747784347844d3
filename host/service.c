/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The table of services and backends, and the snapshots made from it.
 *
 * The table is two arrays of slots by id. A reload edits copies of both; if everything fits they replace the table's
 * and a snapshot is made. A snapshot is one allocation of services, backends and pointers; Maglev tables are counted
 * references, so a change of one service's health builds one table again and shares the others.
 */
#include "host/service.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <urcu-qsbr.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "host/log.h"
#include "host/maglev.h"
#include "host/service_index.h"

struct maglev {
	unsigned int refs;
	uint32_t size;
	uint64_t signature; /* of the members in order of their values */
	uint16_t table[];
};

struct backend_slot {
	uint64_t identity; /* 0: free */
	uint32_t service;  /* its service's id */
	uint8_t state;
	bool configured;
	bool swept;        /* retired for at least one sweep: no worker can still choose it */
	int weight_override; /* -1: none */
	int64_t since_ms;
	struct sl_config_backend config;
};

struct service_slot {
	uint64_t identity; /* 0: free */
	bool configured;
	struct maglev *maglev; /* of the last snapshot */
	struct sl_config_service config; /* without its backends */
};

struct slots {
	struct service_slot service[SL_SERVICE_IDS];
	struct backend_slot backend[SL_SERVICE_IDS];
};

struct snapshot {
	struct sl_services services; /* first: readers hold a pointer to it */
	struct sl_service *service_store;
	const struct sl_service **service_list;
	struct sl_backend *backend_store;
	const struct sl_backend **backend_list;
	struct sl_config_tenant *tenants;
	struct maglev **maglevs; /* one reference each */
};

struct sl_service_table {
	struct sl_service_table_ops ops;
	struct slots *slots;
	struct snapshot *snapshot;
	struct sl_config_tenant *tenants;
	unsigned int tenant_count;
	uint32_t maglev_size;
	uint64_t hash_seed;
	uint64_t generation;
	bool batch, dirty;
};

static struct sl_services *published;

const struct sl_services *sl_services_current(void)
{
	return rcu_dereference(published);
}

const char *sl_backend_state_name(unsigned int state)
{
	static const char *const names[] = { "checking", "up", "down", "retired" };

	return state < sizeof(names) / sizeof(names[0]) ? names[state] : "?";
}

static int64_t wall_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* -- identity ----------------------------------------------------------------------------------------------------- */

static uint64_t hash_bytes(uint64_t h, const void *bytes, size_t n)
{
	return XXH64(bytes, n, h);
}

static uint64_t hash_number(uint64_t h, uint64_t n)
{
	uint8_t bytes[8];

	for (unsigned int i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(n >> (8 * i));
	return hash_bytes(h, bytes, sizeof(bytes));
}

static uint64_t hash_addr(uint64_t h, const struct sl_addr *a)
{
	return hash_bytes(hash_number(h, a->family), a->bytes, sizeof(a->bytes));
}

static uint64_t service_identity(const struct sl_config_service *s)
{
	uint64_t h = hash_bytes(0, s->name, strlen(s->name));

	h = hash_addr(hash_number(h, s->tenant), &s->vip);
	h = hash_number(h,
			(uint64_t)s->protocol << 40 | (uint64_t)s->mode << 32 | (uint32_t)s->port_lo << 16 |
				s->port_hi);
	return h ? h : 1;
}

/* The usual GUE port is the same whether it was written down or not. */
static uint64_t backend_identity(uint64_t service, const struct sl_config_backend *b)
{
	const uint16_t gue_port = b->gue_port == SL_GUE_PORT ? 0 : b->gue_port;
	uint64_t h = hash_bytes(service, b->name, strlen(b->name));

	h = hash_addr(hash_addr(h, &b->address), &b->vtep);
	h = hash_bytes(hash_number(h, (uint64_t)b->vni << 16 | b->port), b->inner_mac, sizeof(b->inner_mac));
	if (gue_port || b->gue_variant)
		h = hash_number(h, (uint64_t)gue_port << 8 | b->gue_variant);
	return h ? h : 1;
}

uint64_t sl_service_backend_identity(const struct sl_config_service *service, const struct sl_config_backend *backend)
{
	return backend_identity(service_identity(service), backend);
}

/* -- Maglev tables ------------------------------------------------------------------------------------------------ */

static void maglev_put(struct maglev *m)
{
	if (m && --m->refs == 0)
		free(m);
}

static unsigned int collect_members(const struct sl_service *s, struct sl_maglev_member *members, uint64_t *signature)
{
	unsigned int n = 0;

	*signature = 0;
	for (unsigned int i = 0; i < s->backend_count; i++) {
		const struct sl_backend *b = s->backends[i];

		if (!b->usable)
			continue;
		members[n++] = (struct sl_maglev_member){ b->identity, b->weight, (uint16_t)i };
		*signature = hash_number(hash_number(*signature, b->identity), (uint64_t)i << 16 | b->weight);
	}
	return n;
}

/* The service's table with one reference for the caller: the old one if its members are the same. NULL with *usable 0
 * if there are no members, NULL otherwise: out of memory. */
static struct maglev *maglev_get(struct sl_service_table *t, struct maglev *old, const struct sl_service *s,
				 unsigned int *usable)
{
	struct sl_maglev_member *members = calloc(s->backend_count ? s->backend_count : 1, sizeof(*members));
	struct maglev *m = NULL;
	uint64_t signature;

	*usable = 1;
	if (!members)
		return NULL;
	*usable = collect_members(s, members, &signature);
	if (*usable == 0)
		goto out;
	if (old && old->signature == signature && old->size == t->maglev_size) {
		m = old;
		m->refs++;
		goto out;
	}
	m = malloc(sizeof(*m) + t->maglev_size * sizeof(m->table[0]));
	if (!m)
		goto out;
	*m = (struct maglev){ .refs = 1, .size = t->maglev_size, .signature = signature };
	if (sl_maglev_build(m->table, m->size, members, *usable)) {
		free(m);
		m = NULL;
	}
out:
	free(members);
	return m;
}

/* -- snapshots ---------------------------------------------------------------------------------------------------- */

static void snapshot_free(struct snapshot *s)
{
	if (!s)
		return;
	for (unsigned int i = 0; s->maglevs && i < s->services.service_count; i++)
		maglev_put(s->maglevs[i]);
	sl_service_index_destroy((struct sl_service_index *)s->services.index);
	free(s->maglevs);
	free(s->service_store);
	free(s->service_list);
	free(s->backend_store);
	free(s->backend_list);
	free(s->tenants);
	free(s);
}

static struct snapshot *snapshot_alloc(unsigned int services, unsigned int backends, unsigned int tenants)
{
	struct snapshot *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->service_store = calloc(services + 1, sizeof(*s->service_store));
	s->service_list = calloc(services + 1, sizeof(*s->service_list));
	s->maglevs = calloc(services + 1, sizeof(*s->maglevs));
	s->backend_store = calloc(backends + 1, sizeof(*s->backend_store));
	s->backend_list = calloc(backends + 1, sizeof(*s->backend_list));
	s->tenants = calloc(tenants + 1, sizeof(*s->tenants));
	if (s->service_store && s->service_list && s->maglevs && s->backend_store && s->backend_list && s->tenants)
		return s;
	snapshot_free(s);
	return NULL;
}

static void fill_service(struct sl_service *out, uint32_t id, const struct service_slot *slot)
{
	const struct sl_config_service *c = &slot->config;

	*out = (struct sl_service){
		.id = id, .retired = !slot->configured, .announce = c->announce, .tenant = c->tenant, .vip = c->vip,
		.protocol = c->protocol, .mode = c->mode, .port_lo = c->port_lo, .port_hi = c->port_hi,
		.offload = c->offload, .timeouts = c->timeouts, .admission = c->admission, .misses = c->misses,
		.first_xdp = c->first_packet == SL_FIRST_PACKET_XDP,
	};
	memcpy(out->name, c->name, sizeof(out->name));
}

static void fill_backend(struct sl_backend *out, uint32_t id, const struct backend_slot *slot,
			 const struct sl_service *s)
{
	const struct sl_config_backend *c = &slot->config;

	*out = (struct sl_backend){
		.id = id,
		.state = slot->state,
		.mode = s->mode,
		.port = c->port,
		.address = c->address,
		.vtep = c->vtep,
		.vni = c->vni,
		.gue_port = c->gue_port ? c->gue_port : SL_GUE_PORT,
		.gue_variant = c->gue_variant,
		.since_ms = slot->since_ms,
		.identity = slot->identity,
		.service = s,
		.weight = slot->weight_override >= 0 ? (uint16_t)slot->weight_override : c->weight,
	};
	out->usable = slot->state == SL_BACKEND_UP && slot->configured && out->weight > 0;
	memcpy(out->inner_mac, c->inner_mac, sizeof(out->inner_mac));
	memcpy(out->name, c->name, sizeof(out->name));
}

/* Services first, then each backend behind its service: backends of one service are side by side in backend_list. */
static bool two_sided(const struct sl_service *s)
{
	return !s->retired && s->protocol == IPPROTO_TCP && sl_mode_nat(s->mode);
}

static void fill_snapshot(struct snapshot *s, const struct slots *slots)
{
	unsigned int services = 0, backends = 0;

	for (uint32_t id = 1; id < SL_SERVICE_IDS; id++) {
		if (!slots->service[id].identity)
			continue;
		fill_service(&s->service_store[services], id, &slots->service[id]);
		s->services.service[id] = s->service_list[services] = &s->service_store[services];
		s->services.two_sided |= two_sided(&s->service_store[services]);
		services++;
	}
	for (uint32_t id = 1; id < SL_SERVICE_IDS; id++) {
		const struct backend_slot *b = &slots->backend[id];
		struct sl_service *service;

		if (!b->identity)
			continue;
		service = (struct sl_service *)s->services.service[b->service];
		fill_backend(&s->backend_store[backends], id, b, service);
		service->backend_count++;
		s->services.backend[id] = &s->backend_store[backends++];
	}
	backends = 0;
	for (unsigned int i = 0; i < services; i++) {
		s->service_store[i].backends = &s->backend_list[backends];
		backends += s->service_store[i].backend_count;
		s->service_store[i].backend_count = 0;
	}
	for (uint32_t id = 1; id < SL_SERVICE_IDS; id++) {
		const struct sl_backend *b = s->services.backend[id];
		struct sl_service *service = b ? (struct sl_service *)b->service : NULL;

		if (b)
			((const struct sl_backend **)service->backends)[service->backend_count++] = b;
	}
	s->services.services = s->service_list;
	s->services.service_count = services;
}

static int fill_maglevs(struct sl_service_table *t, struct snapshot *s, const struct slots *slots)
{
	for (unsigned int i = 0; i < s->services.service_count; i++) {
		struct sl_service *service = &s->service_store[i];

		s->maglevs[i] = maglev_get(t, slots->service[service->id].maglev, service, &service->usable_count);
		if (!s->maglevs[i]) {
			if (service->usable_count)
				return -ENOMEM;
			continue;
		}
		service->maglev = s->maglevs[i]->table;
		service->maglev_size = s->maglevs[i]->size;
	}
	return 0;
}

static struct snapshot *snapshot_make(struct sl_service_table *t, const struct slots *slots,
				      const struct sl_config_tenant *tenants, unsigned int tenant_count)
{
	unsigned int services = 0, backends = 0;
	struct snapshot *s;

	for (uint32_t id = 1; id < SL_SERVICE_IDS; id++) {
		services += slots->service[id].identity != 0;
		backends += slots->backend[id].identity != 0;
	}
	s = snapshot_alloc(services, backends, tenant_count);
	if (!s)
		return NULL;
	memcpy(s->tenants, tenants, tenant_count * sizeof(*tenants));
	s->services.tenants = s->tenants;
	s->services.tenant_count = tenant_count;
	s->services.hash_seed = t->hash_seed;
	s->services.generation = t->generation + 1;
	fill_snapshot(s, slots);
	s->services.index = sl_service_index_create(s->service_list, services);
	if (!s->services.index || fill_maglevs(t, s, slots)) {
		snapshot_free(s);
		return NULL;
	}
	return s;
}

static void publish(struct sl_service_table *t, struct snapshot *s)
{
	struct snapshot *before = t->snapshot;

	for (unsigned int i = 0; i < s->services.service_count; i++)
		t->slots->service[s->service_store[i].id].maglev = s->maglevs[i];
	t->generation++;
	t->snapshot = s;
	t->dirty = false;
	rcu_assign_pointer(published, &s->services);
	if (t->ops.changed)
		t->ops.changed(t->ops.ctx, &s->services, before ? &before->services : NULL);
	synchronize_rcu();
	snapshot_free(before);
}

/* After a change of state or weight. Without memory the old snapshot stays and the next change tries again. */
static void republish(struct sl_service_table *t)
{
	struct snapshot *s;

	t->dirty = true;
	if (t->batch)
		return;
	s = snapshot_make(t, t->slots, t->tenants, t->tenant_count);
	if (s)
		publish(t, s);
	else
		sl_log(SL_LOG_ERROR, "out-of-memory", "what=%s", "services: the last change is not in effect yet");
}

/* -- configuration ------------------------------------------------------------------------------------------------ */

static uint32_t find_service(const struct slots *slots, uint64_t identity)
{
	for (uint32_t id = 1; id < SL_SERVICE_IDS; id++)
		if (slots->service[id].identity == identity)
			return id;
	return 0;
}

static uint32_t find_backend(const struct slots *slots, uint64_t identity)
{
	for (uint32_t id = 1; id < SL_SERVICE_IDS; id++)
		if (slots->backend[id].identity == identity)
			return id;
	return 0;
}

/* Where a check connects to; 0: there is none. */
static uint16_t check_port(const struct sl_config_service *s, const struct sl_config_backend *b)
{
	if (s->health.type != SL_HEALTH_TCP)
		return 0;
	return s->health.port ? s->health.port : b->port ? b->port : s->port_lo;
}

/* What the checks of the configuration before say of where this backend is: a service that has got another name or mode has new backends, and
 * would have none for its new connections until their first checks end. */
static enum sl_backend_state known_state(const struct slots *before, const struct sl_config_service *s, const struct sl_config_backend *c)
{
	const uint16_t port = check_port(s, c);

	for (uint32_t id = 1; port && id < SL_SERVICE_IDS; id++) {
		const struct backend_slot *b = &before->backend[id];

		if (b->identity && (b->state == SL_BACKEND_UP || b->state == SL_BACKEND_DOWN) && sl_addr_equal(&b->config.address, &c->address) &&
		    check_port(&before->service[b->service].config, &b->config) == port)
			return b->state;
	}
	return SL_BACKEND_CHECKING;
}

static int place_backend(struct slots *slots, const struct slots *before, uint32_t service, const struct sl_config_service *s,
			 const struct sl_config_backend *c)
{
	uint64_t identity = backend_identity(slots->service[service].identity, c);
	uint32_t id = find_backend(slots, identity);
	struct backend_slot *b;

	if (!id)
		id = find_backend(slots, 0);
	if (!id)
		return -ENOSPC;
	b = &slots->backend[id];
	if (!b->identity)
		*b = (struct backend_slot){ .identity = identity, .state = SL_BACKEND_RETIRED, .weight_override = -1 };
	if (b->config.weight != c->weight)
		b->weight_override = -1;
	if (b->state == SL_BACKEND_RETIRED) {
		b->state = (uint8_t)known_state(before, s, c);
		b->since_ms = wall_ms();
	}
	if (s->health.type == SL_HEALTH_NONE && b->state != SL_BACKEND_UP) {
		b->state = SL_BACKEND_UP;
		b->since_ms = wall_ms();
	}
	b->service = service;
	b->configured = true;
	b->swept = false;
	b->config = *c;
	return 0;
}

static int place_service(struct slots *slots, const struct slots *before, const struct sl_config_service *c)
{
	uint64_t identity = service_identity(c);
	uint32_t id = find_service(slots, identity);
	int ret = 0;

	if (!id)
		id = find_service(slots, 0);
	if (!id)
		return -ENOSPC;
	slots->service[id].identity = identity;
	slots->service[id].configured = true;
	slots->service[id].config = *c;
	slots->service[id].config.backends = NULL;
	for (unsigned int i = 0; i < c->backend_count && !ret; i++)
		ret = place_backend(slots, before, id, c, &c->backends[i]);
	return ret;
}

static int place_all(struct slots *slots, const struct slots *before, const struct sl_config *config)
{
	for (uint32_t id = 1; id < SL_SERVICE_IDS; id++) {
		slots->service[id].configured = false;
		slots->backend[id].configured = false;
	}
	for (unsigned int i = 0; i < config->service_count; i++) {
		int ret = place_service(slots, before, &config->services[i]);

		if (ret)
			return ret;
	}
	for (uint32_t id = 1; id < SL_SERVICE_IDS; id++) {
		struct backend_slot *b = &slots->backend[id];

		if (b->identity && !b->configured && b->state != SL_BACKEND_RETIRED) {
			b->state = SL_BACKEND_RETIRED;
			b->since_ms = wall_ms();
		}
	}
	return 0;
}

int sl_service_table_apply(struct sl_service_table *t, const struct sl_config *config, char *err, size_t err_len)
{
	struct sl_config_tenant *tenants = calloc(config->tenant_count, sizeof(*tenants));
	struct slots *slots = malloc(sizeof(*slots));
	struct snapshot *s = NULL;
	int ret = -ENOMEM;

	if (!tenants || !slots)
		goto fail;
	memcpy(tenants, config->tenants, config->tenant_count * sizeof(*tenants));
	memcpy(slots, t->slots, sizeof(*slots));
	ret = place_all(slots, t->slots, config);
	if (ret)
		goto fail;
	t->maglev_size = config->node.maglev_size;
	t->hash_seed = config->node.hash_seed;
	s = snapshot_make(t, slots, tenants, config->tenant_count);
	if (!s) {
		ret = -ENOMEM;
		goto fail;
	}
	free(t->slots);
	free(t->tenants);
	t->slots = slots;
	t->tenants = tenants;
	t->tenant_count = config->tenant_count;
	publish(t, s);
	return 0;
fail:
	free(tenants);
	free(slots);
	if (ret == -ENOSPC)
		snprintf(err, err_len,
			 "more than %u services or backends, counting removed ones that still have connections",
			 SL_SERVICE_IDS - 1);
	else
		snprintf(err, err_len, "out of memory");
	return ret;
}

struct sl_service_table *sl_service_table_create(const struct sl_config *config, const struct sl_service_table_ops *ops,
						 char *err, size_t err_len)
{
	struct sl_service_table *t = calloc(1, sizeof(*t));

	if (t)
		t->slots = calloc(1, sizeof(*t->slots));
	if (!t || !t->slots) {
		snprintf(err, err_len, "out of memory");
		free(t);
		return NULL;
	}
	if (ops)
		t->ops = *ops;
	if (sl_service_table_apply(t, config, err, err_len)) {
		free(t->slots);
		free(t);
		return NULL;
	}
	return t;
}

void sl_service_table_destroy(struct sl_service_table *t)
{
	if (!t)
		return;
	rcu_assign_pointer(published, NULL);
	snapshot_free(t->snapshot);
	free(t->slots);
	free(t->tenants);
	free(t);
}

/* -- health, weights, retiring ------------------------------------------------------------------------------------ */

void sl_service_table_begin(struct sl_service_table *t)
{
	t->batch = true;
}

void sl_service_table_commit(struct sl_service_table *t)
{
	t->batch = false;
	if (t->dirty)
		republish(t);
}

static struct backend_slot *configured_backend(struct sl_service_table *t, uint32_t id)
{
	if (id == 0 || id >= SL_SERVICE_IDS || !t->slots->backend[id].identity || !t->slots->backend[id].configured)
		return NULL;
	return &t->slots->backend[id];
}

void sl_service_table_health(struct sl_service_table *t, uint32_t id, enum sl_backend_state state, int64_t since_ms)
{
	struct backend_slot *b = configured_backend(t, id);

	if (!b || b->state == state || (state != SL_BACKEND_UP && state != SL_BACKEND_DOWN))
		return;
	b->state = (uint8_t)state;
	b->since_ms = since_ms;
	republish(t);
}

int sl_service_table_weight(struct sl_service_table *t, uint32_t id, int weight)
{
	struct backend_slot *b = configured_backend(t, id);

	if (!b)
		return -ENOENT;
	if (weight < -1 || weight > 1000)
		return -ERANGE;
	b->weight_override = weight;
	republish(t);
	return 0;
}

static bool service_in_use(const struct slots *slots, uint32_t service)
{
	for (uint32_t id = 1; id < SL_SERVICE_IDS; id++)
		if (slots->backend[id].identity && slots->backend[id].service == service)
			return true;
	return slots->service[service].configured;
}

void sl_service_table_sweep(struct sl_service_table *t)
{
	struct slots *slots = t->slots;
	bool freed = false;

	for (uint32_t id = 1; id < SL_SERVICE_IDS; id++) {
		struct backend_slot *b = &slots->backend[id];

		if (!b->identity || b->configured)
			continue;
		if (b->swept && (!t->ops.connections || t->ops.connections(t->ops.ctx, id) == 0)) {
			sl_log(SL_LOG_INFO, "backend-gone", "service=%s backend=%s",
			       slots->service[b->service].config.name, b->config.name);
			memset(b, 0, sizeof(*b));
			freed = true;
		} else {
			b->swept = true;
		}
	}
	for (uint32_t id = 1; id < SL_SERVICE_IDS; id++)
		if (slots->service[id].identity && !slots->service[id].configured && !service_in_use(slots, id)) {
			memset(&slots->service[id], 0, sizeof(slots->service[id]));
			freed = true;
		}
	if (freed)
		republish(t);
}

/* -- choosing ----------------------------------------------------------------------------------------------------- */

const struct sl_backend *sl_service_select(const struct sl_services *s, const struct sl_service *service,
					   const struct sl_key *key)
{
	return service->maglev_size ? service->backends[service->maglev[sl_service_place(s, service, key)]] : NULL;
}

const struct sl_backend *sl_service_find(const struct sl_service *service, unsigned int mode,
					 const struct sl_addr *address, uint16_t port, uint16_t tag)
{
	const struct sl_backend *found = NULL;

	for (unsigned int i = 0; i < service->backend_count; i++) {
		const struct sl_backend *b = service->backends[i];

		if (b->mode != mode || (!sl_addr_equal(&b->address, address) && !sl_addr_equal(&b->vtep, address)))
			continue;
		if ((sl_mode_nat(mode) && b->port && b->port != port) || (tag && tag != sl_backend_tag(b)))
			continue;
		if (b->state != SL_BACKEND_RETIRED)
			return b;
		found = b;
	}
	return found;
}
