/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The firmware's surroundings in the host build: the fake datapath behind the accessors of block "csr", and here block
 * "mgmt" without a core. Time goes on by one millisecond with every 64th reading of it, so that bounded waits end.
 */
#ifndef SLUICE_TESTS_FIRMWARE_CORE_H
#define SLUICE_TESTS_FIRMWARE_CORE_H

#include <stdbool.h>
#include <stdint.h>

#include "firmware/firmware.h"
#include "sim/flash.h"
#include "sluice/contract.h"
#include "tests/firmware/fake.h"

#define CORE_EVENTS 16

struct core {
	struct sl_engine datapath;
	uint32_t id, ports, link, pending, time_ms, time_reads, boot_cause, boots, random;
	uint32_t beat_ms, silence_ms; /* time of the last heartbeat; the longest between two */
	uint32_t status, heartbeat, hif_acks, sleeps, halts, reset;
	uint64_t drops[4];       /* in the order of the registers */
	uint32_t drops_hi;
	struct sl_flash flash;   /* erased; slot 0 is taken for the one that runs */
	uint32_t boot_slot, hangs, flash_flip;
	bool flash_stuck;        /* no erasure ends */
	uint32_t flash_weak;     /* not 0: the word at this address loses a bit whatever is done */
	uint32_t flash_erased;   /* first word of the sector erased last, as it was before */
	uint32_t flash_left;     /* changes until the flash's power fails */
	struct sl_admin_cmd request;
	struct sl_admin_cpl response;
	unsigned int responses;
	struct sl_event event;
	struct sl_event events[CORE_EVENTS];
	unsigned int event_count;
	unsigned int bad_accesses; /* of registers that do not exist or have another direction */
};

extern struct core core;

/* Surroundings after power-on: two ports, the first one up. RAM that survives restarts keeps its contents. */
void core_power_on(void);
/* Puts the command into the mailbox and takes one turn; the completion is core.response. */
enum sl_status core_admin(struct sl_firmware *fw, uint8_t opcode, const void *arg, uint32_t len);

#endif
