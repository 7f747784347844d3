/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stage action (docs/datapath.md section 7): whether a hit may leave as its record and action entry say.
 */
#ifndef SLUICE_MODEL_ACTION_H
#define SLUICE_MODEL_ACTION_H

#include "hw/model/parse.h"

/*
 * packet: the one that was looked up (sl_headers_packet). ports_up: bit n set if port n exists and is enabled. action:
 * the entry that the record names; the caller has found its index in range. Returns SL_REASON_FORWARDED, or the reason:
 * below SL_REASON_RUNT to the host, else drop.
 */
int sl_action_check(const struct sl_packet *packet, const struct sl_record *record,
		    const struct sl_action *action, uint32_t ports_up);

/* Length of the frame that sl_rewrite() makes. */
static inline uint32_t sl_action_frame_len(const struct sl_packet *packet, const struct sl_action *action)
{
	const uint32_t l2 = action->flags & SL_ACTION_FLAG_STRIP_L2 ? action->hdr_len
								   : (uint32_t)packet->l3_off - packet->eth_off;

	return l2 + packet->l3_end - packet->l3_off;
}

/*
 * Longest IP packet that may leave by an action that takes the Ethernet header away, 0 none, by what does not change from frame to
 * frame; sl_action_check() asks also for the port and the TTL.
 */
static inline uint32_t sl_action_room(const struct sl_action *action)
{
	const uint32_t needed = SL_ACTION_FLAG_VALID | SL_ACTION_FLAG_STRIP_L2, hdr_len = action->hdr_len;
	uint32_t outer = 0, room;

	if ((action->flags & needed) != needed || hdr_len < 14 || hdr_len > SL_ACTION_HDR_BYTES || action->port >= SL_PORTS_MAX)
		return 0;
	room = SL_FRAME_MAX - hdr_len;
	if (action->flags & (SL_ACTION_FLAG_OUTER_V4 | SL_ACTION_FLAG_OUTER_V6))
		outer = hdr_len - action->l3_off;
	if (action->mtu != 0 && action->mtu < room + outer)
		room = action->mtu < outer ? 0 : action->mtu - outer;
	return room;
}

#endif
