# SPDX-License-Identifier: BSD-3-Clause
# The Verilated datapath alone (sl_core) as shared libraries with one C symbol, sl_engine_rtl, for co-simulation, vectors
# and benchmarks; what the simulated card runs is made in sim/nic_rtl:
#   libsl_rtl.so         fast, for the benchmarks of clocks
#   libsl_rtl_assert.so  with the RTL's assertions, for co-simulation
#   libsl_rtl_small.so   the same with a table of 256 slots, to fill it
#   libsl_rtl_trace.so   with FST tracing
#   libsl_rtl_hbm.so, libsl_rtl_hbm_assert.so, libsl_rtl_hbm_small.so
#                        as fast, assert and small, with records in HBM (hbm.h is the memory)
#   libsl_rtl_cover.so, libsl_rtl_hbm_cover.so
#                        the small ones with line coverage, for `make coverage` alone
RTL_FLAVOURS := fast assert small trace hbm hbm_assert hbm_small
RTL_LIB := $(B)/lib/libsl_rtl.so
RTL_LIB_ASSERT := $(B)/lib/libsl_rtl_assert.so
RTL_LIB_SMALL := $(B)/lib/libsl_rtl_small.so
RTL_LIB_TRACE := $(B)/lib/libsl_rtl_trace.so
RTL_LIB_HBM := $(B)/lib/libsl_rtl_hbm.so
RTL_LIB_HBM_ASSERT := $(B)/lib/libsl_rtl_hbm_assert.so
RTL_LIB_HBM_SMALL := $(B)/lib/libsl_rtl_hbm_small.so
RTL_LIB_COVER := $(B)/lib/libsl_rtl_cover.so
RTL_LIB_HBM_COVER := $(B)/lib/libsl_rtl_hbm_cover.so
ALL += $(RTL_LIB) $(RTL_LIB_ASSERT) $(RTL_LIB_SMALL) $(RTL_LIB_TRACE) $(RTL_LIB_HBM_ASSERT) $(RTL_LIB_HBM_SMALL)

RTL_SMALL_LOG2 := 8
VERILATOR_FLAGS := --cc --top-module sl_core -O3 --x-assign fast --x-initial fast -Wall -Wno-UNUSEDPARAM \
	--output-split 20000 hw/lint/waivers.vlt
RTL_VFLAGS_fast := --noassert
RTL_VFLAGS_assert := --assert
RTL_VFLAGS_small := --assert -GTABLE_LOG2=$(RTL_SMALL_LOG2)
RTL_VFLAGS_cover := $(RTL_VFLAGS_small) --coverage-line
RTL_CXXFLAGS_cover := -DSL_RTL_COVER
RTL_VFLAGS_hbm := $(RTL_VFLAGS_fast) -GRECORDS_HBM=1
RTL_VFLAGS_hbm_assert := $(RTL_VFLAGS_assert) -GRECORDS_HBM=1
RTL_VFLAGS_hbm_small := $(RTL_VFLAGS_small) -GRECORDS_HBM=1
RTL_VFLAGS_hbm_cover := $(RTL_VFLAGS_cover) -GRECORDS_HBM=1
RTL_CXXFLAGS_hbm := -DSL_RTL_HBM
RTL_CXXFLAGS_hbm_assert := -DSL_RTL_HBM
RTL_CXXFLAGS_hbm_small := -DSL_RTL_HBM
RTL_CXXFLAGS_hbm_cover := -DSL_RTL_HBM $(RTL_CXXFLAGS_cover)
RTL_VFLAGS_trace := --noassert --trace-fst
RTL_CXXFLAGS_trace := -DSL_RTL_TRACE
RTL_LIBS_trace := -lz
VERILATOR_ROOT := $(shell $(VERILATOR) --getenv VERILATOR_ROOT 2>/dev/null)
RTL_CXXFLAGS := -std=c++17 -O2 -fPIC -fvisibility=hidden -DNDEBUG -w -I$(VERILATOR_ROOT)/include \
	-isystem $(VERILATOR_ROOT)/include/vltstd

# (What runs for less than a minute is not worth its optimisation.)
RTL_OPT_hbm_cover := -O1
# $(1): flavour, $(2): library
define RTL_FLAVOUR_RULES
$(B)/rtl/$(1)/Vsl_core.mk: $(RTL_SRC) $(RTL_LIST) hw/lint/waivers.vlt $(B)/contract.stamp
	$$(Q)mkdir -p $$(@D)
	$$(Q)$(VERILATOR) $(VERILATOR_FLAGS) $(RTL_VFLAGS_$(1)) --Mdir $$(@D) -f $(RTL_LIST)

$(B)/rtl/$(1)/Vsl_core__ALL.a: $(B)/rtl/$(1)/Vsl_core.mk
	$$(Q)$$(MAKE) --no-print-directory -s -C $$(@D) -f Vsl_core.mk CFG_CXXFLAGS_PCH_I= \
		OPT_FAST="$$(or $$(RTL_OPT_$(1)),-O3 -march=native) -fPIC -fvisibility=hidden" OPT_SLOW="-O1 -fPIC -fvisibility=hidden" \
		OPT_GLOBAL="-O2 -fPIC -fvisibility=hidden" Vsl_core__ALL.a >/dev/null

$(2): sim/engine_rtl/engine_rtl.cpp sim/engine_rtl/waveform.h sim/engine_rtl/coverage.h sim/engine_rtl/hbm.h \
		sim/engine_rtl/exports.map sim/engine.h $(B)/rtl/$(1)/Vsl_core__ALL.a
	$$(Q)mkdir -p $$(@D)
	$$(Q)$(CXX) $(RTL_CXXFLAGS) $(RTL_CXXFLAGS_$(1)) -I$(B)/rtl/$(1) -I$(B)/include -Iinclude -I. -shared \
		-static-libstdc++ -static-libgcc -Wl,-z,defs -Wl,--version-script=sim/engine_rtl/exports.map -o $$@.new $$< \
		$(VERILATOR_ROOT)/include/verilated.cpp $(VERILATOR_ROOT)/include/verilated_threads.cpp \
		$$(if $$(filter %cover,$(1)),$(VERILATOR_ROOT)/include/verilated_cov.cpp) \
		$$(if $$(filter trace,$(1)),$(VERILATOR_ROOT)/include/verilated_fst_c.cpp) \
		$(B)/rtl/$(1)/Vsl_core__ALL.a $(RTL_LIBS_$(1)) -lpthread -lm && mv -f $$@.new $$@
endef
$(eval $(call RTL_FLAVOUR_RULES,fast,$(RTL_LIB)))
$(eval $(call RTL_FLAVOUR_RULES,assert,$(RTL_LIB_ASSERT)))
$(eval $(call RTL_FLAVOUR_RULES,small,$(RTL_LIB_SMALL)))
$(eval $(call RTL_FLAVOUR_RULES,trace,$(RTL_LIB_TRACE)))
$(eval $(call RTL_FLAVOUR_RULES,hbm,$(RTL_LIB_HBM)))
$(eval $(call RTL_FLAVOUR_RULES,hbm_assert,$(RTL_LIB_HBM_ASSERT)))
$(eval $(call RTL_FLAVOUR_RULES,hbm_small,$(RTL_LIB_HBM_SMALL)))
$(eval $(call RTL_FLAVOUR_RULES,cover,$(RTL_LIB_COVER)))
$(eval $(call RTL_FLAVOUR_RULES,hbm_cover,$(RTL_LIB_HBM_COVER)))
