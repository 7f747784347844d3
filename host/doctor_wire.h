/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What `sluice doctor` says of a network interface that is a port's wire: what the kernel tells of it, and what follows from that for a
 * port of XDP. Two steps, so that the second one can be tested without the interface.
 */
#ifndef SLUICE_HOST_DOCTOR_WIRE_H
#define SLUICE_HOST_DOCTOR_WIRE_H

#include <stdbool.h>
#include <stddef.h>

enum sl_wire_offload {
	SL_WIRE_LRO = 1 << 0,
	SL_WIRE_GRO_HW = 1 << 1,
};

struct sl_wire {
	char name[16];
	bool loopback;
	unsigned int queues, queues_max; /* receive queues; 0: not known */
	unsigned int offloads;           /* enum sl_wire_offload bits that are on */
	char addresses[256];             /* that the kernel has there, but link-local ones; "" none */
};

/* fd: any socket of the network namespace. */
void sl_wire_read(int fd, const char *name, struct sl_wire *wire);

struct sl_wire_word {
	char found[512], remedy[512];
};

#define SL_WIRE_WORDS 4u

/* What is wrong with it as a wire of XDP for that many workers. Returns how many. kernel_interface: the port's. */
unsigned int sl_wire_judge(const struct sl_wire *wire, unsigned int workers, const char *kernel_interface,
			   struct sl_wire_word words[SL_WIRE_WORDS]);

#endif
