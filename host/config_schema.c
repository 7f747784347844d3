/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The schema of the configuration file, section by section: each key, its range and its default. docs/config.md says
 * the same to people. What concerns more than one key is checked afterwards (host/config_check.c).
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/config_reader.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char *const mode_words[] = { "dsr-l2", "nat", "ipip", "vxlan", "gre", "gue", "geneve", "fullnat" };
static const char *const policy_words[] = { "established", "packets", "never" };
#define HALF_OPEN_SHARE 16u /* of the table, for each service; the table gives a quarter of itself to all of them */

static const char *const metered_words[SL_METERED_CLASSES] = { "syn", "close", "fragment", "ttl", "vip", "nat-return",
								"tunnel", "kernel" };
static const char *const first_words[] = { "host", "xdp" };
static const char *const health_words[] = { "none", "tcp" };

const char *sl_mode_name(unsigned int mode)
{
	return mode < COUNT(mode_words) ? mode_words[mode] : "?";
}

const char *sl_offload_policy_name(unsigned int policy)
{
	return policy < COUNT(policy_words) ? policy_words[policy] : "?";
}

const char *sl_metered_name(unsigned int metered)
{
	return metered < COUNT(metered_words) ? metered_words[metered] : "?";
}

/* -- offload, timeouts: of the node and of a service -------------------------------------------------------------- */

static void read_policy(struct sl_reader *r, const char *key, yaml_node_t *v, void *out)
{
	sl_reader_word(r, key, v, policy_words, COUNT(policy_words), &((struct sl_config_offload *)out)->policy);
}

SL_READER_NUMBER(read_packets, struct sl_config_offload, packets, 1, 1000000)
SL_READER_NUMBER(read_udp_packets, struct sl_config_offload, udp_packets, 1, 1000000)

static void offload_section(struct sl_reader *r, yaml_node_t *v, struct sl_config_offload *out)
{
	static const struct sl_reader_key keys[] = {
		{ "policy", read_policy, false },
		{ "packets", read_packets, false },
		{ "udp_packets", read_udp_packets, false },
	};

	sl_reader_map(r, v, keys, COUNT(keys), out);
}

SL_READER_NUMBER(read_syn_ms, struct sl_config_timeouts, syn_ms, 1000, 3600000)
SL_READER_NUMBER(read_established_ms, struct sl_config_timeouts, established_ms, 1000, 604800000)
SL_READER_NUMBER(read_fin_ms, struct sl_config_timeouts, fin_ms, 1000, 3600000)
SL_READER_NUMBER(read_udp_ms, struct sl_config_timeouts, udp_ms, 1000, 604800000)

static void timeouts_section(struct sl_reader *r, yaml_node_t *v, struct sl_config_timeouts *out)
{
	static const struct sl_reader_key keys[] = {
		{ "syn_ms", read_syn_ms, false },
		{ "established_ms", read_established_ms, false },
		{ "fin_ms", read_fin_ms, false },
		{ "udp_ms", read_udp_ms, false },
	};

	sl_reader_map(r, v, keys, COUNT(keys), out);
}

/* -- meters of the node ------------------------------------------------------------------------------------------- */

SL_READER_NUMBER(read_rate_pps, struct sl_config_meter, rate_pps, 1, 65535000)
SL_READER_NUMBER(read_burst, struct sl_config_meter, burst, 1, 65535)

/* Unless given: what the rate brings in a tenth of a second. */
static uint32_t default_burst(uint32_t rate_pps)
{
	return rate_pps <= 320 ? 32 : rate_pps >= 655350 ? 65535 : rate_pps / 10;
}

/* A bucket is filled each millisecond: one that holds less than that could not keep its rate. */
static void read_rate(struct sl_reader *r, const char *what, yaml_node_t *v, struct sl_config_meter *m)
{
	static const struct sl_reader_key keys[] = {
		{ "rate_pps", read_rate_pps, true },
		{ "burst", read_burst, false },
	};
	const unsigned int before = r->errors;

	m->burst = 0;
	sl_reader_map(r, v, keys, COUNT(keys), m);
	if (!m->burst)
		m->burst = default_burst(m->rate_pps);
	if (r->errors == before && m->burst < (m->rate_pps + 999) / 1000)
		sl_reader_error(r, v, "%s: burst %u is less than the %u frames that rate_pps %u brings in a millisecond", what,
				m->burst, (m->rate_pps + 999) / 1000, m->rate_pps);
}

