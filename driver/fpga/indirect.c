/* SPDX-License-Identifier: BSD-3-Clause */
/* Indirect actions and their action entries. */
#include "driver/fpga/indirect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "driver/fpga/compile.h"

struct sl_indirect *sl_indirect_find(const struct sl_port *port, const void *handle)
{
	struct sl_indirect *indirect;

	TAILQ_FOREACH(indirect, &port->indirects, next)
		if (indirect == handle)
			return indirect;
	return NULL;
}

struct sl_indirect *sl_indirect_create(struct sl_port *port, const struct sl_encap *encap)
{
	struct sl_indirect *indirect = calloc(1, sizeof(*indirect));

	if (!indirect)
		return NULL;
	indirect->encap = *encap;
	memset(indirect->actions, 0xff, sizeof(indirect->actions));
	TAILQ_INSERT_TAIL(&port->indirects, indirect, next);
	return indirect;
}

void sl_indirect_use(struct sl_indirect *indirect, bool copies)
{
	indirect->copied = copies || (indirect->rules && indirect->copied);
	indirect->rules++;
}

/* Gives the entries back that an encapsulation has for this way out. */
static void entries_put(struct sl_port *port, struct sl_indirect *encap, unsigned int out)
{
	for (unsigned int six = 0; six < 2; six++) {
		if (encap->actions[out][six] != SL_ACTION_NONE)
			sl_actions_put(&port->card->actions, encap->actions[out][six]);
		encap->actions[out][six] = SL_ACTION_NONE;
	}
}

int sl_indirect_destroy(struct sl_port *port, struct sl_indirect *indirect)
{
	struct sl_indirect *encap;

	if (indirect->rules)
		return -EBUSY;
	TAILQ_FOREACH(encap, &port->indirects, next)
		if (indirect->is_way && !encap->is_way)
			entries_put(port, encap, SL_PORTS_MAX + indirect->way);
	for (unsigned int i = 0; !indirect->is_way && i < SL_WAYS_OUT; i++)
		entries_put(port, indirect, i);
	TAILQ_REMOVE(&port->indirects, indirect, next);
	free(indirect);
	return 0;
}

int sl_indirect_update(struct sl_port *port, struct sl_indirect *indirect, const struct sl_encap *encap)
{
	struct sl_actions *actions = &port->card->actions;

	if (indirect->rules && indirect->copied && encap->outer != indirect->encap.outer)
		return -EINVAL;
	/* First see that the new template suits every entry, so that a refusal changes nothing. */
	for (unsigned int pass = 0; pass < 2; pass++) {
		for (unsigned int i = 0; i < SL_WAYS_OUT * 2; i++) {
			const uint32_t index = indirect->actions[i / 2][i % 2];
			struct sl_encap complete = *encap;
			struct sl_action content;
			int rc;

			if (index == SL_ACTION_NONE)
				continue;
			if (!sl_encap_complete(&complete, i % 2 ? 6 : 4))
				return -EINVAL;
			if (pass == 0)
				continue;
			sl_compile_action(&complete, actions->entries[index].content.port, actions->entries[index].content.mtu,
					  &content);
			rc = sl_actions_rewrite(actions, index, &content);
			if (rc)
				return rc;
		}
	}
	indirect->encap = *encap;
	return 0;
}

int sl_indirect_entry(struct sl_port *port, struct sl_indirect *indirect, const struct sl_indirect *way, uint8_t egress,
		      uint16_t mtu, uint8_t family, uint32_t *action)
{
	uint32_t *entry = &indirect->actions[way ? SL_PORTS_MAX + way->way : egress][family == 6];
	struct sl_encap complete = indirect->encap;
	struct sl_action content;

	if (*entry == SL_ACTION_NONE) {
		int rc;

		if (!sl_encap_complete(&complete, family))
			return -EINVAL;
		sl_compile_action(&complete, egress, mtu, &content);
		rc = sl_actions_get(&port->card->actions, &content, true, entry);
		if (rc) {
			*entry = SL_ACTION_NONE;
			return rc;
		}
	}
	*action = *entry;
	return 0;
}

struct sl_indirect *sl_indirect_create_way(struct sl_port *port, uint16_t ethdev, uint8_t egress)
{
	struct sl_indirect *way, *other;
	uint32_t taken = 0;

	TAILQ_FOREACH(other, &port->indirects, next)
		taken |= other->is_way ? 1u << other->way : 0;
	if (taken == (1u << SL_WAYS_MAX) - 1)
		return NULL;
	way = calloc(1, sizeof(*way));
	if (!way)
		return NULL;
	way->is_way = true;
	way->way = (uint8_t)__builtin_ctz(~taken);
	way->ethdev = ethdev;
	way->egress = egress;
	TAILQ_INSERT_TAIL(&port->indirects, way, next);
	return way;
}

int sl_indirect_move(struct sl_port *port, struct sl_indirect *way, uint16_t ethdev, uint8_t egress)
{
	const uint16_t mtu = rte_eth_devices[ethdev].data->mtu;
	struct sl_actions *actions = &port->card->actions;
	struct sl_indirect *encap;

	TAILQ_FOREACH(encap, &port->indirects, next) {
		for (unsigned int six = 0; six < 2 && !encap->is_way; six++) {
			const uint32_t index = encap->actions[SL_PORTS_MAX + way->way][six];
			struct sl_action content;
			int rc;

			if (index == SL_ACTION_NONE)
				continue;
			content = actions->entries[index].content;
			content.port = egress;
			content.mtu = mtu;
			rc = sl_actions_rewrite(actions, index, &content);
			if (rc)
				return rc;
		}
	}
	way->ethdev = ethdev;
	way->egress = egress;
	return 0;
}
