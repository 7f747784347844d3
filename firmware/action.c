/* SPDX-License-Identifier: BSD-3-Clause */
/* Action entries. */
#include "firmware/action.h"

#include "firmware/firmware.h"
#include "firmware/hal.h"
#include "firmware/table.h"

#define ETHERNET_BYTES 14u
#define IPV4_BYTES 20u
#define IPV6_BYTES 40u
#define UDP_BYTES 8u

#define FLAGS_OUTER (SL_ACTION_FLAG_OUTER_V4 | SL_ACTION_FLAG_OUTER_V6 | SL_ACTION_FLAG_OUTER_UDP)
#define FLAGS_ALL (SL_ACTION_FLAG_VALID | SL_ACTION_FLAG_STRIP_L2 | FLAGS_OUTER)

/* Without options, total length 0, and the checksum that is right for that: the card adds the length to both. */
static bool outer_v4_good(const uint8_t *ip)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < IPV4_BYTES; i += 2)
		sum += (uint32_t)ip[i] << 8 | ip[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ip[0] == 0x45 && ip[2] == 0 && ip[3] == 0 && sum == 0xffff;
}

static bool outer_good(const struct sl_action *a)
{
	const uint32_t v4 = a->flags & SL_ACTION_FLAG_OUTER_V4;
	const uint32_t v6 = a->flags & SL_ACTION_FLAG_OUTER_V6;
	const uint32_t l4_min = a->l3_off + (v4 ? IPV4_BYTES : IPV6_BYTES);

	if (!(a->flags & FLAGS_OUTER))
		return a->l3_off <= a->hdr_len && a->l4_off <= a->hdr_len;
	if (!v4 == !v6) /* both, or UDP without IP */
		return false;
	if (a->l3_off < ETHERNET_BYTES || l4_min > a->hdr_len)
		return false;
	if (v4 && !outer_v4_good(a->hdr + a->l3_off))
		return false;
	if (v6 && a->hdr[a->l3_off] >> 4 != 6)
		return false;
	if (a->flags & SL_ACTION_FLAG_OUTER_UDP)
		return a->l4_off >= l4_min && a->l4_off + UDP_BYTES <= a->hdr_len;
	return a->l4_off <= a->hdr_len;
}

bool sl_action_good(const struct sl_action *a, uint32_t ports)
{
	if (a->flags & ~FLAGS_ALL || a->reserved0 || a->reserved1 || a->hdr_len > SL_ACTION_HDR_BYTES)
		return false;
	if (a->flags & SL_ACTION_FLAG_VALID && a->port >= ports)
		return false;
	if (!(a->flags & SL_ACTION_FLAG_STRIP_L2))
		return a->hdr_len == 0 && a->l3_off == 0 && a->l4_off == 0 && !(a->flags & FLAGS_OUTER);
	return a->hdr_len >= ETHERNET_BYTES && outer_good(a);
}

enum sl_status sl_action_run_write(struct sl_firmware *fw, struct sl_command *c)
{
	const struct sl_action_arg *arg = &c->arg.action;

	if (arg->index >= SL_ACTIONS)
		return SL_STATUS_BAD_INDEX;
	if (arg->reserved0 || !sl_action_good(&arg->action, fw->ports))
		return SL_STATUS_BAD_VALUE;
	return sl_table_write(SL_CSR_TABLE_ACTION, arg->index, &arg->action, sizeof(arg->action));
}

enum sl_status sl_action_run_read(struct sl_firmware *fw, struct sl_command *c)
{
	const uint32_t index = c->arg.index.index;

	(void)fw;
	if (index >= SL_ACTIONS)
		return SL_STATUS_BAD_INDEX;
	if (c->arg.index.reserved0)
		return SL_STATUS_BAD_VALUE;
	c->answer.action.index = index;
	c->answer_len = sizeof(c->answer.action);
	return sl_table_read(SL_CSR_TABLE_ACTION, index, &c->answer.action.action, sizeof(c->answer.action.action));
}
