/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The drivers of this library. A device is the first driver's that registered a prefix of its name, and constructors of one file
 * run in their order: the longer name comes first.
 */
#include <bus_vdev_driver.h>

extern struct rte_vdev_driver sl_xdp_driver;  /* xdp/ethdev.c */
extern struct rte_vdev_driver sl_fpga_driver; /* fpga/ethdev.c */

RTE_PMD_REGISTER_VDEV(net_sluice_xdp, sl_xdp_driver);
RTE_PMD_REGISTER_PARAM_STRING(net_sluice_xdp, "iface=<name> pin=<directory> port=<int> mode=auto|offload|native|generic kernel=pass|host "
			      "flows=<int> kernel_pps=<int>");
RTE_PMD_REGISTER_VDEV(net_sluice, sl_fpga_driver);
RTE_PMD_REGISTER_PARAM_STRING(net_sluice, "bus=<path> port=<int> timeout_ms=<int> kernel_pps=<int>");
