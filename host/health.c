/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Health checks. A check runs at fixed moments, start + n x interval, whatever the results and however late the loop
 * is, so that fall failures are seen within interval x fall + timeout. Backends with equal checks subscribe to one.
 *
 * Life of a handle: a probe (socket) belongs to its check until its result is in; then it is only closed. A check that
 * is not wanted any more closes its two timers and frees itself after the second.
 */
#include "host/health.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "host/log.h"

struct check;

struct probe {
	uv_tcp_t tcp;
	uv_connect_t request;
	struct check *check; /* NULL: its result is in or not wanted any more */
};

struct check {
	struct sl_checks *all;
	struct sl_addr address;
	uint16_t port;
	struct sl_config_health config;
	enum sl_backend_state state;
	uv_timer_t interval, timeout;
	unsigned int open;     /* timers not closed yet */
	struct probe *probe;   /* in flight */
	uint64_t due_ms;       /* loop time of the next start */
	uint64_t started_ms;
	unsigned int streak;
	bool last_ok, wanted;
	uint64_t checks, failures;
	uint32_t last_ms;
	char last_error[64];
	unsigned int subscriber_count, subscriber_room;
	uint32_t *subscribers; /* backend ids */
	struct check *next;
};

struct sl_checks {
	uv_loop_t *loop;
	struct sl_service_table *table;
	struct check *checks;
	struct check *of_backend[SL_SERVICE_IDS];
};

static void check_start(struct check *c);

static int64_t wall_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* -- results ------------------------------------------------------------------------------------------------------ */

static void tell(const struct check *c, const struct sl_backend *b)
{
	char address[SL_ADDR_TEXT];

	sl_addr_text(&c->address, address);
	if (c->state == SL_BACKEND_UP)
		sl_log(SL_LOG_INFO, "backend-up", "service=%s backend=%s address=%s port=%u checks=%u",
		       b->service->name, b->name, address, c->port, c->streak);
	else
		sl_log(SL_LOG_WARN, "backend-down", "service=%s backend=%s address=%s port=%u checks=%u error=%s",
		       b->service->name, b->name, address, c->port, c->streak, c->last_error);
}

static void change_state(struct check *c, enum sl_backend_state state)
{
	const struct sl_services *services = sl_services_current();
	int64_t now = wall_ms();

	c->state = state;
	for (unsigned int i = 0; i < c->subscriber_count; i++) {
		const struct sl_backend *b = sl_services_backend(services, c->subscribers[i]);

		if (b)
			tell(c, b);
	}
	sl_service_table_begin(c->all->table);
	for (unsigned int i = 0; i < c->subscriber_count; i++)
		sl_service_table_health(c->all->table, c->subscribers[i], state, now);
	sl_service_table_commit(c->all->table);
}

/* error: NULL for success. */
static void check_result(struct check *c, const char *error)
{
	bool ok = !error;

	uv_timer_stop(&c->timeout);
	c->checks++;
	c->failures += !ok;
	c->last_ms = (uint32_t)(uv_now(c->all->loop) - c->started_ms);
	c->streak = ok == c->last_ok ? c->streak + 1 : 1;
	c->last_ok = ok;
	snprintf(c->last_error, sizeof(c->last_error), "%s", error ? error : "");
	if (ok && c->state != SL_BACKEND_UP && (c->state == SL_BACKEND_CHECKING || c->streak >= c->config.rise))
		change_state(c, SL_BACKEND_UP);
	else if (!ok && c->state != SL_BACKEND_DOWN && (c->state == SL_BACKEND_CHECKING || c->streak >= c->config.fall))
		change_state(c, SL_BACKEND_DOWN);
}

/* What failed on this side says nothing about the backend. */
static bool own_fault(int error)
{
	return error == UV_EMFILE || error == UV_ENFILE || error == UV_ENOBUFS || error == UV_ENOMEM ||
	       error == UV_EADDRNOTAVAIL || error == UV_EADDRINUSE || error == UV_EACCES || error == UV_EPERM;
}

static void check_failed(struct check *c, int error)
{
	if (own_fault(error))
		sl_log(SL_LOG_ERROR, "check-not-possible", "error=%s", uv_strerror(error));
	else
		check_result(c, uv_strerror(error));
}

/* -- probes ------------------------------------------------------------------------------------------------------- */

static void probe_closed(uv_handle_t *handle)
{
	free(handle->data);
}

/* With RST: no TIME_WAIT here or there. */
static void probe_end(struct probe *p)
{
	if (p->check)
		p->check->probe = NULL;
	p->check = NULL;
	if (!uv_is_closing((uv_handle_t *)&p->tcp) && uv_tcp_close_reset(&p->tcp, probe_closed))
		uv_close((uv_handle_t *)&p->tcp, probe_closed);
}

