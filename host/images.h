/* SPDX-License-Identifier: BSD-3-Clause */
/* The firmware images of the cards behind our ports, by the EEPROM of their ethdevs (sluice/eeprom.h). */
#ifndef SLUICE_HOST_IMAGES_H
#define SLUICE_HOST_IMAGES_H

#include "host/control.h"

/* Fills image*, images and card_of. */
void sl_images_init(struct sl_control_ops *ops);

#endif
