/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ICMP errors of the network about packets of services. Who made the packet that an error quotes has to hear of it: a backend
 * of what it sent to a client (RFC 1191, RFC 8201: the path's MTU), in nat and fullnat also the client of what went to the backend. The
 * quote names the connection; where it is not in the table, the hash that would place it does.
 */
#include "host/slowpath_private.h"
#include "hw/model/hash.h"

/* False: the second's allowance is used up. */
static bool allowed(struct sl_slowpath *sp, bool known)
{
	const bool may = sl_reply_allowed(&sp->limit, known ? SL_REPLY_PASS : SL_REPLY_PASS_UNKNOWN, sp->now_ms);

	sp->stats->icmp_limited += !may;
	return may;
}

static void pass(struct sl_slowpath *sp, const struct slow_frame *f, bool known, const struct sl_action *action, unsigned int port,
		 const struct sl_reply_nat *nat, struct sl_slow_verdict *v)
{
	if (!allowed(sp, known) ||
	    !sl_reply_pass(f->bytes, f->packet, action, sl_hash_key(&f->key, &sp->entropy), nat, &v->reply)) {
		end(sp, f, v, SL_SLOW_DROP, SL_REASON_NO_L4);
		return;
	}
	sp->stats->icmp_passed++;
	v->port = (uint8_t)port;
	end(sp, f, v, SL_SLOW_PASS, SL_REASON_SOFTWARE);
}

/* The backend of a connection that is not in the table. NULL: none, or mode nat or fullnat, which cannot do without. */
static const struct sl_backend *hashed_backend(const struct sl_slowpath *sp, const struct sl_key *key)
{
	const struct sl_service *service = sl_services_lookup(sp->services, key->tenant, key->family, key->dst, key->proto,
							      __builtin_bswap16(key->dport));

	return service && !sl_mode_nat(service->mode) ? sl_service_select(sp->services, service, key) : NULL;
}

void sl_slow_icmp_to_vip(struct sl_slowpath *sp, struct slow_frame *f, struct sl_slow_verdict *v)
{
	struct sl_reply_nat nat = { .to_backend = true };
	const struct sl_addr *source;
	const struct sl_conn_nat *hop;
	const struct sl_backend *backend;
	const struct sl_egress *egress;
	const struct sl_conn *conn;
	uint8_t address[16];
	unsigned int shard;
	bool reverse = false;
	uint32_t index;

	if (!sl_reply_quoted_key(f->bytes, f->len, f->packet, f->tenant, &f->key)) {
		end(sp, f, v, f->decap ? SL_SLOW_DROP : SL_SLOW_KERNEL, SL_REASON_NO_SERVICE);
		return;
	}
	shard = sl_conn_shard(sp->table, f->key.src, f->key.sport, f->tenant);
	if (!owns(sp, shard, v))
		return;
	index = sl_conn_find(sp->table, shard, &f->key, &reverse);
	conn = index == SL_CONN_NONE ? NULL : sl_conn_at(sp->table, index);
	backend = conn ? sl_services_backend(sp->services, conn->backend_id) : hashed_backend(sp, &f->key);
	egress = backend ? sl_egress_of(backend->id) : NULL;
	if (!egress || !egress->ready) {
		end(sp, f, v, SL_SLOW_DROP, backend ? SL_REASON_NO_NEXTHOP : SL_REASON_NO_L4);
		return;
	}
	if (conn) {
		sl_conn_backend(sp->table, index, address);
		hop = sl_conn_nat_at(sp->table, index);
		nat.address = address;
		nat.port = hop->backend_port;
		source = sl_conn_source(hop->source);
		nat.other = source ? source->bytes : NULL;
		nat.other_port = hop->source_port;
	}
	pass(sp, f, conn, &egress->action, egress->port, conn && conn->nat ? &nat : NULL, v);
}

void sl_slow_icmp_to_client(struct sl_slowpath *sp, struct slow_frame *f, struct sl_slow_verdict *v)
{
	struct sl_reply_nat nat = { .to_backend = false };
	const unsigned int shard = sl_conn_shard(sp->table, f->key.dst, f->key.dport, f->tenant);
	const struct sl_conn_nat *hop;
	const struct sl_conn *conn;
	struct sl_egress_port port;
	struct sl_action action;
	uint8_t backend[16];
	struct sl_key key;
	bool reverse = true;
	uint32_t index;

	if (!owns(sp, shard, v))
		return;
	index = sl_conn_find(sp->table, shard, &f->key, &reverse);
	if (index == SL_CONN_NONE || !reverse) {
		end(sp, f, v, f->decap ? SL_SLOW_DROP : SL_SLOW_KERNEL, SL_REASON_NO_SERVICE);
		return;
	}
	conn = sl_conn_at(sp->table, index);
	hop = sl_conn_nat_at(sp->table, index);
	if (!sl_egress_return_port(sp->services, conn, hop, &port)) {
		end(sp, f, v, SL_SLOW_DROP, SL_REASON_NO_NEXTHOP);
		return;
	}
	sl_egress_return_action(conn, hop, &port, &action);
	sl_conn_key(sp->table, index, &key);
	sl_conn_backend(sp->table, index, backend);
	nat.address = key.dst;
	nat.port = key.dport;
	nat.backend = backend;
	nat.other = hop->source_port ? key.src : NULL;
	nat.other_port = key.sport;
	pass(sp, f, true, &action, port.index, &nat, v);
}
