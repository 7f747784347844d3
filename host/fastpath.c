/* SPDX-License-Identifier: BSD-3-Clause */
/* See fastpath.h. */
#include "host/fastpath.h"

#include <netinet/in.h>
#include <string.h>

#include "hw/model/action.h"
#include "hw/model/edit.h"
#include "sluice/record.h"

#define TCP_FIN 1
#define TCP_SYN 2
#define TCP_RST 4
#define TCP_ACK 16
/* As host/slowpath parses. */
#define TUNNELS (SL_VXLAN_PORT | SL_TUNNEL_FLAG_GENEVE | SL_TUNNEL_FLAG_GRE | SL_TUNNEL_FLAG_GUE | SL_TUNNEL_FLAG_IPIP)

#define STEP 8u /* frames that are begun one after the other */
#define LAG 24u /* at least so many lie between asking for a bucket and looking at it */

#define INLINE SL_CONN_INLINE

/* ---- look ------------------------------------------------------------------------------------------------------- */

INLINE bool mac_equal(const uint8_t *a, const uint8_t *b)
{
	return sl_load32(a) == sl_load32(b) && sl_load16(a + 4) == sl_load16(b + 4);
}

/* What the frames of a burst have in common, and what was found out about the last of them. */
struct looks {
	struct sl_slowpath *sp;
	const struct sl_conn_table *table;
	uint64_t tenant; /* of frames without a tag or a tunnel */
	bool back;       /* packets to other than VIPs may be on a way back that is this file's */
	struct {
		uint64_t address[2];
		unsigned int family; /* 0: nothing remembered */
		bool vip;
	} last; /* destination; most packets of a burst are to the same */
};

/* The last word of a key. It is made in a register: read in words what was just written in pieces, it would wait for memory. */
INLINE uint64_t last_word(uint64_t ports, uint64_t tenant, uint64_t proto, uint64_t family)
{
	return ports | tenant << 32 | proto << 48 | family << 56;
}
_Static_assert(offsetof(struct sl_key, tenant) == 36 && offsetof(struct sl_key, proto) == 38 &&
	       offsetof(struct sl_key, family) == 39, "as last_word() makes it");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "as last_word() makes it");

/* Whether the packet is on its way to a VIP. */
INLINE bool to_vip(struct looks *looks, const struct sl_conn_lookup *l, unsigned int family)
{
	if (looks->last.address[0] != l->word[2] || looks->last.address[1] != l->word[3] || looks->last.family != family) {
		looks->last.address[0] = l->word[2];
		looks->last.address[1] = l->word[3];
		looks->last.family = family;
		looks->last.vip = sl_services_has_vip(looks->sp->services, l->key.tenant, family, l->key.dst);
	}
	return looks->last.vip;
}

/* Hash, and ask for the bucket, of a frame whose key is known. False: not for the short cut. */
INLINE bool key_begin(struct looks *looks, struct sl_fast_frame *f, unsigned int family)
{
	struct sl_conn_lookup *l = &f->lookup;
	const uint64_t *client = &l->word[0];
	uint64_t port = f->plain.ports;

	f->ip_len = family == 4 ? 20 : 40;
	l->back = !to_vip(looks, l, family);
	if (l->back) {
		if (!looks->back)
			return false;
		client = &l->word[2];
		port >>= 16;
	}
	l->shard = (uint8_t)sl_conn_client_shard(looks->table, client, port & 0xffff, looks->tenant);
	if (!(looks->sp->shards >> l->shard & 1)) {
		f->other = true;
		return false;
	}
	sl_conn_lookup_begin(looks->table, l, family == 4);
	return true;
}

