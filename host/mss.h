/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Lowers the MSS option of SYNs that the host rewrites (RFC 9293 3.7.1), so that neither side sends segments that do not fit the
 * way to the other: in nat both ways pass the balancer, which knows their MTUs. (Where backends answer directly, it never sees
 * their SYN-ACKs: there sluice-decap does it.)
 */
#ifndef SLUICE_HOST_MSS_H
#define SLUICE_HOST_MSS_H

#include <stdbool.h>
#include <stdint.h>

#include "hw/model/rewrite.h"

/* After sl_rewrite() of a TCP packet with a SYN. mtu: the longest IP packet of the way. Options and checksum in the new head
 * change, and the head grows by the options. False: the option is not there, or fits, or the options are malformed. */
bool sl_mss_lower(const uint8_t *frame, const struct sl_packet *packet, uint32_t mtu, struct sl_rewrite *rewrite);

#endif
