/* SPDX-License-Identifier: BSD-3-Clause */
/* Health checks against sockets on loopback: rise, fall, detection time, refusal and silence, sharing, reloads, restarts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <uv.h>

#include "host/health.h"
#include "host/last_health.h"
#include "host/log.h"

#define SLACK_MS 60 /* a busy machine wakes the loop late */

static uv_loop_t loop;
static struct sl_service_table *table;
static struct sl_checks *checks;

static uint64_t now_ms(void)
{
	return uv_hrtime() / 1000000;
}

/* -- servers on loopback ------------------------------------------------------------------------------------------ */

struct server {
	uv_tcp_t tcp;
	uint16_t port;
	unsigned int accepted;
};

static void on_closed(uv_handle_t *handle)
{
	free(handle);
}

static void on_connection(uv_stream_t *stream, int status)
{
	struct server *s = stream->data;
	uv_tcp_t *client = calloc(1, sizeof(*client));

	assert_int_equal(status, 0);
	uv_tcp_init(&loop, client);
	if (uv_accept(stream, (uv_stream_t *)client) == 0)
		s->accepted++;
	uv_close((uv_handle_t *)client, on_closed);
}

/* port 0: any. */
static void server_open(struct server *s, uint16_t port)
{
	struct sockaddr_in addr;
	int len = sizeof(addr);

	uv_ip4_addr("127.0.0.1", port, &addr);
	uv_tcp_init(&loop, &s->tcp);
	s->tcp.data = s;
	assert_int_equal(uv_tcp_bind(&s->tcp, (struct sockaddr *)&addr, 0), 0);
	assert_int_equal(uv_listen((uv_stream_t *)&s->tcp, 64, on_connection), 0);
	uv_tcp_getsockname(&s->tcp, (struct sockaddr *)&addr, &len);
	s->port = ntohs(addr.sin_port);
}

static void server_close(struct server *s)
{
	uv_close((uv_handle_t *)&s->tcp, NULL);
	uv_run(&loop, UV_RUN_NOWAIT);
}

/* A port where SYNs are ignored: a listener whose queue is full. */
static uint16_t silent_port(int fds[4])
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(addr);

	fds[0] = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(fds[0], (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fds[0], 0), 0);
	getsockname(fds[0], (struct sockaddr *)&addr, &len);
	for (unsigned int i = 1; i < 4; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		if (connect(fds[i], (struct sockaddr *)&addr, sizeof(addr)) && i == 1)
			usleep(20000);
	}
	usleep(20000);
	return ntohs(addr.sin_port);
}

/* -- the thing under test ----------------------------------------------------------------------------------------- */

static struct sl_config *parse(const char *services)
{
	struct sl_config *config;
	struct sl_config_error err;
	char text[4096];

	snprintf(text, sizeof(text), "ports: [{name: p0, device: d0, kernel: {interface: sl0}}]\nservices:\n%s",
		 services);
	if (sl_config_parse("f", text, strlen(text), &config, &err))
		fail_msg("%s", err.text);
	return config;
}

static const char *service(const char *name, uint16_t vip_port, uint16_t port, unsigned int interval,
			   unsigned int timeout, unsigned int rise, unsigned int fall)
{
	static char text[4][512];
	static unsigned int next;
	char *out = text[next++ % 4];

	snprintf(out, 512,
		 "- {name: %s, vip: 10.1.0.1, protocol: tcp, port: %u, mode: dsr-l2, backends: [{name: b1, address: "
		 "127.0.0.1}],\n"
		 "   health: {port: %u, interval_ms: %u, timeout_ms: %u, rise: %u, fall: %u}}\n",
		 name, vip_port, port, interval, timeout, rise, fall);
	return out;
}

static const char *last; /* node.state; NULL: no agent was there before */

static void start(const char *services)
{
	struct sl_config *config = parse(services);
	char err[200];

	table = sl_service_table_create(config, NULL, err, sizeof(err));
	assert_non_null(table);
	if (last)
		sl_last_health_restore(last, table);
	checks = sl_checks_create(&loop, table);
	assert_int_equal(sl_checks_apply(checks, config), 0);
	sl_config_free(config);
}

