/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * First packets (sluice/first.h): what becomes of a plain frame whose flow is not in the flow table, if its service is one that is
 * decided here. Like the short cut it ends as all stages would with a flow for the frame, or does nothing. Part of sluice.bpf.c.
 */
#ifndef SLUICE_XDP_FIRST_H
#define SLUICE_XDP_FIRST_H

#include "hw/xdp/fast.h"

#include "sluice/choice.h"
#include "sluice/first.h"

#define FIRST_FIN 1
#define FIRST_SYN 2
#define FIRST_RST 4
#define FIRST_ACK 16

/* A service is one entry of an array of its own, a struct sl_first_table: it is replaced by another one in one store. (Of types that
 * only a map in a map has, the compiler tells libbpf nothing.) */
struct first_table {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(uint32_t));
	__uint(value_size, sizeof(struct sl_first_table));
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, SL_FIRST_SERVICES);
	__type(key, struct sl_first_key);
	__array(values, struct first_table);
} first SEC(".maps");

/* Connections that the agent has not heard of yet; it empties this. The loader sets the number of entries. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, BUCKETS_MIN);
	__type(key, struct sl_key);
	__type(value, struct sl_xdp_hint);
} hints SEC(".maps");

/* By slot. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SL_FIRST_SERVICES);
	__type(key, uint32_t);
	__type(value, struct sl_xdp_first_count);
} first_count SEC(".maps");

/* A frame and its flow. */
struct first_frame {
	struct sl_plain plain;
	uint64_t addresses[4]; /* as sl_choice_hash() takes them */
	uint64_t word;         /* SL_XDP_WORD */
	uint32_t ip_len, frame_len;
};

static __always_inline bool first_read(const uint8_t *data, const uint8_t *end, const struct sl_xdp_config *c,
				       struct first_frame *f)
{
	if (data + SL_PLAIN4_BYTES > end)
		return false;
	if (sl_plain4(data, f->frame_len, c->pipeline.tunnels, &f->plain)) {
		f->ip_len = 20;
		f->addresses[0] = sl_load32(data + 26);
		f->addresses[1] = f->addresses[3] = 0;
		f->addresses[2] = sl_load32(data + 30);
		f->word = SL_XDP_WORD(f->plain.ports, 0, 0, f->plain.proto, 4);
		return true;
	}
	if (data + SL_PLAIN6_BYTES > end || !sl_plain6(data, f->frame_len, c->pipeline.tunnels, &f->plain))
		return false;
	f->ip_len = 40;
#pragma unroll
	for (uint32_t i = 0; i < 4; i++)
		f->addresses[i] = sl_load64(data + 22 + 8 * i);
	f->word = SL_XDP_WORD(f->plain.ports, 0, 0, f->plain.proto, 6);
	return true;
}

static __always_inline const struct sl_first_table *first_service(const struct first_frame *f)
{
	const uint32_t zero = 0;
	struct sl_first_key key = { .port = (uint16_t)(f->plain.ports >> 16), .proto = f->plain.proto,
				    .family = f->ip_len == 20 ? 4 : 6 };
	void *table;

	sl_store64(key.vip, f->addresses[2]);
	sl_store64(key.vip + 8, f->addresses[3]);
	table = bpf_map_lookup_elem(&first, &key);
	return table ? bpf_map_lookup_elem(table, &zero) : NULL;
}

/* The flow of the default tenant, where the short cut looks for those of another. */
static __always_inline bool first_known(const struct sl_xdp_config *c, const struct first_frame *f)
{
	struct found flow = { 0 };

	if (f->ip_len == 20)
		return find4(c, f->addresses[0] | f->addresses[2] << 32, f->word, &flow);
	return find6(c, f->addresses, f->word, &flow);
}

/* False: there is no room. */
static __always_inline bool first_hint(const struct first_frame *f, uint64_t identity)
{
	struct sl_xdp_hint fresh = { identity, f->frame_len, 1, f->plain.tcp_flags }, *hint;
	struct sl_key key;

	sl_store64(key.src, f->addresses[0]);
	sl_store64(key.src + 8, f->addresses[1]);
	sl_store64(key.dst, f->addresses[2]);
	sl_store64(key.dst + 8, f->addresses[3]);
	sl_store64((uint8_t *)&key.sport, f->word);
	hint = bpf_map_lookup_elem(&hints, &key);
	if (!hint)
		return bpf_map_update_elem(&hints, &key, &fresh, BPF_NOEXIST) == 0;
	__sync_fetch_and_add(&hint->packets, 1);
	__sync_fetch_and_add(&hint->bytes, f->frame_len);
	if ((hint->tcp_flags | f->plain.tcp_flags) != hint->tcp_flags)
		__sync_fetch_and_or(&hint->tcp_flags, f->plain.tcp_flags);
	return true;
}

