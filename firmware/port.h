/* SPDX-License-Identifier: BSD-3-Clause */
/* MAC ports: settings, MAC filter, state, counters, link changes. */
#ifndef SLUICE_FIRMWARE_PORT_H
#define SLUICE_FIRMWARE_PORT_H

#include "firmware/mailbox.h"
#include "sluice/contract.h"

#define SL_PORT_SPEED_MBPS 100000u /* the card's MACs are 100G */

enum sl_status sl_port_run_set(struct sl_firmware *fw, struct sl_command *c);
enum sl_status sl_port_run_get(struct sl_firmware *fw, struct sl_command *c);
enum sl_status sl_port_run_mac_set(struct sl_firmware *fw, struct sl_command *c);
enum sl_status sl_port_run_stats(struct sl_firmware *fw, struct sl_command *c);
/* Reads the link state and sends an event for each port whose link changed. */
void sl_port_poll_link(struct sl_firmware *fw);

#endif
