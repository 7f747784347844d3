/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Admin commands on the maps. Programs read what is changed here at the same time:
 *
 *	rules     are copied to another table, changed there, and the table that counts is chosen by a byte; a table is written
 *	          again only when no program can be reading it
 *	prefixes  come into a free slot with the family last, and leave by the sets first
 *	actions   that are valid become invalid first (their flows' frames are the host's for that moment), and are filled when no
 *	          program can be sending by them any more; likewise for the short cut, which goes by their room (sl_xdp_room)
 *
 * The rest are single words.
 */
#include <bpf/bpf.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "driver/fpga/log.h"
#include "driver/xdp/datapath.h"
#include "driver/xdp/named.h"
#include "driver/xdp/offload.h"
#include "sluice/prefix.h"

#define NAME "sluice-xdp"
#define MODES 0x2fbfu /* all that the contract names but copies to the host and NAT between IPv4 and IPv6 */
#define LIST_PREFIXES 5u
#define PAIRS 14u
#define HOST_REASONS 128u /* from here on the host gives them */

/* -- counters -------------------------------------------------------------------------------------------------------- */

static struct sl_counter_pair sum_of(const struct sl_xdp *x, int map, uint32_t index)
{
	struct sl_counter_pair *pairs = calloc((size_t)x->cpus, sizeof(*pairs)), sum = { 0 };

	if (pairs && bpf_map_lookup_elem(map, &index, pairs) == 0) {
		for (int cpu = 0; cpu < x->cpus; cpu++) {
			sum.packets += pairs[cpu].packets;
			sum.bytes += pairs[cpu].bytes;
		}
	}
	free(pairs);
	return sum;
}

static void restart_count(const struct sl_xdp *x, uint32_t rule)
{
	struct sl_counter_pair *pairs = calloc((size_t)x->cpus, sizeof(*pairs));

	if (pairs)
		bpf_map_update_elem(x->maps.rule_count, &rule, pairs, BPF_ANY);
	free(pairs);
}

static uint8_t reason_stats(const struct sl_xdp *x, const struct sl_index_arg *arg, struct sl_counter_pair *answer)
{
	if (arg->index >= SL_REASONS)
		return SL_STATUS_BAD_INDEX;
	for (uint32_t i = 0; i < PAIRS && arg->index + i < HOST_REASONS; i++)
		answer[i] = sum_of(x, x->maps.reason_count, arg->index + i);
	return SL_STATUS_OK;
}

/* -- what is classified how ------------------------------------------------------------------------------------------ */

void sl_xdp_changed(struct sl_xdp *x)
{
	for (uint32_t p = 0; p < SL_PORTS_MAX; p++)
		__atomic_store_n(&x->maps.config[p].generation, 0, __ATOMIC_RELEASE);
	sl_xdp_offload_tell(x);
	x->changes++;
}

static const struct sl_class_table *rules_of(const struct sl_xdp *x)
{
	return &x->maps.rules[x->maps.config[0].rules_at % SL_XDP_RULE_TABLES];
}

/* What the short cut has to look at for these rules. */
static void short_cut(struct sl_xdp *x)
{
	const struct sl_class_table *t = rules_of(x);
	uint8_t tcp_flags = 0, ttl_max = 1;
	uint16_t tenant = 0;

	for (uint32_t i = SL_CLASS_RULES; i-- > 0;) {
		const struct sl_class_rule *r = &t->rule[i];

		if (!r->valid)
			continue;
		tcp_flags |= r->tcp_flags_mask;
		if (r->ttl_max != UINT8_MAX && r->ttl_max > ttl_max)
			ttl_max = r->ttl_max;
		if (r->verdict == SL_VERDICT_FLOWS && !(r->flags & SL_RULE_FLAG_DECAP))
			tenant = r->tenant;
	}
	for (uint32_t p = 0; p < SL_PORTS_MAX; p++) {
		struct sl_xdp_config *c = &x->maps.config[p];

		c->tcp_flags = tcp_flags;
		c->ttl_max = ttl_max;
		c->tenant = tenant;
	}
}

