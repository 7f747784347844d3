/* SPDX-License-Identifier: BSD-3-Clause */
/* A pool is a ring of the free ports of one tuple, source address and shard, the one that has rested longest first. */
#include "host/sources.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define CHAINS 4096u
#define POOLS_LOOK 64u /* from here on, and at each doubling, pools that nobody uses are let go of */

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

struct free_port {
	uint16_t port;    /* host order */
	uint16_t since_s; /* when it was given back, of 2^16 seconds */
};

struct pool {
	struct pool *next;
	struct pool_key key;
	uint32_t size;    /* ports of the shard */
	uint32_t count;   /* of them free */
	uint32_t first;   /* in `ring`, of `size` places */
	uint64_t given_ms; /* when one was last given back or taken */
	struct free_port ring[];
};

struct sl_sources {
	struct sl_conn_table *table;
	uint8_t number[SL_CONFIG_ADDRESSES_MAX]; /* of the configured addresses */
	unsigned int count, turn;
	uint16_t port_lo, port_hi;
	uint32_t quarantine_s;
	uint32_t pools, look; /* how many there are; at how many to look for idle ones */
	struct pool *chain[CHAINS];
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
	s->look = POOLS_LOOK;
	for (unsigned int i = 0; i < config->source_count; i++)
		s->number[s->count++] = (uint8_t)number_of(&config->source[i]);
	return s;
}

void sl_sources_destroy(struct sl_sources *s)
{
	for (unsigned int i = 0; s && i < CHAINS; i++) {
		while (s->chain[i]) {
			struct pool *p = s->chain[i];

			s->chain[i] = p->next;
			free(p);
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

/* Those of which no port is used and none is in quarantine: made anew, they would be the same. */
static void pools_look(struct sl_sources *s, uint64_t now_ms)
{
	for (unsigned int i = 0; i < CHAINS; i++) {
		for (struct pool **at = &s->chain[i]; *at;) {
			struct pool *p = *at;

			if (p->count < p->size || now_ms - p->given_ms < (uint64_t)s->quarantine_s * 1000) {
				at = &p->next;
				continue;
			}
			*at = p->next;
			free(p);
			s->pools--;
		}
	}
	s->look = s->pools < POOLS_LOOK / 2 ? POOLS_LOOK : s->pools * 2;
}

/* Whether a port's way back has the pool's shard. */
static bool port_fits(const struct sl_sources *s, const struct pool_key *key, uint16_t port)
{
	return sl_conn_shard(s->table, sl_conn_source(key->source)->bytes, htons(port), key->tenant) == key->shard;
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

static void pool_put(struct pool *p, uint16_t port, uint16_t since_s)
{
	p->ring[(p->first + p->count++) % p->size] = (struct free_port){ port, since_s };
}

/* All free ports, from one by chance on: an agent before this one may have used the lowest just now. */
static struct pool *pool_make(struct sl_sources *s, const struct pool_key *key, uint64_t now_ms)
{
	const uint32_t ports = (uint32_t)s->port_hi - s->port_lo + 1u;
	const uint16_t rested_s = (uint16_t)(now_ms / 1000 - s->quarantine_s);
	const uint32_t begin = XXH32(&now_ms, sizeof(now_ms), XXH32(key, sizeof(*key), 0)) % ports;
	struct pool *p;
	uint32_t size = 0;

	if (s->pools >= s->look)
		pools_look(s, now_ms);
	for (uint32_t port = s->port_lo; port <= s->port_hi; port++)
		size += port_fits(s, key, (uint16_t)port);
	p = malloc(sizeof(*p) + (size ? size : 1) * sizeof(p->ring[0]));
	if (!p)
		return NULL;
	*p = (struct pool){ .next = *chain_of(s, key), .key = *key, .size = size, .given_ms = now_ms };
	for (uint32_t i = 0; i < ports; i++) {
		const uint16_t port = (uint16_t)(s->port_lo + (begin + i) % ports);

		if (port_fits(s, key, port) && !port_used(s, key, port))
			pool_put(p, port, rested_s);
	}
	*chain_of(s, key) = p;
	s->pools++;
	return p;
}

static bool pool_take(struct pool *p, uint32_t quarantine_s, uint64_t now_ms, uint16_t *port)
{
	const struct free_port *f = &p->ring[p->first];

	if (!p->count || (uint16_t)(now_ms / 1000 - f->since_s) < quarantine_s)
		return false;
	*port = f->port;
	p->first = (p->first + 1) % p->size;
	p->count--;
	p->given_ms = now_ms;
	return true;
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
		if (!p)
			return -ENOMEM;
		if (!pool_take(p, s->quarantine_s, new->now_ms, &port))
			continue;
		new->source = number;
		new->source_port = htons(port);
		return 0;
	}
	return -EADDRNOTAVAIL;
}

/* since_s: from when it rests. Ports outside of the configured ones are an earlier configuration's. */
static void give(struct sl_sources *s, const struct pool_key *key, uint16_t port, uint64_t since_s, uint64_t now_ms)
{
	struct pool *p = pool_find(s, key);

	if (!p || port < s->port_lo || port > s->port_hi || p->count == p->size)
		return;
	pool_put(p, port, (uint16_t)since_s);
	p->given_ms = now_ms;
}

void sl_sources_give(struct sl_sources *s, uint32_t index, uint64_t now_ms)
{
	const struct sl_conn_nat *nat = sl_conn_nat_at(s->table, index);
	uint8_t backend[16];
	struct pool_key key;
	struct sl_key forth;

	sl_conn_key(s->table, index, &forth);
	sl_conn_backend(s->table, index, backend);
	key = key_of(&forth, backend, nat->backend_port, nat->source, sl_conn_shard_of(s->table, index));
	give(s, &key, ntohs(nat->source_port), now_ms / 1000, now_ms);
}

void sl_sources_untake(struct sl_sources *s, unsigned int shard, const struct sl_conn_new *new)
{
	const struct pool_key key = key_of(&new->key, new->backend_addr, new->backend_port, new->source, shard);

	give(s, &key, ntohs(new->source_port), new->now_ms / 1000 - s->quarantine_s, new->now_ms);
}
