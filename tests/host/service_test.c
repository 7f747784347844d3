/* SPDX-License-Identifier: BSD-3-Clause */
/* Services at run time: lookup, Maglev tables (shares, agreement, disruption), reloads, ids, health, weights, retiring.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <netinet/in.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "host/log.h"
#include "host/maglev.h"
#include "host/retired.h"
#include "host/service.h"

static struct sl_config *parse(const char *services)
{
	static const char head[] = "ports: [{name: p0, device: d0, vtep: 10.0.0.1, kernel: {interface: sl0}}]\n"
				   "tenants: [{name: red, id: 7, vlan: 12}]\n";
	struct sl_config *config;
	struct sl_config_error err;
	char text[16384];

	snprintf(text, sizeof(text), "%s%s", head, services);
	if (sl_config_parse("f", text, strlen(text), &config, &err))
		fail_msg("%s", err.text);
	return config;
}

static struct sl_service_table *create(const char *services, const struct sl_service_table_ops *ops)
{
	struct sl_config *config = parse(services);
	struct sl_service_table *t;
	char err[200];

	t = sl_service_table_create(config, ops, err, sizeof(err));
	assert_non_null(t);
	sl_config_free(config);
	return t;
}

static void apply(struct sl_service_table *t, const char *services)
{
	struct sl_config *config = parse(services);
	char err[200];

	assert_int_equal(sl_service_table_apply(t, config, err, sizeof(err)), 0);
	sl_config_free(config);
}

#define B1 "{name: b1, address: 10.0.0.11}"
#define B2 "{name: b2, address: 10.0.0.12}"
#define B3 "{name: b3, address: 10.0.0.13}"
#define SERVICE(name, vip, proto, port, more, backends)                       \
	"- {name: " name ", vip: '" vip "', protocol: " proto ", port: " port \
	", mode: dsr-l2, health: {type: none}" more ", backends: [" backends "]}\n"

/* -- lookup ------------------------------------------------------------------------------------------------------- */

static const struct {
	const char *what;
	unsigned int tenant;
	const char *vip;
	unsigned int protocol, port;
	const char *service; /* NULL: none */
} lookups[] = {
	{ "exact port", 0, "10.1.0.1", IPPROTO_TCP, 80, "web" },
	{ "exact within a range", 0, "10.1.0.1", IPPROTO_TCP, 85, "one" },
	{ "range, first", 0, "10.1.0.1", IPPROTO_TCP, 81, "range" },
	{ "range, last", 0, "10.1.0.1", IPPROTO_TCP, 90, "range" },
	{ "second range", 0, "10.1.0.1", IPPROTO_TCP, 1000, "range2" },
	{ "any", 0, "10.1.0.1", IPPROTO_TCP, 91, "any" },
	{ "any, port 0", 0, "10.1.0.1", IPPROTO_TCP, 0, "any" },
	{ "other protocol", 0, "10.1.0.1", IPPROTO_UDP, 80, NULL },
	{ "UDP range", 0, "10.1.0.1", IPPROTO_UDP, 53, "udp" },
	{ "other tenant, the same VIP", 7, "10.1.0.1", IPPROTO_TCP, 80, "red" },
	{ "other tenant, no service", 7, "10.1.0.1", IPPROTO_TCP, 81, NULL },
	{ "no such tenant", 8, "10.1.0.1", IPPROTO_TCP, 80, NULL },
	{ "other VIP", 0, "10.1.0.2", IPPROTO_TCP, 80, NULL },
	{ "IPv6", 0, "fd00::1", IPPROTO_TCP, 80, "six" },
	{ "IPv6, other port", 0, "fd00::1", IPPROTO_TCP, 81, NULL },
	{ "IPv6 whose first bytes are the VIP's", 0, "a01:1::", IPPROTO_TCP, 80, NULL },
};

