/* SPDX-License-Identifier: BSD-3-Clause */
/* Good arguments. */
#include "tests/firmware/arguments.h"

#include <string.h>

#include "sluice/image.h"
#include "sluice/prefix.h"
#include "tests/firmware/core.h"

const struct sl_class_prefix core_good_prefix = { .addr = { 192, 0, 2, 1 }, .sets = 5, .port_lo = 80, .port_hi = 80, .family = 4,
						  .proto = 6, .proto_mask = 255, .meter = SL_PREFIX_METER_RULE };

uint32_t core_argument(unsigned int opcode, uint8_t *arg)
{
	const struct sl_index_arg one = { .index = 1 };
	const struct sl_port_config port = { .port = 1, .enable = 1, .mac = { 2, 0, 0, 0, 0, 1 } };
	const struct sl_mac_filter mac = { .index = 3, .valid = 1, .port_mask = 1, .mac = { 2, 0, 0, 0, 0, 1 } };
	const struct sl_rule_arg rule = { .index = 5, .rule = fake_good_rule() };
	const struct sl_action_arg action = { .index = 6, .action = fake_good_action() };
	const struct sl_meter_arg meter = { .index = 7, .meter = { .rate = 256, .burst = 64 } };
	const struct sl_miss_arg miss = { .mark = 0x77, .valid = 1 };
	const struct sl_index_arg sector = { .index = SL_FLASH_SLOT_BYTES + SL_FLASH_SECTOR_BYTES };
	const struct sl_image_write image = { .address = SL_FLASH_SLOT_BYTES + 0x2000, .len = 4, .data = { 0xff, 0xff, 0xff, 0xff } };
	const struct sl_prefix_arg prefix = { .table = SL_PREFIX_TABLE_DST_EXACT, .prefix = core_good_prefix };
	const struct sl_index_arg reset = { .index = SL_RESET_KIND_FIRMWARE };
	const struct { const void *bytes; uint32_t len; } good[] = {
		[SL_ADMIN_OP_NOP] = { NULL, 0 },
		[SL_ADMIN_OP_GET_CAPS] = { NULL, 0 },
		[SL_ADMIN_OP_PORT_SET] = { &port, sizeof(port) },
		[SL_ADMIN_OP_PORT_GET] = { &one, sizeof(one) },
		[SL_ADMIN_OP_MAC_SET] = { &mac, sizeof(mac) },
		[SL_ADMIN_OP_RULE_WRITE] = { &rule, sizeof(rule) },
		[SL_ADMIN_OP_RULE_READ] = { &one, sizeof(one) },
		[SL_ADMIN_OP_RULE_STATS] = { &one, sizeof(one) },
		[SL_ADMIN_OP_ACTION_WRITE] = { &action, sizeof(action) },
		[SL_ADMIN_OP_ACTION_READ] = { &one, sizeof(one) },
		[SL_ADMIN_OP_METER_SET] = { &meter, sizeof(meter) },
		[SL_ADMIN_OP_REASON_STATS] = { &one, sizeof(one) },
		[SL_ADMIN_OP_PORT_STATS] = { &one, sizeof(one) },
		[SL_ADMIN_OP_VXLAN_PORT] = { &one, sizeof(one) },
		[SL_ADMIN_OP_MISS_MARK] = { &miss, sizeof(miss) },
		[SL_ADMIN_OP_FLOW_CLEAR] = { NULL, 0 },
		[SL_ADMIN_OP_RESET] = { &reset, sizeof(reset) },
		[SL_ADMIN_OP_LOG_READ] = { &one, sizeof(one) },
		[SL_ADMIN_OP_HEALTH_GET] = { NULL, 0 },
		[SL_ADMIN_OP_IMAGE_STATE] = { &one, sizeof(one) },
		[SL_ADMIN_OP_IMAGE_ERASE] = { &sector, sizeof(sector) },
		[SL_ADMIN_OP_IMAGE_WRITE] = { &image, sizeof(image) },
		[SL_ADMIN_OP_IMAGE_READ] = { &sector, sizeof(sector) },
		[SL_ADMIN_OP_IMAGE_SELECT] = { &one, sizeof(one) },
		[SL_ADMIN_OP_PREFIX_SET] = { &prefix, sizeof(prefix) },
		[SL_ADMIN_OP_PREFIX_LIST] = { &one, sizeof(one) },
		[SL_ADMIN_OP_AGE_SET] = { &one, sizeof(one) },
	};

	memset(arg, 0, 240);
	if (good[opcode].len)
		memcpy(arg, good[opcode].bytes, good[opcode].len);
	return good[opcode].len;
}

/* An image that may be selected, in slot 1: a header and one word. */
void core_flash_image(void)
{
	uint32_t image[sizeof(struct sl_image_header) / 4 + 1] = { 0 };
	struct sl_image_header h = { SL_IMAGE_MAGIC, SL_IMAGE_HEADER_VERSION, sizeof(h), 1, sizeof(image), sizeof(h), 0,
				     SL_ABI_VERSION, 0 };

	memcpy(image, &h, sizeof(h));
	h.crc32 = sl_image_crc32(0, (const uint8_t *)image, sizeof(image));
	memcpy(image, &h, sizeof(h));
	memcpy(core.flash.bytes + SL_FLASH_SLOT_BYTES, image, sizeof(image));
}
