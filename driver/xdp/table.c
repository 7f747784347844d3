/* SPDX-License-Identifier: BSD-3-Clause */
/* See table.h. A place is the index of an entry: bucket x ways + way, banks one after the other. */
#include "driver/xdp/table.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NO_PLACE UINT32_MAX
#define NODES (2 * (1 + 4 + 16 + 64 + 256))
#define BUSY 1
#define LEFT 2 /* cleared, but somebody may still be counting there */

/* An entry of either family, by its parts. */
struct entry {
	uint64_t *word;
	struct sl_xdp_hit *hit;
	uint32_t *owner;
	uint64_t *packets, *bytes;
	struct sl_xdp_foreign *foreign;
	struct sl_xdp_flow4 *v4; /* or NULL */
	struct sl_xdp_flow6 *v6;
};

struct node {
	uint32_t bucket;
	uint32_t from; /* place in the parent's bucket whose resident could go here */
	int parent;    /* -1: a bucket of the key itself */
};

size_t sl_xdp_table_bytes(uint32_t log2, size_t entry)
{
	return ((size_t)SL_XDP_BANKS * SL_XDP_WAYS * entry) << log2;
}

static uint32_t log2_of(const struct sl_xdp_table *t, unsigned int family)
{
	return family == 4 ? t->maps.log2_v4 : t->maps.log2_v6;
}

static uint32_t places(const struct sl_xdp_table *t, unsigned int family)
{
	return SL_XDP_BANKS * SL_XDP_WAYS << log2_of(t, family);
}

static uint8_t *busy(struct sl_xdp_table *t, unsigned int family)
{
	return t->busy[family == 6];
}

static struct entry entry_at(const struct sl_xdp_table *t, unsigned int family, uint32_t place)
{
	if (family == 4) {
		struct sl_xdp_flow4 *f = (struct sl_xdp_flow4 *)t->maps.flows4 + place;

		return (struct entry){ .word = &f->word, .hit = &f->hit, .owner = &f->owner, .packets = &f->packets,
				       .bytes = &f->bytes, .foreign = &t->maps.foreign4[place], .v4 = f };
	}
	struct sl_xdp_flow6 *f = (struct sl_xdp_flow6 *)t->maps.flows6 + place;

	return (struct entry){ .word = &f->word, .hit = &f->hit, .owner = &f->owner, .packets = &f->packets,
			       .bytes = &f->bytes, .foreign = &t->maps.foreign6[place], .v6 = f };
}

static void tag_set(struct sl_xdp_table *t, unsigned int family, uint32_t place, uint16_t tag)
{
	const struct entry first = entry_at(t, family, place & ~(SL_XDP_WAYS - 1u));

	__atomic_store_n(&first.hit->tag[place & (SL_XDP_WAYS - 1)], tag, __ATOMIC_RELEASE);
}

static uint64_t word_of(const struct sl_key *key)
{
	return SL_XDP_WORD(key->sport, key->dport, key->tenant, key->proto, key->family);
}

static struct sl_xdp_hash hash_of(const struct sl_xdp_table *t, const struct sl_key *key)
{
	uint64_t a[4];

	memcpy(&a[0], key->src, sizeof(key->src));
	memcpy(&a[2], key->dst, sizeof(key->dst));
	if (key->family == 4)
		return sl_xdp_hash4(&t->maps.seed, (a[0] & 0xffffffff) | a[2] << 32, word_of(key), t->maps.log2_v4);
	return sl_xdp_hash6(&t->maps.seed, a, word_of(key), t->maps.log2_v6);
}

void sl_xdp_seed_make(struct sl_xdp_seed *seed, const uint8_t random[sizeof(struct sl_xdp_seed)])
{
	memcpy(seed, random, sizeof(*seed));
	seed->mix[0] |= 1; /* (each multiplication can be undone) */
	seed->mix[1] |= 1;
}

static void key_of(const struct entry *e, struct sl_key *key)
{
	const uint64_t word = __atomic_load_n(e->word, __ATOMIC_RELAXED);

	memset(key, 0, sizeof(*key));
	if (e->v4) {
		memcpy(key->src, &e->v4->src, 4);
		memcpy(key->dst, &e->v4->dst, 4);
	} else {
		memcpy(key->src, e->v6->src, 16);
		memcpy(key->dst, e->v6->dst, 16);
	}
	memcpy(&key->sport, &word, sizeof(word));
}

