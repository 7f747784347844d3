/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stage ingress (docs/datapath.md section 1): whether a received frame enters the pipeline, and the registers that
 * decide about frames.
 */
#ifndef SLUICE_MODEL_INGRESS_H
#define SLUICE_MODEL_INGRESS_H

#include "hw/model/class.h"
#include "hw/model/hash.h"

/* The registers that decide about frames. */
struct sl_pipeline_config {
	struct sl_hash_seed seed;
	struct sl_class_filter filter;
	uint32_t ports; /* that exist */
	uint32_t tunnels;
	uint32_t miss_mark;
	uint8_t miss_mark_valid;
	uint8_t enabled; /* CTRL bit 0 */
	uint8_t reserved[2];
};

/* 0, or the reason for dropping the frame. */
int sl_ingress_check(const struct sl_pipeline_config *config, uint32_t frame_len, uint32_t port,
		     uint32_t bad_fcs);

/* Bit n set if port n exists and is enabled. */
uint32_t sl_ingress_ports_up(const struct sl_pipeline_config *config);

#endif
