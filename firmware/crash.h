/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The crash record: what the trap handler noted in RAM that survives the restart it then asks for. The next start
 * reports it in the log.
 */
#ifndef SLUICE_FIRMWARE_CRASH_H
#define SLUICE_FIRMWARE_CRASH_H

#include <stdbool.h>
#include <stdint.h>

/* A hang that the watchdog, or the host before it, ended is a crash too, of cause SL_CRASH_HANG.
 * This many crashes in a row: the firmware starts in its failed state, with the commands that may have caused them off. */
#define SL_CRASH_LIMIT 3u
/* This many: the core halts instead of restarting, and the card reports that it has stopped beating. */
#define SL_CRASH_HALT 6u
/* Running for this long ends the row. */
#define SL_CRASH_SETTLED_MS 10000u

/* A cause of our own, beside those of the processor (mcause). */
#define SL_CRASH_STACK 0x100u    /* the word below the stack was overwritten */
#define SL_CRASH_HANG 0x101u     /* no heartbeat; where is not known */

/* Logs the last crash, or hang, if there is one not yet reported. True if there were SL_CRASH_LIMIT in a row. */
bool sl_crash_report(void);
/* Forgets all crashes: after power-on, a card reset (when the last one is in the log), or SL_CRASH_SETTLED_MS. */
void sl_crash_forget(void);
/* Notes the crash and restarts the core; the trap vector jumps here. Returns only in the host build. */
void sl_crash_trap(uint32_t cause, uint32_t pc, uint32_t value);

#endif
