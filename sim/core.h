/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The processor of the management core: RV32IM with SL_IMAGE_RAM_BYTES of RAM at 0, the loader's ROM at SL_ROM_BASE and two
 * windows of registers, SL_CSR_BASE and SL_MGMT_BASE, that it reaches over its bus. sim/mgmt.c is at the other end of the bus.
 * sim/core_unicorn.c is the processor of the simulator; tests/firmware/core_qemu.c is a second one, to compare it with.
 */
#ifndef SLUICE_SIM_CORE_H
#define SLUICE_SIM_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Every access of 32 bits, aligned, into a window of registers; one of another size reads 0 and is not written. */
struct sl_core_bus {
	uint32_t (*read)(void *user, uint32_t address);
	void (*write)(void *user, uint32_t address, uint32_t value);
	void *user;
	bool stop; /* set by an access: the run ends before the next instruction */
	bool dead; /* set by the processor: it trapped without a handler */
};

struct sl_core;

struct sl_core_ops {
	/* The bus must outlive it. RAM is filled with 0xa5: as good as random, and the same in every run. NULL on failure, with
	 * a sentence in err. reset() comes first. */
	struct sl_core *(*create)(struct sl_core_bus *bus, const uint8_t *rom, size_t rom_bytes, char *err, size_t err_len);
	void (*destroy)(struct sl_core *core);
	/* A processor as after power-on, at the beginning of the ROM, with the RAM as it is. 0 or negative errno. */
	int (*reset)(struct sl_core *core);
	/* Until bus->stop, or `budget` instructions are spent; a trap costs one too. Returns those spent. */
	uint64_t (*run)(struct sl_core *core, uint64_t budget);
	/* Overwrites the next n instructions. */
	void (*poke)(struct sl_core *core, const uint32_t *code, unsigned int n);
	uint8_t *(*ram)(struct sl_core *core);
};

extern const struct sl_core_ops sl_core_unicorn;

#endif
