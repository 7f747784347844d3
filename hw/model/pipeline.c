/* SPDX-License-Identifier: BSD-3-Clause */
/* The order of the stages. See pipeline.h. */
#include "hw/model/pipeline.h"

/* A frame that is not forwarded: reasons below RUNT go to the host if their meter has a token. */
static void leave(const struct sl_lookups *lookups, void *ctx, uint32_t meter, uint32_t reason,
		  struct sl_pipeline_result *result)
{
	result->fate = reason < SL_REASON_RUNT ? SL_FATE_HOST : SL_FATE_DROP;
	if (result->fate == SL_FATE_HOST && !lookups->meter_take(ctx, meter)) {
		result->fate = SL_FATE_DROP;
		reason = SL_REASON_METERED;
	}
	result->reason = (uint8_t)reason;
}

/* Stages key and hash: true with both in the result; result->reason is what sl_key_build said. */
static bool make_key(const struct sl_pipeline_config *config, struct sl_pipeline_result *result)
{
	const struct sl_class_rule *rule = result->matched;
	const int reason = sl_key_build(&result->headers, rule->tenant, rule->flags & SL_RULE_FLAG_DECAP, &result->key);

	result->reason = (uint8_t)reason;
	if (reason && reason != SL_REASON_ICMP_ERROR)
		return false;
	result->has_key = 1;
	result->rewrite.hash = sl_hash_key(&result->key, &config->seed);
	result->hash = (uint32_t)result->rewrite.hash;
	return true;
}

/* Stages table to rewrite: the reason, FORWARDED with result->rewrite filled. */
static uint32_t run_flow(const struct sl_lookups *lookups, void *ctx, const struct sl_pipeline_config *config,
			 const struct sl_window *window, struct sl_pipeline_result *result)
{
	const struct sl_packet *packet =
		sl_headers_packet(&result->headers, result->matched->flags & SL_RULE_FLAG_DECAP);
	const struct sl_record *record;
	const struct sl_action *action;
	int reason;

	record = lookups->flow_find(ctx, &result->key, result->rewrite.hash, &result->flow_id);
	if (result->reason == SL_REASON_ICMP_ERROR)
		return SL_REASON_ICMP_ERROR;
	if (!record) {
		result->mark_valid = config->miss_mark_valid;
		result->mark = config->miss_mark_valid ? config->miss_mark : 0;
		return SL_REASON_MISS;
	}
	action = lookups->action_get(ctx, record->action);
	if (!action)
		return SL_REASON_BAD_ACTION;
	reason = sl_action_check(packet, record, action, sl_ingress_ports_up(config));
	if (reason)
		return (uint32_t)reason;
	result->port_out = action->port;
	sl_rewrite(window, packet, record, action, &result->rewrite);
	return SL_REASON_FORWARDED;
}

bool sl_pipeline_begin(const struct sl_lookups *lookups, void *ctx, const struct sl_pipeline_config *config,
		       const struct sl_window *window, uint32_t frame_len, uint32_t port,
		       struct sl_pipeline_result *result)
{
	const struct sl_class_rule *rule;
	uint32_t reason, index;

	result->rule = SL_CLASS_NONE;
	result->port_out = 0;
	result->copy = 0;
	result->mark_valid = 0;
	result->tenant = 0;
	result->mark = 0;
	result->copy_mark = 0;
	result->hash = 0;
	result->flow_id = SL_FLOW_ID_NONE;
	result->has_key = 0;
	reason = (uint32_t)sl_parse(window, frame_len, port, config->tunnels, &result->headers);
	if (reason) {
		leave(lookups, ctx, 0, reason, result);
		return false;
	}
	rule = lookups->class_find(ctx, &result->headers, &index, &result->meter);
	if (!rule) {
		leave(lookups, ctx, 0, (uint32_t)sl_class_default(&config->filter, &result->headers), result);
		return false;
	}
	result->matched = rule;
	result->rule = (uint8_t)index;
	result->tenant = rule->tenant;
	switch (rule->verdict) {
	case SL_VERDICT_FLOWS:
		if (make_key(config, result))
			return true;
		reason = result->reason;
		break;
	case SL_VERDICT_HOST:
		reason = SL_REASON_RULE;
		result->mark_valid = (rule->flags & SL_RULE_FLAG_MARK) != 0;
		result->mark = result->mark_valid ? rule->mark : 0;
		break;
	default:
		reason = SL_REASON_RULE_DROP;
		break;
	}
	leave(lookups, ctx, result->meter, reason, result);
	return false;
}

void sl_pipeline_finish(const struct sl_lookups *lookups, void *ctx, const struct sl_pipeline_config *config,
			const struct sl_window *window, struct sl_pipeline_result *result)
{
	const struct sl_class_rule *rule = result->matched;
	const uint32_t reason = run_flow(lookups, ctx, config, window, result);

	if (reason != SL_REASON_FORWARDED) {
		leave(lookups, ctx, result->meter, reason, result);
		return;
	}
	result->fate = SL_FATE_FORWARD;
	result->reason = SL_REASON_FORWARDED;
	if (rule->flags & SL_RULE_FLAG_COPY) {
		result->copy = lookups->meter_take(ctx, result->meter) ? SL_REASON_COPY : SL_REASON_COPY_METERED;
		result->copy_mark = rule->copy_mark;
	}
}

void sl_pipeline_run(const struct sl_lookups *lookups, void *ctx, const struct sl_pipeline_config *config,
		     const struct sl_window *window, uint32_t frame_len, uint32_t port, struct sl_pipeline_result *result)
{
	if (sl_pipeline_begin(lookups, ctx, config, window, frame_len, port, result))
		sl_pipeline_finish(lookups, ctx, config, window, result);
}
