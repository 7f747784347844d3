/* SPDX-License-Identifier: BSD-3-Clause */
/* Parsing of the actions of rules that classify. */
#include "driver/flow/fate.h"

#include <string.h>

#include "driver/flow/refuse.h"
#include "driver/flow/tunnel.h"

#define BAD(error, action, sentence) sl_refuse(error, EINVAL, RTE_FLOW_ERROR_TYPE_ACTION, action, sentence)
#define CANNOT(error, type, action, sentence) sl_refuse(error, ENOTSUP, RTE_FLOW_ERROR_TYPE_##type, action, sentence)

static int decide(struct sl_fate *fate, enum sl_fate_kind kind, const struct rte_flow_action *action,
	struct rte_flow_error *error)
{
	if (fate->kind != SL_FATE_NONE)
		return BAD(error, action, "a rule has one fate: drop, port_representor or jump");
	fate->kind = kind;
	fate->decided_by = action;
	return 0;
}

static int parse_jump(struct sl_fate *fate, const struct rte_flow_action *action, struct rte_flow_error *error)
{
	const struct rte_flow_action_jump *jump = action->conf;

	if (jump->group != 1)
		return CANNOT(error, ACTION_CONF, action, "group 1, the flow table, is the only one to jump to");
	return decide(fate, SL_FATE_FLOWS, action, error);
}

static int parse_host(struct sl_fate *fate, const struct rte_flow_action *action, struct rte_flow_error *error)
{
	const struct rte_flow_action_ethdev *to = action->conf;

	fate->ethdev = to->port_id;
	return decide(fate, SL_FATE_HOST, action, error);
}

static int parse_tenant(struct sl_fate *fate, const struct rte_flow_action *action, struct rte_flow_error *error)
{
	const struct rte_flow_action_set_meta *set = action->conf;

	if ((set->mask & UINT16_MAX) != UINT16_MAX || (set->data & set->mask) > UINT16_MAX)
		return CANNOT(error, ACTION_CONF, action,
			"a tenant (meta) is a number from 0 to 65535, set as a whole");
	fate->tenant = (uint16_t)set->data;
	return 0;
}

static int parse_tag(struct sl_fate *fate, const struct rte_flow_action *action, struct rte_flow_error *error)
{
	const struct rte_flow_action_set_tag *set = action->conf;

	if (set->index || set->mask != UINT32_MAX || !set->data)
		return CANNOT(error, ACTION_CONF, action,
			"there is one tag, index 0, set as a whole to a number other than 0");
	fate->tag = set->data;
	return 0;
}

static int parse_sample(struct sl_fate *fate, const struct rte_flow_action *action, struct rte_flow_error *error)
{
	const struct rte_flow_action_sample *sample = action->conf;
	const struct rte_flow_action *inner;
	bool to_host = false;

	if (fate->copy)
		return BAD(error, action, "one sample action");
	if (sample->ratio != 1 || !sample->actions)
		return CANNOT(error, ACTION_CONF, action, "every frame is copied or none: the sample ratio must be 1");
	for (inner = sample->actions; inner->type != RTE_FLOW_ACTION_TYPE_END; inner++) {
		switch (inner->type) {
		case RTE_FLOW_ACTION_TYPE_VOID:
			break;
		case RTE_FLOW_ACTION_TYPE_MARK:
			if (!inner->conf)
				return BAD(error, inner, "this action needs a configuration");
			fate->copy_mark = ((const struct rte_flow_action_mark *)inner->conf)->id;
			break;
		case RTE_FLOW_ACTION_TYPE_METER:
			if (!inner->conf)
				return BAD(error, inner, "this action needs a configuration");
			fate->copy_meter_set = true;
			fate->copy_meter = ((const struct rte_flow_action_meter *)inner->conf)->mtr_id;
			break;
		case RTE_FLOW_ACTION_TYPE_PORT_REPRESENTOR:
			if (!inner->conf || to_host)
				return BAD(error, inner, "a copy goes to one port_representor");
			fate->copy_ethdev = ((const struct rte_flow_action_ethdev *)inner->conf)->port_id;
			to_host = true;
			break;
		default:
			return CANNOT(error, ACTION, inner,
				"a copy can be marked, metered and sent to a port_representor, nothing else");
		}
	}
	if (!to_host)
		return CANNOT(error, ACTION, action, "a copy goes to a port_representor");
	fate->copy = true;
	return 0;
}

static int parse_mark(struct sl_fate *fate, const struct rte_flow_action *action)
{
	fate->mark_set = true;
	fate->mark = ((const struct rte_flow_action_mark *)action->conf)->id;
	return 0;
}

