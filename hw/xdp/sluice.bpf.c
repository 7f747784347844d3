/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * The datapath as an XDP program: the model's stages (hw/model, compiled for BPF and linked in) around BPF maps. Every
 * stage is a global function, so the kernel verifies each one by itself, for all arguments. The order of decisions is
 * that of hw/model/pipeline.c, which BPF cannot run because of its callbacks.
 *
 * A forwarded frame leaves by XDP_TX, or by the device map `ports` if its port is another one; a frame for the host goes as it
 * came to the AF_XDP socket of its port and queue, with what was found about it, or to the kernel (XDP_PASS) if there is none.
 * XDP cannot duplicate a frame: rules with COPY must be refused by the loader.
 */
#include "hw/xdp/fast.h"
#include "hw/xdp/first.h"

/* The port that this instance is for: set by the loader, and a constant to the verifier. */
const volatile uint32_t sl_xdp_port SEC(".rodata.port");

/* Takes a token of the rule's meter. Two CPUs may race for one token; the meter is a guard, not an account. */
__noinline int meter_take(uint32_t index, uint32_t now_ms)
{
	const uint32_t i = index % SL_METERS;
	struct sl_punt_meter *meter = bpf_map_lookup_elem(&meters, &i);
	uint32_t elapsed;

	if (!meter)
		return 0;
	elapsed = now_ms - meter->reserved;
	if (elapsed != 0) {
		meter->reserved = now_ms;
		sl_punt_tick(meter, elapsed);
	}
	return sl_punt_take(meter);
}

/* The flow's record, as the stages take it. */
static __always_inline void take_record(struct sl_xdp_scratch *s, const struct found *f, uint32_t what)
{
	__builtin_memset(&s->record, 0, sizeof(s->record));
	s->record.action = sl_xdp_action(what);
	s->record.flags = sl_xdp_flags(what);
	if (f->v6) {
		__builtin_memcpy(s->record.new_src, f->v6->new_src, sizeof(s->record.new_src));
		__builtin_memcpy(s->record.new_dst, f->v6->new_dst, sizeof(s->record.new_dst));
		s->record.new_sport = f->v6->new_sport;
		s->record.new_dport = f->v6->new_dport;
		s->record.l3_delta = f->v6->l3_delta;
		s->record.l4_delta = f->v6->l4_delta;
	} else if (s->record.flags & (SL_RECORD_FLAG_NAT_SRC | SL_RECORD_FLAG_NAT_DST)) {
		const struct sl_xdp_nat4 *nat = bpf_map_lookup_elem(&nat4, &f->index);

		if (nat)
			nat_record(nat, &s->record);
	}
}

/* Frames like this one, of this flow, need no classification again. */
static __always_inline void remember(const struct sl_xdp_scratch *s, const struct sl_xdp_config *c, struct sl_xdp_hit *hit)
{
	const struct sl_packet *p = &s->headers.outer;
	const uint32_t l3_len = (uint32_t)p->l4_off - p->l3_off;

	if (c->generation == 0 || s->decap || s->headers.tunnel || p->tags || p->ttl <= c->ttl_max ||
	    l3_len != (p->family == 4 ? 20 : 40) || !mac_equal(s->headers.dmac, c->mac))
		return;
	((volatile uint8_t *)&hit->what)[3] = s->rule; /* the rest is its owner's */
	hit->memo = sl_xdp_memo(c->generation, c->port, p->tcp_flags & c->tcp_flags);
}

/* Stages key to rewrite: the reason, FORWARDED with s->rewrite filled. */
__noinline int run_flows(struct sl_xdp_scratch *s, const struct sl_xdp_config *c)
{
	SL_NONNULL(s && c);
	const struct sl_packet *packet = s->decap ? &s->headers.inner : &s->headers.outer;
	struct found flow = { 0 };
	struct sl_action *action;
	uint32_t what, index;
	bool hit;
	int reason = sl_key_build(&s->headers, s->tenant, s->decap, &s->key);

	if (reason && reason != SL_REASON_ICMP_ERROR)
		return reason;
	s->hash = sl_hash_key(&s->key, &c->pipeline.seed);
	hit = find_flow(c, &s->key, &flow);
	if (hit)
		s->flow_id = flow.hit->flow_id;
	if (reason)
		return reason;
	if (!hit) {
		s->mark_valid = c->pipeline.miss_mark_valid;
		s->mark = c->pipeline.miss_mark_valid ? c->pipeline.miss_mark : 0;
		return SL_REASON_MISS;
	}
	what = load_what(flow.hit);
	index = sl_xdp_action(what);
	action = bpf_map_lookup_elem(&actions, &index);
	if (!action)
		return SL_REASON_BAD_ACTION;
	take_record(s, &flow, what);
	reason = sl_action_check(packet, &s->record, action, sl_ingress_ports_up(&c->pipeline));
	if (reason)
		return reason;
	s->port_out = action->port;
	s->rewrite.hash = s->hash;
	sl_rewrite(&s->window, packet, &s->record, action, &s->rewrite);
	count_flow(&flow, s->frame_len, s->now_ms);
	if (!(s->rule_flags & SL_RULE_FLAG_COPY))
		remember(s, c, flow.hit);
	return SL_REASON_FORWARDED;
}

