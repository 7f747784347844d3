/* SPDX-License-Identifier: BSD-3-Clause */
/* Which member of a bond is used. The control thread decides; others read two tables of a byte a port. */
#include "host/bond.h"

#include <string.h>

#include "host/log.h"

struct member {
	bool link;
	bool usable;       /* its link has been up for long enough */
	uint64_t since_ms; /* link: when it came up */
};

static struct {
	struct sl_config_bond of[SL_CONFIG_PORTS_MAX];
	char name[SL_CONFIG_PORTS_MAX][SL_CONFIG_NAME_MAX];
	struct member member[SL_CONFIG_PORTS_MAX];
	uint8_t out[SL_CONFIG_PORTS_MAX]; /* home ^ out, so that a zero is a port that is its own */
	uint64_t failovers[SL_CONFIG_PORTS_MAX]; /* by lead */
	bool chosen[SL_CONFIG_PORTS_MAX]; /* by lead: a link has been up; the first choice is no failover */
} bonds;

void sl_bond_configure(const struct sl_config *config)
{
	memset(&bonds, 0, sizeof(bonds));
	for (unsigned int i = 0; i < config->port_count; i++) {
		bonds.of[i] = config->ports[i].bond;
		memcpy(bonds.name[i], config->ports[i].name, sizeof(bonds.name[i]));
		if (bonds.of[i].members && bonds.of[i].mode == SL_BOND_ACTIVE_BACKUP)
			bonds.out[i] = (uint8_t)(i ^ sl_bond_lead(i));
	}
}

unsigned int sl_bond_lead(unsigned int port)
{
	return port - bonds.of[port].member;
}

unsigned int sl_bond_member(unsigned int port)
{
	return bonds.of[port].member;
}

unsigned int sl_bond_members(unsigned int port)
{
	return bonds.of[port].members;
}

unsigned int sl_bond_home(unsigned int lead, unsigned int spread)
{
	return bonds.of[lead].members && bonds.of[lead].mode == SL_BOND_BALANCE_XOR ? lead + spread % bonds.of[lead].members : lead;
}

unsigned int sl_bond_out(unsigned int home)
{
	return home ^ __atomic_load_n(&bonds.out[home], __ATOMIC_RELAXED);
}

bool sl_bond_hears(unsigned int port)
{
	return !bonds.of[port].members || bonds.of[port].mode != SL_BOND_ACTIVE_BACKUP || sl_bond_out(port) == port;
}

void sl_bond_link(unsigned int port, bool up, uint64_t now_ms)
{
	struct member *m = &bonds.member[port];

	if (!bonds.of[port].members || m->link == up)
		return;
	m->link = up;
	m->since_ms = now_ms;
	m->usable &= up;
	if (bonds.chosen[sl_bond_lead(port)])
		sl_log(up ? SL_LOG_INFO : SL_LOG_WARN, "bond-link", "bond=%s port=%s link=%s", bonds.of[port].name,
		       bonds.name[port], up ? "up" : "down");
}

/* Members whose links have been up for long enough; all that are up if no other is left. */
static void members_settle(unsigned int lead, uint64_t now_ms)
{
	const struct sl_config_bond *bond = &bonds.of[lead];
	struct member *first = &bonds.member[lead];
	bool any = false;

	for (struct member *m = first; m < first + bond->members; m++) {
		m->usable |= m->link && now_ms >= m->since_ms + bond->up_delay_ms;
		any |= m->usable;
	}
	for (struct member *m = first; m < first + bond->members; m++) {
		m->usable |= m->link && !any;
		bonds.chosen[lead] |= m->usable;
	}
}

/* The member that takes this home's frames: in active-backup the first that can, in balance-xor the home itself or the next. If
 * none can, whoever took them last. */
static unsigned int choose(unsigned int lead, unsigned int home)
{
	const struct sl_config_bond *bond = &bonds.of[lead];
	const unsigned int from = bond->mode == SL_BOND_ACTIVE_BACKUP ? 0 : home - lead;

	for (unsigned int n = 0; n < bond->members; n++) {
		const unsigned int i = lead + (from + n) % bond->members;

		if (bonds.member[i].usable)
			return i;
	}
	return sl_bond_out(home);
}

static bool bond_settle(unsigned int lead, bool told)
{
	bool changed = false;

	for (unsigned int home = lead; home < lead + bonds.of[lead].members; home++) {
		const unsigned int out = choose(lead, home);

		if (out == sl_bond_out(home))
			continue;
		__atomic_store_n(&bonds.out[home], (uint8_t)(home ^ out), __ATOMIC_RELAXED);
		changed = true;
		if (told && (home == lead || bonds.of[lead].mode == SL_BOND_BALANCE_XOR))
			sl_log(SL_LOG_WARN, "bond-failover", "bond=%s traffic_of=%s leaves_by=%s", bonds.of[lead].name,
			       bonds.name[home], bonds.name[out]);
	}
	return changed;
}

uint32_t sl_bond_settle(uint64_t now_ms)
{
	uint32_t changed = 0;

	for (unsigned int lead = 0; lead < SL_CONFIG_PORTS_MAX; lead++) {
		const bool told = bonds.chosen[lead];

		if (!bonds.of[lead].members || bonds.of[lead].member)
			continue;
		members_settle(lead, now_ms);
		if (bond_settle(lead, told)) {
			changed |= 1u << lead;
			bonds.failovers[lead] += told;
		}
	}
	return changed;
}

static const char *state_of(unsigned int port)
{
	const struct member *m = &bonds.member[port];

	if (!m->link)
		return "down";
	if (!m->usable)
		return "waiting";
	return sl_bond_out(port) == port ? "active" : "backup";
}

void sl_bond_view_get(unsigned int port, struct sl_bond_view *view)
{
	const struct sl_config_bond *bond = &bonds.of[port];

	*view = (struct sl_bond_view){ 0 };
	if (!bond->members)
		return;
	*view = (struct sl_bond_view){ .name = bond->name, .mode = sl_bond_mode_name(bond->mode), .state = state_of(port),
				       .failovers = bonds.failovers[sl_bond_lead(port)] };
}
