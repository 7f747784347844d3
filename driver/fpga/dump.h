/* SPDX-License-Identifier: BSD-3-Clause */
/* What the card really holds, read back and written for people. */
#ifndef SLUICE_DRIVER_FPGA_DUMP_H
#define SLUICE_DRIVER_FPGA_DUMP_H

#include <stdio.h>

#include "driver/fpga/card.h"

struct rte_flow;

/* Writes the card's rules, flows and used actions, or one rule of an application. Under the card's lock. */
int sl_dump(struct sl_card *card, const struct rte_flow *flow, FILE *file);

#endif
