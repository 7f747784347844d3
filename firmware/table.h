/* SPDX-License-Identifier: BSD-3-Clause */
/* The datapath's tables (csr_table) behind its TBL_* registers, and the wait for the clearing of the flow table. */
#ifndef SLUICE_FIRMWARE_TABLE_H
#define SLUICE_FIRMWARE_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "sluice/contract.h"

/* Times that TBL_STATUS is read before the datapath is said not to answer. An entry takes it less than 100 clocks,
 * a find some thousand. */
#define SL_TABLE_POLLS 20000u
/* Longest clearing of the flow table; the largest one takes some milliseconds. */
#define SL_TABLE_CLEAR_MS 2000u
#define SL_TABLE_CLEAR_POLLS 4000000u /* the same bound if time stands still */

/* All return OK, BAD_INDEX (no such table or entry) or TIMEOUT. */
enum sl_status sl_table_read(enum sl_csr_table table, uint32_t index, void *entry, uint32_t bytes);
enum sl_status sl_table_write(enum sl_csr_table table, uint32_t index, const void *entry, uint32_t bytes);

/* Writes what was written last to another entry of the table. */
enum sl_status sl_table_write_again(enum sl_csr_table table, uint32_t index);

/* Leaves the first bucket that holds a prefix, from this one to the end of its PREFIX_FIND_BUCKETS, in TBL_DATA, and tells which;
 * BAD_INDEX if there is none. */
enum sl_status sl_table_find(uint32_t index, uint32_t *found);

/* False if the tables are still being cleared after SL_TABLE_CLEAR_MS. Beats while it waits. */
bool sl_table_wait_clear(void);

#endif
