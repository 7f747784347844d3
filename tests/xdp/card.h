/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The program of a network card that runs BPF (hw/xdp/offload.bpf.c), in this kernel: with a flow that the host's program has a memo of
 * it does to a frame what that one does, or nothing.
 */
#ifndef SLUICE_TESTS_XDP_CARD_H
#define SLUICE_TESTS_XDP_CARD_H

#include "tests/xdp/program.h"

#define XDP_CARD_FLOWS 64

struct xdp_card {
	struct bpf_object *object;
	int prog, config, flows;
	struct sl_key flow[XDP_CARD_FLOWS]; /* in the map */
	uint32_t flow_count;
	unsigned int sent, passed;
};

void xdp_card_open(struct xdp_card *card, const char *path);
void xdp_card_close(struct xdp_card *card);

/* Gives it the port's configuration and takes all flows. */
void xdp_card_begin(struct xdp_card *card, const struct sl_xdp_config *config);

/*
 * Gives it the flow, if that has a memo, as the driver does; but also one that leaves by another port, which the program does not
 * know. False: there is no memo, or no room.
 */
bool xdp_card_put(struct xdp_card *card, struct xdp_program *x, uint32_t flow_id, const struct sl_xdp_config *config);

/* One frame, of which the host's program made `bytes`. NULL, or what differs. */
const char *xdp_card_run(struct xdp_card *card, const uint8_t *frame, uint32_t frame_len, uint32_t verdict, const uint8_t *bytes,
			 uint32_t len);

#endif
