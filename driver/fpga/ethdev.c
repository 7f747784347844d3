/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * net_sluice: a port of a Sluice card as a DPDK ethdev.
 *
 *	--vdev net_sluice0,bus=/run/card.sock,port=0[,timeout_ms=2000][,kernel_pps=0]
 *
 * bus         Unix socket of the simulated card; ports of one process that name the same path share one connection.
 * port        port of the card, from 0.
 * timeout_ms  bound of every wait for the card. The first port that connects decides.
 * kernel_pps  frames a second that reach the host though no rule matched them (meter 0); 0 unlimited. Likewise.
 *
 * Flow rules belong to the card, not to this process: they survive rte_eth_dev_stop() and configure()
 * (RTE_ETH_DEV_CAPA_FLOW_RULE_KEEP), rte_eth_dev_close(), and the end of the process, and go on forwarding.
 * rte_flow_destroy() and rte_flow_flush() remove them. Rules may be created while the port is configured but not
 * started;
 * rte_eth_dev_start() removes what an earlier process left and this one did not create again (adopt.h).
 *
 * Left to others: what every kind of port does (port.c), rings (queue.c), bursts (rx.c, tx.c), rte_flow (flow_ops.c), meters (mtr.c), counters (stats.c).
 */
#include "driver/fpga/eeprom.h"
#include "driver/fpga/port.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bus_vdev_driver.h>
#include <ethdev_vdev.h>
#include <rte_interrupts.h>
#include <rte_kvargs.h>

#include "driver/fpga/log.h"

#define ARG_BUS "bus"
#define ARG_PORT "port"
#define ARG_TIMEOUT "timeout_ms"
#define ARG_KERNEL_PPS "kernel_pps"

#define MTU_MAX (SL_FRAME_MAX - SL_PORT_OVERHEAD)

/* --- life --------------------------------------------------------------------------------------------------------- */

static int infos_get(struct rte_eth_dev *dev, struct rte_eth_dev_info *info)
{
	const struct sl_port *port = sl_port_of(dev);

	info->max_rx_queues = SL_RX_QUEUES;
	info->max_tx_queues = SL_TX_QUEUES;
	info->max_mac_addrs = 1;
	info->min_mtu = RTE_ETHER_MIN_MTU;
	info->max_mtu = port->wire_mtu ? RTE_MIN(port->wire_mtu, (uint16_t)MTU_MAX) : MTU_MAX;
	info->max_rx_pktlen = info->max_mtu + SL_PORT_OVERHEAD;
	info->min_rx_bufsize = SL_RX_BUFFER_MIN;
	info->rx_offload_capa = RTE_ETH_RX_OFFLOAD_SCATTER;
	info->tx_offload_capa = RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	info->rx_desc_lim = (struct rte_eth_desc_lim){
		.nb_max = 1 << SL_QUEUE_LOG2_MAX,
		.nb_min = 1 << SL_QUEUE_LOG2_MIN,
		.nb_align = 1 << SL_QUEUE_LOG2_MIN,
	};
	info->tx_desc_lim = info->rx_desc_lim;
	info->tx_desc_lim.nb_min = 2 * SL_TX_SEGMENTS_MAX;
	info->tx_desc_lim.nb_seg_max = SL_TX_SEGMENTS_MAX;
	info->tx_desc_lim.nb_mtu_seg_max = SL_TX_SEGMENTS_MAX;
	info->default_rxportconf = (struct rte_eth_dev_portconf){.burst_size = 32, .ring_size = 1024, .nb_queues = 1};
	info->default_txportconf = info->default_rxportconf;
	info->default_rxconf.rx_free_thresh = 32;
	info->speed_capa = RTE_ETH_LINK_SPEED_FIXED;
	info->dev_capa = RTE_ETH_DEV_CAPA_FLOW_RULE_KEEP;
	info->switch_info.name = port->card->config.path;
	info->switch_info.domain_id = port->card->domain;
	info->switch_info.port_id = port->port;
	return 0;
}

static int fw_version_get(struct rte_eth_dev *dev, char *text, size_t size)
{
	const struct sl_caps *caps = &sl_port_of(dev)->card->caps;
	int n = snprintf(text, size, "%u.%u.%u %.32s", caps->fw_version >> 16, caps->fw_version >> 8 & 0xff,
		caps->fw_version & 0xff,
			 (const char *)caps->fw_name);

	return n < 0 ? -EINVAL : (size_t)n < size ? 0 : n + 1;
}

