/* SPDX-License-Identifier: BSD-3-Clause */
/* See first.h. A card is a switch domain; its first port stands for it. */
#include "host/first.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_dev_info.h>
#include <rte_ethdev.h>
#include <urcu-qsbr.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "host/bond.h"
#include "host/egress.h"
#include "host/learn.h"
#include "host/log.h"
#include "host/places.h"
#include "host/port.h"
#include "host/service.h"
#include "sluice/first.h"

#define HINTS_AT_ONCE 1024u
#define HINT_ROUNDS 16u  /* of them each time */
#define PASS_STEP 65536u /* entries of the connection table that are looked at each time */
#define COUNTS_EVERY_MS 500u
#define AGAIN_MS 1000u

struct first_service {
	struct sl_first_key key;
	uint64_t put[SL_PORTS]; /* hash of what the card has, by its first port; 0 nothing */
	struct sl_first_view view;
	uint64_t syn_ms; /* when a SYN was last seen to be decided */
	bool syn, on;
};

static struct {
	struct sl_conn_table *table;
	struct first_service service[SL_SERVICE_IDS];
	struct sl_first_table *blob;
	struct sl_first_hint *hint;
	uint16_t place[SL_FIRST_PLACES]; /* backend ids */
	unsigned int on;                 /* services */
	uint32_t cursor;
	bool pass;
	uint64_t again_ms; /* when a card is asked again that has refused; 0: none has */
	uint64_t counts_ms, lost, lost_told;
} first;

/* ---- cards ---------------------------------------------------------------------------------------------------- */

static bool card_at(unsigned int port)
{
	const struct sl_port *p = sl_port_at(port);

	if (p->gone || strncmp(p->device, "net_sluice_xdp", 14))
		return false;
	for (unsigned int i = 0; i < port && p->domain != UINT16_MAX; i++)
		if (sl_port_at(i)->domain == p->domain)
			return false;
	return true;
}

static bool of_card(unsigned int port, unsigned int card)
{
	const uint16_t domain = sl_port_at(card)->domain;

	return port == card || (domain != UINT16_MAX && sl_port_at(port)->domain == domain);
}

/* No snapshot is in use meanwhile: nobody waits for a grace period because of a driver. */
static int ask(unsigned int card, bool set, uint32_t offset, void *data, uint32_t *length)
{
	struct rte_dev_eeprom_info info = { .data = data, .offset = offset, .length = *length, .magic = SL_FIRST_MAGIC };
	int rc;

	rcu_thread_offline();
	rc = set ? rte_eth_dev_set_eeprom(sl_port_at(card)->port_id, &info) : rte_eth_dev_get_eeprom(sl_port_at(card)->port_id, &info);
	rcu_thread_online();
	*length = info.length;
	return rc;
}

static int drop(unsigned int card, struct sl_first_key *key)
{
	uint32_t length = sizeof(*key);

	return ask(card, true, SL_FIRST_DROP, key, &length);
}

/* ---- one service ---------------------------------------------------------------------------------------------- */

static bool wanted(const struct sl_service *s)
{
	return s && s->first_xdp && !s->retired;
}

static struct sl_first_key key_of(const struct sl_service *s)
{
	struct sl_first_key key = { .port = rte_cpu_to_be_16(s->port_lo), .proto = s->protocol, .family = s->vip.family };

	memcpy(key.vip, s->vip.bytes, sizeof(key.vip));
	return key;
}

static void owners_wanted(const struct sl_service *s, uint32_t size)
{
	for (uint32_t i = 0; i < size; i++)
		first.place[i] = s->maglev_size ? (uint16_t)s->backends[s->maglev[i]]->id : 0;
}

