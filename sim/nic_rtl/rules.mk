# SPDX-License-Identifier: BSD-3-Clause
# The whole card in RTL (hw/rtl/sl_nic.sv) as shared libraries with the same C symbol as the datapath alone: its engine
# brings its own DMA (sim/engine.h, nic).
#   libsl_nic.so         fast, with the RTL's assertions, for the simulated card
#   libsl_nic_trace.so   with FST tracing
#   libsl_nic_hbm.so     with records in HBM (sim/engine_rtl/hbm.h is the memory) and the RTL's assertions, for the
#                        simulated card and for tests
#   libsl_nic_small.so   with the RTL's assertions and a table of 256 slots, for tests alone
#   libsl_nic_cover.so   the same with line coverage, for `make coverage` alone
NIC_LIB := $(B)/lib/libsl_nic.so
NIC_LIB_TRACE := $(B)/lib/libsl_nic_trace.so
NIC_LIB_HBM := $(B)/lib/libsl_nic_hbm.so
NIC_LIB_SMALL := $(B)/lib/libsl_nic_small.so
NIC_LIB_COVER := $(B)/lib/libsl_nic_cover.so
ALL += $(NIC_LIB) $(NIC_LIB_TRACE) $(NIC_LIB_HBM)

NIC_VERILATOR_FLAGS := --cc --top-module sl_nic -O3 --x-assign fast --x-initial fast -Wall -Wno-UNUSEDPARAM \
	--output-split 20000 hw/lint/waivers.vlt
NIC_DEPS := $(addprefix sim/engine_rtl/,coverage.h waveform.h hbm.h exports.map) sim/nic_rtl/board.h sim/nic_rtl/wires.h sim/engine.h

# (The card that is also a test's is built in minutes, not run for hours.)
NIC_OPT_hbm_assert := -O1
NIC_VFLAGS_fast := --assert
# $(1): flavour as in sim/engine_rtl/rules.mk, $(2): library
define NIC_FLAVOUR_RULES
$(B)/rtl/nic_$(1)/Vsl_nic.mk: $(NIC_SRC) $(NIC_LIST) $(RTL_LIST) hw/lint/waivers.vlt $(B)/contract.stamp
	$$(Q)mkdir -p $$(@D)
	$$(Q)$(VERILATOR) $(NIC_VERILATOR_FLAGS) $$(or $$(NIC_VFLAGS_$(1)),$$(RTL_VFLAGS_$(1))) --Mdir $$(@D) -f $(NIC_LIST)

$(B)/rtl/nic_$(1)/Vsl_nic__ALL.a: $(B)/rtl/nic_$(1)/Vsl_nic.mk
	$$(Q)$$(MAKE) --no-print-directory -s -C $$(@D) -f Vsl_nic.mk CFG_CXXFLAGS_PCH_I= \
		OPT_FAST="$$(or $$(NIC_OPT_$(1)),-O3 -march=native) -fPIC -fvisibility=hidden" OPT_SLOW="-O0 -fPIC -fvisibility=hidden" \
		OPT_GLOBAL="-O2 -fPIC -fvisibility=hidden" Vsl_nic__ALL.a >/dev/null

$(2): sim/nic_rtl/engine_nic.cpp $(NIC_DEPS) $(B)/rtl/nic_$(1)/Vsl_nic__ALL.a
	$$(Q)mkdir -p $$(@D)
	$$(Q)$(CXX) $(RTL_CXXFLAGS) $(RTL_CXXFLAGS_$(1)) -I$(B)/rtl/nic_$(1) -I$(B)/include -Iinclude -I. -shared \
		-static-libstdc++ -static-libgcc -Wl,-z,defs -Wl,--version-script=sim/engine_rtl/exports.map -o $$@.new $$< \
		$(VERILATOR_ROOT)/include/verilated.cpp $(VERILATOR_ROOT)/include/verilated_threads.cpp \
		$$(if $$(filter cover,$(1)),$(VERILATOR_ROOT)/include/verilated_cov.cpp) \
		$$(if $$(filter trace,$(1)),$(VERILATOR_ROOT)/include/verilated_fst_c.cpp) \
		$(B)/rtl/nic_$(1)/Vsl_nic__ALL.a $(RTL_LIBS_$(1)) -lpthread -lm && mv -f $$@.new $$@
endef
$(eval $(call NIC_FLAVOUR_RULES,fast,$(NIC_LIB)))
$(eval $(call NIC_FLAVOUR_RULES,trace,$(NIC_LIB_TRACE)))
$(eval $(call NIC_FLAVOUR_RULES,hbm_assert,$(NIC_LIB_HBM)))
$(eval $(call NIC_FLAVOUR_RULES,small,$(NIC_LIB_SMALL)))
$(eval $(call NIC_FLAVOUR_RULES,cover,$(NIC_LIB_COVER)))
