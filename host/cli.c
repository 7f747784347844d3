/* SPDX-License-Identifier: BSD-3-Clause */
/* sluice, the command line: object and verb to one request on the control socket, its answer for people or as JSON. */
#include "host/cli.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/config.h"

#define FLOWS_DEFAULT 100000
#define FLOWS_PAGE 1000

struct verb {
	const char *object, *verb; /* verb NULL: the object alone */
	int (*run)(const struct sl_cli *cli, const struct verb *verb, int argc, char **argv);
	const char *command;       /* of the control socket */
	void (*show)(const json_t *answer);
	const char *arguments;
	const char *summary;
};

static const struct verb verbs[];

static int usage(FILE *to)
{
	fprintf(to, "usage: sluice [-j] [-s SOCKET] COMMAND\n\n");
	for (const struct verb *v = verbs; v->object; v++) {
		char left[160];

		snprintf(left, sizeof(left), "%s%s%s%s%s", v->object, v->verb ? " " : "", v->verb ? v->verb : "",
			 *v->arguments ? " " : "", v->arguments);
		fprintf(to, "  %-44s %s\n", left, v->summary);
	}
	fprintf(to,
		"\n  -j, --json           JSON for programs\n"
		"  -s, --socket SOCKET  the agent's control socket (default $SLUICE_SOCKET, else " SL_CLI_SOCKET ")\n"
		"  --slot N, --port P   card update: into this slot; the card at this port (needed if there are several)\n"
		"  -h, --help           this page\n"
		"FILTER is any of service= backend= client= client_port= vip= port= protocol= tenant= where= reason= "
		"limit=.\n"
		"FLOW is an id, or CLIENT:PORT with optionally VIP:PORT. docs/cli.md tells more.\n");
	return to == stdout ? 0 : 2;
}

static void print_json(json_t *answer)
{
	json_dumpf(answer, stdout, JSON_INDENT(2));
	putchar('\n');
}

static int finish(const struct sl_cli *cli, const struct verb *v, json_t *answer)
{
	if (cli->json)
		print_json(answer);
	else
		v->show(answer);
	json_decref(answer);
	return 0;
}

static json_t *request_of(const struct verb *v)
{
	return json_pack("{ss}", "command", v->command);
}

static void set(const struct sl_cli *cli, json_t *request, const char *key, const char *value)
{
	json_t *text = json_string(value);

	if (!text)
		sl_cli_fail(cli, 2, "%s is not UTF-8 text", key);
	json_object_set_new(request, key, text);
}

static int wrong_arguments(const struct sl_cli *cli, const struct verb *v)
{
	sl_cli_fail(cli, 2, "usage: sluice %s%s%s%s%s", v->object, v->verb ? " " : "", v->verb ? v->verb : "",
		    *v->arguments ? " " : "", v->arguments);
}

static int run_plain(const struct sl_cli *cli, const struct verb *v, int argc, char **argv)
{
	(void)argv;
	if (argc)
		return wrong_arguments(cli, v);
	return finish(cli, v, sl_cli_ask(cli, request_of(v)));
}

static int run_backends(const struct sl_cli *cli, const struct verb *v, int argc, char **argv)
{
	json_t *request = request_of(v);

	if (argc > 1)
		return wrong_arguments(cli, v);
	if (argc)
		set(cli, request, "service", argv[0]);
	return finish(cli, v, sl_cli_ask(cli, request));
}

static bool whole_number(const char *text, long *out)
{
	char *end;

	errno = 0;
	*out = strtol(text, &end, 10);
	return !errno && end != text && !*end;
}

static void show_weight(const json_t *answer)
{
	(void)answer;
	puts("done; new connections follow at once, existing ones stay");
}

/* weight SERVICE BACKEND N, drain SERVICE BACKEND, enable SERVICE BACKEND. */
static int run_weight(const struct sl_cli *cli, const struct verb *v, int argc, char **argv)
{
	json_t *request = request_of(v);
	long weight = 0;

	if (argc != (*v->verb == 'w' ? 3 : 2))
		return wrong_arguments(cli, v);
	if (argc == 3 && !whole_number(argv[2], &weight))
		sl_cli_fail(cli, 2, "weight \"%s\" is not a whole number; give 0-1000", argv[2]);
	set(cli, request, "service", argv[0]);
	set(cli, request, "backend", argv[1]);
	json_object_set_new(request, "weight", *v->verb == 'e' ? json_null() : json_integer(weight));
	return finish(cli, v, sl_cli_ask(cli, request));
}

