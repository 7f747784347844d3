/* SPDX-License-Identifier: BSD-3-Clause */
/* YAML nodes to plain values; every mistake is told with its place and with what would be right. */
#include "host/config_reader.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put(struct sl_reader *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(struct sl_reader *r, const char *format, ...)
{
	size_t room = sizeof(r->err->text) - r->used;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(r->err->text + r->used, room, format, args);
	va_end(args);
	r->used += n < 0 ? 0 : (size_t)n < room ? (size_t)n : room - 1;
}

static void put_error(struct sl_reader *r, unsigned int line, unsigned int column, const char *format, va_list args)
{
	char message[512];

	if (++r->errors > SL_CONFIG_ERRORS_MAX)
		return;
	vsnprintf(message, sizeof(message), format, args);
	put(r, "%s%s:%u:%u: %s%s%s", r->used ? "\n" : "", r->file, line, column, r->thing, *r->thing ? ": " : "",
	    message);
}

void sl_reader_error(struct sl_reader *r, const yaml_node_t *node, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	put_error(r, node ? (unsigned int)node->start_mark.line + 1 : 1,
		  node ? (unsigned int)node->start_mark.column + 1 : 1, format, args);
	va_end(args);
}

void sl_reader_error_at(struct sl_reader *r, unsigned int line, unsigned int column, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	put_error(r, line, column, format, args);
	va_end(args);
}

/* Edit distance, bounded by the lengths of keys. */
static unsigned int distance(const char *a, const char *b)
{
	unsigned int row[SL_CONFIG_NAME_MAX + 1];
	size_t la = strlen(a), lb = strlen(b);

	if (la > SL_CONFIG_NAME_MAX || lb > SL_CONFIG_NAME_MAX)
		return SL_CONFIG_NAME_MAX;
	for (size_t j = 0; j <= lb; j++)
		row[j] = (unsigned int)j;
	for (size_t i = 1; i <= la; i++) {
		unsigned int diagonal = row[0];

		row[0] = (unsigned int)i;
		for (size_t j = 1; j <= lb; j++) {
			unsigned int above = row[j], best = diagonal + (a[i - 1] != b[j - 1]);

			best = above + 1 < best ? above + 1 : best;
			row[j] = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
			diagonal = above;
		}
	}
	return row[lb];
}

static void unknown_key(struct sl_reader *r, const yaml_node_t *node, const char *key, const struct sl_reader_key *keys,
			size_t count)
{
	unsigned int best = SL_CONFIG_NAME_MAX;
	const char *nearest = NULL;
	char all[256] = "";

	for (size_t i = 0; i < count; i++) {
		unsigned int d = distance(key, keys[i].name);

		if (d < best) {
			best = d;
			nearest = keys[i].name;
		}
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s", i ? ", " : "", keys[i].name);
	}
	if (nearest && best <= 1 + strlen(nearest) / 3)
		sl_reader_error(r, node, "unknown key \"%.64s\"; did you mean \"%s\"?", key, nearest);
	else
		sl_reader_error(r, node, "unknown key \"%.64s\"; known here: %s", key, all);
}

static const char *key_text(struct sl_reader *r, const yaml_node_t *node)
{
	if (node->type != YAML_SCALAR_NODE) {
		sl_reader_error(r, node, "a key must be a word");
		return NULL;
	}
	return (const char *)node->data.scalar.value;
}

static yaml_node_t *node_of(struct sl_reader *r, int index)
{
	return yaml_document_get_node(r->document, index);
}

bool sl_reader_map(struct sl_reader *r, yaml_node_t *node, const struct sl_reader_key *keys, size_t count, void *out)
{
	unsigned int seen_line[32] = { 0 };

	if (node->type != YAML_MAPPING_NODE) {
		sl_reader_error(r, node, "expected keys with values, such as \"%s: ...\"", keys[0].name);
		return false;
	}
	for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top; p++) {
		yaml_node_t *k = node_of(r, p->key), *v = node_of(r, p->value);
		const char *key = key_text(r, k);
		size_t i = 0;

		if (!key)
			continue;
		while (i < count && strcmp(keys[i].name, key))
			i++;
		if (i == count) {
			unknown_key(r, k, key, keys, count);
		} else if (seen_line[i]) {
			sl_reader_error(r, k, "\"%s\" is given twice; the first is in line %u", key, seen_line[i]);
		} else {
			seen_line[i] = (unsigned int)k->start_mark.line + 1;
			keys[i].read(r, key, v, out);
		}
	}
	for (size_t i = 0; i < count; i++)
		if (keys[i].required && !seen_line[i])
			sl_reader_error(r, node, "\"%s\" is missing", keys[i].name);
	return true;
}

