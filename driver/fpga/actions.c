/* SPDX-License-Identifier: BSD-3-Clause */
/* The action table's book-keeping and its admin commands. */
#include "driver/fpga/actions.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int sl_actions_open(struct sl_actions *actions, struct sl_admin *admin, uint32_t count)
{
	actions->admin = admin;
	actions->count = count;
	actions->cursor = 0;
	actions->entries = calloc(count, sizeof(*actions->entries));
	return actions->entries ? 0 : -ENOMEM;
}

void sl_actions_close(struct sl_actions *actions)
{
	free(actions->entries);
	actions->entries = NULL;
	actions->count = 0;
}

int sl_actions_read(struct sl_actions *actions, uint32_t index, struct sl_action *content)
{
	const struct sl_index_arg arg = {.index = index};
	struct sl_action_arg answer;
	int rc = sl_admin_exec(actions->admin, SL_ADMIN_OP_ACTION_READ, &arg, sizeof(arg), &answer, sizeof(answer));

	*content = answer.action;
	return rc;
}

static int learn(struct sl_actions *actions, uint32_t index)
{
	struct sl_action_entry *entry = &actions->entries[index];
	int rc;

	if (entry->known)
		return 0;
	rc = sl_actions_read(actions, index, &entry->content);
	entry->known = rc == 0;
	return rc;
}

static int store(struct sl_actions *actions, uint32_t index, const struct sl_action *content)
{
	struct sl_action_arg arg = {.index = index, .action = *content};
	int rc = sl_admin_exec(actions->admin, SL_ADMIN_OP_ACTION_WRITE, &arg, sizeof(arg), NULL, 0);

	if (rc == 0)
		actions->entries[index].content = *content;
	else
		actions->entries[index].known = false; /* a command without an answer may have been executed */
	return rc;
}

int sl_actions_hold(struct sl_actions *actions, uint32_t index)
{
	if (index >= actions->count)
		return -EINVAL;
	actions->entries[index].held++;
	return learn(actions, index);
}

void sl_actions_unhold(struct sl_actions *actions, uint32_t index)
{
	if (index < actions->count && actions->entries[index].held)
		actions->entries[index].held--;
}

/* Equal but for the generation, which is the slot's. */
static bool same(const struct sl_action *a, const struct sl_action *b)
{
	struct sl_action copy = *a;

	copy.generation = b->generation;
	return memcmp(&copy, b, sizeof(copy)) == 0;
}

static bool used(const struct sl_action_entry *entry)
{
	return entry->refs || entry->held;
}

/* A used entry with this content that the caller may join. */
static uint32_t find(const struct sl_actions *actions, const struct sl_action *content, bool exclusive)
{
	for (uint32_t i = 0; i < actions->count; i++) {
		const struct sl_action_entry *entry = &actions->entries[i];

		if (!used(entry) || !entry->known || entry->exclusive || (exclusive && entry->refs))
			continue;
		if (same(content, &entry->content))
			return i;
	}
	return SL_ACTION_NONE;
}

static uint32_t find_free(struct sl_actions *actions)
{
	for (uint32_t n = 0; n < actions->count; n++) {
		uint32_t i = (actions->cursor + n) % actions->count;

		if (!used(&actions->entries[i])) {
			actions->cursor = (i + 1) % actions->count;
			return i;
		}
	}
	return SL_ACTION_NONE;
}

int sl_actions_get(struct sl_actions *actions, const struct sl_action *wanted, bool exclusive, uint32_t *index)
{
	struct sl_action content = *wanted;
	uint32_t i;
	int rc;

	content.flags |= SL_ACTION_FLAG_VALID;
	i = find(actions, &content, exclusive);
	if (i == SL_ACTION_NONE) {
		i = find_free(actions);
		if (i == SL_ACTION_NONE)
			return -ENOSPC;
		rc = learn(actions, i);
		if (rc)
			return rc;
		content.generation = actions->entries[i].content.generation + 1;
		rc = store(actions, i, &content);
		if (rc)
			return rc;
	}
	actions->entries[i].refs++;
	actions->entries[i].exclusive = exclusive;
	*index = i;
	return 0;
}

void sl_actions_ref(struct sl_actions *actions, uint32_t index)
{
	actions->entries[index].refs++;
}

void sl_actions_put(struct sl_actions *actions, uint32_t index)
{
	struct sl_action_entry *entry = &actions->entries[index];

	if (entry->refs && --entry->refs == 0)
		entry->exclusive = false;
}

int sl_actions_rewrite(struct sl_actions *actions, uint32_t index, const struct sl_action *wanted)
{
	struct sl_action content = *wanted;

	content.flags |= SL_ACTION_FLAG_VALID;
	content.generation = actions->entries[index].content.generation + 1;
	return store(actions, index, &content);
}

int sl_actions_set_mtu(struct sl_actions *actions, uint8_t port, uint16_t mtu)
{
	for (uint32_t i = 0; i < actions->count; i++) {
		struct sl_action content = actions->entries[i].content;
		int rc;

		if (!used(&actions->entries[i]) || content.port != port || content.mtu == mtu)
			continue;
		content.mtu = mtu;
		rc = store(actions, i, &content);
		if (rc)
			return rc;
	}
	return 0;
}
