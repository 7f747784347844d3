/* SPDX-License-Identifier: BSD-3-Clause */
/* Why connections were refused: the words of the last ones. Written by the offload thread, read by the control thread. */
#ifndef SLUICE_HOST_REFUSAL_H
#define SLUICE_HOST_REFUSAL_H

#include <stddef.h>
#include <stdint.h>

/* "words (why)" for the connection of this index. The oldest is forgotten. */
void sl_refusal_keep(uint32_t index, const char *words, const char *why);
/* "" if none are kept. */
void sl_refusal_get(uint32_t index, char *text, size_t len);

#endif
