/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rte_flow on a card: group 0 is the classification table, group 1 the flow table. Rules are parsed (driver/flow),
 * compiled to the card's terms (compile.c) and entered (rules.c, flows.c, actions.c). The card's lock is held
 * throughout;
 * the datapath never takes it.
 */
#include "driver/fpga/port.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "driver/flow/refuse.h"
#include "driver/flow/tunnel.h"
#include "driver/fpga/compile.h"
#include "driver/fpga/dump.h"
#include "driver/fpga/indirect.h"
#include "driver/fpga/rte_flow_rule.h"

#define NO_CARD "the card has gone"
#define CLASS_FULL \
	"the card's classification table is full: 64 rules, beside those that are prefixes of another, of which one address " \
	"has room for 8 with a range of ports, any port or any protocol"

/* A rule on its way into the card. */
struct draft {
	enum sl_rule_kind kind;
	uint32_t priority;
	struct sl_class_rule rule;
	int meter;                    /* the card's, or negative */
	struct sl_catch_all catch_all;
	uint32_t tag;
	struct sl_key key;
	struct sl_record record;
	struct sl_rewrite rewrite;
	struct sl_indirect *indirect, *way; /* encapsulation, port to leave by; or NULL */
	uint8_t egress;
	bool count;
};

static int card_error(struct rte_flow_error *error, int rc, const char *full)
{
	switch (-rc) {
	case EIO: return sl_refuse(error, EIO, RTE_FLOW_ERROR_TYPE_STATE, NULL, NO_CARD);
	case ETIMEDOUT: return sl_refuse(error, ETIMEDOUT, RTE_FLOW_ERROR_TYPE_STATE, NULL,
		"the card did not answer in time");
	case ENOSPC: return sl_refuse(error, ENOSPC, RTE_FLOW_ERROR_TYPE_UNSPECIFIED, NULL, full);
	case ENOMEM: return sl_refuse(error, ENOMEM, RTE_FLOW_ERROR_TYPE_UNSPECIFIED, NULL, "no memory");
	default: return sl_refuse(error, -rc, RTE_FLOW_ERROR_TYPE_UNSPECIFIED, NULL, "the card refused the command");
	}
}

static int port_of(void *ctx, uint16_t ethdev)
{
	return sl_card_port_of(ctx, ethdev);
}

/* The meter of what a rule that jumps sends to the host: of its copies and its misses, which have to agree. */
static int flow_meter(const struct sl_port *port, const struct sl_fate *fate, struct draft *draft, uint8_t *meter,
		      struct rte_flow_error *error)
{
	const struct sl_misses *misses = &port->card->misses;
	uint8_t copies = SL_METER_UNLIMITED;

	*meter = sl_misses_meter(misses, fate->tag, SL_METER_UNLIMITED);
	if (!fate->copy)
		return 0;
	if (fate->copy_meter_set) {
		draft->meter = sl_mtr_find(port, fate->copy_meter);
		if (draft->meter < 0)
			return sl_refuse(error, ENOENT, RTE_FLOW_ERROR_TYPE_ACTION_CONF, fate->decided_by,
				"this port has no such meter");
		copies = (uint8_t)draft->meter;
	}
	if (*meter != copies && (sl_misses_find(misses, fate->tag) || sl_misses_find(misses, 0)))
		return sl_refuse(error, ENOTSUP, RTE_FLOW_ERROR_TYPE_ACTION, fate->decided_by,
			"the copies and the misses of a rule pass one meter: the catch-all of its tag has another");
	*meter = copies;
	return 0;
}

static int check_attributes(const struct rte_flow_attr *attr, struct rte_flow_error *error)
{
	if (!attr->transfer || attr->ingress || attr->egress)
		return sl_refuse(error, ENOTSUP, RTE_FLOW_ERROR_TYPE_ATTR_TRANSFER, attr,
			"rules act on the wire's frames, before the host: they need the attribute transfer, and it alone");
	if (attr->group > 1)
		return sl_refuse(error, ENOTSUP, RTE_FLOW_ERROR_TYPE_ATTR_GROUP, attr,
			"there are two groups: 0 classifies, 1 is the flow table");
	return 0;
}

/* set_mac leaves a tag alone, but the card writes Ethernet headers as a whole: it may only be used where frames have
 * none. */