static void reload(const char *services)
{
	struct sl_config *config = parse(services);
	char err[200];

	assert_int_equal(sl_service_table_apply(table, config, err, sizeof(err)), 0);
	assert_int_equal(sl_checks_apply(checks, config), 0);
	sl_config_free(config);
}

static void stop(void)
{
	sl_checks_destroy(checks);
	for (unsigned int i = 0; i < 5; i++) /* closing handles; servers may stay */
		uv_run(&loop, UV_RUN_NOWAIT);
	sl_service_table_destroy(table);
}

static const struct sl_backend *backend(unsigned int service_index)
{
	return sl_services_current()->services[service_index]->backends[0];
}

/* Runs the loop until the backend has this state; how long that took, or -1 after limit_ms. */
static int wait_state(unsigned int service_index, enum sl_backend_state state, unsigned int limit_ms)
{
	uint64_t begin = now_ms();

	while (backend(service_index)->state != state && now_ms() < begin + limit_ms) {
		uv_run(&loop, UV_RUN_NOWAIT);
		usleep(1000);
	}
	return backend(service_index)->state == state ? (int)(now_ms() - begin) : -1;
}

/* -- tests -------------------------------------------------------------------------------------------------------- */

static void the_first_check_decides_alone(void **state)
{
	struct server s = { 0 };
	int took;

	(void)state;
	server_open(&s, 0);
	start(service("web", 80, s.port, 1000, 500, 5, 5));
	assert_int_equal(backend(0)->state, SL_BACKEND_CHECKING);
	took = wait_state(0, SL_BACKEND_UP, 500);
	assert_in_range(took, 0, 200);
	stop();
	server_close(&s);
	start(service("web", 80, s.port, 1000, 500, 5, 5)); /* nobody listens now */
	took = wait_state(0, SL_BACKEND_DOWN, 500);
	assert_in_range(took, 0, 200);
	stop();
}

static const struct {
	unsigned int interval, timeout, rise, fall;
} rhythms[] = { { 50, 40, 1, 1 }, { 50, 20, 2, 3 }, { 100, 100, 3, 2 } };

static void refusal_is_detected_in_time_and_rise_counts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rhythms) / sizeof(rhythms[0]); i++) {
		unsigned int interval = rhythms[i].interval, rise = rhythms[i].rise, fall = rhythms[i].fall;
		struct sl_check_view view;
		struct server s = { 0 };
		uint16_t port;
		int took;

		server_open(&s, 0);
		port = s.port;
		start(service("web", 80, port, interval, rhythms[i].timeout, rise, fall));
		assert_true(wait_state(0, SL_BACKEND_UP, 1000) >= 0);
		server_close(&s);
		took = wait_state(0, SL_BACKEND_DOWN, 2000);
		print_message("fall %u x %u ms, refusing: down after %d ms\n", fall, interval, took);
		assert_in_range(took, (fall - 1) * rhythms[i].timeout, fall * interval + rhythms[i].timeout + SLACK_MS);
		assert_true(sl_checks_get(checks, backend(0)->id, &view));
		assert_int_equal(view.streak, fall);
		server_open(&s, port);
		took = wait_state(0, SL_BACKEND_UP, 2000);
		assert_in_range(took, rise > 1 ? (rise - 1) * interval - interval / 2 : 0, rise * interval + SLACK_MS);
		assert_true(sl_checks_get(checks, backend(0)->id, &view));
		assert_int_equal(view.streak, rise);
		stop();
		server_close(&s);
	}
}

static void silence_is_detected_in_time(void **state)
{
	struct sl_check_view view;
	int fds[4], took;
	uint16_t port = silent_port(fds);

	(void)state;
	start(service("web", 80, port, 400, 60, 1, 2));
	took = wait_state(0, SL_BACKEND_DOWN, 2000);
	assert_in_range(took, 50, 60 + SLACK_MS); /* the first check decides alone */
	assert_true(sl_checks_get(checks, backend(0)->id, &view));
	assert_string_equal(view.last_error, "no answer within 60 ms");
	assert_false(view.last_ok);
	stop();
	for (unsigned int i = 0; i < 4; i++)
		close(fds[i]);
}

