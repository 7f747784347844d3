/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Services and backends at run time. The control thread keeps configuration, operator's weights and health in the table
 * (struct sl_service_table) and after each change publishes a snapshot (struct sl_services): immutable, read by workers
 * without locks under liburcu (flavour qsbr) between two quiescent states; no pointer into it is kept across them.
 *
 * Ids of backends and services are small numbers (1..SL_SERVICE_IDS-1; 0 is none), stable while the agent lives. A
 * backend is the same as before a reload if its service, name, mode, address, port and tunnel are; its weight may
 * change. Otherwise it is a new backend with a new id, and the old one is *retired*: no new connections, but it stays
 * in the snapshots, as does its service, until its last connection has gone, so that a connection keeps its backend.
 */
#ifndef SLUICE_HOST_SERVICE_H
#define SLUICE_HOST_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "host/config.h"
#include "sluice/choice.h"
#include "sluice/contract.h"

#define SL_SERVICE_IDS 4096u /* bound of backend ids and of service ids */

enum sl_backend_state {
	SL_BACKEND_CHECKING, /* no check has ended yet: gets no connections */
	SL_BACKEND_UP,
	SL_BACKEND_DOWN,     /* gets no new connections; its own are kept */
	SL_BACKEND_RETIRED,  /* not configured any more */
};

struct sl_service;

/* In a snapshot. */
struct sl_backend {
	uint32_t id;
	uint8_t state; /* enum sl_backend_state */
	uint8_t mode;  /* enum sl_mode */
	bool usable;   /* up, weight > 0: is in the service's Maglev table */
	uint16_t weight;
	uint16_t port; /* nat: new destination port, host order; 0: the packet's */
	struct sl_addr address;
	struct sl_addr vtep;  /* vxlan, geneve: outer destination */
	uint32_t vni;         /* vxlan, geneve */
	uint8_t inner_mac[6]; /* vxlan, geneve: destination MAC of the inner frame */
	uint16_t gue_port;    /* gue: UDP destination port */
	uint8_t gue_variant;  /* gue: 0 with a GUE header, 1 without */
	int64_t since_ms;     /* wall clock of the last change of state */
	uint64_t identity;    /* hash of what makes it the same backend */
	char name[SL_CONFIG_NAME_MAX];
	const struct sl_service *service; /* never NULL; of a retired backend perhaps a retired service */
};

/* What an entry of the connection table remembers of its backend's identity; never 0. */
static inline uint16_t sl_backend_tag(const struct sl_backend *b)
{
	const uint16_t tag = (uint16_t)b->identity;

	return tag ? tag : 1;
}

/* Where its packets are sent: whose next hop counts. */
static inline const struct sl_addr *sl_backend_target(const struct sl_backend *b)
{
	return sl_mode_virtual(b->mode) ? &b->vtep : &b->address;
}

struct sl_service {
	uint32_t id;
	char name[SL_CONFIG_NAME_MAX];
	bool retired;  /* not configured any more: lookup does not find it, its connections go on */
	bool announce;
	uint16_t tenant;
	struct sl_addr vip;
	uint8_t protocol;
	uint8_t mode;
	bool first_xdp; /* new connections are decided by the XDP program (host/first.h) */
	uint16_t port_lo, port_hi; /* host order */
	struct sl_config_offload offload;
	struct sl_config_timeouts timeouts;
	struct sl_config_admission admission;
	struct sl_config_meter misses;
	unsigned int backend_count;
	const struct sl_backend *const *backends; /* with the retired ones */
	unsigned int usable_count;
	uint32_t maglev_size;   /* 0 if no backend is usable */
	const uint16_t *maglev; /* index into backends */
};

/* What struct sl_backend's identity will be. Any thread. */
uint64_t sl_service_backend_identity(const struct sl_config_service *service, const struct sl_config_backend *backend);

/* What the datapath calls a tunnel mode. */
static inline uint8_t sl_mode_tunnel_kind(unsigned int mode)
{
	static const uint8_t kinds[SL_MODES] = {
		[SL_MODE_IPIP] = SL_TUNNEL_MODE_IPIP, [SL_MODE_VXLAN] = SL_TUNNEL_MODE_VNI, [SL_MODE_GRE] = SL_TUNNEL_MODE_GRE,
		[SL_MODE_GUE] = SL_TUNNEL_MODE_GUE,   [SL_MODE_GENEVE] = SL_TUNNEL_MODE_GENEVE,
	};

	return mode < SL_MODES ? kinds[mode] : 0;
}

