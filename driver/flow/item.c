/* SPDX-License-Identifier: BSD-3-Clause */
/* The rules of rte_flow that hold for every item. */
#include "driver/flow/item.h"

#include <string.h>

#include <rte_byteorder.h>

#include "driver/flow/refuse.h"

int sl_item_read(const struct sl_item_of *of, struct rte_flow_error *error)
{
	const struct rte_flow_item *item = of->item;
	const uint8_t *supported = of->supported, *ranged = of->ranged;

	memset(of->spec, 0, of->size);
	memset(of->last, 0, of->size);
	memset(of->mask, 0, of->size);
	if (!item->spec) {
		if (item->last || item->mask)
			return sl_refuse(error, EINVAL, RTE_FLOW_ERROR_TYPE_ITEM_SPEC, item,
				"an item with a mask or a last needs a spec");
		return 0;
	}
	memcpy(of->spec, item->spec, of->size);
	memcpy(of->mask, item->mask ? item->mask : of->default_mask, of->size);
	if (item->last)
		memcpy(of->last, item->last, of->size);
	for (size_t i = 0; i < of->size; i++) {
		if (of->mask[i] & ~supported[i])
			return sl_refuse(error, ENOTSUP, RTE_FLOW_ERROR_TYPE_ITEM_MASK, item,
				"a field of this item cannot be matched");
		of->spec[i] &= of->mask[i];
		of->last[i] &= of->mask[i];
		if (of->last[i] && of->last[i] != of->spec[i] && !(ranged && ranged[i]))
			return sl_refuse(error, ENOTSUP, RTE_FLOW_ERROR_TYPE_ITEM_LAST, item,
				"a range of this field cannot be matched: leave last out");
	}
	return 0;
}

bool sl_item_range16(uint16_t spec, uint16_t last, uint16_t mask, uint16_t *lo, uint16_t *hi, bool *any)
{
	*any = mask == 0;
	*lo = 0;
	*hi = UINT16_MAX;
	if (mask == 0)
		return true;
	*lo = rte_be_to_cpu_16(spec);
	*hi = last ? rte_be_to_cpu_16(last) : *lo;
	return mask == UINT16_MAX && *lo <= *hi;
}

int sl_item_prefix(const uint8_t *mask, unsigned int n)
{
	unsigned int bits = 0;

	while (bits < n * 8 && mask[bits / 8] & 0x80 >> bits % 8)
		bits++;
	for (unsigned int i = bits; i < n * 8; i++)
		if (mask[i / 8] & 0x80 >> i % 8)
			return -1;
	return (int)bits;
}

void sl_item_masked(uint8_t *out, const uint8_t *spec, const uint8_t *mask, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		out[i] = spec[i] & mask[i];
}
