/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Unasked announcements of an address: an ARP announcement (RFC 5227, 3) or an unsolicited neighbour advertisement with
 * the override flag (RFC 4861, 7.2.6). Who has the address in its cache with the MAC of the node that had it before
 * comes here at once, not after its own timeouts.
 */
#ifndef SLUICE_HOST_GRATUITOUS_H
#define SLUICE_HOST_GRATUITOUS_H

#include <stdint.h>

/* Sends one frame on the interface. 0 or negative errno. */
int sl_gratuitous_send(int ifindex, const uint8_t mac[6], const uint8_t address[16], uint8_t family);

#endif
