/* SPDX-License-Identifier: BSD-3-Clause */
/* The way of a frame through the host, in the order it happens: classify, connection, decide, rewrite, offload. */
#include "host/slowpath.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "host/log.h"
#include "host/mss.h"
#include "host/places.h"
#include "host/slowpath_private.h"
#include "hw/model/action.h"
#include "hw/model/hash.h"
#include "hw/model/key.h"
#include "sluice/record.h"

#define TCP_FIN 1
#define TCP_SYN 2
#define TCP_RST 4
#define TCP_PSH 8
#define TCP_ACK 16
#define RETRY_SHIFT_MAX 6 /* 64 s */
#define PORTS_TELL_MS 10000
#define SENT_AT_ONCE 65536u /* bytes of a backend, with or before the end of the handshake */
#define CROSSING_MS 500 /* half of TCP's first retransmission timeout: a SYN this soon after its SYN-ACK has crossed it */

/* ---- classify ------------------------------------------------------------------------------------------------- */

/* A VIP of a service, or of one that left the configuration but still has connections. */
static bool vip_known(struct sl_slowpath *sp, const struct slow_frame *f)
{
	const struct sl_services *s = sp->services;

	if (sl_services_has_vip(s, f->tenant, f->packet->family, f->packet->dst))
		return true;
	if (sp->retired_generation != s->generation) {
		sp->retired_generation = s->generation;
		sp->any_retired = false;
		for (unsigned int i = 0; i < s->service_count; i++)
			sp->any_retired |= s->services[i]->retired;
	}
	for (unsigned int i = 0; sp->any_retired && i < s->service_count; i++) {
		const struct sl_service *service = s->services[i];

		if (service->retired && service->tenant == f->tenant && service->vip.family == f->packet->family &&
		    !memcmp(service->vip.bytes, f->packet->dst, 16))
			return true;
	}
	return false;
}

/* ---- the card ------------------------------------------------------------------------------------------------- */

static uint32_t now_s(const struct sl_slowpath *sp)
{
	return (uint32_t)(sp->now_ms / 1000) & 0xfffffff;
}

/* The time of the last one's attempts may still stand where this connection has made none. */
static bool retry_due(const struct sl_slowpath *sp, uint32_t index)
{
	return !(sl_conn_rest_at(sp->table, index)->more & SL_CONN_TRIED) || sp->retry[index] >> 4 <= now_s(sp);
}

void sl_slow_retry_later(struct sl_slowpath *sp, uint32_t index)
{
	struct sl_conn_rest *rest = sl_conn_rest_at(sp->table, index);
	const uint32_t failures = rest->more & SL_CONN_TRIED ? sp->retry[index] & 15 : 0;

	rest->more |= SL_CONN_TRIED;
	sp->retry[index] = (now_s(sp) + (1u << failures)) << 4 | (failures < RETRY_SHIFT_MAX ? failures + 1 : failures);
}

/* Seen so far: by the card too, of one that began there. */
static uint64_t packets_of(const struct sl_slowpath *sp, uint32_t index)
{
	const struct sl_conn_card *card = sl_conn_card_at(sp->table, index);

	return sl_conn_packets(sp->table, index) + (card ? __atomic_load_n(&card->packets, __ATOMIC_RELAXED) : 0);
}

/* What the card must be able to do for this connection. */
static uint32_t needs(const struct sl_conn *conn, unsigned int mode)
{
	const uint32_t six = conn->family == 6 ? SL_CAP_IPV6 : 0;

	switch (mode) {
	case SL_MODE_NAT:
		return conn->family == 6 ? SL_CAP_NAT6 : SL_CAP_NAT4;
	case SL_MODE_FULLNAT:
		return conn->family == 6 ? SL_CAP_FULLNAT6 : SL_CAP_FULLNAT4;
	case SL_MODE_IPIP:
		return SL_CAP_IPIP | six;
	case SL_MODE_VXLAN:
		return SL_CAP_VXLAN_ENCAP | six;
	case SL_MODE_GRE:
		return SL_CAP_GRE | six;
	case SL_MODE_GUE:
		return SL_CAP_GUE | six;
	case SL_MODE_GENEVE:
		return SL_CAP_GENEVE | six;
	default:
		return SL_CAP_L2 | six;
	}
}

/* Why the connection should stay in software for now; OFFLOADED if it should not. */
static enum sl_reason offload_reason(const struct sl_slowpath *sp, uint32_t index, const struct sl_config_offload *policy)
{
	const struct sl_conn *conn = sl_conn_at(sp->table, index);
	const uint32_t caps = sp->capable ? sp->capable() : 0;
	uint32_t need;

	if (conn->state == SL_CONN_CLOSING)
		return SL_REASON_CLOSING;
	if (conn->flags & SL_CONN_EVICTED)
		return SL_REASON_EVICTED;
	if (policy->policy == SL_OFFLOAD_NEVER)
		return SL_REASON_POLICY_NEVER;
	if (conn->state == SL_CONN_EMBRYONIC)
		return SL_REASON_HANDSHAKE;
	if (conn->proto == IPPROTO_UDP ? packets_of(sp, index) < policy->udp_packets
				       : policy->policy == SL_OFFLOAD_PACKETS && packets_of(sp, index) < policy->packets)
		return SL_REASON_FEW_PACKETS;
	need = needs(conn, sl_conn_rest_at(sp->table, index)->mode);
	return (caps & need) == need ? SL_REASON_OFFLOADED : SL_REASON_NO_CARD;
}