static void lookup_takes_the_narrowest(void **state)
{
	struct sl_service_table *t =
		create("services:\n" SERVICE("any", "10.1.0.1", "tcp", "any", "", B1) SERVICE("range", "10.1.0.1",
											      "tcp", "81-90", "", B1)
			       SERVICE("web", "10.1.0.1", "tcp", "80", "", B1) SERVICE("one", "10.1.0.1", "tcp", "85",
										       "", B1)
				       SERVICE("range2", "10.1.0.1", "tcp", "1000-2000", "", B1)
					       SERVICE("udp", "10.1.0.1", "udp", "53-54", "", B1)
						       SERVICE("red", "10.1.0.1", "tcp", "80", ", tenant: red", B1)
							       SERVICE("six", "fd00::1", "tcp", "80", "",
								       "{name: b, address: 'fd00::2'}"),
		       NULL);

	(void)state;
	for (size_t i = 0; i < sizeof(lookups) / sizeof(lookups[0]); i++) {
		const struct sl_service *s;
		struct sl_addr vip;

		assert_int_equal(sl_addr_parse(lookups[i].vip, &vip), 0);
		s = sl_services_lookup(sl_services_current(), (uint16_t)lookups[i].tenant, vip.family, vip.bytes,
				       lookups[i].protocol, (uint16_t)lookups[i].port);
		if ((s != NULL) != (lookups[i].service != NULL) || (s && strcmp(s->name, lookups[i].service)))
			fail_msg("%s: %s", lookups[i].what, s ? s->name : "none");
	}
	{
		struct sl_addr yes, no;

		sl_addr_parse("10.1.0.1", &yes);
		sl_addr_parse("10.1.0.2", &no);
		assert_true(sl_services_has_vip(sl_services_current(), 0, 4, yes.bytes));
		assert_true(sl_services_has_vip(sl_services_current(), 7, 4, yes.bytes));
		assert_false(sl_services_has_vip(sl_services_current(), 8, 4, yes.bytes));
		assert_false(sl_services_has_vip(sl_services_current(), 0, 4, no.bytes));
	}
	sl_service_table_destroy(t);
}

/* -- Maglev ------------------------------------------------------------------------------------------------------- */

#define TABLE 16381
#define MEMBERS_MAX 64

static uint64_t mix(uint64_t x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdull;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53ull;
	return x ^ x >> 33;
}

static unsigned int make_members(struct sl_maglev_member *m, unsigned int n, unsigned int without, bool weighted)
{
	unsigned int k = 0;

	for (unsigned int i = 0; i < n; i++)
		if (i != without)
			m[k++] = (struct sl_maglev_member){ mix(i + 1), (uint16_t)(weighted ? 1 + i % 5 : 1),
							    (uint16_t)i };
	return k;
}

static void shares_follow_weights(void **state)
{
	static const unsigned int counts[] = { 1, 2, 3, 10, 50 };
	static uint16_t table[TABLE];
	struct sl_maglev_member m[MEMBERS_MAX];

	(void)state;
	for (unsigned int c = 0; c < 10; c++) {
		unsigned int n = counts[c / 2], places[MEMBERS_MAX] = { 0 };
		double total = 0;

		make_members(m, n, UINT32_MAX, c % 2);
		for (unsigned int i = 0; i < n; i++)
			total += m[i].weight;
		assert_int_equal(sl_maglev_build(table, TABLE, m, n), 0);
		for (unsigned int i = 0; i < TABLE; i++) {
			assert_true(table[i] < n);
			places[table[i]]++;
		}
		for (unsigned int i = 0; i < n; i++) { /* members are sorted now: value tells which */
			double ideal = TABLE * m[i].weight / total, share = places[m[i].value];

			if (share < ideal * 0.98 - 2 || share > ideal * 1.02 + 2)
				fail_msg("%u members, weight %u: %g places, ideal %g", n, m[i].weight, share, ideal);
		}
	}
}

static void a_small_weight_is_not_forgotten(void **state)
{
	static uint16_t table[TABLE];
	struct sl_maglev_member m[2] = { { mix(1), 1000, 0 }, { mix(2), 1, 1 } };
	unsigned int places = 0;

	(void)state;
	sl_maglev_build(table, TABLE, m, 2);
	for (unsigned int i = 0; i < TABLE; i++)
		places += table[i] == 1;
	assert_in_range(places, 16, 18);
}

