# SPDX-License-Identifier: BSD-3-Clause
# BPF programs: each stage of the model compiled by itself, then linked with the program around the stages that it needs.
# sluice is the datapath; offload is its short cut for cards that run BPF; decap and clamp are a backend's end of tunnels.
XDP_STAGES := ingress parse prefix class key hash table action rewrite punt
XDP_OBJ := $(B)/hw/xdp/sluice.bpf.o
XDP_OFFLOAD := $(B)/hw/xdp/offload.bpf.o
XDP_CFLAGS := -O2 -g -std=gnu11 -Wall -Wextra -Werror -target bpf -mcpu=v3 -ffreestanding -I$(B)/include -Iinclude -I. \
	-idirafter /usr/include/$(shell uname -m)-linux-gnu -MMD -MP
XDP_BACKEND := $(addprefix $(B)/hw/xdp/,decap.bpf.o clamp.bpf.o)
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
ALL += $(XDP_OBJ) $(XDP_OFFLOAD) $(XDP_BACKEND)

# Their way onto an interface, for those who load them: in user space.
XDP_ATTACH := $(B)/hw/xdp/attach.o
$(XDP_ATTACH): hw/xdp/attach.c
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_BASE) -fPIC -c $< -o $@

$(B)/hw/xdp/stage/%.bpf.o: hw/model/%.c $(B)/contract.stamp
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(XDP_CFLAGS) -c $< -o $@

$(B)/hw/xdp/part/%.bpf.o: hw/xdp/%.bpf.c $(B)/contract.stamp
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(XDP_CFLAGS) -c $< -o $@

xdp_stages = $(patsubst %,$(B)/hw/xdp/stage/%.bpf.o,$(1))
$(XDP_OBJ): $(call xdp_stages,$(XDP_STAGES))
$(XDP_BACKEND): $(call xdp_stages,parse)

$(XDP_OBJ) $(XDP_OFFLOAD) $(XDP_BACKEND): $(B)/hw/xdp/%.bpf.o: $(B)/hw/xdp/part/%.bpf.o
	$(Q)$(BPFTOOL) gen object $@ $^