yaml_node_t *sl_reader_peek(struct sl_reader *r, const yaml_node_t *node, const char *key)
{
	if (node->type != YAML_MAPPING_NODE)
		return NULL;
	for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top; p++) {
		const yaml_node_t *k = node_of(r, p->key);

		if (k->type == YAML_SCALAR_NODE && !strcmp((const char *)k->data.scalar.value, key))
			return node_of(r, p->value);
	}
	return NULL;
}

unsigned int sl_reader_list(struct sl_reader *r, const char *key, yaml_node_t *node, unsigned int max)
{
	size_t n;

	if (node->type != YAML_SEQUENCE_NODE) {
		sl_reader_error(r, node, "%s must be a list (\"- ...\" or [...])", key);
		return 0;
	}
	n = (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
	if (n == 0)
		sl_reader_error(r, node, "%s is an empty list; give at least one item or leave it out", key);
	if (n > max) {
		sl_reader_error(r, node, "%s has %zu items; at most %u are possible", key, n, max);
		return 0;
	}
	return (unsigned int)n;
}

yaml_node_t *sl_reader_item(struct sl_reader *r, const yaml_node_t *node, unsigned int i)
{
	return node_of(r, node->data.sequence.items.start[i]);
}

const char *sl_reader_text(struct sl_reader *r, const char *key, const yaml_node_t *node)
{
	const char *text;

	if (node->type != YAML_SCALAR_NODE) {
		sl_reader_error(r, node, "%s must be a single value", key);
		return NULL;
	}
	text = (const char *)node->data.scalar.value;
	if (strlen(text) != node->data.scalar.length) {
		sl_reader_error(r, node, "%s contains a NUL character", key);
		return NULL;
	}
	if (!*text) {
		sl_reader_error(r, node, "%s has no value", key);
		return NULL;
	}
	return text;
}

bool sl_reader_number(struct sl_reader *r, const char *key, const yaml_node_t *node, uint64_t min, uint64_t max,
		      uint64_t *out)
{
	const char *text = sl_reader_text(r, key, node);
	unsigned long long value;
	char *end;

	if (!text)
		return false;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (!isdigit((unsigned char)*text) || *end) {
		if (*text == '-' && isdigit((unsigned char)text[1]))
			sl_reader_error(r, node, "%s %.24s is out of range %llu-%llu", key, text,
					(unsigned long long)min, (unsigned long long)max);
		else
			sl_reader_error(r, node, "%s \"%.64s\" is not a whole number; give %llu-%llu", key, text,
					(unsigned long long)min, (unsigned long long)max);
		return false;
	}
	if (errno || value < min || value > max) {
		sl_reader_error(r, node, "%s %.24s is out of range %llu-%llu", key, text, (unsigned long long)min,
				(unsigned long long)max);
		return false;
	}
	*out = value;
	return true;
}

bool sl_reader_bool(struct sl_reader *r, const char *key, const yaml_node_t *node, bool *out)
{
	const char *text = sl_reader_text(r, key, node);

	if (!text)
		return false;
	if (strcmp(text, "true") && strcmp(text, "false")) {
		sl_reader_error(r, node, "%s \"%.64s\" is neither true nor false", key, text);
		return false;
	}
	*out = *text == 't';
	return true;
}

bool sl_reader_copy(struct sl_reader *r, const char *key, const yaml_node_t *node, char *out, size_t size)
{
	const char *text = sl_reader_text(r, key, node);

	if (!text)
		return false;
	if (strlen(text) >= size) {
		sl_reader_error(r, node, "%s is %zu bytes long; at most %zu are possible", key, strlen(text), size - 1);
		return false;
	}
	for (const char *p = text; *p; p++)
		if (iscntrl((unsigned char)*p)) {
			sl_reader_error(r, node, "%s contains a control character", key);
			return false;
		}
	memset(out, 0, size); /* structs are compared as bytes */
	memcpy(out, text, strlen(text));
	return true;
}

bool sl_reader_name(struct sl_reader *r, const char *key, const yaml_node_t *node, char out[SL_CONFIG_NAME_MAX])
{
	const char *text = sl_reader_text(r, key, node);

	if (!text)
		return false;
	for (const char *p = text; *p; p++)
		if (!isascii((unsigned char)*p) || (!isalnum((unsigned char)*p) && !strchr("._-", *p))) {
			sl_reader_error(r, node, "%s \"%.64s\" may only have letters, digits, '.', '_' and '-'", key,
					text);
			return false;
		}
	return sl_reader_copy(r, key, node, out, SL_CONFIG_NAME_MAX);
}

bool sl_reader_addr(struct sl_reader *r, const char *key, const yaml_node_t *node, struct sl_addr *out)
{
	static const struct sl_addr none4 = { .family = 4 }, none6 = { .family = 6 };
	const char *text = sl_reader_text(r, key, node);
	struct sl_addr addr;

	if (!text)
		return false;
	if (sl_addr_parse(text, &addr)) {
		sl_reader_error(r, node, "%s \"%.64s\" is not an IPv4 or IPv6 address", key, text);
		return false;
	}
	if (sl_addr_equal(&addr, &none4) || sl_addr_equal(&addr, &none6) ||
	    (addr.family == 4 ? addr.bytes[0] >= 224 : addr.bytes[0] == 0xff)) {
		sl_reader_error(r, node, "%s %s is not the address of one host", key, text);
		return false;
	}
	*out = addr;
	return true;
}

bool sl_reader_mac(struct sl_reader *r, const char *key, const yaml_node_t *node, uint8_t out[6])
{
	const char *text = sl_reader_text(r, key, node);
	unsigned int b[6];
	int used = 0;

	if (!text)
		return false;
	if (strlen(text) != 17 ||
	    sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5], &used) != 6 ||
	    used != 17) {
		sl_reader_error(r, node, "%s \"%.64s\" is not a MAC address such as \"02:00:00:00:00:01\"", key, text);
		return false;
	}
	if (b[0] & 1 || !(b[0] | b[1] | b[2] | b[3] | b[4] | b[5])) {
		sl_reader_error(r, node, "%s %s is not the address of one interface", key, text);
		return false;
	}
	for (unsigned int i = 0; i < 6; i++)
		out[i] = (uint8_t)b[i];
	return true;
}

