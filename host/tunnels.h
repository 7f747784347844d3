/* SPDX-License-Identifier: BSD-3-Clause */
/* The words that a port's driver has for tunnels: asked for once and kept, because rules point to them. */
#ifndef SLUICE_HOST_TUNNELS_H
#define SLUICE_HOST_TUNNELS_H

#include <stdint.h>

#include "host/flow_rule.h"

/* Those for a tunnel of enum sl_mode; NULL and *why (which stays) if the driver has none. For VXLAN none are needed. */
const struct sl_tunnel_words *sl_tunnels_words(uint16_t proxy, unsigned int tunnel, const char **why);

#endif
