/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * What the XDP program and its loader share: the layout of its maps.
 */
#ifndef SLUICE_XDP_SLUICE_H
#define SLUICE_XDP_SLUICE_H

#include "hw/model/pipeline.h"

#define SL_XDP_FLOWS 65536

/* A flow as the map keeps it, by struct sl_key. */
struct sl_xdp_flow {
	struct sl_record record;
	struct sl_counters counters;
	uint32_t flow_id;
	uint32_t reserved;
};

/* Map `config`, one entry. The loader attaches one instance of the program per port. */
struct sl_xdp_config {
	struct sl_pipeline_config pipeline;
	uint32_t port;    /* that this program receives for */
	uint32_t time_ms; /* the time, if not 0; else the kernel's monotonic clock is read */
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
};

#endif
