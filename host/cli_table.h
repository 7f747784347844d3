/* SPDX-License-Identifier: BSD-3-Clause */
/* Tables for people: columns as wide as their contents, numbers to the right. */
#ifndef SLUICE_HOST_CLI_TABLE_H
#define SLUICE_HOST_CLI_TABLE_H

#include <stdio.h>

struct sl_table;

/* Headings separated by '|'; one that begins with '>' is of a column of numbers. Exits the program without memory. */
struct sl_table *sl_table_create(const char *headings);
/* One row: as many texts as there are columns; they are copied. */
void sl_table_row(struct sl_table *t, ...);
/* Prints and frees; `empty` instead if there are no rows. */
void sl_table_print(struct sl_table *t, FILE *to, const char *empty);

#endif
