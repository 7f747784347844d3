/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A prefix may stand in one of two buckets, and goes into the emptier one. If both are full, residents make room: the
 * nearest free slot is looked for breadth first, along the other buckets of those that stand in the way, and then the
 * residents on the way to it move, the last one first. Each is copied to its new place before its old slot is given to the
 * next: at every moment each prefix is in the card, and twice the same prefix means what once means; if it stays there
 * twice, since the firmware ended in between, both are changed and removed together. How far this goes: docs/device.md, 10.
 */
#include "firmware/prefix.h"

#include <stdbool.h>
#include <stddef.h>

#include "firmware/hal.h"
#include "firmware/memory.h"
#include "firmware/table.h"
#include "sluice/prefix.h"

#define SLOT_WORDS (sizeof(struct sl_class_prefix) / 4)
#define FAMILY_WORD (offsetof(struct sl_class_prefix, family) / 4)
#define LIST_BUCKETS (16 * SL_PREFIX_FIND_BUCKETS) /* looked at by one command: some hundred register accesses */
#define LIST_PREFIXES 5u
#define DISPLACE_BUCKETS 128u /* looked at for a free slot before there is said to be none */

/* One of a prefix's two buckets, as read. */
struct place {
	uint32_t index;
	struct sl_class_prefix slot[SL_PREFIX_WAYS];
};

_Static_assert(sizeof(((struct place *)0)->slot) == sizeof(struct sl_prefix_bucket), "bucket");
_Static_assert(sizeof(struct sl_prefix_list) == 16 + LIST_PREFIXES * sizeof(struct sl_prefix_arg), "list");

/* A bucket that may have room; the resident of `slot` in the bucket of hops[from] could go there. */
struct hop {
	uint16_t index;
	uint8_t from, slot;
};

_Static_assert(DISPLACE_BUCKETS <= 256 && SL_PREFIX_BUCKETS <= 65536, "struct hop");

static struct place places[2], beyond;
static struct hop hops[DISPLACE_BUCKETS]; /* the first two are the prefix's own buckets */

static enum sl_status read_bucket(struct place *place, uint32_t index)
{
	place->index = index;
	return sl_table_read(SL_CSR_TABLE_PREFIX, index, place->slot, sizeof(place->slot));
}

static enum sl_status read_place(struct place *place, uint32_t table, uint32_t bank, const struct sl_class_prefix *prefix)
{
	return read_bucket(place, sl_prefix_bucket_index(table, bank, sl_prefix_hash_of(prefix, table)));
}

static enum sl_status write_place(const struct place *place)
{
	return sl_table_write(SL_CSR_TABLE_PREFIX, place->index, place->slot, sizeof(place->slot));
}

static bool address_good(const struct sl_class_prefix *p)
{
	uint8_t beyond_ipv4 = 0;

	for (size_t i = 4; i < sizeof(p->addr); i++)
		beyond_ipv4 |= p->addr[i];
	return p->family == 6 || (p->family == 4 && beyond_ipv4 == 0);
}

static bool prefix_good(const struct sl_class_prefix *p, uint32_t table)
{
	const uint32_t mode = table < SL_PREFIX_TABLE_SRC_EXACT ? SL_PREFIX_MODE_DST : SL_PREFIX_MODE_SRC;

	if (!address_good(p) || p->port_lo > p->port_hi || p->reserved0)
		return false;
	if (p->proto_mask ? p->proto_mask != 0xff : p->proto != 0)
		return false;
	if (p->meter >= SL_METERS && p->meter != SL_PREFIX_METER_RULE)
		return false;
	return sl_prefix_table_of(p, mode) == table;
}

/* But for the sets. */
static bool same(const struct sl_class_prefix *a, const struct sl_class_prefix *b)
{
	for (size_t i = 0; i < sizeof(a->addr); i++)
		if (a->addr[i] != b->addr[i])
			return false;
	return a->family == b->family && a->proto == b->proto && a->proto_mask == b->proto_mask && a->meter == b->meter &&
	       a->port_lo == b->port_lo && a->port_hi == b->port_hi;
}

static int free_way(const struct place *place, uint32_t *free_slots)
{
	int way = -1;

	*free_slots = 0;
	for (int i = SL_PREFIX_WAYS - 1; i >= 0; i--) {
		if (place->slot[i].family)
			continue;
		way = i;
		(*free_slots)++;
	}
	return way;
}

static bool looked_at(uint32_t count, uint32_t index)
{
	for (uint32_t i = 0; i < count; i++)
		if (hops[i].index == index)
			return true;
	return false;
}

/* Where the residents of a full bucket could go is looked at later, each bucket once. Returns the count of hops. */
static uint32_t look_beyond(uint32_t table, uint32_t at, uint32_t count)
{
	const uint32_t other_bank = !(beyond.index >> SL_PREFIX_BUCKETS_LOG2 & 1);

	for (uint32_t i = 0; i < SL_PREFIX_WAYS && count < DISPLACE_BUCKETS; i++) {
		const uint32_t other = sl_prefix_bucket_index(table, other_bank, sl_prefix_hash_of(&beyond.slot[i], table));

		if (!looked_at(count, other))
			hops[count++] = (struct hop){ .index = (uint16_t)other, .from = (uint8_t)at, .slot = (uint8_t)i };
	}
	return count;
}

