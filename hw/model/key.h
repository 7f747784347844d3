/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stage key (docs/datapath.md section 4): the flow key of the packet that is looked up, or why it has none.
 */
#ifndef SLUICE_MODEL_KEY_H
#define SLUICE_MODEL_KEY_H

#include "hw/model/parse.h"

/*
 * decap: the inner packet of the tunnel is looked up, else the outer one. Returns 0 with the key filled, or the reason:
 * below SL_REASON_RUNT to the host, else drop. On a reason the key is not touched, but for SL_REASON_ICMP_ERROR: then it
 * is that of the flow which the error is about, to be looked up for the host's sake.
 */
int sl_key_build(const struct sl_headers *headers, uint32_t tenant, uint32_t decap,
		 struct sl_key *key);

#endif
