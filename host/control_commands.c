/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The commands of the control socket: {"command": "flow list", ...} in, {"ok": true, ...} or {"ok": false, "error":
 * ...} out (docs/control.md). A request is parsed and checked as a whole, unknown fields included, before anything is
 * done.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/control_private.h"
#include "host/log.h"

#define SCANS_MAX 256 /* calls of flow_list for one request */

#define refuse sl_control_refuse

json_t *sl_control_refuse(const char *format, ...)
{
	char text[sizeof(((struct sl_config_error *)0)->text) + 128];
	json_t *error;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	error = json_string(text);
	return json_pack("{sbso}", "ok", 0, "error", error ? error : json_string("the request is not UTF-8"));
}

static json_t *answer(const char *key, json_t *value)
{
	return value ? json_pack("{sbso}", "ok", 1, key, value) : refuse("out of memory");
}

/* The fields of value, with "ok" before them. */
static json_t *answer_object(json_t *value)
{
	json_t *out = json_pack("{sb}", "ok", 1);

	if (!value || !out || json_object_update(out, value)) {
		json_decref(out);
		out = refuse("out of memory");
	}
	json_decref(value);
	return out;
}

/* -- fields of a request ------------------------------------------------------------------------------------------ */

static const char *text_field(const json_t *request, const char *key)
{
	return json_string_value(json_object_get(request, key)); /* its type was checked by check_fields() */
}

static bool number_field(const json_t *request, const char *key, json_int_t *out)
{
	const json_t *v = json_object_get(request, key);

	if (v)
		*out = json_integer_value(v);
	return v != NULL;
}

/* -- services and backends ---------------------------------------------------------------------------------------- */

static json_t *service_list(struct sl_control *c, const json_t *request)
{
	(void)request;
	return answer("services", sl_control_services_json(c));
}

static const struct sl_service *find_service(const char *name)
{
	const struct sl_services *s = sl_services_current();
	const struct sl_service *found = NULL;

	for (unsigned int i = 0; i < s->service_count; i++)
		if (!strcmp(s->services[i]->name, name) && (!found || found->retired))
			found = s->services[i];
	return found;
}

static const struct sl_backend *find_backend(const struct sl_service *s, const char *name)
{
	for (unsigned int i = 0; i < s->backend_count; i++)
		if (s->backends[i]->state != SL_BACKEND_RETIRED && !strcmp(s->backends[i]->name, name))
			return s->backends[i];
	return NULL;
}

static json_t *backend_list(struct sl_control *c, const json_t *request)
{
	const char *service = text_field(request, "service");

	if (service && !find_service(service))
		return refuse("there is no service \"%s\"; `service list` shows them", service);
	return answer("backends", sl_control_backends_json(c, service));
}

/* weight: a number, 0 to drain, null to return to the configuration's. */
static json_t *backend_set(struct sl_control *c, const json_t *request)
{
	const char *service_name = text_field(request, "service"), *name = text_field(request, "backend");
	const json_t *weight = json_object_get(request, "weight");
	const struct sl_service *service;
	const struct sl_backend *b;
	json_int_t w = json_is_integer(weight) ? json_integer_value(weight) : -1;

	if (!service_name || !name || !weight)
		return refuse("\"service\", \"backend\" and \"weight\" are needed");
	if (json_is_integer(weight) && (w < 0 || w > 1000))
		return refuse("weight %lld is out of range 0-1000", (long long)w);
	service = find_service(service_name);
	if (!service)
		return refuse("there is no service \"%s\"; `service list` shows them", service_name);
	b = find_backend(service, name);
	if (!b)
		return refuse("service \"%s\" has no backend \"%s\"; `backend list` shows them", service_name, name);
	sl_log(SL_LOG_INFO, "backend-weight", "service=%s backend=%s weight=%d", service->name, b->name, (int)w);
	sl_service_table_weight(c->services, b->id, (int)w);
	return answer_object(json_object());
}

/* -- flows -------------------------------------------------------------------------------------------------------- */

struct flow_filter {
	const struct sl_service *service;
	const char *backend;
	struct sl_addr client, vip;
	json_int_t client_port, port, tenant, protocol, hardware, reason; /* -1: any */
};