static bool tenant_tagged(const struct sl_card *card, uint16_t tenant)
{
	for (uint32_t i = 0; i < card->rules.count; i++) {
		const struct sl_rule *rule = card->rules.slots[i];

		if (rule && !rule->held && rule->content.verdict == SL_VERDICT_FLOWS &&
			rule->content.tenant == tenant &&
		    rule->content.vlan_mode != SL_VLAN_MODE_UNTAGGED && !(rule->content.flags & SL_RULE_FLAG_DECAP))
			return true;
	}
	return false;
}

static int draft_rule(struct sl_port *port, const struct rte_flow_item pattern[],
	const struct rte_flow_action actions[],
		      struct draft *draft, struct rte_flow_error *error)
{
	struct sl_card *card = port->card;
	struct sl_compile_env env = {
		.ports = card->caps.ports,
		.port_of = port_of,
		.ctx = card,
		.unlimited_meter = SL_METER_UNLIMITED,
		.meter = -ENOENT,
		.tunnels = card->caps.modes & SL_CARD_MODE_TUNNELS,
		.copies = card->caps.modes & SL_CARD_MODE_COPIES,
	};
	struct sl_match match;
	struct sl_fate fate;
	int rc = sl_match_parse(pattern, &match, error);

	if (rc == 0)
		rc = sl_fate_parse(actions, &fate, error);
	if (rc)
		return rc;
	if (fate.meter_set)
		env.meter = sl_mtr_find(port, fate.meter);
	draft->kind = SL_RULE_CLASS;
	draft->count = fate.count;
	draft->meter = env.meter;
	draft->tag = fate.tag;
	rc = flow_meter(port, &fate, draft, &env.flow_meter, error);
	if (rc)
		return rc;
	rc = sl_compile_rule(&env, &match, &fate, &draft->rule, error);
	if (rc == 0 && draft->rule.verdict == SL_VERDICT_FLOWS && draft->rule.vlan_mode != SL_VLAN_MODE_UNTAGGED &&
	    !(draft->rule.flags & SL_RULE_FLAG_DECAP) && card->mac_flows[draft->rule.tenant])
		return sl_refuse(error, ENOTSUP, RTE_FLOW_ERROR_TYPE_ACTION, fate.decided_by,
			"connections of this tenant use set_mac, which cannot keep a VLAN tag: use raw_decap and raw_encap in them");
	return rc;
}

static int draft_catch_all(struct sl_port *port, const struct rte_flow_attr *attr, uint32_t tag,
			   const struct rte_flow_action actions[], struct draft *draft, struct rte_flow_error *error)
{
	struct sl_card *card = port->card;
	struct sl_catch_all *wanted = &draft->catch_all;
	const char *sentence;
	struct sl_fate fate;
	int rc = sl_fate_parse(actions, &fate, error);

	if (rc)
		return rc;
	if (fate.kind != SL_FATE_HOST || sl_card_port_of(card, fate.ethdev) < 0)
		return sl_refuse(error, ENOTSUP, RTE_FLOW_ERROR_TYPE_ACTION, actions,
			"the catch-all of group 1 sends to a port_representor of the card");
	if (fate.count)
		return sl_refuse(error, ENOTSUP, RTE_FLOW_ERROR_TYPE_ACTION, actions,
			"misses are counted by the card for all ports together: xstats reason_miss_packets");
	if (attr->priority <= card->flow_priority_max)
		return sl_refuse(error, EINVAL, RTE_FLOW_ERROR_TYPE_ATTR_PRIORITY, attr,
			"the catch-all of group 1 needs a larger priority number than every connection");
	draft->kind = SL_RULE_CATCH_ALL;
	draft->meter = fate.meter_set ? sl_mtr_find(port, fate.meter) : -ENOENT;
	if (fate.meter_set && draft->meter < 0)
		return sl_refuse(error, ENOENT, RTE_FLOW_ERROR_TYPE_ACTION_CONF, fate.decided_by,
			"this port has no such meter");
	wanted->tag = tag;
	wanted->mark = fate.mark;
	wanted->mark_set = fate.mark_set;
	wanted->priority = attr->priority;
	wanted->meter = fate.meter_set ? (uint8_t)draft->meter : SL_METER_UNLIMITED;
	sentence = sl_misses_refuse(&card->misses, &card->rules, wanted);
	return sentence ? sl_refuse(error, EEXIST, RTE_FLOW_ERROR_TYPE_UNSPECIFIED, NULL, sentence) : 0;
}

