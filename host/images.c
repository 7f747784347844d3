/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Firmware images through the public EEPROM functions. A port is taken for one of our cards only if it answers a read of
 * its slots with our magic number; nothing is ever written to another.
 */
#include "host/images.h"

#include <errno.h>

#include <rte_dev_info.h>
#include <rte_ethdev.h>

#include "host/port.h"
#include "sluice/eeprom.h"

/* -EINVAL is what another vendor's driver says to an offset that it does not know. */
static int about_get(unsigned int port, uint32_t offset, void *to, uint32_t length)
{
	struct rte_dev_eeprom_info info = { .data = to, .offset = offset, .length = length };
	const struct sl_port *p = sl_port_at(port);
	int rc;

	if (p->gone)
		return -EIO;
	rc = rte_eth_dev_get_eeprom(p->port_id, &info);
	if (rc == -EINVAL || (rc == 0 && info.magic != SL_CARD_ID))
		return -ENOTSUP;
	return rc == -ENODEV ? -EIO : rc;
}

static int images(void *ctx, unsigned int port, struct sl_image_state slot[SL_FLASH_SLOTS])
{
	(void)ctx;
	return about_get(port, SL_EEPROM_SLOTS, slot, SL_FLASH_SLOTS * sizeof(slot[0]));
}

static int image_write(void *ctx, unsigned int port, unsigned int slot, const uint8_t *image, uint32_t length)
{
	struct rte_dev_eeprom_info info = { .data = (void *)(uintptr_t)image, .offset = SL_EEPROM_SLOT(slot), .length = length,
					    .magic = SL_CARD_ID };
	struct sl_image_state state[SL_FLASH_SLOTS];
	const int rc = images(ctx, port, state);

	return rc ? rc : rte_eth_dev_set_eeprom(sl_port_at(port)->port_id, &info);
}

static uint32_t image_written(void *ctx, unsigned int port)
{
	struct sl_eeprom_progress progress = { .length = 0 };

	(void)ctx;
	return about_get(port, SL_EEPROM_PROGRESS, &progress, sizeof(progress)) ? 0 : progress.written;
}

/* Ports of one card are in one switch domain. */
static unsigned int card_of(void *ctx, unsigned int port)
{
	struct rte_eth_dev_info of_port, of_other;

	(void)ctx;
	if (rte_eth_dev_info_get(sl_port_at(port)->port_id, &of_port) ||
	    of_port.switch_info.domain_id == RTE_ETH_DEV_SWITCH_DOMAIN_ID_INVALID)
		return port;
	for (unsigned int other = 0; other < port; other++)
		if (!rte_eth_dev_info_get(sl_port_at(other)->port_id, &of_other) &&
		    of_other.switch_info.domain_id == of_port.switch_info.domain_id)
			return other;
	return port;
}

void sl_images_init(struct sl_control_ops *ops)
{
	ops->images = images;
	ops->image_write = image_write;
	ops->image_written = image_written;
	ops->card_of = card_of;
}
