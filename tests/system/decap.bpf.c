/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * A backend's end of an IP-in-IP tunnel for the test topology, as an XDP program on the backend's interface: packets
 * of protocol 4 (IPv4 inside) or 41 (IPv6 inside), in either outer family, lose their outer header and go up the stack.
 * The kernels that these tests meet have no ipip device. Everything else passes untouched.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

/* Length of the outer header to remove and the ethertype of what is inside; 0 if this is no IP-in-IP packet. */
static __always_inline int outer_length(struct xdp_md *ctx, __be16 *inner)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	int length = 0, protocol = 0;

	if (data + sizeof(*eth) > end)
		return 0;
	if (eth->h_proto == bpf_htons(ETH_P_IP)) {
		struct iphdr *ip = data + sizeof(*eth);

		if ((void *)(ip + 1) > end || ip->ihl != 5)
			return 0;
		length = sizeof(*ip);
		protocol = ip->protocol;
	} else if (eth->h_proto == bpf_htons(ETH_P_IPV6)) {
		struct ipv6hdr *ip6 = data + sizeof(*eth);

		if ((void *)(ip6 + 1) > end)
			return 0;
		length = sizeof(*ip6);
		protocol = ip6->nexthdr;
	}
	if (protocol == IPPROTO_IPIP)
		*inner = bpf_htons(ETH_P_IP);
	else if (protocol == IPPROTO_IPV6)
		*inner = bpf_htons(ETH_P_IPV6);
	else
		length = 0;
	return length;
}

SEC("xdp")
int decap(struct xdp_md *ctx)
{
	struct ethhdr eth, *head;
	__be16 inner = 0;
	int length = outer_length(ctx, &inner);

	if (!length)
		return XDP_PASS;
	if (bpf_xdp_load_bytes(ctx, 0, &eth, sizeof(eth)) || bpf_xdp_adjust_head(ctx, length))
		return XDP_DROP;
	head = (void *)(long)ctx->data;
	if ((void *)(head + 1) > (void *)(long)ctx->data_end)
		return XDP_DROP;
	eth.h_proto = inner;
	__builtin_memcpy(head, &eth, sizeof(eth));
	return XDP_PASS;
}

char sluice_licence[] SEC("license") = "Dual BSD/GPL";
