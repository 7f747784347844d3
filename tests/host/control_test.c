/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control socket and the command line against a control side whose data side is a fake: the real socket, the real
 * program build/bin/sluice (in $SLUICE_BIN), malformed and random requests, reloads by file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <uv.h>

#include "host/control.h"
#include "host/log.h"
#include "tests/host/fake_card.h"

#define FLOWS 2500
#define FRESH 100000 /* what the card has counted since the last background reading */

static uv_loop_t loop;
static struct sl_control *control;
static char directory[64], socket_path[96], config_path[96];
static uint64_t evicted;
static unsigned int config_changes, service_changes;

/* -- a fake data side --------------------------------------------------------------------------------------------- */

static void fake_flow(uint64_t id, struct sl_flow_view *v)
{
	*v = (struct sl_flow_view){ .id = id,
				    .backend_id = 1 + (uint32_t)(id % 2),
				    .backend_port = 80,
				    .hardware = id % 3 == 0,
				    .reason = id % 3 ? SL_REASON_HANDSHAKE : SL_REASON_OFFLOADED,
				    .state = "established",
				    .since_ms = 1700000000123,
				    .idle_ms = id,
				    .hw_packets = id,
				    .sw_packets = 7 };
	v->key = (struct sl_key){ .src = { 192, 0, 2, 1 },
				  .dst = { 10, 1, 0, 1 },
				  .sport = htons((uint16_t)(1000 + id)),
				  .dport = htons(80),
				  .proto = IPPROTO_TCP,
				  .family = 4 };
	sl_addr_parse("127.0.0.1", &v->backend_address);
	if (id == 5) /* a driver's words need not be UTF-8 */
		memcpy(v->detail, "bad \xff rule", 10);
}

static unsigned int flow_list(void *ctx, uint64_t *cursor, bool (*match)(void *arg, const struct sl_flow_view *view),
			      void *arg, struct sl_flow_view *out, unsigned int max)
{
	uint64_t id = *cursor ? *cursor : 1, last = id + 300; /* looks at so many a call */
	unsigned int n = 0;

	(void)ctx;
	for (; id <= FLOWS && id < last && n < max; id++) {
		fake_flow(id, &out[n]);
		n += match(arg, &out[n]);
	}
	*cursor = id > FLOWS ? 0 : id;
	return n;
}

static int flow_get(void *ctx, uint64_t id, struct sl_flow_view *out)
{
	(void)ctx;
	if (id == 0 || id > FLOWS)
		return -ENOENT;
	fake_flow(id, out);
	out->hw_packets += FRESH;
	out->counters_stale = id == 5;
	return 0;
}

static int flow_evict(void *ctx, uint64_t id)
{
	(void)ctx;
	if (id % 3)
		return -EALREADY;
	evicted = id;
	return 0;
}

static unsigned int port_count(void *ctx)
{
	(void)ctx;
	return 1;
}

static bool device_gone;

static void port(void *ctx, unsigned int index, struct sl_port_view *out)
{
	(void)ctx;
	assert_int_equal(index, 0);
	strcpy(out->name, "p0");
	strcpy(out->driver, "net_fake");
	out->link = out->offload = out->has_reasons = true;
	out->capability_count = 1;
	out->capability[0].name = "nat-ipv4";
	out->capability[0].supported = true;
	for (unsigned int i = 0; i < SL_METERED_CLASSES; i++)
		out->meter[i].name = sl_metered_name(i);
	out->meter[SL_METERED_SYN].made = true;
	out->meter[SL_METERED_SYN].rate_pps = 5000;
	out->meter[SL_METERED_SYN].burst = 500;
	strcpy(out->meter[SL_METERED_KERNEL].why, "no meter is left");
	out->meter_count = SL_METERED_CLASSES + 1;
	out->meter[SL_METERED_CLASSES].name = "misses";
	strcpy(out->meter[SL_METERED_CLASSES].service, "web");
	out->meter[SL_METERED_CLASSES].rate_pps = 777;
	strcpy(out->meter[SL_METERED_CLASSES].why, "other services have all 24");
	out->reason_packets[SL_REASON_METERED] = 9;
	out->reason_packets[SL_REASON_FORWARDED] = 42;
	out->reason_packets[SL_REASON_MISS] = 3;
}

static void data(void *ctx, struct sl_data_view *out)
{
	(void)ctx;
	out->adopted_connections = 4;
	out->sw_packets = 17;
	out->table_used = 10;
	out->table_size = 100;
	out->reason_packets[SL_REASON_NOT_SYN] = 1;
}

