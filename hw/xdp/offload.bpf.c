/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * The short cut of sluice.bpf.c alone, for a network card that runs BPF itself: plain frames of flows that the host's program
 * has classified, and that the driver has put into the card's map, leave by the port that they came by. All else goes on to the host
 * (XDP_PASS), where that program sees it as if this one was not there. What cards do not take is not used: no time, no map with
 * flags or for each processor, no global data, no function called by another.
 */
#include <linux/bpf.h>

#include "hw/xdp/offload.h"
#include "hw/xdp/send.h"

/* Sizes, not types: no map of a card has a description of them. */
#define BOUND(name, kind, entries, key, value)       \
	struct {                                     \
		__uint(type, kind);                  \
		__uint(max_entries, entries);        \
		__uint(key_size, sizeof(key));       \
		__uint(value_size, sizeof(value));   \
	} name SEC(".maps")

BOUND(offload_config, BPF_MAP_TYPE_ARRAY, 1, uint32_t, struct sl_xdp_offload_config);
BOUND(offload_count, BPF_MAP_TYPE_ARRAY, 1, uint32_t, struct sl_counter_pair);
BOUND(offload_flows, BPF_MAP_TYPE_HASH, 2, struct sl_key, struct sl_xdp_offload_flow); /* as many as the card takes */

static __always_inline void count(uint64_t *packets, uint64_t *bytes, uint32_t len)
{
	__sync_fetch_and_add(packets, 1);
	__sync_fetch_and_add(bytes, len);
}

/* The frame leaves. What would be cut off behind the IP packet is cut first: without it the frame is still the host's. */
static __always_inline int send_on(struct xdp_md *ctx, struct sl_xdp_offload_flow *f, const struct sl_plain *p, uint32_t ip_len,
				   uint32_t frame_len)
{
	const uint32_t zero = 0, hdr_len = f->action.hdr_len;
	struct sl_counter_pair *all;

	if (!fits(&f->action, hdr_len, p->l3_len))
		return XDP_PASS;
	if (14 + p->l3_len != frame_len && bpf_xdp_adjust_tail(ctx, (int)(14 + p->l3_len) - (int)frame_len))
		return XDP_PASS;
	if (hdr_len != 14 && bpf_xdp_adjust_head(ctx, 14 - (int)hdr_len))
		return XDP_PASS;
	if (!put_header(ctx, &f->action, hdr_len) || !edit_frame(ctx, &f->action, &f->record, p, ip_len, f->hash))
		return XDP_ABORTED;
	count(&f->packets, &f->bytes, frame_len);
	all = bpf_map_lookup_elem(&offload_count, &zero);
	if (all)
		count(&all->packets, &all->bytes, frame_len);
	return XDP_TX;
}

/* Behind the key's addresses: its flow's entry, or the host. */
static __always_inline int forward(struct xdp_md *ctx, const struct sl_xdp_offload_config *c, struct sl_key *key, const struct sl_plain *p,
				   uint32_t ip_len, uint32_t frame_len)
{
	struct sl_xdp_offload_flow *f;

	sl_store64(&key->sport, SL_XDP_WORD(p->ports, 0, c->tenant, p->proto, ip_len == 20 ? 4 : 6));
	f = bpf_map_lookup_elem(&offload_flows, key);
	if (!f || p->ttl <= c->ttl_max || f->memo != sl_xdp_memo(c->generation, c->port, p->tcp_flags & c->tcp_flags))
		return XDP_PASS;
	return send_on(ctx, f, p, ip_len, frame_len);
}

SEC("xdp")
int sluice_offload(struct xdp_md *ctx)
{
	const uint8_t *const data = (const uint8_t *)(long)ctx->data;
	const uint8_t *const end = (const uint8_t *)(long)ctx->data_end;
	const uint32_t frame_len = (uint32_t)(end - data), zero = 0;
	const struct sl_xdp_offload_config *c = bpf_map_lookup_elem(&offload_config, &zero);
	struct sl_key key = { 0 };
	struct sl_plain p;

	if (!c || c->generation == 0 || data + SL_PLAIN4_BYTES > end || frame_len > SL_FRAME_MAX || !mac_equal(data, c->mac))
		return XDP_PASS;
	if (sl_plain4(data, frame_len, c->tunnels, &p)) {
		sl_store32(key.src, sl_load32(data + 26));
		sl_store32(key.dst, sl_load32(data + 30));
		return forward(ctx, c, &key, &p, 20, frame_len);
	}
	if (data + SL_PLAIN6_BYTES <= end && sl_plain6(data, frame_len, c->tunnels, &p)) {
		sl_edit_address(key.src, data + 22);
		sl_edit_address(key.dst, data + 38);
		return forward(ctx, c, &key, &p, 40, frame_len);
	}
	return XDP_PASS;
}

char sl_license[] SEC("license") = "Dual BSD/GPL";
