/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stage punt (docs/datapath.md section 10): the meters that frames for the host pass.
 */
#ifndef SLUICE_MODEL_PUNT_H
#define SLUICE_MODEL_PUNT_H

#include "hw/model/window.h"

#define SL_PUNT_FRAME_TOKENS 256

struct sl_punt_meter {
	uint32_t rate;   /* tokens per millisecond, 0 unlimited */
	uint32_t burst;  /* frames */
	uint32_t tokens; /* at most burst x 256 */
	uint32_t reserved;
};

/* Writes a meter; the bucket is full. Returns its tokens. */
uint32_t sl_punt_set(struct sl_punt_meter *meter, uint32_t rate, uint32_t burst);

/* elapsed_ms milliseconds have passed. Returns the tokens there are now. */
uint32_t sl_punt_tick(struct sl_punt_meter *meter, uint32_t elapsed_ms);

/* Takes one frame's tokens; 0 if there were none. */
int sl_punt_take(struct sl_punt_meter *meter);

#endif