/* Receive interrupts: the card's eventfds, by queue. */
static int set_up_interrupts(struct rte_eth_dev *dev)
{
	struct sl_port *port = sl_port_of(dev);
	const int n = dev->data->nb_rx_queues;

	if (!dev->data->dev_conf.intr_conf.rxq)
		return 0;
	if (rte_intr_vec_list_alloc(port->rx_intr, "sluice_vec", n))
		return -ENOMEM;
	for (int i = 0; i < n; i++) {
		const struct sl_rxq *rxq = dev->data->rx_queues[i];
		const int fd = port->card->bus->ops->irq_fd(port->card->bus, rxq->queue.id);

		if (rte_intr_vec_list_index_set(port->rx_intr, i, RTE_INTR_VEC_RXTX_OFFSET + i) ||
		    rte_intr_efds_index_set(port->rx_intr, i, fd))
			return -EINVAL;
	}
	rte_intr_nb_efd_set(port->rx_intr, n);
	rte_intr_max_intr_set(port->rx_intr, n + 1);
	rte_intr_efd_counter_size_set(port->rx_intr, sizeof(uint64_t));
	dev->intr_handle = port->rx_intr;
	return 0;
}

static void drop_interrupts(struct rte_eth_dev *dev)
{
	struct sl_port *port = sl_port_of(dev);

	if (!dev->intr_handle)
		return;
	rte_intr_free_epoll_fd(port->rx_intr);
	rte_intr_vec_list_free(port->rx_intr);
	rte_intr_nb_efd_set(port->rx_intr, 0);
	dev->intr_handle = NULL;
}

static int stop(struct rte_eth_dev *dev)
{
	struct rte_eth_link down = {.link_status = RTE_ETH_LINK_DOWN};

	for (uint16_t i = 0; i < dev->data->nb_rx_queues; i++)
		if (dev->data->rx_queues[i])
			sl_rx_stop(dev->data->rx_queues[i]);
	for (uint16_t i = 0; i < dev->data->nb_tx_queues; i++)
		if (dev->data->tx_queues[i])
			sl_tx_stop(dev->data->tx_queues[i]);
	drop_interrupts(dev);
	rte_eth_linkstatus_set(dev, &down);
	return 0;
}

static int start_queues(struct rte_eth_dev *dev)
{
	int rc = 0;

	for (uint16_t i = 0; i < dev->data->nb_tx_queues && rc == 0; i++)
		rc = sl_tx_start(dev->data->tx_queues[i]);
	for (uint16_t i = 0; i < dev->data->nb_rx_queues && rc == 0; i++)
		rc = sl_rx_start(dev->data->rx_queues[i]);
	return rc;
}

static int start(struct rte_eth_dev *dev)
{
	struct sl_port *port = sl_port_of(dev);
	int rc = start_queues(dev);

	if (rc == 0)
		rc = set_up_interrupts(dev);
	if (rc == 0)
		rc = sl_port_settle(port, dev->data->mtu);
	if (rc == 0)
		rc = sl_port_apply_mac(port);
	if (rc == 0) {
		port->enabled = true;
		rc = sl_port_apply(port);
	}
	if (rc) {
		SL_LOG(ERR, "port %u of %s cannot be started: %s", port->port, port->card->config.path, strerror(-rc));
		stop(dev);
		return rc;
	}
	sl_port_link_update(dev, 0);
	return 0;
}

static int close_port(struct rte_eth_dev *dev)
{
	if (rte_eal_process_type() != RTE_PROC_PRIMARY)
		return 0;
	stop(dev);
	for (uint16_t i = 0; i < dev->data->nb_rx_queues; i++)
		sl_rx_release(dev, i);
	for (uint16_t i = 0; i < dev->data->nb_tx_queues; i++)
		sl_tx_release(dev, i);
	sl_port_close(dev);
	return 0;
}

