/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The admin queue: one command at a time, executed by the card's firmware. Any thread; callers wait for each other.
 */
#ifndef SLUICE_DRIVER_FPGA_ADMIN_H
#define SLUICE_DRIVER_FPGA_ADMIN_H

#include <pthread.h>
#include <stdint.h>

#include "driver/fpga/datapath.h"
#include "driver/fpga/queue.h"
#include "sluice/contract.h"

struct sl_admin {
	struct sl_datapath *datapath; /* executes at once; NULL: the card's firmware does, by `queue` */
	struct sl_queue queue;
	pthread_mutex_t lock;
	unsigned int timeout_ms;
	uint16_t tag;
};

int sl_admin_open(struct sl_admin *admin, struct sl_bus *bus, const char *name, unsigned int timeout_ms);
/* Of a datapath of this process. */
void sl_admin_open_local(struct sl_admin *admin, struct sl_datapath *datapath);
void sl_admin_close(struct sl_admin *admin);

/*
 * Executes a command and copies up to answer_len bytes of its answer (the rest of `answer` is zeroed). 0 or a negative
 * errno: what sl_admin_errno() makes of the card's status, -ETIMEDOUT if the firmware does not answer in time, -EIO if
 * the
 * card has gone. Commands that the firmware aborted because it restarted are repeated.
 */
int sl_admin_exec(struct sl_admin *admin, enum sl_admin_op op, const void *arg, uint32_t arg_len, void *answer,
		  uint32_t answer_len);

/* A card's status as a negative errno; 0 for OK. */
int sl_admin_errno(uint8_t status);

#endif
