/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets that the balancer itself makes: ICMP errors and TCP resets towards the sender of a frame, and ICMP errors of the
 * network that it passes on to a connection's backend. A reply goes back to the MAC (and VLAN) the frame came from; its
 * source address is the address that the frame was sent to. Rates are bounded per worker and kind (RFC 1812 4.3.2.8, RFC 4443 2.4 f): who
 * can make resets come by forging segments takes no path's MTU from others.
 */
#ifndef SLUICE_HOST_REPLY_H
#define SLUICE_HOST_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "hw/model/parse.h"
#include "sluice/contract.h"

#define SL_REPLY_IP 1280   /* bytes of the longest ICMP error that is made or passed on: an IPv6 error is cut to fit */
#define SL_REPLY_HEAD ((uint32_t)sizeof(((struct sl_action *)0)->hdr)) /* of the longest header in front of one */
#define SL_REPLY_QUOTE (SL_REPLY_IP + 2 * SL_REPLY_HEAD) /* bytes of a frame that may be quoted, or passed on: it may have come by a tunnel */
#define SL_REPLY_RATE 1000 /* per second, worker and kind */

enum sl_reply_kind {
	SL_REPLY_RESET,
	SL_REPLY_ERROR,        /* ICMP of our own */
	SL_REPLY_PASS,         /* ICMP of the network about a connection in the table */
	SL_REPLY_PASS_UNKNOWN, /* about another one: anybody can make it up */
	SL_REPLY_KINDS,
};

struct sl_reply_limit {
	uint64_t second;
	uint32_t used[SL_REPLY_KINDS];
};

struct sl_reply {
	uint32_t len;
	uint8_t frame[SL_REPLY_IP + sizeof(((struct sl_action *)0)->hdr)];
};

/* Takes one from this second's allowance; false if it is used up. */
bool sl_reply_allowed(struct sl_reply_limit *limit, enum sl_reply_kind kind, uint64_t now_ms);

/* Too big for a next hop of `mtu`; TTL or hop limit ran out. `packet` is the outer packet of `frame` (no tunnel).
 * False: no error may be sent for such a packet (RFC 1122 3.2.2: multicast, unspecified source). */
bool sl_reply_too_big(const uint8_t *frame, const struct sl_packet *packet, uint16_t mtu, struct sl_reply *reply);
bool sl_reply_ttl_expired(const uint8_t *frame, const struct sl_packet *packet, struct sl_reply *reply);
/* RFC 9293 3.10.7.1: a reset for a segment of no connection. False for a reset. */
bool sl_reply_reset(const uint8_t *frame, const struct sl_packet *packet, struct sl_reply *reply);

/* An acknowledgement of `number` for a SYN, whose client resets it with that sequence number (host/admission.h). False: the
 * number would be right. */
bool sl_reply_challenge(const uint8_t *frame, const struct sl_packet *packet, uint32_t number, struct sl_reply *reply);

/* The flow key of the packet quoted in an ICMP error, turned round: client -> VIP if it is about a packet from a VIP to a
 * client. False: not an error about TCP or UDP. */
bool sl_reply_quoted_key(const uint8_t *frame, uint32_t len, const struct sl_packet *packet, uint16_t tenant,
			 struct sl_key *key);
/* How nat changes an ICMP error, outside and in the quote. Addresses: IPv4 in the first four bytes. */
struct sl_reply_nat {
	bool to_backend;        /* about what the VIP sent, for the backend; else about what went to the backend, for the client */
	const uint8_t *address; /* the backend's, or the VIP's: what the quote's sender, or receiver, was called by whom it is for */
	uint16_t port;          /* network order */
	const uint8_t *backend; /* for the client: whose own errors come from the VIP */
	/* fullnat, else NULL: the other end. For the backend: the source address that it knows the client by; for the client: its own */
	const uint8_t *other;
	uint16_t other_port;    /* network order */
};

/* The ICMP error itself, one hop further, behind the header of `action`, tunnels included; hash: of the flow key, for their
 * source port. nat NULL: as it is. False: it has more than SL_REPLY_IP bytes and does not fit, or its TTL has run out. */
bool sl_reply_pass(const uint8_t *frame, const struct sl_packet *packet, const struct sl_action *action, uint64_t hash,
		   const struct sl_reply_nat *nat, struct sl_reply *reply);

#endif
