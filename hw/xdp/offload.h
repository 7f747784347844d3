/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * What the program of a network card that runs BPF itself (offload.bpf.c) and its loader (driver/xdp/offload.c) share: the layout of
 * maps that are bound to the card. Such cards take hash and array maps without flags, and few entries: an entry of a flow holds all
 * that a hit needs, and there is one of each other kind.
 */
#ifndef SLUICE_XDP_OFFLOAD_H
#define SLUICE_XDP_OFFLOAD_H

#include "hw/model/pipeline.h"
#include "sluice/xdp_flow.h"

/* Map `offload_config`, one entry: as struct sl_xdp_config has it. */
struct sl_xdp_offload_config {
	uint32_t port;
	uint32_t tunnels;
	uint16_t generation; /* 0: all frames are the host's */
	uint16_t tenant;
	uint8_t mac[6];
	uint8_t tcp_flags;
	uint8_t ttl_max;
};

/* Map `offload_flows`, by struct sl_key: a flow of this port whose frames leave by it. */
struct sl_xdp_offload_flow {
	struct sl_action action; /* copied, so that it is here as long as the flow */
	struct sl_record record;
	uint64_t hash; /* of the key, as a card has it */
	uint32_t memo; /* sl_xdp_memo: the classification that it was put here by */
	uint32_t flow_id;
	uint64_t packets, bytes; /* since it was put here */
};

/* Map `offload_count`, one entry: a struct sl_counter_pair of all frames that were forwarded. */

#endif
