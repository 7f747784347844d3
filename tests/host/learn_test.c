/* SPDX-License-Identifier: BSD-3-Clause */
/* What the agent makes of hints about connections that began in the XDP program, and of packets for places that have changed hands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <urcu-qsbr.h>

#define CAPACITY 4096u
#include "tests/host/slow_bench.h"

#include "host/learn.h"
#include "host/places.h"

#define VIP "192.0.2.19" /* dsr-l2, first_packet: xdp, backends b1 and b2, 16 half open */

static const struct sl_service *first_service(void)
{
	const struct sl_services *s = sl_services_current();

	for (unsigned int i = 0; i < s->service_count; i++)
		if (!strcmp(s->services[i]->name, "first"))
			return s->services[i];
	fail();
	return NULL;
}

static struct sl_first_hint hint_of(uint16_t sport, const struct sl_backend *backend, uint32_t packets, uint32_t flags)
{
	struct sl_first_hint h = { .packets = packets, .bytes = 100 * packets, .tcp_flags = flags, .identity = backend ? backend->identity : 1,
				   .key = { .src = { 10, 9, 0, 1 }, .dst = { 192, 0, 2, 19 }, .sport = htons(sport), .dport = htons(80),
					    .proto = 6, .family = 4 } };

	return h;
}

static uint32_t index_of(struct bench *b, uint16_t sport)
{
	const struct sl_first_hint h = hint_of(sport, NULL, 1, ACK);
	bool reverse = false;

	return sl_conn_find(b->table, sl_conn_shard(b->table, h.key.src, h.key.sport, 0), &h.key, &reverse);
}

static const struct sl_conn *conn_of(struct bench *b, uint16_t sport)
{
	const uint32_t index = index_of(b, sport);

	return index == SL_CONN_NONE ? NULL : sl_conn_at(b->table, index);
}

static void hint(struct bench *b, uint16_t sport, const struct sl_backend *backend, uint32_t packets, uint32_t flags)
{
	const struct sl_first_hint h = hint_of(sport, backend, packets, flags);

	sl_learn_hint(&b->sp, &h);
}

/* The backend that the agent would not choose. */
static const struct sl_backend *other_of(uint16_t sport)
{
	const struct sl_first_hint h = hint_of(sport, NULL, 1, ACK);
	const struct sl_service *s = first_service();

	return s->backends[sl_service_select(sl_services_current(), s, &h.key) == s->backends[0]];
}

static void test_one_packet_and_another(void **state)
{
	struct bench *b = *state;
	const struct sl_backend *where = other_of(1);
	const struct sl_conn *conn;

	hint(b, 1, where, 1, ACK);
	conn = conn_of(b, 1);
	assert_non_null(conn);
	assert_int_equal(conn->backend_id, where->id); /* whatever the agent would have said */
	assert_int_equal(conn->state, SL_CONN_EMBRYONIC);
	assert_true(conn->flags & SL_CONN_UNPROVEN);
	assert_int_equal(sl_conn_card_at(b->table, index_of(b, 1))->packets, 1);
	assert_int_equal(sl_conn_card_at(b->table, index_of(b, 1))->bytes, 100);
	assert_int_equal(conn->sw_packets, 0);
	assert_int_equal(card.count, 0);
	hint(b, 1, where, 1, ACK);
	assert_int_equal(conn->state, SL_CONN_ESTABLISHED);
	assert_false(conn->flags & SL_CONN_UNPROVEN);
	assert_int_equal(card.count, 1);
	assert_int_equal(card.op, SL_OFFLOAD_INSERT);
	assert_int_equal(conn->offload, SL_CONN_INSERTING);
	hint(b, 1, where, 5, ACK); /* the offload thread's counter is left alone */
	assert_int_equal(sl_conn_card_at(b->table, index_of(b, 1))->packets, 2);
	assert_int_equal(conn->sw_packets, 5);
	assert_int_equal(b->backends[where->id].first_packets, 7);
	assert_int_equal(b->backends[where->id].connections, 1);
}

static void test_two_packets_at_once(void **state)
{
	struct bench *b = *state;

	hint(b, 2, other_of(2), 2, ACK);
	assert_int_equal(conn_of(b, 2)->state, SL_CONN_ESTABLISHED);
	assert_int_equal(card.count, 1);
}

static void test_the_end(void **state)
{
	struct bench *b = *state;

	hint(b, 3, other_of(3), 3, ACK | FIN);
	hint(b, 3, other_of(3), 1, RST);
	assert_null(conn_of(b, 3)); /* nothing more comes of it */
	hint(b, 3, other_of(3), 1, ACK);
	hint(b, 3, other_of(3), 1, ACK | FIN);
	assert_int_equal(conn_of(b, 3)->state, SL_CONN_CLOSING);
	assert_int_equal(card.count, 0);
}

static void test_a_backend_that_nobody_knows(void **state)
{
	struct bench *b = *state;

	hint(b, 4, NULL, 1, ACK);
	assert_int_not_equal(conn_of(b, 4)->backend_id, other_of(4)->id);
}

static void test_no_service(void **state)
{
	struct bench *b = *state;
	struct sl_first_hint h = hint_of(5, NULL, 2, ACK);

	h.key.dport = htons(81);
	sl_learn_hint(&b->sp, &h);
	assert_int_equal(b->stats.conns_created, 0);
}

