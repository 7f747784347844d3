/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a worker drops first when more comes than it can do.
 *
 * A frame that no connection knows costs several times one that a connection knows. When a worker falls behind, its receive queue
 * fills and frames are lost whoever they are for: a flood of one service takes what others need. So a worker that is behind looks for
 * the service that most packets of no connection are to, and drops some of these before the work, then more, until it keeps up:
 *
 *   level 1 to 256    that many of 256 of the service's packets of no connection. SYNs are such without being looked up.
 *   level 257 to 511  all of these, and (level - 256) of 256 of all its packets, before they are looked up. Only while packets
 *                     for others come too: nobody else would gain by it.
 *
 * SL_SHED_LET_MS packets of no connection pass in each millisecond, and in the second half are looked up where the dice allow it. A worker
 * is behind when a queue gave SL_SHED_BEHIND frames in bursts that were all full: some times what it
 * holds, so that a pause of the worker, after which it catches up, is not taken for that. Each
 * time the level rises by SL_SHED_RISE, and each millisecond it falls by 1; 0 is the usual state and costs a test for each burst.
 *
 * Several workers. Most frames are of another worker's shard and are handed to it over a ring. Whether a connection knows them is seen there,
 * so who hands over finds the culprit among those of its own shards: a fair part, as shards are chosen by a hash of the client. Its ring
 * is one more queue to a worker, and when that is full frames are lost whoever they are for. So whoever hands a frame over asks the
 * owner's levels first (sl_shed_over()): SYNs by the first half, all kinds by the second; other packets of no connection the owner drops itself,
 * when it has looked them up.
 *
 * Threads: one object a worker, which alone uses it, but for `count`, `level` and `outside`, which others read, or add to.
 */
#ifndef SLUICE_HOST_SHED_H
#define SLUICE_HOST_SHED_H

#include <stdbool.h>
#include <stdint.h>

#include "host/service.h"

#define SL_SHED_QUEUES 64u  /* receive queues of a worker that are told apart */
#define SL_SHED_RING SL_SHED_QUEUES /* the queue of what other workers hand over */
#define SL_SHED_BEHIND 4096u
#define SL_SHED_RISE 32u
#define SL_SHED_MOST 511u
#define SL_SHED_LATE 256u   /* up to here packets of no connection alone */
#define SL_SHED_LET_MS 32u
#define SL_SHED_SERVICES 16u /* that may have a level at a time; another one waits until one has come down to 0 */
#define SL_SHED_KNOWN 64u

struct sl_shed_service {
	uint32_t window, missed; /* packets of no connection in that window, with those that were dropped */
	uint32_t found;          /* and of connections, while the service has a level */
	uint32_t outside;         /* that others have dropped, instead of handing them over, and were not counted yet */
	uint32_t let_ms;
	uint16_t let;            /* passed in that millisecond */
	uint16_t level;
};

/* Services by destination, as found before. */
struct sl_shed_known {
	uint64_t dst[2];
	uint32_t rest; /* port, protocol, family; 0: free */
	uint32_t id;
};

struct sl_shed {
	uint32_t count;           /* services with a level */
	uint32_t dice;
	uint64_t now_ms, generation;
	uint32_t own;             /* of 256: the part of all connections that is this worker's. 256 at first */
	uint32_t window, frames;  /* since when misses are counted, and all frames since then */
	uint32_t handed;          /* of them to other workers, or dropped and taken for theirs */
	uint32_t top;             /* the service with most of them, or 0 */
	uint64_t told_ms;
	uint16_t id[SL_SHED_SERVICES];
	uint16_t full[SL_SHED_QUEUES + 1]; /* frames of a queue in full bursts, since one that was not */
	struct sl_shed_known last, known[SL_SHED_KNOWN];
	struct sl_shed_service service[SL_SERVICE_IDS];
};

/* NULL: out of memory. */
struct sl_shed *sl_shed_create(uint32_t seed);
void sl_shed_destroy(struct sl_shed *s);

/* A receive queue (a number below SL_SHED_QUEUES, or SL_SHED_RING) gave n frames of at most `most` that were asked for. Before they are run,
 * also if there are none. */