/* The side's bucket of a table and bank, or NULL. */
static __always_inline struct sl_prefix_bucket *bucket_of(struct sl_xdp_scratch *s, uint32_t table, uint32_t bank)
{
	const uint32_t index = sl_prefix_bucket(&s->side, table, bank);

	return bpf_map_lookup_elem(&prefixes, &index);
}

/* The sets that the frame's destination or source is in. */
__noinline int find_sets(struct sl_xdp_scratch *s, uint32_t mode)
{
	SL_NONNULL(s);
	uint32_t sets = 0;

	sl_prefix_side(&s->headers, mode, &s->side);
	if (s->side.family == 0)
		return 0;
	for (uint32_t i = 0; i < 4; i++) {
		const uint32_t table = 2 * (mode - 1) + i / 2;
		struct sl_prefix_bucket *bucket = bucket_of(s, table, i % 2);

		if (bucket)
			sets |= sl_prefix_bucket_sets(bucket, table, &s->side);
	}
	return (int)sets;
}

/* The meter that the frame has from its prefix in a set; -1 none. */
__noinline int find_meter(struct sl_xdp_scratch *s, uint32_t mode, uint32_t set)
{
	SL_NONNULL(s);
	int meter = -1;

	sl_prefix_side(&s->headers, mode, &s->side);
	for (uint32_t i = 0; i < 4 && meter < 0; i++) {
		const uint32_t table = 2 * (mode - 1) + i / 2;
		struct sl_prefix_bucket *bucket = bucket_of(s, table, i % 2);

		if (bucket)
			meter = sl_prefix_bucket_meter(bucket, table, &s->side, set);
	}
	return meter;
}

/* Class and what follows from it; s->headers is filled. The meter to pass is put into *meter. */
__noinline int judge(struct sl_xdp_scratch *s, const struct sl_xdp_config *c, uint32_t *meter)
{
	SL_NONNULL(s && c && meter);
	const uint32_t at = c->rules_at & (SL_XDP_RULE_TABLES - 1);
	struct sl_class_table *table = bpf_map_lookup_elem(&rules, &at);
	const struct sl_class_rule *rule;
	uint32_t index;

	if (!table)
		return SL_REASON_RULE_DROP;
	if (table->asking) {
		s->sets.of[SL_PREFIX_MODE_DST] = (uint32_t)find_sets(s, SL_PREFIX_MODE_DST);
		s->sets.of[SL_PREFIX_MODE_SRC] = (uint32_t)find_sets(s, SL_PREFIX_MODE_SRC);
	}
	index = (uint32_t)sl_class_find(table, &s->headers, &s->sets);
	if (index >= SL_CLASS_RULES)
		return sl_class_default(&c->pipeline.filter, &s->headers);
	rule = &table->rule[index];
	s->rule = (uint8_t)index;
	s->tenant = rule->tenant;
	s->rule_flags = rule->flags;
	s->decap = (rule->flags & SL_RULE_FLAG_DECAP) != 0;
	*meter = rule->meter;
	if (sl_prefix_asked(rule)) {
		const int named = find_meter(s, rule->prefix_mode, rule->prefix_set);

		if (named >= 0 && named != SL_PREFIX_METER_RULE)
			*meter = (uint32_t)named;
	}
	if (rule->verdict == SL_VERDICT_HOST) {
		s->mark_valid = (rule->flags & SL_RULE_FLAG_MARK) != 0;
		s->mark = s->mark_valid ? rule->mark : 0;
		return SL_REASON_RULE;
	}
	return rule->verdict == SL_VERDICT_FLOWS ? run_flows(s, c) : SL_REASON_RULE_DROP;
}

