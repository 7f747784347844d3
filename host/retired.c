/* SPDX-License-Identifier: BSD-3-Clause */
/* A file of fixed records, replaced as a whole. */
#include "host/retired.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "host/log.h"

#define MAGIC UINT64_C(0x31444552494c5333) /* changes with the records' meaning; their size is told beside it */

struct record {
	struct sl_config_service service; /* without backends and health checks */
	struct sl_config_backend backend;
};

struct header {
	uint64_t magic;
	uint32_t record_size;
	uint32_t count;
	uint64_t hash; /* of the records */
};

static uint64_t saved = UINT64_MAX; /* hash of what was written last */

static void path_of(char *path, size_t len, const char *state, const char *end)
{
	snprintf(path, len, "%s.backends%s", state, end);
}

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

static int file_write(const char *state, const struct header *header, const struct record *records)
{
	const size_t size = header->count * sizeof(*records);
	char path[SL_CONFIG_PATH_MAX + 16], temporary[SL_CONFIG_PATH_MAX + 16];
	int fd, rc = 0;

	path_of(path, sizeof(path), state, "");
	path_of(temporary, sizeof(temporary), state, ".new");
	if (!header->count)
		return unlink(path) && errno != ENOENT ? -errno : 0;
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (write(fd, header, sizeof(*header)) != (ssize_t)sizeof(*header) || write(fd, records, size) != (ssize_t)size)
		rc = errno ? -errno : -ENOSPC;
	if (close(fd) && !rc)
		rc = -errno;
	if (!rc && rename(temporary, path))
		rc = -errno;
	if (rc)
		unlink(temporary);
	return rc;
}

int sl_retired_save(const char *state, const struct sl_services *now)
{
	struct header header = { .magic = MAGIC, .record_size = sizeof(struct record) };
	struct record *records;
	int rc;

	for (uint32_t id = 0; id < SL_SERVICE_IDS; id++)
		header.count += now->backend[id] != NULL;
	records = calloc(header.count ? header.count : 1, sizeof(*records));
	if (!records)
		return -ENOMEM;
	for (uint32_t id = 0, n = 0; id < SL_SERVICE_IDS; id++) {
		if (now->backend[id])
			record_fill(&records[n++], now->backend[id]);
	}
	header.hash = XXH64(records, header.count * sizeof(*records), 0);
	rc = header.hash == saved ? 0 : file_write(state, &header, records);
	if (!rc)
		saved = header.hash;
	free(records);
	return rc;
}

static struct record *file_read(const char *path, struct header *header)
{
	struct record *records = NULL;
	FILE *f = fopen(path, "rbe");
	const char *wrong = NULL;

	if (!f)
		return NULL;
	if (fread(header, sizeof(*header), 1, f) != 1 || header->magic != MAGIC || header->record_size != sizeof(*records))
		wrong = "of another version";
	else if (!header->count || header->count >= SL_SERVICE_IDS || !(records = calloc(header->count, sizeof(*records))) ||
		 fread(records, sizeof(*records), header->count, f) != header->count ||
		 XXH64(records, header->count * sizeof(*records), 0) != header->hash)
		wrong = "damaged";
	fclose(f);
	if (!wrong)
		return records;
	sl_log(SL_LOG_WARN, "retired-lost", "file=%s is=\"%s\"", path, wrong);
	free(records);
	return NULL;
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
	char path[SL_CONFIG_PATH_MAX + 16];
	struct header header;
	struct record *records;
	struct sl_config *c;
	uint32_t count;
	bool whole;

	path_of(path, sizeof(path), config->node.state, "");
	records = file_read(path, &header);
	count = records ? records_filter(records, header.count, config) : 0;
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
