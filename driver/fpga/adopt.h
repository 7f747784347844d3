/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Adoption: the card goes on forwarding without a driver, and the next driver takes its rules over. At connection
 * everything the card holds is read and *held*; until a port is started its owner creates again what it still wants,
 * and equal rules are taken over with their counters; starting the port removes what was not asked for again.
 */
#ifndef SLUICE_DRIVER_FPGA_ADOPT_H
#define SLUICE_DRIVER_FPGA_ADOPT_H

#include "driver/fpga/card.h"

/* Reads what the card holds into rules, flows and actions. */
int sl_adopt_read(struct sl_card *card);
/* Ends the replay of a port. */
int sl_adopt_sweep(struct sl_card *card, unsigned int port);

#endif
