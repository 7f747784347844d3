/* SPDX-License-Identifier: BSD-3-Clause */
/* One connection: where its parts are, how it is put together from them, and why it is where it is. The table is host/conn.c. */
#include "host/conn.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <time.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "host/conn_index.h"

#define PAGE_BYTES ((size_t)4096)
#define SINCE_MS 8
#define SINCE_AHEAD (86400u * 1000 / SINCE_MS) /* by so much the wall clock may have been set back */

/* ---- parts ------------------------------------------------------------------------------------------------------ */

static size_t pages(size_t bytes)
{
	return (bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
}

size_t sl_conn_part_size(enum sl_conn_part part)
{
	static const size_t size[SL_CONN_PARTS] = { [SL_CONN_PART_NAT] = sizeof(struct sl_conn_nat),
						    [SL_CONN_PART_SIX] = sizeof(struct sl_conn_six),
						    [SL_CONN_PART_CARD] = sizeof(struct sl_conn_card) };

	return size[part];
}

static size_t always_bytes(uint32_t capacity)
{
	return pages(capacity * sizeof(struct sl_conn)) + pages(capacity * sizeof(struct sl_conn_rest));
}

static size_t part_at(uint32_t capacity, enum sl_conn_part part)
{
	size_t at = always_bytes(capacity);

	for (unsigned int before = 0; before < part; before++)
		at += pages(capacity * sl_conn_part_size(before));
	return at;
}

size_t sl_conn_memory_bytes(uint32_t capacity, size_t *always)
{
	if (always)
		*always = always_bytes(capacity);
	return part_at(capacity, SL_CONN_PARTS);
}

void sl_conn_parts_place(struct sl_conn_table *t, void *memory)
{
	uint8_t *const p = memory;

	t->entries = memory;
	t->rest = (struct sl_conn_rest *)(void *)(p + pages(t->capacity * sizeof(struct sl_conn)));
	t->nat = (struct sl_conn_nat *)(void *)(p + part_at(t->capacity, SL_CONN_PART_NAT));
	t->six = (struct sl_conn_six *)(void *)(p + part_at(t->capacity, SL_CONN_PART_SIX));
	t->card = (struct sl_conn_card *)(void *)(p + part_at(t->capacity, SL_CONN_PART_CARD));
}

bool sl_conn_part_take(struct sl_conn_table *t, enum sl_conn_part part, uint32_t index)
{
	const uint32_t chunk = index / SL_CONN_CHUNK, first = chunk * SL_CONN_CHUNK;
	const uint32_t count = t->capacity - first < SL_CONN_CHUNK ? t->capacity - first : SL_CONN_CHUNK;
	uint8_t *const there = &t->chunk[part][chunk];

	if (__atomic_load_n(there, __ATOMIC_RELAXED))
		return true;
	if (t->fd >= 0 && posix_fallocate(t->fd, (off_t)(t->start + part_at(t->capacity, part) + first * sl_conn_part_size(part)),
					  (off_t)(count * sl_conn_part_size(part))))
		return false;
	__atomic_store_n(there, 1, __ATOMIC_RELAXED);
	return true;
}

/* ---- a connection as a whole ------------------------------------------------------------------------------------ */

static uint64_t count_whole(const uint32_t *low, const uint32_t *high)
{
	uint64_t upper = __atomic_load_n(high, __ATOMIC_ACQUIRE);
	const uint32_t lower = __atomic_load_n(low, __ATOMIC_RELAXED);

	upper += (upper ^ lower >> 31) & 1;
	return upper << 31 | (lower & (UINT32_MAX >> 1));
}

uint64_t sl_conn_packets(const struct sl_conn_table *t, uint32_t index)
{
	return count_whole(&t->entries[index].sw_packets, &t->rest[index].packets_high);
}

void sl_conn_key(const struct sl_conn_table *t, uint32_t index, struct sl_key *key)
{
	const struct sl_conn *conn = &t->entries[index];
	const uint32_t src = (uint32_t)conn->addresses, dst = (uint32_t)(conn->addresses >> 32);

	memset(key, 0, sizeof(*key));
	if (conn->family == 6) {
		memcpy(key->src, t->six[index].src, sizeof(key->src));
		memcpy(key->dst, t->six[index].dst, sizeof(key->dst));
	} else {
		memcpy(key->src, &src, sizeof(src));
		memcpy(key->dst, &dst, sizeof(dst));
	}
	memcpy(&key->sport, &conn->tail, sizeof(conn->tail));
}

/* 0: it is IPv6. */
static uint32_t backend4_of(const struct sl_conn_table *t, uint32_t index)
{
	return sl_conn_is_two_way(t, index) ? t->nat[index].backend4 : t->rest[index].backend4;
}

void sl_conn_backend(const struct sl_conn_table *t, uint32_t index, uint8_t address[16])
{
	const uint32_t backend4 = backend4_of(t, index);

	memset(address, 0, 16);
	if (backend4 || !sl_conn_is_six(t, index))
		memcpy(address, &backend4, sizeof(backend4));
	else
		memcpy(address, t->six[index].backend, 16);
}

bool sl_conn_nat_to(const struct sl_conn_table *t, uint32_t index, uint8_t address[16], uint16_t *port)
{
	if (!sl_conn_is_two_way(t, index))
		return false;
	sl_conn_backend(t, index, address);
	*port = t->nat[index].backend_port;
	return true;
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

bool sl_conn_full_equal(const struct sl_conn_table *t, uint32_t index, const struct sl_key *key)
{
	const struct sl_addr *source = sl_conn_source(t->nat[index].source);
	uint8_t backend[16];

	sl_conn_backend(t, index, backend);
	return source && key->dport == t->nat[index].source_port && !memcmp(key->dst, source->bytes, sizeof(key->dst)) &&
	       !memcmp(key->src, backend, sizeof(key->src));
}

void sl_conn_reverse_key(const struct sl_conn_table *t, uint32_t index, struct sl_key *key)
{
	struct sl_key forth;

	sl_conn_key(t, index, &forth);
	*key = forth;
	sl_conn_backend(t, index, key->src);
	memcpy(key->dst, forth.src, sizeof(key->dst));
	key->sport = sl_conn_is_two_way(t, index) ? t->nat[index].backend_port : forth.dport;
	key->dport = forth.sport;
	if (sl_conn_is_two_way(t, index) && t->nat[index].source_port) {
		const struct sl_addr *source = sl_conn_source(t->nat[index].source);

		if (source)
			memcpy(key->dst, source->bytes, sizeof(key->dst));
		key->dport = t->nat[index].source_port;
	}
}

uint32_t sl_conn_copy_check(const struct sl_conn_copy *copy)
{
	const uint8_t last[2] = { copy->mode, copy->backend_family };
	uint32_t sum = XXH32(&copy->key, sizeof(copy->key), SL_CONN_SHARDS);

	sum = XXH32(copy->backend_addr, sizeof(copy->backend_addr), sum);
	sum = XXH32(&copy->backend_port, sizeof(copy->backend_port), sum);
	sum = XXH32(last, sizeof(last), sum + ((uint32_t)copy->nat.source << 16 | copy->nat.source_port));
	return sum ? sum : 1;
}

static int64_t since_of(uint32_t since)
{
	struct timespec now;
	uint64_t units;
	uint32_t ago;

	clock_gettime(CLOCK_REALTIME, &now);
	units = ((uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000) / SINCE_MS;
	ago = (uint32_t)units - since;
	if (ago > UINT32_MAX - SINCE_AHEAD)
		ago = 0;
	return (int64_t)(units - ago) * SINCE_MS;
}

void sl_conn_get(const struct sl_conn_table *t, uint32_t index, struct sl_conn_copy *copy)
{
	const struct sl_conn *conn = &t->entries[index];
	const struct sl_conn_rest *rest = &t->rest[index];
	const struct sl_conn_card *card = sl_conn_card_at(t, index);

	memset(copy, 0, sizeof(*copy));
	sl_conn_key(t, index, &copy->key);
	copy->sw_packets = sl_conn_packets(t, index);
	copy->sw_bytes = count_whole(&conn->sw_bytes, &rest->bytes_high);
	if (card) {
		copy->hw_packets = __atomic_load_n(&card->packets, __ATOMIC_RELAXED);
		copy->hw_bytes = __atomic_load_n(&card->bytes, __ATOMIC_RELAXED);
	}
	copy->last_seen_ms = __atomic_load_n(&conn->last_seen_ms, __ATOMIC_RELAXED);
	copy->check = rest->check;
	copy->since_ms = since_of(rest->since);
	copy->backend_id = conn->backend_id;
	copy->backend_tag = rest->backend_tag;
	sl_conn_backend(t, index, copy->backend_addr);
	copy->backend_family = backend4_of(t, index) || !sl_conn_is_six(t, index) ? 4 : 6;
	copy->backend_port = conn->dport;
	copy->mode = rest->mode;
	copy->state = conn->state;
	copy->offload = conn->offload;
	copy->flags = conn->flags;
	copy->reason = rest->reason;
	if (sl_conn_is_two_way(t, index)) {
		copy->nat = t->nat[index];
		copy->backend_port = copy->nat.backend_port;
	}
}

static bool stage_free(uint8_t stage)
{
	const struct sl_conn conn = { .stage = stage };

	return conn.state == SL_CONN_FREE;
}

bool sl_conn_read(const struct sl_conn_table *t, uint32_t index, struct sl_conn_copy *copy)
{
	const struct sl_conn *conn = &t->entries[index];

	if (stage_free(__atomic_load_n(&conn->stage, __ATOMIC_ACQUIRE)))
		return false;
	sl_conn_get(t, index, copy);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return !stage_free(__atomic_load_n(&conn->stage, __ATOMIC_RELAXED)) && copy->check == sl_conn_copy_check(copy);
}

struct sl_conn_card *sl_conn_card_at(const struct sl_conn_table *t, uint32_t index)
{
	return t->rest[index].more & SL_CONN_MORE_CARD ? &t->card[index] : NULL;
}

struct sl_conn_card *sl_conn_card_take(struct sl_conn_table *t, uint32_t index)
{
	if (t->rest[index].more & SL_CONN_MORE_CARD)
		return &t->card[index];
	if (!sl_conn_part_take(t, SL_CONN_PART_CARD, index))
		return NULL;
	t->card[index] = (struct sl_conn_card){ .packets = 0 };
	__atomic_thread_fence(__ATOMIC_RELEASE);
	t->rest[index].more |= SL_CONN_MORE_CARD;
	return &t->card[index];
}

uint32_t sl_conn_timeout_ms(const struct sl_conn *conn, const struct sl_config_timeouts *timeouts)
{
	if (conn->proto != IPPROTO_TCP)
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

void sl_conn_set_reason(struct sl_conn_table *t, uint32_t index, enum sl_reason reason)
{
	struct sl_conn *conn = &t->entries[index];
	struct sl_conn_rest *rest = &t->rest[index];
	struct timespec now;

	if (rest->reason == reason)
		return;
	clock_gettime(CLOCK_REALTIME_COARSE, &now); /* of the last tick: 4 ms and less */
	rest->since = (uint32_t)(((uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000) / SINCE_MS);
	rest->reason = (uint8_t)reason;
	conn->flags &= (uint8_t)~(SL_CONN_NO_CARD | SL_CONN_NEVER);
	if (reason == SL_REASON_NO_CARD)
		conn->flags |= SL_CONN_NO_CARD;
	else if (reason == SL_REASON_POLICY_NEVER)
		conn->flags |= SL_CONN_NEVER;
}
