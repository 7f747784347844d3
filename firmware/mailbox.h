/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Admin commands: read from the mailbox, checked for length, run by the file that owns their noun, answered. An answer is
 * written as a whole before MBOX_DONE.
 */
#ifndef SLUICE_FIRMWARE_MAILBOX_H
#define SLUICE_FIRMWARE_MAILBOX_H

#include <stdint.h>

#include "sluice/contract.h"

#define SL_ARG_BYTES 240u
#define SL_ANSWER_BYTES 232u

struct sl_firmware;

struct sl_command {
	union {
		struct sl_index_arg index;
		struct sl_port_config port;
		struct sl_mac_filter mac;
		struct sl_rule_arg rule;
		struct sl_action_arg action;
		struct sl_meter_arg meter;
		struct sl_prefix_arg prefix;
		struct sl_miss_arg miss;
		struct sl_image_write image;
		uint32_t words[SL_ARG_BYTES / 4];
	} arg;
	union {
		struct sl_caps caps;
		struct sl_port_state port;
		struct sl_port_stats port_stats;
		struct sl_rule_arg rule;
		struct sl_action_arg action;
		struct sl_counter_pair pairs[SL_ANSWER_BYTES / sizeof(struct sl_counter_pair)];
		struct sl_health health;
		struct sl_image_state image;
		struct sl_prefix_list prefixes;
		uint8_t bytes[SL_ANSWER_BYTES]; /* aligned as words are */
		uint32_t words[SL_ANSWER_BYTES / 4];
	} answer; /* zero when a handler starts */
	uint32_t answer_len; /* bytes, set by handlers that answer; ignored unless the status is OK */
};

/* Runs the command in the mailbox and answers it. */
void sl_mailbox_serve(struct sl_firmware *fw);

#endif