static bool flow_matches(void *arg, const struct sl_flow_view *v)
{
	const struct flow_filter *f = arg;
	const struct sl_backend *b = sl_services_backend(sl_services_current(), v->backend_id);
	struct sl_addr client = sl_addr_make(v->key.family, v->key.src), vip = sl_addr_make(v->key.family, v->key.dst);

	return (!f->service || (b && b->service == f->service)) &&
		(!f->backend || (b && !strcmp(b->name, f->backend))) &&
		(!f->client.family || sl_addr_equal(&f->client, &client)) &&
		(!f->vip.family || sl_addr_equal(&f->vip, &vip)) &&
		(f->client_port < 0 || f->client_port == ntohs(v->key.sport)) &&
		(f->port < 0 || f->port == ntohs(v->key.dport)) && (f->tenant < 0 || f->tenant == v->key.tenant) &&
		(f->protocol < 0 || f->protocol == v->key.proto) && (f->hardware < 0 || f->hardware == v->hardware) &&
		(f->reason < 0 || f->reason == v->reason);
}

static json_t *read_address(const json_t *request, const char *key, struct sl_addr *out)
{
	const char *text = text_field(request, key);

	if (text && sl_addr_parse(text, out))
		return refuse("%s \"%s\" is not an IPv4 or IPv6 address", key, text);
	return NULL;
}

static json_t *read_port(const json_t *request, const char *key, json_int_t *out)
{
	if (number_field(request, key, out) && (*out < 0 || *out > 65535))
		return refuse("%s %lld is out of range 0-65535", key, (long long)*out);
	return NULL;
}

static json_t *read_words(const json_t *request, struct flow_filter *f)
{
	const char *where = text_field(request, "where"), *protocol = text_field(request, "protocol");
	const char *reason = text_field(request, "reason"), *tenant = text_field(request, "tenant");
	const struct sl_services *s = sl_services_current();

	if (where && strcmp(where, "hardware") && strcmp(where, "software"))
		return refuse("where \"%s\" is unknown; give hardware or software", where);
	if (where)
		f->hardware = *where == 'h';
	if (protocol && strcmp(protocol, "tcp") && strcmp(protocol, "udp"))
		return refuse("protocol \"%s\" is unknown; give tcp or udp", protocol);
	if (protocol)
		f->protocol = *protocol == 't' ? IPPROTO_TCP : IPPROTO_UDP;
	for (unsigned int i = 0; reason && i < SL_REASONS; i++)
		if (sl_reason_text(i) && !strcmp(sl_reason_name(i), reason))
			f->reason = i;
	if (reason && f->reason < 0)
		return refuse("reason \"%s\" is unknown; `stats show` names reasons", reason);
	for (unsigned int i = 0; tenant && i < s->tenant_count; i++)
		if (!strcmp(s->tenants[i].name, tenant))
			f->tenant = s->tenants[i].id;
	if (tenant && f->tenant < 0)
		return refuse("there is no tenant \"%s\"", tenant);
	return NULL;
}

/* NULL, or the refusal. */
static json_t *read_filter(const json_t *request, struct flow_filter *f)
{
	const char *service = text_field(request, "service");
	json_t *bad;

	*f = (struct flow_filter){
		.client_port = -1, .port = -1, .tenant = -1, .protocol = -1, .hardware = -1, .reason = -1
	};
	f->backend = text_field(request, "backend");
	f->service = service ? find_service(service) : NULL;
	if (service && !f->service)
		return refuse("there is no service \"%s\"; `service list` shows them", service);
	if ((bad = read_address(request, "client", &f->client)) || (bad = read_address(request, "vip", &f->vip)) ||
	    (bad = read_port(request, "client_port", &f->client_port)) || (bad = read_port(request, "port", &f->port)))
		return bad;
	return read_words(request, f);
}

static bool read_hex(const char *text, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(text, &end, 16);
	return !errno && end != text && !*end && strlen(text) <= 16 && *text != '-' && *text != '+';
}

/* Up to max flows from *cursor that f accepts. */
static unsigned int collect(struct sl_control *c, struct flow_filter *f, uint64_t *cursor, struct sl_flow_view *out,
			    unsigned int max, unsigned int scans)
{
	unsigned int count = 0;

	do {
		count += c->ops.flow_list(c->ops.ctx, cursor, flow_matches, f, out + count, max - count);
	} while (*cursor && count < max && --scans);
	return count;
}

