/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A fake datapath: registers and tables of the block "csr" without packets. The tests of the firmware's host build use it
 * behind the firmware's accessors, the tests of the real image as an engine behind the management core. Test programs
 * set and look at its fields.
 */
#ifndef SLUICE_TESTS_FIRMWARE_FAKE_H
#define SLUICE_TESTS_FIRMWARE_FAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/engine.h"
#include "sluice/contract.h"

struct sl_engine {
	uint32_t id, abi, config;
	uint32_t clearing;      /* STATUS bit 0 is set for this many reads; UINT32_MAX for ever */
	uint32_t clear_after_epoch; /* reads that a new EPOCH takes to clear */
	bool table_stuck;       /* TBL_STATUS stays busy */
	uint32_t ctrl, epoch, age_period, vxlan_port, miss_mark, miss_flags;
	uint32_t occupancy, moves, refused;
	uint32_t hash_key[SL_CSR_HASH_KEY_COUNT];
	unsigned int hash_key_writes;
	unsigned int bad_writes; /* of read-only or missing registers, or of HASH_KEY while CTRL is 1 */
	uint32_t port_flags[SL_PORTS_MAX], mac_lo[SL_MAC_FILTERS], mac_hi[SL_MAC_FILTERS];
	uint32_t tbl_sel, tbl_status, tbl_data[SL_CSR_TBL_DATA_COUNT];
	unsigned int table_writes;
	unsigned int writes_left; /* not 0: after so many writes of entries TBL_STATUS stays busy */
	struct sl_class_rule rule[SL_CLASS_RULES];
	struct sl_action action[SL_ACTIONS];
	struct sl_meter meter[SL_METERS];
	struct sl_prefix_bucket bucket[SL_PREFIX_BUCKETS];
	uint32_t prefixes;
	struct sl_counter_pair reason[SL_REASONS], port[2 * SL_PORTS_MAX], rule_count[SL_CLASS_RULES];
};

void fake_reset(struct sl_engine *e, unsigned int ports);
uint32_t fake_csr_read(struct sl_engine *e, uint32_t offset);
void fake_csr_write(struct sl_engine *e, uint32_t offset, uint32_t value);

/* Only csr_read, csr_write and reset (2 ports). */
extern const struct sl_engine_ops fake_engine;

/* Commands that the firmware accepts, used as the starting point of rows that change one field. */
struct sl_class_rule fake_good_rule(void);
struct sl_action fake_good_action(void);

#endif
