/* SPDX-License-Identifier: BSD-3-Clause */
/* EAL and ethdevs. Whatever the device is, it is opened by its devargs and used through the public API alone. */
#include "host/port.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_mempool.h>

#include "host/bond.h"
#include "host/config.h"
#include "host/eal.h"
#include "host/gratuitous.h"
#include "host/kernel.h"
#include "host/log.h"

#define RING_RX SL_EAL_RING
#define RING_TX SL_EAL_RING
#define POOL_CACHE 128u
#define RSS_WANTED (RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP)

static struct {
	struct sl_port port[SL_PORTS];
	struct sl_kernel kernel[SL_PORTS];
	unsigned int count, wanted;
	void (*links_wake)(void);
} ports;

static void copy_mac(struct sl_port *p)
{
	struct rte_ether_addr mac;

	rte_eth_macaddr_get(p->port_id, &mac);
	memcpy(p->mac, mac.addr_bytes, sizeof(p->mac));
}

/* Makes the ethdev from its devargs: a vdev or PCI address, "name,key=value,...". */
static int device_probe(struct sl_port *p, const char *devargs, char *err, size_t err_len)
{
	int rc;

	snprintf(p->device, sizeof(p->device), "%.*s", (int)strcspn(devargs, ","), devargs);
	if (!rte_eth_dev_get_port_by_name(p->device, &p->port_id))
		return 0;
	rc = rte_dev_probe(devargs);
	if (rc || rte_eth_dev_get_port_by_name(p->device, &p->port_id)) {
		rc = rc ? rc : -ENODEV;
		snprintf(err, err_len, "port \"%s\": DPDK cannot open device \"%s\": %s", p->name, devargs, strerror(-rc));
		return rc;
	}
	return 0;
}

/* Where its memory should be; without huge pages there is one place. */
static int socket_of(const struct sl_port *p)
{
	const int socket = rte_eth_dev_socket_id(p->port_id);

	return socket < 0 || !rte_eal_has_hugepages() ? 0 : socket;
}

static int queues_setup(struct sl_port *p)
{
	const unsigned int where = (unsigned int)socket_of(p);
	uint16_t rx = RING_RX, tx = RING_TX;
	int rc = rte_eth_dev_adjust_nb_rx_tx_desc(p->port_id, &rx, &tx);

	for (uint16_t q = 0; !rc && q < p->rx_queues; q++)
		rc = rte_eth_rx_queue_setup(p->port_id, q, rx, where, NULL, p->pool);
	for (uint16_t q = 0; !rc && q < p->tx_queues; q++)
		rc = rte_eth_tx_queue_setup(p->port_id, q, tx, where, NULL);
	return rc;
}

/* A whole frame fits one buffer, also when it comes from the kernel. */
static struct rte_mempool *pool_make(const struct sl_port *p, const char *name, unsigned int workers, int socket)
{
	return rte_pktmbuf_pool_create(name, sl_eal_mbufs(p->rx_queues, p->tx_queues, workers, ports.wanted), POOL_CACHE, 0,
				       (uint16_t)sl_eal_room(p->mtu), socket);
}

static int device_configure(struct sl_port *p, unsigned int workers, char *err, size_t err_len)
{
	struct rte_eth_conf conf = { 0 };
	struct rte_eth_dev_info info;
	unsigned int wanted;
	char name[32];
	int rc = rte_eth_dev_info_get(p->port_id, &info);

	if (rc)
		goto fail;
	/* A driver that prefers more has frames in all of them (XDP), others spread them over as many as there are. */
	wanted = RTE_MAX(workers, (unsigned int)info.default_rxportconf.nb_queues);
	p->rx_queues = (uint16_t)RTE_MIN(wanted, info.max_rx_queues);
	p->tx_queues = (uint16_t)RTE_MIN(workers, info.max_tx_queues);
	if (info.max_rx_pktlen < 1u << 14 && p->mtu > info.max_mtu)
		p->mtu = info.max_mtu;
	conf.rxmode.offloads = info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER;
	conf.txmode.offloads = info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	if (p->rx_queues > 1 && info.flow_type_rss_offloads & RSS_WANTED) {
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rx_adv_conf.rss_conf.rss_hf = info.flow_type_rss_offloads & RSS_WANTED;
	}
	conf.intr_conf.rxq = 1;
	conf.intr_conf.lsc = sl_bond_members(p->index) && *info.dev_flags & RTE_ETH_DEV_INTR_LSC;
	rc = rte_eth_dev_configure(p->port_id, p->rx_queues, p->tx_queues, &conf);
	if (rc) {
		conf.intr_conf.rxq = 0;
		rc = rte_eth_dev_configure(p->port_id, p->rx_queues, p->tx_queues, &conf);
	}
	if (rc)
		goto fail;
	rc = rte_eth_dev_set_mtu(p->port_id, p->mtu);
	if (rc && rc != -ENOTSUP)
		sl_log(SL_LOG_WARN, "port-mtu", "port=%s mtu=%u error=%s", p->name, p->mtu, strerror(-rc));
	snprintf(name, sizeof(name), "port%u", p->index);
	p->pool = pool_make(p, name, workers, socket_of(p));
	if (!p->pool) /* there may be room elsewhere */
		p->pool = pool_make(p, name, workers, SOCKET_ID_ANY);
	rc = p->pool ? queues_setup(p) : -rte_errno;
	if (!rc)
		return 0;
fail:
	snprintf(err, err_len, "port \"%s\": device \"%s\" cannot be configured: %s", p->name, p->device, strerror(-rc));
	return rc;
}

