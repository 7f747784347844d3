/* SPDX-License-Identifier: BSD-3-Clause */
/* Action entries: checked, so that the datapath's rewriter never meets a header template that contradicts itself. */
#ifndef SLUICE_FIRMWARE_ACTION_H
#define SLUICE_FIRMWARE_ACTION_H

#include <stdbool.h>

#include "firmware/mailbox.h"
#include "sluice/contract.h"

enum sl_status sl_action_run_write(struct sl_firmware *fw, struct sl_command *c);
enum sl_status sl_action_run_read(struct sl_firmware *fw, struct sl_command *c);
bool sl_action_good(const struct sl_action *action, uint32_t ports);

#endif
