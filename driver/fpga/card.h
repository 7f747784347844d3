/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One card: its bus, its queues for commands and events, and the tables that its ports share. All ethdevs of one
 * process
 * that name the same bus path use one card; the last one to close leaves it.
 *
 * Locks: `lock` guards rules, flows, actions, meters and the catch-all, and is never taken by rx or tx. It is taken
 * before the admin and flow queues' own locks. `ports_lock` guards the list of ports only and is innermost.
 */
#ifndef SLUICE_DRIVER_FPGA_CARD_H
#define SLUICE_DRIVER_FPGA_CARD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <ethdev_driver.h>

#include "driver/fpga/actions.h"
#include "driver/fpga/admin.h"
#include "driver/fpga/aged.h"
#include "driver/fpga/flowq.h"
#include "driver/fpga/flows.h"
#include "driver/fpga/misses.h"
#include "driver/fpga/prefixes.h"
#include "driver/fpga/rules.h"

#define SL_CARD_MODE_COPIES   (1u << 6) /* of caps.modes */
#define SL_CARD_MODE_PREFIXES (1u << 10)
#define SL_CARD_MODE_AGED     (1u << 11)
#define SL_CARD_MODE_TUNNELS  (1u << 13)

/* The meter of rules that ask for none: unlimited. Meter 0 is that of frames no rule matched. */
#define SL_METER_UNLIMITED (SL_METERS - 1)

struct sl_card_config {
	/* Instead of a card behind a bus: makes the datapath that `path` names. Logs why not. */
	int (*open)(const struct sl_card_config *config, struct sl_datapath **datapath);
	uint32_t flows;           /* of a new datapath */
	char path[108];
	unsigned int timeout_ms;  /* bound of every wait for the card */
	uint32_t kernel_pps;      /* meter 0: frames a second that no rule matched; 0 unlimited */
};

struct sl_card {
	struct sl_card *next;
	struct sl_card_config config;
	unsigned int refs;
	unsigned int number;      /* unique in this process, for names */
	struct sl_bus *bus;       /* NULL: */
	struct sl_datapath *datapath;
	uint32_t age_next;        /* flow id of the datapath's sweep for aged flows */
	struct sl_caps caps;
	struct sl_admin admin;
	struct sl_flowq flowq;
	struct sl_queue events;
	struct rte_intr_handle *watch;
	int watch_fd;             /* epoll: the event queue's interrupt and the end of the bus */
	uint16_t domain;          /* switch domain */

	pthread_mutex_t ports_lock;
	struct rte_eth_dev *ports[SL_PORTS_MAX];
	uint32_t rx_used, tx_used; /* queue contexts in use, under ports_lock */

	pthread_mutex_t lock;
	struct sl_rules rules;
	struct sl_prefixes prefixes;
	struct sl_actions actions;
	struct sl_flows flows;
	struct sl_aged aged;
	struct sl_misses misses;
	uint32_t flow_priority_max; /* of the flows created so far */
	uint32_t *mac_flows;        /* by tenant: connections made by set_mac */
	bool settling;              /* an alarm is set for doubtful flows */
	uint32_t tunnels;           /* register VXLAN_PORT as last written; 0 if it may be otherwise */
	uint64_t meters_used;
	uint32_t meter_refs[SL_METERS];
	uint32_t update_length, update_written; /* of the firmware update being made; read without a lock */
};

/* The card behind config->path, connected and adopted by the first caller. 0 or a negative errno, logged. */
int sl_card_get(const struct sl_card_config *config, struct sl_card **card);
void sl_card_put(struct sl_card *card);

/* A port joins (-EEXIST if this process has it already, -ENODEV if the card has no such port) and leaves. */
int sl_card_join(struct sl_card *card, unsigned int port, struct rte_eth_dev *dev);
void sl_card_leave(struct sl_card *card, unsigned int port);
/* Card port of an ethdev, or -1 if it is not on this card. */
int sl_card_port_of(struct sl_card *card, uint16_t ethdev_id);
/* Owner bits (1 + port) that a sweep at the start of `port` may remove: its own, and those of ports nobody here has. */
uint32_t sl_card_sweepable(struct sl_card *card, unsigned int port);

/* Queue contexts: the lowest free one of 16, or -ENOSPC. */
int sl_card_take_queue(struct sl_card *card, uint32_t *used);
void sl_card_drop_queue(struct sl_card *card, uint32_t *used, unsigned int n);

/* A flow command was not answered: what it left is removed when the card answers again. Under `lock`. */
void sl_card_doubt(struct sl_card *card);

/* The card recognises VXLAN, the kinds of tunnels that its rules are about, and `mode` (0 none). Under `lock`. Frames of other
 * kinds are plain ones to it, whose TTL, fragments and flags are those of their only header. */
int sl_card_set_tunnels(struct sl_card *card, unsigned int mode);

int sl_card_set_meter(struct sl_card *card, unsigned int meter, uint64_t frames_per_s, uint64_t burst);

static inline bool sl_card_gone(const struct sl_card *card)
{
	return card->bus && card->bus->ops->gone(card->bus);
}

#endif
