/* SPDX-License-Identifier: BSD-3-Clause */
/* Self-test at start. */
#include "firmware/selftest.h"

#include <stddef.h>
#include <stdint.h>

#include "firmware/hal.h"
#include "firmware/log.h"
#include "firmware/table.h"

static volatile uint32_t scratch[256];

/* Each word gets a pattern made of its index, then the complement: finds stuck bits and lines of the address. */
static bool ram_good(void)
{
	static const uint32_t flips[] = { 0, 0xffffffffu };

	for (size_t f = 0; f < 2; f++) {
		for (uint32_t i = 0; i < 256; i++)
			scratch[i] = (i * 0x01010101u ^ 0xa5a5a5a5u) ^ flips[f];
		for (uint32_t i = 0; i < 256; i++)
			if (scratch[i] != ((i * 0x01010101u ^ 0xa5a5a5a5u) ^ flips[f]))
				return false;
	}
	return true;
}

static bool register_is(const char *what, uint32_t value, uint32_t expected)
{
	if (value == expected)
		return true;
	sl_log_values(what, value, expected);
	return false;
}

bool sl_selftest_run(void)
{
	const uint32_t ports = sl_hal_csr_read(SL_CSR_CONFIG) >> 8 & 0xff;

	if (!ram_good()) {
		sl_log_text("self-test: RAM does not keep what was written");
		return false;
	}
	if (!register_is("self-test: mgmt.ID, expected", sl_hal_mgmt_read(SL_MGMT_ID), SL_CARD_ID) ||
	    !register_is("self-test: csr.ID, expected", sl_hal_csr_read(SL_CSR_ID), SL_DATAPATH_ID) ||
	    !register_is("self-test: csr.ABI, expected", sl_hal_csr_read(SL_CSR_ABI), SL_ABI_VERSION))
		return false;
	if (ports == 0 || ports > SL_PORTS_MAX || sl_hal_mgmt_read(SL_MGMT_PORTS) > ports) {
		sl_log_values("self-test: ports of the datapath, of the card", ports, sl_hal_mgmt_read(SL_MGMT_PORTS));
		return false;
	}
	return sl_table_wait_clear();
}
