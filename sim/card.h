/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The simulated card: datapath engine, DMA, management core and ports around one loop in one thread. It sleeps when none
 * of them has anything to do.
 */
#ifndef SLUICE_SIM_CARD_H
#define SLUICE_SIM_CARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "sim/engine.h"
#include "sim/port.h"

struct sl_card; /* opaque */

struct sl_card_config {
	const struct sl_engine_ops *ops;
	struct sl_engine_config engine;  /* ports is taken from here */
	struct sl_port *port[SL_PORTS_MAX]; /* remain the caller's */
	const char *bus_path;
	const char *firmware_path;
	const char *flash_path; /* NULL: not kept */
};

/* Powers the card on; the firmware boots during sl_card_run. NULL on failure, with a sentence in err. */
struct sl_card *sl_card_create(const struct sl_card_config *config, char *err, size_t err_len);
void sl_card_destroy(struct sl_card *card);

struct sl_card_hooks {
	int fd;                   /* signals of the process, or whatever else may end the card */
	void (*ready)(void *ctx); /* called once, when the firmware serves */
	bool (*asked)(void *ctx); /* called when fd is readable; true: stop */
	void *ctx;
};

/* Runs until a hook says stop (0) or the card failed (-1, with a sentence in err). */
int sl_card_run(struct sl_card *card, const struct sl_card_hooks *hooks, char *err, size_t err_len);

/* Statistics for people. */
void sl_card_print(const struct sl_card *card, FILE *out);

#endif
