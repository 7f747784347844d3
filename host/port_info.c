/* SPDX-License-Identifier: BSD-3-Clause */
/* A port's meters: of the classes first, then of the services that want one of their own. */
#include "host/port_info.h"

#include <stdio.h>

#include <rte_common.h>

#include "host/meters.h"
#include "host/port.h"
#include "host/probe.h"

void sl_port_info_probe_meters(unsigned int i, uint16_t proxy, struct sl_offload_port_info *info)
{
	struct sl_meter_info syn;
	uint32_t mtr_id;

	if (sl_meters_get(i, SL_METERED_SYN, &mtr_id)) {
		sl_probe_meters(proxy, sl_port_at(i)->port_id, mtr_id, info);
		return;
	}
	sl_meters_info(i, SL_METERED_SYN, &syn);
	snprintf(info->meters_error, sizeof(info->meters_error), "%s", syn.why);
}

void sl_port_info_meters(unsigned int i, const struct sl_services *services, struct sl_offload_port_info *info)
{
	unsigned int n = 0;

	for (enum sl_metered metered = 0; metered < SL_METERED_CLASSES; metered++)
		sl_meters_info(i, metered, &info->meters[metered]);
	for (unsigned int k = 0; services && k < services->service_count && n < RTE_DIM(info->service_meter); k++) {
		const struct sl_service *s = services->services[k];

		if (!s->misses.rate_pps || s->retired)
			continue;
		snprintf(info->service_meter[n].service, sizeof(info->service_meter[n].service), "%s", s->name);
		sl_meters_info_service(i, s->id, &s->misses, &info->service_meter[n++].meter);
	}
	info->service_meter_count = n;
}
