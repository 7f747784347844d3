/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The offload thread: the only one that calls rte_flow. Workers send it connections over a bounded ring; it answers over
 * another. It probes what the ports can do, keeps group 0 as the configuration says, connections in group 1, and next
 * hops as shared actions; it reads counters in the background.
 */
#ifndef SLUICE_HOST_OFFLOAD_H
#define SLUICE_HOST_OFFLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/conn.h"
#include "host/meters.h"

struct sl_config;

/* What a port's driver accepted when sample rules were made and destroyed. */
enum sl_offload_cap {
	SL_CAP_L2 = 1 << 0,
	SL_CAP_NAT4 = 1 << 1,
	SL_CAP_NAT6 = 1 << 2,
	SL_CAP_IPIP = 1 << 3,
	SL_CAP_VXLAN_ENCAP = 1 << 4,
	SL_CAP_VXLAN_DECAP = 1 << 5,
	SL_CAP_COPY = 1 << 6,     /* FIN and RST can be copied */
	SL_CAP_INDIRECT = 1 << 7, /* next hops as indirect actions */
	SL_CAP_IPV6 = 1 << 8,
	SL_CAP_CLASSES = 1 << 9,  /* VIPs and SYNs can be told apart */
	SL_CAP_METER = 1 << 10,   /* meters on rules to the host */
	SL_CAP_METER_COPY = 1 << 11, /* on copies */
	SL_CAP_METER_MISS = 1 << 12, /* on misses of group 1, by the class of the rule that sent them there */
	SL_CAP_GRE = 1 << 13,
	SL_CAP_GUE = 1 << 14,     /* both variants */
	SL_CAP_GENEVE = 1 << 15,
	SL_CAP_WAY = 1 << 16,     /* represented_port as an indirect action that an update moves, beside that of a next hop */
	SL_CAP_GENEVE_DECAP = 1 << 17,
	SL_CAP_GRE_DECAP = 1 << 18,
	SL_CAP_GUE_DECAP = 1 << 19, /* both variants */
	SL_CAP_IPIP_DECAP = 1 << 20,
	SL_CAP_FULLNAT4 = 1 << 21,
	SL_CAP_FULLNAT6 = 1 << 22,
};

/* The meter of a service's own misses. */
struct sl_service_meter {
	char service[SL_CONFIG_NAME_MAX];
	struct sl_meter_info meter;
};

struct sl_offload_port_info {
	uint32_t caps;            /* sl_offload_cap; 0: no offload on this port */
	char refusal[160];        /* the driver's own words for the first sample it refused, or "" */
	uint32_t rules;           /* group 0 rules in place */
	char rules_error[160];    /* why group 0 could not be put in place, or "" */
	char meters_error[160];   /* why classes of frames are without meters, or "" */
	struct sl_meter_info meters[SL_METERED_CLASSES];
	unsigned int service_meter_count; /* of services that want one, as far as there is room here */
	struct sl_service_meter service_meter[SL_SERVICE_METERS_TOLD];
};

struct sl_offload_stats {
	uint64_t inserted, removed, refused, retries; /* connections */
	uint64_t queries;
	uint64_t table_full;
	uint32_t unconfirmed;       /* connections with rules whose removal the card has not confirmed yet */
	uint32_t hardware;          /* connections in hardware now */
	uint32_t nexthops;          /* shared actions now */
	uint32_t adopted_conns;     /* connections found in shared memory at start */
	uint32_t adopted_rules;     /* of them rules the card still held (their counters went on) */
	uint64_t hw_packets, hw_bytes; /* of all connections, as last read */
};

/* Probes every port, puts group 0 in place and re-creates the rules of all adopted connections; before the ports start. */
int sl_offload_init(const struct sl_config *config, struct sl_conn_table *table, char *err, size_t err_len);
int sl_offload_start(char *err, size_t err_len);
void sl_offload_stop(void);
void sl_offload_fini(void);

/* ---- workers ---- */
enum sl_offload_op {
	SL_OFFLOAD_INSERT,
	SL_OFFLOAD_REMOVE,
	SL_OFFLOAD_QUERY, /* how long idle: last_seen_ms and counters are brought up to date */
	SL_OFFLOAD_LOST,  /* answer only: the connection has fallen out of the card */
};
#define SL_OFFLOAD_ANY_PORT UINT8_MAX
/* port: of INSERT, that the client's packets come by (nat connections know it themselves); not known: the card that they leave by. False:
 * the ring is full; try again later. */
bool sl_offload_submit(enum sl_offload_op op, uint32_t index, unsigned int port);

struct sl_offload_result {
	uint32_t index;
	uint8_t op;
	uint8_t reason; /* OFFLOADED, or why not */
	uint16_t reserved;
};
_Static_assert(sizeof(struct sl_offload_result) == 8, "one ring element");

/* Marks of frames that the card sends to the host. Only COPY changes what is done with a frame. */
enum sl_mark {
	SL_MARK_MISS = 1,
	SL_MARK_COPY = 2,
	SL_MARK_SYN = 3,
	SL_MARK_FRAGMENT = 4,
	SL_MARK_TTL = 5,
	SL_MARK_CLOSE = 6, /* FIN or RST, where the card cannot copy */
};

/* sl_offload_cap bits that every port has: a connection's two directions may leave by any. Any thread. */
uint32_t sl_offload_capable(void);

/* ---- control thread ---- */
/* Group 0 follows a new configuration (VIPs, NAT backends, tunnels). Asynchronous. */
void sl_offload_configure(void);
/* `done` is called by the offload thread whenever it has done that. Before sl_offload_start(). */
void sl_offload_configured(void (*done)(void));
/* Whether all that was asked for by sl_offload_configure() is done. The thread that asks. */
bool sl_offload_configure_done(void);
/* Next hops changed: affected shared actions are written again. Asynchronous. */
void sl_offload_nexthops_changed(void);
/* Members of bonds are in use or not any more (host/bond.h): flows leave as that says. Asynchronous. */
void sl_offload_bonds_changed(void);
/* Reads the counters of one connection from the card and waits for that. False: not done within wait_ms (the thread has too
 * much before it, or does not run); what the entry says is then as old as the last background reading. */
bool sl_offload_refresh(uint32_t index, uint32_t wait_ms);
void sl_offload_stats_get(struct sl_offload_stats *stats);
void sl_offload_port_info_get(unsigned int port_index, struct sl_offload_port_info *info);
void sl_offload_backend_counters(uint32_t backend_id, uint64_t *packets, uint64_t *bytes);

#endif
