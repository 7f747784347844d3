/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * First packets (sluice/first.h): the agent's services in the maps that the XDP program decides by. Any thread; calls for one card
 * are serialised by the datapath's `lock`.
 */
#ifndef SLUICE_DRIVER_XDP_FIRST_H
#define SLUICE_DRIVER_XDP_FIRST_H

#include <ethdev_driver.h>

#include "driver/xdp/datapath.h"

/* Finds out which services the maps hold from an earlier owner. 0 or a negative errno. */
int sl_xdp_first_adopt(struct sl_xdp *x);

/* Ethdev operations. -EINVAL: not an offset of sluice/first.h, or too little room; -ENOENT: no such service; -ENOSPC: there are
 * SL_FIRST_SERVICES already; -EXDEV: a hop leaves by an ethdev that is no port of this card; -ERANGE: a table that says what cannot
 * be. */
int sl_xdp_first_get(struct rte_eth_dev *dev, struct rte_dev_eeprom_info *info);
int sl_xdp_first_set(struct rte_eth_dev *dev, struct rte_dev_eeprom_info *info);

#endif
