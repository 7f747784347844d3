/* SPDX-License-Identifier: BSD-3-Clause */
/* Reset entry of the loader, at the beginning of the ROM. It needs no RAM but a stack, where the firmware's will be. */
	.option arch, +zicsr, +zifencei

	.section .text.start, "ax"
	.globl _start
_start:
	la sp, sl_stack_top
	la t0, halted
	csrw mtvec, t0
	call sl_loader_run
	fence.i /* the image was written as data */
	jr a0

	/* A trap in the loader is one of the hardware: stop beating, and the watchdog starts the core again. */
	.balign 4
halted:
	j halted
