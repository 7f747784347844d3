/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Health checks: TCP connects through the kernel's stack, and so through the kernel interface of a port. Backends with
 * equal checks (address, port, times) share one. Exactness: a backend that begins to refuse or to be silent is down at
 * the latest interval_ms x fall + timeout_ms later; the first check of a backend decides alone, in either direction.
 * An answer that came while the loop stood still is an answer, however late it is read.
 * Everything belongs to the control thread's uv loop.
 */
#ifndef SLUICE_HOST_HEALTH_H
#define SLUICE_HOST_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "host/config.h"
#include "host/service.h"

struct sl_checks;

/* Results go to the table (sl_service_table_health) and to the log. */
struct sl_checks *sl_checks_create(uv_loop_t *loop, struct sl_service_table *table);
/* Checks what `config` says from now on; checks that stay the same keep their state and their rhythm. -ENOMEM. */
int sl_checks_apply(struct sl_checks *h, const struct sl_config *config);
/* Closes its handles; the loop must run once more before it is closed. */
void sl_checks_destroy(struct sl_checks *h);

struct sl_check_view {
	struct sl_config_health check;
	struct sl_addr address;
	uint16_t port;
	uint64_t checks, failures; /* since the agent started */
	unsigned int streak;       /* equal results in a row */
	bool last_ok;
	uint32_t last_ms;          /* duration of the last check */
	const char *last_error;    /* "" if it succeeded */
};
/* False if the backend has no check. */
bool sl_checks_get(const struct sl_checks *h, uint32_t backend_id, struct sl_check_view *view);

#endif