void sl_xdp_settle(struct sl_xdp *x)
{
	pthread_mutex_lock(&x->lock);
	if (x->maps.config[0].generation == 0 && x->changes == x->changes_seen) {
		sl_xdp_grace(); /* whoever classified by what was before has ended */
		x->rules_written = 0;
		short_cut(x);
		sl_xdp_named_make(x->maps.named, rules_of(x), x->maps.prefixes, x->maps.config, SL_PORTS_MAX);
		sl_xdp_grace(); /* whoever read that half made has ended before it counts */
		if (++x->generation == 0) {
			sl_xdp_table_forget_memos(&x->table);
			x->generation = 1;
		}
		for (uint32_t p = 0; p < SL_PORTS_MAX; p++)
			__atomic_store_n(&x->maps.config[p].generation, x->generation, __ATOMIC_RELEASE);
		sl_xdp_offload_tell(x);
	}
	x->changes_seen = x->changes;
	pthread_mutex_unlock(&x->lock);
}

static uint8_t rule_write(struct sl_xdp *x, const struct sl_rule_arg *arg)
{
	const struct sl_class_table *now = rules_of(x);
	const uint32_t next = (x->maps.config[0].rules_at + 1) % SL_XDP_RULE_TABLES;
	struct sl_class_table *t = &x->maps.rules[next];
	const uint64_t bit = UINT64_C(1) << (arg->index % SL_CLASS_RULES);

	if (arg->index >= SL_CLASS_RULES)
		return SL_STATUS_BAD_INDEX;
	if (arg->rule.flags & SL_RULE_FLAG_COPY) /* XDP cannot duplicate a frame */
		return SL_STATUS_BAD_VALUE;
	sl_xdp_changed(x);
	if (++x->rules_written == SL_XDP_RULE_TABLES) {
		sl_xdp_grace();
		x->rules_written = 1;
	}
	memcpy(t, now, sizeof(*t));
	t->rule[arg->index] = arg->rule;
	t->valid = arg->rule.valid ? t->valid | bit : t->valid & ~bit;
	t->asking = arg->rule.valid && sl_prefix_asked(&arg->rule) ? t->asking | bit : t->asking & ~bit;
	if (now->rule[arg->index].cookie != arg->rule.cookie)
		restart_count(x, arg->index);
	for (uint32_t p = 0; p < SL_PORTS_MAX; p++)
		__atomic_store_n(&x->maps.config[p].rules_at, (uint8_t)next, __ATOMIC_RELEASE);
	return SL_STATUS_OK;
}

static uint8_t rule_read(const struct sl_xdp *x, const struct sl_index_arg *arg, struct sl_rule_arg *answer)
{
	if (arg->index >= SL_CLASS_RULES)
		return SL_STATUS_BAD_INDEX;
	answer->index = arg->index;
	answer->rule = rules_of(x)->rule[arg->index];
	return SL_STATUS_OK;
}

/* -- prefixes -------------------------------------------------------------------------------------------------------- */

static struct sl_class_prefix *slots(const struct sl_xdp *x, uint32_t bucket)
{
	return &x->maps.prefixes[bucket].slot0;
}

static uint32_t used(const struct sl_xdp *x, uint32_t bucket)
{
	uint32_t n = 0;

	for (uint32_t way = 0; way < SL_PREFIX_WAYS; way++)
		n += slots(x, bucket)[way].family != 0;
	return n;
}

static void slot_clear(struct sl_class_prefix *slot)
{
	__atomic_store_n(&slot->sets, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&slot->family, 0, __ATOMIC_RELEASE);
}

static void slot_fill(struct sl_class_prefix *slot, const struct sl_class_prefix *with)
{
	const uint32_t sets = with->sets;
	struct sl_class_prefix fresh = *with;

	slot_clear(slot);
	fresh.sets = 0;
	fresh.family = 0;
	*slot = fresh;
	__atomic_store_n(&slot->sets, sets, __ATOMIC_RELEASE);
	__atomic_store_n(&slot->family, with->family, __ATOMIC_RELEASE);
}

