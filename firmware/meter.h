/* SPDX-License-Identifier: BSD-3-Clause */
/* Punt meters. */
#ifndef SLUICE_FIRMWARE_METER_H
#define SLUICE_FIRMWARE_METER_H

#include "firmware/mailbox.h"
#include "sluice/contract.h"

#define SL_METER_BURST_MAX 65535u

enum sl_status sl_meter_run_set(struct sl_firmware *fw, struct sl_command *c);
/* Every meter unlimited, until the host says otherwise. */
enum sl_status sl_meter_set_defaults(void);

#endif