static void order_does_not_matter(void **state)
{
	static uint16_t a[TABLE], b[TABLE];
	struct sl_maglev_member m[20], backwards[20];

	(void)state;
	make_members(m, 20, UINT32_MAX, true);
	for (unsigned int i = 0; i < 20; i++)
		backwards[19 - i] = m[i];
	sl_maglev_build(a, TABLE, m, 20);
	sl_maglev_build(b, TABLE, backwards, 20);
	assert_memory_equal(a, b, sizeof(a));
}

/* The table of a known set, so that nodes of different builds agree. */
static void the_table_is_the_same_forever(void **state)
{
	static const uint16_t first[8] = { 0, 4, 4, 3, 4, 4, 4, 4 };
	uint16_t table[251];
	struct sl_maglev_member m[5];

	(void)state;
	make_members(m, 5, UINT32_MAX, true);
	sl_maglev_build(table, 251, m, 5);
	for (unsigned int i = 0; i < 8; i++)
		if (table[i] != first[i])
			fail_msg("place %u: %u, was %u", i, table[i], first[i]);
}

/* Removing one member should change only its own places. Maglev changes a few more: measured over every victim. */
static void removal_changes_little(void **state)
{
	static const struct {
		unsigned int count;
		bool weighted;
		double bound; /* changed places / the victims' own, over all victims */
	} rows[] = { { 2, false, 1.0 },	 { 3, false, 1.1 }, { 3, true, 1.1 },
		     { 10, false, 1.1 }, { 10, true, 1.1 }, { 50, false, 1.7 } };
	static uint16_t before[TABLE], after[TABLE];

	(void)state;
	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		struct sl_maglev_member m[MEMBERS_MAX];
		unsigned int changed = 0, own = 0, n = rows[r].count;

		make_members(m, n, UINT32_MAX, rows[r].weighted);
		sl_maglev_build(before, TABLE, m, n);
		for (unsigned int victim = 0; victim < n; victim++) {
			sl_maglev_build(after, TABLE, m, make_members(m, n, victim, rows[r].weighted));
			for (unsigned int i = 0; i < TABLE; i++) {
				changed += before[i] != after[i];
				own += before[i] == victim;
			}
		}
		print_message("removal of one of %u%s: %.3f x ideal\n", n, rows[r].weighted ? ", weighted" : "",
			      (double)changed / own);
		if (changed > own * rows[r].bound)
			fail_msg("%u members: changed %u, own %u", n, changed, own);
	}
}

/* -- table and snapshots ------------------------------------------------------------------------------------------ */

static const struct sl_service *service(const char *name)
{
	const struct sl_services *s = sl_services_current();

	for (unsigned int i = 0; i < s->service_count; i++)
		if (!strcmp(s->services[i]->name, name))
			return s->services[i];
	return NULL;
}

static const struct sl_backend *backend(const char *service_name, const char *name)
{
	const struct sl_service *s = service(service_name);

	for (unsigned int i = 0; s && i < s->backend_count; i++)
		if (!strcmp(s->backends[i]->name, name))
			return s->backends[i];
	return NULL;
}

static struct sl_key key_of_client(unsigned int n)
{
	struct sl_key key = { .src = { 192, 0, (uint8_t)(n >> 8), (uint8_t)n },
			      .dst = { 10, 1, 0, 1 },
			      .sport = (uint16_t)(n * 7),
			      .dport = 80,
			      .proto = IPPROTO_TCP,
			      .family = 4 };
	return key;
}

/* Nodes of earlier builds, and the XDP program, agree: xxHash's own function says the same. */
static void places_are_by_xxh64(void **state)
{
	const struct sl_service s = { .maglev_size = 16381 };

	(void)state;
	for (unsigned int i = 0; i < 1000; i++) {
		struct sl_key key = key_of_client(i);
		struct sl_services some = { .hash_seed = i * UINT64_C(0x123456789abcdef) };

		for (unsigned int b = 0; i >= 500 && b < 16; b++)
			key.src[b] = (uint8_t)(i * 31 + b * 7);
		key.dst[15] = (uint8_t)i;
		assert_int_equal(sl_service_place(&some, &s, &key), XXH64(&key, 36, some.hash_seed) % s.maglev_size);
	}
}

