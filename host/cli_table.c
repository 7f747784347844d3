/* SPDX-License-Identifier: BSD-3-Clause */
/* Tables for people. */
#include "host/cli_table.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS_MAX 16

struct sl_table {
	unsigned int columns;
	bool right[COLUMNS_MAX];
	size_t width[COLUMNS_MAX];
	size_t rows, room;
	char **cells; /* rows x columns, headings first */
};

static void *must(void *memory)
{
	if (!memory) {
		fputs("sluice: out of memory\n", stderr);
		exit(1);
	}
	return memory;
}

/* Width on a terminal: bytes but for UTF-8 continuation bytes. */
static size_t width_of(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += (*text & 0xc0) != 0x80;
	return n;
}

static void add_cell(struct sl_table *t, unsigned int column, const char *text)
{
	size_t at = t->rows * t->columns + column;

	if (at >= t->room) {
		t->room = t->room ? t->room * 2 : 64;
		t->cells = must(realloc(t->cells, t->room * sizeof(*t->cells)));
	}
	t->cells[at] = must(strdup(text && *text ? text : "-"));
	if (width_of(t->cells[at]) > t->width[column])
		t->width[column] = width_of(t->cells[at]);
}

struct sl_table *sl_table_create(const char *headings)
{
	struct sl_table *t = must(calloc(1, sizeof(*t)));
	char *copy = must(strdup(headings)), *save = NULL;
	char *names[COLUMNS_MAX];

	for (char *p = strtok_r(copy, "|", &save); p && t->columns < COLUMNS_MAX; p = strtok_r(NULL, "|", &save)) {
		t->right[t->columns] = *p == '>';
		names[t->columns++] = p + (*p == '>');
	}
	for (unsigned int i = 0; i < t->columns; i++)
		add_cell(t, i, names[i]);
	t->rows = 1;
	free(copy);
	return t;
}

void sl_table_row(struct sl_table *t, ...)
{
	va_list cells;

	va_start(cells, t);
	for (unsigned int i = 0; i < t->columns; i++)
		add_cell(t, i, va_arg(cells, const char *));
	va_end(cells);
	t->rows++;
}

static void print_cell(const struct sl_table *t, FILE *to, size_t row, unsigned int i)
{
	const char *text = t->cells[row * t->columns + i];
	size_t fill = t->width[i] - width_of(text);

	if (t->right[i])
		fprintf(to, "%*s%s", (int)fill, "", text);
	else
		fprintf(to, "%s%*s", text, i + 1 < t->columns ? (int)fill : 0, "");
	fputs(i + 1 < t->columns ? "  " : "\n", to);
}

void sl_table_print(struct sl_table *t, FILE *to, const char *empty)
{
	if (t->rows == 1)
		fprintf(to, "%s\n", empty);
	for (size_t r = 0; r < t->rows; r++)
		for (unsigned int i = 0; i < t->columns; i++) {
			if (t->rows > 1)
				print_cell(t, to, r, i);
			free(t->cells[r * t->columns + i]);
		}
	free(t->cells);
	free(t);
}