/* The backends that an earlier agent's table has at its places, in first.place. False: no card has one that is understood. */
static bool owners_left(const struct sl_service *s, uint32_t size)
{
	uint16_t id[SL_FIRST_HOPS] = { 0 };
	uint32_t length = sizeof(*first.blob), card = 0;

	while (card < sl_port_count() && !card_at(card))
		card++;
	if (card == sl_port_count())
		return false;
	first.blob->key = key_of(s);
	if (ask(card, false, SL_FIRST_TABLE, first.blob, &length) || first.blob->size != size || first.blob->hop_count > SL_FIRST_HOPS ||
	    first.blob->seed != sl_services_current()->hash_seed) /* every place would mean other connections */
		return false;
	for (uint32_t h = 0; h < first.blob->hop_count; h++) {
		const struct sl_services *now = sl_services_current();

		for (uint32_t b = 1; b < SL_SERVICE_IDS && !id[h]; b++)
			if (now->backend[b] && now->backend[b]->identity == first.blob->hop[h].identity)
				id[h] = (uint16_t)b;
	}
	for (uint32_t i = 0; i < size; i++)
		first.place[i] = first.blob->place[i] < first.blob->hop_count ? id[first.blob->place[i]] : 0;
	return true;
}

/* The table as a card gets it: backends that it cannot send to leave their places to the agent. */
static void blob_make(const struct sl_services *now, const struct sl_service *s, unsigned int card, uint32_t size)
{
	static uint16_t hop_of[SL_SERVICE_IDS]; /* + 1 */
	struct sl_first_table *t = first.blob;

	memset(t, 0, sizeof(*t));
	memset(hop_of, 0, sizeof(hop_of));
	t->key = key_of(s);
	t->seed = now->hash_seed;
	t->size = size;
	for (uint32_t i = 0; i < s->backend_count && t->hop_count < SL_FIRST_HOPS; i++) {
		const struct sl_backend *b = s->backends[i];
		const struct sl_egress *egress = b->usable ? sl_egress_of(b->id) : NULL;
		struct sl_first_hop *hop = &t->hop[t->hop_count];
		unsigned int out;

		if (!egress || !egress->ready)
			continue;
		out = sl_bond_out(egress->action.port);
		if (!of_card(out, card))
			continue;
		hop->identity = b->identity;
		hop->action = egress->action;
		hop->action.port = (uint8_t)sl_port_at(out)->port_id;
		hop_of[b->id] = (uint16_t)++t->hop_count;
	}
	for (uint32_t i = 0; i < size; i++) {
		const uint16_t hop = hop_of[sl_places_owner(s->id, i)];

		t->place[i] = hop ? (uint16_t)(hop - 1) : SL_FIRST_HOST;
	}
}

/* Brings every card what it should have of the service. */
static void service_put(uint32_t id, uint32_t size, uint64_t now_ms)
{
	struct first_service *f = &first.service[id];
	bool stands = true;

	for (unsigned int card = 0; card < sl_port_count(); card++) {
		const struct sl_services *now = sl_services_current();
		uint32_t length = sizeof(*first.blob);
		uint64_t hash;
		int rc;

		if (!card_at(card) || !wanted(now->service[id]))
			continue;
		blob_make(now, now->service[id], card, size);
		hash = XXH64(first.blob, sizeof(*first.blob), 0) | 1;
		/* At the start, before there are next hops, what an earlier agent has left there is better than nothing. */
		if (hash == f->put[card] || (!f->put[card] && first.blob->hop_count == 0))
			continue;
		rc = ask(card, true, SL_FIRST_TABLE, first.blob, &length);
		f->put[card] = rc ? 0 : hash;
		if (rc == 0)
			continue;
		drop(card, &f->key); /* the table of before would decide on: none is better */
		if (f->view.stands)
			sl_log(SL_LOG_WARN, "first-packet", "service=%s port=%s error=%s", sl_services_current()->service[id]
			       ? sl_services_current()->service[id]->name : "?", sl_port_at(card)->name, strerror(-rc));
		stands = false;
	}
	first.again_ms = stands ? first.again_ms : now_ms + AGAIN_MS;
	__atomic_store_n(&f->view.stands, stands, __ATOMIC_RELAXED);
}

