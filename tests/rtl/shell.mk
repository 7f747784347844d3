# SPDX-License-Identifier: BSD-3-Clause
# The wrapper for Corundum's shell (hw/shell): its adapters, each verilated by itself with its assertions, in one program.
SHELL_OBJ := $(B)/rtl/shell
SHELL_TEST := $(B)/tests/rtl/shell_corundum
SHELL_MODELS := sl_corundum_dma sl_corundum_bar sl_corundum_port
SHELL_ADAPTERS := hw/rtl/sl_fifo.sv hw/rtl/sl_skid.sv hw/shell/sl_frame_cdc.sv
UNIT_TESTS += $(SHELL_TEST)

$(SHELL_MODELS:%=$(SHELL_OBJ)/%/model.a): $(SHELL_OBJ)/%/model.a: hw/shell/%.sv $(SHELL_ADAPTERS) hw/lint/waivers.vlt
	$(Q)mkdir -p $(@D)
	$(Q)$(VERILATOR) --cc --top-module $* -O3 --x-assign fast --x-initial fast -Wall --assert hw/lint/waivers.vlt \
		--Mdir $(@D) $(SHELL_ADAPTERS) $<
	$(Q)$(MAKE) --no-print-directory -s -C $(@D) -f V$*.mk CFG_CXXFLAGS_PCH_I= OPT_FAST=-O1 V$*__ALL.a >/dev/null
	$(Q)cp $(@D)/V$*__ALL.a $@

$(SHELL_TEST): tests/rtl/shell_corundum.cpp tests/rtl/rows.h $(SHELL_MODELS:%=$(SHELL_OBJ)/%/model.a)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) -std=c++17 -O1 -g -w -I. $(SHELL_MODELS:%=-I$(SHELL_OBJ)/%) -I$(VERILATOR_ROOT)/include \
		-isystem $(VERILATOR_ROOT)/include/vltstd -o $@ $< $(VERILATOR_ROOT)/include/verilated.cpp \
		$(VERILATOR_ROOT)/include/verilated_threads.cpp $(SHELL_MODELS:%=$(SHELL_OBJ)/%/model.a) -lpthread
