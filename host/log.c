/* SPDX-License-Identifier: BSD-3-Clause */
/* The agent's log lines. Quoting is done on the finished pairs: the format's own "key=" borders tell where values
 * begin. */
#include "host/log.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 1024

static _Atomic int log_level = SL_LOG_INFO;

void sl_log_level_set(enum sl_log_level level)
{
	atomic_store_explicit(&log_level, (int)level, memory_order_relaxed);
}

struct line {
	char text[LINE_MAX_BYTES];
	size_t used;
};

static void put(struct line *l, char c)
{
	if (l->used < sizeof(l->text) - 1)
		l->text[l->used++] = c;
}

static void put_text(struct line *l, const char *text)
{
	while (*text)
		put(l, *text++);
}

static void put_value(struct line *l, const char *value)
{
	bool plain = *value != '\0';

	for (const char *p = value; *p; p++)
		if (!isgraph((unsigned char)*p) || *p == '"' || *p == '=' || *p == '\\')
			plain = false;
	if (plain) {
		put_text(l, value);
		return;
	}
	put(l, '"');
	for (const char *p = value; *p; p++) {
		if (*p == '"' || *p == '\\')
			put(l, '\\');
		if (*p == '\n')
			put_text(l, "\\n");
		else if (iscntrl((unsigned char)*p))
			put(l, '?');
		else
			put(l, *p);
	}
	put(l, '"');
}

/*
 * The pairs are formatted one by one: vsnprintf() of the part up to the space that ends the pair, with the one va_list
 * passing through all of them. glibc's vsnprintf() leaves a va_list undefined after use, so the whole is formatted once
 * with each space of the format turned into a byte that no value may contain.
 */
static void put_pairs(struct line *l, const char *pairs, va_list args)
{
	char format[256], text[LINE_MAX_BYTES];
	size_t n = 0;

	for (const char *p = pairs; *p && n < sizeof(format) - 1; p++)
		format[n++] = *p == ' ' ? '\x1f' : *p;
	format[n] = '\0';
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	vsnprintf(text, sizeof(text), format, args);
#pragma GCC diagnostic pop
	for (char *save = NULL, *pair = strtok_r(text, "\x1f", &save); pair; pair = strtok_r(NULL, "\x1f", &save)) {
		char *value = strchr(pair, '=');

		put(l, ' ');
		if (!value) {
			put_value(l, pair);
			continue;
		}
		*value++ = '\0';
		put_text(l, pair);
		put(l, '=');
		put_value(l, value);
	}
}

void sl_log(enum sl_log_level level, const char *event, const char *pairs, ...)
{
	static const char *const words[] = { "error", "warn", "info", "debug" };
	struct line l = { .used = 0 };
	struct timespec now;
	struct tm tm;
	va_list args;
	ssize_t written;

	if ((int)level > atomic_load_explicit(&log_level, memory_order_relaxed))
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	l.used = strftime(l.text, sizeof(l.text), "%Y-%m-%dT%H:%M:%S", &tm);
	l.used += (size_t)snprintf(l.text + l.used, sizeof(l.text) - l.used, ".%03ldZ %s %s", now.tv_nsec / 1000000,
				   words[level], event);
	if (pairs && *pairs) {
		va_start(args, pairs);
		put_pairs(&l, pairs, args);
		va_end(args);
	}
	l.text[l.used++] = '\n';
	do {
		written = write(STDERR_FILENO, l.text, l.used);
	} while (written < 0 && errno == EINTR);
}