static void config_changed(void *ctx, const struct sl_config *now)
{
	(void)ctx, (void)now;
	config_changes++;
}

static void services_changed(void *ctx, const struct sl_services *now, const struct sl_services *before)
{
	(void)ctx, (void)now, (void)before;
	service_changes++;
}

/* -- the server in this process, its clients in others ------------------------------------------------------------ */

static void write_config(const char *extra, unsigned int weight)
{
	FILE *f = fopen(config_path, "w");

	assert_non_null(f);
	fprintf(f, "node: {name: t, control: %s, state: /dev/shm/none}\n"
		   "ports: [{name: p0, device: d0, kernel: {interface: sl0}}]\nservices:\n"
		   "- {name: web, vip: 10.1.0.1, protocol: tcp, port: 80, mode: nat, health: {type: none},\n"
		   "   backends: [{name: b1, address: 127.0.0.1, weight: %u}, {name: b2, address: 127.0.0.2}]}\n%s",
		socket_path, weight, extra);
	fclose(f);
}

static int connect_client(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", socket_path);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

/* Runs the loop until fd has a line, or closes; the line, to be freed, or NULL. */
static char *read_answer(int fd)
{
	size_t used = 0, room = 4u << 20;
	char *text = malloc(room);

	for (unsigned int i = 0; i < 5000; i++) {
		ssize_t n;

		uv_run(&loop, UV_RUN_NOWAIT);
		n = read(fd, text + used, room - used - 1);
		if (n == 0)
			break;
		if (n < 0) {
			usleep(500);
			continue;
		}
		used += (size_t)n;
		if (text[used - 1] == '\n') {
			text[used - 1] = '\0';
			return text;
		}
	}
	free(text);
	return NULL;
}

static json_t *ask(const char *request)
{
	int fd = connect_client();
	json_t *answer;
	char *text;

	assert_int_equal(write(fd, request, strlen(request)), (ssize_t)strlen(request));
	assert_int_equal(write(fd, "\n", 1), 1);
	text = read_answer(fd);
	close(fd);
	assert_non_null(text);
	answer = json_loads(text, 0, NULL);
	assert_non_null(answer);
	free(text);
	return answer;
}

/* Runs a command while the loop serves; its standard output and error in out, its exit status. */
static int run(char *out, size_t size, const char *arguments)
{
	const char *bin = getenv("SLUICE_BIN");
	char command[512];
	size_t used = 0;
	FILE *f;
	int fd;

	snprintf(command, sizeof(command), "%s -s %s %s 2>&1", bin ? bin : "build/bin/sluice", socket_path, arguments);
	f = popen(command, "r");
	assert_non_null(f);
	fd = fileno(f);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	for (unsigned int i = 0; i < 20000; i++) {
		ssize_t n;

		uv_run(&loop, UV_RUN_NOWAIT);
		n = read(fd, out + used, size - 1 - used);
		if (n == 0)
			break;
		if (n < 0)
			usleep(300);
		else
			used += (size_t)n;
	}
	out[used] = '\0';
	return WEXITSTATUS(pclose(f));
}

/* -- tests -------------------------------------------------------------------------------------------------------- */

static const struct {
	const char *what, *request, *error; /* NULL: the answer is good */
} requests[] = {
	{ "no JSON", "hello", "not JSON: '[' or '{' expected near 'hello' (column 5)" },
	{ "empty line", "", "not JSON: '[' or '{' expected near end of file (column 0)" },
	{ "an array", "[]", "a request is an object with \"command\", such as {\"command\": \"service list\"}" },
	{ "no command", "{}", "a request is an object with \"command\", such as {\"command\": \"service list\"}" },
	{ "two values", "{\"command\":\"stats show\"} {}", "not JSON: end of file expected near '{' (column 26)" },
	{ "duplicate key", "{\"command\":\"stats show\",\"command\":\"x\"}",
	  "not JSON: duplicate object key near '\"command\"' (column 33)" },
	{ "unknown command", "{\"command\":\"flow fly\"}",
	  "unknown command \"flow fly\"; known: service list, backend list, backend set, flow list, flow show, flow "
	  "evict, card show, card images, card update, card progress, "
	  "stats show, health show, check, apply" },
	{ "unknown field", "{\"command\":\"service list\",\"x\":1}", "\"x\" is no field of `service list`" },
	{ "number for text", "{\"command\":\"backend list\",\"service\":1}", "\"service\" must be a text" },
	{ "text for number", "{\"command\":\"flow list\",\"limit\":\"1\"}", "\"limit\" must be a whole number" },
	{ "limit", "{\"command\":\"flow list\",\"limit\":1001}", "limit 1001 is out of range 1-1000" },
	{ "limit 0", "{\"command\":\"flow list\",\"limit\":0}", "limit 0 is out of range 1-1000" },
	{ "cursor", "{\"command\":\"flow list\",\"cursor\":\"xyz\"}",
	  "cursor \"xyz\" is not one that `flow list` gave" },
	{ "address", "{\"command\":\"flow list\",\"client\":\"nobody\"}",
	  "client \"nobody\" is not an IPv4 or IPv6 address" },
	{ "port", "{\"command\":\"flow list\",\"port\":70000}", "port 70000 is out of range 0-65535" },
	{ "where", "{\"command\":\"flow list\",\"where\":\"cloud\"}",
	  "where \"cloud\" is unknown; give hardware or software" },
	{ "reason", "{\"command\":\"flow list\",\"reason\":\"none\"}",
	  "reason \"none\" is unknown; `stats show` names reasons" },
	{ "tenant", "{\"command\":\"flow list\",\"tenant\":\"red\"}", "there is no tenant \"red\"" },
	{ "service", "{\"command\":\"backend list\",\"service\":\"w\"}",
	  "there is no service \"w\"; `service list` shows them" },
	{ "id", "{\"command\":\"flow show\",\"id\":\"-1\"}", "id \"-1\" is not one that `flow list` gave" },
	{ "gone id", "{\"command\":\"flow show\",\"id\":\"ffffff\"}", "there is no flow ffffff any more" },
	{ "no flow", "{\"command\":\"flow show\",\"client\":\"192.0.2.1\",\"client_port\":9}",
	  "no flow of this client" },
	{ "not enough", "{\"command\":\"flow show\",\"client\":\"192.0.2.1\"}",
	  "give \"id\", or \"client\" and \"client_port\" (and \"vip\", \"port\" where several match)" },
	{ "in software already", "{\"command\":\"flow evict\",\"id\":\"1\"}",
	  "the flow is in software already: The TCP handshake is not complete yet." },
	{ "weight range", "{\"command\":\"backend set\",\"service\":\"web\",\"backend\":\"b1\",\"weight\":1001}",
	  "weight 1001 is out of range 0-1000" },
	{ "weight missing", "{\"command\":\"backend set\",\"service\":\"web\",\"backend\":\"b1\"}",
	  "\"service\", \"backend\" and \"weight\" are needed" },
	{ "no backend", "{\"command\":\"backend set\",\"service\":\"web\",\"backend\":\"b9\",\"weight\":1}",
	  "service \"web\" has no backend \"b9\"; `backend list` shows them" },
	{ "file missing", "{\"command\":\"apply\",\"file\":\"/nonexistent\"}",
	  "/nonexistent: No such file or directory" },
	{ "update of what", "{\"command\":\"card update\"}", "\"file\" is needed" },
	{ "update file", "{\"command\":\"card update\",\"file\":\"/nonexistent\"}", "/nonexistent: No such file or directory" },
	{ "update slot", "{\"command\":\"card update\",\"file\":\"/x\",\"slot\":2}", "slot 2 is out of range 0-1" },
	{ "update port", "{\"command\":\"card update\",\"file\":\"/x\",\"port\":\"p9\"}",
	  "there is no port \"p9\"; `card show` names them" },
	{ "update of no image", "{\"command\":\"card update\",\"file\":\"/dev/null\"}",
	  "/dev/null is no firmware image for this card: shorter than an image header" },
	{ "images", "{\"command\":\"card images\"}", NULL },
	{ "flow of a tuple", "{\"command\":\"flow show\",\"client\":\"192.0.2.1\",\"client_port\":3500}", NULL },
	{ "words that are not UTF-8", "{\"command\":\"flow show\",\"id\":\"5\"}", NULL },
	{ "evict", "{\"command\":\"flow evict\",\"id\":\"6\"}", NULL },
	{ "stats", "{\"command\":\"stats show\"}", NULL },
};

static void every_request_has_its_answer(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		json_t *answer = ask(requests[i].request);
		const char *error = json_string_value(json_object_get(answer, "error"));

		if (json_is_true(json_object_get(answer, "ok")) == (requests[i].error != NULL) ||
		    (requests[i].error && strcmp(error, requests[i].error)))
			fail_msg("%s:\n  got  %s\n  want %s", requests[i].what, error ? error : "ok",
				 requests[i].error);
		json_decref(answer);
	}
	assert_int_equal(evicted, 6);
	{
		json_t *answer = ask("{\"command\":\"flow show\",\"client\":\"192.0.2.1\",\"client_port\":3500}");
		json_t *counters = json_object_get(json_object_get(answer, "flow"), "counters");

		assert_int_equal(json_integer_value(json_object_get(counters, "hw_packets")), 2500 + FRESH);
		assert_true(json_is_false(json_object_get(json_object_get(answer, "flow"), "counters_stale")));
		json_decref(answer);
		answer = ask("{\"command\":\"flow show\",\"id\":\"5\"}");
		assert_string_equal(json_string_value(json_object_get(json_object_get(answer, "flow"), "detail")), "?");
		assert_true(json_is_true(json_object_get(json_object_get(answer, "flow"), "counters_stale")));
		json_decref(answer);
	}
}