static __always_inline void first_counted(const struct sl_first_table *table, const struct first_frame *f,
					  const struct sl_first_hop *hop)
{
	const bool syn = f->plain.tcp_flags & FIRST_SYN, hinted = syn || first_hint(f, hop->identity);
	const uint32_t slot = table->slot;
	struct sl_xdp_first_count *n = bpf_map_lookup_elem(&first_count, &slot);

	count(&reason_count, SL_REASON_FORWARDED, f->frame_len);
	if (!n)
		return;
	n->packets++;
	n->bytes += f->frame_len;
	n->syns += syn;
	n->unhinted += !hinted;
}

/* As send_on(), which the flow's entry would have been for. */
static __always_inline int first_send(struct xdp_md *ctx, const struct sl_xdp_config *c, const struct sl_action *action,
				      const struct first_frame *f)
{
	const struct sl_record record = { .flags = SL_RECORD_FLAG_DEC_TTL | SL_RECORD_FLAG_COPY_ECN };
	const uint32_t l3_len = f->plain.l3_len, hdr_len = action->hdr_len;
	uint64_t hash = 0;

	if (hdr_len != 14 && bpf_xdp_adjust_head(ctx, 14 - (int)hdr_len))
		return NOT_FAST;
	if (14 + l3_len != f->frame_len && bpf_xdp_adjust_tail(ctx, (int)(14 + l3_len) - (int)f->frame_len))
		return XDP_ABORTED;
	if (action->flags & SL_ACTION_FLAG_OUTER_UDP)
		hash = f->ip_len == 20 ? sl_sip_ipv4(&c->pipeline.seed, f->addresses[0] | f->addresses[2] << 32, f->word)
				       : sl_sip_ipv6(&c->pipeline.seed, f->addresses, f->addresses + 2, f->word);
	if (!put_header(ctx, action, hdr_len) || !edit_frame(ctx, action, &record, &f->plain, f->ip_len, hash))
		return XDP_ABORTED;
	return action->port == c->port ? XDP_TX : (int)bpf_redirect_map(&ports, action->port, XDP_ABORTED);
}

static __always_inline bool first_may(const struct sl_xdp_config *c, const struct sl_action *action, const struct first_frame *f)
{
	const uint32_t hdr_len = action->hdr_len;
	uint32_t wire_len = f->plain.l3_len;

	if ((action->flags & (SL_ACTION_FLAG_VALID | SL_ACTION_FLAG_STRIP_L2)) != (SL_ACTION_FLAG_VALID | SL_ACTION_FLAG_STRIP_L2) ||
	    hdr_len < 14 || hdr_len > SL_ACTION_HDR_BYTES || !port_up(&c->pipeline, action->port))
		return false;
	if (action->flags & (SL_ACTION_FLAG_OUTER_V4 | SL_ACTION_FLAG_OUTER_V6))
		wire_len += hdr_len - action->l3_off;
	return (action->mtu == 0 || action->mtu >= wire_len) && hdr_len + f->plain.l3_len <= SL_FRAME_MAX;
}

/* A SYN that opens, or what belongs to a connection; odd combinations are the host's. */
static __always_inline bool first_flags(uint8_t flags)
{
	return !(flags & FIRST_SYN) || !(flags & (FIRST_FIN | FIRST_RST | FIRST_ACK));
}

/* XDP's verdict, or NOT_FAST with nothing done. For frames that fast_path() said NOT_KNOWN of. */
static __noinline int first_packet(struct xdp_md *ctx, const struct sl_xdp_config *c)
{
	const uint8_t *const data = (const uint8_t *)(long)ctx->data;
	const uint8_t *const end = (const uint8_t *)(long)ctx->data_end;
	struct first_frame f = { .frame_len = (uint32_t)(end - data) };
	const struct sl_first_table *table;
	const struct sl_first_hop *hop;
	uint64_t place;
	int verdict;

	if (!c->first || !c->pipeline.enabled || !port_up(&c->pipeline, c->port) || !first_read(data, end, c, &f) ||
	    f.plain.ttl <= c->ttl_max || !first_flags(f.plain.tcp_flags))
		return NOT_FAST;
	table = first_service(&f);
	if (!table || table->size == 0 || (c->tenant != 0 && first_known(c, &f)))
		return NOT_FAST;
	place = opaque(sl_choice_hash(f.addresses, (uint32_t)f.plain.ports, table->seed) % table->size);
	if (place >= SL_FIRST_PLACES)
		return NOT_FAST;
	place = opaque(table->place[place]);
	if (place >= SL_FIRST_HOPS)
		return NOT_FAST;
	hop = &table->hop[place];
	if (!first_may(c, &hop->action, &f))
		return NOT_FAST;
	verdict = first_send(ctx, c, &hop->action, &f);
	if (verdict != NOT_FAST)
		first_counted(table, &f, hop);
	return verdict;
}

#endif
