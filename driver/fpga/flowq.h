/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One flow queue: commands that the card executes between two packets, without firmware. Any thread; callers wait for
 * each other, and all commands of one key go through one flow queue.
 */
#ifndef SLUICE_DRIVER_FPGA_FLOWQ_H
#define SLUICE_DRIVER_FPGA_FLOWQ_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "driver/fpga/datapath.h"
#include "driver/fpga/queue.h"
#include "sluice/contract.h"

struct sl_flowq {
	struct sl_datapath *datapath; /* executes at once; NULL: the card does, by `queue` */
	struct sl_queue queue;
	pthread_mutex_t lock;
	unsigned int timeout_ms;
	uint16_t tag;
	const struct rte_memzone *states; /* where DUMP writes: one flow_state per ring entry */
};

int sl_flowq_open(struct sl_flowq *fq, struct sl_bus *bus, const char *name, unsigned int timeout_ms);
/* Of a datapath of this process. */
void sl_flowq_open_local(struct sl_flowq *fq, struct sl_datapath *datapath);
void sl_flowq_close(struct sl_flowq *fq);

/* Executes one command of key (and record, for INSERT and UPDATE). cpl is valid if 0 is returned; the status in it is
 * the
 * caller's to judge. -ETIMEDOUT or -EIO otherwise. */
int sl_flowq_exec(struct sl_flowq *fq, enum sl_flow_op op, const struct sl_key *key, const struct sl_record *record,
		  struct sl_flow_cpl *cpl);

/* Whether the card has answered all commands, also those that were given up. Does not wait. */
bool sl_flowq_idle(struct sl_flowq *fq);

/* Reads flow ids [first, first + count) and calls seen() for each that the card holds, until seen() returns non-zero,
 * which
 * is then returned. Commands are batched. */
int sl_flowq_dump(struct sl_flowq *fq, uint32_t first, uint32_t count,
		  int (*seen)(void *ctx, uint32_t flow_id, const struct sl_flow_state *state), void *ctx);

#endif
