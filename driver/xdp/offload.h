/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The hardware-offload mode: flows that the network card itself forwards, by a program of its own (hw/xdp/offload.bpf.c) in front of
 * the host's, which stays attached in native or generic mode and does everything else. A flow is in the card in addition to the
 * host's table, never instead: what the card does not take, refuses or forgets, the host's program forwards.
 *
 * A flow goes into the card when the host's program has classified it (its memo), by the sweep for aged flows, and leaves by the
 * same sweep, or at once when its rule is changed or removed. What the card has counted is added to the flow's counters, and
 * the time when it was seen is that of the sweep that found more packets. The card's room is what its driver makes a map for; a flow
 * that finds none waits for one that is idle. If the card cannot be told something that it has to know, its program is taken off.
 *
 * Everything here is under sl_xdp.lock; what says so also under the flow queue's, which is taken first.
 */
#ifndef SLUICE_DRIVER_XDP_OFFLOAD_H
#define SLUICE_DRIVER_XDP_OFFLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sl_xdp;

/* Has the port's network card forward flows. 0 or a negative errno; then sl_xdp_port.refusal says why, in a sentence. */
int sl_xdp_offload_attach(struct sl_xdp *x, uint32_t port);

/* Takes off a program of ours that an earlier process left in the card; its flows count as seen now. What it forwarded since the
 * last sweep is missing in their counters. Under the flow queue's lock. */
void sl_xdp_offload_adopt(struct sl_xdp *x, uint32_t port);

/* Tells cards the present configuration: how the host's program takes frames, or (generation 0) that all are the host's. */
void sl_xdp_offload_tell(struct sl_xdp *x);

/* Has what the card counted of a flow added to it; leaving: and takes it out of the card. Under the flow queue's lock. */
void sl_xdp_offload_ask(struct sl_xdp *x, uint32_t flow_id, bool leaving);

/* Takes all flows of an action out. */
void sl_xdp_offload_action(struct sl_xdp *x, uint32_t action);

/* One flow's turn in a sweep, and the end of one. Under the flow queue's lock. */
void sl_xdp_offload_sweep(struct sl_xdp *x, uint32_t flow_id, uint32_t now_ms);
void sl_xdp_offload_swept(struct sl_xdp *x);

/* What the port's card does, or why it does nothing, in words. */
void sl_xdp_offload_say(const struct sl_xdp *x, uint32_t port, char *text, size_t size);

/* Takes the port's program off: nobody would tell it what changes. Under the flow queue's lock. */
void sl_xdp_offload_leave(struct sl_xdp *x, uint32_t port);

/* Frees what is left. */
void sl_xdp_offload_close(struct sl_xdp *x);

#endif
