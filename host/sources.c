/* SPDX-License-Identifier: BSD-3-Clause */
/* A pool is of one tuple, source address and shard; the ports that it may have are a set that pools of other tuples share. */
#include "host/sources.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define CHAINS 4096u
#define SET_CHAINS 256u
#define POOLS_MAX 65536u /* of a worker */
#define POOLS_LOOK 64u   /* from here on pools that nobody uses are let go of, now and then */

/* The ports of an address that have a shard. */
struct port_set {
	struct port_set *next;
	uint16_t tenant;
	uint8_t source;   /* number */
	uint8_t shard;
	uint32_t count;
	uint16_t port[];  /* host order, rising */
};

/* Compared as bytes. */
struct pool_key {
	uint8_t backend[16];
	uint16_t port;   /* network order */
	uint16_t tenant;
	uint8_t proto;
	uint8_t family;
	uint8_t source;  /* number */
	uint8_t shard;
};

struct resting {
	uint32_t since_s;
	uint32_t at;      /* in the set */
};

/* A port of the set is either fresh (no connection to this tuple has had it yet), in use, or resting. */
struct pool {
	struct pool *next;
	struct pool_key key;
	const struct port_set *set;
	uint32_t begin, fresh;  /* where the first was taken, by chance; how many places from there were looked at */
	uint32_t used;
	uint32_t first, count, room; /* resting ones, a ring, the longest rest first */
	struct resting *ring;
	uint64_t given_ms;      /* when one was last given back or taken */
	uint64_t touched[];     /* by place in the set: not fresh */
};

struct sl_sources {
	struct sl_conn_table *table;
	uint8_t number[SL_CONFIG_ADDRESSES_MAX]; /* of the configured addresses */
	unsigned int count, turn;
	uint16_t port_lo, port_hi;
	uint32_t quarantine_s;
	uint32_t pools;
	uint64_t looked_ms;
	struct pool *chain[CHAINS];
	struct port_set *set[SET_CHAINS];
};

static unsigned int number_of(const struct sl_addr *address)
{
	for (unsigned int n = 1; n < SL_CONN_SOURCES; n++) {
		const struct sl_addr *known = sl_conn_source(n);

		if (known && sl_addr_equal(known, address))
			return n;
	}
	return 0;
}

int sl_sources_open(struct sl_addr *numbers, const struct sl_config_fullnat *config, const struct sl_conn_table *table)
{
	bool used[SL_CONN_SOURCES] = { true };
	struct sl_conn_copy conn;

	for (uint32_t i = 0; i < sl_conn_table_capacity(table); i++)
		if (sl_conn_read(table, i, &conn) && conn.nat.source < SL_CONN_SOURCES)
			used[conn.nat.source] = true;
	for (unsigned int i = 0; i < config->source_count; i++)
		used[number_of(&config->source[i])] = true;
	for (unsigned int n = 1; n < SL_CONN_SOURCES; n++)
		if (!used[n])
			memset(&numbers[n], 0, sizeof(numbers[n]));
	for (unsigned int i = 0; i < config->source_count; i++) {
		unsigned int n = number_of(&config->source[i]);

		for (n = n ? n : 1; n < SL_CONN_SOURCES && numbers[n].family && !sl_addr_equal(&numbers[n], &config->source[i]); n++)
			;
		if (n == SL_CONN_SOURCES)
			return -ENOSPC;
		numbers[n] = config->source[i];
	}
	return 0;
}

struct sl_sources *sl_sources_create(struct sl_conn_table *table, const struct sl_config_fullnat *config)
{
	struct sl_sources *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->table = table;
	s->port_lo = config->port_lo;
	s->port_hi = config->port_hi;
	s->quarantine_s = (config->quarantine_ms + 999) / 1000;
	for (unsigned int i = 0; i < config->source_count; i++)
		s->number[s->count++] = (uint8_t)number_of(&config->source[i]);
	return s;
}

static void pool_free(struct pool *p)
{
	free(p->ring);
	free(p);
}

void sl_sources_destroy(struct sl_sources *s)
{
	for (unsigned int i = 0; s && i < CHAINS; i++) {
		while (s->chain[i]) {
			struct pool *p = s->chain[i];

			s->chain[i] = p->next;
			pool_free(p);
		}
	}
	for (unsigned int i = 0; s && i < SET_CHAINS; i++) {
		while (s->set[i]) {
			struct port_set *set = s->set[i];

			s->set[i] = set->next;
			free(set);
		}
	}
	free(s);
}

uint32_t sl_sources_pools(const struct sl_sources *s)
{
	return s->pools;
}

