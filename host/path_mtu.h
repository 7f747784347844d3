/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What routers say of the tunnels' own packets: "fragmentation needed" (RFC 1191), "packet too big" (RFC 8201). The kernel keeps a path's
 * MTU per destination and for ten minutes, and its routes tell it; but it listens only to errors about what a socket of its own may
 * have sent, and a tunnel's packet is none's. So there is a raw socket for each protocol that is a tunnel's outer one: it
 * makes the kernel believe, and tells of each error by its queue of errors (ip(7), IP_RECVERR). Nothing is received or sent by it.
 *
 * Threads: the uv loop's.
 */
#ifndef SLUICE_HOST_PATH_MTU_H
#define SLUICE_HOST_PATH_MTU_H

#include <uv.h>

#include "host/config.h"

struct sl_path_mtu;

/* The path to this address has another MTU: the kernel's route says which. */
typedef void sl_path_mtu_fn(void *ctx, const struct sl_addr *addr);

/* NULL: no socket could be opened (CAP_NET_RAW), or out of memory; it is logged. */
struct sl_path_mtu *sl_path_mtu_open(uv_loop_t *loop, sl_path_mtu_fn *changed, void *ctx);
/* Closes its handles; the loop must run once more before it is closed. NULL is nothing. */
void sl_path_mtu_close(struct sl_path_mtu *p);

#endif
