/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every access of the firmware to hardware goes through these functions: the datapath's block "csr" and the
 * management block "mgmt", by offset. On the core they are loads and stores; the host build links others
 * (tests/firmware), so that everything above can be unit-tested.
 *
 * A write may end what runs here (RESET, SLEEP for ever). What was stored in RAM before it is there by then: the compiler
 * may neither move a store behind a write nor leave it out because nobody here reads it any more.
 */
#ifndef SLUICE_FIRMWARE_HAL_H
#define SLUICE_FIRMWARE_HAL_H

#include <stdint.h>

#include "sluice/contract.h"

/* RAM that start-up code leaves alone: it survives a restart of the core. Contents are random after power-on. */
#define SL_NOINIT __attribute__((section(".noinit")))

#ifdef __riscv
static inline uint32_t sl_hal_csr_read(uint32_t offset)
{
	return *(volatile uint32_t *)(SL_CSR_BASE + offset);
}

static inline void sl_hal_csr_write(uint32_t offset, uint32_t value)
{
	__asm__ volatile("" : : : "memory");
	*(volatile uint32_t *)(SL_CSR_BASE + offset) = value;
}

static inline uint32_t sl_hal_mgmt_read(uint32_t offset)
{
	return *(volatile uint32_t *)(SL_MGMT_BASE + offset);
}

static inline void sl_hal_mgmt_write(uint32_t offset, uint32_t value)
{
	__asm__ volatile("" : : : "memory");
	*(volatile uint32_t *)(SL_MGMT_BASE + offset) = value;
}

/* For good: no heartbeat any more, until the card resets the core. */
static inline void sl_hal_halt(void)
{
	for (;;)
		sl_hal_mgmt_write(SL_MGMT_SLEEP, 0xffffffffu);
}
#else
uint32_t sl_hal_csr_read(uint32_t offset);
void sl_hal_csr_write(uint32_t offset, uint32_t value);
uint32_t sl_hal_mgmt_read(uint32_t offset);
void sl_hal_mgmt_write(uint32_t offset, uint32_t value);
void sl_hal_halt(void);
#endif

#endif
