/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * The flow table's readers, and the short cut for frames of flows that were classified before: plain ones (hw/model/plain.h) whose
 * flow has a memo for such frames. It ends like all stages would, or does nothing and lets them work. Part of sluice.bpf.c.
 */
#ifndef SLUICE_XDP_FAST_H
#define SLUICE_XDP_FAST_H

#include "hw/xdp/maps.h"

#include <bpf/bpf_core_read.h>

#include "hw/model/plain.h"
#include "hw/model/sip.h"
#include "hw/xdp/send.h"

#define NOT_FAST (-1)
#define NOT_KNOWN (-2) /* likewise, as a plain frame's flow is not in the table */

/* The kernel's own view of the frame, where it gives it to programs (6.2 and later): read without a call. */
struct xdp_buff {
	uint32_t flags;
} __attribute__((preserve_access_index));

extern void *bpf_cast_to_kern_ctx(void *ctx) __ksym __weak;

enum xdp_buff_flags { XDP_FLAGS_HAS_FRAGS = 1 };

/* Whether the frame is in several buffers; contiguous: bytes of the first. */
static __always_inline bool in_parts(struct xdp_md *ctx, uint32_t contiguous)
{
	if (bpf_cast_to_kern_ctx) {
		const struct xdp_buff *buff = bpf_cast_to_kern_ctx(ctx);

		return buff->flags & bpf_core_enum_value(enum xdp_buff_flags, XDP_FLAGS_HAS_FRAGS);
	}
	return bpf_xdp_get_buff_len(ctx) != contiguous;
}

/* As sl_ingress_ports_up(), of one port. */
static __always_inline bool port_up(const struct sl_pipeline_config *config, uint32_t port)
{
	return port < SL_PORTS_MAX && port < config->ports && (config->filter.port_flags[port] & SL_PORT_FLAG_ENABLE);
}

/* A flow's entry: v4 or v6 is NULL. */
struct found {
	struct sl_xdp_hit *hit;
	struct sl_xdp_flow4 *v4;
	struct sl_xdp_flow6 *v6;
	uint32_t index; /* of the entry in its table */
};

static __always_inline uint32_t time_ms(const struct sl_xdp_config *c)
{
	return c->time_ms ? c->time_ms : (uint32_t)(bpf_jiffies64() * c->time_mul >> 16);
}

/* Whether the frame is to the port's own address: the six bytes with the two beside them, which are shifted out. */
static __always_inline bool is_own(const uint8_t *frame, const struct sl_xdp_config *c)
{
	return ((sl_load64(frame) << 16) ^ sl_load64(&c->generation)) >> 16 == 0;
}

_Static_assert(offsetof(struct sl_xdp_config, mac) == offsetof(struct sl_xdp_config, generation) + 2, "one word");

static __always_inline void nat_record(const struct sl_xdp_nat4 *nat, struct sl_record *record)
{
	sl_store32(record->new_src, nat->new_src);
	sl_store32(record->new_dst, nat->new_dst);
	record->new_sport = nat->new_sport;
	record->new_dport = nat->new_dport;
	record->l3_delta = nat->l3_delta;
	record->l4_delta = nat->l4_delta;
}

/* The bucket's four tags in one word: one load, so that those of both banks are under way together. */
static __always_inline uint64_t load_tags(const struct sl_xdp_hit *hit)
{
	return *(const volatile uint64_t *)hit->tag;
}

static __always_inline uint32_t load_what(const struct sl_xdp_hit *hit)
{
	return *(const volatile uint32_t *)&hit->what;
}

static __always_inline bool is_flow4(const struct sl_xdp_flow4 *flow, uint64_t addresses, uint64_t word)
{
	return flow->word == word && ((uint64_t)flow->dst << 32 | flow->src) == addresses;
}

static __always_inline struct sl_xdp_flow4 *way4(struct sl_xdp_bucket4 *bucket, uint64_t tags, uint64_t tag,
						 uint64_t addresses, uint64_t word, uint32_t *way)
{
#pragma unroll
	for (uint32_t i = 0; i < SL_XDP_WAYS; i++) {
		struct sl_xdp_flow4 *flow = &bucket->way[i];

		if ((tags >> 16 * i & 0xffff) != tag || !is_flow4(flow, addresses, word))
			continue;
		*way = i;
		return flow;
	}
	return NULL;
}