static void service_sync(uint32_t id, uint64_t now_ms)
{
	const struct sl_service *s = sl_services_current()->service[id];
	struct first_service *f = &first.service[id];
	const struct sl_first_key key = key_of(s);
	uint32_t size = s->maglev_size ? s->maglev_size : f->view.places;

	if (f->on && memcmp(&f->key, &key, sizeof(key)))
		sl_places_end(id); /* another service has the id now */
	f->key = key;
	if (size == 0 || size > SL_FIRST_PLACES)
		return; /* none of its backends has ever been usable */
	if (!sl_places_begun(id)) {
		f->syn = owners_left(s, size);
		f->syn_ms = now_ms;
		if (sl_places_begin(id, size, f->syn ? first.place : NULL, now_ms)) {
			sl_log(SL_LOG_ERROR, "out-of-memory", "what=%s", "places of a service: the agent decides its new connections");
			return;
		}
	}
	s = sl_services_current()->service[id];
	if (!wanted(s) || (s->maglev_size && s->maglev_size != size))
		return; /* this has been asked for again already */
	owners_wanted(s, size);
	sl_places_want(id, first.place, now_ms);
	memset(f->put, 0, f->on ? 0 : sizeof(f->put));
	__atomic_store_n(&f->view.places, size, __ATOMIC_RELAXED);
	if (!f->on)
		f->view.stands = true; /* so that the first failure is told */
	__atomic_store_n(&f->on, true, __ATOMIC_RELEASE);
	service_put(id, size, now_ms);
}

/* Services that a card has and nobody wants any more, an earlier agent's too. */
static void leftovers_drop(unsigned int card)
{
	struct sl_first_key keys[SL_FIRST_SERVICES];
	uint32_t length = sizeof(keys);

	if (ask(card, false, SL_FIRST_KEYS, keys, &length))
		return;
	for (uint32_t i = 0; i < length / sizeof(keys[0]); i++) {
		bool known = false;

		for (uint32_t id = 0; id < SL_SERVICE_IDS && !known; id++)
			known = first.service[id].on && memcmp(&first.service[id].key, &keys[i], sizeof(keys[i])) == 0;
		if (!known)
			drop(card, &keys[i]);
	}
}

void sl_first_changed(uint64_t now_ms)
{
	first.on = 0;
	first.again_ms = 0;
	for (uint32_t id = 0; id < SL_SERVICE_IDS; id++) {
		struct first_service *f = &first.service[id];

		if (wanted(sl_services_current()->service[id])) {
			service_sync(id, now_ms);
		} else if (f->on) {
			__atomic_store_n(&f->on, false, __ATOMIC_RELEASE);
			sl_places_end(id);
			memset(&f->view, 0, sizeof(f->view)); /* the card counts from 0 again, too */
		}
		__atomic_store_n(&f->view.held, sl_places_held(id), __ATOMIC_RELAXED);
		first.on += f->on;
	}
	for (unsigned int card = 0; card < sl_port_count(); card++)
		if (card_at(card))
			leftovers_drop(card);
}

/* ---- time ----------------------------------------------------------------------------------------------------- */

/* True: all that the card had by now were taken, and given to the workers. */
static bool hints_take(unsigned int card)
{
	bool all = true;

	for (unsigned int round = 0; round < HINT_ROUNDS; round++) {
		uint32_t length = HINTS_AT_ONCE * sizeof(*first.hint), n;

		if (ask(card, false, SL_FIRST_HINTS, first.hint, &length))
			return false;
		n = length / sizeof(*first.hint);
		for (uint32_t i = 0; i < n; i++) {
			const bool put = sl_learn_put(&first.hint[i]);

			first.lost += !put;
			all &= put;
		}
		if (n < HINTS_AT_ONCE)
			return all;
	}
	return false;
}

