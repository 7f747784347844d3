/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a card is told of a service that its program decides (host/first), when the service gets another name: its backends are others
 * then, at the same VIP, and those of before have connections. The card is one table that is kept here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <rte_dev_info.h>
#include <rte_ethdev.h>
#include <urcu-qsbr.h>

#include "tests/host/slow_bench.h"

#include "host/first.h"
#include "host/learn.h"
#include "host/places.h"

#define VIP "192.0.2.19" /* dsr-l2, first_packet: xdp, backends b1 and b2 */
#define START UINT64_C(1000000)

/* ---- fakes ------------------------------------------------------------------------------------------------------ */

static struct sl_first_table *there;
static bool known;
static int hints_rc;
static bool hints_more; /* than are taken at once */

int rte_eth_dev_set_eeprom(uint16_t port, struct rte_dev_eeprom_info *info)
{
	const struct sl_first_table *t = info->data;

	(void)port;
	if (info->offset != SL_FIRST_TABLE || t->key.proto != IPPROTO_TCP)
		return 0;
	memcpy(there, t, sizeof(*there));
	known = true;
	return 0;
}

int rte_eth_dev_get_eeprom(uint16_t port, struct rte_dev_eeprom_info *info)
{
	const struct sl_first_key *key = info->data;

	(void)port;
	if (info->offset == SL_FIRST_TABLE) {
		if (!known || memcmp(key, &there->key, sizeof(*key)))
			return -ENOENT;
		memcpy(info->data, there, sizeof(*there));
	} else if (info->offset == SL_FIRST_HINTS) {
		info->length = hints_more ? info->length : 0;
		return hints_rc;
	} else if (info->offset == SL_FIRST_KEYS) {
		info->length = 0;
	}
	return 0;
}

int sl_learn_open(unsigned int workers, struct sl_conn_table *table)
{
	(void)workers;
	(void)table;
	return 0;
}

void sl_learn_close(void)
{
}

bool sl_learn_put(const struct sl_first_hint *hint)
{
	(void)hint;
	return true;
}

/* ---- the service ------------------------------------------------------------------------------------------------ */

static const struct sl_service *service_now(void)
{
	return sl_services_lookup(sl_services_current(), 0, 4, (const uint8_t *)"\xc0\0\2\x13\0\0\0\0\0\0\0\0\0\0\0", IPPROTO_TCP, 80);
}

static struct sl_key key_of(uint16_t sport)
{
	return (struct sl_key){ .src = { 10, 9, 0, 1 }, .dst = { 192, 0, 2, 19 }, .sport = htons(sport), .dport = htons(80), .proto = 6, .family = 4 };
}

static uint32_t place_of(uint16_t sport)
{
	const struct sl_key key = key_of(sport);

	return sl_service_place(sl_services_current(), service_now(), &key);
}

static uint16_t backend_of(struct bench *b, uint16_t sport)
{
	const struct sl_key key = key_of(sport);
	bool reverse = false;
	const uint32_t index = sl_conn_find(b->table, sl_conn_shard(b->table, key.src, key.sport, 0), &key, &reverse);

	assert_int_not_equal(index, SL_CONN_NONE);
	return sl_conn_at(b->table, index)->backend_id;
}

static void rename_service(struct bench *b)
{
	char *text = strdup(config_text), *at = strstr(text, "name: first,");
	struct sl_config_error error;
	struct sl_config *config;
	const struct sl_services *s;
	char err[256];

	assert_non_null(at);
	memcpy(at, "name: other,", 12);
	if (sl_config_parse("t", text, strlen(text), &config, &error))
		fail_msg("%s", error.text);
	assert_int_equal(sl_service_table_apply(b->services, config, err, sizeof(err)), 0);
	s = b->sp.services = sl_services_current();
	sl_egress_services_changed(s, NULL);
	for (uint32_t id = 1; id < SL_SERVICE_IDS; id++)
		if (s->backend[id] && s->backend[id]->address.bytes[3] != 77)
			hop_ready(s, &s->backend[id]->address);
	sl_config_free(config);
	free(text);
}

