/* SPDX-License-Identifier: BSD-3-Clause */
/* Stage key. See key.h. */
#include "hw/model/key.h"

/* Why the packet has no flow key, or 0. */
static inline int packet_reason(const struct sl_packet *p)
{
	if (p->family == 0)
		return SL_REASON_NO_L4;
	if (p->flags & SL_PACKET_FRAGMENT)
		return SL_REASON_FRAGMENT;
	if (p->flags & SL_PACKET_OPTIONS)
		return SL_REASON_IP_OPTIONS;
	if (p->flags & SL_PACKET_EXTENSION)
		return SL_REASON_EXT_HDR;
	if (p->flags & SL_PACKET_BAD_L4)
		return SL_REASON_BAD_L4;
	if (p->flags & SL_PACKET_ICMP_ERROR)
		return SL_REASON_ICMP_ERROR;
	return p->flags & SL_PACKET_L4 ? 0 : SL_REASON_NO_L4;
}

int sl_key_build(const struct sl_headers *headers, uint32_t tenant, uint32_t decap, struct sl_key *key)
{
	SL_NONNULL(headers && key);
	const struct sl_packet *p = &headers->outer;
	int reason;

	if (decap) {
		p = &headers->inner;
		if (!headers->tunnel)
			return SL_REASON_TUNNEL_INNER;
		if (p->error)
			return p->error;
		if (p->family == 0)
			return SL_REASON_TUNNEL_INNER;
		if (p->flags & SL_PACKET_BAD_ECN)
			return SL_REASON_TUNNEL_ECN;
	}
	reason = packet_reason(p);
	if (reason && reason != SL_REASON_ICMP_ERROR)
		return reason;
	__builtin_memcpy(key->src, reason ? p->quote.src : p->src, sizeof(key->src));
	__builtin_memcpy(key->dst, reason ? p->quote.dst : p->dst, sizeof(key->dst));
	key->sport = __builtin_bswap16(reason ? p->quote.sport : p->sport);
	key->dport = __builtin_bswap16(reason ? p->quote.dport : p->dport);
	key->tenant = (uint16_t)tenant;
	key->proto = reason ? p->quote.proto : p->proto;
	key->family = p->family;
	return reason;
}
