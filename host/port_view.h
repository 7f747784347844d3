/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What `card show` says of a port. Whoever asks is the control thread, which has clients, health checks and netlink to look
 * after: a device that does not answer (in half a second) is told to be silent, with what it told last.
 */
#ifndef SLUICE_HOST_PORT_VIEW_H
#define SLUICE_HOST_PORT_VIEW_H

#include "host/control.h"

/* sl_control_ops.port. */
void sl_port_view_get(void *ctx, unsigned int index, struct sl_port_view *out);
/* sl_control_ops.port_gone. */
bool sl_port_view_gone(void *ctx, unsigned int index);
/* Before the ports are closed: waits for a question under way. */
void sl_port_view_stop(void);

#endif
