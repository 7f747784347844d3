/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A card engine as tests use it: registers and tables that are written and read in one call, time, and everything that
 * came out. Shared by the vector runner and the co-simulation. Every wait has a bound; what exceeds it is an error.
 */
#ifndef SLUICE_TESTS_VECTORS_CARD_H
#define SLUICE_TESTS_VECTORS_CARD_H

#include "sim/engine.h"

#define SL_CARD_PORTS 2
/* Steps of this budget until the engine must be idle. */
#define SL_CARD_BUDGET 2048
#define SL_CARD_STEPS_MAX 20000

struct sl_card_frame {
	bool to_host;
	unsigned int port; /* wire: leaves by */
	struct sl_host_meta meta;
	uint32_t len;
	uint8_t *data; /* in the card's arena, until sl_card_forget() */
};

struct sl_card {
	const struct sl_engine_ops *ops;
	struct sl_engine *engine;
	uint32_t now_ms;
	struct sl_card_frame *frames; /* came out, in order per destination */
	size_t frame_count, frame_room;
	uint8_t *arena;
	size_t arena_used, arena_room;
	struct sl_flow_done *done;
	size_t done_count, done_room;
	char error[160]; /* the first thing that went wrong, or empty */
};

/* False with a sentence in card->error. table_log2 is a wish: the RTL has its own. */
bool sl_card_open(struct sl_card *card, const struct sl_engine_ops *ops, const struct sl_engine_config *config);
void sl_card_close(struct sl_card *card);

/* Reset, wait until the tables are clear. Time goes on. */
bool sl_card_reset(struct sl_card *card);

uint32_t sl_card_read(struct sl_card *card, uint32_t offset);
void sl_card_write(struct sl_card *card, uint32_t offset, uint32_t value);

/* Table entries; len is the entry's length. False if the card refuses. */
bool sl_card_table_write(struct sl_card *card, unsigned int table, uint32_t index, const void *entry, size_t len);
bool sl_card_table_read(struct sl_card *card, unsigned int table, uint32_t index, void *entry, size_t len);

void sl_card_mac(struct sl_card *card, uint32_t index, const uint8_t mac[6], uint8_t port_mask, bool valid);
void sl_card_hash_key(struct sl_card *card, const uint8_t key[16]);

/* Gives a frame or a command, stepping until the engine takes it. */
bool sl_card_wire_in(struct sl_card *card, unsigned int port, const uint8_t *frame, uint32_t len, bool bad_fcs);
bool sl_card_command(struct sl_card *card, const struct sl_flow_cmd *cmd);

/* Works until idle, taking all that comes out. */
bool sl_card_settle(struct sl_card *card);

/* Forgets frames and completions taken so far. */
void sl_card_forget(struct sl_card *card);

#endif