static int parse_meter(struct sl_fate *fate, const struct rte_flow_action *action)
{
	fate->meter_set = true;
	fate->meter = ((const struct rte_flow_action_meter *)action->conf)->mtr_id;
	return 0;
}

static int parse_decap(struct sl_fate *fate, const struct rte_flow_action *action, uint8_t kind, struct rte_flow_error *error)
{
	if (fate->decap && fate->decap != kind)
		return BAD(error, action, "one tunnel is opened");
	fate->decap = kind;
	return 0;
}

static bool opens(const struct rte_flow_action *action)
{
	return action->type == RTE_FLOW_ACTION_TYPE_VXLAN_DECAP || (int)action->type == SL_ACTION_TYPE_DECAP;
}

static int parse_action(struct sl_fate *fate, const struct rte_flow_action *action, struct rte_flow_error *error)
{
	switch (action->type) {
	case RTE_FLOW_ACTION_TYPE_MARK:
	case RTE_FLOW_ACTION_TYPE_METER:
	case RTE_FLOW_ACTION_TYPE_PORT_REPRESENTOR:
	case RTE_FLOW_ACTION_TYPE_JUMP:
	case RTE_FLOW_ACTION_TYPE_SET_META:
	case RTE_FLOW_ACTION_TYPE_SET_TAG:
	case RTE_FLOW_ACTION_TYPE_SAMPLE:
		if (!action->conf)
			return BAD(error, action, "this action needs a configuration");
		break;
	default:
		break;
	}
	if ((int)action->type == SL_ACTION_TYPE_DECAP)
		return parse_decap(fate, action, *(const uint8_t *)action->conf, error);
	switch (action->type) {
	case RTE_FLOW_ACTION_TYPE_VOID: return 0;
	case RTE_FLOW_ACTION_TYPE_DROP: return decide(fate, SL_FATE_DROP, action, error);
	case RTE_FLOW_ACTION_TYPE_PORT_REPRESENTOR: return parse_host(fate, action, error);
	case RTE_FLOW_ACTION_TYPE_JUMP: return parse_jump(fate, action, error);
	case RTE_FLOW_ACTION_TYPE_MARK: return parse_mark(fate, action);
	case RTE_FLOW_ACTION_TYPE_METER: return parse_meter(fate, action);
	case RTE_FLOW_ACTION_TYPE_COUNT: fate->count = true; return 0;
	case RTE_FLOW_ACTION_TYPE_VXLAN_DECAP: return parse_decap(fate, action, SL_TUNNEL_MODE_VNI, error);
	case RTE_FLOW_ACTION_TYPE_SET_META: return parse_tenant(fate, action, error);
	case RTE_FLOW_ACTION_TYPE_SET_TAG: return parse_tag(fate, action, error);
	case RTE_FLOW_ACTION_TYPE_SAMPLE: return parse_sample(fate, action, error);
	default:
		return CANNOT(error, ACTION, action,
			"a rule that classifies can drop, mark, meter, count, copy, set_meta, set_tag, vxlan_decap, jump and go to a port_representor");
	}
}

int sl_fate_parse(const struct rte_flow_action actions[], struct sl_fate *fate, struct rte_flow_error *error)
{
	const struct rte_flow_action *action, *jump_only = NULL;

	memset(fate, 0, sizeof(*fate));
	for (action = actions; action->type != RTE_FLOW_ACTION_TYPE_END; action++) {
		int rc = parse_action(fate, action, error);

		if (rc)
			return rc;
		if (action->type == RTE_FLOW_ACTION_TYPE_SET_META || opens(action) ||
		    action->type == RTE_FLOW_ACTION_TYPE_SAMPLE || action->type == RTE_FLOW_ACTION_TYPE_SET_TAG)
			jump_only = action;
	}
	if (fate->kind == SL_FATE_NONE)
		return sl_refuse(error, EINVAL, RTE_FLOW_ERROR_TYPE_ACTION_NUM, actions,
			"the rule has no fate: drop, port_representor or jump");
	if (jump_only && fate->kind != SL_FATE_FLOWS)
		return CANNOT(error, ACTION, jump_only, "set_meta, set_tag, sample and a decapsulation need a jump to group 1");
	if (fate->mark_set && fate->kind != SL_FATE_HOST)
		return CANNOT(error, ACTION, fate->decided_by, "only frames for a port_representor carry a mark");
	if (fate->meter_set && fate->kind != SL_FATE_HOST)
		return CANNOT(error, ACTION, fate->decided_by,
			"a meter limits what reaches the host: use it with port_representor (for misses, in the catch-all of group 1)");
	return 0;
}
