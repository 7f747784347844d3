/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The meters of a port's classes of frames (docs/config.md, node.meters) as rte_mtr objects: one for each class that has a
 * rule, made when the first rule of the class asks for it. A port that has no rte_mtr, refuses, or has none left goes without,
 * and says why. Offload thread, or before it exists; but for sl_meters_configure().
 */
#ifndef SLUICE_HOST_METERS_H
#define SLUICE_HOST_METERS_H

#include <stdbool.h>
#include <stdint.h>

#include "host/config.h"

#define SL_SERVICE_METERS 24u /* of a port */
#define SL_SERVICE_METERS_TOLD 48u /* of these, and of services that got none */

struct sl_meter_info {
	bool made;
	uint32_t rate_pps, burst; /* of the meter; not made: as configured */
	char why[120];            /* made: why the configured rate is not in force; else why there is none; or "" */
};

/* The rates that are wanted from now on. Any thread; they come into force with sl_meters_apply(). */
void sl_meters_configure(const struct sl_config *config);
/* A port's driver (again): no meter is made, all will be tried. */
void sl_meters_open(unsigned int port, uint16_t proxy);
/* The rte_mtr id of the class, made if need be. False: there is none. */
bool sl_meters_get(unsigned int port, enum sl_metered metered, uint32_t *mtr_id);
/* The same of one service, with the rate that it is to have. Returns its number among those of services, below
 * SL_SERVICE_METERS; -1: there is none. */
int sl_meters_get_service(unsigned int port, uint32_t service, const struct sl_config_meter *rate, uint32_t *mtr_id);
/* Whose that number is: id + 1, 0 nobody's. */
uint32_t sl_meters_service(unsigned int port, unsigned int number);
/* Gives the meter back, once no rule uses it. */
bool sl_meters_drop_service(unsigned int port, unsigned int number);
/* Brings the rates of the port's meters in line with the configuration; rules are not touched. */
void sl_meters_apply(unsigned int port);
void sl_meters_info(unsigned int port, enum sl_metered metered, struct sl_meter_info *info);
/* The same of a service that wants `rate`. */
void sl_meters_info_service(unsigned int port, uint32_t service, const struct sl_config_meter *rate, struct sl_meter_info *info);

#endif
