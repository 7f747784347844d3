/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a port's driver can offload: found by making sample rules as they would be used, and removing them at once. Nothing is
 * concluded from names. The samples match addresses of documentation networks (RFC 5737, 3849) and a MAC nobody has.
 */
#ifndef SLUICE_HOST_PROBE_H
#define SLUICE_HOST_PROBE_H

#include <stdint.h>

#include "host/offload.h"

/* Fills caps and refusal. */
void sl_probe_port(uint16_t proxy, uint16_t ethdev, struct sl_offload_port_info *info);
/* Adds to caps where rules may use a meter that was made, and to meters_error the words for the first place that was refused. */
void sl_probe_meters(uint16_t proxy, uint16_t ethdev, uint32_t mtr_id, struct sl_offload_port_info *info);

#endif