/* But for the sets. */
static bool same(const struct sl_class_prefix *a, const struct sl_class_prefix *b)
{
	return memcmp(a->addr, b->addr, sizeof(a->addr)) == 0 && a->family == b->family && a->proto == b->proto &&
	       a->proto_mask == b->proto_mask && a->meter == b->meter && a->port_lo == b->port_lo && a->port_hi == b->port_hi;
}

static struct sl_class_prefix *free_slot(const struct sl_xdp *x, uint32_t bucket)
{
	for (uint32_t way = 0; way < SL_PREFIX_WAYS; way++)
		if (slots(x, bucket)[way].family == 0)
			return &slots(x, bucket)[way];
	return NULL;
}

/* As the firmware does: the emptier bucket, else a resident that has room in its own other bucket goes there first. */
static uint8_t prefix_insert(struct sl_xdp *x, const struct sl_prefix_arg *arg, const uint32_t bucket[2])
{
	struct sl_class_prefix *slot = free_slot(x, bucket[used(x, bucket[1]) < used(x, bucket[0])]);

	for (uint32_t i = 0; i < 2 * SL_PREFIX_WAYS && !slot; i++) {
		struct sl_class_prefix *resident = &slots(x, bucket[i / SL_PREFIX_WAYS])[i % SL_PREFIX_WAYS];
		const uint32_t other = sl_prefix_bucket_index(arg->table, i < SL_PREFIX_WAYS, sl_prefix_hash_of(resident, arg->table));
		struct sl_class_prefix *to = free_slot(x, other);

		if (!to)
			continue;
		slot_fill(to, resident);
		sl_xdp_grace(); /* whoever looked there before has ended when it is no longer here */
		slot = resident;
	}
	if (!slot)
		return SL_STATUS_NO_SPACE;
	slot_fill(slot, &arg->prefix);
	x->prefixes++;
	return SL_STATUS_OK;
}

static uint8_t prefix_set(struct sl_xdp *x, const struct sl_prefix_arg *arg)
{
	uint32_t bucket[2];
	bool found = false;

	if (arg->table > SL_PREFIX_TABLE_SRC_WIDE)
		return SL_STATUS_BAD_INDEX;
	sl_xdp_changed(x);
	for (uint32_t bank = 0; bank < 2; bank++) {
		bucket[bank] = sl_prefix_bucket_index(arg->table, bank, sl_prefix_hash_of(&arg->prefix, arg->table));
		for (uint32_t way = 0; way < SL_PREFIX_WAYS; way++) {
			struct sl_class_prefix *slot = &slots(x, bucket[bank])[way];

			if (slot->family == 0 || !same(slot, &arg->prefix))
				continue;
			found = true;
			if (arg->prefix.sets) {
				__atomic_store_n(&slot->sets, arg->prefix.sets, __ATOMIC_RELEASE);
				continue;
			}
			slot_clear(slot);
			x->prefixes--;
		}
	}
	if (found)
		return SL_STATUS_OK;
	return arg->prefix.sets ? prefix_insert(x, arg, bucket) : SL_STATUS_NOT_FOUND;
}

static uint8_t prefix_list(const struct sl_xdp *x, const struct sl_index_arg *arg, struct sl_prefix_list *list)
{
	struct sl_prefix_arg *entry = &list->entry0;

	if (arg->index >= SL_PREFIX_BUCKETS)
		return SL_STATUS_BAD_INDEX;
	list->total = x->prefixes;
	for (list->next = arg->index; list->next < SL_PREFIX_BUCKETS; list->next++) {
		if (list->count + used(x, list->next) > LIST_PREFIXES)
			break;
		for (uint32_t way = 0; way < SL_PREFIX_WAYS; way++) {
			const struct sl_class_prefix *slot = &slots(x, list->next)[way];

			if (slot->family == 0)
				continue;
			entry[list->count].table = list->next >> (SL_PREFIX_BUCKETS_LOG2 + 1);
			entry[list->count++].prefix = *slot;
		}
	}
	return SL_STATUS_OK;
}

/* -- actions and meters ---------------------------------------------------------------------------------------------- */

