/* SPDX-License-Identifier: BSD-3-Clause */
/* One rte_flow item made regular: spec, last and mask present, default mask applied, nothing in it that is not
 * supported. */
#ifndef SLUICE_DRIVER_FLOW_ITEM_H
#define SLUICE_DRIVER_FLOW_ITEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_flow.h>

/* Copies of spec, last and mask of one item; all zero where the item leaves them out. */
struct sl_item_of {
	const struct rte_flow_item *item;
	const void *default_mask;
	const void *supported;  /* bits that can be matched */
	const void *ranged;     /* bits whose fields may have a `last`; NULL none */
	size_t size;
	uint8_t *spec, *last, *mask;
};

/* Fills spec, last and mask. 0, or a refusal in error. */
int sl_item_read(const struct sl_item_of *of, struct rte_flow_error *error);

/* The same for a function whose locals spec, last and mask have the type of the item's kind. */
#define SL_ITEM_READ(item_, kind_, supported_, ranged_, error_) \
	sl_item_read(&(const struct sl_item_of){ \
		.item = item_, \
		.default_mask = &rte_flow_item_##kind_##_mask, \
		.supported = supported_, \
		.ranged = ranged_, \
		.size = sizeof(spec), \
		.spec = (uint8_t *)&spec, \
		.last = (uint8_t *)&last, \
		.mask = (uint8_t *)&mask, \
	}, error_)

/* Range of a 16-bit field in network order: *lo and *hi in host order. False if the mask is neither empty nor full, or
 * the
 * range is empty; *any is set if the field is not matched. */
bool sl_item_range16(uint16_t spec, uint16_t last, uint16_t mask, uint16_t *lo, uint16_t *hi, bool *any);

/* Length of a prefix mask of n bytes, or -1 if it is not one. */
int sl_item_prefix(const uint8_t *mask, unsigned int n);

/* n bytes of spec under mask. */
void sl_item_masked(uint8_t *out, const uint8_t *spec, const uint8_t *mask, unsigned int n);

#endif
