/* SPDX-License-Identifier: BSD-3-Clause */
/* A handle for each home, and the port that it leads to. */
#include "host/ways.h"

#include <string.h>

#include <rte_errno.h>
#include <urcu-qsbr.h>

#include "host/bond.h"
#include "host/log.h"
#include "host/port.h"

static struct way {
	struct rte_flow_action_handle *handle;
	uint16_t proxy;
	uint8_t out; /* where it leads */
} ways[SL_PORTS];

static void tell(unsigned int home, unsigned int out, int rc, const struct rte_flow_error *error)
{
	sl_log(SL_LOG_WARN, "bond-way", "port=%s by=%s error=%s", sl_port_at(home)->name, sl_port_at(out)->name,
	       error->message ? error->message : strerror(rc));
}

void sl_way_open(unsigned int home, uint16_t proxy)
{
	const struct rte_flow_indir_action_conf conf = { .transfer = 1 };
	const unsigned int out = sl_bond_out(home);
	const struct rte_flow_action_ethdev to = { .port_id = sl_port_at(out)->port_id };
	const struct rte_flow_action action = { RTE_FLOW_ACTION_TYPE_REPRESENTED_PORT, &to };
	struct rte_flow_error error = { 0 };

	if (!sl_bond_members(home) || ways[home].handle)
		return;
	ways[home] = (struct way){ .proxy = proxy, .out = (uint8_t)out,
				   .handle = rte_flow_action_handle_create(proxy, &conf, &action, &error) };
	if (!ways[home].handle)
		tell(home, out, rte_errno, &error);
}

const struct rte_flow_action_handle *sl_way_of(unsigned int home)
{
	return ways[home].handle;
}

static bool way_move(unsigned int home)
{
	const unsigned int out = sl_bond_out(home);
	const struct rte_flow_action_ethdev to = { .port_id = sl_port_at(out)->port_id };
	const struct rte_flow_action action = { RTE_FLOW_ACTION_TYPE_REPRESENTED_PORT, &to };
	struct rte_flow_error error = { 0 };
	int rc;

	if (!ways[home].handle || ways[home].out == out || __atomic_load_n(&sl_port_at(out)->gone, __ATOMIC_ACQUIRE))
		return true;
	rcu_thread_offline(); /* a card that hangs lets the driver wait, but nobody who waits for a grace period */
	rc = rte_flow_action_handle_update(ways[home].proxy, ways[home].handle, &action, &error);
	rcu_thread_online();
	if (rc) {
		tell(home, out, -rc, &error);
		return false;
	}
	ways[home].out = (uint8_t)out;
	return true;
}

bool sl_ways_move(void)
{
	bool all = true;

	for (unsigned int home = 0; home < sl_port_count(); home++)
		all &= way_move(home);
	return all;
}

void sl_ways_forget(void)
{
	memset(ways, 0, sizeof(ways));
}