static unsigned int share(const char *service_name, const char *name, unsigned int clients)
{
	const struct sl_service *s = service(service_name);
	unsigned int n = 0;

	for (unsigned int i = 0; i < clients; i++) {
		struct sl_key key = key_of_client(i);
		const struct sl_backend *b = sl_service_select(sl_services_current(), s, &key);

		n += b && !strcmp(b->name, name);
	}
	return n;
}

static void selection_follows_weight_and_health(void **state)
{
	struct sl_service_table *t =
		create("services:\n"
		       "- {name: web, vip: 10.1.0.1, protocol: tcp, port: 80, mode: dsr-l2, backends: [" B1 ", " B2
		       ", " B3 "]}\n",
		       NULL);
	uint64_t generation = sl_services_current()->generation;

	(void)state;
	assert_int_equal(share("web", "b1", 3000), 0); /* nothing was checked yet */
	assert_int_equal(backend("web", "b1")->state, SL_BACKEND_CHECKING);
	sl_service_table_begin(t);
	for (unsigned int i = 1; i <= 3; i++)
		sl_service_table_health(t, i, SL_BACKEND_UP, 1000 + i);
	assert_int_equal(sl_services_current()->generation, generation);
	sl_service_table_commit(t);
	assert_int_equal(sl_services_current()->generation, generation + 1);
	assert_int_equal(backend("web", "b2")->since_ms, 1002);
	assert_in_range(share("web", "b1", 3000), 900, 1100);
	sl_service_table_health(t, backend("web", "b1")->id, SL_BACKEND_DOWN, 2000);
	assert_int_equal(share("web", "b1", 3000), 0);
	assert_in_range(share("web", "b2", 3000), 1350, 1650);
	assert_int_equal(sl_service_table_weight(t, backend("web", "b2")->id, 9), 0);
	assert_in_range(share("web", "b3", 3000), 230, 370);
	assert_int_equal(sl_service_table_weight(t, backend("web", "b2")->id, 0), 0);
	assert_int_equal(share("web", "b2", 3000), 0);
	assert_int_equal(sl_service_table_weight(t, backend("web", "b2")->id, -1), 0);
	assert_in_range(share("web", "b2", 3000), 1350, 1650);
	assert_int_equal(sl_service_table_weight(t, backend("web", "b2")->id, 1001), -34);
	assert_int_equal(sl_service_table_weight(t, 99, 1), -2);
	generation = sl_services_current()->generation;
	sl_service_table_health(t, backend("web", "b2")->id, SL_BACKEND_UP, 3000); /* nothing new */
	assert_int_equal(sl_services_current()->generation, generation);
	sl_service_table_destroy(t);
	assert_null(sl_services_current());
}

static uint64_t live[16];

static uint64_t connections(void *ctx, uint32_t id)
{
	(void)ctx;
	return id < 16 ? live[id] : 0;
}