static void put_room(const struct sl_xdp *x, struct sl_action *a)
{
	__atomic_store_n(&a->reserved1, sl_xdp_room(a, &x->maps.config[0].pipeline), __ATOMIC_RELEASE);
}

void sl_xdp_rooms(const struct sl_xdp *x)
{
	for (uint32_t i = 0; i < SL_ACTIONS; i++)
		put_room(x, &x->maps.actions[i]);
}

static uint8_t action_write(struct sl_xdp *x, const struct sl_action_arg *arg)
{
	struct sl_action *a = &x->maps.actions[arg->index % SL_ACTIONS], fresh = arg->action;

	if (arg->index >= SL_ACTIONS)
		return SL_STATUS_BAD_INDEX;
	if (arg->action.hdr_len > SL_ACTION_HDR_BYTES)
		return SL_STATUS_BAD_VALUE;
	if (a->flags & SL_ACTION_FLAG_VALID) {
		sl_xdp_offload_action(x, arg->index);
		__atomic_store_n(&a->flags, 0, __ATOMIC_RELEASE);
		__atomic_store_n(&a->reserved1, 0, __ATOMIC_RELEASE);
		x->action_left[arg->index] = 1;
	}
	if (!(fresh.flags & SL_ACTION_FLAG_VALID) && x->action_left[arg->index]) {
		fresh = *a; /* nobody looks at the rest; it is filled when it is used again */
		fresh.generation = arg->action.generation;
	} else if (x->action_left[arg->index]) {
		sl_xdp_grace();
		memset(x->action_left, 0, sizeof(x->action_left));
	}
	fresh.flags = 0;
	fresh.reserved1 = 0;
	*a = fresh;
	__atomic_store_n(&a->flags, arg->action.flags, __ATOMIC_RELEASE);
	put_room(x, a);
	return SL_STATUS_OK;
}

static uint8_t action_read(const struct sl_xdp *x, const struct sl_index_arg *arg, struct sl_action_arg *answer)
{
	if (arg->index >= SL_ACTIONS)
		return SL_STATUS_BAD_INDEX;
	answer->index = arg->index;
	answer->action = x->maps.actions[arg->index];
	answer->action.reserved1 = 0;
	return SL_STATUS_OK;
}

static uint8_t meter_set(struct sl_xdp *x, const struct sl_meter_arg *arg)
{
	if (arg->index >= SL_METERS)
		return SL_STATUS_BAD_INDEX;
	if (arg->meter.burst > UINT16_MAX || (arg->meter.rate && !arg->meter.burst))
		return SL_STATUS_BAD_VALUE;
	sl_punt_set(&x->maps.meters[arg->index], arg->meter.rate, arg->meter.burst);
	return SL_STATUS_OK;
}

/* -- ports ----------------------------------------------------------------------------------------------------------- */

/* A flag of the interface that we do not clear if somebody else has set it. */
static void interface_flag(struct sl_xdp_port *p, short flag, bool wanted)
{
	if (wanted == ((p->flags_set & flag) != 0) || sl_xdp_link_flags(p->name, flag, wanted))
		return;
	p->flags_set = (short)(wanted ? p->flags_set | flag : p->flags_set & ~flag);
}

static uint8_t port_set(struct sl_xdp *x, const struct sl_port_config *arg)
{
	const uint8_t flags = (uint8_t)((arg->enable ? SL_PORT_FLAG_ENABLE : 0) | (arg->promisc ? SL_PORT_FLAG_PROMISCUOUS : 0) |
					(arg->allmulti ? SL_PORT_FLAG_ALL_MULTICAST : 0));

	if (arg->port >= SL_PORTS_MAX || !x->port[arg->port].ifindex)
		return SL_STATUS_BAD_INDEX;
	interface_flag(&x->port[arg->port], IFF_PROMISC, arg->promisc);
	interface_flag(&x->port[arg->port], IFF_ALLMULTI, arg->allmulti);
	for (uint32_t p = 0; p < SL_PORTS_MAX; p++)
		__atomic_store_n(&x->maps.config[p].pipeline.filter.port_flags[arg->port], flags, __ATOMIC_RELEASE);
	sl_xdp_rooms(x);
	sl_xdp_offload_tell(x);
	return SL_STATUS_OK;
}