static int port_link_event(uint16_t port_id, enum rte_eth_event_type type, void *arg, void *ret)
{
	(void)port_id, (void)type, (void)arg, (void)ret;
	if (ports.links_wake)
		ports.links_wake();
	return 0;
}

void sl_port_links_wake(void (*wake)(void))
{
	ports.links_wake = wake;
}

/* A device made of a kernel interface may not know the state of its wire; the kernel does. */
static bool below_running(int below)
{
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = { 0 };
	bool running = true;

	if (sock >= 0 && if_indextoname((unsigned int)below, ifr.ifr_name) && !ioctl(sock, SIOCGIFFLAGS, &ifr))
		running = ifr.ifr_flags & IFF_UP && ifr.ifr_flags & IFF_RUNNING;
	if (sock >= 0)
		close(sock);
	return running;
}

bool sl_port_link(const struct sl_port *p)
{
	struct rte_eth_link link;

	if (__atomic_load_n(&p->gone, __ATOMIC_RELAXED) || rte_eth_link_get_nowait(p->port_id, &link) || !link.link_status)
		return false;
	return !p->below || below_running(p->below);
}

static int port_gone(uint16_t port_id, enum rte_eth_event_type type, void *arg, void *ret)
{
	struct sl_port *p = arg;

	(void)ret;
	(void)type;
	if (port_id == p->port_id && !__atomic_exchange_n(&p->gone, true, __ATOMIC_ACQ_REL))
		sl_log(SL_LOG_ERROR, "port-gone", "port=%s device=%s", p->name, p->device);
	return 0;
}

static bool shares_card(unsigned int port)
{
	for (unsigned int i = 0; i < ports.count; i++) {
		const struct sl_port *other = &ports.port[i];

		if (i != port && other->started && !other->gone && !other->missing && other->domain == ports.port[port].domain &&
		    other->domain != UINT16_MAX && !rte_eth_dev_is_removed(other->port_id))
			return true;
	}
	return false;
}

void sl_port_look(void)
{
	for (unsigned int i = 0; i < ports.count; i++) {
		struct sl_port *p = &ports.port[i];

		if (!p->started || __atomic_load_n(&p->gone, __ATOMIC_RELAXED) || p->missing || !rte_eth_dev_is_removed(p->port_id))
			continue;
		/* Its flows are its card's: while that lives by other ports they stand, and are removed as ever. */
		if (shares_card(i)) {
			p->missing = true;
			sl_log(SL_LOG_ERROR, "port-gone", "port=%s device=%s what=\"other ports of its card go on\"", p->name, p->device);
		} else {
			port_gone(p->port_id, RTE_ETH_EVENT_INTR_RMV, p, NULL);
		}
	}
}

/* A further member of a bond: the first one's MAC and kernel interface. */
static int member_join(struct sl_port *p, const struct sl_port *lead, char *err, size_t err_len)
{
	struct rte_ether_addr mac;
	int rc;

	if (p->domain != lead->domain) {
		snprintf(err, err_len, "ports \"%s\" and \"%s\" are of two cards: a bond's connections are in one card's flow table",
			 lead->name, p->name);
		return -EXDEV;
	}
	memcpy(mac.addr_bytes, lead->mac, sizeof(lead->mac));
	rc = rte_eth_dev_default_mac_addr_set(p->port_id, &mac);
	if (rc) {
		snprintf(err, err_len, "port \"%s\": device \"%s\" does not take the bond's MAC address: %s", p->name, p->device,
			 strerror(-rc));
		return rc;
	}
	memcpy(p->mac, lead->mac, sizeof(p->mac));
	snprintf(p->kernel_name, sizeof(p->kernel_name), "%s", lead->kernel_name);
	p->kernel_fd = lead->kernel_fd;
	p->kernel_ifindex = lead->kernel_ifindex;
	return 0;
}

