/* SPDX-License-Identifier: BSD-3-Clause */
/* The fake driver of offload_test. */
#include "tests/host/fake_driver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <rte_errno.h>
#include <unistd.h>

struct fake_driver driver;
struct rte_flow pool[FAKE_FLOWS]; /* as in a card: gone with it */

static bool has_action(const struct rte_flow_action *a, enum rte_flow_action_type type)
{
	for (; a->type != RTE_FLOW_ACTION_TYPE_END; a++) {
		if (a->type == type)
			return true;
	}
	return false;
}

static uint16_t out_of(const struct rte_flow_action *a)
{
	for (; a->type != RTE_FLOW_ACTION_TYPE_END; a++) {
		if (a->type == RTE_FLOW_ACTION_TYPE_REPRESENTED_PORT)
			return ((const struct rte_flow_action_ethdev *)a->conf)->port_id;
	}
	return UINT16_MAX;
}

static void note(char what)
{
	const size_t n = strlen(driver.order);

	if (n + 1 < sizeof(driver.order))
		driver.order[n] = what;
}

static uint32_t meter_of(const struct rte_flow_action *a)
{
	for (; a->type != RTE_FLOW_ACTION_TYPE_END; a++) {
		if (a->type == RTE_FLOW_ACTION_TYPE_METER)
			return ((const struct rte_flow_action_meter *)a->conf)->mtr_id;
	}
	return 0;
}

static void meters_note(struct rte_flow *flow, const struct rte_flow_item *items, const struct rte_flow_action *actions)
{
	flow->meter = meter_of(actions);
	flow->tag = flow->copy_meter = 0;
	for (; items->type != RTE_FLOW_ITEM_TYPE_END; items++) {
		if (items->type == RTE_FLOW_ITEM_TYPE_TAG)
			flow->tag = ((const struct rte_flow_item_tag *)items->spec)->data;
	}
	for (const struct rte_flow_action *a = actions; a->type != RTE_FLOW_ACTION_TYPE_END; a++) {
		if (a->type == RTE_FLOW_ACTION_TYPE_SET_TAG)
			flow->tag = ((const struct rte_flow_action_set_tag *)a->conf)->data;
		if (a->type == RTE_FLOW_ACTION_TYPE_SAMPLE)
			flow->copy_meter = meter_of(((const struct rte_flow_action_sample *)a->conf)->actions);
	}
	assert_true(!flow->meter || driver.profile_of[flow->meter]);
	assert_true(!flow->copy_meter || driver.profile_of[flow->copy_meter]);
}

struct rte_flow *rte_flow_create(uint16_t port_id, const struct rte_flow_attr *attr, const struct rte_flow_item pattern[],
				 const struct rte_flow_action actions[], struct rte_flow_error *error)
{
	struct rte_flow *flow;

	(void)port_id;
	assert_true(attr->transfer);
	usleep(driver.slow_us);
	if (driver.timeouts && driver.timeouts--) {
		rte_errno = ETIMEDOUT;
		return NULL;
	}
	if (driver.fail_catch_all && attr->group == 1 && attr->priority) {
		rte_errno = driver.fail_catch_all;
		rte_flow_error_set(error, rte_errno, RTE_FLOW_ERROR_TYPE_STATE, NULL, "no answer");
		return NULL;
	}
	if ((driver.refuse != RTE_FLOW_ACTION_TYPE_END && has_action(actions, driver.refuse)) ||
	    (driver.fail && attr->group == 1 && !attr->priority) ||
	    (driver.fail_forward && has_action(actions, RTE_FLOW_ACTION_TYPE_SET_TP_DST))) {
		rte_errno = driver.fail ? driver.fail : driver.fail_forward ? driver.fail_forward : ENOTSUP;
		rte_flow_error_set(error, rte_errno, RTE_FLOW_ERROR_TYPE_ACTION, NULL, "the fake card cannot");
		return NULL;
	}
	assert_true(driver.created < FAKE_FLOWS);
	flow = &pool[driver.created];
	flow->attr = *attr;
	flow->gone = false;
	meters_note(flow, pattern, actions);
	flow->out = out_of(actions);
	flow->reverse = has_action(actions, RTE_FLOW_ACTION_TYPE_SET_TP_SRC);
	driver.live++;
	driver.created++;
	if (attr->group == 1 && !attr->priority)
		note(flow->reverse ? 'R' : 'F');
	return flow;
}

int rte_flow_destroy(uint16_t port_id, struct rte_flow *flow, struct rte_flow_error *error)
{
	(void)port_id;
	usleep(driver.slow_us);
	if (driver.fail_destroy)
		return rte_flow_error_set(error, driver.fail_destroy, RTE_FLOW_ERROR_TYPE_STATE, NULL, "no answer");
	if (flow->attr.group == 1 && !flow->attr.priority)
		note(flow->reverse ? 'r' : 'f');
	flow->gone = true;
	driver.live--;
	driver.destroyed++;
	return 0;
}

int rte_flow_query(uint16_t port_id, struct rte_flow *flow, const struct rte_flow_action *action, void *data,
		   struct rte_flow_error *error)
{
	struct rte_flow_query_count *count = data;

	(void)port_id, (void)flow, (void)error;
	if (action->type != RTE_FLOW_ACTION_TYPE_COUNT)
		return -ENOTSUP;
	*count = (struct rte_flow_query_count){ .hits_set = 1, .bytes_set = 1, .hits = driver.hits, .bytes = driver.hits * 100 };
	return 0;
}