static void a_reload_keeps_ids_and_retires(void **state)
{
	const struct sl_service_table_ops ops = { .connections = connections };
	struct sl_service_table *t = create("services:\n" SERVICE("web", "10.1.0.1", "tcp", "80", "", B1 ", " B2)
						    SERVICE("ssh", "10.1.0.1", "tcp", "22", "", B1), &ops);
	uint32_t b1 = backend("web", "b1")->id, b2 = backend("web", "b2")->id, ssh = backend("ssh", "b1")->id;
	struct sl_addr vip;

	(void)state;
	memset(live, 0, sizeof(live));
	live[b2] = 1;
	live[ssh] = 3;
	apply(t,
	      "services:\n" SERVICE("web", "10.1.0.1", "tcp", "80", "",
				    B3 ", {name: b1, address: 10.0.0.11, weight: 4}"));
	assert_int_equal(backend("web", "b1")->id, b1);
	assert_int_equal(backend("web", "b1")->weight, 4);
	assert_int_equal(backend("web", "b2")->state, SL_BACKEND_RETIRED);
	assert_false(backend("web", "b2")->usable);
	assert_ptr_equal(sl_services_backend(sl_services_current(), b2)->service, service("web"));
	assert_true(backend("web", "b3")->id != b1 && backend("web", "b3")->id != b2 &&
		    backend("web", "b3")->id != ssh);
	assert_true(service("ssh")->retired);
	sl_addr_parse("10.1.0.1", &vip);
	assert_null(sl_services_lookup(sl_services_current(), 0, 4, vip.bytes, IPPROTO_TCP, 22));
	for (unsigned int i = 0; i < 3; i++)
		sl_service_table_sweep(t);
	assert_non_null(sl_services_backend(sl_services_current(), b2));
	assert_non_null(service("ssh"));
	live[b2] = live[ssh] = 0;
	sl_service_table_sweep(t);
	assert_null(sl_services_backend(sl_services_current(), b2));
	assert_null(service("ssh"));
	assert_non_null(service("web")->maglev);
	/* The same name at another address is another backend; back again it is the one it was. */
	live[b1] = 1;
	apply(t, "services:\n" SERVICE("web", "10.1.0.1", "tcp", "80", "", "{name: b1, address: 10.0.0.99}"));
	assert_int_equal(sl_services_backend(sl_services_current(), b1)->state, SL_BACKEND_RETIRED);
	apply(t, "services:\n" SERVICE("web", "10.1.0.1", "tcp", "80", "", B1));
	assert_int_equal(sl_services_backend(sl_services_current(), b1)->state, SL_BACKEND_UP);
	sl_service_table_destroy(t);
}

/* The service is another one by its name or mode, so its backends are; where they are has not changed, nor has their health. */
static void another_name_needs_no_new_checks(void **state)
{
#define CHECKED(name, health, backends) \
	"services:\n- {name: " name ", vip: 10.1.0.1, protocol: tcp, port: 80, mode: dsr-l2, health: {" health "}, backends: [" backends "]}\n"
	struct sl_service_table *t = create(CHECKED("web", "type: tcp", B1 ", " B2), NULL);
	const uint32_t b1 = backend("web", "b1")->id;

	(void)state;
	sl_service_table_health(t, b1, SL_BACKEND_UP, 1000);
	sl_service_table_health(t, backend("web", "b2")->id, SL_BACKEND_DOWN, 1000);
	apply(t, CHECKED("shop", "type: tcp, interval_ms: 7000", B1 ", " B2 ", " B3));
	assert_int_not_equal(backend("shop", "b1")->id, b1);
	assert_int_equal(backend("shop", "b1")->state, SL_BACKEND_UP);
	assert_int_equal(backend("shop", "b2")->state, SL_BACKEND_DOWN);
	assert_int_equal(backend("shop", "b3")->state, SL_BACKEND_CHECKING);
	assert_int_equal(share("shop", "b1", 100), 100);
	/* Elsewhere they are not known: another port, another address, no check before. */
	apply(t, CHECKED("mail", "type: tcp, port: 81", B1 ", " B2));
	assert_int_equal(backend("mail", "b1")->state, SL_BACKEND_CHECKING);
	apply(t, CHECKED("mail", "type: none", B1 ", " B2));
	apply(t, CHECKED("news", "type: tcp", B1 ", " B2));
	assert_int_equal(backend("news", "b2")->state, SL_BACKEND_CHECKING);
	/* Nor if its own service has not checked it until now. */
	apply(t, CHECKED("wiki", "type: none", B1));
	apply(t, CHECKED("wiki", "type: tcp", "{name: other, address: 10.0.0.11}"));
	assert_int_equal(backend("wiki", "other")->state, SL_BACKEND_CHECKING);
	sl_service_table_destroy(t);
}

static void an_operators_weight_lasts_until_the_file_changes_it(void **state)
{
	struct sl_service_table *t =
		create("services:\n" SERVICE("web", "10.1.0.1", "tcp", "80", "", B1 ", " B2), NULL);

	(void)state;
	assert_int_equal(sl_service_table_weight(t, backend("web", "b1")->id, 9), 0);
	apply(t, "services:\n" SERVICE("web", "10.1.0.1", "tcp", "80", "", B1 ", " B3));
	assert_int_equal(backend("web", "b1")->weight, 9);
	apply(t,
	      "services:\n" SERVICE("web", "10.1.0.1", "tcp", "80", "", "{name: b1, address: 10.0.0.11, weight: 4}"));
	assert_int_equal(backend("web", "b1")->weight, 4);
	sl_service_table_destroy(t);
}

