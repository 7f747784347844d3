/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The management core's processor on Unicorn.
 *
 * Unicorn stops for us in one way only: a hook before each instruction counts it and ends the run when the budget is
 * spent or a register write asked for it. So the instruction after such a write (SLEEP, RESET) is not executed, the
 * program counter is exact, and runs can be repeated instruction by instruction. Traps are taken here: Unicorn reports
 * them as errors and leaves the machine's trap registers alone.
 */
#include "sim/core.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unicorn/unicorn.h>

#include "sluice/contract.h"
#include "sluice/image.h"

#define NO_ADDRESS 0xfffffffcull /* never executed: runs end through the hook */

/* mcause of what Unicorn reports */
#define CAUSE_FETCH 1u
#define CAUSE_ILLEGAL 2u
#define CAUSE_LOAD 5u
#define CAUSE_STORE 7u

struct sl_core {
	uc_engine *uc;
	struct sl_core_bus *bus;
	uint64_t insns, insns_end;
	uint32_t pc, fault_address; /* of the instruction that runs; of the access that failed */
	uint8_t *ram, *rom;
};

/* Registers are 32 bits wide; another access is answered like a register that does not exist. */
static uint64_t bus_read(struct sl_core *core, uint32_t address, unsigned int size)
{
	return size == 4 && address % 4 == 0 ? core->bus->read(core->bus->user, address) : 0;
}

static void bus_write(struct sl_core *core, uint32_t address, unsigned int size, uint64_t value)
{
	if (size == 4 && address % 4 == 0)
		core->bus->write(core->bus->user, address, (uint32_t)value);
}

static uint64_t on_csr_read(uc_engine *uc, uint64_t offset, unsigned int size, void *user)
{
	(void)uc;
	return bus_read(user, SL_CSR_BASE + (uint32_t)offset, size);
}

static void on_csr_write(uc_engine *uc, uint64_t offset, unsigned int size, uint64_t value, void *user)
{
	(void)uc;
	bus_write(user, SL_CSR_BASE + (uint32_t)offset, size, value);
}

static uint64_t on_mgmt_read(uc_engine *uc, uint64_t offset, unsigned int size, void *user)
{
	(void)uc;
	return bus_read(user, SL_MGMT_BASE + (uint32_t)offset, size);
}

static void on_mgmt_write(uc_engine *uc, uint64_t offset, unsigned int size, uint64_t value, void *user)
{
	(void)uc;
	bus_write(user, SL_MGMT_BASE + (uint32_t)offset, size, value);
}

static void on_instruction(uc_engine *uc, uint64_t address, uint32_t size, void *user)
{
	struct sl_core *core = user;

	(void)size;
	core->pc = (uint32_t)address;
	if (core->bus->stop || core->insns >= core->insns_end)
		uc_emu_stop(uc);
	else
		core->insns++;
}

static bool on_bad_memory(uc_engine *uc, uc_mem_type type, uint64_t address, int size, int64_t value, void *user)
{
	struct sl_core *core = user;

	(void)uc;
	(void)type;
	(void)size;
	(void)value;
	core->fault_address = (uint32_t)address;
	return false;
}

/* A new processor each time: no translated code and no trap state of the old one is left. RAM is ours and stays. */
static int core_reset(struct sl_core *core)
{
	const uint32_t entry = SL_ROM_BASE;
	uc_hook hook;
	uc_err err;

	if (core->uc)
		uc_close(core->uc);
	core->uc = NULL;
	core->bus->dead = false;
	err = uc_open(UC_ARCH_RISCV, UC_MODE_RISCV32, &core->uc);
	if (err == UC_ERR_OK)
		err = uc_mem_map_ptr(core->uc, 0, SL_IMAGE_RAM_BYTES, UC_PROT_ALL, core->ram);
	if (err == UC_ERR_OK)
		err = uc_mem_map_ptr(core->uc, SL_ROM_BASE, SL_ROM_BYTES, UC_PROT_READ | UC_PROT_EXEC, core->rom);
	if (err == UC_ERR_OK)
		err = uc_mmio_map(core->uc, SL_CSR_BASE, SL_CSR_SIZE, on_csr_read, core, on_csr_write, core);
	if (err == UC_ERR_OK)
		err = uc_mmio_map(core->uc, SL_MGMT_BASE, SL_MGMT_SIZE, on_mgmt_read, core, on_mgmt_write, core);
	if (err == UC_ERR_OK)
		err = uc_hook_add(core->uc, &hook, UC_HOOK_CODE, (void *)on_instruction, core, 1, 0);
	if (err == UC_ERR_OK)
		err = uc_hook_add(core->uc, &hook, UC_HOOK_MEM_INVALID, (void *)on_bad_memory, core, 1, 0);
	if (err == UC_ERR_OK)
		err = uc_reg_write(core->uc, UC_RISCV_REG_PC, &entry);
	return err == UC_ERR_OK ? 0 : -EIO;
}