static void read_meter(struct sl_reader *r, const char *key, yaml_node_t *v, void *out)
{
	struct sl_config_meter *meters = out;
	char what[32];

	snprintf(what, sizeof(what), "meters.%s", key);
	for (unsigned int i = 0; i < SL_METERED_CLASSES; i++)
		if (!strcmp(metered_words[i], key))
			read_rate(r, what, v, &meters[i]);
}

static void read_meters(struct sl_reader *r, const char *key, yaml_node_t *v, void *out)
{
	static const struct sl_reader_key keys[] = {
		{ "syn", read_meter, false },	 { "close", read_meter, false },      { "fragment", read_meter, false },
		{ "ttl", read_meter, false },	 { "vip", read_meter, false },	      { "nat-return", read_meter, false },
		{ "tunnel", read_meter, false }, { "kernel", read_meter, false },
	};

	(void)key;
	sl_reader_map(r, v, keys, COUNT(keys), ((struct sl_config_node *)out)->meters);
}

/* Far above what one worker can do with frames that make it work, far below what a port can bring. */
static void meters_defaults(struct sl_config_meter *meters)
{
	static const uint32_t rates[SL_METERED_CLASSES] = {
		[SL_METERED_SYN] = 50000,     [SL_METERED_CLOSE] = 50000,    [SL_METERED_FRAGMENT] = 10000,
		[SL_METERED_TTL] = 1000,      [SL_METERED_VIP] = 1000000,    [SL_METERED_SOURCE] = 1000000,
		[SL_METERED_TUNNEL] = 1000000, [SL_METERED_KERNEL] = 50000,
	};

	for (unsigned int i = 0; i < SL_METERED_CLASSES; i++)
		meters[i] = (struct sl_config_meter){ rates[i], default_burst(rates[i]) };
}

/* -- node --------------------------------------------------------------------------------------------------------- */

SL_READER_NAME(read_node_name, struct sl_config_node, name)
SL_READER_NUMBER(read_workers, struct sl_config_node, workers, 1, 16)
SL_READER_NUMBER(read_max_connections, struct sl_config_node, max_connections, 1024, 1u << 26)
SL_READER_NUMBER(read_hash_seed, struct sl_config_node, hash_seed, 0, UINT64_MAX)

static void read_path(struct sl_reader *r, const char *key, yaml_node_t *v, char *out)
{
	char path[SL_CONFIG_PATH_MAX];

	if (!sl_reader_copy(r, key, v, path, sizeof(path)))
		return;
	if (*path != '/')
		sl_reader_error(r, v, "%s \"%s\" is not an absolute path", key, path);
	else
		memcpy(out, path, sizeof(path));
}

static void read_state(struct sl_reader *r, const char *key, yaml_node_t *v, void *out)
{
	read_path(r, key, v, ((struct sl_config_node *)out)->state);
}

static void read_control(struct sl_reader *r, const char *key, yaml_node_t *v, void *out)
{
	read_path(r, key, v, ((struct sl_config_node *)out)->control);
}

static bool is_prime(uint64_t n)
{
	for (uint64_t d = 2; d * d <= n; d++)
		if (n % d == 0)
			return false;
	return n > 1;
}

static void read_maglev_size(struct sl_reader *r, const char *key, yaml_node_t *v, void *out)
{
	uint64_t n, next;

	if (!sl_reader_number(r, key, v, 251, 65521, &n))
		return;
	for (next = n; !is_prime(next); next++)
		;
	if (next != n)
		sl_reader_error(r, v, "%s %u is not a prime; the next one is %u", key, (unsigned int)n,
				(unsigned int)next);
	else
		((struct sl_config_node *)out)->maglev_size = (uint32_t)n;
}

static void read_node_offload(struct sl_reader *r, const char *key, yaml_node_t *v, void *out)
{
	(void)key;
	offload_section(r, v, &((struct sl_config_node *)out)->offload);
}

static void read_node_timeouts(struct sl_reader *r, const char *key, yaml_node_t *v, void *out)
{
	(void)key;
	timeouts_section(r, v, &((struct sl_config_node *)out)->timeouts);
}