static uint8_t port_get(const struct sl_xdp *x, const struct sl_index_arg *arg, struct sl_port_state *answer)
{
	struct sl_xdp_link link;

	if (arg->index >= SL_PORTS_MAX || !x->port[arg->index].ifindex)
		return SL_STATUS_BAD_INDEX;
	if (sl_xdp_link_get(x->port[arg->index].name, &link))
		return SL_STATUS_NOT_FOUND;
	answer->port = (uint8_t)arg->index;
	answer->link = link.running;
	answer->enable = x->maps.config[arg->index].pipeline.filter.port_flags[arg->index] & SL_PORT_FLAG_ENABLE;
	memcpy(answer->mac, link.mac, sizeof(answer->mac));
	answer->mtu = link.mtu;
	answer->speed_mbps = link.speed_mbps;
	return SL_STATUS_OK;
}

static uint8_t port_stats(const struct sl_xdp *x, const struct sl_index_arg *arg, struct sl_port_stats *answer)
{
	if (arg->index >= SL_PORTS_MAX || !x->port[arg->index].ifindex)
		return SL_STATUS_BAD_INDEX;
	return sl_xdp_link_stats(x->port[arg->index].ifindex, answer) ? SL_STATUS_NOT_FOUND : SL_STATUS_OK;
}

/* Also the interface's own address, so that its filter lets such frames in; and the short cut's. */
static uint8_t mac_set(struct sl_xdp *x, const struct sl_mac_filter *arg)
{
	const uint8_t *m = arg->mac;
	const uint32_t lo = m[0] | (uint32_t)m[1] << 8 | (uint32_t)m[2] << 16 | (uint32_t)m[3] << 24;
	const uint32_t hi = m[4] | (uint32_t)m[5] << 8 | (uint32_t)arg->port_mask << 16 | (arg->valid ? SL_MAC_HI_VALID : 0);
	struct sl_xdp_link link;

	if (arg->index >= SL_MAC_FILTERS)
		return SL_STATUS_BAD_INDEX;
	sl_xdp_changed(x);
	for (uint32_t p = 0; p < SL_PORTS_MAX; p++) {
		struct sl_xdp_config *c = &x->maps.config[p];

		__atomic_store_n(&c->pipeline.filter.mac_hi[arg->index], 0, __ATOMIC_RELEASE);
		__atomic_store_n(&c->pipeline.filter.mac_lo[arg->index], lo, __ATOMIC_RELEASE);
		__atomic_store_n(&c->pipeline.filter.mac_hi[arg->index], hi, __ATOMIC_RELEASE);
		if (!arg->valid || !(arg->port_mask >> p & 1) || !x->port[p].ifindex)
			continue;
		memcpy(c->mac, m, sizeof(c->mac));
		if (sl_xdp_link_get(x->port[p].name, &link) || memcmp(link.mac, m, sizeof(link.mac)) == 0)
			continue;
		if (sl_xdp_link_mac_set(x->port[p].name, m))
			SL_LOG(WARNING, "%s does not take the MAC address that was set: frames to it arrive only if the interface is promiscuous",
			       x->port[p].name);
	}
	return SL_STATUS_OK;
}

/* -- the datapath as a whole ----------------------------------------------------------------------------------------- */

static void get_caps(const struct sl_xdp *x, struct sl_caps *caps)
{
	*caps = (struct sl_caps){
		.abi_version = SL_ABI_VERSION,
		.ports = SL_PORTS_MAX,
		.table_log2 = (uint8_t)(x->maps.flows.log2_v4 + 3), /* two banks of buckets of four */
		.class_rules = SL_CLASS_RULES,
		.actions = SL_ACTIONS,
		.meters = SL_METERS,
		.flow_queues = 1,
		.frame_max = SL_FRAME_MAX,
		.prefixes = 2 * SL_PREFIX_WAYS << SL_PREFIX_BUCKETS_LOG2,
		.modes = MODES,
	};
	memcpy(caps->fw_name, NAME, sizeof(NAME));
}

