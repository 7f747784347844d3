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
	};
	int failed;

	rcu_register_thread();
	failed = cmocka_run_group_tests_name("host/learn", tests, NULL, NULL);
	rcu_unregister_thread();
	return failed;
}