static __always_inline bool find4(const struct sl_xdp_config *c, uint64_t addresses, uint64_t word, struct found *f)
{
	const struct sl_xdp_hash h = sl_xdp_hash4(&c->seed, addresses, word, c->log2_v4);
	struct sl_xdp_bucket4 *first = bpf_map_lookup_elem(&flows4, &h.bucket[0]);
	struct sl_xdp_bucket4 *second = bpf_map_lookup_elem(&flows4, &h.bucket[1]);
	uint64_t tags[2];
	uint32_t way = h.way;

	if (!first || !second)
		return false;
	f->v6 = NULL;
	f->v4 = &second->way[h.way];
	f->index = SL_XDP_WAYS * h.bucket[1] + h.way;
	tags[1] = *(const volatile uint64_t *)&f->v4->word; /* under way while the other is looked at */
	if (is_flow4(&first->way[h.way], addresses, word)) {
		f->v4 = &first->way[h.way];
		f->index = SL_XDP_WAYS * h.bucket[0] + h.way;
	} else if (tags[1] != word || !is_flow4(f->v4, addresses, word)) {
		tags[0] = load_tags(&first->way[0].hit);
		tags[1] = load_tags(&second->way[0].hit);
		f->v4 = way4(second, tags[1], sl_xdp_tag(&h), addresses, word, &way);
		f->index = SL_XDP_WAYS * h.bucket[1] + way;
		if (!f->v4) {
			f->v4 = way4(first, tags[0], sl_xdp_tag(&h), addresses, word, &way);
			f->index = SL_XDP_WAYS * h.bucket[0] + way;
		}
	}
	if (!f->v4)
		return false;
	f->hit = &f->v4->hit;
	return true;
}

static __always_inline bool is_flow6(const struct sl_xdp_flow6 *flow, const uint64_t *addresses, uint64_t word)
{
	return flow->word == word && ((flow->src[0] ^ addresses[0]) | (flow->src[1] ^ addresses[1]) |
				      (flow->dst[0] ^ addresses[2]) | (flow->dst[1] ^ addresses[3])) == 0;
}

static __always_inline struct sl_xdp_flow6 *way6(struct sl_xdp_bucket6 *bucket, uint64_t tags, uint64_t tag,
						 const uint64_t *addresses, uint64_t word, uint32_t *way)
{
#pragma unroll
	for (uint32_t i = 0; i < SL_XDP_WAYS; i++) {
		struct sl_xdp_flow6 *flow = &bucket->way[i];

		if ((tags >> 16 * i & 0xffff) != tag || !is_flow6(flow, addresses, word))
			continue;
		*way = i;
		return flow;
	}
	return NULL;
}

static __always_inline bool find6(const struct sl_xdp_config *c, const uint64_t *addresses, uint64_t word,
				  struct found *f)
{
	const struct sl_xdp_hash h = sl_xdp_hash6(&c->seed, addresses, word, c->log2_v6);
	struct sl_xdp_bucket6 *first = bpf_map_lookup_elem(&flows6, &h.bucket[0]);
	struct sl_xdp_bucket6 *second = bpf_map_lookup_elem(&flows6, &h.bucket[1]);
	uint64_t tags[2];
	uint32_t way = h.way;

	if (!first || !second)
		return false;
	f->v4 = NULL;
	f->v6 = &second->way[h.way];
	f->index = SL_XDP_WAYS * h.bucket[1] + h.way;
	tags[1] = *(const volatile uint64_t *)&f->v6->word; /* under way while the other is looked at */
	if (is_flow6(&first->way[h.way], addresses, word)) {
		f->v6 = &first->way[h.way];
		f->index = SL_XDP_WAYS * h.bucket[0] + h.way;
	} else if (tags[1] != word || !is_flow6(f->v6, addresses, word)) {
		tags[0] = load_tags(&first->way[0].hit);
		tags[1] = load_tags(&second->way[0].hit);
		f->v6 = way6(second, tags[1], sl_xdp_tag(&h), addresses, word, &way);
		f->index = SL_XDP_WAYS * h.bucket[1] + way;
		if (!f->v6) {
			f->v6 = way6(first, tags[0], sl_xdp_tag(&h), addresses, word, &way);
			f->index = SL_XDP_WAYS * h.bucket[0] + way;
		}
	}
	if (!f->v6)
		return false;
	f->hit = &f->v6->hit;
	return true;
}

