/* SPDX-License-Identifier: BSD-3-Clause */
/* One record for each backend that is up or down, by identity: ids are an agent's own. */
#include "host/last_health.h"

#include <errno.h>
#include <stdlib.h>

#include "host/records.h"

#define MAGIC UINT64_C(0x3148544c41454853)

struct record {
	uint64_t identity;
	int64_t since_ms;  /* wall clock */
	uint64_t state;    /* enum sl_backend_state; the whole word, so that there is no padding */
};

static struct sl_records file = { .end = ".health", .magic = MAGIC, .size = sizeof(struct record), .max = SL_SERVICE_IDS };

int sl_last_health_save(const char *state, const struct sl_services *now)
{
	struct record *records = calloc(SL_SERVICE_IDS, sizeof(*records));
	uint32_t count = 0;
	int rc;

	if (!records)
		return -ENOMEM;
	for (uint32_t id = 0; id < SL_SERVICE_IDS; id++) {
		const struct sl_backend *b = now->backend[id];

		if (b && (b->state == SL_BACKEND_UP || b->state == SL_BACKEND_DOWN))
			records[count++] = (struct record){ b->identity, b->since_ms, b->state };
	}
	rc = sl_records_save(&file, state, records, count);
	free(records);
	return rc;
}

static int identity_order(const void *a, const void *b)
{
	const struct record *x = a, *y = b;

	return x->identity < y->identity ? -1 : x->identity > y->identity;
}

void sl_last_health_restore(const char *state, struct sl_service_table *table)
{
	const struct sl_services *now = sl_services_current();
	struct record *records;
	uint32_t count;

	records = sl_records_load(&file, state, &count);
	if (!records)
		return;
	qsort(records, count, sizeof(*records), identity_order);
	sl_service_table_begin(table);
	for (uint32_t id = 0; id < SL_SERVICE_IDS; id++) {
		const struct sl_backend *b = now->backend[id];
		const struct record wanted = { .identity = b ? b->identity : 0 };
		const struct record *r = bsearch(&wanted, records, count, sizeof(*records), identity_order);

		if (b && r && b->state == SL_BACKEND_CHECKING)
			sl_service_table_health(table, id, (enum sl_backend_state)r->state, r->since_ms);
	}
	sl_service_table_commit(table);
	free(records);
}
