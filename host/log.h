/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The agent's log: one line an event to stderr, `time level event key=value ...`. Values with spaces, quotes, '=' or
 * control characters are quoted and escaped, so that a line is always one line and can be split again. Any thread may
 * log: a line is one write(). Packets are never logged; they are counted.
 */
#ifndef SLUICE_HOST_LOG_H
#define SLUICE_HOST_LOG_H

enum sl_log_level { SL_LOG_ERROR, SL_LOG_WARN, SL_LOG_INFO, SL_LOG_DEBUG };

/* Lines above this level are not written; INFO at start. */
void sl_log_level_set(enum sl_log_level level);

/*
 * `event` is a word such as "backend-down". Then pairs: key, printf format, its arguments; for example
 *   sl_log(SL_LOG_INFO, "backend-up", "service=%s backend=%s after_ms=%u", service, backend, ms);
 * Each conversion's result is one value: what stands between '=' and the next format's space is quoted where needed.
 * Lines longer than 1023 bytes are cut.
 */
void sl_log(enum sl_log_level level, const char *event, const char *pairs, ...) __attribute__((format(printf, 3, 4)));

#endif
