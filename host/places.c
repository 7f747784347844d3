/* SPDX-License-Identifier: BSD-3-Clause */
/* See places.h. A service's arrays stay where they are until the end, as workers may read them at any time. */
#include "host/places.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/service.h"

enum phase { QUIET, HOLD, SETTLE };

struct places {
	uint32_t size;
	uint16_t *owner, *want;
	uint16_t *before; /* workers read it */
	uint8_t *other;   /* in this pass a connection of another backend was seen */
	uint64_t due_ms;  /* of the phase's end, or of the next pass */
	uint32_t held;
	uint8_t phase;
	uint8_t fresh; /* workers read it */
	bool begun, in_pass;
};

static struct places *places[SL_SERVICE_IDS];
static uint32_t awaited[SL_SERVICE_IDS]; /* by backend: places that it owns, or did before */

static struct places *of(uint32_t id)
{
	struct places *p = id < SL_SERVICE_IDS ? __atomic_load_n(&places[id], __ATOMIC_ACQUIRE) : NULL;

	return p;
}

static struct places *make(uint32_t size)
{
	struct places *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->size = size;
	p->owner = calloc(size, sizeof(*p->owner));
	p->want = calloc(size, sizeof(*p->want));
	p->before = calloc(size, sizeof(*p->before));
	p->other = calloc(size, sizeof(*p->other));
	if (p->owner && p->want && p->before && p->other)
		return p;
	free(p->owner);
	free(p->want);
	free(p->before);
	free(p->other);
	free(p);
	return NULL;
}

static void put(uint16_t *at, uint16_t backend_id)
{
	if (backend_id)
		__atomic_fetch_add(&awaited[backend_id], 1, __ATOMIC_RELAXED);
	if (*at)
		__atomic_fetch_sub(&awaited[*at], 1, __ATOMIC_RELAXED);
	__atomic_store_n(at, backend_id, __ATOMIC_RELEASE);
}

static void forget(struct places *p, uint16_t *of_places)
{
	for (uint32_t i = 0; i < p->size; i++)
		put(&of_places[i], 0);
}

static void count_held(struct places *p)
{
	p->held = 0;
	for (uint32_t i = 0; i < p->size; i++)
		p->held += p->want[i] && !p->owner[i];
}

int sl_places_begin(uint32_t id, uint32_t size, const uint16_t *owners, uint64_t now_ms)
{
	struct places *p = of(id);

	if (!p) {
		p = make(size);
		if (!p)
			return -ENOMEM;
		__atomic_store_n(&places[id], p, __ATOMIC_RELEASE);
	}
	forget(p, p->before);
	memset(p->want, 0, size * sizeof(*p->want));
	for (uint32_t i = 0; i < size; i++)
		put(&p->owner[i], owners ? owners[i] : 0);
	/* What the last agent's table held may be for connections that nobody has heard of. */
	p->phase = owners ? HOLD : QUIET;
	p->due_ms = now_ms + (owners ? SL_PLACES_HOLD_MS : 0);
	__atomic_store_n(&p->fresh, 0, __ATOMIC_RELAXED);
	p->held = 0;
	p->in_pass = false;
	p->begun = true;
	return 0;
}

void sl_places_end(uint32_t id)
{
	struct places *p = of(id);

	if (!p)
		return;
	p->begun = p->in_pass = false;
	p->held = 0;
	forget(p, p->before);
	forget(p, p->owner);
}

bool sl_places_begun(uint32_t id)
{
	return of(id) && of(id)->begun;
}

bool sl_places_want(uint32_t id, const uint16_t *wanted, uint64_t now_ms)
{
	struct places *p = of(id);
	bool changed = false;

	for (uint32_t i = 0; i < p->size; i++) {
		changed |= p->want[i] != wanted[i];
		p->want[i] = wanted[i];
		if (!p->owner[i] || p->owner[i] == wanted[i])
			continue;
		if (!p->before[i]) /* of several changes the program has seen the first one alone */
			put(&p->before[i], p->owner[i]);
		put(&p->owner[i], 0);
		p->phase = HOLD;
		p->due_ms = now_ms + SL_PLACES_HOLD_MS;
		__atomic_store_n(&p->fresh, SL_PLACES_FRESH, __ATOMIC_RELAXED);
	}
	if (changed)
		p->in_pass = false; /* it has looked for others */
	count_held(p);
	return changed;
}

uint16_t sl_places_owner(uint32_t id, uint32_t place)
{
	return of(id)->owner[place];
}

uint32_t sl_places_held(uint32_t id)
{
	return of(id) ? of(id)->held : 0;
}

void sl_places_calm(uint32_t id, uint64_t now_ms)
{
	if (of(id) && of(id)->phase == HOLD && of(id)->due_ms > now_ms)
		of(id)->due_ms = now_ms;
}

/* True: a pass is due. */
static bool tick(struct places *p, uint64_t now_ms)
{
	if (!p->begun || p->in_pass || now_ms < p->due_ms)
		return false;
	if (p->phase == HOLD) {
		forget(p, p->before);
		p->phase = SETTLE;
		p->due_ms = now_ms + SL_PLACES_SETTLE_MS;
		return false;
	}
	p->phase = QUIET;
	if (!p->held)
		return false;
	memset(p->other, 0, p->size);
	p->in_pass = true;
	return true;
}

bool sl_places_tick(uint64_t now_ms)
{
	bool pass = false;

	for (uint32_t id = 0; id < SL_SERVICE_IDS; id++)
		if (places[id])
			pass |= tick(places[id], now_ms);
	return pass;
}

void sl_places_seen(uint32_t id, uint32_t place, uint16_t backend_id)
{
	struct places *p = of(id);

	if (p && p->in_pass && place < p->size && p->want[place] != backend_id)
		p->other[place] = 1;
}

bool sl_places_pass_end(uint64_t now_ms)
{
	bool changed = false;

	for (uint32_t id = 0; id < SL_SERVICE_IDS; id++) {
		struct places *p = places[id];

		if (!p || !p->in_pass)
			continue;
		p->in_pass = false;
		p->due_ms = now_ms + SL_PLACES_AGAIN_MS;
		for (uint32_t i = 0; i < p->size; i++) {
			if (p->owner[i] || !p->want[i] || p->other[i])
				continue;
			put(&p->owner[i], p->want[i]);
			changed = true;
		}
		count_held(p);
	}
	return changed;
}

uint16_t sl_places_before(uint32_t id, uint32_t place)
{
	const struct places *p = of(id);

	return p && place < p->size ? __atomic_load_n(&p->before[place], __ATOMIC_ACQUIRE) : 0;
}

bool sl_places_await(uint16_t backend_id)
{
	return __atomic_load_n(&awaited[backend_id], __ATOMIC_RELAXED);
}

void sl_places_heard(void)
{
	for (uint32_t id = 0; id < SL_SERVICE_IDS; id++)
		if (places[id] && places[id]->fresh)
			__atomic_store_n(&places[id]->fresh, places[id]->fresh - 1, __ATOMIC_RELAXED);
}

bool sl_places_fresh(uint32_t id)
{
	const struct places *p = of(id);

	return p && __atomic_load_n(&p->fresh, __ATOMIC_RELAXED);
}

void sl_places_free(void)
{
	for (uint32_t id = 0; id < SL_SERVICE_IDS; id++) {
		struct places *p = places[id];

		if (!p)
			continue;
		free(p->owner);
		free(p->want);
		free(p->before);
		free(p->other);
		free(p);
		places[id] = NULL;
	}
	memset(awaited, 0, sizeof(awaited));
}
