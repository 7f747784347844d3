/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/vectors/card.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool fail(struct sl_card *card, const char *what)
{
	if (card->error[0] == '\0')
		snprintf(card->error, sizeof(card->error), "engine %s: %s", card->ops->name, what);
	return false;
}

static void *grow(void *p, size_t *room, size_t wanted, size_t size)
{
	size_t bigger = *room ? *room : 64;
	void *q;

	if (wanted <= *room)
		return p;
	while (bigger < wanted)
		bigger *= 2;
	q = realloc(p, bigger * size);
	if (q == NULL) {
		fprintf(stderr, "out of memory\n");
		abort();
	}
	*room = bigger;
	return q;
}

/* The arena may move while it grows, so frames hold offsets until they are asked for: data is set again here. */
static void keep(struct sl_card *card, const struct sl_card_frame *frame, const uint8_t *data)
{
	uint8_t *before = card->arena;

	card->arena = grow(card->arena, &card->arena_room, card->arena_used + frame->len, 1);
	if (card->arena != before) {
		size_t at = 0;

		for (size_t i = 0; i < card->frame_count; i++) {
			card->frames[i].data = card->arena + at;
			at += card->frames[i].len;
		}
	}
	card->frames = grow(card->frames, &card->frame_room, card->frame_count + 1, sizeof(*card->frames));
	memcpy(card->arena + card->arena_used, data, frame->len);
	card->frames[card->frame_count] = *frame;
	card->frames[card->frame_count++].data = card->arena + card->arena_used;
	card->arena_used += frame->len;
}

static void collect(struct sl_card *card)
{
	static uint8_t buf[65536];
	struct sl_card_frame frame;

	for (;;) {
		memset(&frame, 0, sizeof(frame));
		frame.len = card->ops->wire_out(card->engine, &frame.port, buf);
		if (frame.len == 0)
			break;
		keep(card, &frame, buf);
	}
	for (;;) {
		memset(&frame, 0, sizeof(frame));
		frame.to_host = true;
		frame.len = card->ops->host_out(card->engine, &frame.meta, buf);
		if (frame.len == 0)
			break;
		keep(card, &frame, buf);
	}
	for (;;) {
		card->done = grow(card->done, &card->done_room, card->done_count + 1, sizeof(*card->done));
		memset(&card->done[card->done_count], 0, sizeof(*card->done));
		if (!card->ops->flow_done(card->engine, &card->done[card->done_count]))
			break;
		card->done_count++;
	}
}

static void work(struct sl_card *card)
{
	card->ops->step(card->engine, card->now_ms, SL_CARD_BUDGET);
	collect(card);
}

bool sl_card_open(struct sl_card *card, const struct sl_engine_ops *ops, const struct sl_engine_config *config)
{
	memset(card, 0, sizeof(*card));
	card->ops = ops;
	card->engine = ops->create(config, card->error, sizeof(card->error));
	return card->engine != NULL && sl_card_reset(card);
}

void sl_card_close(struct sl_card *card)
{
	if (card->engine != NULL)
		card->ops->destroy(card->engine);
	free(card->frames);
	free(card->arena);
	free(card->done);
	memset(card, 0, sizeof(*card));
}

static bool cleared(struct sl_card *card)
{
	for (int i = 0; i < SL_CARD_STEPS_MAX; i++) {
		if (!(sl_card_read(card, SL_CSR_STATUS) & 1))
			return true;
		work(card);
	}
	return fail(card, "STATUS says that tables are being cleared, for ever");
}

bool sl_card_reset(struct sl_card *card)
{
	card->ops->reset(card->engine);
	sl_card_forget(card);
	return cleared(card);
}

uint32_t sl_card_read(struct sl_card *card, uint32_t offset)
{
	return card->ops->csr_read(card->engine, offset);
}

void sl_card_write(struct sl_card *card, uint32_t offset, uint32_t value)
{
	card->ops->csr_write(card->engine, offset, value);
	if (offset == SL_CSR_EPOCH)
		cleared(card);
}

static bool table_command(struct sl_card *card, unsigned int table, uint32_t index, uint32_t command)
{
	sl_card_write(card, SL_CSR_TBL_SEL, (uint32_t)table << 24 | index);
	sl_card_write(card, SL_CSR_TBL_CMD, command);
	for (int i = 0; i < SL_CARD_STEPS_MAX; i++) {
		uint32_t status = sl_card_read(card, SL_CSR_TBL_STATUS);

		if (!(status & 1))
			return status & 2 ? fail(card, "TBL_STATUS refuses a table entry") : true;
		work(card);
	}
	return fail(card, "TBL_STATUS stays busy");
}

bool sl_card_table_write(struct sl_card *card, unsigned int table, uint32_t index, const void *entry, size_t len)
{
	for (size_t i = 0; i < len / 4; i++) {
		uint32_t word;

		memcpy(&word, (const uint8_t *)entry + 4 * i, 4);
		sl_card_write(card, SL_CSR_TBL_DATA(i), word);
	}
	return table_command(card, table, index, 2);
}

bool sl_card_table_read(struct sl_card *card, unsigned int table, uint32_t index, void *entry, size_t len)
{
	if (!table_command(card, table, index, 1))
		return false;
	for (size_t i = 0; i < len / 4; i++) {
		uint32_t word = sl_card_read(card, SL_CSR_TBL_DATA(i));

		memcpy((uint8_t *)entry + 4 * i, &word, 4);
	}
	return true;
}

void sl_card_mac(struct sl_card *card, uint32_t index, const uint8_t mac[6], uint8_t port_mask, bool valid)
{
	uint32_t low = (uint32_t)mac[0] | (uint32_t)mac[1] << 8 | (uint32_t)mac[2] << 16 | (uint32_t)mac[3] << 24;

	sl_card_write(card, SL_CSR_MAC_LO(index), low);
	sl_card_write(card, SL_CSR_MAC_HI(index), (uint32_t)mac[4] | (uint32_t)mac[5] << 8 | (uint32_t)port_mask << 16 |
						  (valid ? SL_MAC_HI_VALID : 0));
}

void sl_card_hash_key(struct sl_card *card, const uint8_t key[16])
{
	for (unsigned int i = 0; i < SL_CSR_HASH_KEY_COUNT; i++) {
		uint32_t word;

		memcpy(&word, key + 4 * i, 4);
		sl_card_write(card, SL_CSR_HASH_KEY(i), word);
	}
}

bool sl_card_wire_in(struct sl_card *card, unsigned int port, const uint8_t *frame, uint32_t len, bool bad_fcs)
{
	for (int i = 0; i < SL_CARD_STEPS_MAX; i++) {
		if (card->ops->wire_in(card->engine, port, frame, len, bad_fcs))
			return true;
		work(card);
	}
	return fail(card, "takes no frame any more");
}

bool sl_card_command(struct sl_card *card, const struct sl_flow_cmd *cmd)
{
	for (int i = 0; i < SL_CARD_STEPS_MAX; i++) {
		if (card->ops->flow_submit(card->engine, cmd))
			return true;
		work(card);
	}
	return fail(card, "takes no flow command any more");
}

bool sl_card_settle(struct sl_card *card)
{
	for (int i = 0; i < SL_CARD_STEPS_MAX; i++) {
		work(card);
		if (card->ops->idle(card->engine)) {
			collect(card);
			return card->error[0] == '\0';
		}
	}
	return fail(card, "does not become idle");
}

void sl_card_forget(struct sl_card *card)
{
	collect(card);
	card->frame_count = 0;
	card->arena_used = 0;
	card->done_count = 0;
}
