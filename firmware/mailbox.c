/* SPDX-License-Identifier: BSD-3-Clause */
/* The mailbox and the table of admin commands. The commands about the card as a whole are here; others in their files. */
#include <stdbool.h>
#include <stddef.h>

#include "firmware/action.h"
#include "firmware/firmware.h"
#include "firmware/flash.h"
#include "firmware/hal.h"
#include "firmware/log.h"
#include "firmware/mailbox.h"
#include "firmware/memory.h"
#include "firmware/meter.h"
#include "firmware/port.h"
#include "firmware/prefix.h"
#include "firmware/rule.h"
#include "firmware/stats.h"
#include "firmware/table.h"

_Static_assert(sizeof(((struct sl_admin_cmd *)0)->arg) == SL_ARG_BYTES, "argument");
_Static_assert(sizeof(((struct sl_admin_cpl *)0)->answer) == SL_ANSWER_BYTES, "answer");

#define MODES 0x2fffu /* every mode that the contract names but NAT between IPv4 and IPv6 */
#define HEADER_WORDS 4u /* before arg, and before answer */

static enum sl_status run_nop(struct sl_firmware *fw, struct sl_command *c)
{
	(void)fw;
	(void)c;
	return SL_STATUS_OK;
}

static enum sl_status run_get_caps(struct sl_firmware *fw, struct sl_command *c)
{
	static const char name[] = SL_FIRMWARE_NAME;
	struct sl_caps *caps = &c->answer.caps;

	_Static_assert(sizeof(name) <= sizeof(caps->fw_name), "name with its NUL");
	caps->abi_version = SL_ABI_VERSION;
	caps->fw_version = SL_FIRMWARE_VERSION;
	caps->ports = (uint8_t)fw->ports;
	caps->table_log2 = (uint8_t)sl_hal_csr_read(SL_CSR_CONFIG);
	caps->class_rules = SL_CLASS_RULES;
	caps->actions = SL_ACTIONS;
	caps->meters = SL_METERS;
	caps->flow_queues = SL_FLOW_QUEUES;
	caps->frame_max = SL_FRAME_MAX;
	caps->prefixes = 2 * SL_PREFIX_WAYS << SL_PREFIX_BUCKETS_LOG2;
	caps->modes = MODES;
	memcpy(caps->fw_name, name, sizeof(name));
	c->answer_len = sizeof(*caps);
	return SL_STATUS_OK;
}

static enum sl_status run_vxlan_port(struct sl_firmware *fw, struct sl_command *c)
{
	(void)fw;
	if (c->arg.index.index > 0xfffff || c->arg.index.reserved0)
		return SL_STATUS_BAD_VALUE;
	sl_hal_csr_write(SL_CSR_VXLAN_PORT, c->arg.index.index);
	return SL_STATUS_OK;
}

static enum sl_status run_miss_mark(struct sl_firmware *fw, struct sl_command *c)
{
	(void)fw;
	if (c->arg.miss.valid > 1)
		return SL_STATUS_BAD_VALUE;
	sl_hal_csr_write(SL_CSR_MISS_MARK, c->arg.miss.mark);
	sl_hal_csr_write(SL_CSR_MISS_FLAGS, c->arg.miss.valid);
	return SL_STATUS_OK;
}

/* How often aged flows are looked for. Also the way to be told again of all of them. */
static enum sl_status run_age_set(struct sl_firmware *fw, struct sl_command *c)
{
	(void)fw;
	if (c->arg.index.reserved0)
		return SL_STATUS_BAD_VALUE;
	sl_hal_csr_write(SL_CSR_AGE_PERIOD, c->arg.index.index);
	return SL_STATUS_OK;
}

static enum sl_status run_flow_clear(struct sl_firmware *fw, struct sl_command *c)
{
	const uint32_t epoch = sl_hal_csr_read(SL_CSR_EPOCH);

	(void)fw;
	(void)c;
	sl_hal_csr_write(SL_CSR_EPOCH, (epoch + 1) & 0xff);
	return sl_table_wait_clear() ? SL_STATUS_OK : SL_STATUS_TIMEOUT;
}

