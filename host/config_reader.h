/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reads YAML nodes into plain values, with the place of every mistake. Private to host/config*.c. A reader goes on
 * after a mistake so that one run shows many; nothing of what was read counts if there was one.
 */
#ifndef SLUICE_HOST_CONFIG_READER_H
#define SLUICE_HOST_CONFIG_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <yaml.h>

#include "host/config.h"

#define SL_CONFIG_ERRORS_MAX 16

struct sl_reader {
	yaml_document_t *document;
	const char *file;
	struct sl_config_error *err;
	size_t used;         /* of err->text */
	unsigned int errors; /* also those that were not written any more */
	char thing[SL_CONFIG_NAME_MAX * 2 + 40]; /* what is being read: service "web", backend "b1" */
	struct sl_config *config;
};

/* A key of a mapping. `read` is called with its value and the `out` of the mapping. */
struct sl_reader_key {
	const char *name;
	void (*read)(struct sl_reader *r, const char *key, yaml_node_t *value, void *out);
	bool required;
};

/* "file:line:col: thing: message"; node NULL: without a place. */
void sl_reader_error(struct sl_reader *r, const yaml_node_t *node, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void sl_reader_error_at(struct sl_reader *r, unsigned int line, unsigned int column, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Reads a mapping by its keys: unknown, repeated and missing ones are mistakes. False if it is no mapping. */
bool sl_reader_map(struct sl_reader *r, yaml_node_t *node, const struct sl_reader_key *keys, size_t count, void *out);
/* Value of a key of a mapping, or NULL; without complaint. */
yaml_node_t *sl_reader_peek(struct sl_reader *r, const yaml_node_t *node, const char *key);
/* Items of a sequence: their count and item i. Not a sequence, empty, or more than max: a mistake and 0. */
unsigned int sl_reader_list(struct sl_reader *r, const char *key, yaml_node_t *node, unsigned int max);
yaml_node_t *sl_reader_item(struct sl_reader *r, const yaml_node_t *node, unsigned int i);

/* Scalars. False after a mistake, and *out is unchanged. */
const char *sl_reader_text(struct sl_reader *r, const char *key, const yaml_node_t *node);
bool sl_reader_number(struct sl_reader *r, const char *key, const yaml_node_t *node, uint64_t min, uint64_t max,
		      uint64_t *out);
bool sl_reader_bool(struct sl_reader *r, const char *key, const yaml_node_t *node, bool *out);
bool sl_reader_name(struct sl_reader *r, const char *key, const yaml_node_t *node, char out[SL_CONFIG_NAME_MAX]);
bool sl_reader_copy(struct sl_reader *r, const char *key, const yaml_node_t *node, char *out, size_t size);
bool sl_reader_addr(struct sl_reader *r, const char *key, const yaml_node_t *node, struct sl_addr *out);
bool sl_reader_mac(struct sl_reader *r, const char *key, const yaml_node_t *node, uint8_t out[6]);
bool sl_reader_word(struct sl_reader *r, const char *key, const yaml_node_t *node, const char *const *words,
		    size_t count, uint8_t *out);

/* Readers of one scalar, for lists of keys: a number whose range is fixed, into an unsigned field of any size; and others. */
#define SL_READER_NUMBER(function, type, field, min, max)                                                              \
	static void function(struct sl_reader *r, const char *key, yaml_node_t *v, void *out)                 \
	{                                                                                                     \
		uint64_t n;                                                                                   \
                                                                                                              \
		if (sl_reader_number(r, key, v, min, max, &n))                                                \
			((type *)out)->field = (__typeof__(((type *)out)->field))n;                           \
	}
/* One of an array of words, into a field of a byte. */
#define SL_READER_WORD(function, type, field, words)                                                         \
	static void function(struct sl_reader *r, const char *key, yaml_node_t *v, void *out)                 \
	{                                                                                                     \
		sl_reader_word(r, key, v, words, sizeof(words) / sizeof((words)[0]), &((type *)out)->field);  \
	}
#define SL_READER_NAME(function, type, field)                                                                          \
	static void function(struct sl_reader *r, const char *key, yaml_node_t *v, void *out)                 \
	{                                                                                                     \
		sl_reader_name(r, key, v, ((type *)out)->field);                                              \
	}
#define SL_READER_TEXT(function, type, field)                                                                          \
	static void function(struct sl_reader *r, const char *key, yaml_node_t *v, void *out)                 \
	{                                                                                                     \
		sl_reader_copy(r, key, v, ((type *)out)->field, sizeof(((type *)out)->field));                \
	}
#define SL_READER_ADDRESS(function, type, field)                                                                       \
	static void function(struct sl_reader *r, const char *key, yaml_node_t *v, void *out)                 \
	{                                                                                                     \
		sl_reader_addr(r, key, v, &((type *)out)->field);                                             \
	}

/* Sets r->thing to `kind "name"`, or `kind 3` if the name cannot be read. */
void sl_reader_thing(struct sl_reader *r, const yaml_node_t *node, const char *kind, unsigned int number);

/* The list of ports, host/config_ports.c. */
void sl_config_ports_read(struct sl_reader *r, yaml_node_t *list);

/* The whole of a file's schema, host/config_schema.c; the checks across its parts, host/config_check.c. */
void sl_config_schema_read(struct sl_reader *r, yaml_node_t *root);
void sl_config_check(struct sl_reader *r, yaml_node_t *root);

/* node.fullnat, host/config_fullnat.c: its reader, of a struct sl_config_node; its defaults; the check across the file's parts; and
 * whether there is a source of this family. */
void sl_config_fullnat_read(struct sl_reader *r, const char *key, yaml_node_t *value, void *node);
void sl_config_fullnat_defaults(struct sl_config_fullnat *fullnat);
void sl_config_fullnat_check(struct sl_reader *r, yaml_node_t *root);
bool sl_config_fullnat_serves(const struct sl_config *config, unsigned int family);

#endif
