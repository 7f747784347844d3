/* SPDX-License-Identifier: BSD-3-Clause */
/* Profiles, one policy and meters of rte_mtr. Objects belong to the port whose driver takes the rules (the proxy). */
#include "host/meters.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <rte_flow.h>
#include <rte_mtr.h>

#include "host/log.h"
#include "host/port.h"

#define POLICY 1u
#define METERS (SL_METERED_CLASSES + SL_SERVICE_METERS)
#define PROFILES_APART METERS /* a meter's two profiles: the present one and the next */

struct meter {
	uint32_t service; /* id + 1; 0: of a class, or free */
	bool tried, made, second; /* second: its profile is the second of its two */
	struct sl_config_meter is;
	char why[120];
};

struct meter_port {
	uint16_t proxy;
	bool policy;
	struct meter meter[METERS]; /* of the classes, then of services */
};

static struct meter_port ports[SL_PORTS];
static struct sl_config_meter wanted[SL_METERED_CLASSES];
static pthread_mutex_t wanted_lock = PTHREAD_MUTEX_INITIALIZER; /* control and offload thread; no packet path */

void sl_meters_configure(const struct sl_config *config)
{
	pthread_mutex_lock(&wanted_lock);
	memcpy(wanted, config->node.meters, sizeof(wanted));
	pthread_mutex_unlock(&wanted_lock);
}

static struct sl_config_meter wanted_of(enum sl_metered metered)
{
	struct sl_config_meter m;

	pthread_mutex_lock(&wanted_lock);
	m = wanted[metered];
	pthread_mutex_unlock(&wanted_lock);
	return m;
}

void sl_meters_open(unsigned int port, uint16_t proxy)
{
	memset(&ports[port], 0, sizeof(ports[port]));
	ports[port].proxy = proxy;
}

static int words(struct meter *m, int rc, const char *what, const struct rte_mtr_error *error)
{
	snprintf(m->why, sizeof(m->why), "%s: %s (%s)", what, error->message ? error->message : "no words", strerror(-rc));
	return rc;
}

static uint32_t profile_id(unsigned int metered, bool second)
{
	return metered + 1 + (second ? PROFILES_APART : 0);
}

static int profile_add(const struct meter_port *p, struct meter *m, unsigned int metered, bool second,
		       const struct sl_config_meter *rate)
{
	struct rte_mtr_meter_profile profile = { .alg = RTE_MTR_SRTCM_RFC2697, .packet_mode = 1,
						 .srtcm_rfc2697 = { .cir = rate->rate_pps, .cbs = rate->burst } };
	struct rte_mtr_error error = { 0 };
	const int rc = rte_mtr_meter_profile_add(p->proxy, profile_id(metered, second), &profile, &error);

	return rc ? words(m, rc, "meter profile", &error) : 0;
}

/* Green and yellow frames go on, red ones are dropped. Ports that share a proxy share the policy. */
static int policy_add(struct meter_port *p, struct meter *m)
{
	static const struct rte_flow_action none[] = { { .type = RTE_FLOW_ACTION_TYPE_END } };
	static const struct rte_flow_action drop[] = { { .type = RTE_FLOW_ACTION_TYPE_DROP }, { .type = RTE_FLOW_ACTION_TYPE_END } };
	struct rte_mtr_meter_policy_params policy = {
		.actions = { [RTE_COLOR_GREEN] = none, [RTE_COLOR_YELLOW] = none, [RTE_COLOR_RED] = drop } };
	struct rte_mtr_error error = { 0 };
	int rc = p->policy ? 0 : rte_mtr_meter_policy_add(p->proxy, POLICY, &policy, &error);

	if (rc && rc != -EEXIST)
		return words(m, rc, "meter policy", &error);
	p->policy = true;
	return 0;
}

static void meter_make(struct meter_port *p, struct meter *m, unsigned int metered, const struct sl_config_meter *rate)
{
	struct rte_mtr_params params = { .meter_profile_id = profile_id(metered, false), .meter_policy_id = POLICY,
					 .meter_enable = 1 };
	struct rte_mtr_error error = { 0 };
	int rc;

	m->tried = true;
	m->why[0] = '\0';
	if (policy_add(p, m) || profile_add(p, m, metered, false, rate))
		return;
	rc = rte_mtr_create(p->proxy, metered + 1, &params, 1, &error);
	if (rc) {
		words(m, rc, "meter", &error);
		rte_mtr_meter_profile_delete(p->proxy, params.meter_profile_id, &error);
		return;
	}
	m->made = true;
	m->is = *rate;
}

bool sl_meters_get(unsigned int port, enum sl_metered metered, uint32_t *mtr_id)
{
	struct meter *m = &ports[port].meter[metered];

	if (!m->tried) {
		const struct sl_config_meter rate = wanted_of(metered);

		meter_make(&ports[port], m, metered, &rate);
		if (!m->made)
			sl_log(SL_LOG_WARN, "meter", "port=%s class=%s error=%s", sl_port_at(port)->name,
			       sl_metered_name(metered), m->why);
	}
	*mtr_id = metered + 1;
	return m->made;
}

