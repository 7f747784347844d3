/* SPDX-License-Identifier: BSD-3-Clause */
/* Stage parse. See parse.h. */
#include "hw/model/parse.h"

#define ETHERTYPE_VLAN 0x8100
#define ETHERTYPE_QINQ 0x88a8
#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_IPV6 0x86dd
#define ETHERTYPE_TEB 0x6558
#define ETH_LEN 14
#define VLAN_LEN 4
#define IPV4_LEN 20
#define IPV6_LEN 40
#define UDP_LEN 8
#define TCP_LEN 20
#define VXLAN_LEN 8
#define GENEVE_LEN 8
#define GUE_LEN 4
#define GRE_LEN 4
#define GRE_KEY 0x20
#define ICMP_LEN 8
#define PROTO_ICMP 1
#define PROTO_IPV4 4
#define PROTO_TCP 6
#define PROTO_UDP 17
#define PROTO_HOP_BY_HOP 0
#define PROTO_IPV6 41
#define PROTO_ROUTING 43
#define PROTO_IPV6_FRAGMENT 44
#define PROTO_GRE 47
#define PROTO_ICMPV6 58
#define PROTO_DESTINATION 60
#define ICMP_UNREACHABLE 3
#define ICMP_TIME_EXCEEDED 11
#define ICMP_PARAMETER 12
#define ICMPV6_UNREACHABLE 1
#define ICMPV6_PARAMETER 4
#define OPTION_LSRR 131
#define OPTION_SSRR 137
#define OPTION_ROUTER_ALERT 148
#define OPTION6_ROUTER_ALERT 5
#define ECN_MASK 3
#define ECN_NOT_ECT 0
#define ECN_ECT1 1
#define ECN_ECT0 2
#define ECN_CE 3

/* One's-complement sum of an IPv4 header of ihl 32-bit words, folded; its byte order is the memory's, which 0xffff does
 * not show. */
static inline uint32_t ipv4_sum(const struct sl_window *window, uint32_t off, uint32_t ihl)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < 15; i++) {
		uint32_t word;

		if (i >= ihl)
			break;
		__builtin_memcpy(&word, &window->b[sl_window_offset(off + 4 * i)], 4);
		sum += word;
	}
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint32_t)sum;
}

/* The end of a parse without L3: nothing of an IP header may be believed. */
static inline void packet_clear_l3(struct sl_packet *p, uint32_t error)
{
	p->l4_off = p->l3_off;
	p->l3_end = p->l3_off;
	p->error = (uint8_t)error;
	p->family = 0;
	p->proto = 0;
	p->ttl = 255;
	p->flags = 0;
	p->tcp_flags = 0;
	p->l4_len = 0;
	p->tos = 0;
	p->sport = 0;
	p->dport = 0;
	__builtin_memset(p->src, 0, sizeof(p->src));
	__builtin_memset(p->dst, 0, sizeof(p->dst));
}

/*
 * True if a source route or a router alert stands among the options in [off, end). They are looked for at every byte,
 * not along the list of options: hardware needs no walk for that, and a wrong guess only sends a frame to the host.
 */
static inline bool options_ask(const struct sl_window *window, uint32_t off, uint32_t end)
{
	for (uint32_t i = 0; i < 40; i++) {
		const uint8_t *option = &window->b[sl_window_offset(off + i)];

		if (off + i + 1 >= end)
			break;
		if ((option[0] == OPTION_LSRR || option[0] == OPTION_SSRR) && option[1] >= 3)
			return true;
		if (option[0] == OPTION_ROUTER_ALERT && option[1] == 4)
			return true;
	}
	return false;
}

static inline bool is_icmp_error(uint32_t family, uint32_t type)
{
	if (family == 4)
		return type == ICMP_UNREACHABLE || type == ICMP_TIME_EXCEEDED || type == ICMP_PARAMETER;
	return type >= ICMPV6_UNREACHABLE && type <= ICMPV6_PARAMETER;
}

/*
 * An ICMP error right behind the IP header that quotes a TCP or UDP packet with at least eight bytes of its L4 header
 * right behind an IP header: then the connection that it is about is known, as the packets look that go the other way.
 */
