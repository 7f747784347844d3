/* SPDX-License-Identifier: BSD-3-Clause */
/* What becomes of connections that an agent before this one has left in the table: each finds its backend of this run. */
#include <arpa/inet.h>

#include "host/slowpath.h"

static const struct sl_backend *find_in(const struct sl_service *s, const struct sl_conn_copy *conn, uint16_t tag)
{
	const struct sl_addr address = sl_addr_make(conn->backend_family, conn->backend_addr);
	const uint16_t ports[] = { ntohs(conn->backend_port), 0 };
	const struct sl_backend *backend = NULL;

	for (unsigned int i = 0; i < 2 && !backend; i++)
		backend = sl_service_find(s, conn->mode, &address, ports[i], tag);
	return backend;
}

/* In the service that has the connection's VIP now, or in one that is no longer configured. */
static const struct sl_backend *find_anywhere(const struct sl_services *services, const struct sl_conn_copy *conn,
					      uint16_t tag)
{
	const struct sl_addr vip = sl_addr_make(conn->key.family, conn->key.dst);
	const uint16_t port = ntohs(conn->key.dport);
	const struct sl_service *s = sl_services_lookup(services, conn->key.tenant, conn->key.family, conn->key.dst,
							conn->key.proto, port);
	const struct sl_backend *backend = s ? find_in(s, conn, tag) : NULL;

	for (unsigned int n = 0; n < services->service_count && !backend; n++) {
		s = services->services[n];
		if (s->tenant == conn->key.tenant && s->protocol == conn->key.proto && port >= s->port_lo && port <= s->port_hi &&
		    sl_addr_equal(&s->vip, &vip))
			backend = find_in(s, conn, tag);
	}
	return backend;
}

/* The backend that the connection had, also of a service that is no longer configured; or else one of its address. */
static const struct sl_backend *adopted_backend(const struct sl_services *services, const struct sl_conn_copy *conn)
{
	const struct sl_backend *backend = find_anywhere(services, conn, conn->backend_tag);

	return backend ? backend : find_anywhere(services, conn, 0);
}

uint32_t sl_slowpath_adopt(struct sl_slowpath *sp)
{
	const uint32_t shard_size = sl_conn_table_capacity(sp->table) / SL_CONN_SHARDS;
	uint32_t kept = 0;

	for (uint32_t index = 0; index < sl_conn_table_capacity(sp->table); index++) {
		struct sl_conn *conn = sl_conn_at(sp->table, index);
		const struct sl_backend *backend;
		struct sl_conn_copy copy;

		if (!(sp->shards >> index / shard_size & 1) || conn->state == SL_CONN_FREE)
			continue;
		sl_conn_get(sp->table, index, &copy);
		backend = adopted_backend(sp->services, &copy);
		conn->backend_id = (uint16_t)(backend ? backend->id : SL_SERVICE_IDS);
		if (backend)
			sl_conn_rest_at(sp->table, index)->backend_tag = sl_backend_tag(backend);
		if (!backend) {
			sl_conn_free(sp->table, index);
			continue;
		}
		sp->backends[backend->id].connections++;
		sl_admission_add(sp->admission, backend->service, conn->flags & SL_CONN_UNPROVEN);
		sp->stats->source_ports_taken += copy.nat.source_port != 0;
		kept++;
	}
	return kept;
}
