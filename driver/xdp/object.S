/* SPDX-License-Identifier: BSD-3-Clause */
/* The BPF objects of the XDP datapath, within the driver: one file to install. ELF wants to be at a multiple of eight. */
	.section .rodata
	.balign 8
	.globl sl_xdp_object, sl_xdp_object_end
	.hidden sl_xdp_object, sl_xdp_object_end
sl_xdp_object:
	.incbin "hw/xdp/sluice.bpf.o"
sl_xdp_object_end:
	.balign 8
	.globl sl_xdp_offload_object, sl_xdp_offload_object_end
	.hidden sl_xdp_offload_object, sl_xdp_offload_object_end
sl_xdp_offload_object:
	.incbin "hw/xdp/offload.bpf.o"
sl_xdp_offload_object_end:
	.section .note.GNU-stack, "", @progbits
