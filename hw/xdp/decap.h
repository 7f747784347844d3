/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * What the programs of a backend (decap.bpf.c, clamp.bpf.c) and their loader share: the layout of their maps.
 *
 * What is configured exists twice, as two banks. The programs read the one that map `bank` names; a loader fills the
 * other one and then turns `bank`, so that a frame meets the old configuration or the new one and nothing between.
 */
#ifndef SLUICE_XDP_DECAP_H
#define SLUICE_XDP_DECAP_H

#include "hw/model/parse.h"

#define SL_DECAP_LIST_MAX 1024 /* entries of one list */
#define SL_DECAP_BANKS 2
#define SL_DECAP_KINDS (SL_TUNNEL_MODE_IPIP + 1) /* counters are by sl_tunnel_mode */

/* Lists that a frame has to be in; one that is not given lets all pass. */
enum sl_decap_list {
	SL_DECAP_TO,   /* outer destination: this host's tunnel addresses */
	SL_DECAP_FROM, /* outer source: prefixes of balancers (map `trusted`) */
	SL_DECAP_VIP,  /* inner destination; the clamp's source */
	SL_DECAP_VNI,  /* of VXLAN and Geneve */
	SL_DECAP_KEY,  /* of GRE, 0 for none */
	SL_DECAP_LISTS,
};

/* Map `config`, one entry for each bank. */
struct sl_decap_config {
	uint32_t tunnels; /* as csr.VXLAN_PORT */
	uint32_t lists;   /* bit n: sl_decap_list n is given */
	uint16_t mss4;    /* largest MSS that leaves in a SYN; 0: MSS is left as it is */
	uint16_t mss6;
	uint8_t mac[6];   /* the interface's */
	uint8_t reserved[2];
};

/* Key of map `members`. */
struct sl_decap_member {
	uint8_t bank;
	uint8_t list;
	uint8_t family;    /* 4, 6; 0 of a number */
	uint8_t reserved;
	uint8_t value[16]; /* address as in sl_packet, or a number in the first four bytes, highest first */
};

/* Key of map `trusted`. */
struct sl_decap_prefix {
	uint32_t bits; /* of what follows: 32 and the prefix's length */
	struct sl_decap_member member;
};

/* What became of a packet of an enabled tunnel: opened, dropped, or passed on to the kernel as it came. */
enum sl_decap_result {
	SL_DECAP_OPENED,
	SL_DECAP_DROPPED_BAD_INNER, /* inner IP header */
	SL_DECAP_DROPPED_BAD_ECN,   /* RFC 6040, 4.2 */
	SL_DECAP_DROPPED_FAILED,    /* the driver's buffer was not to be changed */
	SL_DECAP_PASSED_MAC,        /* Ethernet destination is not the interface's */
	SL_DECAP_PASSED_TO,         /* outer destination is none of SL_DECAP_TO */
	SL_DECAP_PASSED_FROM,       /* outer source is not trusted */
	SL_DECAP_PASSED_NETWORK,    /* VNI or key */
	SL_DECAP_PASSED_NO_IP,      /* ARP, a tag, ... inside */
	SL_DECAP_PASSED_VIP,        /* inner destination is none of SL_DECAP_VIP */
	SL_DECAP_RESULTS,
};

/* Map `opened`: counter pairs by kind and result, per CPU. */
static inline uint32_t sl_decap_counter(uint32_t kind, uint32_t result)
{
	return kind * SL_DECAP_RESULTS + result;
}

/* What became of a SYN from a VIP. Map `clamped`: counter pairs by it, per CPU. */
enum sl_clamp_result {
	SL_CLAMP_LOWERED,
	SL_CLAMP_FITS,      /* its MSS was not more than the largest */
	SL_CLAMP_NO_OPTION, /* the other end then sends 536 or 1220 bytes (RFC 9293, 3.7.1) */
	SL_CLAMP_BAD,       /* the options contradict the header */
	SL_CLAMP_RESULTS,
};

/* Map `scratch`, one entry per CPU. */
struct sl_decap_scratch {
	struct sl_window window;
	struct sl_headers headers;
};

#endif
