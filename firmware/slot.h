/* SPDX-License-Identifier: BSD-3-Clause */
/* What the boot flash says of a slot, as the loader and the firmware read it. */
#ifndef SLUICE_FIRMWARE_SLOT_H
#define SLUICE_FIRMWARE_SLOT_H

#include <stdbool.h>

#include "sluice/contract.h"

/* Of a state that a power cut left half erased none passes: any bit that turned makes sequence and check alike in it. All
 * zeros and all ones are no sequences, since an erasure can leave either beside the other. */
static inline bool sl_slot_selected(const struct sl_slot_state *s)
{
	return s->magic == SL_SLOT_MAGIC && s->check == ~s->sequence && s->sequence != 0 && s->sequence != 0xffffffff;
}

#endif
