/* SPDX-License-Identifier: BSD-3-Clause */
/* Parsing and completing header templates. */
#include "driver/flow/encap.h"

#include <string.h>

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_udp.h>
#include <rte_vxlan.h>

#include "driver/flow/refuse.h"
#include "sluice/contract.h"

_Static_assert(SL_ENCAP_MAX == SL_ACTION_HDR_BYTES, "a template must fit the card's action entry");

struct parser {
	struct sl_encap *encap;
	size_t at;             /* parsed so far */
	const void *cause;
	struct rte_flow_error *error;
};

#define GRE_LEN 4
#define GUE_LEN 4
#define GENEVE_LEN 8
#define PROTO_GRE 47
#define ETHERTYPE_TEB 0x6558 /* transparent Ethernet bridging */

#define CANNOT(p, sentence) sl_refuse((p)->error, ENOTSUP, RTE_FLOW_ERROR_TYPE_ACTION_CONF, (p)->cause, sentence)

static uint16_t load16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static void store16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static bool room(const struct parser *p, size_t n)
{
	return p->encap->len - p->at >= n;
}

static uint8_t family_of_type(uint16_t ethertype)
{
	return ethertype == RTE_ETHER_TYPE_IPV4 ? 4 : ethertype == RTE_ETHER_TYPE_IPV6 ? 6 : 0;
}

/* A tag's type: of the only or inner one 0x8100, of the outer one of two 0x88a8 too. */
static bool is_tag(const struct parser *p, unsigned int tags)
{
	const uint16_t type = load16(p->encap->hdr + p->encap->type_off);

	return tags < 2 && (type == RTE_ETHER_TYPE_VLAN || (tags == 0 && type == RTE_ETHER_TYPE_QINQ));
}

/* An Ethernet header, with at most two tags if allowed; leaves the ethertype's offset in type_off. */
static int parse_ethernet(struct parser *p, bool tag)
{
	const uint8_t *hdr = p->encap->hdr;
	bool service_tag;

	if (!room(p, RTE_ETHER_HDR_LEN))
		return CANNOT(p, "the encapsulation data ends inside an Ethernet header");
	p->encap->type_off = (uint8_t)(p->at + 12);
	p->at += RTE_ETHER_HDR_LEN;
	service_tag = tag && load16(hdr + p->encap->type_off) == RTE_ETHER_TYPE_QINQ;
	for (unsigned int tags = 0; tag && is_tag(p, tags); tags++) {
		if (!room(p, RTE_VLAN_HLEN))
			return CANNOT(p, "the encapsulation data ends inside a VLAN tag");
		p->encap->type_off = (uint8_t)(p->encap->type_off + RTE_VLAN_HLEN);
		p->at += RTE_VLAN_HLEN;
	}
	if (service_tag && load16(hdr + p->encap->type_off - RTE_VLAN_HLEN) != RTE_ETHER_TYPE_VLAN)
		return CANNOT(p, "a service tag (0x88a8) stands in front of another tag (0x8100)");
	p->encap->family = family_of_type(load16(hdr + p->encap->type_off));
	if (p->encap->family == 0 && load16(hdr + p->encap->type_off) != 0)
		return CANNOT(p, "the ethertype before the packet must be IPv4, IPv6, or 0 to have it completed");
	return 0;
}

static int parse_ipv4(struct parser *p)
{
	uint8_t *ip = p->encap->hdr + p->at;

	if (!room(p, sizeof(struct rte_ipv4_hdr)) || (ip[0] != 0x45 && ip[0] != 0))
		return CANNOT(p, "the outer IPv4 header must be whole and without options");
	ip[0] = 0x45;
	if (load16(ip + 6) & 0x3fff)
		return CANNOT(p, "the outer IPv4 header must not be a fragment");
	if (ip[8] == 0)
		return CANNOT(p, "the outer IPv4 header needs a TTL");
	p->at += sizeof(struct rte_ipv4_hdr);
	return ip[9];
}

