/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The slow path: what becomes of one frame that reached the host. It parses with the model's stages, finds tenant, service
 * and connection, decides, and rewrites with the model's stages from the same record and action structures as a card.
 * No DPDK here: frames are bytes in, a verdict out; host/worker moves the buffers. One struct sl_slowpath per worker.
 *
 * What it does not do (docs/datapath.md's reasons say so when it happens): packets to a VIP with IPv4 options that ask or with IPv6 extension headers that are not followed are
 * dropped (IP_OPTIONS, EXT_HDR), and clients of a nat or fullnat service may not sit behind a VTEP (NO_NEXTHOP).
 *
 * Where a decision was free:
 *   - a TCP packet of an unknown connection that is not a SYN: all modes but nat and fullnat send it where the hash says,
 *     as the backend sees whole connections; those answer RST (NOT_SYN), since the translation is lost.
 *   - full table: modes that hash forward without an entry (CONN_FULL); nat and fullnat drop.
 *   - the way back of nat and fullnat goes to the MAC that the client's last frame came from ("last hop").
 *   - a SYN to a backend that is down chooses anew, but in nat and fullnat not within half a second of that backend's SYN-ACK: it has
 *     crossed that on its way, and the client may be connected.
 */
#ifndef SLUICE_HOST_SLOWPATH_H
#define SLUICE_HOST_SLOWPATH_H

#include <stdbool.h>
#include <stdint.h>

#include "host/admission.h"
#include "host/conn.h"
#include "host/cut.h"
#include "host/egress.h"
#include "host/fragments.h"
#include "host/offload.h"
#include "host/reply.h"
#include "host/service.h"
#include "host/shed.h"
#include "host/sources.h"
#include "host/worker.h"
#include "hw/model/hash.h"
#include "hw/model/rewrite.h"

#define SL_SLOW_SOURCE_BITS 16384u

struct sl_slow_port {
	uint8_t mac[6];
	bool up;
	struct sl_addr vtep[2];
};

/* Counters by backend id, of one worker. */
struct sl_slow_backend {
	uint64_t packets, bytes, connections_total;
	uint64_t first_packets, first_bytes; /* of its connections, by the card before they were in its table (host/learn.h) */
	uint32_t connections;
};

struct sl_slowpath {
	struct sl_conn_table *table;
	uint32_t shards;                     /* bit n: shard n is this worker's */
	const struct sl_services *services;  /* set before every burst, let go of after it */
	uint64_t now_ms;                     /* CLOCK_BOOTTIME; set before every burst */
	struct sl_worker_stats *stats;
	struct sl_slow_backend *backends;    /* SL_SERVICE_IDS of them */
	uint32_t *retry;                     /* by connection that was tried: second of the next offload attempt << 4 | failures;
					      * shared by all */
	struct sl_slow_port port[SL_PORTS_MAX];
	struct sl_hash_seed entropy;         /* of tunnels' source ports */
	struct sl_reply_limit limit;
	bool (*offload)(enum sl_offload_op op, uint32_t index, unsigned int port); /* sl_offload_submit */
	uint32_t (*capable)(void);           /* sl_offload_cap bits, 0: no card */
	uint64_t retired_generation;         /* snapshot that any_retired was found in */
	bool any_retired;
	struct sl_fragments *fragments;
	struct sl_admission *admission;
	struct sl_shed *shed;                /* NULL: nothing is shed */
	struct sl_shed *const *shed_of;      /* by shard: its worker's; NULL: all shards are this worker's */
	struct sl_sources *source_ports;     /* of mode fullnat; NULL: no address is configured */
	uint64_t ports_told_ms;              /* when it was last said that there are none left */
	uint64_t sources_generation;         /* snapshot that sources was made from */
	uint8_t sources[SL_SLOW_SOURCE_BITS / 8]; /* a bit for the address of each backend of nat and fullnat, by its hash */
};

enum sl_slow_fate {
	SL_SLOW_DROP,
	SL_SLOW_KERNEL,    /* the frame as it is, to the kernel interface of its port */
	SL_SLOW_FORWARD,   /* rewrite.head, then frame bytes payload_off to payload_end, by `port` */
	SL_SLOW_REPLY,     /* the frame is dropped; reply.frame leaves by the port it came from */
	SL_SLOW_HOLD,      /* keep the frame until connection `index` has left the card, then run it again */
	SL_SLOW_ELSEWHERE, /* the owner of `shard` must run it */
	SL_SLOW_PASS,      /* ICMP of a connection: reply.frame leaves by `port` */
	SL_SLOW_WAIT,      /* a fragment that waits for the first of its datagram: sl_fragments_hold() */
};

struct sl_slow_verdict {
	uint8_t fate;   /* sl_slow_fate */
	uint8_t reason; /* counted by sl_slowpath_run() already, but for ELSEWHERE, HOLD and WAIT */
	uint8_t port;
	uint8_t shard;  /* of the connection: FORWARD and ELSEWHERE */
	uint32_t index; /* connection, or SL_CONN_NONE */
	uint32_t datagram; /* WAIT: the one to wait for; else, unless SL_FRAGMENT_NONE, sl_fragments_next() has frames to run now */
	uint32_t ports; /* ELSEWHERE, not 0: a fragment's; the owner runs it by sl_slowpath_run_fragment() */
	struct sl_cut cut; /* FORWARD, mtu not 0: in pieces by sl_cut_piece() */
	struct sl_rewrite rewrite;
	struct sl_reply reply;
};

/* Judges a frame of len bytes, all of whose headers (and the first SL_REPLY_QUOTE bytes) are contiguous. copy: the card
 * has forwarded it already; only the connection's state follows it. */
void sl_slowpath_run(struct sl_slowpath *sp, const uint8_t *frame, uint32_t len, unsigned int port, bool copy,
		     struct sl_slow_verdict *verdict);

/* The same for a fragment whose datagram's ports (struct sl_fragment) are known. */
void sl_slowpath_run_fragment(struct sl_slowpath *sp, const uint8_t *frame, uint32_t len, unsigned int port, uint32_t ports,
			      struct sl_slow_verdict *verdict);

/* An answer of the offload thread about one of this worker's connections. True: the connection left the card and is gone,
 * so a frame held for it can run now. */
bool sl_slowpath_offload_done(struct sl_slowpath *sp, const struct sl_offload_result *result);
/* An operator's wish. */
void sl_slowpath_evict(struct sl_slowpath *sp, uint32_t index, uint32_t check);
/* Looks at `count` entries of each own shard for idle ones. */
void sl_slowpath_expire(struct sl_slowpath *sp, uint32_t count);
/* Adopted connections get their backends of this run; those without one are freed. Returns how many stay. Before workers run,
 * for the shards of this worker. */
uint32_t sl_slowpath_adopt(struct sl_slowpath *sp);

/* What host/fastpath shares: before a packet of connection `index` with these TCP flags (0: UDP) is counted, its state follows it;
 * afterwards it may go into the card, or it is said why not; port: that it came by, or SL_OFFLOAD_ANY_PORT. tcp: its TCP header up to the flags, or NULL, which will do unless
 * sl_slowpath_wants_tcp(). */
void sl_slowpath_follow(struct sl_slowpath *sp, uint32_t index, unsigned int flags, const uint8_t *tcp, bool reverse,
			const struct sl_service *service);
/* A handshake of which both sides are seen. */
static inline bool sl_slowpath_wants_tcp(const struct sl_conn *conn)
{
	return conn->nat && conn->state == SL_CONN_EMBRYONIC && conn->proto == IPPROTO_TCP;
}
void sl_slowpath_consider(struct sl_slowpath *sp, uint32_t index, const struct sl_service *service, unsigned int port);

/* The record that a card gets for one direction of a connection, and the key it belongs to; shared with host/offload. */
void sl_slowpath_record(const struct sl_conn_table *table, uint32_t index, bool reverse, struct sl_key *key,
			struct sl_record *record);

#endif