static bool holds(const struct entry *e, const struct sl_key *key)
{
	if (__atomic_load_n(e->word, __ATOMIC_RELAXED) != word_of(key))
		return false;
	if (e->v4)
		return memcmp(&e->v4->src, key->src, 4) == 0 && memcmp(&e->v4->dst, key->dst, 4) == 0;
	return memcmp(e->v6->src, key->src, 16) == 0 && memcmp(e->v6->dst, key->dst, 16) == 0;
}

/* Place of the key, or NO_PLACE. */
static uint32_t find(struct sl_xdp_table *t, const struct sl_key *key, const struct sl_xdp_hash *hash)
{
	for (uint32_t bank = 0; bank < SL_XDP_BANKS; bank++) {
		const uint32_t first = SL_XDP_WAYS * hash->bucket[bank];

		for (uint32_t place = first; place < first + SL_XDP_WAYS; place++) {
			const struct entry e = entry_at(t, key->family, place);

			if (busy(t, key->family)[place] == BUSY && holds(&e, key))
				return place;
		}
	}
	return NO_PLACE;
}

static struct sl_xdp_counts counted(const struct entry *e)
{
	return (struct sl_xdp_counts){
		.packets = __atomic_load_n(e->packets, __ATOMIC_RELAXED) + __atomic_load_n(&e->foreign->packets, __ATOMIC_RELAXED),
		.bytes = __atomic_load_n(e->bytes, __ATOMIC_RELAXED) + __atomic_load_n(&e->foreign->bytes, __ATOMIC_RELAXED),
	};
}

static struct sl_xdp_counts counts_of(const struct sl_xdp_table *t, uint32_t id)
{
	const struct sl_xdp_meta *meta = &t->maps.meta[id];
	const struct entry e = entry_at(t, meta->family, meta->place);
	struct sl_xdp_counts sum = counted(&e);

	for (uint32_t i = 0; t->moved && i < t->zombies; i++) {
		const struct entry left = entry_at(t, t->zombie[i].family, t->zombie[i].place);
		const struct sl_xdp_counts c = counted(&left);

		if (t->zombie[i].flow_id != id)
			continue;
		sum.packets += c.packets;
		sum.bytes += c.bytes;
	}
	sum.packets += meta->packets;
	sum.bytes += meta->bytes;
	return sum;
}

void sl_xdp_table_settle(struct sl_xdp_table *t)
{
	if (t->zombies == 0)
		return;
	if (t->maps.grace)
		t->maps.grace();
	else if (syscall(__NR_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0)) /* a grace period of RCU; each run of a program is in one */
		usleep(20000); /* without it: longer than a run takes */
	for (uint32_t i = 0; i < t->zombies; i++) {
		const struct sl_xdp_zombie *z = &t->zombie[i];
		const struct entry e = entry_at(t, z->family, z->place);
		const struct sl_xdp_counts c = counted(&e);

		if (z->flow_id != SL_FLOW_ID_NONE) {
			t->maps.meta[z->flow_id].packets += c.packets;
			t->maps.meta[z->flow_id].bytes += c.bytes;
		} else {
			t->late.packets += c.packets - z->packets;
			t->late.bytes += c.bytes - z->bytes;
		}
		*e.packets = *e.bytes = 0;
		*e.foreign = (struct sl_xdp_foreign){ 0 };
		*e.owner = 0;
		busy(t, z->family)[z->place] = 0;
	}
	t->zombies = t->moved = 0;
}

/* Clears a place; its counts are those of the flow that moved away, or of nobody. */
static struct sl_xdp_counts leave(struct sl_xdp_table *t, unsigned int family, uint32_t place, uint32_t flow_id)
{
	const struct entry e = entry_at(t, family, place);
	struct sl_xdp_counts c;

	__atomic_store_n(e.word, 0, __ATOMIC_RELEASE);
	tag_set(t, family, place, 0);
	if (t->zombies == SL_XDP_ZOMBIES)
		sl_xdp_table_settle(t);
	c = counted(&e);
	e.hit->flow_id = flow_id;
	t->moved += flow_id != SL_FLOW_ID_NONE;
	busy(t, family)[place] = LEFT;
	t->zombie[t->zombies++] = (struct sl_xdp_zombie){ .place = place, .flow_id = flow_id, .family = (uint8_t)family,
							  .packets = c.packets, .bytes = c.bytes };
	return c;
}

