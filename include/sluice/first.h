/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * First packets: services whose new connections the XDP datapath decides by itself, by a Maglev table that the agent gives it. rte_flow
 * has no words for that, so it goes the way that DPDK has for what only one driver knows, as the "EEPROM" of a port of
 * net_sluice_xdp (rte_eth_dev_get_eeprom, rte_eth_dev_set_eeprom; magic SL_FIRST_MAGIC both ways). All ports of one card have the
 * same services.
 *
 *	offset           get                                                  set
 *	SL_FIRST_TABLE   sl_first_table of the key that is in it, or -ENOENT   that service, from now on, at once for all its packets
 *	SL_FIRST_KEYS    the keys of all services, as many as there is room    -
 *	SL_FIRST_DROP    -                                                    sl_first_key: the service is decided no more
 *	SL_FIRST_HINTS   sl_first_hint, as many as there is room; each once    -
 *	SL_FIRST_COUNTS  sl_first_counts of the key that is in it, or -ENOENT  -
 *
 * The length asked for becomes what there was. Like rules and flows all of it outlives the process.
 *
 * What is decided: a frame to a service, plain as hw/model/plain.h has it, of the default tenant, of no flow in the flow table. It goes
 * to the backend of its place in the table; what is not a SYN leaves a hint, so that the agent learns of the connection. A place that
 * says SL_FIRST_HOST leaves the frame to the classification rules, as if the service were not here; so does a frame that the
 * backend's action cannot send.
 */
#ifndef SLUICE_FIRST_H
#define SLUICE_FIRST_H

#include "sluice/contract.h"

#define SL_FIRST_MAGIC 0x4c534650u
#define SL_FIRST_TABLE 0x53460000u
#define SL_FIRST_KEYS 0x53460001u
#define SL_FIRST_DROP 0x53460002u
#define SL_FIRST_HINTS 0x53460003u
#define SL_FIRST_COUNTS 0x53460004u

#define SL_FIRST_SERVICES 256u
#define SL_FIRST_HOPS 256u    /* backends of a service */
#define SL_FIRST_PLACES 65536u
#define SL_FIRST_HOST 0xffffu

struct sl_first_key {
	uint8_t vip[16]; /* as in struct sl_key */
	uint16_t port;   /* wire order */
	uint8_t proto;
	uint8_t family;
	uint32_t reserved; /* zero */
};
_Static_assert(sizeof(struct sl_first_key) == 24, "compared as bytes");

struct sl_first_hop {
	uint64_t identity;       /* of the backend: the agent's own */
	struct sl_action action; /* port: set, the ethdev that it leaves by; get, the card's port */
};

struct sl_first_table {
	struct sl_first_key key;
	uint64_t seed;      /* of sl_choice_hash() */
	uint32_t size;      /* places */
	uint32_t hop_count;
	uint32_t slot;      /* the driver's */
	uint32_t reserved;
	struct sl_first_hop hop[SL_FIRST_HOPS];
	uint16_t place[SL_FIRST_PLACES]; /* index of a hop, or SL_FIRST_HOST */
};

/* Packets of one connection since its last hint that were not SYNs. */
struct sl_first_hint {
	struct sl_key key;
	uint64_t identity;  /* of the backend that they went to */
	uint64_t bytes;
	uint32_t packets;
	uint32_t tcp_flags; /* of all of them together */
};

struct sl_first_counts {
	struct sl_first_key key;
	uint64_t packets, bytes; /* decided */
	uint64_t syns;           /* of them SYNs */
	uint64_t unhinted;       /* that were to leave a hint, but there was no room */
};

#endif
