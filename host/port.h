/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A port: a DPDK ethdev on the wire and its kernel interface, a TAP with the port's MAC through which everything that is
 * not service traffic passes both ways. Ports are opened in the order of the configuration; `index` is that order. Members of
 * a bond (host/bond.h) are ports that have their first one's MAC and kernel interface.
 */
#ifndef SLUICE_HOST_PORT_H
#define SLUICE_HOST_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <net/if.h>

#define SL_PORTS 8u

struct sl_config;
struct rte_mempool;

struct sl_port {
	unsigned int index;
	char name[64];          /* of the configuration */
	uint16_t port_id;       /* ethdev */
	uint8_t mac[6];
	uint16_t mtu;
	uint16_t rx_queues;
	uint16_t tx_queues;     /* one a worker */
	bool started;
	bool gone;              /* the device was removed, and with it what it held */
	bool missing;           /* it was removed, and its card lives by other ports; control thread */
	int below;              /* kernel interface that the device is made of, or 0 */
	uint16_t domain;        /* switch domain: of one card; UINT16_MAX unknown */
	char device[64];        /* ethdev name */
	char kernel_name[IFNAMSIZ];
	bool pass;              /* the kernel has what no rule names, on the interface below; the TAP only brings what else it has to see */
	bool withheld;          /* of one with pass: rules are missing, so it is not given VIPs. Control thread */
	int kernel_ifindex;     /* that has the addresses: the TAP, with pass the interface below */
	int kernel_fd;          /* TAP, non-blocking */
	struct rte_mempool *pool;
};

/* Opens every configured port and its kernel interface, configured but not started. 0 or negative errno, err filled. */
int sl_port_open_all(const struct sl_config *config, unsigned int workers, char *err, size_t err_len);
int sl_port_start_all(char *err, size_t err_len);
void sl_port_close_all(void);

unsigned int sl_port_count(void);
struct sl_port *sl_port_at(unsigned int index);

/* Whether the port's link is up, as far as its driver knows or the kernel interface below it tells. Control thread. */
bool sl_port_link(const struct sl_port *port);
/* Asks each device whether it is still there, which not all tell of themselves. Control thread, every second or so. */
void sl_port_look(void);
/* Has `wake` called from any thread when the link of a bond's member may have changed, if its driver tells. Control thread; `wake`
 * has to stay callable until the ports are closed. */
void sl_port_links_wake(void (*wake)(void));

/* Adds or removes a VIP on every kernel interface (/32, /128) of ports with `pass` or without, so that the kernel answers ARP, ND and
 * echo for it. Of a port with pass it gets whatever of the VIP no rule names, so that must stand first. Control thread. Present
 * already or absent already is no error. */
int sl_port_announce(const uint8_t address[16], uint8_t family, bool pass, bool add);
bool sl_port_passes(void); /* there are ports with pass */

/* Tells the neighbours of a port unasked that the address is at its MAC. Control thread. 0 or negative errno. */
int sl_port_advertise(unsigned int index, const uint8_t address[16], uint8_t family);

#endif
