/* SPDX-License-Identifier: BSD-3-Clause */
/* Text of rules, flows and actions. Everything printed comes from the card; only "held" is this process's knowledge. */
#include "driver/fpga/dump.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "driver/fpga/rte_flow_rule.h"
#include "sluice/prefix.h"

struct dump {
	struct sl_card *card;
	FILE *file;
	uint8_t *seen;  /* actions named by flows, one byte each */
	uint32_t left;  /* flows not yet found */
};

static const char *address(uint8_t family, const uint8_t *bytes, char text[INET6_ADDRSTRLEN])
{
	return inet_ntop(family == 6 ? AF_INET6 : AF_INET, bytes, text, INET6_ADDRSTRLEN);
}

static void print_bytes(FILE *file, const uint8_t *bytes, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		fprintf(file, "%02x", bytes[i]);
}

static void print_match(FILE *file, const struct sl_class_rule *r)
{
	char text[INET6_ADDRSTRLEN];
	static const uint8_t none[6];

	fprintf(file, " ports 0x%x", r->port_mask);
	if (memcmp(r->dmac_mask, none, 6)) {
		fprintf(file, " dmac ");
		print_bytes(file, r->dmac, 6);
		fprintf(file, "/");
		print_bytes(file, r->dmac_mask, 6);
	}
	fprintf(file, " vlan %s", sl_vlan_mode_name(r->vlan_mode) ? sl_vlan_mode_name(r->vlan_mode) : "?");
	if (r->vlan_mode >= SL_VLAN_MODE_VID)
		fprintf(file, " %u", r->vid);
	if (r->vlan_mode == SL_VLAN_MODE_QINQ)
		fprintf(file, ".%u", r->vid2);
	if (r->ethertype)
		fprintf(file, " ethertype 0x%04x", r->ethertype);
	if (r->l3)
		fprintf(file, " ipv%u", r->l3);
	if (r->src_plen)
		fprintf(file, " src %s/%u", address(r->l3, r->src, text), r->src_plen);
	if (r->dst_plen)
		fprintf(file, " dst %s/%u", address(r->l3, r->dst, text), r->dst_plen);
	if (r->proto_mask)
		fprintf(file, " proto %u", r->proto);
	if (r->sport_lo != 0 || r->sport_hi != UINT16_MAX)
		fprintf(file, " sport %u-%u", r->sport_lo, r->sport_hi);
	if (r->dport_lo != 0 || r->dport_hi != UINT16_MAX)
		fprintf(file, " dport %u-%u", r->dport_lo, r->dport_hi);
	if (r->tunnel_mode != SL_TUNNEL_MODE_ANY)
		fprintf(file, " tunnel %s", sl_tunnel_mode_name(r->tunnel_mode) ? sl_tunnel_mode_name(r->tunnel_mode)
			: "?");
	if (r->vni_mask)
		fprintf(file, " vni %u/0x%x", r->vni, r->vni_mask);
	if (r->inner_l3)
		fprintf(file, " inner ipv%u", r->inner_l3);
	if (r->inner_proto)
		fprintf(file, " inner proto %u", r->inner_proto);
	if (r->tcp_flags_mask)
		fprintf(file, " flags 0x%02x/0x%02x", r->tcp_flags, r->tcp_flags_mask);
	if (r->frag != SL_FRAG_MODE_ANY)
		fprintf(file, " fragment %s", sl_frag_mode_name(r->frag) ? sl_frag_mode_name(r->frag) : "?");
	if (r->prefix_mode)
		fprintf(file, " prefix %s set %u", r->prefix_mode == SL_PREFIX_MODE_DST ? "dst" : "src", r->prefix_set);
	if (r->ttl_max != 255)
		fprintf(file, " ttl 0-%u", r->ttl_max);
}