void sl_slowpath_consider(struct sl_slowpath *sp, uint32_t index, const struct sl_service *service, unsigned int port)
{
	struct sl_conn *conn = sl_conn_at(sp->table, index);
	enum sl_reason reason;

	if (conn->offload != SL_CONN_SOFTWARE || conn->flags & SL_CONN_DOOMED)
		return;
	reason = offload_reason(sp, index, &service->offload);
	if (reason != SL_REASON_OFFLOADED) {
		sl_conn_set_reason(sp->table, index, reason);
		return;
	}
	if (!retry_due(sp, index))
		return;
	conn->offload = SL_CONN_INSERTING;
	if (sp->offload(SL_OFFLOAD_INSERT, index, port)) {
		sl_conn_set_reason(sp->table, index, SL_REASON_PENDING);
		return;
	}
	conn->offload = SL_CONN_SOFTWARE;
	sp->stats->offload_queue_full++;
}

/* Asks for the connection to leave the card. True: on its way, or not there. */
bool sl_slow_offload_remove(struct sl_slowpath *sp, struct sl_conn *conn, uint32_t index)
{
	if (conn->offload != SL_CONN_HARDWARE)
		return true;
	conn->offload = SL_CONN_REMOVING;
	if (sp->offload(SL_OFFLOAD_REMOVE, index, SL_OFFLOAD_ANY_PORT))
		return true;
	conn->offload = SL_CONN_HARDWARE;
	sp->stats->offload_queue_full++;
	return false;
}

/* ---- connections ---------------------------------------------------------------------------------------------- */

void sl_slow_conn_drop(struct sl_slowpath *sp, uint32_t index)
{
	struct sl_conn *conn = sl_conn_at(sp->table, index);

	if (conn->backend_id < SL_SERVICE_IDS)
		sp->backends[conn->backend_id].connections--;
	if (sl_slow_conn_backend(sp, conn))
		sl_admission_remove(sp->admission, sl_slow_conn_backend(sp, conn)->service, conn->flags & SL_CONN_UNPROVEN);
	if (conn->state == SL_CONN_CLOSING)
		sp->stats->conns_closed++;
	if (sl_conn_nat_at(sp->table, index)->source_port && sp->source_ports) {
		sl_sources_give(sp->source_ports, index, sp->now_ms);
		sp->stats->source_ports_given++;
	}
	sl_conn_free(sp->table, index);
}

/* The connection has shown that it is real. */
static void conn_prove(struct sl_slowpath *sp, uint32_t index)
{
	const struct sl_conn *conn = sl_conn_at(sp->table, index);
	const struct sl_backend *backend = sl_slow_conn_backend(sp, conn);

	if (backend && conn->flags & SL_CONN_UNPROVEN)
		sl_admission_prove(sp->admission, backend->service);
	sl_conn_prove(sp->table, index);
}

/* Fullnat: where the backend will see the connection come from. */
static int source_take(struct sl_slowpath *sp, const struct sl_backend *backend, unsigned int shard, struct sl_conn_new *new)
{
	const int rc = sp->source_ports ? sl_sources_take(sp->source_ports, shard, new) : -EADDRNOTAVAIL;

	if (rc && (!sp->ports_told_ms || sp->now_ms - sp->ports_told_ms >= PORTS_TELL_MS)) {
		sp->ports_told_ms = sp->now_ms;
		sl_log(SL_LOG_WARN, "source-ports", "service=%s backend=%s error=%s", backend->service->name, backend->name,
		       rc == -ENOMEM ? "out of memory" :
				       "no port of node.fullnat.sources is free and rested for this backend; add addresses, or shorten "
				       "node.fullnat.quarantine_ms");
	}
	return rc ? -EADDRNOTAVAIL : 0;
}

int sl_slow_conn_make(struct sl_slowpath *sp, const struct sl_key *key, unsigned int shard, const struct sl_backend *backend, bool proven,
		      uint32_t *index)
{
	const bool tcp = key->proto == IPPROTO_TCP;
	struct sl_conn_new new = { .key = *key, .mode = backend->mode, .backend_family = backend->address.family,
				   .backend_id = backend->id, .backend_tag = sl_backend_tag(backend), .nat = sl_mode_nat(backend->mode), .unproven = !proven,
				   .reserve = sp->services->two_sided && !(tcp && sl_mode_nat(backend->mode)),
				   .state = tcp ? SL_CONN_EMBRYONIC : SL_CONN_ESTABLISHED, .now_ms = sp->now_ms };
	int rc;

	memcpy(new.backend_addr, backend->address.bytes, sizeof(new.backend_addr));
	new.backend_port = sl_mode_nat(backend->mode) && backend->port ? htons(backend->port) : key->dport;
	rc = backend->mode == SL_MODE_FULLNAT ? source_take(sp, backend, shard, &new) : 0;
	if (rc)
		return rc;
	rc = sl_conn_create(sp->table, shard, &new, index);
	if (rc && new.source)
		sl_sources_untake(sp->source_ports, shard, &new);
	if (rc)
		return rc;
	sp->stats->source_ports_taken += new.source != 0;
	sp->stats->conns_created++;
	sp->backends[backend->id].connections++;
	sp->backends[backend->id].connections_total++;
	sl_admission_add(sp->admission, backend->service, !proven);
	return 0;
}

