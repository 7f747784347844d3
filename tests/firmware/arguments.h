/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands that the firmware accepts, for the unit tests (which change one field at a time) and the fuzzer (its seeds). */
#ifndef SLUICE_TESTS_FIRMWARE_ARGUMENTS_H
#define SLUICE_TESTS_FIRMWARE_ARGUMENTS_H

#include <stdint.h>

#include "sluice/contract.h"

extern const struct sl_class_prefix core_good_prefix;

/* A good argument of an opcode, PREFIX_LIST at most, in arg (240 bytes); its length. */
uint32_t core_argument(unsigned int opcode, uint8_t *arg);
/* An image that may be selected, in slot 1 of core.flash: a header and one word. */
void core_flash_image(void);

#endif
