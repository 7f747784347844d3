# SPDX-License-Identifier: BSD-3-Clause
# What needs another kernel than that of this machine: Debian's own, in a virtual machine in software emulation (boot).
# Where QEMU or the packages cannot be had (fetch), a target says so and passes. Nothing is installed, or measured there.
# Not part of `make test`.
VM_KERNEL := $(B)/vm/kernel
VM_OR_SKIP = || [ $$? = 77 ]

# The BPF programs before the verifier of Debian 12's kernel (6.1), and what they do there.
VM_PROGRAMS := $(addprefix $(B)/tests/xdp/,xdp_test first_test adopt_test decap_test stage_table.bpf.o decap.json) $(VECTORS_CORPUS) \
	$(addprefix $(B)/hw/xdp/,sluice.bpf.o decap.bpf.o clamp.bpf.o offload.bpf.o)
test-vm: $(VM_PROGRAMS) ## the BPF programs and their tests on Debian's own kernel, in a virtual machine
	$(Q)tests/vm/fetch kernel && tests/vm/boot $(VM_KERNEL) 900 sh tests/vm/programs.sh $(B)/tests/xdp $(B)/hw/xdp $(VECTORS_CORPUS) \
		$(VM_OR_SKIP)

.PHONY: test-vm
