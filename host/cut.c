/* SPDX-License-Identifier: BSD-3-Clause */
/* A piece is counted from the start of the IP payload, whose first bytes are in the whole packet's new head. */
#include "host/cut.h"

#include <string.h>

#include "hw/model/edit.h"
#include "sluice/record.h"

#define IPV4_LEN 20u
#define DF 0x4000u
#define MF 0x2000u
#define OFFSET 0x1fffu

/* Bytes of tunnel headers that the MTU has to hold as well. */
static uint32_t overhead(const struct sl_action *action)
{
	return action->flags & (SL_ACTION_FLAG_OUTER_V4 | SL_ACTION_FLAG_OUTER_V6) ? (uint32_t)action->hdr_len - action->l3_off : 0;
}

bool sl_cut_may(const uint8_t *frame, const struct sl_packet *packet, const struct sl_action *action)
{
	const uint8_t *ip = frame + packet->l3_off;

	return packet->family == 4 && ip[0] == 0x45 && !(sl_load_be16(ip + 6) & DF) && action->flags & SL_ACTION_FLAG_STRIP_L2 &&
	       action->mtu >= overhead(action) + 68; /* RFC 791 3.2: the least MTU */
}

void sl_cut_set(struct sl_cut *cut, const struct sl_packet *packet, const struct sl_record *record, const struct sl_action *action)
{
	cut->mtu = (uint16_t)(action->mtu - overhead(action));
	cut->tos = packet->tos;
	cut->record = *record;
	cut->action = *action;
}

bool sl_cut_piece(const struct sl_cut *cut, const struct sl_rewrite *whole, unsigned int n, struct sl_cut_piece *piece)
{
	const uint32_t l2_len = cut->action.hdr_len, most = (cut->mtu - IPV4_LEN) & ~7u, begin = n * most;
	const uint32_t in_head = whole->head_len - l2_len - IPV4_LEN;
	const uint32_t all = in_head + whole->payload_end - whole->payload_off;
	const uint32_t len = all - begin < most ? all - begin : most, copied = n ? 0 : in_head;
	const uint8_t *old = whole->head + l2_len;
	uint8_t *ip = piece->head + l2_len;
	uint32_t word = sl_load_be16(old + 6), sum = 0;

	if (begin >= all || most < in_head)
		return false;
	memcpy(piece->head, cut->action.hdr, sizeof(cut->action.hdr));
	sl_edit_outer(piece->head + cut->action.l3_off, piece->head + cut->action.l4_off, &cut->action, &cut->record, cut->tos,
		      IPV4_LEN + len, whole->hash);
	memcpy(ip, old, IPV4_LEN + copied);
	word = ((word & OFFSET) + begin / 8) | (word & MF) | (begin + len < all ? MF : 0);
	sl_store_be16(ip + 2, IPV4_LEN + len);
	sl_store_be16(ip + 6, word);
	sl_store_be16(ip + 10, 0);
	for (unsigned int i = 0; i < IPV4_LEN; i += 2)
		sum += sl_load_be16(ip + i);
	sl_store_be16(ip + 10, (uint16_t)~sl_csum_fold(sum));
	piece->head_len = l2_len + IPV4_LEN + copied;
	piece->payload_off = whole->payload_off + (n ? begin - in_head : 0);
	piece->payload_end = whole->payload_off + begin + len - in_head;
	return true;
}
