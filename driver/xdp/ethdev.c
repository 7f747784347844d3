/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * net_sluice_xdp: a Linux network interface as a DPDK ethdev with a flow table, which an XDP program in the kernel forwards by.
 *
 *	--vdev net_sluice_xdp0,iface=eth0,pin=/sys/fs/bpf/sluice[,port=0][,mode=auto|offload|native|generic][,kernel=pass|keep|host][,flows=65536]
 *		[,kernel_pps=0]
 *
 * iface       the interface. It stays the kernel's.
 * pin         directory in a BPF file system, made if it is not there: rules, flows and counters are there, and outlive this
 *             process. Ports of one process that name the same directory are ports of one card.
 * port        number of the port in it, from 0.
 * mode        how XDP is attached. native, generic: in the interface's driver, or behind it. offload: flows also in the network card
 *             itself, which has to take a program; what it does not take is done by the host, native or else generic. auto: native, or
 *             generic if the driver does not take it.
 * kernel      frames that no rule names: pass leaves them to the kernel, on this interface; host gives them to this ethdev. keep: as
 *             pass, for a kernel that has the services' addresses on this interface: neighbour discovery is its too, and what is to an
 *             address of a rule never is, but dropped while no process receives here.
 * flows       room of a new table, of each family; rounded up to a power of two. The first port decides.
 * kernel_pps  as of net_sluice: frames a second that reach the host though no rule matched them; 0 unlimited. Likewise.
 *
 * Rules and flows go on as those of a card do (driver/fpga/ethdev.c): they forward while no process is there, and are adopted
 * by the next. What is the host's then goes to the kernel. The program is attached by rte_eth_dev_start() and stays: `ip link
 * set dev eth0 xdp off` and removing the directory end it, when no such process runs.
 */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bus_vdev_driver.h>
#include <ethdev_vdev.h>
#include <rte_interrupts.h>
#include <rte_kvargs.h>
#include <rte_malloc.h>

#include "driver/fpga/log.h"
#include "driver/xdp/first.h"
#include "driver/xdp/offload.h"
#include "driver/xdp/socket.h"

#define ARG_IFACE "iface"
#define ARG_PIN "pin"
#define ARG_PORT "port"
#define ARG_MODE "mode"
#define ARG_KERNEL "kernel"
#define ARG_FLOWS "flows"
#define ARG_KERNEL_PPS "kernel_pps"
#define WORDS "iface=NAME,pin=DIRECTORY[,port=0..7][,mode=auto|offload|native|generic][,kernel=pass|keep|host][,flows=N][,kernel_pps=N]"

#define FLOWS_MIN 64u
#define FLOWS_MAX (1u << 27)
#define MTU_MAX (SL_FRAME_MAX - SL_PORT_OVERHEAD)

static struct sl_xdp *xdp_of(const struct rte_eth_dev *dev)
{
	return sl_xdp_of(sl_port_of(dev)->card->datapath);
}

/* --- queues --------------------------------------------------------------------------------------------------------- */

static int rx_setup(struct rte_eth_dev *dev, uint16_t queue, uint16_t entries, unsigned int socket,
		    const struct rte_eth_rxconf *conf, struct rte_mempool *pool)
{
	struct sl_xdp_rxq *rxq = rte_zmalloc_socket("sluice_rxq", sizeof(*rxq), RTE_CACHE_LINE_SIZE, (int)socket);

	(void)entries;
	if (!rxq)
		return -ENOMEM;
	rte_free(dev->data->rx_queues[queue]);
	rxq->pool = pool;
	rxq->port_id = dev->data->port_id;
	rxq->queue = queue;
	rxq->scatter = (conf->offloads | dev->data->dev_conf.rxmode.offloads) & RTE_ETH_RX_OFFLOAD_SCATTER;
	dev->data->rx_queues[queue] = rxq;
	return 0;
}

static void rx_release(struct rte_eth_dev *dev, uint16_t queue)
{
	rte_free(dev->data->rx_queues[queue]);
	dev->data->rx_queues[queue] = NULL;
}

static int tx_setup(struct rte_eth_dev *dev, uint16_t queue, uint16_t entries, unsigned int socket,
		    const struct rte_eth_txconf *conf)
{
	struct sl_xdp_txq *txq = rte_zmalloc_socket("sluice_txq", sizeof(*txq) + SL_XDP_RING * sizeof(*txq->spare),
						    RTE_CACHE_LINE_SIZE, (int)socket);

	(void)entries;
	(void)conf;
	if (!txq)
		return -ENOMEM;
	rte_free(dev->data->tx_queues[queue]);
	txq->spare = (uint32_t *)(txq + 1);
	dev->data->tx_queues[queue] = txq;
	return 0;
}

static void tx_release(struct rte_eth_dev *dev, uint16_t queue)
{
	rte_free(dev->data->tx_queues[queue]);
	dev->data->tx_queues[queue] = NULL;
}

static unsigned int sockets(const struct rte_eth_dev *dev)
{
	return RTE_MAX(dev->data->nb_rx_queues, dev->data->nb_tx_queues);
}

static struct sl_xdp_rxq *rxq_of(const struct rte_eth_dev *dev, unsigned int queue)
{
	return queue < dev->data->nb_rx_queues ? dev->data->rx_queues[queue] : NULL;
}

static struct sl_xdp_txq *txq_of(const struct rte_eth_dev *dev, unsigned int queue)
{
	return queue < dev->data->nb_tx_queues ? dev->data->tx_queues[queue] : NULL;
}

static int open_sockets(struct rte_eth_dev *dev)
{
	for (unsigned int q = 0; q < sockets(dev); q++) {
		struct sl_xdp_rxq *rxq = rxq_of(dev, q);
		struct sl_xdp_txq *txq = txq_of(dev, q);
		struct sl_xdp_socket *s = sl_xdp_socket_open(xdp_of(dev), sl_port_of(dev)->port, q);

		if (!s)
			return -errno;
		if (rxq)
			rxq->socket = s;
		if (!txq)
			continue;
		txq->socket = s;
		for (txq->spares = 0; txq->spares < SL_XDP_RING; txq->spares++)
			txq->spare[txq->spares] = SL_XDP_RING + txq->spares;
	}
	return 0;
}

static void close_sockets(struct rte_eth_dev *dev)
{
	for (unsigned int q = 0; q < sockets(dev); q++) {
		struct sl_xdp_rxq *rxq = rxq_of(dev, q);
		struct sl_xdp_txq *txq = txq_of(dev, q);
		struct sl_xdp_socket *s = rxq && rxq->socket ? rxq->socket : txq ? txq->socket : NULL;

		if (s)
			sl_xdp_socket_close(xdp_of(dev), sl_port_of(dev)->port, q, s);
		if (rxq)
			rxq->socket = NULL;
		if (txq)
			txq->socket = NULL;
	}
}

/* Receive interrupts: a socket that has frames is readable, and stays so until they are taken. */
static int set_up_interrupts(struct rte_eth_dev *dev)
{
	struct rte_intr_handle *intr = sl_port_of(dev)->rx_intr;
	const int n = dev->data->nb_rx_queues;

	if (!dev->data->dev_conf.intr_conf.rxq)
		return 0;
	if (rte_intr_vec_list_alloc(intr, "sluice_vec", n))
		return -ENOMEM;
	for (int i = 0; i < n; i++)
		if (rte_intr_vec_list_index_set(intr, i, RTE_INTR_VEC_RXTX_OFFSET + i) ||
		    rte_intr_efds_index_set(intr, i, rxq_of(dev, (unsigned int)i)->socket->fd))
			return -EINVAL;
	rte_intr_nb_efd_set(intr, n);
	rte_intr_max_intr_set(intr, n + 1);
	rte_intr_efd_counter_size_set(intr, 0);
	dev->intr_handle = intr;
	return 0;
}

static void drop_interrupts(struct rte_eth_dev *dev)
{
	struct rte_intr_handle *intr = sl_port_of(dev)->rx_intr;

	if (!dev->intr_handle)
		return;
	rte_intr_free_epoll_fd(intr);
	rte_intr_vec_list_free(intr);
	rte_intr_nb_efd_set(intr, 0);
	dev->intr_handle = NULL;
}

static int rx_intr(struct rte_eth_dev *dev, uint16_t queue)
{
	(void)dev;
	(void)queue;
	return 0;
}

/* --- life ----------------------------------------------------------------------------------------------------------- */

static int infos_get(struct rte_eth_dev *dev, struct rte_eth_dev_info *info)
{
	const struct sl_port *port = sl_port_of(dev);
	const struct sl_xdp_port *p = &xdp_of(dev)->port[port->port];
	const uint16_t queues = (uint16_t)sl_xdp_link_queues(p->name);

	info->if_index = (unsigned int)p->ifindex;
	info->max_rx_queues = queues;
	info->max_tx_queues = queues;
	info->max_mac_addrs = 1;
	info->min_mtu = RTE_ETHER_MIN_MTU;
	info->max_mtu = port->wire_mtu ? RTE_MIN(port->wire_mtu, (uint16_t)MTU_MAX) : MTU_MAX;
	info->max_rx_pktlen = SL_FRAME_MAX;
	info->rx_offload_capa = RTE_ETH_RX_OFFLOAD_SCATTER;
	info->tx_offload_capa = RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	info->rx_desc_lim = (struct rte_eth_desc_lim){ .nb_max = SL_XDP_RING, .nb_min = 1, .nb_align = 1 };
	info->tx_desc_lim = info->rx_desc_lim;
	info->tx_desc_lim.nb_seg_max = info->tx_desc_lim.nb_mtu_seg_max = UINT8_MAX;
	info->default_rxportconf = (struct rte_eth_dev_portconf){ .burst_size = 32, .ring_size = SL_XDP_RING, .nb_queues = 1 };
	info->default_txportconf = info->default_rxportconf;
	info->default_rxportconf.nb_queues = queues; /* frames come by all of them, and none can be told to leave one out */
	info->dev_capa = RTE_ETH_DEV_CAPA_FLOW_RULE_KEEP;
	info->switch_info.name = port->card->config.path;
	info->switch_info.domain_id = port->card->domain;
	info->switch_info.port_id = port->port;
	return 0;
}

/* The place that a card's firmware has: by what the port forwards. */
static int fw_version_get(struct rte_eth_dev *dev, char *text, size_t size)
{
	struct sl_xdp *x = xdp_of(dev);
	const uint32_t port = sl_port_of(dev)->port;
	const struct sl_xdp_port *p = &x->port[port];
	char card[sizeof(p->refusal) + 64];
	int n;

	pthread_mutex_lock(&x->lock);
	sl_xdp_offload_say(x, port, card, sizeof(card));
	pthread_mutex_unlock(&x->lock);
	n = snprintf(text, size, "XDP %s; %s", !p->attached ? "not attached" : p->generic ? "in generic mode" : "in native mode", card);
	return n >= 0 && (size_t)n < size ? 0 : n + 1;
}

static int stop(struct rte_eth_dev *dev)
{
	struct rte_eth_link down = { .link_status = RTE_ETH_LINK_DOWN };

	drop_interrupts(dev);
	close_sockets(dev);
	rte_eth_linkstatus_set(dev, &down);
	return 0;
}

/* The port's own settings come before its program, so that this one drops no frame because the port is not enabled yet. */
static int start(struct rte_eth_dev *dev)
{
	struct sl_port *port = sl_port_of(dev);
	struct sl_xdp *x = xdp_of(dev);
	const struct sl_xdp_port *p = &x->port[port->port];
	const unsigned int queues = sl_xdp_link_queues(p->name);
	int rc = sl_xdp_link_flags(p->name, IFF_UP, true);

	if (queues > dev->data->nb_rx_queues)
		SL_LOG(WARNING, "%s has %u receive queues, %u are used: what is the host's and comes by another one %s "
		       "(`ethtool -L %s combined %u`)", p->name, queues, dev->data->nb_rx_queues,
		       x->maps.config[port->port].kernel_pass == SL_XDP_KERNEL_KEEP ? "is dropped" : "goes to the kernel", p->name,
		       dev->data->nb_rx_queues);
	if (rc == 0)
		rc = open_sockets(dev);
	if (rc == 0)
		rc = set_up_interrupts(dev);
	if (rc == 0)
		rc = sl_port_apply_mac(port);
	if (rc == 0) {
		port->enabled = true;
		rc = sl_port_apply(port);
	}
	if (rc == 0)
		rc = sl_xdp_attach(x, port->port);
	if (rc == 0) /* last: it removes rules of an earlier driver */
		rc = sl_port_settle(port, dev->data->mtu);
	if (rc) {
		SL_LOG(ERR, "%s cannot be started: %s", p->name, strerror(-rc));
		stop(dev);
		return rc;
	}
	sl_port_link_update(dev, 0);
	return 0;
}

/* Nobody tells of an interface that goes, nor of a program that is taken off: who asks now and then has the second put right. */
static int removed(struct rte_eth_dev *dev)
{
	const struct sl_xdp_port *p = &xdp_of(dev)->port[sl_port_of(dev)->port];
	char name[IF_NAMESIZE];

	if (!p->ifindex || !dev->data->dev_started)
		return 0;
	if (!if_indextoname((unsigned int)p->ifindex, name))
		return 1;
	sl_xdp_keep(xdp_of(dev), sl_port_of(dev)->port);
	return 0;
}

static void leave_card(struct rte_eth_dev *dev)
{
	struct sl_port *port = sl_port_of(dev);
	struct sl_xdp *x = xdp_of(dev);

	pthread_mutex_lock(&port->card->flowq.lock);
	pthread_mutex_lock(&x->lock);
	sl_xdp_offload_leave(x, port->port);
	pthread_mutex_unlock(&x->lock);
	pthread_mutex_unlock(&port->card->flowq.lock);
}

static int close_port(struct rte_eth_dev *dev)
{
	if (rte_eal_process_type() != RTE_PROC_PRIMARY)
		return 0;
	stop(dev);
	for (uint16_t i = 0; i < dev->data->nb_rx_queues; i++)
		rx_release(dev, i);
	for (uint16_t i = 0; i < dev->data->nb_tx_queues; i++)
		tx_release(dev, i);
	leave_card(dev);
	xdp_of(dev)->port[sl_port_of(dev)->port].ifindex = 0;
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
	.is_removed = removed,
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
	.rx_queue_setup = rx_setup,
	.rx_queue_release = rx_release,
	.rx_queue_intr_enable = rx_intr,
	.rx_queue_intr_disable = rx_intr,
	.tx_queue_setup = tx_setup,
	.tx_queue_release = tx_release,
	.flow_ops_get = sl_port_flow_ops,
	.mtr_ops_get = sl_port_mtr_ops,
	.get_eeprom = sl_xdp_first_get,
	.set_eeprom = sl_xdp_first_set,
};

/* --- probe ---------------------------------------------------------------------------------------------------------- */

struct arguments {
	struct sl_card_config card;
	char iface[IFNAMSIZ];
	enum sl_xdp_mode mode;
	uint8_t kernel; /* SL_XDP_KERNEL_PASS, SL_XDP_KERNEL_KEEP; 0 host */
	uint64_t port, flows, kernel_pps;
};

static int parse_text(const char *key, const char *value, char *out, size_t size)
{
	if (!value || *value == '\0' || strlen(value) >= size) {
		SL_LOG(ERR, "%s=%s: 1 to %zu characters are needed", key, value ? value : "", size - 1);
		return -EINVAL;
	}
	strcpy(out, value);
	return 0;
}

static int parse_iface(const char *key, const char *value, void *out)
{
	return parse_text(key, value, out, IFNAMSIZ);
}

static int parse_pin(const char *key, const char *value, void *out)
{
	return parse_text(key, value, out, sizeof(((struct sl_card_config *)0)->path));
}

static int parse_mode(const char *key, const char *value, void *out)
{
	static const char *const names[] = { [SL_XDP_MODE_AUTO] = "auto", [SL_XDP_MODE_OFFLOAD] = "offload",
					     [SL_XDP_MODE_NATIVE] = "native", [SL_XDP_MODE_GENERIC] = "generic" };

	for (unsigned int i = 0; i < RTE_DIM(names); i++) {
		if (value && strcmp(value, names[i]) == 0) {
			*(enum sl_xdp_mode *)out = i;
			return 0;
		}
	}
	SL_LOG(ERR, "%s=%s: auto, offload, native or generic is needed", key, value ? value : "");
	return -EINVAL;
}

static int parse_kernel(const char *key, const char *value, void *out)
{
	static const char *const names[] = { "host", [SL_XDP_KERNEL_PASS] = "pass", [SL_XDP_KERNEL_KEEP] = "keep" };

	for (unsigned int i = 0; i < RTE_DIM(names); i++) {
		if (value && strcmp(value, names[i]) == 0) {
			*(uint8_t *)out = (uint8_t)i;
			return 0;
		}
	}
	SL_LOG(ERR, "%s=%s: pass, keep or host is needed", key, value ? value : "");
	return -EINVAL;
}

static int check(struct arguments *args)
{
	if (!*args->iface || !*args->card.path) {
		SL_LOG(ERR, "the argument %s is missing: %s", *args->iface ? "pin=DIRECTORY" : "iface=NAME",
		       *args->iface ? "a directory in a BPF file system" : "the network interface");
		return -EINVAL;
	}
	if (args->port >= SL_PORTS_MAX) {
		SL_LOG(ERR, "port=%" PRIu64 ": a number from 0 to %d is needed", args->port, SL_PORTS_MAX - 1);
		return -EINVAL;
	}
	if (args->flows && (args->flows < FLOWS_MIN || args->flows > FLOWS_MAX)) {
		SL_LOG(ERR, "flows=%" PRIu64 ": a number from %u to %u is needed", args->flows, FLOWS_MIN, FLOWS_MAX);
		return -EINVAL;
	}
	args->card.open = sl_xdp_open;
	args->card.flows = (uint32_t)args->flows;
	args->card.kernel_pps = (uint32_t)args->kernel_pps;
	args->card.timeout_ms = 2000;
	return 0;
}

static int parse_arguments(const char *text, struct arguments *args)
{
	static const char *const keys[] = { ARG_IFACE, ARG_PIN, ARG_PORT, ARG_MODE, ARG_KERNEL, ARG_FLOWS, ARG_KERNEL_PPS, NULL };
	struct rte_kvargs *kvlist = rte_kvargs_parse(text, keys);
	int rc;

	*args = (struct arguments){ .kernel = SL_XDP_KERNEL_PASS };
	if (!kvlist) {
		SL_LOG(ERR, "\"%s\": the arguments are " WORDS, text);
		return -EINVAL;
	}
	rc = rte_kvargs_process(kvlist, ARG_IFACE, parse_iface, args->iface) ||
	     rte_kvargs_process(kvlist, ARG_PIN, parse_pin, args->card.path) ||
	     rte_kvargs_process(kvlist, ARG_PORT, sl_port_number, &args->port) ||
	     rte_kvargs_process(kvlist, ARG_MODE, parse_mode, &args->mode) ||
	     rte_kvargs_process(kvlist, ARG_KERNEL, parse_kernel, &args->kernel) ||
	     rte_kvargs_process(kvlist, ARG_FLOWS, sl_port_number, &args->flows) ||
	     rte_kvargs_process(kvlist, ARG_KERNEL_PPS, sl_port_number, &args->kernel_pps);
	rte_kvargs_free(kvlist);
	return rc ? -EINVAL : check(args);
}

/* The interface becomes a port of the datapath; programs of other ports may send by it. */
static int take_interface(struct sl_xdp *x, const struct arguments *args)
{
	const uint32_t number = (uint32_t)args->port;
	struct sl_xdp_port *p = &x->port[number];
	struct sl_xdp_link link;
	int ifindex = (int)if_nametoindex(args->iface);
	int rc = ifindex ? sl_xdp_link_get(args->iface, &link) : -ENODEV;

	if (rc) {
		SL_LOG(ERR, "iface=%s: %s", args->iface, rc == -ENODEV ? "there is no such interface in this network namespace" :
		       rc == -EPFNOSUPPORT ? "it is not an Ethernet interface" : strerror(-rc));
		return rc;
	}
	if (p->ifindex) {
		SL_LOG(ERR, "port %u of %s is %s in this process already", number, x->pin, p->name);
		return -EEXIST;
	}
	if (bpf_map_update_elem(x->maps.ports, &number, &ifindex, BPF_ANY)) {
		rc = -errno;
		SL_LOG(ERR, "iface=%s: programs of other ports cannot send by it: %s", args->iface, strerror(-rc));
		return rc;
	}
	*p = (struct sl_xdp_port){ .ifindex = ifindex, .mode = args->mode };
	strcpy(p->name, args->iface);
	x->maps.config[number].kernel_pass = args->kernel;
	return 0;
}

static int init_port(struct rte_eth_dev *dev, struct sl_card *card, const void *arg)
{
	const struct arguments *args = arg;
	struct sl_xdp *x = sl_xdp_of(card->datapath);
	int rc = take_interface(x, args);

	if (rc)
		return rc;
	pthread_mutex_lock(&card->flowq.lock);
	pthread_mutex_lock(&x->lock);
	sl_xdp_offload_adopt(x, (uint32_t)args->port);
	pthread_mutex_unlock(&x->lock);
	pthread_mutex_unlock(&card->flowq.lock);
	rc = sl_port_open(dev, card, (unsigned int)args->port);
	if (rc) {
		x->port[args->port].ifindex = 0;
		return rc;
	}
	dev->data->dev_flags &= ~(uint32_t)RTE_ETH_DEV_INTR_LSC; /* nobody tells: the link is asked for */
	dev->dev_ops = &ops;
	dev->rx_pkt_burst = sl_xdp_rx_burst;
	dev->tx_pkt_burst = sl_xdp_tx_burst;
	return 0;
}

static int probe(struct rte_vdev_device *vdev)
{
	struct arguments args;
	int rc = parse_arguments(rte_vdev_device_args(vdev), &args);

	return rc ? rc : sl_port_probe(vdev, &args.card, init_port, &args);
}

extern struct rte_vdev_driver sl_xdp_driver; /* register.c */

struct rte_vdev_driver sl_xdp_driver = {
	.probe = probe,
	.remove = sl_port_remove,
};
