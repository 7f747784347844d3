/* SPDX-License-Identifier: BSD-3-Clause */
/* Image header (include/sluice/image.h), reset and trap entry. */
	.option arch, +zicsr

	.section .header, "a"
	.globl sl_image_header
sl_image_header:
	.ascii "SLFW"
	.half 1			/* SL_IMAGE_HEADER_VERSION */
	.half 32		/* header_len */
	.word sl_image_version
	.word sl_image_length
	.word _start
	.word 0			/* crc32, by image.py */
	.word sl_image_abi
	.word 0

	.section .text.start, "ax"
	.globl _start
_start:
	.option push
	.option norelax
	la gp, __global_pointer$
	.option pop
	la sp, sl_stack_top
	la t0, trap
	csrw mtvec, t0
	la t0, sl_bss_start
	la t1, sl_bss_end
1:	bgeu t0, t1, 2f
	sw zero, 0(t0)
	addi t0, t0, 4
	j 1b
2:	call main
3:	j 3b

	/* Nothing is resumed after a trap, so the stack starts over. A trap in here finds mtvec at `halted`. */
	.balign 4
trap:
	la sp, sl_stack_top
	la t0, halted
	csrw mtvec, t0
	csrr a0, mcause
	csrr a1, mepc
	csrr a2, mtval
	call sl_crash_trap
	.balign 4
halted:
	j halted
