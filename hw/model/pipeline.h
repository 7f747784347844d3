/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The stages strung together for one frame: parse, class, key, hash, table, action, rewrite, punt. Where rules, flows,
 * actions and meters are kept is the caller's business, behind four callbacks; so the card's engine, the host's
 * software path and the XDP program share this one order of decisions. What is left to the caller: ingress checks before
 * (stage ingress), counting and delivery after, and HOST_OVERFLOW, which only the owner of the buffer can know.
 */
#ifndef SLUICE_MODEL_PIPELINE_H
#define SLUICE_MODEL_PIPELINE_H

#include "hw/model/action.h"
#include "hw/model/class.h"
#include "hw/model/hash.h"
#include "hw/model/ingress.h"
#include "hw/model/key.h"
#include "hw/model/parse.h"
#include "hw/model/punt.h"
#include "hw/model/rewrite.h"

enum sl_fate {
	SL_FATE_DROP = 0,
	SL_FATE_HOST = 1,    /* the frame as it came */
	SL_FATE_FORWARD = 2, /* the rewritten frame, by port_out */
};

/* What became of a frame. reason is the verdict reason to count. */
struct sl_pipeline_result {
	uint8_t fate; /* sl_fate */
	uint8_t reason;
	uint8_t rule; /* that matched, SL_CLASS_NONE none: its RULE counter counts the frame */
	uint8_t port_out;
	uint8_t copy; /* with FORWARD: 0 none, else SL_REASON_COPY (deliver a copy too) or SL_REASON_COPY_METERED */
	uint8_t mark_valid;
	uint16_t tenant;
	uint32_t mark;
	uint32_t copy_mark;
	uint32_t hash;    /* low half of the key's hash, 0 without a key */
	uint32_t flow_id; /* of a hit, else SL_FLOW_ID_NONE */
	uint32_t meter;   /* of what leaves for the host */
	const struct sl_class_rule *matched; /* between the two steps: the rule of that index */
	struct sl_headers headers;
	struct sl_key key; /* valid if has_key */
	uint8_t has_key;
	struct sl_rewrite rewrite; /* valid with FORWARD */
};

/* What the caller keeps. Returned pointers stay valid until the frame has been judged. */
struct sl_lookups {
	/* The deciding rule, its index and the meter that it or its prefix names, or NULL. */
	const struct sl_class_rule *(*class_find)(void *ctx, const struct sl_headers *headers, uint32_t *index,
						  uint32_t *meter);
	/* The key's record and flow id, or NULL. */
	const struct sl_record *(*flow_find)(void *ctx, const struct sl_key *key, uint64_t hash, uint32_t *flow_id);
	/* The action entry, or NULL if the index is out of range. */
	const struct sl_action *(*action_get)(void *ctx, uint32_t index);
	/* Takes a token of that meter (index as class_find gave it); false if there is none. */
	bool (*meter_take)(void *ctx, uint32_t meter);
};

/* Judges a frame that passed sl_ingress_check(). Sets every field of *result that its fate makes valid. */
void sl_pipeline_run(const struct sl_lookups *lookups, void *ctx, const struct sl_pipeline_config *config,
		     const struct sl_window *window, uint32_t frame_len, uint32_t port, struct sl_pipeline_result *result);

/*
 * The same in two steps, for a caller with a burst of frames: the first step for each frame, then the second for those
 * where the first said true. In between the flow table's memory can be fetched (sl_table_prefetch with rewrite.hash),
 * which otherwise is most of the time that a frame takes.
 */
bool sl_pipeline_begin(const struct sl_lookups *lookups, void *ctx, const struct sl_pipeline_config *config,
		       const struct sl_window *window, uint32_t frame_len, uint32_t port,
		       struct sl_pipeline_result *result);
void sl_pipeline_finish(const struct sl_lookups *lookups, void *ctx, const struct sl_pipeline_config *config,
			const struct sl_window *window, struct sl_pipeline_result *result);

#endif