/* Forged packets fill no more than the service's budget. */
static void test_budget(void **state)
{
	struct bench *b = *state;

	for (uint16_t port = 100; port < 500; port++)
		hint(b, port, other_of(port), 1, ACK);
	assert_int_equal(b->stats.conns_created, 16);
	assert_true(b->stats.reason_packets[SL_REASON_SERVICE_FULL] == 400 - 16);
}

/* A place is held: what is not a SYN goes to the previous owner, a SYN to the one that is wanted. */
static void test_previous_owner(void **state)
{
	struct bench *b = *state;
	const struct sl_service *s = first_service();
	const struct sl_first_hint h = hint_of(7, NULL, 1, ACK);
	const uint32_t place = sl_service_place(sl_services_current(), s, &h.key);
	uint16_t *owners = calloc(s->maglev_size, sizeof(*owners)), *wanted = calloc(s->maglev_size, sizeof(*wanted));

	for (uint32_t i = 0; i < s->maglev_size; i++) {
		owners[i] = (uint16_t)other_of(7)->id;
		wanted[i] = (uint16_t)s->backends[s->maglev[i]]->id;
	}
	assert_int_equal(sl_places_begin(s->id, s->maglev_size, owners, 0), 0);
	sl_places_want(s->id, wanted, 0);
	assert_int_equal(sl_places_before(s->id, place), other_of(7)->id);
	expect(b, tcp(VIP, 7, ACK), SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	assert_int_equal(conn_of(b, 7)->backend_id, other_of(7)->id);
	sl_places_end(s->id);
	assert_int_equal(sl_places_begin(s->id, s->maglev_size, owners, 0), 0);
	expect(b, tcp(VIP, 8, SYN), SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
	assert_int_not_equal(conn_of(b, 8)->backend_id, other_of(8)->id);
	sl_places_free();
	free(owners);
	free(wanted);
}

/* UDP has no SYN: a flow whose first packet the program has sent, and whose hint is not here yet, keeps its backend over a change; but not
 * one that is down, and later no flow. */
static void test_udp_before_its_hint(void **state)
{
	struct bench *b = *state;
	const struct sl_service *s = sl_services_lookup(b->sp.services, 0, 4, (const uint8_t *)"\xc0\0\2\x14\0\0\0\0\0\0\0\0\0\0\0", 17, 80);
	const struct sl_backend *before[3], *new[3];
	uint16_t *owners, *wanted;

	assert_non_null(s);
	owners = calloc(s->maglev_size, sizeof(*owners));
	wanted = calloc(s->maglev_size, sizeof(*wanted));
	for (uint32_t i = 0; i < s->maglev_size; i++) {
		wanted[i] = (uint16_t)s->backends[s->maglev[i]]->id;
		owners[i] = (uint16_t)s->backends[!s->maglev[i]]->id;
	}
	assert_int_equal(sl_places_begin(s->id, s->maglev_size, owners, 0), 0);
	sl_places_want(s->id, wanted, 0);
	for (uint16_t port = 0; port < 3; port++) {
		const struct frame f = make((struct spec){ .src = "10.9.0.1", .dst = "192.0.2.20", .sport = (uint16_t)(21 + port), .dport = 80, .proto = 17 });
		const struct sl_key key = { .src = { 10, 9, 0, 1 }, .dst = { 192, 0, 2, 20 }, .sport = htons((uint16_t)(21 + port)),
					    .dport = htons(80), .proto = 17, .family = 4 };
		const uint32_t place = sl_service_place(b->sp.services, s, &key);
		bool reverse = false;
		uint32_t index;

		before[port] = sl_services_backend(b->sp.services, owners[place]);
		new[port] = sl_services_backend(b->sp.services, wanted[place]);
		if (port == 1)
			((struct sl_backend *)(uintptr_t)before[1])->state = SL_BACKEND_DOWN;
		expect(b, f, SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
		((struct sl_backend *)(uintptr_t)before[port])->state = SL_BACKEND_UP;
		index = sl_conn_find(b->table, sl_conn_shard(b->table, key.src, key.sport, 0), &key, &reverse);
		assert_int_not_equal(index, SL_CONN_NONE);
		assert_int_equal(sl_conn_at(b->table, index)->backend_id, port == 0 ? before[port]->id : new[port]->id);
		for (unsigned int i = 0; port == 1 && i < SL_PLACES_FRESH; i++)
			sl_places_heard();
	}
	sl_places_free();
	free(owners);
	free(wanted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_one_packet_and_another, bench_up, bench_down),
		cmocka_unit_test_setup_teardown(test_two_packets_at_once, bench_up, bench_down),
		cmocka_unit_test_setup_teardown(test_the_end, bench_up, bench_down),
		cmocka_unit_test_setup_teardown(test_a_backend_that_nobody_knows, bench_up, bench_down),
		cmocka_unit_test_setup_teardown(test_no_service, bench_up, bench_down),
		cmocka_unit_test_setup_teardown(test_budget, bench_up, bench_down),
		cmocka_unit_test_setup_teardown(test_previous_owner, bench_up, bench_down),
		cmocka_unit_test_setup_teardown(test_udp_before_its_hint, bench_up, bench_down),
	};
	int failed;

	rcu_register_thread();
	failed = cmocka_run_group_tests_name("host/learn", tests, NULL, NULL);
	rcu_unregister_thread();
	return failed;
}
