/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A short cut in front of host/slowpath for what there is most of: plain packets of known connections, but SYNs, that can be
 * forwarded. It looks at a whole burst first, so that the memory of the index and of the connections is on
 * its way while other frames are read (parse, hash, prefetch the bucket; find the entry, prefetch it), and then acts frame by
 * frame, in place. Whatever it does not know at once it leaves alone, untouched, to sl_slowpath_run(), which says the same of
 * those it does (tests/host/fastpath_test.c): the same bytes, port, counters and state. When a worker is behind, it also says which of the
 * frames that it does not know are not worth the slow path's time (sp->shed), or the place in its queue to another worker (sp->shed_of).
 *
 * No DPDK here. Owner of the shards only, between the same two quiescent states as sl_slowpath_run().
 */
#ifndef SLUICE_HOST_FASTPATH_H
#define SLUICE_HOST_FASTPATH_H

#include "host/conn_index.h"
#include "host/slowpath.h"
#include "hw/model/plain.h"

#define SL_FAST_BURST 64u
#define SL_FAST_ROOM SL_ACTION_HDR_BYTES /* bytes in front of a frame that may be written */

struct sl_fast_frame {
	/* In, and out of a frame that was forwarded: the new frame, which begins up to SL_FAST_ROOM bytes before the old one.
	 * All of it is contiguous. */
	uint8_t *data;
	uint32_t len;
	uint8_t port;     /* that it came by (of a bond: the lead); out: that it leaves by, before bonds are asked */
	bool fit;         /* in: may be taken; false: data and len say nothing */
	bool other;       /* private: of a shard of another worker */
	bool shed;        /* out of sl_fastpath_run() that said false: drop the frame (host/shed); it is counted */
	/* Private. */
	uint32_t ip_len;
	struct sl_plain plain;
	struct sl_conn_lookup lookup;
};

struct sl_fast_burst {
	unsigned int count; /* in */
	uint32_t caps;      /* private */
	struct sl_fast_frame frame[SL_FAST_BURST];
};

/* While something is shed (sp->shed->count), for each frame that was received, before anything else: true if it is to be dropped; it is
 * counted. What remains goes on in full bursts, as reading ahead in memory needs them. port: as in struct sl_fast_frame. */
bool sl_fastpath_sheds(struct sl_slowpath *sp, const uint8_t *data, uint32_t len, uint32_t frame_len, unsigned int port);

/* Looks at the burst and asks the cache for what it will need. */
void sl_fastpath_begin(struct sl_slowpath *sp, struct sl_fast_burst *burst);

static inline unsigned int sl_fastpath_shard(const struct sl_fast_frame *f)
{
	return f->lookup.shard;
}

/* True: frame n of the burst was forwarded and counted. In their order; sl_slowpath_run() may run between. */
bool sl_fastpath_run(struct sl_slowpath *sp, struct sl_fast_burst *burst, unsigned int n);

#endif
