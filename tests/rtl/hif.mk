# SPDX-License-Identifier: BSD-3-Clause
# The host interface in RTL: under the tests of the simulator's own DMA (tests/sim/test_dma.c), with its assertions; what
# it carries in a clock (hif_rate prints, and asserts floors) and promises in time (hif_bounds); the whole card under a
# hostile host (nic_stress), stopped and reset under load (nic_flows), what it owes to others when it is reset (nic_reset),
# and beside a port that pauses (nic_pause). All of them are built once more with line coverage, for `make coverage` alone
# (tests/coverage), and nic_stress and nic_flows with records in HBM, for `make test-hbm` (tests/cosim).
HIF_OBJ := $(B)/rtl/hif
HIF_OBJ_COVER := $(B)/rtl/hif_cover
HIF_NAMES := test_hif hif_rate hif_bounds nic_stress nic_flows nic_reset nic_pause
HIF_TESTS := $(HIF_NAMES:%=$(B)/tests/rtl/%)
HIF_TESTS_COVER := $(HIF_NAMES:%=$(B)/coverage/%)
NIC_STRESS := $(B)/tests/rtl/nic_stress
NIC_HBM_TESTS := $(addprefix $(B)/tests/rtl/hbm/,nic_stress nic_flows)
UNIT_TESTS += $(HIF_TESTS)

HIF_CXX := $(CXX) -std=c++17 -g -w -I$(B)/include -Iinclude -I. -I$(VERILATOR_ROOT)/include \
	-isystem $(VERILATOR_ROOT)/include/vltstd
HIF_DEPS := tests/rtl/rows.h tests/rtl/driven_card.h sim/nic_rtl/board.h sim/engine_rtl/coverage.h

$(B)/tests/rtl/test_dma.o: tests/sim/test_dma.c $(B)/contract.stamp
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_TEST) -DDMA_IS_RTL -c $< -o $@

# $(1): folder of the programs; of Verilated models: $(2) of the host interface, $(3) of the card; $(4): flags of
# Verilator, $(5): of the compiler, with what is linked beside the model
define HIF_RULES
$(2)/Vsl_hif.mk: $(NIC_SRC) $(NIC_LIST) $(RTL_LIST) hw/lint/waivers.vlt $(B)/contract.stamp
	$$(Q)mkdir -p $$(@D)
	$$(Q)$(VERILATOR) --cc --top-module sl_hif -O3 --x-assign fast --x-initial fast -Wall -Wno-UNUSEDPARAM --assert $(4) \
		--output-split 20000 hw/lint/waivers.vlt --Mdir $$(@D) -f $(NIC_LIST)

$(2)/Vsl_hif__ALL.a: $(2)/Vsl_hif.mk
	$$(Q)$$(MAKE) --no-print-directory -s -C $$(@D) -f Vsl_hif.mk CFG_CXXFLAGS_PCH_I= OPT_FAST="-O1 -fPIC" \
		OPT_SLOW="-O0 -fPIC" OPT_GLOBAL="-O1 -fPIC" Vsl_hif__ALL.a >/dev/null

$(1)/hif_dma.o: tests/rtl/hif_dma.cpp $(HIF_DEPS) sim/dma.h sim/queue.h $(2)/Vsl_hif.mk
	$$(Q)mkdir -p $$(@D)
	$$(Q)$(HIF_CXX) -O1 -I$(2) $(filter -D%,$(5)) -c $$< -o $$@

$(1)/test_hif: $(B)/tests/rtl/test_dma.o $(1)/hif_dma.o $(B)/tests/sim/host.o $(B)/tests/sim/card/sim/iova.o \
		$(2)/Vsl_hif__ALL.a
	$$(Q)$(HIF_CXX) -fsanitize=address,undefined -o $$@ $$(filter %.o,$$^) $(VERILATOR_ROOT)/include/verilated.cpp \
		$(VERILATOR_ROOT)/include/verilated_threads.cpp $(5) $(2)/Vsl_hif__ALL.a -lcmocka -lpthread

$(1)/hif_rate $(1)/hif_bounds: $(1)/%: tests/rtl/%.cpp $(HIF_DEPS) $(2)/Vsl_hif__ALL.a
	$$(Q)mkdir -p $$(@D)
	$$(Q)$(HIF_CXX) -O2 -I$(2) -o $$@ $$< $(VERILATOR_ROOT)/include/verilated.cpp \
		$(VERILATOR_ROOT)/include/verilated_threads.cpp $(5) $(2)/Vsl_hif__ALL.a -lpthread

$(1)/nic_reset $(1)/nic_pause: $(1)/%: tests/rtl/%.cpp $(HIF_DEPS) $(3)/Vsl_nic__ALL.a
	$$(Q)mkdir -p $$(@D)
	$$(Q)$(HIF_CXX) -O2 -I$(3) -o $$@ $$< $(VERILATOR_ROOT)/include/verilated.cpp \
		$(VERILATOR_ROOT)/include/verilated_threads.cpp $(5) $(3)/Vsl_nic__ALL.a -lpthread
endef
$(eval $(call HIF_RULES,$(B)/tests/rtl,$(HIF_OBJ),$(B)/rtl/nic_small))
$(eval $(call HIF_RULES,$(B)/coverage,$(HIF_OBJ_COVER),$(B)/rtl/nic_cover,--coverage-line,-DSL_RTL_COVER \
	$(VERILATOR_ROOT)/include/verilated_cov.cpp))

# $(1): folder of the programs, $(2): the card's library
define NIC_HOST_RULES
$(1)/nic_stress $(1)/nic_flows: $(1)/%: tests/rtl/%.c $(addprefix tests/rtl/,nic_host.h numbered.h rtl_card.h) \
		$(B)/contract.stamp | $(2)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$(CC) $(CFLAGS_TEST) -DNIC_LIBRARY='"$(2)"' $$< -o $$@ -lcmocka -ldl
endef
$(eval $(call NIC_HOST_RULES,$(B)/tests/rtl,$(NIC_LIB_SMALL)))
$(eval $(call NIC_HOST_RULES,$(B)/tests/rtl/hbm,$(NIC_LIB_HBM)))
$(eval $(call NIC_HOST_RULES,$(B)/coverage,$(NIC_LIB_COVER)))
test-hbm: $(NIC_HBM_TESTS)