/* Parse, hash, and ask for the bucket. False: not for the short cut. */
INLINE bool frame_begin(struct looks *looks, struct sl_fast_frame *f)
{
	const uint8_t *const data = f->data;
	struct sl_conn_lookup *l = &f->lookup;

	l->index = SL_CONN_NONE;
	f->shed = f->other = false;
	if (!f->fit || f->len < SL_FRAME_MIN || f->len > SL_FRAME_MAX || !mac_equal(data, looks->sp->port[f->port].mac))
		return false;
	if (sl_plain4(data, f->len, TUNNELS, &f->plain)) {
		l->word[0] = sl_load32(data + 26);
		l->word[2] = sl_load32(data + 30);
		l->word[1] = l->word[3] = 0;
		l->word[4] = last_word(f->plain.ports, looks->tenant, f->plain.proto, 4);
		return key_begin(looks, f, 4);
	}
	if (f->len < SL_PLAIN6_BYTES || !sl_plain6(data, f->len, TUNNELS, &f->plain))
		return false;
	for (unsigned int i = 0; i < 4; i++)
		l->word[i] = sl_load64(data + 22 + 8 * i);
	l->word[4] = last_word(f->plain.ports, looks->tenant, f->plain.proto, 6);
	return key_begin(looks, f, 6);
}

/* Frames whose bucket was asked for, in two rows: those that it was not looked at yet, and those that are in their second one if in any. */
struct rows {
	struct sl_conn_lookup *begun[SL_FAST_BURST], *late[SL_FAST_BURST];
	unsigned int begun_count, late_count, looked;
};

/* At the buckets of all that were begun before the last `lag` ones. */
INLINE void buckets_look(const struct sl_conn_table *t, struct rows *r, unsigned int lag)
{
	for (; r->looked + lag < r->begun_count; r->looked++) {
		struct sl_conn_lookup *l = r->begun[r->looked];

		if (sl_conn_lookup_bucket(t, l))
			continue;
		sl_conn_lookup_late(t, l);
		r->late[r->late_count++] = l;
	}
}

void sl_fastpath_begin(struct sl_slowpath *sp, struct sl_fast_burst *burst)
{
	struct looks looks = { .sp = sp, .table = sp->table, .tenant = sp->services->tenants[0].id };
	struct rows rows;

	rows.begun_count = rows.late_count = rows.looked = 0;
	/* A VIP that is no longer configured may still be one to the slow path. */
	looks.back = sp->table->two_way && sp->retired_generation == sp->services->generation && !sp->any_retired;
	burst->caps = sp->capable ? sp->capable() : 0;
	/* Buckets are looked at some frames later, between others, so that what is asked of memory is spread over the time. */
	for (unsigned int i = 0; i < burst->count;) {
		const unsigned int until = i + STEP < burst->count ? i + STEP : burst->count;

		for (; i < until; i++) {
			struct sl_fast_frame *f = &burst->frame[i];

			f->fit = frame_begin(&looks, f);
			rows.begun[rows.begun_count] = &f->lookup;
			rows.begun_count += f->fit;
		}
		buckets_look(looks.table, &rows, LAG);
	}
	buckets_look(looks.table, &rows, 0);
	for (unsigned int i = 0; i < rows.late_count; i++)
		sl_conn_lookup_bucket(looks.table, rows.late[i]);
}

static void shed_count(struct sl_slowpath *sp, uint32_t len)
{
	sp->stats->reason_packets[SL_REASON_OVERLOAD]++;
	sp->stats->reason_bytes[SL_REASON_OVERLOAD] += len;
}

/* It is looked at only as far as this needs; what is wrong with it would not save it. Fragments have no ports, and so are left to the
 * slow path. */
