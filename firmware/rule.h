/* SPDX-License-Identifier: BSD-3-Clause */
/* Classification rules: checked field by field, so that what reaches the datapath means what it says. */
#ifndef SLUICE_FIRMWARE_RULE_H
#define SLUICE_FIRMWARE_RULE_H

#include <stdbool.h>

#include "firmware/mailbox.h"
#include "sluice/contract.h"

enum sl_status sl_rule_run_write(struct sl_firmware *fw, struct sl_command *c);
enum sl_status sl_rule_run_read(struct sl_firmware *fw, struct sl_command *c);
enum sl_status sl_rule_run_stats(struct sl_firmware *fw, struct sl_command *c);
/* Whether every field of the rule has a value that the contract allows. Bits of port_mask beyond the card's ports may be
 * set: no frame comes from there. */
bool sl_rule_good(const struct sl_class_rule *rule);

#endif