static void too_many_change_nothing(void **state)
{
	struct sl_service_table *t = create("services:\n" SERVICE("web", "10.1.0.1", "tcp", "80", "", B1), NULL);
	uint64_t generation = sl_services_current()->generation;
	struct sl_config *config = parse("services:\n" SERVICE("web", "10.1.0.1", "tcp", "80", "", B1));
	struct sl_config_service model = config->services[0], *many = calloc(20, sizeof(*many));
	char err[200];

	(void)state;
	for (unsigned int i = 0; i < 20; i++) {
		many[i] = model;
		snprintf(many[i].name, sizeof(many[i].name), "s%u", i);
		many[i].backend_count = 256;
		many[i].backends = calloc(256, sizeof(*many[i].backends));
		for (unsigned int j = 0; j < 256; j++) {
			many[i].backends[j] = model.backends[0];
			snprintf(many[i].backends[j].name, sizeof(many[i].backends[j].name), "b%u", j);
		}
	}
	free(config->services);
	config->services = many;
	config->service_count = 20;
	assert_int_equal(sl_service_table_apply(t, config, err, sizeof(err)), -28);
	assert_string_equal(err,
			    "more than 4095 services or backends, counting removed ones that still have connections");
	assert_int_equal(sl_services_current()->generation, generation);
	assert_non_null(backend("web", "b1"));
	free(model.backends);
	sl_config_free(config);
	sl_service_table_destroy(t);
}

static void a_connection_finds_its_backend(void **state)
{
	struct sl_service_table *t = create("services:\n"
		"- {name: web, vip: 10.1.0.1, protocol: tcp, port: 80, mode: nat, health: {type: none},\n"
		"   backends: [{name: b1, address: 10.0.0.11, port: 8080}, {name: b2, address: 10.0.0.11, port: 8081},"
		" {name: b3, address: 10.0.0.12}]}\n", NULL);
	static const struct {
		const char *address;
		unsigned int mode, port;
		const char *name;
	} rows[] = { { "10.0.0.11", SL_MODE_NAT, 8080, "b1" }, { "10.0.0.11", SL_MODE_NAT, 8081, "b2" },
		     { "10.0.0.11", SL_MODE_NAT, 80, NULL },   { "10.0.0.12", SL_MODE_NAT, 80, "b3" },
		     { "10.0.0.11", SL_MODE_IPIP, 8080, NULL } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct sl_backend *b;
		struct sl_addr addr;

		sl_addr_parse(rows[i].address, &addr);
		b = sl_service_find(service("web"), rows[i].mode, &addr, (uint16_t)rows[i].port, 0);
		if ((b != NULL) != (rows[i].name != NULL) || (b && strcmp(b->name, rows[i].name)))
			fail_msg("row %zu: %s", i, b ? b->name : "none");
	}
	sl_service_table_destroy(t);
}

/* -- what is retired, for the next agent -------------------------------------------------------------------------- */

static uint64_t always_one(void *ctx, uint32_t backend_id)
{
	(void)ctx, (void)backend_id;
	return 1;
}

static const struct sl_backend *backend_by_name(const char *service, const char *name)
{
	const struct sl_services *s = sl_services_current();

	for (uint32_t id = 0; id < SL_SERVICE_IDS; id++)
		if (s->backend[id] && !strcmp(s->backend[id]->name, name) && !strcmp(s->backend[id]->service->name, service))
			return s->backend[id];
	return NULL;
}

