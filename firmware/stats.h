/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Counters by reason. Those of the datapath are 64 bits wide; frames that were lost after it, for want of a queue or a
 * descriptor, are counted by the card in 32 bits that wrap and are folded into 64 here, in RAM that survives a restart.
 */
#ifndef SLUICE_FIRMWARE_STATS_H
#define SLUICE_FIRMWARE_STATS_H

#include <stdbool.h>

#include "firmware/mailbox.h"
#include "sluice/contract.h"

#define SL_STATS_PAIRS 14u /* in one answer */

/* fresh: the datapath's counters were zeroed, so ours begin at 0 as well. */
void sl_stats_open(bool fresh);
/* Folds; must come round before 4 GiB of frames have been lost, which takes a third of a second at 100 Gbit/s. */
void sl_stats_poll(void);
enum sl_status sl_stats_run_reasons(struct sl_firmware *fw, struct sl_command *c);

#endif
