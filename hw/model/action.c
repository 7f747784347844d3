/* SPDX-License-Identifier: BSD-3-Clause */
/* Stage action. See action.h. */
#include "hw/model/action.h"

int sl_action_check(const struct sl_packet *packet, const struct sl_record *record,
		    const struct sl_action *action, uint32_t ports_up)
{
	SL_NONNULL(packet && record && action);
	const uint32_t ip_len = (uint32_t)packet->l3_end - packet->l3_off;
	uint32_t wire_len = ip_len;

	if (!(action->flags & SL_ACTION_FLAG_VALID))
		return SL_REASON_BAD_ACTION;
	/* A bare packet out of a tunnel has no Ethernet header of its own. */
	if (!(action->flags & SL_ACTION_FLAG_STRIP_L2) && packet->eth_off == packet->l3_off)
		return SL_REASON_BAD_ACTION;
	if ((record->flags & SL_RECORD_FLAG_DEC_TTL) && packet->ttl <= 1)
		return SL_REASON_TTL;
	if (action->flags & (SL_ACTION_FLAG_OUTER_V4 | SL_ACTION_FLAG_OUTER_V6))
		wire_len += (uint32_t)action->hdr_len - action->l3_off;
	if (action->mtu != 0 && action->mtu < wire_len)
		return SL_REASON_MTU;
	if (action->port >= SL_PORTS_MAX || !(ports_up >> action->port & 1))
		return SL_REASON_PORT_DOWN;
	if (sl_action_frame_len(packet, action) > SL_FRAME_MAX)
		return SL_REASON_MTU;
	return SL_REASON_FORWARDED;
}