static __always_inline int load_window(struct xdp_md *ctx, struct sl_xdp_scratch *s, uint32_t len)
{
	const uint64_t n = opaque(len > SL_WINDOW_BYTES ? SL_WINDOW_BYTES : len);

	if (n < SL_FRAME_MIN || n > SL_WINDOW_BYTES)
		return -1;
	return (int)bpf_xdp_load_bytes(ctx, 0, s->window.b, (uint32_t)n);
}

/* Makes the frame the rewritten one. */
static __always_inline int replace_head(struct xdp_md *ctx, struct sl_xdp_scratch *s)
{
	const uint64_t head_len = opaque(s->rewrite.head_len);

	if (head_len < SL_FRAME_MIN || head_len > sizeof(s->rewrite.head))
		return -1;
	if (bpf_xdp_adjust_head(ctx, (int)s->rewrite.payload_off - (int)head_len))
		return -1;
	if (s->rewrite.payload_end != s->frame_len &&
	    bpf_xdp_adjust_tail(ctx, (int)s->rewrite.payload_end - (int)s->frame_len))
		return -1;
	return (int)bpf_xdp_store_bytes(ctx, 0, s->rewrite.head, (uint32_t)head_len);
}

static __always_inline void begin(struct sl_xdp_scratch *s, const struct sl_xdp_config *c, uint32_t frame_len)
{
	s->frame_len = frame_len;
	s->now_ms = time_ms(c);
	s->hash = 0;
	s->flow_id = SL_FLOW_ID_NONE;
	s->mark = 0;
	s->tenant = 0;
	s->rule = SL_CLASS_NONE;
	s->port_out = 0;
	s->mark_valid = 0;
	s->decap = 0;
}

/* Neighbour discovery (RFC 4861, types 133 to 137): of a link, so only the kernel that has the interface understands it. */
static __always_inline bool is_discovery(const struct sl_xdp_scratch *s)
{
	const struct sl_packet *p = &s->headers.outer;

	return p->family == 6 && p->proto == 58 && p->ttl == 255 && (uint8_t)(s->window.b[sl_window_offset(p->l4_off)] - 133) <= 4;
}

/* Whether rules may name an address of the packet: see hw/xdp/named.h. While rules change nobody knows. */
static __always_inline bool address_named(const struct sl_packet *p, const struct sl_xdp_config *c)
{
	const uint32_t zero = 0;
	const struct sl_xdp_named *n = bpf_map_lookup_elem(&named, &zero);

	if (p->family == 0)
		return false;
	if (!n || c->generation == 0)
		return true;
	if (p->family == 4)
		return sl_xdp_named_bit(n->bits[SL_XDP_SIDE_DST], sl_xdp_named4(sl_load32(p->dst))) ||
		       sl_xdp_named_bit(n->bits[SL_XDP_SIDE_SRC], sl_xdp_named4(sl_load32(p->src)));
	return sl_xdp_named_bit(n->bits[SL_XDP_SIDE_DST], sl_xdp_named6(sl_load64(p->dst), sl_load64(p->dst + 8))) ||
	       sl_xdp_named_bit(n->bits[SL_XDP_SIDE_SRC], sl_xdp_named6(sl_load64(p->src), sl_load64(p->src + 8)));
}

/*
 * kernel=keep, of a frame that rules name: the reason, or KERNEL. What they name by no address (fragments, FINs, TTLs) may be the host's own, and
 * is that if no rule has an address of the frame. What nobody takes is dropped: it is a service's, and the kernel would answer
 * with a reset.
 */
static __always_inline int keep(const struct xdp_md *ctx, const struct sl_xdp_scratch *s, const struct sl_xdp_config *c, int reason)
{
	const uint32_t queue = ctx->rx_queue_index, key = sl_xdp_port * SL_XDP_QUEUES + queue;

	if (is_discovery(s) || !address_named(&s->headers.outer, c))
		return SL_REASON_KERNEL;
	return queue < SL_XDP_QUEUES && bpf_map_lookup_elem(&xsks, &key) ? reason : SL_REASON_NO_HOST;
}

