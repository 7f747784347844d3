/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which connections a service may have, and proof that a client is where its packets say.
 *
 * Budgets. Each service has a number of connections, and of those that nothing has proven yet (admission.half_open in its
 * configuration): a flood of one service fills neither the table nor what others have. A worker has the part of both
 * that its shards are of the table.
 *
 * Rates. A service with `misses` in its configuration has a meter of its packets of no connection. It is the card's, on each
 * port; where no card has one, it is here.
 *
 * Challenge. A SYN is answered by an ACK of something that was never sent: an acknowledgement number that is a keyed hash of the
 * addresses and ports. A client in SYN-SENT must reset that with the number as its sequence number (RFC 9293 3.10.7.3) and
 * keeps its SYN, which it sends again (Linux at once, others when their timer says). Whoever spoofs its address sees
 * no number and sends no such reset. No sequence number of the connection comes from here, so what follows is a connection
 * like others, for hardware too. A challenge costs no memory; an answer costs one of SL_ADMISSION_PROVEN places for
 * SL_ADMISSION_PROVEN_MS. Middleboxes know this exchange from RFC 5961's challenge ACKs.
 *
 * The key changes each SL_ADMISSION_KEY_MS; the one before is still accepted.
 *
 * Threads: one object a worker, which alone uses it.
 */
#ifndef SLUICE_HOST_ADMISSION_H
#define SLUICE_HOST_ADMISSION_H

#include <stdbool.h>
#include <stdint.h>

#include "host/service.h"

#define SL_ADMISSION_PROVEN 8192u     /* in sets of four, where a new one takes the place of the oldest */
#define SL_ADMISSION_PROVEN_MS 10000u /* longer than the second retransmission of a SYN (RFC 6298: 1 s, 2 s) */
#define SL_ADMISSION_KEY_MS 16000u

struct sl_admission;

/* parts: in how many the connection table is cut; all of them are one worker's. NULL: out of memory or random numbers. */
struct sl_admission *sl_admission_create(uint32_t parts);
void sl_admission_destroy(struct sl_admission *a);

/* A connection of a service comes, proves itself, and goes. */
void sl_admission_add(struct sl_admission *a, const struct sl_service *service, bool unproven);
void sl_admission_prove(struct sl_admission *a, const struct sl_service *service);
void sl_admission_remove(struct sl_admission *a, const struct sl_service *service, bool unproven);

enum sl_admit {
	SL_ADMIT,           /* enters the table */
	SL_ADMIT_PROVEN,    /* enters it, not among those without proof */
	SL_ADMIT_CHALLENGE, /* *cookie is what to acknowledge */
	SL_ADMIT_FULL,
};
/* A new connection of this key, client to VIP; syn: by a SYN that can be answered. parts: the worker's. */
enum sl_admit sl_admission_ask(struct sl_admission *a, const struct sl_service *service, const struct sl_key *key, bool syn,
			       uint32_t parts, uint64_t now_ms, uint32_t *cookie);
/* A packet of no connection passes the service's own meter, of which the worker has its part. True if there is none. */
bool sl_admission_meter(struct sl_admission *a, const struct sl_service *service, uint32_t parts, uint64_t now_ms);
/* A reset of a connection that is not in the table. True: it answers a challenge, and its SYN will be admitted. */
bool sl_admission_answered(struct sl_admission *a, const struct sl_key *key, uint32_t sequence, uint64_t now_ms);

#endif
