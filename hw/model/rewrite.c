/* SPDX-License-Identifier: BSD-3-Clause */
/* Stage rewrite. See rewrite.h. */
#include "hw/model/rewrite.h"

#include "hw/model/edit.h"

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

int sl_rewrite(const struct sl_window *window, const struct sl_packet *packet, const struct sl_record *record,
	       const struct sl_action *action, struct sl_rewrite *rewrite)
{
	SL_NONNULL(window && packet && record && action && rewrite);
	const uint8_t *old_l3 = &window->b[sl_window_offset(packet->l3_off)];
	const uint32_t l3_len = header_len(packet), l4_len = packet->proto == SL_EDIT_UDP ? 8 : 20;
	uint32_t l2_len;
	uint8_t *l3, *l4;

	if (action->flags & SL_ACTION_FLAG_STRIP_L2) {
		l2_len = action->hdr_len > SL_ACTION_HDR_BYTES ? SL_ACTION_HDR_BYTES : action->hdr_len;
		__builtin_memcpy(rewrite->head, action->hdr, sizeof(action->hdr));
		sl_edit_outer(&rewrite->head[action->l3_off], &rewrite->head[action->l4_off], action, record, packet->tos,
			      (uint32_t)packet->l3_end - packet->l3_off, rewrite->hash);
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
		sl_edit_ipv4(l3, packet->tos, record);
	else
		sl_edit_ipv6(l3, packet->tos, record);
	sl_edit_l4(l4, packet->proto, record);
	rewrite->head_len = (uint16_t)(l2_len + l3_len + l4_len);
	rewrite->payload_off = (uint16_t)(packet->l3_off + l3_len + l4_len);
	rewrite->payload_end = packet->l3_end;
	rewrite->reserved = 0;
	return 0;
}
