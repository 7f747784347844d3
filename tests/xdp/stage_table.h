/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* What stage_table.bpf.c and its test share: a bucket, what to look for, and the way found. */
#ifndef SLUICE_TESTS_XDP_STAGE_TABLE_H
#define SLUICE_TESTS_XDP_STAGE_TABLE_H

#include "hw/model/table.h"

struct sl_stage_table {
	struct sl_table_bucket bucket;
	uint64_t hash;
	uint32_t epoch;
	uint32_t way;
};

#endif
