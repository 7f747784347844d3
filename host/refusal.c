/* SPDX-License-Identifier: BSD-3-Clause */
/* A ring of the last refusals. */
#include "host/refusal.h"

#include <pthread.h>
#include <stdio.h>

#define REFUSALS 64u

static struct {
	struct {
		uint32_t index; /* plus 1 */
		char text[160];
	} kept[REFUSALS];
	unsigned int next;
	pthread_mutex_t lock; /* no packet path */
} refusals = { .lock = PTHREAD_MUTEX_INITIALIZER };

void sl_refusal_keep(uint32_t index, const char *words, const char *why)
{
	pthread_mutex_lock(&refusals.lock);
	refusals.kept[refusals.next % REFUSALS].index = index + 1;
	snprintf(refusals.kept[refusals.next % REFUSALS].text, sizeof(refusals.kept[0].text), "%s (%s)", words, why);
	refusals.next++;
	pthread_mutex_unlock(&refusals.lock);
}

void sl_refusal_get(uint32_t index, char *text, size_t len)
{
	snprintf(text, len, "%s", "");
	pthread_mutex_lock(&refusals.lock);
	/* From the newest on. */
	for (unsigned int i = 1; i <= REFUSALS && !*text; i++) {
		const unsigned int at = (refusals.next - i) % REFUSALS;

		if (refusals.kept[at].index == index + 1)
			snprintf(text, len, "%s", refusals.kept[at].text);
	}
	pthread_mutex_unlock(&refusals.lock);
}
