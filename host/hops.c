/* SPDX-License-Identifier: BSD-3-Clause */
/* A fixed pool of hops, found by hash. */
#include "host/hops.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "host/returns.h"

#define BUCKETS 1024u

static struct {
	struct sl_hop pool[SL_HOPS_MAX];
	struct sl_hop *bucket[BUCKETS];
	struct sl_hop *free;
	uint32_t fresh; /* of the pool, never used yet */
	uint32_t count;
} hops;

/* A hop is known by its backend, and a way back by its header. */
static struct sl_hop **bucket_of(uint16_t proxy, uint32_t id, const struct sl_action *action)
{
	const uint32_t seed = id ^ (uint32_t)proxy << 16;
	const uint32_t hash = id == SL_HOP_CLIENT ? XXH32(action, sizeof(*action), seed) : XXH32(&id, sizeof(id), seed);

	return &hops.bucket[hash % BUCKETS];
}

static bool same(const struct sl_hop *hop, uint16_t proxy, uint32_t id, uint32_t version, const struct sl_action *action)
{
	return hop->proxy == proxy && hop->id == id && hop->version == version &&
	       hop->action.port == action->port && (id != SL_HOP_CLIENT || !memcmp(&hop->action, action, sizeof(*action)));
}

static struct sl_hop *hop_take(void)
{
	struct sl_hop *hop = hops.free;

	if (hop)
		hops.free = hop->next;
	else if (hops.fresh < SL_HOPS_MAX)
		hop = &hops.pool[hops.fresh++];
	if (hop)
		memset(hop, 0, sizeof(*hop));
	return hop;
}

static struct rte_flow_action_handle *handle_make(const struct sl_hop *hop)
{
	const struct rte_flow_indir_action_conf conf = { .transfer = 1 };
	const struct rte_flow_action_raw_encap encap = { .data = (uint8_t *)(uintptr_t)hop->action.hdr,
							 .size = hop->action.hdr_len };
	const struct rte_flow_action action = { RTE_FLOW_ACTION_TYPE_RAW_ENCAP, &encap };
	struct rte_flow_error error;

	return rte_flow_action_handle_create(hop->proxy, &conf, &action, &error);
}

struct sl_hop *sl_hop_get(uint16_t proxy, uint32_t id, uint32_t version, const struct sl_action *action, bool indirect)
{
	struct sl_hop **bucket = bucket_of(proxy, id, action), *hop;

	for (hop = *bucket; hop; hop = hop->next) {
		if (same(hop, proxy, id, version, action) && !hop->stale) {
			hop->refs++;
			return hop;
		}
	}
	hop = hop_take();
	if (!hop)
		return NULL;
	hop->id = id;
	hop->version = version;
	hop->proxy = proxy;
	hop->refs = 1;
	hop->action = *action;
	if (indirect)
		hop->handle = handle_make(hop);
	/* Without a handle (refused, or no room) the rules carry the header: the driver then says what is wrong. */
	hop->next = *bucket;
	*bucket = hop;
	__atomic_store_n(&hops.count, hops.count + 1, __ATOMIC_RELAXED);
	return hop;
}

static void bucket_leave(struct sl_hop *hop)
{
	struct sl_hop **at = bucket_of(hop->proxy, hop->id, &hop->action);

	while (*at && *at != hop)
		at = &(*at)->next;
	if (*at)
		*at = hop->next;
}

void sl_hop_put(struct sl_hop *hop, bool device_lost)
{
	struct rte_flow_error error;

	if (--hop->refs)
		return;
	sl_return_close(hop->way);
	if (hop->handle && !device_lost)
		rte_flow_action_handle_destroy(hop->proxy, hop->handle, &error);
	bucket_leave(hop);
	hop->next = hops.free;
	hops.free = hop;
	__atomic_store_n(&hops.count, hops.count - 1, __ATOMIC_RELAXED);
}

bool sl_hop_update(struct sl_hop *hop, uint32_t version, const struct sl_action *action)
{
	const struct rte_flow_action_raw_encap encap = { .data = (uint8_t *)(uintptr_t)action->hdr, .size = action->hdr_len };
	const struct rte_flow_action update = { RTE_FLOW_ACTION_TYPE_RAW_ENCAP, &encap };
	struct rte_flow_error error;

	if (!hop->handle || action->port != hop->action.port ||
	    rte_flow_action_handle_update(hop->proxy, hop->handle, &update, &error))
		return false;
	hop->action = *action;
	hop->version = version;
	return true;
}

void sl_hop_for_each(void (*fn)(struct sl_hop *hop))
{
	for (uint32_t i = 0; i < BUCKETS; i++) {
		for (struct sl_hop *hop = hops.bucket[i]; hop; hop = hop->next) {
			if (hop->id != SL_HOP_CLIENT)
				fn(hop);
		}
	}
}

/* The way back gets its new header, and with it another bucket. */
static void return_move(struct sl_hop *hop, const uint8_t mac[6])
{
	struct sl_action action = hop->action;
	struct sl_hop **bucket;

	memcpy(action.hdr, mac, 6);
	bucket_leave(hop);
	if (!sl_hop_update(hop, hop->version, &action)) {
		hop->action = action;
		hop->stale = true;
	}
	bucket = bucket_of(hop->proxy, hop->id, &hop->action);
	hop->next = *bucket;
	*bucket = hop;
}

unsigned int sl_hop_returns_moved(struct sl_hop **moved, unsigned int max)
{
	uint8_t macs[SL_RETURNS][6];
	unsigned int n = 0;

	for (uint32_t i = 0; i < BUCKETS; i++) {
		for (struct sl_hop *hop = hops.bucket[i]; hop && n < max && n < SL_RETURNS; hop = hop->next) {
			if (hop->id == SL_HOP_CLIENT && sl_return_moved(hop->way, macs[n]))
				moved[n++] = hop;
		}
	}
	for (unsigned int i = 0; i < n; i++)
		return_move(moved[i], macs[i]);
	return n;
}

uint32_t sl_hop_count(void)
{
	return __atomic_load_n(&hops.count, __ATOMIC_RELAXED);
}