/* The port that the connection's packets leave by, with the way that says so if there is one. */
static int draft_egress(struct sl_port *port, struct draft *draft, struct rte_flow_error *error)
{
	struct sl_rewrite *rewrite = &draft->rewrite;
	int egress;

	if (rewrite->way) {
		draft->way = sl_indirect_find(port, rewrite->way);
		if (!draft->way || !draft->way->is_way)
			return sl_refuse(error, EINVAL, RTE_FLOW_ERROR_TYPE_ACTION_CONF, rewrite->egress,
				"this is not an indirect represented_port of this port");
		if (rewrite->l2 != SL_REWRITE_L2_INDIRECT)
			return sl_refuse(error, ENOTSUP, RTE_FLOW_ERROR_TYPE_ACTION, rewrite->egress,
				"an indirect represented_port needs an indirect raw_encap: they share the action entry that an update writes");
		rewrite->ethdev = draft->way->ethdev;
	}
	egress = sl_card_port_of(port->card, rewrite->ethdev);
	if (egress < 0)
		return sl_refuse(error, EINVAL, RTE_FLOW_ERROR_TYPE_ACTION_CONF, rewrite->egress,
			"this ethdev is not a port of the card");
	draft->egress = (uint8_t)egress;
	return 0;
}

static int draft_flow(struct sl_port *port, const struct rte_flow_attr *attr, const struct sl_tuple *tuple,
		      const struct rte_flow_action actions[], struct draft *draft, struct rte_flow_error *error)
{
	struct sl_card *card = port->card;
	struct sl_rewrite *rewrite = &draft->rewrite;
	int rc = sl_rewrite_parse(actions, tuple->family, rewrite, error);

	if (rc)
		return rc;
	if (attr->priority >= sl_misses_priority(&card->misses))
		return sl_refuse(error, EINVAL, RTE_FLOW_ERROR_TYPE_ATTR_PRIORITY, attr,
			"a connection needs a smaller priority number than the catch-all of group 1");
	rc = draft_egress(port, draft, error);
	if (rc)
		return rc;
	if (rewrite->l2 == SL_REWRITE_L2_MACS && tenant_tagged(card, tuple->tenant))
		return sl_refuse(error, ENOTSUP, RTE_FLOW_ERROR_TYPE_ACTION, rewrite->l2_action,
			"frames of this tenant may carry a VLAN tag, which set_mac cannot keep: use raw_decap and raw_encap");
	if (rewrite->l2 == SL_REWRITE_L2_INDIRECT) {
		draft->indirect = sl_indirect_find(port, rewrite->indirect);
		if (!draft->indirect || draft->indirect->is_way)
			return sl_refuse(error, EINVAL, RTE_FLOW_ERROR_TYPE_ACTION_CONF, rewrite->l2_action,
				"this is not an indirect raw_encap of this port");
		rc = sl_rewrite_check_outer(rewrite, &draft->indirect->encap, error);
		if (rc)
			return rc;
	}
	draft->kind = SL_RULE_FLOW;
	draft->count = rewrite->count;
	sl_compile_key(tuple, &draft->key);
	if (sl_flows_has(&card->flows, &draft->key))
		return sl_refuse(error, EEXIST, RTE_FLOW_ERROR_TYPE_UNSPECIFIED, NULL,
			"there is a rule for this connection already");
	sl_compile_record(rewrite, &draft->key, port->owner, &draft->record);
	return 0;
}

/* Everything that can be said about a rule without touching the card. */
static int make_draft(struct sl_port *port, const struct rte_flow_attr *attr, const struct rte_flow_item pattern[],
		      const struct rte_flow_action actions[], struct draft *draft, struct rte_flow_error *error)
{
	struct sl_tuple tuple;
	int rc = check_attributes(attr, error);

	memset(draft, 0, sizeof(*draft));
	draft->priority = attr->priority;
	draft->meter = -ENOENT;
	if (rc)
		return rc;
	if (sl_card_gone(port->card))
		return card_error(error, -EIO, NULL);
	if (attr->group == 0)
		return draft_rule(port, pattern, actions, draft, error);
	rc = sl_tuple_parse(pattern, &tuple, error);
	if (rc)
		return rc;
	if (tuple.catch_all)
		return draft_catch_all(port, attr, tuple.tag, actions, draft, error);
	return draft_flow(port, attr, &tuple, actions, draft, error);
}

