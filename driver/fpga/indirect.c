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

int sl_indirect_destroy(struct sl_port *port, struct sl_indirect *indirect)
{
	if (indirect->rules)
		return -EBUSY;
	for (unsigned int i = 0; i < SL_PORTS_MAX; i++)
		for (unsigned int six = 0; six < 2; six++)
			if (indirect->actions[i][six] != SL_ACTION_NONE)
				sl_actions_put(&port->card->actions, indirect->actions[i][six]);
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
		for (unsigned int i = 0; i < SL_PORTS_MAX * 2; i++) {
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
			sl_compile_action(&complete, (uint8_t)(i / 2), actions->entries[index].content.mtu, &content);
			rc = sl_actions_rewrite(actions, index, &content);
			if (rc)
				return rc;
		}
	}
	indirect->encap = *encap;
	return 0;
}

int sl_indirect_entry(struct sl_port *port, struct sl_indirect *indirect, uint8_t egress, uint16_t mtu, uint8_t family,
		      uint32_t *action)
{
	uint32_t *entry = &indirect->actions[egress][family == 6];
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
