/* SPDX-License-Identifier: BSD-3-Clause */
/* Punt meters. */
#include "firmware/meter.h"

#include "firmware/hal.h"
#include "firmware/table.h"

/* An unlimited meter (rate 0) has no use for a burst, so there 0 is allowed as well. */
enum sl_status sl_meter_run_set(struct sl_firmware *fw, struct sl_command *c)
{
	const struct sl_meter_arg *arg = &c->arg.meter;

	(void)fw;
	if (arg->index >= SL_METERS)
		return SL_STATUS_BAD_INDEX;
	if (arg->reserved0 || arg->meter.reserved0 || arg->meter.burst > SL_METER_BURST_MAX)
		return SL_STATUS_BAD_VALUE;
	if (arg->meter.rate && !arg->meter.burst)
		return SL_STATUS_BAD_VALUE;
	return sl_table_write(SL_CSR_TABLE_METER, arg->index, &arg->meter, sizeof(arg->meter));
}

enum sl_status sl_meter_set_defaults(void)
{
	const struct sl_meter unlimited = { .rate = 0, .burst = SL_METER_BURST_MAX };
	enum sl_status status = sl_table_write(SL_CSR_TABLE_METER, 0, &unlimited, sizeof(unlimited));

	for (uint32_t i = 1; i < SL_METERS && status == SL_STATUS_OK; i++)
		status = sl_table_write_again(SL_CSR_TABLE_METER, i);
	return status;
}
