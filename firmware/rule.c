/* SPDX-License-Identifier: BSD-3-Clause */
/* Classification rules. */
#include "firmware/rule.h"

#include <stddef.h>

#include "firmware/hal.h"
#include "firmware/table.h"

static bool all_zero(const uint8_t *bytes, size_t n)
{
	uint8_t any = 0;

	for (size_t i = 0; i < n; i++)
		any |= bytes[i];
	return any == 0;
}

static bool family_good(uint8_t family)
{
	return family == 0 || family == 4 || family == 6;
}

/* The prefix fits the family and the address has no bit beyond it. */
static bool prefix_good(const uint8_t *address, uint32_t plen, uint8_t family)
{
	const uint32_t max = family == 4 ? 32 : family == 6 ? 128 : 0;

	if (plen > max)
		return false;
	for (uint32_t i = plen / 8; i < 16; i++) {
		const uint8_t mask = i == plen / 8 ? (uint8_t)(0xff00u >> plen % 8) : 0;

		if (address[i] & (uint8_t)~mask)
			return false;
	}
	return true;
}

static bool verdict_good(const struct sl_class_rule *r)
{
	const uint8_t only_flows = SL_RULE_FLAG_COPY | SL_RULE_FLAG_DECAP;

	if (r->valid > 1 || r->verdict > SL_VERDICT_FLOWS || r->meter >= SL_METERS)
		return false;
	if (r->flags & ~(only_flows | SL_RULE_FLAG_MARK))
		return false;
	return r->verdict == SL_VERDICT_FLOWS || !(r->flags & only_flows);
}

static bool link_layer_good(const struct sl_class_rule *r)
{
	for (size_t i = 0; i < sizeof(r->dmac); i++)
		if (r->dmac[i] & (uint8_t)~r->dmac_mask[i])
			return false;
	return r->vlan_mode <= SL_VLAN_MODE_SINGLE && r->vid <= 0xfff && r->vid2 <= 0xfff;
}

static bool network_good(const struct sl_class_rule *r)
{
	if (!family_good(r->l3) || !prefix_good(r->src, r->src_plen, r->l3) || !prefix_good(r->dst, r->dst_plen, r->l3))
		return false;
	if (r->frag > SL_FRAG_MODE_YES)
		return false;
	return r->proto_mask == 0 || r->proto_mask == 0xff;
}

static bool transport_good(const struct sl_class_rule *r)
{
	if (r->sport_lo > r->sport_hi || r->dport_lo > r->dport_hi)
		return false;
	return r->tcp_flags_mask == 0 || !(r->tcp_flags & ~r->tcp_flags_mask);
}

static bool tunnel_good(const struct sl_class_rule *r)
{
	if (r->tunnel_mode > SL_TUNNEL_MODE_IPIP || !family_good(r->inner_l3))
		return false;
	if (r->tunnel_mode != SL_TUNNEL_MODE_GRE && (r->vni > 0xffffff || r->vni_mask > 0xffffff))
		return false;
	return r->tunnel_mode < SL_TUNNEL_MODE_VNI || !(r->vni & ~r->vni_mask);
}

static bool asks_good(const struct sl_class_rule *r)
{
	return r->prefix_mode == SL_PREFIX_MODE_NONE ? r->prefix_set == 0
	     : r->prefix_mode <= SL_PREFIX_MODE_SRC && r->prefix_set < SL_PREFIX_SETS;
}

bool sl_rule_good(const struct sl_class_rule *r)
{
	return verdict_good(r) && link_layer_good(r) && network_good(r) && transport_good(r) && tunnel_good(r) && asks_good(r) &&
	       all_zero(r->reserved1, sizeof(r->reserved1)) && all_zero(r->reserved2, sizeof(r->reserved2));
}

enum sl_status sl_rule_run_write(struct sl_firmware *fw, struct sl_command *c)
{
	const struct sl_rule_arg *arg = &c->arg.rule;

	(void)fw;
	if (arg->index >= SL_CLASS_RULES)
		return SL_STATUS_BAD_INDEX;
	if (arg->reserved0 || !sl_rule_good(&arg->rule))
		return SL_STATUS_BAD_VALUE;
	return sl_table_write(SL_CSR_TABLE_CLASS, arg->index, &arg->rule, sizeof(arg->rule));
}

enum sl_status sl_rule_run_read(struct sl_firmware *fw, struct sl_command *c)
{
	const uint32_t index = c->arg.index.index;

	(void)fw;
	if (index >= SL_CLASS_RULES)
		return SL_STATUS_BAD_INDEX;
	if (c->arg.index.reserved0)
		return SL_STATUS_BAD_VALUE;
	c->answer.rule.index = index;
	c->answer_len = sizeof(c->answer.rule);
	return sl_table_read(SL_CSR_TABLE_CLASS, index, &c->answer.rule.rule, sizeof(c->answer.rule.rule));
}

enum sl_status sl_rule_run_stats(struct sl_firmware *fw, struct sl_command *c)
{
	const uint32_t index = c->arg.index.index;

	(void)fw;
	if (index >= SL_CLASS_RULES)
		return SL_STATUS_BAD_INDEX;
	if (c->arg.index.reserved0)
		return SL_STATUS_BAD_VALUE;
	c->answer_len = sizeof(c->answer.pairs[0]);
	return sl_table_read(SL_CSR_TABLE_RULE, index, &c->answer.pairs[0], sizeof(c->answer.pairs[0]));
}
