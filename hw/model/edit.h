/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What stage rewrite changes in headers, in place, for those who have the frame's bytes under their hands: rewrite.c in the new
 * head that it makes, the XDP program's short cut in the frame. Checksums follow RFC 1624, equation 3: HC' = ~(~HC + ~m + m').
 */
#ifndef SLUICE_MODEL_EDIT_H
#define SLUICE_MODEL_EDIT_H

#include "hw/model/hash.h"

#define SL_EDIT_UDP 17

static inline __attribute__((always_inline)) uint32_t sl_edit_fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

static inline __attribute__((always_inline)) void sl_edit_csum(uint8_t *csum, uint32_t delta)
{
	sl_store_be16(csum, ~sl_edit_fold((~sl_load_be16(csum) & 0xffff) + delta));
}

/* Sets the traffic class of an IPv6 header. */
static inline __attribute__((always_inline)) void sl_edit_class(uint8_t *ip, uint32_t tos)
{
	ip[0] = (uint8_t)((ip[0] & 0xf0) | tos >> 4);
	ip[1] = (uint8_t)((ip[1] & 0x0f) | tos << 4);
}

static inline __attribute__((always_inline)) void sl_edit_address(uint8_t *to, const uint8_t *from)
{
	sl_store64(to, sl_load64(from));
	sl_store64(to + 8, sl_load64(from + 8));
}

/* One hop less in an IPv4 header whose TTL is not 0: as sl_edit_ipv4() with nothing else to do, but one word for all of it. */
static inline __attribute__((always_inline)) void sl_edit_hop(uint8_t *ip)
{
	const uint32_t word = sl_load32(ip + 8);
	uint32_t sum = (~word >> 16) + 0xfffe; /* the memory's byte order: sums do not depend on it */

	sum = (sum & 0xffff) + (sum >> 16);
	sl_store32(ip + 8, ((word & 0xffff) - 1) | ~sum << 16);
}

/* Addresses, TTL, TOS and checksum of the IP header. */
static inline __attribute__((always_inline)) void sl_edit_ipv4(uint8_t *ip, uint32_t tos, const struct sl_record *record)
{
	uint32_t delta = 0;

	if (record->flags & SL_RECORD_FLAG_NAT_SRC)
		sl_store32(ip + 12, sl_load32(record->new_src));
	if (record->flags & SL_RECORD_FLAG_NAT_DST)
		sl_store32(ip + 16, sl_load32(record->new_dst));
	if (record->flags & (SL_RECORD_FLAG_NAT_SRC | SL_RECORD_FLAG_NAT_DST))
		delta = record->l3_delta;
	if (record->flags & SL_RECORD_FLAG_DEC_TTL) {
		const uint32_t old = sl_load_be16(ip + 8); /* TTL, protocol */

		ip[8] = (uint8_t)((old >> 8) - 1);
		delta += (~old & 0xffff) + ((old - 0x100) & 0xffff);
	}
	if (ip[1] != tos) {
		delta += 0xffffu - ip[1] + tos;
		ip[1] = (uint8_t)tos;
	}
	sl_edit_csum(ip + 10, delta);
}

static inline __attribute__((always_inline)) void sl_edit_ipv6(uint8_t *ip, uint32_t tos, const struct sl_record *record)
{
	sl_edit_class(ip, tos);
	if (record->flags & SL_RECORD_FLAG_NAT_SRC)
		sl_edit_address(ip + 8, record->new_src);
	if (record->flags & SL_RECORD_FLAG_NAT_DST)
		sl_edit_address(ip + 24, record->new_dst);
	if (record->flags & SL_RECORD_FLAG_DEC_TTL)
		ip[7]--;
}

/* With NAT: ports and checksum of the L4 header. */
static inline __attribute__((always_inline)) void sl_edit_l4(uint8_t *l4, uint32_t proto, const struct sl_record *record)
{
	uint8_t *csum = proto == SL_EDIT_UDP ? l4 + 6 : l4 + 16;

	if (record->flags & SL_RECORD_FLAG_NAT_SRC)
		SL_STORE(16, l4, record->new_sport);
	if (record->flags & SL_RECORD_FLAG_NAT_DST)
		SL_STORE(16, l4 + 2, record->new_dport);
	if (!(record->flags & (SL_RECORD_FLAG_NAT_SRC | SL_RECORD_FLAG_NAT_DST)))
		return;
	if (proto == SL_EDIT_UDP && sl_load_be16(csum) == 0)
		return;
	sl_edit_csum(csum, record->l4_delta);
	if (proto == SL_EDIT_UDP && sl_load_be16(csum) == 0)
		sl_store_be16(csum, 0xffff);
}

/* Bits of the outer TOS that come from the packet. */
static inline __attribute__((always_inline)) uint32_t sl_edit_copied(const struct sl_record *record)
{
	return (record->flags & SL_RECORD_FLAG_COPY_ECN ? 0x03 : 0) | (record->flags & SL_RECORD_FLAG_COPY_DSCP ? 0xfc : 0);
}

/*
 * What the template of an outer header leaves open: TOS, lengths, checksum and source port. ip and udp: the outer headers in the
 * new frame; tos and inner_len: of the packet inside.
 */
static inline __attribute__((always_inline)) void sl_edit_outer(uint8_t *ip, uint8_t *udp, const struct sl_action *action,
								const struct sl_record *record, uint32_t inner_tos,
								uint32_t inner_len, uint64_t hash)
{
	const uint32_t mask = sl_edit_copied(record), hdr_len = action->hdr_len;

	if (action->flags & SL_ACTION_FLAG_OUTER_V4) {
		const uint32_t total = (hdr_len - action->l3_off + inner_len) & 0xffff;
		const uint32_t tos = (ip[1] & ~mask) | (inner_tos & mask);

		sl_store_be16(ip + 2, total);
		sl_edit_csum(ip + 10, total + (mask ? 0xffff - ip[1] + tos : 0));
		ip[1] = (uint8_t)tos;
	}
	if (action->flags & SL_ACTION_FLAG_OUTER_V6) {
		sl_edit_class(ip, ((sl_load_be16(ip) >> 4 & 0xff) & ~mask) | (inner_tos & mask));
		sl_store_be16(ip + 4, hdr_len - action->l3_off - 40 + inner_len);
	}
	if (action->flags & SL_ACTION_FLAG_OUTER_UDP) {
		sl_store_be16(udp, sl_hash_entropy(hash));
		sl_store_be16(udp + 4, hdr_len - action->l4_off + inner_len);
	}
}

/* An Ethernet and an IPv4 header without options. */
#define SL_EDIT_IPIP_BYTES 34

/* Whether the action puts these two before the packet and no more: its first word but for the port says. */
static inline __attribute__((always_inline)) bool sl_edit_is_ipip(const struct sl_action *action)
{
	return (sl_load32(action) & 0xff00ffff) ==
	       (SL_EDIT_IPIP_BYTES | (SL_ACTION_FLAG_VALID | SL_ACTION_FLAG_STRIP_L2 | SL_ACTION_FLAG_OUTER_V4) << 8 | 14u << 24);
}

/* Puts these two before a packet: hdr, with what sl_edit_outer() fills in, to 34 bytes. copied: sl_edit_copied(). */
static inline __attribute__((always_inline)) void sl_edit_ipip(uint8_t *to, const uint8_t *hdr, uint32_t copied,
							       uint32_t inner_tos, uint32_t inner_len)
{
	const uint64_t third = sl_load64(hdr + 16), fourth = sl_load64(hdr + 24); /* from the length on; from the checksum on */
	const uint32_t total = __builtin_bswap16((uint16_t)(20 + inner_len));
	uint64_t second = sl_load64(hdr + 8); /* up to the TOS */
	uint32_t sum = (~(uint32_t)fourth & 0xffff) + total;

	if (copied) {
		const uint32_t old = (uint32_t)(second >> 56), tos = (old & ~copied) | (inner_tos & copied);

		second = second << 8 >> 8 | (uint64_t)tos << 56;
		sum += 0xffff - (old << 8) + (tos << 8);
	}
	sl_store64(to, sl_load64(hdr));
	sl_store64(to + 8, second);
	sl_store64(to + 16, (third & ~UINT64_C(0xffff)) | total);
	sl_store64(to + 24, (fourth & ~UINT64_C(0xffff)) | (~sl_edit_fold(sum) & 0xffff));
	SL_STORE(16, to + 32, sl_load16(hdr + 32));
}

#endif