/* The new profile is put in the place of the old: the meter and the rules that use it stay. */
static void meter_change(struct meter_port *p, struct meter *m, unsigned int metered, const struct sl_config_meter *rate)
{
	struct rte_mtr_error error = { 0 };
	int rc;

	m->why[0] = '\0';
	if (profile_add(p, m, metered, !m->second, rate))
		return;
	rc = rte_mtr_meter_profile_update(p->proxy, metered + 1, profile_id(metered, !m->second), &error);
	if (rc) {
		words(m, rc, "the rate changes with the next start of sluiced", &error);
		rte_mtr_meter_profile_delete(p->proxy, profile_id(metered, !m->second), &error);
		return;
	}
	rte_mtr_meter_profile_delete(p->proxy, profile_id(metered, m->second), &error);
	m->second = !m->second;
	m->is = *rate;
}

static bool differs(const struct sl_config_meter *a, const struct sl_config_meter *b)
{
	return a->rate_pps != b->rate_pps || a->burst != b->burst;
}

int sl_meters_get_service(unsigned int port, uint32_t service, const struct sl_config_meter *rate, uint32_t *mtr_id)
{
	struct meter_port *p = &ports[port];
	unsigned int at = METERS;

	for (unsigned int i = METERS; i-- > SL_METERED_CLASSES;)
		if (p->meter[i].service == service + 1 || (!p->meter[i].service && (at == METERS || !p->meter[at].service)))
			at = i;
	if (at == METERS)
		return -1;
	*mtr_id = at + 1;
	if (p->meter[at].service != service + 1) {
		p->meter[at].service = service + 1;
		meter_make(p, &p->meter[at], at, rate);
		if (!p->meter[at].made)
			sl_log(SL_LOG_WARN, "meter", "port=%s service=%u error=%s", sl_port_at(port)->name, service, p->meter[at].why);
	} else if (p->meter[at].made && differs(&p->meter[at].is, rate)) {
		meter_change(p, &p->meter[at], at, rate);
	}
	return p->meter[at].made ? (int)(at - SL_METERED_CLASSES) : -1;
}

uint32_t sl_meters_service(unsigned int port, unsigned int number)
{
	return ports[port].meter[SL_METERED_CLASSES + number].service;
}

bool sl_meters_drop_service(unsigned int port, unsigned int number)
{
	const unsigned int at = SL_METERED_CLASSES + number;
	struct meter_port *p = &ports[port];
	struct rte_mtr_error error = { 0 };

	if (p->meter[at].made && rte_mtr_destroy(p->proxy, at + 1, &error))
		return false; /* a rule still uses it: the next sync tries again */
	if (p->meter[at].made)
		rte_mtr_meter_profile_delete(p->proxy, profile_id(at, p->meter[at].second), &error);
	p->meter[at] = (struct meter){ 0 };
	return true;
}

void sl_meters_apply(unsigned int port)
{
	struct meter_port *p = &ports[port];

	for (enum sl_metered metered = 0; metered < SL_METERED_CLASSES; metered++) {
		const struct sl_config_meter rate = wanted_of(metered);
		struct meter *m = &p->meter[metered];

		if (m->made && (m->is.rate_pps != rate.rate_pps || m->is.burst != rate.burst))
			meter_change(p, m, metered, &rate);
	}
}

static void tell(const struct meter *m, const struct sl_config_meter *wants, struct sl_meter_info *info)
{
	const struct sl_config_meter *rate = m->made ? &m->is : wants;

	*info = (struct sl_meter_info){ .made = m->made, .rate_pps = rate->rate_pps, .burst = rate->burst };
	snprintf(info->why, sizeof(info->why), "%s", m->why);
}

void sl_meters_info(unsigned int port, enum sl_metered metered, struct sl_meter_info *info)
{
	const struct sl_config_meter rate = wanted_of(metered);

	tell(&ports[port].meter[metered], &rate, info);
}

void sl_meters_info_service(unsigned int port, uint32_t service, const struct sl_config_meter *rate, struct sl_meter_info *info)
{
	const struct meter none = { 0 };
	unsigned int taken = 0;

	for (unsigned int i = SL_METERED_CLASSES; i < METERS; i++) {
		if (ports[port].meter[i].service == service + 1) {
			tell(&ports[port].meter[i], rate, info);
			return;
		}
		taken += ports[port].meter[i].service != 0;
	}
	tell(&none, rate, info);
	if (taken == SL_SERVICE_METERS)
		snprintf(info->why, sizeof(info->why), "other services have all %u", SL_SERVICE_METERS);
}