static inline void parse_icmp(const struct sl_window *window, struct sl_packet *p)
{
	const uint32_t ip_len = p->family == 4 ? IPV4_LEN : IPV6_LEN;
	const uint8_t *icmp = &window->b[sl_window_offset(p->l4_off)];
	const uint8_t *ip = &window->b[sl_window_offset((uint32_t)p->l4_off + ICMP_LEN)];
	const uint8_t *l4 = &window->b[sl_window_offset((uint32_t)p->l4_off + ICMP_LEN + ip_len)];
	struct sl_quote *quote = &p->quote;

	if (p->proto != (p->family == 4 ? PROTO_ICMP : PROTO_ICMPV6) || p->l4_off - p->l3_off != (int)ip_len)
		return;
	if ((uint32_t)p->l3_end - p->l4_off < ICMP_LEN + ip_len + 8 || !is_icmp_error(p->family, icmp[0]))
		return;
	__builtin_memset(quote, 0, sizeof(*quote));
	if (p->family == 4) {
		if (ip[0] != 0x45 || (sl_load_be16(ip + 6) & 0x1fff) != 0)
			return;
		quote->proto = ip[9];
		__builtin_memcpy(quote->src, ip + 16, 4);
		__builtin_memcpy(quote->dst, ip + 12, 4);
	} else {
		if (ip[0] >> 4 != 6)
			return;
		quote->proto = ip[6];
		__builtin_memcpy(quote->src, ip + 24, 16);
		__builtin_memcpy(quote->dst, ip + 8, 16);
	}
	if (quote->proto != PROTO_TCP && quote->proto != PROTO_UDP)
		return;
	quote->sport = (uint16_t)sl_load_be16(l4 + 2);
	quote->dport = (uint16_t)sl_load_be16(l4);
	p->flags |= SL_PACKET_ICMP_ERROR;
}

static inline void parse_l4(const struct sl_window *window, struct sl_packet *p)
{
	const uint32_t payload = (uint32_t)p->l3_end - p->l4_off;
	const uint8_t *l4 = &window->b[sl_window_offset(p->l4_off)];

	if (p->proto == PROTO_TCP) {
		const uint32_t data_off = payload >= TCP_LEN ? l4[12] >> 4 : 0;

		if (data_off < 5 || 4 * data_off > payload) {
			p->flags |= SL_PACKET_BAD_L4;
			return;
		}
		p->tcp_flags = l4[13];
		p->l4_len = TCP_LEN;
	} else if (p->proto == PROTO_UDP) {
		const uint32_t len = payload >= UDP_LEN ? sl_load_be16(l4 + 4) : 0;

		if (len < UDP_LEN || len > payload) {
			p->flags |= SL_PACKET_BAD_L4;
			return;
		}
		p->l4_len = UDP_LEN;
	} else {
		parse_icmp(window, p);
		return;
	}
	p->flags |= SL_PACKET_L4;
	p->sport = (uint16_t)sl_load_be16(l4);
	p->dport = (uint16_t)sl_load_be16(l4 + 2);
}

/* end: first byte after the (inner) frame. Returns the header's error or 0. */
static inline uint32_t parse_ipv4(const struct sl_window *window, uint32_t end, struct sl_packet *p)
{
	const uint32_t off = p->l3_off;
	const uint8_t *ip = &window->b[sl_window_offset(off)];
	uint32_t ihl, total;

	if (off + IPV4_LEN > end)
		return SL_REASON_BAD_IP;
	ihl = ip[0] & 0xf;
	total = sl_load_be16(ip + 2);
	if (ip[0] >> 4 != 4 || ihl < 5 || total < 4 * ihl || off + total > end)
		return SL_REASON_BAD_IP;
	if (ipv4_sum(window, off, ihl) != 0xffff)
		return SL_REASON_BAD_IP_CSUM;
	p->family = 4;
	p->proto = ip[9];
	p->ttl = ip[8];
	p->tos = ip[1];
	p->l4_off = (uint16_t)(off + 4 * ihl);
	p->l3_end = (uint16_t)(off + total);
	if (ihl > 5 && options_ask(window, off + IPV4_LEN, off + 4 * ihl))
		p->flags |= SL_PACKET_OPTIONS;
	__builtin_memcpy(p->src, ip + 12, 4);
	__builtin_memcpy(p->dst, ip + 16, 4);
	if ((sl_load_be16(ip + 6) & 0x3fff) != 0)
		p->flags |= SL_PACKET_FRAGMENT;
	else
		parse_l4(window, p);
	return 0;
}

static inline bool is_extension(uint32_t proto)
{
	return proto == 0 || proto == 43 || proto == 60 || proto == 51 || proto == 50 || proto == 135 || proto == 139 ||
	       proto == 140;
}