/* -- flows -------------------------------------------------------------------------------------------------------- */

static void add_filter(const struct sl_cli *cli, json_t *request, char *word)
{
	char *value = strchr(word, '=');
	long n;

	if (!value)
		sl_cli_fail(cli, 2, "\"%s\" is no filter; give NAME=VALUE, such as where=hardware", word);
	*value++ = '\0';
	if (strcmp(word, "client_port") && strcmp(word, "port") && strcmp(word, "limit"))
		set(cli, request, word, value);
	else if (whole_number(value, &n))
		json_object_set_new(request, word, json_integer(n));
	else
		sl_cli_fail(cli, 2, "%s \"%s\" is not a whole number", word, value);
}

/* Asks page by page until the limit or the end. */
static int run_flow_list(const struct sl_cli *cli, const struct verb *v, int argc, char **argv)
{
	json_t *request = request_of(v), *flows = json_array(), *answer = NULL, *cursor;
	json_int_t limit = FLOWS_DEFAULT;

	for (int i = 0; i < argc; i++)
		add_filter(cli, request, argv[i]);
	if (json_object_get(request, "limit"))
		limit = json_integer_value(json_object_get(request, "limit"));
	if (limit < 1)
		sl_cli_fail(cli, 2, "limit must be at least 1");
	do {
		json_int_t left = limit - (json_int_t)json_array_size(flows);

		json_object_set_new(request, "limit", json_integer(left < FLOWS_PAGE ? left : FLOWS_PAGE));
		json_decref(answer);
		answer = sl_cli_ask(cli, json_incref(request));
		json_array_extend(flows, json_object_get(answer, "flows"));
		cursor = json_object_get(answer, "cursor");
		if (json_is_string(cursor))
			json_object_set(request, "cursor", cursor);
	} while (json_is_string(cursor) && (json_int_t)json_array_size(flows) < limit);
	json_object_set_new(answer, "flows", flows);
	json_decref(request);
	return finish(cli, v, answer);
}

/* ADDRESS:PORT or [ADDRESS]:PORT. */
static void set_endpoint(const struct sl_cli *cli, json_t *request, char *word, const char *address, const char *port)
{
	char *colon = strrchr(word, ':'), *host = word;
	long n;

	if (!colon || !whole_number(colon + 1, &n))
		sl_cli_fail(cli, 2, "\"%s\" is neither a flow's id nor ADDRESS:PORT", word);
	*colon = '\0';
	if (*host == '[' && colon > host && colon[-1] == ']') {
		colon[-1] = '\0';
		host++;
	}
	set(cli, request, address, host);
	json_object_set_new(request, port, json_integer(n));
}

static int run_flow(const struct sl_cli *cli, const struct verb *v, int argc, char **argv)
{
	json_t *request = request_of(v);

	if (argc < 1 || argc > 2)
		return wrong_arguments(cli, v);
	if (argc == 1 && !strchr(argv[0], ':') && strspn(argv[0], "0123456789abcdef") == strlen(argv[0]))
		set(cli, request, "id", argv[0]);
	else
		set_endpoint(cli, request, argv[0], "client", "client_port");
	if (argc == 2)
		set_endpoint(cli, request, argv[1], "vip", "port");
	return finish(cli, v, sl_cli_ask(cli, request));
}

/* -- firmware ------------------------------------------------------------------------------------------------------ */

static int run_images(const struct sl_cli *cli, const struct verb *v, int argc, char **argv)
{
	(void)argv;
	if (argc)
		return wrong_arguments(cli, v);
	return finish(cli, v, sl_cli_images(cli));
}

static void set_file(const struct sl_cli *cli, json_t *request, const char *name)
{
	char path[PATH_MAX];

	if (!realpath(name, path)) /* the agent has another working directory */
		sl_cli_fail(cli, 1, "%s: %s", name, strerror(errno));
	set(cli, request, "file", path);
}

