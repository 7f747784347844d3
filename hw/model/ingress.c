/* SPDX-License-Identifier: BSD-3-Clause */
/* Stage ingress. See ingress.h. */
#include "hw/model/ingress.h"

int sl_ingress_check(const struct sl_pipeline_config *config, uint32_t frame_len, uint32_t port, uint32_t bad_fcs)
{
	SL_NONNULL(config);
	if (frame_len < SL_FRAME_MIN)
		return SL_REASON_RUNT;
	if (frame_len > SL_FRAME_MAX)
		return SL_REASON_OVERSIZE;
	if (bad_fcs)
		return SL_REASON_BAD_FCS;
	if (!config->enabled || !(config->filter.port_flags[port & (SL_PORTS_MAX - 1)] & SL_PORT_FLAG_ENABLE))
		return SL_REASON_PORT_DOWN;
	return 0;
}

uint32_t sl_ingress_ports_up(const struct sl_pipeline_config *config)
{
	SL_NONNULL(config);
	uint32_t up = 0;

	for (uint32_t port = 0; port < SL_PORTS_MAX; port++) {
		if (port < config->ports && (config->filter.port_flags[port] & SL_PORT_FLAG_ENABLE))
			up |= 1u << port;
	}
	return up;
}
