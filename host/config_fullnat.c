/* SPDX-License-Identifier: BSD-3-Clause */
/* node.fullnat of the configuration file: where connections of mode fullnat come from, as backends see them. */
#include <stdio.h>
#include <stdlib.h>

#include "host/config_reader.h"

#define PORT_LOW 1024u
#define QUARANTINE_MS 60000u /* Linux' TIME_WAIT */
#define QUARANTINE_MAX_MS 3600000u

static void read_sources(struct sl_reader *r, const char *key, yaml_node_t *v, void *out)
{
	const unsigned int n = sl_reader_list(r, "fullnat.sources", v, SL_CONFIG_ADDRESSES_MAX);
	struct sl_config_fullnat *f = out;

	(void)key;
	f->source_count = 0;
	for (unsigned int i = 0; i < n; i++)
		if (sl_reader_addr(r, "fullnat.sources", sl_reader_item(r, v, i), &f->source[f->source_count]))
			f->source_count++;
}

static void read_ports(struct sl_reader *r, const char *key, yaml_node_t *v, void *out)
{
	const char *text = sl_reader_text(r, key, v);
	struct sl_config_fullnat *f = out;
	unsigned int lo, hi;
	int used = 0;

	if (!text)
		return;
	if (sscanf(text, "%5u-%5u%n", &lo, &hi, &used) != 2 || text[used] || *text < '0' || *text > '9' || lo < 1 || hi > 65535 ||
	    hi < lo + 1023) {
		sl_reader_error(r, v, "fullnat.ports \"%.32s\" is no range of at least 1024 ports within 1-65535, such as 1024-65535", text);
		return;
	}
	f->port_lo = (uint16_t)lo;
	f->port_hi = (uint16_t)hi;
}

static void read_quarantine(struct sl_reader *r, const char *key, yaml_node_t *v, void *out)
{
	uint64_t n;

	(void)key;
	if (sl_reader_number(r, "fullnat.quarantine_ms", v, 0, QUARANTINE_MAX_MS, &n))
		((struct sl_config_fullnat *)out)->quarantine_ms = (uint32_t)n;
}

void sl_config_fullnat_read(struct sl_reader *r, const char *key, yaml_node_t *v, void *node)
{
	static const struct sl_reader_key keys[] = {
		{ "sources", read_sources, true },
		{ "ports", read_ports, false },
		{ "quarantine_ms", read_quarantine, false },
	};

	(void)key;
	sl_reader_map(r, v, keys, sizeof(keys) / sizeof(keys[0]), &((struct sl_config_node *)node)->fullnat);
}

void sl_config_fullnat_defaults(struct sl_config_fullnat *f)
{
	*f = (struct sl_config_fullnat){ .port_lo = PORT_LOW, .port_hi = 65535, .quarantine_ms = QUARANTINE_MS };
}

/* Whose address it is already, for a message. NULL: nobody's. */
static const char *taken(const struct sl_config *c, const struct sl_addr *a, unsigned int before)
{
	static char text[SL_CONFIG_NAME_MAX + 32];

	for (unsigned int i = 0; i < before; i++)
		if (sl_addr_equal(a, &c->node.fullnat.source[i]))
			return "another source's";
	for (unsigned int i = 0; i < c->service_count; i++) {
		snprintf(text, sizeof(text), "the VIP of service \"%s\"", c->services[i].name);
		if (sl_addr_equal(a, &c->services[i].vip))
			return text;
		for (unsigned int j = 0; j < c->services[i].backend_count; j++)
			if (sl_addr_equal(a, &c->services[i].backends[j].address))
				return "a backend's";
	}
	for (unsigned int i = 0; i < c->port_count; i++) {
		for (unsigned int j = 0; j < c->ports[i].kernel_address_count; j++)
			if (sl_addr_equal(a, &c->ports[i].kernel_address[j].addr))
				return "one of a kernel interface, whose own connections would clash with those of clients";
		for (unsigned int j = 0; j < c->ports[i].vtep_count; j++)
			if (sl_addr_equal(a, &c->ports[i].vtep[j]))
				return "a port's vtep";
	}
	return NULL;
}

bool sl_config_fullnat_serves(const struct sl_config *c, unsigned int family)
{
	for (unsigned int i = 0; i < c->node.fullnat.source_count; i++)
		if (c->node.fullnat.source[i].family == family)
			return true;
	return false;
}

void sl_config_fullnat_check(struct sl_reader *r, yaml_node_t *root)
{
	const struct sl_config *c = r->config;
	char text[SL_ADDR_TEXT];
	const yaml_node_t *list;

	if (!c->node.fullnat.source_count)
		return;
	list = sl_reader_peek(r, sl_reader_peek(r, sl_reader_peek(r, root, "node"), "fullnat"), "sources");
	snprintf(r->thing, sizeof(r->thing), "node");
	for (unsigned int i = 0; i < c->node.fullnat.source_count; i++) {
		const struct sl_addr *a = &c->node.fullnat.source[i];
		const char *whose = taken(c, a, i);

		if (whose)
			sl_reader_error(r, sl_reader_item(r, list, i), "fullnat.sources: %s is %s; give an address that sluiced alone uses", sl_addr_text(a, text), whose);
	}
}