static uint32_t number_at(const uint8_t *p)
{
	return sl_load_be16(p) << 16 | sl_load_be16(p + 2);
}

/* The backend has answered a connection that is in no card; its SYN-ACK says what the client's ACK of it will acknowledge. Data it sends
 * (which it ends with PSH) only when it has had that ACK: so it may have been one of another SYN-ACK, which SYN cookies may change. */
static void backend_answers(const struct sl_slowpath *sp, uint32_t index, unsigned int flags, const uint8_t *tcp)
{
	const uint32_t number = tcp ? number_at(tcp + 4) + 1 : SL_CONN_HANDSHAKE_ANY;

	sl_conn_nat_at(sp->table, index)->answered = 1;
	if ((flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK))
		*sl_conn_handshake_at(sp->table, index) = number > SL_CONN_HANDSHAKE_ANY ? number : SL_CONN_HANDSHAKE_ANY;
	else if (flags & TCP_PSH && !(flags & (TCP_SYN | TCP_RST)))
		*sl_conn_handshake_at(sp->table, index) = SL_CONN_HANDSHAKE_ANY;
}

/*
 * The client's ACK ends the handshake. Where the backend's SYN-ACK is seen it has to acknowledge that (RFC 9293 3.10.7.4, SYN-RECEIVED),
 * which who has forged the SYN does not know; what the backend sends at once (RFC 7413) may be acknowledged with it.
 */
static bool handshake_done(const struct sl_slowpath *sp, uint32_t index, const uint8_t *tcp)
{
	const struct sl_conn *conn = sl_conn_at(sp->table, index);
	const uint32_t wanted = sl_slowpath_wants_tcp(conn) ? *sl_conn_handshake_at(sp->table, index) : SL_CONN_HANDSHAKE_ANY;

	if (wanted == SL_CONN_HANDSHAKE_ANY)
		return packets_of(sp, index) > 0;
	return wanted != SL_CONN_HANDSHAKE_NONE && tcp && number_at(tcp + 8) - wanted < SENT_AT_ONCE;
}

void sl_slowpath_follow(struct sl_slowpath *sp, uint32_t index, unsigned int flags, const uint8_t *tcp, bool reverse,
			const struct sl_service *service)
{
	struct sl_conn *conn = sl_conn_at(sp->table, index);
	const uint8_t before = conn->state;

	conn->last_seen_ms = (uint32_t)sp->now_ms;
	if (conn->proto != IPPROTO_TCP) {
		if (packets_of(sp, index) >= 2 || reverse)
			conn_prove(sp, index);
		return;
	}
	if (reverse && conn->state == SL_CONN_EMBRYONIC)
		backend_answers(sp, index, flags, tcp);
	if (flags & TCP_RST)
		conn->flags |= SL_CONN_RST;
	if (flags & TCP_FIN)
		conn->flags |= reverse ? SL_CONN_FIN_SERVER : SL_CONN_FIN_CLIENT;
	if (flags & (TCP_RST | TCP_FIN)) {
		conn->state = SL_CONN_CLOSING;
	} else if (conn->state == SL_CONN_EMBRYONIC && !reverse && !(flags & TCP_SYN) && flags & TCP_ACK &&
		   handshake_done(sp, index, tcp)) {
		conn->state = SL_CONN_ESTABLISHED;
		conn_prove(sp, index);
	}
	if (conn->state == before || !service)
		return;
	if (conn->state == SL_CONN_CLOSING && conn->offload == SL_CONN_HARDWARE)
		sl_conn_set_deadline(sp->table, index, sp->now_ms + SL_SLOW_CLOSING_IN_CARD_MS);
	else
		sl_conn_set_deadline(sp->table, index, sp->now_ms + sl_conn_timeout_ms(conn, &service->timeouts));
}

/* ---- decide and rewrite --------------------------------------------------------------------------------------- */

void sl_slowpath_record(const struct sl_conn_table *table, uint32_t index, bool reverse, struct sl_key *key,
			struct sl_record *record)
{
	const struct sl_conn_nat *hop = sl_conn_nat_at(table, index);
	struct sl_key forth;
	uint16_t port;

