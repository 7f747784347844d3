/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Random frames for a world: packets of its connections, tunnels around them, and everything a hostile sender can do to
 * them. IPv4 header checksums are mostly put right again after a mutation, so that the lie is found by the stage that
 * has to find it.
 */
#ifndef SLUICE_TESTS_COSIM_TRAFFIC_H
#define SLUICE_TESTS_COSIM_TRAFFIC_H

#include "tests/cosim/world.h"

#define TRAFFIC_FRAME_MAX 9800

struct traffic_frame {
	uint8_t data[TRAFFIC_FRAME_MAX];
	uint32_t len;
	uint8_t port;
	bool bad_fcs;
};

/* clean: a well-formed packet of a connection with an even number, which no command of a mixed batch touches. */
void traffic_frame(const struct world *w, struct chance *c, bool clean, struct traffic_frame *frame);

#endif
