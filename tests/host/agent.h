/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The agent's packet path in a vector's state. A vector's flows become connections, its actions the way to the backend and
 * back; services and next hops are faked from them. What the agent never does cannot be expressed: forwarding without
 * decrementing the TTL, keeping the Ethernet header, classification by rules, misses. Frames that parsing
 * ends are judged in every vector. Each frame goes through two agents, by host/slowpath alone and by host/fastpath where that takes
 * it, twice: they must not differ, whether the state can be expressed or not.
 */
#ifndef SLUICE_TESTS_HOST_AGENT_H
#define SLUICE_TESTS_HOST_AGENT_H

#include "tests/vectors/load.h"

#define AGENT_TUNNELS 5 /* kinds */

enum agent_outcome { AGENT_SAME, AGENT_DIFFERS, AGENT_SKIPPED };

/* One frame of the vector, in a state of its own. *differs: of AGENT_DIFFERS, what. */
enum agent_outcome agent_frame_run(const struct sl_vector *v, const struct sl_vector_step *step, const char **differs);

extern unsigned int agent_opened[AGENT_TUNNELS]; /* forwarded out of tunnels, by kind */
extern unsigned int agent_short_cuts;            /* frames that the short cut took */

#endif
