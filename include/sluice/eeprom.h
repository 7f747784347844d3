/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A card's firmware images as the EEPROM of its ethdev (rte_eth_dev_get_eeprom, rte_eth_dev_set_eeprom): what the driver and
 * applications must agree on. The magic number is CARD_ID, in both directions.
 *
 *	offset              get                                     set, a whole image
 *	0                   bytes of the image that runs            into the slot that does not run
 *	SL_EEPROM_SLOT(n)   -                                       into slot n; -EBUSY if it runs
 *	SL_EEPROM_SLOTS     image_state of every slot               -
 *	SL_EEPROM_PROGRESS  sl_eeprom_progress, at once             -
 */
#ifndef SLUICE_EEPROM_H
#define SLUICE_EEPROM_H

#include <stdint.h>

#include "sluice/contract.h"

#define SL_EEPROM_SLOT(n) (0x20000000u + (n) * SL_FLASH_SLOT_BYTES)
#define SL_EEPROM_SLOTS 0x40000000u
#define SL_EEPROM_PROGRESS 0x50000000u

/* Of the update that this process makes. */
struct sl_eeprom_progress {
	uint32_t length;  /* bytes of the image; 0: no update is being made */
	uint32_t written; /* bytes of it; all: it is checked and started */
};

#endif