void sl_shed_burst(struct sl_shed *s, const struct sl_services *services, unsigned int queue, unsigned int n, unsigned int most,
		   uint64_t now_ms);

/* Looks for a service by *wanted and remembers it; its id, 0: none. */
uint32_t sl_shed_look(struct sl_shed *s, const struct sl_services *services, const struct sl_shed_known *wanted);

/* The service that a packet of the default tenant is to; 0: none. dst: two words; port in wire order. Most packets of a flood are to
 * the same as the one before. */
static inline uint32_t sl_shed_find(struct sl_shed *s, const struct sl_services *services, unsigned int family, const uint64_t dst[2],
				    unsigned int protocol, uint16_t port)
{
	const struct sl_shed_known wanted = { { dst[0], dst[1] }, (uint32_t)port | protocol << 16 | family << 24, 0 };

	if (s->last.rest == wanted.rest && s->last.dst[0] == dst[0] && s->last.dst[1] == dst[1] && s->generation == services->generation)
		return s->last.id;
	return sl_shed_look(s, services, &wanted);
}

static inline void sl_shed_window(const struct sl_shed *s, struct sl_shed_service *v)
{
	if (v->window == s->window)
		return;
	v->window = s->window;
	v->missed = v->found = 0;
}

/* A packet of a connection to this service. */
static inline void sl_shed_found(struct sl_shed *s, uint32_t id)
{
	sl_shed_window(s, &s->service[id]);
	s->service[id].found++;
}

/* A packet of no connection to this service. */
static inline void sl_shed_missed(struct sl_shed *s, uint32_t id)
{
	struct sl_shed_service *v = &s->service[id];

	sl_shed_window(s, v);
	v->missed++;
	if (s->top == 0 || v->missed > s->service[s->top].missed)
		s->top = id;
}

static inline bool sl_shed_dice(struct sl_shed *s, uint32_t of_256)
{
	s->dice = s->dice * 1664525u + 1013904223u;
	return s->dice >> 24 < of_256;
}

/* One of the frames that were received goes to another worker. */
static inline void sl_shed_handed(struct sl_shed *s)
{
	s->handed++;
}

/* A packet of this service was dropped before it was seen whose it is: in its part it counts as one of this worker's. */
static inline void sl_shed_dropped(struct sl_shed *s, uint32_t id)
{
	if (s->own >= 256 || sl_shed_dice(s, s->own))
		sl_shed_missed(s, id);
	else
		sl_shed_handed(s);
}

/* Whether to drop a packet that may be of a connection or not, by its service's level. */
static inline bool sl_shed_early(struct sl_shed *s, uint32_t level)
{
	return level > SL_SHED_LATE && sl_shed_dice(s, level - SL_SHED_LATE);
}

/* Whether to drop a packet of this service that is of no connection, by the level. */
static inline bool sl_shed_late(struct sl_shed *s, uint32_t id, uint32_t level)
{
	struct sl_shed_service *v = &s->service[id];

	if (level == 0 || !sl_shed_dice(s, level))
		return false;
	if (v->let_ms != (uint32_t)s->now_ms) {
		v->let_ms = (uint32_t)s->now_ms;
		v->let = 0;
	}
	if (v->let < SL_SHED_LET_MS) {
		v->let++;
		return false;
	}
	return true;
}

static inline uint32_t sl_shed_level(const struct sl_shed *s, uint32_t id)
{
	return __atomic_load_n(&s->service[id].level, __ATOMIC_RELAXED);
}

static inline bool sl_shed_any(const struct sl_shed *s)
{
	return __atomic_load_n(&s->count, __ATOMIC_RELAXED) != 0;
}

/* Whether to drop a packet of this service instead of handing it to the worker whose `owner` is; syn: it is of no connection. */
static inline bool sl_shed_over(struct sl_shed *s, struct sl_shed *owner, uint32_t id, bool syn)
{
	const uint32_t level = sl_shed_level(owner, id);

	if (level == 0 || !(sl_shed_early(s, level) || (syn && sl_shed_late(s, id, level))))
		return false;
	__atomic_fetch_add(&owner->service[id].outside, 1, __ATOMIC_RELAXED);
	sl_shed_handed(s);
	return true;
}

#endif
