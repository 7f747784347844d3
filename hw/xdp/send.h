/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * How a plain frame (hw/model/plain.h) leaves by an action, changed where it lies: for programs that have found its flow. Uses no map.
 */
#ifndef SLUICE_XDP_SEND_H
#define SLUICE_XDP_SEND_H

#include <linux/bpf.h>
#include <stdbool.h>

#include <bpf/bpf_helpers.h>

#include "hw/model/edit.h"
#include "hw/model/plain.h"

static __always_inline bool mac_equal(const uint8_t *a, const uint8_t *b)
{
	return ((sl_load32(a) ^ sl_load32(b)) | (sl_load16(a + 4) ^ sl_load16(b + 4))) == 0;
}

/* Whether the action sends IP packets of l3_len, from an Ethernet header on, as edit_frame() makes them; hdr_len: the action's. */
static __always_inline bool fits(const struct sl_action *action, uint32_t hdr_len, uint32_t l3_len)
{
	uint32_t wire_len = l3_len;

	if ((action->flags & (SL_ACTION_FLAG_VALID | SL_ACTION_FLAG_STRIP_L2)) != (SL_ACTION_FLAG_VALID | SL_ACTION_FLAG_STRIP_L2))
		return false;
	if (action->flags & (SL_ACTION_FLAG_OUTER_V4 | SL_ACTION_FLAG_OUTER_V6))
		wire_len += hdr_len - action->l3_off;
	return !((action->mtu != 0 && action->mtu < wire_len) || hdr_len + l3_len > SL_FRAME_MAX || hdr_len < 14 ||
		 hdr_len > SL_ACTION_HDR_BYTES);
}

/* `bytes`, a constant, of the header template. */
static __always_inline bool put_bytes(uint8_t *data, const uint8_t *end, const struct sl_action *action, uint32_t bytes)
{
	if (data + bytes > end)
		return false;
#pragma unroll
	for (uint32_t i = 0; i + 8 <= bytes; i += 8)
		sl_store64(data + i, sl_load64(action->hdr + i));
	if (bytes % 8) /* the last eight bytes overlap with those before */
		sl_store64(data + bytes - 8, sl_load64(action->hdr + bytes - 8));
	return true;
}

/* Puts the action's header in the place of the Ethernet header; the frame was made to have room for it. */
static __always_inline bool put_header(struct xdp_md *ctx, const struct sl_action *action, uint32_t len)
{
	uint8_t *data = (uint8_t *)(long)ctx->data;
	const uint8_t *end = (const uint8_t *)(long)ctx->data_end;
	uint32_t i;

	switch (len) {
	case 14: return put_bytes(data, end, action, 14);
	case 34: return put_bytes(data, end, action, 34);
	case 38: return put_bytes(data, end, action, 38);
	case 46: return put_bytes(data, end, action, 46);
	case 50: return put_bytes(data, end, action, 50);
	case 54: return put_bytes(data, end, action, 54);
	}
	for (i = 0; i + 8 <= SL_ACTION_HDR_BYTES && i + 8 <= len; i += 8) {
		if (data + 8 > end)
			return false;
		sl_store64(data, sl_load64(&action->hdr[i]));
		data += 8;
	}
	for (; i < SL_ACTION_HDR_BYTES && i < len; i++) {
		if (data + 1 > end)
			return false;
		*data++ = action->hdr[i];
	}
	return true;
}

/*
 * What is changed in the frame's headers; true if all was there. (It loads hdr_len once more: what the verifier knows of the
 * one that put_header() was called with would have it look at all that follows for each length.)
 */
static __always_inline bool edit_frame(struct xdp_md *ctx, const struct sl_action *action, const struct sl_record *record,
				       const struct sl_plain *p, uint32_t ip_len, uint64_t hash)
{
	uint8_t *const data = (uint8_t *)(long)ctx->data;
	const uint8_t *const end = (const uint8_t *)(long)ctx->data_end;
	uint8_t *ip = data + (action->hdr_len & 0x7f), *l4, *outer, *udp;

	if (ip + ip_len + 20 > end && ip + ip_len + 8 > end)
		return false;
	if (ip + ip_len > end)
		return false;
	if (ip_len == 20)
		sl_edit_ipv4(ip, p->tos, record);
	else
		sl_edit_ipv6(ip, p->tos, record);
	if (record->flags & (SL_RECORD_FLAG_NAT_SRC | SL_RECORD_FLAG_NAT_DST)) {
		l4 = ip + ip_len;
		if (p->proto == SL_EDIT_UDP) {
			if (l4 + 8 > end)
				return false;
		} else if (l4 + 18 > end) {
			return false;
		}
		sl_edit_l4(l4, p->proto, record);
	}
	if (!(action->flags & (SL_ACTION_FLAG_OUTER_V4 | SL_ACTION_FLAG_OUTER_V6)))
		return true;
	outer = data + (action->l3_off & 0x7f);
	udp = data + (action->l4_off & 0x7f);
	if (outer + 20 > end || udp + 8 > end)
		return false;
	sl_edit_outer(outer, udp, action, record, p->tos, p->l3_len, hash);
	return true;
}

#endif