static void put_action(struct sl_xdp_hit *hit, const struct sl_record *record)
{
	/* An action beyond the entries is as good as any other that there is not. */
	const uint16_t action = record->action > UINT16_MAX ? UINT16_MAX : (uint16_t)record->action;

	__atomic_store_n(&hit->what, sl_xdp_what(action, record->flags), __ATOMIC_RELEASE);
	__atomic_store_n(&hit->memo, 0, __ATOMIC_RELEASE);
}

/* Fills a free place and lets programs find it. */
static void fill(struct sl_xdp_table *t, uint32_t place, const struct sl_key *key, const struct sl_xdp_hash *hash,
		 const struct sl_record *record, uint32_t flow_id, uint32_t last_seen_ms)
{
	const struct entry e = entry_at(t, key->family, place);

	*e.owner = 0;
	e.hit->flow_id = flow_id;
	e.hit->last_seen_ms = last_seen_ms;
	put_action(e.hit, record);
	if (e.v4) {
		struct sl_xdp_nat4 *nat = &t->maps.nat4[place];

		memcpy(&e.v4->src, key->src, 4);
		memcpy(&e.v4->dst, key->dst, 4);
		memcpy(&nat->new_src, record->new_src, 4);
		memcpy(&nat->new_dst, record->new_dst, 4);
		nat->new_sport = record->new_sport;
		nat->new_dport = record->new_dport;
		nat->l3_delta = record->l3_delta;
		nat->l4_delta = record->l4_delta;
	} else {
		memcpy(e.v6->src, key->src, 16);
		memcpy(e.v6->dst, key->dst, 16);
		memcpy(e.v6->new_src, record->new_src, 16);
		memcpy(e.v6->new_dst, record->new_dst, 16);
		e.v6->new_sport = record->new_sport;
		e.v6->new_dport = record->new_dport;
		e.v6->l3_delta = record->l3_delta;
		e.v6->l4_delta = record->l4_delta;
	}
	__atomic_store_n(e.word, word_of(key), __ATOMIC_RELEASE);
	tag_set(t, key->family, place, (uint16_t)sl_xdp_tag(hash));
	busy(t, key->family)[place] = BUSY;
}

static void record_of(const struct sl_xdp_table *t, uint32_t id, struct sl_record *record)
{
	const struct sl_xdp_meta *meta = &t->maps.meta[id];
	const struct entry e = entry_at(t, meta->family, meta->place);

	memset(record, 0, sizeof(*record));
	record->action = sl_xdp_action(e.hit->what);
	record->flags = sl_xdp_flags(e.hit->what);
	record->age_s = meta->age_s;
	record->owner = meta->owner;
	record->cookie = meta->cookie;
	if (e.v4) {
		const struct sl_xdp_nat4 *nat = &t->maps.nat4[meta->place];

		memcpy(record->new_src, &nat->new_src, 4);
		memcpy(record->new_dst, &nat->new_dst, 4);
		record->new_sport = nat->new_sport;
		record->new_dport = nat->new_dport;
		record->l3_delta = nat->l3_delta;
		record->l4_delta = nat->l4_delta;
	} else {
		memcpy(record->new_src, e.v6->new_src, 16);
		memcpy(record->new_dst, e.v6->new_dst, 16);
		record->new_sport = e.v6->new_sport;
		record->new_dport = e.v6->new_dport;
		record->l3_delta = e.v6->l3_delta;
		record->l4_delta = e.v6->l4_delta;
	}
}

/* The flow goes to a free place, with this record: at both for a moment, so that it is always found. */
static void move(struct sl_xdp_table *t, uint32_t id, uint32_t to, const struct sl_record *record)
{
	struct sl_xdp_meta *meta = &t->maps.meta[id];
	const uint32_t from = meta->place;
	const struct entry e = entry_at(t, meta->family, from);
	struct sl_xdp_hash hash;
	struct sl_key key;

	key_of(&e, &key);
	hash = hash_of(t, &key);
	fill(t, to, &key, &hash, record, id, e.hit->last_seen_ms);
	meta->place = to;
	leave(t, meta->family, from, id);
}