	memset(record, 0, sizeof(*record));
	record->flags = SL_RECORD_FLAG_DEC_TTL | SL_RECORD_FLAG_COPY_ECN; /* RFC 6040, where it meets a tunnel */
	if (!reverse) {
		sl_conn_key(table, index, key);
		if (sl_conn_nat_to(table, index, record->new_dst, &port)) {
			record->flags |= SL_RECORD_FLAG_NAT_DST;
			record->new_dport = port;
		}
		if (hop->source_port) {
			record->flags |= SL_RECORD_FLAG_NAT_SRC;
			memcpy(record->new_src, sl_conn_source(hop->source)->bytes, sizeof(record->new_src));
			record->new_sport = hop->source_port;
		}
	} else {
		sl_conn_reverse_key(table, index, key);
		sl_conn_key(table, index, &forth);
		record->flags |= SL_RECORD_FLAG_NAT_SRC;
		memcpy(record->new_src, forth.dst, sizeof(record->new_src));
		record->new_sport = forth.dport;
		if (hop->source_port) {
			record->flags |= SL_RECORD_FLAG_NAT_DST;
			memcpy(record->new_dst, forth.src, sizeof(record->new_dst));
			record->new_dport = forth.sport;
		}
	}
	sl_record_set_deltas(key, record);
}

static uint32_t ports_up(const struct sl_slowpath *sp)
{
	uint32_t up = 0;

	for (unsigned int i = 0; i < SL_PORTS_MAX; i++)
		up |= sp->port[i].up ? 1u << i : 0;
	return up;
}

/* Answers a packet that may not go on. A tunnel's inner packets are only counted: their sender sits behind a VTEP. */
static void refuse(struct sl_slowpath *sp, const struct slow_frame *f, const struct sl_action *action, unsigned int reason,
		   struct sl_slow_verdict *v)
{
	const uint32_t overhead = action->flags & (SL_ACTION_FLAG_OUTER_V4 | SL_ACTION_FLAG_OUTER_V6)
				  ? (uint32_t)action->hdr_len - action->l3_off : 0;
	bool made = false;

	if (reason == SL_REASON_MTU)
		reason = SL_REASON_TOO_BIG;
	else if (reason == SL_REASON_TTL)
		reason = SL_REASON_TTL_EXPIRED;
	/* RFC 1812 4.3.2.7, RFC 4443 2.4 e: none about a fragment that is not the first. */
	if (!f->decap && !f->later && (reason == SL_REASON_TOO_BIG || reason == SL_REASON_TTL_EXPIRED)) {
		if (!sl_reply_allowed(&sp->limit, SL_REPLY_ERROR, sp->now_ms))
			sp->stats->icmp_limited++;
		else if (reason == SL_REASON_TOO_BIG)
			made = sl_reply_too_big(f->bytes, f->packet, (uint16_t)(action->mtu - overhead), &v->reply);
		else
			made = sl_reply_ttl_expired(f->bytes, f->packet, &v->reply);
	}
	sp->stats->icmp_sent += made;
	v->port = (uint8_t)f->port;
	end(sp, f, v, made ? SL_SLOW_REPLY : SL_SLOW_DROP, reason);
}

static void emit(struct sl_slowpath *sp, const struct slow_frame *f, const struct sl_record *record,
		 const struct sl_action *action, struct sl_slow_verdict *v)
{
	int reason = sl_action_check(f->packet, record, action, ports_up(sp));

	v->cut.mtu = 0;
	if (reason == SL_REASON_MTU && sl_cut_may(f->bytes, f->packet, action)) {
		sl_cut_set(&v->cut, f->packet, record, action);
		v->cut.action.mtu = 0; /* what else may stand against it */
		reason = sl_action_check(f->packet, record, &v->cut.action, ports_up(sp));
	}
	if (reason != SL_REASON_FORWARDED) {
		refuse(sp, f, action, (unsigned int)reason, v);
		return;
	}
	sp->stats->cut += v->cut.mtu != 0;
	v->rewrite.hash = sl_hash_key(&f->key, &sp->entropy);
	if (f->later)
		sl_fragment_rewrite(f->bytes, f->packet, record, action, &v->rewrite);
	else
		sl_rewrite(sl_window_at(f->bytes), f->packet, record, action, &v->rewrite);
	v->port = action->port;
	end(sp, f, v, SL_SLOW_FORWARD, SL_REASON_SOFTWARE);
}

/* Neither side of a connection of nat or fullnat may learn to send what does not fit the way through here. */
static void clamp(struct sl_slowpath *sp, const struct slow_frame *f, uint32_t index, struct sl_slow_verdict *v)
{
	const struct sl_conn *conn = sl_conn_at(sp->table, index);
	const struct sl_egress *egress = sl_egress_of(conn->backend_id);
	struct sl_egress_port back;

	if (!(f->packet->tcp_flags & TCP_SYN) || !conn->nat || !egress ||
	    !sl_egress_return_port(sp->services, conn, sl_conn_nat_at(sp->table, index), &back))
		return;
	sp->stats->mss_lowered += sl_mss_lower(f->bytes, f->packet, egress->action.mtu < back.mtu ? egress->action.mtu : back.mtu,
					       &v->rewrite);
}

static void count_backend(struct sl_slowpath *sp, uint32_t id, const struct slow_frame *f)
{
	sp->backends[id].packets++;
	sp->backends[id].bytes += f->len;
}

