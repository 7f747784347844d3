/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The index of a snapshot. A packet asks for (tenant, VIP, protocol, port); if no service has exactly that port, for
 * the group (tenant, VIP, protocol), which lists the services with ranges and the one with any port. A third kind of
 * entry says that a VIP exists at all. The table is at most half full and immutable once it is made.
 */
#include "host/service_index.h"

#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum kind { KIND_FREE, KIND_EXACT, KIND_GROUP, KIND_VIP };

struct index_key {
	uint8_t kind, family, protocol, zero;
	uint16_t tenant, port;
	uint8_t vip[16];
};

struct index_entry {
	struct index_key key;
	const struct sl_service *service; /* exact port; of a group the one with any port, or NULL */
	uint32_t range_first, range_count; /* of a group: services with a range in index->ranges */
};

struct sl_service_index {
	uint32_t mask;
	uint32_t range_count;
	const struct sl_service **ranges; /* sorted by group */
	struct index_entry entries[];
};

static struct index_key make_key(enum kind kind, uint16_t tenant, unsigned int family, const uint8_t *vip,
				 unsigned int protocol, uint16_t port)
{
	struct index_key key = { .kind = (uint8_t)kind, .family = (uint8_t)family, .protocol = (uint8_t)protocol,
				 .tenant = tenant, .port = port };

	memcpy(key.vip, vip, family == 4 ? 4 : 16);
	return key;
}

static struct index_entry *probe(const struct sl_service_index *index, const struct index_key *key)
{
	uint32_t i = (uint32_t)XXH3_64bits(key, sizeof(*key)) & index->mask;

	while (index->entries[i].key.kind != KIND_FREE && memcmp(&index->entries[i].key, key, sizeof(*key)))
		i = (i + 1) & index->mask;
	return (struct index_entry *)&index->entries[i];
}

static struct index_key key_of(enum kind kind, const struct sl_service *s)
{
	return make_key(kind, s->tenant, s->vip.family, s->vip.bytes, kind == KIND_VIP ? 0 : s->protocol,
			kind == KIND_EXACT ? s->port_lo : 0);
}

static struct index_entry *add(struct sl_service_index *index, enum kind kind, const struct sl_service *s)
{
	struct index_key key = key_of(kind, s);
	struct index_entry *e = probe(index, &key);

	e->key = key;
	return e;
}

/* Ranges of one group stand side by side; a group has few of them. */
static int by_group(const void *a, const void *b)
{
	const struct sl_service *x = *(const struct sl_service *const *)a, *y = *(const struct sl_service *const *)b;
	struct index_key kx = key_of(KIND_GROUP, x), ky = key_of(KIND_GROUP, y);
	int d = memcmp(&kx, &ky, sizeof(kx));

	return d ? d : (int)x->port_lo - (int)y->port_lo;
}

static void add_service(struct sl_service_index *index, const struct sl_service *s)
{
	add(index, KIND_VIP, s);
	if (s->port_lo == s->port_hi)
		add(index, KIND_EXACT, s)->service = s;
	else if (s->port_lo == 0)
		add(index, KIND_GROUP, s)->service = s;
	else
		index->ranges[index->range_count++] = s;
}

struct sl_service_index *sl_service_index_create(const struct sl_service *const *services, unsigned int count)
{
	struct sl_service_index *index;
	uint32_t size = 16;

	while (size < count * 4)
		size *= 2;
	index = calloc(1, sizeof(*index) + size * sizeof(index->entries[0]));
	if (!index)
		return NULL;
	index->mask = size - 1;
	index->ranges = calloc(count ? count : 1, sizeof(*index->ranges));
	if (!index->ranges) {
		free(index);
		return NULL;
	}
	for (unsigned int i = 0; i < count; i++)
		if (!services[i]->retired)
			add_service(index, services[i]);
	qsort(index->ranges, index->range_count, sizeof(*index->ranges), by_group);
	for (uint32_t i = 0; i < index->range_count; i++) {
		struct index_entry *e = add(index, KIND_GROUP, index->ranges[i]);

		if (e->range_count++ == 0)
			e->range_first = i;
	}
	return index;
}

void sl_service_index_destroy(struct sl_service_index *index)
{
	if (!index)
		return;
	free(index->ranges);
	free(index);
}

const struct sl_service *sl_services_lookup(const struct sl_services *s, uint16_t tenant, unsigned int family,
					    const uint8_t *vip, unsigned int protocol, uint16_t port)
{
	struct index_key key = make_key(KIND_EXACT, tenant, family, vip, protocol, port);
	const struct index_entry *e = probe(s->index, &key);

	if (e->key.kind != KIND_FREE)
		return e->service;
	key.kind = KIND_GROUP;
	key.port = 0;
	e = probe(s->index, &key);
	if (e->key.kind == KIND_FREE)
		return NULL;
	for (uint32_t i = 0; i < e->range_count; i++) {
		const struct sl_service *r = s->index->ranges[e->range_first + i];

		if (port >= r->port_lo && port <= r->port_hi)
			return r;
	}
	return e->service;
}

bool sl_services_has_vip(const struct sl_services *s, uint16_t tenant, unsigned int family, const uint8_t *vip)
{
	struct index_key key = make_key(KIND_VIP, tenant, family, vip, 0, 0);

	return probe(s->index, &key)->key.kind != KIND_FREE;
}