static int enter_rule(struct sl_port *port, const struct draft *draft, struct rte_flow *flow,
	struct rte_flow_error *error)
{
	struct sl_card *card = port->card;
	/* Frames are counted by rule, so one that counts needs its own. */
	int rc = draft->count ? 1 : sl_prefixes_add(&card->prefixes, &draft->rule, draft->priority, port->owner, draft->tag,
						    &flow->member);

	if (rc == 0)
		flow->rule = flow->member->rule;
	if (rc <= 0)
		return rc ? card_error(error, rc, CLASS_FULL) : 0;
	rc = sl_card_set_tunnels(card, draft->rule.tunnel_mode);
	if (rc)
		return card_error(error, rc, CLASS_FULL);
	rc = sl_rules_add(&card->rules, &draft->rule, draft->priority, port->owner, &flow->rule);
	if (rc) {
		sl_card_set_tunnels(card, 0);
		return card_error(error, rc, CLASS_FULL);
	}
	flow->rule->tag = draft->tag;
	return 0;
}

static int enter_catch_all(struct sl_port *port, const struct draft *draft, struct rte_flow *flow,
			   struct rte_flow_error *error)
{
	int rc = sl_misses_add(&port->card->misses, &port->card->rules, &draft->catch_all, SL_METER_UNLIMITED);

	flow->tag = draft->catch_all.tag;
	return rc ? card_error(error, rc, "the card's catch-alls have too many tags") : 0;
}

/* The action entry of a connection, with a reference. */
static int get_action(struct sl_port *port, const struct draft *draft, struct rte_flow *flow)
{
	struct sl_card *card = port->card;
	const uint16_t mtu = rte_eth_devices[draft->rewrite.ethdev].data->mtu;
	struct sl_action content;
	int rc;

	if (draft->indirect) {
		rc = sl_indirect_entry(port, draft->indirect, draft->way, draft->egress, mtu, draft->key.family, &flow->action);
		if (rc == 0)
			sl_actions_ref(&card->actions, flow->action);
		return rc;
	}
	sl_compile_action(draft->rewrite.l2 == SL_REWRITE_L2_KEEP ? NULL : &draft->rewrite.encap, draft->egress, mtu,
		&content);
	return sl_actions_get(&card->actions, &content, false, &flow->action);
}

static int enter_flow(struct sl_port *port, struct draft *draft, struct rte_flow *flow, struct rte_flow_error *error)
{
	struct sl_card *card = port->card;
	int rc = get_action(port, draft, flow);

	if (rc == -EINVAL)
		return sl_refuse(error, EINVAL, RTE_FLOW_ERROR_TYPE_ACTION, draft->rewrite.l2_action,
			"the indirect action names another IP version than the packets that the rule matches");
	if (rc)
		return card_error(error, rc, "the card's action table is full");
	draft->record.action = flow->action;
	rc = sl_flows_add(&card->flows, &draft->key, &draft->record, &flow->flow);
	if (rc) {
		sl_card_doubt(card);
		sl_actions_put(&card->actions, flow->action);
		return card_error(error, rc, "the card's flow table has no room for this connection");
	}
	flow->indirect = draft->indirect;
	if (flow->indirect)
		sl_indirect_use(flow->indirect, draft->rewrite.copy_outer != 0);
	flow->way = draft->way;
	if (flow->way)
		flow->way->rules++;
	flow->mac = draft->rewrite.l2 == SL_REWRITE_L2_MACS;
	if (flow->mac)
		card->mac_flows[draft->key.tenant]++;
	flow->age = draft->rewrite.age;
	flow->age_s = draft->rewrite.age_s;
	flow->age_context = draft->rewrite.age_context;
	if (flow->age_s)
		sl_aged_watch(&card->aged, flow->flow->flow_id, flow, port->owner);
	card->flow_priority_max = RTE_MAX(card->flow_priority_max, draft->priority);
	return 0;
}

