/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The firmware's log: lines in a ring of RAM that survives a restart of the core, and on the debug console. The oldest
 * bytes are overwritten. LOG_READ reads it.
 */
#ifndef SLUICE_FIRMWARE_LOG_H
#define SLUICE_FIRMWARE_LOG_H

#include <stdint.h>

#define SL_LOG_BYTES 4096u

/* Empties the log unless it holds one from before a restart. */
void sl_log_open(void);
/* "[time] text" and "[time] text 0xa 0xb"; a line is cut off at 120 bytes. */
void sl_log_text(const char *text);
void sl_log_values(const char *text, uint32_t a, uint32_t b);
/* Copies bytes from `offset` on, 0 being the oldest byte kept; returns how many, 0 at the end. */
uint32_t sl_log_read(uint32_t offset, uint8_t *to, uint32_t max);

#endif
