/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How DPDK's EAL is started: on which CPUs, with how much memory and of which kind, by what the configuration needs and what this
 * host has. Threads: before there are any.
 */
#ifndef SLUICE_HOST_EAL_H
#define SLUICE_HOST_EAL_H

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/config.h"

#define SL_EAL_HEADROOM 128u /* bytes before a frame, DPDK's */
#define SL_EAL_BUFFER 256u   /* beside frame and headroom, of DPDK */
#define SL_EAL_RING 1024u /* descriptors of a queue of a port, and frames of a worker's ring */

/* Buffers of a port's pool: as many as its receive queues, the transmit queues of all ports and the workers can hold at a time. */
uint32_t sl_eal_mbufs(unsigned int rx_queues, unsigned int tx_queues, unsigned int workers, unsigned int ports);
/* Bytes of one, headroom included: a whole frame fits, also when it comes from the kernel. */
uint32_t sl_eal_room(uint32_t mtu);

/* Devargs of a PCI device: an address, which has a colon before any argument. */
bool sl_eal_is_pci(const char *devargs);

/* What the process may use, and where it stands; tests have their own. */
struct sl_eal_host {
	const char *sys;     /* sysfs */
	const char *meminfo; /* file like /proc/meminfo */
	cpu_set_t cpus;
};

struct sl_eal_need {
	cpu_set_t cpus;     /* of the node that all ports are at, if that has one for each worker; else all */
	int node;           /* NUMA node, or -1 */
	uint64_t megabytes; /* at most, for pools and rings of all ports; without huge pages only what is used is taken */
	bool huge;          /* so many are free */
};

void sl_eal_need(const struct sl_config *config, const struct sl_eal_host *host, struct sl_eal_need *need);

/* Starts EAL with what the configuration names: no other device of this host is touched. extra: further arguments, separated by spaces, or NULL. 0 or -errno and a sentence. Once in a process. */
int sl_eal_init(const struct sl_config *config, const char *extra, char *err, size_t err_len);

#endif