static void node_section(struct sl_reader *r, yaml_node_t *v)
{
	static const struct sl_reader_key keys[] = {
		{ "name", read_node_name, false },       { "workers", read_workers, false },
		{ "state", read_state, false },          { "control", read_control, false },
		{ "max_connections", read_max_connections, false },
		{ "maglev_size", read_maglev_size, false },
		{ "hash_seed", read_hash_seed, false },  { "offload", read_node_offload, false },
		{ "timeouts", read_node_timeouts, false }, { "meters", read_meters, false },
		{ "fullnat", sl_config_fullnat_read, false },
	};

	snprintf(r->thing, sizeof(r->thing), "node");
	sl_reader_map(r, v, keys, COUNT(keys), &r->config->node);
}

static void node_defaults(struct sl_config_node *n)
{
	*n = (struct sl_config_node){
		.name = "sluice",
		.workers = 1,
		.state = "/dev/shm/sluice.state",
		.control = "/run/sluice.sock",
		.max_connections = 1u << 20,
		.maglev_size = 16381,
		.offload = { .policy = SL_OFFLOAD_ESTABLISHED, .packets = 8, .udp_packets = 8 },
		.timeouts = { .syn_ms = 30000, .established_ms = 3600000, .fin_ms = 60000, .udp_ms = 120000 },
	};
	meters_defaults(n->meters);
	sl_config_fullnat_defaults(&n->fullnat);
}

/* -- tenants ------------------------------------------------------------------------------------------------------ */

SL_READER_NAME(read_tenant_name, struct sl_config_tenant, name)
SL_READER_NUMBER(read_tenant_id, struct sl_config_tenant, id, 1, 65535)
SL_READER_NUMBER(read_vlan, struct sl_config_tenant, vlan, 1, 4094)
SL_READER_NUMBER(read_inner_vlan, struct sl_config_tenant, inner_vlan, 1, 4094)

static void read_tenant_vni(struct sl_reader *r, const char *key, yaml_node_t *v, void *out)
{
	struct sl_config_tenant *t = out;
	uint64_t n;

	if (!sl_reader_number(r, key, v, 0, 0xffffff, &n))
		return;
	t->has_vni = true;
	t->vni = (uint32_t)n;
}

SL_READER_ADDRESS(read_source_address, struct sl_config_source, address)

static void read_tunnel(struct sl_reader *r, const char *key, yaml_node_t *v, void *out)
{
	uint8_t i;

	if (sl_reader_word(r, key, v, &mode_words[SL_MODE_IPIP], SL_MODE_GENEVE + 1 - SL_MODE_IPIP, &i))
		((struct sl_config_source *)out)->tunnel = (uint8_t)(SL_MODE_IPIP + i);
}

static void read_key(struct sl_reader *r, const char *key, yaml_node_t *v, void *out)
{
	struct sl_config_source *s = out;
	uint64_t n;

	if (!sl_reader_number(r, key, v, 1, UINT32_MAX, &n))
		return;
	s->has_key = true;
	s->key = (uint32_t)n;
}

/* An address, or a mapping that also says the tunnel. */
static bool read_source(struct sl_reader *r, const char *key, yaml_node_t *v, struct sl_config_source *s)
{
	static const struct sl_reader_key keys[] = {
		{ "address", read_source_address, true }, { "tunnel", read_tunnel, false }, { "key", read_key, false },
	};

	*s = (struct sl_config_source){ .tunnel = SL_MODE_VXLAN };
	if (v->type == YAML_MAPPING_NODE)
		return sl_reader_map(r, v, keys, COUNT(keys), s) && s->address.family;
	return sl_reader_addr(r, key, v, &s->address);
}

static void read_trusted(struct sl_reader *r, const char *key, yaml_node_t *v, void *out)
{
	unsigned int n = sl_reader_list(r, key, v, SL_CONFIG_ADDRESSES_MAX);
	struct sl_config_tenant *t = out;

	for (unsigned int i = 0; i < n; i++)
		if (read_source(r, key, sl_reader_item(r, v, i), &t->trusted[t->trusted_count]))
			t->trusted_count++;
}