/* A snapshot. */
struct sl_services {
	uint64_t generation;    /* +1 for each published snapshot */
	uint64_t hash_seed;
	unsigned int service_count; /* with the retired ones */
	const struct sl_service *const *services;
	unsigned int tenant_count;
	const struct sl_config_tenant *tenants; /* tenants[0] is the default one, id 0 */
	const struct sl_service *service[SL_SERVICE_IDS]; /* by id; NULL if there is none */
	const struct sl_backend *backend[SL_SERVICE_IDS]; /* by id; NULL if there is none */
	bool two_sided; /* one of them is TCP in mode nat or fullnat, not retired: packets of both sides are seen */
	const struct sl_service_index *index; /* private to service.c */
};

/* -- readers: any thread that takes part in RCU, and the control thread ------------------------------------------- */

/* The published snapshot (rcu_dereference). NULL before the table exists. */
const struct sl_services *sl_services_current(void);

/* The service of a packet's destination; exact port before range before any. NULL: none. port in host order. */
const struct sl_service *sl_services_lookup(const struct sl_services *s, uint16_t tenant, unsigned int family,
					    const uint8_t *vip, unsigned int protocol, uint16_t port);
/* True if any service of the tenant has this VIP (ICMP, announcing). */
bool sl_services_has_vip(const struct sl_services *s, uint16_t tenant, unsigned int family, const uint8_t *vip);
/* Backend for a new connection with this client-to-VIP key: the same on every node with the same configuration and
 * health. NULL: no usable backend. */
const struct sl_backend *sl_service_select(const struct sl_services *s, const struct sl_service *service,
					   const struct sl_key *key);
/* The key's place in the service's Maglev table, which it must have: by addresses and ports only, as the rest of the key is the
 * service's; in wire order, so that every node agrees. */
static inline uint32_t sl_service_place(const struct sl_services *s, const struct sl_service *service, const struct sl_key *key)
{
	uint64_t addresses[4];
	uint32_t ports;

	memcpy(addresses, key, sizeof(addresses));
	memcpy(&ports, &key->sport, sizeof(ports));
	return (uint32_t)(sl_choice_hash(addresses, ports, s->hash_seed) % service->maglev_size);
}
/* By what a connection in shared memory knows of its backend; `port` in host order, 0 if the packet's is kept. `tag`: of its
 * identity, or 0: any, a usable one rather than a retired one. NULL: the service has no such backend. */
const struct sl_backend *sl_service_find(const struct sl_service *service, unsigned int mode,
					 const struct sl_addr *address, uint16_t port, uint16_t tag);
/* By id; also retired ones. NULL: no such backend. */
static inline const struct sl_backend *sl_services_backend(const struct sl_services *s, uint32_t id)
{
	return id < SL_SERVICE_IDS ? s->backend[id] : NULL;
}
static inline const struct sl_service *sl_services_service(const struct sl_services *s, uint32_t id)
{
	return id < SL_SERVICE_IDS ? s->service[id] : NULL;
}

/* -- the control thread ------------------------------------------------------------------------------------------- */

struct sl_service_table;

struct sl_service_table_ops {
	/* After a snapshot has been published and before the old one is freed: rules for VIPs, announcing. `before` is
	 * NULL the first time. May be NULL. */
	void (*changed)(void *ctx, const struct sl_services *now, const struct sl_services *before);
	/* Live connections of a backend, for retiring. NULL: none. */
	uint64_t (*connections)(void *ctx, uint32_t backend_id);
	void *ctx;
};

/* Publishes the first snapshot. One table a process. NULL and a sentence in err on failure. */
struct sl_service_table *sl_service_table_create(const struct sl_config *config, const struct sl_service_table_ops *ops,
						 char *err, size_t err_len);
/* After the workers have ended. */
void sl_service_table_destroy(struct sl_service_table *t);
/* Applies another configuration; nothing changes on failure (-ENOSPC: out of ids, -ENOMEM). */
int sl_service_table_apply(struct sl_service_table *t, const struct sl_config *config, char *err, size_t err_len);
/* Health results: between begin and commit they are only noted; commit publishes once, if anything changed.
 * since_ms: wall clock. */
void sl_service_table_begin(struct sl_service_table *t);
void sl_service_table_health(struct sl_service_table *t, uint32_t id, enum sl_backend_state state, int64_t since_ms);
void sl_service_table_commit(struct sl_service_table *t);
/* Operator's weight, kept until a reload changes the configured one; -1 returns to the configured weight. -ENOENT,
 * -ERANGE. */
int sl_service_table_weight(struct sl_service_table *t, uint32_t id, int weight);
/* Lets go of retired backends without connections; publishes if there were any. Every second or so. */
void sl_service_table_sweep(struct sl_service_table *t);

const char *sl_backend_state_name(unsigned int state);

#endif