static void probe_done(struct probe *p, int status)
{
	struct check *c = p->check;

	probe_end(p);
	if (status)
		check_failed(c, status);
	else
		check_result(c, NULL);
}

static void on_connect(uv_connect_t *request, int status)
{
	struct probe *p = request->data;

	if (p->check)
		probe_done(p, status);
}

/* True if the kernel has the probe's result, and the loop has not come to hear of it; *status: as on_connect()'s. */
static bool probe_answered(const struct probe *p, int *status)
{
	struct pollfd fd = { .events = POLLOUT };
	socklen_t len = sizeof(*status);

	if (uv_fileno((const uv_handle_t *)&p->tcp, &fd.fd) || poll(&fd, 1, 0) != 1 ||
	    getsockopt(fd.fd, SOL_SOCKET, SO_ERROR, status, &len))
		return false;
	*status = uv_translate_sys_error(*status);
	return true;
}

/* A loop that stood still runs its timers before it reads its sockets: that is no backend's fault. */
static void on_timeout(uv_timer_t *timer)
{
	struct check *c = timer->data;
	char error[64];
	int status;

	if (c->probe && probe_answered(c->probe, &status)) {
		probe_done(c->probe, status);
		return;
	}
	if (c->probe)
		probe_end(c->probe);
	snprintf(error, sizeof(error), "no answer within %u ms", c->config.timeout_ms);
	check_result(c, error);
}

static void make_sockaddr(const struct check *c, struct sockaddr_storage *out)
{
	struct sockaddr_in *in = (struct sockaddr_in *)out;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;

	memset(out, 0, sizeof(*out));
	if (c->address.family == 4) {
		in->sin_family = AF_INET;
		in->sin_port = htons(c->port);
		memcpy(&in->sin_addr, c->address.bytes, 4);
	} else {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(c->port);
		memcpy(&in6->sin6_addr, c->address.bytes, 16);
	}
}

static void check_start(struct check *c)
{
	struct sockaddr_storage to;
	struct probe *p;
	int ret;

	if (c->probe) /* cannot be: timeout <= interval; but a loop that stood still may find both timers due */
		on_timeout(&c->timeout);
	p = calloc(1, sizeof(*p));
	if (!p || uv_tcp_init(c->all->loop, &p->tcp)) {
		free(p);
		check_failed(c, UV_ENOMEM);
		return;
	}
	p->tcp.data = p->request.data = p;
	p->check = c;
	c->probe = p;
	c->started_ms = uv_now(c->all->loop);
	make_sockaddr(c, &to);
	ret = uv_tcp_connect(&p->request, &p->tcp, (struct sockaddr *)&to, on_connect);
	if (ret) {
		probe_end(p);
		check_failed(c, ret);
		return;
	}
	uv_timer_start(&c->timeout, on_timeout, c->config.timeout_ms, 0);
}

/* Starts the check that is due and sets the timer for the next of the fixed moments. */
static void on_interval(uv_timer_t *timer)
{
	struct check *c = timer->data;
	uint64_t now;

	uv_update_time(c->all->loop);
	now = uv_now(c->all->loop);
	c->due_ms += c->config.interval_ms;
	if (c->due_ms <= now) /* the loop stood still for longer than an interval */
		c->due_ms = now + c->config.interval_ms;
	uv_timer_start(&c->interval, on_interval, c->due_ms - now, 0);
	check_start(c);
}

/* -- which checks there are --------------------------------------------------------------------------------------- */

static void timer_closed(uv_handle_t *handle)
{
	struct check *c = handle->data;

	if (--c->open)
		return;
	free(c->subscribers);
	free(c);
}

static void check_destroy(struct check *c)
{
	if (c->probe)
		probe_end(c->probe);
	uv_close((uv_handle_t *)&c->interval, timer_closed);
	uv_close((uv_handle_t *)&c->timeout, timer_closed);
}

static struct check *check_find(struct sl_checks *h, const struct sl_addr *address, uint16_t port,
				const struct sl_config_health *config)
{
	for (struct check *c = h->checks; c; c = c->next)
		if (sl_addr_equal(&c->address, address) && c->port == port &&
		    c->config.interval_ms == config->interval_ms && c->config.timeout_ms == config->timeout_ms &&
		    c->config.rise == config->rise && c->config.fall == config->fall)
			return c;
	return NULL;
}

/* A backend that was checked in another way keeps its state until the new check has its say. */
static struct check *check_create(struct sl_checks *h, const struct sl_addr *address, uint16_t port,
				  const struct sl_config_health *config, unsigned int state)
{
	struct check *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->all = h;
	c->address = *address;
	c->port = port;
	c->config = *config;
	c->state = state == SL_BACKEND_UP || state == SL_BACKEND_DOWN ? state : SL_BACKEND_CHECKING;
	c->last_ok = c->state == SL_BACKEND_UP;
	uv_timer_init(h->loop, &c->interval);
	uv_timer_init(h->loop, &c->timeout);
	c->interval.data = c->timeout.data = c;
	c->open = 2;
	c->next = h->checks;
	h->checks = c;
	return c;
}

