/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The connection table's bookkeeping, all private memory: the index (host/conn_index.h), a stack of free entries a shard, and the
 * time at which each entry is worth a look.
 *
 * A shard has three slots of the index for each of its entries, of which a NAT connection uses two: with two choices of sixteen,
 * buckets do not overflow in practice; if they do, the connection is refused like in a full table.
 */
#include "host/conn.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "host/conn_index.h"
#include "hw/model/sip.h"

#define SLOTS_PER_ENTRY 3u
#define HUGE_BYTES ((size_t)2 << 20)
#define CHECK_BYTES (offsetof(struct sl_conn, check) - offsetof(struct sl_conn, backend_addr))
#define UNPROVEN_SHARE 4u

/* Of an entry in software. */
static uint8_t stage_of(enum sl_conn_state state)
{
	const struct sl_conn conn = { .state = (uint8_t)(state & 15), .offload = SL_CONN_SOFTWARE };

	return conn.stage;
}

static bool stage_free(uint8_t stage)
{
	const struct sl_conn conn = { .stage = stage };

	return conn.state == SL_CONN_FREE;
}

static const struct sl_addr *source_addresses;

void sl_conn_sources_use(const struct sl_addr *sources)
{
	source_addresses = sources;
}

const struct sl_addr *sl_conn_source(unsigned int number)
{
	return source_addresses && number && number < SL_CONN_SOURCES && source_addresses[number].family ? &source_addresses[number] : NULL;
}

static uint32_t conn_check(const struct sl_conn *conn)
{
	const uint32_t seed = SL_CONN_SHARDS + ((uint32_t)conn->source << 16 | conn->source_port);
	const uint32_t sum = XXH32(conn->backend_addr, CHECK_BYTES, XXH32(&conn->key, sizeof(conn->key), seed));

	return sum ? sum : 1;
}

void sl_conn_reverse_key(const struct sl_conn *conn, struct sl_key *key)
{
	memset(key, 0, sizeof(*key));
	memcpy(key->src, conn->backend_addr, sizeof(key->src));
	if (conn->mode == SL_MODE_FULLNAT) {
		const struct sl_addr *source = sl_conn_source(conn->source);

		if (source)
			memcpy(key->dst, source->bytes, sizeof(key->dst));
		key->dport = conn->source_port;
	} else {
		memcpy(key->dst, conn->key.src, sizeof(key->dst));
		key->dport = conn->key.sport;
	}
	key->sport = conn->backend_port;
	key->tenant = conn->key.tenant;
	key->proto = conn->key.proto;
	key->family = conn->key.family;
}

static bool slot_matches(const struct sl_conn_table *t, const struct sl_conn_shard *s, uint32_t slot, const struct sl_key *key)
{
	const struct sl_conn *conn = &t->entries[sl_conn_slot_entry(t, s, slot)];
	struct sl_key reverse;

	if (!(slot & t->back_bit))
		return sl_conn_key_equal(&conn->key, key);
	sl_conn_reverse_key(conn, &reverse);
	return sl_conn_key_equal(&reverse, key);
}

static uint32_t *slot_find(const struct sl_conn_table *t, const struct sl_conn_shard *s, const struct sl_key *key, uint64_t hash)
{
	const uint32_t tag = sl_conn_tag(t, hash);

	for (unsigned int which = 0; which < 2; which++) {
		struct sl_conn_bucket *b = sl_conn_bucket_of(t, s, hash, which);

		for (uint32_t match = sl_conn_bucket_match(t, b, tag); match; match &= match - 1) {
			uint32_t *slot = &b->slot[__builtin_ctz(match)];

			if (slot_matches(t, s, *slot, key))
				return slot;
		}
	}
	return NULL;
}

/* Slots in use, and a free one or NULL. */
static unsigned int bucket_used(struct sl_conn_bucket *b, uint32_t **place)
{
	unsigned int used = 0;

	*place = NULL;
	for (unsigned int i = 0; i < SL_CONN_WAYS; i++) {
		if (b->slot[i])
			used++;
		else
			*place = &b->slot[i];
	}
	return used;
}

