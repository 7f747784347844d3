/* SPDX-License-Identifier: BSD-3-Clause */
/* What is told of a port's meters in its sl_offload_port_info. Offload thread, or before it exists. */
#ifndef SLUICE_HOST_PORT_INFO_H
#define SLUICE_HOST_PORT_INFO_H

#include "host/offload.h"
#include "host/service.h"

/* Meters that the driver gives: one is made and tried in each place. */
void sl_port_info_probe_meters(unsigned int port, uint16_t proxy, struct sl_offload_port_info *info);
/* The meters as they are now. services: may be NULL. */
void sl_port_info_meters(unsigned int port, const struct sl_services *services, struct sl_offload_port_info *info);

#endif
