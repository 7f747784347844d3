/* SPDX-License-Identifier: BSD-3-Clause */
/* The BPF objects that sluice-decap loads, within it: one file to install. ELF wants to be at a multiple of eight. */
	.macro object name, path
	.balign 8
	.globl \name, \name\()_end
\name:
	.incbin "\path"
\name\()_end:
	.endm

	.section .rodata
	object sl_decap_object, "hw/xdp/decap.bpf.o"
	object sl_clamp_object, "hw/xdp/clamp.bpf.o"
	.section .note.GNU-stack, "", @progbits