/* True if the extension header at off, which ends before end, asks for nothing that is a router's business. */
static inline bool extension_passes(const struct sl_window *window, uint32_t proto, uint32_t off, uint32_t end)
{
	const uint8_t *header = &window->b[sl_window_offset(off)];

	if (proto == PROTO_ROUTING)
		return header[2] != 0 && header[3] == 0; /* not type 0 (RFC 5095), no segments left */
	if (proto != PROTO_HOP_BY_HOP)
		return true;
	for (uint32_t i = 2; i < SL_EXT_BYTES - 1; i++) {
		const uint8_t *option = &window->b[sl_window_offset(off + i)];

		if (off + i + 1 >= end)
			break;
		if (option[0] == OPTION6_ROUTER_ALERT && option[1] == 2)
			return false;
	}
	return true;
}

/* Follows extension headers as far as they may be followed: p->proto and p->l4_off become those of what comes then. */
static inline void parse_extensions(const struct sl_window *window, struct sl_packet *p)
{
	const uint32_t first = p->l4_off;

	for (uint32_t i = 0; i < SL_EXT_HEADERS; i++) {
		const bool hop_by_hop = p->proto == PROTO_HOP_BY_HOP && i == 0;
		const uint32_t off = p->l4_off;
		uint32_t end;

		if (!hop_by_hop && p->proto != PROTO_ROUTING && p->proto != PROTO_DESTINATION)
			break;
		if (off + 8 > p->l3_end || off + 8 > first + SL_EXT_BYTES)
			break;
		end = off + 8 * (1u + window->b[sl_window_offset(off + 1)]);
		if (end > p->l3_end || end > first + SL_EXT_BYTES)
			break;
		if (!extension_passes(window, p->proto, off, end))
			break;
		p->proto = window->b[sl_window_offset(off)];
		p->l4_off = (uint16_t)end;
	}
}

static inline uint32_t parse_ipv6(const struct sl_window *window, uint32_t end, struct sl_packet *p)
{
	const uint32_t off = p->l3_off;
	const uint8_t *ip = &window->b[sl_window_offset(off)];
	uint32_t payload;

	if (off + IPV6_LEN > end)
		return SL_REASON_BAD_IP;
	payload = sl_load_be16(ip + 4);
	if (ip[0] >> 4 != 6 || off + IPV6_LEN + payload > end)
		return SL_REASON_BAD_IP;
	p->family = 6;
	p->proto = ip[6];
	p->ttl = ip[7];
	p->tos = (uint8_t)(sl_load_be16(ip) >> 4);
	p->l4_off = (uint16_t)(off + IPV6_LEN);
	p->l3_end = (uint16_t)(off + IPV6_LEN + payload);
	__builtin_memcpy(p->src, ip + 8, 16);
	__builtin_memcpy(p->dst, ip + 24, 16);
	parse_extensions(window, p);
	if (p->proto == PROTO_IPV6_FRAGMENT)
		p->flags |= SL_PACKET_FRAGMENT;
	else if (is_extension(p->proto))
		p->flags |= SL_PACKET_EXTENSION;
	else
		parse_l4(window, p);
	return 0;
}

/* The VID of the tag at off; bytes that are cut off read as zero. */
static inline uint16_t tag_vid(const struct sl_window *window, uint32_t off, uint32_t end)
{
	const uint32_t high = end > off ? window->b[off] & 0xf : 0, low = end > off + 1 ? window->b[off + 1] : 0;

	return (uint16_t)(high << 8 | low);
}

/* The tags of the outer frame, at most two; returns the ethertype after them, 0 if it is cut off. */
static inline uint32_t parse_tags(const struct sl_window *window, uint32_t end, uint32_t ethertype, struct sl_packet *p)
{
	const uint32_t next = end >= ETH_LEN + VLAN_LEN ? sl_load_be16(&window->b[ETH_LEN + 2]) : 0;

	/* A service tag is one only in front of a customer's. */
	if (ethertype != ETHERTYPE_VLAN && (ethertype != ETHERTYPE_QINQ || next != ETHERTYPE_VLAN))
		return ethertype;
	p->tags = 1;
	p->vid = tag_vid(window, ETH_LEN, end);
	p->l3_off = ETH_LEN + VLAN_LEN;
	if (next != ETHERTYPE_VLAN)
		return next;
	p->tags = 2;
	p->vid2 = tag_vid(window, ETH_LEN + VLAN_LEN, end);
	p->l3_off = ETH_LEN + 2 * VLAN_LEN;
	return end >= ETH_LEN + 2 * VLAN_LEN ? sl_load_be16(&window->b[ETH_LEN + VLAN_LEN + 2]) : 0;
}

