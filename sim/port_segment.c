/* SPDX-License-Identifier: BSD-3-Clause */
/* Segmentation and checksum completion; see port_segment.h. */
#include "sim/port_segment.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#define ETH_HEADER   14u
#define VXLAN_HEADER 8u
#define VXLAN_PORT   4789u
#define IPV6_HEADER  40u
#define UDP_HEADER   8u
#define PROTO_IPIP   4u
#define PROTO_TCP    6u
#define PROTO_UDP    17u
#define PROTO_IPV6   41u
#define TCP_FIN 0x01u
#define TCP_PSH 0x08u
#define TCP_CWR 0x80u

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static void put16(uint8_t *p, uint32_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static void put32(uint8_t *p, uint32_t value)
{
	put16(p, value >> 16);
	put16(p + 2, value);
}

/* Adds n bytes to a one's-complement sum of big-endian words. */
static uint64_t sum_bytes(uint64_t sum, const uint8_t *p, uint32_t n)
{
	for (; n >= 2; n -= 2, p += 2)
		sum += get16(p);
	return n != 0 ? sum + (uint32_t)(p[0] << 8) : sum;
}

static uint16_t sum_fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* Completes a TCP or UDP checksum from nothing: pseudo header of the IP header at l3, then l4 to the end. */
static void l4_checksum(uint8_t *frame, uint32_t len, uint32_t l3, uint32_t l4, uint8_t proto)
{
	uint8_t *field = frame + l4 + (proto == PROTO_TCP ? 16 : 6);
	uint64_t sum = proto + (uint64_t)(len - l4);
	uint16_t checksum;

	sum = frame[l3] >> 4 == 4 ? sum_bytes(sum, frame + l3 + 12, 8) : sum_bytes(sum, frame + l3 + 8, 32);
	put16(field, 0);
	checksum = (uint16_t)~sum_fold(sum_bytes(sum, frame + l4, len - l4));
	put16(field, checksum == 0 && proto == PROTO_UDP ? 0xffff : checksum);
}

/* Offset of the first IP header at or after an Ethernet header at `at`; 0 if there is none. */
static uint32_t ethernet_skip(const uint8_t *frame, uint32_t len, uint32_t at)
{
	uint32_t type_at = at + 12;

	for (unsigned int tags = 0; type_at + 2 <= len && tags < 3; tags++, type_at += 4) {
		uint16_t type = get16(frame + type_at);

		if (type == 0x0800 || type == 0x86dd)
			return type_at + 2;
		if (type != 0x8100 && type != 0x88a8)
			return 0;
	}
	return 0;
}

/* Length of the IP header at l3 and its protocol; 0 if it is broken. Extension headers count as L4. */
static uint32_t ip_header(const uint8_t *frame, uint32_t len, uint32_t l3, uint8_t *proto)
{
	uint32_t ihl;

	if (l3 + 20 <= len && frame[l3] >> 4 == 4) {
		ihl = (frame[l3] & 15u) * 4u;
		*proto = frame[l3 + 9];
		return ihl >= 20 && l3 + ihl <= len ? ihl : 0;
	}
	if (l3 + IPV6_HEADER <= len && frame[l3] >> 4 == 6) {
		*proto = frame[l3 + 6];
		return IPV6_HEADER;
	}
	return 0;
}

/* Finds every IP header down to the one whose payload is to be cut. Without a checksum start the first L4 header is it. */
static int headers_walk(struct sl_segment *s, uint8_t wanted)
{
	const bool known = (s->offload.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0;
	uint32_t l3 = ethernet_skip(s->frame, s->len, 0);

	for (unsigned int level = 0; level < SL_SEGMENT_LEVELS && l3 != 0; level++) {
		uint8_t proto;
		uint32_t n = ip_header(s->frame, s->len, l3, &proto), l4 = l3 + n;

		if (n == 0)
			return -EINVAL;
		s->l3[level] = l3;
		s->udp[level] = 0;
		s->levels = level + 1;
		if (known ? l4 == s->offload.csum_start : proto == wanted) {
			s->l4 = l4;
			return proto == wanted ? 0 : -EINVAL;
		}
		if (proto == PROTO_IPIP || proto == PROTO_IPV6) {
			l3 = l4;
		} else if (proto == PROTO_UDP && l4 + UDP_HEADER <= s->len && get16(s->frame + l4 + 2) == VXLAN_PORT) {
			s->udp[level] = l4;
			l3 = ethernet_skip(s->frame, s->len, l4 + UDP_HEADER + VXLAN_HEADER);
		} else {
			return -EINVAL;
		}
	}
	return -EINVAL;
}

/* A frame that is to be cut: checks the description and finds the headers. */
static int gso_begin(struct sl_segment *s)
{
	int rc;

	s->proto = s->gso == VIRTIO_NET_HDR_GSO_UDP_L4 ? PROTO_UDP : PROTO_TCP;
	if (s->gso != VIRTIO_NET_HDR_GSO_TCPV4 && s->gso != VIRTIO_NET_HDR_GSO_TCPV6 &&
	    s->gso != VIRTIO_NET_HDR_GSO_UDP_L4)
		return -EINVAL;
	rc = headers_walk(s, s->proto);
	if (rc != 0)
		return rc;
	if (s->l4 + (s->proto == PROTO_TCP ? 20 : UDP_HEADER) > s->len)
		return -EINVAL;
	s->headers = s->l4 + (s->proto == PROTO_TCP ? (s->frame[s->l4 + 12] >> 4) * 4u : UDP_HEADER);
	s->size = s->offload.gso_size;
	if (s->size == 0 || s->headers < s->l4 + UDP_HEADER || s->headers > s->len ||
	    s->headers + s->size > SL_SEGMENT_MAX)
		return -EINVAL;
	s->next = s->headers;
	return 0;
}

int sl_segment_begin(struct sl_segment *s, const struct virtio_net_hdr *offload, const uint8_t *frame, uint32_t len)
{
	*s = (struct sl_segment){ .frame = frame, .len = len, .offload = *offload };
	s->gso = offload->gso_type & (uint8_t)~VIRTIO_NET_HDR_GSO_ECN;
	if (len < ETH_HEADER)
		return -EINVAL;
	if ((offload->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0 &&
	    (uint32_t)offload->csum_start + offload->csum_offset + 2 > len)
		return -EINVAL;
	if (s->gso != VIRTIO_NET_HDR_GSO_NONE)
		return gso_begin(s);
	return len <= SL_SEGMENT_MAX ? 0 : -EINVAL;
}

/* Lengths, identification and checksums of the IP headers and tunnel headers, innermost first. */
static void outer_finish(const struct sl_segment *s, uint8_t *out, uint32_t len)
{
	for (unsigned int level = s->levels; level-- > 0;) {
		uint8_t *ip = out + s->l3[level];
		const uint32_t udp = s->udp[level];

		if (ip[0] >> 4 == 4) {
			put16(ip + 2, len - s->l3[level]);
			put16(ip + 4, get16(ip + 4) + s->count);
			put16(ip + 10, 0);
			put16(ip + 10, (uint16_t)~sum_fold(sum_bytes(0, ip, (ip[0] & 15u) * 4u)));
		} else {
			put16(ip + 4, len - s->l3[level] - IPV6_HEADER);
		}
		if (udp != 0) {
			put16(out + udp + 4, len - udp);
			if (get16(out + udp + 6) != 0)
				l4_checksum(out, len, s->l3[level], udp, PROTO_UDP);
		}
	}
}

static void tcp_finish(const struct sl_segment *s, uint8_t *tcp, bool last)
{
	put32(tcp + 4, get32(tcp + 4) + (s->next - s->headers));
	if (!last)
		tcp[13] &= (uint8_t)~(TCP_FIN | TCP_PSH);
	if (s->count > 0)
		tcp[13] &= (uint8_t)~TCP_CWR;
}

uint32_t sl_segment_next(struct sl_segment *s, uint8_t *out)
{
	uint32_t part, len;

	if (s->done)
		return 0;
	if (s->proto == 0) {
		s->done = true;
		memcpy(out, s->frame, s->len);
		if ((s->offload.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0) {
			const uint32_t start = s->offload.csum_start, offset = s->offload.csum_offset;
			uint16_t checksum = (uint16_t)~sum_fold(sum_bytes(0, out + start, s->len - start));

			put16(out + start + offset, checksum == 0 && offset == 6 ? 0xffff : checksum);
		}
		return s->len;
	}
	part = s->len - s->next < s->size ? s->len - s->next : s->size;
	len = s->headers + part;
	s->done = s->next + part >= s->len;
	memcpy(out, s->frame, s->headers);
	memcpy(out + s->headers, s->frame + s->next, part);
	if (s->proto == PROTO_TCP)
		tcp_finish(s, out + s->l4, s->done);
	else
		put16(out + s->l4 + 4, len - s->l4);
	l4_checksum(out, len, s->l3[s->levels - 1], s->l4, s->proto);
	outer_finish(s, out, len);
	s->next += part;
	s->count++;
	return len;
}
