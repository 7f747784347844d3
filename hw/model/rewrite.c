/* SPDX-License-Identifier: BSD-3-Clause */
/* Stage rewrite. See rewrite.h. Checksums follow RFC 1624, equation 3: HC' = ~(~HC + ~m + m'). */
#include "hw/model/rewrite.h"

#include "hw/model/hash.h"

#define PROTO_UDP 17

static inline uint32_t fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

static inline void csum_add(uint8_t *csum, uint32_t delta)
{
	sl_store_be16(csum, ~fold((~sl_load_be16(csum) & 0xffff) + delta));
}

/* Sets the traffic class of an IPv6 header. */
static inline void set_class(uint8_t *ip, uint32_t tos)
{
	ip[0] = (uint8_t)((ip[0] & 0xf0) | tos >> 4);
	ip[1] = (uint8_t)((ip[1] & 0x0f) | tos << 4);
}

/* Addresses, TTL, TOS and checksum of the IP header. */
static inline void edit_ipv4(uint8_t *ip, uint32_t tos, const struct sl_record *record)
{
	uint32_t delta = 0;

	if (record->flags & SL_RECORD_FLAG_NAT_SRC)
		__builtin_memcpy(ip + 12, record->new_src, 4);
	if (record->flags & SL_RECORD_FLAG_NAT_DST)
		__builtin_memcpy(ip + 16, record->new_dst, 4);
	if (record->flags & (SL_RECORD_FLAG_NAT_SRC | SL_RECORD_FLAG_NAT_DST))
		delta = record->l3_delta;
	if (record->flags & SL_RECORD_FLAG_DEC_TTL) {
		delta += ~sl_load_be16(ip + 8) & 0xffff;
		ip[8]--;
		delta += sl_load_be16(ip + 8);
	}
	if (ip[1] != tos) {
		delta += 0xffffu - ip[1] + tos;
		ip[1] = (uint8_t)tos;
	}
	csum_add(ip + 10, delta);
}

static inline void edit_ipv6(uint8_t *ip, uint32_t tos, const struct sl_record *record)
{
	set_class(ip, tos);
	if (record->flags & SL_RECORD_FLAG_NAT_SRC)
		__builtin_memcpy(ip + 8, record->new_src, 16);
	if (record->flags & SL_RECORD_FLAG_NAT_DST)
		__builtin_memcpy(ip + 24, record->new_dst, 16);
	if (record->flags & SL_RECORD_FLAG_DEC_TTL)
		ip[7]--;
}

/* With NAT: ports and checksum of the L4 header. */
static inline void edit_l4(uint8_t *l4, uint32_t proto, const struct sl_record *record)
{
	uint8_t *csum = proto == PROTO_UDP ? l4 + 6 : l4 + 16;

	if (record->flags & SL_RECORD_FLAG_NAT_SRC)
		__builtin_memcpy(l4, &record->new_sport, 2);
	if (record->flags & SL_RECORD_FLAG_NAT_DST)
		__builtin_memcpy(l4 + 2, &record->new_dport, 2);
	if (!(record->flags & (SL_RECORD_FLAG_NAT_SRC | SL_RECORD_FLAG_NAT_DST)))
		return;
	if (proto == PROTO_UDP && sl_load_be16(csum) == 0)
		return;
	csum_add(csum, record->l4_delta);
	if (proto == PROTO_UDP && sl_load_be16(csum) == 0)
		sl_store_be16(csum, 0xffff);
}

/* Bits of the outer TOS that come from the packet. */
static inline uint32_t copied_tos(const struct sl_record *record)
{
	return (record->flags & SL_RECORD_FLAG_COPY_ECN ? 0x03 : 0) | (record->flags & SL_RECORD_FLAG_COPY_DSCP ? 0xfc : 0);
}

