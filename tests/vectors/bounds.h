/* SPDX-License-Identifier: BSD-3-Clause */
/* What happens when the card's buffers are full: nothing is lost without being counted, and the card recovers. */
#ifndef SLUICE_TESTS_VECTORS_BOUNDS_H
#define SLUICE_TESTS_VECTORS_BOUNDS_H

#include "tests/vectors/card.h"

/* Each resets the card. False with what was wrong in why. */
bool sl_bounds_host_full(struct sl_card *card, char *why, size_t why_len);
bool sl_bounds_copy_host_full(struct sl_card *card, char *why, size_t why_len);
bool sl_bounds_rx_burst(struct sl_card *card, char *why, size_t why_len);

#endif
