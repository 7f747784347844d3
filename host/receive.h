/* SPDX-License-Identifier: BSD-3-Clause */
/* What a worker takes from a receive queue: a burst, less what an overload sheds (host/shed). Threads: the queue's worker. */
#ifndef SLUICE_HOST_RECEIVE_H
#define SLUICE_HOST_RECEIVE_H

#include <stdbool.h>

#include <rte_mbuf.h>

#include "host/fastpath.h"

/* The card has forwarded the frame already. */
static inline bool sl_receive_is_copy(const struct rte_mbuf *m)
{
	return m->ol_flags & RTE_MBUF_F_RX_FDIR_ID && m->hash.fdir.hi == SL_MARK_COPY;
}

/* Frames of queue q of a port (its index) to run, their `port` set to that index. queue: a number for this queue that no other of the
 * worker has. All frames that were received are counted in sp->stats, those that were shed too. */
unsigned int sl_receive(struct sl_slowpath *sp, unsigned int port, unsigned int q, unsigned int queue,
			struct rte_mbuf *burst[SL_FAST_BURST]);

#endif
