# SPDX-License-Identifier: BSD-3-Clause
# The host interface in RTL under the tests of the simulator's own DMA (tests/sim/test_dma.c), with its assertions.
HIF_OBJ := $(B)/rtl/hif
HIF_TEST := $(B)/tests/rtl/test_hif
HIF_SRC := $(NIC_SRC)
UNIT_TESTS += $(HIF_TEST)

$(HIF_OBJ)/Vsl_hif.mk: $(HIF_SRC) $(NIC_LIST) $(RTL_LIST) hw/lint/waivers.vlt $(B)/contract.stamp
	$(Q)mkdir -p $(@D)
	$(Q)$(VERILATOR) --cc --top-module sl_hif -O3 --x-assign fast --x-initial fast -Wall -Wno-UNUSEDPARAM --assert \
		--output-split 20000 hw/lint/waivers.vlt --Mdir $(@D) -f $(NIC_LIST)

$(HIF_OBJ)/Vsl_hif__ALL.a: $(HIF_OBJ)/Vsl_hif.mk
	$(Q)$(MAKE) --no-print-directory -s -C $(@D) -f Vsl_hif.mk CFG_CXXFLAGS_PCH_I= OPT_FAST="-O1 -fPIC" OPT_SLOW="-O0 -fPIC" \
		OPT_GLOBAL="-O1 -fPIC" Vsl_hif__ALL.a >/dev/null

$(B)/tests/rtl/test_dma.o: tests/sim/test_dma.c $(B)/contract.stamp
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_TEST) -DDMA_IS_RTL -c $< -o $@

$(B)/tests/rtl/hif_dma.o: tests/rtl/hif_dma.cpp sim/nic_rtl/board.h sim/dma.h sim/queue.h $(HIF_OBJ)/Vsl_hif.mk
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) -std=c++17 -O1 -g -w -I$(HIF_OBJ) -I$(B)/include -Iinclude -I. -I$(VERILATOR_ROOT)/include \
		-isystem $(VERILATOR_ROOT)/include/vltstd -c $< -o $@

$(HIF_TEST): $(B)/tests/rtl/test_dma.o $(B)/tests/rtl/hif_dma.o $(B)/tests/sim/host.o $(B)/tests/sim/card/sim/iova.o \
		$(HIF_OBJ)/Vsl_hif__ALL.a
	$(Q)$(CXX) -fsanitize=address,undefined -w -I$(VERILATOR_ROOT)/include -I$(VERILATOR_ROOT)/include/vltstd -o $@ \
		$(filter %.o,$^) $(VERILATOR_ROOT)/include/verilated.cpp $(VERILATOR_ROOT)/include/verilated_threads.cpp \
		$(HIF_OBJ)/Vsl_hif__ALL.a -lcmocka -lpthread

# What it carries in a clock: prints, and asserts floors.
HIF_RATE := $(B)/tests/rtl/hif_rate
UNIT_TESTS += $(HIF_RATE)
$(HIF_RATE): tests/rtl/hif_rate.cpp sim/nic_rtl/board.h $(HIF_OBJ)/Vsl_hif__ALL.a
	$(Q)$(CXX) -std=c++17 -O2 -g -w -I$(HIF_OBJ) -I$(B)/include -Iinclude -I. -I$(VERILATOR_ROOT)/include \
		-isystem $(VERILATOR_ROOT)/include/vltstd -o $@ $< $(VERILATOR_ROOT)/include/verilated.cpp \
		$(VERILATOR_ROOT)/include/verilated_threads.cpp $(HIF_OBJ)/Vsl_hif__ALL.a -lpthread

# What it promises in time.
HIF_BOUNDS := $(B)/tests/rtl/hif_bounds
UNIT_TESTS += $(HIF_BOUNDS)
$(HIF_BOUNDS): tests/rtl/hif_bounds.cpp tests/rtl/driven_card.h sim/nic_rtl/board.h $(HIF_OBJ)/Vsl_hif__ALL.a
	$(Q)$(CXX) -std=c++17 -O2 -g -w -I$(HIF_OBJ) -I$(B)/include -Iinclude -I. -I$(VERILATOR_ROOT)/include \
		-isystem $(VERILATOR_ROOT)/include/vltstd -o $@ $< $(VERILATOR_ROOT)/include/verilated.cpp \
		$(VERILATOR_ROOT)/include/verilated_threads.cpp $(HIF_OBJ)/Vsl_hif__ALL.a -lpthread

# The whole card under a hostile host.
NIC_STRESS := $(B)/tests/rtl/nic_stress
UNIT_TESTS += $(NIC_STRESS)
$(NIC_STRESS): tests/rtl/nic_stress.c tests/rtl/rtl_card.h $(B)/contract.stamp | $(NIC_LIB_SMALL)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_TEST) -DNIC_LIBRARY='"$(NIC_LIB_SMALL)"' $< -o $@ -lcmocka -ldl

# What it owes to others when it is reset.
NIC_RESET := $(B)/tests/rtl/nic_reset
UNIT_TESTS += $(NIC_RESET)
$(NIC_RESET): tests/rtl/nic_reset.cpp tests/rtl/driven_card.h sim/nic_rtl/board.h $(B)/rtl/nic_small/Vsl_nic__ALL.a
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) -std=c++17 -O2 -g -w -I$(B)/rtl/nic_small -I$(B)/include -Iinclude -I. -I$(VERILATOR_ROOT)/include \
		-isystem $(VERILATOR_ROOT)/include/vltstd -o $@ $< $(VERILATOR_ROOT)/include/verilated.cpp \
		$(VERILATOR_ROOT)/include/verilated_threads.cpp $(B)/rtl/nic_small/Vsl_nic__ALL.a -lpthread
