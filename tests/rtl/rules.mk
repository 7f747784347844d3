# SPDX-License-Identifier: BSD-3-Clause
# The RTL library by itself: a smoke test, the flow table under replacement against the model, and the benchmarks of clocks
# (`make bench-rtl`, JSON in build/bench/rtl.json; `make bench-card`, JSON in build/bench/card.json).
RTL_TEST_BIN := $(B)/tests/rtl/engine_rtl_test
RTL_CHURN_BIN := $(B)/tests/rtl/churn_test
RTL_AGE_BIN := $(B)/tests/rtl/age_test
UNIT_TESTS += $(RTL_TEST_BIN) $(RTL_CHURN_BIN) $(RTL_AGE_BIN)

$(RTL_TEST_BIN): tests/rtl/engine_rtl_test.c tests/rtl/rtl_card.h tests/rtl/collision.h $(B)/contract.stamp | $(RTL_LIB_ASSERT) $(RTL_LIB_SMALL) \
		$(RTL_LIB_TRACE)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_TEST) -DRTL_LIBRARY='"$(RTL_LIB_ASSERT)"' -DRTL_LIBRARY_SMALL='"$(RTL_LIB_SMALL)"' \
		-DRTL_LIBRARY_TRACE='"$(RTL_LIB_TRACE)"' $< -o $@ \
		-lcmocka -ldl

RTL_CHURN_SRC := tests/rtl/churn.c sim/engine_model.c $(MODEL_SRC)
$(RTL_CHURN_BIN): tests/rtl/churn_test.c tests/rtl/churn.h tests/rtl/rtl_card.h $(RTL_CHURN_SRC) $(B)/contract.stamp \
		| $(RTL_LIB_ASSERT) $(RTL_LIB_SMALL)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_TEST) -DRTL_LIBRARY='"$(RTL_LIB_ASSERT)"' -DRTL_LIBRARY_SMALL='"$(RTL_LIB_SMALL)"' $< $(RTL_CHURN_SRC) \
		-o $@ -lcmocka -ldl

# With records in HBM: the same smoke test and replacement, and what only they have.
HBM_TEST_BIN := $(B)/tests/rtl/hbm_test
HBM_RTL_BIN := $(B)/tests/rtl/engine_hbm_test
HBM_CHURN_BIN := $(B)/tests/rtl/churn_hbm_test
UNIT_TESTS += $(HBM_TEST_BIN) $(HBM_RTL_BIN) $(HBM_CHURN_BIN)
HBM_LIBRARIES := -DRTL_LIBRARY='"$(RTL_LIB_HBM_ASSERT)"' -DRTL_LIBRARY_SMALL='"$(RTL_LIB_HBM_SMALL)"'

$(HBM_TEST_BIN): tests/rtl/hbm_test.c tests/rtl/numbered.h tests/rtl/rtl_card.h $(B)/contract.stamp | $(RTL_LIB_HBM_SMALL)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_TEST) $(HBM_LIBRARIES) $< -o $@ -lcmocka -ldl

$(HBM_RTL_BIN): tests/rtl/engine_rtl_test.c tests/rtl/rtl_card.h tests/rtl/collision.h $(B)/contract.stamp \
		| $(RTL_LIB_HBM_ASSERT) $(RTL_LIB_HBM_SMALL)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_TEST) $(HBM_LIBRARIES) $< -o $@ -lcmocka -ldl

$(HBM_CHURN_BIN): tests/rtl/churn_test.c tests/rtl/churn.h tests/rtl/rtl_card.h $(RTL_CHURN_SRC) $(B)/contract.stamp \
		| $(RTL_LIB_HBM_ASSERT) $(RTL_LIB_HBM_SMALL)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_TEST) $(HBM_LIBRARIES) $< $(RTL_CHURN_SRC) -o $@ -lcmocka -ldl