/* The frame as it came, to whoever takes what is the host's. */
static __always_inline int to_host(struct xdp_md *ctx, const struct sl_xdp_scratch *s, const struct sl_xdp_config *c)
{
	const uint32_t queue = ctx->rx_queue_index, key = sl_xdp_port * SL_XDP_QUEUES + queue;
	const int otherwise = c->kernel_pass == SL_XDP_KERNEL_KEEP ? XDP_DROP : XDP_PASS; /* (keep() has seen a socket) */
	struct sl_xdp_host_meta *meta;

	if (c->kernel_pass && s->reason == SL_REASON_KERNEL)
		return XDP_PASS;
	if (queue >= SL_XDP_QUEUES || !bpf_map_lookup_elem(&xsks, &key))
		return otherwise;
	if (bpf_xdp_adjust_meta(ctx, -(int)sizeof(*meta)) == 0) {
		meta = (struct sl_xdp_host_meta *)(long)ctx->data_meta;
		if ((void *)(meta + 1) <= (void *)(long)ctx->data)
			*meta = (struct sl_xdp_host_meta){ SL_XDP_HOST_MAGIC, s->mark, (uint32_t)s->hash, s->flow_id, s->tenant,
							   s->reason, s->rule, s->mark_valid, { 0 } };
	}
	return (int)bpf_redirect_map(&xsks, key, (uint64_t)otherwise);
}

/* All of them, for a frame that nobody has decided about yet. */
static __noinline int run_stages(struct xdp_md *ctx, const struct sl_xdp_config *c)
{
	const uint32_t zero = 0;
	struct sl_xdp_scratch *s = bpf_map_lookup_elem(&scratch, &zero);
	uint32_t meter = 0, len;
	int reason;

	if (!s)
		return XDP_ABORTED;
	len = (uint32_t)bpf_xdp_get_buff_len(ctx);
	begin(s, c, len);
	reason = sl_ingress_check(&c->pipeline, len, c->port, 0);
	if (reason == 0) {
		if (load_window(ctx, s, len))
			return XDP_ABORTED;
		reason = sl_parse(&s->window, len, c->port, c->pipeline.tunnels, &s->headers);
		if (reason == 0)
			reason = judge(s, c, &meter);
	}
	if (c->kernel_pass == SL_XDP_KERNEL_KEEP) {
		if (reason == SL_REASON_MAC_FILTER)
			reason = SL_REASON_KERNEL; /* of another interface above the same wire */
		else if (reason > SL_REASON_KERNEL && reason < SL_REASON_RUNT)
			reason = keep(ctx, s, c, reason);
		if (reason == SL_REASON_KERNEL)
			meter = 0;
	}
	if (reason > 0 && reason < SL_REASON_RUNT && !meter_take(meter, s->now_ms))
		reason = SL_REASON_METERED;
	s->reason = (uint8_t)reason;
	s->fate = reason == 0 ? SL_FATE_FORWARD : reason < SL_REASON_RUNT ? SL_FATE_HOST : SL_FATE_DROP;
	count(&reason_count, s->reason, len);
	count(&rule_count, s->rule, len);
	if (s->fate == SL_FATE_HOST)
		return to_host(ctx, s, c);
	if (s->fate == SL_FATE_DROP)
		return XDP_DROP;
	if (replace_head(ctx, s))
		return XDP_ABORTED;
	return s->port_out == c->port ? XDP_TX : (int)bpf_redirect_map(&ports, s->port_out, XDP_ABORTED);
}

SEC("xdp.frags")
int sluice(struct xdp_md *ctx)
{
	const uint32_t port = sl_xdp_port;
	const struct sl_xdp_config *c = bpf_map_lookup_elem(&config, &port);
	int verdict;

	if (!c)
		return XDP_ABORTED;
	verdict = fast_path(ctx, c);
	if (verdict == NOT_KNOWN)
		verdict = first_packet(ctx, c);
	return verdict >= 0 ? verdict : run_stages(ctx, c);
}

/* The time by which `sluice` says when a flow was seen, for who has to know how long ago that is. */
SEC("syscall")
int sluice_time(struct sl_xdp_time *t)
{
	const uint32_t zero = 0;
	const struct sl_xdp_config *c = bpf_map_lookup_elem(&config, &zero);

	if (c)
		t->now_ms = time_ms(c);
	return 0;
}

/* `sluice` counts on this processor at any time, but is never interrupted by this: an atomic addition loses none of its. */
static __always_inline void count_more(void *map, uint32_t index, const struct sl_xdp_count *more)
{
	struct sl_counter_pair *pair = bpf_map_lookup_elem(map, &index);

	if (!pair)
		return;
	__sync_fetch_and_add(&pair->packets, more->packets);
	__sync_fetch_and_add(&pair->bytes, more->bytes);
}

SEC("syscall")
int sluice_count(struct sl_xdp_count *more)
{
	count_more(&reason_count, more->reason, more);
	count_more(&rule_count, more->rule, more);
	return 0;
}

char sl_license[] SEC("license") = "Dual BSD/GPL";
