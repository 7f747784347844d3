/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The prefix tables beside stage class (docs/datapath.md section 3): which sets of prefixes a frame's destination and
 * source are in. Where the buckets lie is the caller's business: memory here, a map of the kernel in XDP.
 */
#ifndef SLUICE_MODEL_PREFIX_H
#define SLUICE_MODEL_PREFIX_H

#include "hw/model/parse.h"
#include "sluice/prefix.h"

/* Sets that the frame is in, by prefix_mode; [SL_PREFIX_MODE_NONE] is unused. */
struct sl_prefix_sets {
	uint32_t of[3];
};

static inline bool sl_prefix_asked(const struct sl_class_rule *rule)
{
	return rule->prefix_mode == SL_PREFIX_MODE_DST || rule->prefix_mode == SL_PREFIX_MODE_SRC;
}

/* The side of the outer packet that prefixes of this mode are about. Returns its family. */
uint32_t sl_prefix_side(const struct sl_headers *headers, uint32_t mode, struct sl_prefix_side *side);

/* The side's bucket in a table and bank. */
uint32_t sl_prefix_bucket(const struct sl_prefix_side *side, uint32_t table, uint32_t bank);

/* The sets of all prefixes in a bucket of the table that the side matches. */
uint32_t sl_prefix_bucket_sets(const struct sl_prefix_bucket *bucket, uint32_t table, const struct sl_prefix_side *side);

/* The meter of the first of them that is in the set; -1 if there is none. */
int sl_prefix_bucket_meter(const struct sl_prefix_bucket *bucket, uint32_t table, const struct sl_prefix_side *side,
			   uint32_t set);

/* Both over all of a frame's buckets, with the tables in memory (SL_PREFIX_BUCKETS). */
void sl_prefix_find(const struct sl_prefix_bucket *tables, const struct sl_headers *headers, struct sl_prefix_sets *sets);
/* The meter of a frame that matched the rule: of the first matching prefix in the rule's set, exact before wide, bank 0
 * before bank 1, way 0 before the others; the rule's own if it asks for no prefix or that prefix says so. */
uint32_t sl_prefix_meter(const struct sl_prefix_bucket *tables, const struct sl_headers *headers,
			 const struct sl_class_rule *rule);

#endif