static void trap(struct sl_core *core, uc_err err)
{
	uint32_t pc = core->pc, handler = 0, value = 0, cause = CAUSE_ILLEGAL; /* Unicorn's pc is behind an illegal instruction */

	uc_reg_read(core->uc, UC_RISCV_REG_MTVEC, &handler);
	switch (err) {
	case UC_ERR_FETCH_UNMAPPED:
	case UC_ERR_FETCH_PROT:
		cause = CAUSE_FETCH;
		uc_reg_read(core->uc, UC_RISCV_REG_PC, &pc);
		break;
	case UC_ERR_READ_UNMAPPED:
	case UC_ERR_READ_UNALIGNED:
		cause = CAUSE_LOAD;
		break;
	case UC_ERR_WRITE_UNMAPPED:
	case UC_ERR_WRITE_UNALIGNED:
		cause = CAUSE_STORE;
		break;
	default:
		break;
	}
	if (cause != CAUSE_ILLEGAL)
		value = core->fault_address;
	uc_reg_write(core->uc, UC_RISCV_REG_MEPC, &pc);
	uc_reg_write(core->uc, UC_RISCV_REG_MCAUSE, &cause);
	uc_reg_write(core->uc, UC_RISCV_REG_MTVAL, &value);
	uc_reg_write(core->uc, UC_RISCV_REG_PC, &handler);
	core->bus->dead = handler == 0; /* it trapped before it had a handler */
}

static uint64_t core_run(struct sl_core *core, uint64_t budget)
{
	const uint64_t start = core->insns;
	uint32_t pc = 0;
	uc_err err;

	core->insns_end = start + budget;
	uc_reg_read(core->uc, UC_RISCV_REG_PC, &pc);
	err = uc_emu_start(core->uc, pc, NO_ADDRESS, 0, 0);
	if (err != UC_ERR_OK) {
		core->insns++; /* a trap takes its time too: a handler that traps cannot stop the simulator */
		trap(core, err);
	}
	return core->insns - start;
}

static void core_poke(struct sl_core *core, const uint32_t *code, unsigned int n)
{
	uint32_t pc = 0;

	uc_reg_read(core->uc, UC_RISCV_REG_PC, &pc);
	uc_mem_write(core->uc, pc, code, n * sizeof(*code));
	uc_ctl_remove_cache(core->uc, pc, pc + n * sizeof(*code));
}

static uint8_t *core_ram(struct sl_core *core)
{
	return core->ram;
}

static void core_destroy(struct sl_core *core)
{
	if (!core)
		return;
	if (core->uc)
		uc_close(core->uc);
	free(core->ram);
	free(core->rom);
	free(core);
}

static struct sl_core *core_create(struct sl_core_bus *bus, const uint8_t *rom, size_t rom_bytes, char *err, size_t err_len)
{
	struct sl_core *core = calloc(1, sizeof(*core));

	if (core) {
		core->ram = aligned_alloc(4096, SL_IMAGE_RAM_BYTES);
		core->rom = aligned_alloc(4096, SL_ROM_BYTES);
	}
	if (!core || !core->ram || !core->rom) {
		snprintf(err, err_len, "management core: out of memory");
		core_destroy(core);
		return NULL;
	}
	core->bus = bus;
	memset(core->ram, 0xa5, SL_IMAGE_RAM_BYTES);
	memset(core->rom, 0, SL_ROM_BYTES);
	memcpy(core->rom, rom, rom_bytes);
	return core;
}

const struct sl_core_ops sl_core_unicorn = {
	.create = core_create,
	.destroy = core_destroy,
	.reset = core_reset,
	.run = core_run,
	.poke = core_poke,
	.ram = core_ram,
};