static int parse_ipv6(struct parser *p)
{
	uint8_t *ip = p->encap->hdr + p->at;

	if (!room(p, sizeof(struct rte_ipv6_hdr)) || (ip[0] >> 4 != 6 && ip[0] != 0))
		return CANNOT(p, "the outer IPv6 header must be whole");
	ip[0] = (uint8_t)(0x60 | (ip[0] & 0x0f));
	if (ip[7] == 0)
		return CANNOT(p, "the outer IPv6 header needs a hop limit");
	p->at += sizeof(struct rte_ipv6_hdr);
	return ip[6];
}

/* The field at off names the packet behind the template; 0 leaves it to sl_encap_complete(). */
static void name_by(struct sl_encap *encap, enum sl_encap_names names, size_t off, uint8_t family)
{
	encap->names = names;
	encap->type_off = (uint8_t)off;
	encap->family = family;
}

static int parse_vxlan(struct parser *p)
{
	const uint8_t *vxlan = p->encap->hdr + p->at;

	if (!room(p, sizeof(struct rte_vxlan_hdr) + RTE_ETHER_HDR_LEN))
		return CANNOT(p, "the encapsulation data ends inside the VXLAN headers");
	if (!(vxlan[0] & 0x08))
		return CANNOT(p, "the VXLAN header must carry a VNI (flag 0x08)");
	p->at += sizeof(struct rte_vxlan_hdr);
	return parse_ethernet(p, false);
}

static int parse_geneve(struct parser *p)
{
	const uint8_t *geneve = p->encap->hdr + p->at;

	if (!room(p, GENEVE_LEN + RTE_ETHER_HDR_LEN))
		return CANNOT(p, "the encapsulation data ends inside the Geneve headers");
	if (geneve[0] != 0 || geneve[1] != 0)
		return CANNOT(p, "the Geneve header must be of version 0, without options and flags");
	if (load16(geneve + 2) != ETHERTYPE_TEB)
		return CANNOT(p, "the Geneve header must carry Ethernet (protocol type 0x6558)");
	p->at += GENEVE_LEN;
	return parse_ethernet(p, false);
}

static int parse_gue(struct parser *p)
{
	const uint8_t *gue = p->encap->hdr + p->at;
	const uint8_t proto = gue[1];

	if (gue[0] != 0 || load16(gue + 2) != 0)
		return CANNOT(p, "the GUE header must be of variant 0, for data, without flags and fields");
	if (proto != 0 && proto != 4 && proto != 41)
		return CANNOT(p, "the GUE header must carry IP (protocol 4 or 41), or 0 to have it completed");
	name_by(p->encap, SL_ENCAP_PROTOCOL, p->at + 1, proto == 4 ? 4 : proto == 41 ? 6 : 0);
	p->at += GUE_LEN;
	return 0;
}

/* UDP; what is in it follows from its port and from how much of the template is left. */
static int parse_udp(struct parser *p)
{
	struct sl_encap *encap = p->encap;
	uint8_t *udp = encap->hdr + p->at;
	size_t left;

	if (!room(p, sizeof(struct rte_udp_hdr)))
		return CANNOT(p, "the encapsulation data ends inside the UDP header");
	if (load16(udp + 6) != 0)
		return CANNOT(p, "the outer UDP checksum must be 0: the card does not compute it");
	encap->udp = true;
	encap->l4_off = (uint8_t)p->at;
	p->at += sizeof(struct rte_udp_hdr);
	left = encap->len - p->at;
	if (load16(udp + 2) == SL_GENEVE_PORT)
		return parse_geneve(p);
	if (left != 0 && left != GUE_LEN) {
		if (load16(udp + 2) == 0)
			store16(udp + 2, SL_VXLAN_PORT);
		return parse_vxlan(p);
	}
	if (load16(udp + 2) == 0)
		return CANNOT(p, "GUE needs its UDP destination port");
	if (left)
		return parse_gue(p);
	name_by(encap, SL_ENCAP_NOTHING, 0, 0);
	return 0;
}

static int parse_gre(struct parser *p)
{
	const uint8_t *gre = p->encap->hdr + p->at;

	if (!room(p, GRE_LEN))
		return CANNOT(p, "the encapsulation data ends inside the GRE header");
	if (load16(gre) != 0)
		return CANNOT(p, "the GRE header must be of version 0, without checksum, key and sequence number");
	name_by(p->encap, SL_ENCAP_ETHERTYPE, p->at + 2, family_of_type(load16(gre + 2)));
	if (p->encap->family == 0 && load16(gre + 2) != 0)
		return CANNOT(p, "the GRE header must carry IPv4, IPv6, or 0 to have it completed");
	p->at += GRE_LEN;
	return 0;
}