static void tenants_section(struct sl_reader *r, yaml_node_t *v)
{
	static const struct sl_reader_key keys[] = {
		{ "name", read_tenant_name, true },  { "id", read_tenant_id, true },
		{ "vlan", read_vlan, false },        { "vni", read_tenant_vni, false },
		{ "trusted_vteps", read_trusted, false }, { "inner_vlan", read_inner_vlan, false },
	};
	unsigned int n;

	r->thing[0] = '\0';
	n = sl_reader_list(r, "tenants", v, SL_CONFIG_TENANTS_MAX - 1);
	for (unsigned int i = 0; i < n; i++) {
		yaml_node_t *item = sl_reader_item(r, v, i);

		sl_reader_thing(r, item, "tenant", i + 1);
		sl_reader_map(r, item, keys, COUNT(keys), &r->config->tenants[r->config->tenant_count++]);
	}
}

/* -- services ----------------------------------------------------------------------------------------------------- */

SL_READER_NAME(read_service_name, struct sl_config_service, name)
SL_READER_ADDRESS(read_vip, struct sl_config_service, vip)

static void read_tenant(struct sl_reader *r, const char *key, yaml_node_t *v, void *out)
{
	const char *name = sl_reader_text(r, key, v);

	if (!name)
		return;
	for (unsigned int i = 0; i < r->config->tenant_count; i++)
		if (!strcmp(r->config->tenants[i].name, name)) {
			((struct sl_config_service *)out)->tenant = r->config->tenants[i].id;
			return;
		}
	sl_reader_error(r, v, "tenant \"%.64s\" is not among the tenants; add it there or leave the key out", name);
}

static void read_protocol(struct sl_reader *r, const char *key, yaml_node_t *v, void *out)
{
	static const char *const words[] = { "tcp", "udp" };
	uint8_t i;

	if (sl_reader_word(r, key, v, words, COUNT(words), &i))
		((struct sl_config_service *)out)->protocol = i == 0 ? IPPROTO_TCP : IPPROTO_UDP;
}

/* A number, "a-b" or "any". */
static void read_service_port(struct sl_reader *r, const char *key, yaml_node_t *v, void *out)
{
	struct sl_config_service *s = out;
	const char *text = sl_reader_text(r, key, v);
	unsigned int lo, hi;
	uint64_t n;
	int used = 0;

	if (!text)
		return;
	if (!strcmp(text, "any")) {
		s->port_lo = 0;
		s->port_hi = 65535;
	} else if (sscanf(text, "%5u-%5u%n", &lo, &hi, &used) == 2 && !text[used] && *text >= '0' && *text <= '9') {
		if (lo < 1 || hi > 65535 || lo >= hi)
			sl_reader_error(r, v, "%s range %s must rise within 1-65535", key, text);
		s->port_lo = (uint16_t)lo;
		s->port_hi = (uint16_t)hi;
	} else if (sl_reader_number(r, key, v, 1, 65535, &n)) {
		s->port_lo = s->port_hi = (uint16_t)n;
	}
}

SL_READER_WORD(read_mode, struct sl_config_service, mode, mode_words)
SL_READER_WORD(read_first_packet, struct sl_config_service, first_packet, first_words)

static void read_scheduler(struct sl_reader *r, const char *key, yaml_node_t *v, void *out)
{
	static const char *const words[] = { "maglev" };
	uint8_t ignored;

	(void)out;
	sl_reader_word(r, key, v, words, COUNT(words), &ignored);
}

static void read_announce(struct sl_reader *r, const char *key, yaml_node_t *v, void *out)
{
	sl_reader_bool(r, key, v, &((struct sl_config_service *)out)->announce);
}

static void read_service_offload(struct sl_reader *r, const char *key, yaml_node_t *v, void *out)
{
	(void)key;
	offload_section(r, v, &((struct sl_config_service *)out)->offload);
}

static void read_service_timeouts(struct sl_reader *r, const char *key, yaml_node_t *v, void *out)
{
	(void)key;
	timeouts_section(r, v, &((struct sl_config_service *)out)->timeouts);
}