/* To the backend by its entry; without a connection (SL_CONN_NONE) in the modes that hash. */
static void send_forward(struct sl_slowpath *sp, const struct slow_frame *f, uint32_t index,
			 const struct sl_backend *backend, struct sl_slow_verdict *v)
{
	const struct sl_egress *egress = sl_egress_of(backend->id);
	struct sl_record record = { .flags = SL_RECORD_FLAG_DEC_TTL | SL_RECORD_FLAG_COPY_ECN };
	struct sl_key key;

	if (!egress || !egress->ready) {
		end(sp, f, v, SL_SLOW_DROP, SL_REASON_NO_NEXTHOP);
		return;
	}
	if (index != SL_CONN_NONE)
		sl_slowpath_record(sp->table, index, false, &key, &record);
	emit(sp, f, &record, &egress->action, v);
	if (v->fate != SL_SLOW_FORWARD)
		return;
	count_backend(sp, backend->id, f);
	if (index != SL_CONN_NONE)
		clamp(sp, f, index, v);
}

static void send_return(struct sl_slowpath *sp, const struct slow_frame *f, uint32_t index, struct sl_slow_verdict *v)
{
	const struct sl_conn *conn = sl_conn_at(sp->table, index);
	const struct sl_conn_nat *nat = sl_conn_nat_at(sp->table, index);
	struct sl_egress_port port;
	struct sl_action action;
	struct sl_record record;
	struct sl_key key;

	if (!sl_egress_return_port(sp->services, conn, nat, &port)) {
		end(sp, f, v, SL_SLOW_DROP, SL_REASON_NO_NEXTHOP);
		return;
	}
	sl_egress_return_action(conn, nat, &port, &action);
	sl_slowpath_record(sp->table, index, true, &key, &record);
	emit(sp, f, &record, &action, v);
	if (v->fate != SL_SLOW_FORWARD)
		return;
	count_backend(sp, conn->backend_id, f);
	clamp(sp, f, index, v);
}

/* A packet of a known connection, either direction. */
static void run_known(struct sl_slowpath *sp, const struct slow_frame *f, uint32_t index, bool reverse,
		      struct sl_slow_verdict *v)
{
	struct sl_conn *conn = sl_conn_at(sp->table, index);
	const struct sl_backend *backend = sl_slow_conn_backend(sp, conn);

	v->index = index;
	if (!backend) {
		end(sp, f, v, SL_SLOW_DROP, SL_REASON_NO_BACKEND);
		return;
	}
	if (sp->shed && sp->shed->count)
		sl_shed_found(sp->shed, backend->service->id);
	sl_slowpath_follow(sp, index, f->packet->tcp_flags, f->packet->tcp_flags ? f->bytes + f->packet->l4_off : NULL, reverse,
			   backend->service);
	if (f->copy) {
		end(sp, f, v, SL_SLOW_DROP, SL_REASON_COPY);
		return;
	}
	if (!reverse && conn->nat)
		sl_conn_set_last_hop(sl_conn_nat_at(sp->table, index), f->bytes + 6, (uint8_t)f->port);
	if (reverse)
		send_return(sp, f, index, v);
	else
		send_forward(sp, f, index, backend, v);
	if (v->fate == SL_SLOW_FORWARD) {
		sl_conn_count(conn, sl_conn_rest_at(sp->table, index), f->len);
		sl_slowpath_consider(sp, index, backend->service, f->port);
	}
}

/* One whose SYN-ACK has just gone by is not, whatever its checks say: the client may be connected, and its repeated SYN, which
 * crossed the SYN-ACK, begins nothing. (Both repeat theirs at the same seconds.) */
static bool backend_gone(const struct sl_slowpath *sp, uint32_t index)
{
	const struct sl_conn *conn = sl_conn_at(sp->table, index);
	const struct sl_backend *backend = sl_slow_conn_backend(sp, conn);

	if (backend && conn->state == SL_CONN_EMBRYONIC && sl_conn_nat_at(sp->table, index)->answered &&
	    sl_conn_idle_ms(&conn->last_seen_ms, sp->now_ms) < CROSSING_MS)
		return false;
	return !backend || backend->state == SL_BACKEND_DOWN || backend->state == SL_BACKEND_RETIRED;
}

/* A SYN for a live entry: the client opens the tuple again. True: the entry stands and takes it. */
static bool syn_on_entry(struct sl_slowpath *sp, const struct slow_frame *f, uint32_t index, struct sl_slow_verdict *v)
{
	struct sl_conn *conn = sl_conn_at(sp->table, index);

	if (!(conn->flags & SL_CONN_DOOMED) && conn->state != SL_CONN_CLOSING && !backend_gone(sp, index))
		return true;
	if (conn->offload == SL_CONN_SOFTWARE) {
		sl_slow_conn_drop(sp, index);
		v->index = SL_CONN_NONE;
		return false;
	}
	v->index = index;
	if (!sl_slow_offload_remove(sp, conn, index)) {
		end(sp, f, v, SL_SLOW_DROP, SL_REASON_CLOSING);
		return false;
	}
	conn->flags |= SL_CONN_DOOMED;
	sl_conn_set_reason(sp->table, index, SL_REASON_CLOSING);
	v->fate = SL_SLOW_HOLD;
	v->reason = SL_REASON_CLOSING;
	return false;
}

