/* SPDX-License-Identifier: BSD-3-Clause */
/* The summary of rules by which the XDP program knows frames that none of them can match (hw/xdp/named.h). */
#ifndef SLUICE_DRIVER_XDP_NAMED_H
#define SLUICE_DRIVER_XDP_NAMED_H

#include "hw/xdp/sluice.h"

/* Of these rules and prefixes (SL_PREFIX_BUCKETS), for ports as they are configured (SL_PORTS_MAX, or `ports` of them). Nobody
 * may be asking it meanwhile. */
void sl_xdp_named_make(struct sl_xdp_named *named, const struct sl_class_table *rules, const struct sl_prefix_bucket *prefixes,
		       const struct sl_xdp_config *config, uint32_t ports);

#endif