/* What the outer IP header says it carries. */
static int parse_payload(struct parser *p, int proto, uint8_t proto_off)
{
	struct sl_encap *encap = p->encap;

	if (proto == 17 || (proto == 0 && p->at < encap->len)) {
		encap->hdr[proto_off] = 17;
		return parse_udp(p);
	}
	if (proto == PROTO_GRE)
		return parse_gre(p);
	if (proto != 0 && proto != 4 && proto != 41)
		return CANNOT(p, "the outer IP header must carry IP (protocol 4 or 41), UDP or GRE");
	name_by(encap, SL_ENCAP_PROTOCOL, proto_off, proto == 4 ? 4 : proto == 41 ? 6 : 0);
	return 0;
}

/* Lengths and the IPv4 checksum of an empty payload; the card adds to them. */
static void finish_outer(struct sl_encap *encap)
{
	uint8_t *ip = encap->hdr + encap->l3_off;

	if (encap->udp) {
		store16(encap->hdr + encap->l4_off, 0);
		store16(encap->hdr + encap->l4_off + 4, 0);
	}
	if (encap->outer == 6) {
		store16(ip + 4, 0);
	} else {
		uint32_t sum = 0;

		store16(ip + 2, 0);
		store16(ip + 10, 0);
		for (unsigned int i = 0; i < 20; i += 2)
			sum += load16(ip + i);
		sum = (sum & 0xffff) + (sum >> 16);
		sum = (sum & 0xffff) + (sum >> 16);
		store16(ip + 10, (uint16_t)~sum);
	}
}

int sl_encap_parse(const uint8_t *data, size_t size, struct sl_encap *encap, const void *cause,
	struct rte_flow_error *error)
{
	struct parser p = {.encap = encap, .cause = cause, .error = error};
	uint8_t proto_off;
	int rc;

	memset(encap, 0, sizeof(*encap));
	if (!data || size > SL_ENCAP_MAX)
		return CANNOT(&p, "the encapsulation data must be 14 to 112 bytes long");
	memcpy(encap->hdr, data, size);
	encap->len = (uint8_t)size;
	rc = parse_ethernet(&p, true);
	if (rc || p.at == encap->len)
		return rc;
	if (encap->family == 0)
		return CANNOT(&p, "the ethertype before the outer IP header is missing");
	encap->outer = encap->family;
	encap->l3_off = (uint8_t)p.at;
	proto_off = (uint8_t)(p.at + (encap->outer == 4 ? 9 : 6));
	rc = encap->outer == 4 ? parse_ipv4(&p) : parse_ipv6(&p);
	if (rc >= 0)
		rc = parse_payload(&p, rc, proto_off);
	if (rc)
		return rc;
	if (p.at != encap->len)
		return CANNOT(&p, "bytes follow the last header of the encapsulation data");
	finish_outer(encap);
	return 0;
}

bool sl_encap_complete(struct sl_encap *encap, uint8_t family)
{
	if (encap->family && encap->family != family)
		return false;
	if (encap->names == SL_ENCAP_PROTOCOL)
		encap->hdr[encap->type_off] = family == 4 ? 4 : 41;
	else if (encap->names == SL_ENCAP_ETHERTYPE)
		store16(encap->hdr + encap->type_off, family == 4 ? RTE_ETHER_TYPE_IPV4 : RTE_ETHER_TYPE_IPV6);
	if (encap->outer)
		finish_outer(encap);
	encap->family = family;
	return true;
}

void sl_encap_ethernet(struct sl_encap *encap, const uint8_t dst[6], const uint8_t src[6])
{
	memset(encap, 0, sizeof(*encap));
	memcpy(encap->hdr, dst, 6);
	memcpy(encap->hdr + 6, src, 6);
	encap->len = RTE_ETHER_HDR_LEN;
	encap->type_off = 12;
}
