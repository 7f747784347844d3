/* SPDX-License-Identifier: BSD-3-Clause */
/* One record for each backend, with its service. */
#include "host/retired.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/records.h"

#define MAGIC UINT64_C(0x31444552494c5333) /* changes with the records' meaning; their size is told beside it */

struct record {
	struct sl_config_service service; /* without backends and health checks */
	struct sl_config_backend backend;
};

static struct sl_records file = { .end = ".backends", .magic = MAGIC, .size = sizeof(struct record), .max = SL_SERVICE_IDS };

static void record_fill(struct record *r, const struct sl_backend *b)
{
	const struct sl_service *s = b->service;

	memset(r, 0, sizeof(*r));
	memcpy(r->service.name, s->name, sizeof(r->service.name));
	r->service.tenant = s->tenant;
	r->service.vip = s->vip;
	r->service.protocol = s->protocol;
	r->service.port_lo = s->port_lo;
	r->service.port_hi = s->port_hi;
	r->service.mode = s->mode;
	r->service.offload = s->offload;
	r->service.timeouts = s->timeouts;
	r->service.health.type = SL_HEALTH_NONE;
	memcpy(r->backend.name, b->name, sizeof(r->backend.name));
	r->backend.address = b->address;
	r->backend.port = b->port;
	r->backend.vtep = b->vtep;
	r->backend.vni = b->vni;
	memcpy(r->backend.inner_mac, b->inner_mac, sizeof(r->backend.inner_mac));
	r->backend.gue_port = b->gue_port;
	r->backend.gue_variant = b->gue_variant;
}

int sl_retired_save(const char *state, const struct sl_services *now)
{
	struct record *records;
	uint32_t count = 0;
	int rc;

	for (uint32_t id = 0; id < SL_SERVICE_IDS; id++)
		count += now->backend[id] != NULL;
	records = calloc(count ? count : 1, sizeof(*records));
	if (!records)
		return -ENOMEM;
	for (uint32_t id = 0, n = 0; id < SL_SERVICE_IDS; id++) {
		if (now->backend[id])
			record_fill(&records[n++], now->backend[id]);
	}
	rc = sl_records_save(&file, state, records, count);
	free(records);
	return rc;
}

static bool same_service(const struct sl_config_service *a, const struct sl_config_service *b)
{
	return !strcmp(a->name, b->name) && a->tenant == b->tenant && sl_addr_equal(&a->vip, &b->vip) &&
	       a->protocol == b->protocol && a->port_lo == b->port_lo && a->port_hi == b->port_hi && a->mode == b->mode;
}

static int identity_order(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Leaves the records of what `config` does not have, and says how many. */
static uint32_t records_filter(struct record *records, uint32_t count, const struct sl_config *config)
{
	static uint64_t known[SL_SERVICE_IDS];
	uint32_t known_count = 0, left = 0;

	for (unsigned int i = 0; i < config->service_count; i++) {
		const struct sl_config_service *s = &config->services[i];

		for (unsigned int j = 0; j < s->backend_count && known_count < SL_SERVICE_IDS; j++)
			known[known_count++] = sl_service_backend_identity(s, &s->backends[j]);
	}
	qsort(known, known_count, sizeof(*known), identity_order);
	for (uint32_t i = 0; i < count; i++) {
		const uint64_t identity = sl_service_backend_identity(&records[i].service, &records[i].backend);

		if (!bsearch(&identity, known, known_count, sizeof(*known), identity_order))
			records[left++] = records[i];
	}
	return left;
}

/* Room for all backends in each service: there are few that left. */
static bool record_take(struct sl_config *c, const struct record *r, uint32_t count)
{
	struct sl_config_service *s = c->services;

	while (s < c->services + c->service_count && !same_service(s, &r->service))
		s++;
	if (s == c->services + c->service_count) {
		*s = r->service;
		s->backend_count = 0;
		s->backends = calloc(count, sizeof(*s->backends));
		if (!s->backends)
			return false;
		c->service_count++;
	}
	s->backends[s->backend_count++] = r->backend;
	return true;
}

struct sl_config *sl_retired_load(const struct sl_config *config)
{
	struct record *records;
	struct sl_config *c;
	uint32_t count;
	bool whole;

	records = sl_records_load(&file, config->node.state, &count);
	count = records ? records_filter(records, count, config) : 0;
	if (!count) {
		free(records);
		return NULL;
	}
	c = calloc(1, sizeof(*c));
	whole = c && (c->services = calloc(count, sizeof(*c->services))) &&
		(c->tenants = calloc(config->tenant_count, sizeof(*c->tenants)));
	if (whole) {
		c->node = config->node;
		c->tenant_count = config->tenant_count;
		memcpy(c->tenants, config->tenants, config->tenant_count * sizeof(*c->tenants));
	}
	for (uint32_t i = 0; whole && i < count; i++)
		whole = record_take(c, &records[i], count);
	free(records);
	if (whole)
		return c;
	sl_config_free(c);
	return NULL;
}