bool sl_reader_word(struct sl_reader *r, const char *key, const yaml_node_t *node, const char *const *words,
		    size_t count, uint8_t *out)
{
	const char *text = sl_reader_text(r, key, node);
	char all[160] = "";

	if (!text)
		return false;
	for (size_t i = 0; i < count; i++) {
		const char *gap = i == 0 ? "" : i + 1 == count ? " or " : ", ";

		if (!strcmp(text, words[i])) {
			*out = (uint8_t)i;
			return true;
		}
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s", gap, words[i]);
	}
	sl_reader_error(r, node, "%s \"%.64s\" is unknown; give %s", key, text, all);
	return false;
}

void sl_reader_thing(struct sl_reader *r, const yaml_node_t *node, const char *kind, unsigned int number)
{
	const yaml_node_t *name = sl_reader_peek(r, node, "name");

	if (name && name->type == YAML_SCALAR_NODE && name->data.scalar.length)
		snprintf(r->thing, sizeof(r->thing), "%s \"%.*s\"", kind, SL_CONFIG_NAME_MAX - 1,
			 name->data.scalar.value);
	else
		snprintf(r->thing, sizeof(r->thing), "%s %u", kind, number);
	for (char *p = r->thing; *p; p++)
		if ((unsigned char)*p < ' ')
			*p = '?';
}
