/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The header that a forwarded packet gets in place of its own Ethernet header, as RAW_ENCAP data gives it:
 *
 *	eth [/ vlan [/ vlan]]                                     next hop; the same tags in front of all others
 *	eth [/ vlan] / ipv4|ipv6                                  IP in IP
 *	eth [/ vlan] / ipv4|ipv6 / udp / vxlan / eth              VXLAN
 *	eth [/ vlan] / ipv4|ipv6 / udp / geneve / eth             Geneve (UDP port GENEVE_PORT), without options
 *	eth [/ vlan] / ipv4|ipv6 / udp / gue                      GUE, variant 0: 4 bytes without flags and fields
 *	eth [/ vlan] / ipv4|ipv6 / udp                            GUE, variant 1: the packet itself
 *	eth [/ vlan] / ipv4|ipv6 / gre                            GRE: 4 bytes, no checksum, key or sequence number
 *
 * The header is a template: total and payload lengths and the IPv4 checksum are set for an empty payload, whatever they
 * were, a UDP source port is entropy that the card fills in, and a UDP checksum must be 0. An IP protocol or an ethertype
 * that describes the packet behind the header may be 0: it is completed for the family of the flow.
 */
#ifndef SLUICE_DRIVER_FLOW_ENCAP_H
#define SLUICE_DRIVER_FLOW_ENCAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_flow.h>

#define SL_ENCAP_MAX 112

/* How a template names the packet behind it: nothing to say in GUE variant 1, whose packets show their own version. */
enum sl_encap_names { SL_ENCAP_ETHERTYPE, SL_ENCAP_PROTOCOL, SL_ENCAP_NOTHING };

struct sl_encap {
	uint8_t hdr[SL_ENCAP_MAX];
	uint8_t len;
	uint8_t outer;       /* IP version of the outer header, 0 none */
	bool udp;            /* a UDP header follows it */
	uint8_t l3_off;      /* of the outer IP header */
	uint8_t l4_off;      /* of the UDP header */
	uint8_t type_off;    /* of the field that names what follows */
	enum sl_encap_names names;
	uint8_t family;      /* family that the field names, 0 not said */
};

/* Parses a template. cause is the action, for refusals. 0, or a refusal in error. */
int sl_encap_parse(const uint8_t *data, size_t size, struct sl_encap *encap, const void *cause,
	struct rte_flow_error *error);

/* Completes the template for packets of this family; false if it is for the other one. */
bool sl_encap_complete(struct sl_encap *encap, uint8_t family);

/* A template that is an Ethernet header alone. */
void sl_encap_ethernet(struct sl_encap *encap, const uint8_t dst[6], const uint8_t src[6]);

#endif
