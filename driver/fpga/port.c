/* SPDX-License-Identifier: BSD-3-Clause */
/* What a port does alike whether its card is behind a bus or a datapath of this host: state, settings, joining and leaving. */
#include "driver/fpga/port.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ethdev_vdev.h>
#include <rte_interrupts.h>

#include "driver/fpga/adopt.h"
#include "driver/fpga/log.h"

int sl_port_apply(struct sl_port *port)
{
	struct sl_port_config arg = {
		.port = port->port,
		.enable = port->enabled,
		.promisc = port->promisc,
		.allmulti = port->allmulti,
	};

	memcpy(arg.mac, port->mac.addr_bytes, sizeof(arg.mac));
	return sl_admin_exec(&port->card->admin, SL_ADMIN_OP_PORT_SET, &arg, sizeof(arg), NULL, 0);
}

int sl_port_apply_mac(struct sl_port *port)
{
	struct sl_mac_filter arg = {.index = port->port, .valid = 1, .port_mask = (uint8_t)(1u << port->port)};

	memcpy(arg.mac, port->mac.addr_bytes, sizeof(arg.mac));
	return sl_admin_exec(&port->card->admin, SL_ADMIN_OP_MAC_SET, &arg, sizeof(arg), NULL, 0);
}

int sl_port_state(struct sl_port *port, struct sl_port_state *state)
{
	const struct sl_index_arg arg = {.index = port->port};

	return sl_admin_exec(&port->card->admin, SL_ADMIN_OP_PORT_GET, &arg, sizeof(arg), state, sizeof(*state));
}

int sl_port_promiscuous_enable(struct rte_eth_dev *dev)
{
	sl_port_of(dev)->promisc = true;
	return sl_port_apply(sl_port_of(dev));
}

int sl_port_promiscuous_disable(struct rte_eth_dev *dev)
{
	sl_port_of(dev)->promisc = false;
	return sl_port_apply(sl_port_of(dev));
}

int sl_port_allmulticast_enable(struct rte_eth_dev *dev)
{
	sl_port_of(dev)->allmulti = true;
	return sl_port_apply(sl_port_of(dev));
}

int sl_port_allmulticast_disable(struct rte_eth_dev *dev)
{
	sl_port_of(dev)->allmulti = false;
	return sl_port_apply(sl_port_of(dev));
}

int sl_port_mac_set(struct rte_eth_dev *dev, struct rte_ether_addr *mac)
{
	struct sl_port *port = sl_port_of(dev);

	rte_ether_addr_copy(mac, &port->mac);
	return sl_port_apply_mac(port);
}

int sl_port_mtu_set(struct rte_eth_dev *dev, uint16_t mtu)
{
	struct sl_port *port = sl_port_of(dev);
	int rc;

	if (port->wire_mtu && mtu > port->wire_mtu) {
		SL_LOG(ERR, "port %u: MTU %u is more than the wire carries (%u)", port->port, mtu, port->wire_mtu);
		return -EINVAL;
	}
	pthread_mutex_lock(&port->card->lock);
	rc = sl_actions_set_mtu(&port->card->actions, port->port, mtu);
	pthread_mutex_unlock(&port->card->lock);
	return rc;
}

int sl_port_link_update(struct rte_eth_dev *dev, int wait)
{
	struct sl_port *port = sl_port_of(dev);
	struct rte_eth_link link = {
		.link_speed = RTE_ETH_SPEED_NUM_NONE,
		.link_duplex = RTE_ETH_LINK_FULL_DUPLEX,
		.link_autoneg = RTE_ETH_LINK_FIXED,
	};
	struct sl_port_state state;

	(void)wait;
	if (!sl_card_gone(port->card) && sl_port_state(port, &state) == 0) {
		link.link_speed = state.speed_mbps;
		link.link_status = state.link && state.enable;
	}
	return rte_eth_linkstatus_set(dev, &link);
}

static int set_enabled(struct rte_eth_dev *dev, bool enabled)
{
	struct sl_port *port = sl_port_of(dev);
	int rc;

	port->enabled = enabled;
	rc = sl_port_apply(port);
	if (rc == 0)
		sl_port_link_update(dev, 0);
	return rc;
}

int sl_port_link_up(struct rte_eth_dev *dev)
{
	return set_enabled(dev, true);
}

int sl_port_link_down(struct rte_eth_dev *dev)
{
	return set_enabled(dev, false);
}

int sl_port_configure(struct rte_eth_dev *dev)
{
	return sl_card_gone(sl_port_of(dev)->card) ? -EIO : 0;
}

/* Ends the replay of rules and brings what the card holds in line with this port's settings. */
int sl_port_settle(struct sl_port *port, uint16_t mtu)
{
	int rc;

	pthread_mutex_lock(&port->card->lock);
	rc = sl_adopt_sweep(port->card, port->port);
	if (rc == 0)
		rc = sl_actions_set_mtu(&port->card->actions, port->port, mtu);
	pthread_mutex_unlock(&port->card->lock);
	return rc;
}