static int enter(struct sl_port *port, struct draft *draft, struct rte_flow *flow, struct rte_flow_error *error)
{
	flow->kind = draft->kind;
	flow->count = draft->count;
	flow->meter = draft->meter;
	switch (draft->kind) {
	case SL_RULE_CLASS: return enter_rule(port, draft, flow, error);
	case SL_RULE_CATCH_ALL: return enter_catch_all(port, draft, flow, error);
	default: return enter_flow(port, draft, flow, error);
	}
}

static int validate(struct rte_eth_dev *dev, const struct rte_flow_attr *attr, const struct rte_flow_item pattern[],
		    const struct rte_flow_action actions[], struct rte_flow_error *error)
{
	struct sl_port *port = sl_port_of(dev);
	struct draft draft;
	int rc;

	pthread_mutex_lock(&port->card->lock);
	rc = make_draft(port, attr, pattern, actions, &draft, error);
	pthread_mutex_unlock(&port->card->lock);
	return rc;
}

static struct rte_flow *create(struct rte_eth_dev *dev, const struct rte_flow_attr *attr,
	const struct rte_flow_item pattern[],
			       const struct rte_flow_action actions[], struct rte_flow_error *error)
{
	struct sl_port *port = sl_port_of(dev);
	struct rte_flow *flow = calloc(1, sizeof(*flow));
	struct draft draft;
	int rc;

	if (!flow) {
		card_error(error, -ENOMEM, NULL);
		return NULL;
	}
	pthread_mutex_lock(&port->card->lock);
	rc = make_draft(port, attr, pattern, actions, &draft, error);
	if (rc == 0)
		rc = enter(port, &draft, flow, error);
	if (rc == 0) {
		if (flow->meter >= 0)
			port->card->meter_refs[flow->meter]++;
		TAILQ_INSERT_TAIL(&port->flows, flow, next);
	}
	pthread_mutex_unlock(&port->card->lock);
	if (rc == 0)
		return flow;
	free(flow);
	return NULL;
}

static int leave_flow(struct sl_card *card, struct rte_flow *flow)
{
	const uint16_t tenant = flow->flow->key.tenant;
	const uint32_t flow_id = flow->flow->flow_id;
	int rc = sl_flows_remove(&card->flows, flow->flow);

	if (rc)
		return rc;
	if (flow->age_s)
		sl_aged_forget(&card->aged, flow_id);
	sl_actions_put(&card->actions, flow->action);
	if (flow->indirect)
		flow->indirect->rules--;
	if (flow->way)
		flow->way->rules--;
	if (flow->mac)
		card->mac_flows[tenant]--;
	return 0;
}

static int destroy_locked(struct sl_port *port, struct rte_flow *flow, struct rte_flow_error *error)
{
	struct sl_card *card = port->card;
	int rc;

	switch (flow->kind) {
	case SL_RULE_CLASS:
		rc = flow->member ? sl_prefixes_remove(&card->prefixes, flow->member) : sl_rules_remove(&card->rules, flow->rule);
		if (rc == 0)
			sl_card_set_tunnels(card, 0); /* if it does not answer, the next change tries again */
		break;
	case SL_RULE_CATCH_ALL:
		rc = sl_misses_remove(&card->misses, &card->rules, flow->tag, SL_METER_UNLIMITED);
		break;
	default: rc = leave_flow(card, flow); break;
	}
	if (rc)
		return card_error(error, rc, NULL);
	if (flow->meter >= 0)
		card->meter_refs[flow->meter]--;
	TAILQ_REMOVE(&port->flows, flow, next);
	free(flow);
	return 0;
}

static int destroy(struct rte_eth_dev *dev, struct rte_flow *flow, struct rte_flow_error *error)
{
	struct sl_port *port = sl_port_of(dev);
	int rc;

	pthread_mutex_lock(&port->card->lock);
	rc = destroy_locked(port, flow, error);
	pthread_mutex_unlock(&port->card->lock);
	return rc;
}

static int flush(struct rte_eth_dev *dev, struct rte_flow_error *error)
{
	struct sl_port *port = sl_port_of(dev);
	struct rte_flow *flow;
	int rc = 0;

	pthread_mutex_lock(&port->card->lock);
	while (rc == 0 && (flow = TAILQ_FIRST(&port->flows)) != NULL)
		rc = destroy_locked(port, flow, error);
	pthread_mutex_unlock(&port->card->lock);
	return rc;
}