static void flows_are_paged(void **state)
{
	unsigned int seen = 0, pages = 0;
	char request[200] = "{\"command\":\"flow list\",\"limit\":400,\"where\":\"hardware\"}";
	json_t *answer, *flow;
	size_t i;

	(void)state;
	for (;;) {
		json_t *cursor;

		answer = ask(request);
		assert_true(json_array_size(json_object_get(answer, "flows")) <= 400);
		json_array_foreach(json_object_get(answer, "flows"), i, flow) {
			char id[20];

			snprintf(id, sizeof(id), "%x", 3 * ++seen);
			assert_string_equal(json_string_value(json_object_get(flow, "id")), id);
		}
		pages++;
		cursor = json_object_get(answer, "cursor");
		if (json_is_null(cursor))
			break;
		snprintf(request, sizeof(request),
			 "{\"command\":\"flow list\",\"limit\":400,\"where\":\"hardware\",\"cursor\":\"%s\"}",
			 json_string_value(cursor));
		json_decref(answer);
	}
	json_decref(answer);
	assert_int_equal(seen, FLOWS / 3);
	assert_in_range(pages, 3, 4);
}

static void several_requests_in_one_write(void **state)
{
	static const char two[] = "{\"command\":\"service list\"}\n{\"command\":\"nonsense\"}\n{\"comm";
	int fd = connect_client();
	char *text;

	(void)state;
	assert_int_equal(write(fd, two, strlen(two)), (ssize_t)strlen(two));
	for (unsigned int i = 0; i < 100; i++) {
		uv_run(&loop, UV_RUN_NOWAIT);
		usleep(100);
	}
	text = read_answer(fd);
	assert_non_null(text);
	assert_non_null(strstr(text, "\"ok\":true"));
	assert_non_null(strstr(text, "\n{\"ok\":false,\"error\":\"unknown command"));
	free(text);
	close(fd);
}