bool sl_fastpath_sheds(struct sl_slowpath *sp, const uint8_t *data, uint32_t len, uint32_t frame_len, unsigned int port)
{
	uint64_t dst[2] = { 0, 0 };
	unsigned int family, proto;
	const uint8_t *l4;
	uint32_t id, level;

	if (len < SL_FRAME_MIN || !mac_equal(data, sp->port[port].mac))
		return false;
	if (sl_load16(data + 12) == 0x0008 && data[14] == 0x45 && !(sl_load16(data + 20) & 0xff3f)) {
		family = 4;
		proto = data[23];
		dst[0] = sl_load32(data + 30);
		l4 = data + 34;
	} else if (sl_load16(data + 12) == 0xdd86 && len >= SL_PLAIN6_BYTES) {
		family = 6;
		proto = data[20];
		dst[0] = sl_load64(data + 38);
		dst[1] = sl_load64(data + 46);
		l4 = data + 54;
	} else {
		return false;
	}
	id = sl_shed_find(sp->shed, sp->services, family, dst, proto, sl_load16(l4 + 2));
	level = id ? sp->shed->service[id].level : 0;
	if (level == 0 || !(sl_shed_early(sp->shed, level) || (proto == IPPROTO_TCP && (l4[13] & (TCP_SYN | TCP_ACK)) == TCP_SYN &&
							      sl_shed_late(sp->shed, id, level))))
		return false;
	sl_shed_dropped(sp->shed, id);
	shed_count(sp, frame_len);
	return true;
}

/* The service that the frame is to; 0: none. */
static uint32_t shed_service(struct sl_slowpath *sp, const struct sl_fast_frame *f)
{
	return sl_shed_find(sp->shed, sp->services, f->ip_len == 20 ? 4 : 6, &f->lookup.word[2], f->plain.proto,
			    (uint16_t)(f->plain.ports >> 16));
}

