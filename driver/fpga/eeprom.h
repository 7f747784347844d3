/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The card's firmware as the ethdev's EEPROM: reading gives the image that runs, writing installs another in the slot of the
 * boot flash that does not run and starts it (docs/device.md, 14). The card forwards meanwhile. Any thread; the callers
 * of one card wait for each other. All take up to a few seconds.
 */
#ifndef SLUICE_DRIVER_FPGA_EEPROM_H
#define SLUICE_DRIVER_FPGA_EEPROM_H

#include <ethdev_driver.h>

/* Bytes of the image that runs, or a negative errno. */
int sl_eeprom_length(struct rte_eth_dev *dev);
/* By offset, as sluice/eeprom.h says; magic becomes CARD_ID. -EINVAL if the bytes asked for are not all in it. */
int sl_eeprom_get(struct rte_eth_dev *dev, struct rte_dev_eeprom_info *info);
/*
 * Installs a whole image (magic CARD_ID) and restarts the firmware with it. It must then run for ten seconds to be
 * kept. -EINVAL: not an image for this card, -EBUSY: the slot named runs; nothing was touched. -ENOTRECOVERABLE: the new image
 * did not start, the card is back at the one before or will be when its watchdog has tried often enough. All logged.
 */
int sl_eeprom_set(struct rte_eth_dev *dev, struct rte_dev_eeprom_info *info);

#endif