static void a_long_line_is_refused(void **state)
{
	char *line = malloc(70000), *text;
	int fd = connect_client();
	size_t sent = 0;

	(void)state;
	memset(line, 'a', 70000);
	for (unsigned int i = 0; i < 1000 && sent < 66000; i++) {
		ssize_t n = send(fd, line + sent, 70000 - sent, MSG_NOSIGNAL);

		sent += n > 0 ? (size_t)n : 0;
		uv_run(&loop, UV_RUN_NOWAIT);
	}
	text = read_answer(fd);
	assert_non_null(text);
	assert_non_null(strstr(text, "longer than 65536 bytes"));
	free(text);
	free(line);
	close(fd);
}

static void too_many_clients_are_refused(void **state)
{
	int fds[65];
	char *text;

	(void)state;
	for (unsigned int i = 0; i < 65; i++) {
		fds[i] = connect_client();
		uv_run(&loop, UV_RUN_NOWAIT);
	}
	text = read_answer(fds[64]);
	assert_non_null(text);
	assert_non_null(strstr(text, "too many clients"));
	free(text);
	for (unsigned int i = 0; i < 65; i++)
		close(fds[i]);
	for (unsigned int i = 0; i < 20; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
	json_decref(ask("{\"command\":\"health show\"}"));
}

/* Mutated requests: each gets one answer, and the agent stays. */
static void noise_gets_answers(void **state)
{
	const char *fixed = getenv("SL_SEED");
	unsigned int seed =
		fixed ? (unsigned int)strtoul(fixed, NULL, 10) : (unsigned int)time(NULL) ^ (unsigned int)getpid();
	int fd = connect_client();

	(void)state;
	print_message("noise: SL_SEED=%u\n", seed);
	srandom(seed);
	for (unsigned int n = 0; n < 1500; n++) {
		char line[256];
		const char *from = requests[(size_t)random() % (sizeof(requests) / sizeof(requests[0]))].request;
		size_t length = strlen(from);
		char *text;

		if (strstr(from, "apply"))
			continue;
		memcpy(line, from, length);
		for (unsigned int m = (unsigned int)random() % 4; m > 0 && length; m--)
			line[(size_t)random() % length] = (char)(random() % 255 + 1);
		for (size_t i = 0; i < length; i++)
			if (line[i] == '\n')
				line[i] = ' ';
		line[length++] = '\n';
		assert_int_equal(write(fd, line, length), (ssize_t)length);
		text = read_answer(fd);
		assert_non_null(text);
		assert_true(!strncmp(text, "{\"ok\":", 6));
		free(text);
	}
	close(fd);
	json_decref(ask("{\"command\":\"backend set\",\"service\":\"web\",\"backend\":\"b1\",\"weight\":null}"));
}

static const struct sl_backend *backend(const char *name)
{
	const struct sl_service *s = sl_services_current()->services[0];

	for (unsigned int i = 0; i < s->backend_count; i++)
		if (!strcmp(s->backends[i]->name, name))
			return s->backends[i];
	return NULL;
}

static void apply_changes_all_or_nothing(void **state)
{
	uint64_t generation = sl_services_current()->generation;
	unsigned int before = config_changes;
	char request[200], out[4096];
	json_t *answer;

	(void)state;
	snprintf(request, sizeof(request), "{\"command\":\"apply\",\"file\":\"%s\"}", config_path);
	write_config("nonsense: 1\n", 5);
	answer = ask(request);
	assert_non_null(strstr(json_string_value(json_object_get(answer, "error")), ":6:1: unknown key \"nonsense\""));
	json_decref(answer);
	write_config("tenants: []\n", 5);
	json_decref(ask(request));
	assert_int_equal(sl_services_current()->generation, generation);
	assert_int_equal(config_changes, before);
	assert_int_equal(backend("b1")->weight, 1);
	write_config("", 5);
	answer = ask(request);
	assert_true(json_is_true(json_object_get(answer, "ok")));
	json_decref(answer);
	assert_int_equal(backend("b1")->weight, 5);
	assert_int_equal(config_changes, before + 1);
	/* SIGHUP reads the same file. */
	write_config("", 6);
	kill(getpid(), SIGHUP);
	for (unsigned int i = 0; i < 100 && backend("b1")->weight != 6; i++) {
		uv_run(&loop, UV_RUN_NOWAIT);
		usleep(1000);
	}
	assert_int_equal(backend("b1")->weight, 6);
	/* A new device needs a restart. */
	snprintf(out, sizeof(out), "sed -i 's/device: d0/device: d1/' %s", config_path);
	assert_int_equal(system(out), 0);
	answer = ask(request);
	assert_non_null(strstr(json_string_value(json_object_get(answer, "error")),
			       "port \"p0\" cannot change while the agent runs"));
	json_decref(answer);
	write_config("", 1);
	json_decref(ask(request));
}

static const struct {
	const char *arguments;
	int status;
	const char *contains;
} lines[] = {
	{ "service list", 0, "web      default  10.1.0.1:80  tcp    nat   up" },
	{ "-j service list", 0, "\"vip\": \"10.1.0.1\"" },
	{ "backend list", 0, "127.0.0.2" },
	{ "backend list nobody", 1, "sluice: there is no service \"nobody\"; `service list` shows them" },
	{ "-j backend list nobody", 1, "\"error\": \"there is no service" },
	{ "backend drain web b1", 0, "done" },
	{ "backend weight web b1 x", 2, "weight \"x\" is not a whole number; give 0-1000" },
	{ "backend enable web b1", 0, "done" },
	{ "flow list limit=3", 0, "(there are more" },
	{ "flow list where=hardware reason=offloaded port=80", 0, "hardware  offloaded" },
	{ "flow list nonsense", 2, "\"nonsense\" is no filter" },
	{ "flow list colour=red", 1, "\"colour\" is no field of `flow list`" },
	{ "-j flow list", 0, "\"client_port\": 3500" },
	{ "flow show 6", 0, "why       offloaded: The connection is in hardware." },
	{ "flow show 6", 0, "remedy    None is needed." },
	{ "flow show 192.0.2.1:1006 10.1.0.1:80", 0, "flow 6: tcp 192.0.2.1:1006 -> 10.1.0.1:80" },
	{ "flow show nothing", 2, "neither a flow's id nor ADDRESS:PORT" },
	{ "flow evict 9", 0, "flow 9" },
	{ "flow fly", 2, "flow cannot \"fly\"; it can: list, show, evict" },
	{ "card", 0, "can hold connections in hardware: nat-ipv4" },
	{ "card show", 0, "10 of 100 entries used (10 %)" },
	{ "card show", 0, "p0    syn                       5000    500  card" },
	{ "card show", 0, "9 frames and 0 copies were over theirs" },
	{ "card show", 0, "no meter is left" },
	{ "card show", 0, "misses of web" },
	{ "-j card show", 0, "\"service\": \"web\"" },
	{ "-j card show", 0, "\"in_card\"" },
	{ "stats", 0, "not-syn" },
	{ "stats show", 0, "A TCP packet of an unknown connection that is not a SYN" },
	{ "-j stats show", 0, "\"sw_packets\": 17" },
	{ "health", 0, "node t: up for" },
	{ "check CONFIG", 0, "good: 1 port, 1 services, 2 backends" },
	{ "-j check CONFIG", 0, "\"services\": 1" },
	{ "check /nonexistent", 1, "/nonexistent: No such file or directory" },
	{ "card images", 0, "card at port p0" },
	{ "card update", 2, "sluice: usage: sluice card update FILE [--slot N] [--port PORT]" },
	{ "card update /nonexistent", 1, "sluice: /nonexistent: No such file or directory" },
	{ "card fly", 2, "card cannot \"fly\"; it can: show, images, update" },
	{ "apply /nonexistent", 1, "sluice: /nonexistent: No such file or directory" },
	{ "apply CONFIG", 0, "applied: 1 services" },
	{ "doctor CONFIG", -1, "an agent answers at" },
	{ "-j doctor CONFIG", -1, "\"ready\":" },
	{ "nonsense", 2, "unknown command \"nonsense\"; `sluice help` lists them" },
	{ "help", 0, "usage: sluice" },
	{ "", 2, "usage: sluice" },
	{ "-s CONFIG stats", 1, "is no control socket; its name is node.control" },
	{ "stats nonsense", 2, "usage: sluice stats show\n" },
	{ "-s /nonexistent/x stats", 1,
	  "no agent: there is no socket /nonexistent/x. Start one with `sluiced -c FILE`" },
};

static void every_command_line_works(void **state)
{
	static char out[8u << 20];

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		char arguments[256];
		const char *at = strstr(lines[i].arguments, "CONFIG");
		int status;

		if (at)
			snprintf(arguments, sizeof(arguments), "%.*s%s%s", (int)(at - lines[i].arguments),
				 lines[i].arguments, config_path, at + strlen("CONFIG"));
		else
			snprintf(arguments, sizeof(arguments), "%s", lines[i].arguments);
		status = run(out, sizeof(out), arguments);
		if (lines[i].status >= 0 && status != lines[i].status)
			fail_msg("sluice %s: status %d\n%.2000s", arguments, status, out);
		if (!strstr(out, lines[i].contains))
			fail_msg("sluice %s: no \"%s\" in\n%.2000s", arguments, lines[i].contains, out);
	}
}