/* For the stages: a function of its own, whose stack is free again when they go on. */
static __noinline bool find_flow(const struct sl_xdp_config *c, const struct sl_key *key, struct found *f)
{
	const uint64_t word = sl_load64(&key->sport);
	const uint64_t addresses[4] = { sl_load64(key->src), sl_load64(key->src + 8), sl_load64(key->dst), sl_load64(key->dst + 8) };

	if (key->family == 4)
		return find4(c, (addresses[0] & 0xffffffff) | addresses[2] << 32, word, f);
	return find6(c, addresses, word, f);
}

/* See sluice/xdp_flow.h. */
static __always_inline void count_hit(uint32_t *owner, uint64_t *packets, uint64_t *bytes, void *foreign, uint32_t index,
				      uint32_t len)
{
	const uint32_t me = bpf_get_smp_processor_id() + 1;
	struct sl_xdp_foreign *others;

	if (*owner == me || (*owner == 0 && __sync_val_compare_and_swap(owner, 0, me) == 0)) {
		++*packets;
		*bytes += len;
		return;
	}
	others = bpf_map_lookup_elem(foreign, &index);
	if (others) {
		__sync_fetch_and_add(&others->packets, 1);
		__sync_fetch_and_add(&others->bytes, len);
	}
}

static __always_inline void count_flow(struct found *f, uint32_t len, uint32_t now_ms)
{
	if (f->v4)
		count_hit(&f->v4->owner, &f->v4->packets, &f->v4->bytes, &foreign4, f->index, len);
	else if (f->v6)
		count_hit(&f->v6->owner, &f->v6->packets, &f->v6->bytes, &foreign6, f->index, len);
	if (f->hit->last_seen_ms != now_ms)
		f->hit->last_seen_ms = now_ms;
}

/* Counts a frame that leaves, and says how. */
static __always_inline int leave(const struct sl_xdp_config *c, struct found *f, uint32_t what, uint32_t port, uint32_t frame_len)
{
	count_flow(f, frame_len, time_ms(c));
	count(&reason_count, SL_REASON_FORWARDED, frame_len);
	count(&rule_count, sl_xdp_rule(what), frame_len);
	return port == c->port ? XDP_TX : (int)bpf_redirect_map(&ports, port, XDP_ABORTED);
}

/* Of an action: sl_xdp_room(). */
static __always_inline const uint32_t *room_of(const struct sl_action *action)
{
	return &action->reserved1;
}

/* send_on() for these, without NAT: all offsets are constants. */
static __always_inline int send_ipip(struct xdp_md *ctx, const struct sl_xdp_config *c, struct found *f, const struct sl_plain *p,
				     uint32_t ip_len, uint32_t frame_len, const struct sl_action *action, uint32_t what)
{
	const struct sl_record record = { .flags = sl_xdp_flags(what) };
	const uint8_t *end;
	uint8_t *data, *ip;

	if (bpf_xdp_adjust_head(ctx, 14 - SL_EDIT_IPIP_BYTES))
		return NOT_FAST;
	if (14 + p->l3_len != frame_len && bpf_xdp_adjust_tail(ctx, (int)(14 + p->l3_len) - (int)frame_len))
		return XDP_ABORTED;
	data = (uint8_t *)(long)ctx->data;
	end = (const uint8_t *)(long)ctx->data_end;
	ip = data + SL_EDIT_IPIP_BYTES;
	if (ip + ip_len > end)
		return XDP_ABORTED;
	sl_edit_ipip(data, action->hdr, sl_edit_copied(&record), p->tos, p->l3_len);
	if (record.flags & SL_RECORD_FLAG_DEC_TTL) {
		if (ip_len == 20)
			sl_edit_hop(ip);
		else
			ip[7]--;
	}
	return leave(c, f, what, action->port, frame_len);
}

/* The entry at a place, of the family that has such headers. */
static __always_inline bool found_at(uint32_t place, uint32_t ip_len, struct found *f)
{
	const uint32_t index = place / SL_XDP_WAYS;
	const uint64_t way = opaque(place % SL_XDP_WAYS);

	f->index = place;
	if (ip_len == 20) {
		struct sl_xdp_bucket4 *bucket = bpf_map_lookup_elem(&flows4, &index);

		if (!bucket)
			return false;
		f->v4 = &bucket->way[way % SL_XDP_WAYS];
		f->hit = &f->v4->hit;
	} else {
		struct sl_xdp_bucket6 *bucket = bpf_map_lookup_elem(&flows6, &index);

		if (!bucket)
			return false;
		f->v6 = &bucket->way[way % SL_XDP_WAYS];
		f->hit = &f->v6->hit;
	}
	return true;
}