/* The place for a new slot of this hash. NULL: both buckets are full. */
static uint32_t *slot_place(const struct sl_conn_table *t, const struct sl_conn_shard *s, uint64_t hash)
{
	uint32_t *first, *second;
	const unsigned int used = bucket_used(sl_conn_bucket_of(t, s, hash, 0), &first);

	if (used < SL_CONN_WAYS_CROWDED)
		return first;
	return bucket_used(sl_conn_bucket_of(t, s, hash, 1), &second) < used ? second : first;
}

static bool slot_add(struct sl_conn_table *t, struct sl_conn_shard *s, uint64_t hash, uint32_t index, uint32_t direction)
{
	uint32_t *slot = slot_place(t, s, hash);

	if (!slot)
		return false;
	*slot = sl_conn_tag(t, hash) | direction | (index % t->shard_entries + 1);
	return true;
}

static void slot_remove(struct sl_conn_table *t, struct sl_conn_shard *s, const struct sl_key *key, uint32_t index)
{
	const uint64_t hash = sl_conn_hash(t, key);
	uint32_t *slot = slot_find(t, s, key, hash);

	if (slot && sl_conn_slot_entry(t, s, *slot) == index)
		*slot = 0;
}

static bool conn_two_way(const struct sl_conn *conn)
{
	return sl_mode_nat(conn->mode);
}

/* Puts a whole entry into the index; false if a key is taken or there is no room. */
static bool conn_index(struct sl_conn_table *t, struct sl_conn_shard *s, uint32_t index)
{
	struct sl_conn *conn = &t->entries[index];
	uint64_t hash = sl_conn_hash(t, &conn->key);
	struct sl_key reverse;

	if (slot_find(t, s, &conn->key, hash) || !slot_add(t, s, hash, index, 0))
		return false;
	if (!conn_two_way(conn))
		return true;
	sl_conn_reverse_key(conn, &reverse);
	hash = sl_conn_hash(t, &reverse);
	if (!slot_find(t, s, &reverse, hash) && slot_add(t, s, hash, index, t->back_bit))
		return true;
	slot_remove(t, s, &conn->key, index);
	return false;
}

/* Whether the way back of fullnat leads to an address that is still known, and to this shard. */
static bool source_known(const struct sl_conn_table *t, const struct sl_conn *conn, unsigned int shard)
{
	const struct sl_addr *source = sl_conn_source(conn->source);

	return conn->mode != SL_MODE_FULLNAT ||
	       (source && source->family == conn->key.family &&
		sl_conn_shard(t, source->bytes, conn->source_port, conn->key.tenant) == shard);
}

static bool conn_adopt(struct sl_conn_table *t, unsigned int shard, uint32_t index)
{
	struct sl_conn *conn = &t->entries[index];

	if (conn->state > SL_CONN_CLOSING || conn->check != conn_check(conn) || !source_known(t, conn, shard) ||
	    sl_conn_shard(t, conn->key.src, conn->key.sport, conn->key.tenant) != shard ||
	    !conn_index(t, &t->shard[shard], index))
		return false;
	/* The card has its rules, or may have some of them if the last agent ended while they were made or removed: then it
	 * has whatever it has, and a rule that is not created again would be swept. host/offload creates all of them. */
	if (conn->offload != SL_CONN_SOFTWARE)
		conn->offload = SL_CONN_HARDWARE;
	conn->flags &= (uint8_t)~SL_CONN_DOOMED;
	if (conn->flags & SL_CONN_UNPROVEN)
		t->shard[shard].unproven++;
	t->deadline_s[index] = 1;
	return true;
}

static void shard_adopt(struct sl_conn_table *t, unsigned int shard, uint32_t *adopted, uint32_t *dropped)
{
	struct sl_conn_shard *s = &t->shard[shard];
	const uint32_t first = shard * t->shard_entries;

	/* From the end, so that the stack of free entries gives the lowest first. */
	for (uint32_t index = first + t->shard_entries; index-- > first;) {
		if (t->entries[index].state != SL_CONN_FREE) {
			if (conn_adopt(t, shard, index)) {
				(*adopted)++;
				continue;
			}
			(*dropped)++;
			t->entries[index].state = SL_CONN_FREE;
		}
		s->free[s->free_count++] = index;
	}
}