static int query_count(struct sl_port *port, struct rte_flow *flow, struct rte_flow_query_count *count,
	struct rte_flow_error *error)
{
	struct sl_counter_pair now;
	struct sl_flow_cpl cpl;
	int rc;

	if (flow->kind == SL_RULE_CLASS) {
		rc = sl_rules_stats(&port->card->rules, flow->rule, &now);
	} else {
		rc = sl_flows_query(&port->card->flows, flow->flow, &cpl);
		now.packets = cpl.packets;
		now.bytes = cpl.bytes;
	}
	if (rc)
		return card_error(error, rc, NULL);
	count->hits_set = count->bytes_set = 1;
	count->hits = now.packets - flow->count_base.packets;
	count->bytes = now.bytes - flow->count_base.bytes;
	if (count->reset)
		flow->count_base = now;
	return 0;
}

static int query_age(struct sl_port *port, struct rte_flow *flow, struct rte_flow_query_age *age,
	struct rte_flow_error *error)
{
	struct sl_flow_cpl cpl;
	int rc = sl_flows_query(&port->card->flows, flow->flow, &cpl);

	if (rc)
		return card_error(error, rc, NULL);
	memset(age, 0, sizeof(*age));
	age->sec_since_last_hit_valid = 1;
	age->sec_since_last_hit = RTE_MIN(cpl.idle_ms / 1000, 0xffffffu);
	age->aged = flow->age_s && cpl.idle_ms / 1000 >= flow->age_s;
	return 0;
}

static int query(struct rte_eth_dev *dev, struct rte_flow *flow, const struct rte_flow_action *action, void *data,
		 struct rte_flow_error *error)
{
	struct sl_port *port = sl_port_of(dev);
	int rc;

	pthread_mutex_lock(&port->card->lock);
	if (action->type == RTE_FLOW_ACTION_TYPE_COUNT && flow->count)
		rc = query_count(port, flow, data, error);
	else if (action->type == RTE_FLOW_ACTION_TYPE_AGE && flow->age)
		rc = query_age(port, flow, data, error);
	else
		rc = sl_refuse(error, ENOTSUP, RTE_FLOW_ERROR_TYPE_ACTION, action,
			"the rule has no such action to ask, or the action cannot be asked");
	pthread_mutex_unlock(&port->card->lock);
	return rc;
}

static int get_aged_flows(struct rte_eth_dev *dev, void **contexts, uint32_t n, struct rte_flow_error *error)
{
	struct sl_port *port = sl_port_of(dev);
	struct sl_card *card = port->card;
	int rc;

	if (n && !contexts)
		return sl_refuse(error, EINVAL, RTE_FLOW_ERROR_TYPE_UNSPECIFIED, NULL, "there is no room for the contexts");
	if (!(card->caps.modes & SL_CARD_MODE_AGED))
		return sl_refuse(error, ENOTSUP, RTE_FLOW_ERROR_TYPE_UNSPECIFIED, NULL,
			"this card does not look for aged connections: query the rules");
	pthread_mutex_lock(&card->lock);
	rc = sl_aged_take(&card->aged, &card->flows, port->owner, contexts, n);
	pthread_mutex_unlock(&card->lock);
	return rc < 0 ? card_error(error, rc, NULL) : rc;
}

static int isolate(struct rte_eth_dev *dev, int set, struct rte_flow_error *error)
{
	(void)dev;
	return set ? sl_refuse(error, ENOTSUP, RTE_FLOW_ERROR_TYPE_UNSPECIFIED, NULL,
			"frames for the host's own network stack pass without a rule: isolated mode is not supported")
				: 0;
}

static int tunnel_decap_set(struct rte_eth_dev *dev, struct rte_flow_tunnel *tunnel, struct rte_flow_action **actions, uint32_t *n,
			    struct rte_flow_error *error)
{
	const int kind = sl_tunnel_kind(tunnel, error);

	(void)dev;
	if (kind < 0)
		return kind;
	*actions = sl_tunnel_action(kind);
	*n = 1;
	return 0;
}