/* Asks for an update by the command line, and waits for what comes of it. */
static int update(char *out, size_t size, const char *options)
{
	char arguments[256];

	snprintf(arguments, sizeof(arguments), "%s card update %s", options, image_path);
	return run(out, size, arguments);
}

static void an_update_is_followed_to_its_end(void **state)
{
	static char out[65536];

	(void)state;
	card_reset();
	write_image(false);
	assert_int_equal(update(out, sizeof(out), ""), 0);
	assert_non_null(strstr(out, "firmware 0.9.0 runs from slot 1, on trial for ten seconds\n"));
	assert_non_null(strstr(out, "done: firmware 0.9.0 runs from slot 1 and is confirmed\n"));
	assert_int_equal(run(out, sizeof(out), "card images"), 0);
	assert_non_null(strstr(out, "0     0.1.0    12000  confirmed; what the card goes back to\n"));
	assert_non_null(strstr(out, "1     0.9.0     4096  runs, confirmed\n"));
	assert_non_null(strstr(out, "last update, port p0"));
	assert_int_equal(run(out, sizeof(out), "-j card images"), 0);
	assert_non_null(strstr(out, "\"state\": \"fallback\""));
	card_reset();
	assert_int_equal(update(out, sizeof(out), "-j --slot 1 --port p0"), 0);
	assert_non_null(strstr(out, "\"state\": \"confirmed\""));
}

