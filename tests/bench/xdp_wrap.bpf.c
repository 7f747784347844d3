/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * What BPF_PROG_TEST_RUN repeats for the XDP benchmark: a test run feeds a program its own output, so this one first makes the
 * frame anew (one of many flows, at random, of a fixed length), then jumps to the program that is measured. `floor` jumps to
 * the program that swaps two MACs: its time and this one's are the floor that the others' are compared with. `line` also counts in one random line
 * of memory; `head` gives the frame twenty bytes more and nothing else.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "tests/bench/xdp_wrap.h"

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 4);
	__type(key, uint32_t);
	__type(value, uint32_t);
} programs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, uint32_t);
	__type(value, struct wrap);
} wrap SEC(".maps");

/* As much memory, of the same kind, as the IPv4 flow table has in this benchmark. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, WRAP_LINES);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, uint32_t);
	__type(value, struct wrap_line);
} lines SEC(".maps");

SEC("xdp.frags")
int wrapper(struct xdp_md *ctx)
{
	const uint32_t zero = 0;
	struct wrap *w = bpf_map_lookup_elem(&wrap, &zero);
	uint8_t *data = (uint8_t *)(long)ctx->data, *end = (uint8_t *)(long)ctx->data_end;
	uint64_t x;

	if (!w)
		return XDP_ABORTED;
	if (end - data != WRAP_FRAME) { /* its head or its tail: always the head's length first */
		if (bpf_xdp_adjust_head(ctx, (int)(end - data) - WRAP_FRAME))
			return XDP_ABORTED;
		data = (uint8_t *)(long)ctx->data;
		end = (uint8_t *)(long)ctx->data_end;
	}
	if (data + WRAP_FRAME > end)
		return XDP_ABORTED;
	x = w->random;
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	w->random = x;
	for (int i = 0; i + 8 <= WRAP_FRAME; i += 8)
		*(uint64_t *)(data + i) = *(uint64_t *)(w->frame + i);
	if (w->mask) {
		const uint32_t flow = (uint32_t)(x >> 20) & w->mask;
		const uint32_t address = wrap_address(flow), port = wrap_port(flow);
		uint32_t sum;

		if (w->v6) {
			*(uint32_t *)(data + 34) = address;
			*(uint16_t *)(data + 54) = (uint16_t)port;
		} else { /* the template has source address 0 in its sum */
			*(uint32_t *)(data + 26) = address;
			*(uint16_t *)(data + 34) = (uint16_t)port;
			sum = w->csum + (address & 0xffff) + (address >> 16);
			sum = (sum & 0xffff) + (sum >> 16);
			*(uint16_t *)(data + 24) = (uint16_t)~((sum & 0xffff) + (sum >> 16));
		}
	}
	bpf_tail_call(ctx, &programs, w->program);
	return XDP_ABORTED;
}

static __always_inline int swap_macs(struct xdp_md *ctx)
{
	uint8_t *data = (uint8_t *)(long)ctx->data, *end = (uint8_t *)(long)ctx->data_end;
	uint16_t *mac = (uint16_t *)data, saved[3];

	if (data + 14 > end)
		return XDP_ABORTED;
#pragma unroll
	for (int i = 0; i < 3; i++) {
		saved[i] = mac[i];
		mac[i] = mac[3 + i];
		mac[3 + i] = saved[i];
	}
	return XDP_TX;
}

SEC("xdp.frags")
int swap(struct xdp_md *ctx)
{
	return swap_macs(ctx);
}

/* What every program that encapsulates calls, once here and once in the wrapper, which takes the frame back. */
SEC("xdp.frags")
int head(struct xdp_md *ctx)
{
	return bpf_xdp_adjust_head(ctx, -20) ? XDP_ABORTED : swap_macs(ctx);
}

/*
 * The limit of a hit: the flow's one line, of as many that lie like those of a table, is found without any search and counted in. What
 * is in it says where the frame begins, as an entry says by its action, so that the next run waits for it.
 */
SEC("xdp.frags")
int line(struct xdp_md *ctx)
{
	const uint8_t *data = (const uint8_t *)(long)ctx->data, *end = (const uint8_t *)(long)ctx->data_end;
	struct wrap_line *l;
	uint64_t x;
	uint32_t i;

	if (data + WRAP_FRAME > end)
		return XDP_ABORTED;
	x = (*(const uint32_t *)(data + 26) + ((uint64_t)*(const uint16_t *)(data + 34) << 32)) * 0x9e3779b97f4a7c15;
	i = (uint32_t)((x ^ x >> 32) * 0xc2b2ae3d27d4eb4f >> 40) % WRAP_LINES;
	l = bpf_map_lookup_elem(&lines, &i);
	if (!l)
		return XDP_ABORTED;
	l->count[0]++;
	l->count[1] += WRAP_FRAME;
	if (bpf_xdp_adjust_head(ctx, -20 - (int)l->count[7])) /* always 0 */
		return XDP_ABORTED;
	return swap_macs(ctx);
}

char sl_license[] SEC("license") = "Dual BSD/GPL";
