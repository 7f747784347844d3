/* SPDX-License-Identifier: BSD-3-Clause */
/* Parsing of group-1 patterns. A field that is missing would match any value, which a flow table cannot do. */
#include "driver/flow/tuple.h"

#include <string.h>

#include "driver/flow/item.h"
#include "driver/flow/refuse.h"

struct parser {
	struct sl_tuple *tuple;
	struct rte_flow_error *error;
	bool meta, eth, ip, l4;
};

#define BAD(p, item, sentence) sl_refuse((p)->error, EINVAL, RTE_FLOW_ERROR_TYPE_ITEM, item, sentence)
#define CANNOT(p, type, item, sentence) sl_refuse((p)->error, ENOTSUP, RTE_FLOW_ERROR_TYPE_##type, item, sentence)

static int parse_meta(struct parser *p, const struct rte_flow_item *item)
{
	static const struct rte_flow_item_meta supported = {.data = UINT32_MAX};
	struct rte_flow_item_meta spec, last, mask;
	int rc = SL_ITEM_READ(item, meta, &supported, NULL, p->error);

	if (rc)
		return rc;
	if (p->meta)
		return BAD(p, item, "meta stands once");
	if (mask.data != UINT32_MAX)
		return CANNOT(p, ITEM_MASK, item, "the tenant (meta) is matched whole: mask 0xffffffff");
	if (spec.data > UINT16_MAX)
		return CANNOT(p, ITEM_SPEC, item, "a tenant (meta) is a number from 0 to 65535");
	p->meta = true;
	p->tuple->tenant = (uint16_t)spec.data;
	return 0;
}

static int parse_tag(struct parser *p, const struct rte_flow_item *item)
{
	static const struct rte_flow_item_tag supported = {.data = UINT32_MAX, .index = UINT8_MAX};
	struct rte_flow_item_tag spec, last, mask;
	int rc = SL_ITEM_READ(item, tag, &supported, NULL, p->error);

	if (rc)
		return rc;
	if (p->tuple->tag)
		return BAD(p, item, "tag stands once");
	if (mask.data != UINT32_MAX || spec.index || !spec.data)
		return CANNOT(p, ITEM_MASK, item,
			"there is one tag, index 0, matched whole: mask 0xffffffff and a number other than 0");
	p->tuple->tag = spec.data;
	return 0;
}

static int parse_eth(struct parser *p, const struct rte_flow_item *item)
{
	static const uint8_t nothing[sizeof(struct rte_flow_item_eth)];
	struct rte_flow_item_eth spec, last, mask;

	if (p->eth || p->ip)
		return BAD(p, item, "eth stands once, before the IP item");
	p->eth = true;
	return SL_ITEM_READ(item, eth, nothing, NULL, p->error);
}

static bool full(const uint8_t *mask, unsigned int n)
{
	return sl_item_prefix(mask, n) == (int)n * 8;
}

static int parse_ipv4(struct parser *p, const struct rte_flow_item *item)
{
	static const struct rte_flow_item_ipv4 supported = {.hdr = {.src_addr = UINT32_MAX, .dst_addr = UINT32_MAX}};
	struct rte_flow_item_ipv4 spec, last, mask;
	int rc = SL_ITEM_READ(item, ipv4, &supported, NULL, p->error);

	if (rc)
		return rc;
	if (p->ip)
		return BAD(p, item, "one IP item");
	if (!full((uint8_t *)&mask.hdr.src_addr, 4) || !full((uint8_t *)&mask.hdr.dst_addr, 4))
		return CANNOT(p, ITEM_MASK, item, "group 1 matches exact tuples: both addresses, whole");
	p->ip = true;
	p->tuple->family = 4;
	memcpy(p->tuple->src, &spec.hdr.src_addr, 4);
	memcpy(p->tuple->dst, &spec.hdr.dst_addr, 4);
	return 0;
}