static const struct eth_dev_ops ops = {
	.dev_configure = sl_port_configure,
	.dev_start = start,
	.dev_stop = stop,
	.dev_set_link_up = sl_port_link_up,
	.dev_set_link_down = sl_port_link_down,
	.dev_close = close_port,
	.link_update = sl_port_link_update,
	.is_removed = sl_port_removed,
	.promiscuous_enable = sl_port_promiscuous_enable,
	.promiscuous_disable = sl_port_promiscuous_disable,
	.allmulticast_enable = sl_port_allmulticast_enable,
	.allmulticast_disable = sl_port_allmulticast_disable,
	.mac_addr_set = sl_port_mac_set,
	.mtu_set = sl_port_mtu_set,
	.stats_get = sl_stats_get,
	.stats_reset = sl_stats_reset,
	.xstats_get = sl_xstats_get,
	.xstats_get_names = sl_xstats_get_names,
	.xstats_reset = sl_xstats_reset,
	.dev_infos_get = infos_get,
	.fw_version_get = fw_version_get,
	.get_eeprom_length = sl_eeprom_length,
	.get_eeprom = sl_eeprom_get,
	.set_eeprom = sl_eeprom_set,
	.rx_queue_setup = sl_rx_setup,
	.rx_queue_release = sl_rx_release,
	.rx_queue_intr_enable = sl_rx_intr_enable,
	.rx_queue_intr_disable = sl_rx_intr_disable,
	.tx_queue_setup = sl_tx_setup,
	.tx_queue_release = sl_tx_release,
	.tx_done_cleanup = sl_tx_cleanup,
	.flow_ops_get = sl_port_flow_ops,
	.mtr_ops_get = sl_port_mtr_ops,
};

/* --- probe -------------------------------------------------------------------------------------------------------- */

struct arguments {
	struct sl_card_config card;
	uint64_t port, timeout_ms, kernel_pps;
};

static int parse_path(const char *key, const char *value, void *out)
{
	struct sl_card_config *config = out;

	if (!value || *value == '\0' || strlen(value) >= sizeof(config->path)) {
		SL_LOG(ERR, "%s=%s: the path of the card's socket is needed, at most %zu characters", key, value ? value
			: "",
			sizeof(config->path) - 1);
		return -EINVAL;
	}
	strcpy(config->path, value);
	return 0;
}

static int parse_arguments(const char *text, struct arguments *args)
{
	static const char *const keys[] = {ARG_BUS, ARG_PORT, ARG_TIMEOUT, ARG_KERNEL_PPS, NULL};
	struct rte_kvargs *kvlist = rte_kvargs_parse(text, keys);
	int rc = kvlist ? 0 : -EINVAL;

	*args = (struct arguments){.timeout_ms = 2000};
	if (!kvlist) {
		SL_LOG(ERR, "\"%s\": the arguments are bus=PATH,port=N[,timeout_ms=N][,kernel_pps=N]", text);
		return rc;
	}
	if (rte_kvargs_process(kvlist, ARG_BUS, parse_path, &args->card) || rte_kvargs_process(kvlist, ARG_PORT,
		sl_port_number, &args->port) ||
	    rte_kvargs_process(kvlist, ARG_TIMEOUT, sl_port_number, &args->timeout_ms) ||
	    rte_kvargs_process(kvlist, ARG_KERNEL_PPS, sl_port_number, &args->kernel_pps))
		rc = -EINVAL;
	rte_kvargs_free(kvlist);
	if (rc == 0 && args->card.path[0] == '\0') {
		SL_LOG(ERR, "the argument bus=PATH is missing: the socket of the card");
		rc = -EINVAL;
	}
	args->card.timeout_ms = (unsigned int)RTE_MAX(RTE_MIN(args->timeout_ms, UINT64_C(600000)), UINT64_C(1));
	args->card.kernel_pps = (uint32_t)args->kernel_pps;
	return rc;
}

static int init_port(struct rte_eth_dev *dev, struct sl_card *card, const void *arg)
{
	const struct arguments *args = arg;
	int rc = sl_port_open(dev, card, (unsigned int)args->port);

	if (rc)
		return rc;
	dev->data->dev_flags |= RTE_ETH_DEV_INTR_RMV;
	dev->dev_ops = &ops;
	dev->rx_pkt_burst = sl_rx_burst;
	dev->tx_pkt_burst = sl_tx_burst;
	return 0;
}

static int probe(struct rte_vdev_device *vdev)
{
	struct arguments args;
	int rc = parse_arguments(rte_vdev_device_args(vdev), &args);

	return rc ? rc : sl_port_probe(vdev, &args.card, init_port, &args);
}

extern struct rte_vdev_driver sl_fpga_driver; /* register.c */

struct rte_vdev_driver sl_fpga_driver = {
	.probe = probe,
	.remove = sl_port_remove,
};