static enum sl_status run_reset(struct sl_firmware *fw, struct sl_command *c)
{
	const uint32_t kind = c->arg.index.index;

	if ((kind != SL_RESET_KIND_FIRMWARE && kind != SL_RESET_KIND_CARD) || c->arg.index.reserved0)
		return SL_STATUS_BAD_VALUE;
	fw->reset = (uint8_t)kind; /* performed when the completion is out */
	return SL_STATUS_OK;
}

static enum sl_status run_log_read(struct sl_firmware *fw, struct sl_command *c)
{
	(void)fw;
	if (c->arg.index.reserved0)
		return SL_STATUS_BAD_VALUE;
	c->answer_len = sl_log_read(c->arg.index.index, c->answer.bytes, sizeof(c->answer.bytes));
	return SL_STATUS_OK;
}

static enum sl_status run_health_get(struct sl_firmware *fw, struct sl_command *c)
{
	struct sl_health *h = &c->answer.health;

	h->uptime_ms = sl_hal_mgmt_read(SL_MGMT_TIME_MS) - fw->boot_time_ms;
	h->heartbeat = sl_hal_mgmt_read(SL_MGMT_HEARTBEAT);
	h->last_reset = fw->boot_cause;
	h->commands = fw->commands;
	h->commands_failed = fw->commands_failed;
	h->boots = sl_hal_mgmt_read(SL_MGMT_BOOTS);
	if (!fw->failed) { /* the datapath may be why it failed, and stop the core at a read */
		h->occupancy = sl_hal_csr_read(SL_CSR_OCCUPANCY);
		h->epoch = sl_hal_csr_read(SL_CSR_EPOCH) & 0xff;
		h->moves = sl_hal_csr_read(SL_CSR_MOVES);
		h->refused = sl_hal_csr_read(SL_CSR_REFUSED);
	}
	c->answer_len = sizeof(*h);
	return SL_STATUS_OK;
}