/* The first check starts at once; the second between timeout and interval later, so that checks spread over time. */
static void check_begin(struct check *c)
{
	uint32_t mix = (uint32_t)c->port * 2654435761u;

	for (unsigned int i = 0; i < 16; i++)
		mix = (mix ^ c->address.bytes[i]) * 16777619u;
	uv_update_time(c->all->loop);
	c->due_ms = uv_now(c->all->loop) + c->config.timeout_ms +
		    mix % (c->config.interval_ms - c->config.timeout_ms + 1);
	uv_timer_start(&c->interval, on_interval, c->due_ms - uv_now(c->all->loop), 0);
	check_start(c);
}

static int check_subscribe(struct check *c, uint32_t backend)
{
	if (c->subscriber_count == c->subscriber_room) {
		unsigned int room = c->subscriber_room ? c->subscriber_room * 2 : 4;
		uint32_t *more = realloc(c->subscribers, room * sizeof(*more));

		if (!more)
			return -ENOMEM;
		c->subscribers = more;
		c->subscriber_room = room;
	}
	c->subscribers[c->subscriber_count++] = backend;
	c->wanted = true;
	return 0;
}

static const struct sl_backend *find_backend(const struct sl_config_service *s, const struct sl_config_backend *b)
{
	const struct sl_services *now = sl_services_current();

	for (unsigned int i = 0; now && i < now->service_count; i++) {
		const struct sl_service *service = now->services[i];

		if (service->retired || strcmp(service->name, s->name))
			continue;
		for (unsigned int j = 0; j < service->backend_count; j++)
			if (service->backends[j]->state != SL_BACKEND_RETIRED &&
			    !strcmp(service->backends[j]->name, b->name))
				return service->backends[j];
	}
	return NULL;
}

static int subscribe(struct sl_checks *h, const struct sl_config_service *s, const struct sl_config_backend *b)
{
	const struct sl_backend *backend = find_backend(s, b);
	uint16_t port = s->health.port ? s->health.port : b->port ? b->port : s->port_lo;
	struct check *c;

	if (!backend)
		return 0;
	c = check_find(h, &b->address, port, &s->health);
	if (!c)
		c = check_create(h, &b->address, port, &s->health, backend->state);
	if (!c)
		return -ENOMEM;
	h->of_backend[backend->id] = c;
	if (c->state != SL_BACKEND_CHECKING)
		sl_service_table_health(h->table, backend->id, c->state, wall_ms());
	return check_subscribe(c, backend->id);
}

static void drop_unwanted(struct sl_checks *h)
{
	for (struct check **at = &h->checks, *c; (c = *at);) {
		if (c->wanted) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		check_destroy(c);
	}
}

int sl_checks_apply(struct sl_checks *h, const struct sl_config *config)
{
	int ret = 0;

	memset(h->of_backend, 0, sizeof(h->of_backend));
	for (struct check *c = h->checks; c; c = c->next) {
		c->subscriber_count = 0;
		c->wanted = false;
	}
	sl_service_table_begin(h->table);
	for (unsigned int i = 0; i < config->service_count && !ret; i++) {
		const struct sl_config_service *s = &config->services[i];

		for (unsigned int j = 0; s->health.type == SL_HEALTH_TCP && j < s->backend_count && !ret; j++)
			ret = subscribe(h, s, &s->backends[j]);
	}
	sl_service_table_commit(h->table);
	drop_unwanted(h);
	for (struct check *c = h->checks; c; c = c->next)
		if (!c->checks && !c->probe && !uv_is_active((uv_handle_t *)&c->interval))
			check_begin(c);
	return ret;
}

struct sl_checks *sl_checks_create(uv_loop_t *loop, struct sl_service_table *table)
{
	struct sl_checks *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->loop = loop;
	h->table = table;
	return h;
}

void sl_checks_destroy(struct sl_checks *h)
{
	if (!h)
		return;
	for (struct check *c = h->checks, *next; c; c = next) {
		next = c->next;
		check_destroy(c);
	}
	free(h);
}

bool sl_checks_get(const struct sl_checks *h, uint32_t backend_id, struct sl_check_view *view)
{
	const struct check *c = backend_id < SL_SERVICE_IDS ? h->of_backend[backend_id] : NULL;

	if (!c)
		return false;
	*view = (struct sl_check_view){
		.check = c->config,
		.address = c->address,
		.port = c->port,
		.checks = c->checks,
		.failures = c->failures,
		.streak = c->streak,
		.last_ok = c->last_ok,
		.last_ms = c->last_ms,
		.last_error = c->last_error,
	};
	return true;
}