static int print_rule(const struct dump *d, uint32_t index)
{
	const struct sl_rule *known = d->card->rules.slots[index];
	struct sl_counter_pair stats = {0};
	struct sl_class_rule r;
	int rc = sl_rules_read(&d->card->rules, index, &r);

	if (rc || !r.valid)
		return rc;
	if (known)
		rc = sl_rules_stats(&d->card->rules, known, &stats);
	fprintf(d->file, "rule %u:", index);
	print_match(d->file, &r);
	fprintf(d->file, " -> %s", sl_verdict_name(r.verdict) ? sl_verdict_name(r.verdict) : "?");
	if (r.verdict == SL_VERDICT_FLOWS)
		fprintf(d->file, " tenant %u", r.tenant);
	if (r.flags & SL_RULE_FLAG_MARK)
		fprintf(d->file, " mark %u", r.mark);
	if (r.flags & SL_RULE_FLAG_DECAP)
		fprintf(d->file, " decap");
	if (r.flags & SL_RULE_FLAG_COPY)
		fprintf(d->file, " copy mark %u", r.copy_mark);
	fprintf(d->file, " meter %u owner %u packets %" PRIu64 " bytes %" PRIu64 "%s\n", r.meter,
		(unsigned int)(r.cookie >> 56),
		stats.packets, stats.bytes, known && known->held ? " held" : "");
	return rc;
}

static void print_nat(FILE *file, const struct sl_flow_state *s)
{
	char text[INET6_ADDRSTRLEN];

	if (s->record.flags & SL_RECORD_FLAG_NAT_SRC)
		fprintf(file, " src := %s %u", address(s->key.family, s->record.new_src, text),
			ntohs(s->record.new_sport));
	if (s->record.flags & SL_RECORD_FLAG_NAT_DST)
		fprintf(file, " dst := %s %u", address(s->key.family, s->record.new_dst, text),
			ntohs(s->record.new_dport));
	if (s->record.flags & SL_RECORD_FLAG_DEC_TTL)
		fprintf(file, " dec_ttl");
	if (s->record.flags & SL_RECORD_FLAG_COPY_ECN)
		fprintf(file, " copy_ecn");
	if (s->record.flags & SL_RECORD_FLAG_COPY_DSCP)
		fprintf(file, " copy_dscp");
}

static int print_flow(void *ctx, uint32_t flow_id, const struct sl_flow_state *s)
{
	struct dump *d = ctx;
	char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN];
	void *known = NULL;

	if (s->record.action < d->card->actions.count)
		d->seen[s->record.action] = 1;
	rte_hash_lookup_data(d->card->flows.by_key, &s->key, &known);
	fprintf(d->file, "flow %u: tenant %u %s %s %u -> %s %u", flow_id, s->key.tenant, s->key.proto == 6 ? "tcp"
		: "udp",
		address(s->key.family, s->key.src, src), ntohs(s->key.sport), address(s->key.family, s->key.dst, dst),
			ntohs(s->key.dport));
	print_nat(d->file, s);
	fprintf(d->file, " action %u owner %u packets %" PRIu64 " bytes %" PRIu64 " idle %u ms%s\n", s->record.action,
		s->record.owner,
		s->counters.packets, s->counters.bytes, s->counters.now_ms - s->counters.last_seen_ms,
		known && ((struct sl_flow *)known)->held ? " held" : "");
	return d->left && --d->left == 0;
}

static int print_action(const struct dump *d, uint32_t index)
{
	struct sl_action a;
	int rc = sl_actions_read(&d->card->actions, index, &a);

	if (rc)
		return rc;
	fprintf(d->file, "action %u:%s port %u mtu %u generation %u", index, a.flags & SL_ACTION_FLAG_VALID ? ""
		: " invalid", a.port, a.mtu,
		a.generation);
	if (a.flags & SL_ACTION_FLAG_STRIP_L2) {
		fprintf(d->file, " header ");
		print_bytes(d->file, a.hdr, a.hdr_len <= sizeof(a.hdr) ? a.hdr_len : sizeof(a.hdr));
	}
	if (a.flags & (SL_ACTION_FLAG_OUTER_V4 | SL_ACTION_FLAG_OUTER_V6))
		fprintf(d->file, " outer ipv%u at %u", a.flags & SL_ACTION_FLAG_OUTER_V4 ? 4 : 6, a.l3_off);
	if (a.flags & SL_ACTION_FLAG_OUTER_UDP)
		fprintf(d->file, " udp at %u", a.l4_off);
	fprintf(d->file, "\n");
	return 0;
}

