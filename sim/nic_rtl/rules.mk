# SPDX-License-Identifier: BSD-3-Clause
# The whole card in RTL (hw/rtl/sl_nic.sv) as a shared library with the same C symbol as the datapath alone: its engine
# brings its own DMA (sim/engine.h, nic).
NIC_LIB := $(B)/lib/libsl_nic.so
ALL += $(NIC_LIB)
NIC_OBJ := $(B)/rtl/nic

$(NIC_OBJ)/Vsl_nic.mk: $(NIC_SRC) $(NIC_LIST) $(RTL_LIST) hw/lint/waivers.vlt $(B)/contract.stamp
	$(Q)mkdir -p $(@D)
	$(Q)$(VERILATOR) --cc --top-module sl_nic -O3 --x-assign fast --x-initial fast -Wall -Wno-UNUSEDPARAM --noassert \
		--output-split 20000 hw/lint/waivers.vlt --Mdir $(@D) -f $(NIC_LIST)

$(NIC_OBJ)/Vsl_nic__ALL.a: $(NIC_OBJ)/Vsl_nic.mk
	$(Q)$(MAKE) --no-print-directory -s -C $(@D) -f Vsl_nic.mk CFG_CXXFLAGS_PCH_I= \
		OPT_FAST="-O2 -march=native -fPIC -fvisibility=hidden" OPT_SLOW="-O0 -fPIC -fvisibility=hidden" \
		OPT_GLOBAL="-O1 -fPIC -fvisibility=hidden" Vsl_nic__ALL.a >/dev/null

$(NIC_LIB): sim/nic_rtl/engine_nic.cpp sim/nic_rtl/board.h sim/nic_rtl/wires.h sim/engine_rtl/exports.map sim/engine.h \
		$(NIC_OBJ)/Vsl_nic__ALL.a
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) $(RTL_CXXFLAGS) -I$(NIC_OBJ) -I$(B)/include -Iinclude -I. -shared -static-libstdc++ -static-libgcc \
		-Wl,-z,defs -Wl,--version-script=sim/engine_rtl/exports.map -o $@.new $< \
		$(VERILATOR_ROOT)/include/verilated.cpp $(VERILATOR_ROOT)/include/verilated_threads.cpp \
		$(NIC_OBJ)/Vsl_nic__ALL.a -lpthread -lm && mv -f $@.new $@
