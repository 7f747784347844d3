/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs one vector on a card engine: state through the registers, steps, and every comparison. */
#ifndef SLUICE_TESTS_VECTORS_DRIVE_H
#define SLUICE_TESTS_VECTORS_DRIVE_H

#include "tests/vectors/card.h"
#include "tests/vectors/load.h"

/* Resets the card and runs the vector. False with what was wrong in why. */
bool sl_drive_vector(struct sl_card *card, const struct sl_vector *vector, char *why, size_t why_len);

#endif