static int parse_ipv6(struct parser *p, const struct rte_flow_item *item)
{
	static const struct rte_flow_item_ipv6 supported = {.hdr = {
		.src_addr = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
		.dst_addr = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
	}};
	struct rte_flow_item_ipv6 spec, last, mask;
	int rc = SL_ITEM_READ(item, ipv6, &supported, NULL, p->error);

	if (rc)
		return rc;
	if (p->ip)
		return BAD(p, item, "one IP item");
	if (!full(mask.hdr.src_addr, 16) || !full(mask.hdr.dst_addr, 16))
		return CANNOT(p, ITEM_MASK, item, "group 1 matches exact tuples: both addresses, whole");
	p->ip = true;
	p->tuple->family = 6;
	memcpy(p->tuple->src, spec.hdr.src_addr, 16);
	memcpy(p->tuple->dst, spec.hdr.dst_addr, 16);
	return 0;
}

static int parse_ports(struct parser *p, const struct rte_flow_item *item, uint8_t proto, const uint16_t spec[2],
	const uint16_t mask[2])
{
	if (!p->ip || p->l4)
		return BAD(p, item, "one tcp or udp item, after the IP item");
	if (mask[0] != UINT16_MAX || mask[1] != UINT16_MAX)
		return CANNOT(p, ITEM_MASK, item, "group 1 matches exact tuples: both ports, whole");
	p->l4 = true;
	p->tuple->proto = proto;
	p->tuple->sport = spec[0];
	p->tuple->dport = spec[1];
	return 0;
}

static int parse_tcp(struct parser *p, const struct rte_flow_item *item)
{
	static const struct rte_flow_item_tcp supported = {.hdr = {.src_port = UINT16_MAX, .dst_port = UINT16_MAX}};
	struct rte_flow_item_tcp spec, last, mask;
	int rc = SL_ITEM_READ(item, tcp, &supported, NULL, p->error);

	return rc ? rc : parse_ports(p, item, 6, (const uint16_t[]){spec.hdr.src_port, spec.hdr.dst_port},
				     (const uint16_t[]){mask.hdr.src_port, mask.hdr.dst_port});
}

static int parse_udp(struct parser *p, const struct rte_flow_item *item)
{
	static const struct rte_flow_item_udp supported = {.hdr = {.src_port = UINT16_MAX, .dst_port = UINT16_MAX}};
	struct rte_flow_item_udp spec, last, mask;
	int rc = SL_ITEM_READ(item, udp, &supported, NULL, p->error);

	return rc ? rc : parse_ports(p, item, 17, (const uint16_t[]){spec.hdr.src_port, spec.hdr.dst_port},
				     (const uint16_t[]){mask.hdr.src_port, mask.hdr.dst_port});
}

static int parse_item(struct parser *p, const struct rte_flow_item *item)
{
	switch (item->type) {
	case RTE_FLOW_ITEM_TYPE_VOID: return 0;
	case RTE_FLOW_ITEM_TYPE_META: return parse_meta(p, item);
	case RTE_FLOW_ITEM_TYPE_TAG: return parse_tag(p, item);
	case RTE_FLOW_ITEM_TYPE_ETH: return parse_eth(p, item);
	case RTE_FLOW_ITEM_TYPE_IPV4: return parse_ipv4(p, item);
	case RTE_FLOW_ITEM_TYPE_IPV6: return parse_ipv6(p, item);
	case RTE_FLOW_ITEM_TYPE_TCP: return parse_tcp(p, item);
	case RTE_FLOW_ITEM_TYPE_UDP: return parse_udp(p, item);
	default: return CANNOT(p, ITEM, item, "group 1 matches meta, eth, ipv4, ipv6, tcp and udp, and a tag in a catch-all");
	}
}

int sl_tuple_parse(const struct rte_flow_item pattern[], struct sl_tuple *tuple, struct rte_flow_error *error)
{
	struct parser p = {.tuple = tuple, .error = error};
	const struct rte_flow_item *item;

	memset(tuple, 0, sizeof(*tuple));
	for (item = pattern; item->type != RTE_FLOW_ITEM_TYPE_END; item++) {
		int rc = parse_item(&p, item);

		if (rc)
			return rc;
	}
	if (!p.meta && !p.ip) {
		tuple->catch_all = true;
		return 0;
	}
	if (tuple->tag)
		return CANNOT(&p, ITEM, item, "only a catch-all of group 1 matches a tag");
	if (!p.meta)
		return CANNOT(&p, ITEM, item,
			"a connection belongs to one tenant: without meta the rule would mean any");
	if (!p.ip || !p.l4)
		return CANNOT(&p, ITEM, item, "group 1 matches exact tuples: meta, ipv4 or ipv6, and tcp or udp");
	return 0;
}