/* The loop does other things for longer than a check may take: at an agent's start, in a reload. */
static void a_loop_that_stood_still_condemns_nobody(void **state)
{
	struct sl_check_view view;
	struct server s = { 0 };
	int fds[4];

	(void)state;
	server_open(&s, 0);
	start(service("web", 80, s.port, 60, 50, 1, 1));
	for (unsigned int i = 0; i < 5; i++) {
		usleep(100000); /* both timers are due */
		uv_run(&loop, UV_RUN_NOWAIT);
		assert_int_equal(backend(0)->state, SL_BACKEND_UP);
	}
	assert_true(sl_checks_get(checks, backend(0)->id, &view));
	assert_int_equal(view.failures, 0);
	stop();
	server_close(&s);
	/* Refusal and silence are what they were. */
	start(service("web", 80, s.port, 1000, 50, 1, 1));
	usleep(100000);
	uv_run(&loop, UV_RUN_NOWAIT);
	assert_true(sl_checks_get(checks, backend(0)->id, &view));
	assert_int_equal(backend(0)->state, SL_BACKEND_DOWN);
	assert_string_equal(view.last_error, uv_strerror(UV_ECONNREFUSED));
	stop();
	start(service("web", 80, silent_port(fds), 1000, 50, 1, 1));
	usleep(100000);
	uv_run(&loop, UV_RUN_NOWAIT);
	assert_true(sl_checks_get(checks, backend(0)->id, &view));
	assert_int_equal(backend(0)->state, SL_BACKEND_DOWN);
	assert_string_equal(view.last_error, "no answer within 50 ms");
	stop();
	for (unsigned int i = 0; i < 4; i++)
		close(fds[i]);
}

#define CHECKS 6u
#define LONG_MS 60000 /* for what a busy machine does late, but does */

/* However late the loop is: what is due is started at fixed moments, so never more checks than moments, and each is one connection. */
static void equal_checks_are_made_once(void **state)
{
	const unsigned int interval = 60, timeout = 50;
	struct sl_check_view view, other;
	struct server s = { 0 };
	char text[2048];
	uint64_t begin;

	(void)state;
	server_open(&s, 0);
	snprintf(text, sizeof(text), "%s%s", service("web", 80, s.port, interval, timeout, 1, 2),
		 service("ssh", 22, s.port, interval, timeout, 1, 2));
	begin = now_ms();
	start(text);
	assert_true(wait_state(0, SL_BACKEND_UP, LONG_MS) >= 0);
	assert_int_equal(backend(1)->state, SL_BACKEND_UP);
	do {
		uv_run(&loop, UV_RUN_NOWAIT);
		usleep(1000);
		assert_true(sl_checks_get(checks, backend(0)->id, &view));
		assert_true(sl_checks_get(checks, backend(1)->id, &other));
		assert_int_equal(view.checks, other.checks); /* it is the same one */
		assert_in_range(s.accepted, view.checks - 1, view.checks + 1);
	} while (view.checks < CHECKS && now_ms() < begin + LONG_MS);
	assert_in_range(view.checks, CHECKS, CHECKS + 1);
	/* The second one starts `timeout` or later after the first; all that follow an interval apart. */
	assert_in_range(now_ms() - begin, timeout + (view.checks - 2) * interval - 2, LONG_MS);
	server_close(&s);
	assert_true(wait_state(1, SL_BACKEND_DOWN, LONG_MS) >= 0);
	assert_int_equal(backend(0)->state, SL_BACKEND_DOWN);
	stop();
}

