# SPDX-License-Identifier: BSD-3-Clause
# The DPDK driver: one shared object that loads into unmodified DPDK programs. Its headers come from fetch-headers.
SL_PMD := $(B)/lib/librte_net_sluice.so
SL_DPDK_HEADERS := $(B)/dpdk-headers/version
SL_DPDK_CFLAGS = $(shell pkg-config --cflags libdpdk) -DALLOW_INTERNAL_API -DALLOW_EXPERIMENTAL_API
SL_DPDK_LIBS = -lrte_bus_vdev $(shell pkg-config --libs libdpdk)
SL_PMD_LIBS = -lxdp -lbpf $(SL_DPDK_LIBS)
# DPDK's own headers are not written for these warnings.
SL_PMD_CFLAGS = $(CFLAGS_BASE) -fPIC -isystem $(B)/dpdk-headers $(subst -I/,-isystem /,$(SL_DPDK_CFLAGS))
SL_PMD_SRC := $(wildcard driver/*.c driver/flow/*.c driver/fpga/*.c driver/xdp/*.c)
# The XDP datapath's meters are written as the model's are.
SL_PMD_OBJ := $(SL_PMD_SRC:%.c=$(B)/%.o) $(B)/driver/xdp/object.o $(B)/driver/xdp/punt.o $(XDP_ATTACH)

ALL += $(SL_PMD)

$(SL_DPDK_HEADERS): driver/fetch-headers
	$(Q)driver/fetch-headers
	$(Q)touch $@

$(B)/driver/%.o: driver/%.c $(CONTRACT_H) | $(SL_DPDK_HEADERS)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(SL_PMD_CFLAGS) -c $< -o $@

$(B)/driver/xdp/punt.o: hw/model/punt.c $(CONTRACT_H)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_BASE) -fPIC -c $< -o $@

$(B)/driver/xdp/object.o: driver/xdp/object.S $(XDP_OBJ) $(XDP_OFFLOAD)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -Wa,-I$(B) -c $< -o $@

$(SL_PMD): $(SL_PMD_OBJ)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -shared -Wl,-z,defs -Wl,-soname,$(@F) $(SL_PMD_OBJ) -o $@ $(SL_PMD_LIBS)