static int tunnel_match(struct rte_eth_dev *dev, struct rte_flow_tunnel *tunnel, struct rte_flow_item **items, uint32_t *n,
			struct rte_flow_error *error)
{
	const int kind = sl_tunnel_kind(tunnel, error);

	(void)dev;
	if (kind < 0)
		return kind;
	*items = sl_tunnel_item(kind);
	*n = 1;
	return 0;
}

static int tunnel_action_release(struct rte_eth_dev *dev, struct rte_flow_action *actions, uint32_t n,
				 struct rte_flow_error *error)
{
	(void)dev;
	(void)actions;
	(void)n;
	(void)error;
	return 0;
}

static int tunnel_item_release(struct rte_eth_dev *dev, struct rte_flow_item *items, uint32_t n, struct rte_flow_error *error)
{
	(void)dev;
	(void)items;
	(void)n;
	(void)error;
	return 0;
}

static int dev_dump(struct rte_eth_dev *dev, struct rte_flow *flow, FILE *file, struct rte_flow_error *error)
{
	struct sl_port *port = sl_port_of(dev);
	int rc;

	pthread_mutex_lock(&port->card->lock);
	rc = sl_dump(port->card, flow, file);
	pthread_mutex_unlock(&port->card->lock);
	return rc ? card_error(error, rc, NULL) : 0;
}

/* --- indirect actions --------------------------------------------------------------------------------------------- */

/* What an indirect action is made of, or made anew of. */
struct indirect_content {
	bool is_way;
	struct sl_encap encap;
	uint16_t ethdev;
	uint8_t egress;
};

static int parse_indirect(const struct sl_port *port, const struct rte_flow_action *action, struct indirect_content *content,
			  struct rte_flow_error *error)
{
	const struct rte_flow_action_raw_encap *encap = action->conf;
	const struct rte_flow_action_ethdev *to = action->conf;
	int egress;

	content->is_way = action->type == RTE_FLOW_ACTION_TYPE_REPRESENTED_PORT;
	if ((action->type != RTE_FLOW_ACTION_TYPE_RAW_ENCAP && !content->is_way) || !action->conf)
		return sl_refuse(error, ENOTSUP, RTE_FLOW_ERROR_TYPE_ACTION, action,
			"indirect actions are made of raw_encap or represented_port only");
	if (!content->is_way)
		return sl_encap_parse(encap->data, encap->size, &content->encap, action, error);
	egress = sl_card_port_of(port->card, to->port_id);
	if (egress < 0)
		return sl_refuse(error, EINVAL, RTE_FLOW_ERROR_TYPE_ACTION_CONF, action, "this ethdev is not a port of the card");
	content->ethdev = to->port_id;
	content->egress = (uint8_t)egress;
	return 0;
}

static struct rte_flow_action_handle *handle_create(struct rte_eth_dev *dev,
	const struct rte_flow_indir_action_conf *conf,
						    const struct rte_flow_action *action, struct rte_flow_error *error)
{
	struct sl_port *port = sl_port_of(dev);
	struct indirect_content content;
	struct sl_indirect *indirect;

	if (!conf || !conf->transfer || conf->ingress || conf->egress) {
		sl_refuse(error, ENOTSUP, RTE_FLOW_ERROR_TYPE_ATTR_TRANSFER, conf,
			"indirect actions are for transfer rules");
		return NULL;
	}
	if (parse_indirect(port, action, &content, error))
		return NULL;
	pthread_mutex_lock(&port->card->lock);
	indirect = content.is_way ? sl_indirect_create_way(port, content.ethdev, content.egress) :
				    sl_indirect_create(port, &content.encap);
	pthread_mutex_unlock(&port->card->lock);
	if (!indirect)
		card_error(error, -ENOMEM, NULL);
	return (struct rte_flow_action_handle *)indirect;
}

static int handle_destroy(struct rte_eth_dev *dev, struct rte_flow_action_handle *handle, struct rte_flow_error *error)
{
	struct sl_port *port = sl_port_of(dev);
	struct sl_indirect *indirect;
	int rc;

	pthread_mutex_lock(&port->card->lock);
	indirect = sl_indirect_find(port, handle);
	rc = indirect ? sl_indirect_destroy(port, indirect) : -ENOENT;
	pthread_mutex_unlock(&port->card->lock);
	if (rc == -EBUSY)
		return sl_refuse(error, EBUSY, RTE_FLOW_ERROR_TYPE_HANDLE, handle, "rules use this indirect action");
	return rc ? sl_refuse(error, -rc, RTE_FLOW_ERROR_TYPE_HANDLE, handle,
		"this is not an indirect action of this port") : 0;
}

