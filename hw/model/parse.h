/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stage parse (docs/datapath.md section 2): what the headers of a frame say. Errors of the outer IP header end the
 * frame's way here; everything else is recorded for the later stages to judge.
 */
#ifndef SLUICE_MODEL_PARSE_H
#define SLUICE_MODEL_PARSE_H

#include "hw/model/window.h"

enum sl_packet_flag {
	SL_PACKET_FRAGMENT = 1,  /* IPv4 MF or offset, IPv6 fragment header */
	SL_PACKET_OPTIONS = 2,   /* IPv4 options that ask a router to do something: no way around the host */
	SL_PACKET_EXTENSION = 4, /* IPv6 extension header that is not followed: no L4 */
	SL_PACKET_BAD_L4 = 8,    /* TCP or UDP header truncated or of contradictory length */
	SL_PACKET_L4 = 16,       /* complete TCP or UDP header at l4_off; sport, dport (and tcp_flags) are valid */
	SL_PACKET_ICMP_ERROR = 64, /* ICMP or ICMPv6 error that quotes a TCP or UDP packet: quote is valid */
	SL_PACKET_BAD_ECN = 32,  /* of a tunnel: CE outside, not ECN-capable inside (RFC 6040, 4.2: drop) */
};

/* The packet that an ICMP error quotes, turned round: what the other direction of its connection looks like. */
struct sl_quote {
	uint8_t src[16]; /* as in sl_packet */
	uint8_t dst[16];
	uint16_t sport; /* host order */
	uint16_t dport;
	uint8_t proto;
};

/* One frame within the window, outer or inner; in tunnels that carry bare IP packets the inner one has no Ethernet
 * header, and eth_off is l3_off. Offsets are from the start of the window; without L3 (family 0)
 * all fields below `family` are zero, ttl is 255 and the offsets after l3_off are meaningless. */
struct sl_packet {
	uint16_t eth_off;
	uint16_t l3_off;
	uint16_t l4_off;
	uint16_t l3_end;    /* first byte after the IP packet; what follows is padding */
	uint16_t ethertype; /* host order, after the tags */
	uint16_t vid;       /* of the outer tag */
	uint16_t vid2;      /* of the inner one */
	uint8_t tags;       /* 0 to 2 */
	uint8_t error; /* 0, SL_REASON_BAD_IP or SL_REASON_BAD_IP_CSUM; then family is 0 */
	uint8_t family; /* 4, 6, 0 none */
	uint8_t proto;  /* IPv6: 44 for a fragment, the own number of an extension that is not followed */
	uint8_t ttl;
	uint8_t flags;     /* sl_packet_flag */
	uint8_t tcp_flags; /* byte 13 of a good TCP header, else 0 */
	uint8_t l4_len;    /* bytes of L4 header that rewrite may touch: 20 TCP, 8 UDP, 0 none */
	uint8_t tos;       /* TOS or traffic class to forward with: inside a tunnel with the outer header's ECN merged in */
	uint16_t sport;    /* host order */
	uint16_t dport;
	uint8_t src[16]; /* wire order; IPv4 in the first four bytes, the rest zero */
	uint8_t dst[16];
	struct sl_quote quote;
};

struct sl_headers {
	struct sl_packet outer;
	struct sl_packet inner; /* valid with tunnel */
	uint32_t vni;           /* GRE: its key */
	uint16_t frame_len;
	uint8_t port; /* that received the frame */
	uint8_t tunnel;  /* sl_tunnel_mode VNI (VXLAN) to IPIP, 0 none */
	uint8_t dmac[6]; /* outer destination MAC */
};

/*
 * Parses a frame of frame_len bytes, SL_FRAME_MIN..SL_FRAME_MAX (ingress sees to that). tunnels: as csr.VXLAN_PORT, 0 none.
 * Returns 0, or the outer IP header's error (SL_REASON_BAD_IP, SL_REASON_BAD_IP_CSUM): drop.
 */
int sl_parse(const struct sl_window *window, uint32_t frame_len, uint32_t port, uint32_t tunnels,
	     struct sl_headers *headers);

/* The innermost recognised IP packet without error; the outer frame if there is none. */
static inline const struct sl_packet *sl_headers_effective(const struct sl_headers *headers)
{
	return headers->tunnel && headers->inner.family != 0 ? &headers->inner : &headers->outer;
}

/* The packet that is looked up and forwarded. */
static inline const struct sl_packet *sl_headers_packet(const struct sl_headers *headers, bool decap)
{
	return decap ? &headers->inner : &headers->outer;
}

#endif
