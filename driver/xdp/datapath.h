/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The XDP datapath as the driver's commands see it (driver/fpga/datapath.h): BPF maps, pinned below a path of a BPF file
 * system, which outlive this process; and a program for each port, which does likewise. One process has them at a time.
 *
 * Programs read all of it while it is changed, on all processors and without locks; admin.c says for each thing how it is
 * changed so that nobody sees half of it. `lock` guards what admin commands change; the flow table is under the flow queue's.
 */
#ifndef SLUICE_DRIVER_XDP_DATAPATH_H
#define SLUICE_DRIVER_XDP_DATAPATH_H

#include <net/if.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "driver/fpga/card.h"
#include "driver/xdp/table.h"
#include "hw/xdp/sluice.h"
#include "sluice/first.h"

enum sl_xdp_mode { SL_XDP_MODE_AUTO, SL_XDP_MODE_OFFLOAD, SL_XDP_MODE_NATIVE, SL_XDP_MODE_GENERIC };

/* A port: a network interface. */
struct sl_xdp_port {
	int ifindex; /* 0: no port of this process */
	char name[IFNAMSIZ];
	enum sl_xdp_mode mode; /* asked for */
	bool attached, generic;
	unsigned int missed; /* looks that found the program taken off */
	uint32_t seen;       /* id of what is first on the interface, of which the program is part */
	struct sl_xdp_offload *offload; /* what the network card itself does, or NULL */
	char refusal[256];              /* why it does nothing, "" if it was not asked */
	short flags_set; /* IFF_PROMISC, IFF_ALLMULTI: set by us */
};

struct sl_xdp_maps {
	int rule_count, reason_count, ports, xsks;
	int first, first_count, hints;
	struct sl_xdp_config *config;      /* SL_PORTS_MAX */
	struct sl_class_table *rules;      /* SL_XDP_RULE_TABLES */
	struct sl_xdp_named *named;
	struct sl_prefix_bucket *prefixes; /* SL_PREFIX_BUCKETS */
	struct sl_action *actions;         /* SL_ACTIONS */
	struct sl_punt_meter *meters;      /* SL_METERS */
	struct sl_xdp_table_maps flows;
};

struct sl_xdp {
	struct sl_datapath dp;
	char pin[108];
	int dir;       /* the pins' directory, locked */
	int time_prog, count_prog;
	int cpus;
	struct bpf_object *object; /* holds the descriptors above */
	struct sl_xdp_maps maps;
	struct sl_xdp_table table;
	struct sl_xdp_port port[SL_PORTS_MAX];
	uint32_t *in_card; /* by flow id, 0 no; NULL as long as no card was asked. offload.c */

	pthread_mutex_t lock;
	uint32_t prefixes;       /* in the tables */
	uint32_t rules_written;  /* tables of rules used since a grace period */
	uint16_t generation;     /* of rules, the last that was told to programs */
	uint32_t changes, changes_seen;
	uint8_t action_left[SL_ACTIONS]; /* made invalid since a grace period */
	struct sl_first_key first_key[SL_FIRST_SERVICES]; /* by slot; first.c */
	uint8_t first_used[SL_FIRST_SERVICES];
};

static inline struct sl_xdp *sl_xdp_of(struct sl_datapath *dp)
{
	return (struct sl_xdp *)dp; /* first member */
}

/* Opens or adopts what is pinned at config->path: sl_card_config.open. */
int sl_xdp_open(const struct sl_card_config *config, struct sl_datapath **datapath);

/* Programs' time. */
uint32_t sl_xdp_now(const struct sl_xdp *x);

/* Returns when no program runs any more that ran when it was called. */
void sl_xdp_grace(void);

/* What is classified how has changed: no memo is valid, and none is made until sl_xdp_settle(). Under `lock`. */
void sl_xdp_changed(struct sl_xdp *x);
/* Finds out anew what may be sent by each action (sl_xdp_room). Under `lock`. */
void sl_xdp_rooms(const struct sl_xdp *x);
/* Has programs remember classes again if nothing has changed since the last call. Takes `lock`. */
void sl_xdp_settle(struct sl_xdp *x);

/* admin.c: executes an admin command. */
uint8_t sl_xdp_admin(struct sl_datapath *dp, enum sl_admin_op op, const void *arg, void *answer);

/* program.c */
/* Loads the object, with maps that are pinned at x->pin (log2: buckets of a bank of new ones); for a port, its program. Logs. */
struct bpf_object *sl_xdp_object_load(const struct sl_xdp *x, uint32_t log2, uint32_t port);
/* Attaches the port's program, in the place of an earlier one of ours if there is one: no frame meets neither. Logs. */
int sl_xdp_attach(struct sl_xdp *x, uint32_t port);
/* Puts the program of a port that has it back if somebody has taken it off, and says so. */
void sl_xdp_keep(struct sl_xdp *x, uint32_t port);

/* interface.c: what the kernel knows of a port's interface. */
struct sl_xdp_link {
	uint8_t mac[6];
	uint16_t mtu;
	uint32_t speed_mbps; /* 0 unknown */
	bool running;
};

int sl_xdp_link_get(const char *name, struct sl_xdp_link *link);
int sl_xdp_link_mac_set(const char *name, const uint8_t mac[6]);
/* Sets, or clears, interface flags (IFF_*). */
int sl_xdp_link_flags(const char *name, short flags, bool set);
/* Receive and transmit queues, at least 1, at most SL_XDP_QUEUES. */
unsigned int sl_xdp_link_queues(const char *name);
int sl_xdp_link_stats(int ifindex, struct sl_port_stats *stats);

#endif