/* A free place of the bucket, the preferred one if it is free; n: how many there are. */
static uint32_t free_way(struct sl_xdp_table *t, unsigned int family, uint32_t bucket, uint32_t preferred, uint32_t *n)
{
	uint32_t found = NO_PLACE;

	*n = 0;
	for (uint32_t way = 0; way < SL_XDP_WAYS; way++) {
		const uint32_t place = SL_XDP_WAYS * bucket + way;

		if (busy(t, family)[place])
			continue;
		if (found == NO_PLACE || way == preferred)
			found = place;
		++*n;
	}
	return found;
}

/* The bucket where the resident of a place could be instead, and the way where it is looked for first there. */
static uint32_t other_bucket(const struct sl_xdp_table *t, unsigned int family, uint32_t place, uint32_t *way)
{
	const struct entry e = entry_at(t, family, place);
	const uint32_t bank = place / SL_XDP_WAYS >> log2_of(t, family);
	struct sl_xdp_hash hash;
	struct sl_key key;

	key_of(&e, &key);
	hash = hash_of(t, &key);
	*way = hash.way;
	return hash.bucket[!bank];
}

/* Moves residents along the path to nodes[n], whose bucket has the free place; returns the place that gets free. */
static uint32_t move_path(struct sl_xdp_table *t, unsigned int family, const struct node *nodes, int n, uint32_t to)
{
	while (nodes[n].parent >= 0) {
		const struct entry e = entry_at(t, family, nodes[n].from);
		const uint32_t id = e.hit->flow_id;
		struct sl_record record;

		record_of(t, id, &record);
		sl_xdp_table_settle(t); /* nobody counts any more where the one before was */
		move(t, id, to, &record);
		t->moves++;
		to = nodes[n].from;
		n = nodes[n].parent;
	}
	return to;
}

/* Breadth first, like the card: the shortest path to a bucket with room. */
static uint32_t displace(struct sl_xdp_table *t, unsigned int family, const struct sl_xdp_hash *hash)
{
	struct node nodes[NODES];
	int count = 0;

	for (uint32_t bank = 0; bank < SL_XDP_BANKS; bank++)
		nodes[count++] = (struct node){ hash->bucket[bank], NO_PLACE, -1 };
	for (int i = 0; i < count; i++) {
		for (uint32_t way = 0; way < SL_XDP_WAYS && count < NODES; way++) {
			const uint32_t place = SL_XDP_WAYS * nodes[i].bucket + way;
			uint32_t n, to, preferred;

			if (busy(t, family)[place] != BUSY)
				continue;
			nodes[count] = (struct node){ other_bucket(t, family, place, &preferred), place, i };
			to = free_way(t, family, nodes[count].bucket, preferred, &n);
			if (to != NO_PLACE)
				return move_path(t, family, nodes, count, to);
			count++;
		}
	}
	return NO_PLACE;
}

static uint32_t make_room(struct sl_xdp_table *t, unsigned int family, const struct sl_xdp_hash *hash)
{
	uint32_t n[SL_XDP_BANKS], place[SL_XDP_BANKS], made;

	for (uint32_t bank = 0; bank < SL_XDP_BANKS; bank++)
		place[bank] = free_way(t, family, hash->bucket[bank], hash->way, &n[bank]);
	for (uint32_t bank = 0; bank < SL_XDP_BANKS; bank++) /* a program looks there first */
		if (place[bank] == SL_XDP_WAYS * hash->bucket[bank] + hash->way && n[bank] > 1)
			return place[bank];
	if (n[0] || n[1])
		return place[n[1] > n[0]];
	made = displace(t, family, hash);
	if (made == NO_PLACE) {
		if (t->zombies == 0)
			return NO_PLACE;
		sl_xdp_table_settle(t);
		return make_room(t, family, hash);
	}
	sl_xdp_table_settle(t); /* the place that got free may still be counted at */
	return made;
}

/* A program may have seen the flow after the caller looked at the time. */
static uint32_t idle_ms(uint32_t now_ms, uint32_t seen_ms)
{
	return (int32_t)(now_ms - seen_ms) < 0 ? 0 : now_ms - seen_ms;
}

