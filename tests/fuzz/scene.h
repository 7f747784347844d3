/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An input of the datapath's fuzzer: the state of one vector of the corpus, a few changes of it, a few frames. As bytes:
 *
 *	base (2)  changes (1)  frames (1)
 *	a change:  what (1)  index (1)  at (2)  value (4)
 *	a frame:   port (1)  length - 1 (2)  bytes given (2)  bytes; what is not given is zeroes
 *
 * little-endian; what bytes lack is 0, what is out of range is brought into it. So every input is a scene.
 */
#ifndef SLUICE_TESTS_FUZZ_SCENE_H
#define SLUICE_TESTS_FUZZ_SCENE_H

#include "tests/vectors/load.h"

#define SCENE_CHANGES 8u
#define SCENE_FRAMES 4u
#define SCENE_FRAME_BYTES 2048u
#define SCENE_FRAME_MAX 9700u /* longer than SL_FRAME_MAX, so that a frame can be too long */
#define SCENE_BYTES (4 + 8 * SCENE_CHANGES + SCENE_FRAMES * (5 + SCENE_FRAME_BYTES)) /* of an input, at most */
#define SCENE_FLOWS 256u
#define SCENE_ENTRIES 64u /* rules, actions, meters: of each */

enum scene_what {
	SCENE_PORT,         /* a port's flags */
	SCENE_TUNNELS,      /* which tunnels are recognised */
	SCENE_RULE,         /* a field of a rule */
	SCENE_RULE_OF,      /* one more rule, of another vector, in front */
	SCENE_RULE_NEW,     /* one that takes some packets of a connection, in front */
	SCENE_ACTION,       /* validity, MTU, port, Ethernet header kept or not */
	SCENE_ACTION_OF,    /* an action of another vector */
	SCENE_FLOW,         /* a flow's action and flags */
	SCENE_NAT,          /* what a flow translates */
	SCENE_FLOW_OF,      /* one more flow: of a frame */
	SCENE_METER,
	SCENE_MISS_MARK,
	SCENE_MAC,
	SCENE_WHATS
};

struct scene_change {
	uint8_t what, index;
	uint16_t at;
	uint32_t value;
};

struct scene_frame {
	uint8_t port;
	uint32_t len, given; /* given <= len and <= SCENE_FRAME_BYTES */
	uint8_t data[SCENE_FRAME_BYTES];
};

struct scene {
	uint16_t base;
	unsigned int changes, frames;
	struct scene_change change[SCENE_CHANGES];
	struct scene_frame frame[SCENE_FRAMES];
};

void scene_read(struct scene *s, const uint8_t *data, size_t size);
/* Bytes written; 0 if there is no room. */
size_t scene_write(const struct scene *s, uint8_t *data, size_t room);

/* A vector of the corpus as a scene, without changes: frames from step `first` on. */
void scene_of(struct scene *s, const struct sl_corpus *corpus, size_t base, size_t first);

/* The scene's state and its frames, twice, as a vector whose expectations are still empty. Overwritten by the next call. */
struct sl_vector *scene_vector(const struct scene *s, const struct sl_corpus *corpus);

/* Makes the change in the vector, within what a driver may ask a card for. */
void scene_change(struct sl_vector *v, const struct scene_change *c, const struct sl_corpus *corpus);

#endif
