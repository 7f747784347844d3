/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/vectors/bounds.h"

#include <stdio.h>
#include <string.h>

#define FRAME_LEN 1000
#define FRAMES_MAX 20000

static const struct sl_class_rule any_frame = {
	.valid = 1, .verdict = SL_VERDICT_HOST, .port_mask = 0xff, .sport_hi = 65535, .dport_hi = 65535, .ttl_max = 255,
};

/* UDP over IPv4, 192.0.2.1:1000 to 192.0.2.2:2000, no UDP checksum. */
static const uint8_t udp_head[42] = {
	0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, 1, 1, 0x08, 0x00,
	0x45, 0, 0x03, 0xda, 0, 0, 0, 0, 64, 17, 0xf3, 0x0f, 192, 0, 2, 1, 192, 0, 2, 2,
	0x03, 0xe8, 0x07, 0xd0, 0x03, 0xc6, 0, 0,
};

static uint64_t reason_count(struct sl_card *card, unsigned int reason)
{
	struct sl_counter_pair pair = {0};

	sl_card_table_read(card, SL_CSR_TABLE_REASON, reason, &pair, sizeof(pair));
	return pair.packets;
}

static void prepare(struct sl_card *card, const struct sl_class_rule *rule)
{
	card->error[0] = '\0';
	card->now_ms += 10;
	sl_card_reset(card);
	for (unsigned int i = 0; i < SL_CARD_PORTS; i++)
		sl_card_write(card, SL_CSR_PORT_FLAGS(i), 1);
	sl_card_table_write(card, SL_CSR_TABLE_CLASS, 0, rule, sizeof(*rule));
	sl_card_write(card, SL_CSR_CTRL, 1);
}

/* Feeds frames without taking host frames until `full` is counted. Wire frames are taken and counted in *sent. */
static uint32_t fill(struct sl_card *card, unsigned int full, uint32_t *sent)
{
	uint8_t frame[FRAME_LEN] = {0}, buf[SL_FRAME_MAX];
	uint32_t fed = 0;
	unsigned int port;

	memcpy(frame, udp_head, sizeof(udp_head));
	while (fed < FRAMES_MAX && reason_count(card, full) < 5) {
		for (int tries = 0; tries < 1000; tries++) {
			if (card->ops->wire_in(card->engine, 0, frame, sizeof(frame), false)) {
				fed++;
				break;
			}
			card->ops->step(card->engine, card->now_ms, SL_CARD_BUDGET);
			while (card->ops->wire_out(card->engine, &port, buf) != 0)
				(*sent)++;
		}
		for (int i = 0; i < 4; i++)
			card->ops->step(card->engine, card->now_ms, SL_CARD_BUDGET);
		while (card->ops->wire_out(card->engine, &port, buf) != 0)
			(*sent)++;
	}
	return fed;
}

static size_t drain(struct sl_card *card, uint32_t *sent)
{
	size_t host = 0;

	sl_card_settle(card);
	for (size_t i = 0; i < card->frame_count; i++) {
		if (card->frames[i].to_host)
			host++;
		else
			(*sent)++;
	}
	sl_card_forget(card);
	return host;
}

bool sl_bounds_host_full(struct sl_card *card, char *why, size_t why_len)
{
	uint32_t sent = 0, fed;
	uint64_t dropped, counted;
	size_t host;

	prepare(card, &any_frame);
	fed = fill(card, SL_REASON_HOST_OVERFLOW, &sent);
	host = drain(card, &sent);
	dropped = reason_count(card, SL_REASON_HOST_OVERFLOW);
	counted = reason_count(card, SL_REASON_RULE);
	if (dropped < 5 || host + dropped != fed || counted != host || sent != 0) {
		snprintf(why, why_len, "%u fed, %zu to the host (counted %llu), %llu HOST_OVERFLOW, %u sent", fed, host,
			 (unsigned long long)counted, (unsigned long long)dropped, sent);
		return false;
	}
	if (!sl_card_wire_in(card, 0, udp_head, sizeof(udp_head), false) || !sl_card_settle(card) || card->frame_count != 0) {
		/* That frame is BAD_IP: it counts as a sign of life. */
		snprintf(why, why_len, "does not work again after the buffer was full: %s", card->error);
		return false;
	}
	return reason_count(card, SL_REASON_BAD_IP) == 1;
}

bool sl_bounds_copy_host_full(struct sl_card *card, char *why, size_t why_len)
{
	struct sl_class_rule rule = any_frame;
	const struct sl_action action = {.flags = SL_ACTION_FLAG_VALID, .port = 1};
	struct sl_flow_cmd cmd = {.opcode = SL_FLOW_OP_INSERT};
	uint32_t sent = 0, fed;
	uint64_t lost, copied;
	size_t host;

	rule.verdict = SL_VERDICT_FLOWS;
	rule.flags = SL_RULE_FLAG_COPY;
	prepare(card, &rule);
	sl_card_table_write(card, SL_CSR_TABLE_ACTION, 0, &action, sizeof(action));
	memcpy(cmd.key.src, udp_head + 26, 4);
	memcpy(cmd.key.dst, udp_head + 30, 4);
	memcpy(&cmd.key.sport, udp_head + 34, 2);
	memcpy(&cmd.key.dport, udp_head + 36, 2);
	cmd.key.proto = 17;
	cmd.key.family = 4;
	sl_card_command(card, &cmd);
	sl_card_settle(card);
	sl_card_forget(card);
	fed = fill(card, SL_REASON_COPY_METERED, &sent);
	host = drain(card, &sent);
	lost = reason_count(card, SL_REASON_COPY_METERED);
	copied = reason_count(card, SL_REASON_COPY);
	if (lost < 5 || sent != fed || reason_count(card, SL_REASON_FORWARDED) != fed || copied != host ||
	    copied + lost != fed) {
		snprintf(why, why_len, "%u fed, %u sent, %zu copies (counted %llu), %llu lost", fed, sent, host,
			 (unsigned long long)copied, (unsigned long long)lost);
		return false;
	}
	return true;
}

bool sl_bounds_rx_burst(struct sl_card *card, char *why, size_t why_len)
{
	uint8_t frame[FRAME_LEN] = {0};
	uint32_t fed = 0, sent = 0;
	uint64_t overflow;
	size_t host;

	prepare(card, &any_frame);
	memcpy(frame, udp_head, sizeof(udp_head));
	while (fed < FRAMES_MAX && card->ops->wire_in(card->engine, 0, frame, sizeof(frame), false))
		fed++;
	host = drain(card, &sent);
	overflow = reason_count(card, SL_REASON_RX_OVERFLOW) + reason_count(card, SL_REASON_HOST_OVERFLOW);
	if (fed == 0 || host + overflow != fed || reason_count(card, SL_REASON_RULE) != host) {
		snprintf(why, why_len, "%u fed at once, %zu to the host, %llu overflowed", fed, host,
			 (unsigned long long)overflow);
		return false;
	}
	return true;
}
