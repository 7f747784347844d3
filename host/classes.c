/* SPDX-License-Identifier: BSD-3-Clause */
/* What is wanted is compared with what stands, by content. New rules are made before old ones are removed. */
#include "host/classes.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <rte_byteorder.h>
#include <rte_errno.h>
#include <rte_flow.h>
#include <urcu-qsbr.h>

#include "host/flow_rule.h"
#include "host/meters.h"
#include "host/offload.h"
#include "host/port.h"
#include "host/tunnels.h"

#define CLASSES_MAX 16384u
#define CHAINS 4096u
#define BY_VIP_MAX 60u /* rules of all ports, up to which there may be one for the SYNs to each VIP: tables are small */

struct standing {
	struct sl_class what;
	struct rte_flow *rule;
	bool wanted;
	uint32_t next; /* in its chain: index + 1, 0 the last */
};

struct class_port {
	uint16_t proxy;
	uint32_t caps;
	bool unsure;
	bool stand; /* all of them, at the last sync */
	struct sl_addr vtep[2];
	unsigned int vtep_count;
	struct rte_flow *catch_all[SL_METERED_CLASSES]; /* of the classes that go to group 1; without tags the first alone */
	struct {
		struct rte_flow *catch_all;
	} own[SL_SERVICE_METERS]; /* services with a meter of their own, by its number */
	struct standing standing[CLASSES_MAX];
	unsigned int count;
	uint8_t tunnel_missing[(UINT16_MAX + 1) / 8]; /* a bit a tenant: the rule of one of its tunnels does not stand */
	uint32_t chain[CHAINS]; /* by kind, tenant and address: index + 1, 0 none */
};

static struct class_port classes[SL_PORTS];

static uint32_t *chain_of(struct class_port *c, unsigned int kind, uint16_t tenant, const struct sl_addr *addr)
{
	return &c->chain[XXH32(addr->bytes, sizeof(addr->bytes), kind << 16 | tenant) % CHAINS];
}

static void chain_add(struct class_port *c, unsigned int i)
{
	uint32_t *chain = chain_of(c, c->standing[i].what.kind, c->standing[i].what.tenant, &c->standing[i].what.addr);

	c->standing[i].next = *chain;
	*chain = i + 1;
}

static void chains_build(struct class_port *c)
{
	memset(c->chain, 0, sizeof(c->chain));
	for (unsigned int i = 0; i < c->count; i++)
		chain_add(c, i);
}

void sl_classes_configure(const struct sl_config *config)
{
	for (unsigned int i = 0; i < config->port_count; i++) {
		classes[i].vtep_count = config->ports[i].vtep_count;
		memcpy(classes[i].vtep, config->ports[i].vtep, sizeof(classes[i].vtep));
	}
}

static int refused(const struct rte_flow_error *refusal, const char *what, char *error, size_t error_len)
{
	snprintf(error, error_len, "%s: %s (%s)", what, refusal->message ? refusal->message : "no words",
		 rte_strerror(rte_errno));
	return -rte_errno;
}

/* Meter and tag of a class: frames that go to group 1 have the port's own tag of their class, by which the catch-all that
 * takes their misses has the class's meter. */
static void class_how(unsigned int port, const struct class_port *c, unsigned int kind, uint32_t *mtr_id,
		      struct sl_class_how *how)
{
	const enum sl_metered metered = sl_class_metered(kind);
	const bool copy = c->caps & SL_CAP_COPY, jumps = sl_class_jumps(kind, copy);
	const bool copies = jumps && metered == SL_METERED_CLOSE;
	const uint32_t needs = copies ? SL_CAP_METER_MISS | SL_CAP_METER_COPY : jumps ? SL_CAP_METER_MISS : SL_CAP_METER;

	*how = (struct sl_class_how){ .copy = copy };
	if (jumps && c->caps & SL_CAP_METER_MISS)
		how->tag = (port + 1) << 8 | (metered + 1);
	if ((c->caps & needs) == needs && sl_meters_get(port, metered, mtr_id))
		how->mtr_id = mtr_id;
}

static int catch_all_make(unsigned int port, struct class_port *c, unsigned int kind, const struct sl_class_how *how,
			  char *error, size_t error_len)
{
	struct rte_flow **made = &c->catch_all[how->tag ? sl_class_metered(kind) : 0];
	struct rte_flow_error refusal = { 0 };
	struct sl_flow_rule rule;

	if (*made)
		return 0;
	sl_flow_rule_catch_all(&rule, sl_port_at(port)->port_id, how);
	*made = rte_flow_create(c->proxy, &rule.attr, rule.pattern, rule.actions, &refusal);
	return *made ? 0 : refused(&refusal, "catch-all of group 1", error, error_len);
}