static void complete(const struct sl_xdp_table *t, uint32_t id, uint32_t now_ms, struct sl_flow_cpl *cpl)
{
	const struct sl_xdp_meta *meta = &t->maps.meta[id];
	const struct entry e = entry_at(t, meta->family, meta->place);
	const struct sl_xdp_counts c = counts_of(t, id);

	cpl->flow_id = id;
	cpl->packets = c.packets;
	cpl->bytes = c.bytes;
	cpl->idle_ms = idle_ms(now_ms, __atomic_load_n(&e.hit->last_seen_ms, __ATOMIC_RELAXED));
}

static uint32_t insert(struct sl_xdp_table *t, const struct sl_flow_cmd *cmd, const struct sl_xdp_hash *hash, uint32_t now_ms)
{
	const uint32_t place = t->free_count ? make_room(t, cmd->key.family, hash) : NO_PLACE;
	uint32_t id;

	if (place == NO_PLACE) {
		t->refused++;
		return SL_FLOW_ID_NONE;
	}
	id = t->free_id[--t->free_count];
	t->maps.meta[id] = (struct sl_xdp_meta){ .cookie = cmd->record.cookie, .place = place, .age_s = cmd->record.age_s,
						 .owner = cmd->record.owner, .family = cmd->key.family };
	fill(t, place, &cmd->key, hash, &cmd->record, id, now_ms);
	t->occupancy++;
	return id;
}

/* What the record is from now on. Operands of NAT are several words: then the flow moves, so that nobody sees half of them. */
static void update(struct sl_xdp_table *t, uint32_t id, const struct sl_flow_cmd *cmd, const struct sl_xdp_hash *hash)
{
	struct sl_xdp_meta *meta = &t->maps.meta[id];
	const struct entry e = entry_at(t, meta->family, meta->place);
	struct sl_record old;
	uint32_t to;

	record_of(t, id, &old);
	meta->cookie = cmd->record.cookie;
	meta->age_s = cmd->record.age_s;
	meta->owner = cmd->record.owner;
	if (!memcmp(old.new_src, cmd->record.new_src, 16) && !memcmp(old.new_dst, cmd->record.new_dst, 16) &&
	    old.new_sport == cmd->record.new_sport && old.new_dport == cmd->record.new_dport &&
	    old.l3_delta == cmd->record.l3_delta && old.l4_delta == cmd->record.l4_delta) {
		put_action(e.hit, &cmd->record);
		return;
	}
	to = make_room(t, meta->family, hash);
	if (to != NO_PLACE) {
		move(t, id, to, &cmd->record);
		return;
	}
	/* No room at all: a moment in which its packets are the host's. */
	leave(t, meta->family, meta->place, id);
	sl_xdp_table_settle(t);
	fill(t, meta->place, &cmd->key, hash, &cmd->record, id, e.hit->last_seen_ms);
}

static void remove_flow(struct sl_xdp_table *t, uint32_t id, struct sl_flow_cpl *cpl)
{
	struct sl_xdp_meta *meta = &t->maps.meta[id];
	const struct entry e = entry_at(t, meta->family, meta->place);
	const struct sl_xdp_counts before = counted(&e);
	struct sl_xdp_counts last;

	for (uint32_t i = 0; t->moved && i < t->zombies; i++) {
		const struct entry left = entry_at(t, t->zombie[i].family, t->zombie[i].place);

		if (t->zombie[i].flow_id != id)
			continue;
		last = counted(&left);
		t->zombie[i].flow_id = left.hit->flow_id = SL_FLOW_ID_NONE;
		t->moved--;
		t->zombie[i].packets = last.packets;
		t->zombie[i].bytes = last.bytes;
	}
	last = leave(t, meta->family, meta->place, SL_FLOW_ID_NONE);
	cpl->packets += last.packets - before.packets;
	cpl->bytes += last.bytes - before.bytes;
	*meta = (struct sl_xdp_meta){ 0 };
	t->free_id[t->free_count++] = id;
	t->occupancy--;
}

static bool key_good(const struct sl_key *key)
{
	uint32_t rest = 0;

	for (uint32_t i = 4; i < 16; i++)
		rest |= key->src[i] | key->dst[i];
	return key->family == 6 || (key->family == 4 && rest == 0);
}

static void ask(const struct sl_xdp_table *t, uint32_t id, bool leaving)
{
	if (t->maps.ask)
		t->maps.ask(t->maps.ask_ctx, id, leaving);
}