/* A frame that leaves, for send_rest(). */
struct leaving {
	uint32_t place, what, frame_len, l3_len;
	uint8_t proto, tos;
};

/* As send_ipip(), by any action; a function of its own, so that the stack that it takes is not there while stages run. */
static __noinline int send_rest(struct xdp_md *ctx, const struct sl_xdp_config *c, const struct leaving *l, uint32_t ip_len)
{
	const uint32_t index = sl_xdp_action(l->what);
	const struct sl_action *action = bpf_map_lookup_elem(&actions, &index);
	const struct sl_plain p = { .l3_len = l->l3_len, .proto = l->proto, .tos = l->tos };
	struct found flow = { 0 }, *f = &flow;
	struct sl_record record = { .flags = sl_xdp_flags(l->what) };
	uint64_t hash = 0;
	uint32_t hdr_len;

	if (!action || !found_at(l->place, ip_len, f))
		return NOT_FAST;
	hdr_len = action->hdr_len;
	if (hdr_len < 14 || hdr_len > SL_ACTION_HDR_BYTES || !(action->flags & SL_ACTION_FLAG_VALID)) /* (never) */
		return NOT_FAST;
	if (f->v4 && record.flags & (SL_RECORD_FLAG_NAT_SRC | SL_RECORD_FLAG_NAT_DST)) {
		const struct sl_xdp_nat4 *nat = bpf_map_lookup_elem(&nat4, &f->index);

		if (!nat)
			return NOT_FAST;
		nat_record(nat, &record);
	} else if (f->v6 && record.flags & (SL_RECORD_FLAG_NAT_SRC | SL_RECORD_FLAG_NAT_DST)) {
		sl_edit_address(record.new_src, f->v6->new_src);
		sl_edit_address(record.new_dst, f->v6->new_dst);
		record.new_sport = f->v6->new_sport;
		record.new_dport = f->v6->new_dport;
		record.l4_delta = f->v6->l4_delta;
	}
	if (hdr_len != 14 && bpf_xdp_adjust_head(ctx, 14 - (int)hdr_len))
		return NOT_FAST;
	if (14 + p.l3_len != l->frame_len && bpf_xdp_adjust_tail(ctx, (int)(14 + p.l3_len) - (int)l->frame_len))
		return XDP_ABORTED;
	if (action->flags & SL_ACTION_FLAG_OUTER_UDP) /* from the flow's hash, as a card has it */
		hash = f->v4 ? sl_sip_ipv4(&c->pipeline.seed, (uint64_t)f->v4->dst << 32 | f->v4->src, f->v4->word)
			     : sl_sip_ipv6(&c->pipeline.seed, f->v6->src, f->v6->dst, f->v6->word);
	if (!put_header(ctx, action, hdr_len) || !edit_frame(ctx, action, &record, &p, ip_len, hash))
		return XDP_ABORTED;
	return leave(c, f, l->what, action->port, l->frame_len);
}

/* The frame leaves; NOT_FAST if this is not for here, with the frame untouched. */
static __always_inline int send_on(struct xdp_md *ctx, const struct sl_xdp_config *c, struct found *f, const struct sl_plain *p,
				   uint32_t ip_len, uint32_t frame_len)
{
	const uint32_t what = load_what(f->hit), index = sl_xdp_action(what);
	const struct sl_action *action = bpf_map_lookup_elem(&actions, &index);

	if (!action || p->l3_len > *room_of(action) || (action->port != c->port && !port_up(&c->pipeline, c->port)))
		return NOT_FAST;
	if (sl_edit_is_ipip(action) && !(sl_xdp_flags(what) & (SL_RECORD_FLAG_NAT_SRC | SL_RECORD_FLAG_NAT_DST)))
		return send_ipip(ctx, c, f, p, ip_len, frame_len, action, what);
	struct leaving l = { f->index, what, frame_len, p->l3_len, p->proto, p->tos };

	return send_rest(ctx, c, &l, ip_len);
}

