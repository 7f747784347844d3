/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IP fragments of service traffic are followed, not put together: the first fragment of a datagram tells the ports, so each
 * fragment can go to the connection's backend as it is, rewritten like any packet (checksums change by constants, which the
 * first fragment carries). What comes before the first one waits for it.
 *
 *   datagram (addresses, protocol, identification, tenant) -> ports, the pieces seen, fragments that wait
 *
 * Refused: fragments that overlap (RFC 5722, RFC 8200 4.5: nothing of the datagram is believed any more; what went on
 * before cannot be completed by the backend), that were seen before, that say two ends or one beyond 65535 bytes, and all but
 * the last of a length that is no multiple of 8.
 *
 * Bounds, of each worker: SL_FRAGMENT_DATAGRAMS datagrams in sets of SL_FRAGMENT_WAYS, where a new one takes the place of the
 * oldest; SL_FRAGMENT_PIECES pieces of a datagram; SL_FRAGMENT_HELD fragments that wait, where a new one takes the place of the
 * oldest; SL_FRAGMENT_LIFE_MS for a datagram, as identifications repeat within seconds (RFC 4963). So a flood of fragments costs
 * those that come out of order, never those that come in order with nothing between them.
 *
 * Threads: one object a worker, which alone uses it. Frames that wait are the worker's, whatever they are.
 */
#ifndef SLUICE_HOST_FRAGMENTS_H
#define SLUICE_HOST_FRAGMENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "hw/model/parse.h"
#include "hw/model/rewrite.h"

#define SL_FRAGMENT_DATAGRAMS 1024u
#define SL_FRAGMENT_WAYS 4u
#define SL_FRAGMENT_PIECES 64u /* 65535 bytes in packets of 1280, the least that IPv6 allows, are 54 */
#define SL_FRAGMENT_HELD 256u
#define SL_FRAGMENT_LIFE_MS 2000u
#define SL_FRAGMENT_NONE UINT32_MAX

/* What a fragment says of itself. Compared by memcmp up to `begin`: no padding, unused bytes zero. */
struct sl_fragment {
	uint8_t src[16];
	uint8_t dst[16];
	uint32_t id;       /* identification; IPv4 in the low half */
	uint16_t tenant;
	uint8_t family;
	uint8_t proto;     /* behind the fragment header */
	uint32_t begin;    /* of its bytes in the datagram's payload */
	uint32_t end;
	uint32_t ports;    /* of the first one: source and destination port as on the wire, in memory's order */
	bool more;
	uint8_t tcp_flags; /* of the first one */
};

/* Reads a fragment (SL_PACKET_FRAGMENT) of `packet` in the frame, and changes `packet` to what lies behind an IPv6 fragment
 * header: protocol, l4_off, and of a first fragment ports and TCP flags. False: its ports cannot be told, as it is not TCP or
 * UDP right behind the fragment header, or too short a first fragment. */
bool sl_fragment_read(const uint8_t *frame, struct sl_packet *packet, uint16_t tenant, struct sl_fragment *fragment);
/* sl_rewrite() of a fragment that is not the first: no L4 header is touched. */
void sl_fragment_rewrite(const uint8_t *frame, const struct sl_packet *packet, const struct sl_record *record,
			 const struct sl_action *action, struct sl_rewrite *rewrite);

struct sl_fragments;

/* seed: secret, so that nobody can fill one set. NULL: out of memory. */
struct sl_fragments *sl_fragments_create(uint64_t seed);
/* After sl_fragments_drain() has returned NULL. */
void sl_fragments_destroy(struct sl_fragments *t);

enum sl_fragment_fate {
	SL_FRAGMENT_GO,     /* *ports are its connection's */
	SL_FRAGMENT_WAIT,   /* for the first one: sl_fragments_hold() with *datagram */
	SL_FRAGMENT_REFUSE,
};
/* Notes a fragment. GO of a first one: *datagram, whose waiting fragments go on now by sl_fragments_next(); otherwise NONE. */
enum sl_fragment_fate sl_fragments_take(struct sl_fragments *t, const struct sl_fragment *fragment, uint64_t now_ms,
					uint32_t *ports, uint32_t *datagram);
/* The frame waits, as received by `port`. Returns the frame whose place it took, or NULL. */
void *sl_fragments_hold(struct sl_fragments *t, uint32_t datagram, void *frame, unsigned int port, uint64_t now_ms);
/* The next frame that waited for the first fragment of this datagram; NULL: that was all. */
void *sl_fragments_next(struct sl_fragments *t, uint32_t datagram, uint32_t *ports, unsigned int *port);
/* A frame that has waited too long, or NULL. Often. */
void *sl_fragments_expire(struct sl_fragments *t, uint64_t now_ms);
/* Any frame that waits, or NULL. */
void *sl_fragments_drain(struct sl_fragments *t);

#endif
