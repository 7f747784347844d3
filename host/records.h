/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Files of fixed records beside the connection table's (node.state), for the next agent: each is replaced as a whole, so it is
 * whole whenever the agent ends. The control thread alone.
 */
#ifndef SLUICE_HOST_RECORDS_H
#define SLUICE_HOST_RECORDS_H

#include <stdint.h>

/* One kind of file. */
struct sl_records {
	const char *end;   /* of its name, after node.state's */
	uint64_t magic;    /* changes with the records' meaning; their size is told beside it */
	uint32_t size;     /* of a record */
	uint32_t max;      /* fewer records than this */
	uint64_t saved;    /* hash of what was written last; 0: nothing yet */
};

/* Writes the records if they are not those that were written last; no file if there are none. Padding must be zero. `state`:
 * node.state. 0, or a negative errno and the file is what it was. */
int sl_records_save(struct sl_records *file, const char *state, const void *records, uint32_t count);
/* The records, to be freed; their number is at least 1. NULL: there is no file, or it is damaged or another version's (which is
 * logged). */
void *sl_records_load(const struct sl_records *file, const char *state, uint32_t *count);

#endif