/* Of the 128 bits of the state as many as hashes need. */
static void keys_make(struct sl_conn_table *t, const uint64_t hash_key[2])
{
	const struct sl_hash_seed seed = { hash_key[0], hash_key[1] };

	for (unsigned int i = 0; i < sizeof(t->shard_key) / sizeof(t->shard_key[0]); i++)
		t->shard_key[i] = sl_sip_ipv4(&seed, i, 0) | 1;
	for (unsigned int i = 0; i < sizeof(t->hash_key) / sizeof(t->hash_key[0]); i++)
		t->hash_key[i] = sl_sip_ipv4(&seed, i, 1) | (i >= 6); /* the last two are multipliers */
}

/* Zeroed, in huge pages where the kernel has them. */
static void *index_memory(size_t bytes)
{
	const size_t align = bytes < HUGE_BYTES ? 64 : HUGE_BYTES, size = (bytes + align - 1) / align * align;
	void *p = aligned_alloc(align, size);

	if (!p)
		return NULL;
	if (align == HUGE_BYTES)
		madvise(p, size, MADV_HUGEPAGE); /* a hint */
	return memset(p, 0, size);
}

struct sl_conn_table *sl_conn_table_create(struct sl_conn *entries, uint32_t capacity, const uint64_t hash_key[2],
					   uint32_t *adopted, uint32_t *dropped)
{
	struct sl_conn_table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->entries = entries;
	t->capacity = capacity;
	t->shard_entries = capacity / SL_CONN_SHARDS;
	t->unproven_max = (t->shard_entries + UNPROVEN_SHARE - 1) / UNPROVEN_SHARE;
	keys_make(t, hash_key);
	t->bucket_count = (t->shard_entries * SLOTS_PER_ENTRY + SL_CONN_WAYS - 1) / SL_CONN_WAYS;
	t->buckets = index_memory(SL_CONN_SHARDS * t->bucket_count * sizeof(struct sl_conn_bucket));
	t->entry_mask = UINT32_MAX >> __builtin_clz(t->shard_entries);
	t->back_bit = t->entry_mask + 1;
	t->tag_mask = ~(t->entry_mask | t->back_bit);
	t->deadline_s = calloc(capacity, sizeof(*t->deadline_s));
	for (unsigned int i = 0; i < SL_CONN_SHARDS; i++) {
		t->shard[i].buckets = t->buckets + (size_t)i * t->bucket_count;
		t->shard[i].free = calloc(t->shard_entries, sizeof(*t->shard[i].free));
		if (!t->deadline_s || !t->buckets || !t->shard[i].free) {
			sl_conn_table_destroy(t);
			return NULL;
		}
	}
	*adopted = *dropped = 0;
	for (unsigned int i = 0; i < SL_CONN_SHARDS; i++)
		shard_adopt(t, i, adopted, dropped);
	return t;
}

void sl_conn_table_destroy(struct sl_conn_table *t)
{
	for (unsigned int i = 0; i < SL_CONN_SHARDS; i++)
		free(t->shard[i].free);
	free(t->buckets);
	free(t->deadline_s);
	free(t);
}

uint32_t sl_conn_table_capacity(const struct sl_conn_table *t)
{
	return t->capacity;
}

size_t sl_conn_table_bytes(const struct sl_conn_table *t)
{
	const size_t buckets = t->bucket_count * sizeof(struct sl_conn_bucket);

	return sizeof(*t) + t->capacity * sizeof(*t->deadline_s) +
	       SL_CONN_SHARDS * (buckets + t->shard_entries * sizeof(*t->shard[0].free));
}

uint32_t sl_conn_table_used(const struct sl_conn_table *t)
{
	uint32_t unused = 0;

	for (unsigned int i = 0; i < SL_CONN_SHARDS; i++)
		unused += __atomic_load_n(&t->shard[i].free_count, __ATOMIC_RELAXED);
	return t->capacity - unused;
}

uint32_t sl_conn_table_unproven(const struct sl_conn_table *t)
{
	uint32_t n = 0;

	for (unsigned int i = 0; i < SL_CONN_SHARDS; i++)
		n += __atomic_load_n(&t->shard[i].unproven, __ATOMIC_RELAXED);
	return n;
}

unsigned int sl_conn_shard(const struct sl_conn_table *t, const uint8_t client[16], uint16_t client_port, uint16_t tenant)
{
	const uint64_t words[2] = { sl_load64(client), sl_load64(client + 8) };

	return sl_conn_client_shard(t, words, client_port, tenant);
}

