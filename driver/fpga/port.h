/* SPDX-License-Identifier: BSD-3-Clause */
/* One port of a card as an ethdev: private data, queues, and the functions that the files of this folder share. */
#ifndef SLUICE_DRIVER_FPGA_PORT_H
#define SLUICE_DRIVER_FPGA_PORT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <bus_vdev_driver.h>
#include <ethdev_driver.h>
#include <rte_flow_driver.h>
#include <rte_mtr_driver.h>

#include "driver/fpga/card.h"

/* What passed a queue; first in every queue's structure, so that stats.c need not know which kind it is. */
struct sl_queue_counts {
	uint64_t packets, bytes, errors;
	uint64_t packets_base, bytes_base, errors_base;
};

struct sl_rxq {
	struct sl_queue_counts counts;
	struct sl_queue queue;
	struct rte_mbuf **buffers;   /* by submission ring index */
	struct rte_mempool *pool;
	struct rte_mbuf *first;      /* frame whose last buffer has not arrived */
	struct rte_mbuf *last;
	uint16_t expected;           /* ring index of the next completion */
	uint16_t free_thresh;        /* refill at this many empty entries */
	uint16_t buffer_len;
	uint16_t port_id;
	bool broken;                 /* the card contradicted the contract: nothing more is taken from it */
	uint32_t context;            /* 0..15 */
	struct sl_card *card;
};

struct sl_txq {
	struct sl_queue_counts counts;
	struct sl_queue queue;
	struct rte_mbuf **buffers;   /* one segment each, by submission ring index */
	uint16_t free_thresh;        /* reclaim when fewer entries are free */
	uint32_t context;
	struct sl_card *card;
};

struct rte_flow;
struct sl_indirect;

/* What the card counts: read as a whole, differences to a base are shown. */
struct sl_port_counts {
	struct sl_port_stats wire;
	struct sl_counter_pair reasons[128];
};

struct sl_port_meter_profile {
	uint32_t id;
	uint64_t cir, cbs;
	uint32_t refs;
	bool used;
};

struct sl_port_meter {
	uint32_t id;
	uint32_t profile;
	bool used;
};

struct sl_port {
	struct sl_card *card;
	struct rte_eth_dev *dev;
	struct rte_intr_handle *rx_intr;
	uint8_t port;                /* of the card */
	uint8_t owner;               /* port + 1: marks rules and flows in the card */
	bool enabled, promisc, allmulti;
	uint16_t wire_mtu;
	uint32_t speed_mbps;
	struct rte_ether_addr mac;
	struct sl_port_counts counts_base;
	TAILQ_HEAD(, rte_flow) flows;           /* under card->lock */
	TAILQ_HEAD(, sl_indirect) indirects;    /* under card->lock */
	struct sl_port_meter_profile profiles[SL_METERS];
	struct sl_port_meter meters[SL_METERS]; /* index: the card's meter */
	uint32_t policies;                      /* ids 0..31 */
};

static inline struct sl_port *sl_port_of(const struct rte_eth_dev *dev)
{
	return dev->data->dev_private;
}

/* Bytes of a frame that are not its MTU's. */
#define SL_PORT_OVERHEAD (RTE_ETHER_HDR_LEN + RTE_VLAN_HLEN)

/* port.c: ethdev operations, and what they are made of. */
/* Joins the card as its port `number`, with the state that this has; sl_port_close() leaves it and drops the card. */
int sl_port_open(struct rte_eth_dev *dev, struct sl_card *card, unsigned int number);
void sl_port_close(struct rte_eth_dev *dev);

