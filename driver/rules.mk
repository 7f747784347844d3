# SPDX-License-Identifier: BSD-3-Clause
# The DPDK driver: one shared object that loads into unmodified DPDK programs. Its headers come from fetch-headers.
SL_PMD := $(B)/lib/librte_net_sluice.so
SL_DPDK_HEADERS := $(B)/dpdk-headers/version
SL_DPDK_CFLAGS = $(shell pkg-config --cflags libdpdk) -DALLOW_INTERNAL_API -DALLOW_EXPERIMENTAL_API
SL_DPDK_LIBS = -lrte_bus_vdev $(shell pkg-config --libs libdpdk)
# DPDK's own headers are not written for these warnings.
SL_PMD_CFLAGS = $(CFLAGS_BASE) -fPIC -isystem $(B)/dpdk-headers $(subst -I/,-isystem /,$(SL_DPDK_CFLAGS))
SL_PMD_SRC := $(wildcard driver/flow/*.c driver/fpga/*.c)
SL_PMD_OBJ := $(SL_PMD_SRC:%.c=$(B)/%.o)

ALL += $(SL_PMD)

$(SL_DPDK_HEADERS): driver/fetch-headers
	$(Q)driver/fetch-headers
	$(Q)touch $@

$(B)/driver/%.o: driver/%.c $(CONTRACT_H) | $(SL_DPDK_HEADERS)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(SL_PMD_CFLAGS) -c $< -o $@

$(SL_PMD): $(SL_PMD_OBJ)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -shared -Wl,-z,defs -Wl,-soname,$(@F) $(SL_PMD_OBJ) -o $@ $(SL_DPDK_LIBS)