/* The IP packet at p->l3_off, if ethertype says that it is one, and what is in it. */
static inline void parse_l3(const struct sl_window *window, uint32_t end, uint32_t ethertype, struct sl_packet *p)
{
	uint32_t error = 0;

	p->ethertype = (uint16_t)ethertype;
	packet_clear_l3(p, 0);
	if (ethertype == ETHERTYPE_IPV4)
		error = parse_ipv4(window, end, p);
	else if (ethertype == ETHERTYPE_IPV6)
		error = parse_ipv6(window, end, p);
	if (error)
		packet_clear_l3(p, error);
}

/* What a tunnel's header says: its kind, its network, and what follows offset bytes after it began. */
struct tunnel {
	uint8_t mode; /* sl_tunnel_mode */
	uint8_t offset;
	uint16_t ethertype; /* ETHERTYPE_TEB: an Ethernet header comes first */
	uint32_t vni;
};

static inline uint32_t load_be32(const uint8_t *p)
{
	return sl_load_be16(p) << 16 | sl_load_be16(p + 2);
}

static inline uint32_t ethertype_of(uint32_t proto)
{
	return proto == PROTO_IPV4 ? ETHERTYPE_IPV4 : proto == PROTO_IPV6 ? ETHERTYPE_IPV6 : 0;
}

/* GRE (RFC 2784, 2890) without checksum, sequence number and what is reserved; a key may be there. len: all its bytes. */
static inline void look_gre(const uint8_t *gre, uint32_t len, struct tunnel *t)
{
	if (len < GRE_LEN || (gre[0] & ~GRE_KEY) != 0 || gre[1] != 0)
		return;
	if ((gre[0] & GRE_KEY) && len < GRE_LEN + 4)
		return;
	t->mode = SL_TUNNEL_MODE_GRE;
	t->offset = gre[0] & GRE_KEY ? GRE_LEN + 4 : GRE_LEN;
	t->vni = gre[0] & GRE_KEY ? load_be32(gre + 4) : 0;
	t->ethertype = (uint16_t)sl_load_be16(gre + 2);
	if (t->ethertype != ETHERTYPE_IPV4 && t->ethertype != ETHERTYPE_IPV6)
		t->ethertype = 0;
}

/* GUE data messages without options (variant 0), and IP directly in UDP (variant 1). len: UDP's, of at least a byte. */
static inline void look_gue(const uint8_t *udp, uint32_t len, struct tunnel *t)
{
	const uint8_t *gue = udp + UDP_LEN;

	if (gue[0] >> 4 == 4 || gue[0] >> 4 == 6) {
		t->offset = UDP_LEN;
		t->ethertype = gue[0] >> 4 == 4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6;
	} else if (gue[0] == 0 && len >= UDP_LEN + GUE_LEN && sl_load_be16(gue + 2) == 0) {
		t->offset = UDP_LEN + GUE_LEN;
		t->ethertype = (uint16_t)ethertype_of(gue[1]);
	} else {
		return;
	}
	t->mode = SL_TUNNEL_MODE_GUE;
}

/* Geneve (RFC 8926) without options that is no control message. */
static inline void look_geneve(const uint8_t *udp, uint32_t len, struct tunnel *t)
{
	const uint8_t *geneve = udp + UDP_LEN;

	if (len < UDP_LEN + GENEVE_LEN || geneve[0] != 0 || geneve[1] & 0xc0)
		return;
	t->ethertype = (uint16_t)sl_load_be16(geneve + 2);
	if (t->ethertype == ETHERTYPE_TEB && len < UDP_LEN + GENEVE_LEN + ETH_LEN)
		return;
	if (t->ethertype != ETHERTYPE_IPV4 && t->ethertype != ETHERTYPE_IPV6 && t->ethertype != ETHERTYPE_TEB)
		t->ethertype = 0;
	t->mode = SL_TUNNEL_MODE_GENEVE;
	t->offset = UDP_LEN + GENEVE_LEN;
	t->vni = load_be32(geneve + 4) >> 8;
}

static inline void look_vxlan(const uint8_t *udp, uint32_t len, struct tunnel *t)
{
	if (len < UDP_LEN + VXLAN_LEN + ETH_LEN || !(udp[UDP_LEN] & 0x08))
		return;
	t->mode = SL_TUNNEL_MODE_VNI;
	t->offset = UDP_LEN + VXLAN_LEN;
	t->ethertype = ETHERTYPE_TEB;
	t->vni = load_be32(udp + UDP_LEN + 4) >> 8;
}

