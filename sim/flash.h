/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The card's boot flash: NOR, two slots for firmware images (registers FLASH_* of block "mgmt"). An erasure takes time and
 * sets a sector to ones; programming clears bits. With a file it keeps its contents from one power-on to the next, and a sector
 * whose erasure was cut short holds anything; without, a card leaves the factory with its image in slot 0 each time. One
 * thread, that of the management core.
 */
#ifndef SLUICE_SIM_FLASH_H
#define SLUICE_SIM_FLASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "sluice/contract.h"

#define SL_FLASH_BYTES (SL_FLASH_SLOTS * SL_FLASH_SLOT_BYTES)
#define SL_FLASH_ERASE_MS 2u /* of card time; real parts take longer: FLASH_ERASE_MAX_MS */

struct sl_flash {
	uint8_t bytes[SL_FLASH_BYTES];
	uint32_t address;
	uint32_t erase_at, erase_from_ms;
	uint32_t erase_ms; /* what an erasure takes: SL_FLASH_ERASE_MS, until a test has a slow part */
	bool erasing;
	bool stuck; /* a fault: no erasure ends */
	bool worn;  /* a fault: bit 4 of a word cannot be programmed */
	FILE *file; /* NULL: not kept */
};

/* path NULL: not kept. The n bytes of the factory's image go into slot 0, selected and confirmed, unless the file holds a
 * flash already. 0, or -1 with a sentence in err. */
int sl_flash_open(struct sl_flash *flash, const char *path, const uint8_t *image, size_t n, char *err, size_t err_len);
void sl_flash_close(struct sl_flash *flash);

uint32_t sl_flash_read(struct sl_flash *flash, uint32_t now_ms);
void sl_flash_program(struct sl_flash *flash, uint32_t word, uint32_t now_ms);
void sl_flash_erase(struct sl_flash *flash, uint32_t address, uint32_t now_ms);
/* FLASH_STATUS. */
uint32_t sl_flash_status(struct sl_flash *flash, uint32_t now_ms);

#endif
