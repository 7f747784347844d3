/* SPDX-License-Identifier: BSD-3-Clause */
/* A small table between offload and control thread; no packet path takes its lock. */
#include "host/returns.h"

#include <pthread.h>
#include <string.h>

#include "host/log.h"
#include "host/port.h"

struct way {
	bool used, watched, confirmed, moved;
	bool shared;            /* by other clients than this one */
	uint8_t port;
	uint8_t mac[6];
	struct sl_addr client;
	struct sl_addr neighbour; /* confirmed: who has the MAC */
	struct sl_addr watch;   /* watched: the address of its watch */
};

static struct way ways[SL_RETURNS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void (*wake_control)(void);

void sl_returns_wake(void (*wake)(void))
{
	wake_control = wake;
}

static void wake(void)
{
	if (wake_control)
		wake_control();
}

uint32_t sl_return_open(const struct sl_addr *client, uint8_t port, const uint8_t mac[6])
{
	uint32_t number = 0;

	pthread_mutex_lock(&lock);
	for (uint32_t i = 0; i < SL_RETURNS && !number; i++) {
		if (ways[i].used || ways[i].watched)
			continue;
		ways[i] = (struct way){ .used = true, .port = port, .client = *client };
		memcpy(ways[i].mac, mac, sizeof(ways[i].mac));
		number = i + 1;
	}
	pthread_mutex_unlock(&lock);
	if (number)
		wake();
	return number;
}

void sl_return_join(uint32_t number, const struct sl_addr *client)
{
	if (!number)
		return;
	pthread_mutex_lock(&lock);
	ways[number - 1].shared |= !sl_addr_equal(&ways[number - 1].client, client);
	pthread_mutex_unlock(&lock);
}

void sl_return_close(uint32_t number)
{
	if (!number)
		return;
	pthread_mutex_lock(&lock);
	ways[number - 1].used = false;
	pthread_mutex_unlock(&lock);
	wake();
}

bool sl_return_moved(uint32_t number, uint8_t mac[6])
{
	bool moved = false;

	if (!number)
		return false;
	pthread_mutex_lock(&lock);
	if (ways[number - 1].moved) {
		moved = true;
		ways[number - 1].moved = false;
		memcpy(mac, ways[number - 1].mac, sizeof(ways[number - 1].mac));
	}
	pthread_mutex_unlock(&lock);
	return moved;
}

/* Under the lock. */
static bool way_look(struct way *w, const struct sl_nexthop *nexthop)
{
	if (!w->used || nexthop->state != SL_NEXTHOP_READY || sl_port_at(w->port)->kernel_ifindex != nexthop->ifindex)
		return false;
	if (!memcmp(w->mac, nexthop->mac, sizeof(w->mac))) {
		w->confirmed = true;
		w->neighbour = nexthop->gateway;
		return false;
	}
	if (!w->confirmed)
		return false;
	if (!sl_addr_equal(&w->neighbour, &nexthop->gateway) || (w->shared && sl_addr_equal(&w->neighbour, &w->client))) {
		w->confirmed = false;
		return false;
	}
	memcpy(w->mac, nexthop->mac, sizeof(w->mac));
	w->moved = true;
	return true;
}

bool sl_returns_nexthop_changed(const struct sl_addr *client, const struct sl_nexthop *nexthop)
{
	bool moved = false;

	pthread_mutex_lock(&lock);
	for (uint32_t i = 0; i < SL_RETURNS; i++)
		if (ways[i].watched && sl_addr_equal(&ways[i].watch, client) && way_look(&ways[i], nexthop))
			moved = true;
	pthread_mutex_unlock(&lock);
	return moved;
}

/* One place of the table. Watches are begun and ended outside the lock, by the only thread that changes `watched`; a place
 * that is watched is not taken for another way. */
static bool way_sync(struct way *w, struct sl_nexthops *nexthops)
{
	struct sl_nexthop nexthop;
	struct sl_addr watch;
	bool begin, end, moved = false;

	pthread_mutex_lock(&lock);
	begin = w->used && !w->watched;
	end = !w->used && w->watched;
	if (begin) {
		w->watch = w->client;
		w->watched = true;
	}
	watch = w->watch;
	pthread_mutex_unlock(&lock);
	if (!begin && !end)
		return false;
	if (end)
		sl_nexthops_unwatch(nexthops, &watch);
	else if (sl_nexthops_watch(nexthops, &watch))
		end = true;
	pthread_mutex_lock(&lock);
	if (end)
		w->watched = false;
	else if (sl_nexthops_get(nexthops, &watch, &nexthop))
		moved = way_look(w, &nexthop);
	pthread_mutex_unlock(&lock);
	return moved;
}

bool sl_returns_sync(struct sl_nexthops *nexthops)
{
	bool moved = false;

	for (uint32_t i = 0; nexthops && i < SL_RETURNS; i++)
		moved |= way_sync(&ways[i], nexthops);
	return moved;
}