struct rte_flow_action_handle *rte_flow_action_handle_create(uint16_t port_id, const struct rte_flow_indir_action_conf *conf,
							     const struct rte_flow_action *action, struct rte_flow_error *error)
{
	(void)port_id, (void)conf, (void)error;
	usleep(driver.slow_us);
	if (driver.refuse == RTE_FLOW_ACTION_TYPE_INDIRECT ||
	    (driver.no_ways && action->type == RTE_FLOW_ACTION_TYPE_REPRESENTED_PORT)) {
		rte_errno = ENOTSUP;
		return NULL;
	}
	driver.handles++;
	return (struct rte_flow_action_handle *)(uintptr_t)driver.handles;
}

int rte_flow_action_handle_destroy(uint16_t port_id, struct rte_flow_action_handle *handle, struct rte_flow_error *error)
{
	(void)port_id, (void)handle, (void)error;
	driver.handles--;
	return 0;
}

int rte_flow_action_handle_update(uint16_t port_id, struct rte_flow_action_handle *handle, const void *update,
				  struct rte_flow_error *error)
{
	const struct rte_flow_action *action = update;

	(void)port_id, (void)handle, (void)error;
	usleep(driver.slow_us);
	driver.updates++;
	driver.updated = action->type;
	if (action->type == RTE_FLOW_ACTION_TYPE_REPRESENTED_PORT)
		driver.updated_to = ((const struct rte_flow_action_ethdev *)action->conf)->port_id;
	return 0;
}

static int tunnel_words(const struct rte_flow_tunnel *tunnel, uint32_t *n, struct rte_flow_error *error)
{
	*n = 1;
	if (tunnel->type != driver.no_tunnel)
		return 0;
	rte_errno = ENOTSUP;
	return rte_flow_error_set(error, ENOTSUP, RTE_FLOW_ERROR_TYPE_UNSPECIFIED, NULL, "the fake card cannot open it");
}

int rte_flow_tunnel_match(uint16_t port_id, struct rte_flow_tunnel *tunnel, struct rte_flow_item **items, uint32_t *n,
			  struct rte_flow_error *error)
{
	static struct rte_flow_item item = { .type = RTE_FLOW_ITEM_TYPE_FUZZY };

	(void)port_id;
	*items = &item;
	return tunnel_words(tunnel, n, error);
}

int rte_flow_tunnel_decap_set(uint16_t port_id, struct rte_flow_tunnel *tunnel, struct rte_flow_action **actions, uint32_t *n,
			      struct rte_flow_error *error)
{
	static struct rte_flow_action action = { .type = RTE_FLOW_ACTION_TYPE_FLAG };

	(void)port_id;
	*actions = &action;
	return tunnel_words(tunnel, n, error);
}

int rte_flow_pick_transfer_proxy(uint16_t port_id, uint16_t *proxy, struct rte_flow_error *error)
{
	(void)error;
	*proxy = port_id;
	return 0;
}

static int mtr_refuse(struct rte_mtr_error *error, int code, const char *sentence)
{
	*error = (struct rte_mtr_error){ .type = RTE_MTR_ERROR_TYPE_UNSPECIFIED, .message = sentence };
	return -code;
}

int rte_mtr_meter_profile_add(uint16_t port_id, uint32_t id, struct rte_mtr_meter_profile *profile, struct rte_mtr_error *error)
{
	(void)port_id;
	if (driver.no_meters)
		return mtr_refuse(error, ENOSYS, "the fake card has no meters");
	assert_true(profile->packet_mode && profile->alg == RTE_MTR_SRTCM_RFC2697 && !profile->srtcm_rfc2697.ebs);
	assert_true(id < 64 && !driver.cir[id]);
	driver.cir[id] = profile->srtcm_rfc2697.cir;
	driver.profiles++;
	return 0;
}

int rte_mtr_meter_profile_delete(uint16_t port_id, uint32_t id, struct rte_mtr_error *error)
{
	(void)port_id, (void)error;
	driver.cir[id] = 0;
	driver.profiles--;
	return 0;
}

int rte_mtr_meter_policy_add(uint16_t port_id, uint32_t id, struct rte_mtr_meter_policy_params *policy,
			     struct rte_mtr_error *error)
{
	(void)port_id, (void)id, (void)error;
	if (driver.no_meters)
		return mtr_refuse(error, ENOSYS, "the fake card has no meters");
	assert_int_equal(policy->actions[RTE_COLOR_RED]->type, RTE_FLOW_ACTION_TYPE_DROP);
	return 0;
}

int rte_mtr_create(uint16_t port_id, uint32_t id, struct rte_mtr_params *params, int shared, struct rte_mtr_error *error)
{
	(void)port_id, (void)shared;
	if (driver.meters_max && driver.meters == driver.meters_max)
		return mtr_refuse(error, ENOSPC, "no meter is left");
	assert_true(id && id < 64 && !driver.profile_of[id] && driver.cir[params->meter_profile_id]);
	driver.profile_of[id] = params->meter_profile_id;
	driver.meters++;
	return 0;
}

int rte_mtr_destroy(uint16_t port_id, uint32_t id, struct rte_mtr_error *error)
{
	(void)port_id, (void)error;
	assert_true(id && id < 64 && driver.profile_of[id]);
	driver.profile_of[id] = 0;
	driver.meters--;
	return 0;
}

int rte_mtr_meter_profile_update(uint16_t port_id, uint32_t id, uint32_t profile, struct rte_mtr_error *error)
{
	(void)port_id, (void)error;
	assert_true(driver.cir[profile]);
	driver.profile_of[id] = profile;
	driver.profile_updates++;
	return 0;
}
