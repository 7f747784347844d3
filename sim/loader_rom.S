/* SPDX-License-Identifier: BSD-3-Clause */
/* The loader's ROM, as it is in a real card's silicon: part of the simulator, never of an update. */
	.section .rodata
	.balign 16
	.globl sl_loader_rom
sl_loader_rom:
	.incbin LOADER_ROM
	.globl sl_loader_rom_end
sl_loader_rom_end:
	.section .note.GNU-stack, "", @progbits