static uint32_t command_by_key(struct sl_xdp_table *t, const struct sl_flow_cmd *cmd, uint32_t now_ms, struct sl_flow_cpl *cpl)
{
	struct sl_xdp_hash hash;
	uint32_t place, id;

	if (!key_good(&cmd->key))
		return SL_STATUS_BAD_VALUE;
	hash = hash_of(t, &cmd->key);
	place = find(t, &cmd->key, &hash);
	if (place == NO_PLACE) {
		if (cmd->opcode != SL_FLOW_OP_INSERT)
			return SL_STATUS_NOT_FOUND;
		cpl->flow_id = insert(t, cmd, &hash, now_ms);
		return cpl->flow_id == SL_FLOW_ID_NONE ? SL_STATUS_NO_SPACE : SL_STATUS_OK;
	}
	id = entry_at(t, cmd->key.family, place).hit->flow_id;
	ask(t, id, cmd->opcode != SL_FLOW_OP_QUERY);
	complete(t, id, now_ms, cpl);
	if (cmd->opcode == SL_FLOW_OP_INSERT || cmd->opcode == SL_FLOW_OP_UPDATE)
		update(t, id, cmd, &hash);
	else if (cmd->opcode == SL_FLOW_OP_DELETE)
		remove_flow(t, id, cpl);
	return cmd->opcode == SL_FLOW_OP_INSERT ? SL_STATUS_EXISTS : SL_STATUS_OK;
}

static uint32_t dump(const struct sl_xdp_table *t, uint32_t id, uint32_t now_ms, struct sl_flow_cpl *cpl,
		     struct sl_flow_state *state)
{
	struct sl_xdp_counts c;
	struct entry e;

	if (id >= t->ids)
		return SL_STATUS_BAD_INDEX;
	if (t->maps.meta[id].family == 0)
		return SL_STATUS_NOT_FOUND;
	ask(t, id, false);
	e = entry_at(t, t->maps.meta[id].family, t->maps.meta[id].place);
	c = counts_of(t, id);
	memset(state, 0, sizeof(*state));
	key_of(&e, &state->key);
	record_of(t, id, &state->record);
	state->counters = (struct sl_counters){ .packets = c.packets, .bytes = c.bytes,
						.last_seen_ms = e.hit->last_seen_ms, .now_ms = now_ms };
	cpl->flow_id = id;
	return SL_STATUS_OK;
}

void sl_xdp_table_command(struct sl_xdp_table *t, const struct sl_flow_cmd *cmd, uint32_t now_ms, struct sl_flow_cpl *cpl,
			  struct sl_flow_state *state)
{
	uint32_t status;

	*cpl = (struct sl_flow_cpl){ .flow_id = SL_FLOW_ID_NONE, .tag = cmd->tag, .opcode = cmd->opcode };
	switch (cmd->opcode) {
	case SL_FLOW_OP_NOP: status = SL_STATUS_OK; break;
	case SL_FLOW_OP_INSERT:
	case SL_FLOW_OP_DELETE:
	case SL_FLOW_OP_UPDATE:
	case SL_FLOW_OP_QUERY: status = command_by_key(t, cmd, now_ms, cpl); break;
	case SL_FLOW_OP_DUMP: status = dump(t, cmd->flow_id, now_ms, cpl, state); break;
	default: status = SL_STATUS_BAD_OPCODE; break;
	}
	cpl->status = (uint8_t)status;
}

bool sl_xdp_table_age(struct sl_xdp_table *t, uint32_t id, uint32_t now_ms)
{
	struct sl_xdp_meta *meta = &t->maps.meta[id];
	uint32_t seen;

	if (meta->family == 0 || meta->age_s == 0)
		return false;
	seen = __atomic_load_n(&entry_at(t, meta->family, meta->place).hit->last_seen_ms, __ATOMIC_RELAXED);
	if (idle_ms(now_ms, seen) < meta->age_s * 1000u || (meta->told && meta->told_ms == seen))
		return false;
	meta->told = 1;
	meta->told_ms = seen;
	return true;
}

bool sl_xdp_table_view(const struct sl_xdp_table *t, uint32_t id, struct sl_xdp_flow_view *view)
{
	struct entry e;

	if (id >= t->ids || t->maps.meta[id].family == 0)
		return false;
	e = entry_at(t, t->maps.meta[id].family, t->maps.meta[id].place);
	key_of(&e, &view->key);
	record_of(t, id, &view->record);
	view->memo = __atomic_load_n(&e.hit->memo, __ATOMIC_ACQUIRE);
	view->rule = sl_xdp_rule(__atomic_load_n(&e.hit->what, __ATOMIC_RELAXED));
	view->last_seen_ms = __atomic_load_n(&e.hit->last_seen_ms, __ATOMIC_RELAXED);
	return true;
}

