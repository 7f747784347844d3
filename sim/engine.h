/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The datapath behind a card's DMA engine, as the simulator and the co-simulation see it: the C model
 * (sim/engine_model.c) or the Verilated RTL (sim/engine_rtl). Both take whole frames at their ports and answer with
 * whole frames; docs/datapath.md says what happens in between. The rings, doorbells and DMA are not here: they belong
 * to sim/dma. One engine is used by one thread. No call blocks.
 */
#ifndef SLUICE_SIM_ENGINE_H
#define SLUICE_SIM_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "sluice/contract.h"

struct sl_engine; /* opaque; each engine has its own */

struct sl_engine_config {
	unsigned int ports;      /* MAC ports, 1..SL_PORTS_MAX; the RTL build fixes it at 2 */
	unsigned int table_log2; /* log2 of slots; the RTL build fixes it at SL_TABLE_LOG2_DEFAULT or a reduced test size */
	uint64_t stall_seed;     /* RTL: 0 none, else seed of random back-pressure on every stream */
	unsigned int stall_pct;  /* RTL: how often a stream stalls, percent */
	bool wire_waits_not;     /* RTL: frames come at line rate, whether their port has room or not (RX_OVERFLOW) */
	const char *trace_path;  /* RTL: FST file to write, NULL for none */
	uint64_t trace_clocks;   /* RTL: keep about the last N clocks */
};

/* What accompanies a frame to the host (the metadata of sl_rx_cpl, host byte order). */
struct sl_host_meta {
	uint32_t mark;
	uint32_t hash;
	uint32_t flow_id;
	uint16_t tenant;
	uint8_t port;
	uint8_t reason;
	uint8_t rule;
	bool mark_valid;
};

/* A finished flow command; sq_head and phase of cpl are left to the queue. state is valid for DUMP with status OK. */
struct sl_flow_done {
	struct sl_flow_cpl cpl;
	struct sl_flow_state state;
};

/* A flow that has aged (event AGED). */
struct sl_aged {
	uint32_t flow_id;
	uint32_t last_seen_ms;
};

/* The host around a card that has its own DMA. */
struct sl_nic_host {
	bool (*read)(void *ctx, uint64_t iova, void *to, size_t len);           /* false: not mapped */
	bool (*write)(void *ctx, uint64_t iova, const void *from, size_t len); /* the last byte becomes visible last */
	void (*raise)(void *ctx, unsigned int vector);
	void *ctx;
};

struct sl_nic_port {
	uint8_t mac[6]; /* factory address */
	uint16_t mtu;   /* longest IP packet that the wire carries */
	bool up;        /* link at power-on */
};

/* An engine that is the whole card (hw/rtl/sl_nic.sv): queues, DMA, the blocks "bar" and "mgmt" and the three resets are
 * in it. Its host_tx, host_out, flow_submit, flow_done and aged
 * are NULL. */
struct sl_nic_ops {
	/* Power-on, with the board that it is on. */
	void (*attach)(struct sl_engine *e, const struct sl_nic_host *host, const struct sl_nic_port *port, unsigned int ports);
	uint32_t (*bar_read)(struct sl_engine *e, uint32_t offset);
	void (*bar_write)(struct sl_engine *e, uint32_t offset, uint32_t value);
	uint32_t (*mgmt_read)(struct sl_engine *e, uint32_t offset);
	void (*mgmt_write)(struct sl_engine *e, uint32_t offset, uint32_t value);
	/* mgmt.PENDING is not 0. */
	bool (*wake)(const struct sl_engine *e);
	/* The reset_kind for which the management core's processor is to start again; 0 none. Told once. */
	unsigned int (*restart)(struct sl_engine *e);
	void (*link_set)(struct sl_engine *e, unsigned int port, bool up);
	void (*print)(const struct sl_engine *e, FILE *out);
};

struct sl_engine_ops {
	const char *name;

	/* NULL on failure, with a sentence in err. */
	struct sl_engine *(*create)(const struct sl_engine_config *config, char *err, size_t err_len);
	void (*destroy)(struct sl_engine *e);

	/* Datapath registers (block "csr"), offset within the block. May advance the clock. */
	uint32_t (*csr_read)(struct sl_engine *e, uint32_t offset);
	void (*csr_write)(struct sl_engine *e, uint32_t offset, uint32_t value);

	/* A frame from the wire, 1..65535 bytes, copied; bad_fcs as the MAC would report it. False: the engine cannot take
	 * one now (call step); a port that cannot wait drops it and counts it itself. */
	bool (*wire_in)(struct sl_engine *e, unsigned int port, const uint8_t *frame, uint32_t len, bool bad_fcs);
	/* A frame from the host for the wire of that port, sent as it is. False: no room now. */
	bool (*host_tx)(struct sl_engine *e, unsigned int port, const uint8_t *frame, uint32_t len);
	/* A flow command; iova and flags are not looked at. False: no room now. Done in order. */
	bool (*flow_submit)(struct sl_engine *e, const struct sl_flow_cmd *cmd);

	/* Works for up to `budget` clocks (the model: items of work) or until idle. time_ms is the card's time: never goes
	 * back. Returns the clocks spent. */
	uint32_t (*step)(struct sl_engine *e, uint32_t time_ms, uint32_t budget);

	/* One frame for the wire or the host, copied into buf of SL_FRAME_MAX bytes; its length, or 0 if there is none. While
	 * nobody takes host frames they wait in the card's host buffer (then HOST_OVERFLOW). */
	uint32_t (*wire_out)(struct sl_engine *e, unsigned int *port, uint8_t *buf);
	uint32_t (*host_out)(struct sl_engine *e, struct sl_host_meta *meta, uint8_t *buf);
	bool (*flow_done)(struct sl_engine *e, struct sl_flow_done *done);
	/* The next flow that has aged, once; false if there is none. While nobody takes it, the sweep waits. */
	bool (*aged)(struct sl_engine *e, struct sl_aged *aged);

	/* True if another step would change nothing but time. */
	bool (*idle)(const struct sl_engine *e);
	/* Clocks since creation; the model counts items of work. */
	uint64_t (*clocks)(const struct sl_engine *e);
	/* Card reset: as after creation, CTRL 0, tables being cleared. */
	void (*reset)(struct sl_engine *e);

	/* NULL: the engine is a datapath alone, and sim/dma.c is around it. */
	const struct sl_nic_ops *nic;
};

extern const struct sl_engine_ops sl_engine_model;
extern const struct sl_engine_ops sl_engine_rtl;

#endif