/* Room for a prefix both of whose buckets are full. */
static enum sl_status displace(uint32_t table, const struct sl_class_prefix *prefix)
{
	uint32_t at, unused, count = 2;
	enum sl_status status;
	int slot = -1;

	hops[0].index = (uint16_t)places[0].index;
	hops[1].index = (uint16_t)places[1].index;
	for (at = 0; at < count; at++) {
		status = read_bucket(&beyond, hops[at].index);
		if (status != SL_STATUS_OK)
			return status;
		slot = free_way(&beyond, &unused);
		if (slot >= 0)
			break;
		count = look_beyond(table, at, count);
	}
	if (slot < 0)
		return SL_STATUS_NO_SPACE;
	for (; at >= 2; at = hops[at].from) {
		status = read_bucket(&places[0], hops[hops[at].from].index);
		if (status != SL_STATUS_OK)
			return status;
		beyond.slot[slot] = places[0].slot[hops[at].slot];
		status = write_place(&beyond);
		if (status != SL_STATUS_OK)
			return status;
		beyond = places[0];
		slot = hops[at].slot;
	}
	beyond.slot[slot] = *prefix;
	return write_place(&beyond);
}

static enum sl_status insert(uint32_t table, const struct sl_class_prefix *prefix)
{
	uint32_t free_slots[2];
	const int way0 = free_way(&places[0], &free_slots[0]), way1 = free_way(&places[1], &free_slots[1]);
	const bool second = free_slots[1] > free_slots[0];

	if (way0 < 0 && way1 < 0)
		return displace(table, prefix);
	places[second].slot[second ? way1 : way0] = *prefix;
	return write_place(&places[second]);
}

enum sl_status sl_prefix_run_set(struct sl_firmware *fw, struct sl_command *c)
{
	const struct sl_prefix_arg *arg = &c->arg.prefix;
	enum sl_status status = SL_STATUS_OK;
	bool found = false;

	(void)fw;
	if (arg->table > SL_PREFIX_TABLE_SRC_WIDE)
		return SL_STATUS_BAD_INDEX;
	if (arg->reserved0 || !prefix_good(&arg->prefix, arg->table))
		return SL_STATUS_BAD_VALUE;
	for (uint32_t bank = 0; bank < 2 && status == SL_STATUS_OK; bank++)
		status = read_place(&places[bank], arg->table, bank, &arg->prefix);
	for (uint32_t i = 0; i < 2 * SL_PREFIX_WAYS && status == SL_STATUS_OK; i++) {
		struct place *place = &places[i / SL_PREFIX_WAYS];
		struct sl_class_prefix *slot = &place->slot[i % SL_PREFIX_WAYS];

		if (!same(slot, &arg->prefix))
			continue;
		slot->sets = arg->prefix.sets;
		if (slot->sets == 0)
			memset(slot, 0, sizeof(*slot));
		status = write_place(place);
		found = true;
	}
	if (status != SL_STATUS_OK || found)
		return status;
	return arg->prefix.sets ? insert(arg->table, &arg->prefix) : SL_STATUS_NOT_FOUND;
}

/* Appends the prefixes of the bucket that was found to the answer. False if it has no room for them. */
static bool list_bucket(struct sl_prefix_list *list, uint32_t index)
{
	struct sl_prefix_arg *entry = &list->entry0;
	bool used[SL_PREFIX_WAYS];
	uint32_t count = 0;

	for (uint32_t way = 0; way < SL_PREFIX_WAYS; way++) {
		used[way] = (sl_hal_csr_read(SL_CSR_TBL_DATA(way * SLOT_WORDS + FAMILY_WORD)) & 0xff) != 0;
		count += used[way];
	}
	if (list->count + count > LIST_PREFIXES)
		return false;
	for (uint32_t way = 0; way < SL_PREFIX_WAYS; way++) {
		uint32_t words[SLOT_WORDS];

		if (!used[way])
			continue;
		for (uint32_t i = 0; i < SLOT_WORDS; i++)
			words[i] = sl_hal_csr_read(SL_CSR_TBL_DATA(way * SLOT_WORDS + i));
		entry[list->count].table = index >> (SL_PREFIX_BUCKETS_LOG2 + 1);
		memcpy(&entry[list->count].prefix, words, sizeof(words));
		list->count++;
	}
	return true;
}

enum sl_status sl_prefix_run_list(struct sl_firmware *fw, struct sl_command *c)
{
	struct sl_prefix_list *list = &c->answer.prefixes;
	const uint32_t first = c->arg.index.index;
	enum sl_status status = SL_STATUS_OK;

	(void)fw;
	if (first >= SL_PREFIX_BUCKETS)
		return SL_STATUS_BAD_INDEX;
	if (c->arg.index.reserved0)
		return SL_STATUS_BAD_VALUE;
	list->total = sl_hal_csr_read(SL_CSR_PREFIXES);
	list->next = list->total ? first : SL_PREFIX_BUCKETS;
	while (list->next < SL_PREFIX_BUCKETS && list->next < first + LIST_BUCKETS) {
		uint32_t found;

		status = sl_table_find(list->next, &found);
		if (status == SL_STATUS_BAD_INDEX) {
			list->next = (list->next | (SL_PREFIX_FIND_BUCKETS - 1)) + 1;
			status = SL_STATUS_OK;
			continue;
		}
		if (status != SL_STATUS_OK)
			break;
		list->next = found;
		if (!list_bucket(list, found))
			break;
		list->next++;
	}
	c->answer_len = sizeof(*list);
	return status;
}
