/* SPDX-License-Identifier: BSD-3-Clause */
/* What the control side sees of the data side: connections, ports and counters as plain structures, without pausing a
 * worker. */
#ifndef SLUICE_HOST_VIEW_H
#define SLUICE_HOST_VIEW_H

#include "host/conn.h"
#include "host/control.h"

/* Fills the functions that only look (flow_*, port*, data, backend) and their ctx. */
void sl_view_init(struct sl_conn_table *table, struct sl_control_ops *ops);

#endif
