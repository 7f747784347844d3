/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How a rule is refused: an errno, the part of the rule at fault, and a sentence. EINVAL: the rule contradicts itself
 * or
 * rte_flow; ENOTSUP: it is meaningful, but no Sluice card can do literally that.
 */
#ifndef SLUICE_DRIVER_FLOW_REFUSE_H
#define SLUICE_DRIVER_FLOW_REFUSE_H

#include <errno.h>

#include <rte_flow_driver.h>

static inline int sl_refuse(struct rte_flow_error *error, int code, enum rte_flow_error_type type, const void *cause,
			    const char *sentence)
{
	return rte_flow_error_set(error, code, type, cause, sentence);
}

#endif