/* Makes a new ethdev its driver's: sl_port_open(), its ops and bursts. 0 or a negative errno, logged. */
typedef int sl_port_init(struct rte_eth_dev *dev, struct sl_card *card, const void *args);
/* A device's probe, with its arguments read: on the card behind config. 0 or a negative errno, logged. */
int sl_port_probe(struct rte_vdev_device *vdev, const struct sl_card_config *config, sl_port_init *init, const void *args);
int sl_port_remove(struct rte_vdev_device *vdev);
/* For rte_kvargs_process(): a number of 32 bits, into a uint64_t. */
int sl_port_number(const char *key, const char *value, void *out);
/* Writes enabled, promisc and allmulti; the address. */
int sl_port_apply(struct sl_port *port);
int sl_port_apply_mac(struct sl_port *port);
int sl_port_state(struct sl_port *port, struct sl_port_state *state);
/* Ends the replay of rules and brings what the card holds in line with this port's settings. */
int sl_port_settle(struct sl_port *port, uint16_t mtu);
int sl_port_configure(struct rte_eth_dev *dev);
int sl_port_promiscuous_enable(struct rte_eth_dev *dev);
int sl_port_promiscuous_disable(struct rte_eth_dev *dev);
int sl_port_allmulticast_enable(struct rte_eth_dev *dev);
int sl_port_allmulticast_disable(struct rte_eth_dev *dev);
int sl_port_mac_set(struct rte_eth_dev *dev, struct rte_ether_addr *mac);
int sl_port_mtu_set(struct rte_eth_dev *dev, uint16_t mtu);
int sl_port_link_update(struct rte_eth_dev *dev, int wait);
int sl_port_link_up(struct rte_eth_dev *dev);
int sl_port_link_down(struct rte_eth_dev *dev);
int sl_port_removed(struct rte_eth_dev *dev);
int sl_port_flow_ops(struct rte_eth_dev *dev, const struct rte_flow_ops **ops);
int sl_port_mtr_ops(struct rte_eth_dev *dev, void *ops);

/* rx.c */
int sl_rx_setup(struct rte_eth_dev *dev, uint16_t queue, uint16_t entries, unsigned int socket,
		const struct rte_eth_rxconf *conf, struct rte_mempool *pool);
void sl_rx_release(struct rte_eth_dev *dev, uint16_t queue);
int sl_rx_start(struct sl_rxq *rxq);
void sl_rx_stop(struct sl_rxq *rxq);
uint16_t sl_rx_burst(void *queue, struct rte_mbuf **packets, uint16_t n);
int sl_rx_intr_enable(struct rte_eth_dev *dev, uint16_t queue);
int sl_rx_intr_disable(struct rte_eth_dev *dev, uint16_t queue);

/* tx.c */
int sl_tx_setup(struct rte_eth_dev *dev, uint16_t queue, uint16_t entries, unsigned int socket,
		const struct rte_eth_txconf *conf);
void sl_tx_release(struct rte_eth_dev *dev, uint16_t queue);
int sl_tx_start(struct sl_txq *txq);
void sl_tx_stop(struct sl_txq *txq);
uint16_t sl_tx_burst(void *queue, struct rte_mbuf **packets, uint16_t n);
int sl_tx_cleanup(void *queue, uint32_t n);

/* stats.c */
int sl_stats_get(struct rte_eth_dev *dev, struct rte_eth_stats *stats);
int sl_stats_reset(struct rte_eth_dev *dev);
int sl_xstats_get(struct rte_eth_dev *dev, struct rte_eth_xstat *xstats, unsigned int n);
int sl_xstats_get_names(struct rte_eth_dev *dev, struct rte_eth_xstat_name *names, unsigned int n);
int sl_xstats_reset(struct rte_eth_dev *dev);

/* flow_ops.c */
extern const struct rte_flow_ops sl_flow_ops;
/* The port closes: its rules stay in the card, as those of an earlier driver. Under no lock. */
void sl_flow_leave(struct sl_port *port);

/* mtr.c */
extern const struct rte_mtr_ops sl_mtr_ops;
/* The card's meter of an rte_mtr object, or -ENOENT. */
int sl_mtr_find(const struct sl_port *port, uint32_t mtr_id);

#endif
