/* SPDX-License-Identifier: BSD-3-Clause */
/* Events to the host. */
#include "firmware/event.h"

#include "firmware/hal.h"

void sl_event_push(enum sl_event_type type, uint32_t arg0, uint32_t arg1)
{
	sl_hal_mgmt_write(SL_MGMT_EVENT_DATA(0), (uint32_t)type);
	sl_hal_mgmt_write(SL_MGMT_EVENT_DATA(1), arg0);
	sl_hal_mgmt_write(SL_MGMT_EVENT_DATA(2), arg1);
	sl_hal_mgmt_write(SL_MGMT_EVENT_DATA(3), sl_hal_mgmt_read(SL_MGMT_TIME_MS));
	for (uint32_t i = 4; i < SL_MGMT_EVENT_DATA_COUNT; i++)
		sl_hal_mgmt_write(SL_MGMT_EVENT_DATA(i), 0);
	sl_hal_mgmt_write(SL_MGMT_EVENT_PUSH, 1);
}
