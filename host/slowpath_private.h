/* SPDX-License-Identifier: BSD-3-Clause */
/* What the slow path's files share: a frame on its way through, and how the way ends. Private to slowpath.c, slowpath_beside.c, classify.c, icmp.c, learn.c. */
#ifndef SLUICE_HOST_SLOWPATH_PRIVATE_H
#define SLUICE_HOST_SLOWPATH_PRIVATE_H

#include "host/slowpath.h"

struct slow_frame {
	const uint8_t *bytes;
	uint32_t len;
	unsigned int port;
	bool copy;
	bool decap;
	bool later; /* a fragment that is not the first: its ports are those of the first */
	uint16_t tenant;
	struct sl_headers headers;
	const struct sl_packet *packet;
	struct sl_key key;
	uint64_t hash;
};

static inline void count(struct sl_slowpath *sp, unsigned int reason, uint32_t len)
{
	sp->stats->reason_packets[reason]++;
	sp->stats->reason_bytes[reason] += len;
}

static inline void end(struct sl_slowpath *sp, const struct slow_frame *f, struct sl_slow_verdict *v, enum sl_slow_fate fate,
		unsigned int reason)
{
	v->fate = (uint8_t)fate;
	v->reason = (uint8_t)reason;
	count(sp, reason, f->len);
}

/* Whether this worker runs the frame; if not, the verdict says who does. */
static inline bool owns(const struct sl_slowpath *sp, unsigned int shard, struct sl_slow_verdict *v)
{
	v->shard = (uint8_t)shard;
	if (sp->shards >> shard & 1)
		return true;
	v->fate = SL_SLOW_ELSEWHERE;
	if (sp->shed)
		sl_shed_handed(sp->shed);
	return false;
}

#define SL_SLOW_CLOSING_IN_CARD_MS 3000 /* a closing connection that idles longer makes room in the card, not in the table */

/* NULL: no backend of this run. */
static inline const struct sl_backend *sl_slow_conn_backend(const struct sl_slowpath *sp, const struct sl_conn *conn)
{
	return sl_services_backend(sp->services, conn->backend_id);
}

/* Frees the entry, and counts it out. */
void sl_slow_conn_drop(struct sl_slowpath *sp, uint32_t index);
/* Asks for the connection to leave the card. True: on its way, or not there. */
bool sl_slow_offload_remove(struct sl_slowpath *sp, struct sl_conn *conn, uint32_t index);
/* The next attempt of offloading it, later with each failure. */
void sl_slow_retry_later(struct sl_slowpath *sp, uint32_t index);
/* Makes the entry of a new connection. proven: not counted among those without proof. As sl_conn_create(). */
int sl_slow_conn_make(struct sl_slowpath *sp, const struct sl_key *key, unsigned int shard, const struct sl_backend *backend, bool proven,
		      uint32_t *index);
/* Backend of a packet of no connection. later: of TCP, and no SYN; it may belong to one whose SYN the XDP program has sent. */
const struct sl_backend *sl_slow_backend(const struct sl_slowpath *sp, const struct sl_service *service, const struct sl_key *key,
					 bool later);

/* Every tunnel that the datapath knows: which are opened is a matter of who sends them. */
#define SL_SLOW_TUNNELS (SL_VXLAN_PORT | SL_TUNNEL_FLAG_GENEVE | SL_TUNNEL_FLAG_GRE | SL_TUNNEL_FLAG_GUE | SL_TUNNEL_FLAG_IPIP)

/* Finds the frame's tenant, and whether its tunnel is opened: f->tenant, decap, packet. False: the frame is no tenant's. */
bool sl_slow_classify(const struct sl_slowpath *sp, struct slow_frame *f);
/* ICMP to a VIP: an error about a service's packet goes to its backend, everything else (echo) to the kernel. */
void sl_slow_icmp_to_vip(struct sl_slowpath *sp, struct slow_frame *f, struct sl_slow_verdict *v);
/* An ICMP error to somebody else: about a nat connection's packet to its backend it goes to the client, else to the kernel. */
void sl_slow_icmp_to_client(struct sl_slowpath *sp, struct slow_frame *f, struct sl_slow_verdict *v);

#endif
