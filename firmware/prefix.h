/* SPDX-License-Identifier: BSD-3-Clause */
/* Prefixes: where they stand in the card's prefix tables is decided here (docs/device.md). */
#ifndef SLUICE_FIRMWARE_PREFIX_H
#define SLUICE_FIRMWARE_PREFIX_H

#include "firmware/mailbox.h"

enum sl_status sl_prefix_run_set(struct sl_firmware *fw, struct sl_command *c);
enum sl_status sl_prefix_run_list(struct sl_firmware *fw, struct sl_command *c);

#endif
