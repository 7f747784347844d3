/* SPDX-License-Identifier: BSD-3-Clause */
/* The control side as a whole: start, reload, stop. */
#include "host/control.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "host/control_private.h"
#include "host/last_health.h"
#include "host/log.h"
#include "host/retired.h"
#include "host/returns.h"

#define SWEEP_MS 1000

/* Those to come, too. */
static uint64_t connections_of(void *ctx, uint32_t backend_id)
{
	struct sl_control *c = ctx;
	struct sl_backend_counters counters = { 0 };

	if (!c->ops.backend)
		return 0;
	c->ops.backend(c->ops.ctx, backend_id, &counters);
	return counters.connections + counters.awaited;
}

static void services_changed(void *ctx, const struct sl_services *now, const struct sl_services *before)
{
	struct sl_control *c = ctx;

	if (c->ops.services_changed)
		c->ops.services_changed(c->ops.ctx, now, before);
}

/* The first snapshot: with what an earlier agent had and the configuration has not, which then is retired. Where that does not
 * fit, the configuration alone. */
static struct sl_service_table *table_create(const struct sl_config *config, const struct sl_service_table_ops *ops, char *err,
					     size_t err_len)
{
	struct sl_config *retired = sl_retired_load(config);
	struct sl_service_table *table = retired ? sl_service_table_create(retired, ops, err, err_len) : NULL;

	sl_config_free(retired);
	if (table && !sl_service_table_apply(table, config, err, err_len))
		return table;
	if (table) {
		sl_log(SL_LOG_WARN, "retired-lost", "error=%s", err);
		sl_service_table_destroy(table);
	}
	return sl_service_table_create(config, ops, err, err_len);
}

struct sl_control *sl_control_create(uv_loop_t *loop, const char *config_path, struct sl_config *config,
				     const struct sl_control_ops *ops, char *err, size_t err_len)
{
	struct sl_control *c = calloc(1, sizeof(*c));
	struct sl_service_table_ops table_ops = { .changed = services_changed,
						  .connections = connections_of,
						  .ctx = c };
	struct timespec now;

	if (!c) {
		snprintf(err, err_len, "out of memory");
		return NULL;
	}
	clock_gettime(CLOCK_REALTIME, &now);
	c->started_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
	c->loop = loop;
	c->ops = *ops;
	if (!realpath(config_path, c->path))
		snprintf(c->path, sizeof(c->path), "%s", config_path);
	c->services = table_create(config, &table_ops, err, err_len);
	if (!c->services) {
		free(c);
		return NULL;
	}
	sl_last_health_restore(config->node.state, c->services);
	c->config = config;
	return c;
}

/* Health checks need a descriptor each. */
static void raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= limit.rlim_max)
		return;
	limit.rlim_cur = limit.rlim_max < 65536 ? limit.rlim_max : 65536;
	if (setrlimit(RLIMIT_NOFILE, &limit))
		sl_log(SL_LOG_WARN, "few-descriptors", "error=%s", strerror(errno));
}

static void on_hangup(uv_signal_t *signal, int number)
{
	struct sl_control *c = signal->data;
	char err[sizeof(((struct sl_config_error *)0)->text)];

	(void)number;
	sl_control_reload(c, err, sizeof(err)); /* it logs */
}

static void on_sweep(uv_timer_t *timer)
{
	struct sl_control *c = timer->data;

	sl_service_table_sweep(c->services);
}

int sl_control_start(struct sl_control *c, char *err, size_t err_len)
{
	const struct sl_services *services = sl_services_current();

	raise_descriptors();
	c->nexthops = sl_nexthops_create(c->loop, SL_SERVICE_IDS + SL_RETURNS, c->ops.nexthop_changed, c->ops.ctx, err,
					 err_len);
	if (!c->nexthops)
		return -EIO;
	services_changed(c, services, services);
	c->checks = sl_checks_create(c->loop, c->services);
	if (!c->checks || sl_checks_apply(c->checks, c->config)) {
		snprintf(err, err_len, "health checks: out of memory");
		goto fail;
	}
	c->socket = sl_control_socket_open(c, c->config->node.control, err, err_len);
	if (!c->socket)
		goto fail;
	uv_signal_init(c->loop, &c->hangup);
	uv_timer_init(c->loop, &c->sweep);
	c->hangup.data = c->sweep.data = c;
	uv_signal_start(&c->hangup, on_hangup, SIGHUP);
	uv_timer_start(&c->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
	c->started = true;
	return 0;
fail:
	sl_checks_destroy(c->checks);
	sl_nexthops_destroy(c->nexthops);
	c->checks = NULL;
	c->nexthops = NULL;
	return -EIO;
}

void sl_control_stop(struct sl_control *c)
{
	if (!c || !c->started)
		return;
	sl_control_update_stop(c);
	sl_control_socket_close(c->socket);
	while (c->working) /* in the pool, at the ports; each wait there is bounded by the driver */
		uv_run(c->loop, UV_RUN_ONCE);
	sl_checks_destroy(c->checks);
	sl_nexthops_destroy(c->nexthops);
	uv_close((uv_handle_t *)&c->hangup, NULL);
	uv_close((uv_handle_t *)&c->sweep, NULL);
	c->socket = NULL;
	c->checks = NULL;
	c->nexthops = NULL;
	c->started = false;
}

void sl_control_destroy(struct sl_control *c)
{
	if (!c)
		return;
	sl_control_update_free(c);
	sl_service_table_destroy(c->services);
	sl_config_free(c->config);
	free(c);
}

const struct sl_config *sl_control_config(const struct sl_control *c)
{
	return c->config;
}

struct sl_nexthops *sl_control_nexthops(struct sl_control *c)
{
	return c->nexthops;
}

struct sl_service_table *sl_control_services(struct sl_control *c)
{
	return c->services;
}

int sl_control_apply(struct sl_control *c, const char *path, struct sl_config_error *err)
{
	struct sl_config *next, *before = c->config;
	int ret = sl_config_load(path, &next, err);

	if (ret)
		return ret;
	ret = sl_config_reloadable(before, next, err);
	if (ret)
		goto refused;
	c->config = next;
	if (c->ops.config_changed)
		c->ops.config_changed(c->ops.ctx, next);
	ret = sl_service_table_apply(c->services, next, err->text, sizeof(err->text));
	if (ret) {
		c->config = before;
		if (c->ops.config_changed)
			c->ops.config_changed(c->ops.ctx, before);
		goto refused;
	}
	if (c->checks && sl_checks_apply(c->checks, next))
		sl_log(SL_LOG_ERROR, "out-of-memory", "what=%s", "health checks: not every new one runs");
	sl_config_free(before);
	c->reloads++;
	sl_log(SL_LOG_INFO, "config-applied", "file=%s services=%u generation=%llu", path, next->service_count,
	       (unsigned long long)sl_services_current()->generation);
	return 0;
refused:
	sl_config_free(next);
	return ret;
}

int sl_control_reload(struct sl_control *c, char *err, size_t err_len)
{
	struct sl_config_error error;
	int ret = sl_control_apply(c, c->path, &error);

	if (ret) {
		snprintf(err, err_len, "%s", error.text);
		sl_log(SL_LOG_ERROR, "config-refused", "file=%s error=%.900s", c->path, error.text);
	}
	return ret;
}
