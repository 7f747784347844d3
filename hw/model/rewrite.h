/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stage rewrite (docs/datapath.md section 8): the header bytes of the new frame. The payload is not touched and not
 * copied: the new frame is head[0:head_len], then the old frame's bytes payload_off to payload_end.
 */
#ifndef SLUICE_MODEL_REWRITE_H
#define SLUICE_MODEL_REWRITE_H

#include "hw/model/parse.h"

/* Longest new head: an action's header (112), IPv6 with extensions (72), TCP (20); the room is rounded up so that a
 * verifier, which knows lengths only as bounded sums, sees every write inside. */
#define SL_REWRITE_HEAD_MAX 320

struct sl_rewrite {
	uint64_t hash; /* IN: of the flow key, for the tunnel's source port */
	uint16_t head_len;
	uint16_t payload_off; /* in the old frame */
	uint16_t payload_end;
	uint16_t reserved;
	uint8_t head[SL_REWRITE_HEAD_MAX];
};

/*
 * packet: the one that was looked up; it has a flow key (sl_key_build returned 0) and sl_action_check() let it pass.
 * Set rewrite->hash first; all the rest of *rewrite is written. Always returns 0.
 *
 * The action entry is taken as valid: hdr_len <= 112, and l3_off, l4_off such that the headers they name lie within
 * hdr_len. An entry that breaks this makes a wrong frame but no access outside the arguments.
 */
int sl_rewrite(const struct sl_window *window, const struct sl_packet *packet,
	       const struct sl_record *record, const struct sl_action *action,
	       struct sl_rewrite *rewrite);

#endif
