/* SPDX-License-Identifier: BSD-3-Clause */
/* See shed.h: when to shed, and whose. */
#include "host/shed.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "host/log.h"

#define TELL_MS 10000u
#define CULPRIT 4u  /* a service is shed if at least this part of all frames are its packets of no connection */
#define OTHERS 256u /* all its packets are, if at least this part of all frames are not such */

struct sl_shed *sl_shed_create(uint32_t seed)
{
	struct sl_shed *s = calloc(1, sizeof(*s));

	if (s) {
		s->dice = seed;
		s->window = 1;
		s->own = 256;
	}
	return s;
}

void sl_shed_destroy(struct sl_shed *s)
{
	free(s);
}

static void window_next(struct sl_shed *s)
{
	s->window++;
	s->frames = s->handed = 0;
	s->top = 0;
}

static void tell(struct sl_shed *s, const struct sl_services *services, uint32_t id)
{
	const struct sl_service *service = sl_services_service(services, id);

	if (!service || (s->told_ms && s->now_ms - s->told_ms < TELL_MS))
		return;
	s->told_ms = s->now_ms;
	sl_log(SL_LOG_WARN, "overload", "service=%s error=%s", service->name,
	       "more comes than a worker can do, most of it packets of no connection to this service: they are dropped first");
}

static void level_set(struct sl_shed_service *v, uint32_t level)
{
	__atomic_store_n(&v->level, (uint16_t)level, __ATOMIC_RELAXED);
}

/* The worker is behind: more of the culprit's packets are dropped. */
static void rise(struct sl_shed *s, const struct sl_services *services)
{
	struct sl_shed_service *v = &s->service[s->top];
	const uint32_t frames = s->frames > s->handed ? s->frames - s->handed : 0; /* that this worker looked up */
	uint32_t most;

	if (s->top == 0 || frames == 0 || v->missed < frames / CULPRIT || (v->level == 0 && s->count == SL_SHED_SERVICES))
		return;
	if (v->level == 0) {
		s->id[s->count] = (uint16_t)s->top;
		__atomic_store_n(&s->count, s->count + 1, __ATOMIC_RELAXED);
		tell(s, services, s->top);
	}
	most = v->missed + v->found <= frames - frames / OTHERS ? SL_SHED_MOST : SL_SHED_LATE;
	if (v->level < most)
		level_set(v, v->level + SL_SHED_RISE < most ? v->level + SL_SHED_RISE : most);
}

static void fall(struct sl_shed *s, uint64_t by)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < s->count; i++) {
		struct sl_shed_service *v = &s->service[s->id[i]];

		level_set(v, v->level > by ? (uint32_t)(v->level - by) : 0);
		if (v->level)
			s->id[kept++] = s->id[i];
	}
	__atomic_store_n(&s->count, kept, __ATOMIC_RELAXED);
}

/* What others have dropped instead of handing it over counts as if it had come, and been dropped here. */
static void outside_take(struct sl_shed *s)
{
	for (uint32_t i = 0; i < s->count; i++) {
		struct sl_shed_service *v = &s->service[s->id[i]];
		const uint32_t n = __atomic_load_n(&v->outside, __ATOMIC_RELAXED) ? __atomic_exchange_n(&v->outside, 0, __ATOMIC_RELAXED) : 0;

		if (n == 0)
			continue;
		sl_shed_missed(s, s->id[i]);
		v->missed += n - 1;
		s->frames += n;
	}
}

void sl_shed_burst(struct sl_shed *s, const struct sl_services *services, unsigned int queue, unsigned int n, unsigned int most,
		   uint64_t now_ms)
{
	uint16_t *full = &s->full[queue == SL_SHED_RING ? queue : queue % SL_SHED_QUEUES];

	outside_take(s);
	*full = n == most ? (uint16_t)(*full + n) : 0;
	if (now_ms != s->now_ms) {
		fall(s, now_ms - s->now_ms);
		s->now_ms = now_ms;
		if (*full < SL_SHED_BEHIND) /* else what was counted until now decides */
			window_next(s);
	}
	if (*full >= SL_SHED_BEHIND) {
		*full = 0;
		rise(s, services);
		window_next(s);
	}
	s->frames += n;
}

uint32_t sl_shed_look(struct sl_shed *s, const struct sl_services *services, const struct sl_shed_known *wanted)
{
	const uint64_t mixed = (wanted->dst[0] ^ wanted->dst[1] ^ (uint64_t)wanted->rest << 32) * UINT64_C(0x9E3779B97F4A7C15);
	struct sl_shed_known *k = &s->known[mixed >> 32 & (SL_SHED_KNOWN - 1)];

	if (s->generation != services->generation) {
		s->generation = services->generation;
		memset(s->known, 0, sizeof(s->known));
	}
	if (k->rest != wanted->rest || k->dst[0] != wanted->dst[0] || k->dst[1] != wanted->dst[1]) {
		const struct sl_service *service = sl_services_lookup(services, services->tenants[0].id, wanted->rest >> 24,
								      (const uint8_t *)wanted->dst, wanted->rest >> 16 & 0xff,
								      ntohs((uint16_t)wanted->rest));

		*k = *wanted;
		k->id = service ? service->id : 0;
	}
	s->last = *k;
	return k->id;
}
