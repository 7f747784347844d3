/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Counters by reason: the datapath's, and for frames that were lost after it, for want of a queue or a descriptor, the
 * management block's. All are 64 bits wide in the card, so that nothing is lost whatever happens here.
 */
#ifndef SLUICE_FIRMWARE_STATS_H
#define SLUICE_FIRMWARE_STATS_H

#include "firmware/mailbox.h"
#include "sluice/contract.h"

#define SL_STATS_PAIRS 14u /* in one answer */

enum sl_status sl_stats_run_reasons(struct sl_firmware *fw, struct sl_command *c);

#endif