/* Backends leave the configuration while the first agent runs (reloaded) or between the two. */
static void retire(bool reloaded)
{
	static const char now[] = "services:\n" SERVICE("web", "10.1.0.1", "tcp", "80", "", B1);
	const struct sl_service_table_ops ops = { .connections = always_one };
	char path[] = "/tmp/sluice-retired-XXXXXX", file[64], err[200];
	struct sl_config *config = parse(now), *retired;
	struct sl_service_table *t;
	uint64_t identity, gue;
	FILE *f;

	assert_true(mkdtemp(path));
	snprintf(config->node.state, sizeof(config->node.state), "%s/state", path);
	snprintf(file, sizeof(file), "%s/state.backends", path);
	assert_null(sl_retired_load(config)); /* no file: nothing was there */
	t = create("services:\n" SERVICE("web", "10.1.0.1", "tcp", "80", "", B1 ", " B2 ", " B3)
		   SERVICE("old", "10.1.0.2", "udp", "any", "", B1)
		   "- {name: tunnel, vip: 10.1.0.3, protocol: tcp, port: 80, mode: gue, health: {type: none}, backends: "
		   "[{name: g0, address: 10.0.0.21}, {name: g1, address: 10.0.0.22, gue_variant: 1, gue_port: 6666}]}\n", &ops);
	if (reloaded)
		apply(t, now);
	identity = backend_by_name("web", "b2")->identity;
	gue = backend_by_name("tunnel", "g0")->identity;
	assert_int_equal(sl_retired_save(config->node.state, sl_services_current()), 0);
	sl_service_table_destroy(t);

	/* The next agent. */
	retired = sl_retired_load(config);
	assert_non_null(retired);
	assert_int_equal(retired->service_count, 3);
	t = sl_service_table_create(retired, &ops, err, sizeof(err));
	assert_int_equal(sl_service_table_apply(t, config, err, sizeof(err)), 0);
	assert_int_equal(backend_by_name("web", "b2")->state, SL_BACKEND_RETIRED);
	assert_int_equal(backend_by_name("web", "b2")->identity, identity); /* the same if it comes back */
	assert_int_equal(backend_by_name("web", "b3")->state, SL_BACKEND_RETIRED);
	assert_int_equal(backend_by_name("web", "b1")->state, SL_BACKEND_UP);
	assert_true(backend_by_name("old", "b1")->service->retired);
	assert_int_equal(backend_by_name("tunnel", "g0")->identity, gue);
	assert_int_equal(backend_by_name("tunnel", "g1")->gue_port, 6666);
	assert_int_equal(backend_by_name("tunnel", "g1")->gue_variant, 1);
	sl_config_free(retired);
	sl_service_table_destroy(t);

	/* A damaged file is none; one that tells of nothing else than the configuration is as good as none. */
	f = fopen(file, "r+b");
	assert_non_null(f);
	fseek(f, 100, SEEK_SET);
	fputc('x', f);
	fclose(f);
	sl_log_level_set(SL_LOG_ERROR);
	assert_null(sl_retired_load(config));
	t = create(now, &ops);
	assert_int_equal(sl_retired_save(config->node.state, sl_services_current()), 0);
	assert_null(sl_retired_load(config));
	sl_service_table_destroy(t);
	sl_config_free(config);
	unlink(file);
	rmdir(path);
}

static void what_is_retired_is_retired_again(void **state)
{
	(void)state;
	retire(true);
}

static void what_left_between_two_agents_is_retired(void **state)
{
	(void)state;
	retire(false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lookup_takes_the_narrowest),
		cmocka_unit_test(shares_follow_weights),
		cmocka_unit_test(a_small_weight_is_not_forgotten),
		cmocka_unit_test(order_does_not_matter),
		cmocka_unit_test(the_table_is_the_same_forever),
		cmocka_unit_test(removal_changes_little),
		cmocka_unit_test(selection_follows_weight_and_health),
		cmocka_unit_test(places_are_by_xxh64),
		cmocka_unit_test(a_reload_keeps_ids_and_retires),
		cmocka_unit_test(another_name_needs_no_new_checks),
		cmocka_unit_test(an_operators_weight_lasts_until_the_file_changes_it),
		cmocka_unit_test(too_many_change_nothing),
		cmocka_unit_test(a_connection_finds_its_backend),
		cmocka_unit_test(what_is_retired_is_retired_again),
		cmocka_unit_test(what_left_between_two_agents_is_retired),
	};

	sl_log_level_set(SL_LOG_ERROR);
	return cmocka_run_group_tests_name("host/service", tests, NULL, NULL);
}
