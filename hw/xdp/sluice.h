/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * What the XDP program and its loader share: the layout of its maps.
 */
#ifndef SLUICE_XDP_SLUICE_H
#define SLUICE_XDP_SLUICE_H

#include "hw/model/pipeline.h"
#include "hw/xdp/named.h"
#include "sluice/xdp_flow.h"

#define SL_XDP_LOG2_MIN 1  /* buckets of a bank */
#define SL_XDP_LOG2_MAX 24

/* Entries of map `rules`; one counts (sl_xdp_config.rules_at), rules are changed in another. A power of two. */
#define SL_XDP_RULE_TABLES 16

/* Of what maps hold: pinned maps of another one are not understood. */
#define SL_XDP_LAYOUT 2

#define SL_XDP_KERNEL_PASS 1
#define SL_XDP_KERNEL_KEEP 2

/* Map `config`, an entry for each port. The loader attaches one instance of the program per port, which knows its number. */
struct sl_xdp_config {
	struct sl_pipeline_config pipeline;
	uint32_t port;    /* that this program receives for */
	uint32_t time_ms; /* the time, if not 0; else jiffies x time_mul >> 16 is */
	uint32_t time_mul;
	uint32_t reserved0;
	struct sl_xdp_seed seed; /* of the flow table */
	uint32_t log2_v4; /* buckets of a bank of the IPv4 table */
	uint32_t log2_v6;
	/* The short cut, for frames to mac. generation: advanced by whoever changes rules, prefixes or this structure; 0: no memo
	 * is made or believed. Whoever comes to 65535 clears all memos and begins again with 1. */
	uint16_t generation;
	uint8_t mac[6];
	uint8_t tcp_flags; /* that rules look at */
	uint8_t ttl_max;   /* greatest that a rule asks for, at least 1: greater ones are all the same */
	uint16_t tenant;   /* of the flows that it looks for */
	uint8_t rules_at;    /* entry of map `rules` that counts */
	uint8_t kernel_pass; /* frames that no rule names (KERNEL) go to the kernel's interface, also while sockets take the others; */
			     /* SL_XDP_KERNEL_KEEP: so does neighbour discovery, and what names a service's address never does */
	uint8_t layout;      /* SL_XDP_LAYOUT, once everything is set up */
	uint8_t first;       /* map `first` has services */
};

/*
 * Longest IP packet that the short cut sends by an action as the ports are, 0 none. The maps' owner keeps it where the contract
 * has reserved1 of the entry.
 */
static inline uint32_t sl_xdp_room(const struct sl_action *action, const struct sl_pipeline_config *config)
{
	if (action->port >= config->ports || !(config->filter.port_flags[action->port] & SL_PORT_FLAG_ENABLE))
		return 0;
	return sl_action_room(action);
}

/* Map `hints`, by struct sl_key: as struct sl_first_hint. */
struct sl_xdp_hint {
	uint64_t identity;
	uint64_t bytes;
	uint32_t packets;
	uint32_t tcp_flags;
};

/* Map `first_count`, by a service's slot: as struct sl_first_counts. */
struct sl_xdp_first_count {
	uint64_t packets, bytes, syns, unhinted;
};

/* Map `xsks`: AF_XDP sockets that take what is the host's, by port and receive queue. Without one the kernel gets it. */
#define SL_XDP_QUEUES 64 /* of a port */

/* Before a frame that an AF_XDP socket takes, where the interface's driver has room for it: the metadata of a struct sl_rx_cpl. */
struct sl_xdp_host_meta {
	uint32_t magic;
	uint32_t mark;
	uint32_t hash;
	uint32_t flow_id;
	uint16_t tenant;
	uint8_t reason;
	uint8_t rule;
	uint8_t mark_valid;
	uint8_t reserved[3];
};

#define SL_XDP_HOST_MAGIC 0x314d4c53

/* Context of program `sluice_time`. */
struct sl_xdp_time {
	uint32_t now_ms; /* out: the time by which programs say when a flow was seen */
};

/* Context of program `sluice_count`: frames that somebody else has forwarded by a rule, to be counted with the program's own. */
struct sl_xdp_count {
	uint64_t packets, bytes;
	uint32_t reason, rule;
};

/*
 * Map `scratch`, one entry per CPU: where the stages work, and what they found about the last frame. The loader and the
 * tests may read it.
 */
struct sl_xdp_scratch {
	struct sl_window window;
	struct sl_headers headers;
	struct sl_key key;
	struct sl_prefix_side side;
	struct sl_prefix_sets sets;
	struct sl_record record;
	struct sl_rewrite rewrite;
	uint64_t hash;
	uint32_t frame_len;
	uint32_t flow_id;
	uint32_t mark;
	uint32_t now_ms;
	uint16_t tenant;
	uint8_t fate; /* sl_fate */
	uint8_t reason;
	uint8_t rule;
	uint8_t port_out;
	uint8_t mark_valid;
	uint8_t decap;
	uint8_t rule_flags;
	uint8_t reserved[7];
};

#endif
