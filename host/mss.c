/* SPDX-License-Identifier: BSD-3-Clause */
/* The options come into the new head, are changed there, and the checksum by what changed (RFC 1624). */
#include "host/mss.h"

#include <string.h>

#include "hw/model/edit.h"
#include "sluice/record.h"

#define TCP_LEN 20u
#define TCP_CSUM 16u
#define OPTIONS_MAX 40u
#define OPTION_END 0
#define OPTION_NOP 1
#define OPTION_MSS 2
#define OPTION_MSS_LEN 4u
#define LEAST 536u /* what every host must take (RFC 9293 3.7.1): no path is so narrow that less would help */

/* The MSS value among n bytes of options; NULL: none. */
static uint8_t *mss_of(uint8_t *option, uint32_t n)
{
	for (uint32_t i = 0; i + 1 < n && option[i] != OPTION_END;) {
		const uint32_t len = option[i] == OPTION_NOP ? 1 : option[i + 1];

		if (option[i] == OPTION_MSS && len == OPTION_MSS_LEN && i + len <= n)
			return option + i + 2;
		if (!len || (len < 2 && option[i] != OPTION_NOP))
			return NULL;
		i += len;
	}
	return NULL;
}

bool sl_mss_lower(const uint8_t *frame, const struct sl_packet *packet, uint32_t mtu, struct sl_rewrite *r)
{
	const uint32_t headers = (packet->family == 4 ? 20u : 40u) + TCP_LEN, fits = mtu > headers + LEAST ? mtu - headers : LEAST;
	const uint32_t n = (frame[packet->l4_off + 12] >> 4) * 4u - TCP_LEN;
	uint8_t before[OPTIONS_MAX], *options = r->head + r->head_len, *mss;

	if (n > OPTIONS_MAX || r->payload_off + n > r->payload_end || r->head_len + n > sizeof(r->head))
		return false;
	memcpy(before, frame + r->payload_off, n);
	memcpy(options, before, n);
	mss = mss_of(options, n);
	if (!mss || sl_load_be16(mss) <= fits)
		return false;
	sl_store_be16(mss, fits);
	sl_edit_csum(options - TCP_LEN + TCP_CSUM, sl_csum_fold(sl_csum_delta(before, options, n)));
	r->head_len = (uint16_t)(r->head_len + n);
	r->payload_off = (uint16_t)(r->payload_off + n);
	return true;
}
