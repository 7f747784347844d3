/* SPDX-License-Identifier: BSD-3-Clause */
/* From a neutral rule to what the card takes: class_rule, key, record and action. Refuses what the card cannot do
 * literally. */
#ifndef SLUICE_DRIVER_FPGA_COMPILE_H
#define SLUICE_DRIVER_FPGA_COMPILE_H

#include <stdint.h>

#include <rte_flow.h>

#include "driver/flow/fate.h"
#include "driver/flow/match.h"
#include "driver/flow/rewrite.h"
#include "driver/flow/tuple.h"
#include "sluice/contract.h"

/* What compiling needs to know about the card and its ethdevs. */
struct sl_compile_env {
	unsigned int ports;
	/* Port of the card that an ethdev stands for, or -1. */
	int (*port_of)(void *ctx, uint16_t ethdev);
	void *ctx;
	bool tunnels;             /* the card opens others than VXLAN, too */
	bool copies;              /* the card can send a frame on and a copy of it to the host */
	uint8_t unlimited_meter;  /* of frames for the host without a meter */
	uint8_t flow_meter;       /* of what leaves the flow table for the host */
	int meter;                /* the card's meter of fate->meter, or negative */
};

/* valid and cookie are left 0. 0, or a refusal in error. */
int sl_compile_rule(const struct sl_compile_env *env, const struct sl_match *match, const struct sl_fate *fate,
		    struct sl_class_rule *rule, struct rte_flow_error *error);

void sl_compile_key(const struct sl_tuple *tuple, struct sl_key *key);

/* NAT operands, TTL and checksum deltas; action is left 0. */
void sl_compile_record(const struct sl_rewrite *rewrite, const struct sl_key *key, uint8_t owner,
	struct sl_record *record);

/* The action entry of a completed template, or of frames that keep their Ethernet header (encap NULL). */
void sl_compile_action(const struct sl_encap *encap, uint8_t port, uint16_t mtu, struct sl_action *action);

#endif
