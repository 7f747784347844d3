/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who decides first packets of a place of a service's Maglev table: the XDP program, which keeps no connections, or the agent.
 * The program may only where its choice and the connection table cannot differ:
 *
 *	a place has an owner, the backend to which the program sends what it does not know
 *	  | another backend is wanted there (health, weight, reload)
 *	  v
 *	held: the agent decides. Of a connection whose SYN the program sent nobody knows yet; its next packet, no SYN, still goes to
 *	  |   the previous owner and makes an entry of the table
 *	  v  SL_PLACES_HOLD_MS after the last change
 *	settling: no previous owner any more; for SL_PLACES_SETTLE_MS, so that who has just asked for it is done
 *	  |
 *	  v  a pass over the connection table
 *	  no connection of another backend has its place there: the wanted backend is the owner. Else it is looked again
 *	  SL_PLACES_AGAIN_MS later, as long as there are such connections.
 *
 * So a change of the table moves nobody, and costs speed for its own places alone. Nothing here calls a driver.
 *
 * Threads: the offload thread, but for sl_places_before(), sl_places_await() and sl_places_fresh(), which are any thread's.
 */
#ifndef SLUICE_HOST_PLACES_H
#define SLUICE_HOST_PLACES_H

#include <stdbool.h>
#include <stdint.h>

#define SL_PLACES_FRESH 2u         /* times that hints are taken after a change until all from before it are in the table */
#define SL_PLACES_HOLD_MS 20000u   /* longer than clients repeat what was not answered */
#define SL_PLACES_SETTLE_MS 1000u
#define SL_PLACES_AGAIN_MS 5000u

/* Begins with these owners (backend ids by place; 0: none), or with none. Others of the same service id are forgotten. `size` is the
 * same for all services. 0 or -ENOMEM, then the service is not begun. */
int sl_places_begin(uint32_t service_id, uint32_t size, const uint16_t *owners, uint64_t now_ms);
void sl_places_end(uint32_t service_id);
bool sl_places_begun(uint32_t service_id);
/* Those that are wanted from now on, 0: none. True if owners changed. */
bool sl_places_want(uint32_t service_id, const uint16_t *wanted, uint64_t now_ms);
/* Backend id, or 0: the agent decides. */
uint16_t sl_places_owner(uint32_t service_id, uint32_t place);
/* Places that the agent decides though a backend is wanted there. */
uint32_t sl_places_held(uint32_t service_id);

/* No SYN was decided by the program for SL_PLACES_HOLD_MS: nobody is waited for. */
void sl_places_calm(uint32_t service_id, uint64_t now_ms);
/* Time passes. True: a pass over the connection table is due, and began; sl_places_seen() is called for each connection that is to a
 * begun service, then sl_places_pass_end(). */
bool sl_places_tick(uint64_t now_ms);
void sl_places_seen(uint32_t service_id, uint32_t place, uint16_t backend_id);
/* True if owners changed. */
bool sl_places_pass_end(uint64_t now_ms);

/* All hints were taken from all cards, and given to the workers. */
void sl_places_heard(void);

/* Any thread: the place's previous owner while it is held, else 0. */
uint16_t sl_places_before(uint32_t service_id, uint32_t place);
/* Any thread: packets may still come for this backend that no connection of the table is for: it owns places, or did before. Its number must
 * not become another's. */
bool sl_places_await(uint16_t backend_id);
/* Any thread: the service's places have just changed. A flow of UDP has no SYN: only as long as this is true may a packet of no connection at a
 * held place be the second one of a flow that the program has begun. */
bool sl_places_fresh(uint32_t service_id);

/* After the workers have ended. */
void sl_places_free(void);

#endif