static void run_not_syn(struct sl_slowpath *sp, const struct slow_frame *f, struct sl_slow_verdict *v)
{
	const bool made = !f->decap && sl_reply_allowed(&sp->limit, SL_REPLY_RESET, sp->now_ms) &&
			  sl_reply_reset(f->bytes, f->packet, &v->reply);

	v->port = (uint8_t)f->port;
	end(sp, f, v, made ? SL_SLOW_REPLY : SL_SLOW_DROP, SL_REASON_NOT_SYN);
}

/* The connection gets no entry. */
static void run_full(struct sl_slowpath *sp, const struct slow_frame *f, const struct sl_backend *backend, unsigned int reason,
		     struct sl_slow_verdict *v)
{
	if (sl_mode_nat(backend->mode)) {
		end(sp, f, v, SL_SLOW_DROP, reason);
	} else {
		count(sp, reason, f->len);
		send_forward(sp, f, SL_CONN_NONE, backend, v);
	}
}

static void run_challenge(struct sl_slowpath *sp, const struct slow_frame *f, uint32_t cookie, struct sl_slow_verdict *v)
{
	const bool made = sl_reply_challenge(f->bytes, f->packet, cookie, &v->reply);

	v->port = (uint8_t)f->port;
	end(sp, f, v, made ? SL_SLOW_REPLY : SL_SLOW_DROP, SL_REASON_CHALLENGED);
}

/* A reset of no connection may be the answer to a challenge. */
static bool challenge_passed(struct sl_slowpath *sp, const struct slow_frame *f)
{
	return f->key.proto == IPPROTO_TCP && !f->later && f->packet->tcp_flags & TCP_RST &&
	       sl_admission_answered(sp->admission, &f->key, number_at(f->bytes + f->packet->l4_off + 4), sp->now_ms);
}

/* Whether packets to this service may be of a connection of that one, which has left the configuration or its name. */
static bool same_address(const struct sl_service *a, const struct sl_service *b)
{
	return a->tenant == b->tenant && a->protocol == b->protocol && a->port_lo == b->port_lo && sl_addr_equal(&a->vip, &b->vip);
}

const struct sl_backend *sl_slow_backend(const struct sl_slowpath *sp, const struct sl_service *service, const struct sl_key *key,
					 bool later)
{
	const bool second = key->proto == IPPROTO_UDP && service->first_xdp && sl_places_fresh(service->id);

	if (service->first_xdp && (later || second) && service->maglev_size) {
		const uint16_t id = sl_places_before(service->id, sl_service_place(sp->services, service, key));
		const struct sl_backend *before = id ? sl_services_backend(sp->services, id) : NULL;

		if (before && !sl_mode_nat(before->mode) && same_address(before->service, service) &&
		    (later || before->state != SL_BACKEND_DOWN))
			return before;
	}
	return sl_service_select(sp->services, service, key);
}