static json_t *flow_list(struct sl_control *c, const json_t *request)
{
	const char *cursor_text = text_field(request, "cursor");
	struct sl_flow_view *views;
	struct flow_filter f;
	json_int_t limit = 100;
	uint64_t cursor = 0;
	unsigned int count;
	json_t *out, *list;
	char text[20];

	if (!c->ops.flow_list)
		return refuse("this agent has no connection table");
	if (number_field(request, "limit", &limit) && (limit < 1 || limit > SL_CONTROL_FLOWS_MAX))
		return refuse("limit %lld is out of range 1-%u", (long long)limit, SL_CONTROL_FLOWS_MAX);
	if (cursor_text && !read_hex(cursor_text, &cursor))
		return refuse("cursor \"%s\" is not one that `flow list` gave", cursor_text);
	if ((out = read_filter(request, &f)))
		return out;
	views = calloc((size_t)limit, sizeof(*views));
	if (!views)
		return refuse("out of memory");
	count = collect(c, &f, &cursor, views, (unsigned int)limit, SCANS_MAX);
	list = json_array();
	for (unsigned int i = 0; i < count; i++)
		json_array_append_new(list, sl_control_flow_json(c, &views[i]));
	free(views);
	out = answer("flows", list);
	snprintf(text, sizeof(text), "%llx", (unsigned long long)cursor);
	json_object_set_new(out, "cursor", cursor ? json_string(text) : json_null());
	return out;
}

/* The one flow that a request means, by id or by client, VIP and ports. NULL, or the refusal. */
static json_t *one_flow(struct sl_control *c, const json_t *request, struct sl_flow_view *view)
{
	const char *id_text = text_field(request, "id");
	struct sl_flow_view two[2];
	struct flow_filter f;
	unsigned int count;
	uint64_t id, cursor = 0;
	json_t *bad;

	if (!c->ops.flow_list || !c->ops.flow_get)
		return refuse("this agent has no connection table");
	if (id_text) {
		if (!read_hex(id_text, &id))
			return refuse("id \"%s\" is not one that `flow list` gave", id_text);
		if (c->ops.flow_get(c->ops.ctx, id, view))
			return refuse("there is no flow %s any more", id_text);
		return NULL;
	}
	if ((bad = read_filter(request, &f)))
		return bad;
	if (!f.client.family || f.client_port < 0)
		return refuse(
			"give \"id\", or \"client\" and \"client_port\" (and \"vip\", \"port\" where several match)");
	memset(two, 0, sizeof(two));
	count = collect(c, &f, &cursor, two, 2, UINT32_MAX >> 8);
	if (count == 0)
		return refuse("no flow of this client");
	if (count > 1)
		return refuse("several flows match; add \"vip\", \"port\", \"protocol\" or \"tenant\", or give \"id\"");
	if (c->ops.flow_get(c->ops.ctx, two[0].id, view))
		*view = two[0]; /* ended since */
	return NULL;
}

static json_t *flow_show(struct sl_control *c, const json_t *request)
{
	struct sl_flow_view view = { 0 };
	json_t *bad = one_flow(c, request, &view), *flow;

	if (bad)
		return bad;
	flow = sl_control_flow_json(c, &view);
	json_object_set_new(flow, "counters_stale", json_boolean(view.counters_stale));
	return answer("flow", flow);
}

static json_t *flow_evict(struct sl_control *c, const json_t *request)
{
	struct sl_flow_view view = { 0 };
	json_t *bad = one_flow(c, request, &view);
	int ret;

	if (bad)
		return bad;
	if (!c->ops.flow_evict)
		return refuse("this agent cannot evict flows");
	ret = c->ops.flow_evict(c->ops.ctx, view.id);
	if (ret == -EALREADY)
		return refuse("the flow is in software already: %s",
			      sl_reason_text(view.reason) ? sl_reason_text(view.reason) : "");
	if (ret == -EAGAIN)
		return refuse("the agent is busy with other evictions; try again");
	if (ret)
		return refuse("there is no such flow any more");
	return answer("flow", sl_control_flow_json(c, &view));
}

/* -- the rest ----------------------------------------------------------------------------------------------------- */

static json_t *card_show(struct sl_control *c, const json_t *request)
{
	(void)request;
	return answer_object(sl_control_card_json(c));
}

static json_t *stats_show(struct sl_control *c, const json_t *request)
{
	(void)request;
	return answer_object(sl_control_stats_json(c));
}

static json_t *health_show(struct sl_control *c, const json_t *request)
{
	(void)request;
	return answer_object(sl_control_health_json(c));
}

static json_t *config_check(struct sl_control *c, const json_t *request)
{
	const char *file = text_field(request, "file");
	struct sl_config_error err;
	struct sl_config *config;
	unsigned int services;
	bool live;

	if (!file)
		return refuse("\"file\" is needed");
	if (sl_config_load(file, &config, &err))
		return refuse("%s", err.text);
	services = config->service_count;
	live = sl_config_reloadable(c->config, config, &err) == 0;
	sl_config_free(config);
	return json_pack("{sbsisbss}", "ok", 1, "services", (int)services, "applicable", live, "why_not",
			 live ? "" : err.text);
}

