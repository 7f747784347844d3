/* SPDX-License-Identifier: BSD-3-Clause */
/* Firmware updates. */
#include "driver/fpga/eeprom.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "driver/fpga/log.h"
#include "driver/fpga/port.h"
#include "sluice/eeprom.h"
#include "sluice/image.h"

#define CHUNK sizeof(((struct sl_image_write *)NULL)->data)

static int exec_index(struct sl_card *card, enum sl_admin_op op, uint32_t index, void *answer, uint32_t answer_len)
{
	const struct sl_index_arg arg = {.index = index};

	return sl_admin_exec(&card->admin, op, &arg, sizeof(arg), answer, answer_len);
}

/* The slot that runs and its state; or a negative errno. */
static int running_slot(struct sl_card *card, struct sl_image_state *state)
{
	for (uint32_t slot = 0; slot < SL_FLASH_SLOTS; slot++) {
		int rc = exec_index(card, SL_ADMIN_OP_IMAGE_STATE, slot, state, sizeof(*state));

		if (rc)
			return rc;
		if (state->running)
			return (int)slot;
	}
	return -ENOENT;
}

int sl_eeprom_length(struct rte_eth_dev *dev)
{
	struct sl_image_state state;
	const int slot = running_slot(sl_port_of(dev)->card, &state);

	return slot < 0 ? slot : (int)state.length;
}

static int slots_get(struct sl_card *card, struct sl_image_state *state)
{
	int rc = 0;

	for (uint32_t slot = 0; slot < SL_FLASH_SLOTS && rc == 0; slot++)
		rc = exec_index(card, SL_ADMIN_OP_IMAGE_STATE, slot, &state[slot], sizeof(state[slot]));
	return rc;
}

/* What is beside the image: see sluice/eeprom.h. */
static int about_get(struct sl_card *card, struct rte_dev_eeprom_info *info)
{
	struct sl_eeprom_progress progress = {.length = 0};
	struct sl_image_state state[SL_FLASH_SLOTS];
	int rc;

	info->magic = SL_CARD_ID;
	if (info->offset == SL_EEPROM_PROGRESS && info->length == sizeof(progress)) {
		progress.length = __atomic_load_n(&card->update_length, __ATOMIC_RELAXED);
		progress.written = __atomic_load_n(&card->update_written, __ATOMIC_RELAXED);
		memcpy(info->data, &progress, sizeof(progress));
		return 0;
	}
	if (info->offset != SL_EEPROM_SLOTS || info->length != sizeof(state))
		return -EINVAL;
	rc = slots_get(card, state);
	if (rc == 0)
		memcpy(info->data, state, sizeof(state));
	return rc;
}

int sl_eeprom_get(struct rte_eth_dev *dev, struct rte_dev_eeprom_info *info)
{
	struct sl_card *card = sl_port_of(dev)->card;
	uint8_t part[sizeof(((struct sl_admin_cpl *)NULL)->answer)];
	struct sl_image_state state;
	uint32_t done = 0;
	int slot;

	if (info->offset >= SL_EEPROM_SLOTS)
		return about_get(card, info);
	slot = running_slot(card, &state);
	if (slot < 0)
		return slot;
	if (info->offset > state.length || info->length > state.length - info->offset)
		return -EINVAL;
	while (done < info->length) {
		const uint32_t at = info->offset + done, skip = at % 4;
		const uint32_t n = RTE_MIN((uint32_t)sizeof(part) - skip, info->length - done);
		int rc = exec_index(card, SL_ADMIN_OP_IMAGE_READ, (uint32_t)slot * SL_FLASH_SLOT_BYTES + at - skip, part,
				    sizeof(part));

		if (rc)
			return rc;
		memcpy((uint8_t *)info->data + done, part + skip, n);
		done += n;
	}
	info->magic = SL_CARD_ID;
	return 0;
}

static int image_put(struct sl_card *card, uint32_t base, const uint8_t *image, uint32_t n)
{
	int rc = 0;

	for (uint32_t at = 0; at < n && rc == 0; at += SL_FLASH_SECTOR_BYTES)
		rc = exec_index(card, SL_ADMIN_OP_IMAGE_ERASE, base + at, NULL, 0);
	for (uint32_t at = 0; at < n && rc == 0; at += CHUNK) {
		struct sl_image_write arg = {.address = base + at, .len = (uint16_t)RTE_MIN((uint32_t)CHUNK, n - at)};

		memcpy(arg.data, image + at, arg.len);
		rc = sl_admin_exec(&card->admin, SL_ADMIN_OP_IMAGE_WRITE, &arg, sizeof(arg), NULL, 0);
		if (rc == 0)
			__atomic_store_n(&card->update_written, at + arg.len, __ATOMIC_RELAXED);
	}
	return rc;
}