/* The first packet that this host sees of a connection to a service. */
static void run_new(struct sl_slowpath *sp, const struct slow_frame *f, unsigned int shard, const struct sl_service *service,
		    struct sl_slow_verdict *v)
{
	const bool tcp = f->key.proto == IPPROTO_TCP, syn = (f->packet->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
	const uint32_t parts = (uint32_t)__builtin_popcount(sp->shards);
	const struct sl_backend *backend;
	uint32_t index, cookie;
	enum sl_admit admit;
	int rc;

	if (challenge_passed(sp, f)) {
		end(sp, f, v, SL_SLOW_DROP, SL_REASON_CHALLENGE_PASSED);
		return;
	}
	if (f->copy) {
		end(sp, f, v, SL_SLOW_DROP, SL_REASON_COPY);
		return;
	}
	if (sp->shed)
		sl_shed_missed(sp->shed, service->id);
	if (!(sp->capable && sp->capable() & SL_CAP_METER_MISS) && !sl_admission_meter(sp->admission, service, parts, sp->now_ms)) {
		end(sp, f, v, SL_SLOW_DROP, SL_REASON_METERED);
		return;
	}
	if (sl_mode_nat(service->mode) && f->later) {
		end(sp, f, v, SL_SLOW_DROP, SL_REASON_FRAG_LOST);
		return;
	}
	if (sl_mode_nat(service->mode) && tcp && !syn) {
		run_not_syn(sp, f, v);
		return;
	}
	/* The way back would have to find the client's VTEP again. */
	if (sl_mode_nat(service->mode) && f->decap) {
		end(sp, f, v, SL_SLOW_DROP, SL_REASON_NO_NEXTHOP);
		return;
	}
	backend = sl_slow_backend(sp, service, &f->key, tcp && !syn);
	if (!backend) {
		end(sp, f, v, SL_SLOW_DROP, SL_REASON_NO_BACKEND);
		return;
	}
	/* The last packets of a connection make no entry, nor do fragments without a header. */
	if (f->later || f->packet->tcp_flags & (TCP_RST | TCP_FIN)) {
		send_forward(sp, f, SL_CONN_NONE, backend, v);
		return;
	}
	/* A client behind a tunnel cannot be answered: it is not challenged. */
	admit = sl_admission_ask(sp->admission, service, &f->key, tcp && syn && !f->decap, parts, sp->now_ms,
				 &cookie);
	if (admit == SL_ADMIT_CHALLENGE) {
		run_challenge(sp, f, cookie, v);
		return;
	}
	rc = admit == SL_ADMIT_FULL ? -EDQUOT : sl_slow_conn_make(sp, &f->key, shard, backend, admit == SL_ADMIT_PROVEN, &index);
	if (!rc)
		run_known(sp, f, index, false, v);
	else if (rc == -EADDRINUSE)
		end(sp, f, v, SL_SLOW_DROP, SL_REASON_NAT_CLASH);
	else if (rc == -EADDRNOTAVAIL)
		end(sp, f, v, SL_SLOW_DROP, SL_REASON_SOURCE_PORTS);
	else
		run_full(sp, f, backend, admit == SL_ADMIT_FULL ? SL_REASON_SERVICE_FULL : SL_REASON_CONN_FULL, v);
}

/* To a VIP. */
static void run_to_vip(struct sl_slowpath *sp, const struct slow_frame *f, struct sl_slow_verdict *v)
{
	const unsigned int shard = sl_conn_shard(sp->table, f->key.src, f->key.sport, f->tenant);
	const bool syn = f->key.proto == IPPROTO_TCP && (f->packet->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
	const struct sl_service *service;
	bool reverse = false;
	uint32_t index;

	if (!owns(sp, shard, v))
		return;
	index = sl_conn_find(sp->table, shard, &f->key, &reverse);
	if (index != SL_CONN_NONE && (!syn || f->copy || syn_on_entry(sp, f, index, v))) {
		run_known(sp, f, index, reverse, v);
		return;
	}
	if (index != SL_CONN_NONE && v->index != SL_CONN_NONE)
		return; /* held, or refused */
	service = sl_services_lookup(sp->services, f->tenant, f->key.family, f->key.dst, f->key.proto, ntohs(f->key.dport));
	if (service)
		run_new(sp, f, shard, service, v);
	else
		end(sp, f, v, f->decap ? SL_SLOW_DROP : SL_SLOW_KERNEL, SL_REASON_NO_SERVICE);
}

/* To somewhere else: the way back of a connection of nat or fullnat, or nobody's business. */
static void run_to_other(struct sl_slowpath *sp, const struct slow_frame *f, struct sl_slow_verdict *v)
{
	const unsigned int shard = sl_conn_shard(sp->table, f->key.dst, f->key.dport, f->tenant);
	bool reverse = true;
	uint32_t index;

	if (!owns(sp, shard, v))
		return;
	index = sl_conn_find(sp->table, shard, &f->key, &reverse);
	if (index != SL_CONN_NONE && reverse)
		run_known(sp, f, index, true, v);
	else if (f->copy)
		end(sp, f, v, SL_SLOW_DROP, SL_REASON_COPY);
	else
		end(sp, f, v, f->decap ? SL_SLOW_DROP : SL_SLOW_KERNEL, SL_REASON_NO_SERVICE);
}

/* A packet to a VIP that has no key. */
static void run_keyless(struct sl_slowpath *sp, struct slow_frame *f, int reason, struct sl_slow_verdict *v)
{
	const unsigned int proto = f->packet->proto;

	if (reason != SL_REASON_NO_L4 && reason != SL_REASON_ICMP_ERROR)
		end(sp, f, v, SL_SLOW_DROP, (unsigned int)reason);
	else if (proto == (f->packet->family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6))
		sl_slow_icmp_to_vip(sp, f, v);
	else
		end(sp, f, v, f->decap ? SL_SLOW_DROP : SL_SLOW_KERNEL, SL_REASON_NO_SERVICE);
}

/* ---- fragments ------------------------------------------------------------------------------------------------ */

static uint32_t source_bit(unsigned int family, const uint8_t *address)
{
	return XXH32(address, 16, family) % SL_SLOW_SOURCE_BITS;
}

/* False: surely no backend of a nat or fullnat service has this address. */
static bool source_may_be_ours(struct sl_slowpath *sp, const struct sl_packet *packet)
{
	const struct sl_services *s = sp->services;
	uint32_t bit;

	if (sp->sources_generation != s->generation) {
		sp->sources_generation = s->generation;
		memset(sp->sources, 0, sizeof(sp->sources));
		for (unsigned int id = 0; id < SL_SERVICE_IDS; id++) {
			const struct sl_backend *b = s->backend[id];

			if (!b || !sl_mode_nat(b->mode))
				continue;
			bit = source_bit(b->address.family, b->address.bytes);
			sp->sources[bit / 8] |= (uint8_t)(1u << bit % 8);
		}
	}
	bit = source_bit(packet->family, packet->src);
	return sp->sources[bit / 8] >> bit % 8 & 1;
}

/* The ports are known: from here it is a packet like others. */
static void run_fragment_of(struct sl_slowpath *sp, struct slow_frame *f, const struct sl_fragment *fragment, uint32_t ports,
			    struct sl_slow_verdict *v)
{
	const uint16_t port[2] = { (uint16_t)ports, (uint16_t)(ports >> 16) };

	f->later = fragment->begin;
	v->ports = ports;
	f->key = (struct sl_key){ .tenant = f->tenant, .proto = fragment->proto, .family = fragment->family };
	memcpy(f->key.src, fragment->src, sizeof(f->key.src));
	memcpy(f->key.dst, fragment->dst, sizeof(f->key.dst));
	memcpy(&f->key.sport, &port[0], sizeof(f->key.sport));
	memcpy(&f->key.dport, &port[1], sizeof(f->key.dport));
	if (vip_known(sp, f))
		run_to_vip(sp, f, v);
	else
		run_to_other(sp, f, v);
}

/* ports: of its datagram, if the worker that followed it has told them. */
static void run_fragment(struct sl_slowpath *sp, struct slow_frame *f, const uint32_t *ports, struct sl_slow_verdict *v)
{
	struct sl_packet *packet = f->decap ? &f->headers.inner : &f->headers.outer;
	const bool to_vip = vip_known(sp, f);
	struct sl_fragment fragment;
	enum sl_fragment_fate fate;
	uint32_t own;

	if ((!to_vip && !source_may_be_ours(sp, packet)) || !sl_fragment_read(f->bytes, packet, f->tenant, &fragment)) {
		/* What is not TCP or UDP is the kernel's, as it would be in one piece. */
		if (to_vip && (f->decap || packet->proto == IPPROTO_TCP || packet->proto == IPPROTO_UDP))
			end(sp, f, v, SL_SLOW_DROP, SL_REASON_FRAG_UNSUPPORTED);
		else
			end(sp, f, v, f->decap ? SL_SLOW_DROP : SL_SLOW_KERNEL, SL_REASON_NO_SERVICE);
		return;
	}
	if (ports) {
		run_fragment_of(sp, f, &fragment, *ports, v);
		return;
	}
	if (!owns(sp, XXH32(&fragment, offsetof(struct sl_fragment, begin), 0) % SL_CONN_SHARDS, v))
		return;
	fate = sl_fragments_take(sp->fragments, &fragment, sp->now_ms, &own, &v->datagram);
	if (fate == SL_FRAGMENT_REFUSE)
		end(sp, f, v, SL_SLOW_DROP, SL_REASON_FRAG_OVERLAP);
	else if (fate == SL_FRAGMENT_WAIT)
		v->fate = SL_SLOW_WAIT;
	else
		run_fragment_of(sp, f, &fragment, own, v);
}

/* ---- a frame -------------------------------------------------------------------------------------------------- */

static void run(struct sl_slowpath *sp, struct slow_frame *f, const uint32_t *ports, struct sl_slow_verdict *v)
{
	int reason;

	v->index = SL_CONN_NONE;
	v->datagram = SL_FRAGMENT_NONE;
	v->ports = 0;
	if (f->len < SL_FRAME_MIN || f->len > SL_FRAME_MAX) {
		end(sp, f, v, SL_SLOW_DROP, f->len < SL_FRAME_MIN ? SL_REASON_RUNT : SL_REASON_OVERSIZE);
		return;
	}
	if (f->bytes[0] & 1) {
		end(sp, f, v, SL_SLOW_KERNEL, SL_REASON_KERNEL);
		return;
	}
	if (memcmp(f->bytes, sp->port[f->port].mac, 6)) {
		end(sp, f, v, SL_SLOW_DROP, SL_REASON_MAC_FILTER);
		return;
	}
	reason = sl_parse(sl_window_at(f->bytes), f->len, f->port, SL_SLOW_TUNNELS, &f->headers);
	if (reason) {
		end(sp, f, v, SL_SLOW_DROP, (unsigned int)reason);
		return;
	}
	if (!sl_slow_classify(sp, f) || (!f->packet->family && !f->decap)) {
		end(sp, f, v, SL_SLOW_KERNEL, SL_REASON_KERNEL);
		return;
	}
	reason = sl_key_build(&f->headers, f->tenant, f->decap, &f->key);
	if (!f->packet->family || reason == SL_REASON_TUNNEL_ECN) {
		end(sp, f, v, SL_SLOW_DROP, reason > 0 ? (unsigned int)reason : SL_REASON_TUNNEL_INNER);
	} else if (reason == SL_REASON_FRAGMENT) {
		run_fragment(sp, f, ports, v);
	} else if (vip_known(sp, f)) {
		if (reason)
			run_keyless(sp, f, reason, v);
		else
			run_to_vip(sp, f, v);
	} else if (!reason) {
		run_to_other(sp, f, v);
	} else if (reason == SL_REASON_ICMP_ERROR) {
		sl_slow_icmp_to_client(sp, f, v);
	} else {
		end(sp, f, v, f->decap ? SL_SLOW_DROP : SL_SLOW_KERNEL, SL_REASON_NO_SERVICE);
	}
}

void sl_slowpath_run(struct sl_slowpath *sp, const uint8_t *frame, uint32_t len, unsigned int port, bool copy,
		     struct sl_slow_verdict *v)
{
	struct slow_frame f = { .bytes = frame, .len = len, .port = port, .copy = copy };

	run(sp, &f, NULL, v);
}

void sl_slowpath_run_fragment(struct sl_slowpath *sp, const uint8_t *frame, uint32_t len, unsigned int port, uint32_t ports,
			      struct sl_slow_verdict *v)
{
	struct slow_frame f = { .bytes = frame, .len = len, .port = port };

	run(sp, &f, &ports, v);
}