/* ---- pools ------------------------------------------------------------------------------------------------------ */

static struct pool **chain_of(struct sl_sources *s, const struct pool_key *key)
{
	return &s->chain[XXH32(key, sizeof(*key), 0) % CHAINS];
}

static struct pool *pool_find(struct sl_sources *s, const struct pool_key *key)
{
	struct pool *p = *chain_of(s, key);

	while (p && memcmp(&p->key, key, sizeof(*key)))
		p = p->next;
	return p;
}

/* Those of which no port is used, nor rests any more: made anew, they would be the same. */
static void pools_look(struct sl_sources *s, uint64_t now_ms)
{
	const uint64_t quarantine_ms = (uint64_t)s->quarantine_s * 1000;

	if (s->pools < POOLS_LOOK || now_ms - s->looked_ms < 1000 + (s->pools < POOLS_MAX ? quarantine_ms : 0))
		return;
	s->looked_ms = now_ms;
	for (unsigned int i = 0; i < CHAINS; i++) {
		for (struct pool **at = &s->chain[i]; *at;) {
			struct pool *p = *at;

			if (p->used || now_ms - p->given_ms < quarantine_ms) {
				at = &p->next;
				continue;
			}
			*at = p->next;
			pool_free(p);
			s->pools--;
		}
	}
}

static const struct port_set *set_find(struct sl_sources *s, const struct pool_key *key)
{
	struct port_set **chain = &s->set[((uint32_t)key->source << 4 ^ key->shard ^ (uint32_t)key->tenant * 31) % SET_CHAINS], *set;
	const struct sl_addr *address = sl_conn_source(key->source);
	const uint32_t ports = (uint32_t)s->port_hi - s->port_lo + 1u;

	for (set = *chain; set; set = set->next)
		if (set->source == key->source && set->shard == key->shard && set->tenant == key->tenant)
			return set;
	set = malloc(sizeof(*set) + ports * sizeof(set->port[0]));
	if (!set)
		return NULL;
	*set = (struct port_set){ .next = *chain, .tenant = key->tenant, .source = key->source, .shard = key->shard };
	for (uint32_t port = s->port_lo; port <= s->port_hi; port++)
		if (sl_conn_shard(s->table, address->bytes, htons((uint16_t)port), key->tenant) == key->shard)
			set->port[set->count++] = (uint16_t)port;
	*chain = set;
	return set;
}

/* Place of a port in the set; count if it has none. */
static uint32_t set_place(const struct port_set *set, uint16_t port)
{
	uint32_t low = 0, high = set->count;

	while (low < high) {
		const uint32_t middle = (low + high) / 2;

		if (set->port[middle] < port)
			low = middle + 1;
		else
			high = middle;
	}
	return low < set->count && set->port[low] == port ? low : set->count;
}

/* Whether a connection of an agent before this one has the port. */
static bool port_used(const struct sl_sources *s, const struct pool_key *key, uint16_t port)
{
	struct sl_key back = { .sport = key->port, .dport = htons(port), .tenant = key->tenant, .proto = key->proto,
			       .family = key->family };
	bool reverse = true;

	memcpy(back.src, key->backend, sizeof(back.src));
	memcpy(back.dst, sl_conn_source(key->source)->bytes, sizeof(back.dst));
	return sl_conn_find(s->table, key->shard, &back, &reverse) != SL_CONN_NONE;
}

static struct pool *pool_make(struct sl_sources *s, const struct pool_key *key, uint64_t now_ms)
{
	const struct port_set *set = set_find(s, key);
	struct pool *p;

	pools_look(s, now_ms);
	if (!set || s->pools >= POOLS_MAX)
		return NULL;
	p = calloc(1, sizeof(*p) + (set->count + 63) / 64 * sizeof(p->touched[0]));
	if (!p)
		return NULL;
	p->next = *chain_of(s, key);
	p->key = *key;
	p->set = set;
	p->begin = set->count ? XXH32(&now_ms, sizeof(now_ms), XXH32(key, sizeof(*key), 0)) % set->count : 0;
	p->given_ms = now_ms;
	*chain_of(s, key) = p;
	s->pools++;
	return p;
}

static bool touched(const struct pool *p, uint32_t at)
{
	return p->touched[at / 64] >> at % 64 & 1;
}

static void touch(struct pool *p, uint32_t at)
{
	p->touched[at / 64] |= UINT64_C(1) << at % 64;
}