static void what_goes_wrong_with_an_update_is_said(void **state)
{
	static const struct {
		const char *what, *options, *error;
		int images_rc, write_rc;
		bool damaged, on_trial, goes_back;
	} rows[] = {
		{ "damaged", "", "is no firmware image for this card: the checksum is wrong", 0, 0, true, false, false },
		{ "slot in use", "--slot 0", "slot 0 is in use: firmware 0.1.0 runs from it; leave --slot out, or give 1", 0, 0, false,
		  false, false },
		{ "no such slot", "--slot 7", "slot 7 is out of range 0-1", 0, 0, false, false, false },
		{ "software engine", "", "there is no card with firmware behind this port", -ENOTSUP, 0, false, false, false },
		{ "card gone", "", "the card is gone", -EIO, 0, false, false, false },
		{ "firmware hangs", "", "does not answer", -ETIMEDOUT, 0, false, false, false },
		{ "on trial", "", "firmware 0.1.0 in slot 0 is on trial and may need slot 1 to go back to", 0, 0, false, true, false },
		{ "flash broken", "", "did not erase or keep", 0, -EREMOTEIO, false, false, false },
		{ "does not start", "", "the new firmware does not start", 0, -ENOTRECOVERABLE, false, false, false },
		{ "goes back", "", "did not stand its trial", 0, 0, false, false, true },
	};
	static char out[65536];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		card_reset();
		card.images_rc = rows[i].images_rc;
		card.write_rc = rows[i].write_rc;
		card.slot[0].confirmed = !rows[i].on_trial;
		card.goes_back = rows[i].goes_back;
		card.confirms = !rows[i].goes_back;
		write_image(rows[i].damaged);
		if (update(out, sizeof(out), rows[i].options) != 1 || !strstr(out, rows[i].error) || !strstr(out, "sluice: "))
			fail_msg("%s: %s", rows[i].what, out);
	}
	card_reset();
	card.images_rc = -EIO;
	assert_int_equal(run(out, sizeof(out), "card images"), 0);
	assert_non_null(strstr(out, "the card is gone"));
	assert_int_equal(run(out, sizeof(out), "card images --slot 1"), 2);
	assert_non_null(strstr(out, "--slot and --port are of `card update` alone"));
}