/* Whether to drop a frame that was looked up, and is of no connection. SYNs had their turn. */
static bool shed_missed(struct sl_slowpath *sp, const struct sl_fast_frame *f)
{
	const bool syn = (f->plain.tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
	const uint32_t id = syn ? 0 : shed_service(sp, f);

	if (!id || !sl_shed_late(sp->shed, id, sp->shed->service[id].level))
		return false;
	sl_shed_missed(sp->shed, id);
	shed_count(sp, f->len);
	return true;
}

/* Whether to drop a frame that another worker would have to run, and is behind with. */
static bool shed_over(struct sl_slowpath *sp, const struct sl_fast_frame *f)
{
	struct sl_shed *const owner = sp->shed_of[f->lookup.shard];
	const uint32_t id = sl_shed_any(owner) ? shed_service(sp, f) : 0;

	if (!id || !sl_shed_over(sp->shed, owner, id, (f->plain.tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN))
		return false;
	shed_count(sp, f->len);
	return true;
}

/* ---- act -------------------------------------------------------------------------------------------------------- */

/* Whether the slow path would find nothing about the connection to change but its counters and time, by its service's policy. */
INLINE bool settled(const struct sl_conn *conn, const struct sl_config_offload *policy, uint32_t caps)
{
	if (conn->state != SL_CONN_ESTABLISHED || conn->offload != SL_CONN_SOFTWARE ||
	    conn->flags & (SL_CONN_UNPROVEN | SL_CONN_DOOMED | SL_CONN_EVICTED))
		return false;
	if (policy->policy == SL_OFFLOAD_NEVER)
		return conn->flags & SL_CONN_NEVER;
	if (caps || !(conn->flags & SL_CONN_NO_CARD))
		return false;
	if (conn->proto == IPPROTO_UDP)
		return conn->sw_packets + 1 >= policy->udp_packets;
	return policy->policy != SL_OFFLOAD_PACKETS || conn->sw_packets + 1 >= policy->packets;
}

/* len: 14 at least. In words, as the compiler would move single bytes; the last one lies over the end of those before. */
INLINE void put_words(uint8_t *to, const uint8_t *from, uint32_t len)
{
	for (uint32_t i = 0; i + 8 <= len; i += 8)
		sl_store64(to + i, sl_load64(from + i));
	sl_store64(to + len - 8, sl_load64(from + len - 8));
}

/* The usual lengths without a loop. */
INLINE void put_header(uint8_t *to, const struct sl_action *action)
{
	if (action->hdr_len == 14)
		put_words(to, action->hdr, 14);
	else if (action->hdr_len == 34)
		put_words(to, action->hdr, 34);
	else
		put_words(to, action->hdr, action->hdr_len);
}

/* Whether the frame may leave by the action, whose room is known: what sl_action_check() asks. */
INLINE bool may_leave(const struct sl_slowpath *sp, const struct sl_fast_frame *f, const struct sl_action *action, uint32_t room)
{
	return f->plain.l3_len <= room && f->plain.ttl > 1 && sp->port[action->port].up;
}

/* The frame begins with `head` from now on. */
INLINE void left(struct sl_fast_frame *f, const struct sl_action *action, uint8_t *head, uint32_t hdr_len)
{
	f->data = head;
	f->len = hdr_len + f->plain.l3_len;
	f->port = action->port;
}

/* Rewrites and encapsulates the frame where it lies. */
INLINE void leave(const struct sl_slowpath *sp, struct sl_fast_frame *f, const struct sl_action *action,
		  const struct sl_record *record)
{
	uint8_t *const ip = f->data + 14, *const head = ip - action->hdr_len;

	put_header(head, action);
	if (f->ip_len == 20)
		sl_edit_ipv4(ip, f->plain.tos, record);
	else
		sl_edit_ipv6(ip, f->plain.tos, record);
	sl_edit_l4(ip + f->ip_len, f->plain.proto, record);
	if (action->flags & (SL_ACTION_FLAG_OUTER_V4 | SL_ACTION_FLAG_OUTER_V6)) {
		const uint64_t hash = action->flags & SL_ACTION_FLAG_OUTER_UDP ? sl_hash_key(&f->lookup.key, &sp->entropy) : 0;

		sl_edit_outer(head + action->l3_off, head + action->l4_off, action, record, f->plain.tos, f->plain.l3_len, hash);
	}
	left(f, action, head, action->hdr_len);
}

static const struct sl_record untranslated = { .flags = SL_RECORD_FLAG_DEC_TTL | SL_RECORD_FLAG_COPY_ECN };

static __attribute__((noinline)) void leave_untranslated(const struct sl_slowpath *sp, struct sl_fast_frame *f,
							 const struct sl_action *action)
{
	leave(sp, f, action, &untranslated);
}

/* leave() without NAT, by Ethernet or IP in IPv4. */
INLINE bool leave_quickly(struct sl_fast_frame *f, const struct sl_action *action)
{
	uint8_t *const ip = f->data + 14;

	if (sl_edit_is_ipip(action)) {
		sl_edit_ipip(ip - SL_EDIT_IPIP_BYTES, action->hdr, sl_edit_copied(&untranslated), f->plain.tos, f->plain.l3_len);
		left(f, action, ip - SL_EDIT_IPIP_BYTES, SL_EDIT_IPIP_BYTES);
	} else if (action->hdr_len == 14) {
		put_words(ip - 14, action->hdr, 14);
		left(f, action, ip - 14, 14);
	} else {
		return false;
	}
	if (f->ip_len == 20)
		sl_edit_hop(ip);
	else
		ip[7]--;
	return true;
}

INLINE void count(struct sl_slowpath *sp, struct sl_conn *conn, uint32_t index, uint32_t len)
{
	struct sl_slow_backend *b = &sp->backends[conn->backend_id];

	sl_conn_count(conn, &sp->table->rest[index], len);
	b->packets++;
	b->bytes += len;
	sp->stats->reason_packets[SL_REASON_SOFTWARE]++;
	sp->stats->reason_bytes[SL_REASON_SOFTWARE] += len;
}

/* A frame of len bytes that leaves may change its connection, or bring it into the card. */
static __attribute__((noinline)) bool gone_unsettled(struct sl_slowpath *sp, const struct sl_fast_frame *f, uint32_t len, unsigned int came_by,
						     const struct sl_service *service)
{
	const uint32_t index = f->lookup.index;

	sl_slowpath_follow(sp, index, f->plain.tcp_flags, NULL, f->lookup.back, service);
	count(sp, &sp->table->entries[index], index, len);
	if (sp->shed && sp->shed->count)
		sl_shed_found(sp->shed, service->id);
	sl_slowpath_consider(sp, index, service, came_by);
	return true;
}

/* A frame of len bytes that came by this port leaves: its connection follows it, and it is counted. */
INLINE bool gone(struct sl_slowpath *sp, const struct sl_fast_frame *f, uint32_t len, unsigned int came_by, struct sl_conn *conn,
		 const struct sl_service *service, uint32_t caps)
{
	if (f->plain.tcp_flags & (TCP_FIN | TCP_RST) || !settled(conn, &service->offload, caps))
		return gone_unsettled(sp, f, len, came_by, service);
	conn->last_seen_ms = (uint32_t)sp->now_ms;
	count(sp, conn, f->lookup.index, len);
	if (sp->shed && sp->shed->count)
		sl_shed_found(sp->shed, service->id);
	return true;
}

/* To the client, as the connection's last frame from it came. */
static __attribute__((noinline)) bool run_back(struct sl_slowpath *sp, struct sl_fast_frame *f, struct sl_conn *conn,
					       const struct sl_service *service, uint32_t caps)
{
	const struct sl_conn_nat *const nat = &sp->table->nat[f->lookup.index];
	const uint32_t len = f->len, came_by = f->port;
	struct sl_egress_port port;
	struct sl_action action;
	struct sl_record record;
	struct sl_key key;

	if (sl_slowpath_wants_tcp(conn) || !sl_egress_return_port(sp->services, conn, nat, &port))
		return false;
	sl_egress_return_action(conn, nat, &port, &action);
	if (!may_leave(sp, f, &action, sl_action_room(&action)))
		return false;
	sl_slowpath_record(sp->table, f->lookup.index, true, &key, &record);
	leave(sp, f, &action, &record);
	return gone(sp, f, len, came_by, conn, service, caps);
}

/* To a backend in mode nat or fullnat; the frame may leave. */
static __attribute__((noinline)) bool run_nat(struct sl_slowpath *sp, struct sl_fast_frame *f, struct sl_conn *conn,
					      const struct sl_action *action, const struct sl_service *service, uint32_t caps)
{
	const uint32_t len = f->len, came_by = f->port;
	struct sl_record record;
	struct sl_key key;

	if (sl_slowpath_wants_tcp(conn))
		return false;
	sl_slowpath_record(sp->table, f->lookup.index, false, &key, &record);
	sl_conn_set_last_hop(&sp->table->nat[f->lookup.index], f->data + 6, f->port);
	leave(sp, f, action, &record);
	return gone(sp, f, len, came_by, conn, service, caps);
}

/* Of no connection that was found. */
static __attribute__((noinline)) bool run_missed(struct sl_slowpath *sp, struct sl_fast_frame *f)
{
	if (sp->shed && !f->lookup.back)
		f->shed = f->other ? sp->shed_of && shed_over(sp, f) : f->fit && sp->shed->count && shed_missed(sp, f);
	return false;
}

bool sl_fastpath_run(struct sl_slowpath *sp, struct sl_fast_burst *burst, unsigned int n)
{
	struct sl_fast_frame *f = &burst->frame[n];
	const uint32_t len = f->len, index = f->lookup.index, came_by = f->port;
	const struct sl_backend *backend;
	const struct sl_egress *egress;
	struct sl_conn *conn;

	if (index == SL_CONN_NONE)
		return run_missed(sp, f);
	if (f->plain.tcp_flags & TCP_SYN || !sl_conn_lookup_found(sp->table, &f->lookup))
		return false;
	conn = &sp->table->entries[index];
	backend = sl_services_backend(sp->services, conn->backend_id);
	if (conn->state == SL_CONN_FREE || !backend)
		return false;
	if (f->lookup.back)
		return run_back(sp, f, conn, backend->service, burst->caps);
	egress = sl_egress_of(conn->backend_id);
	if (!egress || !may_leave(sp, f, &egress->action, egress->room))
		return false;
	if (sl_mode_nat(backend->mode))
		return run_nat(sp, f, conn, &egress->action, backend->service, burst->caps);
	if (!leave_quickly(f, &egress->action))
		leave_untranslated(sp, f, &egress->action);
	return gone(sp, f, len, came_by, conn, backend->service, burst->caps);
}
