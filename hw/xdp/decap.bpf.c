/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * A backend's end of tunnels, as an XDP program: what arrives in IP-in-IP, GRE, GUE, VXLAN or Geneve for one of the
 * host's VIPs goes up the kernel's stack as if it had come without the tunnel. What a tunnel's packet is, stage parse of
 * the model says (hw/model/parse.c, compiled for BPF and linked in); so a backend opens what a card makes.
 *
 *   Ethernet [tags] | outer IP, tunnel [inner Ethernet] | inner IP ...    as it came
 *                      └──── removed ─────────────────┘
 *                     Ethernet [tags] | inner IP ...                       to the kernel
 *
 * The Ethernet header that is kept is the outer one, with its tags and addressed to this interface, so the kernel takes
 * the packet as its own and in the VLAN that it came by. Everything else passes untouched. clamp.bpf.c is about the
 * other direction.
 */
#include "hw/xdp/decap_lists.h"

#define ETH_LEN 14
#define MACS_LEN 12
#define TAG_LEN 4
#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_IPV6 0x86dd

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, SL_DECAP_BANKS * SL_DECAP_LIST_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct sl_decap_prefix);
	__type(value, uint8_t);
} trusted SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SL_DECAP_KINDS * SL_DECAP_RESULTS);
	__type(key, uint32_t);
	__type(value, struct sl_counter_pair);
} opened SEC(".maps");

/* True if the list is not given, or if the address is in it. */
static __always_inline bool listed(const struct sl_decap_config *c, uint32_t in_bank, uint32_t list, uint32_t family,
				   const uint8_t address[16])
{
	struct sl_decap_prefix key;

	if (!(c->lists & 1u << list))
		return true;
	key_set(&key, in_bank, list, family, address);
	if (list == SL_DECAP_FROM)
		return bpf_map_lookup_elem(&trusted, &key) != NULL;
	return bpf_map_lookup_elem(&members, &key.member) != NULL;
}

/* The same of the tunnel's VNI or key; other tunnels have neither. */
static __always_inline bool network_listed(struct sl_decap_scratch *s, const struct sl_decap_config *c, uint32_t in_bank)
{
	const uint32_t vni = s->headers.vni, kind = s->headers.tunnel;
	uint8_t number[16] = { (uint8_t)(vni >> 24), (uint8_t)(vni >> 16), (uint8_t)(vni >> 8), (uint8_t)vni };

	if (kind == SL_TUNNEL_MODE_GRE)
		return listed(c, in_bank, SL_DECAP_KEY, 0, number);
	if (kind == SL_TUNNEL_MODE_VNI || kind == SL_TUNNEL_MODE_GENEVE)
		return listed(c, in_bank, SL_DECAP_VNI, 0, number);
	return true;
}

static __always_inline bool mac_equal(const uint8_t a[6], const uint8_t b[6])
{
	uint8_t differ = 0;

	for (uint32_t i = 0; i < 6; i++)
		differ |= a[i] ^ b[i];
	return differ == 0;
}

/* Whether the packet is for this host, and good; s->headers has a tunnel. */
__noinline int judge(struct sl_decap_scratch *s, const struct sl_decap_config *c, uint32_t in_bank)
{
	SL_NONNULL(s && c);
	const struct sl_packet *outer = &s->headers.outer, *inner = &s->headers.inner;

	if (!mac_equal(s->headers.dmac, c->mac))
		return SL_DECAP_PASSED_MAC;
	if (!listed(c, in_bank, SL_DECAP_TO, outer->family, outer->dst))
		return SL_DECAP_PASSED_TO;
	if (!listed(c, in_bank, SL_DECAP_FROM, outer->family, outer->src))
		return SL_DECAP_PASSED_FROM;
	if (!network_listed(s, c, in_bank))
		return SL_DECAP_PASSED_NETWORK;
	if (inner->error)
		return SL_DECAP_DROPPED_BAD_INNER;
	if (inner->family == 0)
		return SL_DECAP_PASSED_NO_IP;
	if (!listed(c, in_bank, SL_DECAP_VIP, inner->family, inner->dst))
		return SL_DECAP_PASSED_VIP;
	return inner->flags & SL_PACKET_BAD_ECN ? SL_DECAP_DROPPED_BAD_ECN : SL_DECAP_OPENED;
}