static int port_open(struct sl_port *p, struct sl_kernel *kernel, const struct sl_config_port *c, unsigned int workers,
		     char *err, size_t err_len)
{
	struct rte_eth_dev_info info;
	int rc;

	snprintf(p->name, sizeof(p->name), "%s", c->name);
	p->mtu = c->mtu;
	p->kernel_fd = -1;
	rc = device_probe(p, c->device, err, err_len);
	if (!rc)
		rc = device_configure(p, workers, err, err_len);
	if (rc)
		return rc;
	copy_mac(p);
	if (!rte_eth_dev_info_get(p->port_id, &info)) {
		p->below = (int)info.if_index;
		p->domain = info.switch_info.domain_id;
	}
	rte_eth_dev_callback_register(p->port_id, RTE_ETH_EVENT_INTR_RMV, port_gone, p);
	if (sl_bond_members(p->index))
		rte_eth_dev_callback_register(p->port_id, RTE_ETH_EVENT_INTR_LSC, port_link_event, NULL);
	if (sl_bond_member(p->index))
		return member_join(p, &ports.port[sl_bond_lead(p->index)], err, err_len);
	p->pass = c->kernel_pass;
	if (p->pass && !p->below) {
		snprintf(err, err_len, "port \"%s\": kernel.pass: device \"%s\" does not say which interface it is made of", p->name, p->device);
		return -ENODEV;
	}
	rc = sl_kernel_open(kernel, c->kernel_interface, p->mac, p->mtu, p->pass, err, err_len);
	if (rc)
		return rc;
	snprintf(p->kernel_name, sizeof(p->kernel_name), "%s", kernel->name);
	p->kernel_fd = kernel->fd;
	p->kernel_ifindex = p->pass ? p->below : kernel->ifindex;
	return sl_kernel_addresses(p->kernel_ifindex, p->pass ? "of the wire" : p->kernel_name, c->kernel_address,
				   c->kernel_address_count, err, err_len);
}

int sl_port_open_all(const struct sl_config *config, unsigned int workers, char *err, size_t err_len)
{
	ports.wanted = config->port_count;
	for (unsigned int i = 0; i < config->port_count; i++) {
		int rc;

		ports.port[i].index = i;
		ports.kernel[i].fd = -1;
		rc = port_open(&ports.port[i], &ports.kernel[i], &config->ports[i], workers, err, err_len);
		if (rc)
			return rc;
		ports.count = i + 1;
	}
	return 0;
}

int sl_port_start_all(char *err, size_t err_len)
{
	for (unsigned int i = 0; i < ports.count; i++) {
		struct sl_port *p = &ports.port[i];
		int rc = rte_eth_dev_start(p->port_id);

		if (rc) {
			snprintf(err, err_len, "port \"%s\": device \"%s\" does not start: %s", p->name, p->device, strerror(-rc));
			return rc;
		}
		/* Neighbour discovery, and whatever else the kernel joins. */
		rc = rte_eth_allmulticast_enable(p->port_id);
		if (rc && rc != -ENOTSUP)
			sl_log(SL_LOG_WARN, "port-multicast", "port=%s error=%s", p->name, strerror(-rc));
		p->started = true;
	}
	return 0;
}

void sl_port_close_all(void)
{
	for (unsigned int i = ports.count; i-- > 0;) {
		struct sl_port *p = &ports.port[i];

		if (p->started)
			rte_eth_dev_stop(p->port_id);
		rte_eth_dev_close(p->port_id);
		sl_kernel_close(&ports.kernel[i]);
		p->started = false;
	}
	ports.count = 0;
}

unsigned int sl_port_count(void)
{
	return ports.count;
}

struct sl_port *sl_port_at(unsigned int index)
{
	return &ports.port[index];
}

bool sl_port_passes(void)
{
	for (unsigned int i = 0; i < ports.count; i++)
		if (ports.port[i].pass)
			return true;
	return false;
}

int sl_port_announce(const uint8_t address[16], uint8_t family, bool pass, bool add)
{
	struct sl_prefix prefix = { .addr.family = family, .len = family == 4 ? 32 : 128 };
	int rc = 0;

	memcpy(prefix.addr.bytes, address, sizeof(prefix.addr.bytes));
	for (unsigned int i = 0; i < ports.count; i++) {
		const struct sl_port *p = &ports.port[i];
		int r = sl_bond_member(i) || p->pass != pass || (add && p->withheld) ? 0 : sl_kernel_address(p->kernel_ifindex, &prefix, true, add);

		rc = r ? r : rc;
	}
	return rc;
}

int sl_port_advertise(unsigned int index, const uint8_t address[16], uint8_t family)
{
	const struct sl_port *p = &ports.port[index];

	return p->gone ? 0 : sl_gratuitous_send(p->kernel_ifindex, p->mac, address, family);
}
