/* SPDX-License-Identifier: BSD-3-Clause */
/* MAC ports. */
#include "firmware/port.h"

#include <stddef.h>

#include "firmware/event.h"
#include "firmware/firmware.h"
#include "firmware/hal.h"
#include "firmware/log.h"
#include "firmware/table.h"

enum sl_status sl_port_run_set(struct sl_firmware *fw, struct sl_command *c)
{
	const struct sl_port_config *arg = &c->arg.port;
	uint32_t flags = 0;

	if (arg->port >= fw->ports)
		return SL_STATUS_BAD_INDEX;
	if (arg->enable > 1 || arg->promisc > 1 || arg->allmulti > 1)
		return SL_STATUS_BAD_VALUE;
	for (size_t i = 0; i < sizeof(arg->reserved0); i++)
		if (arg->reserved0[i])
			return SL_STATUS_BAD_VALUE;
	flags |= arg->enable ? SL_PORT_FLAG_ENABLE : 0;
	flags |= arg->promisc ? SL_PORT_FLAG_PROMISCUOUS : 0;
	flags |= arg->allmulti ? SL_PORT_FLAG_ALL_MULTICAST : 0;
	sl_hal_csr_write(SL_CSR_PORT_FLAGS(arg->port), flags);
	return SL_STATUS_OK;
}

enum sl_status sl_port_run_get(struct sl_firmware *fw, struct sl_command *c)
{
	const uint32_t port = c->arg.index.index;
	struct sl_port_state *answer = &c->answer.port;
	uint32_t lo, hi;

	if (port >= fw->ports)
		return SL_STATUS_BAD_INDEX;
	if (c->arg.index.reserved0)
		return SL_STATUS_BAD_VALUE;
	sl_port_poll_link(fw);
	lo = sl_hal_mgmt_read(SL_MGMT_PORT_MAC_LO(port));
	hi = sl_hal_mgmt_read(SL_MGMT_PORT_MAC_HI(port));
	answer->port = (uint8_t)port;
	answer->link = fw->link >> port & 1;
	answer->enable = sl_hal_csr_read(SL_CSR_PORT_FLAGS(port)) & SL_PORT_FLAG_ENABLE;
	for (uint32_t i = 0; i < 4; i++)
		answer->mac[i] = (uint8_t)(lo >> 8 * i);
	answer->mac[4] = (uint8_t)hi;
	answer->mac[5] = (uint8_t)(hi >> 8);
	answer->mtu = (uint16_t)(hi >> 16);
	answer->speed_mbps = answer->link ? SL_PORT_SPEED_MBPS : 0;
	c->answer_len = sizeof(*answer);
	return SL_STATUS_OK;
}

enum sl_status sl_port_run_mac_set(struct sl_firmware *fw, struct sl_command *c)
{
	const struct sl_mac_filter *arg = &c->arg.mac;
	uint32_t lo = 0, hi;

	(void)fw;
	if (arg->index >= SL_MAC_FILTERS)
		return SL_STATUS_BAD_INDEX;
	if (arg->valid > 1 || arg->reserved0)
		return SL_STATUS_BAD_VALUE;
	for (uint32_t i = 0; i < 4; i++)
		lo |= (uint32_t)arg->mac[i] << 8 * i;
	hi = arg->mac[4] | (uint32_t)arg->mac[5] << 8 | (uint32_t)arg->port_mask << 16;
	hi |= arg->valid ? SL_MAC_HI_VALID : 0;
	sl_hal_csr_write(SL_CSR_MAC_LO(arg->index), lo);
	sl_hal_csr_write(SL_CSR_MAC_HI(arg->index), hi); /* takes effect here */
	return SL_STATUS_OK;
}

enum sl_status sl_port_run_stats(struct sl_firmware *fw, struct sl_command *c)
{
	const uint32_t port = c->arg.index.index;
	struct sl_counter_pair pair;
	enum sl_status status;

	if (port >= fw->ports)
		return SL_STATUS_BAD_INDEX;
	if (c->arg.index.reserved0)
		return SL_STATUS_BAD_VALUE;
	status = sl_table_read(SL_CSR_TABLE_PORT, 2 * port, &pair, sizeof(pair));
	if (status != SL_STATUS_OK)
		return status;
	c->answer.port_stats.rx_packets = pair.packets;
	c->answer.port_stats.rx_bytes = pair.bytes;
	status = sl_table_read(SL_CSR_TABLE_PORT, 2 * port + 1, &pair, sizeof(pair));
	if (status != SL_STATUS_OK)
		return status;
	c->answer.port_stats.tx_packets = pair.packets;
	c->answer.port_stats.tx_bytes = pair.bytes;
	c->answer_len = sizeof(c->answer.port_stats);
	return SL_STATUS_OK;
}

void sl_port_poll_link(struct sl_firmware *fw)
{
	const uint32_t link = sl_hal_mgmt_read(SL_MGMT_LINK);
	const uint32_t changed = link ^ fw->link;

	fw->link = link;
	for (uint32_t port = 0; port < fw->ports; port++) {
		if (!(changed >> port & 1))
			continue;
		sl_event_push(SL_EVENT_TYPE_LINK, port, link >> port & 1);
		sl_log_values("link: port, up", port, link >> port & 1);
	}
}
