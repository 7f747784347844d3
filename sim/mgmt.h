/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The card's management core: an RV32 processor (sim/core.h) that runs the real loader from ROM, which starts the real firmware
 * image from the boot flash; its bridge to the datapath's registers (block "csr", through sl_engine_ops) and its own block
 * "mgmt" (mailbox, events, resets, time, flash).
 *
 * Left to the card (sim/card.c): the admin and event rings, bar registers other than those answered here, DMA.
 * One thread uses a management core, the thread that uses the engine. No call blocks. Time is the card's time in
 * milliseconds, modulo 2^32; it never goes back.
 *
 * How the card uses it, once per turn of its loop:
 *
 *	spent = sl_mgmt_step(m, now_ms, budget);          runs firmware; returns at once while the core sleeps
 *	if (sl_mgmt_admin_done(m, &cpl)) ...              next completion of the admin queue
 *	while (sl_mgmt_event(m, &event)) ...              entries of the event queue
 *	if (sl_mgmt_card_reset_wanted(m)) {               after the completion above has been delivered
 *		ops->reset(engine);                       and what else the card forgets
 *		sl_mgmt_reset(m, SL_RESET_KIND_CARD);
 *	}
 *	timeout = min(..., sl_mgmt_wait_ms(m, now_ms));   how long the loop may sleep on behalf of the core
 */
#ifndef SLUICE_SIM_MGMT_H
#define SLUICE_SIM_MGMT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "sim/core.h"
#include "sim/engine.h"
#include "sluice/contract.h"

/* The core's speed: the budget of instructions that one millisecond of card time is worth. */
#define SL_MGMT_INSNS_PER_MS 50000u
/* A heartbeat that stands still for this long sets bar.STATUS bit 2. Only time in which the core was stepped counts (at
 * most 50 ms between two steps), so that a simulator that did not get the processor raises no alarm. */
#define SL_MGMT_WATCHDOG_MS 1000u
/* After this much more silence the watchdog starts the core again. */
#define SL_MGMT_RESTART_MS 4000u
/* Events kept for the card until it takes them; later ones are lost and counted. */
#define SL_MGMT_EVENTS 64u

struct sl_mgmt; /* opaque */

struct sl_mgmt_config {
	const char *image_path;          /* build/firmware/sluice-fw.bin: what the card leaves the factory with */
	const char *flash_path;          /* keeps the boot flash; NULL: a new card each time */
	const struct sl_core_ops *processor; /* NULL: sl_core_unicorn */
	const struct sl_engine_ops *ops; /* csr_read, csr_write; with nic its block mgmt */
	struct sl_engine *engine;        /* must outlive the core */
	unsigned int ports;              /* 1..SL_PORTS_MAX */
	struct sl_nic_port port[SL_PORTS_MAX];
	uint64_t random_seed;            /* 0: mgmt.RANDOM comes from the kernel; else a sequence that can be repeated */
	FILE *console;                   /* where the firmware's debug console goes; NULL nowhere */
	uint32_t now_ms;                 /* card time at power-on */
};

/* Checks the image, opens the flash and powers the core on (BOOT_CAUSE 0); nothing runs before the first step. NULL on
 * failure, with a sentence in err. */
struct sl_mgmt *sl_mgmt_create(const struct sl_mgmt_config *config, char *err, size_t err_len);
void sl_mgmt_destroy(struct sl_mgmt *m);

/* Runs the core until it sleeps, has asked for a CARD reset, or `budget` instructions are spent; returns the instructions
 * spent. Give at most SL_MGMT_INSNS_PER_MS for each millisecond since the last step, and some at each step. A FIRMWARE
 * reset that the firmware asks for happens inside. */
uint32_t sl_mgmt_step(struct sl_mgmt *m, uint32_t now_ms, uint32_t budget);
/* Milliseconds until the core wants to run: 0 now, UINT32_MAX never (it waits for sl_mgmt_reset). */
uint32_t sl_mgmt_wait_ms(const struct sl_mgmt *m, uint32_t now_ms);

/* Hands a command to the mailbox (copied). False if the last one's completion has not been taken yet: keep the command in
 * its ring. */
bool sl_mgmt_admin_submit(struct sl_mgmt *m, const struct sl_admin_cmd *cmd);
/* Takes the completion of that command; sq_head and phase are left to the queue, tag and opcode are the command's. A core
 * that restarts with a command in its mailbox completes it with ABORTED. */
bool sl_mgmt_admin_done(struct sl_mgmt *m, struct sl_admin_cpl *cpl);
/* Takes one event; phase is left to the queue. */
bool sl_mgmt_event(struct sl_mgmt *m, struct sl_event *event);
/* Events lost since power-on because SL_MGMT_EVENTS were waiting. */
uint32_t sl_mgmt_events_lost(const struct sl_mgmt *m);

/* The host interface was reset: a command in the mailbox, its completion and the waiting events are dropped, the firmware is told. */
void sl_mgmt_host_if_reset(struct sl_mgmt *m);
/* The link of a port changed; told to the firmware only if it did. */
void sl_mgmt_link_set(struct sl_mgmt *m, unsigned int port, bool up);
/* One frame that the DMA could not deliver: reason SL_REASON_NO_HOST or SL_REASON_HOST_FULL. A CARD reset zeroes the counts. */
void sl_mgmt_count_drop(struct sl_mgmt *m, unsigned int reason, uint32_t bytes);

/* bar.STATUS and bar.HEARTBEAT. */
uint32_t sl_mgmt_status(const struct sl_mgmt *m);
uint32_t sl_mgmt_heartbeat(const struct sl_mgmt *m);

/* The firmware executed RESET CARD. It stays halted until sl_mgmt_reset(). */
bool sl_mgmt_card_reset_wanted(const struct sl_mgmt *m);

/*
 * Breaks something, so that tests see what the card does then. The firmware: the next instruction in RAM is overwritten by one
 * that is illegal, that stores where nothing is, or that jumps to itself; a reset heals it. The datapath, MUTE: an access to a
 * register of its block "csr" is never answered, so that the core stands still in the middle of an instruction; a card reset
 * heals it, a firmware reset frees the core.
 * The boot flash: no erasure ends, or a bit of each word cannot be programmed; for good.
 */
enum sl_mgmt_fault {
	SL_MGMT_FAULT_ILLEGAL,
	SL_MGMT_FAULT_STORE,
	SL_MGMT_FAULT_HANG,
	SL_MGMT_FAULT_MUTE,
	SL_MGMT_FAULT_FLASH_STUCK,
	SL_MGMT_FAULT_FLASH_WORN,
};
void sl_mgmt_fault_inject(struct sl_mgmt *m, enum sl_mgmt_fault fault);

/* Restarts the core: SL_RESET_KIND_FIRMWARE or SL_RESET_KIND_CARD (the caller has reset the engine before). Also for what
 * the host writes to bar.RESET. The loader runs; the RAM that it does not load keeps its contents. A completion not yet
 * taken stays. */
void sl_mgmt_reset(struct sl_mgmt *m, enum sl_reset_kind kind);

#endif