SL_READER_WORD(read_health_type, struct sl_config_health, type, health_words)
SL_READER_NUMBER(read_health_port, struct sl_config_health, port, 1, 65535)
SL_READER_NUMBER(read_interval, struct sl_config_health, interval_ms, 20, 3600000)
SL_READER_NUMBER(read_timeout, struct sl_config_health, timeout_ms, 10, 60000)
SL_READER_NUMBER(read_rise, struct sl_config_health, rise, 1, 100)
SL_READER_NUMBER(read_fall, struct sl_config_health, fall, 1, 100)

static void read_health(struct sl_reader *r, const char *key, yaml_node_t *v, void *out)
{
	static const struct sl_reader_key keys[] = {
		{ "type", read_health_type, false },     { "port", read_health_port, false },
		{ "interval_ms", read_interval, false }, { "timeout_ms", read_timeout, false },
		{ "rise", read_rise, false },            { "fall", read_fall, false },
	};
	struct sl_config_health *h = &((struct sl_config_service *)out)->health;
	unsigned int before = r->errors;

	(void)key;
	sl_reader_map(r, v, keys, COUNT(keys), h);
	if (r->errors == before && h->timeout_ms > h->interval_ms)
		sl_reader_error(r, v,
				"health: timeout_ms %u is longer than interval_ms %u; a check must end before the next",
				h->timeout_ms, h->interval_ms);
}

/* -- backends ----------------------------------------------------------------------------------------------------- */

SL_READER_NAME(read_backend_name, struct sl_config_backend, name)
SL_READER_ADDRESS(read_backend_address, struct sl_config_backend, address)
SL_READER_NUMBER(read_backend_port, struct sl_config_backend, port, 1, 65535)
SL_READER_NUMBER(read_weight, struct sl_config_backend, weight, 0, 1000)
SL_READER_ADDRESS(read_backend_vtep, struct sl_config_backend, vtep)
SL_READER_NUMBER(read_backend_vni, struct sl_config_backend, vni, 0, 0xffffff)

SL_READER_NUMBER(read_gue_port, struct sl_config_backend, gue_port, 1, 65535)
SL_READER_NUMBER(read_gue_variant, struct sl_config_backend, gue_variant, 0, 1)

static void read_inner_mac(struct sl_reader *r, const char *key, yaml_node_t *v, void *out)
{
	sl_reader_mac(r, key, v, ((struct sl_config_backend *)out)->inner_mac);
}

static void read_backends(struct sl_reader *r, const char *key, yaml_node_t *v, void *out)
{
	static const struct sl_reader_key keys[] = {
		{ "name", read_backend_name, true },     { "address", read_backend_address, true },
		{ "port", read_backend_port, false },    { "weight", read_weight, false },
		{ "vtep", read_backend_vtep, false },    { "vni", read_backend_vni, false },
		{ "inner_mac", read_inner_mac, false }, { "gue_port", read_gue_port, false },
		{ "gue_variant", read_gue_variant, false },
	};
	struct sl_config_service *s = out;
	unsigned int n = sl_reader_list(r, key, v, SL_CONFIG_BACKENDS_MAX);
	char service[sizeof(r->thing)];

	s->backends = n ? calloc(n, sizeof(*s->backends)) : NULL;
	if (n && !s->backends) {
		sl_reader_error(r, v, "out of memory");
		return;
	}
	memcpy(service, r->thing, sizeof(service));
	for (unsigned int i = 0; i < n; i++) {
		yaml_node_t *item = sl_reader_item(r, v, i);
		char backend[sizeof(r->thing)];

		sl_reader_thing(r, item, "backend", i + 1);
		memcpy(backend, r->thing, sizeof(backend));
		snprintf(r->thing, sizeof(r->thing), "%.80s, %.80s", service, backend);
		s->backends[s->backend_count].weight = 1;
		sl_reader_map(r, item, keys, COUNT(keys), &s->backends[s->backend_count++]);
	}
	memcpy(r->thing, service, sizeof(service));
}

static void read_misses(struct sl_reader *r, const char *key, yaml_node_t *v, void *out)
{
	read_rate(r, key, v, &((struct sl_config_service *)out)->misses);
}

SL_READER_NUMBER(read_connections, struct sl_config_admission, connections, 1, 1u << 26)
SL_READER_NUMBER(read_half_open, struct sl_config_admission, half_open, 1, 1u << 26)

static void read_challenge(struct sl_reader *r, const char *key, yaml_node_t *v, void *out)
{
	static const char *const words[] = { "auto", "always", "never" };

	sl_reader_word(r, key, v, words, COUNT(words), &((struct sl_config_admission *)out)->challenge);
}