static json_t *config_apply(struct sl_control *c, const json_t *request)
{
	const char *file = text_field(request, "file");
	struct sl_config_error err;

	if (!file)
		return refuse("\"file\" is needed");
	if (sl_control_apply(c, file, &err)) {
		sl_log(SL_LOG_ERROR, "config-refused", "file=%s error=%.900s", file, err.text);
		return refuse("%s", err.text);
	}
	return json_pack("{sbsisI}", "ok", 1, "services", (int)c->config->service_count, "generation",
			 (json_int_t)sl_services_current()->generation);
}

/* -- dispatch ----------------------------------------------------------------------------------------------------- */

#define FLOW_FIELDS "service backend client vip where reason protocol tenant #client_port #port"

static const struct command {
	const char *name;
	json_t *(*run)(struct sl_control *c, const json_t *request);
	const char *fields; /* allowed ones; '#': a number, '?': a number or null, else text */
} commands[] = {
	{ "service list", service_list, "" },
	{ "backend list", backend_list, "service" },
	{ "backend set", backend_set, "service backend ?weight" },
	{ "flow list", flow_list, FLOW_FIELDS " #limit cursor" },
	{ "flow show", flow_show, FLOW_FIELDS " id" },
	{ "flow evict", flow_evict, FLOW_FIELDS " id" },
	{ "card show", card_show, "" },
	{ "card images", sl_control_card_images, "" },
	{ "card update", sl_control_card_update, "file port #slot" },
	{ "card progress", sl_control_card_progress, "" },
	{ "stats show", stats_show, "" },
	{ "health show", health_show, "" },
	{ "check", config_check, "file" },
	{ "apply", config_apply, "file" },
};

/* The kind of a field: 't', '#' or '?'; 0 if the command has none of this name. */
static char field_kind(const char *fields, const char *name)
{
	size_t length = strlen(name);

	for (const char *p = fields; *p;) {
		char kind = *p == '#' || *p == '?' ? *p++ : 't';
		size_t n = strcspn(p, " ");

		if (n == length && !memcmp(p, name, n))
			return kind;
		p += n;
		p += *p == ' ';
	}
	return 0;
}

/* The known ones are listed without the marks of their kinds. */
static json_t *unknown_field(const struct command *command, const char *key)
{
	char known[256];
	size_t n = 0;

	for (const char *p = command->fields; *p && n < sizeof(known) - 1; p++)
		if (*p != '#' && *p != '?')
			known[n++] = *p;
	known[n] = '\0';
	return refuse("\"%.64s\" is no field of `%s`%s%s", key, command->name, n ? "; known: " : "", known);
}

static json_t *check_fields(const struct command *command, json_t *request)
{
	const char *key;
	json_t *value;

	json_object_foreach(request, key, value) {
		char kind = strcmp(key, "command") ? field_kind(command->fields, key) : 't';

		if (!kind)
			return unknown_field(command, key);
		if (kind == 't' && !json_is_string(value))
			return refuse("\"%s\" must be a text", key);
		if (kind == '#' && !json_is_integer(value))
			return refuse("\"%s\" must be a whole number", key);
		if (kind == '?' && !json_is_integer(value) && !json_is_null(value))
			return refuse("\"%s\" must be a whole number or null", key);
	}
	return NULL;
}

static json_t *unknown_command(const char *name)
{
	char all[400] = "";

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s", i ? ", " : "", commands[i].name);
	return refuse("unknown command \"%.64s\"; known: %s", name, all);
}

static json_t *dispatch(struct sl_control *c, json_t *request)
{
	const char *name = json_string_value(json_object_get(request, "command"));
	json_t *bad;

	if (!json_is_object(request) || !name)
		return refuse("a request is an object with \"command\", such as {\"command\": \"service list\"}");
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, name))
			continue;
		bad = check_fields(&commands[i], request);
		return bad ? bad : commands[i].run(c, request);
	}
	return unknown_command(name);
}

json_t *sl_control_answer(struct sl_control *c, const char *line, size_t length)
{
	json_error_t error;
	json_t *request = json_loadb(line, length, JSON_REJECT_DUPLICATES, &error), *out;

	c->later.run = NULL;
	if (!request)
		return refuse("not JSON: %s (column %d)", error.text, error.column);
	out = dispatch(c, request);
	json_decref(request);
	return out;
}
