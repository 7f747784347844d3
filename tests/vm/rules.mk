# SPDX-License-Identifier: BSD-3-Clause
# What needs another kernel than that of this machine: Debian's own, in a virtual machine in software emulation (boot).
# Where QEMU or the packages cannot be had (fetch), a target says so and passes. Nothing is installed, or measured
# there. Not part of `make test`.
VM_KERNEL := $(B)/vm/kernel
VM_OR_SKIP = || [ $$? = 77 ]

# The BPF programs before the verifier of Debian 12's kernel (6.1), and what they do there.
VM_PROGRAMS := $(addprefix $(B)/tests/xdp/,xdp_test first_test adopt_test decap_test stage_table.bpf.o decap.json) \
	$(VECTORS_CORPUS) $(addprefix $(B)/hw/xdp/,sluice.bpf.o decap.bpf.o clamp.bpf.o offload.bpf.o)
test-vm: $(VM_PROGRAMS) ## the BPF programs and their tests on Debian's own kernel, in a virtual machine
	$(Q)tests/vm/fetch kernel && tests/vm/boot $(VM_KERNEL) 1800 \
		sh tests/vm/programs.sh $(B)/tests/xdp $(B)/hw/xdp $(VECTORS_CORPUS) $(VM_OR_SKIP)

# The driver's hardware-offload mode on the kernel's simulated network card.
VM_OFFLOAD_TEST := $(B)/tests/vm/offload_test
VM_OFFLOAD_SRC := tests/vm/offload_test.c hw/xdp/attach.c hw/model/punt.c \
	$(addprefix driver/xdp/,admin.c datapath.c first.c interface.c named.c offload.c program.c table.c)

$(VM_OFFLOAD_TEST): $(VM_OFFLOAD_SRC) $(B)/driver/xdp/object.o $(wildcard driver/xdp/*.h driver/fpga/*.h hw/xdp/*.h) \
		$(MODEL_H) $(CONTRACT_H)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(filter-out -fPIC,$(SL_PMD_CFLAGS)) -MF $@.d $(VM_OFFLOAD_SRC) $(B)/driver/xdp/object.o -o $@ -lxdp -lbpf

test-offload: $(VM_OFFLOAD_TEST) ## XDP's hardware-offload mode on netdevsim, in a virtual machine (220 MB once)
	$(Q)tests/vm/fetch kernel && tests/vm/fetch netdevsim && \
		tests/vm/boot $(VM_KERNEL) 3600 sh tests/vm/offload.sh $(VM_KERNEL) $< $(VM_OR_SKIP)

.PHONY: test-vm test-offload