static void read_admission(struct sl_reader *r, const char *key, yaml_node_t *v, void *out)
{
	static const struct sl_reader_key keys[] = {
		{ "connections", read_connections, false },
		{ "half_open", read_half_open, false },
		{ "challenge", read_challenge, false },
	};

	(void)key;
	sl_reader_map(r, v, keys, COUNT(keys), &((struct sl_config_service *)out)->admission);
}

static void service_defaults(const struct sl_config *c, struct sl_config_service *s)
{
	s->announce = true;
	s->mode = UINT8_MAX; /* required: only for finding out that it was wrong */
	s->offload = c->node.offload;
	s->timeouts = c->node.timeouts;
	s->admission = (struct sl_config_admission){ c->node.max_connections, c->node.max_connections / HALF_OPEN_SHARE, SL_CHALLENGE_AUTO };
	s->health = (struct sl_config_health){
		.type = UINT8_MAX, .interval_ms = 2000, .timeout_ms = 1000, .rise = 2, .fall = 3
	};
}

static void services_section(struct sl_reader *r, yaml_node_t *v)
{
	static const struct sl_reader_key keys[] = {
		{ "name", read_service_name, true },         { "tenant", read_tenant, false },
		{ "vip", read_vip, true },                   { "protocol", read_protocol, true },
		{ "port", read_service_port, true },         { "mode", read_mode, true },
		{ "scheduler", read_scheduler, false },      { "announce", read_announce, false },
		{ "offload", read_service_offload, false },  { "timeouts", read_service_timeouts, false },
		{ "misses", read_misses, false },            { "admission", read_admission, false },
		{ "first_packet", read_first_packet, false },
		{ "health", read_health, false },            { "backends", read_backends, true },
	};
	struct sl_config *c = r->config;
	unsigned int n;

	r->thing[0] = '\0';
	n = sl_reader_list(r, "services", v, SL_CONFIG_SERVICES_MAX);
	c->services = n ? calloc(n, sizeof(*c->services)) : NULL;
	if (n && !c->services) {
		sl_reader_error(r, v, "out of memory");
		return;
	}
	for (unsigned int i = 0; i < n; i++) {
		yaml_node_t *item = sl_reader_item(r, v, i);
		struct sl_config_service *s = &c->services[c->service_count++];

		service_defaults(c, s);
		s->line = (unsigned int)item->start_mark.line + 1;
		sl_reader_thing(r, item, "service", i + 1);
		sl_reader_map(r, item, keys, COUNT(keys), s);
		if (s->health.type == UINT8_MAX)
			s->health.type = s->protocol == IPPROTO_UDP ? SL_HEALTH_NONE : SL_HEALTH_TCP;
	}
}

/* -- the file ----------------------------------------------------------------------------------------------------- */

/* Sections refer to earlier ones whatever their order in the file: they are only noted here. */
static void note_section(struct sl_reader *r, const char *key, yaml_node_t *v, void *out)
{
	(void)r;
	((yaml_node_t **)out)[*key == 'n' ? 0 : *key == 'p' ? 1 : *key == 't' ? 2 : 3] = v;
}

void sl_config_schema_read(struct sl_reader *r, yaml_node_t *root)
{
	static const struct sl_reader_key keys[] = {
		{ "node", note_section, false },
		{ "ports", note_section, true },
		{ "tenants", note_section, false },
		{ "services", note_section, false },
	};
	yaml_node_t *section[4] = { NULL };
	struct sl_config *c = r->config;

	node_defaults(&c->node);
	c->tenants = calloc(SL_CONFIG_TENANTS_MAX, sizeof(*c->tenants));
	if (!c->tenants) {
		sl_reader_error(r, root, "out of memory");
		return;
	}
	memcpy(c->tenants[c->tenant_count++].name, "default", 8);
	sl_reader_map(r, root, keys, COUNT(keys), section);
	if (section[0])
		node_section(r, section[0]);
	if (section[1])
		sl_config_ports_read(r, section[1]);
	if (section[2])
		tenants_section(r, section[2]);
	if (section[3])
		services_section(r, section[3]);
	r->thing[0] = '\0';
}
