# SPDX-License-Identifier: BSD-3-Clause
# The XDP program: each stage of the model compiled for BPF by itself, then linked with the program around them.
XDP_STAGES := ingress parse prefix class key hash table action rewrite punt
XDP_OBJ := $(B)/hw/xdp/sluice.bpf.o
XDP_CFLAGS := -O2 -g -std=gnu11 -Wall -Wextra -Werror -target bpf -mcpu=v3 -ffreestanding -I$(B)/include -Iinclude -I. \
	-idirafter /usr/include/$(shell uname -m)-linux-gnu -MMD -MP
XDP_PARTS := $(XDP_STAGES:%=$(B)/hw/xdp/stage/%.bpf.o) $(B)/hw/xdp/part/sluice.bpf.o
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
ALL += $(XDP_OBJ)

$(B)/hw/xdp/stage/%.bpf.o: hw/model/%.c $(B)/contract.stamp
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(XDP_CFLAGS) -c $< -o $@

$(B)/hw/xdp/part/%.bpf.o: hw/xdp/%.bpf.c $(B)/contract.stamp
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(XDP_CFLAGS) -c $< -o $@

$(XDP_OBJ): $(XDP_PARTS)
	$(Q)$(BPFTOOL) gen object $@ $^
