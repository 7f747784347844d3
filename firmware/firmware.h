/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The firmware's state, and its two phases: boot once, then turn for ever. One core, no interrupts, no heap; each turn
 * does what is pending, beats, and sleeps. What must outlive a restart is not here but in crash.c, log.c and stats.c.
 */
#ifndef SLUICE_FIRMWARE_FIRMWARE_H
#define SLUICE_FIRMWARE_FIRMWARE_H

#include <stdbool.h>
#include <stdint.h>

#include "firmware/mailbox.h"

#define SL_FIRMWARE_VERSION 0x000100u /* major << 16 | minor << 8 | patch */
#define SL_FIRMWARE_NAME "sluice-fw 0.1.0"

#define SL_FIRMWARE_SLEEP_MS 100u /* longest time between two heartbeats */

struct sl_firmware {
	uint32_t ports;
	uint32_t link;            /* bit n: port n was up when last looked at */
	uint32_t boot_cause;      /* reset_kind, 0 power-on */
	uint32_t boot_time_ms;
	uint32_t commands;
	uint32_t commands_failed;
	bool failed;              /* self-test or crash limit: only what helps to find out why, or to replace it, is served */
	bool settled;             /* has run long enough to forget earlier crashes */
	uint8_t reset;            /* reset_kind to perform once the completion is out, 0 none */
	struct sl_command command; /* the one being executed */
};

/* Self-test and set-up; afterwards mgmt.STATUS tells how it went. */
void sl_firmware_boot(struct sl_firmware *fw);
/* Whatever is pending, one heartbeat, sleep. */
void sl_firmware_turn(struct sl_firmware *fw);
/* One heartbeat; also called inside every wait that can last longer than a few milliseconds. */
void sl_firmware_beat(void);

#endif
