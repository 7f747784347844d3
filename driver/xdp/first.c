/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * See first.h. A service's table is never changed while programs read it: another map with the new one takes its place in the map of
 * services, and the kernel frees the old one when no program uses it any more.
 */
#include "driver/xdp/first.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "driver/fpga/log.h"
#include "driver/fpga/port.h"

#define HINTS_AT_ONCE 1024u

static struct sl_xdp *xdp_of(const struct rte_eth_dev *dev)
{
	return sl_xdp_of(sl_port_of(dev)->card->datapath);
}

/* -- tables ---------------------------------------------------------------------------------------------------------- */

static int table_read(const struct sl_xdp *x, const struct sl_first_key *key, struct sl_first_table *table)
{
	struct bpf_map_info info = { 0 };
	uint32_t id, length = sizeof(info);
	const uint32_t zero = 0;
	int fd, rc;

	if (bpf_map_lookup_elem(x->maps.first, key, &id))
		return -errno;
	fd = bpf_map_get_fd_by_id(id);
	if (fd < 0)
		return -errno;
	rc = bpf_obj_get_info_by_fd(fd, &info, &length) ? -errno : info.value_size != sizeof(*table) ? -EPROTO : 0;
	if (rc == 0 && bpf_map_lookup_elem(fd, &zero, table))
		rc = -errno;
	close(fd);
	return rc;
}

static int table_put(const struct sl_xdp *x, const struct sl_first_table *table)
{
	const int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "first_table", sizeof(uint32_t), sizeof(*table), 1, NULL);
	const uint32_t zero = 0;
	int rc;

	if (fd < 0)
		return -errno;
	rc = bpf_map_update_elem(fd, &zero, table, BPF_ANY) || bpf_map_update_elem(x->maps.first, &table->key, &fd, BPF_ANY) ? -errno : 0;
	close(fd);
	return rc;
}

/* Programs do not look for services where there are none. */
static void tell(struct sl_xdp *x)
{
	uint8_t any = 0;

	for (uint32_t i = 0; i < SL_FIRST_SERVICES; i++)
		any |= x->first_used[i];
	for (uint32_t p = 0; p < SL_PORTS_MAX; p++)
		__atomic_store_n(&x->maps.config[p].first, any, __ATOMIC_RELEASE);
}

/* Slot of a service, or of none if key is NULL; -1. */
static int slot_of(const struct sl_xdp *x, const struct sl_first_key *key)
{
	for (int i = 0; i < (int)SL_FIRST_SERVICES; i++)
		if (key ? x->first_used[i] && memcmp(&x->first_key[i], key, sizeof(*key)) == 0 : !x->first_used[i])
			return i;
	return -1;
}

static int count_restart(const struct sl_xdp *x, uint32_t slot)
{
	struct sl_xdp_first_count *none = calloc((size_t)x->cpus, sizeof(*none));
	const int rc = none && bpf_map_update_elem(x->maps.first_count, &slot, none, BPF_ANY) == 0 ? 0 : -ENOMEM;

	free(none);
	return rc;
}

/* Checks the table, and makes its ports the card's. */
static int understand(struct sl_card *card, struct sl_first_table *table)
{
	if (table->size == 0 || table->size > SL_FIRST_PLACES || table->hop_count > SL_FIRST_HOPS)
		return -ERANGE;
	for (uint32_t i = 0; i < table->size; i++)
		if (table->place[i] >= table->hop_count && table->place[i] != SL_FIRST_HOST)
			return -ERANGE;
	for (uint32_t i = 0; i < table->hop_count; i++) {
		struct sl_action *action = &table->hop[i].action;
		const int port = sl_card_port_of(card, action->port);

		if (action->hdr_len > SL_ACTION_HDR_BYTES)
			return -ERANGE;
		if (port < 0)
			return -EXDEV;
		action->port = (uint8_t)port;
	}
	return 0;
}

static int service_set(struct sl_xdp *x, struct sl_card *card, const struct sl_first_table *from)
{
	struct sl_first_table *table = malloc(sizeof(*table));
	int slot = slot_of(x, &from->key), rc = table ? 0 : -ENOMEM;
	const bool fresh = slot < 0;

	if (fresh)
		slot = slot_of(x, NULL);
	if (rc == 0) {
		memcpy(table, from, sizeof(*table));
		table->slot = (uint32_t)slot;
		rc = slot < 0 ? -ENOSPC : understand(card, table);
	}
	if (rc == 0 && fresh)
		rc = count_restart(x, (uint32_t)slot);
	if (rc == 0)
		rc = table_put(x, table);
	if (rc == 0 && fresh) {
		x->first_key[slot] = from->key;
		x->first_used[slot] = 1;
		tell(x);
	}
	free(table);
	return rc;
}

static int service_drop(struct sl_xdp *x, const struct sl_first_key *key)
{
	const int slot = slot_of(x, key);

	if (slot < 0)
		return -ENOENT;
	if (bpf_map_delete_elem(x->maps.first, key) && errno != ENOENT)
		return -errno;
	x->first_used[slot] = 0;
	tell(x);
	return 0;
}

/* Services that an earlier owner's program decides; what cannot be read, or is another build's, is taken from the program: the
 * agent decides then. */
