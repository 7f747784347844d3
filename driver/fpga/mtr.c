/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Meters (rte_mtr): token buckets of frames that limit what reaches the host. A profile is srTCM (RFC 2697) in packet
 * mode without excess burst: green frames pass, all others are dropped, and a policy must say just that. Objects belong
 * to
 * the ethdev; rte_flow's action meter uses them on rules that send to the host. The card counts metered frames by
 * reason
 * (xstats reason_metered_packets), not by meter.
 */
#include "driver/fpga/port.h"

#include <errno.h>
#include <string.h>

#define REFUSE(error, code, type, sentence) rte_mtr_error_set(error, code, RTE_MTR_ERROR_TYPE_##type, NULL, sentence)

/* The card's meters that rte_mtr objects may use: not that of unmatched frames, not the unlimited one. */
#define FIRST_METER 1
#define METER_COUNT (SL_METER_UNLIMITED - FIRST_METER)

static int capabilities_get(struct rte_eth_dev *dev, struct rte_mtr_capabilities *cap, struct rte_mtr_error *error)
{
	(void)dev;
	(void)error;
	memset(cap, 0, sizeof(*cap));
	cap->n_max = METER_COUNT;
	cap->n_shared_max = METER_COUNT;
	cap->shared_n_flows_per_mtr_max = SL_CLASS_RULES;
	cap->meter_srtcm_rfc2697_n_max = METER_COUNT;
	cap->meter_rate_max = UINT32_MAX;
	cap->meter_policy_n_max = 32;
	cap->srtcm_rfc2697_packet_mode_supported = 1;
	return 0;
}

static struct sl_port_meter_profile *find_profile(struct sl_port *port, uint32_t id)
{
	for (unsigned int i = 0; i < SL_METERS; i++)
		if (port->profiles[i].used && port->profiles[i].id == id)
			return &port->profiles[i];
	return NULL;
}

static int profile_add(struct rte_eth_dev *dev, uint32_t id, struct rte_mtr_meter_profile *profile,
	struct rte_mtr_error *error)
{
	struct sl_port *port = sl_port_of(dev);

	if (profile->alg != RTE_MTR_SRTCM_RFC2697 || !profile->packet_mode)
		return REFUSE(error, ENOTSUP, METER_PROFILE_PACKET_MODE, "meters are srTCM (RFC 2697) in packet mode");
	if (profile->srtcm_rfc2697.ebs)
		return REFUSE(error, ENOTSUP, METER_PROFILE, "a meter has no excess burst: ebs must be 0");
	if (profile->srtcm_rfc2697.cir == 0 || profile->srtcm_rfc2697.cbs == 0 || profile->srtcm_rfc2697.cbs > 65535)
		return REFUSE(error, EINVAL, METER_PROFILE,
			"the rate must not be 0 and the burst be 1 to 65535 packets");
	if (find_profile(port, id))
		return REFUSE(error, EEXIST, METER_PROFILE_ID, "there is a profile of this id");
	for (unsigned int i = 0; i < SL_METERS; i++) {
		if (port->profiles[i].used)
			continue;
		port->profiles[i] = (struct sl_port_meter_profile){
			.id = id, .cir = profile->srtcm_rfc2697.cir, .cbs = profile->srtcm_rfc2697.cbs, .used = true,
		};
		return 0;
	}
	return REFUSE(error, ENOSPC, METER_PROFILE_ID, "all profiles are in use");
}

static int profile_delete(struct rte_eth_dev *dev, uint32_t id, struct rte_mtr_error *error)
{
	struct sl_port_meter_profile *profile = find_profile(sl_port_of(dev), id);

	if (!profile)
		return REFUSE(error, ENOENT, METER_PROFILE_ID, "there is no profile of this id");
	if (profile->refs)
		return REFUSE(error, EBUSY, METER_PROFILE_ID, "a meter uses the profile");
	profile->used = false;
	return 0;
}

/* No action for a colour means that the frame goes on. */
static bool passes(const struct rte_flow_action *actions)
{
	while (actions && actions->type == RTE_FLOW_ACTION_TYPE_VOID)
		actions++;
	return !actions || actions->type == RTE_FLOW_ACTION_TYPE_END;
}

static int policy_validate(struct rte_eth_dev *dev, struct rte_mtr_meter_policy_params *policy,
	struct rte_mtr_error *error)
{
	const struct rte_flow_action *red = policy->actions[RTE_COLOR_RED];

	(void)dev;
	if (!passes(policy->actions[RTE_COLOR_GREEN]))
		return REFUSE(error, ENOTSUP, METER_POLICY, "green frames pass: no actions for green");
	if (!passes(policy->actions[RTE_COLOR_YELLOW]) &&
		policy->actions[RTE_COLOR_YELLOW]->type != RTE_FLOW_ACTION_TYPE_DROP)
		return REFUSE(error, ENOTSUP, METER_POLICY,
			"there are no yellow frames: no actions, or drop, for yellow");
	if (!red || red->type != RTE_FLOW_ACTION_TYPE_DROP)
		return REFUSE(error, ENOTSUP, METER_POLICY, "red frames are dropped: the action for red is drop");
	return 0;
}

static int policy_add(struct rte_eth_dev *dev, uint32_t id, struct rte_mtr_meter_policy_params *policy,
	struct rte_mtr_error *error)
{
	struct sl_port *port = sl_port_of(dev);
	int rc = policy_validate(dev, policy, error);

	if (rc)
		return rc;
	if (id >= 32)
		return REFUSE(error, EINVAL, METER_POLICY_ID, "policies have ids from 0 to 31");
	if (port->policies & 1u << id)
		return REFUSE(error, EEXIST, METER_POLICY_ID, "there is a policy of this id");
	port->policies |= 1u << id;
	return 0;
}