static void print_catch_all(const struct dump *d, const struct sl_catch_all *c)
{
	fprintf(d->file, "miss: mark %s%u meter %u", c->mark_set ? "" : "none ", c->mark, c->meter);
	if (c->tag)
		fprintf(d->file, " tag %u", c->tag);
	fprintf(d->file, "\n");
}

static int print_prefix(void *ctx, const struct sl_prefix_arg *arg)
{
	const struct sl_class_prefix *p = &arg->prefix;
	const struct dump *d = ctx;
	char text[INET6_ADDRSTRLEN];

	inet_ntop(p->family == 6 ? AF_INET6 : AF_INET, p->addr, text, sizeof(text));
	fprintf(d->file, "prefix: %s %s", arg->table < SL_PREFIX_TABLE_SRC_EXACT ? "dst" : "src", text);
	if (p->proto_mask)
		fprintf(d->file, " proto %u", p->proto);
	if (p->port_lo != 0 || p->port_hi != 0xffff)
		fprintf(d->file, " ports %u-%u", p->port_lo, p->port_hi);
	fprintf(d->file, " sets %#x", p->sets);
	if (p->meter != SL_PREFIX_METER_RULE)
		fprintf(d->file, " meter %u", p->meter);
	fprintf(d->file, "\n");
	return 0;
}

static int dump_member(struct dump *d, const struct sl_prefix_member *member)
{
	struct sl_prefix_arg arg = {.prefix = member->prefix, .table = sl_prefix_table_of(&member->prefix, member->mode)};

	arg.prefix.sets = 1u << member->rule->content.prefix_set;
	return print_prefix(d, &arg);
}

static int dump_one(struct dump *d, const struct rte_flow *flow)
{
	int rc;

	switch (flow->kind) {
	case SL_RULE_CLASS:
		rc = print_rule(d, flow->rule->index);
		return rc || !flow->member ? rc : dump_member(d, flow->member);
	case SL_RULE_FLOW:
		rc = sl_flowq_dump(&d->card->flowq, flow->flow->flow_id, 1, print_flow, d);
		return rc < 0 ? rc : print_action(d, flow->action);
	default:
		print_catch_all(d, sl_misses_find(&d->card->misses, flow->tag));
		return 0;
	}
}

static int dump_all(struct dump *d)
{
	struct sl_card *card = d->card;
	struct sl_health health;
	int rc = sl_admin_exec(&card->admin, SL_ADMIN_OP_HEALTH_GET, NULL, 0, &health, sizeof(health));

	for (uint32_t i = 0; i < card->rules.count && rc == 0; i++)
		rc = print_rule(d, i);
	if (rc == 0)
		rc = sl_prefixes_read(&card->prefixes, print_prefix, d);
	d->left = health.occupancy;
	if (rc == 0 && d->left)
		rc = sl_flowq_dump(&card->flowq, 0, 1u << card->caps.table_log2, print_flow, d);
	for (uint32_t i = 0; i < card->actions.count && rc >= 0; i++)
		if (d->seen[i] || card->actions.entries[i].refs)
			rc = print_action(d, i);
	return rc < 0 ? rc : 0;
}

int sl_dump(struct sl_card *card, const struct rte_flow *flow, FILE *file)
{
	struct dump d = {.card = card, .file = file, .seen = calloc(1, card->actions.count)};
	int rc;

	if (!d.seen)
		return -ENOMEM;
	rc = flow ? dump_one(&d, flow) : dump_all(&d);
	free(d.seen);
	return rc;
}
