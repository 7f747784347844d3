/* SPDX-License-Identifier: BSD-3-Clause */
/* The agent's answers for people. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "host/cli.h"
#include "host/cli_table.h"
#include "sluice/contract.h"

/* Texts of one row: a ring of buffers, as a row needs many at a time. */
static char *buffer(void)
{
	static char ring[32][128];
	static unsigned int next;

	return ring[next++ % 32];
}

static const char *text(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);
	char *out;

	if (json_is_string(v))
		return json_string_value(v);
	out = buffer();
	if (json_is_integer(v))
		snprintf(out, 128, "%lld", (long long)json_integer_value(v));
	else
		snprintf(out, 128, "%s", json_is_true(v) ? "yes" : json_is_false(v) ? "no" : "-");
	return out;
}

static long long number(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static const json_t *object(const json_t *o, const char *key)
{
	return json_object_get(o, key);
}

static const char *join(const char *format, ...) __attribute__((format(printf, 1, 2)));

static const char *join(const char *format, ...)
{
	char *out = buffer();
	va_list args;

	va_start(args, format);
	vsnprintf(out, 128, format, args);
	va_end(args);
	return out;
}

static const char *endpoint(const json_t *o, const char *address, const char *port)
{
	const char *a = text(o, address);

	return join(strchr(a, ':') ? "[%s]:%s" : "%s:%s", a, text(o, port));
}

static const char *duration(long long ms)
{
	if (ms < 1000)
		return join("%lldms", ms < 0 ? 0 : ms);
	if (ms < 120000)
		return join("%lld.%llds", ms / 1000, ms / 100 % 10);
	if (ms < 7200000)
		return join("%lldm%02llds", ms / 60000, ms / 1000 % 60);
	return join("%lldh%02lldm", ms / 3600000, ms / 60000 % 60);
}

static const char *ago(const json_t *o)
{
	struct timespec now;

	if (!json_is_integer(object(o, "since_ms")))
		return "-";
	clock_gettime(CLOCK_REALTIME, &now);
	return duration((long long)now.tv_sec * 1000 + now.tv_nsec / 1000000 - number(o, "since_ms"));
}

void sl_cli_show_services(const json_t *answer)
{
	struct sl_table *t = sl_table_create(
		"SERVICE|TENANT|VIP|PROTO|MODE|STATE|>BACKENDS UP|>CONNECTIONS|>HW PACKETS|>SW PACKETS");
	const json_t *list = object(answer, "services"), *s;
	size_t i;

	json_array_foreach(list, i, s) {
		const json_t *c = object(s, "counters");

		sl_table_row(t, text(s, "name"), text(s, "tenant"), endpoint(s, "vip", "port"), text(s, "protocol"),
			     text(s, "mode"), text(s, "state"),
			     join("%s/%s", text(s, "backends_up"), text(s, "backends")), text(s, "connections"),
			     text(c, "hw_packets"), text(c, "sw_packets"));
	}
	sl_table_print(t, stdout, "no services are configured");
}

static const char *check_text(const json_t *health)
{
	if (!health)
		return "none";
	return json_is_true(object(health, "last_ok")) ? join("ok, %s ms", text(health, "last_ms"))
						       : text(health, "last_error");
}

static const char *nexthop_text(const json_t *nexthop)
{
	if (!nexthop)
		return "-";
	return strcmp(text(nexthop, "state"), "ready") ? text(nexthop, "state") : text(nexthop, "mac");
}

void sl_cli_show_backends(const json_t *answer)
{
	struct sl_table *t =
		sl_table_create("SERVICE|BACKEND|ADDRESS|>WEIGHT|STATE|SINCE|>CONNECTIONS|>HW PACKETS|>SW PACKETS|"
				"NEXT HOP|LAST CHECK");
	const json_t *list = object(answer, "backends"), *b;
	size_t i;

	json_array_foreach(list, i, b) {
		const json_t *c = object(b, "counters");
		const char *check = check_text(object(b, "health"));

		sl_table_row(t, text(b, "service"), text(b, "name"),
			     object(b, "port") ? endpoint(b, "address", "port") : text(b, "address"), text(b, "weight"),
			     text(b, "state"), ago(b), text(b, "connections"), text(c, "hw_packets"),
			     text(c, "sw_packets"),
			     nexthop_text(object(b, "nexthop")), check);
	}
	sl_table_print(t, stdout, "no backends");
}

void sl_cli_show_flows(const json_t *answer)
{
	struct sl_table *t = sl_table_create(
		"ID|PROTO|CLIENT|VIP|SERVICE|BACKEND|STATE|WHERE|WHY|SINCE|IDLE|>HW PACKETS|>SW PACKETS");
	const json_t *list = object(answer, "flows"), *f;
	size_t i;

	json_array_foreach(list, i, f) {
		const json_t *c = object(f, "counters");

		sl_table_row(t, text(f, "id"), text(f, "protocol"), endpoint(f, "client", "client_port"),
			     endpoint(f, "vip", "port"), text(f, "service"), text(f, "backend"), text(f, "state"),
			     text(f, "where"), text(f, "reason"), ago(f), duration(number(f, "idle_ms")),
			     text(c, "hw_packets"), text(c, "sw_packets"));
	}
	sl_table_print(t, stdout, "no flows match");
	if (json_is_string(object(answer, "cursor")))
		printf("(there are more; limit=N shows more of them)\n");
}

void sl_cli_show_flow(const json_t *answer)
{
	const json_t *f = object(answer, "flow"), *c = object(f, "counters");

	printf("flow %s: %s %s -> %s, tenant %s, service %s\n", text(f, "id"), text(f, "protocol"),
	       endpoint(f, "client", "client_port"), endpoint(f, "vip", "port"), text(f, "tenant"), text(f, "service"));
	printf("  backend   %s, %s\n", text(f, "backend"), endpoint(f, "backend_address", "backend_port"));
	if (json_is_string(object(f, "source_address")))
		printf("  source    %s\n", endpoint(f, "source_address", "source_port"));
	printf("  state     %s, idle %s\n", text(f, "state"), duration(number(f, "idle_ms")));
	printf("  where     %s since %s (%s ago)\n", text(f, "where"), text(f, "since"), ago(f));
	printf("  why       %s: %s\n", text(f, "reason"), text(f, "reason_text"));
	if (json_is_string(object(f, "remedy")) && *text(f, "remedy"))
		printf("  remedy    %s\n", text(f, "remedy"));
	if (*text(f, "detail"))
		printf("  driver    %s\n", text(f, "detail"));
	printf("  hardware  %s packets, %s bytes%s\n", text(c, "hw_packets"), text(c, "hw_bytes"),
	       json_is_true(object(f, "counters_stale")) ? " (not of now: the card did not answer in time; ask again)" : "");
	printf("  software  %s packets, %s bytes\n", text(c, "sw_packets"), text(c, "sw_bytes"));
	printf("  together  %s packets, %s bytes\n", text(c, "packets"), text(c, "bytes"));
}

static void show_reasons(const json_t *list, const char *what)
{
	struct sl_table *t = sl_table_create("REASON|>PACKETS|>BYTES|MEANING");
	const json_t *r;
	size_t i;

	printf("\n%s\n", what);
	json_array_foreach(list, i, r)
		sl_table_row(t, text(r, "name"), text(r, "packets"), text(r, "bytes"), text(r, "text"));
	sl_table_print(t, stdout, "none counted yet");
}

static void show_ports(const json_t *list)
{
	struct sl_table *t =
		sl_table_create("PORT|DEVICE|DRIVER|LINK|MTU|MAC|KERNEL|>RX PACKETS|>TX PACKETS|>MISSED|>ERRORS");
	const json_t *p;
	size_t i;

	json_array_foreach(list, i, p)
		sl_table_row(t, text(p, "name"), text(p, "device"), text(p, "driver"), text(p, "link"), text(p, "mtu"),
			     text(p, "mac"), text(p, "kernel_interface"), text(p, "rx_packets"), text(p, "tx_packets"),
			     text(p, "rx_missed"), join("%lld", number(p, "rx_errors") + number(p, "tx_errors")));
	sl_table_print(t, stdout, "no ports");
}

static void show_bonds(const json_t *list)
{
	struct sl_table *t = NULL;
	const json_t *p;
	size_t i;

	json_array_foreach(list, i, p) {
		const json_t *b = object(p, "bond");

		if (!b)
			continue;
		if (!t)
			t = sl_table_create("BOND|MODE|MEMBER|LINK|STATE|>FAILOVERS");
		sl_table_row(t, text(b, "name"), text(b, "mode"), text(p, "name"), text(p, "link"), text(b, "state"),
			     text(b, "failovers"));
	}
	if (t) {
		printf("\n");
		sl_table_print(t, stdout, "no bonds");
	}
}

static void show_capabilities(const json_t *port)
{
	const json_t *v;
	const char *key;
	const char *gap = "";

	printf("\nport %s: %s", text(port, "name"),
	       json_is_true(object(port, "offload")) ? "can hold connections in hardware: "
						     : "no offload; all connections are in software");
	json_object_foreach((json_t *)object(port, "capabilities"), key, v)
		if (json_is_true(v)) {
			printf("%s%s", gap, key);
			gap = ", ";
		}
	printf("\n");
	gap = "  cannot: ";
	json_object_foreach((json_t *)object(port, "capabilities"), key, v)
		if (!json_is_true(v) && json_is_true(object(port, "offload"))) {
			printf("%s%s", gap, key);
			gap = ", ";
		}
	printf("%s", *gap == ',' ? "\n" : "");
	if (json_is_false(object(port, "answered")))
		printf("  the card does not answer: what it counts is %s\n",
		       number(port, "told_ms_ago") ? join("as it was %lld ms ago", number(port, "told_ms_ago")) : "not known");
	if (*text(port, "firmware"))
		printf("  firmware: %s\n", text(port, "firmware"));
	printf("  classification rules: %s\n", text(port, "rules"));
	if (*text(port, "refusal"))
		printf("  the driver's words: %s\n", text(port, "refusal"));
	if (*text(port, "rules_error"))
		printf("  rules are not in place: %s\n", text(port, "rules_error"));
}

static long long reason_packets(const json_t *answer, const char *name)
{
	const json_t *r;
	size_t i;

	json_array_foreach(object(answer, "reasons"), i, r)
		if (!strcmp(text(r, "name"), name))
			return number(r, "packets");
	return 0;
}

static void show_meters(const json_t *answer)
{
	struct sl_table *t = sl_table_create("PORT|CLASS|>FRAMES A SECOND|>BURST|BY|NOTE");
	const json_t *p, *m;
	size_t i, j;

	printf("\nmeters of what the card sends to the host: %lld frames and %lld copies were over theirs\n",
	       reason_packets(answer, "metered"), reason_packets(answer, "copy-metered"));
	json_array_foreach(object(answer, "ports"), i, p)
		json_array_foreach(object(p, "meters"), j, m) {
			char class[160];

			snprintf(class, sizeof(class), object(m, "service") ? "%s of %s" : "%s", text(m, "class"), text(m, "service"));
			sl_table_row(t, text(p, "name"), class, text(m, "rate_pps"), text(m, "burst"),
				     json_is_true(object(m, "in_card")) ? "card" :
				     strcmp(text(m, "class"), "kernel") ? "none" : "host",
				     text(m, "why"));
		}
	sl_table_print(t, stdout, "no ports");
	json_array_foreach(object(answer, "ports"), i, p)
		if (*text(p, "meters_error"))
			printf("port %s lacks meters: %s\n", text(p, "name"), text(p, "meters_error"));
}

void sl_cli_show_card(const json_t *answer)
{
	const json_t *table = object(answer, "table"), *adopted = object(answer, "adopted"),
		     *o = object(answer, "offload"), *p;
	size_t i;

	show_ports(object(answer, "ports"));
	show_bonds(object(answer, "ports"));
	json_array_foreach(object(answer, "ports"), i, p)
		show_capabilities(p);
	printf("\nflow table: ");
	if (number(table, "size"))
		printf("%s of %s entries used (%lld %%), ", text(table, "used"), text(table, "size"),
		       number(table, "used") * 100 / number(table, "size"));
	printf("%s connections in hardware\n", text(o, "hardware_connections"));
	printf("offload: %s inserted, %s removed, %s refused, %s retried, %s times no room\n", text(o, "inserted"),
	       text(o, "removed"), text(o, "refused"), text(o, "retries"), text(o, "table_full"));
	if (number(o, "unconfirmed"))
		printf("removal not confirmed: %s connections; the card does not answer, it is tried again\n",
		       text(o, "unconfirmed"));
	printf("adopted at start: %s connections, %s rules that the card held\n", text(adopted, "connections"),
	       text(adopted, "rules"));
	show_meters(answer);
	show_reasons(object(answer, "reasons"), "What the card did with frames:");
}

void sl_cli_show_stats(const json_t *answer)
{
	const json_t *t = object(answer, "totals");
	long long hw = number(t, "hw_packets"), sw = number(t, "sw_packets");

	printf("connections: %s of at most %s, %s of them in hardware; %s created, %s closed, %s expired\n",
	       text(t, "connections"), text(t, "connections_max"), text(t, "hardware_connections"), text(t, "created"),
	       text(t, "closed"), text(t, "expired"));
	printf("forwarded:   hardware %s packets, %s bytes; software %s packets, %s bytes", text(t, "hw_packets"),
	       text(t, "hw_bytes"), text(t, "sw_packets"), text(t, "sw_bytes"));
	if (hw + sw)
		printf(" (%.1f %% in hardware)", 100.0 * (double)hw / (double)(hw + sw));
	if (number(t, "first_packets"))
		printf("\nnew in XDP:  %s packets of new connections were decided there, %s of them SYNs; of %s the agent could not be told",
		       text(t, "first_packets"), text(t, "first_syns"), text(t, "first_unhinted"));
	printf("\nkernel port: %s frames to the kernel, %s from it; %s ICMP messages sent, %s passed on, %s held back\n\n",
	       text(t, "kernel_tx"), text(t, "kernel_rx"), text(t, "icmp_sent"), text(t, "icmp_passed"), text(t, "icmp_limited"));
	if (number(t, "tx_dropped") + number(t, "held_dropped"))
		printf("dropped:     %s frames found no room to be sent; %s SYNs found none to wait for the card\n\n",
		       text(t, "tx_dropped"), text(t, "held_dropped"));
	show_ports(object(answer, "ports"));
	show_reasons(object(answer, "reasons"), "What the host did with frames:");
	show_reasons(object(answer, "card_reasons"), "What the card did with frames:");
}

void sl_cli_show_health(const json_t *answer)
{
	const json_t *name;
	size_t i;

	printf("node %s: up for %s, %s services, configuration %s (generation %s, %s reloads)\n", text(answer, "node"),
	       duration(number(answer, "uptime_ms")), text(answer, "services"), text(answer, "config"),
	       text(answer, "generation"), text(answer, "reloads"));
	json_array_foreach(object(answer, "services_down"), i, name)
		printf("service %s: no usable backend\n", json_string_value(name));
	json_array_foreach(object(answer, "ports_gone"), i, name)
		printf("port %s: the device has gone; restart sluiced when it is back\n", json_string_value(name));
}