/* What the new firmware can do; what hangs on the hardware, and that this process has set itself up for, stays as it was. */
static int caps_take(struct sl_card *card, const struct sl_caps *caps)
{
	const struct sl_caps *before = &card->caps;
	const bool same = caps->abi_version == before->abi_version && caps->ports == before->ports &&
			  caps->table_log2 == before->table_log2 && caps->class_rules == before->class_rules &&
			  caps->actions == before->actions && caps->meters == before->meters;

	if (!same) {
		SL_LOG(ERR, "%s: the new firmware tells of another card; restart this process", card->config.path);
		return -EIO;
	}
	pthread_mutex_lock(&card->lock);
	card->caps = *caps;
	pthread_mutex_unlock(&card->lock);
	return 0;
}

/* Restarts the firmware and waits until it has, and serves: its count of starts differs. A firmware on trial that fails starts
 * again by itself, until the one before it runs. */
static int firmware_restart(struct sl_card *card)
{
	struct sl_health health;
	struct sl_caps caps;
	uint32_t boots;
	int rc = sl_admin_exec(&card->admin, SL_ADMIN_OP_HEALTH_GET, NULL, 0, &health, sizeof(health));

	boots = health.boots;
	if (rc == 0)
		rc = exec_index(card, SL_ADMIN_OP_RESET, SL_RESET_KIND_FIRMWARE, NULL, 0);
	for (unsigned int ms = 0; rc == 0 && ms < card->config.timeout_ms; ms++) {
		rc = sl_admin_exec(&card->admin, SL_ADMIN_OP_HEALTH_GET, NULL, 0, &health, sizeof(health));
		if (rc == 0 && health.boots != boots) {
			rc = sl_admin_exec(&card->admin, SL_ADMIN_OP_GET_CAPS, NULL, 0, &caps, sizeof(caps));
			if (rc != -EBUSY)
				return rc ? rc : caps_take(card, &caps);
			rc = 0; /* it failed its self-test, and has not started again yet */
		}
		usleep(1000);
	}
	return rc ? rc : -ETIMEDOUT;
}

/* wanted: a slot, or SL_SLOT_NONE for the one that does not run. */
static int image_install(struct sl_card *card, uint32_t wanted, const uint8_t *image, uint32_t n)
{
	struct sl_image_state state;
	const int before = running_slot(card, &state);
	const uint32_t slot = wanted == SL_SLOT_NONE ? before == 0 : wanted;
	int rc;

	if (before < 0)
		return before;
	if ((int)slot == before) {
		SL_LOG(ERR, "%s: slot %u runs and cannot be written", card->config.path, slot);
		return -EBUSY;
	}
	rc = image_put(card, slot * SL_FLASH_SLOT_BYTES, image, n);
	if (rc == -EBUSY) {
		SL_LOG(ERR, "%s: the firmware that runs is on trial, and the one before it is kept until that is confirmed: try "
		       "again in ten seconds", card->config.path);
		return rc;
	}
	if (rc == 0)
		rc = exec_index(card, SL_ADMIN_OP_IMAGE_SELECT, slot, NULL, 0);
	if (rc) {
		SL_LOG(ERR, "%s: the firmware image could not be written (%s); the old one runs on", card->config.path,
			strerror(-rc));
		return rc;
	}
	rc = firmware_restart(card);
	if (rc == 0)
		rc = running_slot(card, &state);
	if (rc == (int)slot) {
		SL_LOG(NOTICE, "%s: firmware %u.%u.%u runs; it is kept when it has run for ten seconds", card->config.path,
			state.version >> 16, state.version >> 8 & 0xff, state.version & 0xff);
		return 0;
	}
	SL_LOG(ERR, "%s: the new firmware image does not start; the card goes back to the one before", card->config.path);
	return rc == -EIO ? rc : -ENOTRECOVERABLE;
}

/* The slot that an offset means, SL_SLOT_NONE for offset 0; -1 if it means none. */
static int slot_of(uint32_t offset)
{
	for (uint32_t slot = 0; slot < SL_FLASH_SLOTS; slot++)
		if (offset == SL_EEPROM_SLOT(slot))
			return (int)slot;
	return offset == 0 ? SL_SLOT_NONE : -1;
}

int sl_eeprom_set(struct rte_eth_dev *dev, struct rte_dev_eeprom_info *info)
{
	static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
	struct sl_card *card = sl_port_of(dev)->card;
	const int slot = slot_of(info->offset);
	const char *wrong = info->magic != SL_CARD_ID ? "the magic number is not CARD_ID of this card"
			    : slot < 0		     ? "an image is written as a whole, from offset 0 or a slot's"
						     : sl_image_check(info->data, info->length, SL_ABI_VERSION);
	int rc;

	if (wrong) {
		SL_LOG(ERR, "%s: firmware image refused: %s", card->config.path, wrong);
		return -EINVAL;
	}
	pthread_mutex_lock(&one_at_a_time);
	__atomic_store_n(&card->update_written, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&card->update_length, info->length, __ATOMIC_RELAXED);
	rc = image_install(card, (uint32_t)slot, info->data, info->length);
	__atomic_store_n(&card->update_length, 0, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&one_at_a_time);
	return rc;
}