/* The inner packet gets the ECN field that stage parse has merged; an IPv4 checksum follows it (RFC 1624, equation 3). */
static __always_inline void set_tos(uint8_t *ip, uint32_t family, uint32_t tos)
{
	uint32_t sum;

	if (family == 6) {
		ip[0] = (uint8_t)((ip[0] & 0xf0) | tos >> 4);
		ip[1] = (uint8_t)((ip[1] & 0x0f) | tos << 4);
		return;
	}
	if (ip[1] == tos)
		return;
	sum = (~sl_load_be16(ip + 10) & 0xffff) + (0xffff - ip[1]) + tos;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sl_store_be16(ip + 10, ~sum);
	ip[1] = (uint8_t)tos;
}

/* Puts the Ethernet header and the tags right before the inner IP header, in the window; where they begin. */
__noinline int move_head(struct sl_decap_scratch *s)
{
	SL_NONNULL(s);
	const struct sl_packet *inner = &s->headers.inner;
	const uint32_t tags = s->headers.outer.tags & 3, head_len = ETH_LEN + TAG_LEN * tags;
	const uint32_t off = inner->l3_off - head_len;
	uint8_t *head = &s->window.b[sl_window_offset(off)];

	set_tos(&s->window.b[sl_window_offset(inner->l3_off)], inner->family, inner->tos);
	__builtin_memcpy(head, s->window.b, MACS_LEN);
	if (tags > 0)
		__builtin_memcpy(head + MACS_LEN, s->window.b + MACS_LEN, TAG_LEN);
	if (tags > 1)
		__builtin_memcpy(head + MACS_LEN + TAG_LEN, s->window.b + MACS_LEN + TAG_LEN, TAG_LEN);
	sl_store_be16(&s->window.b[sl_window_offset(inner->l3_off - 2)], inner->family == 4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6);
	return (int)off;
}

/* Makes the frame the inner packet behind its Ethernet header; what is behind the packet goes too. */
static __always_inline int open_tunnel(struct xdp_md *ctx, struct sl_decap_scratch *s, uint32_t len)
{
	const struct sl_packet *inner = &s->headers.inner;
	const uint32_t off = (uint32_t)move_head(s);
	const uint64_t changed = opaque(ETH_LEN + TAG_LEN * (s->headers.outer.tags & 3) + 12);

	if (changed < SL_FRAME_MIN || changed > SL_WINDOW_SLACK)
		return -1;
	if (inner->l3_end < len && bpf_xdp_adjust_tail(ctx, (int)inner->l3_end - (int)len))
		return -1;
	if (bpf_xdp_adjust_head(ctx, (int)off))
		return -1;
	return (int)bpf_xdp_store_bytes(ctx, 0, &s->window.b[sl_window_offset(off)], (uint32_t)changed);
}

static __always_inline int load_window(struct xdp_md *ctx, struct sl_decap_scratch *s, uint32_t len)
{
	const uint64_t n = opaque(len > SL_WINDOW_BYTES ? SL_WINDOW_BYTES : len);

	if (n < SL_FRAME_MIN || n > SL_WINDOW_BYTES)
		return -1;
	return (int)bpf_xdp_load_bytes(ctx, 0, s->window.b, (uint32_t)n);
}

SEC("xdp.frags")
int sluice_decap(struct xdp_md *ctx)
{
	const uint32_t zero = 0, len = (uint32_t)bpf_xdp_get_buff_len(ctx);
	struct sl_decap_scratch *s = bpf_map_lookup_elem(&scratch, &zero);
	uint32_t in_bank, result;
	const struct sl_decap_config *c = config_now(&in_bank);

	/* Generic XDP sees what GRO has put together: longer than SL_FRAME_MAX, and still within an IP packet's length. */
	if (!s || !c || len < SL_FRAME_MIN || len > UINT16_MAX || load_window(ctx, s, len))
		return XDP_PASS;
	if (sl_parse(&s->window, len, 0, c->tunnels, &s->headers) || s->headers.tunnel == 0)
		return XDP_PASS;
	result = (uint32_t)judge(s, c, in_bank);
	if (result == SL_DECAP_OPENED && open_tunnel(ctx, s, len))
		result = SL_DECAP_DROPPED_FAILED;
	count(&opened, sl_decap_counter(s->headers.tunnel, result), len);
	return result >= SL_DECAP_DROPPED_BAD_INNER && result <= SL_DECAP_DROPPED_FAILED ? XDP_DROP : XDP_PASS;
}

char sl_license[] SEC("license") = "Dual BSD/GPL";