static void get_health(const struct sl_xdp *x, struct sl_health *health)
{
	health->uptime_ms = sl_xdp_now(x);
	health->occupancy = x->table.occupancy;
	health->moves = x->table.moves;
	health->refused = x->table.refused;
}

static uint8_t vxlan_port(struct sl_xdp *x, const struct sl_index_arg *arg)
{
	sl_xdp_changed(x);
	for (uint32_t p = 0; p < SL_PORTS_MAX; p++)
		__atomic_store_n(&x->maps.config[p].pipeline.tunnels, arg->index, __ATOMIC_RELEASE);
	return SL_STATUS_OK;
}

static uint8_t miss_mark(struct sl_xdp *x, const struct sl_miss_arg *arg)
{
	for (uint32_t p = 0; p < SL_PORTS_MAX; p++) {
		struct sl_pipeline_config *c = &x->maps.config[p].pipeline;

		__atomic_store_n(&c->miss_mark_valid, 0, __ATOMIC_RELEASE);
		__atomic_store_n(&c->miss_mark, arg->mark, __ATOMIC_RELEASE);
		__atomic_store_n(&c->miss_mark_valid, arg->valid != 0, __ATOMIC_RELEASE);
	}
	return SL_STATUS_OK;
}

/* Flows that an earlier driver was told of are told of again; the period is the caller's own. */
static uint8_t age_set(struct sl_xdp *x)
{
	for (uint32_t id = 0; id < x->table.ids; id++)
		x->maps.flows.meta[id].told = 0;
	return SL_STATUS_OK;
}

static uint8_t run(struct sl_xdp *x, enum sl_admin_op op, const void *arg, void *answer)
{
	switch (op) {
	case SL_ADMIN_OP_NOP: return SL_STATUS_OK;
	case SL_ADMIN_OP_GET_CAPS: get_caps(x, answer); return SL_STATUS_OK;
	case SL_ADMIN_OP_HEALTH_GET: get_health(x, answer); return SL_STATUS_OK;
	case SL_ADMIN_OP_PORT_SET: return port_set(x, arg);
	case SL_ADMIN_OP_PORT_GET: return port_get(x, arg, answer);
	case SL_ADMIN_OP_PORT_STATS: return port_stats(x, arg, answer);
	case SL_ADMIN_OP_MAC_SET: return mac_set(x, arg);
	case SL_ADMIN_OP_RULE_WRITE: return rule_write(x, arg);
	case SL_ADMIN_OP_RULE_READ: return rule_read(x, arg, answer);
	case SL_ADMIN_OP_RULE_STATS:
		if (((const struct sl_index_arg *)arg)->index >= SL_CLASS_RULES)
			return SL_STATUS_BAD_INDEX;
		*(struct sl_counter_pair *)answer = sum_of(x, x->maps.rule_count, ((const struct sl_index_arg *)arg)->index);
		return SL_STATUS_OK;
	case SL_ADMIN_OP_ACTION_WRITE: return action_write(x, arg);
	case SL_ADMIN_OP_ACTION_READ: return action_read(x, arg, answer);
	case SL_ADMIN_OP_METER_SET: return meter_set(x, arg);
	case SL_ADMIN_OP_REASON_STATS: return reason_stats(x, arg, answer);
	case SL_ADMIN_OP_VXLAN_PORT: return vxlan_port(x, arg);
	case SL_ADMIN_OP_MISS_MARK: return miss_mark(x, arg);
	case SL_ADMIN_OP_PREFIX_SET: return prefix_set(x, arg);
	case SL_ADMIN_OP_PREFIX_LIST: return prefix_list(x, arg, answer);
	case SL_ADMIN_OP_AGE_SET: return age_set(x);
	default: return SL_STATUS_BAD_OPCODE; /* of a card with firmware */
	}
}

uint8_t sl_xdp_admin(struct sl_datapath *dp, enum sl_admin_op op, const void *arg, void *answer)
{
	struct sl_xdp *x = sl_xdp_of(dp);
	uint8_t status;

	pthread_mutex_lock(&x->lock);
	status = run(x, op, arg, answer);
	pthread_mutex_unlock(&x->lock);
	return status;
}