static int handle_update(struct rte_eth_dev *dev, struct rte_flow_action_handle *handle, const void *update,
			 struct rte_flow_error *error)
{
	struct sl_port *port = sl_port_of(dev);
	struct indirect_content content;
	struct sl_indirect *indirect;
	int rc = parse_indirect(port, update, &content, error);

	if (rc)
		return rc;
	pthread_mutex_lock(&port->card->lock);
	indirect = sl_indirect_find(port, handle);
	if (!indirect || indirect->is_way != content.is_way)
		rc = -ENOENT;
	else
		rc = content.is_way ? sl_indirect_move(port, indirect, content.ethdev, content.egress) :
				      sl_indirect_update(port, indirect, &content.encap);
	pthread_mutex_unlock(&port->card->lock);
	if (rc == -ENOENT)
		return sl_refuse(error, ENOENT, RTE_FLOW_ERROR_TYPE_HANDLE, handle,
			"this is not an indirect action of this port, or one of another kind");
	if (rc == -EINVAL)
		return sl_refuse(error, EINVAL, RTE_FLOW_ERROR_TYPE_ACTION_CONF, update,
			"rules that use the indirect action match packets of another IP version, or name its outer header's");
	return rc ? card_error(error, rc, NULL) : 0;
}

static int handle_query(struct rte_eth_dev *dev, const struct rte_flow_action_handle *handle, void *data,
			struct rte_flow_error *error)
{
	(void)dev;
	(void)data;
	return sl_refuse(error, ENOTSUP, RTE_FLOW_ERROR_TYPE_HANDLE, handle,
		"an encapsulation has nothing to ask: query the rules");
}

/* --- leaving ------------------------------------------------------------------------------------------------------ */

void sl_flow_leave(struct sl_port *port)
{
	struct sl_card *card = port->card;
	struct sl_indirect *indirect;
	struct rte_flow *flow;

	pthread_mutex_lock(&card->lock);
	while ((flow = TAILQ_FIRST(&port->flows)) != NULL) {
		TAILQ_REMOVE(&port->flows, flow, next);
		if (flow->kind == SL_RULE_CLASS && flow->member) {
			sl_prefixes_release(&card->prefixes, flow->member);
		} else if (flow->kind == SL_RULE_CLASS) {
			flow->rule->held = true;
		} else if (flow->kind == SL_RULE_CATCH_ALL) {
			sl_misses_drop(&card->misses, flow->tag);
		} else {
			if (flow->age_s)
				sl_aged_forget(&card->aged, flow->flow->flow_id);
			sl_flows_release(&card->flows, flow->flow);
			sl_actions_put(&card->actions, flow->action);
			if (flow->mac)
				card->mac_flows[flow->flow->key.tenant]--;
			if (flow->indirect)
				flow->indirect->rules--;
			if (flow->way)
				flow->way->rules--;
		}
		if (flow->meter >= 0)
			card->meter_refs[flow->meter]--;
		free(flow);
	}
	while ((indirect = TAILQ_FIRST(&port->indirects)) != NULL)
		sl_indirect_destroy(port, indirect);
	for (int i = 0; i < SL_METERS; i++)
		if (port->meters[i].used)
			card->meters_used &= ~(UINT64_C(1) << i);
	pthread_mutex_unlock(&card->lock);
}

const struct rte_flow_ops sl_flow_ops = {
	.validate = validate,
	.create = create,
	.destroy = destroy,
	.flush = flush,
	.query = query,
	.isolate = isolate,
	.get_aged_flows = get_aged_flows,
	.dev_dump = dev_dump,
	.action_handle_create = handle_create,
	.action_handle_destroy = handle_destroy,
	.action_handle_update = handle_update,
	.action_handle_query = handle_query,
	.tunnel_decap_set = tunnel_decap_set,
	.tunnel_match = tunnel_match,
	.tunnel_action_decap_release = tunnel_action_release,
	.tunnel_item_release = tunnel_item_release,
};
