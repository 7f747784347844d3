/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The firmware images in the boot flash, two slots of them: reading, erasing and programming the slot that does not run,
 * and choosing what the next start tries first (firmware/loader does the rest). No other firmware's image is ever changed
 * while it runs, so an interrupted update leaves a card that starts.
 */
#ifndef SLUICE_FIRMWARE_FLASH_H
#define SLUICE_FIRMWARE_FLASH_H

#include <stdbool.h>

#include "firmware/mailbox.h"
#include "sluice/contract.h"

enum sl_status sl_flash_run_state(struct sl_firmware *fw, struct sl_command *c);
enum sl_status sl_flash_run_erase(struct sl_firmware *fw, struct sl_command *c);
enum sl_status sl_flash_run_write(struct sl_firmware *fw, struct sl_command *c);
enum sl_status sl_flash_run_read(struct sl_firmware *fw, struct sl_command *c);
enum sl_status sl_flash_run_select(struct sl_firmware *fw, struct sl_command *c);

/* The slot that runs; SL_SLOT_NONE if no loader has started this firmware. */
uint32_t sl_flash_running(void);
/* The image that runs has not confirmed itself yet, and the loader has a confirmed one to go back to. */
bool sl_flash_can_go_back(void);
/* Logs which slot runs and whether another was passed over. */
void sl_flash_report(void);
/* The firmware has run well for long: the slot that runs is confirmed, unless it is already. */
void sl_flash_confirm(void);

#endif
