/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The DMA engine: moves frames, flow commands, admin commands and events between the host's rings and the card's parts
 * (datapath engine, management core). docs/device.md chapters 5 to 9 say what it does. It is
 * around the model alone: hw/rtl/sl_hif.sv is the same in RTL, and tests/sim/test_dma.c tests both.
 */
#ifndef SLUICE_SIM_DMA_H
#define SLUICE_SIM_DMA_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/engine.h"
#include "sim/mgmt.h"
#include "sim/queue.h"

#define SL_DMA_FLOWS_MAX 64u /* flow commands in the engine at once */
#define SL_DMA_BATCH     16u /* entries of one queue in one step */

/* A flow command that the engine has; engines finish in order. */
struct sl_dma_flow {
	unsigned int queue;
	uint32_t life;
	uint32_t sq_next; /* sq_head of its completion */
	uint64_t iova;    /* DUMP */
};

struct sl_dma_stats {
	uint64_t rx_frames, rx_no_host, rx_host_full;
	uint64_t tx_frames, tx_errors;
	uint64_t flow_commands, admin_commands, events;
};

struct sl_dma {
	struct sl_queue_set queues;
	const struct sl_engine_ops *ops;
	struct sl_engine *engine;
	struct sl_mgmt *mgmt;
	uint32_t time_ms;

	struct sl_dma_flow flow[SL_DMA_FLOWS_MAX]; /* a ring */
	uint32_t flow_first, flow_count;
	uint32_t flow_waiting[SL_QUEUES];          /* of them by queue, in its present life */
	unsigned int flow_turn;                    /* queue that begins the next round */

	bool admin_busy;                           /* the mailbox holds a command of admin_life */
	uint32_t admin_life, admin_sq_next;

	uint32_t tx_errors[SL_QUEUES];             /* not yet reported */
	bool tx_report[SL_QUEUES];                 /* a completion is due */
	bool tx_skip[SL_QUEUES];                   /* dropping the rest of a frame */
	uint32_t tx_life[SL_QUEUES];               /* life that the three above belong to */

	uint32_t events_lost;                      /* since power-on */
	uint32_t events_told;                      /* value of all lost when the last OVERFLOW was delivered */

	struct sl_dma_stats stats;
	uint8_t frame[SL_FRAME_MAX];
};

/* Everything given must outlive the DMA engine. */
void sl_dma_init(struct sl_dma *d, struct sl_iova *memory, unsigned int ports, const struct sl_engine_ops *ops,
		 struct sl_engine *engine, struct sl_mgmt *mgmt, void (*raise)(void *ctx, unsigned int vector), void *ctx);
/* Stops all queues. What the engine is still executing is forgotten when it ends. */
void sl_dma_host_if_reset(struct sl_dma *d);
/* The engine has been reset: what it had will never end. Also stops all queues. */
void sl_dma_card_reset(struct sl_dma *d);

/* A bounded round over all queues. False if there was nothing to do. */
bool sl_dma_step(struct sl_dma *d, uint32_t time_ms);
/* Value of bar.EVENTS_LOST. */
uint32_t sl_dma_events_lost(const struct sl_dma *d);

#endif