/* The tunnel that the packet belongs to, mode 0 if to none; *end: where what is in it ends. */
static inline struct tunnel find_tunnel(const struct sl_window *window, const struct sl_packet *p, uint32_t tunnels,
					uint32_t *end)
{
	const uint8_t *l4 = &window->b[sl_window_offset(p->l4_off)];
	struct tunnel t = { 0 };
	uint32_t len = (uint32_t)p->l3_end - p->l4_off;

	/* Neither options nor extension headers in front. */
	if (p->l4_off - p->l3_off != (p->family == 4 ? IPV4_LEN : IPV6_LEN) || (p->flags & SL_PACKET_FRAGMENT))
		return t;
	if (p->flags & SL_PACKET_L4 && p->proto == PROTO_UDP) {
		len = sl_load_be16(l4 + 4);
		if ((tunnels & 0xffff) != 0 && p->dport == (tunnels & 0xffff))
			look_vxlan(l4, len, &t);
		else if (tunnels & SL_TUNNEL_FLAG_GENEVE && p->dport == SL_GENEVE_PORT)
			look_geneve(l4, len, &t);
		else if (tunnels & SL_TUNNEL_FLAG_GUE && p->dport == SL_GUE_PORT && len > UDP_LEN)
			look_gue(l4, len, &t);
	} else if (tunnels & SL_TUNNEL_FLAG_GRE && p->proto == PROTO_GRE) {
		look_gre(l4, len, &t);
	} else if (tunnels & SL_TUNNEL_FLAG_IPIP && ethertype_of(p->proto) != 0) {
		t.mode = SL_TUNNEL_MODE_IPIP;
		t.ethertype = (uint16_t)ethertype_of(p->proto);
	}
	*end = p->l4_off + len;
	return t;
}

/* The tunnel's inner frame or packet, off to end. */
static inline void parse_inner(const struct sl_window *window, const struct tunnel *t, uint32_t off, uint32_t end,
			       struct sl_packet *p)
{
	uint32_t ethertype = t->ethertype;

	p->eth_off = (uint16_t)off;
	p->l3_off = (uint16_t)off;
	p->vid = 0;
	p->vid2 = 0;
	p->tags = 0;
	if (ethertype == ETHERTYPE_TEB) {
		ethertype = sl_load_be16(&window->b[sl_window_offset(off + 12)]);
		p->l3_off = (uint16_t)(off + ETH_LEN);
	}
	parse_l3(window, end, ethertype, p);
}

static inline void parse_outer(const struct sl_window *window, uint32_t end, struct sl_packet *p)
{
	uint32_t ethertype = sl_load_be16(&window->b[12]);

	p->eth_off = 0;
	p->l3_off = ETH_LEN;
	p->vid = 0;
	p->vid2 = 0;
	p->tags = 0;
	ethertype = parse_tags(window, end, ethertype, p);
	parse_l3(window, end, ethertype, p);
}

/* RFC 6040, section 4.2: what the ECN field of a decapsulated packet becomes. */
static inline void merge_ecn(uint32_t outer, struct sl_packet *inner)
{
	const uint32_t ecn = inner->tos & ECN_MASK;

	outer &= ECN_MASK;
	if (inner->family == 0)
		return;
	if (ecn == ECN_NOT_ECT && outer == ECN_CE)
		inner->flags |= SL_PACKET_BAD_ECN;
	else if (ecn != ECN_NOT_ECT && outer == ECN_CE)
		inner->tos |= ECN_CE;
	else if (ecn == ECN_ECT0 && outer == ECN_ECT1)
		inner->tos ^= ECN_ECT0 ^ ECN_ECT1;
}

int sl_parse(const struct sl_window *window, uint32_t frame_len, uint32_t port, uint32_t tunnels,
	     struct sl_headers *headers)
{
	SL_NONNULL(window && headers);
	uint32_t end = 0;
	struct tunnel t;

	headers->frame_len = (uint16_t)frame_len;
	headers->port = (uint8_t)port;
	__builtin_memcpy(headers->dmac, window->b, sizeof(headers->dmac));
	parse_outer(window, frame_len, &headers->outer);
	t = find_tunnel(window, &headers->outer, tunnels, &end);
	headers->tunnel = t.mode;
	headers->vni = t.vni;
	if (t.mode != 0) {
		parse_inner(window, &t, (uint32_t)headers->outer.l4_off + t.offset, end, &headers->inner);
		merge_ecn(headers->outer.tos, &headers->inner);
	}
	return headers->outer.error;
}