static int policy_delete(struct rte_eth_dev *dev, uint32_t id, struct rte_mtr_error *error)
{
	struct sl_port *port = sl_port_of(dev);

	if (id >= 32 || !(port->policies & 1u << id))
		return REFUSE(error, ENOENT, METER_POLICY_ID, "there is no policy of this id");
	port->policies &= ~(1u << id);
	return 0;
}

int sl_mtr_find(const struct sl_port *port, uint32_t mtr_id)
{
	for (int i = FIRST_METER; i < SL_METER_UNLIMITED; i++)
		if (port->meters[i].used && port->meters[i].id == mtr_id)
			return i;
	return -ENOENT;
}

/* A free meter of the card; under the card's lock. */
static int take_meter(struct sl_card *card)
{
	for (int i = FIRST_METER; i < SL_METER_UNLIMITED; i++) {
		if (card->meters_used & UINT64_C(1) << i)
			continue;
		card->meters_used |= UINT64_C(1) << i;
		return i;
	}
	return -ENOSPC;
}

static int create(struct rte_eth_dev *dev, uint32_t id, struct rte_mtr_params *params, int shared,
	struct rte_mtr_error *error)
{
	struct sl_port *port = sl_port_of(dev);
	struct sl_port_meter_profile *profile = find_profile(port, params->meter_profile_id);
	int meter, rc;

	(void)shared;
	if (!profile)
		return REFUSE(error, ENOENT, METER_PROFILE_ID, "there is no profile of this id");
	if (params->meter_policy_id >= 32 || !(port->policies & 1u << params->meter_policy_id))
		return REFUSE(error, ENOENT, METER_POLICY_ID, "there is no policy of this id");
	if (params->use_prev_mtr_color || !params->meter_enable)
		return REFUSE(error, ENOTSUP, MTR_PARAMS, "meters are colour-blind and enabled");
	if (sl_mtr_find(port, id) >= 0)
		return REFUSE(error, EEXIST, MTR_ID, "there is a meter of this id");
	pthread_mutex_lock(&port->card->lock);
	meter = take_meter(port->card);
	rc = meter < 0 ? meter : sl_card_set_meter(port->card, (unsigned int)meter, profile->cir, profile->cbs);
	if (rc && meter >= 0)
		port->card->meters_used &= ~(UINT64_C(1) << meter);
	pthread_mutex_unlock(&port->card->lock);
	if (rc == -ENOSPC)
		return REFUSE(error, ENOSPC, MTR_ID, "all meters of the card are in use");
	if (rc)
		return REFUSE(error, -rc, UNSPECIFIED, "the card did not take the meter");
	profile->refs++;
	port->meters[meter] = (struct sl_port_meter){.id = id, .profile = profile->id, .used = true};
	return 0;
}

/* A meter gets another rate in its place: rules that use it are not touched, and its bucket is full again. */
static int profile_update(struct rte_eth_dev *dev, uint32_t id, uint32_t profile_id, struct rte_mtr_error *error)
{
	struct sl_port *port = sl_port_of(dev);
	struct sl_port_meter_profile *before, *profile = find_profile(port, profile_id);
	int meter = sl_mtr_find(port, id), rc;

	if (meter < 0)
		return REFUSE(error, ENOENT, MTR_ID, "there is no meter of this id");
	if (!profile)
		return REFUSE(error, ENOENT, METER_PROFILE_ID, "there is no profile of this id");
	pthread_mutex_lock(&port->card->lock);
	rc = sl_card_set_meter(port->card, (unsigned int)meter, profile->cir, profile->cbs);
	pthread_mutex_unlock(&port->card->lock);
	if (rc)
		return REFUSE(error, -rc, UNSPECIFIED, "the card did not take the meter");
	before = find_profile(port, port->meters[meter].profile);
	if (before)
		before->refs--;
	profile->refs++;
	port->meters[meter].profile = profile_id;
	return 0;
}

static int destroy(struct rte_eth_dev *dev, uint32_t id, struct rte_mtr_error *error)
{
	struct sl_port *port = sl_port_of(dev);
	struct sl_port_meter_profile *profile;
	int meter = sl_mtr_find(port, id), rc = 0;

	if (meter < 0)
		return REFUSE(error, ENOENT, MTR_ID, "there is no meter of this id");
	pthread_mutex_lock(&port->card->lock);
	if (port->card->meter_refs[meter])
		rc = -EBUSY;
	else
		port->card->meters_used &= ~(UINT64_C(1) << meter);
	pthread_mutex_unlock(&port->card->lock);
	if (rc)
		return REFUSE(error, EBUSY, MTR_ID, "a flow rule uses the meter");
	profile = find_profile(port, port->meters[meter].profile);
	if (profile)
		profile->refs--;
	port->meters[meter].used = false;
	return 0;
}

static int stats_read(struct rte_eth_dev *dev, uint32_t id, struct rte_mtr_stats *stats, uint64_t *mask, int clear,
		      struct rte_mtr_error *error)
{
	(void)dev;
	(void)id;
	(void)stats;
	(void)mask;
	(void)clear;
	return REFUSE(error, ENOTSUP, STATS,
		"the card counts metered frames for all meters together: xstats reason_metered_packets");
}

const struct rte_mtr_ops sl_mtr_ops = {
	.capabilities_get = capabilities_get,
	.meter_profile_add = profile_add,
	.meter_profile_delete = profile_delete,
	.create = create,
	.meter_profile_update = profile_update,
	.destroy = destroy,
	.stats_read = stats_read,
	.meter_policy_validate = policy_validate,
	.meter_policy_add = policy_add,
	.meter_policy_delete = policy_delete,
};
