/* SPDX-License-Identifier: BSD-3-Clause */
/* What writers of vectors in the corpus' format share. Strings and lists are jansson's, the caller's to keep. */
#ifndef SLUICE_TESTS_VECTORS_JSON_H
#define SLUICE_TESTS_VECTORS_JSON_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <jansson.h>

static inline json_t *sl_hex_json(const void *data, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	char *text = malloc(2 * n + 1);
	json_t *string;

	if (!text)
		abort();
	for (size_t i = 0; i < n; i++) {
		text[2 * i] = digits[((const uint8_t *)data)[i] >> 4];
		text[2 * i + 1] = digits[((const uint8_t *)data)[i] & 15];
	}
	text[2 * n] = '\0';
	string = json_string(text);
	free(text);
	return string;
}

/* A structure of a vector's state, at an index of its table. */
static inline void sl_entry_json(json_t *list, uint32_t index, const void *data, size_t n)
{
	json_array_append_new(list, json_pack("{s:i,s:o,s:{}}", "index", (int)index, "hex", sl_hex_json(data, n), "fields"));
}

#endif
