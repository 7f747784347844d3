/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A port's kernel interface: a TAP that exists as long as the agent does. What is not service traffic passes through it
 * both ways. Its queue towards the kernel is bounded by the kernel, what the agent writes to it by a meter.
 */
#ifndef SLUICE_HOST_KERNEL_H
#define SLUICE_HOST_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "host/config.h"

struct sl_kernel {
	char name[16];
	int ifindex;
	int fd; /* non-blocking; one frame a read or write */
};

/* Makes the interface with this MAC and MTU, up. beside: the kernel has another interface for the same wire, and takes from this one
 * what the agent gives it; it has no address, and sources may be behind the other. 0 or negative errno and a sentence in err. */
int sl_kernel_open(struct sl_kernel *kernel, const char *name, const uint8_t mac[6], uint16_t mtu, bool beside, char *err,
		   size_t err_len);
/* Addresses of the host's own. As above. */
int sl_kernel_addresses(int ifindex, const char *name, const struct sl_prefix *addresses, unsigned int count, char *err,
			size_t err_len);
void sl_kernel_close(struct sl_kernel *kernel);

/* Adds or removes one address. Present already, or absent already, is no error. answer_only: the host's own connections and packets
 * come from another one, as long as they can (IPv6: deprecated, RFC 4862, 5.5.4; an IPv4 address of its own network is not chosen). */
int sl_kernel_address(int ifindex, const struct sl_prefix *prefix, bool answer_only, bool add);
/* Removes the addresses that were added with answer_only, by this agent or an earlier one, and that nobody wants. Of kernels before 5.18,
 * which do not know who added an address, none. At most 256 a call. */
void sl_kernel_addresses_clean(int ifindex, bool (*wanted)(const void *arg, const struct sl_addr *addr), const void *arg);

/* The interface below a VLAN interface and its tag; false if it is no VLAN interface. */
bool sl_kernel_vlan(int ifindex, int *below, uint16_t *vid);

#endif
