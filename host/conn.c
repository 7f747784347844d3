/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The connection table's bookkeeping, all private memory: the index (host/conn_index.h) and the time at which each connection is
 * worth a look. Free connections are lists through themselves.
 *
 * A direction's index has eleven slots for eight connections of a shard: with two choices of sixteen, buckets do not overflow in
 * practice; if they do, the connection is refused like in a full table. That of the ways back is taken when there are any.
 */
#include "host/conn.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "host/conn_index.h"
#include "hw/model/sip.h"

#define HUGE_BYTES ((size_t)2 << 20)
#define PAGE_BYTES ((size_t)4096)
#define DEADLINE_FREE 0u
#define DEADLINE_NOW 1u
#define DEADLINE_AHEAD_S 16384u /* later ones are looked at then, and set again */
#define SPARE_BUCKETS 4u        /* a small shard's buckets are not as evenly full as a large one's */
#define UNPROVEN_SHARE 4u
#define RESERVED_SHARE 4u /* sl_conn_new.reserve */

/* Of a connection in software. */
static uint8_t stage_of(enum sl_conn_state state, bool nat)
{
	const struct sl_conn conn = { .state = (uint8_t)(state & 15), .offload = SL_CONN_SOFTWARE, .nat = nat };

	return conn.stage;
}

/* ---- the index -------------------------------------------------------------------------------------------------- */

/* A key and where it belongs. */
struct place {
	struct sl_key key;
	uint64_t addresses, hash;
	bool back;
};

static void place_of(const struct sl_conn_table *t, const struct sl_key *key, bool back, struct place *place)
{
	const uint64_t word[4] = { sl_load64(key->src), sl_load64(key->src + 8), sl_load64(key->dst), sl_load64(key->dst + 8) };
	const bool ipv4 = key->family == 4;

	place->key = *key;
	place->back = back;
	place->addresses = sl_conn_addresses(t, word, ipv4);
	place->hash = sl_conn_hash(t, place->addresses, sl_load64(&key->sport), ipv4);
}

/* A look at both buckets waits once. */
static void place_prefetch(const struct sl_conn_table *t, const struct sl_conn_shard *s, const struct place *place)
{
	__builtin_prefetch(sl_conn_bucket_of(t, s, place->back, place->hash, 0), 1);
	__builtin_prefetch(sl_conn_bucket_of(t, s, place->back, place->hash, 1), 1);
}

