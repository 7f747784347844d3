/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading the card's state at connection and sweeping it at start. */
#include "driver/fpga/adopt.h"

#include <errno.h>
#include <string.h>

#include "driver/fpga/log.h"

struct reading {
	struct sl_card *card;
	uint32_t found;
	uint32_t expected;
};

static int seen(void *ctx, uint32_t flow_id, const struct sl_flow_state *state)
{
	struct reading *reading = ctx;
	struct sl_card *card = reading->card;
	int rc = sl_flows_hold(&card->flows, flow_id, state);

	if (rc)
		return rc;
	reading->found++;
	/* The dump goes through the flow queue, this through the admin queue: no lock is taken twice. */
	rc = sl_actions_hold(&card->actions, state->record.action);
	if (rc == -EINVAL)
		rc = 0; /* it names no entry: the card sends such frames to the host */
	return rc ? rc : reading->found == reading->expected;
}

int sl_adopt_read(struct sl_card *card)
{
	struct reading reading = {.card = card};
	struct sl_health health;
	uint32_t rules = 0;
	int rc = sl_admin_exec(&card->admin, SL_ADMIN_OP_HEALTH_GET, NULL, 0, &health, sizeof(health));

	if (rc)
		return rc;
	reading.expected = health.occupancy;
	if (health.occupancy)
		rc = sl_flowq_dump(&card->flowq, 0, 1u << card->caps.table_log2, seen, &reading);
	if (rc < 0) {
		SL_LOG(ERR, "%s: the card's flows cannot be read: %s", card->config.path, strerror(-rc));
		return rc;
	}
	for (uint32_t i = 0; i < card->rules.count; i++)
		rules += card->rules.slots[i] != NULL;
	if (rules || reading.found)
		SL_LOG(NOTICE,
			"%s: the card goes on with %u rules and %u flows of an earlier driver; what is not created again "
			"before the port is started will be removed", card->config.path, rules, reading.found);
	return 0;
}

int sl_adopt_sweep(struct sl_card *card, unsigned int port)
{
	const uint32_t owners = sl_card_sweepable(card, port);
	int rules, prefixes, flows;

	flows = sl_flows_sweep(&card->flows, owners);
	rules = flows < 0 ? flows : sl_rules_sweep(&card->rules, owners);
	prefixes = rules < 0 ? rules : sl_prefixes_sweep(&card->prefixes, owners);
	if (prefixes < 0) {
		SL_LOG(ERR, "%s: port %u: removing what an earlier driver left failed: %s", card->config.path, port,
			strerror(-prefixes));
		return prefixes;
	}
	if (rules || prefixes || flows)
		SL_LOG(NOTICE,
			"%s: port %u: removed %d rules and %d flows of an earlier driver that were not created again, and %d "
			"prefixes of rules", card->config.path, port, rules, flows, prefixes);
	rules = sl_card_set_tunnels(card, 0);
	return rules ? rules : sl_misses_settle(&card->misses, &card->rules, SL_METER_UNLIMITED);
}