int sl_xdp_first_adopt(struct sl_xdp *x)
{
	struct sl_first_table *table = malloc(sizeof(*table));
	struct sl_first_key key, before;
	bool any = false;

	if (!table)
		return -ENOMEM;
	while (bpf_map_get_next_key(x->maps.first, any ? &before : NULL, &key) == 0) {
		const int rc = table_read(x, &key, table);

		if (rc == 0 && table->slot < SL_FIRST_SERVICES) {
			x->first_key[table->slot] = key;
			x->first_used[table->slot] = 1;
		} else {
			SL_LOG(WARNING, "a service's table of first packets is not understood and is dropped: %s", strerror(rc ? -rc : ERANGE));
			if (bpf_map_delete_elem(x->maps.first, &key))
				break; /* it would come again */
			continue;
		}
		before = key;
		any = true;
	}
	free(table);
	tell(x);
	return 0;
}

/* -- what is read ---------------------------------------------------------------------------------------------------- */

static uint32_t keys(const struct sl_xdp *x, struct sl_first_key *to, uint32_t room)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < SL_FIRST_SERVICES && n < room; i++)
		if (x->first_used[i])
			to[n++] = x->first_key[i];
	return n;
}

/* A program that has looked an entry up counts its packet there even if it is taken meanwhile: of such a packet nothing is known. */
static int hints(const struct sl_xdp *x, struct sl_first_hint *to, uint32_t room, uint32_t *taken)
{
	uint32_t n = room < HINTS_AT_ONCE ? room : HINTS_AT_ONCE, next[4];
	struct sl_key *key = calloc(n, sizeof(*key));
	struct sl_xdp_hint *hint = calloc(n, sizeof(*hint));
	int rc = key && hint ? 0 : -ENOMEM;

	*taken = 0;
	if (rc == 0 && bpf_map_lookup_and_delete_batch(x->maps.hints, NULL, next, key, hint, &n, NULL) && errno != ENOENT)
		rc = -errno;
	for (uint32_t i = 0; rc == 0 && i < n; i++)
		to[(*taken)++] = (struct sl_first_hint){ .key = key[i], .identity = hint[i].identity, .bytes = hint[i].bytes,
							 .packets = hint[i].packets, .tcp_flags = hint[i].tcp_flags };
	free(key);
	free(hint);
	return rc;
}

static int counts(const struct sl_xdp *x, struct sl_first_counts *c)
{
	const int slot = slot_of(x, &c->key);
	struct sl_xdp_first_count *cpu = calloc((size_t)x->cpus, sizeof(*cpu));
	int rc = slot < 0 ? -ENOENT : !cpu ? -ENOMEM : 0;

	if (rc == 0 && bpf_map_lookup_elem(x->maps.first_count, &slot, cpu))
		rc = -errno;
	c->packets = c->bytes = c->syns = c->unhinted = 0;
	for (int i = 0; rc == 0 && i < x->cpus; i++) {
		c->packets += cpu[i].packets;
		c->bytes += cpu[i].bytes;
		c->syns += cpu[i].syns;
		c->unhinted += cpu[i].unhinted;
	}
	free(cpu);
	return rc;
}

/* -- ethdev ---------------------------------------------------------------------------------------------------------- */

static int get(struct sl_xdp *x, struct rte_dev_eeprom_info *info)
{
	struct sl_first_table *table = info->data;
	uint32_t n = 0;
	int rc;

	switch (info->offset) {
	case SL_FIRST_TABLE:
		return info->length < sizeof(*table) ? -EINVAL : table_read(x, &table->key, table);
	case SL_FIRST_KEYS:
		info->length = keys(x, info->data, info->length / sizeof(struct sl_first_key)) * sizeof(struct sl_first_key);
		return 0;
	case SL_FIRST_HINTS:
		if (info->length < sizeof(struct sl_first_hint))
			return -EINVAL;
		rc = hints(x, info->data, info->length / sizeof(struct sl_first_hint), &n);
		info->length = n * sizeof(struct sl_first_hint);
		return rc;
	case SL_FIRST_COUNTS:
		return info->length < sizeof(struct sl_first_counts) ? -EINVAL : counts(x, info->data);
	default:
		return -EINVAL;
	}
}

int sl_xdp_first_get(struct rte_eth_dev *dev, struct rte_dev_eeprom_info *info)
{
	struct sl_xdp *x = xdp_of(dev);
	int rc;

	pthread_mutex_lock(&x->lock);
	rc = get(x, info);
	pthread_mutex_unlock(&x->lock);
	if (rc == 0)
		info->magic = SL_FIRST_MAGIC;
	return rc;
}

int sl_xdp_first_set(struct rte_eth_dev *dev, struct rte_dev_eeprom_info *info)
{
	struct sl_xdp *x = xdp_of(dev);
	int rc = -EINVAL;

	if (info->magic != SL_FIRST_MAGIC)
		return -EINVAL;
	pthread_mutex_lock(&x->lock);
	if (info->offset == SL_FIRST_TABLE && info->length == sizeof(struct sl_first_table))
		rc = service_set(x, sl_port_of(dev)->card, info->data);
	else if (info->offset == SL_FIRST_DROP && info->length == sizeof(struct sl_first_key))
		rc = service_drop(x, info->data);
	pthread_mutex_unlock(&x->lock);
	return rc;
}
