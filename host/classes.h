/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Group 0 of each port: the rules that a snapshot wants are kept in the card, no more and no fewer. What does not fit or is
 * refused is left out (its packets reach the host as the port's own) and reported. Offload thread, or before it exists.
 */
#ifndef SLUICE_HOST_CLASSES_H
#define SLUICE_HOST_CLASSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/config.h"
#include "host/service.h"

/* Remembers the ports' tunnel addresses. */
void sl_classes_configure(const struct sl_config *config);
/* Puts the catch-all of group 1 in place (of VIPs; those of other classes come with their rules). 0, or negative errno and the driver's words in error. */
int sl_classes_open(unsigned int port, uint16_t proxy, uint32_t caps, char *error, size_t error_len);
/* Brings group 0 of the port in line; returns how many rules stand. error is "" if all do. */
uint32_t sl_classes_sync(unsigned int port, const struct sl_services *services, char *error, size_t error_len);
/* Whether all rules stand that the last sync wanted, if there was one. Any thread. */
bool sl_classes_stand(unsigned int port);
/* The card did not answer a change of the port's rules: they are to be synced again. */
bool sl_classes_unsure(unsigned int port);
/* Whether a packet with this key comes to the flow table of the port at all: to a VIP, or (source) from a NAT backend. */
bool sl_classes_cover(unsigned int port, const struct sl_key *key, bool source);
/* The device has gone, and the rules with it. */
void sl_classes_forget(unsigned int port);

#endif