static int run_update(const struct sl_cli *cli, const struct verb *v, int argc, char **argv)
{
	json_t *request = request_of(v), *answer;
	long slot;

	if (argc != 1)
		return wrong_arguments(cli, v);
	set_file(cli, request, argv[0]);
	if (cli->port)
		set(cli, request, "port", cli->port);
	if (cli->slot && !whole_number(cli->slot, &slot))
		sl_cli_fail(cli, 2, "slot \"%s\" is not a whole number; `card images` shows the slots", cli->slot);
	if (cli->slot)
		json_object_set_new(request, "slot", json_integer(slot));
	answer = sl_cli_update(cli, request);
	if (cli->json)
		print_json(answer);
	json_decref(answer);
	return 0;
}

/* -- configuration, doctor ---------------------------------------------------------------------------------------- */

/* Needs no agent. */
static int run_check(const struct sl_cli *cli, const struct verb *v, int argc, char **argv)
{
	struct sl_config_error err;
	struct sl_config *config;
	unsigned int backends = 0;
	char ports[1024];

	if (argc != 1)
		return wrong_arguments(cli, v);
	if (sl_config_load(argv[0], &config, &err)) {
		if (cli->json)
			sl_cli_fail(cli, 1, "%s", err.text);
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	for (unsigned int i = 0; i < config->service_count; i++)
		backends += config->services[i].backend_count;
	if (cli->json) {
		json_t *out = json_pack("{sbsisisi}", "ok", 1, "ports", (int)config->port_count, "services",
					(int)config->service_count, "backends", (int)backends);
		json_t *bonds = json_object();

		for (unsigned int i = 0; i < config->port_count; i++)
			if (config->ports[i].bond.members && !config->ports[i].bond.member)
				json_object_set_new(bonds, config->ports[i].bond.name, json_integer(config->ports[i].bond.members));
		json_object_set_new(out, "bonds", bonds);
		print_json(out);
		json_decref(out);
	} else {
		printf("%s: good: %s, %u services, %u backends\n", argv[0], sl_config_ports_text(config, ports, sizeof(ports)),
		       config->service_count, backends);
	}
	sl_config_free(config);
	return 0;
}

static void show_applied(const json_t *answer)
{
	printf("applied: %lld services, generation %lld\n",
	       (long long)json_integer_value(json_object_get(answer, "services")),
	       (long long)json_integer_value(json_object_get(answer, "generation")));
}

static int run_apply(const struct sl_cli *cli, const struct verb *v, int argc, char **argv)
{
	json_t *request = request_of(v);

	if (argc != 1)
		return wrong_arguments(cli, v);
	set_file(cli, request, argv[0]);
	return finish(cli, v, sl_cli_ask(cli, request));
}

static int run_doctor(const struct sl_cli *cli, const struct verb *v, int argc, char **argv)
{
	if (argc > 1)
		return wrong_arguments(cli, v);
	return sl_doctor(cli, argc ? argv[0] : NULL);
}

static int run_health(const struct sl_cli *cli, const struct verb *v, int argc, char **argv)
{
	json_t *answer;
	int status;

	(void)argv;
	if (argc)
		return wrong_arguments(cli, v);
	answer = sl_cli_ask(cli, request_of(v));
	status = json_is_true(json_object_get(answer, "healthy")) ? 0 : 1;
	finish(cli, v, answer);
	return status;
}

static int run_help(const struct sl_cli *cli, const struct verb *v, int argc, char **argv)
{
	(void)cli, (void)v, (void)argc, (void)argv;
	return usage(stdout);
}

static const struct verb verbs[] = {
	{ "service", "list", run_plain, "service list", sl_cli_show_services, "",
	  "services, their backends and traffic" },
	{ "backend", "list", run_backends, "backend list", sl_cli_show_backends, "[SERVICE]",
	  "backends: health, weight, traffic" },
	{ "backend", "weight", run_weight, "backend set", show_weight, "SERVICE BACKEND N",
	  "another weight until a reload changes it" },
	{ "backend", "drain", run_weight, "backend set", show_weight, "SERVICE BACKEND",
	  "no new connections; existing ones stay" },
	{ "backend", "enable", run_weight, "backend set", show_weight, "SERVICE BACKEND",
	  "back to the weight of the configuration" },
	{ "flow", "list", run_flow_list, "flow list", sl_cli_show_flows, "[FILTER...]",
	  "connections: where they are and why" },
	{ "flow", "show", run_flow, "flow show", sl_cli_show_flow, "FLOW", "one connection in words" },
	{ "flow", "evict", run_flow, "flow evict", sl_cli_show_flow, "FLOW",
	  "out of hardware; it goes on in software" },
	{ "card", "show", run_plain, "card show", sl_cli_show_card, "", "ports, capabilities, table, reasons" },
	{ "card", "images", run_images, "card images", sl_cli_show_images, "", "firmware in the card's two slots, and what runs" },
	{ "card", "update", run_update, "card update", NULL, "FILE [--slot N] [--port PORT]",
	  "new firmware, while the card forwards" },
	{ "stats", "show", run_plain, "stats show", sl_cli_show_stats, "",
	  "totals, and every reason with its sentence" },
	{ "health", "show", run_health, "health show", sl_cli_show_health, "",
	  "exit status 0 if every service has a backend" },
	{ "check", NULL, run_check, "", NULL, "FILE", "validates a configuration; needs no agent" },
	{ "apply", NULL, run_apply, "apply", show_applied, "FILE", "the agent takes this configuration over" },
	{ "doctor", NULL, run_doctor, "", NULL, "[FILE]", "what this host has and lacks, with remedies" },
	{ "help", NULL, run_help, "", NULL, "", "this page" },
	{ 0 },
};

/* `sluice stats` is `sluice stats show`: the verb may be left out where the object has only one, or a `show` that needs
 * nothing more. */
static const struct verb *find_verb(int *argc, char ***argv)
{
	const struct verb *only = NULL, *show = NULL;
	unsigned int of_object = 0;

	for (const struct verb *v = verbs; v->object; v++) {
		if (strcmp(v->object, (*argv)[0]))
			continue;
		of_object++;
		only = v;
		if (v->verb && !strcmp(v->verb, "show") && !*v->arguments)
			show = v;
		if (v->verb && *argc > 1 && !strcmp(v->verb, (*argv)[1])) {
			*argc -= 2;
			*argv += 2;
			return v;
		}
	}
	if (of_object != 1 && (!show || *argc > 1))
		return NULL;
	if (show)
		only = show;
	*argc -= 1;
	*argv += 1;
	return only;
}

static void unknown_command(const struct sl_cli *cli, int argc, char **argv)
{
	char known[200] = "";

	for (const struct verb *v = verbs; v->object; v++)
		if (v->verb && !strcmp(v->object, argv[0]))
			snprintf(known + strlen(known), sizeof(known) - strlen(known), "%s%s", *known ? ", " : "",
				 v->verb);
	if (*known && argc > 1)
		sl_cli_fail(cli, 2, "%s cannot \"%s\"; it can: %s", argv[0], argv[1], known);
	if (*known)
		sl_cli_fail(cli, 2, "%s what? It can: %s", argv[0], known);
	sl_cli_fail(cli, 2, "unknown command \"%s\"; `sluice help` lists them", argv[0]);
}

int main(int argc, char **argv)
{
	static const struct option longs[] = { { "json", no_argument, NULL, 'j' },
					       { "socket", required_argument, NULL, 's' },
					       { "slot", required_argument, NULL, 'n' },
					       { "port", required_argument, NULL, 'p' },
					       { "help", no_argument, NULL, 'h' },
					       { 0 } };
	struct sl_cli cli = { .socket = getenv("SLUICE_SOCKET") };
	const struct verb *v;
	int option;

	if (!cli.socket || !*cli.socket)
		cli.socket = SL_CLI_SOCKET;
	while ((option = getopt_long(argc, argv, "js:h", longs, NULL)) != -1) {
		switch (option) {
		case 'j':
			cli.json = true;
			break;
		case 's':
			cli.socket = optarg;
			break;
		case 'n':
			cli.slot = optarg;
			break;
		case 'p':
			cli.port = optarg;
			break;
		case 'h':
			return usage(stdout);
		default:
			return usage(stderr);
		}
	}
	argc -= optind;
	argv += optind;
	if (argc < 1)
		return usage(stderr);
	v = find_verb(&argc, &argv);
	if (!v)
		unknown_command(&cli, argc, argv);
	if ((cli.slot || cli.port) && v->run != run_update)
		sl_cli_fail(&cli, 2, "--slot and --port are of `card update` alone");
	return v->run(&cli, v, argc, argv);
}