/* The same of a service's own rules, which have its meter. False if it has none: then they are as those of the class. */
static bool service_how(unsigned int port, struct class_port *c, const struct sl_class *want, const struct sl_config_meter *misses,
			uint32_t *mtr_id, struct sl_class_how *how, struct rte_flow_error *refusal)
{
	const bool jumps = sl_class_jumps(want->kind, how->copy);
	const uint32_t needs = jumps ? SL_CAP_METER_MISS : SL_CAP_METER;
	struct sl_class_how own = { .copy = how->copy, .mtr_id = mtr_id };
	struct sl_flow_rule rule;
	int number;

	if (!want->service || (c->caps & needs) != needs)
		return false;
	number = sl_meters_get_service(port, want->service - 1, &misses[want->service - 1], mtr_id);
	if (number < 0)
		return false;
	own.tag = jumps ? want->service << 16 | (port + 1) << 8 : 0;
	if (jumps && !c->own[number].catch_all) {
		sl_flow_rule_catch_all(&rule, sl_port_at(port)->port_id, &own);
		c->own[number].catch_all = rte_flow_create(c->proxy, &rule.attr, rule.pattern, rule.actions, refusal);
		if (!c->own[number].catch_all) {
			c->unsure |= rte_errno == ETIMEDOUT;
			return false;
		}
	}
	*how = own;
	return true;
}

/* Brings the meters of services in line: other rates, and none for those that want none any more. */
static void own_sync(unsigned int port, struct class_port *c, const struct sl_config_meter *misses,
		     const struct sl_class *wanted, unsigned int n)
{
	struct rte_flow_error error;
	uint32_t mtr_id;

	for (unsigned int number = 0; number < SL_SERVICE_METERS; number++) {
		const uint32_t service = sl_meters_service(port, number);
		bool used = service == 0;

		for (unsigned int i = 0; i < n && !used; i++)
			used = wanted[i].service == service;
		if (used && service)
			sl_meters_get_service(port, service - 1, &misses[service - 1], &mtr_id);
		if (used)
			continue;
		if (c->own[number].catch_all && rte_flow_destroy(c->proxy, c->own[number].catch_all, &error))
			continue;
		c->own[number].catch_all = NULL;
		sl_meters_drop_service(port, number);
	}
}

int sl_classes_open(unsigned int port, uint16_t proxy, uint32_t caps, char *error, size_t error_len)
{
	struct class_port *c = &classes[port];
	struct sl_class_how how;
	uint32_t mtr_id;

	c->proxy = proxy;
	c->caps = caps;
	class_how(port, c, SL_CLASS_VIP, &mtr_id, &how);
	return catch_all_make(port, c, SL_CLASS_VIP, &how, error, error_len);
}

static bool class_make(struct class_port *c, const struct sl_class *want, const struct sl_config_meter *misses, char *error,
		       size_t error_len)
{
	static const char *const kinds[SL_CLASS_KINDS] = { "fragments", "ttl", "syn", "fin", "rst", "vip", "nat-source", "tunnel",
							   "kernel", "multicast" };
	const struct sl_port *p = sl_port_at(want->port);
	struct rte_flow_error refusal = { 0 };
	struct sl_class_how how;
	struct sl_flow_rule rule;
	struct rte_flow *flow;
	const char *why;
	char what[64];
	uint32_t mtr_id, own_id;

	class_how(want->port, c, want->kind, &mtr_id, &how);
	if (service_how(want->port, c, want, misses, &own_id, &how, &refusal))
		how.mtr_id = &own_id;
	if (want->kind >= SL_CLASS_KERNEL && (!how.mtr_id || p->pass))
		return true; /* what no rule matches reaches the host, or the kernel, without one */
	if (how.mtr_id != &own_id && sl_class_jumps(want->kind, how.copy)) {
		const int rc = catch_all_make(want->port, c, want->kind, &how, error, error_len);

		c->unsure |= rc == -ETIMEDOUT;
		if (rc)
			return false;
	}
	snprintf(what, sizeof(what), "%s rule for IPv%u, tenant %u", kinds[want->kind], want->family, want->tenant);
	if (want->vtep.family && want->tunnel != SL_MODE_VXLAN) {
		how.tunnel = sl_tunnels_words(c->proxy, want->tunnel, &why);
		if (!how.tunnel) {
			snprintf(error, error_len, "%s: %s", what, why);
			return false;
		}
	}
	sl_flow_rule_class(&rule, want, p->mac, p->port_id, &how);
	flow = rte_flow_create(c->proxy, &rule.attr, rule.pattern, rule.actions, &refusal);
	if (!flow) {
		c->unsure |= refused(&refusal, what, error, error_len) == -ETIMEDOUT;
		return false;
	}
	c->standing[c->count] = (struct standing){ *want, flow, true, 0 };
	chain_add(c, c->count++);
	return true;
}

static bool class_stands(struct class_port *c, const struct sl_class *want)
{
	for (uint32_t i = *chain_of(c, want->kind, want->tenant, &want->addr); i; i = c->standing[i - 1].next) {
		if (!memcmp(&c->standing[i - 1].what, want, sizeof(*want))) {
			c->standing[i - 1].wanted = true;
			return true;
		}
	}
	return false;
}