/* The TOS, lengths, checksum and source port that the template of an outer header leaves open. */
static inline void complete_outer(struct sl_rewrite *rewrite, const struct sl_action *action,
				  const struct sl_record *record, const struct sl_packet *packet)
{
	const uint32_t inner_len = (uint32_t)packet->l3_end - packet->l3_off, mask = copied_tos(record);
	uint8_t *ip = &rewrite->head[action->l3_off], *udp = &rewrite->head[action->l4_off];
	const uint32_t hdr_len = action->hdr_len;

	if (action->flags & SL_ACTION_FLAG_OUTER_V4) {
		const uint32_t total = (hdr_len - action->l3_off + inner_len) & 0xffff;
		const uint32_t tos = (ip[1] & ~mask) | (packet->tos & mask);

		sl_store_be16(ip + 2, total);
		csum_add(ip + 10, total + (mask ? 0xffff - ip[1] + tos : 0));
		ip[1] = (uint8_t)tos;
	}
	if (action->flags & SL_ACTION_FLAG_OUTER_V6) {
		set_class(ip, ((sl_load_be16(ip) >> 4 & 0xff) & ~mask) | (packet->tos & mask));
		sl_store_be16(ip + 4, hdr_len - action->l3_off - 40 + inner_len);
	}
	if (action->flags & SL_ACTION_FLAG_OUTER_UDP) {
		sl_store_be16(udp, sl_hash_entropy(rewrite->hash));
		sl_store_be16(udp + 4, hdr_len - action->l4_off + inner_len);
	}
}

/* Bytes in front of the L4 header, from the IP header on; as the verifier can follow it. */
static inline uint32_t header_len(const struct sl_packet *packet)
{
#ifdef __bpf__
	uint64_t len = (uint64_t)packet->l4_off - packet->l3_off;

	__asm__ volatile("%0 &= 0x7c" : "+r"(len));
	return (uint32_t)len;
#else
	return (uint32_t)packet->l4_off - packet->l3_off;
#endif
}

/* n: a multiple of 4, at most IPv6 with extensions and TCP. */
static inline void copy_words(uint8_t *to, const uint8_t *from, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < 40 + SL_EXT_BYTES + 16; i += 8) {
		if (i + 8 > n)
			break;
		__builtin_memcpy(to + i, from + i, 8);
	}
	if (n & 4)
		__builtin_memcpy(to + i, from + i, 4);
}

int sl_rewrite(const struct sl_window *window SL_NONNULL, const struct sl_packet *packet SL_NONNULL,
	       const struct sl_record *record SL_NONNULL,
	       const struct sl_action *action SL_NONNULL, struct sl_rewrite *rewrite SL_NONNULL)
{
	const uint8_t *old_l3 = &window->b[sl_window_offset(packet->l3_off)];
	const uint32_t l3_len = header_len(packet), l4_len = packet->proto == PROTO_UDP ? 8 : 20;
	uint32_t l2_len;
	uint8_t *l3, *l4;

	if (action->flags & SL_ACTION_FLAG_STRIP_L2) {
		l2_len = action->hdr_len > SL_ACTION_HDR_BYTES ? SL_ACTION_HDR_BYTES : action->hdr_len;
		__builtin_memcpy(rewrite->head, action->hdr, sizeof(action->hdr));
		complete_outer(rewrite, action, record, packet);
	} else {
		const uint8_t *eth = &window->b[sl_window_offset(packet->eth_off)];

		l2_len = 14u + 4u * (packet->tags & 3);
		__builtin_memcpy(rewrite->head, eth, 14);
		if (packet->tags != 0)
			__builtin_memcpy(rewrite->head + 14, eth + 14, 4);
		if (packet->tags == 2)
			__builtin_memcpy(rewrite->head + 18, eth + 18, 4);
	}
	l3 = &rewrite->head[l2_len];
	l4 = l3 + l3_len;
	copy_words(l3, old_l3, l3_len + l4_len);
	if (packet->family == 4)
		edit_ipv4(l3, packet->tos, record);
	else
		edit_ipv6(l3, packet->tos, record);
	edit_l4(l4, packet->proto, record);
	rewrite->head_len = (uint16_t)(l2_len + l3_len + l4_len);
	rewrite->payload_off = (uint16_t)(packet->l3_off + l3_len + l4_len);
	rewrite->payload_end = packet->l3_end;
	rewrite->reserved = 0;
	return 0;
}
