/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * A backend's end of a tunnel for the test topology, as an XDP program on the backend's interface. Packets in IP-in-IP,
 * GRE, GUE (variant 0, port 6080) and Geneve (port 6081, Ethernet inside), in either outer family, lose everything between
 * their Ethernet header and the inner IP header and go up the stack. The kernels that these tests meet have no such
 * devices. Everything else passes untouched, and so does a header of a form that Sluice does not send.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define GUE_PORT 6080
#define GENEVE_PORT 6081
#define ETHERTYPE_TEB 0x6558
#define GENEVE_LEN 8

static __always_inline __be16 ethertype_of(int protocol)
{
	return protocol == IPPROTO_IPIP ? bpf_htons(ETH_P_IP) : protocol == IPPROTO_IPV6 ? bpf_htons(ETH_P_IPV6) : 0;
}

/* What is between a tunnel's outer IP header and the inner one: its length and the ethertype of what is inside (0: no
 * tunnel). */
static __always_inline int shim_length(void *data, void *end, int protocol, __be16 *inner)
{
	const __u8 *shim = data;
	const __be16 *words = data;

	*inner = ethertype_of(protocol);
	if (protocol == IPPROTO_GRE) {
		if (data + 4 > end || words[0] != 0)
			return 0;
		*inner = words[1];
		return 4;
	}
	if (protocol != IPPROTO_UDP || data + sizeof(struct udphdr) + 4 > end)
		return 0;
	if (words[1] == bpf_htons(GUE_PORT)) {
		if (shim[8] != 0 || words[5] != 0)
			return 0;
		*inner = ethertype_of(shim[9]);
		return sizeof(struct udphdr) + 4;
	}
	if (words[1] == bpf_htons(GENEVE_PORT)) {
		if (data + sizeof(struct udphdr) + GENEVE_LEN + sizeof(struct ethhdr) > end || words[4] != 0 ||
		    words[5] != bpf_htons(ETHERTYPE_TEB))
			return 0;
		*inner = ((struct ethhdr *)(data + sizeof(struct udphdr) + GENEVE_LEN))->h_proto;
		return sizeof(struct udphdr) + GENEVE_LEN + sizeof(struct ethhdr);
	}
	return 0;
}

/* Bytes to remove and the ethertype of what is inside; 0 if this is no tunnel's packet. */
static __always_inline int outer_length(struct xdp_md *ctx, __be16 *inner)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	int length;

	if (data + sizeof(*eth) > end)
		return 0;
	if (eth->h_proto == bpf_htons(ETH_P_IP)) {
		struct iphdr *ip = data + sizeof(*eth);

		if ((void *)(ip + 1) > end || ip->ihl != 5)
			return 0;
		length = sizeof(*ip) + shim_length(ip + 1, end, ip->protocol, inner);
	} else if (eth->h_proto == bpf_htons(ETH_P_IPV6)) {
		struct ipv6hdr *ip6 = data + sizeof(*eth);

		if ((void *)(ip6 + 1) > end)
			return 0;
		length = sizeof(*ip6) + shim_length(ip6 + 1, end, ip6->nexthdr, inner);
	} else {
		return 0;
	}
	return *inner == bpf_htons(ETH_P_IP) || *inner == bpf_htons(ETH_P_IPV6) ? length : 0;
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
