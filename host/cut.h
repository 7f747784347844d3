/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IPv4 packets that are too long for the way out and whose sender allows it (DF clear: fragments of a longer datagram mostly) are
 * cut into fragments (RFC 791 3.2) instead of being refused. In a tunnel the packet inside is cut, so that its end has
 * nothing to put together; each piece gets an outer header of its own. Packets with options are not cut.
 */
#ifndef SLUICE_HOST_CUT_H
#define SLUICE_HOST_CUT_H

#include <stdbool.h>
#include <stdint.h>

#include "hw/model/rewrite.h"

struct sl_cut {
	uint16_t mtu; /* longest piece, as an IP packet; 0: the packet is whole, and nothing else here is set */
	uint8_t tos;  /* of the packet, for outer headers */
	struct sl_record record;
	struct sl_action action;
};

/* One piece: head[0:head_len], then the old frame's bytes payload_off to payload_end. */
struct sl_cut_piece {
	uint32_t head_len, payload_off, payload_end;
	uint8_t head[SL_REWRITE_HEAD_MAX];
};

/* Whether the packet may be cut; it does not fit as it is. */
bool sl_cut_may(const uint8_t *frame, const struct sl_packet *packet, const struct sl_action *action);
void sl_cut_set(struct sl_cut *cut, const struct sl_packet *packet, const struct sl_record *record, const struct sl_action *action);
/* Piece n of what sl_rewrite() (or sl_fragment_rewrite()) made of the whole packet; false: there is none. */
bool sl_cut_piece(const struct sl_cut *cut, const struct sl_rewrite *whole, unsigned int n, struct sl_cut_piece *piece);

#endif