unsigned int sl_conn_shard_of(const struct sl_conn_table *t, uint32_t index)
{
	return index / t->shard_entries;
}

uint32_t sl_conn_find(struct sl_conn_table *t, unsigned int shard, const struct sl_key *key, bool *reverse)
{
	const struct sl_conn_shard *s = &t->shard[shard];
	const uint32_t *slot = slot_find(t, s, key, sl_conn_hash(t, key));

	if (!slot)
		return SL_CONN_NONE;
	*reverse = *slot & t->back_bit;
	return sl_conn_slot_entry(t, s, *slot);
}

static void entry_prefetch(const struct sl_conn_table *t, uint32_t index)
{
	__builtin_prefetch(&t->entries[index], 1);
	__builtin_prefetch(t->entries[index].backend_addr, 1);
	__builtin_prefetch(&t->deadline_s[index], 1);
}

static void conn_fill(struct sl_conn *conn, const struct sl_conn_new *what)
{
	conn->key = what->key;
	memcpy(conn->backend_addr, what->backend_addr, sizeof(conn->backend_addr));
	conn->backend_port = what->backend_port;
	conn->mode = what->mode;
	conn->backend_family = what->backend_family;
	conn->source = what->source;
	conn->source_port = what->source_port;
	conn->check = conn_check(conn);
	conn->sw_packets = conn->sw_bytes = conn->hw_packets = conn->hw_bytes = 0;
	conn->last_seen_ms = (uint32_t)what->now_ms;
	conn->backend_id = (uint16_t)what->backend_id;
	conn->backend_tag = what->backend_tag;
	conn->flags = what->unproven ? SL_CONN_UNPROVEN : 0;
	conn->answered = 0;
	conn->reason = SL_REASON_PENDING; /* so that the next line sets the time */
	sl_conn_set_reason(conn, what->state == SL_CONN_EMBRYONIC ? SL_REASON_HANDSHAKE : SL_REASON_FEW_PACKETS);
}

int sl_conn_create(struct sl_conn_table *t, unsigned int shard, const struct sl_conn_new *what, uint32_t *index)
{
	struct sl_conn_shard *s = &t->shard[shard];
	struct sl_key reverse;
	struct sl_conn *conn;
	uint32_t i;

	if (!s->free_count)
		return -ENOSPC;
	if (what->unproven && s->unproven >= t->unproven_max)
		return -EDQUOT;
	i = s->free[s->free_count - 1];
	conn = &t->entries[i];
	conn_fill(conn, what);
	sl_conn_reverse_key(conn, &reverse);
	if (conn_two_way(conn) && slot_find(t, s, &reverse, sl_conn_hash(t, &reverse)))
		return -EADDRINUSE;
	if (!conn_index(t, s, i))
		return -ENOSPC;
	__atomic_store_n(&s->free_count, s->free_count - 1, __ATOMIC_RELAXED);
	if (what->unproven)
		__atomic_store_n(&s->unproven, s->unproven + 1, __ATOMIC_RELAXED);
	t->deadline_s[i] = (uint32_t)(what->now_ms / 1000) + 1;
	__atomic_store_n(&conn->stage, stage_of(what->state), __ATOMIC_RELEASE);
	if (s->free_count)
		entry_prefetch(t, s->free[s->free_count - 1]); /* for the next one */
	*index = i;
	return 0;
}

void sl_conn_prove(struct sl_conn_table *t, uint32_t index)
{
	struct sl_conn *conn = &t->entries[index];
	struct sl_conn_shard *s = &t->shard[sl_conn_shard_of(t, index)];

	if (!(conn->flags & SL_CONN_UNPROVEN))
		return;
	conn->flags &= (uint8_t)~SL_CONN_UNPROVEN;
	__atomic_store_n(&s->unproven, s->unproven - 1, __ATOMIC_RELAXED);
}