/* Room for `count` resting ports. */
static bool ring_grow(struct pool *p, uint32_t count)
{
	const uint32_t room = p->room ? 2 * p->room : 16;
	struct resting *ring;

	if (count <= p->room)
		return true;
	ring = malloc(room * sizeof(*ring));
	if (!ring)
		return false;
	for (uint32_t i = 0; i < p->count; i++)
		ring[i] = p->ring[(p->first + i) % p->room];
	free(p->ring);
	p->ring = ring;
	p->first = 0;
	p->room = room;
	return true;
}

/* One that no connection has had, or the one that has rested longest. 0, -EADDRNOTAVAIL or -ENOMEM. */
static int pool_take(const struct sl_sources *s, struct pool *p, uint64_t now_ms, uint16_t *port)
{
	uint32_t at;

	if (!ring_grow(p, p->used + p->count + 1)) /* so that giving back needs no memory */
		return -ENOMEM;
	while (p->fresh < p->set->count) {
		at = (p->begin + p->fresh++) % p->set->count;
		if (touched(p, at))
			continue;
		touch(p, at);
		if (!port_used(s, &p->key, p->set->port[at]))
			goto found;
	}
	if (!p->count || (uint32_t)(now_ms / 1000) - p->ring[p->first].since_s < s->quarantine_s)
		return -EADDRNOTAVAIL;
	at = p->ring[p->first].at;
	p->first = (p->first + 1) % p->room;
	p->count--;
found:
	*port = p->set->port[at];
	p->used++;
	p->given_ms = now_ms;
	return 0;
}

static struct pool_key key_of(const struct sl_key *key, const uint8_t backend[16], uint16_t port, uint8_t source, unsigned int shard)
{
	struct pool_key k;

	memset(&k, 0, sizeof(k));
	memcpy(k.backend, backend, sizeof(k.backend));
	k.port = port;
	k.tenant = key->tenant;
	k.proto = key->proto;
	k.family = key->family;
	k.source = source;
	k.shard = (uint8_t)shard;
	return k;
}

/* ---- ports ------------------------------------------------------------------------------------------------------ */

int sl_sources_take(struct sl_sources *s, unsigned int shard, struct sl_conn_new *new)
{
	int rc = -EADDRNOTAVAIL;

	s->turn++;
	for (unsigned int i = 0; i < s->count; i++) {
		const uint8_t number = s->number[(s->turn + i) % s->count];
		const struct pool_key key = key_of(&new->key, new->backend_addr, new->backend_port, number, shard);
		struct pool *p;
		uint16_t port;

		if (!sl_conn_source(number) || sl_conn_source(number)->family != new->key.family)
			continue;
		p = pool_find(s, &key);
		p = p ? p : pool_make(s, &key, new->now_ms);
		rc = p ? pool_take(s, p, new->now_ms, &port) : -ENOMEM;
		if (rc)
			continue;
		new->source = number;
		new->source_port = htons(port);
		return 0;
	}
	return rc;
}

/* Ports outside of the configured ones are an earlier configuration's. */
void sl_sources_give(struct sl_sources *s, uint32_t index, uint64_t now_ms)
{
	const struct sl_conn_nat *nat = sl_conn_nat_at(s->table, index);
	uint8_t backend[16];
	struct pool_key key;
	struct sl_key forth;
	struct pool *p;
	uint32_t at;

	sl_conn_key(s->table, index, &forth);
	sl_conn_backend(s->table, index, backend);
	key = key_of(&forth, backend, nat->backend_port, nat->source, sl_conn_shard_of(s->table, index));
	p = pool_find(s, &key);
	p = p || !sl_conn_source(key.source) ? p : pool_make(s, &key, now_ms); /* it was taken by an agent before this one */
	at = p ? set_place(p->set, ntohs(nat->source_port)) : 0;
	if (!p || at == p->set->count || !ring_grow(p, p->count + 1))
		return;
	p->used -= touched(p, at) && p->used;
	touch(p, at);
	p->ring[(p->first + p->count++) % p->room] = (struct resting){ (uint32_t)(now_ms / 1000), at };
	p->given_ms = now_ms;
}

/* In front of all others, as it has rested. */
void sl_sources_untake(struct sl_sources *s, unsigned int shard, const struct sl_conn_new *new)
{
	const struct pool_key key = key_of(&new->key, new->backend_addr, new->backend_port, new->source, shard);
	struct pool *p = pool_find(s, &key);

	if (!p)
		return;
	p->first = (p->first + p->room - 1) % p->room;
	p->count++;
	p->used--;
	p->ring[p->first] = (struct resting){ (uint32_t)(new->now_ms / 1000) - s->quarantine_s, set_place(p->set, ntohs(new->source_port)) };
}