$(RTL_AGE_BIN): tests/rtl/age_test.c tests/rtl/rtl_card.h sim/engine_model.c $(MODEL_SRC) $(B)/contract.stamp | $(RTL_LIB_SMALL)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_TEST) -DRTL_LIBRARY_SMALL='"$(RTL_LIB_SMALL)"' $< sim/engine_model.c $(MODEL_SRC) -o $@ -lcmocka -ldl

$(B)/tests/rtl/bench: tests/rtl/bench.c tests/rtl/rtl_card.h tests/rtl/rate.h $(B)/contract.stamp
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_BASE) $< -o $@ -ldl

bench-rtl: $(B)/tests/rtl/bench $(RTL_LIB) ## clocks per packet, latency and inserts of the RTL
	$(Q)mkdir -p $(B)/bench
	$(Q)timeout 300 $< $(RTL_LIB) $(B)/bench/rtl.json
.PHONY: bench-rtl

# Where the flow counters' 32 and 64 bits end. The test writes their memories.
COUNT_OBJ := $(B)/rtl/count
COUNT_TEST := $(B)/tests/rtl/flow_count_test
UNIT_TESTS += $(COUNT_TEST)
$(COUNT_OBJ)/Vsl_flow_count.mk: hw/rtl/sl_flow_count.sv hw/lint/waivers.vlt
	$(Q)mkdir -p $(@D)
	$(Q)$(VERILATOR) --cc --top-module sl_flow_count -GLOG2=4 -O3 --x-assign fast --x-initial fast -Wall --assert --public-flat-rw \
		hw/lint/waivers.vlt --Mdir $(@D) $<

$(COUNT_TEST): tests/rtl/flow_count_test.cpp $(COUNT_OBJ)/Vsl_flow_count.mk $(B)/contract.stamp
	$(Q)$(MAKE) --no-print-directory -s -C $(COUNT_OBJ) -f Vsl_flow_count.mk CFG_CXXFLAGS_PCH_I= Vsl_flow_count__ALL.a >/dev/null
	$(Q)$(CXX) -std=c++17 -O1 -g -w -I$(COUNT_OBJ) -I$(B)/include -Iinclude -I. -I$(VERILATOR_ROOT)/include \
		-isystem $(VERILATOR_ROOT)/include/vltstd -o $@ $< $(VERILATOR_ROOT)/include/verilated.cpp \
		$(VERILATOR_ROOT)/include/verilated_threads.cpp $(COUNT_OBJ)/Vsl_flow_count__ALL.a -lpthread

# The management core's block by itself. The test writes its counters.
MGMT_OBJ := $(B)/rtl/mgmt
MGMT_TEST := $(B)/tests/rtl/mgmt_test
UNIT_TESTS += $(MGMT_TEST)
$(MGMT_OBJ)/Vsl_mgmt.mk: hw/rtl/sl_mgmt.sv hw/lint/waivers.vlt $(B)/contract.stamp
	$(Q)mkdir -p $(@D)
	$(Q)$(VERILATOR) --cc --top-module sl_mgmt -O3 --x-assign fast --x-initial fast -Wall --assert --public-flat-rw \
		hw/lint/waivers.vlt --Mdir $(@D) $(CONTRACT_SV) $<

$(MGMT_TEST): tests/rtl/mgmt_test.cpp tests/rtl/rows.h $(MGMT_OBJ)/Vsl_mgmt.mk
	$(Q)mkdir -p $(@D)
	$(Q)$(MAKE) --no-print-directory -s -C $(MGMT_OBJ) -f Vsl_mgmt.mk CFG_CXXFLAGS_PCH_I= Vsl_mgmt__ALL.a >/dev/null
	$(Q)$(CXX) -std=c++17 -O1 -g -w -I$(MGMT_OBJ) -I$(B)/include -Iinclude -I. -I$(VERILATOR_ROOT)/include \
		-isystem $(VERILATOR_ROOT)/include/vltstd -o $@ $< $(VERILATOR_ROOT)/include/verilated.cpp \
		$(VERILATOR_ROOT)/include/verilated_threads.cpp $(MGMT_OBJ)/Vsl_mgmt__ALL.a -lpthread

include tests/rtl/hif.mk
include tests/rtl/shell.mk