static uint32_t *slot_find(const struct sl_conn_table *t, const struct sl_conn_shard *s, const struct place *place)
{
	const uint32_t tag = sl_conn_tag(t, place->hash);

	for (unsigned int which = 0; which < 2; which++) {
		struct sl_conn_bucket *b = sl_conn_bucket_of(t, s, place->back, place->hash, which);

		for (uint32_t match = sl_conn_bucket_match(t, b, tag); match; match &= match - 1) {
			uint32_t *slot = &b->slot[__builtin_ctz(match)];
			const uint32_t index = sl_conn_slot_entry(t, s, *slot);

			if (place->back ? sl_conn_back_equal(t, index, &place->key, place->addresses)
					: sl_conn_forth_equal(t, index, &place->key, place->addresses))
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

/* For a new slot. NULL: both buckets are full. */
static uint32_t *slot_place(const struct sl_conn_table *t, const struct sl_conn_shard *s, const struct place *place)
{
	uint32_t *first, *second;
	const unsigned int used = bucket_used(sl_conn_bucket_of(t, s, place->back, place->hash, 0), &first);

	if (used < SL_CONN_WAYS_CROWDED)
		return first;
	return bucket_used(sl_conn_bucket_of(t, s, place->back, place->hash, 1), &second) < used ? second : first;
}

static uint32_t slot_value(const struct sl_conn_table *t, const struct place *place, uint32_t index)
{
	return sl_conn_tag(t, place->hash) | (index % t->shard_entries + 1);
}

static void slot_remove(struct sl_conn_table *t, struct sl_conn_shard *s, const struct place *place, uint32_t index)
{
	const uint32_t value = slot_value(t, place, index);

	for (unsigned int which = 0; which < 2; which++) {
		struct sl_conn_bucket *b = sl_conn_bucket_of(t, s, place->back, place->hash, which);

		for (unsigned int i = 0; i < SL_CONN_WAYS; i++) {
			if (b->slot[i] == value) {
				b->slot[i] = 0;
				return;
			}
		}
	}
}

/* Where the keys of a connection go, one or two of them: 0, -ENOSPC, or -EADDRINUSE if the way back is another's. */
static int slots_place(const struct sl_conn_table *t, const struct sl_conn_shard *s, const struct place place[2], unsigned int ways,
		       uint32_t *slot[2])
{
	for (unsigned int way = 0; way < ways; way++)
		place_prefetch(t, s, &place[way]);
	if (ways == 2 && slot_find(t, s, &place[1]))
		return -EADDRINUSE;
	if (slot_find(t, s, &place[0]))
		return -ENOSPC;
	for (unsigned int way = 0; way < ways; way++) {
		slot[way] = slot_place(t, s, &place[way]);
		if (!slot[way])
			return -ENOSPC;
	}
	return 0;
}

static unsigned int places_of(const struct sl_conn_table *t, uint32_t index, struct place place[2])
{
	struct sl_key key;

	sl_conn_key(t, index, &key);
	place_of(t, &key, false, &place[0]);
	if (!sl_conn_is_two_way(t, index))
		return 1;
	sl_conn_reverse_key(t, index, &key);
	place_of(t, &key, true, &place[1]);
	return 2;
}

/* ---- free ones -------------------------------------------------------------------------------------------------- */

static void entry_prefetch(const struct sl_conn_table *t, uint32_t index)
{
	__builtin_prefetch(&t->entries[index], 1);
	__builtin_prefetch(&t->rest[index], 1);
	__builtin_prefetch(&t->deadline[index], 1);
}

/* That will be taken next, within the shard; the same is taken from either end if nothing else is left. */
static uint32_t free_next(const struct sl_conn_shard *s, bool more)
{
	if (s->free[more])
		return s->free[more] - 1;
	if (s->fresh[0] < s->fresh[1])
		return more ? s->fresh[1] - 1 : s->fresh[0];
	return s->free[!more] - 1;
}

static void free_take(struct sl_conn_table *t, struct sl_conn_shard *s, uint32_t first, bool more)
{
	const uint32_t number = free_next(s, more);

	if (s->free[more] == number + 1)
		s->free[more] = (uint32_t)t->entries[first + number].addresses;
	else if (s->fresh[0] < s->fresh[1] && more)
		s->fresh[1]--;
	else if (s->fresh[0] < s->fresh[1])
		s->fresh[0]++;
	else
		s->free[!more] = (uint32_t)t->entries[first + number].addresses;
	__atomic_store_n(&s->free_count, s->free_count - 1, __ATOMIC_RELAXED);
}

static void free_put(struct sl_conn_table *t, struct sl_conn_shard *s, uint32_t index, bool more)
{
	t->entries[index].addresses = s->free[more];
	s->free[more] = index % t->shard_entries + 1;
	__atomic_store_n(&s->free_count, s->free_count + 1, __ATOMIC_RELAXED);
}

/* ---- adoption --------------------------------------------------------------------------------------------------- */

static void chunks_adopt(struct sl_conn_table *t, uint32_t index)
{
	const bool there[SL_CONN_PARTS] = { [SL_CONN_PART_NAT] = sl_conn_is_two_way(t, index), [SL_CONN_PART_SIX] = sl_conn_is_six(t, index),
					    [SL_CONN_PART_CARD] = t->rest[index].more & SL_CONN_MORE_CARD };

	for (unsigned int part = 0; part < SL_CONN_PARTS; part++)
		t->chunk[part][index / SL_CONN_CHUNK] |= there[part];
}

/* Whether the way back of fullnat leads to an address that is still known, and to this shard. */
static bool source_known(const struct sl_conn_table *t, const struct sl_conn_copy *copy, unsigned int shard)
{
	const struct sl_addr *source = sl_conn_source(copy->nat.source);

	return copy->mode != SL_MODE_FULLNAT ||
	       (source && source->family == copy->key.family &&
		sl_conn_shard(t, source->bytes, copy->nat.source_port, copy->key.tenant) == shard);
}

static bool conn_adopt(struct sl_conn_table *t, unsigned int shard, uint32_t index)
{
	struct sl_conn *conn = &t->entries[index];
	struct sl_conn_copy copy;
	struct place place[2];
	uint32_t *slot[2];
	unsigned int ways;

	sl_conn_get(t, index, &copy);
	if (conn->state > SL_CONN_CLOSING || conn->nat != sl_mode_nat(copy.mode) || !source_known(t, &copy, shard) || copy.check != sl_conn_copy_check(&copy) ||
	    sl_conn_shard(t, copy.key.src, copy.key.sport, copy.key.tenant) != shard)
		return false;
	ways = places_of(t, index, place);
	conn->addresses = place[0].addresses; /* the check is over what it is made of */
	if (slots_place(t, &t->shard[shard], place, ways, slot))
		return false;
	for (unsigned int way = 0; way < ways; way++)
		*slot[way] = slot_value(t, &place[way], index);
	if (ways == 2) {
		sl_conn_table_expect_nat(t);
		t->handshake[index] = SL_CONN_HANDSHAKE_ANY;
	}
	/* The card has its rules, or may have some of them if the last agent ended while they were made or removed: then it
	 * has whatever it has, and a rule that is not created again would be swept. host/offload creates all of them. */
	if (conn->offload != SL_CONN_SOFTWARE)
		conn->offload = SL_CONN_HARDWARE;
	conn->flags &= (uint8_t)~SL_CONN_DOOMED;
	t->rest[index].more &= (uint8_t)~SL_CONN_TRIED & 15;
	t->rest[index].packets_high = (uint32_t)(copy.sw_packets >> 31);
	t->rest[index].bytes_high = (uint32_t)(copy.sw_bytes >> 31);
	if (conn->flags & SL_CONN_UNPROVEN)
		t->shard[shard].unproven++;
	t->deadline[index] = DEADLINE_NOW;
	chunks_adopt(t, index);
	return true;
}

/* Those never used lie between the last connection without more parts and the first with them behind that. */
static void shard_free(struct sl_conn_table *t, unsigned int shard)
{
	struct sl_conn_shard *s = &t->shard[shard];
	const uint32_t first = shard * t->shard_entries;

	s->fresh[1] = t->shard_entries;
	for (uint32_t n = 0; n < t->shard_entries; n++) {
		if (t->entries[first + n].state != SL_CONN_FREE && !sl_conn_is_six(t, first + n) && !sl_conn_is_two_way(t, first + n))
			s->fresh[0] = n + 1;
	}
	for (uint32_t n = t->shard_entries; n-- > s->fresh[0];) {
		if (t->entries[first + n].state != SL_CONN_FREE)
			s->fresh[1] = n;
	}
	for (uint32_t n = t->shard_entries; n-- > 0;) {
		if (t->entries[first + n].state == SL_CONN_FREE && (n < s->fresh[0] || n >= s->fresh[1]))
			free_put(t, s, first + n, n >= s->fresh[1]);
	}
	s->free_count += s->fresh[1] - s->fresh[0];
}

static void shard_adopt(struct sl_conn_table *t, unsigned int shard, uint32_t *adopted, uint32_t *dropped)
{
	const uint32_t first = shard * t->shard_entries;

	for (uint32_t index = first; index < first + t->shard_entries; index++) {
		if (t->entries[index].state == SL_CONN_FREE)
			continue;
		if (conn_adopt(t, shard, index)) {
			(*adopted)++;
			continue;
		}
		(*dropped)++;
		t->entries[index].state = SL_CONN_FREE;
	}
	shard_free(t, shard);
}

/* ---- the table -------------------------------------------------------------------------------------------------- */

/* Of the 128 bits of the state as many as hashes need. */
static void keys_make(struct sl_conn_table *t, const uint64_t hash_key[2])
{
	const struct sl_hash_seed seed = { hash_key[0], hash_key[1] };

	for (unsigned int i = 0; i < sizeof(t->shard_key) / sizeof(t->shard_key[0]); i++)
		t->shard_key[i] = sl_sip_ipv4(&seed, i, 0) | 1;
	for (unsigned int i = 0; i < sizeof(t->hash_key) / sizeof(t->hash_key[0]); i++)
		t->hash_key[i] = (uint32_t)sl_sip_ipv4(&seed, i, 1);
	for (unsigned int i = 0; i < sizeof(t->hash_mix) / sizeof(t->hash_mix[0]); i++)
		t->hash_mix[i] = sl_sip_ipv4(&seed, i, 2) | 1;
}

static size_t round_up(size_t bytes, size_t to)
{
	return (bytes + to - 1) / to * to;
}

/* Of one direction. */
static size_t index_bytes(const struct sl_conn_table *t)
{
	const size_t bytes = (size_t)SL_CONN_SHARDS * t->bucket_count * sizeof(struct sl_conn_bucket);

	return round_up(bytes, PAGE_BYTES);
}

/* Zeroed memory that is not there before it is touched, beginning where a huge page may. NULL: none. */
static void *memory_map(size_t bytes)
{
	uint8_t *const p = mmap(NULL, bytes + HUGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	size_t before;

	if (p == MAP_FAILED)
		return NULL;
	before = round_up((uintptr_t)p, HUGE_BYTES) - (uintptr_t)p;
	if (before)
		munmap(p, before);
	if (before < HUGE_BYTES)
		munmap(p + before + bytes, HUGE_BYTES - before);
	return p + before;
}

/* Takes the memory now, in huge pages where the kernel has them. Others may use it meanwhile. */
static void memory_take(void *memory, size_t bytes)
{
	uint8_t *const p = memory;

	madvise(p, bytes, MADV_HUGEPAGE); /* a hint */
	for (size_t at = 0; at < bytes; at += PAGE_BYTES)
		__atomic_fetch_or(p + at, 0, __ATOMIC_RELAXED);
}

static bool memory_make(struct sl_conn_table *t)
{
	const uint32_t chunks = (t->capacity + SL_CONN_CHUNK - 1) / SL_CONN_CHUNK;

	for (unsigned int part = 0; part < SL_CONN_PARTS; part++) {
		t->chunk[part] = calloc(chunks, sizeof(*t->chunk[part]));
		if (!t->chunk[part])
			return false;
	}
	t->deadline = calloc(t->capacity, sizeof(*t->deadline));
	t->handshake = calloc(t->capacity, sizeof(*t->handshake));
	for (unsigned int back = 0; back < 2; back++) {
		struct sl_conn_bucket *p = memory_map(index_bytes(t));

		if (!p)
			return false;
		for (unsigned int i = 0; i < SL_CONN_SHARDS; i++)
			t->shard[i].buckets[back] = p + (size_t)i * t->bucket_count;
	}
	memory_take(t->shard[0].buckets[0], index_bytes(t));
	return t->deadline && t->handshake;
}

struct sl_conn_table *sl_conn_table_create(void *memory, uint32_t capacity, const uint64_t hash_key[2], uint32_t *adopted,
					   uint32_t *dropped)
{
	struct sl_conn_table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->fd = -1;
	t->capacity = capacity;
	t->shard_entries = capacity / SL_CONN_SHARDS;
	t->unproven_max = (t->shard_entries + UNPROVEN_SHARE - 1) / UNPROVEN_SHARE;
	t->bucket_count = (t->shard_entries / 8 * 11) / SL_CONN_WAYS + SPARE_BUCKETS;
	t->entry_mask = UINT32_MAX >> __builtin_clz(t->shard_entries);
	t->tag_mask = ~t->entry_mask;
	keys_make(t, hash_key);
	sl_conn_parts_place(t, memory);
	if (!memory_make(t)) {
		sl_conn_table_destroy(t);
		return NULL;
	}
	*adopted = *dropped = 0;
	for (unsigned int i = 0; i < SL_CONN_SHARDS; i++)
		shard_adopt(t, i, adopted, dropped);
	return t;
}

void sl_conn_table_in_file(struct sl_conn_table *t, int fd, uint64_t start)
{
	t->fd = fd;
	t->start = start;
}

void sl_conn_table_expect_nat(struct sl_conn_table *t)
{
	if (__atomic_load_n(&t->two_way, __ATOMIC_RELAXED) == 2)
		return;
	memory_take(t->shard[0].buckets[1], index_bytes(t));
	__atomic_store_n(&t->two_way, 2, __ATOMIC_RELAXED);
}

void sl_conn_table_destroy(struct sl_conn_table *t)
{
	for (unsigned int back = 0; back < 2; back++) {
		if (t->shard[0].buckets[back])
			munmap(t->shard[0].buckets[back], index_bytes(t));
	}
	for (unsigned int part = 0; part < SL_CONN_PARTS; part++)
		free(t->chunk[part]);
	free(t->deadline);
	free(t->handshake);
	free(t);
}

uint32_t sl_conn_table_capacity(const struct sl_conn_table *t)
{
	return t->capacity;
}

uint32_t *sl_conn_handshake_at(const struct sl_conn_table *t, uint32_t index)
{
	return &t->handshake[index];
}

uint64_t sl_conn_table_bytes(const struct sl_conn_table *t)
{
	const uint32_t chunks = (t->capacity + SL_CONN_CHUNK - 1) / SL_CONN_CHUNK;
	uint64_t bytes = sizeof(*t) + SL_CONN_PARTS * (uint64_t)chunks + index_bytes(t);

	bytes += t->capacity * (sizeof(struct sl_conn) + sizeof(struct sl_conn_rest) + sizeof(*t->deadline));
	if (__atomic_load_n(&t->two_way, __ATOMIC_RELAXED))
		bytes += index_bytes(t);
	for (unsigned int part = 0; part < SL_CONN_PARTS; part++) {
		for (uint32_t i = 0; i < chunks; i++)
			bytes += t->chunk[part][i] * (uint64_t)SL_CONN_CHUNK * sl_conn_part_size(part);
	}
	for (uint32_t i = 0; i < chunks; i++)
		bytes += t->chunk[SL_CONN_PART_NAT][i] * (uint64_t)SL_CONN_CHUNK * sizeof(*t->handshake);
	return bytes;
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

/* Of a second that is not far from now, either way. */
static uint16_t deadline_make(uint32_t at_s)
{
	const uint16_t lower = (uint16_t)at_s;

	return lower > DEADLINE_NOW ? lower : DEADLINE_NOW + 1;
}

static bool deadline_passed(uint16_t deadline, uint32_t now_s)
{
	if (deadline <= DEADLINE_NOW)
		return deadline == DEADLINE_NOW;
	return (int16_t)(uint16_t)(now_s - deadline) >= 0;
}

uint32_t sl_conn_find(struct sl_conn_table *t, unsigned int shard, const struct sl_key *key, bool *reverse)
{
	const struct sl_conn_shard *s = &t->shard[shard];
	const uint32_t *slot;
	struct place place;

	place_of(t, key, t->two_way && *reverse, &place);
	place_prefetch(t, s, &place);
	if (t->two_way) {
		place.back = !place.back;
		place_prefetch(t, s, &place);
		place.back = !place.back;
	}
	slot = slot_find(t, s, &place);
	if (!slot && t->two_way) {
		place.back = !place.back;
		slot = slot_find(t, s, &place);
	}
	if (!slot)
		return SL_CONN_NONE;
	*reverse = place.back;
	return sl_conn_slot_entry(t, s, *slot);
}

static bool new_six(const struct sl_conn_new *what)
{
	return what->key.family == 6 || what->backend_family == 6;
}

static void conn_fill(struct sl_conn_table *t, uint32_t index, const struct sl_conn_new *what, uint64_t addresses)
{
	struct sl_conn *conn = &t->entries[index];
	struct sl_conn_rest *rest = &t->rest[index];
	struct sl_conn_copy copy = { .key = what->key, .backend_port = what->nat ? what->backend_port : what->key.dport,
				     .mode = what->mode, .backend_family = what->backend_family,
				     .nat = { .source = what->source & 127, .source_port = what->source_port } };
	uint32_t backend4 = 0;

	if (what->backend_family == 4)
		memcpy(&backend4, what->backend_addr, sizeof(backend4));
	conn->addresses = addresses;
	conn->tail = sl_load64(&what->key.sport);
	conn->sw_packets = conn->sw_bytes = 0;
	conn->last_seen_ms = (uint32_t)what->now_ms;
	conn->backend_id = (uint16_t)what->backend_id;
	conn->flags = what->unproven ? SL_CONN_UNPROVEN : 0;
	*rest = (struct sl_conn_rest){ .backend4 = backend4, .backend_tag = what->backend_tag, .mode = what->mode & 15,
				       .more = new_six(what) ? SL_CONN_MORE_SIX : 0, .reason = SL_REASON_PENDING };
	if (what->nat) {
		t->nat[index] = (struct sl_conn_nat){ .backend4 = backend4, .backend_port = what->backend_port,
						      .source = what->source & 127, .source_port = what->source_port };
		t->handshake[index] = SL_CONN_HANDSHAKE_NONE;
	}
	if (new_six(what)) {
		memcpy(t->six[index].src, what->key.src, sizeof(what->key.src));
		memcpy(t->six[index].dst, what->key.dst, sizeof(what->key.dst));
		memcpy(t->six[index].backend, what->backend_addr, sizeof(what->backend_addr));
	}
	memcpy(copy.backend_addr, what->backend_addr, sizeof(copy.backend_addr));
	rest->check = sl_conn_copy_check(&copy);
	/* The reason was pending, so that this sets the time. */
	sl_conn_set_reason(t, index, what->state == SL_CONN_EMBRYONIC ? SL_REASON_HANDSHAKE : SL_REASON_FEW_PACKETS);
}

/* Memory for all parts that the connection needs. */
static bool parts_take(struct sl_conn_table *t, uint32_t index, const struct sl_conn_new *what)
{
	if (what->nat && !t->two_way)
		__atomic_store_n(&t->two_way, 1, __ATOMIC_RELAXED);
	return (!what->nat || sl_conn_part_take(t, SL_CONN_PART_NAT, index)) && (!new_six(what) || sl_conn_part_take(t, SL_CONN_PART_SIX, index));
}

static unsigned int new_places(const struct sl_conn_table *t, const struct sl_conn_new *what, struct place place[2])
{
	struct sl_key back = what->key;

	place_of(t, &what->key, false, &place[0]);
	if (!what->nat)
		return 1;
	memcpy(back.src, what->backend_addr, sizeof(back.src));
	memcpy(back.dst, what->key.src, sizeof(back.dst));
	back.sport = what->backend_port;
	back.dport = what->key.sport;
	if (what->source_port) {
		memcpy(back.dst, sl_conn_source(what->source)->bytes, sizeof(back.dst));
		back.dport = what->source_port;
	}
	place_of(t, &back, true, &place[1]);
	return 2;
}

int sl_conn_create(struct sl_conn_table *t, unsigned int shard, const struct sl_conn_new *what, uint32_t *index)
{
	struct sl_conn_shard *s = &t->shard[shard];
	const uint32_t first = shard * t->shard_entries;
	const bool more = what->nat || new_six(what);
	struct place place[2];
	uint32_t *slot[2], i;
	unsigned int ways;
	int rc;

	if (s->free_count <= (what->reserve ? t->shard_entries / RESERVED_SHARE : 0))
		return -ENOSPC;
	if (what->unproven && s->unproven >= t->unproven_max)
		return -EDQUOT;
	ways = new_places(t, what, place);
	rc = slots_place(t, s, place, ways, slot);
	if (rc)
		return rc;
	i = first + free_next(s, more);
	if (more && !parts_take(t, i, what))
		return -ENOSPC;
	free_take(t, s, first, more);
	conn_fill(t, i, what, place[0].addresses);
	for (unsigned int way = 0; way < ways; way++)
		*slot[way] = slot_value(t, &place[way], i);
	if (what->unproven)
		__atomic_store_n(&s->unproven, s->unproven + 1, __ATOMIC_RELAXED);
	s->now_s = (uint32_t)(what->now_ms / 1000);
	sl_conn_set_deadline(t, i, what->now_ms + 1);
	__atomic_store_n(&t->entries[i].stage, stage_of(what->state, what->nat), __ATOMIC_RELEASE);
	if (s->free_count)
		entry_prefetch(t, first + free_next(s, more)); /* for the next one */
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
	struct sl_conn_shard *s = &t->shard[sl_conn_shard_of(t, index)];
	struct place place[2];
	unsigned int ways;

	sl_conn_prove(t, index);
	ways = places_of(t, index, place);
	for (unsigned int way = 0; way < ways; way++)
		slot_remove(t, s, &place[way], index);
	__atomic_store_n(&t->entries[index].stage, stage_of(SL_CONN_FREE, false), __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_RELEASE); /* the list is written into what is free */
	t->deadline[index] = DEADLINE_FREE;
	free_put(t, s, index, ways == 2 || sl_conn_is_six(t, index));
}

struct sl_conn *sl_conn_at(struct sl_conn_table *t, uint32_t index)
{
	return &t->entries[index];
}

struct sl_conn_rest *sl_conn_rest_at(struct sl_conn_table *t, uint32_t index)
{
	return &t->rest[index];
}

struct sl_conn_nat *sl_conn_nat_at(const struct sl_conn_table *t, uint32_t index)
{
	static struct sl_conn_nat none;

	return sl_conn_is_two_way(t, index) ? &t->nat[index] : &none;
}

void sl_conn_set_deadline(struct sl_conn_table *t, uint32_t index, uint64_t at_ms)
{
	const uint32_t now_s = t->shard[sl_conn_shard_of(t, index)].now_s;
	const uint64_t at_s = at_ms / 1000 + 1;

	if (at_s <= now_s)
		t->deadline[index] = DEADLINE_NOW;
	else
		t->deadline[index] = deadline_make(at_s - now_s < DEADLINE_AHEAD_S ? (uint32_t)at_s : now_s + DEADLINE_AHEAD_S);
}

unsigned int sl_conn_scan(struct sl_conn_table *t, unsigned int shard, uint32_t *count, uint64_t now_ms, uint32_t *due,
			  unsigned int max)
{
	struct sl_conn_shard *s = &t->shard[shard];
	const uint32_t first = shard * t->shard_entries;
	unsigned int n = 0;

	s->now_s = (uint32_t)(now_ms / 1000);
	if (*count > t->shard_entries)
		*count = t->shard_entries;
	for (; *count && n < max; --*count) {
		const uint32_t index = first + s->scan;

		s->scan = s->scan + 1 == t->shard_entries ? 0 : s->scan + 1;
		if (deadline_passed(t->deadline[index], s->now_s)) {
			entry_prefetch(t, index);
			due[n++] = index;
		}
	}
	return n;
}

void sl_conn_prefetch(const struct sl_conn_table *t, uint32_t index)
{
	struct place place[2];
	const unsigned int ways = places_of(t, index, place);

	for (unsigned int way = 0; way < ways; way++)
		__builtin_prefetch(sl_conn_bucket_of(t, &t->shard[sl_conn_shard_of(t, index)], way, place[way].hash, 0), 1);
}