/* Whether rules may name a plain frame of port_bit: see hw/xdp/named.h. dst, src: of its addresses. */
static __always_inline bool is_named(const struct sl_xdp_config *c, const struct sl_xdp_named *n, uint32_t ports,
				     const struct sl_plain *p, uint32_t dst, uint32_t src)
{
	return sl_xdp_named_bit(n->bits[SL_XDP_SIDE_DST], dst) || sl_xdp_named_bit(n->bits[SL_XDP_SIDE_SRC], src) ||
	       !(ports >> (c->port & 7) & 1) || (p->tcp_flags & n->tcp_flags) || p->ttl <= c->ttl_max || c->generation == 0;
}

/*
 * What becomes of a plain frame to the port's own address that no rule names: the kernel's, unless that has a limit (meter 0),
 * or a socket takes it, or the port is not enabled; then NOT_FAST.
 */
static __always_inline int pass_on(struct xdp_md *ctx, const struct sl_xdp_config *c, uint32_t frame_len)
{
	const uint32_t zero = 0, queue = ctx->rx_queue_index, key = c->port * SL_XDP_QUEUES + queue;
	const struct sl_punt_meter *meter = bpf_map_lookup_elem(&meters, &zero);

	if (!meter || meter->rate != 0 || !c->pipeline.enabled || !port_up(&c->pipeline, c->port))
		return NOT_FAST;
	if (!c->kernel_pass && queue < SL_XDP_QUEUES && bpf_map_lookup_elem(&xsks, &key))
		return NOT_FAST;
	count(&reason_count, SL_REASON_KERNEL, frame_len);
	return XDP_PASS;
}

/* XDP's verdict, or NOT_FAST or NOT_KNOWN with nothing done. Frames in several buffers are left to the stages: `end` is that of the first. */
static __always_inline int fast_path(struct xdp_md *ctx, const struct sl_xdp_config *c)
{
	const uint8_t *const data = (const uint8_t *)(long)ctx->data;
	const uint8_t *const end = (const uint8_t *)(long)ctx->data_end;
	const uint32_t frame_len = (uint32_t)(end - data), tunnels = c->pipeline.tunnels, zero = 0;
	const struct sl_xdp_named *names = bpf_map_lookup_elem(&named, &zero);
	struct found f;
	struct sl_plain p;
	uint64_t word;

	if (!names || data + SL_PLAIN4_BYTES > end || frame_len < SL_FRAME_MIN || frame_len > SL_FRAME_MAX ||
	    in_parts(ctx, frame_len) || !is_own(data, c))
		return NOT_FAST;
	if (sl_plain4(data, frame_len, tunnels, &p)) {
		const uint64_t addresses = sl_load64(data + 26);

		if (!is_named(c, names, names->ports4, &p, sl_xdp_named4((uint32_t)(addresses >> 32)), sl_xdp_named4((uint32_t)addresses)))
			return pass_on(ctx, c, frame_len);
		word = SL_XDP_WORD(p.ports, 0, c->tenant, p.proto, 4);
		if (!find4(c, addresses, word, &f))
			return NOT_KNOWN;
		if (p.ttl <= c->ttl_max ||
		    f.hit->memo != sl_xdp_memo(c->generation, c->port, p.tcp_flags & c->tcp_flags))
			return NOT_FAST;
		return send_on(ctx, c, &f, &p, 20, frame_len);
	}
	if (data + SL_PLAIN6_BYTES > end)
		return NOT_FAST;
	if (sl_plain6(data, frame_len, tunnels, &p)) {
		const uint64_t addresses[4] = { sl_load64(data + 22), sl_load64(data + 30), sl_load64(data + 38), sl_load64(data + 46) };

		if (!is_named(c, names, names->ports6, &p, sl_xdp_named6(addresses[2], addresses[3]),
			      sl_xdp_named6(addresses[0], addresses[1])))
			return pass_on(ctx, c, frame_len);
		word = SL_XDP_WORD(p.ports, 0, c->tenant, p.proto, 6);
		if (!find6(c, addresses, word, &f))
			return NOT_KNOWN;
		if (p.ttl <= c->ttl_max ||
		    f.hit->memo != sl_xdp_memo(c->generation, c->port, p.tcp_flags & c->tcp_flags))
			return NOT_FAST;
		return send_on(ctx, c, &f, &p, 40, frame_len);
	}
	return NOT_FAST;
}

#endif