static void unwanted_remove(struct class_port *c)
{
	struct rte_flow_error error;
	unsigned int kept = 0;

	for (unsigned int i = 0; i < c->count; i++) {
		/* One that the card has not confirmed to be gone is removed again by the next sync. */
		if (!c->standing[i].wanted &&
		    !sl_flow_rule_may_stand(rte_flow_destroy(c->proxy, c->standing[i].rule, &error)))
			continue;
		c->unsure |= !c->standing[i].wanted;
		c->standing[kept++] = c->standing[i];
	}
	c->count = kept;
	chains_build(c);
}

/* The same for all ports, and whatever the card has room for: a restart must want what stands. */
static bool syn_by_vip(const struct sl_services *services)
{
	struct sl_class some[BY_VIP_MAX + 1];
	unsigned int all = 0;

	for (unsigned int i = 0; i < sl_port_count() && all <= BY_VIP_MAX; i++)
		all += sl_class_wanted(services, (uint8_t)i, classes[i].vtep, classes[i].vtep_count, true,
				       sl_port_at(i)->pass, some, BY_VIP_MAX + 1);
	return all <= BY_VIP_MAX;
}

uint32_t sl_classes_sync(unsigned int port, const struct sl_services *services, char *error, size_t error_len)
{
	static struct sl_class wanted[CLASSES_MAX];
	static struct sl_config_meter misses[SL_SERVICE_IDS]; /* by service id */
	struct class_port *c = &classes[port];
	unsigned int n = sl_class_wanted(services, (uint8_t)port, c->vtep, c->vtep_count, syn_by_vip(services),
					 sl_port_at(port)->pass, wanted, CLASSES_MAX), missing = 0;
	const bool over = n > CLASSES_MAX;

	for (uint32_t id = 0; id < SL_SERVICE_IDS; id++)
		if (services->service[id])
			misses[id] = services->service[id]->misses;
	/* From here on no snapshot is in use: a card that hangs lets the driver wait, but nobody who waits for a grace period. */
	rcu_thread_offline();
	c->unsure = false;
	snprintf(error, error_len, "%s", "");
	if (over)
		n = CLASSES_MAX;
	for (unsigned int i = 0; i < c->count; i++)
		c->standing[i].wanted = false;
	for (unsigned int i = 0; i < n; i++) {
		if (class_stands(c, &wanted[i]))
			continue;
		if (c->count == CLASSES_MAX || !class_make(c, &wanted[i], misses, error, error_len))
			missing++;
	}
	unwanted_remove(c);
	own_sync(port, c, misses, wanted, n);
	/* Rules that had no room while the old ones stood. */
	for (unsigned int i = 0; missing && i < n; i++) {
		if (class_stands(c, &wanted[i]) || c->count == CLASSES_MAX)
			continue;
		if (class_make(c, &wanted[i], misses, error, error_len) && !--missing)
			snprintf(error, error_len, "%s", "");
	}
	memset(c->tunnel_missing, 0, sizeof(c->tunnel_missing));
	for (unsigned int i = 0; missing && i < n; i++)
		if (wanted[i].kind == SL_CLASS_TUNNEL && !class_stands(c, &wanted[i]))
			c->tunnel_missing[wanted[i].tenant / 8] |= (uint8_t)(1u << wanted[i].tenant % 8);
	rcu_thread_online();
	__atomic_store_n(&c->stand, missing == 0 && !over, __ATOMIC_RELEASE);
	return c->count;
}

bool sl_classes_stand(unsigned int port)
{
	return __atomic_load_n(&classes[port].stand, __ATOMIC_ACQUIRE);
}

bool sl_classes_unsure(unsigned int port)
{
	return classes[port].unsure;
}

bool sl_classes_cover(unsigned int port, const struct sl_key *key, bool source)
{
	struct class_port *c = &classes[port];
	const struct sl_addr addr = sl_addr_make(key->family, source ? key->src : key->dst), none = { 0 };
	const unsigned int kind = source ? SL_CLASS_SOURCE : SL_CLASS_VIP, at = rte_be_to_cpu_16(key->sport);

	/* By which tunnel a connection's packets come is not known here: with a rule of one missing, none is said to be covered. */
	if (c->tunnel_missing[key->tenant / 8] >> key->tenant % 8 & 1)
		return false;
	for (uint32_t i = *chain_of(c, SL_CLASS_TUNNEL, key->tenant, &none); i; i = c->standing[i - 1].next) {
		const struct sl_class *s = &c->standing[i - 1].what;

		if (s->kind == SL_CLASS_TUNNEL && s->tenant == key->tenant)
			return true;
	}
	for (uint32_t i = *chain_of(c, kind, key->tenant, &addr); i; i = c->standing[i - 1].next) {
		const struct sl_class *s = &c->standing[i - 1].what;

		if (s->kind == kind && s->tenant == key->tenant && sl_addr_equal(&s->addr, &addr) &&
		    (!source || (s->proto == key->proto && s->port_lo <= at && at <= s->port_hi)))
			return true;
	}
	return false;
}

void sl_classes_forget(unsigned int port)
{
	classes[port].count = 0;
	__atomic_store_n(&classes[port].stand, false, __ATOMIC_RELEASE);
	chains_build(&classes[port]);
	memset(classes[port].own, 0, sizeof(classes[port].own));
	memset(classes[port].catch_all, 0, sizeof(classes[port].catch_all));
}