static unsigned int hosts_places(void)
{
	unsigned int n = 0;

	for (uint32_t i = 0; i < there->size; i++)
		n += there->place[i] == SL_FIRST_HOST;
	return n;
}

/* ---- tests ------------------------------------------------------------------------------------------------------ */

static int up(void **state)
{
	struct bench *b;

	bench_up(state);
	b = *state;
	snprintf(port0.device, sizeof(port0.device), "net_sluice_xdp0");
	port0.domain = UINT16_MAX;
	there = calloc(1, sizeof(*there));
	known = hints_more = false;
	hints_rc = 0;
	assert_int_equal(sl_first_init(1, b->table), 0);
	sl_first_changed(START);
	sl_first_tick(START + 100);
	assert_true(known && there->size == service_now()->maglev_size);
	assert_int_equal(hosts_places(), 0);
	return 0;
}

static int down(void **state)
{
	sl_first_fini();
	free(there);
	return bench_down(state);
}

static void a_renamed_service_keeps_the_connections_of_before(void **state)
{
	struct bench *b = *state;
	const uint32_t before = service_now()->id;
	uint16_t with_entry, without;

	handshake(b, VIP, 7);
	with_entry = backend_of(b, 7);
	rename_service(b);
	assert_int_not_equal(service_now()->id, before);
	assert_int_not_equal(place_of(7), place_of(9));
	sl_first_changed(START + 1000);
	assert_int_equal(hosts_places(), there->size);
	assert_int_equal(sl_places_before(service_now()->id, place_of(7)), with_entry);
	/* Its SYN was the program's, by the table of the old name; nobody here has heard of it. */
	without = sl_places_before(service_now()->id, place_of(9));
	assert_true(sl_services_backend(sl_services_current(), without)->service != service_now());
	expect(b, tcp(VIP, 9, ACK), SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	assert_int_equal(backend_of(b, 9), without);
	/* The pass over the table sees them though their backends are another service's: their places stay the agent's, all others go. */
	sl_first_tick(START + 1000 + SL_PLACES_HOLD_MS);
	sl_first_tick(START + 1000 + SL_PLACES_HOLD_MS + SL_PLACES_SETTLE_MS);
	sl_first_tick(START + 1000 + SL_PLACES_HOLD_MS + 2 * SL_PLACES_SETTLE_MS);
	assert_int_equal(there->place[place_of(7)], SL_FIRST_HOST);
	assert_int_equal(there->place[place_of(9)], SL_FIRST_HOST);
	assert_int_equal(hosts_places(), 2);
}

static void a_change_is_fresh_until_a_card_has_told_all(void **state)
{
	rename_service(*state);
	sl_first_changed(START + 1000);
	assert_true(sl_places_fresh(service_now()->id));
	hints_rc = -EIO;
	for (unsigned int i = 0; i < 2 * SL_PLACES_FRESH; i++)
		sl_first_tick(START + 1100 + i);
	assert_true(sl_places_fresh(service_now()->id));
	hints_rc = 0;
	hints_more = true;
	for (unsigned int i = 0; i < 2 * SL_PLACES_FRESH; i++)
		sl_first_tick(START + 1200 + i);
	assert_true(sl_places_fresh(service_now()->id));
	hints_more = false;
	for (unsigned int i = 0; i < SL_PLACES_FRESH; i++)
		sl_first_tick(START + 1300 + i);
	assert_false(sl_places_fresh(service_now()->id));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_renamed_service_keeps_the_connections_of_before, up, down),
		cmocka_unit_test_setup_teardown(a_change_is_fresh_until_a_card_has_told_all, up, down),
	};
	int failed;

	rcu_register_thread();
	failed = cmocka_run_group_tests_name("host/first", tests, NULL, NULL);
	rcu_unregister_thread();
	return failed;
}