void sl_xdp_table_add(struct sl_xdp_table *t, uint32_t id, uint64_t packets, uint64_t bytes, uint32_t now_ms)
{
	struct sl_xdp_meta *meta = &t->maps.meta[id];

	meta->packets += packets;
	meta->bytes += bytes;
	__atomic_store_n(&entry_at(t, meta->family, meta->place).hit->last_seen_ms, now_ms, __ATOMIC_RELAXED);
}

void sl_xdp_table_forget_memos(struct sl_xdp_table *t)
{
	for (uint32_t id = 0; id < t->ids; id++) {
		const struct sl_xdp_meta *meta = &t->maps.meta[id];

		if (meta->family)
			__atomic_store_n(&entry_at(t, meta->family, meta->place).hit->memo, 0, __ATOMIC_RELEASE);
	}
}

/* A place that no flow says is its own: left by an owner that ended in the middle of a move, or before it had settled. */
static void reclaim(struct sl_xdp_table *t, unsigned int family, uint32_t place)
{
	const struct entry e = entry_at(t, family, place);
	const struct sl_xdp_counts c = counted(&e);
	const uint32_t id = e.hit->flow_id;

	if (__atomic_load_n(e.word, __ATOMIC_RELAXED) != 0) {
		leave(t, family, place, id < t->ids && t->maps.meta[id].family == family ? id : SL_FLOW_ID_NONE);
		return;
	}
	tag_set(t, family, place, 0);
	if (c.packets == 0 && c.bytes == 0)
		return;
	if (id < t->ids && t->maps.meta[id].family == family) {
		t->maps.meta[id].packets += c.packets;
		t->maps.meta[id].bytes += c.bytes;
	}
	*e.packets = *e.bytes = 0;
	*e.foreign = (struct sl_xdp_foreign){ 0 };
}

static void adopt(struct sl_xdp_table *t)
{
	static const unsigned int families[2] = { 4, 6 };

	for (uint32_t id = t->ids; id-- > 0;) {
		struct sl_xdp_meta *meta = &t->maps.meta[id];

		if ((meta->family == 4 || meta->family == 6) && meta->place < places(t, meta->family)) {
			const struct entry e = entry_at(t, meta->family, meta->place);

			if (*e.word >> 56 == meta->family && e.hit->flow_id == id) {
				busy(t, meta->family)[meta->place] = BUSY;
				t->occupancy++;
				continue;
			}
		}
		*meta = (struct sl_xdp_meta){ 0 };
		t->free_id[t->free_count++] = id;
	}
	for (unsigned int f = 0; f < 2; f++) {
		for (uint32_t place = 0; place < places(t, families[f]); place++)
			if (!busy(t, families[f])[place])
				reclaim(t, families[f], place);
	}
	sl_xdp_table_settle(t);
}

int sl_xdp_table_open(struct sl_xdp_table *t, const struct sl_xdp_table_maps *maps)
{
	memset(t, 0, sizeof(*t));
	t->maps = *maps;
	t->ids = places(t, 4);
	t->busy[0] = calloc(places(t, 4), 1);
	t->busy[1] = calloc(places(t, 6), 1);
	t->free_id = calloc(t->ids, sizeof(*t->free_id));
	if (!t->busy[0] || !t->busy[1] || !t->free_id) {
		sl_xdp_table_close(t);
		return -ENOMEM;
	}
	adopt(t);
	return 0;
}

void sl_xdp_table_close(struct sl_xdp_table *t)
{
	if (t->free_id)
		sl_xdp_table_settle(t);
	free(t->busy[0]);
	free(t->busy[1]);
	free(t->free_id);
	t->busy[0] = t->busy[1] = NULL;
	t->free_id = NULL;
}

void sl_xdp_table_clear(struct sl_xdp_table *t)
{
	struct sl_flow_cpl cpl;

	for (uint32_t id = 0; id < t->ids; id++)
		if (t->maps.meta[id].family)
			remove_flow(t, id, &cpl);
	sl_xdp_table_settle(t);
}
