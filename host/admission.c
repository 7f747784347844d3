/* SPDX-License-Identifier: BSD-3-Clause */
/* Counters by service, keys, and tuples that have answered: a word each, of a tag and the time until which they count. */
#include "host/admission.h"

#include <stdlib.h>
#include <sys/random.h>

#include "hw/model/hash.h"

#define WAYS 4u
#define SETS (SL_ADMISSION_PROVEN / WAYS)

struct count {
	uint32_t connections, half_open;
	uint64_t tokens;    /* of the meter: thousandths of a packet */
	uint64_t filled_ms; /* when they were last added to */
};

struct proven {
	uint32_t tag;
	uint32_t until_s; /* 0: free */
};

struct sl_admission {
	uint32_t parts;
	uint64_t key_ms; /* when key[0] was made; 0: never */
	struct sl_hash_seed key[2]; /* this one and the one before */
	struct sl_hash_seed place;  /* of proven tuples */
	struct count service[SL_SERVICE_IDS];
	struct proven proven[SL_ADMISSION_PROVEN];
};

static bool draw(struct sl_hash_seed *seed)
{
	return getrandom(seed, sizeof(*seed), 0) == sizeof(*seed);
}

struct sl_admission *sl_admission_create(uint32_t parts)
{
	struct sl_admission *a = calloc(1, sizeof(*a));

	if (a && draw(&a->key[0]) && draw(&a->key[1]) && draw(&a->place)) {
		a->parts = parts;
		return a;
	}
	free(a);
	return NULL;
}

void sl_admission_destroy(struct sl_admission *a)
{
	free(a);
}

/* ---- budgets ---------------------------------------------------------------------------------------------------- */

void sl_admission_add(struct sl_admission *a, const struct sl_service *service, bool unproven)
{
	a->service[service->id].connections++;
	a->service[service->id].half_open += unproven;
}

void sl_admission_prove(struct sl_admission *a, const struct sl_service *service)
{
	a->service[service->id].half_open--;
}

void sl_admission_remove(struct sl_admission *a, const struct sl_service *service, bool unproven)
{
	a->service[service->id].connections--;
	a->service[service->id].half_open -= unproven;
}

/* This worker's part of a service's budget, rounded up. */
static uint32_t share(const struct sl_admission *a, uint32_t budget, uint32_t parts)
{
	return (uint32_t)(((uint64_t)budget * parts + a->parts - 1) / a->parts);
}

/* A bucket that is full after any pause; a rate's thousandth of a packet comes each millisecond for each packet a second. */
bool sl_admission_meter(struct sl_admission *a, const struct sl_service *service, uint32_t parts, uint64_t now_ms)
{
	const uint64_t rate = share(a, service->misses.rate_pps, parts), most = share(a, service->misses.burst, parts) * UINT64_C(1000);
	struct count *c = &a->service[service->id];
	const uint64_t pause_ms = now_ms - c->filled_ms;

	if (!service->misses.rate_pps)
		return true;
	c->tokens = pause_ms * rate > most || c->tokens + pause_ms * rate > most ? most : c->tokens + pause_ms * rate;
	c->filled_ms = now_ms;
	if (c->tokens < 1000)
		return false;
	c->tokens -= 1000;
	return true;
}

/* ---- challenge -------------------------------------------------------------------------------------------------- */

/* Keys that are too old are drawn anew; without random numbers the old ones go on. */
static void keys_turn(struct sl_admission *a, uint64_t now_ms)
{
	const uint64_t age = now_ms - a->key_ms;
	struct sl_hash_seed fresh;

	if (age < SL_ADMISSION_KEY_MS || !draw(&fresh))
		return;
	a->key[1] = a->key[0];
	a->key[0] = fresh;
	if (age >= 2u * SL_ADMISSION_KEY_MS && draw(&fresh))
		a->key[1] = fresh;
	a->key_ms = now_ms;
}

static uint32_t cookie_of(const struct sl_hash_seed *key, const struct sl_key *tuple)
{
	return (uint32_t)(sl_hash_key(tuple, key) >> 32);
}

static struct proven *set_of(struct sl_admission *a, const struct sl_key *key, uint32_t *tag)
{
	const uint64_t hash = sl_hash_key(key, &a->place);

	*tag = (uint32_t)(hash >> 32);
	return &a->proven[(uint32_t)hash % SETS * WAYS];
}

static bool is_proven(struct sl_admission *a, const struct sl_key *key, uint64_t now_ms)
{
	uint32_t tag;
	const struct proven *set = set_of(a, key, &tag);

	for (unsigned int i = 0; i < WAYS; i++) {
		if (set[i].tag == tag && set[i].until_s > now_ms / 1000)
			return true;
	}
	return false;
}

bool sl_admission_answered(struct sl_admission *a, const struct sl_key *key, uint32_t sequence, uint64_t now_ms)
{
	struct proven *set, *place;
	uint32_t tag;

	keys_turn(a, now_ms);
	if (sequence != cookie_of(&a->key[0], key) && sequence != cookie_of(&a->key[1], key))
		return false;
	place = set = set_of(a, key, &tag);
	for (unsigned int i = 1; i < WAYS; i++) {
		if (set[i].until_s < place->until_s)
			place = &set[i];
	}
	*place = (struct proven){ tag, (uint32_t)((now_ms + SL_ADMISSION_PROVEN_MS) / 1000) + 1 };
	return true;
}

enum sl_admit sl_admission_ask(struct sl_admission *a, const struct sl_service *service, const struct sl_key *key, bool syn,
			       uint32_t parts, uint64_t now_ms, uint32_t *cookie)
{
	const struct sl_config_admission *may = &service->admission;
	const struct count *has = &a->service[service->id];
	const bool room = has->half_open < share(a, may->half_open, parts);

	if (has->connections >= share(a, may->connections, parts))
		return SL_ADMIT_FULL;
	if (!syn || may->challenge == SL_CHALLENGE_NEVER ||
	    (may->challenge == SL_CHALLENGE_AUTO && (room || !sl_mode_nat(service->mode))))
		return room ? SL_ADMIT : SL_ADMIT_FULL;
	if (is_proven(a, key, now_ms))
		return SL_ADMIT_PROVEN;
	keys_turn(a, now_ms);
	*cookie = cookie_of(&a->key[0], key);
	return SL_ADMIT_CHALLENGE;
}