/* By opcode. `always`: served even when the self-test failed, since it helps to find out why, or to replace the image. */
static const struct {
	enum sl_status (*run)(struct sl_firmware *fw, struct sl_command *c);
	uint8_t arg_len;
	bool always;
} commands[] = {
	[SL_ADMIN_OP_NOP] = { run_nop, 0, true },
	[SL_ADMIN_OP_GET_CAPS] = { run_get_caps, 0, false },
	[SL_ADMIN_OP_PORT_SET] = { sl_port_run_set, sizeof(struct sl_port_config), false },
	[SL_ADMIN_OP_PORT_GET] = { sl_port_run_get, sizeof(struct sl_index_arg), false },
	[SL_ADMIN_OP_MAC_SET] = { sl_port_run_mac_set, sizeof(struct sl_mac_filter), false },
	[SL_ADMIN_OP_RULE_WRITE] = { sl_rule_run_write, sizeof(struct sl_rule_arg), false },
	[SL_ADMIN_OP_RULE_READ] = { sl_rule_run_read, sizeof(struct sl_index_arg), false },
	[SL_ADMIN_OP_RULE_STATS] = { sl_rule_run_stats, sizeof(struct sl_index_arg), false },
	[SL_ADMIN_OP_ACTION_WRITE] = { sl_action_run_write, sizeof(struct sl_action_arg), false },
	[SL_ADMIN_OP_ACTION_READ] = { sl_action_run_read, sizeof(struct sl_index_arg), false },
	[SL_ADMIN_OP_METER_SET] = { sl_meter_run_set, sizeof(struct sl_meter_arg), false },
	[SL_ADMIN_OP_REASON_STATS] = { sl_stats_run_reasons, sizeof(struct sl_index_arg), false },
	[SL_ADMIN_OP_PORT_STATS] = { sl_port_run_stats, sizeof(struct sl_index_arg), false },
	[SL_ADMIN_OP_VXLAN_PORT] = { run_vxlan_port, sizeof(struct sl_index_arg), false },
	[SL_ADMIN_OP_MISS_MARK] = { run_miss_mark, sizeof(struct sl_miss_arg), false },
	[SL_ADMIN_OP_FLOW_CLEAR] = { run_flow_clear, 0, false },
	[SL_ADMIN_OP_RESET] = { run_reset, sizeof(struct sl_index_arg), true },
	[SL_ADMIN_OP_LOG_READ] = { run_log_read, sizeof(struct sl_index_arg), true },
	[SL_ADMIN_OP_HEALTH_GET] = { run_health_get, 0, true },
	/* A card whose firmware does not start well is one that needs another image. */
	[SL_ADMIN_OP_IMAGE_STATE] = { sl_flash_run_state, sizeof(struct sl_index_arg), true },
	[SL_ADMIN_OP_IMAGE_ERASE] = { sl_flash_run_erase, sizeof(struct sl_index_arg), true },
	[SL_ADMIN_OP_IMAGE_WRITE] = { sl_flash_run_write, sizeof(struct sl_image_write), true },
	[SL_ADMIN_OP_IMAGE_READ] = { sl_flash_run_read, sizeof(struct sl_index_arg), true },
	[SL_ADMIN_OP_IMAGE_SELECT] = { sl_flash_run_select, sizeof(struct sl_index_arg), true },
	[SL_ADMIN_OP_PREFIX_SET] = { sl_prefix_run_set, sizeof(struct sl_prefix_arg), false },
	[SL_ADMIN_OP_PREFIX_LIST] = { sl_prefix_run_list, sizeof(struct sl_index_arg), false },
	[SL_ADMIN_OP_AGE_SET] = { run_age_set, sizeof(struct sl_index_arg), false },
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static enum sl_status execute(struct sl_firmware *fw, uint32_t opcode, uint32_t flags, uint32_t len)
{
	struct sl_command *c = &fw->command;

	if (opcode >= COMMANDS)
		return SL_STATUS_BAD_OPCODE;
	if (len != commands[opcode].arg_len)
		return SL_STATUS_BAD_LENGTH;
	if (flags || sl_hal_mgmt_read(SL_MGMT_MBOX_REQ(2)) || sl_hal_mgmt_read(SL_MGMT_MBOX_REQ(3)))
		return SL_STATUS_BAD_VALUE;
	if (fw->failed && !commands[opcode].always)
		return SL_STATUS_BUSY;
	for (uint32_t i = 0; i < len / 4; i++)
		c->arg.words[i] = sl_hal_mgmt_read(SL_MGMT_MBOX_REQ(HEADER_WORDS + i));
	return commands[opcode].run(fw, c);
}

void sl_mailbox_serve(struct sl_firmware *fw)
{
	const uint32_t head = sl_hal_mgmt_read(SL_MGMT_MBOX_REQ(0)); /* opcode, flags, tag */
	const uint32_t len = sl_hal_mgmt_read(SL_MGMT_MBOX_REQ(1));
	const uint32_t opcode = head & 0xff;
	struct sl_command *c = &fw->command;
	enum sl_status status;

	memset(c, 0, sizeof(*c));
	status = execute(fw, opcode, head >> 8 & 0xff, len);
	if (status != SL_STATUS_OK) {
		memset(&c->answer, 0, sizeof(c->answer));
		c->answer_len = 0;
		fw->commands_failed++;
		sl_log_values("admin command refused: opcode, status", opcode, (uint32_t)status);
	}
	fw->commands++;
	sl_hal_mgmt_write(SL_MGMT_MBOX_RSP(0), c->answer_len);
	sl_hal_mgmt_write(SL_MGMT_MBOX_RSP(1), head >> 16 | (uint32_t)status << 16 | opcode << 24);
	sl_hal_mgmt_write(SL_MGMT_MBOX_RSP(2), 0);
	sl_hal_mgmt_write(SL_MGMT_MBOX_RSP(3), 0);
	for (uint32_t i = 0; i < SL_ANSWER_BYTES / 4; i++)
		sl_hal_mgmt_write(SL_MGMT_MBOX_RSP(HEADER_WORDS + i), c->answer.words[i]);
	for (uint32_t i = HEADER_WORDS + SL_ANSWER_BYTES / 4; i < SL_MGMT_MBOX_RSP_COUNT; i++)
		sl_hal_mgmt_write(SL_MGMT_MBOX_RSP(i), 0);
	sl_hal_mgmt_write(SL_MGMT_MBOX_DONE, 1);
}