int sl_port_removed(struct rte_eth_dev *dev)
{
	return sl_card_gone(sl_port_of(dev)->card);
}

int sl_port_flow_ops(struct rte_eth_dev *dev, const struct rte_flow_ops **ops)
{
	(void)dev;
	*ops = &sl_flow_ops;
	return 0;
}

int sl_port_mtr_ops(struct rte_eth_dev *dev, void *ops)
{
	(void)dev;
	*(const struct rte_mtr_ops **)ops = &sl_mtr_ops;
	return 0;
}

int sl_port_open(struct rte_eth_dev *dev, struct sl_card *card, unsigned int number)
{
	struct sl_port *port = sl_port_of(dev);
	struct sl_port_state state;
	int rc;

	port->card = card;
	port->dev = dev;
	port->port = (uint8_t)number;
	port->owner = (uint8_t)(number + 1);
	TAILQ_INIT(&port->flows);
	TAILQ_INIT(&port->indirects);
	rc = sl_card_join(card, number, dev);
	if (rc) {
		if (rc == -ENODEV)
			SL_LOG(ERR, "%s has no port %u: it has %u", card->config.path, number, card->caps.ports);
		else
			SL_LOG(ERR, "port %u of %s is an ethdev of this process already", number, card->config.path);
		return rc;
	}
	rc = sl_port_state(port, &state);
	if (rc == 0) {
		port->enabled = state.enable;
		port->wire_mtu = state.mtu;
		port->speed_mbps = state.speed_mbps;
		memcpy(port->mac.addr_bytes, state.mac, sizeof(state.mac));
		port->rx_intr = rte_intr_instance_alloc(RTE_INTR_INSTANCE_F_PRIVATE);
		rc = port->rx_intr ? 0 : -ENOMEM;
	}
	if (rc) {
		sl_card_leave(card, number);
		return rc;
	}
	rte_intr_type_set(port->rx_intr, RTE_INTR_HANDLE_VDEV);
	dev->data->mac_addrs = &port->mac;
	dev->data->dev_link.link_status = RTE_ETH_LINK_DOWN;
	dev->data->dev_flags |= RTE_ETH_DEV_FLOW_OPS_THREAD_SAFE | RTE_ETH_DEV_INTR_LSC | RTE_ETH_DEV_AUTOFILL_QUEUE_XSTATS;
	return 0;
}

void sl_port_close(struct rte_eth_dev *dev)
{
	struct sl_port *port = sl_port_of(dev);

	sl_flow_leave(port);
	sl_card_leave(port->card, port->port);
	rte_intr_instance_free(port->rx_intr);
	sl_card_put(port->card);
	dev->data->mac_addrs = NULL; /* part of the private data */
}

int sl_port_number(const char *key, const char *value, void *out)
{
	char *end = NULL;
	unsigned long long number;

	errno = 0;
	number = value ? strtoull(value, &end, 0) : 0;
	if (!value || *value == '\0' || *end != '\0' || errno || number > UINT32_MAX || *value == '-') {
		SL_LOG(ERR, "%s=%s: a number from 0 to 4294967295 is needed", key, value ? value : "");
		return -EINVAL;
	}
	*(uint64_t *)out = number;
	return 0;
}

static int make(struct rte_vdev_device *vdev, struct sl_card *card, sl_port_init *init, const void *args)
{
	struct rte_eth_dev *dev = rte_eth_vdev_allocate(vdev, sizeof(struct sl_port));
	int rc;

	if (!dev)
		return -ENOMEM;
	rc = init(dev, card, args);
	if (rc) {
		dev->data->mac_addrs = NULL;
		rte_eth_dev_release_port(dev);
		return rc;
	}
	rte_eth_dev_probing_finish(dev);
	return 0;
}

int sl_port_probe(struct rte_vdev_device *vdev, const struct sl_card_config *config, sl_port_init *init, const void *args)
{
	struct sl_card *card;
	int rc;

	if (rte_eal_process_type() != RTE_PROC_PRIMARY) {
		SL_LOG(ERR, "%s: secondary processes are not supported", rte_vdev_device_name(vdev));
		return -ENOTSUP;
	}
	rc = sl_card_get(config, &card);
	if (rc)
		return rc;
	rc = make(vdev, card, init, args);
	if (rc)
		sl_card_put(card);
	return rc;
}

int sl_port_remove(struct rte_vdev_device *vdev)
{
	struct rte_eth_dev *dev = rte_eth_dev_allocated(rte_vdev_device_name(vdev));

	if (!dev)
		return 0;
	dev->dev_ops->dev_close(dev);
	return rte_eth_dev_release_port(dev);
}
