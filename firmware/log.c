/* SPDX-License-Identifier: BSD-3-Clause */
/* The ring log. */
#include "firmware/log.h"

#include "firmware/hal.h"

#define MAGIC 0x474F4C53u
#define LINE_MAX 120u

static struct {
	uint32_t magic;
	uint32_t next; /* where the next byte goes */
	uint32_t used; /* bytes kept, up to SL_LOG_BYTES */
	uint8_t ring[SL_LOG_BYTES];
} kept SL_NOINIT;

void sl_log_open(void)
{
	if (kept.magic == MAGIC && kept.next < SL_LOG_BYTES && kept.used <= SL_LOG_BYTES)
		return;
	kept.next = 0;
	kept.used = 0;
	kept.magic = MAGIC;
}

static void put(uint8_t byte)
{
	kept.ring[kept.next] = byte;
	kept.next = (kept.next + 1) % SL_LOG_BYTES;
	if (kept.used < SL_LOG_BYTES)
		kept.used++;
	sl_hal_mgmt_write(SL_MGMT_CONSOLE, byte);
}

static void put_text(const char *text)
{
	for (uint32_t i = 0; text[i] && i < LINE_MAX; i++)
		put((uint8_t)text[i]);
}

static void put_hex(uint32_t value)
{
	int shift = 28;

	put_text(" 0x");
	while (shift > 0 && value >> shift == 0)
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		put((uint8_t)"0123456789abcdef"[value >> shift & 0xf]);
}

/* Seconds with milliseconds, as wide as 32 bits of milliseconds need. */
static void put_time(void)
{
	uint32_t ms = sl_hal_mgmt_read(SL_MGMT_TIME_MS);
	uint8_t digits[12];

	for (int i = 11; i >= 0; i--) {
		if (i == 8) {
			digits[i] = '.';
			continue;
		}
		digits[i] = (uint8_t)(i < 7 && ms == 0 ? ' ' : '0' + ms % 10);
		ms /= 10;
	}
	put('[');
	for (int i = 0; i < 12; i++)
		put(digits[i]);
	put(']');
	put(' ');
}

void sl_log_text(const char *text)
{
	put_time();
	put_text(text);
	put('\n');
}

void sl_log_values(const char *text, uint32_t a, uint32_t b)
{
	put_time();
	put_text(text);
	put_hex(a);
	put_hex(b);
	put('\n');
}

uint32_t sl_log_read(uint32_t offset, uint8_t *to, uint32_t max)
{
	uint32_t at, n;

	if (offset >= kept.used)
		return 0;
	n = kept.used - offset < max ? kept.used - offset : max;
	at = (kept.next + SL_LOG_BYTES - kept.used + offset) % SL_LOG_BYTES;
	for (uint32_t i = 0; i < n; i++)
		to[i] = kept.ring[(at + i) % SL_LOG_BYTES];
	return n;
}
