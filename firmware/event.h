/* SPDX-License-Identifier: BSD-3-Clause */
/* Events to the host. The card counts those that it cannot deliver. */
#ifndef SLUICE_FIRMWARE_EVENT_H
#define SLUICE_FIRMWARE_EVENT_H

#include <stdint.h>

#include "sluice/contract.h"

void sl_event_push(enum sl_event_type type, uint32_t arg0, uint32_t arg1);

#endif