static const char *update_state(json_t *answer)
{
	return json_string_value(json_object_get(json_object_get(answer, "update"), "state"));
}

/* A second one is refused, other requests are answered, and an agent that ends waits for the writing. */
static void an_update_holds_nothing_up(void **state)
{
	char request[200];
	json_t *answer;

	(void)state;
	card_reset();
	write_image(false);
	card.hold = true;
	snprintf(request, sizeof(request), "{\"command\":\"card update\",\"file\":\"%s\"}", image_path);
	answer = ask(request);
	for (unsigned int i = 0; i < 2000 && !strcmp(update_state(answer), "checking"); i++) {
		json_decref(answer);
		answer = ask("{\"command\":\"card progress\"}");
	}
	assert_string_equal(update_state(answer), "writing");
	assert_int_equal(json_integer_value(json_object_get(json_object_get(answer, "update"), "written")), IMAGE_BYTES / 2);
	json_decref(answer);
	answer = ask(request);
	assert_string_equal(json_string_value(json_object_get(answer, "error")),
			    "an update of the card at port \"p0\" is being made; `card images` shows it");
	json_decref(answer);
	answer = ask("{\"command\":\"card show\"}");
	assert_true(json_is_true(json_object_get(answer, "ok")));
	json_decref(answer);
} /* the agent ends, and the writing goes on */