/* A part of the pass over the connection table; true if it has ended. */
static bool pass_go(void)
{
	const uint32_t capacity = sl_conn_table_capacity(first.table);
	const struct sl_services *now = sl_services_current();

	for (uint32_t n = 0; n < PASS_STEP && first.cursor < capacity; n++, first.cursor++) {
		const struct sl_service *s;
		struct sl_conn_copy conn;

		if (!sl_conn_read(first.table, first.cursor, &conn))
			continue;
		/* Not the backend's service: that may be one before this, at the same VIP. */
		s = sl_services_lookup(now, conn.key.tenant, conn.key.family, conn.key.dst, conn.key.proto,
				       rte_be_to_cpu_16(conn.key.dport));
		if (s && s->first_xdp && s->maglev_size)
			sl_places_seen(s->id, sl_service_place(now, s, &conn.key), conn.backend_id);
	}
	return first.cursor == capacity;
}

/* Read after all that was put before: what is not counted now is decided by the new table. */
static void counts_read(uint64_t now_ms)
{
	for (uint32_t id = 0; id < SL_SERVICE_IDS; id++) {
		struct first_service *f = &first.service[id];
		struct sl_first_counts sum = { .packets = 0 };

		for (unsigned int card = 0; f->on && card < sl_port_count(); card++) {
			struct sl_first_counts one = { .key = f->key };
			uint32_t length = sizeof(one);

			if (!card_at(card) || ask(card, false, SL_FIRST_COUNTS, &one, &length))
				continue;
			sum.packets += one.packets;
			sum.bytes += one.bytes;
			sum.syns += one.syns;
			sum.unhinted += one.unhinted;
		}
		if (sum.syns != f->view.syns) {
			f->syn = true;
			f->syn_ms = now_ms;
		}
		if (f->on && (!f->syn || now_ms - f->syn_ms >= SL_PLACES_HOLD_MS))
			sl_places_calm(id, now_ms);
		__atomic_store_n(&f->view.packets, sum.packets, __ATOMIC_RELAXED);
		__atomic_store_n(&f->view.bytes, sum.bytes, __ATOMIC_RELAXED);
		__atomic_store_n(&f->view.syns, sum.syns, __ATOMIC_RELAXED);
		__atomic_store_n(&f->view.unhinted, sum.unhinted, __ATOMIC_RELAXED);
	}
	if (first.lost != first.lost_told)
		sl_log(SL_LOG_WARN, "first-packet", "hints_lost=%lu reason=\"the workers are behind\"", (unsigned long)(first.lost - first.lost_told));
	first.lost_told = first.lost;
}

void sl_first_tick(uint64_t now_ms)
{
	bool all = true;

	if (!first.on)
		return;
	for (unsigned int card = 0; card < sl_port_count(); card++)
		all &= !card_at(card) || hints_take(card);
	if (all)
		sl_places_heard();
	if (!first.pass && sl_places_tick(now_ms)) {
		first.pass = true;
		first.cursor = 0;
	}
	if (first.pass && pass_go()) {
		first.pass = false;
		if (sl_places_pass_end(now_ms))
			first.again_ms = now_ms;
	}
	if (now_ms - first.counts_ms >= COUNTS_EVERY_MS) {
		first.counts_ms = now_ms;
		counts_read(now_ms);
	}
	if (first.again_ms && now_ms >= first.again_ms)
		sl_first_changed(now_ms);
}

/* ---- life ----------------------------------------------------------------------------------------------------- */

int sl_first_init(unsigned int workers, struct sl_conn_table *table)
{
	memset(&first, 0, sizeof(first));
	first.table = table;
	first.blob = calloc(1, sizeof(*first.blob));
	first.hint = calloc(HINTS_AT_ONCE, sizeof(*first.hint));
	return first.blob && first.hint ? sl_learn_open(workers, table) : -ENOMEM;
}

void sl_first_fini(void)
{
	sl_places_free();
	sl_learn_close();
	free(first.blob);
	free(first.hint);
	first.blob = NULL;
	first.hint = NULL;
}

bool sl_first_view(uint32_t id, struct sl_first_view *view)
{
	const struct first_service *f = &first.service[id < SL_SERVICE_IDS ? id : 0];

	if (!__atomic_load_n(&f->on, __ATOMIC_ACQUIRE))
		return false;
	*view = f->view;
	return true;
}