void sl_conn_free(struct sl_conn_table *t, uint32_t index)
{
	struct sl_conn *conn = &t->entries[index];
	struct sl_conn_shard *s = &t->shard[sl_conn_shard_of(t, index)];
	struct sl_key reverse;

	sl_conn_prove(t, index);
	slot_remove(t, s, &conn->key, index);
	if (conn_two_way(conn)) {
		sl_conn_reverse_key(conn, &reverse);
		slot_remove(t, s, &reverse, index);
	}
	__atomic_store_n(&conn->stage, stage_of(SL_CONN_FREE), __ATOMIC_RELEASE);
	t->deadline_s[index] = 0;
	s->free[s->free_count] = index;
	__atomic_store_n(&s->free_count, s->free_count + 1, __ATOMIC_RELAXED);
}

struct sl_conn *sl_conn_at(struct sl_conn_table *t, uint32_t index)
{
	return &t->entries[index];
}

uint32_t sl_conn_timeout_ms(const struct sl_conn *conn, const struct sl_config_timeouts *timeouts)
{
	if (conn->key.proto != IPPROTO_TCP)
		return timeouts->udp_ms;
	switch (conn->state) {
	case SL_CONN_ESTABLISHED:
		return timeouts->established_ms;
	case SL_CONN_CLOSING:
		return timeouts->fin_ms;
	default:
		return timeouts->syn_ms;
	}
}

void sl_conn_set_reason(struct sl_conn *conn, enum sl_reason reason)
{
	struct timespec now;

	if (conn->reason == reason)
		return;
	clock_gettime(CLOCK_REALTIME_COARSE, &now); /* of the last tick: 4 ms and less */
	conn->since_s = (uint32_t)now.tv_sec;
	conn->since_ms = (uint16_t)(now.tv_nsec / 1000000);
	conn->reason = (uint8_t)reason;
	conn->flags &= (uint8_t)~(SL_CONN_NO_CARD | SL_CONN_NEVER);
	if (reason == SL_REASON_NO_CARD)
		conn->flags |= SL_CONN_NO_CARD;
	else if (reason == SL_REASON_POLICY_NEVER)
		conn->flags |= SL_CONN_NEVER;
}

int64_t sl_conn_since_ms(const struct sl_conn *conn)
{
	/* An agent before this one may have left anything in since_ms. */
	return (int64_t)conn->since_s * 1000 + conn->since_ms % 1000;
}

void sl_conn_set_deadline(struct sl_conn_table *t, uint32_t index, uint64_t at_ms)
{
	t->deadline_s[index] = (uint32_t)(at_ms / 1000) + 1;
}

unsigned int sl_conn_scan(struct sl_conn_table *t, unsigned int shard, uint32_t *count, uint64_t now_ms, uint32_t *due,
			  unsigned int max)
{
	struct sl_conn_shard *s = &t->shard[shard];
	const uint32_t first = shard * t->shard_entries, now_s = (uint32_t)(now_ms / 1000);
	unsigned int n = 0;

	if (*count > t->shard_entries)
		*count = t->shard_entries;
	for (; *count && n < max; --*count) {
		const uint32_t index = first + s->scan;

		s->scan = s->scan + 1 == t->shard_entries ? 0 : s->scan + 1;
		if (t->deadline_s[index] && t->deadline_s[index] <= now_s) {
			entry_prefetch(t, index);
			due[n++] = index;
		}
	}
	return n;
}

static void key_prefetch(const struct sl_conn_table *t, uint32_t index, const struct sl_key *key)
{
	__builtin_prefetch(sl_conn_bucket_of(t, &t->shard[sl_conn_shard_of(t, index)], sl_conn_hash(t, key), 0), 1);
}

void sl_conn_prefetch(const struct sl_conn_table *t, uint32_t index)
{
	const struct sl_conn *conn = &t->entries[index];
	struct sl_key reverse;

	key_prefetch(t, index, &conn->key);
	if (!conn_two_way(conn))
		return;
	sl_conn_reverse_key(conn, &reverse);
	key_prefetch(t, index, &reverse);
}

bool sl_conn_read(const struct sl_conn_table *t, uint32_t index, struct sl_conn *copy)
{
	const struct sl_conn *conn = &t->entries[index];

	if (stage_free(__atomic_load_n(&conn->stage, __ATOMIC_ACQUIRE)))
		return false;
	memcpy(copy, conn, sizeof(*copy));
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return !stage_free(__atomic_load_n(&conn->stage, __ATOMIC_RELAXED)) && copy->check == conn_check(copy);
}