static void a_living_socket_is_not_taken(void **state)
{
	const struct sl_control_ops ops = { 0 };
	struct sl_config *config;
	struct sl_config_error error;
	struct sl_control *second;
	char err[300];

	(void)state;
	write_config("", 1);
	assert_int_equal(sl_config_load(config_path, &config, &error), 0);
	second = sl_control_create(&loop, config_path, config, &ops, err, sizeof(err));
	assert_non_null(second);
	assert_int_not_equal(sl_control_start(second, err, sizeof(err)), 0);
	assert_non_null(strstr(err, "another agent answers there"));
	sl_control_destroy(second);
	for (unsigned int i = 0; i < 5; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
}

static bool port_gone(void *ctx, unsigned int index)
{
	(void)ctx;
	return index == 0 && __atomic_load_n(&device_gone, __ATOMIC_RELAXED);
}

static void a_port_that_has_gone_is_no_health(void **state)
{
	static char out[4096];

	(void)state;
	assert_int_equal(run(out, sizeof(out), "health show"), 0);
	__atomic_store_n(&device_gone, true, __ATOMIC_RELAXED);
	assert_int_equal(run(out, sizeof(out), "health show"), 1);
	assert_non_null(strstr(out, "port p0: the device has gone; restart sluiced when it is back"));
	assert_int_equal(run(out, sizeof(out), "-j health show"), 1);
	assert_non_null(strstr(out, "\"ports_gone\": [\n    \"p0\"\n  ]"));
	__atomic_store_n(&device_gone, false, __ATOMIC_RELAXED);
}

static int setup(void **state)
{
	const struct sl_control_ops ops = {
		.flow_list = flow_list,
		.flow_get = flow_get,
		.flow_evict = flow_evict,
		.port_count = port_count,
		.port = port,
		.port_gone = port_gone,
		.data = data,
		.config_changed = config_changed,
		.services_changed = services_changed,
		.images = images,
		.image_write = image_write,
		.image_written = image_written,
	};
	struct sl_config *config;
	struct sl_config_error error;
	char err[300];
	int fd;

	(void)state;
	strcpy(directory, "/tmp/sluice-control-XXXXXX");
	assert_non_null(mkdtemp(directory));
	snprintf(socket_path, sizeof(socket_path), "%s/control.sock", directory);
	snprintf(config_path, sizeof(config_path), "%s/lb.yaml", directory);
	snprintf(image_path, sizeof(image_path), "%s/fw.bin", directory);
	write_config("", 1);
	if (sl_config_load(config_path, &config, &error))
		fail_msg("%s", error.text);
	control = sl_control_create(&loop, config_path, config, &ops, err, sizeof(err));
	assert_non_null(control);
	/* What an agent that was killed leaves behind is no hindrance. */
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	{
		struct sockaddr_un addr = { .sun_family = AF_UNIX };

		snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", socket_path);
		assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	}
	close(fd);
	if (sl_control_start(control, err, sizeof(err)))
		fail_msg("%s", err);
	assert_true(service_changes >= 2); /* the first snapshot, and again with next hops */
	return 0;
}

static void *go_on_soon(void *arg)
{
	(void)arg;
	usleep(50000);
	__atomic_store_n(&card.hold, false, __ATOMIC_RELAXED);
	return NULL;
}

/* The image is half written when the agent is told to end. */
static int teardown(void **state)
{
	struct stat st;
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, go_on_soon, NULL), 0);
	sl_control_stop(control);
	assert_int_equal(__atomic_load_n(&card.written, __ATOMIC_RELAXED), IMAGE_BYTES);
	pthread_join(thread, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	sl_control_destroy(control);
	assert_int_not_equal(stat(socket_path, &st), 0);
	unlink(config_path);
	unlink(image_path);
	rmdir(directory);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_request_has_its_answer), cmocka_unit_test(flows_are_paged),
		cmocka_unit_test(several_requests_in_one_write), cmocka_unit_test(a_long_line_is_refused),
		cmocka_unit_test(too_many_clients_are_refused), cmocka_unit_test(noise_gets_answers),
		cmocka_unit_test(apply_changes_all_or_nothing), cmocka_unit_test(every_command_line_works),
		cmocka_unit_test(a_port_that_has_gone_is_no_health), cmocka_unit_test(a_living_socket_is_not_taken),
		cmocka_unit_test(an_update_is_followed_to_its_end), cmocka_unit_test(what_goes_wrong_with_an_update_is_said),
		cmocka_unit_test(an_update_holds_nothing_up), /* last: the agent ends meanwhile */
	};

	sl_log_level_set((enum sl_log_level)-1);
	signal(SIGPIPE, SIG_IGN);
	uv_loop_init(&loop);
	return cmocka_run_group_tests_name("host/control", tests, setup, teardown);
}