static void a_reload_keeps_what_is_known(void **state)
{
	struct server s = { 0 };
	struct sl_check_view before, after;
	char text[2048];

	(void)state;
	server_open(&s, 0);
	start(service("web", 80, s.port, 80, 50, 3, 3));
	assert_true(wait_state(0, SL_BACKEND_UP, 1000) >= 0);
	assert_true(sl_checks_get(checks, backend(0)->id, &before));
	/* Another service with the same check is up at once; the old check goes on. */
	snprintf(text, sizeof(text), "%s%s", service("web", 80, s.port, 80, 50, 3, 3),
		 service("ssh", 22, s.port, 80, 50, 3, 3));
	reload(text);
	assert_int_equal(backend(0)->state, SL_BACKEND_UP);
	assert_int_equal(backend(1)->state, SL_BACKEND_UP);
	assert_true(sl_checks_get(checks, backend(0)->id, &after));
	assert_true(after.checks >= before.checks);
	/* Other times: the backend keeps its state until the new check has its say. */
	reload(service("web", 80, s.port, 100, 50, 2, 2));
	assert_int_equal(backend(0)->state, SL_BACKEND_UP);
	assert_true(sl_checks_get(checks, backend(0)->id, &after));
	assert_int_equal(after.check.interval_ms, 100);
	/* No check any more. */
	reload("- {name: web, vip: 10.1.0.1, protocol: tcp, port: 80, mode: dsr-l2, backends: [{name: b1, address: "
	       "127.0.0.1}],\n"
	       "   health: {type: none}}\n");
	assert_int_equal(backend(0)->state, SL_BACKEND_UP);
	assert_false(sl_checks_get(checks, backend(0)->id, &after));
	stop();
	server_close(&s);
}

/* Each start is an agent's. */
static void health_outlives_the_agent(void **state)
{
	char dir[] = "/tmp/sluice-health-XXXXXX", path[64], name[64], two[2048];
	struct server s = { 0 };
	struct sl_check_view view;
	int64_t since_ms;
	uint16_t port;
	FILE *f;

	(void)state;
	assert_true(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/state", dir);
	snprintf(name, sizeof(name), "%s/state.health", dir);
	last = path;
	server_open(&s, 0);
	port = s.port;
	start(service("web", 80, port, 50, 40, 3, 3)); /* no file: nothing is known */
	assert_int_equal(backend(0)->state, SL_BACKEND_CHECKING);
	assert_int_equal(sl_last_health_save(path, sl_services_current()), 0);
	assert_int_equal(access(name, F_OK), -1); /* and nothing to tell */
	assert_true(wait_state(0, SL_BACKEND_UP, 1000) >= 0);
	since_ms = backend(0)->since_ms;
	assert_int_equal(sl_last_health_save(path, sl_services_current()), 0);
	stop();
	server_close(&s);

	/* Up at once, since when it was; down after as many failures as ever. One that the file has not is not known. */
	snprintf(two, sizeof(two), "%s%s", service("web", 80, port, 50, 40, 3, 3), service("ssh", 22, port, 60, 40, 3, 3));
	start(two);
	assert_int_equal(backend(0)->state, SL_BACKEND_UP);
	assert_true(backend(0)->usable);
	assert_true(backend(0)->since_ms == since_ms);
	assert_int_equal(backend(1)->state, SL_BACKEND_CHECKING);
	assert_true(wait_state(0, SL_BACKEND_DOWN, 1000) >= 0);
	assert_true(sl_checks_get(checks, backend(0)->id, &view));
	assert_int_equal(view.failures, 3);
	assert_int_equal(sl_last_health_save(path, sl_services_current()), 0);
	stop();

	/* Down at once, too. */
	server_open(&s, port);
	start(two);
	assert_int_equal(backend(0)->state, SL_BACKEND_DOWN);
	assert_true(wait_state(0, SL_BACKEND_UP, 1000) >= 0);
	assert_true(sl_checks_get(checks, backend(0)->id, &view));
	assert_int_equal(view.checks, 3);
	stop();
	server_close(&s);

	/* A damaged file tells nothing. */
	f = fopen(name, "r+b");
	assert_non_null(f);
	fseek(f, 30, SEEK_SET);
	fputc('x', f);
	fclose(f);
	start(two);
	assert_int_equal(backend(0)->state, SL_BACKEND_CHECKING);
	stop();
	last = NULL;
	unlink(name);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_check_decides_alone),
		cmocka_unit_test(refusal_is_detected_in_time_and_rise_counts),
		cmocka_unit_test(silence_is_detected_in_time),
		cmocka_unit_test(a_loop_that_stood_still_condemns_nobody),
		cmocka_unit_test(equal_checks_are_made_once),
		cmocka_unit_test(a_reload_keeps_what_is_known),
		cmocka_unit_test(health_outlives_the_agent),
	};

	sl_log_level_set(SL_LOG_ERROR);
	uv_loop_init(&loop);
	return cmocka_run_group_tests_name("host/health", tests, NULL, NULL);
}
